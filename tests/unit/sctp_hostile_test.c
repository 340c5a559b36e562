/* What a hostile or broken peer sends, and what must come of it: RFC 9260 8.4, 8.5, and lessons of other stacks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sctp/internal.h"
#include "tests/unit/sctp_pair.h"

#define FIRST_TSN 1000u

static char replies[4000]; /* what side 0 sent since `attack`, printed */

static bool capture(pair *p, int from, slice bytes)
{
	(void)p;
	if (from == 0) {
		text t = text_of(replies + strlen(replies), sizeof replies - strlen(replies));
		sctp_print_packet(bytes, &t);
		text_string(&t, "\n");
	}
	return true;
}

static void prepare(pair *p, uint64_t seed)
{
	pair_prepare(p, seed);
	for (int i = 0; i < 2; i++) {
		p->config[i].interleaving = false; /* for I-DATA see sctp_interleaving_test.c */
		p->config[i].has_initial_tsn = true;
		p->config[i].initial_tsn = FIRST_TSN;
		p->config[i].heartbeat_us = TIME_NEVER;
		p->config[i].receive_window = 100000;
		p->config[i].max_message_receive = 50000;
	}
}

static void connect_pair(pair *p, uint64_t seed)
{
	prepare(p, seed);
	assert_true(pair_connect(p));
	pair_run(p, US_PER_S);
	p->drop = capture;
}

/* A packet with this tag to side 0; its answers are in `replies`. */
static void attack_with_tag(pair *p, slice chunks, uint32_t tag)
{
	uint8_t bytes[4000];
	writer w = writer_of(bytes, sizeof bytes);
	sctp_packet_begin(&w, SCTP_PORT, SCTP_PORT, tag);
	write_bytes(&w, chunks);
	sctp_packet_seal(&w);
	assert_false(w.bad);
	replies[0] = 0;
	p->drop = capture;
	pair_inject(p, 0, writer_slice(&w));
}

static void attack(pair *p, slice chunks)
{
	attack_with_tag(p, chunks, p->end[0]->local_tag);
}

static void attack_chunk(pair *p, uint8_t type, uint8_t flags, const void *value, size_t len)
{
	uint8_t bytes[3000];
	writer w = writer_of(bytes, sizeof bytes);
	sctp_write_chunk(&w, type, flags, slice_of(value, len));
	attack(p, writer_slice(&w));
}

static void attack_data(pair *p, uint32_t tsn, uint16_t stream, uint16_t ssn, const char *flags, size_t len)
{
	static const uint8_t payload[2000];
	uint8_t bytes[2100];
	writer w = writer_of(bytes, sizeof bytes);
	sctp_data d = {.tsn = tsn, .stream = stream, .mid = ssn, .ppid = 51, .payload = slice_of(payload, len)};
	d.begin = strchr(flags, 'B');
	d.end = strchr(flags, 'E');
	d.unordered = strchr(flags, 'U');
	sctp_data_encode(&w, &d);
	attack(p, writer_slice(&w));
}

static size_t invalid_packets(const pair *p)
{
	sctp_stats stats;
	sctp_get_stats(p->end[0], &stats);
	return stats.packets_invalid;
}

#define HAS(what) assert_non_null(strstr(replies, what))
#define QUIET() assert_string_equal(replies, "")

static void wrong_chunk_lengths_drop_the_packet(void **state)
{
	(void)state;
	pair p;
	connect_pair(&p, 1);
	for (unsigned length = 0; length < 64; length++) {
		uint8_t bytes[16] = {SCTP_CHUNK_HEARTBEAT, 0, 0, (uint8_t)length, 0, 1, 0, 4};
		size_t before = invalid_packets(&p);
		attack(&p, slice_of(bytes, sizeof bytes));
		/* After a good first chunk the zeros that follow are chunks of length 0. */
		bool good = length >= 13 && length <= 16;
		assert_int_equal(invalid_packets(&p) - before, !good);
		assert_int_equal(strstr(replies, "HEARTBEAT-ACK") != NULL, good);
	}
	for (size_t len = 0; len <= SCTP_PACKET_HEADER; len++) { /* no chunk at all */
		uint8_t bytes[SCTP_PACKET_HEADER] = {0};
		size_t before = invalid_packets(&p);
		pair_inject(&p, 0, slice_of(bytes, len));
		assert_int_equal(invalid_packets(&p), before + 1);
	}
	pair_clear(&p);
}

