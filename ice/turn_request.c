#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "ice/turn_internal.h"

static uint16_t method_of(turn_ask ask)
{
	switch (ask) {
	case TURN_ASK_ALLOCATE:
		return STUN_ALLOCATE;
	case TURN_ASK_REFRESH:
	case TURN_ASK_DELETE:
		return STUN_REFRESH;
	case TURN_ASK_PERMISSIONS:
		return STUN_CREATE_PERMISSION;
	case TURN_ASK_CHANNEL:
		return STUN_CHANNEL_BIND;
	}
	return 0;
}

static bool put_subject(const turn_client *c, size_t slot, writer *w)
{
	switch (c->requests[slot].ask) {
	case TURN_ASK_ALLOCATE:
		turn_put_allocate(c, w);
		return true;
	case TURN_ASK_REFRESH:
	case TURN_ASK_DELETE:
		stun_put_bytes(w, STUN_ATTR_SOFTWARE, slice_from_string(TURN_SOFTWARE));
		stun_put_u32(w, STUN_ATTR_LIFETIME,
			     c->requests[slot].ask == TURN_ASK_DELETE ? 0 : c->config.lifetime_s);
		return true;
	case TURN_ASK_PERMISSIONS:
		return turn_put_permissions(c, slot, w);
	case TURN_ASK_CHANNEL:
		return turn_put_channel(c, slot, w);
	}
	return false;
}

static void trace_message(const turn_client *c, const char *direction, slice bytes)
{
	char line[TRACE_LINE_MAX];
	stun_message m;
	text t = text_of(line, sizeof line);
	if (!trace_wants(c->config.trace, TRACE_DEBUG) || stun_parse(bytes, &m))
		return;
	stun_print(&m, &t);
	trace_printf(c->config.trace, TRACE_DEBUG, "turn", "%s %s", direction, line);
}

/* With a new id and the present credentials. PARLEY_ENOTFOUND: there is nothing left to ask for. */
static int build(turn_client *c, uint64_t now, size_t slot)
{
	uint8_t bytes[TURN_PACKET_MAX];
	turn_request *r = &c->requests[slot];
	stun_id id;
	int err = stun_id_random(&c->config.random, &id);
	if (err)
		return err;
	writer w = writer_of(bytes, sizeof bytes);
	stun_begin(&w, STUN_REQUEST, method_of(r->ask), &id);
	if (!put_subject(c, slot, &w))
		return PARLEY_ENOTFOUND;
	stun_credentials_put(&c->credentials, &w);
	stun_put_fingerprint(&w);
	if (w.bad)
		return PARLEY_EMSGSIZE;
	r->bytes = malloc(w.len);
	if (!r->bytes)
		return PARLEY_ENOMEM;
	memcpy(r->bytes, bytes, w.len);
	r->len = w.len;
	r->started = now;
	r->challenge = c->challenge;
	slice request = slice_of(r->bytes, r->len);
	if (turn_on_stream(c))
		return stun_txn_start_with(&r->txn, now, request, c->config.rto_us, 1, STUN_STREAM_WAIT_US);
	return stun_txn_start(&r->txn, now, request, c->config.rto_us);
}

static void forget_bytes(turn_request *r)
{
	free(r->bytes);
	r->bytes = NULL;
	r->len = 0;
	stun_txn_reset(&r->txn);
}

bool turn_slot_free(const turn_client *c, size_t *slot)
{
	for (*slot = TURN_ALLOCATION_SLOT + 1; *slot < TURN_REQUESTS_MAX; ++*slot)
		if (c->requests[*slot].txn.state == STUN_TXN_IDLE)
			return true;
	return false;
}

void turn_request_release(turn_client *c, size_t slot)
{
	forget_bytes(&c->requests[slot]);
	for (size_t i = 0; i < c->permission_count; i++)
		if (c->permissions[i].slot == slot)
			c->permissions[i].slot = TURN_NO_SLOT;
	for (size_t i = 0; i < c->channel_count; i++)
		if (c->channels[i].slot == slot)
			c->channels[i].slot = TURN_NO_SLOT;
}

