#include "rtp/payload_formats.h"

uint32_t rtp_bits_read(rtp_bits *b, unsigned n)
{
	uint32_t v = 0;
	for (; n > 0; n--) {
		v <<= 1;
		if (b->pos / 8 >= b->in.len) {
			b->bad = true;
			continue;
		}
		v |= (uint32_t)(b->in.data[b->pos / 8] >> (7 - b->pos % 8)) & 1u;
		b->pos++;
	}
	return v;
}

void rtp_bits_skip(rtp_bits *b, size_t n)
{
	size_t left = b->in.len * 8 - b->pos;
	b->bad = b->bad || n > left;
	b->pos += n < left ? n : left;
}

uint32_t rtp_bits_ue(rtp_bits *b)
{
	unsigned zeros = 0;
	while (!b->bad && rtp_bits_read(b, 1) == 0)
		zeros++;
	if (zeros > 31)
		b->bad = true;
	return b->bad ? 0 : (UINT32_C(1) << zeros) - 1 + rtp_bits_read(b, zeros);
}