static void a_wrong_checksum_drops_the_packet(void **state)
{
	(void)state;
	pair p;
	connect_pair(&p, 2);
	uint8_t bytes[64];
	static const uint8_t abort_chunk[] = {SCTP_CHUNK_ABORT, 0, 0, 4};
	size_t len = pair_wrap(&p, 0, slice_of(abort_chunk, 4), bytes, sizeof bytes);
	for (size_t bit = 0; bit < len * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		pair_inject(&p, 0, slice_of(bytes, len));
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_false(p.closed[0]);
	pair_inject(&p, 0, slice_of(bytes, len));
	assert_true(p.closed[0]);
	pair_clear(&p);
}

typedef enum { TAG_OWN, TAG_PEERS, TAG_ZERO, TAG_OTHER } tag_kind;

static uint32_t tag_of(const pair *p, tag_kind kind)
{
	switch (kind) {
	case TAG_OWN:
		return p->end[0]->local_tag;
	case TAG_PEERS:
		return p->end[0]->peer_tag;
	case TAG_ZERO:
		return 0;
	case TAG_OTHER:
		break;
	}
	return 0x77777777;
}

/* RFC 9260 8.5: which tag goes with which chunk, in an established association. */
static void only_the_right_tag_is_believed(void **state)
{
	(void)state;
	static const struct {
		uint8_t type, flags;
		tag_kind tag;
		bool ends;
		const char *answer; /* NULL: silence */
	} rows[] = {
		{SCTP_CHUNK_ABORT, 0, TAG_OWN, true, NULL},
		{SCTP_CHUNK_ABORT, 0, TAG_PEERS, false, NULL},
		{SCTP_CHUNK_ABORT, 0, TAG_ZERO, false, NULL},
		{SCTP_CHUNK_ABORT, 0, TAG_OTHER, false, NULL},
		{SCTP_CHUNK_ABORT, 1, TAG_OWN, false, NULL},
		{SCTP_CHUNK_ABORT, 1, TAG_PEERS, true, NULL},
		{SCTP_CHUNK_ABORT, 1, TAG_OTHER, false, NULL},
		{SCTP_CHUNK_HEARTBEAT, 0, TAG_OWN, false, "HEARTBEAT-ACK"},
		{SCTP_CHUNK_HEARTBEAT, 0, TAG_PEERS, false, NULL},
		{SCTP_CHUNK_HEARTBEAT, 0, TAG_ZERO, false, NULL},
		{SCTP_CHUNK_SHUTDOWN_ACK, 0, TAG_OTHER, false, NULL},
		{SCTP_CHUNK_SHUTDOWN_COMPLETE, 0, TAG_OWN, false, NULL},
		{SCTP_CHUNK_COOKIE_ACK, 0, TAG_OWN, false, NULL},
		{SCTP_CHUNK_COOKIE_ECHO, 0, TAG_OWN, false, NULL},
		{SCTP_CHUNK_INIT_ACK, 0, TAG_OWN, false, NULL},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		pair p;
		connect_pair(&p, 3);
		uint8_t bytes[4] = {rows[i].type, rows[i].flags, 0, 4};
		attack_with_tag(&p, slice_of(bytes, 4), tag_of(&p, rows[i].tag));
		assert_int_equal(p.closed[0], rows[i].ends);
		if (rows[i].answer)
			HAS(rows[i].answer);
		else
			QUIET();
		pair_clear(&p);
	}
}

/* RFC 9260 8.4: there is no association. */
static void out_of_the_blue_is_answered_by_the_book(void **state)
{
	(void)state;
	static const struct {
		uint8_t type;
		const char *answer;
	} rows[] = {
		{SCTP_CHUNK_ABORT, NULL},
		{SCTP_CHUNK_SHUTDOWN_ACK, "tag=77777777 SHUTDOWN-COMPLETE"},
		{SCTP_CHUNK_SHUTDOWN_COMPLETE, NULL},
		{SCTP_CHUNK_COOKIE_ACK, NULL},
		{SCTP_CHUNK_ERROR, NULL},
		{SCTP_CHUNK_COOKIE_ECHO, NULL},
		{SCTP_CHUNK_HEARTBEAT, "tag=77777777 ABORT"},
		{SCTP_CHUNK_SHUTDOWN, "tag=77777777 ABORT"},
		{0x3f, "tag=77777777 ABORT"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		pair p;
		prepare(&p, 4);
		assert_true(pair_create(&p));
		uint8_t bytes[4] = {rows[i].type, 0, 0, 4};
		attack_with_tag(&p, slice_of(bytes, 4), 0x77777777);
		if (rows[i].answer)
			HAS(rows[i].answer);
		else
			QUIET();
		pair_clear(&p);
	}
}

static void lying_sacks_change_nothing(void **state)
{
	(void)state;
	static const struct {
		uint32_t cumulative;
		uint16_t gaps[4];
		uint16_t count;
	} rows[] = {
		{FIRST_TSN + 4, {0}, 0},	      /* never sent */
		{FIRST_TSN + 100000, {0}, 0},	      /* far ahead */
		{FIRST_TSN - 1, {2, 5}, 1},	      /* past the next TSN */
		{FIRST_TSN - 1, {2, 65535}, 1},	      /* far past it */
		{FIRST_TSN - 1, {0, 1}, 1},	      /* at the cumulative one */
		{FIRST_TSN - 1, {3, 2}, 1},	      /* backwards */
		{FIRST_TSN - 1, {3, 3, 2, 2}, 2},     /* unordered */
		{FIRST_TSN - 1, {2, 3, 3, 4}, 2},     /* overlapping */
		{FIRST_TSN - 1, {2, 3}, 200},	      /* more claimed than there */
		{FIRST_TSN - 0x80000000u, {2, 3}, 1}, /* half the space away */
	};
	pair p;
	connect_pair(&p, 5);
	static const uint8_t bytes[4 * 1132];
	assert_int_equal(sctp_send(p.end[0], p.now, 0, 51, slice_of(bytes, sizeof bytes), NULL), 0);
	pair_drain(&p); /* four chunks, lost */
	size_t flight = p.end[0]->sent.flight_data;
	assert_int_equal(flight, sizeof bytes);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint8_t value[32];
		writer w = writer_of(value, sizeof value);
		write_u32(&w, rows[i].cumulative);
		write_u32(&w, 100000);
		write_u16(&w, rows[i].count);
		write_u16(&w, 0);
		for (size_t j = 0; j < 2u * (rows[i].count < 3 ? rows[i].count : 1); j++)
			write_u16(&w, rows[i].gaps[j]);
		attack_chunk(&p, SCTP_CHUNK_SACK, 0, value, w.len);
		assert_int_equal(p.end[0]->sent.flight_data, flight);
		assert_int_equal(p.end[0]->sent.cumulative, FIRST_TSN - 1);
		assert_false(p.closed[0]);
	}
	p.drop = NULL;
	pair_run(&p, 5 * US_PER_S);
	assert_int_equal(p.messages[1], 1);
	pair_clear(&p);
}

static void reneged_chunks_are_sent_again(void **state)
{
	(void)state;
	pair p;
	connect_pair(&p, 6);
	static const uint8_t bytes[4 * 1132];
	assert_int_equal(sctp_send(p.end[0], p.now, 0, 51, slice_of(bytes, sizeof bytes), NULL), 0);
	pair_drain(&p);
	static const uint8_t with_gap[] = {0, 0, 3, 231, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 4};
	static const uint8_t without[] = {0, 0, 3, 231, 0, 1, 0, 0, 0, 0, 0, 0};
	attack_chunk(&p, SCTP_CHUNK_SACK, 0, with_gap, sizeof with_gap);
	assert_int_equal(p.end[0]->sent.flight_data, 1132);
	attack_chunk(&p, SCTP_CHUNK_SACK, 0, without, sizeof without); /* might be an older one that was overtaken */
	assert_int_equal(p.end[0]->sent.flight_data, 1132);
	p.drop = NULL; /* the first arrives, and with it comes out that the others did not */
	pair_run(&p, 5 * US_PER_S);
	assert_int_equal(p.messages[1], 1);
	pair_clear(&p);
}

static void a_huge_heartbeat_is_not_echoed(void **state)
{
	(void)state;
	static const uint8_t info[2500] = {0, 1, 9, 196};
	pair p;
	connect_pair(&p, 7);
	attack_chunk(&p, SCTP_CHUNK_HEARTBEAT, 0, info, sizeof info);
	QUIET();
	attack_chunk(&p, SCTP_CHUNK_HEARTBEAT, 0, info, 100);
	HAS("HEARTBEAT-ACK");
	sctp_rto before = p.end[0]->rto;
	attack_chunk(&p, SCTP_CHUNK_HEARTBEAT_ACK, 0, info, 20); /* never asked for */
	assert_memory_equal(&p.end[0]->rto, &before, sizeof before);
	pair_clear(&p);
}

static void a_flood_of_questions_is_bounded(void **state)
{
	(void)state;
	pair p;
	connect_pair(&p, 8);
	uint8_t bytes[1000], packet_bytes[1100];
	writer w = writer_of(bytes, sizeof bytes);
	while (writer_left(&w) >= 8)
		sctp_write_chunk(&w, 0xff, 0, slice_of("abcd", 4));
	size_t len = pair_wrap(&p, 0, writer_slice(&w), packet_bytes, sizeof packet_bytes);
	for (int i = 0; i < 100; i++) { /* and nobody takes the answers */
		sctp_receive(p.end[0], p.now, slice_of(packet_bytes, len));
		sctp_check_invariants(p.end[0]);
	}
	assert_int_equal(p.end[0]->control_count, SCTP_CONTROL_QUEUE_MAX);
	pair_clear(&p);
}

static void data_on_an_invalid_stream_is_acknowledged_and_reported(void **state)
{
	(void)state;
	pair p;
	prepare(&p, 9);
	p.config[0].streams_in = 10;
	assert_true(pair_connect(&p));
	attack_data(&p, FIRST_TSN, 10, 0, "BE", 5);
	HAS("ERROR cause=1");
	attack_data(&p, FIRST_TSN + 1, 65535, 0, "BE", 5);
	attack_data(&p, FIRST_TSN + 2, 9, 0, "BE", 5);
	pair_run(&p, 100 * US_PER_MS); /* the delay of a SACK */
	HAS("cum=1002");
	assert_int_equal(p.messages[0], 1);
	pair_clear(&p);
}

static void data_without_data_aborts(void **state)
{
	(void)state;
	pair p;
	connect_pair(&p, 10);
	attack_data(&p, FIRST_TSN, 0, 0, "BE", 0);
	assert_true(p.closed[0]);
	assert_int_equal(p.error[0], PARLEY_EPROTO);
	HAS("ABORT cause=9 tsn=1000");
	pair_clear(&p);
	connect_pair(&p, 10);
	attack_chunk(&p, SCTP_CHUNK_DATA, 3, "cut short", 9);
	assert_int_equal(p.error[0], PARLEY_EPROTO);
	HAS("ABORT cause=13");
	pair_clear(&p);
}

static void a_message_longer_than_announced_aborts(void **state)
{
	(void)state;
	pair p;
	connect_pair(&p, 11);
	for (uint32_t i = 0; i < 60 && !p.closed[0]; i++)
		attack_data(&p, FIRST_TSN + i, 0, 0, i ? "" : "B", 1000);
	assert_true(p.closed[0]);
	assert_int_equal(p.error[0], PARLEY_EMSGSIZE);
	HAS("ABORT cause=4");
	pair_clear(&p);
}

/* Fragments that never complete, on many streams, with gaps, backwards: memory stays within the window's limits. */
static void endless_fragments_are_bounded(void **state)
{
	(void)state;
	for (uint32_t kind = 0; kind < 4; kind++) {
		pair p;
		connect_pair(&p, 12 + kind);
		for (uint32_t i = 0; i < 6000; i++) {
			uint32_t tsn = FIRST_TSN + (kind == 0	? i
						    : kind == 1 ? 2 * i + 1
						    : kind == 2 ? 12001 - 2 * i
								: i + 1);
			attack_data(&p, tsn, (uint16_t)i, 7, kind == 3 ? "BE" : "B", kind == 3 ? 1 : 50);
			sctp_stats stats;
			sctp_get_stats(p.end[0], &stats);
			assert_true(stats.receive_buffered <= SCTP_RX_COST_MAX * 125000);
		}
		assert_false(p.closed[0]);
		pair_clear(&p);
	}
}

static void tsns_beyond_the_window_are_dropped(void **state)
{
	(void)state;
	pair p;
	connect_pair(&p, 13);
	attack_data(&p, FIRST_TSN + SCTP_TSN_WINDOW, 0, 0, "BE", 5);
	HAS("cum=999");
	attack_data(&p, FIRST_TSN + 0x7fffffff, 0, 0, "BE", 5);
	attack_data(&p, FIRST_TSN + 0x80000001, 0, 0, "BE", 5); /* looks old */
	assert_int_equal(p.messages[0], 0);
	attack_data(&p, FIRST_TSN, 0, 0, "BE", 5);
	attack_data(&p, FIRST_TSN, 0, 0, "BE", 5);
	HAS("cum=1000");
	HAS("dups=1");
	assert_int_equal(p.messages[0], 1);
	pair_clear(&p);
}

static void attack_forward(pair *p, uint32_t tsn, uint16_t stream, uint16_t ssn)
{
	uint8_t value[8];
	writer w = writer_of(value, sizeof value);
	write_u32(&w, tsn);
	write_u16(&w, stream);
	write_u16(&w, ssn);
	attack_chunk(p, SCTP_CHUNK_FORWARD_TSN, 0, value, sizeof value);
}

static void odd_forward_tsns_are_harmless(void **state)
{
	(void)state;
	pair p;
	connect_pair(&p, 14);
	attack_data(&p, FIRST_TSN + 3, 0, 3, "BE", 5); /* waits for SSN 0..2 */
	attack_data(&p, FIRST_TSN + 5, 1, 0, "B", 5);  /* incomplete */
	attack_forward(&p, FIRST_TSN + 2, 0, 2);
	assert_int_equal(p.messages[0], 1);
	HAS("cum=1003");
	attack_forward(&p, FIRST_TSN + 2, 0, 2); /* again */
	HAS("cum=1003");
	attack_forward(&p, FIRST_TSN - 500, 0, 9); /* backwards: and its stream does not count */
	HAS("cum=1003");
	attack_forward(&p, FIRST_TSN + 100000, 0, 9); /* beyond the window */
	HAS("cum=1003");
	attack_data(&p, FIRST_TSN + 4, 0, 4, "BE", 5);
	assert_int_equal(p.messages[0], 2);
	attack_forward(&p, FIRST_TSN + 6, 60000, 9); /* drops the incomplete one; a stream never used */
	HAS("cum=1006");
	assert_int_equal(p.end[0]->reassembly.bytes, 0);
	pair_clear(&p);
}

static void attack_reset(pair *p, uint32_t request, uint32_t last_tsn, uint16_t stream)
{
	uint8_t value[20];
	writer w = writer_of(value, sizeof value);
	size_t at = sctp_param_begin(&w, SCTP_PARAM_OUTGOING_RESET);
	write_u32(&w, request);
	write_u32(&w, FIRST_TSN - 1);
	write_u32(&w, last_tsn);
	write_u16(&w, stream);
	sctp_tlv_end(&w, at);
	attack_chunk(p, SCTP_CHUNK_RECONFIG, 0, value, w.len);
}

static void odd_resets_are_answered(void **state)
{
	(void)state;
	pair p;
	connect_pair(&p, 15);
	attack_reset(&p, FIRST_TSN + 7, FIRST_TSN - 1, 0);
	HAS("result=5");			   /* bad sequence number */
	attack_reset(&p, FIRST_TSN, FIRST_TSN, 5); /* of a TSN that did not come yet */
	HAS("result=6");
	attack_reset(&p, FIRST_TSN, FIRST_TSN, 5); /* again */
	HAS("result=6");
	assert_int_equal(p.resets_in[0], 0);
	attack_data(&p, FIRST_TSN, 5, 0, "BE", 5);
	HAS("result=1");
	assert_int_equal(p.resets_in[0], 1);
	attack_reset(&p, FIRST_TSN, FIRST_TSN, 5); /* our answer was lost: it is not done twice */
	HAS("result=1");
	assert_int_equal(p.resets_in[0], 1);
	attack_data(&p, FIRST_TSN + 1, 5, 0, "BE", 5); /* begins anew */
	assert_int_equal(p.messages[0], 2);
	attack_reset(&p, FIRST_TSN + 1, FIRST_TSN + 1, 65535);
	HAS("result=3"); /* no such stream */
	static const uint8_t add[] = {0, 17, 0, 12, 0, 0, 3, 234, 0, 5, 0, 0};
	attack_chunk(&p, SCTP_CHUNK_RECONFIG, 0, add, sizeof add);
	HAS("result=2"); /* denied */
	static const uint8_t nonsense[] = {0, 16, 0, 12, 0, 0, 0, 1, 0, 0, 0, 1};
	attack_chunk(&p, SCTP_CHUNK_RECONFIG, 0, nonsense, sizeof nonsense); /* answers nothing of ours */
	assert_int_equal(p.resets_out[0], 0);
	pair_clear(&p);
}

/* RFC 9260 3.2: skipped or not, reported or not. */
static void unknown_chunks_follow_their_bits(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < 4; bits++) {
		pair p;
		connect_pair(&p, 16);
		uint8_t bytes[12] = {(uint8_t)(bits << 6 | 0x3e), 0, 0, 4, SCTP_CHUNK_HEARTBEAT, 0, 0, 8, 0, 1, 0, 4};
		attack(&p, slice_of(bytes, sizeof bytes));
		assert_int_equal(strstr(replies, "ERROR cause=6") != NULL, bits & 1);
		assert_int_equal(strstr(replies, "HEARTBEAT-ACK") != NULL, bits >> 1);
		pair_clear(&p);
	}
}

