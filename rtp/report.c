/*
 * rtp/report.c: RTCP of ours: regular compounds (RFC 3550 6.4), and between them feedback, at once (RFC 4585 3.5), alone if
 * a=rtcp-rsize allows (RFC 5506). Nothing is kept ready: when the owner polls, what is due is written.
 *
 * All our SSRCs are in one place, so one of them reports on what all receive (RFC 8861's reporting group, in effect).
 */
#include <string.h>

#include "rtp/session_internal.h"

#define FEEDBACK_HEADER 12u
#define NACK_ITEM 4u
#define PLI_SIZE 12u
#define FIR_SIZE 20u
#define SR_SIZE 28u
#define SDES_ROOM(cname) (4u + 4u + 2u + (cname) + 4u) /* of one chunk */
#define XR_ROOM (8u + 12u + 4u + 12u * RTP_DLRRS_MAX)
#define REMB_ROOM (20u + 4u * REMB_SSRCS)
#define REMB_SSRCS 8u
#define TWCC_PACKET_ROOM 640u
#define FIRST_REPORT_US 300000u /* soon, for the round-trip time */
#define PER_MILLE 1000u
#define FRACTION_UNIT 256u
/* REMB without transport-cc, simple: half more than came, if little was lost; less, if much. */
#define REMB_LOSS_LOW 20u   /* per mille */
#define REMB_LOSS_HIGH 100u /* per mille */
#define REMB_LEAST_BPS 100000u
#define REMB_EVERY_US US_PER_S

/* --- when --- */

static bool any_video(const rtp_session *s)
{
	for (size_t i = 0; i < s->sender_count; i++)
		if (s->senders[i]->config.active && rtp_codec_is_video(s->senders[i]->config.codec))
			return true;
	for (size_t i = 0; i < s->receiver_count; i++)
		if (s->receivers[i]->config.active && s->receivers[i]->config.video)
			return true;
	return false;
}

void report_schedule(rtp_session *s, uint64_t now)
{
	uint64_t mean = any_video(s) ? RTP_SESSION_REPORT_VIDEO_US : RTP_SESSION_REPORT_AUDIO_US;
	uint32_t random = PER_MILLE / 2;
	if (!s->reported)
		mean = FIRST_REPORT_US;
	if (rng_u32(&s->config.random, &random))
		random = PER_MILLE / 2;
	s->report_at = time_after(now, mean * (PER_MILLE / 2 + random % PER_MILLE) / PER_MILLE);
}

void session_start_reports(rtp_session *s, uint64_t now)
{
	if (s->report_at == TIME_NEVER)
		report_schedule(s, now);
}

static uint64_t stream_feedback_deadline(const rtp_session *s, const rtp_stream *stream)
{
	uint64_t at = stream_key_deadline(s, stream);
	if (stream_nacks(stream) && stream->receiver->config.active && !stream->ended)
		at = time_min(at, rtp_nack_deadline(&stream->nack));
	return at;
}

static uint64_t feedback_deadline(const rtp_session *s)
{
	uint64_t at = s->twcc_wanted ? twcc_receiver_deadline(&s->twcc_receiver) : TIME_NEVER;
	for (size_t i = 0; i < s->receiver_count; i++)
		for (size_t k = 0; k < s->receivers[i]->stream_count; k++)
			at = time_min(at, stream_feedback_deadline(s, s->receivers[i]->streams[k]));
	return at;
}

uint64_t report_deadline(const rtp_session *s)
{
	if (!s->crypto)
		return TIME_NEVER;
	if (s->bye_count)
		return s->now;
	return s->closed ? TIME_NEVER : time_min(s->report_at, feedback_deadline(s));
}

/* --- reports --- */

static uint32_t reporter(const rtp_session *s)
{
	for (size_t i = 0; i < s->sender_count; i++)
		if (s->senders[i]->config.active && s->senders[i]->sent_any)
			return s->senders[i]->config.ssrc;
	return s->ssrc;
}

static bool reports_as_sender(const rtp_sender *sender, uint64_t now)
{
	return sender->config.active && sender->sent_any && sender->has_clock &&
	       now - sender->last_sent_at < RTP_SENDER_SILENT_US;
}

