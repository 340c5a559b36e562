/* rtp/twcc.h: feedback bodies as browsers write them and as nobody should, both sides over a bad path. */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/time.h"
#include "rtp/twcc.h"

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})
#define LOST INT64_MIN

/* What a body says: offsets in ticks of 250 us after the reference, or LOST. */
typedef struct {
	const char *name;
	const uint8_t *bytes;
	size_t len;
	uint16_t base;
	int32_t reference;
	uint8_t number;
	size_t count;
	int64_t ticks[20];
} vector;

static const vector vectors[] = {
	{"run of small deltas, padded without saying so",
	 BYTES(0, 10, 0, 3, 0, 0, 1, 5, 0x20, 3, 4, 8, 12, 0, 0, 0),
	 10,
	 1,
	 5,
	 3,
	 {4, 12, 24}},
	{"the same without padding", BYTES(0, 10, 0, 3, 0, 0, 1, 5, 0x20, 3, 4, 8, 12), 10, 1, 5, 3, {4, 12, 24}},
	/* 1 0 10110000000000: received, lost, received, received; the rest of the 14 is excess */
	{"vector of one bit",
	 BYTES(0x12, 0x34, 0, 4, 0xff, 0xff, 0xff, 255, 0xac, 0, 1, 2, 3, 0),
	 0x1234,
	 -1,
	 255,
	 4,
	 {1, LOST, 3, 6}},
	/* 11 01 10 00 10 00 00 00: small, large, lost, large (-2: reordered) */
	{"vector of two bits",
	 BYTES(0, 0, 0, 4, 0x80, 0, 0, 0, 0xd8, 0x80, 100, 1, 0, 0xff, 0xfe, 0),
	 0,
	 -0x800000,
	 0,
	 4,
	 {100, 356, LOST, 354}},
	{"over the wrap of the sequence",
	 BYTES(0xff, 0xfe, 0, 4, 0, 0, 2, 0, 0x20, 4, 0, 1, 1, 1),
	 65534,
	 2,
	 0,
	 4,
	 {0, 1, 2, 3}},
	/* run of lost, vector, run of large */
	{"chunks of each kind",
	 BYTES(0, 1, 0, 18, 0, 0, 0, 9, 0, 2, 0xbf, 0xff, 0x40, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0x10, 0,
	       0x7f, 0xff),
	 1,
	 0,
	 9,
	 18,
	 {LOST, LOST, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 14 + 0x1000, 14 + 0x1000 + 0x7fff}},
	{"nothing received", BYTES(0, 1, 0, 5, 0, 0, 0, 9, 0, 5, 0, 0), 1, 0, 9, 5, {LOST, LOST, LOST, LOST, LOST}},
};

static void vectors_are_decoded(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(vectors); i++) {
		const vector *v = &vectors[i];
		twcc_feedback feedback;
		assert_true(twcc_decode(slice_of(v->bytes, v->len), &feedback));
		assert_int_equal(feedback.base, v->base);
		assert_int_equal(feedback.count, v->count);
		assert_int_equal(feedback.reference, v->reference);
		assert_int_equal(feedback.number, v->number);
		twcc_walk walk = twcc_walk_of(&feedback);
		twcc_status status;
		size_t n = 0, received = 0;
		for (; twcc_next(&walk, &status); n++) {
			assert_int_equal(status.sequence, (uint16_t)(v->base + n));
			assert_int_equal(status.received, v->ticks[n] != LOST);
			if (status.received)
				assert_int_equal(status.offset_us, v->ticks[n] * TWCC_TICK_US);
			received += status.received;
		}
		assert_int_equal(n, v->count);
		assert_int_equal(feedback.received, received);
	}
}

static void every_truncation_is_refused(void **state)
{
	(void)state;
	twcc_feedback feedback;
	for (size_t i = 0; i < ARRAY_LENGTH(vectors); i++) {
		const vector *v = &vectors[i];
		assert_true(twcc_decode(slice_of(v->bytes, v->len), &feedback));
		size_t needed = 8 + feedback.chunks.len + feedback.deltas.len;
		for (size_t len = 0; len < needed; len++)
			assert_false(twcc_decode(slice_of(v->bytes, len), &feedback));
	}
}

