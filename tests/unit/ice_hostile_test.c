/* One agent and what others send it: strangers, forgers, floods, broken peers, lite peers. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "ice/ice.h"
#include "stun/stun.h"
#include "tests/support/failmalloc.h"

#define REMOTE_UFRAG "remo"
#define REMOTE_PWD "remotepasswordremotepass"

static rng_seeded rng;
static ice_agent *agent;
static uint64_t now;
static const parley_addr base = {.family = PARLEY_IPV4, .ip = {10, 0, 0, 1}, .port = 5000};
static const parley_addr peer = {.family = PARLEY_IPV4, .ip = {10, 0, 0, 2}, .port = 6000};

/* The last packet that the agent sent, decoded. */
static uint8_t sent_bytes[ICE_PACKET_MAX];
static ice_packet sent;
static stun_message sent_message;
static unsigned sent_count;

static void pump(void)
{
	uint8_t data[ICE_PACKET_MAX];
	ice_packet p = {.data = {.data = data, .capacity = sizeof data}};
	ice_event e;
	while (ice_poll_event(agent, &e))
		;
	while (ice_poll_transmit(agent, now, &p)) {
		memcpy(sent_bytes, data, p.data.len);
		sent = p;
		sent_count++;
		assert_int_equal(stun_parse(slice_of(sent_bytes, p.data.len), &sent_message), 0);
		assert_true(stun_check_fingerprint(&sent_message));
	}
	ice_check_invariants(agent);
}

static void begin(bool controlling, bool know_remote)
{
	ice_config c;
	ice_config_default(&c);
	rng_seeded_init(&rng, 42);
	c.random = rng_seeded_source(&rng);
	c.controlling = controlling;
	c.has_tie_breaker = true;
	c.tie_breaker = 1000;
	now = US_PER_S;
	sent_count = 0;
	assert_int_equal(ice_create(&c, &agent), 0);
	assert_int_equal(ice_add_local(agent, now, &base), 0);
	if (know_remote)
		assert_int_equal(ice_set_remote(agent, now, slice_from_string(REMOTE_UFRAG),
						slice_from_string(REMOTE_PWD), false),
				 0);
	pump();
}

static void end(void)
{
	ice_destroy(agent);
	agent = NULL;
}

static void add_peer(void)
{
	ice_candidate c;
	assert_int_equal(
		ice_candidate_parse(slice_from_string("candidate:1 1 udp 2130706431 10.0.0.2 6000 typ host"), &c), 0);
	assert_int_equal(ice_add_remote_candidate(agent, now, &c), 0);
	pump();
}

typedef struct {
	const char *ufrag, *pwd; /* NULL: none */
	const char *sender;
	bool no_priority, no_fingerprint, use_candidate, unknown;
	bool controlled; /* the peer says it is */
	uint64_t tie;
	uint64_t id;
} plan;

static plan good_plan(void)
{
	return (plan){.ufrag = ice_local_ufrag(agent),
		      .pwd = ice_local_pwd(agent),
		      .sender = REMOTE_UFRAG,
		      .controlled = true};
}

static slice build(const plan *p, uint8_t *bytes)
{
	writer w = writer_of(bytes, ICE_PACKET_MAX);
	stun_id id = {{1}};
	char name[64];
	memcpy(id.bytes, &p->id, sizeof p->id);
	stun_begin(&w, STUN_REQUEST, STUN_BINDING, &id);
	if (p->ufrag) {
		snprintf(name, sizeof name, "%s:%s", p->ufrag, p->sender);
		stun_put_bytes(&w, STUN_ATTR_USERNAME, slice_from_string(name));
	}
	if (!p->no_priority)
		stun_put_u32(&w, STUN_ATTR_PRIORITY, 1862270975);
	stun_put_u64(&w, p->controlled ? STUN_ATTR_ICE_CONTROLLED : STUN_ATTR_ICE_CONTROLLING, p->tie);
	if (p->use_candidate)
		stun_put_flag(&w, STUN_ATTR_USE_CANDIDATE);
	if (p->unknown)
		stun_put_u32(&w, 0x7001, 1);
	if (p->pwd)
		stun_put_integrity(&w, slice_from_string(p->pwd));
	if (!p->no_fingerprint)
		stun_put_fingerprint(&w);
	assert_false(w.bad);
	return writer_slice(&w);
}

