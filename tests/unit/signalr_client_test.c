/* signaling/client.h against scripted hubs: negotiation in all its forms, refusals, silence, and the back-off */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/time.h"
#include "signaling/client.h"
#include "tests/unit/signaling_world.h"

typedef struct {
	signalr_client *client;
	rng_seeded seed;
	uint64_t now;
	uint32_t stream;
	char host[300]; /* of the last CONNECT: "host:port", with "tls " before it */
	char sent[8192];
	char log[2048];
} scene;

static void drain(scene *s)
{
	signalr_client_event e;
	packet p = {.data = (uint8_t *)s->sent, .capacity = sizeof s->sent - 1};
	text log = {.out = s->log, .capacity = sizeof s->log, .len = strlen(s->log)};
	if (signalr_client_poll_transmit(s->client, s->now, &p))
		s->sent[p.len] = '\0';
	while (signalr_client_poll_event(s->client, &e)) {
		if (e.type == SIGNALR_CLIENT_EVENT_CONNECT) {
			s->stream = e.stream;
			snprintf(s->host, sizeof s->host, "%s%s:%u", e.tls ? "tls " : "", e.host, e.port);
		} else if (e.type == SIGNALR_CLIENT_EVENT_STATE) {
			text_printf(&log, "%s%s%s\n", signalr_client_state_name(e.state), *e.text ? ": " : "", e.text);
		}
	}
	signalr_client_check_invariants(s->client);
}

static scene *start(const char *address, const char *token, bool reconnect)
{
	scene *s = calloc(1, sizeof *s);
	const char *why;
	assert_non_null(s);
	rng_seeded_init(&s->seed, 3);
	signalr_client_config config = {
		.url = address, .access_token = token, .reconnect = reconnect, .random = rng_seeded_source(&s->seed)};
	assert_int_equal(signalr_client_new(&s->client, &config, &why), 0);
	assert_int_equal(signalr_client_start(s->client, s->now), 0);
	drain(s);
	return s;
}

static void end(scene *s)
{
	signalr_client_free(s->client);
	free(s);
}

static void connect_stream(scene *s)
{
	signalr_client_connected(s->client, s->now, s->stream);
	drain(s);
}

static void answer(scene *s, const char *response)
{
	signalr_client_receive(s->client, s->now, s->stream, slice_from_string(response));
	drain(s);
}

static void answer_json(scene *s, const char *json)
{
	char response[4096];
	snprintf(response, sizeof response,
		 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", strlen(json),
		 json);
	answer(s, response);
}

#define TRANSPORTS "\"availableTransports\":[{\"transport\":\"WebSockets\",\"transferFormats\":[\"Text\",\"Binary\"]}]"

static void the_requests_are_those_of_the_official_client(void **state)
{
	(void)state;
	char words[256];
	text dump = text_of(words, sizeof words);
	scene *s = start("https://hub.test/base/connectionHub?tenant=1", "t/k", false);
	signalr_client_dump(s->client, &dump);
	assert_string_equal(
		words, "signalr client: opening a stream to negotiate, hub hub.test:443/base/connectionHub, stream 1, "
		       "attempt 0\n  0 calls pending, 0 events queued, 0 bytes waiting\n");
	assert_string_equal(s->host, "tls hub.test:443");
	connect_stream(s);
	assert_string_equal(
		s->sent,
		"POST /base/connectionHub/negotiate?tenant=1&negotiateVersion=1 HTTP/1.1\r\nHost: hub.test\r\n"
		"Content-Length: 0\r\nContent-Type: text/plain;charset=UTF-8\r\nX-Requested-With: XMLHttpRequest\r\n"
		"Connection: close\r\nAuthorization: Bearer t/k\r\n\r\n");
	answer_json(s,
		    "{\"negotiateVersion\":1,\"connectionId\":\"id\",\"connectionToken\":\"to ken\"," TRANSPORTS "}");
	assert_string_equal(signalr_client_connection_id(s->client), "id");
	connect_stream(s);
	assert_non_null(
		strstr(s->sent, "GET /base/connectionHub?tenant=1&id=to%20ken&access_token=t%2Fk HTTP/1.1\r\n"));
	assert_non_null(strstr(s->sent, "\r\nUpgrade: websocket\r\n"));
	end(s);
}