static void malformed_bodies_are_refused(void **state)
{
	(void)state;
	const struct {
		const uint8_t *bytes;
		size_t len;
	} bad[] = {
		{BYTES(0, 1, 0, 0, 0, 0, 0, 0, 0x20, 1, 0, 0)},		       /* count 0 */
		{BYTES(0, 1, 0, 1, 0, 0, 0, 0, 0x20, 0, 0, 0)},		       /* a run of 0, then one that is short */
		{BYTES(0, 1, 0, 1, 0, 0, 0, 0, 0x20, 0, 0x20, 1, 4, 0, 0, 0)}, /* a run of 0, then a good one */
		{BYTES(0, 1, 0, 1, 0, 0, 0, 0, 0x60, 1, 0, 0)},		       /* the reserved symbol in a run */
		{BYTES(0, 1, 0, 1, 0, 0, 0, 0, 0xf0, 0, 0, 0)},		       /* and in a vector */
		{BYTES(0, 1, 0, 1, 0, 0, 0, 0, 0x20, 1, 4, 0, 0, 0, 0)},       /* more than padding left over */
		{BYTES(0, 1, 0xff, 0xff, 0, 0, 0, 0, 0x3f, 0xff, 0, 0)},       /* claims 65535, has 8191 */
		{BYTES(0, 1, 0, 2, 0, 0, 0, 0, 0x40, 2, 0, 0, 0)},	       /* half a large delta */
	};
	twcc_feedback feedback;
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		assert_false(twcc_decode(slice_of(bad[i].bytes, bad[i].len), &feedback));
}

/* --- the receiver --- */

static twcc_receiver *receiver_new(void)
{
	twcc_receiver *r = malloc(sizeof *r);
	assert_non_null(r);
	twcc_receiver_init(r);
	return r;
}

/* Writes one body and decodes it; false when nothing is due. */
static bool write_one(twcc_receiver *r, uint64_t now, uint8_t *bytes, size_t room, twcc_feedback *out)
{
	writer w = writer_of(bytes, room);
	if (!twcc_receiver_write(r, now, &w))
		return false;
	assert_false(w.bad);
	assert_int_equal(w.len % 4, 0);
	assert_true(twcc_decode(writer_slice(&w), out));
	return true;
}

static void feedback_is_due_by_time_and_by_number(void **state)
{
	(void)state;
	twcc_receiver *r = receiver_new();
	uint8_t bytes[1200];
	twcc_feedback feedback;
	assert_int_equal(twcc_receiver_deadline(r), TIME_NEVER);
	twcc_receiver_arrived(r, 1000, 7);
	assert_int_equal(twcc_receiver_deadline(r), 1000 + TWCC_INTERVAL_START_US);
	assert_false(write_one(r, 1000 + TWCC_INTERVAL_START_US - 1, bytes, sizeof bytes, &feedback));
	assert_true(write_one(r, 1000 + TWCC_INTERVAL_START_US, bytes, sizeof bytes, &feedback));
	assert_int_equal(feedback.base, 7);
	assert_int_equal(feedback.count, 1);
	assert_int_equal(twcc_receiver_deadline(r), TIME_NEVER);
	for (uint16_t i = 0; i < TWCC_PENDING_MAX; i++)
		twcc_receiver_arrived(r, 110000, (uint16_t)(8 + i));
	assert_int_equal(twcc_receiver_deadline(r), 110000);
	assert_true(write_one(r, 110000, bytes, sizeof bytes, &feedback));
	assert_int_equal(feedback.count, TWCC_PENDING_MAX);
	assert_int_equal(feedback.number, 1);
	assert_false(write_one(r, 110000, bytes, TWCC_BODY_ROOM - 1, &feedback));
	free(r);
}

static uint64_t interval_at(uint64_t packet_gap)
{
	twcc_receiver *r = receiver_new();
	uint8_t bytes[1200];
	twcc_feedback feedback;
	uint64_t now = 1;
	for (unsigned i = 0; i < 1000; i++, now += packet_gap) {
		twcc_receiver_arrived(r, now, (uint16_t)i);
		write_one(r, now, bytes, sizeof bytes, &feedback);
	}
	uint64_t interval = r->interval;
	free(r);
	return interval;
}

static void interval_follows_the_packet_rate(void **state)
{
	(void)state;
	assert_in_range(interval_at(1000), TWCC_INTERVAL_MIN_US, TWCC_INTERVAL_MIN_US + 1000);
	assert_in_range(interval_at(10000), 80000, 120000);
	assert_in_range(interval_at(100000), 240000, TWCC_INTERVAL_MAX_US);
}

static void late_packets_are_reported_again(void **state)
{
	(void)state;
	twcc_receiver *r = receiver_new();
	uint8_t bytes[1200];
	twcc_feedback feedback;
	twcc_receiver_arrived(r, 1000, 1);
	twcc_receiver_arrived(r, 2000, 3);
	assert_true(write_one(r, 300000, bytes, sizeof bytes, &feedback));
	assert_int_equal(feedback.received, 2);
	twcc_receiver_arrived(r, 310000, 2);
	twcc_receiver_arrived(r, 310000, 2); /* duplicated */
	assert_true(write_one(r, 600000, bytes, sizeof bytes, &feedback));
	assert_int_equal(feedback.base, 2);
	assert_int_equal(feedback.count, 2);
	assert_int_equal(feedback.received, 2);
	assert_int_equal(r->duplicates, 1);
	free(r);
}

