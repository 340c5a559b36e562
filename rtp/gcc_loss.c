/* rtp/gcc_loss.c: the loss-based controller. */
#include "rtp/gcc_loss.h"

#include <string.h>

#include "base/time.h"

#define NO_LONGER_LIMITING \
	1.5 /* this far above the target it says nothing: with transport-wide feedback it is let go */

void gcc_loss_init(gcc_loss *l, double bps, bool limiting)
{
	memset(l, 0, sizeof *l);
	l->bps = bps;
	l->limiting = limiting;
	l->window_at = l->last_change = l->last_decrease = TIME_NEVER;
}

static bool decrease(gcc_loss *l, const gcc_loss_input *in, double fraction)
{
	if (l->last_decrease != TIME_NEVER && in->now - l->last_decrease < GCC_LOSS_DECREASE_GAP_US + in->rtt_us)
		return false;
	double from = l->limiting && l->bps < in->target ? l->bps : in->target;
	double next = from * (1 - 0.5 * fraction);
	if (next < GCC_LOSS_FLOOR * in->received_bps)
		next = GCC_LOSS_FLOOR * in->received_bps;
	l->last_decrease = in->now;
	if (next >= from)
		return false;
	l->bps = next;
	l->limiting = true;
	return true;
}

/* What part it rises by in a second. */
static double increase(const gcc_loss_input *in, double fraction)
{
	if (fraction < GCC_LOSS_LOW)
		return GCC_LOSS_INCREASE_PER_S;
	if (!in->guarded)
		return 0;
	return GCC_LOSS_INCREASE_PER_S * (GCC_LOSS_HIGH - fraction) / (GCC_LOSS_HIGH - GCC_LOSS_LOW);
}

bool gcc_loss_report(gcc_loss *l, const gcc_loss_input *in, double fraction)
{
	double seconds = l->last_change == TIME_NEVER ? 0 : (double)(in->now - l->last_change) / (double)US_PER_S;
	l->last_change = in->now;
	l->fraction = fraction;
	if (fraction > GCC_LOSS_HIGH)
		return decrease(l, in, fraction);
	if (l->limiting)
		l->bps *= 1 + increase(in, fraction) * (seconds > 1 ? 1 : seconds);
	return false;
}

bool gcc_loss_packets(gcc_loss *l, const gcc_loss_input *in, uint32_t packets, uint32_t lost)
{
	if (l->window_at == TIME_NEVER)
		l->window_at = in->now;
	l->packets += packets;
	l->lost += lost;
	uint64_t age = in->now - l->window_at;
	bool enough = age >= GCC_LOSS_WINDOW_US && l->packets >= GCC_LOSS_WINDOW_PACKETS;
	if (l->packets == 0 || (!enough && age < GCC_LOSS_WINDOW_MAX_US))
		return false;
	double fraction = (double)l->lost / (double)l->packets;
	l->packets = l->lost = 0;
	l->window_at = in->now;
	bool fell = gcc_loss_report(l, in, fraction);
	if (l->limiting && l->bps > NO_LONGER_LIMITING * in->target)
		l->limiting = false;
	return fell;
}

void gcc_loss_probed(gcc_loss *l, double bps)
{
	if (l->limiting && l->bps < bps && l->fraction <= GCC_LOSS_HIGH)
		l->bps = bps;
}
