#include <string.h>

#include "ice/internal.h"

static ice_pair *path_pair(const ice_agent *a)
{
	if (!a->path.active)
		return NULL;
	if (a->path.generation != a->generation)
		return ice_former_pair(a, a->path.generation, a->path.pair_id);
	for (size_t i = 0; i < a->pair_count; i++)
		if (a->pairs[i]->id == a->path.pair_id)
			return a->pairs[i];
	return NULL;
}

/* --- selection --- */

static bool is_better(const ice_pair *x, const ice_pair *y)
{
	return x->nominated != y->nominated ? x->nominated : x->priority > y->priority;
}

static ice_pair *best_pair(const ice_agent *a)
{
	ice_pair *best = NULL;
	for (size_t i = 0; i < a->pair_count; i++)
		if (a->pairs[i]->valid && (!best || is_better(a->pairs[i], best)))
			best = a->pairs[i];
	return best;
}

/* RFC 7675 5.1: 0.8 to 1.2 of the interval. Without randomness the plain interval: a check late is better than none. */
static uint64_t consent_interval(const ice_agent *a)
{
	uint32_t r;
	uint64_t fifth = a->config.consent_interval_us / 5;
	if (rng_u32(&a->config.random, &r))
		return a->config.consent_interval_us;
	return 4 * fifth + 2 * fifth * (uint64_t)r / UINT32_MAX;
}

/* The pair's successful check was the first consent; it may be some time ago. */
static void begin_watch(ice_agent *a, uint64_t now, const ice_pair *p)
{
	ice_path *path = &a->path;
	path->expiry = ice_is_lite_pair(a) ? TIME_NEVER : time_after(p->answered_at, a->config.consent_expiry_us);
	if (a->config.lite) {
		path->next_check = TIME_NEVER;
		ice_pulse_init_listener(&path->pulse, now, ice_is_lite_pair(a) ? TIME_NEVER : ICE_LISTEN_US);
		return;
	}
	path->next_check = time_after(p->answered_at, consent_interval(a));
	if (path->next_check < now)
		path->next_check = now;
	ice_pulse_init(&path->pulse, now, p->has_rtt ? p->rtt_us : 0);
}

void ice_path_drop(ice_agent *a)
{
	if (a->path.active)
		ice_relay_unload(a, a->path.base, &a->path.remote);
	ice_credentials_drop(&a->path.local_credentials);
	ice_credentials_drop(&a->path.remote_credentials);
	free(a->path.pending);
	a->path = (ice_path){0};
}

void ice_path_lost(ice_agent *a, uint64_t now)
{
	ice_path_drop(a);
	a->concluded = a->has_valid_since = a->pac_expired = false;
	a->pac_deadline = time_after(now, a->config.pac_us);
	ice_pairs_recheck(a, now);
}

static void path_set(ice_agent *a, uint64_t now, const ice_pair *p)
{
	ice_path *path = &a->path;
	char local[ADDR_TEXT_MAX], remote[ADDR_TEXT_MAX];
	ice_path_drop(a);
	path->active = true;
	path->nominated = p->nominated;
	path->generation = a->generation;
	path->pair_id = p->id;
	path->base = p->base;
	path->local = a->bases[p->base].addr;
	path->remote = p->remote_addr;
	path->local_credentials = ice_credentials_hold(a->local);
	path->remote_credentials = ice_credentials_hold(a->remote);
	begin_watch(a, now, p);
	ice_relay_carry(a, now, path->base, &path->remote);
	trace_printf(a->config.trace, TRACE_INFO, "ice", "data now from %s to %s", addr_print(&path->local, local),
		     addr_print(&path->remote, remote));
	ice_queue_event(a, ICE_EVENT_SELECTED_PAIR, 0);
}

bool ice_path_is_well(const ice_agent *a)
{
	return a->path.active && !ice_pulse_is_silent(&a->path.pulse);
}

void ice_path_update(ice_agent *a, uint64_t now)
{
	bool current_generation = a->path.active && a->path.generation == a->generation;
	ice_pair *current = path_pair(a), *best = best_pair(a);
	if (current_generation && (!current || !current->valid)) {
		ice_path_drop(a);
		current = NULL;
		current_generation = false;
	}
	/* The pair of the generation before goes on, if it does, until this one has nominated (RFC 8445 9). */
	bool old_generation = ice_path_is_well(a) && !current_generation;
	if (best && best != current && (best->nominated || !old_generation))
		path_set(a, now, best);
	else if (current)
		a->path.nominated = current->nominated;
}

