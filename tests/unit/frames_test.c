/* Frames out of packets: order, loss, waiting for key frames, limits. Real streams, or VP8 frames of a few bytes. */
#include "tests/support/test.h"

#include "rtp/frames.h"

#include <stdlib.h>
#include <string.h>

#include "parley/types.h"
#include "tests/support/failmalloc.h"
#include "tests/support/media.h"

#define PACKETS_MAX 1024u
#define PAYLOAD_MAX 300u

/* A stream cut into packets. */
typedef struct {
	rtp_frames_packet packets[PACKETS_MAX];
	uint8_t bytes[PACKETS_MAX][PAYLOAD_MAX];
	size_t count;
	size_t first_of[64]; /* the first packet of each frame */
	size_t frames;
	media source;
	rtp_codec codec;
} sent;

static sent *send_stream(rtp_codec codec, const char *path, uint64_t first_sequence)
{
	sent *s = calloc(1, sizeof *s);
	assert_non_null(s);
	s->codec = codec;
	s->source = codec == RTP_H264 ? media_load_annexb(path) : media_load_ivf(path);
	rtp_packetizer p;
	rtp_packetizer_init(&p, codec, PAYLOAD_MAX, 100);
	for (size_t i = 0; i < s->source.count; i++) {
		s->first_of[s->frames++] = s->count;
		assert_int_equal(rtp_packetizer_start(&p, s->source.frames[i], NULL), 0);
		for (;; s->count++) {
			assert_true(s->count < PACKETS_MAX);
			writer w = writer_of(s->bytes[s->count], PAYLOAD_MAX);
			rtp_frames_packet *out = &s->packets[s->count];
			if (!rtp_packetizer_next(&p, &w, &out->marker))
				break;
			out->sequence = first_sequence + s->count;
			out->timestamp = (uint32_t)(UINT32_MAX - 10000 + i * 6000);
			out->payload = writer_slice(&w);
			out->arrival = s->count;
		}
	}
	s->first_of[s->frames] = s->count;
	return s;
}

static void free_sent(sent *s)
{
	media_free(&s->source);
	free(s);
}

/* Frame `index` of what was sent is what came out: compared with what a depacketizer makes of its packets. */
static void assert_is_frame(const sent *s, size_t index, const rtp_frame *got)
{
	buf want = {.limit = 1 << 20};
	rtp_depacketizer d;
	rtp_depacketizer_start(&d, s->codec, &want);
	for (size_t i = s->first_of[index]; i < s->first_of[index + 1]; i++)
		assert_int_equal(rtp_depacketizer_add(&d, s->packets[i].payload), 0);
	assert_int_equal(rtp_depacketizer_finish(&d), 0);
	assert_true(slice_equal(got->data, buf_slice(&want)));
	assert_int_equal(got->timestamp, s->packets[s->first_of[index]].timestamp);
	assert_int_equal(got->first_sequence, s->packets[s->first_of[index]].sequence);
	assert_int_equal(got->last_sequence, s->packets[s->first_of[index + 1] - 1].sequence);
	assert_int_equal(got->key, rtp_frame_is_key(s->codec, buf_slice(&want)));
	buf_clear(&want);
}

static void insert(rtp_frames *f, const rtp_frames_packet *p)
{
	assert_int_equal(rtp_frames_insert(f, p), 0);
	rtp_frames_check_invariants(f);
}

/* Takes out what is there, which must be frames from *next on. */
static void drain(rtp_frames *f, const sent *s, size_t *next)
{
	rtp_frame frame;
	while (rtp_frames_poll(f, &frame)) {
		rtp_frames_check_invariants(f);
		assert_true(*next < s->frames);
		assert_is_frame(s, (*next)++, &frame);
	}
	rtp_frames_check_invariants(f);
}

