#include "signaling/client.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "signaling/client_internal.h"

/* The official client's back-off; after the last one it gives up. */
static const uint64_t backoff_us[] = {0, 2 * US_PER_S, 10 * US_PER_S, 30 * US_PER_S};
#define BACKOFF_COUNT (sizeof backoff_us / sizeof *backoff_us)

/* --- events --- */

client_node *client_node_new(void)
{
	return calloc(1, sizeof(client_node));
}

static void release_node(signalr_client *c, client_node *n)
{
	if (!n)
		return;
	signalr_message_clear(&n->message);
	buf_clear(&n->record);
	if (n->pooled)
		list_append(&c->control_free, &n->node);
	else
		free(n);
}

void client_push(signalr_client *c, client_node *n)
{
	if (!n->event.text)
		n->event.text = n->text;
	list_append(&c->events, &n->node);
	c->event_count++;
}

static client_node *take_control_node(signalr_client *c)
{
	list_node *node = list_pop(&c->control_free);
	if (!node)
		return client_node_new();
	client_node *n = LIST_ENTRY(node, client_node, node);
	*n = (client_node){.pooled = true};
	return n;
}

static void push_control(signalr_client *c, signalr_client_event event, const char *why)
{
	client_node *n = take_control_node(c);
	if (!n) {
		trace_printf(c->trace, TRACE_ERROR, "signalr", "out of memory: an event is lost");
		return;
	}
	n->event = event;
	snprintf(n->text, sizeof n->text, "%s", why);
	n->event.text = n->text;
	client_push(c, n);
}

bool signalr_client_poll_event(signalr_client *c, signalr_client_event *event)
{
	release_node(c, c->current);
	c->current = NULL;
	list_node *node = list_pop(&c->events);
	if (!node)
		return false;
	c->event_count--;
	c->current = LIST_ENTRY(node, client_node, node);
	*event = c->current->event;
	event->message = c->current->has_message ? &c->current->message : NULL;
	return true;
}

/* --- states --- */

static const char *step_name(client_step step)
{
	static const char *const names[] = {
		"idle",	       "opening a stream to negotiate",
		"negotiating", "opening a stream",
		"upgrading",   "shaking hands",
		"connected",   "waiting",
		"closing",     "closed",
	};
	return names[step];
}

const char *signalr_client_state_name(signalr_client_state state)
{
	static const char *const names[] = {"idle", "connecting", "connected", "reconnecting", "closing", "closed"};
	return names[state];
}

signalr_client_state signalr_client_get_state(const signalr_client *c)
{
	switch (c->step) {
	case STEP_IDLE:
		return SIGNALR_CLIENT_IDLE;
	case STEP_CONNECTED:
		return SIGNALR_CLIENT_CONNECTED;
	case STEP_CLOSING:
		return SIGNALR_CLIENT_CLOSING;
	case STEP_CLOSED:
		return SIGNALR_CLIENT_CLOSED;
	case STEP_NEGOTIATE_STREAM:
	case STEP_NEGOTIATING:
	case STEP_SOCKET_STREAM:
	case STEP_UPGRADING:
	case STEP_HANDSHAKING:
	case STEP_WAITING:
		break;
	}
	return c->reconnecting ? SIGNALR_CLIENT_RECONNECTING : SIGNALR_CLIENT_CONNECTING;
}

#define BIT(step) (1u << (step))

static bool step_is_legal(client_step from, client_step to)
{
	static const unsigned allowed[] = {
		[STEP_IDLE] = BIT(STEP_NEGOTIATE_STREAM) | BIT(STEP_SOCKET_STREAM) | BIT(STEP_CLOSED),
		[STEP_NEGOTIATE_STREAM] = BIT(STEP_NEGOTIATING) | BIT(STEP_WAITING) | BIT(STEP_CLOSED),
		[STEP_NEGOTIATING] =
			BIT(STEP_SOCKET_STREAM) | BIT(STEP_NEGOTIATE_STREAM) | BIT(STEP_WAITING) | BIT(STEP_CLOSED),
		[STEP_SOCKET_STREAM] = BIT(STEP_UPGRADING) | BIT(STEP_WAITING) | BIT(STEP_CLOSED),
		[STEP_UPGRADING] = BIT(STEP_HANDSHAKING) | BIT(STEP_WAITING) | BIT(STEP_CLOSED),
		[STEP_HANDSHAKING] = BIT(STEP_CONNECTED) | BIT(STEP_WAITING) | BIT(STEP_CLOSED),
		[STEP_CONNECTED] = BIT(STEP_WAITING) | BIT(STEP_CLOSING) | BIT(STEP_CLOSED),
		[STEP_WAITING] = BIT(STEP_NEGOTIATE_STREAM) | BIT(STEP_SOCKET_STREAM) | BIT(STEP_CLOSED),
		[STEP_CLOSING] = BIT(STEP_CLOSED),
		[STEP_CLOSED] = BIT(STEP_NEGOTIATE_STREAM) | BIT(STEP_SOCKET_STREAM),
	};
	return allowed[from] & BIT(to);
}

