/* rtp/packet.h, rtp/extension.h */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "parley/types.h"
#include "rtp/extension.h"
#include "rtp/packet.h"

#define SLICE(array) slice_of(array, sizeof(array))
#define TEXT(literal) slice_of(literal, sizeof(literal) - 1)

/*
 * Headers of SRTP packets in calls of each browser with itself (Chromium 156, Firefox ESR 153); payloads are left away.
 * Ids in Chromium: 1 audio level, 2 abs-send-time, 3 transport-wide-cc, 4 mid; in Firefox: 1 audio level, 3 mid,
 * 4 abs-send-time, 5 time offset, 7 transport-wide-cc.
 */
static const uint8_t CHROMIUM_OPUS[] = {0x90, 0xef, 0x19, 0x1d, 0x45, 0x12, 0x5b, 0x62, 0xf8, 0x89,
					0x5d, 0x0a, 0xbe, 0xde, 0x00, 0x03, 0x22, 0x7c, 0x2f, 0x76,
					0x31, 0x00, 0x01, 0x40, 0x30, 0x10, 0xff, 0x00};
static const uint8_t CHROMIUM_VIDEO[] = {0x90, 0x76, 0x35, 0xb4, 0xdd, 0x05, 0x82, 0x0e, 0xea, 0x57,
					 0x17, 0x84, 0xbe, 0xde, 0x00, 0x03, 0x22, 0x7c, 0x34, 0x18,
					 0x31, 0x00, 0x03, 0x40, 0x31, 0x00, 0x00, 0x00};
/* The last of a frame, with color space (8), video timing (12) and content type in front of mid. */
static const uint8_t CHROMIUM_KEY_FRAME_END[] = {
	0x90, 0xf6, 0x35, 0xb5, 0xdd, 0x05, 0x82, 0x0e, 0xea, 0x57, 0x17, 0x84, 0xbe, 0xde, 0x00, 0x08,
	0x22, 0x7c, 0x3f, 0xfe, 0x31, 0x00, 0x04, 0x40, 0x31, 0x83, 0x06, 0x06, 0x06, 0x10, 0xd0, 0x00,
	0x7c, 0x03, 0x00, 0x05, 0x00, 0x14, 0x00, 0x14, 0x00, 0x22, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};
static const uint8_t FIREFOX_OPUS[] = {0x90, 0xed, 0x3e, 0x2e, 0xa6, 0x67, 0xa5, 0x2d, 0x37, 0xd2, 0x26, 0xe7,
				       0xbe, 0xde, 0x00, 0x02, 0x71, 0x00, 0x02, 0x30, 0x30, 0x10, 0x97, 0x00};
/* A padding probe on RTX: P is set. */
static const uint8_t FIREFOX_PROBE[] = {0xb0, 0x7c, 0x36, 0xe5, 0x00, 0x00, 0x00, 0x00, 0xdc, 0x2e, 0x5f,
					0xb8, 0xbe, 0xde, 0x00, 0x04, 0x30, 0x31, 0x71, 0x00, 0x01, 0x52,
					0x00, 0x00, 0x00, 0x42, 0xa4, 0x91, 0x73, 0x00, 0x00, 0x00};

static rtp_extension_map chromium_map(void)
{
	rtp_extension_map m = {{0}};
	assert_int_equal(rtp_extension_map_set(&m, RTP_EXTENSION_AUDIO_LEVEL, 1), 0);
	assert_int_equal(rtp_extension_map_set(&m, RTP_EXTENSION_ABS_SEND_TIME, 2), 0);
	assert_int_equal(rtp_extension_map_set(&m, RTP_EXTENSION_TRANSPORT_CC, 3), 0);
	assert_int_equal(rtp_extension_map_set(&m, RTP_EXTENSION_MID, 4), 0);
	return m;
}

