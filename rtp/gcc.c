/* rtp/gcc.c: puts the parts together: the least of all estimates is the target. */
#include "rtp/gcc.h"

#include <assert.h>
#include <string.h>

#include "base/time.h"

#define LAYER "gcc"
#define FEEDBACK_TIMEOUT_FACTOR 0.7	   /* of the target, for each GCC_FEEDBACK_TIMEOUT_US of silence */
#define FEEDBACK_GONE_US UINT64_C(5000000) /* receiver reports but no feedback for so long: do without */
#define REMB_START_US UINT64_C(2000000)	   /* so early the peer's estimate may raise ours */
#define DRAIN_FACTOR_MIN 0.4		   /* of the link's rate, while a long queue drains */
#define DRAIN_PER_S 1.0			   /* so much less for each second of queue over GCC_QUEUE_DRAIN_US */
#define DRAIN_LIMIT_US UINT64_C(10000000)  /* after the last overuse: a longer delay is the path's own then */
#define DRAIN_PACING_FACTOR 1.25

void gcc_init(gcc *g, const gcc_config *config, trace *log)
{
	memset(g, 0, sizeof *g);
	gcc_config *c = &g->config;
	if (config)
		*c = *config;
	c->min_bps = c->min_bps ? c->min_bps : GCC_MIN_BPS;
	c->max_bps = c->max_bps ? c->max_bps : GCC_MAX_BPS;
	c->start_bps = c->start_bps ? c->start_bps : GCC_START_BPS;
	c->pacing_factor = c->pacing_factor > 0 ? c->pacing_factor : GCC_PACING_FACTOR;
	c->max_bps = c->max_bps < c->min_bps ? c->min_bps : c->max_bps;
	c->start_bps = c->start_bps < c->min_bps ? c->min_bps : c->start_bps;
	c->start_bps = c->start_bps > c->max_bps ? c->max_bps : c->start_bps;
	g->trace = log;
	g->target_bps = c->start_bps;
	g->remb_bps = UINT64_MAX;
	g->rtt_us = GCC_RTT_DEFAULT_US;
	g->started = g->last_sent = g->last_feedback = g->last_process = g->last_overuse = TIME_NEVER;
	g->unanswered_since = g->reduced = g->raised = TIME_NEVER;
	gcc_delay_init(&g->delay);
	gcc_aimd_init(&g->aimd, (double)c->start_bps);
	gcc_rate_init(&g->rate);
	gcc_loss_init(&g->loss, (double)c->start_bps, true);
	gcc_probes_init(&g->probes, !c->no_probing);
}

static double clip(const gcc *g, double bps)
{
	if (bps > (double)g->config.max_bps)
		return (double)g->config.max_bps;
	return bps < (double)g->config.min_bps ? (double)g->config.min_bps : bps;
}

/* A queue stands at the bottleneck, and overuse was seen not long ago. */
static bool is_draining(const gcc *g, uint64_t now)
{
	return g->has_feedback && g->queue_us > GCC_QUEUE_DRAIN_US && g->last_overuse != TIME_NEVER &&
	       now - g->last_overuse < DRAIN_LIMIT_US;
}

/* The estimate stays as it is, since it tells of the link; only what is sent goes below, until the queue is gone. */
static double drained(const gcc *g, double bps)
{
	double factor = GCC_DECREASE - DRAIN_PER_S * (double)(g->queue_us - GCC_QUEUE_DRAIN_US) / (double)US_PER_S;
	return bps * (factor < DRAIN_FACTOR_MIN ? DRAIN_FACTOR_MIN : factor) / GCC_DECREASE;
}

static void update_target(gcc *g, uint64_t now)
{
	g->aimd.bps = clip(g, g->aimd.bps);
	g->loss.bps = clip(g, g->loss.bps);
	double bps = g->has_feedback ? g->aimd.bps : g->loss.bps;
	if (g->loss.limiting && g->loss.bps < bps)
		bps = g->loss.bps;
	g->draining = is_draining(g, now);
	if (g->draining)
		bps = drained(g, bps);
	if (g->remb_bps != UINT64_MAX && now - g->remb_at > GCC_REMB_TIMEOUT_US)
		g->remb_bps = UINT64_MAX;
	if ((double)g->remb_bps < bps)
		bps = (double)g->remb_bps;
	uint64_t target = (uint64_t)clip(g, bps);
	if (target < g->target_bps * 9 / 10 || target > g->target_bps * 11 / 10)
		trace_printf(g->trace, TRACE_DEBUG, LAYER, "target %llu -> %llu bit/s, %s, loss %.1f %%, queue %llu us",
			     (unsigned long long)g->target_bps, (unsigned long long)target,
			     gcc_usage_name(g->delay.usage), g->loss.fraction * 100, (unsigned long long)g->queue_us);
	g->target_bps = target;
}

