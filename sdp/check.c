/* Whether a remote description may be applied: what RFC 8829 5.8 to 5.11 ask beyond the grammar. */
#include <stdlib.h>

#include "sdp/internal.h"

/* RFC 8839 5.4. */
#define UFRAG_MIN 4u
#define PWD_MIN 22u
#define CREDENTIAL_MAX 256u

/* "section 2 (mid 1): no setup"; sections count from 1 for people. */
static int refuse(sdp_error *error, const sdp_session *s, size_t section, const char *reason)
{
	slice mid = s->media[section].mid;
	return sdp_fail(error, PARLEY_EPROTO, 0, "section %zu (mid %.*s): %s", section + 1,
			SDP_WORD(mid.len ? mid : slice_from_string("-")), reason);
}

static bool is_ice_credential(slice s, size_t min)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i];
		bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!alpha && !(c >= '0' && c <= '9') && c != '+' && c != '/')
			return false;
	}
	return s.len >= min && s.len <= CREDENTIAL_MAX;
}

static int check_transport(const sdp_session *s, size_t section, bool is_answer, sdp_error *error)
{
	sdp_transport t = sdp_transport_of(s, section);
	if (!t.ufrag.len || !t.pwd.len)
		return refuse(error, s, section, "no ice-ufrag or no ice-pwd");
	if (!is_ice_credential(t.ufrag, UFRAG_MIN))
		return refuse(error, s, section, "ice-ufrag is not 4 to 256 letters, digits, + or /");
	if (!is_ice_credential(t.pwd, PWD_MIN))
		return refuse(error, s, section, "ice-pwd is not 22 to 256 letters, digits, + or /");
	if (!t.fingerprint_count)
		return refuse(error, s, section, "no fingerprint");
	if (!t.setup)
		return refuse(error, s, section, "no setup");
	if (t.setup == SDP_SETUP_HOLDCONN)
		return refuse(error, s, section, "setup is holdconn");
	if (is_answer && t.setup == SDP_SETUP_ACTPASS)
		return refuse(error, s, section, "setup is actpass in an answer");
	return 0;
}

/* Sections of a kind or protocol unknown here are rejected in the answer, whatever they lack. */
static bool is_in_use(const sdp_media *m)
{
	return !sdp_is_rejected(m) && (sdp_is_data(m) || sdp_is_dtls_rtp(m));
}

static int check_bundles(const sdp_session *s, sdp_error *error)
{
	bool bundled[SDP_SECTIONS_MAX] = {false};
	for (size_t i = 0; i < s->group_count; i++) {
		const sdp_group *g = &s->groups[i];
		if (!slice_equal_string(g->semantics, "BUNDLE"))
			continue;
		for (size_t k = 0; k < g->mids.count; k++) {
			slice mid = g->mids.items[k];
			int at = sdp_find_mid(s, mid);
			if (at < 0)
				return sdp_fail(error, PARLEY_EPROTO, 0, "BUNDLE names mid %.*s, which no section has",
						SDP_WORD(mid));
			if (bundled[at])
				return sdp_fail(error, PARLEY_EPROTO, 0, "BUNDLE names mid %.*s twice", SDP_WORD(mid));
			bundled[at] = true;
		}
	}
	return 0;
}

/* RFC 8285 5: an id stands for one extension of the section. */
static bool has_extmap_conflict(const sdp_media *m)
{
	uint8_t seen[4352 / 8] = {0};
	for (size_t i = 0; i < m->extmap_count; i++) {
		uint16_t id = m->extmaps[i].id;
		if (seen[id / 8] & (1u << id % 8))
			return true;
		seen[id / 8] |= (uint8_t)(1u << id % 8);
	}
	return false;
}

typedef struct {
	uint32_t ssrc;
	uint32_t section;
} ssrc_use;

static int compare_ssrc(const void *a, const void *b)
{
	const ssrc_use *x = a, *y = b;
	return x->ssrc != y->ssrc ? (x->ssrc < y->ssrc ? -1 : 1)
				  : (x->section > y->section) - (x->section < y->section);
}

