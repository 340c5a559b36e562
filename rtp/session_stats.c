/* rtp/session_stats.c: what a session has to say of itself: statistics, invariants, a page for people. */
#include <assert.h>
#include <string.h>

#include "rtp/session_internal.h"

void rtp_session_get_stats(const rtp_session *s, rtp_session_stats *out)
{
	*out = s->stats;
	out->available_outgoing_bitrate = gcc_target_bps(&s->gcc);
	out->available_incoming_bitrate = s->remb_bps;
	out->has_rtt = s->has_rtt;
	out->rtt_us = s->rtt_us;
}

int rtp_session_get_outbound_stats(const rtp_session *s, rtp_sender_id id, rtp_outbound_stats *out)
{
	const rtp_sender *sender = session_sender(s, id);
	if (!sender)
		return PARLEY_ENOTFOUND;
	*out = sender->stats;
	out->ssrc = sender->config.ssrc;
	out->rtx_ssrc = sender->config.has_rtx ? sender->config.rtx_ssrc : 0;
	out->payload_type = sender->config.payload_type;
	out->codec = sender->config.codec;
	out->active = sender->config.active;
	out->target_bitrate = rtp_codec_is_video(sender->config.codec) ? transmit_target(s) : 0;
	memcpy(out->mid, sender->config.mid, sizeof out->mid);
	memcpy(out->rid, sender->config.rid, sizeof out->rid);
	return 0;
}

int rtp_session_get_inbound_stats(const rtp_session *s, rtp_receiver_id id, size_t index, rtp_inbound_stats *out)
{
	const rtp_receiver *r = session_receiver(s, id);
	if (!r || index >= r->stream_count)
		return PARLEY_ENOTFOUND;
	const rtp_stream *stream = r->streams[index];
	*out = stream->stats;
	out->ssrc = stream->ssrc;
	out->rtx_ssrc = stream->has_rtx ? stream->rtx_ssrc : 0;
	out->payload_type = stream->payload_type;
	out->codec = stream->codec;
	out->current = r->config.all_layers || r->current == stream;
	memcpy(out->mid, r->config.mid, sizeof out->mid);
	memcpy(out->rid, stream->rid, sizeof out->rid);
	out->packets_lost = (int64_t)stream_expected(stream) - (int64_t)stream->original;
	out->packets_discarded += stream->frames.stats.late;
	out->packets_duplicated += stream->frames.stats.duplicates;
	out->frames_dropped += stream->frames.stats.broken + stream->frames.stats.skipped;
	out->jitter_us = rtp_jitter_us(&stream->jitter, stream_clock_rate(stream));
	return 0;
}

static void check_stream(const rtp_stream *stream, const rtp_receiver *r)
{
	assert(stream->receiver == r);
	assert(!stream->sequences.started || stream->first <= stream->highest);
	rtp_frames_check_invariants(&stream->frames);
	rtp_nack_check_invariants(&stream->nack);
	(void)r;
}

static void check_receiver(const rtp_receiver *r)
{
	bool current = !r->current;
	assert(r->stream_count <= RTP_SESSION_STREAMS_MAX);
	for (size_t i = 0; i < r->stream_count; i++) {
		check_stream(r->streams[i], r);
		current = current || r->current == r->streams[i];
	}
	assert(current);
	(void)current;
}

static size_t pacer_count(const rtp_session *s)
{
	size_t count = 0;
	for (size_t i = 0; i < RTP_PACER_QUEUES; i++)
		count += s->pacer.queues[i].count;
	return count;
}

void rtp_session_check_invariants(const rtp_session *s)
{
	size_t waiting = 0, packets = 0;
	LIST_FOR (node, &s->waiting)
		waiting++;
	LIST_FOR (node, &s->packets)
		packets++;
	assert(waiting == pacer_count(s));
	assert(packets == s->packet_count && packets <= RTP_SESSION_PACKETS_MAX);
	assert(s->sender_count <= RTP_SESSION_SENDERS_MAX && s->receiver_count <= RTP_SESSION_RECEIVERS_MAX);
	assert(s->bye_count <= RTP_BYES_MAX && s->reference_count <= RTP_DLRRS_MAX);
	for (size_t i = 0; i < s->sender_count; i++)
		rtp_history_check_invariants(&s->senders[i]->history);
	for (size_t i = 0; i < s->receiver_count; i++)
		check_receiver(s->receivers[i]);
	rtp_pacer_check_invariants(&s->pacer);
	gcc_check_invariants(&s->gcc);
	(void)waiting, (void)packets;
}

static void dump_sender(const rtp_sender *sender, text *out)
{
	const rtp_outbound_stats *st = &sender->stats;
	text_printf(out, "  sender %u: ssrc %u, mid %s, %s%s: %llu packets, %llu frames, %llu sent again, %llu PLI\n",
		    sender->id, sender->config.ssrc, sender->config.mid, rtp_codec_name(sender->config.codec),
		    sender->config.active ? "" : ", paused", (unsigned long long)st->packets_sent,
		    (unsigned long long)st->frames_sent, (unsigned long long)st->retransmitted_packets_sent,
		    (unsigned long long)st->pli_count);
}

static void dump_receiver(const rtp_receiver *r, text *out)
{
	text_printf(out, "  receiver %u: mid %s, %s%s\n", r->id, r->config.mid, r->config.video ? "video" : "audio",
		    r->config.active ? "" : ", paused");
	for (size_t i = 0; i < r->stream_count; i++) {
		const rtp_stream *stream = r->streams[i];
		text_printf(out, "    stream %u%s: %llu packets, %llu frames, %zu missing%s\n", stream->ssrc,
			    r->current == stream ? " (current)" : "",
			    (unsigned long long)stream->stats.packets_received,
			    (unsigned long long)stream->stats.frames_received, stream->nack.count,
			    rtp_frames_needs_key(&stream->frames) ? ", waits for a key frame" : "");
	}
}

void rtp_session_dump(const rtp_session *s, text *out)
{
	text_printf(out, "RTP session%s%s: %llu packets sent, %llu received, round trip %llu us\n",
		    s->crypto ? "" : ", no keys yet", s->closed ? ", closed" : "",
		    (unsigned long long)s->stats.packets_sent, (unsigned long long)s->stats.packets_received,
		    (unsigned long long)s->rtt_us);
	for (size_t i = 0; i < s->sender_count; i++)
		dump_sender(s->senders[i], out);
	for (size_t i = 0; i < s->receiver_count; i++)
		dump_receiver(s->receivers[i], out);
	rtp_pacer_dump(&s->pacer, out);
	gcc_dump(&s->gcc, out);
}
