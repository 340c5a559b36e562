/* sdp/offer.c, sdp/answer.c, sdp/check.c, sdp/session.c */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "tests/support/failmalloc.h"
#include "tests/unit/sdp_support.h"

#define CANDIDATE "candidate:1 1 udp 2122260223 192.0.2.7 50000 typ host"
#define DATA_LINE "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
#define DATA_GONE "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"
#define BUNDLE(mids) "a=group:BUNDLE " mids "\r\n"
#define AUDIO(mid)                                                              \
	"m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\na=mid:" mid "\r\na=rtcp-mux\r\n" \
	"a=rtpmap:111 opus/48000/2\r\na=rtpmap:63 red/48000/2\r\n"
/* A transport for the session level of an answer. */
#define ACTIVE "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijkl\r\na=setup:active\r\na=fingerprint:sha-256 00\r\n"
#define DATA(mid) SDP_TEST_DATA "a=mid:" mid "\r\n"

static void assert_prints(const sdp_session *s, const char *text)
{
	buf b = sdp_printed(s);
	assert_int_equal(buf_append(&b, slice_of("", 1)), 0);
	assert_string_equal((const char *)b.data, text);
	buf_clear(&b);
}

static sdp_session *reparsed(const sdp_session *s)
{
	buf b = sdp_printed(s);
	sdp_session *again = NULL;
	sdp_error error;
	if (sdp_parse(buf_slice(&b), &again, &error))
		fail_msg("%s", error.text);
	buf_clear(&b);
	return again;
}

static sdp_session *answered(const sdp_session *offer)
{
	sdp_local local = sdp_test_local();
	sdp_session *answer = NULL;
	assert_int_equal(sdp_make_answer(offer, &local, &answer), 0);
	return answer;
}

static sdp_session *first_offer(void)
{
	sdp_local local = sdp_test_local();
	sdp_session *offer = NULL;
	assert_int_equal(sdp_make_offer(&local, true, NULL, NULL, &offer), 0);
	return offer;
}

/* --- making --- */

static void a_first_offer_is_data_channels_alone(void **state)
{
	(void)state;
	sdp_session *offer = first_offer();
	assert_prints(offer, "v=0\r\n"
			     "o=- 4611686018427387904 2 IN IP4 0.0.0.0\r\n"
			     "s=-\r\n"
			     "t=0 0\r\n"
			     "a=group:BUNDLE 0\r\n"
			     "a=ice-options:trickle\r\n"
			     "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
			     "c=IN IP4 0.0.0.0\r\n"
			     "a=ice-ufrag:LoCa\r\n"
			     "a=ice-pwd:lmnopqrstuvwxyz0123456789\r\n"
			     "a=fingerprint:sha-256 0A:1B:2C:3D\r\n"
			     "a=setup:actpass\r\n"
			     "a=mid:0\r\n"
			     "a=sctp-port:5000\r\n"
			     "a=max-message-size:262144\r\n");
	assert_int_equal(sdp_check_offer(offer, NULL), 0);
	sdp_free(offer);
}

static void an_offer_carries_candidates_and_the_default_address(void **state)
{
	(void)state;
	static const slice lines[] = {{(const uint8_t *)"a=" CANDIDATE, sizeof CANDIDATE + 1},
				      {(const uint8_t *)CANDIDATE, sizeof CANDIDATE - 1}};
	sdp_local local = sdp_test_local();
	local.candidates = lines;
	local.candidate_count = 2;
	local.end_of_candidates = true;
	local.default_address = addr_ipv4(192, 0, 2, 7, 50000);
	sdp_session *offer = NULL;
	assert_int_equal(sdp_make_offer(&local, true, NULL, NULL, &offer), 0);
	assert_true(sdp_prints(offer, "m=application 50000 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 192.0.2.7\r\n"
				      "a=" CANDIDATE "\r\na=end-of-candidates\r\na=ice-ufrag"));
	sdp_free(offer);
}

static void incomplete_arguments_are_refused(void **state)
{
	(void)state;
	sdp_session *out = NULL, *offer = first_offer();
	sdp_local local = sdp_test_local();
	assert_int_equal(sdp_make_offer(&local, false, NULL, NULL, &out), PARLEY_EINVAL);
	local.pwd = slice_from_string("");
	assert_int_equal(sdp_make_offer(&local, true, NULL, NULL, &out), PARLEY_EINVAL);
	assert_int_equal(sdp_make_answer(offer, &local, &out), PARLEY_EINVAL);
	assert_null(out);
	sdp_free(offer);
}

