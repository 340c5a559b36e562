#include "tests/sim/simtcp.h"

#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "tests/support/test.h"

#define RTO_INITIAL_US (1 * US_PER_S) /* RFC 6298 2 */
#define RTO_MIN_US (200 * US_PER_MS)  /* as Linux */
#define SENDINGS_MAX 7u		      /* a segment: then the connection has timed out */
#define DUPLICATES_MAX 3u	      /* RFC 5681 3.2: then a segment is lost */
#define PORT_FIRST 32768u
#define HELLO_CLIENT 0x16u /* a TLS record of handshake type; no TURN message begins so */
#define HELLO_SERVER 0x17u

/* Sent and unacknowledged, or come out of turn. */
typedef struct {
	list_node node;
	uint32_t number;
	bool syn, fin;
	uint64_t sent_at;
	size_t len;
	uint8_t data[];
} segment;

void simtcp_init(simnet_host *host)
{
	list_init(&host->connections);
	host->next_port = PORT_FIRST;
}

static void clear_segments(list_node *head)
{
	for (list_node *n; (n = list_pop(head));)
		free(LIST_ENTRY(n, segment, node));
}

static void connection_free(simtcp_connection *c)
{
	clear_segments(&c->sent);
	clear_segments(&c->early);
	list_remove(&c->node);
	free(c->buffer);
	free(c);
}

void simtcp_clear(simnet_host *host)
{
	while (!list_empty(&host->connections))
		connection_free(LIST_ENTRY(host->connections.next, simtcp_connection, node));
}

static simtcp_connection *connection_new(simnet_host *host, const parley_addr *local, const parley_addr *remote)
{
	simtcp_connection *c = calloc(1, sizeof *c);
	assert_non_null(c);
	c->host = host;
	c->local = *local;
	c->remote = *remote;
	c->rto_us = RTO_INITIAL_US;
	c->due = TIME_NEVER;
	list_init(&c->sent);
	list_init(&c->early);
	list_append(&host->connections, &c->node);
	return c;
}

static simtcp_connection *find(const simnet_host *host, const parley_addr *local, const parley_addr *remote)
{
	LIST_FOR (n, &host->connections) {
		simtcp_connection *c = LIST_ENTRY(n, simtcp_connection, node);
		if (c->state != SIMTCP_CLOSED && addr_equal(&c->local, local) && addr_equal(&c->remote, remote))
			return c;
	}
	return NULL;
}

/* --- sending --- */

static void send_segment(simtcp_connection *c, segment *s)
{
	simnet_segment head = {.syn = s->syn, .fin = s->fin, .number = s->number, .acknowledged = c->expected};
	s->sent_at = c->host->net->now;
	simnet_send(c->host, &c->local, &c->remote, &head, slice_of(s->data, s->len));
}

static void rearm(simtcp_connection *c)
{
	uint64_t backoff = c->rto_us << (c->sendings ? c->sendings - 1 : 0);
	c->due = list_empty(&c->sent) ? TIME_NEVER : time_after(c->host->net->now, backoff);
}

static void push(simtcp_connection *c, bool syn, bool fin, slice data)
{
	segment *s = malloc(sizeof *s + data.len);
	assert_non_null(s);
	*s = (segment){.number = c->next_number++, .syn = syn, .fin = fin, .len = data.len};
	if (data.len)
		memcpy(s->data, data.data, data.len);
	c->unacknowledged += data.len;
	bool first = list_empty(&c->sent);
	list_append(&c->sent, &s->node);
	send_segment(c, s);
	if (!first)
		return;
	c->sendings = 1;
	rearm(c);
}

static void acknowledge(simtcp_connection *c)
{
	simnet_segment head = {.number = c->next_number, .acknowledged = c->expected};
	simnet_send(c->host, &c->local, &c->remote, &head, (slice){0});
}

static void reset(simnet_host *host, const simnet_packet *p)
{
	simnet_segment head = {.reset = true, .acknowledged = p->segment.number + 1};
	simnet_send(host, &p->to, &p->from, &head, (slice){0});
}

bool simtcp_write(simtcp_connection *c, slice bytes, bool droppable)
{
	if (c->state != SIMTCP_OPEN || c->wants_close ||
	    (droppable && c->buffered + c->unacknowledged + bytes.len > SIMTCP_BUFFER_MAX))
		return false;
	c->buffer = realloc(c->buffer, c->buffered + bytes.len);
	assert_non_null(c->buffer);
	memcpy(c->buffer + c->buffered, bytes.data, bytes.len);
	c->buffered += bytes.len;
	return true;
}