void gcc_set_max(gcc *g, uint64_t max_bps)
{
	g->config.max_bps = max_bps < g->config.min_bps ? g->config.min_bps : max_bps;
	if (g->target_bps > g->config.max_bps)
		g->target_bps = g->config.max_bps;
}

void gcc_set_demand(gcc *g, uint64_t now, uint64_t bps)
{
	bool rises = bps > g->probes.demand_bps && bps > g->target_bps;
	bool late = g->started != TIME_NEVER && !g->probes.started;
	g->probes.demand_bps = bps;
	if (late && bps > 0)
		gcc_probes_start(&g->probes, now, g->target_bps, g->config.max_bps);
	else if (rises && g->probes.started)
		gcc_probes_want(&g->probes, now, bps, g->config.max_bps);
}

void gcc_on_packet_sent(gcc *g, uint64_t now, size_t size)
{
	if (g->started == TIME_NEVER) {
		g->started = now;
		if (g->probes.demand_bps > 0)
			gcc_probes_start(&g->probes, now, g->config.start_bps, g->config.max_bps);
	}
	if (gcc_deadline(g) == TIME_NEVER)
		g->last_process = now;
	g->last_sent = now;
	if (g->unanswered_since == TIME_NEVER)
		g->unanswered_since = now;
	gcc_probes_sent(&g->probes, now, size, g->target_bps);
}

/* --- transport-wide feedback --- */

typedef struct {
	uint32_t received;
	uint32_t packets, lost; /* those that count as loss or no loss */
	uint64_t queue_us;	/* the least of its packets */
	uint64_t probed_bps;
} batch;

static batch take_results(gcc *g, uint64_t now, const twcc_result *results, size_t count)
{
	batch b = {.queue_us = UINT64_MAX};
	for (size_t i = 0; i < count; i++) {
		const twcc_result *result = &results[i];
		bool counts = g->reduced == TIME_NEVER || result->sent > g->reduced;
		b.packets += counts;
		b.lost += counts && !result->received;
		if (!result->received)
			continue;
		b.received++;
		if (g->raised == TIME_NEVER || result->sent > g->raised)
			gcc_rate_packet(&g->rate, result->arrived, result->size);
		gcc_delay_packet(&g->delay, result->sent, result->arrived);
		if (g->delay.queue_us < b.queue_us)
			b.queue_us = g->delay.queue_us;
		uint64_t probed = gcc_probes_packet(&g->probes, now, result, g->config.max_bps);
		if (probed > 0)
			b.probed_bps = probed;
	}
	return b;
}

/* From here on the delay-based estimate leads, and the loss-based one waits for heavy loss. */
static void first_feedback(gcc *g)
{
	g->has_feedback = true;
	gcc_aimd_init(&g->aimd, (double)g->target_bps);
	gcc_loss_init(&g->loss, (double)g->target_bps, false);
}

static void apply_probe(gcc *g, uint64_t now, uint64_t bps)
{
	if (bps == 0 || g->delay.usage == GCC_OVERUSE || is_draining(g, now))
		return;
	trace_printf(g->trace, TRACE_DEBUG, LAYER, "probe found %llu bit/s", (unsigned long long)bps);
	if ((double)bps > g->aimd.bps) {
		gcc_aimd_set(&g->aimd, now, (double)bps);
		gcc_rate_init(&g->rate);
		g->raised = now;
	}
	gcc_loss_probed(&g->loss, (double)bps);
}

/* The trendline needs several groups of packets, and those are long in coming when the link has just become slow: see it
 * from the delay and the rate at once. */
static bool has_collapsed(const gcc *g, uint64_t carried_bps)
{
	return g->queue_us > GCC_COLLAPSE_US && carried_bps > 0 && !g->probes.application_limited &&
	       (double)carried_bps < GCC_RATE_COLLAPSE * g->aimd.bps;
}

