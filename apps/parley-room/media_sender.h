/*
 * apps/parley-room/media_sender.h: reads a source at the pace of its clock, encodes what is raw in the codecs that were negotiated, and
 * gives the frames to the peer connection. Follows the target bit rate and the requests for key frames.
 *
 * All work is done on the loop, a frame at a time; when this machine is too slow, pictures are left out, not delayed.
 */
#ifndef PARLEY_APPS_ROOM_MEDIA_SENDER_H
#define PARLEY_APPS_ROOM_MEDIA_SENDER_H

#include "apps/parley-room/media_source.h"
#include "parley/parley.h"

typedef struct media_sender media_sender;

typedef struct {
	void (*on_end)(void *me);			/* the source has ended; may free the sender */
	void (*on_trouble)(void *me, const char *text); /* something cannot be sent; the rest goes on */
	void *me;
} media_sender_callbacks;

/* Takes the source over, also when it fails. NULL: no memory. */
media_sender *media_sender_new(struct uv_loop_s *loop, parley_pc *pc, media_source *source,
			       const media_sender_callbacks *callbacks);
void media_sender_free(media_sender *s); /* NULL: nothing */
const media_source *media_sender_source(const media_sender *s);

/* What was negotiated for a kind; codec NONE: it is not sent (the source goes on). */
void media_sender_set_codec(media_sender *s, parley_media_kind kind, parley_transceiver transceiver,
			    parley_codec codec);
/* A mute is the sender's own affair: nothing of the kind is sent while it lasts. */
void media_sender_set_mute(media_sender *s, parley_media_kind kind, bool mute);
/* The peers are connected: the source's clock starts, if it has not yet. */
void media_sender_start(media_sender *s);
void media_sender_request_key(media_sender *s, parley_transceiver transceiver);
/* For all video together. */
void media_sender_set_bitrate(media_sender *s, uint64_t bps);

#endif
