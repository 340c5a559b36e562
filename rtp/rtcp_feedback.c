#include "rtp/rtcp_feedback.h"

#include <string.h>

#include "parley/types.h"

#define RTPFB_NACK 1u
#define RTPFB_TWCC 15u
#define PSFB_PLI 1u
#define PSFB_FIR 4u
#define PSFB_AFB 15u /* application layer feedback: REMB, if it says so */
#define FRAME_SIZE 8u
#define FIR_ENTRY_SIZE 8u
#define NACK_BITS 16u
#define REMB_ID UINT32_C(0x52454d42) /* "REMB" */
#define REMB_MANTISSA_BITS 18u
#define REMB_MANTISSA_MAX ((UINT64_C(1) << REMB_MANTISSA_BITS) - 1)

static rtcp_feedback_kind kind_of(const rtcp_packet *p, slice fci)
{
	reader r = reader_of(fci);
	if (p->type == RTCP_RTPFB)
		return p->count == RTPFB_NACK ? RTCP_FB_NACK : p->count == RTPFB_TWCC ? RTCP_FB_TWCC : RTCP_FB_OTHER;
	switch (p->count) {
	case PSFB_PLI:
		return RTCP_FB_PLI;
	case PSFB_FIR:
		return RTCP_FB_FIR;
	case PSFB_AFB:
		return read_u32(&r) == REMB_ID ? RTCP_FB_REMB : RTCP_FB_OTHER;
	default:
		return RTCP_FB_OTHER;
	}
}

int rtcp_feedback_read(const rtcp_packet *p, rtcp_feedback *out)
{
	memset(out, 0, sizeof *out);
	if (p->type != RTCP_RTPFB && p->type != RTCP_PSFB)
		return PARLEY_EINVAL;
	reader r = reader_of(p->body);
	out->sender = read_u32(&r);
	out->media = read_u32(&r);
	if (r.bad)
		return PARLEY_EPROTO;
	out->fci = read_rest(&r);
	out->kind = kind_of(p, out->fci);
	return 0;
}

bool rtcp_nack_next(reader *r, rtcp_nack_item *out)
{
	if (r->bad || !reader_left(r))
		return false;
	out->packet_id = read_u16(r);
	out->bitmask = read_u16(r);
	return !r->bad;
}

int rtcp_nack_read(const rtcp_feedback *f, uint16_t *out, size_t capacity, size_t *count)
{
	size_t n = 0;
	*count = 0;
	if (f->kind != RTCP_FB_NACK)
		return PARLEY_EINVAL;
	if (!f->fci.len || f->fci.len % 4)
		return PARLEY_EPROTO;
	reader r = reader_of(f->fci);
	for (rtcp_nack_item item; rtcp_nack_next(&r, &item);) {
		uint32_t lost = (uint32_t)item.bitmask << 1 | 1;
		for (unsigned i = 0; i <= NACK_BITS && n < capacity; i++) {
			if (lost >> i & 1)
				out[n++] = (uint16_t)(item.packet_id + i);
		}
	}
	*count = n;
	return 0;
}

int rtcp_fir_read(const rtcp_feedback *f, rtcp_fir *out)
{
	memset(out, 0, sizeof *out);
	if (f->kind != RTCP_FB_FIR)
		return PARLEY_EINVAL;
	if (!f->fci.len || f->fci.len % FIR_ENTRY_SIZE)
		return PARLEY_EPROTO;
	reader r = reader_of(f->fci);
	while (reader_left(&r) && out->count < RTCP_FIRS_MAX) {
		rtcp_fir_entry *e = &out->entries[out->count++];
		e->ssrc = read_u32(&r);
		e->sequence = read_u8(&r);
		read_skip(&r, 3);
	}
	return 0;
}

/* mantissa * 2^exponent, or the most that 64 bits hold. */
static uint64_t remb_bitrate(uint64_t mantissa, unsigned exponent)
{
	return mantissa > UINT64_MAX >> exponent ? UINT64_MAX : mantissa << exponent;
}

