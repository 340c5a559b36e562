/* stun/message.h, stun/build.h, stun/channel.h, stun/print.h */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/rng.h"
#include "stun/stun.h"
#include "tests/unit/stun_vectors.h"

#define SLICE(array) slice_of(array, sizeof(array))

static const stun_id ID = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};

/* Parses a copy of the exact size, so that the address sanitizer sees a read past the end. */
static int parse_exact(slice in)
{
	stun_message m;
	uint8_t *copy = malloc(in.len ? in.len : 1);
	assert_non_null(copy);
	if (in.len)
		memcpy(copy, in.data, in.len);
	int error = stun_parse(slice_of(copy, in.len), &m);
	free(copy);
	return error;
}

static void rfc5769_request_is_understood(void **state)
{
	(void)state;
	stun_message m;
	assert_int_equal(stun_parse(SLICE(RFC5769_REQUEST), &m), 0);
	assert_int_equal(m.class, STUN_REQUEST);
	assert_int_equal(m.method, STUN_BINDING);
	assert_memory_equal(m.id.bytes, RFC5769_REQUEST + 8, STUN_ID_SIZE);
	assert_true(m.has_software && slice_equal_string(m.software, "STUN test client"));
	assert_true(m.has_priority && m.priority == 0x6e0001ff);
	assert_true(m.has_ice_controlled && m.ice_controlled == UINT64_C(0x932ff9b151263b36));
	assert_false(m.has_ice_controlling);
	assert_false(m.has_use_candidate);
	assert_true(m.has_username && slice_equal_string(m.username, "evtj:h6vY"));
	assert_true(m.has_integrity && m.has_fingerprint);
	assert_int_equal(m.unknown_count, 0);
}

static void rfc5769_mapped_addresses_are_understood(void **state)
{
	(void)state;
	stun_message m;
	parley_addr v6;
	assert_int_equal(stun_parse(SLICE(RFC5769_IPV4_RESPONSE), &m), 0);
	assert_int_equal(m.class, STUN_SUCCESS);
	parley_addr v4 = addr_ipv4(192, 0, 2, 1, 32853);
	assert_true(m.has_xor_mapped_address && addr_equal(&m.xor_mapped_address, &v4));
	assert_int_equal(stun_parse(SLICE(RFC5769_IPV6_RESPONSE), &m), 0);
	assert_true(addr_parse_ip(slice_from_string("2001:db8:1234:5678:11:2233:4455:6677"), 32853, &v6));
	assert_true(m.has_xor_mapped_address && addr_equal(&m.xor_mapped_address, &v6));
}

static void browsers_requests_are_understood(void **state)
{
	(void)state;
	stun_message m;
	assert_int_equal(stun_parse(SLICE(CHROMIUM_REQUEST), &m), 0);
	assert_true(slice_equal_string(m.username, "7D8n:Cokv"));
	assert_true(m.has_ice_controlling && m.has_use_candidate && m.has_dtls_ack && m.has_priority);
	assert_int_equal(m.unknown_count, 0);
	assert_int_equal(stun_parse(SLICE(FIREFOX_REQUEST), &m), 0);
	assert_true(slice_equal_string(m.username, "7urE:d230b3b0"));
	assert_true(m.has_ice_controlled && !m.has_use_candidate);
	assert_int_equal(stun_parse(SLICE(CHROMIUM_RESPONSE), &m), 0);
	assert_true(m.has_xor_mapped_address && m.class == STUN_SUCCESS);
}

static void every_truncation_is_refused(void **state)
{
	(void)state;
	const slice whole[] = {SLICE(RFC5769_REQUEST),	     SLICE(RFC5769_IPV4_RESPONSE),
			       SLICE(RFC5769_IPV6_RESPONSE), SLICE(RFC5769_LONG_TERM_REQUEST),
			       SLICE(CHROMIUM_REQUEST),	     SLICE(FIREFOX_REQUEST)};
	for (size_t i = 0; i < ARRAY_LENGTH(whole); i++) {
		assert_int_equal(parse_exact(whole[i]), 0);
		for (size_t len = 0; len < whole[i].len; len++) {
			assert_int_equal(parse_exact(slice_part(whole[i], 0, len)), PARLEY_EPROTO);
			assert_false(stun_is_message(slice_part(whole[i], 0, len)));
		}
	}
}

static void a_truncation_with_a_matching_header_never_reads_past_the_end(void **state)
{
	(void)state;
	uint8_t bytes[sizeof RFC5769_REQUEST];
	for (size_t len = STUN_HEADER_SIZE; len < sizeof bytes; len += 4) {
		memcpy(bytes, RFC5769_REQUEST, sizeof bytes);
		bytes[3] = (uint8_t)(len - STUN_HEADER_SIZE);
		(void)parse_exact(slice_of(bytes, len));
	}
}

