/*
 * ICE restarts while data flows: by either side, by both at once, again and again, crossed by other offers, on a bad network and
 * while interfaces come and go; and no message is ever lost, doubled or out of order.
 *
 *     restart_test                          the tests
 *     restart_test --seed N --name TEST     one seed of a test, its trace of packets and events on stdout
 */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "tests/sim/call.h"
#include "tests/sim/scenario.h"

#define SEEDS 20u
#define CONNECT_LIMIT (UINT64_C(20) * US_PER_S)
#define SETTLE_US (UINT64_C(30) * US_PER_S)
#define SEEN(state) (1u << (state))

static const simnet_interface homes[2][2] = {
	{{.ip = {.family = PARLEY_IPV4, .ip = {192, 0, 2, 1}}},
	 {.ip = {.family = PARLEY_IPV4, .ip = {198, 51, 100, 1}}}},
	{{.ip = {.family = PARLEY_IPV4, .ip = {192, 0, 2, 2}}},
	 {.ip = {.family = PARLEY_IPV4, .ip = {198, 51, 100, 2}}}},
};

/* A call that is up, between two ends with two interfaces each. */
static void begin(call *c, uint64_t seed)
{
	rng_seeded choice;
	rng_seeded_init(&choice, seed ^ UINT64_C(0x7e57a7));
	simnet_path path = {.delay_us = (5 + rng_seeded_below(&choice, 150)) * US_PER_MS,
			    .jitter_us = rng_seeded_below(&choice, 5) * US_PER_MS,
			    .loss = (unsigned)rng_seeded_below(&choice, 3) * 10};
	call_options options = {.messages = 10,
				.message_len = 300,
				.signaling_delay = (1 + rng_seeded_below(&choice, 200)) * US_PER_MS,
				.wait_for_gathering = rng_seeded_below(&choice, 2)};
	parley_core_config config;
	parley_core_config_default(&config);
	config.log_level = PARLEY_LOG_INFO;
	call_init_network(c, seed, &path, &options);
	c->net.trace = scenario_is_watched() ? stdout : NULL;
	for (unsigned i = 0; i < 2; i++)
		call_join(c, &config, homes[i], 2);
	call_start(c);
	assert_true(call_run(c, CONNECT_LIMIT));
	call_run_for(c, US_PER_S);
	c->ends[0].ice_states = c->ends[1].ice_states = 0;
}

/* So long, with three messages each way every 100 ms. */
static void talk(call *c, uint64_t us)
{
	uint64_t end = c->net.now + us;
	while (c->net.now < end) {
		call_send(c, 3);
		call_run_for(c, time_min(100 * US_PER_MS, end - c->net.now));
	}
}

static bool has_ufrag(const call_end *end, parley_sdp_type *type, char out[64], bool local)
{
	char *sdp;
	int err = local ? parley_core_local_description(end->node->core, type, &sdp)
			: parley_core_remote_description(end->node->core, type, &sdp);
	assert_int_equal(err, 0);
	const char *at = strstr(sdp, "a=ice-ufrag:");
	bool found = at && sscanf(at, "a=ice-ufrag:%63s", out) == 1;
	parley_free(sdp);
	return found;
}

/* All messages are there, both are connected and agree on who is who. */
static void end_well(call *c, uint64_t seed)
{
	if (!call_run(c, SETTLE_US))
		fail_msg("seed %llu: received %u and %u of %u", (unsigned long long)seed, c->ends[0].received,
			 c->ends[1].received, c->options.messages);
	call_run_for(c, 5 * US_PER_S); /* so that a message that comes twice is seen */
	for (int i = 0; i < 2; i++) {
		char local[64], remote[64];
		parley_sdp_type type;
		assert_false(c->ends[i].misordered);
		assert_int_equal(c->ends[i].received, c->options.messages);
		assert_int_equal(c->ends[i].connection_state, PARLEY_CONNECTION_CONNECTED);
		assert_int_equal(c->ends[i].channel_state, PARLEY_CHANNEL_OPEN);
		assert_int_equal(parley_core_signaling_state(c->ends[i].node->core), PARLEY_SIGNALING_STABLE);
		assert_true(has_ufrag(&c->ends[i], &type, local, true));
		assert_true(has_ufrag(&c->ends[1 - i], &type, remote, false));
		assert_string_equal(local, remote);
	}
	call_clear(c);
}

