/* One agent and what others send it: strangers, forgers, floods, broken peers, lite peers. */
#include "tests/support/test.h"
#include "tests/unit/ice_solo.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/failmalloc.h"

static void dump(char *out, size_t size)
{
	text t = text_of(out, size);
	ice_dump(solo.ice, solo.now, &t);
	assert_false(t.bad);
}

static void refusals_have_the_right_code(void **state)
{
	(void)state;
	solo_begin(true, true);
	struct {
		solo_request p;
		int result;
		unsigned code; /* 0: silence */
		bool is_signed;
	} cases[8];
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		cases[i].p = solo_good_request();
		cases[i].result = PARLEY_EAUTH;
		cases[i].code = STUN_UNAUTHENTICATED;
		cases[i].is_signed = false;
	}
	cases[0].p.pwd = "wrongpasswordwrongpasswor";
	cases[1].p.ufrag = "nope";
	cases[2].p.pwd = NULL;
	cases[2].code = STUN_BAD_REQUEST;
	cases[3].p.ufrag = NULL;
	cases[3].code = STUN_BAD_REQUEST;
	cases[4].p.no_fingerprint = true;
	cases[4].code = 0;
	cases[5].p.unknown = true;
	cases[5].code = STUN_UNKNOWN_ATTRIBUTE;
	cases[6].p.no_priority = true;
	cases[6].code = STUN_BAD_REQUEST;
	cases[7].p.controlled = false; /* conflict: we have 1000 */
	cases[7].p.tie = 999;
	cases[7].code = STUN_ROLE_CONFLICT;
	cases[7].result = 0;
	for (size_t i = 4; i < 8; i++) {
		cases[i].is_signed = i > 4;
		if (i < 7)
			cases[i].result = PARLEY_EPROTO;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		assert_int_equal(solo_ask(&cases[i].p, &solo_peer), cases[i].result);
		assert_int_equal(solo.sent, cases[i].code ? 1 : 0);
		if (cases[i].code) {
			assert_int_equal(solo.message.error_code, cases[i].code);
			assert_int_equal(solo.message.has_integrity, cases[i].is_signed);
		}
		if (cases[i].is_signed)
			assert_int_equal(
				stun_check_integrity(&solo.message, slice_from_string(ice_local_pwd(solo.ice))), 0);
		assert_int_equal(ice_get_pairs(solo.ice, NULL, 0), 0);
		assert_false(ice_is_validated(solo.ice, &solo_base, &solo_peer));
	}
	assert_true(ice_is_controlling(solo.ice));
	solo_end();
}

static void an_authentic_request_is_answered_and_checked_back(void **state)
{
	(void)state;
	solo_begin(true, true);
	solo_request p = solo_good_request();
	assert_int_equal(solo_ask(&p, &solo_peer), 0);
	assert_int_equal(solo.sent, 2); /* the answer, and the triggered check at once */
	assert_int_equal(solo.message.class, STUN_REQUEST);
	assert_true(ice_is_validated(solo.ice, &solo_base, &solo_peer));
	assert_true(solo.message.has_priority && solo.message.has_ice_controlling);
	assert_true(solo.message.ice_controlling == 1000);
	assert_false(solo.message.has_use_candidate);
	assert_int_equal(solo_only_pair().state, ICE_PAIR_IN_PROGRESS);
	solo_end();
}

