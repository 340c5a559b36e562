/* AV1 in RTP (AOM, "RTP Payload Format For AV1" 4.3-5; here "4.4" and so on are its sections). */
#include <string.h>

#include "parley/types.h"
#include "rtp/payload_formats.h"

/* The aggregation header (4.4). */
#define AV1_Z 0x80u
#define AV1_Y 0x40u
#define AV1_W_SHIFT 4u
#define AV1_N 0x08u
#define AV1_ELEMENTS_MAX 3u /* what W can count */

/* The OBU header (AV1 5.3.2). */
#define OBU_FORBIDDEN 0x80u
#define OBU_EXTENSION 0x04u
#define OBU_HAS_SIZE 0x02u
#define OBU_SEQUENCE_HEADER 1u
#define OBU_TEMPORAL_DELIMITER 2u
#define OBU_FRAME_HEADER 3u
#define OBU_FRAME 6u
#define OBU_TILE_LIST 8u
#define OBU_PADDING 15u

#define LEB128_MAX 8u	     /* octets (AV1 4.10.5) */
#define AV1_FRAGMENT_MIN 16u /* a shorter first fragment is not worth an element */

/* ---- leb128 ---- */

static size_t leb128_size(size_t v)
{
	size_t size = 1;
	for (; v >= 0x80; v >>= 7)
		size++;
	return size;
}

static void write_leb128(writer *w, size_t v)
{
	for (; v >= 0x80; v >>= 7)
		write_u8(w, (uint8_t)(v | 0x80));
	write_u8(w, (uint8_t)v);
}

/* At most 8 octets and at most 32 bits (AV1 4.10.5); anything else is bad. */
static size_t read_leb128(reader *r)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < LEB128_MAX; i++) {
		uint8_t octet = read_u8(r);
		v |= (uint64_t)(octet & 0x7f) << (7 * i);
		if (octet & 0x80)
			continue;
		r->bad = r->bad || v > UINT32_MAX;
		return r->bad ? 0 : (size_t)v;
	}
	r->bad = true;
	return 0;
}

/* ---- OBUs ---- */

typedef struct {
	uint8_t type;
	uint8_t header[2]; /* with the size bit cleared */
	size_t header_len;
	slice payload;
} av1_obu;

/* The next OBU; without a size field it takes the rest. False at the end, or with r->bad. */
static bool read_obu(reader *r, av1_obu *o)
{
	if (r->bad || reader_left(r) == 0)
		return false;
	uint8_t header = read_u8(r);
	o->type = header >> 3 & 15;
	o->header[0] = (uint8_t)(header & ~OBU_HAS_SIZE);
	o->header_len = header & OBU_EXTENSION ? 2 : 1;
	o->header[1] = header & OBU_EXTENSION ? read_u8(r) : 0;
	o->payload = header & OBU_HAS_SIZE ? read_bytes(r, read_leb128(r)) : read_rest(r);
	r->bad = r->bad || header & OBU_FORBIDDEN;
	return !r->bad;
}

/* 5: delimiters and tile lists are to be left out; padding is nothing a receiver needs. */
static bool travels(const av1_obu *o)
{
	return o->type != OBU_TEMPORAL_DELIMITER && o->type != OBU_TILE_LIST && o->type != OBU_PADDING;
}

/* ---- sending ---- */

/* One OBU or a part of it. */
typedef struct {
	av1_obu obu;
	size_t at;   /* where its first byte is in the frame */
	size_t from; /* of header and payload, where this element begins */
	size_t len;
} av1_element;

/* The next OBU that travels, from pos on. */
static bool next_obu(slice frame, size_t *pos, av1_obu *o, size_t *at)
{
	reader r = reader_of(slice_part(frame, *pos, frame.len));
	for (size_t begin = 0; read_obu(&r, o); begin = r.pos) {
		if (!travels(o))
			continue;
		*at = *pos + begin;
		*pos += r.pos;
		return true;
	}
	return false;
}

int rtp_av1_start(const rtp_packetizer *p)
{
	reader r = reader_of(p->frame);
	av1_obu o;
	bool any = false;
	while (read_obu(&r, &o))
		any = any || travels(&o);
	return any && !r.bad ? 0 : PARLEY_EINVAL;
}

/* Do both belong to the same layer, as all in one packet must (5)? OBUs without extension belong to every one. */
static bool same_layer(const av1_element *elements, unsigned n, const av1_obu *o)
{
	for (unsigned i = 0; i < n && o->header_len == 2; i++)
		if (elements[i].obu.header_len == 2 && elements[i].obu.header[1] != o->header[1])
			return false;
	return true;
}

/*
 * Chooses what the next packet holds, at most three elements, and moves p behind it. The room of each length field is
 * counted although the last is not written. Returns the number of elements; *goes_on: the last OBU is not finished.
 */
