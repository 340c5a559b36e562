/* sctp/sctp.h: messages sent in parts, and given out in parts */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "sctp/internal.h"
#include "tests/support/failmalloc.h"
#include "tests/unit/sctp_pair.h"

#define STREAM 3u
#define OTHER 4u
#define SEND_BUFFER 100000u
#define WINDOW 131072u
#define WHOLE_MAX 50000u

/* What side 1 was given: bytes follow pair_fill(seed 7) in each message. */
static struct {
	size_t parts, firsts, lasts, aborted, whole;
	uint64_t at[4]; /* bytes so far of the messages by number % 4 */
	uint64_t longest, most_held;
} got;

static uint8_t pattern[300000];

static void check_bytes(const sctp_event *e, uint64_t at)
{
	for (size_t i = 0; i < e->data.len; i++)
		if (e->data.data[i] != (uint8_t)((7 + (uint32_t)(at + i)) * 2654435761u >> 13))
			fail_msg("byte %u of a message is wrong", (unsigned)(at + i));
}

static void note_part(const sctp_event *e)
{
	uint64_t *at = &got.at[e->message % 4];
	got.parts++;
	got.firsts += e->first;
	got.lasts += e->last && !e->aborted;
	got.aborted += e->aborted;
	assert_true(!e->aborted || (e->last && !e->data.len));
	assert_true(e->aborted || e->data.len);
	if (e->first)
		*at = 0;
	check_bytes(e, *at);
	*at += e->data.len;
	got.longest = *at > got.longest ? *at : got.longest;
}

static void note(pair *p, int side, const sctp_event *e)
{
	sctp_stats s;
	if (side != 1 || e->stream != STREAM)
		return;
	sctp_get_stats(p->end[1], &s);
	got.most_held = s.receive_buffered > got.most_held ? s.receive_buffered : got.most_held;
	if (e->type == SCTP_EVENT_MESSAGE_PART)
		note_part(e);
	if (e->type == SCTP_EVENT_MESSAGE) {
		got.whole++;
		check_bytes(e, 0);
	}
}

static void prepare(pair *p, uint64_t seed, bool interleaving)
{
	memset(&got, 0, sizeof got);
	pair_fill(pattern, sizeof pattern, 7);
	pair_prepare(p, seed);
	p->delay_us = 5 * US_PER_MS;
	for (int i = 0; i < 2; i++) {
		p->config[i].interleaving = interleaving;
		p->config[i].send_buffer = SEND_BUFFER;
		p->config[i].receive_window = WINDOW;
		p->config[i].max_message_receive = WHOLE_MAX;
	}
	p->on_event = note;
}

static void begin(pair *p, uint64_t seed, bool interleaving)
{
	prepare(p, seed, interleaving);
	assert_true(pair_connect(p));
	assert_int_equal(sctp_set_partial_delivery(p->end[1], STREAM, true), 0);
}

static uint8_t byte_at(uint64_t i)
{
	return (uint8_t)((7 + (uint32_t)i) * 2654435761u >> 13);
}

/* The bytes from `at` on of the message that the pattern is. */
static int send_part(pair *p, uint64_t at, size_t len, bool last, bool unordered)
{
	static uint8_t bytes[70000];
	sctp_send_options o = {.unordered = unordered};
	for (size_t i = 0; i < len; i++)
		bytes[i] = byte_at(at + i);
	return sctp_send_part(p->end[0], p->now, STREAM, 51, slice_of(bytes, len), last, &o);
}

/* A whole message of so many bytes in parts of random lengths, as the buffer lets them in. */
static void stream_message(pair *p, uint64_t total, bool unordered)
{
	for (uint64_t at = 0; at < total;) {
		size_t len = 1 + (size_t)rng_seeded_below(&p->rng, 60000);
		len = at + len > total ? (size_t)(total - at) : len;
		bool last = at + len == total && (total & 1); /* else an empty one ends it */
		int err = send_part(p, at, len, last, unordered);
		if (err == 0)
			at += len;
		else
			assert_int_equal(err, PARLEY_ELIMIT);
		pair_run(p, err ? 20 * US_PER_MS : 0);
	}
	if (!(total & 1))
		assert_int_equal(send_part(p, 0, 0, true, unordered), 0);
}

