/*
 * rtp/payload_formats.h: what each payload format does, behind rtp/payload.h. Private to the payload files.
 *
 * *_start checks a frame that rtp_packetizer_start has put in p. *_next writes one payload and clears p->busy after the
 * last. *_parse fills an info that is all zero. *_add appends one payload to d->out.
 */
#ifndef PARLEY_RTP_PAYLOAD_FORMATS_H
#define PARLEY_RTP_PAYLOAD_FORMATS_H

#include "rtp/payload.h"

#define RTP_PICTURE_ID_MASK 0x7fffu

int rtp_audio_start(const rtp_packetizer *p);
void rtp_audio_next(rtp_packetizer *p, writer *out);
int rtp_audio_parse(slice payload, rtp_payload_info *out);
int rtp_audio_add(rtp_depacketizer *d, slice payload);

void rtp_vp8_next(rtp_packetizer *p, writer *out);
int rtp_vp8_parse(slice payload, rtp_payload_info *out);
int rtp_vp8_add(rtp_depacketizer *d, slice payload);
bool rtp_vp8_is_key(slice frame);
bool rtp_vp8_dimensions(slice frame, rtp_dimensions *out);

void rtp_vp9_next(rtp_packetizer *p, writer *out);
int rtp_vp9_parse(slice payload, rtp_payload_info *out);
int rtp_vp9_add(rtp_depacketizer *d, slice payload);
int rtp_vp9_finish(rtp_depacketizer *d);
bool rtp_vp9_is_key(slice frame);
bool rtp_vp9_dimensions(slice frame, rtp_dimensions *out);

int rtp_h264_start(rtp_packetizer *p);
void rtp_h264_next(rtp_packetizer *p, writer *out);
int rtp_h264_parse(slice payload, rtp_payload_info *out);
int rtp_h264_add(rtp_depacketizer *d, slice payload);
bool rtp_h264_is_key(slice frame);
bool rtp_h264_dimensions(slice frame, rtp_dimensions *out);

int rtp_av1_start(const rtp_packetizer *p);
void rtp_av1_next(rtp_packetizer *p, writer *out);
int rtp_av1_parse(slice payload, rtp_payload_info *out);
int rtp_av1_add(rtp_depacketizer *d, slice payload);
bool rtp_av1_is_key(slice frame);
bool rtp_av1_dimensions(slice frame, rtp_dimensions *out);

/* How much of `left` bytes goes into the next of the fewest packets with `room` each, so that all are about equally long:
 * a short last packet is as easily lost as a full one. */
size_t rtp_even_share(size_t left, size_t room);

/* ---- bits, as codecs write them: most significant first; past the end zeros and `bad` ---- */

typedef struct {
	slice in;
	size_t pos; /* in bits */
	bool bad;
} rtp_bits;

uint32_t rtp_bits_read(rtp_bits *b, unsigned n); /* n <= 32 */
void rtp_bits_skip(rtp_bits *b, size_t n);
uint32_t rtp_bits_ue(rtp_bits *b); /* Exp-Golomb (H.264 9.1); bad past 32 bits */

#endif
