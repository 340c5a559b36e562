/*
 * stun/build.h: writing a STUN message into a writer that holds nothing else and starts with the message.
 *
 *   writer w = writer_of(p->data, p->capacity);
 *   stun_begin(&w, STUN_REQUEST, STUN_BINDING, &id);
 *   stun_put_bytes(&w, STUN_ATTR_USERNAME, username);
 *   stun_put_integrity(&w, password);
 *   stun_put_fingerprint(&w);
 *   if (w.bad) ... it did not fit (or the crypto library failed)
 *
 * The header's length is right after each call. Order is the caller's: integrity after what it covers, SHA-1 before
 * SHA-256, fingerprint last. Padding is zeros.
 */
#ifndef PARLEY_STUN_BUILD_H
#define PARLEY_STUN_BUILD_H

#include "stun/message.h"

void stun_begin(writer *w, stun_class class, uint16_t method, const stun_id *id);
/* The header alone of the last attribute, whose value of len bytes, and zeros up to a multiple of 4, the caller has behind
 * what the writer writes to. */
void stun_put_header(writer *w, uint16_t type, size_t len);
void stun_put_flag(writer *w, uint16_t type); /* USE-CANDIDATE, DONT-FRAGMENT */
void stun_put_bytes(writer *w, uint16_t type, slice value);
void stun_put_u32(writer *w, uint16_t type, uint32_t value);
void stun_put_u64(writer *w, uint16_t type, uint64_t value);
/* A byte, or 16 bits, then zeros up to 4: REQUESTED-TRANSPORT and the address families; CHANNEL-NUMBER. */
void stun_put_u8(writer *w, uint16_t type, uint8_t value);
void stun_put_u16(writer *w, uint16_t type, uint16_t value);
/* An address as it is, or XORed with cookie and id (RFC 8489 14.1, 14.2). An address of no family sets bad. */
void stun_put_address(writer *w, uint16_t type, const parley_addr *a);
void stun_put_xor_address(writer *w, uint16_t type, const parley_addr *a);
/* ERROR-CODE: code 300 to 699 (else bad), reason in UTF-8, or NULL for the standard phrase of the code. */
void stun_put_error(writer *w, unsigned code, const char *reason);
/* ADDRESS-ERROR-CODE (RFC 8656 18.12): why there is no address of this STUN_FAMILY_. */
void stun_put_address_error(writer *w, uint8_t family, unsigned code, const char *reason);
/* UNKNOWN-ATTRIBUTES of a 420: the types that request m had and we do not know. */
void stun_put_unknown(writer *w, const stun_message *m);
/* PASSWORD-ALGORITHM without parameters, as both known algorithms have none. */
void stun_put_algorithm(writer *w, uint16_t algorithm);

/* MESSAGE-INTEGRITY (HMAC-SHA1), MESSAGE-INTEGRITY-SHA256 (in full), FINGERPRINT (RFC 8489 14.5-14.7). */
void stun_put_integrity(writer *w, slice key);
void stun_put_integrity_sha256(writer *w, slice key);
void stun_put_fingerprint(writer *w);

#endif
