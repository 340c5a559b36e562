/*
 * The simulated TURN server keeps to RFC 8656: what it allows and what it refuses, how long things live, and that it sees
 * what a client must not do. Over streams it is tested together with the real client, in turn_client_test.c.
 */
#include "tests/support/test.h"

#include <string.h>

#include "base/addr.h"
#include "tests/sim/probe.h"
#include "tests/sim/simturn.h"

#define CLIENT_PORT 5000u
#define PEER_PORT 6000u

typedef struct {
	simnet net;
	simturn server;
	probe client, peer;
	stun_credentials credentials;
	parley_addr address;
	stun_message m; /* the last answer */
	parley_addr relayed;
	stun_id next_id; /* of the next request, if wanted; else drawn */
	bool has_next_id;
} world;

/* What a request has besides its method; family NONE, 0: it has not. */
typedef struct {
	uint8_t transport, family, additional;
	bool has_lifetime;
	uint32_t lifetime;
	parley_addr peer, peer2;
	uint16_t channel;
} request;

static const simnet_path hop = {.delay_us = 10 * US_PER_MS};
static const simturn_config plain = {.username = "u", .password = "p", .realm = "sim", .name = "turn.example"};
static const request udp = {.transport = STUN_TRANSPORT_UDP};

static void world_init(world *w, const simturn_config *config)
{
	const simnet_interface server[] = {
		{.ip = addr_ipv4(203, 0, 113, 10, 0)},
		{.ip = {.family = PARLEY_IPV6, .ip = {0x20, 0x01, 0x0d, 0xb8, [15] = 10}}},
	};
	memset(w, 0, sizeof *w);
	simnet_init(&w->net, 1, &hop);
	simturn_add(&w->server, &w->net, "server", config, server, 2);
	probe_add(&w->client, &w->net, "client", &(simnet_interface){.ip = addr_ipv4(192, 0, 2, 1, 0)});
	probe_add(&w->peer, &w->net, "peer", &(simnet_interface){.ip = addr_ipv4(192, 0, 2, 2, 0)});
	w->address = addr_ipv4(203, 0, 113, 10, SIMTURN_PORT);
	stun_credentials_init(&w->credentials, slice_from_string("u"), slice_from_string("p"));
}

static void world_clear(world *w)
{
	stun_credentials_clear(&w->credentials);
	simnet_clear(&w->net);
}

/* Sends the request as it is, and takes the answer. */
static void ask_once(world *w, uint16_t method, const request *q)
{
	uint8_t bytes[PROBE_MESSAGE_MAX];
	writer out = writer_of(bytes, sizeof bytes);
	parley_random random = rng_seeded_source(&w->net.rng);
	stun_id id = w->next_id;
	if (!w->has_next_id)
		assert_int_equal(stun_id_random(&random, &id), 0);
	stun_begin(&out, STUN_REQUEST, method, &id);
	if (q->transport)
		stun_put_u8(&out, STUN_ATTR_REQUESTED_TRANSPORT, q->transport);
	if (q->family)
		stun_put_u8(&out, STUN_ATTR_REQUESTED_ADDRESS_FAMILY, q->family);
	if (q->additional)
		stun_put_u8(&out, STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY, q->additional);
	if (q->has_lifetime)
		stun_put_u32(&out, STUN_ATTR_LIFETIME, q->lifetime);
	if (q->channel)
		stun_put_u16(&out, STUN_ATTR_CHANNEL_NUMBER, q->channel);
	if (q->peer.family)
		stun_put_xor_address(&out, STUN_ATTR_XOR_PEER_ADDRESS, &q->peer);
	if (q->peer2.family)
		stun_put_xor_address(&out, STUN_ATTR_XOR_PEER_ADDRESS, &q->peer2);
	stun_credentials_put(&w->credentials, &out);
	stun_put_fingerprint(&out);
	assert_true(probe_exchange(&w->client, CLIENT_PORT, &w->address, writer_slice(&out)));
	assert_int_equal(stun_parse(slice_of(w->client.bytes, w->client.len), &w->m), 0);
	assert_true(stun_id_equal(&w->m.id, &id) && w->m.method == method);
}