bool ice_selected(const ice_agent *a, parley_addr *local, parley_addr *remote)
{
	if (!a->path.active)
		return false;
	*local = a->path.local;
	*remote = a->path.remote;
	return true;
}

static bool is_path(const ice_agent *a, const parley_addr *local, const parley_addr *remote)
{
	return a->path.active && addr_equal(&a->path.local, local) && addr_equal(&a->path.remote, remote);
}

bool ice_is_validated(const ice_agent *a, const parley_addr *local, const parley_addr *remote)
{
	size_t base;
	if (is_path(a, local, remote))
		return true;
	if (!ice_find_base(a, local, &base))
		return false;
	const ice_pair *p = ice_pair_find(a, base, remote);
	if (p)
		return p->valid || p->heard;
	for (size_t i = 0; i < a->early_count; i++)
		if (addr_equal(&a->early[i].local, local) && addr_equal(&a->early[i].remote, remote))
			return true;
	return false;
}

/* --- signs of life --- */

void ice_path_used(ice_agent *a, uint64_t now)
{
	if (a->path.active)
		ice_pulse_sent(&a->path.pulse, now);
}

/* A lite agent asks nobody; that the peer checks its consent, or sends data, must do (RFC 7675 4). */
static void note_lite_consent(ice_agent *a, uint64_t now)
{
	if (a->config.lite && a->path.expiry != TIME_NEVER)
		a->path.expiry = time_after(now, a->config.consent_expiry_us);
}

void ice_path_alive(ice_agent *a, uint64_t now, const parley_addr *local, const parley_addr *remote)
{
	if (!is_path(a, local, remote))
		return;
	bool silent = ice_pulse_is_silent(&a->path.pulse);
	ice_pulse_data(&a->path.pulse, now);
	note_lite_consent(a, now);
	if (silent)
		ice_settle(a, now);
}

void ice_path_heard(ice_agent *a, uint64_t now, const parley_addr *local, const parley_addr *remote)
{
	if (is_path(a, local, remote)) {
		ice_pulse_heard(&a->path.pulse, now);
		note_lite_consent(a, now);
	} else if (a->path.active && a->concluded) {
		ice_pulse_hint(&a->path.pulse, now); /* why else would it ask elsewhere? */
	}
}

/* --- consent (RFC 7675) --- */

/* Of many without an answer the oldest is given up. False: there is no memory. */
static bool remember_check(ice_path *path, const ice_consent_check *c)
{
	if (path->pending_count == ICE_CONSENT_PENDING)
		memmove(path->pending, path->pending + 1, --path->pending_count * sizeof *c);
	if (!ARRAY_ROOM(path->pending, path->pending_count))
		return false;
	path->pending[path->pending_count++] = *c;
	return true;
}

/* For consent, or because the path is in doubt: both never send the same request twice, and either's answer gives consent. */
static void send_consent(ice_agent *a, uint64_t now)
{
	ice_path *path = &a->path;
	uint8_t bytes[ICE_MESSAGE_MAX];
	writer w = writer_of(bytes, sizeof bytes);
	ice_consent_check c = {.sent_at = now};
	if (stun_id_random(&a->config.random, &c.id) || !remember_check(path, &c))
		return; /* at the next one there may be randomness and memory again; else consent ends */
	ice_pulse_asked(&path->pulse, now);
	ice_pair *p = path_pair(a);
	bool current_generation = path->generation == a->generation;
	ice_intent intent =
		p && current_generation ? ice_nominate_intent(a, p) : (ice_intent){.controlling = ice_agreed_role(a)};
	ice_build_request(a, &w, &c.id, path->local_credentials, path->remote_credentials,
			  ice_check_priority(a, path->base), &intent);
	ice_send(a, &path->local, &path->remote, &w);
	a->counters.consent_sent++;
	if (p) {
		p->consent_sent++;
		p->last_sent = now;
	}
}

