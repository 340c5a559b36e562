#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "ice/internal.h"

#define RETRY_MIN_US (500 * US_PER_MS) /* a lost allocation is asked for again after that, doubling, ... */
#define RETRY_MAX_US (30 * US_PER_S)   /* ... a server that restarts is back by then */

#define FROM(state) (1u << (state))

/* Which states each may be entered from. */
static const unsigned legal_from[] = {
	[ICE_RELAY_WAITING] = FROM(ICE_RELAY_FAILED),
	[ICE_RELAY_CONNECTING] = FROM(ICE_RELAY_WAITING) | FROM(ICE_RELAY_ALLOCATING), /* ALLOCATING: redirected */
	[ICE_RELAY_ALLOCATING] = FROM(ICE_RELAY_WAITING) | FROM(ICE_RELAY_CONNECTING),
	[ICE_RELAY_ALLOCATED] = FROM(ICE_RELAY_ALLOCATING),
	[ICE_RELAY_FAILED] = FROM(ICE_RELAY_WAITING) | FROM(ICE_RELAY_CONNECTING) | FROM(ICE_RELAY_ALLOCATING) |
			     FROM(ICE_RELAY_ALLOCATED),
	[ICE_RELAY_ENDING] = FROM(ICE_RELAY_CONNECTING) | FROM(ICE_RELAY_ALLOCATING) | FROM(ICE_RELAY_ALLOCATED),
};

static void set_state(ice_relay *r, ice_relay_state state)
{
	assert(legal_from[state] & FROM(r->state));
	r->state = state;
}

static bool is_stream(const ice_relay *r)
{
	return r->server->over != ICE_OVER_UDP;
}

/* --- who asks whom --- */

static ice_relay *find(const ice_agent *a, const ice_server *server, size_t base)
{
	for (size_t i = 0; i < a->relay_count; i++) {
		ice_relay *r = a->relays[i];
		if (r->server == server && r->base == base && r->state != ICE_RELAY_ENDING)
			return r;
	}
	return NULL;
}

static void wait_again(ice_relay *r)
{
	r->retry_at = TIME_NEVER;
	set_state(r, ICE_RELAY_WAITING);
}

/* One at this server from this socket. Where it has failed, or could be kept over a restart, it is there already. */
static void want(ice_agent *a, ice_server *server, size_t base)
{
	ice_relay *r = find(a, server, base);
	if (r) {
		if (r->state == ICE_RELAY_FAILED)
			wait_again(r);
		r->gathering = !r->confirmed;
		return;
	}
	if (a->relay_count < ICE_RELAYS_MAX && ARRAY_ROOM(a->relays, a->relay_count))
		r = calloc(1, sizeof *r);
	if (!r) {
		a->counters.drop_limit++;
		return;
	}
	*r = (ice_relay){.server = server, .base = base, .gathering = true, .retry_at = TIME_NEVER};
	a->relays[a->relay_count++] = r;
}

void ice_relays_at(ice_agent *a, ice_server *server)
{
	if (!server->turn || !ice_server_is_asked(a, server))
		return;
	if (server->over != ICE_OVER_UDP)
		want(a, server, ICE_NO_BASE);
	for (size_t i = 0; i < a->base_count; i++)
		if (ice_server_is_reached(a, server, i))
			want(a, server, i);
}

bool ice_relays_use(const ice_agent *a, const ice_server *server)
{
	for (size_t i = 0; i < a->relay_count; i++)
		if (a->relays[i]->server == server)
			return true;
	return false;
}

/* --- coming and going --- */

static void remove_bases(ice_agent *a, uint64_t now, const ice_relay *r)
{
	for (size_t i = 0; i < a->base_count; i++)
		if (a->bases[i].used && a->bases[i].relay == r)
			ice_base_remove(a, now, i);
}

static void close_stream(ice_agent *a, ice_relay *r)
{
	if (r->stream)
		ice_queue_event(a, ICE_EVENT_STREAM_CLOSE, r->stream);
	r->stream = 0;
}

static void free_relay(ice_agent *a, ice_relay *r)
{
	size_t at = 0;
	while (a->relays[at] != r)
		at++;
	a->relays[at] = a->relays[--a->relay_count];
	turn_destroy(r->client);
	free(r);
}

