/* base/addr.h, base/crc.h, base/hash.h, base/rng.h, base/trace.h, base/list.h, base/array.h */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/array.h"
#include "base/crc.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/rng.h"
#include "base/trace.h"
#include "tests/support/failmalloc.h"

static void addresses_print_as_they_parse(void **state)
{
	(void)state;
	static const char *const same[] = {"192.0.2.1",
					   "0.0.0.0",
					   "::",
					   "::1",
					   "2001:db8::1",
					   "fe80::1:0:0:1",
					   "1::",
					   "1:2:3:4:5:6:7:8",
					   "2001:db8:0:1:1:1:1:1",
					   "::ffff:192.0.2.1"};
	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		parley_addr a;
		char out[ADDR_TEXT_MAX];
		assert_true(addr_parse_ip(slice_from_string(same[i]), 0, &a));
		assert_string_equal(addr_print_ip(&a, out), same[i]);
	}
	parley_addr a;
	char out[ADDR_TEXT_MAX];
	assert_true(addr_parse_ip(slice_from_string("2001:DB8:0:0:0:0:0:1"), 443, &a));
	assert_string_equal(addr_print(&a, out), "[2001:db8::1]:443");
	assert_true(addr_parse_ip(slice_from_string("1:0:0:2:0:0:0:3"), 0, &a));
	assert_string_equal(addr_print_ip(&a, out), "1:0:0:2::3");
}

static void malformed_addresses_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"",
					  "1.2.3",
					  "1.2.3.4.5",
					  "256.1.1.1",
					  "1.2.3.4 ",
					  "01.2.3.4",
					  "1.2.3.",
					  ":",
					  ":::",
					  "1:2:3",
					  "1::2::3",
					  "12345::",
					  "1:2:3:4:5:6:7:8:9",
					  "1:2:3:4:5:6:7:8::",
					  "::1.2.3",
					  "g::",
					  "1:",
					  "fe80::1%eth0",
					  ".1.2.3",
					  "1:2:3:4:5:6:7:1.2.3.4"};
	parley_addr a;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (addr_parse_ip(slice_from_string(bad[i]), 0, &a))
			fail_msg("accepted: %s", bad[i]);
}

static void address_kinds(void **state)
{
	(void)state;
	static const struct {
		const char *ip;
		bool (*is)(const parley_addr *);
	} kinds[] = {{"127.9.9.9", addr_is_loopback},
		     {"::1", addr_is_loopback},
		     {"169.254.1.1", addr_is_link_local},
		     {"fe80::1", addr_is_link_local},
		     {"10.1.1.1", addr_is_private},
		     {"172.31.0.1", addr_is_private},
		     {"192.168.1.1", addr_is_private},
		     {"fd00::1", addr_is_private},
		     {"224.0.0.251", addr_is_multicast},
		     {"ff02::fb", addr_is_multicast},
		     {"0.0.0.0", addr_is_any},
		     {"::", addr_is_any},
		     {"::ffff:1.2.3.4", addr_is_v4_mapped},
		     {"fec0::1", addr_is_deprecated_v6},
		     {"::1.2.3.4", addr_is_deprecated_v6}};
	parley_addr a, public;
	assert_true(addr_parse_ip(slice_from_string("203.0.113.1"), 0, &public));
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		assert_true(addr_parse_ip(slice_from_string(kinds[i].ip), 0, &a));
		assert_true(kinds[i].is(&a));
		assert_false(kinds[i].is(&public));
	}
}

static void crcs_match_their_check_values(void **state)
{
	(void)state;
	slice check = slice_from_string("123456789");
	assert_int_equal(crc32_ieee(check), 0xcbf43926);
	assert_int_equal(crc32c(check), 0xe3069283);
	uint8_t zeros[32] = {0};
	assert_int_equal(crc32c(slice_of(zeros, sizeof zeros)), 0x8a9136aa); /* RFC 3720 B.4 */
	assert_int_equal(crc32c(slice_of(NULL, 0)), 0);
}

/* By the instruction, if there is one, in plain C, and bit by bit: any length, any alignment, in one go or in two. */
static void the_crcs_of_sctp_agree(void **state)
{
	(void)state;
	uint8_t bytes[300];
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 2654435761u >> 11);
	for (size_t at = 0; at < 8; at++) {
		uint32_t slow = UINT32_MAX;
		for (size_t len = 0; at + len < sizeof bytes; len++) {
			slice s = slice_of(bytes + at, len);
			assert_int_equal(crc32c(s), ~slow);
			assert_int_equal(crc32c_more_portable(0, s), ~slow);
			uint32_t half = crc32c_more_portable(0, slice_part(s, 0, len / 3));
			assert_int_equal(crc32c_more(half, slice_part(s, len / 3, len)), ~slow);
			assert_int_equal(crc32c_more_portable(half, slice_part(s, len / 3, len)), ~slow);
			slow ^= bytes[at + len];
			for (int bit = 0; bit < 8; bit++)
				slow = slow >> 1 ^ (slow & 1 ? 0x82f63b78 : 0);
		}
	}
}

static void assert_hex(slice s, const char *hex)
{
	char out[2 * 64 + 1];
	hex_encode(s, out);
	assert_string_equal(out, hex);
}

