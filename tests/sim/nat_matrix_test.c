/*
 * Every kind of site with every other: each pair of peers that can connect does, by the best way there is, each message
 * arrives once, and those that cannot are told why within the ICE time-out. 100 seeds a cell.
 *
 *     nat_matrix_test                                the tests, with the tables
 *     nat_matrix_test --seeds N                      more or fewer seeds than 100
 *     nat_matrix_test --seed N --cell A,B [--ip V]   one call, its trace of packets and events on stdout; A, B: names of
 *                                                    kinds (tests/sim/site.h), V: a number, see variants below
 *
 * In a table: the way, the types at both ends where it is direct, the round trips from the answer's departure to ICE
 * connected at both ends (median/worst; a round trip is the direct one), connectivity checks sent by both (median).
 */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "tests/sim/call.h"
#include "tests/sim/simturn.h"
#include "tests/sim/site.h"

#define SEEDS_DEFAULT 100u
#define SEEDS_MAX 10000u
#define CONNECT_LIMIT (UINT64_C(30) * US_PER_S)
#define FAIL_LIMIT (UINT64_C(60) * US_PER_S) /* RFC 8863: 39.5 s from the first pair; and the last checks' time-outs */
#define SETTLE_US (UINT64_C(5) * US_PER_S)   /* by then nothing better comes */
#define ROUND_TRIPS_MAX 60.0 /* where only a repeated check gets through: RFC 8445 14.3 repeats after 500 ms */
#define MESSAGES 5u
#define MESSAGE_LEN 400u

static unsigned seeds = SEEDS_DEFAULT;

typedef struct {
	const char *name;
	site a, b; /* without their kinds */
} variant;

static const variant variants[] = {
	{"IPv4", {0}, {0}},
	{"IPv4, and IPv6 without filters", {.ipv6 = SITE_IPV6_OPEN}, {.ipv6 = SITE_IPV6_OPEN}},
	{"IPv4, and IPv6 behind stateful firewalls", {.ipv6 = SITE_IPV6_FIREWALL}, {.ipv6 = SITE_IPV6_FIREWALL}},
	{"IPv4 with dual stack", {0}, {.ipv6 = SITE_IPV6_FIREWALL}},
};

typedef struct {
	const variant *variant;
	site a, b;
	bool turn;
} cell;

typedef struct {
	site_way way;
	unsigned relays;
	char types[20];
	double round_trips;
	unsigned checks;
} outcome;

typedef struct {
	call call;
	simturn server;
	uint64_t direct_round_trip;
} world;

/* --- one call --- */

static void add_server(world *w, bool turn)
{
	simturn_config config = {.name = "turn.example", .realm = "sim"};
	parley_addr ipv6 = {.family = PARLEY_IPV6, .ip = {0x20, 0x01, 0x0d, 0xb8, [15] = 10}};
	const simnet_interface interfaces[] = {{.ip = addr_ipv4(203, 0, 113, 10, 0)}, {.ip = ipv6}};
	if (turn)
		config.username = config.password = "sim";
	simturn_add(&w->server, &w->call.net, "server", &config, interfaces, 2);
	simnet_add_name(&w->call.net, config.name, &interfaces[0].ip);
	simnet_add_name(&w->call.net, config.name, &interfaces[1].ip);
}

static const parley_ice_server stun_servers[] = {{.url = "stun:turn.example"}};

static void world_init(world *w, const cell *c, uint64_t seed)
{
	rng_seeded choice;
	rng_seeded_init(&choice, seed ^ UINT64_C(0xce11));
	simnet_path path = {.delay_us = (5 + rng_seeded_below(&choice, 96)) * US_PER_MS,
			    .jitter_us = rng_seeded_below(&choice, 5) * US_PER_MS,
			    .loss = (unsigned)rng_seeded_below(&choice, 3) * 5};
	simnet_path inside = {.delay_us = rng_seeded_below(&choice, 5) * US_PER_MS};
	call_options options = {.messages = MESSAGES,
				.message_len = MESSAGE_LEN,
				.signaling_delay = (1 + rng_seeded_below(&choice, 100)) * US_PER_MS,
				.wait_for_gathering = rng_seeded_below(&choice, 2)};
	parley_core_config config;
	parley_core_config_default(&config);
	config.log_level = PARLEY_LOG_INFO;
	config.ice_servers = stun_servers;
	config.ice_server_count = ARRAY_LENGTH(stun_servers);
	call_init_network(&w->call, seed, &path, &options);
	add_server(w, c->turn);
	bool alike = rng_seeded_below(&choice, 2);
	w->direct_round_trip = 2 * path.delay_us;
	const site *sites[] = {&c->a, &c->b};
	for (unsigned i = 0; i < 2; i++) {
		simnet_interface interfaces[SITE_INTERFACES];
		size_t count = site_add(&w->call.net, sites[i], i, alike, &inside, interfaces);
		w->direct_round_trip += interfaces[0].box ? 2 * inside.delay_us : 0;
		call_join(&w->call, &config, interfaces, count);
	}
}

