/* Any bytes as an SCTP packet: the walker, all decoders, by way of the printer; and what is decoded encodes again. */
#include <assert.h>

#include "sctp/chunk.h"
#include "sctp/cookie.h"
#include "sctp/packet.h"
#include "sctp/sctp.h"

static uint8_t bytes_again[70000];

static sctp_tlv chunk_again(const writer *w)
{
	sctp_tlv t = {0};
	reader r = reader_of(writer_slice(w));
	bool good = sctp_tlv_next(&r, &t);
	assert(good && !w->bad && !reader_left(&r));
	return t;
}

static void data_again(const sctp_tlv *chunk)
{
	writer w = writer_of(bytes_again, sizeof bytes_again);
	sctp_data data, again;
	if (!sctp_data_decode(chunk, &data))
		return;
	sctp_data_encode(&w, &data);
	sctp_tlv t = chunk_again(&w);
	bool good = sctp_data_decode(&t, &again);
	assert(good && again.tsn == data.tsn && slice_equal(again.payload, data.payload));
	assert(again.mid == data.mid && again.fsn == data.fsn && again.ppid == data.ppid);
}

static void forward_again(const sctp_tlv *chunk)
{
	writer w = writer_of(bytes_again, sizeof bytes_again);
	sctp_forward_tsn f, again;
	sctp_skipped skipped[64];
	if (!sctp_forward_tsn_decode(chunk, &f) || f.count > sizeof skipped / sizeof *skipped)
		return;
	for (size_t i = 0; i < f.count; i++)
		skipped[i] = sctp_forward_tsn_stream(&f, i);
	sctp_forward_tsn_encode(&w, f.interleaved, f.new_cumulative_tsn, skipped, f.count);
	sctp_tlv t = chunk_again(&w);
	bool good = sctp_forward_tsn_decode(&t, &again);
	assert(good && again.new_cumulative_tsn == f.new_cumulative_tsn && again.count == f.count);
	for (size_t i = 0; i < f.count; i++)
		assert(sctp_forward_tsn_stream(&again, i).mid == skipped[i].mid);
}

static void round_trip(const sctp_tlv *chunk)
{
	switch (sctp_chunk_type_of(chunk)) {
	case SCTP_CHUNK_DATA:
	case SCTP_CHUNK_I_DATA:
		data_again(chunk);
		break;
	case SCTP_CHUNK_FORWARD_TSN:
	case SCTP_CHUNK_I_FORWARD_TSN:
		forward_again(chunk);
		break;
	default:
		break;
	}
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
