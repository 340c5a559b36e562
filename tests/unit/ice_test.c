/* Two agents find each other: over NATs, losses, in every order of signalling; restart, consent, and what goes wrong. */
#include "tests/support/test.h"
#include "tests/unit/ice_sim.h"

#include <string.h>

#include "tests/support/failmalloc.h"

static sim s;

static parley_addr inside(int side)
{
	return addr_ipv4(10, 0, (uint8_t)side, 1, 5000);
}

/* Both with one socket, credentials exchanged; candidates trickle. */
static void start(uint64_t seed)
{
	sim_init(&s, seed);
	assert_int_equal(sim_create(&s), 0);
}

static void go(void)
{
	for (int i = 0; i < 2; i++)
		sim_bind(&s, i, inside(i));
	sim_exchange_credentials(&s);
	for (int i = 0; i < 2; i++)
		ice_end_of_sources(s.side[i].ice, s.now);
	sim_pump(&s);
}

static void with_stun(void)
{
	for (int i = 0; i < 2; i++)
		assert_int_equal(ice_add_stun_server(s.side[i].ice, s.now, &s.stun_server), 0);
}

static ice_pair_info selected(int side)
{
	ice_pair_info pairs[ICE_PAIRS_MAX];
	size_t n = ice_get_pairs(s.side[side].ice, pairs, ICE_PAIRS_MAX);
	for (size_t i = 0; i < n; i++)
		if (pairs[i].selected)
			return pairs[i];
	fail();
	return pairs[0];
}

static void two_hosts_connect_at_once(void **state)
{
	(void)state;
	start(1);
	uint64_t begin = s.now;
	go();
	assert_true(sim_until(&s, ICE_COMPLETED, US_PER_S));
	assert_true(s.now - begin <= 60 * US_PER_MS); /* a check there and back, a nomination there and back: 40 ms */
	assert_true(sim_paths_match(&s));
	for (int i = 0; i < 2; i++) {
		assert_true(selected(i).nominated);
		assert_true(selected(i).has_rtt);
		assert_int_equal(s.side[i].states[0], ICE_CHECKING);
		assert_int_equal(s.side[i].role_changes, 0);
	}
	assert_int_equal(s.side[0].selections, 1);
	sim_destroy(&s);
}

static void nats_are_crossed(void **state)
{
	static const struct {
		sim_nat a, b;
	} cases[] = {
		{SIM_NAT_CONE, SIM_NO_NAT},
		{SIM_NAT_CONE, SIM_NAT_CONE},
		{SIM_NAT_RESTRICTED, SIM_NAT_RESTRICTED},
		{SIM_NAT_SYMMETRIC, SIM_NAT_CONE},
		{SIM_NO_NAT, SIM_NAT_SYMMETRIC},
		{SIM_NAT_CONE, SIM_NAT_SYMMETRIC},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		start(i);
		s.side[0].nat = cases[i].a;
		s.side[1].nat = cases[i].b;
		with_stun();
		go();
		assert_true(sim_until(&s, ICE_COMPLETED, 5 * US_PER_S));
		assert_true(sim_paths_match(&s));
		for (int k = 0; k < 2; k++) {
			const ice_candidate *c = ice_local_candidate(s.side[k].ice, selected(k).local);
			assert_int_equal(c->type == ICE_HOST, s.side[k].nat == SIM_NO_NAT);
		}
		sim_destroy(&s);
	}
}

static void a_symmetric_nat_makes_peer_reflexive_candidates(void **state)
{
	(void)state;
	start(2);
	s.side[1].nat = SIM_NAT_SYMMETRIC;
	with_stun();
	go();
	assert_true(sim_until(&s, ICE_COMPLETED, 5 * US_PER_S));
	ice_pair_info p = selected(0), q = selected(1);
	assert_int_equal(ice_remote_candidate(s.side[0].ice, p.remote)->type, ICE_PRFLX);
	assert_int_equal(ice_local_candidate(s.side[1].ice, q.local)->type, ICE_PRFLX);
	/* Learnt ones are not signalled. */
	for (size_t i = 0; i < s.side[1].candidate_count; i++)
		assert_int_not_equal(s.side[1].candidates[i].type, ICE_PRFLX);
	sim_destroy(&s);
}