/* The error code of the answer, 0: success; a challenge is met. */
static unsigned ask(world *w, uint16_t method, const request *q)
{
	ask_once(w, method, q);
	if (stun_is_challenge(&w->m) && !stun_credentials_challenge(&w->credentials, &w->m))
		ask_once(w, method, q);
	if (stun_is_challenge(&w->m))
		return w->m.error_code;
	assert_int_equal(stun_check_integrity(&w->m, stun_credentials_key(&w->credentials)), 0);
	stun_credentials_accepted(&w->credentials);
	return w->m.class == STUN_SUCCESS ? 0 : w->m.error_code;
}

static void allocate(world *w)
{
	assert_int_equal(ask(w, STUN_ALLOCATE, &udp), 0);
	assert_true(w->m.has_relayed_address && w->m.has_lifetime && w->m.has_xor_mapped_address);
	w->relayed = w->m.relayed_address;
}

static parley_addr peer_at(uint16_t port)
{
	return addr_ipv4(192, 0, 2, 2, port);
}

static request towards(uint16_t port, uint16_t channel)
{
	return (request){.peer = peer_at(port), .channel = channel};
}

static unsigned permit(world *w)
{
	request q = towards(PEER_PORT, 0);
	return ask(w, STUN_CREATE_PERMISSION, &q);
}

static unsigned bind_channel(world *w, uint16_t port, uint16_t channel)
{
	request q = towards(port, channel);
	return ask(w, STUN_CHANNEL_BIND, &q);
}

/* A datagram from the client by a Send indication, or on a channel; true: the peer has got it. */
static bool reaches_peer(world *w, uint16_t channel)
{
	uint8_t bytes[PROBE_MESSAGE_MAX];
	writer out = writer_of(bytes, sizeof bytes);
	slice hello = slice_from_string("hello");
	parley_addr peer = peer_at(PEER_PORT), from = w->client.host.interfaces[0].ip;
	stun_id id = {{1, 2, 3}};
	if (channel) {
		stun_put_channel_header(&out, channel, hello.len);
		write_bytes(&out, hello);
	} else {
		stun_begin(&out, STUN_INDICATION, STUN_SEND, &id);
		stun_put_xor_address(&out, STUN_ATTR_XOR_PEER_ADDRESS, &peer);
		stun_put_bytes(&out, STUN_ATTR_DATA, hello);
	}
	from.port = CLIENT_PORT;
	w->peer.answered = false;
	simnet_send(&w->client.host, &from, &w->address, NULL, writer_slice(&out));
	while (simnet_step(&w->net, PARLEY_NEVER))
		;
	if (w->peer.answered) {
		assert_true(addr_equal(&w->peer.from, &w->relayed));
		assert_true(slice_equal(slice_of(w->peer.bytes, w->peer.len), hello));
	}
	return w->peer.answered;
}

/* A datagram from the peer; 0: the client has not got it, 1: as a Data indication, 2: on this channel. */
static int reaches_client(world *w, uint16_t channel)
{
	slice hello = slice_from_string("hello you"), data;
	parley_addr from = peer_at(PEER_PORT);
	uint16_t number;
	stun_message m;
	w->client.answered = false;
	simnet_send(&w->peer.host, &from, &w->relayed, NULL, hello);
	while (simnet_step(&w->net, PARLEY_NEVER))
		;
	slice got = slice_of(w->client.bytes, w->client.len);
	if (!w->client.answered)
		return 0;
	if (stun_is_channel_data(got)) {
		assert_int_equal(stun_parse_channel_data(got, &number, &data), 0);
		assert_int_equal(number, channel);
		assert_true(slice_equal(data, hello));
		return 2;
	}
	assert_int_equal(stun_parse(got, &m), 0);
	assert_true(m.class == STUN_INDICATION && m.method == STUN_DATA && slice_equal(m.data, hello));
	assert_true(addr_equal(&m.peer_address, &from));
	return 1;
}

