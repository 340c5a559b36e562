/* Restarts that are taken back (RFC 8829 4.1.10.2): what was before is there again, and data never stopped. */
#include "tests/support/test.h"
#include "tests/unit/ice_sim.h"

#include <string.h>

#include "tests/support/failmalloc.h"

static sim s;
static char ufrag[2][64], pwd[2][64];
static size_t pairs[2];

static parley_addr home(int side)
{
	return addr_ipv4(10, 0, (uint8_t)side, 1, 5000);
}

static void remember(void)
{
	for (int i = 0; i < 2; i++) {
		strcpy(ufrag[i], ice_local_ufrag(s.side[i].ice));
		strcpy(pwd[i], ice_local_pwd(s.side[i].ice));
		pairs[i] = ice_get_pairs(s.side[i].ice, NULL, 0);
	}
}

static void begin(uint64_t seed)
{
	sim_init(&s, seed);
	assert_int_equal(sim_create(&s), 0);
	for (int i = 0; i < 2; i++) {
		(void)ice_add_stun_server(s.side[i].ice, s.now, &s.stun_server);
		sim_bind(&s, i, home(i));
	}
	sim_exchange_credentials(&s);
	for (int i = 0; i < 2; i++)
		ice_end_of_sources(s.side[i].ice, s.now);
	sim_pump(&s);
	assert_true(sim_until(&s, ICE_COMPLETED, US_PER_S));
	sim_talk(&s, 20 * US_PER_MS);
	sim_run(&s, 10 * US_PER_S);
	sim_forget(&s);
	remember();
}

static void is_as_before(int side)
{
	ice_agent *a = s.side[side].ice;
	assert_string_equal(ice_local_ufrag(a), ufrag[side]);
	assert_string_equal(ice_local_pwd(a), pwd[side]);
	assert_int_equal(ice_get_pairs(a, NULL, 0), pairs[side]);
	assert_int_equal(ice_get_gathering(a), ICE_GATHERING_COMPLETE);
	const ice_candidate *c;
	for (size_t i = 0; (c = ice_local_candidate(a, i)); i++)
		assert_string_equal(c->ufrag, ufrag[side]);
}

/* Nobody was without a path, and the one there is lasts. */
static void end_well(void)
{
	unsigned received[2] = {s.side[0].data_received, s.side[1].data_received};
	sim_run(&s, 60 * US_PER_S); /* longer than consent lasts */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ice_get_state(s.side[i].ice), ICE_COMPLETED);
		assert_false(sim_was(&s, i, ICE_DISCONNECTED) || sim_was(&s, i, ICE_FAILED));
		assert_in_range(s.side[i].data_received - received[i], 2990, 3010);
	}
	assert_true(sim_paths_match(&s));
	sim_destroy(&s);
}

static void restart(int side)
{
	assert_int_equal(ice_restart(s.side[side].ice, s.now), 0);
	sim_pump(&s);
}

static void roll_back(int side)
{
	assert_true(ice_rollback(s.side[side].ice, s.now));
	assert_false(ice_rollback(s.side[side].ice, s.now));
	sim_pump(&s);
}

/* Side `to` learns what side 1 - to is called now. */
static void tell(int to)
{
	ice_agent *from = s.side[1 - to].ice;
	assert_int_equal(ice_set_remote(s.side[to].ice, s.now, slice_from_string(ice_local_ufrag(from)),
					slice_from_string(ice_local_pwd(from)), false),
			 0);
	sim_pump(&s);
}

static void an_offer_is_taken_back(void **state)
{
	(void)state;
	for (int side = 0; side < 2; side++) {
		begin((uint64_t)side);
		unsigned selections = s.side[side].selections;
		restart(side);
		assert_string_not_equal(ice_local_ufrag(s.side[side].ice), ufrag[side]);
		sim_run(&s, 3 * US_PER_S);
		roll_back(side);
		is_as_before(side);
		assert_int_equal(s.side[side].selections, selections);
		end_well();
	}
}

/* Both restarted; one had checked already, and may even have moved on to the new pair. */
static void an_offer_that_arrived_is_taken_back(void **state)
{
	(void)state;
	for (int side = 0; side < 2; side++) {
		begin((uint64_t)side);
		restart(side);
		tell(1 - side);
		for (size_t i = 0; i < s.side[side].candidate_count; i++)
			(void)ice_add_remote_candidate(s.side[1 - side].ice, s.now, &s.side[side].candidates[i]);
		sim_pump(&s);
		sim_run(&s, 3 * US_PER_S);
		roll_back(side);
		roll_back(1 - side);
		is_as_before(side);
		is_as_before(1 - side);
		end_well();
	}
}

