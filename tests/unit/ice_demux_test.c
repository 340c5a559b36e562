/* ice/demux.h: whose is a datagram, and who may have an address */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/rng.h"
#include "ice/demux.h"
#include "stun/stun.h"
#include "tests/support/failmalloc.h"

#define MEMBERS_MAX 4u

static rng_seeded rng;
static ice_demux *demux;
static ice_demux_member *anna, *bert;
static char anna_owner[] = "anna", bert_owner[] = "bert"; /* what route gives */
static uint8_t bytes[256];
static const parley_addr local = {.family = PARLEY_IPV4, .ip = {192, 0, 2, 1}, .port = 3478};
static const uint8_t dtls[] = {22, 254, 253, 0};

static int begin(void **state)
{
	(void)state;
	rng_seeded_init(&rng, 1);
	parley_random random = rng_seeded_source(&rng);
	assert_int_equal(ice_demux_new(&random, MEMBERS_MAX, &demux), 0);
	assert_int_equal(ice_demux_add(demux, slice_from_string("anna"), anna_owner, &anna), 0);
	assert_int_equal(ice_demux_add(demux, slice_from_string("bert"), bert_owner, &bert), 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	ice_demux_check_invariants(demux);
	ice_demux_remove(anna);
	ice_demux_remove(bert);
	assert_int_equal(ice_demux_address_count(demux), 0);
	ice_demux_check_invariants(demux);
	ice_demux_free(demux);
	return 0;
}

static ice_demux_counters counters(void)
{
	ice_demux_counters c;
	ice_demux_get_counters(demux, &c);
	return c;
}

/* Somebody's address; each port is one of its own. */
static parley_addr at(uint16_t port)
{
	return addr_ipv4(198, 51, 100, 7, port);
}

static slice message(stun_class class, uint8_t id, const char *username)
{
	writer w = writer_of(bytes, sizeof bytes);
	stun_id i = {{id}};
	stun_begin(&w, class, STUN_BINDING, &i);
	if (username)
		stun_put_bytes(&w, STUN_ATTR_USERNAME, slice_from_string(username));
	stun_put_fingerprint(&w);
	assert_false(w.bad);
	return writer_slice(&w);
}

static void *route(parley_addr remote, slice datagram)
{
	return ice_demux_route(demux, &local, &remote, datagram);
}

static void *route_data(parley_addr remote)
{
	return route(remote, slice_of(dtls, sizeof dtls));
}

/* The agent has accepted a request from there, or an answer to one it had sent. */
static bool asked_from(ice_demux_member *m, parley_addr remote)
{
	return ice_demux_heard(m, &local, &remote, message(STUN_REQUEST, 9, "x:y"), true);
}

static bool answered_from(ice_demux_member *m, parley_addr remote)
{
	return ice_demux_heard(m, &local, &remote, message(STUN_SUCCESS, 9, NULL), true);
}

/* --- routing --- */

static void requests_go_by_the_ufrag_of_who_is_asked(void **state)
{
	(void)state;
	assert_ptr_equal(route(at(1), message(STUN_REQUEST, 1, "anna:bert")), anna_owner);
	assert_ptr_equal(route(at(1), message(STUN_REQUEST, 1, "bert:anna")), bert_owner);
	assert_ptr_equal(route(at(1), message(STUN_REQUEST, 1, "bert")), bert_owner); /* the agent will refuse it */
	static const char *const nobody[] = {"ann:x", "annaa:x", ":anna", "", "Anna:x", NULL};
	for (size_t i = 0; i < ARRAY_LENGTH(nobody); i++)
		assert_null(route(at(1), message(STUN_REQUEST, 1, nobody[i])));
	assert_int_equal(counters().by_ufrag, 3);
	assert_int_equal(counters().strangers, ARRAY_LENGTH(nobody));
}

static void responses_go_to_who_asked(void **state)
{
	(void)state;
	/* All ask the same STUN server, and it is nobody's address. */
	ice_demux_sent(anna, message(STUN_REQUEST, 1, NULL));
	ice_demux_sent(bert, message(STUN_REQUEST, 2, NULL));
	ice_demux_sent(bert, message(STUN_REQUEST, 2, NULL)); /* again */
	ice_demux_sent(bert, message(STUN_SUCCESS, 3, NULL)); /* is not answered */
	ice_demux_sent(bert, slice_of(dtls, sizeof dtls));
	assert_ptr_equal(route(at(1), message(STUN_SUCCESS, 1, NULL)), anna_owner);
	assert_ptr_equal(route(at(1), message(STUN_SUCCESS, 2, NULL)), bert_owner);
	assert_ptr_equal(route(at(1), message(STUN_ERROR, 2, NULL)), bert_owner);
	assert_null(route(at(1), message(STUN_SUCCESS, 3, NULL)));
	/* Only what the agent believes ends the wait. */
	assert_ptr_equal(route(at(1), message(STUN_SUCCESS, 1, NULL)), anna_owner);
	assert_false(ice_demux_heard(anna, &local, &local, message(STUN_SUCCESS, 1, NULL), false));
	assert_null(route(at(1), message(STUN_SUCCESS, 1, NULL)));
	assert_int_equal(ice_demux_address_count(demux), 0);
}

static void everything_else_goes_by_address(void **state)
{
	(void)state;
	assert_null(route_data(at(1)));
	assert_true(asked_from(anna, at(1)));
	assert_true(answered_from(bert, at(2)));
	assert_ptr_equal(route_data(at(1)), anna_owner);
	assert_ptr_equal(route_data(at(2)), bert_owner);
	assert_null(route_data(at(3)));
	assert_ptr_equal(route(at(1), slice_of(NULL, 0)), anna_owner);
	assert_ptr_equal(route(at(1), message(STUN_INDICATION, 1, NULL)), anna_owner);
	/* STUN that says nothing of its receiver */
	assert_ptr_equal(route(at(1), message(STUN_SUCCESS, 1, NULL)), anna_owner);
	assert_ptr_equal(route(at(1), message(STUN_REQUEST, 1, "older:x")), anna_owner);
	/* A request with a ufrag goes by that, wherever it comes from. */
	assert_ptr_equal(route(at(1), message(STUN_REQUEST, 1, "bert:x")), bert_owner);
}

static void an_address_is_one_of_a_local_address(void **state)
{
	(void)state;
	parley_addr remote = at(1), other_port = local, other_ip = local, v6 = {.family = PARLEY_IPV6, .ip = {0x20}};
	other_port.port++;
	other_ip.ip[3]++;
	assert_true(asked_from(anna, remote));
	assert_null(ice_demux_route(demux, &other_port, &remote, slice_of(dtls, sizeof dtls)));
	assert_null(ice_demux_route(demux, &other_ip, &remote, slice_of(dtls, sizeof dtls)));
	assert_null(ice_demux_route(demux, &v6, &remote, slice_of(dtls, sizeof dtls)));
	assert_ptr_equal(ice_demux_holder(demux, &local, &remote), anna_owner);
	assert_null(ice_demux_holder(demux, &remote, &local));
	ice_demux_forget(demux, &local, &remote);
	ice_demux_forget(demux, &local, &remote);
	assert_null(route_data(remote));
}

/* --- who may have an address --- */

static void passing_on_teaches_nothing(void **state)
{
	(void)state;
	assert_true(answered_from(anna, at(1)));
	for (int i = 0; i < 1000; i++) {
		uint16_t port = (uint16_t)(1 + i);
		route(at(port), message(STUN_REQUEST, 1, "bert:x"));
		route(at(port), message(STUN_SUCCESS, 1, NULL));
	}
	assert_ptr_equal(route_data(at(1)), anna_owner);
	assert_int_equal(ice_demux_address_count(demux), 1);
}

static void a_request_takes_no_address_from_anyone(void **state)
{
	(void)state;
	assert_true(asked_from(anna, at(1)));
	assert_true(answered_from(anna, at(2)));
	assert_false(asked_from(bert, at(1)));
	assert_false(asked_from(bert, at(2)));
	assert_ptr_equal(route_data(at(1)), anna_owner);
	assert_ptr_equal(route_data(at(2)), anna_owner);
	assert_int_equal(counters().refusals, 2);
	assert_int_equal(counters().moves, 0);
}

static void an_answer_beats_a_request(void **state)
{
	(void)state;
	assert_true(asked_from(bert, at(1))); /* with a source that is not his */
	assert_true(answered_from(anna, at(1)));
	assert_ptr_equal(route_data(at(1)), anna_owner);
	assert_false(asked_from(bert, at(1)));
	assert_int_equal(counters().moves, 1);
}

static void of_two_that_answer_the_younger_has_it(void **state)
{
	(void)state;
	assert_true(answered_from(anna, at(1)));
	assert_true(answered_from(bert, at(1)));
	assert_false(answered_from(anna, at(1))); /* as long as he is there */
	assert_ptr_equal(route_data(at(1)), bert_owner);
	ice_demux_remove(bert);
	assert_null(route_data(at(1)));
	assert_true(answered_from(anna, at(1)));
	assert_ptr_equal(route_data(at(1)), anna_owner);
	assert_int_equal(ice_demux_add(demux, slice_from_string("bert"), bert_owner, &bert), 0);
}

static void what_the_agent_does_not_consider_valid_is_not_learnt(void **state)
{
	(void)state;
	parley_addr remote = at(1);
	assert_false(ice_demux_heard(anna, &local, &remote, message(STUN_REQUEST, 1, "anna:x"), false));
	assert_false(ice_demux_heard(anna, &local, &remote, slice_of(dtls, sizeof dtls), true));
	assert_null(route_data(remote));
}

/* --- restart --- */

static void a_restart_is_known_by_both_ufrags(void **state)
{
	(void)state;
	assert_int_equal(ice_demux_set_ufrag(anna, slice_from_string("anna")), 0); /* none */
	assert_int_equal(ice_demux_set_ufrag(anna, slice_from_string("new1")), 0);
	assert_ptr_equal(route(at(1), message(STUN_REQUEST, 1, "anna:x")), anna_owner);
	assert_ptr_equal(route(at(1), message(STUN_REQUEST, 1, "new1:x")), anna_owner);
	assert_int_equal(ice_demux_set_ufrag(anna, slice_from_string("new2")), 0);
	assert_null(route(at(1), message(STUN_REQUEST, 1, "anna:x")));
	assert_ptr_equal(route(at(1), message(STUN_REQUEST, 1, "new1:x")), anna_owner);
	assert_ptr_equal(route(at(1), message(STUN_REQUEST, 1, "new2:x")), anna_owner);
}

static void a_ufrag_is_one_members(void **state)
{
	(void)state;
	ice_demux_member *m = NULL;
	char too_long[ICE_DEMUX_UFRAG_MAX + 2];
	memset(too_long, 'a', sizeof too_long - 1);
	too_long[sizeof too_long - 1] = '\0';
	assert_int_equal(ice_demux_add(demux, slice_from_string("bert"), NULL, &m), PARLEY_ESTATE);
	assert_int_equal(ice_demux_set_ufrag(anna, slice_from_string("bert")), PARLEY_ESTATE);
	assert_int_equal(ice_demux_set_ufrag(anna, slice_from_string("")), PARLEY_EINVAL);
	assert_int_equal(ice_demux_set_ufrag(anna, slice_from_string(too_long)), PARLEY_EINVAL);
	assert_int_equal(ice_demux_add(demux, slice_from_string(too_long), NULL, &m), PARLEY_EINVAL);
	too_long[ICE_DEMUX_UFRAG_MAX] = '\0';
	assert_int_equal(ice_demux_set_ufrag(anna, slice_from_string(too_long)), 0);
	assert_int_equal(ice_demux_set_ufrag(bert, slice_from_string("anna")), PARLEY_ESTATE); /* still known */
}

/* --- limits --- */

static void members_are_limited(void **state)
{
	(void)state;
	parley_random random = rng_seeded_source(&rng);
	ice_demux_member *more[MEMBERS_MAX] = {0};
	ice_demux *other;
	char ufrag[32];
	size_t count = 0;
	for (; ice_demux_member_count(demux) < MEMBERS_MAX; count++) {
		snprintf(ufrag, sizeof ufrag, "more%zu", count);
		assert_int_equal(ice_demux_add(demux, slice_from_string(ufrag), NULL, &more[count]), 0);
	}
	assert_int_equal(ice_demux_add(demux, slice_from_string("last"), NULL, &more[count]), PARLEY_ELIMIT);
	while (count > 0)
		ice_demux_remove(more[--count]);
	assert_int_equal(ice_demux_new(&random, 0, &other), PARLEY_EINVAL);
	assert_int_equal(ice_demux_new(&random, ICE_DEMUX_MEMBERS_MAX + 1, &other), PARLEY_EINVAL);
	assert_int_equal(ice_demux_new(&(parley_random){0}, 1, &other), PARLEY_EINVAL);
}

static void a_member_holds_the_addresses_it_heard_from_last(void **state)
{
	(void)state;
	for (uint16_t port = 1; port <= ICE_DEMUX_ADDRESSES_MAX; port++)
		assert_true(asked_from(anna, at(port)));
	assert_true(asked_from(anna, at(1))); /* so that at(2) is the oldest */
	assert_true(asked_from(anna, at(1000)));
	assert_null(route_data(at(2)));
	assert_ptr_equal(route_data(at(1)), anna_owner);
	assert_ptr_equal(route_data(at(1000)), anna_owner);
	assert_true(asked_from(bert, at(2000)));
	assert_true(answered_from(anna, at(2000))); /* one taken counts as well */
	assert_null(route_data(at(3)));
	assert_int_equal(ice_demux_address_count(demux), ICE_DEMUX_ADDRESSES_MAX);
	assert_int_equal(counters().evictions, 2);
}

static void a_member_waits_for_the_responses_asked_for_last(void **state)
{
	(void)state;
	for (unsigned id = 0; id <= ICE_DEMUX_REQUESTS_MAX; id++)
		ice_demux_sent(anna, message(STUN_REQUEST, (uint8_t)id, NULL));
	assert_null(route(at(1), message(STUN_SUCCESS, 0, NULL)));
	for (unsigned id = 1; id <= ICE_DEMUX_REQUESTS_MAX; id++)
		assert_ptr_equal(route(at(1), message(STUN_SUCCESS, (uint8_t)id, NULL)), anna_owner);
	assert_int_equal(counters().evictions, 1);
}

static void strangers_cost_no_memory(void **state)
{
	(void)state;
	size_t before = failmalloc_live();
	assert_true(asked_from(anna, at(1)));
	for (unsigned i = 0; i < 100000; i++) {
		parley_addr remote = addr_ipv4(203, 0, (uint8_t)(i >> 8), (uint8_t)i, (uint16_t)i);
		uint8_t id = (uint8_t)i;
		assert_null(route(remote, i % 3 == 0   ? message(STUN_REQUEST, id, "nobody:x")
					  : i % 3 == 1 ? message(STUN_SUCCESS, id, NULL)
						       : slice_of(dtls, sizeof dtls)));
	}
	assert_int_equal(failmalloc_live(), before + 1);
	assert_int_equal(counters().strangers, 100000);
}

static void live_without_memory(void *context)
{
	(void)context;
	parley_random random = rng_seeded_source(&rng);
	ice_demux *d;
	ice_demux_member *m;
	parley_addr remote = at(1);
	if (ice_demux_new(&random, 10, &d) != 0)
		return;
	if (ice_demux_add(d, slice_from_string("ufra"), anna_owner, &m) == 0) {
		bool learnt = ice_demux_heard(m, &local, &remote, message(STUN_REQUEST, 1, "ufra:x"), true);
		assert_ptr_equal(ice_demux_holder(d, &local, &remote), learnt ? anna_owner : NULL);
		ice_demux_sent(m, message(STUN_REQUEST, 2, "peer:ufra"));
		ice_demux_check_invariants(d);
		ice_demux_remove(m);
	}
	ice_demux_free(d);
}

static void every_allocation_may_fail(void **state)
{
	(void)state;
	rng_seeded_init(&rng, 1);
	failmalloc_loop(live_without_memory, NULL);
	ice_demux_free(NULL);
}

#define DEMUX_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DEMUX_TEST(requests_go_by_the_ufrag_of_who_is_asked),
		DEMUX_TEST(responses_go_to_who_asked),
		DEMUX_TEST(everything_else_goes_by_address),
		DEMUX_TEST(an_address_is_one_of_a_local_address),
		DEMUX_TEST(passing_on_teaches_nothing),
		DEMUX_TEST(a_request_takes_no_address_from_anyone),
		DEMUX_TEST(an_answer_beats_a_request),
		DEMUX_TEST(of_two_that_answer_the_younger_has_it),
		DEMUX_TEST(what_the_agent_does_not_consider_valid_is_not_learnt),
		DEMUX_TEST(a_restart_is_known_by_both_ufrags),
		DEMUX_TEST(a_ufrag_is_one_members),
		DEMUX_TEST(members_are_limited),
		DEMUX_TEST(a_member_holds_the_addresses_it_heard_from_last),
		DEMUX_TEST(a_member_waits_for_the_responses_asked_for_last),
		DEMUX_TEST(strangers_cost_no_memory),
		cmocka_unit_test(every_allocation_may_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