static const struct {
	rtp_codec codec;
	const char *path;
} streams[] = {
	{RTP_VP8, "tests/data/media/vp8.ivf"},		 {RTP_VP9, "tests/data/media/vp9.ivf"},
	{RTP_VP9, "tests/data/media/vp9-altref.ivf"},	 {RTP_H264, "tests/data/media/h264.h264"},
	{RTP_H264, "tests/data/media/h264-slices.h264"}, {RTP_AV1, "tests/data/media/av1.ivf"},
	{RTP_AV1, "tests/data/media/av1-svt.ivf"},
};

/* The packets in an order in which none is `reach` places from its own, or all exactly in order for 0; each `copies` times. */
static void for_every_stream(size_t reach, unsigned copies)
{
	for (size_t i = 0; i < ARRAY_LENGTH(streams); i++) {
		sent *s = send_stream(streams[i].codec, streams[i].path, UINT64_C(0x1fff0));
		rtp_frames f;
		rtp_frames_init(&f, s->codec, NULL);
		size_t next = 0;
		uint32_t random = 1;
		size_t order[PACKETS_MAX];
		for (size_t k = 0; k < s->count; k++)
			order[k] = k;
		/* Shuffled in blocks: the first as small as the beginning of a stream allows. */
		for (size_t block = 0, len = RTP_FRAMES_START_PACKETS - 1; reach && block < s->count;
		     block += len, len = reach) {
			size_t left = s->count - block < len ? s->count - block : len;
			for (size_t k = left; k > 1; k--) {
				random = random * 1664525u + 1013904223u;
				size_t other = block + (random >> 16) % k, swap = order[other];
				order[other] = order[block + k - 1];
				order[block + k - 1] = swap;
			}
		}
		for (size_t k = 0; k < s->count * copies; k++) {
			insert(&f, &s->packets[order[k / copies]]);
			drain(&f, s, &next);
		}
		assert_int_equal(next, s->frames);
		assert_int_equal(f.stats.packets, s->count);
		assert_int_equal(f.stats.frames, s->frames);
		assert_int_equal(f.stats.late + f.stats.duplicates, s->count * (copies - 1));
		assert_int_equal(f.stats.lost + f.stats.broken + f.stats.skipped + f.stats.malformed, 0);
		assert_int_equal(f.held, 0);
		assert_false(rtp_frames_needs_key(&f));
		rtp_frames_clear(&f);
		free_sent(s);
	}
}

static void test_packets_in_order(void **state)
{
	(void)state;
	for_every_stream(0, 1);
}

static void test_packets_in_any_order(void **state)
{
	(void)state;
	for_every_stream(8, 1);
	for_every_stream(RTP_FRAMES_START_PACKETS - 1, 1);
}

static void test_every_packet_three_times(void **state)
{
	(void)state;
	for_every_stream(5, 3);
}

/* How many frames come out when a packet is lost: those before, and from the next key frame on. */
static size_t least_frames(const sent *s, size_t lost)
{
	size_t frames = 0;
	bool whole = true;
	for (size_t i = 0; i < s->frames; i++) {
		bool hit = lost >= s->first_of[i] && lost < s->first_of[i + 1];
		whole = !hit && (whole || rtp_frame_is_key(s->codec, s->source.frames[i]));
		frames += whole;
	}
	return frames;
}

/* Every single packet lost in turn and given up: only whole frames come out, and from the next key frame on all of them. */
static void lose_and_give_up(const sent *s, size_t lost)
{
	rtp_frames f;
	rtp_frames_init(&f, s->codec, NULL);
	rtp_frame frame;
	size_t frames = 0;
	for (size_t i = 0; i < s->count; i++) {
		if (i == lost)
			continue;
		insert(&f, &s->packets[i]);
		rtp_frames_gap gap;
		if (rtp_frames_first_gap(&f, &gap)) {
			assert_int_equal(gap.first, s->packets[lost].sequence);
			assert_int_equal(gap.count, 1);
			rtp_frames_give_up_before(&f, gap.first + gap.count);
		}
		for (; rtp_frames_poll(&f, &frame); frames++) {
			size_t index = 0;
			while (s->packets[s->first_of[index]].timestamp != frame.timestamp)
				assert_true(++index < s->frames);
			/* An IDR of H.264 can do without the packet of parameter sets in front: they are remembered. */
			if (frame.first_sequence == s->packets[s->first_of[index]].sequence)
				assert_is_frame(s, index, &frame);
			else
				assert_true(s->codec == RTP_H264 && frame.key && lost == s->first_of[index]);
		}
		rtp_frames_check_invariants(&f);
	}
	/* Of H.264 a lost B picture costs only itself, and lost parameter sets nothing. */
	size_t least = least_frames(s, lost);
	assert_true(s->codec == RTP_H264 ? frames >= least : frames == least);
	assert_int_equal(f.stats.lost, lost > 0 && lost + 1 < s->count);
	assert_true(frames == f.stats.frames);
	rtp_frames_clear(&f);
}