static rtp_extension_map firefox_map(void)
{
	rtp_extension_map m = {{0}};
	assert_int_equal(rtp_extension_map_set(&m, RTP_EXTENSION_AUDIO_LEVEL, 1), 0);
	assert_int_equal(rtp_extension_map_set(&m, RTP_EXTENSION_MID, 3), 0);
	assert_int_equal(rtp_extension_map_set(&m, RTP_EXTENSION_ABS_SEND_TIME, 4), 0);
	assert_int_equal(rtp_extension_map_set(&m, RTP_EXTENSION_TRANSPORT_CC, 7), 0);
	return m;
}

/* Parses a copy of the exact size, so that the address sanitizer sees a read past the end. */
static int parse_exact(slice in)
{
	rtp_packet p;
	rtp_extensions e;
	rtp_extension_map map = chromium_map();
	uint8_t *copy = malloc(in.len ? in.len : 1);
	assert_non_null(copy);
	if (in.len)
		memcpy(copy, in.data, in.len);
	int error = rtp_packet_parse(slice_of(copy, in.len), &p);
	if (!error)
		(void)rtp_extensions_read(&p, &map, &e);
	free(copy);
	return error;
}

/* --- packets --- */

static void chromiums_headers_are_understood(void **state)
{
	(void)state;
	rtp_packet p;
	rtp_extensions e;
	rtp_extension_map map = chromium_map();
	assert_int_equal(rtp_packet_parse(SLICE(CHROMIUM_OPUS), &p), 0);
	assert_true(p.marker && p.payload_type == 111 && p.sequence == 0x191d);
	assert_true(p.timestamp == 0x45125b62 && p.ssrc == 0xf8895d0a && p.csrc_count == 0);
	assert_true(p.has_extension && p.extension_profile == RTP_EXTENSION_ONE_BYTE && p.extension.len == 12);
	assert_true(p.payload.len == 0 && p.padding == 0);
	assert_true(rtp_extensions_read(&p, &map, &e));
	assert_true(e.has_abs_send_time && e.abs_send_time == 0x7c2f76);
	assert_true(e.has_transport_sequence && e.transport_sequence == 1);
	assert_true(e.has_mid && slice_equal_string(e.mid, "0"));
	assert_true(e.has_audio_level && e.audio_voice && e.audio_level == 127);
	assert_false(e.has_rid || e.has_repaired_rid || e.has_video_orientation || e.has_capture_time);

	assert_int_equal(rtp_packet_parse(SLICE(CHROMIUM_VIDEO), &p), 0);
	assert_true(!p.marker && p.payload_type == 118);
	assert_true(rtp_extensions_read(&p, &map, &e));
	assert_true(e.has_mid && slice_equal_string(e.mid, "1"));
}

static void unknown_extensions_are_passed_over(void **state)
{
	(void)state;
	rtp_packet p;
	rtp_extensions e;
	rtp_extension_map map = chromium_map();
	slice timing;
	assert_int_equal(rtp_packet_parse(SLICE(CHROMIUM_KEY_FRAME_END), &p), 0);
	assert_true(p.marker);
	assert_true(rtp_extensions_read(&p, &map, &e));
	assert_true(e.has_transport_sequence && e.transport_sequence == 4 && e.has_mid);
	assert_true(rtp_extension_find(&p, 7, &timing) && timing.len == 13);
	assert_false(rtp_extension_find(&p, 9, &timing));
}

static void firefoxs_headers_are_understood(void **state)
{
	(void)state;
	rtp_packet p;
	rtp_extensions e;
	rtp_extension_map map = firefox_map();
	assert_int_equal(rtp_packet_parse(SLICE(FIREFOX_OPUS), &p), 0);
	assert_true(rtp_extensions_read(&p, &map, &e));
	assert_true(e.has_transport_sequence && e.transport_sequence == 2);
	assert_true(e.has_mid && slice_equal_string(e.mid, "0"));
	assert_true(e.has_audio_level && e.audio_voice && e.audio_level == 23);
	assert_int_equal(rtp_header_parse(SLICE(FIREFOX_PROBE), &p), 0);
	assert_true(rtp_extensions_read(&p, &map, &e));
	assert_true(e.has_abs_send_time && e.abs_send_time == 0xa49173);
	assert_true(slice_equal_string(e.mid, "1") && e.transport_sequence == 1);
}

