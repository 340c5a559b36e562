#include "tests/unit/ice_sim.h"

#include <string.h>

#include "stun/stun.h"

void sim_turn_init(sim_turn *t)
{
	t->addr = addr_ipv4(198, 51, 100, 2, 3478);
	t->password = "secret";
	t->nonce = "nonce";
	t->next_port = 50000;
}

void sim_turn_restart(sim_turn *t)
{
	memset(t->allocations, 0, sizeof t->allocations);
	t->nonce = "another";
}

bool sim_turn_is_at(const sim_turn *t, const parley_addr *addr)
{
	bool alternate = t->alternate.family && addr->port == t->alternate.port;
	return addr_equal_ip(addr, &t->addr) && (addr->port == t->addr.port || alternate);
}

int sim_add_turn(sim *s, int side, ice_over over)
{
	ice_turn_server server = {.addr = s->turn.addr, .over = over};
	server.addr.transport = over == ICE_OVER_UDP ? PARLEY_UDP : PARLEY_TCP;
	server.username = slice_from_string(SIM_TURN_USER);
	server.password = slice_from_string("secret");
	server.name = over == ICE_OVER_TLS ? "turn.test" : NULL;
	int err = ice_add_turn_server(s->side[side].ice, s->now, &server);
	sim_pump(s);
	return err;
}

/* --- requests --- */

static sim_allocation *find(sim_turn *t, const parley_addr *client)
{
	for (size_t i = 0; i < SIM_ALLOCATIONS_MAX; i++)
		if (t->allocations[i].used && addr_equal(&t->allocations[i].client, client))
			return &t->allocations[i];
	return NULL;
}

static sim_allocation *allocate(sim_turn *t, const parley_addr *server, const parley_addr *client)
{
	for (size_t i = 0; i < SIM_ALLOCATIONS_MAX; i++) {
		sim_allocation *a = &t->allocations[i];
		if (a->used)
			continue;
		*a = (sim_allocation){.used = true, .client = *client, .server = *server, .relayed = t->addr};
		a->relayed.port = t->next_port++;
		t->allocated++;
		return a;
	}
	return NULL;
}

static void permit(sim_allocation *a, const parley_addr *peer)
{
	for (size_t i = 0; i < a->permitted_count; i++)
		if (addr_equal_ip(&a->permitted[i], peer))
			return;
	if (a->permitted_count < SIM_PEERS_MAX)
		a->permitted[a->permitted_count++] = *peer;
}

static bool is_permitted(const sim_allocation *a, const parley_addr *peer)
{
	for (size_t i = 0; i < a->permitted_count; i++)
		if (addr_equal_ip(&a->permitted[i], peer))
			return true;
	return false;
}

static void bind_channel(sim_allocation *a, uint16_t number, const parley_addr *peer)
{
	permit(a, peer);
	for (size_t i = 0; i < a->bound_count; i++)
		if (a->number[i] == number)
			return;
	if (a->bound_count == SIM_PEERS_MAX)
		return;
	a->bound[a->bound_count] = *peer;
	a->number[a->bound_count++] = number;
}

/* 0, or the error code. */
static unsigned serve_allocate(sim_turn *t, const parley_addr *server, const parley_addr *client, const stun_id *id,
			       writer *w)
{
	if (t->alternate.family && server->port != t->alternate.port) {
		stun_put_address(w, STUN_ATTR_ALTERNATE_SERVER, &t->alternate);
		return STUN_TRY_ALTERNATE;
	}
	sim_allocation *a = find(t, client);
	if (a && !stun_id_equal(&a->made_by, id)) /* the same: a retransmission */
		return STUN_ALLOCATION_MISMATCH;
	if (!a)
		a = allocate(t, server, client);
	if (!a)
		return STUN_INSUFFICIENT_CAPACITY;
	a->made_by = *id;
	parley_addr mapped = *client;
	mapped.transport = PARLEY_UDP;
	stun_put_xor_address(w, STUN_ATTR_XOR_RELAYED_ADDRESS, &a->relayed);
	stun_put_xor_address(w, STUN_ATTR_XOR_MAPPED_ADDRESS, &mapped);
	stun_put_u32(w, STUN_ATTR_LIFETIME, 600);
	return 0;
}

static unsigned serve_permission(const sim_turn *t, sim_allocation *a, const stun_message *m)
{
	reader r = stun_attributes(m->raw);
	parley_addr peer;
	for (stun_attribute at; stun_next_attribute(&r, &at);) {
		if (at.type != STUN_ATTR_XOR_PEER_ADDRESS || !stun_decode_address(at.value, &m->id, &peer))
			continue;
		if (addr_equal_ip(&peer, &t->forbidden))
			return STUN_FORBIDDEN;
		permit(a, &peer);
	}
	return 0;
}

static unsigned serve(sim_turn *t, const parley_addr *server, const parley_addr *client, const stun_message *m,
		      writer *w)
{
	sim_allocation *a = find(t, client);
	if (m->method == STUN_ALLOCATE)
		return serve_allocate(t, server, client, &m->id, w);
	if (!a)
		return STUN_ALLOCATION_MISMATCH;
	switch (m->method) {
	case STUN_REFRESH:
		a->used = !m->has_lifetime || m->lifetime;
		t->deleted += !a->used;
		stun_put_u32(w, STUN_ATTR_LIFETIME, a->used ? 600 : 0);
		return 0;
	case STUN_CREATE_PERMISSION:
		return serve_permission(t, a, m);
	case STUN_CHANNEL_BIND:
		bind_channel(a, m->channel_number, &m->peer_address);
		return 0;
	default:
		return STUN_BAD_REQUEST;
	}
}