static void test_each_packet_lost(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(streams); i++) {
		sent *s = send_stream(streams[i].codec, streams[i].path, 5);
		for (size_t lost = 0; lost < s->count; lost++)
			lose_and_give_up(s, lost);
		free_sent(s);
	}
}

static void test_a_retransmission_closes_the_gap(void **state)
{
	(void)state;
	sent *s = send_stream(RTP_H264, "tests/data/media/h264.h264", 65530);
	rtp_frames f;
	rtp_frames_init(&f, RTP_H264, NULL);
	size_t next = 0, lost = s->first_of[3] + 1;
	rtp_frames_gap gap;
	for (size_t i = 0; i < s->count; i++) {
		if (i != lost && i != lost + 1)
			insert(&f, &s->packets[i]);
		drain(&f, s, &next);
	}
	assert_int_equal(next, 3);
	assert_true(rtp_frames_first_gap(&f, &gap));
	assert_int_equal(gap.first, 65530 + lost);
	assert_int_equal(gap.count, 2);
	assert_int_equal(gap.arrival, lost + 2);
	assert_false(rtp_frames_needs_key(&f));
	insert(&f, &s->packets[lost + 1]);
	drain(&f, s, &next);
	assert_int_equal(next, 3);
	insert(&f, &s->packets[lost]);
	drain(&f, s, &next);
	assert_int_equal(next, s->frames);
	assert_false(rtp_frames_first_gap(&f, &gap));
	rtp_frames_clear(&f);
	free_sent(s);
}

static void test_a_packet_given_up_may_still_come_in_time(void **state)
{
	(void)state;
	sent *s = send_stream(RTP_VP8, "tests/data/media/vp8.ivf", 0);
	rtp_frames f;
	rtp_frames_init(&f, RTP_VP8, NULL);
	size_t next = 0, missing = s->first_of[1] - 3;
	rtp_frame frame;
	for (size_t i = 0; i + 1 < s->first_of[1]; i++)
		if (i != missing)
			insert(&f, &s->packets[i]);
	drain(&f, s, &next);
	rtp_frames_give_up_before(&f, missing + 1);
	assert_false(rtp_frames_poll(&f, &frame));
	insert(&f, &s->packets[missing]);
	insert(&f, &s->packets[s->first_of[1] - 1]);
	drain(&f, s, &next);
	assert_int_equal(next, 1);
	rtp_frames_clear(&f);
	free_sent(s);
}

/* ---- VP8 by hand ---- */

typedef struct {
	rtp_frames f;
	uint64_t sequence;
	uint32_t timestamp;
} stream;

static void begin(stream *s, rtp_codec codec)
{
	*s = (stream){.sequence = 1000};
	rtp_frames_init(&s->f, codec, NULL);
}

