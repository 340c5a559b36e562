/*
 * rtp/gcc_rate.h: how fast does the receiver get what we send? The rate R_hat of draft-ietf-rmcat-gcc-02 5.5, over a sliding
 * window of arrival times; and whether the application fills the rate it may use.
 */
#ifndef PARLEY_RTP_GCC_RATE_H
#define PARLEY_RTP_GCC_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GCC_RATE_WINDOW_US 500000u /* draft 5.5: between 0.5 s and 1 s */
#define GCC_RATE_SHORT_US 150000u  /* enough to see a link collapse */
#define GCC_RATE_PACKETS_MIN 8u	   /* fewer in the window: it is widened to as many */
#define GCC_RATE_STALE_US 3000000u /* packets older than this never count */
#define GCC_RATE_COLLAPSE 0.6	   /* the short window counts when it is below this part of the long one */
#define GCC_RATE_SAMPLES 1024u	   /* packets in the window at most; a power of two */

typedef struct {
	uint64_t arrived;
	uint32_t size;
} gcc_rate_sample;

typedef struct {
	gcc_rate_sample samples[GCC_RATE_SAMPLES];
	size_t first, count;
} gcc_rate;

void gcc_rate_init(gcc_rate *r);
void gcc_rate_packet(gcc_rate *r, uint64_t arrived, uint32_t size);
/* Bits per second; 0: not known yet. */
uint64_t gcc_rate_bps(const gcc_rate *r);
/* What the link carries now, to go by on overuse: the same, but lately if it has just collapsed, or if its queue stands
 * (busy: it then sends without pause) and lately is more. */
uint64_t gcc_rate_carried_bps(const gcc_rate *r, bool busy);

#endif
