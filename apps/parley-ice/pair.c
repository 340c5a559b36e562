/*
 * parley-ice pair: two of them find a path to each other, by lines that are copied from one to the other, and measure it.
 */
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "apps/parley-ice/checks.h"
#include "apps/parley-ice/echo.h"
#include "apps/parley-ice/signal_line.h"
#include "apps/parley-ice/table.h"
#include "apps/parley-ice/tool.h"
#include "net/timer.h"

#define LABEL "parley-ice"
#define GATHERING_WAIT_US (7 * US_PER_S) /* the line is printed then, complete or not: servers are given up after 5 s */
#define SHOW_EVERY_US (100 * US_PER_MS)
#define SETTLE_US (10 * US_PER_S) /* for ICE to choose a path for good, once all is measured */
#define GOODBYE_US (2 * US_PER_S) /* for the channel's closing to arrive */

typedef struct {
	tool *tool;
	parley_pc *pc;
	parley_channel channel;
	net_timer *gathering, *show, *ping, *goodbye;
	table table;
	echo echo;
	bool offerer, described, open;
	uint64_t began;			     /* both descriptions were there */
	uint64_t connected_at, completed_at; /* ICE; 0: not yet */
	int64_t checks_sent;		     /* as far as the check list showed */
	char reason[256];		     /* why it failed */
} pair;

/* --- the end --- */

static void report_path(const pair *p, const check_pair *selected)
{
	char local[CHECKS_END_MAX], remote[CHECKS_END_MAX];
	const echo *e = &p->echo;
	int64_t ms = (int64_t)((p->connected_at - p->began) / US_PER_MS);
	int64_t settled_ms = p->completed_at ? (int64_t)((p->completed_at - p->began) / US_PER_MS) : -1;
	double mean = e->answered ? (double)e->total_us / e->answered / 1e3 : 0;
	check_candidate_print(selected->local, local);
	check_candidate_print(selected->remote, remote);
	report_event(
		&p->tool->report, "result",
		FIELDS(field_boolean("connected", true), field_text("local", local), field_text("remote", remote),
		       field_text("localType", selected->local->type), field_text("remoteType", selected->remote->type),
		       field_text("protocol", selected->local->protocol),
		       field_text("relayProtocol", selected->local->relay_protocol), field_integer("ms", ms),
		       field_integer("settledMs", settled_ms), field_integer("checksSent", p->checks_sent),
		       field_integer("sent", e->sent), field_integer("answered", e->answered),
		       field_integer("echoed", e->echoed), field_integer("wrong", e->wrong),
		       field_integer("leastUs", (int64_t)e->least_us), field_integer("meanUs", (int64_t)(mean * 1e3)),
		       field_integer("mostUs", (int64_t)e->most_us)),
		"connected in %lld ms after %lld checks: %s - %s; %u of %u round trips, %.2f/%.2f/%.2f ms (least, mean, "
		"most)",
		(long long)ms, (long long)p->checks_sent, local, remote, (unsigned)e->answered, (unsigned)e->sent,
		(double)e->least_us / 1e3, mean, (double)e->most_us / 1e3);
}

static void report_failure(const pair *p)
{
	const char *reason = *p->reason ? p->reason : "ended before there was a path";
	report_event(&p->tool->report, "result",
		     FIELDS(field_boolean("connected", false), field_text("reason", reason)), "not connected: %s",
		     reason);
}

static checks *show(pair *p)
{
	checks *c = checks_read(p->pc);
	if (!c)
		return NULL;
	table_show(&p->table, c);
	if (c->sent > p->checks_sent) /* pairs that are given up leave the list */
		p->checks_sent = c->sent;
	return c;
}

static void end(pair *p)
{
	if (p->tool->ended)
		return;
	checks *c = show(p);
	table_keep(&p->table);
	bool good = p->connected_at && c && c->selected && !*p->reason;
	if (good)
		report_path(p, c->selected);
	else
		report_failure(p);
	free(c);
	parley_pc_close(p->pc);
	tool_end(p->tool, good && !p->echo.wrong ? 0 : 1);
}

static void on_goodbye(void *me)
{
	end(me);
}

/* The offerer closes the channel when the path is settled too; the other side sees that, or leaves by itself when it does not. */
static void end_if_over(pair *p)
{
	if (!echo_is_over(&p->echo))
		return;
	bool settled = p->completed_at != 0;
	if (p->offerer && settled)
		(void)parley_pc_close_data_channel(p->pc, p->channel);
	net_timer_set(p->goodbye, net_now() + GOODBYE_US + (settled && p->offerer ? 0 : SETTLE_US));
}

