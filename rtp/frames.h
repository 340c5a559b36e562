/*
 * rtp/frames.h: whole frames, in decode order, from the packets of one RTP stream in any order.
 *
 * The owner hands in packets with their extended sequence numbers and takes out frames. Sequence order is decode order.
 * Not here: time. A frame that lacks packets holds up those behind it until the packets come or the owner, who knows how
 * long a retransmission takes, says rtp_frames_give_up_before. Then the broken frames go, and for video nothing comes out
 * until the chain of references is whole again: mostly a key frame, which rtp_frames_needs_key asks for. Without a key
 * frame it goes on when VP8's and VP9's picture ids, TL0PICIDX and layer sync prove that nothing needed was lost.
 *
 * After each rtp_frames_insert and rtp_frames_give_up_before, rtp_frames_poll until it is false.
 */
#ifndef PARLEY_RTP_FRAMES_H
#define PARLEY_RTP_FRAMES_H

#include "base/text.h"
#include "base/trace.h"
#include "rtp/payload.h"

/* Limits. Past the first two the oldest packets are given up, so that a stream always goes on. */
#define RTP_FRAMES_PACKETS_MAX 4096u		  /* between the oldest packet held and the newest; a power of two */
#define RTP_FRAMES_BYTES_MAX (8u * 1024u * 1024u) /* of payload held */
#define RTP_FRAME_MAX (4u * 1024u * 1024u)	  /* a larger frame is broken */

/* So many numbers must have come before video other than a key frame ends the wait for earlier packets of the stream. */
#define RTP_FRAMES_START_PACKETS 16u

/* One received packet, borrowed for the call. */
typedef struct {
	uint64_t sequence;  /* extended: 16 bits from the header, wraps counted by the owner; any start */
	uint32_t timestamp; /* RTP */
	bool marker;
	uint64_t arrival; /* passed through, not looked at */
	uint32_t tag; /* passed through: what the owner wants to know of a frame's last packet, as its orientation */
	/*
	 * Without padding. Empty: a packet that belongs to no frame but has a number: padding, a probe, comfort noise, a
	 * telephone event, FEC. Hand these in too, or they look lost.
	 */
	slice payload;
} rtp_frames_packet;

typedef struct {
	slice data; /* valid until the next call on this rtp_frames */
	uint32_t timestamp;
	bool key; /* audio: always */
	uint64_t first_sequence, last_sequence;
	uint64_t first_arrival, last_arrival; /* the least and the greatest of its packets */
	uint32_t tag;			      /* of the last packet */
	bool marker;			      /* of the last packet; for audio: a talkspurt begins */
	uint64_t lost_before;  /* packets given up, and held but not used, between the previous frame and this one */
	rtp_payload_info info; /* of the first packet; its media slice is empty */
} rtp_frame;

typedef struct {
	uint64_t packets;    /* taken */
	uint64_t duplicates; /* already held */
	uint64_t late;	     /* behind what was given out or given up */
	uint64_t malformed;
	uint64_t lost;	     /* numbers given up and never seen */
	uint64_t evicted;    /* times a limit made it give up packets on its own */
	uint64_t frames;     /* given out */
	uint64_t key_frames; /* of those */
	uint64_t broken;     /* frames dropped: packets missing, malformed or too large */
	uint64_t skipped;    /* whole frames dropped for want of the frames they refer to */
} rtp_frames_stats;

/* A stretch of missing numbers with packets held behind it. */
typedef struct {
	uint64_t first, count;
	uint64_t arrival; /* of the packet right behind */
} rtp_frames_gap;

typedef struct rtp_frames_entry rtp_frames_entry;

typedef struct {
	rtp_codec codec;
	trace *trace; /* may be NULL */
	rtp_frames_stats stats;
	/* the packets, at sequence modulo capacity */
	rtp_frames_entry **ring;
	size_t capacity, held, bytes, keys; /* keys: entries that may begin a key frame */
	bool any;			    /* a packet has come: the numbers below are valid */
	bool consumed;	      /* something was given out or up: no number below `next` is taken any more */
	uint64_t next;	      /* everything below is done with */
	uint64_t end;	      /* one past the highest number held or given up */
	uint64_t lost_before; /* missing numbers below are lost */
	/* the frame at `next`: what is known of it */
	uint64_t scan; /* numbers in [next, scan) were looked at */
	bool hole;     /* one of them is lost or malformed */
	bool rescan;   /* something was inserted since the last search for a later key frame */
	/* the chain of references */
	bool after_gap; /* packets before `next` were lost: a frame's beginning must show itself */
	bool broken;	/* a frame may have been lost since the last one given out */
	bool wait_key;
	uint8_t tid_limit; /* frames of higher temporal layers refer to lost ones, until one is a layer sync */
	bool have_last;
	rtp_payload_info last; /* of the last frame given out */
	uint64_t unused;       /* for rtp_frame.lost_before */
	buf frame;	       /* the frame given out last */
	rtp_h264_sets sets;    /* H.264 */
} rtp_frames;

/* Allocates nothing yet. Video begins by waiting for a key frame. */
void rtp_frames_init(rtp_frames *f, rtp_codec codec, trace *t);
void rtp_frames_clear(rtp_frames *f);
/* Another codec, or a new stream (SSRC, sequence jump): everything held goes, numbers start anew; statistics and H.264
 * parameter sets stay. */
void rtp_frames_reset(rtp_frames *f, rtp_codec codec);

/*
 * 0: taken, or a duplicate or late one, counted and dropped. PARLEY_EPROTO: the payload is malformed: counted, and its frame is
 * broken, but its number is no longer missing. PARLEY_ENOMEM: as if it had not come.
 */
int rtp_frames_insert(rtp_frames *f, const rtp_frames_packet *p);
/* The next frame. False if there is none yet. Out of memory drops the frame as broken. */
bool rtp_frames_poll(rtp_frames *f, rtp_frame *out);
/* Missing packets numbered below sequence will not come (any more): they are lost. Never goes back. */
void rtp_frames_give_up_before(rtp_frames *f, uint64_t sequence);

/* Video that cannot go on without a key frame: ask the sender (PLI, FIR), and again until it is false. */
bool rtp_frames_needs_key(const rtp_frames *f);
/* The decoder lost its way: whatever comes, wait for a key frame. No effect on audio. */
void rtp_frames_want_key(rtp_frames *f);
/* The first gap that holds up packets behind it. To go on without: give up before gap.first + gap.count. */
bool rtp_frames_first_gap(const rtp_frames *f, rtp_frames_gap *out);
/* H.264: an SPS or PPS unit from SDP (sprop-parameter-sets, base64 decoded). */
void rtp_frames_add_parameter_set(rtp_frames *f, slice nal);

void rtp_frames_check_invariants(const rtp_frames *f);
void rtp_frames_dump(const rtp_frames *f, text *out);

#endif
