/* Loss recovery (RFC 8985 carried over to TSNs), and its parts: sets of TSNs, the reordering window, rate reduction, pacing. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sctp/internal.h"
#include "tests/unit/sctp_pair.h"

#define CHUNK 1000u /* bytes of a message that fills most of a packet */

/* --- parts --- */

/* Against an array of bools, across the wrap of TSNs, while the window moves and grows. */
static void sets_of_tsns_hold_what_was_put_in(void **state)
{
	(void)state;
	static bool model[SCTP_TSN_SET_MAX];
	rng_seeded rng;
	rng_seeded_init(&rng, 1);
	memset(model, 0, sizeof model);
	sctp_tsn_set s = {0};
	uint32_t first = UINT32_MAX - 1000;
	assert_int_equal(sctp_tsn_set_seek(&s, first, first + 9, true), first + 9);
	assert_int_equal(sctp_tsn_set_seek(&s, first, first + 9, false), first);
	for (uint32_t window = 1; window <= SCTP_TSN_SET_MAX; window = window * 3 / 2 + 1) {
		assert_int_equal(sctp_tsn_set_reserve(&s, first, window), 0);
		for (unsigned i = 0; i < 300; i++) {
			uint32_t from = (uint32_t)rng_seeded_below(&rng, window);
			uint32_t end = from + (uint32_t)rng_seeded_below(&rng, window - from + 1);
			if (i % 3) {
				sctp_tsn_set_add(&s, first + from);
				model[from] = true;
			} else if (i % 30 == 0) {
				sctp_tsn_set_remove_range(&s, first + from, first + end);
				memset(model + from, 0, end - from);
			}
			for (int member = 0; member < 2; member++) {
				uint32_t at = from;
				while (at < end && model[at] != (bool)member)
					at++;
				assert_int_equal(sctp_tsn_set_seek(&s, first + from, first + end, member), first + at);
			}
			assert_int_equal(sctp_tsn_set_has(&s, first + from), model[from]);
		}
		uint32_t passed = (uint32_t)rng_seeded_below(&rng, window); /* the window moves */
		sctp_tsn_set_remove_range(&s, first, first + passed);
		memmove(model, model + passed, window - passed);
		memset(model + window - passed, 0, passed);
		first += passed;
	}
	assert_int_equal(sctp_tsn_set_reserve(&s, first, SCTP_TSN_SET_MAX + 1), PARLEY_ELIMIT);
	sctp_tsn_set_free(&s);
}

/* RFC 8985 6.2, steps 3 and 4. */
static void the_reordering_window_adapts(void **state)
{
	(void)state;
	sctp_rack r;
	sctp_rack_init(&r, 100);
	uint64_t now = 1000000, srtt = 90000;
	sctp_rack_delivered(&r, now, 100, now - 80000, 0, false);
	assert_int_equal(sctp_rack_min_rtt(&r), 80000);
	assert_int_equal(sctp_rack_window(&r, false, 0, srtt), 20000);
	assert_int_equal(sctp_rack_window(&r, false, 3, srtt), 0); /* DupThresh */
	assert_int_equal(sctp_rack_window(&r, true, 0, srtt), 0);
	sctp_rack_delivered(&r, now, 102, now - 80000, 2, false);
	sctp_rack_delivered(&r, now, 101, now - 81000, 1, false); /* overtaken */
	assert_int_equal(r.order, 2);
	assert_int_equal(sctp_rack_window(&r, true, 3, srtt), 20000);
	sctp_rack_round(&r, 102, 110, true);
	assert_int_equal(sctp_rack_window(&r, true, 3, srtt), 40000);
	sctp_rack_round(&r, 105, 115, true); /* the same round trip */
	assert_int_equal(sctp_rack_window(&r, true, 3, srtt), 40000);
	sctp_rack_round(&r, 109, 120, true);
	assert_int_equal(sctp_rack_window(&r, true, 3, srtt), 60000);
	for (uint32_t tsn = 120; tsn < 180; tsn += 10)
		sctp_rack_round(&r, tsn, tsn + 10, true);
	assert_int_equal(sctp_rack_window(&r, true, 3, srtt), srtt); /* no more than that */
	for (unsigned i = 0; i < 16; i++)
		sctp_rack_recovered(&r);
	assert_int_equal(sctp_rack_window(&r, true, 3, srtt), 20000);
	/* A retransmission answered sooner than any round trip tells nothing. */
	sctp_rack_delivered(&r, now, 200, now - 1000, 50, true);
	assert_int_equal(r.order, 2);
}

