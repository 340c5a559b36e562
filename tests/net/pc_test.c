/* parley/parley.h: two connections on one loop, over real sockets on loopback */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/buf.h"
#include "net/udp.h"
#include "parley/parley.h"
#include "tests/net/harness.h"
#include "tests/net/responder.h"
#include "tests/support/failmalloc.h"

#define NAME "77b2a5c4-5c1e-4d43-8a63-5f0d9a1f3b10.local"
#define BIG_MESSAGE 200000u
#define BULK_MESSAGES 300u
#define BULK_SIZE 16384u
#define PARTS_TOTAL (40u << 20) /* more than the default send buffer of 16 MiB */
#define PARTS_LOW (8u << 20)

/* Where a peer frees itself: in the first callback of this kind. */
typedef enum {
	FREE_NEVER,
	FREE_IN_SIGNALING_STATE,
	FREE_IN_GATHERING_STATE,
	FREE_IN_ICE_STATE,
	FREE_IN_CONNECTION_STATE,
	FREE_IN_CANDIDATE,
	FREE_IN_SELECTED_PAIR,
	FREE_IN_DATA_CHANNEL,
	FREE_IN_CHANNEL_STATE,
	FREE_IN_MESSAGE,
	FREE_IN_LOG,
	FREE_PLACES,
} free_place;

typedef struct peer {
	parley_pc *pc;
	struct peer *other;
	parley_channel channel; /* 0: none yet */
	free_place free_in;
	bool calling; /* inside a call to the library: no callback may come */
	bool gathered, connected, open, closed, got_message, got_bulk, freed, negotiation_needed;
	bool echo;
	bool hides_address; /* gives NAME instead of 127.0.0.1, as browsers do */
	bool own_name;	    /* has the library do so */
	uint8_t pool;
	bool pooled;   /* the agent has gathered, whether or not that was told */
	bool tcp_only; /* gives no candidates over UDP */
	unsigned messages, candidates;
	size_t last_len;
	size_t in_parts, parts_sent; /* bytes of the message in parts */
	bool last_binary;
	uint8_t *last;
	parley_connection_state state;
	bool failed;
	char local_type[16];
} peer;