/* One packet, one frame. layer < 0: no temporal layers. key: 0 or 1. */
static void vp8_frame(stream *s, bool key, uint16_t picture_id, int layer, uint8_t tl0, bool sync)
{
	uint8_t bytes[32];
	writer w = writer_of(bytes, sizeof bytes);
	write_u8(&w, 0x90);
	write_u8(&w, layer < 0 ? 0x80 : 0xe0);
	write_u16(&w, 0x8000u | picture_id);
	if (layer >= 0) {
		write_u8(&w, tl0);
		write_u8(&w, (uint8_t)((unsigned)layer << 6 | (sync ? 0x20u : 0u)));
	}
	write_u8(&w, key ? 0 : 1);
	write_zeros(&w, 4);
	rtp_frames_packet p = {.sequence = s->sequence++,
			       .timestamp = s->timestamp += 3000,
			       .marker = true,
			       .payload = writer_slice(&w)};
	insert(&s->f, &p);
}

static void lose(stream *s, uint64_t count)
{
	s->sequence += count;
	s->timestamp += 3000;
}

static void give_up(stream *s)
{
	rtp_frames_give_up_before(&s->f, s->sequence - 1);
}

/* How many frames there are; the last one's picture id in *last. */
static unsigned take_all(stream *s, uint16_t *last)
{
	unsigned n = 0;
	for (rtp_frame frame; rtp_frames_poll(&s->f, &frame); n++)
		*last = frame.info.picture_id;
	return n;
}

static void test_lost_numbers_without_a_lost_picture_cost_nothing(void **state)
{
	(void)state;
	stream s;
	uint16_t last = 0;
	begin(&s, RTP_VP8);
	vp8_frame(&s, true, 0x7fff, -1, 0, false);
	lose(&s, 3); /* padding */
	vp8_frame(&s, false, 0, -1, 0, false);
	assert_int_equal(take_all(&s, &last), 1);
	give_up(&s);
	assert_int_equal(take_all(&s, &last), 1);
	assert_int_equal(last, 0);
	assert_false(rtp_frames_needs_key(&s.f));
	rtp_frames_clear(&s.f);
}

static void test_a_lost_picture_asks_for_a_key_frame(void **state)
{
	(void)state;
	stream s;
	uint16_t last = 0;
	begin(&s, RTP_VP8);
	assert_false(rtp_frames_needs_key(&s.f));
	vp8_frame(&s, true, 1, -1, 0, false);
	assert_int_equal(take_all(&s, &last), 1);
	lose(&s, 1);
	vp8_frame(&s, false, 3, -1, 0, false);
	give_up(&s);
	assert_int_equal(take_all(&s, &last), 0);
	assert_true(rtp_frames_needs_key(&s.f));
	vp8_frame(&s, false, 4, -1, 0, false);
	assert_int_equal(take_all(&s, &last), 0);
	vp8_frame(&s, true, 5, -1, 0, false);
	vp8_frame(&s, false, 6, -1, 0, false);
	assert_int_equal(take_all(&s, &last), 2);
	assert_false(rtp_frames_needs_key(&s.f));
	assert_int_equal(s.f.stats.skipped, 2);
	rtp_frames_clear(&s.f);
}

static void test_a_key_frame_behind_a_gap_is_taken_at_once_when_waited_for(void **state)
{
	(void)state;
	stream s;
	uint16_t last = 0;
	begin(&s, RTP_VP8);
	vp8_frame(&s, true, 1, -1, 0, false);
	lose(&s, 1);
	vp8_frame(&s, true, 3, -1, 0, false);
	assert_int_equal(take_all(&s, &last), 1); /* not waited for: the lost one may come */
	rtp_frames_want_key(&s.f);
	assert_true(rtp_frames_needs_key(&s.f));
	assert_int_equal(take_all(&s, &last), 1);
	assert_int_equal(last, 3);
	assert_false(rtp_frames_needs_key(&s.f));
	rtp_frames_clear(&s.f);
}

