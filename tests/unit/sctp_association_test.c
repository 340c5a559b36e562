/* sctp/sctp.h: set-up, transfer, loss, close, between two associations on a virtual clock */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/failmalloc.h"
#include "tests/unit/sctp_pair.h"

static bool interleaving; /* this time I-DATA, else DATA */

static void prepare(pair *p, uint64_t seed)
{
	pair_prepare(p, seed);
	p->config[0].interleaving = p->config[1].interleaving = interleaving;
}

static void check_message(pair *p, int side, const sctp_event *e)
{
	(void)p;
	(void)side;
	if (e->type != SCTP_EVENT_MESSAGE)
		return;
	uint8_t *want = malloc(e->data.len);
	pair_fill(want, e->data.len, e->ppid);
	assert_memory_equal(want, e->data.data, e->data.len);
	free(want);
}

static int send_filled(pair *p, int from, uint16_t stream, uint32_t seed, size_t len, const sctp_send_options *options)
{
	uint8_t *bytes = malloc(len);
	pair_fill(bytes, len, seed);
	int err = sctp_send(p->end[from], p->now, stream, seed, slice_of(bytes, len), options);
	free(bytes);
	return err;
}

static size_t wanted_messages;

static bool got_wanted(pair *p)
{
	return p->messages[1] >= wanted_messages;
}

static bool both_closed(pair *p)
{
	return p->closed[0] && p->closed[1];
}

static void connects_when_both_begin(void **state)
{
	(void)state;
	pair p;
	prepare(&p, 1);
	assert_true(pair_connect(&p));
	assert_int_equal(sctp_get_state(p.end[0]), SCTP_ESTABLISHED);
	assert_int_equal(sctp_get_state(p.end[1]), SCTP_ESTABLISHED);
	sctp_stats stats;
	sctp_get_stats(p.end[0], &stats);
	assert_int_equal(stats.streams_out, 65535);
	assert_true(stats.peer_forward_tsn && stats.peer_reconfig);
	assert_int_equal(stats.interleaving, interleaving);
	pair_clear(&p);
}

static void connects_when_one_begins(void **state)
{
	(void)state;
	pair p;
	prepare(&p, 2);
	assert_true(pair_create(&p));
	assert_int_equal(sctp_connect(p.end[0], p.now), 0);
	assert_int_equal(sctp_connect(p.end[0], p.now), PARLEY_ESTATE);
	assert_true(pair_run_until(&p, pair_both_connected, US_PER_S));
	pair_clear(&p);
}

static void connects_when_the_second_begins_later(void **state)
{
	(void)state;
	for (uint64_t wait = 0; wait < 120; wait += 7) {
		pair p;
		prepare(&p, 3 + wait);
		assert_true(pair_create(&p));
		assert_int_equal(sctp_connect(p.end[0], p.now), 0);
		pair_run(&p, wait * US_PER_MS);
		sctp_connect(p.end[1], p.now);
		assert_true(pair_run_until(&p, pair_both_connected, 2 * US_PER_S));
		assert_int_equal(p.restarted[0] + p.restarted[1], 0);
		pair_clear(&p);
	}
}

static void connects_through_any_loss(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 200; seed++) {
		pair p;
		prepare(&p, seed);
		p.loss_per_mille = 300;
		p.duplicate_per_mille = 100;
		p.jitter_us = 60 * US_PER_MS;
		p.on_event = check_message;
		assert_true(pair_create(&p));
		sctp_connect(p.end[0], p.now);
		if (seed % 3)
			sctp_connect(p.end[1], p.now);
		assert_int_equal(send_filled(&p, 0, 1, 42, 3000, NULL), 0);
		wanted_messages = 1;
		assert_true(pair_run_until(&p, got_wanted, 300 * US_PER_S));
		assert_true(pair_run_until(&p, pair_both_connected, 300 * US_PER_S));
		assert_int_equal(p.restarted[0] + p.restarted[1], 0);
		pair_clear(&p);
	}
}

