#include "tests/sim/site.h"

#include <string.h>

#include "base/addr.h"

static const char *const kind_names[SITE_KINDS] = {"open",	"full-cone",   "addr-restr", "port-restr",
						   "symmetric", "udp-blocked", "tcp443"};

const char *site_kind_name(site_kind kind)
{
	return kind_names[kind];
}

bool site_kind_named(const char *name, site_kind *kind)
{
	for (unsigned i = 0; i < SITE_KINDS; i++)
		if (strcmp(kind_names[i], name) == 0) {
			*kind = (site_kind)i;
			return true;
		}
	return false;
}

const char *site_way_name(site_way way)
{
	static const char *const names[] = {"host", "reflexive", "tcp", "relay/udp", "relay/tcp", "relay/tls", "none"};
	return names[way];
}

/* --- building it --- */

static void restrict_traffic(site_kind kind, nat_config *config)
{
	config->blocks_udp = kind == SITE_UDP_BLOCKED || kind == SITE_TCP443_ONLY;
	config->tcp_port = kind == SITE_TCP443_ONLY ? 443 : 0;
}

static nat_config ipv4_box(site_kind kind)
{
	static const nat_dependence filtering[] = {
		[SITE_FULL_CONE] = NAT_INDEPENDENT,
		[SITE_ADDRESS_RESTRICTED] = NAT_ADDRESS,
		[SITE_PORT_RESTRICTED] = NAT_ADDRESS_AND_PORT,
		[SITE_SYMMETRIC] = NAT_ADDRESS_AND_PORT,
		[SITE_UDP_BLOCKED] = NAT_ADDRESS_AND_PORT,
		[SITE_TCP443_ONLY] = NAT_ADDRESS_AND_PORT,
	};
	nat_config config = {.translates = true, .filtering = filtering[kind]};
	if (kind == SITE_SYMMETRIC) {
		config.mapping = NAT_ADDRESS_AND_PORT;
		config.changes_port = true;
	}
	restrict_traffic(kind, &config);
	return config;
}

static simnet_interface ipv4_interface(simnet *net, site_kind kind, unsigned number, bool alike,
				       const simnet_path *inside)
{
	if (kind == SITE_OPEN)
		return (simnet_interface){.ip = addr_ipv4(192, 0, 2, (uint8_t)(1 + number), 0)};
	nat_config config = ipv4_box(kind);
	parley_addr outside = addr_ipv4(198, 51, 100, (uint8_t)(1 + number), 0);
	return (simnet_interface){.ip = addr_ipv4(192, 168, 1, (uint8_t)(alike ? 2 : 2 + number), 0),
				  .box = simnet_add_box(net, &config, NULL, &outside, inside)};
}

static simnet_interface ipv6_interface(simnet *net, const site *s, unsigned number, const simnet_path *inside)
{
	simnet_interface interface = {.ip = {.family = PARLEY_IPV6, .ip = {0x20, 0x01, 0x0d, 0xb8, [5] = 1, [15] = 2}}};
	interface.ip.ip[7] = (uint8_t)(1 + number);
	nat_config config = {.filtering = NAT_ADDRESS_AND_PORT};
	restrict_traffic(s->kind, &config);
	if (s->ipv6 == SITE_IPV6_FIREWALL || config.blocks_udp)
		interface.box = simnet_add_box(net, &config, NULL, NULL, inside);
	return interface;
}

size_t site_add(simnet *net, const site *s, unsigned number, bool alike, const simnet_path *inside,
		simnet_interface interfaces[SITE_INTERFACES])
{
	size_t count = 0;
	if (!s->no_ipv4)
		interfaces[count++] = ipv4_interface(net, s->kind, number, alike, inside);
	if (s->ipv6 != SITE_NO_IPV6)
		interfaces[count++] = ipv6_interface(net, s, number, inside);
	return count;
}

/* --- what can be hoped for --- */

static bool has_udp(const site *s)
{
	return s->kind != SITE_UDP_BLOCKED && s->kind != SITE_TCP443_ONLY;
}

/* The other cannot know its mapping towards it, until it has got a packet through it. */
static bool is_unpredictable(const site *s)
{
	return s->kind == SITE_SYMMETRIC;
}

/* Lets in only what comes from an address and port that was sent to. */
static bool is_strict(const site *s)
{
	return s->kind == SITE_PORT_RESTRICTED || s->kind == SITE_SYMMETRIC;
}

/*
 * Each sends to the other's address as a STUN server sees it, and the first packet that gets through tells the other where
 * it comes from. Where one mapping is unpredictable, its packets come from a port that nobody has sent to: a strict filter
 * on the other side stops them, and the other's packets go to a port that has no mapping for them.
 */
static bool punches_through(const site *a, const site *b)
{
	if (is_unpredictable(a))
		return !is_strict(b);
	if (is_unpredictable(b))
		return !is_strict(a);
	return true;
}

static site_way direct_way(const site *a, const site *b)
{
	if (!has_udp(a) || !has_udp(b))
		return WAY_NONE;
	if (a->ipv6 != SITE_NO_IPV6 && b->ipv6 != SITE_NO_IPV6)
		return WAY_HOST; /* addresses are known, and stateful firewalls see a packet each way */
	if (a->no_ipv4 || b->no_ipv4 || !punches_through(a, b))
		return WAY_NONE;
	return a->kind == SITE_OPEN && b->kind == SITE_OPEN ? WAY_HOST : WAY_REFLEXIVE;
}

/* A listener at an address of its own that anybody reaches, and another who may connect to any port. */
static bool tcp_reaches(const site *from, const site *to)
{
	bool ipv4 = to->kind == SITE_OPEN && !to->no_ipv4 && !from->no_ipv4;
	bool ipv6 = to->ipv6 == SITE_IPV6_OPEN && has_udp(to) && from->ipv6 != SITE_NO_IPV6;
	return from->kind != SITE_TCP443_ONLY && (ipv4 || ipv6);
}

static site_way own_relay(const site *s)
{
	if (s->kind == SITE_TCP443_ONLY)
		return WAY_RELAY_TLS;
	return s->kind == SITE_UDP_BLOCKED ? WAY_RELAY_TCP : WAY_RELAY_UDP;
}

static site_way relayed_way(const site *a, const site *b)
{
	site_way from_a = own_relay(a), from_b = own_relay(b);
	if (has_udp(a) && has_udp(b))
		return WAY_RELAY_UDP;
	/* Who has no UDP must use its own relay, and the other reaches that without one of its own if it has UDP. */
	return from_a > from_b ? from_a : from_b;
}

site_way site_best_way(const site *a, const site *b, bool turn, bool ice_tcp)
{
	site_way direct = direct_way(a, b);
	if (direct != WAY_NONE)
		return direct;
	if (ice_tcp && (tcp_reaches(a, b) || tcp_reaches(b, a)))
		return WAY_TCP;
	return turn ? relayed_way(a, b) : WAY_NONE;
}
