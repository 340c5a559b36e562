/*
 * rtp/session_internal.h: one RTP session as its own files see it.
 *
 *   session.c           life, configuration, the verbs, events
 *   session_transmit.c  what leaves: RTCP first, then what the pacer lets go; encryption; the bandwidth estimate's wiring
 *   session_receive.c   datagrams in: decryption, and whose packet it is (RFC 8843 9.2)
 *   session_rtcp.c      RTCP in: reports, feedback
 *   session_stats.c     statistics, invariants, dump
 *   sender.c            senders: configuration, frames into packets
 *   rtx.c               retransmission and padding by senders (RFC 4588)
 *   receiver.c          receivers: configuration, which stream is given out
 *   receiver_stream.c   one received source: sequence numbers, RTX, holes, frames
 *   report.c            RTCP out: reports, feedback, BYE; when
 */
#ifndef PARLEY_RTP_SESSION_INTERNAL_H
#define PARLEY_RTP_SESSION_INTERNAL_H

#include "base/list.h"
#include "base/rng.h"
#include "base/time.h"
#include "rtp/frames.h"
#include "rtp/gcc.h"
#include "rtp/history.h"
#include "rtp/jitter.h"
#include "rtp/nack.h"
#include "rtp/pacer.h"
#include "rtp/packet.h"
#include "rtp/rtcp.h"
#include "rtp/rtcp_feedback.h"
#include "rtp/rtcp_xr.h"
#include "rtp/session.h"
#include "rtp/srtp.h"
#include "rtp/twcc.h"

#define RTP_DATAGRAM_MAX 2048u /* larger ones are no RTP of a browser's (RTP_SESSION_MTU_MAX) */
#define RTP_RTT_DEFAULT_US 100000u
#define RTP_BYES_MAX 64u
#define RTP_DLRRS_MAX 8u			       /* receivers whose reference time is echoed; the oldest goes */
#define RTP_KEY_EVENT_US 100000u		       /* PLIs closer together than this ask for the same key frame */
#define RTP_KEY_PATIENCE_US 500000u		       /* a key frame that is under way is waited for so long */
#define RTP_RETRANSMIT_FLOOR_BPS 100000u	       /* of the budget */
#define RTP_RETRANSMIT_BURST_BYTES 60000u	       /* saved up at most, or a second of the budget */
#define RTP_LAYER_SILENT_US 1000000u		       /* simulcast: another layer takes over */
#define RTP_SENDER_SILENT_US (UINT64_C(10) * US_PER_S) /* then RRs instead of SRs (RFC 3550 6.4) */
#define RTP_PADDING_PACKET 250u			       /* bytes of a packet of nothing but padding */
#define RTP_TARGET_STEP 40u			       /* TARGET_BITRATE when it moved by 1/40 */

/* One packet that waits in the pacer; its handle is the pointer. */
typedef struct {
	list_node node; /* of rtp_session.waiting */
	rtp_sender_id sender;
	bool rtx; /* its own SSRC and sequence numbers */
	bool retransmission, padding;
	bool again;	   /* data are encrypted bytes that were sent before */
	bool has_sequence; /* else it gets one when it leaves, so that what the pacer throws away leaves no hole */
	bool last_of_frame;
	bool after_hole; /* something was left out before it: so is a sequence number, so that it shows */
	size_t payload;	 /* bytes of len that are payload */
	size_t len;
	uint8_t data[];
} rtp_outgoing;

typedef struct {
	rtp_sender_id id;
	rtp_sender_config config;
	rtp_packetizer packetizer;
	bool packetizer_ready;
	uint32_t timestamp_offset;
	uint16_t sequence, first_sequence, rtx_sequence;
	bool has_raw_offset;
	uint16_t raw_offset; /* ours - the caller's, of raw packets */
	bool raw_last;
	bool in_frame;	   /* the last packet that left was not the last of its frame */
	bool hole;	   /* after the last packet in the pacer something was left out */
	bool sent_any;	   /* with this SSRC: it is owed a BYE */
	bool acknowledged; /* a report block came: the peer knows the SSRC, mid and rid need not be repeated */
	bool key_wanted;   /* event */
	bool has_key_event;
	uint64_t key_event_at, last_sent_at;
	bool has_fir;
	uint8_t fir_sequence;
	uint32_t fir_sender;
	rtp_history history;
	uint16_t padding_next; /* which packet of the history serves as the next padding */
	/* the mapping of timestamps to time, for SRs */
	bool has_clock;
	uint32_t clock_timestamp;
	uint64_t clock_time;
	/* for SRs: without retransmissions */
	uint32_t sr_packets, sr_bytes;
	uint64_t frame_bytes;	 /* mean, for huge frames */
	uint32_t report_highest; /* of the last report block */
	uint64_t report_sent;	 /* our NTP time that it answered */
	rtp_outbound_stats stats;
} rtp_sender;

