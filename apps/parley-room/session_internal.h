/*
 * apps/parley-room/session_internal.h: a session as its files see it. session.c: the hub, the room, the end;
 * talk.c: the peer connection and what goes over its channel.
 */
#ifndef PARLEY_APPS_ROOM_SESSION_INTERNAL_H
#define PARLEY_APPS_ROOM_SESSION_INTERNAL_H

#include <stdio.h>
#include <uv.h>

#include "apps/common/report.h"
#include "apps/parley-room/files.h"
#include "apps/parley-room/media.h"
#include "apps/parley-room/session.h"
#include "net/timer.h"
#include "signaling/net.h"
#include "signaling/room.h"

/* A line that waits for the channel to open. */
typedef struct waiting_line {
	struct waiting_line *next;
	size_t len;
	char text[];
} waiting_line;

struct session {
	uv_loop_t *loop;
	const room_options *options;
	report report;
	signalr_net *hub;
	room *room;
	parley_pc *pc;
	parley_channel channel;
	files files;
	media *media;
	waiting_line *lines, **lines_end;
	uv_timer_t gathering_timer, leave_timer;
	uv_idle_t hashing;
	FILE *key_log;
	bool described;	 /* our description has left */
	bool negotiated; /* once, at least: from then on either side may offer anew */
	bool initiator;
	bool open, was_open; /* the channel */
	bool input_ended, file_sent, source_ended, leaving, ended;
	int exit_status;
};

/* session.c */
void session_end(session *s, int exit_status, const char *reason);
void session_fail(session *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* talk.c */
void talk_ready(session *s, bool initiator);
void talk_description(session *s, parley_sdp_type type, slice sdp);
void talk_candidate(session *s, const room_event *e);
void talk_leave_if_done(session *s);
void talk_send_lines(session *s); /* those that waited for the channel */

#endif
