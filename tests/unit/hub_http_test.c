/* signaling/hub.h seen from raw streams: HTTP, the upgrade, broken records, silence, slow readers */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/time.h"
#include "signaling/hub.h"

typedef struct {
	hub *hub;
	rng_seeded seed;
	uint64_t now;
} scene;

/* A raw stream and what came on it. */
typedef struct {
	uint64_t number;
	bool ended;
	size_t len;
	char got[1 << 20];
} stream;

static const hub_file files[] = {
	{"/", "text/html", {(const uint8_t *)"page", 4}},
	{"/a.js", "text/javascript", {(const uint8_t *)"script", 6}},
};

static int setup(void **state)
{
	scene *s = calloc(1, sizeof *s);
	assert_non_null(s);
	rng_seeded_init(&s->seed, 1);
	hub_config config = {.files = files, .file_count = 2, .random = rng_seeded_source(&s->seed)};
	assert_int_equal(hub_new(&s->hub, &config), 0);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	scene *s = *state;
	hub_free(s->hub);
	free(s);
	return 0;
}

static void drain(scene *s, stream *st)
{
	uint8_t mem[4096] = {0};
	packet p = {.data = mem, .capacity = sizeof mem};
	uint64_t number;
	hub_event event;
	while (hub_poll_transmit(s->hub, s->now, &number, &p)) {
		if (number != st->number)
			continue;
		assert_true(st->len + p.len < sizeof st->got);
		memcpy(st->got + st->len, mem, p.len);
		st->len += p.len;
		st->got[st->len] = '\0';
	}
	while (hub_poll_event(s->hub, &event))
		st->ended |= event.connection == st->number;
	hub_check_invariants(s->hub);
}

static stream *open_stream(scene *s)
{
	stream *st = calloc(1, sizeof *st);
	assert_non_null(st);
	assert_int_equal(hub_accept(s->hub, s->now, "raw", &st->number), 0);
	return st;
}

static void send_bytes(scene *s, stream *st, slice bytes)
{
	st->len = 0;
	st->got[0] = '\0';
	hub_receive(s->hub, s->now, st->number, bytes);
	drain(s, st);
}

static void send_text(scene *s, stream *st, const char *bytes)
{
	send_bytes(s, st, slice_from_string(bytes));
}

/* A masked text frame (mask zero) of what is no longer than 125 bytes. */
static void send_frame(scene *s, stream *st, const char *payload)
{
	uint8_t mem[140];
	writer w = writer_of(mem, sizeof mem);
	write_u8(&w, 0x81);
	write_u8(&w, (uint8_t)(0x80 | strlen(payload)));
	write_zeros(&w, 4);
	write_bytes(&w, slice_from_string(payload));
	assert_false(w.bad);
	send_bytes(s, st, writer_slice(&w));
}

#define UPGRADE(query)                                                                                     \
	"GET /connectionHub" query " HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" \
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
#define HELLO "{\"protocol\":\"json\",\"version\":1}\x1e"

static stream *open_websocket(scene *s)
{
	stream *st = open_stream(s);
	send_text(s, st, UPGRADE(""));
	assert_non_null(strstr(st->got, "HTTP/1.1 101 "));
	send_frame(s, st, HELLO);
	assert_memory_equal(st->got, "\x81\x03{}\x1e", 5);
	return st;
}

static void each_request_has_its_answer(void **state)
{
	static const struct {
		const char *request, *status, *body;
	} cases[] = {
		{"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n", "\r\n\r\npage"},
		{"GET /a.js?v=1 HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 ", "\r\n\r\nscript"},
		{"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n", "\r\n\r\n"},
		{"HEAD /none HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 404 ", "\r\n\r\n"},
		{"GET /../../etc/passwd HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 404 ", "\r\n\r\nNot Found"},
		{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 405 ",
		 "\r\n\r\nMethod Not Allowed"},
		{"GET /connectionHub/negotiate HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 405 ",
		 "\r\n\r\nMethod Not Allowed"},
		{"GET /connectionHub HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 ", "\r\n\r\nBad Request"},
		{"GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\n", "\r\n\r\npage"},
		{"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", "\r\n\r\nBad Request"},
		{"GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", "HTTP/1.1 400 ", "\r\n\r\nBad Request"},
		{"GET / HTTP/1.1\r\nHost: h/x\r\n\r\n", "HTTP/1.1 400 ", "\r\n\r\nBad Request"},
		{UPGRADE("?id=unknown"), "HTTP/1.1 404 ", "\r\n\r\nNot Found"},
		{"\x16\x03\x01", "HTTP/1.1 400 ", "\r\n\r\nBad Request"},
	};
	scene *s = *state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		stream *st = open_stream(s);
		send_text(s, st, cases[i].request);
		assert_true(strncmp(st->got, cases[i].status, strlen(cases[i].status)) == 0);
		size_t body = strlen(cases[i].body);
		assert_true(st->len > body);
		assert_string_equal(st->got + st->len - body, cases[i].body);
		assert_true(st->ended);
		free(st);
	}
	assert_int_equal(hub_connection_count(s->hub), 0);
}