static void a_flood_of_strangers_changes_nothing(void **state)
{
	(void)state;
	solo_begin(false, true);
	solo_add_peer();
	char before[2048], after[2048];
	dump(before, sizeof before);
	size_t live = failmalloc_live();
	uint64_t deadline = ice_deadline(solo.ice);
	uint8_t bytes[ICE_PACKET_MAX];
	for (uint32_t i = 0; i < 100000; i++) {
		parley_addr from =
			addr_ipv4(198, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i, (uint16_t)(1 + i % 65535));
		solo_request p = {.ufrag = i % 3 ? "evil" : ice_local_ufrag(solo.ice),
				  .pwd = "notourpasswordnotourpass",
				  .sender = SOLO_UFRAG};
		p.use_candidate = true;
		p.tie = UINT64_MAX;
		p.id = i;
		if (i % 100 == 0) {
			(void)ice_receive(solo.ice, solo.now, &solo_base, &from, solo_build(&p, bytes));
			solo_pump();
		} else {
			/* The same bytes from elsewhere: cheaper to make. */
			(void)ice_receive(solo.ice, solo.now, &solo_base, &from,
					  slice_of(bytes, 20 + (size_t)(bytes[2] << 8 | bytes[3])));
		}
	}
	solo_pump();
	dump(after, sizeof after);
	assert_string_equal(before, after);
	assert_int_equal(failmalloc_live(), live);
	assert_true(ice_deadline(solo.ice) == deadline);
	assert_false(ice_is_controlling(solo.ice));
	ice_counters c;
	ice_get_counters(solo.ice, &c);
	assert_int_equal(c.drop_unauthorised, 100000);
	solo_end();
}

static void a_peer_that_knows_the_password_cannot_fill_memory(void **state)
{
	(void)state;
	solo_begin(false, true);
	for (unsigned round = 0; round < 2; round++) {
		for (uint16_t i = 0; i < 1000; i++) {
			solo_request p = solo_good_request();
			p.controlled = false;
			p.id = i;
			parley_addr from = addr_ipv4(10, 0, 3, 1, (uint16_t)(1000 + i));
			(void)solo_ask(&p, &from);
		}
		assert_int_equal(ice_get_pairs(solo.ice, NULL, 0), ICE_REMOTE_CANDIDATES_MAX);
	}
	ice_candidate c;
	unsigned taken = 0;
	for (unsigned i = 0; i < 1000; i++) {
		char line[128];
		snprintf(line, sizeof line, "candidate:%u 1 udp %u 10.9.%u.%u 999 typ host", i, 1000 + i, i / 250,
			 i % 250);
		assert_int_equal(ice_candidate_parse(slice_from_string(line), &c), 0);
		taken += ice_add_remote_candidate(solo.ice, solo.now, &c) == 0;
		solo_pump();
	}
	assert_int_equal(taken, ICE_REMOTE_CANDIDATES_MAX);
	assert_int_equal(ice_get_pairs(solo.ice, NULL, 0), ICE_PAIRS_MAX);
	solo_end();
}

/* A request can be copied and sent from anywhere: what never answers makes room for who does. */
static void addresses_that_never_answer_are_forgotten(void **state)
{
	(void)state;
	parley_addr elsewhere = addr_ipv4(203, 0, 113, 9, 4000);
	solo_begin(false, true);
	solo_request p = solo_good_request();
	p.controlled = false;
	for (unsigned i = 0; i < 2 * ICE_REMOTE_CANDIDATES_MAX; i++) {
		parley_addr from = addr_ipv4(198, 51, 100, (uint8_t)(i + 1), 4000);
		p.id = i;
		assert_int_equal(solo_ask(&p, &from), 0);
	}
	solo_run_for(2 * 60 * US_PER_S);
	p.id = 1000;
	p.use_candidate = true;
	assert_int_equal(solo_ask(&p, &elsewhere), 0);
	solo_wait_for_request();
	assert_true(addr_equal(&solo.packet.remote, &elsewhere));
	assert_int_equal(solo_answer(0, SOLO_PWD, &elsewhere, &solo_base), 0);
	parley_addr selected = solo_selected();
	assert_true(addr_equal(&selected, &elsewhere));
	solo_end();
}

