/*
 * rtp/rtcp_feedback.h: RTCP feedback messages: NACK, PLI (RFC 4585), FIR (RFC 5104), REMB, and the frame of transport-wide
 * feedback, whose body is rtp/twcc's.
 *
 *   |V=2|P|   FMT   |  205 or 206   |            length             |
 *   |                        SSRC of the sender                     |
 *   |            SSRC of the media, or 0 where an FCI says it       |
 *   |                 feedback control information (FCI)            |
 */
#ifndef PARLEY_RTP_RTCP_FEEDBACK_H
#define PARLEY_RTP_RTCP_FEEDBACK_H

#include "rtp/rtcp.h"

#define RTCP_FIRS_MAX 32u	 /* FIR entries looked at; a call has fewer sources */
#define RTCP_REMB_SSRCS_MAX 255u /* eight bits */
#define RTCP_NACK_SEQUENCES_MAX \
	1024u /* a writer's limit, so that a message fits a packet; a reader takes what there is */

typedef enum {
	RTCP_FB_OTHER, /* SLI, RPSI, TMMBR, a foreign AFB, ...: to be skipped */
	RTCP_FB_NACK,  /* RTPFB 1 */
	RTCP_FB_TWCC,  /* RTPFB 15 */
	RTCP_FB_PLI,   /* PSFB 1 */
	RTCP_FB_FIR,   /* PSFB 4 */
	RTCP_FB_REMB,  /* PSFB 15 "REMB" (draft-alvestrand-rmcat-remb) */
} rtcp_feedback_kind;

/* The frame, common to all. */
typedef struct {
	rtcp_feedback_kind kind;
	uint32_t sender;
	uint32_t media;
	slice fci; /* whole words for all but padded TWCC */
} rtcp_feedback;

/* PARLEY_EINVAL: not RTPFB or PSFB; PARLEY_EPROTO: shorter than the frame. */
int rtcp_feedback_read(const rtcp_packet *p, rtcp_feedback *out);

/* One item of a NACK: packet_id is lost, and for each bit i of bitmask packet_id + i + 1 too. */
typedef struct {
	uint16_t packet_id;
	uint16_t bitmask;
} rtcp_nack_item;

/* The next item of f->fci; r = reader_of(f->fci). False at the end; r->bad if bytes are left over. */
bool rtcp_nack_next(reader *r, rtcp_nack_item *out);
/* All sequence numbers in wire order, at most capacity; returns how many there are. PARLEY_EPROTO: no item, or half of one;
 * PARLEY_EINVAL: f is not a NACK. */
int rtcp_nack_read(const rtcp_feedback *f, uint16_t *out, size_t capacity, size_t *count);

typedef struct {
	uint32_t ssrc;
	uint8_t sequence; /* the same for repetitions of one request (RFC 5104 4.3.1.2) */
} rtcp_fir_entry;

/* At most RTCP_FIRS_MAX; the rest is skipped. Errors as rtcp_nack_read. */
typedef struct {
	size_t count;
	rtcp_fir_entry entries[RTCP_FIRS_MAX];
} rtcp_fir;
int rtcp_fir_read(const rtcp_feedback *f, rtcp_fir *out);

typedef struct {
	uint64_t
		bitrate; /* bit/s; written with 18 bits of mantissa, rounded down; saturates where 64 bits do not hold it */
	size_t ssrc_count; /* 0..RTCP_REMB_SSRCS_MAX */
	uint32_t ssrcs[RTCP_REMB_SSRCS_MAX];
} rtcp_remb;
int rtcp_remb_read(const rtcp_feedback *f, rtcp_remb *out);

/* Writers: PARLEY_EINVAL: no or too many entries; PARLEY_EMSGSIZE: no room (w->bad). */
/* sequences in the order of the stream (wrapping is fine): neighbours within 16 share an item. */
int rtcp_nack_write(writer *w, uint32_t sender, uint32_t media, const uint16_t *sequences, size_t count);
int rtcp_pli_write(writer *w, uint32_t sender, uint32_t media);
int rtcp_fir_write(writer *w, uint32_t sender, const rtcp_fir_entry *entries, size_t count);
int rtcp_remb_write(writer *w, uint32_t sender, const rtcp_remb *remb);
/* fci as rtp/twcc encodes it, padded here to whole words. */
int rtcp_twcc_write(writer *w, uint32_t sender, uint32_t media, slice fci);

#endif