static void pages_of_other_sites_are_refused(void **state)
{
	static const struct {
		const char *host, *headers; /* the latter with their line ends */
		unsigned status;
	} cases[] = {
		{"hub.test", "", 101}, /* no browser */
		{"hub.test", "Origin: http://hub.test\r\n", 101},
		{"hub.test", "Origin: https://HUB.test\r\n", 101},
		{"hub.test:443", "Origin: https://hub.test\r\n", 101},
		{"hub.test:8080", "Origin: http://hub.test:8080\r\n", 101},
		{"[::1]:8080", "Origin: http://[::1]:8080\r\n", 101},
		{"hub.test", "Origin: https://page.test\r\n", 101}, /* named */
		{"hub.test", "Origin: https://evil.test\r\n", 403},
		{"hub.test", "Origin: https://page.test.evil\r\n", 403},
		{"hub.test", "Origin: http://hub.test.evil\r\n", 403},
		{"hub.test", "Origin: http://hub.test:81\r\n", 403},
		{"hub.test:80", "Origin: https://hub.test\r\n", 403},
		{"[::1]", "Origin: http://[::\r\n", 403},
		{"hub.test", "Origin: null\r\n", 403},
		{"hub.test", "Origin: http://hub.test\r\nOrigin: http://hub.test\r\n", 403},
		{"hub.test", "Origin: \r\n", 403},
	};
	scene *s = *state;
	hub_free(s->hub);
	hub_config config = {.random = rng_seeded_source(&s->seed), .allow_origin = "https://page.test"};
	assert_int_equal(hub_new(&s->hub, &config), 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		static const char *const requests[] = {
			"GET /connectionHub HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
			"POST /connectionHub/negotiate HTTP/1.1\r\nContent-Length: 0\r\n"};
		for (size_t k = 0; k < 2; k++) {
			char request[512], wanted[32];
			stream *st = open_stream(s);
			unsigned status = k && cases[i].status == 101 ? 200 : cases[i].status;
			snprintf(request, sizeof request, "%sHost: %s\r\n%s\r\n", requests[k], cases[i].host,
				 cases[i].headers);
			snprintf(wanted, sizeof wanted, "HTTP/1.1 %u ", status);
			send_text(s, st, request);
			assert_memory_equal(st->got, wanted, strlen(wanted));
			free(st);
		}
	}
}

/* The 32 digits behind "name":" */
static void read_secret(const stream *st, const char *name, char out[33])
{
	const char *at = strstr(st->got, name);
	assert_non_null(at);
	snprintf(out, 33, "%.32s", at + strlen(name));
}

