/* Which check is sent when: freezing (RFC 8445 6.1.2.6), order (6.1.4), triggered checks (7.3.1.4), Ta and RTO (14), pair limit. */
#include "tests/support/test.h"
#include "tests/unit/ice_solo.h"

#include <string.h>

#define TA (20 * US_PER_MS) /* ours, by default */

/* A candidate at 10.0.0.2:port; the port is told in the checks. */
static void add(uint16_t port, uint32_t priority, const char *foundation)
{
	ice_candidate c = {.component = 1, .priority = priority, .type = ICE_HOST};
	c.addr = addr_ipv4(10, 0, 0, 2, port);
	strcpy(c.foundation, foundation);
	assert_int_equal(ice_add_remote_candidate(solo.ice, solo.now, &c), 0);
}

static void know_remote(void)
{
	assert_int_equal(
		ice_set_remote(solo.ice, solo.now, slice_from_string(SOLO_UFRAG), slice_from_string(SOLO_PWD), false),
		0);
	solo_pump();
}

static void begin(void)
{
	solo_prepare(true);
	solo_create(false);
}

static void was_checked(size_t at, uint16_t port)
{
	assert_true(at < solo.logged);
	assert_int_equal(solo.log[at].to.port, port);
}

static ice_pair_state state_of(uint16_t port)
{
	ice_pair_info p[16];
	size_t n = ice_get_pairs(solo.ice, p, 16);
	for (size_t i = 0; i < n; i++)
		if (p[i].remote_addr.port == port)
			return p[i].state;
	fail();
	return ICE_PAIR_FAILED;
}

/* In whatever order the candidates came. */
static void the_best_of_each_foundation_begins(void **state)
{
	(void)state;
	begin();
	add(1, 100, "a");
	add(2, 500, "a");
	add(3, 200, "b");
	add(4, 400, "b");
	add(5, 300, "b");
	know_remote();
	assert_int_equal(state_of(2), ICE_PAIR_IN_PROGRESS);
	assert_int_equal(state_of(4), ICE_PAIR_WAITING);
	assert_int_equal(state_of(1), ICE_PAIR_FROZEN);
	assert_int_equal(state_of(3), ICE_PAIR_FROZEN);
	assert_int_equal(state_of(5), ICE_PAIR_FROZEN);
	solo_run_for(TA);
	was_checked(0, 2);
	was_checked(1, 4);
	solo_run_for(10 * TA);
	assert_int_equal(solo.logged, 2); /* the others wait for these */
	solo_end();
}

/* RFC 8445 7.2.5.3.3 */
static void what_works_unfreezes_its_like(void **state)
{
	(void)state;
	begin();
	add(1, 100, "a");
	add(2, 200, "a");
	add(3, 300, "a");
	know_remote();
	assert_int_equal(solo.logged, 1);
	parley_addr from = addr_ipv4(10, 0, 0, 2, 3);
	assert_int_equal(solo_answer(0, SOLO_PWD, &from, &solo_base), 0);
	assert_int_equal(state_of(2), ICE_PAIR_WAITING);
	assert_int_equal(state_of(1), ICE_PAIR_WAITING);
	add(4, 50, "a"); /* and those that come later (RFC 8838 12) */
	assert_int_equal(state_of(4), ICE_PAIR_WAITING);
	solo_end();
}

/* RFC 8445 6.1.4.2 2: a frozen one has its turn when nothing of its foundation waits or runs. */
static void a_failure_lets_the_next_of_the_foundation_begin(void **state)
{
	(void)state;
	begin();
	add(1, 100, "a");
	add(2, 200, "a");
	know_remote();
	parley_addr from = addr_ipv4(10, 0, 0, 2, 2);
	assert_int_equal(solo_answer(STUN_BAD_REQUEST, SOLO_PWD, &from, NULL), 0);
	assert_int_equal(state_of(2), ICE_PAIR_FAILED);
	solo_run_for(TA);
	was_checked(1, 1);
	solo_end();
}

