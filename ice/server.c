#include "base/hash.h"
#include "ice/internal.h"

/* One request while it is being answered. */
typedef struct {
	const parley_addr *local, *remote;
	const stun_message *m;
	const ice_credentials *credentials; /* ours, under which it came: of this generation or of the path's */
	bool current;			    /* this generation's */
	slice sender;			    /* the remote's ufrag, as the request tells it */
} request;

/* --- answers --- */

static void send_answer(ice_agent *a, const request *r, writer *w)
{
	stun_put_integrity(w, ice_text(r->credentials->pwd));
	stun_put_fingerprint(w);
	ice_send(a, r->local, r->remote, w);
}

static void begin_error(const request *r, unsigned code, const char *reason, writer *w)
{
	stun_begin(w, STUN_ERROR, STUN_BINDING, &r->m->id);
	stun_put_error(w, code, reason);
}

/*
 * Without valid credentials there is no key in common to sign the answer (RFC 8489 9.1.3), and the address may be a victim's: it gets
 * no more bytes than the stranger spent.
 */
static void refuse_stranger(ice_agent *a, const request *r, unsigned code)
{
	static const char *const reasons[] = {NULL, ""}; /* the usual phrase, or none where it is too long */
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
		uint8_t bytes[ICE_MESSAGE_MAX];
		writer w = writer_of(bytes, sizeof bytes);
		begin_error(r, code, reasons[i], &w);
		stun_put_fingerprint(&w);
		if (w.len > r->m->raw.len)
			continue;
		ice_send(a, r->local, r->remote, &w);
		a->counters.errors_sent++;
		return;
	}
}

static void answer_error(ice_agent *a, const request *r, unsigned code)
{
	uint8_t bytes[ICE_MESSAGE_MAX];
	writer w = writer_of(bytes, sizeof bytes);
	begin_error(r, code, NULL, &w);
	if (code == STUN_UNKNOWN_ATTRIBUTE)
		stun_put_unknown(&w, r->m);
	send_answer(a, r, &w);
	a->counters.errors_sent++;
}

static void answer_success(ice_agent *a, const request *r)
{
	uint8_t bytes[ICE_MESSAGE_MAX];
	writer w = writer_of(bytes, sizeof bytes);
	stun_begin(&w, STUN_SUCCESS, STUN_BINDING, &r->m->id);
	stun_put_xor_address(&w, STUN_ATTR_XOR_MAPPED_ADDRESS, r->remote);
	send_answer(a, r, &w);
	a->counters.responses_sent++;
}

/* --- who asks --- */

/* RFC 8445 7.3: valid if what is before the colon is our ufrag. During a restart the path's old one still is. */
static bool find_credentials(const ice_agent *a, request *r)
{
	slice rest = r->m->username, receiver;
	if (!scan_token(&rest, ':', &receiver) || receiver.len == r->m->username.len)
		return false;
	r->sender = rest;
	r->current = slice_equal_string(receiver, a->local->ufrag);
	bool old = a->path.active && a->path.generation != a->generation &&
		   slice_equal_string(receiver, a->path.local_credentials->ufrag);
	r->credentials = r->current ? a->local : a->path.local_credentials;
	return r->current || old;
}

/* 0, or the error code to answer with. */
static unsigned authenticate(const ice_agent *a, request *r)
{
	if (!r->m->has_username || !(r->m->has_integrity || r->m->has_integrity_sha256))
		return STUN_BAD_REQUEST; /* RFC 8489 9.1.3 */
	if (!find_credentials(a, r) || stun_check_integrity(r->m, ice_text(r->credentials->pwd)))
		return STUN_UNAUTHENTICATED;
	return 0;
}

/* --- roles (RFC 8445 7.3.1.1) --- */

/* False: the peer has to change. */
static bool settle_roles(ice_agent *a, const stun_message *m)
{
	bool conflict = a->controlling ? m->has_ice_controlling : m->has_ice_controlled;
	if (!conflict)
		return true;
	a->counters.role_conflicts++;
	if (a->config.lite)
		return false; /* always controlled (RFC 8445 6.1.1) */
	if (a->controlling) {
		if (a->tie_breaker >= m->ice_controlling || a->remote_lite)
			return false;
		ice_take_role(a, false);
	} else {
		if (a->tie_breaker < m->ice_controlled)
			return false;
		ice_take_role(a, true);
	}
	return true;
}

