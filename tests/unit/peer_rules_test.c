/* peer/: single rules of RFC 8829 and RFC 7983 that a connection without a network can show. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/rng.h"
#include "parley/core.h"

#define NOW UINT64_C(1000000)

static parley_core *make_nominating(rng_seeded *rng, enum parley_nomination nomination)
{
	parley_core *core = NULL;
	parley_core_config config;
	parley_channel channel;
	parley_addr a = addr_ipv4(192, 0, 2, 1, 5000);
	parley_core_config_default(&config);
	rng_seeded_init(rng, 1);
	config.random = rng_seeded_source(rng);
	config.unix_time_s = 1700000000;
	config.nomination = nomination;
	assert_int_equal(parley_core_new(&config, NOW, &core), 0);
	assert_int_equal(parley_core_create_data_channel(core, NOW, "x", NULL, &channel), 0);
	assert_int_equal(parley_core_add_local_address(core, NOW, &a), 0);
	return core;
}

static parley_core *make(rng_seeded *rng)
{
	return make_nominating(rng, PARLEY_NOMINATION_REGULAR);
}

/* The value of the first a=NAME:, or "". */
static void attribute(const char *sdp, const char *name, char out[128])
{
	char prefix[32];
	snprintf(prefix, sizeof prefix, "\na=%s:", name);
	const char *at = strstr(sdp, prefix);
	snprintf(out, 128, "%.*s", at ? (int)strcspn(at + strlen(prefix), "\r") : 0, at ? at + strlen(prefix) : "");
}

/* RFC 8829 5.2.1, RFC 8445 10, 14.2, draft-thatcher-ice-renomination-01 3 */
static void an_offer_says_how_ice_is_done(void **state)
{
	(void)state;
	static const char *const OPTIONS[] = {
		[PARLEY_NOMINATION_REGULAR] = "trickle ice2",
		[PARLEY_NOMINATION_AGGRESSIVE] = "trickle",
		[PARLEY_NOMINATION_RENOMINATION] = "trickle ice2 renomination",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(OPTIONS); i++) {
		rng_seeded rng;
		char *sdp, options[128];
		parley_core *core = make_nominating(&rng, (enum parley_nomination)i);
		assert_int_equal(parley_core_create_offer(core, &sdp), 0);
		attribute(sdp, "ice-options", options);
		assert_string_equal(options, OPTIONS[i]);
		attribute(sdp, "ice-pacing", options);
		assert_string_equal(options, "20");
		parley_free(sdp);
		parley_core_free(core);
	}
}

/* RFC 8829 5.2.3.1: restart_ice counts for the next offer, once there was one. */
static void an_offer_after_restart_has_new_credentials(void **state)
{
	(void)state;
	static const char *const ANSWER =
		"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
		"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=ice-ufrag:abcd\r\n"
		"a=ice-pwd:0123456789abcdefghijkl\r\na=setup:active\r\na=sctp-port:5000\r\na=fingerprint:sha-256 "
		"00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n";
	rng_seeded rng;
	char *sdp, first[2][128], second[2][128];
	parley_core *core = make(&rng);
	assert_int_equal(parley_core_create_offer(core, &sdp), 0);
	attribute(sdp, "ice-ufrag", first[0]);
	attribute(sdp, "ice-pwd", first[1]);
	assert_int_equal(parley_core_set_local_description(core, NOW, PARLEY_SDP_OFFER, sdp), 0);
	parley_free(sdp);
	assert_int_equal(parley_core_set_remote_description(core, NOW, PARLEY_SDP_ANSWER, ANSWER), 0);
	for (int restarted = 0; restarted < 2; restarted++) {
		if (restarted)
			assert_int_equal(parley_core_restart_ice(core), 0);
		assert_int_equal(parley_core_create_offer(core, &sdp), 0);
		attribute(sdp, "ice-ufrag", second[0]);
		attribute(sdp, "ice-pwd", second[1]);
		parley_free(sdp);
		assert_int_equal(strcmp(first[0], second[0]) != 0, restarted);
		assert_int_equal(strcmp(first[1], second[1]) != 0, restarted);
	}
	parley_core_free(core);
}

/* RFC 7983 7: nothing here is valid, and what is neither STUN nor DTLS is not even looked at. */
static void datagrams_of_every_kind_are_dropped_before_any_description(void **state)
{
	(void)state;
	rng_seeded rng;
	parley_core *core = make(&rng);
	parley_addr local = addr_ipv4(192, 0, 2, 1, 5000), remote = addr_ipv4(198, 51, 100, 1, 1);
	parley_core_stats stats;
	for (unsigned first = 0; first < 256; first++) {
		uint8_t bytes[32] = {(uint8_t)first};
		parley_packet p;
		parley_core_receive(core, NOW, &local, &remote, bytes, sizeof bytes);
		parley_core_check_invariants(core);
		assert_false(parley_core_poll_transmit(core, NOW, &p));
	}
	parley_core_receive(core, NOW, &local, &remote, NULL, 0);
	parley_core_get_stats(core, &stats);
	assert_int_equal(stats.packets_received, 257);
	assert_int_equal(stats.packets_dropped, 257);
	parley_core_free(core);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_offer_says_how_ice_is_done),
		cmocka_unit_test(an_offer_after_restart_has_new_credentials),
		cmocka_unit_test(datagrams_of_every_kind_are_dropped_before_any_description),
	};
	return cmocka_run_group_tests_name("peer/rules", tests, NULL, NULL);
}
