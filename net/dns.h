/*
 * net/dns.h: addresses of a name, by the system's resolver (getaddrinfo on libuv's thread pool).
 *
 * Not for ".local" names: those are asked by multicast (net/mdns.h), and a unicast server must not hear of them (RFC 6762 3).
 */
#ifndef PARLEY_NET_DNS_H
#define PARLEY_NET_DNS_H

#include "net/why.h"
#include "parley/types.h"

struct uv_loop_s;

#define NET_DNS_ADDRESSES_MAX 16u
#define NET_DNS_TIMEOUT_US 10000000u /* the system's own limit is longer, 5 s per server and attempt */

typedef struct net_dns net_dns; /* one question */

/*
 * The answer, once, from the loop; the net_dns is gone by then and must not be cancelled. error 0: count addresses (1..NET_DNS_ADDRESSES_MAX) in the
 * system's order of preference (RFC 6724), each with the port that was asked for. PARLEY_ERESOLVE: there are none;
 * PARLEY_ETIMEDOUT; PARLEY_ENOMEM. why: one line, e.g. "no such host: foo.invalid"; "" with 0.
 */
typedef void net_on_resolved(void *me, int error, const char *why, const parley_addr *addresses, size_t count);

/* An IPv4 or IPv6 literal is answered too, without asking anyone. PARLEY_EINVAL: cannot be a host's name; PARLEY_ENOMEM. */
int net_dns_resolve(struct uv_loop_s *loop, const char *host, uint16_t port, net_on_resolved *on_resolved, void *me,
		    net_dns **out);

/* No answer comes any more. A lookup under way still ends by itself, and keeps the loop running until then. NULL is allowed. */
void net_dns_cancel(net_dns *dns);

/* "x.local", with or without the final dot, in any case of letters. */
bool net_dns_is_local(const char *host);

#endif
