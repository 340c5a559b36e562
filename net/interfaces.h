/*
 * net/interfaces.h: the addresses of this machine that a peer could be reached at: of every interface that is up, VPNs and
 * bridges included.
 */
#ifndef PARLEY_NET_INTERFACES_H
#define PARLEY_NET_INTERFACES_H

#include "parley/types.h"

#define NET_INTERFACES_MAX 32u

/*
 * Writes up to NET_INTERFACES_MAX addresses, port 0, to out, each once, and returns how many. Left out: the kinds ICE does not offer
 * (RFC 8445 5.1.1.1), IPv6 link-local ones (their scope means nothing to a peer), those
 * made of a hardware address where there is another of the same prefix, and loopback, unless it is allowed
 * or there is nothing else.
 */
size_t net_interfaces(bool allow_loopback, parley_addr out[NET_INTERFACES_MAX]);

#endif
