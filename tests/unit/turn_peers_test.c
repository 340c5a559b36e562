/* ice/turn.h: permissions, channels, and the envelope around data */
#include "tests/support/test.h"

#include <string.h>

#include "base/addr.h"
#include "tests/unit/turn_relay.h"

static relay w;

static parley_addr peer(unsigned n)
{
	return addr_ipv4(192, 0, (uint8_t)(n >> 8), (uint8_t)(n + 1), (uint16_t)(5000 + n));
}

static void permit(unsigned n)
{
	parley_addr a = peer(n);
	assert_int_equal(turn_permit(w.c, w.now, &a), 0);
}

static size_t peers_in(const relay_sent *s)
{
	size_t count = 0;
	reader r = stun_attributes(s->m.raw);
	for (stun_attribute a; stun_next_attribute(&r, &a);)
		count += a.type == STUN_ATTR_XOR_PEER_ADDRESS;
	return count;
}

/* --- permissions (RFC 8656 9, 10) --- */

static void one_call_of_the_owner_is_one_request(void **state)
{
	(void)state;
	relay_allocate(&w, false);
	for (unsigned n = 0; n < 10; n++) {
		parley_addr again = peer(n);
		permit(n);
		again.port = 7;
		again.transport = PARLEY_TCP;
		assert_int_equal(turn_permit(w.c, w.now, &again), 0); /* the IP alone counts */
	}
	relay_serve(&w);
	assert_int_equal(w.sent_count, 1);
	assert_int_equal(peers_in(&w.sent[0]), 10);
	assert_int_equal(relay_events(&w, TURN_EVENT_PERMITTED), 10);
	permit(3);
	relay_serve(&w);
	assert_int_equal(w.sent_count, 1);
	relay_end(&w);
}

static void permissions_are_limited_and_places_are_reused(void **state)
{
	(void)state;
	relay_allocate(&w, false);
	for (unsigned n = 0; n < TURN_PERMISSIONS_MAX; n++)
		permit(n);
	parley_addr extra = peer(TURN_PERMISSIONS_MAX), first = peer(0);
	assert_int_equal(turn_permit(w.c, w.now, &extra), PARLEY_ELIMIT);
	relay_serve(&w);
	assert_int_equal(relay_count(&w, STUN_CREATE_PERMISSION), TURN_PERMISSIONS_MAX / 16);
	assert_int_equal(relay_events(&w, TURN_EVENT_PERMITTED), TURN_PERMISSIONS_MAX);
	turn_forbid(w.c, &first);
	turn_forbid(w.c, &extra);
	assert_false(turn_is_permitted(w.c, w.now, &first));
	assert_int_equal(turn_permit(w.c, w.now, &extra), 0);
	relay_serve(&w);
	assert_true(turn_is_permitted(w.c, w.now, &extra));
	relay_end(&w);
}

static void permissions_are_refreshed_together_and_in_time(void **state)
{
	(void)state;
	relay_allocate(&w, false);
	uint64_t start = w.now;
	permit(0);
	relay_run(&w, start + 20 * US_PER_S);
	permit(1);
	relay_run(&w, start + 239 * US_PER_S);
	size_t before = relay_count(&w, STUN_CREATE_PERMISSION);
	assert_int_equal(before, 2);
	relay_forget(&w);
	relay_run(&w, start + 400 * US_PER_S);
	assert_int_equal(relay_count(&w, STUN_CREATE_PERMISSION), 1);
	for (size_t i = 0; i < w.sent_count; i++)
		if (w.sent[i].m.method == STUN_CREATE_PERMISSION) {
			assert_int_equal(w.sent[i].at, start + 240 * US_PER_S);
			assert_int_equal(peers_in(&w.sent[i]), 2);
		}
	assert_int_equal(relay_events(&w, TURN_EVENT_PERMITTED), 0); /* told once */
	relay_end(&w);
}