static void version_0_uses_the_id_as_token(void **state)
{
	(void)state;
	scene *s = start("http://hub.test/h/", NULL, false);
	connect_stream(s);
	assert_non_null(strstr(s->sent, "POST /h/negotiate?negotiateVersion=1 "));
	answer_json(s, "{\"connectionId\":\"abc\"," TRANSPORTS "}");
	connect_stream(s);
	assert_non_null(strstr(s->sent, "GET /h/?id=abc "));
	end(s);
}

static void a_redirection_is_followed_with_its_token(void **state)
{
	(void)state;
	scene *s = start("http://hub.test/h", NULL, false);
	connect_stream(s);
	answer_json(s, "{\"url\":\"https://other.test:444/x?y=1\",\"accessToken\":\"secret\"}");
	assert_string_equal(s->host, "tls other.test:444");
	connect_stream(s);
	assert_non_null(strstr(s->sent, "POST /x/negotiate?y=1&negotiateVersion=1 "));
	assert_non_null(strstr(s->sent, "Authorization: Bearer secret\r\n"));
	end(s);
}

static void redirections_end(void **state)
{
	(void)state;
	scene *s = start("http://hub.test/h", NULL, true);
	for (unsigned i = 0; i <= SIGNALR_CLIENT_REDIRECTS_MAX; i++) {
		connect_stream(s);
		answer_json(s, "{\"url\":\"http://hub.test/h\"}");
	}
	assert_string_equal(s->log, "connecting\nclosed: the hub redirects more than 10 times\n");
	end(s);
}