/* RFC 6937 4: 100 packets in flight, one lost, half of that to be reached: every second acknowledgement sends one. */
static void rate_reduction_is_proportional(void **state)
{
	(void)state;
	sctp_prr p;
	size_t flight = 99, out = 0;
	sctp_prr_begin(&p, 100, 0);
	for (unsigned i = 1; i < 100; i++) {
		flight--;
		size_t may = sctp_prr_acked(&p, 1, flight, out, 50, 1);
		assert_true(may <= 1);
		flight += may;
		out += may;
		assert_in_range(out, i / 2 > 1 ? i / 2 - 1 : 0, (i + 1) / 2 + 1);
	}
	assert_in_range(flight, 49, 51);
	/* Most of it lost: sending grows as slow start does until there. */
	flight = 10, out = 0;
	sctp_prr_begin(&p, 100, 0);
	for (unsigned i = 0; i < 40; i++) {
		flight--;
		size_t may = sctp_prr_acked(&p, 1, flight, out, 50, 1);
		assert_true(may <= 2);
		flight += may;
		out += may;
	}
	assert_in_range(flight, 49, 51);
}

/* RFC 8899: a window in bytes stays as it is; what it grows by, a packet in a round trip, is of the new size. */
static void the_window_grows_by_packets_of_the_paths_size(void **state)
{
	(void)state;
	sctp_rate rate = {0};
	sctp_congestion c;
	size_t grown[2];
	for (int larger = 0; larger < 2; larger++) {
		sctp_congestion_init(&c, SCTP_CUBIC, 1000, &rate, 1);
		c.cwnd = 100 * 1000;
		sctp_congestion_recover(&c, 1, c.cwnd);
		sctp_congestion_recovered(&c, 2, false);
		assert_int_equal(c.cwnd, 70 * 1000);
		sctp_congestion_set_mtu(&c, larger ? 1400 : 1000);
		assert_int_equal(c.cwnd, 70 * 1000);
		uint64_t now = 2;
		for (unsigned i = 0; i < 10 * 70; i++) { /* ten round trips, too short for the cubic part to matter */
			now += 10;
			sctp_congestion_limited(&c, c.cwnd);
			sctp_congestion_acked(
				&c, &(sctp_acknowledgement){
					    .now = now, .acked = 1000, .flight = c.cwnd, .srtt = 700, .min_rtt = 700});
		}
		grown[larger] = c.cwnd - 70 * 1000;
	}
	assert_in_range(grown[0], 4000, 6000); /* RFC 9438 4.3: 0.53 packets in a round trip */
	assert_in_range(grown[1] * 10, grown[0] * 13, grown[0] * 15);
	sctp_congestion_set_mtu(&c, 9000);
	c.cwnd = 9000;
	sctp_congestion_set_mtu(&c, 16000);
	assert_int_equal(c.cwnd, 16000);
}

/* RFC 9406 4.2: longer round trips slow the growth, and after five rounds end slow start; a false alarm does not. */
static void slow_start_ends_when_round_trips_grow(void **state)
{
	(void)state;
	for (int false_alarm = 0; false_alarm < 2; false_alarm++) {
		sctp_hystart h;
		sctp_hystart_init(&h);
		uint64_t delivered = 0;
		bool done = false;
		for (unsigned round = 0; round < 12 && !done; round++) {
			uint64_t rtt = round < 4 || (false_alarm && round > 5) ? 40000 : 46000; /* 5 ms more: 40 / 8 */
			for (unsigned i = 0; i < 20 && !done; i++) {
				delivered += 1000;
				sctp_hystart_acked(&h, delivered, 20000, rtt, false, &(sctp_rate_sample){0});
				assert_int_equal(sctp_hystart_growth(&h, 1000), h.slow ? 250 : 1000);
				done = sctp_hystart_done(&h);
			}
			assert_true(round < 4 ? !h.slow : round > 5 || h.slow);
		}
		assert_int_equal(done, !false_alarm);
	}
}

