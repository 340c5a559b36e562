#include "rtp/payload.h"

#include <assert.h>

#include "base/text.h"
#include "parley/types.h"
#include "rtp/payload_formats.h"

static const struct {
	const char *name;
	uint32_t clock_rate;
	uint8_t channels;
} codecs[RTP_CODECS] = {
	[RTP_OPUS] = {"opus", 48000, 2}, /* always 2, whatever is sent (RFC 7587 7) */
	[RTP_PCMU] = {"PCMU", 8000, 1},	 [RTP_PCMA] = {"PCMA", 8000, 1},  [RTP_VP8] = {"VP8", 90000, 0},
	[RTP_VP9] = {"VP9", 90000, 0},	 [RTP_H264] = {"H264", 90000, 0}, [RTP_AV1] = {"AV1", 90000, 0},
};

bool rtp_codec_by_name(slice encoding_name, rtp_codec *out)
{
	for (unsigned i = 0; i < RTP_CODECS; i++) {
		if (!slice_equal_nocase(encoding_name, slice_from_string(codecs[i].name)))
			continue;
		*out = (rtp_codec)i;
		return true;
	}
	return false;
}

const char *rtp_codec_name(rtp_codec codec)
{
	return codecs[codec].name;
}

uint32_t rtp_codec_clock_rate(rtp_codec codec)
{
	return codecs[codec].clock_rate;
}

uint8_t rtp_codec_channels(rtp_codec codec)
{
	return codecs[codec].channels;
}

bool rtp_codec_is_video(rtp_codec codec)
{
	return codecs[codec].channels == 0;
}

bool rtp_frame_is_key(rtp_codec codec, slice frame)
{
	switch (codec) {
	case RTP_VP8:
		return rtp_vp8_is_key(frame);
	case RTP_VP9:
		return rtp_vp9_is_key(frame);
	case RTP_H264:
		return rtp_h264_is_key(frame);
	case RTP_AV1:
		return rtp_av1_is_key(frame);
	case RTP_OPUS:
	case RTP_PCMU:
	case RTP_PCMA:
		break;
	}
	return true;
}

bool rtp_frame_dimensions(rtp_codec codec, slice frame, rtp_dimensions *out)
{
	switch (codec) {
	case RTP_VP8:
		return rtp_vp8_dimensions(frame, out);
	case RTP_VP9:
		return rtp_vp9_dimensions(frame, out);
	case RTP_H264:
		return rtp_h264_dimensions(frame, out);
	case RTP_AV1:
		return rtp_av1_dimensions(frame, out);
	case RTP_OPUS:
	case RTP_PCMU:
	case RTP_PCMA:
		break;
	}
	return false;
}

/* ---- sending ---- */

int rtp_packetizer_init(rtp_packetizer *p, rtp_codec codec, size_t max_payload, uint16_t picture_id)
{
	if (max_payload < RTP_PAYLOAD_MIN)
		return PARLEY_EINVAL;
	*p = (rtp_packetizer){
		.codec = codec, .max_payload = max_payload, .picture_id = picture_id & RTP_PICTURE_ID_MASK};
	return 0;
}

void rtp_packetizer_set_mode(rtp_packetizer *p, unsigned packetization_mode)
{
	p->single_nal_only = packetization_mode == 0;
}

int rtp_packetizer_set_max_payload(rtp_packetizer *p, size_t max_payload)
{
	if (max_payload < RTP_PAYLOAD_MIN)
		return PARLEY_EINVAL;
	if (p->busy)
		return PARLEY_ESTATE;
	p->max_payload = max_payload;
	return 0;
}

/* Does the codec's own check of the frame, and sets p to its first unit. */
static int start_format(rtp_packetizer *p)
{
	switch (p->codec) {
	case RTP_H264:
		return rtp_h264_start(p);
	case RTP_AV1:
		return rtp_av1_start(p);
	case RTP_OPUS:
	case RTP_PCMU:
	case RTP_PCMA:
		return rtp_audio_start(p);
	case RTP_VP8:
	case RTP_VP9:
		break;
	}
	return 0;
}