static void test_a_lost_upper_layer_needs_no_key_frame(void **state)
{
	(void)state;
	stream s;
	uint16_t last = 0;
	begin(&s, RTP_VP8);
	vp8_frame(&s, true, 1, 0, 255, false);
	lose(&s, 1); /* picture 2 of layer 1 */
	vp8_frame(&s, false, 3, 0, 0, false);
	assert_int_equal(take_all(&s, &last), 1);
	give_up(&s);
	assert_int_equal(take_all(&s, &last), 1);
	vp8_frame(&s, false, 4, 1, 0, false); /* may refer to picture 2 */
	assert_int_equal(take_all(&s, &last), 0);
	vp8_frame(&s, false, 5, 0, 1, false);
	vp8_frame(&s, false, 6, 1, 1, true); /* refers to picture 5 alone */
	vp8_frame(&s, false, 7, 1, 1, false);
	vp8_frame(&s, false, 8, 2, 1, false);
	assert_int_equal(take_all(&s, &last), 3);
	assert_int_equal(last, 7);
	assert_false(rtp_frames_needs_key(&s.f));
	rtp_frames_clear(&s.f);
}

static void test_a_lost_base_layer_needs_one(void **state)
{
	(void)state;
	stream s;
	uint16_t last = 0;
	begin(&s, RTP_VP8);
	vp8_frame(&s, true, 1, 0, 7, false);
	vp8_frame(&s, false, 2, 1, 7, true);
	lose(&s, 1);
	vp8_frame(&s, false, 4, 1, 8, true);
	give_up(&s);
	assert_int_equal(take_all(&s, &last), 2);
	assert_true(rtp_frames_needs_key(&s.f));
	rtp_frames_clear(&s.f);
}

static void test_a_stream_begins_with_its_key_frame_even_if_that_is_overtaken(void **state)
{
	(void)state;
	stream s;
	uint16_t last = 0;
	begin(&s, RTP_VP8);
	s.sequence = 1001;
	vp8_frame(&s, false, 2, -1, 0, false);
	assert_int_equal(take_all(&s, &last), 0);
	s.sequence = 1000;
	vp8_frame(&s, true, 1, -1, 0, false);
	s.sequence = 1002;
	assert_int_equal(take_all(&s, &last), 2);
	assert_int_equal(last, 2);
	rtp_frames_clear(&s.f);
}

static void test_without_a_key_frame_nothing_is_hoarded(void **state)
{
	(void)state;
	stream s;
	uint16_t last = 0;
	begin(&s, RTP_VP8);
	for (uint16_t i = 0; i < 200; i++) {
		vp8_frame(&s, false, i, -1, 0, false);
		assert_int_equal(take_all(&s, &last), 0);
		assert_true(rtp_frames_needs_key(&s.f));
		assert_true(s.f.held < RTP_FRAMES_START_PACKETS);
	}
	rtp_frames_clear(&s.f);
}

static void test_a_frame_without_marker_ends_with_its_timestamp(void **state)
{
	(void)state;
	sent *s = send_stream(RTP_VP8, "tests/data/media/vp8.ivf", 0);
	rtp_frames f;
	rtp_frames_init(&f, RTP_VP8, NULL);
	size_t next = 0;
	for (size_t i = 0; i < s->count; i++) {
		s->packets[i].marker = false;
		insert(&f, &s->packets[i]);
		drain(&f, s, &next);
	}
	assert_int_equal(next, s->frames - 1);
	rtp_frames_clear(&f);
	free_sent(s);
}

static void test_empty_packets_are_numbers_only(void **state)
{
	(void)state;
	sent *s = send_stream(RTP_AV1, "tests/data/media/av1.ivf", 0);
	rtp_frames f;
	rtp_frames_init(&f, RTP_AV1, NULL);
	rtp_frame frame;
	size_t frames = 0;
	for (size_t i = 0; i < s->count; i++) {
		rtp_frames_packet padding = {.sequence = 3 * i, .timestamp = 77, .marker = i & 1};
		insert(&f, &padding);
		s->packets[i].sequence = 3 * i + 2;
		insert(&f, &s->packets[i]);
		padding.sequence = 3 * i + 1;
		insert(&f, &padding);
		for (; rtp_frames_poll(&f, &frame); frames++)
			assert_int_equal(frame.lost_before, 0);
	}
	assert_int_equal(frames, s->frames);
	rtp_frames_clear(&f);
	free_sent(s);
}

