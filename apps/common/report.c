#include "apps/common/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "signaling/json.h"

#define LINE_LIMIT (4u << 20) /* a message of some MiB, escaped */
#define BAR_WIDTH 30
#define PROGRESS_EVERY_US 100000u

field field_text(const char *name, const char *text)
{
	return field_bytes(name, text, strlen(text));
}

field field_bytes(const char *name, const void *text, size_t len)
{
	return (field){.name = name, .kind = FIELD_TEXT, .text = text, .len = len};
}

field field_integer(const char *name, int64_t value)
{
	return (field){.name = name, .kind = FIELD_INTEGER, .integer = value};
}

field field_boolean(const char *name, bool value)
{
	return (field){.name = name, .kind = FIELD_BOOLEAN, .integer = value};
}

field field_json(const char *name, const void *json, size_t len)
{
	return (field){.name = name, .kind = FIELD_JSON, .text = json, .len = len};
}

void report_init(report *r, bool json)
{
	*r = (report){.json = json, .terminal = isatty(STDOUT_FILENO)};
	setvbuf(stdout, NULL, _IOLBF, 0); /* a pipe's reader wants each event when it happens */
}

static void write_field(json_writer *w, const field *f)
{
	json_write_raw(w, ",");
	json_write_text(w, f->name);
	json_write_raw(w, ":");
	switch (f->kind) {
	case FIELD_TEXT:
		json_write_string(w, slice_of(f->text, f->len));
		break;
	case FIELD_INTEGER:
		json_write_integer(w, f->integer);
		break;
	case FIELD_BOOLEAN:
		json_write_raw(w, f->integer ? "true" : "false");
		break;
	case FIELD_JSON:
		json_write_value(w, slice_of(f->text, f->len));
		break;
	}
}

static void print_json(const char *name, const field *fields, size_t count)
{
	buf line = {.limit = LINE_LIMIT};
	json_writer w = json_writer_of(&line);
	json_write_raw(&w, "{\"event\":");
	json_write_text(&w, name);
	for (size_t i = 0; i < count; i++)
		write_field(&w, &fields[i]);
	json_write_raw(&w, "}\n");
	if (w.error)
		fprintf(stderr, "an event \"%s\" is too large to print\n", name);
	else
		fwrite(line.data, 1, line.len, stdout);
	buf_clear(&line);
}

static void end_progress(report *r)
{
	if (r->progress_open)
		putchar('\n');
	r->progress_open = false;
}

void report_event(report *r, const char *name, const field *fields, size_t count, const char *format, ...)
{
	if (r->json) {
		print_json(name, fields, count);
		return;
	}
	if (!format)
		return;
	end_progress(r);
	printf("%-14s", name);
	va_list args;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

void report_progress(report *r, const char *what, const char *name, uint64_t done, uint64_t size, uint64_t now_us)
{
	if (done < size && now_us - r->progress_at < PROGRESS_EVERY_US)
		return;
	r->progress_at = now_us;
	if (r->json) {
		print_json("file-progress",
			   FIELDS(field_text("what", what), field_text("name", name),
				  field_integer("done", (int64_t)done), field_integer("size", (int64_t)size)));
		return;
	}
	if (!r->terminal)
		return;
	int filled = size ? (int)(done * BAR_WIDTH / size) : BAR_WIDTH;
	printf("\r%-14s%.40s [%.*s%.*s] %3d %%", what, name, filled, "##############################",
	       BAR_WIDTH - filled, "..............................", size ? (int)(done * 100 / size) : 100);
	fflush(stdout);
	r->progress_open = true;
	if (done == size)
		end_progress(r);
}

void report_status(report *r, const char *line)
{
	if (r->json || !r->terminal)
		return;
	printf("\r%s\033[K", line); /* and erased to the line's end */
	fflush(stdout);
	r->progress_open = true;
}