static void every_truncated_header_is_refused(void **state)
{
	(void)state;
	const slice whole[] = {SLICE(CHROMIUM_OPUS), SLICE(CHROMIUM_KEY_FRAME_END), SLICE(FIREFOX_OPUS)};
	for (size_t i = 0; i < ARRAY_LENGTH(whole); i++) {
		for (size_t len = 0; len < whole[i].len; len++)
			assert_int_equal(parse_exact(slice_part(whole[i], 0, len)), PARLEY_EPROTO);
		assert_int_equal(parse_exact(whole[i]), 0);
	}
}

static rtp_packet full_packet(void)
{
	static const uint8_t extension[] = {0x10, 0xff, 0x00, 0x00};
	return (rtp_packet){.marker = true,
			    .payload_type = 96,
			    .sequence = 65535,
			    .timestamp = UINT32_MAX,
			    .ssrc = 0x01020304,
			    .csrc_count = 15,
			    .csrcs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
			    .has_extension = true,
			    .extension_profile = RTP_EXTENSION_ONE_BYTE,
			    .extension = SLICE(extension),
			    .payload = slice_from_string("payload"),
			    .padding = 5};
}

static void what_is_written_is_read_again(void **state)
{
	(void)state;
	rtp_packet p = full_packet(), q;
	uint8_t bytes[200];
	writer w = writer_of(bytes, sizeof bytes);
	assert_int_equal(rtp_packet_write(&w, &p), 0);
	assert_int_equal(w.len, rtp_packet_size(&p));
	assert_int_equal(rtp_packet_parse(writer_slice(&w), &q), 0);
	assert_true(q.marker && q.payload_type == 96 && q.sequence == 65535 && q.timestamp == UINT32_MAX);
	assert_true(q.ssrc == p.ssrc && q.csrc_count == 15);
	assert_memory_equal(q.csrcs, p.csrcs, sizeof p.csrcs);
	assert_true(q.extension_profile == p.extension_profile && slice_equal(q.extension, p.extension));
	assert_true(slice_equal(q.payload, p.payload) && q.padding == 5);
	for (size_t len = 0; len < w.len; len++) {
		writer small = writer_of(bytes, len);
		assert_int_equal(rtp_packet_write(&small, &p), PARLEY_EMSGSIZE);
	}
}

static void bad_padding_is_refused(void **state)
{
	(void)state;
	uint8_t bytes[RTP_HEADER_SIZE + 4] = {0xa0, 96};
	rtp_packet p;
	static const struct {
		uint8_t count;
		int error;
		size_t payload;
	} cases[] = {{0, PARLEY_EPROTO, 0}, {1, 0, 3}, {4, 0, 0}, {5, PARLEY_EPROTO, 0}, {255, PARLEY_EPROTO, 0}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		bytes[sizeof bytes - 1] = cases[i].count;
		assert_int_equal(rtp_packet_parse(SLICE(bytes), &p), cases[i].error);
		assert_int_equal(p.payload.len, cases[i].payload);
	}
	assert_int_equal(parse_exact(slice_of(bytes, RTP_HEADER_SIZE)), PARLEY_EPROTO);
}

static void fields_out_of_range_are_not_written(void **state)
{
	(void)state;
	uint8_t bytes[200];
	writer w = writer_of(bytes, sizeof bytes);
	rtp_packet p = {.payload_type = 128};
	assert_int_equal(rtp_packet_write(&w, &p), PARLEY_EINVAL);
	p = (rtp_packet){.csrc_count = 16};
	assert_int_equal(rtp_packet_write(&w, &p), PARLEY_EINVAL);
	assert_int_equal(w.len, 0);
}

