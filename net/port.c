#include "net/port.h"

#include <stdlib.h>
#include <uv.h>

#include "base/addr.h"
#include "net/interfaces.h"
#include "net/random.h"

#define BIND_TRIES 16u /* to find a number that is free on every address */

struct parley_port {
	uv_loop_t *loop;
	parley_demux *demux;
	net_udp *sockets[NET_INTERFACES_MAX]; /* all of one number */
	size_t socket_count;
	size_t users; /* the owner and each connection */
};

static void route(parley_port *port, net_udp *udp, const net_datagrams *one)
{
	void *owner;
	if (!parley_demux_route(port->demux, net_udp_local(udp), one->remote, one->data.data, one->data.len, &owner))
		return;
	net_port_user *user = owner;
	user->on_datagrams(user->me, udp, one);
}

/* One by one: they may be for several connections. */
static void datagrams_came(void *me, net_udp *udp, const net_datagrams *d)
{
	parley_port *port = me;
	net_port_acquire(port); /* until all are handed on, whatever that leads to */
	for (size_t i = 0; i < net_datagrams_count(d); i++) {
		net_datagrams one = *d;
		one.data = net_datagrams_at(d, i);
		route(port, udp, &one);
	}
	net_port_release(port);
}

static void close_sockets(parley_port *port)
{
	while (port->socket_count > 0)
		net_udp_close(port->sockets[--port->socket_count]);
}

static int open_sockets(parley_port *port, parley_addr *addresses, size_t count, uint16_t number)
{
	for (size_t i = 0; i < count; i++) {
		addresses[i].port = number;
		net_udp **socket = &port->sockets[i];
		int error = net_udp_open(port->loop, &addresses[i], datagrams_came, port, socket);
		if (error) {
			close_sockets(port);
			return error;
		}
		port->socket_count++;
		number = net_udp_local(*socket)->port;
	}
	return 0;
}

static int bind_everywhere(parley_port *port, parley_addr *addresses, size_t count, uint16_t number)
{
	int error = count ? PARLEY_EIO : PARLEY_EUNREACHABLE;
	unsigned tries = number ? 1 : BIND_TRIES;
	for (unsigned i = 0; error == PARLEY_EIO && i < tries; i++)
		error = open_sockets(port, addresses, count, number);
	return error;
}

static int choose_addresses(const char *address, parley_addr out[NET_INTERFACES_MAX], size_t *count)
{
	if (!address) {
		*count = net_interfaces(false, out);
		return 0;
	}
	*count = 1;
	bool ok = addr_parse_ip(slice_from_string(address), 0, &out[0]) && !addr_is_any(&out[0]);
	return ok ? 0 : PARLEY_EINVAL;
}

int parley_port_new(uv_loop_t *loop, const char *address, uint16_t number, size_t max_connections, parley_port **out)
{
	parley_addr addresses[NET_INTERFACES_MAX];
	size_t count;
	int error = choose_addresses(address, addresses, &count);
	if (error)
		return error;
	parley_port *port = calloc(1, sizeof *port);
	if (!port)
		return PARLEY_ENOMEM;
	*port = (parley_port){.loop = loop, .users = 1};
	parley_random random = net_random();
	error = parley_demux_new(&random, max_connections, &port->demux);
	if (!error)
		error = bind_everywhere(port, addresses, count, number);
	if (error) {
		parley_port_free(port);
		return error;
	}
	*out = port;
	return 0;
}

uint16_t parley_port_number(const parley_port *port)
{
	return net_udp_local(port->sockets[0])->port;
}

void parley_port_get_stats(const parley_port *port, parley_demux_stats *out)
{
	parley_demux_get_stats(port->demux, out);
}

void parley_port_free(parley_port *port)
{
	if (port)
		net_port_release(port);
}

void net_port_acquire(parley_port *port)
{
	port->users++;
}

void net_port_release(parley_port *port)
{
	if (--port->users > 0)
		return;
	close_sockets(port);
	parley_demux_free(port->demux);
	free(port);
}

parley_demux *net_port_demux(const parley_port *port)
{
	return port->demux;
}

bool net_port_is_loopback(const parley_port *port)
{
	return addr_is_loopback(net_udp_local(port->sockets[0]));
}

net_udp *net_port_socket(const parley_port *port, size_t i)
{
	return i < port->socket_count ? port->sockets[i] : NULL;
}
