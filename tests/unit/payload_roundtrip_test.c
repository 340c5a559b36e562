/* Real encoders' frames to payloads and back, for each codec and for many sizes of payload. */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "parley/types.h"
#include "rtp/payload.h"
#include "tests/support/failmalloc.h"
#include "tests/support/media.h"

typedef struct {
	const char *path;
	rtp_codec codec;
	size_t frames, keys;
	rtp_dimensions size;
} stream;

static const stream streams[] = {
	{"tests/data/media/vp8.ivf", RTP_VP8, 12, 2, {320, 180}},
	{"tests/data/media/vp9.ivf", RTP_VP9, 12, 2, {320, 180}},
	{"tests/data/media/vp9-altref.ivf", RTP_VP9, 20, 2, {320, 180}},
	{"tests/data/media/h264.h264", RTP_H264, 12, 2, {320, 180}},
	{"tests/data/media/h264-slices.h264", RTP_H264, 10, 1, {320, 180}},
	{"tests/data/media/av1.ivf", RTP_AV1, 12, 2, {320, 180}},
	{"tests/data/media/av1-svt.ivf", RTP_AV1, 8, 1, {322, 182}},
};

static const size_t sizes[] = {RTP_PAYLOAD_MIN, 65, 100, 127, 128, 129, 130, 131, 255, 500, 1100, 1200, 16383, 60000};

static media load(const stream *s)
{
	return s->codec == RTP_H264 ? media_load_annexb(s->path) : media_load_ivf(s->path);
}

/* What comes out for a frame that goes in: H.264 with long start codes, AV1 without temporal delimiters. */
static void normalize(rtp_codec codec, slice frame, buf *out)
{
	out->len = 0;
	if (codec == RTP_AV1 && frame.len > 2 && frame.data[0] == 0x12 && frame.data[1] == 0)
		frame = slice_part(frame, 2, frame.len);
	size_t from = 0;
	for (size_t i = 0; codec == RTP_H264 && i + 3 <= frame.len; i++) {
		if (memcmp(frame.data + i, "\0\0\1", 3) != 0)
			continue;
		size_t end = i > from && frame.data[i - 1] == 0 ? i - 1 : i;
		assert_int_equal(buf_append(out, slice_part(frame, from, end - from)), 0);
		assert_int_equal(buf_append(out, slice_of("\0\0\0\1", 4)), 0);
		from = i + 3;
	}
	assert_int_equal(buf_append(out, slice_part(frame, from, frame.len)), 0);
}

typedef struct {
	size_t packets, starts, ends, largest;
	rtp_payload_info first;
} passage;

/* Sends a frame through; `out` then holds what came out. */
static passage pass(rtp_packetizer *p, slice frame, buf *out)
{
	passage result = {0};
	uint8_t bytes[60000];
	bool marker = false;
	rtp_depacketizer d;
	rtp_depacketizer_start(&d, p->codec, out);
	assert_int_equal(rtp_packetizer_start(p, frame, NULL), 0);
	for (;;) {
		writer w = writer_of(bytes, sizeof bytes);
		bool was_last = marker;
		if (!rtp_packetizer_next(p, &w, &marker))
			break;
		assert_false(was_last);
		assert_true(w.len > 0 && w.len <= p->max_payload);
		rtp_payload_info info;
		assert_int_equal(rtp_payload_parse(p->codec, writer_slice(&w), &info), 0);
		if (result.packets++ == 0)
			result.first = info;
		result.starts += info.starts_frame;
		result.ends += marker;
		result.largest = w.len > result.largest ? w.len : result.largest;
		assert_int_equal(rtp_depacketizer_add(&d, writer_slice(&w)), 0);
	}
	assert_int_equal(rtp_depacketizer_finish(&d), 0);
	assert_int_equal(result.ends, rtp_codec_is_video(p->codec));
	assert_true(result.first.may_start);
	return result;
}

static void check_stream(const stream *s, size_t max_payload)
{
	media m = load(s);
	rtp_packetizer p;
	assert_int_equal(rtp_packetizer_init(&p, s->codec, max_payload, 0x7ffe), 0);
	buf got = {.limit = 1 << 20}, want = {.limit = 1 << 20};
	size_t keys = 0;
	assert_int_equal(m.count, s->frames);
	for (size_t i = 0; i < m.count; i++) {
		passage result = pass(&p, m.frames[i], &got);
		normalize(s->codec, m.frames[i], &want);
		assert_int_equal(got.len, want.len);
		assert_memory_equal(got.data, want.data, want.len);
		bool key = rtp_frame_is_key(s->codec, buf_slice(&got));
		keys += key;
		rtp_dimensions size = {0};
		assert_int_equal(rtp_frame_dimensions(s->codec, buf_slice(&got), &size), key);
		if (key)
			assert_true(size.width == s->size.width && size.height == s->size.height);
		if (s->codec == RTP_VP8 || s->codec == RTP_VP9) {
			assert_int_equal(result.starts, 1);
			assert_int_equal(result.first.key, key);
			assert_int_equal(result.first.picture_id, (0x7ffe + i) & 0x7fff);
			assert_int_equal(result.first.has_size, key);
		}
		if (s->codec == RTP_AV1)
			assert_int_equal(result.first.starts_frame, key); /* N */
		assert_true(result.packets == 1 || result.largest > max_payload / 2);
	}
	assert_int_equal(keys, s->keys);
	buf_clear(&got);
	buf_clear(&want);
	media_free(&m);
}