int turn_request_start(turn_client *c, uint64_t now, size_t slot, turn_ask ask, uint64_t give_up)
{
	turn_request *r = &c->requests[slot];
	*r = (turn_request){.ask = ask, .give_up = give_up};
	int err = build(c, now, slot);
	if (err)
		turn_request_release(c, slot);
	return err;
}

/* --- how it ends --- */

static void answered(turn_client *c, uint64_t now, size_t slot, const stun_message *m)
{
	switch (c->requests[slot].ask) {
	case TURN_ASK_ALLOCATE:
		turn_allocate_answered(c, now, m);
		break;
	case TURN_ASK_REFRESH:
		turn_refresh_answered(c, now, m);
		break;
	case TURN_ASK_DELETE:
		turn_request_release(c, slot);
		if (c->state == TURN_CLOSING)
			turn_over(c, (turn_failure){0}, NULL);
		break;
	case TURN_ASK_PERMISSIONS:
		turn_permissions_answered(c, slot);
		break;
	case TURN_ASK_CHANNEL:
		turn_channel_answered(c, slot);
		break;
	}
}

/* m: the error response; NULL: there was none. */
static void failed(turn_client *c, uint64_t now, size_t slot, turn_failure failure, const stun_message *m)
{
	turn_ask ask = c->requests[slot].ask;
	if (m)
		turn_note_words(c, m);
	/* RFC 8656 5: the allocation no longer exists, whatever the request was. */
	bool gone = m && m->error_code == STUN_ALLOCATION_MISMATCH;
	if (ask == TURN_ASK_DELETE) {
		answered(c, now, slot, NULL); /* no matter what: it will expire */
	} else if (ask == TURN_ASK_ALLOCATE) {
		turn_allocate_failed(c, now, failure, m);
	} else if (gone || (m && failure.error == PARLEY_EAUTH)) {
		turn_over(c, failure, NULL);
	} else if (ask == TURN_ASK_REFRESH) {
		turn_refresh_failed(c, now, failure);
	} else if (ask == TURN_ASK_PERMISSIONS) {
		turn_permissions_failed(c, now, slot, failure);
	} else {
		turn_channel_failed(c, now, slot, failure);
	}
}

/* The same question as another request. */
static void ask_anew(turn_client *c, uint64_t now, size_t slot)
{
	forget_bytes(&c->requests[slot]);
	int err = build(c, now, slot);
	if (err == PARLEY_ENOTFOUND)
		turn_request_release(c, slot);
	else if (err)
		failed(c, now, slot, (turn_failure){.error = err}, NULL);
}

/* 401 or 438 (RFC 8489 9.2.5): the same again, as the server wants it. */
static void challenged(turn_client *c, uint64_t now, size_t slot, const stun_message *m)
{
	turn_request *r = &c->requests[slot];
	/* One that was built before the last challenge only needs what we know by now. */
	int err = r->challenge == c->challenge ? stun_credentials_challenge(&c->credentials, m) : 0;
	if (err && r->ask == TURN_ASK_DELETE) {
		answered(c, now, slot, NULL);
		return;
	}
	if (err) {
		turn_note_words(c, m);
		turn_over(c, (turn_failure){.error = err, .code = err == PARLEY_EAUTH ? m->error_code : 0}, NULL);
		return;
	}
	if (r->challenge == c->challenge)
		c->challenge++;
	c->counters.challenges++;
	ask_anew(c, now, slot);
}

/* The slot whose request m answers by its id; TURN_NO_SLOT: none. */
static size_t slot_of(const turn_client *c, const stun_message *m)
{
	size_t slot = 0;
	while (slot < TURN_REQUESTS_MAX &&
	       (c->requests[slot].txn.state != STUN_TXN_WAITING || !stun_id_equal(&c->requests[slot].txn.id, &m->id)))
		slot++;
	return slot;
}

/* RFC 8489 9.2.5: the nonce announces what was taken out on the way. Of a challenge stun_credentials_challenge sees it. */
static bool is_bid_down(const stun_message *m)
{
	return !stun_is_challenge(m) && !m->has_password_algorithms &&
	       stun_nonce_features(m->nonce) & STUN_FEATURE_PASSWORD_ALGORITHMS;
}

