/* sctp/pmtu.h, sctp/path_mtu.c: path MTU discovery (RFC 8899), padding (RFC 4820) */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "sctp/internal.h"
#include "tests/unit/sctp_pair.h"

#define BASE 1160u

/* --- the state machine alone --- */

/* Probes as long as there are any; a path that carries `limit`. Returns how many. */
static unsigned search(sctp_pmtu *p, size_t limit, uint64_t now)
{
	unsigned probes = 0;
	for (size_t size; (size = sctp_pmtu_probe(p)); probes++) {
		assert_true(probes < 200);
		assert_int_equal(size % 4, 0);
		if (size <= limit)
			sctp_pmtu_answered(p, now);
		else
			sctp_pmtu_unanswered(p, now);
		sctp_pmtu_check(p);
	}
	return probes;
}

static void any_path_is_measured(void **state)
{
	(void)state;
	for (size_t limit = BASE; limit <= SCTP_MTU_MAX; limit += 4) {
		sctp_pmtu p;
		sctp_pmtu_init(&p, BASE, SCTP_MTU_MAX);
		assert_int_equal(sctp_pmtu_probe(&p), 0);
		sctp_pmtu_wanted(&p, 0);
		assert_int_equal(p.state, SCTP_PMTU_BASE);
		search(&p, limit, 0);
		assert_int_equal(p.state, SCTP_PMTU_COMPLETE);
		assert_true(p.current <= limit && limit - p.current <= limit / 64);
	}
}

static void usual_paths_are_measured_at_once(void **state)
{
	(void)state;
	static const struct {
		size_t limit;
		unsigned answered;
	} paths[] = {{1412, 2}, {1432, 3}, {8912, 4}, {SCTP_MTU_MAX, 5}};
	for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
		sctp_pmtu p;
		sctp_pmtu_init(&p, BASE, SCTP_MTU_MAX);
		sctp_pmtu_wanted(&p, 0);
		for (unsigned n = 0; n < paths[i].answered; n++)
			sctp_pmtu_answered(&p, 0);
		assert_int_equal(p.current, paths[i].limit);
	}
}

static void the_upper_end_may_be_anywhere(void **state)
{
	(void)state;
	for (size_t max = 0; max < 9000; max += 3) {
		sctp_pmtu p;
		sctp_pmtu_init(&p, 1163, max);
		sctp_pmtu_wanted(&p, 0);
		search(&p, SIZE_MAX, 0);
		size_t end = max > 1163 ? max & ~(size_t)3 : BASE;
		assert_true(p.current <= end && end - p.current <= end / 64);
		assert_int_equal(p.state, p.max > p.base ? SCTP_PMTU_COMPLETE : SCTP_PMTU_DISABLED);
	}
}

/* RFC 8899 5.1.1, 5.2 */
static void larger_sizes_are_tried_again_later(void **state)
{
	(void)state;
	sctp_pmtu p;
	sctp_pmtu_init(&p, BASE, SCTP_MTU_MAX);
	sctp_pmtu_wanted(&p, 0);
	search(&p, 1432, 5 * US_PER_S);
	assert_int_equal(p.current, 1432);
	sctp_pmtu_wanted(&p, 604 * US_PER_S);
	assert_int_equal(sctp_pmtu_probe(&p), 0);
	sctp_pmtu_wanted(&p, 606 * US_PER_S);
	assert_int_equal(p.state, SCTP_PMTU_SEARCHING);
	search(&p, 9000, 606 * US_PER_S);
	assert_in_range(p.current, 8912, 9000);
}

/* RFC 8899 4.3 */
static void a_doubt_is_settled_by_asking(void **state)
{
	(void)state;
	sctp_pmtu p;
	sctp_pmtu_init(&p, BASE, SCTP_MTU_MAX);
	sctp_pmtu_suspect(&p, 0); /* base is beyond doubt */
	assert_int_equal(sctp_pmtu_probe(&p), 0);
	sctp_pmtu_wanted(&p, 0);
	search(&p, 1432, 0);
	sctp_pmtu_suspect(&p, 10);
	assert_int_equal(sctp_pmtu_probe(&p), 1432);
	sctp_pmtu_unanswered(&p, 11);
	sctp_pmtu_unanswered(&p, 12);
	sctp_pmtu_answered(&p, 13);
	assert_int_equal(p.current, 1432);
	sctp_pmtu_suspect(&p, 14); /* just confirmed */
	assert_int_equal(sctp_pmtu_probe(&p), 0);
	sctp_pmtu_suspect(&p, 2 * US_PER_S);
	for (unsigned i = 0; i < SCTP_PMTU_PROBES_MAX; i++) {
		assert_int_equal(sctp_pmtu_probe(&p), 1432);
		sctp_pmtu_unanswered(&p, 2 * US_PER_S);
	}
	assert_int_equal(p.state, SCTP_PMTU_BASE);
	assert_int_equal(p.current, BASE);
	search(&p, 1300, 3 * US_PER_S);
	assert_in_range(p.current, 1280, 1300);
}

