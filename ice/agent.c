#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "ice/internal.h"

static const char *const state_names[] = {"new",	  "checking", "connected", "completed",
					  "disconnected", "failed",   "closed"};

const char *ice_state_name(ice_state state)
{
	return state_names[state];
}

const char *ice_gathering_name(ice_gathering gathering)
{
	static const char *const names[] = {"new", "gathering", "complete"};
	return names[gathering];
}

void ice_config_default(ice_config *config)
{
	*config = (ice_config){
		.ufrag_length = ICE_UFRAG_MIN,
		.ta_us = 20 * US_PER_MS,
		.rto_us = ICE_RTO_MIN_US,
		.check_sends = STUN_RETRANSMITS_MAX,
		.pairs_max = ICE_PAIRS_MAX,
		.gather_rto_us = STUN_RTO_INITIAL_US,
		.gather_timeout_us = 5 * US_PER_S,
		.nomination_delay_us = 100 * US_PER_MS,
		.nomination_patience_us = 3 * US_PER_S,
		.pac_us = 39500 * US_PER_MS,
		.consent_interval_us = ICE_CONSENT_MIN_US,
		.consent_expiry_us = 30 * US_PER_S,
	};
}

static bool config_valid(const ice_config *c)
{
	return c->random.fill && c->pairs_max && c->pairs_max <= ICE_PAIRS_MAX &&
	       (unsigned)c->nomination <= ICE_NOMINATION_RENOMINATION && c->ufrag_length >= ICE_UFRAG_MIN &&
	       c->ufrag_length <= ICE_UFRAG_LENGTH_MAX && c->ta_us >= ICE_TA_MIN_US && c->rto_us >= ICE_RTO_MIN_US &&
	       c->check_sends && c->check_sends <= 16 && c->gather_rto_us && c->gather_timeout_us && c->pac_us &&
	       c->consent_interval_us >= ICE_CONSENT_MIN_US && c->consent_expiry_us > c->consent_interval_us;
}

/* --- what the owner is to be told --- */

static ice_queued_event take_event(ice_agent *a)
{
	ice_queued_event e = a->events[a->event_first];
	a->event_first = (a->event_first + 1) % a->event_capacity;
	a->event_count--;
	return e;
}

/* Of a full ring. False: limit or memory. */
static bool grow_events(ice_agent *a)
{
	size_t count = a->event_count, capacity = count ? 2 * count : ICE_EVENTS_FIRST;
	ice_queued_event *larger = capacity <= ICE_EVENTS_MAX ? malloc(capacity * sizeof *larger) : NULL;
	if (!larger)
		return false;
	for (size_t i = 0; i < count; i++)
		larger[i] = take_event(a);
	free(a->events);
	a->events = larger;
	a->event_first = 0;
	a->event_count = count;
	a->event_capacity = capacity;
	return true;
}

void ice_queue_event(ice_agent *a, ice_event_type type, uint32_t value)
{
	if (a->event_count == a->event_capacity && !grow_events(a)) {
		(void)take_event(a);
		a->counters.drop_limit++;
	}
	size_t at = (a->event_first + a->event_count++) % a->event_capacity;
	a->events[at] = (ice_queued_event){.type = type, .generation = a->generation, .value = value};
}

/* --- life --- */

int ice_create(const ice_config *config, ice_agent **out)
{
	if (!config_valid(config))
		return PARLEY_EINVAL;
	ice_agent *a = calloc(1, sizeof *a);
	if (!a)
		return PARLEY_ENOMEM;
	a->config = *config;
	a->controlling = config->controlling && !config->lite;
	a->tie_breaker = config->tie_breaker;
	a->ta_us = config->ta_us;
	a->next_id = 1;
	a->next_foundation = 1;
	a->pac_deadline = TIME_NEVER;
	list_init(&a->triggered);
	list_init(&a->outgoing);
	list_init(&a->incoming);
	int err = grow_events(a) ? ice_credentials_random(config, &a->local) : PARLEY_ENOMEM;
	if (!err && !config->has_tie_breaker)
		err = rng_u64(&config->random, &a->tie_breaker);
	if (err) {
		ice_destroy(a);
		return err;
	}
	*out = a;
	return 0;
}

