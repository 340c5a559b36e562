/* rtp/gcc.h and its parts, each on its own; the whole over a link is tests/sim/bandwidth_test.c */
#include "tests/support/test.h"

#include <string.h>

#include "base/time.h"
#include "rtp/gcc.h"

#define NOW (1000 * US_PER_S)
#define assert_at_least(value, least) assert_in_range(value, least, UINT64_MAX)

/* --- delay --- */

/* n packets 10 ms apart, each delayed by `growth` us more than the one before; returns the last word. */
static gcc_usage feed(gcc_delay *d, unsigned n, int64_t growth)
{
	static uint64_t sent, arrived;
	if (!d->current.complete) {
		sent = NOW;
		arrived = 77 * US_PER_S;
	}
	for (unsigned i = 0; i < n; i++) {
		sent += 10000;
		arrived += (uint64_t)(10000 + growth);
		gcc_delay_packet(d, sent, arrived);
	}
	return d->usage;
}

static void growing_delay_is_overuse(void **state)
{
	(void)state;
	gcc_delay d;
	gcc_delay_init(&d);
	assert_int_equal(feed(&d, 200, 0), GCC_NORMAL);
	assert_int_equal(d.queue_us, 0);
	assert_int_equal(feed(&d, 30, 2000), GCC_OVERUSE);
	assert_int_equal(d.queue_us, 60000);
	assert_int_equal(feed(&d, 25, -2000), GCC_UNDERUSE);
	assert_int_equal(feed(&d, 60, 0), GCC_NORMAL);
	assert_int_equal(d.queue_us, 10000);
}

static void jump_of_the_clock_starts_anew(void **state)
{
	(void)state;
	gcc_delay d;
	gcc_delay_init(&d);
	feed(&d, 100, 0);
	gcc_delay_packet(&d, NOW + 2 * US_PER_S, 1);
	assert_int_equal(d.deltas, 0);
	assert_int_equal(d.usage, GCC_NORMAL);
	assert_int_equal(d.queue_us, 0);
}

static void base_delay_is_forgotten_in_time(void **state)
{
	(void)state;
	gcc_delay d;
	gcc_delay_init(&d);
	feed(&d, 100, 0);
	feed(&d, 1, 50000); /* the route has become longer */
	feed(&d, 100, 0);
	assert_int_equal(d.queue_us, 50000);
	feed(&d, 3200, 0);
	assert_int_equal(d.queue_us, 0);
}

/* --- rate --- */

static void rate_is_what_arrived(void **state)
{
	(void)state;
	static gcc_rate r;
	gcc_rate_init(&r);
	uint64_t now = NOW;
	assert_int_equal(gcc_rate_bps(&r), 0);
	for (unsigned i = 0; i < 100; i++, now += 10000)
		gcc_rate_packet(&r, now, 1250);
	assert_int_equal(gcc_rate_bps(&r), 1000000);
	assert_int_equal(gcc_rate_carried_bps(&r, false), 1000000);
	for (unsigned i = 0; i < 9; i++, now += 50000)
		gcc_rate_packet(&r, now, 1250);
	assert_in_range(gcc_rate_carried_bps(&r, false), 190000, 290000);
	gcc_rate_packet(&r, now + 60 * US_PER_S, 1250);
	assert_int_equal(gcc_rate_bps(&r), 0);
	for (unsigned i = 0; i < 3 * GCC_RATE_SAMPLES; i++)
		gcc_rate_packet(&r, now + 60 * US_PER_S, UINT32_MAX); /* no time at all */
	assert_int_equal(gcc_rate_bps(&r), 0);
}

/* --- AIMD --- */

static void rate_rises_and_falls(void **state)
{
	(void)state;
	gcc_aimd a;
	gcc_aimd_init(&a, 1000000);
	gcc_aimd_input in = {.now = NOW, .rtt_us = 50000, .usage = GCC_NORMAL, .received_bps = 1000000};
	for (unsigned i = 0; i <= 10; i++, in.now += 100000)
		gcc_aimd_update(&a, &in);
	assert_in_range((uint64_t)a.bps, 1070000, 1090000); /* 8 % in a second */
	in.usage = GCC_UNDERUSE;
	in.now += US_PER_S;
	double before = a.bps;
	assert_false(gcc_aimd_update(&a, &in));
	assert_true(a.bps == before);
	in.usage = GCC_OVERUSE;
	in.carried_bps = 1000000;
	assert_true(gcc_aimd_update(&a, &in));
	assert_int_equal((uint64_t)a.bps, 850000);
	in.now += 1000;
	assert_false(gcc_aimd_update(&a, &in)); /* once per round trip */
	in.usage = GCC_NORMAL;
	for (unsigned i = 0; i <= 10; i++, in.now += 100000)
		gcc_aimd_update(&a, &in);
	assert_in_range((uint64_t)a.bps, 854000, 910000); /* near the capacity: additive */
	in.application_limited = true;
	before = a.bps;
	in.now += US_PER_S;
	gcc_aimd_update(&a, &in);
	assert_true(a.bps == before);
	in.application_limited = false;
	in.received_bps = 100000; /* not above 1.5 times what arrives */
	in.now += US_PER_S;
	gcc_aimd_update(&a, &in);
	assert_true(a.bps == before);
}

