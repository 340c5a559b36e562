/* stun/credentials.h: a client and what servers challenge it with */
#include "tests/support/test.h"

#include <string.h>

#include "stun/stun.h"
#include "tests/support/failmalloc.h"

static const stun_id ID = {{1, 2, 3}};
static const uint8_t SHA256_THEN_MD5[] = {0, 2, 0, 0, 0, 1, 0, 0};
static const uint8_t UNKNOWN_ONLY[] = {0, 77, 0, 0};

typedef struct {
	unsigned code;
	const char *realm, *nonce; /* NULL: left out */
	slice algorithms;	   /* empty: left out */
} challenge;

static int receive(stun_credentials *c, challenge how)
{
	uint8_t bytes[512];
	stun_message m;
	writer w = writer_of(bytes, sizeof bytes);
	stun_begin(&w, STUN_ERROR, STUN_ALLOCATE, &ID);
	stun_put_error(&w, how.code, NULL);
	if (how.realm)
		stun_put_bytes(&w, STUN_ATTR_REALM, slice_from_string(how.realm));
	if (how.nonce)
		stun_put_bytes(&w, STUN_ATTR_NONCE, slice_from_string(how.nonce));
	if (how.algorithms.len > 0)
		stun_put_bytes(&w, STUN_ATTR_PASSWORD_ALGORITHMS, how.algorithms);
	assert_int_equal(stun_parse(writer_slice(&w), &m), 0);
	return stun_credentials_challenge(c, &m);
}

/* The next request, in bytes. */
static stun_message request(stun_credentials *c, uint8_t *bytes, size_t capacity)
{
	stun_message m;
	writer w = writer_of(bytes, capacity);
	stun_begin(&w, STUN_REQUEST, STUN_ALLOCATE, &ID);
	stun_credentials_put(c, &w);
	assert_false(w.bad);
	assert_int_equal(stun_parse(writer_slice(&w), &m), 0);
	return m;
}

static stun_credentials fresh(void)
{
	stun_credentials c;
	stun_credentials_init(&c, slice_from_string("user"), slice_from_string("pass"));
	return c;
}

static void the_first_request_is_bare(void **state)
{
	(void)state;
	uint8_t bytes[512];
	stun_credentials c = fresh();
	stun_message m = request(&c, bytes, sizeof bytes);
	assert_int_equal(m.raw.len, STUN_HEADER_SIZE);
	assert_int_equal(stun_credentials_key(&c).len, 0);
	stun_credentials_clear(&c);
}

static void a_401_is_answered_with_credentials(void **state)
{
	(void)state;
	uint8_t bytes[512];
	stun_credentials c = fresh();
	assert_int_equal(receive(&c, (challenge){401, "realm", "nonce", {0}}), 0);
	stun_message m = request(&c, bytes, sizeof bytes);
	assert_true(slice_equal_string(m.username, "user"));
	assert_true(slice_equal_string(m.realm, "realm"));
	assert_true(slice_equal_string(m.nonce, "nonce"));
	assert_false(m.has_userhash || m.has_password_algorithm || m.has_integrity_sha256);
	assert_int_equal(stun_credentials_key(&c).len, MD5_SIZE);
	assert_int_equal(stun_check_integrity(&m, stun_credentials_key(&c)), 0);
	/* Refused again: nothing better to offer (RFC 8489 9.2.5). */
	assert_int_equal(receive(&c, (challenge){401, "realm", "nonce2", {0}}), PARLEY_EAUTH);
	stun_credentials_clear(&c);
}

static void a_stale_nonce_is_replaced(void **state)
{
	(void)state;
	uint8_t bytes[512];
	stun_credentials c = fresh();
	assert_int_equal(receive(&c, (challenge){401, "realm", "nonce", {0}}), 0);
	(void)request(&c, bytes, sizeof bytes);
	stun_credentials_accepted(&c);
	assert_int_equal(receive(&c, (challenge){438, NULL, "fresh", {0}}), 0);
	stun_message m = request(&c, bytes, sizeof bytes);
	assert_true(slice_equal_string(m.nonce, "fresh"));
	assert_true(slice_equal_string(m.realm, "realm"));
	assert_int_equal(stun_check_integrity(&m, stun_credentials_key(&c)), 0);
	stun_credentials_clear(&c);
}

static void endless_stale_nonces_end(void **state)
{
	(void)state;
	stun_credentials c = fresh();
	assert_int_equal(receive(&c, (challenge){401, "realm", "nonce", {0}}), 0);
	for (unsigned i = 1; i < STUN_CHALLENGES_MAX; i++)
		assert_int_equal(receive(&c, (challenge){438, "realm", "again", {0}}), 0);
	assert_int_equal(receive(&c, (challenge){438, "realm", "again", {0}}), PARLEY_EAUTH);
	stun_credentials_clear(&c);
}

