/* parley/parley.h: a connection's life, and what it is told. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>

#include "base/addr.h"
#include "net/pc_internal.h"
#include "net/random.h"

/* Events and packets that one connection has before others on the loop have their turn. */
#define PC_STEPS_PER_TURN 512u
#define PC_EVENTS_AT_ONCE 64u /* told before what there is to send is sent */

void pc_log(parley_pc *pc, enum parley_log_level level, const char *format, ...)
{
	if (level > pc->log_level || !pc->callbacks.on_log || pc->closed)
		return;
	char line[NET_WHY_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	pc->callbacks.on_log(pc->me, pc, level, "net", line);
}

/* --- events --- */

#define CALL(name, ...)                                                \
	do {                                                           \
		if (pc->callbacks.name)                                \
			pc->callbacks.name(pc->me, pc, ##__VA_ARGS__); \
	} while (0)

static void pc_dispatch(parley_pc *pc, const parley_event *e)
{
	switch (e->type) {
	case PARLEY_EVENT_NEGOTIATION_NEEDED:
		CALL(on_negotiation_needed);
		break;
	case PARLEY_EVENT_SIGNALING_STATE:
		CALL(on_signaling_state, e->signaling_state);
		break;
	case PARLEY_EVENT_GATHERING_STATE:
		CALL(on_ice_gathering_state, e->gathering_state);
		break;
	case PARLEY_EVENT_ICE_STATE:
		CALL(on_ice_connection_state, e->ice_state);
		break;
	case PARLEY_EVENT_CONNECTION_STATE:
		CALL(on_connection_state, e->connection.state, e->connection.reason);
		break;
	case PARLEY_EVENT_ICE_CANDIDATE:
		CALL(on_ice_candidate, e->ice_candidate.candidate, e->ice_candidate.mid, e->ice_candidate.mline_index);
		break;
	case PARLEY_EVENT_RESOLVE:
		pc_resolve(pc, e);
		break;
	case PARLEY_EVENT_MDNS_NAME:
		pc_answer_for(pc, e);
		break;
	case PARLEY_EVENT_DATA_CHANNEL:
		CALL(on_data_channel, e->data_channel.channel, e->data_channel.label, e->data_channel.protocol);
		break;
	case PARLEY_EVENT_CHANNEL_STATE:
		CALL(on_channel_state, e->channel_state.channel, e->channel_state.state, e->channel_state.reason);
		break;
	case PARLEY_EVENT_MESSAGE:
		CALL(on_message, e->message.channel, e->message.binary, e->message.data, e->message.len);
		break;
	case PARLEY_EVENT_MESSAGE_PART:
		CALL(on_message_part, &e->message_part);
		break;
	case PARLEY_EVENT_BUFFERED_AMOUNT_LOW:
		CALL(on_buffered_amount_low, e->buffered_amount_low);
		break;
	case PARLEY_EVENT_SELECTED_PAIR:
		CALL(on_selected_pair, &e->selected_pair.local, e->selected_pair.local_type, &e->selected_pair.remote,
		     e->selected_pair.remote_type);
		break;
	case PARLEY_EVENT_TRANSCEIVER:
		CALL(on_transceiver, &e->transceiver);
		break;
	case PARLEY_EVENT_FRAME:
		CALL(on_frame, &e->frame);
		break;
	case PARLEY_EVENT_RTP:
		CALL(on_rtp, &e->rtp);
		break;
	case PARLEY_EVENT_KEY_FRAME_REQUEST:
		CALL(on_key_frame_request, e->key_frame_request);
		break;
	case PARLEY_EVENT_TARGET_BITRATE:
		CALL(on_target_bitrate, e->target_bitrate.bps);
		break;
	case PARLEY_EVENT_STREAM_OPEN:
		pc_open_stream(pc, e);
		break;
	case PARLEY_EVENT_STREAM_CLOSE:
		pc_close_stream(pc, e->stream_close);
		break;
	case PARLEY_EVENT_LOG:
		CALL(on_log, e->log.level, e->log.layer, e->log.text);
		break;
	case PARLEY_EVENT_KEY_LOG:
		CALL(on_key_log, e->key_log);
		break;
	}
}

/* --- the drain --- */

_Static_assert(NET_UDP_BATCH_ROOM >= PARLEY_DATAGRAM_ROOM, "a batch has room for what the core makes");

/* Sends what the core has, as far as the budget goes. */
static void pc_transmit(parley_pc *pc, unsigned *budget)
{
	uint64_t now = net_now();
	parley_packet p;
	net_udp_batch batch;
	net_udp_batch_begin(&batch);
	for (; *budget > 0; (*budget)--) {
		if (!parley_core_poll_transmit_into(pc->core, now, net_udp_batch_room(&batch).data, &p))
			break;
		if (p.stream)
			pc_send_on_stream(pc, &p);
		else
			pc_send_datagram(pc, &batch, &p);
	}
	net_udp_batch_flush(&batch);
}

/* Some, so that what they lead to can be sent together. */
static void pc_tell(parley_pc *pc, unsigned *budget)
{
	parley_event event;
	for (unsigned i = 0; i<PC_EVENTS_AT_ONCE && * budget> 0 && !pc->closed; i++) {
		if (!parley_core_poll_event(pc->core, &event))
			return;
		(*budget)--;
		pc_dispatch(pc, &event);
	}
}

static void pc_destroy(parley_pc *pc)
{
	parley_core_free(pc->core);
	net_timer_free(pc->timer);
	net_turn_free(pc->turn);
	net_tls_free(pc->tls);
	free(pc);
}

/* Tells and sends until there is neither: each may cause the other. Callbacks may close or free pc. */
void pc_drain(parley_pc *pc)
{
	pc->draining = true;
	unsigned budget = PC_STEPS_PER_TURN;
	bool idle = false;
	while (!pc->closed && !idle && budget > 0) {
		unsigned before = budget;
		pc_tell(pc, &budget);
		if (!pc->closed)
			pc_transmit(pc, &budget);
		idle = budget == before;
	}
	pc->draining = false;
	if (pc->freed) {
		pc_destroy(pc);
	} else if (!pc->closed) {
		if (!idle)
			net_turn_request(pc->turn);
		net_timer_set(pc->timer, parley_core_deadline(pc->core));
	}
}

static void turn_came(void *me)
{
	pc_drain(me);
}

static void deadline_passed(void *me)
{
	parley_pc *pc = me;
	parley_core_timeout(pc->core, net_now());
	pc_drain(pc);
}

int pc_called(parley_pc *pc, int result)
{
	if (!pc->draining && !pc->closed)
		net_turn_request(pc->turn);
	return result;
}

/* --- life --- */

void parley_configuration_default(parley_configuration *configuration)
{
	static const parley_ice_server default_server = {.url = "stun:stun.l.google.com:19302"};
	parley_core_config core;
	parley_core_config_default(&core);
	*configuration = (parley_configuration){
		.ice_servers = &default_server,
		.ice_server_count = 1,
		.max_message_size = core.max_message_size,
		.send_buffer_size = core.send_buffer_size,
		.mtu = core.mtu,
		.mtu_max = core.mtu_max,
		.log_level = core.log_level,
		.ice_tcp = true,
	};
}

/* Which addresses to bind, and whether loopback is among the candidates. */
static int choose_addresses(parley_pc *pc, const parley_configuration *configuration)
{
	if (configuration->port_min > configuration->port_max || (configuration->port_max && !configuration->port_min))
		return PARLEY_EINVAL;
	pc->port_min = configuration->port_min;
	pc->port_max = configuration->port_max;
	if (configuration->port) {
		pc->loopback = net_port_is_loopback(configuration->port);
		return 0;
	}
	parley_addr addresses[NET_INTERFACES_MAX];
	size_t count = 1;
	pc->one_address = configuration->bind_address != NULL;
	if (!pc->one_address)
		count = net_interfaces(configuration->allow_loopback, addresses);
	else if (!addr_parse_ip(slice_from_string(configuration->bind_address), 0, &addresses[0]))
		return PARLEY_EINVAL;
	else
		pc->bind_address = addresses[0];
	/* net_interfaces gives loopback addresses last, and unasked only if there are no others. */
	pc->loopback = configuration->allow_loopback || (count > 0 && addr_is_loopback(&addresses[0]));
	return 0;
}

/* A file that was named is read now, so that its fault is the caller's to see; else there is time until a server wants TLS. */
static int set_up_tls(parley_pc *pc, const parley_configuration *configuration)
{
	pc->tls_insecure = configuration->tls_insecure;
	if (!configuration->tls_ca_file)
		return 0;
	return net_tls_client_new(configuration->tls_ca_file, pc->tls_insecure, &pc->tls, NULL);
}

static int pc_set_up(parley_pc *pc, const parley_configuration *configuration)
{
	int error = choose_addresses(pc, configuration);
	if (!error)
		error = set_up_tls(pc, configuration);
	if (error)
		return error;
	pc->timer = net_timer_new(pc->loop, deadline_passed, pc);
	pc->turn = net_turn_new(pc->loop, turn_came, pc);
	if (!pc->timer || !pc->turn)
		return PARLEY_ENOMEM;
	parley_core_config config;
	parley_core_config_default(&config);
	config.random = net_random();
	config.unix_time_s = (uint64_t)time(NULL);
	config.ice_servers = configuration->ice_servers;
	config.ice_server_count = configuration->ice_server_count;
	config.max_message_size = configuration->max_message_size;
	config.send_buffer_size = configuration->send_buffer_size;
	config.mtu = configuration->mtu;
	config.mtu_max = configuration->mtu_max;
	config.congestion = configuration->congestion;
	config.allow_loopback = pc->loopback;
	config.ice_transport_policy = configuration->ice_transport_policy;
	config.ice_tcp = configuration->ice_tcp;
	pc->listens = configuration->ice_tcp && !configuration->port &&
		      configuration->ice_transport_policy == PARLEY_ICE_TRANSPORT_ALL;
	config.nomination = configuration->nomination;
	config.ice_lite = configuration->ice_lite;
	config.mdns_candidates = configuration->mdns_candidates;
	config.ice_candidate_pool_size = configuration->ice_candidate_pool_size;
	config.log_level = configuration->log_level;
	config.decline_media = configuration->decline_media;
	config.snap = configuration->snap;
	config.key_log = configuration->key_log;
	config.demux = configuration->port ? net_port_demux(configuration->port) : NULL;
	config.demux_owner = &pc->port_user;
	error = parley_core_new(&config, net_now(), &pc->core);
	if (!error && configuration->port)
		net_port_acquire(pc->port = configuration->port);
	return error;
}

int parley_pc_new(uv_loop_t *loop, const parley_configuration *configuration, const parley_callbacks *callbacks,
		  void *me, parley_pc **out)
{
	parley_pc *pc = calloc(1, sizeof *pc);
	if (!pc)
		return PARLEY_ENOMEM;
	*pc = (parley_pc){.loop = loop, .callbacks = *callbacks, .me = me, .log_level = configuration->log_level};
	pc->port_user = (net_port_user){.on_datagrams = pc_datagrams_came, .me = pc};
	list_init(&pc->lookups);
	list_init(&pc->streams);
	int error = pc_set_up(pc, configuration);
	if (error) {
		pc_destroy(pc);
		return error;
	}
	if (configuration->ice_candidate_pool_size)
		pc_bind(pc);
	*out = pc;
	return pc_called(pc, 0);
}

void parley_pc_close(parley_pc *pc)
{
	if (pc->closed)
		return;
	pc->closed = true;
	parley_core_close(pc->core, net_now());
	unsigned budget = PC_STEPS_PER_TURN;
	pc_transmit(pc, &budget); /* the goodbye */
	pc_unbind(pc);
	pc_close_streams(pc);
	pc_forget_names(pc);
	net_timer_set(pc->timer, TIME_NEVER);
}

void parley_pc_free(parley_pc *pc)
{
	if (!pc)
		return;
	parley_pc_close(pc);
	if (pc->draining)
		pc->freed = true;
	else
		pc_destroy(pc);
}
