/* Single payloads: the formats' examples, every field, and what hostile senders try. */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "parley/types.h"
#include "rtp/payload.h"

#define BYTES(...) ((const uint8_t[]){__VA_ARGS__})
#define PAYLOAD(...) slice_of(BYTES(__VA_ARGS__), sizeof BYTES(__VA_ARGS__))

/* From exactly as much memory as there are bytes, so that the address sanitizer sees a read past the end. */
static int parse(rtp_codec codec, slice payload, rtp_payload_info *out)
{
	uint8_t *copy = malloc(payload.len ? payload.len : 1);
	memcpy(copy, payload.data, payload.len);
	int err = rtp_payload_parse(codec, slice_of(copy, payload.len), out);
	out->media = err ? out->media : slice_part(payload, payload.len - out->media.len, payload.len);
	free(copy);
	return err;
}

/* ---- VP8 ---- */

static void test_vp8_descriptor_with_every_field(void **state)
{
	(void)state;
	rtp_payload_info i;
	/* RFC 7741 4.6.3: key frame, 15-bit picture id 17, TL0PICIDX, TID, Y, KEYIDX. */
	slice full = PAYLOAD(0x90, 0xf0, 0x80, 0x11, 0x22, 0x6b, 0x10, 2, 0, 0x9d, 1, 0x2a, 0x40, 0x41, 0xb4, 0xc0);
	assert_int_equal(parse(RTP_VP8, full, &i), 0);
	assert_true(i.starts_frame && i.key && !i.discardable && i.has_picture_id && i.has_tl0picidx && i.has_tid &&
		    i.has_keyidx);
	assert_int_equal(i.picture_id, 17);
	assert_int_equal(i.picture_id_bits, 15);
	assert_int_equal(i.tl0picidx, 0x22);
	assert_int_equal(i.tid, 1);
	assert_true(i.layer_sync);
	assert_int_equal(i.keyidx, 11);
	assert_true(i.has_size && i.size.width == 320 && i.size.height == 180); /* the scaling bits are not size */
	for (size_t len = 0; len <= 6; len++)
		assert_int_equal(parse(RTP_VP8, slice_part(full, 0, len), &i), PARLEY_EPROTO);
	/* 7 bits of picture id, a non-reference interframe. */
	assert_int_equal(parse(RTP_VP8, PAYLOAD(0xb0, 0x80, 0x7f, 0x01, 0), &i), 0);
	assert_true(i.discardable && i.starts_frame && !i.key && i.picture_id == 127 && i.picture_id_bits == 7 &&
		    !i.has_tid);
	/* No extension; a later partition; the middle of the first. */
	assert_int_equal(parse(RTP_VP8, PAYLOAD(0x11, 0), &i), 0);
	assert_true(!i.starts_frame && !i.key);
	assert_int_equal(parse(RTP_VP8, PAYLOAD(0x00, 0), &i), 0);
	assert_true(!i.starts_frame && !i.key && !i.has_size);
}

static void test_vp8_sends_layers(void **state)
{
	(void)state;
	rtp_packetizer p;
	rtp_packetizer_init(&p, RTP_VP8, 100, 0xffff);
	uint8_t bytes[100];
	bool marker;
	rtp_frame_hints hints = {.has_temporal = true, .tid = 2, .layer_sync = true, .discardable = true};
	assert_int_equal(rtp_packetizer_start(&p, PAYLOAD(1, 2, 3), &hints), 0);
	writer w = writer_of(bytes, sizeof bytes);
	assert_true(rtp_packetizer_next(&p, &w, &marker) && marker);
	assert_true(slice_equal(writer_slice(&w), PAYLOAD(0xb0, 0xe0, 0xff, 0xff, 0, 0xa0, 1, 2, 3)));
	assert_false(rtp_packetizer_next(&p, &w, &marker));
}

/* ---- VP9 ---- */