/* why: as turn.h says it. One that worked before is tried again by itself, others in the next generation. */
static void fail(ice_agent *a, uint64_t now, ice_relay *r, int error, unsigned code, const char *why)
{
	char server[ADDR_TEXT_MAX];
	trace_printf(a->config.trace, TRACE_WARN, "ice", "TURN server %s: %s", addr_print(&r->server->addr, server),
		     why);
	remove_bases(a, now, r);
	close_stream(a, r);
	turn_destroy(r->client);
	r->client = NULL;
	r->confirmed = false;
	r->failure = (ice_failure){.error = error, .code = code};
	text_copy_printable(r->failure.reason, sizeof r->failure.reason, ice_text(why));
	r->gathering = false;
	r->took_us = now - r->asked_at;
	set_state(r, ICE_RELAY_FAILED);
	if (!r->worked || !ice_server_is_asked(a, r->server))
		return;
	r->retry_us = r->retry_us ? r->retry_us * 2 : RETRY_MIN_US;
	if (r->retry_us > RETRY_MAX_US)
		r->retry_us = RETRY_MAX_US;
	r->retry_at = time_after(now, r->retry_us);
}

static int create_client(const ice_agent *a, ice_relay *r)
{
	turn_config config;
	turn_config_default(&config);
	config.random = a->config.random;
	config.trace = a->config.trace;
	config.server = r->server->addr;
	config.username = r->server->username;
	config.password = r->server->password;
	config.families = TURN_BOTH;
	return turn_create(&config, &r->client);
}

static void connect_stream(ice_agent *a, ice_relay *r)
{
	r->stream = ++a->last_stream;
	set_state(r, ICE_RELAY_CONNECTING);
	ice_queue_event(a, ICE_EVENT_STREAM_OPEN, r->stream);
}

static void begin(ice_agent *a, uint64_t now, ice_relay *r)
{
	r->asked_at = now;
	r->domain[0] = '\0';
	int err = create_client(a, r);
	if (err) {
		fail(a, now, r, err, 0, parley_strerror(err));
	} else if (is_stream(r)) {
		connect_stream(a, r);
	} else {
		set_state(r, ICE_RELAY_ALLOCATING);
		(void)turn_start(r->client, now); /* a client just made can be started */
	}
}

bool ice_relays_want_start(const ice_agent *a)
{
	for (size_t i = 0; i < a->relay_count; i++)
		if (a->relays[i]->state == ICE_RELAY_WAITING)
			return true;
	return false;
}

bool ice_relay_start_one(ice_agent *a, uint64_t now)
{
	for (size_t i = 0; i < a->relay_count; i++)
		if (a->relays[i]->state == ICE_RELAY_WAITING) {
			begin(a, now, a->relays[i]);
			return true;
		}
	return false;
}

/* Its allocation is deleted if there is a way to the server left. */
static void end(ice_agent *a, uint64_t now, ice_relay *r)
{
	remove_bases(a, now, r);
	r->gathering = false;
	if (!r->client) {
		free_relay(a, r);
		return;
	}
	turn_close(r->client, now);
	set_state(r, ICE_RELAY_ENDING);
}

void ice_relays_drop(ice_agent *a, uint64_t now, size_t base)
{
	for (size_t i = a->relay_count; i-- > 0;)
		if (a->relays[i]->base == base) {
			ice_relay *r = a->relays[i];
			remove_bases(a, now, r);
			free_relay(a, r);
		}
}

void ice_relays_clear(ice_agent *a)
{
	while (a->relay_count)
		free_relay(a, a->relays[a->relay_count - 1]);
	free(a->relays);
	a->relays = NULL;
}

static bool carries_path(const ice_agent *a, const ice_relay *r)
{
	return a->path.active && a->bases[a->path.base].relay == r;
}

/* Of servers that are no longer given; the one that carries data does so until there is another way. */
static void end_gone(ice_agent *a, uint64_t now)
{
	for (size_t i = a->relay_count; i-- > 0;) {
		ice_relay *r = a->relays[i];
		bool gone = !ice_server_is_asked(a, r->server);
		if (gone && r->state != ICE_RELAY_ENDING && !carries_path(a, r))
			end(a, now, r);
	}
}

/* --- candidates --- */

static void add_base(ice_agent *a, ice_relay *r, const parley_addr *relayed)
{
	if (ice_is_usable(relayed) && ice_base_add_relay(a, r, relayed))
		a->counters.drop_limit++;
}

/* Our address as the server sees it, which over TCP would be one of TCP. */
static void offer_mapped(ice_agent *a, const ice_relay *r)
{
	if (!is_stream(r) && ice_is_usable(&r->mapped) && r->mapped.family == a->bases[r->base].addr.family)
		ice_local_reflexive(a, r->base, &r->mapped, r->server);
}