/* --- loss --- */

static void loss_between_2_and_10_percent_changes_nothing(void **state)
{
	(void)state;
	gcc_loss l;
	gcc_loss_init(&l, 1000000, true);
	gcc_loss_input in = {.now = NOW, .rtt_us = 50000, .target = 1000000};
	assert_false(gcc_loss_report(&l, &in, 0.05));
	in.now += US_PER_S;
	assert_false(gcc_loss_report(&l, &in, 0.05));
	assert_int_equal((uint64_t)l.bps, 1000000);
	in.now += US_PER_S;
	assert_false(gcc_loss_report(&l, &in, 0.01));
	assert_int_equal((uint64_t)l.bps, 1080000);
	in.now += US_PER_S;
	assert_true(gcc_loss_report(&l, &in, 0.2));
	assert_int_equal((uint64_t)l.bps, 900000);
	in.now += 100000;
	assert_false(gcc_loss_report(&l, &in, 0.2)); /* too soon */
	in.now += US_PER_S;
	in.received_bps = 1050000;
	in.target = 900000;
	assert_true(gcc_loss_report(&l, &in, 0.2));
	assert_int_equal((uint64_t)l.bps, 892500); /* 0.85 of what arrives */
}

static void loss_is_counted_over_a_window(void **state)
{
	(void)state;
	gcc_loss l;
	gcc_loss_init(&l, 1000000, false);
	gcc_loss_input in = {.now = NOW, .rtt_us = 50000, .target = 1000000};
	for (unsigned i = 0; i < 4; i++, in.now += 100000)
		assert_false(gcc_loss_packets(&l, &in, 20, 10));
	assert_false(l.limiting);
	in.now += 100000;
	assert_true(gcc_loss_packets(&l, &in, 20, 10));
	assert_true(l.limiting);
	assert_int_equal((uint64_t)l.bps, 750000);
	gcc_loss_probed(&l, 2000000);
	assert_int_equal((uint64_t)l.bps, 750000); /* not while so much is lost */
}

/* --- probes --- */

static void probe_measures_the_path(void **state)
{
	(void)state;
	gcc_probes p;
	gcc_probe probe;
	gcc_probes_init(&p, true);
	gcc_probes_start(&p, NOW, 300000, 10000000);
	assert_true(gcc_probes_poll(&p, NOW, &probe));
	assert_int_equal(probe.bps, 900000);
	assert_true(gcc_probes_poll(&p, NOW, &probe));
	assert_int_equal(probe.bps, 1800000);
	assert_false(gcc_probes_poll(&p, NOW, &(gcc_probe){0}));
	uint64_t bps = 0;
	for (unsigned i = 0; i < 6; i++) { /* sent at 1.8 Mbit/s, comes at 1.5 */
		twcc_result r = {.sent = NOW + i * 5333,
				 .arrived = 5 + i * 6400,
				 .size = 1200,
				 .cluster = probe.id,
				 .received = true};
		bps = gcc_probes_packet(&p, NOW + 100000, &r, 10000000);
	}
	assert_in_range(bps, 1420000, 1430000);
	assert_true(gcc_probes_poll(&p, NOW, &probe)); /* not far from what was tried: on */
	assert_int_equal(probe.bps, 3600000);
	for (unsigned i = 0; i < 6; i++) {
		twcc_result r = {.sent = NOW + i * 2666,
				 .arrived = 5 + i * 6400,
				 .size = 1200,
				 .cluster = probe.id,
				 .received = true};
		bps = gcc_probes_packet(&p, NOW + 100000, &r, 10000000);
	}
	assert_in_range(bps, 1420000, 1430000);
	assert_false(gcc_probes_poll(&p, NOW, &probe));
}

