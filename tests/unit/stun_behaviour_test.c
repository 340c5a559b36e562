/* stun/behaviour.h, against NATs and servers that behave as a table says. */
#include "tests/support/test.h"

#include <limits.h>
#include <string.h>

#include "base/addr.h"
#include "base/rng.h"
#include "base/time.h"
#include "stun/behaviour.h"
#include "stun/build.h"

#define START (5 * US_PER_S)
#define HALF_RTT (10 * US_PER_MS)
#define FLIGHTS_MAX 16u
#define SENDINGS_MAX 64u
#define FIRST_PORT 40000u /* the inner ports are 40000 and 40001 */
#define OUTER_PORT 60000u /* outer ports count from here */
#define NOTHING_LOST UINT_MAX

typedef enum {
	SERVER_FULL,
	SERVER_PLAIN,		/* one address: no OTHER-ADDRESS, 420 for CHANGE-REQUEST */
	SERVER_IGNORES_CHANGE,	/* answers from where it was asked */
	SERVER_OTHER_IS_BROKEN, /* OTHER-ADDRESS is its first one */
	SERVER_OTHER_IS_DEAD,	/* nothing answers at the other IP address */
	SERVER_WANTS_PASSWORD,
	SERVER_ABSENT,
} server_kind;

typedef struct {
	bool translates;
	stun_dependence mapping, filtering;
	bool hairpins, rewrites, keeps_port;
	server_kind server;
	unsigned lose; /* this sending of each test is lost, counted from 0; NOTHING_LOST: none is */
} scenario;

typedef struct {
	uint64_t at;
	bool outward;
	size_t port; /* inward */
	parley_addr from, to;
	uint8_t bytes[128];
	size_t len;
} flight;

/* One packet that left the NAT. */
typedef struct {
	uint16_t inner, outer;
	parley_addr to;
} sending;

typedef struct {
	scenario s;
	stun_behaviour b;
	rng_seeded seed;
	uint64_t now;
	flight flights[FLIGHTS_MAX];
	size_t flight_count;
	sending sendings[SENDINGS_MAX];
	size_t sending_count;
	uint16_t next_outer;
	uint64_t new_requests[STUN_TESTS]; /* when each was first seen */
	size_t new_request_count;
} world;

static parley_addr inner_address(size_t port)
{
	return addr_ipv4(10, 0, 0, 2, (uint16_t)(FIRST_PORT + port));
}

static parley_addr server_address(unsigned ip, unsigned port)
{
	return addr_ipv4(192, 0, 2, (uint8_t)(10 + ip), (uint16_t)(3478 + port));
}

static bool is_server(const parley_addr *a)
{
	parley_addr first = server_address(0, 0), second = server_address(1, 0);
	return addr_equal_ip(a, &first) || addr_equal_ip(a, &second);
}

static void fly(world *w, flight f)
{
	assert_true(w->flight_count < FLIGHTS_MAX);
	f.at = w->now + HALF_RTT;
	w->flights[w->flight_count++] = f;
}

/* --- the NAT --- */

static bool same_by(stun_dependence dependence, const parley_addr *a, const parley_addr *b)
{
	return dependence == STUN_ENDPOINT_INDEPENDENT ||
	       (dependence == STUN_ADDRESS_DEPENDENT && addr_equal_ip(a, b)) || addr_equal(a, b);
}

static uint16_t outer_port(world *w, uint16_t inner, const parley_addr *to)
{
	for (size_t i = 0; i < w->sending_count; i++)
		if (w->sendings[i].inner == inner && same_by(w->s.mapping, &w->sendings[i].to, to))
			return w->sendings[i].outer;
	return w->s.keeps_port ? inner : w->next_outer++;
}

static parley_addr translate_out(world *w, const parley_addr *from, const parley_addr *to)
{
	assert_true(w->sending_count < SENDINGS_MAX);
	uint16_t outer = w->s.translates ? outer_port(w, from->port, to) : from->port;
	w->sendings[w->sending_count++] = (sending){.inner = from->port, .outer = outer, .to = *to};
	return w->s.translates ? addr_ipv4(203, 0, 113, 1, outer) : *from;
}

/* False: the NAT has no such port, or filters what comes from there. */
static bool translate_in(const world *w, const parley_addr *from, const parley_addr *to, size_t *port)
{
	for (size_t i = 0; i < w->sending_count; i++)
		if (w->sendings[i].outer == to->port && same_by(w->s.filtering, &w->sendings[i].to, from)) {
			*port = w->sendings[i].inner - FIRST_PORT;
			return true;
		}
	return false;
}

