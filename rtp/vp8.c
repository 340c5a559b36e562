/* VP8 in RTP (RFC 7741). */
#include "parley/types.h"
#include "rtp/payload_formats.h"

/* The payload descriptor's first octet (RFC 7741 4.2). */
#define VP8_X 0x80u
#define VP8_N 0x20u
#define VP8_S 0x10u
#define VP8_PID 0x07u
/* Its extension octet. */
#define VP8_I 0x80u
#define VP8_L 0x40u
#define VP8_T 0x20u
#define VP8_K 0x10u
#define VP8_M 0x80u /* a picture id of 15 bits */
#define VP8_Y 0x20u /* in the TID/Y/KEYIDX octet */
#define VP8_KEYIDX 0x1fu

#define VP8_INTERFRAME 0x01u	   /* P, the first bit of the frame (RFC 6386 9.1) */
#define VP8_KEY_HEADER_SIZE 10u	   /* tag, start code, dimensions */
#define VP8_DIMENSION_MASK 0x3fffu /* the upper two bits ask for scaling */

/* ---- sending: every packet has a 15-bit picture id; partitions are not told apart, which 4.4 allows ---- */

static void write_descriptor(const rtp_packetizer *p, writer *out)
{
	bool temporal = p->hints.has_temporal;
	write_u8(out, (uint8_t)(VP8_X | (p->hints.discardable ? VP8_N : 0u) | (p->first ? VP8_S : 0u)));
	write_u8(out, (uint8_t)(VP8_I | (temporal ? VP8_L | VP8_T : 0u)));
	write_u16(out, (uint16_t)(0x8000u | p->picture_id));
	if (!temporal)
		return;
	write_u8(out, p->tl0picidx);
	write_u8(out, (uint8_t)((p->hints.tid & 3u) << 6 | (p->hints.layer_sync ? VP8_Y : 0u)));
}

void rtp_vp8_next(rtp_packetizer *p, writer *out)
{
	size_t before = out->len;
	write_descriptor(p, out);
	size_t room = p->max_payload - (out->len - before);
	size_t take = rtp_even_share(p->frame.len - p->pos, room);
	write_bytes(out, slice_part(p->frame, p->pos, take));
	p->pos += take;
	p->busy = p->pos < p->frame.len;
}

/* ---- receiving ---- */

static void read_extension(reader *r, rtp_payload_info *out)
{
	uint8_t bits = read_u8(r);
	if (bits & VP8_I) {
		out->has_picture_id = true;
		out->picture_id_bits = 7;
		out->picture_id = read_u8(r);
		if (out->picture_id & VP8_M) {
			out->picture_id_bits = 15;
			out->picture_id = (uint16_t)((out->picture_id & 0x7fu) << 8 | read_u8(r));
		}
	}
	if (bits & VP8_L) {
		out->has_tl0picidx = true;
		out->tl0picidx = read_u8(r);
	}
	if (bits & (VP8_T | VP8_K)) {
		uint8_t octet = read_u8(r);
		out->has_tid = bits & VP8_T;
		out->has_keyidx = bits & VP8_K;
		out->tid = out->has_tid ? octet >> 6 : 0;
		out->layer_sync = octet & VP8_Y;
		out->keyidx = out->has_keyidx ? octet & VP8_KEYIDX : 0;
	}
}

int rtp_vp8_parse(slice payload, rtp_payload_info *out)
{
	reader r = reader_of(payload);
	uint8_t first = read_u8(&r);
	out->discardable = first & VP8_N;
	if (first & VP8_X)
		read_extension(&r, out);
	out->media = read_rest(&r);
	if (r.bad || out->media.len == 0)
		return PARLEY_EPROTO;
	out->starts_frame = out->may_start = (first & VP8_S) && (first & VP8_PID) == 0;
	out->key = out->starts_frame && rtp_vp8_is_key(out->media);
	out->has_size = out->key && rtp_vp8_dimensions(out->media, &out->size);
	return 0;
}

int rtp_vp8_add(rtp_depacketizer *d, slice payload)
{
	rtp_payload_info info = {0};
	int err = rtp_vp8_parse(payload, &info);
	if (err)
		return err;
	/* One packet, the first, has S with partition 0 (RFC 7741 4.4). */
	if (info.starts_frame != (d->out->len == 0))
		return PARLEY_EPROTO;
	return buf_append(d->out, info.media);
}

/* ---- the frame (RFC 6386 9.1) ---- */

bool rtp_vp8_is_key(slice frame)
{
	return frame.len > 0 && !(frame.data[0] & VP8_INTERFRAME);
}

static uint16_t read_u16_little(reader *r)
{
	uint16_t low = read_u8(r);
	return (uint16_t)(low | read_u8(r) << 8);
}

bool rtp_vp8_dimensions(slice frame, rtp_dimensions *out)
{
	if (!rtp_vp8_is_key(frame) || frame.len < VP8_KEY_HEADER_SIZE)
		return false;
	reader r = reader_of(frame);
	read_skip(&r, 3);
	if (read_u24(&r) != 0x9d012a)
		return false;
	out->width = read_u16_little(&r) & VP8_DIMENSION_MASK;
	out->height = read_u16_little(&r) & VP8_DIMENSION_MASK;
	return true;
}
