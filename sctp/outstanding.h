/*
 * sctp/outstanding.h: the chunks that have a TSN and are not yet cumulatively acknowledged: a ring indexed by TSN, and through
 * it a list of those in flight in the order in which they were sent. What a SACK does to them, which are lost (rack.h), how
 * fast they are delivered (rate.h), what is abandoned (RFC 9260 6.2.1; RFC 8985; RFC 3758 3.5). Knows no timers and no congestion
 * window: it reports.
 *
 * The cost of each call is that of the chunks whose state changes, and, for a SACK, of a look at 64 TSNs at a time of what its
 * gap blocks cover; the size of the window does not matter.
 *
 * Gap blocks are advice (RFC 9260 6.2.1): a chunk they acknowledged is kept until the cumulative TSN passes it. A peer that takes
 * one back is found out when the cumulative TSN stops just before it. (SACKs may overtake each other, and long lists are cut: that
 * a chunk is no longer listed says nothing.)
 */
#ifndef PARLEY_SCTP_OUTSTANDING_H
#define PARLEY_SCTP_OUTSTANDING_H

#include "sctp/chunk.h"
#include "sctp/rack.h"
#include "sctp/rate.h"
#include "sctp/send_queue.h"
#include "sctp/tsn_set.h"

#define SCTP_OUTSTANDING_MAX 65535u /* chunks: what gap blocks can tell of (RFC 9260 3.3.4), and SCTP_TSN_WINDOW */

typedef enum {
	SCTP_IN_FLIGHT,
	SCTP_LOST,	/* to be sent again */
	SCTP_ACKED,	/* by a gap block: may be taken back */
	SCTP_ABANDONED, /* to be skipped by FORWARD TSN */
} sctp_sent_state;

typedef struct {
	sctp_message *message;
	sctp_rate_mark mark; /* of the last transmission, with its time */
	uint32_t offset;
	uint32_t order;	       /* of the last transmission: each one of the association is one higher */
	uint32_t older, newer; /* IN_FLIGHT: TSNs sent before and after it; the ends of the list do not count */
	uint32_t transmissions;
	uint32_t fsn;
	uint16_t len;  /* 0: a stand-in for the unsent rest of an abandoned message */
	uint8_t state; /* sctp_sent_state */
} sctp_sent;

typedef struct {
	sctp_sent *ring; /* capacity of them, a power of two; at TSN modulo capacity */
	size_t capacity;
	uint32_t cumulative;	 /* acknowledged */
	uint32_t next;		 /* TSN */
	uint32_t advanced;	 /* Advanced.Peer.Ack.Point (RFC 3758 3.5 C1), at or after cumulative */
	bool crowded;		 /* advanced could go on, but the list of streams was full; until cumulative moves */
	uint32_t oldest, newest; /* ends of the list of chunks in flight; if there are any */
	uint32_t order;		 /* of the next transmission */
	sctp_tsn_set covered;	 /* by gap blocks, whatever their state */
	sctp_tsn_set lost_set;	 /* LOST */
	uint32_t lost_hint;	 /* no LOST chunk is before it */
	size_t flight;		 /* bytes IN_FLIGHT, with chunk headers: what congestion control counts */
	size_t flight_data;	 /* ... without: what the peer's window counts */
	size_t in_flight, lost, acked, abandoned; /* chunks in each state */
	sctp_rack rack;
	sctp_rate rate;
} sctp_outstanding;

typedef struct {
	bool cumulative_moved;
	size_t bytes; /* newly acknowledged, as flight counts */
	bool has_rtt; /* from the chunk sent last among those newly acknowledged, if it was sent once */
	uint64_t rtt;
	bool mistaken; /* a chunk was acknowledged that was taken for lost and not yet sent again */
	bool early;    /* ... so soon after it was sent again that it must have come the first time */
	sctp_rate_sample rate;
} sctp_ack_result;

typedef struct {
	size_t size; /* bytes, as flight counts */
	sctp_rate_mark mark;
} sctp_loss;

