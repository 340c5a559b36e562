#include <stdlib.h>
#include <string.h>

#include "ice/internal.h"

/* Which states each may be entered from. SUCCEEDED from WAITING or FAILED: a cancelled check was answered after all. */
static bool is_legal(ice_pair_state from, ice_pair_state to)
{
	switch (to) {
	case ICE_PAIR_FROZEN:
		return false;
	case ICE_PAIR_WAITING:
		return from == ICE_PAIR_FROZEN || from == ICE_PAIR_IN_PROGRESS || from == ICE_PAIR_FAILED;
	case ICE_PAIR_IN_PROGRESS:
		return from == ICE_PAIR_WAITING || from == ICE_PAIR_FROZEN;
	case ICE_PAIR_SUCCEEDED:
		return from == ICE_PAIR_IN_PROGRESS || from == ICE_PAIR_WAITING || from == ICE_PAIR_FAILED;
	case ICE_PAIR_FAILED:
		return true;
	}
	return false;
}

const char *ice_pair_state_name(ice_pair_state state)
{
	static const char *const names[] = {"frozen", "waiting", "in-progress", "succeeded", "failed"};
	return names[state];
}

void ice_pair_set_state(ice_agent *a, ice_pair *p, ice_pair_state state)
{
	if (p->state == state || !is_legal(p->state, state))
		return;
	if (trace_wants(a->config.trace, TRACE_DEBUG)) {
		char local[ADDR_TEXT_MAX], remote[ADDR_TEXT_MAX];
		trace_printf(a->config.trace, TRACE_DEBUG, "ice", "pair %s %s: %s -> %s",
			     addr_print(&a->bases[p->base].addr, local), addr_print(&p->remote_addr, remote),
			     ice_pair_state_name(p->state), ice_pair_state_name(state));
	}
	p->state = state;
}

/* --- order --- */

static uint64_t priority_of(const ice_agent *a, const ice_pair *p)
{
	uint32_t local = p->local->candidate.priority, remote = p->remote->candidate.priority;
	return a->controlling ? ice_pair_priority(local, remote) : ice_pair_priority(remote, local);
}

static void insert_sorted(ice_agent *a, ice_pair *p)
{
	size_t at = a->pair_count++;
	for (; at > 0 && a->pairs[at - 1]->priority < p->priority; at--)
		a->pairs[at] = a->pairs[at - 1];
	a->pairs[at] = p;
}

void ice_pairs_reorder(ice_agent *a)
{
	size_t count = a->pair_count;
	a->pair_count = 0;
	for (size_t i = 0; i < count; i++) {
		ice_pair *p = a->pairs[i];
		p->priority = priority_of(a, p);
		insert_sorted(a, p);
	}
}

/* --- freezing (RFC 8445 6.1.2.6) --- */

static bool same_foundation(const ice_pair *x, const ice_pair *y)
{
	return strcmp(x->local->candidate.foundation, y->local->candidate.foundation) == 0 &&
	       strcmp(x->remote->candidate.foundation, y->remote->candidate.foundation) == 0;
}

static bool foundation_is_busy(const ice_agent *a, const ice_pair *p)
{
	for (size_t i = 0; i < a->pair_count; i++) {
		const ice_pair *o = a->pairs[i];
		bool busy = o->state == ICE_PAIR_WAITING || o->state == ICE_PAIR_IN_PROGRESS;
		if (o != p && busy && same_foundation(o, p))
			return true;
	}
	return false;
}

static bool foundation_works(const ice_agent *a, const ice_pair *p)
{
	for (size_t i = 0; i < a->pair_count; i++)
		if (a->pairs[i] != p && a->pairs[i]->state == ICE_PAIR_SUCCEEDED && same_foundation(a->pairs[i], p))
			return true;
	return false;
}

void ice_unfreeze(ice_agent *a, const ice_pair *like)
{
	for (size_t i = 0; i < a->pair_count; i++)
		if (a->pairs[i]->state == ICE_PAIR_FROZEN && same_foundation(a->pairs[i], like))
			ice_pair_set_state(a, a->pairs[i], ICE_PAIR_WAITING);
}

/* --- pairs come and go --- */

ice_pair *ice_pair_find(const ice_agent *a, size_t base, const parley_addr *remote)
{
	for (size_t i = 0; i < a->pair_count; i++)
		if (a->pairs[i]->base == base && addr_equal(&a->pairs[i]->remote_addr, remote))
			return a->pairs[i];
	return NULL;
}

void ice_pair_free(ice_pair *p)
{
	free(p->cancelled);
	free(p);
}

