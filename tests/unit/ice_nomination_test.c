/* Nomination: regular, aggressive (RFC 5245 8.1.1.2), renomination (draft-thatcher-ice-renomination-01); in both roles. */
#include "tests/support/test.h"

#include <stdio.h>

#include "tests/unit/ice_sim.h"
#include "tests/unit/ice_solo.h"

static const parley_addr second = {.family = PARLEY_IPV4, .ip = {10, 0, 0, 2}, .port = 6001};

static void begin(ice_nomination nomination, bool controlling, bool ice2, bool renomination)
{
	solo_prepare(controlling);
	solo.config.nomination = nomination;
	solo_create(false);
	ice_set_remote_options(solo.ice,
			       &(ice_remote_options){.ice2 = ice2, .renomination = renomination, .has_pacing = true});
	assert_int_equal(
		ice_set_remote(solo.ice, solo.now, slice_from_string(SOLO_UFRAG), slice_from_string(SOLO_PWD), false),
		0);
}

static void add_of_type(const parley_addr *addr, uint32_t priority, ice_type type)
{
	ice_candidate c = {.component = 1, .priority = priority, .addr = *addr, .type = type};
	snprintf(c.foundation, sizeof c.foundation, "%u", addr->port);
	assert_int_equal(ice_add_remote_candidate(solo.ice, solo.now, &c), 0);
	solo_pump();
}

static void add(const parley_addr *addr, uint32_t priority)
{
	add_of_type(addr, priority, ICE_SRFLX);
}

static bool is_nominated(const parley_addr *remote)
{
	ice_pair_info p[8];
	size_t n = ice_get_pairs(solo.ice, p, 8);
	for (size_t i = 0; i < n; i++)
		if (addr_equal(&p[i].remote_addr, remote))
			return p[i].nominated;
	return false;
}

/* The next check to this address. */
static void wait_for_check_of(const parley_addr *remote)
{
	do
		solo_wait_for_request();
	while (!addr_equal(&solo.packet.remote, remote));
}

static void answer_from(const parley_addr *remote)
{
	assert_int_equal(solo_answer(0, SOLO_PWD, remote, &solo_base), 0);
}

static int nominate(const parley_addr *from, bool use_candidate, bool has_number, uint32_t number)
{
	static uint64_t id;
	solo_request p = solo_good_request();
	p.controlled = false;
	p.use_candidate = use_candidate;
	p.has_nomination = has_number;
	p.nomination = number;
	p.id = ++id;
	return solo_ask(&p, from);
}

/* --- regular: how long better pairs are waited for --- */

static unsigned checks_to(const parley_addr *remote)
{
	unsigned n = 0;
	for (size_t i = 0; i < solo.logged; i++)
		n += addr_equal(&solo.log[i].to, remote);
	return n;
}

/* Time passes until a check nominates; the others are not answered. */
static void wait_for_nomination(void)
{
	do
		solo_wait_for_request();
	while (!solo.message.has_use_candidate);
}

/* Both are checked, and the worse answers. */
static uint64_t begin_with_the_worse(ice_type type)
{
	begin(ICE_NOMINATION_REGULAR, true, true, false);
	add(&solo_peer, 2000);
	add_of_type(&second, 1000, type);
	if (!addr_equal(&solo.packet.remote, &second))
		wait_for_check_of(&second);
	solo_run_for(10 * US_PER_MS);
	answer_from(&second);
	return solo.now;
}

static void a_better_pair_has_a_round_trip_from_its_first_check(void **state)
{
	(void)state;
	uint64_t valid = begin_with_the_worse(ICE_SRFLX);
	wait_for_nomination();
	assert_true(addr_equal(&solo.packet.remote, &second));
	assert_in_range(solo.now - valid, 100 * US_PER_MS, 130 * US_PER_MS);
	assert_int_equal(checks_to(&solo_peer), 1);
	solo_end();
}

/* A hole in a NAT may need that: two sendings may each be too early for the other side's first. */
static void a_relay_waits_for_three_sendings_of_a_direct_pair(void **state)
{
	(void)state;
	uint64_t valid = begin_with_the_worse(ICE_RELAY);
	wait_for_nomination();
	assert_true(addr_equal(&solo.packet.remote, &second));
	assert_int_equal(checks_to(&solo_peer), 3);
	assert_true(solo.now - valid < 3 * US_PER_S);
	solo_end();
	begin_with_the_worse(ICE_RELAY);
	while (checks_to(&solo_peer) < 3)
		wait_for_check_of(&solo_peer);
	answer_from(&solo_peer);
	if (!solo.message.has_use_candidate)
		wait_for_nomination();
	assert_true(addr_equal(&solo.packet.remote, &solo_peer));
	solo_end();
}