static void loss_and_reordering_only_delay(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 40; seed++) {
		start(seed);
		s.loss_percent = 30;
		s.jitter_us = 60 * US_PER_MS;
		s.side[1].nat = SIM_NAT_RESTRICTED; /* even if its STUN server is never heard it is learnt */
		with_stun();
		go();
		assert_true(sim_until(&s, ICE_CONNECTED, 30 * US_PER_S));
		s.loss_percent = 0;
		sim_run(&s, 60 * US_PER_S);
		assert_true(sim_paths_match(&s));
		assert_true(selected(0).nominated && selected(1).nominated);
		sim_destroy(&s);
	}
}

static void a_long_path_connects(void **state)
{
	(void)state;
	start(3);
	s.delay_us = 400 * US_PER_MS; /* longer than the first retransmission */
	go();
	assert_true(sim_until(&s, ICE_COMPLETED, 4 * US_PER_S));
	sim_destroy(&s);
}

static void role_conflicts_are_settled(void **state)
{
	static const struct {
		bool controlling;
		uint64_t tie[2];
		bool has_tie[2];
	} cases[] = {
		{true, {0, UINT64_MAX}, {true, true}},	{true, {UINT64_MAX, 0}, {true, true}},
		{false, {0, UINT64_MAX}, {true, true}}, {false, {UINT64_MAX, 0}, {true, true}},
		{true, {0, 0}, {true, true}},		{false, {7, 7}, {true, true}},
		{true, {0, 0}, {false, false}},		{false, {0, 0}, {false, false}},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		sim_init(&s, i);
		for (int k = 0; k < 2; k++) {
			s.config[k].controlling = cases[i].controlling;
			s.config[k].has_tie_breaker = cases[i].has_tie[k];
			s.config[k].tie_breaker = cases[i].tie[k];
		}
		assert_int_equal(sim_create(&s), 0);
		go();
		assert_true(sim_until(&s, ICE_COMPLETED, 5 * US_PER_S));
		assert_int_not_equal(ice_is_controlling(s.side[0].ice), ice_is_controlling(s.side[1].ice));
		assert_true(s.side[0].role_changes + s.side[1].role_changes >= 1);
		assert_true(sim_paths_match(&s));
		/* The larger one controls. */
		if (cases[i].tie[0] != cases[i].tie[1])
			assert_int_equal(ice_is_controlling(s.side[0].ice), cases[i].tie[0] > cases[i].tie[1]);
		sim_destroy(&s);
	}
}

static void restart_keeps_the_data_path(void **state)
{
	char ufrag[8];
	parley_addr local, remote;
	(void)state;
	start(4);
	go();
	assert_true(sim_until(&s, ICE_COMPLETED, US_PER_S));
	strcpy(ufrag, ice_local_ufrag(s.side[0].ice));
	assert_int_equal(ice_restart(s.side[0].ice, s.now), 0);
	sim_pump(&s);
	assert_string_not_equal(ufrag, ice_local_ufrag(s.side[0].ice));
	/* The offer is on its way: data still flows, consent goes on, for longer than it lasts without. */
	sim_run(&s, 60 * US_PER_S);
	for (int i = 0; i < 2; i++) {
		assert_true(ice_selected(s.side[i].ice, &local, &remote));
		assert_true(ice_is_validated(s.side[i].ice, &local, &remote));
		assert_true(ice_get_state(s.side[i].ice) == ICE_CONNECTED ||
			    ice_get_state(s.side[i].ice) == ICE_COMPLETED);
	}
	/* The offer arrives: the other restarts too and answers. */
	strcpy(ufrag, ice_local_ufrag(s.side[1].ice));
	assert_int_equal(ice_set_remote(s.side[1].ice, s.now, slice_from_string(ice_local_ufrag(s.side[0].ice)),
					slice_from_string(ice_local_pwd(s.side[0].ice)), false),
			 0);
	assert_string_not_equal(ufrag, ice_local_ufrag(s.side[1].ice));
	for (size_t i = 0; i < s.side[0].candidate_count; i++)
		(void)ice_add_remote_candidate(s.side[1].ice, s.now, &s.side[0].candidates[i]);
	sim_pump(&s);
	sim_run(&s, 200 * US_PER_MS);
	assert_true(sim_paths_match(&s));
	assert_int_equal(ice_set_remote(s.side[0].ice, s.now, slice_from_string(ice_local_ufrag(s.side[1].ice)),
					slice_from_string(ice_local_pwd(s.side[1].ice)), false),
			 0);
	sim_pump(&s);
	sim_run(&s, US_PER_S);
	for (int i = 0; i < 2; i++) {
		assert_true(selected(i).nominated); /* of the new generation */
		assert_false(sim_was(&s, i, ICE_DISCONNECTED));
		assert_false(sim_was(&s, i, ICE_FAILED));
		assert_int_equal(s.side[i].selections, 2);
	}
	assert_true(sim_paths_match(&s));
	sim_destroy(&s);
}