/* --- the handshake --- */

static size_t init_chunk(uint8_t *out, size_t capacity, uint32_t tag, uint16_t streams, slice params)
{
	writer w = writer_of(out, capacity);
	size_t at = sctp_chunk_begin(&w, SCTP_CHUNK_INIT, 0);
	write_u32(&w, tag);
	write_u32(&w, 5u << 20);
	write_u16(&w, streams);
	write_u16(&w, streams);
	write_u32(&w, FIRST_TSN);
	write_bytes(&w, params);
	sctp_tlv_end(&w, at);
	assert_false(w.bad);
	return w.len;
}

static void inits_are_checked(void **state)
{
	(void)state;
	uint8_t bytes[200];
	pair p;
	prepare(&p, 17);
	assert_true(pair_create(&p));
	attack_with_tag(&p, slice_of(bytes, init_chunk(bytes, sizeof bytes, 0, 10, (slice){0})), 0);
	QUIET(); /* tag 0 */
	attack_with_tag(&p, slice_of(bytes, init_chunk(bytes, sizeof bytes, 5, 0, (slice){0})), 0);
	HAS("tag=00000005 ABORT"); /* no streams */
	attack_with_tag(&p, slice_of(bytes, init_chunk(bytes, sizeof bytes, 5, 10, (slice){0})), 7);
	QUIET(); /* an INIT's packet has tag 0 */
	size_t len = init_chunk(bytes, sizeof bytes, 5, 10, (slice){0});
	memcpy(bytes + len, "\16\0\0\4", 4);
	attack_with_tag(&p, slice_of(bytes, len + 4), 0);
	QUIET(); /* bundled */
	static const uint8_t cut[] = {0x80, 8, 0, 9, 1};
	attack_with_tag(&p, slice_of(bytes, init_chunk(bytes, sizeof bytes, 5, 10, slice_of(cut, sizeof cut))), 0);
	QUIET(); /* a parameter beyond the chunk */
	static const uint8_t unknown[] = {0xc0, 0x99, 0, 5, 1, 0, 0, 0, 0x80, 0x99, 0, 4};
	attack_with_tag(&p, slice_of(bytes, init_chunk(bytes, sizeof bytes, 5, 10, slice_of(unknown, sizeof unknown))),
			0);
	HAS("tag=00000005 INIT-ACK");
	assert_int_equal(sctp_get_state(p.end[0]), SCTP_CLOSED);
	pair_clear(&p);
}

