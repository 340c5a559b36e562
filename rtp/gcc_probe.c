/* rtp/gcc_probe.c: when to probe, and what the probes found. */
#include "rtp/gcc_probe.h"

#include <string.h>

#include "base/time.h"

/* The initial volley, in multiples of the start rate. */
#define FIRST_FACTOR 3
#define SECOND_FACTOR 6
#define NEXT_FACTOR 2
#define ENOUGH 0.8	      /* of a cluster's packets and bytes */
#define SATURATED 0.9	      /* received below this part of sent: the path's rate was reached, */
#define SATURATED_TARGET 0.95 /* and this part of it may be used */
#define INTERVAL_MIN_US 1000u /* of a burst: less is the clock's grain */
#define LIMITED_USE 0.65      /* application-limited: uses less than this part of the target ... */
#define LIMITED_WINDOW_S 0.5  /* ... over about this long */
#define LIMITED_BEGIN 0.8     /* of the budget saved up */
#define LIMITED_END 0.5

void gcc_probes_init(gcc_probes *p, bool enabled)
{
	memset(p, 0, sizeof *p);
	p->enabled = enabled;
	p->demand_bps = UINT64_MAX;
	p->next_id = 1;
	p->last_probe = p->last_unrest = p->high_at = p->budget_at = TIME_NEVER;
}

/* The highest rate worth probing. */
static uint64_t limit_of(const gcc_probes *p, uint64_t max_bps)
{
	return p->demand_bps < max_bps / 2 ? 2 * p->demand_bps : max_bps;
}

void gcc_probes_want(gcc_probes *p, uint64_t now, uint64_t bps, uint64_t max_bps)
{
	uint64_t limit = limit_of(p, max_bps);
	if (bps > limit)
		bps = limit;
	if (!p->enabled || bps == 0 || p->queued == GCC_PROBE_QUEUE_MAX)
		return;
	gcc_probe *probe = &p->queue[p->queued++];
	*probe = (gcc_probe){
		.id = p->next_id,
		.bps = bps,
		.bytes = (size_t)(bps / 8 * GCC_PROBE_US / US_PER_S),
		.packets = GCC_PROBE_PACKETS,
	};
	p->next_id = p->next_id == UINT32_MAX ? 1 : p->next_id + 1;
	p->last_probe = now;
}

void gcc_probes_start(gcc_probes *p, uint64_t now, uint64_t start_bps, uint64_t max_bps)
{
	p->started = true;
	if (start_bps >= max_bps)
		return;
	gcc_probes_want(p, now, FIRST_FACTOR * start_bps, max_bps);
	gcc_probes_want(p, now, SECOND_FACTOR * start_bps, max_bps);
}

bool gcc_probes_poll(gcc_probes *p, uint64_t now, gcc_probe *out)
{
	if (p->queued == 0)
		return false;
	*out = p->queue[0];
	p->queued--;
	memmove(p->queue, p->queue + 1, p->queued * sizeof *p->queue);
	gcc_cluster *oldest = &p->clusters[0];
	for (size_t i = 0; i < GCC_PROBE_CLUSTERS; i++) {
		gcc_cluster *c = &p->clusters[i];
		if (c->probe.id == 0 || c->created < oldest->created)
			oldest = c;
		if (c->probe.id == 0)
			break;
	}
	*oldest = (gcc_cluster){.probe = *out, .created = now};
	p->probes++;
	return true;
}

/* --- results --- */

static gcc_cluster *find_cluster(gcc_probes *p, uint64_t now, uint32_t id)
{
	for (size_t i = 0; i < GCC_PROBE_CLUSTERS && id != 0; i++)
		if (p->clusters[i].probe.id == id && now - p->clusters[i].created < GCC_PROBE_LIFE_US)
			return &p->clusters[i];
	return NULL;
}

static void cluster_add(gcc_cluster *c, const twcc_result *result)
{
	if (c->count == 0 || result->sent < c->first_sent)
		c->first_sent = result->sent;
	if (c->count == 0 || result->sent >= c->last_sent) {
		c->last_sent = result->sent;
		c->last_sent_size = result->size;
	}
	if (c->count == 0 || result->arrived < c->first_arrived) {
		c->first_arrived = result->arrived;
		c->first_arrived_size = result->size;
	}
	if (c->count == 0 || result->arrived > c->last_arrived)
		c->last_arrived = result->arrived;
	c->count++;
	c->bytes += result->size;
}

/* The first packet's bytes left before the first interval began to be measured at the receiver; the last one's leave after
 * the last interval at the sender. 0: no result. */
