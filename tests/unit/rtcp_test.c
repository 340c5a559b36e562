/* rtp/rtcp.h, rtp/rtcp_feedback.h, rtp/rtcp_xr.h */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "parley/types.h"
#include "rtp/packet.h"
#include "rtp/rtcp.h"
#include "rtp/rtcp_feedback.h"
#include "rtp/rtcp_xr.h"

#define SLICE(array) slice_of(array, sizeof(array))
#define TEXT(literal) slice_of(literal, sizeof(literal) - 1)
#define ROOM 2048

/* The one packet of a compound of one. */
static rtcp_packet only(slice in)
{
	rtcp_reader r = rtcp_reader_of(in);
	rtcp_packet p, more;
	assert_true(rtcp_next(&r, &p));
	assert_false(rtcp_next(&r, &more));
	assert_false(r.bad);
	assert_true(rtcp_is_valid(in));
	return p;
}

static rtcp_report report_of(uint32_t seed)
{
	return (rtcp_report){.ssrc = seed,
			     .fraction_lost = (uint8_t)seed,
			     .packets_lost = (int32_t)seed - 3,
			     .highest_sequence = seed << 16 | 7,
			     .jitter = seed + 1,
			     .last_sr = seed + 2,
			     .delay_since_last_sr = seed + 3};
}

/* --- the compound --- */

/* RR without blocks, SDES, then transport-wide feedback with padding of its own, then PLI: as browsers send. */
static const uint8_t COMPOUND[] = {
	0x80, 0xc9, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01,							/* RR */
	0x81, 0xca, 0x00, 0x03, 0x00, 0x00, 0x00, 0x01, 0x01, 0x04, 'a',  'b',	'c',  'd',  0x00, 0x00, /* SDES */
	0xaf, 0xcd, 0x00, 0x05, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x02, 0x00, 0x01, 0x00, 0x01,
	0x00, 0x00, 0x05, 0x00, 0x20, 0x01, 0x04, 0x01,				/* TWCC, 1 byte of padding */
	0x81, 0xce, 0x00, 0x02, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x02, /* PLI */
};

static void compound_is_walked(void **state)
{
	(void)state;
	static const uint8_t types[] = {RTCP_RR, RTCP_SDES, RTCP_RTPFB, RTCP_PSFB};
	rtcp_reader r = rtcp_reader_of(SLICE(COMPOUND));
	rtcp_packet p;
	for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
		assert_true(rtcp_next(&r, &p));
		assert_int_equal(p.type, types[i]);
	}
	assert_false(rtcp_next(&r, &p));
	assert_false(r.bad);
	assert_true(rtcp_is_valid(SLICE(COMPOUND)));
}

static void padding_is_taken_off(void **state)
{
	(void)state;
	rtcp_feedback f;
	rtcp_packet p = only(slice_of(COMPOUND + 24, 24));
	assert_int_equal(p.body.len, 19);
	assert_int_equal(rtcp_feedback_read(&p, &f), 0);
	assert_true(f.kind == RTCP_FB_TWCC && f.sender == 1 && f.media == 2 && f.fci.len == 11);
	uint8_t bytes[8] = {0xa0, 0xc9, 0, 1};
	static const uint8_t wrong[] = {0, 5, 255};
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
		bytes[7] = wrong[i];
		assert_false(rtcp_is_valid(SLICE(bytes)));
	}
	static const uint8_t empty[] = {0xa0, 0xc9, 0, 0};
	assert_false(rtcp_is_valid(SLICE(empty)));
}

static void every_truncation_is_noticed(void **state)
{
	(void)state;
	static const size_t whole[] = {8, 24, 48, 60}; /* where a packet ends */
	for (size_t len = 0; len <= sizeof COMPOUND; len++) {
		uint8_t *copy = malloc(len ? len : 1);
		assert_non_null(copy);
		memcpy(copy, COMPOUND, len);
		bool ends = false;
		for (size_t i = 0; i < ARRAY_LENGTH(whole); i++)
			ends = ends || len == whole[i];
		assert_int_equal(rtcp_is_valid(slice_of(copy, len)), ends);
		free(copy);
	}
}

