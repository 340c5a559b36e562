/* Making an offer (RFC 8829 5.2): the sections of the last exchange, new media, and data channels. */
#include "base/text.h"
#include "sdp/internal.h"

#define LITERAL(s) slice_from_string(s)
#define MID_TEXT_MAX 16u /* a number and its NUL */

typedef struct {
	const sdp_local *local;
	const sdp_session *previous_local, *previous_remote; /* may be NULL */
	bool wants_data;				     /* and there is no live section for it so far */
	size_t next_media; /* of local->media: those before it that are new have theirs */
	sdp_numbers numbers;
} offer_plan;

/* What one audio or video section is made of. */
typedef struct {
	const sdp_local_media *local;
	const sdp_media *before[2]; /* its local and remote half; NULL: a new section, or no remote half */
	bool taken[128];	    /* payload types that it has already */
} offer_section_plan;

static bool was_rejected(const offer_plan *plan, size_t section)
{
	const sdp_session *remote = plan->previous_remote;
	return sdp_is_rejected(&plan->previous_local->media[section]) ||
	       (remote && section < remote->media_count && sdp_is_rejected(&remote->media[section]));
}

/* --- what is new --- */

static bool is_used_mid(const sdp_session *session, slice mid)
{
	return session && sdp_find_mid(session, mid) >= 0;
}

static bool is_free_mid(const sdp_builder *b, const offer_plan *plan, slice mid)
{
	return !is_used_mid(plan->previous_local, mid) && !is_used_mid(plan->previous_remote, mid) &&
	       !is_used_mid(b->session, mid) && !sdp_local_media_of(plan->local, mid);
}

/* RFC 8829 5.2.1: a mid that neither side has used, nor stopped media before their section went to others. */
static slice new_mid(const sdp_builder *b, const offer_plan *plan, char out[MID_TEXT_MAX])
{
	for (unsigned n = 0;; n++) {
		text t = text_of(out, MID_TEXT_MAX);
		text_printf(&t, "%u", n);
		slice mid = slice_of(out, t.len);
		if (is_free_mid(b, plan, mid))
			return mid;
	}
}

/* Never had a section, or one of an offer that was given up. */
static bool is_new_media(const offer_plan *plan, const sdp_local_media *m)
{
	return !m->stopped && !is_used_mid(plan->previous_local, m->mid);
}

/* The next of local->media that needs a section, or NULL. */
static sdp_local_media *take_new_media(offer_plan *plan)
{
	while (plan->next_media < plan->local->media_count) {
		sdp_local_media *m = &plan->local->media[plan->next_media++];
		if (is_new_media(plan, m))
			return m;
	}
	return NULL;
}

/* --- audio and video --- */

/* RFC 8829 5.2.2: of what both had, feedback stays what both had. */
static unsigned offered_feedback(const offer_section_plan *plan, const sdp_codec *codec, unsigned wanted)
{
	for (size_t i = 0; i < 2; i++) {
		const sdp_codec *before = plan->before[i] ? sdp_find_match(plan->before[i], codec) : NULL;
		if (!before || !plan->before[1])
			return wanted;
		wanted &= sdp_feedback_of(plan->before[i], before);
	}
	return wanted;
}

/* Returns the copy, or NULL: no payload type is left, or out of memory. */
static const sdp_codec *offer_codec(sdp_builder *b, offer_plan *all, offer_section_plan *plan, sdp_media *m,
				    sdp_codec codec, unsigned feedback)
{
	int type = sdp_numbers_type(&all->numbers, &codec, plan->before, plan->taken);
	if (type < 0 && !b->error)
		b->error = PARLEY_ELIMIT;
	if (b->error)
		return NULL;
	codec.payload_type = (uint8_t)type;
	plan->taken[type] = true;
	const sdp_codec *copy = sdp_build_codec(b, m, &codec, feedback);
	if (copy)
		sdp_numbers_offer(&all->numbers, copy);
	return copy;
}

