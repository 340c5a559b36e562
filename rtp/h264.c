/* H.264 in RTP (RFC 6184): single NAL units, STAP-A (5.7.1), FU-A (5.8); the sets and the SPS are in h264_sets.c. */
#include "rtp/h264.h"

#include "parley/types.h"
#include "rtp/payload_formats.h"

#define H264_STAP_A 24u
#define H264_FU_A 28u
#define H264_FU_START 0x80u
#define H264_FU_END 0x40u
#define H264_FU_HEADER_SIZE 2u
#define H264_F_NRI 0xe0u /* forbidden_zero_bit and nal_ref_idc */
#define H264_F 0x80u
#define H264_NRI 0x60u

static const uint8_t start_code[] = {0, 0, 0, 1};

/* ---- Annex B ---- */

/* Where the next 00 00 01 begins, from `from` on; frame.len if there is none. */
static size_t find_start_code(slice frame, size_t from)
{
	for (size_t i = from; frame.len >= 3 && i <= frame.len - 3; i++)
		if (frame.data[i] == 0 && frame.data[i + 1] == 0 && frame.data[i + 2] == 1)
			return i;
	return frame.len;
}

bool rtp_h264_next_nal(slice frame, size_t *pos, slice *nal)
{
	size_t code = find_start_code(frame, *pos);
	while (code < frame.len) {
		size_t begin = code + 3;
		code = find_start_code(frame, begin);
		size_t end = code;
		/* Zeros in front of a start code belong to it or are filling (B.1): a NAL unit never ends with one (7.4.1). */
		while (end > begin && frame.data[end - 1] == 0)
			end--;
		if (end == begin)
			continue;
		*nal = slice_of(frame.data + begin, end - begin);
		*pos = end;
		return true;
	}
	return false;
}

unsigned rtp_h264_type(slice nal)
{
	return nal.len ? nal.data[0] & H264_TYPE : 0u;
}

/* ---- sending ---- */

/* Puts the NAL unit behind `from` in work; or ends the frame. */
static void begin_unit(rtp_packetizer *p, size_t from)
{
	slice nal;
	p->taken = 0;
	p->busy = rtp_h264_next_nal(p->frame, &from, &nal);
	p->pos = p->busy ? (size_t)(nal.data - p->frame.data) : p->frame.len;
	p->unit_len = p->busy ? nal.len : 0;
}

int rtp_h264_start(rtp_packetizer *p)
{
	size_t pos = 0;
	slice nal;
	if (!rtp_h264_next_nal(p->frame, &pos, &nal))
		return PARLEY_EINVAL;
	for (const uint8_t *b = p->frame.data; *b != 1; b++)
		if (*b != 0)
			return PARLEY_EINVAL; /* something in front of the first start code */
	do {
		unsigned type = rtp_h264_type(nal);
		if (type == 0 || type >= H264_STAP_A)
			return PARLEY_EINVAL;
		if (p->single_nal_only && nal.len > p->max_payload)
			return PARLEY_EMSGSIZE;
	} while (rtp_h264_next_nal(p->frame, &pos, &nal));
	begin_unit(p, 0);
	return 0;
}

static void write_fragment(rtp_packetizer *p, writer *out)
{
	uint8_t header = p->frame.data[p->pos];
	if (p->taken == 0)
		p->taken = 1; /* the NAL unit's header travels in the fragments' */
	size_t left = p->unit_len - p->taken;
	size_t take = rtp_even_share(left, p->max_payload - H264_FU_HEADER_SIZE);
	write_u8(out, (uint8_t)((header & H264_F_NRI) | H264_FU_A));
	write_u8(out, (uint8_t)((header & H264_TYPE) | (p->taken == 1 ? H264_FU_START : 0u) |
				(take == left ? H264_FU_END : 0u)));
	write_bytes(out, slice_part(p->frame, p->pos + p->taken, take));
	p->taken += take;
	if (take == left)
		begin_unit(p, p->pos + p->unit_len);
}

/* How many NAL units from the one in work on fit into one STAP-A; *header is that of their aggregate: F if any has it, the
 * greatest NRI (RFC 6184 5.7). */
static unsigned count_aggregate(const rtp_packetizer *p, uint8_t *header)
{
	size_t size = 1, pos = p->pos + p->unit_len;
	slice nal = slice_part(p->frame, p->pos, p->unit_len);
	unsigned count = 0;
	uint8_t forbidden = 0, importance = 0;
	do {
		size += 2 + nal.len;
		if (size > p->max_payload)
			break;
		forbidden |= nal.data[0] & H264_F;
		if ((nal.data[0] & H264_NRI) > importance)
			importance = nal.data[0] & H264_NRI;
		count++;
	} while (rtp_h264_next_nal(p->frame, &pos, &nal));
	*header = (uint8_t)(forbidden | importance | H264_STAP_A);
	return count;
}

void rtp_h264_next(rtp_packetizer *p, writer *out)
{
	if (p->taken > 0 || p->unit_len > p->max_payload) {
		write_fragment(p, out);
		return;
	}
	uint8_t header = 0;
	unsigned count = p->single_nal_only ? 1 : count_aggregate(p, &header);
	bool aggregate = count > 1;
	if (aggregate)
		write_u8(out, header);
	/* A unit too long for the headers of an aggregate (count 0) still goes alone. */
	for (unsigned i = 0; i == 0 || i < count; i++) {
		if (aggregate)
			write_u16(out, (uint16_t)p->unit_len);
		write_bytes(out, slice_part(p->frame, p->pos, p->unit_len));
		begin_unit(p, p->pos + p->unit_len);
	}
}

/* ---- receiving: one walk over the NAL units of a payload ---- */

