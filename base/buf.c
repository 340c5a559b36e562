#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parley/types.h"

#define BUF_FIRST_CAPACITY 256u

int buf_reserve(buf *b, size_t extra)
{
	if (extra > b->limit || b->len > b->limit - extra)
		return PARLEY_ELIMIT;
	size_t need = b->len + extra;
	if (need <= b->capacity)
		return 0;
	size_t capacity = b->capacity ? b->capacity : BUF_FIRST_CAPACITY;
	while (capacity < need)
		capacity = capacity > SIZE_MAX / 2 ? need : capacity * 2;
	uint8_t *data = realloc(b->data, capacity);
	if (!data)
		return PARLEY_ENOMEM;
	b->data = data;
	b->capacity = capacity;
	return 0;
}

int buf_append(buf *b, slice s)
{
	int err = buf_reserve(b, s.len);
	if (err)
		return err;
	if (s.len)
		memcpy(b->data + b->len, s.data, s.len);
	b->len += s.len;
	return 0;
}

int buf_printf(buf *b, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	va_list again;
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	int err = n < 0 ? PARLEY_EINVAL : 0;
	if (!err && (size_t)n > b->limit - b->len)
		err = PARLEY_ELIMIT;
	if (!err) {
		/* vsnprintf writes a NUL behind the text: room for it, which does not count against the limit. */
		size_t limit = b->limit;
		b->limit = limit < SIZE_MAX ? limit + 1 : limit;
		err = buf_reserve(b, (size_t)n + 1);
		b->limit = limit;
	}
	if (!err) {
		vsnprintf((char *)b->data + b->len, (size_t)n + 1, format, again);
		b->len += (size_t)n;
	}
	va_end(again);
	return err;
}

void buf_consume(buf *b, size_t n)
{
	assert(n <= b->len);
	b->len -= n;
	if (b->len)
		memmove(b->data, b->data + n, b->len);
}

slice buf_slice(const buf *b)
{
	return slice_of(b->data, b->len);
}

void buf_clear(buf *b)
{
	free(b->data);
	*b = (buf){.limit = b->limit};
}
