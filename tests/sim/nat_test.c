/* The simulated NATs and firewalls are what they are said to be, as RFC 5780 finds out: mapping, filtering, ports, lifetimes. */
#include "tests/support/test.h"

#include "base/addr.h"
#include "tests/sim/probe.h"
#include "tests/sim/simturn.h"

typedef struct {
	simnet net;
	simnet_box *box;
	simturn server;
	probe probe, neighbour, stranger;
	parley_addr outside;
} world;

static const simnet_path hop = {.delay_us = 10 * US_PER_MS};

static parley_addr at_port(parley_addr a, uint16_t port)
{
	a.port = port;
	return a;
}

static void world_init(world *w, const nat_config *config)
{
	const simturn_config stun = {.discovers_nats = true};
	const simnet_interface server[] = {{.ip = addr_ipv4(203, 0, 113, 10, 0)},
					   {.ip = addr_ipv4(203, 0, 113, 11, 0)}};
	simnet_init(&w->net, 1, &hop);
	w->outside = addr_ipv4(198, 51, 100, 1, 0);
	w->box = simnet_add_box(&w->net, config, NULL, &w->outside, &hop);
	probe_add(&w->probe, &w->net, "probe", &(simnet_interface){.ip = addr_ipv4(10, 0, 0, 2, 0), .box = w->box});
	probe_add(&w->neighbour, &w->net, "neighbour",
		  &(simnet_interface){.ip = addr_ipv4(10, 0, 0, 3, 0), .box = w->box});
	probe_add(&w->stranger, &w->net, "stranger", &(simnet_interface){.ip = addr_ipv4(192, 0, 2, 1, 0)});
	simturn_add(&w->server, &w->net, "server", &stun, server, 2);
}

static parley_addr server_at(const world *w, size_t interface, uint16_t port)
{
	return at_port(w->server.host.interfaces[interface].ip, port);
}

/* RFC 5780 4.3 */
static nat_dependence mapping_found(world *w, uint16_t port)
{
	parley_addr to[] = {server_at(w, 0, SIMTURN_PORT), server_at(w, 1, SIMTURN_PORT),
			    server_at(w, 1, SIMTURN_OTHER_PORT)};
	parley_addr mapped[3];
	for (size_t i = 0; i < 3; i++)
		assert_true(probe_binding(&w->probe, port, &to[i], 0, &mapped[i]));
	if (addr_equal(&mapped[0], &mapped[1]))
		return NAT_INDEPENDENT;
	return addr_equal(&mapped[1], &mapped[2]) ? NAT_ADDRESS : NAT_ADDRESS_AND_PORT;
}

/* RFC 5780 4.4 */
static nat_dependence filtering_found(world *w, uint16_t port)
{
	parley_addr to = server_at(w, 0, SIMTURN_PORT);
	assert_true(probe_binding(&w->probe, port, &to, 0, NULL));
	if (probe_binding(&w->probe, port, &to, STUN_CHANGE_IP | STUN_CHANGE_PORT, NULL))
		return NAT_INDEPENDENT;
	return probe_binding(&w->probe, port, &to, STUN_CHANGE_PORT, NULL) ? NAT_ADDRESS : NAT_ADDRESS_AND_PORT;
}

static void every_kind_is_found_to_be_itself(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 18; i++) {
		nat_config config = {.translates = true,
				     .mapping = (nat_dependence)(i % 3),
				     .filtering = (nat_dependence)(i / 3 % 3),
				     .changes_port = i >= 9};
		world w;
		parley_addr mapped, to = addr_ipv4(203, 0, 113, 10, SIMTURN_PORT);
		world_init(&w, &config);
		assert_int_equal(mapping_found(&w, 5000), config.mapping);
		assert_int_equal(filtering_found(&w, 5100), config.filtering);
		assert_true(probe_binding(&w.probe, 5200, &to, 0, &mapped));
		assert_true(addr_equal_ip(&mapped, &w.outside));
		assert_int_equal(mapped.port == 5200, !config.changes_port);
		simnet_clear(&w.net);
	}
}

static void a_firewall_changes_nothing_and_filters(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		nat_config config = {.filtering = (nat_dependence)i};
		world w;
		parley_addr mapped, to = addr_ipv4(203, 0, 113, 10, SIMTURN_PORT);
		world_init(&w, &config);
		assert_true(probe_binding(&w.probe, 5200, &to, 0, &mapped));
		assert_true(addr_equal(&mapped, &w.probe.to));
		assert_int_equal(filtering_found(&w, 5100), config.filtering);
		simnet_clear(&w.net);
	}
}

static void two_hosts_do_not_share_a_port(void **state)
{
	(void)state;
	nat_config config = {.translates = true};
	world w;
	parley_addr first, second, to = addr_ipv4(203, 0, 113, 10, SIMTURN_PORT);
	world_init(&w, &config);
	assert_true(probe_binding(&w.probe, 5000, &to, 0, &first));
	assert_true(probe_binding(&w.neighbour, 5000, &to, 0, &second));
	assert_int_equal(first.port, 5000);
	assert_int_equal(second.port, 5001);
	simnet_clear(&w.net);
}