static void rtp_and_rtcp_are_told_apart(void **state)
{
	(void)state;
	uint8_t bytes[RTP_HEADER_SIZE] = {0x80};
	for (unsigned second = 0; second < 256; second++) {
		bytes[1] = (uint8_t)second;
		bool rtcp = (second >= 192 && second <= 223) || (second >= 64 && second <= 95);
		assert_int_equal(rtp_classify(SLICE(bytes)), rtcp ? RTP_KIND_RTCP : RTP_KIND_RTP);
		assert_int_equal(rtp_classify(slice_of(bytes, 8)), rtcp ? RTP_KIND_RTCP : RTP_KIND_NONE);
		assert_int_equal(rtp_classify(slice_of(bytes, 7)), RTP_KIND_NONE);
	}
	for (unsigned first = 0; first < 256; first++) {
		bytes[0] = (uint8_t)first;
		assert_int_equal(rtp_classify(SLICE(bytes)) != RTP_KIND_NONE, first >= 128 && first <= 191);
	}
	assert_int_equal(rtp_classify(slice_of(NULL, 0)), RTP_KIND_NONE);
}

/* --- wrapping numbers --- */

static void sequence_numbers_unwrap(void **state)
{
	(void)state;
	static const struct {
		uint16_t value;
		int64_t unwrapped;
	} cases[] = {{65534, 65534}, {65535, 65535}, {1, 65537},      {0, 65536},  {65533, 65533},
		     {2, 65538},     {32768, 98304}, {65535, 131071}, {0, 131072}, {40000, 105536}};
	rtp_unwrapper u = {0};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		assert_true(rtp_unwrap16_peek(&u, cases[i].value) == cases[i].unwrapped);
		assert_true(rtp_unwrap16(&u, cases[i].value) == cases[i].unwrapped);
	}
	u = (rtp_unwrapper){0};
	assert_true(rtp_unwrap16(&u, 1) == 1 && rtp_unwrap16(&u, 65535) == -1 && rtp_unwrap16(&u, 2) == 2);
}

static void timestamps_unwrap(void **state)
{
	(void)state;
	rtp_unwrapper u = {0};
	assert_true(rtp_unwrap32(&u, UINT32_MAX - 10) == INT64_C(4294967285));
	assert_true(rtp_unwrap32(&u, 5) == INT64_C(4294967301));
	assert_true(rtp_unwrap32(&u, UINT32_MAX) == INT64_C(4294967295));
	assert_true(rtp_unwrap32(&u, 0x70000000u) == INT64_C(0x170000000));
	assert_true(rtp_unwrap32(&u, 0xe0000000u) == INT64_C(0x1e0000000));
	assert_true(rtp_unwrap32(&u, 3) == INT64_C(0x200000003));
}

/* --- extensions --- */

static rtp_packet packet_with(uint16_t profile, slice extension)
{
	return (rtp_packet){.has_extension = true, .extension_profile = profile, .extension = extension};
}

static void assert_elements(const rtp_packet *p, const rtp_extension *expected, size_t count, bool bad)
{
	rtp_extension_reader r = rtp_extension_reader_of(p);
	rtp_extension e;
	for (size_t i = 0; i < count; i++) {
		assert_true(rtp_extension_next(&r, &e));
		assert_int_equal(e.id, expected[i].id);
		assert_true(slice_equal(e.value, expected[i].value));
	}
	assert_false(rtp_extension_next(&r, &e));
	assert_int_equal(r.bad, bad);
}

static void one_byte_elements_are_walked(void **state)
{
	(void)state;
	const rtp_extension ab[] = {{1, TEXT("a")}, {2, TEXT("bc")}};
	rtp_packet p = packet_with(0xbede, TEXT("\x10"
						"a\0\0\x21"
						"bc\0"));
	assert_elements(&p, ab, 2, false);
	/* RFC 8285 4.2: 15 ends it; 4.1.2: so does 0 with a length. */
	p = packet_with(0xbede, TEXT("\x10"
				     "a\xf0\x00\x21"
				     "bc\0"));
	assert_elements(&p, ab, 1, false);
	p = packet_with(0xbede, TEXT("\x10"
				     "a\x01\x00\x21"
				     "bc\0"));
	assert_elements(&p, ab, 1, false);
	p = packet_with(0xbede, TEXT("\x10"
				     "a\x22"
				     "b"));
	assert_elements(&p, ab, 1, true);
	p = packet_with(0x1234, TEXT("\x10"
				     "a\0\0"));
	assert_elements(&p, ab, 0, false);
	p = (rtp_packet){0};
	assert_elements(&p, ab, 0, false);
}

