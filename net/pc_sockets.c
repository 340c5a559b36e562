#include "base/addr.h"
#include "net/pc_internal.h"

void pc_datagram_came(void *me, net_udp *udp, const parley_addr *remote, slice data)
{
	parley_pc *pc = me;
	parley_core_receive(pc->core, net_now(), net_udp_local(udp), remote, data.data, data.len);
	pc_drain(pc);
}

static net_udp *socket_of(const parley_pc *pc, const parley_addr *local)
{
	for (size_t i = 0; i < pc->socket_count; i++)
		if (addr_equal(net_udp_local(pc->sockets[i]), local))
			return pc->sockets[i];
	return NULL;
}

void pc_send_datagram(parley_pc *pc, const parley_packet *p)
{
	net_udp *socket = socket_of(pc, &p->local);
	if (socket)
		net_udp_send(socket, &p->remote, slice_of(p->data, p->len));
}

static bool add_socket(parley_pc *pc, net_udp *socket)
{
	if (parley_core_add_local_address(pc->core, net_now(), net_udp_local(socket)) != 0)
		return false;
	pc->sockets[pc->socket_count++] = socket;
	return true;
}

static void share_sockets(parley_pc *pc)
{
	net_udp *socket;
	for (size_t i = 0; (socket = net_port_socket(pc->port, i)); i++)
		add_socket(pc, socket);
}

/* An address that cannot be bound any more is left out. */
static void open_sockets(parley_pc *pc)
{
	net_udp *socket;
	for (size_t i = 0; i < pc->address_count; i++)
		if (net_udp_open(pc->loop, &pc->addresses[i], pc_datagram_came, pc, &socket) == 0 &&
		    !add_socket(pc, socket))
			net_udp_close(socket);
}

void pc_bind(parley_pc *pc)
{
	if (pc->bound || pc->closed)
		return;
	pc->bound = true;
	if (pc->port)
		share_sockets(pc);
	else
		open_sockets(pc);
	pc_listen(pc);
	parley_core_local_addresses_done(pc->core, net_now());
}

void pc_unbind(parley_pc *pc)
{
	pc_stop_listening(pc);
	for (size_t i = 0; i < pc->socket_count && !pc->port; i++)
		net_udp_close(pc->sockets[i]);
	pc->socket_count = 0;
	if (pc->port)
		net_port_release(pc->port);
	pc->port = NULL;
}
