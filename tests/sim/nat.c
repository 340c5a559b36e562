#include "tests/sim/nat.h"

#include <stdlib.h>

#include "base/addr.h"
#include "base/time.h"
#include "tests/support/test.h"

#define PORT_FIRST 1024u
#define PORT_COUNT (65536u - PORT_FIRST)

/* A hole in the filter: packets from there may come in. */
typedef struct {
	list_node node;
	parley_addr remote;
	uint64_t expires;
} nat_hole;

typedef struct {
	list_node node;
	parley_addr inside, outside;
	parley_addr towards; /* as far as the mapping depends on it */
	uint64_t expires;
	list_node holes;
} nat_mapping;

void nat_init(nat *n, const nat_config *config, const parley_addr *outside, rng_seeded *rng)
{
	*n = (nat){.config = *config, .rng = rng};
	if (config->translates)
		n->outside = *outside;
	if (!n->config.udp_timeout_us)
		n->config.udp_timeout_us = NAT_UDP_TIMEOUT_US;
	list_init(&n->mappings);
}

static void mapping_free(nat *n, nat_mapping *m)
{
	for (list_node *hole; (hole = list_pop(&m->holes));)
		free(LIST_ENTRY(hole, nat_hole, node));
	list_remove(&m->node);
	n->mapping_count--;
	free(m);
}

void nat_clear(nat *n)
{
	while (!list_empty(&n->mappings))
		mapping_free(n, LIST_ENTRY(n->mappings.next, nat_mapping, node));
}

static uint64_t lifetime(const nat *n, const parley_addr *a)
{
	return a->transport == PARLEY_TCP ? NAT_TCP_TIMEOUT_US : n->config.udp_timeout_us;
}

/* The part of the other side's address that counts. */
static parley_addr relevant(nat_dependence dependence, const parley_addr *remote)
{
	parley_addr r = {.transport = remote->transport};
	if (dependence == NAT_INDEPENDENT)
		return r;
	r = *remote;
	if (dependence == NAT_ADDRESS)
		r.port = 0;
	return r;
}

static bool rules_allow(const nat *n, const parley_addr *to)
{
	if (to->transport == PARLEY_TCP)
		return n->config.tcp_port == 0 || to->port == n->config.tcp_port;
	return !n->config.blocks_udp;
}

static void expire(nat *n, uint64_t now)
{
	LIST_FOR_SAFE (at, after, &n->mappings) {
		nat_mapping *m = LIST_ENTRY(at, nat_mapping, node);
		if (m->expires <= now)
			mapping_free(n, m);
	}
}

static nat_mapping *find_outside(const nat *n, const parley_addr *outside)
{
	LIST_FOR (at, &n->mappings) {
		nat_mapping *m = LIST_ENTRY(at, nat_mapping, node);
		if (addr_equal(&m->outside, outside))
			return m;
	}
	return NULL;
}

static nat_mapping *find_inside(const nat *n, const parley_addr *inside, const parley_addr *towards)
{
	LIST_FOR (at, &n->mappings) {
		nat_mapping *m = LIST_ENTRY(at, nat_mapping, node);
		if (addr_equal(&m->inside, inside) && addr_equal(&m->towards, towards))
			return m;
	}
	return NULL;
}

static parley_addr free_outside(const nat *n, const parley_addr *inside)
{
	parley_addr a = n->outside;
	a.transport = inside->transport;
	a.port = inside->port;
	if (n->config.changes_port || a.port < PORT_FIRST)
		a.port = (uint16_t)(PORT_FIRST + rng_seeded_below(n->rng, PORT_COUNT));
	while (find_outside(n, &a))
		a.port = (uint16_t)(PORT_FIRST + (a.port + 1u - PORT_FIRST) % PORT_COUNT);
	return a;
}

static nat_mapping *mapping_new(nat *n, const parley_addr *inside, const parley_addr *towards)
{
	nat_mapping *m = calloc(1, sizeof *m);
	assert_non_null(m);
	assert_true(n->mapping_count < PORT_COUNT);
	m->inside = *inside;
	m->towards = *towards;
	m->outside = n->config.translates ? free_outside(n, inside) : *inside;
	list_init(&m->holes);
	list_append(&n->mappings, &m->node);
	n->mapping_count++;
	return m;
}

static nat_hole *find_hole(const nat_mapping *m, const parley_addr *remote)
{
	LIST_FOR (at, &m->holes) {
		nat_hole *h = LIST_ENTRY(at, nat_hole, node);
		if (addr_equal(&h->remote, remote))
			return h;
	}
	return NULL;
}

static void keep_hole(nat_mapping *m, const parley_addr *remote, uint64_t expires)
{
	nat_hole *h = find_hole(m, remote);
	if (!h) {
		h = calloc(1, sizeof *h);
		assert_non_null(h);
		h->remote = *remote;
		list_append(&m->holes, &h->node);
	}
	h->expires = expires;
}

bool nat_pass_out(nat *n, uint64_t now, parley_addr *from, const parley_addr *to)
{
	if (!rules_allow(n, to))
		return false;
	expire(n, now);
	parley_addr towards = relevant(n->config.mapping, to), remote = relevant(n->config.filtering, to);
	nat_mapping *m = find_inside(n, from, &towards);
	if (!m)
		m = mapping_new(n, from, &towards);
	m->expires = time_after(now, lifetime(n, to));
	keep_hole(m, &remote, m->expires);
	*from = m->outside;
	return true;
}

/* The rules need not be asked: what they forbid has made no hole. */
bool nat_pass_in(nat *n, uint64_t now, const parley_addr *from, parley_addr *to)
{
	expire(n, now);
	nat_mapping *m = find_outside(n, to);
	parley_addr remote = relevant(n->config.filtering, from);
	if (!m)
		return false;
	nat_hole *h = find_hole(m, &remote);
	if (!h || h->expires <= now)
		return false;
	if (n->config.inbound_refreshes)
		m->expires = h->expires = time_after(now, lifetime(n, to));
	*to = m->inside;
	return true;
}