/* --- what is shown --- */

static void on_show(void *me)
{
	pair *p = me;
	free(show(p));
	net_timer_set(p->show, net_now() + SHOW_EVERY_US);
}

static void report_state(pair *p, const char *what, const char *state, const char *reason)
{
	table_hide(&p->table);
	report_event(&p->tool->report, what, FIELDS(field_text("state", state), field_text("reason", reason)), "%s%s%s",
		     state, *reason ? ": " : "", reason);
}

/* --- signaling --- */

static void print_line(pair *p, const char *name, const char *line)
{
	table_hide(&p->table);
	report_event(&p->tool->report, name, FIELDS(field_text("line", line)), "%s", line);
}

static void print_description(pair *p)
{
	parley_sdp_type type;
	char *sdp;
	if (p->described || parley_pc_local_description(p->pc, &type, &sdp))
		return;
	p->described = true;
	net_timer_set(p->gathering, TIME_NEVER);
	char *line = signal_print_description(type, sdp);
	parley_free(sdp);
	if (!line) {
		tool_fail(p->tool, "out of memory");
		return;
	}
	if (!p->tool->report.json)
		printf("Give this line to the other side:\n\n%s\n\n%s", line,
		       p->offerer ? "and enter the line that comes back.\n" : "");
	else
		print_line(p, "signal", line);
	free(line);
}

static void on_gathering_wait(void *me)
{
	print_description(me);
}

static void describe(pair *p, parley_sdp_type type)
{
	if (parley_pc_set_local_description(p->pc, type, NULL)) {
		tool_fail(p->tool, "no %s: %s", parley_sdp_type_name(type), parley_pc_last_error(p->pc));
		return;
	}
	if (p->tool->options->trickle)
		print_description(p);
	else
		net_timer_set(p->gathering, net_now() + GATHERING_WAIT_US);
}

static void begin_checks(pair *p)
{
	p->began = net_now();
	net_timer_set(p->show, p->began);
}

static void take_description(pair *p, const signal_message *m)
{
	if (m->type != (p->offerer ? PARLEY_SDP_ANSWER : PARLEY_SDP_OFFER)) {
		report_state(p, "ignored", parley_sdp_type_name(m->type),
			     p->offerer ? "the other side has to answer: there, give our line to \"parley-ice pair\""
					: "the other side has to offer");
		return;
	}
	if (parley_pc_set_remote_description(p->pc, m->type, m->text)) {
		tool_fail(p->tool, "the %s is refused: %s", parley_sdp_type_name(m->type), parley_pc_last_error(p->pc));
		return;
	}
	if (!p->offerer)
		describe(p, PARLEY_SDP_ANSWER);
	begin_checks(p);
}

static void pair_line(void *me, const char *text, size_t len)
{
	pair *p = me;
	signal_message m;
	if (signal_parse(slice_of(text, len), &m)) {
		tool_fail(p->tool, "out of memory");
		return;
	}
	if (m.kind == SIGNAL_DESCRIPTION)
		take_description(p, &m);
	else if (m.kind == SIGNAL_CANDIDATE && parley_pc_add_ice_candidate(p->pc, m.text, NULL, 0))
		report_state(p, "ignored", m.text, parley_pc_last_error(p->pc));
	else if (m.kind == SIGNAL_OTHER && len)
		report_state(p, "ignored", "that is no line of parley-ice", "");
	free(m.text);
}

/* --- what the connection says --- */

static void on_gathering_state(void *me, parley_pc *pc, parley_gathering_state state)
{
	(void)pc;
	if (state == PARLEY_GATHERING_COMPLETE)
		print_description(me);
}

static void on_candidate(void *me, parley_pc *pc, const char *candidate, const char *mid, int mline_index)
{
	(void)pc, (void)mid, (void)mline_index;
	pair *p = me;
	if (p->described && p->tool->options->trickle)
		print_line(p, "signal", *candidate ? candidate : SIGNAL_END);
}

static void on_ice_state(void *me, parley_pc *pc, parley_ice_state state)
{
	pair *p = me;
	(void)pc;
	if (!p->connected_at && (state == PARLEY_ICE_CONNECTED || state == PARLEY_ICE_COMPLETED))
		p->connected_at = net_now();
	report_state(p, "ice", parley_ice_state_name(state), "");
	if (state != PARLEY_ICE_COMPLETED)
		return;
	if (!p->completed_at)
		p->completed_at = net_now();
	end_if_over(p);
}