static void test_vp9_descriptor(void **state)
{
	(void)state;
	rtp_payload_info i;
	/* Flexible: picture id 0x1234, TID 3, U, SID 1, D, two P_DIFF. */
	slice flexible = PAYLOAD(0xfc, 0x92, 0x34, 0x73, 0x03, 0x04, 0x86, 0);
	assert_int_equal(parse(RTP_VP9, flexible, &i), 0);
	assert_true(i.flexible && i.inter_predicted && i.layer_begins && i.layer_ends && i.layer_sync && i.inter_layer);
	assert_int_equal(i.picture_id, 0x1234);
	assert_true(i.tid == 3 && i.sid == 1 && !i.has_tl0picidx && !i.starts_frame);
	assert_true(i.references == 2 && i.p_diff[0] == 1 && i.p_diff[1] == 2);
	for (size_t len = 0; len < 7; len++)
		assert_int_equal(parse(RTP_VP9, slice_part(flexible, 0, len), &i), PARLEY_EPROTO);
	/* N set in the third P_DIFF: a fourth cannot be. Flexible mode without a picture id. */
	assert_int_equal(parse(RTP_VP9, PAYLOAD(0xd8, 1, 3, 3, 3, 2, 0x86), &i), PARLEY_EPROTO);
	assert_int_equal(parse(RTP_VP9, PAYLOAD(0x18, 0x86, 0, 0), &i), PARLEY_EPROTO);
}

static void test_vp9_scalability_structure_stays_within_the_packet(void **state)
{
	(void)state;
	rtp_payload_info i;
	/* Three layers with sizes; a group of two pictures, of which the second has two references. */
	slice good = PAYLOAD(0x8a, 1, 0x58, 0, 80, 0, 45, 0, 160, 0, 90, 1, 0x40, 0, 180, 2, 0x00, 0x28, 1, 2, 0x86, 0);
	assert_int_equal(parse(RTP_VP9, good, &i), 0);
	assert_true(i.has_size && i.size.width == 320 && i.size.height == 180 && i.media.len == 2);
	for (size_t len = 0; len <= 20; len++)
		assert_int_equal(parse(RTP_VP9, slice_part(good, 0, len), &i), PARLEY_EPROTO);
	/* CVE-2026-34235: counts that promise more than there is, each at its greatest. */
	assert_int_equal(parse(RTP_VP9, PAYLOAD(0x0a, 0xff), &i), PARLEY_EPROTO);
	assert_int_equal(parse(RTP_VP9, PAYLOAD(0x0a, 0xf0, 0, 1, 0, 1, 0, 1, 0, 1), &i), PARLEY_EPROTO);
	assert_int_equal(parse(RTP_VP9, PAYLOAD(0x0a, 0x08, 0xff, 0x0c, 1, 2, 3, 0x0c), &i), PARLEY_EPROTO);
	assert_int_equal(parse(RTP_VP9, PAYLOAD(0x0a, 0x08, 0x01, 0x0c, 1, 2), &i), PARLEY_EPROTO);
	assert_int_equal(parse(RTP_VP9, PAYLOAD(0x0a, 0x08, 0x00, 0x86), &i), 0);
}

static void test_vp9_layers_become_a_superframe(void **state)
{
	(void)state;
	buf out = {.limit = 100};
	rtp_depacketizer d;
	rtp_depacketizer_start(&d, RTP_VP9, &out);
	assert_int_equal(rtp_depacketizer_add(&d, PAYLOAD(0xa8, 1, 0x00, 9, 0xaa, 0xab)), 0); /* SID 0, B */
	assert_int_equal(rtp_depacketizer_add(&d, PAYLOAD(0xa4, 1, 0x00, 9, 0xac)), 0);	      /* SID 0, E */
	assert_int_equal(rtp_depacketizer_add(&d, PAYLOAD(0xac, 1, 0x03, 9, 0xba)), 0);	      /* SID 1, B E */
	assert_int_equal(rtp_depacketizer_finish(&d), 0);
	assert_true(slice_equal(buf_slice(&out), PAYLOAD(0xaa, 0xab, 0xac, 0xba, 0xd9, 3, 0, 0, 0, 1, 0, 0, 0, 0xd9)));
	/* Not from the middle, and no more layers than an index can hold. */
	rtp_depacketizer_start(&d, RTP_VP9, &out);
	assert_int_equal(rtp_depacketizer_add(&d, PAYLOAD(0x84, 1, 0xac)), PARLEY_EPROTO);
	for (unsigned i = 0; i < RTP_VP9_LAYERS_MAX; i++)
		assert_int_equal(rtp_depacketizer_add(&d, PAYLOAD(0x8c, 1, 0xac)), 0);
	assert_int_equal(rtp_depacketizer_add(&d, PAYLOAD(0x8c, 1, 0xac)), PARLEY_EPROTO);
	buf_clear(&out);
}

