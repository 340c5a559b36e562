/*
 * A call whose ends move from one network to another: addresses go and come, nobody restarts ICE, and no message is lost, doubled or out
 * of order.
 *
 *     network_change_test                          the tests
 *     network_change_test --seed N --name TEST     one seed of a test, its trace of packets and events on stdout
 */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "tests/sim/call.h"
#include "tests/sim/scenario.h"

#define SEEDS 20u
#define SEEN(state) (1u << (state))

static const simnet_interface wired[2] = {{.ip = {.family = PARLEY_IPV4, .ip = {192, 0, 2, 1}}},
					  {.ip = {.family = PARLEY_IPV4, .ip = {192, 0, 2, 2}}}};
static const simnet_interface wireless[2] = {{.ip = {.family = PARLEY_IPV4, .ip = {198, 51, 100, 1}}},
					     {.ip = {.family = PARLEY_IPV4, .ip = {198, 51, 100, 2}}}};
/* IPv6 is preferred. */
static const simnet_interface better[2] = {
	{.ip = {.family = PARLEY_IPV6, .ip = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}}},
	{.ip = {.family = PARLEY_IPV6, .ip = {0x20, 0x01, 0x0d, 0xb8, [15] = 2}}},
};

typedef struct {
	enum parley_nomination nomination;
	bool two[2]; /* this end has both networks from the start */
} plan;

static void begin(call *c, uint64_t seed, const plan *p)
{
	rng_seeded choice;
	rng_seeded_init(&choice, seed ^ UINT64_C(0xc4a26e));
	simnet_path path = {.delay_us = (5 + rng_seeded_below(&choice, 60)) * US_PER_MS,
			    .jitter_us = rng_seeded_below(&choice, 5) * US_PER_MS};
	call_options options = {.messages = 10,
				.message_len = 300,
				.signaling_delay = (1 + rng_seeded_below(&choice, 200)) * US_PER_MS};
	parley_core_config config;
	parley_core_config_default(&config);
	config.log_level = PARLEY_LOG_INFO;
	config.nomination = p->nomination;
	call_init_network(c, seed, &path, &options);
	c->net.trace = scenario_is_watched() ? stdout : NULL;
	for (unsigned i = 0; i < 2; i++) {
		simnet_interface home[2] = {wired[i], wireless[i]};
		call_join(c, &config, home, p->two[i] ? 2 : 1);
	}
	call_start(c);
	assert_true(call_run(c, 20 * US_PER_S));
	call_run_for(c, (1 + rng_seeded_below(&choice, 9)) * US_PER_S);
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

static parley_addr used_by(const call_end *end)
{
	parley_core_stats stats;
	parley_core_get_stats(end->node->core, &stats);
	return stats.local;
}

static void leave(call_end *end)
{
	parley_addr local = used_by(end);
	simnet_interface *used = simnet_interface_of(&end->node->host, &local);
	assert_non_null(used);
	simnet_node_remove_interface(end->node, (size_t)(used - end->node->host.interfaces));
}

/* Everything that was said so far has come by then. */
static void resumes_within(call *c, uint64_t seed, uint64_t us)
{
	if (!call_run(c, us))
		fail_msg("seed %llu: received %u and %u of %u", (unsigned long long)seed, c->ends[0].received,
			 c->ends[1].received, c->options.messages);
}

static void end_well(call *c, uint64_t seed)
{
	talk(c, 2 * US_PER_S);
	resumes_within(c, seed, US_PER_S);
	call_run_for(c, 5 * US_PER_S); /* so that a message that comes twice is seen */
	for (int i = 0; i < 2; i++) {
		assert_false(c->ends[i].misordered);
		assert_int_equal(c->ends[i].received, c->options.messages);
		assert_int_equal(c->ends[i].connection_state, PARLEY_CONNECTION_CONNECTED);
		assert_false(c->ends[i].ice_states & SEEN(PARLEY_ICE_FAILED));
	}
	call_clear(c);
}

/* The cable is pulled; the other network has been there all the time. */
static void the_other_network_takes_over(uint64_t seed)
{
	call on_stack, *c = &on_stack;
	unsigned mover = seed & 1;
	begin(c, seed, &(plan){.two = {mover == 0, mover == 1}});
	talk(c, US_PER_S);
	leave(&c->ends[mover]);
	talk(c, US_PER_S);
	resumes_within(c, seed, 1500 * US_PER_MS);
	end_well(c, seed);
}

/* First nothing, then another network: its candidates are told, and suffice. */
static void a_new_network_is_taken_up(uint64_t seed)
{
	call on_stack, *c = &on_stack;
	unsigned mover = seed & 1;
	begin(c, seed, &(plan){.nomination = PARLEY_NOMINATION_REGULAR});
	talk(c, US_PER_S);
	leave(&c->ends[mover]);
	talk(c, seed % 6 * US_PER_S);
	simnet_node_add_interface(c->ends[mover].node, &wireless[mover]);
	resumes_within(c, seed, 2 * US_PER_S);
	end_well(c, seed);
}

/* The new one comes before the old one goes. */
static void networks_are_changed_without_a_gap(uint64_t seed)
{
	call on_stack, *c = &on_stack;
	unsigned mover = seed & 1;
	begin(c, seed, &(plan){.nomination = PARLEY_NOMINATION_REGULAR});
	talk(c, US_PER_S);
	simnet_node_add_interface(c->ends[mover].node, &wireless[mover]);
	talk(c, US_PER_S);
	leave(&c->ends[mover]);
	talk(c, US_PER_S);
	resumes_within(c, seed, 1500 * US_PER_MS);
	end_well(c, seed);
}

static void both_ends_move_at_once(uint64_t seed)
{
	call on_stack, *c = &on_stack;
	begin(c, seed, &(plan){.nomination = PARLEY_NOMINATION_REGULAR});
	talk(c, US_PER_S);
	for (unsigned i = 0; i < 2; i++)
		leave(&c->ends[i]);
	talk(c, seed % 6 * US_PER_S);
	for (unsigned i = 0; i < 2; i++)
		simnet_node_add_interface(c->ends[i].node, &wireless[i]);
	resumes_within(c, seed, 3 * US_PER_S);
	end_well(c, seed);
}

static void nobody_moves_without_need(uint64_t seed)
{
	call on_stack, *c = &on_stack;
	begin(c, seed, &(plan){.nomination = PARLEY_NOMINATION_REGULAR});
	talk(c, US_PER_S);
	for (unsigned i = 0; i < 2; i++)
		simnet_node_add_interface(c->ends[i].node, &better[i]);
	talk(c, 3 * US_PER_S);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(used_by(&c->ends[i]).family, PARLEY_IPV4);
		assert_false(c->ends[i].ice_states & SEEN(PARLEY_ICE_DISCONNECTED));
	}
	end_well(c, seed);
}

