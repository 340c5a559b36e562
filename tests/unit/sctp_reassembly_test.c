/* sctp/reassembly.h: fragments in any order become messages in theirs, with DATA and with I-DATA */
#include "tests/support/test.h"

#include <stdlib.h>

#include "base/rng.h"
#include "sctp/reassembly.h"
#include "tests/support/failmalloc.h"
#include "tests/unit/sctp_pair.h"

#define STREAMS 5u
#define MESSAGES 400u
#define FRAGMENTS_MAX 6u
#define BYTES_MAX 3000u
#define CHUNKS_MAX (MESSAGES * FRAGMENTS_MAX)
#define MESSAGE_LIMIT 100000u

static uint8_t bytes[BYTES_MAX]; /* a message's are a stretch of these, which its ppid tells */

typedef struct {
	rng_seeded rng;
	sctp_reassembly r;
	sctp_data chunks[CHUNKS_MAX]; /* in the order of their TSNs */
	size_t count;
	size_t messages, ordered_next[STREAMS];
	bool in_order[STREAMS]; /* what was delivered of the stream's ordered messages */
} world;

static size_t below(world *w, size_t n)
{
	return (size_t)rng_seeded_below(&w->rng, n);
}

/* The number of an ordered message on its stream is in its ppid, above the length. */
static uint32_t ppid_of(size_t len, size_t number)
{
	return (uint32_t)(number << 16 | len);
}

static void make_message(world *w, bool interleaved, uint32_t mids[STREAMS][2], size_t numbers[STREAMS])
{
	uint16_t stream = (uint16_t)below(w, STREAMS);
	bool unordered = below(w, 3) == 0;
	size_t len = 1 + below(w, BYTES_MAX - 1), left = len, n = 1 + below(w, FRAGMENTS_MAX);
	uint32_t ppid = ppid_of(len, unordered ? 0 : numbers[stream]++), mid = mids[stream][unordered]++;
	for (size_t i = 0; left; i++) {
		size_t size = i + 1 == n ? left : 1 + below(w, left);
		sctp_data *d = &w->chunks[w->count++];
		*d = (sctp_data){.interleaved = interleaved,
				 .unordered = unordered,
				 .begin = i == 0,
				 .end = size == left,
				 .stream = stream,
				 .ppid = interleaved && i ? 0 : ppid,
				 .mid = interleaved ? mid : (uint16_t)mid,
				 .fsn = interleaved ? (uint32_t)i : 0,
				 .payload = slice_of(bytes + len - left, size)};
		left -= size;
	}
}

/* The chunks of different streams mixed, those of each in order: what a sender of I-DATA does. */
static void mix(world *w)
{
	static sctp_data mixed[CHUNKS_MAX];
	size_t at[STREAMS] = {0}, n = 0;
	while (n < w->count) {
		size_t stream = below(w, STREAMS);
		while (at[stream] < w->count && w->chunks[at[stream]].stream != stream)
			at[stream]++;
		if (at[stream] < w->count)
			mixed[n++] = w->chunks[at[stream]++];
	}
	for (size_t i = 0; i < n; i++)
		w->chunks[i] = mixed[i];
}

static void shuffle(world *w, size_t distance)
{
	for (size_t i = 0; i < w->count; i++) {
		size_t span = w->count - i < distance ? w->count - i : distance, other = i + below(w, span);
		sctp_data d = w->chunks[i];
		w->chunks[i] = w->chunks[other];
		w->chunks[other] = d;
	}
}

static void take(world *w, list_node *deliver)
{
	for (list_node *n; (n = list_pop(deliver));) {
		sctp_run *run = LIST_ENTRY(n, sctp_run, node);
		const sctp_event *e = &run->event;
		size_t len = e->ppid & 0xffff, number = e->ppid >> 16;
		assert_int_equal(e->data.len, len);
		assert_memory_equal(e->data.data, bytes, len);
		if (!e->unordered)
			assert_int_equal(number, w->ordered_next[e->stream]++);
		w->messages++;
		sctp_reassembly_release(&w->r, run);
	}
}

static void begin(world *w, uint64_t seed, bool interleaved, uint32_t first_mid)
{
	*w = (world){0};
	rng_seeded_init(&w->rng, seed);
	pair_fill(bytes, sizeof bytes, 1);
	sctp_reassembly_init(&w->r, MESSAGE_LIMIT, false);
	w->r.interleaved = interleaved;
	uint32_t mids[STREAMS][2];
	size_t numbers[STREAMS] = {0};
	for (size_t i = 0; i < STREAMS; i++)
		mids[i][0] = mids[i][1] = first_mid;
	for (size_t i = 0; i < MESSAGES; i++)
		make_message(w, interleaved, mids, numbers);
	if (interleaved)
		mix(w);
	for (size_t i = 0; i < w->count; i++)
		w->chunks[i].tsn = (uint32_t)(UINT32_MAX - 500 + i);
}