/* As libwebrtc has it, whose answer would else meet us in the same role. */
static void who_restarts_controls(void **state)
{
	(void)state;
	for (int side = 0; side < 2; side++) {
		begin((uint64_t)side);
		assert_true(ice_is_controlling(s.side[0].ice));
		restart(side);
		sim_run(&s, 60 * US_PER_S); /* the other does not know yet, and gives consent */
		assert_true(ice_is_controlling(s.side[side].ice));
		assert_int_equal(ice_is_controlling(s.side[1 - side].ice), side == 1);
		tell(1 - side);
		assert_false(ice_is_controlling(s.side[1 - side].ice));
		roll_back(side);
		roll_back(1 - side);
		assert_true(ice_is_controlling(s.side[0].ice));
		assert_false(ice_is_controlling(s.side[1].ice));
		assert_int_equal(s.side[0].role_changes + s.side[1].role_changes, side == 0 ? 0 : 4);
		end_well();
	}
}

static void the_first_of_several_is_gone_back_to(void **state)
{
	(void)state;
	begin(3);
	for (int i = 0; i < 5; i++) {
		restart(0);
		sim_run(&s, 100 * US_PER_MS);
	}
	roll_back(0);
	is_as_before(0);
	restart(0); /* and a restart works afterwards as ever */
	tell(1);
	tell(0);
	for (int i = 0; i < 2; i++) {
		ice_agreed(s.side[i].ice);
		for (size_t k = 0; k < s.side[i].candidate_count; k++)
			(void)ice_add_remote_candidate(s.side[1 - i].ice, s.now, &s.side[i].candidates[k]);
		ice_end_of_remote_candidates(s.side[i].ice, s.now);
		assert_false(ice_rollback(s.side[i].ice, s.now));
	}
	sim_pump(&s);
	sim_run(&s, US_PER_S);
	assert_string_not_equal(ice_local_ufrag(s.side[0].ice), ufrag[0]);
	end_well();
}

/* Sockets come and go meanwhile. */
static void sockets_may_change_meanwhile(void **state)
{
	parley_addr second = addr_ipv4(10, 1, 0, 1, 6000), third = addr_ipv4(10, 2, 0, 1, 7000);
	(void)state;
	begin(4);
	sim_bind(&s, 0, second);
	sim_run(&s, US_PER_S);
	remember();
	size_t told = s.side[0].candidate_count;
	restart(0);
	assert_int_equal(ice_remove_local(s.side[0].ice, s.now, &second), 0);
	sim_bind(&s, 0, third); /* takes the place of the second */
	sim_run(&s, US_PER_S);
	roll_back(0);
	assert_string_equal(ice_local_ufrag(s.side[0].ice), ufrag[0]);
	sim_run(&s, US_PER_S);
	const ice_candidate *last = &s.side[0].candidates[s.side[0].candidate_count - 1];
	assert_true(s.side[0].candidate_count > told);
	assert_true(addr_equal(&last->addr, &third));
	assert_string_equal(last->ufrag, ufrag[0]);
	const ice_candidate *c;
	for (size_t i = 0; (c = ice_local_candidate(s.side[0].ice, i)); i++)
		assert_false(addr_equal(&c->addr, &second));
	end_well();
}

/* The path breaks while the offer is on its way: what is gone back to is not alive either. */
static void a_path_that_died_meanwhile_is_not_brought_back(void **state)
{
	parley_addr local, remote;
	(void)state;
	begin(5);
	restart(0);
	s.cut = true;
	sim_run(&s, 35 * US_PER_S);
	assert_false(ice_selected(s.side[0].ice, &local, &remote));
	roll_back(0);
	assert_false(ice_selected(s.side[0].ice, &local, &remote));
	sim_run(&s, 45 * US_PER_S);
	assert_int_equal(ice_get_state(s.side[0].ice), ICE_FAILED);
	s.cut = false;
	for (int i = 0; i < 2; i++)
		restart(i);
	sim_exchange_credentials(&s);
	assert_true(sim_until(&s, ICE_CONNECTED, US_PER_S));
	sim_destroy(&s);
}

/* libwebrtc prefers the higher priority among pairs of all generations; browsers' own relayed candidates have a type preference of 5 at
 * most, their reflexive ones 100. */
static void priorities_rise_with_each_restart(void **state)
{
	(void)state;
	sim_init(&s, 7);
	assert_int_equal(sim_create(&s), 0);
	sim_bind(&s, 0, home(0));
	assert_int_equal(sim_add_turn(&s, 0, ICE_OVER_UDP), 0);
	sim_run(&s, US_PER_S);
	ice_agent *a = s.side[0].ice;
	uint32_t highest = 5u << 24 | 0xffffff;
	for (unsigned i = 0; i < 20; i++) {
		const ice_candidate *host = ice_local_candidate(a, 0), *relayed = ice_local_candidate(a, 1);
		assert_int_equal(host->type, ICE_HOST);
		assert_int_equal(relayed->type, ICE_RELAY);
		assert_true(relayed->priority < host->priority);
		assert_true(i <= 12 ? relayed->priority > highest : host->priority == highest);
		assert_true(host->priority < 100u << 24);
		highest = host->priority;
		restart(0);
		sim_run(&s, US_PER_S);
	}
	sim_destroy(&s);
}