static void two_byte_elements_are_walked(void **state)
{
	(void)state;
	/* The figure of RFC 8285 4.3: empty, one byte, padding, four bytes. */
	const rtp_extension all[] = {{1, {NULL, 0}}, {200, TEXT("a")}, {15, TEXT("bcde")}};
	const slice bytes = TEXT("\x01\x00\xc8\x01"
				 "a\0\x0f\x04"
				 "bcde");
	for (uint16_t appbits = 0; appbits < 16; appbits++) {
		rtp_packet p = packet_with((uint16_t)(0x1000 | appbits), bytes);
		assert_elements(&p, all, 3, false);
	}
	rtp_packet p = packet_with(0x1000, TEXT("\x01\x00\x02\x01"));
	assert_elements(&p, all, 1, true);
	p = packet_with(0x1000, TEXT("\x01\x00\0\x02"));
	assert_elements(&p, all, 1, true);
}

static rtp_extensions all_values(void)
{
	return (rtp_extensions){.has_mid = true,
				.mid = slice_from_string("video0"),
				.has_rid = true,
				.rid = slice_from_string("hi"),
				.has_repaired_rid = true,
				.repaired_rid = slice_from_string("lo"),
				.has_abs_send_time = true,
				.abs_send_time = 0xfedcba,
				.has_transport_sequence = true,
				.transport_sequence = 0xabcd,
				.has_audio_level = true,
				.audio_voice = true,
				.audio_level = 42,
				.has_video_orientation = true,
				.video_back_camera = true,
				.video_flip = true,
				.video_rotation = 270,
				.has_capture_time = true,
				.capture_time = UINT64_C(0x0123456789abcdef),
				.has_capture_offset = true,
				.capture_offset = -5};
}

static void assert_all_values(const rtp_extensions *e)
{
	assert_true(e->has_mid && slice_equal_string(e->mid, "video0"));
	assert_true(e->has_rid && slice_equal_string(e->rid, "hi"));
	assert_true(e->has_repaired_rid && slice_equal_string(e->repaired_rid, "lo"));
	assert_true(e->has_abs_send_time && e->abs_send_time == 0xfedcba);
	assert_true(e->has_transport_sequence && e->transport_sequence == 0xabcd);
	assert_true(e->has_audio_level && e->audio_voice && e->audio_level == 42);
	assert_true(e->has_video_orientation && e->video_back_camera && e->video_flip && e->video_rotation == 270);
	assert_true(e->has_capture_time && e->capture_time == UINT64_C(0x0123456789abcdef));
	assert_true(e->has_capture_offset && e->capture_offset == -5);
}

/* With ids from `first` on; returns the profile used. */
static uint16_t round_trip(unsigned first)
{
	rtp_extension_map map = {{0}};
	for (unsigned kind = 0; kind < RTP_EXTENSION_KINDS; kind++)
		assert_int_equal(rtp_extension_map_set(&map, (rtp_extension_kind)kind, first + kind), 0);
	uint8_t block[100], bytes[200];
	writer w = writer_of(block, sizeof block), whole = writer_of(bytes, sizeof bytes);
	rtp_packet p = {.payload_type = 96}, q;
	rtp_extensions values = all_values(), read;
	assert_int_equal(rtp_extensions_write(&w, &map, &values, &p), 0);
	assert_int_equal(p.extension.len % 4, 0);
	assert_int_equal(rtp_packet_write(&whole, &p), 0);
	assert_int_equal(rtp_packet_parse(writer_slice(&whole), &q), 0);
	assert_true(rtp_extensions_read(&q, &map, &read));
	assert_all_values(&read);
	size_t needed = w.len;
	for (size_t len = 0; len < needed; len++) {
		w = writer_of(block, len);
		assert_int_equal(rtp_extensions_write(&w, &map, &values, &p), PARLEY_EMSGSIZE);
	}
	return q.extension_profile;
}