static void one_forbidden_peer_does_not_harm_the_others(void **state)
{
	(void)state;
	relay_allocate(&w, false);
	w.forbidden = peer(2);
	for (unsigned n = 0; n < 5; n++)
		permit(n);
	relay_serve(&w);
	assert_int_equal(relay_events(&w, TURN_EVENT_PERMITTED), 4);
	const turn_event *e = relay_event(&w, TURN_EVENT_REFUSED);
	assert_true(addr_equal_ip(&e->peer, &w.forbidden));
	assert_int_equal(e->error, PARLEY_EREFUSED);
	assert_int_equal(e->code, STUN_FORBIDDEN);
	assert_int_equal(relay_count(&w, STUN_CREATE_PERMISSION), 6); /* together, then each by itself */
	/* Not asked for again within a minute; then it is. */
	assert_int_equal(turn_permit(w.c, w.now, &w.forbidden), PARLEY_EREFUSED);
	assert_int_equal(turn_bind(w.c, w.now, &w.forbidden), PARLEY_EREFUSED);
	relay_run(&w, w.now + 60 * US_PER_S);
	parley_addr was = w.forbidden;
	w.forbidden = (parley_addr){0};
	assert_int_equal(turn_permit(w.c, w.now, &was), 0);
	relay_serve(&w);
	assert_true(turn_is_permitted(w.c, w.now, &was));
	/* What got through by itself is refreshed together again. */
	relay_forget(&w);
	relay_run(&w, w.now + 200 * US_PER_S);
	assert_int_equal(relay_count(&w, STUN_CREATE_PERMISSION), 1);
	relay_end(&w);
}

static void a_suspect_is_asked_for_by_itself(void **state)
{
	(void)state;
	relay_allocate(&w, false);
	w.forbidden = peer(5);
	for (unsigned n = 0; n < 6; n++)
		permit(n);
	relay_pump(&w);
	relay_reply_error(&w, relay_last(&w), STUN_FORBIDDEN, true);
	assert_int_equal(w.sent_count, 5); /* as many as may be under way; two suspects wait */
	parley_addr first = peer(0);
	turn_forbid(w.c, &first);
	permit(20); /* in its place, before them */
	w.served = 1;
	relay_serve(&w);
	assert_int_equal(relay_events(&w, TURN_EVENT_PERMITTED), 5);
	for (size_t i = 1; i < w.sent_count; i++)
		assert_int_equal(peers_in(&w.sent[i]), 1);
	relay_end(&w);
}

static void permissions_wait_for_the_allocation(void **state)
{
	(void)state;
	relay_init(&w, false);
	w.config.families = TURN_BOTH;
	w.only_ipv4 = true;
	relay_start(&w);
	assert_int_equal(turn_permit(w.c, w.now, &RELAY_PEER), 0);
	assert_int_equal(turn_permit(w.c, w.now, &RELAY_PEER6), 0);
	relay_serve(&w);
	assert_true(turn_is_permitted(w.c, w.now, &RELAY_PEER));
	const turn_event *e = relay_event(&w, TURN_EVENT_REFUSED);
	assert_int_equal(e->error, PARLEY_EUNREACHABLE);
	assert_true(addr_equal_ip(&e->peer, &RELAY_PEER6));
	assert_true(w.events[0].type == TURN_EVENT_ALLOCATED);
	relay_end(&w);
}

static void nobodys_addresses_are_refused(void **state)
{
	(void)state;
	static const char *const IPS[] = {"0.0.0.0", "224.0.0.1", "::", "ff02::1", "::ffff:192.0.2.1"};
	relay_allocate(&w, false);
	for (size_t i = 0; i < ARRAY_LENGTH(IPS); i++) {
		parley_addr a;
		assert_true(addr_parse_ip(slice_from_string(IPS[i]), 1, &a));
		assert_int_equal(turn_permit(w.c, w.now, &a), PARLEY_EINVAL);
	}
	parley_addr none = {0}, portless = peer(0);
	assert_int_equal(turn_permit(w.c, w.now, &none), PARLEY_EINVAL);
	portless.port = 0;
	assert_int_equal(turn_bind(w.c, w.now, &portless), PARLEY_EINVAL);
	assert_int_equal(turn_permit(w.c, w.now, &RELAY_PEER6), PARLEY_EUNREACHABLE);
	relay_end(&w);
}