static void bursts_keep_to_the_rate(void **state)
{
	(void)state;
	static const uint64_t rates[] = {20000, 1000000, 60000000, 1000000000};
	for (size_t i = 0; i < ARRAY_LENGTH(rates); i++) {
		sctp_pacer p = {0};
		uint64_t now = 1000 * US_PER_S, begun = now, sent = 0, burst = 0;
		uint64_t extra = 2 * sctp_burst(rates[i], 1200) + rates[i] * SCTP_PACER_LATE_US / US_PER_S +
				 SCTP_PACER_LATE_PACKETS * 1200;
		while (now < begun + US_PER_S) {
			if (!sctp_pacer_open(&p, now)) {
				assert_true(burst <= extra);
				burst = 0;
				now = p.ready;
				continue;
			}
			sctp_pacer_sent(&p, now, 1200, rates[i], 1200);
			sent += 1200;
			burst += 1200;
		}
		assert_in_range(sent, rates[i] - rates[i] / 100, rates[i] + rates[i] / 100 + extra);
	}
}

static void come(sctp_window *w, uint64_t bytes, uint64_t read)
{
	w->came += bytes;
	w->read += read;
}

static void the_window_follows_what_comes(void **state)
{
	(void)state;
	sctp_window w;
	sctp_window_init(&w, 1000, 100000);
	uint64_t now = 1000 * US_PER_S, rtt = 10000;
	sctp_window_adapt(&w, now, rtt, 0, 0);
	assert_int_equal(w.size, 1000);
	come(&w, 100000, 0); /* nothing of it is complete */
	sctp_window_adapt(&w, now += rtt, rtt, 0, 0);
	assert_int_equal(w.size, 1000);
	come(&w, 200, 200); /* in half a round trip */
	sctp_window_adapt(&w, now += rtt / 2, rtt, 0, 0);
	assert_int_equal(w.size, 1000);
	come(&w, 800, 300);
	sctp_window_adapt(&w, now += rtt / 2, rtt, 0, 0);
	assert_int_equal(w.size, 4000);
	come(&w, 4000, 4500); /* but in four round trips */
	sctp_window_adapt(&w, now += 4 * rtt, rtt, 0, 0);
	assert_int_equal(w.size, 4000);
	come(&w, 3000, 0); /* a loss holds it up */
	sctp_window_adapt(&w, now += rtt, rtt, 0, 0);
	assert_int_equal(w.size, 12000);
	come(&w, 1000000, 1000000);
	sctp_window_adapt(&w, now += rtt, rtt, 0, 0);
	assert_int_equal(w.size, 100000); /* the most */
	/* Nobody reads: it shrinks, and what was promised still counts until less is held. */
	for (unsigned i = 0; i < 10; i++)
		sctp_window_adapt(&w, now += rtt, rtt, 60000, 60000);
	assert_int_equal(w.size, 1000);
	assert_int_equal(w.promised, 100000);
	sctp_window_adapt(&w, now += rtt, rtt, 1000, 100);
	assert_int_equal(w.promised, 1000);
	/* So it does when memory is out. */
	come(&w, 4000, 4000);
	sctp_window_adapt(&w, now += rtt, rtt, 0, 0);
	assert_int_equal(w.size, 16000);
	sctp_window_shrink(&w);
	assert_int_equal(w.size, 8000);
	assert_int_equal(w.promised, 16000);
	sctp_window_init(&w, 1000, 10);
	assert_int_equal(w.most, 1000);
}

/* --- the whole --- */

