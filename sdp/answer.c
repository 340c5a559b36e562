/* Making the answer (RFC 8829 5.3): what of an offer is accepted, and how. */
#include "base/text.h"
#include "sdp/internal.h"

/* One bundle, hence one transport, is accepted. */
typedef struct {
	const sdp_session *offer;
	const sdp_local *local;
	int data;		 /* the one data channel section; -1: none */
	int first;		 /* the section whose bundle is taken; -1: nothing is acceptable */
	const sdp_group *bundle; /* that bundle, outside of which all is rejected; NULL: only `first` is accepted */
	sdp_setup setup;
} answer_plan;

/* --- audio and video: what of it --- */

/* What the local end wants of a section: the media of its mid, else nothing but to keep it open. */
static sdp_local_media wanted_media(const sdp_local *local, const sdp_media *offered)
{
	const sdp_local_media *media = sdp_local_media_of(local, offered->mid);
	if (media)
		return *media;
	return (sdp_local_media){
		.kind = offered->kind,
		.direction = SDP_INACTIVE,
		.extensions = sdp_default_extensions(offered->kind),
	};
}

static const sdp_local_codec *wanted_codecs(const sdp_local_media *wanted, size_t *count)
{
	*count = wanted->codec_count;
	return wanted->codecs ? wanted->codecs : sdp_default_codecs(wanted->kind, count);
}

static bool is_match(const sdp_local_codec *local, const sdp_codec *offered)
{
	sdp_codec codec = sdp_codec_of(local);
	return sdp_codecs_match(&codec, offered);
}

static bool has_common_codec(const sdp_local_media *wanted, const sdp_media *offered)
{
	size_t count;
	const sdp_local_codec *codecs = wanted_codecs(wanted, &count);
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < offered->codec_count; k++)
			if (is_match(&codecs[i], &offered->codecs[k]))
				return true;
	return false;
}

static bool is_acceptable_media(const sdp_local *local, const sdp_media *offered)
{
	sdp_local_media wanted = wanted_media(local, offered);
	return sdp_is_dtls_rtp(offered) && offered->rtcp_mux && !wanted.stopped && wanted.kind == offered->kind &&
	       has_common_codec(&wanted, offered);
}

/* --- which sections --- */

static bool is_acceptable(const answer_plan *plan, size_t section)
{
	const sdp_session *offer = plan->offer;
	const sdp_media *m = &offer->media[section];
	if (sdp_is_rejected(m) || (m->bundle_only && !sdp_bundle_of(offer, section)))
		return false;
	if (sdp_is_data(m)) /* RFC 8841 5.1: without a port there is no association */
		return m->has_sctp_port && m->sctp_port != 0;
	return is_acceptable_media(plan->local, m);
}

/* RFC 8842 5.3: what the offer asks for; else what the DTLS association has already; else active. */
static sdp_setup answer_setup(sdp_setup offered, sdp_setup role)
{
	if (offered == SDP_SETUP_ACTIVE)
		return SDP_SETUP_PASSIVE;
	if (offered == SDP_SETUP_PASSIVE || role != SDP_SETUP_PASSIVE)
		return SDP_SETUP_ACTIVE;
	return SDP_SETUP_PASSIVE;
}

static bool accepts(const answer_plan *plan, size_t section)
{
	if (!is_acceptable(plan, section))
		return false;
	if (sdp_is_data(&plan->offer->media[section]) && plan->data != (int)section)
		return false;
	return plan->bundle ? sdp_bundle_of(plan->offer, section) == plan->bundle : plan->first == (int)section;
}

/* The data channels' bundle before any other, else that of the first section that is acceptable. */
static answer_plan make_plan(const sdp_session *offer, const sdp_local *local)
{
	answer_plan plan = {.offer = offer, .local = local, .data = -1, .first = -1};
	for (size_t i = offer->media_count; i-- > 0;) {
		if (!is_acceptable(&plan, i))
			continue;
		bool data = sdp_is_data(&offer->media[i]);
		if (data)
			plan.data = (int)i;
		if (data || plan.data < 0)
			plan.first = (int)i;
	}
	if (plan.first < 0)
		return plan;
	plan.bundle = sdp_bundle_of(offer, (size_t)plan.first);
	plan.setup = answer_setup(sdp_transport_of(offer, (size_t)plan.first).setup, local->role);
	return plan;
}

/* --- making it --- */

static void answer_rtx(sdp_builder *b, sdp_media *m, const sdp_media *offered, const sdp_codec *codec)
{
	char apt[SDP_APT_MAX];
	const sdp_codec *rtx = sdp_find_rtx(offered, codec->payload_type);
	if (!rtx || rtx->clock_rate != codec->clock_rate)
		return;
	sdp_codec answered = sdp_rtx_of(codec, rtx->payload_type, apt);
	sdp_build_codec(b, m, &answered, 0);
}