static void an_unanswered_permission_is_refused_or_expires(void **state)
{
	(void)state;
	relay_allocate(&w, false);
	permit(0);
	relay_serve(&w);
	w.mute = true;
	permit(1);
	uint64_t start = w.now;
	relay_run(&w, start + 60 * US_PER_S);
	assert_int_equal(relay_events(&w, TURN_EVENT_REFUSED), 1);
	assert_int_equal(relay_event(&w, TURN_EVENT_REFUSED)->error, PARLEY_ETIMEDOUT);
	parley_addr a = peer(0);
	relay_forget(&w);
	relay_run(&w, start + 299 * US_PER_S);
	assert_true(turn_is_permitted(w.c, w.now, &a));
	relay_forget(&w);
	relay_run(&w, start + 400 * US_PER_S);
	assert_false(turn_is_permitted(w.c, w.now, &a));
	assert_true(addr_equal_ip(&relay_event(&w, TURN_EVENT_REFUSED)->peer, &a));
	relay_send_data(&w, &a, "late");
	assert_false(w.got_data);
	relay_end(&w);
}

static void a_server_error_at_a_refresh_is_no_refusal_yet(void **state)
{
	(void)state;
	relay_allocate(&w, false);
	permit(0);
	relay_serve(&w);
	uint64_t start = w.now;
	parley_addr a = peer(0);
	w.mute = true;
	relay_run(&w, start + 240 * US_PER_S);
	relay_reply_error(&w, relay_last(&w), STUN_SERVER_ERROR, true);
	assert_int_equal(relay_events(&w, TURN_EVENT_REFUSED), 0);
	w.mute = false;
	w.served = w.sent_count;
	relay_run(&w, start + 250 * US_PER_S);
	relay_run(&w, start + 310 * US_PER_S);
	assert_true(turn_is_permitted(w.c, w.now, &a));
	relay_end(&w);
}

static void a_permission_that_lapsed_and_came_back_is_told_again(void **state)
{
	(void)state;
	relay_allocate(&w, false);
	permit(0);
	relay_serve(&w);
	parley_addr a = peer(0);
	uint64_t start = w.now;
	w.mute = true;
	relay_run(&w, start + 310 * US_PER_S);
	assert_false(turn_is_permitted(w.c, w.now, &a)); /* but a refresh is under way */
	w.mute = false;
	relay_forget(&w);
	relay_run(&w, start + 330 * US_PER_S);
	assert_int_equal(relay_events(&w, TURN_EVENT_PERMITTED), 1);
	assert_true(turn_is_permitted(w.c, w.now, &a));
	relay_end(&w);
}

static void data_comes_only_from_the_permitted(void **state)
{
	(void)state;
	parley_addr a = peer(0), b = peer(1), port = peer(0);
	turn_counters counters;
	relay_allocate(&w, false);
	relay_send_data(&w, &a, "stranger");
	assert_false(w.got_data);
	assert_int_equal(turn_permit(w.c, w.now, &a), 0);
	relay_pump(&w);
	relay_send_data(&w, &a, "before the answer"); /* which it has overtaken */
	assert_true(w.got_data);
	w.served = 0;
	relay_serve(&w);
	port.port = 1;
	relay_send_data(&w, &port, "another port");
	assert_true(w.got_data && addr_equal(&w.data.peer, &port));
	relay_send_data(&w, &a, ""); /* RFC 8656 11.4: empty data is data */
	assert_true(w.got_data && w.data.data.len == 0);
	relay_send_data(&w, &b, "stranger");
	assert_false(w.got_data);
	turn_forbid(w.c, &a);
	relay_send_data(&w, &a, "no more");
	assert_false(w.got_data);
	turn_get_counters(w.c, &counters);
	assert_int_equal(counters.indications_received, 3);
	assert_int_equal(counters.drop_unpermitted, 3);
	relay_end(&w);
}

