/*
 * ICE restarts (RFC 8445 9), which an offer begins and only the answer makes good: until then the generation before is kept, so that
 * a rollback (RFC 8829 4.1.10.2) can bring it back. It does not check anything meanwhile, but its path carries data.
 */
#include "ice/internal.h"
#include <stdlib.h>

/* A generation put aside. */
struct ice_former {
	uint32_t generation;
	ice_gathering gathering;
	ice_credentials *local, *remote;
	bool controlling, remote_lite, in_haste;
	ice_remote_options remote_options;
	uint64_t ta_us;
	ice_local **locals;
	size_t local_count;
	ice_remote **remotes;
	size_t remote_count, learnt_count;
	bool end_of_remote;
	ice_pair **pairs;
	size_t pair_count;
	bool concluded, has_valid_since, pac_expired;
	uint64_t valid_since, pac_deadline;
	uint32_t nominations_heard;
};

/* --- the present generation --- */

static void forget_locals(ice_agent *a)
{
	a->locals = NULL;
	a->local_count = 0;
	for (size_t i = 0; i < a->base_count; i++)
		a->bases[i].offered = false;
}

void ice_generation_clear(ice_agent *a)
{
	ice_pairs_clear(a);
	ice_forget_remote(a);
	for (size_t i = 0; i < a->local_count; i++)
		free(a->locals[i]);
	free(a->locals);
	forget_locals(a);
}

/* --- the one before --- */

static void put_aside(ice_agent *a, ice_former *f)
{
	for (size_t i = 0; i < a->pair_count; i++) {
		list_remove(&a->pairs[i]->triggered);
		ice_check_forget(a->pairs[i]);
	}
	*f = (ice_former){
		.generation = a->generation,
		.gathering = a->gathering,
		.local = a->local,
		.remote = a->remote,
		.controlling = a->controlling,
		.remote_lite = a->remote_lite,
		.in_haste = a->in_haste,
		.remote_options = a->remote_options,
		.ta_us = a->ta_us,
		.locals = a->locals,
		.local_count = a->local_count,
		.remotes = a->remotes,
		.remote_count = a->remote_count,
		.learnt_count = a->learnt_count,
		.end_of_remote = a->end_of_remote,
		.pairs = a->pairs,
		.pair_count = a->pair_count,
		.concluded = a->concluded,
		.has_valid_since = a->has_valid_since,
		.pac_expired = a->pac_expired,
		.valid_since = a->valid_since,
		.pac_deadline = a->pac_deadline,
		.nominations_heard = a->nominations_heard,
	};
	a->local = a->remote = NULL;
	a->pairs = NULL;
	a->remotes = NULL;
	a->pair_count = a->remote_count = a->learnt_count = 0;
	forget_locals(a);
	ice_forget_remote(a);
}

static void take_back(ice_agent *a, const ice_former *f)
{
	a->generation = f->generation;
	ice_credentials_drop(&a->local);
	a->local = f->local;
	a->remote = f->remote;
	ice_take_role(a, f->controlling);
	a->remote_lite = f->remote_lite;
	a->in_haste = f->in_haste;
	a->remote_options = f->remote_options;
	a->ta_us = f->ta_us;
	a->locals = f->locals;
	a->local_count = f->local_count;
	a->remotes = f->remotes;
	a->remote_count = f->remote_count;
	a->learnt_count = f->learnt_count;
	a->end_of_remote = f->end_of_remote;
	a->pairs = f->pairs;
	a->pair_count = f->pair_count;
	a->concluded = f->concluded;
	a->has_valid_since = f->has_valid_since;
	a->pac_expired = f->pac_expired;
	a->valid_since = f->valid_since;
	a->pac_deadline = f->pac_deadline;
	a->nominations_heard = f->nominations_heard;
}

bool ice_agreed_role(const ice_agent *a)
{
	return a->former && !a->remote ? a->former->controlling : a->controlling;
}

ice_pair *ice_former_pair(const ice_agent *a, uint32_t generation, uint32_t id)
{
	const ice_former *f = a->former;
	for (size_t i = 0; f && f->generation == generation && i < f->pair_count; i++)
		if (f->pairs[i]->id == id)
			return f->pairs[i];
	return NULL;
}

void ice_former_forget_base(ice_agent *a, size_t base)
{
	ice_former *f = a->former;
	size_t kept = 0;
	for (size_t i = 0; f && i < f->pair_count; i++)
		if (f->pairs[i]->base != base)
			f->pairs[kept++] = f->pairs[i];
		else
			ice_pair_free(f->pairs[i]);
	if (f)
		f->pair_count = kept;
	kept = 0;
	for (size_t i = 0; f && i < f->local_count; i++)
		if (f->locals[i]->base != base)
			f->locals[kept++] = f->locals[i];
		else
			free(f->locals[i]);
	if (f)
		f->local_count = kept;
}

