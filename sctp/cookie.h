/*
 * sctp/cookie.h: the state cookie (RFC 9260 5.1.3): all that is needed to build the association when it comes back, so that
 * an INIT alone costs no memory. Authenticated by HMAC-SHA256 under a key of the association; plain otherwise; it holds
 * numbers only, no pointers and no secrets.
 */
#ifndef PARLEY_SCTP_COOKIE_H
#define PARLEY_SCTP_COOKIE_H

#include "sctp/chunk.h"

#define SCTP_COOKIE_KEY_SIZE 32u
#define SCTP_COOKIE_SIZE 73u /* the MAC and the fields below */

typedef struct {
	uint64_t created;	      /* microseconds, our clock */
	uint32_t local_tag, peer_tag; /* of the association to be */
	uint32_t local_tie, peer_tie; /* tags of the one that exists, or 0 (RFC 9260 5.2.2) */
	uint32_t local_tsn, peer_tsn; /* initial ones */
	uint32_t peer_window;
	uint16_t streams_out, streams_in; /* as the peer announced them */
	sctp_features features;
} sctp_cookie;

/* 0 or PARLEY_ECRYPTO. */
int sctp_cookie_seal(const sctp_cookie *cookie, const uint8_t key[SCTP_COOKIE_KEY_SIZE], uint8_t out[SCTP_COOKIE_SIZE]);
/* 0, PARLEY_EAUTH (not ours, or changed) or PARLEY_ECRYPTO. The lifetime is the caller's to check. */
int sctp_cookie_open(slice bytes, const uint8_t key[SCTP_COOKIE_KEY_SIZE], sctp_cookie *cookie);

#endif
