/*
 * A path that breaks under a call in progress: what is short heals by itself, what is long fails with a reason and is healed
 * by a restart, and no message is ever lost, doubled or out of order.
 *
 *     outage_test             the tests
 *     outage_test --trace     the first seed's trace of packets and events on stdout
 */
#include "tests/support/test.h"

#include <string.h>

#include "tests/sim/call.h"

#define SEEDS 6u
#define SETTLE_US \
	(UINT64_C(90) * US_PER_S) /* by then what can heal has healed: SCTP waits up to 10 s between attempts */

#define SEEN(state) (1u << (state))

static bool tracing;

static const simnet_path good_path = {.delay_us = 30 * US_PER_MS, .jitter_us = 5 * US_PER_MS};

/* A call that is up and has delivered its first messages. */
static void begin(call *c, uint64_t seed, unsigned message_len, bool wait_for_gathering)
{
	call_options options = {.messages = 10,
				.message_len = message_len,
				.signaling_delay = 20 * US_PER_MS,
				.wait_for_gathering = wait_for_gathering};
	parley_core_config config;
	parley_core_config_default(&config);
	config.log_level = PARLEY_LOG_INFO;
	call_init(c, seed, &good_path, &options, &config);
	c->net.trace = tracing && seed == 1 ? stdout : NULL;
	call_start(c);
	assert_true(call_run(c, 20 * US_PER_S));
	call_run_for(c, US_PER_S);
	c->ends[0].ice_states = c->ends[1].ice_states = 0;
}

/* So long, with three messages each way every second. */
static void talk(call *c, uint64_t us)
{
	uint64_t end = c->net.now + us;
	while (c->net.now < end) {
		call_send(c, 3);
		call_run_for(c, time_min(US_PER_S, end - c->net.now));
	}
}

static void cut(call *c, uint64_t us)
{
	c->net.path.cut = true;
	talk(c, us);
	c->net.path.cut = false;
}

static void all_delivered(call *c, uint64_t within)
{
	uint64_t begun = c->net.now;
	if (!call_run(c, within))
		fail_msg("received %u and %u of %u", c->ends[0].received, c->ends[1].received, c->options.messages);
	print_message("  all delivered %.1f s after\n", (double)(c->net.now - begun) / 1e6);
	call_run_for(c, 5 * US_PER_S); /* so that a message that comes twice is seen */
	for (int i = 0; i < 2; i++) {
		assert_false(c->ends[i].misordered);
		assert_int_equal(c->ends[i].received, c->options.messages);
		assert_int_equal(c->ends[i].connection_state, PARLEY_CONNECTION_CONNECTED);
		assert_int_equal(c->ends[i].channel_state, PARLEY_CHANNEL_OPEN);
	}
}

static void two_seconds_are_hardly_noticed(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		call c;
		begin(&c, seed, 0, seed & 1);
		cut(&c, 2 * US_PER_S);
		all_delivered(&c, US_PER_S);
		for (int i = 0; i < 2; i++)
			assert_false(c.ends[i].ice_states & SEEN(PARLEY_ICE_FAILED));
		call_clear(&c);
	}
}

static void twelve_seconds_disconnect_and_heal(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		call c;
		begin(&c, seed, 0, seed & 1);
		cut(&c, 12 * US_PER_S);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(c.ends[i].ice_states, SEEN(PARLEY_ICE_DISCONNECTED));
			assert_int_equal(c.ends[i].connection_state, PARLEY_CONNECTION_DISCONNECTED);
		}
		all_delivered(&c, US_PER_S);
		call_clear(&c);
	}
}

static void a_minute_fails_and_a_restart_heals(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		call c;
		begin(&c, seed, 0, seed & 1);
		cut(&c, 60 * US_PER_S);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(c.ends[i].connection_state, PARLEY_CONNECTION_FAILED);
			assert_string_equal(c.ends[i].failure, "the path to the peer was lost and not found again");
			assert_int_equal(c.ends[i].channel_state, PARLEY_CHANNEL_OPEN);
		}
		call_run_for(&c, 5 * US_PER_S);
		assert_int_equal(c.ends[0].connection_state, PARLEY_CONNECTION_FAILED);
		call_restart_ice(&c, 0);
		all_delivered(&c, US_PER_S);
		call_clear(&c);
	}
}

