/*
 * Calls on a bad network: every seed connects and delivers every message in order, and replays to the same trace.
 *
 *     calls_test                  the tests
 *     calls_test --seed N         one call, its trace of packets and events on stdout
 *     calls_test --calls N        more or fewer calls than 1,000
 */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/call.h"

#define CALLS_DEFAULT 1000u
#define CALL_LIMIT (UINT64_C(120) * US_PER_S)
#define REPLAYS 25u

static unsigned calls = CALLS_DEFAULT;

/* 5 % loss, 2 % twice, 5 % overtaken; 10 to 300 ms, by the seed. */
static void bad_call(call *c, uint64_t seed)
{
	rng_seeded choice;
	rng_seeded_init(&choice, seed ^ UINT64_C(0x5eed));
	simnet_path path = {
		.delay_us = (10 + rng_seeded_below(&choice, 291)) * US_PER_MS,
		.jitter_us = 5 * US_PER_MS,
		.loss = 50,
		.duplicate = 20,
		.reorder = 50,
	};
	call_options options = {
		.messages = 100,
		.signaling_delay = (1 + rng_seeded_below(&choice, 200)) * US_PER_MS,
		.wait_for_gathering = rng_seeded_below(&choice, 2),
	};
	parley_core_config config;
	parley_core_config_default(&config);
	config.log_level = PARLEY_LOG_INFO;
	call_init(c, seed, &path, &options, &config);
}

static bool run_bad_call(uint64_t seed, FILE *trace, uint64_t *hash, uint64_t *duration)
{
	call c;
	bad_call(&c, seed);
	c.net.trace = trace;
	call_start(&c);
	bool complete = call_run(&c, CALL_LIMIT);
	*duration = c.net.now - SIMNET_EPOCH;
	call_run_for(&c, 2 * US_PER_S); /* so that a message that comes twice is seen */
	bool exact = true;
	for (int i = 0; i < 2; i++)
		exact = exact && !c.ends[i].misordered && c.ends[i].received == c.options.messages;
	if (!complete || !exact)
		fprintf(stderr, "seed %llu: received %u and %u, %s and %s %s%s; replay with --seed %llu\n",
			(unsigned long long)seed, c.ends[0].received, c.ends[1].received,
			parley_connection_state_name(c.ends[0].connection_state),
			parley_connection_state_name(c.ends[1].connection_state), c.ends[0].failure, c.ends[1].failure,
			(unsigned long long)seed);
	*hash = c.net.trace_hash;
	call_clear(&c);
	return complete && exact;
}

static void every_call_delivers_everything(void **state)
{
	(void)state;
	uint64_t hash, duration, longest = 0;
	unsigned failed = 0;
	for (unsigned seed = 1; seed <= calls; seed++) {
		failed += !run_bad_call(seed, NULL, &hash, &duration);
		if (duration > longest)
			longest = duration;
	}
	print_message("%u calls, the longest took %.1f s of virtual time\n", calls, (double)longest / 1e6);
	assert_int_equal(failed, 0);
}

static void a_seed_replays_the_same_trace(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= REPLAYS; seed++) {
		uint64_t first, again, other, duration;
		run_bad_call(seed, NULL, &first, &duration);
		run_bad_call(seed + 1, NULL, &other, &duration);
		run_bad_call(seed, NULL, &again, &duration);
		assert_true(first == again);
		assert_true(first != other);
	}
}

int main(int argc, char **argv)
{
	uint64_t seed = 0, hash, duration;
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--seed") == 0)
			seed = strtoull(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--calls") == 0)
			calls = (unsigned)strtoul(argv[i + 1], NULL, 10);
	}
	if (seed)
		return !run_bad_call(seed, stdout, &hash, &duration);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_seed_replays_the_same_trace),
		cmocka_unit_test(every_call_delivers_everything),
	};
	return cmocka_run_group_tests_name("sim/calls", tests, NULL, NULL);
}