static void flush(simtcp_connection *c)
{
	size_t at = 0;
	while (at < c->buffered) {
		slice part = slice_part(slice_of(c->buffer, c->buffered), at, SIMTCP_SEGMENT_MAX);
		push(c, false, false, part);
		at += part.len;
	}
	c->buffered = 0;
	bool said = !list_empty(&c->sent) && LIST_ENTRY(c->sent.prev, segment, node)->fin;
	if (c->wants_close && !said)
		push(c, false, true, (slice){0});
}

void simtcp_flush(simnet_host *host)
{
	host->due_is_stale = true;
	LIST_FOR (n, &host->connections) {
		simtcp_connection *c = LIST_ENTRY(n, simtcp_connection, node);
		if (c->state != SIMTCP_CLOSED)
			flush(c);
	}
}

void simtcp_reap(simnet_host *host)
{
	LIST_FOR_SAFE (n, after, &host->connections) {
		simtcp_connection *c = LIST_ENTRY(n, simtcp_connection, node);
		if (c->state == SIMTCP_CLOSED)
			connection_free(c);
	}
}

/* --- opening and closing --- */

static parley_addr local_for(simnet_host *host, const parley_addr *local, const parley_addr *remote)
{
	parley_addr a = *local;
	for (size_t i = 0; i < host->interface_count && a.family == PARLEY_ADDR_NONE; i++)
		if (host->interfaces[i].ip.family == remote->family && !host->interfaces[i].down)
			a = host->interfaces[i].ip;
	a.transport = PARLEY_TCP;
	if (local->port)
		return a;
	a.port = host->next_port++;
	if (host->next_port < PORT_FIRST)
		host->next_port = PORT_FIRST;
	return a;
}

simtcp_connection *simtcp_connect(simnet_host *host, const parley_addr *local, const parley_addr *remote,
				  const char *tls_name, void *user)
{
	parley_addr from = local_for(host, local, remote), to = *remote;
	to.transport = PARLEY_TCP;
	if (from.family != remote->family || find(host, &from, &to))
		return NULL;
	simtcp_connection *c = connection_new(host, &from, &to);
	c->user = user;
	c->tls = tls_name != NULL;
	if (tls_name)
		snprintf(c->name, sizeof c->name, "%s", tls_name);
	push(c, true, false, (slice){0});
	return c;
}

void simtcp_serve_tls(simtcp_connection *c, const char *name)
{
	c->tls = true;
	c->state = SIMTCP_GREETING;
	snprintf(c->name, sizeof c->name, "%s", name);
}

static void end(simtcp_connection *c, int error)
{
	if (c->state == SIMTCP_CLOSED)
		return;
	c->state = SIMTCP_CLOSED;
	c->due = TIME_NEVER;
	if (!c->wants_close && c->host->ops->stream_closed)
		c->host->ops->stream_closed(c->host, c, error);
}

void simtcp_close(simtcp_connection *c)
{
	c->wants_close = true;
	if (c->state == SIMTCP_CONNECTING)
		end(c, 0);
}

static void opened(simtcp_connection *c)
{
	c->state = SIMTCP_OPEN;
	if (!c->server && c->host->ops->stream_opened)
		c->host->ops->stream_opened(c->host, c);
}

/* --- TLS: a byte that tells the kind, the length of the name, the name --- */

static void greet(simtcp_connection *c)
{
	uint8_t hello[SIMTCP_NAME_MAX + 2];
	writer w = writer_of(hello, sizeof hello);
	slice name = slice_from_string(c->name);
	write_u8(&w, c->server ? HELLO_SERVER : HELLO_CLIENT);
	write_u8(&w, (uint8_t)name.len);
	write_bytes(&w, name);
	push(c, false, false, writer_slice(&w));
}

/* The client trusts who has the name that it asked for; the server takes every guest. */
static void greeted(simtcp_connection *c, slice bytes)
{
	uint8_t kind = c->server ? HELLO_CLIENT : HELLO_SERVER;
	while (bytes.len && (c->greeting_len < 2 || c->greeting_len < 2u + c->greeting[1])) {
		if (c->greeting_len == sizeof c->greeting || (c->greeting_len == 0 && bytes.data[0] != kind)) {
			end(c, PARLEY_EPROTO);
			return;
		}
		c->greeting[c->greeting_len++] = bytes.data[0];
		bytes = slice_part(bytes, 1, bytes.len);
	}
	if (c->greeting_len < 2 || c->greeting_len < 2u + c->greeting[1])
		return;
	slice name = slice_of(c->greeting + 2, c->greeting[1]);
	if (!c->server && !slice_equal_string(name, c->name)) {
		end(c, PARLEY_EAUTH);
		return;
	}
	if (c->server)
		greet(c);
	opened(c);
	if (bytes.len && c->host->ops->stream_receive)
		c->host->ops->stream_receive(c->host, c, bytes);
}

/* --- receiving --- */

