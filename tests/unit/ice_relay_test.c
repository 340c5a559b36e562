/* ice/ice.h with TURN servers: relayed candidates, paths through them, and what happens when the server or the policy changes. */
#include "tests/support/test.h"

#include <string.h>

#include "tests/support/failmalloc.h"
#include "tests/unit/ice_sim.h"

static sim s;

static void start(uint64_t seed)
{
	sim_init(&s, seed);
	for (int i = 0; i < 2; i++)
		s.side[i].nat = SIM_NAT_SYMMETRIC;
}

/* Both learn their public addresses: a relay lets nobody in whose address it was not told (RFC 8656 9). */
static void bind_sides(void)
{
	for (int i = 0; i < 2; i++) {
		sim_bind(&s, i, addr_ipv4(10, 0, (uint8_t)i, 1, 5000));
		(void)ice_add_stun_server(s.side[i].ice, s.now, &s.stun_server);
	}
}

static void go(void)
{
	sim_exchange_credentials(&s);
	for (int i = 0; i < 2; i++)
		ice_end_of_sources(s.side[i].ice, s.now);
	sim_pump(&s);
}

static void assert_connects(void)
{
	char dump[32768];
	if (sim_until(&s, ICE_CONNECTED, 5 * US_PER_S))
		return;
	for (int i = 0; i < 2; i++) {
		text t = text_of(dump, sizeof dump);
		ice_dump(s.side[i].ice, s.now, &t);
		for (size_t at = 0; at < t.len; at += 500) /* cmocka cuts what is longer than 1 kB */
			print_error("%.500s", dump + at);
	}
	fail_msg("not connected");
}

/* The one with this type that was told last, or NULL. */
static const ice_candidate *told(int side, ice_type type)
{
	const ice_candidate *found = NULL;
	for (size_t i = 0; i < s.side[side].candidate_count; i++)
		if (s.side[side].candidates[i].type == type)
			found = &s.side[side].candidates[i];
	return found;
}

static ice_type selected_type(int side)
{
	ice_pair_info pairs[ICE_PAIRS_MAX];
	size_t count = ice_get_pairs(s.side[side].ice, pairs, ICE_PAIRS_MAX);
	for (size_t i = 0; i < count; i++)
		if (pairs[i].selected)
			return ice_local_candidate(s.side[side].ice, pairs[i].local)->type;
	fail_msg("no pair is selected");
	return ICE_HOST;
}

static void assert_data_flows(void)
{
	for (int i = 0; i < 2; i++) {
		unsigned before = s.side[1 - i].data_received;
		assert_true(sim_send(&s, i, "\x17 application data"));
		sim_run(&s, 200 * US_PER_MS);
		assert_int_equal(s.side[1 - i].data_received, before + 1);
		assert_string_equal(s.side[1 - i].data, "\x17 application data");
	}
}

/* Two symmetric NATs: nothing but a relay gets through (RFC 8445 2.1). */
static void a_relay_connects_what_nothing_else_does(void **state)
{
	(void)state;
	start(1);
	assert_int_equal(sim_create(&s), 0);
	bind_sides();
	assert_int_equal(sim_add_turn(&s, 0, ICE_OVER_UDP), 0);
	go();
	assert_connects();
	sim_run(&s, US_PER_S);
	const ice_candidate *relayed = told(0, ICE_RELAY), *mapped = told(0, ICE_SRFLX);
	assert_non_null(relayed);
	assert_true(addr_equal_ip(&relayed->addr, &s.turn.addr));
	assert_non_null(mapped); /* the allocation told of it */
	assert_true(addr_equal(&relayed->related, &mapped->addr));
	assert_true(relayed->priority < mapped->priority);
	assert_int_equal(selected_type(0), ICE_RELAY);
	assert_data_flows();
	assert_true(s.turn.channel_data > 0); /* the selected path has a channel */
	assert_int_equal(s.turn.unpermitted, 0);
	sim_destroy(&s);
}