static void on_connection_state(void *me, parley_pc *pc, parley_connection_state state, const char *reason)
{
	(void)pc;
	pair *p = me;
	report_state(p, "connection", parley_connection_state_name(state), reason);
	if (state != PARLEY_CONNECTION_FAILED)
		return;
	snprintf(p->reason, sizeof p->reason, "%s", reason);
	end(p);
}

static void on_data_channel(void *me, parley_pc *pc, parley_channel channel, const char *label, const char *protocol)
{
	(void)pc, (void)label, (void)protocol;
	pair *p = me;
	if (!p->channel)
		p->channel = channel;
}

static void on_ping(void *me)
{
	pair *p = me;
	uint64_t now = net_now();
	if (p->tool->ended || !p->open)
		return;
	echo_send(&p->echo, now, p->pc, p->channel);
	end_if_over(p);
	if (!p->echo.done)
		net_timer_set(p->ping, now + p->tool->options->interval_ms * US_PER_MS);
}

static void on_channel_state(void *me, parley_pc *pc, parley_channel channel, parley_channel_state state,
			     const char *reason)
{
	(void)pc;
	pair *p = me;
	if (channel != p->channel)
		return;
	report_state(p, "channel", parley_channel_state_name(state), reason);
	p->open = state == PARLEY_CHANNEL_OPEN;
	if (p->open)
		net_timer_set(p->ping, net_now());
	else if (state == PARLEY_CHANNEL_CLOSED)
		end(p);
}

static void on_message(void *me, parley_pc *pc, parley_channel channel, bool binary, const uint8_t *data, size_t len)
{
	(void)binary;
	pair *p = me;
	if (channel != p->channel)
		return;
	echo_receive(&p->echo, net_now(), pc, channel, slice_of(data, len));
	end_if_over(p);
}

static void on_log(void *me, parley_pc *pc, enum parley_log_level level, const char *layer, const char *text)
{
	(void)pc, (void)level;
	pair *p = me;
	table_hide(&p->table);
	report_event(&p->tool->report, "log", FIELDS(field_text("layer", layer), field_text("text", text)), "%s: %s",
		     layer, text);
}

/* --- life --- */

static void pair_free(void *me)
{
	pair *p = me;
	parley_pc_free(p->pc);
	net_timer_free(p->gathering);
	net_timer_free(p->show);
	net_timer_free(p->ping);
	net_timer_free(p->goodbye);
	free(p);
}

static bool make_connection(pair *p)
{
	static const parley_callbacks callbacks = {
		.on_ice_gathering_state = on_gathering_state,
		.on_ice_candidate = on_candidate,
		.on_ice_connection_state = on_ice_state,
		.on_connection_state = on_connection_state,
		.on_data_channel = on_data_channel,
		.on_channel_state = on_channel_state,
		.on_message = on_message,
		.on_log = on_log,
	};
	uv_loop_t *loop = p->tool->loop;
	parley_configuration configuration;
	tool_configure(p->tool, &configuration);
	p->gathering = net_timer_new(loop, on_gathering_wait, p);
	p->show = net_timer_new(loop, on_show, p);
	p->ping = net_timer_new(loop, on_ping, p);
	p->goodbye = net_timer_new(loop, on_goodbye, p);
	bool timers = p->gathering && p->show && p->ping && p->goodbye;
	int error = timers ? parley_pc_new(loop, &configuration, &callbacks, p, &p->pc) : PARLEY_ENOMEM;
	if (error)
		tool_fail(p->tool, "no peer connection: %s", parley_strerror(error));
	return error == 0;
}

static bool make_offer(pair *p)
{
	if (parley_pc_create_data_channel(p->pc, LABEL, NULL, &p->channel)) {
		tool_fail(p->tool, "no data channel: %s", parley_pc_last_error(p->pc));
		return false;
	}
	describe(p, PARLEY_SDP_OFFER);
	return !p->tool->ended;
}

static bool pair_begin(pair *p, const char *line)
{
	if (!make_connection(p))
		return false;
	if (p->offerer)
		return make_offer(p);
	if (strcmp(line, "-") == 0)
		return true;
	pair_line(p, line, strlen(line));
	if (!p->began && !p->tool->ended)
		tool_fail(p->tool, "that is no offer of parley-ice");
	return !p->tool->ended;
}

static void *pair_start(tool *t)
{
	pair *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	*p = (pair){.tool = t,
		    .offerer = !t->options->argument,
		    .table = {.report = &t->report},
		    .echo = {.count = t->options->count}};
	if (pair_begin(p, t->options->argument))
		return p;
	pair_free(p);
	return NULL;
}

static void pair_leave(void *me)
{
	end(me);
}

const command pair_command = {.start = pair_start, .line = pair_line, .leave = pair_leave, .free = pair_free};