/* --- the server --- */

static void put_answer(const world *w, writer *out, const stun_message *m, const flight *f, const parley_addr *origin)
{
	bool refuse = w->s.server == SERVER_PLAIN && m->has_change_request;
	bool full = w->s.server != SERVER_PLAIN;
	unsigned ip = f->to.ip[3] - 10u, port = f->to.port - 3478u;
	parley_addr other = w->s.server == SERVER_OTHER_IS_BROKEN ? server_address(0, 0) : server_address(!ip, !port);
	stun_begin(out, refuse || w->s.server == SERVER_WANTS_PASSWORD ? STUN_ERROR : STUN_SUCCESS, STUN_BINDING,
		   &m->id);
	if (refuse || w->s.server == SERVER_WANTS_PASSWORD) {
		stun_put_error(out, refuse ? STUN_UNKNOWN_ATTRIBUTE : STUN_UNAUTHENTICATED, NULL);
		return;
	}
	parley_addr inner = inner_address(0);
	stun_put_address(out, STUN_ATTR_MAPPED_ADDRESS, w->s.rewrites ? &inner : &f->from);
	stun_put_xor_address(out, STUN_ATTR_XOR_MAPPED_ADDRESS, &f->from);
	stun_put_address(out, STUN_ATTR_RESPONSE_ORIGIN, origin);
	if (full)
		stun_put_address(out, STUN_ATTR_OTHER_ADDRESS, &other);
}

static void serve(world *w, const flight *f)
{
	stun_message m;
	assert_int_equal(stun_parse(slice_of(f->bytes, f->len), &m), 0);
	unsigned ip = f->to.ip[3] - 10u, port = f->to.port - 3478u;
	if (w->s.server == SERVER_ABSENT || (w->s.server == SERVER_OTHER_IS_DEAD && ip == 1))
		return;
	uint32_t change = w->s.server == SERVER_IGNORES_CHANGE || !m.has_change_request ? 0 : m.change_request;
	parley_addr origin =
		server_address(change & STUN_CHANGE_IP ? !ip : ip, change & STUN_CHANGE_PORT ? !port : port);
	flight answer = {.from = origin, .to = f->from};
	writer out = writer_of(answer.bytes, sizeof answer.bytes);
	put_answer(w, &out, &m, f, &origin);
	assert_false(out.bad);
	answer.len = out.len;
	fly(w, answer);
}

/* --- the world --- */

static void land(world *w, const flight *f)
{
	size_t port;
	if (f->outward && is_server(&f->to)) {
		serve(w, f);
	} else if (f->outward) { /* to the NAT's own address */
		if (w->s.hairpins && translate_in(w, &f->from, &f->to, &port))
			assert_true(stun_behaviour_receive(&w->b, w->now, port, &f->from, slice_of(f->bytes, f->len)));
	} else if (translate_in(w, &f->from, &f->to, &port)) {
		(void)stun_behaviour_receive(&w->b, w->now, port, &f->from, slice_of(f->bytes, f->len));
	}
}

static void send_all(world *w)
{
	uint8_t bytes[STUN_BEHAVIOUR_REQUEST_MAX];
	stun_behaviour_packet p = {.data = {.data = bytes, .capacity = sizeof bytes}};
	while (stun_behaviour_poll_transmit(&w->b, w->now, &p)) {
		unsigned sends = 0;
		for (size_t i = 0; i < STUN_TESTS; i++)
			if (w->b.tests[i].txn.sends > 0 &&
			    slice_equal(w->b.tests[i].txn.request, slice_of(p.data.data, p.data.len)))
				sends = w->b.tests[i].txn.sends;
		if (sends == 1)
			w->new_requests[w->new_request_count++] = w->now;
		/* RFC 5780 4.4: "no binding be established to the alternate address and port" */
		parley_addr other = server_address(1, 0);
		assert_false(p.port == 1 && addr_equal_ip(&p.remote, &other));
		parley_addr inner = inner_address(p.port);
		flight f = {.outward = true,
			    .from = translate_out(w, &inner, &p.remote),
			    .to = p.remote,
			    .len = p.data.len};
		memcpy(f.bytes, p.data.data, p.data.len);
		if (sends - 1 != w->s.lose)
			fly(w, f);
	}
	stun_behaviour_check_invariants(&w->b);
}