static simtcp_connection *accept_connection(simnet_host *host, const simnet_packet *p)
{
	if (!host->ops->stream_accept)
		return NULL;
	simtcp_connection *c = connection_new(host, &p->to, &p->from);
	c->server = true;
	c->state = SIMTCP_OPEN;
	if (!host->ops->stream_accept(host, c)) {
		connection_free(c);
		return NULL;
	}
	c->expected = p->segment.number + 1;
	push(c, true, false, (slice){0});
	return c;
}

static void acknowledged(simtcp_connection *c, uint32_t number, bool bare)
{
	bool progress = false;
	while (!list_empty(&c->sent)) {
		segment *s = LIST_ENTRY(c->sent.next, segment, node);
		if (s->number >= number)
			break;
		if (s->syn && c->sendings == 1) { /* RFC 6298 3, Karn; the one sample that no lost segment delays */
			uint64_t rto = 2 * (c->host->net->now - s->sent_at);
			c->rto_us = rto < RTO_MIN_US ? RTO_MIN_US : rto;
		}
		progress = true;
		c->unacknowledged -= s->len;
		c->sendings = 1;
		bool fin = s->fin;
		list_remove(&s->node);
		free(s);
		if (fin)
			end(c, 0);
	}
	if (progress) {
		c->duplicates = 0;
		rearm(c);
	} else if (bare && !list_empty(&c->sent) && ++c->duplicates == DUPLICATES_MAX) {
		send_segment(c, LIST_ENTRY(c->sent.next, segment, node));
	}
}

static void take(simtcp_connection *c, const segment *s)
{
	c->expected++;
	if (s->syn && c->tls) {
		c->state = SIMTCP_GREETING;
		greet(c);
	} else if (s->syn) {
		opened(c);
	} else if (s->fin) {
		acknowledge(c);
		end(c, 0);
	} else if (c->state == SIMTCP_GREETING) {
		greeted(c, slice_of(s->data, s->len));
	} else if (!c->wants_close && c->host->ops->stream_receive) {
		c->host->ops->stream_receive(c->host, c, slice_of(s->data, s->len));
	}
}

static void take_in_turn(simtcp_connection *c)
{
	while (c->state != SIMTCP_CLOSED && !list_empty(&c->early)) {
		segment *s = LIST_ENTRY(c->early.next, segment, node);
		if (s->number != c->expected)
			return;
		list_remove(&s->node);
		take(c, s);
		free(s);
	}
}

static void keep(simtcp_connection *c, const simnet_packet *p)
{
	list_node *at = &c->early;
	while (at->prev != &c->early && LIST_ENTRY(at->prev, segment, node)->number > p->segment.number)
		at = at->prev;
	bool twice = at->prev != &c->early && LIST_ENTRY(at->prev, segment, node)->number == p->segment.number;
	if (p->segment.number < c->expected || twice)
		return;
	segment *s = malloc(sizeof *s + p->len);
	assert_non_null(s);
	*s = (segment){.number = p->segment.number, .syn = p->segment.syn, .fin = p->segment.fin, .len = p->len};
	if (p->len)
		memcpy(s->data, p->data, p->len);
	list_insert_before(at, &s->node);
}

void simtcp_receive(simnet_host *host, const simnet_packet *p)
{
	const simnet_segment *head = &p->segment;
	bool bare = !head->syn && !head->fin && p->len == 0;
	simtcp_connection *c = find(host, &p->to, &p->from);
	if (!c && head->syn && head->acknowledged == 0 && accept_connection(host, p))
		return;
	if (!c) {
		if (!head->reset)
			reset(host, p);
		return;
	}
	if (head->reset) {
		end(c, c->state == SIMTCP_CONNECTING ? PARLEY_EREFUSED : PARLEY_ECLOSED);
		return;
	}
	acknowledged(c, head->acknowledged, bare);
	if (bare || c->state == SIMTCP_CLOSED)
		return;
	keep(c, p);
	take_in_turn(c);
	if (c->state != SIMTCP_CLOSED)
		acknowledge(c);
}

/* --- time --- */

uint64_t simtcp_deadline(const simnet_host *host)
{
	uint64_t t = TIME_NEVER;
	LIST_FOR (n, &host->connections)
		t = time_min(t, LIST_ENTRY(n, simtcp_connection, node)->due);
	return t;
}

void simtcp_timeout(simnet_host *host)
{
	LIST_FOR (n, &host->connections) {
		simtcp_connection *c = LIST_ENTRY(n, simtcp_connection, node);
		if (c->due > host->net->now)
			continue;
		if (c->sendings >= SENDINGS_MAX) {
			c->due = TIME_NEVER;
			end(c, PARLEY_ETIMEDOUT);
			continue;
		}
		c->sendings++;
		send_segment(c, LIST_ENTRY(c->sent.next, segment, node));
		rearm(c);
	}
}