static void consent_ends_and_comes_back(void **state)
{
	parley_addr local, remote;
	(void)state;
	start(5);
	go();
	assert_true(sim_until(&s, ICE_COMPLETED, US_PER_S));
	sim_run(&s, 60 * US_PER_S);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ice_get_state(s.side[i].ice), ICE_COMPLETED);
		assert_in_range(selected(i).consent_sent, 10, 15); /* one per 4 to 6 s */
	}
	s.cut = true;
	assert_true(sim_until(&s, ICE_DISCONNECTED, 12 * US_PER_S));
	assert_true(ice_selected(s.side[0].ice, &local, &remote)); /* consent lasts on */
	s.cut = false;
	assert_true(sim_until(&s, ICE_COMPLETED, 7 * US_PER_S));
	s.cut = true;
	uint64_t begin = s.now;
	assert_true(sim_until(&s, ICE_FAILED, 31 * US_PER_S));
	assert_true(s.now - begin >= 23 * US_PER_S);
	for (int i = 0; i < 2; i++)
		assert_false(ice_selected(s.side[i].ice, &local, &remote));
	/* The network being back does not bring consent back; a restart does. */
	s.cut = false;
	sim_run(&s, 20 * US_PER_S);
	assert_int_equal(ice_get_state(s.side[0].ice), ICE_FAILED);
	for (int i = 0; i < 2; i++)
		assert_int_equal(ice_restart(s.side[i].ice, s.now), 0);
	sim_pump(&s);
	assert_int_equal(ice_get_state(s.side[0].ice), ICE_CHECKING);
	sim_exchange_credentials(&s);
	assert_true(sim_until(&s, ICE_CONNECTED, US_PER_S));
	assert_true(sim_paths_match(&s));
	sim_destroy(&s);
}

static void a_dead_stun_server_delays_nothing(void **state)
{
	(void)state;
	start(6);
	uint64_t begin = s.now;
	for (int i = 0; i < 2; i++) {
		s.side[i].nat = SIM_NAT_CONE;
		assert_int_equal(ice_add_stun_server(s.side[i].ice, s.now, &s.dead_server), 0);
	}
	with_stun();
	go();
	assert_int_equal(s.side[0].candidate_count, 1); /* the host candidate is there before anything is sent */
	assert_true(sim_until(&s, ICE_CONNECTED, US_PER_S));
	assert_true(s.now - begin < 300 * US_PER_MS);
	assert_false(s.side[0].gathered);
	sim_run(&s, 6 * US_PER_S);
	for (int i = 0; i < 2; i++) {
		assert_true(s.side[i].gathered);
		assert_in_range(s.side[i].gathered_at - begin, 4 * US_PER_S, 6 * US_PER_S);
		assert_int_equal(ice_get_state(s.side[i].ice), ICE_COMPLETED);
	}
	sim_destroy(&s);
}

static void without_a_way_it_fails_when_patience_ends(void **state)
{
	(void)state;
	start(7);
	s.cut = true;
	uint64_t begin = s.now;
	go();
	assert_true(sim_until(&s, ICE_FAILED, 60 * US_PER_S));
	assert_int_equal(s.now - begin, 39500 * US_PER_MS);
	assert_false(sim_was(&s, 0, ICE_CONNECTED));
	/* A candidate that comes later is tried nevertheless. */
	s.cut = false;
	ice_candidate c;
	assert_int_equal(
		ice_candidate_parse(slice_from_string("candidate:9 1 udp 2122260223 10.0.1.1 5000 typ host"), &c), 0);
	c.addr.port = 5001;
	parley_addr second = addr_ipv4(10, 0, 1, 1, 5001);
	sim_bind(&s, 1, second);
	assert_true(sim_until(&s, ICE_CONNECTED, US_PER_S));
	sim_destroy(&s);
}

