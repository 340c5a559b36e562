#include "base/utf8.h"

/* How many bytes follow a lead byte, and the range of the first of them, which rules out overlong forms and surrogates
 * (RFC 3629 4). False: no lead byte. */
static bool lead(uint8_t c, size_t *extra, uint8_t *low, uint8_t *high)
{
	*low = 0x80;
	*high = 0xbf;
	if (c < 0x80) {
		*extra = 0;
	} else if (c >= 0xc2 && c <= 0xdf) {
		*extra = 1;
	} else if (c >= 0xe0 && c <= 0xef) {
		*extra = 2;
		*low = c == 0xe0 ? 0xa0 : 0x80;
		*high = c == 0xed ? 0x9f : 0xbf;
	} else if (c >= 0xf0 && c <= 0xf4) {
		*extra = 3;
		*low = c == 0xf0 ? 0x90 : 0x80;
		*high = c == 0xf4 ? 0x8f : 0xbf;
	} else {
		return false;
	}
	return true;
}

size_t utf8_length(slice s, size_t pos)
{
	size_t extra;
	uint8_t low, high;
	if (pos >= s.len || !lead(s.data[pos], &extra, &low, &high) || s.len - pos <= extra)
		return 0;
	for (size_t i = 1; i <= extra; i++) {
		uint8_t c = s.data[pos + i];
		if (c < low || c > high)
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return extra + 1;
}

bool utf8_valid(slice s)
{
	size_t n;
	for (size_t pos = 0; pos < s.len; pos += n) {
		n = utf8_length(s, pos);
		if (n == 0)
			return false;
	}
	return true;
}

size_t utf8_encode(uint32_t c, uint8_t out[4])
{
	if (c < 0x80) {
		out[0] = (uint8_t)c;
		return 1;
	}
	size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const uint8_t lead_bits[] = {0, 0, 0xc0, 0xe0, 0xf0};
	for (size_t i = n - 1; i > 0; i--) {
		out[i] = (uint8_t)(0x80 | (c & 0x3f));
		c >>= 6;
	}
	out[0] = (uint8_t)(lead_bits[n] | c);
	return n;
}