/* The INITs of Chromium (RE-CONFIG, FORWARD-TSN) and Firefox (I-DATA as well, which we do not announce). */
static void browsers_inits_are_understood(void **state)
{
	(void)state;
	static const uint8_t chromium[] = {0xc0, 0, 0, 4, 0x80, 8, 0, 6, 0x82, 0xc0, 0, 0};
	static const uint8_t firefox[] = {0xc0, 0, 0, 4, 0x80, 8, 0, 8, 0x82, 0xc0, 0x40, 0xc2};
	const slice params[] = {slice_of(chromium, sizeof chromium), slice_of(firefox, sizeof firefox)};
	for (size_t i = 0; i < 2; i++) {
		uint8_t bytes[200];
		size_t len = init_chunk(bytes, sizeof bytes, 5, 65535, params[i]);
		sctp_init init;
		assert_true(sctp_init_decode(slice_of(bytes + 4, len - 4), &init));
		assert_true(init.features.forward_tsn && init.features.reconfig);
		assert_int_equal(init.unrecognized_count, 0);
		assert_int_equal(init.window, 5u << 20);
		pair p;
		prepare(&p, 18);
		assert_true(pair_create(&p));
		attack_with_tag(&p, slice_of(bytes, len), 0);
		HAS("INIT-ACK");
		HAS("streams=65535/65535");
		pair_clear(&p);
	}
}

