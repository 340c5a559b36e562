/*
 * tests/unit/sctp_pair.h: two associations and the link between them, on a virtual clock: delay, jitter (hence reordering),
 * loss, duplication, by a seed. Invariants are checked after every step.
 */
#ifndef PARLEY_TESTS_SCTP_PAIR_H
#define PARLEY_TESTS_SCTP_PAIR_H

#include "base/rng.h"
#include "base/time.h"
#include "sctp/sctp.h"

#define PAIR_PACKETS 65536u

typedef struct {
	uint64_t at, number;
	int to;
	size_t len;
	uint8_t *bytes;
} pair_packet;

typedef struct pair pair;
struct pair {
	sctp_config config[2];
	sctp_association *end[2];
	uint64_t now;
	rng_seeded rng;
	rng_seeded secrets[2];
	/* the link */
	uint64_t delay_us, jitter_us;
	unsigned loss_per_mille, duplicate_per_mille;
	bool (*drop)(pair *p, int from, slice bytes); /* true: this packet is lost; may be NULL */
	pair_packet *packets;			      /* a heap by time */
	size_t packet_count, sent[2];
	uint64_t number;
	/* what came out: index is the side that got it */
	void (*on_event)(pair *p, int side, const sctp_event *event); /* may be NULL */
	void (*pump)(pair *p, int side); /* replaces the taking of events, for layers above */
	bool connected[2], closed[2];
	int error[2];
	char reason[2][256];
	size_t messages[2], failed[2], low[2], resets_in[2], resets_out[2], denied[2], restarted[2];
	size_t parts[2];
	size_t changes[2]; /* STREAMS_CHANGED */
	int change_error[2];
	uint64_t bytes[2];
	uint8_t *last[2]; /* the last message */
	size_t last_len[2];
	uint16_t last_stream[2];
	uint32_t last_ppid[2];
	bool unchecked;	     /* no invariants: they look at every stream */
	bool hold_events[2]; /* do not take events: a slow application */
	void *user;
};

void pair_prepare(pair *p, uint64_t seed); /* default configs, 20 ms delay; change them before pair_create */
bool pair_create(pair *p);		   /* false: out of memory */
void pair_clear(pair *p);
void pair_drain(pair *p); /* both ends' events and packets, after a call */
void pair_inject(pair *p, int to, slice bytes);
/* Runs for a time; or until done(p), at most that long: returns whether it came to that. */
void pair_run(pair *p, uint64_t us);
bool pair_run_until(pair *p, bool (*done)(pair *p), uint64_t us);
bool pair_both_connected(pair *p);
bool pair_connect(pair *p); /* created, both call connect, run until both are connected */
/* A packet to side `to` with its right ports, tag and checksum, around chunks. */
size_t pair_wrap(const pair *p, int to, slice chunks, uint8_t *out, size_t capacity);
void pair_fill(uint8_t *out, size_t len, uint32_t seed); /* bytes that depend on seed and place */

#endif
