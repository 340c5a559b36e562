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

static bool decrease(gcc_loss *l, uint64_t now, uint64_t rtt_us, double fraction, double target)
{
	if (l->last_decrease != TIME_NEVER && now - l->last_decrease < GCC_LOSS_DECREASE_GAP_US + rtt_us)
		return false;
	double from = l->limiting && l->bps < target ? l->bps : target;
	l->bps = from * (1 - 0.5 * fraction);
	l->limiting = true;
	l->last_decrease = now;
	return true;
}

bool gcc_loss_report(gcc_loss *l, uint64_t now, uint64_t rtt_us, double fraction, double target)
{
	double seconds = l->last_change == TIME_NEVER ? 0 : (double)(now - l->last_change) / (double)US_PER_S;
	l->last_change = now;
	l->fraction = fraction;
	if (fraction > GCC_LOSS_HIGH)
		return decrease(l, now, rtt_us, fraction, target);
	if (fraction < GCC_LOSS_LOW && l->limiting)
		l->bps *= 1 + GCC_LOSS_INCREASE_PER_S * (seconds > 1 ? 1 : seconds);
	return false;
}

bool gcc_loss_packets(gcc_loss *l, uint64_t now, uint64_t rtt_us, uint32_t packets, uint32_t lost, double target)
{
	if (l->window_at == TIME_NEVER)
		l->window_at = now;
	l->packets += packets;
	l->lost += lost;
	uint64_t age = now - l->window_at;
	bool enough = age >= GCC_LOSS_WINDOW_US && l->packets >= GCC_LOSS_WINDOW_PACKETS;
	if (l->packets == 0 || (!enough && age < GCC_LOSS_WINDOW_MAX_US))
		return false;
	double fraction = (double)l->lost / (double)l->packets;
	l->packets = l->lost = 0;
	l->window_at = now;
	bool fell = gcc_loss_report(l, now, rtt_us, fraction, target);
	if (l->limiting && l->bps > NO_LONGER_LIMITING * target)
		l->limiting = false;
	return fell;
}

void gcc_loss_probed(gcc_loss *l, double bps)
{
	if (l->limiting && l->bps < bps && l->fraction <= GCC_LOSS_HIGH)
		l->bps = bps;
}