static void carries_messages_of_all_sizes(void **state)
{
	(void)state;
	static const size_t sizes[] = {1,    2,	   3,	 4,    5,     1131,  1132,  1133,
				       1135, 1136, 2264, 2265, 16384, 65535, 65536, 262144};
	pair p;
	prepare(&p, 4);
	p.on_event = check_message;
	assert_true(pair_connect(&p));
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		assert_int_equal(send_filled(&p, 0, 7, (uint32_t)i, sizes[i], NULL), 0);
		wanted_messages = i + 1;
		assert_true(pair_run_until(&p, got_wanted, 10 * US_PER_S));
		assert_int_equal(p.last_len[1], sizes[i]);
		assert_int_equal(p.last_stream[1], 7);
		assert_int_equal(p.last_ppid[1], i);
	}
	pair_clear(&p);
}

static void refuses_what_cannot_be_sent(void **state)
{
	(void)state;
	pair p;
	prepare(&p, 5);
	p.config[0].max_message_send = 1000;
	p.config[0].send_buffer = 3000;
	assert_true(pair_connect(&p));
	assert_int_equal(send_filled(&p, 0, 0, 0, 1001, NULL), PARLEY_EMSGSIZE);
	assert_int_equal(sctp_send(p.end[0], p.now, 0, 0, (slice){0}, NULL), PARLEY_EINVAL);
	assert_int_equal(send_filled(&p, 0, 65535, 0, 10, NULL), PARLEY_EINVAL);
	assert_int_equal(send_filled(&p, 0, 0, 0, 1000, NULL), 0);
	assert_int_equal(send_filled(&p, 0, 0, 0, 1000, NULL), 0);
	assert_int_equal(send_filled(&p, 0, 0, 0, 1000, NULL), PARLEY_ELIMIT);
	assert_int_equal(sctp_buffered(p.end[0], 0), 2000);
	pair_run(&p, US_PER_S);
	assert_int_equal(sctp_buffered(p.end[0], 0), 0);
	assert_int_equal(p.low[0], 1);
	assert_int_equal(send_filled(&p, 0, 0, 0, 1000, NULL), 0);
	pair_clear(&p);
}

/* Keeps the send buffer filled until total bytes went in. */
static uint64_t transfer(pair *p, size_t total, size_t message, const sctp_send_options *options, uint64_t limit_us)
{
	uint64_t begin = p->now;
	size_t sent = 0;
	wanted_messages = p->messages[1] + total / message;
	while (p->now < begin + limit_us && !got_wanted(p)) {
		while (sent < total && sctp_buffered(p->end[0], 3) < 1000000 &&
		       send_filled(p, 0, 3, (uint32_t)(sent / message), message, options) == 0)
			sent += message;
		pair_run_until(p, got_wanted, 5 * US_PER_MS);
	}
	return p->now - begin;
}

static void moves_ten_megabytes_quickly(void **state)
{
	(void)state;
	pair p;
	prepare(&p, 6);
	p.delay_us = 10 * US_PER_MS;
	p.on_event = check_message;
	assert_true(pair_connect(&p));
	uint64_t took = transfer(&p, 10 * 1000 * 1000, 50000, NULL, 60 * US_PER_S);
	assert_true(got_wanted(&p));
	print_message("10 MB at 20 ms RTT: %u ms\n", (unsigned)(took / 1000));
	assert_true(took < 3 * US_PER_S);
	sctp_stats stats;
	sctp_get_stats(p.end[0], &stats);
	assert_int_equal(stats.data_retransmitted, 0);
	pair_clear(&p);
}