/* With so many pairs checks are repeated so slowly (RFC 8445 14.3) that three sendings would take longer. */
static void patience_runs_out(void **state)
{
	(void)state;
	begin(ICE_NOMINATION_REGULAR, true, true, false);
	add_of_type(&second, 1000, ICE_RELAY);
	solo_run_for(10 * US_PER_MS);
	answer_from(&second);
	uint64_t valid = solo.now;
	for (uint16_t i = 0; i < 60; i++) {
		parley_addr useless = solo_peer;
		useless.port = (uint16_t)(7000 + i);
		add(&useless, 2000u + i);
	}
	wait_for_nomination();
	assert_true(addr_equal(&solo.packet.remote, &second));
	assert_in_range(solo.now - valid, 3 * US_PER_S, 3200 * US_PER_MS);
	solo_end();
}

/* --- aggressive --- */

static void aggressive_nominates_by_every_check_and_the_best_counts(void **state)
{
	(void)state;
	begin(ICE_NOMINATION_AGGRESSIVE, true, false, false);
	add(&solo_peer, 2000);
	assert_true(solo.message.has_use_candidate);
	add(&second, 1000);
	wait_for_check_of(&second);
	assert_true(solo.message.has_use_candidate);
	answer_from(&second);
	assert_true(is_nominated(&second));
	wait_for_check_of(&solo_peer); /* of higher priority, so it goes on (RFC 5245 8.1.2) */
	answer_from(&solo_peer);
	assert_true(is_nominated(&solo_peer));
	assert_false(is_nominated(&second));
	solo_end();
}

static void aggressive_gives_up_what_is_worse(void **state)
{
	(void)state;
	begin(ICE_NOMINATION_AGGRESSIVE, true, false, false);
	add(&solo_peer, 2000);
	stun_message first = solo.message;
	add(&second, 1000);
	wait_for_check_of(&second);
	stun_message other = solo.message;
	solo.message = first;
	answer_from(&solo_peer);
	assert_true(is_nominated(&solo_peer));
	solo.message = other;
	answer_from(&second); /* its answer was on the way */
	assert_true(is_nominated(&solo_peer));
	assert_false(is_nominated(&second));
	solo_end();
}

/* RFC 8445 10: not with a peer that knows RFC 8445. */
static void aggressive_is_regular_for_a_modern_peer(void **state)
{
	(void)state;
	begin(ICE_NOMINATION_AGGRESSIVE, true, true, false);
	add(&solo_peer, 2000);
	assert_false(solo.message.has_use_candidate);
	answer_from(&solo_peer);
	if (solo.sent == 0)
		solo_wait_for_request();
	assert_true(solo.message.has_use_candidate);
	solo_end();
}

/* --- in haste --- */

/* Connected, and then nothing comes through; begins anew. The answer of the peer's new generation is there. */
static void restart_without_a_path(bool ice2)
{
	begin(ICE_NOMINATION_REGULAR, true, ice2, false);
	add(&solo_peer, 2000);
	answer_from(&solo_peer);
	wait_for_nomination();
	answer_from(&solo_peer);
	while (ice_get_state(solo.ice) != ICE_DISCONNECTED)
		solo_run_for(100 * US_PER_MS);
	assert_int_equal(ice_restart(solo.ice, solo.now), 0);
	assert_int_equal(
		ice_set_remote(solo.ice, solo.now, slice_from_string("anew"), slice_from_string(SOLO_PWD), false), 0);
	solo_pump();
}

static void after_a_dead_path_what_works_first_is_nominated(void **state)
{
	parley_addr third = second;
	third.port++;
	(void)state;
	restart_without_a_path(false);
	add(&solo_peer, 2000);
	add_of_type(&second, 1000, ICE_RELAY);
	wait_for_check_of(&second);
	answer_from(&second);
	assert_true(is_nominated(&second));
	parley_addr selected = solo_selected();
	assert_true(addr_equal(&selected, &second));
	add(&third, 1500); /* better, and late */
	wait_for_check_of(&third);
	answer_from(&third);
	assert_true(is_nominated(&third));
	selected = solo_selected();
	assert_true(addr_equal(&selected, &third));
	wait_for_check_of(&solo_peer); /* the best one is still tried */
	solo_end();
}