static void digests_match_known_answers(void **state)
{
	(void)state;
	uint8_t out[32];
	slice abc = slice_from_string("abc"), jefe = slice_from_string("Jefe");
	slice question = slice_from_string("what do ya want for nothing?"); /* RFC 2202, RFC 4231 */
	assert_int_equal(hash_md5(abc, out), 0);
	assert_hex(slice_of(out, 16), "900150983cd24fb0d6963f7d28e17f72");
	assert_int_equal(hash_sha1(abc, out), 0);
	assert_hex(slice_of(out, 20), "a9993e364706816aba3e25717850c26c9cd0d89d");
	assert_int_equal(hash_sha256(abc, out), 0);
	assert_hex(slice_of(out, 32), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(hmac_sha1(jefe, question, out), 0);
	assert_hex(slice_of(out, 20), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
	assert_int_equal(hmac_sha256(jefe, question, out), 0);
	assert_hex(slice_of(out, 32), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	sha256_stream *s = sha256_stream_new();
	assert_non_null(s);
	sha256_stream_add(s, slice_from_string("a"));
	sha256_stream_add(s, slice_from_string("bc"));
	assert_int_equal(sha256_stream_end(s, out), 0);
	assert_hex(slice_of(out, 32), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256_stream_free(s);
}

static void base64_both_ways(void **state)
{
	(void)state;
	static const char *const pairs[][2] = {{"", ""},
					       {"f", "Zg=="},
					       {"fo", "Zm8="},
					       {"foo", "Zm9v"},
					       {"foob", "Zm9vYg=="},
					       {"fooba", "Zm9vYmE="},
					       {"foobar", "Zm9vYmFy"}};
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) { /* RFC 4648 10 */
		char out[32];
		uint8_t back[32];
		size_t len;
		base64_encode(slice_from_string(pairs[i][0]), out);
		assert_string_equal(out, pairs[i][1]);
		assert_int_equal(base64_decode(slice_from_string(out), back, sizeof back, &len), 0);
		assert_true(slice_equal_string(slice_of(back, len), pairs[i][0]));
	}
	static const char *const bad[] = {"Zg=", "Zg", "Z===", "Zh==", "Zm9v Zm9v", "Zm=v", "===="};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		uint8_t back[32];
		size_t len;
		if (base64_decode(slice_from_string(bad[i]), back, sizeof back, &len) == 0)
			fail_msg("accepted: %s", bad[i]);
	}
}

static void seeded_bytes_repeat(void **state)
{
	(void)state;
	rng_seeded a, b, c;
	rng_seeded_init(&a, 1);
	rng_seeded_init(&b, 1);
	rng_seeded_init(&c, 2);
	parley_random source = rng_seeded_source(&a);
	uint64_t x, y;
	assert_int_equal(rng_u64(&source, &x), 0);
	source = rng_seeded_source(&b);
	assert_int_equal(rng_u64(&source, &y), 0);
	assert_true(x == y);
	source = rng_seeded_source(&c);
	assert_int_equal(rng_u64(&source, &y), 0);
	assert_true(x != y);
	for (int i = 0; i < 1000; i++)
		assert_true(rng_seeded_below(&a, 7) < 7);
	char chars[25];
	assert_int_equal(rng_ice_chars(&source, chars, 24), 0);
	assert_int_equal(strlen(chars), 24);
}

static void trace_keeps_the_newest_lines(void **state)
{
	(void)state;
	trace t;
	trace_line line;
	trace_printf(NULL, TRACE_ERROR, "x", "nobody listens");
	assert_int_equal(trace_init(&t, TRACE_INFO), 0);
	trace_printf(&t, TRACE_DEBUG, "x", "not wanted");
	for (unsigned i = 0; i < TRACE_LINES + 5; i++) {
		t.now = i;
		trace_printf(&t, TRACE_INFO, "x", "line %u", i);
	}
	assert_int_equal(t.dropped, 5);
	assert_true(trace_poll(&t, &line));
	assert_string_equal(line.text, "line 5");
	assert_int_equal(line.time, 5);
	trace_clear(&t);
	assert_false(trace_poll(&t, &line));
}

typedef struct {
	int value;
	list_node node;
} item;

static void list_order_and_removal(void **state)
{
	(void)state;
	list_node head;
	item a = {.value = 1}, b = {.value = 2}, c = {.value = 3};
	list_init(&head);
	list_append(&head, &b.node);
	list_append(&head, &c.node);
	list_prepend(&head, &a.node);
	int expect = 1;
	LIST_FOR_SAFE (n, after, &head) {
		assert_int_equal(LIST_ENTRY(n, item, node)->value, expect++);
		list_remove(n);
		list_remove(n);
	}
	assert_true(list_empty(&head));
	assert_null(list_pop(&head));
}

static void an_array_grows_shrinks_and_survives_failure(void **state)
{
	(void)state;
	size_t live = failmalloc_live(), count = 0;
	unsigned *array = NULL;
	static const size_t goals[] = {100, 3, 70, 0, 9};
	for (size_t g = 0; g < sizeof goals / sizeof *goals; g++) {
		count = goals[g] < count ? goals[g] : count;
		while (count < goals[g]) {
			bool grows = (count & (count - 1)) == 0;
			failmalloc_at(1);
			assert_int_equal(ARRAY_ROOM(array, count), !grows);
			failmalloc_at(0);
			assert_true(ARRAY_ROOM(array, count));
			array[count] = (unsigned)count;
			count++;
		}
		for (size_t i = 0; i < count; i++)
			assert_int_equal(array[i], i);
	}
	free(array);
	assert_int_equal(failmalloc_live(), live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_print_as_they_parse),
		cmocka_unit_test(malformed_addresses_are_refused),
		cmocka_unit_test(address_kinds),
		cmocka_unit_test(crcs_match_their_check_values),
		cmocka_unit_test(the_crcs_of_sctp_agree),
		cmocka_unit_test(digests_match_known_answers),
		cmocka_unit_test(base64_both_ways),
		cmocka_unit_test(seeded_bytes_repeat),
		cmocka_unit_test(trace_keeps_the_newest_lines),
		cmocka_unit_test(list_order_and_removal),
		cmocka_unit_test(an_array_grows_shrinks_and_survives_failure),
	};
	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
