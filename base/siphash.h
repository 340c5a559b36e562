/*
 * base/siphash.h: a hash of bytes under a secret key (SipHash-2-4, Aumasson and Bernstein 2012): for hash tables whose keys
 * come from strangers. Without the key nobody can tell which inputs collide.
 *
 * Not a MAC for the network: those are in base/hash.h.
 */
#ifndef PARLEY_BASE_SIPHASH_H
#define PARLEY_BASE_SIPHASH_H

#include "base/bytes.h"

#define SIPHASH_KEY_SIZE 16u

uint64_t siphash(const uint8_t key[SIPHASH_KEY_SIZE], slice in);

#endif
