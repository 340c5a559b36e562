#include <stdlib.h>

#include "base/addr.h"
#include "net/dns.h"
#include "net/pc_internal.h"

/* A name that the core asked for under its id. */
typedef struct {
	list_node node;
	parley_pc *pc;
	uint32_t id;
	net_dns *dns;	  /* NULL: asked by multicast, */
	uint64_t mdns_id; /* with this id */
} lookup;

static void lookup_free(lookup *l)
{
	list_remove(&l->node);
	free(l);
}

/* The last thing its caller does: pc may be gone afterwards. */
static void lookup_end(lookup *l, const char *why, const parley_addr *addresses, size_t count)
{
	parley_pc *pc = l->pc;
	uint32_t id = l->id;
	lookup_free(l);
	parley_core_resolved(pc->core, net_now(), id, addresses, count);
	pc->draining = true; /* the log line's callback may free pc, too */
	if (count == 0)
		pc_log(pc, PARLEY_LOG_WARN, "%s", why);
	pc_drain(pc);
}

static void dns_answered(void *me, int error, const char *why, const parley_addr *addresses, size_t count)
{
	(void)error;
	lookup_end(me, why, addresses, count);
}

static void mdns_answered(void *me, uint64_t id, const parley_addr *address)
{
	parley_pc *pc = me;
	LIST_FOR (node, &pc->lookups) {
		lookup *l = LIST_ENTRY(node, lookup, node);
		if (!l->dns && l->mdns_id == id) {
			lookup_end(l, "nobody answers for a .local name", address, address ? 1 : 0);
			return;
		}
	}
}

static int mdns_start(parley_pc *pc)
{
	if (pc->mdns)
		return 0;
	if (pc->mdns_failed)
		return PARLEY_EIO;
	char why[NET_WHY_MAX] = "";
	int error = net_mdns_new(pc->loop, pc->loopback, mdns_answered, pc, &pc->mdns, why);
	if (error) {
		pc->mdns_failed = true;
		pc_log(pc, PARLEY_LOG_WARN, "no multicast DNS: %s", why);
	}
	return error;
}

static int lookup_ask(lookup *l, const char *name, bool mdns)
{
	parley_pc *pc = l->pc;
	if (!mdns)
		return net_dns_resolve(pc->loop, name, 0, dns_answered, l, &l->dns);
	int error = mdns_start(pc);
	return error ? error : net_mdns_resolve(pc->mdns, name, &l->mdns_id);
}

static int lookup_begin(parley_pc *pc, uint32_t id, const char *name, bool mdns)
{
	lookup *l = calloc(1, sizeof *l);
	if (!l)
		return PARLEY_ENOMEM;
	*l = (lookup){.pc = pc, .id = id};
	int error = lookup_ask(l, name, mdns);
	if (error)
		free(l);
	else
		list_append(&pc->lookups, &l->node);
	return error;
}

void pc_resolve(parley_pc *pc, const parley_event *event)
{
	uint32_t id = event->resolve.id;
	int error = lookup_begin(pc, id, event->resolve.name, event->resolve.mdns);
	if (!error || pc->closed)
		return;
	pc_log(pc, PARLEY_LOG_WARN, "%s is not looked up: %s", event->resolve.name, parley_strerror(error));
	if (!pc->closed)
		parley_core_resolved(pc->core, net_now(), id, NULL, 0);
}

/* The candidate is told in any case: where there is no multicast, other candidates have to do. */
void pc_answer_for(parley_pc *pc, const parley_event *event)
{
	int error = mdns_start(pc);
	if (!error)
		error = net_mdns_answer(pc->mdns, event->mdns_name.name, &event->mdns_name.address);
	if (error && !pc->closed)
		pc_log(pc, PARLEY_LOG_WARN, "%s is not answered for: %s", event->mdns_name.name,
		       parley_strerror(error));
}

void pc_forget_names(parley_pc *pc)
{
	LIST_FOR_SAFE (node, after, &pc->lookups) {
		lookup *l = LIST_ENTRY(node, lookup, node);
		net_dns_cancel(l->dns);
		lookup_free(l);
	}
	net_mdns_free(pc->mdns);
	pc->mdns = NULL;
}
