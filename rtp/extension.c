#include "rtp/extension.h"

#include <assert.h>
#include <string.h>

#include "base/time.h"
#include "parley/types.h"

#define TWO_BYTE_MASK 0xfff0u /* the low bits are the application's (RFC 8285 4.3) */
#define ONE_BYTE_ID_STOP 15u
#define ABS_SEND_TIME_SIZE 3u
#define TRANSPORT_CC_SIZE 2u
#define AUDIO_LEVEL_SIZE 1u
#define AUDIO_VOICE_FLAG 0x80u
#define AUDIO_LEVEL_MAX 127u
#define ORIENTATION_SIZE 1u
#define ORIENTATION_BACK_CAMERA 0x08u
#define ORIENTATION_FLIP 0x04u
#define ORIENTATION_ROTATION 0x03u
#define CAPTURE_TIME_SIZE 8u
#define CAPTURE_TIME_OFFSET_SIZE 16u

static const char *const URIS[RTP_EXTENSION_KINDS] = {
	[RTP_EXTENSION_MID] = "urn:ietf:params:rtp-hdrext:sdes:mid",
	[RTP_EXTENSION_RID] = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
	[RTP_EXTENSION_REPAIRED_RID] = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
	[RTP_EXTENSION_ABS_SEND_TIME] = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
	[RTP_EXTENSION_TRANSPORT_CC] = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
	[RTP_EXTENSION_AUDIO_LEVEL] = "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
	[RTP_EXTENSION_VIDEO_ORIENTATION] = "urn:3gpp:video-orientation",
	[RTP_EXTENSION_ABS_CAPTURE_TIME] = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
};

const char *rtp_extension_uri(rtp_extension_kind kind)
{
	assert(kind < RTP_EXTENSION_KINDS);
	return URIS[kind];
}

bool rtp_extension_kind_of(slice uri, rtp_extension_kind *kind)
{
	for (size_t i = 0; i < RTP_EXTENSION_KINDS; i++) {
		if (slice_equal_string(uri, URIS[i])) {
			*kind = (rtp_extension_kind)i;
			return true;
		}
	}
	return false;
}

static bool kind_of_id(const rtp_extension_map *map, unsigned id, rtp_extension_kind *kind)
{
	for (size_t i = 0; id && i < RTP_EXTENSION_KINDS; i++) {
		if (map->ids[i] == id) {
			*kind = (rtp_extension_kind)i;
			return true;
		}
	}
	return false;
}

int rtp_extension_map_set(rtp_extension_map *map, rtp_extension_kind kind, unsigned id)
{
	rtp_extension_kind owner = kind;
	if (kind >= RTP_EXTENSION_KINDS || !id || id > UINT8_MAX || id == ONE_BYTE_ID_STOP)
		return PARLEY_EINVAL;
	if (kind_of_id(map, id, &owner) && owner != kind)
		return PARLEY_EINVAL;
	map->ids[kind] = (uint8_t)id;
	return 0;
}

rtp_extension_reader rtp_extension_reader_of(const rtp_packet *p)
{
	bool two_byte = (p->extension_profile & TWO_BYTE_MASK) == RTP_EXTENSION_TWO_BYTE;
	bool known = p->has_extension && (two_byte || p->extension_profile == RTP_EXTENSION_ONE_BYTE);
	return (rtp_extension_reader){.r = reader_of(known ? p->extension : (slice){NULL, 0}), .two_byte = two_byte};
}

/* The header of the next element after padding bytes. False: the block ends. */
static bool next_header(rtp_extension_reader *r, uint8_t *id, size_t *len)
{
	while (reader_left(&r->r)) {
		uint8_t byte = read_u8(&r->r);
		if (!byte)
			continue;
		if (r->two_byte) {
			/* An id of 0 is padding, whose single byte has no length. */
			*id = byte;
			*len = read_u8(&r->r);
			return true;
		}
		*id = byte >> 4;
		*len = (byte & 0x0fu) + 1u;
		if (*id && *id != ONE_BYTE_ID_STOP)
			return true;
		read_rest(&r->r); /* id 15, or 0 with a length: nothing after it counts (RFC 8285 4.1.2, 4.2) */
	}
	return false;
}

bool rtp_extension_next(rtp_extension_reader *r, rtp_extension *out)
{
	uint8_t id = 0;
	size_t len = 0;
	if (r->bad)
		return false;
	bool more = next_header(r, &id, &len);
	if (more)
		*out = (rtp_extension){.id = id, .value = read_bytes(&r->r, len)};
	r->bad = r->r.bad;
	return more && !r->bad;
}

bool rtp_extension_find(const rtp_packet *p, unsigned id, slice *value)
{
	rtp_extension_reader r = rtp_extension_reader_of(p);
	for (rtp_extension e; rtp_extension_next(&r, &e);) {
		if (e.id == id) {
			*value = e.value;
			return true;
		}
	}
	return false;
}

