/*
 * sctp/congestion_cubic.h: CUBIC (RFC 9438): slow start with HyStart++, a window that grows with the cube of the time since the
 * last loss, a reduction to 0.7 made by proportional rate reduction, and what a mistaken loss took given back.
 */
#ifndef PARLEY_SCTP_CONGESTION_CUBIC_H
#define PARLEY_SCTP_CONGESTION_CUBIC_H

#include "sctp/congestion_hystart.h"
#include "sctp/congestion_prr.h"
#include "sctp/outstanding.h"

typedef struct {		       /* what grows the window, in packets and seconds as RFC 9438 4.1 has it */
	bool running;		       /* congestion avoidance has begun since the last reduction */
	uint64_t epoch;		       /* when */
	uint64_t last_ack;	       /* for time in which cwnd was not the limit and that does not count */
	double window;		       /* cwnd with its fraction */
	double w_max, k, w_est, prior; /* prior: cwnd before the last reduction */
} sctp_cubic_curve;

typedef struct {
	sctp_cubic_curve curve;
	sctp_hystart hystart;
	sctp_prr prr;
	uint64_t last_sent; /* for the decay of an idle window */
	size_t pipe;	    /* what the path holds, as measured in slow start; 0: not known */
	uint64_t full_at; /* when slow start found the path full and took the window back to what it holds; 0: never */
	uint64_t lost_sent_at; /* the latest that anything found lost since the last reduction was sent */
	struct {
		size_t cwnd, ssthresh;
		sctp_cubic_curve curve;
	} before; /* the last reduction */
} sctp_cubic;

/* The events of congestion.h. */
struct sctp_congestion;
struct sctp_acknowledgement;
void sctp_cubic_begin(struct sctp_congestion *c, uint32_t seed);
void sctp_cubic_resized(struct sctp_congestion *c, double ratio); /* old size of a packet to the new */
void sctp_cubic_sending(struct sctp_congestion *c, uint64_t now, size_t flight, uint64_t rto);
void sctp_cubic_lost(struct sctp_congestion *c, uint64_t now, const sctp_loss *loss);
void sctp_cubic_acked(struct sctp_congestion *c, const struct sctp_acknowledgement *ack);
void sctp_cubic_recover(struct sctp_congestion *c, uint64_t now, size_t flight);
void sctp_cubic_recovered(struct sctp_congestion *c, uint64_t now, bool timeout);
void sctp_cubic_timeout(struct sctp_congestion *c, uint64_t now, size_t flight, bool again);
void sctp_cubic_undo(struct sctp_congestion *c, uint64_t now);

#endif
