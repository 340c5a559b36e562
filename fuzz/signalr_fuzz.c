/* The input is a WebSocket message of SignalR records: what decodes must encode to something that decodes the same. */
#include <stdlib.h>

#include "signaling/signalr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(const signalr_message *m)
{
	signalr_message again;
	buf out = {.limit = JSON_TEXT_MAX};
	slice payload, record;
	if (signalr_encode(&out, m) == 0) {
		payload = buf_slice(&out);
		if (!signalr_next_record(&payload, &record) || payload.len || signalr_decode(&again, record))
			abort();
		if (again.type != m->type || !slice_equal(again.id, m->id) || !slice_equal(again.target, m->target))
			abort();
		signalr_message_clear(&again);
	}
	buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	slice payload = slice_of(data, size), record;
	signalr_handshake handshake;
	signalr_message m;
	char error[64];
	while (signalr_next_record(&payload, &record)) {
		signalr_read_handshake_request(&handshake, record);
		signalr_read_handshake_response(record, error, sizeof error);
		if (signalr_decode(&m, record))
			continue;
		for (size_t i = 0; i < signalr_argument_count(&m); i++)
			json_copy(signalr_argument(&m, i), error, sizeof error);
		round_trip(&m);
		signalr_message_clear(&m);
	}
	return 0;
}
