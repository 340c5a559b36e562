/*
 * sdp/sdp.h: session descriptions for WebRTC: text to structs and back (RFC 8866), offers and answers (RFC 8829, JSEP).
 *
 * What this is: a description is one sdp_session, a tree of plain structs that may be read freely. What WebRTC
 * gives a meaning is typed (bundle groups, transport, codecs, header extensions, sources, simulcast, data
 * channels); every other line is kept word for word. sdp_print writes one canonical order, so parse -> print ->
 * parse gives the same description and nothing is lost.
 *
 * What it is not: it knows no ICE (candidates are lines of text), no DTLS (a fingerprint is two words), no SCTP. It
 * keeps no signaling state: who offered when is peer/'s business.
 *
 * Ownership: the session owns all memory below it, in one arena; sdp_free frees the lot. Every slice and array in
 * it lives as long (or is static). Slices given to a function are copied. An absent text is the empty slice, since
 * none of these texts may be empty when present; other absences have a flag.
 *
 * Errors: 0, PARLEY_EPROTO (the description is wrong; sdp_error says where and why), PARLEY_ELIMIT (larger than the
 * limits below; sdp_error says which), PARLEY_ENOMEM; others as named. *out is written only on success.
 */
#ifndef PARLEY_SDP_SDP_H
#define PARLEY_SDP_SDP_H

#include "base/buf.h"
#include "base/bytes.h"
#include "parley/types.h"

/* Limits on what a peer may send. A browser's largest offer here is 9 KB with 3 sections. */
#define SDP_TEXT_MAX (256u * 1024u) /* bytes of a description, as text */
#define SDP_SECTIONS_MAX 128u	    /* m= lines of a description */
#define SDP_CANDIDATES_MAX 256u	    /* a=candidate lines of a section */
#define SDP_ERROR_MAX 160u	    /* bytes of an error's text with its NUL; longer ones are cut */

/* RFC 8841 6.1: the max-message-size of a peer that does not say. */
#define SDP_MAX_MESSAGE_SIZE_DEFAULT 65536u
/* RFC 8829 5.2.1: "discard": the port of a section whose candidates are not known yet. */
#define SDP_PORT_DISCARD 9u

/* What is wrong with a description, for people. line counts from 1; 0: the description as a whole. */
typedef struct {
	unsigned line;
	char text[SDP_ERROR_MAX]; /* "line 7: m= has no format", "section 2 (mid 1): no setup" */
} sdp_error;

/* --- what a description is made of --- */

typedef enum { SDP_AUDIO, SDP_VIDEO, SDP_APPLICATION, SDP_OTHER } sdp_kind;

/* RFC 8866 6.7. Two bits, send and receive. */
typedef enum {
	SDP_INACTIVE = 0,
	SDP_SENDONLY = 1,
	SDP_RECVONLY = 2,
	SDP_SENDRECV = 3,
} sdp_direction;

/* RFC 4145 4, RFC 8842. */
typedef enum { SDP_SETUP_NONE, SDP_SETUP_ACTPASS, SDP_SETUP_ACTIVE, SDP_SETUP_PASSIVE, SDP_SETUP_HOLDCONN } sdp_setup;

/* RFC 8122 5. The value's form is checked (pairs of hex digits and colons); its length and digest are for dtls/. */
typedef struct {
	slice algorithm; /* "sha-256"; compare without case */
	slice value;	 /* "F4:17:..." */
} sdp_fingerprint;

typedef struct {
	slice *items;
	size_t count;
} sdp_slices;

/* The attributes that describe an ICE and DTLS transport; they may stand at session or at media level. */
typedef struct {
	slice ufrag, pwd;  /* RFC 8839 5.4 */
	slice ice_options; /* RFC 8839 5.6: words such as "trickle"; see sdp_has_ice_option */
	slice tls_id;	   /* RFC 8842 4 */
	sdp_setup setup;
	sdp_fingerprint *fingerprints;
	size_t fingerprint_count;
} sdp_transport;

