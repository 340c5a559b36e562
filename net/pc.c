/*
 * parley/parley.h: parley/core.h with sockets, timers and names.
 *
 * Every input to the core ends in pc_drain, which sends and tells until the core has nothing more. Only the loop drains:
 * calls of the user from outside a callback ask for a turn, those from inside are seen by the drain that called back.
 */
#include "parley/parley.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>

#include "base/addr.h"
#include "base/list.h"
#include "net/dns.h"
#include "net/interfaces.h"
#include "net/mdns.h"
#include "net/port.h"
#include "net/random.h"
#include "net/timer.h"
#include "net/turn.h"
#include "net/udp.h"

/* Events and packets that one connection has before others on the loop have their turn. */
#define PC_STEPS_PER_TURN 512u

struct parley_pc {
	uv_loop_t *loop;
	parley_core *core;
	parley_callbacks callbacks;
	void *me;
	enum parley_log_level log_level;
	net_timer *timer; /* on the core's deadline */
	net_turn *turn;	  /* to drain from the loop */
	parley_addr addresses[NET_INTERFACES_MAX];
	size_t address_count;
	parley_port *port; /* NULL: the sockets are its own */
	net_port_user port_user;
	net_udp *sockets[NET_INTERFACES_MAX];
	size_t socket_count;
	list_node lookups; /* of struct lookup */
	net_mdns *mdns;	   /* from the first ".local" name on */
	bool mdns_failed;  /* and not tried again */
	bool loopback;	   /* among the candidates */
	bool bound;	   /* sockets were opened: when gathering began */
	bool draining;	   /* pc_drain is on the stack */
	bool closed;
	bool freed; /* while draining: the drain frees */
};

/* A name that the core asked for under its id. */
typedef struct {
	list_node node;
	parley_pc *pc;
	uint32_t id;
	net_dns *dns;	  /* NULL: asked by multicast, */
	uint64_t mdns_id; /* with this id */
} lookup;

static void pc_drain(parley_pc *pc);

static void __attribute__((format(printf, 3, 4)))
pc_log(parley_pc *pc, enum parley_log_level level, const char *format, ...)
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

/* --- names --- */

static void lookup_free(lookup *l)
{
	list_remove(&l->node);
	free(l);
}

/* The last thing its caller does: pc may be gone afterwards. */
static void lookup_end(lookup *l, const char *why, const parley_addr *addresses, size_t count)
{
	parley_pc *pc = l->pc;
	uint32_t id = l->id;
	lookup_free(l);
	parley_core_resolved(pc->core, net_now(), id, addresses, count);
	pc->draining = true; /* the log line's callback may free pc, too */
	if (count == 0)
		pc_log(pc, PARLEY_LOG_WARN, "%s", why);
	pc_drain(pc);
}

static void dns_answered(void *me, int error, const char *why, const parley_addr *addresses, size_t count)
{
	(void)error;
	lookup_end(me, why, addresses, count);
}

static void mdns_answered(void *me, uint64_t id, const parley_addr *address)
{
	parley_pc *pc = me;
	LIST_FOR (node, &pc->lookups) {
		lookup *l = LIST_ENTRY(node, lookup, node);
		if (!l->dns && l->mdns_id == id) {
			lookup_end(l, "nobody answers for a .local name", address, address ? 1 : 0);
			return;
		}
	}
}

static int mdns_start(parley_pc *pc)
{
	if (pc->mdns)
		return 0;
	if (pc->mdns_failed)
		return PARLEY_EIO;
	char why[NET_WHY_MAX] = "";
	int error = net_mdns_new(pc->loop, pc->loopback, mdns_answered, pc, &pc->mdns, why);
	if (error) {
		pc->mdns_failed = true;
		pc_log(pc, PARLEY_LOG_WARN, "no multicast DNS: %s", why);
	}
	return error;
}

