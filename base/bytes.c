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

slice slice_part(slice s, size_t offset, size_t len)
{
	if (offset >= s.len)
		return slice_of(NULL, 0);
	if (len > s.len - offset)
		len = s.len - offset;
	return slice_of(s.data + offset, len);
}

reader reader_of(slice in)
{
	return (reader){.in = in};
}

size_t reader_left(const reader *r)
{
	return r->in.len - r->pos;
}

slice read_bytes(reader *r, size_t len)
{
	if (r->bad || len > reader_left(r)) {
		r->bad = true;
		return slice_of(NULL, 0);
	}
	slice s = slice_of(len ? r->in.data + r->pos : NULL, len);
	r->pos += len;
	return s;
}

static uint64_t read_number(reader *r, size_t size)
{
	slice s = read_bytes(r, size);
	uint64_t v = 0;
	for (size_t i = 0; i < s.len; i++)
		v = v << 8 | s.data[i];
	return v;
}

uint8_t read_u8(reader *r)
{
	return (uint8_t)read_number(r, 1);
}

uint16_t read_u16(reader *r)
{
	return (uint16_t)read_number(r, 2);
}

uint32_t read_u24(reader *r)
{
	return (uint32_t)read_number(r, 3);
}

uint32_t read_u32(reader *r)
{
	return (uint32_t)read_number(r, 4);
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

void read_skip(reader *r, size_t len)
{
	(void)read_bytes(r, len);
}

slice read_rest(reader *r)
{
	return read_bytes(r, reader_left(r));
}

writer writer_of(uint8_t *out, size_t capacity)
{
	return (writer){.out = out, .capacity = capacity};
}

slice writer_slice(const writer *w)
{
	return slice_of(w->out, w->len);
}

size_t writer_left(const writer *w)
{
	return w->capacity - w->len;
}

/* Room for len more bytes, or NULL and bad. */
static uint8_t *writer_claim(writer *w, size_t len)
{
	if (w->bad || len > writer_left(w)) {
		w->bad = true;
		return NULL;
	}
	uint8_t *p = w->out + w->len;
	w->len += len;
	return p;
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

void write_u8(writer *w, uint8_t v)
{
	write_number(w, 1, v);
}

void write_u16(writer *w, uint16_t v)
{
	write_number(w, 2, v);
}

void write_u24(writer *w, uint32_t v)
{
	write_number(w, 3, v);
}

void write_u32(writer *w, uint32_t v)
{
	write_number(w, 4, v);
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
