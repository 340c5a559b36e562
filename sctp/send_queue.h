/*
 * sctp/send_queue.h: messages that wait to be sent, by stream. Which stream is next is the scheduler's (scheduler.h) to say:
 * anew for each chunk with I-DATA; for each message without, since there the fragments of a message have TSNs in sequence
 * (RFC 9260 6.9).
 *
 * A message's bytes are copied here once and stay until its last chunk is acknowledged; chunks in flight point to them.
 *
 * A message may come in parts (sctp_send_part): each is a sctp_message of its own, with the same MID, and FSNs that go on. Of the
 * part that came last one byte is held back, which the last fragment will need should the message end without another part.
 */
#ifndef PARLEY_SCTP_SEND_QUEUE_H
#define PARLEY_SCTP_SEND_QUEUE_H

#include "base/list.h"
#include "sctp/scheduler.h"
#include "sctp/sctp.h"
#include "sctp/stream_map.h"

typedef enum {
	SCTP_RESET_NONE,
	SCTP_RESET_WANTED,    /* once nothing of the stream is queued or in flight */
	SCTP_RESET_REQUESTED, /* in the RE-CONFIG request that waits for its answer */
} sctp_reset_state;

typedef struct {
	uint16_t id;
	sctp_reset_state reset;
	uint32_t next_mid[2];	/* of ordered and of unordered messages; without I-DATA the SSN (RFC 8260 2.1) */
	uint32_t mid, next_fsn; /* of the message of which something was sent last */
	bool open;		/* the last message of queue is not ended yet */
	size_t open_len;	/* bytes of it so far */
	list_node queue;	/* sctp_message, not yet wholly sent */
	sctp_turn turn;		/* ready while something of the first in queue may be sent */
	list_node wanted;	/* in sctp_reconfig.wanted or sctp_send_queue.resettable */
	list_node low;		/* in sctp_send_queue.low when BUFFERED_LOW is due */
	size_t buffered;	/* bytes not yet sent once, of messages that are not uncounted */
	size_t low_threshold;
	size_t messages; /* queued or in flight */
} sctp_stream_out;

typedef struct {
	list_node node;
	sctp_stream_out *stream;
	uint16_t stream_id; /* the stream may be gone before a failure is told */
	uint32_t ppid;
	uint32_t mid;	  /* given with the first fragment */
	bool first, last; /* parts of a message; both: all of it */
	bool unordered, has_max_retransmits, has_value, uncounted, abandoned;
	uint8_t value;
	list_node by_value; /* in sctp_send_queue.by_value while nothing of it is sent */
	bool finished;	    /* nothing of it is queued or in flight: it counts no more, and is only kept to be told */
	uint32_t max_retransmits;
	uint64_t expires;	      /* TIME_NEVER: does not */
	size_t len, sent;	      /* sent: bytes that have a TSN */
	size_t chunks;		      /* outstanding ones (outstanding.h) that point here */
	uint32_t first_tsn, last_tsn; /* of its chunks; theirs if chunks is not 0 */
	uint8_t bytes[];
} sctp_message;

#define SCTP_VALUES 256u /* of a message: sctp_send_options.value */

typedef struct {
	stream_map streams; /* sctp_stream_out */
	sctp_scheduler scheduler;
	bool interleaving;	 /* I-DATA */
	sctp_stream_out *midway; /* without I-DATA: the stream whose message is sent in part, and goes on */
	size_t midway_bytes;	 /* sent of that message */
	list_node *by_value;	 /* messages with a value, by that; SCTP_VALUES lists, made when there is the first */
	list_node low;
	list_node resettable; /* streams in SCTP_RESET_WANTED of which nothing is queued or in flight any more */
	list_node failed;     /* abandoned messages, for SEND_FAILED; they are not queued any more */
	size_t cost;	      /* unsent bytes, and overhead of messages not wholly sent: against config.send_buffer */
	size_t limit;
	size_t buffered; /* sum of the streams' */
	size_t messages; /* sum of the streams' */
	size_t open;	 /* streams whose last message is not ended yet */
} sctp_send_queue;

void sctp_send_queue_init(sctp_send_queue *q, size_t limit, sctp_schedule schedule);
void sctp_send_queue_clear(sctp_send_queue *q);			      /* no message may be in flight any more */
sctp_stream_out *sctp_stream_out_of(sctp_send_queue *q, uint16_t id); /* made if new; NULL: out of memory */
/* The stream has no messages and begins anew: forgotten, with its priority and threshold. */
void sctp_stream_out_remove(sctp_send_queue *q, sctp_stream_out *s);
bool sctp_stream_out_midway(const sctp_stream_out *s); /* a message of it is sent in part */
void sctp_send_queue_restart_mids(sctp_send_queue *q); /* of all streams; none is midway */
/* A whole message; others worth less may be given up for it. PARLEY_ELIMIT, PARLEY_ENOMEM. */
int sctp_send_queue_add(sctp_send_queue *q, sctp_stream_out *s, uint64_t now, uint32_t ppid, slice bytes,
			const sctp_send_options *options);
/* The first or next part of the stream's open message; of options only those that are not limits count. An empty one only ends it. */
int sctp_send_queue_add_part(sctp_send_queue *q, sctp_stream_out *s, uint32_t ppid, slice bytes, bool last,
			     const sctp_send_options *options);
size_t sctp_message_sendable(const sctp_message *m); /* bytes of it that may be sent now, as the first of its stream */
/* The message whose next fragment is to be sent; NULL: none. */
sctp_message *sctp_send_queue_next(sctp_send_queue *q);
/* len more bytes of it have gone out, in one more chunk, of this TSN. Returns the chunk's FSN. */
uint32_t sctp_send_queue_took(sctp_send_queue *q, sctp_message *m, size_t len, uint32_t tsn);
void sctp_send_queue_close(sctp_send_queue *q, sctp_stream_out *s); /* its open message is none any more */
/* Gives it up: what is unsent of it leaves the queue, its chunks in flight remain; tell: by sctp_send_queue_poll_failed. */
void sctp_send_queue_abandon(sctp_send_queue *q, sctp_message *m, bool tell);
/* An abandoned message not told before; the caller then releases it. */
sctp_message *sctp_send_queue_poll_failed(sctp_send_queue *q);
/* Frees it if nothing of it is queued, in flight, or to be told. */
void sctp_message_release(sctp_send_queue *q, sctp_message *m);
void sctp_send_queue_make_reliable(sctp_send_queue *q);	       /* the peer knows no FORWARD TSN */
sctp_stream_out *sctp_send_queue_poll_low(sctp_send_queue *q); /* a stream for which BUFFERED_LOW is due */
void sctp_send_queue_check(const sctp_send_queue *q);

#endif
