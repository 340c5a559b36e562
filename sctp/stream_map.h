/*
 * sctp/stream_map.h: from a stream number (or channel id) to its record: a tree that branches by four bits of the number at a
 * time, its nodes allocated when first used, so that one channel costs little and 65535 cost no search. Holds pointers;
 * does not own what they point to.
 */
#ifndef PARLEY_SCTP_STREAM_MAP_H
#define PARLEY_SCTP_STREAM_MAP_H

#include <stdbool.h>
#include <stdint.h>

#define STREAM_MAP_FANOUT 16u

typedef struct {
	void *slots[STREAM_MAP_FANOUT]; /* of the root */
} stream_map;

void *stream_map_get(const stream_map *map, uint16_t id); /* NULL: none */
int stream_map_put(stream_map *map, uint16_t id,
		   void *record); /* PARLEY_ENOMEM; never when a record is replaced or removed */
/* The record with the lowest id from *id on, and *id set to that; NULL: none. */
void *stream_map_next(const stream_map *map, uint32_t *id);
void stream_map_clear(stream_map *map); /* frees the nodes */

#endif