static int lookup_ask(lookup *l, const char *name, bool mdns)
{
	parley_pc *pc = l->pc;
	if (!mdns)
		return net_dns_resolve(pc->loop, name, 0, dns_answered, l, &l->dns);
	int error = mdns_start(pc);
	return error ? error : net_mdns_resolve(pc->mdns, name, &l->mdns_id);
}

static int lookup_begin(parley_pc *pc, uint32_t id, const char *name, bool mdns)
{
	lookup *l = calloc(1, sizeof *l);
	if (!l)
		return PARLEY_ENOMEM;
	*l = (lookup){.pc = pc, .id = id};
	int error = lookup_ask(l, name, mdns);
	if (error)
		free(l);
	else
		list_append(&pc->lookups, &l->node);
	return error;
}

static void pc_resolve(parley_pc *pc, const parley_event *event)
{
	uint32_t id = event->resolve.id;
	int error = lookup_begin(pc, id, event->resolve.name, event->resolve.mdns);
	if (!error || pc->closed)
		return;
	pc_log(pc, PARLEY_LOG_WARN, "%s is not looked up: %s", event->resolve.name, parley_strerror(error));
	if (!pc->closed)
		parley_core_resolved(pc->core, net_now(), id, NULL, 0);
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
	case PARLEY_EVENT_DATA_CHANNEL:
		CALL(on_data_channel, e->data_channel.channel, e->data_channel.label, e->data_channel.protocol);
		break;
	case PARLEY_EVENT_CHANNEL_STATE:
		CALL(on_channel_state, e->channel_state.channel, e->channel_state.state, e->channel_state.reason);
		break;
	case PARLEY_EVENT_MESSAGE:
		CALL(on_message, e->message.channel, e->message.binary, e->message.data, e->message.len);
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
	case PARLEY_EVENT_STREAM_CLOSE:
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

static net_udp *socket_of(const parley_pc *pc, const parley_addr *local)
{
	for (size_t i = 0; i < pc->socket_count; i++)
		if (addr_equal(net_udp_local(pc->sockets[i]), local))
			return pc->sockets[i];
	return NULL;
}

/* Sends what the core has, as far as the budget goes. */
static void pc_transmit(parley_pc *pc, unsigned *budget)
{
	uint64_t now = net_now();
	parley_packet p;
	for (; *budget > 0 && parley_core_poll_transmit(pc->core, now, &p); (*budget)--) {
		net_udp *socket = socket_of(pc, &p.local);
		if (socket)
			net_udp_send(socket, &p.remote, slice_of(p.data, p.len));
	}
}

static void pc_tell(parley_pc *pc, unsigned *budget)
{
	parley_event event;
	if (!parley_core_poll_event(pc->core, &event))
		return;
	(*budget)--;
	pc_dispatch(pc, &event);
}

static void pc_destroy(parley_pc *pc)
{
	parley_core_free(pc->core);
	net_timer_free(pc->timer);
	net_turn_free(pc->turn);
	free(pc);
}

/* Tells and sends until there is neither: each may cause the other. Callbacks may close or free pc. */
static void pc_drain(parley_pc *pc)
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

static void datagram_came(void *me, net_udp *udp, const parley_addr *remote, slice data)
{
	parley_pc *pc = me;
	parley_core_receive(pc->core, net_now(), net_udp_local(udp), remote, data.data, data.len);
	pc_drain(pc);
}

/* After a call of the user: whatever it caused comes from the loop. Gives the call's result back. */
static int pc_called(parley_pc *pc, int result)
{
	if (!pc->draining && !pc->closed)
		net_turn_request(pc->turn);
	return result;
}

/* --- sockets --- */

static bool add_socket(parley_pc *pc, net_udp *socket)
{
	if (parley_core_add_local_address(pc->core, net_now(), net_udp_local(socket)) != 0)
		return false;
	pc->sockets[pc->socket_count++] = socket;
	return true;
}

static void share_sockets(parley_pc *pc)
{
	net_udp *socket;
	for (size_t i = 0; (socket = net_port_socket(pc->port, i)); i++)
		add_socket(pc, socket);
}

/* An address that cannot be bound any more is left out. */
static void open_sockets(parley_pc *pc)
{
	net_udp *socket;
	for (size_t i = 0; i < pc->address_count; i++)
		if (net_udp_open(pc->loop, &pc->addresses[i], datagram_came, pc, &socket) == 0 &&
		    !add_socket(pc, socket))
			net_udp_close(socket);
}

static void pc_bind(parley_pc *pc)
{
	if (pc->bound || pc->closed)
		return;
	pc->bound = true;
	if (pc->port)
		share_sockets(pc);
	else
		open_sockets(pc);
	parley_core_local_addresses_done(pc->core, net_now());
}

static void pc_unbind(parley_pc *pc)
{
	for (size_t i = 0; i < pc->socket_count && !pc->port; i++)
		net_udp_close(pc->sockets[i]);
	pc->socket_count = 0;
	if (pc->port)
		net_port_release(pc->port);
	pc->port = NULL;
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
	};
}

