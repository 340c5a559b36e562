#include "sctp/stream_map.h"

#include <stdlib.h>
#include <string.h>

#include "parley/types.h"

void *stream_map_get(const stream_map *map, uint16_t id)
{
	void **page = map->pages[id / STREAM_MAP_PAGE];
	return page ? page[id % STREAM_MAP_PAGE] : NULL;
}

int stream_map_put(stream_map *map, uint16_t id, void *record)
{
	void ***page = &map->pages[id / STREAM_MAP_PAGE];
	if (!*page && record)
		*page = calloc(STREAM_MAP_PAGE, sizeof **page);
	if (*page)
		(*page)[id % STREAM_MAP_PAGE] = record;
	return *page || !record ? 0 : PARLEY_ENOMEM;
}

void *stream_map_next(const stream_map *map, uint32_t *id)
{
	while (*id <= UINT16_MAX) {
		void **page = map->pages[*id / STREAM_MAP_PAGE];
		if (page && page[*id % STREAM_MAP_PAGE])
			return page[*id % STREAM_MAP_PAGE];
		*id = page ? *id + 1 : (*id / STREAM_MAP_PAGE + 1) * STREAM_MAP_PAGE;
	}
	return NULL;
}

void stream_map_clear(stream_map *map)
{
	for (size_t i = 0; i < STREAM_MAP_PAGE; i++)
		free(map->pages[i]);
	memset(map, 0, sizeof *map);
}
