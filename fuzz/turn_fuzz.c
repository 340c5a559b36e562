/*
 * One TURN client, over datagrams or a stream; the input is what happens to it: calls of its owner, time, and messages of a
 * server, both raw bytes and such that a server who knows the password could send, answers to its own requests among them.
 */
#include <assert.h>
#include <string.h>

#include "base/addr.h"
#include "base/rng.h"
#include "ice/turn.h"

#define STEPS_MAX 400
#define REMEMBERED 4 /* requests that may still be answered */
#define REALM "realm"

typedef struct {
	turn_client *turn;
	uint64_t now;
	reader in;
	bool stream, sha256;
	stun_key key;
	struct {
		stun_id id;
		uint16_t method;
	} asked[REMEMBERED];
	size_t asked_count;
	uint8_t seen; /* of the data, so that it is read */
} world;

static parley_addr some_address(uint8_t n)
{
	if (n & 0x40)
		return (parley_addr){.family = PARLEY_IPV6, .ip = {0x20, 1, [15] = n & 7}, .port = 5000};
	return addr_ipv4(n & 0x20 ? 224 : 10, 0, 0, n & 7, (uint16_t)(5000 + (n >> 3 & 3)));
}

static void drain(world *w)
{
	uint8_t data[TURN_PACKET_MAX];
	packet p = {.data = data, .capacity = sizeof data};
	turn_event e;
	while (turn_poll_transmit(w->turn, w->now, &p)) {
		stun_message m;
		assert(stun_parse(slice_of(data, p.len), &m) == 0);
		if (m.class != STUN_REQUEST)
			continue;
		w->asked[w->asked_count % REMEMBERED].id = m.id;
		w->asked[w->asked_count++ % REMEMBERED].method = m.method;
	}
	while (turn_poll_event(w->turn, &e))
		assert(strlen(e.reason) <= TURN_TEXT_MAX && strlen(e.domain) <= TURN_DOMAIN_MAX);
	turn_check_invariants(w->turn);
}

static void take(world *w, const turn_data *data)
{
	assert(turn_get_state(w->turn) == TURN_ALLOCATED && data->relayed.family == data->peer.family);
	for (size_t i = 0; i < data->data.len; i++)
		w->seen ^= data->data.data[i];
}

static void receive(world *w, slice message)
{
	turn_data data;
	if (!w->stream) {
		if (turn_receive(w->turn, w->now, message, &data))
			take(w, &data);
		return;
	}
	slice pieces[2];
	size_t cut = read_u8(&w->in);
	pieces[0] = slice_part(message, 0, cut);
	pieces[1] = slice_part(message, cut, message.len);
	for (size_t i = 0; i < 2; i++)
		while (turn_stream_receive(w->turn, w->now, &pieces[i], &data))
			take(w, &data);
}

/* --- what a server sends --- */

static void put_challenge(world *w, writer *out, uint8_t flags)
{
	static const uint8_t ALGORITHMS[] = {0, 1, 0, 0, 0, 2, 0, 0};
	stun_put_error(out, flags & 1 ? STUN_STALE_NONCE : STUN_UNAUTHENTICATED, NULL);
	stun_put_bytes(out, STUN_ATTR_REALM, slice_from_string(REALM));
	stun_put_bytes(out, STUN_ATTR_NONCE, slice_from_string(w->sha256 ? "obMatJos2wAAAn" : "nonce"));
	if (w->sha256)
		stun_put_bytes(out, STUN_ATTR_PASSWORD_ALGORITHMS, slice_of(ALGORITHMS, sizeof ALGORITHMS));
}

static void put_error(world *w, writer *out)
{
	parley_addr alternate;
	uint8_t code = read_u8(&w->in);
	stun_put_error(out, 300u + code, NULL);
	if (code > 0)
		return;
	alternate = some_address(read_u8(&w->in));
	stun_put_address(out, STUN_ATTR_ALTERNATE_SERVER, &alternate);
	stun_put_bytes(out, STUN_ATTR_ALTERNATE_DOMAIN, read_bytes(&w->in, read_u8(&w->in) & 63));
}

static void put_success(world *w, writer *out, uint8_t flags)
{
	parley_addr relayed = some_address(read_u8(&w->in)), second = some_address(read_u8(&w->in));
	stun_put_xor_address(out, STUN_ATTR_XOR_RELAYED_ADDRESS, &relayed);
	if (flags & 1)
		stun_put_xor_address(out, STUN_ATTR_XOR_RELAYED_ADDRESS, &second);
	if (flags & 2)
		stun_put_address_error(out, STUN_FAMILY_IPV6, 440, NULL);
	if (flags & 4)
		stun_put_bytes(out, read_u16(&w->in), read_bytes(&w->in, read_u8(&w->in) & 15));
	stun_put_xor_address(out, STUN_ATTR_XOR_MAPPED_ADDRESS, &second);
	stun_put_u32(out, STUN_ATTR_LIFETIME, read_u16(&w->in));
}

