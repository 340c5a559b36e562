/*
 * parley/media.h: audio and video of a peer connection that does no I/O: transceivers, frames and packets (W3C webrtc-pc 5).
 *
 * Parley encodes and decodes nothing. What goes in and comes out is either whole encoded frames, which it packetizes, paces,
 * repairs (NACK, RTX) and puts together again, or RTP packets of the caller's own making. How fast to encode it says with
 * PARLEY_EVENT_TARGET_BITRATE, when to make a key frame with PARLEY_EVENT_KEY_FRAME_REQUEST.
 *
 * The rhythm, ownership and errors are those of parley/core.h; so are the events' lifetimes.
 */
#ifndef PARLEY_MEDIA_H
#define PARLEY_MEDIA_H

#include "parley/types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct parley_core;

typedef enum { PARLEY_AUDIO, PARLEY_VIDEO } parley_media_kind;

/* RTCRtpTransceiverDirection */
typedef enum {
	PARLEY_INACTIVE = 0,
	PARLEY_SENDONLY = 1,
	PARLEY_RECVONLY = 2,
	PARLEY_SENDRECV = 3,
	PARLEY_STOPPED = 4,
} parley_direction;

/* The payload formats. A frame is: an Opus packet; G.711 bytes; a VP8 or VP9 frame; an H.264 access unit in Annex B form
 * (start codes; SPS and PPS before each key frame); an AV1 temporal unit in low-overhead form (OBUs with sizes). */
typedef enum {
	PARLEY_CODEC_NONE,
	PARLEY_OPUS,
	PARLEY_PCMU,
	PARLEY_PCMA,
	PARLEY_VP8,
	PARLEY_VP9,
	PARLEY_H264,
	PARLEY_AV1,
} parley_codec;

const char *parley_codec_name(parley_codec codec);    /* "opus", "PCMU", "VP8", ... as in SDP; "none" */
parley_codec parley_codec_by_name(const char *name);  /* without regard to case; PARLEY_CODEC_NONE: unknown */
uint32_t parley_codec_clock_rate(parley_codec codec); /* of its RTP timestamps, Hz */
const char *parley_direction_name(parley_direction direction);

#define PARLEY_TRANSCEIVERS_MAX 32u
#define PARLEY_CODECS_MAX 8u
#define PARLEY_FRAME_MAX (4u << 20) /* bytes of one encoded frame */

typedef uint32_t parley_transceiver; /* a handle, unique for the life of the connection; 0 is none */

typedef struct {		    /* RTCRtpTransceiverInit and setCodecPreferences */
	parley_direction direction; /* default sendrecv */
	parley_codec
		codecs[PARLEY_CODECS_MAX]; /* the best first, up to the first NONE; all NONE: all that fit the kind */
	const char *stream_id, *track_id;  /* of what is sent (msid); NULL: made up */
} parley_transceiver_init;

void parley_transceiver_init_default(parley_transceiver_init *init);

/*
 * W3C addTransceiver. PARLEY_EVENT_NEGOTIATION_NEEDED follows: it takes part from the next offer or answer on. A remote offer's
 * section without a match makes a recvonly transceiver of its own, announced by PARLEY_EVENT_TRANSCEIVER; one that was added here
 * before, of the same kind and not yet negotiated, is matched to it (JSEP 5.10). init NULL: the defaults.
 */
int parley_core_add_transceiver(struct parley_core *core, uint64_t now, parley_media_kind kind,
				const parley_transceiver_init *init, parley_transceiver *out);

/* Wanted from the next negotiation on. PARLEY_STOPPED is for good. */
int parley_core_set_direction(struct parley_core *core, uint64_t now, parley_transceiver handle,
			      parley_direction direction);