static void a_doubt_does_not_end_a_search(void **state)
{
	(void)state;
	sctp_pmtu p;
	sctp_pmtu_init(&p, BASE, SCTP_MTU_MAX);
	sctp_pmtu_wanted(&p, 0);
	for (int i = 0; i < 3; i++)
		sctp_pmtu_answered(&p, 0);
	assert_int_equal(sctp_pmtu_probe(&p), 8912);
	sctp_pmtu_unanswered(&p, 0);
	sctp_pmtu_unanswered(&p, 0);
	sctp_pmtu_suspect(&p, 0);
	assert_int_equal(sctp_pmtu_probe(&p), 1432);
	sctp_pmtu_answered(&p, 0);
	assert_int_equal(sctp_pmtu_probe(&p), 8912);
	sctp_pmtu_unanswered(&p, 0);
	assert_true(sctp_pmtu_probe(&p) < 8912);
}

static void where_not_even_base_is_answered_it_is_asked_on(void **state)
{
	(void)state;
	sctp_pmtu p;
	sctp_pmtu_init(&p, BASE, SCTP_MTU_MAX);
	sctp_pmtu_wanted(&p, 0);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(sctp_pmtu_probe(&p), BASE);
		sctp_pmtu_unanswered(&p, 0);
	}
	assert_int_equal(p.state, SCTP_PMTU_ERROR);
	sctp_pmtu_answered(&p, 0);
	assert_int_equal(p.state, SCTP_PMTU_SEARCHING);
}

/* --- two associations over a path of a certain MTU --- */

static size_t limit;   /* of the path, both ways */
static size_t largest; /* packet seen */
static size_t probes;  /* packets with PAD */

static bool too_large(pair *p, int from, slice bytes)
{
	(void)p;
	(void)from;
	char line[300];
	text t = text_of(line, sizeof line);
	sctp_print_packet(bytes, &t);
	probes += strstr(line, "PAD") != NULL;
	largest = bytes.len > largest ? bytes.len : largest;
	return bytes.len > limit;
}

static void check_bytes(pair *p, int side, const sctp_event *e)
{
	(void)p;
	(void)side;
	static uint8_t want[70000];
	if (e->type != SCTP_EVENT_MESSAGE)
		return;
	pair_fill(want, e->data.len, e->ppid);
	assert_memory_equal(want, e->data.data, e->data.len);
}

static void prepare(pair *p, uint64_t seed, size_t path)
{
	pair_prepare(p, seed);
	p->config[0].mtu_max = p->config[1].mtu_max = SCTP_MTU_MAX;
	p->on_event = check_bytes;
	p->drop = too_large;
	limit = path;
	largest = probes = 0;
}

/* A message every 10 ms for so long, unless too much waits. Returns how many. */
static uint32_t stream_for(pair *p, uint64_t us)
{
	static uint32_t number;
	static uint8_t bytes[6000];
	uint32_t sent = 0;
	for (uint64_t end = p->now + us; p->now < end; pair_run(p, 10 * US_PER_MS)) {
		size_t len = 1 + number * 7919u % sizeof bytes;
		if (sctp_buffered(p->end[0], 1) > 200000)
			continue;
		pair_fill(bytes, len, number);
		assert_int_equal(sctp_send(p->end[0], p->now, 1, number++, slice_of(bytes, len), NULL), 0);
		sent++;
	}
	return sent;
}

static size_t mtu_of(const pair *p)
{
	sctp_stats s;
	sctp_get_stats(p->end[0], &s);
	return s.mtu;
}

static void much_data_finds_the_mtu(void **state)
{
	(void)state;
	static const size_t paths[] = {BASE, 1195, 1300, 1412, 1432, 4000, 8912, SCTP_MTU_MAX};
	for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
		pair p;
		prepare(&p, i, paths[i]);
		p.delay_us = 5 * US_PER_MS;
		assert_true(pair_connect(&p));
		assert_int_equal(probes, 0);
		uint32_t sent = stream_for(&p, 50 * US_PER_S);
		assert_true(mtu_of(&p) <= paths[i] && paths[i] - mtu_of(&p) <= paths[i] / 64);
		assert_int_equal(p.end[0]->pmtu.state, SCTP_PMTU_COMPLETE);
		size_t before = probes;
		sent += stream_for(&p, 5 * US_PER_S);
		assert_int_equal(probes, before);
		pair_run(&p, 5 * US_PER_S);
		assert_int_equal(p.messages[1], sent);
		sctp_stats s;
		sctp_get_stats(p.end[0], &s);
		assert_int_equal(s.data_retransmitted, 0); /* probes alone get lost */
		assert_int_equal(s.timeouts, 0);
		pair_clear(&p);
	}
}