/* "IN IP4 0.0.0.0"; empty nettype: no such line. */
typedef struct {
	slice nettype, addrtype, address;
} sdp_connection;

/* A line that is not typed, i.e. i u e p b t r z k and further c= lines; value is what follows "x=". */
typedef struct {
	char type;
	slice value;
} sdp_line;

typedef struct {
	sdp_line *items;
	size_t count;
} sdp_lines;

/* RFC 5888: "a=group:BUNDLE 0 1 2". */
typedef struct {
	slice semantics;
	sdp_slices mids;
} sdp_group;

/* One payload type of an RTP section, in the order of the m= line. */
typedef struct {
	uint8_t payload_type; /* 0..127 */
	bool has_rtpmap;      /* without: the next three come from RFC 3551's table, or are empty and 0 */
	slice name;	      /* "opus"; compare without case */
	uint32_t clock_rate;  /* Hz */
	uint32_t channels;    /* 0: not said, which means 1 for audio */
	slice fmtp;	      /* "minptime=10;useinbandfec=1" */
	sdp_slices rtcp_fb;   /* "nack pli" */
} sdp_codec;

/* RFC 8285 5. */
typedef struct {
	uint16_t id; /* 1..255, or 4096..4351 in an offer with too many */
	bool has_direction;
	sdp_direction direction;
	slice uri;
	slice attributes;
} sdp_extmap;

/* RFC 5576 4.1, one line: "a=ssrc:1 cname:x". */
typedef struct {
	uint32_t ssrc;
	slice attribute; /* "cname" */
	bool has_value;
	slice value; /* "x"; may be empty */
} sdp_ssrc;

/* RFC 5576 4.2: "a=ssrc-group:FID 1 2". */
typedef struct {
	slice semantics;
	uint32_t *ssrcs;
	size_t count;
} sdp_ssrc_group;

/* RFC 8830. */
typedef struct {
	slice stream; /* "-": none */
	slice track;  /* optional */
} sdp_msid;

/* RFC 8851. */
typedef struct {
	slice id;
	sdp_direction direction; /* SDP_SENDONLY or SDP_RECVONLY */
	slice restrictions;	 /* "pt=96;max-width=1280"; optional */
} sdp_rid;

/* RFC 8853 5.1: "send 1,~4;3" is {1} {~4, alternative} {3}. */
typedef struct {
	slice rid;
	bool paused;
	bool alternative; /* of the one before it */
} sdp_simulcast_rid;

typedef struct {
	sdp_simulcast_rid *items;
	size_t count; /* 0: this direction is absent */
} sdp_simulcast_list;

typedef struct {
	/* the m= line */
	sdp_kind kind;
	slice media; /* "audio" */
	uint16_t port;
	uint16_t port_count; /* 0: not said */
	slice proto;
	bool rtp; /* by proto; then codecs, else formats */
	sdp_codec *codecs;
	size_t codec_count;
	sdp_slices formats;

	sdp_connection connection;
	sdp_lines lines;

	slice mid;
	sdp_transport transport;
	sdp_slices candidates; /* "candidate:..." */
	bool end_of_candidates;
	bool bundle_only;

	bool has_direction;
	sdp_direction direction;
	bool rtcp_mux, rtcp_mux_only, rtcp_rsize, extmap_allow_mixed;
	sdp_slices rtcp_fb_any; /* of "a=rtcp-fb:*" */
	sdp_extmap *extmaps;
	size_t extmap_count;
	sdp_msid *msids;
	size_t msid_count;
	sdp_ssrc *ssrcs;
	size_t ssrc_count;
	sdp_ssrc_group *ssrc_groups;
	size_t ssrc_group_count;
	sdp_rid *rids;
	size_t rid_count;
	sdp_simulcast_list simulcast_send, simulcast_recv;

	bool has_sctp_port;
	uint16_t sctp_port;
	bool has_max_message_size;
	uint64_t max_message_size; /* bytes; 0: any. See sdp_max_message_size */
	slice sctp_init;	   /* base64 of an INIT chunk: SNAP, draft-hancke-tsvwg-snap */
	/*
	 * a=x-parley-max-datagram, our own: UDP payload bytes of the largest DTLS datagram that the sender takes; 0: not said. Others
	 * have no way to say it, and Chromium ends a connection on which one of more than 2048 comes.
	 */
	uint32_t max_datagram;

	sdp_slices attributes; /* all others, without "a=", in their order */
} sdp_media;