static unsigned dropping[2]; /* numbers of packets with DATA from side 0 that vanish, from 1 on; 0: none */
static unsigned seen;
static size_t wanted; /* messages */

static bool drop_these(pair *p, int from, slice bytes)
{
	(void)p;
	uint8_t type = bytes.data[SCTP_PACKET_HEADER];
	if (from != 0 || (type != SCTP_CHUNK_DATA && type != SCTP_CHUNK_I_DATA))
		return false;
	seen++;
	return seen == dropping[0] || seen == dropping[1];
}

static bool all_came(pair *p)
{
	return p->messages[1] == wanted;
}

/* Sends so many messages at once, with those packets dropped. Returns how long until all came. */
static uint64_t send_with_drops(pair *p, size_t messages, unsigned first, unsigned second)
{
	static const uint8_t bytes[CHUNK];
	wanted = p->messages[1] + messages;
	seen = 0;
	dropping[0] = first;
	dropping[1] = second;
	p->drop = drop_these;
	for (size_t i = 0; i < messages; i++)
		assert_int_equal(sctp_send(p->end[0], p->now, 1, 51, slice_of(bytes, sizeof bytes), NULL), 0);
	uint64_t began = p->now;
	assert_true(pair_run_until(p, all_came, 20 * US_PER_S));
	p->drop = NULL;
	uint64_t took = p->now - began;
	pair_run(p, US_PER_S);
	return took;
}

/* Connected at 100 ms, with an RTT known and a window of some packets more than the initial ones. */
static void connect_slowly(pair *p, uint64_t seed)
{
	pair_prepare(p, seed);
	p->delay_us = 50 * US_PER_MS;
	assert_true(pair_connect(p));
	send_with_drops(p, 8, 0, 0);
}

static sctp_stats stats_of(const pair *p)
{
	sctp_stats s;
	sctp_get_stats(p->end[0], &s);
	return s;
}

static void the_last_packet_is_probed_for(void **state)
{
	(void)state;
	pair p;
	connect_slowly(&p, 1);
	size_t cwnd = stats_of(&p).cwnd;
	uint64_t took = send_with_drops(&p, 8, 8, 0);
	assert_in_range(took, 350000, 390000); /* two round trips after the last answer */
	sctp_stats s = stats_of(&p);
	assert_int_equal(s.probes, 1);
	assert_int_equal(s.timeouts, 0);
	/* It was a loss all the same, once something after it is acknowledged (RFC 8985 7.4.2). */
	assert_true(s.cwnd >= cwnd);
	send_with_drops(&p, 1, 0, 0);
	assert_true(stats_of(&p).cwnd < cwnd);
	pair_clear(&p);
}

static void the_last_two_packets_are_found_by_one_probe(void **state)
{
	(void)state;
	pair p;
	connect_slowly(&p, 2);
	uint64_t took = send_with_drops(&p, 8, 7, 8);
	assert_in_range(took, 450000, 480000); /* the probe, its answer, the repair */
	assert_int_equal(stats_of(&p).timeouts, 0);
	pair_clear(&p);
}

static void a_lost_retransmission_is_found_without_a_timeout(void **state)
{
	(void)state;
	pair p;
	connect_slowly(&p, 3);
	send_with_drops(&p, 30, 2, 31); /* the 31st: the second again */
	sctp_stats s = stats_of(&p);
	assert_true(s.data_retransmitted >= 2);
	assert_int_equal(s.timeouts, 0);
	pair_clear(&p);
}

/* Two packets, the first lost: nothing like three reports. */
static void few_packets_are_enough(void **state)
{
	(void)state;
	pair p;
	connect_slowly(&p, 4);
	uint64_t took = send_with_drops(&p, 2, 1, 0);
	assert_in_range(took, 150000, 180000); /* a quarter of the round trip for being overtaken */
	assert_int_equal(stats_of(&p).timeouts, 0);
	pair_clear(&p);
}