/* ---- H.264 ---- */

static void test_h264_payloads_that_lie(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		uint8_t bytes[10];
		size_t len;
	} rows[] = {
		{"nothing", {0}, 0},
		{"type 0", {0x60, 1, 2}, 3},
		{"STAP-A without a unit", {0x78}, 1},
		{"STAP-A with half a length", {0x78, 0}, 2},
		{"STAP-A with a length past the end", {0x78, 0, 3, 0x67, 1}, 5},
		{"STAP-A with the greatest length", {0x78, 0xff, 0xff, 0x67}, 4},
		{"STAP-A with an empty unit", {0x78, 0, 0, 0, 1, 0x67}, 6},
		{"STAP-A with a good unit and a bad", {0x78, 0, 1, 0x67, 0, 9, 0x68}, 7},
		{"STAP-A in a STAP-A", {0x78, 0, 4, 0x78, 0, 1, 0x67}, 7},
		{"FU-A in a STAP-A", {0x78, 0, 3, 0x7c, 0x85, 1}, 6},
		{"STAP-B", {0x79, 0, 0, 0, 1, 0x67}, 6},
		{"MTAP16", {0x7a, 0, 0, 0, 5, 0, 0, 0, 0x67}, 9},
		{"FU-B", {0x7d, 0x85, 0, 0, 1}, 5},
		{"type 30", {0x7e, 1, 2}, 3},
		{"FU-A of one octet", {0x7c}, 1}, /* CVE-2026-26203: length minus header below zero */
		{"FU-A of two octets", {0x7c, 0x85}, 2},
		{"FU-A of a FU-A", {0x7c, 0x9c, 1}, 3},
		{"FU-A of type 0", {0x7c, 0x80, 1}, 3},
	};
	buf out = {.limit = 1000};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		rtp_payload_info info;
		rtp_depacketizer d;
		if (parse(RTP_H264, slice_of(rows[i].bytes, rows[i].len), &info) != PARLEY_EPROTO)
			fail_msg("%s: accepted", rows[i].what);
		rtp_depacketizer_start(&d, RTP_H264, &out);
		assert_int_equal(rtp_depacketizer_add(&d, slice_of(rows[i].bytes, rows[i].len)), PARLEY_EPROTO);
	}
	buf_clear(&out);
}

static void test_h264_fragments_must_go_on_with_each_other(void **state)
{
	(void)state;
	buf out = {.limit = 1000};
	rtp_depacketizer d;
	rtp_depacketizer_start(&d, RTP_H264, &out);
	assert_int_equal(rtp_depacketizer_add(&d, PAYLOAD(0x7c, 0x85, 0x88, 1)), 0);
	assert_int_equal(rtp_depacketizer_add(&d, PAYLOAD(0x7c, 0x05, 2)), 0);
	assert_int_equal(rtp_depacketizer_finish(&d), PARLEY_EPROTO);
	assert_int_equal(rtp_depacketizer_add(&d, PAYLOAD(0x7c, 0x45, 3)), 0);
	assert_int_equal(rtp_depacketizer_finish(&d), 0);
	assert_true(slice_equal(buf_slice(&out), PAYLOAD(0, 0, 0, 1, 0x65, 0x88, 1, 2, 3)));
	/* A middle without a beginning; another type; a beginning, or a whole unit, inside a fragment. */
	assert_int_equal(rtp_depacketizer_add(&d, PAYLOAD(0x7c, 0x05, 2)), PARLEY_EPROTO);
	assert_int_equal(rtp_depacketizer_add(&d, PAYLOAD(0x7c, 0x85, 2)), 0);
	assert_int_equal(rtp_depacketizer_add(&d, PAYLOAD(0x7c, 0x41, 2)), PARLEY_EPROTO);
	assert_int_equal(rtp_depacketizer_add(&d, PAYLOAD(0x7c, 0x85, 2)), PARLEY_EPROTO);
	assert_int_equal(rtp_depacketizer_add(&d, PAYLOAD(0x65, 2)), PARLEY_EPROTO);
	buf_clear(&out);
}

