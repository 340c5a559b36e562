/*
 * base/time.h: units of time. All core code takes `now` as monotonic microseconds and never reads a clock.
 */
#ifndef PARLEY_BASE_TIME_H
#define PARLEY_BASE_TIME_H

#include <stdint.h>

#define TIME_NEVER UINT64_MAX
#define US_PER_MS UINT64_C(1000)
#define US_PER_S UINT64_C(1000000)

static inline uint64_t time_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* now + delay, saturating below TIME_NEVER so that a far deadline is still one. */
static inline uint64_t time_after(uint64_t now, uint64_t delay)
{
	return delay < TIME_NEVER - 1 - now ? now + delay : TIME_NEVER - 1;
}

#endif