static void clear(ice_agent *a)
{
	ice_generation_clear(a);
	ice_former_clear(a);
	ice_hidden_clear(a);
	ice_wire_clear(a);
	ice_gathers_clear(a);
}

void ice_destroy(ice_agent *a)
{
	if (!a)
		return;
	clear(a);
	ice_path_drop(a);
	ice_relays_clear(a);
	ice_tcp_clear(a); /* not in ice_close: the application's last word may go over one */
	ice_servers_clear(a);
	ice_credentials_drop(&a->local);
	free(a->bases);
	free(a->events);
	wipe(a, sizeof *a);
	free(a);
}

/* --- events --- */

static bool fill_candidate(const ice_agent *a, uint32_t id, ice_event *out)
{
	for (size_t i = 0; i < a->local_count; i++)
		if (a->locals[i]->id == id) {
			out->candidate = a->locals[i]->candidate;
			return true;
		}
	return false;
}

static bool fill_resolve(const ice_agent *a, uint32_t id, ice_event *out)
{
	for (size_t i = 0; i < a->remote_count; i++)
		if (a->remotes[i]->id == id) {
			out->id = id;
			memcpy(out->name, a->remotes[i]->candidate.name, sizeof out->name);
			return true;
		}
	return false;
}

static bool fill_stream(const ice_agent *a, uint32_t stream, ice_event *out)
{
	const ice_relay *r = ice_relay_of(a, stream);
	const ice_connection *c = ice_tcp_of(a, stream);
	if (c)
		ice_tcp_fill(a, c, out);
	if (!r)
		return c != NULL;
	out->id = stream;
	out->remote = *turn_server(r->client);
	out->tls = r->server->over == ICE_OVER_TLS;
	text t = text_of(out->name, sizeof out->name);
	text_string(&t, r->domain[0] ? r->domain : r->server->name);
	return true;
}

/* False: what it told of is gone by now. */
static bool fill_event(const ice_agent *a, const ice_queued_event *e, ice_event *out)
{
	*out = (ice_event){.type = e->type};
	switch (e->type) {
	case ICE_EVENT_CANDIDATE:
		return e->generation == a->generation && fill_candidate(a, e->value, out);
	case ICE_EVENT_RESOLVE:
		return fill_resolve(a, e->value, out);
	case ICE_EVENT_OWN_NAME:
		out->local = a->own_names[e->value].ip;
		memcpy(out->name, a->own_names[e->value].text, sizeof a->own_names[e->value].text);
		return true;
	case ICE_EVENT_GATHERING_STATE:
		out->gathering = (ice_gathering)e->value;
		return true;
	case ICE_EVENT_STATE:
		out->state = (ice_state)e->value;
		return true;
	case ICE_EVENT_ROLE:
		out->controlling = e->value != 0;
		return true;
	case ICE_EVENT_SELECTED_PAIR:
		return ice_selected(a, &out->local, &out->remote);
	case ICE_EVENT_STREAM_OPEN:
		return fill_stream(a, e->value, out);
	case ICE_EVENT_STREAM_CLOSE:
		out->id = e->value;
		return true;
	}
	return false;
}

bool ice_poll_event(ice_agent *a, ice_event *out)
{
	while (a->event_count) {
		ice_queued_event e = take_event(a);
		if (fill_event(a, &e, out))
			return true;
	}
	return false;
}

/* --- state --- */

#define FROM(state) (1u << (state))

