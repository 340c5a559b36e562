/* ice/mdns_message.h, ice/mdns.h, ice/mdns_responder.h */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/rng.h"
#include "base/time.h"
#include "ice/mdns.h"
#include "ice/mdns_responder.h"

#define UUID "1f4712db-ea17-4bcf-a596-105139dfd8bf"
#define NAME UUID ".local"
#define WIRE_UUID "\x24" UUID
#define LOCAL "\5local\0"
#define LITERAL(s) slice_of(s, sizeof(s) - 1)

/* As a browser answers: id 0, authoritative, one record with cache-flush, TTL 120. */
#define ANSWER_HEADER "\0\0\x84\0\0\0\0\1\0\0\0\0"
#define ANSWER_A ANSWER_HEADER WIRE_UUID LOCAL "\0\1\x80\1\0\0\0\x78\0\4\x0a\x4d\0\2"
/* The same name in capitals, by a pointer to an extra record before it. */
#define ANSWER_COMPRESSED                      \
	"\0\0\x84\0\0\0\0\2\0\0\0\0"           \
	"\x24"                                 \
	"1F4712DB-EA17-4BCF-A596-105139DFD8BF" \
	"\5LOCAL\0"                            \
	"\0\x10\0\1\0\0\0\0\0\1\0"             \
	"\xc0\x0c\0\1\x80\1\0\0\0\x78\0\4\x0a\x4d\0\2"
/* NSEC for the name, with the pointer that most responders write as the "next" name: only A exists. */
#define ANSWER_NSEC_ONLY_A ANSWER_HEADER WIRE_UUID LOCAL "\0\x2f\x80\1\0\0\0\x78\0\5\xc0\x0c\0\1\x40"
#define ANSWER_NSEC_NOTHING ANSWER_HEADER WIRE_UUID LOCAL "\0\x2f\x80\1\0\0\0\x78\0\5\xc0\x0c\0\1\0"

/* clang-format off: sixteen bytes a line */
#define CHROMIUM_NAME "5fabb6e6-83cf-4d45-9f8c-73d18bb7a516"
/* Chromium 156, asked for A: the address, and NSEC as an additional record */
static const uint8_t CHROMIUM_ANSWER[] = {
	0x00, 0x00, 0x84, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x24, 0x35, 0x66, 0x61, 0x62,
	0x62, 0x36, 0x65, 0x36, 0x2d, 0x38, 0x33, 0x63, 0x66, 0x2d, 0x34, 0x64, 0x34, 0x35, 0x2d, 0x39, 0x66,
	0x38, 0x63, 0x2d, 0x37, 0x33, 0x64, 0x31, 0x38, 0x62, 0x62, 0x37, 0x61, 0x35, 0x31, 0x36, 0x05, 0x6c,
	0x6f, 0x63, 0x61, 0x6c, 0x00, 0x00, 0x01, 0x80, 0x01, 0x00, 0x00, 0x00, 0x78, 0x00, 0x04, 0x0a, 0x3c,
	0x00, 0x01, 0x24, 0x35, 0x66, 0x61, 0x62, 0x62, 0x36, 0x65, 0x36, 0x2d, 0x38, 0x33, 0x63, 0x66, 0x2d,
	0x34, 0x64, 0x34, 0x35, 0x2d, 0x39, 0x66, 0x38, 0x63, 0x2d, 0x37, 0x33, 0x64, 0x31, 0x38, 0x62, 0x62,
	0x37, 0x61, 0x35, 0x31, 0x36, 0x05, 0x6c, 0x6f, 0x63, 0x61, 0x6c, 0x00, 0x00, 0x2f, 0x80, 0x01, 0x00,
	0x00, 0x00, 0x78, 0x00, 0x05, 0xc0, 0x46, 0x00, 0x01, 0x40,
};
/* Chromium 156, asked for AAAA of the same name: NSEC, and the address as an additional record */
static const uint8_t CHROMIUM_DENIAL[] = {
	0x00, 0x00, 0x84, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x24, 0x35, 0x66, 0x61, 0x62,
	0x62, 0x36, 0x65, 0x36, 0x2d, 0x38, 0x33, 0x63, 0x66, 0x2d, 0x34, 0x64, 0x34, 0x35, 0x2d, 0x39, 0x66,
	0x38, 0x63, 0x2d, 0x37, 0x33, 0x64, 0x31, 0x38, 0x62, 0x62, 0x37, 0x61, 0x35, 0x31, 0x36, 0x05, 0x6c,
	0x6f, 0x63, 0x61, 0x6c, 0x00, 0x00, 0x2f, 0x80, 0x01, 0x00, 0x00, 0x00, 0x78, 0x00, 0x05, 0xc0, 0x0c,
	0x00, 0x01, 0x40, 0x24, 0x35, 0x66, 0x61, 0x62, 0x62, 0x36, 0x65, 0x36, 0x2d, 0x38, 0x33, 0x63, 0x66,
	0x2d, 0x34, 0x64, 0x34, 0x35, 0x2d, 0x39, 0x66, 0x38, 0x63, 0x2d, 0x37, 0x33, 0x64, 0x31, 0x38, 0x62,
	0x62, 0x37, 0x61, 0x35, 0x31, 0x36, 0x05, 0x6c, 0x6f, 0x63, 0x61, 0x6c, 0x00, 0x00, 0x01, 0x80, 0x01,
	0x00, 0x00, 0x00, 0x78, 0x00, 0x04, 0x0a, 0x3c, 0x00, 0x01,
};
/* Firefox 153: two questions in one packet, without compression */
static const uint8_t FIREFOX_QUERY[] = {
	0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x24, 0x30, 0x66, 0x61, 0x31, 0x62,
	0x32, 0x63, 0x33, 0x2d, 0x30, 0x30, 0x30, 0x30, 0x2d, 0x34, 0x30, 0x30, 0x30, 0x2d, 0x38, 0x30, 0x30, 0x30,
	0x2d, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x62, 0x65, 0x65, 0x66, 0x05, 0x6c, 0x6f, 0x63, 0x61,
	0x6c, 0x00, 0x00, 0x01, 0x00, 0x01, 0x24, 0x30, 0x66, 0x61, 0x31, 0x62, 0x32, 0x63, 0x33, 0x2d, 0x30, 0x30,
	0x30, 0x30, 0x2d, 0x34, 0x30, 0x30, 0x30, 0x2d, 0x38, 0x30, 0x30, 0x30, 0x2d, 0x30, 0x30, 0x30, 0x30, 0x30,
	0x30, 0x30, 0x30, 0x63, 0x61, 0x66, 0x65, 0x05, 0x6c, 0x6f, 0x63, 0x61, 0x6c, 0x00, 0x00, 0x01, 0x00, 0x01,
};
/* clang-format on */

