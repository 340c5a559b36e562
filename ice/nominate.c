/* Which pair is nominated: by us when we control (RFC 8445 8.1.1), else by the peer. */
#include "ice/internal.h"

/* In round trips: what a check over TCP takes, with its handshake; what other relays may come later than the first. */
#define STREAM_ROUND_TRIPS 3u
#define RELAY_ROUND_TRIPS 3u
#define PUNCHING_SENDINGS 3u

/*
 * A restart because nothing came through any more is in haste: what works first is used at once. libwebrtc would else stay with the old path
 * until the nomination.
 */
bool ice_is_hasty(const ice_agent *a)
{
	return a->in_haste && !a->remote_options.ice2;
}

bool ice_may_renominate(const ice_agent *a)
{
	return a->config.nomination == ICE_NOMINATION_RENOMINATION && a->remote_options.renomination;
}

static bool is_aggressive(const ice_agent *a)
{
	return ice_is_hasty(a) || (a->config.nomination == ICE_NOMINATION_AGGRESSIVE && !a->remote_options.ice2);
}

static bool is_silent_path(const ice_agent *a, const ice_pair *p)
{
	return a->path.active && a->path.generation == a->generation && a->path.pair_id == p->id &&
	       ice_pulse_is_silent(&a->path.pulse);
}

static const ice_pair *nominated_pair(const ice_agent *a)
{
	for (size_t i = 0; i < a->pair_count; i++)
		if (a->pairs[i]->nominated)
			return a->pairs[i];
	return NULL;
}

/* --- the nomination has happened --- */

/*
 * A second nomination. Ours counts, if we made it for a reason, and so does the last one where both sides know renomination. Else
 * the pair of higher priority counts, as an aggressive side nominates all that work (RFC 5245 8.1.1.2). But a peer that changes
 * its mind, as libwebrtc does, has checked the new pair without USE-CANDIDATE first, or stopped sending it on the old one, or
 * we do not hear it there any more.
 */
static bool supersedes(const ice_agent *a, const ice_pair *p, const ice_pair *old)
{
	if (ice_may_renominate(a) || p->priority > old->priority || is_silent_path(a, old))
		return true;
	return a->controlling ? !is_aggressive(a) : p->asked_plainly || !old->use_candidate;
}

/* At most one pair is nominated at a time. */
void ice_pair_nominated(ice_agent *a, ice_pair *p)
{
	char local[ADDR_TEXT_MAX], remote[ADDR_TEXT_MAX];
	p->nominating = p->nominate_when_valid = false;
	for (size_t i = 0; i < a->pair_count; i++) {
		ice_pair *old = a->pairs[i];
		if (!old->nominated || old == p)
			continue;
		if (!supersedes(a, p, old))
			return;
		old->nominated = false;
	}
	if (!p->nominated)
		trace_printf(a->config.trace, TRACE_INFO, "ice", "nominated %s to %s",
			     addr_print(&a->bases[p->base].addr, local), addr_print(&p->remote_addr, remote));
	p->nominated = true;
	ice_conclude(a);
}

bool ice_is_wanted(const ice_agent *a, const ice_pair *p)
{
	const ice_pair *chosen = nominated_pair(a);
	if (!chosen || p->priority < chosen->priority)
		return false;
	bool under_way = a->controlling && is_aggressive(a) && p->state == ICE_PAIR_IN_PROGRESS;
	return under_way || ice_is_hasty(a) || ice_may_renominate(a);
}

/* --- controlled --- */

/* The renomination draft, 4: the largest number counts, and any number more than none. */
static bool is_outdated(ice_agent *a, const ice_intent *intent)
{
	if (!ice_may_renominate(a))
		return false;
	if (!intent->has_number)
		return a->nominations_heard > 0;
	if (intent->number <= a->nominations_heard)
		return true;
	a->nominations_heard = intent->number;
	for (size_t i = 0; i < a->pair_count; i++)
		a->pairs[i]->nominate_when_valid = false;
	return false;
}

void ice_nominate_heard(ice_agent *a, uint64_t now, ice_pair *p, const ice_intent *intent)
{
	/* libwebrtc sends the number alone. */
	bool nominates = intent->nominates || (intent->has_number && ice_may_renominate(a));
	p->use_candidate = nominates;
	p->asked_plainly |= intent->controlling && !nominates;
	if (!nominates || a->controlling || is_outdated(a, intent))
		return;
	if (!p->nominated)
		ice_pair_expire(a, now, p);
	if (p->valid)
		ice_pair_nominated(a, p);
	else
		p->nominate_when_valid = true;
}

/* --- controlling --- */

ice_intent ice_nominate_intent(const ice_agent *a, const ice_pair *p)
{
	if (!a->controlling)
		return (ice_intent){.controlling = false};
	return (ice_intent){.controlling = true,
			    .nominates = p->nominating || is_aggressive(a),
			    .has_number = p->nominating && ice_may_renominate(a),
			    .number = p->nomination};
}

void ice_nominate_answered(ice_agent *a, ice_pair *p, const ice_intent *intent)
{
	const ice_pair *chosen = nominated_pair(a);
	if (!a->controlling || !intent->controlling || !intent->nominates)
		return;
	if (intent->has_number && chosen && chosen->nomination > intent->number)
		return; /* of the two the peer has chosen that one as well */
	ice_pair_nominated(a, p);
}