void ice_former_clear(ice_agent *a)
{
	ice_former *f = a->former;
	if (!f)
		return;
	for (size_t i = 0; i < f->pair_count; i++) {
		ice_relay_forget(a, f->pairs[i]);
		ice_pair_free(f->pairs[i]);
	}
	for (size_t i = 0; i < f->local_count; i++)
		free(f->locals[i]);
	for (size_t i = 0; i < f->remote_count; i++)
		free(f->remotes[i]);
	free(f->pairs);
	free(f->locals);
	free(f->remotes);
	ice_credentials_drop(&f->local);
	ice_credentials_drop(&f->remote);
	free(f);
	a->former = NULL;
}

/* --- restart --- */

int ice_restart_as(ice_agent *a, uint64_t now, bool controlling)
{
	ice_credentials *fresh = NULL;
	if (a->state == ICE_CLOSED)
		return PARLEY_ESTATE;
	int err = ice_credentials_random(&a->config, &fresh);
	/* Of several restarts without an answer the first one's past is the one to come back to. */
	ice_former *former = a->former ? a->former : malloc(sizeof *former);
	if (!err && !former)
		err = PARLEY_ENOMEM;
	if (err) {
		if (!a->former)
			free(former);
		ice_credentials_drop(&fresh);
		return err;
	}
	if (a->former)
		ice_generation_clear(a);
	else
		put_aside(a, former);
	a->former = former;
	if (!a->config.lite)
		ice_take_role(a, controlling);
	a->in_haste = !ice_path_is_well(a);
	ice_credentials_drop(&a->local);
	a->local = fresh;
	a->generation = ++a->last_generation;
	a->counters.restarts++;
	a->concluded = a->has_valid_since = a->pac_expired = a->remote_lite = false;
	if (a->nominations_made < a->nominations_heard)
		a->nominations_made = a->nominations_heard;
	a->nominations_heard = 0;
	a->pac_deadline = TIME_NEVER;
	trace_printf(a->config.trace, TRACE_INFO, "ice", "restart: generation %u", a->generation);
	ice_state_restarted(a);
	ice_gather_again(a, now);
	ice_settle(a, now);
	return 0;
}

int ice_restart(ice_agent *a, uint64_t now)
{
	return ice_restart_as(a, now, true);
}

void ice_agreed(ice_agent *a)
{
	ice_former_clear(a);
	ice_servers_sweep(a);
}

/* A base that has come since is offered and asked from; one whose candidate came back need not be. */
static void restore_candidates(ice_agent *a)
{
	for (size_t i = 0; i < a->local_count; i++) {
		ice_base *b = &a->bases[a->locals[i]->base];
		b->offered |= addr_equal(&b->addr, &a->locals[i]->candidate.addr);
	}
	a->gather_count = 0;
	for (size_t i = 0; i < a->base_count; i++)
		if (a->bases[i].used && !a->bases[i].offered)
			ice_gather_from(a, i);
	ice_bases_offer(a);
}

static void restore_pairs(ice_agent *a, uint64_t now)
{
	for (size_t i = 0; i < a->pair_count; i++) {
		ice_pair *p = a->pairs[i];
		if (p->state == ICE_PAIR_IN_PROGRESS)
			ice_pair_set_state(a, p, ICE_PAIR_WAITING);	   /* its check was given up */
		p->unpermitted = a->bases[p->base].kind == ICE_BASE_RELAY; /* its permission perhaps too */
		p->nominating = false;
		ice_pair_expire(a, now, p);
	}
	ice_pairs_reorder(a); /* the role may have changed */
	/* The path may be of another generation, older or given up: it carries data until a pair of this one is nominated. */
	if (!ice_path_is_well(a))
		ice_pairs_recheck(a, now);
}

/* Names that were asked for may have been answered meanwhile, to nobody. */
static void restore_names(ice_agent *a)
{
	for (size_t i = 0; i < a->remote_count; i++)
		if (a->remotes[i]->name == ICE_NAME_ASKED)
			ice_queue_event(a, ICE_EVENT_RESOLVE, a->remotes[i]->id);
}

bool ice_rollback(ice_agent *a, uint64_t now)
{
	ice_former *f = a->former;
	if (a->state == ICE_CLOSED || !f)
		return false;
	ice_generation_clear(a);
	take_back(a, f);
	ice_set_gathering(a, f->gathering);
	free(f);
	a->former = NULL;
	trace_printf(a->config.trace, TRACE_INFO, "ice", "rollback: generation %u", a->generation);
	restore_candidates(a);
	restore_pairs(a, now);
	restore_names(a);
	if (ice_gather_pending(a))
		ice_set_gathering(a, ICE_GATHERING_ACTIVE);
	ice_form_pairs(a);
	ice_settle(a, now);
	return true;
}