/* Of the generation before, and silent: it has no claim to the data until the new one has nominated. */
static void a_dead_path_gives_way_before_the_nomination(void **state)
{
	parley_addr local, remote, second[2] = {addr_ipv4(10, 0, 0, 2, 6000), addr_ipv4(10, 0, 1, 2, 6000)};
	(void)state;
	sim_init(&s, 8);
	s.config[0].nomination_delay_us = 100 * US_PER_S;
	assert_int_equal(sim_create(&s), 0);
	for (int i = 0; i < 2; i++)
		sim_bind(&s, i, home(i));
	sim_exchange_credentials(&s);
	assert_true(sim_until(&s, ICE_CONNECTED, US_PER_S));
	sim_talk(&s, 20 * US_PER_MS);
	sim_run(&s, US_PER_S);
	s.broken = home(1);
	assert_true(sim_until(&s, ICE_DISCONNECTED, 5 * US_PER_S));
	for (int i = 0; i < 2; i++)
		restart(i);
	sim_exchange_credentials(&s);
	for (int i = 0; i < 2; i++)
		sim_bind(&s, i, second[i]);
	assert_true(sim_until(&s, ICE_CONNECTED, US_PER_S));
	for (int i = 0; i < 2; i++) {
		assert_true(ice_selected(s.side[i].ice, &local, &remote));
		assert_true(addr_equal(&remote, &second[1 - i]) || addr_equal(&local, &second[i]));
		assert_false(sim_was(&s, i, ICE_COMPLETED)); /* that would be a nomination */
	}
	sim_destroy(&s);
}

static void consent_is_kept_while_the_offer_is_out(void **state)
{
	(void)state;
	begin(6);
	restart(0);
	sim_run(&s, 100 * US_PER_S);
	roll_back(0);
	is_as_before(0);
	end_well();
}

static unsigned told(ice_agent *a)
{
	ice_event e;
	unsigned candidates = 0;
	while (ice_poll_event(a, &e))
		candidates += e.type == ICE_EVENT_CANDIDATE;
	return candidates;
}

static void bind_many(ice_agent *a)
{
	for (uint8_t i = 0; i < ICE_BASES_MAX; i++) {
		parley_addr addr = addr_ipv4(10, 1, 0, i + 1, 5000);
		assert_int_equal(ice_add_local(a, 1, &addr), 0);
		assert_int_equal(told(a), 1);
	}
}

/* All at once is the most that there is to tell. */
static void many_candidates_are_told_at_once(void **state)
{
	(void)state;
	rng_seeded rng;
	rng_seeded_init(&rng, 9);
	ice_config config;
	ice_config_default(&config);
	config.random = rng_seeded_source(&rng);
	ice_agent *a;
	ice_counters counters;
	assert_int_equal(ice_create(&config, &a), 0);
	bind_many(a);
	assert_int_equal(ice_restart(a, 2), 0);
	assert_int_equal(told(a), ICE_BASES_MAX);
	ice_get_counters(a, &counters);
	assert_int_equal(counters.drop_limit, 0);
	ice_destroy(a);
}

static void with_failing_memory(void *context)
{
	(void)context;
	sim_init(&s, 7);
	if (sim_create(&s) == 0) {
		for (int i = 0; i < 2; i++)
			sim_bind(&s, i, home(i));
		sim_exchange_credentials(&s);
		sim_run(&s, US_PER_S);
		(void)ice_restart(s.side[0].ice, s.now);
		sim_pump(&s);
		sim_run(&s, US_PER_S);
		(void)ice_rollback(s.side[0].ice, s.now);
		sim_pump(&s);
		sim_run(&s, US_PER_S);
		(void)ice_restart(s.side[0].ice, s.now);
	}
	sim_destroy(&s);
}

static void every_allocation_may_fail(void **state)
{
	(void)state;
	failmalloc_loop(with_failing_memory, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_offer_is_taken_back),
		cmocka_unit_test(an_offer_that_arrived_is_taken_back),
		cmocka_unit_test(who_restarts_controls),
		cmocka_unit_test(the_first_of_several_is_gone_back_to),
		cmocka_unit_test(sockets_may_change_meanwhile),
		cmocka_unit_test(a_path_that_died_meanwhile_is_not_brought_back),
		cmocka_unit_test(priorities_rise_with_each_restart),
		cmocka_unit_test(a_dead_path_gives_way_before_the_nomination),
		cmocka_unit_test(consent_is_kept_while_the_offer_is_out),
		cmocka_unit_test(many_candidates_are_told_at_once),
		cmocka_unit_test(every_allocation_may_fail),
	};
	return cmocka_run_group_tests_name("ice/restart", tests, NULL, NULL);
}
