#include <stdlib.h>
#include <string.h>

#include "ice/internal.h"

/* The local preference of RFC 8445 5.1.2.1: sockets from the first, then relays by the way to their server. */
#define PREFERENCE_MAX 65535u
#define PREFERENCE_STEP 32u	  /* between bases: room for one candidate per server */
#define PREFERENCE_RELAYS 0xa000u /* below any socket's; the next way so much lower: */
#define PREFERENCE_OVER 0x2000u
#define PREFERENCE_LAST 0x2000u /* loopback and link-local: below all others */
/* RFC 6544 4.2: 2^13 times the direction, 6 for active and 4 for passive, and the rest as above. */
#define PREFERENCE_ACTIVE (6u << 13 | 8191u)
#define PREFERENCE_PASSIVE (4u << 13 | 8191u)
#define PREFERENCE_TCP_LAST 4096u /* so much lower */
#define ACTIVE_PORT 9u		  /* RFC 6544 4.5: discard, as nobody can connect there */

#define HIDDEN_PORT 9u /* RFC 8839 9.1 */

/*
 * Type preferences (RFC 8445 5.1.2.2, RFC 6544 4.2) are in the order recommended, but lie close together, so that those of each restart
 * are above all that were before: libwebrtc compares pairs of all generations, and does not even check those below a path that
 * it believes in until that has been silent for 2.5 s. They are above what browsers give their relayed candidates, 5 at most,
 * and below their reflexive ones, 100: else those would decide.
 */
#define TYPE_PREFERENCE_FIRST 8u
#define TYPE_PREFERENCES 7u /* in a generation */
#define TYPE_PREFERENCE_RESTARTS 12u

/* --- local candidates --- */

ice_local *ice_local_find(const ice_agent *a, size_t base, const parley_addr *addr)
{
	for (size_t i = 0; i < a->local_count; i++)
		if (a->locals[i]->base == base && addr_equal(&a->locals[i]->candidate.addr, addr))
			return a->locals[i];
	return NULL;
}

static bool same_server(const ice_server *x, const ice_server *y)
{
	return x == y || (x && y && x->over == y->over && addr_equal_ip(&x->addr, &y->addr));
}

/* RFC 8445 5.1.1.3: the same for the same type, base address, protocol and server. */
static bool same_foundation(const ice_agent *a, const ice_local *x, const ice_local *y)
{
	return x->candidate.type == y->candidate.type && x->candidate.addr.transport == y->candidate.addr.transport &&
	       addr_equal_ip(&a->bases[x->base].addr, &a->bases[y->base].addr) && same_server(x->server, y->server);
}

static void set_foundation(ice_agent *a, ice_local *l)
{
	for (size_t i = 0; i < a->local_count; i++) {
		const ice_local *o = a->locals[i];
		if (same_foundation(a, o, l)) {
			memcpy(l->candidate.foundation, o->candidate.foundation, sizeof l->candidate.foundation);
			return;
		}
	}
	text t = text_of(l->candidate.foundation, sizeof l->candidate.foundation);
	text_printf(&t, "%u", a->next_foundation++);
}

/* RFC 8839 5.1: the base of a reflexive candidate, of a relayed one its mapped address; or what says nothing of us. */
static parley_addr related_of(const ice_agent *a, const ice_candidate *c, const ice_base *b)
{
	parley_addr related = b->kind == ICE_BASE_RELAY ? b->relay->mapped : b->addr;
	if (!a->config.relay_only && related.family && !ice_is_hidden(a, &related))
		return related;
	return (parley_addr){.family = c->addr.family, .transport = c->addr.transport, .port = HIDDEN_PORT};
}

static unsigned type_preference(const ice_agent *a, ice_type type, uint8_t transport)
{
	static const uint8_t order[2][4] = {
		[PARLEY_UDP] = {[ICE_RELAY] = 0, [ICE_SRFLX] = 4, [ICE_PRFLX] = 5, [ICE_HOST] = 6},
		[PARLEY_TCP] = {[ICE_RELAY] = 0, [ICE_SRFLX] = 1, [ICE_PRFLX] = 2, [ICE_HOST] = 3}};
	unsigned restarts = a->generation < TYPE_PREFERENCE_RESTARTS ? a->generation : TYPE_PREFERENCE_RESTARTS;
	return TYPE_PREFERENCE_FIRST + restarts * TYPE_PREFERENCES + order[transport == PARLEY_TCP][type];
}