static void no_candidates_at_all_fails_too(void **state)
{
	(void)state;
	start(8);
	s.side[0].mute_candidates = s.side[1].mute_candidates = true;
	go();
	for (int i = 0; i < 2; i++)
		ice_end_of_remote_candidates(s.side[i].ice, s.now);
	sim_pump(&s);
	sim_run(&s, 39 * US_PER_S);
	assert_int_not_equal(ice_get_state(s.side[0].ice), ICE_FAILED);
	sim_run(&s, US_PER_S);
	assert_int_equal(ice_get_state(s.side[0].ice), ICE_FAILED);
	sim_destroy(&s);
}

static void candidates_may_come_before_credentials(void **state)
{
	(void)state;
	start(9);
	for (int i = 0; i < 2; i++)
		sim_bind(&s, i, inside(i));
	sim_run(&s, US_PER_S);
	assert_int_equal(ice_get_state(s.side[0].ice), ICE_NEW);
	assert_int_equal(s.side[0].sent, 0);
	sim_exchange_credentials(&s);
	assert_true(sim_until(&s, ICE_CONNECTED, US_PER_S));
	sim_destroy(&s);
}

static void one_side_without_candidates_is_learnt(void **state)
{
	(void)state;
	start(10);
	s.side[1].mute_candidates = true;
	go();
	assert_true(sim_until(&s, ICE_CONNECTED, US_PER_S));
	assert_int_equal(ice_remote_candidate(s.side[0].ice, selected(0).remote)->type, ICE_PRFLX);
	sim_destroy(&s);
}

static void checks_before_the_answer_are_answered_and_remembered(void **state)
{
	(void)state;
	start(11);
	s.side[1].mute_candidates = true;
	for (int i = 0; i < 2; i++)
		sim_bind(&s, i, inside(i));
	/* Side 1 has the offer; its answer is still on the way. */
	assert_int_equal(ice_set_remote(s.side[1].ice, s.now, slice_from_string(ice_local_ufrag(s.side[0].ice)),
					slice_from_string(ice_local_pwd(s.side[0].ice)), false),
			 0);
	sim_pump(&s);
	sim_run(&s, 500 * US_PER_MS);
	ice_counters c;
	ice_get_counters(s.side[0].ice, &c);
	assert_int_equal(c.responses_sent, 1);
	assert_int_equal(ice_get_state(s.side[1].ice), ICE_CONNECTED);
	parley_addr from = inside(1), to = inside(0);
	assert_true(ice_is_validated(s.side[0].ice, &to, &from));
	sim_exchange_credentials(&s);
	assert_true(sim_until(&s, ICE_CONNECTED, 100 * US_PER_MS));
	sim_destroy(&s);
}

static void names_are_resolved_by_the_owner(void **state)
{
	static const char line[] =
		"candidate:1 1 UDP 2122252543 1d76a95b-5ecc-494f-ba51-755ce3dbd2d0.local 5000 typ host";
	(void)state;
	start(12);
	s.side[1].mute_candidates = true;
	s.cut = true;
	go();
	ice_candidate c;
	assert_int_equal(ice_candidate_parse(slice_from_string(line), &c), 0);
	assert_int_equal(ice_add_remote_candidate(s.side[0].ice, s.now, &c), 0);
	assert_int_equal(ice_add_remote_candidate(s.side[0].ice, s.now, &c), 0);
	sim_pump(&s);
	assert_int_equal(s.side[0].resolves, 1);
	ice_resolved(s.side[0].ice, s.now, 77777, NULL);
	s.cut = false;
	parley_addr addr = inside(1);
	addr.port = 0;
	ice_resolved(s.side[0].ice, s.now, s.side[0].resolve_id, &addr);
	ice_resolved(s.side[0].ice, s.now, s.side[0].resolve_id, &addr);
	sim_pump(&s);
	assert_true(sim_until(&s, ICE_CONNECTED, US_PER_S));
	sim_destroy(&s);
}