/* Parses a copy of the exact size, so that the address sanitizer sees a read past the end. */
static int parse_exact(slice in, mdns_message *m)
{
	uint8_t *copy = malloc(in.len ? in.len : 1);
	assert_non_null(copy);
	if (in.len)
		memcpy(copy, in.data, in.len);
	int error = mdns_parse(slice_of(copy, in.len), m);
	free(copy);
	return error;
}

static void only_single_label_local_names_are_valid(void **state)
{
	(void)state;
	static const char *const GOOD[] = {NAME, "a.local", "A-b_9.LOCAL",
					   "123456789012345678901234567890123456789012345678901234567890123.local"};
	static const char *const BAD[] = {"",
					  ".local",
					  "local",
					  "a",
					  "a.b.local",
					  "a.localx",
					  "a.local.",
					  "a b.local",
					  "a.example",
					  "\xc3\xa9.local",
					  "10.0.0.1",
					  "a..local",
					  "1234567890123456789012345678901234567890123456789012345678901234.local"};
	mdns_name name;
	char out[MDNS_NAME_TEXT_MAX];
	for (size_t i = 0; i < ARRAY_LENGTH(GOOD); i++) {
		assert_int_equal(mdns_name_parse(slice_from_string(GOOD[i]), &name), 0);
		assert_string_equal(mdns_name_print(&name, out), i == 2 ? "a-b_9.local" : GOOD[i]);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(BAD); i++)
		assert_int_equal(mdns_name_parse(slice_from_string(BAD[i]), &name), PARLEY_EINVAL);
}