/* A candidate pair of two relays, and data in both directions. */
static void relays_on_both_sides_meet(void **state)
{
	(void)state;
	start(2);
	for (int i = 0; i < 2; i++)
		s.config[i].relay_only = true;
	assert_int_equal(sim_create(&s), 0);
	bind_sides();
	for (int i = 0; i < 2; i++)
		assert_int_equal(sim_add_turn(&s, i, ICE_OVER_UDP), 0);
	go();
	assert_connects();
	for (int i = 0; i < 2; i++)
		assert_int_equal(selected_type(i), ICE_RELAY);
	assert_data_flows();
	sim_destroy(&s);
}

static void only_relays_are_told_and_used(void **state)
{
	(void)state;
	start(3);
	s.side[0].nat = s.side[1].nat = SIM_NO_NAT;
	s.config[0].relay_only = true;
	assert_int_equal(sim_create(&s), 0);
	bind_sides();
	assert_int_equal(sim_add_turn(&s, 0, ICE_OVER_UDP), 0);
	go();
	assert_connects();
	sim_run(&s, 30 * US_PER_S);
	for (size_t i = 0; i < s.side[0].candidate_count; i++) {
		const ice_candidate *c = &s.side[0].candidates[i];
		assert_int_equal(c->type, ICE_RELAY);
		assert_true(addr_is_any(&c->related) && c->related.port == 9); /* RFC 8839 9.1 */
	}
	assert_int_equal(s.side[0].candidate_count, 1);
	assert_int_equal(s.side[0].sent_to_peers, 0);
	assert_data_flows();
	/* Nor is anybody answered who found the address out. */
	unsigned sent = s.side[0].sent;
	uint8_t request[ICE_PACKET_MAX];
	writer w = writer_of(request, sizeof request);
	stun_id id = {{7}};
	stun_begin(&w, STUN_REQUEST, STUN_BINDING, &id);
	stun_put_bytes(&w, STUN_ATTR_USERNAME, slice_from_string("a:b"));
	stun_put_integrity(&w, slice_from_string("no"));
	stun_put_fingerprint(&w);
	sim_inject(&s, 0, addr_ipv4(10, 0, 0, 1, 5000), addr_ipv4(10, 0, 1, 1, 5000), writer_slice(&w));
	assert_int_equal(s.side[0].sent, sent);
	sim_destroy(&s);
}

/* draft-ietf-rtcweb-mdns-ice-candidates 3.3.2: what a peer's name stands for is not said to a TURN server. */
static void an_address_behind_a_name_is_not_told_to_a_relay(void **state)
{
	static const char line[] =
		"candidate:1 1 UDP 2122252543 1d76a95b-5ecc-494f-ba51-755ce3dbd2d0.local 5000 typ host";
	parley_addr hidden = addr_ipv4(10, 0, 1, 1, 0);
	ice_candidate c;
	(void)state;
	start(4);
	s.side[0].nat = s.side[1].nat = SIM_NO_NAT;
	s.side[1].mute_candidates = true;
	assert_int_equal(sim_create(&s), 0);
	bind_sides();
	assert_int_equal(sim_add_turn(&s, 0, ICE_OVER_UDP), 0);
	go();
	sim_run(&s, US_PER_S / 10);
	assert_int_equal(ice_candidate_parse(slice_from_string(line), &c), 0);
	assert_int_equal(ice_add_remote_candidate(s.side[0].ice, s.now, &c), 0);
	sim_pump(&s);
	ice_resolved(s.side[0].ice, s.now, s.side[0].resolve_id, &hidden);
	sim_pump(&s);
	assert_connects();
	sim_run(&s, 5 * US_PER_S);
	assert_int_equal(selected_type(0), ICE_HOST);
	assert_int_equal(s.turn.allocated, 1);
	for (size_t i = 0; i < SIM_ALLOCATIONS_MAX; i++)
		assert_int_equal(s.turn.allocations[i].permitted_count, 0);
	sim_destroy(&s);
}