static int ask(const plan *p, const parley_addr *from)
{
	uint8_t bytes[ICE_PACKET_MAX];
	sent_count = 0;
	int err = ice_receive(agent, now, &base, from, build(p, bytes));
	pump();
	return err;
}

/* Answers the request sent last, or not quite. */
static int answer(unsigned code, const char *pwd, const parley_addr *from, const parley_addr *mapped)
{
	uint8_t bytes[ICE_PACKET_MAX];
	writer w = writer_of(bytes, sizeof bytes);
	assert_int_equal(sent_message.class, STUN_REQUEST);
	stun_begin(&w, code ? STUN_ERROR : STUN_SUCCESS, STUN_BINDING, &sent_message.id);
	if (code)
		stun_put_error(&w, code, NULL);
	else
		stun_put_xor_address(&w, STUN_ATTR_XOR_MAPPED_ADDRESS, mapped);
	if (pwd)
		stun_put_integrity(&w, slice_from_string(pwd));
	stun_put_fingerprint(&w);
	sent_count = 0;
	int err = ice_receive(agent, now, &base, from, writer_slice(&w));
	pump();
	return err;
}

static ice_pair_info only_pair(void)
{
	ice_pair_info p[2];
	assert_int_equal(ice_get_pairs(agent, p, 2), 1);
	return p[0];
}

static void dump(char *out, size_t size)
{
	text t = text_of(out, size);
	ice_dump(agent, now, &t);
	assert_false(t.bad);
}

static void wait_for_request(void)
{
	sent_count = 0;
	while (sent_count == 0 || sent_message.class != STUN_REQUEST) {
		uint64_t t = ice_deadline(agent);
		assert_true(t != TIME_NEVER);
		now = t > now ? t : now;
		ice_timeout(agent, now);
		pump();
	}
}

static void refusals_have_the_right_code(void **state)
{
	(void)state;
	begin(true, true);
	struct {
		plan p;
		int result;
		unsigned code; /* 0: silence */
		bool is_signed;
	} cases[8];
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		cases[i].p = good_plan();
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
		assert_int_equal(ask(&cases[i].p, &peer), cases[i].result);
		assert_int_equal(sent_count, cases[i].code ? 1 : 0);
		if (cases[i].code) {
			assert_int_equal(sent_message.error_code, cases[i].code);
			assert_int_equal(sent_message.has_integrity, cases[i].is_signed);
		}
		if (cases[i].is_signed)
			assert_int_equal(stun_check_integrity(&sent_message, slice_from_string(ice_local_pwd(agent))),
					 0);
		assert_int_equal(ice_get_pairs(agent, NULL, 0), 0);
		assert_false(ice_is_validated(agent, &base, &peer));
	}
	assert_true(ice_is_controlling(agent));
	end();
}

static void an_authentic_request_is_answered_and_checked_back(void **state)
{
	(void)state;
	begin(true, true);
	plan p = good_plan();
	assert_int_equal(ask(&p, &peer), 0);
	assert_int_equal(sent_count, 2); /* the answer, and the triggered check at once */
	assert_int_equal(sent_message.class, STUN_REQUEST);
	assert_true(ice_is_validated(agent, &base, &peer));
	assert_true(sent_message.has_priority && sent_message.has_ice_controlling);
	assert_true(sent_message.ice_controlling == 1000);
	assert_false(sent_message.has_use_candidate);
	assert_int_equal(only_pair().state, ICE_PAIR_IN_PROGRESS);
	end();
}