typedef struct sdp_session {
	slice username;
	uint64_t session_id, session_version;
	sdp_connection origin;
	slice name; /* s= */
	sdp_connection connection;
	sdp_lines lines;

	sdp_group *groups;
	size_t group_count;
	sdp_transport transport;
	bool ice_lite, extmap_allow_mixed;
	bool has_ice_pacing;
	uint32_t ice_pacing; /* ms (RFC 8839 5.5) */
	bool has_direction;
	sdp_direction direction;
	sdp_slices attributes;

	sdp_media *media;
	size_t media_count;

	struct sdp_block *arena;
} sdp_session;

/* --- text --- */

/*
 * Parse a description. Lines end in CRLF or LF, the last may lack it. Strict otherwise: a line or a typed attribute
 * that breaks its grammar, a NUL, a payload type above 127, a mid used twice refuse the whole with one reason.
 * error may be NULL.
 */
int sdp_parse(slice in, sdp_session **out, sdp_error *error);
/* NULL is allowed. */
void sdp_free(sdp_session *session);
/* Append the text to out, whose limit it obeys (PARLEY_ELIMIT, PARLEY_ENOMEM; out is then as before). */
int sdp_print(const sdp_session *session, buf *out);

/* --- reading --- */

/* The index of the section with this mid; -1: none. */
int sdp_find_mid(const sdp_session *session, slice mid);
/* A rejected section: port 0, unless it is bundle-only (RFC 8843 6). */
bool sdp_is_rejected(const sdp_media *media);
/* The BUNDLE group that has this section's mid, or NULL. */
const sdp_group *sdp_bundle_of(const sdp_session *session, size_t section);
/*
 * The section that speaks for the connection's one transport: the first of the data channels' BUNDLE group (or,
 * when there are no data channels, of the first group) that is not rejected, as RFC 8843 7.2.1 tags it; without
 * groups the data channels' section, or else the first that is not rejected. -1: all are rejected or there are
 * none.
 *
 * Once there is an answer, ask the answer: the index it gives is the right one in the offer too. Candidates of
 * other sections belong to transports that the bundle gave up.
 */
int sdp_transport_section(const sdp_session *session);
/*
 * The transport in force for a section: each attribute from the section, else from the session, else from the section
 * that speaks for its bundle; ufrag and pwd only as a pair. Absent everywhere: empty.
 */
sdp_transport sdp_transport_of(const sdp_session *session, size_t section);
/* True if the ice-options in force have this word (RFC 8839 5.6), such as "trickle". */
bool sdp_has_ice_option(const sdp_transport *transport, const char *option);
/* The first accepted data channel section (UDP/DTLS/SCTP or TCP/DTLS/SCTP, webrtc-datachannel); -1: none. */
int sdp_data_section(const sdp_session *session);
/*
 * Bytes of the largest message that the sender of this section takes: what it says, UINT64_MAX for "any", 65536 if
 * it does not say (RFC 8841 6.1).
 */
uint64_t sdp_max_message_size(const sdp_media *media);
/* The section's direction, else the session's, else sendrecv (RFC 8866 6.7). */
sdp_direction sdp_direction_of(const sdp_session *session, size_t section);
/* One parameter of "apt=96;x=1" (name without regard to case); false: it is not there. */
bool sdp_fmtp_get(slice fmtp, const char *name, slice *value);
/* "audio", "actpass", "sendrecv" ...; static, never NULL. */
const char *sdp_kind_name(sdp_kind kind);
const char *sdp_setup_name(sdp_setup setup);
const char *sdp_direction_name(sdp_direction direction);