/* Takes the next NAL unit out of a STAP-A's rest. False at its end, or with r->bad. */
bool rtp_h264_next_aggregated(reader *r, slice *nal)
{
	if (r->bad || reader_left(r) == 0)
		return false;
	*nal = read_bytes(r, read_u16(r));
	unsigned type = rtp_h264_type(*nal);
	if (type == 0 || type >= H264_STAP_A)
		r->bad = true; /* empty, or an aggregate in an aggregate (RFC 6184 5.7) */
	return !r->bad;
}

bool rtp_h264_payload_units(slice payload, reader *units, bool *aggregate)
{
	unsigned type = rtp_h264_type(payload);
	*aggregate = type == H264_STAP_A;
	*units = reader_of(*aggregate ? slice_part(payload, 1, payload.len) : payload);
	return type != 0 && type <= H264_STAP_A;
}

/* A slice whose first_mb_in_slice, the first ue(v) of its header, is 0 (H.264 7.3.3): what follows the NAL unit's header
 * begins with a 1 bit. */
static bool is_first_slice(unsigned type, slice rest)
{
	return (type == H264_SLICE || type == H264_PARTITION_A || type == H264_IDR) && rest.len && rest.data[0] & 0x80;
}

/* What a NAL unit, of which `rest` follows its header, tells; first: it is the payload's first. */
static void note_unit(uint8_t header, slice rest, bool first, rtp_payload_info *out)
{
	unsigned type = header & H264_TYPE;
	out->key = out->key || type == H264_IDR;
	out->parameter_sets = out->parameter_sets || type == H264_SPS || type == H264_PPS;
	if ((header & H264_NRI) != 0)
		out->discardable = false;
	if (!first)
		return;
	out->starts_frame = type == H264_AUD || type == H264_SPS;
	/* 7.4.1.2.3: what can be the first of an access unit. */
	out->may_start = out->starts_frame || type == H264_PPS || type == H264_SEI || (type >= 14 && type <= 18) ||
			 is_first_slice(type, rest);
}

static int parse_fragment(slice payload, rtp_payload_info *out)
{
	/* Three octets: without the third, "the rest" would have a negative length. */
	if (payload.len <= H264_FU_HEADER_SIZE)
		return PARLEY_EPROTO;
	unsigned type = payload.data[1] & H264_TYPE;
	if (type == 0 || type >= H264_STAP_A)
		return PARLEY_EPROTO;
	if (payload.data[1] & H264_FU_START)
		note_unit((uint8_t)((payload.data[0] & H264_F_NRI) | type),
			  slice_part(payload, H264_FU_HEADER_SIZE, payload.len), true, out);
	else
		out->discardable = (payload.data[0] & H264_NRI) == 0;
	return 0;
}

int rtp_h264_parse(slice payload, rtp_payload_info *out)
{
	out->media = payload;
	out->discardable = true;
	if (rtp_h264_type(payload) == H264_FU_A)
		return parse_fragment(payload, out);
	reader r;
	bool aggregate;
	if (!rtp_h264_payload_units(payload, &r, &aggregate))
		return PARLEY_EPROTO; /* STAP-B, MTAP and FU-B are for the interleaved mode, which is never negotiated */
	if (!aggregate) {
		note_unit(payload.data[0], slice_part(payload, 1, payload.len), true, out);
		return 0;
	}
	slice nal;
	bool any = false;
	for (; rtp_h264_next_aggregated(&r, &nal); any = true)
		note_unit(nal.data[0], slice_part(nal, 1, nal.len), !any, out);
	return any && !r.bad ? 0 : PARLEY_EPROTO;
}

static int append_unit(buf *out, slice nal)
{
	size_t before = out->len;
	int err = buf_append(out, slice_of(start_code, sizeof start_code));
	if (!err)
		err = buf_append(out, nal);
	if (err)
		out->len = before;
	return err;
}

static int add_fragment(rtp_depacketizer *d, slice payload)
{
	rtp_payload_info info = {0};
	int err = parse_fragment(payload, &info);
	uint8_t indicator = err ? 0 : payload.data[0], fu = err ? 0 : payload.data[1];
	bool start = fu & H264_FU_START;
	uint8_t header = (uint8_t)((indicator & H264_F_NRI) | (fu & H264_TYPE));
	/* A beginning inside another unit, or a middle that does not go on with what is there: something is missing. */
	if (err || start == d->fragment || (!start && (header & H264_TYPE) != (d->fragment_header & H264_TYPE)))
		return PARLEY_EPROTO;
	if (start) {
		err = append_unit(d->out, slice_of(&header, 1));
		d->fragment_header = header;
	}
	if (!err)
		err = buf_append(d->out, slice_part(payload, H264_FU_HEADER_SIZE, payload.len));
	d->fragment = !(fu & H264_FU_END);
	return err;
}

int rtp_h264_add(rtp_depacketizer *d, slice payload)
{
	if (rtp_h264_type(payload) == H264_FU_A)
		return add_fragment(d, payload);
	reader r;
	bool aggregate;
	if (d->fragment || !rtp_h264_payload_units(payload, &r, &aggregate))
		return PARLEY_EPROTO;
	if (!aggregate)
		return append_unit(d->out, payload);
	slice nal;
	int err = reader_left(&r) ? 0 : PARLEY_EPROTO;
	while (!err && rtp_h264_next_aggregated(&r, &nal))
		err = append_unit(d->out, nal);
	return r.bad ? PARLEY_EPROTO : err;
}

bool rtp_h264_is_key(slice frame)
{
	slice nal;
	for (size_t pos = 0; rtp_h264_next_nal(frame, &pos, &nal);)
		if (rtp_h264_type(nal) == H264_IDR)
			return true;
	return false;
}