static void test_a_malformed_packet_breaks_its_frame_alone(void **state)
{
	(void)state;
	stream s;
	uint16_t last = 0;
	begin(&s, RTP_VP8);
	vp8_frame(&s, true, 1, -1, 0, false);
	rtp_frames_packet bad = {.sequence = s.sequence++,
				 .timestamp = s.timestamp += 3000,
				 .marker = true,
				 .payload = slice_of("\x80", 1)};
	assert_int_equal(rtp_frames_insert(&s.f, &bad), PARLEY_EPROTO);
	vp8_frame(&s, false, 2, -1, 0, false);
	assert_int_equal(take_all(&s, &last), 2);
	assert_int_equal(s.f.stats.malformed, 1);
	assert_int_equal(s.f.stats.broken, 1);
	rtp_frames_clear(&s.f);
}

/* ---- audio ---- */

static rtp_frames_packet audio_packet(uint64_t sequence, bool marker)
{
	static const uint8_t payload[] = {0xfc, 1, 2};
	return (rtp_frames_packet){.sequence = sequence,
				   .timestamp = (uint32_t)(sequence * 960),
				   .marker = marker,
				   .payload = slice_of(payload, sizeof payload)};
}

static void test_audio_frames_say_how_many_were_lost(void **state)
{
	(void)state;
	rtp_frames f;
	rtp_frames_init(&f, RTP_OPUS, NULL);
	rtp_frame frame;
	static const uint64_t sequences[] = {10, 11, 14, 16, 15};
	for (size_t i = 0; i < ARRAY_LENGTH(sequences); i++) {
		rtp_frames_packet p = audio_packet(sequences[i], i == 0);
		insert(&f, &p);
	}
	assert_true(rtp_frames_poll(&f, &frame) && frame.first_sequence == 10 && frame.key && frame.marker);
	assert_true(rtp_frames_poll(&f, &frame) && frame.first_sequence == 11 && !frame.marker);
	assert_false(rtp_frames_poll(&f, &frame));
	rtp_frames_give_up_before(&f, 14);
	for (uint64_t sequence = 14; sequence < 17; sequence++) {
		assert_true(rtp_frames_poll(&f, &frame));
		assert_int_equal(frame.first_sequence, sequence);
		assert_int_equal(frame.lost_before, sequence == 14 ? 2 : 0);
		assert_int_equal(frame.data.len, 3);
	}
	rtp_frames_packet late = audio_packet(12, false);
	insert(&f, &late);
	assert_int_equal(f.stats.late, 1);
	assert_false(rtp_frames_needs_key(&f));
	rtp_frames_want_key(&f);
	assert_false(rtp_frames_needs_key(&f));
	rtp_frames_clear(&f);
}

/* ---- limits ---- */

static void test_a_jump_gives_up_the_old_packets(void **state)
{
	(void)state;
	rtp_frames f;
	rtp_frames_init(&f, RTP_OPUS, NULL);
	static const uint64_t sequences[] = {0, 2, RTP_FRAMES_PACKETS_MAX + 1, UINT64_C(1) << 40, 5};
	rtp_frame frame;
	unsigned frames = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(sequences); i++) {
		rtp_frames_packet p = audio_packet(sequences[i], false);
		insert(&f, &p);
		frames += rtp_frames_poll(&f, &frame);
		rtp_frames_check_invariants(&f);
	}
	assert_int_equal(frames, 2); /* 0, and 2, whose predecessor was given up for 4097 */
	rtp_frames_give_up_before(&f, UINT64_MAX);
	assert_true(rtp_frames_poll(&f, &frame));
	assert_int_equal(frame.first_sequence, UINT64_C(1) << 40);
	assert_false(rtp_frames_poll(&f, &frame));
	assert_int_equal(f.stats.evicted, 2);
	assert_int_equal(f.stats.late, 1);
	rtp_frames_clear(&f);
}