/* A peer of RFC 8445 takes one nomination: data goes by what works, and the nomination waits as ever. */
static void haste_is_not_for_a_modern_peer(void **state)
{
	(void)state;
	restart_without_a_path(true);
	add(&solo_peer, 2000);
	add_of_type(&second, 1000, ICE_RELAY);
	wait_for_check_of(&second);
	assert_false(solo.message.has_use_candidate);
	answer_from(&second);
	assert_false(is_nominated(&second));
	parley_addr selected = solo_selected();
	assert_true(addr_equal(&selected, &second));
	solo_end();
}

/* --- renomination, controlled --- */

static void two_valid_pairs(bool renomination)
{
	begin(ICE_NOMINATION_RENOMINATION, false, true, renomination);
	add(&solo_peer, 2000);
	answer_from(&solo_peer);
	add(&second, 1000);
	wait_for_check_of(&second);
	answer_from(&second);
}

static void the_largest_number_counts(void **state)
{
	(void)state;
	two_valid_pairs(true);
	assert_int_equal(nominate(&solo_peer, true, true, 1), 0);
	assert_true(is_nominated(&solo_peer));
	assert_int_equal(nominate(&second, true, true, 3), 0);
	assert_true(is_nominated(&second));
	assert_int_equal(nominate(&solo_peer, true, true, 2), 0);  /* overtaken on the way */
	assert_int_equal(nominate(&solo_peer, true, true, 3), 0);  /* not larger */
	assert_int_equal(nominate(&solo_peer, true, false, 0), 0); /* a number is more than none */
	assert_true(is_nominated(&second));
	assert_int_equal(nominate(&solo_peer, false, true, 4), 0); /* the number alone, as libwebrtc sends it */
	assert_true(is_nominated(&solo_peer));
	/* The upper byte is not part of it. */
	assert_int_equal(nominate(&second, true, true, 0xff000004), 0);
	assert_true(is_nominated(&solo_peer));
	assert_int_equal(nominate(&second, true, true, 0x00ffffff), 0);
	assert_true(is_nominated(&second));
	solo_end();
}

static void without_numbers_the_last_one_counts(void **state)
{
	(void)state;
	two_valid_pairs(true);
	assert_int_equal(nominate(&solo_peer, true, false, 0), 0);
	assert_true(is_nominated(&solo_peer));
	assert_int_equal(nominate(&second, true, false, 0), 0);
	assert_true(is_nominated(&second));
	solo_end();
}

static void numbers_mean_nothing_where_not_agreed(void **state)
{
	(void)state;
	two_valid_pairs(false);
	assert_int_equal(nominate(&solo_peer, true, false, 0), 0);
	assert_int_equal(nominate(&second, false, true, 9), 0);
	assert_true(is_nominated(&solo_peer));
	solo_end();
}

static void a_number_that_comes_before_the_pair_works_is_kept(void **state)
{
	(void)state;
	begin(ICE_NOMINATION_RENOMINATION, false, true, true);
	add(&solo_peer, 2000);
	answer_from(&solo_peer);
	assert_int_equal(nominate(&solo_peer, true, true, 1), 0);
	assert_int_equal(nominate(&second, true, true, 2), 0);
	while (solo.message.class != STUN_REQUEST || !addr_equal(&solo.packet.remote, &second))
		solo_wait_for_request(); /* a probe of the path may come first */
	assert_true(is_nominated(&solo_peer));
	stun_message to_second = solo.message;
	assert_int_equal(nominate(&solo_peer, true, true, 1), 0); /* repeated */
	solo.message = to_second;
	answer_from(&second);
	assert_true(is_nominated(&second));
	solo_end();
}

/* --- renomination, controlling --- */

static void a_better_pair_is_nominated_with_a_larger_number(void **state)
{
	(void)state;
	begin(ICE_NOMINATION_RENOMINATION, true, true, true);
	add(&second, 1000);
	assert_false(solo.message.has_use_candidate || solo.message.has_nomination);
	answer_from(&second);
	if (solo.sent == 0)
		solo_wait_for_request();
	assert_true(solo.message.has_use_candidate && solo.message.has_nomination);
	uint32_t number = solo.message.nomination;
	assert_true(number > 0);
	answer_from(&second);
	assert_true(is_nominated(&second));
	solo_run_for(US_PER_S);
	add(&solo_peer, 2000); /* a better network has come up there */
	if (!addr_equal(&solo.packet.remote, &solo_peer))
		wait_for_check_of(&solo_peer);
	answer_from(&solo_peer);
	if (solo.sent == 0 || !solo.message.has_nomination)
		wait_for_check_of(&solo_peer);
	assert_true(solo.message.has_use_candidate && solo.message.has_nomination);
	assert_true(solo.message.nomination > number);
	assert_true(is_nominated(&second)); /* until the peer knows */
	answer_from(&solo_peer);
	assert_true(is_nominated(&solo_peer));
	solo_end();
}

