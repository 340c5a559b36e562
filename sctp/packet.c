#include "sctp/packet.h"

#include "base/crc.h"
#include "sctp/chunk.h"

#define CHECKSUM_AT 8u
#define CHECKSUM_SIZE 4u

static uint32_t checksum_of(slice bytes)
{
	static const uint8_t zeros[CHECKSUM_SIZE];
	uint32_t crc = crc32c(slice_part(bytes, 0, CHECKSUM_AT));
	crc = crc32c_more(crc, slice_of(zeros, sizeof zeros));
	crc = crc32c_more(crc, slice_part(bytes, SCTP_PACKET_HEADER, bytes.len));
	return __builtin_bswap32(crc); /* sent lowest byte first (RFC 9260 appendix A) */
}

bool sctp_packet_decode_header(slice bytes, sctp_header *header)
{
	reader r = reader_of(bytes);
	header->source_port = read_u16(&r);
	header->destination_port = read_u16(&r);
	header->tag = read_u32(&r);
	read_u32(&r);
	header->chunks = read_rest(&r);
	return !r.bad;
}

bool sctp_packet_decode(slice bytes, bool zero_checksum, sctp_header *header)
{
	reader r = reader_of(slice_part(bytes, CHECKSUM_AT, CHECKSUM_SIZE));
	uint32_t checksum = read_u32(&r);
	if (!sctp_packet_decode_header(bytes, header))
		return false;
	bool intact = (zero_checksum && !checksum) || checksum == checksum_of(bytes);
	return intact && header->chunks.len && sctp_tlvs_valid(header->chunks);
}

void sctp_packet_begin(writer *w, uint16_t source_port, uint16_t destination_port, uint32_t tag)
{
	write_u16(w, source_port);
	write_u16(w, destination_port);
	write_u32(w, tag);
	write_u32(w, 0);
}

void sctp_packet_seal(writer *w)
{
	write_u32_at(w, CHECKSUM_AT, checksum_of(writer_slice(w)));
}