static void other_versions_are_refused(void **state)
{
	(void)state;
	uint8_t bytes[] = {0x80, 0xc9, 0, 1, 0, 0, 0, 1};
	for (unsigned version = 0; version < 4; version++) {
		bytes[0] = (uint8_t)(version << 6);
		assert_int_equal(rtcp_is_valid(SLICE(bytes)), version == 2);
	}
}

static void unknown_types_are_passed_over(void **state)
{
	(void)state;
	static const uint8_t bytes[] = {0x83, 204, 0, 2, 0,    0,   0, 1, 'n', 'a', 'm', 'e', /* APP */
					0x80, 199, 0, 0, 0x80, 201, 0, 1, 0,   0,   0,	 9};
	rtcp_reader r = rtcp_reader_of(SLICE(bytes));
	rtcp_packet p;
	rtcp_rr rr;
	assert_true(rtcp_next(&r, &p) && p.type == RTCP_APP);
	assert_true(rtcp_next(&r, &p) && p.type == 199);
	assert_true(rtcp_next(&r, &p));
	assert_int_equal(rtcp_rr_read(&p, &rr), 0);
	assert_int_equal(rr.ssrc, 9);
}

/* --- reports --- */

static void sender_reports_are_read_as_written(void **state)
{
	(void)state;
	uint8_t bytes[ROOM];
	for (uint8_t count = 0; count <= RTCP_COUNT_MAX; count++) {
		rtcp_sr sr = {.ssrc = 1,
			      .ntp = UINT64_C(0x0102030405060708),
			      .rtp_timestamp = 9,
			      .report_count = count},
			read;
		sr.packets_sent = 10;
		sr.bytes_sent = 11;
		for (uint32_t i = 0; i < count; i++)
			sr.reports[i] = report_of(i);
		writer w = writer_of(bytes, sizeof bytes);
		assert_int_equal(rtcp_sr_write(&w, &sr), 0);
		rtcp_packet p = only(writer_slice(&w));
		assert_int_equal(rtcp_sr_read(&p, &read), 0);
		assert_memory_equal(&read, &sr, sizeof sr);
	}
}

static void receiver_reports_are_read_as_written(void **state)
{
	(void)state;
	uint8_t bytes[ROOM];
	for (uint8_t count = 0; count <= RTCP_COUNT_MAX; count++) {
		rtcp_rr rr = {.ssrc = 1, .report_count = count}, read;
		for (uint32_t i = 0; i < count; i++)
			rr.reports[i] = report_of(i);
		writer w = writer_of(bytes, sizeof bytes);
		assert_int_equal(rtcp_rr_write(&w, &rr), 0);
		rtcp_packet p = only(writer_slice(&w));
		assert_int_equal(rtcp_rr_read(&p, &read), 0);
		assert_memory_equal(&read, &rr, sizeof rr);
	}
}

static void losses_are_signed_and_clamped(void **state)
{
	(void)state;
	static const struct {
		int32_t written, read;
	} cases[] = {{0, 0},
		     {-1, -1},
		     {8388607, 8388607},
		     {8388608, 8388607},
		     {-8388608, -8388608},
		     {-8388609, -8388608},
		     {INT32_MAX, 8388607},
		     {INT32_MIN, -8388608}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		uint8_t bytes[ROOM];
		writer w = writer_of(bytes, sizeof bytes);
		rtcp_rr rr = {.report_count = 1, .reports = {{.packets_lost = cases[i].written}}}, read;
		assert_int_equal(rtcp_rr_write(&w, &rr), 0);
		rtcp_packet p = only(writer_slice(&w));
		assert_int_equal(rtcp_rr_read(&p, &read), 0);
		assert_int_equal(read.reports[0].packets_lost, cases[i].read);
	}
}