/* RFC 3550 A.3. */
static rtcp_report block_of(rtp_stream *stream, uint64_t now)
{
	uint64_t expected = stream_expected(stream);
	uint64_t expected_now = expected - stream->expected_prior;
	uint64_t received_now = stream->original - stream->received_prior;
	uint64_t lost_now = expected_now > received_now ? expected_now - received_now : 0;
	rtcp_report r = {.ssrc = stream->ssrc};
	if (expected_now)
		r.fraction_lost = (uint8_t)(lost_now * (FRACTION_UNIT - 1) / expected_now);
	int64_t lost = (int64_t)expected - (int64_t)stream->original;
	r.packets_lost = lost > INT32_MAX ? INT32_MAX : lost < INT32_MIN ? INT32_MIN : (int32_t)lost;
	r.highest_sequence = (uint32_t)((uint64_t)stream->highest & UINT32_MAX);
	r.jitter = rtp_jitter_units(&stream->jitter);
	if (stream->has_sr) {
		r.last_sr = rtcp_ntp_short(stream->sr_ntp);
		r.delay_since_last_sr = rtcp_short_of_us(now - stream->sr_at);
	}
	stream->expected_prior = expected;
	stream->received_prior = stream->original;
	return r;
}

/* The n-th stream of all that have packets; more than fit one report take turns. */
static size_t write_blocks(rtp_session *s, uint64_t now, rtcp_report *blocks, size_t room)
{
	size_t seen = 0, count = 0, total = 0;
	for (size_t i = 0; i < s->receiver_count; i++)
		total += s->receivers[i]->stream_count;
	if (s->block_turn >= total)
		s->block_turn = 0;
	for (size_t i = 0; i < s->receiver_count; i++)
		for (size_t k = 0; k < s->receivers[i]->stream_count; k++) {
			rtp_stream *stream = s->receivers[i]->streams[k];
			if (seen++ < s->block_turn || count == room)
				continue;
			if (stream->original && !stream->ended && s->receivers[i]->config.active)
				blocks[count++] = block_of(stream, now);
		}
	s->block_turn = count == room ? s->block_turn + room : 0;
	return count;
}

static void fill_sr(const rtp_session *s, uint64_t now, const rtp_sender *sender, rtcp_sr *sr)
{
	int64_t passed =
		(int64_t)(now - sender->clock_time); /* negative: captured in the future, by the owner's word */
	int64_t units = passed * (int64_t)rtp_codec_clock_rate(sender->config.codec) / (int64_t)US_PER_S;
	sr->ssrc = sender->config.ssrc;
	sr->ntp = session_ntp(s, now);
	sr->rtp_timestamp = sender->clock_timestamp + (uint32_t)((uint64_t)units & UINT32_MAX);
	sr->packets_sent = sender->sr_packets;
	sr->bytes_sent = sender->sr_bytes;
}

static void write_sdes(rtp_session *s, writer *w, const uint32_t *ssrcs, size_t count)
{
	rtcp_sdes sdes = {.chunk_count = (uint8_t)count};
	for (size_t i = 0; i < count; i++)
		sdes.chunks[i] = (rtcp_sdes_chunk){
			.ssrc = ssrcs[i], .has_cname = true, .cname = slice_from_string(s->config.cname)};
	rtcp_sdes_write(w, &sdes);
}

/* The SRs of the senders after the first, in turns, as many as fit; their SSRCs to out. */
static size_t write_other_srs(rtp_session *s, uint64_t now, writer *w, uint32_t first, uint32_t *out)
{
	size_t each = SR_SIZE + SDES_ROOM(strlen(s->config.cname));
	size_t reserved = XR_ROOM + REMB_ROOM + SDES_ROOM(strlen(s->config.cname));
	size_t room = writer_left(w) > reserved ? (writer_left(w) - reserved) / each : 0;
	size_t count = 0;
	if (room > RTCP_COUNT_MAX - 1)
		room = RTCP_COUNT_MAX - 1;
	for (size_t i = 0; i < s->sender_count && count < room; i++) {
		const rtp_sender *sender = s->senders[(s->report_turn + i) % s->sender_count];
		if (sender->config.ssrc == first || !reports_as_sender(sender, now))
			continue;
		rtcp_sr sr = {0};
		fill_sr(s, now, sender, &sr);
		rtcp_sr_write(w, &sr);
		out[count++] = sr.ssrc;
	}
	s->report_turn += room;
	return count;
}

