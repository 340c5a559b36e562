/*
 * rtp/rtcp.h: RTCP packets (RFC 3550 6): compound and reduced-size (RFC 5506), reports, SDES, BYE; both ways.
 *
 * Not here: feedback messages (rtp/rtcp_feedback.h), extended reports (rtp/rtcp_xr.h), when and what to report (the
 * session). Each packet type has a plain struct, x_read from an rtcp_packet and x_write to a writer. Nothing allocates;
 * slices point into the packet. Every count is checked against the length before it is used.
 *
 *   |V=2|P|  count  |     type      |  length in 32-bit words - 1   |
 *
 * Read:   rtcp_reader r = rtcp_reader_of(bytes);
 *         while (rtcp_next(&r, &p)) switch (p.type) { case RTCP_SR: if (!rtcp_sr_read(&p, &sr)) ...; }
 *         if (r.bad) what came after the last packet is broken
 * Write:  one x_write after the other into the same writer. A compound packet begins with an SR or RR and has an SDES with
 *         CNAME (RFC 3550 6.1); a reduced-size one, if negotiated ("a=rtcp-rsize"), may be a single feedback message.
 */
#ifndef PARLEY_RTP_RTCP_H
#define PARLEY_RTP_RTCP_H

#include "base/bytes.h"

#define RTCP_HEADER_SIZE 4u
#define RTCP_COUNT_MAX 31u /* five bits: report blocks, SDES chunks, BYE sources */
#define RTCP_REPORT_SIZE 24u
#define RTCP_SDES_VALUE_MAX 255u /* also of the reason of a BYE */

typedef enum {
	RTCP_SR = 200,
	RTCP_RR = 201,
	RTCP_SDES = 202,
	RTCP_BYE = 203,
	RTCP_APP = 204,
	RTCP_RTPFB = 205, /* RFC 4585 6.2 */
	RTCP_PSFB = 206,  /* RFC 4585 6.3 */
	RTCP_XR = 207,	  /* RFC 3611 */
} rtcp_type;

/* One packet of a compound. Unknown types come out too: skip them (RFC 3550 6.1). */
typedef struct {
	uint8_t type;
	uint8_t count; /* 0..31; the FMT of a feedback message */
	slice body;    /* after the header's 4 bytes, without padding */
} rtcp_packet;

typedef struct {
	reader r;
	bool bad; /* the rest is not RTCP: version, length, padding */
} rtcp_reader;

/* Padding is taken off any packet, not only the last (RFC 3550 6.4.1): browsers pad transport feedback wherever it stands. */
rtcp_reader rtcp_reader_of(slice in);
bool rtcp_next(rtcp_reader *r, rtcp_packet *out);
/* The whole is well-formed: at least one packet, and nothing bad after it. To be checked before any of it is applied. */
bool rtcp_is_valid(slice in);

/* What a receiver says of one source (RFC 3550 6.4.1). */
typedef struct {
	uint32_t ssrc;
	uint8_t fraction_lost;	      /* since the last report, in 1/256 */
	int32_t packets_lost;	      /* in all; -2^23..2^23-1, negative with duplicates; clamped when written */
	uint32_t highest_sequence;    /* extended: wraps << 16 | sequence */
	uint32_t jitter;	      /* in units of the RTP timestamp */
	uint32_t last_sr;	      /* middle 32 bits of the NTP time of the last SR; 0: none yet */
	uint32_t delay_since_last_sr; /* 1/65536 s */
} rtcp_report;

typedef struct {
	uint32_t ssrc;
	uint64_t ntp; /* 32.32 seconds */
	uint32_t rtp_timestamp;
	uint32_t packets_sent;
	uint32_t bytes_sent;  /* payload only, without headers and padding; wraps */
	uint8_t report_count; /* 0..31 */
	rtcp_report reports[RTCP_COUNT_MAX];
} rtcp_sr;

typedef struct {
	uint32_t ssrc;
	uint8_t report_count; /* 0..31 */
	rtcp_report reports[RTCP_COUNT_MAX];
} rtcp_rr;

/* Of the items of source descriptions only CNAME is looked at (RFC 8834 4.8: the others tell more than they should). */
typedef struct {
	uint32_t ssrc;
	bool has_cname;
	slice cname; /* 0..255 bytes, UTF-8, not checked */
} rtcp_sdes_chunk;

typedef struct {
	uint8_t chunk_count; /* 0..31 */
	rtcp_sdes_chunk chunks[RTCP_COUNT_MAX];
} rtcp_sdes;

typedef struct {
	uint8_t ssrc_count; /* 0..31 */
	uint32_t ssrcs[RTCP_COUNT_MAX];
	bool has_reason;
	slice reason; /* 0..255 bytes, UTF-8, not checked */
} rtcp_bye;

/* PARLEY_EINVAL: p is of another type; PARLEY_EPROTO: malformed, and *out is not to be used. Profile-specific extensions
 * behind the reports are skipped. */
int rtcp_sr_read(const rtcp_packet *p, rtcp_sr *out);
int rtcp_rr_read(const rtcp_packet *p, rtcp_rr *out);
int rtcp_sdes_read(const rtcp_packet *p, rtcp_sdes *out);
int rtcp_bye_read(const rtcp_packet *p, rtcp_bye *out);

/* PARLEY_EINVAL: a count or text too long, nothing is written; PARLEY_EMSGSIZE: no room (w->bad). */
int rtcp_sr_write(writer *w, const rtcp_sr *sr);
int rtcp_rr_write(writer *w, const rtcp_rr *rr);
int rtcp_sdes_write(writer *w, const rtcp_sdes *sdes);
int rtcp_bye_write(writer *w, const rtcp_bye *bye);

/* For writers of other packet types: the header, then the caller writes the body, then the end fills in the length; a body
 * that is not whole words is padded, and P set. Returns what rtcp_end wants as `start`. */
size_t rtcp_begin(writer *w, unsigned count, unsigned type);
int rtcp_end(writer *w, size_t start); /* PARLEY_EMSGSIZE: no room */

/*
 * Times. NTP timestamps are 64 bits, 32.32 seconds; reports use the middle 32, "short": 16.16 seconds.
 * The round trip (RFC 3550 6.4.1): now - last_sr - delay_since_last_sr.
 */
#define RTCP_NTP_SHORT_PER_S 65536u

static inline uint32_t rtcp_ntp_short(uint64_t ntp)
{
	return (uint32_t)(ntp >> 16);
}

uint64_t rtcp_ntp_of_us(uint64_t us); /* whatever the epoch of us; peers use differences only, or NTP's 1900 */
uint64_t rtcp_us_of_ntp(uint64_t ntp);
uint32_t rtcp_short_of_us(uint64_t us); /* a duration; saturates at 2^32 - 1 (18 hours) */
uint64_t rtcp_us_of_short(uint32_t duration);
/* Microseconds. now_ntp by the clock that wrote the SR. False: no SR reported yet, or the sum is nonsense (negative). */
bool rtcp_round_trip(uint64_t now_ntp, uint32_t last_sr, uint32_t delay_since_last_sr, uint64_t *us);

#endif
