/*
 * net/connector.h: from a host's name to a connected TCP socket, over whichever of its addresses answers first (RFC 8305). For
 * net/stream.c, which also sets the time limit: a connector tries until every address has failed or it is freed.
 */
#ifndef PARLEY_NET_CONNECTOR_H
#define PARLEY_NET_CONNECTOR_H

#include <uv.h>

#include "net/why.h"
#include "parley/types.h"

/* One TCP socket, in the heap until libuv has closed it. */
typedef struct tcp_socket {
	uv_tcp_t handle;
	uv_connect_t request;
	void *owner; /* the connector, later the stream; NULL: nobody, it is closing */
} tcp_socket;

tcp_socket *tcp_socket_new(uv_loop_t *loop, void *owner); /* NULL: out of memory */
void tcp_socket_discard(tcp_socket *socket);		  /* closes and frees, unseen; NULL is allowed */

parley_addr tcp_socket_remote(const tcp_socket *socket); /* family PARLEY_ADDR_NONE: not connected */
parley_addr tcp_socket_local(const tcp_socket *socket);

typedef struct connector connector;

/* Room for "host:port" of the longest host that makes sense in an error line. */
#define CONNECTOR_PEER_MAX 128u

/* Once. socket NULL: error and why say the cause. Otherwise the socket is the callee's, who sets its owner. The connector is over and
 * may be freed then. */
typedef void connector_on_done(void *me, tcp_socket *socket, int error, const char *why);

/* peer: "host:port" for error lines. local: where from; NULL: anywhere. PARLEY_EINVAL, PARLEY_ENOMEM. */
int connector_new(uv_loop_t *loop, const char *host, uint16_t port, const char *peer, const parley_addr *local,
		  connector_on_done *on_done, void *me, connector **out);
void connector_free(connector *c);

/* What a timeout interrupted, for the error line. */
bool connector_is_resolving(const connector *c);

/* A libuv status as PARLEY_E* and a line on the connection to peer. */
int connection_error(int status, const char *peer, char why[NET_WHY_MAX]);

#endif