uint32_t ice_local_priority(const ice_agent *a, size_t base, ice_type type, unsigned rank)
{
	const ice_base *b = &a->bases[base];
	uint16_t preference = (uint16_t)(b->preference - rank);
	return ice_priority(type_preference(a, type, b->addr.transport), preference, ICE_COMPONENT);
}

/* Adds one, and tells nobody of it. rank: among those of its base. server: who told of it, or NULL. NULL: limit or memory. */
static ice_local *add_local(ice_agent *a, size_t base, ice_type type, const parley_addr *addr, unsigned rank,
			    const ice_server *server)
{
	if (a->local_count == ICE_LOCAL_CANDIDATES_MAX) {
		a->counters.drop_limit++;
		return NULL;
	}
	ice_local *l = ARRAY_ROOM(a->locals, a->local_count) ? calloc(1, sizeof *l) : NULL;
	if (!l)
		return NULL;
	l->id = a->next_id++;
	l->base = base;
	l->server = server;
	ice_candidate *c = &l->candidate;
	*c = (ice_candidate){.component = ICE_COMPONENT, .addr = *addr, .type = type, .tcptype = ice_tcp_type(a, base)};
	c->priority = ice_local_priority(a, base, type, rank);
	if (type != ICE_HOST) {
		c->has_related = true;
		c->related = related_of(a, c, &a->bases[base]);
	}
	text_copy(c->ufrag, sizeof c->ufrag, ice_text(a->local->ufrag));
	set_foundation(a, l);
	a->locals[a->local_count++] = l;
	return l;
}

ice_local *ice_local_learn(ice_agent *a, size_t base, const parley_addr *addr)
{
	return add_local(a, base, ICE_PRFLX, addr, 0, NULL);
}

/* A hidden host candidate tells nothing of its address (draft-ietf-rtcweb-mdns-ice-candidates 3.1.2.2). */
static bool is_told(const ice_agent *a, size_t base, const parley_addr *addr)
{
	for (size_t i = 0; i < a->local_count; i++) {
		const ice_local *l = a->locals[i];
		if (l->base == base && addr_equal(&l->candidate.addr, addr) && !l->candidate.name[0])
			return true;
	}
	return false;
}

void ice_local_reflexive(ice_agent *a, size_t base, const parley_addr *mapped, const ice_server *server)
{
	if (a->config.relay_only || is_told(a, base, mapped))
		return; /* no NAT, or two servers see the same: redundant (RFC 8445 5.1.3) */
	ice_local *l = add_local(a, base, ICE_SRFLX, mapped, ice_server_rank(a, server), server);
	if (l)
		ice_queue_event(a, ICE_EVENT_CANDIDATE, l->id);
}

/* --- the candidate of a base --- */

/* Worth offering only where there is nothing else: nobody elsewhere can reach it. */
static bool is_last_resort(const ice_agent *a, const ice_base *b)
{
	bool loopback = addr_is_loopback(&b->addr) && !a->config.allow_loopback;
	return b->kind != ICE_BASE_RELAY && (loopback || addr_is_link_local(&b->addr));
}

/* By policy; of a relay as long as its server is among those given, and there. */
static bool may_offer(const ice_agent *a, const ice_base *b)
{
	if (b->kind != ICE_BASE_RELAY)
		return !a->config.relay_only;
	return ice_server_is_asked(a, b->relay->server) && b->relay->confirmed;
}

static int offer(ice_agent *a, size_t base)
{
	ice_base *b = &a->bases[base];
	if (b->offered || !may_offer(a, b))
		return 0;
	bool relayed = b->kind == ICE_BASE_RELAY, hidden = a->config.hide_addresses && !relayed;
	const char *name = hidden ? ice_hidden_name(a, &b->addr) : "";
	if (!name)
		return PARLEY_ENOMEM; /* rather none than one that tells */
	ice_local *l =
		add_local(a, base, relayed ? ICE_RELAY : ICE_HOST, &b->addr, 0, relayed ? b->relay->server : NULL);
	if (!l)
		return PARLEY_ENOMEM;
	text t = text_of(l->candidate.name, sizeof l->candidate.name);
	text_string(&t, name);
	b->offered = true;
	ice_queue_event(a, ICE_EVENT_CANDIDATE, l->id);
	return 0;
}

