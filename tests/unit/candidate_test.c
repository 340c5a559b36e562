/* Candidate lines: what browsers and the RFCs write, and what nobody should. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "ice/candidate.h"

static int parse(const char *line, ice_candidate *c)
{
	return ice_candidate_parse(slice_from_string(line), c);
}

static const char *print(const ice_candidate *c)
{
	static char line[ICE_CANDIDATE_TEXT];
	text t = text_of(line, sizeof line);
	ice_candidate_print(c, &t);
	assert_false(t.bad);
	return line;
}

/* Captured from Chromium 156 and Firefox ESR 153; the others from RFC 8839 5.1, RFC 6544 and libwebrtc's trickled form. */
static const char *const good[] = {
	"candidate:2628067335 1 udp 2122194687 192.0.2.2 41247 typ host generation 0 network-id 1",
	"candidate:3887659022 1 udp 2122265343 fd00::2 46073 typ host generation 0 network-id 2",
	"candidate:3376034339 1 tcp 1518214911 192.0.2.2 9 typ host tcptype active generation 0 network-id 1",
	"candidate:3460849299 1 tcp 1518285567 fd00::2 9 typ host tcptype active generation 0 network-id 2",
	"candidate:0 1 udp 2122187007 ebf775fb-0785-47b4-9d7b-d5646bd3be12.local 35914 typ host",
	"candidate:3 1 tcp 2105524479 97a1c96b-3d24-4ba8-b9b3-8ff71c0ac196.local 9 typ host tcptype active",
	"candidate:1 2 udp 2122252542 1d76a95b-5ecc-494f-ba51-755ce3dbd2d0.local 45845 typ host",
	"candidate:1 1 udp 2130706431 203.0.113.141 8998 typ host",
	"candidate:2 1 udp 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.141 rport 8998",
	"candidate:3 1 udp 16777215 2001:db8::9 3478 typ relay raddr 192.0.2.3 rport 45664",
	"candidate:4 1 tcp 1671430143 192.0.2.1 3000 typ srflx raddr 10.0.0.1 rport 9 tcptype so",
	("candidate:842163049 1 udp 1677729535 198.51.100.7 61234 typ srflx raddr 0.0.0.0 rport 0 generation 0 ufrag EsAw "
	 "network-id 1 network-cost 10"),
};

static void good_lines_print_as_they_were(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
		ice_candidate c;
		assert_int_equal(parse(good[i], &c), 0);
		assert_string_equal(print(&c), good[i]);
	}
}

static void the_fields_are_read(void **state)
{
	ice_candidate c;
	char addr[ADDR_TEXT_MAX];
	(void)state;
	assert_int_equal(parse(good[11], &c), 0);
	assert_string_equal(c.foundation, "842163049");
	assert_int_equal(c.component, 1);
	assert_int_equal(c.addr.transport, PARLEY_UDP);
	assert_int_equal(c.priority, 1677729535);
	assert_string_equal(addr_print(&c.addr, addr), "198.51.100.7:61234");
	assert_int_equal(c.type, ICE_SRFLX);
	assert_true(c.has_related && addr_is_any(&c.related));
	assert_string_equal(c.ufrag, "EsAw");
	assert_true(c.has_generation && c.has_network_id && c.has_network_cost);
	assert_int_equal(c.network_cost, 10);
	assert_int_equal(parse(good[4], &c), 0);
	assert_int_equal(c.addr.family, PARLEY_ADDR_NONE);
	assert_int_equal(c.addr.port, 35914);
	assert_true(ice_candidate_is_mdns(&c));
	assert_int_equal(parse(good[3], &c), 0);
	assert_int_equal(c.tcptype, ICE_TCPTYPE_ACTIVE);
}

static void other_spellings_mean_the_same(void **state)
{
	static const char *const same[] = {
		"a=candidate:1 1 UDP 2130706431 203.0.113.141 8998 typ host\r\n",
		"candidate:1 1 UDP 2130706431 203.0.113.141 8998 typ host ",
		"1 1 udp 2130706431 203.0.113.141 8998 typ host",
		"candidate:1 1 Udp 2130706431 203.0.113.141 8998 TYP HOST",
		"candidate:1 1 udp  2130706431 203.0.113.141 8998 typ host unknown-thing x other 1",
		"candidate:1 1 udp 2130706431 203.0.113.141 8998 typ host tcptype active",
		"candidate:1 1 udp 2130706431 203.0.113.141 8998 typ host raddr hidden.example rport 9",
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(same); i++) {
		ice_candidate c;
		assert_int_equal(parse(same[i], &c), 0);
		assert_string_equal(print(&c), good[7]);
	}
}