static void a_socket_that_goes_takes_its_pairs_along(void **state)
{
	parley_addr second[2] = {addr_ipv4(10, 1, 0, 1, 6000), addr_ipv4(10, 1, 1, 1, 6000)};
	(void)state;
	start(13);
	for (int i = 0; i < 2; i++)
		sim_bind(&s, i, second[i]);
	go();
	assert_true(sim_until(&s, ICE_COMPLETED, US_PER_S));
	parley_addr local, remote;
	assert_true(ice_selected(s.side[0].ice, &local, &remote));
	assert_int_equal(ice_remove_local(s.side[0].ice, s.now, &local), 0);
	assert_int_equal(ice_remove_local(s.side[0].ice, s.now, &local), PARLEY_ENOTFOUND);
	sim_pump(&s);
	assert_true(sim_until(&s, ICE_CONNECTED, 3 * US_PER_S));
	parley_addr local2;
	assert_true(ice_selected(s.side[0].ice, &local2, &remote));
	assert_false(addr_equal(&local, &local2));
	sim_destroy(&s);
}

/* The one that carries data breaks; nobody signals anything. */
static void another_pair_takes_over_from_a_broken_one(void **state)
{
	parley_addr local, remote;
	(void)state;
	for (int broken_side = 0; broken_side < 2; broken_side++) {
		start(17);
		sim_bind(&s, broken_side, addr_ipv4(10, 1, 0, 1, 6000));
		go();
		assert_true(sim_until(&s, ICE_COMPLETED, US_PER_S));
		sim_run(&s, 100 * US_PER_S);
		assert_true(ice_selected(s.side[broken_side].ice, &local, &remote));
		s.broken = local;
		sim_run(&s, 13 * US_PER_S); /* less than consent lasts */
		assert_true(sim_was(&s, 0, ICE_DISCONNECTED));
		assert_true(sim_until(&s, ICE_CONNECTED, 0));
		assert_false(sim_was(&s, 0, ICE_FAILED) || sim_was(&s, 1, ICE_FAILED));
		assert_true(sim_paths_match(&s));
		assert_true(ice_selected(s.side[broken_side].ice, &local, &remote));
		assert_false(addr_equal(&local, &s.broken));
		sim_destroy(&s);
	}
}

/* Addresses that lead nowhere, as virtual machines and containers make them. */
static void useless_addresses_cost_little_time(void **state)
{
	(void)state;
	start(18);
	uint64_t begin = s.now;
	for (int i = 0; i < 2; i++)
		for (uint8_t k = 0; k < 4; k++) {
			sim_bind(&s, i, addr_ipv4(172, 17, k, 1, (uint16_t)(7000 + i)));
			ice_candidate c = {
				.foundation = "x", .component = 1, .priority = 2130706431u - k, .type = ICE_HOST};
			c.addr = addr_ipv4(172, 18, k, 2, 9);
			assert_int_equal(ice_add_remote_candidate(s.side[i].ice, s.now, &c), 0);
		}
	go();
	assert_true(sim_until(&s, ICE_CONNECTED, US_PER_S));
	assert_true(s.now - begin < 700 * US_PER_MS);
	sim_run(&s, US_PER_S);
	assert_true(selected(0).nominated && selected(1).nominated);
	sim_destroy(&s);
}

static void equal_foundations_wait_for_each_other(void **state)
{
	ice_pair_info p[8];
	(void)state;
	start(19);
	sim_bind(&s, 0, inside(0));
	s.cut = true;
	for (uint16_t k = 0; k < 4; k++) {
		ice_candidate c = {.foundation = "same", .component = 1, .priority = 1000u - k, .type = ICE_HOST};
		c.addr = addr_ipv4(10, 0, 1, 1, (uint16_t)(5000 + k));
		assert_int_equal(ice_add_remote_candidate(s.side[0].ice, s.now, &c), 0);
	}
	sim_exchange_credentials(&s);
	assert_int_equal(ice_get_pairs(s.side[0].ice, p, 8), 4);
	assert_int_equal(p[0].state, ICE_PAIR_IN_PROGRESS);
	for (int k = 1; k < 4; k++)
		assert_int_equal(p[k].state, ICE_PAIR_FROZEN);
	/* Side 1 learns of side 0 by the retransmission; what works unfreezes its like. */
	s.cut = false;
	sim_bind(&s, 1, inside(1));
	s.config[0].controlling = true;
	sim_run(&s, 600 * US_PER_MS);
	assert_true(selected(0).valid);
	sim_destroy(&s);
}

