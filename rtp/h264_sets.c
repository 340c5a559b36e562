/* H.264 parameter sets: remembering them for key frames that come without, and the picture size in an SPS. */
#include <string.h>

#include "parley/types.h"
#include "rtp/h264.h"
#include "rtp/payload_formats.h"

#define H264_MAX_POC_CYCLE 255u /* num_ref_frames_in_pic_order_cnt_cycle (H.264 7.4.2.1.1) */

/* Takes emulation prevention out (H.264 7.3.1: 00 00 03 stands for 00 00): what fits into out. */
static slice unescape(slice nal, uint8_t *out, size_t capacity)
{
	size_t len = 0, zeros = 0;
	for (size_t i = 0; i < nal.len && len < capacity; i++) {
		if (zeros >= 2 && nal.data[i] == 3) {
			zeros = 0;
			continue;
		}
		zeros = nal.data[i] == 0 ? zeros + 1 : 0;
		out[len++] = nal.data[i];
	}
	return slice_of(out, len);
}

/* ---- the size in the SPS (H.264 7.3.2.1.1) ---- */

static bool has_chroma_format(uint32_t profile)
{
	static const uint8_t profiles[] = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135};
	return memchr(profiles, (int)profile, sizeof profiles) != NULL;
}

static int32_t read_se(rtp_bits *b)
{
	uint32_t v = rtp_bits_ue(b);
	return v & 1 ? (int32_t)(v / 2 + 1) : -(int32_t)(v / 2);
}

static void skip_scaling_lists(rtp_bits *b, unsigned lists)
{
	for (unsigned i = 0; i < lists && !b->bad; i++) {
		unsigned size = i < 6 ? 16 : 64;
		uint32_t last = 8, next = 8;
		bool present = rtp_bits_read(b, 1);
		for (unsigned j = 0; present && j < size && !b->bad; j++) {
			if (next != 0)
				next = (last + (uint32_t)read_se(b)) & 0xff;
			last = next ? next : last;
		}
	}
}

static uint32_t read_chroma(rtp_bits *b)
{
	uint32_t format = rtp_bits_ue(b);
	if (format == 3)
		rtp_bits_skip(b, 1); /* separate_colour_plane_flag */
	rtp_bits_ue(b);		     /* bit depths */
	rtp_bits_ue(b);
	rtp_bits_skip(b, 1);
	if (rtp_bits_read(b, 1))
		skip_scaling_lists(b, format == 3 ? 12 : 8);
	return format;
}

static void skip_order_count(rtp_bits *b)
{
	uint32_t type = rtp_bits_ue(b);
	if (type == 0)
		rtp_bits_ue(b);
	if (type != 1)
		return;
	rtp_bits_skip(b, 1);
	rtp_bits_ue(b);
	rtp_bits_ue(b);
	uint32_t cycle = rtp_bits_ue(b);
	if (cycle > H264_MAX_POC_CYCLE)
		b->bad = true;
	for (; cycle > 0 && !b->bad; cycle--)
		rtp_bits_ue(b);
}

static bool sps_dimensions(slice nal, rtp_dimensions *out)
{
	uint8_t bytes[RTP_H264_SET_BYTES_MAX];
	rtp_bits b = {.in = unescape(nal, bytes, sizeof bytes)};
	rtp_bits_skip(&b, 8);
	uint32_t profile = rtp_bits_read(&b, 8), chroma = 1;
	rtp_bits_skip(&b, 16);
	rtp_bits_ue(&b);
	if (has_chroma_format(profile))
		chroma = read_chroma(&b);
	rtp_bits_ue(&b); /* log2_max_frame_num_minus4 */
	skip_order_count(&b);
	rtp_bits_ue(&b); /* max_num_ref_frames */
	rtp_bits_skip(&b, 1);
	uint64_t width = (rtp_bits_ue(&b) + UINT64_C(1)) * 16, height = (rtp_bits_ue(&b) + UINT64_C(1)) * 16;
	unsigned fields = rtp_bits_read(&b, 1) ? 1 : 2;
	height *= fields;
	rtp_bits_skip(&b, fields == 2 ? 2 : 1);
	if (rtp_bits_read(&b, 1)) {
		unsigned unit_x = chroma == 1 || chroma == 2 ? 2 : 1, unit_y = (chroma == 1 ? 2 : 1) * fields;
		uint64_t left = rtp_bits_ue(&b), right = rtp_bits_ue(&b), top = rtp_bits_ue(&b),
			 bottom = rtp_bits_ue(&b);
		width -= unit_x * (left + right); /* wraps when it is nonsense, and is then too large */
		height -= unit_y * (top + bottom);
	}
	if (b.bad || width == 0 || height == 0 || width > UINT16_MAX || height > UINT16_MAX)
		return false;
	*out = (rtp_dimensions){(uint16_t)width, (uint16_t)height};
	return true;
}