/* A peer's candidate can say that it is at our loopback address: no packet and no connection goes there. */
static void no_peer_has_us_talk_to_ourselves(void **state)
{
	static const char *const lines[] = {
		"candidate:1 1 udp 2122252543 127.0.0.1 53 typ host",
		"candidate:1 1 udp 2122252543 127.1.2.3 53 typ host",
		"candidate:1 1 udp 2122252543 ::1 53 typ host",
		"candidate:1 1 tcp 1518214911 127.0.0.1 80 typ host tcptype passive",
	};
	(void)state;
	solo_prepare(true);
	solo.config.tcp = true;
	solo_create(true);
	for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
		ice_candidate c;
		assert_int_equal(ice_candidate_parse(slice_from_string(lines[i]), &c), 0);
		assert_int_equal(ice_add_remote_candidate(solo.ice, solo.now, &c), 0);
	}
	solo_run_for(US_PER_S);
	assert_int_equal(solo.logged, 0);
	assert_int_equal(ice_get_pairs(solo.ice, NULL, 0), 0);
	/* Another program of this machine may be there, if that is where we are. */
	parley_addr home = addr_ipv4(127, 0, 0, 1, 5000);
	assert_int_equal(ice_add_local(solo.ice, solo.now, &home), 0);
	assert_int_equal(ice_remove_local(solo.ice, solo.now, &solo_base), 0);
	ice_end_of_sources(solo.ice, solo.now);
	solo_run_for(US_PER_S);
	assert_true(solo.logged > 0);
	solo_end();
}

static void early_requests_are_bounded(void **state)
{
	(void)state;
	solo_begin(true, false);
	size_t live = failmalloc_live();
	for (uint16_t i = 0; i < 1000; i++) {
		solo_request p = solo_good_request();
		p.id = i;
		parley_addr from = addr_ipv4(10, 0, 3, 1, (uint16_t)(1000 + i));
		assert_int_equal(solo_ask(&p, &from), 0);
		assert_int_equal(solo.sent, 1);
		assert_int_equal(solo.message.class, STUN_SUCCESS);
		assert_true(addr_equal(&solo.message.xor_mapped_address, &from));
	}
	assert_int_equal(failmalloc_live(), live + 1); /* the table of them */
	assert_int_equal(
		ice_set_remote(solo.ice, solo.now, slice_from_string(SOLO_UFRAG), slice_from_string(SOLO_PWD), false),
		0);
	solo_pump();
	assert_int_equal(ice_get_pairs(solo.ice, NULL, 0), ICE_EARLY_MAX);
	solo_end();
}

static void early_requests_of_another_ufrag_do_not_count(void **state)
{
	(void)state;
	solo_begin(true, false);
	solo_request p = solo_good_request();
	p.sender = "othr";
	assert_int_equal(solo_ask(&p, &solo_peer), 0);
	assert_int_equal(
		ice_set_remote(solo.ice, solo.now, slice_from_string(SOLO_UFRAG), slice_from_string(SOLO_PWD), false),
		0);
	solo_pump();
	assert_int_equal(ice_get_pairs(solo.ice, NULL, 0), 0);
	solo_end();
}

static void forged_answers_are_ignored(void **state)
{
	(void)state;
	solo_begin(true, true);
	solo_add_peer();
	stun_message request = solo.message;
	assert_int_equal(request.class, STUN_REQUEST);
	assert_int_equal(solo_answer(0, "notourpasswordnotourpass", &solo_peer, &solo_base), PARLEY_EAUTH);
	assert_int_equal(solo_answer(0, NULL, &solo_peer, &solo_base), PARLEY_EAUTH);
	assert_int_equal(solo_answer(STUN_ROLE_CONFLICT, NULL, &solo_peer, &solo_base), PARLEY_EAUTH);
	assert_int_equal(solo_answer(STUN_BAD_REQUEST, NULL, &solo_peer, &solo_base), PARLEY_EAUTH);
	assert_int_equal(solo_only_pair().state, ICE_PAIR_IN_PROGRESS);
	assert_true(ice_is_controlling(solo.ice));
	assert_int_equal(solo_answer(0, SOLO_PWD, &solo_peer, &solo_base), 0);
	assert_true(solo_only_pair().valid);
	solo_end();
}

