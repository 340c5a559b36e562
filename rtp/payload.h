/*
 * rtp/payload.h: encoded frames to RTP payloads and back, one interface over all formats.
 *
 *   Opus (RFC 7587), PCMU and PCMA (RFC 3551 4.5.14), VP8 (RFC 7741), VP9 (RFC 9628), H.264 (RFC 6184, packetization
 *   modes 0 and 1: single NAL unit, STAP-A, FU-A), AV1 (AOM "RTP Payload Format For AV1").
 *
 * Not here: RTP headers, sequence numbers and timestamps; which packets make a frame, and loss (rtp/frames.h). No I/O, no
 * clock, no allocation except by rtp_depacketizer, into the buf it is given.
 *
 * What a "frame" is, as it goes into a packetizer and comes out of a depacketizer:
 *   audio   one packet's worth of encoded audio
 *   VP8     one frame of the bitstream (RFC 6386 9.1)
 *   VP9     one picture: a frame, or a superframe with its index; layers of one picture come out as one superframe
 *   H.264   one access unit in Annex B form. In: start codes of 3 or 4 bytes. Out: every NAL unit behind 00 00 00 01
 *   AV1     one temporal unit in low-overhead form (AV1 5.2): every OBU has its size field. In: temporal delimiters, tile
 *           lists and padding are left out of the packets. Out: no temporal delimiter, as WebM and MP4 want it
 */
#ifndef PARLEY_RTP_PAYLOAD_H
#define PARLEY_RTP_PAYLOAD_H

#include "base/buf.h"
#include "base/bytes.h"

typedef enum { RTP_OPUS, RTP_PCMU, RTP_PCMA, RTP_VP8, RTP_VP9, RTP_H264, RTP_AV1 } rtp_codec;
#define RTP_CODECS 7u

/* ---- the codecs ---- */

/* By the encoding name of a=rtpmap, in any case (RFC 4855 3). False, and out untouched, if it is none of these. */
bool rtp_codec_by_name(slice encoding_name, rtp_codec *out);
const char *rtp_codec_name(rtp_codec codec);	/* "opus", "PCMU", "VP8", ...: as browsers write it; static */
uint32_t rtp_codec_clock_rate(rtp_codec codec); /* Hz: 48000 Opus, 8000 G.711, 90000 video */
uint8_t rtp_codec_channels(rtp_codec codec);	/* of the rtpmap: 2 for Opus, 1 for G.711, 0 for video */
bool rtp_codec_is_video(rtp_codec codec);

/* ---- what a frame's own bytes say ---- */

/*
 * Can decoding begin at this frame? Audio: always. VP8, VP9: a key frame. H.264: holds an IDR slice. AV1: holds a
 * sequence header and its first frame is a key frame. Never reads past the frame, whatever the bytes.
 */
bool rtp_frame_is_key(rtp_codec codec, slice frame);

typedef struct {
	uint16_t width,
		height; /* pixels as displayed by default: H.264 after cropping, AV1 and VP9 without render size */
} rtp_dimensions;

/* The picture's size if this frame says it: key frames of VP8 and VP9, H.264 with an SPS, AV1 with a sequence header. */
bool rtp_frame_dimensions(rtp_codec codec, slice frame, rtp_dimensions *out);

/* ---- sending ---- */

/* The least max_payload: room for the largest descriptor (VP9 with its scalability structure) and some media. */
#define RTP_PAYLOAD_MIN 64u

/* What the encoder knows of a frame and the bytes do not say. {0} is a good start: one layer, every frame referenced. */
typedef struct {
	bool has_temporal; /* VP8, VP9: send TID and TL0PICIDX (VP9 always sends them) */
	uint8_t tid;	   /* 0..3 for VP8, 0..7 for VP9 */
	bool layer_sync;   /* VP8 Y, VP9 U: depends on the base layer alone */
	bool discardable;  /* VP8 N: no frame depends on it */
} rtp_frame_hints;