void client_set_step(signalr_client *c, client_step step, int error, const char *why)
{
	assert(step_is_legal(c->step, step));
	trace_printf(c->trace, TRACE_INFO, "signalr", "%s -> %s%s%s", step_name(c->step), step_name(step),
		     *why ? ": " : "", why);
	signalr_client_state before = signalr_client_get_state(c);
	c->step = step;
	/* A connection once lost is reconnecting until it is there again, or given up. */
	c->reconnecting =
		step == STEP_CONNECTED || step == STEP_CLOSED ? false : c->reconnecting || step == STEP_WAITING;
	signalr_client_state after = signalr_client_get_state(c);
	if (after != before)
		push_control(c,
			     (signalr_client_event){.type = SIGNALR_CLIENT_EVENT_STATE, .state = after, .error = error},
			     why);
}

/* --- streams --- */

void client_open_stream(signalr_client *c, client_step step)
{
	assert(!c->stream_used);
	buf_clear(&c->out);
	c->stream++;
	c->stream_used = true;
	client_set_step(c, step, 0, "");
	push_control(c,
		     (signalr_client_event){.type = SIGNALR_CLIENT_EVENT_CONNECT,
					    .stream = c->stream,
					    .host = c->target.host,
					    .port = c->target.port,
					    .tls = c->target.tls},
		     "");
}

/* `out` stays: a last frame may be in it, which the owner takes before the event. */
void client_close_stream(signalr_client *c)
{
	http_reader_clear(&c->http);
	if (c->ws_used)
		websocket_clear(&c->ws);
	c->ws_used = false;
	if (!c->stream_used)
		return;
	c->stream_used = false;
	push_control(c, (signalr_client_event){.type = SIGNALR_CLIENT_EVENT_DISCONNECT, .stream = c->stream}, "");
}

/* --- ends --- */

static void end_connection(signalr_client *c, uint64_t now, bool for_good, int error, const char *why)
{
	bool connected = c->step == STEP_CONNECTED, closing = c->step == STEP_CLOSING;
	client_abandon_pending(c);
	client_close_stream(c);
	if (connected)
		c->attempt = 0;
	bool again =
		!for_good && !closing && c->reconnect && (connected || c->reconnecting) && c->attempt < BACKOFF_COUNT;
	if (!again) {
		client_set_step(c, STEP_CLOSED, closing ? 0 : error, closing ? "" : why);
		return;
	}
	c->wait_until = time_after(now, backoff_us[c->attempt++]);
	client_set_step(c, STEP_WAITING, error, why);
}