/* RFC 8445 5.1.1.1 leaves them out; but where there is nothing else they are what connects two programs of one machine. */
static void offer_last_resorts(ice_agent *a)
{
	for (size_t i = 0; i < a->base_count; i++)
		if (a->bases[i].used && !is_last_resort(a, &a->bases[i]))
			return;
	for (size_t i = 0; i < a->base_count; i++)
		if (a->bases[i].used)
			(void)offer(a, i); /* out of memory: one candidate less */
}

void ice_bases_offer(ice_agent *a)
{
	for (size_t i = 0; i < a->base_count; i++)
		if (a->bases[i].used && !is_last_resort(a, &a->bases[i]))
			(void)offer(a, i);
	if (a->end_of_sources)
		offer_last_resorts(a);
}

/* --- bases --- */

bool ice_find_base(const ice_agent *a, const parley_addr *addr, size_t *index)
{
	for (size_t i = 0; i < a->base_count; i++)
		if (a->bases[i].used && addr_equal(&a->bases[i].addr, addr)) {
			*index = i;
			return true;
		}
	return false;
}

bool ice_is_usable(const parley_addr *a)
{
	return (a->family == PARLEY_IPV4 || a->family == PARLEY_IPV6) && a->port && !addr_is_any(a) &&
	       !addr_is_multicast(a) && !addr_is_v4_mapped(a) && !addr_is_deprecated_v6(a);
}

static bool preference_taken(const ice_agent *a, uint16_t preference)
{
	for (size_t i = 0; i < a->base_count; i++)
		if (a->bases[i].used && a->bases[i].preference == preference)
			return true;
	return false;
}

static unsigned top_preference(const ice_base *b)
{
	bool last = addr_is_loopback(&b->addr) || addr_is_link_local(&b->addr);
	switch (b->kind) {
	case ICE_BASE_UDP:
		return last ? PREFERENCE_LAST : PREFERENCE_MAX;
	case ICE_BASE_RELAY:
		return PREFERENCE_RELAYS - PREFERENCE_OVER * b->relay->server->over;
	case ICE_BASE_TCP_ACTIVE:
		return PREFERENCE_ACTIVE - (last ? PREFERENCE_TCP_LAST : 0);
	case ICE_BASE_TCP_PASSIVE:
		return PREFERENCE_PASSIVE - (last ? PREFERENCE_TCP_LAST : 0);
	}
	return PREFERENCE_LAST;
}

/* RFC 8421 4: IPv6 and IPv4 interleaved, IPv6 first. Each base has its own (RFC 8445 5.1.2.1). */
static uint16_t preference_of(const ice_agent *a, const ice_base *b)
{
	unsigned preference = top_preference(b) - (b->addr.family == PARLEY_IPV4 ? PREFERENCE_STEP : 0);
	while (preference_taken(a, (uint16_t)preference))
		preference -= 2 * PREFERENCE_STEP;
	return (uint16_t)preference;
}

static int free_slot(ice_agent *a, size_t *slot)
{
	for (*slot = 0; *slot < a->base_count; ++*slot)
		if (!a->bases[*slot].used)
			return 0;
	if (a->base_count == ICE_BASES_MAX)
		return PARLEY_ELIMIT;
	return ARRAY_ROOM(a->bases, a->base_count) ? 0 : PARLEY_ENOMEM;
}

/* Makes a base, and its candidate unless that is better kept for later. */
static int add_base(ice_agent *a, const ice_base *fresh, size_t *index)
{
	int err = free_slot(a, index);
	if (err)
		return err;
	ice_base *b = &a->bases[*index];
	*b = *fresh;
	b->preference = preference_of(a, b);
	b->used = true;
	if (!is_last_resort(a, b) && offer(a, *index)) {
		*b = (ice_base){0};
		return PARLEY_ENOMEM;
	}
	if (*index == a->base_count)
		a->base_count++;
	return 0;
}

int ice_base_add_relay(ice_agent *a, ice_relay *relay, const parley_addr *relayed)
{
	size_t i;
	if (ice_find_base(a, relayed, &i))
		return 0;
	ice_base fresh = {.kind = ICE_BASE_RELAY, .relay = relay, .addr = *relayed};
	return add_base(a, &fresh, &i);
}

