/* ice/tcp.c: two agents, the connections between them, and UDP that may be blocked, on a virtual clock. */
#include "tests/support/test.h"

#include <string.h>

#include "base/rng.h"
#include "base/time.h"
#include "ice/ice.h"
#include "tests/support/failmalloc.h"

#define NOW (UINT64_C(1000) * US_PER_S)
#define DELAY_US (10 * US_PER_MS)
#define CONNECTIONS_MAX 128
#define OPERATIONS_MAX 512
#define PASSIVE_PORT 4000u
#define UDP_PORT 5000u

/* One TCP connection: the number that each side has for it, and the address that it was opened from. */
typedef struct {
	uint32_t stream[2];
	int opener;
	parley_addr from;
} connection;

typedef enum { CONNECT, OPENED, BYTES, CLOSED, DATAGRAM } operation_kind;

typedef struct {
	operation_kind kind;
	uint64_t at;
	size_t connection;
	int to;
	parley_addr local, remote;
	size_t len;
	uint8_t data[ICE_PACKET_MAX];
} operation;

typedef struct {
	uint64_t now;
	rng_seeded rng;
	ice_config config[2];
	ice_agent *ice[2];
	bool listens[2], offers[2]; /* a listener is there; and what candidates there are is told */
	bool udp;
	size_t chunk; /* bytes that arrive at a time; 0: all */
	connection connections[CONNECTIONS_MAX];
	size_t connection_count;
	operation queue[OPERATIONS_MAX];
	size_t first, count;
	ice_candidate candidates[2][16];
	size_t candidate_count[2];
	unsigned opened[2], closed[2], disconnections[2];
	size_t received[2];
	uint8_t last[2];
} world;

static world w;

static parley_addr address(int side, uint8_t transport, uint16_t port)
{
	parley_addr a = addr_ipv4(192, 0, 2, (uint8_t)(1 + side), port);
	a.transport = transport;
	return a;
}

static operation *push(operation_kind kind, size_t index, int to)
{
	assert_true(w.count < OPERATIONS_MAX);
	operation *o = &w.queue[(w.first + w.count++) % OPERATIONS_MAX];
	*o = (operation){.kind = kind, .at = w.now + DELAY_US, .connection = index, .to = to};
	return o;
}

static connection *by_stream(int side, uint32_t stream, size_t *index)
{
	for (*index = 0; *index < w.connection_count; ++*index)
		if (w.connections[*index].stream[side] == stream)
			return &w.connections[*index];
	return NULL;
}

static void on_event(int side, const ice_event *e)
{
	size_t index;
	switch (e->type) {
	case ICE_EVENT_CANDIDATE:
		if (w.candidate_count[side] < ARRAY_LENGTH(w.candidates[side]))
			w.candidates[side][w.candidate_count[side]++] = e->candidate;
		break;
	case ICE_EVENT_STREAM_OPEN:
		assert_true(w.connection_count < CONNECTIONS_MAX);
		assert_int_equal(e->local.port, 0);
		index = w.connection_count++;
		w.connections[index] = (connection){.opener = side};
		w.connections[index].stream[side] = e->id;
		w.connections[index].from = address(side, PARLEY_TCP, (uint16_t)(40000 + index));
		push(CONNECT, index, 1 - side)->local = e->remote;
		w.opened[side]++;
		break;
	case ICE_EVENT_STREAM_CLOSE:
		w.closed[side]++;
		if (by_stream(side, e->id, &index)) {
			w.connections[index].stream[side] = 0;
			push(CLOSED, index, 1 - side);
		}
		break;
	case ICE_EVENT_STATE:
		w.disconnections[side] += e->state == ICE_DISCONNECTED;
		break;
	default:
		break;
	}
}

static void transmit(int side, const ice_packet *p)
{
	size_t index = 0;
	if (p->stream && !by_stream(side, p->stream, &index))
		return;
	if (!p->stream && !w.udp)
		return;
	operation *o = push(p->stream ? BYTES : DATAGRAM, index, 1 - side);
	o->local = p->remote;
	o->remote = p->local;
	o->len = p->data.len;
	memcpy(o->data, p->data.data, p->data.len);
}

