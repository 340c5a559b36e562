/*
 * rtp/rtx.c: packets sent again because the peer asked (RFC 4585 NACK): by RFC 4588 on an SSRC of their own, else as they
 * were; and, made of the same history, the padding that bandwidth probes want.
 *
 * A peer that asks for everything all the time gets no more than its budget: see RTP_SESSION_RETRANSMIT_SHARE.
 */
#include <stdlib.h>
#include <string.h>

#include "rtp/session_internal.h"

/* The budget of bytes, refilled by time. */
static bool budget_take(rtp_session *s, uint64_t now, size_t bytes)
{
	uint64_t bps = gcc_target_bps(&s->gcc) / RTP_SESSION_RETRANSMIT_SHARE;
	if (bps < RTP_RETRANSMIT_FLOOR_BPS)
		bps = RTP_RETRANSMIT_FLOOR_BPS;
	uint64_t most = bps / 8 > RTP_RETRANSMIT_BURST_BYTES ? bps / 8 : RTP_RETRANSMIT_BURST_BYTES;
	uint64_t passed = now - s->retransmit_at;
	uint64_t earned = passed > 60 * US_PER_S ? most : bps / 8 * passed / US_PER_S;
	/* What is too little to count stays in the clock. */
	if (earned || passed > US_PER_S) {
		s->retransmit_tokens = s->retransmit_tokens + earned > most ? most : s->retransmit_tokens + earned;
		s->retransmit_at = now;
	}
	if (s->retransmit_tokens < bytes)
		return false;
	s->retransmit_tokens -= bytes;
	return true;
}

/* RFC 4588 4: the original's payload behind its sequence number, in a packet of the RTX stream. */
static rtp_outgoing *encapsulate(const rtp_session *s, const rtp_sender *sender, const rtp_history_entry *e)
{
	rtp_packet p;
	if (rtp_packet_parse(slice_of(e->data, e->len), &p))
		return NULL;
	rtp_outgoing *o = malloc(sizeof *o + s->config.mtu);
	if (!o)
		return NULL;
	writer w = writer_of(o->data, s->config.mtu);
	slice payload = p.payload;
	rtp_extensions of_original;
	rtp_extensions more = {0};
	if (rtp_extensions_read(&p, &sender->config.extensions, &of_original)) {
		more.has_audio_level = of_original.has_audio_level;
		more.audio_voice = of_original.audio_voice;
		more.audio_level = of_original.audio_level;
		more.has_video_orientation = of_original.has_video_orientation;
		more.video_rotation = of_original.video_rotation;
	}
	*o = (rtp_outgoing){.sender = sender->id, .rtx = true, .retransmission = true, .payload = payload.len};
	int err = sender_write_header(sender, &w, &p, &more, true);
	write_u16(&w, e->sequence);
	write_bytes(&w, payload);
	if (err || w.bad) { /* the MTU shrank in between */
		free(o);
		return NULL;
	}
	o->len = w.len;
	return o;
}

static rtp_outgoing *as_it_was(const rtp_sender *sender, const rtp_history_entry *e)
{
	rtp_outgoing *o = malloc(sizeof *o + e->len);
	if (!o)
		return NULL;
	*o = (rtp_outgoing){.sender = sender->id, .again = true, .retransmission = true, .len = e->len};
	memcpy(o->data, e->data, e->len);
	return o;
}

static bool resend(rtp_session *s, uint64_t now, rtp_sender *sender, uint16_t sequence)
{
	const rtp_history_entry *e = rtp_history_find(&sender->history, now, sequence);
	if (!e || !rtp_history_take_turn(&sender->history, now, sequence, s->has_rtt ? s->rtt_us : 0) ||
	    !budget_take(s, now, e->len))
		return false;
	rtp_outgoing *o = sender->config.has_rtx ? encapsulate(s, sender, e) : as_it_was(sender, e);
	return o && !transmit_enqueue(s, now, o, RTP_PACER_RETRANSMISSION);
}

void rtx_requested(rtp_session *s, uint64_t now, rtp_sender *sender, const uint16_t *sequences, size_t count)
{
	sender->stats.nack_count++;
	if (!sender->config.feedback.nack || !sender->config.active || s->closed)
		return;
	for (size_t i = 0; i < count; i++)
		if (!resend(s, now, sender, sequences[i]))
			sender->stats.nacks_unanswered++;
}

/* --- padding --- */

static rtp_outgoing *only_padding(const rtp_session *s, const rtp_sender *sender)
{
	rtp_outgoing *o = malloc(sizeof *o + s->config.mtu);
	if (!o)
		return NULL;
	writer w = writer_of(o->data, s->config.mtu);
	rtp_packet p = {.timestamp = sender->clock_timestamp, .padding = RTP_PADDING_PACKET};
	*o = (rtp_outgoing){.sender = sender->id, .rtx = true};
	int err = sender_write_header(sender, &w, &p, NULL, true);
	rtp_padding_write(&w, RTP_PADDING_PACKET);
	if (err || w.bad) {
		free(o);
		return NULL;
	}
	o->len = w.len;
	return o;
}

/* Something useful: one of the newest packets once more, each in its turn. */
static const rtp_history_entry *recent(rtp_sender *sender, uint64_t now)
{
	const rtp_history *h = &sender->history;
	if (!h->any)
		return NULL;
	uint16_t back = (uint16_t)(h->newest - sender->padding_next);
	if (back > 64 || back > (uint16_t)(h->newest - h->oldest))
		sender->padding_next = h->newest;
	return rtp_history_find(h, now, sender->padding_next--);
}

rtp_outgoing *rtx_padding(rtp_session *s, uint64_t now)
{
	for (size_t i = 0; i < s->sender_count; i++) {
		rtp_sender *sender = s->senders[i];
		const rtp_sender_config *c = &sender->config;
		if (!c->active || !c->has_rtx || !c->feedback.transport_cc || !sender->sent_any)
			continue;
		const rtp_history_entry *e = recent(sender, now);
		rtp_outgoing *o = e ? encapsulate(s, sender, e) : only_padding(s, sender);
		if (o) {
			o->padding = true;
			o->retransmission = false;
		}
		return o;
	}
	return NULL;
}