/*
 * After the nomination: a pair that has answered since the nominated one fell silent. RFC 8445 leaves that to a restart; but the
 * peer takes a second nomination as it takes a late first one, and that needs no signalling. Or a better pair, where the peer
 * expects that.
 */
static bool may_replace(const ice_agent *a, const ice_pair *p)
{
	const ice_pair *old = nominated_pair(a);
	if (!a->concluded || !old)
		return true;
	if (old == p)
		return false;
	if (is_silent_path(a, old))
		return p->answered_at > a->path.pulse.heard_at;
	return (ice_may_renominate(a) || is_aggressive(a)) && p->priority > old->priority;
}

/* Its nomination has been sent and sent again: it may be another's turn. */
static bool is_stuck(const ice_agent *a, const ice_pair *p)
{
	return is_silent_path(a, p) || (p->check.active && p->check.sends > ICE_NOMINATION_SENDS);
}

/* The best valid pair, if it is our turn to nominate and we do not do so already. */
static ice_pair *nominee(const ice_agent *a)
{
	ice_pair *best = NULL;
	if (!a->controlling || !a->remote || a->config.lite)
		return NULL;
	for (size_t i = 0; i < a->pair_count; i++) {
		ice_pair *p = a->pairs[i];
		if (p->nominating && !is_stuck(a, p))
			return NULL;
		if (!best && p->valid && !p->nominating && !is_stuck(a, p) && may_replace(a, p))
			best = p;
	}
	return best;
}

/* Nothing is to be gained by waiting: every better pair has failed, and no candidate type is better than these. */
static bool is_good_enough(const ice_agent *a, const ice_pair *p)
{
	for (size_t i = 0; i < a->pair_count && a->pairs[i] != p; i++)
		if (a->pairs[i]->state < ICE_PAIR_SUCCEEDED)
			return false;
	bool direct = p->mapped->candidate.type == ICE_HOST && p->remote->candidate.type == ICE_HOST;
	return direct || (a->end_of_remote && a->gathering == ICE_GATHERING_COMPLETE);
}

static uint32_t next_number(ice_agent *a)
{
	/* The numbers we have heard were the peer's, when it controlled. Past 2^24 nominations the last one stays. */
	uint32_t last = a->nominations_made > a->nominations_heard ? a->nominations_made : a->nominations_heard;
	return a->nominations_made = last < ICE_NOMINATION_MAX ? last + 1 : last;
}

/* Over UDP and without a relay. */
static bool is_direct(const ice_agent *a, const ice_pair *p)
{
	return a->bases[p->base].kind == ICE_BASE_UDP && p->remote->candidate.type != ICE_RELAY;
}

/* Until when an answer to one of the first sendings of the check under way may be hoped for; 0: no more. */
static uint64_t hoped_until(const ice_check *c, uint64_t round_trip, unsigned sendings)
{
	if (!c->active || (!c->once && c->sends > sendings))
		return 0;
	if (c->once)
		return time_after(c->sent_at, STREAM_ROUND_TRIPS * round_trip);
	return time_after(c->sends < sendings ? c->due : c->sent_at, round_trip);
}

/*
 * Until when better pairs are waited for: what is chosen stays, and the order of checks should not choose. A better pair gets a round
 * trip from its first check on, for which it may have to wait behind triggered ones. A relay or TCP is ready when the holes in NATs are
 * often still to be made; for those one side may have to send three times, as its second sending can be just too early for the other's
 * first.
 */
static uint64_t patience_ends(const ice_agent *a, const ice_pair *p)
{
	bool direct = is_direct(a, p);
	uint64_t round_trip = a->config.nomination_delay_us + p->rtt_us;
	uint64_t last = time_after(a->valid_since, a->config.nomination_patience_us);
	uint64_t end = time_after(a->valid_since, direct ? round_trip : RELAY_ROUND_TRIPS * round_trip);
	for (size_t i = 0; i < a->pair_count && a->pairs[i] != p; i++) {
		const ice_pair *better = a->pairs[i];
		if (better->state == ICE_PAIR_WAITING)
			return last;
		bool punches = !direct && is_direct(a, better);
		uint64_t hope = hoped_until(&better->check, round_trip, punches ? PUNCHING_SENDINGS : 1);
		if (better->state == ICE_PAIR_IN_PROGRESS && hope > end)
			end = hope;
	}
	return time_min(end, last);
}

void ice_nominate(ice_agent *a, uint64_t now)
{
	ice_pair *p = nominee(a);
	if (!p || (now < patience_ends(a, p) && !is_good_enough(a, p)))
		return;
	for (size_t i = 0; i < a->pair_count; i++)
		a->pairs[i]->nominating = false;
	p->nominating = true;
	p->nomination = next_number(a);
	ice_pair_trigger(a, p, true);
}

uint64_t ice_nominate_deadline(const ice_agent *a)
{
	const ice_pair *p = nominee(a);
	return p ? patience_ends(a, p) : TIME_NEVER;
}
