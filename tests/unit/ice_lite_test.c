/* ICE lite (RFC 8445 2.5): the agent that answers and never asks. */
#include "tests/support/test.h"
#include "tests/unit/ice_sim.h"
#include "tests/unit/ice_solo.h"

static sim s;

static ice_nomination nomination;

static void start(uint64_t seed, bool first_lite, bool second_lite)
{
	bool lite[2] = {first_lite, second_lite};
	sim_init(&s, seed);
	for (int i = 0; i < 2; i++) {
		s.config[i].lite = lite[i];
		s.config[i].nomination = nomination;
	}
	assert_int_equal(sim_create(&s), 0);
	for (int i = 0; i < 2; i++) {
		(void)ice_set_controlling(s.side[i].ice, i == 0); /* side 0 offers */
		sim_bind(&s, i, addr_ipv4(10, 0, (uint8_t)i, 1, 5000));
		sim_bind(&s, i, addr_ipv4(10, 1, (uint8_t)i, 1, 5000));
		ice_end_of_sources(s.side[i].ice, s.now);
	}
	for (int i = 0; i < 2; i++) {
		ice_agent *from = s.side[1 - i].ice;
		assert_int_equal(ice_set_remote(s.side[i].ice, s.now, slice_from_string(ice_local_ufrag(from)),
						slice_from_string(ice_local_pwd(from)), lite[1 - i]),
				 0);
		sim_pump(&s);
	}
}

static void asks_nothing(int side)
{
	ice_counters c;
	ice_get_counters(s.side[side].ice, &c);
	assert_int_equal(c.requests_sent + c.consent_sent, 0);
}

static void a_full_peer_connects_whoever_offers(void **state)
{
	(void)state;
	for (int lite = 0; lite < 2; lite++) {
		start((uint64_t)lite, lite == 0, lite == 1);
		assert_true(sim_until(&s, ICE_COMPLETED, US_PER_S));
		assert_true(sim_paths_match(&s));
		assert_false(ice_is_controlling(s.side[lite].ice));
		assert_true(ice_is_controlling(s.side[1 - lite].ice));
		sim_run(&s, 300 * US_PER_S); /* the peer's consent checks keep it up */
		for (int i = 0; i < 2; i++)
			assert_int_equal(ice_get_state(s.side[i].ice), ICE_COMPLETED);
		asks_nothing(lite);
		for (size_t i = 0; i < s.side[lite].candidate_count; i++)
			assert_int_equal(s.side[lite].candidates[i].type, ICE_HOST);
		sim_destroy(&s);
	}
}

/* RFC 5245 8.1.1.2 is what old peers do with lite ones. */
static void an_aggressive_peer_connects(void **state)
{
	(void)state;
	nomination = ICE_NOMINATION_AGGRESSIVE;
	for (uint64_t seed = 0; seed < 10; seed++) {
		start(seed, false, true);
		s.jitter_us = 50 * US_PER_MS;
		assert_true(sim_until(&s, ICE_COMPLETED, 2 * US_PER_S));
		sim_run(&s, US_PER_S);
		assert_true(sim_paths_match(&s));
		sim_destroy(&s);
	}
	nomination = ICE_NOMINATION_REGULAR;
}

static void another_path_of_the_peer_is_followed(void **state)
{
	parley_addr local, remote;
	(void)state;
	start(3, false, true);
	assert_true(sim_until(&s, ICE_COMPLETED, US_PER_S));
	sim_talk(&s, 50 * US_PER_MS);
	sim_run(&s, 5 * US_PER_S);
	assert_true(ice_selected(s.side[0].ice, &local, &remote));
	s.broken = local;
	sim_run(&s, 3 * US_PER_S);
	assert_true(sim_paths_match(&s));
	assert_true(s.now - s.side[0].last_data < 100 * US_PER_MS && s.now - s.side[1].last_data < 100 * US_PER_MS);
	sim_destroy(&s);
}

static void a_cut_ends_consent(void **state)
{
	parley_addr local, remote;
	(void)state;
	start(4, false, true);
	assert_true(sim_until(&s, ICE_COMPLETED, US_PER_S));
	sim_run(&s, 60 * US_PER_S);
	s.cut = true;
	uint64_t cut_at = s.now;
	sim_run(&s, 29 * US_PER_S);
	assert_in_range(sim_when(&s, 1, ICE_DISCONNECTED) - cut_at, 9 * US_PER_S, 16 * US_PER_S);
	sim_run(&s, 2 * US_PER_S);
	assert_false(ice_selected(s.side[1].ice, &local, &remote));
	assert_int_equal(ice_get_state(s.side[1].ice), ICE_FAILED);
	asks_nothing(1);
	sim_destroy(&s);
}

