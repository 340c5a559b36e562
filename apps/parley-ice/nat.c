#include "apps/parley-ice/nat.h"

#include <stdlib.h>

#include "base/addr.h"
#include "net/dns.h"
#include "net/interfaces.h"
#include "net/stun.h"

#define QUESTIONS_MAX 64u /* server's address x our address */

/* A server's name being looked up. */
typedef struct {
	nat *owner;
	const char *url;
	net_dns *dns;
} lookup;

/* One server asked from one address. */
typedef struct {
	nat *owner;
	const char *url;
	parley_addr local, server;
	net_stun_behaviour *behaviour;
} question;

struct nat {
	tool *tool;
	nat_on_news *on_news;
	void *me;
	parley_addr locals[NET_INTERFACES_MAX];
	size_t local_count;
	lookup lookups[PARLEY_ICE_SERVERS_MAX];
	size_t lookup_count;
	question questions[QUESTIONS_MAX];
	size_t question_count;
	size_t open; /* lookups and questions without an answer */
};

static void one_less(nat *n)
{
	n->open--;
	n->on_news(n->me);
}

static void report_behaviour(const question *q, const stun_behaviour_result *r)
{
	char local[ADDR_TEXT_MAX], mapped[ADDR_TEXT_MAX] = "";
	const char *mapping = stun_dependence_name(r->mapping), *filtering = stun_dependence_name(r->filtering);
	addr_print_ip(&q->local, local);
	if (r->reachable)
		addr_print_ip(&r->mapped, mapped);
	const field fields[] = {
		field_text("server", q->url),
		field_text("local", local),
		field_boolean("reachable", r->reachable),
		field_boolean("supported", r->supported),
		field_text("mapped", mapped),
		field_boolean("translated", r->translated),
		field_boolean("portKept", r->port_kept),
		field_boolean("rewritten", r->rewritten),
		field_text("mapping", mapping),
		field_text("filtering", filtering),
		field_text("hairpinning", stun_hairpin_name(r->hairpin)),
	};
	const size_t count = sizeof fields / sizeof *fields;
	report *out = &q->owner->tool->report;
	if (!r->reachable)
		report_event(out, "nat", fields, count, "%s: no answer over UDP from %s", local, q->url);
	else if (!r->supported)
		report_event(out, "nat", fields, count, "%s: %s%s; %s has no second address to tell more", local,
			     r->translated ? "behind " : "no NAT", r->translated ? mapped : "", q->url);
	else if (!r->translated)
		report_event(out, "nat", fields, count, "%s: no NAT; filtering %s", local, filtering);
	else
		report_event(out, "nat", fields, count,
			     "%s: behind %s; mapping %s, filtering %s, port %s, hairpinning %s%s", local, mapped,
			     mapping, filtering, r->port_kept ? "kept" : "changed", stun_hairpin_name(r->hairpin),
			     r->rewritten ? "; addresses within packets are rewritten" : "");
}

static void on_behaviour(void *me, const stun_behaviour_result *result)
{
	question *q = me;
	report_behaviour(q, result);
	net_stun_behaviour_free(q->behaviour);
	q->behaviour = NULL;
	one_less(q->owner);
}

static bool is_asked(const nat *n, const parley_addr *local, const parley_addr *server)
{
	for (size_t i = 0; i < n->question_count; i++)
		if (addr_equal(&n->questions[i].local, local) && addr_equal(&n->questions[i].server, server))
			return true;
	return false;
}

static void ask(nat *n, const char *url, const parley_addr *local, const parley_addr *server)
{
	if (local->family != server->family || addr_is_loopback(local) != addr_is_loopback(server) ||
	    n->question_count == QUESTIONS_MAX || is_asked(n, local, server))
		return;
	question *q = &n->questions[n->question_count];
	*q = (question){.owner = n, .url = url, .local = *local, .server = *server};
	if (net_stun_behaviour_new(n->tool->loop, local, server, on_behaviour, q, &q->behaviour))
		return; /* the address is gone */
	n->question_count++;
	n->open++;
}

/* An unknown name is reported with the candidates that it does not give. */
static void on_resolved(void *me, int error, const char *why, const parley_addr *addresses, size_t count)
{
	(void)why;
	lookup *l = me;
	nat *n = l->owner;
	l->dns = NULL;
	for (size_t i = 0; i < n->local_count && !error; i++)
		for (size_t j = 0; j < count; j++)
			ask(n, l->url, &n->locals[i], &addresses[j]);
	one_less(n);
}

static void look_up(nat *n, const char *url)
{
	net_stun_server server;
	const char *reason;
	if (net_stun_server_parse(url, &server, &reason) || server.stream)
		return;
	lookup *l = &n->lookups[n->lookup_count];
	*l = (lookup){.owner = n, .url = url};
	if (net_dns_resolve(n->tool->loop, server.host, server.port, on_resolved, l, &l->dns))
		return;
	n->lookup_count++;
	n->open++;
}

nat *nat_new(tool *t, nat_on_news *on_news, void *me)
{
	nat *n = calloc(1, sizeof *n);
	if (!n)
		return NULL;
	*n = (nat){.tool = t, .on_news = on_news, .me = me};
	const tool_options *o = t->options;
	if (!o->bind_address)
		n->local_count = net_interfaces(false, n->locals);
	else
		n->local_count = addr_parse_ip(slice_from_string(o->bind_address), 0, &n->locals[0]);
	for (size_t i = 0; i < o->ice.server_count; i++)
		look_up(n, o->ice.servers[i].url);
	return n;
}

bool nat_is_done(const nat *n)
{
	return n->open == 0;
}

void nat_free(nat *n)
{
	if (!n)
		return;
	for (size_t i = 0; i < n->lookup_count; i++)
		net_dns_cancel(n->lookups[i].dns);
	for (size_t i = 0; i < n->question_count; i++)
		net_stun_behaviour_free(n->questions[i].behaviour);
	free(n);
}
