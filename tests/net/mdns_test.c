/* net/mdns.h and net/multicast.h: two resolvers' worth of sockets on one port, and an answer over loopback */
#include "tests/support/test.h"

#include <string.h>

#include "base/addr.h"
#include "ice/mdns.h"
#include "net/mdns.h"
#include "net/multicast.h"
#include "tests/net/harness.h"

#define NAME "1f4b2a4e-7c35-4d2a-9d0b-0f2c3e4d5a6b.local"

static const uint8_t ip[] = {192, 0, 2, 33};

/* Answers for NAME as a browser does: address A, to the group. */
typedef struct {
	net_multicast *multicast;
	size_t a_questions;
	size_t ignore; /* as many questions, before it answers: as a browser that starts late */
} responder;

static void responder_datagram(void *me, const parley_addr *source, slice data)
{
	responder *r = me;
	mdns_message m;
	mdns_name name;
	assert_int_equal(mdns_name_parse(slice_from_string(NAME), &name), 0);
	if (source->port != MDNS_PORT || mdns_parse(data, &m) != 0 || m.response || m.question_count != 1)
		return;
	if (!mdns_name_equal(&m.questions[0].name, &name) || m.questions[0].type != MDNS_A)
		return;
	r->a_questions++;
	if (r->a_questions <= r->ignore)
		return;
	uint8_t bytes[512];
	writer w = writer_of(bytes, sizeof bytes);
	parley_addr address = addr_ipv4(ip[0], ip[1], ip[2], ip[3], 0);
	mdns_begin(&w, true);
	mdns_put_address(&w, &name, &address);
	assert_false(w.bad);
	net_multicast_send(r->multicast, writer_slice(&w));
}

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

/* Somebody may have the port for himself, or forbid multicast: then there is nothing to test. */
static bool open_both(uv_loop_t *loop, responder *r, asker *a)
{
	char why[NET_WHY_MAX] = "";
	int error = net_multicast_open(loop, true, responder_datagram, r, &r->multicast, why);
	if (error) {
		print_message("no multicast here: %s\n", why);
		assert_int_equal(error, PARLEY_EIO);
		return false;
	}
	assert_int_equal(net_mdns_new(loop, true, asker_answered, a, &a->mdns, why), 0);
	return true;
}

static void a_name_is_resolved(size_t ignore, bool free_when_answered)
{
	uv_loop_t *loop = harness_loop_new();
	responder r = {.ignore = ignore};
	asker a = {.free_when_answered = free_when_answered};
	if (!open_both(loop, &r, &a)) {
		harness_loop_free(loop);
		skip();
	}
	assert_int_equal(net_mdns_resolve(a.mdns, NAME, &a.id), 0);
	assert_false(a.answered);
	harness_run_until(loop, &a.answered);
	assert_true(a.found);
	assert_memory_equal(a.address.ip, ip, sizeof ip);
	net_mdns_free(a.mdns);
	net_multicast_close(r.multicast);
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
	responder r = {0};
	asker a = {0};
	if (!open_both(loop, &r, &a)) {
		harness_loop_free(loop);
		skip();
	}
	assert_int_equal(net_mdns_resolve(a.mdns, NAME, &a.id), 0);
	assert_int_equal(net_mdns_resolve(a.mdns, "example.com", &a.id), PARLEY_EINVAL);
	net_mdns_free(a.mdns);
	net_multicast_close(r.multicast);
	harness_loop_free(loop);
	assert_false(a.answered);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_resolved_over_multicast),
		cmocka_unit_test(the_resolver_may_be_freed_by_its_answer),
		cmocka_unit_test(a_responder_that_starts_late_is_asked_again),
		cmocka_unit_test(a_freed_resolver_leaves_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
