/* peer/early.c: a ClientHello that is here before the answer (RFC 8842 5.2) */
#include "tests/support/test.h"

#include <string.h>

#include "base/addr.h"
#include "base/rng.h"
#include "parley/core.h"
#include "tests/support/failmalloc.h"
#include "tests/support/virtual_openssl.h"

#define BEGIN UINT64_C(1000000)
#define STEPS_MAX 1000u
#define HANDSHAKE 22u
#define CLIENT_HELLO_AT 13u
#define STRANGERS 10u

typedef struct {
	rng_seeded rng;
	parley_core *core;
	parley_addr address;
	unsigned hellos; /* ClientHellos that it sent */
	bool connected;
} end;

typedef struct {
	end offerer, answerer;
	uint64_t now;
} call;

static void make_end(end *e, uint64_t seed, uint8_t last)
{
	parley_core_config config;
	parley_core_config_default(&config);
	*e = (end){.address = addr_ipv4(192, 0, 2, last, 5000)};
	rng_seeded_init(&e->rng, seed);
	config.random = rng_seeded_source(&e->rng);
	config.unix_time_s = 1700000000;
	assert_int_equal(parley_core_new(&config, BEGIN, &e->core), 0);
	assert_int_equal(parley_core_add_local_address(e->core, BEGIN, &e->address), 0);
	assert_int_equal(parley_core_local_addresses_done(e->core, BEGIN), 0);
}

/* The offer has arrived and is answered; the answer is on its way: it is taken with bring_answer. */
static void make_call(call *c)
{
	parley_channel channel;
	parley_sdp_type type;
	char *sdp;
	c->now = BEGIN;
	virtual_openssl_begin(1);
	virtual_openssl_set_now(c->now);
	make_end(&c->offerer, 1, 1);
	make_end(&c->answerer, 2, 2);
	assert_int_equal(parley_core_create_data_channel(c->offerer.core, c->now, "x", NULL, &channel), 0);
	assert_int_equal(parley_core_set_local_description(c->offerer.core, c->now, PARLEY_SDP_OFFER, NULL), 0);
	assert_int_equal(parley_core_local_description(c->offerer.core, &type, &sdp), 0);
	assert_int_equal(parley_core_set_remote_description(c->answerer.core, c->now, type, sdp), 0);
	parley_free(sdp);
	assert_int_equal(parley_core_set_local_description(c->answerer.core, c->now, PARLEY_SDP_ANSWER, NULL), 0);
}

static void bring_answer(call *c)
{
	parley_sdp_type type;
	char *sdp;
	assert_int_equal(parley_core_local_description(c->answerer.core, &type, &sdp), 0);
	assert_int_equal(parley_core_set_remote_description(c->offerer.core, c->now, type, sdp), 0);
	parley_free(sdp);
}

static void end_call(call *c)
{
	parley_core_free(c->offerer.core);
	parley_core_free(c->answerer.core);
	virtual_openssl_end();
}

/* Gives the other what one has to send. */
static bool deliver(call *c, end *from, end *to)
{
	bool moved = false;
	for (parley_packet p; parley_core_poll_transmit(from->core, c->now, &p); moved = true) {
		from->hellos += p.data[0] == HANDSHAKE && p.data[CLIENT_HELLO_AT] == 1;
		parley_core_receive(to->core, c->now, &p.remote, &p.local, p.data, p.len);
	}
	for (parley_event e; parley_core_poll_event(from->core, &e); moved = true)
		from->connected |=
			e.type == PARLEY_EVENT_CONNECTION_STATE && e.connection.state == PARLEY_CONNECTION_CONNECTED;
	parley_core_check_invariants(from->core);
	return moved;
}

static void settle(call *c)
{
	while (deliver(c, &c->offerer, &c->answerer) | deliver(c, &c->answerer, &c->offerer))
		;
}

static void wait_for_next(call *c)
{
	uint64_t a = parley_core_deadline(c->offerer.core), b = parley_core_deadline(c->answerer.core);
	c->now = a < b ? a : b;
	virtual_openssl_set_now(c->now);
	parley_core_timeout(c->offerer.core, c->now);
	parley_core_timeout(c->answerer.core, c->now);
	settle(c);
}

static void wait_for_hello(call *c)
{
	settle(c);
	for (unsigned i = 0; i < STEPS_MAX && !c->answerer.hellos; i++)
		wait_for_next(c);
	assert_int_equal(c->answerer.hellos, 1);
}

static void wait_for_connection(call *c)
{
	settle(c);
	for (unsigned i = 0; i < STEPS_MAX && !(c->offerer.connected && c->answerer.connected); i++)
		wait_for_next(c);
	assert_true(c->offerer.connected && c->answerer.connected);
}

static uint64_t dropped(const end *e)
{
	parley_core_stats stats;
	parley_core_get_stats(e->core, &stats);
	return stats.packets_dropped;
}

static void a_hello_before_the_answer_need_not_be_repeated(void **state)
{
	(void)state;
	call c;
	make_call(&c);
	wait_for_hello(&c);
	bring_answer(&c);
	wait_for_connection(&c);
	assert_int_equal(c.answerer.hellos, 1);
	assert_int_equal(dropped(&c.offerer), 0);
	end_call(&c);
}

static void send_forged_hellos(call *c, unsigned count, size_t len)
{
	uint8_t forged[2000] = {HANDSHAKE, 254, 253, [CLIENT_HELLO_AT] = 1};
	for (unsigned i = 0; i < count; i++) {
		parley_addr stranger = addr_ipv4(198, 51, 100, 1, (uint16_t)(1000 + i));
		parley_core_receive(c->offerer.core, c->now, &c->offerer.address, &stranger, forged, len);
	}
}

static void strangers_cost_nothing_but_their_datagrams(void **state)
{
	(void)state;
	call c;
	make_call(&c);
	send_forged_hellos(&c, STRANGERS, 100);
	send_forged_hellos(&c, STRANGERS, 1501);	    /* too long to be kept */
	send_forged_hellos(&c, STRANGERS, CLIENT_HELLO_AT); /* too short to be one */
	wait_for_hello(&c);
	bring_answer(&c);
	wait_for_connection(&c);
	assert_int_equal(c.answerer.hellos, 1);
	assert_int_equal(dropped(&c.offerer), 3 * STRANGERS);
	end_call(&c);
}

static void a_connection_that_is_never_answered_is_freed_with_them(void **state)
{
	(void)state;
	call c;
	make_call(&c);
	wait_for_hello(&c);
	end_call(&c);
}

static void without_memory_it_is_dropped(void **state)
{
	(void)state;
	call c;
	make_call(&c);
	failmalloc_at(1);
	send_forged_hellos(&c, 1, 100);
	failmalloc_at(0);
	assert_int_equal(dropped(&c.offerer), 1);
	end_call(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hello_before_the_answer_need_not_be_repeated),
		cmocka_unit_test(strangers_cost_nothing_but_their_datagrams),
		cmocka_unit_test(a_connection_that_is_never_answered_is_freed_with_them),
		cmocka_unit_test(without_memory_it_is_dropped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
