/* sctp/sctp.h: what an association answers to single packets, chunk by chunk (RFC 9260) */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "sctp/chunk.h"
#include "sctp/packet.h"
#include "tests/unit/sctp_pair.h"

#define TSN 100u /* the first of side 0 */

static char answer[1024]; /* the packets that side 1 sent since listen, printed */

static bool hear(pair *p, int from, slice bytes)
{
	(void)p;
	if (from == 0)
		return true;
	text t = {.out = answer, .capacity = sizeof answer, .len = strlen(answer)};
	sctp_print_packet(bytes, &t);
	text_string(&t, "; ");
	return true;
}

static void listen(pair *p)
{
	p->drop = hear;
	answer[0] = '\0';
}

static void connect_numbered(pair *p)
{
	pair_prepare(p, 1);
	p->config[0].interleaving = p->config[1].interleaving = false; /* for I-DATA see sctp_interleaving_test.c */
	p->config[0].has_initial_tsn = p->config[1].has_initial_tsn = true;
	p->config[0].initial_tsn = TSN;
	p->config[1].initial_tsn = 500;
	assert_true(pair_connect(p));
	pair_run(p, US_PER_S);
	listen(p);
}

static void inject_tagged(pair *p, uint32_t tag, slice chunks)
{
	uint8_t bytes[512];
	writer w = writer_of(bytes, sizeof bytes);
	answer[0] = '\0';
	sctp_packet_begin(&w, SCTP_PORT, SCTP_PORT, tag);
	write_bytes(&w, chunks);
	sctp_packet_seal(&w);
	assert_false(w.bad);
	pair_inject(p, 1, writer_slice(&w));
}

static void inject(pair *p, slice chunks)
{
	uint8_t bytes[512];
	answer[0] = '\0';
	pair_inject(p, 1, slice_of(bytes, pair_wrap(p, 1, chunks, bytes, sizeof bytes)));
}

static void inject_data(pair *p, uint32_t tsn, uint16_t stream, size_t len)
{
	uint8_t bytes[64];
	writer w = writer_of(bytes, sizeof bytes);
	sctp_data data = {.tsn = tsn, .stream = stream, .unordered = true, .begin = true, .end = true};
	data.payload = slice_of("data of a message", len);
	sctp_data_encode(&w, &data);
	inject(p, writer_slice(&w));
}

static void assert_says(const char *words)
{
	if (!strstr(answer, words))
		fail_msg("no \"%s\" in \"%s\"", words, answer);
}

static void assert_silent(void)
{
	assert_string_equal(answer, "");
}

static slice init_chunk(writer *w, uint8_t type, uint32_t tag, uint32_t window, uint16_t streams_out,
			uint16_t streams_in)
{
	static const uint8_t cookie[4] = {1, 2, 3, 4};
	sctp_init init = {.tag = tag,
			  .window = window,
			  .streams_out = streams_out,
			  .streams_in = streams_in,
			  .initial_tsn = TSN,
			  .has_cookie = type == SCTP_CHUNK_INIT_ACK && tag != 8,
			  .cookie = slice_of(cookie, sizeof cookie)};
	sctp_init_encode(w, type, &init);
	return writer_slice(w);
}

/* RFC 9260 3.3.2 */
static void an_init_that_cannot_be_is_refused(void **state)
{
	(void)state;
	static const struct {
		uint32_t tag, window;
		uint16_t streams_out, streams_in;
		const char *answer;
	} cases[] = {
		{7, 1500, 1, 1, "tag=00000007 INIT-ACK"}, {0, 1500, 1, 1, NULL},
		{7, 1499, 1, 1, "tag=00000007 ABORT"},	  {7, 1500, 0, 1, "tag=00000007 ABORT"},
		{7, 1500, 1, 0, "tag=00000007 ABORT"},
	};
	pair p;
	connect_numbered(&p);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		uint8_t bytes[64];
		writer w = writer_of(bytes, sizeof bytes);
		inject_tagged(&p, 0,
			      init_chunk(&w, SCTP_CHUNK_INIT, cases[i].tag, cases[i].window, cases[i].streams_out,
					 cases[i].streams_in));
		if (cases[i].answer)
			assert_says(cases[i].answer);
		else
			assert_silent();
		assert_int_equal(sctp_get_state(p.end[1]), SCTP_ESTABLISHED);
	}
	pair_clear(&p);
}

