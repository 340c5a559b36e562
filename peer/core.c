#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/text.h"
#include "peer/internal.h"

#define SEND_BUFFER_DEFAULT ((size_t)16 << 20)
#define MTU_MIN 576u	      /* RFC 791: what every IPv4 host takes */
#define MTU_MAX 1472u	      /* Ethernet less IPv4 and UDP headers */
#define DEMUX_UFRAG_LENGTH 8u /* characters, 48 bits: of a million connections no two have the same */
#define MESSAGE_MAX_MIN 1200u
#define MESSAGE_MAX_MAX (UINT32_C(1) << 30)

void parley_core_config_default(parley_core_config *config)
{
	*config = (parley_core_config){
		.max_message_size = PARLEY_MESSAGE_MAX_DEFAULT,
		.send_buffer_size = SEND_BUFFER_DEFAULT,
		.mtu = DTLS_MTU_DEFAULT,
		.mtu_max = PARLEY_MTU_MAX,
	};
}

void parley_free(void *p)
{
	free(p);
}

int core_fail(parley_core *core, int err, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(core->last_error, sizeof core->last_error, format, args);
	va_end(args);
	return err;
}

void core_enter(parley_core *core, uint64_t now)
{
	core->now = now;
	core->trace.now = now;
	core->last_error[0] = '\0';
}

const char *parley_core_last_error(const parley_core *core)
{
	return core->last_error;
}

static bool mtu_is_valid(const parley_core_config *c)
{
	return c->mtu >= MTU_MIN && c->mtu <= MTU_MAX && (!c->mtu_max || c->mtu_max >= c->mtu) &&
	       c->mtu_max <= PARLEY_MTU_MAX;
}

static bool config_is_valid(const parley_core_config *c)
{
	return c->random.fill && mtu_is_valid(c) && (!c->max_message_size || c->max_message_size >= MESSAGE_MAX_MIN) &&
	       c->max_message_size <= MESSAGE_MAX_MAX && c->send_buffer_size >= c->mtu &&
	       c->ice_server_count <= PARLEY_ICE_SERVERS_MAX && c->log_level <= PARLEY_LOG_DEBUG &&
	       c->congestion <= PARLEY_CONGESTION_BBR && c->nomination <= PARLEY_NOMINATION_RENOMINATION &&
	       c->ice_transport_policy <= PARLEY_ICE_TRANSPORT_RELAY;
}

/* RFC 8445 10: "ice2" promises not to nominate aggressively. */
static const char *ice_options_of(const parley_core_config *config)
{
	switch (config->nomination) {
	case PARLEY_NOMINATION_AGGRESSIVE:
		return "trickle";
	case PARLEY_NOMINATION_RENOMINATION:
		return "trickle ice2 renomination";
	default:
		return "trickle ice2";
	}
}

static int create_layers(parley_core *core, const parley_core_config *config)
{
	int err = trace_init(&core->trace, (trace_level)config->log_level);
	if (err)
		return err;
	core->reserve = calloc(1, sizeof *core->reserve);
	if (!core->reserve)
		return PARLEY_ENOMEM;
	uint64_t id;
	err = rng_u64(&core->random, &id);
	if (err)
		return err;
	core->session_id = id >> 2; /* RFC 8829 5.2.1: 62 bits of it may be random */
	err = rng_ice_chars(&core->random, core->cname, CNAME_SIZE - 1);
	if (err)
		return err;
	err = dtls_certificate_generate(&core->random, config->unix_time_s, &core->certificate);
	if (err)
		return err;
	ice_config ice;
	ice_config_default(&ice);
	ice.random = core->random;
	ice.trace = &core->trace;
	ice.allow_loopback = config->allow_loopback;
	ice.nomination = (ice_nomination)config->nomination;
	ice.lite = config->ice_lite;
	ice.hide_addresses = config->mdns_candidates;
	ice.tcp = config->ice_tcp;
	ice.relay_only = core->relay_only;
	if (config->demux) {
		ice.ufrag_length = DEMUX_UFRAG_LENGTH;
		ice.shared_sockets = true;
	}
	core->ice_pacing_us = ice.ta_us;
	err = ice_create(&ice, &core->ice);
	if (!err && config->demux)
		err = demux_join(core, config->demux, config->demux_owner);
	return err ? err : dc_layer_create(&core->trace, &core->channels);
}

