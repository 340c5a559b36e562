#include <stdlib.h>
#include <string.h>

#include "ice/internal.h"

#define PREFERENCE_MAX 65535u /* RFC 8445 5.1.2.1 */
#define PREFERENCE_STEP 16u   /* between sockets: room for one candidate per STUN server */
#define PREFERENCE_LAST 2048u /* loopback and link-local: below all others */

/* --- local candidates --- */

ice_local *ice_local_find(const ice_agent *a, size_t base, const parley_addr *addr)
{
	for (size_t i = 0; i < a->local_count; i++)
		if (a->locals[i]->base == base && addr_equal(&a->locals[i]->candidate.addr, addr))
			return a->locals[i];
	return NULL;
}

static bool same_server(const ice_local *x, const ice_local *y)
{
	return x->has_server == y->has_server && (!x->has_server || addr_equal_ip(&x->server, &y->server));
}

/* RFC 8445 5.1.1.3: the same for the same type, base address, protocol and server. */
static void set_foundation(ice_agent *a, ice_local *l)
{
	for (size_t i = 0; i < a->local_count; i++) {
		const ice_local *o = a->locals[i];
		if (o->candidate.type == l->candidate.type && same_server(o, l) &&
		    addr_equal_ip(&a->bases[o->base].addr, &a->bases[l->base].addr)) {
			memcpy(l->candidate.foundation, o->candidate.foundation, sizeof l->candidate.foundation);
			return;
		}
	}
	text t = text_of(l->candidate.foundation, sizeof l->candidate.foundation);
	text_printf(&t, "%u", a->next_foundation++);
}

static ice_local *add_local(ice_agent *a, size_t base, ice_type type, const parley_addr *addr, uint32_t priority,
			    const parley_addr *server)
{
	if (a->local_count == ICE_LOCAL_CANDIDATES_MAX) {
		a->counters.drop_limit++;
		return NULL;
	}
	ice_local *l = calloc(1, sizeof *l);
	if (!l)
		return NULL;
	l->id = a->next_id++;
	l->base = base;
	l->has_server = server != NULL;
	if (server)
		l->server = *server;
	ice_candidate *c = &l->candidate;
	*c = (ice_candidate){.component = ICE_COMPONENT, .priority = priority, .addr = *addr, .type = type};
	if (type != ICE_HOST) {
		c->has_related = true;
		c->related = a->bases[base].addr;
	}
	memcpy(c->ufrag, a->local.ufrag, sizeof c->ufrag);
	set_foundation(a, l);
	a->locals[a->local_count++] = l;
	return l;
}

ice_local *ice_local_learn(ice_agent *a, size_t base, const parley_addr *addr, uint32_t priority)
{
	return add_local(a, base, ICE_PRFLX, addr, priority, NULL);
}

static int add_host(ice_agent *a, size_t base)
{
	ice_base *b = &a->bases[base];
	if (b->has_host)
		return 0;
	ice_local *l =
		add_local(a, base, ICE_HOST, &b->addr, ice_priority(ICE_HOST, b->preference, ICE_COMPONENT), NULL);
	if (!l)
		return PARLEY_ENOMEM;
	b->has_host = true;
	ice_queue_event(a, ICE_EVENT_CANDIDATE, l->id);
	return 0;
}

static void add_srflx(ice_agent *a, const ice_gather *g, const parley_addr *mapped)
{
	if (ice_local_find(a, g->base, mapped))
		return; /* no NAT, or two servers see the same: redundant (RFC 8445 5.1.3) */
	unsigned server = 0;
	while (server < a->server_count && !addr_equal(&a->servers[server], &g->server))
		server++;
	uint16_t preference = (uint16_t)(a->bases[g->base].preference - server);
	ice_local *l = add_local(a, g->base, ICE_SRFLX, mapped, ice_priority(ICE_SRFLX, preference, ICE_COMPONENT),
				 &g->server);
	if (l)
		ice_queue_event(a, ICE_EVENT_CANDIDATE, l->id);
}

/* --- bases --- */

