/* stun/transaction.h */
#include "tests/support/test.h"

#include <string.h>

#include "base/time.h"
#include "stun/stun.h"
#include "tests/unit/stun_vectors.h"

#define START (7 * US_PER_S)
#define NO_KEY slice_of(NULL, 0)

static const slice REQUEST = {RFC5769_REQUEST, sizeof RFC5769_REQUEST};

static bool sent(stun_txn *txn, uint64_t now)
{
	uint8_t bytes[256];
	packet p = {.data = bytes, .capacity = sizeof bytes};
	bool any = stun_txn_poll_transmit(txn, now, &p);
	if (any)
		assert_true(slice_equal(slice_of(p.data, p.len), REQUEST));
	assert_false(stun_txn_poll_transmit(txn, now, &p));
	stun_txn_check_invariants(txn);
	return any;
}

static stun_message parsed(const uint8_t *bytes, size_t len)
{
	stun_message m;
	assert_int_equal(stun_parse(slice_of(bytes, len), &m), 0);
	return m;
}

/* RFC 8489 6.2.1: "requests would be sent at 0, 500, 1500, 3500, 7500, 15500, 31500 ms; failed at 39500 ms". */
static void retransmissions_follow_the_rfc(void **state)
{
	(void)state;
	static const uint64_t AT_MS[] = {0, 500, 1500, 3500, 7500, 15500, 31500};
	stun_txn txn = {0};
	assert_true(stun_txn_deadline(&txn) == TIME_NEVER);
	assert_int_equal(stun_txn_start(&txn, START, REQUEST, STUN_RTO_INITIAL_US), 0);
	for (size_t i = 0; i < ARRAY_LENGTH(AT_MS); i++) {
		uint64_t now = START + AT_MS[i] * US_PER_MS;
		assert_true(stun_txn_deadline(&txn) == now);
		if (i > 0) {
			stun_txn_timeout(&txn, now - 1);
			assert_false(sent(&txn, now - 1));
		}
		stun_txn_timeout(&txn, now);
		assert_true(sent(&txn, now));
	}
	uint64_t end = START + 39500 * US_PER_MS;
	assert_true(stun_txn_deadline(&txn) == end);
	stun_txn_timeout(&txn, end - 1);
	assert_int_equal(txn.state, STUN_TXN_WAITING);
	stun_txn_timeout(&txn, end);
	assert_int_equal(txn.state, STUN_TXN_TIMED_OUT);
	assert_true(stun_txn_deadline(&txn) == TIME_NEVER);
	assert_false(sent(&txn, end));
}

static void over_a_stream_the_request_leaves_once(void **state)
{
	(void)state;
	stun_txn txn = {0};
	assert_int_equal(stun_txn_start_with(&txn, 0, REQUEST, STUN_RTO_INITIAL_US, 1, STUN_STREAM_WAIT_US), 0);
	assert_true(sent(&txn, 0));
	assert_true(stun_txn_deadline(&txn) == STUN_STREAM_WAIT_US);
	stun_txn_timeout(&txn, STUN_STREAM_WAIT_US);
	assert_int_equal(txn.state, STUN_TXN_TIMED_OUT);
}

static void the_response_ends_the_wait(void **state)
{
	(void)state;
	stun_txn txn = {0};
	stun_message response = parsed(RFC5769_IPV4_RESPONSE, sizeof RFC5769_IPV4_RESPONSE);
	assert_int_equal(stun_txn_start(&txn, 0, REQUEST, STUN_RTO_INITIAL_US), 0);
	assert_false(stun_txn_receive(&txn, 0, &response, NO_KEY)); /* not asked yet */
	assert_true(sent(&txn, 0));
	assert_true(stun_txn_receive(&txn, 30000, &response, slice_from_string(RFC5769_PASSWORD)));
	assert_int_equal(txn.state, STUN_TXN_ANSWERED);
	assert_int_equal(txn.answered_at - txn.sent_at, 30000);
	stun_txn_check_invariants(&txn);
	assert_false(stun_txn_receive(&txn, 30001, &response, slice_from_string(RFC5769_PASSWORD))); /* a duplicate */
	assert_int_equal(stun_txn_start(&txn, 0, REQUEST, STUN_RTO_INITIAL_US), PARLEY_EINVAL);
	stun_txn_reset(&txn);
	assert_int_equal(stun_txn_start(&txn, 0, REQUEST, STUN_RTO_INITIAL_US), 0);
}

