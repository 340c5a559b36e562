/* sctp/reconfig.c, sctp/reconfig_peer.c: streams are added, and all numbers begin anew (RFC 6525) */
#include "tests/support/test.h"

#include <string.h>

#include "sctp/internal.h"
#include "tests/support/failmalloc.h"
#include "tests/unit/sctp_pair.h"

#define TSN 1000u /* the first of either side */

static char answer[2000]; /* what side 1 sent since listen, printed */

static bool hear(pair *p, int from, slice bytes)
{
	(void)p;
	if (from == 1) {
		text t = {.out = answer, .capacity = sizeof answer, .len = strlen(answer)};
		sctp_print_packet(bytes, &t);
		text_string(&t, "; ");
	}
	return false;
}

static void listen(pair *p)
{
	p->drop = hear;
	answer[0] = '\0';
}

static void assert_says(const char *words)
{
	if (!strstr(answer, words))
		fail_msg("no \"%s\" in \"%s\"", words, answer);
}

static void prepare(pair *p, uint64_t seed, uint16_t streams)
{
	pair_prepare(p, seed);
	for (int i = 0; i < 2; i++) {
		p->config[i].streams_out = p->config[i].streams_in = streams;
		p->config[i].has_initial_tsn = true;
		p->config[i].initial_tsn = TSN;
		p->config[i].heartbeat_us = TIME_NEVER;
	}
}

static void assert_streams(const pair *p, int side, uint16_t out, uint16_t in)
{
	sctp_stats s;
	sctp_get_stats(p->end[side], &s);
	assert_int_equal(s.streams_out, out);
	assert_int_equal(s.streams_in, in);
}

static int send_on(pair *p, int side, uint16_t stream)
{
	return sctp_send(p->end[side], p->now, stream, 51, slice_of("x", 1), NULL);
}

/* RFC 6525 5.1.5, 5.1.6, 5.2.5 to 5.2.7 */
static void streams_are_added_both_ways(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		pair p;
		prepare(&p, seed, 10);
		assert_true(pair_connect(&p));
		p.loss_per_mille = seed % 4 ? 250 : 0;
		assert_int_equal(send_on(&p, 0, 12), PARLEY_EINVAL);
		assert_int_equal(sctp_add_streams(p.end[0], p.now, 5, 7), 0);
		if (seed & 1)
			assert_int_equal(sctp_add_streams(p.end[1], p.now, 1, 2), 0);
		assert_int_equal(send_on(&p, 0, 12), PARLEY_EINVAL); /* not before the answer */
		pair_run(&p, 300 * US_PER_S);
		assert_streams(&p, 0, seed & 1 ? 17 : 15, seed & 1 ? 18 : 17);
		assert_streams(&p, 1, seed & 1 ? 18 : 17, seed & 1 ? 17 : 15);
		assert_true(p.changes[0] >= 1 && p.changes[1] >= 1);
		assert_int_equal(p.change_error[0] | p.change_error[1], 0);
		assert_int_equal(send_on(&p, 0, 14), 0);
		assert_int_equal(send_on(&p, 1, 16), 0);
		pair_run(&p, 120 * US_PER_S);
		assert_int_equal(p.messages[0] + p.messages[1], 2);
		pair_clear(&p);
	}
}

static void too_many_streams_are_refused(void **state)
{
	(void)state;
	pair p;
	prepare(&p, 1, 10);
	p.config[1].streams_in_max = 12;
	assert_true(pair_create(&p));
	assert_int_equal(sctp_add_streams(p.end[0], p.now, 1, 0), PARLEY_ESTATE);
	sctp_connect(p.end[0], p.now);
	assert_true(pair_run_until(&p, pair_both_connected, US_PER_S));
	assert_int_equal(sctp_add_streams(p.end[0], p.now, 65526, 0), PARLEY_EINVAL);
	assert_int_equal(sctp_add_streams(p.end[0], p.now, 0, 65526), PARLEY_EINVAL);
	assert_int_equal(sctp_add_streams(p.end[0], p.now, 3, 0), 0);
	assert_int_equal(sctp_add_streams(p.end[0], p.now, 65525 - 2, 0), PARLEY_EINVAL); /* with the 3 under way */
	pair_run(&p, US_PER_S);
	assert_int_equal(p.change_error[0], PARLEY_EREFUSED);
	assert_streams(&p, 0, 10, 10);
	assert_int_equal(sctp_add_streams(p.end[0], p.now, 2, 0), 0);
	pair_run(&p, US_PER_S);
	assert_int_equal(p.change_error[0], 0);
	assert_streams(&p, 0, 12, 10);
	assert_streams(&p, 1, 10, 12);
	p.end[0]->peer.reconfig = false;
	assert_int_equal(sctp_add_streams(p.end[0], p.now, 1, 0), PARLEY_EUNSUPPORTED);
	pair_clear(&p);
}