/* Cut again and again, at other moments of the timers by each seed. */
static void a_path_that_comes_and_goes_delivers(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		call c;
		begin(&c, seed, 500, seed & 1);
		for (unsigned i = 0; i < 8; i++) {
			cut(&c, (1 + (seed * 7 + i * 5) % 9) * US_PER_S);
			talk(&c, (1 + (seed + i) % 4) * US_PER_S);
		}
		all_delivered(&c, SETTLE_US);
		call_clear(&c);
	}
}

/* Large datagrams vanish for a while: small ones keep the connection up, and nothing is given up. */
static void large_packets_vanish_for_a_while(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		call c;
		begin(&c, seed, 1500, seed & 1);
		c.net.path.mtu = 700;
		talk(&c, 20 * US_PER_S);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(c.ends[i].ice_states, 0);
			assert_int_equal(c.ends[i].connection_state, PARLEY_CONNECTION_CONNECTED);
		}
		c.net.path.mtu = 0;
		all_delivered(&c, 30 * US_PER_S);
		call_clear(&c);
	}
}

static void flipped_bits_reach_nobody(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		call c;
		begin(&c, seed, 800, seed & 1);
		c.net.path.corrupt = 10;
		talk(&c, 60 * US_PER_S);
		c.net.path.corrupt = 200;
		talk(&c, 20 * US_PER_S);
		all_delivered(&c, 30 * US_PER_S);
		call_clear(&c);
	}
}

static void a_fifth_of_all_packets_is_lost(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		call c;
		begin(&c, seed, 800, seed & 1);
		c.net.path.loss = 200;
		if (seed > SEEDS / 2)
			c.net.path.delay_us = 150 * US_PER_MS;
		talk(&c, 120 * US_PER_S);
		for (int i = 0; i < 2; i++)
			assert_int_equal(c.ends[i].ice_states, 0);
		c.net.path.loss = 0;
		all_delivered(&c, SETTLE_US);
		call_clear(&c);
	}
}

/* Somebody who sees the addresses writes to both ends, without keys: that is no sign of life. */
static void forge(call *c)
{
	static const uint8_t kinds[] = {22, 23, 0x80}; /* DTLS handshake and data, RTP */
	uint8_t forged[100] = {0, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0xff, 0xff, 0, 87};
	for (int i = 0; i < 2; i++)
		for (size_t k = 0; k < ARRAY_LENGTH(kinds); k++) {
			simnet_node *to = c->ends[i].node;
			parley_core_stats path;
			parley_core_get_stats(to->core, &path);
			assert_true(path.has_selected_pair);
			forged[0] = kinds[k];
			parley_core_receive(to->core, c->net.now, &path.local, &path.remote, forged, sizeof forged);
			simnet_drain(to);
		}
}

static void forgers_do_not_hide_an_outage(void **state)
{
	(void)state;
	call c;
	begin(&c, 1, 0, false);
	c.net.path.cut = true;
	call_send(&c, 3);
	for (unsigned i = 0; i < 40; i++) {
		call_run_for(&c, 50 * US_PER_MS);
		forge(&c);
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(c.ends[i].ice_states, SEEN(PARLEY_ICE_DISCONNECTED));
	c.net.path.cut = false;
	all_delivered(&c, US_PER_S);
	call_clear(&c);
}

int main(int argc, char **argv)
{
	tracing = argc > 1 && strcmp(argv[1], "--trace") == 0;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_seconds_are_hardly_noticed),
		cmocka_unit_test(twelve_seconds_disconnect_and_heal),
		cmocka_unit_test(a_minute_fails_and_a_restart_heals),
		cmocka_unit_test(a_path_that_comes_and_goes_delivers),
		cmocka_unit_test(large_packets_vanish_for_a_while),
		cmocka_unit_test(flipped_bits_reach_nobody),
		cmocka_unit_test(a_fifth_of_all_packets_is_lost),
		cmocka_unit_test(forgers_do_not_hide_an_outage),
	};
	return cmocka_run_group_tests_name("sim/outage", tests, NULL, NULL);
}