static void counts_are_held_against_the_length(void **state)
{
	(void)state;
	uint8_t body[ROOM] = {0};
	static rtcp_sr sr;
	static rtcp_rr rr;
	static rtcp_sdes sdes;
	static rtcp_bye bye;
	for (uint8_t count = 0; count <= RTCP_COUNT_MAX; count++) {
		for (size_t len = 0; len <= 900; len += 4) {
			rtcp_packet p = {.type = RTCP_SR, .count = count, .body = slice_of(body, len)};
			assert_int_equal(rtcp_sr_read(&p, &sr), len >= 24 + 24u * count ? 0 : PARLEY_EPROTO);
			p.type = RTCP_RR;
			assert_int_equal(rtcp_rr_read(&p, &rr), len >= 4 + 24u * count ? 0 : PARLEY_EPROTO);
			p.type = RTCP_SDES; /* of zeros: an SSRC and an empty list, eight bytes */
			assert_int_equal(rtcp_sdes_read(&p, &sdes), len >= 8u * count ? 0 : PARLEY_EPROTO);
			p.type = RTCP_BYE;
			assert_int_equal(rtcp_bye_read(&p, &bye), len >= 4u * count ? 0 : PARLEY_EPROTO);
		}
	}
}

static void packets_of_another_type_are_refused(void **state)
{
	(void)state;
	rtcp_packet p = {.type = RTCP_APP};
	rtcp_sr sr;
	rtcp_rr rr;
	rtcp_sdes sdes;
	rtcp_bye bye;
	rtcp_feedback f;
	rtcp_xr xr;
	assert_int_equal(rtcp_sr_read(&p, &sr), PARLEY_EINVAL);
	assert_int_equal(rtcp_rr_read(&p, &rr), PARLEY_EINVAL);
	assert_int_equal(rtcp_sdes_read(&p, &sdes), PARLEY_EINVAL);
	assert_int_equal(rtcp_bye_read(&p, &bye), PARLEY_EINVAL);
	assert_int_equal(rtcp_feedback_read(&p, &f), PARLEY_EINVAL);
	assert_int_equal(rtcp_xr_read(&p, &xr), PARLEY_EINVAL);
}

static void too_small_writers_and_too_large_counts_are_errors(void **state)
{
	(void)state;
	uint8_t bytes[ROOM];
	rtcp_sr sr = {.report_count = 2};
	for (size_t len = 0; len < 28 + 48; len++) {
		writer w = writer_of(bytes, len);
		assert_int_equal(rtcp_sr_write(&w, &sr), PARLEY_EMSGSIZE);
	}
	writer w = writer_of(bytes, sizeof bytes);
	static uint8_t text[256];
	sr.report_count = 32;
	assert_int_equal(rtcp_sr_write(&w, &sr), PARLEY_EINVAL);
	rtcp_rr rr = {.report_count = 32};
	assert_int_equal(rtcp_rr_write(&w, &rr), PARLEY_EINVAL);
	rtcp_sdes sdes = {.chunk_count = 1, .chunks = {{.has_cname = true, .cname = SLICE(text)}}};
	assert_int_equal(rtcp_sdes_write(&w, &sdes), PARLEY_EINVAL);
	rtcp_bye bye = {.ssrc_count = 1, .has_reason = true, .reason = SLICE(text)};
	assert_int_equal(rtcp_bye_write(&w, &bye), PARLEY_EINVAL);
	assert_int_equal(w.len, 0);
}

/* --- SDES, BYE --- */

static void cnames_are_read_as_written(void **state)
{
	(void)state;
	uint8_t bytes[ROOM];
	char name[RTCP_SDES_VALUE_MAX];
	memset(name, 'n', sizeof name);
	for (size_t len = 0; len <= sizeof name; len++) {
		rtcp_sdes sdes = {.chunk_count = 3,
				  .chunks = {{.ssrc = 1, .has_cname = true, .cname = slice_of(name, len)},
					     {.ssrc = 2},
					     {.ssrc = 3, .has_cname = true, .cname = slice_from_string("c")}}},
			  read;
		writer w = writer_of(bytes, sizeof bytes);
		assert_int_equal(rtcp_sdes_write(&w, &sdes), 0);
		rtcp_packet p = only(writer_slice(&w));
		assert_int_equal(rtcp_sdes_read(&p, &read), 0);
		assert_int_equal(read.chunk_count, 3);
		assert_true(read.chunks[0].ssrc == 1 && read.chunks[0].has_cname);
		assert_true(slice_equal(read.chunks[0].cname, slice_of(name, len)));
		assert_true(read.chunks[1].ssrc == 2 && !read.chunks[1].has_cname);
		assert_true(read.chunks[2].ssrc == 3 && slice_equal_string(read.chunks[2].cname, "c"));
	}
}

