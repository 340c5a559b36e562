/*
 * rtp/session_rtcp.c: RTCP that came: reports of what we sent (RFC 3550 6.4), and feedback (RFC 4585, RFC 5104).
 *
 * A datagram is checked as a whole before any of it is applied. Everything is the word of a peer that may lie: round-trip
 * times are capped, retransmissions have a budget, estimates their bounds.
 */
#include "rtp/session_internal.h"

#define RTT_MAX_US (UINT64_C(10) * US_PER_S) /* a call is over long before */
#define FRACTION_UNIT 256.0

/* --- reports --- */

static bool take_round_trip(rtp_session *s, uint64_t now, uint32_t last, uint32_t delay, uint64_t *us)
{
	if (!rtcp_round_trip(session_ntp(s, now), last, delay, us) || *us > RTT_MAX_US)
		return false;
	session_measured_rtt(s, *us);
	return true;
}

static void take_report(rtp_session *s, uint64_t now, const rtcp_report *r)
{
	rtp_sender *sender = session_sender_of_ssrc(s, r->ssrc);
	uint64_t rtt = 0;
	if (!sender || !sender->sent_any)
		return;
	rtp_outbound_stats *st = &sender->stats;
	sender->acknowledged = true;
	uint32_t news = st->has_remote ? r->highest_sequence - sender->report_highest
				       : r->highest_sequence - sender->first_sequence + 1;
	sender->report_highest = r->highest_sequence;
	st->has_remote = true;
	st->remote_at = now;
	st->remote_packets_lost = r->packets_lost;
	st->remote_fraction_lost = r->fraction_lost;
	st->remote_jitter_us = (uint64_t)r->jitter * US_PER_S / rtp_codec_clock_rate(sender->config.codec);
	uint32_t expected = r->highest_sequence - sender->first_sequence + 1;
	int64_t received = (int64_t)expected - r->packets_lost;
	st->remote_packets_received = received > 0 ? (uint64_t)received : 0;
	st->has_round_trip_time = take_round_trip(s, now, r->last_sr, r->delay_since_last_sr, &rtt);
	if (st->has_round_trip_time) {
		st->round_trip_time_us = rtt;
		st->total_round_trip_time_us += rtt;
		st->round_trip_time_measurements++;
	}
	if (news > 0 && news < 0x10000)
		gcc_on_loss_report(&s->gcc, now, r->fraction_lost / FRACTION_UNIT, news);
}

static void take_reports(rtp_session *s, uint64_t now, const rtcp_report *reports, size_t count)
{
	for (size_t i = 0; i < count; i++)
		take_report(s, now, &reports[i]);
}

static rtp_stream *stream_of(rtp_session *s, uint32_t ssrc)
{
	rtp_receiver *r = NULL;
	rtp_stream *stream = NULL;
	bool rtx = false;
	return session_known_ssrc(s, ssrc, &r, &stream, &rtx) && !rtx ? stream : NULL;
}

static void take_sr(rtp_session *s, uint64_t now, const rtcp_packet *p)
{
	rtcp_sr sr;
	if (rtcp_sr_read(p, &sr))
		return;
	take_reports(s, now, sr.reports, sr.report_count);
	rtp_stream *stream = stream_of(s, sr.ssrc);
	if (!stream)
		return;
	stream->has_sr = true;
	stream->sr_ntp = sr.ntp;
	stream->sr_at = now;
	stream->sr_timestamp = sr.rtp_timestamp;
	rtp_inbound_stats *st = &stream->stats;
	st->has_remote = true;
	st->remote_at = now;
	st->remote_ntp = sr.ntp;
	st->remote_packets_sent = sr.packets_sent;
	st->remote_bytes_sent = sr.bytes_sent;
	st->reports_sent++;
}

static void take_rr(rtp_session *s, uint64_t now, const rtcp_packet *p)
{
	rtcp_rr rr;
	if (!rtcp_rr_read(p, &rr))
		take_reports(s, now, rr.reports, rr.report_count);
}

static void take_bye(rtp_session *s, const rtcp_packet *p)
{
	rtcp_bye bye;
	if (rtcp_bye_read(p, &bye))
		return;
	for (size_t i = 0; i < bye.ssrc_count; i++) {
		rtp_stream *stream = stream_of(s, bye.ssrcs[i]);
		if (stream)
			stream->ended = s->events_possible = true;
	}
}

/* --- extended reports (RFC 3611): who only receives learns the round trip too --- */

static void take_reference(rtp_session *s, uint64_t now, uint32_t ssrc, uint64_t ntp)
{
	size_t i = 0;
	while (i < s->reference_count && s->references[i].ssrc != ssrc)
		i++;
	if (i == RTP_DLRRS_MAX) { /* the oldest makes room */
		i = 0;
		for (size_t k = 1; k < RTP_DLRRS_MAX; k++)
			if (s->references[k].at < s->references[i].at)
				i = k;
	} else if (i == s->reference_count) {
		s->reference_count++;
	}
	s->references[i] = (rtp_reference){.ssrc = ssrc, .last_rr = rtcp_ntp_short(ntp), .at = now};
}