static void senseless_probe_results_are_ignored(void **state)
{
	(void)state;
	static const struct {
		uint64_t sent_gap, arrived_gap;
		unsigned count;
	} cases[] = {
		{3000, 1000, 5},   /* faster than sent, by far */
		{3000, 0, 5},	   /* all at once */
		{0, 3000, 5},	   /* sent at once */
		{3000, 3000, 3},   /* too few came */
		{3000, 500000, 5}, /* no burst any more */
		{500000, 3000, 5},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		gcc_probes p;
		gcc_probe probe;
		gcc_probes_init(&p, true);
		gcc_probes_want(&p, NOW, 1000000, 10000000);
		assert_true(gcc_probes_poll(&p, NOW, &probe));
		for (unsigned k = 0; k < cases[i].count; k++) {
			twcc_result r = {.sent = NOW + k * cases[i].sent_gap,
					 .arrived = 5 + k * cases[i].arrived_gap,
					 .size = 1200,
					 .cluster = probe.id,
					 .received = true};
			assert_int_equal(gcc_probes_packet(&p, NOW, &r, 10000000), 0);
		}
		twcc_result unknown = {.sent = NOW, .arrived = 1, .size = 1200, .cluster = 99, .received = true};
		assert_int_equal(gcc_probes_packet(&p, NOW, &unknown, 10000000), 0);
	}
}

static void unused_rate_is_noticed(void **state)
{
	(void)state;
	gcc_probes p;
	gcc_probes_init(&p, true);
	for (unsigned i = 0; i < 200; i++) /* 200 kbit/s of 1 Mbit/s */
		gcc_probes_sent(&p, NOW + i * 20000, 500, 1000000);
	assert_true(p.application_limited);
	for (unsigned i = 0; i < 200; i++)
		gcc_probes_sent(&p, NOW + (200 + i) * 20000, 2400, 1000000);
	assert_false(p.application_limited);
}

/* --- the whole --- */

static void without_feedback_loss_and_remb_rule(void **state)
{
	(void)state;
	static gcc g;
	gcc_init(&g, NULL, NULL);
	assert_int_equal(gcc_target_bps(&g), GCC_START_BPS);
	assert_int_equal(gcc_pacing_bps(&g), GCC_START_BPS * 5 / 2);
	assert_int_equal(gcc_deadline(&g), TIME_NEVER);
	uint64_t now = NOW;
	gcc_on_packet_sent(&g, now, 1200);
	gcc_on_remb(&g, now, 800000);
	assert_int_equal(gcc_target_bps(&g), 800000); /* at the start it may raise */
	for (unsigned i = 0; i < 10; i++, now += US_PER_S)
		gcc_on_loss_report(&g, now, 0, 50);
	assert_int_equal(gcc_target_bps(&g), 800000); /* but then it only limits */
	gcc_on_remb(&g, now, 5000000);
	assert_in_range(gcc_target_bps(&g), 1400000, 1800000);
	uint64_t before = gcc_target_bps(&g);
	gcc_on_loss_report(&g, now, 0.5, 50);
	assert_in_range(gcc_target_bps(&g), before * 7 / 10, before * 8 / 10);
	gcc_on_loss_report(&g, now + US_PER_S, -1, 50); /* out of range */
	gcc_on_loss_report(&g, now + US_PER_S, 2, 50);
	for (unsigned i = 0; i < 100; i++, now += US_PER_S)
		gcc_on_loss_report(&g, now, 1, 50);
	assert_int_equal(gcc_target_bps(&g), GCC_MIN_BPS);
	gcc_check_invariants(&g);
}

static void remb_expires(void **state)
{
	(void)state;
	static gcc g;
	gcc_init(&g, NULL, NULL);
	gcc_on_packet_sent(&g, NOW, 1200);
	gcc_on_remb(&g, NOW, 100000);
	assert_int_equal(gcc_target_bps(&g), 100000);
	gcc_timeout(&g, NOW + GCC_REMB_TIMEOUT_US + 1);
	assert_int_equal(gcc_target_bps(&g), GCC_START_BPS);
}

static void configuration_is_clipped(void **state)
{
	(void)state;
	static gcc g;
	gcc_config config = {.min_bps = 500000, .max_bps = 400000, .start_bps = 10};
	gcc_init(&g, &config, NULL);
	assert_int_equal(gcc_target_bps(&g), 500000);
	gcc_on_remb(&g, NOW, 1);
	assert_int_equal(gcc_target_bps(&g), 500000);
	gcc_set_max(&g, 0);
	gcc_check_invariants(&g);
}

