/* rtp/gcc_delay.c: groups, trendline, adaptive threshold, detector. */
#include "rtp/gcc_delay.h"

#include <string.h>

#include "base/time.h"

void gcc_delay_init(gcc_delay *d)
{
	memset(d, 0, sizeof *d);
	d->threshold_ms = GCC_THRESHOLD_START_MS;
	d->threshold_at = TIME_NEVER;
}

const char *gcc_usage_name(gcc_usage usage)
{
	switch (usage) {
	case GCC_NORMAL:
		return "normal";
	case GCC_OVERUSE:
		return "overuse";
	case GCC_UNDERUSE:
		return "underuse";
	}
	return "?";
}

static double ms(int64_t us)
{
	return (double)us / (double)US_PER_MS;
}

/* --- queueing delay: above the least one seen lately --- */

static void measure_queue(gcc_delay *d, uint64_t sent, uint64_t arrived)
{
	int64_t delay = (int64_t)(arrived - sent);
	if (!d->has_base) {
		d->has_base = true;
		d->base_now = d->base_before = delay;
		d->bucket_at = sent;
	}
	if (sent > d->bucket_at && sent - d->bucket_at >= GCC_BASE_BUCKET_US) {
		d->bucket_at = sent;
		d->base_before = d->base_now;
		d->base_now = delay;
	}
	if (delay < d->base_now)
		d->base_now = delay;
	int64_t base = d->base_now < d->base_before ? d->base_now : d->base_before;
	d->queue_us = (uint64_t)(delay - base);
}

/* --- detector (draft 5.4) --- */

static void adapt_threshold(gcc_delay *d, double size, uint64_t arrived)
{
	if (d->threshold_at == TIME_NEVER)
		d->threshold_at = arrived;
	double elapsed = ms((int64_t)(arrived - d->threshold_at));
	d->threshold_at = arrived;
	if (size > d->threshold_ms + GCC_THRESHOLD_OUTLIER_MS)
		return;
	double k = size < d->threshold_ms ? GCC_THRESHOLD_DOWN : GCC_THRESHOLD_UP;
	elapsed = elapsed > 100 ? 100 : elapsed < 0 ? 0 : elapsed;
	d->threshold_ms += k * (size - d->threshold_ms) * elapsed;
	if (d->threshold_ms < GCC_THRESHOLD_MIN_MS)
		d->threshold_ms = GCC_THRESHOLD_MIN_MS;
	if (d->threshold_ms > GCC_THRESHOLD_MAX_MS)
		d->threshold_ms = GCC_THRESHOLD_MAX_MS;
}

static void not_overusing(gcc_delay *d, gcc_usage usage)
{
	d->overusing = false;
	d->overusing_us = 0;
	d->over_count = 0;
	d->usage = usage;
}

static void detect(gcc_delay *d, double slope, uint64_t sent_delta, uint64_t arrived)
{
	uint32_t weight = d->deltas < GCC_TREND_DELTAS_MAX ? d->deltas : GCC_TREND_DELTAS_MAX;
	d->trend = slope * weight * GCC_TREND_GAIN;
	if (d->trend > d->threshold_ms) {
		d->overusing_us += d->overusing ? sent_delta : sent_delta / 2;
		d->overusing = true;
		d->over_count++;
		if (d->overusing_us > GCC_OVERUSE_TIME_US && d->over_count > 1 && slope >= d->previous_trend) {
			d->overusing_us = 0;
			d->over_count = 0;
			d->usage = GCC_OVERUSE;
		}
	} else {
		not_overusing(d, d->trend < -d->threshold_ms ? GCC_UNDERUSE : GCC_NORMAL);
	}
	d->previous_trend = slope;
	adapt_threshold(d, d->trend < 0 ? -d->trend : d->trend, arrived);
}

/* --- trendline --- */

