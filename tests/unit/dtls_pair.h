/*
 * tests/unit/dtls_pair.h: two DTLS connections and a wire between them in virtual time, which loses, doubles, delays
 * and swaps datagrams by a seed. Everything that happens follows from the seed.
 */
#ifndef PARLEY_TESTS_DTLS_PAIR_H
#define PARLEY_TESTS_DTLS_PAIR_H

#include "base/rng.h"
#include "base/time.h"
#include "dtls/dtls.h"

#define DTLS_PAIR_DATAGRAM_MAX 4096u
#define DTLS_PAIR_WIRE_MAX 1024u

typedef struct {
	uint64_t arrives; /* TIME_NEVER: free */
	int to;
	size_t len;
	uint8_t data[DTLS_PAIR_DATAGRAM_MAX];
} dtls_pair_datagram;

typedef struct {
	dtls_certificate *certificate;
	dtls_conn *conn;
	bool connected, closed, failed;
	int error;
	const char *reason;
	size_t received; /* records */
	uint8_t last[DTLS_PAIR_DATAGRAM_MAX];
	size_t last_len;
} dtls_side;

typedef struct {
	dtls_side side[2]; /* 0 is the client, 1 the server */
	uint64_t now;
	rng_seeded rng;
	unsigned lose_percent, double_percent;
	uint64_t lose_number;	      /* this one of all datagrams, counted from 1, is lost */
	uint64_t delay_us, jitter_us; /* more jitter than the distance of two datagrams swaps them */
	bool cut[2];		      /* nothing that is for this side arrives */
	slice noise[4]; /* what a forger sends to either side before each genuine datagram; empty: nothing */
	uint64_t datagrams, digest; /* of all that was sent, in order */
	size_t longest;
	dtls_pair_datagram *wire;
} dtls_pair;

enum { DTLS_CLIENT = 0, DTLS_SERVER = 1 };

/* A pair with certificates, time at `start` and 10 ms of delay; no connections yet. */
void dtls_pair_init(dtls_pair *p, uint64_t seed, uint64_t start);
void dtls_pair_clear(dtls_pair *p);
dtls_config dtls_pair_config(const dtls_pair *p, int side);
void dtls_pair_create(dtls_pair *p, int side, const dtls_config *config);
/* Both sides with default configuration, told each other's fingerprint, started. */
void dtls_pair_connect(dtls_pair *p);
void dtls_pair_trust(dtls_pair *p, int side); /* tell it the other's fingerprint */
void dtls_pair_start(dtls_pair *p, int side);

void dtls_pair_deliver(dtls_pair *p, int to, slice datagram); /* past the wire */
void dtls_pair_drain(dtls_pair *p, int from);		      /* after a call of one's own */
/* Everything that happens until time `until`, or until nothing is left to happen. */
void dtls_pair_run(dtls_pair *p, uint64_t until);

#endif
