/*
 * One agent; the input is what happens to it: calls of its owner, time, and messages from the network, both raw bytes and
 * such that a peer or a server who knows the passwords could send, answers to its own requests among them; as datagrams, on streams,
 * and relayed by a TURN server.
 */
#include <assert.h>
#include <string.h>

#include "base/rng.h"
#include "ice/ice.h"
#include "stun/stun.h"

#define PEER_PWD "0123456789abcdefghijklmn"
#define STEPS_MAX 400

typedef struct {
	stun_id id;
	uint16_t method;
	uint32_t stream;
	parley_addr local, remote;
} request;

typedef struct {
	ice_agent *ice;
	uint64_t now;
	reader in;
	request check, turn; /* that left last: a Binding request, one for a TURN server */
	uint32_t resolve_id;
	uint32_t stream; /* opened or accepted last */
} world;

static parley_addr some_address(uint8_t n)
{
	if (n & 0x40)
		return (parley_addr){
			.family = PARLEY_IPV6, .ip = {n & 0x20 ? 0xfe : 0x20, 0x80, [15] = n & 7}, .port = 5000};
	return addr_ipv4(n & 0x20 ? 127 : 10, 0, 0, n & 7, (uint16_t)(5000 + (n >> 3 & 3)));
}

/* STUN, or STUN behind a frame's length (RFC 4571), or a relay's ChannelData. */
static void note_sent(world *w, const ice_packet *p)
{
	stun_message m;
	uint16_t number;
	slice sent = slice_of(p->data.data, p->data.len);
	if (stun_is_channel_data(sent))
		assert(stun_parse_channel_data(sent, &number, &sent) == 0);
	else if (p->stream && !stun_is_message(sent))
		sent = slice_part(sent, 2, sent.len);
	assert(stun_parse(sent, &m) == 0);
	if (m.class == STUN_INDICATION && m.method == STUN_SEND)
		assert(stun_parse(m.data, &m) == 0);
	if (m.class != STUN_REQUEST)
		return;
	*(m.method == STUN_BINDING ? &w->check : &w->turn) =
		(request){.id = m.id, .method = m.method, .stream = p->stream, .local = p->local, .remote = p->remote};
}

static void drain(world *w)
{
	uint8_t data[ICE_PACKET_MAX];
	ice_packet p = {.data = {.data = data, .capacity = sizeof data}};
	ice_event e;
	while (ice_poll_transmit(w->ice, w->now, &p))
		note_sent(w, &p);
	for (ice_datagram d; ice_poll_data(w->ice, &d);)
		(void)ice_is_validated(w->ice, &d.local, &d.remote);
	while (ice_poll_event(w->ice, &e)) {
		if (e.type == ICE_EVENT_RESOLVE)
			w->resolve_id = e.id;
		if (e.type == ICE_EVENT_STREAM_OPEN)
			w->stream = e.id;
	}
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
	parley_addr mapped = kind & 4 ? some_address(read_u8(&w->in)) : w->check.local;
	stun_begin(out, kind & 1 ? STUN_ERROR : STUN_SUCCESS, STUN_BINDING, &w->check.id);
	if (kind & 1)
		stun_put_error(out, kind & 2 ? 487 : 400, NULL);
	else if (mapped.family)
		stun_put_xor_address(out, STUN_ATTR_XOR_MAPPED_ADDRESS, &mapped);
	if (!(kind & 8))
		stun_put_integrity(out, slice_from_string(PEER_PWD));
	stun_put_fingerprint(out);
}

/* What a TURN server answers, without ever asking for a password: that is turn_fuzz's. */
static void put_turn_answer(world *w, writer *out)
{
	static const uint16_t codes[] = {300, 400, 403, 437, 440, 486, 508, 500};
	uint8_t kind = read_u8(&w->in);
	parley_addr addr = some_address(read_u8(&w->in));
	stun_begin(out, kind & 1 ? STUN_ERROR : STUN_SUCCESS, w->turn.method, &w->turn.id);
	if (kind & 1) {
		stun_put_error(out, codes[kind >> 1 & 7], NULL);
		stun_put_address(out, STUN_ATTR_ALTERNATE_SERVER, &addr);
	} else {
		stun_put_xor_address(out, STUN_ATTR_XOR_RELAYED_ADDRESS, &addr);
		addr.port++;
		stun_put_xor_address(out, STUN_ATTR_XOR_MAPPED_ADDRESS, &addr);
		stun_put_u32(out, STUN_ATTR_LIFETIME, kind & 2 ? 600 : kind >> 2);
	}
	stun_put_fingerprint(out);
}