static void little_data_or_none_probes_nothing(void **state)
{
	(void)state;
	pair p;
	prepare(&p, 1, SCTP_MTU_MAX);
	assert_true(pair_connect(&p));
	for (int i = 0; i < 100; i++) {
		assert_int_equal(sctp_send(p.end[0], p.now, 1, 0, slice_of("\0", 1), NULL), 0);
		pair_run(&p, US_PER_S);
	}
	assert_int_equal(probes, 0);
	pair_clear(&p);
	prepare(&p, 2, SCTP_MTU_MAX);
	p.config[0].mtu_max = 0; /* switched off */
	assert_true(pair_connect(&p));
	stream_for(&p, US_PER_S);
	assert_int_equal(probes, 0);
	assert_true(largest <= BASE);
	pair_clear(&p);
}

/* Before the answer to a probe nothing larger than what was confirmed leaves, but probes. */
static void only_probes_are_larger_than_what_was_found(void **state)
{
	(void)state;
	pair p;
	prepare(&p, 3, 1432);
	assert_true(pair_connect(&p));
	stream_for(&p, 60 * US_PER_S);
	largest = 0;
	stream_for(&p, US_PER_S);
	assert_true(largest <= 1432);
	pair_clear(&p);
}

static void a_path_that_shrinks_stalls_nothing(void **state)
{
	(void)state;
	static const size_t sizes[][2] = {{SCTP_MTU_MAX, BASE}, {1432, BASE},	      {1432, 1200},
					  {8912, 1432},		{SCTP_MTU_MAX, 1412}, {8912, 4000}};
	for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
		for (unsigned loss = 0; loss < 2; loss++) {
			pair p;
			prepare(&p, 10 + i, sizes[i][0]);
			p.delay_us = 5 * US_PER_MS;
			assert_true(pair_connect(&p));
			uint32_t sent = stream_for(&p, 50 * US_PER_S);
			p.loss_per_mille = loss * 10;
			assert_in_range(mtu_of(&p), sizes[i][0] - sizes[i][0] / 64, sizes[i][0]);
			limit = sizes[i][1];
			size_t before = p.messages[1];
			sent += stream_for(&p, 4 * US_PER_S); /* in which it is noticed */
			assert_true(p.messages[1] > before);
			for (int second = 0; second < 5; second++) {
				before = p.messages[1];
				sent += stream_for(&p, US_PER_S);
				assert_true(p.messages[1] > before + 5);
			}
			p.loss_per_mille = 0;
			sent += stream_for(&p, 50 * US_PER_S);
			assert_in_range(mtu_of(&p), limit - limit / 64, limit);
			pair_run(&p, 30 * US_PER_S);
			assert_int_equal(p.messages[1], sent);
			pair_clear(&p);
		}
	}
}

static void loss_alone_does_not_shrink_it(void **state)
{
	(void)state;
	pair p;
	prepare(&p, 30, SCTP_MTU_MAX);
	p.delay_us = 5 * US_PER_MS;
	assert_true(pair_connect(&p));
	stream_for(&p, 2 * US_PER_S);
	assert_int_equal(mtu_of(&p), SCTP_MTU_MAX);
	p.loss_per_mille = 20;
	unsigned at_full_size = 0;
	for (int i = 0; i < 60; i++) {
		stream_for(&p, US_PER_S);
		at_full_size += mtu_of(&p) == SCTP_MTU_MAX;
	}
	assert_true(at_full_size > 45);
	pair_clear(&p);
}

static void another_path_is_measured_anew(void **state)
{
	(void)state;
	pair p;
	prepare(&p, 31, SCTP_MTU_MAX);
	assert_true(pair_connect(&p));
	sctp_path_changed(p.end[0], p.now); /* before anything was found */
	assert_int_equal(mtu_of(&p), BASE);
	stream_for(&p, 2 * US_PER_S);
	assert_int_equal(mtu_of(&p), SCTP_MTU_MAX);
	limit = 1300;
	sctp_path_changed(p.end[0], p.now);
	assert_int_equal(mtu_of(&p), BASE);
	stream_for(&p, 40 * US_PER_S);
	assert_in_range(mtu_of(&p), 1280, 1300);
	pair_clear(&p);
}