/* --- effects (RFC 8445 7.3.1.3 - 7.3.1.5) --- */

static void trigger(ice_agent *a, ice_pair *p)
{
	switch (p->state) {
	case ICE_PAIR_SUCCEEDED:
		break;
	case ICE_PAIR_IN_PROGRESS:
		if (ice_tcp_is(a, p->base) || ++p->triggers > ICE_TRIGGERS_MAX)
			break; /* over a stream it will not get lost */
		ice_check_cancel(p);
		ice_pair_trigger(a, p, false);
		break;
	case ICE_PAIR_FROZEN:
	case ICE_PAIR_FAILED:
		ice_pair_trigger(a, p, false);
		break;
	case ICE_PAIR_WAITING:
		if (p->triggered.next == &p->triggered)
			ice_pair_trigger(a, p, false);
		break;
	}
}

ice_pair *ice_request_apply(ice_agent *a, uint64_t now, size_t base, const parley_addr *remote, uint32_t priority,
			    const ice_intent *intent)
{
	ice_pair *p = ice_pair_find(a, base, remote);
	if (!p) {
		ice_remote *r = ice_remote_find(a, remote);
		if (!r)
			r = ice_remote_learn(a, remote, priority);
		p = r ? ice_pair_add(a, base, r) : NULL;
	}
	if (!p)
		return NULL;
	p->heard = true;
	p->requests_received++;
	p->last_received = now;
	if (a->config.lite)
		ice_lite_heard(a, now, p, intent);
	ice_nominate_heard(a, now, p, intent);
	trigger(a, p);
	return p;
}

static void apply(ice_agent *a, uint64_t now, const request *r)
{
	const stun_message *m = r->m;
	ice_intent intent = {.controlling = m->has_ice_controlling,
			     .nominates = m->has_use_candidate,
			     .has_number = m->has_nomination,
			     .number = m->nomination & ICE_NOMINATION_MAX};
	size_t base;
	ice_path_heard(a, now, r->local, r->remote);
	if (!r->current)
		return; /* of the generation before: answered, and that is all */
	/* The peer may have restarted and we not know it yet: then its password is unknown too. */
	if (!a->remote || !slice_equal_string(r->sender, a->remote->ufrag)) {
		ice_remember_early(a, r->local, r->remote, r->sender, m->priority, &intent);
		return;
	}
	if (!ice_find_base(a, r->local, &base))
		return;
	ice_pair *p = ice_request_apply(a, now, base, r->remote, m->priority, &intent);
	if (p) {
		p->responses_sent++;
		p->last_sent = now;
	}
}

/* 0, or the error code: what an authentic request must be. */
static unsigned examine(ice_agent *a, const request *r)
{
	if (r->m->unknown_count)
		return STUN_UNKNOWN_ATTRIBUTE; /* RFC 8489 6.3.1 */
	if (!r->m->has_priority || (r->m->has_ice_controlling && r->m->has_ice_controlled))
		return STUN_BAD_REQUEST; /* RFC 8445 7.1.1 */
	return r->current && !settle_roles(a, r->m) ? STUN_ROLE_CONFLICT : 0;
}

int ice_request_receive(ice_agent *a, uint64_t now, const parley_addr *local, const parley_addr *remote,
			const stun_message *m)
{
	request r = {.local = local, .remote = remote, .m = m};
	if (!m->has_fingerprint) {
		a->counters.drop_malformed++; /* RFC 8445 7.3: FINGERPRINT is not optional */
		return PARLEY_EPROTO;
	}
	unsigned code = authenticate(a, &r);
	if (code) {
		a->counters.drop_unauthorised++;
		refuse_stranger(a, &r, code);
		return PARLEY_EAUTH;
	}
	a->counters.requests_received++;
	code = examine(a, &r);
	if (code) {
		answer_error(a, &r, code);
		return code == STUN_ROLE_CONFLICT ? 0 : PARLEY_EPROTO;
	}
	answer_success(a, &r);
	apply(a, now, &r);
	return 0;
}
