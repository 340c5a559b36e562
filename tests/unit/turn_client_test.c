/* ice/turn.h: an allocation's life: made, used, refreshed, deleted; over UDP and streams */
#include "tests/support/test.h"

#include <string.h>

#include "base/addr.h"
#include "tests/support/failmalloc.h"
#include "tests/unit/turn_relay.h"

static relay w;

static void whole_life(bool stream, relay_auth auth)
{
	parley_addr relayed;
	relay_init(&w, stream);
	w.auth = auth;
	relay_start(&w);
	relay_serve(&w);
	const turn_event *e = relay_event(&w, TURN_EVENT_ALLOCATED);
	assert_true(addr_equal(&e->relayed_ipv4, &RELAY_RELAYED));
	assert_int_equal(e->relayed_ipv6.family, PARLEY_ADDR_NONE);
	assert_true(addr_equal_ip(&e->mapped, &RELAY_MAPPED));
	assert_int_equal(e->mapped.transport, w.config.server.transport);
	assert_int_equal(e->lifetime_s, 600);
	assert_string_equal(e->software, "relay. 1.0");
	assert_true(turn_relayed(w.c, PARLEY_IPV4, &relayed) && addr_equal(&relayed, &RELAY_RELAYED));
	assert_false(turn_relayed(w.c, PARLEY_IPV6, &relayed));
	/* Bare first, unless nobody asks for credentials; then with them. */
	assert_int_equal(relay_count(&w, STUN_ALLOCATE), auth == RELAY_NO_AUTH ? 1 : 2);
	assert_false(w.sent[0].m.has_username || w.sent[0].m.has_userhash || w.sent[0].m.has_integrity);
	assert_int_equal(w.sent[0].m.lifetime, 600);
	assert_true(slice_equal_string(w.sent[0].m.software, "parley"));

	assert_int_equal(turn_permit(w.c, w.now, &RELAY_PEER), 0);
	relay_serve(&w);
	assert_true(addr_equal_ip(&relay_event(&w, TURN_EVENT_PERMITTED)->peer, &RELAY_PEER));
	relay_send_data(&w, &RELAY_PEER, "hello");
	assert_true(w.got_data && slice_equal_string(w.data.data, "hello"));
	assert_true(addr_equal(&w.data.peer, &RELAY_PEER) && addr_equal(&w.data.relayed, &RELAY_RELAYED));

	assert_int_equal(turn_bind(w.c, w.now, &RELAY_PEER), 0);
	relay_serve(&w);
	relay_send_channel(&w, STUN_CHANNEL_FIRST, "by channel");
	assert_true(w.got_data && slice_equal_string(w.data.data, "by channel"));
	assert_true(addr_equal(&w.data.peer, &RELAY_PEER));

	/* An hour of refreshes. */
	relay_forget(&w);
	for (unsigned minute = 0; minute < 60; minute++) {
		relay_run(&w, w.now + 60 * US_PER_S);
		assert_int_equal(turn_get_state(w.c), TURN_ALLOCATED);
		assert_true(turn_is_permitted(w.c, w.now, &RELAY_PEER));
		assert_int_equal(relay_events(&w, TURN_EVENT_REFUSED), 0);
		relay_forget(&w);
	}

	turn_close(w.c, w.now);
	assert_int_equal(turn_get_state(w.c), TURN_CLOSING);
	relay_serve(&w);
	assert_int_equal(relay_last(&w)->m.method, STUN_REFRESH);
	assert_true(relay_last(&w)->m.has_lifetime && relay_last(&w)->m.lifetime == 0);
	assert_false(w.allocated);
	assert_int_equal(relay_events(&w, TURN_EVENT_CLOSED), 1);
	assert_int_equal(turn_get_state(w.c), TURN_CLOSED);
	assert_true(turn_deadline(w.c) == TIME_NEVER);
	relay_end(&w);
}

static void an_allocation_lives_and_ends(void **state)
{
	(void)state;
	for (int stream = 0; stream < 2; stream++)
		for (int auth = RELAY_NO_AUTH; auth <= RELAY_SHA256; auth++)
			whole_life(stream, (relay_auth)auth);
}

