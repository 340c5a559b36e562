/* signaling/websocket.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "signaling/websocket.h"
#include "tests/support/failmalloc.h"

#define MESSAGE_MAX 1000u

typedef struct {
	rng_seeded seed;
	websocket client, server;
	buf to_server, to_client;
} pair;

static void pair_init(pair *p)
{
	*p = (pair){.to_server = {.limit = 1 << 20}, .to_client = {.limit = 1 << 20}};
	rng_seeded_init(&p->seed, 1);
	assert_int_equal(
		websocket_init(&p->client, WEBSOCKET_CLIENT, rng_seeded_source(&p->seed), MESSAGE_MAX, &p->to_server),
		0);
	assert_int_equal(
		websocket_init(&p->server, WEBSOCKET_SERVER, rng_seeded_source(&p->seed), MESSAGE_MAX, &p->to_client),
		0);
}

static void pair_clear(pair *p)
{
	websocket_clear(&p->client);
	websocket_clear(&p->server);
	buf_clear(&p->to_server);
	buf_clear(&p->to_client);
}

static void deliver(websocket *to, buf *from, size_t chunk)
{
	slice n = slice_part(buf_slice(from), 0, chunk);
	assert_int_equal(websocket_receive(to, n), 0);
	buf_consume(from, n.len);
}

static void expect_message(websocket *ws, const char *wanted)
{
	websocket_event e;
	assert_true(websocket_poll_event(ws, &e));
	assert_int_equal(e.type, WEBSOCKET_MESSAGE);
	assert_true(slice_equal_string(e.text, wanted));
}

static void expect_closed(websocket *ws, uint16_t code, const char *reason)
{
	websocket_event e;
	assert_true(websocket_poll_event(ws, &e));
	assert_int_equal(e.type, WEBSOCKET_CLOSED);
	assert_int_equal(e.code, code);
	assert_string_equal(e.reason, reason);
	assert_false(websocket_poll_event(ws, &e));
}

static void messages_pass_both_ways_and_keep_their_order(void **state)
{
	(void)state;
	pair p;
	websocket_event e;
	pair_init(&p);
	assert_int_equal(websocket_send(&p.client, slice_from_string("one")), 0);
	assert_int_equal(websocket_send(&p.client, (slice){0}), 0);
	assert_int_equal(websocket_send(&p.client, slice_from_string("three")), 0);
	assert_null(memmem(p.to_server.data, p.to_server.len, "three", 5)); /* masked (RFC 6455 5.3) */
	deliver(&p.server, &p.to_server, SIZE_MAX);
	expect_message(&p.server, "one");
	expect_message(&p.server, "");
	expect_message(&p.server, "three");
	assert_false(websocket_poll_event(&p.server, &e));
	assert_int_equal(websocket_send(&p.server, slice_from_string("back")), 0);
	while (p.to_client.len) {
		assert_false(websocket_poll_event(&p.client, &e));
		deliver(&p.client, &p.to_client, 1);
	}
	expect_message(&p.client, "back");
	pair_clear(&p);
}

static void a_close_is_answered_with_its_code(void **state)
{
	(void)state;
	pair p;
	pair_init(&p);
	assert_int_equal(websocket_close(&p.client, WEBSOCKET_GOING_AWAY, "gone"), 0);
	assert_int_equal(websocket_close(&p.client, WEBSOCKET_NORMAL, NULL), 0);
	assert_int_equal(websocket_send(&p.client, slice_from_string("x")), PARLEY_ESTATE);
	deliver(&p.server, &p.to_server, SIZE_MAX);
	expect_closed(&p.server, WEBSOCKET_GOING_AWAY, "gone");
	deliver(&p.client, &p.to_client, SIZE_MAX);
	expect_closed(&p.client, WEBSOCKET_GOING_AWAY, "gone");
	assert_int_equal(p.to_server.len, 0);
	pair_clear(&p);
}

/* Frames as a client sends them, masked with zeros so that they can be read. */
#define MASK "\0\0\0\0"