static void an_answer_is_understood(void **state)
{
	(void)state;
	mdns_message m;
	mdns_name name;
	parley_addr address = addr_ipv4(10, 77, 0, 2, 0);
	assert_int_equal(mdns_name_parse(slice_from_string(NAME), &name), 0);
	assert_int_equal(parse_exact(LITERAL(ANSWER_A), &m), 0);
	assert_true(m.response);
	assert_int_equal(m.record_count, 1);
	assert_true(mdns_name_equal(&m.records[0].name, &name));
	assert_true(m.records[0].answer && m.records[0].cache_flush);
	assert_int_equal(m.records[0].ttl, 120);
	assert_true(addr_equal(&m.records[0].address, &address));
	assert_int_equal(parse_exact(LITERAL(ANSWER_COMPRESSED), &m), 0);
	assert_int_equal(m.record_count, 1); /* not the TXT */
	assert_true(mdns_name_equal(&m.records[0].name, &name));
	assert_int_equal(parse_exact(LITERAL(ANSWER_NSEC_ONLY_A), &m), 0);
	assert_true(m.records[0].type == MDNS_NSEC && m.records[0].has_a && !m.records[0].has_aaaa);
}

static void chromium_is_understood(void **state)
{
	(void)state;
	mdns_message m;
	parley_addr address = addr_ipv4(10, 60, 0, 1, 0);
	assert_int_equal(parse_exact(slice_of(CHROMIUM_ANSWER, sizeof CHROMIUM_ANSWER), &m), 0);
	assert_int_equal(m.record_count, 2);
	assert_true(m.records[0].answer && addr_equal(&m.records[0].address, &address));
	assert_true(!m.records[1].answer && m.records[1].has_a && !m.records[1].has_aaaa);
	assert_int_equal(parse_exact(slice_of(CHROMIUM_DENIAL, sizeof CHROMIUM_DENIAL), &m), 0);
	assert_int_equal(m.record_count, 2);
	assert_true(m.records[0].answer && m.records[0].type == MDNS_NSEC);
	assert_true(!m.records[1].answer && addr_equal(&m.records[1].address, &address));
}

static void every_truncation_is_refused(void **state)
{
	(void)state;
	const slice whole[] = {LITERAL(ANSWER_A), LITERAL(ANSWER_COMPRESSED), LITERAL(ANSWER_NSEC_ONLY_A),
			       slice_of(CHROMIUM_ANSWER, sizeof CHROMIUM_ANSWER)};
	mdns_message m;
	for (size_t i = 0; i < ARRAY_LENGTH(whole); i++)
		for (size_t len = 0; len < whole[i].len; len++)
			assert_int_equal(parse_exact(slice_part(whole[i], 0, len), &m), PARLEY_EPROTO);
}

static void bad_names_and_values_are_refused(void **state)
{
	(void)state;
#define QUERY_HEADER "\0\0\0\0\0\1\0\0\0\0\0\0"
	const slice wrong[] = {
		LITERAL(QUERY_HEADER "\xc0\x0c\0\1\0\1"),      /* a pointer to itself */
		LITERAL(QUERY_HEADER "\1a\xc0\x0c\0\1\0\1"),   /* back into its own name: a loop */
		LITERAL(QUERY_HEADER "\xc0\x12\0\1\0\1\1a\0"), /* forwards */
		LITERAL(QUERY_HEADER "\xc0\x00\0\1\0\1"),      /* into the header */
		LITERAL(QUERY_HEADER "\x41"
				     "a\0\0\1\0\1"), /* reserved label kinds */
		LITERAL(QUERY_HEADER "\x81"
				     "a\0\0\1\0\1"),
		LITERAL("\0\0\x08\0\0\0\0\0\0\0\0\0"),			   /* an operation that is no query */
		LITERAL("\0\0\x84\3\0\0\0\0\0\0\0\0"),			   /* a response code */
		LITERAL(ANSWER_HEADER "\0\0\1\0\1\0\0\0\x78\0\5abcde"),	   /* an A of 5 bytes */
		LITERAL(ANSWER_HEADER "\0\0\x1c\0\1\0\0\0\x78\0\4abcd"),   /* an AAAA of 4 */
		LITERAL(ANSWER_HEADER "\0\0\x2f\0\1\0\0\0\x78\0\3\0\0\0"), /* an empty block of an NSEC */
		LITERAL(ANSWER_HEADER
			"\0\0\x2f\0\1\0\0\0\x78\0\4\0\0\2\x40\0"), /* a block past the end of its record */
		LITERAL(ANSWER_HEADER "\0\0\x10\0\1\0\0\0\x78\xff\xff"
				      "a"), /* data past the end */
	};
	mdns_message m;
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
		assert_int_equal(parse_exact(wrong[i], &m), PARLEY_EPROTO);
}

