/*
 * rtp/session_receive.c: datagrams that came: decrypted, and to the stream that they belong to. A packet belongs to the
 * receiver that knows its SSRC; else of the MID it carries; else of its payload type, if only one has that (RFC 8843 9.2).
 */
#include <string.h>

#include "rtp/session_internal.h"

/* --- known sources --- */

static bool known_in(rtp_receiver *r, uint32_t ssrc, rtp_stream **stream, bool *rtx)
{
	for (size_t i = 0; i < r->stream_count; i++) {
		rtp_stream *st = r->streams[i];
		if (st->ended)
			continue;
		*rtx = st->has_rtx && st->rtx_ssrc == ssrc;
		if (st->ssrc != ssrc && !*rtx)
			continue;
		*stream = st;
		return true;
	}
	return false;
}

bool session_known_ssrc(const rtp_session *s, uint32_t ssrc, rtp_receiver **receiver, rtp_stream **stream, bool *rtx)
{
	for (size_t i = 0; i < s->receiver_count; i++) {
		*receiver = s->receivers[i];
		if (known_in(*receiver, ssrc, stream, rtx))
			return true;
	}
	return false;
}

/* --- new sources --- */

static rtp_receiver *receiver_of_mid(const rtp_session *s, slice mid)
{
	for (size_t i = 0; i < s->receiver_count; i++)
		if (slice_equal_string(mid, s->receivers[i]->config.mid))
			return s->receivers[i];
	return NULL;
}

/* By what SDP said of SSRCs; *primary: the stream that it is, or repairs. */
static rtp_receiver *receiver_of_source(const rtp_session *s, uint32_t ssrc, uint32_t *primary)
{
	for (size_t i = 0; i < s->receiver_count; i++) {
		const rtp_receiver_config *c = &s->receivers[i]->config;
		for (size_t k = 0; k < c->source_count; k++) {
			*primary = c->sources[k].ssrc;
			if (c->sources[k].ssrc == ssrc || (c->sources[k].has_rtx && c->sources[k].rtx_ssrc == ssrc))
				return s->receivers[i];
		}
	}
	return NULL;
}

static rtp_receiver *receiver_of_payload_type(const rtp_session *s, uint8_t payload_type)
{
	rtp_receiver *found = NULL;
	bool rtx = false;
	for (size_t i = 0; i < s->receiver_count; i++) {
		if (!s->receivers[i]->config.active || !receiver_codec(s->receivers[i], payload_type, &rtx))
			continue;
		if (found)
			return NULL; /* not unique */
		found = s->receivers[i];
	}
	return found;
}

/* Which stream does an RTX stream not announced by SSRC repair (RFC 8852 3.2, RFC 4588 5.3)? */
static rtp_stream *repaired_stream(rtp_receiver *r, const rtp_packet *p, const rtp_extensions *x)
{
	rtp_stream *only = NULL;
	size_t count = 0;
	reader payload = reader_of(p->payload);
	uint16_t original = read_u16(&payload);
	for (size_t i = 0; i < r->stream_count; i++) {
		rtp_stream *st = r->streams[i];
		if (st->ended || (x->has_repaired_rid && !slice_equal_string(x->repaired_rid, st->rid)))
			continue;
		if (x->has_repaired_rid)
			return st;
		if (!payload.bad && rtp_nack_is_missing(&st->nack, rtp_unwrap16_peek(&st->sequences, original)))
			return st;
		only = st;
		count++;
	}
	return count == 1 ? only : NULL;
}

static rtp_stream *new_stream(rtp_session *s, uint64_t now, rtp_receiver *r, const rtp_packet *p,
			      const rtp_extensions *x, bool *rtx)
{
	const rtp_receive_codec *codec = receiver_codec(r, p->payload_type, rtx);
	if (!codec) {
		s->stats.dropped_unknown++;
		return NULL;
	}
	if (!*rtx)
		return receiver_add_stream(s, now, r, p->ssrc, x->has_rid ? x->rid : (slice){0});
	rtp_stream *stream = repaired_stream(r, p, x);
	if (!stream) {
		s->stats.dropped_unknown++;
		return NULL;
	}
	stream->has_rtx = true;
	stream->rtx_ssrc = p->ssrc;
	return stream;
}

