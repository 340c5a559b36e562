/* Calls with an ICE lite end: whoever offers, with a full peer or another lite one, whole messages arrive. */
#include "tests/support/test.h"

#include <string.h>

#include "tests/sim/call.h"

#define SEEDS 10u

static const simnet_interface homes[2] = {
	{.ip = {.family = PARLEY_IPV4, .ip = {192, 0, 2, 1}}},
	{.ip = {.family = PARLEY_IPV4, .ip = {192, 0, 2, 2}}},
};

static void begin(call *c, uint64_t seed, bool offerer, bool answerer)
{
	simnet_path path = {.delay_us = 30 * US_PER_MS, .jitter_us = 5 * US_PER_MS, .loss = 10};
	call_options options = {.messages = 20, .signaling_delay = 20 * US_PER_MS, .wait_for_gathering = seed & 1};
	const bool lite[2] = {offerer, answerer};
	static const parley_ice_server server = {.url = "stun:192.0.2.99"};
	call_init_network(c, seed, &path, &options);
	for (unsigned i = 0; i < 2; i++) {
		parley_core_config config;
		parley_core_config_default(&config);
		config.ice_lite = lite[i];
		config.ice_servers = &server;
		config.ice_server_count = 1;
		call_join(c, &config, &homes[i], 1);
	}
	call_start(c);
}

static bool says_lite(const call_end *end)
{
	parley_sdp_type type;
	char *sdp;
	assert_int_equal(parley_core_local_description(end->node->core, &type, &sdp), 0);
	bool lite = strstr(sdp, "\r\na=ice-lite\r\n") != NULL;
	parley_free(sdp);
	return lite;
}

static void end(call *c)
{
	assert_true(call_run(c, 10 * US_PER_S));
	call_run_for(c, 120 * US_PER_S); /* idle: consent checks of the full end alone keep it up */
	call_send(c, 20);
	assert_true(call_run(c, 5 * US_PER_S));
	for (int i = 0; i < 2; i++) {
		assert_false(c->ends[i].misordered);
		assert_int_equal(c->ends[i].connection_state, PARLEY_CONNECTION_CONNECTED);
	}
	call_clear(c);
}

static void a_lite_end_is_reached_and_never_asks(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		for (unsigned lite = 0; lite < 2; lite++) {
			call c;
			begin(&c, seed, lite == 0, lite == 1);
			assert_true(call_run(&c, 10 * US_PER_S));
			assert_true(says_lite(&c.ends[lite]));
			assert_false(says_lite(&c.ends[1 - lite]));
			assert_int_equal(c.ends[lite].node->checks_sent, 0);
			end(&c);
		}
}

static void two_lite_ends_meet(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		call c;
		begin(&c, seed, true, true);
		end(&c);
		assert_int_equal(c.ends[0].node->checks_sent + c.ends[1].node->checks_sent, 0);
	}
}

static void a_restart_keeps_a_lite_call_up(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		for (unsigned lite = 0; lite < 3; lite++) {
			call c;
			begin(&c, seed, lite != 1, lite != 0);
			assert_true(call_run(&c, 10 * US_PER_S));
			call_run_for(&c, US_PER_S);
			c.ends[0].ice_states = c.ends[1].ice_states = 0;
			call_restart_ice(&c, seed & 1);
			for (int i = 0; i < 20; i++) {
				call_send(&c, 3);
				call_run_for(&c, 100 * US_PER_MS);
			}
			for (int i = 0; i < 2; i++)
				assert_false(c.ends[i].ice_states &
					     (1u << PARLEY_ICE_DISCONNECTED | 1u << PARLEY_ICE_FAILED));
			end(&c);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lite_end_is_reached_and_never_asks),
		cmocka_unit_test(two_lite_ends_meet),
		cmocka_unit_test(a_restart_keeps_a_lite_call_up),
	};
	return cmocka_run_group_tests_name("sim/lite", tests, NULL, NULL);
}
