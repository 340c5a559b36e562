#include <stdlib.h>
#include <string.h>

#include "ice/internal.h"

#define FNV_BASIS 2166136261u
#define FNV_PRIME 16777619u

/* Addresses that no peer can have: sending there would at best trouble others. */
static bool is_usable(const parley_addr *a)
{
	static const uint8_t broadcast[4] = {255, 255, 255, 255};
	bool is_broadcast = a->family == PARLEY_IPV4 && memcmp(a->ip, broadcast, sizeof broadcast) == 0;
	return (a->family == PARLEY_IPV4 || a->family == PARLEY_IPV6) && a->port && !addr_is_any(a) &&
	       !addr_is_multicast(a) && !addr_is_v4_mapped(a) && !is_broadcast;
}

/* An address in SDP has no scope, one on the wire has: all else counts. */
static bool same_place(const parley_addr *a, const parley_addr *b)
{
	return a->family == b->family && a->transport == b->transport && a->port == b->port &&
	       memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

ice_remote *ice_remote_find(const ice_agent *a, const parley_addr *addr)
{
	for (size_t i = 0; i < a->remote_count; i++)
		if (same_place(&a->remotes[i]->candidate.addr, addr))
			return a->remotes[i];
	return NULL;
}

static ice_remote *add_remote(ice_agent *a, const ice_candidate *c, bool learnt)
{
	size_t signalled = a->remote_count - a->learnt_count;
	if ((learnt ? a->learnt_count : signalled) == ICE_REMOTE_CANDIDATES_MAX) {
		a->counters.drop_limit++;
		return NULL;
	}
	ice_remote *r = ARRAY_ROOM(a->remotes, a->remote_count) ? calloc(1, sizeof *r) : NULL;
	if (!r)
		return NULL;
	*r = (ice_remote){.id = a->next_id++, .candidate = *c, .learnt = learnt};
	a->remotes[a->remote_count++] = r;
	a->learnt_count += learnt;
	return r;
}

static bool is_in_vain(const ice_agent *a, const ice_remote *r)
{
	for (size_t i = 0; i < a->pair_count; i++)
		if (a->pairs[i]->remote == r && a->pairs[i]->state != ICE_PAIR_FAILED)
			return false;
	return true;
}

/* A request that is copied can come from any address: the first one learnt that does not answer gives its place away. */
static void unlearn_one(ice_agent *a)
{
	size_t i = 0;
	while (i < a->remote_count && !(a->remotes[i]->learnt && is_in_vain(a, a->remotes[i])))
		i++;
	if (i == a->remote_count)
		return;
	ice_remote *r = a->remotes[i];
	for (size_t k = a->pair_count; k-- > 0;)
		if (a->pairs[k]->remote == r)
			ice_pair_remove(a, a->pairs[k]);
	ice_remote_unlearn(a, r);
}

/* RFC 8445 7.3.1.3. The foundation is unlike any that the remote could choose to mean something. */
ice_remote *ice_remote_learn(ice_agent *a, const parley_addr *addr, uint32_t priority)
{
	uint32_t sane = priority > ICE_PRIORITY_MAX ? ICE_PRIORITY_MAX : priority;
	ice_candidate c = {.component = ICE_COMPONENT, .priority = sane ? sane : 1, .addr = *addr, .type = ICE_PRFLX};
	text t = text_of(c.foundation, sizeof c.foundation);
	text_printf(&t, "prflx+%u", a->next_id);
	if (a->learnt_count == ICE_REMOTE_CANDIDATES_MAX)
		unlearn_one(a);
	return add_remote(a, &c, true);
}

void ice_remote_unlearn(ice_agent *a, ice_remote *r)
{
	size_t i = 0;
	while (i < a->remote_count && a->remotes[i] != r)
		i++;
	if (i == a->remote_count || !r->learnt)
		return;
	a->learnt_count--;
	for (a->remote_count--; i < a->remote_count; i++)
		a->remotes[i] = a->remotes[i + 1];
	free(r);
}

/* A candidate that we learnt from a request is signalled now: what is said of it counts from here on. */
static void confirm(ice_agent *a, ice_remote *r, const ice_candidate *c)
{
	if (!r->learnt)
		return;
	r->learnt = false;
	a->learnt_count--;
	r->candidate = *c;
	ice_pairs_reorder(a);
}

static bool is_known(const ice_agent *a, const ice_candidate *c)
{
	slice name = ice_text(c->name);
	for (size_t i = 0; i < a->remote_count; i++) {
		const ice_candidate *o = &a->remotes[i]->candidate;
		if (name.len ? slice_equal_nocase(ice_text(o->name), name) && o->addr.port == c->addr.port
			     : ice_candidate_same(o, c))
			return true;
	}
	return false;
}

static bool is_supported(const ice_candidate *c)
{
	bool active = c->addr.transport == PARLEY_TCP && c->tcptype != ICE_TCPTYPE_PASSIVE;
	if (active || c->component != ICE_COMPONENT)
		return false;
	return c->addr.family == PARLEY_ADDR_NONE ? ice_candidate_is_mdns(c) && c->addr.port : is_usable(&c->addr);
}

static int take_candidate(ice_agent *a, const ice_candidate *c)
{
	if (!is_supported(c)) {
		a->counters.candidates_ignored++;
		return PARLEY_EUNSUPPORTED;
	}
	ice_remote *r = c->addr.family ? ice_remote_find(a, &c->addr) : NULL;
	if (r) {
		confirm(a, r, c);
		return 0;
	}
	if (is_known(a, c))
		return 0;
	if (a->remote_count - a->learnt_count == ICE_REMOTE_CANDIDATES_MAX) {
		a->counters.drop_limit++;
		return PARLEY_ELIMIT;
	}
	r = add_remote(a, c, false);
	if (!r)
		return PARLEY_ENOMEM;
	if (c->addr.family == PARLEY_ADDR_NONE) {
		r->name = ICE_NAME_ASKED;
		ice_queue_event(a, ICE_EVENT_RESOLVE, r->id);
	}
	return 0;
}

int ice_add_remote_candidate(ice_agent *a, uint64_t now, const ice_candidate *c)
{
	if (a->state == ICE_CLOSED)
		return PARLEY_ESTATE;
	/* RFC 8839 5.1 "ufrag" extension: tells to which generation it belongs. */
	if (c->ufrag[0] && a->remote && strcmp(c->ufrag, a->remote->ufrag) != 0)
		return PARLEY_ESTATE;
	int err = take_candidate(a, c);
	if (err)
		return err;
	ice_form_pairs(a);
	ice_settle(a, now);
	return 0;
}

static void resolve(ice_agent *a, ice_remote *r, const parley_addr *addr)
{
	parley_addr full = addr ? *addr : (parley_addr){0};
	full.port = r->candidate.addr.port;
	full.transport = r->candidate.addr.transport;
	ice_remote *known = addr ? ice_remote_find(a, &full) : NULL;
	r->name = ICE_NAME_FAILED;
	if (!addr || !is_usable(&full)) {
		a->counters.candidates_ignored++;
	} else if (known) {
		ice_candidate c = r->candidate;
		c.addr = full;
		confirm(a, known, &c); /* its check was faster than the name */
	} else {
		r->name = ICE_NAME_NONE;
		r->candidate.addr = full;
	}
}

void ice_resolved(ice_agent *a, uint64_t now, uint32_t id, const parley_addr *addr)
{
	for (size_t i = 0; i < a->remote_count; i++) {
		ice_remote *r = a->remotes[i];
		if (r->id != id || r->name != ICE_NAME_ASKED)
			continue;
		resolve(a, r, addr);
		ice_form_pairs(a);
		ice_settle(a, now);
		return;
	}
}

void ice_end_of_remote_candidates(ice_agent *a, uint64_t now)
{
	if (a->state == ICE_CLOSED)
		return;
	a->end_of_remote = true;
	ice_settle(a, now);
}

static void forget_early(ice_agent *a)
{
	free(a->early);
	a->early = NULL;
	a->early_count = 0;
}

void ice_forget_remote(ice_agent *a)
{
	for (size_t i = 0; i < a->remote_count; i++)
		free(a->remotes[i]);
	free(a->remotes);
	a->remotes = NULL;
	a->remote_count = a->learnt_count = 0;
	forget_early(a);
	a->end_of_remote = false;
	ice_credentials_drop(&a->remote);
}

/* --- credentials --- */

static bool is_credential(slice in, size_t min, size_t max)
{
	if (in.len < min || in.len > max)
		return false;
	for (size_t i = 0; i < in.len; i++)
		if (in.data[i] <= ' ' || in.data[i] > '~' || in.data[i] == ':')
			return false;
	return true;
}

static uint32_t hash_of(slice s)
{
	uint32_t h = FNV_BASIS;
	for (size_t i = 0; i < s.len; i++)
		h = (h ^ s.data[i]) * FNV_PRIME;
	return h;
}

void ice_remember_early(ice_agent *a, const parley_addr *local, const parley_addr *remote, slice ufrag,
			uint32_t priority, const ice_intent *intent)
{
	ice_early e = {*local, *remote, hash_of(ufrag), priority, *intent};
	for (size_t i = 0; i < a->early_count; i++)
		if (addr_equal(&a->early[i].local, local) && addr_equal(&a->early[i].remote, remote)) {
			e.intent.nominates |= a->early[i].intent.nominates && a->early[i].ufrag_hash == e.ufrag_hash;
			a->early[i] = e;
			return;
		}
	if (a->early_count < ICE_EARLY_MAX && ARRAY_ROOM(a->early, a->early_count))
		a->early[a->early_count++] = e;
	else
		a->counters.drop_limit++;
}

/* RFC 8445 7.3: what was left to do for requests that came before the answer. */
static void apply_early(ice_agent *a, uint64_t now)
{
	uint32_t hash = hash_of(ice_text(a->remote->ufrag));
	size_t base;
	for (size_t i = 0; i < a->early_count; i++) {
		const ice_early *e = &a->early[i];
		if (e->ufrag_hash == hash && ice_find_base(a, &e->local, &base))
			(void)ice_request_apply(a, now, base, &e->remote, e->priority, &e->intent);
	}
	forget_early(a);
}

/* Candidates that were signalled before, for another ufrag, are of another generation. */
static void drop_foreign_candidates(ice_agent *a)
{
	size_t kept = 0;
	for (size_t i = 0; i < a->remote_count; i++) {
		const char *ufrag = a->remotes[i]->candidate.ufrag;
		if (ufrag[0] && strcmp(ufrag, a->remote->ufrag) != 0)
			free(a->remotes[i]);
		else
			a->remotes[kept++] = a->remotes[i];
	}
	a->remote_count = kept;
}

void ice_set_remote_options(ice_agent *a, const ice_remote_options *options)
{
	uint64_t theirs = options->has_pacing ? options->pacing_us : ICE_TA_DEFAULT_US;
	a->remote_options = *options;
	a->ta_us = theirs > a->config.ta_us ? time_min(theirs, ICE_TA_MAX_US) : a->config.ta_us;
}

int ice_set_remote(ice_agent *a, uint64_t now, slice ufrag, slice pwd, bool remote_lite)
{
	if (a->state == ICE_CLOSED)
		return PARLEY_ESTATE;
	if (!is_credential(ufrag, ICE_UFRAG_MIN, ICE_UFRAG_MAX) || !is_credential(pwd, ICE_PWD_MIN, ICE_PWD_MAX))
		return PARLEY_EINVAL;
	if (a->remote && slice_equal_string(ufrag, a->remote->ufrag) && slice_equal_string(pwd, a->remote->pwd))
		return 0;
	ice_credentials *c = ice_credentials_new(ufrag, pwd);
	int err = !c ? PARLEY_ENOMEM : a->remote ? ice_restart_as(a, now, false) : 0;
	if (err) {
		ice_credentials_drop(&c);
		return err;
	}
	a->remote = c;
	drop_foreign_candidates(a);
	/* RFC 8445 6.1.1: against a lite agent the full one controls; of two lite ones the one that began. */
	a->remote_lite = remote_lite;
	if (remote_lite || a->config.lite)
		ice_take_role(a, remote_lite && (!a->config.lite || a->config.controlling));
	a->pac_deadline = time_after(now, a->config.pac_us);
	ice_form_pairs(a);
	apply_early(a, now);
	ice_settle(a, now);
	return 0;
}
