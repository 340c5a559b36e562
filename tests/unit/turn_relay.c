#include "tests/unit/turn_relay.h"

#include "tests/support/test.h"

#include <string.h>

#include "base/addr.h"
#include "base/hash.h"

const parley_addr RELAY_SERVER = {.family = PARLEY_IPV4, .ip = {203, 0, 113, 10}, .port = 3478};
const parley_addr RELAY_ALTERNATE = {.family = PARLEY_IPV4, .ip = {203, 0, 113, 11}, .port = 3479};
const parley_addr RELAY_RELAYED = {.family = PARLEY_IPV4, .ip = {203, 0, 113, 10}, .port = 50000};
const parley_addr RELAY_RELAYED6 = {.family = PARLEY_IPV6, .ip = {0x20, 1, 0xd, 0xb8, [15] = 0x10}, .port = 50001};
const parley_addr RELAY_MAPPED = {.family = PARLEY_IPV4, .ip = {198, 51, 100, 7}, .port = 40000};
const parley_addr RELAY_PEER = {.family = PARLEY_IPV4, .ip = {192, 0, 2, 1}, .port = 6000};
const parley_addr RELAY_PEER6 = {.family = PARLEY_IPV6, .ip = {0x20, 1, 0xd, 0xb8, [15] = 0x99}, .port = 6001};

#define NONCE_SHA256 "obMatJos2wAAAfresh" /* announces password algorithms and USERHASH */

static const uint8_t ALGORITHMS[] = {0, 1, 0, 0, 0, 2, 0, 0};

void relay_init(relay *w, bool stream)
{
	memset(w, 0, sizeof *w);
	rng_seeded_init(&w->rng, 7);
	turn_config_default(&w->config);
	w->config.random = rng_seeded_source(&w->rng);
	w->config.server = RELAY_SERVER;
	w->config.server.transport = stream ? PARLEY_TCP : PARLEY_UDP;
	w->config.username = slice_from_string("user");
	w->config.password = slice_from_string("secret");
	w->now = US_PER_S;
	w->auth = RELAY_SHA1;
	w->nonce = "nonce";
	w->password = "secret";
	w->lifetime_s = 600;
}

void relay_start(relay *w)
{
	if (w->auth == RELAY_SHA256)
		w->nonce = NONCE_SHA256;
	assert_int_equal(turn_create(&w->config, &w->c), 0);
	assert_int_equal(turn_start(w->c, w->now), 0);
	relay_pump(w);
}

void relay_end(relay *w)
{
	turn_destroy(w->c);
	w->c = NULL;
}

void relay_allocate(relay *w, bool stream)
{
	relay_init(w, stream);
	relay_start(w);
	relay_serve(w);
	assert_int_equal(turn_get_state(w->c), TURN_ALLOCATED);
	relay_forget(w);
}

/* --- the client's queues --- */

void relay_pump(relay *w)
{
	turn_event e;
	uint8_t bytes[TURN_PACKET_MAX] = {0};
	packet p = {.data = bytes, .capacity = sizeof bytes};
	while (turn_poll_transmit(w->c, w->now, &p)) {
		assert_true(w->sent_count < RELAY_SENT_MAX);
		relay_sent *s = &w->sent[w->sent_count++];
		s->at = w->now;
		s->to = *turn_server(w->c);
		s->len = p.len;
		memcpy(s->bytes, bytes, p.len);
		assert_int_equal(stun_parse(slice_of(s->bytes, s->len), &s->m), 0);
		assert_true(stun_check_fingerprint(&s->m));
	}
	while (turn_poll_event(w->c, &e)) {
		assert_true(w->event_count < RELAY_EVENTS_MAX);
		w->events[w->event_count++] = e;
	}
	turn_check_invariants(w->c);
}

void relay_forget(relay *w)
{
	w->sent_count = w->served = w->event_count = 0;
}

static void hand_in_stream(relay *w, slice unit)
{
	while (unit.len > 0) {
		slice piece = slice_part(unit, 0, w->cut ? w->cut : unit.len);
		unit = slice_part(unit, piece.len, unit.len);
		turn_data data;
		while (turn_stream_receive(w->c, w->now, &piece, &data)) {
			w->got_data = true;
			w->data = data;
		}
		assert_int_equal(piece.len, 0);
	}
}

void relay_hand_in(relay *w, slice message)
{
	writer unit = writer_of(w->unit, sizeof w->unit);
	write_bytes(&unit, message);
	w->got_data = false;
	if (w->config.server.transport == PARLEY_TCP) {
		write_pad(&unit, 4);
		hand_in_stream(w, writer_slice(&unit));
	} else {
		w->got_data = turn_receive(w->c, w->now, writer_slice(&unit), &w->data);
	}
	assert_false(unit.bad);
	relay_pump(w);
}

const relay_sent *relay_last(const relay *w)
{
	assert_true(w->sent_count > 0);
	return &w->sent[w->sent_count - 1];
}

