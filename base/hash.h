/*
 * base/hash.h: digests and MACs, by OpenSSL; and the encodings that carry them in text.
 *
 * Functions return 0 or PARLEY_ECRYPTO (the library refused, e.g. MD5 under a FIPS policy, or out of memory).
 */
#ifndef PARLEY_BASE_HASH_H
#define PARLEY_BASE_HASH_H

#include "base/bytes.h"

#define MD5_SIZE 16u
#define SHA1_SIZE 20u
#define SHA256_SIZE 32u

int hash_md5(slice in, uint8_t out[MD5_SIZE]);
int hash_sha1(slice in, uint8_t out[SHA1_SIZE]);
int hash_sha256(slice in, uint8_t out[SHA256_SIZE]);
int hmac_sha1(slice key, slice in, uint8_t out[SHA1_SIZE]);
int hmac_sha256(slice key, slice in, uint8_t out[SHA256_SIZE]);

/* A SHA-256 over data that comes in pieces. */
typedef struct sha256_stream sha256_stream;
sha256_stream *sha256_stream_new(void); /* NULL: out of memory */
int sha256_stream_add(sha256_stream *s, slice in);
int sha256_stream_end(sha256_stream *s, uint8_t out[SHA256_SIZE]); /* once; then only free */
void sha256_stream_free(sha256_stream *s);

/* Equality in a time that depends on the lengths only: for everything secret. */
bool equal_constant_time(slice a, slice b);
/* Overwrite a secret so that the compiler cannot leave it out. */
void wipe(void *p, size_t len);

/* Base64 with padding (RFC 4648 4), NUL-terminated. out needs BASE64_SIZE(len) bytes. */
#define BASE64_SIZE(len) (((len) + 2) / 3 * 4 + 1)
void base64_encode(slice in, char *out);
/* Strict: no spaces, right padding. *out_len gets the bytes written. PARLEY_EINVAL: malformed or longer than capacity. */
int base64_decode(slice in, uint8_t *out, size_t capacity, size_t *out_len);
/* Lower-case hexadecimal, NUL-terminated; out needs 2 * len + 1 bytes. */
void hex_encode(slice in, char *out);

#endif