int parley_core_new(const parley_core_config *config, uint64_t now, parley_core **out)
{
	if (!config_is_valid(config))
		return PARLEY_EINVAL;
	parley_core *core = calloc(1, sizeof *core);
	if (!core)
		return PARLEY_ENOMEM;
	list_init(&core->events);
	core->random = config->random;
	core->max_message_size = config->max_message_size;
	core->send_buffer_size = config->send_buffer_size;
	core->mtu = config->mtu;
	core->mtu_max = config->mtu_max;
	core->congestion = config->congestion;
	core->key_log = config->key_log;
	core->decline_media = config->decline_media;
	core->snap = config->snap;
	core->ice_options = ice_options_of(config);
	core->ice_lite = config->ice_lite;
	core->relay_only = config->ice_transport_policy == PARLEY_ICE_TRANSPORT_RELAY;
	core->created_at = now;
	core->unix_time_s = config->unix_time_s;
	core->polled_label.limit = SIZE_MAX;
	const char *reason; /* parley_ice_server_check tells it to who asks */
	int err = transport_make_room(core, PEER_DATAGRAM_FIRST) ? 0 : PARLEY_ENOMEM;
	if (!err)
		err = server_list_make(&core->servers, config->ice_servers, config->ice_server_count, &reason);
	if (!err)
		err = create_layers(core, config);
	if (err) {
		parley_core_free(core);
		return err;
	}
	core_enter(core, now);
	if (config->ice_candidate_pool_size)
		sources_start(core);
	*out = core;
	return 0;
}

void parley_core_free(parley_core *core)
{
	if (!core)
		return;
	demux_leave(core);
	server_list_clear(&core->servers);
	server_list_clear(&core->former_servers);
	events_clear(core);
	free(core->polled);
	free(core->reserve);
	buf_clear(&core->polled_label);
	free(core->datagram);
	free(core->locals);
	jsep_clear(core);
	transceivers_clear(&core->transceivers);
	rtp_session_destroy(core->rtp);
	dc_layer_destroy(core->channels);
	sctp_destroy(core->sctp);
	sctp_destroy(core->early_sctp);
	free(core->early);
	dtls_destroy(core->dtls);
	ice_destroy(core->ice);
	dtls_certificate_free(core->certificate);
	trace_clear(&core->trace);
	free(core);
}

/* The last packets: what the association still wants to say, its ABORT included, then the close_notify. */
static void say_goodbye(parley_core *core)
{
	if (!core->dtls || !ice_selected(core->ice, &core->goodbye_local, &core->goodbye_remote))
		return;
	core->has_goodbye = true;
	if (core->rtp)
		rtp_session_close(core->rtp, core->now);
	if (core->sctp && dtls_get_state(core->dtls) == DTLS_CONNECTED) {
		/* RFC 8831 says nothing of closing all at once; browsers abort with this cause and text too. */
		sctp_abort(core->sctp, core->now, "Close called");
		uint8_t bytes[PEER_DATAGRAM_FIRST];
		packet p = {.data = bytes, .capacity = sizeof bytes};
		while (sctp_poll_transmit(core->sctp, core->now, &p))
			if (dtls_send(core->dtls, core->now, slice_of(p.data, p.len)))
				break;
	}
	dtls_close(core->dtls, core->now);
}

void parley_core_close(parley_core *core, uint64_t now)
{
	if (core->closed)
		return;
	core_enter(core, now);
	say_goodbye(core);
	dc_detach(core->channels, PARLEY_ECLOSED, "closed");
	ice_close(core->ice, core->now);
	demux_leave(core);
	events_clear(core);
	core->closed = true;
	core->signaling_state = PARLEY_SIGNALING_CLOSED;
	core->ice_state = PARLEY_ICE_CLOSED;
	core->connection_state = PARLEY_CONNECTION_CLOSED;
}

parley_signaling_state parley_core_signaling_state(const parley_core *core)
{
	return core->signaling_state;
}

parley_gathering_state parley_core_gathering_state(const parley_core *core)
{
	return core->gathering_state;
}

parley_ice_state parley_core_ice_state(const parley_core *core)
{
	return core->ice_state;
}

parley_connection_state parley_core_connection_state(const parley_core *core)
{
	return core->connection_state;
}

void parley_core_get_stats(const parley_core *core, parley_core_stats *out)
{
	*out = (parley_core_stats){
		.packets_sent = core->packets_sent,
		.packets_received = core->packets_received,
		.bytes_sent = core->bytes_sent,
		.bytes_received = core->bytes_received,
		.packets_dropped = core->packets_dropped,
		.messages_sent = core->messages_sent,
		.messages_received = core->messages_received,
	};
	out->has_selected_pair = ice_selected(core->ice, &out->local, &out->remote);
	if (core->sctp) {
		sctp_stats s;
		sctp_get_stats(core->sctp, &s);
		out->round_trip_time_us = s.srtt_us;
		out->sctp_retransmissions = s.data_retransmitted;
		out->data_mtu = s.mtu + DTLS_RECORD_OVERHEAD;
	}
}

void parley_core_check_invariants(const parley_core *core)
{
	ice_check_invariants(core->ice);
	if (core->dtls)
		dtls_check_invariants(core->dtls);
	dc_check_invariants(core->channels);
	if (core->sctp)
		sctp_check_invariants(core->sctp);
	if (core->rtp)
		rtp_session_check_invariants(core->rtp);
}
