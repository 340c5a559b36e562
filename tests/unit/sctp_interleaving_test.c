/* sctp/sctp.h: user message interleaving (RFC 8260) between two associations on a virtual clock */
#include "tests/support/test.h"

#include <string.h>

#include "sctp/internal.h"
#include "tests/unit/sctp_pair.h"

#define BULK 1u /* streams */
#define URGENT 2u

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

static void assert_says(const char *words)
{
	if (!strstr(answer, words))
		fail_msg("no \"%s\" in \"%s\"", words, answer);
}

static int send_filled(pair *p, int from, uint16_t stream, size_t len, const sctp_send_options *options)
{
	static uint8_t bytes[300000];
	pair_fill(bytes, len, stream);
	return sctp_send(p->end[from], p->now, stream, stream, slice_of(bytes, len), options);
}

static void check_bytes(pair *p, int side, const sctp_event *e)
{
	(void)p;
	(void)side;
	static uint8_t want[300000];
	if (e->type != SCTP_EVENT_MESSAGE)
		return;
	assert_int_equal(e->stream, e->ppid);
	pair_fill(want, e->data.len, e->ppid);
	assert_memory_equal(want, e->data.data, e->data.len);
}

/* RFC 8260 2.2.1 */
static void i_data_is_used_if_both_announce_it(void **state)
{
	(void)state;
	for (unsigned allowed = 0; allowed < 4; allowed++) {
		pair p;
		pair_prepare(&p, allowed);
		for (int i = 0; i < 2; i++)
			p.config[i].interleaving = allowed >> i & 1;
		p.on_event = check_bytes;
		answer[0] = '\0';
		p.drop = hear;
		assert_true(pair_connect(&p));
		for (int i = 0; i < 2; i++)
			assert_int_equal(send_filled(&p, i, BULK, 5000, NULL), 0);
		pair_run(&p, US_PER_S);
		assert_int_equal(p.messages[0] + p.messages[1], 2);
		assert_int_equal(strstr(answer, " I-DATA ") != NULL, allowed == 3);
		assert_int_equal(strstr(answer, " DATA ") != NULL, allowed != 3);
		pair_clear(&p);
	}
}

/* RFC 8260 2.2.3, 2.3.1 */
static void the_chunks_of_the_other_kind_abort(void **state)
{
	(void)state;
	static const uint8_t types[] = {SCTP_CHUNK_DATA, SCTP_CHUNK_I_DATA, SCTP_CHUNK_FORWARD_TSN,
					SCTP_CHUNK_I_FORWARD_TSN};
	for (size_t i = 0; i < 2 * ARRAY_LENGTH(types); i++) {
		static const uint8_t value[20];
		uint8_t bytes[64], packet_bytes[128];
		bool interleaving = i & 1, of_interleaving = i / 2 % 2;
		writer w = writer_of(bytes, sizeof bytes);
		pair p;
		pair_prepare(&p, i);
		p.config[0].interleaving = interleaving;
		assert_true(pair_connect(&p));
		pair_run(&p, US_PER_S);
		answer[0] = '\0';
		p.drop = hear;
		sctp_write_chunk(&w, types[i / 2], SCTP_FLAG_BEGIN | SCTP_FLAG_END, slice_of(value, sizeof value));
		size_t len = pair_wrap(&p, 1, writer_slice(&w), packet_bytes, sizeof packet_bytes);
		pair_inject(&p, 1, slice_of(packet_bytes, len));
		assert_int_equal(strstr(answer, "ABORT cause=13") != NULL, interleaving != of_interleaving);
		assert_int_equal(sctp_get_state(p.end[1]) == SCTP_CLOSED, interleaving != of_interleaving);
		pair_clear(&p);
	}
}

static uint64_t urgent_came;

static void note_urgent(pair *p, int side, const sctp_event *e)
{
	check_bytes(p, side, e);
	if (e->type == SCTP_EVENT_MESSAGE && e->stream == URGENT)
		urgent_came = p->now;
}