typedef struct rtp_receiver rtp_receiver;

typedef struct {
	rtp_receiver *receiver;
	uint32_t ssrc, rtx_ssrc;
	bool has_rtx;
	char rid[RTP_SESSION_ID_MAX];
	bool announce, ended, drain; /* ACTIVE, STREAM_ENDED are owed; frames may be ready */
	uint64_t created;
	/* sequence numbers; extended ones start at RTP_EXTENDED_START + the first */
	rtp_unwrapper sequences;
	int64_t first, highest;
	bool has_codec;
	rtp_codec codec;
	uint8_t payload_type;
	rtp_frames frames;
	rtp_nack nack;
	rtp_jitter jitter;
	uint64_t original; /* packets received that were not retransmissions by RTX: RFC 3550's "received" */
	uint64_t expected_prior, received_prior;
	/* the last SR */
	bool has_sr;
	uint64_t sr_ntp, sr_at;
	uint32_t sr_timestamp;
	/* key frames */
	bool key_asked; /* by the owner */
	bool has_key_request;
	uint64_t key_request_at, key_started_at;
	uint8_t fir_sequence;
	uint32_t area; /* of the last key frame, for the choice of a layer */
	uint64_t last_frame_at;
	rtp_inbound_stats stats;
} rtp_stream;

struct rtp_receiver {
	rtp_receiver_id id;
	rtp_receiver_config config;
	bool key_asked; /* before there was a stream */
	rtp_stream *streams[RTP_SESSION_STREAMS_MAX];
	size_t stream_count;
	rtp_stream *current;
};

/* A PACKET event that waits. */
typedef struct {
	list_node node;
	rtp_receiver_id receiver;
	uint32_t ssrc;
	char rid[RTP_SESSION_ID_MAX];
	rtp_codec codec;
	uint32_t timestamp;
	uint64_t arrival;
	size_t len;
	uint8_t data[];
} rtp_waiting_packet;

typedef struct {
	uint32_t ssrc, last_rr;
	uint64_t at;
} rtp_reference;

struct rtp_session {
	rtp_session_config config;
	trace *trace;
	rtp_crypto *crypto;
	uint16_t profile;
	bool closed;
	uint32_t ssrc;
	uint32_t next_id;
	uint64_t now; /* of the last input */

	rtp_sender *senders[RTP_SESSION_SENDERS_MAX];
	size_t sender_count;
	rtp_receiver *receivers[RTP_SESSION_RECEIVERS_MAX];
	size_t receiver_count;
	rtp_extension_map receive_map; /* of all receivers together (RFC 8843 8) */

	/* out */
	rtp_pacer pacer;
	list_node waiting; /* rtp_outgoing in the pacer */
	uint64_t retransmit_tokens, retransmit_at;
	uint32_t byes[RTP_BYES_MAX];
	size_t bye_count;

	/* estimation */
	gcc gcc;
	twcc_sender twcc_sender;
	twcc_receiver twcc_receiver;
	bool twcc_wanted; /* a receiver negotiated it */
	uint32_t last_media_ssrc;
	bool has_rtt;
	uint64_t rtt_us;
	uint64_t target_told; /* the last TARGET_BITRATE */
	/* what of the target is not for video: audio and retransmissions, bytes of this and the last second */
	uint64_t other_at, other_bytes, other_bps;
	/* REMB of ours */
	uint64_t remb_bps, remb_at, remb_bytes, remb_lost, remb_expected;

	/* reports */
	uint64_t report_at; /* TIME_NEVER: nothing to report on yet */
	size_t report_turn, block_turn;
	bool reported;
	rtp_reference references[RTP_DLRRS_MAX];
	size_t reference_count;

	/* events */
	bool events_possible;
	list_node packets; /* rtp_waiting_packet */
	size_t packet_count;
	rtp_waiting_packet *polled;

	rtp_session_stats stats;
	uint8_t scratch[RTP_DATAGRAM_MAX]; /* a received datagram while it is decrypted */
};

#define RTP_EXTENDED_START (INT64_C(1) << 32) /* so that what precedes the first is positive too */