/* Worth offering only where there is nothing else: nobody elsewhere can reach it. */
static bool is_last_resort(const ice_agent *a, const parley_addr *addr)
{
	return (addr_is_loopback(addr) && !a->config.allow_loopback) || addr_is_link_local(addr);
}

static bool preference_taken(const ice_agent *a, uint16_t preference)
{
	for (size_t i = 0; i < a->base_count; i++)
		if (a->bases[i].used && a->bases[i].preference == preference)
			return true;
	return false;
}

/* RFC 8421 4: IPv6 and IPv4 interleaved, IPv6 first. Each socket has its own (RFC 8445 5.1.2.1). */
static uint16_t preference_of(const ice_agent *a, const parley_addr *addr)
{
	unsigned top = addr_is_loopback(addr) || addr_is_link_local(addr) ? PREFERENCE_LAST : PREFERENCE_MAX;
	unsigned preference = top - (addr->family == PARLEY_IPV4 ? PREFERENCE_STEP : 0);
	while (preference_taken(a, (uint16_t)preference))
		preference -= 2 * PREFERENCE_STEP;
	return (uint16_t)preference;
}

static bool is_usable(const parley_addr *a)
{
	return (a->family == PARLEY_IPV4 || a->family == PARLEY_IPV6) && a->port && !addr_is_any(a) &&
	       !addr_is_multicast(a) && !addr_is_v4_mapped(a) && !addr_is_deprecated_v6(a);
}

static void add_gather(ice_agent *a, size_t base, const parley_addr *server)
{
	const parley_addr *b = &a->bases[base].addr;
	if (!a->bases[base].used || b->family != server->family || addr_is_loopback(b) != addr_is_loopback(server) ||
	    addr_is_link_local(b) || a->gather_count == ICE_GATHERS_MAX)
		return;
	a->gathers[a->gather_count++] = (ice_gather){.base = base, .server = *server};
}

static int free_slot(const ice_agent *a, size_t *slot)
{
	for (*slot = 0; *slot < a->base_count; ++*slot)
		if (!a->bases[*slot].used)
			return 0;
	return a->base_count < ICE_BASES_MAX ? 0 : PARLEY_ELIMIT;
}

int ice_add_local(ice_agent *a, uint64_t now, const parley_addr *addr)
{
	size_t i;
	if (a->state == ICE_CLOSED)
		return PARLEY_ESTATE;
	if (!is_usable(addr))
		return PARLEY_EINVAL;
	if (ice_find_base(a, addr, &i))
		return 0;
	if (free_slot(a, &i))
		return PARLEY_ELIMIT;
	uint16_t preference = preference_of(a, addr);
	a->bases[i] = (ice_base){.used = true, .addr = *addr, .preference = preference};
	if (!is_last_resort(a, addr) && add_host(a, i)) {
		a->bases[i].used = false;
		return PARLEY_ENOMEM;
	}
	if (i == a->base_count)
		a->base_count++;
	for (size_t s = 0; s < a->server_count; s++)
		add_gather(a, i, &a->servers[s]);
	ice_set_gathering(a, ICE_GATHERING_ACTIVE);
	ice_form_pairs(a);
	ice_settle(a, now);
	return 0;
}

static void drop_gathers_of(ice_agent *a, size_t base)
{
	size_t kept = 0;
	for (size_t i = 0; i < a->gather_count; i++)
		if (a->gathers[i].base != base)
			a->gathers[kept++] = a->gathers[i];
	a->gather_count = kept;
}

static void drop_locals_of(ice_agent *a, size_t base)
{
	size_t kept = 0;
	for (size_t i = 0; i < a->local_count; i++)
		if (a->locals[i]->base != base)
			a->locals[kept++] = a->locals[i];
		else
			free(a->locals[i]);
	a->local_count = kept;
}

static void drop_early_of(ice_agent *a, const parley_addr *addr)
{
	size_t kept = 0;
	for (size_t i = 0; i < a->early_count; i++)
		if (!addr_equal(&a->early[i].local, addr))
			a->early[kept++] = a->early[i];
	a->early_count = kept;
}