static void other_items_are_skipped(void **state)
{
	(void)state;
	rtcp_sdes sdes;
	rtcp_packet p = {.type = RTCP_SDES,
			 .count = 1,
			 .body = TEXT("\0\0\0\1\x02\x03"
				      "bob\x01\x01"
				      "c\0\0\0\0")};
	assert_int_equal(rtcp_sdes_read(&p, &sdes), 0);
	assert_true(sdes.chunks[0].has_cname && slice_equal_string(sdes.chunks[0].cname, "c"));
}

static void broken_sdes_is_refused(void **state)
{
	(void)state;
	const slice bodies[] = {
		TEXT("\0\0\0"),	  /* no SSRC */
		TEXT("\0\0\0\1"), /* no list */
		TEXT("\0\0\0\1\x01\x05"
		     "ab"), /* longer than the packet */
		TEXT("\0\0\0\1\x01\x02"
		     "ab"),	      /* no end */
		TEXT("\0\0\0\1\x01"), /* no length */
		TEXT("\0\0\0\1\x01\x01"
		     "a\0\0"), /* second chunk cut */
	};
	for (size_t i = 0; i < ARRAY_LENGTH(bodies); i++) {
		rtcp_sdes sdes;
		rtcp_packet p = {.type = RTCP_SDES, .count = i == 5 ? 2 : 1, .body = bodies[i]};
		assert_int_equal(rtcp_sdes_read(&p, &sdes), PARLEY_EPROTO);
	}
}

static void byes_are_read_as_written(void **state)
{
	(void)state;
	uint8_t bytes[ROOM];
	char why[RTCP_SDES_VALUE_MAX];
	memset(why, 'w', sizeof why);
	for (uint8_t count = 0; count <= RTCP_COUNT_MAX; count++) {
		rtcp_bye bye = {.ssrc_count = count, .has_reason = count % 2, .reason = slice_of(why, count * 8u)},
			 read;
		for (uint32_t i = 0; i < count; i++)
			bye.ssrcs[i] = 100 + i;
		writer w = writer_of(bytes, sizeof bytes);
		assert_int_equal(rtcp_bye_write(&w, &bye), 0);
		rtcp_packet p = only(writer_slice(&w));
		assert_int_equal(rtcp_bye_read(&p, &read), 0);
		assert_int_equal(read.ssrc_count, count);
		assert_memory_equal(read.ssrcs, bye.ssrcs, sizeof bye.ssrcs);
		assert_int_equal(read.has_reason, count % 2);
		if (read.has_reason)
			assert_true(slice_equal(read.reason, bye.reason));
	}
}

/* CVE-2021-43804: a reason that claims to be longer than the packet. */
static void byes_with_too_long_a_reason_are_refused(void **state)
{
	(void)state;
	for (unsigned claim = 0; claim < 256; claim++) {
		uint8_t *body = malloc(8);
		assert_non_null(body);
		memcpy(body, "\0\0\0\1\0why", 8);
		body[4] = (uint8_t)claim;
		rtcp_bye bye;
		rtcp_packet p = {.type = RTCP_BYE, .count = 1, .body = slice_of(body, 8)};
		assert_int_equal(rtcp_bye_read(&p, &bye), claim <= 3 ? 0 : PARLEY_EPROTO);
		free(body);
	}
}

/* --- feedback --- */

static rtcp_feedback feedback_of(slice in)
{
	rtcp_feedback f;
	rtcp_packet p = only(in);
	assert_int_equal(rtcp_feedback_read(&p, &f), 0);
	return f;
}