static void moves_data_through_loss_and_reordering(void **state)
{
	(void)state;
	static const struct {
		unsigned loss, duplicate;
		uint64_t jitter_ms;
	} links[] = {{10, 0, 0}, {50, 0, 0}, {0, 200, 0}, {0, 0, 15}, {20, 50, 10}, {200, 20, 5}};
	for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
		pair p;
		prepare(&p, 100 + i);
		p.delay_us = 10 * US_PER_MS;
		p.on_event = check_message;
		assert_true(pair_connect(&p));
		p.loss_per_mille = links[i].loss;
		p.duplicate_per_mille = links[i].duplicate;
		p.jitter_us = links[i].jitter_ms * US_PER_MS;
		uint64_t took = transfer(&p, 1000 * 1000, 20000, NULL, 600 * US_PER_S);
		sctp_stats stats;
		sctp_get_stats(p.end[0], &stats);
		print_message("1 MB, loss %u/1000, jitter %u ms: %u ms, %u retransmitted, %u timeouts\n", links[i].loss,
			      (unsigned)links[i].jitter_ms, (unsigned)(took / 1000), (unsigned)stats.data_retransmitted,
			      (unsigned)stats.timeouts);
		assert_true(got_wanted(&p));
		assert_int_equal(p.messages[1], 50);
		pair_clear(&p);
	}
}

static void sequence_numbers_wrap(void **state)
{
	(void)state;
	pair p;
	prepare(&p, 7);
	p.config[0].has_initial_tsn = p.config[1].has_initial_tsn = true;
	p.config[0].initial_tsn = UINT32_MAX - 5;
	p.config[1].initial_tsn = 0;
	p.loss_per_mille = 20;
	p.delay_us = US_PER_MS;
	p.on_event = check_message;
	assert_true(pair_connect(&p));
	transfer(&p, 70000, 1, NULL, 600 * US_PER_S); /* over 65536 SSNs */
	assert_int_equal(p.messages[1], 70000);
	pair_clear(&p);
}

static void unordered_messages_all_arrive(void **state)
{
	(void)state;
	pair p;
	prepare(&p, 8);
	p.loss_per_mille = 100;
	p.on_event = check_message;
	assert_true(pair_connect(&p));
	sctp_send_options unordered = {.unordered = true};
	transfer(&p, 500000, 5000, &unordered, 600 * US_PER_S);
	assert_int_equal(p.messages[1], 100);
	pair_clear(&p);
}

static void abandoned_messages_do_not_block(void **state)
{
	(void)state;
	for (int kind = 0; kind < 6; kind++) {
		pair p;
		prepare(&p, 9 + (uint64_t)kind);
		p.on_event = check_message;
		assert_true(pair_connect(&p));
		p.loss_per_mille = 100;
		sctp_send_options o = {.unordered = kind & 1};
		o.has_max_retransmits = kind / 2 != 1;
		o.max_retransmits = kind / 2 == 2;
		o.has_lifetime = kind / 2 == 1;
		o.lifetime_us = 50 * US_PER_MS;
		for (uint32_t i = 0; i < 400; i++) {
			assert_int_equal(send_filled(&p, 0, (uint16_t)(i % 5), i, 1 + i * 17 % 4000, &o), 0);
			pair_run(&p, 3 * US_PER_MS);
		}
		pair_run(&p, 20 * US_PER_S);
		sctp_stats stats;
		sctp_get_stats(p.end[0], &stats);
		assert_int_equal(stats.flight, 0);
		assert_int_equal(stats.send_buffered, 0);
		assert_true(p.messages[1] > (kind / 2 == 1 ? 50 : 200) && p.failed[0] > 0);
		assert_true(p.messages[1] + p.failed[0] >= 400);
		p.loss_per_mille = 0; /* and a reliable one gets through behind them */
		size_t before = p.messages[1];
		assert_int_equal(send_filled(&p, 0, 1, 9999, 10, NULL), 0);
		pair_run(&p, 10 * US_PER_S);
		assert_int_equal(p.messages[1], before + 1);
		sctp_get_stats(p.end[1], &stats);
		assert_int_equal(stats.receive_buffered, 0);
		pair_clear(&p);
	}
}

