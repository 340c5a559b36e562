#include "signaling/hub.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "signaling/hub_internal.h"

#define SLOT(number) ((size_t)((number) % HUB_CONNECTIONS_MAX))
/* `for` over all connections that are there. */
#define FOR_CONNECTIONS(h, c)                                        \
	for (size_t slot_ = 0; slot_ < HUB_CONNECTIONS_MAX; slot_++) \
		for (hub_connection *c = (h)->slots[slot_]; c; c = NULL)

static const char *phase_name(hub_phase phase)
{
	static const char *const names[] = {"request", "handshaking", "open", "closing", "gone"};
	return names[phase];
}

/* --- connections --- */

int hub_new(hub **out, const hub_config *config)
{
	hub *h = calloc(1, sizeof *h);
	*out = h;
	if (!h)
		return PARLEY_ENOMEM;
	h->config = *config;
	h->next_room = 1;
	h->list_arguments.limit = JSON_TEXT_MAX;
	list_init(&h->ready);
	list_init(&h->gone);
	list_init(&h->tokens);
	list_init(&h->rooms);
	return 0;
}

static void free_connection(hub *h, hub_connection *c)
{
	list_remove(&c->node);
	h->slots[SLOT(c->number)] = NULL;
	h->connection_count--;
	http_reader_clear(&c->http);
	if (c->ws_used)
		websocket_clear(&c->ws);
	buf_clear(&c->out);
	free(c);
}

void hub_free(hub *h)
{
	list_node *node;
	if (!h)
		return;
	FOR_CONNECTIONS(h, c)
	free_connection(h, c);
	while ((node = list_pop(&h->tokens)))
		free(LIST_ENTRY(node, hub_token, node));
	while ((node = list_pop(&h->rooms)))
		free(LIST_ENTRY(node, hub_room, node));
	buf_clear(&h->list_arguments);
	free(h);
}

static hub_connection *find(const hub *h, uint64_t number)
{
	hub_connection *c = h->slots[SLOT(number)];
	return c && c->number == number ? c : NULL;
}

static size_t free_slot(const hub *h)
{
	size_t slot = 0;
	while (h->slots[slot])
		slot++;
	return slot;
}

int hub_accept(hub *h, uint64_t now, const char *from, uint64_t *connection)
{
	if (h->stopped || h->connection_count == HUB_CONNECTIONS_MAX) {
		trace_printf(h->config.trace, TRACE_WARN, "hub", "connection from %s refused: %s", from,
			     h->stopped ? "stopping" : "full");
		return PARLEY_ELIMIT;
	}
	hub_connection *c = calloc(1, sizeof *c);
	if (!c)
		return PARLEY_ENOMEM;
	size_t slot = free_slot(h);
	c->number = slot + HUB_CONNECTIONS_MAX * h->counter++;
	c->out.limit = HUB_OUT_MAX;
	c->deadline = time_after(now, HUB_REQUEST_TIMEOUT_US);
	snprintf(c->from, sizeof c->from, "%s", from);
	list_init(&c->node);
	http_reader_init(&c->http, HTTP_READ_REQUEST, HUB_BODY_MAX);
	h->slots[slot] = c;
	h->connection_count++;
	*connection = c->number;
	return 0;
}

static bool phase_is_legal(hub_phase from, hub_phase to)
{
	switch (from) {
	case HUB_REQUEST:
		return to == HUB_HANDSHAKING || to == HUB_GONE;
	case HUB_HANDSHAKING:
		return to == HUB_OPEN || to == HUB_CLOSING || to == HUB_GONE;
	case HUB_OPEN:
		return to == HUB_CLOSING || to == HUB_GONE;
	case HUB_CLOSING:
		return to == HUB_GONE;
	case HUB_GONE:
		break;
	}
	return false;
}

void hub_set_phase(hub *h, hub_connection *c, hub_phase phase, uint64_t deadline)
{
	assert(phase_is_legal(c->phase, phase));
	trace_printf(h->config.trace, TRACE_DEBUG, "hub", "%s: %s -> %s", c->from, phase_name(c->phase),
		     phase_name(phase));
	c->phase = phase;
	c->deadline = deadline;
}

