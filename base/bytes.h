/*
 * base/bytes.h: the only place where wire bytes become numbers and back.
 *
 * A reader walks a slice it does not own, a writer fills memory it does not own; both big-endian, both with a sticky
 * error: past the end a reader gives zeros and sets `bad`, a writer drops the bytes and sets `bad`. Do the whole message,
 * then check `bad` once. Nothing here allocates.
 */
#ifndef PARLEY_BASE_BYTES_H
#define PARLEY_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrowed bytes: valid as long as their owner says. data may be NULL only when len is 0. */
typedef struct {
	const uint8_t *data;
	size_t len;
} slice;

/* Memory for one outgoing packet, owned by the caller: capacity bytes at data, of which len are filled. */
typedef struct {
	uint8_t *data;
	size_t capacity;
	size_t len;
} packet;

static inline slice slice_of(const void *data, size_t len)
{
	return (slice){(const uint8_t *)data, len};
}

slice slice_from_string(const char *text); /* without the NUL; NULL gives the empty slice */
bool slice_equal(slice a, slice b);
bool slice_equal_string(slice a, const char *text);

/* The part from offset on, at most len bytes; clipped to what there is. */
static inline slice slice_part(slice s, size_t offset, size_t len)
{
	if (offset >= s.len)
		return slice_of(NULL, 0);
	if (len > s.len - offset)
		len = s.len - offset;
	return slice_of(s.data + offset, len);
}

/* Big-endian numbers. For readers and writers: these know of no end. */
static inline uint16_t bytes_get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t bytes_get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

static inline void bytes_put_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void bytes_put_u32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

typedef struct {
	slice in;
	size_t pos;
	bool bad;
} reader;

static inline reader reader_of(slice in)
{
	return (reader){.in = in};
}

static inline size_t reader_left(const reader *r)
{
	return r->in.len - r->pos;
}

/* The next len bytes, borrowed from the input; the empty slice, and bad, if there are fewer. */
static inline slice read_bytes(reader *r, size_t len)
{
	if (r->bad || len > reader_left(r)) {
		r->bad = true;
		return slice_of(NULL, 0);
	}
	slice s = slice_of(len ? r->in.data + r->pos : NULL, len);
	r->pos += len;
	return s;
}

static inline uint8_t read_u8(reader *r)
{
	slice s = read_bytes(r, 1);
	return s.len ? s.data[0] : 0;
}

static inline uint16_t read_u16(reader *r)
{
	slice s = read_bytes(r, 2);
	return s.len ? bytes_get_u16(s.data) : 0;
}

static inline uint32_t read_u32(reader *r)
{
	slice s = read_bytes(r, 4);
	return s.len ? bytes_get_u32(s.data) : 0;
}

uint32_t read_u24(reader *r);
uint64_t read_u48(reader *r);
uint64_t read_u64(reader *r);
void read_copy(reader *r, uint8_t *out, size_t len); /* zeros, and bad, if there are fewer */

static inline void read_skip(reader *r, size_t len)
{
	(void)read_bytes(r, len);
}

static inline slice read_rest(reader *r)
{
	return read_bytes(r, reader_left(r));
}

typedef struct {
	uint8_t *out;
	size_t capacity;
	size_t len;
	bool bad;
} writer;

static inline writer writer_of(uint8_t *out, size_t capacity)
{
	return (writer){.out = out, .capacity = capacity};
}

/* What was written so far. */
static inline slice writer_slice(const writer *w)
{
	return slice_of(w->out, w->len);
}

static inline size_t writer_left(const writer *w)
{
	return w->capacity - w->len;
}

/* Room for len more bytes, or NULL and bad. */
static inline uint8_t *writer_claim(writer *w, size_t len)
{
	if (w->bad || len > writer_left(w)) {
		w->bad = true;
		return NULL;
	}
	uint8_t *p = w->out + w->len;
	w->len += len;
	return p;
}

static inline void write_u8(writer *w, uint8_t v)
{
	uint8_t *p = writer_claim(w, 1);
	if (p)
		p[0] = v;
}

static inline void write_u16(writer *w, uint16_t v)
{
	uint8_t *p = writer_claim(w, 2);
	if (p)
		bytes_put_u16(p, v);
}

static inline void write_u32(writer *w, uint32_t v)
{
	uint8_t *p = writer_claim(w, 4);
	if (p)
		bytes_put_u32(p, v);
}

void write_u24(writer *w, uint32_t v); /* the low 24 bits */
void write_u48(writer *w, uint64_t v); /* the low 48 bits */
void write_u64(writer *w, uint64_t v);
void write_bytes(writer *w, slice s);
void write_zeros(writer *w, size_t len);
void write_pad(writer *w, size_t multiple); /* zeros until len is a multiple */
/* Overwrite what was already written, for lengths known only afterwards. Sets bad if [at, at+2/4) is not yet written. */
void write_u16_at(writer *w, size_t at, uint16_t v);
void write_u32_at(writer *w, size_t at, uint32_t v);

#endif
