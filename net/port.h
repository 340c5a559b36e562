/*
 * net/port.h: a parley_port as the connections that share it see it: sockets, and who is told of a datagram.
 *
 * The port lives until it was given up by its owner and by every connection.
 */
#ifndef PARLEY_NET_PORT_H
#define PARLEY_NET_PORT_H

#include "net/udp.h"
#include "parley/parley.h"

/* A connection on the port: the demux_owner of its core. */
typedef struct {
	net_on_datagrams *on_datagrams;
	void *me;
} net_port_user;

parley_demux *net_port_demux(const parley_port *port);
bool net_port_is_loopback(const parley_port *port);
net_udp *net_port_socket(const parley_port *port, size_t i); /* NULL past the last */

void net_port_acquire(parley_port *port);
void net_port_release(parley_port *port);

#endif
