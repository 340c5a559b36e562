/*
 * sctp/outstanding.h: the chunks that have a TSN and are not yet cumulatively acknowledged: a ring indexed by TSN. What a
 * SACK does to them, what counts as lost, what is abandoned (RFC 9260 6.2.1, 7.2.4; RFC 3758 3.5). Knows no timers and no
 * congestion window: it reports.
 *
 * Loss: a chunk is lost when three SACKs acknowledged something sent later (RFC 9260 7.2.4), counted against when chunks
 * were last sent rather than their TSN alone, so that a lost retransmission is found too.
 */
#ifndef PARLEY_SCTP_OUTSTANDING_H
#define PARLEY_SCTP_OUTSTANDING_H

#include "sctp/chunk.h"
#include "sctp/send_queue.h"

#define SCTP_MISSING_REPORTS 3u	    /* RFC 9260 7.2.4 */
#define SCTP_OUTSTANDING_MAX 16384u /* chunks in flight: what a peer of our kind takes (SCTP_TSN_WINDOW) */

typedef enum {
	SCTP_IN_FLIGHT,
	SCTP_LOST,	/* to be sent again */
	SCTP_ACKED,	/* by a gap block: may be taken back (RFC 9260 6.2.1 iv) */
	SCTP_ABANDONED, /* to be skipped by FORWARD TSN */
} sctp_sent_state;

typedef struct {
	sctp_message *message;
	uint32_t offset;
	uint32_t fsn;
	uint16_t len;  /* 0: a stand-in for the unsent rest of an abandoned message */
	uint8_t state; /* sctp_sent_state */
	uint8_t missing;
	uint32_t transmissions;
	uint64_t sent_at;
} sctp_sent;

typedef struct {
	sctp_sent *ring; /* capacity of them, a power of two; at TSN modulo capacity */
	size_t capacity;
	uint32_t cumulative; /* acknowledged */
	uint32_t next;	     /* TSN */
	uint32_t advanced;   /* Advanced.Peer.Ack.Point (RFC 3758 3.5 C1), at or after cumulative */
	bool crowded;	     /* advanced could go on, but the list of streams was full; until cumulative moves */
	uint32_t lost_hint;  /* no LOST chunk is before it */
	size_t flight;	     /* bytes IN_FLIGHT */
	size_t in_flight, lost, acked, abandoned; /* chunks in each state */
} sctp_outstanding;

typedef struct {
	bool cumulative_moved;
	size_t bytes; /* newly acknowledged */
	bool has_rtt; /* from the latest chunk newly acknowledged that was sent once */
	uint64_t rtt;
	bool lost; /* chunks became LOST (or were given up) */
} sctp_ack_result;

void sctp_outstanding_init(sctp_outstanding *o, uint32_t initial_tsn);
void sctp_outstanding_clear(sctp_outstanding *o, sctp_send_queue *q);
size_t sctp_outstanding_count(const sctp_outstanding *o);
sctp_sent *sctp_outstanding_at(const sctp_outstanding *o, uint32_t tsn);
/* Room for one more (PARLEY_ENOMEM, or PARLEY_ELIMIT at SCTP_OUTSTANDING_MAX); the next call is then sure to work. */
int sctp_outstanding_reserve(sctp_outstanding *o);
/* The next len bytes of m get the next TSN and are in flight. */
uint32_t sctp_outstanding_add(sctp_outstanding *o, sctp_send_queue *q, sctp_message *m, size_t len, uint64_t now);
/* A LOST chunk goes out again. */
void sctp_outstanding_resend(sctp_outstanding *o, uint32_t tsn, uint64_t now);
/* The first LOST chunk that is still wanted at `now`; expired ones are abandoned on the way. False: none. */
bool sctp_outstanding_next_lost(sctp_outstanding *o, sctp_send_queue *q, uint64_t now, uint32_t *tsn);
/* What goes into the DATA chunk. */
sctp_data sctp_outstanding_data(const sctp_outstanding *o, uint32_t tsn);

/* False: it acknowledges what was never sent; nothing changed. An old one (RFC 9260 6.2.1 i) is fine and does nothing. */
bool sctp_outstanding_ack(sctp_outstanding *o, sctp_send_queue *q, uint64_t now, const sctp_sack *sack,
			  bool in_recovery, sctp_ack_result *result);
/* T3-rtx expired: all in flight is lost. */
void sctp_outstanding_timeout(sctp_outstanding *o, sctp_send_queue *q, uint64_t now);
/*
 * Gives up a message that is still in the queue, sent in part or not at all. If the peer may have all that was sent, it must
 * learn that the rest never comes before another message begins: the rest gets a TSN that is only ever skipped. Call after
 * sctp_outstanding_reserve.
 */
void sctp_outstanding_abandon_queued(sctp_outstanding *o, sctp_send_queue *q, sctp_message *m);
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