void ice_pair_remove(ice_agent *a, ice_pair *p)
{
	size_t at = 0;
	while (at < a->pair_count && a->pairs[at] != p)
		at++;
	a->pair_count--;
	for (; at < a->pair_count; at++)
		a->pairs[at] = a->pairs[at + 1];
	list_remove(&p->triggered);
	ice_relay_forget(a, p);
	ice_pair_free(p);
}

void ice_pairs_clear(ice_agent *a)
{
	while (a->pair_count)
		ice_pair_remove(a, a->pairs[a->pair_count - 1]);
	free(a->pairs);
	a->pairs = NULL;
}

/* RFC 8445 6.1.2.5: the list is full, so the least promising pair goes, if it is less so than this one. */
static bool make_room(ice_agent *a, uint64_t priority)
{
	if (a->pair_count < a->config.pairs_max)
		return true;
	ice_pair *victim = NULL;
	for (size_t i = 0; i < a->pair_count; i++) {
		ice_pair *p = a->pairs[i];
		bool busy = p->state == ICE_PAIR_IN_PROGRESS || p->state == ICE_PAIR_SUCCEEDED || p->heard;
		if (!busy && (p->state == ICE_PAIR_FAILED || p->priority < priority))
			victim = p;
	}
	if (!victim) {
		a->counters.drop_limit++;
		return false;
	}
	ice_pair_remove(a, victim);
	return true;
}

/* An address in SDP says nothing of the interface; the socket it is sent from does. */
static parley_addr scoped(const ice_agent *a, size_t base, const parley_addr *addr)
{
	parley_addr r = *addr;
	r.scope = addr_is_link_local(addr) && addr->family == PARLEY_IPV6 ? a->bases[base].addr.scope : 0;
	return r;
}

ice_pair *ice_pair_add(ice_agent *a, size_t base, ice_remote *remote)
{
	parley_addr to = scoped(a, base, &remote->candidate.addr);
	ice_pair *p = ice_pair_find(a, base, &to);
	if (p || !a->bases[base].offered)
		return p;
	ice_pair fresh = {.base = base, .remote = remote, .remote_addr = to};
	fresh.unpermitted = a->bases[base].kind == ICE_BASE_RELAY;
	fresh.local = ice_local_find(a, base, &a->bases[base].addr);
	fresh.priority = priority_of(a, &fresh);
	if (!make_room(a, fresh.priority))
		return NULL;
	p = ARRAY_ROOM(a->pairs, a->pair_count) ? malloc(sizeof *p) : NULL;
	if (!p)
		return NULL;
	*p = fresh;
	p->id = a->next_id++;
	list_init(&p->triggered);
	insert_sorted(a, p);
	return p;
}

/*
 * What a peer signals is not to have us talk to services of this machine, nor of the relay's; from loopback itself it is another
 * program that we want. And a TURN server is not to learn what a name hides (draft-ietf-rtcweb-mdns-ice-candidates 3.3.2).
 */
static bool is_forbidden(const ice_base *from, const ice_candidate *to)
{
	return (addr_is_loopback(&to->addr) && !addr_is_loopback(&from->addr)) ||
	       (to->name[0] && from->kind == ICE_BASE_RELAY);
}

/* RFC 8445 6.1.2.2: same family and transport; link-local IPv6 only with its like. Server-reflexive local candidates would be replaced
 * by their base and then pruned (6.1.2.4): so only the bases are paired. Learnt remote ones are where they were learnt (7.3.1.3). */
static bool can_pair(const ice_agent *a, size_t base, const ice_remote *r)
{
	const ice_base *b = &a->bases[base];
	const parley_addr *x = &b->addr, *y = &r->candidate.addr;
	if (!b->offered || x->family != y->family || x->transport != y->transport || r->name != ICE_NAME_NONE ||
	    r->learnt || is_forbidden(b, &r->candidate) || !ice_tcp_may_pair(a, base, &r->candidate))
		return false;
	return x->family != PARLEY_IPV6 || addr_is_link_local(x) == addr_is_link_local(y);
}

/* RFC 8445 6.1.2.6, RFC 8838 12: one pair of each foundation begins, the first by priority; all do where the foundation has worked. */
static void unfreeze_first(ice_agent *a)
{
	for (size_t i = 0; i < a->pair_count; i++) {
		ice_pair *p = a->pairs[i];
		if (p->state == ICE_PAIR_FROZEN && (foundation_works(a, p) || !foundation_is_busy(a, p)))
			ice_pair_set_state(a, p, ICE_PAIR_WAITING);
	}
}

