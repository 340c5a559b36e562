/*
 * parley-ice gather: the candidates of this machine, and what the NATs on the way do.
 */
#include <stdlib.h>

#include "apps/parley-ice/checks.h"
#include "apps/parley-ice/nat.h"
#include "net/timer.h"

typedef struct {
	tool *tool;
	parley_pc *pc;
	nat *nat;
	uint64_t began;
	size_t told; /* candidates reported */
	bool gathered;
} gather;

static int64_t elapsed_ms(const gather *g)
{
	return (int64_t)((net_now() - g->began) / US_PER_MS);
}

static void report_candidate(gather *g, const check_candidate *c)
{
	char text[CHECKS_END_MAX];
	int64_t ms = elapsed_ms(g);
	report_event(&g->tool->report, "candidate",
		     FIELDS(field_text("type", c->type), field_text("protocol", c->protocol),
			    field_text("tcpType", c->tcp_type), field_text("relayProtocol", c->relay_protocol),
			    field_text("address", c->address), field_integer("port", c->port),
			    field_text("related", c->related), field_text("url", c->url), field_integer("ms", ms)),
		     "%-46s %5lld ms%s%s%s%s", check_candidate_print(c, text), (long long)ms, *c->url ? "   " : "",
		     c->url, *c->related ? ", for " : "", c->related);
}

/* Those that are there and have not been reported. */
static void report_candidates(gather *g)
{
	checks *c = checks_read(g->pc);
	if (!c)
		return;
	size_t local = 0;
	for (size_t i = 0; i < c->candidate_count; i++) {
		if (!c->candidates[i].local || local++ < g->told)
			continue;
		report_candidate(g, &c->candidates[i]);
		g->told++;
	}
	free(c);
}

static void end_if_done(gather *g)
{
	if (g->tool->ended || !g->gathered || !nat_is_done(g->nat))
		return;
	report_event(&g->tool->report, "result",
		     FIELDS(field_integer("candidates", (int64_t)g->told), field_integer("ms", elapsed_ms(g))),
		     "%zu candidates", g->told);
	tool_end(g->tool, g->told ? 0 : 1);
}

static void on_candidate(void *me, parley_pc *pc, const char *candidate, const char *mid, int mline_index)
{
	(void)pc, (void)mid, (void)mline_index;
	if (*candidate)
		report_candidates(me);
}

static void on_gathering_state(void *me, parley_pc *pc, parley_gathering_state state)
{
	(void)pc;
	gather *g = me;
	if (state != PARLEY_GATHERING_COMPLETE)
		return;
	g->gathered = true;
	report_event(&g->tool->report, "gathered", FIELDS(field_integer("ms", elapsed_ms(g))), "complete after %lld ms",
		     (long long)elapsed_ms(g));
	end_if_done(g);
}

static void on_log(void *me, parley_pc *pc, enum parley_log_level level, const char *layer, const char *text)
{
	(void)pc, (void)level;
	report_event(&((gather *)me)->tool->report, "log", FIELDS(field_text("layer", layer), field_text("text", text)),
		     "%s: %s", layer, text);
}

static void on_nat_news(void *me)
{
	end_if_done(me);
}

static void gather_free(void *me)
{
	gather *g = me;
	parley_pc_free(g->pc);
	nat_free(g->nat);
	free(g);
}

static bool gather_begin(gather *g)
{
	static const parley_callbacks callbacks = {
		.on_ice_candidate = on_candidate, .on_ice_gathering_state = on_gathering_state, .on_log = on_log};
	parley_configuration configuration;
	parley_channel channel;
	tool_configure(g->tool, &configuration);
	int error = parley_pc_new(g->tool->loop, &configuration, &callbacks, g, &g->pc);
	if (error) {
		tool_fail(g->tool, "no peer connection: %s", parley_strerror(error));
		return false;
	}
	g->began = net_now();
	if (parley_pc_create_data_channel(g->pc, "parley-ice", NULL, &channel) ||
	    parley_pc_set_local_description(g->pc, PARLEY_SDP_OFFER, NULL)) {
		tool_fail(g->tool, "nothing is gathered: %s", parley_pc_last_error(g->pc));
		return false;
	}
	g->nat = nat_new(g->tool, on_nat_news, g);
	return g->nat != NULL;
}

static void *gather_start(tool *t)
{
	gather *g = calloc(1, sizeof *g);
	if (!g)
		return NULL;
	g->tool = t;
	if (gather_begin(g))
		return g;
	gather_free(g);
	return NULL;
}

static void gather_leave(void *me)
{
	tool_end(((gather *)me)->tool, 1);
}

const command gather_command = {.start = gather_start, .leave = gather_leave, .free = gather_free};
