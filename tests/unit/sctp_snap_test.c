/* sctp/sctp.h: associations whose INITs travelled by signaling (draft-hancke-tsvwg-snap) */
#include "tests/support/test.h"

#include <string.h>

#include "base/hash.h"
#include "sctp/internal.h"
#include "tests/support/failmalloc.h"
#include "tests/unit/sctp_pair.h"

static char said[2000]; /* by both, printed */

static bool hear(pair *p, int from, slice bytes)
{
	(void)p;
	(void)from;
	text t = {.out = said, .capacity = sizeof said, .len = strlen(said)};
	sctp_print_packet(bytes, &t);
	text_string(&t, "; ");
	return false;
}

static bool swap_inits(pair *p)
{
	for (int side = 0; side < 2; side++) {
		uint8_t bytes[SCTP_LOCAL_INIT_MAX];
		writer w = writer_of(bytes, sizeof bytes);
		if (sctp_local_init(p->end[side], &w) || sctp_set_peer_init(p->end[!side], writer_slice(&w)))
			return false;
	}
	said[0] = '\0';
	p->drop = hear;
	return true;
}

static void no_init_is_sent(void **state)
{
	(void)state;
	pair p;
	pair_prepare(&p, 1);
	assert_true(pair_create(&p));
	assert_true(swap_inits(&p));
	assert_int_equal(sctp_get_state(p.end[0]), SCTP_CLOSED);
	assert_int_equal(sctp_deadline(p.end[0]), TIME_NEVER);
	for (int side = 0; side < 2; side++) {
		assert_int_equal(sctp_connect(p.end[side], p.now), 0);
		assert_int_equal(sctp_get_state(p.end[side]), SCTP_ESTABLISHED);
		assert_int_equal(sctp_connect(p.end[side], p.now), PARLEY_ESTATE);
		assert_int_equal(sctp_send(p.end[side], p.now, 1, 51, slice_of("hello", 5), NULL), 0);
	}
	pair_run(&p, 25 * US_PER_MS); /* one way takes 20 */
	assert_true(pair_both_connected(&p));
	assert_int_equal(p.messages[0] + p.messages[1], 2);
	assert_null(strstr(said, "INIT"));
	assert_null(strstr(said, "COOKIE"));
	for (int side = 0; side < 2; side++) { /* what INITs agree on is agreed on */
		sctp_stats s;
		sctp_get_stats(p.end[side], &s);
		assert_true(s.interleaving && s.peer_forward_tsn && s.peer_reconfig && s.peer_zero_checksum);
		assert_int_equal(s.streams_out, 65535);
	}
	assert_int_equal(sctp_shutdown(p.end[0], p.now), 0);
	pair_run(&p, US_PER_S);
	assert_true(p.closed[0] && p.closed[1]);
	pair_clear(&p);
}

/* The peer knows first that DTLS is up, and its data is there before sctp_connect is called. */
static void data_may_come_before_the_own_beginning(void **state)
{
	(void)state;
	pair p;
	pair_prepare(&p, 2);
	assert_true(pair_create(&p));
	assert_true(swap_inits(&p));
	assert_int_equal(sctp_connect(p.end[0], p.now), 0);
	assert_int_equal(sctp_send(p.end[0], p.now, 1, 51, slice_of("hello", 5), NULL), 0);
	pair_run(&p, US_PER_S);
	assert_int_equal(p.messages[1], 1);
	assert_true(p.connected[1]);
	assert_int_equal(sctp_connect(p.end[1], p.now), PARLEY_ESTATE);
	pair_clear(&p);
}