static void test_every_stream_comes_out_as_it_went_in(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(streams); i++)
		for (size_t j = 0; j < ARRAY_LENGTH(sizes); j++)
			check_stream(&streams[i], sizes[j]);
}

static void test_every_truncation_of_every_payload_is_harmless(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(streams); i++) {
		media m = load(&streams[i]);
		rtp_packetizer p;
		rtp_packetizer_init(&p, streams[i].codec, 200, 0);
		assert_int_equal(rtp_packetizer_start(&p, m.frames[0], NULL), 0);
		buf out = {.limit = 1 << 20};
		bool marker;
		for (unsigned packets = 0; packets < 6; packets++) {
			uint8_t bytes[200];
			writer w = writer_of(bytes, sizeof bytes);
			if (!rtp_packetizer_next(&p, &w, &marker))
				break;
			for (size_t len = 0; len <= w.len; len++) {
				/* A copy of just that size, so that the address sanitizer sees a read past it. */
				uint8_t *copy = malloc(len ? len : 1);
				memcpy(copy, bytes, len);
				rtp_payload_info info;
				int parsed = rtp_payload_parse(p.codec, slice_of(copy, len), &info);
				rtp_depacketizer d;
				rtp_depacketizer_start(&d, p.codec, &out);
				int added = rtp_depacketizer_add(&d, slice_of(copy, len));
				assert_true(parsed == 0 || added != 0);
				(void)rtp_depacketizer_finish(&d);
				(void)rtp_frame_is_key(p.codec, slice_of(copy, len));
				rtp_dimensions size;
				(void)rtp_frame_dimensions(p.codec, slice_of(copy, len), &size);
				free(copy);
			}
		}
		buf_clear(&out);
		media_free(&m);
	}
}

static void test_every_truncation_of_a_frame_can_be_looked_at_and_sent(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(streams); i++) {
		media m = load(&streams[i]);
		for (size_t len = 0; len < 300 && len < m.frames[0].len; len++) {
			uint8_t *copy = malloc(len ? len : 1);
			memcpy(copy, m.frames[0].data, len);
			rtp_dimensions size;
			(void)rtp_frame_is_key(streams[i].codec, slice_of(copy, len));
			(void)rtp_frame_dimensions(streams[i].codec, slice_of(copy, len), &size);
			rtp_packetizer p;
			rtp_packetizer_init(&p, streams[i].codec, RTP_PAYLOAD_MIN, 0);
			uint8_t bytes[RTP_PAYLOAD_MIN];
			bool marker;
			if (rtp_packetizer_start(&p, slice_of(copy, len), NULL) == 0) {
				writer w;
				do
					w = writer_of(bytes, sizeof bytes);
				while (rtp_packetizer_next(&p, &w, &marker));
			}
			free(copy);
		}
		media_free(&m);
	}
}

static void test_audio_is_one_packet_a_frame(void **state)
{
	(void)state;
	static const rtp_codec audio[] = {RTP_OPUS, RTP_PCMU, RTP_PCMA};
	uint8_t frame[160];
	memset(frame, 0xd5, sizeof frame);
	buf out = {.limit = 1000};
	for (size_t i = 0; i < ARRAY_LENGTH(audio); i++) {
		rtp_packetizer p;
		assert_int_equal(rtp_packetizer_init(&p, audio[i], 160, 0), 0);
		passage result = pass(&p, slice_of(frame, sizeof frame), &out);
		assert_int_equal(result.packets, 1);
		assert_true(result.first.key && result.first.starts_frame);
		assert_true(slice_equal(buf_slice(&out), slice_of(frame, sizeof frame)));
		assert_int_equal(rtp_packetizer_set_max_payload(&p, 159), 0);
		assert_int_equal(rtp_packetizer_start(&p, slice_of(frame, sizeof frame), NULL), PARLEY_EMSGSIZE);
		rtp_depacketizer d;
		rtp_depacketizer_start(&d, audio[i], &out);
		assert_int_equal(rtp_depacketizer_finish(&d), PARLEY_EPROTO);
		assert_int_equal(rtp_depacketizer_add(&d, slice_of(NULL, 0)), PARLEY_EPROTO);
	}
	buf_clear(&out);
}

