/* Making the answer (RFC 8829 5.3): what of an offer is accepted, and how. */
#include "base/text.h"
#include "sdp/internal.h"

#define MID_EXTENSION "urn:ietf:params:rtp-hdrext:sdes:mid" /* RFC 9143 15.2: tells bundled sections apart */

/* The codecs of rtp/, so that a section keeps at least one format both sides know. */
static const char *const audio_codecs[] = {"opus", "PCMU", "PCMA", "G722", NULL};
static const char *const video_codecs[] = {"VP8", "VP9", "H264", "H265", "AV1", NULL};

/* One bundle, hence one transport, is accepted. */
typedef struct {
	const sdp_session *offer;
	int data;		 /* the one data channel section; -1: none */
	int first;		 /* the section whose bundle is taken; -1: nothing is acceptable */
	const sdp_group *bundle; /* that bundle, outside of which all is rejected; NULL: only `first` is accepted */
	sdp_setup setup;
} answer_plan;

static bool is_known_codec(sdp_kind kind, const sdp_codec *codec)
{
	for (const char *const *name = kind == SDP_AUDIO ? audio_codecs : video_codecs; *name; name++)
		if (slice_equal_nocase(codec->name, slice_from_string(*name)))
			return true;
	return false;
}

/* Known here, or the retransmission (RFC 4588 8.6) of one that is. */
static bool keeps_codec(const sdp_media *media, const sdp_codec *codec)
{
	slice apt;
	uint32_t base_type;
	if (is_known_codec(media->kind, codec))
		return true;
	if (!slice_equal_nocase(codec->name, slice_from_string("rtx")) || !sdp_fmtp_get(codec->fmtp, "apt", &apt) ||
	    !scan_u32(apt, 127, &base_type))
		return false;
	const sdp_codec *base = sdp_find_codec(media, base_type);
	return base && is_known_codec(media->kind, base);
}

static bool has_known_codec(const sdp_media *media)
{
	for (size_t i = 0; i < media->codec_count; i++)
		if (is_known_codec(media->kind, &media->codecs[i]))
			return true;
	return false;
}

static bool is_acceptable(const sdp_session *offer, size_t section)
{
	const sdp_media *m = &offer->media[section];
	if (sdp_is_rejected(m) || (m->bundle_only && !sdp_bundle_of(offer, section)))
		return false;
	if (sdp_is_data(m)) /* RFC 8841 5.1: without a port there is no association */
		return m->has_sctp_port && m->sctp_port != 0;
	return sdp_is_dtls_rtp(m) && m->rtcp_mux && has_known_codec(m);
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
	if (!is_acceptable(plan->offer, section))
		return false;
	if (sdp_is_data(&plan->offer->media[section]) && plan->data != (int)section)
		return false;
	return plan->bundle ? sdp_bundle_of(plan->offer, section) == plan->bundle : plan->first == (int)section;
}

/* The data channels' bundle before any other, else that of the first section that is acceptable. */
static answer_plan make_plan(const sdp_session *offer, sdp_setup role)
{
	answer_plan plan = {.offer = offer, .data = -1, .first = -1};
	for (size_t i = offer->media_count; i-- > 0;) {
		if (!is_acceptable(offer, i))
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
	plan.setup = answer_setup(sdp_transport_of(offer, (size_t)plan.first).setup, role);
	return plan;
}

static void answer_rtp(sdp_builder *b, sdp_media *m, const sdp_media *offered)
{
	for (size_t i = 0; i < offered->codec_count; i++)
		if (keeps_codec(offered, &offered->codecs[i]))
			sdp_build_codec(b, m, &offered->codecs[i]);
	for (size_t i = 0; i < offered->extmap_count; i++)
		if (slice_equal_string(offered->extmaps[i].uri, MID_EXTENSION))
			sdp_build_extmap(b, m, &offered->extmaps[i]);
	if (!m)
		return;
	m->rtcp_mux = true;
	m->has_direction = true;
	m->direction = SDP_INACTIVE;
}

static void answer_section(sdp_builder *b, const answer_plan *plan, const sdp_local *local, size_t section)
{
	const sdp_media *offered = &plan->offer->media[section];
	sdp_media *m = sdp_build_media(b, offered);
	if (!accepts(plan, section)) {
		sdp_build_formats(b, m, offered);
		return;
	}
	sdp_build_transport(b, m, local, plan->setup);
	if (sdp_is_data(offered))
		sdp_build_data(b, m, local);
	else
		answer_rtp(b, m, offered);
}

int sdp_make_answer(const sdp_session *offer, const sdp_local *local, sdp_session **out)
{
	answer_plan plan = make_plan(offer, local->role);
	sdp_builder b = sdp_build(local);
	for (size_t i = 0; i < offer->media_count; i++)
		answer_section(&b, &plan, local, i);
	if (plan.bundle)
		sdp_build_bundle(&b, &plan.bundle->mids);
	return sdp_build_end(&b, local, out);
}