/* Least squares over the window; `otherwise` while there is no line through it. */
static double slope_of(const gcc_delay *d, double otherwise)
{
	if (d->points < GCC_TREND_WINDOW)
		return otherwise;
	double x_mean = 0, y_mean = 0, numerator = 0, denominator = 0;
	for (size_t i = 0; i < GCC_TREND_WINDOW; i++) {
		x_mean += d->x[i] / GCC_TREND_WINDOW;
		y_mean += d->y[i] / GCC_TREND_WINDOW;
	}
	for (size_t i = 0; i < GCC_TREND_WINDOW; i++) {
		numerator += (d->x[i] - x_mean) * (d->y[i] - y_mean);
		denominator += (d->x[i] - x_mean) * (d->x[i] - x_mean);
	}
	return denominator > 0 ? numerator / denominator : otherwise;
}

static void trend_add(gcc_delay *d, int64_t arrived_delta, int64_t sent_delta, uint64_t arrived)
{
	if (d->deltas == 0)
		d->first_arrival = arrived;
	if (d->deltas < UINT32_MAX)
		d->deltas++;
	d->accumulated_ms += ms(arrived_delta - sent_delta);
	d->smoothed_ms = GCC_TREND_SMOOTHING * d->smoothed_ms + (1 - GCC_TREND_SMOOTHING) * d->accumulated_ms;
	d->x[d->next_point] = ms((int64_t)(arrived - d->first_arrival));
	d->y[d->next_point] = d->smoothed_ms;
	d->next_point = (d->next_point + 1) % GCC_TREND_WINDOW;
	if (d->points < GCC_TREND_WINDOW)
		d->points++;
	detect(d, slope_of(d, d->previous_trend), (uint64_t)sent_delta, arrived);
}

/* --- groups (draft 5.2) --- */

static void group_start(gcc_delay *d, uint64_t sent, uint64_t arrived)
{
	d->current = (gcc_group){sent, sent, arrived, arrived, true};
}

/* The arrival clock jumped: nothing known before says anything now. */
static void start_anew(gcc_delay *d, uint64_t sent, uint64_t arrived)
{
	gcc_delay_init(d);
	measure_queue(d, sent, arrived);
	group_start(d, sent, arrived);
}

static bool belongs(const gcc_group *g, uint64_t sent, uint64_t arrived)
{
	if (sent - g->first_sent <= GCC_GROUP_US)
		return true;
	/* Sent later, but they came in one burst that caught up: held together by something on the path. */
	int64_t arrived_delta = (int64_t)(arrived - g->last_arrived), sent_delta = (int64_t)(sent - g->last_sent);
	return arrived_delta - sent_delta < 0 && arrived_delta <= (int64_t)GCC_GROUP_US &&
	       arrived - g->first_arrived < GCC_BURST_MAX_US;
}

static void group_finish(gcc_delay *d)
{
	if (d->previous.complete) {
		int64_t arrived = (int64_t)(d->current.last_arrived - d->previous.last_arrived);
		int64_t sent = (int64_t)(d->current.last_sent - d->previous.last_sent);
		if (arrived >= 0 && sent >= 0)
			trend_add(d, arrived, sent, d->current.last_arrived);
	}
	d->previous = d->current;
}

void gcc_delay_packet(gcc_delay *d, uint64_t sent, uint64_t arrived)
{
	gcc_group *g = &d->current;
	if (!g->complete) {
		start_anew(d, sent, arrived);
		return;
	}
	int64_t step = (int64_t)(arrived - g->last_arrived) - (int64_t)(sent - g->last_sent);
	if (step > (int64_t)GCC_DELAY_RESET_US || step < -(int64_t)GCC_DELAY_RESET_US) {
		start_anew(d, sent, arrived);
		return;
	}
	measure_queue(d, sent, arrived);
	if (sent < g->first_sent)
		return; /* reordered into a later group: says nothing of that one */
	if (!belongs(g, sent, arrived)) {
		group_finish(d);
		group_start(d, sent, arrived);
		return;
	}
	if (sent > g->last_sent)
		g->last_sent = sent;
	if (arrived > g->last_arrived)
		g->last_arrived = arrived;
}