static void write_xr(rtp_session *s, uint64_t now, writer *w, uint32_t self, bool sending)
{
	rtcp_xr xr = {.sender = self};
	for (size_t i = 0; i < s->receiver_count; i++)
		xr.has_reference_time =
			xr.has_reference_time || (!sending && s->receivers[i]->config.feedback.receiver_rtt);
	xr.reference_time = session_ntp(s, now);
	for (size_t i = 0; sending && i < s->reference_count; i++)
		xr.dlrrs[xr.dlrr_count++] =
			(rtcp_dlrr){.ssrc = s->references[i].ssrc,
				    .last_rr = s->references[i].last_rr,
				    .delay_since_last_rr = rtcp_short_of_us(now - s->references[i].at)};
	s->reference_count = 0;
	if ((xr.has_reference_time || xr.dlrr_count) && writer_left(w) >= XR_ROOM)
		rtcp_xr_write(w, &xr);
}

static void write_compound(rtp_session *s, uint64_t now, writer *w)
{
	uint32_t ssrcs[RTCP_COUNT_MAX] = {reporter(s)};
	const rtp_sender *first = session_sender_of_ssrc(s, ssrcs[0]);
	bool sending = first && reports_as_sender(first, now);
	size_t room = writer_left(w) / 2 / RTCP_REPORT_SIZE;
	if (room > RTCP_COUNT_MAX)
		room = RTCP_COUNT_MAX;
	if (sending) {
		rtcp_sr sr = {0};
		fill_sr(s, now, first, &sr);
		sr.report_count = (uint8_t)write_blocks(s, now, sr.reports, room);
		rtcp_sr_write(w, &sr);
	} else {
		rtcp_rr rr = {.ssrc = ssrcs[0]};
		rr.report_count = (uint8_t)write_blocks(s, now, rr.reports, room);
		rtcp_rr_write(w, &rr);
	}
	size_t others = write_other_srs(s, now, w, ssrcs[0], ssrcs + 1);
	write_sdes(s, w, ssrcs, others + 1);
	write_xr(s, now, w, ssrcs[0], sending);
}

/* The least that RFC 4585 3.1 wants in front of feedback. */
static void write_short_compound(rtp_session *s, writer *w)
{
	const rtcp_rr rr = {.ssrc = reporter(s)};
	rtcp_rr_write(w, &rr);
	write_sdes(s, w, &rr.ssrc, 1);
}

/* --- REMB --- */

static size_t remb_streams(const rtp_session *s, rtcp_remb *remb, uint64_t *expected, uint64_t *lost)
{
	for (size_t i = 0; i < s->receiver_count; i++) {
		const rtp_receiver *r = s->receivers[i];
		if (!r->config.feedback.remb || r->config.feedback.transport_cc || !r->config.active)
			continue;
		for (size_t k = 0; k < r->stream_count && remb->ssrc_count < REMB_SSRCS; k++) {
			uint64_t wanted = stream_expected(r->streams[k]);
			remb->ssrcs[remb->ssrc_count++] = r->streams[k]->ssrc;
			*expected += wanted;
			*lost += wanted > r->streams[k]->original ? wanted - r->streams[k]->original : 0;
		}
	}
	return remb->ssrc_count;
}

static void write_remb(rtp_session *s, uint64_t now, writer *w)
{
	rtcp_remb remb = {0};
	uint64_t expected = 0, lost = 0, since = now - s->remb_at;
	if (!remb_streams(s, &remb, &expected, &lost) || since < REMB_EVERY_US / 2 || writer_left(w) < REMB_ROOM)
		return;
	bool first = s->remb_at == 0; /* nothing was measured yet */
	uint64_t expected_now = expected > s->remb_expected ? expected - s->remb_expected : 0;
	uint64_t lost_now = lost > s->remb_lost ? lost - s->remb_lost : 0;
	uint64_t rate = since < 10 * REMB_EVERY_US ? s->remb_bytes * 8 * US_PER_S / since : 0;
	uint64_t per_mille = expected_now ? lost_now * PER_MILLE / expected_now : 0;
	if (per_mille > REMB_LOSS_HIGH)
		s->remb_bps = rate - rate * per_mille / PER_MILLE / 2;
	else if (per_mille < REMB_LOSS_LOW && s->remb_bps < rate + rate / 2)
		s->remb_bps = rate + rate / 2;
	if (s->remb_bps < REMB_LEAST_BPS)
		s->remb_bps = REMB_LEAST_BPS;
	s->remb_at = now ? now : 1;
	s->remb_bytes = 0;
	s->remb_expected = expected;
	s->remb_lost = lost;
	if (first) {
		s->remb_bps = 0;
		return;
	}
	remb.bitrate = s->remb_bps;
	rtcp_remb_write(w, reporter(s), &remb);
}