/* One side was told, and the other was not: it sends its INIT, and is answered as ever. */
static void an_init_by_packet_still_works(void **state)
{
	(void)state;
	uint8_t bytes[SCTP_LOCAL_INIT_MAX];
	writer w = writer_of(bytes, sizeof bytes);
	pair p;
	pair_prepare(&p, 3);
	assert_true(pair_create(&p));
	assert_int_equal(sctp_local_init(p.end[0], &w), 0); /* told, and not used by the peer */
	assert_int_equal(sctp_connect(p.end[0], p.now), 0);
	assert_int_equal(sctp_connect(p.end[1], p.now), 0);
	assert_true(pair_run_until(&p, pair_both_connected, US_PER_S));
	w = writer_of(bytes, sizeof bytes);
	assert_int_equal(sctp_local_init(p.end[0], &w), PARLEY_ESTATE);
	assert_int_equal(sctp_set_peer_init(p.end[0], slice_of(bytes, 20)), PARLEY_ESTATE);
	pair_clear(&p);
}

static void the_drafts_example_is_understood(void **state)
{
	(void)state;
	uint8_t bytes[64];
	size_t len;
	pair p;
	assert_int_equal(
		base64_decode(slice_from_string("AQAAHols3R0AUAAA/////+B5ZR3AAAAEgAgABoLA"), bytes, sizeof bytes, &len),
		0);
	pair_prepare(&p, 4);
	assert_true(pair_create(&p));
	assert_int_equal(sctp_set_peer_init(p.end[0], slice_of(bytes, len)), 0);
	assert_int_equal(sctp_connect(p.end[0], p.now), 0);
	assert_int_equal(p.end[0]->peer_tag, 0x896cdd1d);
	assert_int_equal(p.end[0]->received.cumulative + 1, 0xe079651d);
	sctp_stats s;
	sctp_get_stats(p.end[0], &s);
	assert_int_equal(s.peer_window, 0x500000);
	assert_true(s.peer_forward_tsn && s.peer_reconfig && !s.interleaving && !s.peer_zero_checksum);
	pair_clear(&p);
}

static void what_is_no_init_is_refused(void **state)
{
	(void)state;
	static const uint8_t good[] = {1, 0, 0, 20, 0, 0, 0, 7, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 9};
	static const struct {
		size_t at;
		uint8_t value;
	} spoilt[] = {{0, 2} /* INIT ACK */, {3, 21}, {3, 19}, {7, 0} /* tag */, {9, 0} /* window */,
		      {13, 0} /* streams */, {15, 0}};
	pair p;
	pair_prepare(&p, 5);
	assert_true(pair_create(&p));
	assert_true(sctp_init_is_valid(slice_of(good, sizeof good)));
	for (size_t len = 0; len < sizeof good; len++)
		assert_false(sctp_init_is_valid(slice_of(good, len)));
	for (size_t i = 0; i < ARRAY_LENGTH(spoilt); i++) {
		uint8_t bytes[sizeof good];
		memcpy(bytes, good, sizeof good);
		bytes[spoilt[i].at] = spoilt[i].value;
		assert_int_equal(sctp_set_peer_init(p.end[0], slice_of(bytes, sizeof bytes)), PARLEY_EINVAL);
	}
	assert_false(p.end[0]->has_peer_init);
	assert_int_equal(sctp_set_peer_init(p.end[0], slice_of(good, sizeof good)), 0);
	pair_clear(&p);
}

static void out_of_memory_body(void *context)
{
	(void)context;
	pair p;
	pair_prepare(&p, 6);
	if (pair_create(&p) && swap_inits(&p)) {
		sctp_connect(p.end[0], p.now);
		sctp_connect(p.end[1], p.now);
		sctp_send(p.end[0], p.now, 1, 51, slice_of("hello", 5), NULL);
		pair_run(&p, US_PER_S);
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
		cmocka_unit_test(no_init_is_sent),
		cmocka_unit_test(data_may_come_before_the_own_beginning),
		cmocka_unit_test(an_init_by_packet_still_works),
		cmocka_unit_test(the_drafts_example_is_understood),
		cmocka_unit_test(what_is_no_init_is_refused),
		cmocka_unit_test(runs_out_of_memory_cleanly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
