/*
 * tests/unit/signaling_world.h: a hub and some clients joined in memory on a virtual clock.
 *
 * What happens to each client is written to its log, a line an event, so that a test reads as a transcript.
 */
#ifndef PARLEY_TESTS_SIGNALING_WORLD_H
#define PARLEY_TESTS_SIGNALING_WORLD_H

#include "base/rng.h"
#include "signaling/hub.h"
#include "signaling/room.h"

#define WORLD_PEERS 8u

typedef struct {
	signalr_client *client;
	room *room; /* NULL: a bare client */
	uint32_t stream;
	uint64_t connection;
	bool linked;
	buf log;
} world_peer;

typedef struct {
	hub *hub; /* NULL: nobody listens */
	hub_config config;
	uint64_t now;
	size_t chunk; /* bytes per delivery */
	rng_seeded seed;
	trace trace;
	world_peer peers[WORLD_PEERS];
	size_t count;
} world;

/* All tolerate failing allocations, except where they say otherwise. */
void world_init(world *w);
void world_clear(world *w);
int world_start_hub(world *w);
void world_kill_hub(world *w); /* without a word, as in a crash */
/* A client that starts at once. NULL: out of memory. */
world_peer *world_add(world *w, bool with_room);
world_peer *world_add_at(world *w, bool with_room, const char *address);
void world_pump(world *w);		   /* until nothing moves */
void world_advance(world *w, uint64_t us); /* time passes, with all that falls due */
void world_cut(world *w, world_peer *p);   /* the stream breaks */

/* Call a method; the completion is logged as "completion ID ok|ERROR". */
void world_call(world *w, world_peer *p, const char *method, const char *arguments);
const char *world_log(world_peer *p); /* since the last call of this; valid until the next pump */

#endif
