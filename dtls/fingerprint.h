/*
 * dtls/fingerprint.h: the certificate fingerprints of a description, and whether a certificate is one of them (RFC
 * 8122 5).
 */
#ifndef PARLEY_DTLS_FINGERPRINT_H
#define PARLEY_DTLS_FINGERPRINT_H

#include <openssl/x509.h>

#include "base/bytes.h"
#include "dtls/dtls.h"

typedef struct {
	size_t count;
	struct {
		size_t len; /* of the digest, which tells the algorithm: 32, 48 or 64 */
		uint8_t bytes[DTLS_FINGERPRINT_BYTES_MAX];
	} entries[DTLS_FINGERPRINTS_MAX];
} dtls_fingerprints;

/* One more; one that is in the set already changes nothing. PARLEY_EUNSUPPORTED: the algorithm; PARLEY_EINVAL: the
 * value; PARLEY_ELIMIT: the set is full; PARLEY_ESTATE: it is new, and the set is `closed`. */
int dtls_fingerprint_add(dtls_fingerprints *set, slice algorithm, slice value, bool closed);

/* Is the certificate one of those with the strongest algorithm in the set? In constant time. An empty set: no. */
bool dtls_fingerprint_match(const dtls_fingerprints *set, const X509 *certificate);

/* "AB:CD:..." of digest; out needs 3 * digest.len bytes, with the NUL. */
void dtls_fingerprint_print(slice digest, char *out);

#endif