static unsigned choose(rtp_packetizer *p, av1_element *elements, bool *goes_on)
{
	size_t room = p->max_payload - 1, at = 0, pos = p->pos;
	unsigned n = 0;
	*goes_on = false;
	av1_element e;
	while (n < AV1_ELEMENTS_MAX && !*goes_on && next_obu(p->frame, &pos, &e.obu, &at)) {
		if (!same_layer(elements, n, &e.obu))
			break;
		e.at = at;
		e.from = p->taken;
		e.len = e.obu.header_len + e.obu.payload.len - e.from;
		*goes_on = leb128_size(e.len) + e.len > room;
		if (*goes_on) {
			if (n > 0 && room < AV1_FRAGMENT_MIN + 2) {
				*goes_on = false;
				break;
			}
			e.len = room - leb128_size(room);
		}
		room -= leb128_size(e.len) + e.len;
		elements[n++] = e;
		p->pos = *goes_on ? e.at : pos;
		p->taken = *goes_on ? e.from + e.len : 0;
	}
	return n;
}

static void write_element(const av1_element *e, writer *out)
{
	size_t header = e->from < e->obu.header_len ? e->obu.header_len - e->from : 0;
	if (header > e->len)
		header = e->len;
	write_bytes(out, slice_of(e->obu.header + (header ? e->from : 0), header));
	size_t from = e->from > e->obu.header_len ? e->from - e->obu.header_len : 0;
	write_bytes(out, slice_part(e->obu.payload, from, e->len - header));
}

void rtp_av1_next(rtp_packetizer *p, writer *out)
{
	av1_element elements[AV1_ELEMENTS_MAX];
	bool goes_on, begun = p->taken > 0;
	unsigned n = choose(p, elements, &goes_on);
	write_u8(out, (uint8_t)((begun ? AV1_Z : 0u) | (goes_on ? AV1_Y : 0u) | n << AV1_W_SHIFT |
				(p->first && p->key ? AV1_N : 0u)));
	for (unsigned i = 0; i < n; i++) {
		if (i + 1 < n)
			write_leb128(out, elements[i].len);
		write_element(&elements[i], out);
	}
	av1_obu o;
	size_t pos = p->pos, at;
	p->busy = goes_on || next_obu(p->frame, &pos, &o, &at);
}

/* ---- receiving ---- */

typedef struct {
	reader r;
	unsigned count; /* W; 0: every element has its length */
	unsigned index;
} av1_elements;

/* The next element of a packet. False at the end, or with r.bad. */
static bool next_element(av1_elements *e, slice *out)
{
	if (e->r.bad || (e->count ? e->index == e->count : reader_left(&e->r) == 0))
		return false;
	e->index++;
	*out = e->index == e->count ? read_rest(&e->r) : read_bytes(&e->r, read_leb128(&e->r));
	if (out->len == 0)
		e->r.bad = true; /* no OBU and no part of one is empty */
	return !e->r.bad;
}

int rtp_av1_parse(slice payload, rtp_payload_info *out)
{
	out->media = payload;
	if (payload.len < 2)
		return PARLEY_EPROTO;
	uint8_t header = payload.data[0];
	if ((header & AV1_N) && (header & AV1_Z))
		return PARLEY_EPROTO; /* 4.4 */
	av1_elements e = {.r = reader_of(slice_part(payload, 1, payload.len)), .count = header >> AV1_W_SHIFT & 3};
	slice element;
	bool sequence_header = false;
	while (next_element(&e, &element)) {
		bool begins = e.index > 1 || !(header & AV1_Z);
		sequence_header = sequence_header || (begins && (element.data[0] >> 3 & 15) == OBU_SEQUENCE_HEADER);
	}
	if (e.r.bad)
		return PARLEY_EPROTO;
	out->starts_frame = header & AV1_N;
	out->may_start = !(header & AV1_Z);
	out->key = out->starts_frame || sequence_header;
	return 0;
}

/* The OBU at fragment_at is whole: give it its size field, or take it out if it is not to be there. */
static int finish_obu(rtp_depacketizer *d)
{
	buf *out = d->out;
	reader r = reader_of(slice_part(buf_slice(out), d->fragment_at, out->len));
	av1_obu o;
	if (!read_obu(&r, &o))
		return PARLEY_EPROTO;
	if (o.type == OBU_TEMPORAL_DELIMITER || o.type == OBU_TILE_LIST) {
		out->len = d->fragment_at; /* MUST be ignored (5) */
		return 0;
	}
	uint8_t bytes[2 + LEB128_MAX];
	writer w = writer_of(bytes, sizeof bytes);
	write_bytes(&w, slice_of(o.header, o.header_len));
	bytes[0] |= OBU_HAS_SIZE;
	write_leb128(&w, o.payload.len);
	size_t payload_at = o.payload.len ? (size_t)(o.payload.data - out->data) : out->len;
	int err = buf_reserve(out, LEB128_MAX);
	if (err)
		return err;
	uint8_t *p = out->data + d->fragment_at;
	memmove(p + w.len, out->data + payload_at, o.payload.len);
	memcpy(p, bytes, w.len);
	out->len = d->fragment_at + w.len + o.payload.len;
	return 0;
}