/* session.c */
rtp_sender *session_sender(const rtp_session *s, rtp_sender_id id);
rtp_receiver *session_receiver(const rtp_session *s, rtp_receiver_id id);
rtp_sender *session_sender_of_ssrc(const rtp_session *s, uint32_t ssrc); /* RTX SSRCs are not looked at */
bool session_ssrc_in_use(const rtp_session *s, uint32_t ssrc, rtp_sender_id except);
uint64_t session_ntp(const rtp_session *s, uint64_t now);
uint64_t session_rtt(const rtp_session *s); /* or a guess */
void session_measured_rtt(rtp_session *s, uint64_t sample);
void session_bye(rtp_session *s, uint32_t ssrc);
void session_start_reports(rtp_session *s, uint64_t now);

/* session_transmit.c */
size_t session_overhead(const rtp_session *s); /* SRTP's, bytes */
/* Takes over the packet, also if it fails. */
int transmit_enqueue(rtp_session *s, uint64_t now, rtp_outgoing *o, rtp_pacer_priority priority);
void transmit_drop(rtp_session *s, rtp_sender_id sender); /* 0: all */
uint64_t transmit_target(const rtp_session *s);		  /* bps, for video */
void transmit_estimated(rtp_session *s, uint64_t now);	  /* after each input of the estimator */
uint64_t transmit_deadline(const rtp_session *s);
bool transmit_poll(rtp_session *s, uint64_t now, packet *out);
void transmit_demand(rtp_session *s, uint64_t now); /* senders came or went */

/* session_receive.c */
bool session_known_ssrc(const rtp_session *s, uint32_t ssrc, rtp_receiver **receiver, rtp_stream **stream, bool *rtx);

/* session_rtcp.c */
void rtcp_receive(rtp_session *s, uint64_t now, slice plain);

/* sender.c */
int sender_prepare(rtp_session *s, rtp_sender *sender); /* after the MTU changed */
void sender_free(rtp_session *s, rtp_sender *sender);
/* The header and extensions of a packet that is to leave. */
int sender_write_header(const rtp_sender *sender, writer *w, rtp_packet *p, const rtp_extensions *more, bool rtx);
rtp_pacer_priority sender_priority(const rtp_sender *sender);
/* What of the frame that is leaving has not left never will: the hole in the sequence numbers tells the receiver. */
void sender_cut_frame(rtp_sender *sender);
void sender_want_key(rtp_session *s, uint64_t now, rtp_sender *sender);

/* rtx.c */
void rtx_requested(rtp_session *s, uint64_t now, rtp_sender *sender, const uint16_t *sequences, size_t count);
/* A packet of about size bytes for a probe. NULL: none can be made. */
rtp_outgoing *rtx_padding(rtp_session *s, uint64_t now);

/* receiver.c */
rtp_stream *receiver_stream(rtp_receiver *r, uint32_t ssrc);
/* NULL: out of memory, or too many. */
rtp_stream *receiver_add_stream(rtp_session *s, uint64_t now, rtp_receiver *r, uint32_t ssrc, slice rid);
void receiver_remove_stream(rtp_receiver *r, rtp_stream *stream);
void receiver_free(rtp_receiver *r);
void receiver_refresh(rtp_session *s); /* what all receivers' configurations together say */
const rtp_receive_codec *receiver_codec(const rtp_receiver *r, uint8_t payload_type, bool *rtx);
bool receiver_gives_out(rtp_receiver *r, const rtp_stream *stream, const rtp_frame *frame, uint64_t now);

/* receiver_stream.c */
void stream_receive(rtp_session *s, uint64_t now, rtp_stream *stream, const rtp_packet *p, const rtp_extensions *x,
		    slice whole);
void stream_receive_rtx(rtp_session *s, uint64_t now, rtp_stream *stream, const rtp_packet *p, const rtp_extensions *x);
void stream_timeout(rtp_session *s, uint64_t now, rtp_stream *stream);
uint64_t stream_deadline(const rtp_session *s, const rtp_stream *stream);
bool stream_poll_frame(rtp_session *s, rtp_stream *stream, rtp_session_event *event);
uint64_t stream_rtt(const rtp_session *s, const rtp_stream *stream);
/* When a key frame is to be asked for; TIME_NEVER: not. */
uint64_t stream_key_deadline(const rtp_session *s, const rtp_stream *stream);
uint64_t stream_expected(const rtp_stream *stream); /* RFC 3550 A.3 */
uint32_t stream_clock_rate(const rtp_stream *stream);
bool stream_nacks(const rtp_stream *stream);
void stream_free(rtp_stream *stream);

/* report.c */
uint64_t report_deadline(const rtp_session *s);
/* Plain RTCP into out, if something is due. */
bool report_poll(rtp_session *s, uint64_t now, packet *out);
void report_schedule(rtp_session *s, uint64_t now);

#endif
