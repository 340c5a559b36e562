/* VP9 in RTP (RFC 9628). Sections 4.2 (descriptor) and 4.2.1 (scalability structure). */
#include "parley/types.h"
#include "rtp/payload_formats.h"

/* The payload descriptor's first octet. */
#define VP9_I 0x80u
#define VP9_P 0x40u
#define VP9_L 0x20u
#define VP9_F 0x10u
#define VP9_B 0x08u
#define VP9_E 0x04u
#define VP9_V 0x02u
#define VP9_M 0x80u	      /* a picture id of 15 bits */
#define VP9_P_DIFF_MORE 0x01u /* N: another P_DIFF follows */
/* The scalability structure's first octet: N_S in the upper 3 bits. */
#define VP9_SS_Y 0x10u
#define VP9_SS_G 0x08u

#define VP9_SYNC_CODE 0x498342u
#define VP9_COLOR_SRGB 7u

/* ---- sending: non-flexible mode, one spatial layer ---- */

/* One layer; when there are no temporal layers, a group of one picture that refers to the one before. libwebrtc drops a key
 * frame in non-flexible mode that comes without structure or without TL0PICIDX. */
static void write_structure(const rtp_packetizer *p, writer *out)
{
	bool group = !p->hints.has_temporal;
	write_u8(out, (uint8_t)(VP9_SS_Y | (group ? VP9_SS_G : 0u)));
	write_u16(out, p->size.width);
	write_u16(out, p->size.height);
	if (!group)
		return;
	write_u8(out, 1);    /* N_G */
	write_u8(out, 0x04); /* T=0, U=0, R=1 */
	write_u8(out, 1);    /* P_DIFF */
}

static size_t descriptor_size(const rtp_packetizer *p)
{
	size_t structure = p->key && p->first ? (p->hints.has_temporal ? 5u : 8u) : 0u;
	return 1 + 2 + 2 + structure;
}

static void write_descriptor(const rtp_packetizer *p, bool last, writer *out)
{
	bool structure = p->key && p->first;
	write_u8(out, (uint8_t)(VP9_I | (p->key ? 0u : VP9_P) | VP9_L | (p->first ? VP9_B : 0u) | (last ? VP9_E : 0u) |
				(structure ? VP9_V : 0u)));
	write_u16(out, (uint16_t)(0x8000u | p->picture_id));
	write_u8(out, (uint8_t)((p->hints.tid & 7u) << 5 | (p->hints.layer_sync ? 0x10u : 0u)));
	write_u8(out, p->tl0picidx);
	if (structure)
		write_structure(p, out);
}

void rtp_vp9_next(rtp_packetizer *p, writer *out)
{
	size_t left = p->frame.len - p->pos;
	size_t take = rtp_even_share(left, p->max_payload - descriptor_size(p));
	write_descriptor(p, take == left, out);
	write_bytes(out, slice_part(p->frame, p->pos, take));
	p->pos += take;
	p->busy = take < left;
}

/* ---- receiving ---- */

static void read_picture_id(reader *r, rtp_payload_info *out)
{
	out->has_picture_id = true;
	out->picture_id_bits = 7;
	out->picture_id = read_u8(r);
	if (out->picture_id & VP9_M) {
		out->picture_id_bits = 15;
		out->picture_id = (uint16_t)((out->picture_id & 0x7fu) << 8 | read_u8(r));
	}
}

static void read_layers(reader *r, rtp_payload_info *out)
{
	uint8_t octet = read_u8(r);
	out->has_tid = out->has_sid = true;
	out->tid = octet >> 5;
	out->layer_sync = octet & 0x10;
	out->sid = octet >> 1 & 7;
	out->inter_layer = octet & 1;
	if (!out->flexible) {
		out->has_tl0picidx = true;
		out->tl0picidx = read_u8(r);
	}
}

/* At most three, each but the last with N set: a fourth cannot be (RFC 9628 4.2). */
static void read_references(reader *r, rtp_payload_info *out)
{
	uint8_t octet = VP9_P_DIFF_MORE;
	while (octet & VP9_P_DIFF_MORE) {
		if (out->references == RTP_VP9_REFERENCES_MAX) {
			r->bad = true;
			return;
		}
		octet = read_u8(r);
		out->p_diff[out->references++] = octet >> 1;
	}
}

/* Nothing is kept by a count that the packet claims: the sizes of layers but the last and the group are only walked over. */
static void read_structure(reader *r, rtp_payload_info *out)
{
	uint8_t octet = read_u8(r);
	for (unsigned layers = (octet >> 5) + 1u; (octet & VP9_SS_Y) && layers > 0; layers--) {
		out->size.width = read_u16(r);
		out->size.height = read_u16(r);
		out->has_size = !r->bad;
	}
	unsigned pictures = octet & VP9_SS_G ? read_u8(r) : 0;
	for (; pictures > 0 && !r->bad; pictures--)
		read_skip(r, read_u8(r) >> 2 & 3);
}