void hub_end(hub *h, hub_connection *c, uint64_t now, const char *why)
{
	if (c->phase == HUB_GONE)
		return;
	if (c->phase != HUB_REQUEST)
		trace_printf(h->config.trace, TRACE_INFO, "hub", "%s ends: %s", c->from, why);
	hub_set_phase(h, c, HUB_GONE, time_after(now, HUB_RESPONSE_TIMEOUT_US));
	list_remove(&c->node);
	list_append(&h->gone, &c->node);
}

void hub_mark_ready(hub *h, hub_connection *c)
{
	if (c->phase == HUB_GONE)
		return; /* is in the list of the gone, which is looked at too */
	list_remove(&c->node);
	list_append(&h->ready, &c->node);
}

/* Tell the rooms who has ended. That may end others, who are then further on in the same list. False: nobody had. */
static bool settle(hub *h, uint64_t now)
{
	bool any = false;
	LIST_FOR (node, &h->gone) {
		hub_connection *c = LIST_ENTRY(node, hub_connection, node);
		if (c->left_rooms)
			continue;
		hub_leave_rooms(h, c, now);
		c->left_rooms = any = true;
	}
	return any;
}

void hub_receive(hub *h, uint64_t now, uint64_t connection, slice in)
{
	hub_connection *c = find(h, connection);
	if (!c || c->phase == HUB_GONE)
		return;
	if (c->phase == HUB_REQUEST)
		hub_receive_http(h, c, now, in);
	else
		hub_receive_frames(h, c, now, in);
	settle(h, now);
}

void hub_disconnected(hub *h, uint64_t now, uint64_t connection)
{
	hub_connection *c = find(h, connection);
	if (!c)
		return;
	hub_end(h, c, now, "the stream ended");
	settle(h, now);
	free_connection(h, c);
}

void hub_stop(hub *h, uint64_t now)
{
	h->stopped = true;
	hub_forget_rooms(h);
	FOR_CONNECTIONS(h, c)
	{
		if (c->phase == HUB_REQUEST)
			hub_end(h, c, now, "the hub stops");
		else if (c->phase == HUB_GONE)
			c->deadline = time_min(c->deadline, time_after(now, HUB_CLOSE_TIMEOUT_US));
		else
			hub_say_close(h, c, now, NULL, true, WEBSOCKET_GOING_AWAY);
	}
	settle(h, now);
}

/* --- time --- */

static uint64_t deadline_of(const hub_connection *c)
{
	return c->phase == HUB_OPEN ? time_min(c->deadline, c->ping_at) : c->deadline;
}

uint64_t hub_deadline(const hub *h)
{
	uint64_t deadline = TIME_NEVER;
	FOR_CONNECTIONS(h, c)
	deadline = time_min(deadline, deadline_of(c));
	if (!list_empty(&h->tokens))
		deadline = time_min(deadline, LIST_ENTRY(h->tokens.next, hub_token, node)->expires);
	return deadline;
}

static void connection_timeout(hub *h, hub_connection *c, uint64_t now)
{
	switch (c->phase) {
	case HUB_REQUEST:
		hub_end(h, c, now, "no request came");
		break;
	case HUB_HANDSHAKING:
		hub_say_close(h, c, now, "Handshake was canceled.", false, WEBSOCKET_NORMAL);
		break;
	case HUB_OPEN:
		if (now >= c->deadline)
			hub_say_close(h, c, now, "Client timed out.", false, WEBSOCKET_NORMAL);
		else
			hub_send(h, c, now, &(signalr_message){.type = SIGNALR_PING});
		break;
	case HUB_CLOSING:
		hub_end(h, c, now, "the close was not answered");
		buf_clear(&c->out); /* what it has not taken by now */
		break;
	case HUB_GONE: /* nobody reads the rest */
		buf_clear(&c->out);
		c->body = (slice){0};
		break;
	}
}

void hub_timeout(hub *h, uint64_t now)
{
	hub_expire_tokens(h, now);
	FOR_CONNECTIONS(h, c)
	if (now >= deadline_of(c))
		connection_timeout(h, c, now);
	settle(h, now);
}

/* --- output --- */

static bool has_output(const hub_connection *c)
{
	return c->out.len || c->body.len;
}