/* RFC 9260 3.3.3: the association ends, except for a window that is too small, which only drops the packet. */
static void an_init_ack_that_cannot_be_ends_the_attempt(void **state)
{
	(void)state;
	static const struct {
		uint32_t tag, window;
		uint16_t streams_out, streams_in;
		sctp_state state;
		const char *answer;
	} cases[] = {
		{7, 1500, 1, 1, SCTP_COOKIE_ECHOED, "tag=00000007 COOKIE-ECHO"},
		{7, 1499, 1, 1, SCTP_COOKIE_WAIT, NULL},
		{0, 1500, 1, 1, SCTP_CLOSED, NULL},
		{7, 1500, 0, 1, SCTP_CLOSED, "tag=00000007 ABORT cause=7"},
		{7, 1500, 1, 0, SCTP_CLOSED, "tag=00000007 ABORT cause=7"},
		{8, 1500, 1, 1, SCTP_CLOSED, "tag=00000008 ABORT cause=2 missing=1: 7"}, /* see init_chunk */
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		uint8_t bytes[64];
		writer w = writer_of(bytes, sizeof bytes);
		pair p;
		pair_prepare(&p, 1);
		listen(&p);
		assert_true(pair_create(&p));
		assert_int_equal(sctp_connect(p.end[1], p.now), 0);
		pair_drain(&p);
		assert_says("tag=00000000 INIT ");
		inject(&p, init_chunk(&w, SCTP_CHUNK_INIT_ACK, cases[i].tag, cases[i].window, cases[i].streams_out,
				      cases[i].streams_in));
		assert_int_equal(sctp_get_state(p.end[1]), cases[i].state);
		if (cases[i].answer)
			assert_says(cases[i].answer);
		else
			assert_silent();
		pair_clear(&p);
	}
}

/* RFC 9260 9.2 */
static void data_in_shutdown_sent_is_answered_by_shutdown(void **state)
{
	(void)state;
	pair p;
	connect_numbered(&p);
	assert_int_equal(sctp_shutdown(p.end[1], p.now), 0);
	pair_drain(&p);
	assert_says("SHUTDOWN");
	assert_int_equal(sctp_get_state(p.end[1]), SCTP_SHUTDOWN_SENT);
	uint64_t t2 = sctp_deadline(p.end[1]);
	p.now += 1000;
	inject_data(&p, TSN, 0, 4);
	assert_says("SHUTDOWN");
	assert_int_equal(p.messages[1], 1);
	assert_true(sctp_deadline(p.end[1]) > t2);
	inject_data(&p, TSN + 2, 0, 4); /* SHUTDOWN alone cannot tell of a gap */
	assert_says("gaps=2-2");
	assert_says("SHUTDOWN");
	pair_clear(&p);
}

/* RFC 9260 3.2 */
static void unknown_chunks_are_skipped_or_reported_as_they_ask(void **state)
{
	(void)state;
	static const struct {
		uint8_t type;
		bool reported, skipped;
	} cases[] = {{0x3f, false, false}, {0x7f, true, false}, {0xbf, false, true}, {0xff, true, true}};
	pair p;
	connect_numbered(&p);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		const uint8_t bytes[] = {cases[i].type, 0, 0, 5, 9, 0, 0, 0, SCTP_CHUNK_HEARTBEAT, 0, 0, 8, 0, 1, 0, 4};
		inject(&p, slice_of(bytes, sizeof bytes));
		assert_int_equal(strstr(answer, "ERROR cause=6") != NULL, cases[i].reported);
		assert_int_equal(strstr(answer, "HEARTBEAT-ACK") != NULL, cases[i].skipped);
	}
	pair_clear(&p);
}

