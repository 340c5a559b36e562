/*
 * A connected association against a hostile peer. The first byte picks the state to start in, with its highest bits I-DATA
 * (0x80) and messages of any length in parts (0x40); then records follow: a byte that says what happens, a byte of length, and
 * that many bytes. The harness supplies tag and checksum, so that what is tested lies behind them. TSNs begin at 1000 on both
 * sides.
 */
#include <stdlib.h>

#include "base/rng.h"
#include "sctp/internal.h"

#define FIRST_TSN 1000u
#define BYTE_INTERLEAVING 0x80u
#define BYTE_PARTS 0x40u

typedef struct {
	rng_seeded rng[2];
	sctp_association *end[2]; /* 0 is the target */
	uint64_t now;
} world;

static void check(world *w)
{
	sctp_check_invariants(w->end[0]);
}

static void take_events(sctp_association *a)
{
	for (sctp_event e; sctp_poll_event(a, &e);)
		;
}

/* The packets of one side; to the other if deliver. */
static bool move(world *w, int from, bool deliver)
{
	uint8_t bytes[SCTP_MTU_MAX];
	packet out = {.data = bytes, .capacity = sizeof bytes};
	bool any = false;
	for (unsigned i = 0; i < 200 && sctp_poll_transmit(w->end[from], w->now, &out); i++, any = true)
		if (deliver)
			sctp_receive(w->end[!from], w->now, slice_of(out.data, out.len));
	take_events(w->end[from]);
	return any;
}

static void settle(world *w)
{
	for (bool any = true; any;) {
		any = move(w, 0, true);
		any = move(w, 1, true) || any;
	}
}

static void send(world *w, int from, uint16_t stream, size_t len)
{
	static const uint8_t bytes[4000];
	sctp_send_options o = {.has_max_retransmits = stream & 1, .has_value = stream & 2, .value = (uint8_t)len};
	sctp_send(w->end[from], w->now, stream, 51, slice_of(bytes, len), &o);
}

static void start(world *w, uint8_t state)
{
	static const uint16_t streams[] = {0, 1};
	if (state % 12 == 0)
		return;
	sctp_connect(w->end[0], w->now);
	if (state % 12 == 1)
		return;
	move(w, 0, true);
	move(w, 1, true);
	if (state % 12 == 2)
		return;
	settle(w);
	switch (state % 12) {
	case 4: /* data in flight, part of it lost */
		send(w, 0, 0, 4000);
		send(w, 0, 1, 4000);
		move(w, 0, false);
		break;
	case 5: /* the last packet of a message did not come */
		send(w, 1, 0, 100);
		move(w, 1, false);
		send(w, 1, 0, 3000);
		move(w, 1, true);
		break;
	case 6: /* data to abandon */
		send(w, 0, 1, 4000);
		move(w, 0, false);
		w->now += 2 * US_PER_S;
		sctp_timeout(w->end[0], w->now);
		break;
	case 7:
		send(w, 0, 0, 100);
		sctp_shutdown(w->end[0], w->now);
		break;
	case 8:
		sctp_shutdown(w->end[0], w->now);
		break;
	case 9:
		sctp_shutdown(w->end[1], w->now);
		send(w, 0, 0, 100);
		move(w, 1, true);
		break;
	case 10:
		sctp_shutdown(w->end[1], w->now);
		move(w, 1, true);
		break;
	case 11:
		send(w, 0, 0, 10);
		send(w, 0, 1, 10);
		settle(w);
		sctp_reset_streams(w->end[0], w->now, streams, 2);
		break;
	default:
		break;
	}
}

static void deliver(world *w, slice chunks, uint32_t tag)
{
	uint8_t bytes[SCTP_PACKET_HEADER + 256];
	writer out = writer_of(bytes, sizeof bytes);
	sctp_packet_begin(&out, SCTP_PORT, SCTP_PORT, tag);
	write_bytes(&out, chunks);
	sctp_packet_seal(&out);
	sctp_receive(w->end[0], w->now, writer_slice(&out));
}

static void send_part(world *w, uint16_t stream, slice bytes)
{
	static const uint8_t part[4000];
	sctp_send_options o = {.unordered = stream & 4};
	sctp_send_part(w->end[0], w->now, stream, 51, slice_of(part, bytes.len * 15), bytes.len && bytes.data[0] & 1,
		       &o);
}

/* What the owner may ask for. */
static void ask(world *w, uint16_t stream, slice bytes)
{
	sctp_association *a = w->end[0];
	switch (bytes.len ? bytes.data[0] % 8 : 0) {
	case 0:
		sctp_reset_streams(a, w->now, &stream, 1);
		break;
	case 1:
		sctp_add_streams(a, w->now, stream, 1);
		break;
	case 2:
		sctp_set_partial_delivery(a, stream, bytes.data[0] & 8);
		break;
	case 3:
		sctp_set_priority(a, stream, bytes.data[0]);
		break;
	case 4:
		sctp_path_changed(a, w->now);
		break;
	case 5:
		sctp_set_low_threshold(a, stream, bytes.len);
		break;
	case 6:
		if (bytes.data[0] & 8)
			sctp_shutdown(a, w->now);
		break;
	default:
		send_part(w, stream, slice_part(bytes, 1, bytes.len));
		break;
	}
}

static void happen(world *w, uint8_t what, slice bytes)
{
	sctp_association *a = w->end[0];
	switch (what % 8) {
	case 0:
	case 1:
		deliver(w, bytes, a->local_tag);
		break;
	case 2:
		deliver(w, bytes, what & 8 ? a->peer_tag : 0);
		break;
	case 3:
		w->now = time_min(time_after(w->now, 10 * US_PER_S), sctp_deadline(a));
		sctp_timeout(a, w->now);
		break;
	case 4:
		send(w, 0, what >> 4, 1 + bytes.len * 15);
		break;
	case 5:
		move(w, 0, what & 8);
		break;
	case 6:
		move(w, 1, true);
		break;
	case 7:
		ask(w, what >> 4, bytes);
		break;
	}
	check(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	world w = {.now = US_PER_S};
	reader r = reader_of(slice_of(data, size));
	uint8_t first = read_u8(&r);
	for (size_t i = 0; i < 2; i++) {
		sctp_config config;
		rng_seeded_init(&w.rng[i], i);
		sctp_config_default(&config);
		config.random = rng_seeded_source(&w.rng[i]);
		config.has_initial_tsn = true;
		config.initial_tsn = FIRST_TSN;
		config.receive_window = 65536;
		config.max_message_receive = 32768;
		config.congestion = size % 2 ? SCTP_BBR : SCTP_CUBIC;
		config.send_buffer = 65536;
		config.interleaving = first & BYTE_INTERLEAVING;
		config.any_length = first & BYTE_PARTS;
		if (sctp_create(&config, &w.end[i]))
			abort();
	}
	start(&w, first % BYTE_PARTS);
	check(&w);
	while (reader_left(&r)) {
		uint8_t what = read_u8(&r);
		uint8_t len = read_u8(&r);
		happen(&w, what, read_bytes(&r, len < reader_left(&r) ? len : reader_left(&r)));
	}
	move(&w, 0, false);
	check(&w);
	sctp_destroy(w.end[0]);
	sctp_destroy(w.end[1]);
	return 0;
}
