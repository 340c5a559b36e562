/* The memory of a description: blocks that are only added to and freed together. */
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "sdp/internal.h"

/* A description of data channels only fits the first block; each further one is twice as large as that before. */
#define BLOCK_FIRST 1536u
#define BLOCK_MAX 12288u

struct sdp_block {
	struct sdp_block *next;
	size_t used, capacity;
	alignas(max_align_t) uint8_t data[];
};

sdp_session *sdp_new(void)
{
	return calloc(1, sizeof(sdp_session));
}

void sdp_free(sdp_session *session)
{
	if (!session)
		return;
	for (struct sdp_block *b = session->arena, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	free(session);
}

static struct sdp_block *add_block(sdp_session *session, size_t size)
{
	size_t capacity = session->arena ? 2 * session->arena->capacity : BLOCK_FIRST;
	if (capacity > BLOCK_MAX)
		capacity = BLOCK_MAX;
	if (capacity < size)
		capacity = size;
	struct sdp_block *b = calloc(1, sizeof *b + capacity);
	if (!b)
		return NULL;
	b->capacity = capacity;
	b->next = session->arena;
	session->arena = b;
	return b;
}

void *sdp_alloc(sdp_session *session, size_t size)
{
	size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	struct sdp_block *b = session->arena;
	if (!b || b->capacity - b->used < size)
		b = add_block(session, size);
	if (!b)
		return NULL;
	void *out = b->data + b->used;
	b->used += size;
	return out;
}

void *sdp_push(sdp_session *session, void *items, size_t *count, size_t size)
{
	uint8_t *array;
	memcpy(&array, items, sizeof array);	  /* items is the address of a pointer to any type */
	bool full = (*count & (*count - 1)) == 0; /* 0 or a power of two */
	if (full) {
		uint8_t *larger = sdp_alloc(session, (*count ? *count * 2 : 1) * size);
		if (!larger)
			return NULL;
		if (*count)
			memcpy(larger, array, *count * size);
		array = larger;
		memcpy(items, &array, sizeof array);
	}
	return array + (*count)++ * size;
}

int sdp_copy(sdp_session *session, slice s, slice *out)
{
	uint8_t *copy = sdp_alloc(session, s.len);
	if (!copy)
		return PARLEY_ENOMEM;
	if (s.len)
		memcpy(copy, s.data, s.len);
	*out = slice_of(copy, s.len);
	return 0;
}

int sdp_push_slice(sdp_session *session, sdp_slices *list, slice s)
{
	slice *item = SDP_PUSH(session, list->items, list->count);
	if (!item)
		return PARLEY_ENOMEM;
	*item = s;
	return 0;
}