static void update_delay_based(gcc *g, uint64_t now)
{
	gcc_aimd_input in = {
		.now = now,
		.rtt_us = g->rtt_us,
		.usage = g->delay.usage,
		.received_bps = gcc_rate_bps(&g->rate),
		.carried_bps = gcc_rate_carried_bps(&g->rate, g->queue_us >= GCC_STANDING_US),
		.application_limited = g->probes.application_limited,
	};
	/* A large frame fills the queue for its own length: no overuse, if it is empty in between. */
	if (in.usage == GCC_OVERUSE && g->queue_us < GCC_STANDING_US)
		in.usage = GCC_UNDERUSE;
	if (has_collapsed(g, in.carried_bps))
		in.usage = GCC_OVERUSE;
	if (in.usage == GCC_OVERUSE)
		g->last_overuse = now;
	if (gcc_aimd_update(&g->aimd, &in)) {
		g->decreases++;
		g->reduced = now;
	}
}

static void update_loss_based(gcc *g, uint64_t now, const batch *b)
{
	const gcc_loss_input in = {
		.now = now,
		.rtt_us = g->rtt_us,
		.target = g->draining ? g->aimd.bps : (double)g->target_bps,
		.received_bps = (double)gcc_rate_bps(&g->rate),
		.guarded = true,
	};
	if (gcc_loss_packets(&g->loss, &in, b->packets, b->lost)) {
		g->decreases++;
		g->reduced = now;
	}
}

void gcc_on_feedback(gcc *g, uint64_t now, const twcc_result *results, size_t count)
{
	if (count == 0)
		return;
	if (!g->has_feedback)
		first_feedback(g);
	g->feedbacks++;
	g->last_feedback = now;
	g->unanswered_since = TIME_NEVER;
	batch b = take_results(g, now, results, count);
	if (b.received > 0) {
		g->queue_us = b.queue_us;
		update_delay_based(g, now);
		apply_probe(g, now, b.probed_bps);
	}
	update_loss_based(g, now, &b);
	update_target(g, now);
}

/* --- without it --- */

void gcc_on_loss_report(gcc *g, uint64_t now, double fraction, uint32_t packets)
{
	if (g->has_feedback && now - g->last_feedback < FEEDBACK_GONE_US)
		return;
	if (g->has_feedback) {
		trace_printf(g->trace, TRACE_INFO, LAYER, "no more transport-wide feedback");
		g->has_feedback = false;
		g->unanswered_since = TIME_NEVER;
		gcc_loss_init(&g->loss, (double)g->target_bps, true);
	}
	if (packets == 0 || !(fraction >= 0 && fraction <= 1))
		return;
	const gcc_loss_input in = {.now = now, .rtt_us = g->rtt_us, .target = (double)g->target_bps};
	g->decreases += gcc_loss_report(&g->loss, &in, fraction);
	update_target(g, now);
}

void gcc_on_rtt(gcc *g, uint64_t rtt_us)
{
	g->rtt_us = rtt_us;
}

void gcc_on_remb(gcc *g, uint64_t now, uint64_t bps)
{
	g->remb_bps = bps;
	g->remb_at = now;
	bool fresh = g->started != TIME_NEVER && now - g->started < REMB_START_US;
	if (!g->has_feedback && fresh && g->loss.fraction < GCC_LOSS_LOW && (double)bps > g->loss.bps)
		g->loss.bps = (double)bps; /* nobody knows better yet */
	update_target(g, now);
}

/* --- time --- */

static void check_silence(gcc *g, uint64_t now)
{
	if (!g->has_feedback || g->unanswered_since == TIME_NEVER || now < g->unanswered_since ||
	    now - g->unanswered_since < GCC_FEEDBACK_TIMEOUT_US)
		return;
	g->unanswered_since = now;
	g->feedback_timeouts++;
	trace_printf(g->trace, TRACE_WARN, LAYER, "no feedback for %u ms of sending",
		     (unsigned)(GCC_FEEDBACK_TIMEOUT_US / US_PER_MS));
	g->aimd.bps *= FEEDBACK_TIMEOUT_FACTOR;
}

