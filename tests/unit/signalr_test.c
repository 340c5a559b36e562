/* signaling/signalr.h: the records, both ways */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "parley/types.h"
#include "signaling/signalr.h"
#include "tests/support/failmalloc.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static int decode(signalr_message *m, const char *record)
{
	return signalr_decode(m, slice_from_string(record));
}

static void records_are_split_at_their_ends(void **state)
{
	(void)state;
	slice payload = slice_from_string("{}\x1e{\"type\":6}\x1e\x1erest"), record;
	assert_true(signalr_next_record(&payload, &record));
	assert_true(slice_equal_string(record, "{}"));
	assert_true(signalr_next_record(&payload, &record));
	assert_true(slice_equal_string(record, "{\"type\":6}"));
	assert_true(signalr_next_record(&payload, &record));
	assert_int_equal(record.len, 0);
	assert_false(signalr_next_record(&payload, &record));
	assert_true(slice_equal_string(payload, "rest"));
}

/* Each type as it is written here, which is also how it reads. */
static void every_type_goes_both_ways(void **state)
{
	(void)state;
	static const char *const records[] = {
		"{\"type\":1,\"target\":\"bye\",\"arguments\":[]}\x1e",
		"{\"type\":1,\"invocationId\":\"7\",\"target\":\"Join\",\"arguments\":[\"1\",{\"a\":[null]}]}\x1e",
		"{\"type\":2,\"invocationId\":\"3\",\"item\":{\"a\":1}}\x1e",
		"{\"type\":3,\"invocationId\":\"0\"}\x1e",
		"{\"type\":3,\"invocationId\":\"0\",\"result\":null}\x1e",
		"{\"type\":3,\"invocationId\":\"0\",\"error\":\"no \\\"x\\\"\"}\x1e",
		"{\"type\":4,\"invocationId\":\"1\",\"target\":\"Counter\",\"arguments\":[10,500]}\x1e",
		"{\"type\":5,\"invocationId\":\"1\"}\x1e",
		"{\"type\":6}\x1e",
		"{\"type\":7}\x1e",
		"{\"type\":7,\"allowReconnect\":true,\"error\":\"stopping\"}\x1e",
		"{\"type\":8,\"sequenceId\":1394}\x1e",
		"{\"type\":9,\"sequenceId\":0}\x1e",
	};
	for (size_t i = 0; i < COUNT(records); i++) {
		signalr_message m;
		buf out = {.limit = 1000};
		slice payload = slice_from_string(records[i]), record;
		assert_true(signalr_next_record(&payload, &record));
		assert_int_equal(signalr_decode(&m, record), 0);
		assert_int_equal(signalr_encode(&out, &m), 0);
		assert_true(slice_equal_string(buf_slice(&out), records[i]));
		signalr_message_clear(&m);
		buf_clear(&out);
	}
}

static void unknown_types_and_fields_are_ignored(void **state)
{
	(void)state;
	signalr_message m;
	assert_int_equal(decode(&m, "{\"type\":99,\"target\":5,\"arguments\":{}}"), 0);
	assert_int_equal(m.type, SIGNALR_UNKNOWN);
	signalr_message_clear(&m);
	assert_int_equal(decode(&m, "{\"headers\":{\"a\":\"b\"},\"new\":[1],\"type\":6,\"target\":7}"), 0);
	assert_int_equal(m.type, SIGNALR_PING);
	signalr_message_clear(&m);
}

static void what_is_no_message_is_refused(void **state)
{
	(void)state;
	static const char *const records[] = {
		"",
		"{",
		"[]",
		"{}",
		"{\"type\":\"1\"}",
		"{\"type\":1.5}",
		"{\"type\":null}",
		"{\"type\":1,\"arguments\":[]}",
		"{\"type\":1,\"target\":\"x\"}",
		"{\"type\":1,\"target\":\"x\",\"arguments\":{}}",
		"{\"type\":1,\"target\":5,\"arguments\":[]}",
		"{\"type\":1,\"target\":\"x\",\"arguments\":[],\"invocationId\":0}",
		"{\"type\":2,\"invocationId\":\"1\"}",
		"{\"type\":3}",
		"{\"type\":3,\"invocationId\":\"1\",\"result\":1,\"error\":\"x\"}",
		"{\"type\":4,\"target\":\"x\",\"arguments\":[]}",
		"{\"type\":5}",
		"{\"type\":7,\"error\":5}",
		"{\"type\":7,\"allowReconnect\":\"yes\"}",
		"{\"type\":8}",
		"{\"type\":9,\"sequenceId\":-1}",
	};
	for (size_t i = 0; i < COUNT(records); i++) {
		signalr_message m;
		if (decode(&m, records[i]) != PARLEY_EPROTO)
			fail_msg("accepted: %s", records[i]);
	}
}