static bool has_match(const sdp_media *m, const sdp_codec *codec)
{
	return m && sdp_find_match(m, codec);
}

static void offer_local_codec(sdp_builder *b, offer_plan *all, offer_section_plan *plan, sdp_media *m,
			      const sdp_local_codec *local)
{
	char apt[SDP_APT_MAX];
	sdp_codec codec = sdp_codec_of(local);
	if (b->error || has_match(m, &codec))
		return; /* it is in the section already: listed twice */
	const sdp_codec *copy = offer_codec(b, all, plan, m, codec, offered_feedback(plan, &codec, local->feedback));
	if (copy && local->rtx)
		offer_codec(b, all, plan, m, sdp_rtx_of(copy, local->rtx_payload_type, apt), 0);
}

/* RFC 8829 5.2.2: what the last exchange left, in its order, then all others; or in the order of the preferences. */
static void offer_codecs(sdp_builder *b, offer_plan *all, offer_section_plan *plan, sdp_media *m)
{
	size_t count = plan->local->codec_count;
	const sdp_local_codec *codecs = plan->local->codecs;
	const sdp_media *remote = codecs ? NULL : plan->before[1];
	if (!codecs)
		codecs = sdp_default_codecs(m->kind, &count);
	for (size_t i = 0; remote && i < remote->codec_count; i++)
		for (size_t k = 0; k < count; k++) {
			sdp_codec codec = sdp_codec_of(&codecs[k]);
			if (sdp_codecs_match(&codec, &remote->codecs[i]) && has_match(plan->before[0], &codec))
				offer_local_codec(b, all, plan, m, &codecs[k]);
		}
	for (size_t k = 0; k < count; k++)
		offer_local_codec(b, all, plan, m, &codecs[k]);
}

/* RFC 8829 5.2.2: a section of before has no extension that it lacked then. */
static uint16_t extension_id(offer_plan *all, const offer_section_plan *plan, sdp_extension extension)
{
	const sdp_extmap *local = plan->before[0] ? sdp_find_extmap(plan->before[0], extension) : NULL;
	if (!plan->before[0])
		return sdp_numbers_extension(&all->numbers, extension);
	if (!local || (plan->before[1] && !sdp_find_extmap(plan->before[1], extension)))
		return 0;
	return local->id;
}

static void offer_extensions(sdp_builder *b, offer_plan *all, const offer_section_plan *plan, sdp_media *m)
{
	for (unsigned e = 0; e < SDP_EXTENSION_COUNT; e++) {
		uint16_t id =
			plan->local->extensions & 1u << e ? extension_id(all, plan, (sdp_extension)e) : (uint16_t)0;
		if (id)
			sdp_build_extmap(b, m, &(sdp_extmap){.id = id, .uri = LITERAL(sdp_extension_uri(e))});
	}
}

static void offer_media(sdp_builder *b, offer_plan *all, offer_section_plan *plan, const sdp_media *like)
{
	sdp_media *m = sdp_build_media(b, like);
	sdp_build_transport(b, m, all->local, SDP_SETUP_ACTPASS);
	if (!m)
		return;
	offer_codecs(b, all, plan, m);
	offer_extensions(b, all, plan, m);
	m->rtcp_mux = true;
	m->rtcp_mux_only = !plan->before[0]; /* RFC 8829 5.2.1, RFC 8858 4; not again (5.2.2) */
	m->rtcp_rsize = !plan->before[1] || (plan->before[0]->rtcp_rsize && plan->before[1]->rtcp_rsize);
	bool had_msid = plan->before[0] && plan->before[0]->msid_count && plan->local->mid.len;
	sdp_build_direction(b, m, plan->local, plan->local->direction, had_msid || plan->local->has_sent);
	for (size_t i = 0; plan->before[0] && i < plan->before[0]->rid_count; i++)
		sdp_build_layer(b, m, &plan->before[0]->rids[i]); /* RFC 8829 5.2.2: they stay, or simulcast ends */
}

