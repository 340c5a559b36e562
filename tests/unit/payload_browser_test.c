/* The streams that browsers sent (tests/data/media/README.md), through rtp/frames.h: in order, shuffled, with losses. */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "rtp/frames.h"
#include "rtp/packet.h"
#include "tests/support/media.h"

#define PACKETS_MAX 128u
#define SHUFFLES 20u	    /* orders tried of each stream */
#define SHUFFLE_WINDOW 8u   /* packets */
#define RECOVERY_WINDOW 40u /* packets that come before a retransmission does */
#define LOSS_PERIOD 10u	    /* packets of which one is lost */
#define DOUBLED_PERIOD 3u   /* of which one comes twice */
#define FRAME_LIMIT (1u << 20)

typedef struct {
	const char *path;
	rtp_codec codec;
	size_t packets, frames;
	rtp_dimensions size;
	uint32_t step_min, step_max,
		duration; /* between frames' timestamps, and of all of them, in the codec's clock */
} stream;

/* Chromium's camera runs at 20 Hz, here with one frame left out; Firefox's at 30 Hz, with times as its timer had them. */
static const stream streams[] = {
	{"tests/data/media/chromium-vp8.rtpdump", RTP_VP8, 86, 32, {640, 480}, 4320, 9000, 143910},
	{"tests/data/media/chromium-vp9.rtpdump", RTP_VP9, 89, 33, {640, 480}, 4410, 4590, 143910},
	{"tests/data/media/chromium-h264.rtpdump", RTP_H264, 87, 38, {640, 480}, 4410, 4590, 166410},
	{"tests/data/media/chromium-av1.rtpdump", RTP_AV1, 71, 42, {640, 480}, 3870, 5130, 184500},
	{"tests/data/media/chromium-opus.rtpdump", RTP_OPUS, 50, 50, {0, 0}, 960, 960, 47040},
	{"tests/data/media/firefox-vp8.rtpdump", RTP_VP8, 61, 61, {320, 240}, 2250, 3780, 179730},
	{"tests/data/media/firefox-vp9.rtpdump", RTP_VP9, 61, 61, {320, 240}, 2610, 3330, 180000},
	{"tests/data/media/firefox-av1.rtpdump", RTP_AV1, 63, 63, {640, 480}, 2430, 3600, 185760},
	{"tests/data/media/firefox-opus.rtpdump", RTP_OPUS, 50, 50, {0, 0}, 960, 960, 47040},
};

typedef struct {
	media source;
	rtp_frames_packet packets[PACKETS_MAX];
	size_t count;
} capture;

static void load(const stream *s, capture *c)
{
	rtp_unwrapper unwrapper = {0};
	*c = (capture){.source = media_load_rtpdump(s->path)};
	assert_int_equal(c->source.count, s->packets);
	assert_true(s->packets <= PACKETS_MAX);
	uint32_t ssrc = 0;
	for (; c->count < c->source.count; c->count++) {
		rtp_packet p;
		assert_int_equal(rtp_packet_parse(c->source.frames[c->count], &p), 0);
		assert_true(c->count == 0 || p.ssrc == ssrc);
		ssrc = p.ssrc;
		c->packets[c->count] = (rtp_frames_packet){.sequence = (uint64_t)rtp_unwrap16(&unwrapper, p.sequence),
							   .timestamp = p.timestamp,
							   .marker = p.marker,
							   .payload = p.payload};
	}
}

/* Frames as they came out. */
typedef struct {
	rtp_frame frames[PACKETS_MAX];
	buf bytes[PACKETS_MAX];
	size_t count;
} taken;

static void take_all(rtp_frames *f, taken *t)
{
	for (rtp_frame frame; rtp_frames_poll(f, &frame);) {
		assert_true(t->count < PACKETS_MAX);
		buf *bytes = &t->bytes[t->count];
		bytes->limit = FRAME_LIMIT;
		assert_int_equal(buf_append(bytes, frame.data), 0);
		frame.data = buf_slice(bytes);
		t->frames[t->count++] = frame;
	}
	rtp_frames_check_invariants(f);
}