void sctp_outstanding_init(sctp_outstanding *o, uint32_t initial_tsn);
void sctp_outstanding_clear(sctp_outstanding *o, sctp_send_queue *q);
size_t sctp_outstanding_count(const sctp_outstanding *o);
sctp_sent *sctp_outstanding_at(const sctp_outstanding *o, uint32_t tsn);
size_t sctp_chunk_size(size_t len); /* bytes of a DATA chunk with so long a payload */
/* Room for one more (PARLEY_ENOMEM, or PARLEY_ELIMIT at SCTP_OUTSTANDING_MAX); the next call is then sure to work. */
int sctp_outstanding_reserve(sctp_outstanding *o);
/* The next len bytes of m get the next TSN and are in flight. */
uint32_t sctp_outstanding_add(sctp_outstanding *o, sctp_send_queue *q, sctp_message *m, size_t len, uint64_t now);
/* A chunk that is LOST or IN_FLIGHT goes out again. */
void sctp_outstanding_resend(sctp_outstanding *o, uint32_t tsn, uint64_t now);
/* The first LOST chunk that is still wanted at `now`; expired ones are abandoned on the way. False: none. */
bool sctp_outstanding_next_lost(sctp_outstanding *o, sctp_send_queue *q, uint64_t now, uint32_t *tsn);
/* What goes into the DATA chunk. */
sctp_data sctp_outstanding_data(const sctp_outstanding *o, uint32_t tsn);

/* False: it acknowledges what was never sent; nothing changed. An old one (RFC 9260 6.2.1 i) is fine and does nothing. */
bool sctp_outstanding_ack(sctp_outstanding *o, sctp_send_queue *q, uint64_t now, const sctp_sack *sack,
			  sctp_ack_result *result);

/* Limits within which chunks in flight are lost: */
typedef struct {
	uint64_t window; /* the time for being overtaken, sctp_rack_window */
	bool timeout;	 /* T3-rtx expired: whether anything sent later was delivered does not matter (RFC 8985 6.3) */
} sctp_lateness;

/* Makes the chunk that was sent longest ago LOST, or gives its message up, if it is late. False: it is not, or there is none. */
bool sctp_outstanding_lose_late(sctp_outstanding *o, sctp_send_queue *q, uint64_t now, sctp_lateness late,
				sctp_loss *loss);
/* When that will next be so; TIME_NEVER: not before something else is delivered. */
uint64_t sctp_outstanding_late_at(const sctp_outstanding *o, sctp_lateness late);
/* The first outstanding chunk is lost, whatever is known of it. False: it is not in flight. */
bool sctp_outstanding_lose_first(sctp_outstanding *o, sctp_send_queue *q, uint64_t now, sctp_loss *loss);
/* All in flight is lost. */
void sctp_outstanding_lose_all(sctp_outstanding *o, sctp_send_queue *q, uint64_t now);
/* They were not: LOST chunks are in flight again as they were. */
void sctp_outstanding_find(sctp_outstanding *o);

/*
 * Gives up a message that is still in the queue, sent in part or not at all. If the peer may have all that was sent, it must
 * learn that the rest never comes before another message begins: the rest gets a TSN that is only ever skipped. Call after
 * sctp_outstanding_reserve.
 */
void sctp_outstanding_abandon_queued(sctp_outstanding *o, sctp_send_queue *q, sctp_message *m);
/* The same of the message that the stream has open, with all its parts. */
void sctp_outstanding_abandon_open(sctp_outstanding *o, sctp_send_queue *q, sctp_stream_out *s);
/* Is there something to skip, for a FORWARD TSN? */
bool sctp_outstanding_must_forward(const sctp_outstanding *o);
bool sctp_outstanding_can_advance(const sctp_outstanding *o); /* ... that no FORWARD TSN told yet */
/*
 * Moves `advanced` over the abandoned chunks at the front (RFC 3758 3.5 C2) and lists the streams passed with their last
 * MID, as far as max entries go; those of unordered messages only if interleaved. Returns their count.
 */
size_t sctp_outstanding_advance(sctp_outstanding *o, bool interleaved, sctp_skipped *skipped, size_t max);
void sctp_outstanding_check(const sctp_outstanding *o);

#endif