static void a_name_longer_than_255_bytes_is_refused(void **state)
{
	(void)state;
	uint8_t bytes[1024];
	mdns_message m;
	for (unsigned labels = 1; labels < 8; labels++) {
		writer w = writer_of(bytes, sizeof bytes);
		write_bytes(&w, LITERAL(QUERY_HEADER));
		for (unsigned i = 0; i < labels; i++) {
			write_u8(&w, 63);
			write_zeros(&w, 63);
		}
		write_zeros(&w, 1 + 4);
		assert_int_equal(parse_exact(writer_slice(&w), &m), labels * 64 + 1 > 255 ? PARLEY_EPROTO : 0);
	}
}

/* Each name is a pointer to the one before: chains must not make a packet expensive. */
static void long_chains_of_pointers_are_refused(void **state)
{
	(void)state;
	uint8_t bytes[1500];
	mdns_message m;
	writer w = writer_of(bytes, sizeof bytes);
	write_bytes(&w, LITERAL("\0\0\0\0\0\x20\0\0\0\0\0\0"));
	write_bytes(&w, LITERAL("\1a" LOCAL "\0\1\0\1"));
	size_t last = 12;
	for (unsigned i = 1; i < 32; i++) {
		size_t at = w.len;
		write_u16(&w, (uint16_t)(0xc000 | last));
		write_bytes(&w, LITERAL("\0\1\0\1"));
		last = at;
	}
	assert_int_equal(parse_exact(writer_slice(&w), &m), PARLEY_EPROTO);
	bytes[5] = 8;
	assert_int_equal(parse_exact(writer_slice(&w), &m), 0);
	assert_int_equal(m.question_count, 8);
	assert_true(mdns_name_equal(&m.questions[0].name, &m.questions[7].name));
}

static void a_crowded_packet_is_seen_up_to_the_limits(void **state)
{
	(void)state;
	uint8_t bytes[4096];
	mdns_message m;
	mdns_name name;
	parley_addr address = addr_ipv4(10, 0, 0, 1, 0);
	assert_int_equal(mdns_name_parse(slice_from_string("a.local"), &name), 0);
	writer w = writer_of(bytes, sizeof bytes);
	mdns_begin(&w, true);
	for (unsigned i = 0; i < 40; i++)
		mdns_put_question(&w, &name, MDNS_A);
	for (unsigned i = 0; i < 40; i++)
		mdns_put_address(&w, &name, &address);
	assert_false(w.bad);
	assert_int_equal(parse_exact(writer_slice(&w), &m), 0);
	assert_int_equal(m.question_count, MDNS_QUESTIONS_MAX);
	assert_int_equal(m.record_count, MDNS_RECORDS_MAX);
}

/* --- the resolver --- */

static mdns_resolver resolver;

static uint64_t resolve(uint64_t now, const char *name)
{
	uint64_t id;
	assert_int_equal(mdns_resolve(&resolver, now, slice_from_string(name), &id), 0);
	mdns_check_invariants(&resolver);
	return id;
}

/* Takes all queries out; how many of each type. */
static void count_queries(uint64_t now, unsigned *a, unsigned *aaaa)
{
	uint8_t bytes[128];
	packet p = {.data = bytes, .capacity = sizeof bytes};
	*a = *aaaa = 0;
	while (mdns_poll_transmit(&resolver, now, &p)) {
		mdns_message m;
		assert_int_equal(parse_exact(slice_of(p.data, p.len), &m), 0);
		assert_false(m.response);
		assert_int_equal(m.question_count, 1);
		assert_int_equal(m.record_count, 0);
		assert_false(m.questions[0].unicast);
		++*(m.questions[0].type == MDNS_A ? a : aaaa);
	}
	mdns_check_invariants(&resolver);
}

static void expect_queries(uint64_t now, unsigned a, unsigned aaaa)
{
	unsigned have_a, have_aaaa;
	count_queries(now, &have_a, &have_aaaa);
	assert_int_equal(have_a, a);
	assert_int_equal(have_aaaa, aaaa);
}

static void expect_found(uint64_t id)
{
	mdns_event event;
	parley_addr address = addr_ipv4(10, 77, 0, 2, 0);
	assert_true(mdns_poll_event(&resolver, &event));
	assert_true(event.found);
	assert_int_equal(event.id, id);
	assert_true(addr_equal(&event.address, &address));
}