/* The allocation is there: what it gives may be told, anew in each generation. */
static void confirmed(ice_agent *a, uint64_t now, ice_relay *r)
{
	if (r->confirmed)
		return;
	r->confirmed = true;
	r->gathering = false;
	r->took_us = now - r->asked_at;
	offer_mapped(a, r);
	ice_bases_offer(a);
	ice_form_pairs(a);
}

void ice_relays_confirm(ice_agent *a, uint64_t now)
{
	for (size_t i = 0; i < a->relay_count; i++) {
		ice_relay *r = a->relays[i];
		if (r->state != ICE_RELAY_ALLOCATED || !ice_server_is_asked(a, r->server))
			continue;
		r->confirmed = false;
		r->gathering = true;
		r->asked_at = now;
	}
	ice_relays_probe(a, now);
}

static void allocated(ice_agent *a, uint64_t now, ice_relay *r, const turn_event *e)
{
	set_state(r, ICE_RELAY_ALLOCATED);
	r->worked = true;
	r->retry_us = 0;
	r->mapped = e->mapped;
	add_base(a, r, &e->relayed_ipv4);
	add_base(a, r, &e->relayed_ipv6);
	confirmed(a, now, r);
}

/* --- permissions and channels --- */

static bool is_of(const ice_agent *a, const ice_pair *p, const ice_relay *r)
{
	return a->bases[p->base].relay == r;
}

/* The server lets nothing through to or from the peer without one (RFC 8656 9), so checks wait for it. */
static void ask_permission(ice_agent *a, uint64_t now, ice_pair *p)
{
	turn_client *client = a->bases[p->base].relay->client;
	if (turn_is_permitted(client, now, &p->remote_addr))
		p->unpermitted = false;
	else if (turn_permit(client, now, &p->remote_addr))
		ice_pair_failed(a, p);
}

static void permit_pairs(ice_agent *a, uint64_t now)
{
	for (size_t i = 0; i < a->pair_count; i++)
		if (a->pairs[i]->unpermitted && a->pairs[i]->state != ICE_PAIR_FAILED)
			ask_permission(a, now, a->pairs[i]);
}

static void refused(ice_agent *a, const ice_relay *r, const turn_event *e)
{
	for (size_t i = 0; i < a->pair_count; i++) {
		ice_pair *p = a->pairs[i];
		if (!is_of(a, p, r) || !addr_equal_ip(&p->remote_addr, &e->peer) || p->valid)
			continue; /* what is valid ends with its consent */
		p->unpermitted = true;
		ice_pair_failed(a, p);
	}
}

void ice_relay_forget(ice_agent *a, const ice_pair *p)
{
	const ice_relay *r = a->bases[p->base].relay;
	if (!r || (carries_path(a, r) && addr_equal_ip(&a->path.remote, &p->remote_addr)))
		return;
	for (size_t i = 0; i < a->pair_count; i++)
		if (a->pairs[i] != p && is_of(a, a->pairs[i], r) &&
		    addr_equal_ip(&a->pairs[i]->remote_addr, &p->remote_addr))
			return;
	turn_forbid(r->client, &p->remote_addr);
}

void ice_relay_carry(ice_agent *a, uint64_t now, size_t base, const parley_addr *remote)
{
	if (a->bases[base].relay) /* without a channel data only takes more bytes */
		(void)turn_bind(a->bases[base].relay->client, now, remote);
}

void ice_relay_unload(ice_agent *a, size_t base, const parley_addr *remote)
{
	if (a->bases[base].relay)
		turn_unbind(a->bases[base].relay->client, remote);
}

void ice_relays_probe(ice_agent *a, uint64_t now)
{
	for (size_t i = 0; i < a->relay_count; i++)
		if (a->relays[i]->state == ICE_RELAY_ALLOCATED)
			turn_probe(a->relays[i]->client, now);
}

/* --- what the clients say --- */

static void redirected(ice_agent *a, ice_relay *r, const turn_event *e)
{
	if (!is_stream(r))
		return; /* the client is there already */
	if (e->domain[0])
		memcpy(r->domain, e->domain, sizeof r->domain);
	close_stream(a, r);
	connect_stream(a, r);
}