static void drain(int side)
{
	uint8_t data[ICE_PACKET_MAX];
	ice_agent *a = w.ice[side];
	bool any = true;
	while (any) {
		any = false;
		ice_packet p = {.data = {.data = data, .capacity = sizeof data}};
		for (; ice_poll_transmit(a, w.now, &p); any = true)
			transmit(side, &p);
		for (ice_datagram d; ice_poll_data(a, &d); any = true) {
			assert_true(ice_is_validated(a, &d.local, &d.remote));
			w.received[side] += d.data.len;
			w.last[side] = d.data.data[d.data.len - 1];
		}
		for (ice_event e; ice_poll_event(a, &e); any = true)
			on_event(side, &e);
	}
	ice_check_invariants(a);
}

/* --- what arrives --- */

static void connect_arrives(const operation *o)
{
	connection *c = &w.connections[o->connection];
	parley_addr listener = address(o->to, PARLEY_TCP, PASSIVE_PORT);
	bool there = w.listens[o->to] && addr_equal(&o->local, &listener);
	if (there && ice_stream_accepted(w.ice[o->to], w.now, &listener, &c->from, &c->stream[o->to]) == 0)
		push(OPENED, o->connection, c->opener);
	else
		push(CLOSED, o->connection, c->opener);
}

static void bytes_arrive(const operation *o)
{
	size_t step = w.chunk ? w.chunk : o->len;
	for (size_t at = 0; at < o->len; at += step)
		ice_stream_receive(w.ice[o->to], w.now, w.connections[o->connection].stream[o->to],
				   slice_part(slice_of(o->data, o->len), at, step));
}

static void arrive(const operation *o)
{
	ice_agent *a = w.ice[o->to];
	connection *c = &w.connections[o->connection];
	switch (o->kind) {
	case CONNECT:
		connect_arrives(o);
		break;
	case OPENED:
		ice_stream_opened(a, w.now, c->stream[o->to], &c->from);
		break;
	case BYTES:
		bytes_arrive(o);
		break;
	case CLOSED:
		ice_stream_closed(a, w.now, c->stream[o->to], PARLEY_EREFUSED, "refused or ended");
		c->stream[o->to] = 0;
		break;
	case DATAGRAM:
		(void)ice_receive(a, w.now, &o->local, &o->remote, slice_of(o->data, o->len));
		break;
	}
	drain(o->to);
}

static void run(uint64_t us)
{
	uint64_t end = w.now + us;
	for (;;) {
		uint64_t next = w.count ? w.queue[w.first].at : TIME_NEVER;
		for (int i = 0; i < 2; i++)
			next = time_min(next, ice_deadline(w.ice[i]));
		if (next > end)
			break;
		w.now = next > w.now ? next : w.now;
		if (w.count && w.queue[w.first].at <= w.now) {
			operation o = w.queue[w.first];
			w.first = (w.first + 1) % OPERATIONS_MAX;
			w.count--;
			arrive(&o);
		}
		for (int i = 0; i < 2; i++)
			if (ice_deadline(w.ice[i]) <= w.now) {
				ice_timeout(w.ice[i], w.now);
				drain(i);
			}
	}
	w.now = end;
}

/* --- set-up --- */

static void begin(uint64_t seed)
{
	memset(&w, 0, sizeof w);
	w.now = NOW;
	rng_seeded_init(&w.rng, seed);
	for (int i = 0; i < 2; i++) {
		ice_config_default(&w.config[i]);
		w.config[i].random = rng_seeded_source(&w.rng);
		w.config[i].controlling = i == 0;
		w.config[i].tcp = true;
		w.offers[i] = true;
	}
}

static bool create(void)
{
	return ice_create(&w.config[0], &w.ice[0]) == 0 && ice_create(&w.config[1], &w.ice[1]) == 0;
}

static void add_locals(void)
{
	for (int i = 0; i < 2; i++) {
		parley_addr udp = address(i, PARLEY_UDP, UDP_PORT), tcp = address(i, PARLEY_TCP, PASSIVE_PORT);
		(void)ice_add_local(w.ice[i], w.now, &udp);
		if (w.listens[i])
			(void)ice_add_local(w.ice[i], w.now, &tcp);
		ice_end_of_sources(w.ice[i], w.now);
		drain(i);
	}
}