/* Every attribute of every vector claims every length from 0 to beyond the end, and the extreme ones. */
static void attribute_lengths_that_lie_are_harmless(void **state)
{
	(void)state;
	uint8_t bytes[sizeof RFC5769_REQUEST];
	reader r = stun_attributes(SLICE(RFC5769_REQUEST));
	for (stun_attribute a; stun_next_attribute(&r, &a);) {
		memcpy(bytes, RFC5769_REQUEST, sizeof bytes);
		for (unsigned length = 0; length <= 0xffff; length = length < 200 ? length + 1 : length * 2 + 1) {
			writer w = {.out = bytes, .capacity = sizeof bytes, .len = sizeof bytes};
			write_u16_at(&w, a.at + 2, (uint16_t)length);
			int error = parse_exact(SLICE(bytes));
			if (a.at + 4 + length > sizeof bytes)
				assert_int_equal(error, PARLEY_EPROTO);
		}
	}
}

static void other_protocols_are_told_apart(void **state)
{
	(void)state;
	uint8_t bytes[sizeof RFC5769_REQUEST];
	for (unsigned first = 0; first < 256; first++) {
		memcpy(bytes, RFC5769_REQUEST, sizeof bytes);
		bytes[0] = (uint8_t)first;
		assert_int_equal(stun_is_message(SLICE(bytes)), first <= 3);
	}
	for (size_t at = 2; at < 8; at++) { /* length and cookie */
		memcpy(bytes, RFC5769_REQUEST, sizeof bytes);
		bytes[at] ^= 1;
		assert_false(stun_is_message(SLICE(bytes)));
	}
}

static void classes_and_methods_round_trip(void **state)
{
	(void)state;
	uint8_t bytes[64];
	stun_message m;
	for (unsigned method = 0; method <= STUN_METHOD_MAX; method++) {
		for (unsigned class = 0; class < 4; class ++) {
			writer w = writer_of(bytes, sizeof bytes);
			stun_begin(&w, (stun_class) class, (uint16_t)method, &ID);
			assert_false(w.bad);
			assert_int_equal(stun_parse(writer_slice(&w), &m), 0);
			assert_int_equal(m.class, class);
			assert_int_equal(m.method, method);
		}
	}
}

static void ice_and_sped_attributes_round_trip(void **state)
{
	(void)state;
	uint8_t bytes[256];
	stun_message m;
	writer w = writer_of(bytes, sizeof bytes);
	stun_begin(&w, STUN_REQUEST, STUN_BINDING, &ID);
	stun_put_u64(&w, STUN_ATTR_ICE_CONTROLLING, 0); /* a tie-breaker like any other */
	stun_put_u64(&w, STUN_ATTR_ICE_CONTROLLED, UINT64_MAX);
	stun_put_u32(&w, STUN_ATTR_PRIORITY, 0);
	stun_put_flag(&w, STUN_ATTR_USE_CANDIDATE);
	stun_put_u32(&w, STUN_ATTR_NOMINATION, 7);
	stun_put_bytes(&w, STUN_ATTR_DTLS_PIECE, slice_of("dtls!", 5));
	stun_put_bytes(&w, STUN_ATTR_DTLS_ACK, slice_of(NULL, 0));
	assert_false(w.bad);
	assert_int_equal(stun_parse(writer_slice(&w), &m), 0);
	assert_true(stun_id_equal(&m.id, &ID));
	assert_true(m.has_ice_controlling && m.ice_controlling == 0);
	assert_true(m.has_ice_controlled && m.ice_controlled == UINT64_MAX);
	assert_true(m.has_priority && m.priority == 0);
	assert_true(m.has_use_candidate);
	assert_true(m.has_nomination && m.nomination == 7);
	assert_true(m.has_dtls_piece && slice_equal_string(m.dtls_piece, "dtls!"));
	assert_true(m.has_dtls_ack && m.dtls_ack.len == 0);
}

