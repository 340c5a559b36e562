/*
 * rtp/receiver_stream.c: one received source: its sequence numbers (RFC 3550 A.1), what its RTX brings back (RFC 4588), how
 * long a hole is waited for, and the frames it gives.
 */
#include <stdlib.h>
#include <string.h>

#include "rtp/session_internal.h"

#define RTX_HEADER 2u	 /* the original sequence number */
#define RTX_AHEAD_MAX 64 /* a retransmission may overtake originals that were lost at the end of a burst */
/* What rtp_frames_packet.tag carries. */
#define TAG_ROTATION 0x1ffu
#define TAG_HAS_LEVEL 0x10000u
#define TAG_LEVEL_SHIFT 17u
#define TAG_LEVEL 0x7fu

void stream_free(rtp_stream *stream)
{
	rtp_frames_clear(&stream->frames);
	rtp_nack_clear(&stream->nack);
	free(stream);
}

uint32_t stream_clock_rate(const rtp_stream *stream)
{
	return stream->has_codec ? rtp_codec_clock_rate(stream->codec) : 0;
}

bool stream_nacks(const rtp_stream *stream)
{
	return stream->receiver->config.feedback.nack;
}

uint64_t stream_rtt(const rtp_session *s, const rtp_stream *stream)
{
	if (!s->has_rtt && stream->nack.has_rtt)
		return stream->nack.rtt_us;
	return session_rtt(s);
}

uint64_t stream_expected(const rtp_stream *stream)
{
	return stream->original ? (uint64_t)(stream->highest - stream->first) + 1 : 0;
}

/* --- taking packets --- */

static uint32_t tag_of(const rtp_extensions *x)
{
	uint32_t tag = x->has_video_orientation ? x->video_rotation & TAG_ROTATION : 0;
	if (x->has_audio_level)
		tag |= TAG_HAS_LEVEL | (uint32_t)x->audio_level << TAG_LEVEL_SHIFT;
	return tag;
}

static void set_codec(rtp_session *s, rtp_stream *stream, const rtp_receive_codec *codec)
{
	stream->payload_type = codec->payload_type;
	if (stream->has_codec && stream->codec == codec->codec)
		return;
	trace_printf(s->trace, TRACE_INFO, "rtp", "stream %u: %s, payload type %u", stream->ssrc,
		     rtp_codec_name(codec->codec), codec->payload_type);
	stream->has_codec = true;
	stream->codec = codec->codec;
	stream->jitter = (rtp_jitter){0};
	rtp_frames_reset(&stream->frames, codec->codec);
}

/* The sequence numbers begin anew: at the first packet, and after a jump (RFC 3550 A.1). */
static void begin_at(rtp_stream *stream, int64_t sequence)
{
	stream->first = stream->highest = sequence;
	stream->original = stream->expected_prior = stream->received_prior = 0;
	rtp_nack_clear(&stream->nack);
	if (stream->has_codec)
		rtp_frames_reset(&stream->frames, stream->codec);
}

static void queue_packet(rtp_session *s, uint64_t now, const rtp_stream *stream, const rtp_packet *p)
{
	rtp_packet plain = *p;
	plain.padding = 0;
	size_t len = rtp_packet_size(&plain);
	rtp_waiting_packet *w = s->packet_count < RTP_SESSION_PACKETS_MAX ? malloc(sizeof *w + len) : NULL;
	if (!w) {
		s->stats.dropped_limit++;
		return;
	}
	writer out = writer_of(w->data, len);
	*w = (rtp_waiting_packet){.receiver = stream->receiver->id,
				  .ssrc = stream->ssrc,
				  .codec = stream->codec,
				  .timestamp = p->timestamp,
				  .arrival = now,
				  .len = len};
	memcpy(w->rid, stream->rid, sizeof w->rid);
	if (rtp_packet_write(&out, &plain)) {
		free(w);
		return;
	}
	list_append(&s->packets, &w->node);
	s->packet_count++;
	s->events_possible = true;
}

/* Does the key frame that is wanted come already? Then asking for one is left for a while. */
static void notice_key(rtp_stream *stream, uint64_t now, const rtp_frames_packet *in)
{
	rtp_payload_info info;
	if (stream->key_started_at || !rtp_frames_needs_key(&stream->frames))
		return;
	if (in->payload.len && !rtp_payload_parse(stream->codec, in->payload, &info) &&
	    (info.key || info.parameter_sets))
		stream->key_started_at = now;
}

/* p: as it was before RTX. media: its payload is the stream's codec's. */
static void take(rtp_session *s, uint64_t now, rtp_stream *stream, int64_t sequence, const rtp_packet *p,
		 const rtp_extensions *x, bool media)
{
	if (stream->receiver->config.packets) {
		queue_packet(s, now, stream, p);
		return;
	}
	const rtp_frames_packet in = {.sequence = (uint64_t)sequence,
				      .timestamp = p->timestamp,
				      .marker = media && p->marker,
				      .arrival = now,
				      .tag = tag_of(x),
				      .payload = media ? p->payload : (slice){0}};
	rtp_frames_insert(&stream->frames, &in); /* errors are counted there; a frame will be missing */
	stream->drain = s->events_possible = true;
	notice_key(stream, now, &in);
}

