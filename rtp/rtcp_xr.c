#include "rtp/rtcp_xr.h"

#include <string.h>

#include "parley/types.h"

#define BLOCK_REFERENCE_TIME 4u
#define BLOCK_DLRR 5u
#define REFERENCE_TIME_SIZE 8u
#define DLRR_SIZE 12u

static bool read_reference_time(slice block, rtcp_xr *out)
{
	reader r = reader_of(block);
	out->has_reference_time = true;
	out->reference_time = read_u64(&r);
	return block.len == REFERENCE_TIME_SIZE;
}

static bool read_dlrrs(slice block, rtcp_xr *out)
{
	reader r = reader_of(block);
	while (reader_left(&r) && out->dlrr_count < RTCP_XR_DLRRS_MAX) {
		rtcp_dlrr *d = &out->dlrrs[out->dlrr_count++];
		d->ssrc = read_u32(&r);
		d->last_rr = read_u32(&r);
		d->delay_since_last_rr = read_u32(&r);
	}
	return block.len % DLRR_SIZE == 0;
}

/* RFC 3611 3: type, a byte of its own use, length in words without this header. */
static bool read_block(reader *r, rtcp_xr *out)
{
	uint8_t type = read_u8(r);
	read_skip(r, 1);
	slice block = read_bytes(r, read_u16(r) * (size_t)4);
	if (r->bad)
		return false;
	if (type == BLOCK_REFERENCE_TIME)
		return read_reference_time(block, out);
	return type != BLOCK_DLRR || read_dlrrs(block, out);
}

int rtcp_xr_read(const rtcp_packet *p, rtcp_xr *out)
{
	memset(out, 0, sizeof *out);
	if (p->type != RTCP_XR)
		return PARLEY_EINVAL;
	reader r = reader_of(p->body);
	out->sender = read_u32(&r);
	while (!r.bad && reader_left(&r)) {
		if (!read_block(&r, out))
			return PARLEY_EPROTO;
	}
	return r.bad ? PARLEY_EPROTO : 0;
}

static void write_block_header(writer *w, uint8_t type, size_t len)
{
	write_u8(w, type);
	write_u8(w, 0);
	write_u16(w, (uint16_t)(len / 4));
}

int rtcp_xr_write(writer *w, const rtcp_xr *xr)
{
	if (xr->dlrr_count > RTCP_XR_DLRRS_MAX)
		return PARLEY_EINVAL;
	size_t start = rtcp_begin(w, 0, RTCP_XR);
	write_u32(w, xr->sender);
	if (xr->has_reference_time) {
		write_block_header(w, BLOCK_REFERENCE_TIME, REFERENCE_TIME_SIZE);
		write_u64(w, xr->reference_time);
	}
	if (xr->dlrr_count)
		write_block_header(w, BLOCK_DLRR, xr->dlrr_count * DLRR_SIZE);
	for (size_t i = 0; i < xr->dlrr_count; i++) {
		write_u32(w, xr->dlrrs[i].ssrc);
		write_u32(w, xr->dlrrs[i].last_rr);
		write_u32(w, xr->dlrrs[i].delay_since_last_rr);
	}
	return rtcp_end(w, start);
}