static void a_closed_window_opens_again(void **state)
{
	(void)state;
	pair p;
	prepare(&p, 10);
	p.config[1].receive_window = 100000;
	p.config[1].max_message_receive = 50000;
	p.on_event = check_message;
	assert_true(pair_connect(&p));
	p.hold_events[1] = true;
	for (uint32_t i = 0; i < 50; i++)
		assert_int_equal(send_filled(&p, 0, 0, i, 10000, NULL), 0);
	pair_run(&p, 30 * US_PER_S);
	sctp_stats stats;
	sctp_get_stats(p.end[1], &stats);
	assert_true(stats.receive_buffered <= 110000);
	assert_int_equal(p.messages[1], 0);
	p.hold_events[1] = false;
	pair_run(&p, 11 * US_PER_S);
	assert_int_equal(p.messages[1], 50);
	pair_clear(&p);
}

/* A sender counts what it sends, not what it costs to hold that: a burst that keeps to the window is not dropped for it. */
static void small_messages_keep_to_the_window(void **state)
{
	(void)state;
	pair p;
	prepare(&p, 10);
	p.delay_us = 5 * US_PER_MS;
	p.on_event = check_message;
	assert_true(pair_connect(&p));
	for (uint32_t i = 0; i < 60000; i++) {
		assert_int_equal(send_filled(&p, 0, 0, i, 64, NULL), 0);
		p.hold_events[1] = i >= 20000; /* so cwnd has grown by then */
		if (i % 1000 == 0)
			pair_run(&p, 3 * US_PER_MS);
	}
	pair_run(&p, US_PER_S);
	sctp_stats stats;
	sctp_get_stats(p.end[1], &stats);
	assert_true(stats.our_window < 64 && p.messages[1] < 60000);
	assert_int_equal(stats.data_dropped, 0);
	p.hold_events[1] = false;
	pair_run(&p, 11 * US_PER_S);
	assert_int_equal(p.messages[1], 60000);
	pair_clear(&p);
}

static void streams_are_reset_and_begin_anew(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 30; seed++) {
		pair p;
		prepare(&p, 1000 + seed);
		p.on_event = check_message;
		assert_true(pair_connect(&p));
		p.loss_per_mille = seed % 3 ? 150 : 0;
		uint16_t streams[] = {4, 6};
		for (uint32_t i = 0; i < 5; i++) {
			assert_int_equal(send_filled(&p, 0, 4, i, 3000, NULL), 0);
			assert_int_equal(send_filled(&p, 1, 4, i, 3000, NULL), 0);
		}
		assert_int_equal(sctp_reset_streams(p.end[0], p.now, streams, 2), 0);
		assert_int_equal(sctp_reset_streams(p.end[0], p.now, streams, 2), 0);
		if (seed & 1) /* both at once */
			assert_int_equal(sctp_reset_streams(p.end[1], p.now, streams, 2), 0);
		assert_int_equal(send_filled(&p, 0, 4, 0, 1, NULL), PARLEY_ESTATE);
		pair_run(&p, 60 * US_PER_S);
		assert_int_equal(p.messages[1], 5);
		assert_true(p.resets_out[0] >= 1 && p.resets_in[1] >= 1);
		assert_int_equal(p.resets_out[1] > 0, seed & 1);
		assert_int_equal(p.denied[0] + p.denied[1], 0);
		assert_int_equal(send_filled(&p, 0, 4, 77, 100, NULL), 0);
		pair_run(&p, 60 * US_PER_S);
		assert_int_equal(p.messages[1], 6);
		pair_clear(&p);
	}
}

static bool drop_all(pair *p, int from, slice bytes)
{
	(void)p;
	(void)from;
	(void)bytes;
	return true;
}

/* What was given up must not keep a stream from being reset, even while nobody asks about it. */
static void given_up_messages_do_not_hold_a_reset_up(void **state)
{
	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		pair p;
		prepare(&p, 3000);
		p.config[0].heartbeat_us = p.config[1].heartbeat_us = TIME_NEVER;
		assert_true(pair_connect(&p));
		uint16_t stream = 4;
		sctp_send_options o = {
			.has_max_retransmits = kind == 0, .has_lifetime = kind == 1, .lifetime_us = US_PER_MS};
		p.drop = drop_all;
		assert_int_equal(send_filled(&p, 0, stream, 1, 3000, &o), 0);
		assert_int_equal(sctp_reset_streams(p.end[0], p.now, &stream, 1), 0);
		pair_run(&p, US_PER_MS);
		p.drop = NULL;
		pair_run(&p, 5 * US_PER_S);
		assert_int_equal(p.failed[0], 1);
		assert_int_equal(p.resets_out[0], 1);
		pair_clear(&p);
	}
}

