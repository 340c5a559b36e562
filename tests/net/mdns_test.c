/* net/mdns.h and net/multicast.h: questions and answers between two sockets on one port */
#include "tests/support/test.h"

#include "base/addr.h"
#include "net/mdns.h"
#include "tests/net/harness.h"
#include "tests/net/responder.h"

#define NAME "1f4b2a4e-7c35-4d2a-9d0b-0f2c3e4d5a6b.local"

typedef struct {
	net_mdns *mdns;
	bool answered, found, free_when_answered;
	uint64_t id;
	parley_addr address;
} asker;

static void asker_answered(void *me, uint64_t id, const parley_addr *address)
{
	asker *a = me;
	assert_false(a->answered);
	a->answered = true;
	assert_int_equal(id, a->id);
	a->found = address != NULL;
	if (address)
		a->address = *address;
	if (a->free_when_answered) {
		net_mdns_free(a->mdns);
		a->mdns = NULL;
	}
}

static bool open_both(uv_loop_t *loop, responder *r, asker *a)
{
	if (!responder_open(r, loop))
		return false;
	char why[NET_WHY_MAX] = "";
	assert_int_equal(net_mdns_new(loop, true, asker_answered, a, &a->mdns, why), 0);
	return true;
}

static void a_name_is_resolved(size_t ignore, bool free_when_answered)
{
	uv_loop_t *loop = harness_loop_new();
	responder r = {.name = NAME, .address = addr_ipv4(192, 0, 2, 33, 0), .ignore = ignore};
	asker a = {.free_when_answered = free_when_answered};
	if (!open_both(loop, &r, &a)) {
		harness_loop_free(loop);
		skip();
	}
	assert_int_equal(net_mdns_resolve(a.mdns, NAME, &a.id), 0);
	assert_false(a.answered);
	harness_run_until(loop, &a.answered);
	assert_true(a.found);
	assert_true(addr_equal(&a.address, &r.address));
	net_mdns_free(a.mdns);
	responder_close(&r);
	harness_loop_free(loop);
}

static void a_name_is_resolved_over_multicast(void **state)
{
	(void)state;
	a_name_is_resolved(0, false);
}

static void the_resolver_may_be_freed_by_its_answer(void **state)
{
	(void)state;
	a_name_is_resolved(0, true);
}

static void a_responder_that_starts_late_is_asked_again(void **state)
{
	(void)state;
	a_name_is_resolved(4, false); /* whether the question came over one interface or several */
}

static void a_freed_resolver_leaves_nothing(void **state)
{
	(void)state;
	uv_loop_t *loop = harness_loop_new();
	responder r = {.name = NAME};
	asker a = {0};
	if (!open_both(loop, &r, &a)) {
		harness_loop_free(loop);
		skip();
	}
	assert_int_equal(net_mdns_resolve(a.mdns, NAME, &a.id), 0);
	assert_int_equal(net_mdns_resolve(a.mdns, "example.com", &a.id), PARLEY_EINVAL);
	net_mdns_free(a.mdns);
	responder_close(&r);
	harness_loop_free(loop);
	assert_false(a.answered);
}

static void own_names_are_answered_for(void **state)
{
	(void)state;
	uv_loop_t *loop = harness_loop_new();
	asker a = {0}, b = {0};
	responder r = {.name = "nobody.local"};
	char why[NET_WHY_MAX] = "";
	parley_addr address = addr_ipv4(192, 0, 2, 44, 0);
	if (!open_both(loop, &r, &a)) {
		harness_loop_free(loop);
		skip();
	}
	assert_int_equal(net_mdns_new(loop, true, asker_answered, &b, &b.mdns, why), 0);
	assert_int_equal(net_mdns_answer(b.mdns, NAME, &address), 0);
	assert_int_equal(net_mdns_answer(b.mdns, NAME, &address), PARLEY_EINVAL);
	assert_int_equal(net_mdns_answer(b.mdns, "example.com", &address), PARLEY_EINVAL);
	assert_int_equal(net_mdns_resolve(a.mdns, NAME, &a.id), 0);
	harness_run_until(loop, &a.answered);
	assert_true(a.found);
	assert_true(addr_equal_ip(&a.address, &address));
	net_mdns_free(b.mdns);
	net_mdns_free(a.mdns);
	responder_close(&r);
	harness_loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_resolved_over_multicast),
		cmocka_unit_test(the_resolver_may_be_freed_by_its_answer),
		cmocka_unit_test(a_responder_that_starts_late_is_asked_again),
		cmocka_unit_test(a_freed_resolver_leaves_nothing),
		cmocka_unit_test(own_names_are_answered_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
