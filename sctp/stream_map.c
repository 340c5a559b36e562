#include "sctp/stream_map.h"

#include <stdlib.h>
#include <string.h>

#include "parley/types.h"

void *stream_map_get(const stream_map *map, uint16_t id)
{
	size_t at = id / STREAM_MAP_PAGE;
	const stream_map_page *page = at < map->page_count ? map->pages[at] : NULL;
	return page ? page->records[id % STREAM_MAP_PAGE] : NULL;
}

static int grow(stream_map *map, size_t count)
{
	stream_map_page **pages = realloc(map->pages, count * sizeof *pages);
	if (!pages)
		return PARLEY_ENOMEM;
	memset(pages + map->page_count, 0, (count - map->page_count) * sizeof *pages);
	map->pages = pages;
	map->page_count = count;
	return 0;
}

static void remove_record(stream_map *map, size_t at, uint16_t id)
{
	stream_map_page *page = at < map->page_count ? map->pages[at] : NULL;
	if (!page || !page->records[id % STREAM_MAP_PAGE])
		return;
	page->records[id % STREAM_MAP_PAGE] = NULL;
	if (--page->used)
		return;
	free(page);
	map->pages[at] = NULL;
}

int stream_map_put(stream_map *map, uint16_t id, void *record)
{
	size_t at = id / STREAM_MAP_PAGE;
	if (!record) {
		remove_record(map, at, id);
		return 0;
	}
	if (at >= map->page_count && grow(map, at + 1))
		return PARLEY_ENOMEM;
	if (!map->pages[at])
		map->pages[at] = calloc(1, sizeof **map->pages);
	if (!map->pages[at])
		return PARLEY_ENOMEM;
	void **slot = &map->pages[at]->records[id % STREAM_MAP_PAGE];
	map->pages[at]->used += !*slot;
	*slot = record;
	return 0;
}

void *stream_map_next(const stream_map *map, uint32_t *id)
{
	for (; *id / STREAM_MAP_PAGE < map->page_count; ++*id) {
		if (!map->pages[*id / STREAM_MAP_PAGE])
			*id |= STREAM_MAP_PAGE - 1; /* to the next page */
		else if (stream_map_get(map, (uint16_t)*id))
			return stream_map_get(map, (uint16_t)*id);
	}
	return NULL;
}

void stream_map_clear(stream_map *map)
{
	for (size_t i = 0; i < map->page_count; i++)
		free(map->pages[i]);
	free(map->pages);
	*map = (stream_map){0};
}