static void expect_silence(uint64_t now)
{
	mdns_event event;
	expect_queries(now, 0, 0);
	assert_false(mdns_poll_event(&resolver, &event));
	assert_true(mdns_deadline(&resolver) == TIME_NEVER);
	mdns_check_invariants(&resolver);
}

static int fresh_resolver(void **state)
{
	(void)state;
	mdns_resolver_init(&resolver, NULL);
	return 0;
}

static void the_query_is_the_one_that_browsers_answer(void **state)
{
	(void)state;
	uint8_t bytes[128];
	packet p = {.data = bytes, .capacity = sizeof bytes};
	(void)resolve(0, NAME);
	assert_true(mdns_poll_transmit(&resolver, 0, &p));
	assert_true(slice_equal(slice_of(p.data, p.len), LITERAL(QUERY_HEADER WIRE_UUID LOCAL "\0\1\0\1")));
	assert_true(mdns_poll_transmit(&resolver, 0, &p));
	assert_true(slice_equal(slice_of(p.data, p.len), LITERAL(QUERY_HEADER WIRE_UUID LOCAL "\0\x1c\0\1")));
	assert_false(mdns_poll_transmit(&resolver, 0, &p));
}

static void queries_repeat_until_the_limit(void **state)
{
	(void)state;
	static const uint64_t AT_MS[] = {0, 100, 300, 700, 1500, 3100, 6300, 10300, 14300, 18300, 22300, 26300};
	const uint64_t start = 5 * US_PER_S;
	uint64_t id = resolve(start, NAME);
	expect_queries(start, 1, 1);
	for (size_t i = 1; i < ARRAY_LENGTH(AT_MS); i++) {
		uint64_t now = start + AT_MS[i] * US_PER_MS;
		assert_true(mdns_deadline(&resolver) == now);
		mdns_timeout(&resolver, now - 1);
		expect_queries(now - 1, 0, 0);
		mdns_timeout(&resolver, now);
		expect_queries(now, 1, 1);
	}
	assert_true(mdns_deadline(&resolver) == start + MDNS_GIVE_UP_US);
	mdns_timeout(&resolver, start + MDNS_GIVE_UP_US);
	mdns_event event;
	assert_true(mdns_poll_event(&resolver, &event));
	assert_false(event.found);
	assert_int_equal(event.id, id);
	expect_silence(start + MDNS_GIVE_UP_US);
}

static void an_answer_ends_the_question(void **state)
{
	(void)state;
	const slice answers[] = {LITERAL(ANSWER_A), LITERAL(ANSWER_COMPRESSED)};
	for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
		uint64_t id = resolve(0, NAME);
		expect_queries(0, 1, 1);
		assert_int_equal(mdns_receive(&resolver, 500, answers[i]), 0);
		expect_found(id);
		expect_silence(500);
	}
}

/* Chromium denies AAAA together with the address: which ever packet comes first, the name is found. */
static void chromium_is_found_by_either_answer(void **state)
{
	(void)state;
	const slice answers[] = {slice_of(CHROMIUM_ANSWER, sizeof CHROMIUM_ANSWER),
				 slice_of(CHROMIUM_DENIAL, sizeof CHROMIUM_DENIAL)};
	for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
		mdns_event event;
		uint64_t id = resolve(0, CHROMIUM_NAME ".local");
		expect_queries(0, 1, 1);
		assert_int_equal(mdns_receive(&resolver, 1, answers[i]), 0);
		assert_true(mdns_poll_event(&resolver, &event));
		assert_true(event.found && event.id == id && event.address.ip[0] == 10);
		expect_silence(1);
	}
}

static void one_answer_serves_all_questions_for_the_name(void **state)
{
	(void)state;
	uint64_t first = resolve(0, NAME), second = resolve(0, NAME), other = resolve(0, "other.local");
	expect_queries(0, 2, 2); /* of the two names */
	assert_int_equal(mdns_receive(&resolver, 500, LITERAL(ANSWER_A)), 0);
	expect_found(first);
	expect_found(second);
	mdns_cancel(&resolver, other);
	expect_silence(500);
}