static rtp_stream *find_new(rtp_session *s, uint64_t now, const rtp_packet *p, const rtp_extensions *x, bool *rtx)
{
	uint32_t primary = 0;
	rtp_receiver *r = x->has_mid ? receiver_of_mid(s, x->mid) : NULL;
	if (!r)
		r = receiver_of_source(s, p->ssrc, &primary);
	if (!r && !x->has_mid)
		r = receiver_of_payload_type(s, p->payload_type);
	if (!r || !r->config.active) {
		s->stats.dropped_unknown++;
		return NULL;
	}
	return new_stream(s, now, r, p, x, rtx);
}

/* A known SSRC that says another MID than before has moved (RFC 8843 9.2). */
static bool moved(const rtp_session *s, const rtp_receiver *r, const rtp_extensions *x)
{
	if (!x->has_mid || slice_equal_string(x->mid, r->config.mid))
		return false;
	rtp_receiver *other = receiver_of_mid(s, x->mid);
	return other && other != r;
}

static rtp_stream *find_stream(rtp_session *s, uint64_t now, const rtp_packet *p, const rtp_extensions *x, bool *rtx)
{
	rtp_receiver *r = NULL;
	rtp_stream *stream = NULL;
	if (!session_known_ssrc(s, p->ssrc, &r, &stream, rtx))
		return find_new(s, now, p, x, rtx);
	if (!*rtx && moved(s, r, x)) {
		stream->ended = s->events_possible = true;
		return find_new(s, now, p, x, rtx);
	}
	if (r->config.active)
		return stream;
	s->stats.dropped_unknown++;
	return NULL;
}

/* --- datagrams --- */

static void receive_rtp(rtp_session *s, uint64_t now, slice plain)
{
	rtp_packet p;
	rtp_extensions x;
	bool rtx = false;
	if (rtp_packet_parse(plain, &p)) {
		s->stats.dropped_malformed++;
		trace_printf(s->trace, TRACE_WARN, "rtp", "dropped a malformed RTP packet of %zu bytes", plain.len);
		return;
	}
	rtp_extensions_read(&p, &s->receive_map, &x);
	if (x.has_transport_sequence && s->twcc_wanted)
		twcc_receiver_arrived(&s->twcc_receiver, now, x.transport_sequence);
	s->last_media_ssrc = p.ssrc;
	s->remb_bytes += plain.len;
	rtp_stream *stream = find_stream(s, now, &p, &x, &rtx);
	if (!stream) {
		trace_printf(s->trace, TRACE_DEBUG, "rtp", "no receiver for ssrc %u, payload type %u", p.ssrc,
			     p.payload_type);
		return;
	}
	session_start_reports(s, now);
	if (rtx)
		stream_receive_rtx(s, now, stream, &p, &x);
	else
		stream_receive(s, now, stream, &p, &x, plain);
}

static bool decrypt(rtp_session *s, slice datagram, rtp_kind kind, packet *plain)
{
	if (!s->crypto) {
		s->stats.dropped_no_keys++;
		return false;
	}
	if (kind == RTP_KIND_NONE || datagram.len > sizeof s->scratch) {
		s->stats.dropped_malformed++;
		return false;
	}
	memcpy(s->scratch, datagram.data, datagram.len);
	*plain = (packet){.data = s->scratch, .capacity = sizeof s->scratch, .len = datagram.len};
	int err = kind == RTP_KIND_RTP ? rtp_crypto_unprotect_rtp(s->crypto, plain)
				       : rtp_crypto_unprotect_rtcp(s->crypto, plain);
	if (!err)
		return true;
	s->stats.dropped_crypto++; /* traced there */
	return false;
}

bool rtp_session_receive(rtp_session *s, uint64_t now, slice datagram)
{
	rtp_kind kind = rtp_classify(datagram);
	packet plain;
	s->now = now;
	s->stats.packets_received++;
	s->stats.bytes_received += datagram.len;
	if (s->closed || !decrypt(s, datagram, kind, &plain))
		return false;
	if (kind == RTP_KIND_RTP)
		receive_rtp(s, now, slice_of(plain.data, plain.len));
	else
		rtcp_receive(s, now, slice_of(plain.data, plain.len));
	return true;
}
