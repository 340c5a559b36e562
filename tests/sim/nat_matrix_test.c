/*
 * Every kind of site with every other: each pair of peers that can connect does, by the best way there is, each message
 * arrives once, and those that cannot are told why within the ICE time-out. 100 seeds a cell.
 *
 *     nat_matrix_test                                the tests, with the tables, each in a process of its own
 *     nat_matrix_test --seeds N                      more or fewer seeds than 100
 *     nat_matrix_test --seed N --cell A,B [--ip V]   one call, its trace of packets and events on stdout; A, B: names of
 *                                                    kinds (tests/sim/site.h), V: the number of a table, see below
 *
 * In a table: the way, the round trips from the answer's departure to ICE connected at both ends (median/worst; a round trip
 * is the direct one), connectivity checks sent by both (median). Where packets are lost, which a third of the seeds does not
 * know, a few calls may miss the best way for another.
 */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/addr.h"
#include "tests/sim/call.h"
#include "tests/sim/simturn.h"
#include "tests/sim/site.h"

#ifdef __SANITIZE_ADDRESS__
#define SEEDS_DEFAULT 10u /* they make a call ten times as long; the tables say how many seeds there were */
#else
#define SEEDS_DEFAULT 100u
#endif
#define SEEDS_MAX 10000u
#define CONNECT_LIMIT (UINT64_C(30) * US_PER_S)
#define FAIL_LIMIT (UINT64_C(60) * US_PER_S) /* RFC 8863: 39.5 s from the first pair; and the last checks' time-outs */
#define SETTLE_US (UINT64_C(5) * US_PER_S)   /* by then nothing better comes */
#define ROUND_TRIPS_MAX 60.0 /* where only a repeated check gets through: RFC 8445 14.3 repeats after 500 ms */
#define MESSAGES 5u
#define MESSAGE_LEN 400u

#define SECOND_BEST_MAX(calls) ((calls) / 100 + 5) /* in a table: chance is not even over few calls */

static unsigned seeds = SEEDS_DEFAULT;

typedef struct {
	const char *name;
	site a, b;	/* without their kinds */
	bool turn;	/* else the server knows only STUN */
	bool both;	/* the offer comes from either, by the seed */
	unsigned share; /* one in so many seeds */
} table;

#define IPV6_OPEN                      \
	{                              \
		.ipv6 = SITE_IPV6_OPEN \
	}
#define IPV6_FIREWALL                      \
	{                                  \
		.ipv6 = SITE_IPV6_FIREWALL \
	}

static const table tables[] = {
	{.name = "IPv4, a STUN server", .share = 1},
	{.name = "IPv4, a TURN server", .turn = true, .share = 1},
	{.name = "IPv4 and unfiltered IPv6", .a = IPV6_OPEN, .b = IPV6_OPEN, .turn = true, .both = true, .share = 1},
	{.name = "IPv4 and IPv6 behind stateful firewalls",
	 .a = IPV6_FIREWALL,
	 .b = IPV6_FIREWALL,
	 .turn = true,
	 .both = true,
	 .share = 1},
	{.name = "IPv4 alone (rows) and both (columns)", .b = IPV6_FIREWALL, .turn = true, .both = true, .share = 1},
	{.name = "IPv4 alone (rows) and IPv6 alone (columns)",
	 .b = {.no_ipv4 = true, .ipv6 = SITE_IPV6_FIREWALL},
	 .turn = true,
	 .both = true,
	 .share = 4},
};

typedef struct {
	const table *table;
	site a, b;
} cell;

