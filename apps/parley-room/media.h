/*
 * apps/parley-room/media.h: the session's audio and video: what the options ask for, between the peer connection on one side and the
 * sources, recorder, window and ports on the other.
 *
 * One transceiver per kind as soon as any option or command asks for media. It sends what the source (or --rtp-in) has, and receives
 * what the peer has, if only to be counted. Commands of the user's change this during the call.
 */
#ifndef PARLEY_APPS_ROOM_MEDIA_H
#define PARLEY_APPS_ROOM_MEDIA_H

#include "apps/common/report.h"
#include "apps/parley-room/media_codec.h"
#include "apps/parley-room/options.h"

struct uv_loop_s;
typedef struct media media;

typedef struct {
	void (*on_source_end)(void *me); /* --once, and the file is at its end */
	void (*on_window_closed)(void *me);
	void *me;
} media_callbacks;

/* Opens what the options name, so that what cannot be opened is known before the call. NULL, and why. */
media *media_new(struct uv_loop_s *loop, const media_options *options, report *to, const media_callbacks *callbacks,
		 char why[MEDIA_WHY_MAX]);
/* Ends the recording. Before parley_pc_free. NULL: nothing. */
void media_free(media *m);

/* Adds the transceivers that are wanted; before the first description. False, and why. */
bool media_attach(media *m, parley_pc *pc, char why[MEDIA_WHY_MAX]);
/* Before a remote offer is set: takes its media's place up, if only inactive, so that a later command can use it. */
void media_prepare_answer(media *m, const char *offer);
/* The peers are connected. */
void media_connected(media *m);

/* The callbacks of parley/parley.h. */
void media_on_transceiver(media *m, const parley_transceiver_event *event);
void media_on_frame(media *m, const parley_frame_event *frame);
void media_on_rtp(media *m, const parley_rtp_event *p);
void media_on_key_frame_request(media *m, parley_transceiver transceiver);
void media_on_target_bitrate(media *m, uint64_t bps);

/* "/mute audio", "/unmute video", "/send WHAT" ("/send none" stops), "/stats" (the W3C's, as JSON). False: it is no such command. */
bool media_command(media *m, const char *line, size_t len);

#endif