static void a_stream_carries_a_relay(ice_over over)
{
	start(4);
	s.config[0].relay_only = true;
	assert_int_equal(sim_create(&s), 0);
	bind_sides();
	assert_int_equal(sim_add_turn(&s, 0, over), 0);
	go();
	assert_connects();
	assert_int_equal(s.side[0].streams_opened, 1);
	assert_string_equal(s.side[0].name, over == ICE_OVER_TLS ? "turn.test" : "");
	assert_int_equal(s.side[0].sent_to_peers, 0);
	assert_data_flows();
	ice_source source;
	assert_true(ice_local_source(s.side[0].ice, 0, &source));
	assert_true(source.turn);
	assert_int_equal(source.over, over);
	assert_true(sim_turn_is_at(&s.turn, &source.server));
	/* The stream ends: another is opened, with another allocation. */
	ice_stream_closed(s.side[0].ice, s.now, s.side[0].stream, PARLEY_ECLOSED, "reset by peer");
	sim_pump(&s);
	assert_int_equal(ice_get_state(s.side[0].ice), ICE_DISCONNECTED);
	sim_run(&s, 5 * US_PER_S);
	assert_int_equal(s.side[0].streams_opened, 2);
	assert_data_flows();
	sim_destroy(&s);
}

static void tcp_and_tls_carry_a_relay(void **state)
{
	(void)state;
	a_stream_carries_a_relay(ICE_OVER_TCP);
	a_stream_carries_a_relay(ICE_OVER_TLS);
}

static void udp_is_preferred_to_tcp_to_tls(void **state)
{
	(void)state;
	start(5);
	assert_int_equal(sim_create(&s), 0);
	bind_sides();
	for (ice_over over = ICE_OVER_TLS + 1; over-- > ICE_OVER_UDP;)
		assert_int_equal(sim_add_turn(&s, 0, over), 0);
	go();
	sim_run(&s, 5 * US_PER_S);
	uint32_t priority[3] = {0};
	ice_source source;
	for (size_t i = 0; ice_local_candidate(s.side[0].ice, i); i++)
		if (ice_local_candidate(s.side[0].ice, i)->type == ICE_RELAY) {
			assert_true(ice_local_source(s.side[0].ice, i, &source));
			priority[source.over] = ice_local_candidate(s.side[0].ice, i)->priority;
		}
	assert_true(priority[ICE_OVER_UDP] > priority[ICE_OVER_TCP]);
	assert_true(priority[ICE_OVER_TCP] > priority[ICE_OVER_TLS]);
	assert_true(priority[ICE_OVER_TLS] > 0);
	sim_destroy(&s);
}

static void a_dead_turn_server_delays_nothing(void **state)
{
	(void)state;
	start(6);
	s.side[0].nat = s.side[1].nat = SIM_NAT_CONE;
	assert_int_equal(sim_create(&s), 0);
	bind_sides();
	ice_turn_server dead = {.addr = s.dead_server, .username = slice_from_string("u")};
	dead.password = slice_from_string("p");
	for (int i = 0; i < 2; i++)
		assert_int_equal(ice_add_turn_server(s.side[i].ice, s.now, &dead), 0);
	uint64_t begin = s.now;
	go();
	assert_true(sim_until(&s, ICE_CONNECTED, US_PER_S));
	assert_false(s.side[0].gathered);
	sim_run(&s, 20 * US_PER_S);
	assert_true(s.side[0].gathered);
	assert_in_range(s.side[0].gathered_at - begin, 4 * US_PER_S, 6 * US_PER_S);
	ice_server_info info[4];
	assert_int_equal(ice_get_servers(s.side[0].ice, info, 4), 2);
	assert_false(info[0].source.turn);
	assert_int_equal(info[0].state, ICE_SERVER_ANSWERED);
	assert_true(info[1].source.turn);
	assert_int_equal(info[1].state, ICE_SERVER_FAILED);
	assert_int_equal(info[1].error, PARLEY_ETIMEDOUT);
	sim_destroy(&s);
}