static void is_violation(world *w, const char *words)
{
	assert_int_equal(w->server.violations, 1);
	assert_non_null(strstr(w->server.violation, words));
	w->server.violations = 0;
}

static void credentials_are_asked_for_and_checked(void **state)
{
	(void)state;
	for (int sha256 = 0; sha256 < 2; sha256++) {
		simturn_config config = plain;
		config.sha256 = sha256;
		world w;
		world_init(&w, &config);
		allocate(&w);
		assert_int_equal(w.server.count.challenges, 1);
		assert_int_equal(w.credentials.use_sha256, sha256);
		world_clear(&w);
		world_init(&w, &config);
		w.credentials.password = slice_from_string("q");
		assert_int_equal(ask(&w, STUN_ALLOCATE, &udp), STUN_UNAUTHENTICATED);
		assert_int_equal(w.server.count.wrong_passwords, 1);
		assert_int_equal(simturn_allocations(&w.server), 0);
		assert_int_equal(w.server.violations, 0);
		world_clear(&w);
	}
}

static void a_nonce_grows_stale(void **state)
{
	(void)state;
	simturn_config config = plain;
	config.nonce_lifetime_us = 60 * US_PER_S;
	world w;
	world_init(&w, &config);
	allocate(&w);
	w.net.now += 61 * US_PER_S;
	request q = towards(PEER_PORT, 0);
	ask_once(&w, STUN_CREATE_PERMISSION, &q);
	assert_int_equal(w.m.error_code, STUN_STALE_NONCE);
	assert_int_equal(permit(&w), 0);
	assert_int_equal(w.server.violations, 0);
	world_clear(&w);
}

static void data_needs_a_permission(void **state)
{
	(void)state;
	world w;
	world_init(&w, &plain);
	assert_false(reaches_peer(&w, 0));
	assert_int_equal(w.server.count.strays, 1);
	allocate(&w);
	assert_int_equal(reaches_client(&w, 0), 0);
	assert_int_equal(w.server.count.unpermitted, 1);
	assert_int_equal(w.server.violations, 0);
	assert_false(reaches_peer(&w, 0));
	is_violation(&w, "Send to a peer without a permission");
	assert_int_equal(permit(&w), 0);
	assert_true(reaches_peer(&w, 0));
	assert_int_equal(reaches_client(&w, 0), 1);
	w.net.now += 299 * US_PER_S; /* RFC 8656 9: five minutes, from the request on */
	assert_int_equal(reaches_client(&w, 0), 1);
	w.net.now += US_PER_S;
	assert_int_equal(reaches_client(&w, 0), 0);
	assert_int_equal(w.server.violations, 0);
	world_clear(&w);
}

static void a_channel_binds_one_peer_to_one_number(void **state)
{
	(void)state;
	world w;
	world_init(&w, &plain);
	allocate(&w);
	assert_int_equal(permit(&w), 0);
	assert_false(reaches_peer(&w, 0x4001));
	is_violation(&w, "not bound");
	assert_int_equal(bind_channel(&w, PEER_PORT, 0x4001), 0);
	assert_int_equal(bind_channel(&w, PEER_PORT, 0x4001), 0);
	assert_true(reaches_peer(&w, 0x4001));
	assert_int_equal(reaches_client(&w, 0x4001), 2);
	assert_int_equal(w.server.violations, 0);
	assert_int_equal(bind_channel(&w, PEER_PORT, 0x4002), STUN_BAD_REQUEST);
	is_violation(&w, "a peer that has a channel");
	assert_int_equal(bind_channel(&w, PEER_PORT + 1, 0x4001), STUN_BAD_REQUEST);
	is_violation(&w, "another peer's");
	assert_int_equal(bind_channel(&w, PEER_PORT, 0x5000), STUN_BAD_REQUEST);
	is_violation(&w, "no channel's");
	assert_int_equal(w.server.count.channels, 2);
	assert_int_equal(w.server.count.new_channels, 1);
	world_clear(&w);
}