static uint8_t cookie_packet[400];
static size_t cookie_packet_len;

static bool keep_cookie_echo(pair *p, int from, slice bytes)
{
	(void)p;
	if (from != 1 || bytes.data[SCTP_PACKET_HEADER] != SCTP_CHUNK_COOKIE_ECHO)
		return false;
	memcpy(cookie_packet, bytes.data, bytes.len);
	cookie_packet_len = bytes.len;
	return false;
}

static void cookies_are_believed_only_if_ours_and_fresh(void **state)
{
	(void)state;
	pair p;
	prepare(&p, 19);
	p.drop = keep_cookie_echo;
	assert_true(pair_create(&p));
	assert_int_equal(sctp_connect(p.end[1], p.now), 0);
	assert_true(pair_run_until(&p, pair_both_connected, US_PER_S));
	p.drop = capture;
	/* Again, in the established association: only acknowledged (RFC 9260 5.2.4 D). */
	replies[0] = 0;
	pair_inject(&p, 0, slice_of(cookie_packet, cookie_packet_len));
	HAS("COOKIE-ACK");
	assert_int_equal(p.restarted[0], 0);
	/* Forged in any byte. */
	slice cookie = slice_of(cookie_packet + 16, SCTP_COOKIE_SIZE);
	for (size_t i = 0; i < cookie.len; i++) {
		uint8_t forged[SCTP_COOKIE_SIZE];
		memcpy(forged, cookie.data, cookie.len);
		forged[i] ^= 1;
		attack_chunk(&p, SCTP_CHUNK_COOKIE_ECHO, 0, forged, sizeof forged);
		QUIET();
	}
	attack_chunk(&p, SCTP_CHUNK_COOKIE_ECHO, 0, cookie.data, cookie.len - 1);
	QUIET();
	pair_clear(&p);
	/* Too old, where there is no association. */
	prepare(&p, 19);
	assert_true(pair_create(&p));
	p.now += 120 * US_PER_S;
	p.drop = capture;
	replies[0] = 0;
	pair_inject(&p, 0, slice_of(cookie_packet, cookie_packet_len));
	HAS("ERROR cause=3");
	assert_int_equal(sctp_get_state(p.end[0]), SCTP_CLOSED);
	pair_clear(&p);
}

