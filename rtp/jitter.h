/*
 * rtp/jitter.h: how unevenly packets come (RFC 3550 6.4.1, A.8), and how long frames wait for a missing one because of it.
 *
 * The frames themselves wait in rtp/frames.h; frames leave as soon as they are whole and their turn: when to show them is the
 * business of whoever plays them.
 */
#ifndef PARLEY_RTP_JITTER_H
#define PARLEY_RTP_JITTER_H

#include <stdbool.h>
#include <stdint.h>

#define RTP_JITTER_RESET_US 3000000u	 /* a step between two packets larger than this is a pause, not jitter */
#define RTP_JITTER_REORDER_MIN_US 20000u /* without retransmission: this, or 3 times the jitter */
#define RTP_JITTER_REORDER_MAX_US 200000u
#define RTP_JITTER_RETRANSMIT_MIN_US 200000u /* with: a few round trips, */
#define RTP_JITTER_RETRANSMIT_MAX_US 500000u /* but no longer than a call can stand still */
#define RTP_JITTER_ROUND_TRIPS 5u

typedef struct {
	bool started;
	uint32_t transit; /* of the last packet: arrival - timestamp in units of the clock; wraps */
	uint64_t scaled;  /* jitter in units of the clock times 16 */
} rtp_jitter;

/* A packet that was not a retransmission arrived. */
void rtp_jitter_arrived(rtp_jitter *j, uint64_t now, uint32_t timestamp, uint32_t clock_rate);
uint32_t rtp_jitter_units(const rtp_jitter *j); /* for report blocks */
uint64_t rtp_jitter_us(const rtp_jitter *j, uint32_t clock_rate);
/* How long a hole is waited for, from the arrival of the packet behind it on. */
uint64_t rtp_jitter_wait(uint64_t jitter_us, bool retransmission, uint64_t rtt_us);

#endif