static int check_sorted_ssrcs(const sdp_session *s, const ssrc_use *uses, size_t count, sdp_error *error)
{
	for (size_t i = 1; i < count; i++)
		if (uses[i].ssrc == uses[i - 1].ssrc && uses[i].section != uses[i - 1].section)
			return refuse(error, s, uses[i].section, "an SSRC of another section");
	return 0;
}

/* In one RTP session, as a bundle is, an SSRC has one owner (RFC 3550 8, RFC 8843 9.2). */
static int check_ssrcs(const sdp_session *s, sdp_error *error)
{
	size_t total = 0, count = 0;
	for (size_t i = 0; i < s->media_count; i++)
		total += s->media[i].ssrc_count;
	if (total == 0)
		return 0;
	ssrc_use *uses = calloc(total, sizeof *uses);
	if (!uses)
		return sdp_fail(error, PARLEY_ENOMEM, 0, "out of memory");
	for (size_t i = 0; i < s->media_count; i++)
		for (size_t k = 0; k < s->media[i].ssrc_count; k++)
			uses[count++] = (ssrc_use){s->media[i].ssrcs[k].ssrc, (uint32_t)i};
	qsort(uses, count, sizeof *uses, compare_ssrc);
	int err = check_sorted_ssrcs(s, uses, count, error);
	free(uses);
	return err;
}

/* --- one meaning in a bundle --- */

static int check_section_ids(const sdp_session *s, size_t section, const sdp_extmap *uses[SDP_EXTENSION_ID_MAX + 1],
			     sdp_error *error)
{
	const sdp_media *m = &s->media[section];
	for (size_t i = 0; i < m->extmap_count; i++) {
		if (m->extmaps[i].id > SDP_EXTENSION_ID_MAX)
			continue;
		const sdp_extmap **first = &uses[m->extmaps[i].id];
		if (!*first)
			*first = &m->extmaps[i];
		else if (!slice_equal((*first)->uri, m->extmaps[i].uri))
			return refuse(error, s, section, "an id that is another header extension in the bundle");
	}
	return 0;
}

/*
 * Header extensions are read before it is known whose packet it is (RFC 8843 9.2), so one id is one extension. Payload
 * types should be one codec as well (RFC 8843 10.1.2), but are left to the section: when Firefox adds media to what
 * another end offered, it gives them its own numbers, whatever these are elsewhere.
 */
static int check_bundled_ids(const sdp_session *s, sdp_error *error)
{
	const sdp_group *bundles[SDP_SECTIONS_MAX] = {
		NULL}; /* looked up once: a hostile offer has thousands of groups */
	int err = 0;
	for (size_t i = 0; i < s->media_count; i++)
		bundles[i] = is_in_use(&s->media[i]) ? sdp_bundle_of(s, i) : NULL;
	for (size_t i = 0; !err && i < s->media_count; i++) {
		const sdp_extmap *uses[SDP_EXTENSION_ID_MAX + 1] = {NULL};
		const sdp_group *bundle = bundles[i];
		for (size_t k = i; bundle && !err && k < s->media_count; k++) {
			if (bundles[k] != bundle)
				continue;
			err = check_section_ids(s, k, uses, error);
			bundles[k] = NULL; /* done */
		}
	}
	return err;
}

/* --- the description --- */

static int check_description(const sdp_session *s, bool is_answer, sdp_error *error)
{
	int err = check_bundles(s, error);
	for (size_t i = 0; !err && i < s->media_count; i++) {
		if (!is_in_use(&s->media[i]))
			continue;
		err = check_transport(s, i, is_answer, error);
		if (!err && has_extmap_conflict(&s->media[i]))
			err = refuse(error, s, i, "two header extensions under one id");
	}
	if (!err)
		err = check_bundled_ids(s, error);
	return err ? err : check_ssrcs(s, error);
}

int sdp_check_offer(const sdp_session *offer, sdp_error *error)
{
	return check_description(offer, false, error);
}

/* --- answers --- */

static bool is_same_proto(const sdp_media *offered, const sdp_media *answered)
{
	return slice_equal(offered->proto, answered->proto) || (sdp_is_dtls_rtp(offered) && sdp_is_dtls_rtp(answered));
}

static bool is_complement(sdp_setup offered, sdp_setup answered)
{
	return offered == SDP_SETUP_ACTPASS || offered != answered;
}

