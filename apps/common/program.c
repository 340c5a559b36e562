#include "apps/common/program.h"

#include <signal.h>
#include <uv.h>

/* What must be let go for the loop to end. */
typedef struct {
	const program_callbacks *callbacks;
	void *me;
	input *input;
	uv_signal_t interrupt, terminate;
	uv_prepare_t watch;
} program;

static void on_signal(uv_signal_t *signal, int number)
{
	(void)number;
	program *p = signal->data;
	p->callbacks->leave(p->me);
}

/* Once the program has ended, stdin and the signals must not keep the loop. */
static void on_turn(uv_prepare_t *watch)
{
	program *p = watch->data;
	if (!p->callbacks->has_ended(p->me))
		return;
	if (p->callbacks->let_go)
		p->callbacks->let_go(p->me);
	input_free(p->input);
	uv_close((uv_handle_t *)&p->interrupt, NULL);
	uv_close((uv_handle_t *)&p->terminate, NULL);
	uv_close((uv_handle_t *)&p->watch, NULL);
}

static void watch_signal(program *p, uv_loop_t *loop, uv_signal_t *handle, int number)
{
	uv_signal_init(loop, handle);
	handle->data = p;
	uv_signal_start(handle, on_signal, number);
}

void program_run(uv_loop_t *loop, input *in, const program_callbacks *callbacks, void *me)
{
	program p = {.callbacks = callbacks, .me = me, .input = in};
	watch_signal(&p, loop, &p.interrupt, SIGINT);
	watch_signal(&p, loop, &p.terminate, SIGTERM);
	uv_prepare_init(loop, &p.watch);
	p.watch.data = &p;
	uv_prepare_start(&p.watch, on_turn);
	uv_run(loop, UV_RUN_DEFAULT);
}