static void answer_codec(sdp_builder *b, sdp_media *m, const sdp_media *offered, const sdp_codec *codec,
			 const sdp_local_codec *local)
{
	if (b->error || sdp_find_codec(m, codec->payload_type))
		return; /* it is there already, by another entry of our list */
	sdp_codec answered = sdp_codec_of(local);
	answered.payload_type = codec->payload_type;
	answered.channels = codec->channels; /* as they write it: "/1" or nothing */
	if (slice_equal_nocase(codec->name, slice_from_string("H264")))
		b->error = sdp_h264_lower_level(b->session, codec->fmtp, &answered.fmtp);
	sdp_build_codec(b, m, &answered, local->feedback & sdp_feedback_of(offered, codec));
	if (local->rtx)
		answer_rtx(b, m, offered, codec);
}

/* RFC 8829 5.3.1: in the offered order, or in that of the preferences. */
static void answer_codecs(sdp_builder *b, sdp_media *m, const sdp_media *offered, const sdp_local_media *wanted)
{
	size_t count;
	const sdp_local_codec *ours = wanted_codecs(wanted, &count);
	size_t outer = wanted->codecs ? count : offered->codec_count;
	size_t inner = wanted->codecs ? offered->codec_count : count;
	for (size_t i = 0; i < outer; i++)
		for (size_t k = 0; k < inner; k++) {
			const sdp_local_codec *local = &ours[wanted->codecs ? i : k];
			const sdp_codec *codec = &offered->codecs[wanted->codecs ? k : i];
			if (is_match(local, codec))
				answer_codec(b, m, offered, codec, local);
		}
}

/* RFC 8285 6: the offered ids, and a direction reversed. */
static void answer_extensions(sdp_builder *b, sdp_media *m, const sdp_media *offered, unsigned wanted)
{
	for (size_t i = 0; i < offered->extmap_count; i++) {
		sdp_extmap e = offered->extmaps[i];
		int extension = sdp_extension_of(e.uri);
		if (extension < 0 || !(wanted & 1u << extension) || e.id > SDP_EXTENSION_ID_MAX)
			continue;
		e.direction = sdp_reversed(e.direction);
		sdp_build_extmap(b, m, &e);
		wanted &= ~(1u << extension); /* offered once more, it stays out */
	}
}

static const sdp_rid *find_send_rid(const sdp_media *m, slice id)
{
	for (size_t i = 0; i < m->rid_count; i++)
		if (m->rids[i].direction == SDP_SENDONLY && slice_equal(m->rids[i].id, id))
			return &m->rids[i];
	return NULL;
}

/*
 * RFC 8853 5.3.2: all layers that the rid extension can tell apart, of alternatives the first. A layer bound to payload
 * types is left out: nobody offers such, and they may not be in the answer (RFC 8851 6.2.2).
 */
static void answer_layers(sdp_builder *b, sdp_media *m, const sdp_media *offered)
{
	slice types;
	if (!m || !(m->direction & SDP_RECVONLY) || !sdp_find_extmap(m, SDP_EXTENSION_RID))
		return;
	for (size_t i = 0; i < offered->simulcast_send.count && m->rid_count < SDP_PLAN_RIDS_MAX; i++) {
		const sdp_simulcast_rid *layer = &offered->simulcast_send.items[i];
		const sdp_rid *rid = layer->alternative ? NULL : find_send_rid(offered, layer->rid);
		if (rid && !sdp_fmtp_get(rid->restrictions, "pt", &types))
			sdp_build_layer(b, m, rid);
	}
}

static void answer_rtp(sdp_builder *b, sdp_media *m, const answer_plan *plan, size_t section)
{
	const sdp_media *offered = &plan->offer->media[section];
	sdp_local_media wanted = wanted_media(plan->local, offered);
	if (!m)
		return;
	answer_codecs(b, m, offered, &wanted);
	answer_extensions(b, m, offered, wanted.extensions);
	m->rtcp_mux = true;
	m->rtcp_rsize = offered->rtcp_rsize;
	sdp_direction direction = sdp_reversed(sdp_direction_of(plan->offer, section)) & wanted.direction;
	sdp_build_direction(b, m, &wanted, direction, wanted.has_sent);
	answer_layers(b, m, offered);
	sdp_local_media *local = sdp_local_media_of(plan->local, offered->mid);
	if (local)
		local->section = (int)section;
}

static void answer_section(sdp_builder *b, const answer_plan *plan, size_t section)
{
	const sdp_media *offered = &plan->offer->media[section];
	sdp_media *m = sdp_build_media(b, offered);
	if (!accepts(plan, section)) {
		sdp_build_formats(b, m, offered);
		return;
	}
	sdp_build_transport(b, m, plan->local, plan->setup);
	if (sdp_is_data(offered))
		sdp_build_data(b, m, plan->local);
	else
		answer_rtp(b, m, plan, section);
}

int sdp_make_answer(const sdp_session *offer, const sdp_local *local, sdp_session **out)
{
	answer_plan plan = make_plan(offer, local);
	sdp_builder b = sdp_build(local);
	for (size_t i = 0; i < local->media_count; i++)
		local->media[i].section = -1;
	for (size_t i = 0; i < offer->media_count; i++)
		answer_section(&b, &plan, i);
	if (plan.bundle)
		sdp_build_bundle(&b, &plan.bundle->mids);
	return sdp_build_end(&b, local, out);
}
