/* Making an offer (RFC 8829 5.2): the sections of the last exchange, and data channels. */
#include "base/text.h"
#include "sdp/internal.h"

#define MID_TEXT_MAX 16u /* a number and its NUL */

typedef struct {
	const sdp_local *local;
	const sdp_session *previous_local, *previous_remote; /* may be NULL */
	bool wants_data;				     /* and there is no live section for it so far */
} offer_plan;

static bool was_rejected(const offer_plan *plan, size_t section)
{
	const sdp_session *remote = plan->previous_remote;
	return sdp_is_rejected(&plan->previous_local->media[section]) ||
	       (remote && section < remote->media_count && sdp_is_rejected(&remote->media[section]));
}

static bool is_used_mid(const sdp_session *session, slice mid)
{
	return session && sdp_find_mid(session, mid) >= 0;
}

/* RFC 8829 5.2.1: a mid that neither side has used. */
static slice new_mid(const offer_plan *plan, char out[MID_TEXT_MAX])
{
	for (unsigned n = 0;; n++) {
		text t = text_of(out, MID_TEXT_MAX);
		text_printf(&t, "%u", n);
		slice mid = slice_of(out, t.len);
		if (!is_used_mid(plan->previous_local, mid) && !is_used_mid(plan->previous_remote, mid))
			return mid;
	}
}

static void offer_data(sdp_builder *b, offer_plan *plan)
{
	char mid[MID_TEXT_MAX];
	sdp_media like = {
		.kind = SDP_APPLICATION,
		.media = slice_from_string("application"),
		.proto = slice_from_string("UDP/DTLS/SCTP"),
		.mid = new_mid(plan, mid),
	};
	sdp_media *m = sdp_build_media(b, &like);
	sdp_build_transport(b, m, plan->local, SDP_SETUP_ACTPASS);
	sdp_build_data(b, m, plan->local);
	plan->wants_data = false;
}

static void offer_again(sdp_builder *b, const offer_plan *plan, const sdp_media *previous)
{
	sdp_media *m = sdp_build_media(b, previous);
	sdp_build_transport(b, m, plan->local, SDP_SETUP_ACTPASS);
	if (sdp_is_data(previous)) {
		sdp_build_data(b, m, plan->local);
		return;
	}
	for (size_t i = 0; i < previous->codec_count; i++)
		sdp_build_codec(b, m, &previous->codecs[i]);
	for (size_t i = 0; i < previous->extmap_count; i++)
		sdp_build_extmap(b, m, &previous->extmaps[i]);
	if (!m)
		return;
	m->rtcp_mux = previous->rtcp_mux;
	m->has_direction = previous->has_direction;
	m->direction = previous->direction;
}

/* RFC 8829 5.2.2: every section of before stays in its place; a rejected one may be used anew. */
static void offer_section(sdp_builder *b, offer_plan *plan, size_t section)
{
	const sdp_media *previous = &plan->previous_local->media[section];
	if (!was_rejected(plan, section))
		offer_again(b, plan, previous);
	else if (plan->wants_data)
		offer_data(b, plan);
	else
		sdp_build_formats(b, sdp_build_media(b, previous), previous);
}

static bool has_live_data(const offer_plan *plan)
{
	for (size_t i = 0; plan->previous_local && i < plan->previous_local->media_count; i++)
		if (sdp_is_data(&plan->previous_local->media[i]) && !was_rejected(plan, i))
			return true;
	return false;
}

int sdp_make_offer(const sdp_local *local, bool data, const sdp_session *previous_local,
		   const sdp_session *previous_remote, sdp_session **out)
{
	offer_plan plan = {local, previous_local, previous_remote, false};
	if (!data && (!previous_local || previous_local->media_count == 0))
		return PARLEY_EINVAL;
	plan.wants_data = data && !has_live_data(&plan);
	sdp_builder b = sdp_build(local);
	for (size_t i = 0; previous_local && i < previous_local->media_count; i++)
		offer_section(&b, &plan, i);
	if (plan.wants_data)
		offer_data(&b, &plan);
	sdp_build_bundle(&b, NULL);
	return sdp_build_end(&b, local, out);
}
