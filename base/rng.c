#include "base/rng.h"

int rng_bytes(const parley_random *r, uint8_t *out, size_t len)
{
	if (!r->fill)
		return PARLEY_EINVAL;
	return r->fill(r->context, out, len);
}

int rng_u64(const parley_random *r, uint64_t *out)
{
	uint8_t bytes[8];
	int err = rng_bytes(r, bytes, sizeof bytes);
	if (err)
		return err;
	reader in = reader_of(slice_of(bytes, sizeof bytes));
	*out = read_u64(&in);
	return 0;
}

int rng_u32(const parley_random *r, uint32_t *out)
{
	uint64_t v;
	int err = rng_u64(r, &v);
	if (!err)
		*out = (uint32_t)v;
	return err;
}

int rng_ice_chars(const parley_random *r, char *out, size_t len)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	int err = rng_bytes(r, (uint8_t *)out, len);
	if (err)
		return err;
	for (size_t i = 0; i < len; i++)
		out[i] = alphabet[(uint8_t)out[i] & 63];
	out[len] = '\0';
	return 0;
}

static uint64_t rotate_left(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

void rng_seeded_init(rng_seeded *state, uint64_t seed)
{
	for (int i = 0; i < 4; i++) { /* splitmix64, so that any seed, also 0, gives a good state */
		uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);
		z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
		state->s[i] = z ^ z >> 31;
	}
}

uint64_t rng_seeded_next(rng_seeded *state)
{
	uint64_t *s = state->s;
	uint64_t result = rotate_left(s[1] * 5, 7) * 9, t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate_left(s[3], 45);
	return result;
}

uint64_t rng_seeded_below(rng_seeded *state, uint64_t n)
{
	uint64_t reject = (UINT64_MAX - n + 1) % n; /* 2^64 mod n: values below it would favour small results */
	uint64_t v;
	do
		v = rng_seeded_next(state);
	while (v < reject);
	return v % n;
}

static int seeded_fill(void *context, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len;) {
		uint64_t v = rng_seeded_next(context);
		for (int k = 0; k < 8 && i < len; k++, v >>= 8)
			out[i++] = (uint8_t)v;
	}
	return 0;
}

parley_random rng_seeded_source(rng_seeded *state)
{
	return (parley_random){.fill = seeded_fill, .context = state};
}