/* Sends messages each way, and sees what the relay has of them. */
static bool find_way(world *w, outcome *o)
{
	call *c = &w->call;
	uint64_t before[SIMTURN_OVERS], relayed = 0;
	memcpy(before, w->server.count.bytes_from, sizeof before);
	call_send(c, MESSAGES);
	if (!call_run(c, SETTLE_US))
		return false;
	o->way = WAY_NONE;
	for (unsigned i = 0; i < SIMTURN_OVERS; i++) {
		uint64_t bytes = w->server.count.bytes_from[i] - before[i];
		if (bytes >= MESSAGES * MESSAGE_LEN)
			o->way = (site_way)(WAY_RELAY_UDP + i);
		relayed += bytes;
	}
	o->relays = (unsigned)((relayed + MESSAGES * MESSAGE_LEN) / (2 * MESSAGES * MESSAGE_LEN));
	const call_end *ends = c->ends;
	bool hosts = strcmp(ends[0].local_type, "host") == 0 && strcmp(ends[0].remote_type, "host") == 0;
	if (!o->relays)
		o->way = hosts ? WAY_HOST : WAY_REFLEXIVE;
	snprintf(o->types, sizeof o->types, "%s-%s", ends[0].local_type, ends[1].local_type);
	return true;
}

static bool messages_are_exact(const call *c)
{
	for (int i = 0; i < 2; i++)
		if (c->ends[i].misordered || c->ends[i].received != c->options.messages)
			return false;
	return true;
}

/* What went wrong; NULL: nothing. */
static const char *connects(world *w, const cell *c, outcome *o)
{
	struct call *talk = &w->call;
	if (!call_run(talk, CONNECT_LIMIT))
		return "not connected in time";
	call_run_for(talk, SETTLE_US);
	if (!find_way(w, o))
		return "messages do not arrive any more";
	call_run_for(talk, US_PER_S); /* so that a message that comes twice is seen */
	if (!messages_are_exact(talk))
		return "a message was lost, repeated or out of order";
	const call_end *ends = talk->ends;
	uint64_t from = ends[1].described_at;
	uint64_t until = ends[0].ice_connected_at > ends[1].ice_connected_at ? ends[0].ice_connected_at
									     : ends[1].ice_connected_at;
	o->round_trips = (double)(until - from) / (double)w->direct_round_trip;
	o->checks = (unsigned)(ends[0].node->checks_sent + ends[1].node->checks_sent) + w->server.count.checks;
	if (o->way != site_best_way(&c->a, &c->b, c->turn, false))
		return "not the best way";
	if (o->round_trips > ROUND_TRIPS_MAX)
		return "took long";
	return NULL;
}

static bool has_failed(const call *c)
{
	return c->ends[0].connection_state == PARLEY_CONNECTION_FAILED &&
	       c->ends[1].connection_state == PARLEY_CONNECTION_FAILED;
}

static const char *fails(world *w)
{
	call *c = &w->call;
	uint64_t end = c->net.now + FAIL_LIMIT;
	while (!has_failed(c))
		if (!simnet_step(&c->net, end))
			return "neither connected nor failed in time";
	return c->ends[0].failure[0] && c->ends[1].failure[0] ? NULL : "failed without a reason";
}

