/*
 * sctp/congestion_bbr_model.h: what BBR believes of the path (draft-ietf-ccwg-bbr 5.5, by its names): the rate and the round trip
 * at their best, the least and most that may sensibly be in flight by what was lost, how far acknowledgements are bunched, and
 * whether the rate still grows. Knows nothing of BBR's states; congestion_bbr.c does.
 *
 * Bytes, microseconds, bytes per second. Not known, and no bound: UINT64_MAX.
 */
#ifndef PARLEY_SCTP_CONGESTION_BBR_MODEL_H
#define PARLEY_SCTP_CONGESTION_BBR_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sctp/rate.h"

#define SCTP_BBR_LOSS_THRESHOLD 0.02 /* of what is in flight in a round trip: more is too much (2.5: LossThresh) */
#define SCTP_BBR_BETA 0.7	     /* a reduction in a round trip with losses (2.5: Beta) */

typedef struct {
	/* round trips counted by packets (5.5.1) */
	uint64_t round_end; /* sctp_rate.delivered of a chunk sent in the next one, at least */
	uint64_t rounds;
	bool round_start;		    /* this acknowledgement begins one */
	uint64_t round_rtt, last_round_rtt; /* the shortest of this one and of the last */
	/* rate (5.5.2 to 5.5.6) */
	uint64_t max_bw;
	uint64_t bw_filter[2];		  /* the most of this cycle of probing, and of the one before */
	uint64_t whole_bw, last_whole_bw; /* the most that whole rounds delivered, each of two in a row; the last one */
	bool whole_lossy;		  /* and one of them lost too much */
	uint64_t bw_shortterm;
	uint64_t bw; /* the lesser */
	/* round trip (5.5.7, 5.3.4.3) */
	uint64_t min_rtt, min_rtt_at;
	uint64_t probe_rtt_min, probe_rtt_min_at; /* the least in the last five seconds */
	bool probe_rtt_expired;
	/* volume (5.5.10) */
	uint64_t inflight_longterm, inflight_shortterm;
	/* this round trip, for reacting to losses (5.5.10.3) */
	uint64_t bw_latest, inflight_latest;
	uint64_t loss_round_end;
	bool loss_round_start, loss_in_round;
	unsigned loss_events; /* acknowledgements in the round that told of losses */
	uint64_t lost_before; /* sctp_rate.lost when the round began */
	double round_loss;    /* share lost in the round that just ended */
	double base_loss;     /* ... in rounds in which our queue was empty: not of our making; smoothed */
	bool insisted;	      /* others keep the queue full, whatever is lost */
	/* bunched acknowledgements (5.5.9) */
	uint64_t extra_since, extra_delivered;
	uint64_t extra_acked[2]; /* the most of this span of rounds, and of the one before */
	uint64_t extra_span;	 /* when this span began, in rounds */
	/* is the pipe full? (5.3.1.2) */
	uint64_t full_bw;
	unsigned full_bw_rounds;
	bool full_bw_now, full_bw_reached;
} sctp_bbr_model;

struct sctp_acknowledgement;

void sctp_bbr_model_init(sctp_bbr_model *m);
void sctp_bbr_start_round(sctp_bbr_model *m, uint64_t delivered);
/* First, of each acknowledgement: rounds, the latest rate and volume, max_bw. */
void sctp_bbr_model_acked(sctp_bbr_model *m, const sctp_rate *rate, const struct sctp_acknowledgement *a);
/* At the end of a round trip with losses that were not provoked by probing: lower the bounds. */
void sctp_bbr_lower_bounds(sctp_bbr_model *m, size_t cwnd);
void sctp_bbr_aggregation(sctp_bbr_model *m, size_t cwnd, const struct sctp_acknowledgement *a);
uint64_t sctp_bbr_extra_acked(const sctp_bbr_model *m);
void sctp_bbr_check_full(sctp_bbr_model *m, const struct sctp_acknowledgement *a);
void sctp_bbr_reset_full(sctp_bbr_model *m, uint64_t bw); /* look anew, from this rate on */
void sctp_bbr_update_min_rtt(sctp_bbr_model *m, const struct sctp_acknowledgement *a);
/* Last, of each acknowledgement. */
void sctp_bbr_model_done(sctp_bbr_model *m, const struct sctp_acknowledgement *a);
/* The round that just ended was one with an empty queue. */
void sctp_bbr_note_base_loss(sctp_bbr_model *m);
/* Is that more than the path loses anyhow, by SCTP_BBR_LOSS_THRESHOLD? */
bool sctp_bbr_is_too_much(const sctp_bbr_model *m, double lost, double of);
double sctp_bbr_loss_threshold(const sctp_bbr_model *m);
void sctp_bbr_note_loss(sctp_bbr_model *m, uint64_t delivered);
void sctp_bbr_forget_losses(sctp_bbr_model *m);
void sctp_bbr_reset_shortterm(sctp_bbr_model *m);
bool sctp_bbr_is_lossy(const sctp_bbr_model *m); /* it loses more than SCTP_BBR_LOSS_THRESHOLD anyhow */
/* From now on what whole rounds deliver is noted. */
void sctp_bbr_start_whole(sctp_bbr_model *m);
/* If there was a queue all the time, and no loss: then that was all that the path has, and max_bw is no more. */
void sctp_bbr_lower_bw(sctp_bbr_model *m);
void sctp_bbr_advance_filter(sctp_bbr_model *m);	     /* a cycle of probing is over */
uint64_t sctp_bbr_bdp(const sctp_bbr_model *m, double gain); /* UINT64_MAX: not known */

#endif
