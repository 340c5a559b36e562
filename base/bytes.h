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
slice slice_part(slice s, size_t offset, size_t len);

typedef struct {
	slice in;
	size_t pos;
	bool bad;
} reader;

reader reader_of(slice in);
size_t reader_left(const reader *r);
uint8_t read_u8(reader *r);
uint16_t read_u16(reader *r);
uint32_t read_u24(reader *r);
uint32_t read_u32(reader *r);
uint64_t read_u48(reader *r);
uint64_t read_u64(reader *r);
/* The next len bytes, borrowed from the input; the empty slice, and bad, if there are fewer. */
slice read_bytes(reader *r, size_t len);
void read_copy(reader *r, uint8_t *out, size_t len); /* zeros, and bad, if there are fewer */
void read_skip(reader *r, size_t len);
slice read_rest(reader *r);

typedef struct {
	uint8_t *out;
	size_t capacity;
	size_t len;
	bool bad;
} writer;

writer writer_of(uint8_t *out, size_t capacity);
slice writer_slice(const writer *w); /* what was written so far */
size_t writer_left(const writer *w);
void write_u8(writer *w, uint8_t v);
void write_u16(writer *w, uint16_t v);
void write_u24(writer *w, uint32_t v); /* the low 24 bits */
void write_u32(writer *w, uint32_t v);
void write_u48(writer *w, uint64_t v); /* the low 48 bits */
void write_u64(writer *w, uint64_t v);
void write_bytes(writer *w, slice s);
void write_zeros(writer *w, size_t len);
void write_pad(writer *w, size_t multiple); /* zeros until len is a multiple */
/* Overwrite what was already written, for lengths known only afterwards. Sets bad if [at, at+2/4) is not yet written. */
void write_u16_at(writer *w, size_t at, uint16_t v);
void write_u32_at(writer *w, size_t at, uint32_t v);

#endif