static void a_forbidden_peer_under_way_is_forgotten(void **state)
{
	(void)state;
	relay_allocate(&w, false);
	parley_addr a = peer(0);
	permit(0);
	relay_pump(&w);
	turn_forbid(w.c, &a);
	w.nonce = "fresh"; /* the challenge finds nothing left to ask for */
	relay_serve(&w);
	assert_int_equal(w.sent_count, 1);
	assert_int_equal(w.event_count, 0);
	relay_end(&w);
}

static void long_credentials_make_smaller_requests(void **state)
{
	(void)state;
	char nonce[500], username[TURN_USERNAME_MAX];
	memset(nonce, 'n', sizeof nonce);
	memset(username, 'u', sizeof username);
	nonce[sizeof nonce - 1] = '\0';
	relay_init(&w, false);
	w.nonce = nonce;
	w.config.username = slice_of(username, sizeof username);
	relay_start(&w);
	relay_serve(&w);
	relay_forget(&w);
	for (unsigned n = 0; n < 16; n++)
		permit(n);
	relay_serve(&w);
	assert_int_equal(relay_events(&w, TURN_EVENT_PERMITTED), 16);
	assert_true(w.sent_count >= 2 && w.sent_count <= 4);
	relay_end(&w);
}

/* --- channels (RFC 8656 12) --- */

static slice envelop(const parley_addr *to, uint8_t *room, size_t len)
{
	packet p = {.data = room + TURN_HEADROOM, .len = len, .capacity = len + TURN_TAILROOM};
	for (size_t i = 0; i < len; i++)
		p.data[i] = (uint8_t)i;
	assert_int_equal(turn_envelop(w.c, w.now, to, &p), 0);
	assert_true(p.data >= room && p.len <= p.capacity);
	assert_true(p.data + p.capacity == room + TURN_HEADROOM + len + TURN_TAILROOM);
	return slice_of(p.data, p.len);
}

static void bind_now(unsigned n)
{
	parley_addr a = peer(n);
	assert_int_equal(turn_bind(w.c, w.now, &a), 0);
	relay_serve(&w);
}

static bool goes_by_channel(const parley_addr *to)
{
	uint8_t room[TURN_HEADROOM + 16 + TURN_TAILROOM];
	return stun_is_channel_data(envelop(to, room, 16));
}

static void a_channel_is_used_once_it_is_bound(void **state)
{
	(void)state;
	parley_addr a = peer(0);
	relay_allocate(&w, false);
	assert_int_equal(turn_bind(w.c, w.now, &a), 0);
	relay_pump(&w);
	assert_int_equal(relay_count(&w, STUN_CREATE_PERMISSION), 1);
	assert_int_equal(relay_count(&w, STUN_CHANNEL_BIND), 1);
	assert_true(relay_last(&w)->m.channel_number == STUN_CHANNEL_FIRST &&
		    addr_equal(&relay_last(&w)->m.peer_address, &a));
	relay_send_channel(&w, STUN_CHANNEL_FIRST, "early"); /* it has overtaken the answer */
	assert_true(w.got_data);
	relay_send_channel(&w, STUN_CHANNEL_FIRST + 1, "unbound");
	assert_false(w.got_data);
	w.served = w.sent_count - 2;
	relay_serve(&w);
	assert_true(goes_by_channel(&a));
	assert_int_equal(relay_events(&w, TURN_EVENT_PERMITTED), 1);
	turn_unbind(w.c, &a);
	assert_true(goes_by_channel(&a)); /* as long as it lasts */
	relay_run(&w, w.now + 601 * US_PER_S);
	assert_false(goes_by_channel(&a));
	relay_send_channel(&w, STUN_CHANNEL_FIRST, "expired");
	assert_false(w.got_data);
	relay_end(&w);
}