/* One feedback about n packets of 1200 bytes, 5 ms apart, delayed by `delay`. */
static void feedback_on(gcc *g, uint64_t *now, unsigned n, uint64_t delay)
{
	twcc_result results[100];
	assert_true(n <= ARRAY_LENGTH(results));
	for (unsigned i = 0; i < n; i++, *now += 5000) {
		gcc_on_packet_sent(g, *now, 1200);
		results[i] = (twcc_result){
			.sequence = i, .sent = *now, .arrived = *now + delay, .size = 1200, .received = true};
	}
	gcc_on_feedback(g, *now, results, n);
	gcc_timeout(g, *now);
	gcc_check_invariants(g);
}

static void silence_lowers_the_rate(void **state)
{
	(void)state;
	static gcc g;
	gcc_init(&g, NULL, NULL);
	uint64_t now = NOW;
	for (unsigned i = 0; i < 50; i++)
		feedback_on(&g, &now, 20, 30000);
	uint64_t before = gcc_target_bps(&g);
	assert_at_least(before, GCC_START_BPS);
	for (unsigned i = 0; i < 400; i++, now += 10000) {
		gcc_on_packet_sent(&g, now, 1200);
		gcc_timeout(&g, now);
	}
	assert_in_range(gcc_target_bps(&g), GCC_MIN_BPS, before / 2);
	gcc_stats stats;
	gcc_get_stats(&g, &stats);
	assert_int_equal(stats.feedback_timeouts, 2);
	gcc_on_loss_report(&g, now, 0, 50); /* too early to do without */
	assert_true(g.has_feedback);
	gcc_on_loss_report(&g, now + 10 * US_PER_S, 0, 50);
	assert_false(g.has_feedback);
}

static void timers_end_when_nothing_is_sent(void **state)
{
	(void)state;
	static gcc g;
	gcc_init(&g, NULL, NULL);
	uint64_t now = NOW;
	gcc_on_packet_sent(&g, now, 1200);
	unsigned timeouts = 0;
	for (; gcc_deadline(&g) != TIME_NEVER && timeouts < 1000; timeouts++) {
		now = gcc_deadline(&g);
		gcc_timeout(&g, now);
	}
	assert_in_range(timeouts, 100, 210);
	assert_at_least(now, NOW + GCC_IDLE_US);
	gcc_on_packet_sent(&g, now + 3600 * US_PER_S, 1200);
	assert_int_equal(gcc_deadline(&g), now + 3600 * US_PER_S + GCC_PROCESS_US);
}

static void no_demand_no_probes(void **state)
{
	(void)state;
	static gcc g;
	gcc_probe probe;
	gcc_init(&g, NULL, NULL);
	gcc_set_demand(&g, NOW, 0);
	uint64_t now = NOW;
	for (unsigned i = 0; i < 200; i++)
		feedback_on(&g, &now, 5, 30000);
	assert_false(gcc_poll_probe(&g, now, &probe));
	gcc_set_demand(&g, now, 2000000); /* video is added */
	assert_true(gcc_poll_probe(&g, now, &probe));
	gcc_init(&g, &(gcc_config){.no_probing = true}, NULL);
	gcc_on_packet_sent(&g, NOW, 100);
	assert_false(gcc_poll_probe(&g, NOW, &probe));
}

static void dump_says_the_essentials(void **state)
{
	(void)state;
	static gcc g;
	char out[1000];
	text t = text_of(out, sizeof out);
	gcc_init(&g, NULL, NULL);
	uint64_t now = NOW;
	feedback_on(&g, &now, 50, 30000);
	gcc_dump(&g, &t);
	assert_false(t.bad);
	assert_non_null(strstr(out, "gcc target 3"));
	assert_non_null(strstr(out, "normal"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(growing_delay_is_overuse),
		cmocka_unit_test(jump_of_the_clock_starts_anew),
		cmocka_unit_test(base_delay_is_forgotten_in_time),
		cmocka_unit_test(rate_is_what_arrived),
		cmocka_unit_test(rate_rises_and_falls),
		cmocka_unit_test(loss_between_2_and_10_percent_changes_nothing),
		cmocka_unit_test(loss_is_counted_over_a_window),
		cmocka_unit_test(probe_measures_the_path),
		cmocka_unit_test(senseless_probe_results_are_ignored),
		cmocka_unit_test(unused_rate_is_noticed),
		cmocka_unit_test(without_feedback_loss_and_remb_rule),
		cmocka_unit_test(remb_expires),
		cmocka_unit_test(configuration_is_clipped),
		cmocka_unit_test(silence_lowers_the_rate),
		cmocka_unit_test(timers_end_when_nothing_is_sent),
		cmocka_unit_test(no_demand_no_probes),
		cmocka_unit_test(dump_says_the_essentials),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