/* --- sending again, giving up --- */

static void unanswered_requests_leave_again_and_end(void **state)
{
	(void)state;
	static const uint64_t AT_MS[] = {0, 500, 1500, 3500, 7500};
	relay_init(&w, false);
	w.mute = true;
	relay_start(&w);
	uint64_t start = w.now;
	relay_run(&w, start + 60 * US_PER_S);
	assert_int_equal(w.sent_count, ARRAY_LENGTH(AT_MS));
	for (size_t i = 0; i < ARRAY_LENGTH(AT_MS); i++)
		assert_int_equal(w.sent[i].at - start, AT_MS[i] * US_PER_MS);
	assert_int_equal(relay_event(&w, TURN_EVENT_FAILED)->error, PARLEY_ETIMEDOUT);
	assert_int_equal(turn_get_state(w.c), TURN_FAILED);
	assert_true(turn_deadline(w.c) == TIME_NEVER);
	relay_end(&w);
}

static void on_a_stream_requests_leave_once(void **state)
{
	(void)state;
	relay_init(&w, true);
	w.mute = true;
	relay_start(&w);
	uint64_t start = w.now;
	relay_run(&w, start + 9999 * US_PER_MS);
	assert_int_equal(turn_get_state(w.c), TURN_ALLOCATING);
	relay_run(&w, start + 10 * US_PER_S);
	assert_int_equal(w.sent_count, 1);
	assert_int_equal(relay_event(&w, TURN_EVENT_FAILED)->error, PARLEY_ETIMEDOUT);
	relay_end(&w);
}

static void losses_cost_only_time(void **state)
{
	(void)state;
	relay_init(&w, false);
	w.mute = true;
	relay_start(&w);
	relay_run(&w, w.now + 2 * US_PER_S);
	w.mute = false;
	relay_run(&w, w.now + 3 * US_PER_S);
	assert_int_equal(turn_get_state(w.c), TURN_ALLOCATED);
	turn_counters counters;
	turn_get_counters(w.c, &counters);
	assert_int_equal(counters.requests_sent, 2);
	assert_int_equal(counters.requests_resent, 3);
	assert_int_equal(counters.challenges, 1);
	relay_end(&w);
}

/* --- error responses --- */

static void every_error_of_allocate_is_told(void **state)
{
	(void)state;
	static const struct {
		unsigned code;
		int error;
	} CASES[] = {
		{STUN_BAD_REQUEST, PARLEY_EREFUSED},
		{STUN_UNAUTHENTICATED, PARLEY_EAUTH},
		{STUN_FORBIDDEN, PARLEY_EREFUSED},
		{STUN_UNKNOWN_ATTRIBUTE, PARLEY_EUNSUPPORTED},
		{STUN_ALLOCATION_MISMATCH, PARLEY_ECLOSED},
		{STUN_FAMILY_NOT_SUPPORTED, PARLEY_EUNSUPPORTED},
		{STUN_WRONG_CREDENTIALS, PARLEY_EAUTH},
		{STUN_UNSUPPORTED_TRANSPORT, PARLEY_EUNSUPPORTED},
		{STUN_ALLOCATION_QUOTA_REACHED, PARLEY_EREFUSED},
		{STUN_SERVER_ERROR, PARLEY_EREFUSED},
		{STUN_INSUFFICIENT_CAPACITY, PARLEY_EREFUSED},
		{STUN_TRY_ALTERNATE, PARLEY_EREFUSED}, /* without naming one */
		{699, PARLEY_EREFUSED},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(CASES); i++) {
		relay_init(&w, i % 2);
		relay_start(&w);
		w.served = w.sent_count;
		relay_challenge(&w, relay_last(&w), STUN_UNAUTHENTICATED);
		assert_int_equal(w.sent_count, 2);
		if (CASES[i].code == STUN_UNAUTHENTICATED)
			relay_challenge(&w, relay_last(&w), CASES[i].code);
		else
			relay_reply_error(&w, relay_last(&w), CASES[i].code, true);
		const turn_event *e = relay_event(&w, TURN_EVENT_FAILED);
		assert_int_equal(e->error, CASES[i].error);
		assert_int_equal(e->code, CASES[i].code);
		assert_non_null(strstr(e->reason, stun_error_phrase(CASES[i].code)));
		assert_int_equal(turn_get_state(w.c), TURN_FAILED);
		assert_int_equal(turn_permit(w.c, w.now, &RELAY_PEER), PARLEY_ESTATE);
		relay_run(&w, w.now + 60 * US_PER_S);
		assert_int_equal(w.sent_count, 2);
		assert_int_equal(w.event_count, 1);
		relay_end(&w);
	}
}