static void test_h264_small_units_travel_together(void **state)
{
	(void)state;
	rtp_packetizer p;
	uint8_t bytes[64];
	bool marker;
	slice frame = PAYLOAD(0, 0, 0, 1, 0x67, 0x42, 0, 0, 1, 0x28, 0xce, 0, 0, 1, 0x06, 5, 0x80);
	rtp_packetizer_init(&p, RTP_H264, 64, 0);
	assert_int_equal(rtp_packetizer_start(&p, frame, NULL), 0);
	writer w = writer_of(bytes, sizeof bytes);
	assert_true(rtp_packetizer_next(&p, &w, &marker) && marker);
	/* The header has the greatest NRI of its units (RFC 6184 5.7). */
	assert_true(
		slice_equal(writer_slice(&w), PAYLOAD(0x78, 0, 2, 0x67, 0x42, 0, 2, 0x28, 0xce, 0, 3, 0x06, 5, 0x80)));
	/* Mode 0 knows single units only (6.2). */
	rtp_packetizer_set_mode(&p, 0);
	assert_int_equal(rtp_packetizer_start(&p, frame, NULL), 0);
	for (unsigned i = 0; i < 3; i++) {
		w = writer_of(bytes, sizeof bytes);
		assert_true(rtp_packetizer_next(&p, &w, &marker));
		assert_int_equal(marker, i == 2);
		assert_int_equal(w.len, i < 2 ? 2 : 3);
	}
	uint8_t large[80] = {0, 0, 1, 0x65};
	memset(large + 4, 0xff, sizeof large - 4);
	assert_int_equal(rtp_packetizer_start(&p, slice_of(large, sizeof large), NULL), PARLEY_EMSGSIZE);
	rtp_packetizer_set_mode(&p, 1);
	assert_int_equal(rtp_packetizer_start(&p, slice_of(large, sizeof large), NULL), 0);
	assert_int_equal(rtp_packetizer_start(&p, PAYLOAD(0x65, 1, 2), NULL), PARLEY_EINVAL);
	assert_int_equal(rtp_packetizer_start(&p, PAYLOAD(9, 0, 0, 1, 0x65), NULL), PARLEY_EINVAL);
	assert_int_equal(rtp_packetizer_start(&p, PAYLOAD(0, 0, 1, 0x7c, 1), NULL), PARLEY_EINVAL);
}

static void test_h264_what_can_begin_a_frame(void **state)
{
	(void)state;
	static const struct {
		uint8_t bytes[4];
		size_t len;
		bool starts, may, key, sets, discardable;
	} rows[] = {
		{{0x09, 0xf0}, 2, true, true, false, false, true},	    /* delimiter */
		{{0x67, 0x42}, 2, true, true, false, true, false},	    /* SPS */
		{{0x68, 0xce}, 2, false, true, false, true, false},	    /* PPS */
		{{0x65, 0x88}, 2, false, true, true, false, false},	    /* IDR, first macroblock */
		{{0x65, 0x48}, 2, false, false, true, false, false},	    /* IDR, a later one */
		{{0x01, 0x9a}, 2, false, true, false, false, true},	    /* not a reference */
		{{0x7c, 0x85, 0x88}, 3, false, true, true, false, false},   /* FU-A, its beginning */
		{{0x7c, 0x05, 0x88}, 3, false, false, false, false, false}, /* and its middle */
		{{0x1c, 0x41, 0x88}, 3, false, false, false, false, true},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		rtp_payload_info info;
		assert_int_equal(parse(RTP_H264, slice_of(rows[i].bytes, rows[i].len), &info), 0);
		assert_int_equal(info.starts_frame, rows[i].starts);
		assert_int_equal(info.may_start, rows[i].may);
		assert_int_equal(info.key, rows[i].key);
		assert_int_equal(info.parameter_sets, rows[i].sets);
		assert_int_equal(info.discardable, rows[i].discardable);
	}
}