static void a_channel_lives_ten_minutes_and_is_not_reused_for_five_more(void **state)
{
	(void)state;
	world w;
	world_init(&w, &plain);
	request an_hour = udp;
	an_hour.has_lifetime = true;
	an_hour.lifetime = 3600;
	assert_int_equal(ask(&w, STUN_ALLOCATE, &an_hour), 0);
	w.relayed = w.m.relayed_address;
	assert_int_equal(bind_channel(&w, PEER_PORT, 0x4001), 0);
	w.net.now += 299 * US_PER_S;
	assert_int_equal(permit(&w), 0);
	w.net.now += 299 * US_PER_S;
	assert_int_equal(reaches_client(&w, 0x4001), 2);
	w.net.now += 2 * US_PER_S;
	assert_int_equal(permit(&w), 0);
	assert_int_equal(reaches_client(&w, 0x4001), 1);
	assert_int_equal(bind_channel(&w, PEER_PORT + 1, 0x4001), STUN_BAD_REQUEST);
	is_violation(&w, "another peer's");
	w.net.now += 300 * US_PER_S;
	assert_int_equal(bind_channel(&w, PEER_PORT + 1, 0x4001), 0);
	world_clear(&w);
}

static void an_allocation_lives_as_long_as_it_is_refreshed(void **state)
{
	(void)state;
	world w;
	world_init(&w, &plain);
	allocate(&w);
	assert_int_equal(w.m.lifetime, 600);
	for (unsigned i = 0; i < 5; i++) {
		w.net.now += 590 * US_PER_S;
		assert_int_equal(ask(&w, STUN_REFRESH, &(request){0}), 0);
		assert_int_equal(w.m.lifetime, 600);
	}
	assert_int_equal(ask(&w, STUN_REFRESH, &(request){.has_lifetime = true, .lifetime = 90000}), 0);
	assert_int_equal(w.m.lifetime, 3600);
	w.net.now += 3600 * US_PER_S;
	assert_int_equal(ask(&w, STUN_REFRESH, &(request){0}), STUN_ALLOCATION_MISMATCH);
	assert_int_equal(w.server.count.expired, 1);
	allocate(&w);
	assert_int_equal(ask(&w, STUN_ALLOCATE, &udp), STUN_ALLOCATION_MISMATCH);
	assert_int_equal(ask(&w, STUN_REFRESH, &(request){.has_lifetime = true}), 0);
	assert_int_equal(simturn_allocations(&w.server), 0);
	assert_int_equal(w.server.count.mismatches, 2);
	assert_int_equal(w.server.violations, 0);
	world_clear(&w);
}

static void a_restart_forgets_everything(void **state)
{
	(void)state;
	world w;
	world_init(&w, &plain);
	allocate(&w);
	assert_int_equal(permit(&w), 0);
	simturn_restart(&w.server);
	assert_int_equal(reaches_client(&w, 0), 0);
	assert_false(reaches_peer(&w, 0));
	assert_int_equal(permit(&w), STUN_ALLOCATION_MISMATCH);
	assert_int_equal(w.server.count.stale_nonces, 1);
	parley_addr before = w.relayed;
	allocate(&w);
	assert_false(addr_equal(&before, &w.relayed));
	assert_int_equal(w.server.violations, 0);
	world_clear(&w);
}