static void turn_attributes_round_trip(void **state)
{
	(void)state;
	uint8_t bytes[512];
	stun_message m;
	parley_addr peer = addr_ipv4(198, 51, 100, 7, 9), relayed;
	assert_true(addr_parse_ip(slice_from_string("2001:db8::77"), 49152, &relayed));
	writer w = writer_of(bytes, sizeof bytes);
	stun_begin(&w, STUN_SUCCESS, STUN_ALLOCATE, &ID);
	stun_put_u16(&w, STUN_ATTR_CHANNEL_NUMBER, 0x4001);
	stun_put_u32(&w, STUN_ATTR_LIFETIME, 600);
	stun_put_xor_address(&w, STUN_ATTR_XOR_PEER_ADDRESS, &peer);
	stun_put_xor_address(&w, STUN_ATTR_XOR_RELAYED_ADDRESS, &relayed);
	stun_put_address(&w, STUN_ATTR_OTHER_ADDRESS, &relayed);
	stun_put_u8(&w, STUN_ATTR_REQUESTED_TRANSPORT, STUN_TRANSPORT_UDP);
	stun_put_u8(&w, STUN_ATTR_REQUESTED_ADDRESS_FAMILY, STUN_FAMILY_IPV6);
	stun_put_flag(&w, STUN_ATTR_DONT_FRAGMENT);
	stun_put_u64(&w, STUN_ATTR_RESERVATION_TOKEN, 42);
	stun_put_bytes(&w, STUN_ATTR_EVEN_PORT, slice_of("\x80", 1));
	stun_put_bytes(&w, STUN_ATTR_DATA, slice_of("abc", 3));
	assert_false(w.bad);
	assert_int_equal(stun_parse(writer_slice(&w), &m), 0);
	assert_true(m.has_channel_number && m.channel_number == 0x4001);
	assert_true(m.has_lifetime && m.lifetime == 600);
	assert_true(m.has_peer_address && addr_equal(&m.peer_address, &peer));
	assert_true(m.has_relayed_address && addr_equal(&m.relayed_address, &relayed));
	assert_true(m.has_other_address && addr_equal(&m.other_address, &relayed));
	assert_true(m.has_requested_transport && m.requested_transport == STUN_TRANSPORT_UDP);
	assert_true(m.has_requested_family && m.requested_family == STUN_FAMILY_IPV6);
	assert_true(m.has_dont_fragment && m.has_reservation_token && m.reservation_token == 42);
	assert_true(m.has_even_port && m.even_port == 0x80);
	assert_true(m.has_data && slice_equal_string(m.data, "abc"));
}

static void errors_round_trip(void **state)
{
	(void)state;
	uint8_t bytes[128];
	stun_message m;
	for (unsigned code = 300; code <= 699; code++) {
		writer w = writer_of(bytes, sizeof bytes);
		stun_begin(&w, STUN_ERROR, STUN_BINDING, &ID);
		stun_put_error(&w, code, code == 487 ? NULL : "why");
		assert_int_equal(stun_parse(writer_slice(&w), &m), 0);
		assert_true(m.has_error);
		assert_int_equal(m.error_code, code);
		assert_true(slice_equal_string(m.error_reason, code == 487 ? "Role Conflict" : "why"));
		assert_int_equal(stun_is_challenge(&m), code == 401 || code == 438);
	}
	for (unsigned code = 0; code < 1000; code += code == 299 ? 401 : 1) {
		writer w = writer_of(bytes, sizeof bytes);
		stun_begin(&w, STUN_ERROR, STUN_BINDING, &ID);
		stun_put_error(&w, code, "");
		assert_true(w.bad);
	}
}

static void unknown_required_attributes_are_listed_for_a_420(void **state)
{
	(void)state;
	uint8_t bytes[256], answer[128];
	stun_message m;
	writer w = writer_of(bytes, sizeof bytes);
	stun_begin(&w, STUN_REQUEST, STUN_BINDING, &ID);
	for (unsigned i = 0; i < STUN_UNKNOWN_MAX + 3; i++)
		stun_put_u32(&w, (uint16_t)(0x7f00 + i), i);
	stun_put_u32(&w, 0xff00, 0); /* optional: silently passed over */
	assert_int_equal(stun_parse(writer_slice(&w), &m), 0);
	assert_int_equal(m.unknown_count, STUN_UNKNOWN_MAX + 3);
	assert_int_equal(m.unknown[0], 0x7f00);
	assert_int_equal(m.unknown[STUN_UNKNOWN_MAX - 1], 0x7f00 + STUN_UNKNOWN_MAX - 1);
	w = writer_of(answer, sizeof answer);
	stun_begin(&w, STUN_ERROR, STUN_BINDING, &ID);
	stun_put_error(&w, STUN_UNKNOWN_ATTRIBUTE, NULL);
	stun_put_unknown(&w, &m);
	assert_int_equal(stun_parse(writer_slice(&w), &m), 0);
	assert_int_equal(m.unknown_attributes.len, 2 * STUN_UNKNOWN_MAX);
	assert_memory_equal(m.unknown_attributes.data, "\x7f\x00\x7f\x01", 4);
}