/* kind: what, to which request, signed or not. */
static void answer(world *w)
{
	uint8_t bytes[TURN_PACKET_MAX], kind = read_u8(&w->in), flags = read_u8(&w->in);
	size_t back = 1 + (kind >> 4 & 3);
	writer out = writer_of(bytes, sizeof bytes);
	if (back > w->asked_count)
		return;
	size_t i = (w->asked_count - back) % REMEMBERED;
	bool error = kind & 1 || kind & 2;
	stun_begin(&out, error ? STUN_ERROR : STUN_SUCCESS, w->asked[i].method, &w->asked[i].id);
	if (kind & 1)
		put_challenge(w, &out, flags);
	else if (kind & 2)
		put_error(w, &out);
	else
		put_success(w, &out, flags);
	if (kind & 4 && w->sha256)
		stun_put_integrity_sha256(&out, stun_key_slice(&w->key));
	else if (kind & 4)
		stun_put_integrity(&out, stun_key_slice(&w->key));
	if (kind & 8)
		stun_put_fingerprint(&out);
	if (!out.bad)
		receive(w, writer_slice(&out));
}

static void send_data(world *w, bool channel)
{
	uint8_t bytes[512], n = read_u8(&w->in);
	slice data = read_bytes(&w->in, read_u8(&w->in) & 31);
	stun_id id = {{n}};
	parley_addr peer = some_address(n);
	writer out = writer_of(bytes, sizeof bytes);
	if (channel) {
		stun_put_channel_header(&out, (uint16_t)(STUN_CHANNEL_FIRST + (n & 7)), data.len);
		write_bytes(&out, data);
		write_pad(&out, 4);
	} else {
		stun_begin(&out, STUN_INDICATION, STUN_DATA, &id);
		stun_put_xor_address(&out, STUN_ATTR_XOR_PEER_ADDRESS, &peer);
		stun_put_bytes(&out, STUN_ATTR_DATA, data);
	}
	receive(w, writer_slice(&out));
}

/* --- what the owner does --- */

static void envelop(world *w, const parley_addr *peer)
{
	uint8_t room[TURN_HEADROOM + 64 + TURN_TAILROOM] = {0};
	size_t len = read_u8(&w->in) & 63;
	packet p = {.data = room + TURN_HEADROOM, .len = len, .capacity = 64 + TURN_TAILROOM};
	if (turn_envelop(w->turn, w->now, peer, &p) == 0)
		assert(p.data >= room && p.data + p.len <= room + sizeof room && p.len >= len + 4);
	else
		assert(p.data == room + TURN_HEADROOM && p.len == len);
}

static void call(world *w, uint8_t op)
{
	parley_addr addr = some_address(read_u8(&w->in));
	switch (op) {
	case 4:
		(void)turn_permit(w->turn, w->now, &addr);
		break;
	case 5:
		turn_forbid(w->turn, &addr);
		break;
	case 6:
		(void)turn_bind(w->turn, w->now, &addr);
		break;
	case 7:
		turn_unbind(w->turn, &addr);
		break;
	case 8:
		envelop(w, &addr);
		break;
	case 9:
		turn_probe(w->turn, w->now);
		break;
	case 10:
		(void)turn_start(w->turn, w->now);
		break;
	case 11:
		if (addr.ip[3] == 7)
			turn_close(w->turn, w->now);
		break;
	default:
		if (addr.ip[3] == 7)
			turn_stream_closed(w->turn, w->now, PARLEY_ECLOSED, "closed");
		break;
	}
}

static void step(world *w)
{
	uint8_t op = read_u8(&w->in) & 31;
	uint64_t due = turn_deadline(w->turn);
	if (op == 0)
		receive(w, read_bytes(&w->in, read_u8(&w->in)));
	else if (op == 1)
		answer(w);
	else if (op < 4)
		send_data(w, op == 3);
	else if (op < 13)
		call(w, op);
	else if (due != TIME_NEVER && op < 28)
		turn_timeout(w->turn, w->now = due > w->now ? due : w->now);
	else
		turn_timeout(w->turn, w->now += (uint64_t)read_u8(&w->in) * US_PER_S);
	drain(w);
	if (turn_deadline(w->turn) <= w->now) {
		turn_timeout(w->turn, w->now);
		drain(w);
	}
	assert(turn_deadline(w->turn) > w->now); /* what is due has been done: no owner loops */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	rng_seeded rng;
	turn_config config;
	world w = {.now = US_PER_S, .in = reader_of(slice_of(data, size))};
	uint8_t flags = read_u8(&w.in);
	rng_seeded_init(&rng, 1);
	turn_config_default(&config);
	config.random = rng_seeded_source(&rng);
	config.username = slice_from_string("user");
	config.password = slice_from_string("pass");
	config.server = addr_ipv4(10, 0, 0, 9, 3478);
	config.server.transport = flags & 1 ? PARLEY_TCP : PARLEY_UDP;
	config.families = (turn_families)(1 + (flags >> 1 & 3) % 3);
	w.stream = flags & 1;
	w.sha256 = flags & 8;
	if (stun_long_term_key(w.sha256 ? STUN_ALGORITHM_SHA256 : STUN_ALGORITHM_MD5, config.username,
			       slice_from_string(REALM), config.password, &w.key) ||
	    turn_create(&config, &w.turn))
		return 0;
	for (int i = 0; i < STEPS_MAX && reader_left(&w.in) && !w.in.bad; i++)
		step(&w);
	turn_destroy(w.turn);
	return 0;
}