/* Nobody is without a path for a moment. */
static void was_never_disconnected(const call *c)
{
	for (int i = 0; i < 2; i++)
		assert_false(c->ends[i].ice_states & (SEEN(PARLEY_ICE_DISCONNECTED) | SEEN(PARLEY_ICE_FAILED)));
}

static void restart_by_one(call *c, uint64_t seed, unsigned end)
{
	char before[64], after[64];
	parley_sdp_type type;
	begin(c, seed);
	assert_true(has_ufrag(&c->ends[end], &type, before, true));
	talk(c, US_PER_S);
	call_restart_ice(c, end);
	talk(c, 5 * US_PER_S);
	was_never_disconnected(c);
	assert_true(has_ufrag(&c->ends[end], &type, after, true));
	assert_string_not_equal(before, after);
	end_well(c, seed);
}

static void the_offerer_restarts(uint64_t seed)
{
	call on_stack, *c = &on_stack;
	restart_by_one(c, seed, 0);
}

static void the_answerer_restarts(uint64_t seed)
{
	call on_stack, *c = &on_stack;
	restart_by_one(c, seed, 1);
}

/* Their offers cross: the polite one takes its own back. */
static void both_restart_at_once(uint64_t seed)
{
	call on_stack, *c = &on_stack;
	begin(c, seed);
	talk(c, US_PER_S);
	call_restart_ice(c, seed & 1);
	talk(c, seed % 5 * c->options.signaling_delay / 5);
	call_restart_ice(c, !(seed & 1));
	talk(c, 5 * US_PER_S);
	was_never_disconnected(c);
	end_well(c, seed);
}

/* The polite one's restart crosses an offer that restarts nothing; it is made up for. */
static void a_restart_crosses_another_offer(uint64_t seed)
{
	call on_stack, *c = &on_stack;
	char before[2][64], after[64];
	parley_sdp_type type;
	begin(c, seed);
	for (int i = 0; i < 2; i++)
		assert_true(has_ufrag(&c->ends[i], &type, before[i], true));
	talk(c, US_PER_S);
	call_restart_ice(c, 1);
	call_offer(c, 0);
	talk(c, 8 * US_PER_S);
	was_never_disconnected(c);
	for (int i = 0; i < 2; i++) {
		assert_true(has_ufrag(&c->ends[i], &type, after, true));
		assert_string_not_equal(before[i], after);
	}
	end_well(c, seed);
}

static void restarts_follow_each_other_closely(uint64_t seed)
{
	call on_stack, *c = &on_stack;
	begin(c, seed);
	for (unsigned i = 0; i < 20; i++) {
		call_restart_ice(c, i * 7 % 3 == 0);
		talk(c, (1 + (seed + i) * 13 % 10) * 40 * US_PER_MS);
	}
	talk(c, 5 * US_PER_S);
	was_never_disconnected(c);
	end_well(c, seed);
}

/* Ten times: the interface that carries data goes, and another comes. */
static void interfaces_come_and_go(uint64_t seed)
{
	call on_stack, *c = &on_stack;
	begin(c, seed);
	for (unsigned i = 0; i < 10; i++) {
		simnet_node *node = c->ends[i & 1].node;
		simnet_interface fresh = {.ip = addr_ipv4(203, 0, 113, (uint8_t)(1 + i), 0)};
		parley_core_stats stats;
		parley_core_get_stats(node->core, &stats);
		assert_true(stats.has_selected_pair);
		simnet_node_add_interface(node, &fresh);
		simnet_interface *used = simnet_interface_of(&node->host, &stats.local);
		assert_non_null(used);
		simnet_node_remove_interface(node, (size_t)(used - node->host.interfaces));
		call_restart_ice(c, i & 1);
		talk(c, 4 * US_PER_S);
	}
	end_well(c, seed);
}

static const scenario scenarios[] = {
	SCENARIO_TEST(the_offerer_restarts),
	SCENARIO_TEST(the_answerer_restarts),
	SCENARIO_TEST(both_restart_at_once),
	SCENARIO_TEST(a_restart_crosses_another_offer),
	SCENARIO_TEST(restarts_follow_each_other_closely),
	SCENARIO_TEST(interfaces_come_and_go),
};

int main(int argc, char **argv)
{
	return scenarios_run("sim/restart", scenarios, ARRAY_LENGTH(scenarios), SEEDS, argc, argv);
}
