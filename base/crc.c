#include "base/crc.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <nmmintrin.h>
#include <string.h>
#define CRC32C_SSE42 1
#endif

/* A nibble at a time: 64 bytes of table, fast enough for STUN. */
static const uint32_t ieee_table[16] = {
	0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
	0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
};
uint32_t crc32_ieee(slice s)
{
	uint32_t crc = UINT32_MAX;
	for (size_t i = 0; i < s.len; i++) {
		crc ^= s.data[i];
		crc = crc >> 4 ^ ieee_table[crc & 15];
		crc = crc >> 4 ^ ieee_table[crc & 15];
	}
	return ~crc;
}

/*
 * CRC-32C eight bytes at a time ("slicing by 8"): row k is the CRC of a byte with k zero bytes behind it. Rows are linear:
 * an entry is the sum of those of its bits, so that eight numbers make a row.
 */
#define BIT(i, n, value) ((i) >> (n)&1u ? (value) : 0u)
#define ENTRY(i, a, b, c, d, e, f, g, h)                                                                         \
	BIT(i, 0, a) ^ BIT(i, 1, b) ^ BIT(i, 2, c) ^ BIT(i, 3, d) ^ BIT(i, 4, e) ^ BIT(i, 5, f) ^ BIT(i, 6, g) ^ \
		BIT(i, 7, h)
#define ENTRIES_4(i, ...) \
	ENTRY(i, __VA_ARGS__), ENTRY((i) + 1, __VA_ARGS__), ENTRY((i) + 2, __VA_ARGS__), ENTRY((i) + 3, __VA_ARGS__)
#define ENTRIES_16(i, ...)                                                                           \
	ENTRIES_4(i, __VA_ARGS__), ENTRIES_4((i) + 4, __VA_ARGS__), ENTRIES_4((i) + 8, __VA_ARGS__), \
		ENTRIES_4((i) + 12, __VA_ARGS__)
#define ENTRIES_64(i, ...)                                                                                \
	ENTRIES_16(i, __VA_ARGS__), ENTRIES_16((i) + 16, __VA_ARGS__), ENTRIES_16((i) + 32, __VA_ARGS__), \
		ENTRIES_16((i) + 48, __VA_ARGS__)
#define ROW(...)                                                                                       \
	{                                                                                              \
		ENTRIES_64(0, __VA_ARGS__), ENTRIES_64(64, __VA_ARGS__), ENTRIES_64(128, __VA_ARGS__), \
			ENTRIES_64(192, __VA_ARGS__)                                                   \
	}

static const uint32_t castagnoli[8][256] = {
	ROW(0xf26b8303, 0xe13b70f7, 0xc79a971f, 0x8ad958cf, 0x105ec76f, 0x20bd8ede, 0x417b1dbc, 0x82f63b78),
	ROW(0x13a29877, 0x274530ee, 0x4e8a61dc, 0x9d14c3b8, 0x3fc5f181, 0x7f8be302, 0xff17c604, 0xfbc3faf9),
	ROW(0xa541927e, 0x4f6f520d, 0x9edea41a, 0x38513ec5, 0x70a27d8a, 0xe144fb14, 0xc76580d9, 0x8b277743),
	ROW(0xdd45aab8, 0xbf672381, 0x7b2231f3, 0xf64463e6, 0xe964b13d, 0xd725148b, 0xaba65fe7, 0x52a0c93f),
	ROW(0x38116fac, 0x7022df58, 0xe045beb0, 0xc5670b91, 0x8f2261d3, 0x1ba8b557, 0x37516aae, 0x6ea2d55c),
	ROW(0xef306b19, 0xdb8ca0c3, 0xb2f53777, 0x6006181f, 0xc00c303e, 0x85f4168d, 0x0e045beb, 0x1c08b7d6),
	ROW(0x68032cc8, 0xd0065990, 0xa5e0c5d1, 0x4e2dfd53, 0x9c5bfaa6, 0x3d5b83bd, 0x7ab7077a, 0xf56e0ef4),
	ROW(0x493c7d27, 0x9278fa4e, 0x211d826d, 0x423b04da, 0x847609b4, 0x0d006599, 0x1a00cb32, 0x34019664),
};

static uint32_t u32_at(const uint8_t *p) /* lowest byte first, as the CRC runs */
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t fold(const uint32_t rows[4][256], uint32_t word)
{
	return rows[3][word & 255] ^ rows[2][word >> 8 & 255] ^ rows[1][word >> 16 & 255] ^ rows[0][word >> 24];
}

static uint32_t crc32c_sliced(uint32_t crc, slice s)
{
	size_t i = 0;
	for (; s.len - i >= 8; i += 8)
		crc = fold(castagnoli + 4, crc ^ u32_at(s.data + i)) ^ fold(castagnoli, u32_at(s.data + i + 4));
	for (; i < s.len; i++)
		crc = crc >> 8 ^ castagnoli[0][(crc ^ s.data[i]) & 255];
	return crc;
}

#ifdef CRC32C_SSE42
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, slice s)
{
	uint64_t c = crc;
	size_t i = 0;
	for (; s.len - i >= 8; i += 8) {
		uint64_t word;
		memcpy(&word, s.data + i, sizeof word);
		c = _mm_crc32_u64(c, word);
	}
	crc = (uint32_t)c;
	for (; i < s.len; i++)
		crc = _mm_crc32_u8(crc, s.data[i]);
	return crc;
}
#endif

uint32_t crc32c(slice s)
{
	return crc32c_more(0, s);
}

uint32_t crc32c_more(uint32_t crc, slice s)
{
#ifdef CRC32C_SSE42
	if (__builtin_cpu_supports("sse4.2"))
		return ~crc32c_sse42(~crc, s);
#endif
	return crc32c_more_portable(crc, s);
}

uint32_t crc32c_more_portable(uint32_t crc, slice s)
{
	return ~crc32c_sliced(~crc, s);
}
