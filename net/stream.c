#include "net/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/buf.h"
#include "net/connector.h"
#include "net/stream_internal.h"
#include "net/timer.h"
#include "net/tls_session.h"
#include "net/turn.h"

#define READ_CHUNK 65536u			 /* what one read of the socket takes at most */
#define TLS_RECORD_PLAIN 16384u			 /* RFC 8446 5.1 */
#define TLS_RECORD_MAX (TLS_RECORD_PLAIN + 261u) /* and 5.2: header and expansion */

typedef enum {
	STREAM_CONNECTING,  /* name and TCP; there is no socket yet */
	STREAM_HANDSHAKING, /* TLS; or accepted, and on_open still to come from the loop */
	STREAM_OPEN,
	STREAM_FLUSHING, /* the last bytes go out; what comes is thrown away */
	STREAM_CLOSED,	 /* on_close comes from the loop, then the memory goes */
} stream_state;

struct net_stream {
	stream_state state;
	net_stream_callbacks callbacks; /* all NULL: nobody listens (any more) */
	void *me;
	connector *connector; /* while connecting */
	tcp_socket *socket;   /* from then on */
	tls_session *tls;     /* NULL: plain TCP */
	net_timer *limit;     /* on connecting, and on flushing */
	net_turn *wake;	      /* for what must come from the loop and not from the caller */
	uv_shutdown_t shutdown;
	buf early; /* written before on_open */
	size_t write_limit;
	size_t flush_left;   /* FLUSHING: queued when the limit was last set */
	uint64_t flush_ends; /* FLUSHING: whatever the progress */
	bool has_callbacks;
	bool paused;
	bool writable_wanted;  /* a write was refused */
	bool peer_ended;       /* no more bytes will come */
	bool flushed;	       /* and our end has gone out */
	int error;	       /* for on_close */
	char why[NET_WHY_MAX]; /* ditto */
	char peer[CONNECTOR_PEER_MAX];
};

static void start_reading(net_stream *s);

static uv_stream_t *stream_handle(const net_stream *s)
{
	return (uv_stream_t *)&s->socket->handle;
}

/* --- the end --- */

static void stream_free(net_stream *s)
{
	connector_free(s->connector);
	tls_session_free(s->tls);
	net_timer_free(s->limit);
	net_turn_free(s->wake);
	buf_clear(&s->early);
	free(s);
}

static void stream_finish(net_stream *s)
{
	if (s->callbacks.on_close)
		s->callbacks.on_close(s->me, s, s->error, s->why);
	stream_free(s);
}

static void socket_closed(uv_handle_t *handle)
{
	tcp_socket *socket = handle->data;
	net_stream *s = socket->owner;
	free(socket);
	stream_finish(s);
}

/* Drops everything now. */
static void stream_shut(net_stream *s)
{
	if (s->state == STREAM_CLOSED)
		return;
	s->state = STREAM_CLOSED;
	net_timer_set(s->limit, TIME_NEVER);
	connector_free(s->connector);
	s->connector = NULL;
	if (s->socket)
		uv_close((uv_handle_t *)&s->socket->handle, socket_closed);
	else
		net_turn_request(s->wake);
}

/* The first reason stays. */
static void set_reason(net_stream *s, int error, const char *why)
{
	if (s->why[0] != '\0')
		return;
	s->error = error;
	snprintf(s->why, sizeof s->why, "%s", why);
}

static void stream_fail(net_stream *s, int error, const char *why)
{
	set_reason(s, error, why);
	stream_shut(s);
}

static void stream_fail_status(net_stream *s, int status)
{
	char why[NET_WHY_MAX];
	int error = connection_error(status, s->peer, why);
	stream_fail(s, error, why);
}

/* --- sending --- */

typedef struct {
	uv_write_t request;
	uint8_t bytes[];
} write_request;

static void check_writable(net_stream *s)
{
	if (s->state != STREAM_OPEN || !s->writable_wanted || net_stream_queued(s) > s->write_limit / 2)
		return;
	s->writable_wanted = false;
	if (s->callbacks.on_writable)
		s->callbacks.on_writable(s->me, s);
}

static void write_done(uv_write_t *request, int status)
{
	tcp_socket *socket = request->handle->data;
	net_stream *s = socket->owner;
	free(request->data);
	if (status != 0)
		stream_fail_status(s, status);
	else
		check_writable(s);
}