/* Runs to the next Refresh and leaves it unanswered. */
static void await_refresh(void)
{
	relay_forget(&w);
	w.mute = true;
	while (relay_count(&w, STUN_REFRESH) == 0) {
		relay_forget(&w);
		relay_run(&w, w.now + US_PER_S);
	}
	w.served = w.sent_count;
}

static void a_refused_refresh_is_the_end(void **state)
{
	(void)state;
	static const unsigned CODES[] = {STUN_ALLOCATION_MISMATCH, STUN_FORBIDDEN, STUN_WRONG_CREDENTIALS,
					 STUN_BAD_REQUEST, STUN_UNAUTHENTICATED};
	for (size_t i = 0; i < ARRAY_LENGTH(CODES); i++) {
		parley_addr relayed;
		relay_allocate(&w, i % 2);
		await_refresh();
		if (CODES[i] == STUN_UNAUTHENTICATED)
			relay_challenge(&w, relay_last(&w), STUN_UNAUTHENTICATED);
		else
			relay_reply_error(&w, relay_last(&w), CODES[i], true);
		assert_int_equal(turn_get_state(w.c), TURN_LOST);
		assert_int_equal(relay_event(&w, TURN_EVENT_LOST)->code, CODES[i]);
		assert_false(turn_relayed(w.c, PARLEY_IPV4, &relayed));
		assert_true(turn_deadline(w.c) == TIME_NEVER);
		relay_end(&w);
	}
}

/* RFC 8656 5: whatever was asked. */
static void a_mismatch_is_the_end_whatever_was_asked(void **state)
{
	(void)state;
	for (int bind = 0; bind < 2; bind++) {
		relay_allocate(&w, bind);
		w.allocated = false;
		assert_int_equal((bind ? turn_bind : turn_permit)(w.c, w.now, &RELAY_PEER), 0);
		relay_pump(&w);
		w.served = w.sent_count - 1;
		relay_serve(&w);
		assert_int_equal(relay_event(&w, TURN_EVENT_LOST)->code, STUN_ALLOCATION_MISMATCH);
		relay_end(&w);
	}
}

static void a_refresh_answered_by_nothing_left_is_the_end(void **state)
{
	(void)state;
	relay_allocate(&w, false);
	w.lifetime_s = 0;
	turn_probe(w.c, w.now);
	relay_serve(&w);
	assert_int_equal(relay_event(&w, TURN_EVENT_LOST)->error, PARLEY_ECLOSED);
	relay_end(&w);
}

static void a_refresh_is_tried_until_the_allocation_expires(void **state)
{
	(void)state;
	relay_allocate(&w, false);
	uint64_t start = w.now;
	await_refresh();
	assert_int_equal(relay_last(&w)->at, start + 540 * US_PER_S);
	relay_reply_error(&w, relay_last(&w), STUN_SERVER_ERROR, true);
	assert_int_equal(turn_get_state(w.c), TURN_ALLOCATED);
	relay_run(&w, start + 599 * US_PER_S);
	assert_int_equal(turn_get_state(w.c), TURN_ALLOCATED);
	assert_true(relay_count(&w, STUN_REFRESH) > 5);
	relay_run(&w, start + 600 * US_PER_S);
	assert_int_equal(relay_event(&w, TURN_EVENT_LOST)->error, PARLEY_ETIMEDOUT);
	relay_end(&w);
}

