/*
 * Any text as a description: what parses prints, parses again and prints the same; it gets an answer and a next offer,
 * without media of ours and with some in each of its sections, which parse; no check of it against itself or the answer
 * crashes, nor does reading what was agreed.
 */
#include <assert.h>
#include <stdlib.h>

#include "sdp/sdp.h"

static sdp_session *reparse(const sdp_session *session, buf *printed)
{
	sdp_session *again = NULL;
	*printed = (buf){.limit = SDP_TEXT_MAX};
	if (sdp_print(session, printed))
		return NULL; /* CRLF made it longer than the limit */
	int err = sdp_parse(buf_slice(printed), &again, NULL);
	assert(err == 0);
	return again;
}

/* Checks the fixpoint, and frees session. */
static void consume(sdp_session *session)
{
	buf first, second = {0};
	sdp_session *again = reparse(session, &first);
	sdp_session *third = again ? reparse(again, &second) : NULL;
	assert(!third || slice_equal(buf_slice(&first), buf_slice(&second)));
	sdp_free(third);
	sdp_free(again);
	sdp_free(session);
	buf_clear(&first);
	buf_clear(&second);
}

static void check_plans(const sdp_session *local, const sdp_session *remote, bool answer_is_local)
{
	static sdp_media_plan plan; /* large */
	for (size_t i = 0; i < local->media_count; i++) {
		if (sdp_negotiated(local, remote, answer_is_local, i, &plan) || !plan.accepted)
			continue;
		assert(plan.codec_count > 0 && plan.codec_count <= SDP_PLAN_CODECS_MAX);
		assert(plan.source_count <= SDP_PLAN_SOURCES_MAX && plan.receive_rid_count <= SDP_PLAN_RIDS_MAX);
	}
}

static void negotiate(const sdp_session *remote, const sdp_local *local)
{
	sdp_session *answer = NULL, *offer = NULL;
	int err = sdp_make_answer(remote, local, &answer);
	assert(err == 0);
	bool sound = sdp_check_offer(remote, NULL) == 0;
	assert(!sound || sdp_check_answer(remote, answer, NULL) == 0);
	sdp_check_answer(answer, remote, NULL);
	check_plans(answer, remote, true);
	check_plans(answer, remote, false);
	for (size_t i = 0; i < remote->media_count; i++)
		sdp_transport_of(remote, i);
	sdp_local_role(remote, false);
	err = sdp_make_offer(local, true, answer, remote, &offer);
	assert(err == 0 || err == PARLEY_ELIMIT);
	assert(err || !sound || sdp_check_offer(offer, NULL) == 0);
	if (!err)
		check_plans(offer, remote, false);
	consume(answer);
	if (!err)
		consume(offer);
}

/* One for each section, of its kind where there can be one, and two new ones. */
static void add_media(sdp_local *local, const sdp_session *remote)
{
	static sdp_local_media media[SDP_SECTIONS_MAX + 2];
	for (size_t i = 0; i < remote->media_count + 2; i++) {
		bool is_new = i >= remote->media_count;
		sdp_kind kind = is_new ? (i & 1 ? SDP_AUDIO : SDP_VIDEO) : remote->media[i].kind;
		media[i] = (sdp_local_media){
			.kind = kind == SDP_VIDEO ? SDP_VIDEO : SDP_AUDIO,
			.mid = is_new ? slice_of(NULL, 0) : remote->media[i].mid,
			.direction = i % 3 ? SDP_SENDRECV : SDP_RECVONLY,
			.extensions = sdp_default_extensions(kind),
			.track = slice_from_string("track"),
			.cname = slice_from_string("cname"),
			.ssrc = (uint32_t)(2 * i + 1),
			.has_rtx_ssrc = true,
			.rtx_ssrc = (uint32_t)(2 * i + 2),
		};
		if (i & 1)
			media[i].codecs = sdp_default_codecs(media[i].kind, &media[i].codec_count);
	}
	local->media = media;
	local->media_count = remote->media_count + 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const slice candidate = slice_from_string("candidate:1 1 udp 1 192.0.2.1 9 typ host");
	sdp_local local = {
		.ufrag = slice_from_string("abcd"),
		.pwd = slice_from_string("0123456789abcdefghijkl"),
		.ice_options = slice_from_string("trickle"),
		.fingerprint = {slice_from_string("sha-256"), slice_from_string("00:11")},
		.sctp_port = 5000,
		.candidates = &candidate,
		.candidate_count = 1,
	};
	sdp_error error = {0};
	sdp_session *session = NULL;
	if (sdp_parse(slice_of(data, size), &session, &error)) {
		assert(error.text[0] && !session);
		return 0;
	}
	negotiate(session, &local);
	add_media(&local, session);
	negotiate(session, &local);
	consume(session);
	return 0;
}
