/*
 * apps/parley-room/media_track.h: one stream of a container or device being read: its packets in order, given as they are (in the
 * form of parley/media.h) or decoded.
 */
#ifndef PARLEY_APPS_ROOM_MEDIA_TRACK_H
#define PARLEY_APPS_ROOM_MEDIA_TRACK_H

#include <libavcodec/bsf.h>
#include <libavformat/avformat.h>

#include "apps/parley-room/media_source.h"

#define TRACK_QUEUE_MAX 256u /* packets read ahead while the other track's next is looked for */

/* {0} is none. */
typedef struct {
	parley_media_kind kind;
	const AVStream *stream; /* NULL: the source has no such track */
	AVCodecContext *decoder;
	AVBSFContext *filter; /* to the form of parley/media.h; NULL: none is needed */
	AVFrame *frame;
	AVPacket *queue[TRACK_QUEUE_MAX]; /* a ring */
	size_t first, count;
	int64_t offset;	   /* of the file's time to the source's: grows with each turn of a loop */
	int64_t last_time; /* given */
} media_track;

/* The container's best stream of a kind; stream stays NULL if there is none that can be decoded. AVERROR: no memory. */
int media_track_open(media_track *t, AVFormatContext *file, parley_media_kind kind);
void media_track_close(media_track *t);
/* The codec as which the stream's packets can go to a receiver as they are; NONE: they cannot. */
parley_codec media_track_codec(const media_track *t);
int media_track_fps(const media_track *t);

/* Takes the packet over if there is room. */
bool media_track_queue(media_track *t, AVPacket *packet);
/* When the first queued packet is due; SOURCE_NEVER: none is queued. */
int64_t media_track_next_time(const media_track *t);
/* Gives what the first queued packet gives: as source_operations.read. */
int media_track_read(media_track *t, bool pass_through, source_item *out);
/* A frame that the decoder still holds, without a new packet. */
int media_track_drain(media_track *t, source_item *out);
/* Forgets what is queued and what the decoder knows: the next packet is from elsewhere in the file. */
void media_track_flush(media_track *t);

#endif
