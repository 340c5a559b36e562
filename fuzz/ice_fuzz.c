/*
 * One agent; the input is what happens to it: calls of its owner, time, and messages from the network, both raw bytes and
 * such that a peer who knows the passwords could send, answers to its own requests among them.
 */
#include <assert.h>
#include <string.h>

#include "base/rng.h"
#include "ice/ice.h"
#include "stun/stun.h"

#define PEER_PWD "0123456789abcdefghijklmn"
#define STEPS_MAX 400

typedef struct {
	ice_agent *ice;
	uint64_t now;
	reader in;
	stun_id last_id; /* of the last request that left */
	parley_addr last_local, last_remote;
	uint32_t resolve_id;
} world;

static parley_addr some_address(uint8_t n)
{
	if (n & 0x40)
		return (parley_addr){
			.family = PARLEY_IPV6, .ip = {n & 0x20 ? 0xfe : 0x20, 0x80, [15] = n & 7}, .port = 5000};
	return addr_ipv4(n & 0x20 ? 127 : 10, 0, 0, n & 7, (uint16_t)(5000 + (n >> 3 & 3)));
}

static void drain(world *w)
{
	uint8_t data[ICE_PACKET_MAX];
	ice_packet p = {.data = {.data = data, .capacity = sizeof data}};
	ice_event e;
	while (ice_poll_transmit(w->ice, w->now, &p)) {
		stun_message m;
		assert(stun_parse(slice_of(data, p.data.len), &m) == 0);
		if (m.class != STUN_REQUEST)
			continue;
		w->last_id = m.id;
		w->last_local = p.local;
		w->last_remote = p.remote;
	}
	while (ice_poll_event(w->ice, &e))
		if (e.type == ICE_EVENT_RESOLVE)
			w->resolve_id = e.id;
	ice_check_invariants(w->ice);
}

static void put_request(world *w, writer *out)
{
	uint8_t flags = read_u8(&w->in), name[64];
	stun_id id = {{read_u8(&w->in)}};
	writer username = writer_of(name, sizeof name);
	write_bytes(&username, slice_from_string(ice_local_ufrag(w->ice)));
	write_bytes(&username, slice_from_string(flags & 1 ? ":peer" : ":per2"));
	stun_begin(out, STUN_REQUEST, STUN_BINDING, &id);
	stun_put_bytes(out, STUN_ATTR_USERNAME, writer_slice(&username));
	stun_put_u32(out, STUN_ATTR_PRIORITY, read_u32(&w->in));
	if (flags & 2)
		stun_put_u64(out, flags & 4 ? STUN_ATTR_ICE_CONTROLLED : STUN_ATTR_ICE_CONTROLLING, read_u8(&w->in));
	if (flags & 8)
		stun_put_flag(out, STUN_ATTR_USE_CANDIDATE);
	if (flags & 16)
		stun_put_bytes(out, read_u16(&w->in), read_bytes(&w->in, flags >> 5));
	stun_put_integrity(out, slice_from_string(ice_local_pwd(w->ice)));
	stun_put_fingerprint(out);
}

static void put_answer(world *w, writer *out)
{
	uint8_t kind = read_u8(&w->in);
	parley_addr mapped = kind & 4 ? some_address(read_u8(&w->in)) : w->last_local;
	stun_begin(out, kind & 1 ? STUN_ERROR : STUN_SUCCESS, STUN_BINDING, &w->last_id);
	if (kind & 1)
		stun_put_error(out, kind & 2 ? 487 : 400, NULL);
	else if (mapped.family)
		stun_put_xor_address(out, STUN_ATTR_XOR_MAPPED_ADDRESS, &mapped);
	if (!(kind & 8))
		stun_put_integrity(out, slice_from_string(PEER_PWD));
	stun_put_fingerprint(out);
}

static void receive(world *w, uint8_t op)
{
	uint8_t bytes[ICE_PACKET_MAX];
	writer out = writer_of(bytes, sizeof bytes);
	parley_addr local = some_address(read_u8(&w->in)), remote = some_address(read_u8(&w->in));
	if (op == 0) {
		(void)ice_receive(w->ice, w->now, &local, &remote, read_bytes(&w->in, read_u8(&w->in)));
	} else if (op == 1) {
		put_request(w, &out);
		(void)ice_receive(w->ice, w->now, &local, &remote, writer_slice(&out));
	} else {
		put_answer(w, &out);
		(void)ice_receive(w->ice, w->now, &w->last_local, op == 2 ? &w->last_remote : &remote,
				  writer_slice(&out));
	}
}

static void call(world *w, uint8_t op)
{
	ice_candidate c;
	parley_addr addr = some_address(read_u8(&w->in));
	static const char *const ufrags[] = {"peer", "per2"};
	switch (op) {
	case 4:
		(void)ice_add_local(w->ice, w->now, &addr);
		break;
	case 5:
		(void)ice_remove_local(w->ice, w->now, &addr);
		break;
	case 6:
		(void)ice_add_stun_server(w->ice, w->now, &addr);
		break;
	case 7:
		(void)ice_set_remote(w->ice, w->now, slice_from_string(ufrags[addr.port & 1]),
				     slice_from_string(PEER_PWD), addr.port & 2);
		break;
	case 8:
		c = (ice_candidate){.foundation = "1",
				    .component = 1,
				    .priority = read_u32(&w->in),
				    .addr = addr,
				    .type = ICE_HOST};
		(void)ice_add_remote_candidate(w->ice, w->now, &c);
		break;
	case 9:
		if (ice_candidate_parse(read_bytes(&w->in, read_u8(&w->in)), &c) == 0)
			(void)ice_add_remote_candidate(w->ice, w->now, &c);
		break;
	case 10:
		ice_resolved(w->ice, w->now, w->resolve_id, addr.ip[3] ? &addr : NULL);
		break;
	case 11:
		ice_end_of_sources(w->ice, w->now);
		ice_end_of_remote_candidates(w->ice, w->now);
		break;
	case 12:
		(void)ice_restart(w->ice, w->now);
		break;
	case 13:
		if (addr.ip[3] == 7)
			ice_close(w->ice, w->now);
		break;
	default:
		(void)ice_set_controlling(w->ice, addr.port & 1);
		break;
	}
}

static void step(world *w)
{
	uint8_t op = read_u8(&w->in) & 31;
	uint64_t due = ice_deadline(w->ice);
	if (op < 4)
		receive(w, op);
	else if (op < 15)
		call(w, op);
	else if (due != TIME_NEVER && op < 28)
		ice_timeout(w->ice, w->now = due > w->now ? due : w->now);
	else
		ice_timeout(w->ice, w->now += (uint64_t)read_u8(&w->in) * 100 * US_PER_MS);
	drain(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	rng_seeded rng;
	ice_config config;
	world w = {.now = US_PER_S, .in = reader_of(slice_of(data, size))};
	rng_seeded_init(&rng, 1);
	ice_config_default(&config);
	config.random = rng_seeded_source(&rng);
	config.controlling = read_u8(&w.in) & 1;
	config.has_tie_breaker = true;
	config.tie_breaker = 100;
	if (ice_create(&config, &w.ice))
		return 0;
	for (int i = 0; i < STEPS_MAX && reader_left(&w.in) && !w.in.bad; i++)
		step(&w);
	ice_destroy(w.ice);
	return 0;
}
