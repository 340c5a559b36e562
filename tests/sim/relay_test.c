/*
 * Calls that need their relay, for hours; servers that restart under a call, and dead ones among others: no message is lost,
 * the server finds nothing to complain of, and who is dead delays nobody.
 *
 *     relay_test                            the tests
 *     relay_test --seed N --name TEST       one seed of a test, its trace of packets and events on stdout
 */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "tests/sim/call.h"
#include "tests/sim/scenario.h"
#include "tests/sim/simturn.h"
#include "tests/sim/site.h"

#define SEEDS 5u
#define CONNECT_LIMIT (UINT64_C(20) * US_PER_S)
#define TWO_HOURS_US (UINT64_C(7200) * US_PER_S)
#define SERVERS_MAX 6u

typedef struct {
	call call;
	simturn server, dead;
} world;

#define SERVER(text)                                                  \
	{                                                             \
		.url = (text), .username = "sim", .credential = "sim" \
	}

static const parley_ice_server over_udp = SERVER("turn:turn.example");
static const parley_ice_server over_tcp = SERVER("turn:turn.example?transport=tcp");
static const parley_ice_server over_tls = SERVER("turns:turn.example:443");

static const simnet_path path = {.delay_us = 30 * US_PER_MS, .jitter_us = 3 * US_PER_MS, .loss = 5};
static const simnet_path inside = {.delay_us = 2 * US_PER_MS};

static void add_server(world *w, simturn *s, const char *name, uint8_t last_byte, bool sha256)
{
	const simnet_interface interfaces[] = {
		{.ip = addr_ipv4(203, 0, 113, last_byte, 0)},
		{.ip = {.family = PARLEY_IPV6, .ip = {0x20, 0x01, 0x0d, 0xb8, [15] = last_byte}}},
	};
	simturn_config config = {.username = "sim",
				 .password = "sim",
				 .realm = "sim",
				 .name = name,
				 .sha256 = sha256,
				 .nonce_lifetime_us = 1000 * US_PER_S};
	simturn_add(s, &w->call.net, name, &config, interfaces, 2);
	simnet_add_name(&w->call.net, name, &interfaces[0].ip);
	simnet_add_name(&w->call.net, name, &interfaces[1].ip);
}

static void world_init(world *w, uint64_t seed, const site sites[2], const parley_core_config *config,
		       const call_options *options)
{
	call_init_network(&w->call, seed, &path, options);
	w->call.net.trace = scenario_is_watched() ? stdout : NULL;
	add_server(w, &w->server, "turn.example", 10, seed & 1);
	add_server(w, &w->dead, "dead.example", 20, false);
	w->dead.host.dead = true;
	for (unsigned i = 0; i < 2; i++) {
		simnet_interface interfaces[SITE_INTERFACES];
		size_t count = site_add(&w->call.net, &sites[i], i, seed & 1, &inside, interfaces);
		call_join(&w->call, config, interfaces, count);
	}
}

static parley_core_config config_of(const parley_ice_server *servers, size_t count)
{
	parley_core_config config;
	parley_core_config_default(&config);
	config.log_level = PARLEY_LOG_INFO;
	config.ice_servers = servers;
	config.ice_server_count = count;
	return config;
}

static const call_options few_messages = {.messages = 5, .message_len = 300, .signaling_delay = 20 * US_PER_MS};

static void all_delivered(world *w, uint64_t within)
{
	call *c = &w->call;
	if (!call_run(c, within))
		fail_msg("received %u and %u of %u", c->ends[0].received, c->ends[1].received, c->options.messages);
	call_run_for(c, 5 * US_PER_S); /* so that a message that comes twice is seen */
	for (int i = 0; i < 2; i++) {
		assert_false(c->ends[i].misordered);
		assert_int_equal(c->ends[i].received, c->options.messages);
		assert_int_equal(c->ends[i].connection_state, PARLEY_CONNECTION_CONNECTED);
	}
}

static void world_clear(world *w)
{
	if (w->server.violations)
		fail_msg("%s", w->server.violation);
	call_clear(&w->call);
}

/* Relayed only, both ends, by policy: two hours, a message each way every half minute. */
static void two_hours_relayed(uint64_t seed, const parley_ice_server *server)
{
	static const site open[2] = {{.kind = SITE_OPEN}, {.kind = SITE_OPEN}};
	world *w = malloc(sizeof *w);
	assert_non_null(w);
	parley_core_config config = config_of(server, 1);
	config.ice_transport_policy = PARLEY_ICE_TRANSPORT_RELAY;
	world_init(w, seed, open, &config, &few_messages);
	call_start(&w->call);
	assert_true(call_run(&w->call, CONNECT_LIMIT));
	uint64_t end = w->call.net.now + TWO_HOURS_US;
	while (w->call.net.now < end) {
		call_send(&w->call, 1);
		call_run_for(&w->call, 30 * US_PER_S);
	}
	all_delivered(w, 20 * US_PER_S);
	for (int i = 0; i < 2; i++) {
		const call_end *e = &w->call.ends[i];
		assert_string_equal(e->local_type, "relay");
		assert_int_equal(e->ice_states & ((1u << PARLEY_ICE_DISCONNECTED) | (1u << PARLEY_ICE_FAILED)), 0);
	}
	const simturn_counters *n = &w->server.count;
	print_message(
		"  %u allocations, %u refreshes, %u permissions, %u channels, %u stale nonces; data: %u and %u on channels\n",
		n->allocations, n->refreshes, n->permissions, n->channels, n->stale_nonces, n->sends, n->channel_sends);
	assert_int_equal(n->mismatches + n->strays + n->expired + n->wrong_passwords, 0);
	/* Data is to go the short way: what comes before the channel is bound is a handful. */
	assert_true(n->channel_sends > 20 * n->sends);
	world_clear(w);
	free(w);
}

