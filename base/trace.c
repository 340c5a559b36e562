#include "base/trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "parley/types.h"

int trace_init(trace *t, trace_level level)
{
	*t = (trace){.level = level};
	if (level == TRACE_OFF)
		return 0;
	t->lines = calloc(TRACE_LINES, sizeof *t->lines);
	return t->lines ? 0 : PARLEY_ENOMEM;
}

void trace_clear(trace *t)
{
	free(t->lines);
	*t = (trace){.level = TRACE_OFF};
}

bool trace_wants(const trace *t, trace_level level)
{
	return t && t->lines && level <= t->level;
}

void trace_printf(trace *t, trace_level level, const char *layer, const char *format, ...)
{
	if (!trace_wants(t, level))
		return;
	if (t->count == TRACE_LINES) {
		t->first = (t->first + 1) % TRACE_LINES;
		t->count--;
		t->dropped++;
	}
	trace_line *line = &t->lines[(t->first + t->count++) % TRACE_LINES];
	line->time = t->now;
	line->level = level;
	line->layer = layer;
	va_list args;
	va_start(args, format);
	vsnprintf(line->text, sizeof line->text, format, args);
	va_end(args);
}

bool trace_poll(trace *t, trace_line *out)
{
	if (t->count == 0)
		return false;
	*out = t->lines[t->first];
	t->first = (t->first + 1) % TRACE_LINES;
	t->count--;
	return true;
}
