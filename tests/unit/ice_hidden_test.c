/* Names in place of our own addresses (draft-ietf-rtcweb-mdns-ice-candidates 3.1). */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/rng.h"
#include "ice/ice.h"
#include "parley/core.h"
#include "stun/stun.h"

#define NOW UINT64_C(1000000)
#define TOLD_MAX 16u

typedef struct {
	ice_agent *ice;
	rng_seeded rng;
	ice_candidate told[TOLD_MAX];
	size_t told_count;
	char name[TOLD_MAX][ICE_NAME_MAX + 1];
	parley_addr address[TOLD_MAX]; /* that is behind it */
	size_t name_count;
	stun_id asked; /* the last question to a server */
	bool gave_name_first;
} scene;

static scene s;

static void pump(void)
{
	uint8_t bytes[ICE_PACKET_MAX];
	ice_packet p = {.data = {.data = bytes, .capacity = sizeof bytes}};
	stun_message m;
	while (ice_poll_transmit(s.ice, NOW, &p))
		if (stun_parse(slice_of(bytes, p.data.len), &m) == 0)
			s.asked = m.id;
	for (ice_event e; ice_poll_event(s.ice, &e);) {
		if (e.type == ICE_EVENT_CANDIDATE && s.told_count < TOLD_MAX) {
			s.gave_name_first &= !e.candidate.name[0] || s.name_count > 0;
			s.told[s.told_count++] = e.candidate;
		} else if (e.type == ICE_EVENT_OWN_NAME && s.name_count < TOLD_MAX) {
			snprintf(s.name[s.name_count], sizeof s.name[0], "%s", e.name);
			s.address[s.name_count++] = e.local;
		}
	}
	ice_check_invariants(s.ice);
}

static void begin(void)
{
	ice_config config;
	s = (scene){.gave_name_first = true};
	rng_seeded_init(&s.rng, 1);
	ice_config_default(&config);
	config.random = rng_seeded_source(&s.rng);
	config.hide_addresses = true;
	config.tcp = true;
	assert_int_equal(ice_create(&config, &s.ice), 0);
}

static void end(void)
{
	ice_destroy(s.ice);
}

static parley_addr add(const char *ip, uint16_t port, uint8_t transport)
{
	parley_addr a;
	assert_true(addr_parse_ip(slice_from_string(ip), port, &a));
	a.transport = transport;
	assert_int_equal(ice_add_local(s.ice, NOW, &a), 0);
	pump();
	return a;
}

/* Nothing that is told has these characters in it. */
static void nobody_learns(const char *ip)
{
	for (size_t i = 0; i < s.told_count; i++) {
		char line[ICE_CANDIDATE_TEXT];
		text t = text_of(line, sizeof line);
		ice_candidate_print(&s.told[i], &t);
		assert_null(strstr(line, ip));
	}
}

static void each_address_has_one_name_for_good(void **state)
{
	(void)state;
	begin();
	add("10.1.2.3", 5000, PARLEY_UDP);
	add("10.1.2.3", 5001, PARLEY_UDP);
	add("10.1.2.3", 5000, PARLEY_TCP);
	add("10.9.9.9", 5000, PARLEY_UDP);
	add("2001:db8::7", 5000, PARLEY_UDP);
	assert_int_equal(s.name_count, 3); /* 3.1.1: different ones for IPv4 and IPv6, too */
	assert_true(s.gave_name_first);
	for (size_t i = 0; i < s.told_count; i++) {
		const ice_candidate *c = &s.told[i];
		assert_int_equal(c->type, ICE_HOST);
		bool found = false;
		for (size_t k = 0; k < s.name_count; k++)
			found |= strcmp(c->name, s.name[k]) == 0 && addr_equal_ip(&c->addr, &s.address[k]);
		assert_true(found);
		assert_true(ice_candidate_is_mdns(c));
		assert_int_equal(strlen(c->name), 42);
	}
	assert_true(s.told_count >= 5);
	nobody_learns("10.1.2.3");
	nobody_learns("10.9.9.9");
	nobody_learns("2001:");
	/* A restart, and an address that goes and comes back, keep them. */
	char first[ICE_NAME_MAX + 1];
	strcpy(first, s.told[0].name);
	s.told_count = 0;
	assert_int_equal(ice_restart(s.ice, NOW), 0);
	pump();
	assert_string_equal(s.told[0].name, first);
	parley_addr a;
	assert_true(addr_parse_ip(slice_from_string("10.1.2.3"), 5000, &a));
	assert_int_equal(ice_remove_local(s.ice, NOW, &a), 0);
	s.told_count = 0;
	add("10.1.2.3", 6000, PARLEY_UDP);
	assert_string_equal(s.told[0].name, first);
	assert_int_equal(s.name_count, 3);
	end();
}

static void server_says(const parley_addr *base, const parley_addr *server, const parley_addr *mapped)
{
	uint8_t bytes[64];
	writer w = writer_of(bytes, sizeof bytes);
	stun_begin(&w, STUN_SUCCESS, STUN_BINDING, &s.asked);
	stun_put_xor_address(&w, STUN_ATTR_XOR_MAPPED_ADDRESS, mapped);
	assert_int_equal(ice_receive(s.ice, NOW, base, server, writer_slice(&w)), 0);
	pump();
}