static void two_hours_over_udp(uint64_t seed)
{
	two_hours_relayed(seed, &over_udp);
}

static void two_hours_over_tcp(uint64_t seed)
{
	two_hours_relayed(seed, &over_tcp);
}

static void two_hours_over_tls(uint64_t seed)
{
	two_hours_relayed(seed, &over_tls);
}

/* The application restarts ICE when it hears of trouble, as the W3C's example does. */
static void heal(world *w, uint64_t us)
{
	call *c = &w->call;
	uint64_t end = c->net.now + us, restarted_at = 0;
	while (c->net.now < end) {
		call_send(c, 1);
		call_run_for(c, 200 * US_PER_MS);
		bool trouble = c->ends[0].connection_state != PARLEY_CONNECTION_CONNECTED;
		if (trouble && (!restarted_at || c->net.now - restarted_at > 5 * US_PER_S)) {
			call_restart_ice(c, 0);
			restarted_at = c->net.now;
		}
	}
}

static void a_restart_of_the_server(uint64_t seed, const parley_ice_server *server)
{
	static const site closed[2] = {{.kind = SITE_SYMMETRIC}, {.kind = SITE_SYMMETRIC}};
	world *w = malloc(sizeof *w);
	assert_non_null(w);
	parley_core_config config = config_of(server, 1);
	world_init(w, seed, closed, &config, &few_messages);
	call_start(&w->call);
	assert_true(call_run(&w->call, CONNECT_LIMIT));
	heal(w, (10 + seed) * US_PER_S);
	unsigned before = w->server.count.allocations;
	simturn_restart(&w->server);
	uint64_t begun = w->call.net.now;
	heal(w, 200 * US_PER_MS);
	while (w->call.ends[0].received < w->call.options.messages ||
	       w->call.ends[1].received < w->call.options.messages) {
		heal(w, US_PER_S);
		if (w->call.net.now - begun > 60 * US_PER_S)
			fail_msg("seed %llu: not healed", (unsigned long long)seed);
	}
	print_message("  healed %.1f s after\n", (double)(w->call.net.now - begun) / 1e6);
	assert_true(w->call.net.now - begun < 15 * US_PER_S);
	assert_true(w->server.count.allocations > before);
	all_delivered(w, 20 * US_PER_S);
	world_clear(w);
	free(w);
}

static void the_server_restarts_under_udp(uint64_t seed)
{
	a_restart_of_the_server(seed, &over_udp);
}

static void the_server_restarts_under_tls(uint64_t seed)
{
	a_restart_of_the_server(seed, &over_tls);
}

static uint64_t time_to_connect(uint64_t seed, const site sites[2], const parley_ice_server *servers, size_t count)
{
	world *w = malloc(sizeof *w);
	assert_non_null(w);
	parley_core_config config = config_of(servers, count);
	world_init(w, seed, sites, &config, &few_messages);
	call_start(&w->call);
	assert_true(call_run(&w->call, CONNECT_LIMIT));
	uint64_t connected = 0;
	for (int i = 0; i < 2; i++)
		if (w->call.ends[i].ice_connected_at > connected)
			connected = w->call.ends[i].ice_connected_at;
	world_clear(w);
	free(w);
	return connected - SIMNET_EPOCH;
}

/* Each kind of dead server before the living one: by address and by name, of no name at all. */
static void a_dead_server_delays_nobody(uint64_t seed)
{
	static const parley_ice_server alive = SERVER("turn:turn.example");
	static const parley_ice_server with_dead[] = {
		{.url = "stun:dead.example"},
		SERVER("turn:dead.example"),
		SERVER("turn:203.0.113.20?transport=tcp"),
		SERVER("turns:dead.example:443"),
		{.url = "stun:nowhere.example"},
		SERVER("turn:turn.example"),
	};
	for (unsigned kind = 0; kind < SITE_KINDS; kind++) {
		site sites[2] = {{.kind = (site_kind)kind}, {.kind = SITE_SYMMETRIC}};
		if (kind == SITE_UDP_BLOCKED || kind == SITE_TCP443_ONLY)
			continue;
		uint64_t without = time_to_connect(seed, sites, &alive, 1);
		uint64_t with = time_to_connect(seed, sites, with_dead, ARRAY_LENGTH(with_dead));
		/* Questions leave one every 20 ms (RFC 8445 14): five more of them, at either end. A check that is lost costs 250 ms. */
		if (with > without + 500 * US_PER_MS)
			fail_msg("seed %llu, %s: %.3f s instead of %.3f s", (unsigned long long)seed,
				 site_kind_name((site_kind)kind), (double)with / 1e6, (double)without / 1e6);
	}
}

static const scenario scenarios[] = {
	SCENARIO_TEST(two_hours_over_udp),
	SCENARIO_TEST(two_hours_over_tcp),
	SCENARIO_TEST(two_hours_over_tls),
	SCENARIO_TEST(the_server_restarts_under_udp),
	SCENARIO_TEST(the_server_restarts_under_tls),
	SCENARIO_TEST(a_dead_server_delays_nobody),
};

int main(int argc, char **argv)
{
	return scenarios_run("sim/relay", scenarios, ARRAY_LENGTH(scenarios), SEEDS, argc, argv);
}
