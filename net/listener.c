#include <stdio.h>
#include <stdlib.h>

#include "base/addr.h"
#include "net/sockaddr.h"
#include "net/stream_internal.h"
#include "net/timer.h"
#include "net/tls_internal.h"

#define RETRY_US (100 * US_PER_MS) /* when memory was short */

struct net_listener {
	tcp_socket *socket; /* owner: the listener */
	net_timer *retry;   /* for a connection that waits to be accepted: libuv reports it once */
	net_stream_options options;
	net_on_accept *on_accept;
	void *me;
};

static void connection_came(uv_stream_t *handle, int status)
{
	net_listener *l = ((tcp_socket *)handle->data)->owner;
	if (status != 0 || !l)
		return; /* e.g. out of descriptors: libuv goes on when there are some again */
	tcp_socket *socket = tcp_socket_new(handle->loop, NULL);
	if (!socket) {
		net_timer_set(l->retry, net_now() + RETRY_US);
		return;
	}
	if (uv_accept(handle, (uv_stream_t *)&socket->handle) != 0) {
		tcp_socket_discard(socket);
		return;
	}
	net_stream *stream;
	if (net_stream_accepted(handle->loop, socket, &l->options, &stream) != 0)
		return;
	l->on_accept(l->me, l, stream); /* may free l */
	if (!net_stream_has_callbacks(stream))
		net_stream_release(stream);
}

static void retry_due(void *me)
{
	net_listener *l = me;
	connection_came((uv_stream_t *)&l->socket->handle, 0);
}

static int listener_bind(net_listener *l, const parley_addr *address)
{
	struct sockaddr_storage sockaddr;
	sockaddr_from_addr(address, &sockaddr);
	unsigned flags = address->family == PARLEY_IPV6 ? UV_TCP_IPV6ONLY : 0;
	int status = uv_tcp_bind(&l->socket->handle, (struct sockaddr *)&sockaddr, flags);
	if (status != 0)
		return status;
	return uv_listen((uv_stream_t *)&l->socket->handle, NET_LISTENER_BACKLOG, connection_came);
}

int net_listener_new(uv_loop_t *loop, const parley_addr *address, const net_stream_options *options,
		     net_on_accept *on_accept, void *me, net_listener **out, char why[NET_WHY_MAX])
{
	net_listener *l = calloc(1, sizeof *l);
	if (!l) {
		if (why)
			snprintf(why, NET_WHY_MAX, "out of memory");
		return PARLEY_ENOMEM;
	}
	l->on_accept = on_accept;
	l->me = me;
	net_stream_options_default(&l->options);
	if (options)
		l->options = *options;
	net_tls_ref(l->options.tls);
	l->socket = tcp_socket_new(loop, l);
	l->retry = net_timer_new(loop, retry_due, l);
	int status = l->socket && l->retry ? listener_bind(l, address) : UV_ENOMEM;
	if (status != 0) {
		char text[ADDR_TEXT_MAX];
		if (why)
			snprintf(why, NET_WHY_MAX, "cannot listen on %s: %s", addr_print(address, text),
				 uv_strerror(status));
		net_listener_free(l);
		return status == UV_ENOMEM ? PARLEY_ENOMEM : PARLEY_EIO;
	}
	*out = l;
	return 0;
}

parley_addr net_listener_address(const net_listener *l)
{
	return tcp_socket_local(l->socket);
}

void net_listener_free(net_listener *l)
{
	if (!l)
		return;
	tcp_socket_discard(l->socket);
	net_timer_free(l->retry);
	net_tls_free(l->options.tls);
	free(l);
}
