#include "base/addr.h"
#include "base/rng.h"
#include "net/pc_internal.h"
#include "net/random.h"

/* Those that came together are answered together. */
void pc_datagrams_came(void *me, net_udp *udp, const net_datagrams *d)
{
	parley_pc *pc = me;
	parley_core_receive_many(pc->core, d->now, net_udp_local(udp), d->remote, d->data.data, d->data.len,
				 d->segment);
	net_turn_request(pc->turn);
}

static net_udp *socket_of(const parley_pc *pc, const parley_addr *local)
{
	for (size_t i = 0; i < pc->socket_count; i++)
		if (addr_equal(net_udp_local(pc->sockets[i]), local))
			return pc->sockets[i];
	return NULL;
}

void pc_send_datagram(parley_pc *pc, net_udp_batch *batch, const parley_packet *p)
{
	net_udp *socket = socket_of(pc, &p->local);
	if (socket)
		net_udp_batch_send(batch, socket, &p->remote, slice_of(p->data, p->len));
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

pc_ports pc_ports_begin(const parley_pc *pc)
{
	parley_random random = net_random();
	uint32_t place;
	uint32_t count = (uint32_t)(pc->port_max - pc->port_min) + 1;
	if (rng_u32(&random, &place))
		place = 0; /* the first will do */
	return (pc_ports){.left = count, .next = place % count};
}

bool pc_ports_next(const parley_pc *pc, pc_ports *walk, uint16_t *port)
{
	if (!walk->left)
		return false;
	walk->left--;
	*port = (uint16_t)(pc->port_min + walk->next);
	walk->next = (walk->next + 1) % ((uint32_t)(pc->port_max - pc->port_min) + 1);
	return true;
}

static net_udp *bind_socket(parley_pc *pc, parley_addr address)
{
	net_udp *socket;
	for (pc_ports walk = pc_ports_begin(pc); pc_ports_next(pc, &walk, &address.port);)
		if (net_udp_open(pc->loop, &address, pc_datagrams_came, pc, &socket) == 0)
			return socket;
	return NULL;
}

static bool open_socket(parley_pc *pc, const parley_addr *address)
{
	net_udp *socket = pc->socket_count < NET_INTERFACES_MAX ? bind_socket(pc, *address) : NULL;
	if (socket && !add_socket(pc, socket)) {
		net_udp_close(socket);
		return false;
	}
	return socket != NULL;
}

/* An address that cannot be bound any more is left out, and one of whose ports none is free. */
static void open_sockets(parley_pc *pc)
{
	parley_addr addresses[NET_INTERFACES_MAX] = {pc->bind_address};
	size_t count = pc->one_address ? 1 : net_interfaces(pc->loopback, addresses);
	for (size_t i = 0; i < count; i++)
		open_socket(pc, &addresses[i]);
}

bool pc_open_socket(parley_pc *pc, const parley_addr *address)
{
	if (!open_socket(pc, address))
		return false;
	pc_listen_beside(pc, net_udp_local(pc->sockets[pc->socket_count - 1]));
	return true;
}

void pc_close_socket(parley_pc *pc, size_t index)
{
	net_udp *socket = pc->sockets[index];
	pc_stop_listening_at(pc, net_udp_local(socket));
	parley_core_remove_local_address(pc->core, net_now(), net_udp_local(socket));
	pc->sockets[index] = pc->sockets[--pc->socket_count];
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
	pc_watch_network(pc);
	parley_core_local_addresses_done(pc->core, net_now());
}

void pc_unbind(parley_pc *pc)
{
	net_network_watch_stop(&pc->network);
	pc_stop_listening(pc);
	for (size_t i = 0; i < pc->socket_count && !pc->port; i++)
		net_udp_close(pc->sockets[i]);
	pc->socket_count = 0;
	if (pc->port)
		net_port_release(pc->port);
	pc->port = NULL;
}