/* As if all up to first_mid - 1 had come: a SKIP of each stream. */
static void skip_up_to(world *w, uint32_t first_mid)
{
	list_node deliver;
	list_init(&deliver);
	for (uint16_t i = 0; i < STREAMS; i++) {
		/* in two leaps: one may not pass half of all numbers */
		for (uint32_t leap = 1; leap <= 2; leap++) {
			uint32_t mid = first_mid / 2 * leap - 1;
			sctp_skipped skipped = {.stream = i, .mid = w->r.interleaved ? mid : (uint16_t)mid};
			assert_int_equal(sctp_reassembly_skip(&w->r, &skipped, &deliver), 0);
		}
	}
	assert_true(list_empty(&deliver));
}

static void any_order_gives_every_message_in_order(void **state)
{
	(void)state;
	static world w;
	static const size_t distances[] = {1, 2, 10, 200, CHUNKS_MAX};
	for (uint64_t seed = 0; seed < 40; seed++) {
		bool interleaved = seed & 1, wrap = seed & 2;
		uint32_t first_mid = !wrap ? 0 : interleaved ? UINT32_MAX - 9 : 65526;
		list_node deliver;
		list_init(&deliver);
		begin(&w, seed, interleaved, first_mid);
		if (wrap)
			skip_up_to(&w, first_mid);
		shuffle(&w, distances[seed % ARRAY_LENGTH(distances)]);
		for (size_t i = 0; i < w.count; i++) {
			assert_int_equal(sctp_reassembly_add(&w.r, &w.chunks[i], &deliver), 0);
			take(&w, &deliver);
			sctp_reassembly_check(&w.r, 0);
		}
		assert_int_equal(w.messages, MESSAGES);
		assert_int_equal(w.r.bytes, 0);
		sctp_reassembly_clear(&w.r);
	}
}

static sctp_data fragment(bool interleaved, uint32_t mid, uint32_t place, const char *flags, size_t len)
{
	sctp_data d = {.interleaved = interleaved, .stream = 1, .mid = mid, .payload = slice_of(bytes, len)};
	d.tsn = place;
	d.fsn = interleaved ? place : 0;
	for (; *flags; flags++) {
		d.begin |= *flags == 'B';
		d.end |= *flags == 'E';
		d.unordered |= *flags == 'U';
	}
	return d;
}

static void lies_are_dropped_and_hold_nothing_up(void **state)
{
	(void)state;
	static const struct {
		uint32_t mid, fsn;
		const char *flags;
	} lies[] = {
		{0, 0, "BE"}, /* had its turn */
		{1, 0, ""},   /* a middle that says it is the first */
		{1, 0, "B"},  /* again, under another TSN */
		{1, 1, ""},   /* the same */
		{1, 9, "E"},  /* another end behind the end */
		{1, 20, ""},  /* beyond the end */
		{UINT32_MAX, 0, "BE"},
		{(1u << 31) + 2, 0, "BE"}, /* more than half of all numbers ahead is behind */
	};
	sctp_reassembly r;
	list_node deliver;
	list_init(&deliver);
	for (size_t i = 0; i < ARRAY_LENGTH(lies); i++) {
		sctp_reassembly_init(&r, MESSAGE_LIMIT, false);
		r.interleaved = true;
		static const struct {
			uint32_t mid, fsn;
			const char *flags;
		} truth[] = {{0, 0, "BE"}, {1, 0, "B"}, {1, 1, ""}, {1, 2, "E"}, {2, 0, "BE"}};
		size_t delivered = 0;
		for (size_t n = 0; n < ARRAY_LENGTH(truth); n++) {
			if (n == 3) {
				sctp_data lie = fragment(true, lies[i].mid, lies[i].fsn, lies[i].flags, 10);
				assert_int_equal(sctp_reassembly_add(&r, &lie, &deliver), 0);
				sctp_reassembly_check(&r, 0);
			}
			sctp_data d = fragment(true, truth[n].mid, truth[n].fsn, truth[n].flags, 10);
			assert_int_equal(sctp_reassembly_add(&r, &d, &deliver), 0);
			for (list_node *node; (node = list_pop(&deliver)); delivered++)
				sctp_reassembly_release(&r, LIST_ENTRY(node, sctp_run, node));
			sctp_reassembly_check(&r, 0);
		}
		assert_int_equal(delivered, 3);
		assert_int_equal(r.bytes, 0);
		sctp_reassembly_clear(&r);
	}
}