static void a_peer_without_it_gets_one_nomination(void **state)
{
	(void)state;
	begin(ICE_NOMINATION_RENOMINATION, true, true, false);
	add(&second, 1000);
	answer_from(&second);
	if (solo.sent == 0)
		solo_wait_for_request();
	assert_true(solo.message.has_use_candidate);
	assert_false(solo.message.has_nomination);
	answer_from(&second);
	solo.sent = 0;
	add(&solo_peer, 2000);
	assert_int_equal(solo.sent, 0);
	assert_true(is_nominated(&second));
	solo_end();
}

/* --- a nomination that gets nowhere --- */

static void a_nomination_in_vain_makes_room_for_another_pair(void **state)
{
	(void)state;
	begin(ICE_NOMINATION_REGULAR, true, true, false);
	add(&solo_peer, 2000);
	stun_message first = solo.message;
	add(&second, 1000);
	wait_for_check_of(&second);
	answer_from(&second);
	solo.message = first;
	answer_from(&solo_peer);
	uint64_t began = solo.now;
	do /* the better one is nominated, and answers no more */
		wait_for_check_of(&second);
	while (!solo.message.has_use_candidate);
	assert_in_range(solo.now - began, US_PER_S, 3 * US_PER_S);
	answer_from(&second);
	assert_true(is_nominated(&second));
	solo_end();
}

/* --- both sides --- */

static void every_way_of_nominating_connects(void **state)
{
	sim s;
	(void)state;
	for (unsigned mine = 0; mine < 3; mine++)
		for (unsigned theirs = 0; theirs < 3; theirs++) {
			sim_init(&s, mine * 3 + theirs);
			s.config[0].nomination = (ice_nomination)mine;
			s.config[1].nomination = (ice_nomination)theirs;
			assert_int_equal(sim_create(&s), 0);
			for (int i = 0; i < 2; i++) {
				unsigned other = i ? mine : theirs;
				ice_remote_options options = {.ice2 = other != ICE_NOMINATION_AGGRESSIVE,
							      .renomination = other == ICE_NOMINATION_RENOMINATION};
				ice_set_remote_options(s.side[i].ice, &options);
				sim_bind(&s, i, addr_ipv4(10, 0, (uint8_t)i, 1, 5000));
				sim_bind(&s, i, addr_ipv4(10, 1, (uint8_t)i, 1, 5000));
			}
			sim_exchange_credentials(&s);
			for (int i = 0; i < 2; i++)
				ice_end_of_sources(s.side[i].ice, s.now);
			sim_pump(&s);
			assert_true(sim_until(&s, ICE_COMPLETED, 2 * US_PER_S));
			sim_run(&s, 10 * US_PER_S);
			assert_true(sim_paths_match(&s));
			sim_destroy(&s);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_better_pair_has_a_round_trip_from_its_first_check),
		cmocka_unit_test(a_relay_waits_for_three_sendings_of_a_direct_pair),
		cmocka_unit_test(patience_runs_out),
		cmocka_unit_test(aggressive_nominates_by_every_check_and_the_best_counts),
		cmocka_unit_test(aggressive_gives_up_what_is_worse),
		cmocka_unit_test(aggressive_is_regular_for_a_modern_peer),
		cmocka_unit_test(after_a_dead_path_what_works_first_is_nominated),
		cmocka_unit_test(haste_is_not_for_a_modern_peer),
		cmocka_unit_test(the_largest_number_counts),
		cmocka_unit_test(without_numbers_the_last_one_counts),
		cmocka_unit_test(numbers_mean_nothing_where_not_agreed),
		cmocka_unit_test(a_number_that_comes_before_the_pair_works_is_kept),
		cmocka_unit_test(a_better_pair_is_nominated_with_a_larger_number),
		cmocka_unit_test(a_peer_without_it_gets_one_nomination),
		cmocka_unit_test(a_nomination_in_vain_makes_room_for_another_pair),
		cmocka_unit_test(every_way_of_nominating_connects),
	};
	return cmocka_run_group_tests_name("ice/nomination", tests, NULL, NULL);
}