/* A frame that ended, whether or not all of it went out, has had its picture id. */
static void end_frame(rtp_packetizer *p)
{
	p->busy = false;
	p->picture_id = (uint16_t)((p->picture_id + 1u) & RTP_PICTURE_ID_MASK);
}

int rtp_packetizer_start(rtp_packetizer *p, slice frame, const rtp_frame_hints *hints)
{
	if (p->busy)
		end_frame(p);
	if (frame.len == 0)
		return PARLEY_EINVAL;
	p->frame = frame;
	p->hints = hints ? *hints : (rtp_frame_hints){0};
	p->pos = p->unit_len = p->taken = 0;
	int err = start_format(p);
	if (err)
		return err;
	p->key = rtp_frame_is_key(p->codec, frame);
	p->size = (rtp_dimensions){0};
	if (p->codec == RTP_VP9 && p->key && !rtp_vp9_dimensions(frame, &p->size))
		return PARLEY_EINVAL;
	if (p->hints.tid == 0)
		p->tl0picidx++; /* counts the frames of the base layer (RFC 7741 4.2, RFC 9628 4.2) */
	p->first = p->busy = true;
	return 0;
}

static void next_payload(rtp_packetizer *p, writer *out)
{
	switch (p->codec) {
	case RTP_VP8:
		rtp_vp8_next(p, out);
		return;
	case RTP_VP9:
		rtp_vp9_next(p, out);
		return;
	case RTP_H264:
		rtp_h264_next(p, out);
		return;
	case RTP_AV1:
		rtp_av1_next(p, out);
		return;
	case RTP_OPUS:
	case RTP_PCMU:
	case RTP_PCMA:
		rtp_audio_next(p, out);
		return;
	}
}

bool rtp_packetizer_next(rtp_packetizer *p, writer *out, bool *marker)
{
	*marker = false;
	if (!p->busy)
		return false;
	size_t before = out->len;
	if (out->bad || writer_left(out) < p->max_payload) {
		out->bad = true;
		return false;
	}
	next_payload(p, out);
	assert(!out->bad && out->len > before && out->len - before <= p->max_payload);
	p->first = false;
	if (!p->busy) {
		end_frame(p);
		*marker = rtp_codec_is_video(p->codec);
	}
	return true;
}

size_t rtp_even_share(size_t left, size_t room)
{
	size_t packets = (left + room - 1) / room;
	return packets ? (left + packets - 1) / packets : 0;
}

/* ---- receiving ---- */

int rtp_payload_parse(rtp_codec codec, slice payload, rtp_payload_info *out)
{
	*out = (rtp_payload_info){0};
	switch (codec) {
	case RTP_VP8:
		return rtp_vp8_parse(payload, out);
	case RTP_VP9:
		return rtp_vp9_parse(payload, out);
	case RTP_H264:
		return rtp_h264_parse(payload, out);
	case RTP_AV1:
		return rtp_av1_parse(payload, out);
	case RTP_OPUS:
	case RTP_PCMU:
	case RTP_PCMA:
		break;
	}
	return rtp_audio_parse(payload, out);
}

void rtp_depacketizer_start(rtp_depacketizer *d, rtp_codec codec, buf *out)
{
	out->len = 0;
	*d = (rtp_depacketizer){.codec = codec, .out = out};
}

int rtp_depacketizer_add(rtp_depacketizer *d, slice payload)
{
	switch (d->codec) {
	case RTP_VP8:
		return rtp_vp8_add(d, payload);
	case RTP_VP9:
		return rtp_vp9_add(d, payload);
	case RTP_H264:
		return rtp_h264_add(d, payload);
	case RTP_AV1:
		return rtp_av1_add(d, payload);
	case RTP_OPUS:
	case RTP_PCMU:
	case RTP_PCMA:
		break;
	}
	return rtp_audio_add(d, payload);
}

int rtp_depacketizer_finish(rtp_depacketizer *d)
{
	if (d->fragment || d->out->len == 0)
		return PARLEY_EPROTO;
	return d->codec == RTP_VP9 ? rtp_vp9_finish(d) : 0;
}