/* The path holds everything back for a while: the timeout was for nothing, and costs nothing. */
static void a_needless_timeout_is_undone(void **state)
{
	(void)state;
	static const uint8_t bytes[CHUNK];
	pair p;
	connect_slowly(&p, 5);
	send_with_drops(&p, 60, 0, 0);
	p.delay_us = 450 * US_PER_MS;
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(sctp_send(p.end[0], p.now, 1, 51, slice_of(bytes, sizeof bytes), NULL), 0);
	pair_run(&p, 5 * US_PER_S);
	sctp_stats s = stats_of(&p);
	assert_true(s.timeouts > 0);
	assert_true(s.spurious_retransmits > 0);
	assert_true(s.cwnd >= SCTP_INITIAL_WINDOW_PACKETS * s.mtu); /* where the pause before had left it */
	assert_true(s.data_retransmitted <= 9);
	assert_int_equal(p.messages[1], 76);
	pair_clear(&p);
}

static struct {
	unsigned number; /* of the packet with DATA that is late */
	uint8_t bytes[SCTP_MTU_DEFAULT];
	size_t len;
} late;

static bool hold_back(pair *p, int from, slice bytes)
{
	dropping[0] = late.number;
	if (!drop_these(p, from, bytes))
		return false;
	memcpy(late.bytes, bytes.data, bytes.len);
	late.len = bytes.len;
	return true;
}

static bool recovers(pair *p)
{
	return stats_of(p).fast_retransmits > 0;
}

/*
 * A packet is overtaken by so many that it counts as lost, and comes before what replaces it: the peer has that twice and says so, and
 * the window is what it was (Eifel, RFC 3522, by duplicate TSNs where TCP has DSACK, RFC 3708).
 */
static void a_needless_recovery_is_undone(void **state)
{
	(void)state;
	static const uint8_t bytes[CHUNK];
	for (int control = SCTP_CUBIC; control <= SCTP_BBR; control++) {
		pair p;
		pair_prepare(&p, 6);
		p.delay_us = 50 * US_PER_MS;
		p.config[0].congestion = (sctp_congestion_control)control;
		assert_true(pair_connect(&p));
		send_with_drops(&p, 60, 0, 0);
		seen = 0;
		dropping[1] = 0;
		late.number = 5;
		p.drop = hold_back;
		for (unsigned i = 0; i < 30; i++)
			assert_int_equal(sctp_send(p.end[0], p.now, 1, 51, slice_of(bytes, sizeof bytes), NULL), 0);
		pair_run(&p, 90 * US_PER_MS);
		sctp_stats before = stats_of(&p);
		assert_true(pair_run_until(&p, recovers, US_PER_S));
		if (control == SCTP_CUBIC)
			assert_true(stats_of(&p).ssthresh < before.ssthresh);
		p.drop = NULL;
		pair_inject(&p, 1, slice_of(late.bytes, late.len));
		pair_run(&p, 2 * US_PER_S);
		sctp_stats s = stats_of(&p);
		assert_int_equal(s.data_retransmitted, 1);
		assert_int_equal(s.spurious_retransmits, 1);
		assert_true(s.cwnd >= before.cwnd && s.ssthresh >= before.ssthresh);
		assert_int_equal(p.messages[1], 90);
		pair_clear(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_of_tsns_hold_what_was_put_in),
		cmocka_unit_test(the_reordering_window_adapts),
		cmocka_unit_test(rate_reduction_is_proportional),
		cmocka_unit_test(the_window_grows_by_packets_of_the_paths_size),
		cmocka_unit_test(slow_start_ends_when_round_trips_grow),
		cmocka_unit_test(bursts_keep_to_the_rate),
		cmocka_unit_test(the_window_follows_what_comes),
		cmocka_unit_test(the_last_packet_is_probed_for),
		cmocka_unit_test(the_last_two_packets_are_found_by_one_probe),
		cmocka_unit_test(a_lost_retransmission_is_found_without_a_timeout),
		cmocka_unit_test(few_packets_are_enough),
		cmocka_unit_test(a_needless_timeout_is_undone),
		cmocka_unit_test(a_needless_recovery_is_undone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
