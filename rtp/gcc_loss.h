/*
 * rtp/gcc_loss.h: the loss-based controller (draft-ietf-rmcat-gcc-02 6): under 2 % lost the rate may rise, over 10 % it falls
 * by half of the fraction, between it stays, or rises more slowly if it has fallen before and the delay-based estimate stands guard. With transport-wide feedback it is silent until there was heavy loss.
 */
#ifndef PARLEY_RTP_GCC_LOSS_H
#define PARLEY_RTP_GCC_LOSS_H

#include <stdbool.h>
#include <stdint.h>

#define GCC_LOSS_LOW 0.02		 /* draft 6 */
#define GCC_LOSS_HIGH 0.10		 /* draft 6 */
#define GCC_LOSS_FLOOR 0.85		 /* of what arrives: that much did get through */
#define GCC_LOSS_INCREASE_PER_S 0.08	 /* draft 6 has 1.05 per report */
#define GCC_LOSS_WINDOW_PACKETS 50u	 /* a fraction is taken over at least so many packets ... */
#define GCC_LOSS_WINDOW_US 500000u	 /* ... and so long ... */
#define GCC_LOSS_WINDOW_MAX_US 2000000u	 /* ... but then whatever came */
#define GCC_LOSS_DECREASE_GAP_US 300000u /* and an RTT, between decreases */

typedef struct {
	bool limiting;
	double bps;
	double fraction;	/* of the last full window */
	uint32_t packets, lost; /* of the present window */
	uint64_t window_at;	/* TIME_NEVER: none open */
	uint64_t last_change, last_decrease;
} gcc_loss;

typedef struct {
	uint64_t now, rtt_us;
	double target;	     /* what may be sent at present */
	double received_bps; /* no decrease goes below 0.85 of it; 0: not known */
	bool guarded; /* a delay-based estimate watches the queue: what is lost at random need not hold the rate down */
} gcc_loss_input;

/* limiting: from the beginning (no transport-wide feedback), else only once there is heavy loss. */
void gcc_loss_init(gcc_loss *l, double bps, bool limiting);
/* From transport-wide feedback, as it comes. True if the rate was decreased. */
bool gcc_loss_packets(gcc_loss *l, const gcc_loss_input *in, uint32_t packets, uint32_t lost);
/* One report on its own: a receiver report, or a full window of the above. */
bool gcc_loss_report(gcc_loss *l, const gcc_loss_input *in, double fraction);
/* A probe found that the path carries this much. */
void gcc_loss_probed(gcc_loss *l, double bps);

#endif
