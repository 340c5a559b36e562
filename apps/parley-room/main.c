/*
 * parley-room: meets one other peer in a room of a hub, and talks with it. See options.c for the command line.
 */
#include <signal.h>
#include <uv.h>

#include "apps/common/input.h"
#include "apps/parley-room/session.h"

/* What must be let go for the loop to end. */
typedef struct {
	session *session;
	input *input;
	uv_signal_t interrupt, terminate;
	uv_prepare_t watch;
} program;

static void on_line(void *me, const char *line, size_t len)
{
	session_line(((program *)me)->session, line, len);
}

static void on_input_end(void *me)
{
	session_input_ended(((program *)me)->session);
}

static void on_signal(uv_signal_t *signal, int number)
{
	(void)number;
	session_leave(((program *)signal->data)->session);
}

/* Once the session has ended, stdin and the signals must not keep the loop. */
static void on_turn(uv_prepare_t *watch)
{
	program *p = watch->data;
	if (!session_has_ended(p->session))
		return;
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

int main(int argc, char **argv)
{
	room_options options;
	int exit_status;
	if (!options_parse(argc, argv, &options, &exit_status))
		return exit_status;
	signal(SIGPIPE, SIG_IGN);
	uv_loop_t *loop = uv_default_loop();
	program p = {.session = session_start(loop, &options)};
	if (!p.session)
		return 1;
	static const input_callbacks callbacks = {on_line, on_input_end};
	p.input = input_new(loop, &callbacks, &p);
	watch_signal(&p, loop, &p.interrupt, SIGINT);
	watch_signal(&p, loop, &p.terminate, SIGTERM);
	uv_prepare_init(loop, &p.watch);
	p.watch.data = &p;
	uv_prepare_start(&p.watch, on_turn);
	uv_run(loop, UV_RUN_DEFAULT);
	exit_status = session_exit_status(p.session);
	session_free(p.session);
	uv_loop_close(loop);
	return exit_status;
}
