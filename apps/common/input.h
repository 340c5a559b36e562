/*
 * apps/common/input.h: stdin, whatever it is (terminal, pipe, file, nothing), as lines on a loop.
 */
#ifndef PARLEY_APPS_INPUT_H
#define PARLEY_APPS_INPUT_H

#include <stddef.h>

#define INPUT_LINE_MAX (1u << 20) /* a longer line is given in pieces */

struct uv_loop_s;
typedef struct input input;

typedef struct {
	void (*on_line)(void *me, const char *line, size_t len); /* without the newline */
	void (*on_end)(void *me);				 /* once; stdin has ended */
} input_callbacks;

/* NULL: out of memory. */
input *input_new(struct uv_loop_s *loop, const input_callbacks *callbacks, void *me);
/* Frees it, in the loop's next turns. */
void input_free(input *in);

#endif