static void revoke(ice_agent *a, ice_pair *p)
{
	p->revoked = true;
	p->heard = p->valid = p->nominated = p->nominating = p->nominate_when_valid = false;
	ice_check_forget(p);
	list_remove(&p->triggered);
	ice_pair_set_state(a, p, ICE_PAIR_FAILED);
}

/* RFC 7675 5.1: no data any more, a late answer does not change that, and the pair may only be checked again with other credentials.
 * The other pairs are being tried since the path fell silent, if it did. */
static void consent_lost(ice_agent *a, uint64_t now, const char *why)
{
	bool current_generation = a->path.generation == a->generation, was_silent = ice_pulse_is_silent(&a->path.pulse);
	trace_printf(a->config.trace, TRACE_ERROR, "ice", "consent %s", why);
	ice_pair *p = path_pair(a);
	if (p)
		revoke(a, p);
	ice_path_drop(a);
	if (!current_generation)
		return;
	a->concluded = a->has_valid_since = false;
	if (!was_silent)
		ice_pairs_recheck(a, now);
	for (size_t i = 0; i < a->pair_count; i++)
		ice_pair_expire(a, now, a->pairs[i]);
}

void ice_path_timeout(ice_agent *a, uint64_t now)
{
	ice_path *path = &a->path;
	if (!path->active)
		return;
	if (now >= path->expiry) {
		consent_lost(a, now, "expired");
		return;
	}
	bool was_silent = ice_pulse_is_silent(&path->pulse), due = now >= path->next_check;
	if (ice_pulse_timeout(&path->pulse, now) || due)
		send_consent(a, now);
	if (due)
		path->next_check = time_after(now, consent_interval(a));
	/* At once, and now and then while it lasts: ways may have opened. */
	if (ice_pulse_is_silent(&path->pulse) && (!was_silent || due)) {
		ice_relays_probe(a, now);
		ice_pairs_recheck(a, now);
	}
}

uint64_t ice_path_deadline(const ice_agent *a)
{
	if (!a->path.active)
		return TIME_NEVER;
	return time_min(time_min(a->path.expiry, a->path.next_check), ice_pulse_deadline(&a->path.pulse));
}

static void consent_given(ice_agent *a, uint64_t now, const ice_consent_check *c)
{
	ice_path *path = &a->path;
	path->expiry = time_after(now, a->config.consent_expiry_us);
	path->next_check = time_after(now, consent_interval(a));
	ice_pulse_answered(&path->pulse, now, now - c->sent_at);
	a->counters.responses_received++;
	ice_pair *p = path_pair(a);
	if (!p)
		return;
	p->responses_received++;
	p->last_received = p->answered_at = now;
	p->has_rtt = true;
	p->rtt_us = now - c->sent_at;
	p->total_rtt_us += p->rtt_us;
}

static void answered(ice_agent *a, uint64_t now, const ice_consent_check *c, const stun_message *m)
{
	if (m->class == STUN_SUCCESS && !m->unknown_count) { /* RFC 8489 6.3.3 */
		consent_given(a, now, c);
		return;
	}
	a->counters.errors_received++;
	if (m->has_error && m->error_code == STUN_FORBIDDEN) /* RFC 7675 5.2 */
		consent_lost(a, now, "revoked");
}

/* The first n. An answer that overtook those to earlier ones says all that they could. */
static void forget_checks(ice_path *path, size_t n)
{
	path->pending_count -= n;
	memmove(path->pending, path->pending + n, path->pending_count * sizeof *path->pending);
}

bool ice_path_receive(ice_agent *a, uint64_t now, size_t base, const parley_addr *remote, const stun_message *m)
{
	ice_path *path = &a->path;
	if (!path->active || path->base != base || !addr_equal(&path->remote, remote))
		return false;
	for (size_t i = 0; i < path->pending_count; i++) {
		ice_consent_check c = path->pending[i];
		if (!stun_id_equal(&c.id, &m->id))
			continue;
		if (stun_check_integrity(m, ice_text(path->remote_credentials->pwd))) {
			a->counters.drop_unauthorised++;
			return true;
		}
		forget_checks(path, i + 1);
		answered(a, now, &c, m);
		return true;
	}
	return false;
}