static void what_is_no_answer_is_ignored(void **state)
{
	(void)state;
	const slice others[] = {
		LITERAL(QUERY_HEADER WIRE_UUID LOCAL "\0\1\0\1"),			       /* our own query */
		LITERAL(ANSWER_HEADER "\1x" LOCAL "\0\1\x80\1\0\0\0\x78\0\4\x0a\x4d\0\2"),     /* another name */
		LITERAL(ANSWER_HEADER WIRE_UUID LOCAL "\0\1\x80\1\0\0\0\0\0\4\x0a\x4d\0\2"),   /* a goodbye */
		LITERAL(ANSWER_HEADER WIRE_UUID LOCAL "\0\1\x80\3\0\0\0\x78\0\4\x0a\x4d\0\2"), /* another class */
		LITERAL(ANSWER_HEADER WIRE_UUID LOCAL "\0\1\x80\1\0\0\0\x78\0\4\0\0\0\0"),     /* 0.0.0.0 */
		LITERAL(ANSWER_HEADER WIRE_UUID LOCAL "\0\1\x80\1\0\0\0\x78\0\4\xe0\0\0\xfb"), /* multicast */
	};
	uint64_t id = resolve(0, NAME);
	mdns_event event;
	for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
		assert_int_equal(mdns_receive(&resolver, 1, others[i]), 0);
		assert_false(mdns_poll_event(&resolver, &event));
	}
	assert_int_equal(mdns_receive(&resolver, 1, LITERAL("rubbish")), PARLEY_EPROTO);
	assert_int_equal(resolver.malformed, 1);
	assert_int_equal(mdns_receive(&resolver, 2, LITERAL(ANSWER_A)), 0);
	expect_found(id);
}

static void a_denial_ends_the_asking_for_that_type(void **state)
{
	(void)state;
	(void)resolve(0, NAME);
	expect_queries(0, 1, 1);
	assert_int_equal(mdns_receive(&resolver, 1, LITERAL(ANSWER_NSEC_ONLY_A)), 0);
	mdns_timeout(&resolver, MDNS_INTERVAL_FIRST_US);
	expect_queries(MDNS_INTERVAL_FIRST_US, 1, 0);
	assert_int_equal(mdns_receive(&resolver, 2, LITERAL(ANSWER_NSEC_NOTHING)), 0);
	mdns_event event;
	assert_true(mdns_poll_event(&resolver, &event));
	assert_false(event.found);
	expect_silence(2);
}

static void a_cancelled_question_is_silent(void **state)
{
	(void)state;
	uint64_t id = resolve(0, NAME);
	mdns_cancel(&resolver, id);
	expect_silence(0);
	id = resolve(0, NAME);
	assert_int_equal(mdns_receive(&resolver, 1, LITERAL(ANSWER_A)), 0);
	mdns_cancel(&resolver, id); /* with its event waiting */
	expect_silence(1);
	mdns_cancel(&resolver, id);
	mdns_cancel(&resolver, 12345);
}

static void questions_are_limited(void **state)
{
	(void)state;
	uint64_t id = 0;
	for (unsigned i = 0; i < MDNS_OUTSTANDING_MAX; i++)
		assert_int_equal(mdns_resolve(&resolver, 0, slice_from_string(NAME), &id), 0);
	assert_int_equal(mdns_resolve(&resolver, 0, slice_from_string(NAME), &id), PARLEY_ELIMIT);
	mdns_cancel(&resolver, id);
	assert_int_equal(mdns_resolve(&resolver, 0, slice_from_string(NAME), &id), 0);
	assert_int_equal(mdns_resolve(&resolver, 0, slice_from_string("a.b.local"), &id), PARLEY_EINVAL);
}

/* --- the responder --- */

static mdns_responder responder;

static int fresh_responder(void **state)
{
	(void)state;
	parley_addr v4 = addr_ipv4(10, 77, 0, 2, 5000), v6;
	assert_true(addr_parse_ip(slice_from_string("2001:db8::7"), 5000, &v6));
	mdns_responder_init(&responder);
	assert_int_equal(mdns_responder_add(&responder, slice_from_string(NAME), &v4), 0);
	assert_int_equal(mdns_responder_add(&responder, slice_from_string("six.local"), &v6), 0);
	assert_int_equal(mdns_responder_add(&responder, slice_from_string("SIX.local"), &v6), PARLEY_EINVAL);
	assert_true(mdns_responder_deadline(&responder) == TIME_NEVER);
	return 0;
}