static uint64_t cluster_rate(const gcc_cluster *c)
{
	if ((double)c->count < ENOUGH * c->probe.packets || (double)c->bytes < ENOUGH * (double)c->probe.bytes)
		return 0;
	uint64_t sent = c->last_sent - c->first_sent, arrived = c->last_arrived - c->first_arrived;
	if (sent > GCC_PROBE_INTERVAL_MAX_US || arrived > GCC_PROBE_INTERVAL_MAX_US || sent < INTERVAL_MIN_US ||
	    arrived < INTERVAL_MIN_US)
		return 0;
	double sent_bps = (double)(c->bytes - c->last_sent_size) * 8 * (double)US_PER_S / (double)sent;
	double received_bps = (double)(c->bytes - c->first_arrived_size) * 8 * (double)US_PER_S / (double)arrived;
	if (received_bps > GCC_PROBE_RATIO_MAX * sent_bps)
		return 0;
	if (received_bps < SATURATED * sent_bps)
		return (uint64_t)(SATURATED_TARGET * received_bps);
	return (uint64_t)(received_bps < sent_bps ? received_bps : sent_bps);
}

uint64_t gcc_probes_packet(gcc_probes *p, uint64_t now, const twcc_result *result, uint64_t max_bps)
{
	gcc_cluster *c = find_cluster(p, now, result->cluster);
	if (!c)
		return 0;
	cluster_add(c, result);
	uint64_t bps = cluster_rate(c);
	if (bps == 0)
		return 0;
	if (!c->used)
		p->succeeded++;
	if (!c->used && (double)bps > GCC_PROBE_FURTHER * (double)c->probe.bps && c->probe.bps < limit_of(p, max_bps)) {
		p->queued = 0; /* what was wanted before is below this */
		gcc_probes_want(p, now, NEXT_FACTOR * c->probe.bps, max_bps);
	}
	c->used = true;
	return bps;
}

/* --- application-limited? --- */

void gcc_probes_sent(gcc_probes *p, uint64_t now, size_t size, uint64_t target_bps)
{
	double bytes_per_s = LIMITED_USE * (double)target_bps / 8;
	double most = bytes_per_s * LIMITED_WINDOW_S;
	double seconds = p->budget_at == TIME_NEVER ? 0 : (double)(now - p->budget_at) / (double)US_PER_S;
	p->budget_at = now;
	p->budget += bytes_per_s * seconds;
	p->budget = p->budget > most ? most : p->budget;
	p->budget -= (double)size;
	p->budget = p->budget < -most ? -most : p->budget;
	if (p->budget > LIMITED_BEGIN * most)
		p->application_limited = true;
	else if (p->budget < LIMITED_END * most)
		p->application_limited = false;
}

/* --- periodic probes --- */

static void watch_drop(gcc_probes *p, uint64_t now, uint64_t target)
{
	if (p->high_at == TIME_NEVER || now - p->high_at >= GCC_PROBE_HIGH_US) {
		p->high_at = now;
		p->high_before = p->high_now;
		p->high_now = target;
	}
	if (target > p->high_now)
		p->high_now = target;
	uint64_t high = p->high_now > p->high_before ? p->high_now : p->high_before;
	if ((double)target < GCC_PROBE_DROP * (double)high && high > p->before_drop) {
		p->before_drop = high;
		p->dropped_at = now;
	}
	if (p->before_drop > 0 && ((double)target >= GCC_PROBE_RECOVERED * (double)p->before_drop ||
				   now - p->dropped_at > GCC_PROBE_RECOVERY_MAX_US))
		p->before_drop = 0;
}

static bool is_time(const gcc_probes *p, uint64_t now, bool searching)
{
	uint64_t since = p->last_probe == TIME_NEVER ? UINT64_MAX : now - p->last_probe;
	if (p->before_drop > 0 && now - p->dropped_at < GCC_PROBE_RECOVERY_FIRST_US)
		return since >= GCC_PROBE_RECOVERY_US;
	if (p->before_drop > 0)
		return since >= GCC_PROBE_RECOVERY_LATER_US;
	if (p->succeeded == 0 && p->probes < GCC_PROBE_FIRST_TRIES)
		return since >= GCC_PROBE_FIRST_US;
	return (p->application_limited && since >= GCC_PROBE_ALR_US) || (searching && since >= GCC_PROBE_SEARCH_US);
}

void gcc_probes_process(gcc_probes *p, uint64_t now, uint64_t target_bps, uint64_t max_bps, bool calm, bool searching)
{
	watch_drop(p, now, target_bps);
	if (!calm)
		p->last_unrest = now;
	if (p->last_unrest != TIME_NEVER && now - p->last_unrest < GCC_PROBE_CALM_US)
		return;
	bool wanted = target_bps < limit_of(p, max_bps);
	if (p->started && wanted && is_time(p, now, searching))
		gcc_probes_want(p, now, NEXT_FACTOR * target_bps, max_bps);
}
