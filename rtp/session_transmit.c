/* rtp/session_transmit.c: what leaves a session, and what the bandwidth estimator makes of it. */
#include <stdlib.h>
#include <string.h>

#include "rtp/session_internal.h"

#define SEQUENCE_AT 2u /* where an RTP header has it */

size_t session_overhead(const rtp_session *s)
{
	return rtp_crypto_rtp_overhead(s->profile);
}

int transmit_enqueue(rtp_session *s, uint64_t now, rtp_outgoing *o, rtp_pacer_priority priority)
{
	size_t size = o->len + session_overhead(s);
	int err = rtp_pacer_push(&s->pacer, now, priority, size, (uint64_t)(uintptr_t)o);
	if (err)
		free(o);
	else
		list_append(&s->waiting, &o->node);
	return err;
}

void transmit_drop(rtp_session *s, rtp_sender_id sender)
{
	rtp_pacer_item item;
	if (sender) { /* the pacer's queues have no middle: the packets go when they are popped */
		LIST_FOR (node, &s->waiting) {
			rtp_outgoing *o = LIST_ENTRY(node, rtp_outgoing, node);
			if (o->sender == sender)
				o->sender = 0;
		}
		return;
	}
	while (rtp_pacer_drain(&s->pacer, &item))
		;
	for (list_node *node; (node = list_pop(&s->waiting));)
		free(LIST_ENTRY(node, rtp_outgoing, node));
}

static rtp_outgoing *outgoing_of(const rtp_pacer_item *item)
{
	rtp_outgoing *o = (rtp_outgoing *)(uintptr_t)item->handle;
	list_remove(&o->node);
	return o;
}

/* Too much video for the path: what was thrown away can only be made good by a key frame. The receiver sees that something
 * is missing, so that it does not decode what refers to it. */
static void drop_overflow(rtp_session *s, uint64_t now)
{
	for (rtp_pacer_item item; rtp_pacer_overflow(&s->pacer, &item);) {
		rtp_outgoing *o = outgoing_of(&item);
		rtp_sender *sender = session_sender(s, o->sender);
		if (sender) {
			sender->hole = true;
			sender_want_key(s, now, sender);
		}
		free(o);
	}
}

/* --- the estimator --- */

/* The target is for all that leaves; video gets what audio and retransmissions do not take. */
uint64_t transmit_target(const rtp_session *s)
{
	uint64_t target = gcc_target_bps(&s->gcc);
	uint64_t other = s->other_bps < target / 2 ? s->other_bps : target / 2;
	return target - other;
}

static void count_other(rtp_session *s, uint64_t now, size_t bytes)
{
	if (now - s->other_at >= US_PER_S) {
		uint64_t span = now - s->other_at;
		s->other_bps = span > 10 * US_PER_S ? 0 : s->other_bytes * 8 * US_PER_S / span;
		s->other_bytes = 0;
		s->other_at = now;
	}
	s->other_bytes += bytes;
}

void transmit_estimated(rtp_session *s, uint64_t now)
{
	gcc_probe probe;
	while (gcc_poll_probe(&s->gcc, now, &probe))
		rtp_pacer_probe_start(&s->pacer, now, probe.id, probe.bps, probe.bytes, probe.packets);
	rtp_pacer_set_rates(&s->pacer, gcc_pacing_bps(&s->gcc), gcc_target_bps(&s->gcc));
	uint64_t target = transmit_target(s);
	uint64_t difference = target > s->target_told ? target - s->target_told : s->target_told - target;
	if (s->sender_count && difference * RTP_TARGET_STEP > s->target_told)
		s->events_possible = true;
}

void transmit_demand(rtp_session *s, uint64_t now)
{
	bool video = false;
	for (size_t i = 0; i < s->sender_count; i++)
		video = video || (s->senders[i]->config.active && rtp_codec_is_video(s->senders[i]->config.codec));
	gcc_set_demand(&s->gcc, now, video ? UINT64_MAX : 0);
	transmit_estimated(s, now);
}

uint64_t transmit_deadline(const rtp_session *s)
{
	if (!s->crypto || s->closed)
		return TIME_NEVER;
	return time_min(rtp_pacer_deadline(&s->pacer, s->now), gcc_deadline(&s->gcc));
}

/* --- one packet --- */