/* draft-thatcher-ice-renomination-01 1: from cellular to Wi-Fi, and back. */
static void renomination_moves_to_the_better_network_and_back(uint64_t seed)
{
	call on_stack, *c = &on_stack;
	begin(c, seed, &(plan){.nomination = PARLEY_NOMINATION_RENOMINATION});
	talk(c, US_PER_S);
	for (unsigned i = 0; i < 2; i++)
		simnet_node_add_interface(c->ends[i].node, &better[i]);
	talk(c, 3 * US_PER_S);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(used_by(&c->ends[i]).family, PARLEY_IPV6);
		assert_false(c->ends[i].ice_states & SEEN(PARLEY_ICE_DISCONNECTED));
	}
	leave(&c->ends[seed & 1]);
	talk(c, US_PER_S);
	resumes_within(c, seed, 1500 * US_PER_MS);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(used_by(&c->ends[i]).family, PARLEY_IPV4);
	end_well(c, seed);
}

static const scenario scenarios[] = {
	SCENARIO_TEST(the_other_network_takes_over),
	SCENARIO_TEST(a_new_network_is_taken_up),
	SCENARIO_TEST(networks_are_changed_without_a_gap),
	SCENARIO_TEST(both_ends_move_at_once),
	SCENARIO_TEST(nobody_moves_without_need),
	SCENARIO_TEST(renomination_moves_to_the_better_network_and_back),
};

int main(int argc, char **argv)
{
	return scenarios_run("sim/network change", scenarios, ARRAY_LENGTH(scenarios), SEEDS, argc, argv);
}