static void taken_clear(taken *t)
{
	for (size_t i = 0; i < t->count; i++)
		buf_clear(&t->bytes[i]);
	t->count = 0;
}

static void insert(rtp_frames *f, const rtp_frames_packet *p, taken *t)
{
	assert_int_equal(rtp_frames_insert(f, p), 0);
	take_all(f, t);
}

/* The whole capture in order, each frame as soon as its last packet is there. */
static void take_in_order(const stream *s, const capture *c, taken *t)
{
	rtp_frames f;
	rtp_frames_init(&f, s->codec, NULL);
	*t = (taken){0};
	for (size_t i = 0; i < c->count; i++) {
		size_t before = t->count;
		insert(&f, &c->packets[i], t);
		bool last = c->packets[i].marker || !rtp_codec_is_video(s->codec);
		assert_int_equal(t->count - before, last);
	}
	assert_int_equal(f.stats.packets, c->count);
	assert_int_equal(f.stats.frames, t->count);
	assert_int_equal(f.stats.malformed + f.stats.lost + f.stats.broken + f.stats.skipped, 0);
	assert_false(rtp_frames_needs_key(&f));
	rtp_frames_clear(&f);
}

static void assert_same_frame(const rtp_frame *a, const rtp_frame *b)
{
	assert_int_equal(a->timestamp, b->timestamp);
	assert_int_equal(a->first_sequence, b->first_sequence);
	assert_int_equal(a->last_sequence, b->last_sequence);
	assert_int_equal(a->key, b->key);
	assert_int_equal(a->data.len, b->data.len);
	assert_memory_equal(a->data.data, b->data.data, a->data.len);
}

static void assert_same_frames(const taken *a, const taken *b)
{
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++)
		assert_same_frame(&a->frames[i], &b->frames[i]);
}

static void for_each_stream(void (*check)(const stream *s, const capture *c, const taken *want))
{
	for (size_t i = 0; i < ARRAY_LENGTH(streams); i++) {
		capture c;
		taken want;
		load(&streams[i], &c);
		take_in_order(&streams[i], &c, &want);
		check(&streams[i], &c, &want);
		taken_clear(&want);
		media_free(&c.source);
	}
}

/* --- in order --- */

static void check_frames(const stream *s, const capture *c, const taken *want)
{
	bool video = rtp_codec_is_video(s->codec);
	uint64_t next = c->packets[0].sequence;
	assert_int_equal(want->count, s->frames);
	for (size_t i = 0; i < want->count; i++) {
		const rtp_frame *frame = &want->frames[i];
		rtp_dimensions size = {0};
		assert_int_equal(frame->key, !video || i == 0);
		assert_int_equal(rtp_frame_is_key(s->codec, frame->data), frame->key);
		assert_int_equal(rtp_frame_dimensions(s->codec, frame->data, &size), video && i == 0);
		if (video && i == 0)
			assert_true(size.width == s->size.width && size.height == s->size.height);
		assert_int_equal(frame->first_sequence, next); /* no packet is left out */
		assert_int_equal(frame->lost_before, 0);
		next = frame->last_sequence + 1;
	}
	assert_int_equal(next, c->packets[c->count - 1].sequence + 1);
}

static void test_every_frame_comes_out_and_the_first_is_a_key_frame(void **state)
{
	(void)state;
	for_each_stream(check_frames);
}

static void check_pace(const stream *s, const capture *c, const taken *want)
{
	(void)c;
	for (size_t i = 1; i < want->count; i++) {
		uint32_t step = want->frames[i].timestamp - want->frames[i - 1].timestamp;
		assert_in_range(step, s->step_min, s->step_max);
	}
	assert_int_equal(want->frames[want->count - 1].timestamp - want->frames[0].timestamp, s->duration);
}

static void test_timestamps_advance_with_the_camera(void **state)
{
	(void)state;
	for_each_stream(check_pace);
}

