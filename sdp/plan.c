/* What two descriptions agree on for one audio or video section, as the local end sees it. */
#include <string.h>

#include "base/text.h"
#include "sdp/internal.h"

typedef struct {
	const sdp_media *local, *remote, *answer;
} exchange;

/* --- codecs --- */

static sdp_plan_codec plan_codec(const sdp_codec *codec, const sdp_codec *rtx, unsigned feedback)
{
	bool silent = !codec->channels && codec->clock_rate != 90000; /* 90 kHz is video's clock (RFC 3551 5) */
	return (sdp_plan_codec){
		.payload_type = codec->payload_type,
		.has_rtx = rtx != NULL,
		.rtx_payload_type = rtx ? rtx->payload_type : 0,
		.name = codec->name,
		.clock_rate = codec->clock_rate,
		.channels = silent ? 1 : codec->channels,
		.fmtp = codec->fmtp,
		.feedback = feedback,
	};
}

static void add_codec(sdp_media_plan *out, const exchange *x, const sdp_codec *local, const sdp_codec *remote)
{
	const sdp_codec *local_rtx = sdp_find_rtx(x->local, local->payload_type);
	const sdp_codec *remote_rtx = sdp_find_rtx(x->remote, remote->payload_type);
	unsigned feedback = sdp_feedback_of(x->local, local) & sdp_feedback_of(x->remote, remote);
	if (!local_rtx || !remote_rtx)
		local_rtx = remote_rtx = NULL; /* both ends, or neither */
	out->send[out->codec_count] = plan_codec(remote, remote_rtx, feedback);
	out->receive[out->codec_count++] = plan_codec(local, local_rtx, feedback);
}

static bool has_local_type(const sdp_media_plan *out, uint8_t payload_type)
{
	for (size_t i = 0; i < out->codec_count; i++)
		if (out->receive[i].payload_type == payload_type)
			return true;
	return false;
}

static void add_codecs(sdp_media_plan *out, const exchange *x)
{
	const sdp_media *offer = x->answer == x->local ? x->remote : x->local;
	for (size_t i = 0; i < x->answer->codec_count && out->codec_count < SDP_PLAN_CODECS_MAX; i++) {
		const sdp_codec *answered = &x->answer->codecs[i];
		const sdp_codec *offered = sdp_is_rtx(answered) ? NULL : sdp_find_match(offer, answered);
		if (!offered)
			continue;
		const sdp_codec *local = x->answer == x->local ? answered : offered;
		if (!has_local_type(out, local->payload_type))
			add_codec(out, x, local, local == answered ? offered : answered);
	}
}

/* --- extensions --- */

static bool goes(const sdp_extmap *e, sdp_direction way)
{
	return !e->has_direction || (e->direction & way);
}

static void add_extensions(sdp_media_plan *out, const exchange *x)
{
	for (unsigned i = 0; i < SDP_EXTENSION_COUNT; i++) {
		const sdp_extmap *local = sdp_find_extmap(x->local, (sdp_extension)i);
		const sdp_extmap *remote = sdp_find_extmap(x->remote, (sdp_extension)i);
		if (!local || !remote)
			continue;
		if (goes(local, SDP_SENDONLY) && goes(remote, SDP_RECVONLY))
			out->send_extensions[i] = (uint8_t)remote->id;
		if (goes(local, SDP_RECVONLY) && goes(remote, SDP_SENDONLY))
			out->receive_extensions[i] = (uint8_t)local->id;
	}
}

/* --- what the remote end sends --- */

static const sdp_ssrc_group *fid_of(const sdp_media *remote, uint32_t ssrc, size_t place)
{
	for (size_t i = 0; i < remote->ssrc_group_count; i++) {
		const sdp_ssrc_group *g = &remote->ssrc_groups[i];
		if (slice_equal_string(g->semantics, "FID") && g->count == 2 && g->ssrcs[place] == ssrc)
			return g;
	}
	return NULL;
}

static sdp_plan_source *find_source(sdp_media_plan *out, uint32_t ssrc)
{
	for (size_t i = 0; i < out->source_count; i++)
		if (out->sources[i].ssrc == ssrc)
			return &out->sources[i];
	return NULL;
}

static sdp_plan_source *add_source(sdp_media_plan *out, const sdp_media *remote, uint32_t ssrc)
{
	sdp_plan_source *source = find_source(out, ssrc);
	if (source || out->source_count == SDP_PLAN_SOURCES_MAX)
		return source;
	const sdp_ssrc_group *fid = fid_of(remote, ssrc, 0);
	source = &out->sources[out->source_count++];
	*source = (sdp_plan_source){.ssrc = ssrc, .has_rtx = fid != NULL, .rtx_ssrc = fid ? fid->ssrcs[1] : 0};
	return source;
}