static void nacks_are_read_as_written(void **state)
{
	(void)state;
	static const uint16_t lost[] = {65530, 65531, 65535, 0, 10, 11, 12, 28, 100, 117, 118, 134};
	uint16_t read[20];
	size_t count;
	uint8_t bytes[ROOM];
	writer w = writer_of(bytes, sizeof bytes);
	assert_int_equal(rtcp_nack_write(&w, 1, 2, lost, ARRAY_LENGTH(lost)), 0);
	/* 65530..10, 11..12 (27 is the last of it), 28, 100, 117..118, 134 (133 is the last) */
	assert_int_equal(w.len, 12 + 4 * 6);
	rtcp_feedback f = feedback_of(writer_slice(&w));
	assert_true(f.kind == RTCP_FB_NACK && f.sender == 1 && f.media == 2);
	assert_int_equal(rtcp_nack_read(&f, read, ARRAY_LENGTH(read), &count), 0);
	assert_int_equal(count, ARRAY_LENGTH(lost));
	assert_memory_equal(read, lost, sizeof lost);
	assert_int_equal(rtcp_nack_read(&f, read, 3, &count), 0);
	assert_int_equal(count, 3);
}

static void a_full_bitmask_names_seventeen(void **state)
{
	(void)state;
	static const uint8_t bytes[] = {0x81, 205, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0xff, 0xff, 0xff, 0xff};
	uint16_t read[20];
	size_t count;
	rtcp_feedback f = feedback_of(SLICE(bytes));
	assert_int_equal(rtcp_nack_read(&f, read, ARRAY_LENGTH(read), &count), 0);
	assert_int_equal(count, 17);
	for (unsigned i = 0; i < 17; i++)
		assert_int_equal(read[i], (uint16_t)(65535 + i));
}

static void empty_and_halved_messages_are_refused(void **state)
{
	(void)state;
	uint16_t sequences[4];
	size_t count;
	rtcp_fir fir;
	static rtcp_remb remb;
	rtcp_feedback nack = {.kind = RTCP_FB_NACK}, f = {.kind = RTCP_FB_FIR}, r = {.kind = RTCP_FB_REMB};
	for (size_t len = 0; len < 8; len++) {
		nack.fci = f.fci = slice_of("\0\0\0\1\0\0\0\1", len);
		r.fci = slice_of("REMB\1\0\0\1\0\0\0", len + 4);
		assert_int_equal(rtcp_nack_read(&nack, sequences, 4, &count), len == 4 ? 0 : PARLEY_EPROTO);
		assert_int_equal(rtcp_fir_read(&f, &fir), PARLEY_EPROTO);
		assert_int_equal(rtcp_remb_read(&r, &remb), PARLEY_EPROTO);
	}
	assert_int_equal(rtcp_nack_read(&f, sequences, 4, &count), PARLEY_EINVAL);
	assert_int_equal(rtcp_fir_read(&nack, &fir), PARLEY_EINVAL);
	assert_int_equal(rtcp_remb_read(&nack, &remb), PARLEY_EINVAL);
	for (size_t len = 0; len < 8; len++) {
		rtcp_packet p = {.type = RTCP_PSFB, .count = 1, .body = slice_of("\0\0\0\1\0\0\0\1", len)};
		assert_int_equal(rtcp_feedback_read(&p, &f), PARLEY_EPROTO);
	}
}

static void key_frame_requests_are_read_as_written(void **state)
{
	(void)state;
	uint8_t bytes[ROOM];
	rtcp_fir fir;
	static const rtcp_fir_entry entries[] = {{5, 6}, {7, 255}};
	writer w = writer_of(bytes, sizeof bytes);
	assert_int_equal(rtcp_pli_write(&w, 3, 4), 0);
	rtcp_feedback f = feedback_of(writer_slice(&w));
	assert_true(f.kind == RTCP_FB_PLI && f.sender == 3 && f.media == 4 && f.fci.len == 0);
	w = writer_of(bytes, sizeof bytes);
	assert_int_equal(rtcp_fir_write(&w, 3, entries, 2), 0);
	f = feedback_of(writer_slice(&w));
	assert_true(f.kind == RTCP_FB_FIR && f.sender == 3 && f.media == 0);
	assert_int_equal(rtcp_fir_read(&f, &fir), 0);
	assert_int_equal(fir.count, 2);
	assert_true(fir.entries[0].ssrc == 5 && fir.entries[0].sequence == 6);
	assert_true(fir.entries[1].ssrc == 7 && fir.entries[1].sequence == 255);
	assert_int_equal(rtcp_fir_write(&w, 3, entries, 0), PARLEY_EINVAL);
}

