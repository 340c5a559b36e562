#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/list.h"
#include "net/stream.h"
#include "net/timer.h"
#include "signaling/net.h"

#define PACKET_SIZE 16384u
/* What a stream may have queued before its bytes are kept in the hub, which limits them. */
#define WRITE_LIMIT (128u * 1024u)
/* Streams, those included that are still in their TLS handshake and unknown to the hub. */
#define STREAMS_MAX (HUB_CONNECTIONS_MAX + 64u)

typedef struct {
	list_node node;
	hub_net *owner;
	net_stream *stream;
	bool known; /* to the hub, as: */
	uint64_t number;
	buf held; /* a packet that the stream did not take */
} hub_stream;

struct hub_net {
	hub *hub;
	net_listener *listener;
	net_timer *timer;
	list_node streams;
	size_t stream_count;
	hub_stream *by_number[HUB_CONNECTIONS_MAX]; /* live numbers differ modulo this (signaling/hub.h) */
	bool stopping;
	void (*on_stopped)(void *me);
	void *me;
};

static hub_stream **place(hub_net *n, uint64_t number)
{
	return &n->by_number[number % HUB_CONNECTIONS_MAX];
}

static hub_stream *find(hub_net *n, uint64_t number)
{
	hub_stream *s = *place(n, number);
	return s && s->number == number ? s : NULL;
}

static void forget_number(hub_stream *s)
{
	if (s->known)
		*place(s->owner, s->number) = NULL;
	s->known = false;
}

static void free_stream(hub_stream *s)
{
	forget_number(s);
	list_remove(&s->node);
	s->owner->stream_count--;
	buf_clear(&s->held);
	free(s);
}

/* --- pumping --- */

static void write_out(hub_net *n, hub_stream *s, slice bytes)
{
	int err = net_stream_write(s->stream, bytes);
	if (err == PARLEY_ELIMIT) {
		hub_set_blocked(n->hub, s->number, true);
		err = buf_append(&s->held, bytes);
	}
	if (err)
		net_stream_close(s->stream);
}

static void end_stream(hub_stream *s)
{
	forget_number(s);
	net_stream_close_after(s->stream, buf_slice(&s->held));
	buf_clear(&s->held);
}

static void pump(hub_net *n)
{
	uint8_t mem[PACKET_SIZE];
	packet p = {.data = mem, .capacity = sizeof mem};
	uint64_t number;
	hub_event event;
	while (hub_poll_transmit(n->hub, net_now(), &number, &p)) {
		hub_stream *s = find(n, number);
		if (s)
			write_out(n, s, slice_of(p.data, p.len));
	}
	while (hub_poll_event(n->hub, &event)) {
		hub_stream *s = find(n, event.connection);
		if (s)
			end_stream(s);
	}
	net_timer_set(n->timer, hub_deadline(n->hub));
}

static void on_timer(void *me)
{
	hub_net *n = me;
	hub_timeout(n->hub, net_now());
	pump(n);
}

/* --- streams --- */

static void on_open(void *me, net_stream *stream)
{
	hub_stream *s = me;
	char from[ADDR_TEXT_MAX];
	parley_addr remote = net_stream_remote(stream);
	if (hub_accept(s->owner->hub, net_now(), addr_print(&remote, from), &s->number)) {
		net_stream_close(stream);
		return;
	}
	s->known = true;
	*place(s->owner, s->number) = s;
	pump(s->owner);
}

static void on_data(void *me, net_stream *stream, slice data)
{
	hub_stream *s = me;
	(void)stream;
	if (!s->known)
		return;
	hub_receive(s->owner->hub, net_now(), s->number, data);
	pump(s->owner);
}

static void on_writable(void *me, net_stream *stream)
{
	hub_stream *s = me;
	slice bytes = buf_slice(&s->held);
	if (bytes.len && net_stream_write(stream, bytes))
		return; /* not yet: on_writable comes again */
	buf_clear(&s->held);
	if (s->known) {
		hub_set_blocked(s->owner->hub, s->number, false);
		pump(s->owner);
	}
}

static void tell_if_stopped(hub_net *n)
{
	if (!n->stopping || n->stream_count > 0)
		return;
	n->stopping = false; /* once */
	if (n->on_stopped)
		n->on_stopped(n->me);
}

static void on_close(void *me, net_stream *stream, int error, const char *why)
{
	hub_stream *s = me;
	hub_net *n = s->owner;
	(void)stream, (void)error, (void)why;
	if (s->known)
		hub_disconnected(n->hub, net_now(), s->number);
	free_stream(s);
	pump(n);
	tell_if_stopped(n);
}

static const net_stream_callbacks callbacks = {
	.on_open = on_open, .on_data = on_data, .on_writable = on_writable, .on_close = on_close};

/* A stream that gets no callbacks here is released by the listener. */
static void on_accept(void *me, net_listener *listener, net_stream *stream)
{
	hub_net *n = me;
	(void)listener;
	if (n->stream_count >= STREAMS_MAX)
		return;
	hub_stream *s = calloc(1, sizeof *s);
	if (!s)
		return;
	s->owner = n;
	s->stream = stream;
	s->held.limit = PACKET_SIZE;
	list_append(&n->streams, &s->node);
	n->stream_count++;
	net_stream_set_callbacks(stream, &callbacks, s);
}

/* --- life --- */

int hub_net_new(struct uv_loop_s *loop, hub *h, const parley_addr *address, net_tls *tls, hub_net **out,
		char why[NET_WHY_MAX])
{
	net_stream_options options;
	hub_net *n = calloc(1, sizeof *n);
	*out = NULL;
	snprintf(why, NET_WHY_MAX, "out of memory");
	if (!n)
		return PARLEY_ENOMEM;
	n->hub = h;
	list_init(&n->streams);
	net_stream_options_default(&options);
	options.tls = tls;
	options.write_limit = WRITE_LIMIT;
	n->timer = net_timer_new(loop, on_timer, n);
	int err = n->timer ? net_listener_new(loop, address, &options, on_accept, n, &n->listener, why) : PARLEY_ENOMEM;
	if (err) {
		net_timer_free(n->timer);
		free(n);
		return err;
	}
	*out = n;
	return 0;
}

parley_addr hub_net_address(const hub_net *n)
{
	return net_listener_address(n->listener);
}

void hub_net_stop(hub_net *n, void (*on_stopped)(void *me), void *me)
{
	n->on_stopped = on_stopped;
	n->me = me;
	n->stopping = true;
	net_listener_free(n->listener);
	n->listener = NULL;
	hub_stop(n->hub, net_now());
	pump(n);
	LIST_FOR (node, &n->streams) {
		hub_stream *s = LIST_ENTRY(node, hub_stream, node);
		if (!s->known) /* still in the TLS handshake: nothing to say yet; or closing already */
			net_stream_close(s->stream);
	}
	tell_if_stopped(n);
}

void hub_net_free(hub_net *n)
{
	if (!n)
		return;
	LIST_FOR_SAFE (node, after, &n->streams) {
		hub_stream *s = LIST_ENTRY(node, hub_stream, node);
		net_stream_release(s->stream);
		free_stream(s);
	}
	net_listener_free(n->listener);
	net_timer_free(n->timer);
	free(n);
}