static void fill_in(rtp_session *s, uint64_t now, rtp_sender *sender, const rtp_outgoing *o, uint32_t cluster,
		    packet *out)
{
	const rtp_sender_config *c = &sender->config;
	size_t size = out->len + session_overhead(s);
	if (o->after_hole)
		sender->sequence++;
	if (!o->has_sequence) {
		writer w = {.out = out->data, .capacity = out->capacity, .len = out->len};
		write_u16_at(&w, SEQUENCE_AT, o->rtx ? sender->rtx_sequence++ : sender->sequence++);
	}
	rtp_extension_patch_abs_send_time(out, &c->extensions, now);
	if (c->feedback.transport_cc && c->extensions.ids[RTP_EXTENSION_TRANSPORT_CC])
		rtp_extension_patch_transport_sequence(out, &c->extensions,
						       twcc_sender_sent(&s->twcc_sender, now, size, cluster));
	gcc_on_packet_sent(&s->gcc, now, size);
}

static void remember(uint64_t now, rtp_sender *sender, const rtp_outgoing *o, const packet *out, bool encrypted)
{
	rtp_packet p;
	if (o->rtx || !sender->config.feedback.nack || sender->config.has_rtx == encrypted)
		return;
	if (!rtp_header_parse(slice_of(out->data, out->len), &p))
		rtp_history_put(&sender->history, now, p.sequence, slice_of(out->data, out->len)); /* or not: fine */
}

static void count_sent(rtp_session *s, uint64_t now, rtp_sender *sender, const rtp_outgoing *o, uint64_t queued)
{
	rtp_outbound_stats *st = &sender->stats;
	bool audio = !rtp_codec_is_video(sender->config.codec);
	if (audio || o->retransmission)
		count_other(s, now, o->len);
	sender->last_sent_at = now;
	sender->sent_any = true;
	size_t payload = o->again ? o->len - RTP_HEADER_SIZE : o->payload;
	st->padding_packets_sent += o->padding;
	st->packets_sent++;
	st->bytes_sent += payload;
	st->header_bytes_sent += payload ? o->len - payload : 0;
	if (o->padding)
		return;
	st->total_packet_send_delay_us += now - queued;
	if (o->retransmission) {
		st->retransmitted_packets_sent++;
		st->retransmitted_bytes_sent += payload;
		return;
	}
	sender->in_frame = !o->last_of_frame && !o->has_sequence;
	sender->sr_packets++;
	sender->sr_bytes += (uint32_t)payload;
}

static bool send_one(rtp_session *s, uint64_t now, const rtp_outgoing *o, const rtp_pacer_item *item, packet *out)
{
	rtp_sender *sender = session_sender(s, o->sender);
	if (!sender || out->capacity < o->len + RTP_CRYPTO_RTP_OVERHEAD_MAX)
		return false;
	memcpy(out->data, o->data, o->len);
	out->len = o->len;
	if (!o->again) {
		fill_in(s, now, sender, o, item->cluster, out);
		remember(now, sender, o, out, false);
		int err = rtp_crypto_protect_rtp(s->crypto, out);
		if (err) {
			trace_printf(s->trace, TRACE_WARN, "rtp", "sender %u: packet not encrypted: %s", sender->id,
				     parley_strerror(err));
			return false;
		}
		remember(now, sender, o, out, true);
	}
	count_sent(s, now, sender, o, item->queued);
	return true;
}

static bool send_padding(rtp_session *s, uint64_t now, const rtp_pacer_item *item, packet *out)
{
	rtp_outgoing *o = rtx_padding(s, now);
	bool sent = o && send_one(s, now, o, item, out);
	free(o);
	rtp_pacer_padding_sent(&s->pacer, now, sent ? out->len : 0, sent ? 1 : 0);
	return sent;
}

static bool send_queued(rtp_session *s, uint64_t now, const rtp_pacer_item *item, packet *out)
{
	rtp_outgoing *o = outgoing_of(item);
	bool sent = send_one(s, now, o, item, out);
	free(o);
	return sent;
}

static bool poll_media(rtp_session *s, uint64_t now, packet *out)
{
	bool sent = false;
	drop_overflow(s, now);
	for (rtp_pacer_item item; !sent && rtp_pacer_pop(&s->pacer, now, &item);)
		sent = item.priority == RTP_PACER_PADDING ? send_padding(s, now, &item, out)
							  : send_queued(s, now, &item, out);
	if (sent)
		transmit_estimated(s, now); /* the first packet starts the initial probes */
	return sent;
}

static bool poll_report(rtp_session *s, uint64_t now, packet *out)
{
	while (report_poll(s, now, out)) {
		int err = rtp_crypto_protect_rtcp(s->crypto, out);
		if (!err)
			return true;
		trace_printf(s->trace, TRACE_WARN, "rtp", "RTCP not encrypted: %s", parley_strerror(err));
	}
	return false;
}

bool transmit_poll(rtp_session *s, uint64_t now, packet *out)
{
	if (!s->crypto)
		return false;
	if (!poll_report(s, now, out) && (s->closed || !poll_media(s, now, out)))
		return false;
	s->stats.packets_sent++;
	s->stats.bytes_sent += out->len;
	return true;
}
