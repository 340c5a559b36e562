/*
 * apps/parley-room/session.h: one stay in a room, from the hub to the last message: brings the hub's client, the room, the
 * peer connection, the files and stdin together on a loop.
 */
#ifndef PARLEY_APPS_ROOM_SESSION_H
#define PARLEY_APPS_ROOM_SESSION_H

#include <stddef.h>

#include "apps/parley-room/options.h"

struct uv_loop_s;

typedef struct session session;

/* Starts; the rest happens on the loop, which ends when the session does. NULL: it could not (and has said why). */
session *session_start(struct uv_loop_s *loop, const room_options *options);
/* A line of the user's, without its newline. */
void session_line(session *s, const char *line, size_t len);
/* No more lines will come. */
void session_input_ended(session *s);
/* The user wants to leave: sends what is queued, says goodbye. Again: at once. */
void session_leave(session *s);
bool session_has_ended(const session *s);
/* After the loop has ended. */
int session_exit_status(const session *s);
void session_free(session *s);

#endif
