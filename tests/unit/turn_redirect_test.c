/* ice/turn.h: 300 Try Alternate (RFC 8489 10) */
#include "tests/support/test.h"

#include <string.h>

#include "base/addr.h"
#include "tests/unit/turn_relay.h"

static relay w;

static const parley_addr OTHER6 = {.family = PARLEY_IPV6, .ip = {0x20, 1, [15] = 5}, .port = 3478};

/* Answers the last request by 300 with these servers. */
static void redirect(const parley_addr *servers, size_t count, const char *domain, bool is_signed)
{
	uint8_t bytes[RELAY_MESSAGE_MAX];
	writer out = writer_of(bytes, sizeof bytes);
	relay_begin_reply(&w, &out, STUN_ERROR, relay_last(&w));
	stun_put_error(&out, STUN_TRY_ALTERNATE, NULL);
	for (size_t i = 0; i < count; i++)
		stun_put_address(&out, STUN_ATTR_ALTERNATE_SERVER, &servers[i]);
	if (domain)
		stun_put_bytes(&out, STUN_ATTR_ALTERNATE_DOMAIN, slice_from_string(domain));
	w.served = w.sent_count;
	relay_end_reply(&w, &out, is_signed);
}

static void on_udp_the_client_goes_on_there(void **state)
{
	(void)state;
	parley_addr servers[] = {OTHER6, RELAY_ALTERNATE};
	relay_init(&w, false);
	relay_start(&w);
	redirect(servers, 2, "other.test", false);
	const turn_event *e = relay_event(&w, TURN_EVENT_ALTERNATE);
	assert_true(addr_equal(&e->server, &RELAY_ALTERNATE)); /* the one of our family */
	assert_string_equal(e->domain, "other.test");
	assert_true(addr_equal(turn_server(w.c), &RELAY_ALTERNATE));
	assert_int_equal(w.sent_count, 2);
	assert_true(addr_equal(&relay_last(&w)->to, &RELAY_ALTERNATE));
	relay_serve(&w);
	assert_int_equal(turn_get_state(w.c), TURN_ALLOCATED);
	relay_end(&w);
}

static void after_a_challenge_the_new_server_is_asked_bare(void **state)
{
	(void)state;
	relay_init(&w, false);
	relay_start(&w);
	relay_challenge(&w, relay_last(&w), STUN_UNAUTHENTICATED);
	redirect(&RELAY_ALTERNATE, 1, NULL, false); /* unsigned: anyone could have sent it */
	assert_int_equal(relay_events(&w, TURN_EVENT_ALTERNATE), 0);
	redirect(&RELAY_ALTERNATE, 1, NULL, true);
	assert_int_equal(relay_events(&w, TURN_EVENT_ALTERNATE), 1);
	assert_false(relay_last(&w)->m.has_username || relay_last(&w)->m.has_nonce);
	w.nonce = "the other's nonce";
	relay_serve(&w);
	assert_int_equal(turn_get_state(w.c), TURN_ALLOCATED);
	relay_end(&w);
}

static void on_a_stream_the_owner_connects_anew(void **state)
{
	(void)state;
	relay_init(&w, true);
	relay_start(&w);
	assert_int_equal(turn_permit(w.c, w.now, &RELAY_PEER), 0);
	redirect(&RELAY_ALTERNATE, 1, "other\r\n.test", false);
	assert_string_equal(relay_event(&w, TURN_EVENT_ALTERNATE)->domain, "other...test");
	assert_int_equal(turn_get_state(w.c), TURN_NEW);
	assert_int_equal(w.sent_count, 1);
	assert_int_equal(turn_server(w.c)->transport, PARLEY_TCP);
	assert_true(turn_deadline(w.c) == TIME_NEVER);
	assert_int_equal(turn_start(w.c, w.now), 0);
	relay_serve(&w);
	assert_int_equal(turn_get_state(w.c), TURN_ALLOCATED);
	assert_true(turn_is_permitted(w.c, w.now, &RELAY_PEER));
	relay_end(&w);
}