static void a_success_without_what_it_must_have_fails(void **state)
{
	(void)state;
	for (int missing = 0; missing < 4; missing++) {
		uint8_t bytes[RELAY_MESSAGE_MAX];
		parley_addr nobody = {.family = PARLEY_IPV4};
		writer out = writer_of(bytes, sizeof bytes);
		relay_init(&w, false);
		relay_start(&w);
		relay_challenge(&w, relay_last(&w), STUN_UNAUTHENTICATED);
		relay_begin_reply(&w, &out, STUN_SUCCESS, relay_last(&w));
		stun_put_xor_address(&out, missing == 0 ? STUN_ATTR_XOR_MAPPED_ADDRESS : STUN_ATTR_XOR_RELAYED_ADDRESS,
				     missing == 1 ? &nobody : &RELAY_RELAYED);
		if (missing != 2)
			stun_put_u32(&out, STUN_ATTR_LIFETIME, missing == 3 ? 0 : 600);
		relay_end_reply(&w, &out, true);
		assert_int_equal(relay_event(&w, TURN_EVENT_FAILED)->error, PARLEY_EPROTO);
		/* What the server may have made is deleted (RFC 8656 7.3). */
		assert_int_equal(relay_last(&w)->m.method, STUN_REFRESH);
		assert_true(relay_last(&w)->m.has_lifetime && relay_last(&w)->m.lifetime == 0);
		if (missing % 2) /* whatever comes of that */
			relay_challenge(&w, relay_last(&w), STUN_UNAUTHENTICATED);
		relay_run(&w, w.now + 60 * US_PER_S);
		assert_int_equal(w.event_count, 1);
		relay_end(&w);
	}
}

static void an_answer_that_requires_the_unknown_fails(void **state)
{
	(void)state;
	uint8_t bytes[RELAY_MESSAGE_MAX];
	writer out = writer_of(bytes, sizeof bytes);
	relay_init(&w, false);
	w.auth = RELAY_NO_AUTH;
	relay_start(&w);
	relay_begin_reply(&w, &out, STUN_SUCCESS, relay_last(&w));
	stun_put_u32(&out, 0x7abc, 1);
	stun_put_xor_address(&out, STUN_ATTR_XOR_RELAYED_ADDRESS, &RELAY_RELAYED);
	stun_put_u32(&out, STUN_ATTR_LIFETIME, 600);
	relay_end_reply(&w, &out, true);
	assert_int_equal(relay_event(&w, TURN_EVENT_FAILED)->error, PARLEY_EPROTO);
	relay_end(&w);
}

/* --- refresh --- */

static uint64_t time_of_refresh(uint32_t lifetime_s)
{
	relay_init(&w, false);
	w.lifetime_s = lifetime_s;
	relay_start(&w);
	relay_serve(&w);
	uint64_t start = w.now;
	await_refresh();
	uint64_t at = relay_last(&w)->at - start;
	relay_end(&w);
	return at / US_PER_S;
}

static void refresh_comes_a_minute_early_or_at_half(void **state)
{
	(void)state;
	assert_int_equal(time_of_refresh(600), 540);
	assert_int_equal(time_of_refresh(120), 60);
	assert_int_equal(time_of_refresh(20), 10);
	assert_int_equal(time_of_refresh(3600), 3540);
	assert_int_equal(time_of_refresh(UINT32_MAX), 3540); /* an hour is as long as we believe */
}

static void stale_nonces_are_replaced_everywhere_at_once(void **state)
{
	(void)state;
	relay_allocate(&w, false);
	assert_int_equal(turn_permit(w.c, w.now, &RELAY_PEER), 0);
	relay_serve(&w);
	relay_forget(&w);
	w.nonce = "second nonce";
	for (unsigned i = 0; i < 17;
	     i++) { /* two CreatePermission, two ChannelBind, a Refresh: more than challenges in a row */
		parley_addr peer = addr_ipv4(192, 0, 3, (uint8_t)i, 1);
		assert_int_equal((i < 2 ? turn_bind : turn_permit)(w.c, w.now, &peer), 0);
	}
	turn_probe(w.c, w.now);
	relay_serve(&w);
	assert_int_equal(relay_events(&w, TURN_EVENT_ALIVE), 1);
	assert_int_equal(relay_events(&w, TURN_EVENT_PERMITTED), 17);
	assert_int_equal(w.sent_count, 10); /* each twice */
	assert_true(slice_equal_string(relay_last(&w)->m.nonce, "second nonce"));
	relay_forget(&w);
	turn_probe(w.c, w.now);
	relay_serve(&w);
	assert_int_equal(w.sent_count, 1);
	relay_end(&w);
}