/* Time from sending a small message to its arrival while large ones of another stream are under way. */
static uint64_t delay_beside_bulk(bool interleaving, sctp_schedule schedule, uint16_t bulk_priority, size_t waiting)
{
	pair p;
	pair_prepare(&p, 1);
	p.delay_us = 20 * US_PER_MS;
	for (int i = 0; i < 2; i++) {
		p.config[i].interleaving = interleaving;
		p.config[i].schedule = schedule;
	}
	p.on_event = note_urgent;
	assert_true(pair_connect(&p));
	assert_int_equal(sctp_set_priority(p.end[0], BULK, bulk_priority), 0);
	for (size_t i = 0; i < waiting; i++)
		assert_int_equal(send_filled(&p, 0, BULK, 250000, NULL), 0);
	pair_run(&p, 30 * US_PER_MS); /* into the first of them */
	urgent_came = 0;
	uint64_t sent = p.now;
	assert_int_equal(send_filled(&p, 0, URGENT, 50, NULL), 0);
	pair_run(&p, 5 * US_PER_S);
	assert_int_equal(p.messages[1], waiting + 1);
	assert_true(urgent_came > sent);
	pair_clear(&p);
	return urgent_came - sent;
}

/* It leaves as soon as the window lets anything leave: at most a round trip. */
static void a_small_message_does_not_wait_behind_large_ones(void **state)
{
	(void)state;
	for (unsigned schedule = SCTP_SCHEDULE_WEIGHTED; schedule <= SCTP_SCHEDULE_ROUND_ROBIN; schedule++) {
		assert_true(delay_beside_bulk(true, (sctp_schedule)schedule, 256, 4) < 65 * US_PER_MS);
		assert_true(delay_beside_bulk(false, (sctp_schedule)schedule, 256, 4) > 65 * US_PER_MS);
	}
	assert_true(delay_beside_bulk(true, SCTP_SCHEDULE_WEIGHTED, 1024, 4) < 65 * US_PER_MS);
	assert_true(delay_beside_bulk(true, SCTP_SCHEDULE_PRIORITY, 512, 4) > 65 * US_PER_MS);
}

static uint64_t done_at[3];

static void note_done(pair *p, int side, const sctp_event *e)
{
	check_bytes(p, side, e);
	if (e->type == SCTP_EVENT_MESSAGE)
		done_at[e->stream] = p->now;
}

/* RFC 8260 3.6 on the wire */
static void weights_are_kept_on_the_wire(void **state)
{
	(void)state;
	for (int interleaving = 0; interleaving < 2; interleaving++) {
		pair p;
		pair_prepare(&p, 3);
		p.config[0].interleaving = interleaving;
		p.on_event = note_done;
		assert_true(pair_connect(&p));
		assert_int_equal(sctp_set_priority(p.end[0], BULK, 128), 0);
		assert_int_equal(sctp_set_priority(p.end[0], URGENT, 512), 0);
		assert_int_equal(sctp_set_priority(p.end[0], URGENT, 0), PARLEY_EINVAL);
		for (int i = 0; i < 200; i++)
			for (uint16_t stream = BULK; stream <= URGENT; stream++)
				assert_int_equal(send_filled(&p, 0, stream, 10000, NULL), 0);
		while (sctp_buffered(p.end[0], URGENT) > 1000000)
			pair_run(&p, US_PER_MS);
		size_t urgent = 2000000 - sctp_buffered(p.end[0], URGENT);
		size_t bulk = 2000000 - sctp_buffered(p.end[0], BULK);
		assert_in_range(bulk * 4, urgent - 40000, urgent + 40000);
		pair_run(&p, 20 * US_PER_S);
		assert_int_equal(p.messages[1], 400);
		assert_true(done_at[URGENT] < done_at[BULK]);
		pair_clear(&p);
	}
}

static bool drop_data(pair *p, int from, slice bytes)
{
	hear(p, from, bytes);
	sctp_header h;
	return from == 0 && sctp_packet_decode_header(bytes, &h) && h.chunks.data[0] == SCTP_CHUNK_I_DATA;
}

static bool hear_sender(pair *p, int from, slice bytes)
{
	(void)p;
	return hear(p, !from, bytes);
}

/* RFC 8260 2.3.1: one entry for each stream and kind, with the last MID. */
static void what_is_given_up_is_skipped_by_mid(void **state)
{
	(void)state;
	pair p;
	pair_prepare(&p, 4);
	p.on_event = check_bytes;
	assert_true(pair_connect(&p));
	pair_run(&p, US_PER_S);
	p.drop = drop_data;
	for (int i = 0; i < 6; i++) {
		sctp_send_options o = {.unordered = i % 3 == 0, .has_max_retransmits = true};
		assert_int_equal(send_filled(&p, 0, BULK, 2000, &o), 0);
	}
	pair_run(&p, 100 * US_PER_MS);
	p.drop = hear_sender;
	answer[0] = '\0';
	pair_run(&p, 2 * US_PER_S);
	assert_says("I-FORWARD-TSN");
	assert_says(" 1:1U");
	assert_says(" 1:3");
	assert_int_equal(p.failed[0], 6);
	for (int i = 0; i < 2; i++) { /* and all goes on behind */
		sctp_send_options o = {.unordered = i};
		assert_int_equal(send_filled(&p, 0, BULK, 2000, &o), 0);
	}
	pair_run(&p, US_PER_S);
	assert_int_equal(p.messages[1], 2);
	sctp_stats stats;
	sctp_get_stats(p.end[1], &stats);
	assert_int_equal(stats.receive_buffered, 0);
	pair_clear(&p);
}