static void an_answer_from_elsewhere_fails_the_pair(void **state)
{
	parley_addr elsewhere = solo_peer;
	(void)state;
	solo_begin(true, true);
	solo_add_peer();
	elsewhere.port++;
	assert_int_equal(solo_answer(0, SOLO_PWD, &elsewhere, &solo_base), 0);
	assert_int_equal(solo_only_pair().state, ICE_PAIR_FAILED);
	assert_false(solo_only_pair().valid);
	solo_end();
}

static void a_role_conflict_answer_changes_role_and_tie_breaker(void **state)
{
	(void)state;
	solo_begin(true, true);
	solo_add_peer();
	assert_int_equal(solo_answer(STUN_ROLE_CONFLICT, SOLO_PWD, &solo_peer, &solo_base), 0);
	assert_false(ice_is_controlling(solo.ice));
	if (solo.sent == 0)
		solo_wait_for_request();
	assert_true(solo.message.has_ice_controlled && solo.message.ice_controlled != 1000);
	/* A peer that never agrees does not keep us busy for ever. */
	for (int i = 0; i < 20 && solo_only_pair().state != ICE_PAIR_FAILED; i++) {
		assert_int_equal(solo_answer(STUN_ROLE_CONFLICT, SOLO_PWD, &solo_peer, &solo_base), 0);
		if (solo.sent == 0 && solo_only_pair().state != ICE_PAIR_FAILED)
			solo_wait_for_request();
	}
	assert_int_equal(solo_only_pair().state, ICE_PAIR_FAILED);
	solo_end();
}

static void a_lite_peer_is_controlled_and_nominated(void **state)
{
	parley_addr local, remote;
	(void)state;
	solo_begin(false, false);
	assert_int_equal(
		ice_set_remote(solo.ice, solo.now, slice_from_string(SOLO_UFRAG), slice_from_string(SOLO_PWD), true),
		0);
	assert_true(ice_is_controlling(solo.ice));
	solo_add_peer();
	assert_int_equal(solo_answer(0, SOLO_PWD, &solo_peer, &solo_base), 0);
	assert_true(ice_selected(solo.ice, &local, &remote)); /* data may flow before the nomination is through */
	if (solo.sent == 0)
		solo_wait_for_request();
	assert_true(solo.message.has_use_candidate);
	assert_int_equal(solo_answer(0, SOLO_PWD, &solo_peer, &solo_base), 0);
	assert_true(solo_only_pair().nominated);
	solo_end();
}

static void aggressive_nomination_is_accepted(void **state)
{
	(void)state;
	solo_begin(false, true);
	solo_request p = solo_good_request();
	p.controlled = false;
	p.use_candidate = true;
	assert_int_equal(solo_ask(&p, &solo_peer), 0);
	assert_false(solo_only_pair().nominated); /* not before our own check got through */
	assert_int_equal(solo_answer(0, SOLO_PWD, &solo_peer, &solo_base), 0);
	assert_true(solo_only_pair().nominated);
	assert_true(solo_only_pair().selected);
	solo_end();
}

/* Two pairs of the peer's, both valid; the second has the lower priority, as it came later to the same priority. */
static void make_two_valid_pairs(const parley_addr *second, bool use_candidate)
{
	solo_request p = solo_good_request();
	p.controlled = false;
	p.use_candidate = use_candidate;
	solo_add_peer(); /* a host candidate: better than what is learnt */
	assert_int_equal(solo_answer(0, SOLO_PWD, &solo_peer, &solo_base), 0);
	solo.now += US_PER_S;
	if (use_candidate) {
		assert_int_equal(solo_ask(&p, &solo_peer), 0);
		assert_int_equal(solo.sent, 1);
	}
	assert_int_equal(solo_ask(&p, second), 0);
	assert_int_equal(solo.sent, 2);
	assert_int_equal(solo_answer(0, SOLO_PWD, second, &solo_base), 0);
	assert_int_equal(ice_get_pairs(solo.ice, NULL, 0), 2);
}