static turn_failure violation(const turn_request *r)
{
	return (turn_failure){.error = PARLEY_EAUTH, .code = r->hinted_code, .unauthentic = true};
}

/* RFC 8489 9.2.5: dropped; on a stream, where no stranger can put it, the end of the request. */
static void violated(turn_client *c, uint64_t now, size_t slot, const stun_message *m)
{
	turn_request *r = &c->requests[slot];
	c->counters.drop_unauthorised++;
	r->violated = true;
	if (m->has_error)
		r->hinted_code = m->error_code;
	if (turn_on_stream(c))
		failed(c, now, slot, violation(r), NULL);
}

void turn_request_receive(turn_client *c, uint64_t now, const stun_message *m)
{
	size_t slot = slot_of(c, m);
	if (slot == TURN_NO_SLOT) {
		c->counters.drop_unmatched++;
		return;
	}
	bool challenge = stun_is_challenge(m);
	slice key = challenge ? slice_of(NULL, 0) : stun_credentials_key(&c->credentials);
	if (is_bid_down(m) || !stun_txn_receive(&c->requests[slot].txn, now, m, key)) {
		violated(c, now, slot, m);
		return;
	}
	c->counters.responses_received++;
	trace_message(c, "received", m->raw);
	if (challenge) {
		challenged(c, now, slot, m);
		return;
	}
	stun_credentials_accepted(&c->credentials);
	if (m->unknown_count) /* RFC 8489 6.3.3 */
		failed(c, now, slot, (turn_failure){.error = PARLEY_EPROTO}, NULL);
	else if (m->class == STUN_SUCCESS)
		answered(c, now, slot, m);
	else if (m->has_error)
		failed(c, now, slot, turn_failure_of(m->error_code), m);
	else
		failed(c, now, slot, (turn_failure){.error = PARLEY_EPROTO}, NULL);
}

/* --- time --- */

void turn_request_timeout(turn_client *c, uint64_t now)
{
	for (size_t slot = 0; slot < TURN_REQUESTS_MAX; slot++) {
		turn_request *r = &c->requests[slot];
		if (r->txn.state != STUN_TXN_WAITING)
			continue;
		stun_txn_timeout(&r->txn, now);
		if (r->txn.state == STUN_TXN_TIMED_OUT || now >= r->give_up)
			failed(c, now, slot, r->violated ? violation(r) : (turn_failure){.error = PARLEY_ETIMEDOUT},
			       NULL);
	}
}

void turn_requests_hurry(turn_client *c, uint64_t now)
{
	for (size_t slot = 0; slot < TURN_REQUESTS_MAX && c->state == TURN_ALLOCATED && !turn_on_stream(c); slot++) {
		stun_txn *txn = &c->requests[slot].txn;
		if (txn->state != STUN_TXN_WAITING || now < time_after(txn->sent_at, TURN_PROBE_RESEND_US))
			continue;
		if (txn->sends < txn->sends_max)
			stun_txn_hurry(txn);
		else
			ask_anew(c, now, slot);
	}
}

bool turn_request_transmit(turn_client *c, uint64_t now, packet *out)
{
	for (size_t slot = 0; slot < TURN_REQUESTS_MAX; slot++) {
		turn_request *r = &c->requests[slot];
		if (!stun_txn_poll_transmit(&r->txn, now, out))
			continue;
		if (r->txn.sends == 1)
			c->counters.requests_sent++;
		else
			c->counters.requests_resent++;
		trace_message(c, "sent", slice_of(out->data, out->len));
		return true;
	}
	return false;
}

uint64_t turn_request_deadline(const turn_client *c)
{
	uint64_t t = TIME_NEVER;
	for (size_t slot = 0; slot < TURN_REQUESTS_MAX; slot++) {
		const turn_request *r = &c->requests[slot];
		if (r->txn.state == STUN_TXN_WAITING)
			t = time_min(t, time_min(stun_txn_deadline(&r->txn), r->give_up));
	}
	return t;
}