/* Whatever the two and the network do, in any order: no assertion of the agents fails, and in the end they connect. */
static void random_histories_end_well(void **state)
{
	rng_seeded dice;
	(void)state;
	for (uint64_t seed = 0; seed < 60; seed++) {
		start(1000 + seed);
		rng_seeded_init(&dice, seed);
		s.jitter_us = rng_seeded_below(&dice, 100 * US_PER_MS);
		s.loss_percent = (unsigned)rng_seeded_below(&dice, 40);
		s.config[0].controlling = rng_seeded_below(&dice, 2);
		with_stun();
		go();
		for (int i = 0; i < 40; i++) {
			int side = (int)rng_seeded_below(&dice, 2);
			parley_addr addr = addr_ipv4(10, 5, (uint8_t)side, (uint8_t)rng_seeded_below(&dice, 3), 5000);
			sim_run(&s, rng_seeded_below(&dice, 4 * US_PER_S));
			switch (rng_seeded_below(&dice, 6)) {
			case 0:
				(void)ice_restart(s.side[side].ice, s.now);
				sim_pump(&s);
				sim_exchange_credentials(&s);
				break;
			case 1:
				(void)ice_add_local(s.side[side].ice, s.now, &addr);
				break;
			case 2:
				(void)ice_remove_local(s.side[side].ice, s.now, &addr);
				break;
			case 3:
				s.cut = !s.cut;
				break;
			case 4:
				s.broken = addr;
				break;
			default:
				break;
			}
			sim_pump(&s);
		}
		s.cut = false;
		s.loss_percent = 0;
		s.broken = (parley_addr){0};
		for (int i = 0; i < 2; i++)
			assert_int_equal(ice_restart(s.side[i].ice, s.now), 0);
		sim_pump(&s);
		sim_exchange_credentials(&s);
		for (int i = 0; i < 2; i++) {
			const ice_candidate *c;
			for (size_t k = 0; (c = ice_local_candidate(s.side[i].ice, k)); k++)
				(void)ice_add_remote_candidate(s.side[1 - i].ice, s.now, c);
		}
		sim_pump(&s);
		sim_run(&s, 5 * US_PER_S);
		for (int i = 0; i < 2; i++)
			assert_true(selected(i).nominated);
		assert_true(sim_paths_match(&s));
		sim_destroy(&s);
	}
}

static void ipv6_is_preferred_and_pairs_with_its_like(void **state)
{
	ice_pair_info p[8];
	(void)state;
	start(20);
	for (int i = 0; i < 2; i++) {
		parley_addr v6;
		assert_true(addr_parse_ip(slice_from_string(i ? "2001:db8::1" : "2001:db8::2"), 5000, &v6));
		sim_bind(&s, i, v6);
		assert_true(addr_parse_ip(slice_from_string(i ? "fe80::1" : "fe80::2"), 5000, &v6));
		v6.scope = 3;
		sim_bind(&s, i, v6);
	}
	go();
	assert_true(sim_until(&s, ICE_COMPLETED, US_PER_S));
	assert_int_equal(selected(0).local_addr.family, PARLEY_IPV6);
	parley_addr chosen = selected(0).local_addr;
	assert_false(addr_is_link_local(&chosen));
	assert_int_equal(s.side[0].candidate_count, 2); /* none that is link-local */
	size_t n = ice_get_pairs(s.side[0].ice, p, 8);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(p[i].local_addr.family, p[i].remote_addr.family);
	sim_destroy(&s);
}

static void loopback_is_the_last_resort(void **state)
{
	(void)state;
	start(14);
	sim_bind(&s, 0, addr_ipv4(127, 0, 0, 1, 5000));
	sim_bind(&s, 1, addr_ipv4(127, 0, 0, 1, 5001));
	sim_bind(&s, 1, addr_ipv4(10, 0, 0, 9, 5001));
	assert_int_equal(s.side[0].candidate_count, 0);
	for (int i = 0; i < 2; i++)
		ice_end_of_sources(s.side[i].ice, s.now);
	sim_pump(&s);
	assert_int_equal(s.side[0].candidate_count, 1);
	assert_int_equal(s.side[1].candidate_count, 1);
	assert_int_equal(s.side[1].candidates[0].addr.ip[0], 10);
	sim_destroy(&s);
}