static void of_pairs_nominated_aggressively_the_best_counts(void **state)
{
	const parley_addr second = addr_ipv4(10, 0, 0, 2, 6001);
	parley_addr now_to;
	(void)state;
	solo_begin(false, true);
	make_two_valid_pairs(&second, true);
	now_to = solo_selected();
	assert_true(addr_equal(&now_to, &solo_peer));
	solo_end();
}

static void a_peer_that_changes_its_mind_is_followed(void **state)
{
	const parley_addr second = addr_ipv4(10, 0, 0, 2, 6001);
	parley_addr now_to;
	(void)state;
	solo_begin(false, true);
	make_two_valid_pairs(&second, true);
	solo_request p = solo_good_request();
	p.controlled = false;
	assert_int_equal(solo_ask(&p, &solo_peer), 0); /* no USE-CANDIDATE there any more */
	p.use_candidate = true;
	assert_int_equal(solo_ask(&p, &second), 0);
	now_to = solo_selected();
	assert_true(addr_equal(&now_to, &second));
	p.use_candidate = false;
	assert_int_equal(solo_ask(&p, &second), 0); /* consent checks do not undo it */
	now_to = solo_selected();
	assert_true(addr_equal(&now_to, &second));
	solo_end();
}

static void before_a_nomination_the_best_valid_pair_carries_data(void **state)
{
	const parley_addr second = addr_ipv4(10, 0, 0, 2, 6001);
	parley_addr now_to;
	(void)state;
	solo_begin(false, true);
	make_two_valid_pairs(&second, false);
	now_to = solo_selected();
	assert_true(addr_equal(&now_to, &solo_peer));
	assert_true(ice_is_validated(solo.ice, &solo_base, &second));
	solo_end();
}

/* Its request was faster than signalling and name resolution. */
static void a_learnt_candidate_may_be_signalled_later(void **state)
{
	static const char line[] =
		"candidate:7 1 udp 2122252543 1d76a95b-5ecc-494f-ba51-755ce3dbd2d0.local 6000 typ host";
	(void)state;
	for (int by_name = 0; by_name < 2; by_name++) {
		solo_begin(false, true);
		solo_request p = solo_good_request();
		p.controlled = false;
		assert_int_equal(solo_ask(&p, &solo_peer), 0);
		assert_int_equal(ice_remote_candidate(solo.ice, 0)->type, ICE_PRFLX);
		if (by_name) {
			ice_candidate c;
			ice_event e;
			uint32_t id = 0;
			assert_int_equal(ice_candidate_parse(slice_from_string(line), &c), 0);
			assert_int_equal(ice_add_remote_candidate(solo.ice, solo.now, &c), 0);
			while (ice_poll_event(solo.ice, &e))
				if (e.type == ICE_EVENT_RESOLVE)
					id = e.id;
			assert_int_not_equal(id, 0);
			ice_resolved(solo.ice, solo.now, id, &solo_peer);
			solo_pump();
		} else {
			solo_add_peer();
		}
		assert_int_equal(ice_remote_candidate(solo.ice, 0)->type, ICE_HOST);
		(void)solo_only_pair();
		solo_end();
	}
}

static void roles_are_set_only_before_checks(void **state)
{
	(void)state;
	solo_begin(true, true);
	assert_true(ice_set_controlling(solo.ice, false));
	assert_true(ice_set_controlling(solo.ice, true));
	solo_add_peer();
	assert_false(ice_set_controlling(solo.ice, false));
	assert_true(ice_is_controlling(solo.ice));
	assert_int_equal(ice_restart(solo.ice, solo.now), 0);
	assert_false(ice_set_controlling(solo.ice, false));
	solo_end();
}

