/* Making a description piece by piece: what offers and answers have in common. */
#include "sdp/internal.h"

#define LITERAL(s) slice_from_string(s)

slice sdp_build_text(sdp_builder *b, slice s)
{
	slice copy = {0};
	if (!b->error && s.len)
		b->error = sdp_copy(b->session, s, &copy);
	return copy;
}

void sdp_build_item(sdp_builder *b, sdp_slices *list, slice s)
{
	slice copy = sdp_build_text(b, s);
	if (!b->error)
		b->error = sdp_push_slice(b->session, list, copy);
}

sdp_builder sdp_build(const sdp_local *local)
{
	sdp_builder b = {0};
	if (!local->ufrag.len || !local->pwd.len || !local->fingerprint.algorithm.len || !local->fingerprint.value.len)
		b.error = PARLEY_EINVAL;
	else if ((b.error = sdp_check_local_media(local)))
		return b;
	else if (!(b.session = sdp_new()))
		b.error = PARLEY_ENOMEM;
	if (b.error)
		return b;
	sdp_session *s = b.session;
	s->username = s->name = LITERAL("-");
	s->session_id = local->session_id;
	s->session_version = local->session_version;
	s->origin = (sdp_connection){LITERAL("IN"), LITERAL("IP4"), LITERAL("0.0.0.0")};
	s->ice_lite = local->ice_lite;
	s->has_ice_pacing = local->ice_pacing != 0;
	s->ice_pacing = local->ice_pacing;
	s->transport.ice_options = sdp_build_text(&b, local->ice_options);
	sdp_line *timing = b.error ? NULL : SDP_PUSH(s, s->lines.items, s->lines.count);
	if (timing)
		*timing = (sdp_line){'t', LITERAL("0 0")};
	else
		b.error = PARLEY_ENOMEM;
	return b;
}

sdp_media *sdp_build_media(sdp_builder *b, const sdp_media *like)
{
	sdp_session *s = b->session;
	if (!b->error && s->media_count == SDP_SECTIONS_MAX)
		b->error = PARLEY_ELIMIT;
	if (b->error)
		return NULL;
	sdp_media *m = SDP_PUSH(s, s->media, s->media_count);
	if (!m) {
		b->error = PARLEY_ENOMEM;
		return NULL;
	}
	m->kind = like->kind;
	m->rtp = like->rtp;
	m->media = sdp_build_text(b, like->media);
	m->proto = sdp_build_text(b, like->proto);
	m->mid = sdp_build_text(b, like->mid);
	m->connection = (sdp_connection){LITERAL("IN"), LITERAL("IP4"), LITERAL("0.0.0.0")};
	return b->error ? NULL : m;
}

void sdp_build_formats(sdp_builder *b, sdp_media *media, const sdp_media *like)
{
	for (size_t i = 0; media && i < like->codec_count; i++)
		sdp_build_codec(b, media, &(sdp_codec){.payload_type = like->codecs[i].payload_type}, 0);
	for (size_t i = 0; media && i < like->formats.count; i++)
		sdp_build_item(b, &media->formats, like->formats.items[i]);
}

void sdp_build_transport(sdp_builder *b, sdp_media *media, const sdp_local *local, sdp_setup setup)
{
	if (b->error || !media)
		return;
	/*
	 * RFC 8843 7.1.3 wants these in the section that speaks for the bundle only; but some peers look for them
	 * in every section, and all browsers write them there.
	 */
	sdp_transport *t = &media->transport;
	media->port = SDP_PORT_DISCARD;
	t->ufrag = sdp_build_text(b, local->ufrag);
	t->pwd = sdp_build_text(b, local->pwd);
	t->setup = setup;
	sdp_fingerprint *f = b->error ? NULL : SDP_PUSH(b->session, t->fingerprints, t->fingerprint_count);
	if (!f) {
		b->error = PARLEY_ENOMEM;
		return;
	}
	f->algorithm = sdp_build_text(b, local->fingerprint.algorithm);
	f->value = sdp_build_text(b, local->fingerprint.value);
}

void sdp_build_data(sdp_builder *b, sdp_media *media, const sdp_local *local)
{
	if (b->error || !media)
		return;
	sdp_build_item(b, &media->formats, LITERAL("webrtc-datachannel"));
	media->has_sctp_port = media->has_max_message_size = true;
	media->sctp_port = local->sctp_port;
	media->max_message_size = local->max_message_size;
	media->sctp_init = sdp_build_text(b, local->sctp_init);
	media->max_datagram = local->max_datagram;
}

void sdp_build_bundle(sdp_builder *b, const sdp_slices *order)
{
	sdp_session *s = b->session;
	sdp_slices mids = {0};
	if (b->error)
		return;
	for (size_t i = 0; i < (order ? order->count : s->media_count); i++) {
		int at = order ? sdp_find_mid(s, order->items[i]) : (int)i;
		if (at >= 0 && s->media[at].mid.len && !sdp_is_rejected(&s->media[at]))
			sdp_build_item(b, &mids, s->media[at].mid);
	}
	if (b->error || mids.count == 0)
		return;
	sdp_group *group = SDP_PUSH(s, s->groups, s->group_count);
	if (group)
		*group = (sdp_group){LITERAL("BUNDLE"), mids};
	else
		b->error = PARLEY_ENOMEM;
}

static void add_candidates(sdp_builder *b, const sdp_local *local)
{
	int section = b->error ? -1 : sdp_transport_section(b->session);
	if (section < 0)
		return;
	b->error = sdp_set_default_address(b->session, (size_t)section, &local->default_address);
	for (size_t i = 0; !b->error && i < local->candidate_count; i++)
		b->error = sdp_add_candidate(b->session, (size_t)section, local->candidates[i]);
	b->session->media[section].end_of_candidates = local->end_of_candidates;
}

int sdp_build_end(sdp_builder *b, const sdp_local *local, sdp_session **out)
{
	add_candidates(b, local);
	if (b->error)
		sdp_free(b->session);
	else
		*out = b->session;
	return b->error;
}