static void test_h264_sets_are_replaced_by_id_and_bounded(void **state)
{
	(void)state;
	rtp_h264_sets sets = {0};
	rtp_h264_sets_add(&sets, PAYLOAD(0x67, 0x42, 0, 0x1f, 0x80)); /* id 0 */
	rtp_h264_sets_add(&sets, PAYLOAD(0x68, 0x80));		      /* id 0 */
	rtp_h264_sets_add(&sets, PAYLOAD(0x67, 0x42, 0, 0x20, 0x80, 1));
	assert_int_equal(sets.count, 2);
	assert_int_equal(sets.sets[0].len, 6);
	rtp_h264_sets_add(&sets, PAYLOAD(0x65, 0x80));
	uint8_t large[RTP_H264_SET_BYTES_MAX + 1] = {0x67};
	rtp_h264_sets_add(&sets, slice_of(large, sizeof large));
	rtp_h264_sets_add(&sets, slice_of(NULL, 0));
	assert_int_equal(sets.count, 2);
	for (unsigned id = 1; id < 20; id++) {
		/* ue(v): as many zeros as id + 1 has bits behind its first. */
		unsigned zeros = 0;
		while ((id + 1) >> (zeros + 1))
			zeros++;
		unsigned code = (id + 1) << (15 - 2 * zeros);
		const uint8_t pps[] = {0x68, (uint8_t)(code >> 8), (uint8_t)code};
		rtp_h264_sets_add(&sets, slice_of(pps, sizeof pps));
		assert_true(sets.count <= RTP_H264_SETS_MAX);
	}
	assert_int_equal(sets.count, RTP_H264_SETS_MAX);
}

/* ---- AV1 ---- */

static int add_av1(rtp_depacketizer *d, slice payload)
{
	rtp_payload_info info;
	int parsed = parse(RTP_AV1, payload, &info), added = rtp_depacketizer_add(d, payload);
	assert_true(parsed == 0 || added == parsed);
	return added;
}

static void test_av1_sizes_are_put_back(void **state)
{
	(void)state;
	buf out = {.limit = 1000};
	rtp_depacketizer d;
	/* W=2 as in the example of 4.5, with the second OBU going on in two more packets; it has an extension. */
	rtp_depacketizer_start(&d, RTP_AV1, &out);
	assert_int_equal(add_av1(&d, PAYLOAD(0x68, 2, 0x08, 0xaa, 0x34)), 0);
	assert_int_equal(add_av1(&d, PAYLOAD(0xd0, 0x20, 1)), 0);
	assert_int_equal(rtp_depacketizer_finish(&d), PARLEY_EPROTO);
	assert_int_equal(add_av1(&d, PAYLOAD(0x90, 2, 3)), 0);
	assert_int_equal(rtp_depacketizer_finish(&d), 0);
	assert_true(slice_equal(buf_slice(&out), PAYLOAD(0x0a, 1, 0xaa, 0x36, 0x20, 3, 1, 2, 3)));
	/* W=0: every length is there. A temporal delimiter and a tile list are ignored; a size field of the sender's is believed
	 * within its element. */
	rtp_depacketizer_start(&d, RTP_AV1, &out);
	assert_int_equal(add_av1(&d, PAYLOAD(0x00, 1, 0x10, 2, 0x40, 7, 3, 0x32, 1, 0xbb, 1, 0x28)), 0);
	assert_int_equal(rtp_depacketizer_finish(&d), 0);
	assert_true(slice_equal(buf_slice(&out), PAYLOAD(0x32, 1, 0xbb, 0x2a, 0)));
	/* Nothing but a delimiter is no frame. */
	rtp_depacketizer_start(&d, RTP_AV1, &out);
	assert_int_equal(add_av1(&d, PAYLOAD(0x10, 0x12, 0)), 0);
	assert_int_equal(rtp_depacketizer_finish(&d), PARLEY_EPROTO);
	buf_clear(&out);
}