int ice_remove_local(ice_agent *a, uint64_t now, const parley_addr *addr)
{
	size_t base;
	if (!ice_find_base(a, addr, &base))
		return PARLEY_ENOTFOUND;
	for (size_t i = a->pair_count; i-- > 0;)
		if (a->pairs[i]->base == base)
			ice_pair_remove(a, a->pairs[i]);
	drop_gathers_of(a, base);
	drop_locals_of(a, base);
	drop_early_of(a, addr);
	a->bases[base].used = a->bases[base].has_host = false;
	if (a->path.active && a->path.base == base) {
		ice_path_drop(a);
		a->concluded = false; /* the other pairs are of interest again */
		a->has_valid_since = false;
		a->pac_expired = false;
		a->pac_deadline = time_after(now, a->config.pac_us);
		ice_form_pairs(a);
		ice_pairs_recheck(a, now);
	}
	ice_settle(a, now);
	return 0;
}

int ice_add_stun_server(ice_agent *a, uint64_t now, const parley_addr *server)
{
	if (a->state == ICE_CLOSED)
		return PARLEY_ESTATE;
	if (!is_usable(server))
		return PARLEY_EINVAL;
	for (size_t i = 0; i < a->server_count; i++)
		if (addr_equal(&a->servers[i], server))
			return 0;
	if (a->server_count == ICE_STUN_SERVERS_MAX)
		return PARLEY_ELIMIT;
	a->servers[a->server_count++] = *server;
	for (size_t i = 0; i < a->base_count; i++)
		add_gather(a, i, server);
	ice_set_gathering(a, ICE_GATHERING_ACTIVE);
	ice_settle(a, now);
	return 0;
}

/* RFC 8445 5.1.1.1 leaves them out; but where there is nothing else they are what connects two programs of one machine. */
static void add_last_resorts(ice_agent *a)
{
	for (size_t i = 0; i < a->base_count; i++)
		if (a->bases[i].used && !is_last_resort(a, &a->bases[i].addr))
			return;
	for (size_t i = 0; i < a->base_count; i++)
		if (a->bases[i].used)
			(void)add_host(a, i); /* out of memory: one candidate less */
}

void ice_end_of_sources(ice_agent *a, uint64_t now)
{
	if (a->state == ICE_CLOSED || a->end_of_sources)
		return;
	a->end_of_sources = true;
	ice_set_gathering(a, ICE_GATHERING_ACTIVE);
	add_last_resorts(a);
	ice_form_pairs(a);
	ice_settle(a, now);
}

void ice_gather_again(ice_agent *a, uint64_t now)
{
	(void)now;
	a->gather_count = 0;
	if (a->base_count || a->end_of_sources)
		ice_set_gathering(a, ICE_GATHERING_ACTIVE);
	for (size_t i = 0; i < a->base_count; i++)
		if (a->bases[i].used && !is_last_resort(a, &a->bases[i].addr))
			(void)add_host(a, i);
	for (size_t s = 0; s < a->server_count; s++)
		for (size_t i = 0; i < a->base_count; i++)
			add_gather(a, i, &a->servers[s]);
	if (a->end_of_sources)
		add_last_resorts(a);
}

/* --- asking STUN servers (RFC 8445 5.1.1.2) --- */

bool ice_gather_wants_start(const ice_agent *a)
{
	for (size_t i = 0; i < a->gather_count; i++)
		if (a->gathers[i].state == ICE_GATHER_WAITING)
			return true;
	return false;
}

bool ice_gather_pending(const ice_agent *a)
{
	for (size_t i = 0; i < a->gather_count; i++)
		if (a->gathers[i].state == ICE_GATHER_WAITING || a->gathers[i].state == ICE_GATHER_ASKED)
			return true;
	return false;
}

static void ask(ice_agent *a, const ice_gather *g)
{
	uint8_t bytes[ICE_PACKET_MAX];
	writer w = writer_of(bytes, sizeof bytes);
	stun_begin(&w, STUN_REQUEST, STUN_BINDING, &g->id);
	stun_put_fingerprint(&w);
	ice_send(a, &a->bases[g->base].addr, &g->server, &w);
}

