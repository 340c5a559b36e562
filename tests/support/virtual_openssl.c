/* RAND_METHOD: the short way to own randomness, deprecated in favour of providers. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "tests/support/virtual_openssl.h"

#include <openssl/rand.h>
#include <stdbool.h>
#include <time.h>

#include "base/rng.h"
#include "base/time.h"

/* Where virtual time 0 lies on the wall clock: some day in 2023. */
#define EPOCH_S UINT64_C(1700000000)

static bool active;
static uint64_t virtual_now;
static rng_seeded source;

static uint64_t wall_clock_us(void)
{
	struct timespec t;
	if (active)
		return EPOCH_S * US_PER_S + virtual_now;
	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * US_PER_S + (uint64_t)t.tv_nsec / 1000;
}

/* Takes the place of the C library's for the program and the shared libraries it loads. */
int gettimeofday(struct timeval *out, void *zone);
int gettimeofday(struct timeval *out, void *zone)
{
	(void)zone;
	uint64_t us = wall_clock_us();
	out->tv_sec = (time_t)(us / US_PER_S);
	out->tv_usec = (suseconds_t)(us % US_PER_S);
	return 0;
}

static int seeded_bytes(unsigned char *out, int len)
{
	parley_random random = rng_seeded_source(&source);
	return rng_bytes(&random, out, (size_t)len) == 0;
}

static int seeded_status(void)
{
	return 1;
}

static const RAND_METHOD seeded = {.bytes = seeded_bytes, .pseudorand = seeded_bytes, .status = seeded_status};

void virtual_openssl_begin(uint64_t seed)
{
	rng_seeded_init(&source, seed);
	virtual_now = 0;
	active = true;
	RAND_set_rand_method(&seeded);
}

void virtual_openssl_set_now(uint64_t now)
{
	virtual_now = now;
}

void virtual_openssl_end(void)
{
	active = false;
	RAND_set_rand_method(NULL);
}
