#include <stdlib.h>

#include "ice/internal.h"

/* --- who asks whom --- */

static bool make_room(ice_agent *a)
{
	if (a->gather_count < ICE_GATHERS_MAX && ARRAY_ROOM(a->gathers, a->gather_count))
		return true;
	a->counters.drop_limit++;
	return false;
}

static void add_gather(ice_agent *a, size_t base, const ice_server *server)
{
	if (!server->turn && !a->config.relay_only && ice_server_is_asked(a, server) &&
	    ice_server_is_reached(a, server, base) && make_room(a))
		a->gathers[a->gather_count++] = (ice_gather){.base = base, .server = server};
}

void ice_gathers_clear(ice_agent *a)
{
	free(a->gathers);
	a->gathers = NULL;
	a->gather_count = 0;
}

void ice_gather_at(ice_agent *a, const ice_server *server)
{
	for (size_t i = 0; i < a->base_count; i++)
		add_gather(a, i, server);
}

void ice_gather_from(ice_agent *a, size_t base)
{
	for (size_t i = 0; i < a->server_count; i++) {
		add_gather(a, base, a->servers[i]);
		ice_relays_at(a, a->servers[i]);
	}
}

void ice_gather_forget(ice_agent *a, size_t base)
{
	size_t kept = 0;
	for (size_t i = 0; i < a->gather_count; i++)
		if (a->gathers[i].base != base)
			a->gathers[kept++] = a->gathers[i];
	a->gather_count = kept;
}

void ice_gather_again(ice_agent *a, uint64_t now)
{
	a->gather_count = 0;
	if (a->base_count || a->end_of_sources)
		ice_set_gathering(a, ICE_GATHERING_ACTIVE);
	ice_relays_confirm(a, now);
	ice_bases_offer(a);
	for (size_t i = 0; i < a->server_count; i++) {
		ice_gather_at(a, a->servers[i]);
		ice_relays_at(a, a->servers[i]);
	}
}

/* --- asking (RFC 8445 5.1.1.2) --- */

static bool wants_start(const ice_agent *a)
{
	for (size_t i = 0; i < a->gather_count; i++)
		if (a->gathers[i].state == ICE_GATHER_WAITING)
			return true;
	return false;
}

bool ice_gather_wants_start(const ice_agent *a)
{
	return wants_start(a) || ice_relays_want_start(a);
}

bool ice_gather_pending(const ice_agent *a)
{
	for (size_t i = 0; i < a->gather_count; i++)
		if (a->gathers[i].state == ICE_GATHER_WAITING || a->gathers[i].state == ICE_GATHER_ASKED)
			return true;
	return ice_relays_gathering(a);
}

static void ask(ice_agent *a, const ice_gather *g)
{
	uint8_t bytes[ICE_MESSAGE_MAX];
	writer w = writer_of(bytes, sizeof bytes);
	stun_begin(&w, STUN_REQUEST, STUN_BINDING, &g->id);
	stun_put_fingerprint(&w);
	ice_send(a, &a->bases[g->base].addr, &g->server->addr, &w);
}

static void fail(ice_agent *a, uint64_t now, ice_gather *g, int error, unsigned code, const char *why)
{
	char server[ADDR_TEXT_MAX];
	trace_printf(a->config.trace, TRACE_WARN, "ice", "STUN server %s: %s", addr_print(&g->server->addr, server),
		     why);
	g->state = ICE_GATHER_FAILED;
	g->took_us = now - g->asked_at;
	g->failure = (ice_failure){.error = error, .code = code};
	text t = text_of(g->failure.reason, sizeof g->failure.reason);
	text_string(&t, why);
}

static void start(ice_agent *a, uint64_t now, ice_gather *g)
{
	g->asked_at = now;
	int err = stun_id_random(&a->config.random, &g->id);
	if (err) {
		fail(a, now, g, err, 0, "no randomness for a transaction id");
		return;
	}
	g->state = ICE_GATHER_ASKED;
	g->wait_us = a->config.gather_rto_us;
	g->due = time_after(now, g->wait_us);
	g->give_up = time_after(now, a->config.gather_timeout_us);
	ask(a, g);
}

static bool start_one(ice_agent *a, uint64_t now)
{
	for (size_t i = 0; i < a->gather_count; i++)
		if (a->gathers[i].state == ICE_GATHER_WAITING) {
			start(a, now, &a->gathers[i]);
			return true;
		}
	return false;
}

void ice_gather_start_one(ice_agent *a, uint64_t now)
{
	a->relay_turn = !a->relay_turn;
	if (a->relay_turn)
		(void)(ice_relay_start_one(a, now) || start_one(a, now));
	else
		(void)(start_one(a, now) || ice_relay_start_one(a, now));
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
			fail(a, now, g, PARLEY_ETIMEDOUT, 0, "no answer");
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
	if (m->class == STUN_ERROR || m->unknown_count || !has_mapped || !ice_is_usable(mapped) ||
	    mapped->family != g->server->addr.family) {
		bool error = m->class == STUN_ERROR;
		fail(a, now, g, error ? PARLEY_EREFUSED : PARLEY_EPROTO, error ? m->error_code : 0,
		     error ? "error response" : "no usable address in the response");
		return;
	}
	g->state = ICE_GATHER_DONE;
	g->took_us = now - g->asked_at;
	g->due = time_after(now, ICE_SRFLX_KEEPALIVE_US);
	ice_local_reflexive(a, g->base, mapped, g->server);
}

bool ice_gather_receive(ice_agent *a, uint64_t now, size_t base, const parley_addr *remote, const stun_message *m)
{
	for (size_t i = 0; i < a->gather_count; i++) {
		ice_gather *g = &a->gathers[i];
		if (g->base != base || !addr_equal(&g->server->addr, remote) || !stun_id_equal(&g->id, &m->id))
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
