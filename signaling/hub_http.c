#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/rng.h"
#include "signaling/hub_internal.h"
#include "signaling/json.h"

#define HEADERS_MAX 10u

typedef struct {
	http_header items[HEADERS_MAX];
	size_t count;
} header_list;

static void add(header_list *l, const char *name, const char *value)
{
	l->items[l->count++] = (http_header){slice_from_string(name), slice_from_string(value)};
}

/* What every answer carries: nothing is guessed, cached without asking, or told to others. */
static header_list common_headers(const hub *h)
{
	header_list l = {.count = 0};
	add(&l, "Connection", "close");
	add(&l, "Cache-Control", "no-cache");
	add(&l, "X-Content-Type-Options", "nosniff");
	add(&l, "Referrer-Policy", "no-referrer");
	if (h->config.allow_origin) {
		add(&l, "Access-Control-Allow-Origin", h->config.allow_origin);
		add(&l, "Access-Control-Allow-Headers",
		    "authorization, content-type, x-requested-with, x-signalr-user-agent");
		add(&l, "Access-Control-Allow-Credentials", "true"); /* the SignalR client asks with credentials */
	}
	return l;
}

/* False too when no request could be read. */
static bool is_method(const hub_connection *c, const char *method)
{
	return c->http.method && strcmp(c->http.method, method) == 0;
}

/* An answer with a body of our own; the connection ends with it. */
static void answer(hub *h, hub_connection *c, uint64_t now, unsigned status, const char *content_type, slice body)
{
	header_list l = common_headers(h);
	add(&l, "Content-Type", content_type);
	if (status == 405)
		add(&l, "Allow", "GET, HEAD, POST");
	if (status == 426)
		add(&l, "Sec-WebSocket-Version", "13");
	int err = http_write_response(&c->out, status, l.items, l.count, (int64_t)body.len);
	if (!err && !is_method(c, "HEAD"))
		err = buf_append(&c->out, body);
	hub_end(h, c, now, err ? parley_strerror(err) : "answered");
}

static void answer_status(hub *h, hub_connection *c, uint64_t now, unsigned status)
{
	trace_printf(h->config.trace, status < 400 ? TRACE_DEBUG : TRACE_INFO, "hub", "%s: HTTP %u %s", c->from, status,
		     http_reason(status));
	answer(h, c, now, status, "text/plain; charset=utf-8", slice_from_string(http_reason(status)));
}

/* --- the page --- */

#define CONTENT_POLICY                                                                                                 \
	"default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; media-src 'self' blob: mediastream:; " \
	"style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

static const hub_file *find_file(const hub *h, slice path)
{
	for (size_t i = 0; i < h->config.file_count; i++)
		if (slice_equal_string(path, h->config.files[i].path))
			return &h->config.files[i];
	return NULL;
}

static void serve_file(hub *h, hub_connection *c, uint64_t now)
{
	bool head = is_method(c, "HEAD");
	const hub_file *file = find_file(h, c->http.path);
	if (!file || !(head || is_method(c, "GET"))) {
		answer_status(h, c, now, file ? 405 : 404);
		return;
	}
	header_list l = common_headers(h);
	add(&l, "Content-Type", file->content_type);
	add(&l, "Content-Security-Policy", CONTENT_POLICY);
	int err = http_write_response(&c->out, 200, l.items, l.count, (int64_t)file->bytes.len);
	if (!err && !head)
		c->body = file->bytes;
	hub_end(h, c, now, err ? parley_strerror(err) : "answered");
}

/* --- who may speak to the hub --- */

/*
 * RFC 6455 10.2: a browser lets any page open a WebSocket to anywhere, and says in Origin whose page it is. A page of another
 * site must not speak through the browser of someone who reaches this hub, unless it was named. What has no Origin is no browser.
 */
static bool is_welcome(const hub *h, const hub_connection *c)
{
	slice origin = {0};
	if (http_origin_is_ours(&c->http))
		return true;
	if (http_header_get(&c->http, "Origin", &origin) && h->config.allow_origin &&
	    slice_equal_nocase(origin, slice_from_string(h->config.allow_origin)))
		return true;
	trace_printf(h->config.trace, TRACE_WARN, "hub", "%s: a page of %.*s is neither ours nor allowed", c->from,
		     (int)(origin.len < 100 ? origin.len : 100), (const char *)origin.data);
	return false;
}

/* --- negotiation --- */

void hub_expire_tokens(hub *h, uint64_t now)
{
	LIST_FOR_SAFE (node, after, &h->tokens) {
		hub_token *t = LIST_ENTRY(node, hub_token, node);
		if (now < t->expires)
			return; /* the others are younger */
		list_remove(node);
		h->token_count--;
		free(t);
	}
}

static int make_secret(hub *h, char out[HUB_SECRET_SIZE])
{
	uint8_t bytes[HUB_SECRET_BYTES];
	int err = rng_bytes(&h->config.random, bytes, sizeof bytes);
	if (!err)
		hex_encode(slice_of(bytes, sizeof bytes), out);
	return err;
}