static void test_no_more_than_the_limit_is_held(void **state)
{
	(void)state;
	rtp_frames f;
	rtp_frames_init(&f, RTP_VP8, NULL);
	size_t len = 60000;
	uint8_t *payload = calloc(1, len);
	payload[0] = 0x10;
	rtp_frame frame;
	for (uint64_t i = 0; i < 200; i++) {
		rtp_frames_packet p = {.sequence = i, .payload = slice_of(payload, len)};
		insert(&f, &p);
		assert_false(rtp_frames_poll(&f, &frame));
		payload[0] = 0;
	}
	assert_true(f.stats.evicted > 0);
	/* Larger than a frame may be: dropped, and the next key frame comes through. */
	rtp_frames_packet last = {.sequence = 200, .marker = true, .payload = slice_of(payload, len)};
	insert(&f, &last);
	assert_false(rtp_frames_poll(&f, &frame));
	payload[0] = 0x10;
	last.sequence++;
	last.timestamp++;
	insert(&f, &last);
	assert_true(rtp_frames_poll(&f, &frame));
	assert_int_equal(f.stats.broken, 1);
	free(payload);
	rtp_frames_clear(&f);
}

/* ---- H.264 ---- */

static void test_parameter_sets_come_before_every_idr(void **state)
{
	(void)state;
	static const uint8_t sets[] = {0x78, 0, 4, 0x67, 0x42, 0, 0x1f, 0, 2, 0x68, 0xce};
	static const uint8_t idr[] = {0x65, 0x88, 0x80}, slice_p[] = {0x41, 0x9a, 0x11};
	static const uint8_t want[] = {0, 0,	0,    1, 0x67, 0x42, 0, 0x1f, 0,    0,	 0,
				       1, 0x68, 0xce, 0, 0,    0,    1, 0x65, 0x88, 0x80};
	rtp_frames f;
	rtp_frames_init(&f, RTP_H264, NULL);
	rtp_frame frame;
	const rtp_frames_packet packets[] = {
		{.sequence = 1, .timestamp = 1, .marker = true, .payload = slice_of(idr, sizeof idr)}, /* useless */
		{.sequence = 2, .timestamp = 2, .marker = true, .payload = slice_of(sets, sizeof sets)},
		{.sequence = 3, .timestamp = 3, .marker = true, .payload = slice_of(idr, sizeof idr)},
		{.sequence = 4, .timestamp = 4, .marker = true, .payload = slice_of(slice_p, sizeof slice_p)},
		{.sequence = 5, .timestamp = 5, .marker = true, .payload = slice_of(idr, sizeof idr)},
	};
	for (size_t i = 0; i < 3; i++)
		insert(&f, &packets[i]);
	assert_true(rtp_frames_poll(&f, &frame));
	assert_int_equal(frame.first_sequence, 3);
	assert_true(frame.key && slice_equal(frame.data, slice_of(want, sizeof want)));
	insert(&f, &packets[3]);
	assert_true(rtp_frames_poll(&f, &frame) && !frame.key && frame.data.len == 7);
	insert(&f, &packets[4]);
	assert_true(rtp_frames_poll(&f, &frame) && frame.key && frame.data.len == sizeof want);
	rtp_frames_clear(&f);
	/* From SDP. */
	rtp_frames_add_parameter_set(&f, slice_of(sets + 3, 4));
	rtp_frames_add_parameter_set(&f, slice_of(sets + 9, 2));
	rtp_frames_reset(&f, RTP_H264);
	for (size_t i = 3; i < 5; i++)
		insert(&f, &packets[i]);
	assert_true(rtp_frames_poll(&f, &frame) && frame.data.len == sizeof want);
	rtp_frames_clear(&f);
}

/* ---- the rest ---- */

