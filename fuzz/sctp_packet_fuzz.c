/* Any bytes as an SCTP packet: the walker, all decoders, by way of the printer; and what is decoded encodes again. */
#include <assert.h>

#include "sctp/chunk.h"
#include "sctp/cookie.h"
#include "sctp/packet.h"
#include "sctp/sctp.h"

static void round_trip(const sctp_tlv *chunk)
{
	uint8_t bytes[70000];
	writer w = writer_of(bytes, sizeof bytes);
	sctp_data data, again;
	if (sctp_chunk_type_of(chunk) != SCTP_CHUNK_DATA || !sctp_data_decode(chunk, &data))
		return;
	sctp_data_encode(&w, &data);
	reader r = reader_of(writer_slice(&w));
	sctp_tlv t;
	bool good = sctp_tlv_next(&r, &t) && sctp_data_decode(&t, &again);
	assert(good && again.tsn == data.tsn && slice_equal(again.payload, data.payload));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char out[2000];
	text t = text_of(out, sizeof out);
	slice bytes = slice_of(data, size);
	sctp_print_packet(bytes, &t);
	sctp_header header;
	if (!sctp_packet_decode_header(bytes, &header))
		return 0;
	reader r = reader_of(header.chunks);
	for (sctp_tlv chunk; sctp_tlv_next(&r, &chunk);)
		round_trip(&chunk);
	static const uint8_t key[SCTP_COOKIE_KEY_SIZE];
	sctp_cookie cookie;
	sctp_cookie_open(bytes, key, &cookie);
	return 0;
}