static int make_token(hub *h, uint64_t now, bool separate, hub_token **out)
{
	hub_token *t = calloc(1, sizeof *t);
	if (!t)
		return PARLEY_ENOMEM;
	int err = make_secret(h, t->id);
	if (!err && separate)
		err = make_secret(h, t->token);
	if (err) {
		free(t);
		return err;
	}
	if (!separate)
		memcpy(t->token, t->id, sizeof t->token);
	t->expires = time_after(now, HUB_TOKEN_LIFE_US);
	list_append(&h->tokens, &t->node);
	h->token_count++;
	*out = t;
	return 0;
}

static int write_negotiation(buf *out, const hub_token *t, bool separate)
{
	json_writer w = json_writer_of(out);
	json_write_raw(&w, separate ? "{\"negotiateVersion\":1,\"connectionId\":"
				    : "{\"negotiateVersion\":0,\"connectionId\":");
	json_write_text(&w, t->id);
	if (separate) {
		json_write_raw(&w, ",\"connectionToken\":");
		json_write_text(&w, t->token);
	}
	json_write_raw(&w, ",\"availableTransports\":[{\"transport\":\"WebSockets\",\"transferFormats\":[\"Text\"]}]}");
	return w.error;
}

static void serve_negotiate(hub *h, hub_connection *c, uint64_t now)
{
	char version[8] = "0";
	hub_token *t;
	if (!is_welcome(h, c)) {
		answer_status(h, c, now, 403);
		return;
	}
	if (is_method(c, "OPTIONS") && h->config.allow_origin) {
		answer_status(h, c, now, 200);
		return;
	}
	if (!is_method(c, "POST") || h->token_count == HUB_TOKENS_MAX) {
		answer_status(h, c, now, h->token_count == HUB_TOKENS_MAX ? 503 : 405);
		return;
	}
	url_query_value(c->http.query, "negotiateVersion", version, sizeof version);
	bool separate = strcmp(version, "0") != 0;
	buf body = {.limit = HUB_BODY_MAX};
	int err = make_token(h, now, separate, &t);
	err = err ? err : write_negotiation(&body, t, separate);
	if (err)
		answer_status(h, c, now, 500);
	else
		answer(h, c, now, 200, "application/json", buf_slice(&body));
	buf_clear(&body);
}

/* --- the WebSocket --- */

static bool same_secret(const char *a, const char *b)
{
	return equal_constant_time(slice_from_string(a), slice_from_string(b));
}

static bool in_use(const hub *h, const char *token)
{
	for (size_t i = 0; i < HUB_CONNECTIONS_MAX; i++)
		if (h->slots[i] && h->slots[i]->token[0] && same_secret(h->slots[i]->token, token))
			return true;
	return false;
}

/* Claim what was negotiated. Returns 0 or the HTTP status to refuse with. No id at all: negotiation was skipped. */
static unsigned claim_token(hub *h, hub_connection *c)
{
	char id[4 * HUB_SECRET_SIZE];
	if (!url_query_value(c->http.query, "id", id, sizeof id))
		return make_secret(h, c->id) ? 500 : 0;
	LIST_FOR (node, &h->tokens) {
		hub_token *t = LIST_ENTRY(node, hub_token, node);
		if (!same_secret(t->token, id))
			continue;
		memcpy(c->id, t->id, sizeof c->id);
		memcpy(c->token, t->token, sizeof c->token);
		list_remove(node);
		h->token_count--;
		free(t);
		return 0;
	}
	return in_use(h, id) ? 409 : 404;
}

static void serve_socket(hub *h, hub_connection *c, uint64_t now, slice rest)
{
	unsigned refusal = websocket_check_request(&c->http);
	if (!refusal && !is_welcome(h, c))
		refusal = 403;
	if (!refusal)
		refusal = claim_token(h, c);
	if (refusal) {
		answer_status(h, c, now, refusal);
		return;
	}
	int err = websocket_write_response(&c->out, &c->http);
	err = err ? err : websocket_init(&c->ws, WEBSOCKET_SERVER, h->config.random, HUB_MESSAGE_MAX, &c->out);
	if (err) {
		buf_clear(&c->out);
		answer_status(h, c, now, 500);
		return;
	}
	c->ws_used = true;
	http_reader_clear(&c->http);
	hub_set_phase(h, c, HUB_HANDSHAKING, time_after(now, SIGNALR_HANDSHAKE_TIMEOUT_US));
	hub_mark_ready(h, c);
	hub_receive_frames(h, c, now, rest);
}

static bool path_is(const hub_connection *c, const char *path)
{
	return slice_equal_nocase(c->http.path, slice_from_string(path));
}

void hub_receive_http(hub *h, hub_connection *c, uint64_t now, slice in)
{
	size_t used;
	int err = http_receive(&c->http, in, &used);
	if (err) {
		trace_printf(h->config.trace, TRACE_WARN, "hub", "%s: %s", c->from, http_reader_problem(&c->http));
		answer_status(h, c, now, err == PARLEY_ELIMIT ? 431 : err == PARLEY_ENOMEM ? 500 : 400);
	} else if (!c->http.complete) {
		return;
	} else if (!http_host_is_right(&c->http)) {
		answer_status(h, c, now, 400);
	} else if (path_is(c, HUB_PATH)) {
		serve_socket(h, c, now, slice_part(in, used, in.len));
	} else if (path_is(c, HUB_PATH "/negotiate")) {
		serve_negotiate(h, c, now);
	} else {
		serve_file(h, c, now);
	}
}