/* --- audio and video: what the local end wants --- */

/* RTCP feedback that a codec may have (RFC 4585 4.2, RFC 5104 7); bits of a set. */
typedef enum {
	SDP_FEEDBACK_NACK = 1,	       /* "nack" */
	SDP_FEEDBACK_PLI = 2,	       /* "nack pli" */
	SDP_FEEDBACK_FIR = 4,	       /* "ccm fir" */
	SDP_FEEDBACK_TRANSPORT_CC = 8, /* "transport-cc": draft-holmer-rmcat-transport-wide-cc-extensions-01 */
	SDP_FEEDBACK_REMB = 16,	       /* "goog-remb": draft-alvestrand-rmcat-remb-03 */
} sdp_feedback;

/* RTP header extensions that are negotiated here. A set of them has bit 1u << extension. */
typedef enum {
	SDP_EXTENSION_MID,		 /* urn:ietf:params:rtp-hdrext:sdes:mid (RFC 9143 15.2) */
	SDP_EXTENSION_RID,		 /* ...:sdes:rtp-stream-id (RFC 8852 4.1) */
	SDP_EXTENSION_REPAIRED_RID,	 /* ...:sdes:repaired-rtp-stream-id (RFC 8852 4.2) */
	SDP_EXTENSION_ABS_SEND_TIME,	 /* http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time */
	SDP_EXTENSION_TRANSPORT_CC,	 /* transport-wide sequence number, draft-holmer-... as above */
	SDP_EXTENSION_AUDIO_LEVEL,	 /* urn:ietf:params:rtp-hdrext:ssrc-audio-level (RFC 6464 4) */
	SDP_EXTENSION_VIDEO_ORIENTATION, /* urn:3gpp:video-orientation (3GPP TS 26.114 6.2.3.3) */
	SDP_EXTENSION_COUNT
} sdp_extension;

/* Its URI; static, never NULL. */
const char *sdp_extension_uri(sdp_extension extension);

/*
 * A codec that the local end sends and receives. It matches a codec of the remote end with the same name (without
 * case), clock rate and channels, and an fmtp of the same profile: for H.264 profile_idc and constraints of
 * profile-level-id, and packetization-mode (RFC 6184 8.2.2; the level may differ), for VP9 profile-id, for AV1
 * profile, for H.265 profile-id and tx-mode (RFC 7798 7.2.2), each by its default where it is missing. H.264 without
 * profile-level-id counts as constrained baseline: this is what peers that omit it mean.
 */
typedef struct {
	const char *name;     /* "VP8" */
	uint32_t clock_rate;  /* Hz */
	uint32_t channels;    /* 0: not said, as for video; 2: Opus */
	const char *fmtp;     /* what to ask of the sender, "" for nothing; its profile is what matching looks at */
	unsigned feedback;    /* set of sdp_feedback */
	uint8_t payload_type; /* to offer it under, if that is free; below 128 */
	bool rtx;	      /* with retransmissions (RFC 4588) */
	uint8_t rtx_payload_type;
} sdp_local_codec;

/*
 * What Parley sends and receives unless told otherwise, in order of preference. Audio: Opus, PCMU, PCMA. Video: VP8, VP9
 * profile 0, H.264 constrained baseline in packetization modes 1 and 0, AV1 main profile. Other kinds: none.
 */
const sdp_local_codec *sdp_default_codecs(sdp_kind kind, size_t *count);
/* The set of extensions that make sense for a kind: all, but audio level for audio, orientation and rids for video. */
unsigned sdp_default_extensions(sdp_kind kind);

