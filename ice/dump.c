#include <assert.h>
#include <string.h>

#include "ice/internal.h"

void ice_get_counters(const ice_agent *a, ice_counters *out)
{
	*out = a->counters;
}

const ice_candidate *ice_local_candidate(const ice_agent *a, size_t i)
{
	return i < a->local_count ? &a->locals[i]->candidate : NULL;
}

const ice_candidate *ice_remote_candidate(const ice_agent *a, size_t i)
{
	return i < a->remote_count ? &a->remotes[i]->candidate : NULL;
}

const char *ice_over_name(ice_over over)
{
	static const char *const names[] = {"udp", "tcp", "tls"};
	return names[over];
}

static ice_source source_of(const ice_server *s)
{
	return (ice_source){.turn = s->turn, .over = s->over, .server = s->addr};
}

bool ice_local_source(const ice_agent *a, size_t i, ice_source *out)
{
	if (i >= a->local_count || !a->locals[i]->server)
		return false;
	*out = source_of(a->locals[i]->server);
	return true;
}

static ice_server_info info_of(const ice_agent *a, const ice_server *s, size_t base, uint64_t took_us,
			       const ice_failure *failure)
{
	ice_server_info info = {.source = source_of(s), .took_us = took_us};
	if (base != ICE_NO_BASE)
		info.local = a->bases[base].addr;
	info.error = failure->error;
	info.code = failure->code;
	memcpy(info.reason, failure->reason, sizeof info.reason);
	return info;
}

static ice_server_info info_of_gather(const ice_agent *a, const ice_gather *g)
{
	ice_server_info info = info_of(a, g->server, g->base, g->took_us, &g->failure);
	info.state = g->state == ICE_GATHER_DONE     ? ICE_SERVER_ANSWERED
		     : g->state == ICE_GATHER_FAILED ? ICE_SERVER_FAILED
						     : ICE_SERVER_ASKED;
	return info;
}

static ice_server_info info_of_relay(const ice_agent *a, const ice_relay *r)
{
	ice_server_info info = info_of(a, r->server, r->base, r->took_us, &r->failure);
	info.state = r->state == ICE_RELAY_ALLOCATED ? ICE_SERVER_ANSWERED
		     : r->state == ICE_RELAY_FAILED  ? ICE_SERVER_FAILED
						     : ICE_SERVER_ASKED;
	return info;
}

size_t ice_get_servers(const ice_agent *a, ice_server_info *out, size_t max)
{
	size_t n = 0;
	for (size_t i = 0; i < a->gather_count; i++, n++)
		if (n < max)
			out[n] = info_of_gather(a, &a->gathers[i]);
	for (size_t i = 0; i < a->relay_count; i++, n++)
		if (n < max)
			out[n] = info_of_relay(a, a->relays[i]);
	return n;
}

static uint32_t local_index(const ice_agent *a, const ice_local *l)
{
	uint32_t i = 0;
	while (i < a->local_count && a->locals[i] != l)
		i++;
	return i;
}

static uint32_t remote_index(const ice_agent *a, const ice_remote *r)
{
	uint32_t i = 0;
	while (i < a->remote_count && a->remotes[i] != r)
		i++;
	return i;
}

static bool is_selected(const ice_agent *a, const ice_pair *p)
{
	return a->path.active && a->path.generation == a->generation && a->path.pair_id == p->id;
}

size_t ice_get_pairs(const ice_agent *a, ice_pair_info *out, size_t max)
{
	for (size_t i = 0; i < a->pair_count && i < max; i++) {
		const ice_pair *p = a->pairs[i];
		out[i] = (ice_pair_info){
			.id = p->id,
			.local = local_index(a, p->mapped ? p->mapped : p->local),
			.remote = remote_index(a, p->remote),
			.local_addr = a->bases[p->base].addr,
			.remote_addr = p->remote_addr,
			.state = p->state,
			.priority = p->priority,
			.valid = p->valid,
			.nominated = p->nominated,
			.selected = is_selected(a, p),
			.requests_sent = p->requests_sent,
			.responses_received = p->responses_received,
			.requests_received = p->requests_received,
			.responses_sent = p->responses_sent,
			.consent_sent = p->consent_sent,
			.has_rtt = p->has_rtt,
			.rtt_us = p->rtt_us,
			.total_rtt_us = p->total_rtt_us,
			.last_sent = p->last_sent,
			.last_received = p->last_received,
		};
	}
	return a->pair_count;
}

static void dump_candidate(const ice_candidate *c, const char *side, text *out)
{
	char addr[ADDR_TEXT_MAX];
	text_printf(out, "  %-6s %-5s %-4s %10u %-32s %s\n", side, ice_type_name(c->type), ice_transport_name(&c->addr),
		    c->priority, c->foundation, c->addr.family ? addr_print(&c->addr, addr) : c->name);
}

static void dump_pair(const ice_agent *a, const ice_pair *p, text *out)
{
	char local[ADDR_TEXT_MAX], remote[ADDR_TEXT_MAX];
	text_printf(out, "  %c%c%c %-11s %-28s %-28s %016llx", is_selected(a, p) ? '*' : ' ', p->nominated ? 'N' : ' ',
		    p->valid ? 'V' : ' ', ice_pair_state_name(p->state), addr_print(&a->bases[p->base].addr, local),
		    addr_print(&p->remote_addr, remote), (unsigned long long)p->priority);
	if (p->has_rtt)
		text_printf(out, " %llu us", (unsigned long long)p->rtt_us);
	text_char(out, '\n');
}

static const char *relay_state_name(ice_relay_state state)
{
	static const char *const names[] = {"waiting", "connecting", "allocating", "allocated", "failed", "ending"};
	return names[state];
}