/* From the peer, through the relay: bytes, a check, or the answer to one. */
static void put_relayed(world *w, writer *out)
{
	uint8_t bytes[ICE_PACKET_MAX], kind = read_u8(&w->in);
	writer inner = writer_of(bytes, sizeof bytes);
	stun_id id = {{kind}};
	parley_addr peer = some_address(read_u8(&w->in));
	if ((kind & 5) == 5)
		put_answer(w, &inner);
	else if (kind & 1)
		put_request(w, &inner);
	else
		write_bytes(&inner, read_bytes(&w->in, kind >> 2));
	if (kind & 2) {
		stun_put_channel_header(out, (uint16_t)(STUN_CHANNEL_FIRST + (kind >> 7)), inner.len);
		write_bytes(out, writer_slice(&inner));
		write_pad(out, 4);
		return;
	}
	stun_begin(out, STUN_INDICATION, STUN_DATA, &id);
	stun_put_xor_address(out, STUN_ATTR_XOR_PEER_ADDRESS, &peer);
	stun_put_bytes(out, STUN_ATTR_DATA, writer_slice(&inner));
}

/* From the TURN server. */
static void receive_from_server(world *w, slice message)
{
	if (w->turn.stream)
		ice_stream_receive(w->ice, w->now, w->turn.stream, message);
	else
		(void)ice_receive(w->ice, w->now, &w->turn.local, &w->turn.remote, message);
}

static void receive_relayed(world *w, uint8_t op)
{
	uint8_t bytes[2 * ICE_PACKET_MAX];
	writer out = writer_of(bytes, sizeof bytes);
	if (op == 15)
		put_turn_answer(w, &out);
	else
		put_relayed(w, &out);
	receive_from_server(w, writer_slice(&out));
}

/* A frame of ICE over TCP with an answer or a request in it, or bytes. */
static void receive_on_stream(world *w, uint8_t op)
{
	uint8_t bytes[2 * ICE_PACKET_MAX];
	writer out = writer_of(bytes, sizeof bytes);
	if (op == 17) {
		write_bytes(&out, read_bytes(&w->in, read_u8(&w->in)));
	} else {
		uint8_t message[ICE_PACKET_MAX];
		writer inner = writer_of(message, sizeof message);
		if (read_u8(&w->in) & 1)
			put_answer(w, &inner);
		else
			put_request(w, &inner);
		write_u16(&out, (uint16_t)inner.len);
		write_bytes(&out, writer_slice(&inner));
	}
	ice_stream_receive(w->ice, w->now, w->stream, writer_slice(&out));
}

static void change_stream(world *w)
{
	uint8_t how = read_u8(&w->in);
	parley_addr local = some_address(read_u8(&w->in)), remote = some_address(how);
	local.transport = remote.transport = PARLEY_TCP;
	if (how >> 6 == 0)
		ice_stream_opened(w->ice, w->now, w->stream, &local);
	else if (how >> 6 == 1)
		ice_stream_closed(w->ice, w->now, w->stream, PARLEY_ECLOSED, "reset");
	else
		(void)ice_stream_accepted(w->ice, w->now, &local, &remote, &w->stream);
}

static void add_turn(world *w)
{
	uint8_t over = read_u8(&w->in);
	ice_turn_server t = {.addr = some_address(read_u8(&w->in)), .over = (ice_over)(over % 3)};
	t.username = t.password = slice_from_string("turn");
	t.addr.transport = t.over == ICE_OVER_UDP ? PARLEY_UDP : PARLEY_TCP;
	(void)ice_add_turn_server(w->ice, w->now, &t);
	if (over & 0x80)
		ice_clear_servers(w->ice);
}

static void send_data(world *w)
{
	uint8_t bytes[ICE_HEADROOM + 255 + ICE_TAILROOM] = {0};
	ice_packet p = {.data = {.data = bytes + ICE_HEADROOM, .capacity = 255 + ICE_TAILROOM}};
	p.data.len = read_u8(&w->in);
	if (ice_selected(w->ice, &p.local, &p.remote) && ice_envelop(w->ice, w->now, &p))
		assert(p.data.data >= bytes && p.data.data + p.data.len <= bytes + sizeof bytes);
}

static void relay_or_stream(world *w, uint8_t op)
{
	switch (op) {
	case 15:
	case 16:
		receive_relayed(w, op);
		break;
	case 17:
	case 18:
		receive_on_stream(w, op);
		break;
	case 19:
		change_stream(w);
		break;
	case 20:
		add_turn(w);
		break;
	default:
		send_data(w);
		break;
	}
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
		(void)ice_receive(w->ice, w->now, &w->check.local, op == 2 ? &w->check.remote : &remote,
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
		addr.transport = read_u8(&w->in) & 1 ? PARLEY_TCP : PARLEY_UDP;
		(void)ice_add_local(w->ice, w->now, &addr);
		break;
	case 5:
		addr.transport = read_u8(&w->in) & 1 ? PARLEY_TCP : PARLEY_UDP;
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
	else if (op < 22)
		relay_or_stream(w, op);
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
	uint8_t flags = read_u8(&w.in);
	config.controlling = flags & 1;
	config.relay_only = (flags & 6) == 6;
	config.tcp = flags & 8;
	config.lite = (flags & 0x70) == 0x70;
	config.hide_addresses = flags & 0x80;
	config.has_tie_breaker = true;
	config.tie_breaker = 100;
	if (ice_create(&config, &w.ice))
		return 0;
	for (int i = 0; i < STEPS_MAX && reader_left(&w.in) && !w.in.bad; i++)
		step(&w);
	ice_destroy(w.ice);
	return 0;
}