/* RFC 8445 14.3, RFC 8489 6.2.1: 500 ms, doubling, seven times, and 16 RTO after the last. */
static void a_check_is_repeated_as_the_rfc_says(void **state)
{
	static const uint64_t at_ms[] = {0, 500, 1500, 3500, 7500, 15500, 31500};
	(void)state;
	begin();
	add(1, 100, "a");
	know_remote();
	uint64_t began = solo.now;
	solo_run_for(39499 * US_PER_MS);
	assert_int_equal(solo.logged, ARRAY_LENGTH(at_ms));
	for (size_t i = 0; i < solo.logged; i++) {
		assert_int_equal(solo.log[i].at - began, at_ms[i] * US_PER_MS);
		assert_true(stun_id_equal(&solo.log[i].id, &solo.log[0].id));
	}
	assert_int_equal(state_of(1), ICE_PAIR_IN_PROGRESS);
	solo_run_for(US_PER_MS);
	assert_int_equal(state_of(1), ICE_PAIR_FAILED);
	solo_end();
}

/* RFC 8445 14.3: all first sendings come before the first repetition. */
static void many_checks_are_repeated_later(void **state)
{
	(void)state;
	begin();
	for (uint16_t i = 0; i < 60; i++) {
		char foundation[4] = {(char)('a' + i / 26), (char)('a' + i % 26)};
		add((uint16_t)(1 + i), 1000u - i, foundation);
	}
	know_remote();
	solo_run_for(60 * TA - 1);
	assert_int_equal(solo.logged, 60);
	for (size_t i = 0; i < 60; i++)
		was_checked(i, (uint16_t)(1 + i));
	solo_end();
}

static void rto_below_the_minimum_is_refused(void **state)
{
	ice_agent *a;
	(void)state;
	solo_prepare(true);
	ice_config c = solo.config;
	c.rto_us = 499 * US_PER_MS;
	assert_int_equal(ice_create(&c, &a), PARLEY_EINVAL);
	c = solo.config;
	c.ta_us = 4999;
	assert_int_equal(ice_create(&c, &a), PARLEY_EINVAL);
}

/* RFC 8445 14.2: the slower one of the two; 50 ms of one who does not say. */
static void the_pace_is_agreed(void **state)
{
	static const struct {
		bool says;
		uint64_t theirs_ms, expected_ms;
	} cases[] = {{true, 5, 20}, {true, 20, 20}, {true, 100, 100}, {false, 0, 50}, {true, 1000000, 1000}};
	(void)state;
	for (size_t k = 0; k < ARRAY_LENGTH(cases); k++) {
		begin();
		ice_remote_options options = {.has_pacing = cases[k].says, .pacing_us = cases[k].theirs_ms * US_PER_MS};
		ice_set_remote_options(solo.ice, &options);
		for (uint16_t i = 0; i < 4; i++)
			add((uint16_t)(1 + i), 100, (char[2]){(char)('a' + i)});
		know_remote();
		solo_run_for(3 * cases[k].expected_ms * US_PER_MS);
		size_t firsts[4] = {0}, found = 0;
		for (size_t i = 0; i < solo.logged && found < 4; i++) {
			bool first = true;
			for (size_t j = 0; j < i; j++)
				first &= !stun_id_equal(&solo.log[i].id, &solo.log[j].id);
			if (first)
				firsts[found++] = i;
		}
		assert_int_equal(found, 4);
		for (size_t i = 1; i < 4; i++)
			assert_int_equal(solo.log[firsts[i]].at - solo.log[firsts[i - 1]].at,
					 cases[k].expected_ms * US_PER_MS);
		solo_end();
	}
}