static void add_sources(sdp_media_plan *out, const sdp_media *remote)
{
	for (size_t i = 0; i < remote->ssrc_count; i++) {
		const sdp_ssrc *line = &remote->ssrcs[i];
		sdp_plan_source *source = fid_of(remote, line->ssrc, 1) ? NULL : add_source(out, remote, line->ssrc);
		if (source && slice_equal_string(line->attribute, "cname"))
			source->cname = line->value;
	}
}

static void add_streams(sdp_media_plan *out, const sdp_media *remote)
{
	if (remote->msid_count)
		out->track = remote->msids[0].track;
	for (size_t i = 0; i < remote->msid_count && out->stream_count < SDP_PLAN_STREAMS_MAX; i++)
		if (!slice_equal_string(remote->msids[i].stream, "-"))
			out->streams[out->stream_count++] = remote->msids[i].stream;
}

static bool has_layer(const sdp_simulcast_list *list, slice rid)
{
	for (size_t i = 0; i < list->count; i++)
		if (slice_equal(list->items[i].rid, rid))
			return true;
	return false;
}

static void add_rids(sdp_media_plan *out, const exchange *x)
{
	const sdp_simulcast_list *theirs = &x->remote->simulcast_send, *ours = &x->local->simulcast_recv;
	for (size_t i = 0; i < theirs->count && out->receive_rid_count < SDP_PLAN_RIDS_MAX; i++)
		if (has_layer(ours, theirs->items[i].rid))
			out->receive_rids[out->receive_rid_count++] = theirs->items[i].rid;
}

/* --- what the remote end takes --- */

static uint32_t attribute_number(const sdp_media *m, const char *name)
{
	for (size_t i = 0; i < m->attributes.count; i++) {
		slice value = m->attributes.items[i], key;
		uint32_t number;
		if (scan_token(&value, ':', &key) && slice_equal_string(key, name) &&
		    scan_u32(value, UINT32_MAX, &number))
			return number;
	}
	return 0;
}

/* RFC 8829 5.9: AS is kbit/s with 5 % for RTCP, and 40 bytes of headers for 50 packets a second. */
static uint32_t bandwidth_of(const sdp_media *m)
{
	uint32_t as = 0;
	for (size_t i = 0; i < m->lines.count; i++) {
		slice value = m->lines.items[i].value, type;
		uint32_t number;
		if (m->lines.items[i].type != 'b' || !scan_token(&value, ':', &type) ||
		    !scan_u32(value, UINT32_MAX, &number))
			continue;
		if (slice_equal_string(type, "TIAS"))
			return number;
		uint64_t bits = (uint64_t)number * 950;
		if (slice_equal_string(type, "AS") && bits > 50 * 40 * 8)
			as = bits - 50 * 40 * 8 < UINT32_MAX ? (uint32_t)(bits - 50 * 40 * 8) : UINT32_MAX;
	}
	return as;
}

/* --- */

static sdp_direction direction_of(const sdp_session *local, const sdp_session *remote, size_t section)
{
	return sdp_direction_of(local, section) & sdp_reversed(sdp_direction_of(remote, section));
}

int sdp_negotiated(const sdp_session *local, const sdp_session *remote, bool answer_is_local, size_t section,
		   sdp_media_plan *out)
{
	if (section >= local->media_count || section >= remote->media_count ||
	    !sdp_is_dtls_rtp(&local->media[section]) || !sdp_is_dtls_rtp(&remote->media[section]))
		return PARLEY_ENOTFOUND;
	exchange x = {.local = &local->media[section], .remote = &remote->media[section]};
	x.answer = answer_is_local ? x.local : x.remote;
	memset(out, 0, sizeof *out);
	out->kind = x.local->kind;
	out->mid = x.local->mid;
	if (sdp_is_rejected(x.local) || sdp_is_rejected(x.remote))
		return 0;
	add_codecs(out, &x);
	if (out->codec_count == 0)
		return 0;
	out->accepted = true;
	out->direction = direction_of(local, remote, section);
	out->rtcp_rsize = x.local->rtcp_rsize && x.remote->rtcp_rsize;
	add_extensions(out, &x);
	add_sources(out, x.remote);
	add_streams(out, x.remote);
	add_rids(out, &x);
	out->send_ptime = attribute_number(x.remote, "ptime");
	out->send_maxptime = attribute_number(x.remote, "maxptime");
	out->send_bandwidth = bandwidth_of(x.remote);
	return 0;
}
