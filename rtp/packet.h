/*
 * rtp/packet.h: one RTP packet's bytes (RFC 3550 5.1): header, CSRCs, extension block, payload, padding; both ways.
 *
 * Not here: what is in the extension block (rtp/extension.h), in the payload (the payload formats), RTCP (rtp/rtcp.h) or
 * encryption (rtp/srtp.h). Nothing allocates; slices point into the packet that was parsed and live as long as its bytes.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   |V=2|P|X|  CC   |M|     PT      |       sequence number         |
 *   |                           timestamp                           |
 *   |                             SSRC                              |
 *   |                      CC CSRCs of 32 bits                      |
 *   |     profile of extension      |   its length in 32-bit words  |   if X
 *   |                      extension | payload | padding, its count |   if P
 */
#ifndef PARLEY_RTP_PACKET_H
#define PARLEY_RTP_PACKET_H

#include "base/bytes.h"

#define RTP_VERSION 2u
#define RTP_HEADER_SIZE 12u
#define RTP_CSRCS_MAX 15u
#define RTP_PAYLOAD_TYPE_MAX 127u
#define RTP_EXTENSION_HEADER_SIZE 4u
#define RTP_PADDING_MAX 255u

typedef struct {
	bool marker;
	uint8_t payload_type; /* 0..127 */
	uint16_t sequence;
	uint32_t timestamp;
	uint32_t ssrc;
	uint8_t csrc_count; /* 0..RTP_CSRCS_MAX */
	uint32_t csrcs[RTP_CSRCS_MAX];
	bool has_extension;
	uint16_t extension_profile; /* 0xbede, 0x100x: rtp/extension.h */
	slice extension;	    /* without its 4 bytes of header; whole 32-bit words */
	slice payload;		    /* without padding; may be empty, as in padding probes */
	uint8_t padding;	    /* bytes after the payload, with the count in the last of them; 0: P is not set */
} rtp_packet;

/* What arrives on one port beside STUN, DTLS and TURN channels (RFC 7983 7): first byte 128..191, told apart by the
 * second (RFC 5761 4): the payload types 64..95 are RTCP. */
typedef enum { RTP_KIND_NONE, RTP_KIND_RTP, RTP_KIND_RTCP } rtp_kind;

/* By the first two bytes only: RTP_KIND_NONE for anything that is neither, also if shorter than the smallest header. Good
 * for SRTP and SRTCP too, whose headers are in the clear. */
rtp_kind rtp_classify(slice in);

/* Reads the whole packet, or PARLEY_EPROTO and *out is all zeros: wrong version, CSRCs, extension or padding longer than the
 * packet, a padding of 0 with P set. */
int rtp_packet_parse(slice in, rtp_packet *out);

/* The same of an encrypted packet, whose padding and payload cannot be looked at: payload is all that follows the header,
 * padding stays 0. */
int rtp_header_parse(slice in, rtp_packet *out);

/* Header, CSRCs and extension (zero-filled to whole words); P is set if padding is not 0. The payload may then be written
 * behind, and after it rtp_padding_write. PARLEY_EINVAL: a field out of range; PARLEY_EMSGSIZE: no room (w->bad). */
int rtp_header_write(writer *w, const rtp_packet *p);
void rtp_padding_write(writer *w, uint8_t padding);
/* All of it. */
int rtp_packet_write(writer *w, const rtp_packet *p);
/* What rtp_packet_write will write, bytes. */
size_t rtp_packet_size(const rtp_packet *p);

/*
 * Numbers that wrap, made numbers that do not: each is taken as the nearest to the highest before it, so that reordering of
 * up to half the number space is understood. The first is itself; what came before the first can become negative.
 * {0} is a new unwrapper.
 */
typedef struct {
	bool started;
	int64_t highest;
} rtp_unwrapper;

int64_t rtp_unwrap16(rtp_unwrapper *u, uint16_t value); /* sequence numbers */
int64_t rtp_unwrap32(rtp_unwrapper *u, uint32_t value); /* timestamps */
/* What the above would say, without remembering it: before a packet is believed. */
int64_t rtp_unwrap16_peek(const rtp_unwrapper *u, uint16_t value);
int64_t rtp_unwrap32_peek(const rtp_unwrapper *u, uint32_t value);

#endif