bool rtp_h264_dimensions(slice frame, rtp_dimensions *out)
{
	slice nal;
	for (size_t pos = 0; rtp_h264_next_nal(frame, &pos, &nal);)
		if (rtp_h264_type(nal) == H264_SPS)
			return sps_dimensions(nal, out);
	return false;
}

/* ---- remembering ---- */

/* seq_parameter_set_id or pic_parameter_set_id: the first ue(v), behind the three octets of profile and level in an SPS. */
static uint32_t set_id(slice nal)
{
	uint8_t bytes[16];
	rtp_bits b = {.in = unescape(nal, bytes, sizeof bytes)};
	rtp_bits_skip(&b, rtp_h264_type(nal) == H264_SPS ? 32 : 8);
	return rtp_bits_ue(&b);
}

void rtp_h264_sets_add(rtp_h264_sets *sets, slice nal)
{
	unsigned type = rtp_h264_type(nal);
	if ((type != H264_SPS && type != H264_PPS) || nal.len > RTP_H264_SET_BYTES_MAX)
		return;
	size_t at = 0;
	for (; at < sets->count; at++) {
		slice known = slice_of(sets->sets[at].nal, sets->sets[at].len);
		if (rtp_h264_type(known) == type && set_id(known) == set_id(nal))
			break;
	}
	if (at == RTP_H264_SETS_MAX) {
		at--;
		memmove(&sets->sets[0], &sets->sets[1], at * sizeof sets->sets[0]);
	}
	if (at == sets->count)
		sets->count++;
	sets->sets[at].len = (uint16_t)nal.len;
	memcpy(sets->sets[at].nal, nal.data, nal.len);
}

void rtp_h264_sets_learn(rtp_h264_sets *sets, slice payload)
{
	reader r;
	bool aggregate;
	if (!rtp_h264_payload_units(payload, &r, &aggregate))
		return;
	slice nal = payload;
	if (!aggregate)
		rtp_h264_sets_add(sets, nal);
	while (aggregate && rtp_h264_next_aggregated(&r, &nal))
		rtp_h264_sets_add(sets, nal);
}

/* ---- putting them back ---- */

typedef struct {
	bool sps, pps, idr;
	size_t after_delimiter; /* where in the frame sets belong */
} unit_kinds;

static unit_kinds kinds_of(slice frame)
{
	unit_kinds k = {0};
	slice nal;
	for (size_t pos = 0; rtp_h264_next_nal(frame, &pos, &nal);) {
		unsigned type = rtp_h264_type(nal);
		k.sps = k.sps || type == H264_SPS;
		k.pps = k.pps || type == H264_PPS;
		k.idr = k.idr || type == H264_IDR;
		if (type == H264_AUD)
			k.after_delimiter = pos;
	}
	return k;
}

/* Inserts those of one type behind `at`, oldest first, and moves `at` behind them. */
static int insert_sets(const rtp_h264_sets *sets, unsigned type, buf *frame, size_t *at)
{
	for (size_t i = 0; i < sets->count; i++) {
		slice nal = slice_of(sets->sets[i].nal, sets->sets[i].len);
		if (rtp_h264_type(nal) != type)
			continue;
		size_t extra = 4 + nal.len;
		int err = buf_reserve(frame, extra);
		if (err)
			return err;
		uint8_t *p = frame->data + *at;
		memmove(p + extra, p, frame->len - *at);
		memcpy(p, (const uint8_t[]){0, 0, 0, 1}, 4);
		memcpy(p + 4, nal.data, nal.len);
		frame->len += extra;
		*at += extra;
	}
	return 0;
}

int rtp_h264_sets_restore(const rtp_h264_sets *sets, buf *frame)
{
	unit_kinds k = kinds_of(buf_slice(frame));
	if (!k.idr || (k.sps && k.pps))
		return 0;
	size_t at = k.after_delimiter;
	int err = k.sps ? 0 : insert_sets(sets, H264_SPS, frame, &at);
	/* A PPS refers to an SPS: behind it. Where the SPS is the frame's own, the PPS goes right in front of the IDR slice. */
	for (size_t pos = 0; k.sps && pos < frame->len;) {
		slice nal;
		at = pos;
		if (!rtp_h264_next_nal(buf_slice(frame), &pos, &nal) || rtp_h264_type(nal) == H264_IDR)
			break;
	}
	if (!err && !k.pps)
		err = insert_sets(sets, H264_PPS, frame, &at);
	if (err)
		return err;
	k = kinds_of(buf_slice(frame));
	return k.sps && k.pps ? 0 : PARLEY_ENOTFOUND;
}