static void a_bound_channel_is_a_permission_too(void **state)
{
	(void)state;
	parley_addr a = peer(0);
	relay_allocate(&w, false);
	assert_int_equal(turn_bind(w.c, w.now, &a), 0);
	relay_pump(&w);
	w.served = w.sent_count - 1; /* CreatePermission was lost */
	relay_serve(&w);
	assert_true(addr_equal_ip(&relay_event(&w, TURN_EVENT_PERMITTED)->peer, &a));
	assert_true(goes_by_channel(&a));
	relay_end(&w);
}

static void a_forbidden_peers_channel_is_let_go(void **state)
{
	(void)state;
	parley_addr a = peer(0);
	relay_allocate(&w, false);
	bind_now(0);
	turn_forbid(w.c, &a);
	relay_send_channel(&w, STUN_CHANNEL_FIRST, "no more");
	assert_false(w.got_data);
	relay_forget(&w);
	relay_run(&w, w.now + 700 * US_PER_S);
	assert_int_equal(relay_count(&w, STUN_CHANNEL_BIND), 0);
	assert_int_equal(relay_count(&w, STUN_CREATE_PERMISSION), 0);
	relay_end(&w);
}

static void channels_are_refreshed_in_time(void **state)
{
	(void)state;
	relay_allocate(&w, false);
	uint64_t start = w.now;
	bind_now(0);
	relay_run(&w, start + 30 * US_PER_S);
	for (unsigned minute = 1; minute <= 60; minute++) {
		parley_addr a = peer(0);
		relay_forget(&w);
		relay_run(&w, start + minute * 60 * US_PER_S);
		assert_int_equal(relay_count(&w, STUN_CHANNEL_BIND), minute % 9 == 0);
		assert_true(goes_by_channel(&a));
	}
	relay_end(&w);
}

static void a_refused_channel_costs_only_overhead(void **state)
{
	(void)state;
	static const unsigned CODES[] = {STUN_BAD_REQUEST, STUN_FORBIDDEN, STUN_SERVER_ERROR,
					 STUN_INSUFFICIENT_CAPACITY, STUN_PEER_FAMILY_MISMATCH};
	for (size_t i = 0; i < ARRAY_LENGTH(CODES); i++) {
		parley_addr a = peer(0);
		relay_allocate(&w, i % 2);
		w.channel_error = CODES[i];
		bind_now(0);
		assert_int_equal(turn_get_state(w.c), TURN_ALLOCATED);
		assert_false(goes_by_channel(&a));
		relay_run(&w, w.now + 59 * US_PER_S);
		assert_int_equal(relay_count(&w, STUN_CHANNEL_BIND), 1);
		w.channel_error = 0;
		relay_run(&w, w.now + US_PER_S); /* tried again after a minute */
		assert_true(goes_by_channel(&a));
		relay_end(&w);
	}
}

static void no_number_and_no_peer_is_bound_otherwise_too_early(void **state)
{
	(void)state;
	relay_allocate(&w, false);
	for (unsigned n = 0; n < TURN_CHANNELS_MAX; n++)
		bind_now(n);
	uint64_t last = w.now;
	parley_addr extra = peer(TURN_CHANNELS_MAX), first = peer(0);
	assert_int_equal(turn_bind(w.c, w.now, &extra), PARLEY_ELIMIT);
	assert_int_equal(relay_count(&w, STUN_CHANNEL_BIND), TURN_CHANNELS_MAX);
	for (unsigned n = 0; n < TURN_CHANNELS_MAX; n++) {
		parley_addr a = peer(n);
		turn_unbind(w.c, &a);
	}
	/* 10 minutes of the binding, 5 of rest, and as long as the request could have been on its way. */
	for (unsigned minute = 1; minute <= 15; minute++) {
		relay_forget(&w);
		relay_run(&w, last + minute * 60 * US_PER_S);
		assert_int_equal(turn_bind(w.c, w.now, &extra), PARLEY_ELIMIT);
	}
	relay_forget(&w);
	bind_now(0); /* the same peer keeps its number */
	assert_int_equal(relay_last(&w)->m.channel_number, STUN_CHANNEL_FIRST);
	turn_unbind(w.c, &first);
	relay_run(&w, last + 16 * 60 * US_PER_S);
	relay_forget(&w);
	bind_now(TURN_CHANNELS_MAX);
	assert_int_equal(relay_last(&w)->m.channel_number, STUN_CHANNEL_FIRST + TURN_CHANNELS_MAX);
	relay_end(&w);
}

