/*
 * stun/auth.h: who wrote a message: keys (RFC 8489 9), and the checks of MESSAGE-INTEGRITY and FINGERPRINT.
 *
 * Not here: which credentials belong to whom, nonces of a server. User names, realms and passwords are taken as they
 * are: RFC 8489 wants them prepared by the PRECIS profile OpaqueString (RFC 8265), which leaves ASCII unchanged; a
 * caller with other characters prepares them itself.
 */
#ifndef PARLEY_STUN_AUTH_H
#define PARLEY_STUN_AUTH_H

#include "base/hash.h"
#include "stun/message.h"

/* Messages longer than this are not authenticated (PARLEY_EAUTH): bounds the copy that a check makes. Room for a DTLS
 * datagram in an ICE check; TURN data travels in messages without integrity. */
#define STUN_AUTHENTICATED_MAX 4096u

typedef struct {
	uint8_t bytes[SHA256_SIZE];
	size_t len; /* 16 (MD5) or 32 (SHA-256) */
} stun_key;

/* The CRC of FINGERPRINT is right (RFC 8489 14.7). False also if the message has none. */
bool stun_check_fingerprint(const stun_message *m);

/*
 * The message was made by one who has key, its integrity covers everything in the struct (but FINGERPRINT). The key of
 * short-term credentials is the password; of long-term ones see below. If both integrity attributes are there the
 * SHA-256 one is checked (RFC 8489 9.1.3). Truncated SHA-256 is refused. Compares in constant time.
 * 0; PARLEY_EAUTH: wrong; PARLEY_ENOTFOUND: it has none; PARLEY_ECRYPTO.
 */
int stun_check_integrity(const stun_message *m, slice key);

/* Long-term key (RFC 8489 9.2.2, 18.5.1): MD5 or SHA-256 of "username:realm:password". algorithm is STUN_ALGORITHM_MD5
 * also where the server named none. PARLEY_EUNSUPPORTED: another algorithm; PARLEY_ENOMEM; PARLEY_ECRYPTO. Wipe the
 * key when done. */
int stun_long_term_key(uint16_t algorithm, slice username, slice realm, slice password, stun_key *key);
/* The value of USERHASH: SHA-256 of "username:realm" (RFC 8489 14.4). */
int stun_userhash(slice username, slice realm, uint8_t out[SHA256_SIZE]);
static inline slice stun_key_slice(const stun_key *key)
{
	return slice_of(key->bytes, key->len);
}

/* Security features that a nonce's cookie announces (RFC 8489 9.2, 18.1), 24 bits; 0 where there is no cookie. */
#define STUN_FEATURE_PASSWORD_ALGORITHMS 0x800000u /* bit 0, counted from the most significant */
#define STUN_FEATURE_USERHASH 0x400000u
uint32_t stun_nonce_features(slice nonce);

#endif
