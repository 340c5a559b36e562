/* sctp/datachannel.h: what a channel says it has buffered, against a count of what is in the packets, after each of them */
#include "tests/support/test.h"

#include <string.h>

#include "base/bytes.h"
#include "sctp/datachannel.h"
#include "sctp/internal.h"
#include "tests/unit/sctp_pair.h"

#define CHANNELS 4u
#define STEPS 3000u
#define LARGEST 40000u
#define COMMON_HEADER 12u
#define CHUNK_HEADER 4u /* and what chunks are padded to */
#define DATA_HEADER 16u /* with it */
#define I_DATA_HEADER 20u
#define DATA_TYPE 0u
#define I_DATA_TYPE 64u
#define LOSS_PER_CENT 3u

typedef struct {
	dc_handle handle;
	size_t buffered, threshold, lows, lows_due; /* as they have to be, but for lows */
} channel;

static struct {
	pair p;
	dc_layer *layer[2];
	channel channels[CHANNELS]; /* of side 0; their ids are their places */
	uint32_t next_tsn;
	uint64_t sent, received;
} world;

/* --- what has to be --- */

static void check_all(void)
{
	for (size_t i = 0; i < CHANNELS; i++)
		assert_int_equal(dc_buffered_amount(world.layer[0], world.channels[i].handle),
				 world.channels[i].buffered);
}

static void leaves(channel *c, size_t len)
{
	bool was_above = c->buffered > c->threshold;
	assert_true(c->buffered >= len);
	c->buffered -= len;
	c->lows_due += was_above && c->buffered <= c->threshold;
}

/* The first time that a chunk goes out. */
static void chunk_sent(uint8_t type, slice body)
{
	reader r = reader_of(body);
	uint32_t tsn = read_u32(&r);
	uint16_t stream = read_u16(&r);
	if (tsn != world.next_tsn)
		return;
	world.next_tsn++;
	leaves(&world.channels[stream], CHUNK_HEADER + body.len - (type == DATA_TYPE ? DATA_HEADER : I_DATA_HEADER));
}

static bool packet_sent(pair *p, int from, slice bytes)
{
	reader r = reader_of(slice_part(bytes, COMMON_HEADER, bytes.len));
	while (from == 0 && reader_left(&r) >= CHUNK_HEADER) {
		uint8_t type = read_u8(&r);
		read_u8(&r);
		uint16_t len = read_u16(&r);
		slice body = read_bytes(&r, len - CHUNK_HEADER);
		read_bytes(&r, (CHUNK_HEADER - len % CHUNK_HEADER) % CHUNK_HEADER);
		assert_false(r.bad);
		if (type == DATA_TYPE || type == I_DATA_TYPE)
			chunk_sent(type, body);
	}
	check_all();
	return rng_seeded_below(&p->rng, 100) < LOSS_PER_CENT;
}

static void take_events(pair *p, int side)
{
	dc_event e;
	while (dc_poll_event(world.layer[side], p->now, &e)) {
		p->connected[side] |= e.type == DC_EVENT_CONNECTED;
		if (e.type == DC_EVENT_MESSAGE)
			world.received += e.data.len;
		for (size_t i = 0; i < CHANNELS && side == 0 && e.type == DC_EVENT_BUFFERED_LOW; i++)
			world.channels[i].lows += world.channels[i].handle == e.handle;
	}
}

/* --- the world --- */

static void begin(uint64_t seed, bool interleaving)
{
	memset(&world, 0, sizeof world);
	pair_prepare(&world.p, seed);
	world.p.pump = take_events;
	world.p.config[0].interleaving = interleaving;
	assert_true(pair_create(&world.p));
	for (int side = 0; side < 2; side++) {
		assert_int_equal(dc_layer_create(NULL, &world.layer[side]), 0);
		for (uint16_t i = 0; i < CHANNELS; i++) {
			dc_options o = {.negotiated = true, .id = i, .unordered = i & 1};
			dc_handle *handle = &world.channels[i].handle;
			dc_handle other;
			assert_int_equal(dc_create(world.layer[side], 0, &o, side ? &other : handle), 0);
		}
		assert_int_equal(dc_attach(world.layer[side], world.p.now, world.p.end[side], side == 0), 0);
	}
	for (int side = 0; side < 2; side++)
		assert_int_equal(sctp_connect(world.p.end[side], world.p.now), 0);
	assert_true(pair_run_until(&world.p, pair_both_connected, 60 * US_PER_S));
	world.next_tsn = world.p.end[0]->sent.next;
	world.p.drop = packet_sent;
}

static void end(void)
{
	for (int side = 0; side < 2; side++)
		dc_layer_destroy(world.layer[side]);
	pair_clear(&world.p);
}

static void send_some(channel *c)
{
	static uint8_t bytes[LARGEST];
	size_t len = 1 + rng_seeded_below(&world.p.rng, rng_seeded_below(&world.p.rng, 2) ? 100 : LARGEST - 1);
	if (dc_send(world.layer[0], world.p.now, c->handle, true, slice_of(bytes, len)))
		return;
	c->buffered += len;
	world.sent += len;
	check_all();
}

static void set_threshold(channel *c)
{
	c->threshold = rng_seeded_below(&world.p.rng, 50000);
	assert_int_equal(dc_set_low_threshold(world.layer[0], c->handle, c->threshold), 0);
}

static void live(uint64_t seed, bool interleaving)
{
	begin(seed, interleaving);
	for (unsigned i = 0; i < STEPS; i++) {
		channel *c = &world.channels[rng_seeded_below(&world.p.rng, CHANNELS)];
		switch (rng_seeded_below(&world.p.rng, 4)) {
		case 0:
			set_threshold(c);
			break;
		case 1:
			pair_run(&world.p, rng_seeded_below(&world.p.rng, 20 * US_PER_MS));
			break;
		default:
			send_some(c);
			pair_drain(&world.p);
			break;
		}
	}
	pair_run(&world.p, 600 * US_PER_S);
	assert_int_equal(world.received, world.sent);
	for (size_t i = 0; i < CHANNELS; i++) {
		assert_int_equal(world.channels[i].buffered, 0);
		assert_true(world.channels[i].lows_due > 0);
		assert_int_equal(world.channels[i].lows, world.channels[i].lows_due);
	}
	end();
}

static void the_amount_is_what_is_in_no_packet_yet(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++)
		live(seed, seed & 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_amount_is_what_is_in_no_packet_yet),
	};
	return cmocka_run_group_tests_name("buffered_amount", tests, NULL, NULL);
}
