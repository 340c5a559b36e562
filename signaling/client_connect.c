#include <string.h>

#include "base/text.h"
#include "signaling/client_internal.h"

/* "http://host:port/path" of where we are, for people. */
static const char *where(const signalr_client *c, char *out, size_t capacity)
{
	text t = text_of(out, capacity);
	text_printf(&t, c->target.literal6 ? "%s://[%s]:%u%s" : "%s://%s:%u%s", c->target.tls ? "https" : "http",
		    c->target.host, c->target.port, c->target.path);
	return out;
}

#define WHERE_MAX 200u

static bool add_query(url *u, const char *name, const char *value)
{
	buf encoded = {.limit = sizeof u->query};
	int err = url_write_encoded(&encoded, slice_from_string(value));
	text t = {.out = u->query, .capacity = sizeof u->query, .len = strlen(u->query)};
	text_printf(&t, "%s%s=", t.len ? "&" : "", name);
	text_slice(&t, buf_slice(&encoded));
	buf_clear(&encoded);
	return !err && !t.bad;
}

static void open_for_negotiation(signalr_client *c)
{
	client_open_stream(c, c->skip_negotiation ? STEP_SOCKET_STREAM : STEP_NEGOTIATE_STREAM);
}

void client_begin_attempt(signalr_client *c, uint64_t now)
{
	c->target = c->hub;
	memcpy(c->access_token, c->configured_token, sizeof c->access_token);
	c->connection_id[0] = c->token[0] = '\0';
	c->redirects = 0;
	c->attempt_deadline = time_after(now, SIGNALR_CLIENT_CONNECT_TIMEOUT_US);
	open_for_negotiation(c);
}

/* --- requests --- */

static int write_negotiate(signalr_client *c)
{
	char bearer[CLIENT_TOKEN_MAX + sizeof "Bearer "];
	text authorization = text_of(bearer, sizeof bearer);
	text_printf(&authorization, "Bearer %s", c->access_token);
	http_header headers[] = {
		{slice_from_string("Content-Type"), slice_from_string("text/plain;charset=UTF-8")},
		{slice_from_string("X-Requested-With"), slice_from_string("XMLHttpRequest")},
		{slice_from_string("Connection"), slice_from_string("close")},
		{slice_from_string("Authorization"), slice_from_string(bearer)},
	};
	url to = c->target;
	text path = {.out = to.path, .capacity = sizeof to.path, .len = strlen(to.path)};
	text_string(&path, to.path[path.len - 1] == '/' ? "negotiate" : "/negotiate");
	if (path.bad || !add_query(&to, "negotiateVersion", "1"))
		return PARLEY_ELIMIT;
	return http_write_request(&c->out, "POST", &to, headers, c->access_token[0] ? 4 : 3, (slice){0});
}

static int write_upgrade(signalr_client *c)
{
	url to = c->target;
	if ((c->token[0] && !add_query(&to, "id", c->token)) ||
	    (c->access_token[0] && !add_query(&to, "access_token", c->access_token)))
		return PARLEY_ELIMIT;
	return websocket_write_request(&c->out, &to, &c->random, c->key);
}

void client_stream_ready(signalr_client *c, uint64_t now)
{
	bool negotiate = c->step == STEP_NEGOTIATE_STREAM;
	if (!negotiate && c->step != STEP_SOCKET_STREAM)
		return;
	int err = negotiate ? write_negotiate(c) : write_upgrade(c);
	if (err) {
		client_fail(c, now, err, "the request cannot be made: %s", parley_strerror(err));
		return;
	}
	http_reader_init(&c->http, HTTP_READ_RESPONSE, CLIENT_NEGOTIATION_MAX);
	client_set_step(c, negotiate ? STEP_NEGOTIATING : STEP_UPGRADING, 0, "");
}

/* --- the answer to negotiate --- */

static bool offers_websockets(json_value answer)
{
	json_value transports = json_member(answer, "availableTransports");
	for (size_t i = 0; i < json_count(transports); i++) {
		json_value transport = json_element(transports, i), formats = json_member(transport, "transferFormats");
		for (size_t k = 0; k < json_count(formats); k++)
			if (json_equals(json_member(transport, "transport"), "WebSockets") &&
			    json_equals(json_element(formats, k), "Text"))
				return true;
	}
	return false;
}

/* Another hub is to be asked, with another token. */
static void redirect(signalr_client *c, uint64_t now, json_value answer)
{
	char to[URL_TARGET_MAX];
	url target;
	const char *why = "it is too long";
	if (++c->redirects > SIGNALR_CLIENT_REDIRECTS_MAX) {
		client_fail_for_good(c, now, PARLEY_ELIMIT, "the hub redirects more than %u times",
				     SIGNALR_CLIENT_REDIRECTS_MAX);
		return;
	}
	if (!json_copy(json_member(answer, "url"), to, sizeof to) || url_parse(&target, slice_from_string(to), &why)) {
		client_fail(c, now, PARLEY_EPROTO, "the hub redirects to a bad URL: %s", why);
		return;
	}
	json_value token = json_member(answer, "accessToken");
	if (json_is(token, JSON_STRING) && !json_copy(token, c->access_token, sizeof c->access_token)) {
		client_fail(c, now, PARLEY_ELIMIT, "the hub's access token is too long");
		return;
	}
	c->target = target;
	client_close_stream(c);
	open_for_negotiation(c);
}