/* A large message given up midway, its fragments mixed with those of another that is not. */
static void only_the_message_given_up_is_skipped(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		pair p;
		pair_prepare(&p, 100 + seed);
		p.on_event = check_bytes;
		assert_true(pair_connect(&p));
		p.loss_per_mille = 100;
		sctp_send_options o = {.has_lifetime = true, .lifetime_us = 60 * US_PER_MS};
		for (int i = 0; i < 3; i++) {
			assert_int_equal(send_filled(&p, 0, BULK, 100000, &o), 0);
			assert_int_equal(send_filled(&p, 0, URGENT, 100000, NULL), 0);
		}
		pair_run(&p, 60 * US_PER_S);
		assert_int_equal(p.messages[1] + p.failed[0], 6);
		assert_true(p.failed[0] > 0);
		p.loss_per_mille = 0;
		assert_int_equal(send_filled(&p, 0, BULK, 100, NULL), 0);
		pair_run(&p, 5 * US_PER_S);
		assert_int_equal(p.last_stream[1], BULK);
		assert_int_equal(p.last_len[1], 100);
		sctp_stats stats;
		sctp_get_stats(p.end[1], &stats);
		assert_int_equal(stats.receive_buffered, 0);
		pair_clear(&p);
	}
}

/* Without I-FORWARD TSN nothing may be given up (RFC 8260 2.3.1). */
static void a_peer_that_cannot_skip_gets_all(void **state)
{
	(void)state;
	pair p;
	pair_prepare(&p, 5);
	assert_true(pair_connect(&p));
	pair_run(&p, US_PER_S);
	p.end[0]->peer.i_forward_tsn = false;
	assert_false(sctp_peer_can_skip(p.end[0]));
	p.drop = drop_data;
	sctp_send_options o = {.has_max_retransmits = true};
	assert_int_equal(send_filled(&p, 0, BULK, 2000, &o), 0);
	pair_run(&p, US_PER_S);
	p.drop = NULL;
	pair_run(&p, 5 * US_PER_S);
	assert_int_equal(p.messages[1], 1);
	assert_int_equal(p.failed[0], 0);
	pair_clear(&p);
}

/* RFC 8260 2.3.2 */
static void a_reset_begins_both_kinds_of_mids_anew(void **state)
{
	(void)state;
	pair p;
	pair_prepare(&p, 6);
	p.on_event = check_bytes;
	assert_true(pair_connect(&p));
	uint16_t stream = BULK;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 6; i++) {
			sctp_send_options o = {.unordered = i & 1};
			assert_int_equal(send_filled(&p, 0, BULK, 100, &o), 0);
		}
		pair_run(&p, US_PER_S);
		assert_int_equal(p.messages[1], 6 * (round + 1));
		answer[0] = '\0';
		assert_int_equal(sctp_reset_streams(p.end[0], p.now, &stream, 1), 0);
		pair_run(&p, US_PER_S);
		assert_int_equal(p.resets_out[0], round + 1);
		p.drop = hear_sender;
	}
	assert_int_equal(send_filled(&p, 0, BULK, 100, NULL), 0);
	pair_run(&p, US_PER_S);
	assert_says("mid=0");
	pair_clear(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(i_data_is_used_if_both_announce_it),
		cmocka_unit_test(the_chunks_of_the_other_kind_abort),
		cmocka_unit_test(a_small_message_does_not_wait_behind_large_ones),
		cmocka_unit_test(weights_are_kept_on_the_wire),
		cmocka_unit_test(what_is_given_up_is_skipped_by_mid),
		cmocka_unit_test(only_the_message_given_up_is_skipped),
		cmocka_unit_test(a_peer_that_cannot_skip_gets_all),
		cmocka_unit_test(a_reset_begins_both_kinds_of_mids_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
