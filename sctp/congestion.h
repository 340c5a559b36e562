/*
 * sctp/congestion.h: how much may be in flight and how fast it may leave: one interface, two controllers. CUBIC (RFC 9438) is what
 * the rest of the Internet does and takes every loss for congestion; BBR (draft-ietf-ccwg-bbr) models the path's rate and round
 * trip and takes loss for that only when there is much of it.
 *
 * A controller is told what was sent, acknowledged, lost; it keeps cwnd and pacing_rate. It knows no chunks and no timers: the
 * association does (recovery.c, transmit.c). All sizes are bytes of chunks with their headers, as sctp_outstanding.flight.
 *
 * Deviation: the initial window is 10 packets (RFC 6928) where RFC 9260 7.2.1 has min(4 MTU, max(2 MTU, 4404 bytes)).
 */
#ifndef PARLEY_SCTP_CONGESTION_H
#define PARLEY_SCTP_CONGESTION_H

#include "sctp/congestion_bbr.h"
#include "sctp/congestion_cubic.h"
#include "sctp/sctp.h"

#define SCTP_INITIAL_WINDOW_PACKETS 10u /* RFC 6928 */
#define SCTP_MIN_WINDOW_PACKETS 4u	/* RFC 9260 7.2.3; draft-ietf-ccwg-bbr 2.7: MinPipeCwnd */

typedef struct sctp_acknowledgement {
	uint64_t now;
	size_t acked;		      /* bytes newly acknowledged, cumulatively or by gap blocks */
	size_t lost;		      /* bytes newly found lost */
	size_t flight_before, flight; /* before and after both */
	bool has_rtt;
	uint64_t rtt;		/* of the chunk sent last among those acknowledged */
	uint64_t srtt, min_rtt; /* 0: not known */
	bool recovering;	/* from loss, until `recovered` */
	sctp_rate_sample sample;
} sctp_acknowledgement;

typedef struct sctp_congestion {
	sctp_congestion_control control;
	sctp_rate *rate;	/* of the association */
	size_t mtu;		/* bytes of a packet */
	size_t cwnd;		/* more may be sent while less than this is in flight */
	size_t ssthresh;	/* SIZE_MAX: none (yet) */
	uint64_t pacing_rate;	/* bytes per second; 0: not paced (yet) */
	uint64_t limited_until; /* cwnd held sending up until rate->delivered was this */
	union {
		sctp_cubic cubic;
		sctp_bbr bbr;
	};
} sctp_congestion;

/* rate: of the association; outlives this. seed: any number that other flows do not have. */
void sctp_congestion_init(sctp_congestion *c, sctp_congestion_control control, size_t mtu, sctp_rate *rate,
			  uint32_t seed);
/* Packets are of another size now: windows stay as they are, what they grow by follows (RFC 8899 3). */
void sctp_congestion_set_mtu(sctp_congestion *c, size_t mtu);
/* A packet of data is about to be sent. */
void sctp_congestion_sending(sctp_congestion *c, uint64_t now, size_t flight, uint64_t rto);
/* cwnd holds sending up, with so much in flight. */
void sctp_congestion_limited(sctp_congestion *c, size_t flight);
/* It did so in the last round trip: what is acknowledged says something of the path. */
bool sctp_congestion_is_limited(const sctp_congestion *c);
/* A chunk is lost; comes before `acked` of the same SACK, or alone when a timer found it. */
void sctp_congestion_lost(sctp_congestion *c, uint64_t now, const sctp_loss *loss);
void sctp_congestion_acked(sctp_congestion *c, const sctp_acknowledgement *ack);
/* What was sent up to now is in recovery from loss, and no longer. */
void sctp_congestion_recover(sctp_congestion *c, uint64_t now, size_t flight);
void sctp_congestion_recovered(sctp_congestion *c, uint64_t now, bool timeout); /* it was after one */
/* T3-rtx expired; again: not for the first time since something was acknowledged. */
void sctp_congestion_timeout(sctp_congestion *c, uint64_t now, size_t flight, bool again);
/* The last recover or timeout was for nothing: what was lost has arrived. */
void sctp_congestion_undo(sctp_congestion *c, uint64_t now);

#endif