static void dump_relay(const ice_relay *r, text *out)
{
	char server[ADDR_TEXT_MAX];
	text_printf(out, "  turn   %s %s %s%s%s\n", ice_over_name(r->server->over),
		    addr_print(&r->server->addr, server), relay_state_name(r->state),
		    r->state == ICE_RELAY_FAILED ? ": " : "", r->state == ICE_RELAY_FAILED ? r->failure.reason : "");
}

void ice_dump(const ice_agent *a, uint64_t now, text *out)
{
	char local[ADDR_TEXT_MAX], remote[ADDR_TEXT_MAX];
	text_printf(out, "ice %s, gathering %s, %s, generation %u, %s:%s%s\n", ice_state_name(a->state),
		    ice_gathering_name(a->gathering), a->controlling ? "controlling" : "controlled", a->generation,
		    a->local->ufrag, a->remote ? a->remote->ufrag : "?", a->remote_lite ? " (lite)" : "");
	for (size_t i = 0; i < a->relay_count; i++)
		dump_relay(a->relays[i], out);
	for (size_t i = 0; i < a->local_count; i++)
		dump_candidate(&a->locals[i]->candidate, "local", out);
	for (size_t i = 0; i < a->remote_count; i++)
		dump_candidate(&a->remotes[i]->candidate, "remote", out);
	for (size_t i = 0; i < a->pair_count; i++)
		dump_pair(a, a->pairs[i], out);
	if (a->path.active)
		text_printf(out, "  data %s -> %s, generation %u, consent for %lld ms more%s\n",
			    addr_print(&a->path.local, local), addr_print(&a->path.remote, remote), a->path.generation,
			    ((long long)a->path.expiry - (long long)now) / (long long)US_PER_MS,
			    ice_pulse_is_silent(&a->path.pulse) ? ", silent" : "");
}

static void check_pair(const ice_agent *a, size_t i)
{
	const ice_pair *p = a->pairs[i];
	assert(i == 0 || a->pairs[i - 1]->priority >= p->priority);
	assert(a->bases[p->base].used && a->bases[p->base].offered);
	assert(local_index(a, p->local) < a->local_count && remote_index(a, p->remote) < a->remote_count);
	assert(!p->mapped || local_index(a, p->mapped) < a->local_count);
	assert(!p->unpermitted || a->bases[p->base].kind == ICE_BASE_RELAY);
	assert(!p->valid || (p->state == ICE_PAIR_SUCCEEDED && p->mapped));
	assert(!p->nominated || p->valid);
	/* No pair hangs: what is in progress has a timer. */
	assert(p->state != ICE_PAIR_IN_PROGRESS || (p->check.active && p->check.due != TIME_NEVER));
	assert(!p->check.active || p->check.sends >= 1);
	for (size_t j = 0; j < i; j++)
		assert(a->pairs[j]->base != p->base || !addr_equal(&a->pairs[j]->remote_addr, &p->remote_addr));
}

static bool is_relay(const ice_agent *a, const ice_relay *r)
{
	for (size_t i = 0; i < a->relay_count; i++)
		if (a->relays[i] == r)
			return true;
	return false;
}

static void check_relays(const ice_agent *a)
{
	for (size_t i = 0; i < a->base_count; i++) {
		const ice_base *b = &a->bases[i];
		assert((b->used && b->kind == ICE_BASE_RELAY) == (b->relay != NULL));
		assert(!b->relay || (is_relay(a, b->relay) && b->relay->state == ICE_RELAY_ALLOCATED));
		assert(!b->used || !b->offered || !a->config.relay_only || b->relay);
	}
	for (size_t i = 0; i < a->relay_count; i++) {
		const ice_relay *r = a->relays[i];
		bool idle = r->state == ICE_RELAY_WAITING || r->state == ICE_RELAY_FAILED;
		assert(idle == (r->client == NULL) && (!idle || r->stream == 0));
		assert(r->base == ICE_NO_BASE || a->bases[r->base].used);
		assert(ice_server_rank(a, r->server) < a->server_count);
		if (r->client)
			turn_check_invariants(r->client);
	}
}

void ice_check_invariants(const ice_agent *a)
{
	check_relays(a);
	size_t outgoing = 0, triggered = 0, learnt = 0, nominated = 0;
	LIST_FOR (n, &a->outgoing)
		outgoing++;
	LIST_FOR (n, &a->triggered)
		triggered++;
	for (size_t i = 0; i < a->remote_count; i++)
		learnt += a->remotes[i]->learnt;
	assert(outgoing == a->outgoing_count && outgoing <= ICE_TRANSMIT_MAX);
	assert(triggered <= a->pair_count && a->pair_count <= ICE_PAIRS_MAX);
	assert(learnt == a->learnt_count && learnt <= ICE_REMOTE_CANDIDATES_MAX);
	assert(a->remote_count - learnt <= ICE_REMOTE_CANDIDATES_MAX);
	assert(a->local_count <= ICE_LOCAL_CANDIDATES_MAX && a->early_count <= ICE_EARLY_MAX);
	assert(a->remote || a->pair_count == 0);
	for (size_t i = 0; i < a->pair_count; i++) {
		check_pair(a, i);
		nominated += a->pairs[i]->nominated;
	}
	assert(nominated <= 1);
	if (a->state == ICE_CLOSED) {
		assert(!a->path.active && outgoing == 0 && a->pair_count == 0);
		return;
	}
	assert((a->state == ICE_CONNECTED || a->state == ICE_COMPLETED) <= a->path.active);
	assert(!a->path.active || ice_deadline(a) != TIME_NEVER || ice_is_lite_pair(a));
	assert(!ice_gather_pending(a) || (a->gathering == ICE_GATHERING_ACTIVE && ice_deadline(a) != TIME_NEVER));
}