typedef struct {
	parley_media_kind kind;
	parley_direction direction;	    /* wanted */
	parley_direction current_direction; /* negotiated; PARLEY_INACTIVE before */
	char mid[32];			    /* "" before it is negotiated */
	parley_codec send_codec;	    /* what the peer prefers of what we can; NONE when not sending */
	uint32_t ssrc;			    /* of what we send */
	char remote_stream_id[65], remote_track_id[65];
} parley_transceiver_info;

int parley_core_transceiver_info(const struct parley_core *core, parley_transceiver handle,
				 parley_transceiver_info *out);

/* One encoded frame to send. */
typedef struct {
	const uint8_t *data;
	size_t len;
	uint32_t rtp_timestamp; /* when it was captured, in units of the codec's clock; the caller's own zero */
	uint64_t capture_time;	/* the same moment as `now` counts, for sender reports; 0: the `now` of the call */
	bool key_frame;		/* found out by itself for all codecs; true forces */
} parley_frame;

/* In the codec that was negotiated (parley_transceiver_info.send_codec). Copied. PARLEY_ESTATE: not sending now; PARLEY_EMSGSIZE;
 * PARLEY_ELIMIT: the pacer's queue is full, the frame is dropped: encode less (and a key frame next). */
int parley_core_send_frame(struct parley_core *core, uint64_t now, parley_transceiver handle,
			   const parley_frame *frame);

/* A whole RTP packet of the caller's own: its payload is sent, with marker, timestamp and sequence steps kept; payload type, SSRC and
 * header extensions become those negotiated. PARLEY_EINVAL: it is none. */
int parley_core_send_rtp(struct parley_core *core, uint64_t now, parley_transceiver handle, const uint8_t *data,
			 size_t len);

/* PLI (or FIR) to the sender of what the transceiver receives; at most one every 200 ms goes out. */
int parley_core_request_key_frame(struct parley_core *core, uint64_t now, parley_transceiver handle);

/* The bounds of the bandwidth estimate, bits per second, 0: the default (30 kbit/s, 300 kbit/s, 20 Mbit/s). */
int parley_core_set_bitrate(struct parley_core *core, uint64_t now, uint64_t min_bps, uint64_t start_bps,
			    uint64_t max_bps);

/* Whether received media come as PARLEY_EVENT_FRAME (the default) or, one by one as they arrive, as PARLEY_EVENT_RTP. */
int parley_core_receive_packets(struct parley_core *core, parley_transceiver handle, bool packets);

/* --- what the events of core.h hold for media --- */

typedef struct { /* PARLEY_EVENT_TRANSCEIVER: negotiated anew: a track came (W3C `track`), went, or changed direction */
	parley_transceiver transceiver;
	parley_transceiver_info info;
} parley_transceiver_event;

typedef struct { /* PARLEY_EVENT_FRAME */
	parley_transceiver transceiver;
	parley_codec codec;
	const uint8_t *data;
	size_t len;
	uint32_t rtp_timestamp;
	uint64_t arrival_time; /* of its last packet, as `now` counts */
	bool key_frame;	       /* video: decoding can begin here; audio: always */
	uint32_t lost_before;  /* packets that never came between the last frame and this */
} parley_frame_event;

typedef struct { /* PARLEY_EVENT_RTP */
	parley_transceiver transceiver;
	const uint8_t *data; /* header and payload, decrypted */
	size_t len;
} parley_rtp_event;

typedef struct { /* PARLEY_EVENT_TARGET_BITRATE: what all video that is sent may need together */
	uint64_t bps;
} parley_bitrate_event;

/* W3C getStats() as a JSON array of its dictionaries (RTCStats: inbound-rtp, outbound-rtp, remote-inbound-rtp, remote-outbound-rtp,
 * codec, transport, candidate-pair, local-candidate, remote-candidate, certificate, data-channel, peer-connection), with the W3C's
 * names and units. *json is malloc'ed; parley_free it. */
int parley_core_get_stats_json(const struct parley_core *core, uint64_t now, char **json);

#ifdef __cplusplus
}
#endif
#endif
