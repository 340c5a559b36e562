/*
 * base/buf.h: bytes that grow, up to a limit fixed at the start: for messages being put together and streams being parsed.
 *
 * {0} plus a limit is an empty buf. Growth doubles, so that n appends cost O(n). Not for packets: those never grow.
 */
#ifndef PARLEY_BASE_BUF_H
#define PARLEY_BASE_BUF_H

#include "base/bytes.h"

typedef struct {
	uint8_t *data;
	size_t len;
	size_t capacity;
	size_t limit; /* len never exceeds it */
} buf;

/* Append. PARLEY_ELIMIT past the limit, PARLEY_ENOMEM; the buf is then unchanged. */
int buf_append(buf *b, slice s);
int buf_printf(buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Make room for extra more bytes, to be written at data + len by the caller, who then adds to len. */
int buf_reserve(buf *b, size_t extra);
/* Drop the first n bytes (n <= len). */
void buf_consume(buf *b, size_t n);
slice buf_slice(const buf *b);
/* Free the memory; the buf is empty again with its limit kept. */
void buf_clear(buf *b);

#endif