/* --- requests made by hand, to side 1 --- */

static void ask(pair *p, slice params)
{
	uint8_t bytes[200], packet_bytes[300];
	writer w = writer_of(bytes, sizeof bytes);
	sctp_write_chunk(&w, SCTP_CHUNK_RECONFIG, 0, params);
	listen(p);
	pair_inject(p, 1, slice_of(packet_bytes, pair_wrap(p, 1, writer_slice(&w), packet_bytes, sizeof packet_bytes)));
}

static void write_request(writer *w, uint16_t type, uint32_t number, uint16_t count)
{
	size_t at = sctp_param_begin(w, type);
	write_u32(w, number);
	if (type != SCTP_PARAM_TSN_RESET) {
		write_u16(w, count);
		write_u16(w, 0);
	}
	sctp_tlv_end(w, at);
}

static void ask_for(pair *p, uint16_t type, uint32_t number, uint16_t count)
{
	uint8_t bytes[32];
	writer w = writer_of(bytes, sizeof bytes);
	write_request(&w, type, number, count);
	ask(p, writer_slice(&w));
}

static void connect_for_requests(pair *p)
{
	prepare(p, 5, 10);
	assert_true(pair_connect(p));
	pair_run(p, US_PER_S);
}

/* RFC 6525 5.2.1 */
static void two_requests_in_a_chunk_are_answered_in_one(void **state)
{
	(void)state;
	uint8_t bytes[64];
	pair p;
	connect_for_requests(&p);
	writer w = writer_of(bytes, sizeof bytes);
	write_request(&w, SCTP_PARAM_ADD_OUTGOING, TSN, 3);
	write_request(&w, SCTP_PARAM_ADD_INCOMING, TSN + 1, 4);
	ask(&p, writer_slice(&w));
	assert_says("RE-CONFIG response(1000 result=1) response(1001 result=1)");
	assert_says("RE-CONFIG request(1000 type=17"); /* what answers the second */
	assert_says("SACK");
	assert_streams(&p, 1, 10, 13);
	ask_for(&p, SCTP_PARAM_ADD_INCOMING, TSN + 1, 4); /* again: nothing more is asked for */
	assert_says("response(1001 result=1)");
	pair_run(&p, US_PER_S);
	assert_streams(&p, 1, 14, 13);
	pair_clear(&p);
}

static void send_one(pair *p, uint32_t tsn, uint32_t mid)
{
	uint8_t bytes[64], packet_bytes[128];
	writer w = writer_of(bytes, sizeof bytes);
	sctp_data d = {.interleaved = true, .begin = true, .end = true, .tsn = tsn, .mid = mid};
	d.payload = slice_of("hello", 5);
	sctp_data_encode(&w, &d);
	listen(p);
	pair_inject(p, 1, slice_of(packet_bytes, pair_wrap(p, 1, writer_slice(&w), packet_bytes, sizeof packet_bytes)));
}

/* RFC 6525 5.2.4, 4.4: our next TSN stays, the peer's leaps by half of all; streams begin at 0. */
static void all_numbers_begin_anew(void **state)
{
	(void)state;
	pair p;
	connect_for_requests(&p);
	assert_int_equal(send_on(&p, 0, 0), 0);
	assert_int_equal(send_on(&p, 1, 0), 0);
	pair_run(&p, US_PER_S);
	assert_int_equal(p.messages[0] + p.messages[1], 2);
	for (int again = 0; again < 2; again++) {
		ask_for(&p, SCTP_PARAM_TSN_RESET, TSN, 0);
		assert_says("response(1000 result=1 tsns=1001/2147484649)");
		assert_int_equal(p.resets_in[1], 1);
	}
	send_one(&p, TSN + 1, 1); /* of before: a duplicate */
	assert_int_equal(p.messages[1], 1);
	send_one(&p, TSN + 1 + (1u << 31), 0);
	assert_int_equal(p.messages[1], 2);
	pair_run(&p, US_PER_S);
	assert_says("SACK cum=2147484649");
	listen(&p);
	assert_int_equal(send_on(&p, 1, 0), 0);
	pair_drain(&p);
	assert_says("I-DATA tsn=1001 sid=0 mid=0");
	pair_clear(&p);
}