static void a_flood_of_strangers_changes_nothing(void **state)
{
	(void)state;
	begin(false, true);
	add_peer();
	char before[2048], after[2048];
	dump(before, sizeof before);
	size_t live = failmalloc_live();
	uint64_t deadline = ice_deadline(agent);
	uint8_t bytes[ICE_PACKET_MAX];
	for (uint32_t i = 0; i < 100000; i++) {
		parley_addr from =
			addr_ipv4(198, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i, (uint16_t)(1 + i % 65535));
		plan p = {.ufrag = i % 3 ? "evil" : ice_local_ufrag(agent),
			  .pwd = "notourpasswordnotourpass",
			  .sender = REMOTE_UFRAG};
		p.use_candidate = true;
		p.tie = UINT64_MAX;
		p.id = i;
		if (i % 100 == 0) {
			(void)ice_receive(agent, now, &base, &from, build(&p, bytes));
			pump();
		} else {
			/* The same bytes from elsewhere: cheaper to make. */
			(void)ice_receive(agent, now, &base, &from,
					  slice_of(bytes, 20 + (size_t)(bytes[2] << 8 | bytes[3])));
		}
	}
	pump();
	dump(after, sizeof after);
	assert_string_equal(before, after);
	assert_int_equal(failmalloc_live(), live);
	assert_true(ice_deadline(agent) == deadline);
	assert_false(ice_is_controlling(agent));
	ice_counters c;
	ice_get_counters(agent, &c);
	assert_int_equal(c.drop_unauthorised, 100000);
	end();
}

static void a_peer_that_knows_the_password_cannot_fill_memory(void **state)
{
	(void)state;
	begin(false, true);
	for (unsigned round = 0; round < 2; round++) {
		for (uint16_t i = 0; i < 1000; i++) {
			plan p = good_plan();
			p.controlled = false;
			p.id = i;
			parley_addr from = addr_ipv4(10, 0, 3, 1, (uint16_t)(1000 + i));
			(void)ask(&p, &from);
		}
		assert_int_equal(ice_get_pairs(agent, NULL, 0), ICE_REMOTE_CANDIDATES_MAX);
	}
	ice_candidate c;
	unsigned taken = 0;
	for (unsigned i = 0; i < 1000; i++) {
		char line[128];
		snprintf(line, sizeof line, "candidate:%u 1 udp %u 10.9.%u.%u 999 typ host", i, 1000 + i, i / 250,
			 i % 250);
		assert_int_equal(ice_candidate_parse(slice_from_string(line), &c), 0);
		taken += ice_add_remote_candidate(agent, now, &c) == 0;
		pump();
	}
	assert_int_equal(taken, ICE_REMOTE_CANDIDATES_MAX);
	assert_int_equal(ice_get_pairs(agent, NULL, 0), ICE_PAIRS_MAX);
	end();
}

static void early_requests_are_bounded(void **state)
{
	(void)state;
	begin(true, false);
	size_t live = failmalloc_live();
	for (uint16_t i = 0; i < 1000; i++) {
		plan p = good_plan();
		p.id = i;
		parley_addr from = addr_ipv4(10, 0, 3, 1, (uint16_t)(1000 + i));
		assert_int_equal(ask(&p, &from), 0);
		assert_int_equal(sent_count, 1);
		assert_int_equal(sent_message.class, STUN_SUCCESS);
		assert_true(addr_equal(&sent_message.xor_mapped_address, &from));
	}
	assert_int_equal(failmalloc_live(), live);
	assert_int_equal(
		ice_set_remote(agent, now, slice_from_string(REMOTE_UFRAG), slice_from_string(REMOTE_PWD), false), 0);
	pump();
	assert_int_equal(ice_get_pairs(agent, NULL, 0), ICE_EARLY_MAX);
	end();
}

static void early_requests_of_another_ufrag_do_not_count(void **state)
{
	(void)state;
	begin(true, false);
	plan p = good_plan();
	p.sender = "othr";
	assert_int_equal(ask(&p, &peer), 0);
	assert_int_equal(
		ice_set_remote(agent, now, slice_from_string(REMOTE_UFRAG), slice_from_string(REMOTE_PWD), false), 0);
	pump();
	assert_int_equal(ice_get_pairs(agent, NULL, 0), 0);
	end();
}

static void forged_answers_are_ignored(void **state)
{
	(void)state;
	begin(true, true);
	add_peer();
	stun_message request = sent_message;
	assert_int_equal(request.class, STUN_REQUEST);
	assert_int_equal(answer(0, "notourpasswordnotourpass", &peer, &base), PARLEY_EAUTH);
	assert_int_equal(answer(0, NULL, &peer, &base), PARLEY_EAUTH);
	assert_int_equal(answer(STUN_ROLE_CONFLICT, NULL, &peer, &base), PARLEY_EAUTH);
	assert_int_equal(answer(STUN_BAD_REQUEST, NULL, &peer, &base), PARLEY_EAUTH);
	assert_int_equal(only_pair().state, ICE_PAIR_IN_PROGRESS);
	assert_true(ice_is_controlling(agent));
	assert_int_equal(answer(0, REMOTE_PWD, &peer, &base), 0);
	assert_true(only_pair().valid);
	end();
}

