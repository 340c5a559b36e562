/*
 * tests/sim/site.h: where a peer may be: at a site of one of seven kinds, with IPv4, IPv6 or both; and what two peers can
 * hope for that are each at one, worked out from how NATs behave and not from what the simulator does.
 *
 *   kind              mapping               filtering             port
 *   open              none: public addresses
 *   full cone         endpoint-independent  endpoint-independent  kept
 *   addr-restricted   endpoint-independent  address               kept
 *   port-restricted   endpoint-independent  address and port      kept
 *   symmetric         address and port      address and port      changed
 *   udp-blocked, tcp443-only: as port-restricted, but no UDP, and TCP to all ports or only to 443; IPv6 too
 */
#ifndef PARLEY_TESTS_SITE_H
#define PARLEY_TESTS_SITE_H

#include "tests/sim/simnet.h"

typedef enum {
	SITE_OPEN,
	SITE_FULL_CONE,
	SITE_ADDRESS_RESTRICTED,
	SITE_PORT_RESTRICTED,
	SITE_SYMMETRIC,
	SITE_UDP_BLOCKED,
	SITE_TCP443_ONLY,
	SITE_KINDS,
} site_kind;

typedef enum { SITE_NO_IPV6, SITE_IPV6_OPEN, SITE_IPV6_FIREWALL } site_ipv6;

typedef struct {
	site_kind kind;
	bool no_ipv4;
	site_ipv6 ipv6; /* open: every packet passes; firewall: what comes from inside opens the way for answers */
} site;

#define SITE_INTERFACES 2u

/* How two peers reach each other, the best first. Among relayed ways those with one relay are better than those with two. */
typedef enum {
	WAY_HOST,      /* between addresses of their own */
	WAY_REFLEXIVE, /* at least one by its address outside a NAT */
	WAY_TCP,       /* direct, over TCP */
	WAY_RELAY_UDP,
	WAY_RELAY_TCP, /* to the relay; between relay and peer it is always UDP */
	WAY_RELAY_TLS,
	WAY_NONE,
} site_way;

const char *site_kind_name(site_kind kind);
bool site_kind_named(const char *name, site_kind *kind);
const char *site_way_name(site_way way);

/* Puts it into the network. number tells its addresses from those of other sites, alike: but inside its NATs all sites
 * use the same. Fills interfaces, returns how many. */
size_t site_add(simnet *net, const site *s, unsigned number, bool alike, const simnet_path *inside,
		simnet_interface interfaces[SITE_INTERFACES]);
/* turn: there is a TURN server that both reach by each way their sites let them, with relayed addresses of both families;
 * else only a STUN server. ice_tcp: peers listen for ICE-TCP connections, and open some. */
site_way site_best_way(const site *a, const site *b, bool turn, bool ice_tcp);

#endif
