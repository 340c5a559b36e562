#include "base/addr.h"
#include "net/pc_internal.h"

static void connection_came(void *me, net_listener *listener, net_stream *stream)
{
	parley_pc *pc = me;
	parley_addr local = net_listener_address(listener), remote = net_stream_remote(stream);
	local.transport = remote.transport = PARLEY_TCP;
	pc_take_stream(pc, &local, &remote, stream);
}

static net_listener *listen_at(parley_pc *pc, const parley_addr *wanted)
{
	net_listener *listener;
	return net_listener_new(pc->loop, wanted, NULL, connection_came, pc, &listener, NULL) ? NULL : listener;
}

/* At the socket's own port if it is free, as firewalls are opened by number. */
void pc_listen_beside(parley_pc *pc, const parley_addr *socket)
{
	if (!pc->listens || pc->listener_count == NET_INTERFACES_MAX)
		return;
	parley_addr other = *socket;
	net_listener *listener = listen_at(pc, socket);
	for (pc_ports walk = pc_ports_begin(pc); !listener && pc_ports_next(pc, &walk, &other.port);)
		listener = listen_at(pc, &other);
	if (!listener)
		return;
	parley_addr address = net_listener_address(listener);
	address.transport = PARLEY_TCP;
	if (parley_core_add_local_address(pc->core, net_now(), &address))
		net_listener_free(listener);
	else
		pc->listeners[pc->listener_count++] = listener;
}

void pc_listen(parley_pc *pc)
{
	for (size_t i = 0; i < pc->socket_count; i++)
		pc_listen_beside(pc, net_udp_local(pc->sockets[i]));
}

void pc_stop_listening_at(parley_pc *pc, const parley_addr *ip)
{
	for (size_t i = pc->listener_count; i-- > 0;) {
		parley_addr address = net_listener_address(pc->listeners[i]);
		if (!addr_equal_ip(&address, ip))
			continue;
		address.transport = PARLEY_TCP;
		parley_core_remove_local_address(pc->core, net_now(), &address);
		net_listener_free(pc->listeners[i]);
		pc->listeners[i] = pc->listeners[--pc->listener_count];
	}
}

void pc_stop_listening(parley_pc *pc)
{
	while (pc->listener_count)
		net_listener_free(pc->listeners[--pc->listener_count]);
}