/*
 * Cuts frames of one stream (one SSRC) into payloads of at most max_payload bytes. A plain struct, nothing to free; the
 * fields are for reading only. Begin with rtp_packetizer_init.
 */
typedef struct {
	rtp_codec codec;
	size_t max_payload;
	bool single_nal_only; /* H.264 packetization-mode=0 (RFC 6184 6.2) */
	uint16_t picture_id;  /* VP8, VP9: of the frame in work, or of the next; 15 bits, wraps */
	uint8_t tl0picidx;    /* VP8, VP9: of the last frame of temporal layer 0 */
	/* the frame in work */
	bool busy;  /* payloads are left */
	bool first; /* none was given yet */
	bool key;
	rtp_frame_hints hints;
	rtp_dimensions size; /* VP9 key frames: for the scalability structure */
	slice frame;
	size_t pos;	 /* the next byte to send; H.264 and AV1: where the NAL unit or OBU in work begins */
	size_t unit_len; /* H.264: of that NAL unit */
	size_t taken;	 /* H.264, AV1: how much of it went out in fragments */
} rtp_packetizer;

/*
 * picture_id: where VP8's and VP9's picture ids begin; should be random (RFC 7741 4.2), only 15 bits are used.
 * PARLEY_EINVAL if max_payload < RTP_PAYLOAD_MIN.
 */
int rtp_packetizer_init(rtp_packetizer *p, rtp_codec codec, size_t max_payload, uint16_t picture_id);
/* H.264 only: with mode 0 a NAL unit larger than max_payload cannot be sent; the default is mode 1. */
void rtp_packetizer_set_mode(rtp_packetizer *p, unsigned packetization_mode);
/* For a path MTU or header extensions that changed; between frames. PARLEY_ESTATE inside one, PARLEY_EINVAL. */
int rtp_packetizer_set_max_payload(rtp_packetizer *p, size_t max_payload);

/*
 * Takes up a frame, borrowed until rtp_packetizer_next has returned false. hints may be NULL. A frame still in work is
 * dropped: what is left of it never goes out. PARLEY_EINVAL: empty, or not what the codec's bytes look like (no NAL unit,
 * OBU sizes that do not add up); PARLEY_EMSGSIZE: audio larger than a payload, or a NAL unit is in mode 0.
 */
int rtp_packetizer_start(rtp_packetizer *p, slice frame, const rtp_frame_hints *hints);
/*
 * Appends the next payload to out, which must have room for max_payload bytes. *marker: it is the frame's last one and the
 * RTP header's M bit is to be set (for audio it is false: there M means the start of a talkspurt, the caller's business).
 * The header comes first in memory and M is known only now: leave its room and write it behind, or set the bit then.
 * False: nothing is left, nothing was written; or out was too small (out->bad).
 */
bool rtp_packetizer_next(rtp_packetizer *p, writer *out, bool *marker);

/* ---- receiving: what one payload says ---- */

/* VP9: pictures that a picture refers to (RFC 9628 4.2, P_DIFF in flexible mode). */
#define RTP_VP9_REFERENCES_MAX 3u

