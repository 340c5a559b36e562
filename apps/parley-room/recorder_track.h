/*
 * apps/parley-room/recorder_track.h: one kind of a recording: what the container must know of its codec, and its time.
 */
#ifndef PARLEY_APPS_ROOM_RECORDER_TRACK_H
#define PARLEY_APPS_ROOM_RECORDER_TRACK_H

#include <libavformat/avformat.h>

#include "apps/parley-room/media_codec.h"

/* {0} is none. */
typedef struct {
	parley_codec codec;
	AVCodecParameters *par; /* set once the first frame told */
	AVStream *stream;	/* the file's; NULL: not in it */
	uint32_t last_rtp;
	int64_t rtp_ticks; /* since the anchor, unwrapped */
	int64_t anchor_us; /* the file's time of the frame from which rtp_ticks count */
	int64_t last_dts;  /* in the stream's time base */
	bool written, anchored;
} record_track;

/* Finds the parameters from the first frame, for video a key frame. AVERROR_INVALIDDATA: it cannot be decoded. */
int record_track_begin(record_track *t, const parley_frame_event *first);
void record_track_clear(record_track *t);

/* A copy of the frame with its time in the file, whose zero is the arrival time `zero`, in microseconds. NULL: no memory. */
AVPacket *record_track_packet(record_track *t, const parley_frame_event *f, uint64_t zero);

#endif