static void bad_frames_close_with_the_right_code(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t len;
		uint16_t code;
	} cases[] = {
		{"\x82\x81" MASK "a", 7, WEBSOCKET_UNSUPPORTED},	      /* binary */
		{"\x81\x81" MASK "\xff", 7, 1007},			      /* not UTF-8 */
		{"\x81\xfe\x03\xe9" MASK "a", 9, WEBSOCKET_TOO_BIG},	      /* claims 1001 bytes */
		{"\x81\xff\0\0\0\1\0\0\0\0" MASK "a", 15, WEBSOCKET_TOO_BIG}, /* claims 4 GiB */
		{"\x81\x01"
		 "a",
		 3, WEBSOCKET_PROTOCOL_ERROR},				   /* not masked */
		{"\xc1\x81" MASK "a", 7, WEBSOCKET_PROTOCOL_ERROR},	   /* a reserved bit */
		{"\x80\x81" MASK "a", 7, WEBSOCKET_PROTOCOL_ERROR},	   /* continues nothing */
		{"\x09\x80" MASK, 6, WEBSOCKET_PROTOCOL_ERROR},		   /* a fragmented ping */
		{"\x88\x82" MASK "\x03\xe7", 8, WEBSOCKET_PROTOCOL_ERROR}, /* close with 999 */
		{"\x88\x80" MASK, 6, WEBSOCKET_NO_STATUS},		   /* close without a code */
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		pair p;
		pair_init(&p);
		assert_int_equal(websocket_receive(&p.server, slice_of(cases[i].bytes, cases[i].len)), 0);
		expect_closed(&p.server, cases[i].code, "");
		assert_true(p.to_client.len >= 2 && p.to_client.data[0] == 0x88);
		assert_int_equal(websocket_receive(&p.server, slice_from_string("more")), 0);
		pair_clear(&p);
	}
}

static void fragments_are_joined_around_a_ping_and_bounded(void **state)
{
	(void)state;
	static const char frames[] = "\x01\x82" MASK "ab\x89\x81" MASK "p\x80\x81" MASK "c";
	pair p;
	pair_init(&p);
	assert_int_equal(websocket_receive(&p.server, slice_of(frames, sizeof frames - 1)), 0);
	expect_message(&p.server, "abc");
	assert_int_equal(p.to_client.len, 3);
	assert_memory_equal(p.to_client.data, "\x8a\x01p", 3);
	for (unsigned i = 0; i < MESSAGE_MAX / 100; i++) {
		uint8_t piece[106] = {i ? 0x00 : 0x01, 0x80 | 100};
		memset(piece + 6, 'x', 100);
		assert_int_equal(websocket_receive(&p.server, slice_of(piece, sizeof piece)), 0);
	}
	websocket_event e;
	assert_false(websocket_poll_event(&p.server, &e));
	assert_int_equal(websocket_receive(&p.server, slice_of("\x80\x81" MASK "y", 7)), 0);
	expect_closed(&p.server, WEBSOCKET_TOO_BIG, "");
	pair_clear(&p);
}

static void input_that_is_not_drained_is_bounded(void **state)
{
	(void)state;
	static uint8_t zeros[WEBSOCKET_INPUT_MAX + 1];
	pair p;
	pair_init(&p);
	assert_int_equal(websocket_receive(&p.server, slice_of(zeros, sizeof zeros)), PARLEY_ELIMIT);
	pair_clear(&p);
}

static void read_message(http_reader *r, http_read_kind kind, buf *from)
{
	size_t used;
	http_reader_init(r, kind, 0);
	assert_int_equal(http_receive(r, buf_slice(from), &used), 0);
	assert_true(r->complete);
	buf_consume(from, used);
}