size_t relay_count(const relay *w, uint16_t method)
{
	size_t count = 0;
	for (size_t i = 0; i < w->sent_count; i++)
		count += w->sent[i].m.method == method;
	return count;
}

size_t relay_events(const relay *w, turn_event_type type)
{
	size_t count = 0;
	for (size_t i = 0; i < w->event_count; i++)
		count += w->events[i].type == type;
	return count;
}

const turn_event *relay_event(const relay *w, turn_event_type type)
{
	const turn_event *last = NULL;
	for (size_t i = 0; i < w->event_count; i++)
		if (w->events[i].type == type)
			last = &w->events[i];
	assert_non_null(last);
	return last;
}

/* --- the server --- */

/* What the server derives from the credentials; kept, so that it allocates nothing where allocations fail. */
static struct {
	relay_auth auth;
	char username[TURN_USERNAME_MAX];
	size_t username_len;
	const char *password;
	stun_key key;
	uint8_t userhash[SHA256_SIZE];
} secrets;

static void derive_secrets(const relay *w)
{
	slice username = w->config.username, realm = slice_from_string(RELAY_REALM);
	uint16_t algorithm = w->auth == RELAY_SHA256 ? STUN_ALGORITHM_SHA256 : STUN_ALGORITHM_MD5;
	if (secrets.password == w->password && secrets.auth == w->auth &&
	    slice_equal(slice_of(secrets.username, secrets.username_len), username))
		return;
	assert_int_equal(stun_long_term_key(algorithm, username, realm, slice_from_string(w->password), &secrets.key),
			 0);
	assert_int_equal(stun_userhash(username, realm, secrets.userhash), 0);
	memcpy(secrets.username, username.data, username.len);
	secrets.username_len = username.len;
	secrets.password = w->password;
	secrets.auth = w->auth;
}

static slice server_key(const relay *w)
{
	derive_secrets(w);
	return stun_key_slice(&secrets.key);
}

void relay_begin_reply(const relay *w, writer *out, stun_class class, const relay_sent *r)
{
	(void)w;
	stun_begin(out, class, r->m.method, &r->m.id);
	stun_put_bytes(out, STUN_ATTR_SOFTWARE, slice_from_string("relay\x01 1.0"));
}

void relay_end_reply(relay *w, writer *out, bool is_signed)
{
	if (is_signed && w->auth == RELAY_SHA256)
		stun_put_integrity_sha256(out, server_key(w));
	else if (is_signed && w->auth == RELAY_SHA1)
		stun_put_integrity(out, server_key(w));
	stun_put_fingerprint(out);
	assert_false(out->bad);
	relay_hand_in(w, writer_slice(out));
}

void relay_reply_error(relay *w, const relay_sent *r, unsigned code, bool is_signed)
{
	uint8_t bytes[RELAY_MESSAGE_MAX];
	writer out = writer_of(bytes, sizeof bytes);
	relay_begin_reply(w, &out, STUN_ERROR, r);
	stun_put_error(&out, code, NULL);
	relay_end_reply(w, &out, is_signed);
}

void relay_challenge(relay *w, const relay_sent *r, unsigned code)
{
	uint8_t bytes[RELAY_MESSAGE_MAX];
	writer out = writer_of(bytes, sizeof bytes);
	relay_begin_reply(w, &out, STUN_ERROR, r);
	stun_put_error(&out, code, NULL);
	stun_put_bytes(&out, STUN_ATTR_REALM, slice_from_string(RELAY_REALM));
	stun_put_bytes(&out, STUN_ATTR_NONCE, slice_from_string(w->nonce));
	if (w->auth == RELAY_SHA256)
		stun_put_bytes(&out, STUN_ATTR_PASSWORD_ALGORITHMS, slice_of(ALGORITHMS, sizeof ALGORITHMS));
	relay_end_reply(w, &out, false);
}

/* 0, or the code of the challenge that the request earns. */
static unsigned authenticate(const relay *w, const stun_message *m)
{
	if (w->auth == RELAY_NO_AUTH)
		return 0;
	if (!m->has_integrity && !m->has_integrity_sha256)
		return STUN_UNAUTHENTICATED;
	if (!slice_equal_string(m->nonce, w->nonce))
		return STUN_STALE_NONCE;
	if (stun_check_integrity(m, server_key(w)))
		return STUN_UNAUTHENTICATED;
	assert_true(slice_equal_string(m->realm, RELAY_REALM));
	if (w->auth == RELAY_SHA256) {
		assert_true(m->has_userhash && slice_equal(m->userhash, slice_of(secrets.userhash, SHA256_SIZE)));
		assert_true(m->has_integrity_sha256 && m->password_algorithm == STUN_ALGORITHM_SHA256);
		assert_true(slice_equal(m->password_algorithms, slice_of(ALGORITHMS, sizeof ALGORITHMS)));
	} else {
		assert_true(slice_equal(m->username, w->config.username) && m->has_integrity);
	}
	return 0;
}

