#include <stdlib.h>
#include <string.h>

#include "ice/internal.h"

#define PREFERENCE_MAX 65535u /* RFC 8445 5.1.2.1 */
#define PREFERENCE_STEP 16u   /* between sockets: room for one candidate per STUN server */
#define PREFERENCE_LAST 2048u /* loopback and link-local: below all others */

/* --- local candidates --- */

ice_local *ice_local_find(const ice_agent *a, size_t base, const parley_addr *addr)
{
	for (size_t i = 0; i < a->local_count; i++)
		if (a->locals[i]->base == base && addr_equal(&a->locals[i]->candidate.addr, addr))
			return a->locals[i];
	return NULL;
}

static bool same_server(const ice_local *x, const ice_local *y)
{
	return x->has_server == y->has_server && (!x->has_server || addr_equal_ip(&x->server, &y->server));
}

/* RFC 8445 5.1.1.3: the same for the same type, base address, protocol and server. */
static bool same_foundation(const ice_agent *a, const ice_local *x, const ice_local *y)
{
	return x->candidate.type == y->candidate.type && x->candidate.addr.transport == y->candidate.addr.transport &&
	       addr_equal_ip(&a->bases[x->base].addr, &a->bases[y->base].addr) && same_server(x, y);
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

ice_local *ice_local_add(ice_agent *a, size_t base, ice_type type, const parley_addr *addr, uint16_t preference,
			 const parley_addr *server)
{
	if (a->local_count == ICE_LOCAL_CANDIDATES_MAX) {
		a->counters.drop_limit++;
		return NULL;
	}
	ice_local *l = calloc(1, sizeof *l);
	if (!l)
		return NULL;
	l->id = a->next_id++;
	l->base = base;
	l->has_server = server != NULL;
	if (server)
		l->server = *server;
	ice_candidate *c = &l->candidate;
	*c = (ice_candidate){.component = ICE_COMPONENT, .addr = *addr, .type = type};
	c->priority = ice_priority(type, preference, ICE_COMPONENT);
	if (type != ICE_HOST) {
		c->has_related = true;
		c->related = a->bases[base].addr;
	}
	memcpy(c->ufrag, a->local.ufrag, sizeof c->ufrag);
	set_foundation(a, l);
	a->locals[a->local_count++] = l;
	return l;
}

ice_local *ice_local_learn(ice_agent *a, size_t base, const parley_addr *addr)
{
	return ice_local_add(a, base, ICE_PRFLX, addr, a->bases[base].preference, NULL);
}

/* --- the candidate of a base --- */

/* Worth offering only where there is nothing else: nobody elsewhere can reach it. */
static bool is_last_resort(const ice_agent *a, const parley_addr *addr)
{
	return (addr_is_loopback(addr) && !a->config.allow_loopback) || addr_is_link_local(addr);
}

static int offer(ice_agent *a, size_t base)
{
	ice_base *b = &a->bases[base];
	if (b->offered)
		return 0;
	ice_local *l = ice_local_add(a, base, ICE_HOST, &b->addr, b->preference, NULL);
	if (!l)
		return PARLEY_ENOMEM;
	b->offered = true;
	ice_queue_event(a, ICE_EVENT_CANDIDATE, l->id);
	return 0;
}

/* RFC 8445 5.1.1.1 leaves them out; but where there is nothing else they are what connects two programs of one machine. */
static void offer_last_resorts(ice_agent *a)
{
	for (size_t i = 0; i < a->base_count; i++)
		if (a->bases[i].used && !is_last_resort(a, &a->bases[i].addr))
			return;
	for (size_t i = 0; i < a->base_count; i++)
		if (a->bases[i].used)
			(void)offer(a, i); /* out of memory: one candidate less */
}

void ice_bases_offer(ice_agent *a)
{
	for (size_t i = 0; i < a->base_count; i++)
		if (a->bases[i].used && !is_last_resort(a, &a->bases[i].addr))
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

/* RFC 8421 4: IPv6 and IPv4 interleaved, IPv6 first. Each socket has its own (RFC 8445 5.1.2.1). */
static uint16_t preference_of(const ice_agent *a, const parley_addr *addr)
{
	unsigned top = addr_is_loopback(addr) || addr_is_link_local(addr) ? PREFERENCE_LAST : PREFERENCE_MAX;
	unsigned preference = top - (addr->family == PARLEY_IPV4 ? PREFERENCE_STEP : 0);
	while (preference_taken(a, (uint16_t)preference))
		preference -= 2 * PREFERENCE_STEP;
	return (uint16_t)preference;
}

static int free_slot(const ice_agent *a, size_t *slot)
{
	for (*slot = 0; *slot < a->base_count; ++*slot)
		if (!a->bases[*slot].used)
			return 0;
	return a->base_count < ICE_BASES_MAX ? 0 : PARLEY_ELIMIT;
}

/* Makes a base, with its candidate if offer_it. */
static int add_base(ice_agent *a, const ice_base *fresh, bool offer_it, size_t *index)
{
	if (free_slot(a, index))
		return PARLEY_ELIMIT;
	a->bases[*index] = *fresh;
	a->bases[*index].used = true;
	if (offer_it && offer(a, *index)) {
		a->bases[*index].used = false;
		return PARLEY_ENOMEM;
	}
	if (*index == a->base_count)
		a->base_count++;
	return 0;
}

int ice_add_local(ice_agent *a, uint64_t now, const parley_addr *addr)
{
	size_t i;
	if (a->state == ICE_CLOSED)
		return PARLEY_ESTATE;
	if (!ice_is_usable(addr) || addr->transport != PARLEY_UDP)
		return PARLEY_EINVAL;
	if (ice_find_base(a, addr, &i))
		return 0;
	ice_base fresh = {.addr = *addr, .preference = preference_of(a, addr)};
	int err = add_base(a, &fresh, !is_last_resort(a, addr), &i);
	if (err)
		return err;
	ice_gather_from(a, i);
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
	drop_locals_of(a, base);
	drop_early_of(a, &a->bases[base].addr);
	a->bases[base].used = a->bases[base].offered = false;
	if (a->path.active && a->path.base == base) {
		ice_path_drop(a);
		a->concluded = false; /* the other pairs are of interest again */
		a->has_valid_since = false;
		a->pac_expired = false;
		a->pac_deadline = time_after(now, a->config.pac_us);
		ice_form_pairs(a);
		ice_pairs_recheck(a, now);
	}
}

int ice_remove_local(ice_agent *a, uint64_t now, const parley_addr *addr)
{
	size_t base;
	if (!ice_find_base(a, addr, &base))
		return PARLEY_ENOTFOUND;
	ice_base_remove(a, now, base);
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
