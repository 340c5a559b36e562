/*
 * tests/support/rtp_pair.h: two RTP sessions and the link between them, on a virtual clock: delay, jitter (hence
 * reordering), loss, duplication, by a seed; and made-up frames that tell their number, so that each that comes out can be
 * compared with the one that went in. Invariants are checked after every step.
 */
#ifndef PARLEY_TESTS_RTP_PAIR_H
#define PARLEY_TESTS_RTP_PAIR_H

#include "base/rng.h"
#include "base/time.h"
#include "rtp/session.h"

#define RTP_PAIR_PACKETS 16384u
#define RTP_PAIR_FLOWS 4u
#define RTP_PAIR_FRAME_MAX 262144u
#define RTP_PAIR_MTU 1200u
/* Ids and payload types that rtp_pair_add_flow negotiates. */
#define RTP_PAIR_PT 96u
#define RTP_PAIR_RTX_PT 97u

typedef struct {
	uint64_t at, number;
	int to;
	size_t len;
	uint8_t *bytes;
} rtp_pair_packet;

/* One stream from side 0 to side 1. */
typedef struct {
	rtp_codec codec;
	rtp_sender_config send;
	rtp_receiver_config receive;
	rtp_sender_id sender;
	rtp_receiver_id receiver;
	uint64_t interval_us, started, next; /* of frames */
	size_t frame_len;
	unsigned number;     /* of the next frame */
	bool key_next;	     /* the receiver wants one */
	unsigned refused;    /* frames that send_frame did not take */
	uint64_t lost;	     /* the sum of lost_before */
	unsigned key_wanted; /* events */
	unsigned got;
	int last; /* number of the last frame that came; -1: none */
	unsigned active, ended;
	uint32_t ssrc; /* of the last ACTIVE */
	uint64_t delay_sum, delay_max;
} rtp_pair_flow;

typedef struct rtp_pair rtp_pair;
struct rtp_pair {
	rtp_session_config config[2];
	rtp_session *end[2];
	uint64_t now;
	rng_seeded rng, secrets[2];
	/* the link */
	uint64_t delay_us, jitter_us;
	unsigned loss_per_mille, duplicate_per_mille;
	uint64_t bps[2], busy_until[2]; /* 0: no limit; else a queue of 300 ms */
	bool (*drop)(rtp_pair *p, int from, slice bytes);
	rtp_pair_packet packets[RTP_PAIR_PACKETS]; /* a heap by time */
	size_t packet_count, sent[2], dropped[2];
	uint64_t number;
	rtp_pair_flow flows[RTP_PAIR_FLOWS];
	size_t flow_count;
	size_t raw_packets; /* PACKET events of side 1 */
	uint16_t raw_sequence;
	uint64_t target; /* the last TARGET_BITRATE of side 0 */
	void *user;
};

rtp_pair *rtp_pair_new(uint64_t seed);	      /* default configs, 40 ms delay; change them before rtp_pair_create */
bool rtp_pair_create(rtp_pair *p, bool keys); /* false: out of memory */
int rtp_pair_set_keys(rtp_pair *p, int side);
void rtp_pair_free(rtp_pair *p);
/* The configs of a flow as an offer and answer with everything would have it. */
rtp_pair_flow *rtp_pair_add_flow(rtp_pair *p, rtp_codec codec);
int rtp_pair_start_flow(rtp_pair *p, rtp_pair_flow *f); /* adds sender and receiver; the error of either */
void rtp_pair_drain(rtp_pair *p);
void rtp_pair_run(rtp_pair *p, uint64_t us);
void rtp_pair_stop(rtp_pair *p); /* no more frames of any flow */
/* The frame with this number into out (RTP_PAIR_FRAME_MAX); returns its length. */
size_t rtp_pair_make_frame(rtp_codec codec, unsigned number, bool key, size_t len, uint8_t *out);

#endif