/* RFC 3264 6.1: at least one; the answer may have it under another payload type, and have others besides. */
static bool has_common_format(const sdp_media *offered, const sdp_media *answered)
{
	for (size_t i = 0; i < answered->codec_count; i++)
		if (!sdp_is_rtx(&answered->codecs[i]) && sdp_find_match(offered, &answered->codecs[i]))
			return true;
	return sdp_is_data(answered);
}

/* RFC 3264 6.1: the answer sends only what the offer receives, and the other way round. */
static bool is_direction_allowed(const sdp_session *offer, const sdp_session *answer, size_t section)
{
	return !(sdp_direction_of(answer, section) & ~sdp_reversed(sdp_direction_of(offer, section)));
}

/* One transport is offered, so all that is accepted is in one bundle (RFC 8829 4.1.1: max-bundle). */
static bool is_bundled(const sdp_session *answer, size_t section)
{
	int tagged = sdp_transport_section(answer);
	const sdp_group *bundle = sdp_bundle_of(answer, section);
	return tagged == (int)section || (bundle && tagged >= 0 && bundle == sdp_bundle_of(answer, (size_t)tagged));
}

static const char *wrong_section(const sdp_session *offer, const sdp_session *answer, size_t i)
{
	const sdp_media *offered = &offer->media[i], *answered = &answer->media[i];
	if (!slice_equal(offered->media, answered->media))
		return "another kind of media than offered";
	if (sdp_is_rejected(answered))
		return NULL;
	if (sdp_is_rejected(offered))
		return "accepted, though the offer rejects it";
	if (!is_same_proto(offered, answered))
		return "another protocol than offered";
	if (!slice_equal(offered->mid, answered->mid))
		return "another mid than offered";
	if (!has_common_format(offered, answered))
		return "none of the offered codecs";
	if (answered->rtp && !is_direction_allowed(offer, answer, i))
		return "a direction that the offer does not allow";
	if (sdp_is_data(answered) && (!answered->has_sctp_port || answered->sctp_port == 0))
		return "no sctp-port";
	if (answered->rtp && !answered->rtcp_mux)
		return "no rtcp-mux";
	if (!is_bundled(answer, i))
		return "accepted outside the bundle";
	if (!is_complement(sdp_transport_of(offer, i).setup, sdp_transport_of(answer, i).setup))
		return "setup is the same as offered";
	return NULL;
}

/* RFC 8843 7.3: an answered group is a part of an offered one. */
static int check_answered_bundles(const sdp_session *offer, const sdp_session *answer, sdp_error *error)
{
	for (size_t i = 0; i < answer->media_count; i++) {
		const sdp_group *answered = sdp_bundle_of(answer, i), *offered = sdp_bundle_of(offer, i);
		if (!answered)
			continue;
		int first = sdp_find_mid(offer, answered->mids.items[0]);
		if (!offered || first < 0 || sdp_bundle_of(offer, (size_t)first) != offered)
			return refuse(error, answer, i, "in a bundle that was not offered");
	}
	return 0;
}

int sdp_check_answer(const sdp_session *offer, const sdp_session *answer, sdp_error *error)
{
	if (offer->media_count != answer->media_count)
		return sdp_fail(error, PARLEY_EPROTO, 0, "%zu sections answer %zu", answer->media_count,
				offer->media_count);
	int err = check_description(answer, true, error);
	for (size_t i = 0; !err && i < answer->media_count; i++) {
		const char *reason = wrong_section(offer, answer, i);
		if (reason)
			err = refuse(error, answer, i, reason);
	}
	return err ? err : check_answered_bundles(offer, answer, error);
}

sdp_setup sdp_local_role(const sdp_session *answer, bool answer_is_local)
{
	int section = sdp_transport_section(answer);
	sdp_setup setup = section < 0 ? SDP_SETUP_NONE : sdp_transport_of(answer, (size_t)section).setup;
	if (answer_is_local)
		return setup;
	switch (setup) {
	case SDP_SETUP_ACTIVE:
		return SDP_SETUP_PASSIVE;
	case SDP_SETUP_PASSIVE:
		return SDP_SETUP_ACTIVE;
	default:
		return SDP_SETUP_NONE;
	}
}
