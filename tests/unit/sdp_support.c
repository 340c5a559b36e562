#include "tests/unit/sdp_support.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/test.h"

const char *const sdp_captures[] = {
	"chromium-answer-av-dc",
	"chromium-answer-dc",
	"chromium-offer-av-dc-maxbundle",
	"chromium-offer-av-dc",
	"chromium-offer-dc",
	"chromium-offer-recvonly-av",
	"chromium-offer-simulcast",
	"chromium-snap-answer",
	"chromium-snap-offer",
	"chromium-sped-answer",
	"chromium-sped-offer",
	"firefox-answer-av-dc",
	"firefox-answer-dc",
	"firefox-offer-av-dc-maxbundle",
	"firefox-offer-av-dc",
	"firefox-offer-dc",
	"firefox-offer-recvonly-av",
	"firefox-offer-simulcast",
};
const size_t sdp_capture_count = ARRAY_LENGTH(sdp_captures);

slice sdp_capture_text(const char *name)
{
	static char text[64 * 1024];
	char path[256];
	snprintf(path, sizeof path, "tests/data/sdp/%s.sdp", name);
	FILE *f = fopen(path, "rb");
	if (!f)
		fail_msg("cannot open %s", path);
	size_t len = fread(text, 1, sizeof text, f);
	fclose(f);
	assert_in_range(len, 1, sizeof text - 1);
	return slice_of(text, len);
}

static sdp_session *parsed(slice in)
{
	sdp_session *session = NULL;
	sdp_error error;
	if (sdp_parse(in, &session, &error))
		fail_msg("%s", error.text);
	return session;
}

sdp_session *sdp_capture(const char *name)
{
	return parsed(sdp_capture_text(name));
}

sdp_session *sdp_of_text(const char *text)
{
	return parsed(slice_from_string(text));
}

sdp_local sdp_test_local(void)
{
	return (sdp_local){
		.session_id = 4611686018427387904u,
		.session_version = 2,
		.ufrag = slice_from_string("LoCa"),
		.pwd = slice_from_string("lmnopqrstuvwxyz0123456789"),
		.ice_options = slice_from_string("trickle"),
		.fingerprint = {slice_from_string("sha-256"), slice_from_string("0A:1B:2C:3D")},
		.sctp_port = 5000,
		.max_message_size = 262144,
	};
}

buf sdp_printed(const sdp_session *session)
{
	buf out = {.limit = 2 * SDP_TEXT_MAX};
	assert_int_equal(sdp_print(session, &out), 0);
	return out;
}

sdp_local_media sdp_test_media(sdp_kind kind, const char *mid)
{
	static const slice stream = {(const uint8_t *)"stream", 6};
	bool video = kind == SDP_VIDEO;
	return (sdp_local_media){
		.kind = kind,
		.mid = slice_from_string(mid),
		.direction = SDP_SENDRECV,
		.extensions = sdp_default_extensions(kind),
		.streams = &stream,
		.stream_count = 1,
		.track = slice_from_string(video ? "camera" : "microphone"),
		.cname = slice_from_string("someone"),
		.ssrc = video ? 2001 : 1001,
		.has_rtx_ssrc = video,
		.rtx_ssrc = 2002,
	};
}

bool sdp_prints(const sdp_session *session, const char *part)
{
	buf b = sdp_printed(session);
	bool found = memmem(b.data, b.len, part, strlen(part)) != NULL;
	buf_clear(&b);
	return found;
}
