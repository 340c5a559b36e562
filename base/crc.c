#include "base/crc.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <nmmintrin.h>
#include <string.h>
#define CRC32C_SSE42 1
#endif

/* Tables for a nibble at a time: 64 bytes each, no start-up code, fast enough for what is not SCTP data. */
static const uint32_t ieee_table[16] = {
	0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
	0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
};
static const uint32_t castagnoli_table[16] = {
	0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
	0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

static uint32_t crc_by_nibbles(const uint32_t table[16], uint32_t crc, slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		crc ^= s.data[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return crc;
}

uint32_t crc32_ieee(slice s)
{
	return ~crc_by_nibbles(ieee_table, UINT32_MAX, s);
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
	return ~crc_by_nibbles(castagnoli_table, ~crc, s);
}