/* Which addresses to bind, and whether loopback is among the candidates. */
static int choose_addresses(parley_pc *pc, const parley_configuration *configuration)
{
	if (configuration->port) {
		pc->loopback = net_port_is_loopback(configuration->port);
		return 0;
	}
	if (configuration->bind_address) {
		if (!addr_parse_ip(slice_from_string(configuration->bind_address), 0, &pc->addresses[0]))
			return PARLEY_EINVAL;
		pc->address_count = 1;
	} else {
		pc->address_count = net_interfaces(configuration->allow_loopback, pc->addresses);
	}
	/* net_interfaces gives loopback addresses last, and unasked only if there are no others. */
	pc->loopback = configuration->allow_loopback || (pc->address_count > 0 && addr_is_loopback(&pc->addresses[0]));
	return 0;
}

static int pc_set_up(parley_pc *pc, const parley_configuration *configuration)
{
	int error = choose_addresses(pc, configuration);
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
	config.allow_loopback = pc->loopback;
	config.nomination = configuration->nomination;
	config.ice_lite = configuration->ice_lite;
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
	pc->port_user = (net_port_user){.on_datagram = datagram_came, .me = pc};
	list_init(&pc->lookups);
	int error = pc_set_up(pc, configuration);
	if (error) {
		pc_destroy(pc);
		return error;
	}
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
	LIST_FOR_SAFE (node, after, &pc->lookups) {
		lookup *l = LIST_ENTRY(node, lookup, node);
		net_dns_cancel(l->dns);
		lookup_free(l);
	}
	net_mdns_free(pc->mdns);
	pc->mdns = NULL;
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

/* --- calls --- */

int parley_pc_set_local_description(parley_pc *pc, parley_sdp_type type, const char *sdp)
{
	int error = parley_core_set_local_description(pc->core, net_now(), type, sdp);
	if (!error)
		pc_bind(pc);
	return pc_called(pc, error);
}

int parley_pc_set_remote_description(parley_pc *pc, parley_sdp_type type, const char *sdp)
{
	return pc_called(pc, parley_core_set_remote_description(pc->core, net_now(), type, sdp));
}

int parley_pc_create_offer(parley_pc *pc, char **sdp)
{
	return pc_called(pc, parley_core_create_offer(pc->core, sdp));
}

int parley_pc_create_answer(parley_pc *pc, char **sdp)
{
	return pc_called(pc, parley_core_create_answer(pc->core, sdp));
}

int parley_pc_local_description(parley_pc *pc, parley_sdp_type *type, char **sdp)
{
	return parley_core_local_description(pc->core, type, sdp);
}

int parley_pc_remote_description(parley_pc *pc, parley_sdp_type *type, char **sdp)
{
	return parley_core_remote_description(pc->core, type, sdp);
}

int parley_pc_add_ice_candidate(parley_pc *pc, const char *candidate, const char *mid, int mline_index)
{
	return pc_called(pc, parley_core_add_ice_candidate(pc->core, net_now(), candidate, mid, mline_index));
}

int parley_pc_restart_ice(parley_pc *pc)
{
	return pc_called(pc, parley_core_restart_ice(pc->core));
}

int parley_pc_create_data_channel(parley_pc *pc, const char *label, const parley_channel_init *init,
				  parley_channel *out)
{
	return pc_called(pc, parley_core_create_data_channel(pc->core, net_now(), label, init, out));
}

int parley_pc_send(parley_pc *pc, parley_channel channel, bool binary, const void *data, size_t len)
{
	return pc_called(pc, parley_core_send(pc->core, net_now(), channel, binary, data, len));
}

int parley_pc_set_buffered_amount_low_threshold(parley_pc *pc, parley_channel channel, size_t bytes)
{
	return pc_called(pc, parley_core_set_buffered_amount_low_threshold(pc->core, channel, bytes));
}

int parley_pc_close_data_channel(parley_pc *pc, parley_channel channel)
{
	return pc_called(pc, parley_core_close_data_channel(pc->core, net_now(), channel));
}

/* --- looking in --- */

const char *parley_pc_last_error(const parley_pc *pc)
{
	return parley_core_last_error(pc->core);
}

size_t parley_pc_buffered_amount(const parley_pc *pc, parley_channel channel)
{
	return parley_core_buffered_amount(pc->core, channel);
}

parley_channel_state parley_pc_channel_state(const parley_pc *pc, parley_channel channel)
{
	return parley_core_channel_state(pc->core, channel);
}

parley_signaling_state parley_pc_signaling_state(const parley_pc *pc)
{
	return parley_core_signaling_state(pc->core);
}

parley_gathering_state parley_pc_gathering_state(const parley_pc *pc)
{
	return parley_core_gathering_state(pc->core);
}

parley_ice_state parley_pc_ice_state(const parley_pc *pc)
{
	return parley_core_ice_state(pc->core);
}

parley_connection_state parley_pc_connection_state(const parley_pc *pc)
{
	return parley_core_connection_state(pc->core);
}

void parley_pc_get_stats(const parley_pc *pc, parley_core_stats *out)
{
	parley_core_get_stats(pc->core, out);
}

/* --- media --- */

int parley_pc_add_transceiver(parley_pc *pc, parley_media_kind kind, const parley_transceiver_init *init,
			      parley_transceiver *out)
{
	return pc_called(pc, parley_core_add_transceiver(pc->core, net_now(), kind, init, out));
}

int parley_pc_set_direction(parley_pc *pc, parley_transceiver transceiver, parley_direction direction)
{
	return pc_called(pc, parley_core_set_direction(pc->core, net_now(), transceiver, direction));
}

int parley_pc_transceiver_info(const parley_pc *pc, parley_transceiver transceiver, parley_transceiver_info *out)
{
	return parley_core_transceiver_info(pc->core, transceiver, out);
}

int parley_pc_send_frame(parley_pc *pc, parley_transceiver transceiver, const parley_frame *frame)
{
	return pc_called(pc, parley_core_send_frame(pc->core, net_now(), transceiver, frame));
}

int parley_pc_send_rtp(parley_pc *pc, parley_transceiver transceiver, const uint8_t *data, size_t len)
{
	return pc_called(pc, parley_core_send_rtp(pc->core, net_now(), transceiver, data, len));
}

int parley_pc_request_key_frame(parley_pc *pc, parley_transceiver transceiver)
{
	return pc_called(pc, parley_core_request_key_frame(pc->core, net_now(), transceiver));
}

int parley_pc_set_bitrate(parley_pc *pc, uint64_t min_bps, uint64_t start_bps, uint64_t max_bps)
{
	return pc_called(pc, parley_core_set_bitrate(pc->core, net_now(), min_bps, start_bps, max_bps));
}

int parley_pc_receive_packets(parley_pc *pc, parley_transceiver transceiver, bool packets)
{
	return parley_core_receive_packets(pc->core, transceiver, packets);
}

int parley_pc_get_stats_json(const parley_pc *pc, char **json)
{
	return parley_core_get_stats_json(pc->core, net_now(), json);
}