/* --- feedback --- */

static void write_twcc(rtp_session *s, uint64_t now, writer *w)
{
	uint8_t room[TWCC_PACKET_ROOM];
	size_t left = writer_left(w);
	if (left < FEEDBACK_HEADER + TWCC_BODY_ROOM)
		return;
	left -= FEEDBACK_HEADER;
	writer body = writer_of(room, (left < sizeof room ? left : sizeof room) & ~(size_t)3);
	if (twcc_receiver_write(&s->twcc_receiver, now, &body))
		rtcp_twcc_write(w, reporter(s), s->last_media_ssrc, writer_slice(&body));
}

static void write_nack(rtp_session *s, uint64_t now, rtp_stream *stream, writer *w)
{
	uint16_t sequences[RTP_NACK_MESSAGE_MAX];
	size_t left = writer_left(w);
	size_t room = left > FEEDBACK_HEADER ? (left - FEEDBACK_HEADER) / NACK_ITEM : 0;
	if (!stream_nacks(stream) || room == 0)
		return;
	if (room > RTP_NACK_MESSAGE_MAX)
		room = RTP_NACK_MESSAGE_MAX;
	size_t count = rtp_nack_take_due(&stream->nack, now, stream_rtt(s, stream), sequences, room);
	if (!count)
		return;
	rtcp_nack_write(w, reporter(s), stream->ssrc, sequences, count);
	stream->stats.nack_count++;
}

static void write_key_request(rtp_session *s, uint64_t now, rtp_stream *stream, writer *w)
{
	if (stream_key_deadline(s, stream) > now || writer_left(w) < FIR_SIZE)
		return;
	if (stream->receiver->config.feedback.pli) {
		rtcp_pli_write(w, reporter(s), stream->ssrc);
		stream->stats.pli_count++;
	} else {
		const rtcp_fir_entry entry = {.ssrc = stream->ssrc, .sequence = stream->fir_sequence++};
		rtcp_fir_write(w, reporter(s), &entry, 1);
		stream->stats.fir_count++;
	}
	stream->key_asked = false;
	stream->has_key_request = true;
	stream->key_request_at = now;
	stream->key_started_at = 0;
}

static void write_feedback(rtp_session *s, uint64_t now, writer *w)
{
	for (size_t i = 0; i < s->receiver_count; i++) {
		rtp_receiver *r = s->receivers[i];
		for (size_t k = 0; r->config.active && k < r->stream_count; k++) {
			if (r->streams[k]->ended)
				continue;
			write_key_request(s, now, r->streams[k], w);
			write_nack(s, now, r->streams[k], w);
		}
	}
	if (s->twcc_wanted)
		write_twcc(s, now, w);
}

static bool reduced_size(const rtp_session *s)
{
	for (size_t i = 0; i < s->receiver_count; i++)
		if (s->receivers[i]->config.active && !s->receivers[i]->config.feedback.reduced_size)
			return false;
	return true;
}

/* --- BYE --- */

static void write_bye(rtp_session *s, writer *w)
{
	rtcp_bye bye = {0};
	while (s->bye_count && bye.ssrc_count < RTCP_COUNT_MAX)
		bye.ssrcs[bye.ssrc_count++] = s->byes[--s->bye_count];
	const rtcp_rr rr = {.ssrc = bye.ssrcs[0]};
	rtcp_rr_write(w, &rr);
	write_sdes(s, w, &rr.ssrc, 1);
	rtcp_bye_write(w, &bye);
}

bool report_poll(rtp_session *s, uint64_t now, packet *out)
{
	size_t room = out->capacity < s->config.mtu ? out->capacity : s->config.mtu;
	if (report_deadline(s) > now || room < RTP_SESSION_MTU_MIN)
		return false;
	writer w = writer_of(out->data, room - RTP_CRYPTO_RTCP_OVERHEAD_MAX);
	if (s->bye_count) {
		write_bye(s, &w);
	} else if (s->report_at <= now) {
		write_compound(s, now, &w);
		write_remb(s, now, &w);
		s->reported = true;
		report_schedule(s, now);
	} else if (!reduced_size(s)) {
		write_short_compound(s, &w);
		s->reported = true;
	}
	if (!s->closed)
		write_feedback(s, now, &w);
	out->len = w.len;
	return w.len > 0 && !w.bad;
}
