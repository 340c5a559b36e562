/*
 * base/array.h: arrays in the heap that grow by one element at a time. Their capacity is written nowhere: there is room up to the
 * next power of two.
 *
 * For tables that mostly hold a few elements and rarely many: an empty one is NULL. The limit is the caller's to hold. Elements may
 * be taken from the end at any time; an array that had many gives memory back as it grows again.
 */
#ifndef PARLEY_BASE_ARRAY_H
#define PARLEY_BASE_ARRAY_H

#include <stdbool.h>
#include <stdlib.h>

/*
 * Room for one element behind the first count of array, a variable that holds its address and may be changed. False: there is no
 * memory, and nothing is changed.
 */
#define ARRAY_ROOM(array, count) array_room(&(array), (count), sizeof *(array))

static inline bool array_room(void *array, size_t count, size_t size)
{
	typedef void *__attribute__((may_alias)) pointer; /* of whichever type */
	pointer *at = array;
	if (count & (count - 1))
		return true;
	void *larger = realloc(*at, (count ? 2 * count : 1) * size);
	if (larger)
		*at = larger;
	return larger != NULL;
}

#endif
