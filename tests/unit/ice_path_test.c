/* The path that carries data: how soon it is known to be dead or back, what takes over, and what does not look like death. */
#include "tests/support/test.h"
#include "tests/unit/ice_sim.h"

static sim s;

static parley_addr first(int side)
{
	return addr_ipv4(10, 0, (uint8_t)side, 1, 5000);
}

static parley_addr second(int side)
{
	return addr_ipv4(10, 1, (uint8_t)side, 1, 6000);
}

/* Connected, with one way or with two. */
static void begin(uint64_t seed, bool two_ways, uint64_t delay_us)
{
	sim_init(&s, seed);
	s.delay_us = delay_us;
	assert_int_equal(sim_create(&s), 0);
	for (int i = 0; i < 2; i++) {
		sim_bind(&s, i, first(i));
		if (two_ways)
			sim_bind(&s, i, second(i));
	}
	sim_exchange_credentials(&s);
	for (int i = 0; i < 2; i++)
		ice_end_of_sources(s.side[i].ice, s.now);
	sim_pump(&s);
	assert_true(sim_until(&s, ICE_COMPLETED, 5 * US_PER_S));
	sim_run(&s, 10 * US_PER_S);
	sim_forget(&s);
}

static void end(void)
{
	sim_destroy(&s);
}

static uint64_t checks_of(int side)
{
	ice_counters c;
	ice_get_counters(s.side[side].ice, &c);
	return c.requests_sent + c.requests_resent + c.consent_sent;
}

/* From the cut on until both say so. */
static uint64_t time_to_notice(void)
{
	uint64_t cut_at = s.now, latest = 0;
	s.cut = true;
	sim_run(&s, 8 * US_PER_S);
	for (int i = 0; i < 2; i++) {
		uint64_t at = sim_when(&s, i, ICE_DISCONNECTED);
		assert_true(at != TIME_NEVER);
		latest = at > latest ? at : latest;
	}
	return latest - cut_at;
}

static void a_lively_path_that_is_cut_is_noticed_at_once(void **state)
{
	static const uint64_t delays[] = {1, 10 * US_PER_MS, 150 * US_PER_MS};
	(void)state;
	for (size_t k = 0; k < ARRAY_LENGTH(delays); k++)
		for (uint64_t seed = 0; seed < 10; seed++) {
			begin(seed, false, delays[k]);
			sim_talk(&s, 50 * US_PER_MS);
			sim_run(&s, 5 * US_PER_S + seed * 700 * US_PER_MS);
			assert_true(time_to_notice() <= 1600 * US_PER_MS + 6 * delays[k]);
			end();
		}
}

static void an_idle_path_that_is_cut_is_noticed_by_consent(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 10; seed++) {
		begin(seed, false, 10 * US_PER_MS);
		uint64_t before = checks_of(0);
		sim_run(&s, 60 * US_PER_S);
		assert_in_range(checks_of(0) - before, 10, 15); /* one per 4 to 6 s: RFC 7675 5.1 */
		assert_true(time_to_notice() <= 7500 * US_PER_MS);
		end();
	}
}

/* Nothing comes while nothing is lost: who is sent to but says little is not pestered. */
static void a_peer_of_few_words_is_not_pestered(void **state)
{
	static const unsigned answer_every[] = {20, 50, 100, 250}; /* of 50 datagrams a second */
	(void)state;
	for (size_t k = 0; k < ARRAY_LENGTH(answer_every); k++) {
		begin(k, false, 30 * US_PER_MS);
		s.side[1].answer_every = answer_every[k];
		sim_talk(&s, 20 * US_PER_MS);
		s.side[1].talk_us = 0;
		sim_run(&s, 60 * US_PER_S); /* until its habits are known */
		uint64_t before = checks_of(0);
		sim_run(&s, 60 * US_PER_S);
		assert_in_range(checks_of(0) - before, 10, 30);
		assert_int_equal(s.side[0].state_count, 0);
		end();
	}
}

static void loss_does_not_look_like_a_cut(void **state)
{
	static const uint64_t intervals[] = {0, 20 * US_PER_MS, 300 * US_PER_MS, 2 * US_PER_S};
	(void)state;
	for (size_t k = 0; k < ARRAY_LENGTH(intervals); k++)
		for (uint64_t seed = 0; seed < 8; seed++) {
			begin(seed, false, 150 * US_PER_MS);
			s.loss_percent = 20;
			s.jitter_us = 30 * US_PER_MS;
			sim_talk(&s, intervals[k]);
			sim_run(&s, 300 * US_PER_S);
			for (int i = 0; i < 2; i++)
				assert_int_equal(s.side[i].state_count, 0);
			end();
		}
}