static void take_xr(rtp_session *s, uint64_t now, const rtcp_packet *p)
{
	rtcp_xr xr;
	uint64_t rtt = 0;
	if (rtcp_xr_read(p, &xr))
		return;
	if (xr.has_reference_time)
		take_reference(s, now, xr.sender, xr.reference_time);
	for (size_t i = 0; i < xr.dlrr_count; i++) {
		if (xr.dlrrs[i].ssrc != s->ssrc ||
		    !take_round_trip(s, now, xr.dlrrs[i].last_rr, xr.dlrrs[i].delay_since_last_rr, &rtt))
			continue;
		rtp_stream *stream = stream_of(s, xr.sender);
		if (!stream)
			continue;
		stream->stats.has_round_trip_time = true;
		stream->stats.round_trip_time_us = rtt;
		stream->stats.total_round_trip_time_us += rtt;
		stream->stats.round_trip_time_measurements++;
	}
}

/* --- feedback --- */

static void take_nack(rtp_session *s, uint64_t now, const rtcp_feedback *f)
{
	uint16_t sequences[RTCP_NACK_SEQUENCES_MAX];
	size_t count = 0;
	rtp_sender *sender = session_sender_of_ssrc(s, f->media);
	if (!sender || rtcp_nack_read(f, sequences, RTCP_NACK_SEQUENCES_MAX, &count))
		return;
	rtx_requested(s, now, sender, sequences, count < RTCP_NACK_SEQUENCES_MAX ? count : RTCP_NACK_SEQUENCES_MAX);
}

static void take_twcc(rtp_session *s, uint64_t now, const rtcp_feedback *f)
{
	twcc_feedback feedback;
	if (!twcc_decode(f->fci, &feedback)) {
		trace_printf(s->trace, TRACE_WARN, "rtp", "malformed transport feedback of %zu bytes", f->fci.len);
		return;
	}
	size_t count = twcc_sender_feedback(&s->twcc_sender, &feedback);
	if (count)
		gcc_on_feedback(&s->gcc, now, s->twcc_sender.results, count);
}

static void take_pli(rtp_session *s, uint64_t now, const rtcp_feedback *f)
{
	rtp_sender *sender = session_sender_of_ssrc(s, f->media);
	if (!sender)
		return;
	sender->stats.pli_count++;
	sender_want_key(s, now, sender);
}

static void take_fir(rtp_session *s, uint64_t now, const rtcp_feedback *f)
{
	rtcp_fir fir;
	if (rtcp_fir_read(f, &fir))
		return;
	for (size_t i = 0; i < fir.count; i++) {
		rtp_sender *sender = session_sender_of_ssrc(s, fir.entries[i].ssrc);
		if (!sender)
			continue;
		sender->stats.fir_count++;
		bool repeated = sender->has_fir && sender->fir_sender == f->sender &&
				sender->fir_sequence == fir.entries[i].sequence;
		sender->has_fir = true;
		sender->fir_sender = f->sender;
		sender->fir_sequence = fir.entries[i].sequence;
		if (!repeated) /* RFC 5104 4.3.1.2: the same number is the same request */
			sender_want_key(s, now, sender);
	}
}

static void take_remb(rtp_session *s, uint64_t now, const rtcp_feedback *f)
{
	rtcp_remb remb;
	if (rtcp_remb_read(f, &remb))
		return;
	for (size_t i = 0; i < s->sender_count; i++)
		if (s->senders[i]->config.feedback.remb) {
			gcc_on_remb(&s->gcc, now, remb.bitrate);
			return;
		}
}

static void take_feedback(rtp_session *s, uint64_t now, const rtcp_packet *p)
{
	rtcp_feedback f;
	if (rtcp_feedback_read(p, &f))
		return;
	switch (f.kind) {
	case RTCP_FB_NACK:
		take_nack(s, now, &f);
		break;
	case RTCP_FB_TWCC:
		take_twcc(s, now, &f);
		break;
	case RTCP_FB_PLI:
		take_pli(s, now, &f);
		break;
	case RTCP_FB_FIR:
		take_fir(s, now, &f);
		break;
	case RTCP_FB_REMB:
		take_remb(s, now, &f);
		break;
	case RTCP_FB_OTHER:
		break;
	}
}

void rtcp_receive(rtp_session *s, uint64_t now, slice plain)
{
	rtcp_packet p;
	if (!rtcp_is_valid(plain)) {
		s->stats.dropped_malformed++;
		trace_printf(s->trace, TRACE_WARN, "rtp", "dropped malformed RTCP of %zu bytes", plain.len);
		return;
	}
	for (rtcp_reader r = rtcp_reader_of(plain); rtcp_next(&r, &p);) {
		switch (p.type) {
		case RTCP_SR:
			take_sr(s, now, &p);
			break;
		case RTCP_RR:
			take_rr(s, now, &p);
			break;
		case RTCP_BYE:
			take_bye(s, &p);
			break;
		case RTCP_XR:
			take_xr(s, now, &p);
			break;
		case RTCP_RTPFB:
		case RTCP_PSFB:
			take_feedback(s, now, &p);
			break;
		default: /* SDES: one CNAME for all (RFC 8834 4.9), SDP said whose; APP: none known */
			break;
		}
	}
	transmit_estimated(s, now);
}