static void an_answer_from_elsewhere_fails_the_pair(void **state)
{
	parley_addr elsewhere = peer;
	(void)state;
	begin(true, true);
	add_peer();
	elsewhere.port++;
	assert_int_equal(answer(0, REMOTE_PWD, &elsewhere, &base), 0);
	assert_int_equal(only_pair().state, ICE_PAIR_FAILED);
	assert_false(only_pair().valid);
	end();
}

static void a_role_conflict_answer_changes_role_and_tie_breaker(void **state)
{
	(void)state;
	begin(true, true);
	add_peer();
	assert_int_equal(answer(STUN_ROLE_CONFLICT, REMOTE_PWD, &peer, &base), 0);
	assert_false(ice_is_controlling(agent));
	if (sent_count == 0)
		wait_for_request();
	assert_true(sent_message.has_ice_controlled && sent_message.ice_controlled != 1000);
	/* A peer that never agrees does not keep us busy for ever. */
	for (int i = 0; i < 20 && only_pair().state != ICE_PAIR_FAILED; i++) {
		assert_int_equal(answer(STUN_ROLE_CONFLICT, REMOTE_PWD, &peer, &base), 0);
		if (sent_count == 0 && only_pair().state != ICE_PAIR_FAILED)
			wait_for_request();
	}
	assert_int_equal(only_pair().state, ICE_PAIR_FAILED);
	end();
}

static void a_lite_peer_is_controlled_and_nominated(void **state)
{
	parley_addr local, remote;
	(void)state;
	begin(false, false);
	assert_int_equal(
		ice_set_remote(agent, now, slice_from_string(REMOTE_UFRAG), slice_from_string(REMOTE_PWD), true), 0);
	assert_true(ice_is_controlling(agent));
	add_peer();
	assert_int_equal(answer(0, REMOTE_PWD, &peer, &base), 0);
	assert_true(ice_selected(agent, &local, &remote)); /* data may flow before the nomination is through */
	if (sent_count == 0)
		wait_for_request();
	assert_true(sent_message.has_use_candidate);
	assert_int_equal(answer(0, REMOTE_PWD, &peer, &base), 0);
	assert_true(only_pair().nominated);
	end();
}

static void aggressive_nomination_is_accepted(void **state)
{
	(void)state;
	begin(false, true);
	plan p = good_plan();
	p.controlled = false;
	p.use_candidate = true;
	assert_int_equal(ask(&p, &peer), 0);
	assert_false(only_pair().nominated); /* not before our own check got through */
	assert_int_equal(answer(0, REMOTE_PWD, &peer, &base), 0);
	assert_true(only_pair().nominated);
	assert_true(only_pair().selected);
	end();
}

static parley_addr selected_remote(void)
{
	parley_addr local, remote = {0};
	(void)ice_selected(agent, &local, &remote);
	return remote;
}

/* Two pairs of the peer's, both valid; the second has the lower priority, as it came later to the same priority. */
static void make_two_valid_pairs(const parley_addr *second, bool use_candidate)
{
	plan p = good_plan();
	p.controlled = false;
	p.use_candidate = use_candidate;
	add_peer(); /* a host candidate: better than what is learnt */
	assert_int_equal(answer(0, REMOTE_PWD, &peer, &base), 0);
	now += US_PER_S;
	if (use_candidate) {
		assert_int_equal(ask(&p, &peer), 0);
		assert_int_equal(sent_count, 1);
	}
	assert_int_equal(ask(&p, second), 0);
	assert_int_equal(sent_count, 2);
	assert_int_equal(answer(0, REMOTE_PWD, second, &base), 0);
	assert_int_equal(ice_get_pairs(agent, NULL, 0), 2);
}

static void of_pairs_nominated_aggressively_the_best_counts(void **state)
{
	const parley_addr second = addr_ipv4(10, 0, 0, 2, 6001);
	parley_addr now_to;
	(void)state;
	begin(false, true);
	make_two_valid_pairs(&second, true);
	now_to = selected_remote();
	assert_true(addr_equal(&now_to, &peer));
	end();
}

