/*
 * rtp/session.h: all RTP and RTCP of one BUNDLE transport (RFC 8843, RFC 3550, RFC 4585, RFC 8834), with SRTP inside: senders
 * that cut frames into packets, pace them and repeat what was lost; receivers that find whose packet it is, ask for
 * what is missing, and give whole frames in order; reports, feedback, bandwidth estimation.
 *
 * Not here: encoders, SDP (the owner translates it into the configs below), DTLS (it brings the keys), sockets, clocks.
 *
 * The verbs: rtp_session_receive, _timeout, _deadline, _poll_transmit, _poll_event. After each call that takes `now` the owner
 * drains events and transmit until both are empty, then arms a timer for rtp_session_deadline. Time is monotonic microseconds
 * and must not go backwards. Created without keys; until rtp_session_set_keys nothing is sent, send_frame says PARLEY_ESTATE,
 * and what is received is dropped and counted.
 *
 * Typical wiring, per m= section of an answered offer: sends -> add_sender once, then update_sender at each renegotiation;
 * receives -> add_receiver, update_receiver. A direction that goes away: config.active = false (statistics stay), or remove.
 */
#ifndef PARLEY_RTP_SESSION_H
#define PARLEY_RTP_SESSION_H

#include "base/bytes.h"
#include "base/text.h"
#include "base/time.h"
#include "base/trace.h"
#include "parley/types.h"
#include "rtp/extension.h"
#include "rtp/payload.h"

/* What the owner may add. */
#define RTP_SESSION_SENDERS_MAX 32u
#define RTP_SESSION_RECEIVERS_MAX 32u
#define RTP_SESSION_CODECS_MAX 32u /* payload types per receiver, RTX not counted */
#define RTP_SESSION_SOURCES_MAX 8u /* SSRCs per receiver that SDP names */
#define RTP_SESSION_RIDS_MAX 8u
#define RTP_SESSION_ID_MAX 32u	  /* bytes of a mid or rid with its NUL; RFC 8852 3.1, and what SDP takes */
#define RTP_SESSION_CNAME_MAX 64u /* with its NUL */

/* What a remote can make grow, and how far. rtp/frames.h limits what one stream holds; rtp/nack.h what is asked for. */
#define RTP_SESSION_STREAMS_MAX 8u /* SSRCs alive per receiver; a new one pushes out the longest silent, once that is */
#define RTP_SESSION_STREAM_IDLE_US (UINT64_C(2) * US_PER_S) /* silent for as long as this */
#define RTP_SESSION_PACKETS_MAX 512u	/* PACKET events waiting; further ones are dropped and counted */
#define RTP_SESSION_SEQUENCE_JUMP 4096u /* further ahead: a new beginning; further behind: dropped (RFC 3550 A.1) */
#define RTP_SESSION_RETRANSMIT_SHARE 2u /* retransmissions take at most 1/2 of the target bitrate (NACK floods) */

/* Bytes of a datagram that leaves here, SRTP's included; minus IP and UDP of 1280 (RFC 8834 has no number; browsers: 1200). */
#define RTP_SESSION_MTU_DEFAULT 1200u
#define RTP_SESSION_MTU_MIN 300u
#define RTP_SESSION_MTU_MAX 1500u

/* Reports: about once a second when there is video, else 5 s (RFC 3550 6.2, the reduced minimum), times 0.5 .. 1.5. */
#define RTP_SESSION_REPORT_VIDEO_US US_PER_S
#define RTP_SESSION_REPORT_AUDIO_US (UINT64_C(5) * US_PER_S)
#define RTP_SESSION_KEY_REQUEST_US (UINT64_C(200) * US_PER_MS) /* PLI or FIR for a stream at most this often */
#define RTP_SESSION_WAIT_MAX_US (UINT64_C(500) * US_PER_MS)    /* a hole is waited for no longer than this */

