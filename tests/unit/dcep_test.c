/* sctp/dcep.h (RFC 8832 5) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "sctp/dcep.h"

/* As browsers send it for createDataChannel("chat", {ordered: false, maxRetransmits: 3, protocol: "x"}). */
static const uint8_t open_bytes[] = {3, 0x81, 1, 0, 0, 0, 0, 3, 0, 4, 0, 1, 'c', 'h', 'a', 't', 'x'};

static void open_is_decoded(void **state)
{
	(void)state;
	dcep_open open;
	assert_true(dcep_open_decode(slice_of(open_bytes, sizeof open_bytes), &open));
	assert_true(open.unordered && open.has_max_retransmits && !open.has_lifetime);
	assert_int_equal(open.reliability, 3);
	assert_int_equal(open.priority, 256);
	assert_true(slice_equal_string(open.label, "chat"));
	assert_true(slice_equal_string(open.protocol, "x"));
}

static void open_round_trips(void **state)
{
	(void)state;
	dcep_open open;
	uint8_t out[64];
	for (unsigned type = 0; type < 256; type++) {
		uint8_t bytes[sizeof open_bytes];
		memcpy(bytes, open_bytes, sizeof bytes);
		bytes[1] = (uint8_t)type;
		if ((type & 0x7f) == 0)
			bytes[7] = 0; /* reliable: no parameter */
		bool known = (type & 0x7f) <= 2;
		assert_int_equal(dcep_open_decode(slice_of(bytes, sizeof bytes), &open), known);
		if (!known)
			continue;
		writer w = writer_of(out, sizeof out);
		dcep_open_encode(&w, &open);
		assert_int_equal(w.len, sizeof bytes);
		assert_memory_equal(out, bytes, sizeof bytes);
	}
}

static void wrong_lengths_are_refused(void **state)
{
	(void)state;
	dcep_open open;
	for (size_t len = 0; len < sizeof open_bytes; len++)
		assert_false(dcep_open_decode(slice_of(open_bytes, len), &open));
	uint8_t longer[sizeof open_bytes + 1] = {0};
	memcpy(longer, open_bytes, sizeof open_bytes);
	assert_false(dcep_open_decode(slice_of(longer, sizeof longer), &open));
	assert_false(dcep_is_ack((slice){0}));
	assert_false(dcep_is_ack(slice_of(open_bytes, sizeof open_bytes)));
	assert_true(dcep_is_ack(slice_of("\2", 1)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open_is_decoded),
		cmocka_unit_test(open_round_trips),
		cmocka_unit_test(wrong_lengths_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