static void many_requests_do_not_starve_a_slow_answer(void **state)
{
	(void)state;
	solo_begin(false, true);
	solo_add_peer();
	stun_message first = solo.message;
	/* A browser asks every 48 ms; our answer takes 600 ms. */
	for (int i = 0; i < 12; i++) {
		solo_request p = solo_good_request();
		p.controlled = false;
		p.id = (uint64_t)i;
		solo_run_for(48 * US_PER_MS);
		(void)solo_ask(&p, &solo_peer);
	}
	solo.message = first;
	assert_int_equal(solo_answer(0, SOLO_PWD, &solo_peer, &solo_base), 0);
	assert_true(solo_only_pair().valid);
	assert_int_equal(solo_only_pair().rtt_us, 12 * 48 * US_PER_MS);
	solo_end();
}

static void a_peer_that_never_answers_cannot_prolong_a_check(void **state)
{
	(void)state;
	solo_begin(false, true);
	solo_add_peer();
	uint64_t first = solo.now;
	solo_request p = solo_good_request();
	p.controlled = false;
	uint8_t bytes[ICE_PACKET_MAX];
	slice request = solo_build(&p, bytes);
	while (solo_only_pair().state == ICE_PAIR_IN_PROGRESS && solo.now < first + 60 * US_PER_S) {
		solo.now += 20 * US_PER_MS;
		ice_timeout(solo.ice, solo.now);
		solo_pump();
		if (solo_only_pair().state == ICE_PAIR_IN_PROGRESS)
			(void)ice_receive(solo.ice, solo.now, &solo_base, &solo_peer, request);
		solo_pump();
	}
	assert_int_equal(solo_only_pair().state, ICE_PAIR_FAILED);
	assert_in_range(solo.now - first, 39 * US_PER_S, 50 * US_PER_S);
	solo_end();
}

static void unusable_candidates_are_counted(void **state)
{
	static const char *const lines[] = {
		"candidate:1 1 tcp 1518214911 192.0.2.2 9 typ host tcptype active",
		"candidate:1 2 udp 2122252542 192.0.2.2 45845 typ host",
		"candidate:1 1 udp 2122252543 host.example 45845 typ host",
		"candidate:1 1 udp 2122252543 0.0.0.0 45845 typ host",
		"candidate:1 1 udp 2122252543 224.0.0.251 5353 typ host",
		"candidate:1 1 udp 2122252543 255.255.255.255 5353 typ host",
		"candidate:1 1 udp 2122252543 ::ffff:10.0.0.2 5353 typ host",
		"candidate:1 1 udp 2122252543 192.0.2.2 0 typ host",
	};
	(void)state;
	solo_begin(true, true);
	for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
		ice_candidate c;
		assert_int_equal(ice_candidate_parse(slice_from_string(lines[i]), &c), 0);
		assert_int_equal(ice_add_remote_candidate(solo.ice, solo.now, &c), PARLEY_EUNSUPPORTED);
	}
	ice_counters n;
	ice_get_counters(solo.ice, &n);
	assert_int_equal(n.candidates_ignored, ARRAY_LENGTH(lines));
	assert_int_equal(ice_get_pairs(solo.ice, NULL, 0), 0);
	solo_end();
}

static void credentials_are_checked(void **state)
{
	(void)state;
	solo_begin(true, false);
	slice ufrag = slice_from_string(SOLO_UFRAG), pwd = slice_from_string(SOLO_PWD);
	assert_int_equal(ice_set_remote(solo.ice, solo.now, slice_from_string("abc"), pwd, false), PARLEY_EINVAL);
	assert_int_equal(ice_set_remote(solo.ice, solo.now, slice_from_string("ab:d"), pwd, false), PARLEY_EINVAL);
	assert_int_equal(ice_set_remote(solo.ice, solo.now, ufrag, slice_from_string("tooshort"), false),
			 PARLEY_EINVAL);
	char own[8];
	strcpy(own, ice_local_ufrag(solo.ice));
	assert_int_equal(strlen(own), 4);
	assert_int_equal(strlen(ice_local_pwd(solo.ice)), 24);
	assert_int_equal(ice_set_remote(solo.ice, solo.now, ufrag, pwd, false), 0);
	assert_int_equal(ice_set_remote(solo.ice, solo.now, ufrag, pwd, false), 0);
	assert_string_equal(own, ice_local_ufrag(solo.ice));
	assert_int_equal(ice_set_remote(solo.ice, solo.now, slice_from_string("new1"), pwd, false), 0);
	assert_string_not_equal(own, ice_local_ufrag(solo.ice)); /* the remote restarted, so we did */
	ice_candidate c;
	assert_int_equal(ice_candidate_parse(
				 slice_from_string("candidate:1 1 udp 1 10.0.0.2 6000 typ host ufrag " SOLO_UFRAG), &c),
			 0);
	assert_int_equal(ice_add_remote_candidate(solo.ice, solo.now, &c),
			 PARLEY_ESTATE); /* of the generation before */
	solo_end();
}