static void the_end_of_a_cut_is_noticed_at_once(void **state)
{
	static const uint64_t cuts[] = {2 * US_PER_S, 10 * US_PER_S, 25 * US_PER_S};
	(void)state;
	for (size_t k = 0; k < ARRAY_LENGTH(cuts); k++)
		for (int talking = 0; talking < 2; talking++) {
			begin(k, false, 10 * US_PER_MS);
			sim_run(&s, 3 * US_PER_S);
			sim_talk(&s, talking ? 100 * US_PER_MS : 0);
			sim_run(&s, 3 * US_PER_S);
			s.cut = true;
			sim_run(&s, cuts[k]);
			if (talking || cuts[k] > 8 * US_PER_S)
				assert_true(sim_was(&s, 0, ICE_DISCONNECTED) && sim_was(&s, 1, ICE_DISCONNECTED));
			s.cut = false;
			assert_true(sim_until(&s, ICE_COMPLETED, 600 * US_PER_MS));
			assert_false(sim_was(&s, 0, ICE_FAILED) || sim_was(&s, 1, ICE_FAILED));
			end();
		}
}

/* The way that carries data breaks in the middle; the other carries on, without signalling. */
static void another_way_takes_over_within_three_seconds(void **state)
{
	static const uint64_t delays[] = {10 * US_PER_MS, 100 * US_PER_MS};
	(void)state;
	for (size_t k = 0; k < ARRAY_LENGTH(delays); k++)
		for (uint64_t seed = 0; seed < 10; seed++) {
			parley_addr local, remote;
			begin(seed, true, delays[k]);
			sim_talk(&s, 50 * US_PER_MS);
			sim_run(&s, 2 * US_PER_S + seed * 600 * US_PER_MS);
			assert_true(ice_selected(s.side[seed & 1].ice, &local, &remote));
			s.broken = local;
			uint64_t broken_at = s.now;
			sim_run(&s, US_PER_S / 2);
			unsigned received[2] = {s.side[0].data_received, s.side[1].data_received};
			sim_run(&s, 2 * US_PER_S + US_PER_S / 2);
			for (int i = 0; i < 2; i++) {
				assert_true(s.side[i].data_received > received[i]);
				assert_true(s.side[i].last_data - broken_at > 2 * US_PER_S);
				assert_false(sim_was(&s, i, ICE_FAILED));
				assert_true(ice_get_state(s.side[i].ice) == ICE_COMPLETED);
			}
			assert_true(sim_paths_match(&s));
			end();
		}
}

/* Only one of them has anything to say; the other, be it the one that nominates, is asked to look. */
static void the_listener_learns_of_it_too(void **state)
{
	(void)state;
	for (int talker = 0; talker < 2; talker++) {
		parley_addr local, remote;
		begin((uint64_t)talker, true, 10 * US_PER_MS);
		sim_talk(&s, 50 * US_PER_MS);
		s.side[1 - talker].talk_us = 0;
		s.side[1 - talker].answer_every = 2;
		sim_run(&s, 5 * US_PER_S);
		assert_true(ice_selected(s.side[0].ice, &local, &remote));
		s.broken = local;
		sim_run(&s, 3 * US_PER_S);
		for (int i = 0; i < 2; i++)
			assert_true(ice_get_state(s.side[i].ice) == ICE_COMPLETED);
		assert_true(sim_paths_match(&s));
		assert_true(s.now - s.side[1 - talker].last_data < 100 * US_PER_MS);
		end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lively_path_that_is_cut_is_noticed_at_once),
		cmocka_unit_test(an_idle_path_that_is_cut_is_noticed_by_consent),
		cmocka_unit_test(a_peer_of_few_words_is_not_pestered),
		cmocka_unit_test(loss_does_not_look_like_a_cut),
		cmocka_unit_test(the_end_of_a_cut_is_noticed_at_once),
		cmocka_unit_test(another_way_takes_over_within_three_seconds),
		cmocka_unit_test(the_listener_learns_of_it_too),
	};
	return cmocka_run_group_tests_name("ice/path", tests, NULL, NULL);
}