static uint64_t next_event(const world *w)
{
	uint64_t at = stun_behaviour_deadline(&w->b);
	for (size_t i = 0; i < w->flight_count; i++)
		at = time_min(at, w->flights[i].at);
	return at;
}

static void land_due(world *w)
{
	for (size_t i = 0; i < w->flight_count;) {
		if (w->flights[i].at > w->now) {
			i++;
			continue;
		}
		flight f = w->flights[i];
		w->flights[i] = w->flights[--w->flight_count];
		land(w, &f);
		send_all(w);
	}
}

static int fail_random(void *context, uint8_t *out, size_t len)
{
	(void)context, (void)out, (void)len;
	return PARLEY_EIO;
}

static void begin(world *w, const scenario *s)
{
	*w = (world){.s = *s, .now = START, .next_outer = OUTER_PORT};
	rng_seeded_init(&w->seed, 5780);
	parley_random random = rng_seeded_source(&w->seed);
	parley_addr local[STUN_BEHAVIOUR_PORTS] = {inner_address(0), inner_address(1)}, server = server_address(0, 0);
	assert_int_equal(stun_behaviour_start(&w->b, w->now, &random, local, &server), 0);
	assert_false(stun_behaviour_get(&w->b).done);
	send_all(w);
}

static stun_behaviour_result discover(world *w, const scenario *s)
{
	begin(w, s);
	for (uint64_t at; (at = next_event(w)) != TIME_NEVER;) {
		assert_true(at >= w->now);
		w->now = at;
		land_due(w);
		stun_behaviour_timeout(&w->b, w->now);
		send_all(w);
	}
	stun_behaviour_result r = stun_behaviour_get(&w->b);
	assert_true(r.done);
	return r;
}

static void every_kind_of_nat_is_told(void **state)
{
	(void)state;
	for (stun_dependence mapping = STUN_ENDPOINT_INDEPENDENT; mapping <= STUN_ADDRESS_AND_PORT_DEPENDENT; mapping++)
		for (stun_dependence filtering = STUN_ENDPOINT_INDEPENDENT;
		     filtering <= STUN_ADDRESS_AND_PORT_DEPENDENT; filtering++) {
			world w;
			stun_behaviour_result r = discover(&w, &(scenario){.translates = true,
									   .mapping = mapping,
									   .filtering = filtering,
									   .lose = NOTHING_LOST});
			assert_true(r.reachable && r.supported && r.translated && !r.rewritten && !r.port_kept);
			assert_int_equal(r.mapping, mapping);
			assert_int_equal(r.filtering, filtering);
			assert_int_equal(r.hairpin, STUN_HAIRPIN_NO);
			assert_int_equal(r.mapped.port, OUTER_PORT);
			assert_int_equal(r.rtt_us, 2 * HALF_RTT);
			assert_true(w.now < START + 5 * US_PER_S);
		}
}

/* RFC 5780 4.3: "the client knows that it is not NATed"; filters there may be all the same. */
static void firewalls_without_nat_are_told(void **state)
{
	(void)state;
	for (stun_dependence filtering = STUN_ENDPOINT_INDEPENDENT; filtering <= STUN_ADDRESS_AND_PORT_DEPENDENT;
	     filtering++) {
		world w;
		stun_behaviour_result r = discover(&w, &(scenario){.filtering = filtering, .lose = NOTHING_LOST});
		assert_true(r.reachable && r.supported && !r.translated && !r.port_kept);
		assert_int_equal(r.mapping, STUN_ENDPOINT_INDEPENDENT);
		assert_int_equal(r.filtering, filtering);
		assert_int_equal(r.hairpin, STUN_HAIRPIN_UNKNOWN);
		assert_int_equal(w.b.tests[STUN_TEST_MAPPING_2].state, STUN_TEST_IDLE);
	}
}

static void hairpins_are_seen_through_any_filter(void **state)
{
	(void)state;
	for (stun_dependence filtering = STUN_ENDPOINT_INDEPENDENT; filtering <= STUN_ADDRESS_AND_PORT_DEPENDENT;
	     filtering++) {
		world w;
		stun_behaviour_result r = discover(&w, &(scenario){.translates = true,
								   .mapping = STUN_ENDPOINT_INDEPENDENT,
								   .filtering = filtering,
								   .hairpins = true,
								   .keeps_port = true,
								   .lose = NOTHING_LOST});
		assert_int_equal(r.hairpin, STUN_HAIRPIN_YES);
		assert_true(r.port_kept);
	}
}

