/*
 * apps/common/program.h: the frame of a program that talks on a loop until it has ended, or is told to leave by Ctrl-C or SIGTERM.
 */
#ifndef PARLEY_APPS_COMMON_PROGRAM_H
#define PARLEY_APPS_COMMON_PROGRAM_H

#include <stdbool.h>

#include "apps/common/input.h"

typedef struct {
	bool (*has_ended)(void *me); /* asked in every turn of the loop */
	void (*leave)(void *me);     /* SIGINT or SIGTERM; may come again, also after the end */
	void (*let_go)(void *me);    /* once, when it has ended: of what keeps the loop. NULL: there is nothing */
} program_callbacks;

/* Runs the loop until nothing is left of it. in is freed when the program has ended; NULL: it reads none. */
void program_run(struct uv_loop_s *loop, input *in, const program_callbacks *callbacks, void *me);

#endif