static void a_forged_response_does_not_end_the_wait(void **state)
{
	(void)state;
	stun_txn txn = {0};
	uint8_t bytes[256];
	slice key = slice_from_string(RFC5769_PASSWORD);
	assert_int_equal(stun_txn_start(&txn, 0, REQUEST, STUN_RTO_INITIAL_US), 0);
	assert_true(sent(&txn, 0));
	memcpy(bytes, RFC5769_IPV4_RESPONSE, sizeof RFC5769_IPV4_RESPONSE);
	bytes[sizeof RFC5769_IPV4_RESPONSE - 12] ^= 1; /* in the MAC */
	stun_message forged = parsed(bytes, sizeof RFC5769_IPV4_RESPONSE);
	assert_false(stun_txn_receive(&txn, 1, &forged, key));
	writer w = writer_of(bytes, sizeof bytes);
	stun_begin(&w, STUN_ERROR, STUN_BINDING, &txn.id);
	stun_put_error(&w, STUN_ROLE_CONFLICT, NULL);
	stun_message bare = parsed(bytes, w.len);
	assert_false(stun_txn_receive(&txn, 2, &bare, key));
	assert_int_equal(txn.state, STUN_TXN_WAITING);
	stun_message real = parsed(RFC5769_IPV4_RESPONSE, sizeof RFC5769_IPV4_RESPONSE);
	assert_true(stun_txn_receive(&txn, 3, &real, key));
}

static void only_a_response_of_this_id_and_method_matches(void **state)
{
	(void)state;
	stun_txn txn = {0};
	assert_int_equal(stun_txn_start(&txn, 0, REQUEST, STUN_RTO_INITIAL_US), 0);
	assert_true(sent(&txn, 0));
	for (unsigned i = 0; i < 16; i++) {
		uint8_t bytes[32];
		stun_id id = txn.id;
		id.bytes[11] ^= i & 1;
		writer w = writer_of(bytes, sizeof bytes);
		stun_begin(&w, (stun_class)(i >> 2), i & 2 ? STUN_ALLOCATE : STUN_BINDING, &id);
		stun_message m = parsed(bytes, w.len);
		bool right = (i & 3) == 0 && i >> 2 >= STUN_SUCCESS;
		assert_int_equal(stun_txn_receive(&txn, 1, &m, NO_KEY), right);
		if (right) {
			stun_txn_reset(&txn);
			assert_int_equal(stun_txn_start(&txn, 0, REQUEST, STUN_RTO_INITIAL_US), 0);
			assert_true(sent(&txn, 0));
		}
	}
}

static void what_is_no_request_is_not_started(void **state)
{
	(void)state;
	stun_txn txn = {0};
	slice response = slice_of(RFC5769_IPV4_RESPONSE, sizeof RFC5769_IPV4_RESPONSE);
	assert_int_equal(stun_txn_start(&txn, 0, response, STUN_RTO_INITIAL_US), PARLEY_EINVAL);
	assert_int_equal(stun_txn_start(&txn, 0, slice_of("x", 1), STUN_RTO_INITIAL_US), PARLEY_EINVAL);
	assert_int_equal(stun_txn_start(&txn, 0, REQUEST, 0), PARLEY_EINVAL);
	assert_int_equal(txn.state, STUN_TXN_IDLE);
}

static void extreme_timings_never_wrap(void **state)
{
	(void)state;
	stun_txn txn = {0};
	assert_int_equal(stun_txn_start(&txn, START, REQUEST, UINT64_MAX), 0);
	for (unsigned i = 0; i < STUN_RETRANSMITS_MAX; i++) {
		uint64_t now = stun_txn_deadline(&txn);
		assert_true(now >= START);
		stun_txn_timeout(&txn, now);
		assert_true(sent(&txn, now));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(retransmissions_follow_the_rfc),
		cmocka_unit_test(over_a_stream_the_request_leaves_once),
		cmocka_unit_test(the_response_ends_the_wait),
		cmocka_unit_test(a_forged_response_does_not_end_the_wait),
		cmocka_unit_test(only_a_response_of_this_id_and_method_matches),
		cmocka_unit_test(what_is_no_request_is_not_started),
		cmocka_unit_test(extreme_timings_never_wrap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