static bool key_of(const sim_turn *t, stun_key *key)
{
	return stun_long_term_key(STUN_ALGORITHM_MD5, slice_from_string(SIM_TURN_USER),
				  slice_from_string(SIM_TURN_REALM), slice_from_string(t->password), key) == 0;
}

static void answer(sim *s, const parley_addr *to, const parley_addr *from, const stun_message *m)
{
	sim_turn *t = &s->turn;
	stun_key key;
	uint8_t body[256], bytes[512];
	writer attributes = writer_of(body, sizeof body), w = writer_of(bytes, sizeof bytes);
	stun_begin(&attributes, STUN_SUCCESS, m->method, &m->id);
	if (!key_of(t, &key))
		return;
	unsigned code = !m->has_integrity				? STUN_UNAUTHENTICATED
			: !slice_equal_string(m->nonce, t->nonce)	? STUN_STALE_NONCE
			: stun_check_integrity(m, stun_key_slice(&key)) ? STUN_UNAUTHENTICATED
									: 0;
	bool challenge = code != 0;
	if (!code)
		code = serve(t, to, from, m, &attributes);
	t->refused += code && code != STUN_STALE_NONCE && m->has_integrity;
	stun_begin(&w, code ? STUN_ERROR : STUN_SUCCESS, m->method, &m->id);
	slice put = writer_slice(&attributes);
	write_bytes(&w, slice_part(put, STUN_HEADER_SIZE, put.len));
	write_u16_at(&w, 2, (uint16_t)(w.len - STUN_HEADER_SIZE));
	if (code)
		stun_put_error(&w, code, NULL);
	if (challenge) {
		stun_put_bytes(&w, STUN_ATTR_REALM, slice_from_string(SIM_TURN_REALM));
		stun_put_bytes(&w, STUN_ATTR_NONCE, slice_from_string(t->nonce));
	} else {
		stun_put_integrity(&w, stun_key_slice(&key));
	}
	sim_launch(s, to, from, writer_slice(&w));
}

/* --- data --- */

static void from_client(sim *s, const sim_allocation *a, const parley_addr *peer, slice data)
{
	if (is_permitted(a, peer))
		sim_launch(s, &a->relayed, peer, data);
	else
		s->turn.unpermitted++;
}

static void channel_from_client(sim *s, const sim_allocation *a, slice data)
{
	uint16_t number;
	slice payload;
	if (stun_parse_channel_data(data, &number, &payload))
		return;
	for (size_t i = 0; i < a->bound_count; i++)
		if (a->number[i] == number)
			from_client(s, a, &a->bound[i], payload);
}

static void from_peer(sim *s, const sim_allocation *a, const parley_addr *peer, slice data)
{
	uint8_t bytes[ICE_PACKET_MAX];
	stun_id id = {{1}};
	writer w = writer_of(bytes, sizeof bytes);
	if (!is_permitted(a, peer)) {
		s->turn.unpermitted++;
		return;
	}
	for (size_t i = 0; i < a->bound_count; i++)
		if (addr_equal(&a->bound[i], peer)) {
			stun_put_channel_header(&w, a->number[i], data.len);
			write_bytes(&w, data);
			write_pad(&w, 4);
			sim_launch(s, &a->server, &a->client, writer_slice(&w));
			return;
		}
	stun_begin(&w, STUN_INDICATION, STUN_DATA, &id);
	stun_put_xor_address(&w, STUN_ATTR_XOR_PEER_ADDRESS, peer);
	stun_put_bytes(&w, STUN_ATTR_DATA, data);
	sim_launch(s, &a->server, &a->client, writer_slice(&w));
}

static void receive_from_client(sim *s, const parley_addr *to, const parley_addr *from, slice data)
{
	stun_message m;
	const sim_allocation *a = find(&s->turn, from);
	if (stun_is_channel_data(data)) {
		s->turn.channel_data++;
		if (a)
			channel_from_client(s, a, data);
		return;
	}
	if (stun_parse(data, &m))
		return;
	if (m.class == STUN_REQUEST && m.method == STUN_BINDING)
		sim_answer_binding(s, to, from, &m.id);
	else if (m.class == STUN_REQUEST)
		answer(s, to, from, &m);
	else if (m.method == STUN_SEND && a) {
		s->turn.indications++;
		from_client(s, a, &m.peer_address, m.data);
	}
}

void sim_turn_receive(sim *s, const parley_addr *to, const parley_addr *from, slice data)
{
	if (s->turn.mute)
		return;
	if (sim_turn_is_at(&s->turn, to)) {
		receive_from_client(s, to, from, data);
		return;
	}
	for (size_t i = 0; i < SIM_ALLOCATIONS_MAX; i++)
		if (s->turn.allocations[i].used && addr_equal(&s->turn.allocations[i].relayed, to))
			from_peer(s, &s->turn.allocations[i], from, data);
}
