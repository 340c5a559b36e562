/*
 * rtp/gcc_aimd.h: from the detector's word to a rate (draft-ietf-rmcat-gcc-02 5.5): multiplicative increase while the link's
 * capacity is unknown, additive near it, a decrease to 0.85 of what arrives on overuse, hold while a queue drains.
 */
#ifndef PARLEY_RTP_GCC_AIMD_H
#define PARLEY_RTP_GCC_AIMD_H

#include "rtp/gcc_delay.h"

#define GCC_DECREASE 0.85		   /* draft 5.5: beta */
#define GCC_INCREASE_PER_S 0.08		   /* draft 5.5: eta = 1.08 per second */
#define GCC_INCREASE_MIN_BPS 4000.0	   /* additive, per second, at least */
#define GCC_INCREASE_CAP 1.5		   /* draft 5.5: not above 1.5 R_hat ... */
#define GCC_INCREASE_CAP_EXTRA_BPS 10000.0 /* ... and this */
#define GCC_CAPACITY_SMOOTHING 0.05	   /* draft 5.5: exponential average of the rates seen on overuse */
#define GCC_RESPONSE_EXTRA_US 100000u	   /* draft 5.5: response time = 100 ms + RTT */
#define GCC_DECREASE_GAP_MIN_US 10000u	   /* one decrease per RTT, within bounds */
#define GCC_DECREASE_GAP_MAX_US 200000u

typedef enum { GCC_HOLD, GCC_INCREASE, GCC_DECREASING } gcc_aimd_state;

typedef struct {
	double bps;
	gcc_aimd_state state;
	uint64_t last_change;	/* TIME_NEVER: none */
	uint64_t last_decrease; /* TIME_NEVER: none */
	bool has_capacity;
	double capacity_bps;	   /* average of what arrived when overuse was seen */
	double capacity_deviation; /* its variance over its mean, kbit/s */
} gcc_aimd;

typedef struct {
	uint64_t now, rtt_us;
	gcc_usage usage;
	uint64_t received_bps; /* 0: not known */
	uint64_t carried_bps;  /* gcc_rate_carried_bps */
	bool application_limited;
} gcc_aimd_input;

void gcc_aimd_init(gcc_aimd *a, double bps);
/* A rate known from elsewhere: the start, a probe. */
void gcc_aimd_set(gcc_aimd *a, uint64_t now, double bps);
/* True if the rate was decreased. */
bool gcc_aimd_update(gcc_aimd *a, const gcc_aimd_input *in);

#endif
