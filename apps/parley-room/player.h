/*
 * apps/parley-room/player.h: what arrives, decoded, in an SDL window with sound.
 *
 * Pictures are shown as they arrive, already put in order and repaired; sound is queued, and dropped when more than a
 * quarter of a second waits. The window's size follows the first picture; a later change is scaled into it.
 */
#ifndef PARLEY_APPS_ROOM_PLAYER_H
#define PARLEY_APPS_ROOM_PLAYER_H

#include "apps/parley-room/media_codec.h"

typedef struct player player;

/* Only here SDL is started. on_close: the user closed the window. NULL, and why. */
player *player_new(void (*on_close)(void *me), void *me, char why[MEDIA_WHY_MAX]);
void player_free(player *p); /* NULL: nothing */

/* *wants_key: nothing can be shown before a key frame; ask the sender for one. */
void player_take(player *p, parley_media_kind kind, const parley_frame_event *frame, bool *wants_key);
/* Serves the window: call it some twenty times a second. */
void player_turn(player *p);

#endif
