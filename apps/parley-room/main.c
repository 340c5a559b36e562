/*
 * parley-room: meets one other peer in a room of a hub, and talks with it. See options.c for the command line.
 */
#include <signal.h>
#include <uv.h>

#include "apps/common/program.h"
#include "apps/parley-room/session.h"

static void on_line(void *me, const char *line, size_t len)
{
	session_line(me, line, len);
}

static void on_input_end(void *me)
{
	session_input_ended(me);
}

static bool has_ended(void *me)
{
	return session_has_ended(me);
}

static void leave(void *me)
{
	session_leave(me);
}

int main(int argc, char **argv)
{
	static const input_callbacks lines = {on_line, on_input_end};
	static const program_callbacks callbacks = {.has_ended = has_ended, .leave = leave};
	room_options options;
	int exit_status;
	if (!options_parse(argc, argv, &options, &exit_status))
		return exit_status;
	signal(SIGPIPE, SIG_IGN);
	uv_loop_t *loop = uv_default_loop();
	session *s = session_start(loop, &options);
	if (!s)
		return 1;
	program_run(loop, input_new(loop, &lines, s), &callbacks, s);
	exit_status = session_exit_status(s);
	session_free(s);
	uv_loop_close(loop);
	return exit_status;
}
