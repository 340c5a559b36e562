#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/hash.h"
#include "base/text.h"
#include "ice/turn_internal.h"

const char *turn_state_name(turn_state state)
{
	static const char *const NAMES[] = {"new", "allocating", "allocated", "closing", "closed", "lost", "failed"};
	return NAMES[state];
}

/* --- life --- */

void turn_config_default(turn_config *config)
{
	*config = (turn_config){
		.families = TURN_IPV4,
		.lifetime_s = TURN_LIFETIME_DEFAULT_S,
		.rto_us = STUN_RTO_INITIAL_US,
		.allocate_timeout_us = 10 * US_PER_S,
		.request_timeout_us = STUN_STREAM_WAIT_US,
		.keepalive_us = 15 * US_PER_S,
	};
}

static bool config_valid(const turn_config *c)
{
	return c->random.fill && addr_is_unicast(&c->server) && c->server.port && c->username.len > 0 &&
	       c->username.len <= TURN_USERNAME_MAX && c->password.len > 0 && c->password.len <= TURN_PASSWORD_MAX &&
	       c->families >= TURN_IPV4 && c->families <= TURN_BOTH && c->lifetime_s > 0 && c->rto_us > 0 &&
	       c->allocate_timeout_us > 0 && c->request_timeout_us > 0;
}

/* The text is kept in the client, and the slice made to tell of that copy. */
static void keep_text(slice *s, char *copy)
{
	memcpy(copy, s->data, s->len);
	s->data = (const uint8_t *)copy;
}

int turn_create(const turn_config *config, turn_client **out)
{
	if (!config_valid(config))
		return PARLEY_EINVAL;
	turn_client *c = calloc(1, sizeof *c);
	if (!c)
		return PARLEY_ENOMEM;
	c->config = *config;
	keep_text(&c->config.username, c->username);
	keep_text(&c->config.password, c->password);
	stun_credentials_init(&c->credentials, c->config.username, c->config.password);
	c->server = c->tried[0] = config->server;
	c->tried_count = 1;
	c->families = config->families;
	c->expires = c->refresh_due = TIME_NEVER;
	c->next_number = STUN_CHANNEL_FIRST;
	c->partial.limit = TURN_UNIT_MAX;
	*out = c;
	return 0;
}

static void release_all(turn_client *c)
{
	for (size_t slot = 0; slot < TURN_REQUESTS_MAX; slot++)
		turn_request_release(c, slot);
}

void turn_destroy(turn_client *c)
{
	if (!c)
		return;
	release_all(c);
	stun_credentials_clear(&c->credentials);
	buf_clear(&c->partial);
	wipe(c, sizeof *c);
	free(c);
}

int turn_start(turn_client *c, uint64_t now)
{
	if (c->state != TURN_NEW)
		return PARLEY_ESTATE;
	if (!c->started)
		c->allocate_by = time_after(now, c->config.allocate_timeout_us);
	c->started = true;
	turn_set_state(c, TURN_ALLOCATING);
	turn_allocate(c, now);
	return 0;
}

void turn_close(turn_client *c, uint64_t now)
{
	if (!turn_is_live(c))
		return;
	/* An Allocate under way may have made one already; without credentials it cannot have. */
	bool deletable = c->state == TURN_ALLOCATED || (c->state == TURN_ALLOCATING && c->credentials.ready);
	release_all(c);
	turn_set_state(c, TURN_CLOSING);
	if (deletable)
		turn_delete(c, now);
	else
		turn_over(c, (turn_failure){0}, NULL);
}

/* --- state --- */

#define FROM(state) (1u << (state))

/* Which states each may be entered from. */
static const unsigned legal_from[] = {
	[TURN_NEW] = FROM(TURN_ALLOCATING), /* redirected on a stream */
	[TURN_ALLOCATING] = FROM(TURN_NEW),
	[TURN_ALLOCATED] = FROM(TURN_ALLOCATING),
	[TURN_CLOSING] = FROM(TURN_NEW) | FROM(TURN_ALLOCATING) | FROM(TURN_ALLOCATED),
	[TURN_CLOSED] = FROM(TURN_CLOSING),
	[TURN_LOST] = FROM(TURN_ALLOCATED),
	[TURN_FAILED] = FROM(TURN_NEW) | FROM(TURN_ALLOCATING),
};

void turn_set_state(turn_client *c, turn_state state)
{
	char server[ADDR_TEXT_MAX];
	assert(legal_from[state] & FROM(c->state));
	trace_printf(c->config.trace, TRACE_INFO, "turn", "%s: %s -> %s", addr_print(&c->server, server),
		     turn_state_name(c->state), turn_state_name(state));
	c->state = state;
}