static void values_are_read_as_written_in_both_forms(void **state)
{
	(void)state;
	assert_int_equal(round_trip(1), RTP_EXTENSION_ONE_BYTE);
	assert_int_equal(round_trip(7), RTP_EXTENSION_ONE_BYTE);
	assert_int_equal(round_trip(16), RTP_EXTENSION_TWO_BYTE);
	assert_int_equal(round_trip(248), RTP_EXTENSION_TWO_BYTE);
}

static void a_long_value_takes_the_two_byte_form(void **state)
{
	(void)state;
	rtp_extension_map map = chromium_map();
	uint8_t block[100];
	writer w = writer_of(block, sizeof block);
	rtp_packet p = {0};
	rtp_extensions e = {.has_mid = true, .mid = slice_from_string("sixteen letters!"), .has_rid = true};
	e.rid = e.mid; /* has no id: is not written */
	assert_int_equal(rtp_extensions_write(&w, &map, &e, &p), 0);
	assert_true(p.extension_profile == RTP_EXTENSION_ONE_BYTE && p.extension.len == 20);
	e.mid = slice_from_string("seventeen letters");
	w = writer_of(block, sizeof block);
	assert_int_equal(rtp_extensions_write(&w, &map, &e, &p), 0);
	assert_int_equal(p.extension_profile, RTP_EXTENSION_TWO_BYTE);
	e = (rtp_extensions){0};
	assert_int_equal(rtp_extensions_write(&w, &map, &e, &p), 0);
	assert_false(p.has_extension);
}

static void values_out_of_range_are_not_written(void **state)
{
	(void)state;
	rtp_extension_map map = chromium_map();
	uint8_t block[400];
	char text[256];
	memset(text, 'm', sizeof text);
	const rtp_extensions cases[] = {
		{.has_mid = true},
		{.has_mid = true, .mid = slice_of(text, 256)},
		{.has_abs_send_time = true, .abs_send_time = RTP_ABS_SEND_TIME_WRAP},
		{.has_audio_level = true, .audio_level = 128},
		{.has_video_orientation = true, .video_rotation = 45},
		{.has_video_orientation = true, .video_rotation = 360},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		rtp_packet p = {0};
		writer w = writer_of(block, sizeof block);
		assert_int_equal(rtp_extensions_write(&w, &map, &cases[i], &p), PARLEY_EINVAL);
		assert_int_equal(w.len, 0);
	}
}

static void values_of_a_wrong_length_are_left_out(void **state)
{
	(void)state;
	rtp_extension_map map = chromium_map();
	rtp_extensions e;
	assert_int_equal(rtp_extension_map_set(&map, RTP_EXTENSION_ABS_CAPTURE_TIME, 5), 0);
	assert_int_equal(rtp_extension_map_set(&map, RTP_EXTENSION_VIDEO_ORIENTATION, 6), 0);
	rtp_packet p = packet_with(0x1000, TEXT("\x01\x00\x02\x02xx\x03\x01x\x04\x00\x05\x09"
						"123456789\x06\x02xx"));
	assert_true(rtp_extensions_read(&p, &map, &e));
	assert_false(e.has_audio_level || e.has_abs_send_time || e.has_transport_sequence || e.has_mid ||
		     e.has_capture_time || e.has_video_orientation);
}

