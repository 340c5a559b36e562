#include "tests/unit/ice_solo.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

const parley_addr solo_base = {.family = PARLEY_IPV4, .ip = {10, 0, 0, 1}, .port = 5000};
const parley_addr solo_peer = {.family = PARLEY_IPV4, .ip = {10, 0, 0, 2}, .port = 6000};

solo_agent solo;

void solo_pump(void)
{
	uint8_t data[ICE_PACKET_MAX];
	ice_packet p = {.data = {.data = data, .capacity = sizeof data}};
	ice_event e;
	while (ice_poll_event(solo.ice, &e))
		;
	while (ice_poll_transmit(solo.ice, solo.now, &p)) {
		memcpy(solo.bytes, data, p.data.len);
		solo.packet = p;
		solo.sent++;
		assert_int_equal(stun_parse(slice_of(solo.bytes, p.data.len), &solo.message), 0);
		assert_true(stun_check_fingerprint(&solo.message));
		if (solo.message.class == STUN_REQUEST && solo.logged < SOLO_LOG_MAX)
			solo.log[solo.logged++] = (solo_sent){solo.now, p.remote, solo.message.id};
	}
	ice_check_invariants(solo.ice);
}

void solo_prepare(bool controlling)
{
	rng_seeded_init(&solo.rng, 42);
	ice_config_default(&solo.config);
	solo.config.random = rng_seeded_source(&solo.rng);
	solo.config.controlling = controlling;
	solo.config.has_tie_breaker = true;
	solo.config.tie_breaker = SOLO_TIE_BREAKER;
}

void solo_create(bool know_remote)
{
	slice ufrag = slice_from_string(SOLO_UFRAG), pwd = slice_from_string(SOLO_PWD);
	solo.now = US_PER_S;
	solo.sent = 0;
	solo.logged = 0;
	assert_int_equal(ice_create(&solo.config, &solo.ice), 0);
	assert_int_equal(ice_add_local(solo.ice, solo.now, &solo_base), 0);
	if (know_remote)
		assert_int_equal(ice_set_remote(solo.ice, solo.now, ufrag, pwd, false), 0);
	solo_pump();
}

void solo_begin(bool controlling, bool know_remote)
{
	solo_prepare(controlling);
	solo_create(know_remote);
}

void solo_end(void)
{
	ice_destroy(solo.ice);
	solo.ice = NULL;
}

void solo_add_peer(void)
{
	ice_candidate c;
	assert_int_equal(
		ice_candidate_parse(slice_from_string("candidate:1 1 udp 2130706431 10.0.0.2 6000 typ host"), &c), 0);
	assert_int_equal(ice_add_remote_candidate(solo.ice, solo.now, &c), 0);
	solo_pump();
}

solo_request solo_good_request(void)
{
	return (solo_request){.ufrag = ice_local_ufrag(solo.ice),
			      .pwd = ice_local_pwd(solo.ice),
			      .sender = SOLO_UFRAG,
			      .controlled = true};
}

slice solo_build(const solo_request *p, uint8_t *bytes)
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
	if (p->has_nomination)
		stun_put_u32(&w, STUN_ATTR_NOMINATION, p->nomination);
	if (p->unknown)
		stun_put_u32(&w, 0x7001, 1);
	if (p->pwd)
		stun_put_integrity(&w, slice_from_string(p->pwd));
	if (!p->no_fingerprint)
		stun_put_fingerprint(&w);
	assert_false(w.bad);
	return writer_slice(&w);
}

int solo_ask(const solo_request *p, const parley_addr *from)
{
	uint8_t bytes[ICE_PACKET_MAX];
	solo.sent = 0;
	int err = ice_receive(solo.ice, solo.now, &solo_base, from, solo_build(p, bytes));
	solo_pump();
	return err;
}

int solo_answer(unsigned code, const char *pwd, const parley_addr *from, const parley_addr *mapped)
{
	uint8_t bytes[ICE_PACKET_MAX];
	writer w = writer_of(bytes, sizeof bytes);
	assert_int_equal(solo.message.class, STUN_REQUEST);
	stun_begin(&w, code ? STUN_ERROR : STUN_SUCCESS, STUN_BINDING, &solo.message.id);
	if (code)
		stun_put_error(&w, code, NULL);
	else
		stun_put_xor_address(&w, STUN_ATTR_XOR_MAPPED_ADDRESS, mapped);
	if (pwd)
		stun_put_integrity(&w, slice_from_string(pwd));
	stun_put_fingerprint(&w);
	solo.sent = 0;
	int err = ice_receive(solo.ice, solo.now, &solo_base, from, writer_slice(&w));
	solo_pump();
	return err;
}

ice_pair_info solo_only_pair(void)
{
	ice_pair_info p[2];
	assert_int_equal(ice_get_pairs(solo.ice, p, 2), 1);
	return p[0];
}

static void step(void)
{
	uint64_t t = ice_deadline(solo.ice);
	solo.now = t > solo.now ? t : solo.now;
	ice_timeout(solo.ice, solo.now);
	solo_pump();
}

void solo_run_for(uint64_t us)
{
	uint64_t end = solo.now + us;
	while (ice_deadline(solo.ice) <= end)
		step();
	solo.now = end;
}

void solo_wait_for_request(void)
{
	solo.sent = 0;
	while (solo.sent == 0 || solo.message.class != STUN_REQUEST) {
		assert_true(ice_deadline(solo.ice) != TIME_NEVER);
		step();
	}
}

parley_addr solo_selected(void)
{
	parley_addr local, remote = {0};
	(void)ice_selected(solo.ice, &local, &remote);
	return remote;
}