static bool run_one(const cell *c, uint64_t seed, FILE *trace, outcome *o)
{
	world *w = malloc(sizeof *w);
	assert_non_null(w);
	*o = (outcome){.way = WAY_NONE};
	world_init(w, c, seed);
	w->call.net.trace = trace;
	call_start(&w->call);
	bool can_connect = site_best_way(&c->a, &c->b, c->turn, false) != WAY_NONE;
	const char *wrong = can_connect ? connects(w, c, o) : fails(w);
	if (!wrong && w->server.violations)
		wrong = w->server.violation;
	if (wrong)
		fprintf(stderr,
			"%s to %s, seed %llu: %s; %s %s x%u, received %u and %u, %s and %s %s; replay with --seed %llu --cell %s,%s "
			"--ip %u%s\n",
			site_kind_name(c->a.kind), site_kind_name(c->b.kind), (unsigned long long)seed, wrong,
			site_way_name(o->way), o->types, o->relays, w->call.ends[0].received, w->call.ends[1].received,
			parley_connection_state_name(w->call.ends[0].connection_state),
			parley_connection_state_name(w->call.ends[1].connection_state), w->call.ends[0].failure,
			(unsigned long long)seed, site_kind_name(c->a.kind), site_kind_name(c->b.kind),
			(unsigned)(c->variant - variants), c->turn ? "" : " --stun");
	call_clear(&w->call);
	free(w);
	return !wrong;
}

/* --- a table --- */

static int by_number(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static unsigned run_cell(const cell *c, text *out)
{
	static double round_trips[SEEDS_MAX], checks[SEEDS_MAX];
	unsigned failed = 0;
	outcome o = {0};
	for (unsigned i = 0; i < seeds; i++) {
		failed += !run_one(c, i + 1, NULL, &o);
		round_trips[i] = o.round_trips;
		checks[i] = o.checks;
	}
	qsort(round_trips, seeds, sizeof *round_trips, by_number);
	qsort(checks, seeds, sizeof *checks, by_number);
	char textual[64] = "-";
	if (o.way != WAY_NONE)
		snprintf(textual, sizeof textual, "%s %.1f/%.1f %.0f", site_way_name(o.way), round_trips[seeds / 2],
			 round_trips[seeds - 1], checks[seeds / 2]);
	text_printf(out, " %-22s", textual);
	return failed;
}

static unsigned run_table(const variant *v, bool turn)
{
	unsigned failed = 0;
	print_message("%s, %s, %u seeds a cell\n%-12s", v->name, turn ? "TURN" : "STUN only", seeds, "");
	for (unsigned b = 0; b < SITE_KINDS; b++)
		print_message(" %-22s", site_kind_name((site_kind)b));
	print_message("\n");
	for (unsigned a = 0; a < SITE_KINDS; a++) {
		char line[256];
		text t = text_of(line, sizeof line);
		for (unsigned b = 0; b < SITE_KINDS; b++) {
			cell c = {.variant = v, .a = v->a, .b = v->b, .turn = turn};
			c.a.kind = (site_kind)a;
			c.b.kind = (site_kind)b;
			failed += run_cell(&c, &t);
		}
		print_message("%-12s%s\n", site_kind_name((site_kind)a), line);
	}
	return failed;
}

static void with_stun(void **state)
{
	(void)state;
	assert_int_equal(run_table(&variants[0], false), 0);
}

static int replay(uint64_t seed, const char *names, unsigned v, bool turn)
{
	char a[32], b[32];
	if (v >= ARRAY_LENGTH(variants) || sscanf(names, "%31[^,],%31s", a, b) != 2)
		return 2;
	cell c = {.variant = &variants[v], .a = variants[v].a, .b = variants[v].b, .turn = turn};
	outcome o;
	if (!site_kind_named(a, &c.a.kind) || !site_kind_named(b, &c.b.kind))
		return 2;
	return !run_one(&c, seed, stdout, &o);
}

int main(int argc, char **argv)
{
	const char *names = NULL;
	uint64_t seed = 0;
	unsigned v = 0;
	bool turn = true;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--stun") == 0)
			turn = false;
		else if (i + 1 < argc && strcmp(argv[i], "--seed") == 0)
			seed = strtoull(argv[++i], NULL, 10);
		else if (i + 1 < argc && strcmp(argv[i], "--seeds") == 0)
			seeds = (unsigned)strtoul(argv[++i], NULL, 10) % SEEDS_MAX;
		else if (i + 1 < argc && strcmp(argv[i], "--cell") == 0)
			names = argv[++i];
		else if (i + 1 < argc && strcmp(argv[i], "--ip") == 0)
			v = (unsigned)strtoul(argv[++i], NULL, 10);
	}
	if (names)
		return replay(seed, names, v, turn);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_stun),
	};
	return cmocka_run_group_tests_name("sim/nat_matrix", tests, NULL, NULL);
}