/* Which states each may be entered from. */
static const unsigned legal_from[] = {
	[ICE_NEW] = 0,
	[ICE_CHECKING] =
		FROM(ICE_NEW) | FROM(ICE_DISCONNECTED) | FROM(ICE_FAILED) | FROM(ICE_CONNECTED) | FROM(ICE_COMPLETED),
	[ICE_CONNECTED] = FROM(ICE_CHECKING) | FROM(ICE_COMPLETED) | FROM(ICE_DISCONNECTED) | FROM(ICE_FAILED),
	[ICE_COMPLETED] = FROM(ICE_CONNECTED) | FROM(ICE_DISCONNECTED),
	[ICE_DISCONNECTED] = FROM(ICE_CONNECTED) | FROM(ICE_COMPLETED) | FROM(ICE_CHECKING),
	[ICE_FAILED] = FROM(ICE_CHECKING) | FROM(ICE_DISCONNECTED),
	[ICE_CLOSED] = ~0u,
};

static void ice_set_state(ice_agent *a, ice_state state)
{
	if (a->state == state || a->state == ICE_CLOSED)
		return;
	/* An application sees every step: a way that skips one goes through it. */
	if (!(legal_from[state] & FROM(a->state))) {
		if (state == ICE_COMPLETED)
			ice_set_state(a, ICE_CONNECTED);
		else if (state == ICE_FAILED && a->state != ICE_NEW)
			ice_set_state(a, ICE_DISCONNECTED);
		else
			ice_set_state(a, ICE_CHECKING);
	}
	trace_printf(a->config.trace, TRACE_INFO, "ice", "%s -> %s", state_names[a->state], state_names[state]);
	a->state = state;
	ice_queue_event(a, ICE_EVENT_STATE, state);
}

void ice_state_restarted(ice_agent *a)
{
	if (!a->path.active && a->state != ICE_NEW)
		ice_set_state(a, ICE_CHECKING);
}

void ice_set_gathering(ice_agent *a, ice_gathering gathering)
{
	if (a->gathering == gathering)
		return;
	trace_printf(a->config.trace, TRACE_INFO, "ice", "gathering %s -> %s", ice_gathering_name(a->gathering),
		     ice_gathering_name(gathering));
	a->gathering = gathering;
	ice_queue_event(a, ICE_EVENT_GATHERING_STATE, gathering);
}

static ice_state path_state(const ice_agent *a)
{
	if (ice_pulse_is_silent(&a->path.pulse))
		return ICE_DISCONNECTED;
	bool final = a->path.nominated && a->path.generation == a->generation && a->end_of_remote &&
		     a->gathering == ICE_GATHERING_COMPLETE;
	return final ? ICE_COMPLETED : ICE_CONNECTED;
}

/*
 * W3C webrtc-pc 5.6.4: nothing more can come of it. A peer that never says that its candidates have ended is taken at its silence
 * when patience ends (RFC 8863 4).
 */
static bool is_over(const ice_agent *a)
{
	return a->pac_expired && a->gathering == ICE_GATHERING_COMPLETE && !ice_pairs_unfinished(a);
}

/* The state follows from the facts alone; but what has failed stays so until there is a path, or a restart. */
static ice_state derive_state(const ice_agent *a)
{
	if (a->path.active)
		return path_state(a);
	if (a->state == ICE_FAILED)
		return ICE_FAILED;
	if (!a->remote)
		return a->state == ICE_NEW ? ICE_NEW : ICE_CHECKING;
	if (is_over(a))
		return ICE_FAILED;
	if (a->state != ICE_NEW && a->state != ICE_CHECKING)
		return ICE_DISCONNECTED; /* consent was lost, or the pair went with its socket */
	return a->pair_count || a->state != ICE_NEW ? ICE_CHECKING : ICE_NEW;
}

static bool wants_start(const ice_agent *a)
{
	return ice_gather_wants_start(a) || ice_next_pair(a);
}

/* RFC 8445 14.2: no more than one new transaction every Ta, be it a check or a question to a STUN server; they take turns. */
static void start_paced(ice_agent *a, uint64_t now)
{
	while (now >= a->next_start && wants_start(a)) {
		ice_pair *p = ice_next_pair(a);
		bool gather = ice_gather_wants_start(a) && (a->gather_turn || !p);
		if (gather)
			ice_gather_start_one(a, now);
		else
			ice_check_start(a, now, p);
		a->gather_turn = !gather;
		a->next_start = time_after(now, a->ta_us);
	}
}