static void a_wrong_password_is_told(void **state)
{
	(void)state;
	start(7);
	s.turn.password = "another";
	assert_int_equal(sim_create(&s), 0);
	bind_sides();
	assert_int_equal(sim_add_turn(&s, 0, ICE_OVER_UDP), 0);
	s.turn.refuses_streams = true;
	assert_int_equal(sim_add_turn(&s, 0, ICE_OVER_TCP), 0);
	go();
	sim_run(&s, US_PER_S);
	assert_true(s.side[0].gathered);
	ice_server_info info[4];
	assert_int_equal(ice_get_servers(s.side[0].ice, info, 4), 3);
	assert_int_equal(info[0].state, ICE_SERVER_ANSWERED); /* the STUN server */
	assert_int_equal(info[1].state, ICE_SERVER_FAILED);
	assert_int_equal(info[1].error, PARLEY_EAUTH);
	assert_int_equal(info[1].code, 401);
	assert_int_equal(info[2].error, PARLEY_EREFUSED);
	assert_non_null(strstr(info[2].reason, "refused"));
	sim_destroy(&s);
}

static void an_allocation_outlives_restarts(void **state)
{
	(void)state;
	start(8);
	assert_int_equal(sim_create(&s), 0);
	bind_sides();
	assert_int_equal(sim_add_turn(&s, 0, ICE_OVER_UDP), 0);
	go();
	assert_connects();
	sim_run(&s, US_PER_S);
	parley_addr relayed = told(0, ICE_RELAY)->addr;
	for (int round = 0; round < 3; round++) {
		s.side[0].candidate_count = 0;
		s.side[0].gathered = false;
		for (int i = 0; i < 2; i++)
			assert_int_equal(ice_restart(s.side[i].ice, s.now), 0);
		sim_pump(&s);
		assert_data_flows(); /* while both gather again */
		go();
		sim_run(&s, 5 * US_PER_S);
		assert_true(s.side[0].gathered);
		assert_true(addr_equal(&told(0, ICE_RELAY)->addr, &relayed));
		assert_true(told(0, ICE_SRFLX) != NULL);
		assert_data_flows();
	}
	assert_int_equal(s.turn.allocated, 1);
	assert_int_equal(s.turn.unpermitted, 0);
	sim_destroy(&s);
}

static void a_server_that_restarts_is_survived(void **state)
{
	(void)state;
	start(9);
	for (int i = 0; i < 2; i++)
		s.config[i].relay_only = i == 0;
	assert_int_equal(sim_create(&s), 0);
	bind_sides();
	assert_int_equal(sim_add_turn(&s, 0, ICE_OVER_UDP), 0);
	go();
	assert_connects();
	sim_run(&s, 10 * US_PER_S);
	parley_addr before = told(0, ICE_RELAY)->addr;
	s.turn.mute = true;
	sim_turn_restart(&s.turn);
	sim_run(&s, 3 * US_PER_S);
	s.turn.mute = false;
	sim_run(&s, 17 * US_PER_S);
	assert_int_equal(ice_get_state(s.side[0].ice), ICE_COMPLETED);
	assert_false(addr_equal(&told(0, ICE_RELAY)->addr, &before));
	assert_data_flows();
	sim_destroy(&s);
}

/* RFC 8489 10. A stream to the first server is closed, and one opened to the second. */
static void another_server_is_gone_to(void **state)
{
	(void)state;
	for (ice_over over = ICE_OVER_UDP; over <= ICE_OVER_TLS; over++) {
		start(10);
		s.config[0].relay_only = true;
		assert_int_equal(sim_create(&s), 0);
		bind_sides();
		s.turn.alternate = s.turn.addr;
		s.turn.alternate.port = 3479;
		assert_int_equal(sim_add_turn(&s, 0, over), 0);
		go();
		assert_connects();
		assert_data_flows();
		assert_int_equal(s.turn.allocations[0].server.port, 3479);
		assert_int_equal(s.side[0].streams_opened, over == ICE_OVER_UDP ? 0 : 2);
		assert_int_equal(s.side[0].streams_closed, over == ICE_OVER_UDP ? 0 : 1);
		assert_string_equal(s.side[0].name, over == ICE_OVER_TLS ? "turn.test" : "");
		sim_destroy(&s);
	}
}