void ice_form_pairs(ice_agent *a)
{
	if (a->config.lite && !a->remote_lite)
		return; /* pairs come with the peer's checks */
	if (!a->remote || (a->concluded && ice_path_is_well(a) && !ice_may_renominate(a) && !ice_is_hasty(a)))
		return;
	for (size_t i = 0; i < a->base_count; i++)
		for (size_t j = 0; j < a->remote_count; j++)
			if (can_pair(a, i, a->remotes[j]))
				(void)ice_pair_add(a, i, a->remotes[j]); /* one pair less */
	unfreeze_first(a);
}

/* --- whose turn it is --- */

void ice_pair_trigger(ice_agent *a, ice_pair *p, bool first)
{
	if (p->revoked)
		return;
	list_remove(&p->triggered);
	if (first)
		list_prepend(&a->triggered, &p->triggered);
	else
		list_append(&a->triggered, &p->triggered);
	if (p->state != ICE_PAIR_SUCCEEDED)
		ice_pair_set_state(a, p, ICE_PAIR_WAITING);
}

/* RFC 8445 6.1.4.2; those wait that a relay has no permission for yet. */
ice_pair *ice_next_pair(const ice_agent *a)
{
	if (!a->remote || a->config.lite)
		return NULL;
	LIST_FOR (n, &a->triggered)
		if (!LIST_ENTRY(n, ice_pair, triggered)->unpermitted)
			return LIST_ENTRY(n, ice_pair, triggered);
	for (size_t i = 0; i < a->pair_count; i++)
		if (a->pairs[i]->state == ICE_PAIR_WAITING && !a->pairs[i]->unpermitted)
			return a->pairs[i];
	for (size_t i = 0; i < a->pair_count; i++)
		if (a->pairs[i]->state == ICE_PAIR_FROZEN && !a->pairs[i]->unpermitted &&
		    !foundation_is_busy(a, a->pairs[i]))
			return a->pairs[i];
	return NULL;
}

size_t ice_pairs_active(const ice_agent *a)
{
	size_t n = 0;
	for (size_t i = 0; i < a->pair_count; i++)
		n += a->pairs[i]->state == ICE_PAIR_WAITING || a->pairs[i]->state == ICE_PAIR_IN_PROGRESS;
	return n;
}

bool ice_pairs_unfinished(const ice_agent *a)
{
	for (size_t i = 0; i < a->pair_count; i++)
		if (a->pairs[i]->state < ICE_PAIR_SUCCEEDED)
			return true;
	return false;
}

void ice_pair_expire(ice_agent *a, uint64_t now, ice_pair *p)
{
	if (!p->valid || now < time_after(p->answered_at, a->config.consent_expiry_us))
		return;
	p->valid = p->nominated = p->nominating = false;
	ice_check_cancel(p);
	ice_pair_set_state(a, p, ICE_PAIR_FAILED);
}

static void recheck(ice_agent *a, uint64_t now, ice_pair *p)
{
	ice_pair_expire(a, now, p);
	if (p->check.active || p->revoked)
		return;
	if (p->valid)
		ice_pair_trigger(a, p, false); /* the most likely to work, so before all others */
	else if (p->state == ICE_PAIR_FAILED)
		ice_pair_set_state(a, p, ICE_PAIR_WAITING);
}

void ice_pairs_recheck(ice_agent *a, uint64_t now)
{
	if (a->config.lite)
		return; /* it does not check */
	ice_form_pairs(a);
	for (size_t i = 0; i < a->pair_count; i++) {
		ice_pair *p = a->pairs[i];
		bool is_path = a->path.active && a->path.generation == a->generation && a->path.pair_id == p->id;
		if (!is_path)
			recheck(a, now, p);
	}
}

/* RFC 8445 8.1.2: what has not begun goes, what is under way is not retransmitted. What the remote has already asked to
 * nominate goes on: an aggressively nominating peer will use the best of them. */
void ice_conclude(ice_agent *a)
{
	a->concluded = true;
	for (size_t i = a->pair_count; i-- > 0;) {
		ice_pair *p = a->pairs[i];
		if (p->nominated || p->nominate_when_valid || p->state >= ICE_PAIR_SUCCEEDED || ice_is_wanted(a, p))
			continue;
		if (p->state == ICE_PAIR_IN_PROGRESS || p->heard) {
			ice_check_cancel(p);
			list_remove(&p->triggered);
			ice_pair_set_state(a, p, ICE_PAIR_FAILED);
		} else {
			ice_pair_remove(a, p);
		}
	}
}