static void long_reports_are_split_by_room(void **state)
{
	(void)state;
	twcc_receiver *r = receiver_new();
	uint8_t bytes[TWCC_BODY_ROOM];
	twcc_feedback feedback;
	for (unsigned i = 0; i < 2000; i += 2) /* every other one lost; 100 ms apart: large deltas */
		twcc_receiver_arrived(r, i * 50000 + 1, (uint16_t)(65000 + i));
	uint16_t next = 65000;
	unsigned bodies = 0, received = 0;
	for (; write_one(r, 200 * US_PER_S, bytes, sizeof bytes, &feedback); bodies++) {
		assert_int_equal(feedback.base, next);
		next = (uint16_t)(next + feedback.count);
		received += feedback.received;
	}
	assert_int_equal(next, (uint16_t)(65000 + 1999));
	assert_int_equal(received, 1000);
	assert_in_range(bodies, 10, 40);
	free(r);
}

static void jumps_of_the_sequence_are_bounded(void **state)
{
	(void)state;
	twcc_receiver *r = receiver_new();
	uint8_t bytes[1200];
	twcc_feedback feedback;
	twcc_receiver_arrived(r, 1000, 1);
	twcc_receiver_arrived(r, 2000, 30000);
	twcc_receiver_arrived(r, 3000, 2); /* older than the window */
	assert_int_equal(r->too_old, 1);
	unsigned bodies = 0;
	uint32_t count = 0;
	for (; write_one(r, US_PER_S, bytes, sizeof bytes, &feedback); bodies++)
		count += feedback.count;
	assert_in_range(count, 1, TWCC_RECEIVER_WINDOW);
	assert_in_range(bodies, 1, 4);
	free(r);
}

/* --- the sender --- */

static twcc_sender *sender_new(uint16_t first)
{
	twcc_sender *s = malloc(sizeof *s);
	assert_non_null(s);
	twcc_sender_init(s, first);
	return s;
}

static void sender_reads_each_fate_once(void **state)
{
	(void)state;
	static const uint8_t first[] = {0xff, 0xff, 0, 3, 0, 0, 1, 0, 0xa8, 0, 4, 4}; /* received, lost, received */
	static const uint8_t again[] = {0xff, 0xff, 0, 3, 0, 0, 1, 0, 0x20, 3, 4, 8, 8, 0};
	twcc_sender *s = sender_new(65535);
	twcc_feedback feedback;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(twcc_sender_sent(s, 1000 * i, 100 + i, i), (uint16_t)(65535 + i));
	assert_int_equal(s->in_flight, 406);
	assert_true(twcc_decode(slice_of(first, sizeof first), &feedback));
	assert_int_equal(twcc_sender_feedback(s, &feedback), 3);
	assert_int_equal(s->in_flight, 103);
	assert_false(s->results[0].received);
	assert_int_equal(s->results[0].sequence, 65536);
	assert_int_equal(s->results[1].sequence, 65535);
	assert_int_equal(s->results[2].size, 102);
	assert_int_equal(s->results[2].cluster, 2);
	assert_int_equal(s->results[2].sent, 2000);
	assert_int_equal(s->results[2].arrived - s->results[1].arrived, 1000);
	assert_int_equal(twcc_sender_feedback(s, &feedback), 0);
	assert_true(twcc_decode(slice_of(again, sizeof again), &feedback));
	assert_int_equal(twcc_sender_feedback(s, &feedback), 1); /* the lost one came */
	assert_true(s->results[0].received);
	free(s);
}

static void feedback_on_what_was_never_sent_is_refused(void **state)
{
	(void)state;
	static const uint8_t body[] = {0x40, 0, 0, 3, 0, 0, 1, 0, 0x20, 3, 4, 8, 8, 0};
	twcc_sender *s = sender_new(0);
	twcc_feedback feedback;
	assert_true(twcc_decode(slice_of(body, sizeof body), &feedback));
	assert_int_equal(twcc_sender_feedback(s, &feedback), 0);
	twcc_sender_sent(s, 1, 100, 0);
	assert_int_equal(twcc_sender_feedback(s, &feedback), 0);
	assert_int_equal(s->refused, 2);
	assert_false(s->has_reference);
	for (unsigned i = 0; i < 3 * TWCC_SENDER_WINDOW; i++)
		twcc_sender_sent(s, 1, 100, 0);
	assert_int_equal(s->in_flight, 100 * TWCC_SENDER_WINDOW);
	free(s);
}