static void signal_each_other(void)
{
	for (int i = 0; i < 2; i++)
		(void)ice_set_remote(w.ice[i], w.now, slice_from_string(ice_local_ufrag(w.ice[1 - i])),
				     slice_from_string(ice_local_pwd(w.ice[1 - i])), false);
	for (int i = 0; i < 2; i++) {
		for (size_t k = 0; k < w.candidate_count[1 - i] && w.offers[1 - i]; k++)
			(void)ice_add_remote_candidate(w.ice[i], w.now, &w.candidates[1 - i][k]);
		ice_end_of_remote_candidates(w.ice[i], w.now);
	}
	drain(0);
	drain(1);
}

static void go(void)
{
	assert_true(create());
	add_locals();
	signal_each_other();
}

static void end(void)
{
	for (int i = 0; i < 2; i++)
		ice_destroy(w.ice[i]);
}

static void assert_connected(uint8_t transport)
{
	for (int i = 0; i < 2; i++) {
		parley_addr local, remote;
		assert_int_equal(ice_get_state(w.ice[i]), ICE_COMPLETED);
		assert_true(ice_selected(w.ice[i], &local, &remote));
		assert_int_equal(local.transport, transport);
		assert_int_equal(remote.transport, transport);
		assert_true(ice_is_validated(w.ice[i], &local, &remote));
	}
}

static bool say(int side, uint8_t byte)
{
	uint8_t bytes[ICE_HEADROOM + 600 + ICE_TAILROOM];
	memset(bytes, 100, sizeof bytes);
	bytes[ICE_HEADROOM + 599] = byte;
	ice_packet p = {.data = {.data = bytes + ICE_HEADROOM, .capacity = 600 + ICE_TAILROOM, .len = 600}};
	if (!ice_selected(w.ice[side], &p.local, &p.remote) || !ice_envelop(w.ice[side], w.now, &p))
		return false;
	transmit(side, &p);
	return true;
}

static void assert_data_flows(uint8_t byte)
{
	for (int i = 0; i < 2; i++) {
		size_t before = w.received[i];
		assert_true(say(1 - i, byte));
		run(2 * DELAY_US);
		assert_int_equal(w.received[i] - before, 600);
		assert_int_equal(w.last[i], byte);
	}
}

static ice_pair_info selected(int side)
{
	ice_pair_info pairs[ICE_PAIRS_MAX];
	size_t count = ice_get_pairs(w.ice[side], pairs, ICE_PAIRS_MAX);
	for (size_t i = 0; i < count; i++)
		if (pairs[i].selected)
			return pairs[i];
	fail();
	return pairs[0];
}

/* --- tests --- */

static void candidates_say_who_opens(void **state)
{
	(void)state;
	begin(1);
	w.listens[0] = true;
	go();
	char line[ICE_CANDIDATE_TEXT];
	unsigned active = 0, passive = 0;
	for (size_t i = 0; i < w.candidate_count[0]; i++) {
		const ice_candidate *c = &w.candidates[0][i];
		text t = text_of(line, sizeof line);
		ice_candidate_print(c, &t);
		active += strstr(line, " tcp ") && strstr(line, " 9 typ host tcptype active");
		passive += strstr(line, " tcp ") && strstr(line, " 4000 typ host tcptype passive");
		if (c->tcptype == ICE_TCPTYPE_ACTIVE) /* RFC 6544 4.2 */
			assert_int_equal(c->priority >> 21 & 7, 6);
		if (c->tcptype == ICE_TCPTYPE_PASSIVE)
			assert_int_equal(c->priority >> 21 & 7, 4);
	}
	assert_int_equal(active, 1);
	assert_int_equal(passive, 1);
	end();
}

static void either_role_may_open(void **state)
{
	(void)state;
	for (int opener = 0; opener < 2; opener++) {
		begin(2 + (uint64_t)opener);
		w.listens[1 - opener] = true;
		go();
		run(5 * US_PER_S);
		assert_connected(PARLEY_TCP);
		assert_int_equal(w.opened[opener], 1);
		assert_int_equal(w.opened[1 - opener], 0);
		assert_data_flows(7);
		const ice_pair_info pair = selected(opener);
		assert_int_equal(ice_local_candidate(w.ice[opener], pair.local)->type, ICE_HOST);
		assert_int_equal(ice_remote_candidate(w.ice[opener], pair.remote)->type, ICE_HOST);
		end();
	}
}

