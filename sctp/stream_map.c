#include "sctp/stream_map.h"

#include <stdlib.h>
#include <string.h>

#include "parley/types.h"

#define BITS 4u	       /* of a number, that a node branches by */
#define ROOT_SHIFT 12u /* to those that the root branches by */

static size_t slot_of(uint32_t id, unsigned shift)
{
	return id >> shift & (STREAM_MAP_FANOUT - 1);
}

/* The leaf that has the number, with *shift 0; NULL: there is none, and *shift tells which branch is missing. */
static void *const *find_leaf(const stream_map *map, uint32_t id, unsigned *shift)
{
	void *const *slots = map->slots;
	for (*shift = ROOT_SHIFT; *shift > 0; *shift -= BITS) {
		void *const *below = slots[slot_of(id, *shift)];
		if (!below)
			return NULL;
		slots = below;
	}
	return slots;
}

void *stream_map_get(const stream_map *map, uint16_t id)
{
	unsigned shift;
	void *const *leaf = find_leaf(map, id, &shift);
	return leaf ? leaf[slot_of(id, 0)] : NULL;
}

int stream_map_put(stream_map *map, uint16_t id, void *record)
{
	void **slots = map->slots;
	for (unsigned shift = ROOT_SHIFT; shift > 0; shift -= BITS) {
		void **below = &slots[slot_of(id, shift)];
		if (!*below && !record)
			return 0;
		if (!*below)
			*below = calloc(STREAM_MAP_FANOUT, sizeof(void *));
		if (!*below)
			return PARLEY_ENOMEM;
		slots = *below;
	}
	slots[slot_of(id, 0)] = record;
	return 0;
}

void *stream_map_next(const stream_map *map, uint32_t *id)
{
	while (*id <= UINT16_MAX) {
		unsigned shift;
		void *const *leaf = find_leaf(map, *id, &shift);
		if (leaf && leaf[slot_of(*id, 0)])
			return leaf[slot_of(*id, 0)];
		*id = ((*id >> shift) + 1) << shift; /* past the branch that is missing */
	}
	return NULL;
}

static void free_below(void **slots, unsigned shift)
{
	for (size_t i = 0; shift > 0 && i < STREAM_MAP_FANOUT; i++) {
		if (slots[i])
			free_below(slots[i], shift - BITS);
		free(slots[i]);
	}
}

void stream_map_clear(stream_map *map)
{
	free_below(map->slots, ROOT_SHIFT);
	memset(map, 0, sizeof *map);
}