/* Not while data is under way: the same request comes again later. */
static void numbers_that_are_in_use_are_not_reset(void **state)
{
	(void)state;
	pair p;
	connect_for_requests(&p);
	assert_int_equal(send_on(&p, 1, 0), 0);
	pair_drain(&p);
	ask_for(&p, SCTP_PARAM_TSN_RESET, TSN, 0);
	assert_says("response(1000 result=6)");
	pair_run(&p, US_PER_S);
	ask_for(&p, SCTP_PARAM_TSN_RESET, TSN, 0);
	assert_says("response(1000 result=1 tsns=1001/");
	pair_clear(&p);
}

static bool drop_reconfig(pair *p, int from, slice bytes)
{
	(void)p;
	sctp_header h;
	return from == 1 && sctp_packet_decode_header(bytes, &h) && h.chunks.data[0] == SCTP_CHUNK_RECONFIG;
}

/* To the request of side 1. */
static void answer_ours(pair *p, uint32_t result)
{
	uint8_t bytes[64], chunk[64], packet_bytes[128];
	writer w = writer_of(bytes, sizeof bytes), c = writer_of(chunk, sizeof chunk);
	sctp_reconfig_response r = {.request = TSN, .result = result};
	sctp_reconfig_response_encode(&w, &r);
	sctp_write_chunk(&c, SCTP_CHUNK_RECONFIG, 0, writer_slice(&w));
	pair_inject(p, 1, slice_of(packet_bytes, pair_wrap(p, 1, writer_slice(&c), packet_bytes, sizeof packet_bytes)));
}

/* RFC 6525 5.2.7 H2: asked again and again, and never counted as a sign of a dead peer. */
static void a_peer_that_says_in_progress_is_asked_again(void **state)
{
	(void)state;
	pair p;
	connect_for_requests(&p);
	p.end[1]->config.max_retransmits = 2;
	p.drop = drop_reconfig;
	assert_int_equal(sctp_add_streams(p.end[1], p.now, 1, 0), 0);
	pair_drain(&p);
	for (int i = 0; i < 10; i++) {
		size_t asked = p.sent[1];
		answer_ours(&p, SCTP_RESULT_IN_PROGRESS);
		pair_run(&p, US_PER_S);
		assert_true(p.sent[1] > asked);
	}
	assert_int_equal(sctp_get_state(p.end[1]), SCTP_ESTABLISHED);
	answer_ours(&p, SCTP_RESULT_PERFORMED);
	assert_streams(&p, 1, 11, 10);
	pair_clear(&p);
}

static void out_of_memory_body(void *context)
{
	(void)context;
	pair p;
	prepare(&p, 9, 10);
	if (pair_connect(&p)) {
		uint16_t streams[2] = {1, 2};
		send_on(&p, 0, 1);
		pair_run(&p, US_PER_S);
		sctp_reset_streams(p.end[0], p.now, streams, 2);
		sctp_add_streams(p.end[0], p.now, 1, 1);
		pair_run(&p, 2 * US_PER_S);
		ask_for(&p, SCTP_PARAM_TSN_RESET, p.end[1]->reconfig.expected, 0);
		pair_run(&p, 5 * US_PER_S);
	}
	pair_clear(&p);
}

static void runs_out_of_memory_cleanly(void **state)
{
	(void)state;
	failmalloc_loop(out_of_memory_body, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_are_added_both_ways),
		cmocka_unit_test(too_many_streams_are_refused),
		cmocka_unit_test(two_requests_in_a_chunk_are_answered_in_one),
		cmocka_unit_test(all_numbers_begin_anew),
		cmocka_unit_test(numbers_that_are_in_use_are_not_reset),
		cmocka_unit_test(a_peer_that_says_in_progress_is_asked_again),
		cmocka_unit_test(runs_out_of_memory_cleanly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