static void shuts_down_gracefully_with_data_under_way(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 30; seed++) {
		pair p;
		prepare(&p, 2000 + seed);
		p.on_event = check_message;
		assert_true(pair_connect(&p));
		p.loss_per_mille = seed % 2 ? 200 : 0;
		for (uint32_t i = 0; i < 10; i++)
			assert_int_equal(send_filled(&p, 0, 0, i, 5000, NULL), 0);
		assert_int_equal(sctp_shutdown(p.end[0], p.now), 0);
		if (seed % 3 == 0)
			assert_int_equal(sctp_shutdown(p.end[1], p.now), 0);
		assert_int_equal(send_filled(&p, 0, 0, 0, 1, NULL), PARLEY_ESTATE);
		bool done = pair_run_until(&p, both_closed, 300 * US_PER_S);
		assert_int_equal(p.messages[1], 10);
		/* A lost SHUTDOWN-COMPLETE is answered out of the blue. */
		assert_true(done);
		assert_int_equal(p.error[0], 0);
		assert_int_equal(p.error[1], 0);
		pair_clear(&p);
	}
}

static void abort_tells_the_peer_why(void **state)
{
	(void)state;
	static const struct {
		const char *said, *heard;
	} cases[] = {
		{"Close called", "the peer closed the connection"}, /* what every stack says */
		{NULL, "the peer closed the connection"},
		{"out of\ntea", "the peer closed the connection: out of.tea"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		pair p;
		prepare(&p, 11);
		assert_true(pair_connect(&p));
		sctp_abort(p.end[0], p.now, cases[i].said);
		assert_int_equal(sctp_send(p.end[0], p.now, 0, 0, slice_of("x", 1), NULL), PARLEY_ESTATE);
		assert_true(pair_run_until(&p, both_closed, US_PER_S));
		assert_int_equal(p.error[0], PARLEY_ECLOSED);
		assert_int_equal(p.error[1], PARLEY_ECLOSED);
		assert_string_equal(p.reason[1], cases[i].heard);
		pair_clear(&p);
	}
}

static void survives_a_long_silence(void **state)
{
	(void)state;
	pair p;
	prepare(&p, 12);
	p.on_event = check_message;
	assert_true(pair_connect(&p));
	p.drop = drop_all;
	assert_int_equal(send_filled(&p, 0, 0, 1, 100000, NULL), 0);
	pair_run(&p, 600 * US_PER_S);
	assert_false(p.closed[0] || p.closed[1]);
	p.drop = NULL;
	pair_run(&p, 15 * US_PER_S);
	assert_int_equal(p.messages[1], 1);
	pair_clear(&p);
}

static void gives_up_when_configured_to(void **state)
{
	(void)state;
	pair p;
	prepare(&p, 13);
	p.config[0].max_init_retransmits = 3;
	p.drop = drop_all;
	assert_true(pair_create(&p));
	sctp_connect(p.end[0], p.now);
	pair_run(&p, 60 * US_PER_S);
	assert_true(p.closed[0]);
	assert_int_equal(p.error[0], PARLEY_ETIMEDOUT);
	assert_int_equal(p.sent[0], 4);
	pair_clear(&p);
}

static void a_restarted_peer_is_noticed(void **state)
{
	(void)state;
	pair p;
	prepare(&p, 14);
	p.on_event = check_message;
	assert_true(pair_connect(&p));
	assert_int_equal(send_filled(&p, 1, 0, 1, 100, NULL), 0);
	sctp_destroy(p.end[0]);
	assert_int_equal(sctp_create(&p.config[0], &p.end[0]), 0);
	sctp_connect(p.end[0], p.now);
	pair_run(&p, 5 * US_PER_S);
	assert_int_equal(p.restarted[1], 1);
	assert_int_equal(sctp_get_state(p.end[0]), SCTP_ESTABLISHED);
	assert_int_equal(send_filled(&p, 0, 0, 5, 100, NULL), 0);
	assert_int_equal(send_filled(&p, 1, 0, 6, 100, NULL), 0);
	size_t before[2] = {p.messages[0], p.messages[1]};
	pair_run(&p, 5 * US_PER_S);
	assert_int_equal(p.messages[1], before[1] + 1);
	assert_int_equal(p.messages[0], before[0] + 1);
	pair_clear(&p);
}

static void idle_associations_measure_the_path(void **state)
{
	(void)state;
	pair p;
	prepare(&p, 15);
	assert_true(pair_connect(&p));
	sctp_stats stats;
	sctp_get_stats(p.end[0], &stats);
	assert_true(stats.has_rtt); /* by the handshake */
	assert_in_range(stats.srtt_us, 40000, 41000);
	p.delay_us *= 2;
	pair_run(&p, 300 * US_PER_S);
	sctp_get_stats(p.end[0], &stats);
	assert_in_range(stats.srtt_us, 60000, 81000);
	pair_clear(&p);
}

static void out_of_memory_body(void *context)
{
	(void)context;
	pair p;
	prepare(&p, 16);
	if (pair_connect(&p)) {
		uint8_t bytes[5000];
		uint16_t stream = 2;
		pair_fill(bytes, sizeof bytes, 9);
		sctp_send_options o = {.unordered = true, .has_max_retransmits = true};
		sctp_send(p.end[0], p.now, 2, 9, slice_of(bytes, sizeof bytes), NULL);
		sctp_send(p.end[0], p.now, 3, 9, slice_of(bytes, sizeof bytes), &o);
		pair_run(&p, 3 * US_PER_S);
		sctp_reset_streams(p.end[0], p.now, &stream, 1);
		pair_run(&p, 3 * US_PER_S);
		sctp_shutdown(p.end[0], p.now);
		pair_run(&p, 10 * US_PER_S);
	}
	pair_clear(&p);
}

static void runs_out_of_memory_cleanly(void **state)
{
	(void)state;
	failmalloc_loop(out_of_memory_body, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connects_when_both_begin),
		cmocka_unit_test(connects_when_one_begins),
		cmocka_unit_test(connects_when_the_second_begins_later),
		cmocka_unit_test(connects_through_any_loss),
		cmocka_unit_test(carries_messages_of_all_sizes),
		cmocka_unit_test(refuses_what_cannot_be_sent),
		cmocka_unit_test(moves_ten_megabytes_quickly),
		cmocka_unit_test(moves_data_through_loss_and_reordering),
		cmocka_unit_test(sequence_numbers_wrap),
		cmocka_unit_test(unordered_messages_all_arrive),
		cmocka_unit_test(abandoned_messages_do_not_block),
		cmocka_unit_test(a_closed_window_opens_again),
		cmocka_unit_test(small_messages_keep_to_the_window),
		cmocka_unit_test(streams_are_reset_and_begin_anew),
		cmocka_unit_test(given_up_messages_do_not_hold_a_reset_up),
		cmocka_unit_test(shuts_down_gracefully_with_data_under_way),
		cmocka_unit_test(abort_tells_the_peer_why),
		cmocka_unit_test(survives_a_long_silence),
		cmocka_unit_test(gives_up_when_configured_to),
		cmocka_unit_test(a_restarted_peer_is_noticed),
		cmocka_unit_test(idle_associations_measure_the_path),
		cmocka_unit_test(runs_out_of_memory_cleanly),
	};
	int failed = cmocka_run_group_tests_name("DATA", tests, NULL, NULL);
	interleaving = true;
	return failed + cmocka_run_group_tests_name("I-DATA", tests, NULL, NULL);
}
