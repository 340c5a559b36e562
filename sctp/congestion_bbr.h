/*
 * sctp/congestion_bbr.h: BBR, version 3 (draft-ietf-ccwg-bbr, whose names are used): sends at the rate the path was measured to
 * deliver, with about twice its bandwidth-delay product in flight at most; probes for more now and then, for the empty path's round
 * trip every five seconds, and takes losses for congestion when they exceed 2 % of a round trip while it probes.
 *
 * Not there: ECN, which the draft leaves open too (2.11).
 */
#ifndef PARLEY_SCTP_CONGESTION_BBR_H
#define PARLEY_SCTP_CONGESTION_BBR_H

#include "sctp/congestion_bbr_model.h"
#include "sctp/outstanding.h"

typedef enum {
	SCTP_BBR_STARTUP, /* doubles its rate each round trip until that is too much */
	SCTP_BBR_DRAIN,	  /* lets the queue of it run empty */
	SCTP_BBR_DOWN,	  /* ProbeBW: below the rate, to leave room for others */
	SCTP_BBR_CRUISE,  /* at the rate */
	SCTP_BBR_REFILL,  /* fills the pipe before it probes */
	SCTP_BBR_UP,	  /* probes for more */
	SCTP_BBR_PROBE_RTT,
} sctp_bbr_state;

typedef enum { /* what acknowledgements speak of (2.9: ack_phase) */
	       SCTP_BBR_ACKS_INIT,
	       SCTP_BBR_ACKS_REFILLING,
	       SCTP_BBR_ACKS_PROBE_STARTING,
	       SCTP_BBR_ACKS_PROBE_FEEDBACK,
	       SCTP_BBR_ACKS_PROBE_STOPPING,
} sctp_bbr_acks;

typedef struct {
	sctp_bbr_state state;
	sctp_bbr_model model;
	uint64_t random;      /* state of a generator, not secret: flows are not to probe in step */
	bool recovering;      /* from loss or timeout */
	size_t prior_cwnd;    /* before recovery or ProbeRTT */
	bool idle_restart;    /* sending anew after a pause */
	uint64_t drain_round; /* in which Drain began */
	/* ProbeBW */
	sctp_bbr_acks acks;
	uint64_t cycle_at;   /* when the cycle began, */
	uint64_t down_round; /* and in which round */
	uint64_t probe_wait; /* the longest it waits to probe again */
	uint64_t rounds_since_probe;
	uint64_t ease_every; /* rounds; more after it did not help */
	bool easing;	     /* CRUISE: a queue has gathered and is let run empty */
	uint64_t ease_next;  /* the round in which that may begin, and, while it lasts, ends at the latest */
	unsigned up_rounds;  /* over which inflight_longterm has been grown */
	uint64_t up_acked, up_acked_per_packet;	  /* bytes acknowledged, towards each increase of it by a packet */
	bool probe_sample;			  /* what is acknowledged was sent while probing */
	bool probe_too_high, probe_precautionary; /* the last one */
	/* ProbeRTT */
	uint64_t probe_rtt_done_at; /* 0: not yet down there */
	bool probe_rtt_round_done;
	/* what losses changed, for when there were none */
	struct {
		bool startup, up; /* left these */
		uint64_t bw_shortterm, inflight_shortterm, inflight_longterm;
	} before;
} sctp_bbr;

/* The events of congestion.h. */
struct sctp_congestion;
struct sctp_acknowledgement;
void sctp_bbr_begin(struct sctp_congestion *c, uint32_t seed);
void sctp_bbr_resized(struct sctp_congestion *c, double ratio); /* old size of a packet to the new */
void sctp_bbr_sending(struct sctp_congestion *c, uint64_t now, size_t flight, uint64_t rto);
void sctp_bbr_lost(struct sctp_congestion *c, uint64_t now, const sctp_loss *loss);
void sctp_bbr_acked(struct sctp_congestion *c, const struct sctp_acknowledgement *ack);
void sctp_bbr_recover(struct sctp_congestion *c, uint64_t now, size_t flight);
void sctp_bbr_recovered(struct sctp_congestion *c, uint64_t now, bool timeout);
void sctp_bbr_timeout(struct sctp_congestion *c, uint64_t now, size_t flight, bool again);
void sctp_bbr_undo(struct sctp_congestion *c, uint64_t now);

#endif
