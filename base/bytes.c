#include "base/bytes.h"

#include <string.h>

slice slice_from_string(const char *text)
{
	return slice_of(text, text ? strlen(text) : 0);
}

bool slice_equal(slice a, slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool slice_equal_string(slice a, const char *text)
{
	return slice_equal(a, slice_from_string(text));
}

static uint64_t read_number(reader *r, size_t size)
{
	slice s = read_bytes(r, size);
	uint64_t v = 0;
	for (size_t i = 0; i < s.len; i++)
		v = v << 8 | s.data[i];
	return v;
}

uint32_t read_u24(reader *r)
{
	return (uint32_t)read_number(r, 3);
}

uint64_t read_u48(reader *r)
{
	return read_number(r, 6);
}

uint64_t read_u64(reader *r)
{
	return read_number(r, 8);
}

void read_copy(reader *r, uint8_t *out, size_t len)
{
	slice s = read_bytes(r, len);
	if (s.len)
		memcpy(out, s.data, s.len);
	else if (len)
		memset(out, 0, len);
}

static void put_number(uint8_t *p, size_t size, uint64_t v)
{
	for (size_t i = size; i-- > 0; v >>= 8)
		p[i] = (uint8_t)v;
}

static void write_number(writer *w, size_t size, uint64_t v)
{
	uint8_t *p = writer_claim(w, size);
	if (p)
		put_number(p, size, v);
}

void write_u24(writer *w, uint32_t v)
{
	write_number(w, 3, v);
}

void write_u48(writer *w, uint64_t v)
{
	write_number(w, 6, v);
}

void write_u64(writer *w, uint64_t v)
{
	write_number(w, 8, v);
}

void write_bytes(writer *w, slice s)
{
	if (s.len == 0)
		return;
	uint8_t *p = writer_claim(w, s.len);
	if (p)
		memcpy(p, s.data, s.len);
}

void write_zeros(writer *w, size_t len)
{
	if (len == 0)
		return;
	uint8_t *p = writer_claim(w, len);
	if (p)
		memset(p, 0, len);
}

void write_pad(writer *w, size_t multiple)
{
	size_t over = w->len % multiple;
	if (over)
		write_zeros(w, multiple - over);
}

static void write_number_at(writer *w, size_t at, size_t size, uint64_t v)
{
	if (w->bad || at > w->len || size > w->len - at)
		w->bad = true;
	else
		put_number(w->out + at, size, v);
}

void write_u16_at(writer *w, size_t at, uint16_t v)
{
	write_number_at(w, at, 2, v);
}

void write_u32_at(writer *w, size_t at, uint32_t v)
{
	write_number_at(w, at, 4, v);
}