static void a_peer_that_is_forbidden_fails_alone(void **state)
{
	(void)state;
	start(12);
	s.side[0].nat = s.side[1].nat = SIM_NO_NAT;
	s.config[0].relay_only = true;
	s.turn.forbidden = addr_ipv4(10, 0, 1, 1, 0);
	assert_int_equal(sim_create(&s), 0);
	bind_sides();
	sim_bind(&s, 1, addr_ipv4(192, 0, 2, 77, 5000));
	assert_int_equal(sim_add_turn(&s, 0, ICE_OVER_UDP), 0);
	go();
	assert_connects();
	assert_data_flows();
	assert_true(s.turn.refused > 0);
	sim_destroy(&s);
}

static void closing_ends_allocations_after_the_last_word(void **state)
{
	(void)state;
	start(13);
	s.config[0].relay_only = true;
	assert_int_equal(sim_create(&s), 0);
	bind_sides();
	assert_int_equal(sim_add_turn(&s, 0, ICE_OVER_UDP), 0);
	go();
	assert_connects();
	sim_run(&s, US_PER_S);
	uint8_t bytes[ICE_HEADROOM + 8 + ICE_TAILROOM] = {0};
	ice_packet p = {.data = {.data = bytes + ICE_HEADROOM, .capacity = 8 + ICE_TAILROOM, .len = 8}};
	bytes[ICE_HEADROOM] = 0x17;
	assert_true(ice_selected(s.side[0].ice, &p.local, &p.remote));
	ice_packet again = p;
	ice_close(s.side[0].ice, s.now);
	assert_true(ice_envelop(s.side[0].ice, s.now, &p));
	assert_true(addr_equal(&p.remote, &s.turn.addr));
	sim_pump(&s);
	assert_false(ice_envelop(s.side[0].ice, s.now, &again));
	sim_run(&s, US_PER_S);
	assert_int_equal(s.turn.deleted, 1);
	sim_destroy(&s);
}

static void servers_are_exchanged_at_a_restart(void **state)
{
	(void)state;
	start(14);
	s.config[0].relay_only = true;
	assert_int_equal(sim_create(&s), 0);
	bind_sides();
	assert_int_equal(sim_add_turn(&s, 0, ICE_OVER_UDP), 0);
	go();
	assert_connects();
	sim_run(&s, US_PER_S);
	ice_clear_servers(s.side[0].ice);
	assert_int_equal(sim_add_turn(&s, 0, ICE_OVER_TCP), 0);
	sim_run(&s, US_PER_S);
	assert_int_equal(s.turn.allocated, 1); /* not before the next generation */
	assert_data_flows();
	s.side[0].candidate_count = 0;
	for (int i = 0; i < 2; i++)
		assert_int_equal(ice_restart(s.side[i].ice, s.now), 0);
	sim_pump(&s);
	assert_data_flows(); /* by the old one, until there is another way */
	go();
	sim_run(&s, 5 * US_PER_S);
	assert_int_equal(s.side[0].candidate_count, 1);
	assert_int_equal(s.turn.allocated, 2);
	assert_int_equal(s.turn.deleted, 1);
	assert_data_flows();
	sim_destroy(&s);
}