#define CHECK_CALL(p, call)                                                                  \
	do {                                                                                 \
		(p)->calling = true;                                                         \
		int error_ = (call);                                                         \
		(p)->calling = false;                                                        \
		if (error_)                                                                  \
			fail_msg("%s: %d %s", #call, error_, parley_pc_last_error((p)->pc)); \
	} while (0)

/* At the beginning of every callback. True: the peer frees itself here. */
static bool enter(peer *p, parley_pc *pc, free_place place)
{
	assert_false(p->calling);
	assert_false(p->freed);
	assert_ptr_equal(p->pc, pc);
	if (p->free_in != place)
		return false;
	p->freed = true;
	p->calling = true;
	parley_pc_free(pc);
	p->calling = false;
	p->pc = NULL;
	return true;
}

/* In candidates the address stands between blanks, in the c= line at the end. malloc'ed. */
static char *with_address_hidden(const char *sdp)
{
	static const char address[] = " 127.0.0.1 ";
	buf out = {.limit = SIZE_MAX};
	for (const char *found; (found = strstr(sdp, address)); sdp = found + sizeof address - 1) {
		assert_int_equal(buf_append(&out, slice_of(sdp, (size_t)(found - sdp))), 0);
		assert_int_equal(buf_append(&out, slice_from_string(" " NAME " ")), 0);
	}
	assert_int_equal(buf_append(&out, slice_of(sdp, strlen(sdp) + 1)), 0);
	return (char *)out.data;
}

/* malloc'ed */
static char *without_udp(const char *sdp)
{
	buf out = {.limit = SIZE_MAX};
	for (const char *end; (end = strchr(sdp, '\n')); sdp = end + 1) {
		slice line = slice_of(sdp, (size_t)(end + 1 - sdp));
		if (!memmem(line.data, line.len, " udp ", 5))
			assert_int_equal(buf_append(&out, line), 0);
	}
	assert_int_equal(buf_append(&out, slice_of("", 1)), 0);
	return (char *)out.data;
}

/* What the signaling would carry: all at once when gathering has ended. */
static void give_description(peer *from)
{
	peer *to = from->other;
	parley_sdp_type type;
	char *sdp;
	assert_int_equal(parley_pc_local_description(from->pc, &type, &sdp), 0);
	if (from->own_name)
		assert_null(strstr(sdp, "127.0.0.1"));
	if (from->hides_address) {
		char *hidden = with_address_hidden(sdp);
		parley_free(sdp);
		sdp = hidden;
	}
	if (from->tcp_only) {
		char *rest = without_udp(sdp);
		parley_free(sdp);
		sdp = rest;
	}
	if (to->pc) {
		CHECK_CALL(to, parley_pc_set_remote_description(to->pc, type, sdp));
		if (type == PARLEY_SDP_OFFER)
			CHECK_CALL(to, parley_pc_set_local_description(to->pc, PARLEY_SDP_ANSWER, NULL));
	}
	parley_free(sdp);
}

static void on_negotiation_needed(void *me, parley_pc *pc)
{
	enter(me, pc, FREE_PLACES);
	((peer *)me)->negotiation_needed = true;
}

static void on_signaling_state(void *me, parley_pc *pc, parley_signaling_state state)
{
	(void)state;
	enter(me, pc, FREE_IN_SIGNALING_STATE);
}

static void on_gathering_state(void *me, parley_pc *pc, parley_gathering_state state)
{
	peer *p = me;
	if (enter(p, pc, FREE_IN_GATHERING_STATE) || state != PARLEY_GATHERING_COMPLETE)
		return;
	p->gathered = true;
	give_description(p);
}

static void on_ice_state(void *me, parley_pc *pc, parley_ice_state state)
{
	(void)state;
	enter(me, pc, FREE_IN_ICE_STATE);
}

static void on_connection_state(void *me, parley_pc *pc, parley_connection_state state, const char *reason)
{
	peer *p = me;
	if (enter(p, pc, FREE_IN_CONNECTION_STATE))
		return;
	p->state = state;
	p->connected = state == PARLEY_CONNECTION_CONNECTED;
	p->failed = state == PARLEY_CONNECTION_FAILED;
	assert_int_equal(reason[0] != '\0', p->failed);
}

static void on_ice_candidate(void *me, parley_pc *pc, const char *candidate, const char *mid, int mline_index)
{
	peer *p = me;
	(void)mid;
	(void)mline_index;
	if (!enter(p, pc, FREE_IN_CANDIDATE) && candidate[0])
		p->candidates++;
}

static void on_selected_pair(void *me, parley_pc *pc, const parley_addr *local, const char *local_type,
			     const parley_addr *remote, const char *remote_type)
{
	peer *p = me;
	(void)local;
	(void)remote;
	(void)remote_type;
	if (!enter(p, pc, FREE_IN_SELECTED_PAIR))
		snprintf(p->local_type, sizeof p->local_type, "%s", local_type);
}

static void on_data_channel(void *me, parley_pc *pc, parley_channel channel, const char *label, const char *protocol)
{
	peer *p = me;
	assert_string_equal(label, "sendDataChannel");
	assert_string_equal(protocol, "");
	if (!enter(p, pc, FREE_IN_DATA_CHANNEL))
		p->channel = channel;
}

static void on_channel_state(void *me, parley_pc *pc, parley_channel channel, parley_channel_state state,
			     const char *reason)
{
	peer *p = me;
	(void)channel;
	(void)reason;
	if (enter(p, pc, FREE_IN_CHANNEL_STATE))
		return;
	p->open = state == PARLEY_CHANNEL_OPEN;
	p->closed = state == PARLEY_CHANNEL_CLOSED;
}

static void on_message(void *me, parley_pc *pc, parley_channel channel, bool binary, const uint8_t *data, size_t len)
{
	peer *p = me;
	uint8_t first = len > 0 ? data[0] : 0;
	if (enter(p, pc, FREE_IN_MESSAGE)) {
		assert_int_equal(len > 0 ? data[0] : 0, first); /* valid until the callback returns, come what may */
		return;
	}
	p->got_message = true;
	p->got_bulk = ++p->messages >= BULK_MESSAGES;
	p->last_binary = binary;
	p->last_len = len;
	p->last = realloc(p->last, len + 1);
	if (len > 0)
		memcpy(p->last, data, len);
	if (p->echo)
		CHECK_CALL(p, parley_pc_send(pc, channel, binary, data, len));
}

/* The bytes of the message in parts, by their place. */
static uint8_t part_byte(size_t at)
{
	return (uint8_t)(at * 2654435761u >> 13);
}

static void on_message_part(void *me, parley_pc *pc, const parley_message_part *part)
{
	peer *p = me;
	enter(p, pc, FREE_PLACES);
	assert_true(part->first == (p->in_parts == 0) && part->binary && !part->aborted);
	for (size_t i = 0; i < part->len; i++)
		if (part->data[i] != part_byte(p->in_parts + i))
			fail_msg("byte %zu is wrong", p->in_parts + i);
	p->in_parts += part->len;
	p->got_message = part->last;
}

/* As much as the buffer takes; the low mark brings us back. */
static void send_parts(peer *p)
{
	static uint8_t bytes[65536];
	while (p->parts_sent < PARTS_TOTAL) {
		size_t len = PARTS_TOTAL - p->parts_sent < sizeof bytes ? PARTS_TOTAL - p->parts_sent : sizeof bytes;
		for (size_t i = 0; i < len; i++)
			bytes[i] = part_byte(p->parts_sent + i);
		int err = parley_pc_send_part(p->pc, p->channel, true, bytes, len, p->parts_sent + len == PARTS_TOTAL);
		if (err) {
			assert_int_equal(err, PARLEY_ELIMIT);
			return;
		}
		p->parts_sent += len;
	}
}

static void on_buffered_amount_low(void *me, parley_pc *pc, parley_channel channel)
{
	peer *p = me;
	enter(p, pc, FREE_PLACES);
	assert_int_equal(channel, p->channel);
	if (p->parts_sent)
		send_parts(p);
}

static void on_log(void *me, parley_pc *pc, enum parley_log_level level, const char *layer, const char *line)
{
	assert_in_range(level, PARLEY_LOG_ERROR, PARLEY_LOG_DEBUG);
	assert_non_null(layer);
	assert_true(line[0] != '\0');
	((peer *)me)->pooled |= strcmp(line, "gathering gathering -> complete") == 0;
	enter(me, pc, FREE_IN_LOG);
}

static const parley_callbacks callbacks = {
	.on_negotiation_needed = on_negotiation_needed,
	.on_signaling_state = on_signaling_state,
	.on_ice_gathering_state = on_gathering_state,
	.on_ice_connection_state = on_ice_state,
	.on_connection_state = on_connection_state,
	.on_ice_candidate = on_ice_candidate,
	.on_selected_pair = on_selected_pair,
	.on_data_channel = on_data_channel,
	.on_channel_state = on_channel_state,
	.on_message = on_message,
	.on_message_part = on_message_part,
	.on_buffered_amount_low = on_buffered_amount_low,
	.on_log = on_log,
};

typedef struct {
	uv_loop_t *loop;
	peer a, b; /* a offers */
} couple;

static void peer_new(peer *p, peer *other, uv_loop_t *loop, enum parley_log_level level)
{
	parley_configuration configuration;
	parley_configuration_default(&configuration);
	configuration.ice_server_count = 0;
	configuration.bind_address = "127.0.0.1";
	configuration.log_level = level;
	configuration.mtu_max = PARLEY_MTU_MAX;
	configuration.max_message_size = 0;
	configuration.mdns_candidates = p->own_name;
	configuration.ice_candidate_pool_size = p->pool;
	p->other = other;
	p->calling = true;
	assert_int_equal(parley_pc_new(loop, &configuration, &callbacks, p, &p->pc), 0);
	p->calling = false;
}

static couple *couple_new(free_place a_frees_in, free_place b_frees_in)
{
	couple *c = calloc(1, sizeof *c);
	assert_non_null(c);
	c->loop = harness_loop_new();
	c->a.free_in = a_frees_in;
	c->b.free_in = b_frees_in;
	bool logs = a_frees_in == FREE_IN_LOG || b_frees_in == FREE_IN_LOG;
	peer_new(&c->a, &c->b, c->loop, logs ? PARLEY_LOG_DEBUG : PARLEY_LOG_WARN);
	peer_new(&c->b, &c->a, c->loop, logs ? PARLEY_LOG_DEBUG : PARLEY_LOG_WARN);
	return c;
}

static void couple_call(couple *c)
{
	CHECK_CALL(&c->a, parley_pc_create_data_channel(c->a.pc, "sendDataChannel", NULL, &c->a.channel));
	CHECK_CALL(&c->a, parley_pc_set_local_description(c->a.pc, PARLEY_SDP_OFFER, NULL));
}

static void couple_free(couple *c)
{
	parley_pc_free(c->a.pc);
	parley_pc_free(c->b.pc);
	harness_loop_free(c->loop);
	free(c->a.last);
	free(c->b.last);
	free(c);
}

/* --- the life of a connection --- */

static void two_peers_meet_and_talk(void **state)
{
	(void)state;
	couple *c = couple_new(FREE_NEVER, FREE_NEVER);
	couple_call(c);
	harness_run_until(c->loop, &c->a.open);
	harness_run_until(c->loop, &c->a.connected);
	harness_run_until(c->loop, &c->b.connected);
	assert_true(c->a.gathered && c->b.gathered);
	assert_int_equal(c->a.candidates, 3); /* UDP, TCP active and passive */
	assert_string_equal(c->a.local_type, "host");

	CHECK_CALL(&c->a, parley_pc_send(c->a.pc, c->a.channel, false, "hello", 5));
	harness_run_until(c->loop, &c->b.got_message);
	assert_false(c->b.last_binary);
	assert_int_equal(c->b.last_len, 5);
	assert_memory_equal(c->b.last, "hello", 5);

	uint8_t *big = malloc(BIG_MESSAGE);
	for (size_t i = 0; i < BIG_MESSAGE; i++)
		big[i] = (uint8_t)(i * 7 + i / 256);
	CHECK_CALL(&c->b, parley_pc_send(c->b.pc, c->b.channel, true, big, BIG_MESSAGE));
	harness_run_until(c->loop, &c->a.got_message);
	assert_true(c->a.last_binary);
	assert_int_equal(c->a.last_len, BIG_MESSAGE);
	assert_memory_equal(c->a.last, big, BIG_MESSAGE);
	free(big);

	parley_core_stats stats;
	parley_pc_get_stats(c->a.pc, &stats);
	assert_true(stats.has_selected_pair);
	assert_true(stats.bytes_received > BIG_MESSAGE);
	couple_free(c);
}

static void bulk_there_and_back(couple *c)
{
	uint8_t *data = calloc(1, BULK_SIZE);
	for (unsigned i = 0; i < BULK_MESSAGES; i++)
		CHECK_CALL(&c->a, parley_pc_send(c->a.pc, c->a.channel, true, data, BULK_SIZE));
	harness_run_until(c->loop, &c->a.got_bulk);
	assert_int_equal(c->a.messages, BULK_MESSAGES);
	free(data);
}

static void bulk_goes_both_ways(void **state)
{
	(void)state;
	couple *c = couple_new(FREE_NEVER, FREE_NEVER);
	c->b.echo = true;
	couple_call(c);
	harness_run_until(c->loop, &c->a.open);
	bulk_there_and_back(c);
	parley_core_stats stats; /* loopback carries 64 KiB: as much as a DTLS record holds was found */
	parley_pc_get_stats(c->a.pc, &stats);
	assert_int_equal(stats.data_mtu, PARLEY_MTU_MAX);
	couple_free(c);
}

static void tcp_does_where_udp_does_not(void **state)
{
	(void)state;
	couple *c = couple_new(FREE_NEVER, FREE_NEVER);
	c->a.tcp_only = c->b.tcp_only = c->b.echo = true;
	couple_call(c);
	harness_run_until(c->loop, &c->a.open);
	parley_core_stats stats;
	parley_pc_get_stats(c->a.pc, &stats);
	assert_int_equal(stats.local.transport, PARLEY_TCP);
	bulk_there_and_back(c);
	harness_run_until(c->loop, &c->b.open);
	parley_pc_close(c->a.pc);
	harness_run_until(c->loop, &c->b.closed);
	couple_free(c);
}

/* Larger than the send buffer, and than the receive window: both pass it on as it comes. */
static void a_message_in_parts_crosses(void **state)
{
	(void)state;
	couple *c = couple_new(FREE_NEVER, FREE_NEVER);
	couple_call(c);
	harness_run_until(c->loop, &c->a.open);
	harness_run_until(c->loop, &c->b.open);
	assert_int_equal(parley_pc_set_partial_delivery(c->b.pc, c->b.channel, true), 0);
	assert_int_equal(parley_pc_set_buffered_amount_low_threshold(c->a.pc, c->a.channel, PARTS_LOW), 0);
	send_parts(&c->a);
	assert_true(c->a.parts_sent < PARTS_TOTAL);
	harness_run_until(c->loop, &c->b.got_message);
	assert_int_equal(c->b.in_parts, PARTS_TOTAL);
	couple_free(c);
}

static void closing_tells_the_peer(void **state)
{
	(void)state;
	couple *c = couple_new(FREE_NEVER, FREE_NEVER);
	couple_call(c);
	harness_run_until(c->loop, &c->a.open);
	harness_run_until(c->loop, &c->b.open);
	c->a.calling = true; /* for good: no callback comes after close */
	parley_pc_close(c->a.pc);
	parley_pc_close(c->a.pc);
	assert_int_equal(parley_pc_connection_state(c->a.pc), PARLEY_CONNECTION_CLOSED);
	assert_int_equal(parley_pc_send(c->a.pc, c->a.channel, false, "x", 1), PARLEY_ECLOSED);
	assert_int_equal(parley_pc_set_local_description(c->a.pc, PARLEY_SDP_OFFER, NULL), PARLEY_ECLOSED);
	harness_run_until(c->loop, &c->b.closed);
	couple_free(c);
}

static void a_channel_may_be_closed_alone(void **state)
{
	(void)state;
	couple *c = couple_new(FREE_NEVER, FREE_NEVER);
	couple_call(c);
	harness_run_until(c->loop, &c->a.open);
	harness_run_until(c->loop, &c->b.open);
	CHECK_CALL(&c->a, parley_pc_close_data_channel(c->a.pc, c->a.channel));
	harness_run_until(c->loop, &c->a.closed);
	harness_run_until(c->loop, &c->b.closed);
	assert_int_equal(c->b.state, PARLEY_CONNECTION_CONNECTED);
	couple_free(c);
}

/* --- freeing --- */

/* Every callback that comes at all to a peer that offers, or answers, frees it once. */
static void a_peer_may_free_itself_in_any_callback(void **state)
{
	(void)state;
	for (free_place place = FREE_IN_SIGNALING_STATE; place < FREE_PLACES; place++) {
		bool only_answerer = place == FREE_IN_DATA_CHANNEL || place == FREE_IN_MESSAGE;
		for (int answerer = only_answerer; answerer <= 1; answerer++) {
			couple *c = couple_new(answerer ? FREE_NEVER : place, answerer ? place : FREE_NEVER);
			couple_call(c);
			if (place == FREE_IN_MESSAGE) {
				harness_run_until(c->loop, &c->a.open);
				CHECK_CALL(&c->a, parley_pc_send(c->a.pc, c->a.channel, false, "hello", 5));
			}
			harness_run_until(c->loop, answerer ? &c->b.freed : &c->a.freed);
			couple_free(c);
		}
	}
}

static void a_peer_may_be_freed_at_any_step(void **state)
{
	(void)state;
	for (int turns = 0; turns < 40; turns++) {
		couple *c = couple_new(FREE_NEVER, FREE_NEVER);
		couple_call(c);
		for (int i = 0; i < turns; i++)
			uv_run(c->loop, UV_RUN_NOWAIT);
		couple_free(c);
	}
}

/* --- the call itself --- */

static void callbacks_come_from_the_loop_only(void **state)
{
	(void)state;
	couple *c = couple_new(FREE_NEVER, FREE_NEVER);
	CHECK_CALL(&c->a, parley_pc_create_data_channel(c->a.pc, "sendDataChannel", NULL, &c->a.channel));
	assert_false(c->a.negotiation_needed);
	harness_run_until(c->loop, &c->a.negotiation_needed);
	couple_free(c);
}

static void names_that_nobody_knows_do_not_disturb(void **state)
{
	(void)state;
	couple *c = couple_new(FREE_NEVER, FREE_NEVER);
	couple_call(c);
	harness_run_until(c->loop, &c->b.gathered);
	CHECK_CALL(&c->a, parley_pc_add_ice_candidate(c->a.pc,
						      "candidate:1 1 udp 2113937151 "
						      "00000000-0000-4000-8000-000000000000.local 9 typ host",
						      "0", 0));
	harness_run_until(c->loop, &c->a.open);
	couple_free(c);
}

static void addresses_behind_names_are_found(void **state)
{
	(void)state;
	couple *c = couple_new(FREE_NEVER, FREE_NEVER);
	responder r = {.name = NAME, .address = addr_ipv4(127, 0, 0, 1, 0)};
	if (!responder_open(&r, c->loop)) {
		couple_free(c);
		skip();
	}
	c->a.hides_address = c->b.hides_address = true;
	couple_call(c);
	harness_run_until(c->loop, &c->a.open);
	assert_true(r.questions > 0);
	responder_close(&r);
	couple_free(c);
}

static void own_addresses_are_found_behind_names(void **state)
{
	(void)state;
	couple *c = calloc(1, sizeof *c);
	assert_non_null(c);
	c->loop = harness_loop_new();
	responder r = {.name = "nobody.local"};
	bool multicast = responder_open(&r, c->loop);
	if (multicast) {
		responder_close(&r);
		c->a.own_name = c->b.own_name = true;
		peer_new(&c->a, &c->b, c->loop, PARLEY_LOG_WARN);
		peer_new(&c->b, &c->a, c->loop, PARLEY_LOG_WARN);
		couple_call(c);
		harness_run_until(c->loop, &c->a.open);
	}
	couple_free(c);
	if (!multicast)
		skip();
}

/* Nothing is told before there is a description, and all at once then. */
static void a_pool_is_there_before_the_call(void **state)
{
	(void)state;
	couple *c = calloc(1, sizeof *c);
	assert_non_null(c);
	c->loop = harness_loop_new();
	c->a.pool = 1;
	peer_new(&c->a, &c->b, c->loop, PARLEY_LOG_DEBUG);
	peer_new(&c->b, &c->a, c->loop, PARLEY_LOG_WARN);
	harness_run_until(c->loop, &c->a.pooled);
	assert_int_equal(c->a.candidates, 0);
	assert_false(c->a.gathered);
	couple_call(c);
	harness_run_until(c->loop, &c->a.open);
	assert_int_equal(c->a.candidates, 3);
	couple_free(c);
}

static void offer_without_memory(void *context)
{
	(void)context;
	static const parley_callbacks none;
	uv_loop_t loop;
	assert_int_equal(uv_loop_init(&loop), 0);
	parley_configuration configuration;
	parley_configuration_default(&configuration);
	configuration.ice_server_count = 0;
	configuration.bind_address = "127.0.0.1";
	parley_pc *pc;
	parley_channel channel;
	if (parley_pc_new(&loop, &configuration, &none, NULL, &pc) == 0) {
		parley_pc_create_data_channel(pc, "sendDataChannel", NULL, &channel);
		parley_pc_set_local_description(pc, PARLEY_SDP_OFFER, NULL);
		for (int i = 0; i < 3; i++)
			uv_run(&loop, UV_RUN_NOWAIT);
		parley_pc_free(pc);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void an_offer_survives_every_failed_allocation(void **state)
{
	(void)state;
	failmalloc_loop(offer_without_memory, NULL);
}

static void ignore_datagram(void *me, net_udp *udp, const net_datagrams *datagram)
{
	(void)me, (void)udp, (void)datagram;
}

/* Two ports in a row that are free. */
static uint16_t free_ports(uv_loop_t *loop)
{
	for (;;) {
		net_udp *first, *second;
		parley_addr address = addr_ipv4(127, 0, 0, 1, 0);
		assert_int_equal(net_udp_open(loop, &address, ignore_datagram, NULL, &first), 0);
		uint16_t port = address.port = net_udp_local(first)->port;
		address.port++;
		bool free_too = address.port && net_udp_open(loop, &address, ignore_datagram, NULL, &second) == 0;
		net_udp_close(first);
		if (!free_too)
			continue;
		net_udp_close(second);
		return port;
	}
}

/* How many of three connections find a port among two, and no other. */
static void ports_are_of_the_range(void **state)
{
	(void)state;
	static const parley_callbacks none;
	uv_loop_t *loop = harness_loop_new();
	parley_configuration configuration;
	parley_configuration_default(&configuration);
	configuration.ice_server_count = 0;
	configuration.bind_address = "127.0.0.1";
	configuration.port_min = free_ports(loop);
	configuration.port_max = (uint16_t)(configuration.port_min + 1);
	char wanted[2][48];
	for (unsigned i = 0; i < 2; i++)
		snprintf(wanted[i], sizeof wanted[i], " 127.0.0.1 %u typ host", configuration.port_min + i);
	parley_pc *pcs[3];
	unsigned found[2] = {0}, empty = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(pcs); i++) {
		parley_channel channel;
		parley_sdp_type type;
		char *sdp;
		assert_int_equal(parley_pc_new(loop, &configuration, &none, NULL, &pcs[i]), 0);
		assert_int_equal(parley_pc_create_data_channel(pcs[i], "x", NULL, &channel), 0);
		assert_int_equal(parley_pc_set_local_description(pcs[i], PARLEY_SDP_OFFER, NULL), 0);
		assert_int_equal(parley_pc_local_description(pcs[i], &type, &sdp), 0);
		found[0] += strstr(sdp, wanted[0]) != NULL;
		found[1] += strstr(sdp, wanted[1]) != NULL;
		empty += strstr(sdp, " udp ") == NULL && strstr(sdp, " UDP ") == NULL;
		parley_free(sdp);
	}
	assert_int_equal(found[0], 1);
	assert_int_equal(found[1], 1);
	assert_int_equal(empty, 1);
	for (size_t i = 0; i < ARRAY_LENGTH(pcs); i++)
		parley_pc_free(pcs[i]);
	harness_loop_free(loop);
}

static void malformed_configurations_are_refused(void **state)
{
	(void)state;
	uv_loop_t *loop = harness_loop_new();
	parley_configuration configuration;
	parley_configuration_default(&configuration);
	assert_int_equal(configuration.ice_server_count, 1);
	assert_string_equal(configuration.ice_servers[0].url, "stun:stun.l.google.com:19302");
	parley_pc *pc = NULL;
	configuration.bind_address = "not an address";
	assert_int_equal(parley_pc_new(loop, &configuration, &callbacks, NULL, &pc), PARLEY_EINVAL);
	configuration.bind_address = NULL;
	configuration.port_min = 6000;
	configuration.port_max = 5000;
	assert_int_equal(parley_pc_new(loop, &configuration, &callbacks, NULL, &pc), PARLEY_EINVAL);
	configuration.port_min = configuration.port_max = 0;
	configuration.ice_servers = &(parley_ice_server){.url = "http://example.com"};
	assert_int_equal(parley_pc_new(loop, &configuration, &callbacks, NULL, &pc), PARLEY_EINVAL);
	assert_null(pc);
	harness_loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_peers_meet_and_talk),
		cmocka_unit_test(bulk_goes_both_ways),
		cmocka_unit_test(tcp_does_where_udp_does_not),
		cmocka_unit_test(a_message_in_parts_crosses),
		cmocka_unit_test(closing_tells_the_peer),
		cmocka_unit_test(a_channel_may_be_closed_alone),
		cmocka_unit_test(a_peer_may_free_itself_in_any_callback),
		cmocka_unit_test(a_peer_may_be_freed_at_any_step),
		cmocka_unit_test(callbacks_come_from_the_loop_only),
		cmocka_unit_test(names_that_nobody_knows_do_not_disturb),
		cmocka_unit_test(addresses_behind_names_are_found),
		cmocka_unit_test(own_addresses_are_found_behind_names),
		cmocka_unit_test(a_pool_is_there_before_the_call),
		cmocka_unit_test(an_offer_survives_every_failed_allocation),
		cmocka_unit_test(ports_are_of_the_range),
		cmocka_unit_test(malformed_configurations_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
