/* net/sockaddr.h: parley_addr to struct sockaddr and back. */
#ifndef PARLEY_NET_SOCKADDR_H
#define PARLEY_NET_SOCKADDR_H

#include <sys/socket.h>

#include "parley/types.h"

/* family must be IPv4 or IPv6. Returns the length to pass with it. */
socklen_t sockaddr_from_addr(const parley_addr *address, struct sockaddr_storage *out);

/* False, *out untouched: neither IPv4 nor IPv6. A v4-mapped IPv6 address becomes IPv4. The scope is kept for link-local ones only. */
bool sockaddr_to_addr(const struct sockaddr *in, parley_addr *out);

#endif