static void take_text(slice value, bool *has, slice *out)
{
	if (!value.len)
		return;
	*has = true;
	*out = value;
}

static void take_orientation(uint8_t bits, rtp_extensions *out)
{
	out->has_video_orientation = true;
	out->video_back_camera = bits & ORIENTATION_BACK_CAMERA;
	out->video_flip = bits & ORIENTATION_FLIP;
	out->video_rotation = (uint16_t)((bits & ORIENTATION_ROTATION) * 90u);
}

static void take_capture_time(reader *r, rtp_extensions *out)
{
	size_t len = reader_left(r);
	if (len != CAPTURE_TIME_SIZE && len != CAPTURE_TIME_OFFSET_SIZE)
		return;
	out->has_capture_time = true;
	out->capture_time = read_u64(r);
	out->has_capture_offset = len == CAPTURE_TIME_OFFSET_SIZE;
	out->capture_offset = out->has_capture_offset ? (int64_t)read_u64(r) : 0;
}

static void take_value(rtp_extension_kind kind, slice value, rtp_extensions *out)
{
	reader r = reader_of(value);
	switch (kind) {
	case RTP_EXTENSION_MID:
		take_text(value, &out->has_mid, &out->mid);
		break;
	case RTP_EXTENSION_RID:
		take_text(value, &out->has_rid, &out->rid);
		break;
	case RTP_EXTENSION_REPAIRED_RID:
		take_text(value, &out->has_repaired_rid, &out->repaired_rid);
		break;
	case RTP_EXTENSION_ABS_SEND_TIME:
		out->has_abs_send_time = value.len == ABS_SEND_TIME_SIZE;
		out->abs_send_time = out->has_abs_send_time ? read_u24(&r) : 0;
		break;
	case RTP_EXTENSION_TRANSPORT_CC:
		out->has_transport_sequence = value.len == TRANSPORT_CC_SIZE;
		out->transport_sequence = out->has_transport_sequence ? read_u16(&r) : 0;
		break;
	case RTP_EXTENSION_AUDIO_LEVEL:
		/* In the two-byte form a padding byte may be counted in (RFC 6464 3). */
		if (value.len == AUDIO_LEVEL_SIZE || value.len == AUDIO_LEVEL_SIZE + 1) {
			uint8_t level = read_u8(&r);
			out->has_audio_level = true;
			out->audio_voice = level & AUDIO_VOICE_FLAG;
			out->audio_level = level & AUDIO_LEVEL_MAX;
		}
		break;
	case RTP_EXTENSION_VIDEO_ORIENTATION:
		if (value.len == ORIENTATION_SIZE)
			take_orientation(read_u8(&r), out);
		break;
	case RTP_EXTENSION_ABS_CAPTURE_TIME:
		take_capture_time(&r, out);
		break;
	case RTP_EXTENSION_KINDS:
		break;
	}
}

bool rtp_extensions_read(const rtp_packet *p, const rtp_extension_map *map, rtp_extensions *out)
{
	memset(out, 0, sizeof *out);
	rtp_extension_reader r = rtp_extension_reader_of(p);
	rtp_extension_kind kind;
	for (rtp_extension e; rtp_extension_next(&r, &e);) {
		if (kind_of_id(map, e.id, &kind))
			take_value(kind, e.value, out);
	}
	return !r.bad;
}

/* One value on its way out: its bytes in `bytes`, or in the text it points to. */
typedef struct {
	uint8_t id;
	slice value;
	uint8_t bytes[CAPTURE_TIME_OFFSET_SIZE];
} element;

static uint8_t orientation_bits(const rtp_extensions *v)
{
	return (uint8_t)((v->video_back_camera ? ORIENTATION_BACK_CAMERA : 0u) |
			 (v->video_flip ? ORIENTATION_FLIP : 0u) | v->video_rotation / 90u);
}

/* The value of a kind, in wire form. False: it is not present. */
static bool give_value(rtp_extension_kind kind, const rtp_extensions *v, element *out)
{
	writer w = writer_of(out->bytes, sizeof out->bytes);
	bool has = false;
	switch (kind) {
	case RTP_EXTENSION_MID:
		out->value = v->mid;
		return v->has_mid;
	case RTP_EXTENSION_RID:
		out->value = v->rid;
		return v->has_rid;
	case RTP_EXTENSION_REPAIRED_RID:
		out->value = v->repaired_rid;
		return v->has_repaired_rid;
	case RTP_EXTENSION_ABS_SEND_TIME:
		write_u24(&w, v->abs_send_time);
		has = v->has_abs_send_time;
		break;
	case RTP_EXTENSION_TRANSPORT_CC:
		write_u16(&w, v->transport_sequence);
		has = v->has_transport_sequence;
		break;
	case RTP_EXTENSION_AUDIO_LEVEL:
		write_u8(&w, (uint8_t)((v->audio_voice ? AUDIO_VOICE_FLAG : 0u) | v->audio_level));
		has = v->has_audio_level;
		break;
	case RTP_EXTENSION_VIDEO_ORIENTATION:
		write_u8(&w, orientation_bits(v));
		has = v->has_video_orientation;
		break;
	case RTP_EXTENSION_ABS_CAPTURE_TIME:
		write_u64(&w, v->capture_time);
		if (v->has_capture_offset)
			write_u64(&w, (uint64_t)v->capture_offset);
		has = v->has_capture_time;
		break;
	case RTP_EXTENSION_KINDS:
		break;
	}
	out->value = writer_slice(&w);
	return has;
}

