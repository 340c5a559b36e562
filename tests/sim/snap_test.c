/* Calls whose ends tell SCTP's INIT in their descriptions, or one of them only (draft-hancke-tsvwg-snap). */
#include "tests/support/test.h"

#include <string.h>

#include "tests/sim/call.h"

#define DELAY (50 * US_PER_MS) /* one way */
#define LIMIT (UINT64_C(120) * US_PER_S)

/* Virtual time until both ends have the other's first message; 0: never. */
static uint64_t call_takes(uint64_t seed, bool first_speaks, bool second_speaks, unsigned loss, unsigned messages)
{
	simnet_path path = {.delay_us = DELAY, .loss = loss, .jitter_us = loss ? 5 * US_PER_MS : 0, .reorder = loss};
	call_options options = {.messages = messages, .signaling_delay = US_PER_MS};
	simnet_interface interfaces[2] = {{.ip = {.family = PARLEY_IPV4, .ip = {10, 0, 0, 1}}},
					  {.ip = {.family = PARLEY_IPV4, .ip = {10, 0, 0, 2}}}};
	call c;
	call_init_network(&c, seed, &path, &options);
	for (int i = 0; i < 2; i++) {
		parley_core_config config;
		parley_core_config_default(&config);
		config.snap = i ? second_speaks : first_speaks;
		call_join(&c, &config, &interfaces[i], 1);
	}
	call_start(&c);
	uint64_t took = call_run(&c, LIMIT) ? c.net.now - SIMNET_EPOCH : 0;
	for (int i = 0; i < 2; i++)
		assert_false(c.ends[i].misordered);
	call_clear(&c);
	return took;
}

static void two_that_speak_it_save_two_round_trips(void **state)
{
	(void)state;
	uint64_t none = call_takes(1, false, false, 0, 1), both = call_takes(1, true, true, 0, 1);
	print_message("first messages after %.0f ms, with SNAP %.0f ms\n", (double)none / 1e3, (double)both / 1e3);
	assert_true(both && none && both + 2 * 2 * DELAY <= none + 10 * US_PER_MS);
}

static void one_alone_is_as_fast_as_none(void **state)
{
	(void)state;
	uint64_t none = call_takes(1, false, false, 0, 1);
	assert_in_range(call_takes(1, true, false, 0, 1), none - 10 * US_PER_MS, none + 10 * US_PER_MS);
	assert_in_range(call_takes(1, false, true, 0, 1), none - 10 * US_PER_MS, none + 10 * US_PER_MS);
}

static void loss_and_disorder_do_no_harm(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 100; seed++)
		assert_true(call_takes(seed, true, seed % 4 != 0, 100, 20) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_that_speak_it_save_two_round_trips),
		cmocka_unit_test(one_alone_is_as_fast_as_none),
		cmocka_unit_test(loss_and_disorder_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
