/*
 * apps/parley-room/media_codec.h: Parley's codecs as libavcodec names them, and small helpers around libav*.
 *
 * Times in this folder's media files are microseconds, in libav's terms of the time base MEDIA_TIME_BASE.
 */
#ifndef PARLEY_APPS_ROOM_MEDIA_CODEC_H
#define PARLEY_APPS_ROOM_MEDIA_CODEC_H

#include <libavcodec/avcodec.h>

#include "parley/media.h"

#define MEDIA_TIME_BASE ((AVRational){1, 1000000})
#define MEDIA_WHY_MAX 256u /* bytes of an explanation, NUL included */

enum AVCodecID media_codec_id(parley_codec codec); /* AV_CODEC_ID_NONE: none */
parley_codec media_codec_of_id(enum AVCodecID id); /* PARLEY_CODEC_NONE: none of Parley's */
parley_media_kind media_codec_kind(parley_codec codec);
/* A time in units of the codec's RTP clock, wrapped as the field is (RFC 3550 5.1). */
uint32_t media_rtp_timestamp(parley_codec codec, int64_t time_us);

/* "WHAT: what libav says of `error`" into why; returns false, to be returned. */
bool media_say_why(char why[MEDIA_WHY_MAX], const char *what, int error);

/* A decoder for what par describes, on this thread only; NULL: there is none, or no memory. */
AVCodecContext *media_open_decoder(const AVCodecParameters *par);

/* libav's own complaints: only errors, or with verbose its warnings too. */
void media_set_log(bool verbose);

#endif
