#include "sctp/rack.h"

#include "base/serial.h"
#include "base/time.h"

#define DUPLICATE_THRESHOLD 3u	       /* RFC 8985 6.2 step 4: DupThresh */
#define PERSIST_RECOVERIES 16u	       /* RFC 8985 6.2 step 4 */
#define MIN_RTT_PERIOD (30 * US_PER_S) /* long enough to meet an empty queue, short enough to follow a longer path */

/* --- the least of a while --- */

static void minimum_add(sctp_minimum *m, uint64_t now, uint64_t value)
{
	if (now - m->since >= MIN_RTT_PERIOD) {
		m->previous = now - m->since >= 2 * MIN_RTT_PERIOD ? UINT64_MAX : m->value;
		m->value = UINT64_MAX;
		m->since = now;
	}
	if (value < m->value)
		m->value = value;
}

uint64_t sctp_rack_min_rtt(const sctp_rack *r)
{
	uint64_t least = time_min(r->min_rtt.value, r->min_rtt.previous);
	return least == UINT64_MAX ? 0 : least;
}

/* --- deliveries --- */

void sctp_rack_init(sctp_rack *r, uint32_t initial_tsn)
{
	*r = (sctp_rack){.highest = initial_tsn - 1, .multiple = 1};
	r->min_rtt = (sctp_minimum){.value = UINT64_MAX, .previous = UINT64_MAX};
}

void sctp_rack_delivered(sctp_rack *r, uint64_t now, uint32_t tsn, uint64_t sent_at, uint32_t order, bool resent)
{
	if (serial32_before(r->highest, tsn))
		r->highest = tsn;
	else if (!resent)
		r->reordering = true;
	uint64_t rtt = now - sent_at;
	if (!resent)
		minimum_add(&r->min_rtt, now, rtt);
	else if (rtt < sctp_rack_min_rtt(r))
		return; /* what arrived is rather what was sent before (6.2 step 2) */
	r->rtt = rtt;
	if (!r->any || serial32_before(r->order, order))
		r->order = order;
	r->any = true;
}

/* --- the window --- */

void sctp_rack_round(sctp_rack *r, uint32_t cumulative, uint32_t next, bool duplicates)
{
	if (r->in_round && serial32_before_eq(r->round_end, cumulative + 1))
		r->in_round = false;
	if (!duplicates || r->in_round)
		return;
	r->in_round = true;
	r->round_end = next;
	r->multiple++;
	r->persist = PERSIST_RECOVERIES;
}

void sctp_rack_recovered(sctp_rack *r)
{
	if (r->persist && --r->persist == 0)
		r->multiple = 1;
}

uint64_t sctp_rack_window(const sctp_rack *r, bool recovering, size_t gap_acked, uint64_t srtt)
{
	if (!r->reordering && (recovering || gap_acked >= DUPLICATE_THRESHOLD))
		return 0;
	uint64_t min_rtt = sctp_rack_min_rtt(r);
	return !min_rtt ? srtt : time_min(r->multiple * min_rtt / 4, srtt);
}
