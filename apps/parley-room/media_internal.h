/*
 * apps/parley-room/media_internal.h: the session's media as its files see them. media.c: beginning, end, events;
 * media_call.c: transceivers, codecs, commands.
 */
#ifndef PARLEY_APPS_ROOM_MEDIA_INTERNAL_H
#define PARLEY_APPS_ROOM_MEDIA_INTERNAL_H

#include <uv.h>

#include "apps/parley-room/media.h"
#include "apps/parley-room/media_port.h"
#include "apps/parley-room/media_sender.h"
#include "apps/parley-room/media_status.h"
#include "apps/parley-room/player.h"
#include "apps/parley-room/recorder.h"

#define KINDS 2

/* What comes in at --rtp-in is of one kind. */
typedef struct {
	media *media;
	port_url url;
	rtp_in *port;
	parley_media_kind kind;
} media_input;

struct media {
	uv_loop_t *loop;
	const media_options *options;
	report *report;
	media_callbacks callbacks;
	parley_pc *pc;				/* NULL: not attached */
	parley_transceiver transceivers[KINDS]; /* 0: none */
	bool muted[KINDS];
	media_source *source; /* until there is a peer connection to send it to */
	media_sender *sender;
	recorder *recorder;
	player *player;
	media_input inputs[RTP_PORTS_MAX];
	size_t input_count;
	rtp_out *output;
	uv_timer_t status_timer, window_timer;
	media_status status;
	bool connected, has_bitrate;
	bool was_call; /* media were wanted once: the peer's are received on, whatever is sent */
	uint64_t bitrate;
};

void media_warn(media *m, const char *text);
/* "test", "camera" or a file. NULL, and why. */
media_source *media_open_source(const media_options *options, const char *what, char why[MEDIA_WHY_MAX]);
/* Sends source from now on, in place of what was sent; takes it over. */
bool media_set_source(media *m, media_source *source);

#endif