static void every_browser_offer_gets_an_answer_that_fits(void **state)
{
	(void)state;
	for (size_t i = 0; i < sdp_capture_count; i++) {
		if (!strstr(sdp_captures[i], "offer"))
			continue;
		sdp_error error = {0};
		sdp_session *offer = sdp_capture(sdp_captures[i]);
		if (sdp_check_offer(offer, &error))
			fail_msg("%s: %s", sdp_captures[i], error.text);
		sdp_session *answer = answered(offer), *again = reparsed(answer);
		if (sdp_check_answer(offer, again, &error))
			fail_msg("%s: %s", sdp_captures[i], error.text);
		assert_int_equal(again->groups[0].mids.count, offer->media_count);
		for (size_t k = 0; k < again->media_count; k++) {
			const sdp_media *m = &again->media[k];
			assert_false(sdp_is_rejected(m));
			assert_int_equal(m->transport.setup, SDP_SETUP_ACTIVE);
			assert_int_equal(m->transport.fingerprint_count, 1);
			if (m->rtp)
				assert_int_equal(sdp_direction_of(again, k), SDP_INACTIVE);
		}
		assert_int_equal(sdp_local_role(again, true), SDP_SETUP_ACTIVE);
		assert_int_equal(sdp_local_role(again, false), SDP_SETUP_PASSIVE);
		sdp_free(again);
		sdp_free(answer);
		sdp_free(offer);
	}
}