static void serve_allocate(relay *w, const relay_sent *r, writer *out)
{
	const stun_message *m = &r->m;
	assert_true(m->has_requested_transport && m->requested_transport == STUN_TRANSPORT_UDP);
	assert_false(m->has_requested_family && m->has_additional_family);
	bool ipv6_only = m->has_requested_family && m->requested_family == STUN_FAMILY_IPV6;
	bool both = m->has_additional_family && !w->no_families;
	if (!ipv6_only)
		stun_put_xor_address(out, STUN_ATTR_XOR_RELAYED_ADDRESS, &RELAY_RELAYED);
	if (ipv6_only || (both && !w->only_ipv4))
		stun_put_xor_address(out, STUN_ATTR_XOR_RELAYED_ADDRESS, &RELAY_RELAYED6);
	if (both && w->only_ipv4)
		stun_put_address_error(out, STUN_FAMILY_IPV6, STUN_FAMILY_NOT_SUPPORTED, NULL);
	stun_put_xor_address(out, STUN_ATTR_XOR_MAPPED_ADDRESS, &RELAY_MAPPED);
	stun_put_u32(out, STUN_ATTR_LIFETIME, w->lifetime_s);
	w->allocated = true;
}

static bool names_forbidden(const relay *w, const stun_message *m)
{
	reader r = stun_attributes(m->raw);
	for (stun_attribute a; stun_next_attribute(&r, &a);) {
		parley_addr peer;
		if (a.type == STUN_ATTR_XOR_PEER_ADDRESS) {
			assert_true(stun_decode_address(a.value, &m->id, &peer));
			if (addr_equal_ip(&peer, &w->forbidden))
				return true;
		}
	}
	return false;
}

/* The error code this request earns, or 0. */
static unsigned refusal(const relay *w, const stun_message *m)
{
	if (m->method == STUN_ALLOCATE)
		return w->allocated ? STUN_ALLOCATION_MISMATCH : 0;
	if (!w->allocated)
		return STUN_ALLOCATION_MISMATCH;
	if (m->method == STUN_CHANNEL_BIND && w->channel_error)
		return w->channel_error;
	if (m->method != STUN_REFRESH && names_forbidden(w, m))
		return STUN_FORBIDDEN;
	return 0;
}

static void serve_request(relay *w, const relay_sent *r)
{
	uint8_t bytes[RELAY_MESSAGE_MAX];
	writer out = writer_of(bytes, sizeof bytes);
	unsigned code = authenticate(w, &r->m);
	if (code) {
		relay_challenge(w, r, code);
		return;
	}
	code = refusal(w, &r->m);
	if (!code && w->no_families && r->m.has_requested_family)
		code = STUN_UNKNOWN_ATTRIBUTE;
	if (code) {
		relay_reply_error(w, r, code, true);
		return;
	}
	relay_begin_reply(w, &out, STUN_SUCCESS, r);
	if (r->m.method == STUN_ALLOCATE) {
		serve_allocate(w, r, &out);
	} else if (r->m.method == STUN_REFRESH) {
		w->allocated = r->m.lifetime != 0;
		stun_put_u32(&out, STUN_ATTR_LIFETIME, w->allocated ? w->lifetime_s : 0);
	}
	relay_end_reply(w, &out, true);
}

void relay_serve(relay *w)
{
	relay_pump(w);
	while (w->served < w->sent_count) {
		relay_sent r = w->sent[w->served++]; /* a copy: sent may be forgotten meanwhile */
		assert_int_equal(stun_parse(slice_of(r.bytes, r.len), &r.m), 0);
		if (r.m.class == STUN_REQUEST && !w->mute)
			serve_request(w, &r);
	}
}

void relay_run(relay *w, uint64_t until)
{
	relay_serve(w);
	for (uint64_t t; (t = turn_deadline(w->c)) <= until;) {
		w->now = t > w->now ? t : w->now;
		turn_timeout(w->c, w->now);
		relay_serve(w);
		assert_true(turn_deadline(w->c) > w->now); /* no busy loop */
	}
	w->now = until;
}

void relay_send_data(relay *w, const parley_addr *peer, const char *what)
{
	uint8_t bytes[RELAY_MESSAGE_MAX];
	stun_id id = {{9}};
	writer out = writer_of(bytes, sizeof bytes);
	stun_begin(&out, STUN_INDICATION, STUN_DATA, &id);
	stun_put_xor_address(&out, STUN_ATTR_XOR_PEER_ADDRESS, peer);
	stun_put_bytes(&out, STUN_ATTR_DATA, slice_from_string(what));
	relay_hand_in(w, writer_slice(&out));
}

void relay_send_channel(relay *w, uint16_t number, const char *what)
{
	uint8_t bytes[RELAY_MESSAGE_MAX];
	writer out = writer_of(bytes, sizeof bytes);
	stun_put_channel_header(&out, number, strlen(what));
	write_bytes(&out, slice_from_string(what));
	relay_hand_in(w, writer_slice(&out));
}
