/* The candidate pool (RFC 8829 3.5.4, W3C iceCandidatePoolSize): gathering before there is anything to describe. */
#include "tests/support/test.h"

#include <string.h>

#include "base/addr.h"
#include "base/rng.h"
#include "base/time.h"
#include "parley/core.h"
#include "stun/stun.h"

#define NOW UINT64_C(1000000)

typedef struct {
	parley_core *core;
	rng_seeded rng;
	unsigned host, reflexive, ends; /* candidates told */
	unsigned questions;
	const char *mapped;
	uint64_t now;
	parley_gathering_state states[8];
	size_t state_count;
} scene;

static const parley_addr home = {.family = PARLEY_IPV4, .ip = {192, 0, 2, 1}, .port = 5000};

/* Every question to the server is answered at once. */
static void answer(scene *s, const parley_packet *p)
{
	uint8_t bytes[64];
	writer w = writer_of(bytes, sizeof bytes);
	stun_message m;
	parley_addr mapped = addr_ipv4(203, 0, 113, p->remote.ip[3], 777);
	assert_int_equal(stun_parse(slice_of(p->data, p->len), &m), 0);
	s->questions++;
	stun_begin(&w, STUN_SUCCESS, STUN_BINDING, &m.id);
	stun_put_xor_address(&w, STUN_ATTR_XOR_MAPPED_ADDRESS, &mapped);
	parley_core_receive(s->core, s->now, &p->local, &p->remote, bytes, w.len);
}

static void drain(scene *s)
{
	bool moved = true;
	while (moved) {
		moved = false;
		for (parley_packet p; parley_core_poll_transmit(s->core, s->now, &p); moved = true)
			answer(s, &p);
		for (parley_event e; parley_core_poll_event(s->core, &e); moved = true) {
			if (e.type == PARLEY_EVENT_GATHERING_STATE && s->state_count < 8)
				s->states[s->state_count++] = e.gathering_state;
			if (e.type != PARLEY_EVENT_ICE_CANDIDATE)
				continue;
			s->host += strstr(e.ice_candidate.candidate, "typ host") != NULL;
			s->reflexive += strstr(e.ice_candidate.candidate, s->mapped) != NULL;
			s->ends += !*e.ice_candidate.candidate;
			assert_string_equal(e.ice_candidate.mid, "0");
		}
	}
}

static void begin(scene *s, uint8_t pool)
{
	static const parley_ice_server server = {.url = "stun:198.51.100.1"};
	parley_core_config config;
	parley_channel channel;
	*s = (scene){.mapped = " 203.0.113.1 777 typ srflx", .now = NOW};
	rng_seeded_init(&s->rng, 1);
	parley_core_config_default(&config);
	config.random = rng_seeded_source(&s->rng);
	config.unix_time_s = 1700000000;
	config.ice_servers = &server;
	config.ice_server_count = 1;
	config.ice_candidate_pool_size = pool;
	assert_int_equal(parley_core_new(&config, s->now, &s->core), 0);
	assert_int_equal(parley_core_add_local_address(s->core, s->now, &home), 0);
	assert_int_equal(parley_core_local_addresses_done(s->core, NOW), 0);
	drain(s);
	assert_int_equal(parley_core_create_data_channel(s->core, s->now, "x", NULL, &channel), 0);
	drain(s);
}

static void describe(scene *s)
{
	assert_int_equal(parley_core_set_local_description(s->core, s->now, PARLEY_SDP_OFFER, NULL), 0);
	drain(s);
	assert_int_equal(s->host, 1);
	assert_int_equal(s->reflexive, 1);
	assert_int_equal(s->ends, 1);
	assert_int_equal(s->state_count, 2);
	assert_int_equal(s->states[0], PARLEY_GATHERING_GATHERING);
	assert_int_equal(s->states[1], PARLEY_GATHERING_COMPLETE);
	parley_core_free(s->core);
}

static void without_a_pool_gathering_waits_for_a_description(void **state)
{
	scene s;
	(void)state;
	begin(&s, 0);
	assert_int_equal(s.questions, 0);
	describe(&s);
	assert_int_equal(s.questions, 1);
}

static void the_pool_is_told_when_a_description_is_set(void **state)
{
	scene s;
	(void)state;
	begin(&s, 1);
	assert_int_equal(s.questions, 1);
	assert_int_equal(s.host + s.reflexive + s.ends, 0);
	assert_int_equal(parley_core_gathering_state(s.core), PARLEY_GATHERING_NEW);
	describe(&s);
	assert_int_equal(s.questions, 1); /* not asked again */
}

/* RFC 8829 4.1.18 */
static void other_servers_refill_the_pool(void **state)
{
	static const parley_ice_server other = {.url = "stun:198.51.100.2"};
	scene s;
	(void)state;
	begin(&s, 1);
	s.mapped = " 203.0.113.2 777 typ srflx";
	s.now += US_PER_S;
	assert_int_equal(parley_core_set_ice_servers(s.core, s.now, &other, 1), 0);
	drain(&s);
	assert_int_equal(s.questions, 2);
	describe(&s);
	assert_int_equal(s.questions, 2);
}

static void what_an_offer_speaks_of_stays(void **state)
{
	static const parley_ice_server other = {.url = "stun:198.51.100.2"};
	scene s;
	char *sdp;
	(void)state;
	begin(&s, 1);
	assert_int_equal(parley_core_create_offer(s.core, &sdp), 0);
	assert_int_equal(parley_core_set_ice_servers(s.core, s.now, &other, 1), 0);
	drain(&s);
	assert_int_equal(parley_core_set_local_description(s.core, s.now, PARLEY_SDP_OFFER, sdp), 0);
	parley_free(sdp);
	drain(&s);
	assert_int_equal(s.reflexive, 1);
	assert_int_equal(s.questions, 1);
	parley_core_free(s.core);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_pool_gathering_waits_for_a_description),
		cmocka_unit_test(the_pool_is_told_when_a_description_is_set),
		cmocka_unit_test(other_servers_refill_the_pool),
		cmocka_unit_test(what_an_offer_speaks_of_stays),
	};
	return cmocka_run_group_tests_name("peer/pool", tests, NULL, NULL);
}
