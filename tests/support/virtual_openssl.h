/*
 * tests/support/virtual_openssl.h: OpenSSL without the outer world: its wall clock is a number, its randomness a seed.
 *
 * OpenSSL's DTLS timer calls gettimeofday, which this file defines for every test program: the real time, until a
 * test begins virtual time. Its random bytes (keys, nonces, ECDSA's k) come from the seed in between, so that a run
 * repeats to the last byte. For tests and simulations only, and for one thread.
 */
#ifndef PARLEY_TESTS_VIRTUAL_OPENSSL_H
#define PARLEY_TESTS_VIRTUAL_OPENSSL_H

#include <stdint.h>

/* From now on OpenSSL sees the time below and draws from the seed. Again: begins anew. */
void virtual_openssl_begin(uint64_t seed);
/* The simulation's `now` in microseconds, from wherever it counts. To be set before each call into dtls/. */
void virtual_openssl_set_now(uint64_t now);
/* Back to the real clock and generator. */
void virtual_openssl_end(void);

#endif