int rtcp_remb_read(const rtcp_feedback *f, rtcp_remb *out)
{
	memset(out, 0, sizeof *out);
	if (f->kind != RTCP_FB_REMB)
		return PARLEY_EINVAL;
	reader r = reader_of(f->fci);
	read_skip(&r, 4); /* "REMB" */
	size_t count = read_u8(&r);
	uint32_t rate = read_u24(&r);
	if (r.bad || reader_left(&r) < count * 4)
		return PARLEY_EPROTO;
	out->bitrate = remb_bitrate(rate & REMB_MANTISSA_MAX, rate >> REMB_MANTISSA_BITS);
	out->ssrc_count = count;
	for (size_t i = 0; i < count; i++)
		out->ssrcs[i] = read_u32(&r);
	return 0;
}

/* --- writing --- */

static size_t begin(writer *w, unsigned type, unsigned format, uint32_t sender, uint32_t media)
{
	size_t start = rtcp_begin(w, format, type);
	write_u32(w, sender);
	write_u32(w, media);
	return start;
}

/* The item for sequences[0] and those after it that its bitmask can name; returns how many it took. */
static size_t write_nack_item(writer *w, const uint16_t *sequences, size_t count)
{
	unsigned bitmask = 0;
	size_t taken = 1;
	for (; taken < count; taken++) {
		uint16_t distance = (uint16_t)(sequences[taken] - sequences[0]);
		if (distance > NACK_BITS)
			break;
		if (distance)
			bitmask |= 1u << (distance - 1);
	}
	write_u16(w, sequences[0]);
	write_u16(w, (uint16_t)bitmask);
	return taken;
}

int rtcp_nack_write(writer *w, uint32_t sender, uint32_t media, const uint16_t *sequences, size_t count)
{
	if (!count || count > RTCP_NACK_SEQUENCES_MAX)
		return PARLEY_EINVAL;
	size_t start = begin(w, RTCP_RTPFB, RTPFB_NACK, sender, media);
	for (size_t i = 0; i < count;)
		i += write_nack_item(w, sequences + i, count - i);
	return rtcp_end(w, start);
}

int rtcp_pli_write(writer *w, uint32_t sender, uint32_t media)
{
	return rtcp_end(w, begin(w, RTCP_PSFB, PSFB_PLI, sender, media));
}

int rtcp_fir_write(writer *w, uint32_t sender, const rtcp_fir_entry *entries, size_t count)
{
	if (!count || count > RTCP_FIRS_MAX)
		return PARLEY_EINVAL;
	size_t start = begin(w, RTCP_PSFB, PSFB_FIR, sender, 0); /* RFC 5104 4.3.1.2: the media SSRC is 0 */
	for (size_t i = 0; i < count; i++) {
		write_u32(w, entries[i].ssrc);
		write_u8(w, entries[i].sequence);
		write_u24(w, 0);
	}
	return rtcp_end(w, start);
}

int rtcp_remb_write(writer *w, uint32_t sender, const rtcp_remb *remb)
{
	if (remb->ssrc_count > RTCP_REMB_SSRCS_MAX)
		return PARLEY_EINVAL;
	unsigned exponent = 0;
	while (remb->bitrate >> exponent > REMB_MANTISSA_MAX)
		exponent++;
	size_t start = begin(w, RTCP_PSFB, PSFB_AFB, sender, 0);
	write_u32(w, REMB_ID);
	write_u8(w, (uint8_t)remb->ssrc_count);
	write_u24(w, (uint32_t)(exponent << REMB_MANTISSA_BITS | remb->bitrate >> exponent));
	for (size_t i = 0; i < remb->ssrc_count; i++)
		write_u32(w, remb->ssrcs[i]);
	return rtcp_end(w, start);
}

int rtcp_twcc_write(writer *w, uint32_t sender, uint32_t media, slice fci)
{
	size_t start = begin(w, RTCP_RTPFB, RTPFB_TWCC, sender, media);
	write_bytes(w, fci);
	return rtcp_end(w, start);
}
