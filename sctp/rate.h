/*
 * sctp/rate.h: how fast the path delivers, measured from acknowledgements (draft-ietf-ccwg-bbr 4.1, after
 * draft-cheng-iccrg-delivery-rate-estimation). Each chunk sent carries a mark of what was delivered so far; its
 * acknowledgement gives a sample: what was delivered in between, over the longer of the times that sending and
 * acknowledging took.
 *
 * Bytes are those of chunks with their headers. Times are microseconds, rates bytes per second.
 */
#ifndef PARLEY_SCTP_RATE_H
#define PARLEY_SCTP_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct { /* of a chunk, at its last transmission: P.* of the draft */
	uint64_t sent_at;
	uint64_t delivered, delivered_at, first_sent_at;
	uint64_t lost;
	uint32_t flight; /* with this chunk */
	bool app_limited;
} sctp_rate_mark;

typedef struct {
	uint64_t sent;		/* bytes so far, each time they were sent */
	uint64_t delivered;	/* bytes acknowledged so far */
	uint64_t lost;		/* bytes found lost so far */
	uint64_t delivered_at;	/* when delivered last grew */
	uint64_t first_sent_at; /* when the chunk most lately delivered was sent, or sending began after a pause */
	uint64_t
		app_limited; /* until delivered exceeds this, the owner's lack of data limits what is measured; 0: it does not */
} sctp_rate;

typedef struct {		   /* of one acknowledgement: RS.* of the draft */
	bool valid;		   /* something was delivered: the fields down to flight count */
	bool app_limited;	   /* of the chunk sent last among those delivered, as are flight and lost */
	uint64_t prior;		   /* `delivered` when that chunk was sent */
	uint64_t delivered;	   /* since it was sent */
	uint64_t lost;		   /* since it was sent */
	uint32_t flight;	   /* when it was sent */
	uint64_t bytes_per_second; /* 0: the interval is too short to tell */
	uint64_t interval;
} sctp_rate_sample;

typedef struct { /* what is gathered while an acknowledgement is worked through */
	bool any;
	uint64_t send_elapsed, ack_elapsed;
	sctp_rate_mark newest;
} sctp_rate_pass;

/* A chunk of `size` goes out; flight includes it. */
sctp_rate_mark sctp_rate_sent(sctp_rate *r, uint64_t now, size_t flight, size_t size);
/* One is delivered; newest: it was sent after all others of this pass so far. */
void sctp_rate_delivered(sctp_rate *r, sctp_rate_pass *pass, uint64_t now, const sctp_rate_mark *mark, size_t size,
			 bool newest);
sctp_rate_sample sctp_rate_take(sctp_rate *r, const sctp_rate_pass *pass, uint64_t min_rtt);
/* The owner has nothing more to send, though it might. */
void sctp_rate_limit(sctp_rate *r, size_t flight);

#endif