static void a_message_larger_than_all_buffers_goes_through(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 8; seed++) {
		pair p;
		begin(&p, seed, seed & 1);
		p.loss_per_mille = seed & 2 ? 30 : 0;
		uint64_t total = 3000000 + seed / 4;
		stream_message(&p, total, false);
		pair_run(&p, 60 * US_PER_S);
		assert_int_equal(got.firsts, 1);
		assert_int_equal(got.lasts, 1);
		assert_int_equal(got.longest, total);
		assert_int_equal(p.messages[1], 1);
		assert_true(got.most_held <= WINDOW + WINDOW / 4);
		sctp_stats s;
		sctp_get_stats(p.end[0], &s);
		assert_int_equal(s.send_buffered, 0);
		assert_int_equal(s.messages_sent, 1);
		sctp_get_stats(p.end[1], &s);
		assert_int_equal(s.receive_buffered, 0);
		assert_int_equal(s.messages_received, 1);
		pair_clear(&p);
	}
}

/* Of a stream that gives parts, too, what is whole comes whole. */
static void short_messages_come_whole_and_in_order(void **state)
{
	(void)state;
	for (int interleaving = 0; interleaving < 2; interleaving++) {
		pair p;
		begin(&p, 10, interleaving);
		for (int i = 0; i < 3; i++) {
			stream_message(&p, 200000, false);
			assert_int_equal(sctp_send(p.end[0], p.now, STREAM, 51, slice_of(pattern, 100), NULL), 0);
		}
		pair_run(&p, 30 * US_PER_S);
		assert_int_equal(got.lasts, 3);
		assert_int_equal(got.whole, 3);
		assert_int_equal(got.longest, 200000);
		/* a message of one part, and one that ends by an empty part */
		assert_int_equal(send_part(&p, 0, 50, true, false), 0);
		pair_run(&p, US_PER_S);
		assert_int_equal(got.whole, 4);
		assert_int_equal(send_part(&p, 0, 50, false, false), 0);
		pair_run(&p, US_PER_S);
		assert_int_equal(sctp_buffered(p.end[0], STREAM), 1); /* held back for the end */
		assert_int_equal(send_part(&p, 0, 0, true, false), 0);
		pair_run(&p, US_PER_S);
		assert_int_equal(got.lasts, 4);
		assert_int_equal(sctp_buffered(p.end[0], STREAM), 0);
		pair_clear(&p);
	}
}

static void what_is_there_is_given_while_the_sender_pauses(void **state)
{
	(void)state;
	pair p;
	begin(&p, 11, true);
	for (uint64_t i = 0; i < 10; i++) {
		assert_int_equal(send_part(&p, i * 100, 100, false, false), 0);
		pair_run(&p, US_PER_S);
		assert_int_equal(got.longest, (i + 1) * 100 - 1);
	}
	pair_clear(&p);
}

static void misuse_is_refused(void **state)
{
	(void)state;
	pair p;
	begin(&p, 12, true);
	sctp_send_options limited = {.has_max_retransmits = true}, timed = {.has_lifetime = true};
	slice x = slice_of("x", 1);
	assert_int_equal(sctp_send_part(p.end[0], p.now, STREAM, 51, x, false, &limited), PARLEY_EINVAL);
	assert_int_equal(sctp_send_part(p.end[0], p.now, STREAM, 51, x, false, &timed), PARLEY_EINVAL);
	assert_int_equal(sctp_send_part(p.end[0], p.now, 65535, 51, x, false, NULL), PARLEY_EINVAL);
	assert_int_equal(sctp_send_part(p.end[0], p.now, STREAM, 51, (slice){0}, true, NULL), PARLEY_EINVAL);
	assert_int_equal(sctp_send_part(p.end[0], p.now, STREAM, 51, (slice){0}, false, NULL), 0);
	assert_int_equal(sctp_send_part(p.end[0], p.now, STREAM, 51, x, false, NULL), 0);
	assert_int_equal(sctp_send(p.end[0], p.now, STREAM, 51, x, NULL), PARLEY_ESTATE);
	sctp_set_max_message_send(p.end[0], 3);
	assert_int_equal(sctp_send_part(p.end[0], p.now, STREAM, 51, slice_of("abc", 3), false, NULL), PARLEY_EMSGSIZE);
	assert_int_equal(sctp_send_part(p.end[0], p.now, STREAM, 51, slice_of("ab", 2), true, NULL), 0);
	assert_int_equal(sctp_send(p.end[0], p.now, STREAM, 51, x, NULL), 0);
	pair_clear(&p);
}