typedef struct rtp_session rtp_session;
typedef uint32_t rtp_sender_id;	  /* unique for the session's life; 0 is none */
typedef uint32_t rtp_receiver_id; /* the same */

typedef struct {
	parley_random random; /* sequence numbers, timestamp offsets, picture ids, report intervals */
	struct trace *trace;  /* may be NULL */
	size_t mtu;
	char cname[RTP_SESSION_CNAME_MAX]; /* of all we send, as in a=ssrc:... cname (RFC 8834 4.9); "" is made up */
	uint32_t ssrc;			   /* who reports while there is no sender; 0: random */
	/* The wall clock: at monotonic `now` it was unix_time_us since 1970. For the NTP times of reports. */
	uint64_t now, unix_time_us;
	uint64_t min_bps, start_bps, max_bps; /* bounds of the bandwidth estimate; 0: the default (parley/media.h) */
} rtp_session_config;

void rtp_session_config_default(rtp_session_config *config); /* random is left zero: the owner sets it */

/* PARLEY_EINVAL, PARLEY_ENOMEM, or the random source's error. *out is written on success only. */
int rtp_session_create(const rtp_session_config *config, rtp_session **out);
void rtp_session_destroy(rtp_session *s); /* NULL is fine. Sends nothing. */

/*
 * profile (rtp_crypto_profile, as use_srtp negotiated it) and the exporter's bytes (rtp/srtp.h says how many); copied.
 * client: our role in DTLS. Once; again (a new DTLS connection) begins with fresh SRTP contexts. Errors of rtp_crypto_create, and the
 * old keys, if any, stay.
 */
int rtp_session_set_keys(rtp_session *s, uint64_t now, unsigned profile, slice keying, bool client);
bool rtp_session_has_keys(const rtp_session *s);
int rtp_session_set_mtu(rtp_session *s, size_t mtu); /* PARLEY_EINVAL */
/* 0: the default. PARLEY_EINVAL: not min <= start <= max. */
int rtp_session_set_bitrate(rtp_session *s, uint64_t now, uint64_t min_bps, uint64_t start_bps, uint64_t max_bps);
/* A BYE for every source that has sent; afterwards only poll_transmit, statistics and destroy make sense. */
void rtp_session_close(rtp_session *s, uint64_t now);

/* What a=rtcp-fb, a=rtcp-rsize and a=rtcp-xr of a section agreed on; for a sender what we obey, for a receiver what we send. */
typedef struct {
	bool nack, pli, fir;
	bool transport_cc, remb;
	bool reduced_size; /* a=rtcp-rsize */
	bool receiver_rtt; /* a=rtcp-xr:rcvr-rtt */
} rtp_feedback_flags;

/* ---- senders ---- */

typedef struct {
	bool active; /* false: nothing is sent, send_frame says PARLEY_ESTATE; a BYE leaves when it turns false */
	uint32_t ssrc;
	bool has_rtx; /* RFC 4588; else a lost packet is sent again as it was, if nack */
	uint32_t rtx_ssrc;
	uint8_t payload_type, rtx_payload_type;
	rtp_codec codec;
	bool single_nal; /* H.264 packetization-mode=0 */
	char mid[RTP_SESSION_ID_MAX];
	char rid[RTP_SESSION_ID_MAX]; /* "": none */
	rtp_extension_map extensions; /* as the peer expects them */
	rtp_feedback_flags feedback;
	bool has_first_sequence; /* for tests; else random. Only at add */
	uint16_t first_sequence;
} rtp_sender_config;

void rtp_sender_config_default(rtp_sender_config *config); /* active, all else zero */

/* PARLEY_EINVAL: ssrc, payload types, ids out of range or in use by another; PARLEY_ELIMIT; PARLEY_ENOMEM. */
int rtp_session_add_sender(rtp_session *s, uint64_t now, const rtp_sender_config *config, rtp_sender_id *out);
/* Everything may change, also codec and payload type (sequence numbers go on). A changed SSRC is a BYE and a new source. */
int rtp_session_update_sender(rtp_session *s, uint64_t now, rtp_sender_id id, const rtp_sender_config *config);
/* With BYE, if it ever sent. PARLEY_ENOTFOUND. */
int rtp_session_remove_sender(rtp_session *s, uint64_t now, rtp_sender_id id);

