#include "rtp/rtcp.h"

#include <string.h>

#include "base/time.h"
#include "parley/types.h"
#include "rtp/packet.h"

#define FLAG_PADDING 0x20u
#define SENDER_INFO_SIZE 24u /* SSRC and sender info (RFC 3550 6.4.1) */
#define LOST_MAX 0x7fffff
#define LOST_MIN (-LOST_MAX - 1)
#define SDES_END 0u
#define SDES_CNAME 1u
/* RFC 3550 6.4.1: shorts and NTP fractions of a second. */
#define NTP_FRACTION_BITS 32

rtcp_reader rtcp_reader_of(slice in)
{
	return (rtcp_reader){.r = reader_of(in)};
}

/* The last byte of a padded packet counts the padding, itself included; it cannot be more than the body (RFC 3550 6.4.1). */
static bool take_padding(slice *body)
{
	uint8_t padding = body->len ? body->data[body->len - 1] : 0;
	if (!padding || padding > body->len)
		return false;
	body->len -= padding;
	return true;
}

bool rtcp_next(rtcp_reader *r, rtcp_packet *out)
{
	if (r->bad || !reader_left(&r->r))
		return false;
	uint8_t first = read_u8(&r->r);
	out->type = read_u8(&r->r);
	out->count = first & RTCP_COUNT_MAX;
	out->body = read_bytes(&r->r, read_u16(&r->r) * (size_t)4);
	r->bad = r->r.bad || first >> 6 != RTP_VERSION || ((first & FLAG_PADDING) && !take_padding(&out->body));
	return !r->bad;
}

bool rtcp_is_valid(slice in)
{
	rtcp_reader r = rtcp_reader_of(in);
	rtcp_packet p;
	size_t count = 0;
	while (rtcp_next(&r, &p))
		count++;
	return count > 0 && !r.bad;
}

/* --- reading --- */

static int32_t read_lost(reader *r)
{
	uint32_t v = read_u24(r);
	return v > LOST_MAX ? (int32_t)v - 2 * (LOST_MAX + 1) : (int32_t)v;
}

static void read_reports(reader *r, rtcp_report *reports, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		rtcp_report *b = &reports[i];
		b->ssrc = read_u32(r);
		b->fraction_lost = read_u8(r);
		b->packets_lost = read_lost(r);
		b->highest_sequence = read_u32(r);
		b->jitter = read_u32(r);
		b->last_sr = read_u32(r);
		b->delay_since_last_sr = read_u32(r);
	}
}

int rtcp_sr_read(const rtcp_packet *p, rtcp_sr *out)
{
	memset(out, 0, sizeof *out);
	if (p->type != RTCP_SR)
		return PARLEY_EINVAL;
	if (p->count > RTCP_COUNT_MAX || p->body.len < SENDER_INFO_SIZE + p->count * (size_t)RTCP_REPORT_SIZE)
		return PARLEY_EPROTO;
	reader r = reader_of(p->body);
	out->ssrc = read_u32(&r);
	out->ntp = read_u64(&r);
	out->rtp_timestamp = read_u32(&r);
	out->packets_sent = read_u32(&r);
	out->bytes_sent = read_u32(&r);
	out->report_count = p->count;
	read_reports(&r, out->reports, p->count);
	return r.bad ? PARLEY_EPROTO : 0;
}

int rtcp_rr_read(const rtcp_packet *p, rtcp_rr *out)
{
	memset(out, 0, sizeof *out);
	if (p->type != RTCP_RR)
		return PARLEY_EINVAL;
	if (p->count > RTCP_COUNT_MAX || p->body.len < 4 + p->count * (size_t)RTCP_REPORT_SIZE)
		return PARLEY_EPROTO;
	reader r = reader_of(p->body);
	out->ssrc = read_u32(&r);
	out->report_count = p->count;
	read_reports(&r, out->reports, p->count);
	return r.bad ? PARLEY_EPROTO : 0;
}