static void no_server_is_asked_twice(void **state)
{
	(void)state;
	relay_init(&w, false);
	relay_start(&w);
	redirect(&RELAY_ALTERNATE, 1, NULL, false);
	redirect(&RELAY_SERVER, 1, NULL, false);
	assert_int_equal(relay_event(&w, TURN_EVENT_FAILED)->code, STUN_TRY_ALTERNATE);
	assert_int_equal(w.sent_count, 2);
	relay_end(&w);
}

static void redirections_are_bounded_in_number_and_time(void **state)
{
	(void)state;
	parley_addr next = RELAY_ALTERNATE;
	relay_init(&w, false);
	relay_start(&w);
	for (unsigned i = 0; i < TURN_ALTERNATES_MAX; i++, next.port++)
		redirect(&next, 1, NULL, false);
	assert_int_equal(turn_get_state(w.c), TURN_ALLOCATING);
	redirect(&next, 1, NULL, false);
	assert_int_equal(turn_get_state(w.c), TURN_FAILED);
	relay_end(&w);

	relay_init(&w, false);
	w.mute = true;
	relay_start(&w);
	uint64_t start = w.now;
	relay_run(&w, start + 9 * US_PER_S);
	redirect(&RELAY_ALTERNATE, 1, NULL, false);
	relay_run(&w, start + 10 * US_PER_S);
	assert_int_equal(relay_event(&w, TURN_EVENT_FAILED)->error, PARLEY_ETIMEDOUT);
	relay_end(&w);

	relay_init(&w, true);
	w.mute = true;
	relay_start(&w);
	redirect(&RELAY_ALTERNATE, 1, NULL, false);
	relay_run(&w, start + 9 * US_PER_S); /* so long took the connection */
	assert_int_equal(turn_start(w.c, w.now), 0);
	relay_run(&w, start + 10 * US_PER_S);
	assert_int_equal(turn_get_state(w.c), TURN_FAILED);
	relay_end(&w);
}

static void the_new_server_is_asked_for_all_again(void **state)
{
	(void)state;
	relay_init(&w, false);
	w.config.families = TURN_BOTH;
	relay_start(&w);
	relay_reply_error(&w, relay_last(&w), STUN_FAMILY_NOT_SUPPORTED, false);
	assert_false(relay_last(&w)->m.has_additional_family);
	redirect(&RELAY_ALTERNATE, 1, NULL, false);
	relay_serve(&w);
	const turn_event *e = relay_event(&w, TURN_EVENT_ALLOCATED);
	assert_true(e->relayed_ipv4.family && e->relayed_ipv6.family);
	assert_int_equal(e->code, 0);
	relay_end(&w);
}

static void useless_alternates_are_not_followed(void **state)
{
	(void)state;
	const parley_addr cases[] = {
		OTHER6,
		{.family = PARLEY_IPV4, .port = 3478},
		{.family = PARLEY_IPV4, .ip = {224, 0, 0, 1}, .port = 3478},
		{.family = PARLEY_IPV4, .ip = {203, 0, 113, 11}, .port = 0},
		{.family = PARLEY_IPV4, .ip = {127, 0, 0, 1}, .port = 3478},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		relay_init(&w, i % 2);
		relay_start(&w);
		redirect(&cases[i], 1, NULL, false);
		assert_int_equal(relay_event(&w, TURN_EVENT_FAILED)->code, STUN_TRY_ALTERNATE);
		assert_int_equal(relay_events(&w, TURN_EVENT_ALTERNATE), 0);
		relay_end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_udp_the_client_goes_on_there),
		cmocka_unit_test(after_a_challenge_the_new_server_is_asked_bare),
		cmocka_unit_test(on_a_stream_the_owner_connects_anew),
		cmocka_unit_test(no_server_is_asked_twice),
		cmocka_unit_test(redirections_are_bounded_in_number_and_time),
		cmocka_unit_test(the_new_server_is_asked_for_all_again),
		cmocka_unit_test(useless_alternates_are_not_followed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