static void of_two_connections_one_remains(void **state)
{
	(void)state;
	begin(4);
	w.listens[0] = w.listens[1] = true;
	go();
	run(60 * US_PER_S);
	assert_connected(PARLEY_TCP);
	assert_data_flows(8);
	end();
}

static void udp_is_preferred(void **state)
{
	(void)state;
	begin(5);
	w.listens[0] = w.listens[1] = w.udp = true;
	go();
	run(60 * US_PER_S);
	assert_connected(PARLEY_UDP);
	end();
}

static void a_refused_connection_fails_its_pair(void **state)
{
	(void)state;
	begin(6);
	w.listens[1] = true;
	assert_true(create());
	add_locals();
	w.listens[1] = false; /* gone meanwhile */
	signal_each_other();
	run(60 * US_PER_S);
	assert_int_equal(w.opened[0], 1);
	assert_int_equal(ice_get_state(w.ice[0]), ICE_FAILED);
	assert_int_equal(ice_get_state(w.ice[1]), ICE_FAILED);
	end();
}

static void a_lost_connection_is_opened_again(void **state)
{
	(void)state;
	begin(7);
	w.listens[1] = true;
	go();
	run(5 * US_PER_S);
	assert_connected(PARLEY_TCP);
	for (int i = 0; i < 2; i++) {
		ice_stream_closed(w.ice[i], w.now, w.connections[0].stream[i], PARLEY_ECLOSED, "reset");
		w.connections[0].stream[i] = 0;
		drain(i);
		parley_addr local, remote;
		assert_false(ice_selected(w.ice[i], &local, &remote));
	}
	run(2 * US_PER_S);
	assert_connected(PARLEY_TCP);
	assert_int_equal(w.opened[0], 2);
	assert_int_equal(w.disconnections[0], 1);
	assert_data_flows(10);
	end();
}

static void a_restart_goes_over_the_same_connection(void **state)
{
	(void)state;
	begin(8);
	w.listens[1] = true;
	go();
	run(5 * US_PER_S);
	for (int i = 0; i < 2; i++) {
		w.candidate_count[i] = 0;
		assert_int_equal(ice_restart(w.ice[i], w.now), 0);
		drain(i);
	}
	assert_data_flows(11);
	signal_each_other();
	run(5 * US_PER_S);
	assert_connected(PARLEY_TCP);
	assert_int_equal(w.opened[0], 1);
	assert_data_flows(12);
	end();
}

static void frames_come_in_any_cutting(void **state)
{
	(void)state;
	static const size_t cuts[] = {1, 2, 3, 7, 101};
	for (size_t i = 0; i < ARRAY_LENGTH(cuts); i++) {
		begin(20 + i);
		w.listens[1] = true;
		w.chunk = cuts[i];
		go();
		run(5 * US_PER_S);
		assert_connected(PARLEY_TCP);
		assert_data_flows((uint8_t)i);
		end();
	}
}

static uint32_t stranger(unsigned number)
{
	parley_addr listener = address(1, PARLEY_TCP, PASSIVE_PORT);
	parley_addr from = addr_ipv4(198, 51, 100, (uint8_t)(number % 250 + 1), (uint16_t)(1000 + number));
	uint32_t stream = 0;
	from.transport = PARLEY_TCP;
	assert_int_equal(ice_stream_accepted(w.ice[1], w.now, &listener, &from, &stream), 0);
	drain(1);
	return stream;
}

static void strangers_hold_little_for_a_short_while(void **state)
{
	(void)state;
	begin(30);
	w.listens[1] = true;
	assert_true(create());
	add_locals();
	for (unsigned i = 0; i < 100; i++)
		assert_true(stranger(i) > 0);
	assert_int_equal(w.closed[1], 100 - ICE_STRANGERS_MAX);
	signal_each_other();
	run(5 * US_PER_S);
	assert_connected(PARLEY_TCP); /* all the same */
	run(ICE_STRANGER_US);
	assert_int_equal(w.closed[1], 100);
	assert_data_flows(13);
	end();
}

