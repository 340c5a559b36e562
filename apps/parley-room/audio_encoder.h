/*
 * apps/parley-room/audio_encoder.h: sound of any rate, format and number of channels to Opus packets of 20 ms (RFC 6716), 48 kHz
 * stereo, or to G.711 of 8 kHz (RFC 3551 4.5.14).
 */
#ifndef PARLEY_APPS_ROOM_AUDIO_ENCODER_H
#define PARLEY_APPS_ROOM_AUDIO_ENCODER_H

#include <libavcodec/avcodec.h>

#include "parley/media.h"

typedef struct audio_encoder audio_encoder;

/* codec: PARLEY_OPUS, PARLEY_PCMU or PARLEY_PCMA. NULL: no memory, or no such encoder. */
audio_encoder *audio_encoder_new(parley_codec codec);
void audio_encoder_free(audio_encoder *e);

/* Takes sound of time_us; a gap or a jump of more than 100 ms is kept as one, less is taken for jitter. 0 or an AVERROR. */
int audio_encoder_push(audio_encoder *e, const AVFrame *sound, int64_t time_us);

/* The next packet whose sound is complete, out->pts its time, for the caller to unref: 1; 0: none; or an AVERROR. */
int audio_encoder_pull(audio_encoder *e, AVPacket *out);

#endif
