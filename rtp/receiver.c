/* rtp/receiver.c: what we receive in one m= section: its configuration, its streams, and which of them is given out. */
#include <stdlib.h>
#include <string.h>

#include "rtp/session_internal.h"

void rtp_receiver_config_default(rtp_receiver_config *config)
{
	memset(config, 0, sizeof *config);
	config->active = true;
}

/* --- configuration --- */

static bool id_ends(const char *id)
{
	return memchr(id, 0, RTP_SESSION_ID_MAX) != NULL;
}

static bool codecs_valid(const rtp_receiver_config *c)
{
	for (size_t i = 0; i < c->codec_count; i++) {
		const rtp_receive_codec *codec = &c->codecs[i];
		if ((unsigned)codec->codec >= RTP_CODECS || codec->payload_type > RTP_PAYLOAD_TYPE_MAX ||
		    codec->rtx_payload_type > RTP_PAYLOAD_TYPE_MAX || rtp_codec_is_video(codec->codec) != c->video)
			return false;
	}
	return true;
}

static bool has_source(const rtp_receiver_config *c, uint32_t ssrc)
{
	for (size_t i = 0; i < c->source_count; i++)
		if (c->sources[i].ssrc == ssrc || (c->sources[i].has_rtx && c->sources[i].rtx_ssrc == ssrc))
			return true;
	return false;
}

static bool collides(const rtp_receiver_config *a, const rtp_receiver_config *b)
{
	if (a->mid[0] && strcmp(a->mid, b->mid) == 0)
		return true;
	for (size_t i = 0; i < a->source_count; i++)
		if (has_source(b, a->sources[i].ssrc) ||
		    (a->sources[i].has_rtx && has_source(b, a->sources[i].rtx_ssrc)))
			return true;
	return false;
}

static bool config_valid(const rtp_session *s, const rtp_receiver_config *c, rtp_receiver_id self)
{
	if (c->codec_count > RTP_SESSION_CODECS_MAX || c->source_count > RTP_SESSION_SOURCES_MAX ||
	    c->rid_count > RTP_SESSION_RIDS_MAX || !id_ends(c->mid) || !codecs_valid(c))
		return false;
	for (size_t i = 0; i < c->rid_count; i++)
		if (!id_ends(c->rids[i]))
			return false;
	for (size_t i = 0; i < s->receiver_count; i++)
		if (s->receivers[i]->id != self && collides(c, &s->receivers[i]->config))
			return false;
	return true;
}

void receiver_refresh(rtp_session *s)
{
	s->receive_map = (rtp_extension_map){0};
	s->twcc_wanted = false;
	for (size_t i = 0; i < s->receiver_count; i++) {
		const rtp_receiver_config *c = &s->receivers[i]->config;
		for (size_t k = 0; k < RTP_EXTENSION_KINDS; k++)
			if (c->extensions.ids[k])
				s->receive_map.ids[k] = c->extensions.ids[k];
		s->twcc_wanted = s->twcc_wanted || c->feedback.transport_cc;
	}
}

const rtp_receive_codec *receiver_codec(const rtp_receiver *r, uint8_t payload_type, bool *rtx)
{
	for (size_t i = 0; i < r->config.codec_count; i++) {
		const rtp_receive_codec *codec = &r->config.codecs[i];
		*rtx = codec->has_rtx && codec->rtx_payload_type == payload_type;
		if (*rtx || codec->payload_type == payload_type)
			return codec;
	}
	*rtx = false;
	return NULL;
}

/* --- life --- */

int rtp_session_add_receiver(rtp_session *s, uint64_t now, const rtp_receiver_config *config, rtp_receiver_id *out)
{
	s->now = now;
	if (s->receiver_count == RTP_SESSION_RECEIVERS_MAX)
		return PARLEY_ELIMIT;
	if (!config_valid(s, config, 0))
		return PARLEY_EINVAL;
	rtp_receiver *r = calloc(1, sizeof *r);
	if (!r)
		return PARLEY_ENOMEM;
	r->id = ++s->next_id;
	r->config = *config;
	s->receivers[s->receiver_count++] = r;
	receiver_refresh(s);
	*out = r->id;
	trace_printf(s->trace, TRACE_INFO, "rtp", "receiver %u: %s, mid %s, %zu payload types, %zu sources", r->id,
		     config->video ? "video" : "audio", config->mid, config->codec_count, config->source_count);
	return 0;
}

static void apply_sources(rtp_receiver *r, rtp_stream *stream)
{
	for (size_t i = 0; i < r->config.source_count; i++) {
		const rtp_receive_source *source = &r->config.sources[i];
		if (source->ssrc != stream->ssrc || !source->has_rtx)
			continue;
		stream->has_rtx = true;
		stream->rtx_ssrc = source->rtx_ssrc;
	}
}

static void forget_held(rtp_stream *stream)
{
	rtp_frames_reset(&stream->frames, stream->codec);
	rtp_nack_clear(&stream->nack);
	stream->drain = false;
}

int rtp_session_update_receiver(rtp_session *s, uint64_t now, rtp_receiver_id id, const rtp_receiver_config *config)
{
	rtp_receiver *r = session_receiver(s, id);
	s->now = now;
	if (!r)
		return PARLEY_ENOTFOUND;
	if (!config_valid(s, config, id))
		return PARLEY_EINVAL;
	bool paused = r->config.active && !config->active;
	bool mode = r->config.packets != config->packets;
	r->config = *config;
	for (size_t i = 0; i < r->stream_count; i++) {
		apply_sources(r, r->streams[i]);
		if (paused || mode)
			forget_held(r->streams[i]);
	}
	receiver_refresh(s);
	return 0;
}