/* RFC 8260 4.4 */
static void other_streams_wait_only_without_i_data(void **state)
{
	(void)state;
	for (int interleaving = 0; interleaving < 2; interleaving++) {
		pair p;
		begin(&p, 13, interleaving);
		assert_int_equal(send_part(&p, 0, 5000, false, false), 0);
		pair_run(&p, US_PER_S);
		assert_int_equal(sctp_send(p.end[0], p.now, OTHER, 51, slice_of(pattern, 10), NULL), 0);
		pair_run(&p, US_PER_S);
		assert_int_equal(p.messages[1], interleaving);
		assert_int_equal(send_part(&p, 5000, 5000, true, false), 0);
		pair_run(&p, US_PER_S);
		assert_int_equal(p.messages[1], 2);
		pair_clear(&p);
	}
}

static void a_message_given_up_midway_is_told(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 16; kind++) {
		bool interleaving = kind & 1, begun = kind & 2, unordered = kind & 4;
		uint16_t stream = STREAM;
		pair p;
		begin(&p, 20 + kind, interleaving);
		p.loss_per_mille = kind & 8 ? 100 : 0;
		assert_int_equal(sctp_send(p.end[0], p.now, STREAM, 51, slice_of(pattern, 20000), NULL), 0);
		assert_int_equal(send_part(&p, 0, 30000, false, unordered), 0);
		if (begun) {
			pair_run(&p, 5 * US_PER_S);
			assert_int_equal(got.firsts, got.lasts + 1);
		}
		assert_int_equal(send_part(&p, 30000, 1000, false, unordered), 0);
		assert_int_equal(sctp_reset_streams(p.end[0], p.now, &stream, 1), 0);
		assert_int_equal(send_part(&p, 31000, 10, true, unordered), PARLEY_ESTATE);
		pair_run(&p, 60 * US_PER_S);
		assert_int_equal(got.firsts, got.aborted + got.lasts);
		assert_true(!begun || got.aborted == 1);
		assert_int_equal(p.failed[0], 1);
		assert_int_equal(p.resets_out[0], 1);
		assert_int_equal(p.resets_in[1], 1);
		size_t whole = got.whole;
		p.loss_per_mille = 0;
		assert_int_equal(sctp_send(p.end[0], p.now, STREAM, 51, slice_of(pattern, 100), NULL), 0);
		pair_run(&p, 10 * US_PER_S);
		assert_int_equal(got.whole, whole + 1);
		sctp_stats s;
		sctp_get_stats(p.end[0], &s);
		assert_int_equal(s.send_buffered, 0);
		sctp_get_stats(p.end[1], &s);
		assert_int_equal(s.receive_buffered, 0);
		pair_clear(&p);
	}
}

static void a_shutdown_does_not_wait_for_the_end_of_a_message(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 4; kind++) {
		pair p;
		begin(&p, 40 + kind, kind & 1);
		assert_int_equal(send_part(&p, 0, 30000, false, false), 0);
		pair_run(&p, US_PER_S);
		assert_int_equal(sctp_shutdown(p.end[kind / 2], p.now), 0);
		pair_run(&p, 30 * US_PER_S);
		assert_true(p.closed[0] && p.closed[1]);
		assert_int_equal(p.error[0] | p.error[1], 0);
		pair_clear(&p);
	}
}

