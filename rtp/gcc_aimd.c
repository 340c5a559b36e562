/* rtp/gcc_aimd.c: the rate controller of the delay-based estimate. */
#include "rtp/gcc_aimd.h"

#include <string.h>

#include "base/time.h"

#define PACKET_BITS (1200.0 * 8)
#define FRAMES_PER_S 30.0
#define CAPACITY_SIGMAS 3.0
#define CAPACITY_DEVIATION_START 0.4 /* kbit/s: variance over mean */
#define CAPACITY_DEVIATION_MIN 0.4
#define CAPACITY_DEVIATION_MAX 2.5

void gcc_aimd_init(gcc_aimd *a, double bps)
{
	memset(a, 0, sizeof *a);
	a->bps = bps;
	a->state = GCC_INCREASE;
	a->last_change = a->last_decrease = TIME_NEVER;
	a->capacity_deviation = CAPACITY_DEVIATION_START;
}

/* --- the link's capacity, as seen on overuse --- */

static double square(double v)
{
	return v * v;
}

/* Is kbps more than three standard deviations away from the average? Compares squares: no root is needed. */
static bool capacity_differs(const gcc_aimd *a, double kbps)
{
	double mean = a->capacity_bps / 1000;
	return square(kbps - mean) > square(CAPACITY_SIGMAS) * a->capacity_deviation * mean;
}

static void capacity_add(gcc_aimd *a, double bps)
{
	double kbps = bps / 1000;
	if (!a->has_capacity || (bps < a->capacity_bps && capacity_differs(a, kbps))) {
		a->has_capacity = true;
		a->capacity_bps = bps;
		return;
	}
	double mean = (1 - GCC_CAPACITY_SMOOTHING) * a->capacity_bps / 1000 + GCC_CAPACITY_SMOOTHING * kbps;
	double deviation = square(kbps - mean) / (mean > 1 ? mean : 1);
	a->capacity_bps = mean * 1000;
	deviation = (1 - GCC_CAPACITY_SMOOTHING) * a->capacity_deviation + GCC_CAPACITY_SMOOTHING * deviation;
	a->capacity_deviation = deviation < CAPACITY_DEVIATION_MIN   ? CAPACITY_DEVIATION_MIN
				: deviation > CAPACITY_DEVIATION_MAX ? CAPACITY_DEVIATION_MAX
								     : deviation;
}

void gcc_aimd_set(gcc_aimd *a, uint64_t now, double bps)
{
	a->bps = bps;
	a->last_change = now;
	if (a->has_capacity && bps > a->capacity_bps && capacity_differs(a, bps / 1000))
		a->has_capacity = false;
}

/* --- increase --- */

/* Half a packet per response time, for packets as large as a frame at this rate makes them (draft 5.5). */
static double additive_per_s(const gcc_aimd *a, uint64_t rtt_us)
{
	double frame_bits = a->bps / FRAMES_PER_S;
	double packets = (double)(uint64_t)(frame_bits / PACKET_BITS) + 1;
	double packet_bits = frame_bits / packets;
	double response_s = (double)(rtt_us + GCC_RESPONSE_EXTRA_US) / (double)US_PER_S;
	double per_s = packet_bits / response_s;
	return per_s > GCC_INCREASE_MIN_BPS ? per_s : GCC_INCREASE_MIN_BPS;
}

static void increase(gcc_aimd *a, const gcc_aimd_input *in)
{
	double seconds = a->last_change == TIME_NEVER ? 0 : (double)(in->now - a->last_change) / (double)US_PER_S;
	seconds = seconds > 1 ? 1 : seconds;
	double received = (double)in->received_bps, limit = a->bps;
	if (a->has_capacity && received > a->capacity_bps && capacity_differs(a, received / 1000))
		a->has_capacity = false;
	if (in->received_bps > 0)
		limit = GCC_INCREASE_CAP * received + GCC_INCREASE_CAP_EXTRA_BPS;
	double step = a->has_capacity ? additive_per_s(a, in->rtt_us) : a->bps * GCC_INCREASE_PER_S;
	double next = a->bps + step * seconds;
	if (next > limit)
		next = limit;
	/* What is not used says nothing of the path: probes raise the rate then. */
	if (next > a->bps && !in->application_limited)
		a->bps = next;
	a->last_change = in->now;
}

/* --- decrease --- */

static bool decrease(gcc_aimd *a, const gcc_aimd_input *in)
{
	uint64_t gap = in->rtt_us < GCC_DECREASE_GAP_MIN_US   ? GCC_DECREASE_GAP_MIN_US
		       : in->rtt_us > GCC_DECREASE_GAP_MAX_US ? GCC_DECREASE_GAP_MAX_US
							      : in->rtt_us;
	bool collapsed = in->carried_bps > 0 && (double)in->carried_bps < a->bps / 2;
	if (a->last_decrease != TIME_NEVER && in->now - a->last_decrease < gap && !collapsed)
		return false;
	double received = (double)in->carried_bps, next = a->bps * GCC_DECREASE;
	if (in->carried_bps > 0) {
		next = received * GCC_DECREASE;
		capacity_add(a, received);
	}
	a->last_change = a->last_decrease = in->now;
	if (next >= a->bps) /* a burst, above the rate: what follows it lets the queue drain */
		return false;
	a->bps = next;
	return true;
}

bool gcc_aimd_update(gcc_aimd *a, const gcc_aimd_input *in)
{
	switch (in->usage) { /* draft 5.5, table of transitions */
	case GCC_OVERUSE:
		a->state = GCC_DECREASING;
		break;
	case GCC_UNDERUSE:
		a->state = GCC_HOLD;
		break;
	case GCC_NORMAL:
		if (a->state != GCC_INCREASE)
			a->last_change = in->now;
		a->state = GCC_INCREASE;
		break;
	}
	switch (a->state) {
	case GCC_DECREASING:
		return decrease(a, in);
	case GCC_INCREASE:
		increase(a, in);
		return false;
	case GCC_HOLD:
		return false;
	}
	return false;
}