void gcc_timeout(gcc *g, uint64_t now)
{
	if (now < gcc_deadline(g))
		return;
	g->last_process = now;
	check_silence(g, now);
	gcc_probes_sent(&g->probes, now, 0, g->target_bps);
	update_target(g, now);
	bool calm = g->has_feedback && g->delay.usage != GCC_OVERUSE && g->queue_us < GCC_QUEUE_DRAIN_US;
	gcc_probes_process(&g->probes, now, g->target_bps, g->config.max_bps, calm, !g->aimd.has_capacity);
}

uint64_t gcc_deadline(const gcc *g)
{
	if (g->last_process == TIME_NEVER || g->last_process > time_after(g->last_sent, GCC_IDLE_US))
		return TIME_NEVER;
	return time_after(g->last_process, GCC_PROCESS_US);
}

bool gcc_poll_probe(gcc *g, uint64_t now, gcc_probe *out)
{
	return gcc_probes_poll(&g->probes, now, out);
}

uint64_t gcc_target_bps(const gcc *g)
{
	return g->target_bps;
}

uint64_t gcc_pacing_bps(const gcc *g)
{
	double factor = g->draining && g->config.pacing_factor > DRAIN_PACING_FACTOR ? DRAIN_PACING_FACTOR
										     : g->config.pacing_factor;
	return (uint64_t)((double)g->target_bps * factor);
}

void gcc_get_stats(const gcc *g, gcc_stats *out)
{
	*out = (gcc_stats){
		.target_bps = g->target_bps,
		.pacing_bps = gcc_pacing_bps(g),
		.delay_bps = g->has_feedback ? (uint64_t)g->aimd.bps : 0,
		.loss_bps = g->loss.limiting ? (uint64_t)g->loss.bps : UINT64_MAX,
		.remb_bps = g->remb_bps,
		.received_bps = gcc_rate_bps(&g->rate),
		.queue_us = g->queue_us,
		.rtt_us = g->rtt_us,
		.loss = g->loss.fraction,
		.usage = g->delay.usage,
		.application_limited = g->probes.application_limited,
		.draining = g->draining,
		.feedbacks = g->feedbacks,
		.feedback_timeouts = g->feedback_timeouts,
		.decreases = g->decreases,
		.probes = g->probes.probes,
		.probes_succeeded = g->probes.succeeded,
	};
}

void gcc_check_invariants(const gcc *g)
{
	assert(g->target_bps >= g->config.min_bps && g->target_bps <= g->config.max_bps);
	assert(g->aimd.bps > 0 && g->loss.bps > 0);
	assert(g->loss.fraction >= 0 && g->loss.fraction <= 1);
	assert(g->delay.threshold_ms >= GCC_THRESHOLD_MIN_MS && g->delay.threshold_ms <= GCC_THRESHOLD_MAX_MS);
	assert(g->probes.queued <= GCC_PROBE_QUEUE_MAX);
	assert(g->rate.count <= GCC_RATE_SAMPLES);
}

void gcc_dump(const gcc *g, text *out)
{
	gcc_stats s;
	gcc_get_stats(g, &s);
	text_printf(out, "gcc target %llu bit/s: delay %llu, received %llu", (unsigned long long)s.target_bps,
		    (unsigned long long)s.delay_bps, (unsigned long long)s.received_bps);
	if (g->loss.limiting)
		text_printf(out, ", loss %llu", (unsigned long long)s.loss_bps);
	if (s.remb_bps != UINT64_MAX)
		text_printf(out, ", remb %llu", (unsigned long long)s.remb_bps);
	text_printf(out, "\n  %s, trend %.2f of %.2f ms, queue %.1f ms%s, loss %.1f %%, rtt %.1f ms%s\n",
		    gcc_usage_name(s.usage), g->delay.trend, g->delay.threshold_ms, (double)s.queue_us / 1000,
		    s.draining ? " draining" : "", s.loss * 100, (double)s.rtt_us / 1000,
		    s.application_limited ? ", application-limited" : "");
	text_printf(out, "  feedbacks %llu, timeouts %llu, decreases %llu, probes %llu (%llu succeeded)\n",
		    (unsigned long long)s.feedbacks, (unsigned long long)s.feedback_timeouts,
		    (unsigned long long)s.decreases, (unsigned long long)s.probes,
		    (unsigned long long)s.probes_succeeded);
}