/* RFC 9260 3.2.1: reported in the INIT ACK, and the rest read or not. */
static void unknown_parameters_of_an_init_are_reported(void **state)
{
	(void)state;
	static const uint16_t types[] = {0x3fff, 0x7fff, 0xbfff, 0xffff};
	pair p;
	connect_numbered(&p);
	size_t plain = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
		uint8_t bytes[64];
		writer w = writer_of(bytes, sizeof bytes);
		size_t at = sctp_chunk_begin(&w, SCTP_CHUNK_INIT, 0);
		write_u32(&w, 7);
		write_u32(&w, 100000);
		write_u16(&w, 1);
		write_u16(&w, 1);
		write_u32(&w, TSN);
		sctp_write_param(&w, types[i], slice_of("what", 4));
		sctp_tlv_end(&w, at);
		sctp_stats before, after;
		sctp_get_stats(p.end[1], &before);
		inject_tagged(&p, 0, writer_slice(&w));
		assert_says("INIT-ACK");
		sctp_get_stats(p.end[1], &after);
		size_t size = (size_t)(after.bytes_sent - before.bytes_sent);
		if (i == 0)
			plain = size;
		assert_int_equal(size - plain, types[i] & SCTP_PARAM_REPORT_BIT ? 12 : 0);
	}
	pair_clear(&p);
}

/* RFC 9260 8.5, 8.5.1 */
static void packets_with_a_wrong_tag_or_checksum_are_dropped(void **state)
{
	(void)state;
	static const uint8_t abort_t[] = {SCTP_CHUNK_ABORT, SCTP_FLAG_TAG_REFLECTED, 0, 4};
	static const uint8_t heartbeat[] = {SCTP_CHUNK_HEARTBEAT, 0, 0, 8, 0, 1, 0, 4};
	static const uint8_t shutdown_complete[] = {SCTP_CHUNK_SHUTDOWN_COMPLETE, 0, 0, 4};
	pair p;
	connect_numbered(&p);
	inject_tagged(&p, 12345, slice_of(heartbeat, sizeof heartbeat));
	inject_tagged(&p, 12345, slice_of(abort_t, sizeof abort_t));
	inject_tagged(&p, 12345, slice_of(shutdown_complete, sizeof shutdown_complete));
	uint8_t bytes[64];
	size_t len = pair_wrap(&p, 1, slice_of(heartbeat, sizeof heartbeat), bytes, sizeof bytes);
	bytes[8] ^= 1;
	pair_inject(&p, 1, slice_of(bytes, len));
	assert_silent();
	assert_int_equal(sctp_get_state(p.end[1]), SCTP_ESTABLISHED);
	sctp_stats s;
	sctp_get_stats(p.end[1], &s);
	assert_int_equal(s.packets_invalid, 4);
	inject(&p, slice_of(heartbeat, sizeof heartbeat));
	assert_says("HEARTBEAT-ACK");
	pair_clear(&p);
}

/* RFC 9260 8.4 */
static void what_comes_out_of_the_blue_is_answered_or_not(void **state)
{
	(void)state;
	static const struct {
		uint8_t type;
		const char *answer;
	} cases[] = {
		{SCTP_CHUNK_ABORT, NULL},
		{SCTP_CHUNK_SHUTDOWN_ACK, "tag=00000009 SHUTDOWN-COMPLETE"},
		{SCTP_CHUNK_SHUTDOWN_COMPLETE, NULL},
		{SCTP_CHUNK_COOKIE_ACK, NULL},
		{SCTP_CHUNK_ERROR, NULL},
		{SCTP_CHUNK_HEARTBEAT, "tag=00000009 ABORT"},
	};
	pair p;
	pair_prepare(&p, 1);
	listen(&p);
	assert_true(pair_create(&p));
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		const uint8_t bytes[] = {cases[i].type, 0, 0, 4};
		inject_tagged(&p, 9, slice_of(bytes, sizeof bytes));
		if (cases[i].answer)
			assert_says(cases[i].answer);
		else
			assert_silent();
	}
	pair_clear(&p);
}

/* RFC 9260 6.10, 5.1 */
static void what_must_travel_alone_is_refused_in_company(void **state)
{
	(void)state;
	static const uint8_t types[] = {SCTP_CHUNK_INIT, SCTP_CHUNK_INIT_ACK, SCTP_CHUNK_SHUTDOWN_COMPLETE,
					SCTP_CHUNK_COOKIE_ECHO};
	pair p;
	connect_numbered(&p);
	for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
		const uint8_t bytes[] = {SCTP_CHUNK_HEARTBEAT, 0, 0, 8, 0, 1, 0, 4, types[i], 0, 0, 4};
		inject(&p, slice_of(bytes, sizeof bytes));
		assert_silent();
	}
	pair_clear(&p);
}