void ice_settle(ice_agent *a, uint64_t now)
{
	if (a->state == ICE_CLOSED)
		return;
	(void)ice_relays_update(a, now);
	ice_gather_update(a);
	ice_lite_pair_up(a, now);
	ice_nominate(a, now);
	ice_path_update(a, now);
	start_paced(a, now);
	ice_tcp_sweep(a, now);
	ice_set_state(a, derive_state(a));
}

void ice_close(ice_agent *a, uint64_t now)
{
	(void)now;
	if (a->state == ICE_CLOSED)
		return;
	clear(a);
	a->path.active = false;
	a->pac_deadline = TIME_NEVER;
	a->event_count = 0;
	ice_set_state(a, ICE_CLOSED);
}

/* --- time --- */

void ice_timeout(ice_agent *a, uint64_t now)
{
	if (a->state == ICE_CLOSED)
		return;
	ice_gather_timeout(a, now);
	ice_relays_timeout(a, now);
	ice_check_timeout(a, now);
	ice_path_timeout(a, now);
	if (now >= a->pac_deadline) {
		a->pac_deadline = TIME_NEVER;
		a->pac_expired = true;
	}
	ice_settle(a, now);
}

uint64_t ice_deadline(const ice_agent *a)
{
	if (a->state == ICE_CLOSED)
		return TIME_NEVER;
	uint64_t t = time_min(ice_gather_deadline(a), ice_relays_deadline(a));
	t = time_min(t, time_min(ice_check_deadline(a), ice_tcp_deadline(a)));
	t = time_min(t, time_min(ice_path_deadline(a), ice_nominate_deadline(a)));
	t = time_min(t, a->pac_deadline);
	return wants_start(a) ? time_min(t, a->next_start) : t;
}

/* --- receiving --- */

static int receive_response(ice_agent *a, uint64_t now, size_t base, const parley_addr *remote, const stun_message *m)
{
	if (ice_gather_receive(a, now, base, remote, m) || ice_path_receive(a, now, base, remote, m))
		return 0;
	return ice_check_receive(a, now, base, remote, m);
}

/* RFC 8829 4.1.1: with the policy "relay" there is no direct path, not even for who has guessed it. */
static bool may_hear(const ice_agent *a, size_t base)
{
	return !a->config.relay_only || a->bases[base].kind == ICE_BASE_RELAY;
}

static int receive_parsed(ice_agent *a, uint64_t now, const parley_addr *local, const parley_addr *remote,
			  const stun_message *m)
{
	size_t base;
	if (m->method != STUN_BINDING || (m->has_fingerprint && !stun_check_fingerprint(m))) {
		a->counters.drop_malformed++;
		return PARLEY_EPROTO;
	}
	if (!ice_find_base(a, local, &base) || !may_hear(a, base)) {
		a->counters.drop_unmatched++;
		return PARLEY_ENOTFOUND;
	}
	switch (m->class) {
	case STUN_REQUEST:
		return ice_request_receive(a, now, local, remote, m);
	case STUN_INDICATION:
		return 0; /* RFC 8445 11: a keepalive, nothing to do */
	case STUN_SUCCESS:
	case STUN_ERROR:
		return receive_response(a, now, base, remote, m);
	}
	return PARLEY_EPROTO;
}

int ice_receive_stun(ice_agent *a, uint64_t now, const parley_addr *local, const parley_addr *remote, slice message)
{
	stun_message m;
	char from[ADDR_TEXT_MAX];
	int err = stun_parse(message, &m);
	if (err)
		a->counters.drop_malformed++;
	else
		err = receive_parsed(a, now, local, remote, &m);
	if (err)
		trace_printf(a->config.trace, TRACE_WARN, "ice", "message from %s dropped: %s",
			     addr_print(remote, from), parley_strerror(err));
	return err;
}

/* RFC 8489 5: the message type without its class bits. */
static bool is_binding(slice datagram)
{
	reader r = reader_of(datagram);
	return stun_is_message(datagram) && (read_u16(&r) & ~0x0110u) == STUN_BINDING;
}

