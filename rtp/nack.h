/*
 * rtp/nack.h: which packets of a stream are missing, and when to ask for them (RFC 4585 6.2.1).
 *
 * Numbers are extended (rtp_unwrap16). Not here: writing the message, and how long the frames wait (rtp/jitter.h).
 */
#ifndef PARLEY_RTP_NACK_H
#define PARLEY_RTP_NACK_H

#include "base/bytes.h"

#define RTP_NACK_MISSING_MAX 1000u /* numbers asked for at a time; when more are missing the oldest are given up */
#define RTP_NACK_TRIES_MAX 10u
#define RTP_NACK_DELAY_US 10000u     /* before the first: it may only be late (reordered) */
#define RTP_NACK_RETRY_MIN_US 20000u /* between two for one packet: at least this, else the round trip and a little */
#define RTP_NACK_MESSAGE_MAX 253u    /* numbers in one message */

typedef struct {
	int64_t sequence;
	uint64_t due;  /* when to ask (again); TIME_NEVER: no more */
	uint64_t sent; /* last asked */
	uint32_t tries;
} rtp_nack_entry;

typedef struct {
	rtp_nack_entry *entries; /* by sequence; capacity RTP_NACK_MISSING_MAX, allocated with the first gap */
	size_t count;
	bool started;
	int64_t highest;
	bool has_rtt;
	uint64_t rtt_us;      /* from asking to coming, where it was asked for once; smoothed */
	uint64_t overflowed;  /* numbers given up for lack of room */
	uint64_t recovered;   /* asked for and come */
	uint64_t unrecovered; /* asked for and given up */
} rtp_nack;

void rtp_nack_clear(rtp_nack *n);
/* A packet came, by itself or by retransmission. True: it was missing. Out of memory, or a gap too large: then those numbers
 * are not asked for. */
bool rtp_nack_received(rtp_nack *n, uint64_t now, int64_t sequence);
bool rtp_nack_is_missing(const rtp_nack *n, int64_t sequence);
/* Nobody waits for these any more. */
void rtp_nack_forget_before(rtp_nack *n, int64_t sequence);
/* Those to be asked for now, in order; they count as asked. Returns how many, at most capacity. */
size_t rtp_nack_take_due(rtp_nack *n, uint64_t now, uint64_t rtt_us, uint16_t *out, size_t capacity);
uint64_t rtp_nack_deadline(const rtp_nack *n);
void rtp_nack_check_invariants(const rtp_nack *n);

#endif