static void the_first_of_equal_attributes_counts(void **state)
{
	(void)state;
	uint8_t bytes[128];
	stun_message m;
	writer w = writer_of(bytes, sizeof bytes);
	stun_begin(&w, STUN_REQUEST, STUN_BINDING, &ID);
	stun_put_u32(&w, STUN_ATTR_PRIORITY, 1);
	stun_put_u32(&w, STUN_ATTR_PRIORITY, 2);
	assert_int_equal(stun_parse(writer_slice(&w), &m), 0);
	assert_int_equal(m.priority, 1);
}

static void what_follows_integrity_is_ignored(void **state)
{
	(void)state;
	uint8_t bytes[256];
	stun_message m;
	writer w = writer_of(bytes, sizeof bytes);
	stun_begin(&w, STUN_REQUEST, STUN_BINDING, &ID);
	stun_put_integrity(&w, slice_from_string("key"));
	stun_put_u32(&w, STUN_ATTR_PRIORITY, 1);
	stun_put_flag(&w, STUN_ATTR_USE_CANDIDATE);
	stun_put_u32(&w, 0x7f00, 0);
	stun_put_integrity_sha256(&w, slice_from_string("key"));
	stun_put_flag(&w, STUN_ATTR_DONT_FRAGMENT);
	stun_put_fingerprint(&w);
	assert_int_equal(stun_parse(writer_slice(&w), &m), 0);
	assert_true(m.has_integrity && m.has_integrity_sha256 && m.has_fingerprint);
	assert_false(m.has_priority || m.has_use_candidate || m.has_dont_fragment);
	assert_int_equal(m.unknown_count, 0);
	stun_put_u32(&w, STUN_ATTR_PRIORITY, 1);
	assert_int_equal(stun_parse(writer_slice(&w), &m), PARLEY_EPROTO); /* FINGERPRINT is last */
}