static void a_frame_too_long_ends_the_connection(void **state)
{
	(void)state;
	begin(31);
	w.listens[1] = true;
	go();
	uint32_t stream = stranger(1);
	static const uint8_t empty[] = {0, 0, 0, 0}, longest[] = {0xff, 0xff, 1};
	ice_stream_receive(w.ice[1], w.now, stream, slice_of(empty, sizeof empty));
	drain(1);
	assert_int_equal(w.closed[1], 0);
	ice_stream_receive(w.ice[1], w.now, stream, slice_of(longest, sizeof longest));
	drain(1);
	assert_int_equal(w.closed[1], 1);
	ice_stream_receive(w.ice[1], w.now, stream, slice_of(longest, sizeof longest)); /* late: ignored */
	run(5 * US_PER_S);
	assert_connected(PARLEY_TCP);
	end();
}

static void what_cannot_be_accepted_is_refused(void **state)
{
	(void)state;
	begin(32);
	w.listens[1] = true;
	w.config[0].relay_only = true;
	go();
	uint32_t stream;
	parley_addr listener = address(1, PARLEY_TCP, PASSIVE_PORT), udp = address(1, PARLEY_UDP, PASSIVE_PORT);
	parley_addr from = address(0, PARLEY_TCP, 1);
	assert_int_equal(ice_stream_accepted(w.ice[1], w.now, &udp, &from, &stream), PARLEY_ENOTFOUND);
	assert_int_equal(ice_stream_accepted(w.ice[1], w.now, &listener, &udp, &stream), PARLEY_EINVAL);
	assert_int_equal(ice_stream_accepted(w.ice[0], w.now, &listener, &from, &stream), PARLEY_ENOTFOUND);
	assert_int_equal(ice_stream_accepted(w.ice[1], w.now, &listener, &from, &stream), 0);
	assert_int_equal(ice_stream_accepted(w.ice[1], w.now, &listener, &from, &stream), PARLEY_EINVAL);
	assert_int_equal(w.candidate_count[0], 0); /* relays only, so no way over TCP */
	ice_close(w.ice[1], w.now);
	assert_int_equal(ice_stream_accepted(w.ice[1], w.now, &listener, &from, &stream), PARLEY_ESTATE);
	end();
}

static void a_socket_that_goes_takes_its_connections_along(void **state)
{
	(void)state;
	begin(33);
	w.listens[0] = w.listens[1] = true;
	go();
	run(5 * US_PER_S);
	parley_addr udp = address(0, PARLEY_UDP, UDP_PORT), tcp = address(0, PARLEY_TCP, PASSIVE_PORT);
	parley_addr active = address(0, PARLEY_TCP, 9);
	assert_int_equal(ice_remove_local(w.ice[0], w.now, &active), PARLEY_ENOTFOUND); /* it is not the owner's */
	assert_int_equal(ice_remove_local(w.ice[0], w.now, &udp), 0);
	assert_int_equal(ice_remove_local(w.ice[0], w.now, &tcp), 0);
	drain(0);
	run(US_PER_S);
	parley_addr local, remote;
	assert_false(ice_selected(w.ice[0], &local, &remote));
	assert_false(ice_selected(w.ice[1], &local, &remote));
	end();
}

static void live(void *context)
{
	(void)context;
	begin(40);
	w.listens[0] = w.listens[1] = true;
	if (create()) {
		add_locals();
		signal_each_other();
		run(2 * US_PER_S);
		(void)say(0, 1);
		run(US_PER_S);
	}
	end();
}

static void every_allocation_may_fail(void **state)
{
	(void)state;
	failmalloc_loop(live, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(candidates_say_who_opens),
		cmocka_unit_test(either_role_may_open),
		cmocka_unit_test(of_two_connections_one_remains),
		cmocka_unit_test(udp_is_preferred),
		cmocka_unit_test(a_refused_connection_fails_its_pair),
		cmocka_unit_test(a_lost_connection_is_opened_again),
		cmocka_unit_test(a_restart_goes_over_the_same_connection),
		cmocka_unit_test(frames_come_in_any_cutting),
		cmocka_unit_test(strangers_hold_little_for_a_short_while),
		cmocka_unit_test(a_frame_too_long_ends_the_connection),
		cmocka_unit_test(what_cannot_be_accepted_is_refused),
		cmocka_unit_test(a_socket_that_goes_takes_its_connections_along),
		cmocka_unit_test(every_allocation_may_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
