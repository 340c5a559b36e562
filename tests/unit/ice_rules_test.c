/* ice/ice.h: single rules of RFC 8445 and RFC 7675, seen from one agent whose packets are answered by hand. */
#include "tests/support/test.h"

#include <string.h>

#include "base/rng.h"
#include "ice/ice.h"
#include "stun/stun.h"

#define PWD "remotepasswordremotepass"

static ice_agent *agent;
static rng_seeded seed;
static uint64_t now;
static parley_addr base, peer, server;
static uint64_t sent_at[128];
static parley_addr sent_to[128];
static stun_id sent_id[128];
static size_t sent;
static ice_candidate told[8];
static size_t told_count;

static void pump(void)
{
	uint8_t bytes[ICE_PACKET_MAX];
	ice_packet p = {.data = {.data = bytes, .capacity = sizeof bytes}};
	stun_message m;
	while (ice_poll_transmit(agent, now, &p) && sent < ARRAY_LENGTH(sent_at)) {
		assert_int_equal(stun_parse(slice_of(bytes, p.data.len), &m), 0);
		sent_at[sent] = now;
		sent_to[sent] = p.remote;
		sent_id[sent++] = m.id;
	}
	for (ice_event e; ice_poll_event(agent, &e);)
		if (e.type == ICE_EVENT_CANDIDATE && told_count < ARRAY_LENGTH(told))
			told[told_count++] = e.candidate;
	ice_check_invariants(agent);
}

static void begin(void)
{
	ice_config config;
	now = US_PER_S;
	sent = told_count = 0;
	base = addr_ipv4(10, 0, 0, 1, 5000);
	peer = addr_ipv4(10, 0, 0, 2, 6000);
	server = addr_ipv4(192, 0, 2, 3, 3478);
	rng_seeded_init(&seed, 1);
	ice_config_default(&config);
	config.random = rng_seeded_source(&seed);
	config.controlling = true;
	assert_int_equal(ice_create(&config, &agent), 0);
	assert_int_equal(ice_add_local(agent, now, &base), 0);
	pump();
}

static void end(void)
{
	ice_destroy(agent);
	agent = NULL;
}

static void run_until(uint64_t then)
{
	for (uint64_t t; (t = ice_deadline(agent)) <= then;) {
		now = t > now ? t : now;
		ice_timeout(agent, now);
		pump();
	}
	now = then;
}

static void add_peers(unsigned count)
{
	slice ufrag = slice_from_string("remo"), pwd = slice_from_string(PWD);
	assert_int_equal(ice_set_remote(agent, now, ufrag, pwd, false), 0);
	for (unsigned i = 0; i < count; i++) {
		ice_candidate c = {.component = 1, .priority = 1000 - i, .addr = peer, .type = ICE_HOST};
		c.foundation[0] = (char)('a' + i);
		c.addr.port = (uint16_t)(peer.port + i);
		assert_int_equal(ice_add_remote_candidate(agent, now, &c), 0);
	}
	pump();
}

static int answer(stun_class class, const stun_id *id, const parley_addr *from, const char *pwd, uint16_t attribute,
		  const parley_addr *mapped)
{
	uint8_t bytes[256];
	writer w = writer_of(bytes, sizeof bytes);
	stun_begin(&w, class, STUN_BINDING, id);
	if (attribute == STUN_ATTR_MAPPED_ADDRESS)
		stun_put_address(&w, attribute, mapped);
	else
		stun_put_xor_address(&w, STUN_ATTR_XOR_MAPPED_ADDRESS, mapped);
	if (attribute == 0x7001)
		stun_put_u32(&w, attribute, 0);
	if (pwd)
		stun_put_integrity(&w, slice_from_string(pwd));
	stun_put_fingerprint(&w);
	int err = ice_receive(agent, now, &base, from, writer_slice(&w));
	pump();
	return err;
}

/* RFC 8445 14.2 */
static void new_transactions_keep_the_pace(void **state)
{
	(void)state;
	begin();
	assert_int_equal(ice_add_stun_server(agent, now, &server), 0);
	add_peers(6);
	run_until(now + 140 * US_PER_MS); /* before the first retransmission */
	assert_int_equal(sent, 7);
	bool asked_server = false;
	for (size_t i = 0; i < sent; i++) {
		asked_server |= addr_equal(&sent_to[i], &server);
		assert_true(i == 0 || sent_at[i] - sent_at[i - 1] >= 20 * US_PER_MS);
	}
	assert_true(asked_server);
	end();
}

/* RFC 8489 14.1, RFC 8445 5.1.1.3, 5.1.1.4 */
static void an_old_server_gives_a_candidate_that_is_kept_alive(void **state)
{
	(void)state;
	parley_addr mapped = addr_ipv4(203, 0, 113, 9, 700);
	begin();
	assert_int_equal(ice_add_stun_server(agent, now, &server), 0);
	pump();
	assert_int_equal(answer(STUN_SUCCESS, &sent_id[0], &server, NULL, STUN_ATTR_MAPPED_ADDRESS, &mapped), 0);
	assert_int_equal(told_count, 2);
	assert_int_equal(told[1].type, ICE_SRFLX);
	assert_true(addr_equal(&told[1].addr, &mapped));
	assert_true(told[1].has_related && addr_equal(&told[1].related, &base));
	assert_string_not_equal(told[0].foundation, told[1].foundation);
	sent = 0;
	run_until(now + 16 * US_PER_S);
	assert_int_equal(sent, 1);
	assert_true(addr_equal(&sent_to[0], &server));
	end();
}