/* What the responder says at `now`; false: nothing. */
static bool said(uint64_t now, mdns_message *m)
{
	uint8_t bytes[1200];
	packet p = {.data = bytes, .capacity = sizeof bytes};
	mdns_responder_check_invariants(&responder);
	if (!mdns_responder_poll_transmit(&responder, now, &p))
		return false;
	assert_int_equal(parse_exact(slice_of(p.data, p.len), m), 0);
	assert_true(m->response);
	return true;
}

static void a_query_is_answered_as_browsers_do(void **state)
{
	(void)state;
	uint8_t bytes[512];
	packet p = {.data = bytes, .capacity = sizeof bytes};
	assert_int_equal(mdns_responder_receive(&responder, 0, LITERAL(QUERY_HEADER WIRE_UUID LOCAL "\0\1\0\1")), 0);
	assert_true(mdns_responder_poll_transmit(&responder, 0, &p));
	assert_true(slice_equal(slice_of(p.data, p.len), LITERAL(ANSWER_A)));
	assert_false(mdns_responder_poll_transmit(&responder, 0, &p));
}

static void several_questions_get_one_packet(void **state)
{
	(void)state;
	mdns_message m;
	/* Firefox: two names in one packet, QU. */
	slice query = LITERAL("\0\0\0\0\0\3\0\0\0\0\0\0" WIRE_UUID LOCAL "\0\1\x80\1"
			      "\3six" LOCAL "\0\x1c\x80\1"
			      "\1x" LOCAL "\0\1\x80\1");
	assert_int_equal(mdns_responder_receive(&responder, 0, query), 0);
	assert_true(said(0, &m));
	assert_int_equal(m.record_count, 2);
	assert_int_equal(m.records[0].type, MDNS_A);
	assert_int_equal(m.records[1].type, MDNS_AAAA);
}

static void firefox_is_answered(void **state)
{
	(void)state;
	mdns_message m;
	parley_addr address = addr_ipv4(10, 77, 0, 3, 0);
	assert_int_equal(parse_exact(slice_of(FIREFOX_QUERY, sizeof FIREFOX_QUERY), &m), 0);
	assert_int_equal(m.question_count, 2);
	assert_int_equal(mdns_responder_add(&responder, slice_from_string("0fa1b2c3-0000-4000-8000-00000000cafe.local"),
					    &address),
			 0);
	assert_int_equal(mdns_responder_receive(&responder, 0, slice_of(FIREFOX_QUERY, sizeof FIREFOX_QUERY)), 0);
	assert_true(said(0, &m));
	assert_int_equal(m.record_count, 1);
	assert_true(addr_equal(&m.records[0].address, &address));
}

static void the_missing_type_is_denied(void **state)
{
	(void)state;
	mdns_message m;
	assert_int_equal(mdns_responder_receive(&responder, 0, LITERAL(QUERY_HEADER WIRE_UUID LOCAL "\0\x1c\0\1")), 0);
	assert_true(said(0, &m));
	assert_int_equal(m.record_count, 1);
	assert_true(m.records[0].type == MDNS_NSEC && m.records[0].has_a && !m.records[0].has_aaaa);
	assert_int_equal(mdns_responder_receive(&responder, 0, LITERAL(QUERY_HEADER "\3SIX" LOCAL "\0\1\0\1")), 0);
	assert_true(said(0, &m));
	assert_true(m.records[0].type == MDNS_NSEC && !m.records[0].has_a && m.records[0].has_aaaa);
}

static void a_record_is_said_once_a_second(void **state)
{
	(void)state;
	mdns_message m;
	slice query = LITERAL(QUERY_HEADER WIRE_UUID LOCAL "\0\1\0\1");
	assert_int_equal(mdns_responder_receive(&responder, 7, query), 0);
	assert_true(said(7, &m));
	assert_int_equal(mdns_responder_receive(&responder, 8, query), 0);
	assert_false(said(8, &m));
	assert_true(mdns_responder_deadline(&responder) == 7 + MDNS_REPEAT_US);
	assert_true(said(7 + MDNS_REPEAT_US, &m));
	assert_true(mdns_responder_deadline(&responder) == TIME_NEVER);
}

static void a_known_answer_is_not_repeated(void **state)
{
	(void)state;
	mdns_message m;
#define KNOWN(ttl)                                                    \
	LITERAL("\0\0\0\0\0\1\0\1\0\0\0\0" WIRE_UUID LOCAL "\0\1\0\1" \
		"\xc0\x0c\0\1\0\1\0\0\0" ttl "\0\4\x0a\x4d\0\2")
	assert_int_equal(mdns_responder_receive(&responder, 0, KNOWN("\x3c")), 0);
	assert_false(said(0, &m));
	assert_int_equal(mdns_responder_receive(&responder, 0, KNOWN("\x3b")), 0); /* less than half of it left */
	assert_true(said(0, &m));
}