static void fail(ice_agent *a, ice_gather *g, const char *why)
{
	char server[ADDR_TEXT_MAX];
	trace_printf(a->config.trace, TRACE_WARN, "ice", "STUN server %s: %s", addr_print(&g->server, server), why);
	g->state = ICE_GATHER_FAILED;
}

void ice_gather_start_one(ice_agent *a, uint64_t now)
{
	for (size_t i = 0; i < a->gather_count; i++) {
		ice_gather *g = &a->gathers[i];
		if (g->state != ICE_GATHER_WAITING)
			continue;
		if (stun_id_random(&a->config.random, &g->id)) {
			fail(a, g, "no randomness for a transaction id");
			return;
		}
		g->state = ICE_GATHER_ASKED;
		g->wait_us = a->config.gather_rto_us;
		g->due = time_after(now, g->wait_us);
		g->give_up = time_after(now, a->config.gather_timeout_us);
		ask(a, g);
		return;
	}
}

/* The bindings stay open as long as pairs may need them: until something is nominated (RFC 8445 5.1.1.4). */
static bool keeps_alive(const ice_agent *a, const ice_gather *g)
{
	return g->state == ICE_GATHER_DONE && !a->concluded;
}

static void keep_alive(ice_agent *a, ice_gather *g, uint64_t now)
{
	g->due = time_after(now, ICE_SRFLX_KEEPALIVE_US);
	if (stun_id_random(&a->config.random, &g->id))
		return;
	g->refreshing = true;
	ask(a, g);
}

void ice_gather_timeout(ice_agent *a, uint64_t now)
{
	for (size_t i = 0; i < a->gather_count; i++) {
		ice_gather *g = &a->gathers[i];
		if (keeps_alive(a, g) && now >= g->due)
			keep_alive(a, g, now);
		if (g->state != ICE_GATHER_ASKED)
			continue;
		if (now >= g->give_up) {
			fail(a, g, "no answer");
		} else if (now >= g->due) {
			g->wait_us *= 2;
			g->due = time_after(now, g->wait_us);
			ask(a, g);
		}
	}
}

uint64_t ice_gather_deadline(const ice_agent *a)
{
	uint64_t t = TIME_NEVER;
	for (size_t i = 0; i < a->gather_count; i++) {
		const ice_gather *g = &a->gathers[i];
		if (g->state == ICE_GATHER_ASKED)
			t = time_min(t, time_min(g->due, g->give_up));
		else if (keeps_alive(a, g))
			t = time_min(t, g->due);
	}
	return t;
}

/* What a server without credentials says is believed only as far as its 96-bit id and its address go. */
static void answered(ice_agent *a, ice_gather *g, uint64_t now, const stun_message *m)
{
	const parley_addr *mapped = m->has_xor_mapped_address ? &m->xor_mapped_address : &m->mapped_address;
	bool has_mapped = m->has_xor_mapped_address || m->has_mapped_address;
	if (m->class == STUN_ERROR || m->unknown_count || !has_mapped || !is_usable(mapped) ||
	    mapped->family != g->server.family) {
		fail(a, g, m->class == STUN_ERROR ? "error response" : "no usable address in the response");
		return;
	}
	g->state = ICE_GATHER_DONE;
	g->due = time_after(now, ICE_SRFLX_KEEPALIVE_US);
	add_srflx(a, g, mapped);
}

bool ice_gather_receive(ice_agent *a, uint64_t now, size_t base, const parley_addr *remote, const stun_message *m)
{
	for (size_t i = 0; i < a->gather_count; i++) {
		ice_gather *g = &a->gathers[i];
		if (g->base != base || !addr_equal(&g->server, remote) || !stun_id_equal(&g->id, &m->id))
			continue;
		if (g->state == ICE_GATHER_DONE && g->refreshing) {
			g->refreshing = false;
			return true;
		}
		if (g->state == ICE_GATHER_ASKED) {
			answered(a, g, now, m);
			return true;
		}
	}
	return false;
}

void ice_gather_update(ice_agent *a)
{
	if (a->gathering == ICE_GATHERING_ACTIVE && a->end_of_sources && !ice_gather_pending(a))
		ice_set_gathering(a, ICE_GATHERING_COMPLETE);
}