int rtp_av1_add(rtp_depacketizer *d, slice payload)
{
	rtp_payload_info info = {0};
	int err = rtp_av1_parse(payload, &info);
	if (err)
		return err;
	uint8_t header = payload.data[0];
	if ((bool)(header & AV1_Z) != d->fragment)
		return PARLEY_EPROTO;
	av1_elements e = {.r = reader_of(slice_part(payload, 1, payload.len)), .count = header >> AV1_W_SHIFT & 3};
	slice element;
	while (!err && next_element(&e, &element)) {
		if (!d->fragment)
			d->fragment_at = d->out->len;
		err = buf_append(d->out, element);
		d->fragment = (header & AV1_Y) && reader_left(&e.r) == 0;
		if (!err && !d->fragment)
			err = finish_obu(d);
	}
	return err;
}

/* ---- the frame ---- */

bool rtp_av1_is_key(slice frame)
{
	reader r = reader_of(frame);
	av1_obu o;
	bool sequence_header = false, reduced = false;
	while (read_obu(&r, &o)) {
		if (o.type == OBU_SEQUENCE_HEADER && o.payload.len > 0) {
			sequence_header = true;
			reduced = o.payload.data[0] &
				  0x08; /* reduced_still_picture_header, behind 3 + 1 bits (AV1 5.5.1) */
		}
		/* show_existing_frame, then frame_type, of which 0 is KEY_FRAME (AV1 5.9.2) */
		if ((o.type == OBU_FRAME || o.type == OBU_FRAME_HEADER) && o.payload.len > 0)
			return sequence_header && (reduced || (o.payload.data[0] & 0xe0) == 0);
	}
	return false;
}

/* operating parameters and timing (AV1 5.5.1), up to the frame size. */
static void skip_timing(rtp_bits *b, bool *decoder_model, unsigned *delay_bits)
{
	rtp_bits_skip(b, 64);
	if (rtp_bits_read(b, 1)) {
		unsigned zeros = 0; /* uvlc (AV1 4.10.3) */
		while (!b->bad && zeros < 32 && !rtp_bits_read(b, 1))
			zeros++;
		rtp_bits_skip(b, zeros < 32 ? zeros : 0);
	}
	*decoder_model = rtp_bits_read(b, 1);
	if (*decoder_model) {
		*delay_bits = rtp_bits_read(b, 5) + 1;
		rtp_bits_skip(b, 32 + 5 + 5);
	}
}

static void skip_operating_points(rtp_bits *b)
{
	bool decoder_model = false;
	unsigned delay_bits = 0;
	if (rtp_bits_read(b, 1))
		skip_timing(b, &decoder_model, &delay_bits);
	bool display_delay = rtp_bits_read(b, 1);
	for (unsigned points = rtp_bits_read(b, 5) + 1; points > 0; points--) {
		rtp_bits_skip(b, 12);
		if (rtp_bits_read(b, 5) > 7)
			rtp_bits_skip(b, 1); /* seq_tier */
		if (decoder_model && rtp_bits_read(b, 1))
			rtp_bits_skip(b, 2 * (size_t)delay_bits + 1);
		if (display_delay && rtp_bits_read(b, 1))
			rtp_bits_skip(b, 4);
	}
}

static bool sequence_dimensions(slice sequence_header, rtp_dimensions *out)
{
	rtp_bits b = {.in = sequence_header};
	rtp_bits_skip(&b, 4); /* seq_profile, still_picture */
	if (rtp_bits_read(&b, 1))
		rtp_bits_skip(&b, 5); /* reduced: only seq_level_idx */
	else
		skip_operating_points(&b);
	unsigned width_bits = rtp_bits_read(&b, 4) + 1, height_bits = rtp_bits_read(&b, 4) + 1;
	uint32_t width = rtp_bits_read(&b, width_bits) + 1, height = rtp_bits_read(&b, height_bits) + 1;
	if (b.bad || width > UINT16_MAX || height > UINT16_MAX)
		return false;
	*out = (rtp_dimensions){(uint16_t)width, (uint16_t)height};
	return true;
}

bool rtp_av1_dimensions(slice frame, rtp_dimensions *out)
{
	reader r = reader_of(frame);
	av1_obu o;
	while (read_obu(&r, &o))
		if (o.type == OBU_SEQUENCE_HEADER)
			return sequence_dimensions(o.payload, out);
	return false;
}