/* As an ASP.NET Core hub sends it: JSON in a string of JSON, with its liberal escapes. */
static void lists_that_are_escaped_twice_are_decoded(void **state)
{
	(void)state;
	signalr_message m;
	buf inner = {.limit = 1000};
	json_document doc;
	assert_int_equal(
		decode(&m,
		       "{\"type\":1,\"target\":\"updateRoom\",\"arguments\":[\"[{\\u0022RoomId\\u0022:\\u00221\\u0022,"
		       "\\u0022Name\\u0022:\\u0022caf\\\\u00E9 \\uD83D\\uDE00\\u0022,\\u0022Button\\u0022:"
		       "\\u0022\\u003Cbutton class=\\\\\\u0022joinButton\\\\\\u0022\\u003E\\u0022}]\"]}"),
		0);
	assert_int_equal(json_string(signalr_argument(&m, 0), &inner), 0);
	assert_int_equal(json_parse(&doc, buf_slice(&inner)), 0);
	json_value entry = json_element(json_root(&doc), 0);
	assert_true(json_equals(json_member(entry, "RoomId"), "1"));
	assert_true(json_equals(json_member(entry, "Name"), "caf\xc3\xa9 \xf0\x9f\x98\x80"));
	assert_true(json_equals(json_member(entry, "Button"), "<button class=\"joinButton\">"));
	json_clear(&doc);
	buf_clear(&inner);
	signalr_message_clear(&m);
}

static void handshakes_are_read_and_written(void **state)
{
	(void)state;
	signalr_handshake h;
	char error[32];
	buf out = {.limit = 1000};
	assert_int_equal(signalr_read_handshake_request(&h, slice_from_string("{\"protocol\":\"json\",\"version\":1}")),
			 0);
	assert_string_equal(h.protocol, "json");
	assert_int_equal(h.version, 1);
	assert_int_equal(signalr_read_handshake_request(&h, slice_from_string("{\"type\":6}")), PARLEY_EPROTO);
	assert_int_equal(signalr_read_handshake_response(slice_from_string("{}"), error, sizeof error), 0);
	assert_int_equal(signalr_read_handshake_response(slice_from_string("{\"error\":null}"), error, sizeof error),
			 0);
	assert_int_equal(signalr_read_handshake_response(slice_from_string("{\"error\":\"no\"}"), error, sizeof error),
			 PARLEY_EREFUSED);
	assert_string_equal(error, "no");
	assert_int_equal(signalr_read_handshake_response(slice_from_string("{\"type\":6}"), error, sizeof error),
			 PARLEY_EPROTO);
	assert_int_equal(signalr_write_handshake_response(&out, "no \"way\""), 0);
	assert_true(slice_equal_string(buf_slice(&out), "{\"error\":\"no \\\"way\\\"\"}\x1e"));
	buf_clear(&out);
}

static void a_record_that_does_not_fit_leaves_the_buf_alone(void **state)
{
	(void)state;
	buf out = {.limit = 20};
	assert_int_equal(buf_append(&out, slice_from_string("before")), 0);
	assert_int_equal(signalr_encode(&out, &(signalr_message){.type = SIGNALR_CLOSE, .has_error = true}),
			 PARLEY_ELIMIT);
	assert_true(slice_equal_string(buf_slice(&out), "before"));
	assert_int_equal(signalr_encode(&out, &(signalr_message){0}), PARLEY_EINVAL);
	buf_clear(&out);
}

static void decode_once(void *context)
{
	(void)context;
	signalr_message m;
	if (decode(&m, "{\"type\":1,\"invocationId\":\"7\",\"target\":\"Join\",\"arguments\":[\"1\"]}") == 0)
		signalr_message_clear(&m);
}

static void decoding_survives_failing_allocations(void **state)
{
	(void)state;
	failmalloc_loop(decode_once, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_split_at_their_ends),
		cmocka_unit_test(every_type_goes_both_ways),
		cmocka_unit_test(unknown_types_and_fields_are_ignored),
		cmocka_unit_test(what_is_no_message_is_refused),
		cmocka_unit_test(lists_that_are_escaped_twice_are_decoded),
		cmocka_unit_test(handshakes_are_read_and_written),
		cmocka_unit_test(a_record_that_does_not_fit_leaves_the_buf_alone),
		cmocka_unit_test(decoding_survives_failing_allocations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
