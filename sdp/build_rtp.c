/* Making an audio or video section piece by piece: codecs, extensions, direction, sources. */
#include "base/text.h"
#include "sdp/internal.h"

#define LITERAL(s) slice_from_string(s)
#define MSID_MAX 64u /* RFC 8830 2 */

/* --- what the caller may ask for --- */

static bool is_line_safe(slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] == '\0' || s.data[i] == '\r' || s.data[i] == '\n')
			return false;
	return true;
}

static bool is_codec_valid(const sdp_local_codec *c)
{
	return sdp_is_token(LITERAL(c->name)) && c->clock_rate && c->payload_type < 128 && c->rtx_payload_type < 128 &&
	       is_line_safe(LITERAL(c->fmtp)) && !sdp_is_rtx(&(sdp_codec){.name = LITERAL(c->name)});
}

static bool is_msid_valid(slice id)
{
	return id.len <= MSID_MAX && sdp_is_token(id);
}

static bool is_media_valid(const sdp_local_media *m)
{
	bool valid = (m->kind == SDP_AUDIO || m->kind == SDP_VIDEO) && (!m->codecs || m->codec_count) &&
		     is_line_safe(m->cname) && (!m->track.len || is_msid_valid(m->track));
	for (size_t i = 0; valid && m->codecs && i < m->codec_count; i++)
		valid = is_codec_valid(&m->codecs[i]);
	for (size_t i = 0; valid && i < m->stream_count; i++)
		valid = is_msid_valid(m->streams[i]);
	return valid;
}

int sdp_check_local_media(const sdp_local *local)
{
	for (size_t i = 0; i < local->media_count; i++)
		if (!is_media_valid(&local->media[i]))
			return PARLEY_EINVAL;
	return 0;
}

sdp_local_media *sdp_local_media_of(const sdp_local *local, slice mid)
{
	for (size_t i = 0; mid.len && i < local->media_count; i++)
		if (slice_equal(local->media[i].mid, mid))
			return &local->media[i];
	return NULL;
}

/* --- codecs and extensions --- */

sdp_codec *sdp_build_codec(sdp_builder *b, sdp_media *media, const sdp_codec *codec, unsigned feedback)
{
	const char *word;
	if (b->error || !media)
		return NULL;
	sdp_codec *c = SDP_PUSH(b->session, media->codecs, media->codec_count);
	if (!c) {
		b->error = PARLEY_ENOMEM;
		return NULL;
	}
	c->payload_type = codec->payload_type;
	c->has_rtpmap = codec->has_rtpmap;
	c->name = sdp_build_text(b, codec->name);
	c->clock_rate = codec->clock_rate;
	c->channels = codec->channels;
	c->fmtp = sdp_build_text(b, codec->fmtp);
	for (size_t i = 0; (word = sdp_feedback_text(feedback, i)); i++)
		sdp_build_item(b, &c->rtcp_fb, LITERAL(word));
	return b->error ? NULL : c;
}

sdp_codec sdp_rtx_of(const sdp_codec *base, uint8_t payload_type, char apt[SDP_APT_MAX])
{
	text t = text_of(apt, SDP_APT_MAX);
	text_printf(&t, "apt=%u", base->payload_type);
	return (sdp_codec){
		.payload_type = payload_type,
		.has_rtpmap = true,
		.name = LITERAL("rtx"),
		.clock_rate = base->clock_rate,
		.fmtp = slice_of(apt, t.len),
	};
}

void sdp_build_extmap(sdp_builder *b, sdp_media *media, const sdp_extmap *extmap)
{
	if (b->error || !media)
		return;
	sdp_extmap *e = SDP_PUSH(b->session, media->extmaps, media->extmap_count);
	if (!e) {
		b->error = PARLEY_ENOMEM;
		return;
	}
	*e = *extmap;
	e->uri = sdp_build_text(b, extmap->uri);
	e->attributes = sdp_build_text(b, extmap->attributes);
}