static void a_peer_that_changes_its_mind_is_followed(void **state)
{
	const parley_addr second = addr_ipv4(10, 0, 0, 2, 6001);
	parley_addr now_to;
	(void)state;
	begin(false, true);
	make_two_valid_pairs(&second, true);
	plan p = good_plan();
	p.controlled = false;
	assert_int_equal(ask(&p, &peer), 0); /* no USE-CANDIDATE there any more */
	p.use_candidate = true;
	assert_int_equal(ask(&p, &second), 0);
	now_to = selected_remote();
	assert_true(addr_equal(&now_to, &second));
	p.use_candidate = false;
	assert_int_equal(ask(&p, &second), 0); /* consent checks do not undo it */
	now_to = selected_remote();
	assert_true(addr_equal(&now_to, &second));
	end();
}

static void before_a_nomination_the_best_valid_pair_carries_data(void **state)
{
	const parley_addr second = addr_ipv4(10, 0, 0, 2, 6001);
	parley_addr now_to;
	(void)state;
	begin(false, true);
	make_two_valid_pairs(&second, false);
	now_to = selected_remote();
	assert_true(addr_equal(&now_to, &peer));
	assert_true(ice_is_validated(agent, &base, &second));
	end();
}

/* Its request was faster than signalling and name resolution. */
static void a_learnt_candidate_may_be_signalled_later(void **state)
{
	static const char line[] =
		"candidate:7 1 udp 2122252543 1d76a95b-5ecc-494f-ba51-755ce3dbd2d0.local 6000 typ host";
	(void)state;
	for (int by_name = 0; by_name < 2; by_name++) {
		begin(false, true);
		plan p = good_plan();
		p.controlled = false;
		assert_int_equal(ask(&p, &peer), 0);
		assert_int_equal(ice_remote_candidate(agent, 0)->type, ICE_PRFLX);
		if (by_name) {
			ice_candidate c;
			ice_event e;
			uint32_t id = 0;
			assert_int_equal(ice_candidate_parse(slice_from_string(line), &c), 0);
			assert_int_equal(ice_add_remote_candidate(agent, now, &c), 0);
			while (ice_poll_event(agent, &e))
				if (e.type == ICE_EVENT_RESOLVE)
					id = e.id;
			assert_int_not_equal(id, 0);
			ice_resolved(agent, now, id, &peer);
			pump();
		} else {
			add_peer();
		}
		assert_int_equal(ice_remote_candidate(agent, 0)->type, ICE_HOST);
		(void)only_pair();
		end();
	}
}

static void roles_are_set_only_before_checks(void **state)
{
	(void)state;
	begin(true, true);
	assert_true(ice_set_controlling(agent, false));
	assert_true(ice_set_controlling(agent, true));
	add_peer();
	assert_false(ice_set_controlling(agent, false));
	assert_true(ice_is_controlling(agent));
	assert_int_equal(ice_restart(agent, now), 0);
	assert_false(ice_set_controlling(agent, false));
	end();
}

static void many_requests_do_not_starve_a_slow_answer(void **state)
{
	(void)state;
	begin(false, true);
	add_peer();
	stun_id first = sent_message.id;
	/* A browser asks every 48 ms; our answer takes 600 ms. */
	for (int i = 0; i < 12; i++) {
		plan p = good_plan();
		p.controlled = false;
		p.id = (uint64_t)i;
		now += 48 * US_PER_MS;
		ice_timeout(agent, now);
		(void)ask(&p, &peer);
	}
	wait_for_request();
	assert_true(stun_id_equal(&first, &sent_message.id));
	assert_int_equal(answer(0, REMOTE_PWD, &peer, &base), 0);
	assert_true(only_pair().valid);
	end();
}