static void closing_is_final(void **state)
{
	(void)state;
	start(15);
	go();
	sim_run(&s, 5 * US_PER_MS);
	ice_close(s.side[0].ice, s.now);
	sim_pump(&s);
	assert_int_equal(ice_get_state(s.side[0].ice), ICE_CLOSED);
	assert_true(ice_deadline(s.side[0].ice) == TIME_NEVER);
	unsigned sent = s.side[0].sent;
	sim_run(&s, 60 * US_PER_S);
	assert_int_equal(s.side[0].sent, sent);
	parley_addr a = inside(0);
	assert_int_equal(ice_add_local(s.side[0].ice, s.now, &a), PARLEY_ESTATE);
	assert_int_equal(ice_restart(s.side[0].ice, s.now), PARLEY_ESTATE);
	sim_destroy(&s);
}

static void call_with_failing_memory(void *context)
{
	(void)context;
	sim_init(&s, 16);
	s.config[1].hide_addresses = true;
	if (sim_create(&s) == 0) {
		s.side[0].nat = SIM_NAT_CONE;
		for (int i = 0; i < 2; i++)
			(void)ice_add_stun_server(s.side[i].ice, s.now, &s.stun_server);
		go();
		sim_run(&s, 10 * US_PER_S);
		for (int i = 0; i < 2; i++)
			(void)ice_restart(s.side[i].ice, s.now);
		sim_pump(&s);
		sim_exchange_credentials(&s);
		sim_run(&s, 10 * US_PER_S);
	}
	sim_destroy(&s);
}

static void every_allocation_may_fail(void **state)
{
	(void)state;
	failmalloc_loop(call_with_failing_memory, NULL);
}

static int failing_random(void *context, uint8_t *out, size_t len)
{
	int *left = context;
	memset(out, 7, len);
	return (*left)-- > 0 ? 0 : PARLEY_ECRYPTO;
}

static void without_randomness_nothing_is_predictable(void **state)
{
	ice_agent *a = NULL;
	ice_config c;
	(void)state;
	for (int n = 0; n < 3; n++) {
		int left = n;
		ice_config_default(&c);
		c.random = (parley_random){failing_random, &left};
		assert_int_equal(ice_create(&c, &a), PARLEY_ECRYPTO);
	}
	ice_config_default(&c);
	assert_int_equal(ice_create(&c, &a), PARLEY_EINVAL);
	assert_null(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_hosts_connect_at_once),
		cmocka_unit_test(nats_are_crossed),
		cmocka_unit_test(a_symmetric_nat_makes_peer_reflexive_candidates),
		cmocka_unit_test(loss_and_reordering_only_delay),
		cmocka_unit_test(a_long_path_connects),
		cmocka_unit_test(role_conflicts_are_settled),
		cmocka_unit_test(restart_keeps_the_data_path),
		cmocka_unit_test(consent_ends_and_comes_back),
		cmocka_unit_test(a_dead_stun_server_delays_nothing),
		cmocka_unit_test(without_a_way_it_fails_when_patience_ends),
		cmocka_unit_test(no_candidates_at_all_fails_too),
		cmocka_unit_test(candidates_may_come_before_credentials),
		cmocka_unit_test(one_side_without_candidates_is_learnt),
		cmocka_unit_test(checks_before_the_answer_are_answered_and_remembered),
		cmocka_unit_test(names_are_resolved_by_the_owner),
		cmocka_unit_test(a_socket_that_goes_takes_its_pairs_along),
		cmocka_unit_test(another_pair_takes_over_from_a_broken_one),
		cmocka_unit_test(useless_addresses_cost_little_time),
		cmocka_unit_test(equal_foundations_wait_for_each_other),
		cmocka_unit_test(random_histories_end_well),
		cmocka_unit_test(ipv6_is_preferred_and_pairs_with_its_like),
		cmocka_unit_test(loopback_is_the_last_resort),
		cmocka_unit_test(closing_is_final),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(without_randomness_nothing_is_predictable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
