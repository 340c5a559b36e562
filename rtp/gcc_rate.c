/* rtp/gcc_rate.c: the received rate over a sliding window. */
#include "rtp/gcc_rate.h"

#include <string.h>

#include "base/time.h"

_Static_assert((GCC_RATE_SAMPLES & (GCC_RATE_SAMPLES - 1)) == 0, "samples are found by mask");

void gcc_rate_init(gcc_rate *r)
{
	memset(r, 0, sizeof *r);
}

/* i = 0: the newest. */
static const gcc_rate_sample *sample(const gcc_rate *r, size_t i)
{
	return &r->samples[(r->first + r->count - 1 - i) & (GCC_RATE_SAMPLES - 1)];
}

void gcc_rate_packet(gcc_rate *r, uint64_t arrived, uint32_t size)
{
	if (r->count > 0) {
		uint64_t newest = sample(r, 0)->arrived;
		if (arrived < newest) /* reordered between feedbacks: its bytes count, with what came last */
			arrived = newest - arrived > GCC_RATE_STALE_US ? arrived : newest;
		if (arrived < newest || arrived - newest > GCC_RATE_STALE_US)
			r->count = 0; /* the clock jumped, or a long silence */
	}
	if (r->count == GCC_RATE_SAMPLES) {
		r->first = (r->first + 1) & (GCC_RATE_SAMPLES - 1);
		r->count--;
	}
	r->samples[(r->first + r->count) & (GCC_RATE_SAMPLES - 1)] = (gcc_rate_sample){arrived, size};
	r->count++;
}

/* From the first packet of the window, exclusive, to the newest: its bytes came before the time that is measured. */
static uint64_t rate_over(const gcc_rate *r, uint64_t window, size_t packets_min)
{
	if (r->count < packets_min + 1)
		return 0;
	uint64_t newest = sample(r, 0)->arrived, bytes = 0;
	size_t i = 0;
	for (; i + 1 < r->count; i++) {
		if (i >= packets_min && newest - sample(r, i)->arrived >= window)
			break;
		bytes += sample(r, i)->size;
	}
	uint64_t span = newest - sample(r, i)->arrived;
	return span < US_PER_MS ? 0 : bytes * 8 * US_PER_S / span;
}

uint64_t gcc_rate_bps(const gcc_rate *r)
{
	return rate_over(r, GCC_RATE_WINDOW_US, GCC_RATE_PACKETS_MIN);
}

uint64_t gcc_rate_carried_bps(const gcc_rate *r, bool busy)
{
	uint64_t whole = gcc_rate_bps(r), lately = rate_over(r, GCC_RATE_SHORT_US, GCC_RATE_PACKETS_MIN);
	bool collapsed = lately > 0 && (double)lately < GCC_RATE_COLLAPSE * (double)whole;
	return collapsed || (busy && lately > whole) ? lately : whole;
}