/* RFC 9260 6.2, 6.7: every second packet at once, a lone one after the delay, gaps and duplicates at once. */
static void acknowledgements_follow_the_rules(void **state)
{
	(void)state;
	pair p;
	connect_numbered(&p);
	inject_data(&p, TSN, 0, 4);
	assert_silent();
	pair_run(&p, p.config[1].sack_delay_us);
	assert_says("SACK cum=100 ");
	inject_data(&p, TSN + 1, 0, 4);
	assert_silent();
	inject_data(&p, TSN + 2, 0, 4);
	assert_says("SACK cum=102 ");
	inject_data(&p, TSN + 4, 0, 4);
	assert_says("SACK cum=102 ");
	assert_says("gaps=2-2");
	inject_data(&p, TSN + 4, 0, 4);
	assert_says("dups=1");
	assert_int_equal(p.messages[1], 4);
	pair_clear(&p);
}

/* RFC 9260 6.5, 3.3.10.1; RFC 7053 */
static void a_stream_that_is_not_there_is_an_error_and_acknowledged(void **state)
{
	(void)state;
	pair p;
	connect_numbered(&p);
	inject_data(&p, TSN, 65535, 4);
	assert_says("ERROR cause=1");
	assert_int_equal(p.messages[1], 0);
	inject_data(&p, TSN + 1, 0, 4);
	assert_says("SACK cum=101 ");
	pair_clear(&p);
}

static void data_that_asks_for_it_is_acknowledged_at_once(void **state)
{
	(void)state;
	uint8_t bytes[64];
	writer w = writer_of(bytes, sizeof bytes);
	sctp_data data = {.tsn = TSN, .begin = true, .end = true, .immediate = true, .payload = slice_of("I", 1)};
	pair p;
	connect_numbered(&p);
	sctp_data_encode(&w, &data);
	inject(&p, writer_slice(&w));
	assert_says("SACK cum=100 ");
	pair_clear(&p);
}

static void empty_data_aborts(void **state)
{
	(void)state;
	pair p;
	connect_numbered(&p);
	inject_data(&p, TSN, 0, 0);
	assert_says("ABORT cause=9 tsn=100");
	assert_int_equal(p.error[1], PARLEY_EPROTO);
	pair_clear(&p);
}

/* RFC 3758 3.6 */
static void a_forward_tsn_moves_on_but_not_beyond_reason(void **state)
{
	(void)state;
	pair p;
	connect_numbered(&p);
	static const struct {
		uint32_t to, cumulative;
	} cases[] = {{TSN + 9, TSN + 9}, {TSN + 5, TSN + 9}, {TSN + 9 + SCTP_TSN_WINDOW, TSN + 9}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		uint8_t bytes[16];
		char words[32];
		writer w = writer_of(bytes, sizeof bytes);
		size_t at = sctp_chunk_begin(&w, SCTP_CHUNK_FORWARD_TSN, 0);
		write_u32(&w, cases[i].to);
		sctp_tlv_end(&w, at);
		inject(&p, writer_slice(&w));
		snprintf(words, sizeof words, "SACK cum=%u ", (unsigned)cases[i].cumulative);
		assert_says(words);
	}
	pair_clear(&p);
}

/* RFC 6525 5.2: the next number is done once and answered again; another is refused; what is not offered is denied. */
static void reconfiguration_requests_are_counted(void **state)
{
	(void)state;
	static const struct {
		uint16_t type;
		uint32_t request;
		const char *answer;
	} cases[] = {
		{SCTP_PARAM_OUTGOING_RESET, TSN, "response(100 result=1)"},
		{SCTP_PARAM_OUTGOING_RESET, TSN, "response(100 result=1)"},
		{SCTP_PARAM_OUTGOING_RESET, TSN + 5, "response(105 result=5)"},
		{SCTP_PARAM_ADD_OUTGOING, TSN + 1, "response(101 result=0)"}, /* of no streams */
		{SCTP_PARAM_ADD_INCOMING, TSN + 2, "response(102 result=0)"},
	};
	pair p;
	connect_numbered(&p);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		uint8_t bytes[64];
		writer w = writer_of(bytes, sizeof bytes);
		size_t at = sctp_chunk_begin(&w, SCTP_CHUNK_RECONFIG, 0);
		size_t param = sctp_param_begin(&w, cases[i].type);
		write_u32(&w, cases[i].request);
		write_u32(&w, 499);
		write_u32(&w, TSN - 1);
		write_u16(&w, 3);
		sctp_tlv_end(&w, param);
		sctp_tlv_end(&w, at);
		inject(&p, writer_slice(&w));
		assert_says(cases[i].answer);
	}
	assert_int_equal(p.resets_in[1], 1);
	pair_clear(&p);
}

