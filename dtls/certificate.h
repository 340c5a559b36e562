/*
 * dtls/certificate.h: the self-signed certificate by which a peer connection is known (RFC 8827 6.5, RFC 8122).
 *
 * ECDSA on P-256: what every browser takes, and 0.4 ms to make, so that each peer connection can have its own and two
 * connections cannot be linked by it. Nobody verifies a chain: the other side compares the fingerprint in our
 * description.
 *
 * Not here: comparing the peer's fingerprint (dtls/dtls.h).
 */
#ifndef PARLEY_DTLS_CERTIFICATE_H
#define PARLEY_DTLS_CERTIFICATE_H

#include "base/bytes.h"
#include "parley/types.h"

/* Validity as browsers have it: from a day ago, for peers whose clock is behind, for 30 days (W3C webrtc-pc 4.9). */
#define DTLS_CERTIFICATE_BEFORE_S 86400u
#define DTLS_CERTIFICATE_AFTER_S 2592000u

/* "AB:CD:..." of 32 bytes and its NUL. */
#define DTLS_FINGERPRINT_TEXT_SIZE 96u

/* Key, certificate and the OpenSSL context that connections with it share. Not changed after its creation. */
typedef struct dtls_certificate dtls_certificate;

/*
 * A new key and certificate, valid around unix_time_s (seconds since 1970). The serial number comes from
 * `random`, the key from OpenSSL's own generator. PARLEY_ENOMEM, PARLEY_ECRYPTO, or what `random` returns.
 * The caller frees it, and may do so as soon as no further dtls_create needs it: connections keep what they use.
 */
int dtls_certificate_generate(const parley_random *random, uint64_t unix_time_s, dtls_certificate **out);
void dtls_certificate_free(dtls_certificate *certificate); /* NULL is allowed */

/* The value of "a=fingerprint:sha-256 ": upper-case hexadecimal with colons (RFC 8122 5). Owned by the certificate. */
const char *dtls_certificate_fingerprint(const dtls_certificate *certificate);
/* The certificate's DER bytes, owned by the certificate. */
slice dtls_certificate_der(const dtls_certificate *certificate);
/* When it ceases to be valid, in seconds since 1970. */
uint64_t dtls_certificate_expires(const dtls_certificate *certificate);

#endif