static void a_lost_packet_changes_nothing(void **state)
{
	(void)state;
	for (unsigned lose = 0; lose < STUN_BEHAVIOUR_SENDS; lose++) {
		world w;
		stun_behaviour_result r = discover(&w, &(scenario){.translates = true,
								   .mapping = STUN_ADDRESS_DEPENDENT,
								   .filtering = STUN_ADDRESS_DEPENDENT,
								   .lose = lose});
		assert_int_equal(r.mapping, STUN_ADDRESS_DEPENDENT);
		assert_int_equal(r.filtering, STUN_ADDRESS_DEPENDENT);
		assert_int_equal(r.rtt_us,
				 lose == 0 ? 0 : 2 * HALF_RTT); /* Karn: of which sending would it be the answer? */
	}
}

static void without_udp_nothing_is_known_soon(void **state)
{
	(void)state;
	world w;
	stun_behaviour_result r = discover(&w, &(scenario){.translates = true,
							   .mapping = STUN_ENDPOINT_INDEPENDENT,
							   .server = SERVER_ABSENT,
							   .lose = NOTHING_LOST});
	assert_false(r.reachable || r.supported || r.translated);
	assert_int_equal(r.mapping, STUN_DEPENDENCE_UNKNOWN);
	assert_int_equal(r.filtering, STUN_DEPENDENCE_UNKNOWN);
	assert_int_equal(w.now - START, 3300 * US_PER_MS + STUN_BEHAVIOUR_PACE_US);
}

static void a_server_that_cannot_tell_is_not_believed(void **state)
{
	(void)state;
	static const struct {
		server_kind server;
		bool reachable, supported;
		stun_dependence mapping, filtering;
	} CASES[] = {
		{SERVER_PLAIN, true, false, STUN_DEPENDENCE_UNKNOWN, STUN_DEPENDENCE_UNKNOWN},
		{SERVER_OTHER_IS_BROKEN, true, false, STUN_DEPENDENCE_UNKNOWN, STUN_DEPENDENCE_UNKNOWN},
		{SERVER_WANTS_PASSWORD, false, false, STUN_DEPENDENCE_UNKNOWN, STUN_DEPENDENCE_UNKNOWN},
		{SERVER_IGNORES_CHANGE, true, true, STUN_ENDPOINT_INDEPENDENT, STUN_DEPENDENCE_UNKNOWN},
		{SERVER_OTHER_IS_DEAD, true, true, STUN_DEPENDENCE_UNKNOWN, STUN_ENDPOINT_INDEPENDENT},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(CASES); i++) {
		world w;
		stun_behaviour_result r = discover(&w, &(scenario){.translates = true,
								   .mapping = STUN_ENDPOINT_INDEPENDENT,
								   .filtering = STUN_ENDPOINT_INDEPENDENT,
								   .server = CASES[i].server,
								   .lose = NOTHING_LOST});
		assert_int_equal(r.reachable, CASES[i].reachable);
		assert_int_equal(r.supported, CASES[i].supported);
		assert_int_equal(r.mapping, CASES[i].mapping);
		assert_int_equal(r.filtering, CASES[i].filtering);
	}
}

static void rewritten_addresses_are_noticed(void **state)
{
	(void)state;
	world w;
	stun_behaviour_result r = discover(&w, &(scenario){.translates = true,
							   .mapping = STUN_ENDPOINT_INDEPENDENT,
							   .filtering = STUN_ENDPOINT_INDEPENDENT,
							   .rewrites = true,
							   .lose = NOTHING_LOST});
	assert_true(r.rewritten);
	assert_int_equal(r.mapped.ip[0], 203); /* what was hidden is what counts */
}

/* RFC 5780 5: "SHOULD NOT generate more than ten new STUN transactions per second" */
static void new_tests_keep_the_pace(void **state)
{
	(void)state;
	world w;
	(void)discover(&w, &(scenario){.translates = true,
				       .mapping = STUN_ADDRESS_AND_PORT_DEPENDENT,
				       .filtering = STUN_ADDRESS_AND_PORT_DEPENDENT,
				       .lose = NOTHING_LOST});
	assert_int_equal(w.new_request_count, STUN_TESTS);
	for (size_t i = 1; i < w.new_request_count; i++)
		assert_true(w.new_requests[i] - w.new_requests[i - 1] >= STUN_BEHAVIOUR_PACE_US);
}