static void count_received(rtp_stream *stream, uint64_t now, const rtp_packet *p)
{
	rtp_inbound_stats *st = &stream->stats;
	st->packets_received++;
	st->bytes_received += p->payload.len;
	st->header_bytes_received += rtp_packet_size(p) - p->payload.len;
	st->last_packet_at = now;
}

/* False: too far behind. */
static bool place_in_sequence(rtp_session *s, rtp_stream *stream, uint16_t number, int64_t *sequence)
{
	*sequence = RTP_EXTENDED_START + rtp_unwrap16_peek(&stream->sequences, number);
	if (!stream->sequences.started) {
		begin_at(stream, *sequence);
	} else if (*sequence > stream->highest + (int64_t)RTP_SESSION_SEQUENCE_JUMP) {
		trace_printf(s->trace, TRACE_WARN, "rtp", "stream %u: sequence number jumped to %u", stream->ssrc,
			     number);
		begin_at(stream, *sequence);
	} else if (*sequence < stream->highest - (int64_t)RTP_SESSION_SEQUENCE_JUMP) {
		return false;
	}
	rtp_unwrap16(&stream->sequences, number);
	if (*sequence > stream->highest)
		stream->highest = *sequence;
	if (*sequence < stream->first)
		stream->first = *sequence;
	stream->original++;
	return true;
}

static void learn_rid(rtp_stream *stream, const rtp_extensions *x)
{
	if (!x->has_rid || stream->rid[0] || x->rid.len >= RTP_SESSION_ID_MAX)
		return;
	for (size_t i = 0; i < stream->receiver->config.rid_count; i++)
		if (slice_equal_string(x->rid, stream->receiver->config.rids[i]))
			memcpy(stream->rid, x->rid.data, x->rid.len);
}

void stream_receive(rtp_session *s, uint64_t now, rtp_stream *stream, const rtp_packet *p, const rtp_extensions *x,
		    slice whole)
{
	bool rtx = false;
	int64_t sequence = 0;
	const rtp_receive_codec *codec = receiver_codec(stream->receiver, p->payload_type, &rtx);
	(void)whole;
	count_received(stream, now, p);
	learn_rid(stream, x);
	if (!place_in_sequence(s, stream, p->sequence, &sequence)) {
		stream->stats.packets_discarded++;
		return;
	}
	bool media = codec && !rtx && p->payload.len;
	if (media && (sequence == stream->highest || !stream->has_codec))
		set_codec(s, stream, codec);
	media = media && codec->codec == stream->codec;
	if (media)
		rtp_jitter_arrived(&stream->jitter, now, p->timestamp, stream_clock_rate(stream));
	if (stream_nacks(stream))
		rtp_nack_received(&stream->nack, now, sequence);
	take(s, now, stream, sequence, p, x, media);
}

/* Was it asked for, or lost without our knowing? A peer may send anything again as a probe. */
static bool rtx_wanted(rtp_stream *stream, uint64_t now, int64_t sequence)
{
	if (!stream->sequences.started || sequence > stream->highest + RTX_AHEAD_MAX ||
	    sequence < stream->highest - (int64_t)RTP_SESSION_SEQUENCE_JUMP)
		return false;
	if (!stream_nacks(stream))
		return !stream->receiver->config.packets; /* the frames know what they hold */
	if (rtp_nack_is_missing(&stream->nack, sequence))
		return rtp_nack_received(&stream->nack, now, sequence);
	return false;
}

void stream_receive_rtx(rtp_session *s, uint64_t now, rtp_stream *stream, const rtp_packet *p, const rtp_extensions *x)
{
	bool rtx = false;
	const rtp_receive_codec *codec = receiver_codec(stream->receiver, p->payload_type, &rtx);
	stream->stats.last_packet_at = now;
	if (p->payload.len <= RTX_HEADER) {
		stream->stats.packets_received++; /* as its sender counts it: a probe of nothing but padding */
		return;
	}
	if (!codec || !rtx) {
		s->stats.dropped_unknown++;
		return;
	}
	reader payload = reader_of(p->payload);
	rtp_packet original = *p;
	original.sequence = read_u16(&payload);
	original.payload = read_rest(&payload);
	original.ssrc = stream->ssrc;
	original.payload_type = codec->payload_type;
	original.padding = 0;
	count_received(stream, now, &original);
	stream->stats.retransmitted_packets_received++;
	stream->stats.retransmitted_bytes_received += original.payload.len;
	int64_t sequence = RTP_EXTENDED_START + rtp_unwrap16_peek(&stream->sequences, original.sequence);
	if (rtx_wanted(stream, now, sequence))
		take(s, now, stream, sequence, &original, x, stream->has_codec && codec->codec == stream->codec);
	else
		stream->stats.packets_duplicated++;
}

/* --- holes --- */

