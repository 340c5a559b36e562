/*
 * apps/parley-ice/tool.h: what the commands share, and what main.c knows of each.
 */
#ifndef PARLEY_APPS_ICE_TOOL_H
#define PARLEY_APPS_ICE_TOOL_H

#include "apps/common/report.h"
#include "apps/parley-ice/options.h"

struct uv_loop_s;

typedef struct {
	struct uv_loop_s *loop;
	const tool_options *options;
	report report;
	bool ended;
	int exit_status;
} tool;

/* A command, as main.c runs it. Its calls come from the loop. */
typedef struct {
	void *(*start)(tool *t);			      /* NULL: it could not, and has said why */
	void (*line)(void *me, const char *text, size_t len); /* of stdin; NULL: it is not read */
	void (*leave)(void *me);			      /* the user wants it to end: tool_end follows soon */
	void (*free)(void *me);				      /* its handles leave the loop */
} command;

extern const command gather_command, ping_command, pair_command;

/* The command is done; it is freed from the loop. */
void tool_end(tool *t, int exit_status);
/* One line on stderr, or an event "error"; then tool_end(1). */
void tool_fail(tool *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Configuration of a peer connection as the options say. */
void tool_configure(const tool *t, parley_configuration *configuration);

#endif