/* RFC 8260 2.3.1: of unordered messages too; what is whole is delivered. */
static void skipping_leaves_the_gaps_behind(void **state)
{
	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		bool interleaved = kind & 1, unordered = kind & 2;
		const char *first = unordered ? "BU" : "B", *whole = unordered ? "BEU" : "BE";
		sctp_reassembly r;
		list_node deliver;
		list_init(&deliver);
		sctp_reassembly_init(&r, MESSAGE_LIMIT, false);
		r.interleaved = interleaved;
		size_t delivered = 0;
		for (uint32_t mid = 0; mid < 6; mid++) {
			sctp_data d =
				fragment(interleaved, mid, interleaved ? 0 : mid * 2, mid % 2 ? whole : first, 10);
			assert_int_equal(sctp_reassembly_add(&r, &d, &deliver), 0);
		}
		sctp_skipped skipped = {.stream = 1, .unordered = unordered, .mid = 2};
		if (!interleaved)
			sctp_reassembly_forward(&r, 5, &deliver);
		if (interleaved || !unordered)
			assert_int_equal(sctp_reassembly_skip(&r, &skipped, &deliver), 0);
		for (list_node *node; (node = list_pop(&deliver)); delivered++)
			sctp_reassembly_release(&r, LIST_ENTRY(node, sctp_run, node));
		sctp_reassembly_check(&r, 0);
		assert_int_equal(delivered, unordered ? 3 : 2);
		/* 4 is not whole; of the ordered ones 5 waits behind it */
		assert_int_equal(r.bytes, (unordered ? 1 : 2) * (10 + SCTP_RX_OVERHEAD));
		sctp_reassembly_reset(&r, 1, &deliver);
		assert_int_equal(list_empty(&deliver), unordered);
		for (list_node *node; (node = list_pop(&deliver));)
			sctp_reassembly_release(&r, LIST_ENTRY(node, sctp_run, node));
		assert_int_equal(r.bytes, 0);
		sctp_reassembly_clear(&r);
	}
}

/* Memory is taken ahead only for as much as one message may have. */
static void room_ahead_is_bounded(void **state)
{
	(void)state;
	sctp_reassembly r;
	list_node deliver;
	list_init(&deliver);
	sctp_reassembly_init(&r, 20 * sizeof bytes, false);
	r.interleaved = true;
	for (uint32_t fsn = 0; fsn < 15; fsn++) {
		sctp_data d = fragment(true, 0, fsn, fsn == 0 ? "BU" : fsn == 14 ? "EU" : "U", sizeof bytes);
		assert_int_equal(sctp_reassembly_add(&r, &d, &deliver), 0);
	}
	sctp_reassembly_release(&r, LIST_ENTRY(list_pop(&deliver), sctp_run, node));
	for (uint32_t mid = 1; mid < 100; mid++) {
		sctp_data d = fragment(true, mid, 0, "BU", 10);
		assert_int_equal(sctp_reassembly_add(&r, &d, &deliver), 0);
		assert_true(r.spare > 0 && r.spare <= r.max_message);
	}
	sctp_reassembly_check(&r, 0);
	sctp_reassembly_clear(&r);
}

static void without_memory_nothing_is_lost_body(void *context)
{
	(void)context;
	static world w;
	list_node deliver;
	list_init(&deliver);
	begin(&w, 3, true, 0);
	shuffle(&w, 20);
	for (size_t i = 0; i < 100; i++) {
		int err = sctp_reassembly_add(&w.r, &w.chunks[i], &deliver);
		if (err) /* as a peer does */
			assert_int_equal(sctp_reassembly_add(&w.r, &w.chunks[i], &deliver), 0);
		take(&w, &deliver);
		sctp_reassembly_check(&w.r, 0);
	}
	sctp_reassembly_clear(&w.r);
}

static void without_memory_nothing_is_lost(void **state)
{
	(void)state;
	failmalloc_loop(without_memory_nothing_is_lost_body, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order_gives_every_message_in_order),
		cmocka_unit_test(lies_are_dropped_and_hold_nothing_up),
		cmocka_unit_test(skipping_leaves_the_gaps_behind),
		cmocka_unit_test(room_ahead_is_bounded),
		cmocka_unit_test(without_memory_nothing_is_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