static void negotiate(scene *s, char token[33])
{
	char id[33];
	stream *st = open_stream(s);
	send_text(s, st,
		  "POST /ConnectionHub/negotiate?negotiateVersion=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
	read_secret(st, "\"connectionId\":\"", id);
	read_secret(st, "\"connectionToken\":\"", token);
	assert_string_not_equal(id, token);
	free(st);
}

static void upgrade_with(scene *s, stream *st, const char *token)
{
	char request[512];
	snprintf(request, sizeof request, UPGRADE("?id=%s"), token);
	send_text(s, st, request);
}

static void a_token_opens_one_websocket(void **state)
{
	scene *s = *state;
	char token[33];
	negotiate(s, token);
	stream *a = open_stream(s), *b = open_stream(s), *c = open_stream(s);
	upgrade_with(s, a, token);
	assert_non_null(strstr(a->got, "HTTP/1.1 101 "));
	upgrade_with(s, b, token);
	assert_non_null(strstr(b->got, "HTTP/1.1 409 "));
	hub_disconnected(s->hub, s->now, a->number);
	upgrade_with(s, c, token);
	assert_non_null(strstr(c->got, "HTTP/1.1 404 "));
	free(a);
	free(b);
	free(c);
}

static void a_token_expires(void **state)
{
	scene *s = *state;
	char token[33];
	negotiate(s, token);
	assert_int_equal(hub_deadline(s->hub), HUB_TOKEN_LIFE_US);
	s->now = HUB_TOKEN_LIFE_US;
	hub_timeout(s->hub, s->now);
	stream *st = open_stream(s);
	upgrade_with(s, st, token);
	assert_non_null(strstr(st->got, "HTTP/1.1 404 "));
	assert_true(st->ended);
	free(st);
}

static void tokens_are_limited(void **state)
{
	scene *s = *state;
	char token[33];
	for (size_t i = 0; i < HUB_TOKENS_MAX; i++)
		negotiate(s, token);
	stream *st = open_stream(s);
	send_text(s, st, "POST /connectionHub/negotiate HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
	assert_non_null(strstr(st->got, "HTTP/1.1 503 "));
	free(st);
}

static void connections_are_limited(void **state)
{
	scene *s = *state;
	uint64_t number, first = 0;
	for (size_t i = 0; i < HUB_CONNECTIONS_MAX; i++)
		assert_int_equal(hub_accept(s->hub, s->now, "raw", i ? &number : &first), 0);
	assert_int_equal(hub_accept(s->hub, s->now, "raw", &number), PARLEY_ELIMIT);
	hub_disconnected(s->hub, s->now, first);
	assert_int_equal(hub_accept(s->hub, s->now, "raw", &number), 0);
	assert_true(number != first);
}

static void silence_before_each_step_ends_the_stream(void **state)
{
	scene *s = *state;
	stream *a = open_stream(s), *b = open_stream(s);
	send_text(s, b, UPGRADE(""));
	s->now = HUB_REQUEST_TIMEOUT_US;
	hub_timeout(s->hub, s->now);
	drain(s, a);
	assert_true(a->ended);
	drain(s, b);
	assert_int_equal(hub_connection_count(s->hub), 1); /* b is being closed */
	s->now += HUB_CLOSE_TIMEOUT_US;
	hub_timeout(s->hub, s->now);
	drain(s, b);
	assert_true(b->ended);
	free(a);
	free(b);
}

static void a_client_that_falls_silent_is_pinged_and_then_closed(void **state)
{
	scene *s = *state;
	stream *st = open_websocket(s);
	s->now = 15 * US_PER_S;
	hub_timeout(s->hub, s->now);
	st->len = 0;
	drain(s, st);
	assert_memory_equal(st->got, "\x81\x0b{\"type\":6}\x1e", 13);
	s->now = 30 * US_PER_S;
	hub_timeout(s->hub, s->now);
	drain(s, st);
	assert_non_null(strstr(st->got, "{\"type\":7,\"error\":\"Client timed out.\"}\x1e"));
	free(st);
}

static void wrong_handshakes_are_answered_with_the_reason(void **state)
{
	static const struct {
		const char *record, *error;
	} cases[] = {
		{"{\"protocol\":\"messagepack\",\"version\":1}\x1e", "The only protocol of this hub is 'json'."},
		{"{\"protocol\":\"json\",\"version\":2}\x1e", "The only version of protocol 'json' of this hub is 1."},
		{"{\"type\":6}\x1e", "The first message is not a handshake request."},
		{"hello\x1e", "The first message is not a handshake request."},
	};
	scene *s = *state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char expected[128];
		stream *st = open_stream(s);
		send_text(s, st, UPGRADE(""));
		send_frame(s, st, cases[i].record);
		snprintf(expected, sizeof expected, "{\"error\":\"%s\"}\x1e\x88", cases[i].error);
		assert_non_null(memmem(st->got, st->len, expected, strlen(expected)));
		send_bytes(s, st, slice_of("\x88\x80\0\0\0\0", 6));
		assert_true(st->ended);
		free(st);
	}
}

static void broken_records_close_the_connection(void **state)
{
	static const char *const records[] = {"{\x1e", "[]\x1e", "{\"type\":1}\x1e", "{\"type\":6}", "\x1e"};
	scene *s = *state;
	for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
		stream *st = open_websocket(s);
		send_frame(s, st, records[i]);
		assert_non_null(strstr(st->got, "{\"type\":7,\"error\":\""));
		free(st);
	}
}

static void several_records_in_one_message_are_all_taken(void **state)
{
	scene *s = *state;
	stream *st = open_websocket(s);
	send_frame(s, st,
		   "{\"type\":6}\x1e{\"type\":1,\"target\":\"GetRoomInfo\",\"arguments\":[]}\x1e{\"type\":99}\x1e");
	assert_string_equal(st->got + 2, "{\"type\":1,\"target\":\"updateRoom\",\"arguments\":[\"[]\"]}\x1e");
	free(st);
}