typedef struct {
	bool starts_frame; /* a frame begins here for certain: VP8 and VP9 S and B bits; H.264 AUD or SPS; AV1 N bit; audio */
	bool may_start; /* or possibly: H.264 and AV1 do not send it; the packet before (marker, timestamp) decides */
	/* A key frame begins here, or (H.264) an IDR slice does: for AV1 and H.264 only the whole frame is proof. */
	bool key;
	bool parameter_sets; /* H.264: holds an SPS or PPS */
	bool discardable; /* VP8 N; VP9: not a reference for upper spatial layers (Z); H.264: nal_ref_idc is 0 throughout */
	bool has_picture_id;
	bool has_tl0picidx;
	bool has_tid;
	bool has_sid;
	bool has_keyidx;	 /* VP8 */
	bool layer_sync;	 /* VP8 Y; VP9 U: switching up point. Only with has_tid */
	bool inter_predicted;	 /* VP9 P: refers to an earlier picture */
	bool inter_layer;	 /* VP9 D: refers to the spatial layer below */
	bool flexible;		 /* VP9 F */
	bool layer_begins;	 /* VP9 B */
	bool layer_ends;	 /* VP9 E */
	uint8_t picture_id_bits; /* 7 or 15 */
	uint16_t picture_id;
	uint8_t tl0picidx;
	uint8_t tid;
	uint8_t sid;
	uint8_t keyidx;
	uint8_t references; /* VP9 flexible mode: how many of p_diff */
	uint8_t p_diff[RTP_VP9_REFERENCES_MAX];
	rtp_dimensions
		size; /* of a key frame, where has_size: VP8; VP9 from its scalability structure (highest layer) */
	bool has_size;
	slice media; /* the payload behind its descriptor: VP8 and VP9 frame bytes, audio; H.264 and AV1: all of the payload */
} rtp_payload_info;

/* Reads one payload. PARLEY_EPROTO: malformed, or a kind that is not negotiable here; out is then meaningless. */
int rtp_payload_parse(rtp_codec codec, slice payload, rtp_payload_info *out);

/* ---- receiving: payloads to a frame ---- */

/* The limits on what a hostile peer can make of one frame. */
#define RTP_VP9_LAYERS_MAX 8u /* frames in a superframe (VP9 bitstream, Annex B) */

/* Puts one frame together from all its payloads in order. A plain struct; the bytes are in the caller's buf. */
typedef struct {
	rtp_codec codec;
	buf *out;
	bool fragment;	    /* H.264: inside an FU-A; AV1: the last OBU element goes on in the next packet */
	size_t fragment_at; /* where in out that unit begins (H.264: behind its start code) */
	uint8_t fragment_header;
	uint8_t layers; /* VP9: layer frames so far, and where each ends */
	size_t layer_end[RTP_VP9_LAYERS_MAX];
} rtp_depacketizer;

/* Begins a frame; out is emptied and its limit is the largest frame. */
void rtp_depacketizer_start(rtp_depacketizer *d, rtp_codec codec, buf *out);
/*
 * Adds the next payload. PARLEY_EPROTO: malformed, or a fragment that does not go on with the one before; PARLEY_ELIMIT: larger
 * than out's limit; PARLEY_ENOMEM. After an error the frame is lost.
 */
int rtp_depacketizer_add(rtp_depacketizer *d, slice payload);
/* After the frame's last payload: out holds the frame. PARLEY_EPROTO if a fragment is unfinished or there is nothing. */
int rtp_depacketizer_finish(rtp_depacketizer *d);

/* ---- H.264 parameter sets ---- */

/* RFC 6184 8.1 lets SPS and PPS travel in SDP or once at the start: they are remembered to be put in front of an IDR. */
#define RTP_H264_SETS_MAX 8u	    /* sets remembered; further ones push out the oldest */
#define RTP_H264_SET_BYTES_MAX 256u /* a longer one is not remembered */

typedef struct {
	size_t count;
	struct {
		uint16_t len;
		uint8_t nal[RTP_H264_SET_BYTES_MAX];
	} sets[RTP_H264_SETS_MAX];
} rtp_h264_sets;

/* Remembers a NAL unit (without start code) if it is an SPS or PPS; a newer one of the same type and id replaces the older. */
void rtp_h264_sets_add(rtp_h264_sets *sets, slice nal);
/* Those in an RTP payload that holds them whole (single NAL unit or STAP-A). */
void rtp_h264_sets_learn(rtp_h264_sets *sets, slice payload);
/*
 * A frame with an IDR slice that lacks an SPS or a PPS gets those remembered in front (behind an access unit delimiter).
 * PARLEY_ENOTFOUND if it then still lacks one: no decoder can begin here; PARLEY_ELIMIT, PARLEY_ENOMEM.
 */
int rtp_h264_sets_restore(const rtp_h264_sets *sets, buf *frame);

#endif
