/*
 * rtp/extension.h: the header extensions of an RTP packet (RFC 8285): one-byte and two-byte form, and the values WebRTC uses.
 *
 * Three levels: rtp_extension_next walks the elements, whatever they are; rtp_extensions_read gives the known ones as
 * plain values, by the ids that SDP negotiated ("a=extmap"); rtp_extension_patch sets a value of a packet already
 * written, for what is known only at the moment of sending. Nothing allocates; slices point into the packet.
 */
#ifndef PARLEY_RTP_EXTENSION_H
#define PARLEY_RTP_EXTENSION_H

#include "rtp/packet.h"

#define RTP_EXTENSION_ONE_BYTE 0xbedeu	  /* RFC 8285 4.2: ids 1..14, values of 1..16 bytes */
#define RTP_EXTENSION_TWO_BYTE 0x1000u	  /* RFC 8285 4.3: ids 1..255, values of 0..255 bytes; low 4 bits "appbits" */
#define RTP_EXTENSION_ONE_BYTE_ID_MAX 14u /* 15 ends the walk */
#define RTP_EXTENSION_ONE_BYTE_VALUE_MAX 16u
#define RTP_EXTENSION_VALUE_MAX 255u
#define RTP_ABS_SEND_TIME_WRAP (1u << 24) /* unit 2^-18 s: 64 s until it wraps */

typedef enum {
	RTP_EXTENSION_MID,	     /* RFC 9143 15.1 */
	RTP_EXTENSION_RID,	     /* RFC 8852 */
	RTP_EXTENSION_REPAIRED_RID,  /* RFC 8852: of the stream that this RTX stream repairs */
	RTP_EXTENSION_ABS_SEND_TIME, /* 24 bit, seconds in 6.18 fixed point */
	RTP_EXTENSION_TRANSPORT_CC,  /* transport-wide sequence number, 16 bit (draft-holmer-rmcat-transport-wide-cc) */
	RTP_EXTENSION_AUDIO_LEVEL,   /* RFC 6464 */
	RTP_EXTENSION_VIDEO_ORIENTATION, /* 3GPP TS 26.114 7.4.5 */
	RTP_EXTENSION_ABS_CAPTURE_TIME,
	RTP_EXTENSION_KINDS,
} rtp_extension_kind;

const char *rtp_extension_uri(rtp_extension_kind kind); /* as in "a=extmap"; static */
/* False: not one of ours. */
bool rtp_extension_kind_of(slice uri, rtp_extension_kind *kind);

/* Which id was negotiated for which kind. {0}: none; RFC 8285 4.2 reserves the id 0 for padding, so 0 says "not negotiated". */
typedef struct {
	uint8_t ids[RTP_EXTENSION_KINDS];
} rtp_extension_map;

/* PARLEY_EINVAL: id not in 1..255, 15 (RFC 8285 4.2), or already another kind's. Again for the same kind: replaced. */
int rtp_extension_map_set(rtp_extension_map *map, rtp_extension_kind kind, unsigned id);
/* The elements of a packet in their order; unknown ids too. */
typedef struct {
	uint8_t id;
	slice value;
} rtp_extension;

typedef struct {
	reader r;
	bool two_byte;
	bool bad; /* an element was longer than the block: what came before it was good */
} rtp_extension_reader;

/* Of a packet without extension block, or with one of an unknown profile: nothing. */
rtp_extension_reader rtp_extension_reader_of(const rtp_packet *p);
bool rtp_extension_next(rtp_extension_reader *r, rtp_extension *out);
/* The first one with this id. */
bool rtp_extension_find(const rtp_packet *p, unsigned id, slice *value);

/* The known ones as values; each is there only if its has_ is true. */
typedef struct {
	bool has_mid, has_rid, has_repaired_rid;
	slice mid, rid, repaired_rid; /* never empty */
	bool has_abs_send_time;
	uint32_t abs_send_time; /* below RTP_ABS_SEND_TIME_WRAP */
	bool has_transport_sequence;
	uint16_t transport_sequence;
	bool has_audio_level;
	bool audio_voice;    /* V: the sender thinks it is speech */
	uint8_t audio_level; /* 0 (loudest) .. 127 (silence): -dBov */
	bool has_video_orientation;
	bool video_back_camera;	 /* C */
	bool video_flip;	 /* F: mirrored left to right, before the rotation is applied */
	uint16_t video_rotation; /* clockwise, to be applied by the receiver to show it upright: 0, 90, 180, 270 */
	bool has_capture_time;
	uint64_t capture_time; /* NTP, 32.32 seconds, by the capturing clock */
	bool has_capture_offset;
	int64_t capture_offset; /* capturer's clock - sender's clock, 32.32 seconds */
} rtp_extensions;

/* Values of a wrong length are left out. False: the block is malformed; what came before the fault is there. */
bool rtp_extensions_read(const rtp_packet *p, const rtp_extension_map *map, rtp_extensions *out);

/*
 * Writes the block for those values that are present and have an id in the map, in the one-byte form if all fit it, else in
 * the two-byte form, into w, and makes p->has_extension, extension_profile and extension so. No value: has_extension
 * is false. w's memory must live until the packet is written. PARLEY_EINVAL: a value out of range; PARLEY_EMSGSIZE.
 */
int rtp_extensions_write(writer *w, const rtp_extension_map *map, const rtp_extensions *values, rtp_packet *p);

/*
 * Overwrites in a whole packet, before encryption, the value of the element with this id, of the same length. Reserve it by
 * writing zeros. False: there is none of that id and length.
 */
bool rtp_extension_patch(packet *whole, unsigned id, slice value);
bool rtp_extension_patch_transport_sequence(packet *whole, const rtp_extension_map *map, uint16_t sequence);
bool rtp_extension_patch_abs_send_time(packet *whole, const rtp_extension_map *map, uint64_t now);

/* abs-send-time of a time in microseconds. */
uint32_t rtp_abs_send_time(uint64_t now);

#endif