static void test_the_codecs_by_name(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		rtp_codec codec;
		uint32_t rate;
		uint8_t channels;
	} rows[] = {{"OPUS", RTP_OPUS, 48000, 2}, {"pcmu", RTP_PCMU, 8000, 1}, {"PCMA", RTP_PCMA, 8000, 1},
		    {"vp8", RTP_VP8, 90000, 0},	  {"VP9", RTP_VP9, 90000, 0},  {"h264", RTP_H264, 90000, 0},
		    {"AV1", RTP_AV1, 90000, 0}};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		rtp_codec codec = RTP_OPUS;
		assert_true(rtp_codec_by_name(slice_from_string(rows[i].name), &codec));
		assert_int_equal(codec, rows[i].codec);
		assert_int_equal(rtp_codec_clock_rate(codec), rows[i].rate);
		assert_int_equal(rtp_codec_channels(codec), rows[i].channels);
		assert_int_equal(rtp_codec_is_video(codec), rows[i].channels == 0);
		assert_true(
			slice_equal_string(slice_from_string(rtp_codec_name(codec)), rtp_codec_name(rows[i].codec)));
	}
	rtp_codec untouched = RTP_VP9;
	assert_false(rtp_codec_by_name(slice_from_string("VP80"), &untouched));
	assert_false(rtp_codec_by_name(slice_from_string("VP"), &untouched));
	assert_false(rtp_codec_by_name(slice_of(NULL, 0), &untouched));
	assert_int_equal(untouched, RTP_VP9);
}

static void test_what_a_packetizer_refuses(void **state)
{
	(void)state;
	rtp_packetizer p;
	assert_int_equal(rtp_packetizer_init(&p, RTP_VP8, RTP_PAYLOAD_MIN - 1, 0), PARLEY_EINVAL);
	assert_int_equal(rtp_packetizer_init(&p, RTP_VP8, 100, 7), 0);
	assert_int_equal(rtp_packetizer_start(&p, slice_of(NULL, 0), NULL), PARLEY_EINVAL);
	uint8_t frame[300] = {1}, bytes[100];
	assert_int_equal(rtp_packetizer_start(&p, slice_of(frame, sizeof frame), NULL), 0);
	assert_int_equal(rtp_packetizer_set_max_payload(&p, 200), PARLEY_ESTATE);
	bool marker;
	writer w = writer_of(bytes, 99);
	assert_false(rtp_packetizer_next(&p, &w, &marker));
	assert_true(w.bad && w.len == 0);
	w = writer_of(bytes, 100);
	assert_true(rtp_packetizer_next(&p, &w, &marker));
	/* A frame that is broken off has used its picture id. */
	assert_int_equal(rtp_packetizer_start(&p, slice_of(frame, 1), NULL), 0);
	assert_int_equal(p.picture_id, 8);
}

static void fill_frame(void *context)
{
	const media *m = context;
	rtp_packetizer p;
	rtp_packetizer_init(&p, RTP_AV1, 300, 0);
	rtp_packetizer_start(&p, m->frames[0], NULL);
	buf out = {.limit = 1 << 20};
	rtp_depacketizer d;
	rtp_depacketizer_start(&d, RTP_AV1, &out);
	uint8_t bytes[300];
	bool marker;
	for (int err = 0; !err;) {
		writer w = writer_of(bytes, sizeof bytes);
		if (!rtp_packetizer_next(&p, &w, &marker))
			break;
		err = rtp_depacketizer_add(&d, writer_slice(&w));
		assert_true(err == 0 || err == PARLEY_ENOMEM);
	}
	buf_clear(&out);
}

static void test_running_out_of_memory_and_of_the_limit(void **state)
{
	(void)state;
	media m = media_load_ivf("tests/data/media/av1.ivf");
	failmalloc_loop(fill_frame, &m);
	rtp_depacketizer d;
	buf small = {.limit = 10};
	uint8_t payload[20] = {0x10, 0, 0, 0};
	static const rtp_codec video[] = {RTP_VP8, RTP_VP9, RTP_H264, RTP_AV1};
	static const uint8_t first[] = {0x10, 0x08, 0x65, 0x10};
	for (size_t i = 0; i < ARRAY_LENGTH(video); i++) {
		rtp_depacketizer_start(&d, video[i], &small);
		payload[0] = first[i];
		payload[1] = video[i] == RTP_AV1 ? 0x32 : 0x80;
		payload[1] = video[i] == RTP_AV1 ? 0x30 : payload[1];
		assert_int_equal(rtp_depacketizer_add(&d, slice_of(payload, sizeof payload)), PARLEY_ELIMIT);
	}
	buf_clear(&small);
	media_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_stream_comes_out_as_it_went_in),
		cmocka_unit_test(test_every_truncation_of_every_payload_is_harmless),
		cmocka_unit_test(test_every_truncation_of_a_frame_can_be_looked_at_and_sent),
		cmocka_unit_test(test_audio_is_one_packet_a_frame),
		cmocka_unit_test(test_the_codecs_by_name),
		cmocka_unit_test(test_what_a_packetizer_refuses),
		cmocka_unit_test(test_running_out_of_memory_and_of_the_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