void receiver_free(rtp_receiver *r)
{
	for (size_t i = 0; i < r->stream_count; i++)
		stream_free(r->streams[i]);
	free(r);
}

int rtp_session_remove_receiver(rtp_session *s, uint64_t now, rtp_receiver_id id)
{
	s->now = now;
	for (size_t i = 0; i < s->receiver_count; i++) {
		if (s->receivers[i]->id != id)
			continue;
		receiver_free(s->receivers[i]);
		s->receivers[i] = s->receivers[--s->receiver_count];
		receiver_refresh(s);
		return 0;
	}
	return PARLEY_ENOTFOUND;
}

int rtp_session_request_key_frame(rtp_session *s, uint64_t now, rtp_receiver_id id)
{
	rtp_receiver *r = session_receiver(s, id);
	s->now = now;
	if (!r)
		return PARLEY_ENOTFOUND;
	if (!r->config.video || (!r->config.feedback.pli && !r->config.feedback.fir))
		return PARLEY_EUNSUPPORTED;
	for (size_t i = 0; i < r->stream_count; i++)
		r->streams[i]->key_asked =
			r->streams[i]->key_asked || !r->current || r->config.all_layers || r->current == r->streams[i];
	r->key_asked = r->stream_count == 0;
	return 0;
}

int rtp_session_receive_packets(rtp_session *s, rtp_receiver_id id, bool packets)
{
	rtp_receiver *r = session_receiver(s, id);
	if (!r)
		return PARLEY_ENOTFOUND;
	for (size_t i = 0; i < r->stream_count && r->config.packets != packets; i++)
		forget_held(r->streams[i]);
	r->config.packets = packets;
	return 0;
}

/* --- streams --- */

rtp_stream *receiver_stream(rtp_receiver *r, uint32_t ssrc)
{
	for (size_t i = 0; i < r->stream_count; i++)
		if (r->streams[i]->ssrc == ssrc && !r->streams[i]->ended)
			return r->streams[i];
	return NULL;
}

static bool rid_wanted(const rtp_receiver_config *c, slice rid)
{
	if (rid.len >= RTP_SESSION_ID_MAX)
		return false;
	for (size_t i = 0; i < c->rid_count; i++)
		if (slice_equal_string(rid, c->rids[i]))
			return true;
	return c->rid_count == 0 || rid.len == 0;
}

/* Marks the longest silent stream as ended; its place is free when the owner has taken the event. */
static void push_out(rtp_session *s, uint64_t now, rtp_receiver *r)
{
	rtp_stream *oldest = r->streams[0];
	for (size_t i = 1; i < r->stream_count; i++)
		if (r->streams[i]->stats.last_packet_at < oldest->stats.last_packet_at)
			oldest = r->streams[i];
	if (now - oldest->stats.last_packet_at > RTP_SESSION_STREAM_IDLE_US)
		oldest->ended = s->events_possible = true;
	s->stats.dropped_limit++;
}

rtp_stream *receiver_add_stream(rtp_session *s, uint64_t now, rtp_receiver *r, uint32_t ssrc, slice rid)
{
	if (!rid_wanted(&r->config, rid)) {
		s->stats.dropped_unknown++;
		return NULL;
	}
	if (r->stream_count == RTP_SESSION_STREAMS_MAX) {
		push_out(s, now, r);
		return NULL;
	}
	rtp_stream *stream = calloc(1, sizeof *stream);
	if (!stream)
		return NULL;
	stream->receiver = r;
	stream->ssrc = ssrc;
	memcpy(stream->rid, rid.data ? (const void *)rid.data : "", rid.len);
	stream->announce = s->events_possible = true;
	stream->created = stream->last_frame_at = stream->stats.last_packet_at = now;
	stream->key_asked = r->key_asked;
	r->key_asked = false;
	rtp_frames_init(&stream->frames, r->config.video ? RTP_VP8 : RTP_OPUS, s->trace);
	apply_sources(r, stream);
	r->streams[r->stream_count++] = stream;
	trace_printf(s->trace, TRACE_INFO, "rtp", "receiver %u: stream %u%s%s", r->id, ssrc, rid.len ? ", rid " : "",
		     stream->rid);
	return stream;
}

void receiver_remove_stream(rtp_receiver *r, rtp_stream *stream)
{
	for (size_t i = 0; i < r->stream_count; i++) {
		if (r->streams[i] != stream)
			continue;
		r->streams[i] = r->streams[--r->stream_count];
		break;
	}
	if (r->current == stream)
		r->current = NULL;
	stream_free(stream);
}

/* Layers: the larger picture; sources without rid: the newest, as after a change of SSRC. */
static bool better(const rtp_stream *stream, const rtp_stream *current, uint64_t now)
{
	if (current->ended || now - current->last_frame_at > RTP_LAYER_SILENT_US)
		return true;
	if (stream->rid[0] && current->rid[0])
		return stream->area > current->area;
	return stream->created > current->created;
}

bool receiver_gives_out(rtp_receiver *r, const rtp_stream *stream, const rtp_frame *frame, uint64_t now)
{
	if (r->config.all_layers || r->current == stream)
		return true;
	if (r->current && !(frame->key && better(stream, r->current, now)))
		return false;
	for (size_t i = 0; i < r->stream_count; i++)
		if (r->streams[i] == stream)
			r->current = r->streams[i];
	return true;
}