static void strangers_are_not_heard(void **state)
{
	(void)state;
	world w;
	begin(&w, &(scenario){.translates = true, .mapping = STUN_ENDPOINT_INDEPENDENT, .lose = NOTHING_LOST});
	parley_addr server = server_address(0, 0), forged = addr_ipv4(198, 51, 100, 1, 9);
	uint8_t bytes[128];
	writer out = writer_of(bytes, sizeof bytes);
	stun_id id = w.b.tests[STUN_TEST_MAPPING_1].txn.id;
	stun_begin(&out, STUN_SUCCESS, STUN_BINDING, &id);
	stun_put_xor_address(&out, STUN_ATTR_XOR_MAPPED_ADDRESS, &forged);
	assert_false(stun_behaviour_receive(&w.b, w.now, 1, &server, writer_slice(&out))); /* the other port asked */
	bytes[STUN_HEADER_SIZE - 1] ^= 1;						   /* another id */
	assert_false(stun_behaviour_receive(&w.b, w.now, 0, &server, writer_slice(&out)));
	assert_false(stun_behaviour_receive(&w.b, w.now, 0, &server, slice_of("GET / HTTP/1.1", 14)));
	assert_false(stun_behaviour_get(&w.b).reachable);
	bytes[STUN_HEADER_SIZE - 1] ^= 1;
	assert_true(stun_behaviour_receive(&w.b, w.now, 0, &server, writer_slice(&out)));
	assert_true(stun_behaviour_get(&w.b).reachable);
}

static void without_randomness_nothing_is_sent(void **state)
{
	(void)state;
	stun_behaviour b;
	const parley_random random = {.fill = fail_random};
	parley_addr local[STUN_BEHAVIOUR_PORTS] = {inner_address(0), inner_address(1)}, server = server_address(0, 0);
	assert_int_equal(stun_behaviour_start(&b, START, &random, local, &server), 0);
	uint8_t bytes[STUN_BEHAVIOUR_REQUEST_MAX];
	stun_behaviour_packet p = {.data = {.data = bytes, .capacity = sizeof bytes}};
	assert_false(stun_behaviour_poll_transmit(&b, START, &p));
	assert_true(stun_behaviour_get(&b).done);
	assert_false(stun_behaviour_get(&b).reachable);
}

static void sockets_must_be_of_the_servers_family(void **state)
{
	(void)state;
	stun_behaviour b;
	const parley_random random = {.fill = fail_random};
	parley_addr local[STUN_BEHAVIOUR_PORTS] = {inner_address(0), inner_address(1)};
	parley_addr server = {.family = PARLEY_IPV6, .ip = {0x20, 1, [15] = 1}, .port = 3478};
	assert_int_equal(stun_behaviour_start(&b, START, &random, local, &server), PARLEY_EINVAL);
	server = server_address(0, 0);
	local[1].port = 0;
	assert_int_equal(stun_behaviour_start(&b, START, &random, local, &server), PARLEY_EINVAL);
}

static void names_are_those_of_the_rfc(void **state)
{
	(void)state;
	assert_string_equal(stun_dependence_name(STUN_ADDRESS_AND_PORT_DEPENDENT), "address-and-port-dependent");
	assert_string_equal(stun_dependence_name(STUN_DEPENDENCE_UNKNOWN), "unknown");
	assert_string_equal(stun_hairpin_name(STUN_HAIRPIN_YES), "yes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_nat_is_told),
		cmocka_unit_test(firewalls_without_nat_are_told),
		cmocka_unit_test(hairpins_are_seen_through_any_filter),
		cmocka_unit_test(a_lost_packet_changes_nothing),
		cmocka_unit_test(without_udp_nothing_is_known_soon),
		cmocka_unit_test(a_server_that_cannot_tell_is_not_believed),
		cmocka_unit_test(rewritten_addresses_are_noticed),
		cmocka_unit_test(new_tests_keep_the_pace),
		cmocka_unit_test(strangers_are_not_heard),
		cmocka_unit_test(without_randomness_nothing_is_sent),
		cmocka_unit_test(sockets_must_be_of_the_servers_family),
		cmocka_unit_test(names_are_those_of_the_rfc),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
