/*
 * parley-ice: looks at the network as ICE sees it. See options.c for the command line.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <uv.h>

#include "apps/common/input.h"
#include "apps/parley-ice/tool.h"

/* What must be let go for the loop to end. */
typedef struct {
	tool tool;
	const command *command;
	void *me;
	input *input;
	uv_signal_t interrupt, terminate;
	uv_prepare_t watch;
} program;

void tool_end(tool *t, int exit_status)
{
	if (t->ended)
		return;
	t->ended = true;
	t->exit_status = exit_status;
}

void tool_fail(tool *t, const char *format, ...)
{
	char line[512];
	va_list args;
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	if (t->report.json)
		report_event(&t->report, "error", FIELDS(field_text("text", line)), NULL);
	else
		fprintf(stderr, "parley-ice: %s\n", line);
	tool_end(t, 1);
}

void tool_configure(const tool *t, parley_configuration *configuration)
{
	parley_configuration_default(configuration);
	ice_options_apply(&t->options->ice, configuration);
	configuration->tls_ca_file = t->options->ca_file;
	configuration->tls_insecure = t->options->insecure;
	configuration->bind_address = t->options->bind_address;
	configuration->log_level = t->options->verbose ? PARLEY_LOG_DEBUG : PARLEY_LOG_OFF;
}

static void on_line(void *me, const char *line, size_t len)
{
	program *p = me;
	if (!p->tool.ended)
		p->command->line(p->me, line, len);
}

static void on_input_end(void *me)
{
	(void)me; /* what was to be read may have been: nothing else depends on it */
}

static void on_signal(uv_signal_t *signal, int number)
{
	(void)number;
	program *p = signal->data;
	if (!p->tool.ended)
		p->command->leave(p->me);
}

/* Once the command is done, nothing must keep the loop. */
static void on_turn(uv_prepare_t *watch)
{
	program *p = watch->data;
	if (!p->tool.ended)
		return;
	p->command->free(p->me);
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
	static const command *const commands[] = {
		[COMMAND_GATHER] = &gather_command, [COMMAND_PING] = &ping_command, [COMMAND_PAIR] = &pair_command};
	static const input_callbacks callbacks = {on_line, on_input_end};
	tool_options options;
	int exit_status;
	if (!options_parse(argc, argv, &options, &exit_status))
		return exit_status;
	signal(SIGPIPE, SIG_IGN);
	uv_loop_t *loop = uv_default_loop();
	program p = {.tool = {.loop = loop, .options = &options}, .command = commands[options.command]};
	report_init(&p.tool.report, options.json);
	p.me = p.command->start(&p.tool);
	if (!p.me) {
		uv_run(loop, UV_RUN_DEFAULT); /* so that what was opened closes */
		return 1;
	}
	if (p.command->line)
		p.input = input_new(loop, &callbacks, &p);
	watch_signal(&p, loop, &p.interrupt, SIGINT);
	watch_signal(&p, loop, &p.terminate, SIGTERM);
	uv_prepare_init(loop, &p.watch);
	p.watch.data = &p;
	uv_prepare_start(&p.watch, on_turn);
	uv_run(loop, UV_RUN_DEFAULT);
	uv_loop_close(loop);
	return p.tool.exit_status;
}