int rtp_vp9_parse(slice payload, rtp_payload_info *out)
{
	reader r = reader_of(payload);
	uint8_t bits = read_u8(&r);
	out->inter_predicted = bits & VP9_P;
	out->flexible = bits & VP9_F;
	out->layer_begins = bits & VP9_B;
	out->layer_ends = bits & VP9_E;
	if (bits & VP9_I)
		read_picture_id(&r, out);
	else if (out->flexible)
		return PARLEY_EPROTO; /* I MUST be 1 then (RFC 9628 4.2) */
	if (bits & VP9_L)
		read_layers(&r, out);
	if (out->flexible && out->inter_predicted)
		read_references(&r, out);
	if (bits & VP9_V)
		read_structure(&r, out);
	out->media = read_rest(&r);
	if (r.bad || out->media.len == 0)
		return PARLEY_EPROTO;
	out->starts_frame = out->may_start = out->layer_begins && out->sid == 0;
	out->key = out->starts_frame && !out->inter_predicted && rtp_vp9_is_key(out->media);
	if (out->key && !out->has_size)
		out->has_size = rtp_vp9_dimensions(out->media, &out->size);
	return 0;
}

int rtp_vp9_add(rtp_depacketizer *d, slice payload)
{
	rtp_payload_info info = {0};
	int err = rtp_vp9_parse(payload, &info);
	if (err)
		return err;
	if (info.layer_begins) {
		if (d->layers == RTP_VP9_LAYERS_MAX)
			return PARLEY_EPROTO;
		d->layers++;
	}
	if (d->layers == 0)
		return PARLEY_EPROTO;
	err = buf_append(d->out, info.media);
	d->layer_end[d->layers - 1u] = d->out->len;
	return err;
}

/* The layers of a picture become one superframe: their sizes, little-endian, between two marker octets (VP9 Annex B). */
int rtp_vp9_finish(rtp_depacketizer *d)
{
	if (d->layers < 2)
		return 0;
	uint8_t index[2 + 4 * RTP_VP9_LAYERS_MAX];
	writer w = writer_of(index, sizeof index);
	uint8_t marker = (uint8_t)(0xc0u | 3u << 3 | (d->layers - 1u)); /* sizes of 4 octets */
	write_u8(&w, marker);
	size_t begin = 0;
	for (unsigned i = 0; i < d->layers; i++) {
		uint32_t size = (uint32_t)(d->layer_end[i] - begin);
		begin = d->layer_end[i];
		for (unsigned shift = 0; shift < 32; shift += 8)
			write_u8(&w, (uint8_t)(size >> shift));
	}
	write_u8(&w, marker);
	return buf_append(d->out, writer_slice(&w));
}

/* ---- the frame: uncompressed_header (VP9 6.2) ---- */

/* Reads up to the frame type. False if it is no key frame. */
static bool key_header(slice frame, rtp_bits *b, unsigned *profile)
{
	*b = (rtp_bits){.in = frame};
	if (rtp_bits_read(b, 2) != 2)
		return false;
	*profile = rtp_bits_read(b, 1);
	*profile |= rtp_bits_read(b, 1) << 1;
	if (*profile == 3)
		rtp_bits_skip(b, 1);
	bool show_existing = rtp_bits_read(b, 1);
	bool inter = rtp_bits_read(b, 1);
	return !b->bad && !show_existing && !inter;
}

bool rtp_vp9_is_key(slice frame)
{
	rtp_bits b;
	unsigned profile;
	return key_header(frame, &b, &profile);
}

bool rtp_vp9_dimensions(slice frame, rtp_dimensions *out)
{
	rtp_bits b;
	unsigned profile;
	if (!key_header(frame, &b, &profile))
		return false;
	rtp_bits_skip(&b, 2); /* show_frame, error_resilient_mode */
	if (rtp_bits_read(&b, 24) != VP9_SYNC_CODE)
		return false;
	if (profile >= 2)
		rtp_bits_skip(&b, 1); /* ten_or_twelve_bit */
	bool odd_sampling = profile & 1;
	if (rtp_bits_read(&b, 3) != VP9_COLOR_SRGB)
		rtp_bits_skip(&b, odd_sampling ? 4 : 1); /* color_range, subsampling, reserved */
	else
		rtp_bits_skip(&b, odd_sampling ? 1 : 0);
	uint32_t width = rtp_bits_read(&b, 16) + 1, height = rtp_bits_read(&b, 16) + 1;
	if (b.bad || width > UINT16_MAX || height > UINT16_MAX)
		return false;
	*out = (rtp_dimensions){(uint16_t)width, (uint16_t)height};
	return true;
}
