/*
 * base/addr.h: transport addresses as values: equality, printing, parsing, and the kinds that ICE must tell apart.
 *
 * Not here: names (net/ resolves them) and sockaddr (net/ converts them).
 */
#ifndef PARLEY_BASE_ADDR_H
#define PARLEY_BASE_ADDR_H

#include "base/bytes.h"
#include "parley/types.h"

/* Room for "[ipv6%scope]:port" and its NUL. */
#define ADDR_TEXT_MAX 72

parley_addr addr_ipv4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port);
bool addr_equal(const parley_addr *a, const parley_addr *b);	/* transport, family, ip, port and scope */
bool addr_equal_ip(const parley_addr *a, const parley_addr *b); /* without port and transport */
/* A literal IPv4 or IPv6 address without port or brackets (a %scope is refused), for UDP. False: not one, *out untouched. */
bool addr_parse_ip(slice in, uint16_t port, parley_addr *out);
/* Print "192.0.2.1" or "2001:db8::1" (RFC 5952), or with the port "192.0.2.1:80", "[2001:db8::1]:80". Returns out. */
const char *addr_print_ip(const parley_addr *a, char out[ADDR_TEXT_MAX]);
const char *addr_print(const parley_addr *a, char out[ADDR_TEXT_MAX]);
uint32_t addr_hash(const parley_addr *a);

/* One host may have it: of a family, and neither any nor multicast nor v4-mapped. */
bool addr_is_unicast(const parley_addr *a);
bool addr_is_any(const parley_addr *a);
bool addr_is_loopback(const parley_addr *a);
bool addr_is_link_local(const parley_addr *a);
bool addr_is_multicast(const parley_addr *a);
bool addr_is_private(const parley_addr *a);	  /* RFC 1918, RFC 4193 */
bool addr_is_v4_mapped(const parley_addr *a);	  /* ::ffff:0:0/96 */
bool addr_is_deprecated_v6(const parley_addr *a); /* RFC 8445 5.1.1.1: site-local and v4-compatible */

#endif