typedef struct {
	slice data;		/* one frame, as rtp/payload.h says */
	uint32_t rtp_timestamp; /* the codec's clock, the caller's zero: a random offset is added (RFC 3550 5.1) */
	uint64_t capture_time;	/* the same moment as `now` counts; 0: now */
	bool key;		/* found out by itself; true forces */
	bool has_audio_level;	/* RFC 6464; sent if the extension was negotiated */
	bool audio_voice;
	uint8_t audio_level;	      /* 0..127: -dBov */
	bool talkspurt;		      /* audio: the first frame after silence (RFC 3551 4.1: marker) */
	uint16_t rotation;	      /* video: 0, 90, 180, 270, sent if not 0 and negotiated */
	rtp_frame_hints const *hints; /* NULL: none */
} rtp_send_frame;

/*
 * Copied. PARLEY_ENOTFOUND; PARLEY_ESTATE: not active, closed, or no keys yet; PARLEY_EINVAL, PARLEY_EMSGSIZE: as
 * rtp_packetizer_start; PARLEY_ELIMIT: the pacer's queue is full: the frame is dropped whole; PARLEY_ENOMEM: part of the frame
 * may go out.
 */
int rtp_session_send_frame(rtp_session *s, uint64_t now, rtp_sender_id id, const rtp_send_frame *frame);

/*
 * An RTP packet of the caller's own: payload, marker, timestamp and steps of the sequence number are kept; payload type,
 * SSRC and extensions become ours (audio level and video orientation are not carried over). PARLEY_EINVAL: it is none. PARLEY_EMSGSIZE:
 * larger than the MTU allows. Else as send_frame.
 */
int rtp_session_send_packet(rtp_session *s, uint64_t now, rtp_sender_id id, slice rtp);

/* ---- receivers ---- */

typedef struct {
	uint8_t payload_type;
	rtp_codec codec;
	bool has_rtx;
	uint8_t rtx_payload_type; /* whose apt is payload_type */
} rtp_receive_codec;

typedef struct {
	uint32_t ssrc;
	bool has_rtx;
	uint32_t rtx_ssrc; /* a=ssrc-group:FID */
} rtp_receive_source;

typedef struct {
	bool active; /* false: its packets are dropped and counted */
	bool video;
	bool packets; /* PACKET events as they arrive, instead of FRAME */
	bool all_layers; /* simulcast: frames of every layer, told apart by ssrc and rid; else only those of the best one */
	char mid[RTP_SESSION_ID_MAX]; /* "": none */
	size_t codec_count;
	rtp_receive_codec codecs[RTP_SESSION_CODECS_MAX];
	size_t source_count; /* 0: found by mid, or by payload type if no other receiver has it (RFC 8843 9.2) */
	rtp_receive_source sources[RTP_SESSION_SOURCES_MAX];
	size_t rid_count; /* a=simulcast:recv, a=rid */
	char rids[RTP_SESSION_RIDS_MAX][RTP_SESSION_ID_MAX];
	rtp_extension_map extensions; /* the same for all sections of a bundle (RFC 8843 8) */
	rtp_feedback_flags feedback;
} rtp_receiver_config;

void rtp_receiver_config_default(rtp_receiver_config *config); /* active, all else zero */