static void bitrates_are_read_as_written(void **state)
{
	(void)state;
	static const uint64_t rates[] = {0, 1, 262143, 262144, 262145, 1000000, UINT64_C(20000000000), UINT64_MAX};
	uint8_t bytes[ROOM];
	static rtcp_remb remb, read;
	for (size_t i = 0; i < ARRAY_LENGTH(rates); i++) {
		remb = (rtcp_remb){.bitrate = rates[i], .ssrc_count = 2, .ssrcs = {8, 9}};
		writer w = writer_of(bytes, sizeof bytes);
		assert_int_equal(rtcp_remb_write(&w, 1, &remb), 0);
		rtcp_feedback f = feedback_of(writer_slice(&w));
		assert_int_equal(rtcp_remb_read(&f, &read), 0);
		assert_true(read.bitrate <= rates[i] && rates[i] - read.bitrate <= rates[i] >> 17);
		assert_true(read.ssrc_count == 2 && read.ssrcs[0] == 8 && read.ssrcs[1] == 9);
	}
	rtcp_feedback f = {.kind = RTCP_FB_REMB, .fci = TEXT("REMB\0\xff\xff\xff")};
	assert_int_equal(rtcp_remb_read(&f, &read), 0);
	assert_true(read.bitrate == UINT64_MAX);
}

static void other_feedback_is_known_as_such(void **state)
{
	(void)state;
	static const struct {
		uint8_t type, format;
		rtcp_feedback_kind kind;
	} cases[] = {{RTCP_RTPFB, 1, RTCP_FB_NACK}, {RTCP_RTPFB, 15, RTCP_FB_TWCC}, {RTCP_RTPFB, 3, RTCP_FB_OTHER},
		     {RTCP_PSFB, 1, RTCP_FB_PLI},   {RTCP_PSFB, 2, RTCP_FB_OTHER},  {RTCP_PSFB, 3, RTCP_FB_OTHER},
		     {RTCP_PSFB, 4, RTCP_FB_FIR},   {RTCP_PSFB, 15, RTCP_FB_OTHER}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		rtcp_feedback f;
		rtcp_packet p = {.type = cases[i].type, .count = cases[i].format, .body = TEXT("\0\0\0\1\0\0\0\2GOOG")};
		assert_int_equal(rtcp_feedback_read(&p, &f), 0);
		assert_int_equal(f.kind, cases[i].kind);
	}
}

static void transport_feedback_is_padded(void **state)
{
	(void)state;
	uint8_t bytes[ROOM];
	for (size_t len = 1; len < 20; len++) {
		writer w = writer_of(bytes, sizeof bytes);
		assert_int_equal(rtcp_twcc_write(&w, 1, 2, slice_of(COMPOUND, len)), 0);
		assert_int_equal(w.len % 4, 0);
		rtcp_feedback f = feedback_of(writer_slice(&w));
		assert_true(f.kind == RTCP_FB_TWCC && slice_equal(f.fci, slice_of(COMPOUND, len)));
	}
}

/* --- extended reports --- */

static void extended_reports_are_read_as_written(void **state)
{
	(void)state;
	uint8_t bytes[ROOM];
	rtcp_xr xr = {.sender = 1,
		      .has_reference_time = true,
		      .reference_time = UINT64_C(0x0102030405060708),
		      .dlrr_count = 2,
		      .dlrrs = {{1, 2, 3}, {4, 5, 6}}},
		read;
	writer w = writer_of(bytes, sizeof bytes);
	assert_int_equal(rtcp_xr_write(&w, &xr), 0);
	rtcp_packet p = only(writer_slice(&w));
	assert_int_equal(rtcp_xr_read(&p, &read), 0);
	assert_memory_equal(&read, &xr, sizeof xr);
	xr = (rtcp_xr){.dlrr_count = RTCP_XR_DLRRS_MAX + 1};
	assert_int_equal(rtcp_xr_write(&w, &xr), PARLEY_EINVAL);
}

