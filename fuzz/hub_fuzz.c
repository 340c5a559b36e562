/*
 * A hub with some connections. The input is a script: a command byte (its low two bits choose a connection), a length byte, and so
 * many bytes. Connections 0 and 1 begin with their WebSocket open, so that records are reached at once.
 */
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/time.h"
#include "signaling/hub.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CONNECTIONS 4u

typedef struct {
	hub *hub;
	uint64_t now;
	uint64_t numbers[CONNECTIONS];
} scene;

static void drain(scene *s)
{
	uint8_t mem[4096];
	packet p = {.data = mem, .capacity = sizeof mem};
	uint64_t connection;
	hub_event event;
	while (hub_poll_transmit(s->hub, s->now, &connection, &p))
		;
	while (hub_poll_event(s->hub, &event))
		;
	hub_check_invariants(s->hub);
}

static void receive(scene *s, size_t which, slice in)
{
	hub_receive(s->hub, s->now, s->numbers[which], in);
	drain(s);
}

/* As a masked text frame whose mask is zero (RFC 6455 5.2). */
static void receive_record(scene *s, size_t which, slice record)
{
	uint8_t mem[300];
	writer w = writer_of(mem, sizeof mem);
	write_u8(&w, 0x81);
	write_u8(&w, 0xfe);
	write_u16(&w, (uint16_t)(record.len + 1));
	write_zeros(&w, 4);
	write_bytes(&w, record);
	write_u8(&w, 0x1e);
	receive(s, which, writer_slice(&w));
}

static void open_connection(scene *s, size_t which, bool websocket)
{
	hub_disconnected(s->hub, s->now, s->numbers[which]);
	if (hub_accept(s->hub, s->now, "fuzz", &s->numbers[which]))
		return;
	if (!websocket)
		return;
	receive(s, which,
		slice_from_string(
			"GET /connectionHub HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"));
	receive_record(s, which, slice_from_string("{\"protocol\":\"json\",\"version\":1}"));
}

static void command(scene *s, uint8_t what, slice in)
{
	size_t which = what & 3;
	switch (what >> 2 & 7) {
	case 0:
		receive(s, which, in);
		break;
	case 1:
		s->now = time_after(s->now, in.len * US_PER_S);
		hub_timeout(s->hub, s->now);
		drain(s);
		break;
	case 2:
		open_connection(s, which, in.len & 1);
		break;
	case 3:
		hub_disconnected(s->hub, s->now, s->numbers[which]);
		drain(s);
		break;
	case 4:
		hub_set_blocked(s->hub, s->numbers[which], in.len & 1);
		break;
	case 5:
		if (in.len == 7)
			hub_stop(s->hub, s->now);
		drain(s);
		break;
	default:
		receive_record(s, which, in);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	rng_seeded seed;
	scene s = {.now = US_PER_S};
	rng_seeded_init(&seed, 1);
	hub_file file = {.path = "/", .content_type = "text/html", .bytes = slice_from_string("page")};
	hub_config config = {.files = &file, .file_count = 1, .random = rng_seeded_source(&seed)};
	if (hub_new(&s.hub, &config))
		return 0;
	for (size_t i = 0; i < CONNECTIONS; i++) {
		s.numbers[i] = UINT64_MAX;
		open_connection(&s, i, i < 2);
	}
	reader r = reader_of(slice_of(data, size));
	while (reader_left(&r) >= 2) {
		uint8_t what = read_u8(&r);
		size_t len = read_u8(&r);
		command(&s, what, read_bytes(&r, len < reader_left(&r) ? len : reader_left(&r)));
	}
	hub_free(s.hub);
	return 0;
}