/*
 * One transceiver, as the local end wants it: what goes into one audio or video section. Borrowed during the call only,
 * but for `section`, which is a result.
 */
typedef struct {
	sdp_kind kind; /* SDP_AUDIO or SDP_VIDEO */
	/* The section it belongs to, from the first description on that had it. Empty: none yet; then offers add a
	 * section under a new mid, and answers leave it out. */
	slice mid;
	sdp_direction direction; /* wanted; answers give as much of it as the offer allows */
	bool stopped;		 /* its section is rejected (port 0), and none is made for it */

	/* In order of preference. NULL: sdp_default_codecs(kind); an answer then keeps the offer's order, else it has
	 * this one (RFC 8829 5.3.1). */
	const sdp_local_codec *codecs;
	size_t codec_count;
	unsigned extensions; /* set of sdp_extension; sdp_default_extensions(kind) is a good one */

	bool has_sent; /* earlier: goes on to be announced when it sends no more */
	/* Announced when the direction sends (RFC 8830, RFC 5576). streams without any: "-", as RFC 8830 2 has it. */
	const slice *streams; /* ids of its MediaStreams, 1..64 token-chars each */
	size_t stream_count;
	slice track; /* same form; empty: not said. No two media have a stream and the track in common: Chromium
			refuses "a=msid" lines that are the same */
	slice cname; /* empty: no ssrc lines */
	uint32_t ssrc;
	bool has_rtx_ssrc; /* then an FID group pairs the two, if an rtx codec is in the section */
	uint32_t rtx_ssrc;

	int section; /* out: the index of its section in the description made; -1: it has none */
} sdp_local_media;

/* --- offer and answer (RFC 8829) --- */

/* What the local end puts into its descriptions. Borrowed during the call only. */
typedef struct {
	uint64_t session_id;	  /* the same for a connection's life, below 2^63 (RFC 8829 5.2.1) */
	uint64_t session_version; /* the caller adds 1 for each description that differs */
	slice ufrag, pwd;
	slice ice_options; /* "trickle"; empty: no line */
	bool ice_lite;
	uint32_t ice_pacing; /* ms; 0: no line */
	sdp_fingerprint fingerprint;
	/* SDP_SETUP_NONE until the DTLS roles are known; then ACTIVE (client) or PASSIVE (server), which answers keep
	 * (RFC 8842 5.3). Offers say actpass always (RFC 8842 5.2, 5.5). */
	sdp_setup role;
	uint16_t sctp_port;
	uint64_t max_message_size; /* 0: any */
	slice sctp_init;	   /* empty: no line */
	uint32_t max_datagram;	   /* 0: no line */
	/* Transceivers, in the order in which they were made. At most one has a given mid. */
	sdp_local_media *media;
	size_t media_count;
	/* Those known so far, as sdp_add_candidate takes them; they go into the section of sdp_transport_section. */
	const slice *candidates;
	size_t candidate_count;
	bool end_of_candidates;
	/* For that section's m= port and c= line. Family PARLEY_ADDR_NONE: port 9 and 0.0.0.0, as before gathering
	 * (RFC 8840 4.1.1) and when the default candidate is a .local name or TCP. */
	parley_addr default_address;
} sdp_local;

/*
 * Make an offer (RFC 8829 5.2), everything in one BUNDLE group. Its sections are those of previous_local (the local
 * description last negotiated, offer or answer; NULL: none) in their order, with the transport renewed from local;
 * what previous_remote, its other half, rejects (NULL: nothing) is rejected, and so is what belongs to stopped media.
 * Then come local->media that have no mid, in their order, and data channels, if `data` and no section has them yet: in
 * the places of rejected sections while there are some, else at the end; always under new mids.
 *
 * A section of before is offered as its local media want it now, with msid lines if it had them; audio and video that
 * no local media belongs to are inactive. Its payload types and extension ids stay (RFC 3264 8.3.2), new ones are
 * unique in the bundle: the same codec has the same payload type in all sections that are new (RFC 8843 10.1.2).
 *
 * PARLEY_EINVAL: there would be no section; or local lacks ufrag, pwd or fingerprint, or a candidate is not one, or
 * local->media has a kind that is neither audio nor video, an empty list of codecs, or a text that would break its line.
 * PARLEY_ELIMIT: too many sections or candidates, or no payload type is left (no extension id: it is left out).
 */