static void a_peer_that_never_answers_cannot_prolong_a_check(void **state)
{
	(void)state;
	begin(false, true);
	add_peer();
	uint64_t first = now;
	plan p = good_plan();
	p.controlled = false;
	uint8_t bytes[ICE_PACKET_MAX];
	slice request = build(&p, bytes);
	while (only_pair().state == ICE_PAIR_IN_PROGRESS && now < first + 60 * US_PER_S) {
		now += 20 * US_PER_MS;
		ice_timeout(agent, now);
		pump();
		if (only_pair().state == ICE_PAIR_IN_PROGRESS)
			(void)ice_receive(agent, now, &base, &peer, request);
		pump();
	}
	assert_int_equal(only_pair().state, ICE_PAIR_FAILED);
	assert_in_range(now - first, 15 * US_PER_S, 30 * US_PER_S);
	end();
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
	begin(true, true);
	for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
		ice_candidate c;
		assert_int_equal(ice_candidate_parse(slice_from_string(lines[i]), &c), 0);
		assert_int_equal(ice_add_remote_candidate(agent, now, &c), PARLEY_EUNSUPPORTED);
	}
	ice_counters n;
	ice_get_counters(agent, &n);
	assert_int_equal(n.candidates_ignored, ARRAY_LENGTH(lines));
	assert_int_equal(ice_get_pairs(agent, NULL, 0), 0);
	end();
}

static void credentials_are_checked(void **state)
{
	(void)state;
	begin(true, false);
	slice ufrag = slice_from_string(REMOTE_UFRAG), pwd = slice_from_string(REMOTE_PWD);
	assert_int_equal(ice_set_remote(agent, now, slice_from_string("abc"), pwd, false), PARLEY_EINVAL);
	assert_int_equal(ice_set_remote(agent, now, slice_from_string("ab:d"), pwd, false), PARLEY_EINVAL);
	assert_int_equal(ice_set_remote(agent, now, ufrag, slice_from_string("tooshort"), false), PARLEY_EINVAL);
	char own[8];
	strcpy(own, ice_local_ufrag(agent));
	assert_int_equal(strlen(own), 4);
	assert_int_equal(strlen(ice_local_pwd(agent)), 24);
	assert_int_equal(ice_set_remote(agent, now, ufrag, pwd, false), 0);
	assert_int_equal(ice_set_remote(agent, now, ufrag, pwd, false), 0);
	assert_string_equal(own, ice_local_ufrag(agent));
	assert_int_equal(ice_set_remote(agent, now, slice_from_string("new1"), pwd, false), 0);
	assert_string_not_equal(own, ice_local_ufrag(agent)); /* the remote restarted, so we did */
	ice_candidate c;
	assert_int_equal(
		ice_candidate_parse(slice_from_string("candidate:1 1 udp 1 10.0.0.2 6000 typ host ufrag " REMOTE_UFRAG),
				    &c),
		0);
	assert_int_equal(ice_add_remote_candidate(agent, now, &c), PARLEY_ESTATE); /* of the generation before */
	end();
}

static void the_dump_tells_the_state_and_no_password(void **state)
{
	char out[4096];
	(void)state;
	begin(true, true);
	add_peer();
	(void)answer(0, REMOTE_PWD, &peer, &base);
	text t = text_of(out, sizeof out);
	ice_dump(agent, now, &t);
	assert_false(t.bad);
	assert_non_null(strstr(out, "controlling"));
	assert_non_null(strstr(out, "10.0.0.2:6000"));
	assert_null(strstr(out, REMOTE_PWD));
	assert_null(strstr(out, ice_local_pwd(agent)));
	end();
}

static void every_truncation_is_harmless(void **state)
{
	uint8_t bytes[ICE_PACKET_MAX];
	(void)state;
	begin(true, true);
	plan p = good_plan();
	slice whole = build(&p, bytes);
	for (size_t n = 0; n < whole.len; n++)
		assert_int_equal(ice_receive(agent, now, &base, &peer, slice_of(bytes, n)), PARLEY_EPROTO);
	for (size_t i = 0; i < whole.len; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			bytes[i] ^= (uint8_t)(1u << bit);
			(void)ice_receive(agent, now, &base, &peer, whole);
			pump();
			bytes[i] ^= (uint8_t)(1u << bit);
		}
	assert_int_equal(ice_get_pairs(agent, NULL, 0), 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals_have_the_right_code),
		cmocka_unit_test(an_authentic_request_is_answered_and_checked_back),
		cmocka_unit_test(a_flood_of_strangers_changes_nothing),
		cmocka_unit_test(a_peer_that_knows_the_password_cannot_fill_memory),
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
