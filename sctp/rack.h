/*
 * sctp/rack.h: when a chunk counts as lost (RACK, RFC 8985 6, carried over to TSNs): once one that was sent later has arrived,
 * and time enough for being overtaken has passed. Knows no ring and no timers: outstanding.c keeps the chunks in the order in
 * which they were sent, so that only those that are lost need to be looked at.
 *
 * In place of TCP's DSACK stand the duplicate TSNs of a SACK (RFC 9260 3.3.4).
 */
#ifndef PARLEY_SCTP_RACK_H
#define PARLEY_SCTP_RACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {		  /* the least of the last one to two periods */
	uint64_t value, previous; /* UINT64_MAX: none */
	uint64_t since;
} sctp_minimum;

typedef struct {
	sctp_minimum min_rtt;
	bool any;	    /* something was delivered: */
	uint32_t order;	    /* the chunk sent last among those delivered: its place in the order of sending */
	uint64_t rtt;	    /* of the chunk delivered last */
	uint32_t highest;   /* TSN delivered */
	bool reordering;    /* a chunk sent once arrived after a higher one */
	unsigned multiple;  /* of min_rtt / 4: the window for reordering */
	unsigned persist;   /* recoveries until `multiple` is 1 again */
	bool in_round;	    /* duplicates were counted in this round trip, */
	uint32_t round_end; /* which ends when this TSN is acknowledged */
} sctp_rack;

void sctp_rack_init(sctp_rack *r, uint32_t initial_tsn);
/* A chunk is delivered: which, when it was sent last and as which one, whether more than once. */
void sctp_rack_delivered(sctp_rack *r, uint64_t now, uint32_t tsn, uint64_t sent_at, uint32_t order, bool resent);
/* A SACK came; duplicates: it lists TSNs that came twice, which we had sent twice. next: not yet sent. */
void sctp_rack_round(sctp_rack *r, uint32_t cumulative, uint32_t next, bool duplicates);
void sctp_rack_recovered(sctp_rack *r);
/* How long after its round trip a chunk may be late: gap_acked chunks are beyond it. */
uint64_t sctp_rack_window(const sctp_rack *r, bool recovering, size_t gap_acked, uint64_t srtt);
uint64_t sctp_rack_min_rtt(const sctp_rack *r); /* 0: not known */

#endif