/* RFC 8489 6.3.3 */
static void an_answer_that_requires_the_unknown_fails_the_pair(void **state)
{
	(void)state;
	ice_pair_info p;
	begin();
	add_peers(1);
	assert_int_equal(answer(STUN_SUCCESS, &sent_id[0], &peer, PWD, 0x7001, &base), 0);
	assert_int_equal(ice_get_pairs(agent, &p, 1), 1);
	assert_int_equal(p.state, ICE_PAIR_FAILED);
	end();
}

/* RFC 8445 11 */
static void an_indication_has_no_answer(void **state)
{
	(void)state;
	uint8_t bytes[64];
	stun_id id = {{1}};
	writer w = writer_of(bytes, sizeof bytes);
	begin();
	stun_begin(&w, STUN_INDICATION, STUN_BINDING, &id);
	stun_put_fingerprint(&w);
	assert_int_equal(ice_receive(agent, now, &base, &peer, writer_slice(&w)), 0);
	pump();
	assert_int_equal(sent, 0);
	end();
}

/* RFC 7675 5.1 */
static void only_the_peer_itself_gives_consent(void **state)
{
	(void)state;
	parley_addr local, remote, elsewhere;
	begin();
	add_peers(1);
	elsewhere = peer;
	elsewhere.port++;
	assert_int_equal(answer(STUN_SUCCESS, &sent_id[0], &peer, PWD, 0, &base), 0);
	run_until(now + 50 * US_PER_MS);
	for (size_t i = 1; i < sent; i++) /* the nomination */
		(void)answer(STUN_SUCCESS, &sent_id[i], &peer, PWD, 0, &base);
	uint64_t began = now;
	sent = 0;
	size_t seen = 0;
	while (ice_selected(agent, &local, &remote) && now < began + 60 * US_PER_S) {
		run_until(ice_deadline(agent));
		for (; seen < sent; seen++) {
			for (size_t k = 0; k < seen; k++) /* never sent twice */
				assert_false(stun_id_equal(&sent_id[k], &sent_id[seen]));
			(void)answer(STUN_SUCCESS, &sent_id[seen], &peer, "notthepasswordnotthepass", 0, &base);
			(void)answer(STUN_SUCCESS, &sent_id[seen], &peer, NULL, 0, &base);
			(void)answer(STUN_SUCCESS, &sent_id[seen], &elsewhere, PWD, 0, &base);
			(void)answer(STUN_SUCCESS, &sent_id[seen], &peer, PWD, 0x7001, &base); /* RFC 8489 6.3.3 */
		}
	}
	assert_true(seen >= 4);
	assert_in_range(now - began, 29 * US_PER_S, 30 * US_PER_S);
	assert_false(ice_selected(agent, &local, &remote));
	end();
}

/* RFC 8445 5.1.1.1 */
static void some_addresses_are_no_candidates(void **state)
{
	static const char *const never[] = {
		"0.0.0.0", "224.0.0.251", "::", "ff02::fb", "::ffff:10.0.0.2", "::10.0.0.2" /* v4-compatible */,
		"fec0::1" /* site-local */};
	static const char *const last[] = {"127.0.0.1", "::1", "169.254.1.2", "fe80::1"};
	(void)state;
	parley_addr a;
	begin();
	assert_int_equal(told_count, 1);
	for (size_t i = 0; i < ARRAY_LENGTH(never); i++) {
		assert_true(addr_parse_ip(slice_from_string(never[i]), 5000, &a));
		assert_int_equal(ice_add_local(agent, now, &a), PARLEY_EINVAL);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(last); i++) {
		assert_true(addr_parse_ip(slice_from_string(last[i]), 5000, &a));
		assert_int_equal(ice_add_local(agent, now, &a), 0);
	}
	ice_end_of_sources(agent, now);
	pump();
	assert_int_equal(told_count, 1); /* there is another */
	assert_int_equal(ice_remove_local(agent, now, &base), 0);
	assert_int_equal(ice_restart(agent, now), 0);
	pump();
	assert_int_equal(told_count, 1 + ARRAY_LENGTH(last)); /* now there is not */
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_transactions_keep_the_pace),
		cmocka_unit_test(an_old_server_gives_a_candidate_that_is_kept_alive),
		cmocka_unit_test(an_answer_that_requires_the_unknown_fails_the_pair),
		cmocka_unit_test(an_indication_has_no_answer),
		cmocka_unit_test(only_the_peer_itself_gives_consent),
		cmocka_unit_test(some_addresses_are_no_candidates),
	};
	return cmocka_run_group_tests_name("ice/rules", tests, NULL, NULL);
}
