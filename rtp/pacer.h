/*
 * rtp/pacer.h: when may the next packet leave? Spreads video over time, lets audio through, sends bandwidth probes.
 *
 * The pacer holds handles, not bytes: what a handle stands for, and freeing it, is the owner's business. It says what to
 * send (pop) and when to ask again (deadline). Rates come from the bandwidth estimator (rtp/gcc.h: gcc_pacing_bps,
 * gcc_target_bps, gcc_poll_probe); the two do not know each other.
 *
 * Order: audio, then retransmissions, then video, then padding; first in, first out within each. Audio is never held
 * back, but charged, so that the video behind it waits. Padding is asked for by probes only.
 *
 * Use: rtp_pacer_push as packets come into being; after each push, and at the deadline, rtp_pacer_pop until false and send
 * each; then rtp_pacer_overflow until false and throw those away.
 */
#ifndef PARLEY_RTP_PACER_H
#define PARLEY_RTP_PACER_H

#include "base/bytes.h"
#include "base/text.h"

typedef enum {
	RTP_PACER_AUDIO,
	RTP_PACER_RETRANSMISSION,
	RTP_PACER_VIDEO,
	RTP_PACER_PADDING, /* popped only, never pushed */
} rtp_pacer_priority;
#define RTP_PACER_QUEUES 3u

#define RTP_PACER_QUEUE_MAX 8192u	  /* packets per priority */
#define RTP_PACER_QUEUE_US 2000000u	  /* of target rate: more video waiting behind the first frame is thrown away */
#define RTP_PACER_QUEUE_BYTES_MIN 100000u /* ... but never less than this: some frames at a low rate */
#define RTP_PACER_BURST_US 5000u	  /* may leave at once after a pause */
#define RTP_PACER_LATE_US 100000u	  /* what a late poll missed is made up for, up to this */
#define RTP_PACER_DEBT_US 500000u	  /* audio and probes hold video back no longer */
#define RTP_PACER_PADDING_SIZE 1000u	  /* bytes asked for at a time */
#define RTP_PACER_PROBES_MAX 8u		  /* clusters waiting; the oldest go first */
#define RTP_PACER_PROBE_TIMEOUT_US 1000000u /* a cluster that takes longer is given up */

typedef struct {
	rtp_pacer_priority priority;
	uint64_t handle;  /* as pushed; 0 for padding */
	size_t size;	  /* as pushed; for padding: how many bytes are wanted, about */
	uint32_t cluster; /* the probe it belongs to (for twcc_sender_sent); 0: none */
	uint64_t queued;  /* when it was pushed */
} rtp_pacer_item;

typedef struct {
	uint32_t id;
	uint64_t bps;
	size_t bytes;	  /* at least so many bytes ... */
	uint32_t packets; /* ... and so many packets */
	uint64_t started; /* TIME_NEVER: not yet */
	size_t sent_bytes;
	uint32_t sent_packets;
} rtp_pacer_probe;

typedef struct {
	rtp_pacer_item *items;
	size_t capacity, first, count, bytes;
} rtp_pacer_queue;

typedef struct {
	uint64_t pacing_bps, target_bps;
	uint64_t next; /* when the next paced packet may leave */
	rtp_pacer_queue queues[RTP_PACER_QUEUES];
	bool grown;	     /* video was pushed since rtp_pacer_overflow last looked */
	size_t excess;	     /* packets at the end of the video queue that are still to be thrown away */
	bool padding_wanted; /* a padding item was popped and its size not told yet */
	rtp_pacer_probe probes[RTP_PACER_PROBES_MAX];
	size_t probe_count;
	uint64_t popped[RTP_PACER_QUEUES + 1], overflowed, probes_done, probes_given_up;
} rtp_pacer;

/* Nothing is allocated before the first push. Rates in bits per second, > 0. */
void rtp_pacer_init(rtp_pacer *p, uint64_t pacing_bps, uint64_t target_bps);
void rtp_pacer_clear(rtp_pacer *p); /* take the handles out before with rtp_pacer_drain if they own something */
/* Both are the estimator's; a rate of 0 is taken as 1. From the next packet on. */
void rtp_pacer_set_rates(rtp_pacer *p, uint64_t pacing_bps, uint64_t target_bps);

/* PARLEY_ELIMIT: the queue is full (the handle stays the caller's); PARLEY_ENOMEM; PARLEY_EINVAL: size 0 or over 65535, or padding. */
int rtp_pacer_push(rtp_pacer *p, uint64_t now, rtp_pacer_priority priority, size_t size, uint64_t handle);
/* True: send *out now. A padding item wants a packet made of about out->size bytes (retransmissions of old packets, RFC
 * 4588, or padding-only packets); rtp_pacer_padding_sent must follow before the next pop. */
bool rtp_pacer_pop(rtp_pacer *p, uint64_t now, rtp_pacer_item *out);
/* How many bytes and packets were sent for the last padding item. 0 bytes: no padding can be made; the probe is then given up. */
void rtp_pacer_padding_sent(rtp_pacer *p, uint64_t now, size_t bytes, uint32_t packets);
/* When to pop again; TIME_NEVER if nothing waits. */
uint64_t rtp_pacer_deadline(const rtp_pacer *p, uint64_t now);

/* Bytes of video that may wait at this target. */
size_t rtp_pacer_video_limit(uint64_t target_bps);

/* True: the video queue grew over its limit, and *out is one packet of it to throw away, from its end; repeat until false. All
 * goes but the frame that the queue begins with: the rest would come too late, and decoding goes on with a key frame, which the
 * owner should ask its encoder for. That first frame goes out however large it is, else a key frame that takes longer
 * than RTP_PACER_QUEUE_US would never arrive. Retransmissions and audio stay. */
bool rtp_pacer_overflow(rtp_pacer *p, rtp_pacer_item *out);
/* Takes any item out, without sending it; false when all queues are empty. */
bool rtp_pacer_drain(rtp_pacer *p, rtp_pacer_item *out);

/* Sends a probe of at least `bytes` in `packets` packets at bps: what waits in the queues, and padding when nothing does.
 * Ignored when RTP_PACER_PROBES_MAX are waiting. */
void rtp_pacer_probe_start(rtp_pacer *p, uint64_t now, uint32_t id, uint64_t bps, size_t bytes, uint32_t packets);

/* Bytes waiting (all priorities), and how long they will take at the pacing rate. */
size_t rtp_pacer_queued_bytes(const rtp_pacer *p);
uint64_t rtp_pacer_queue_time(const rtp_pacer *p);
void rtp_pacer_check_invariants(const rtp_pacer *p);
void rtp_pacer_dump(const rtp_pacer *p, text *out);

#endif