static void a_socket_that_goes_takes_its_relays_along(void **state)
{
	(void)state;
	start(15);
	s.config[0].relay_only = true;
	assert_int_equal(sim_create(&s), 0);
	bind_sides();
	assert_int_equal(sim_add_turn(&s, 0, ICE_OVER_UDP), 0);
	go();
	assert_connects();
	parley_addr local = addr_ipv4(10, 0, 0, 1, 5000);
	assert_int_equal(ice_remove_local(s.side[0].ice, s.now, &local), 0);
	sim_pump(&s);
	assert_null(ice_local_candidate(s.side[0].ice, 0));
	assert_int_equal(ice_get_state(s.side[0].ice), ICE_DISCONNECTED);
	/* Another socket finds the way again, without a restart. */
	sim_bind(&s, 0, addr_ipv4(10, 0, 0, 1, 5001));
	sim_run(&s, 5 * US_PER_S);
	assert_data_flows();
	sim_destroy(&s);
}

static void what_cannot_be_a_server_is_refused(void **state)
{
	(void)state;
	start(16);
	assert_int_equal(sim_create(&s), 0);
	ice_turn_server t = {.addr = s.turn.addr, .username = slice_from_string("u")};
	assert_int_equal(ice_add_turn_server(s.side[0].ice, s.now, &t), PARLEY_EINVAL);
	t.password = slice_from_string("p");
	t.over = ICE_OVER_TLS; /* of which transport UDP is not */
	assert_int_equal(ice_add_turn_server(s.side[0].ice, s.now, &t), PARLEY_EINVAL);
	t.over = ICE_OVER_UDP;
	for (unsigned i = 0; i < ICE_TURN_SERVERS_MAX; i++, t.addr.port++)
		assert_int_equal(ice_add_turn_server(s.side[0].ice, s.now, &t), 0);
	assert_int_equal(ice_add_turn_server(s.side[0].ice, s.now, &t), PARLEY_ELIMIT);
	t.addr.port--;
	assert_int_equal(ice_add_turn_server(s.side[0].ice, s.now, &t), 0);
	ice_close(s.side[0].ice, s.now);
	assert_int_equal(ice_add_turn_server(s.side[0].ice, s.now, &t), PARLEY_ESTATE);
	sim_destroy(&s);
}

static void shake(rng_seeded *dice, uint16_t *port)
{
	int side = (int)rng_seeded_below(dice, 2);
	ice_agent *ice = s.side[side].ice;
	parley_addr addr = addr_ipv4(10, 0, (uint8_t)side, 1, *port);
	switch (rng_seeded_below(dice, 10)) {
	case 0:
		(void)ice_restart(ice, s.now);
		sim_pump(&s);
		sim_exchange_credentials(&s);
		break;
	case 1:
		addr.port = ++*port; /* never one that an allocation may still be for */
		(void)ice_add_local(ice, s.now, &addr);
		break;
	case 2:
		addr.port = (uint16_t)(*port - rng_seeded_below(dice, 4));
		(void)ice_remove_local(ice, s.now, &addr);
		break;
	case 3:
		s.cut = !s.cut;
		break;
	case 4:
		s.turn.mute = !s.turn.mute;
		break;
	case 5:
		sim_turn_restart(&s.turn);
		break;
	case 6:
		s.turn.refuses_streams = !s.turn.refuses_streams;
		break;
	case 7:
		ice_stream_closed(ice, s.now, s.side[side].stream, PARLEY_ECLOSED, "cut");
		break;
	case 8:
		ice_clear_servers(ice);
		break;
	default:
		(void)sim_add_turn(&s, side, (ice_over)rng_seeded_below(dice, 3));
		break;
	}
	sim_pump(&s);
}

/* What was told while the other side was not listening is told again. */
static void tell_candidates(void)
{
	for (int i = 0; i < 2; i++) {
		const ice_candidate *c;
		for (size_t k = 0; (c = ice_local_candidate(s.side[i].ice, k)); k++)
			(void)ice_add_remote_candidate(s.side[1 - i].ice, s.now, c);
	}
	sim_pump(&s);
}

