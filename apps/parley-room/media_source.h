/*
 * apps/parley-room/media_source.h: where sent media come from: the test picture, a file, a camera. All give, one by one and in order
 * of time, pictures and sound, raw or already encoded.
 *
 * A source keeps time of its own: microseconds from its beginning, when the first of its items is due. Who reads it paces it. A
 * live source (a camera) has no say in when items come: it is asked again and again.
 */
#ifndef PARLEY_APPS_ROOM_MEDIA_SOURCE_H
#define PARLEY_APPS_ROOM_MEDIA_SOURCE_H

#include "apps/parley-room/media_codec.h"

/* One of frame and packet is set; whoever read the item clears it. */
typedef struct {
	parley_media_kind kind;
	int64_t time;	  /* when it was captured, or is to be shown; frames, unlike packets, go by it */
	AVFrame *frame;	  /* raw */
	AVPacket *packet; /* encoded, in the form of parley/media.h, flagged when it is a key frame */
} source_item;

void source_item_clear(source_item *item);

#define SOURCE_NEVER INT64_MAX

typedef struct media_source media_source;

/* What kinds of source differ in. All but rewind are there. */
typedef struct {
	void (*free)(media_source *);
	/* When the next item is due; SOURCE_NEVER: there is none any more. Of a live source: 0. */
	int64_t (*next_time)(media_source *);
	/* 1: *out is the next item; 0: what was due gave none, ask again; an AVERROR: the source has failed. */
	int (*read)(media_source *, source_item *out);
	/* The next key frame is wanted now, not when it comes; only of what is passed through. */
	void (*skip_to_key)(media_source *);
} source_operations;

/* What every source begins with. */
struct media_source {
	const source_operations *operations;
	bool live;
	bool has[2];	       /* by parley_media_kind */
	parley_codec codec[2]; /* encoded as, so that it can be passed through; NONE: is raw, or fits no receiver */
	bool pass_through[2];  /* to be set by the reader: give packets */
	int fps;	       /* of the video, about */
};

/* NULL: no memory. */
media_source *source_new_test(int width, int height, int fps);
/* NULL, and why. once: it ends at its end. */
media_source *source_new_file(const char *path, bool once, char why[MEDIA_WHY_MAX]);
/* The first V4L2 camera and ALSA's default microphone; one of them is enough. NULL, and why. */
media_source *source_new_camera(int width, int height, int fps, char why[MEDIA_WHY_MAX]);
void source_free(media_source *s); /* NULL: nothing */

#endif
