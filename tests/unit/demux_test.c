/* parley/demux.h: servers' connections on one socket, clients' on their own, a network without delay between them */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/rng.h"
#include "base/text.h"
#include "base/time.h"
#include "parley/demux.h"
#include "stun/stun.h"
#include "tests/support/failmalloc.h"

#define CALLS 8u
#define PATIENCE_US (60 * US_PER_S)

typedef struct {
	parley_core *core;
	parley_addr address;
	parley_channel channel;
	bool open;
	unsigned received; /* messages, each of which was the expected one */
	unsigned number;   /* of the call */
} end;

static struct {
	rng_seeded rng;
	uint64_t now;
	parley_demux *demux;
	end server[CALLS], client[CALLS];
	bool one_address;	     /* all clients are at the same, one after the other */
	bool lite;		     /* the server */
	uint8_t client_request[256]; /* the last check that a client sent */
	size_t client_request_len;
} net;

static const parley_addr server_address = {.family = PARLEY_IPV4, .ip = {192, 0, 2, 1}, .port = 3478};

static int begin(void **state)
{
	(void)state;
	memset(&net, 0, sizeof net);
	rng_seeded_init(&net.rng, 1);
	net.now = US_PER_S;
	parley_random random = rng_seeded_source(&net.rng);
	assert_int_equal(parley_demux_new(&random, CALLS, &net.demux), 0);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	for (unsigned i = 0; i < CALLS; i++) {
		parley_core_free(net.server[i].core);
		parley_core_free(net.client[i].core);
	}
	parley_demux_stats stats;
	parley_demux_get_stats(net.demux, &stats);
	assert_int_equal(stats.connections, 0);
	assert_int_equal(stats.addresses, 0);
	parley_demux_free(net.demux);
	return 0;
}

static parley_demux_stats demux_stats(void)
{
	parley_demux_stats stats;
	parley_demux_get_stats(net.demux, &stats);
	return stats;
}

/* --- the network --- */

static void to_server(const parley_addr *from, const uint8_t *data, size_t len)
{
	void *owner = NULL;
	parley_core *core = parley_demux_route(net.demux, &server_address, from, data, len, &owner);
	assert_true((core != NULL) == (owner != NULL));
	if (!core)
		return;
	assert_ptr_equal(((end *)owner)->core, core);
	parley_core_receive(core, net.now, &server_address, from, data, len);
}

static void to_client(const parley_addr *to, const uint8_t *data, size_t len)
{
	for (unsigned i = 0; i < CALLS; i++)
		if (net.client[i].core && addr_equal(&net.client[i].address, to))
			parley_core_receive(net.client[i].core, net.now, to, &server_address, data, len);
}

static void keep_request(const parley_packet *p)
{
	stun_header h;
	if (!stun_read_header(slice_of(p->data, p->len), &h) || h.class != STUN_REQUEST ||
	    p->len > sizeof net.client_request)
		return;
	memcpy(net.client_request, p->data, p->len);
	net.client_request_len = p->len;
}

static void message_of(const end *e, unsigned number, char out[32])
{
	snprintf(out, 32, "call %u message %u", e->number, number);
}

static void heard(end *e, const parley_event *event)
{
	char expected[32];
	message_of(e, e->received++, expected);
	assert_true(slice_equal_string(slice_of(event->message.data, event->message.len), expected));
	if (e >= net.server && e < net.server + CALLS)
		assert_int_equal(
			parley_core_send(e->core, net.now, event->message.channel, false, expected, strlen(expected)),
			0);
}

static bool pump_end(end *e)
{
	bool moved = false;
	parley_packet p;
	parley_event event;
	for (; parley_core_poll_transmit(e->core, net.now, &p); moved = true) {
		if (addr_equal(&p.remote, &server_address)) {
			keep_request(&p);
			to_server(&p.local, p.data, p.len);
		} else {
			to_client(&p.remote, p.data, p.len);
		}
	}
	for (; parley_core_poll_event(e->core, &event); moved = true) {
		if (event.type == PARLEY_EVENT_MESSAGE)
			heard(e, &event);
		if (event.type == PARLEY_EVENT_CHANNEL_STATE)
			e->open = event.channel_state.state == PARLEY_CHANNEL_OPEN;
	}
	parley_core_check_invariants(e->core);
	return moved;
}

static void pump(void)
{
	for (bool moved = true; moved;) {
		moved = false;
		for (unsigned i = 0; i < 2 * CALLS; i++) {
			end *e = i < CALLS ? &net.server[i] : &net.client[i - CALLS];
			if (e->core)
				moved |= pump_end(e);
		}
		parley_demux_check_invariants(net.demux);
	}
}

static void pass_time(uint64_t until)
{
	pump();
	while (net.now < until) {
		uint64_t due = until;
		for (unsigned i = 0; i < CALLS; i++) {
			if (net.server[i].core)
				due = time_min(due, parley_core_deadline(net.server[i].core));
			if (net.client[i].core)
				due = time_min(due, parley_core_deadline(net.client[i].core));
		}
		net.now = due > net.now ? due : net.now;
		for (unsigned i = 0; i < CALLS; i++) {
			if (net.server[i].core)
				parley_core_timeout(net.server[i].core, net.now);
			if (net.client[i].core)
				parley_core_timeout(net.client[i].core, net.now);
		}
		pump();
	}
}