/* The owner's memory for packets bounds what is tried, not what works. */
static void a_small_buffer_gets_no_probe(void **state)
{
	(void)state;
	pair p;
	prepare(&p, 32, SCTP_MTU_MAX);
	assert_true(pair_connect(&p));
	static uint8_t bytes[60000], out_bytes[BASE];
	assert_int_equal(sctp_send(p.end[0], p.now, 1, 0, slice_of(bytes, sizeof bytes), NULL), 0);
	p.end[0]->pmtu.state = SCTP_PMTU_SEARCHING;
	p.end[0]->pmtu.probed = 4000;
	p.end[0]->send_pmtu_probe = true;
	assert_int_equal(sctp_packet_max(p.end[0]), 4000);
	packet out = {.data = out_bytes, .capacity = sizeof out_bytes};
	size_t packets = 0;
	for (; sctp_poll_transmit(p.end[0], p.now, &out); packets++)
		assert_true(out.len <= sizeof out_bytes);
	assert_true(packets > 0);
	assert_true(p.end[0]->send_pmtu_probe);
	pair_clear(&p);
}

/* Who does not know the nonce cannot answer for the path. */
static void a_forged_answer_changes_nothing(void **state)
{
	(void)state;
	uint8_t bytes[64], packet_bytes[128];
	pair p;
	prepare(&p, 33, BASE);
	assert_true(pair_connect(&p));
	stream_for(&p, US_PER_S); /* probing more than base in vain */
	assert_int_equal(p.end[0]->pmtu.state, SCTP_PMTU_SEARCHING);
	for (uint64_t guess = 0; guess < 100; guess++) {
		writer w = writer_of(bytes, sizeof bytes);
		size_t at = sctp_chunk_begin(&w, SCTP_CHUNK_HEARTBEAT_ACK, 0);
		size_t info = sctp_param_begin(&w, SCTP_PARAM_HEARTBEAT_INFO);
		write_u64(&w, p.now - 1000);
		write_u64(&w, guess ? p.end[0]->pmtu_nonce + guess : 0);
		sctp_tlv_end(&w, info);
		sctp_tlv_end(&w, at);
		size_t len = pair_wrap(&p, 0, writer_slice(&w), packet_bytes, sizeof packet_bytes);
		pair_inject(&p, 0, slice_of(packet_bytes, len));
	}
	assert_int_equal(mtu_of(&p), BASE);
	pair_clear(&p);
}

/* RFC 4820 3, 4 */
static void padding_is_ignored(void **state)
{
	(void)state;
	static const uint8_t padded[] = {SCTP_CHUNK_PAD,       0, 0, 8, 1, 2, 3, 4,
					 SCTP_CHUNK_HEARTBEAT, 0, 0, 8, 0, 1, 0, 4};
	uint8_t packet_bytes[64];
	pair p;
	pair_prepare(&p, 34);
	assert_true(pair_connect(&p));
	pair_run(&p, US_PER_S);
	size_t sent = p.sent[0];
	size_t len = pair_wrap(&p, 0, slice_of(padded, sizeof padded), packet_bytes, sizeof packet_bytes);
	pair_inject(&p, 0, slice_of(packet_bytes, len));
	assert_int_equal(p.sent[0], sent + 1);
	sctp_stats s;
	sctp_get_stats(p.end[0], &s);
	assert_int_equal(s.chunks_unknown, 0);
	pair_clear(&p);
	static const uint8_t init[] = {0, 0, 0,	   1, 0, 1, 0, 0, 0, 1, 0,    1, 0, 0,
				       0, 1, 0x80, 5, 0, 8, 0, 0, 0, 0, 0xc0, 0, 0, 4};
	sctp_init decoded;
	assert_true(sctp_init_decode(slice_of(init, sizeof init), &decoded));
	assert_int_equal(decoded.unrecognized_count, 0);
	assert_true(decoded.features.forward_tsn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_path_is_measured),
		cmocka_unit_test(usual_paths_are_measured_at_once),
		cmocka_unit_test(the_upper_end_may_be_anywhere),
		cmocka_unit_test(larger_sizes_are_tried_again_later),
		cmocka_unit_test(a_doubt_is_settled_by_asking),
		cmocka_unit_test(a_doubt_does_not_end_a_search),
		cmocka_unit_test(where_not_even_base_is_answered_it_is_asked_on),
		cmocka_unit_test(much_data_finds_the_mtu),
		cmocka_unit_test(little_data_or_none_probes_nothing),
		cmocka_unit_test(only_probes_are_larger_than_what_was_found),
		cmocka_unit_test(a_path_that_shrinks_stalls_nothing),
		cmocka_unit_test(loss_alone_does_not_shrink_it),
		cmocka_unit_test(another_path_is_measured_anew),
		cmocka_unit_test(a_small_buffer_gets_no_probe),
		cmocka_unit_test(a_forged_answer_changes_nothing),
		cmocka_unit_test(padding_is_ignored),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