static void ids_are_held_apart(void **state)
{
	(void)state;
	rtp_extension_map map = chromium_map();
	assert_int_equal(rtp_extension_map_set(&map, RTP_EXTENSION_RID, 0), PARLEY_EINVAL);
	assert_int_equal(rtp_extension_map_set(&map, RTP_EXTENSION_RID, 15), PARLEY_EINVAL);
	assert_int_equal(rtp_extension_map_set(&map, RTP_EXTENSION_RID, 256), PARLEY_EINVAL);
	assert_int_equal(rtp_extension_map_set(&map, RTP_EXTENSION_RID, 4), PARLEY_EINVAL);
	assert_int_equal(rtp_extension_map_set(&map, RTP_EXTENSION_MID, 4), 0);
	assert_int_equal(rtp_extension_map_set(&map, RTP_EXTENSION_MID, 5), 0);
	assert_int_equal(rtp_extension_map_set(&map, RTP_EXTENSION_RID, 4), 0);
}

static void kinds_have_uris(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < RTP_EXTENSION_KINDS; kind++) {
		rtp_extension_kind found = RTP_EXTENSION_KINDS;
		assert_true(
			rtp_extension_kind_of(slice_from_string(rtp_extension_uri((rtp_extension_kind)kind)), &found));
		assert_int_equal(found, kind);
	}
	rtp_extension_kind none;
	assert_false(rtp_extension_kind_of(slice_from_string("urn:ietf:params:rtp-hdrext:toffset"), &none));
}

static void values_are_patched_in_a_written_packet(void **state)
{
	(void)state;
	uint8_t bytes[sizeof CHROMIUM_OPUS];
	memcpy(bytes, CHROMIUM_OPUS, sizeof bytes);
	packet whole = {.data = bytes, .capacity = sizeof bytes, .len = sizeof bytes};
	rtp_extension_map map = chromium_map(), none = {{0}};
	rtp_packet p;
	rtp_extensions e;
	assert_true(rtp_extension_patch_transport_sequence(&whole, &map, 0xbeef));
	assert_true(rtp_extension_patch_abs_send_time(&whole, &map, 1500000));
	assert_false(rtp_extension_patch_transport_sequence(&whole, &none, 1));
	assert_false(rtp_extension_patch(&whole, 4, TEXT("12")));
	assert_int_equal(rtp_packet_parse(SLICE(bytes), &p), 0);
	assert_true(rtp_extensions_read(&p, &map, &e));
	assert_true(e.transport_sequence == 0xbeef && e.abs_send_time == 3u << 17);
	assert_true(slice_equal_string(e.mid, "0") && e.audio_level == 127);
}

static void send_times_wrap_after_64_seconds(void **state)
{
	(void)state;
	assert_int_equal(rtp_abs_send_time(0), 0);
	assert_int_equal(rtp_abs_send_time(1000000), 1u << 18);
	assert_int_equal(rtp_abs_send_time(63999999), RTP_ABS_SEND_TIME_WRAP - 1);
	assert_int_equal(rtp_abs_send_time(64000000), 0);
	assert_int_equal(rtp_abs_send_time(UINT64_C(64000000) * 1000000007 + 250000), 1u << 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chromiums_headers_are_understood),
		cmocka_unit_test(unknown_extensions_are_passed_over),
		cmocka_unit_test(firefoxs_headers_are_understood),
		cmocka_unit_test(every_truncated_header_is_refused),
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(bad_padding_is_refused),
		cmocka_unit_test(fields_out_of_range_are_not_written),
		cmocka_unit_test(rtp_and_rtcp_are_told_apart),
		cmocka_unit_test(sequence_numbers_unwrap),
		cmocka_unit_test(timestamps_unwrap),
		cmocka_unit_test(one_byte_elements_are_walked),
		cmocka_unit_test(two_byte_elements_are_walked),
		cmocka_unit_test(values_are_read_as_written_in_both_forms),
		cmocka_unit_test(a_long_value_takes_the_two_byte_form),
		cmocka_unit_test(values_out_of_range_are_not_written),
		cmocka_unit_test(values_of_a_wrong_length_are_left_out),
		cmocka_unit_test(ids_are_held_apart),
		cmocka_unit_test(kinds_have_uris),
		cmocka_unit_test(values_are_patched_in_a_written_packet),
		cmocka_unit_test(send_times_wrap_after_64_seconds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
