/*
 * Any text as a description: what parses prints, parses again and prints the same; it gets an answer and a next offer,
 * which parse; and no check of it against itself or the answer crashes.
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

static void negotiate(const sdp_session *remote, const sdp_local *local)
{
	sdp_session *answer = NULL, *offer = NULL;
	int err = sdp_make_answer(remote, local, &answer);
	assert(err == 0);
	if (sdp_check_offer(remote, NULL) == 0)
		assert(sdp_check_answer(remote, answer, NULL) == 0);
	sdp_check_answer(answer, remote, NULL);
	for (size_t i = 0; i < remote->media_count; i++)
		sdp_transport_of(remote, i);
	sdp_local_role(remote, false);
	err = sdp_make_offer(local, true, answer, remote, &offer);
	assert(err == 0 || answer->media_count == SDP_SECTIONS_MAX);
	consume(answer);
	if (!err)
		consume(offer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const slice candidate = slice_from_string("candidate:1 1 udp 1 192.0.2.1 9 typ host");
	const sdp_local local = {
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
	consume(session);
	return 0;
}