/* VP8, VP9 and Opus: what lies behind the descriptors, and nothing else. */
static void check_bytes(const stream *s, const capture *c, const taken *want)
{
	if (s->codec == RTP_H264 || s->codec == RTP_AV1)
		return;
	size_t at = 0;
	for (size_t i = 0; i < want->count; i++) {
		size_t pos = 0;
		for (; at < c->count && c->packets[at].sequence <= want->frames[i].last_sequence; at++) {
			rtp_payload_info info;
			assert_int_equal(rtp_payload_parse(s->codec, c->packets[at].payload, &info), 0);
			slice part = slice_part(want->frames[i].data, pos, info.media.len);
			assert_true(slice_equal(part, info.media));
			pos += info.media.len;
		}
		assert_int_equal(pos, want->frames[i].data.len);
	}
}

static void test_a_frame_is_its_payloads_in_a_row(void **state)
{
	(void)state;
	for_each_stream(check_bytes);
}

/* --- sent on --- */

static void check_again(const stream *s, const capture *c, const taken *want)
{
	(void)c;
	uint8_t bytes[1100];
	rtp_packetizer p;
	assert_int_equal(rtp_packetizer_init(&p, s->codec, sizeof bytes, 0), 0);
	buf got = {.limit = FRAME_LIMIT};
	for (size_t i = 0; i < want->count; i++) {
		rtp_depacketizer d;
		bool marker;
		rtp_depacketizer_start(&d, s->codec, &got);
		assert_int_equal(rtp_packetizer_start(&p, want->frames[i].data, NULL), 0);
		for (writer w = writer_of(bytes, sizeof bytes); rtp_packetizer_next(&p, &w, &marker); w.len = 0)
			assert_int_equal(rtp_depacketizer_add(&d, writer_slice(&w)), 0);
		assert_int_equal(rtp_depacketizer_finish(&d), 0);
		assert_true(slice_equal(buf_slice(&got), want->frames[i].data));
	}
	buf_clear(&got);
}

static void test_frames_sent_again_come_out_the_same(void **state)
{
	(void)state;
	for_each_stream(check_again);
}

/* --- out of order --- */

typedef struct {
	uint64_t place;
	size_t packet;
} turn;

static int compare_turns(const void *a, const void *b)
{
	const turn *x = a, *y = b;
	if (x->place != y->place)
		return x->place < y->place ? -1 : 1;
	return x->packet < y->packet ? -1 : x->packet > y->packet;
}

static void check_shuffle(const stream *s, const capture *c, const taken *want, rng_seeded *random)
{
	turn turns[2 * PACKETS_MAX] = {{0}};
	size_t count = 0;
	for (size_t i = 0; i < c->count; i++) {
		/* Audio begins with what comes first: there is no key frame to wait for. */
		bool stays = i == 0 && !rtp_codec_is_video(s->codec);
		turns[count++] = (turn){stays ? 0 : 1 + i + rng_seeded_below(random, SHUFFLE_WINDOW), i};
		if (i % DOUBLED_PERIOD == 0)
			turns[count++] = (turn){1 + i + rng_seeded_below(random, SHUFFLE_WINDOW), i};
	}
	qsort(turns, count, sizeof *turns, compare_turns);
	rtp_frames f;
	taken got = {0};
	rtp_frames_init(&f, s->codec, NULL);
	for (size_t i = 0; i < count; i++)
		insert(&f, &c->packets[turns[i].packet], &got);
	assert_same_frames(&got, want);
	assert_int_equal(f.stats.packets, c->count);
	assert_int_equal(f.stats.duplicates + f.stats.late, count - c->count);
	taken_clear(&got);
	rtp_frames_clear(&f);
}

static void check_shuffles(const stream *s, const capture *c, const taken *want)
{
	rng_seeded random;
	rng_seeded_init(&random, 7);
	for (size_t i = 0; i < SHUFFLES; i++)
		check_shuffle(s, c, want, &random);
}

static void test_shuffled_and_doubled_packets_give_the_same_frames(void **state)
{
	(void)state;
	for_each_stream(check_shuffles);
}

/* --- loss --- */

static bool is_lost(size_t place, size_t phase)
{
	return place % LOSS_PERIOD == phase;
}