/* RFC 8445 7.3.1.4: the check in progress is cancelled, and another one enqueued. */
static void a_request_cancels_the_check_and_triggers_another(void **state)
{
	(void)state;
	solo_begin(false, true);
	solo_add_peer();
	stun_message first = solo.message;
	uint64_t began = solo.now;
	solo_run_for(100 * US_PER_MS);
	solo_request p = solo_good_request();
	p.controlled = false;
	assert_int_equal(solo_ask(&p, &solo_peer), 0);
	assert_int_equal(solo.logged, 2);
	assert_int_equal(solo.log[1].at, began + 100 * US_PER_MS);
	assert_false(stun_id_equal(&solo.log[1].id, &first.id));
	assert_int_equal(solo_only_pair().state, ICE_PAIR_IN_PROGRESS);
	solo_run_for(550 * US_PER_MS);
	assert_int_equal(solo.logged, 3); /* of the first there is no repetition */
	assert_true(stun_id_equal(&solo.log[2].id, &solo.log[1].id));
	assert_int_equal(solo.log[2].at, began + 600 * US_PER_MS);
	solo.message = first; /* its answer counts nevertheless */
	assert_int_equal(solo_answer(0, SOLO_PWD, &solo_peer, &solo_base), 0);
	assert_int_equal(solo_only_pair().state, ICE_PAIR_SUCCEEDED);
	p.id = 1;
	assert_int_equal(solo_ask(&p, &solo_peer), 0);
	solo_run_for(2 * US_PER_S);
	assert_int_equal(solo.logged, 3); /* succeeded: nothing further is done */
	solo_end();
}

/* The same for pairs that wait, are frozen or have failed: they come before ordinary checks, in the order they were asked for. */
static void triggered_checks_come_first(void **state)
{
	(void)state;
	begin();
	add(1, 900, "a"); /* in progress */
	add(2, 800, "b"); /* waiting */
	add(3, 700, "c");
	add(4, 600, "b"); /* frozen */
	know_remote();
	static const uint16_t asked[] = {4, 3, 9}; /* the last one is learnt by it */
	for (size_t i = 0; i < ARRAY_LENGTH(asked); i++) {
		parley_addr from = addr_ipv4(10, 0, 0, 2, asked[i]);
		solo_request p = solo_good_request();
		p.id = 1 + i;
		assert_int_equal(solo_ask(&p, &from), 0);
		assert_int_equal(state_of(asked[i]), ICE_PAIR_WAITING);
	}
	solo_run_for(4 * TA);
	for (size_t i = 0; i < ARRAY_LENGTH(asked); i++)
		was_checked(1 + i, asked[i]);
	was_checked(4, 2);
	solo_end();
}

/* RFC 8445 6.1.2.5 */
static void the_worst_pairs_go_when_there_are_too_many(void **state)
{
	(void)state;
	solo_prepare(true);
	solo.config.pairs_max = 3;
	solo_create(false);
	for (uint16_t i = 0; i < 6; i++)
		add((uint16_t)(1 + i), (uint32_t)(100 + i * 37 % 50), "a");
	know_remote();
	ice_pair_info p[8];
	assert_int_equal(ice_get_pairs(solo.ice, p, 8), 3);
	/* Priorities of 1 to 6: 100, 137, 124, 111, 148, 135. */
	assert_int_equal(p[0].remote_addr.port, 5);
	assert_int_equal(p[1].remote_addr.port, 2);
	assert_int_equal(p[2].remote_addr.port, 6);
	solo_end();
	ice_agent *a;
	solo.config.pairs_max = ICE_PAIRS_MAX + 1;
	assert_int_equal(ice_create(&solo.config, &a), PARLEY_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_best_of_each_foundation_begins),
		cmocka_unit_test(what_works_unfreezes_its_like),
		cmocka_unit_test(a_failure_lets_the_next_of_the_foundation_begin),
		cmocka_unit_test(a_check_is_repeated_as_the_rfc_says),
		cmocka_unit_test(many_checks_are_repeated_later),
		cmocka_unit_test(rto_below_the_minimum_is_refused),
		cmocka_unit_test(the_pace_is_agreed),
		cmocka_unit_test(a_request_cancels_the_check_and_triggers_another),
		cmocka_unit_test(triggered_checks_come_first),
		cmocka_unit_test(the_worst_pairs_go_when_there_are_too_many),
	};
	return cmocka_run_group_tests_name("ice/schedule", tests, NULL, NULL);
}