static void take_output(hub_connection *c, packet *p)
{
	writer w = writer_of(p->data, p->capacity);
	slice part = slice_part(buf_slice(&c->out), 0, p->capacity);
	write_bytes(&w, part);
	buf_consume(&c->out, part.len);
	if (c->out.len == 0)
		buf_clear(&c->out);
	part = slice_part(c->body, 0, writer_left(&w));
	write_bytes(&w, part);
	c->body = slice_part(c->body, part.len, c->body.len);
	p->len = w.len;
}

static hub_connection *next_with_output(hub *h, uint64_t now)
{
	LIST_FOR_SAFE (node, after, &h->ready) {
		hub_connection *c = LIST_ENTRY(node, hub_connection, node);
		c->list_stale = c->list_stale && c->phase == HUB_OPEN;
		if (!c->blocked && !has_output(c) && c->list_stale)
			hub_send_list(h, c, now);
		if (!c->blocked && has_output(c))
			return c;
		if (!has_output(c) && !c->list_stale && c->phase != HUB_GONE)
			list_remove(&c->node);
	}
	LIST_FOR (node, &h->gone) {
		hub_connection *c = LIST_ENTRY(node, hub_connection, node);
		if (!c->blocked && has_output(c))
			return c;
	}
	return NULL;
}

bool hub_poll_transmit(hub *h, uint64_t now, uint64_t *connection, packet *p)
{
	hub_connection *c;
	do
		c = next_with_output(h, now);
	while (!c && settle(h, now));
	if (!c)
		return false;
	take_output(c, p);
	*connection = c->number;
	return true;
}

bool hub_poll_event(hub *h, hub_event *event)
{
	LIST_FOR (node, &h->gone) {
		hub_connection *c = LIST_ENTRY(node, hub_connection, node);
		if (has_output(c) || !c->left_rooms)
			continue;
		*event = (hub_event){.type = HUB_EVENT_DISCONNECT, .connection = c->number};
		free_connection(h, c);
		return true;
	}
	return false;
}

void hub_set_blocked(hub *h, uint64_t connection, bool blocked)
{
	hub_connection *c = find(h, connection);
	if (c)
		c->blocked = blocked;
}

/* --- looking --- */

size_t hub_connection_count(const hub *h)
{
	return h->connection_count;
}

size_t hub_room_count(const hub *h)
{
	return h->room_count;
}

void hub_dump(const hub *h, text *out)
{
	text_printf(out, "hub: %zu connections, %zu tokens, %zu rooms%s\n", h->connection_count, h->token_count,
		    h->room_count, h->stopped ? ", stopping" : "");
	FOR_CONNECTIONS(h, c)
	text_printf(out, "  #%llu %s %s, %zu bytes waiting, %zu rooms\n", (unsigned long long)c->number, c->from,
		    phase_name(c->phase), c->out.len + c->body.len, c->rooms_created);
	LIST_FOR (node, &h->rooms) {
		const hub_room *r = LIST_ENTRY(node, hub_room, node);
		text_printf(out, "  room %llu: %s%s%s\n", (unsigned long long)r->number, r->creator->from,
			    r->joiner ? " and " : " waits", r->joiner ? r->joiner->from : "");
	}
}

void hub_check_invariants(const hub *h)
{
	size_t connections = 0, rooms = 0, tokens = 0, created = 0;
	FOR_CONNECTIONS(h, c)
	{
		connections++;
		created += c->rooms_created;
		assert(c->rooms_created <= HUB_ROOMS_PER_CONNECTION);
		assert(c->out.len <= HUB_OUT_MAX && c->deadline != TIME_NEVER);
		assert((c->phase != HUB_OPEN && c->phase != HUB_HANDSHAKING) || c->ws_used);
		assert(c->phase == HUB_GONE || !(has_output(c) || c->list_stale) || !list_empty(&c->node));
	}
	LIST_FOR (node, &h->tokens)
		tokens++;
	LIST_FOR (node, &h->rooms) {
		const hub_room *r = LIST_ENTRY(node, hub_room, node);
		rooms++;
		assert(find(h, r->creator->number) == r->creator && r->creator != r->joiner);
		assert(!r->joiner || find(h, r->joiner->number) == r->joiner);
	}
	assert(connections == h->connection_count && tokens == h->token_count && tokens <= HUB_TOKENS_MAX);
	assert(rooms == h->room_count && rooms <= HUB_ROOMS_MAX && rooms == created);
}
