/*
 * apps/parley-room/video_encoder.h: pictures of any size and pixel format to VP8, VP9, H.264 or AV1 frames, in real time, at the bit
 * rate it is told.
 *
 * It follows the bit rate in three ways. libx264 takes a new one as it goes. libvpx and libaom, behind libavcodec, do not: they
 * are opened anew, which costs a key frame, so only for a change worth it and not often. In between, and always, pictures
 * are skipped while more was spent than the rate allows. At a low rate the picture is halved, or quartered, in width and height.
 */
#ifndef PARLEY_APPS_ROOM_VIDEO_ENCODER_H
#define PARLEY_APPS_ROOM_VIDEO_ENCODER_H

#include <libavcodec/avcodec.h>

#include "parley/media.h"

typedef struct video_encoder video_encoder;

/* Whether this machine's libavcodec can make it. */
bool video_encoder_exists(parley_codec codec);

/* fps: about how many pictures a second will come. NULL: no memory, or no such encoder. */
video_encoder *video_encoder_new(parley_codec codec, int fps);
void video_encoder_free(video_encoder *e);

/* Bits per second; until the first call, 300 kbit/s. More than the picture is worth is not used. */
void video_encoder_set_bitrate(video_encoder *e, uint64_t bps);
/* The next picture becomes a key frame and is not skipped. */
void video_encoder_request_key(video_encoder *e);

/* One picture in, at most one frame out, in the form of parley/media.h: 1: *out holds it, for the caller to unref, and out->pts
 * its time; 0: the picture was skipped; an AVERROR. time_us must grow from call to call. */
int video_encoder_encode(video_encoder *e, const AVFrame *picture, int64_t time_us, AVPacket *out);

/* Of what comes out, 0x0 before. */
int video_encoder_width(const video_encoder *e);
int video_encoder_height(const video_encoder *e);

#endif