/* A request for our side of the streams in the list, to which `wanted` is the answer. */
static void ask_for_reset(pair *p, uint32_t request, const uint16_t *streams, size_t count, const char *wanted)
{
	uint8_t bytes[64];
	writer w = writer_of(bytes, sizeof bytes);
	size_t at = sctp_chunk_begin(&w, SCTP_CHUNK_RECONFIG, 0);
	size_t param = sctp_param_begin(&w, SCTP_PARAM_INCOMING_RESET);
	write_u32(&w, request);
	for (size_t i = 0; i < count; i++)
		write_u16(&w, streams[i]);
	sctp_tlv_end(&w, param);
	sctp_tlv_end(&w, at);
	inject(p, writer_slice(&w));
	assert_says(wanted);
}

/* RFC 6525 5.2.3: our own request answers it; with nothing sent on the stream there is nothing to do. */
static void a_request_to_reset_our_side_is_met(void **state)
{
	(void)state;
	static const uint16_t used = 3, unused = 4;
	pair p;
	connect_numbered(&p);
	p.drop = NULL;
	assert_int_equal(sctp_send(p.end[1], p.now, used, 51, slice_of("x", 1), NULL), 0);
	pair_run(&p, US_PER_S);
	listen(&p);
	ask_for_reset(&p, TSN, &used, 1, "response(100 result=6)");
	assert_says("type=13 streams=1");
	ask_for_reset(&p, TSN + 1, &unused, 1, "response(101 result=0)");
	ask_for_reset(&p, TSN + 2, &used, 1, "response(102 result=0)"); /* is being reset */
	pair_clear(&p);
}

/* RFC 6525 4.2, 4.4 */
static void a_request_without_a_list_means_all_streams(void **state)
{
	(void)state;
	static const uint16_t beyond[] = {3, 65534, 65535};
	pair p;
	connect_numbered(&p);
	p.drop = NULL;
	for (uint16_t stream = 3; stream < 6; stream++)
		assert_int_equal(sctp_send(p.end[1], p.now, stream, 51, slice_of("x", 1), NULL), 0);
	pair_run(&p, US_PER_S);
	listen(&p);
	ask_for_reset(&p, TSN, beyond, 3, "response(100 result=3)");
	assert_null(strstr(answer, "request"));
	ask_for_reset(&p, TSN + 1, NULL, 0, "response(101 result=6)");
	assert_says("type=13 streams=3");
	pair_clear(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_init_that_cannot_be_is_refused),
		cmocka_unit_test(an_init_ack_that_cannot_be_ends_the_attempt),
		cmocka_unit_test(data_in_shutdown_sent_is_answered_by_shutdown),
		cmocka_unit_test(unknown_chunks_are_skipped_or_reported_as_they_ask),
		cmocka_unit_test(unknown_parameters_of_an_init_are_reported),
		cmocka_unit_test(packets_with_a_wrong_tag_or_checksum_are_dropped),
		cmocka_unit_test(what_comes_out_of_the_blue_is_answered_or_not),
		cmocka_unit_test(what_must_travel_alone_is_refused_in_company),
		cmocka_unit_test(acknowledgements_follow_the_rules),
		cmocka_unit_test(a_stream_that_is_not_there_is_an_error_and_acknowledged),
		cmocka_unit_test(data_that_asks_for_it_is_acknowledged_at_once),
		cmocka_unit_test(empty_data_aborts),
		cmocka_unit_test(a_forward_tsn_moves_on_but_not_beyond_reason),
		cmocka_unit_test(reconfiguration_requests_are_counted),
		cmocka_unit_test(a_request_to_reset_our_side_is_met),
		cmocka_unit_test(a_request_without_a_list_means_all_streams),
	};
	return cmocka_run_group_tests_name("sctp/wire", tests, NULL, NULL);
}