/* What the kernel takes at once costs no copy. A libuv status. */
static int send_raw(net_stream *s, slice bytes)
{
	uv_buf_t whole = {.base = (char *)bytes.data, .len = bytes.len};
	int sent = bytes.len > 0 ? uv_try_write(stream_handle(s), &whole, 1) : 0;
	if (sent < 0 && sent != UV_EAGAIN)
		return sent;
	slice rest = slice_part(bytes, sent > 0 ? (size_t)sent : 0, bytes.len);
	if (rest.len == 0)
		return 0;
	write_request *w = malloc(sizeof *w + rest.len);
	if (!w)
		return UV_ENOMEM;
	memcpy(w->bytes, rest.data, rest.len);
	w->request.data = w;
	uv_buf_t copy = {.base = (char *)w->bytes, .len = rest.len};
	int status = uv_write(&w->request, stream_handle(s), &copy, 1, write_done);
	if (status != 0)
		free(w);
	return status;
}

static int send_tls_output(net_stream *s)
{
	int status = send_raw(s, tls_session_output(s->tls));
	tls_session_output_done(s->tls);
	return status;
}

/* Record by record, so that the session's memory stays that of a record. */
static int send_encrypted(net_stream *s, slice plain)
{
	int status = 0;
	for (; plain.len > 0 && status == 0; plain = slice_part(plain, TLS_RECORD_PLAIN, plain.len))
		if (tls_session_write(s->tls, slice_part(plain, 0, TLS_RECORD_PLAIN)) != 0)
			status = UV_ENOMEM;
		else
			status = send_tls_output(s);
	return status;
}

static int stream_send(net_stream *s, slice plain)
{
	int status = s->tls ? send_encrypted(s, plain) : send_raw(s, plain);
	if (status == 0)
		return 0;
	stream_fail_status(s, status);
	return PARLEY_ECLOSED;
}

size_t net_stream_queued(const net_stream *s)
{
	return s->early.len + (s->socket ? uv_stream_get_write_queue_size(stream_handle(s)) : 0);
}

int net_stream_write(net_stream *s, slice data)
{
	if (s->state > STREAM_OPEN)
		return PARLEY_ECLOSED;
	size_t queued = net_stream_queued(s);
	if (queued > 0 && (queued > s->write_limit || data.len > s->write_limit - queued)) {
		s->writable_wanted = true;
		return PARLEY_ELIMIT;
	}
	return s->state == STREAM_OPEN ? stream_send(s, data) : buf_append(&s->early, data);
}

/* --- closing in order --- */

static void shut_if_both_ended(net_stream *s)
{
	if (s->state == STREAM_FLUSHING && s->flushed && s->peer_ended)
		stream_shut(s);
}

static void shutdown_done(uv_shutdown_t *request, int status)
{
	net_stream *s = request->data;
	s->flushed = true;
	if (status != 0)
		stream_shut(s);
	else
		shut_if_both_ended(s);
}

/* False: the peer has taken nothing since the last time, or all, or it has had enough time. */
static bool extend_flush(net_stream *s)
{
	size_t left = net_stream_queued(s);
	uint64_t now = net_now();
	if ((left == 0 && s->flush_left != SIZE_MAX) || left >= s->flush_left || now >= s->flush_ends)
		return false;
	s->flush_left = left;
	net_timer_set(s->limit, time_min(now + NET_STREAM_CLOSE_TIMEOUT_US, s->flush_ends));
	return true;
}

/*
 * Lets the last bytes go out, then waits a little for the peer's end: a socket that is closed while something unread has
 * come answers with a reset, which would take the last bytes away from the peer (RFC 9112 9.6).
 */
static void stream_flush_and_close(net_stream *s, int error, const char *why)
{
	if (s->state >= STREAM_FLUSHING)
		return;
	set_reason(s, error, why);
	if (s->state == STREAM_CONNECTING) {
		stream_shut(s);
		return;
	}
	s->state = STREAM_FLUSHING;
	s->flush_left = SIZE_MAX;
	s->flush_ends = net_now() + NET_STREAM_CLOSE_MAX_US;
	extend_flush(s);
	int status = 0;
	if (s->tls) {
		tls_session_close_notify(s->tls);
		status = send_tls_output(s);
	}
	s->shutdown.data = s;
	if (status == 0)
		status = uv_shutdown(&s->shutdown, stream_handle(s), shutdown_done);
	if (status == 0)
		start_reading(s);
	else
		stream_shut(s);
}

void net_stream_close(net_stream *s)
{
	net_stream_callbacks only_on_close = {.on_close = s->callbacks.on_close};
	s->callbacks = only_on_close;
	stream_flush_and_close(s, 0, "closed");
}

void net_stream_close_after(net_stream *s, slice last)
{
	if (s->state == STREAM_OPEN)
		(void)stream_send(s, last); /* an error closes */
	net_stream_close(s);
}

void net_stream_release(net_stream *s)
{
	if (!s)
		return;
	s->callbacks = (net_stream_callbacks){0};
	stream_flush_and_close(s, 0, "released");
}

/* --- receiving --- */

