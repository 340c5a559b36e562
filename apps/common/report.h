/*
 * apps/common/report.h: what the program tells its user: lines for people, or with --json one object a line.
 */
#ifndef PARLEY_APPS_REPORT_H
#define PARLEY_APPS_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
	bool json;
	bool terminal;	    /* stdout is one: progress bars are drawn */
	bool progress_open; /* one stands on the last line */
	uint64_t progress_at;
} report;

/* A member of an event's object. */
typedef struct {
	const char *name;
	enum { FIELD_TEXT, FIELD_INTEGER, FIELD_BOOLEAN, FIELD_JSON } kind;
	const char *text; /* FIELD_TEXT, FIELD_JSON; len bytes */
	size_t len;
	int64_t integer; /* FIELD_INTEGER, FIELD_BOOLEAN */
} field;

field field_text(const char *name, const char *text);
field field_bytes(const char *name, const void *text, size_t len);
field field_integer(const char *name, int64_t value);
field field_boolean(const char *name, bool value);
field field_json(const char *name, const void *json, size_t len);

void report_init(report *r, bool json);
/* {"event": name, fields...}, or the line of the format: "name  ...". A NULL format: nothing for people. */
void report_event(report *r, const char *name, const field *fields, size_t count, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* How far a file is: a bar on a terminal, now and then an event in JSON. */
void report_progress(report *r, const char *what, const char *name, uint64_t done, uint64_t size, uint64_t now_us);
/* A line that stands at the end of what was printed and is drawn anew each time: on a terminal only. */
void report_status(report *r, const char *line);

#define FIELDS(...) (const field[]){__VA_ARGS__}, sizeof((const field[]){__VA_ARGS__}) / sizeof(field)
#define NO_FIELDS NULL, 0

#endif