static void wait_for(const bool *happened)
{
	uint64_t end_of_patience = net.now + PATIENCE_US;
	pump();
	while (!*happened && net.now < end_of_patience)
		pass_time(net.now + 10 * US_PER_MS);
	assert_true(*happened);
}

/* --- calls --- */

static int make(end *e, unsigned number, bool is_server)
{
	parley_core_config config;
	parley_core_config_default(&config);
	config.random = rng_seeded_source(&net.rng);
	config.unix_time_s = 1700000000;
	if (is_server) {
		config.demux = net.demux;
		config.demux_owner = e;
		config.ice_lite = net.lite;
	}
	*e = (end){.number = number, .address = is_server ? server_address : addr_ipv4(10, 0, 0, 1, 5000)};
	if (!is_server && !net.one_address)
		e->address.ip[3] = (uint8_t)(1 + number);
	int err = parley_core_new(&config, net.now, &e->core);
	if (err)
		return err;
	err = parley_core_add_local_address(e->core, net.now, &e->address);
	if (err)
		parley_core_free(e->core);
	else
		assert_int_equal(parley_core_local_addresses_done(e->core, net.now), 0);
	return err;
}

/* One describes itself to the other. */
static void tell(end *from, end *to, parley_sdp_type type)
{
	char *sdp;
	parley_sdp_type told;
	assert_int_equal(parley_core_set_local_description(from->core, net.now, type, NULL), 0);
	assert_int_equal(parley_core_local_description(from->core, &told, &sdp), 0);
	assert_int_equal(parley_core_set_remote_description(to->core, net.now, type, sdp), 0);
	parley_free(sdp);
}

static void describe(end *offerer, end *answerer)
{
	tell(offerer, answerer, PARLEY_SDP_OFFER);
	tell(answerer, offerer, PARLEY_SDP_ANSWER);
}

static void start(unsigned number)
{
	end *client = &net.client[number], *server = &net.server[number];
	assert_int_equal(make(client, number, false), 0);
	assert_int_equal(make(server, number, true), 0);
	assert_int_equal(parley_core_create_data_channel(client->core, net.now, "echo", NULL, &client->channel), 0);
	describe(client, server);
}

static void call(unsigned number)
{
	start(number);
	wait_for(&net.client[number].open);
}

static void hang_up(end *e)
{
	parley_core_free(e->core);
	e->core = NULL;
}

static void talk(unsigned number)
{
	end *client = &net.client[number];
	unsigned before = client->received;
	char words[32];
	for (unsigned i = 0; i < 3; i++) {
		message_of(client, before + i, words);
		assert_int_equal(parley_core_send(client->core, net.now, client->channel, false, words, strlen(words)),
				 0);
	}
	pass_time(net.now + US_PER_S);
	assert_int_equal(client->received, before + 3);
}

static void calls_share_a_socket_and_none_crosses(void **state)
{
	(void)state;
	for (unsigned i = 0; i < CALLS; i++)
		start(i);
	for (unsigned i = 0; i < CALLS; i++)
		wait_for(&net.client[i].open);
	for (unsigned i = 0; i < CALLS; i++)
		talk(i);
	parley_demux_stats stats = demux_stats();
	assert_int_equal(stats.connections, CALLS);
	assert_int_equal(stats.addresses, CALLS);
	assert_int_equal(stats.strangers, 0);
	assert_true(stats.by_ufrag > 0 && stats.by_request > 0 && stats.by_address > 0);
}

static void a_restart_by_either_side_keeps_data_flowing(void **state)
{
	(void)state;
	call(0);
	call(1);
	for (unsigned i = 0; i < 4; i++) {
		uint64_t by_ufrag = demux_stats().by_ufrag;
		end *restarter = i % 2 ? &net.server[0] : &net.client[0];
		assert_int_equal(parley_core_restart_ice(restarter->core), 0);
		tell(restarter, i % 2 ? &net.client[0] : &net.server[0], PARLEY_SDP_OFFER);
		talk(0);
		tell(i % 2 ? &net.client[0] : &net.server[0], restarter, PARLEY_SDP_ANSWER);
		talk(0);
		pass_time(net.now + 60 * US_PER_S); /* consent included */
		talk(0);
		talk(1);
		assert_true(demux_stats().by_ufrag >= by_ufrag + 20); /* one in 6 s at least, of both */
	}
	assert_int_equal(demux_stats().strangers, 0);
	assert_int_equal(demux_stats().addresses, 2);
}