static void a_browsers_answer_fits_the_offer_it_was_made_for(void **state)
{
	(void)state;
	/* The two ends of a recording, or answers to as good as the same offer. */
	static const char *const pairs[][2] = {
		{"chromium-offer-av-dc", "chromium-answer-av-dc"}, {"chromium-offer-dc", "chromium-answer-dc"},
		{"chromium-snap-offer", "chromium-snap-answer"},   {"chromium-sped-offer", "chromium-sped-answer"},
		{"firefox-offer-av-dc", "firefox-answer-av-dc"},   {"chromium-offer-dc", "firefox-answer-dc"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(pairs); i++) {
		sdp_error error = {0};
		sdp_session *offer = sdp_capture(pairs[i][0]), *answer = sdp_capture(pairs[i][1]);
		if (sdp_check_answer(offer, answer, &error))
			fail_msg("%s: %s", pairs[i][1], error.text);
		assert_int_equal(sdp_local_role(answer, false), SDP_SETUP_PASSIVE);
		sdp_free(offer);
		sdp_free(answer);
	}
}

static void media_is_answered_inactive_without_red_and_fec(void **state)
{
	(void)state;
	sdp_session *offer = sdp_capture("firefox-offer-av-dc"), *answer = answered(offer);
	assert_true(sdp_prints(answer, "m=audio 9 UDP/TLS/RTP/SAVPF 109 0 8\r\n"));
	assert_true(sdp_prints(answer, "m=video 9 UDP/TLS/RTP/SAVPF 120 124 121 125 99 100\r\n"));
	assert_true(sdp_prints(answer, "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
				       "a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
				       "a=extmap:7 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-"
				       "extensions-01\r\na=inactive\r\na=rtcp-mux\r\na=rtpmap:109 opus/48000/2\r\n"
				       "a=rtcp-fb:109 transport-cc\r\na=fmtp:109 minptime=10;useinbandfec=1\r\n"));
	assert_true(sdp_prints(answer, "a=fmtp:124 apt=120\r\n"));
	assert_false(sdp_prints(answer, "a=candidate"));
	sdp_free(offer);
	sdp_free(answer);
}

static void what_cannot_be_spoken_is_rejected_in_its_place(void **state)
{
	(void)state;
	static const struct {
		const char *offer, *answer; /* below SDP_HEAD; then the m= lines and the group that answer */
	} cases[] = {
		{"m=application 9 DTLS/SCTP 5000\r\na=mid:0\r\na=sctpmap:5000 webrtc-datachannel 1024\r\n",
		 "m=application 0 DTLS/SCTP 5000\r\n"},
		{DATA_LINE, /* no sctp-port */
		 DATA_GONE},
		{BUNDLE("t 0") "m=text 9 RTP/AVP 98\r\na=mid:t\r\n" DATA("0"),
		 "a=group:BUNDLE 0\r\nm=text 0 RTP/AVP 98\r\n" DATA_LINE},
		{BUNDLE("0 1") DATA("0") DATA("1"), "a=group:BUNDLE 0\r\n" DATA_LINE DATA_GONE},
		/* no bundle: the data channels stay */
		{AUDIO("0") DATA("1"), "m=audio 0 UDP/TLS/RTP/SAVPF 111 63\r\n" DATA_LINE},
		/* no bundle and no data channels: the first stays */
		{AUDIO("0") AUDIO("1"), "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nm=audio 0 UDP/TLS/RTP/SAVPF 111 63\r\n"},
		/* two bundles: that of the data channels */
		{BUNDLE("0") BUNDLE("1 2") AUDIO("0") AUDIO("1") DATA("2"),
		 "a=group:BUNDLE 1 2\r\nm=audio 0 UDP/TLS/RTP/SAVPF 111 63\r\n"
		 "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" DATA_LINE},
		/* the offer's own rejection stays; bundle-only is none */
		{BUNDLE("0 1") DATA("0") "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\na=mid:1\r\na=rtcp-mux\r\n",
		 "a=group:BUNDLE 0\r\n" DATA_LINE "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\n"},
		{BUNDLE("0 1") DATA("0") "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\na=mid:1\r\na=rtcp-mux\r\na=bundle-only\r\n",
		 "a=group:BUNDLE 0 1\r\n" DATA_LINE "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n"},
		/* no rtcp-mux; only RED */
		{BUNDLE("0 1") DATA("0") "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:1\r\n",
		 "a=group:BUNDLE 0\r\n" DATA_LINE "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\n"},
		{BUNDLE("0 1") DATA(
			 "0") "m=audio 9 UDP/TLS/RTP/SAVPF 63\r\na=mid:1\r\na=rtcp-mux\r\na=rtpmap:63 red/48000\r\n",
		 "a=group:BUNDLE 0\r\n" DATA_LINE "m=audio 0 UDP/TLS/RTP/SAVPF 63\r\n"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		char in[2048], out[2048] = "";
		snprintf(in, sizeof in, SDP_HEAD SDP_TEST_TRANSPORT "%s", cases[i].offer);
		sdp_session *offer = sdp_of_text(in), *answer = answered(offer);
		buf b = sdp_printed(answer);
		assert_int_equal(buf_append(&b, slice_of("", 1)), 0);
		for (char *line = strtok((char *)b.data, "\n"); line; line = strtok(NULL, "\n"))
			if (line[0] == 'm' || strncmp(line, "a=group", 7) == 0)
				snprintf(out + strlen(out), sizeof out - strlen(out), "%s\n", line);
		assert_string_equal(out, cases[i].answer);
		buf_clear(&b);
		sdp_error error = {0};
		if (sdp_check_answer(offer, answer, &error))
			fail_msg("%zu: %s", i, error.text);
		sdp_free(answer);
		sdp_free(offer);
	}
}

static void the_role_follows_the_offer_then_what_is_established(void **state)
{
	(void)state;
	static const struct {
		const char *offered;
		sdp_setup role, answered;
	} cases[] = {
		{"actpass", SDP_SETUP_NONE, SDP_SETUP_ACTIVE},	  {"active", SDP_SETUP_NONE, SDP_SETUP_PASSIVE},
		{"passive", SDP_SETUP_NONE, SDP_SETUP_ACTIVE},	  {"actpass", SDP_SETUP_PASSIVE, SDP_SETUP_PASSIVE},
		{"actpass", SDP_SETUP_ACTIVE, SDP_SETUP_ACTIVE},  {"active", SDP_SETUP_PASSIVE, SDP_SETUP_PASSIVE},
		{"passive", SDP_SETUP_PASSIVE, SDP_SETUP_ACTIVE},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		char in[1024];
		snprintf(in, sizeof in, SDP_HEAD DATA("0") "a=setup:%s\r\n", cases[i].offered);
		sdp_local local = sdp_test_local();
		local.role = cases[i].role;
		sdp_session *offer = sdp_of_text(in), *answer = NULL;
		assert_int_equal(sdp_make_answer(offer, &local, &answer), 0);
		assert_int_equal(answer->media[0].transport.setup, cases[i].answered);
		sdp_free(answer);
		sdp_free(offer);
	}
}

static void a_later_offer_keeps_the_sections_in_place(void **state)
{
	(void)state;
	sdp_local local = sdp_test_local();
	sdp_session *remote = sdp_capture("chromium-offer-av-dc"), *answer = answered(remote), *offer = NULL;
	local.session_version = 3;
	local.ufrag = slice_from_string("NewU");
	local.role = SDP_SETUP_ACTIVE;
	assert_int_equal(sdp_make_offer(&local, true, answer, remote, &offer), 0);
	assert_int_equal(offer->media_count, 3);
	assert_true(sdp_prints(offer, "a=group:BUNDLE 0 1 2\r\n"));
	assert_true(sdp_prints(offer, "m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8\r\n"));
	for (size_t i = 0; i < 3; i++) {
		assert_true(slice_equal(offer->media[i].mid, remote->media[i].mid));
		assert_true(slice_equal_string(offer->media[i].transport.ufrag, "NewU"));
		assert_int_equal(offer->media[i].transport.setup, SDP_SETUP_ACTPASS);
	}
	assert_int_equal(offer->media[0].direction, SDP_INACTIVE);
	assert_int_equal(sdp_check_offer(offer, NULL), 0);
	sdp_free(offer);
	sdp_free(answer);
	sdp_free(remote);
}

static void data_channels_join_a_connection_of_media_and_reuse_a_rejected_place(void **state)
{
	(void)state;
	sdp_local local = sdp_test_local();
	sdp_session *joined = NULL, *reused = NULL;
	sdp_session *remote =
		sdp_of_text(SDP_HEAD SDP_TEST_TRANSPORT BUNDLE("0") AUDIO("0") "m=text 0 RTP/AVP 9\r\na=mid:1\r\n");
	sdp_session *answer = answered(remote);
	assert_int_equal(sdp_make_offer(&local, false, answer, remote, &joined), 0);
	assert_int_equal(joined->media_count, 2);
	assert_true(sdp_is_rejected(&joined->media[1]));
	assert_int_equal(sdp_data_section(joined), -1);
	assert_int_equal(sdp_make_offer(&local, true, answer, remote, &reused), 0);
	assert_int_equal(reused->media_count, 2);
	assert_int_equal(sdp_data_section(reused), 1);
	assert_true(slice_equal_string(reused->media[1].mid, "2")); /* not "1", which was another section */
	assert_true(sdp_prints(reused, "a=group:BUNDLE 0 2\r\n"));
	sdp_free(joined);
	assert_int_equal(sdp_make_offer(&local, true, reused, NULL, &joined), 0);
	assert_int_equal(joined->media_count, 2); /* one data section is enough */
	sdp_free(joined);
	sdp_free(reused);
	sdp_free(answer);
	sdp_free(remote);
}

/* --- checking --- */

static void wrong_offers_are_refused_with_the_reason(void **state)
{
	(void)state;
	static const struct {
		const char *offer, *reason;
	} cases[] = {
		{DATA("0"), "section 1 (mid 0): no ice-ufrag or no ice-pwd"},
		{SDP_TEST_DATA, "section 1 (mid -): no ice-ufrag or no ice-pwd"},
		{DATA("0") "a=ice-ufrag:abc\r\na=ice-pwd:0123456789abcdefghijkl\r\n",
		 "section 1 (mid 0): ice-ufrag is not 4 to 256 letters, digits, + or /"},
		{DATA("0") "a=ice-ufrag:abc-\r\na=ice-pwd:0123456789abcdefghijkl\r\n",
		 "section 1 (mid 0): ice-ufrag is not 4 to 256 letters, digits, + or /"},
		{DATA("0") "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijk\r\n",
		 "section 1 (mid 0): ice-pwd is not 22 to 256 letters, digits, + or /"},
		{DATA("0") "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijkl\r\n",
		 "section 1 (mid 0): no fingerprint"},
		{DATA("0") "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijkl\r\na=fingerprint:sha-1 00\r\n",
		 "section 1 (mid 0): no setup"},
		{DATA("0") "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijkl\r\na=fingerprint:sha-1 00\r\n"
			   "a=setup:holdconn\r\n",
		 "section 1 (mid 0): setup is holdconn"},
		{BUNDLE("0 1") DATA("0") SDP_TEST_TRANSPORT, "BUNDLE names mid 1, which no section has"},
		{BUNDLE("0 0") DATA("0") SDP_TEST_TRANSPORT, "BUNDLE names mid 0 twice"},
		{BUNDLE("0") BUNDLE("0") DATA("0") SDP_TEST_TRANSPORT, "BUNDLE names mid 0 twice"},
		{AUDIO("0") SDP_TEST_TRANSPORT "a=extmap:1 urn:x\r\na=extmap:1 urn:y\r\n",
		 "section 1 (mid 0): two header extensions under one id"},
		{AUDIO("0") SDP_TEST_TRANSPORT "a=ssrc:7 cname:x\r\n" AUDIO("1") SDP_TEST_TRANSPORT
		 "a=ssrc:7 cname:x\r\n",
		 "section 2 (mid 1): an SSRC of another section"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		char in[2048];
		sdp_error error = {0};
		snprintf(in, sizeof in, SDP_HEAD "%s", cases[i].offer);
		sdp_session *offer = sdp_of_text(in);
		assert_int_equal(sdp_check_offer(offer, &error), PARLEY_EPROTO);
		assert_string_equal(error.text, cases[i].reason);
		assert_int_equal(sdp_check_offer(offer, NULL), PARLEY_EPROTO);
		sdp_free(offer);
	}
}

static void what_will_be_rejected_or_is_bundled_may_lack_a_transport(void **state)
{
	(void)state;
	sdp_session *offer = sdp_of_text(
		SDP_HEAD BUNDLE("0 1") "m=text 9 RTP/AVP 98\r\nm=video 0 UDP/TLS/RTP/SAVPF 96\r\n" AUDIO("0")
			SDP_TEST_TRANSPORT DATA("1"));
	assert_int_equal(sdp_check_offer(offer, NULL), 0);
	assert_int_equal(sdp_transport_section(offer), 2);
	sdp_transport t = sdp_transport_of(offer, 3);
	assert_true(slice_equal_string(t.ufrag, "abcd"));
	assert_int_equal(t.setup, SDP_SETUP_ACTPASS);
	sdp_free(offer);
}

/* The answer to BUNDLE("0 1") AUDIO("0") DATA("1"), with one text replaced by another. */
static char *answer_with(const char *what, const char *by, char out[4096])
{
	static const char good[] = SDP_HEAD BUNDLE("0 1") AUDIO("0") SDP_TEST_TRANSPORT DATA("1");
	char fixed[4096];
	const char *actpass = strstr(good, "actpass");
	snprintf(fixed, sizeof fixed, "%.*sactive%s", (int)(actpass - good), good, actpass + strlen("actpass"));
	const char *at = strstr(fixed, what);
	assert_non_null(at);
	snprintf(out, 4096, "%.*s%s%s", (int)(at - fixed), fixed, by, at + strlen(what));
	return out;
}

static void wrong_answers_are_refused_with_the_reason(void **state)
{
	(void)state;
	static const struct {
		const char *what, *by, *reason;
	} cases[] = {
		{"", "", NULL},
		{"BUNDLE 0 1", "BUNDLE 1 0", "section 2 (mid 1): no ice-ufrag or no ice-pwd"}, /* tagged: must say */
		{"m=application 9", "m=application 0", NULL},
		{"UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", NULL},
		{"setup:active", "setup:passive", NULL},
		{"m=audio 9 UDP/TLS/RTP/SAVPF 111 63", "m=application 9 x\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 63",
		 "line 6: m= has no format"},
		{"m=audio 9 UDP/TLS/RTP/SAVPF 111 63", "m=x 9 x x\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 63",
		 "3 sections answer 2"},
		{"m=audio", "m=video", "section 1 (mid 0): another kind of media than offered"},
		{"UDP/DTLS/SCTP", "TCP/DTLS/SCTP", "section 2 (mid 1): another protocol than offered"},
		{"SAVPF 111 63", "SAVPF 8", "section 1 (mid 0): none of the offered codecs"},
		{"a=rtcp-mux\r\n", "", "section 1 (mid 0): no rtcp-mux"},
		{"a=sctp-port:5000\r\n", "", "section 2 (mid 1): no sctp-port"},
		{"a=sctp-port:5000\r\n", "a=sctp-port:0\r\n", "section 2 (mid 1): no sctp-port"},
		{"setup:active", "setup:actpass", "section 1 (mid 0): setup is actpass in an answer"},
		{"a=mid:1", "a=mid:2", "BUNDLE names mid 1, which no section has"},
		{"BUNDLE 0 1\r\n", "BUNDLE 1\r\n" ACTIVE, "section 1 (mid 0): accepted outside the bundle"},
		{"a=group:BUNDLE 0 1\r\n", ACTIVE, "section 1 (mid 0): accepted outside the bundle"},
	};
	sdp_session *offer = sdp_of_text(SDP_HEAD BUNDLE("0 1") AUDIO("0") SDP_TEST_TRANSPORT DATA("1"));
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		char in[4096];
		sdp_error error = {0};
		sdp_session *answer = NULL;
		answer_with(cases[i].what, cases[i].by, in);
		int err = sdp_parse(slice_from_string(in), &answer, &error);
		if (!err)
			err = sdp_check_answer(offer, answer, &error);
		assert_int_equal(err, cases[i].reason ? PARLEY_EPROTO : 0);
		assert_string_equal(error.text, cases[i].reason ? cases[i].reason : "");
		sdp_free(answer);
	}
	sdp_free(offer);
}

static void an_answer_may_not_bundle_or_take_what_was_not_offered(void **state)
{
	(void)state;
	sdp_error error;
	char in[4096];
	sdp_session *answer = sdp_of_text(answer_with("", "", in));
	sdp_session *apart = sdp_of_text(SDP_HEAD SDP_TEST_TRANSPORT BUNDLE("0") BUNDLE("1") AUDIO("0") DATA("1"));
	assert_int_equal(sdp_check_answer(apart, answer, &error), PARLEY_EPROTO);
	assert_string_equal(error.text, "section 2 (mid 1): in a bundle that was not offered");
	apart->media[0].port = 0;
	assert_int_equal(sdp_check_answer(apart, answer, &error), PARLEY_EPROTO);
	assert_string_equal(error.text, "section 1 (mid 0): accepted, though the offer rejects it");
	sdp_free(apart);
	sdp_session *active = sdp_of_text(SDP_HEAD BUNDLE("0 1") AUDIO("0") DATA("1") "a=setup:active\r\n");
	assert_int_equal(sdp_check_answer(active, answer, &error), PARLEY_EPROTO);
	assert_string_equal(error.text, "section 2 (mid 1): setup is the same as offered");
	sdp_free(active);
	sdp_free(answer);
}

/* --- reading and adding --- */

static void the_largest_message_has_a_default_and_no_end(void **state)
{
	(void)state;
	sdp_media m = {0};
	assert_int_equal(sdp_max_message_size(&m), 65536);
	m.has_max_message_size = true;
	assert_true(sdp_max_message_size(&m) == UINT64_MAX);
	m.max_message_size = 1;
	assert_int_equal(sdp_max_message_size(&m), 1);
}

static void fmtp_parameters_are_found(void **state)
{
	(void)state;
	slice v, fmtp = slice_from_string("minptime=10; Apt=96;x;=;apt=97");
	assert_true(sdp_fmtp_get(fmtp, "apt", &v) && slice_equal_string(v, "96"));
	assert_true(sdp_fmtp_get(fmtp, "x", &v) && v.len == 0);
	assert_false(sdp_fmtp_get(fmtp, "ptime", &v));
	assert_false(sdp_fmtp_get(slice_from_string(""), "apt", &v));
}

static void candidates_are_added_once_and_only_if_they_are_one_line(void **state)
{
	(void)state;
	sdp_session *s = first_offer();
	assert_int_equal(sdp_add_candidate(s, 0, slice_from_string(CANDIDATE)), 0);
	assert_int_equal(sdp_add_candidate(s, 0, slice_from_string("a=" CANDIDATE)), 0);
	assert_int_equal(s->media[0].candidates.count, 1);
	assert_int_equal(sdp_add_candidate(s, 1, slice_from_string(CANDIDATE)), PARLEY_ENOTFOUND);
	static const char *const wrong[] = {
		"", "a=", "candidate", "candidate:", "candidate:1\r\na=x", "a=a=candidate:1", "x:y"};
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
		assert_int_equal(sdp_add_candidate(s, 0, slice_from_string(wrong[i])), PARLEY_EINVAL);
	for (unsigned i = 1; i < SDP_CANDIDATES_MAX; i++) {
		char line[32];
		snprintf(line, sizeof line, "candidate:%u x", i);
		assert_int_equal(sdp_add_candidate(s, 0, slice_from_string(line)), 0);
	}
	assert_int_equal(sdp_add_candidate(s, 0, slice_from_string("candidate:more")), PARLEY_ELIMIT);
	assert_int_equal(sdp_end_candidates(s, 0), 0);
	assert_true(sdp_prints(s, "a=end-of-candidates\r\n"));
	sdp_free(s);
}

static void the_default_address_may_change(void **state)
{
	(void)state;
	sdp_session *s = first_offer();
	parley_addr v6 = {.scope = 2};
	assert_true(addr_parse_ip(slice_from_string("2001:db8::1"), 4000, &v6));
	v6.scope = 2;
	assert_int_equal(sdp_set_default_address(s, 0, &v6), 0);
	assert_true(sdp_prints(s, "m=application 4000 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP6 2001:db8::1\r\n"));
	assert_int_equal(sdp_set_default_address(s, 0, &(parley_addr){0}), 0);
	assert_true(sdp_prints(s, "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n"));
	assert_int_equal(sdp_set_default_address(s, 9, &v6), PARLEY_ENOTFOUND);
	s->media[0].port = 0;
	assert_int_equal(sdp_set_default_address(s, 0, &v6), 0);
	assert_int_equal(s->media[0].port, 0);
	sdp_free(s);
}

/* Offer, answer, check, and an offer again; whatever fails, fails with ENOMEM. */
static void negotiate(void *context)
{
	sdp_local local = sdp_test_local();
	const slice line = slice_from_string(CANDIDATE);
	sdp_session *remote = NULL, *answer = NULL, *offer = NULL;
	local.candidates = &line;
	local.candidate_count = 1;
	int err = sdp_parse(slice_from_string(context), &remote, NULL);
	if (!err)
		err = sdp_check_offer(remote, NULL);
	if (!err)
		err = sdp_make_answer(remote, &local, &answer);
	if (!err)
		err = sdp_check_answer(remote, answer, NULL);
	if (!err)
		err = sdp_make_offer(&local, true, answer, remote, &offer);
	assert_true(err == 0 || err == PARLEY_ENOMEM);
	sdp_free(remote);
	sdp_free(answer);
	sdp_free(offer);
}

static void failing_allocations_are_survived(void **state)
{
	(void)state;
	static char text[64 * 1024];
	slice in = sdp_capture_text("chromium-offer-av-dc");
	memcpy(text, in.data, in.len);
	text[in.len] = '\0';
	failmalloc_loop(negotiate, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_first_offer_is_data_channels_alone),
		cmocka_unit_test(an_offer_carries_candidates_and_the_default_address),
		cmocka_unit_test(incomplete_arguments_are_refused),
		cmocka_unit_test(every_browser_offer_gets_an_answer_that_fits),
		cmocka_unit_test(a_browsers_answer_fits_the_offer_it_was_made_for),
		cmocka_unit_test(media_is_answered_inactive_without_red_and_fec),
		cmocka_unit_test(what_cannot_be_spoken_is_rejected_in_its_place),
		cmocka_unit_test(the_role_follows_the_offer_then_what_is_established),
		cmocka_unit_test(a_later_offer_keeps_the_sections_in_place),
		cmocka_unit_test(data_channels_join_a_connection_of_media_and_reuse_a_rejected_place),
		cmocka_unit_test(wrong_offers_are_refused_with_the_reason),
		cmocka_unit_test(what_will_be_rejected_or_is_bundled_may_lack_a_transport),
		cmocka_unit_test(wrong_answers_are_refused_with_the_reason),
		cmocka_unit_test(an_answer_may_not_bundle_or_take_what_was_not_offered),
		cmocka_unit_test(the_largest_message_has_a_default_and_no_end),
		cmocka_unit_test(fmtp_parameters_are_found),
		cmocka_unit_test(candidates_are_added_once_and_only_if_they_are_one_line),
		cmocka_unit_test(the_default_address_may_change),
		cmocka_unit_test(failing_allocations_are_survived),
	};
	return cmocka_run_group_tests_name("sdp/jsep", tests, NULL, NULL);
}
