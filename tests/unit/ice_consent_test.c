/* Consent (RFC 7675) and what its loss means for the state (W3C webrtc-pc 5.6.4): one agent, its peer played by hand. */
#include "tests/support/test.h"
#include "tests/unit/ice_solo.h"

#define FORGED_PWD "notourpasswordnotourpass"

static ice_state state_now(void)
{
	return ice_get_state(solo.ice);
}

/* Connected and nominated, 39.5 s ago: patience is over, and all candidates are known. */
static void connect(void)
{
	solo_begin(true, true);
	ice_end_of_sources(solo.ice, solo.now);
	ice_end_of_remote_candidates(solo.ice, solo.now);
	solo_add_peer();
	for (int i = 0; i < 2; i++) { /* the check, the nomination */
		assert_int_equal(solo_answer(0, SOLO_PWD, &solo_peer, &solo_base), 0);
		if (i == 0 && solo.sent == 0)
			solo_wait_for_request();
	}
	assert_int_equal(state_now(), ICE_COMPLETED);
	uint64_t end = solo.now + 40 * US_PER_S;
	while (solo.now < end) {
		solo_wait_for_request();
		assert_int_equal(solo_answer(0, SOLO_PWD, &solo_peer, &solo_base), 0);
	}
	assert_int_equal(state_now(), ICE_COMPLETED);
}

static void lose_consent(void)
{
	solo_run_for(29 * US_PER_S);
	assert_int_equal(state_now(), ICE_DISCONNECTED);
	assert_int_equal(solo_selected().family, PARLEY_IPV4);
	solo_run_for(US_PER_S);
	assert_int_equal(state_now(), ICE_FAILED);
	assert_int_equal(solo_selected().family, PARLEY_ADDR_NONE);
}

/* RFC 7675 5.1: the same credentials must not be used on that 5-tuple again. */
static void what_is_lost_comes_back_by_a_restart_only(void **state)
{
	(void)state;
	connect();
	lose_consent();
	stun_message last_request = solo.message;
	assert_int_equal(last_request.class, STUN_REQUEST);
	assert_int_not_equal(solo_answer(0, SOLO_PWD, &solo_peer, &solo_base), 0); /* late */
	for (int i = 0; i < 10; i++) {
		solo_request p = solo_good_request();
		p.id = (uint64_t)i;
		assert_int_equal(solo_ask(&p, &solo_peer), 0);
		assert_int_equal(solo.sent, 1); /* the answer, and no check of ours */
		assert_int_equal(solo.message.class, STUN_SUCCESS);
		solo_run_for(US_PER_S);
	}
	assert_int_equal(state_now(), ICE_FAILED);
	assert_int_equal(ice_restart(solo.ice, solo.now), 0);
	assert_int_equal(state_now(), ICE_CHECKING);
	assert_int_equal(
		ice_set_remote(solo.ice, solo.now, slice_from_string(SOLO_UFRAG), slice_from_string(SOLO_PWD), false),
		0);
	solo_add_peer();
	assert_int_equal(solo.message.class, STUN_REQUEST);
	assert_int_equal(solo_answer(0, SOLO_PWD, &solo_peer, &solo_base), 0);
	assert_int_equal(state_now(), ICE_CONNECTED);
	solo_end();
}

/* RFC 7675 5.2 */
static void a_403_takes_consent_away_at_once(void **state)
{
	(void)state;
	connect();
	solo_wait_for_request();
	assert_int_equal(solo_answer(STUN_FORBIDDEN, FORGED_PWD, &solo_peer, &solo_base), 0);
	assert_int_equal(state_now(), ICE_COMPLETED);
	assert_int_equal(solo_answer(STUN_BAD_REQUEST, SOLO_PWD, &solo_peer, &solo_base), 0);
	assert_int_equal(solo_selected().family, PARLEY_IPV4); /* an error, but no revocation */
	solo_wait_for_request();
	assert_int_equal(solo_answer(STUN_FORBIDDEN, SOLO_PWD, &solo_peer, &solo_base), 0);
	assert_int_equal(solo_selected().family, PARLEY_ADDR_NONE);
	assert_int_equal(state_now(), ICE_FAILED);
	solo_end();
}

/* Where another way is still being tried, the connection is not failed but disconnected. */
static void failed_waits_for_the_last_check(void **state)
{
	(void)state;
	connect();
	solo_run_for(25 * US_PER_S);
	ice_candidate c = {.foundation = "x", .component = 1, .priority = 1000, .type = ICE_HOST};
	c.addr = addr_ipv4(10, 0, 0, 3, 7000);
	assert_int_equal(ice_add_remote_candidate(solo.ice, solo.now, &c), 0);
	solo_pump();
	solo_run_for(10 * US_PER_S);
	assert_int_equal(solo_selected().family, PARLEY_ADDR_NONE);
	assert_int_equal(state_now(), ICE_DISCONNECTED);
	solo_run_for(29 * US_PER_S); /* the check began 10 s ago and takes 39.5 s to fail */
	assert_int_equal(state_now(), ICE_DISCONNECTED);
	solo_run_for(US_PER_S);
	assert_int_equal(state_now(), ICE_FAILED);
	solo_end();
}

/* Patience (RFC 8863) may end later than consent. */
static void failed_waits_for_patience(void **state)
{
	(void)state;
	solo_begin(true, true);
	ice_end_of_sources(solo.ice, solo.now);
	solo_add_peer();
	uint64_t began = solo.now;
	assert_int_equal(solo_answer(0, SOLO_PWD, &solo_peer, &solo_base), 0);
	solo_run_for(35 * US_PER_S);
	assert_int_equal(solo_selected().family, PARLEY_ADDR_NONE);
	assert_int_equal(state_now(), ICE_DISCONNECTED);
	while (state_now() != ICE_FAILED)
		solo_run_for(100 * US_PER_MS);
	assert_in_range(solo.now - began, 39500 * US_PER_MS, 39700 * US_PER_MS);
	solo_end();
}

/* W3C: finished gathering is part of it. */
static void failed_waits_for_gathering(void **state)
{
	(void)state;
	solo_begin(true, true);
	solo_add_peer();
	solo_run_for(60 * US_PER_S);
	assert_int_equal(state_now(), ICE_CHECKING);
	ice_end_of_sources(solo.ice, solo.now);
	assert_int_equal(state_now(), ICE_FAILED);
	solo_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_lost_comes_back_by_a_restart_only),
		cmocka_unit_test(a_403_takes_consent_away_at_once),
		cmocka_unit_test(failed_waits_for_the_last_check),
		cmocka_unit_test(failed_waits_for_patience),
		cmocka_unit_test(failed_waits_for_gathering),
	};
	return cmocka_run_group_tests_name("ice/consent", tests, NULL, NULL);
}