void sdp_build_layer(sdp_builder *b, sdp_media *media, const sdp_rid *like)
{
	sdp_rid *rid = b->error ? NULL : SDP_PUSH(b->session, media->rids, media->rid_count);
	sdp_simulcast_list *list = &media->simulcast_recv;
	sdp_simulcast_rid *layer = rid ? SDP_PUSH(b->session, list->items, list->count) : NULL;
	if (!layer) {
		b->error = b->error ? b->error : PARLEY_ENOMEM;
		return;
	}
	rid->id = layer->rid = sdp_build_text(b, like->id);
	rid->direction = SDP_RECVONLY;
	rid->restrictions = sdp_build_text(b, like->restrictions);
}

/* --- direction and sources --- */

static void build_msid(sdp_builder *b, sdp_media *media, slice stream, slice track)
{
	sdp_msid *msid = b->error ? NULL : SDP_PUSH(b->session, media->msids, media->msid_count);
	if (!msid) {
		b->error = b->error ? b->error : PARLEY_ENOMEM;
		return;
	}
	msid->stream = sdp_build_text(b, stream);
	msid->track = sdp_build_text(b, track);
}

static void build_cname(sdp_builder *b, sdp_media *media, uint32_t ssrc, slice cname)
{
	sdp_ssrc *line = b->error ? NULL : SDP_PUSH(b->session, media->ssrcs, media->ssrc_count);
	if (!line) {
		b->error = b->error ? b->error : PARLEY_ENOMEM;
		return;
	}
	*line = (sdp_ssrc){.ssrc = ssrc, .attribute = LITERAL("cname"), .has_value = true};
	line->value = sdp_build_text(b, cname);
}

/* RFC 4588 8.3 by RFC 5576 4.2: the rtx SSRC belongs to the other. */
static void build_fid(sdp_builder *b, sdp_media *media, uint32_t ssrc, uint32_t rtx_ssrc)
{
	sdp_ssrc_group *group = b->error ? NULL : SDP_PUSH(b->session, media->ssrc_groups, media->ssrc_group_count);
	uint32_t *ssrcs = group ? sdp_alloc(b->session, 2 * sizeof *ssrcs) : NULL;
	if (!ssrcs) {
		b->error = b->error ? b->error : PARLEY_ENOMEM;
		return;
	}
	ssrcs[0] = ssrc;
	ssrcs[1] = rtx_ssrc;
	*group = (sdp_ssrc_group){.semantics = LITERAL("FID"), .ssrcs = ssrcs, .count = 2};
}

static bool has_rtx(const sdp_media *media)
{
	for (size_t i = 0; i < media->codec_count; i++)
		if (sdp_is_rtx(&media->codecs[i]))
			return true;
	return false;
}

static void build_msids(sdp_builder *b, sdp_media *media, const sdp_local_media *local)
{
	if (local->stream_count == 0)
		build_msid(b, media, LITERAL("-"), local->track);
	for (size_t i = 0; i < local->stream_count; i++)
		build_msid(b, media, local->streams[i], local->track);
}

static void build_sources(sdp_builder *b, sdp_media *media, const sdp_local_media *local)
{
	if (!local->cname.len)
		return;
	build_cname(b, media, local->ssrc, local->cname);
	if (!local->has_rtx_ssrc || !has_rtx(media))
		return;
	build_cname(b, media, local->rtx_ssrc, local->cname);
	build_fid(b, media, local->ssrc, local->rtx_ssrc);
}

void sdp_build_direction(sdp_builder *b, sdp_media *media, const sdp_local_media *local, sdp_direction direction,
			 bool had_msid)
{
	if (b->error || !media)
		return;
	media->has_direction = true;
	media->direction = direction;
	if (!had_msid && !(direction & SDP_SENDONLY))
		return;
	build_msids(b, media, local);
	build_sources(b, media, local);
}