static void a_removed_name_is_not_ours(void **state)
{
	(void)state;
	mdns_message m;
	slice query = LITERAL(QUERY_HEADER WIRE_UUID LOCAL "\0\1\0\1");
	assert_int_equal(mdns_responder_receive(&responder, 0, query), 0);
	assert_int_equal(mdns_responder_remove(&responder, slice_from_string(NAME)), 0);
	assert_int_equal(mdns_responder_receive(&responder, 0, query), 0);
	assert_false(said(0, &m));
	assert_int_equal(mdns_responder_remove(&responder, slice_from_string(NAME)), PARLEY_ENOTFOUND);
}

static void responder_and_resolver_agree(void **state)
{
	(void)state;
	uint8_t bytes[512];
	packet p = {.data = bytes, .capacity = sizeof bytes};
	mdns_resolver_init(&resolver, NULL);
	uint64_t id = resolve(0, NAME);
	while (mdns_poll_transmit(&resolver, 0, &p))
		assert_int_equal(mdns_responder_receive(&responder, 0, slice_of(p.data, p.len)), 0);
	while (mdns_responder_poll_transmit(&responder, 0, &p)) /* A and NSEC in one packet */
		assert_int_equal(mdns_receive(&resolver, 0, slice_of(p.data, p.len)), 0);
	expect_found(id);
}

static void random_names_are_uuids_and_distinct(void **state)
{
	(void)state;
	rng_seeded seed;
	rng_seeded_init(&seed, 1);
	parley_random random = rng_seeded_source(&seed);
	char one[MDNS_RANDOM_NAME_SIZE], two[MDNS_RANDOM_NAME_SIZE];
	mdns_name name;
	assert_int_equal(mdns_random_name(&random, one), 0);
	assert_int_equal(mdns_random_name(&random, two), 0);
	assert_string_not_equal(one, two);
	assert_int_equal(strlen(one), MDNS_RANDOM_NAME_SIZE - 1);
	assert_int_equal(one[14], '4');
	assert_int_equal(mdns_name_parse(slice_from_string(one), &name), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_single_label_local_names_are_valid),
		cmocka_unit_test(an_answer_is_understood),
		cmocka_unit_test(chromium_is_understood),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(bad_names_and_values_are_refused),
		cmocka_unit_test(a_name_longer_than_255_bytes_is_refused),
		cmocka_unit_test(long_chains_of_pointers_are_refused),
		cmocka_unit_test(a_crowded_packet_is_seen_up_to_the_limits),
		cmocka_unit_test_setup(the_query_is_the_one_that_browsers_answer, fresh_resolver),
		cmocka_unit_test_setup(queries_repeat_until_the_limit, fresh_resolver),
		cmocka_unit_test_setup(an_answer_ends_the_question, fresh_resolver),
		cmocka_unit_test_setup(chromium_is_found_by_either_answer, fresh_resolver),
		cmocka_unit_test_setup(one_answer_serves_all_questions_for_the_name, fresh_resolver),
		cmocka_unit_test_setup(what_is_no_answer_is_ignored, fresh_resolver),
		cmocka_unit_test_setup(a_denial_ends_the_asking_for_that_type, fresh_resolver),
		cmocka_unit_test_setup(a_cancelled_question_is_silent, fresh_resolver),
		cmocka_unit_test_setup(questions_are_limited, fresh_resolver),
		cmocka_unit_test_setup(a_query_is_answered_as_browsers_do, fresh_responder),
		cmocka_unit_test_setup(several_questions_get_one_packet, fresh_responder),
		cmocka_unit_test_setup(firefox_is_answered, fresh_responder),
		cmocka_unit_test_setup(the_missing_type_is_denied, fresh_responder),
		cmocka_unit_test_setup(a_record_is_said_once_a_second, fresh_responder),
		cmocka_unit_test_setup(a_known_answer_is_not_repeated, fresh_responder),
		cmocka_unit_test_setup(a_removed_name_is_not_ours, fresh_responder),
		cmocka_unit_test_setup(responder_and_resolver_agree, fresh_responder),
		cmocka_unit_test(random_names_are_uuids_and_distinct),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