static void known_attributes_of_the_wrong_form_are_refused(void **state)
{
	(void)state;
	static const struct {
		uint16_t type;
		size_t len;
		const char *value;
	} WRONG[] = {
		{STUN_ATTR_PRIORITY, 3, "\0\0\0"},
		{STUN_ATTR_PRIORITY, 5, "\0\0\0\0\0"},
		{STUN_ATTR_USE_CANDIDATE, 1, "\0"},
		{STUN_ATTR_ICE_CONTROLLING, 4, "\0\0\0\0"},
		{STUN_ATTR_FINGERPRINT, 3, "\0\0\0"},
		{STUN_ATTR_ERROR_CODE, 4, "\0\0\2\1"},	 /* 201 */
		{STUN_ATTR_ERROR_CODE, 4, "\0\0\4\x64"}, /* 4 and 100 */
		{STUN_ATTR_XOR_MAPPED_ADDRESS, 8, "\0\3\0\0\0\0\0\0"},
		{STUN_ATTR_XOR_MAPPED_ADDRESS, 8, "\0\2\0\0\0\0\0\0"},
		{STUN_ATTR_MAPPED_ADDRESS, 9, "\0\1\0\0\0\0\0\0\0"},
		{STUN_ATTR_MESSAGE_INTEGRITY, 8, "12345678"},
		{STUN_ATTR_MESSAGE_INTEGRITY_SHA256, 17, "12345678123456781"},
		{STUN_ATTR_USERHASH, 4, "1234"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(WRONG); i++) {
		uint8_t bytes[64];
		writer w = writer_of(bytes, sizeof bytes);
		stun_begin(&w, STUN_REQUEST, STUN_BINDING, &ID);
		stun_put_bytes(&w, WRONG[i].type, slice_of(WRONG[i].value, WRONG[i].len));
		assert_false(w.bad);
		assert_int_equal(parse_exact(writer_slice(&w)), PARLEY_EPROTO);
	}
}

static void building_into_too_little_room_sets_bad(void **state)
{
	(void)state;
	parley_addr a = addr_ipv4(192, 0, 2, 1, 1);
	for (size_t room = 0; room < 116; room++) {
		uint8_t *bytes = malloc(room ? room : 1);
		writer w = writer_of(bytes, room);
		stun_begin(&w, STUN_ERROR, STUN_BINDING, &ID);
		stun_put_xor_address(&w, STUN_ATTR_XOR_MAPPED_ADDRESS, &a);
		stun_put_error(&w, 400, NULL);
		stun_put_integrity(&w, slice_from_string("key"));
		stun_put_integrity_sha256(&w, slice_from_string("key"));
		stun_put_fingerprint(&w);
		assert_int_equal(w.bad, room < 20 + 12 + 20 + 24 + 36 + 8);
		free(bytes);
	}
}

static void transaction_ids_are_distinct_or_the_source_failed(void **state)
{
	(void)state;
	rng_seeded seed;
	rng_seeded_init(&seed, 1);
	parley_random random = rng_seeded_source(&seed);
	static stun_id ids[1000];
	for (size_t i = 0; i < ARRAY_LENGTH(ids); i++) {
		assert_int_equal(stun_id_random(&random, &ids[i]), 0);
		for (size_t j = 0; j < i; j++)
			assert_false(stun_id_equal(&ids[i], &ids[j]));
	}
}

static void channel_data_round_trips(void **state)
{
	(void)state;
	uint8_t bytes[16];
	uint16_t number;
	slice data;
	writer w = writer_of(bytes, sizeof bytes);
	stun_put_channel_header(&w, 0x4abc, 5);
	write_bytes(&w, slice_of("hello", 5));
	assert_true(stun_is_channel_data(writer_slice(&w)));
	assert_int_equal(stun_parse_channel_data(writer_slice(&w), &number, &data), 0);
	assert_int_equal(number, 0x4abc);
	assert_true(slice_equal_string(data, "hello"));
	assert_int_equal(stun_parse_channel_data(slice_of(bytes, 8), &number, &data), PARLEY_EPROTO);
	assert_int_equal(stun_stream_unit(writer_slice(&w)), 12); /* with 3 bytes of padding */
	stun_put_channel_header(&w, 0x5000, 0);
	assert_true(w.bad);
}

static void a_stream_is_cut_into_units(void **state)
{
	(void)state;
	assert_int_equal(stun_stream_unit(slice_of("\0\1\0", 3)), 0);
	assert_int_equal(stun_stream_unit(SLICE(RFC5769_REQUEST)), sizeof RFC5769_REQUEST);
	assert_int_equal(stun_stream_unit(slice_of("\0\1\0\6", 4)), PARLEY_EPROTO);
	assert_int_equal(stun_stream_unit(slice_of("SSH-", 4)), PARLEY_EPROTO);
	assert_int_equal(stun_stream_unit(slice_of("\x40\0\xff\xff", 4)), 4 + 65536);
}

static void a_message_prints_on_one_line(void **state)
{
	(void)state;
	char out[512];
	text t = text_of(out, sizeof out);
	stun_message m;
	assert_int_equal(stun_parse(SLICE(RFC5769_REQUEST), &m), 0);
	stun_print(&m, &t);
	assert_string_equal(
		out, "Binding request b7e7a701bc34d686fa87dfae SOFTWARE=\"STUN test client\" PRIORITY=1845494271 "
		     "ICE-CONTROLLED=932ff9b151263b36 USERNAME=\"evtj:h6vY\" MESSAGE-INTEGRITY FINGERPRINT");
	t = text_of(out, sizeof out);
	assert_int_equal(stun_parse(SLICE(RFC5769_LONG_TERM_REQUEST), &m), 0);
	stun_print(&m, &t);
	for (size_t i = 0; i < t.len; i++)
		assert_in_range(out[i], ' ', '~');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc5769_request_is_understood),
		cmocka_unit_test(rfc5769_mapped_addresses_are_understood),
		cmocka_unit_test(browsers_requests_are_understood),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(a_truncation_with_a_matching_header_never_reads_past_the_end),
		cmocka_unit_test(attribute_lengths_that_lie_are_harmless),
		cmocka_unit_test(other_protocols_are_told_apart),
		cmocka_unit_test(classes_and_methods_round_trip),
		cmocka_unit_test(ice_and_sped_attributes_round_trip),
		cmocka_unit_test(turn_attributes_round_trip),
		cmocka_unit_test(errors_round_trip),
		cmocka_unit_test(unknown_required_attributes_are_listed_for_a_420),
		cmocka_unit_test(the_first_of_equal_attributes_counts),
		cmocka_unit_test(what_follows_integrity_is_ignored),
		cmocka_unit_test(known_attributes_of_the_wrong_form_are_refused),
		cmocka_unit_test(building_into_too_little_room_sets_bad),
		cmocka_unit_test(transaction_ids_are_distinct_or_the_source_failed),
		cmocka_unit_test(channel_data_round_trips),
		cmocka_unit_test(a_stream_is_cut_into_units),
		cmocka_unit_test(a_message_prints_on_one_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