/* Days of many peers: the numbers go round, past the one that is still bound. */
static void numbers_go_round_past_those_in_use(void **state)
{
	(void)state;
	relay_allocate(&w, false);
	bind_now(0);
	parley_addr keeper = peer(0);
	unsigned rounds = 2 * (STUN_CHANNEL_LAST - STUN_CHANNEL_FIRST) / (TURN_CHANNELS_MAX - 1);
	for (unsigned round = 0; round < rounds; round++) {
		for (unsigned n = 1; n < TURN_CHANNELS_MAX; n++) {
			parley_addr a = peer(n);
			a.port = (uint16_t)(1 + round);
			relay_forget(&w);
			assert_int_equal(turn_bind(w.c, w.now, &a), 0);
			relay_serve(&w);
			assert_true(goes_by_channel(&a));
			turn_unbind(w.c, &a);
		}
		for (unsigned minute = 0; minute < 17; minute++) {
			relay_forget(&w);
			relay_run(&w, w.now + 60 * US_PER_S);
		}
		assert_true(goes_by_channel(&keeper));
	}
	relay_send_channel(&w, STUN_CHANNEL_FIRST, "kept");
	assert_true(w.got_data && addr_equal(&w.data.peer, &keeper));
	relay_end(&w);
}

/* --- the envelope --- */

static void check_payload(slice data, size_t len)
{
	assert_int_equal(data.len, len);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(data.data[i], (uint8_t)i);
}

static void check_envelopes(bool stream)
{
	uint8_t room[TURN_HEADROOM + 64 + TURN_TAILROOM];
	parley_addr a = peer(0);
	stun_message m;
	uint16_t number;
	slice data;
	relay_allocate(&w, stream);
	permit(0);
	relay_serve(&w);
	for (size_t len = 0; len < 64; len++) {
		memset(room, 0xee, sizeof room);
		slice all = envelop(&a, room, len);
		assert_int_equal(all.len, 36 + (len + 3) / 4 * 4);
		assert_int_equal(stun_parse(all, &m), 0);
		assert_true(m.class == STUN_INDICATION && m.method == STUN_SEND && addr_equal(&m.peer_address, &a));
		check_payload(m.data, len);
		for (size_t i = 36 + len; i < all.len; i++)
			assert_int_equal(all.data[i], 0);
	}
	bind_now(0);
	for (size_t len = 0; len < 64; len++) {
		slice all = envelop(&a, room, len);
		assert_int_equal(all.len, 4 + (stream ? (len + 3) / 4 * 4 : len));
		assert_int_equal(stun_parse_channel_data(all, &number, &data), 0);
		check_payload(data, len);
		if (stream)
			assert_int_equal(stun_stream_unit(all), all.len);
	}
	turn_counters counters;
	turn_get_counters(w.c, &counters);
	assert_int_equal(counters.indications_sent, 64);
	assert_int_equal(counters.channel_sent, 64);
	relay_end(&w);
}

static void the_envelope_is_put_around_in_place(void **state)
{
	(void)state;
	check_envelopes(false);
	check_envelopes(true);
}