static void two_lite_agents_take_the_same_pair(void **state)
{
	(void)state;
	start(5, true, true);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ice_get_state(s.side[i].ice), ICE_COMPLETED);
		assert_int_equal(ice_is_controlling(s.side[i].ice), i == 0);
		asks_nothing(i);
	}
	assert_true(sim_paths_match(&s));
	sim_run(&s, 300 * US_PER_S);
	assert_true(sim_paths_match(&s));
	/* A better pair comes up at both ends. */
	for (int i = 0; i < 2; i++) {
		parley_addr v6;
		assert_true(addr_parse_ip(slice_from_string(i ? "2001:db8::1" : "2001:db8::2"), 5000, &v6));
		sim_bind(&s, i, v6);
	}
	assert_true(sim_paths_match(&s));
	parley_addr local, remote;
	assert_true(ice_selected(s.side[0].ice, &local, &remote));
	assert_int_equal(local.family, PARLEY_IPV6);
	sim_destroy(&s);
}

static void begin(void)
{
	solo_prepare(true);
	solo.config.lite = true;
	solo_create(true);
	solo_add_peer();
	assert_int_equal(solo.sent, 0);
}

/* RFC 8445 7.3.2 */
static void a_pair_counts_when_it_is_nominated(void **state)
{
	parley_addr local, remote;
	(void)state;
	begin();
	solo_request p = solo_good_request();
	p.controlled = false;
	assert_int_equal(solo_ask(&p, &solo_peer), 0);
	assert_int_equal(solo.sent, 1);
	assert_int_equal(solo.message.class, STUN_SUCCESS);
	assert_false(ice_selected(solo.ice, &local, &remote));
	assert_true(ice_is_validated(solo.ice, &solo_base, &solo_peer)); /* it may speak already */
	p.use_candidate = true;
	assert_int_equal(solo_ask(&p, &solo_peer), 0);
	assert_true(ice_selected(solo.ice, &local, &remote));
	assert_int_equal(ice_get_state(solo.ice), ICE_CONNECTED);
	solo_end();
}

/* Whatever the tie-breakers say: the peer has to control (RFC 8445 6.1.1, 7.3.1.1). */
static void a_peer_that_wants_to_be_controlled_is_refused(void **state)
{
	static const uint64_t ties[] = {0, SOLO_TIE_BREAKER, UINT64_MAX};
	(void)state;
	begin();
	for (size_t i = 0; i < ARRAY_LENGTH(ties); i++) {
		solo_request p = solo_good_request();
		p.tie = ties[i];
		p.use_candidate = true;
		assert_int_equal(solo_ask(&p, &solo_peer), 0);
		assert_int_equal(solo.message.error_code, STUN_ROLE_CONFLICT);
		assert_false(ice_is_controlling(solo.ice));
	}
	solo_end();
}

static void a_forger_cannot_select(void **state)
{
	(void)state;
	begin();
	solo_request p = solo_good_request();
	p.controlled = false;
	p.use_candidate = true;
	p.pwd = "notourpasswordnotourpass";
	assert_int_equal(solo_ask(&p, &solo_peer), PARLEY_EAUTH);
	assert_int_equal(solo_selected().family, PARLEY_ADDR_NONE);
	solo_end();
}

/* Nobody comes: it fails when patience ends, as a full agent does. */
static void nobody_comes(void **state)
{
	(void)state;
	begin();
	ice_end_of_sources(solo.ice, solo.now);
	solo_run_for(39 * US_PER_S);
	assert_int_not_equal(ice_get_state(solo.ice), ICE_FAILED);
	solo_run_for(US_PER_S);
	assert_int_equal(ice_get_state(solo.ice), ICE_FAILED);
	assert_int_equal(solo.sent, 0);
	solo_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_peer_connects_whoever_offers),
		cmocka_unit_test(an_aggressive_peer_connects),
		cmocka_unit_test(another_path_of_the_peer_is_followed),
		cmocka_unit_test(a_cut_ends_consent),
		cmocka_unit_test(two_lite_agents_take_the_same_pair),
		cmocka_unit_test(a_pair_counts_when_it_is_nominated),
		cmocka_unit_test(a_peer_that_wants_to_be_controlled_is_refused),
		cmocka_unit_test(a_forger_cannot_select),
		cmocka_unit_test(nobody_comes),
	};
	return cmocka_run_group_tests_name("ice/lite", tests, NULL, NULL);
}