static void bad_lines_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"candidate:",
		"a=candidate:",
		"a=end-of-candidates",
		"candidate:1 1 udp 2130706431 203.0.113.141 8998",
		"candidate:1 1 udp 2130706431 203.0.113.141 8998 typ",
		"candidate:1 1 udp 2130706431 203.0.113.141 8998 type host",
		"candidate:1 1 udp 2130706431 203.0.113.141 65536 typ host",
		"candidate:1 1 udp 2130706431 203.0.113.141 -1 typ host",
		"candidate:1 1 udp 2130706431 203.0.113.141 +80 typ host",
		"candidate:1 0 udp 2130706431 203.0.113.141 8998 typ host",
		"candidate:1 257 udp 2130706431 203.0.113.141 8998 typ host",
		"candidate:1 1 udp 2147483648 203.0.113.141 8998 typ host",
		"candidate:1 1 udp 99999999999999999999 203.0.113.141 8998 typ host",
		"candidate:1 1 udp 2130706431 2001:db8:::1 8998 typ host",
		"candidate:1 1 udp 2130706431 fe80::1%eth0 8998 typ host",
		"candidate:1 1 udp 2130706431 [::1] 8998 typ host",
		"candidate:1 1 udp 2130706431 a/b.local 8998 typ host",
		"candidate:123456789012345678901234567890123 1 udp 1 203.0.113.141 8998 typ host",
		"candidate:a:b 1 udp 1 203.0.113.141 8998 typ host",
		"candidate:1 1 udp 1 203.0.113.141 8998 typ host generation",
		"candidate:1 1 udp 1 203.0.113.141 8998 typ host generation x",
		"candidate:1 1 udp 1 203.0.113.141 8998 typ host rport 70000",
		"candidate:1 1 tcp 1 203.0.113.141 8998 typ host tcptype odd",
		"candidate:1 1 udp 1 203.0.113.141 8998 typ host ufrag a:b",
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		ice_candidate c;
		if (parse(bad[i], &c) != PARLEY_EINVAL)
			fail_msg("accepted: %s", bad[i]);
	}
}

static void long_lines_and_zeros_are_refused(void **state)
{
	static const char zero[] = "candidate:1 1 udp 1 a\0b.local 8998 typ host";
	char line[4096];
	ice_candidate c;
	(void)state;
	assert_int_equal(ice_candidate_parse(slice_of(zero, sizeof zero - 1), &c), PARLEY_EINVAL);
	snprintf(line, sizeof line, "candidate:1 1 udp 1 %0300d.local 8998 typ host", 0);
	assert_int_equal(parse(line, &c), PARLEY_EINVAL);
	snprintf(line, sizeof line, "candidate:1 1 udp 1 192.0.2.1 8998 typ host x %03000d", 0);
	assert_int_equal(parse(line, &c), PARLEY_EINVAL);
	snprintf(line, sizeof line, "candidate:1 1 udp 1 %0255d 8998 typ host ufrag %0256d", 0, 0);
	assert_int_equal(parse(line, &c), 0);
	print(&c); /* the longest fits */
}

static void unknown_kinds_are_told_apart_from_nonsense(void **state)
{
	ice_candidate c;
	(void)state;
	assert_int_equal(parse("candidate:1 1 sctp 1 192.0.2.1 8998 typ host", &c), PARLEY_EUNSUPPORTED);
	assert_int_equal(parse("candidate:1 1 udp 1 192.0.2.1 8998 typ quantum", &c), PARLEY_EUNSUPPORTED);
}

static void every_prefix_is_harmless(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(good); i++)
		for (size_t n = 0; n < strlen(good[i]); n++) {
			ice_candidate c;
			(void)ice_candidate_parse(slice_of(good[i], n), &c);
		}
}

static void duplicates_are_the_same_place(void **state)
{
	ice_candidate a, b;
	(void)state;
	assert_int_equal(parse(good[7], &a), 0);
	assert_int_equal(parse("candidate:9 1 udp 5 203.0.113.141 8998 typ host", &b), 0);
	assert_true(ice_candidate_same(&a, &b));
	b.addr.port++;
	assert_false(ice_candidate_same(&a, &b));
	assert_int_equal(parse(good[4], &a), 0);
	assert_int_equal(parse(good[5], &b), 0);
	assert_false(ice_candidate_same(&a, &b));
}

static void priorities_follow_the_formula(void **state)
{
	(void)state;
	/* RFC 8839 5.6 example values. */
	assert_int_equal(ice_priority(126, 65535, 1), 2130706431);
	assert_int_equal(ice_priority(100, 65535, 1), 1694498815);
	assert_int_equal(ice_priority(0, 65535, 1), 16777215);
	assert_int_equal(ice_priority(126, 65535, 256), 2130706176);
	/* 2^32 * min + 2 * max + (controlling is larger) */
	assert_true(ice_pair_priority(5, 3) == (UINT64_C(3) << 32) + 11);
	assert_true(ice_pair_priority(3, 5) == (UINT64_C(3) << 32) + 10);
	assert_true(ice_pair_priority(0x7fffffff, 0x7fffffff) == UINT64_C(0x7fffffff00000000) + 0xfffffffe);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_lines_print_as_they_were),
		cmocka_unit_test(the_fields_are_read),
		cmocka_unit_test(other_spellings_mean_the_same),
		cmocka_unit_test(bad_lines_are_refused),
		cmocka_unit_test(long_lines_and_zeros_are_refused),
		cmocka_unit_test(unknown_kinds_are_told_apart_from_nonsense),
		cmocka_unit_test(every_prefix_is_harmless),
		cmocka_unit_test(duplicates_are_the_same_place),
		cmocka_unit_test(priorities_follow_the_formula),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