static void stream_opened(net_stream *s)
{
	s->state = STREAM_OPEN;
	net_timer_set(s->limit, TIME_NEVER);
	if (s->early.len > 0) {
		int error = stream_send(s, buf_slice(&s->early));
		buf_clear(&s->early);
		if (error)
			return;
	}
	if (s->callbacks.on_open)
		s->callbacks.on_open(s->me, s);
	check_writable(s);
}

static void give_data(net_stream *s, slice data)
{
	if (s->callbacks.on_data)
		s->callbacks.on_data(s->me, s, data);
}

static void closed_by_peer(net_stream *s, int error, const char *format)
{
	char why[NET_WHY_MAX];
	snprintf(why, sizeof why, format, s->peer);
	stream_flush_and_close(s, error, why);
}

static void tls_handshake(net_stream *s)
{
	char why[NET_WHY_MAX];
	int done = tls_session_handshake(s->tls, why);
	int status = send_tls_output(s); /* of a failed one, the alert */
	if (done < 0)
		stream_fail(s, done, why);
	else if (status != 0)
		stream_fail_status(s, status);
	else if (done)
		stream_opened(s);
}

static void tls_deliver(net_stream *s)
{
	uint8_t plain[TLS_RECORD_PLAIN];
	while (s->state == STREAM_OPEN && !s->paused) {
		char why[NET_WHY_MAX];
		int n = tls_session_read(s->tls, plain, sizeof plain, why);
		int status = send_tls_output(s); /* an alert, or the answer to a key update */
		if (n > 0)
			give_data(s, slice_of(plain, (size_t)n));
		else if (n < 0)
			stream_fail(s, n, why);
		else if (status != 0)
			stream_fail_status(s, status);
		else if (tls_session_ended(s->tls))
			closed_by_peer(s, 0, "closed by %s");
		else
			break;
	}
}

static void tls_progress(net_stream *s)
{
	if (s->state == STREAM_HANDSHAKING)
		tls_handshake(s);
	tls_deliver(s);
}

static void stream_received(net_stream *s, slice bytes)
{
	if (s->state >= STREAM_FLUSHING)
		return;
	if (!s->tls)
		give_data(s, bytes);
	/* Record by record, as in sending; but all of it, also when a callback pauses in between. */
	for (; s->tls && bytes.len > 0 && s->state < STREAM_FLUSHING;
	     bytes = slice_part(bytes, TLS_RECORD_MAX, bytes.len))
		if (tls_session_receive(s->tls, slice_part(bytes, 0, TLS_RECORD_MAX)) != 0)
			stream_fail(s, PARLEY_ENOMEM, "out of memory");
		else
			tls_progress(s);
	if (s->state == STREAM_OPEN && s->paused)
		uv_read_stop(stream_handle(s));
}

static void stream_read_ended(net_stream *s, int status)
{
	s->peer_ended = true;
	uv_read_stop(stream_handle(s));
	if (s->state == STREAM_FLUSHING)
		shut_if_both_ended(s);
	else if (status != UV_EOF)
		stream_fail_status(s, status);
	else if (s->state == STREAM_HANDSHAKING)
		closed_by_peer(s, PARLEY_EPROTO, "%s closed the connection during the TLS handshake");
	else if (s->tls)
		closed_by_peer(s, PARLEY_ECLOSED, "connection to %s was cut: no TLS close_notify");
	else
		closed_by_peer(s, 0, "closed by %s");
}

static void give_memory(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	(void)handle;
	(void)suggested;
	out->base = malloc(READ_CHUNK);
	out->len = out->base ? READ_CHUNK : 0; /* 0 makes libuv report UV_ENOBUFS */
}

static void socket_read(uv_stream_t *handle, ssize_t n, const uv_buf_t *memory)
{
	net_stream *s = ((tcp_socket *)handle->data)->owner;
	if (n > 0)
		stream_received(s, slice_of(memory->base, (size_t)n));
	else if (n < 0 && s->state != STREAM_CLOSED)
		stream_read_ended(s, (int)n);
	free(memory->base);
}

static void start_reading(net_stream *s)
{
	if (s->peer_ended || s->state == STREAM_CLOSED || (s->state == STREAM_OPEN && s->paused))
		return;
	int status = uv_read_start(stream_handle(s), give_memory, socket_read);
	if (status != 0 && status != UV_EALREADY)
		stream_fail_status(s, status);
}

void net_stream_pause(net_stream *s, bool paused)
{
	if (s->paused == paused)
		return;
	s->paused = paused;
	if (s->state != STREAM_OPEN)
		return;
	if (paused)
		uv_read_stop(stream_handle(s));
	else
		net_turn_request(s->wake); /* TLS may hold data already: it must come from the loop */
}

/* --- beginning --- */