static void test_av1_payloads_that_lie(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		uint8_t bytes[14];
		size_t len;
	} rows[] = {
		{"nothing", {0}, 0},
		{"a header alone", {0x10}, 1},
		{"N and Z", {0x98, 0x0a, 0}, 3},
		{"a fragment's middle at the beginning", {0x90, 1, 2}, 3},
		{"a length past the end", {0x00, 5, 0x30, 1}, 4},
		{"an empty element", {0x00, 0, 1, 0x30}, 4},
		{"W=2 with one element", {0x20, 2, 0x30, 1}, 4},
		{"W=3 with two", {0x30, 1, 0x30, 1, 0x30}, 5},
		{"a length that does not end", {0x00, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80}, 10},
		{"a length of nine octets", {0x00, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00, 0x30}, 11},
		{"a length over 32 bits", {0x00, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x30}, 7},
		{"a length cut off", {0x00, 0xff}, 2},
		{"the forbidden bit", {0x10, 0xb0, 1}, 3},
		{"an extension that is not there", {0x10, 0x34}, 2},
		{"an OBU size past its element", {0x00, 3, 0x32, 2, 1, 1, 0x30}, 7},
	};
	buf out = {.limit = 1000};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		rtp_depacketizer d;
		rtp_depacketizer_start(&d, RTP_AV1, &out);
		if (add_av1(&d, slice_of(rows[i].bytes, rows[i].len)) != PARLEY_EPROTO)
			fail_msg("%s: accepted", rows[i].what);
	}
	buf_clear(&out);
}

static void test_av1_layers_do_not_share_a_packet(void **state)
{
	(void)state;
	rtp_packetizer p;
	uint8_t bytes[64];
	bool marker;
	/* Delimiter, metadata of layer 0, frames of layers 0 and 1, padding (5 and its example). */
	slice frame = PAYLOAD(0x12, 0, 0x2e, 0x00, 1, 7, 0x36, 0x00, 1, 0x20, 0x36, 0x08, 2, 0x20, 9, 0x7a, 1, 0x80);
	rtp_packetizer_init(&p, RTP_AV1, 64, 0);
	assert_int_equal(rtp_packetizer_start(&p, frame, NULL), 0);
	writer w = writer_of(bytes, sizeof bytes);
	assert_true(rtp_packetizer_next(&p, &w, &marker) && !marker);
	assert_true(slice_equal(writer_slice(&w), PAYLOAD(0x20, 3, 0x2c, 0x00, 7, 0x34, 0x00, 0x20)));
	w.len = 0;
	assert_true(rtp_packetizer_next(&p, &w, &marker) && marker);
	assert_true(slice_equal(writer_slice(&w), PAYLOAD(0x10, 0x34, 0x08, 0x20, 9)));
	assert_int_equal(rtp_packetizer_start(&p, PAYLOAD(0x12, 0), NULL), PARLEY_EINVAL);
	assert_int_equal(rtp_packetizer_start(&p, PAYLOAD(0x32, 9, 1), NULL), PARLEY_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vp8_descriptor_with_every_field),
		cmocka_unit_test(test_vp8_sends_layers),
		cmocka_unit_test(test_vp9_descriptor),
		cmocka_unit_test(test_vp9_scalability_structure_stays_within_the_packet),
		cmocka_unit_test(test_vp9_layers_become_a_superframe),
		cmocka_unit_test(test_h264_payloads_that_lie),
		cmocka_unit_test(test_h264_fragments_must_go_on_with_each_other),
		cmocka_unit_test(test_h264_small_units_travel_together),
		cmocka_unit_test(test_h264_what_can_begin_a_frame),
		cmocka_unit_test(test_h264_sets_are_replaced_by_id_and_bounded),
		cmocka_unit_test(test_av1_sizes_are_put_back),
		cmocka_unit_test(test_av1_payloads_that_lie),
		cmocka_unit_test(test_av1_layers_do_not_share_a_packet),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