/* PARLEY_EINVAL: out of range, or the mid or an SSRC is another receiver's; PARLEY_ELIMIT; PARLEY_ENOMEM. */
int rtp_session_add_receiver(rtp_session *s, uint64_t now, const rtp_receiver_config *config, rtp_receiver_id *out);
int rtp_session_update_receiver(rtp_session *s, uint64_t now, rtp_receiver_id id, const rtp_receiver_config *config);
int rtp_session_remove_receiver(rtp_session *s, uint64_t now, rtp_receiver_id id);
/* PLI or FIR as negotiated, now or when the last one is RTP_SESSION_KEY_REQUEST_US old. PARLEY_EUNSUPPORTED: neither is. */
int rtp_session_request_key_frame(rtp_session *s, uint64_t now, rtp_receiver_id id);
int rtp_session_receive_packets(rtp_session *s, rtp_receiver_id id, bool packets);

/* ---- the verbs ---- */

/* Is it RTP or RTCP by its first bytes (RFC 7983)? For the owner's demultiplexer. */
bool rtp_session_wants(slice datagram);
/* One datagram as it came, encrypted. What is wrong with it is counted and traced. True: the peer wrote it, and not long ago. */
bool rtp_session_receive(rtp_session *s, uint64_t now, slice datagram);
void rtp_session_timeout(rtp_session *s, uint64_t now); /* too early is harmless */
uint64_t rtp_session_deadline(const rtp_session *s);	/* TIME_NEVER: none */
/* The next datagram, encrypted. False: nothing to send now. Capacity at least the mtu. */
bool rtp_session_poll_transmit(rtp_session *s, uint64_t now, packet *out);

typedef enum {
	RTP_EVENT_ACTIVE,	     /* receiver: the first packet of a source, ssrc, rid */
	RTP_EVENT_FRAME,	     /* receiver */
	RTP_EVENT_PACKET,	     /* receiver; in packet mode */
	RTP_EVENT_STREAM_ENDED,	     /* receiver, ssrc: BYE, or removed for another */
	RTP_EVENT_KEY_FRAME_REQUEST, /* sender */
	RTP_EVENT_TARGET_BITRATE,    /* bps */
} rtp_event_type;

typedef struct {
	rtp_event_type type;
	rtp_sender_id sender;
	rtp_receiver_id receiver;
	uint32_t ssrc;		      /* all events of receivers */
	char rid[RTP_SESSION_ID_MAX]; /* all events of receivers: "" if none */
	rtp_codec codec;	      /* FRAME, PACKET */
	slice data;		      /* FRAME: the frame; PACKET: header and payload, decrypted. Until the next call */
	uint32_t rtp_timestamp;	      /* FRAME, PACKET: as on the wire */
	uint64_t arrival;	      /* FRAME: of its last packet; PACKET */
	bool key;		      /* FRAME */
	uint32_t lost_before;	      /* FRAME: packets that never came since the one before */
	bool has_capture_ntp;	      /* FRAME: a sender report maps its timestamp to the sender's wall clock */
	uint64_t capture_ntp;	      /* 32.32 s, for lip sync */
	uint16_t rotation;	      /* FRAME, video: to be shown turned clockwise by so many degrees */
	bool has_audio_level;	      /* FRAME, audio */
	uint8_t audio_level;
	uint64_t
		bps; /* TARGET_BITRATE: for all video together: the estimate less what audio and retransmissions take */
} rtp_session_event;

bool rtp_session_poll_event(rtp_session *s, rtp_session_event *event);

/* ---- statistics, by the names of W3C webrtc-stats; times in microseconds, bytes of payload unless "header" ---- */

