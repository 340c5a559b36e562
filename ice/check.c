#include <string.h>

#include "ice/internal.h"

#define STREAM_WAIT_RTOS 79u /* Ti of RFC 8489 6.2.2, 39.5 s: what all sendings over UDP and the final wait take */
#define FINAL_WAIT_RTOS 16u  /* Rm of RFC 8489 6.2.1: after the last sending, in units of the first wait */

/* --- sending --- */

/* RFC 8445 7.1.1: the priority a peer-reflexive candidate learnt from this check would have. */
uint32_t ice_check_priority(const ice_agent *a, size_t base)
{
	return ice_local_priority(a, base, ICE_PRFLX, 0);
}

static void put_username(writer *w, const char *receiver, const char *sender)
{
	uint8_t bytes[2 * ICE_UFRAG_MAX + 1];
	writer name = writer_of(bytes, sizeof bytes);
	write_bytes(&name, ice_text(receiver));
	write_u8(&name, ':');
	write_bytes(&name, ice_text(sender));
	stun_put_bytes(w, STUN_ATTR_USERNAME, writer_slice(&name));
}

void ice_build_request(const ice_agent *a, writer *w, const stun_id *id, const ice_credentials *local,
		       const ice_credentials *remote, uint32_t priority, const ice_intent *intent)
{
	stun_begin(w, STUN_REQUEST, STUN_BINDING, id);
	put_username(w, remote->ufrag, local->ufrag);
	stun_put_u32(w, STUN_ATTR_PRIORITY, priority);
	stun_put_u64(w, intent->controlling ? STUN_ATTR_ICE_CONTROLLING : STUN_ATTR_ICE_CONTROLLED, a->tie_breaker);
	if (intent->nominates)
		stun_put_flag(w, STUN_ATTR_USE_CANDIDATE);
	if (intent->has_number)
		stun_put_u32(w, STUN_ATTR_NOMINATION, intent->number);
	stun_put_integrity(w, ice_text(remote->pwd));
	stun_put_fingerprint(w);
}

static void send_check(ice_agent *a, uint64_t now, ice_pair *p)
{
	uint8_t bytes[ICE_MESSAGE_MAX];
	writer w = writer_of(bytes, sizeof bytes);
	ice_check *c = &p->check;
	ice_build_request(a, &w, &c->id, a->local, a->remote, ice_check_priority(a, p->base), &c->intent);
	ice_send(a, &a->bases[p->base].addr, &p->remote_addr, &w);
	c->sent_at = p->last_sent = now;
	c->due = time_after(now, c->wait_us);
}

/* RFC 8445 14.3, with N as in RFC 5245 16.1: the number of checklists that share the pace, of which there is one. */
static uint64_t initial_rto(const ice_agent *a)
{
	uint64_t paced = a->ta_us * ice_pairs_active(a);
	return a->config.rto_us > paced ? a->config.rto_us : paced;
}

static ice_cancelled as_cancelled(const ice_check *c)
{
	return (ice_cancelled){c->resent, c->id, c->intent, c->sent_at};
}

void ice_check_cancel(ice_pair *p)
{
	ice_check *c = &p->check;
	if (!c->active)
		return;
	c->active = false;
	if (p->cancelled_count == ICE_CANCELLED_MAX)
		memmove(p->cancelled, p->cancelled + 1, --p->cancelled_count * sizeof *p->cancelled);
	if (ARRAY_ROOM(p->cancelled, p->cancelled_count)) /* else its answer does not count */
		p->cancelled[p->cancelled_count++] = as_cancelled(c);
}

void ice_check_forget(ice_pair *p)
{
	p->check.active = false;
	free(p->cancelled);
	p->cancelled = NULL;
	p->cancelled_count = 0;
}

void ice_pair_failed(ice_agent *a, ice_pair *p)
{
	ice_check_forget(p);
	p->valid = p->nominating = p->nominated = p->nominate_when_valid = false;
	list_remove(&p->triggered);
	ice_pair_set_state(a, p, ICE_PAIR_FAILED);
}

/* Over a stream a request leaves once (RFC 8489 6.2.2), when there is a connection: ice_check_resend. Its time is that of UDP. */
static void plan_for_stream(const ice_agent *a, ice_check *c)
{
	c->once = true;
	c->wait_us = STREAM_WAIT_RTOS * a->config.rto_us;
}

void ice_check_start(ice_agent *a, uint64_t now, ice_pair *p)
{
	list_remove(&p->triggered);
	ice_check_cancel(p);
	bool tcp = ice_tcp_is(a, p->base);
	ice_check c = {.active = true, .sends = 1, .intent = ice_nominate_intent(a, p), .wait_us = initial_rto(a)};
	if (tcp)
		plan_for_stream(a, &c);
	if (stun_id_random(&a->config.random, &c.id) || (tcp && !ice_tcp_connect(a, p))) {
		ice_pair_failed(a, p);
		return;
	}
	a->checks_begun = true;
	p->check = c;
	if (p->state != ICE_PAIR_SUCCEEDED)
		ice_pair_set_state(a, p, ICE_PAIR_IN_PROGRESS);
	p->requests_sent++;
	a->counters.requests_sent++;
	send_check(a, now, p);
}

void ice_check_resend(ice_agent *a, uint64_t now, ice_pair *p)
{
	if (p->check.active)
		send_check(a, now, p);
}