static void check_recovery(const stream *s, const capture *c, const taken *want)
{
	for (size_t phase = 1; phase < LOSS_PERIOD; phase++) {
		rtp_frames f;
		taken got = {0};
		rtp_frames_init(&f, s->codec, NULL);
		for (size_t i = 0; i < c->count + RECOVERY_WINDOW; i++) {
			if (i < c->count && !is_lost(i, phase))
				insert(&f, &c->packets[i], &got);
			if (i >= RECOVERY_WINDOW && is_lost(i - RECOVERY_WINDOW, phase))
				insert(&f, &c->packets[i - RECOVERY_WINDOW], &got);
		}
		assert_same_frames(&got, want);
		taken_clear(&got);
		rtp_frames_clear(&f);
	}
}

static void test_lost_packets_that_come_again_leave_no_trace(void **state)
{
	(void)state;
	for_each_stream(check_recovery);
}

static bool is_whole(const rtp_frame *frame, const capture *c, size_t phase)
{
	uint64_t first = c->packets[0].sequence;
	for (uint64_t sequence = frame->first_sequence; sequence <= frame->last_sequence; sequence++)
		if (is_lost((size_t)(sequence - first), phase))
			return false;
	return true;
}

/* One key frame and one layer: with a frame missing, nothing after it can be decoded. Audio: what came, comes out. */
static void check_loss(const stream *s, const capture *c, const taken *want)
{
	bool video = rtp_codec_is_video(s->codec);
	for (size_t phase = 0; phase < LOSS_PERIOD; phase++) {
		rtp_frames f;
		taken got = {0};
		rtp_frames_init(&f, s->codec, NULL);
		for (size_t i = 0; i < c->count; i++) {
			if (is_lost(i, phase))
				continue;
			insert(&f, &c->packets[i], &got);
			rtp_frames_give_up_before(&f, c->packets[i].sequence);
			take_all(&f, &got);
		}
		size_t count = 0;
		bool chain = true;
		for (size_t i = 0; i < want->count; i++) {
			bool whole = is_whole(&want->frames[i], c, phase);
			chain = chain && whole;
			if (video ? !chain : !whole)
				continue;
			assert_true(count < got.count);
			assert_same_frame(&got.frames[count++], &want->frames[i]);
		}
		assert_int_equal(got.count, count);
		assert_int_equal(rtp_frames_needs_key(&f), video);
		taken_clear(&got);
		rtp_frames_clear(&f);
	}
}

static void test_each_tenth_packet_lost_gives_no_broken_frame(void **state)
{
	(void)state;
	for_each_stream(check_loss);
}

/* What came before the stream's first frame never comes, and nothing gives it up: the key frame is taken all the same. */
static void check_behind_gap(const stream *s, const capture *c, const taken *want)
{
	if (!rtp_codec_is_video(s->codec))
		return;
	rtp_frames_packet stray = c->packets[c->count - 1];
	stray.sequence = c->packets[0].sequence - 2;
	stray.timestamp = c->packets[0].timestamp - s->step_min;
	rtp_frames f;
	taken got = {0};
	rtp_frames_init(&f, s->codec, NULL);
	insert(&f, &stray, &got);
	for (size_t i = 0; i < c->count; i++)
		insert(&f, &c->packets[i], &got);
	assert_same_frames(&got, want);
	taken_clear(&got);
	rtp_frames_clear(&f);
}

static void test_a_key_frame_behind_a_gap_is_taken_without_waiting(void **state)
{
	(void)state;
	for_each_stream(check_behind_gap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_frame_comes_out_and_the_first_is_a_key_frame),
		cmocka_unit_test(test_timestamps_advance_with_the_camera),
		cmocka_unit_test(test_a_frame_is_its_payloads_in_a_row),
		cmocka_unit_test(test_frames_sent_again_come_out_the_same),
		cmocka_unit_test(test_shuffled_and_doubled_packets_give_the_same_frames),
		cmocka_unit_test(test_lost_packets_that_come_again_leave_no_trace),
		cmocka_unit_test(test_each_tenth_packet_lost_gives_no_broken_frame),
		cmocka_unit_test(test_a_key_frame_behind_a_gap_is_taken_without_waiting),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