static void the_dump_tells_the_state_and_no_password(void **state)
{
	char out[4096];
	(void)state;
	solo_begin(true, true);
	solo_add_peer();
	(void)solo_answer(0, SOLO_PWD, &solo_peer, &solo_base);
	text t = text_of(out, sizeof out);
	ice_dump(solo.ice, solo.now, &t);
	assert_false(t.bad);
	assert_non_null(strstr(out, "controlling"));
	assert_non_null(strstr(out, "10.0.0.2:6000"));
	assert_null(strstr(out, SOLO_PWD));
	assert_null(strstr(out, ice_local_pwd(solo.ice)));
	solo_end();
}

static void every_truncation_is_harmless(void **state)
{
	uint8_t bytes[ICE_PACKET_MAX];
	(void)state;
	solo_begin(true, true);
	solo_request p = solo_good_request();
	slice whole = solo_build(&p, bytes);
	for (size_t n = 0; n < whole.len; n++)
		assert_int_equal(ice_receive(solo.ice, solo.now, &solo_base, &solo_peer, slice_of(bytes, n)),
				 PARLEY_EPROTO);
	for (size_t i = 0; i < whole.len; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			bytes[i] ^= (uint8_t)(1u << bit);
			(void)ice_receive(solo.ice, solo.now, &solo_base, &solo_peer, whole);
			solo_pump();
			bytes[i] ^= (uint8_t)(1u << bit);
		}
	assert_int_equal(ice_get_pairs(solo.ice, NULL, 0), 0);
	solo_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals_have_the_right_code),
		cmocka_unit_test(an_authentic_request_is_answered_and_checked_back),
		cmocka_unit_test(a_flood_of_strangers_changes_nothing),
		cmocka_unit_test(a_peer_that_knows_the_password_cannot_fill_memory),
		cmocka_unit_test(addresses_that_never_answer_are_forgotten),
		cmocka_unit_test(no_peer_has_us_talk_to_ourselves),
		cmocka_unit_test(early_requests_are_bounded),
		cmocka_unit_test(early_requests_of_another_ufrag_do_not_count),
		cmocka_unit_test(forged_answers_are_ignored),
		cmocka_unit_test(an_answer_from_elsewhere_fails_the_pair),
		cmocka_unit_test(a_role_conflict_answer_changes_role_and_tie_breaker),
		cmocka_unit_test(a_lite_peer_is_controlled_and_nominated),
		cmocka_unit_test(aggressive_nomination_is_accepted),
		cmocka_unit_test(of_pairs_nominated_aggressively_the_best_counts),
		cmocka_unit_test(a_peer_that_changes_its_mind_is_followed),
		cmocka_unit_test(before_a_nomination_the_best_valid_pair_carries_data),
		cmocka_unit_test(a_learnt_candidate_may_be_signalled_later),
		cmocka_unit_test(roles_are_set_only_before_checks),
		cmocka_unit_test(many_requests_do_not_starve_a_slow_answer),
		cmocka_unit_test(a_peer_that_never_answers_cannot_prolong_a_check),
		cmocka_unit_test(unusable_candidates_are_counted),
		cmocka_unit_test(credentials_are_checked),
		cmocka_unit_test(the_dump_tells_the_state_and_no_password),
		cmocka_unit_test(every_truncation_is_harmless),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