static void stream_woken(void *me)
{
	net_stream *s = me;
	if (s->state == STREAM_CLOSED && !s->socket) {
		stream_finish(s);
		return;
	}
	if (s->state == STREAM_HANDSHAKING && !s->tls)
		stream_opened(s);
	else if (s->state == STREAM_OPEN && s->tls)
		tls_deliver(s);
	start_reading(s);
}

static void limit_passed(void *me)
{
	net_stream *s = me;
	if (s->state == STREAM_FLUSHING && extend_flush(s))
		return;
	const char *format = "connection to %s timed out";
	if (s->state == STREAM_HANDSHAKING)
		format = "TLS handshake with %s timed out";
	else if (s->state == STREAM_CONNECTING && connector_is_resolving(s->connector))
		format = "no answer to the lookup of %s";
	char why[NET_WHY_MAX];
	snprintf(why, sizeof why, format, s->peer);
	stream_fail(s, PARLEY_ETIMEDOUT, why); /* of one that is flushing the reason stands already */
}

static void connected(void *me, tcp_socket *socket, int error, const char *why)
{
	net_stream *s = me;
	if (!socket) {
		stream_fail(s, error, why);
		return;
	}
	connector_free(s->connector);
	s->connector = NULL;
	socket->owner = s;
	s->socket = socket;
	s->state = STREAM_HANDSHAKING;
	uv_tcp_nodelay(&socket->handle, 1);
	if (s->tls)
		tls_handshake(s);
	else
		stream_opened(s);
	start_reading(s);
}

void net_stream_options_default(net_stream_options *options)
{
	*options = (net_stream_options){.connect_timeout_us = NET_STREAM_CONNECT_TIMEOUT_US,
					.write_limit = NET_STREAM_WRITE_LIMIT_DEFAULT};
}

static int stream_new(uv_loop_t *loop, const char *host, const net_stream_options *options, net_stream **out)
{
	net_stream *s = calloc(1, sizeof *s);
	if (!s)
		return PARLEY_ENOMEM;
	s->early.limit = SIZE_MAX; /* write_limit is kept by net_stream_write */
	s->write_limit = options->write_limit;
	s->limit = net_timer_new(loop, limit_passed, s);
	s->wake = net_turn_new(loop, stream_woken, s);
	int error = s->limit && s->wake ? 0 : PARLEY_ENOMEM;
	if (!error && options->tls)
		error = tls_session_new(options->tls, host, &s->tls);
	if (error) {
		stream_free(s);
		return error;
	}
	net_timer_set(s->limit, net_now() + options->connect_timeout_us);
	*out = s;
	return 0;
}

int net_stream_connect(uv_loop_t *loop, const char *host, uint16_t port, const net_stream_options *options,
		       const net_stream_callbacks *callbacks, void *me, net_stream **out)
{
	net_stream_options defaults;
	net_stream_options_default(&defaults);
	net_stream *s;
	if (!options)
		options = &defaults;
	int error = stream_new(loop, options->server_name ? options->server_name : host, options, &s);
	if (error)
		return error;
	net_stream_set_callbacks(s, callbacks, me);
	bool is_ipv6 = strchr(host, ':') != NULL;
	snprintf(s->peer, sizeof s->peer, "%s%.100s%s:%u", is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "", port);
	error = connector_new(loop, host, port, s->peer, options->local, connected, s, &s->connector);
	if (error) {
		stream_free(s);
		return error;
	}
	*out = s;
	return 0;
}

int net_stream_accepted(uv_loop_t *loop, tcp_socket *socket, const net_stream_options *options, net_stream **out)
{
	char peer[ADDR_TEXT_MAX];
	parley_addr remote = tcp_socket_remote(socket);
	addr_print(&remote, peer);
	net_stream *s;
	int error = stream_new(loop, peer, options, &s);
	if (error) {
		tcp_socket_discard(socket);
		return error;
	}
	snprintf(s->peer, sizeof s->peer, "%s", peer);
	socket->owner = s;
	s->socket = socket;
	s->state = STREAM_HANDSHAKING;
	uv_tcp_nodelay(&socket->handle, 1);
	net_turn_request(s->wake);
	*out = s;
	return 0;
}

void net_stream_set_callbacks(net_stream *s, const net_stream_callbacks *callbacks, void *me)
{
	s->callbacks = *callbacks;
	s->me = me;
	s->has_callbacks = true;
}

bool net_stream_has_callbacks(const net_stream *s)
{
	return s->has_callbacks;
}

parley_addr net_stream_remote(const net_stream *s)
{
	return s->socket ? tcp_socket_remote(s->socket) : (parley_addr){0};
}

parley_addr net_stream_local(const net_stream *s)
{
	return s->socket ? tcp_socket_local(s->socket) : (parley_addr){0};
}
