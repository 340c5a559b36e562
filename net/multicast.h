/*
 * net/multicast.h: the socket of multicast DNS over IPv4 (RFC 6762): group 224.0.0.251, port 5353, on every usable interface.
 *
 * The port is shared with whoever else answers on this machine (browsers, avahi): every one of them gets every datagram.
 * IPv6 (ff02::fb) is left out: no browser answers there, even for names of IPv6 addresses.
 */
#ifndef PARLEY_NET_MULTICAST_H
#define PARLEY_NET_MULTICAST_H

#include "base/bytes.h"
#include "net/why.h"
#include "parley/types.h"

struct uv_loop_s;

typedef struct net_multicast net_multicast;

/* A datagram came to the group. One's own come back, too. The callback may close the socket. */
typedef void net_on_multicast(void *me, const parley_addr *source, slice data);

/* loopback: on that interface, too. PARLEY_EIO: somebody has the port for himself, or no interface can do multicast; why says. */
int net_multicast_open(struct uv_loop_s *loop, bool loopback, net_on_multicast *on_datagram, void *me,
		       net_multicast **out, char why[NET_WHY_MAX]);

/* To the group, out of each interface, at once or not at all. */
void net_multicast_send(net_multicast *multicast, slice data);

/* No callback comes any more. NULL is allowed. */
void net_multicast_close(net_multicast *multicast);

#endif