static void who_reads_too_slowly_is_cut_off(void **state)
{
	scene *s = *state;
	stream *slow = open_websocket(s), *fast = open_websocket(s);
	send_frame(s, fast, "{\"type\":1,\"target\":\"CreateRoom\",\"arguments\":[\"x\"]}\x1e");
	send_frame(s, slow, "{\"type\":1,\"target\":\"Join\",\"arguments\":[1]}\x1e");
	hub_set_blocked(s->hub, slow->number, true);
	size_t sent = 0;
	while (!strstr(fast->got, "bye") && sent < 20000) {
		send_frame(
			s, fast,
			"{\"type\":1,\"target\":\"SendMessage\",\"arguments\":[1,\"0123456789012345678901234567890123\"]}\x1e");
		sent++;
	}
	assert_in_range(sent, 2000, 19999);
	hub_set_blocked(s->hub, slow->number, false);
	slow->len = 0;
	drain(s, slow);
	assert_true(slow->ended);
	assert_in_range(slow->len, 1, HUB_OUT_MAX);
	free(slow);
	free(fast);
}

static void a_blocked_reader_gets_only_the_newest_list(void **state)
{
	scene *s = *state;
	stream *slow = open_websocket(s), *fast = open_websocket(s);
	hub_set_blocked(s->hub, slow->number, true);
	for (size_t i = 0; i < 3000; i++) {
		send_frame(s, fast, "{\"type\":1,\"target\":\"CreateRoom\",\"arguments\":[\"x\"]}\x1e");
		char leave[100];
		snprintf(leave, sizeof leave, "{\"type\":1,\"target\":\"LeaveRoom\",\"arguments\":[%zu]}\x1e", i + 1);
		send_frame(s, fast, leave);
	}
	hub_set_blocked(s->hub, slow->number, false);
	slow->len = 0;
	drain(s, slow);
	assert_false(slow->ended);
	assert_string_equal(slow->got + 2, "{\"type\":1,\"target\":\"updateRoom\",\"arguments\":[\"[]\"]}\x1e");
	free(slow);
	free(fast);
}

/* Else a few bytes of one would become megabytes for the others. */
static void many_changes_in_one_message_are_one_list_for_the_others(void **state)
{
	scene *s = *state;
	stream *other = open_websocket(s), *busy = open_websocket(s);
	uint8_t mem[2000];
	char records[1900] = "";
	for (size_t i = 0; i < 10; i++) {
		char more[160];
		snprintf(more, sizeof more,
			 "{\"type\":1,\"target\":\"CreateRoom\",\"arguments\":[\"x\"]}\x1e"
			 "{\"type\":1,\"target\":\"LeaveRoom\",\"arguments\":[%zu]}\x1e",
			 i + 1);
		strcat(records, more);
	}
	writer w = writer_of(mem, sizeof mem);
	write_u16(&w, 0x81fe); /* a masked text frame, its length in 16 bits */
	write_u16(&w, (uint16_t)strlen(records));
	write_zeros(&w, 4);
	write_bytes(&w, slice_from_string(records));
	assert_false(w.bad);
	hub_receive(s->hub, s->now, busy->number, writer_slice(&w));
	other->len = 0;
	drain(s, other);
	assert_string_equal(other->got + 2, "{\"type\":1,\"target\":\"updateRoom\",\"arguments\":[\"[]\"]}\x1e");
	free(other);
	free(busy);
}

#define SCENE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(each_request_has_its_answer),
		SCENE_TEST(pages_of_other_sites_are_refused),
		SCENE_TEST(a_token_opens_one_websocket),
		SCENE_TEST(a_token_expires),
		SCENE_TEST(tokens_are_limited),
		SCENE_TEST(connections_are_limited),
		SCENE_TEST(silence_before_each_step_ends_the_stream),
		SCENE_TEST(a_client_that_falls_silent_is_pinged_and_then_closed),
		SCENE_TEST(wrong_handshakes_are_answered_with_the_reason),
		SCENE_TEST(broken_records_close_the_connection),
		SCENE_TEST(several_records_in_one_message_are_all_taken),
		SCENE_TEST(who_reads_too_slowly_is_cut_off),
		SCENE_TEST(a_blocked_reader_gets_only_the_newest_list),
		SCENE_TEST(many_changes_in_one_message_are_one_list_for_the_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
