/*
 * sctp/packet.h: the common header and its CRC-32C (RFC 9260 3.1, 6.8, appendix A).
 */
#ifndef PARLEY_SCTP_PACKET_H
#define PARLEY_SCTP_PACKET_H

#include "base/bytes.h"

#define SCTP_PACKET_HEADER 12u

typedef struct {
	uint16_t source_port, destination_port;
	uint32_t tag;
	slice chunks; /* what follows the header */
} sctp_header;

/*
 * False: too short, a wrong checksum, or chunks that do not fill the packet exactly. zero_checksum: 0 in place of the
 * checksum is fine (RFC 9653 5.3).
 */
bool sctp_packet_decode(slice bytes, bool zero_checksum, sctp_header *header);
/* Without the checks of checksum and chunks. */
bool sctp_packet_decode_header(slice bytes, sctp_header *header);
/* The checksum is 0 until sealed. */
void sctp_packet_begin(writer *w, uint16_t source_port, uint16_t destination_port, uint32_t tag);
void sctp_packet_seal(writer *w); /* fills the checksum in, when all chunks are written */

#endif
