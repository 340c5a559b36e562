/*
 * base/trace.h: what a layer has to say of itself, as lines in a bounded ring that the owner empties.
 *
 * No callback and no clock: a layer appends, the owner polls, so tracing cannot re-enter the layer. Where nobody listens
 * (trace pointer NULL, or a level not wanted) a line costs one comparison. When the ring is full the oldest lines go and
 * `dropped` counts them. Never trace keys, passwords, or message contents.
 */
#ifndef PARLEY_BASE_TRACE_H
#define PARLEY_BASE_TRACE_H

#include "base/bytes.h"

typedef enum {
	TRACE_OFF,
	TRACE_ERROR, /* this connection or request ends because of it */
	TRACE_WARN,  /* input dropped, refused or unexpected, with the reason */
	TRACE_INFO,  /* state transitions */
	TRACE_DEBUG, /* each message */
} trace_level;

#define TRACE_LINE_MAX 240u /* longer lines are cut */
#define TRACE_LINES 256u

typedef struct {
	uint64_t time; /* microseconds: trace.now when the line was written */
	trace_level level;
	const char *layer; /* static: "ice", "dtls", "sctp", ... */
	char text[TRACE_LINE_MAX];
} trace_line;

typedef struct trace {
	trace_level level; /* lines above it are not kept */
	uint64_t now;	   /* set by the owner before each input */
	uint64_t dropped;
	size_t first, count;
	trace_line *lines; /* TRACE_LINES of them */
} trace;

/* PARLEY_ENOMEM, or 0. With level TRACE_OFF nothing is allocated. */
int trace_init(trace *t, trace_level level);
void trace_clear(trace *t);
bool trace_wants(const trace *t, trace_level level); /* t may be NULL */
void trace_printf(trace *t, trace_level level, const char *layer, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Takes the oldest line out. False when there is none. */
bool trace_poll(trace *t, trace_line *out);

#endif
