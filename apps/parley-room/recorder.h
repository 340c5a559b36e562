/*
 * apps/parley-room/recorder.h: what arrives, as it arrives, into a webm, mkv or mp4 file: nothing is transcoded.
 *
 * The file begins with the first key frame when video is expected (sound before it is left out), else with the first sound.
 * Sound and picture are aligned by when their first frames arrived, from then on each keeps its RTP time; where that departs from the
 * arrival by more than two seconds (another sender, another clock), it is aligned anew. A codec or a kind that comes once the file
 * is under way begins a further file, NAME-2.webm and so on. A changed size does not: players follow it.
 */
#ifndef PARLEY_APPS_ROOM_RECORDER_H
#define PARLEY_APPS_ROOM_RECORDER_H

#include "apps/parley-room/media_codec.h"

typedef struct recorder recorder;

/* path's extension names the container; false, and why: it is none of the three. */
bool recorder_check(const char *path, char why[MEDIA_WHY_MAX]);
/* Whether the container can hold it: webm no H.264 nor G.711, mp4 no VP8 nor G.711. */
bool recorder_can_hold(const char *path, parley_codec codec);

/* NULL, and why. No file is made before there is something to write. */
recorder *recorder_new(const char *path, char why[MEDIA_WHY_MAX]);
/* Whether frames of this kind may come: the file's beginning waits for them, 2 s at most. */
void recorder_expect(recorder *r, parley_media_kind kind, bool expected);

/* False, and why: nothing more will be recorded. *wants_key: only a key frame can be used next; ask the sender for one. */
bool recorder_write(recorder *r, parley_media_kind kind, const parley_frame_event *frame, bool *wants_key,
		    char why[MEDIA_WHY_MAX]);

/* Ends the file properly. False, and why: it may be incomplete. NULL: nothing. */
bool recorder_close(recorder *r, char why[MEDIA_WHY_MAX]);

#endif
