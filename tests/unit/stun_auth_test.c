/* stun/auth.h, and the writing of what it checks: RFC 5769 both ways */
#include "tests/support/test.h"

#include <string.h>

#include "base/addr.h"
#include "stun/stun.h"
#include "tests/support/failmalloc.h"
#include "tests/unit/stun_vectors.h"

#define SLICE(array) slice_of(array, sizeof(array))

static slice long_term_key(uint16_t algorithm, stun_key *key)
{
	assert_int_equal(stun_long_term_key(algorithm, slice_from_string(LONG_TERM_USERNAME),
					    slice_from_string(LONG_TERM_REALM), slice_from_string(LONG_TERM_PASSWORD),
					    key),
			 0);
	return stun_key_slice(key);
}

static void check_vector(slice bytes, slice key, bool fingerprint)
{
	stun_message m;
	uint8_t changed[256];
	assert_int_equal(stun_parse(bytes, &m), 0);
	assert_int_equal(stun_check_integrity(&m, key), 0);
	assert_int_equal(stun_check_integrity(&m, slice_from_string("another")), PARLEY_EAUTH);
	assert_int_equal(stun_check_fingerprint(&m), fingerprint);
	/* Each bit that integrity covers, and itself. */
	size_t end = m.integrity_at + 4 + SHA1_SIZE;
	for (size_t bit = 0; bit < 8 * end; bit++) {
		memcpy(changed, bytes.data, bytes.len);
		changed[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (stun_parse(slice_of(changed, bytes.len), &m) != 0)
			continue;
		assert_int_not_equal(stun_check_integrity(&m, key), 0);
		assert_false(stun_check_fingerprint(&m));
	}
}

static void rfc5769_vectors_pass_and_any_changed_bit_fails(void **state)
{
	(void)state;
	stun_key key;
	slice password = slice_from_string(RFC5769_PASSWORD);
	check_vector(SLICE(RFC5769_REQUEST), password, true);
	check_vector(SLICE(RFC5769_IPV4_RESPONSE), password, true);
	check_vector(SLICE(RFC5769_IPV6_RESPONSE), password, true);
	check_vector(SLICE(RFC5769_LONG_TERM_REQUEST), long_term_key(STUN_ALGORITHM_MD5, &key), false);
}

static void browsers_messages_pass(void **state)
{
	(void)state;
	stun_message m;
	assert_int_equal(stun_parse(SLICE(CHROMIUM_REQUEST), &m), 0);
	assert_int_equal(stun_check_integrity(&m, slice_from_string(CHROMIUM_REQUEST_PASSWORD)), 0);
	assert_true(stun_check_fingerprint(&m));
	assert_int_equal(stun_parse(SLICE(FIREFOX_REQUEST), &m), 0);
	assert_true(stun_check_fingerprint(&m));
	assert_int_equal(stun_parse(SLICE(CHROMIUM_RESPONSE), &m), 0);
	assert_true(stun_check_fingerprint(&m));
}

static writer begin_rfc5769(uint8_t *bytes, size_t capacity, stun_class class)
{
	stun_id id;
	memcpy(id.bytes, RFC5769_REQUEST + 8, sizeof id.bytes);
	writer w = writer_of(bytes, capacity);
	stun_begin(&w, class, STUN_BINDING, &id);
	return w;
}

/* The samples pad with spaces, we with zeros. */
static void put_padded_with_spaces(writer *w, uint16_t type, const char *value)
{
	stun_put_bytes(w, type, slice_from_string(value));
	for (size_t i = 1; i <= (4 - strlen(value) % 4) % 4; i++)
		w->out[w->len - i] = ' ';
}

static void rfc5769_request_is_produced(void **state)
{
	(void)state;
	uint8_t bytes[128];
	writer w = begin_rfc5769(bytes, sizeof bytes, STUN_REQUEST);
	put_padded_with_spaces(&w, STUN_ATTR_SOFTWARE, "STUN test client");
	stun_put_u32(&w, STUN_ATTR_PRIORITY, 0x6e0001ff);
	stun_put_u64(&w, STUN_ATTR_ICE_CONTROLLED, UINT64_C(0x932ff9b151263b36));
	put_padded_with_spaces(&w, STUN_ATTR_USERNAME, "evtj:h6vY");
	stun_put_integrity(&w, slice_from_string(RFC5769_PASSWORD));
	stun_put_fingerprint(&w);
	assert_int_equal(w.len, sizeof RFC5769_REQUEST);
	assert_memory_equal(bytes, RFC5769_REQUEST, sizeof RFC5769_REQUEST);
}

static void produce_response(const char *ip, slice expected)
{
	uint8_t bytes[128];
	parley_addr mapped;
	assert_true(addr_parse_ip(slice_from_string(ip), 32853, &mapped));
	writer w = begin_rfc5769(bytes, sizeof bytes, STUN_SUCCESS);
	put_padded_with_spaces(&w, STUN_ATTR_SOFTWARE, "test vector");
	stun_put_xor_address(&w, STUN_ATTR_XOR_MAPPED_ADDRESS, &mapped);
	stun_put_integrity(&w, slice_from_string(RFC5769_PASSWORD));
	stun_put_fingerprint(&w);
	assert_int_equal(w.len, expected.len);
	assert_memory_equal(bytes, expected.data, expected.len);
}

static void rfc5769_responses_are_produced(void **state)
{
	(void)state;
	produce_response("192.0.2.1", SLICE(RFC5769_IPV4_RESPONSE));
	produce_response("2001:db8:1234:5678:11:2233:4455:6677", SLICE(RFC5769_IPV6_RESPONSE));
}

static void rfc5769_long_term_request_is_produced(void **state)
{
	(void)state;
	uint8_t bytes[128];
	stun_key key;
	stun_id id;
	memcpy(id.bytes, RFC5769_LONG_TERM_REQUEST + 8, sizeof id.bytes);
	writer w = writer_of(bytes, sizeof bytes);
	stun_begin(&w, STUN_REQUEST, STUN_BINDING, &id);
	stun_put_bytes(&w, STUN_ATTR_USERNAME, slice_from_string(LONG_TERM_USERNAME));
	stun_put_bytes(&w, STUN_ATTR_NONCE, slice_from_string(LONG_TERM_NONCE));
	stun_put_bytes(&w, STUN_ATTR_REALM, slice_from_string(LONG_TERM_REALM));
	stun_put_integrity(&w, long_term_key(STUN_ALGORITHM_MD5, &key));
	assert_int_equal(w.len, sizeof RFC5769_LONG_TERM_REQUEST);
	assert_memory_equal(bytes, RFC5769_LONG_TERM_REQUEST, w.len);
}

static void rfc8489_userhash_and_sha256_key_are_right(void **state)
{
	(void)state;
	uint8_t hash[SHA256_SIZE];
	stun_key key;
	stun_message m;
	assert_int_equal(stun_userhash(slice_from_string(LONG_TERM_USERNAME), slice_from_string(LONG_TERM_REALM), hash),
			 0);
	assert_memory_equal(hash, RFC8489_USERHASH_REQUEST + 24, sizeof hash);
	size_t mac_at = sizeof RFC8489_USERHASH_REQUEST - SHA256_SIZE;
	slice covered = slice_of(RFC8489_USERHASH_REQUEST, mac_at - 4);
	assert_int_equal(hmac_sha256(long_term_key(STUN_ALGORITHM_SHA256, &key), covered, hash), 0);
	assert_memory_equal(hash, RFC8489_USERHASH_REQUEST + mac_at, sizeof hash);
	assert_int_equal(stun_parse(SLICE(RFC8489_USERHASH_REQUEST), &m), PARLEY_EPROTO); /* as printed */
}

static void a_long_term_key_is_the_one_of_the_example(void **state)
{
	(void)state;
	stun_key key;
	char hex[2 * SHA256_SIZE + 1];
	slice user = slice_from_string("user"), realm = slice_from_string("realm"), pass = slice_from_string("pass");
	assert_int_equal(stun_long_term_key(STUN_ALGORITHM_MD5, user, realm, pass, &key), 0);
	hex_encode(stun_key_slice(&key), hex);
	assert_string_equal(hex, "8493fbc53ba582fb4c044c456bdc40eb"); /* RFC 8489 9.2.2 */
	assert_int_equal(stun_long_term_key(3, user, realm, pass, &key), PARLEY_EUNSUPPORTED);
}

static void sha256_integrity_decides_where_both_are(void **state)
{
	(void)state;
	uint8_t bytes[256];
	stun_message m;
	slice right = slice_from_string("right"), wrong = slice_from_string("wrong");
	for (int i = 0; i < 4; i++) {
		writer w = begin_rfc5769(bytes, sizeof bytes, STUN_REQUEST);
		stun_put_integrity(&w, i & 1 ? right : wrong);
		stun_put_integrity_sha256(&w, i & 2 ? right : wrong);
		stun_put_fingerprint(&w);
		assert_int_equal(stun_parse(writer_slice(&w), &m), 0);
		assert_int_equal(stun_check_integrity(&m, right), i & 2 ? 0 : PARLEY_EAUTH);
		assert_true(stun_check_fingerprint(&m));
	}
}

static void truncated_sha256_integrity_is_refused(void **state)
{
	(void)state;
	uint8_t bytes[256], mac[SHA256_SIZE];
	stun_message m;
	slice key = slice_from_string("key");
	writer w = begin_rfc5769(bytes, sizeof bytes, STUN_REQUEST);
	bytes[3] = 4 + 16;
	assert_int_equal(hmac_sha256(key, writer_slice(&w), mac), 0);
	stun_put_bytes(&w, STUN_ATTR_MESSAGE_INTEGRITY_SHA256, slice_of(mac, 16));
	assert_int_equal(stun_parse(writer_slice(&w), &m), 0);
	assert_int_equal(stun_check_integrity(&m, key), PARLEY_EAUTH);
}

static void absence_is_told_from_failure(void **state)
{
	(void)state;
	uint8_t bytes[64];
	stun_message m;
	writer w = begin_rfc5769(bytes, sizeof bytes, STUN_REQUEST);
	assert_int_equal(stun_parse(writer_slice(&w), &m), 0);
	assert_int_equal(stun_check_integrity(&m, slice_from_string("")), PARLEY_ENOTFOUND);
	assert_false(stun_check_fingerprint(&m));
	stun_put_integrity(&w, slice_from_string("")); /* the empty key is a key */
	assert_int_equal(stun_parse(writer_slice(&w), &m), 0);
	assert_int_equal(stun_check_integrity(&m, slice_from_string("")), 0);
}

static void a_message_too_long_to_authenticate_is_refused(void **state)
{
	(void)state;
	static uint8_t bytes[STUN_AUTHENTICATED_MAX + 256], data[STUN_AUTHENTICATED_MAX];
	stun_message m;
	writer w = begin_rfc5769(bytes, sizeof bytes, STUN_REQUEST);
	stun_put_bytes(&w, STUN_ATTR_DATA, SLICE(data));
	stun_put_integrity(&w, slice_from_string("key"));
	assert_int_equal(stun_parse(writer_slice(&w), &m), 0);
	assert_int_equal(stun_check_integrity(&m, slice_from_string("key")), PARLEY_EAUTH);
}

static void the_nonce_cookie_tells_features(void **state)
{
	(void)state;
	assert_int_equal(stun_nonce_features(slice_from_string(LONG_TERM_NONCE)), 0);
	assert_int_equal(stun_nonce_features(slice_from_string("obMatJos2")), 0);
	assert_int_equal(stun_nonce_features(slice_from_string("obMatJos2AAA")), 0);
	assert_int_equal(stun_nonce_features(slice_from_string(USERHASH_NONCE)), 2); /* "AAAC" */
	assert_int_equal(stun_nonce_features(slice_from_string("obMatJos2gAAArest")), STUN_FEATURE_PASSWORD_ALGORITHMS);
	assert_int_equal(stun_nonce_features(slice_from_string("obMatJos2wAAA")),
			 STUN_FEATURE_PASSWORD_ALGORITHMS | STUN_FEATURE_USERHASH);
}

static void sha256_is_chosen_where_it_is_offered(void **state)
{
	(void)state;
	static const uint8_t LIST[] = {0, 9, 0, 3, 0, 2, 0, 0, 0, 1, 0, 0}; /* 9 with 3 bytes of parameters, then MD5 */
	static const uint8_t LYING[] = {0, 9, 0, 99, 0, 1, 0, 0};
	static const uint8_t BOTH[] = {0, 1, 0, 0, 0, 2, 0, 0}; /* MD5 first */
	stun_message m = {.password_algorithms = SLICE(LIST)};
	uint16_t algorithm;
	assert_true(stun_choose_algorithm(&m, &algorithm));
	assert_int_equal(algorithm, STUN_ALGORITHM_MD5);
	m.password_algorithms = SLICE(BOTH);
	assert_true(stun_choose_algorithm(&m, &algorithm));
	assert_int_equal(algorithm, STUN_ALGORITHM_SHA256);
	m.password_algorithms = SLICE(LYING);
	assert_false(stun_choose_algorithm(&m, &algorithm));
	m.password_algorithms = slice_part(SLICE(LIST), 0, 8);
	assert_false(stun_choose_algorithm(&m, &algorithm));
}

static void derive_keys(void *context)
{
	(void)context;
	stun_key key;
	uint8_t hash[SHA256_SIZE];
	slice s = slice_from_string("x");
	(void)stun_long_term_key(STUN_ALGORITHM_SHA256, s, s, s, &key);
	(void)stun_userhash(s, s, hash);
}

static void out_of_memory_is_an_error(void **state)
{
	(void)state;
	failmalloc_loop(derive_keys, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc5769_vectors_pass_and_any_changed_bit_fails),
		cmocka_unit_test(browsers_messages_pass),
		cmocka_unit_test(rfc5769_request_is_produced),
		cmocka_unit_test(rfc5769_responses_are_produced),
		cmocka_unit_test(rfc5769_long_term_request_is_produced),
		cmocka_unit_test(rfc8489_userhash_and_sha256_key_are_right),
		cmocka_unit_test(a_long_term_key_is_the_one_of_the_example),
		cmocka_unit_test(sha256_integrity_decides_where_both_are),
		cmocka_unit_test(truncated_sha256_integrity_is_refused),
		cmocka_unit_test(absence_is_told_from_failure),
		cmocka_unit_test(a_message_too_long_to_authenticate_is_refused),
		cmocka_unit_test(the_nonce_cookie_tells_features),
		cmocka_unit_test(sha256_is_chosen_where_it_is_offered),
		cmocka_unit_test(out_of_memory_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
