/*
 * rtp/twcc.h: transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01): when did
 * each packet of a transport arrive? Both ends of it, and the codec between them.
 *
 * Every RTP packet of a transport, of whatever SSRC, carries one 16-bit sequence number in a header extension. The
 * receiver notes arrivals and reports them in RTCP (RTPFB, PT 205, FMT 15); the sender looks up what it sent and hands the
 * pairs of times to the bandwidth estimator (rtp/gcc.h).
 *
 * Not here: the header extension and the RTCP header with its SSRCs. The body is what RFC 4585 6.1 calls the FCI: what
 * follows the media source's SSRC. Nothing allocates; a receiver is about 33 KB, a sender about 150 KB: put them on the heap.
 */
#ifndef PARLEY_RTP_TWCC_H
#define PARLEY_RTP_TWCC_H

#include "base/bytes.h"
#include "base/text.h"

#define TWCC_FMT 15u	    /* of RTPFB (PT 205) */
#define TWCC_TICK_US 250u   /* unit of a delta */
#define TWCC_BODY_MIN 10u   /* header and one chunk */
#define TWCC_BODY_ROOM 200u /* twcc_receiver_write wants at least this much room */

/* --- the codec --- */

/* One feedback body, checked as a whole; the slices are borrowed from the packet. */
typedef struct {
	uint16_t base;	   /* first sequence number reported on */
	uint16_t count;	   /* how many sequence numbers: 1..65535 */
	int32_t reference; /* 24 bits signed, in units of 64 ms on the receiver's clock; wraps */
	uint8_t number;	   /* of this feedback, wraps: a gap is a lost feedback */
	uint16_t received; /* how many of count arrived */
	slice chunks;	   /* exactly those that cover count */
	slice deltas;
} twcc_feedback;

/* False if anything is wrong: too short, count 0, chunks that end early, the reserved symbol, deltas that end early, more
 * than 3 bytes left over. The padding that the RTCP header's P bit tells of is cut off by the caller (but may stay if it is
 * less than 4 bytes: older browsers pad without saying so). A last chunk may cover more than count: the excess is ignored. */
bool twcc_decode(slice body, twcc_feedback *out);

typedef struct {
	uint16_t sequence;
	bool received;
	int64_t offset_us; /* received only: after the reference time of this feedback; a multiple of 250 */
} twcc_status;

/* Walks the statuses of a decoded feedback: twcc_walk walk = twcc_walk_of(&feedback); while (twcc_next(&walk, &status)) */
typedef struct {
	reader chunks, deltas;
	uint16_t sequence;
	uint32_t left;	  /* statuses still to come */
	uint16_t chunk;	  /* what is left of the present vector, from the top bit on; of a run: its symbol, likewise */
	uint32_t symbols; /* left in it */
	uint8_t width;	  /* bits per symbol: 1 or 2; 0: a run */
	int64_t offset_us;
	bool bad;
} twcc_walk;

twcc_walk twcc_walk_of(const twcc_feedback *feedback);
bool twcc_next(twcc_walk *walk, twcc_status *status);

/* --- the receiving side --- */

#define TWCC_RECEIVER_WINDOW 4096u  /* sequence numbers remembered; a power of two */
#define TWCC_INTERVAL_MIN_US 50000u /* between feedbacks: about one for every 10 packets, within these bounds */
#define TWCC_INTERVAL_MAX_US 250000u
#define TWCC_INTERVAL_START_US 100000u
#define TWCC_PACKETS_PER_FEEDBACK 10u
#define TWCC_REPEAT_MAX \
	512u /* a packet later than so many is not reported on again, for it takes those after it along */
#define TWCC_PENDING_MAX 300u /* packets not reported on: feedback is due at once */

typedef struct {
	bool started;
	uint64_t newest;    /* unwrapped sequence number */
	uint64_t next;	    /* the first to report on */
	uint32_t pending;   /* arrivals since the last feedback */
	uint64_t due;	    /* TIME_NEVER: nothing to say */
	uint64_t last;	    /* when feedback was written; TIME_NEVER: never */
	uint64_t interval;  /* at present, us */
	uint8_t number;	    /* of the next feedback */
	uint64_t feedbacks; /* written so far */
	uint64_t packets, duplicates, too_old;
	uint64_t arrival[TWCC_RECEIVER_WINDOW]; /* by sequence: 0: not (yet), else time + 1 */
} twcc_receiver;

void twcc_receiver_init(twcc_receiver *r);
/* A packet with this transport-wide sequence number arrived. Duplicates and packets older than the window change nothing. */
void twcc_receiver_arrived(twcc_receiver *r, uint64_t now, uint16_t sequence);
/* When twcc_receiver_write has something to say; TIME_NEVER if nothing arrived since it last did. Never in the past of the
 * arrival that caused it. */
uint64_t twcc_receiver_deadline(const twcc_receiver *r);
/*
 * Writes the next feedback body, a multiple of 4 bytes, as long as w has room for (leave room for what else goes into the
 * packet by giving a smaller writer). False when it is not due yet, there is nothing to report, or fewer than
 * TWCC_BODY_ROOM bytes of room. Call it until false: what does not fit into one body goes into the next.
 * Packets that arrive after a feedback that called them lost are reported again, with what follows them.
 */
bool twcc_receiver_write(twcc_receiver *r, uint64_t now, writer *w);

/* --- the sending side --- */

#define TWCC_SENDER_WINDOW 4096u /* packets remembered; a power of two */
#define TWCC_RESULTS_MAX 1024u	 /* per feedback; the rest of it is ignored */

/* What became of one packet. */
typedef struct {
	uint64_t sequence; /* unwrapped: counts up by one per packet sent */
	uint64_t sent;	   /* on our clock */
	uint64_t arrived;  /* received only: on the peer's clock, whose origin is unknown; comparable with each other */
	uint32_t size;	   /* bytes, as told when it was sent */
	uint32_t cluster;  /* of the probe it belonged to; 0: none (rtp/gcc.h) */
	bool received;
} twcc_result;

typedef struct {
	uint64_t sent;
	uint32_t size;
	uint32_t cluster;
	uint8_t state; /* twcc_sender's business */
} twcc_sent;

typedef struct {
	uint64_t next;	/* unwrapped sequence number of the next packet */
	uint64_t first; /* oldest remembered */
	bool has_reference;
	int32_t reference;	     /* of the newest feedback, as received */
	int64_t reference_us;	     /* unwrapped */
	uint64_t in_flight;	     /* bytes sent that no feedback has told of, within the window */
	uint64_t highest;	     /* one past the highest sequence that any feedback told of */
	uint64_t feedbacks, refused; /* refused: named packets never sent, or older than the window, only */
	size_t result_count;
	twcc_result results[TWCC_RESULTS_MAX]; /* of the last feedback: the lost first, then the received by arrival */
	twcc_sent sent[TWCC_SENDER_WINDOW];
} twcc_sender;

/* first: the sequence number to begin with (a random one, or 0). */
void twcc_sender_init(twcc_sender *s, uint16_t first);
/* A packet of `size` bytes (all that is charged to the link: take the datagram) leaves now. Returns the number to write
 * into its header extension. cluster: of the probe it is sent for, or 0. */
uint16_t twcc_sender_sent(twcc_sender *s, uint64_t now, size_t size, uint32_t cluster);
/* Applies a decoded feedback: s->results then hold each packet it tells something new of: received, or missing for the
 * first time. A packet called lost may turn up as received later, once. Returns s->result_count. */
size_t twcc_sender_feedback(twcc_sender *s, const twcc_feedback *feedback);

#endif
