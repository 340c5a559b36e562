/*
 * net/stream.h: byte streams, TCP or TLS over TCP: clients that connect by name, and a listener that accepts.
 *
 * All on the loop's thread. Callbacks come from the loop, never from within the call that caused them, and any function here
 * may be called in any callback. A stream lives until its on_close has returned, or until net_stream_release: after either
 * the pointer is dead. There is exactly one on_close per stream, it is the last callback, and it says why.
 *
 *     connect ----> (resolving, connecting, TLS handshake) ----> on_open ----> on_data, on_writable ... ----> on_close
 *                                       \________________________________________________________________/
 *
 * The first stream makes the process ignore SIGPIPE, unless it has a handler for it: libuv's writes would raise it.
 *
 * There is no half-closed stream: when the peer ends its direction the stream closes, once what was written has gone out.
 */
#ifndef PARLEY_NET_STREAM_H
#define PARLEY_NET_STREAM_H

#include "base/bytes.h"
#include "net/tls.h"
#include "parley/types.h"

struct uv_loop_s;

#define NET_STREAM_CONNECT_TIMEOUT_US 10000000u /* from net_stream_connect, or the accept, to on_open */
#define NET_STREAM_ATTEMPT_DELAY_US 250000u	/* before the next address is tried in parallel (RFC 8305 section 5) */
#define NET_STREAM_ADDRESSES_MAX 16u		/* of a name; more are ignored */
#define NET_STREAM_CLOSE_TIMEOUT_US 3000000u /* without progress, for what is queued at net_stream_close to go out; */
#define NET_STREAM_CLOSE_MAX_US 60000000u    /* and in all, for a peer that reads slowly */
#define NET_STREAM_WRITE_LIMIT_DEFAULT (1u << 20) /* bytes queued and not yet taken by the kernel */

typedef struct net_stream net_stream;

/* All optional. `me` is what net_stream_connect or net_stream_set_callbacks was given. */
typedef struct {
	/* Connected; with TLS also: shaken hands and the certificate believed. */
	void (*on_open)(void *me, net_stream *stream);
	/* Bytes came; valid until the callback returns. Never empty. */
	void (*on_data)(void *me, net_stream *stream, slice data);
	/* A write was refused with PARLEY_ELIMIT, and by now half of the write limit is free. */
	void (*on_writable)(void *me, net_stream *stream);
	/*
	 * The end. error 0: this side closed, or the peer did, cleanly (in TLS: by close_notify). Otherwise PARLEY_ERESOLVE,
	 * PARLEY_EREFUSED, PARLEY_EUNREACHABLE, PARLEY_ETIMEDOUT, PARLEY_EAUTH (certificate), PARLEY_EPROTO (TLS),
	 * PARLEY_ECLOSED (reset, or cut without close_notify), PARLEY_EIO, PARLEY_ENOMEM. why: one line that names host and cause, e.g.
	 * "connection to 127.0.0.1:1 refused"; never NULL.
	 */
	void (*on_close)(void *me, net_stream *stream, int error, const char *why);
} net_stream_callbacks;

typedef struct {
	net_tls *tls;		     /* NULL: plain TCP */
	const char *server_name;     /* whom the certificate must name; NULL: the host */
	const parley_addr *local;    /* connect from this IP address, and port unless 0; NULL: any. Copied */
	uint64_t connect_timeout_us; /* default NET_STREAM_CONNECT_TIMEOUT_US */
	size_t write_limit;	     /* default NET_STREAM_WRITE_LIMIT_DEFAULT */
} net_stream_options;

void net_stream_options_default(net_stream_options *options);

/*
 * Begins to connect to host (a name, or an IPv4 or IPv6 literal without brackets), trying all its addresses. options NULL: the
 * defaults. Only what is wrong with the call is returned (PARLEY_EINVAL, PARLEY_ENOMEM, PARLEY_ECRYPTO); all else comes by on_close.
 */
int net_stream_connect(struct uv_loop_s *loop, const char *host, uint16_t port, const net_stream_options *options,
		       const net_stream_callbacks *callbacks, void *me, net_stream **out);

/*
 * Queues bytes, copied: all of them or none. Allowed before on_open: they go out then. PARLEY_ELIMIT: with them more than
 * the write limit would be waiting; on_writable follows. A slice larger than the limit is taken when nothing waits.
 * PARLEY_ECLOSED: closing; PARLEY_ENOMEM.
 */
int net_stream_write(net_stream *stream, slice data);
size_t net_stream_queued(const net_stream *stream); /* bytes not yet taken by the kernel */

/* While paused no on_data comes and the peer is held back by TCP. A pause also keeps the end of the stream from being seen. */
void net_stream_pause(net_stream *stream, bool paused);

/* Sends what is queued (nothing, when still connecting) and the TLS close_notify, then closes: on_close(0) follows, at the latest
 * when the peer has taken nothing for NET_STREAM_CLOSE_TIMEOUT_US; no other callback comes. Twice is harmless. */
void net_stream_close(net_stream *stream);
/* The same with some last bytes, for which the write limit does not count. */
void net_stream_close_after(net_stream *stream, slice last);

/* As net_stream_close, and without on_close: the owner goes away now, the stream by itself. NULL is allowed. */
void net_stream_release(net_stream *stream);

/* From now on these callbacks; for accepted streams, and for handing a stream over (HTTP to WebSocket). */
void net_stream_set_callbacks(net_stream *stream, const net_stream_callbacks *callbacks, void *me);

/* The peer's address; family PARLEY_ADDR_NONE before on_open of a client. */
parley_addr net_stream_remote(const net_stream *stream);
parley_addr net_stream_local(const net_stream *stream);

/* --- server side --- */

typedef struct net_listener net_listener;

#define NET_LISTENER_BACKLOG 128

/*
 * A connection came. Give it callbacks with net_stream_set_callbacks; its on_open follows (after the TLS handshake, if any). One
 * that has no callbacks when on_accept returns is released.
 */
typedef void net_on_accept(void *me, net_listener *listener, net_stream *stream);

/*
 * Listens on an address (PARLEY_IPV6 "::" takes IPv6 only; port 0: any free one). options as for clients, tls from
 * net_tls_server_new. PARLEY_EIO: the address is not ours or taken; why then has a line; it may be NULL.
 */
int net_listener_new(struct uv_loop_s *loop, const parley_addr *address, const net_stream_options *options,
		     net_on_accept *on_accept, void *me, net_listener **out, char why[NET_WHY_MAX]);

parley_addr net_listener_address(const net_listener *listener); /* with the port that was chosen */

/* No on_accept comes any more. Accepted streams stay. NULL is allowed. */
void net_listener_free(net_listener *listener);

#endif