static void offer_new_media(sdp_builder *b, offer_plan *all, sdp_local_media *local)
{
	char mid[MID_TEXT_MAX];
	const sdp_media like = {
		.kind = local->kind,
		.media = LITERAL(sdp_kind_name(local->kind)),
		.proto = LITERAL("UDP/TLS/RTP/SAVPF"),
		.rtp = true,
		.mid = new_mid(b, all, mid),
	};
	offer_section_plan plan = {.local = local};
	if (b->error)
		return;
	local->section = (int)b->session->media_count;
	offer_media(b, all, &plan, &like);
}

/* --- data channels --- */

static void offer_data(sdp_builder *b, offer_plan *plan)
{
	char mid[MID_TEXT_MAX];
	sdp_media like = {
		.kind = SDP_APPLICATION,
		.media = LITERAL("application"),
		.proto = LITERAL("UDP/DTLS/SCTP"),
		.mid = new_mid(b, plan, mid),
	};
	sdp_media *m = sdp_build_media(b, &like);
	sdp_build_transport(b, m, plan->local, SDP_SETUP_ACTPASS);
	sdp_build_data(b, m, plan->local);
	plan->wants_data = false;
}

/* --- section by section --- */

static void reject(sdp_builder *b, const sdp_media *previous)
{
	sdp_build_formats(b, sdp_build_media(b, previous), previous);
}

static void offer_again(sdp_builder *b, offer_plan *all, size_t section)
{
	const sdp_media *previous = &all->previous_local->media[section];
	const sdp_session *remote = all->previous_remote;
	if (sdp_is_data(previous)) {
		sdp_media *m = sdp_build_media(b, previous);
		sdp_build_transport(b, m, all->local, SDP_SETUP_ACTPASS);
		sdp_build_data(b, m, all->local);
		return;
	}
	sdp_local_media *local = sdp_local_media_of(all->local, previous->mid);
	const sdp_local_media none = {
		.kind = previous->kind,
		.direction = SDP_INACTIVE,
		.extensions = sdp_default_extensions(previous->kind),
	};
	offer_section_plan plan = {.local = local ? local : &none};
	if (plan.local->stopped || plan.local->kind != previous->kind || !sdp_is_dtls_rtp(previous)) {
		reject(b, previous);
		return;
	}
	if (local)
		local->section = (int)section;
	plan.before[0] = previous;
	plan.before[1] = remote && section < remote->media_count ? &remote->media[section] : NULL;
	offer_media(b, all, &plan, previous);
}

/* RFC 8829 5.2.2: every section of before stays in its place; a rejected one is used anew. */
static void offer_section(sdp_builder *b, offer_plan *plan, size_t section)
{
	if (!was_rejected(plan, section)) {
		offer_again(b, plan, section);
		return;
	}
	sdp_local_media *media = take_new_media(plan);
	if (media)
		offer_new_media(b, plan, media);
	else if (plan->wants_data)
		offer_data(b, plan);
	else
		reject(b, &plan->previous_local->media[section]);
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
	offer_plan plan = {.local = local, .previous_local = previous_local, .previous_remote = previous_remote};
	sdp_numbers_note(&plan.numbers, previous_remote);
	sdp_numbers_note(&plan.numbers, previous_local);
	plan.wants_data = data && !has_live_data(&plan);
	sdp_builder b = sdp_build(local);
	for (size_t i = 0; i < local->media_count; i++)
		local->media[i].section = -1;
	for (size_t i = 0; previous_local && i < previous_local->media_count; i++)
		offer_section(&b, &plan, i);
	for (sdp_local_media *media; (media = take_new_media(&plan));)
		offer_new_media(&b, &plan, media);
	if (plan.wants_data)
		offer_data(&b, &plan);
	if (!b.error && b.session->media_count == 0)
		b.error = PARLEY_EINVAL;
	sdp_build_bundle(&b, NULL);
	return sdp_build_end(&b, local, out);
}
