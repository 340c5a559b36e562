/*
 * parley-ice ping: round trips to a STUN server, and where it sees us.
 */
#include <stdlib.h>

#include "apps/parley-ice/tool.h"
#include "base/addr.h"
#include "base/time.h"
#include "net/dns.h"
#include "net/stun.h"

#define TIMEOUT_US (2 * US_PER_S)

typedef struct {
	tool *tool;
	net_dns *dns;
	net_stun_server server;
	net_tls *tls;
	net_stun_ping *ping;
	uint32_t sent, answered;
	uint64_t least_us, most_us, total_us;
	parley_addr mapped;	/* the last one told */
	bool has_mapped, moved; /* moved: not always the same */
} ping;

static void report_result(ping *p)
{
	char mapped[ADDR_TEXT_MAX] = "";
	double mean = p->answered ? (double)p->total_us / p->answered / 1e3 : 0;
	uint32_t lost = p->sent - p->answered;
	if (p->has_mapped)
		addr_print(&p->mapped, mapped);
	report_event(&p->tool->report, "result",
		     FIELDS(field_integer("sent", p->sent), field_integer("answered", p->answered),
			    field_integer("leastUs", (int64_t)p->least_us),
			    field_integer("meanUs", (int64_t)(mean * 1e3)),
			    field_integer("mostUs", (int64_t)p->most_us), field_text("mapped", mapped),
			    field_boolean("moved", p->moved)),
		     "%u sent, %u answered, %u %% lost; round trip %.2f/%.2f/%.2f ms (least, mean, most)%s%s%s",
		     p->sent, p->answered, p->sent ? (unsigned)(lost * UINT64_C(100) / p->sent) : 0,
		     (double)p->least_us / 1e3, mean, (double)p->most_us / 1e3, *mapped ? "; seen as " : "", mapped,
		     p->moved ? ", and elsewhere before" : "");
}

static void count(ping *p, const stun_ping_event *e)
{
	if (!p->answered || e->rtt_us < p->least_us)
		p->least_us = e->rtt_us;
	if (e->rtt_us > p->most_us)
		p->most_us = e->rtt_us;
	p->answered++;
	p->total_us += e->rtt_us;
	if (!e->has_mapped)
		return;
	p->moved = p->moved || (p->has_mapped && !addr_equal(&p->mapped, &e->mapped));
	p->mapped = e->mapped;
	p->has_mapped = true;
}

static void report_answer(ping *p, const stun_ping_event *e)
{
	char mapped[ADDR_TEXT_MAX] = "";
	double ms = (double)e->rtt_us / 1e3;
	report *r = &p->tool->report;
	if (e->has_mapped)
		report_event(r, "answer",
			     FIELDS(field_integer("number", e->number), field_integer("rttUs", (int64_t)e->rtt_us),
				    field_text("mapped", addr_print(&e->mapped, mapped))),
			     "%-6u %8.2f ms   seen as %s", e->number, ms, mapped);
	else if (e->answered)
		report_event(r, "answer",
			     FIELDS(field_integer("number", e->number), field_integer("rttUs", (int64_t)e->rtt_us),
				    field_integer("error", e->error_code)),
			     "%-6u %8.2f ms   error %u", e->number, ms, e->error_code);
	else
		report_event(r, "lost", FIELDS(field_integer("number", e->number)), "%-6u no answer in %u ms",
			     e->number, (unsigned)(TIMEOUT_US / US_PER_MS));
}

static void end(ping *p)
{
	report_result(p);
	tool_end(p->tool, p->answered ? 0 : 1);
}

static void on_ping(void *me, const stun_ping_event *event, bool last)
{
	ping *p = me;
	p->sent = event->number;
	if (event->answered)
		count(p, event);
	report_answer(p, event);
	if (last)
		end(p);
}

static void on_closed(void *me, const char *why)
{
	tool_fail(((ping *)me)->tool, "%s", why);
}

/* address is of no family where the name is looked up with connecting. */
static void begin(ping *p, const parley_addr *address)
{
	static const net_stun_ping_callbacks callbacks = {on_ping, on_closed};
	const stun_ping_config config = {
		.count = p->tool->options->count,
		.interval_us = p->tool->options->interval_ms * US_PER_MS,
		.timeout_us = TIMEOUT_US,
	};
	int error = net_stun_ping_new(p->tool->loop, &p->server, address, p->tls, &config, &callbacks, p, &p->ping);
	if (error)
		tool_fail(p->tool, "%s: %s", p->server.host, parley_strerror(error));
}

static void on_resolved(void *me, int error, const char *why, const parley_addr *addresses, size_t n)
{
	(void)n;
	ping *p = me;
	p->dns = NULL;
	if (error) {
		tool_fail(p->tool, "%s: %s", p->tool->options->argument, why);
		return;
	}
	char server[ADDR_TEXT_MAX];
	report_event(&p->tool->report, "server", FIELDS(field_text("address", addr_print(&addresses[0], server))), "%s",
		     server);
	begin(p, &addresses[0]);
}

static bool ping_begin(ping *p)
{
	tool *t = p->tool;
	const char *reason = "";
	char why[NET_WHY_MAX] = "";
	if (net_stun_server_parse(t->options->argument, &p->server, &reason)) {
		tool_fail(t, "%s: %s", t->options->argument, reason);
		return false;
	}
	if (p->server.tls && net_tls_client_new(t->options->ca_file, t->options->insecure, &p->tls, why)) {
		tool_fail(t, "%s", why);
		return false;
	}
	if (p->server.stream)
		begin(p, &(parley_addr){0});
	else if (net_dns_resolve(t->loop, p->server.host, p->server.port, on_resolved, p, &p->dns))
		tool_fail(t, "%s is no host's name", p->server.host);
	return !t->ended;
}

static void ping_free(void *me)
{
	ping *p = me;
	net_dns_cancel(p->dns);
	net_stun_ping_free(p->ping);
	net_tls_free(p->tls);
	free(p);
}

static void *ping_start(tool *t)
{
	ping *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	p->tool = t;
	if (ping_begin(p))
		return p;
	ping_free(p);
	return NULL;
}

static void ping_leave(void *me)
{
	end(me);
}

const command ping_command = {.start = ping_start, .leave = ping_leave, .free = ping_free};