static void families_are_allocated_as_asked_for(void **state)
{
	(void)state;
	world w;
	world_init(&w, &plain);
	request both = udp, ipv6 = udp, wrong = udp;
	both.additional = ipv6.family = STUN_FAMILY_IPV6;
	assert_int_equal(ask(&w, STUN_ALLOCATE, &both), 0);
	unsigned addresses = 0;
	reader r = stun_attributes(w.m.raw);
	for (stun_attribute a; stun_next_attribute(&r, &a);)
		addresses += a.type == STUN_ATTR_XOR_RELAYED_ADDRESS;
	assert_int_equal(addresses, 2);
	request peers = {.peer = peer_at(1), .peer2 = {.family = PARLEY_IPV6, .ip = {0x20, 1}, .port = 1}};
	assert_int_equal(ask(&w, STUN_CREATE_PERMISSION, &peers), 0);
	assert_int_equal(w.server.count.new_permissions, 2);
	assert_int_equal(ask(&w, STUN_REFRESH, &(request){.has_lifetime = true}), 0);
	assert_int_equal(ask(&w, STUN_ALLOCATE, &ipv6), 0);
	assert_int_equal(w.m.relayed_address.family, PARLEY_IPV6);
	assert_int_equal(w.server.violations, 0);
	assert_int_equal(permit(&w), STUN_PEER_FAMILY_MISMATCH);
	is_violation(&w, "family");
	wrong.family = wrong.additional = STUN_FAMILY_IPV6;
	assert_int_equal(ask(&w, STUN_ALLOCATE, &wrong), STUN_BAD_REQUEST);
	is_violation(&w, "ADDITIONAL");
	assert_int_equal(ask(&w, STUN_ALLOCATE, &(request){0}), STUN_BAD_REQUEST);
	is_violation(&w, "REQUESTED-TRANSPORT");
	assert_int_equal(ask(&w, STUN_ALLOCATE, &(request){.transport = 6}), STUN_UNSUPPORTED_TRANSPORT);
	world_clear(&w);
}

/* RFC 8489 6.2.1, 9.2.3: the same bytes again are the same request, others are another, which wants an id of its own. */
static void a_reused_transaction_id_is_seen(void **state)
{
	(void)state;
	world w;
	world_init(&w, &plain);
	allocate(&w);
	w.has_next_id = true;
	request q = towards(PEER_PORT, 0);
	for (unsigned i = 0; i < 7; i++)
		ask_once(&w, STUN_CREATE_PERMISSION, &q);
	assert_int_equal(w.server.violations, 0);
	ask_once(&w, STUN_CREATE_PERMISSION, &q);
	is_violation(&w, "sent 8 times");
	w.next_id.bytes[0]++;
	ask_once(&w, STUN_CREATE_PERMISSION, &q);
	q.peer.ip[3]++;
	ask_once(&w, STUN_CREATE_PERMISSION, &q);
	is_violation(&w, "another request");
	world_clear(&w);
}

static void another_server_is_named(void **state)
{
	(void)state;
	simturn_config config = plain;
	config.alternate = addr_ipv4(203, 0, 113, 99, SIMTURN_PORT);
	world w;
	world_init(&w, &config);
	assert_int_equal(ask(&w, STUN_ALLOCATE, &udp), STUN_TRY_ALTERNATE);
	assert_true(w.m.has_alternate_server && addr_equal(&w.m.alternate_server, &config.alternate));
	world_clear(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(credentials_are_asked_for_and_checked),
		cmocka_unit_test(a_nonce_grows_stale),
		cmocka_unit_test(data_needs_a_permission),
		cmocka_unit_test(a_channel_binds_one_peer_to_one_number),
		cmocka_unit_test(a_channel_lives_ten_minutes_and_is_not_reused_for_five_more),
		cmocka_unit_test(an_allocation_lives_as_long_as_it_is_refreshed),
		cmocka_unit_test(a_restart_forgets_everything),
		cmocka_unit_test(families_are_allocated_as_asked_for),
		cmocka_unit_test(a_reused_transaction_id_is_seen),
		cmocka_unit_test(another_server_is_named),
	};
	return cmocka_run_group_tests_name("sim/simturn", tests, NULL, NULL);
}