bool turn_is_live(const turn_client *c)
{
	return c->state == TURN_NEW || c->state == TURN_ALLOCATING || c->state == TURN_ALLOCATED;
}

turn_failure turn_failure_of(unsigned code)
{
	int error = PARLEY_EREFUSED;
	switch (code) {
	case STUN_UNAUTHENTICATED:
	case STUN_STALE_NONCE:
	case STUN_WRONG_CREDENTIALS:
		error = PARLEY_EAUTH;
		break;
	case STUN_UNKNOWN_ATTRIBUTE:
	case STUN_FAMILY_NOT_SUPPORTED:
	case STUN_UNSUPPORTED_TRANSPORT:
	case STUN_PEER_FAMILY_MISMATCH:
		error = PARLEY_EUNSUPPORTED;
		break;
	case STUN_ALLOCATION_MISMATCH:
		error = PARLEY_ECLOSED;
		break;
	default:
		break;
	}
	return (turn_failure){.error = error, .code = code};
}

bool turn_is_verdict(turn_failure failure)
{
	return !failure.unauthentic && failure.code >= 300 && failure.code < 500;
}

void turn_note_words(turn_client *c, const stun_message *m)
{
	c->words_code = m->error_code;
	text_copy_printable(c->words, sizeof c->words, m->error_reason);
}

/* For people: what the code means for them. */
static const char *explain(turn_failure f)
{
	if (f.unauthentic)
		return "no authentic answer";
	switch (f.code) {
	case 0:
		return parley_strerror(f.error);
	case STUN_UNAUTHENTICATED:
		return "user name or password not accepted";
	case STUN_WRONG_CREDENTIALS:
		return "the allocation belongs to another user";
	case STUN_FORBIDDEN:
		return "forbidden by the server's rules";
	case STUN_ALLOCATION_MISMATCH:
		return "no such allocation at the server, or one that is in the way";
	case STUN_FAMILY_NOT_SUPPORTED:
	case STUN_PEER_FAMILY_MISMATCH:
		return "the server does not relay this address family";
	case STUN_ALLOCATION_QUOTA_REACHED:
		return "allocation quota of this user reached: try again in a minute";
	case STUN_INSUFFICIENT_CAPACITY:
		return "the server has no more capacity: try again in a minute";
	default:
		return "refused by the server";
	}
}

static void tell_failure(const turn_client *c, turn_failure f, const char *why, turn_event *out)
{
	out->error = f.error;
	out->code = f.code;
	text t = text_of(out->reason, sizeof out->reason);
	text_string(&t, why[0] ? why : explain(f));
	if (f.code && f.code == c->words_code && c->words[0])
		text_printf(&t, " (%u %.80s)", f.code, c->words);
	else if (f.code)
		text_printf(&t, " (%u %s)", f.code, stun_error_phrase(f.code));
}

static void forget_allocation(turn_client *c)
{
	release_all(c);
	memset(c->permissions, 0, sizeof c->permissions);
	memset(c->channels, 0, sizeof c->channels);
	c->relayed_ipv4 = c->relayed_ipv6 = (parley_addr){0};
	c->expires = c->refresh_due = TIME_NEVER;
	c->keepalive_wanted = false;
	buf_clear(&c->partial);
	c->partial_done = false;
}

void turn_over(turn_client *c, turn_failure failure, const char *why)
{
	turn_event reason;
	turn_state state = c->state == TURN_CLOSING	? TURN_CLOSED
			   : c->state == TURN_ALLOCATED ? TURN_LOST
							: TURN_FAILED;
	forget_allocation(c);
	c->tell_alternate = c->tell_allocated = c->tell_alive = false;
	c->tell_over = true;
	c->over = failure;
	text_copy_printable(c->over_why, sizeof c->over_why, slice_from_string(why));
	tell_failure(c, failure, c->over_why, &reason);
	if (state != TURN_CLOSED)
		trace_printf(c->config.trace, TRACE_WARN, "turn", "%s", reason.reason);
	turn_set_state(c, state);
}

/* --- events --- */

/* Was it wanted? It is not any more. */
static bool take(bool *flag)
{
	bool was = *flag;
	*flag = false;
	return was;
}

static void tell_allocated(const turn_client *c, turn_event *out)
{
	out->type = TURN_EVENT_ALLOCATED;
	out->relayed_ipv4 = c->relayed_ipv4;
	out->relayed_ipv6 = c->relayed_ipv6;
	out->mapped = c->mapped;
	out->lifetime_s = c->lifetime_s;
	memcpy(out->software, c->software, sizeof out->software);
	if (c->missing_code)
		tell_failure(c, turn_failure_of(c->missing_code), "", out);
}