/* The items of one chunk, up to its end and the padding to whole words after it (RFC 3550 6.5). */
static void read_sdes_items(reader *r, rtcp_sdes_chunk *chunk)
{
	for (uint8_t type = read_u8(r); type != SDES_END && !r->bad; type = read_u8(r)) {
		slice value = read_bytes(r, read_u8(r));
		if (type == SDES_CNAME && !r->bad) {
			chunk->has_cname = true;
			chunk->cname = value;
		}
	}
	read_skip(r, (4 - r->pos % 4) % 4);
}

int rtcp_sdes_read(const rtcp_packet *p, rtcp_sdes *out)
{
	memset(out, 0, sizeof *out);
	if (p->type != RTCP_SDES)
		return PARLEY_EINVAL;
	if (p->count > RTCP_COUNT_MAX)
		return PARLEY_EPROTO;
	reader r = reader_of(p->body);
	for (size_t i = 0; i < p->count && !r.bad; i++) {
		out->chunks[i].ssrc = read_u32(&r);
		read_sdes_items(&r, &out->chunks[i]);
	}
	out->chunk_count = p->count;
	return r.bad ? PARLEY_EPROTO : 0;
}

int rtcp_bye_read(const rtcp_packet *p, rtcp_bye *out)
{
	memset(out, 0, sizeof *out);
	if (p->type != RTCP_BYE)
		return PARLEY_EINVAL;
	if (p->count > RTCP_COUNT_MAX)
		return PARLEY_EPROTO;
	reader r = reader_of(p->body);
	out->ssrc_count = p->count;
	for (size_t i = 0; i < p->count; i++)
		out->ssrcs[i] = read_u32(&r);
	if (!r.bad && reader_left(&r)) {
		/* Its length is the peer's claim (CVE-2021-43804): read_bytes holds it against what is there. */
		out->has_reason = true;
		out->reason = read_bytes(&r, read_u8(&r));
	}
	return r.bad ? PARLEY_EPROTO : 0;
}

/* --- writing --- */

size_t rtcp_begin(writer *w, unsigned count, unsigned type)
{
	size_t start = w->len;
	write_u8(w, (uint8_t)(RTP_VERSION << 6 | (count & RTCP_COUNT_MAX)));
	write_u8(w, (uint8_t)type);
	write_u16(w, 0);
	return start;
}

int rtcp_end(writer *w, size_t start)
{
	if (w->bad)
		return PARLEY_EMSGSIZE;
	size_t padding = (4 - (w->len - start) % 4) % 4;
	rtp_padding_write(w, (uint8_t)padding);
	size_t words = (w->len - start) / 4 - 1;
	if (w->bad || words > UINT16_MAX) {
		w->bad = true;
		return PARLEY_EMSGSIZE;
	}
	if (padding)
		w->out[start] |= FLAG_PADDING;
	write_u16_at(w, start + 2, (uint16_t)words);
	return 0;
}

static void write_lost(writer *w, int32_t lost)
{
	int32_t clamped = lost > LOST_MAX ? LOST_MAX : lost < LOST_MIN ? LOST_MIN : lost;
	write_u24(w, (uint32_t)clamped & 0xffffffu);
}

static void write_reports(writer *w, const rtcp_report *reports, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const rtcp_report *b = &reports[i];
		write_u32(w, b->ssrc);
		write_u8(w, b->fraction_lost);
		write_lost(w, b->packets_lost);
		write_u32(w, b->highest_sequence);
		write_u32(w, b->jitter);
		write_u32(w, b->last_sr);
		write_u32(w, b->delay_since_last_sr);
	}
}

int rtcp_sr_write(writer *w, const rtcp_sr *sr)
{
	if (sr->report_count > RTCP_COUNT_MAX)
		return PARLEY_EINVAL;
	size_t start = rtcp_begin(w, sr->report_count, RTCP_SR);
	write_u32(w, sr->ssrc);
	write_u64(w, sr->ntp);
	write_u32(w, sr->rtp_timestamp);
	write_u32(w, sr->packets_sent);
	write_u32(w, sr->bytes_sent);
	write_reports(w, sr->reports, sr->report_count);
	return rtcp_end(w, start);
}

