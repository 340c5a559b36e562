/* The first byte: which end receives the rest, and in which pieces. */
#include <stdlib.h>

#include "base/rng.h"
#include "base/utf8.h"
#include "signaling/websocket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MESSAGE_MAX 2000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	rng_seeded seed;
	websocket ws;
	websocket_event event = {0};
	buf out = {.limit = 1 << 16};
	if (size == 0)
		return 0;
	rng_seeded_init(&seed, 1);
	if (websocket_init(&ws, data[0] & 1 ? WEBSOCKET_CLIENT : WEBSOCKET_SERVER, rng_seeded_source(&seed),
			   MESSAGE_MAX, &out))
		return 0;
	slice in = slice_of(data + 1, size - 1);
	size_t chunk = 1 + (data[0] >> 1);
	while (in.len && websocket_receive(&ws, slice_part(in, 0, chunk)) == 0) {
		in = slice_part(in, chunk, in.len);
		while (websocket_poll_event(&ws, &event))
			if (event.type == WEBSOCKET_MESSAGE &&
			    (event.text.len > MESSAGE_MAX || !utf8_valid(event.text)))
				abort();
	}
	websocket_close(&ws, WEBSOCKET_NORMAL, NULL);
	websocket_clear(&ws);
	buf_clear(&out);
	return 0;
}