static bool text_in_range(bool has, slice s)
{
	return !has || (s.len > 0 && s.len <= RTP_EXTENSION_VALUE_MAX);
}

static bool values_in_range(const rtp_extensions *v)
{
	return text_in_range(v->has_mid, v->mid) && text_in_range(v->has_rid, v->rid) &&
	       text_in_range(v->has_repaired_rid, v->repaired_rid) &&
	       (!v->has_abs_send_time || v->abs_send_time < RTP_ABS_SEND_TIME_WRAP) &&
	       (!v->has_audio_level || v->audio_level <= AUDIO_LEVEL_MAX) &&
	       (!v->has_video_orientation || (v->video_rotation <= 270 && v->video_rotation % 90 == 0));
}

static bool fits_one_byte(const element *e)
{
	return e->id <= RTP_EXTENSION_ONE_BYTE_ID_MAX && e->value.len <= RTP_EXTENSION_ONE_BYTE_VALUE_MAX;
}

static void write_element(writer *w, const element *e, bool two_byte)
{
	if (two_byte) {
		write_u8(w, e->id);
		write_u8(w, (uint8_t)e->value.len);
	} else {
		write_u8(w, (uint8_t)((unsigned)e->id << 4 | (unsigned)(e->value.len - 1)));
	}
	write_bytes(w, e->value);
}

int rtp_extensions_write(writer *w, const rtp_extension_map *map, const rtp_extensions *values, rtp_packet *p)
{
	element elements[RTP_EXTENSION_KINDS];
	size_t count = 0;
	bool two_byte = false;
	if (!values_in_range(values))
		return PARLEY_EINVAL;
	for (size_t kind = 0; kind < RTP_EXTENSION_KINDS; kind++) {
		element *e = &elements[count];
		e->id = map->ids[kind];
		if (!e->id || !give_value((rtp_extension_kind)kind, values, e))
			continue;
		two_byte = two_byte || !fits_one_byte(e);
		count++;
	}
	size_t start = w->len;
	for (size_t i = 0; i < count; i++)
		write_element(w, &elements[i], two_byte);
	write_zeros(w, (4 - (w->len - start) % 4) % 4);
	if (w->bad)
		return PARLEY_EMSGSIZE;
	p->has_extension = count > 0;
	p->extension_profile = two_byte ? RTP_EXTENSION_TWO_BYTE : RTP_EXTENSION_ONE_BYTE;
	p->extension = slice_part(writer_slice(w), start, w->len - start);
	return 0;
}

bool rtp_extension_patch(packet *whole, unsigned id, slice value)
{
	rtp_packet p;
	slice old;
	if (rtp_header_parse(slice_of(whole->data, whole->len), &p) || !rtp_extension_find(&p, id, &old) ||
	    old.len != value.len)
		return false;
	writer w = writer_of(whole->data + (old.data - whole->data), old.len);
	write_bytes(&w, value);
	return true;
}

bool rtp_extension_patch_transport_sequence(packet *whole, const rtp_extension_map *map, uint16_t sequence)
{
	uint8_t bytes[TRANSPORT_CC_SIZE];
	writer w = writer_of(bytes, sizeof bytes);
	write_u16(&w, sequence);
	return rtp_extension_patch(whole, map->ids[RTP_EXTENSION_TRANSPORT_CC], writer_slice(&w));
}

bool rtp_extension_patch_abs_send_time(packet *whole, const rtp_extension_map *map, uint64_t now)
{
	uint8_t bytes[ABS_SEND_TIME_SIZE];
	writer w = writer_of(bytes, sizeof bytes);
	write_u24(&w, rtp_abs_send_time(now));
	return rtp_extension_patch(whole, map->ids[RTP_EXTENSION_ABS_SEND_TIME], writer_slice(&w));
}

/* Seconds << 18 without overflow: whole seconds and the rest by themselves; 64 s wrap to 24 bits. */
uint32_t rtp_abs_send_time(uint64_t now)
{
	uint64_t fraction = ((now % US_PER_S) << 18) / US_PER_S;
	return (uint32_t)(((now / US_PER_S) << 18 | fraction) % RTP_ABS_SEND_TIME_WRAP);
}
