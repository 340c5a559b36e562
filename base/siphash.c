#include "base/siphash.h"

typedef struct {
	uint64_t v[4];
} state;

static uint64_t rotate_left(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

static void rounds(state *s, int count)
{
	uint64_t *v = s->v;
	for (int i = 0; i < count; i++) {
		v[0] += v[1];
		v[1] = rotate_left(v[1], 13) ^ v[0];
		v[0] = rotate_left(v[0], 32);
		v[2] += v[3];
		v[3] = rotate_left(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotate_left(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotate_left(v[1], 17) ^ v[2];
		v[2] = rotate_left(v[2], 32);
	}
}

/* SipHash counts its bytes little-endian, unlike everything on the wire: not a case for a reader. */
static uint64_t little_endian(const uint8_t *p, size_t len)
{
	uint64_t word = 0;
	for (size_t i = 0; i < len; i++)
		word |= (uint64_t)p[i] << 8 * i;
	return word;
}

static void absorb(state *s, uint64_t word)
{
	s->v[3] ^= word;
	rounds(s, 2);
	s->v[0] ^= word;
}

uint64_t siphash(const uint8_t key[SIPHASH_KEY_SIZE], slice in)
{
	uint64_t k0 = little_endian(key, 8), k1 = little_endian(key + 8, 8);
	state s = {{k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
		    k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573)}};
	size_t whole = in.len / 8 * 8;
	for (size_t i = 0; i < whole; i += 8)
		absorb(&s, little_endian(in.data + i, 8));
	uint64_t rest = in.len > whole ? little_endian(in.data + whole, in.len - whole) : 0;
	absorb(&s, rest | (uint64_t)(in.len & 0xff) << 56);
	s.v[2] ^= 0xff;
	rounds(&s, 4);
	return s.v[0] ^ s.v[1] ^ s.v[2] ^ s.v[3];
}