static void other_blocks_are_skipped_and_broken_ones_refused(void **state)
{
	(void)state;
	rtcp_xr xr;
	rtcp_packet p = {.type = RTCP_XR, .body = TEXT("\0\0\0\1\x07\0\0\1vvvv\x04\0\0\2\0\0\0\5\0\0\0\6")};
	assert_int_equal(rtcp_xr_read(&p, &xr), 0);
	assert_true(xr.has_reference_time && xr.reference_time == UINT64_C(0x500000006));
	const slice broken[] = {
		TEXT("\0\0\0"),
		TEXT("\0\0\0\1\x04\0\0"),
		TEXT("\0\0\0\1\x04\0\0\2\0\0\0\5"),
		TEXT("\0\0\0\1\x04\0\0\1\0\0\0\5"),
		TEXT("\0\0\0\1\x05\0\0\1\0\0\0\5"),
		TEXT("\0\0\0\1\x07\0\xff\xff\0\0\0\5"),
	};
	for (size_t i = 0; i < ARRAY_LENGTH(broken); i++) {
		p.body = broken[i];
		assert_int_equal(rtcp_xr_read(&p, &xr), PARLEY_EPROTO);
	}
}

/* --- times --- */

static void times_convert_there_and_back(void **state)
{
	(void)state;
	static const uint64_t times[] = {0, 1, 999999, 1000000, 1234567, UINT64_C(3900000000123456)};
	for (size_t i = 0; i < ARRAY_LENGTH(times); i++)
		assert_true(rtcp_us_of_ntp(rtcp_ntp_of_us(times[i])) == times[i]);
	assert_true(rtcp_ntp_of_us(1500000) == UINT64_C(0x180000000));
	assert_int_equal(rtcp_short_of_us(1500000), 0x18000);
	assert_int_equal(rtcp_us_of_short(0x18000), 1500000);
	assert_int_equal(rtcp_short_of_us(UINT64_C(65536) * 1000000), UINT32_MAX);
	assert_int_equal(rtcp_short_of_us(UINT64_MAX), UINT32_MAX);
}

/* The example of RFC 3550 6.4.1, figure 2: 6.125 s. */
static void the_round_trip_is_that_of_rfc3550(void **state)
{
	(void)state;
	uint64_t us;
	assert_true(rtcp_round_trip(UINT64_C(0x0000b710) << 32 | UINT64_C(0x80000000), 0xb7052000, 0x00054000, &us));
	assert_int_equal(us, 6125000);
	assert_false(rtcp_round_trip(1, 0, 0, &us));
	assert_false(rtcp_round_trip(UINT64_C(5) << 32, 4u << 16, 2u << 16, &us));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compound_is_walked),
		cmocka_unit_test(padding_is_taken_off),
		cmocka_unit_test(every_truncation_is_noticed),
		cmocka_unit_test(other_versions_are_refused),
		cmocka_unit_test(unknown_types_are_passed_over),
		cmocka_unit_test(sender_reports_are_read_as_written),
		cmocka_unit_test(receiver_reports_are_read_as_written),
		cmocka_unit_test(losses_are_signed_and_clamped),
		cmocka_unit_test(counts_are_held_against_the_length),
		cmocka_unit_test(packets_of_another_type_are_refused),
		cmocka_unit_test(too_small_writers_and_too_large_counts_are_errors),
		cmocka_unit_test(cnames_are_read_as_written),
		cmocka_unit_test(other_items_are_skipped),
		cmocka_unit_test(broken_sdes_is_refused),
		cmocka_unit_test(byes_are_read_as_written),
		cmocka_unit_test(byes_with_too_long_a_reason_are_refused),
		cmocka_unit_test(nacks_are_read_as_written),
		cmocka_unit_test(a_full_bitmask_names_seventeen),
		cmocka_unit_test(empty_and_halved_messages_are_refused),
		cmocka_unit_test(key_frame_requests_are_read_as_written),
		cmocka_unit_test(bitrates_are_read_as_written),
		cmocka_unit_test(other_feedback_is_known_as_such),
		cmocka_unit_test(transport_feedback_is_padded),
		cmocka_unit_test(extended_reports_are_read_as_written),
		cmocka_unit_test(other_blocks_are_skipped_and_broken_ones_refused),
		cmocka_unit_test(times_convert_there_and_back),
		cmocka_unit_test(the_round_trip_is_that_of_rfc3550),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
