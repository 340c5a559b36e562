/* ICE lite (RFC 8445 2.5): what an agent that never checks does with the checks of others. */
#include "ice/internal.h"

static void believe(ice_agent *a, uint64_t now, ice_pair *p)
{
	ice_pair_set_state(a, p, ICE_PAIR_WAITING); /* if it was frozen */
	ice_pair_set_state(a, p, ICE_PAIR_SUCCEEDED);
	p->answered_at = now;
}

static void validate(ice_pair *p)
{
	p->mapped = p->local;
	p->valid = true;
}

void ice_lite_heard(ice_agent *a, uint64_t now, ice_pair *p, const ice_intent *intent)
{
	if (p->revoked)
		return;
	believe(a, now, p);
	if (intent->nominates || intent->has_number)
		validate(p);
}

/*
 * RFC 8445 8.2.2: nobody checks, so both sides have to come to the same pair by themselves. Where there is more than one, the RFC lets
 * each choose by its own address policy and mend the difference by another offer; the pairs' priorities, which both sides
 * compute alike, need none.
 */
void ice_lite_pair_up(ice_agent *a, uint64_t now)
{
	if (!ice_is_lite_pair(a) || a->pair_count == 0 || a->pairs[0]->nominated || a->pairs[0]->revoked)
		return;
	for (size_t i = 0; i < a->pair_count; i++) {
		a->pairs[i]->nominated = a->pairs[i]->valid = false;
		believe(a, now, a->pairs[i]);
	}
	validate(a->pairs[0]);
	a->pairs[0]->nominated = true;
}
