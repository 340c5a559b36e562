/*
 * stun/credentials.h: a client's long-term credentials with one server (RFC 8489 9.2): what the server last challenged
 * it with, and how the next request answers.
 *
 *   Send without. When stun_is_challenge(msg): stun_credentials_challenge; if that gives 0, build the request anew with a
 *   new transaction id, end it by stun_credentials_put (then a fingerprint, if wanted), and take its responses under
 *   stun_credentials_key.
 *
 * And the making of time-limited ones, for who shares a secret with the server.
 *
 * Not here: the transactions. User name and password are the caller's bytes and must outlive the struct. {0} is not
 * enough: stun_credentials_init.
 */
#ifndef PARLEY_STUN_CREDENTIALS_H
#define PARLEY_STUN_CREDENTIALS_H

#include "base/buf.h"
#include "base/hash.h"
#include "stun/auth.h"
#include "stun/message.h"

#define STUN_ALGORITHMS_MAX 64u /* bytes of PASSWORD-ALGORITHMS that we echo */
#define STUN_CHALLENGES_MAX 4u	/* in a row, with no request accepted: then the server goes round in circles */

typedef struct {
	slice username, password;
	bool ready; /* challenged: requests carry credentials */
	bool shown; /* a request with the present realm has been built */
	bool use_userhash, use_sha256;
	uint16_t algorithm;
	unsigned challenges; /* in a row */
	buf realm, nonce, algorithms;
	uint8_t userhash[SHA256_SIZE];
	stun_key key;
} stun_credentials;

void stun_credentials_init(stun_credentials *c, slice username, slice password);
void stun_credentials_clear(stun_credentials *c); /* frees; wipes the key */

/*
 * A 401 or 438 came. 0: ask again. PARLEY_EAUTH: refused, the password is wrong or there were too many in a row;
 * PARLEY_EPROTO: REALM or NONCE is missing, or what the nonce announces was taken out on the way (a bid-down attack);
 * PARLEY_EUNSUPPORTED: no algorithm that we know; PARLEY_ENOMEM, PARLEY_ECRYPTO. After an error: only clear.
 */
int stun_credentials_challenge(stun_credentials *c, const stun_message *msg);
/* A request was answered otherwise, under our key. */
void stun_credentials_accepted(stun_credentials *c);

/* USERNAME or USERHASH, REALM, NONCE, the algorithms if the server named some, and the integrity that covers all
 * before it. Nothing unless challenged. */
void stun_credentials_put(stun_credentials *c, writer *w);
/* Empty unless challenged. */
slice stun_credentials_key(const stun_credentials *c);

/*
 * User name and password that a TURN server takes until expiry_s, seconds since 1970, if it knows the same secret
 * (draft-uberti-behave-turn-rest; coturn's use-auth-secret): "expiry:name" ("expiry" if name is empty), and the base64 of
 * HMAC-SHA1 of that under the secret. Both are NUL-terminated. PARLEY_EMSGSIZE: the name does not fit; PARLEY_ECRYPTO.
 */
#define STUN_TIME_LIMITED_PASSWORD_SIZE BASE64_SIZE(SHA1_SIZE)
int stun_time_limited_credentials(slice secret, uint64_t expiry_s, slice name, char *username, size_t username_size,
				  char password[STUN_TIME_LIMITED_PASSWORD_SIZE]);

#endif
