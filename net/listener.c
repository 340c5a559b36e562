#include <stdio.h>
#include <stdlib.h>

#include "base/addr.h"
#include "net/sockaddr.h"
#include "net/stream_internal.h"
#include "net/tls_internal.h"

struct net_listener {
	tcp_socket *socket; /* owner: the listener */
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
	if (!socket)
		return;
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
	tcp_socket *socket = l ? tcp_socket_new(loop, l) : NULL;
	if (!socket) {
		free(l);
		if (why)
			snprintf(why, NET_WHY_MAX, "out of memory");
		return PARLEY_ENOMEM;
	}
	*l = (net_listener){.socket = socket, .on_accept = on_accept, .me = me};
	net_stream_options_default(&l->options);
	if (options)
		l->options = *options;
	net_tls_ref(l->options.tls);
	int status = listener_bind(l, address);
	if (status != 0) {
		char text[ADDR_TEXT_MAX];
		if (why)
			snprintf(why, NET_WHY_MAX, "cannot listen on %s: %s", addr_print(address, text),
				 uv_strerror(status));
		net_listener_free(l);
		return PARLEY_EIO;
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
	net_tls_free(l->options.tls);
	free(l);
}
