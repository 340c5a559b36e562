#include "ice/internal.h"

/* --- who asks whom --- */

static void add_gather(ice_agent *a, size_t base, const parley_addr *server)
{
	const parley_addr *b = &a->bases[base].addr;
	if (!a->bases[base].used || b->family != server->family || addr_is_loopback(b) != addr_is_loopback(server) ||
	    addr_is_link_local(b) || a->gather_count == ICE_GATHERS_MAX)
		return;
	a->gathers[a->gather_count++] = (ice_gather){.base = base, .server = *server};
}

void ice_gather_from(ice_agent *a, size_t base)
{
	for (size_t s = 0; s < a->server_count; s++)
		add_gather(a, base, &a->servers[s]);
}

void ice_gather_forget(ice_agent *a, size_t base)
{
	size_t kept = 0;
	for (size_t i = 0; i < a->gather_count; i++)
		if (a->gathers[i].base != base)
			a->gathers[kept++] = a->gathers[i];
	a->gather_count = kept;
}

int ice_add_stun_server(ice_agent *a, uint64_t now, const parley_addr *server)
{
	if (a->state == ICE_CLOSED)
		return PARLEY_ESTATE;
	if (!ice_is_usable(server))
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

void ice_gather_again(ice_agent *a)
{
	a->gather_count = 0;
	if (a->base_count || a->end_of_sources)
		ice_set_gathering(a, ICE_GATHERING_ACTIVE);
	ice_bases_offer(a);
	for (size_t i = 0; i < a->base_count; i++)
		ice_gather_from(a, i);
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
	uint8_t bytes[ICE_MESSAGE_MAX];
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

static void add_srflx(ice_agent *a, const ice_gather *g, const parley_addr *mapped)
{
	if (ice_local_find(a, g->base, mapped))
		return; /* no NAT, or two servers see the same: redundant (RFC 8445 5.1.3) */
	unsigned server = 0;
	while (server < a->server_count && !addr_equal(&a->servers[server], &g->server))
		server++;
	uint16_t preference = (uint16_t)(a->bases[g->base].preference - server);
	ice_local *l = ice_local_add(a, g->base, ICE_SRFLX, mapped, preference, &g->server);
	if (l)
		ice_queue_event(a, ICE_EVENT_CANDIDATE, l->id);
}

/* What a server without credentials says is believed only as far as its 96-bit id and its address go. */
static void answered(ice_agent *a, ice_gather *g, uint64_t now, const stun_message *m)
{
	const parley_addr *mapped = m->has_xor_mapped_address ? &m->xor_mapped_address : &m->mapped_address;
	bool has_mapped = m->has_xor_mapped_address || m->has_mapped_address;
	if (m->class == STUN_ERROR || m->unknown_count || !has_mapped || !ice_is_usable(mapped) ||
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