/* Version 1 keeps the token apart from the id; in version 0 the id is the token. */
static bool take_ids(signalr_client *c, json_value answer)
{
	int64_t version = 0;
	json_integer(json_member(answer, "negotiateVersion"), 0, INT32_MAX, &version);
	return json_copy(json_member(answer, "connectionId"), c->connection_id, sizeof c->connection_id) &&
	       json_copy(json_member(answer, version > 0 ? "connectionToken" : "connectionId"), c->token,
			 sizeof c->token);
}

static void take_negotiation(signalr_client *c, uint64_t now, json_value answer)
{
	char words[SIGNALR_CLIENT_TEXT_MAX / 2], at[WHERE_MAX];
	if (json_copy(json_member(answer, "error"), words, sizeof words)) {
		client_fail_for_good(c, now, PARLEY_EREFUSED, "the hub refuses: %s", words);
	} else if (json_is(json_member(answer, "url"), JSON_STRING)) {
		redirect(c, now, answer);
	} else if (!take_ids(c, answer)) {
		client_fail(c, now, PARLEY_EPROTO, "%s is not a SignalR hub: its answer has no connection id",
			    where(c, at, sizeof at));
	} else if (!offers_websockets(answer)) {
		client_fail(c, now, PARLEY_EUNSUPPORTED, "the hub at %s does not offer WebSockets",
			    where(c, at, sizeof at));
	} else {
		client_close_stream(c);
		client_open_stream(c, STEP_SOCKET_STREAM);
	}
}

static void negotiated(signalr_client *c, uint64_t now)
{
	char at[WHERE_MAX];
	json_document doc;
	if (c->http.status != 200) {
		client_fail(c, now, PARLEY_EREFUSED, "no hub at %s: negotiate is answered with HTTP %u %s",
			    where(c, at, sizeof at), c->http.status, http_reason(c->http.status));
		return;
	}
	int err = json_parse(&doc, buf_slice(&c->http.body));
	if (err == PARLEY_ENOMEM) {
		client_fail(c, now, err, "out of memory");
		return;
	}
	if (err) {
		client_fail(c, now, PARLEY_EPROTO, "%s is not a SignalR hub: its answer to negotiate is not JSON",
			    where(c, at, sizeof at));
		return;
	}
	/* Taking it may free the reader that holds its text. */
	buf body = c->http.body;
	c->http.body = (buf){0};
	take_negotiation(c, now, json_root(&doc));
	json_clear(&doc);
	buf_clear(&body);
}

/* --- the answer to the upgrade --- */

static void upgraded(signalr_client *c, uint64_t now, slice rest)
{
	char at[WHERE_MAX];
	const char *why;
	int err = websocket_check_response(&c->http, c->key, &why);
	if (err) {
		client_fail(c, now, err, "%s: %s (HTTP %u %s)", where(c, at, sizeof at), why, c->http.status,
			    http_reason(c->http.status));
		return;
	}
	http_reader_clear(&c->http);
	buf hello = {.limit = SIGNALR_CLIENT_SEND_MAX};
	err = websocket_init(&c->ws, WEBSOCKET_CLIENT, c->random, SIGNALR_CLIENT_MESSAGE_MAX, &c->out);
	c->ws_used = !err;
	err = err ? err : signalr_write_handshake_request(&hello);
	err = err ? err : websocket_send(&c->ws, buf_slice(&hello));
	buf_clear(&hello);
	if (err) {
		client_fail(c, now, err, "the handshake cannot be sent: %s", parley_strerror(err));
		return;
	}
	client_set_step(c, STEP_HANDSHAKING, 0, "");
	client_receive_frames(c, now, rest);
}

static void take_answer(signalr_client *c, uint64_t now, slice rest)
{
	if (c->step == STEP_NEGOTIATING)
		negotiated(c, now);
	else
		upgraded(c, now, rest);
}

void client_receive_http(signalr_client *c, uint64_t now, slice in)
{
	char at[WHERE_MAX];
	size_t used;
	int err = http_receive(&c->http, in, &used);
	if (err)
		client_fail(c, now, err, "%s is not a SignalR hub: %s", where(c, at, sizeof at),
			    http_reader_problem(&c->http));
	else if (c->http.complete)
		take_answer(c, now, slice_part(in, used, in.len));
}

void client_http_ended(signalr_client *c, uint64_t now, const char *why)
{
	if (http_receive_end(&c->http) == 0)
		take_answer(c, now, (slice){0});
	else
		client_fail(c, now, PARLEY_ECLOSED, "the hub's answer ended early: %s", why);
}