static uint64_t gap_deadline(const rtp_session *s, const rtp_stream *stream, rtp_frames_gap *gap)
{
	if (stream->receiver->config.packets || !rtp_frames_first_gap(&stream->frames, gap))
		return TIME_NEVER;
	uint64_t jitter = rtp_jitter_us(&stream->jitter, stream_clock_rate(stream));
	return time_after(gap->arrival, rtp_jitter_wait(jitter, stream_nacks(stream), stream_rtt(s, stream)));
}

uint64_t stream_deadline(const rtp_session *s, const rtp_stream *stream)
{
	rtp_frames_gap gap;
	return gap_deadline(s, stream, &gap);
}

void stream_timeout(rtp_session *s, uint64_t now, rtp_stream *stream)
{
	rtp_frames_gap gap;
	if (gap_deadline(s, stream, &gap) > now)
		return;
	trace_printf(s->trace, TRACE_DEBUG, "rtp", "stream %u: gave up %llu packets", stream->ssrc,
		     (unsigned long long)gap.count);
	rtp_frames_give_up_before(&stream->frames, gap.first + gap.count);
	rtp_nack_forget_before(&stream->nack, (int64_t)(gap.first + gap.count));
	stream->drain = s->events_possible = true;
}

uint64_t stream_key_deadline(const rtp_session *s, const rtp_stream *stream)
{
	const rtp_receiver_config *c = &stream->receiver->config;
	if (!c->video || !c->active || stream->ended || (!c->feedback.pli && !c->feedback.fir))
		return TIME_NEVER;
	uint64_t at = stream->created;
	if (stream->key_asked) {
		if (stream->has_key_request)
			at = time_after(stream->key_request_at, RTP_SESSION_KEY_REQUEST_US);
		return at;
	}
	if (c->packets || !stream->has_codec || !rtp_frames_needs_key(&stream->frames))
		return TIME_NEVER;
	uint64_t pause = stream_rtt(s, stream) + stream_rtt(s, stream) / 2;
	if (pause < RTP_SESSION_KEY_REQUEST_US)
		pause = RTP_SESSION_KEY_REQUEST_US;
	if (stream->has_key_request)
		at = time_after(stream->key_request_at, pause);
	uint64_t patience = stream->key_started_at ? time_after(stream->key_started_at, RTP_KEY_PATIENCE_US) : 0;
	at = at > patience ? at : patience;
	/* A source that has fallen silent is not asked on and on. */
	return at > time_after(stream->stats.last_packet_at, RTP_SESSION_STREAM_IDLE_US) ? TIME_NEVER : at;
}

/* --- frames --- */

static void count_frame(rtp_session *s, rtp_stream *stream, const rtp_frame *frame)
{
	rtp_inbound_stats *st = &stream->stats;
	rtp_dimensions size;
	st->frames_received++;
	st->key_frames_received += frame->key;
	st->frames_assembled_from_multiple_packets += frame->last_sequence > frame->first_sequence;
	st->jitter_buffer_delay_us += s->now - frame->first_arrival;
	st->jitter_buffer_emitted_count++;
	stream->last_frame_at = s->now;
	stream->key_started_at = 0;
	if (!stream->receiver->config.video || !frame->key || !rtp_frame_dimensions(stream->codec, frame->data, &size))
		return;
	st->frame_width = size.width;
	st->frame_height = size.height;
	stream->area = (uint32_t)size.width * size.height;
}

static void describe(const rtp_stream *stream, const rtp_frame *frame, rtp_session_event *event)
{
	event->codec = stream->codec;
	event->data = frame->data;
	event->rtp_timestamp = frame->timestamp;
	event->arrival = frame->last_arrival;
	event->key = frame->key;
	event->lost_before = frame->lost_before > UINT32_MAX ? UINT32_MAX : (uint32_t)frame->lost_before;
	event->rotation = stream->receiver->config.video ? (uint16_t)(frame->tag & TAG_ROTATION) : 0;
	event->has_audio_level = frame->tag & TAG_HAS_LEVEL;
	event->audio_level = (uint8_t)(frame->tag >> TAG_LEVEL_SHIFT & TAG_LEVEL);
	if (!stream->has_sr)
		return;
	int64_t since = (int32_t)(frame->timestamp - stream->sr_timestamp); /* in units of the clock; wraps */
	int64_t us = since * (int64_t)US_PER_S / (int64_t)stream_clock_rate(stream);
	uint64_t step = rtcp_ntp_of_us((uint64_t)(us < 0 ? -us : us));
	event->has_capture_ntp = true;
	event->capture_ntp = us < 0 ? stream->sr_ntp - step : stream->sr_ntp + step;
}

bool stream_poll_frame(rtp_session *s, rtp_stream *stream, rtp_session_event *event)
{
	rtp_frame frame;
	while (rtp_frames_poll(&stream->frames, &frame)) {
		count_frame(s, stream, &frame);
		rtp_nack_forget_before(&stream->nack, (int64_t)frame.last_sequence + 1);
		if (!receiver_gives_out(stream->receiver, stream, &frame, s->now)) {
			stream->stats.frames_dropped++;
			continue;
		}
		describe(stream, &frame, event);
		return true;
	}
	return false;
}