/* A stranger gets in by the mapping, and only there. */
static bool stranger_gets_in(world *w, const parley_addr *mapped)
{
	static const uint8_t hello[] = "hello";
	w->probe.answered = false;
	(void)probe_exchange(&w->stranger, 6000, mapped, slice_of(hello, sizeof hello));
	return w->probe.answered;
}

static void a_mapping_ends_when_it_is_not_used(void **state)
{
	(void)state;
	nat_config config = {.translates = true, .udp_timeout_us = 30 * US_PER_S};
	for (int refreshes = 0; refreshes < 2; refreshes++) {
		world w;
		config.inbound_refreshes = refreshes;
		parley_addr mapped, again, to = addr_ipv4(203, 0, 113, 10, SIMTURN_PORT);
		world_init(&w, &config);
		assert_true(probe_binding(&w.probe, 5000, &to, 0, &mapped));
		w.net.now += 20 * US_PER_S;
		assert_true(stranger_gets_in(&w, &mapped));
		w.net.now += 20 * US_PER_S;
		assert_int_equal(stranger_gets_in(&w, &mapped), refreshes);
		w.net.now += 40 * US_PER_S;
		assert_false(stranger_gets_in(&w, &mapped));
		parley_addr other = at_port(mapped, 5001);
		assert_true(probe_binding(&w.probe, 5000, &to, 0, &again));
		assert_true(stranger_gets_in(&w, &again));
		assert_false(stranger_gets_in(&w, &other));
		simnet_clear(&w.net);
	}
}

static void hairpins_only_where_told_to(void **state)
{
	(void)state;
	static const uint8_t hello[] = "hello";
	for (int hairpins = 0; hairpins < 2; hairpins++) {
		nat_config config = {.translates = true, .hairpins = hairpins};
		world w;
		parley_addr mapped, to = addr_ipv4(203, 0, 113, 10, SIMTURN_PORT);
		world_init(&w, &config);
		assert_true(probe_binding(&w.probe, 5000, &to, 0, &mapped));
		w.probe.answered = false;
		(void)probe_exchange(&w.neighbour, 5001, &mapped, slice_of(hello, sizeof hello));
		assert_int_equal(w.probe.answered, hairpins);
		if (hairpins)
			assert_true(addr_equal_ip(&w.probe.from, &w.outside)); /* RFC 4787 REQ-9a */
		simnet_clear(&w.net);
	}
}

/* A NAT behind a NAT: both mappings are made, the outer one is seen. */
static void boxes_nest(void **state)
{
	(void)state;
	nat_config config = {.translates = true, .changes_port = true};
	parley_addr shared = addr_ipv4(100, 64, 0, 7, 0), mapped, to = addr_ipv4(203, 0, 113, 10, SIMTURN_PORT);
	world w;
	probe inner;
	world_init(&w, &config);
	simnet_box *box = simnet_add_box(&w.net, &config, w.box, &shared, &hop);
	probe_add(&inner, &w.net, "inner", &(simnet_interface){.ip = addr_ipv4(192, 168, 0, 2, 0), .box = box});
	uint64_t begun = w.net.now;
	assert_true(probe_binding(&inner, 5000, &to, 0, &mapped));
	assert_int_equal(w.net.now - begun, 6 * hop.delay_us);
	assert_true(addr_equal_ip(&mapped, &w.outside));
	assert_int_equal(box->nat.mapping_count, 1);
	assert_int_equal(w.box->nat.mapping_count, 1);
	w.probe.answered = inner.answered = false;
	(void)stranger_gets_in(&w, &mapped);
	assert_true(inner.answered);
	simnet_clear(&w.net);
}

static void blocked_udp_does_not_pass(void **state)
{
	(void)state;
	nat_config config = {.translates = true, .blocks_udp = true};
	parley_addr to = addr_ipv4(203, 0, 113, 10, SIMTURN_PORT);
	world w;
	world_init(&w, &config);
	assert_false(probe_binding(&w.probe, 5000, &to, 0, NULL));
	assert_int_equal(w.box->nat.mapping_count, 0);
	assert_int_equal(w.server.count.bindings, 0);
	simnet_clear(&w.net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_is_found_to_be_itself),
		cmocka_unit_test(a_firewall_changes_nothing_and_filters),
		cmocka_unit_test(two_hosts_do_not_share_a_port),
		cmocka_unit_test(a_mapping_ends_when_it_is_not_used),
		cmocka_unit_test(hairpins_only_where_told_to),
		cmocka_unit_test(boxes_nest),
		cmocka_unit_test(blocked_udp_does_not_pass),
	};
	return cmocka_run_group_tests_name("sim/nat", tests, NULL, NULL);
}
