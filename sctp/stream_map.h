/*
 * sctp/stream_map.h: from a stream number (or channel id) to its record: a table of pages, each there while something is in
 * it, so that one channel costs little and 65535 cost no search. Holds pointers; does not own what they point to.
 */
#ifndef PARLEY_SCTP_STREAM_MAP_H
#define PARLEY_SCTP_STREAM_MAP_H

#include <stddef.h>
#include <stdint.h>

#define STREAM_MAP_PAGE 64u

typedef struct {
	size_t used;
	void *records[STREAM_MAP_PAGE];
} stream_map_page;

typedef struct {
	stream_map_page **pages;
	size_t page_count;
} stream_map; /* {0} is empty */

void *stream_map_get(const stream_map *map, uint16_t id); /* NULL: none */
/* record NULL: removes it. PARLEY_ENOMEM; never when a record is replaced or removed. */
int stream_map_put(stream_map *map, uint16_t id, void *record);
/* The record with the lowest id from *id on, and *id set to that; NULL: none. */
void *stream_map_next(const stream_map *map, uint32_t *id);
void stream_map_clear(stream_map *map); /* frees the pages */

#endif