static void nonces_may_go_stale_for_ever(void **state)
{
	(void)state;
	relay_allocate(&w, false);
	for (unsigned i = 0; i < 3 * STUN_CHALLENGES_MAX; i++) {
		w.nonce = i % 2 ? "odd" : "even";
		turn_probe(w.c, w.now);
		relay_serve(&w);
		assert_int_equal(turn_get_state(w.c), TURN_ALLOCATED);
	}
	relay_end(&w);
}

static void a_server_that_never_likes_the_nonce_is_left(void **state)
{
	(void)state;
	relay_allocate(&w, false);
	turn_probe(w.c, w.now);
	relay_pump(&w);
	for (int i = 0; i < 10 && turn_get_state(w.c) == TURN_ALLOCATED; i++)
		relay_challenge(&w, relay_last(&w), STUN_STALE_NONCE);
	assert_int_equal(relay_event(&w, TURN_EVENT_LOST)->error, PARLEY_EAUTH);
	assert_true(w.sent_count <= STUN_CHALLENGES_MAX + 1);
	relay_end(&w);
}

/* --- families (RFC 8656 7.1, 7.3) --- */

static void begin_families(turn_families families)
{
	relay_init(&w, false);
	w.config.families = families;
}

static const turn_event *allocated(void)
{
	relay_start(&w);
	relay_serve(&w);
	return relay_event(&w, TURN_EVENT_ALLOCATED);
}

static void both_families_come_in_one_allocation(void **state)
{
	(void)state;
	parley_addr relayed;
	begin_families(TURN_BOTH);
	const turn_event *e = allocated();
	assert_true(addr_equal(&e->relayed_ipv4, &RELAY_RELAYED) && addr_equal(&e->relayed_ipv6, &RELAY_RELAYED6));
	assert_int_equal(e->code, 0);
	assert_true(turn_relayed(w.c, PARLEY_IPV6, &relayed) && addr_equal(&relayed, &RELAY_RELAYED6));
	assert_false(turn_relayed(w.c, PARLEY_ADDR_NONE, &relayed));
	assert_int_equal(turn_permit(w.c, w.now, &RELAY_PEER), 0);
	assert_int_equal(turn_permit(w.c, w.now, &RELAY_PEER6), 0);
	relay_serve(&w);
	assert_int_equal(relay_events(&w, TURN_EVENT_PERMITTED), 2);
	relay_send_data(&w, &RELAY_PEER6, "six");
	assert_true(w.got_data && addr_equal(&w.data.relayed, &RELAY_RELAYED6));
	relay_end(&w);
}

static void one_family_of_two_is_better_than_none(void **state)
{
	(void)state;
	begin_families(TURN_BOTH);
	w.only_ipv4 = true; /* and says so by ADDRESS-ERROR-CODE */
	const turn_event *e = allocated();
	assert_true(e->relayed_ipv4.family && !e->relayed_ipv6.family);
	assert_int_equal(e->code, STUN_FAMILY_NOT_SUPPORTED);
	assert_int_equal(turn_permit(w.c, w.now, &RELAY_PEER6), PARLEY_EUNREACHABLE);
	relay_end(&w);

	begin_families(TURN_BOTH);
	w.no_families = true; /* RFC 5766: ignores what it need not know */
	e = allocated();
	assert_true(e->relayed_ipv4.family && !e->relayed_ipv6.family);
	assert_int_equal(e->code, 0);
	relay_end(&w);

	begin_families(TURN_BOTH); /* coturn with an external address: 440 for the whole request */
	relay_start(&w);
	relay_challenge(&w, relay_last(&w), STUN_UNAUTHENTICATED);
	relay_reply_error(&w, relay_last(&w), STUN_FAMILY_NOT_SUPPORTED, true);
	assert_false(relay_last(&w)->m.has_additional_family);
	w.served = w.sent_count - 1;
	relay_serve(&w);
	e = relay_event(&w, TURN_EVENT_ALLOCATED);
	assert_true(e->relayed_ipv4.family && !e->relayed_ipv6.family);
	assert_int_equal(e->code, STUN_FAMILY_NOT_SUPPORTED);
	relay_end(&w);
}