/* 3.1.2.2 */
static void reflexive_candidates_do_not_tell_their_base(void **state)
{
	parley_addr server = addr_ipv4(192, 0, 2, 99, 3478), mapped = addr_ipv4(203, 0, 113, 5, 777);
	(void)state;
	for (int natted = 0; natted < 2; natted++) {
		begin();
		assert_int_equal(ice_add_stun_server(s.ice, NOW, &server), 0);
		parley_addr base = add("10.1.2.3", 5000, PARLEY_UDP);
		server_says(&base, &server, natted ? &mapped : &base);
		const ice_candidate *c = &s.told[s.told_count - 1];
		assert_int_equal(c->type, ICE_SRFLX);
		assert_true(
			addr_equal(&c->addr, natted ? &mapped : &base)); /* without a NAT it is public: not redundant */
		char line[ICE_CANDIDATE_TEXT];
		text t = text_of(line, sizeof line);
		ice_candidate_print(c, &t);
		assert_non_null(strstr(line, " raddr 0.0.0.0 rport 9"));
		if (natted)
			nobody_learns("10.1.2.3");
		end();
	}
}

/* Rather no candidate than one that tells. */
static int no_randomness(void *context, uint8_t *out, size_t len)
{
	unsigned *left = context;
	memset(out, 7, len);
	return *left && (*left)-- ? 0 : PARLEY_ECRYPTO;
}

static void without_a_name_there_is_no_candidate(void **state)
{
	unsigned left = 4; /* for the credentials and the tie-breaker */
	ice_config config;
	parley_addr a = addr_ipv4(10, 1, 2, 3, 5000);
	(void)state;
	begin();
	ice_destroy(s.ice);
	ice_config_default(&config);
	config.random = (parley_random){no_randomness, &left};
	config.hide_addresses = true;
	assert_int_equal(ice_create(&config, &s.ice), 0);
	left = 0;
	assert_int_equal(ice_add_local(s.ice, NOW, &a), PARLEY_ENOMEM);
	pump();
	assert_int_equal(s.told_count, 0);
	end();
}

/* All that leaves a core by way of signaling. */
static void descriptions_do_not_tell(void **state)
{
	parley_core_config config;
	parley_core *core;
	parley_channel channel;
	parley_sdp_type type;
	parley_addr home = addr_ipv4(10, 1, 2, 3, 5000);
	rng_seeded rng;
	char *sdp;
	unsigned names = 0, candidates = 0;
	(void)state;
	rng_seeded_init(&rng, 1);
	parley_core_config_default(&config);
	config.random = rng_seeded_source(&rng);
	config.unix_time_s = 1700000000;
	config.mdns_candidates = true;
	assert_int_equal(parley_core_new(&config, NOW, &core), 0);
	assert_int_equal(parley_core_create_data_channel(core, NOW, "x", NULL, &channel), 0);
	assert_int_equal(parley_core_add_local_address(core, NOW, &home), 0);
	assert_int_equal(parley_core_local_addresses_done(core, NOW), 0);
	assert_int_equal(parley_core_set_local_description(core, NOW, PARLEY_SDP_OFFER, NULL), 0);
	for (parley_event e; parley_core_poll_event(core, &e);) {
		if (e.type == PARLEY_EVENT_MDNS_NAME) {
			names++;
			assert_true(addr_equal_ip(&e.mdns_name.address, &home));
		}
		if (e.type == PARLEY_EVENT_ICE_CANDIDATE && *e.ice_candidate.candidate) {
			candidates++;
			assert_int_equal(names, 1); /* before */
			assert_null(strstr(e.ice_candidate.candidate, "10.1.2.3"));
		}
	}
	assert_int_equal(names, 1);
	assert_int_equal(candidates, 1);
	assert_int_equal(parley_core_local_description(core, &type, &sdp), 0);
	assert_non_null(strstr(sdp, ".local 5000 typ host"));
	assert_non_null(strstr(sdp, "c=IN IP4 0.0.0.0\r\n")); /* 3.1.2.4 */
	assert_non_null(strstr(sdp, "m=application 9 "));
	assert_null(strstr(sdp, "10.1.2.3"));
	parley_free(sdp);
	assert_int_equal(parley_core_get_stats_json(core, NOW, &sdp), 0);
	assert_non_null(strstr(sdp, ".local\""));
	assert_null(strstr(sdp, "10.1.2.3"));
	parley_free(sdp);
	parley_core_free(core);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_address_has_one_name_for_good),
		cmocka_unit_test(reflexive_candidates_do_not_tell_their_base),
		cmocka_unit_test(without_a_name_there_is_no_candidate),
		cmocka_unit_test(descriptions_do_not_tell),
	};
	return cmocka_run_group_tests_name("ice/hidden", tests, NULL, NULL);
}