int sdp_make_offer(const sdp_local *local, bool data, const sdp_session *previous_local,
		   const sdp_session *previous_remote, sdp_session **out);

/*
 * Make the answer to a checked offer (RFC 8829 5.3): section by section, in the offered order, with the offered mids
 * and protos. Data channels are accepted. Audio and video become what the local media of that mid wants, within what
 * is offered: direction (the offered one reversed, and wanted), codecs that match one of its own, under the offered
 * payload types, with their rtx and the feedback that both have; header extensions both have, under the offered ids;
 * the offered simulcast layers to receive (RFC 8853 5.3.2: all that have no alternative before them). Sections that no
 * local media has the mid of are answered inactive, with sdp_default_codecs. RED, FEC, CN and telephone-event are left
 * out always.
 *
 * Rejected (port 0, not in the bundle) are kinds and protos unknown here, such as DTLS/SCTP with sctpmap; data
 * channels without sctp-port, and a second section of them; RTP without rtcp-mux or a common codec, or whose local
 * media are stopped or of another kind; and what is outside the one bundle used. Errors: PARLEY_EINVAL and
 * PARLEY_ELIMIT as in sdp_make_offer.
 */
int sdp_make_answer(const sdp_session *offer, const sdp_local *local, sdp_session **out);

/*
 * May this remote offer be answered? Each section that could be accepted has, itself or by its session or bundle,
 * ufrag and pwd (RFC 8839 5.4: 4..256 and 22..256 ice-chars), a fingerprint and a setup; BUNDLE groups name
 * existing mids, each once; header extension ids are unique in a section and one extension in a bundle, SSRCs unique
 * among sections. PARLEY_EPROTO with the reason otherwise, or PARLEY_ENOMEM. error may be NULL.
 *
 * A payload type may be one codec in this section of a bundle and another in that, though RFC 8843 10.1.2 forbids it:
 * Firefox offers such when it adds media to what another end offered. So ask for a packet's section first (MID or
 * SSRC, RFC 8843 9.2), then for the codec. Chromium refuses such offers; ours have none unless the peer began it.
 */
int sdp_check_offer(const sdp_session *offer, sdp_error *error);
/*
 * Does this remote answer fit our offer? As above, and: as many sections, of the same kind; a section rejected in
 * the offer is rejected; each other one is rejected, or has the offered proto and mid, an offered codec, a direction
 * that the offer allows (RFC 3264 6.1), rtcp-mux (RTP), sctp-port (data channels) and a setup, active or passive, that complements the offer's; what is accepted
 * is all in one bundle, which is part of an offered one.
 */
int sdp_check_answer(const sdp_session *offer, const sdp_session *answer, sdp_error *error);
/*
 * The local DTLS role that an exchange gives (ACTIVE is the client): our own answer's setup, or the complement of the
 * remote answer's. answer has passed sdp_check_answer or is ours. SDP_SETUP_NONE if all is rejected.
 */
sdp_setup sdp_local_role(const sdp_session *answer, bool answer_is_local);

/* --- what was agreed --- */

/* Limits of a plan; what is beyond them in a description is left out, the least preferred first. */
#define SDP_PLAN_CODECS_MAX 32u
#define SDP_PLAN_SOURCES_MAX 16u
#define SDP_PLAN_RIDS_MAX 8u
#define SDP_PLAN_STREAMS_MAX 8u