static void ipv6_alone_is_asked_for_by_name(void **state)
{
	(void)state;
	begin_families(TURN_IPV6);
	assert_int_equal(turn_create(&w.config, &w.c), 0);
	assert_int_equal(turn_permit(w.c, w.now, &RELAY_PEER), PARLEY_EUNREACHABLE);
	turn_destroy(w.c);
	const turn_event *e = allocated();
	assert_true(!e->relayed_ipv4.family && addr_equal(&e->relayed_ipv6, &RELAY_RELAYED6));
	relay_end(&w);

	begin_families(TURN_IPV6);
	w.no_families = true;
	relay_start(&w);
	relay_serve(&w);
	assert_int_equal(relay_event(&w, TURN_EVENT_FAILED)->code, STUN_UNKNOWN_ATTRIBUTE);
	relay_end(&w);
}

/* --- is it still there? --- */

static void a_restarted_server_is_noticed_at_once(void **state)
{
	(void)state;
	relay_allocate(&w, false);
	turn_probe(w.c, w.now);
	relay_serve(&w);
	assert_int_equal(relay_events(&w, TURN_EVENT_ALIVE), 1);
	w.allocated = false;
	w.nonce = "of another life";
	w.now += US_PER_S;
	turn_probe(w.c, w.now);
	relay_serve(&w);
	assert_int_equal(turn_get_state(w.c), TURN_LOST);
	assert_int_equal(relay_event(&w, TURN_EVENT_LOST)->code, STUN_ALLOCATION_MISMATCH);
	relay_forget(&w);
	turn_probe(w.c, w.now);
	relay_pump(&w);
	assert_int_equal(w.sent_count, 0);
	relay_end(&w);
}

static void probes_under_way_leave_again(void **state)
{
	(void)state;
	relay_allocate(&w, false);
	w.mute = true;
	uint64_t start = w.now;
	for (unsigned i = 0; i < 100; i++) { /* 10 s, every 100 ms */
		turn_probe(w.c, w.now);
		relay_run(&w, start + i * 100 * US_PER_MS);
	}
	assert_true(w.sent_count >= STUN_RETRANSMITS_MAX && w.sent_count == relay_count(&w, STUN_REFRESH));
	for (size_t i = 1; i < w.sent_count; i++)
		assert_true(w.sent[i].at - w.sent[i - 1].at >= 500 * US_PER_MS);
	w.mute = false; /* the first that gets through is answered */
	relay_run(&w, w.now + 10 * US_PER_S);
	turn_probe(w.c, w.now);
	relay_serve(&w);
	assert_true(relay_events(&w, TURN_EVENT_ALIVE) > 0);
	relay_end(&w);
}

static void idle_allocations_are_kept_alive(void **state)
{
	(void)state;
	relay_allocate(&w, false);
	relay_run(&w, w.now + 60 * US_PER_S);
	assert_int_equal(relay_count(&w, STUN_BINDING), 4);
	assert_int_equal(w.sent[0].m.class, STUN_INDICATION);
	assert_int_equal(w.sent_count, 4);
	relay_end(&w);

	relay_allocate(&w, true);
	relay_run(&w, w.now + 60 * US_PER_S);
	assert_int_equal(w.sent_count, 0);
	relay_end(&w);
}

/* --- the end --- */

static void closing_waits_for_nobody_for_long(void **state)
{
	(void)state;
	relay_allocate(&w, false);
	w.mute = true;
	uint64_t start = w.now;
	turn_close(w.c, w.now);
	turn_close(w.c, w.now);
	assert_int_equal(turn_permit(w.c, w.now, &RELAY_PEER), PARLEY_ESTATE);
	relay_run(&w, start + 60 * US_PER_S);
	assert_int_equal(relay_last(&w)->at, start + 1500 * US_PER_MS);
	assert_int_equal(relay_events(&w, TURN_EVENT_CLOSED), 1);
	assert_int_equal(w.event_count, 1);
	relay_end(&w);
}