/* Where there is a socket, connections can be opened from; one base for all sockets of an address. */
static void add_active(ice_agent *a, const parley_addr *socket)
{
	size_t i;
	ice_base fresh = {.kind = ICE_BASE_TCP_ACTIVE, .addr = *socket};
	fresh.addr.transport = PARLEY_TCP;
	fresh.addr.port = ACTIVE_PORT;
	if (a->config.tcp && !a->config.lite && !ice_find_base(a, &fresh.addr, &i) && add_base(a, &fresh, &i))
		a->counters.drop_limit++;
}

int ice_add_local(ice_agent *a, uint64_t now, const parley_addr *addr)
{
	size_t i;
	if (a->state == ICE_CLOSED)
		return PARLEY_ESTATE;
	if (!ice_is_usable(addr))
		return PARLEY_EINVAL;
	if (ice_find_base(a, addr, &i))
		return 0;
	bool udp = addr->transport == PARLEY_UDP;
	ice_base fresh = {.kind = udp ? ICE_BASE_UDP : ICE_BASE_TCP_PASSIVE, .addr = *addr};
	int err = add_base(a, &fresh, &i);
	if (err)
		return err;
	if (udp) {
		ice_gather_from(a, i);
		add_active(a, addr);
	}
	ice_set_gathering(a, ICE_GATHERING_ACTIVE);
	ice_form_pairs(a);
	ice_settle(a, now);
	return 0;
}

static void drop_locals_of(ice_agent *a, size_t base)
{
	size_t kept = 0;
	for (size_t i = 0; i < a->local_count; i++)
		if (a->locals[i]->base != base)
			a->locals[kept++] = a->locals[i];
		else
			free(a->locals[i]);
	a->local_count = kept;
}

static void drop_early_of(ice_agent *a, const parley_addr *addr)
{
	size_t kept = 0;
	for (size_t i = 0; i < a->early_count; i++)
		if (!addr_equal(&a->early[i].local, addr))
			a->early[kept++] = a->early[i];
	a->early_count = kept;
}

void ice_base_remove(ice_agent *a, uint64_t now, size_t base)
{
	for (size_t i = a->pair_count; i-- > 0;)
		if (a->pairs[i]->base == base)
			ice_pair_remove(a, a->pairs[i]);
	ice_gather_forget(a, base);
	ice_former_forget_base(a, base);
	drop_locals_of(a, base);
	drop_early_of(a, &a->bases[base].addr);
	a->bases[base].used = a->bases[base].offered = false;
	if (a->bases[base].kind == ICE_BASE_UDP)
		ice_relays_drop(a, now, base);
	if (a->path.active && a->path.base == base)
		ice_path_lost(a, now);
	a->bases[base].relay = NULL;
}

/* Unless there is another socket of the same address. */
static void remove_active(ice_agent *a, uint64_t now, const parley_addr *socket)
{
	size_t active = ICE_NO_BASE;
	for (size_t i = 0; i < a->base_count; i++) {
		const ice_base *b = &a->bases[i];
		if (!b->used || !addr_equal_ip(&b->addr, socket))
			continue;
		if (b->kind == ICE_BASE_UDP)
			return;
		if (b->kind == ICE_BASE_TCP_ACTIVE)
			active = i;
	}
	if (active != ICE_NO_BASE)
		ice_base_remove(a, now, active);
}

int ice_remove_local(ice_agent *a, uint64_t now, const parley_addr *addr)
{
	size_t base;
	if (!ice_find_base(a, addr, &base) || a->bases[base].kind == ICE_BASE_RELAY ||
	    a->bases[base].kind == ICE_BASE_TCP_ACTIVE)
		return PARLEY_ENOTFOUND;
	ice_base_remove(a, now, base);
	if (addr->transport == PARLEY_UDP)
		remove_active(a, now, addr);
	ice_settle(a, now);
	return 0;
}

void ice_end_of_sources(ice_agent *a, uint64_t now)
{
	if (a->state == ICE_CLOSED || a->end_of_sources)
		return;
	a->end_of_sources = true;
	ice_set_gathering(a, ICE_GATHERING_ACTIVE);
	offer_last_resorts(a);
	ice_form_pairs(a);
	ice_settle(a, now);
}