/* What a start that meets this ends with. */
static void what_is_no_hub_is_named(void **state)
{
	(void)state;
	static const struct {
		const char *response, *log;
	} cases[] = {
		{"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
		 "no hub at http://hub.test:80/h: negotiate is answered with HTTP 404 Not Found"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
		 "http://hub.test:80/h is not a SignalR hub: its answer to negotiate is not JSON"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
		 "http://hub.test:80/h is not a SignalR hub: its answer has no connection id"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 47\r\n\r\n{\"connectionId\":\"a\",\"availableTransports\":[{}]} ",
		 "the hub at http://hub.test:80/h does not offer WebSockets"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 23\r\n\r\n{\"error\":\"not today\"}    ",
		 "the hub refuses: not today"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"url\":\"x:y\"}",
		 "the hub redirects to a bad URL: it does not begin with http://, https://, ws:// or wss://"},
		{"220 smtp.test ESMTP\r\n", "http://hub.test:80/h is not a SignalR hub: invalid constant string"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char expected[512];
		scene *s = start("http://hub.test/h", NULL, true);
		connect_stream(s);
		answer(s, cases[i].response);
		snprintf(expected, sizeof expected, "connecting\nclosed: %s\n", cases[i].log);
		assert_string_equal(s->log, expected);
		end(s);
	}
}

static void a_stream_that_fails_gives_its_reason(void **state)
{
	(void)state;
	scene *s = start("http://hub.test/h", NULL, true);
	signalr_client_disconnected(s->client, s->now, s->stream, PARLEY_EREFUSED, "connection to hub.test:80 refused");
	drain(s);
	assert_string_equal(s->log, "connecting\nclosed: connection to hub.test:80 refused\n");
	assert_int_equal(signalr_client_start(s->client, s->now), 0);
	drain(s);
	connect_stream(s);
	signalr_client_disconnected(s->client, s->now, s->stream, 0, NULL);
	drain(s);
	assert_non_null(strstr(s->log, "closed: the hub's answer ended early: the hub closed the connection\n"));
	end(s);
}

static void silence_ends_an_attempt(void **state)
{
	(void)state;
	scene *s = start("http://hub.test/h", NULL, true);
	connect_stream(s);
	s->now = signalr_client_deadline(s->client);
	assert_int_equal(s->now, SIGNALR_CLIENT_CONNECT_TIMEOUT_US);
	signalr_client_timeout(s->client, s->now);
	drain(s);
	assert_string_equal(s->log, "connecting\nclosed: the hub at hub.test did not answer in time (negotiating)\n");
	end(s);
}

static void reports_of_older_streams_are_ignored(void **state)
{
	(void)state;
	scene *s = start("http://hub.test/h", NULL, true);
	connect_stream(s);
	signalr_client_disconnected(s->client, s->now, s->stream - 1, PARLEY_EIO, "old");
	signalr_client_receive(s->client, s->now, s->stream + 1, slice_from_string("x"));
	drain(s);
	assert_string_equal(s->log, "connecting\n");
	end(s);
}

static void bad_urls_are_refused_at_once(void **state)
{
	(void)state;
	signalr_client *c;
	const char *why;
	signalr_client_config config = {.url = "hub.test"};
	assert_int_equal(signalr_client_new(&c, &config, &why), PARLEY_EINVAL);
	assert_string_equal(why, "it does not begin with http://, https://, ws:// or wss://");
	assert_null(c);
}

static void the_back_off_is_0_2_10_30_seconds_and_then_the_end(void **state)
{
	(void)state;
	world w;
	world_init(&w);
	assert_int_equal(world_start_hub(&w), 0);
	world_peer *p = world_add(&w, false);
	world_pump(&w);
	world_log(p);
	uint64_t lost = w.now;
	world_kill_hub(&w);
	world_pump(&w);
	static const uint64_t at_s[] = {0, 2, 12, 42};
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(signalr_client_deadline(p->client), lost + at_s[i] * US_PER_S);
		world_advance(&w, signalr_client_deadline(p->client) - w.now);
	}
	assert_string_equal(world_log(p), "reconnecting: connection reset\nclosed: connection refused\n");
	assert_int_equal(signalr_client_deadline(p->client), TIME_NEVER);
	assert_int_equal(world_start_hub(&w), 0);
	assert_int_equal(signalr_client_start(p->client, w.now), 0);
	world_pump(&w);
	assert_string_equal(world_log(p), "connecting\nconnected\n");
	world_clear(&w);
}

static void a_silent_hub_is_given_up_after_30_seconds(void **state)
{
	(void)state;
	world w;
	world_init(&w);
	assert_int_equal(world_start_hub(&w), 0);
	world_peer *p = world_add(&w, false);
	world_pump(&w);
	world_log(p);
	uint64_t id;
	assert_int_equal(signalr_client_invoke(p->client, w.now, "GetRoomInfo", slice_from_string("[]"), &id), 0);
	hub_free(w.hub);
	w.hub = NULL; /* the stream stays, and nothing comes */
	world_advance(&w, 30 * US_PER_S - 1);
	assert_string_equal(world_log(p), "");
	world_advance(&w, 1);
	assert_string_equal(world_log(p), "completion 0 the connection ended before the answer came\n"
					  "reconnecting: nothing came from the hub for 30 s\n");
	world_clear(&w);
}

static void calls_are_checked_and_limited(void **state)
{
	(void)state;
	world w;
	uint64_t id;
	world_init(&w);
	assert_int_equal(world_start_hub(&w), 0);
	world_peer *p = world_add(&w, false);
	assert_int_equal(signalr_client_invoke(p->client, w.now, "X", slice_from_string("[]"), &id), PARLEY_ESTATE);
	world_pump(&w);
	assert_int_equal(signalr_client_invoke(p->client, w.now, "X", slice_from_string("{}"), &id), PARLEY_EINVAL);
	assert_int_equal(signalr_client_invoke(p->client, w.now, "X", slice_from_string("[1,]"), &id), PARLEY_EINVAL);
	for (size_t i = 0; i < SIGNALR_CLIENT_PENDING_MAX; i++)
		assert_int_equal(signalr_client_invoke(p->client, w.now, "X", slice_from_string("[]"), &id), 0);
	assert_int_equal(signalr_client_invoke(p->client, w.now, "X", slice_from_string("[]"), &id), PARLEY_ELIMIT);
	world_pump(&w);
	assert_int_equal(signalr_client_invoke(p->client, w.now, "X", slice_from_string("[]"), &id), 0);
	world_clear(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_requests_are_those_of_the_official_client),
		cmocka_unit_test(version_0_uses_the_id_as_token),
		cmocka_unit_test(a_redirection_is_followed_with_its_token),
		cmocka_unit_test(redirections_end),
		cmocka_unit_test(what_is_no_hub_is_named),
		cmocka_unit_test(a_stream_that_fails_gives_its_reason),
		cmocka_unit_test(silence_ends_an_attempt),
		cmocka_unit_test(reports_of_older_streams_are_ignored),
		cmocka_unit_test(bad_urls_are_refused_at_once),
		cmocka_unit_test(the_back_off_is_0_2_10_30_seconds_and_then_the_end),
		cmocka_unit_test(a_silent_hub_is_given_up_after_30_seconds),
		cmocka_unit_test(calls_are_checked_and_limited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