static void closing_early_deletes_what_may_have_been_made(void **state)
{
	(void)state;
	relay_init(&w, false);
	assert_int_equal(turn_create(&w.config, &w.c), 0);
	turn_close(w.c, w.now); /* before turn_start */
	relay_pump(&w);
	assert_int_equal(turn_get_state(w.c), TURN_CLOSED);
	assert_int_equal(turn_start(w.c, w.now), PARLEY_ESTATE);
	relay_end(&w);

	relay_init(&w, false);
	relay_start(&w);
	turn_close(w.c, w.now); /* without credentials nothing can have been made */
	relay_pump(&w);
	assert_int_equal(turn_get_state(w.c), TURN_CLOSED);
	assert_int_equal(w.sent_count, 1);
	relay_end(&w);

	relay_init(&w, false);
	relay_start(&w);
	relay_challenge(&w, relay_last(&w), STUN_UNAUTHENTICATED);
	turn_close(w.c, w.now);
	relay_pump(&w);
	assert_int_equal(relay_last(&w)->m.method, STUN_REFRESH);
	relay_reply_error(&w, relay_last(&w), STUN_ALLOCATION_MISMATCH, true); /* RFC 8656 8.3: as good as a success */
	assert_int_equal(turn_get_state(w.c), TURN_CLOSED);
	relay_end(&w);
}

static void the_configuration_is_checked(void **state)
{
	(void)state;
	turn_client *c;
	uint8_t big[TURN_USERNAME_MAX + 8] = {0};
	turn_config good, bad[10];
	relay_init(&w, false);
	good = w.config;
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		bad[i] = good;
	bad[0].random.fill = NULL;
	bad[1].server.port = 0;
	bad[2].server.family = PARLEY_ADDR_NONE;
	bad[3].username.len = 0;
	bad[4].username = slice_of(big, TURN_USERNAME_MAX + 1);
	bad[5].password.len = 0;
	bad[6].password = slice_of(big, TURN_PASSWORD_MAX + 1);
	bad[7].families = (turn_families)0;
	bad[8].lifetime_s = 0;
	bad[9].rto_us = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		assert_int_equal(turn_create(&bad[i], &c), PARLEY_EINVAL);
	good.username = slice_of(big, TURN_USERNAME_MAX);
	assert_int_equal(turn_create(&good, &c), 0);
	turn_destroy(c);
	turn_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_allocation_lives_and_ends),
		cmocka_unit_test(unanswered_requests_leave_again_and_end),
		cmocka_unit_test(on_a_stream_requests_leave_once),
		cmocka_unit_test(losses_cost_only_time),
		cmocka_unit_test(every_error_of_allocate_is_told),
		cmocka_unit_test(a_refused_refresh_is_the_end),
		cmocka_unit_test(a_mismatch_is_the_end_whatever_was_asked),
		cmocka_unit_test(a_refresh_answered_by_nothing_left_is_the_end),
		cmocka_unit_test(a_refresh_is_tried_until_the_allocation_expires),
		cmocka_unit_test(a_success_without_what_it_must_have_fails),
		cmocka_unit_test(an_answer_that_requires_the_unknown_fails),
		cmocka_unit_test(refresh_comes_a_minute_early_or_at_half),
		cmocka_unit_test(stale_nonces_are_replaced_everywhere_at_once),
		cmocka_unit_test(nonces_may_go_stale_for_ever),
		cmocka_unit_test(a_server_that_never_likes_the_nonce_is_left),
		cmocka_unit_test(both_families_come_in_one_allocation),
		cmocka_unit_test(one_family_of_two_is_better_than_none),
		cmocka_unit_test(ipv6_alone_is_asked_for_by_name),
		cmocka_unit_test(a_restarted_server_is_noticed_at_once),
		cmocka_unit_test(probes_under_way_leave_again),
		cmocka_unit_test(idle_allocations_are_kept_alive),
		cmocka_unit_test(closing_waits_for_nobody_for_long),
		cmocka_unit_test(closing_early_deletes_what_may_have_been_made),
		cmocka_unit_test(the_configuration_is_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