/* False: the relay is gone. */
static bool on_event(ice_agent *a, uint64_t now, ice_relay *r, const turn_event *e)
{
	bool over = e->type == TURN_EVENT_LOST || e->type == TURN_EVENT_FAILED || e->type == TURN_EVENT_CLOSED;
	if (r->state == ICE_RELAY_ENDING) {
		if (!over)
			return true;
		close_stream(a, r);
		free_relay(a, r);
		return false;
	}
	switch (e->type) {
	case TURN_EVENT_ALLOCATED:
		allocated(a, now, r, e);
		break;
	case TURN_EVENT_ALTERNATE:
		redirected(a, r, e);
		break;
	case TURN_EVENT_REFUSED:
		refused(a, r, e);
		break;
	case TURN_EVENT_LOST:
	case TURN_EVENT_FAILED:
		fail(a, now, r, e->error, e->code, e->reason);
		break;
	case TURN_EVENT_ALIVE:
		confirmed(a, now, r);
		break;
	case TURN_EVENT_PERMITTED: /* permit_pairs will see it */
	case TURN_EVENT_CLOSED:
		break;
	}
	return true;
}

bool ice_relays_update(ice_agent *a, uint64_t now)
{
	bool any = false;
	for (size_t i = a->relay_count; i-- > 0;) {
		ice_relay *r = a->relays[i];
		turn_event e;
		bool alive = true;
		while (alive && r->client && turn_poll_event(r->client, &e)) {
			alive = on_event(a, now, r, &e);
			any = true;
		}
	}
	end_gone(a, now);
	permit_pairs(a, now);
	return any;
}

/* --- time --- */

static uint64_t waited_until(const ice_agent *a, const ice_relay *r)
{
	return r->gathering && r->state != ICE_RELAY_WAITING ? time_after(r->asked_at, a->config.gather_timeout_us)
							     : TIME_NEVER;
}

bool ice_relays_gathering(const ice_agent *a)
{
	for (size_t i = 0; i < a->relay_count; i++)
		if (a->relays[i]->gathering)
			return true;
	return false;
}

void ice_relays_timeout(ice_agent *a, uint64_t now)
{
	for (size_t i = 0; i < a->relay_count; i++) {
		ice_relay *r = a->relays[i];
		if (now >= waited_until(a, r))
			r->gathering = false;
		if (now >= r->retry_at)
			wait_again(r);
		if (r->client && now >= turn_deadline(r->client))
			turn_timeout(r->client, now);
	}
}

uint64_t ice_relays_deadline(const ice_agent *a)
{
	uint64_t t = TIME_NEVER;
	for (size_t i = 0; i < a->relay_count; i++) {
		const ice_relay *r = a->relays[i];
		t = time_min(t, time_min(waited_until(a, r), r->retry_at));
		if (r->client)
			t = time_min(t, turn_deadline(r->client));
	}
	return t;
}

/* --- to and from the server --- */

ice_relay *ice_relay_at(const ice_agent *a, size_t base, const parley_addr *remote)
{
	for (size_t i = 0; i < a->relay_count; i++) {
		ice_relay *r = a->relays[i];
		if (r->base == base && r->client && addr_equal(turn_server(r->client), remote))
			return r;
	}
	return NULL;
}

ice_relay *ice_relay_of(const ice_agent *a, uint32_t stream)
{
	for (size_t i = 0; i < a->relay_count; i++)
		if (stream && a->relays[i]->stream == stream)
			return a->relays[i];
	return NULL;
}

void ice_relay_address(const ice_agent *a, const ice_relay *r, ice_packet *p)
{
	p->stream = r->stream;
	p->local = r->base == ICE_NO_BASE ? (parley_addr){0} : a->bases[r->base].addr;
	p->remote = *turn_server(r->client);
}

bool ice_relays_transmit(ice_agent *a, uint64_t now, ice_packet *out)
{
	for (size_t i = 0; i < a->relay_count; i++) {
		ice_relay *r = a->relays[i];
		if (!r->client)
			continue;
		if (a->state == ICE_CLOSED)
			turn_close(r->client, now); /* again: nothing happens */
		if (turn_poll_transmit(r->client, now, &out->data)) {
			ice_relay_address(a, r, out);
			out->control = r->stream != 0;
			return true;
		}
	}
	return false;
}

void ice_relay_opened(ice_relay *r, uint64_t now)
{
	if (r->state != ICE_RELAY_CONNECTING)
		return;
	set_state(r, ICE_RELAY_ALLOCATING);
	(void)turn_start(r->client, now); /* NEW: just made, or redirected */
}

void ice_relay_closed(ice_relay *r, uint64_t now, int error, const char *why)
{
	r->stream = 0;
	turn_stream_closed(r->client, now, error ? error : PARLEY_ECLOSED, why);
}