int rtcp_rr_write(writer *w, const rtcp_rr *rr)
{
	if (rr->report_count > RTCP_COUNT_MAX)
		return PARLEY_EINVAL;
	size_t start = rtcp_begin(w, rr->report_count, RTCP_RR);
	write_u32(w, rr->ssrc);
	write_reports(w, rr->reports, rr->report_count);
	return rtcp_end(w, start);
}

static void write_sdes_chunk(writer *w, size_t start, const rtcp_sdes_chunk *chunk)
{
	write_u32(w, chunk->ssrc);
	if (chunk->has_cname) {
		write_u8(w, SDES_CNAME);
		write_u8(w, (uint8_t)chunk->cname.len);
		write_bytes(w, chunk->cname);
	}
	/* One to four zeros: the end of the list, then up to the next word. */
	write_zeros(w, 4 - (w->len - start) % 4);
}

int rtcp_sdes_write(writer *w, const rtcp_sdes *sdes)
{
	if (sdes->chunk_count > RTCP_COUNT_MAX)
		return PARLEY_EINVAL;
	for (size_t i = 0; i < sdes->chunk_count; i++) {
		if (sdes->chunks[i].has_cname && sdes->chunks[i].cname.len > RTCP_SDES_VALUE_MAX)
			return PARLEY_EINVAL;
	}
	size_t start = rtcp_begin(w, sdes->chunk_count, RTCP_SDES);
	for (size_t i = 0; i < sdes->chunk_count; i++)
		write_sdes_chunk(w, start, &sdes->chunks[i]);
	return rtcp_end(w, start);
}

int rtcp_bye_write(writer *w, const rtcp_bye *bye)
{
	if (bye->ssrc_count > RTCP_COUNT_MAX || (bye->has_reason && bye->reason.len > RTCP_SDES_VALUE_MAX))
		return PARLEY_EINVAL;
	size_t start = rtcp_begin(w, bye->ssrc_count, RTCP_BYE);
	for (size_t i = 0; i < bye->ssrc_count; i++)
		write_u32(w, bye->ssrcs[i]);
	if (bye->has_reason) {
		write_u8(w, (uint8_t)bye->reason.len);
		write_bytes(w, bye->reason);
		write_zeros(w, (4 - (w->len - start) % 4) % 4); /* RFC 3550 6.6: zeros, not padding by P */
	}
	return rtcp_end(w, start);
}

/* --- times --- */

uint64_t rtcp_ntp_of_us(uint64_t us)
{
	uint64_t fraction = ((us % US_PER_S) << NTP_FRACTION_BITS) / US_PER_S;
	return (us / US_PER_S) << NTP_FRACTION_BITS | fraction;
}

/* Rounded to the nearest, so that a time survives the way there and back. */
uint64_t rtcp_us_of_ntp(uint64_t ntp)
{
	uint64_t fraction = (ntp & UINT32_MAX) * US_PER_S + (UINT64_C(1) << (NTP_FRACTION_BITS - 1));
	return (ntp >> NTP_FRACTION_BITS) * US_PER_S + (fraction >> NTP_FRACTION_BITS);
}

uint32_t rtcp_short_of_us(uint64_t us)
{
	if (us / US_PER_S >= RTCP_NTP_SHORT_PER_S)
		return UINT32_MAX;
	return (uint32_t)(us * RTCP_NTP_SHORT_PER_S / US_PER_S);
}

uint64_t rtcp_us_of_short(uint32_t duration)
{
	return duration * US_PER_S / RTCP_NTP_SHORT_PER_S;
}

bool rtcp_round_trip(uint64_t now_ntp, uint32_t last_sr, uint32_t delay_since_last_sr, uint64_t *us)
{
	uint32_t elapsed = rtcp_ntp_short(now_ntp) - last_sr;
	if (!last_sr || elapsed < delay_since_last_sr)
		return false;
	*us = rtcp_us_of_short(elapsed - delay_since_last_sr);
	return true;
}
