/*
 * base/text.h: text printed into memory the caller owns, bounded, always NUL-terminated, with a sticky overflow flag;
 * and the strict scanning of numbers, since strtol accepts signs, spaces and silence.
 */
#ifndef PARLEY_BASE_TEXT_H
#define PARLEY_BASE_TEXT_H

#include "base/bytes.h"

typedef struct {
	char *out;
	size_t capacity; /* with the NUL */
	size_t len;	 /* without it */
	bool bad;	 /* something did not fit; out holds what did */
} text;

text text_of(char *out, size_t capacity);
void text_char(text *t, char c);
void text_string(text *t, const char *s);
void text_slice(text *t, slice s);
void text_printf(text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The first bytes of s, as many as fit with the NUL; size is 1 or more. */
void text_copy(char *out, size_t size, slice s);
/* The same of what a stranger wrote: anything but printable ASCII becomes a dot. */
void text_copy_printable(char *out, size_t size, slice s);

/* All of s is one decimal number of digits only, at most max. False otherwise, and *value is then not written. */
bool scan_u64(slice s, uint64_t max, uint64_t *value);
bool scan_u32(slice s, uint32_t max, uint32_t *value);
/* The bytes up to the first `separator` (or all), removed from *s together with it. False when *s is empty. */
bool scan_token(slice *s, char separator, slice *token);
/* ASCII only, without regard to case and locale. */
bool slice_equal_nocase(slice a, slice b);

#endif
