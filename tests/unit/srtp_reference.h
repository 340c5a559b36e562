/*
 * tests/unit/srtp_reference.h: SRTP and SRTCP once more, straight from RFC 3711 and RFC 7714 on OpenSSL, to hold against what
 * rtp/srtp.h makes of a packet. Knows no replay, no roll-over: the caller says which index a packet has.
 */
#ifndef PARLEY_TESTS_SRTP_REFERENCE_H
#define PARLEY_TESTS_SRTP_REFERENCE_H

#include "base/bytes.h"

/* Labels of RFC 3711 4.3.2; for SRTCP 3 more. */
enum { REFERENCE_CIPHER_KEY = 0, REFERENCE_AUTH_KEY = 1, REFERENCE_SALT = 2, REFERENCE_RTCP = 3 };

typedef struct {
	bool gcm;
	size_t key_size;
	uint8_t key[32], auth_key[20], salt[14];
} reference_keys;

/* RFC 3711 4.3.3 with a key derivation rate of 0. */
void reference_derive(slice master_key, slice master_salt, unsigned label, uint8_t *out, size_t len);
/* Session keys of one direction; profile as in rtp/srtp.h, keying as RFC 5764 4.2 orders it. */
reference_keys reference_keys_of(unsigned profile, slice keying, bool client, bool rtcp);
/* AES in counter mode over in, from this counter block. */
void reference_aes_cm(slice key, const uint8_t iv[16], slice in, uint8_t *out);

/* in is a whole packet, of which header bytes stay in the clear. Returns the length of the encrypted one. */
size_t reference_protect_rtp(const reference_keys *k, uint32_t roc, slice in, size_t header, uint8_t *out);
size_t reference_protect_rtcp(const reference_keys *k, uint32_t index, slice in, uint8_t *out);

#endif