static void sha256_and_userhash_are_used_where_announced(void **state)
{
	(void)state;
	uint8_t bytes[512], hash[SHA256_SIZE];
	stun_credentials c = fresh();
	slice list = slice_of(SHA256_THEN_MD5, sizeof SHA256_THEN_MD5);
	assert_int_equal(receive(&c, (challenge){401, "realm", "obMatJos2wAAAx", list}), 0);
	stun_message m = request(&c, bytes, sizeof bytes);
	assert_int_equal(stun_userhash(slice_from_string("user"), slice_from_string("realm"), hash), 0);
	assert_true(m.has_userhash && slice_equal(m.userhash, slice_of(hash, sizeof hash)));
	assert_false(m.has_username || m.has_integrity);
	assert_true(slice_equal(m.password_algorithms, list));
	assert_int_equal(m.password_algorithm, STUN_ALGORITHM_SHA256);
	assert_true(m.has_integrity_sha256);
	assert_int_equal(stun_credentials_key(&c).len, SHA256_SIZE);
	assert_int_equal(stun_check_integrity(&m, stun_credentials_key(&c)), 0);
	stun_credentials_clear(&c);
}

static void a_challenge_does_not_undo_sha256(void **state)
{
	(void)state;
	uint8_t bytes[512];
	stun_credentials c = fresh();
	slice list = slice_of(SHA256_THEN_MD5, sizeof SHA256_THEN_MD5);
	assert_int_equal(receive(&c, (challenge){401, "realm", "obMatJos2gAAAx", list}), 0);
	assert_int_equal(receive(&c, (challenge){438, "realm", "plain", {0}}), 0);
	stun_message m = request(&c, bytes, sizeof bytes);
	assert_true(m.has_integrity_sha256 && !m.has_integrity);
	assert_true(slice_equal(m.password_algorithms, list));
	stun_credentials_clear(&c);
}

static void bad_challenges_are_refused(void **state)
{
	(void)state;
	const struct {
		challenge how;
		int error;
	} cases[] = {
		{{401, "realm", "obMatJos2gAAAx", {0}}, PARLEY_EPROTO}, /* a bid-down: the list was taken out */
		{{401, "realm", "obMatJos2gAAAx", {UNKNOWN_ONLY, sizeof UNKNOWN_ONLY}}, PARLEY_EUNSUPPORTED},
		{{401, NULL, "nonce", {0}}, PARLEY_EPROTO},
		{{401, "realm", NULL, {0}}, PARLEY_EPROTO},
		{{400, "realm", "nonce", {0}}, PARLEY_EPROTO},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		stun_credentials c = fresh();
		assert_int_equal(receive(&c, cases[i].how), cases[i].error);
		stun_credentials_clear(&c);
	}
}

/* printf '1700000000:alice' | openssl dgst -sha1 -hmac north -binary | base64 */
static void time_limited_credentials_are_those_of_the_server(void **state)
{
	(void)state;
	char username[64], password[STUN_TIME_LIMITED_PASSWORD_SIZE];
	slice secret = slice_from_string("north"), name = slice_from_string("alice");
	assert_int_equal(stun_time_limited_credentials(secret, 1700000000, name, username, sizeof username, password),
			 0);
	assert_string_equal(username, "1700000000:alice");
	assert_string_equal(password, "Cd/49soE35ICqcJF/bCTn8Z4OyE=");
	/* Without a name: printf 4102444800 | openssl ... */
	assert_int_equal(stun_time_limited_credentials(secret, 4102444800, slice_of(NULL, 0), username, sizeof username,
						       password),
			 0);
	assert_string_equal(username, "4102444800");
	assert_string_equal(password, "d0Uryi/l8kTQb5l25d+yiu0DiyI=");
	assert_int_equal(stun_time_limited_credentials(secret, 1700000000, name, username, 16, password),
			 PARLEY_EMSGSIZE);
}

static void challenge_and_answer(void *context)
{
	(void)context;
	stun_credentials c = fresh();
	(void)receive(&c, (challenge){401, "realm", "nonce", {SHA256_THEN_MD5, sizeof SHA256_THEN_MD5}});
	(void)receive(&c, (challenge){438, "realm", "a longer nonce than before", {0}});
	stun_credentials_clear(&c);
}

static void out_of_memory_is_an_error(void **state)
{
	(void)state;
	failmalloc_loop(challenge_and_answer, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_request_is_bare),
		cmocka_unit_test(a_401_is_answered_with_credentials),
		cmocka_unit_test(a_stale_nonce_is_replaced),
		cmocka_unit_test(endless_stale_nonces_end),
		cmocka_unit_test(sha256_and_userhash_are_used_where_announced),
		cmocka_unit_test(a_challenge_does_not_undo_sha256),
		cmocka_unit_test(bad_challenges_are_refused),
		cmocka_unit_test(time_limited_credentials_are_those_of_the_server),
		cmocka_unit_test(out_of_memory_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
