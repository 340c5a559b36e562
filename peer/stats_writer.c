#include "peer/stats_writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "parley/types.h"

void stats_writer_init(stats_writer *w, uint64_t now)
{
	*w = (stats_writer){.out = {.limit = STATS_TEXT_MAX}, .first = true, .timestamp = (double)now / 1000};
	stats_put(w, "[");
}

int stats_writer_end(stats_writer *w, char **json)
{
	stats_put(w, "]");
	if (!w->error)
		w->error = buf_append(&w->out, slice_of("", 1));
	if (w->error) {
		buf_clear(&w->out);
		return w->error;
	}
	*json = (char *)w->out.data;
	return 0;
}

static void put_arguments(stats_writer *w, const char *format, va_list args)
{
	char piece[1024];
	int n = vsnprintf(piece, sizeof piece, format, args);
	if (!w->error)
		w->error = n < 0 ? PARLEY_EINVAL : buf_append(&w->out, slice_of(piece, strnlen(piece, sizeof piece)));
}

void stats_put(stats_writer *w, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	put_arguments(w, format, args);
	va_end(args);
}

void stats_begin(stats_writer *w, const char *type, const char *id_format, ...)
{
	va_list args;
	stats_put(w, "%s{\"id\":\"", w->first ? "" : ",\n");
	va_start(args, id_format);
	put_arguments(w, id_format, args);
	va_end(args);
	stats_put(w, "\",\"type\":\"%s\",\"timestamp\":%.3f", type, w->timestamp);
	w->first = false;
}

void stats_string(stats_writer *w, const char *name, slice s)
{
	stats_put(w, ",\"%s\":\"", name);
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i];
		if (c == '"' || c == '\\' || c < 0x20)
			stats_put(w, "\\u%04x", c);
		else
			stats_put(w, "%c", c);
	}
	stats_put(w, "\"");
}