static bool tell_permission(turn_client *c, turn_event *out)
{
	for (size_t i = 0; i < c->permission_count; i++) {
		turn_permission *p = &c->permissions[i];
		if (take(&p->tell_permitted)) {
			*out = (turn_event){.type = TURN_EVENT_PERMITTED, .peer = p->ip};
			return true;
		}
		if (take(&p->tell_refused)) {
			*out = (turn_event){.type = TURN_EVENT_REFUSED, .peer = p->ip};
			tell_failure(c, p->failure, "", out);
			return true;
		}
	}
	return false;
}

static void tell_over(const turn_client *c, turn_event *out)
{
	out->type = c->state == TURN_LOST     ? TURN_EVENT_LOST
		    : c->state == TURN_FAILED ? TURN_EVENT_FAILED
					      : TURN_EVENT_CLOSED;
	if (c->state != TURN_CLOSED)
		tell_failure(c, c->over, c->over_why, out);
}

bool turn_poll_event(turn_client *c, turn_event *out)
{
	*out = (turn_event){0};
	if (take(&c->tell_alternate)) {
		out->type = TURN_EVENT_ALTERNATE;
		out->server = c->server;
		memcpy(out->domain, c->domain, sizeof out->domain);
	} else if (take(&c->tell_allocated)) {
		tell_allocated(c, out);
	} else if (tell_permission(c, out)) {
		return true;
	} else if (take(&c->tell_alive)) {
		out->type = TURN_EVENT_ALIVE;
	} else if (take(&c->tell_over)) {
		tell_over(c, out);
	} else {
		return false;
	}
	return true;
}

/* --- time, and what leaves --- */

static uint64_t keepalive_due(const turn_client *c)
{
	if (c->state != TURN_ALLOCATED || turn_on_stream(c) || c->config.keepalive_us == 0)
		return TIME_NEVER;
	return time_after(c->last_sent, c->config.keepalive_us);
}

void turn_timeout(turn_client *c, uint64_t now)
{
	turn_request_timeout(c, now);
	if (c->state != TURN_ALLOCATED)
		return;
	if (now >= c->expires) {
		turn_over(c, (turn_failure){.error = PARLEY_ETIMEDOUT}, "the allocation has expired unrefreshed");
		return;
	}
	turn_permissions_timeout(c, now);
	c->keepalive_wanted = now >= keepalive_due(c);
}

uint64_t turn_deadline(const turn_client *c)
{
	uint64_t t = turn_request_deadline(c);
	if (c->state != TURN_ALLOCATED)
		return t;
	t = time_min(t, time_min(c->expires, keepalive_due(c)));
	if (c->requests[TURN_ALLOCATION_SLOT].txn.state == STUN_TXN_IDLE)
		t = time_min(t, c->refresh_due);
	return time_min(t, time_min(turn_permissions_deadline(c), turn_channels_deadline(c)));
}

static void start_due(turn_client *c, uint64_t now)
{
	if (c->state != TURN_ALLOCATED)
		return;
	turn_refresh_start(c, now);
	if (c->state != TURN_ALLOCATED)
		return;
	turn_permissions_start(c, now);
	turn_channels_start(c, now);
}

/* RFC 8489 5: an indication has no answer; a server that gets it does nothing. */
static bool keep_alive(turn_client *c, uint64_t now, packet *out)
{
	stun_id id;
	writer w = writer_of(out->data, out->capacity);
	if (!take(&c->keepalive_wanted))
		return false;
	c->last_sent = now; /* the next one comes later even if this one cannot be made */
	if (stun_id_random(&c->config.random, &id))
		return false;
	stun_begin(&w, STUN_INDICATION, STUN_BINDING, &id);
	stun_put_fingerprint(&w);
	out->len = w.len;
	c->counters.keepalives_sent++;
	return !w.bad;
}

bool turn_poll_transmit(turn_client *c, uint64_t now, packet *out)
{
	assert(out->capacity >= TURN_PACKET_MAX);
	start_due(c, now);
	if (!turn_request_transmit(c, now, out) && !keep_alive(c, now, out))
		return false;
	c->last_sent = now;
	c->keepalive_wanted = false;
	return true;
}

/* --- telling --- */

turn_state turn_get_state(const turn_client *c)
{
	return c->state;
}

const parley_addr *turn_server(const turn_client *c)
{
	return &c->server;
}

bool turn_relayed(const turn_client *c, enum parley_family family, parley_addr *out)
{
	const parley_addr *relayed = family == PARLEY_IPV6 ? &c->relayed_ipv6 : &c->relayed_ipv4;
	if (c->state != TURN_ALLOCATED || relayed->family != family || family == PARLEY_ADDR_NONE)
		return false;
	*out = *relayed;
	return true;
}

void turn_get_counters(const turn_client *c, turn_counters *out)
{
	*out = c->counters;
}