/* A server answers Binding requests too; all else that comes from it is for the client that made an allocation there. */
static ice_relay *relay_for(const ice_agent *a, const parley_addr *local, const parley_addr *remote, slice datagram)
{
	size_t base;
	if (is_binding(datagram))
		return NULL;
	return ice_find_base(a, local, &base) ? ice_relay_at(a, base, remote) : NULL;
}

bool ice_wants(slice datagram)
{
	return (datagram.len && datagram.data[0] < 4) || stun_is_channel_data(datagram);
}

int ice_receive(ice_agent *a, uint64_t now, const parley_addr *local, const parley_addr *remote, slice datagram)
{
	if (a->state == ICE_CLOSED)
		return PARLEY_ESTATE;
	int err = 0;
	turn_data data;
	ice_relay *r = relay_for(a, local, remote, datagram);
	if (r && turn_receive(r->client, now, datagram, &data))
		ice_unwrapped(a, now, &data.relayed, &data.peer, data.data);
	else if (!r)
		err = ice_receive_stun(a, now, local, remote, datagram);
	ice_settle(a, now);
	return err;
}

/* --- streams --- */

void ice_stream_opened(ice_agent *a, uint64_t now, uint32_t stream, const parley_addr *local)
{
	ice_relay *r = ice_relay_of(a, stream);
	ice_connection *c = ice_tcp_of(a, stream);
	if (a->state == ICE_CLOSED)
		return;
	if (r)
		ice_relay_opened(r, now);
	else if (c)
		ice_tcp_opened(a, now, c, local);
	ice_settle(a, now);
}

void ice_stream_closed(ice_agent *a, uint64_t now, uint32_t stream, int error, const char *why)
{
	ice_relay *r = ice_relay_of(a, stream);
	ice_connection *c = ice_tcp_of(a, stream);
	if (a->state == ICE_CLOSED)
		return;
	if (r)
		ice_relay_closed(r, now, error, why);
	else if (c)
		ice_tcp_closed(a, now, c, why);
	ice_settle(a, now);
}

void ice_stream_receive(ice_agent *a, uint64_t now, uint32_t stream, slice bytes)
{
	ice_relay *r = ice_relay_of(a, stream);
	ice_connection *c = ice_tcp_of(a, stream);
	turn_data data;
	if (a->state == ICE_CLOSED)
		return;
	while (r && turn_stream_receive(r->client, now, &bytes, &data))
		ice_unwrapped(a, now, &data.relayed, &data.peer, data.data);
	if (c)
		ice_tcp_receive(a, now, c, bytes);
	ice_settle(a, now);
}

/* --- roles and credentials --- */

void ice_take_role(ice_agent *a, bool controlling)
{
	if (a->controlling == controlling)
		return;
	trace_printf(a->config.trace, TRACE_INFO, "ice", "now %s", controlling ? "controlling" : "controlled");
	a->controlling = controlling;
	for (size_t i = 0; i < a->pair_count; i++)
		a->pairs[i]->nominating = false;
	ice_pairs_reorder(a);
	ice_queue_event(a, ICE_EVENT_ROLE, controlling);
}

bool ice_set_controlling(ice_agent *a, bool controlling)
{
	if (a->config.lite)
		a->config.controlling = controlling; /* counts if the peer is lite, too */
	if (a->config.lite || a->checks_begun || a->remote_lite)
		return a->controlling == controlling;
	a->controlling = controlling;
	ice_pairs_reorder(a);
	return true;
}

bool ice_is_controlling(const ice_agent *a)
{
	return a->controlling;
}

const char *ice_local_ufrag(const ice_agent *a)
{
	return a->local->ufrag;
}

const char *ice_local_pwd(const ice_agent *a)
{
	return a->local->pwd;
}

ice_state ice_get_state(const ice_agent *a)
{
	return a->state;
}

ice_gathering ice_get_gathering(const ice_agent *a)
{
	return a->gathering;
}
