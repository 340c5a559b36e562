#include "tests/support/test.h"

#include "tests/support/media.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (1u << 20)

static slice read_file(media *m, const char *path)
{
	FILE *file = fopen(path, "rb");
	if (!file)
		fail_msg("%s: cannot be opened", path);
	m->bytes = malloc(FILE_MAX);
	assert_non_null(m->bytes);
	size_t len = fread(m->bytes, 1, FILE_MAX, file);
	fclose(file);
	assert_true(len < FILE_MAX);
	return slice_of(m->bytes, len);
}

static void add_frame(media *m, slice frame, uint64_t time)
{
	m->frames = realloc(m->frames, (m->count + 1) * sizeof *m->frames);
	m->times = realloc(m->times, (m->count + 1) * sizeof *m->times);
	assert_true(m->frames && m->times);
	m->frames[m->count] = frame;
	m->times[m->count++] = time;
}

void media_free(media *m)
{
	free(m->bytes);
	free(m->frames);
	free(m->times);
	*m = (media){0};
}

static uint32_t read_u32_little(reader *r)
{
	uint32_t v = 0;
	for (unsigned shift = 0; shift < 32; shift += 8)
		v |= (uint32_t)read_u8(r) << shift;
	return v;
}

media media_load_ivf(const char *path)
{
	media m = {0};
	reader r = reader_of(read_file(&m, path));
	assert_int_equal(read_u32(&r), 0x444b4946); /* DKIF */
	read_skip(&r, 28);
	while (reader_left(&r) > 0) {
		uint32_t len = read_u32_little(&r);
		uint64_t time = read_u32_little(&r);
		read_skip(&r, 4);
		add_frame(&m, read_bytes(&r, len), time);
	}
	assert_false(r.bad);
	return m;
}

/* Does the NAL unit begin an access unit, if the one before it was a slice? (H.264 7.4.1.2.3, .4: enough for test files) */
static bool begins_unit(const uint8_t *nal)
{
	unsigned type = nal[0] & 31;
	return (type >= 6 && type <= 9) || ((type == 1 || type == 5) && nal[1] & 0x80);
}

media media_load_annexb(const char *path)
{
	media m = {0};
	slice file = read_file(&m, path);
	size_t begin = 0;
	bool had_slice = false;
	for (size_t i = 0; i + 5 <= file.len; i++) {
		if (memcmp(file.data + i, "\0\0\1", 3) != 0)
			continue;
		const uint8_t *nal = file.data + i + 3;
		if (had_slice && begins_unit(nal)) {
			size_t end = i > 0 && file.data[i - 1] == 0 ? i - 1 : i;
			add_frame(&m, slice_part(file, begin, end - begin), m.count);
			begin = end;
			had_slice = false;
		}
		had_slice = had_slice || (nal[0] & 31) <= 5;
	}
	add_frame(&m, slice_part(file, begin, file.len), m.count);
	return m;
}

media media_load_rtpdump(const char *path)
{
	media m = {0};
	slice file = read_file(&m, path);
	reader r = reader_of(file);
	assert_true(slice_equal_string(slice_part(file, 0, 12), "#!rtpplay1.0"));
	while (!r.bad && read_u8(&r) != '\n')
		continue;
	read_skip(&r, 16);
	while (reader_left(&r) > 0) {
		uint16_t len = read_u16(&r), plen = read_u16(&r);
		uint32_t offset = read_u32(&r);
		assert_true(len >= 8);
		slice bytes = read_bytes(&r, len - 8u);
		if (plen != 0)
			add_frame(&m, bytes, offset);
	}
	assert_false(r.bad);
	return m;
}