void client_fail(signalr_client *c, uint64_t now, int error, const char *format, ...)
{
	char why[SIGNALR_CLIENT_TEXT_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(why, sizeof why, format, args);
	va_end(args);
	end_connection(c, now, false, error, why);
}

void client_fail_for_good(signalr_client *c, uint64_t now, int error, const char *format, ...)
{
	char why[SIGNALR_CLIENT_TEXT_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(why, sizeof why, format, args);
	va_end(args);
	end_connection(c, now, true, error, why);
}

/* --- life --- */

static const char *take_config(signalr_client *c, const signalr_client_config *config)
{
	const char *why;
	text token = text_of(c->configured_token, sizeof c->configured_token);
	if (config->access_token)
		text_string(&token, config->access_token);
	if (url_parse(&c->hub, slice_from_string(config->url), &why))
		return why;
	return token.bad ? "the access token is too long" : NULL;
}

int signalr_client_new(signalr_client **out, const signalr_client_config *config, const char **why)
{
	signalr_client *c = calloc(1, sizeof *c);
	*out = NULL;
	*why = "out of memory";
	if (!c)
		return PARLEY_ENOMEM;
	*why = take_config(c, config);
	if (*why) {
		free(c);
		return PARLEY_EINVAL;
	}
	c->reconnect = config->reconnect;
	c->skip_negotiation = config->skip_negotiation;
	c->random = config->random;
	c->trace = config->trace;
	c->out.limit = SIGNALR_CLIENT_OUT_MAX;
	list_init(&c->pending);
	list_init(&c->events);
	list_init(&c->control_free);
	for (size_t i = 0; i < CLIENT_CONTROL_EVENTS; i++) {
		c->control[i].pooled = true;
		list_append(&c->control_free, &c->control[i].node);
	}
	*out = c;
	return 0;
}

static void free_list(signalr_client *c, list_node *list)
{
	list_node *node;
	while ((node = list_pop(list)))
		release_node(c, LIST_ENTRY(node, client_node, node));
}

void signalr_client_free(signalr_client *c)
{
	if (!c)
		return;
	release_node(c, c->current);
	free_list(c, &c->events);
	free_list(c, &c->pending);
	http_reader_clear(&c->http);
	if (c->ws_used)
		websocket_clear(&c->ws);
	buf_clear(&c->out);
	free(c);
}

int signalr_client_start(signalr_client *c, uint64_t now)
{
	if (c->step != STEP_IDLE && c->step != STEP_CLOSED)
		return PARLEY_ESTATE;
	client_begin_attempt(c, now);
	return 0;
}

void signalr_client_stop(signalr_client *c, uint64_t now)
{
	if (c->step == STEP_CLOSED || c->step == STEP_CLOSING)
		return;
	if (c->step != STEP_CONNECTED) {
		client_close_stream(c);
		client_set_step(c, STEP_CLOSED, 0, "");
		return;
	}
	/* Good-bye is a courtesy: if it cannot be said, closing the stream says it too. */
	client_send(c, now, &(signalr_message){.type = SIGNALR_CLOSE});
	websocket_close(&c->ws, WEBSOCKET_NORMAL, NULL);
	c->timeout_at = time_after(now, CLIENT_CLOSE_TIMEOUT_US);
	client_set_step(c, STEP_CLOSING, 0, "");
	client_abandon_pending(c);
}

void signalr_client_connected(signalr_client *c, uint64_t now, uint32_t stream)
{
	if (c->stream_used && stream == c->stream)
		client_stream_ready(c, now);
}

void signalr_client_receive(signalr_client *c, uint64_t now, uint32_t stream, slice in)
{
	if (!c->stream_used || stream != c->stream)
		return;
	if (c->step == STEP_NEGOTIATING || c->step == STEP_UPGRADING)
		client_receive_http(c, now, in);
	else if (c->ws_used)
		client_receive_frames(c, now, in);
}

void signalr_client_disconnected(signalr_client *c, uint64_t now, uint32_t stream, int error, const char *why)
{
	if (!c->stream_used || stream != c->stream)
		return;
	c->stream_used = false; /* nothing left to close */
	if (!why || !*why)
		why = error ? parley_strerror(error) : "the hub closed the connection";
	if (c->step == STEP_NEGOTIATING || c->step == STEP_UPGRADING)
		client_http_ended(c, now, why);
	else
		client_fail(c, now, error ? error : PARLEY_ECLOSED, "%s", why);
}

/* --- time --- */

uint64_t signalr_client_deadline(const signalr_client *c)
{
	switch (c->step) {
	case STEP_IDLE:
	case STEP_CLOSED:
		return TIME_NEVER;
	case STEP_WAITING:
		return c->wait_until;
	case STEP_CONNECTED:
		return time_min(c->ping_at, c->timeout_at);
	case STEP_CLOSING:
		return c->timeout_at;
	case STEP_NEGOTIATE_STREAM:
	case STEP_NEGOTIATING:
	case STEP_SOCKET_STREAM:
	case STEP_UPGRADING:
	case STEP_HANDSHAKING:
		break;
	}
	return c->attempt_deadline;
}

void signalr_client_timeout(signalr_client *c, uint64_t now)
{
	if (now < signalr_client_deadline(c))
		return;
	if (c->step == STEP_WAITING)
		client_begin_attempt(c, now);
	else if (c->step == STEP_CONNECTED && now < c->timeout_at)
		client_send(c, now, &(signalr_message){.type = SIGNALR_PING});
	else if (c->step == STEP_CONNECTED)
		client_fail(c, now, PARLEY_ETIMEDOUT, "nothing came from the hub for 30 s");
	else
		client_fail(c, now, PARLEY_ETIMEDOUT, "the hub at %s did not answer in time (%s)", c->target.host,
			    step_name(c->step));
}

bool signalr_client_poll_transmit(signalr_client *c, uint64_t now, packet *p)
{
	(void)now;
	slice part = slice_part(buf_slice(&c->out), 0, p->capacity);
	writer w = writer_of(p->data, p->capacity);
	write_bytes(&w, part);
	p->len = part.len;
	buf_consume(&c->out, part.len);
	if (c->out.len == 0)
		buf_clear(&c->out);
	return part.len > 0;
}

const char *signalr_client_connection_id(const signalr_client *c)
{
	return c->connection_id;
}

void signalr_client_dump(const signalr_client *c, text *out)
{
	text_printf(out, "signalr client: %s, hub %s:%u%s, stream %u%s, attempt %u\n", step_name(c->step),
		    c->target.host, c->target.port, c->target.path, c->stream, c->stream_used ? "" : " (ended)",
		    c->attempt);
	text_printf(out, "  %zu calls pending, %zu events queued, %zu bytes waiting\n", c->pending_count,
		    c->event_count, c->out.len);
}

void signalr_client_check_invariants(const signalr_client *c)
{
	size_t pending = 0, events = 0;
	LIST_FOR (node, &c->pending)
		pending++;
	LIST_FOR (node, &c->events)
		events++;
	assert(pending == c->pending_count && pending <= SIGNALR_CLIENT_PENDING_MAX);
	assert(events == c->event_count);
	assert(c->pending_count == 0 || c->step == STEP_CONNECTED);
	assert(c->ws_used == (c->step == STEP_HANDSHAKING || c->step == STEP_CONNECTED || c->step == STEP_CLOSING));
	assert(c->stream_used == !(c->step == STEP_IDLE || c->step == STEP_WAITING || c->step == STEP_CLOSED));
	assert((signalr_client_deadline(c) == TIME_NEVER) == (c->step == STEP_IDLE || c->step == STEP_CLOSED));
}