static void an_ipv6_peer_fits_the_headroom(void **state)
{
	(void)state;
	uint8_t room[TURN_HEADROOM + 8 + TURN_TAILROOM];
	stun_message m;
	relay_init(&w, false);
	w.config.families = TURN_BOTH;
	relay_start(&w);
	assert_int_equal(turn_permit(w.c, w.now, &RELAY_PEER6), 0);
	relay_serve(&w);
	slice all = envelop(&RELAY_PEER6, room, 8);
	assert_int_equal(all.len, TURN_HEADROOM + 8);
	assert_int_equal(stun_parse(all, &m), 0);
	assert_true(addr_equal(&m.peer_address, &RELAY_PEER6));
	relay_end(&w);
}

static void what_cannot_be_enveloped_stays_as_it_is(void **state)
{
	(void)state;
	static uint8_t room[TURN_HEADROOM + TURN_DATA_MAX + 1 + TURN_TAILROOM];
	parley_addr a = peer(0), b = peer(1);
	packet p = {.data = room + TURN_HEADROOM, .len = 5, .capacity = 5 + TURN_TAILROOM};
	relay_allocate(&w, false);
	assert_int_equal(turn_envelop(w.c, w.now, &a, &p), PARLEY_ESTATE);
	permit(0);
	relay_pump(&w);
	assert_int_equal(turn_envelop(w.c, w.now, &a, &p), PARLEY_ESTATE); /* asked for, not yet there */
	w.served = 0;
	relay_serve(&w);
	assert_int_equal(turn_envelop(w.c, w.now, &b, &p), PARLEY_ESTATE);
	p.capacity--;
	assert_int_equal(turn_envelop(w.c, w.now, &a, &p), PARLEY_EMSGSIZE);
	p.len = TURN_DATA_MAX + 1;
	p.capacity = p.len + TURN_TAILROOM;
	assert_int_equal(turn_envelop(w.c, w.now, &a, &p), PARLEY_EMSGSIZE);
	assert_true(p.data == room + TURN_HEADROOM && p.len == TURN_DATA_MAX + 1);
	p.len--;
	assert_int_equal(turn_envelop(w.c, w.now, &a, &p), 0);
	assert_true(stun_is_message(slice_of(p.data, p.len)));
	relay_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_call_of_the_owner_is_one_request),
		cmocka_unit_test(permissions_are_limited_and_places_are_reused),
		cmocka_unit_test(permissions_are_refreshed_together_and_in_time),
		cmocka_unit_test(one_forbidden_peer_does_not_harm_the_others),
		cmocka_unit_test(a_suspect_is_asked_for_by_itself),
		cmocka_unit_test(permissions_wait_for_the_allocation),
		cmocka_unit_test(nobodys_addresses_are_refused),
		cmocka_unit_test(an_unanswered_permission_is_refused_or_expires),
		cmocka_unit_test(a_server_error_at_a_refresh_is_no_refusal_yet),
		cmocka_unit_test(a_permission_that_lapsed_and_came_back_is_told_again),
		cmocka_unit_test(data_comes_only_from_the_permitted),
		cmocka_unit_test(a_forbidden_peer_under_way_is_forgotten),
		cmocka_unit_test(long_credentials_make_smaller_requests),
		cmocka_unit_test(a_channel_is_used_once_it_is_bound),
		cmocka_unit_test(a_bound_channel_is_a_permission_too),
		cmocka_unit_test(a_forbidden_peers_channel_is_let_go),
		cmocka_unit_test(channels_are_refreshed_in_time),
		cmocka_unit_test(a_refused_channel_costs_only_overhead),
		cmocka_unit_test(no_number_and_no_peer_is_bound_otherwise_too_early),
		cmocka_unit_test(numbers_go_round_past_those_in_use),
		cmocka_unit_test(the_envelope_is_put_around_in_place),
		cmocka_unit_test(an_ipv6_peer_fits_the_headroom),
		cmocka_unit_test(what_cannot_be_enveloped_stays_as_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