static void the_upgrade_is_checked_on_both_sides(void **state)
{
	(void)state;
	rng_seeded seed;
	rng_seeded_init(&seed, 7);
	parley_random random = rng_seeded_source(&seed);
	buf wire = {.limit = 4096};
	char key[WEBSOCKET_KEY_SIZE];
	const char *why;
	url to;
	http_reader request, response;
	assert_int_equal(url_parse(&to, slice_from_string("ws://hub.test/connectionHub?id=x"), &why), 0);
	assert_int_equal(websocket_write_request(&wire, &to, &random, key), 0);
	read_message(&request, HTTP_READ_REQUEST, &wire);
	assert_int_equal(websocket_check_request(&request), 0);
	assert_int_equal(websocket_write_response(&wire, &request), 0);
	read_message(&response, HTTP_READ_RESPONSE, &wire);
	assert_int_equal(websocket_check_response(&response, key, &why), 0);
	assert_int_equal(websocket_check_response(&response, "dGhlIHNhbXBsZSBub25jZQ==", &why), PARLEY_EPROTO);
	assert_string_equal(why, "the server's Sec-WebSocket-Accept is wrong");
	http_reader_clear(&request);
	http_reader_clear(&response);
	buf_clear(&wire);
}

static void the_sample_of_the_rfc_is_accepted(void **state)
{
	(void)state; /* RFC 6455 1.3, with the tokens in other letters */
	buf wire = {.limit = 4096};
	http_reader r;
	const char *why;
	buf_printf(
		&wire,
		"GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: WebSocket\r\nConnection: keep-alive, upgrade\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
	read_message(&r, HTTP_READ_REQUEST, &wire);
	assert_int_equal(websocket_check_request(&r), 0);
	assert_int_equal(websocket_write_response(&wire, &r), 0);
	http_reader_clear(&r);
	assert_non_null(memmem(wire.data, wire.len, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", 28));
	read_message(&r, HTTP_READ_RESPONSE, &wire);
	assert_int_equal(websocket_check_response(&r, "dGhlIHNhbXBsZSBub25jZQ==", &why), 0);
	http_reader_clear(&r);
	buf_clear(&wire);
}

static void bad_upgrades_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *request;
		unsigned status;
	} cases[] = {
		{"GET / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		{"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 405},
		{"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n\r\n",
		 426},
		{"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
		 "Sec-WebSocket-Key: c2hvcnQ=\r\n\r\n",
		 400},
		{"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
		 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		 400},
		{"GET / HTTP/1.0\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
		 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		 400},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		buf wire = {.limit = 4096};
		http_reader r;
		buf_append(&wire, slice_from_string(cases[i].request));
		read_message(&r, HTTP_READ_REQUEST, &wire);
		assert_int_equal(websocket_check_request(&r), cases[i].status);
		http_reader_clear(&r);
		buf_clear(&wire);
	}
}

static void converse(void *context)
{
	(void)context;
	rng_seeded seed;
	rng_seeded_init(&seed, 1);
	buf wire = {.limit = 4096}, back = {.limit = 4096};
	websocket client, server;
	websocket_event e;
	if (websocket_init(&client, WEBSOCKET_CLIENT, rng_seeded_source(&seed), 100, &wire) == 0 &&
	    websocket_init(&server, WEBSOCKET_SERVER, rng_seeded_source(&seed), 100, &back) == 0) {
		websocket_send(&client, slice_from_string("hello"));
		websocket_close(&client, WEBSOCKET_NORMAL, "bye");
		websocket_receive(&server, buf_slice(&wire));
		while (websocket_poll_event(&server, &e))
			;
		websocket_receive(&client, buf_slice(&back));
		while (websocket_poll_event(&client, &e))
			;
		websocket_clear(&client);
		websocket_clear(&server);
	}
	buf_clear(&wire);
	buf_clear(&back);
}

static void conversations_survive_failing_allocations(void **state)
{
	(void)state;
	failmalloc_loop(converse, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_pass_both_ways_and_keep_their_order),
		cmocka_unit_test(a_close_is_answered_with_its_code),
		cmocka_unit_test(bad_frames_close_with_the_right_code),
		cmocka_unit_test(fragments_are_joined_around_a_ping_and_bounded),
		cmocka_unit_test(input_that_is_not_drained_is_bounded),
		cmocka_unit_test(the_upgrade_is_checked_on_both_sides),
		cmocka_unit_test(the_sample_of_the_rfc_is_accepted),
		cmocka_unit_test(bad_upgrades_are_refused),
		cmocka_unit_test(conversations_survive_failing_allocations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