/* One direction of a codec. */
typedef struct {
	uint8_t payload_type; /* on the wire: to send the remote's, to receive ours */
	bool has_rtx;
	uint8_t rtx_payload_type; /* likewise */
	slice name;
	uint32_t clock_rate;
	uint32_t channels; /* 1 for audio that does not say; 0 for video */
	slice fmtp;	   /* the receiver's: to send the remote's, to receive ours */
	unsigned feedback; /* set of sdp_feedback that both announce */
} sdp_plan_codec;

/* An SSRC that the remote end announces (RFC 5576), with the rtx SSRC that an FID group gives it. */
typedef struct {
	uint32_t ssrc;
	bool has_rtx;
	uint32_t rtx_ssrc;
	slice cname;
} sdp_plan_source;

/*
 * What an exchange agreed on for one audio or video section, seen from the local end. The texts are those of the two
 * descriptions and live as long as these.
 */
typedef struct {
	bool accepted; /* false: rejected by either side; the rest is then empty, but for kind and mid */
	sdp_kind kind;
	slice mid;
	sdp_direction direction; /* of the local end: SDP_SENDONLY means that media flow to the remote end only */
	bool rtcp_rsize;	 /* reduced-size RTCP may be sent (RFC 5506 5) */

	/* Codecs that both have, in the answer's order: send the first. The two arrays hold the same codecs in the same
	 * order, so that index i is one codec both ways, whatever the direction. */
	sdp_plan_codec send[SDP_PLAN_CODECS_MAX], receive[SDP_PLAN_CODECS_MAX];
	size_t codec_count;

	/* 1..255 by sdp_extension; 0, which RFC 8285 4.2 reserves: not to be sent, or not to be expected. */
	uint8_t send_extensions[SDP_EXTENSION_COUNT], receive_extensions[SDP_EXTENSION_COUNT];

	/* What the remote end says of what it sends. Sources may be missing (Chromium's simulcast): then mid and rid
	 * extensions tell. A source that is only an rtx SSRC is not listed on its own. */
	sdp_plan_source sources[SDP_PLAN_SOURCES_MAX];
	size_t source_count;
	slice streams[SDP_PLAN_STREAMS_MAX]; /* of its MediaStreams; "-" is left out */
	size_t stream_count;
	slice track;			       /* of the first msid; empty: not said */
	slice receive_rids[SDP_PLAN_RIDS_MAX]; /* simulcast layers it may send and we accept, in its order */
	size_t receive_rid_count;

	uint32_t send_ptime; /* a=ptime and a=maxptime of the remote end, in ms; 0: not said (RFC 8866 6.4, 6.5) */
	uint32_t send_maxptime;
	uint32_t
		send_bandwidth; /* b=TIAS, or b=AS as RFC 8829 5.9 reckons it, of the remote end, in bit/s; 0: not said */
} sdp_media_plan;

/*
 * What was agreed on for a section, from the current pair of descriptions, of which the answer has passed
 * sdp_check_answer or is ours. Allocates nothing. PARLEY_ENOTFOUND: no section of that index in both, or not audio or
 * video in both; *out is then not written. No codec in common: not accepted.
 */
int sdp_negotiated(const sdp_session *local, const sdp_session *remote, bool answer_is_local, size_t section,
		   sdp_media_plan *out);

/* --- additions to a description --- */

/*
 * Add a candidate ("candidate:..." or "a=candidate:...") to a section, so that the text has what was gathered or
 * trickled since. The same line twice is kept once. PARLEY_ENOTFOUND: no such section; PARLEY_EINVAL: not one line
 * that begins so; PARLEY_ELIMIT.
 */
int sdp_add_candidate(sdp_session *session, size_t section, slice line);
/* Say that no more candidates of this section follow (RFC 8840 8). */
int sdp_end_candidates(sdp_session *session, size_t section);
/* Set the section's m= port and c= line. Family NONE: port 9 and 0.0.0.0. Where the port is 0 it stays so. */
int sdp_set_default_address(sdp_session *session, size_t section, const parley_addr *address);

#endif