/* Whatever servers, streams and sockets do, in any order: no assertion fails, and in the end the two connect. */
static void random_histories_end_well(void **state)
{
	rng_seeded dice;
	(void)state;
	for (uint64_t seed = 0; seed < 100; seed++) {
		uint16_t port = 6000;
		start(1000 + seed);
		rng_seeded_init(&dice, seed);
		s.jitter_us = rng_seeded_below(&dice, 50 * US_PER_MS);
		s.loss_percent = (unsigned)rng_seeded_below(&dice, 20);
		for (int i = 0; i < 2; i++)
			s.config[i].relay_only = rng_seeded_below(&dice, 2);
		assert_int_equal(sim_create(&s), 0);
		bind_sides();
		for (int i = 0; i < 2; i++)
			(void)sim_add_turn(&s, i, (ice_over)rng_seeded_below(&dice, 3));
		go();
		for (int i = 0; i < 40; i++) {
			sim_run(&s, rng_seeded_below(&dice, 4 * US_PER_S));
			shake(&dice, &port);
		}
		s.cut = s.turn.mute = s.turn.refuses_streams = false;
		s.loss_percent = 0;
		for (int i = 0; i < 2; i++) {
			sim_bind(&s, i, addr_ipv4(10, 0, (uint8_t)i, 1, ++port));
			assert_int_equal(sim_add_turn(&s, i, ICE_OVER_UDP), 0);
			assert_int_equal(ice_restart(s.side[i].ice, s.now), 0);
		}
		sim_pump(&s);
		sim_exchange_credentials(&s);
		sim_run(&s, 2 * US_PER_S);
		tell_candidates();
		sim_run(&s, 10 * US_PER_S); /* the path of before may be dead and not yet known to be */
		assert_connects();
		assert_data_flows();
		sim_destroy(&s);
	}
}

/* A call with everything in it, of which any allocation may fail; nothing leaks, and no rule is broken. */
static void live_a_life(void *context)
{
	(void)context;
	start(17);
	if (sim_create(&s)) {
		sim_destroy(&s);
		return;
	}
	bind_sides();
	for (int i = 0; i < 2; i++)
		for (ice_over over = ICE_OVER_UDP; over <= ICE_OVER_TLS; over++)
			(void)sim_add_turn(&s, i, over);
	go();
	sim_run(&s, 3 * US_PER_S);
	(void)sim_send(&s, 0, "\x17 data");
	sim_turn_restart(&s.turn);
	ice_clear_servers(s.side[0].ice);
	(void)sim_add_turn(&s, 0, ICE_OVER_TCP);
	(void)ice_restart(s.side[0].ice, s.now);
	sim_exchange_credentials(&s);
	sim_run(&s, 3 * US_PER_S);
	ice_close(s.side[0].ice, s.now);
	sim_pump(&s);
	sim_destroy(&s);
}

static void every_allocation_may_fail(void **state)
{
	(void)state;
	failmalloc_loop(live_a_life, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_relay_connects_what_nothing_else_does),
		cmocka_unit_test(relays_on_both_sides_meet),
		cmocka_unit_test(only_relays_are_told_and_used),
		cmocka_unit_test(an_address_behind_a_name_is_not_told_to_a_relay),
		cmocka_unit_test(tcp_and_tls_carry_a_relay),
		cmocka_unit_test(udp_is_preferred_to_tcp_to_tls),
		cmocka_unit_test(a_dead_turn_server_delays_nothing),
		cmocka_unit_test(a_wrong_password_is_told),
		cmocka_unit_test(an_allocation_outlives_restarts),
		cmocka_unit_test(a_server_that_restarts_is_survived),
		cmocka_unit_test(another_server_is_gone_to),
		cmocka_unit_test(a_peer_that_is_forbidden_fails_alone),
		cmocka_unit_test(closing_ends_allocations_after_the_last_word),
		cmocka_unit_test(servers_are_exchanged_at_a_restart),
		cmocka_unit_test(a_socket_that_goes_takes_its_relays_along),
		cmocka_unit_test(what_cannot_be_a_server_is_refused),
		cmocka_unit_test(random_histories_end_well),
		cmocka_unit_test(every_allocation_may_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
