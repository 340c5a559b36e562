/*
 * A demux with a few members. The input is a script of datagrams, raw and as members' peers would send them, and of what the
 * members' agents say of them. An address must never leave its holder for a request.
 */
#include <assert.h>
#include <string.h>

#include "base/addr.h"
#include "base/rng.h"
#include "ice/demux.h"
#include "stun/stun.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MEMBERS 4u

typedef struct {
	ice_demux *demux;
	ice_demux_member *members[MEMBERS];
	char ufrags[MEMBERS][2]; /* the present ones, which also are the owners */
	reader in;
} world;

static parley_addr some_address(world *w)
{
	uint8_t n = read_u8(&w->in);
	if (n & 0x80)
		return (parley_addr){
			.family = PARLEY_IPV6, .ip = {0xfe, 0x80, [15] = n & 3}, .port = 5, .scope = n & 1};
	return addr_ipv4(10, 0, 0, n & 3, (uint16_t)(5000 + (n >> 2 & 15)));
}

/* A message of any class, for any ufrag of one letter, with one of a few ids; or raw bytes. */
static slice some_datagram(world *w, uint8_t *bytes, size_t capacity)
{
	uint8_t kind = read_u8(&w->in), name[3] = {read_u8(&w->in), ':', 'x'};
	if (kind & 0x80)
		return read_bytes(&w->in, kind & 0x3f);
	writer out = writer_of(bytes, capacity);
	stun_id id = {{kind >> 2 & 0x1f}};
	stun_begin(&out, kind & 3, STUN_BINDING, &id);
	if (kind & 0x40)
		stun_put_bytes(&out, STUN_ATTR_USERNAME, slice_of(name, sizeof name));
	return writer_slice(&out);
}

static bool is_member(const world *w, const void *owner)
{
	for (size_t i = 0; i < MEMBERS; i++)
		if (w->members[i] && owner == w->ufrags[i])
			return true;
	return false;
}

static void route(world *w)
{
	uint8_t bytes[128];
	static const uint8_t dtls[] = {22, 254, 253};
	parley_addr local = some_address(w), remote = some_address(w);
	void *owner = ice_demux_route(w->demux, &local, &remote, some_datagram(w, bytes, sizeof bytes));
	assert(!owner || is_member(w, owner));
	assert(ice_demux_route(w->demux, &local, &remote, slice_of(dtls, sizeof dtls)) ==
	       ice_demux_holder(w->demux, &local, &remote));
}

static void hear(world *w, size_t i)
{
	uint8_t bytes[128];
	parley_addr local = some_address(w), remote = some_address(w);
	bool validated = read_u8(&w->in) & 1;
	slice message = some_datagram(w, bytes, sizeof bytes);
	stun_header h;
	bool proof = stun_read_header(message, &h) && h.class == STUN_SUCCESS;
	const void *before = ice_demux_holder(w->demux, &local, &remote);
	bool learnt = ice_demux_heard(w->members[i], &local, &remote, message, validated);
	const void *after = ice_demux_holder(w->demux, &local, &remote);
	assert(!learnt || (validated && after == w->ufrags[i]));
	assert(after == before || (learnt && (!before || proof)));
}

static void join(world *w, size_t i)
{
	if (w->members[i]) {
		ice_demux_remove(w->members[i]);
		w->members[i] = NULL;
	}
	w->ufrags[i][0] = (char)read_u8(&w->in);
	if (ice_demux_add(w->demux, slice_of(w->ufrags[i], 1), w->ufrags[i], &w->members[i]))
		w->members[i] = NULL;
}

static void step(world *w)
{
	uint8_t what = read_u8(&w->in), bytes[128];
	size_t i = what & 3;
	char ufrag;
	parley_addr local, remote;
	if (!w->members[i]) {
		join(w, i);
		return;
	}
	switch (what >> 2 & 7) {
	case 0:
	case 1:
		route(w);
		break;
	case 2:
	case 3:
		hear(w, i);
		break;
	case 4:
		ice_demux_sent(w->members[i], some_datagram(w, bytes, sizeof bytes));
		break;
	case 5:
		ufrag = (char)read_u8(&w->in);
		(void)ice_demux_set_ufrag(w->members[i], slice_of(&ufrag, 1));
		break;
	case 6:
		join(w, i);
		break;
	default:
		local = some_address(w);
		remote = some_address(w);
		ice_demux_forget(w->demux, &local, &remote);
		assert(!ice_demux_holder(w->demux, &local, &remote));
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	rng_seeded rng;
	rng_seeded_init(&rng, 1);
	parley_random random = rng_seeded_source(&rng);
	world w = {.in = reader_of(slice_of(data, size))};
	if (ice_demux_new(&random, MEMBERS, &w.demux))
		return 0;
	while (reader_left(&w.in) && !w.in.bad) {
		step(&w);
		ice_demux_check_invariants(w.demux);
	}
	for (size_t i = 0; i < MEMBERS; i++)
		if (w.members[i])
			ice_demux_remove(w.members[i]);
	ice_demux_check_invariants(w.demux);
	ice_demux_free(w.demux);
	return 0;
}
