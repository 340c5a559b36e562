#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

text text_of(char *out, size_t capacity)
{
	if (capacity)
		out[0] = '\0';
	return (text){.out = out, .capacity = capacity, .bad = capacity == 0};
}

void text_slice(text *t, slice s)
{
	if (t->bad || s.len >= t->capacity - t->len) {
		t->bad = true;
		return;
	}
	if (s.len)
		memcpy(t->out + t->len, s.data, s.len);
	t->len += s.len;
	t->out[t->len] = '\0';
}

void text_char(text *t, char c)
{
	text_slice(t, slice_of(&c, 1));
}

void text_string(text *t, const char *s)
{
	text_slice(t, slice_from_string(s));
}

void text_printf(text *t, const char *format, ...)
{
	if (t->bad)
		return;
	va_list args;
	va_start(args, format);
	int n = vsnprintf(t->out + t->len, t->capacity - t->len, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= t->capacity - t->len) {
		t->out[t->len] = '\0';
		t->bad = true;
	} else {
		t->len += (size_t)n;
	}
}

void text_copy(char *out, size_t size, slice s)
{
	text t = text_of(out, size);
	text_slice(&t, slice_part(s, 0, size - 1));
}

void text_copy_printable(char *out, size_t size, slice s)
{
	text_copy(out, size, s);
	for (size_t i = 0; i < s.len && i < size - 1; i++)
		out[i] = s.data[i] >= ' ' && s.data[i] < 0x7f ? out[i] : '.';
}

bool scan_u64(slice s, uint64_t max, uint64_t *value)
{
	uint64_t v = 0;
	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] < '0' || s.data[i] > '9')
			return false;
		uint64_t digit = (uint64_t)(s.data[i] - '0');
		if (v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	if (v > max)
		return false;
	*value = v;
	return true;
}

bool scan_u32(slice s, uint32_t max, uint32_t *value)
{
	uint64_t v;
	if (!scan_u64(s, max, &v))
		return false;
	*value = (uint32_t)v;
	return true;
}

bool scan_token(slice *s, char separator, slice *token)
{
	if (s->len == 0)
		return false;
	const uint8_t *end = memchr(s->data, separator, s->len);
	size_t len = end ? (size_t)(end - s->data) : s->len;
	*token = slice_of(s->data, len);
	*s = slice_part(*s, len + 1, s->len);
	return true;
}

static uint8_t ascii_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool slice_equal_nocase(slice a, slice b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (ascii_lower(a.data[i]) != ascii_lower(b.data[i]))
			return false;
	return true;
}
