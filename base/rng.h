/*
 * base/rng.h: drawing from the parley_random that an object was given; and a seeded one, for tests and simulations only.
 *
 * A source can fail; then the object that asked fails, since a predictable id, tag or password is worse than none.
 */
#ifndef PARLEY_BASE_RNG_H
#define PARLEY_BASE_RNG_H

#include "base/bytes.h"
#include "parley/types.h"

int rng_bytes(const parley_random *r, uint8_t *out, size_t len);
int rng_u32(const parley_random *r, uint32_t *out);
int rng_u64(const parley_random *r, uint64_t *out);
/* len characters of the alphabet ICE allows everywhere (RFC 8839 5.4: ALPHA / DIGIT / "+" / "/"), 6 bits each, and a NUL. */
int rng_ice_chars(const parley_random *r, char *out, size_t len);

/* xoshiro256**: the same seed, the same bytes, on every machine. Never for a real connection. */
typedef struct {
	uint64_t s[4];
} rng_seeded;

void rng_seeded_init(rng_seeded *state, uint64_t seed);
uint64_t rng_seeded_next(rng_seeded *state);
/* Evenly in [0, n); n > 0. */
uint64_t rng_seeded_below(rng_seeded *state, uint64_t n);
/* state must outlive the result. */
parley_random rng_seeded_source(rng_seeded *state);

#endif