/* outbound-rtp, and remote-inbound-rtp as the peer's last report block said */
typedef struct {
	uint32_t ssrc, rtx_ssrc; /* rtx_ssrc 0: none */
	uint8_t payload_type;
	rtp_codec codec;
	bool active;
	char mid[RTP_SESSION_ID_MAX], rid[RTP_SESSION_ID_MAX];
	uint64_t packets_sent, bytes_sent, header_bytes_sent; /* with retransmissions and probes; padding is no bytes */
	uint64_t retransmitted_packets_sent, retransmitted_bytes_sent; /* because they were asked for */
	uint64_t padding_packets_sent;				       /* probes */
	uint64_t frames_sent, key_frames_sent, huge_frames_sent;
	uint64_t nack_count, pli_count, fir_count; /* received */
	uint64_t nacks_unanswered;	     /* sequence numbers no longer held, asked too often, or over the budget */
	uint64_t total_packet_send_delay_us; /* in the pacer, all packets together */
	uint64_t target_bitrate;	     /* bps */
	uint16_t frame_width, frame_height;  /* of the last key frame that said it; 0: unknown */
	/* remote-inbound-rtp */
	bool has_remote;
	uint64_t remote_at; /* `now` of the report */
	int32_t remote_packets_lost;
	uint8_t remote_fraction_lost; /* 1/256 */
	uint64_t remote_jitter_us;
	uint64_t remote_packets_received;
	bool has_round_trip_time;
	uint64_t round_trip_time_us, total_round_trip_time_us, round_trip_time_measurements;
} rtp_outbound_stats;

/* inbound-rtp, one per SSRC, and remote-outbound-rtp as the peer's last sender report said */
typedef struct {
	uint32_t ssrc, rtx_ssrc; /* rtx_ssrc 0: none */
	uint8_t payload_type;	 /* last seen */
	rtp_codec codec;
	bool current; /* the one whose frames are given out */
	char mid[RTP_SESSION_ID_MAX], rid[RTP_SESSION_ID_MAX];
	uint64_t packets_received, bytes_received, header_bytes_received; /* with retransmissions and probes */
	uint64_t retransmitted_packets_received, retransmitted_bytes_received;
	uint64_t packets_discarded, packets_duplicated; /* late; twice */
	int64_t packets_lost; /* RFC 3550: expected - received; retransmissions do not make it smaller */
	uint64_t jitter_us;
	uint64_t last_packet_at;		   /* `now` */
	uint64_t nack_count, pli_count, fir_count; /* sent: NACK by messages */
	uint64_t frames_received, key_frames_received, frames_dropped, frames_assembled_from_multiple_packets;
	uint16_t frame_width, frame_height;			      /* 0: unknown */
	uint64_t jitter_buffer_delay_us, jitter_buffer_emitted_count; /* from a frame's first packet until given out */
	/* remote-outbound-rtp */
	bool has_remote;
	uint64_t remote_at;  /* `now` of the report */
	uint64_t remote_ntp; /* 32.32 s since 1900: remoteTimestamp */
	uint32_t remote_packets_sent, remote_bytes_sent;
	uint64_t reports_sent;
	bool has_round_trip_time; /* by XR DLRR */
	uint64_t round_trip_time_us, total_round_trip_time_us, round_trip_time_measurements;
} rtp_inbound_stats;

typedef struct {
	uint64_t packets_sent, bytes_sent, packets_received, bytes_received; /* datagrams, encrypted, RTCP too */
	uint64_t dropped_no_keys, dropped_crypto, dropped_malformed,
		dropped_unknown; /* unknown: no receiver's packet */
	uint64_t dropped_limit;
	uint64_t available_outgoing_bitrate; /* the estimate, bps */
	uint64_t available_incoming_bitrate; /* what a REMB of ours said last; 0: none sent */
	bool has_rtt;
	uint64_t rtt_us; /* smoothed, by whatever report measured it */
} rtp_session_stats;

void rtp_session_get_stats(const rtp_session *s, rtp_session_stats *out);
/* PARLEY_ENOTFOUND. */
int rtp_session_get_outbound_stats(const rtp_session *s, rtp_sender_id id, rtp_outbound_stats *out);
/* Streams of a receiver, alive: index 0.. until PARLEY_ENOTFOUND. */
int rtp_session_get_inbound_stats(const rtp_session *s, rtp_receiver_id id, size_t index, rtp_inbound_stats *out);

void rtp_session_check_invariants(const rtp_session *s);
void rtp_session_dump(const rtp_session *s, text *out);

#endif