static void check_timeout(ice_agent *a, uint64_t now, ice_pair *p)
{
	ice_check *c = &p->check;
	if (c->once || c->sends >= a->config.check_sends) {
		ice_pair_failed(a, p);
		return;
	}
	c->sends++;
	c->wait_us = c->sends < a->config.check_sends ? 2 * c->wait_us : FINAL_WAIT_RTOS * a->config.rto_us;
	c->resent = true;
	a->counters.requests_resent++;
	send_check(a, now, p);
}

void ice_check_timeout(ice_agent *a, uint64_t now)
{
	for (size_t i = 0; i < a->pair_count; i++)
		if (a->pairs[i]->check.active && now >= a->pairs[i]->check.due)
			check_timeout(a, now, a->pairs[i]);
}

uint64_t ice_check_deadline(const ice_agent *a)
{
	uint64_t t = TIME_NEVER;
	for (size_t i = 0; i < a->pair_count; i++)
		if (a->pairs[i]->check.active)
			t = time_min(t, a->pairs[i]->check.due);
	return t;
}

/* --- responses (RFC 8445 7.2.5) --- */

static bool find_in_pair(const ice_pair *p, const stun_id *id, ice_cancelled *out)
{
	const ice_check *c = &p->check;
	if (c->active && stun_id_equal(&c->id, id)) {
		*out = as_cancelled(c);
		return true;
	}
	for (size_t i = 0; i < p->cancelled_count; i++)
		if (stun_id_equal(&p->cancelled[i].id, id)) {
			*out = p->cancelled[i];
			return true;
		}
	return false;
}

static ice_pair *find_check(const ice_agent *a, const stun_id *id, ice_cancelled *out)
{
	for (size_t i = 0; i < a->pair_count; i++)
		if (find_in_pair(a->pairs[i], id, out))
			return a->pairs[i];
	return NULL;
}

/* RFC 8445 7.2.5.1. The tie-breaker changes, so that the peer, if it did the same, is not met in the new role again. */
static void role_conflict(ice_agent *a, ice_pair *p, const ice_cancelled *c)
{
	a->counters.role_conflicts++;
	if (c->intent.controlling == a->controlling && !(a->remote_lite && a->controlling)) {
		ice_take_role(a, !c->intent.controlling);
		(void)rng_u64(&a->config.random, &a->tie_breaker);
	}
	if (++p->conflicts > ICE_CONFLICTS_MAX) {
		ice_pair_failed(a, p);
		return;
	}
	ice_check_forget(p);
	ice_pair_trigger(a, p, false);
}

static void note_rtt(ice_pair *p, const ice_cancelled *c, uint64_t now)
{
	if (c->resent)
		return; /* RFC 8489 6.2.1, Karn: which sending was answered is not known */
	p->has_rtt = true;
	p->rtt_us = now - c->sent_at;
	p->total_rtt_us += p->rtt_us;
}

/* RFC 8445 7.2.5.3.1, 7.2.5.3.2: the valid pair is told by the local candidate in it, data leaves from the base anyway. */
static void make_valid(ice_agent *a, ice_pair *p, parley_addr mapped)
{
	mapped.transport = a->bases[p->base].addr.transport;
	ice_local *l = ice_tcp_is_own(a, p, &mapped) ? p->local : ice_local_find(a, p->base, &mapped);
	if (!l)
		l = ice_local_learn(a, p->base, &mapped);
	p->mapped = l ? l : p->local;
	p->valid = true;
	ice_pair_set_state(a, p, ICE_PAIR_SUCCEEDED);
	ice_unfreeze(a, p);
}

static void succeeded(ice_agent *a, uint64_t now, ice_pair *p, const ice_cancelled *c, const parley_addr *mapped)
{
	a->counters.responses_received++;
	p->responses_received++;
	p->last_received = p->answered_at = now;
	note_rtt(p, c, now);
	/* An earlier check was answered: the one that nominates still is to be. */
	bool nomination_runs = p->check.active && p->check.intent.nominates && !c->intent.nominates;
	if (!nomination_runs)
		ice_check_forget(p);
	p->triggers = 0;
	if (!p->nominating)
		list_remove(&p->triggered);
	make_valid(a, p, *mapped);
	if (!a->has_valid_since) {
		a->has_valid_since = true;
		a->valid_since = now;
	}
	ice_nominate_answered(a, p, &c->intent);
	if (!a->controlling && p->nominate_when_valid)
		ice_pair_nominated(a, p);
}

int ice_check_receive(ice_agent *a, uint64_t now, size_t base, const parley_addr *remote, const stun_message *m)
{
	ice_cancelled c;
	ice_pair *p = find_check(a, &m->id, &c);
	if (!p) {
		a->counters.drop_unmatched++;
		return PARLEY_ENOTFOUND;
	}
	if (stun_check_integrity(m, ice_text(a->remote->pwd))) {
		a->counters.drop_unauthorised++;
		return PARLEY_EAUTH; /* a forger cannot end the wait */
	}
	/* RFC 8445 7.2.5.2.1: non-symmetric; RFC 8489 6.3.3: not understood. */
	bool usable = p->base == base && addr_equal(&p->remote_addr, remote) && m->unknown_count == 0;
	if (m->class == STUN_ERROR) {
		a->counters.errors_received++;
		if (usable && m->has_error && m->error_code == STUN_ROLE_CONFLICT) {
			role_conflict(a, p, &c);
			return 0;
		}
		usable = false;
	}
	if (usable && m->has_xor_mapped_address)
		succeeded(a, now, p, &c, &m->xor_mapped_address);
	else
		ice_pair_failed(a, p);
	return 0;
}