/* No byte of the cookie depends on where things are in memory: two equal associations give equal cookies. */
static void cookies_hold_no_pointers(void **state)
{
	(void)state;
	uint8_t first[sizeof cookie_packet];
	for (int i = 0; i < 2; i++) {
		pair p;
		prepare(&p, 20);
		void *shift = malloc(i ? 12345 : 1);
		p.drop = keep_cookie_echo;
		assert_true(pair_create(&p));
		assert_int_equal(sctp_connect(p.end[1], p.now), 0);
		assert_true(pair_run_until(&p, pair_both_connected, US_PER_S));
		if (i)
			assert_memory_equal(first, cookie_packet, cookie_packet_len);
		memcpy(first, cookie_packet, cookie_packet_len);
		free(shift);
		pair_clear(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_chunk_lengths_drop_the_packet),
		cmocka_unit_test(a_wrong_checksum_drops_the_packet),
		cmocka_unit_test(only_the_right_tag_is_believed),
		cmocka_unit_test(out_of_the_blue_is_answered_by_the_book),
		cmocka_unit_test(lying_sacks_change_nothing),
		cmocka_unit_test(reneged_chunks_are_sent_again),
		cmocka_unit_test(a_huge_heartbeat_is_not_echoed),
		cmocka_unit_test(a_flood_of_questions_is_bounded),
		cmocka_unit_test(data_on_an_invalid_stream_is_acknowledged_and_reported),
		cmocka_unit_test(data_without_data_aborts),
		cmocka_unit_test(a_message_longer_than_announced_aborts),
		cmocka_unit_test(endless_fragments_are_bounded),
		cmocka_unit_test(tsns_beyond_the_window_are_dropped),
		cmocka_unit_test(odd_forward_tsns_are_harmless),
		cmocka_unit_test(odd_resets_are_answered),
		cmocka_unit_test(unknown_chunks_follow_their_bits),
		cmocka_unit_test(inits_are_checked),
		cmocka_unit_test(browsers_inits_are_understood),
		cmocka_unit_test(cookies_are_believed_only_if_ours_and_fresh),
		cmocka_unit_test(cookies_hold_no_pointers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