static void reference_time_wraps(void **state)
{
	(void)state;
	twcc_sender *s = sender_new(0);
	uint8_t body[] = {0, 0, 0, 1, 0x7f, 0xff, 0xff, 0, 0x20, 1, 0, 0};
	twcc_feedback feedback;
	for (unsigned i = 0; i < 2; i++)
		twcc_sender_sent(s, i, 100, 0);
	assert_true(twcc_decode(slice_of(body, sizeof body), &feedback));
	assert_int_equal(twcc_sender_feedback(s, &feedback), 1);
	uint64_t before = s->results[0].arrived;
	memcpy(body, (const uint8_t[]){0, 1, 0, 1, 0x80, 0, 1}, 7);
	assert_true(twcc_decode(slice_of(body, sizeof body), &feedback));
	assert_int_equal(twcc_sender_feedback(s, &feedback), 1);
	assert_int_equal(s->results[0].arrived - before, 2 * 64000);
	free(s);
}

/* --- both --- */

#define PATH_PACKETS 20000u

typedef struct {
	uint64_t arrived; /* 0: lost */
	unsigned told_received, told_lost;
	uint64_t told_arrived;
} fate;

static void take_feedback(twcc_receiver *r, twcc_sender *s, uint64_t now, size_t room, fate *fates)
{
	uint8_t bytes[1200];
	twcc_feedback feedback;
	while (write_one(r, now, bytes, room, &feedback)) {
		size_t count = twcc_sender_feedback(s, &feedback);
		for (size_t i = 0; i < count; i++) {
			fate *f = &fates[s->results[i].sequence - 60000];
			f->told_received += s->results[i].received;
			f->told_lost += !s->results[i].received;
			f->told_arrived = s->results[i].arrived;
		}
	}
}

static void run_path(uint64_t seed, unsigned loss, uint64_t jitter)
{
	rng_seeded rng;
	rng_seeded_init(&rng, seed);
	twcc_receiver *r = receiver_new();
	twcc_sender *s = sender_new(60000);
	fate *fates = calloc(PATH_PACKETS, sizeof *fates);
	assert_non_null(fates);
	uint64_t offset = 987654321, now = 1000000;
	unsigned next = 0;
	for (unsigned i = 0; i < PATH_PACKETS; i++) { /* one per ms; packet `i` arrives when it is its turn */
		now += 1000;
		twcc_sender_sent(s, now, 1200, 0);
		if (rng_seeded_below(&rng, 1000) >= loss)
			fates[i].arrived = now + rng_seeded_below(&rng, jitter + 1);
		for (unsigned k = next; k <= i; k++)
			if (fates[k].arrived > now - 1000 && fates[k].arrived <= now)
				twcc_receiver_arrived(r, fates[k].arrived + offset, (uint16_t)(60000 + k));
		while (next < i && fates[next].arrived <= now)
			next++;
		take_feedback(r, s, now + offset, 600, fates);
	}
	int64_t shift = 0;
	for (unsigned i = 0; i < PATH_PACKETS - 1000; i++) {
		assert_int_equal(fates[i].told_received, fates[i].arrived != 0);
		assert_in_range(fates[i].told_lost, fates[i].arrived == 0, 1);
		if (fates[i].arrived == 0)
			continue;
		if (shift == 0)
			shift = (int64_t)(fates[i].told_arrived - fates[i].arrived);
		assert_in_range((int64_t)(fates[i].told_arrived - fates[i].arrived) - shift + 250, 0, 500);
	}
	free(fates);
	free(r);
	free(s);
}

static void both_sides_agree_over_a_bad_path(void **state)
{
	(void)state;
	run_path(1, 0, 0);
	run_path(2, 100, 0);
	run_path(3, 0, 20000);
	run_path(4, 300, 50000);
	run_path(5, 10, 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_are_decoded),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(malformed_bodies_are_refused),
		cmocka_unit_test(feedback_is_due_by_time_and_by_number),
		cmocka_unit_test(interval_follows_the_packet_rate),
		cmocka_unit_test(late_packets_are_reported_again),
		cmocka_unit_test(long_reports_are_split_by_room),
		cmocka_unit_test(jumps_of_the_sequence_are_bounded),
		cmocka_unit_test(sender_reads_each_fate_once),
		cmocka_unit_test(feedback_on_what_was_never_sent_is_refused),
		cmocka_unit_test(reference_time_wraps),
		cmocka_unit_test(both_sides_agree_over_a_bad_path),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