typedef struct {
	site_way way;
	bool second_best; /* where packets were lost */
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

static void add_server(world *w, bool turn, bool both_families)
{
	simturn_config config = {.name = "turn.example", .realm = "sim"};
	parley_addr ipv6 = {.family = PARLEY_IPV6, .ip = {0x20, 0x01, 0x0d, 0xb8, [15] = 10}};
	const simnet_interface interfaces[] = {{.ip = addr_ipv4(203, 0, 113, 10, 0)}, {.ip = ipv6}};
	if (turn)
		config.username = config.password = "sim";
	simturn_add(&w->server, &w->call.net, "server", &config, interfaces, 2);
	simnet_add_name(&w->call.net, config.name, &interfaces[0].ip);
	if (both_families)
		simnet_add_name(&w->call.net, config.name, &interfaces[1].ip);
}

static const parley_ice_server stun_servers[] = {{.url = "stun:turn.example"}};
static const parley_ice_server turn_servers[] = {
	{.url = "turn:turn.example", .username = "sim", .credential = "sim"},
	{.url = "turn:turn.example?transport=tcp", .username = "sim", .credential = "sim"},
	{.url = "turns:turn.example:443", .username = "sim", .credential = "sim"},
};

static void world_init(world *w, const cell *c, uint64_t seed, FILE *out)
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
	config.ice_tcp = c->table->turn;
	config.log_level = out ? PARLEY_LOG_INFO : PARLEY_LOG_OFF;
	config.ice_servers = c->table->turn ? turn_servers : stun_servers;
	config.ice_server_count = c->table->turn ? ARRAY_LENGTH(turn_servers) : ARRAY_LENGTH(stun_servers);
	call_init_network(&w->call, seed, &path, &options);
	w->call.net.trace = out;
	add_server(w, c->table->turn, c->b.no_ipv4 || rng_seeded_below(&choice, 2));
	bool alike = rng_seeded_below(&choice, 2);
	w->direct_round_trip = 2 * path.delay_us;
	bool swapped = c->table->both && rng_seeded_below(&choice, 2);
	const site *sites[] = {swapped ? &c->b : &c->a, swapped ? &c->a : &c->b};
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
		o->way = ends[0].over_tcp ? WAY_TCP : hosts ? WAY_HOST : WAY_REFLEXIVE;
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

static site_way best_way(const cell *c)
{
	return site_best_way(&c->a, &c->b, c->table->turn, c->table->turn);
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
	if (o->way != best_way(c)) {
		o->second_best = talk->net.path.loss > 0;
		return o->second_best ? NULL : "not the best way";
	}
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

static void complain(const world *w, const cell *c, uint64_t seed, const outcome *o, const char *wrong)
{
	const call_end *ends = w->call.ends;
	const char *a = site_kind_name(c->a.kind), *b = site_kind_name(c->b.kind);
	fprintf(stderr,
		"%s, %s to %s: %s; %s %s, %u relays, received %u and %u, %s and %s %s; replay with --seed %llu --cell %s,%s "
		"--ip %u\n",
		c->table->name, a, b, wrong, site_way_name(o->way), o->types, o->relays, ends[0].received,
		ends[1].received, parley_connection_state_name(ends[0].connection_state),
		parley_connection_state_name(ends[1].connection_state), ends[0].failure, (unsigned long long)seed, a, b,
		(unsigned)(c->table - tables));
}

static bool run_one(const cell *c, uint64_t seed, FILE *trace, outcome *o)
{
	world *w = malloc(sizeof *w);
	assert_non_null(w);
	*o = (outcome){.way = WAY_NONE};
	world_init(w, c, seed, trace);
	call_start(&w->call);
	const char *wrong = best_way(c) == WAY_NONE ? fails(w) : connects(w, c, o);
	if (!wrong && w->server.violations)
		wrong = w->server.violation;
	if (wrong)
		complain(w, c, seed, o, wrong);
	call_clear(&w->call);
	free(w);
	return !wrong;
}

/* --- a table --- */

typedef struct {
	unsigned calls, failed, second_best;
} tally;

static int by_number(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static void run_cell(const cell *c, FILE *out, tally *sum)
{
	static double round_trips[SEEDS_MAX], checks[SEEDS_MAX];
	unsigned count = (seeds + c->table->share - 1) / c->table->share;
	for (unsigned i = 0; i < count; i++) {
		outcome o;
		sum->calls++;
		sum->failed += !run_one(c, i + 1, NULL, &o);
		sum->second_best += o.second_best;
		round_trips[i] = o.round_trips;
		checks[i] = o.checks;
	}
	qsort(round_trips, count, sizeof *round_trips, by_number);
	qsort(checks, count, sizeof *checks, by_number);
	char words[64] = "-";
	if (best_way(c) != WAY_NONE)
		snprintf(words, sizeof words, "%s %.1f/%.1f %.0f", site_way_name(best_way(c)), round_trips[count / 2],
			 round_trips[count - 1], checks[count / 2]);
	fprintf(out, " %-22s", words);
}

/* Where both sides are alike, half of the table says all. */
static bool is_mirrored(const table *t)
{
	return t->both && t->a.ipv6 == t->b.ipv6;
}

static bool run_table(const table *t, FILE *out)
{
	tally sum = {0};
	fprintf(out, "%s, %u seeds a cell\n%-12s", t->name, (seeds + t->share - 1) / t->share, "");
	for (unsigned b = 0; b < SITE_KINDS; b++)
		fprintf(out, " %-22s", site_kind_name((site_kind)b));
	for (unsigned a = 0; a < SITE_KINDS; a++) {
		fprintf(out, "\n%-12s", site_kind_name((site_kind)a));
		for (unsigned b = 0; b < SITE_KINDS; b++) {
			cell c = {.table = t, .a = t->a, .b = t->b};
			c.a.kind = (site_kind)a;
			c.b.kind = (site_kind)b;
			if (is_mirrored(t) && b < a)
				fprintf(out, " %-22s", "");
			else
				run_cell(&c, out, &sum);
		}
	}
	fprintf(out, "\n%u calls, %u failed, %u by the second best way\n", sum.calls, sum.failed, sum.second_best);
	return !sum.failed && sum.second_best <= SECOND_BEST_MAX(sum.calls);
}

/* --- all tables at once, for machines with more than one processor --- */

typedef struct {
	const table *table;
	pid_t pid;
	FILE *out;
} job;

static void start(job *j)
{
	fflush(NULL);
	j->out = tmpfile();
	assert_non_null(j->out);
	j->pid = fork();
	assert_true(j->pid >= 0);
	if (j->pid == 0)
		exit(run_table(j->table, j->out) ? EXIT_SUCCESS : EXIT_FAILURE);
}

static void every_cell_connects_as_well_as_it_can(void **state)
{
	job *j = *state;
	char line[512];
	int status;
	assert_int_equal(waitpid(j->pid, &status, 0), j->pid);
	rewind(j->out);
	while (fgets(line, sizeof line, j->out))
		print_message("%s", line);
	fclose(j->out);
	assert_int_equal(status, 0);
}

static int run_all(void)
{
	job jobs[ARRAY_LENGTH(tables)];
	struct CMUnitTest tests[ARRAY_LENGTH(tables)];
	for (size_t i = 0; i < ARRAY_LENGTH(tables); i++) {
		jobs[i].table = &tables[i];
		start(&jobs[i]);
		tests[i] =
			(struct CMUnitTest)cmocka_unit_test_prestate(every_cell_connects_as_well_as_it_can, &jobs[i]);
		tests[i].name = tables[i].name;
	}
	return cmocka_run_group_tests_name("sim/nat_matrix", tests, NULL, NULL);
}

static int replay(uint64_t seed, const char *names, unsigned number)
{
	char a[32], b[32];
	if (number >= ARRAY_LENGTH(tables) || sscanf(names, "%31[^,],%31s", a, b) != 2)
		return 2;
	cell c = {.table = &tables[number], .a = tables[number].a, .b = tables[number].b};
	outcome o;
	if (!site_kind_named(a, &c.a.kind) || !site_kind_named(b, &c.b.kind))
		return 2;
	return !run_one(&c, seed, stdout, &o);
}

int main(int argc, char **argv)
{
	const char *names = NULL;
	uint64_t seed = 1;
	unsigned number = 1;
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--seed") == 0)
			seed = strtoull(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--seeds") == 0)
			seeds = (unsigned)strtoul(argv[i + 1], NULL, 10) % SEEDS_MAX;
		else if (strcmp(argv[i], "--cell") == 0)
			names = argv[i + 1];
		else if (strcmp(argv[i], "--ip") == 0)
			number = (unsigned)strtoul(argv[i + 1], NULL, 10);
	}
	return names ? replay(seed, names, number) : run_all();
}