static void more_calls_than_allowed_are_refused(void **state)
{
	(void)state;
	end extra;
	for (unsigned i = 0; i < CALLS; i++)
		assert_int_equal(make(&net.server[i], i, true), 0);
	assert_int_equal(make(&extra, CALLS, true), PARLEY_ELIMIT);
	parley_core_close(net.server[0].core, net.now);
	assert_int_equal(demux_stats().connections, CALLS - 1);
	assert_int_equal(make(&extra, CALLS, true), 0);
	hang_up(&extra);
}

/* --- strangers and liars --- */

static void what_strangers_send_is_dropped(void **state)
{
	(void)state;
	call(0);
	parley_addr stranger = addr_ipv4(203, 0, 113, 1, 1);
	size_t before = failmalloc_live();
	static const uint8_t hello[] = {22, 254, 253, 0, 0};
	to_server(&stranger, hello, sizeof hello);
	to_server(&stranger, hello, 0);
	assert_int_equal(demux_stats().strangers, 2);
	assert_int_equal(demux_stats().addresses, 1);
	assert_int_equal(failmalloc_live(), before);
	talk(0);
}

/* What client 1 could send: authentic for its own call, with anybody's address on it. */
static void send_check_of_client_1_from(const parley_addr *source)
{
	to_server(source, net.client_request, net.client_request_len);
	pump();
}

static void an_authentic_check_from_anothers_address_takes_nothing(void **state)
{
	(void)state;
	call(0);
	call(1);
	net.client_request_len = 0;
	hang_up(&net.client[0]); /* so that the check is client 1's; the call stays at the server */
	while (net.client_request_len == 0)
		pass_time(net.now + US_PER_S);
	parley_addr first = net.client[0].address;
	send_check_of_client_1_from(&first);
	assert_int_equal(demux_stats().addresses_moved, 0);
	assert_int_equal(demux_stats().addresses_refused, 1);
	static const uint8_t data[] = {23, 254, 253, 0, 0};
	void *owner;
	parley_demux_route(net.demux, &server_address, &first, data, sizeof data, &owner);
	assert_ptr_equal(owner, &net.server[0]);
	talk(1);
}

static void an_address_taken_in_advance_goes_to_who_is_there(void **state)
{
	(void)state;
	call(1);
	parley_addr first = addr_ipv4(10, 0, 0, 1, 5000);
	send_check_of_client_1_from(&first);
	assert_int_equal(demux_stats().addresses, 2);
	call(0);
	talk(0);
	talk(1);
	assert_int_equal(demux_stats().addresses_moved, 1);
}

static void a_client_that_comes_again_from_its_old_port_connects_at_once(void **state)
{
	(void)state;
	net.one_address = true;
	call(0);
	talk(0);
	hang_up(&net.client[0]); /* and the server does not know */
	uint64_t before = net.now;
	call(1);
	assert_true(net.now - before < 5 * US_PER_S);
	talk(1);
	assert_int_equal(demux_stats().addresses_moved, 1);
}

/* It never asks, so nothing tells a new client there from one that pretends to be: the old one has it until it is given up. */
static void at_a_lite_server_an_address_is_free_when_its_client_is_lost(void **state)
{
	(void)state;
	net.lite = net.one_address = true;
	call(0);
	talk(0);
	hang_up(&net.client[0]);
	start(1);
	pass_time(net.now + US_PER_S);
	assert_false(net.client[1].open);
	assert_true(demux_stats().addresses_refused > 0);
	hang_up(&net.client[1]);
	pass_time(net.now + 35 * US_PER_S); /* consent ends after 30 s */
	call(2);
	talk(2);
}

static void a_call_that_ends_gives_its_address_back(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		call(0);
		talk(0);
		hang_up(&net.server[0]);
		hang_up(&net.client[0]);
		assert_int_equal(demux_stats().addresses, 0);
	}
}

static void make_connection_without_memory(void *context)
{
	rng_seeded_init(&net.rng, 1);
	net.now = US_PER_S;
	if (parley_demux_new(context, 10, &net.demux))
		return;
	end e;
	if (make(&e, 0, true) == 0)
		parley_core_free(e.core);
	parley_demux_free(net.demux);
}

static void every_allocation_may_fail(void **state)
{
	(void)state;
	rng_seeded rng;
	rng_seeded_init(&rng, 1);
	parley_random random = rng_seeded_source(&rng);
	failmalloc_loop(make_connection_without_memory, &random);
	parley_demux_free(NULL);
}

#define DEMUX_TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DEMUX_TEST(calls_share_a_socket_and_none_crosses),
		DEMUX_TEST(a_restart_by_either_side_keeps_data_flowing),
		DEMUX_TEST(more_calls_than_allowed_are_refused),
		DEMUX_TEST(what_strangers_send_is_dropped),
		DEMUX_TEST(an_authentic_check_from_anothers_address_takes_nothing),
		DEMUX_TEST(an_address_taken_in_advance_goes_to_who_is_there),
		DEMUX_TEST(a_client_that_comes_again_from_its_old_port_connects_at_once),
		DEMUX_TEST(at_a_lite_server_an_address_is_free_when_its_client_is_lost),
		DEMUX_TEST(a_call_that_ends_gives_its_address_back),
		cmocka_unit_test(every_allocation_may_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