static void short_call(void *context)
{
	const sent *s = context;
	rtp_frames f;
	rtp_frames_init(&f, s->codec, NULL);
	rtp_frame frame;
	for (size_t i = 0; i < s->first_of[3]; i++) {
		int err = rtp_frames_insert(&f, &s->packets[i]);
		assert_true(err == 0 || err == PARLEY_ENOMEM);
		rtp_frames_give_up_before(&f, s->packets[i].sequence);
		while (rtp_frames_poll(&f, &frame))
			assert_true(frame.data.len > 0);
		rtp_frames_check_invariants(&f);
	}
	rtp_frames_clear(&f);
}

static void test_running_out_of_memory(void **state)
{
	(void)state;
	sent *s = send_stream(RTP_H264, "tests/data/media/h264.h264", 0);
	failmalloc_loop(short_call, s);
	free_sent(s);
}

/* The loader of captured streams, on one made by hand: an RTP packet, an RTCP one, and an RTP packet again. */
static void test_rtpdump_files_are_read(void **state)
{
	(void)state;
	media m = media_load_rtpdump("tests/data/media/opus.rtpdump");
	rtp_frames f;
	rtp_frames_init(&f, RTP_OPUS, NULL);
	rtp_frame frame;
	assert_int_equal(m.count, 2);
	for (size_t i = 0; i < m.count; i++) {
		reader r = reader_of(m.frames[i]);
		assert_int_equal(read_u16(&r), 0x806f);
		rtp_frames_packet p = {.sequence = read_u16(&r), .timestamp = read_u32(&r)};
		read_skip(&r, 4);
		p.payload = read_rest(&r);
		insert(&f, &p);
		assert_true(rtp_frames_poll(&f, &frame) && frame.lost_before == 0 && frame.data.len == 3);
		assert_int_equal(frame.timestamp, m.times[i] * 48);
	}
	rtp_frames_clear(&f);
	media_free(&m);
}

static void test_what_the_dump_says(void **state)
{
	(void)state;
	stream s;
	char out[600];
	text t = text_of(out, sizeof out);
	begin(&s, RTP_VP8);
	vp8_frame(&s, false, 1, -1, 0, false);
	lose(&s, 2);
	vp8_frame(&s, false, 4, -1, 0, false);
	rtp_frames_dump(&s.f, &t);
	assert_non_null(strstr(out, "VP8 frames: next 1000 end 1004 held 2 (18 bytes) waits for key"));
	assert_non_null(strstr(out, "missing 1001 and 1 more"));
	rtp_frames_clear(&s.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packets_in_order),
		cmocka_unit_test(test_packets_in_any_order),
		cmocka_unit_test(test_every_packet_three_times),
		cmocka_unit_test(test_each_packet_lost),
		cmocka_unit_test(test_a_retransmission_closes_the_gap),
		cmocka_unit_test(test_a_packet_given_up_may_still_come_in_time),
		cmocka_unit_test(test_lost_numbers_without_a_lost_picture_cost_nothing),
		cmocka_unit_test(test_a_lost_picture_asks_for_a_key_frame),
		cmocka_unit_test(test_a_key_frame_behind_a_gap_is_taken_at_once_when_waited_for),
		cmocka_unit_test(test_a_lost_upper_layer_needs_no_key_frame),
		cmocka_unit_test(test_a_lost_base_layer_needs_one),
		cmocka_unit_test(test_a_stream_begins_with_its_key_frame_even_if_that_is_overtaken),
		cmocka_unit_test(test_without_a_key_frame_nothing_is_hoarded),
		cmocka_unit_test(test_a_frame_without_marker_ends_with_its_timestamp),
		cmocka_unit_test(test_empty_packets_are_numbers_only),
		cmocka_unit_test(test_a_malformed_packet_breaks_its_frame_alone),
		cmocka_unit_test(test_audio_frames_say_how_many_were_lost),
		cmocka_unit_test(test_a_jump_gives_up_the_old_packets),
		cmocka_unit_test(test_no_more_than_the_limit_is_held),
		cmocka_unit_test(test_parameter_sets_come_before_every_idr),
		cmocka_unit_test(test_running_out_of_memory),
		cmocka_unit_test(test_rtpdump_files_are_read),
		cmocka_unit_test(test_what_the_dump_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