/* Without being asked, but allowed: what is too long to be given whole comes in parts. */
static void any_length_is_taken_where_allowed(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 8; kind++) {
		bool allowed = kind & 1, interleaving = kind & 2;
		pair p;
		prepare(&p, 50 + kind, interleaving);
		p.config[0].send_buffer = 1000000;
		p.config[1].any_length = allowed;
		assert_true(pair_connect(&p));
		sctp_send_options o = {.unordered = kind & 4};
		assert_int_equal(sctp_send(p.end[0], p.now, STREAM, 51, slice_of(pattern, WHOLE_MAX), &o), 0);
		assert_int_equal(sctp_send(p.end[0], p.now, STREAM, 51, slice_of(pattern, sizeof pattern), &o), 0);
		assert_int_equal(sctp_send(p.end[0], p.now, STREAM, 51, slice_of(pattern, 10), &o), 0);
		pair_run(&p, 10 * US_PER_S);
		assert_int_equal(p.closed[1], !allowed);
		if (allowed) {
			assert_int_equal(got.whole, 2);
			assert_int_equal(got.lasts, 1);
			assert_int_equal(got.longest, sizeof pattern);
		}
		pair_clear(&p);
	}
}

static void unordered_messages_in_parts_are_told_apart(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 10; seed++) {
		pair p;
		begin(&p, 60 + seed, seed & 1);
		p.config[0].send_buffer = 1000000;
		p.loss_per_mille = 50;
		for (int i = 0; i < 4; i++)
			stream_message(&p, 40000, true);
		pair_run(&p, 60 * US_PER_S);
		assert_int_equal(got.lasts + got.whole, 4);
		assert_int_equal(got.firsts, got.lasts);
		pair_clear(&p);
	}
}

/* Asked for late, when the message is long under way and the window full. */
static void partial_delivery_may_be_asked_for_late(void **state)
{
	(void)state;
	pair p;
	prepare(&p, 70, true);
	p.config[1].any_length = true;
	assert_true(pair_connect(&p));
	assert_int_equal(send_part(&p, 0, 40000, false, false), 0);
	pair_run(&p, US_PER_S);
	assert_int_equal(got.parts, 0);
	assert_int_equal(sctp_set_partial_delivery(p.end[1], STREAM, true), 0);
	pair_drain(&p);
	assert_int_equal(got.longest, 40000 - 1);
	assert_int_equal(sctp_set_partial_delivery(p.end[1], STREAM, false), 0);
	assert_int_equal(send_part(&p, 40000, 100, true, false), 0);
	pair_run(&p, US_PER_S);
	assert_int_equal(got.lasts, 1);
	assert_int_equal(got.longest, 40100);
	pair_clear(&p);
}

static void out_of_memory_body(void *context)
{
	(void)context;
	pair p;
	uint16_t stream = STREAM;
	prepare(&p, 80, true);
	p.on_event = NULL; /* parts that found no memory are missing */
	if (pair_connect(&p) && !sctp_set_partial_delivery(p.end[1], STREAM, true)) {
		send_part(&p, 0, 5000, false, false);
		pair_run(&p, US_PER_S);
		send_part(&p, 5000, 3000, true, false);
		pair_run(&p, US_PER_S);
		send_part(&p, 0, 3000, false, false);
		pair_run(&p, US_PER_S);
		sctp_reset_streams(p.end[0], p.now, &stream, 1);
		pair_run(&p, 5 * US_PER_S);
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
		cmocka_unit_test(a_message_larger_than_all_buffers_goes_through),
		cmocka_unit_test(short_messages_come_whole_and_in_order),
		cmocka_unit_test(what_is_there_is_given_while_the_sender_pauses),
		cmocka_unit_test(misuse_is_refused),
		cmocka_unit_test(other_streams_wait_only_without_i_data),
		cmocka_unit_test(a_message_given_up_midway_is_told),
		cmocka_unit_test(a_shutdown_does_not_wait_for_the_end_of_a_message),
		cmocka_unit_test(any_length_is_taken_where_allowed),
		cmocka_unit_test(unordered_messages_in_parts_are_told_apart),
		cmocka_unit_test(partial_delivery_may_be_asked_for_late),
		cmocka_unit_test(runs_out_of_memory_cleanly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
