/*
 * peer/stats_writer.h: the JSON text of a W3C stats report, being written object by object; the first error sticks.
 */
#ifndef PARLEY_PEER_STATS_WRITER_H
#define PARLEY_PEER_STATS_WRITER_H

#include "base/buf.h"

#define STATS_TEXT_MAX (4u << 20) /* bytes of a report */

typedef struct {
	buf out;
	int error;
	bool first;	  /* no object yet */
	double timestamp; /* milliseconds, of `now` */
} stats_writer;

struct parley_core;

void stats_writer_init(stats_writer *w, uint64_t now);
/* The whole as malloc'ed text, or the first error. */
int stats_writer_end(stats_writer *w, char **json);
/* An object with its id, type and timestamp; the caller puts further members, each begun with a comma, and the brace. */
void stats_begin(stats_writer *w, const char *type, const char *id_format, ...) __attribute__((format(printf, 3, 4)));
/* Plain text of at most 1023 bytes. */
void stats_put(stats_writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A member that is a string peers may have had a hand in: escaped (RFC 8259 7). */
void stats_string(stats_writer *w, const char *name, slice s);

/* stats_media.c: codecs and RTP streams. */
void stats_put_media(stats_writer *w, const struct parley_core *core);

#endif
