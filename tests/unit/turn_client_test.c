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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_allocation_lives_and_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
