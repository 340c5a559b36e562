/*
 * parley-ice: looks at the network as ICE sees it. See options.c for the command line.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <uv.h>

#include "apps/common/program.h"
#include "apps/parley-ice/tool.h"

typedef struct {
	tool tool;
	const command *command;
	void *me;
} running;

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
	running *r = me;
	if (!r->tool.ended)
		r->command->line(r->me, line, len);
}

static void on_input_end(void *me)
{
	(void)me; /* what was to be read may have been: nothing else depends on it */
}

static bool has_ended(void *me)
{
	return ((running *)me)->tool.ended;
}

static void leave(void *me)
{
	running *r = me;
	if (!r->tool.ended)
		r->command->leave(r->me);
}

static void let_go(void *me)
{
	running *r = me;
	r->command->free(r->me);
}

int main(int argc, char **argv)
{
	static const command *const commands[] = {
		[COMMAND_GATHER] = &gather_command, [COMMAND_PING] = &ping_command, [COMMAND_PAIR] = &pair_command};
	static const input_callbacks lines = {on_line, on_input_end};
	static const program_callbacks callbacks = {.has_ended = has_ended, .leave = leave, .let_go = let_go};
	tool_options options;
	int exit_status;
	if (!options_parse(argc, argv, &options, &exit_status))
		return exit_status;
	signal(SIGPIPE, SIG_IGN);
	uv_loop_t *loop = uv_default_loop();
	running r = {.tool = {.loop = loop, .options = &options}, .command = commands[options.command]};
	report_init(&r.tool.report, options.json);
	r.me = r.command->start(&r.tool);
	if (!r.me) {
		uv_run(loop, UV_RUN_DEFAULT); /* so that what was opened closes */
		return 1;
	}
	program_run(loop, r.command->line ? input_new(loop, &lines, &r) : NULL, &callbacks, &r);
	uv_loop_close(loop);
	return r.tool.exit_status;
}
