/*
 * tests/sim/nat.h: what stands between a site and the network outside it: a NAT that behaves in one of the ways RFC 4787
 * (UDP) and RFC 5382 (TCP) tell apart, a firewall, or both in one box.
 *
 * Addresses and time in, whether the packet passes and as what out: who carries packets to and from here is simnet's
 * business. UDP and TCP have mappings of their own. A TCP mapping lives long and is not closed by FIN or RST.
 */
#ifndef PARLEY_TESTS_NAT_H
#define PARLEY_TESTS_NAT_H

#include "base/list.h"
#include "base/rng.h"
#include "parley/types.h"

#define NAT_UDP_TIMEOUT_US UINT64_C(120000000)	/* RFC 4787 REQ-5: at least two minutes */
#define NAT_TCP_TIMEOUT_US UINT64_C(7440000000) /* RFC 5382 REQ-5: at least 2 hours 4 minutes */

/* RFC 4787 4.1 and 5: what of the other side's address a mapping, or a filter, depends on. */
typedef enum { NAT_INDEPENDENT, NAT_ADDRESS, NAT_ADDRESS_AND_PORT } nat_dependence;

typedef struct {
	bool translates; /* false: a firewall only, addresses stay as they are */
	nat_dependence mapping, filtering;
	bool changes_port;	 /* RFC 4787 4.2.1: else the port is kept, if it is free */
	bool hairpins;		 /* RFC 4787 6: inside hosts reach each other by their outside addresses */
	bool inbound_refreshes;	 /* RFC 4787 4.3: packets from outside keep a mapping, too */
	uint64_t udp_timeout_us; /* of a mapping, and of a filter's hole; 0: NAT_UDP_TIMEOUT_US */
	bool blocks_udp;	 /* no UDP passes, either way */
	uint16_t tcp_port;	 /* TCP passes to this port only, 0: to any */
} nat_config;

typedef struct {
	nat_config config;
	parley_addr outside; /* the IP address that it shares out; its port means nothing */
	rng_seeded *rng;
	list_node mappings;
	unsigned mapping_count;
} nat;

/* rng must outlive it. outside: not used where it does not translate. */
void nat_init(nat *n, const nat_config *config, const parley_addr *outside, rng_seeded *rng);
/* Frees all mappings: at the end, or because it lost its power; it may be used on. */
void nat_clear(nat *n);
/* A packet from inside. True: it passes, and *from is what it says outside. */
bool nat_pass_out(nat *n, uint64_t now, parley_addr *from, const parley_addr *to);
/* A packet from outside. True: it passes, and *to is who inside is meant. */
bool nat_pass_in(nat *n, uint64_t now, const parley_addr *from, parley_addr *to);

#endif
