/* sdp/codec.c, sdp/payload.c, sdp/build_rtp.c and the audio and video of sdp/offer.c, sdp/answer.c, sdp/check.c */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/failmalloc.h"
#include "tests/unit/sdp_support.h"

#define MEDIA(kind, mid, formats) \
	"m=" kind " 9 UDP/TLS/RTP/SAVPF " formats "\r\na=mid:" mid "\r\na=rtcp-mux\r\n" SDP_TEST_TRANSPORT

static sdp_session *offered(sdp_local_media *media, size_t count, bool data)
{
	sdp_local local = sdp_test_local();
	sdp_session *offer = NULL;
	local.media = media;
	local.media_count = count;
	assert_int_equal(sdp_make_offer(&local, data, NULL, NULL, &offer), 0);
	assert_int_equal(sdp_check_offer(offer, NULL), 0);
	return offer;
}

/* A checked answer. */
static sdp_session *answered(const sdp_session *offer, sdp_local_media *media, size_t count)
{
	sdp_local local = sdp_test_local();
	sdp_session *answer = NULL;
	sdp_error error;
	local.media = media;
	local.media_count = count;
	assert_int_equal(sdp_make_answer(offer, &local, &answer), 0);
	if (sdp_check_answer(offer, answer, &error))
		fail_msg("%s", error.text);
	return answer;
}

/* What an offer of one section is answered: its lines from a= direction on, without the transport. */
static void assert_answer(const char *offer_text, sdp_local_media media, const char *expected)
{
	char in[4096];
	snprintf(in, sizeof in, SDP_HEAD "%s", offer_text);
	sdp_session *offer = sdp_of_text(in), *answer = answered(offer, &media, 1);
	buf b = sdp_printed(answer);
	assert_int_equal(buf_append(&b, slice_of("", 1)), 0);
	const char *line = strstr((const char *)b.data, "a=mid:");
	assert_string_equal(line ? line : "rejected", expected);
	buf_clear(&b);
	sdp_free(answer);
	sdp_free(offer);
}

/* --- offers --- */

static void an_offer_of_a_camera_and_a_microphone(void **state)
{
	(void)state;
	sdp_local_media media[] = {sdp_test_media(SDP_AUDIO, ""), sdp_test_media(SDP_VIDEO, "")};
	sdp_session *offer = offered(media, 2, true);
	assert_int_equal(media[0].section, 0);
	assert_int_equal(media[1].section, 1);
	assert_int_equal(sdp_data_section(offer), 2);
	assert_true(sdp_prints(offer, "a=group:BUNDLE 0 1 2\r\n"));
	assert_true(sdp_prints(offer, "m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8\r\n"));
	assert_true(sdp_prints(offer, "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99 102 103 104 105 45 46\r\n"));
	assert_true(sdp_prints(
		offer, "a=mid:0\r\n"
		       "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
		       "a=extmap:4 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n"
		       "a=extmap:5 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n"
		       "a=extmap:6 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
		       "a=sendrecv\r\n"
		       "a=msid:stream microphone\r\n"
		       "a=rtcp-mux\r\na=rtcp-mux-only\r\na=rtcp-rsize\r\n"
		       "a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n"
		       "a=fmtp:111 minptime=10;useinbandfec=1\r\n"
		       "a=rtpmap:0 PCMU/8000\r\na=rtcp-fb:0 transport-cc\r\n"
		       "a=rtpmap:8 PCMA/8000\r\na=rtcp-fb:8 transport-cc\r\n"
		       "a=ssrc:1001 cname:someone\r\n"));
	assert_true(sdp_prints(offer, "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 goog-remb\r\na=rtcp-fb:96 transport-cc\r\n"
				      "a=rtcp-fb:96 ccm fir\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n"
				      "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"));
	assert_true(sdp_prints(offer, "a=ssrc-group:FID 2001 2002\r\n"
				      "a=ssrc:2001 cname:someone\r\na=ssrc:2002 cname:someone\r\n"));
	sdp_free(offer);
}

static void who_only_receives_announces_no_sources(void **state)
{
	(void)state;
	sdp_local_media media = sdp_test_media(SDP_VIDEO, "");
	media.direction = SDP_RECVONLY;
	sdp_session *offer = offered(&media, 1, false);
	assert_true(sdp_prints(offer, "a=recvonly\r\n"));
	assert_false(sdp_prints(offer, "a=msid"));
	assert_false(sdp_prints(offer, "a=ssrc"));
	sdp_free(offer);
}

static void who_has_sent_announces_its_sources_still(void **state)
{
	(void)state;
	sdp_local_media media = sdp_test_media(SDP_VIDEO, "");
	media.direction = SDP_RECVONLY;
	media.has_sent = true;
	sdp_session *offer = offered(&media, 1, false);
	assert_true(sdp_prints(offer, "a=recvonly\r\n"));
	assert_true(sdp_prints(offer, "a=msid"));
	assert_true(sdp_prints(offer, "a=ssrc-group:FID 2001 2002\r\n"));
	sdp_free(offer);
}

static void media_without_a_stream_say_so(void **state)
{
	(void)state;
	sdp_local_media media = sdp_test_media(SDP_AUDIO, "");
	media.stream_count = 0;
	sdp_session *offer = offered(&media, 1, false);
	assert_true(sdp_prints(offer, "a=msid:- microphone\r\n"));
	sdp_free(offer);
}

static void one_codec_has_one_payload_type_in_a_bundle(void **state)
{
	(void)state;
	static const sdp_local_codec mono[] = {
		{"opus", 48000, 2, "stereo=0", 0, 111, false, 0},
		{"VP8", 90000, 0, "", 0, 111, true, 96}, /* not free here, free there */
	};
	sdp_local_media media[] = {sdp_test_media(SDP_AUDIO, ""), sdp_test_media(SDP_AUDIO, ""),
				   sdp_test_media(SDP_VIDEO, ""), sdp_test_media(SDP_VIDEO, "")};
	media[1].codecs = mono;
	media[1].codec_count = 1;
	media[3].codecs = mono + 1;
	media[3].codec_count = 1;
	for (size_t i = 0; i < 4; i++) {
		media[i].ssrc = (uint32_t)(i + 1);
		media[i].has_rtx_ssrc = false;
	}
	sdp_session *offer = offered(media, 4, false);
	assert_int_equal(offer->media[0].codecs[0].payload_type, 111);
	assert_int_equal(offer->media[1].codecs[0].payload_type, 96); /* another fmtp: another codec */
	assert_int_equal(offer->media[2].codecs[0].payload_type, 97); /* wants 96 */
	assert_int_equal(offer->media[3].codecs[0].payload_type, 97); /* the same VP8 */
	assert_int_equal(offer->media[3].codecs[1].payload_type, offer->media[2].codecs[1].payload_type);
	sdp_free(offer);
}

static void what_no_description_may_have_is_refused(void **state)
{
	(void)state;
	static const sdp_local_codec wrong[] = {
		{"no token", 48000, 2, "", 0, 111, false, 0}, {"opus", 0, 2, "", 0, 111, false, 0},
		{"opus", 48000, 2, "", 0, 128, false, 0},     {"VP8", 90000, 0, "", 0, 96, true, 200},
		{"opus", 48000, 2, "x\r\n", 0, 96, false, 0}, {"rtx", 90000, 0, "apt=96", 0, 97, false, 0},
	};
	const slice no_token = slice_from_string("a b");
	sdp_local local = sdp_test_local();
	sdp_session *offer = NULL;
	local.media_count = 1;
	for (size_t i = 0; i < 5 + ARRAY_LENGTH(wrong); i++) {
		sdp_local_media media = sdp_test_media(SDP_AUDIO, "");
		local.media = &media;
		if (i == 0)
			media.kind = SDP_APPLICATION;
		else if (i == 1)
			media.streams = &no_token;
		else if (i == 2)
			media.track = no_token;
		else if (i == 3)
			media.cname = slice_from_string("a\nb");
		else
			media.codecs = wrong; /* with none, and then with one of them */
		if (i >= 5) {
			media.codecs = &wrong[i - 5];
			media.codec_count = 1;
		}
		assert_int_equal(sdp_make_offer(&local, false, NULL, NULL, &offer), PARLEY_EINVAL);
	}
}

/* --- answers --- */

static void every_browser_offer_is_answered_with_what_is_wanted(void **state)
{
	(void)state;
	for (size_t i = 0; i < sdp_capture_count; i++) {
		sdp_session *offer = strstr(sdp_captures[i], "offer") ? sdp_capture(sdp_captures[i]) : NULL;
		if (!offer)
			continue;
		sdp_local_media media[2] = {sdp_test_media(SDP_AUDIO, "0"), sdp_test_media(SDP_VIDEO, "1")};
		if (strstr(sdp_captures[i], "simulcast"))
			media[0] = sdp_test_media(SDP_VIDEO, "0");
		sdp_session *answer = answered(offer, media, offer->media_count > 1 ? 2 : 1);
		for (size_t k = 0; k < answer->media_count; k++) {
			const sdp_media *m = &answer->media[k];
			sdp_direction theirs = sdp_direction_of(offer, k);
			assert_false(sdp_is_rejected(m));
			if (!m->rtp)
				continue;
			assert_int_equal(media[k].section, k);
			assert_int_equal(!!(m->direction & SDP_SENDONLY), !!(theirs & SDP_RECVONLY));
			assert_int_equal(!!(m->direction & SDP_RECVONLY), !!(theirs & SDP_SENDONLY));
			assert_int_equal(m->ssrc_count > 0, !!(m->direction & SDP_SENDONLY));
			assert_true(m->codec_count >= 3);
			assert_true(m->rtcp_mux);
		}
		sdp_free(answer);
		sdp_free(offer);
	}
}

static void chromiums_codecs_keep_their_order_and_payload_types(void **state)
{
	(void)state;
	sdp_local_media media[] = {sdp_test_media(SDP_AUDIO, "0"), sdp_test_media(SDP_VIDEO, "1")};
	sdp_session *offer = sdp_capture("chromium-offer-av-dc"), *answer = answered(offer, media, 2);
	assert_true(sdp_prints(answer, "m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8\r\n"));
	assert_true(sdp_prints(answer, "m=video 9 UDP/TLS/RTP/SAVPF 96 97 108 109 114 115 45 46 98 99\r\n"));
	assert_true(sdp_prints(answer, "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n"));
	assert_true(sdp_prints(answer, "a=fmtp:109 apt=108\r\n"));
	assert_false(sdp_prints(answer, "rtcp-mux-only"));
	assert_false(sdp_prints(answer, "toffset"));
	sdp_free(answer);
	sdp_free(offer);
}

static void preferences_order_the_answer(void **state)
{
	(void)state;
	size_t count;
	const sdp_local_codec *all = sdp_default_codecs(SDP_VIDEO, &count);
	const sdp_local_codec preferred[] = {all[2], all[1]};
	sdp_local_media media = sdp_test_media(SDP_VIDEO, "1");
	media.codecs = preferred;
	media.codec_count = 2;
	sdp_session *offer = sdp_capture("chromium-offer-av-dc"), *answer = answered(offer, &media, 1);
	assert_true(sdp_prints(answer, "m=video 9 UDP/TLS/RTP/SAVPF 108 109 98 99\r\n"));
	assert_true(sdp_prints(answer, "a=inactive\r\n")); /* the microphone, which is not ours */
	sdp_free(answer);
	sdp_free(offer);
}

static void a_stopped_or_wrong_kind_of_media_is_rejected(void **state)
{
	(void)state;
	sdp_local_media media[] = {sdp_test_media(SDP_AUDIO, "0"), sdp_test_media(SDP_AUDIO, "1")};
	media[0].stopped = true;
	sdp_session *offer = sdp_capture("firefox-offer-av-dc"), *answer = answered(offer, media, 2);
	assert_true(sdp_is_rejected(&answer->media[0]));
	assert_true(sdp_is_rejected(&answer->media[1]));
	assert_int_equal(media[0].section, -1);
	assert_true(sdp_prints(answer, "a=group:BUNDLE 2\r\n"));
	sdp_free(answer);
	sdp_free(offer);
}

static void simulcast_layers_are_received(void **state)
{
	(void)state;
	static const char *const names[] = {"chromium-offer-simulcast", "firefox-offer-simulcast"};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		sdp_local_media media = sdp_test_media(SDP_VIDEO, "0");
		sdp_session *offer = sdp_capture(names[i]), *answer = answered(offer, &media, 1);
		assert_true(sdp_prints(answer, "a=rid:q recv\r\na=rid:h recv\r\na=rid:f recv\r\n"
					       "a=simulcast:recv q;h;f\r\n"));
		sdp_free(answer);
		media.extensions = 1u << SDP_EXTENSION_MID; /* nothing to tell the layers apart by */
		answer = answered(offer, &media, 1);
		assert_false(sdp_prints(answer, "a=rid"));
		assert_false(sdp_prints(answer, "a=simulcast"));
		sdp_free(answer);
		sdp_free(offer);
	}
}

static void of_alternative_layers_the_first_is_taken_and_none_bound_to_payload_types(void **state)
{
	(void)state;
	assert_answer(MEDIA("video", "0", "96") "a=rtpmap:96 VP8/90000\r\na=sendonly\r\n"
						"a=extmap:2/sendonly urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n"
						"a=rid:a send max-width=640\r\na=rid:b send\r\na=rid:c send pt=96\r\n"
						"a=simulcast:send ~a,b;c;d\r\n",
		      sdp_test_media(SDP_VIDEO, "0"),
		      "a=mid:0\r\na=extmap:2/recvonly urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\na=recvonly\r\n"
		      "a=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\na=rid:a recv max-width=640\r\na=simulcast:recv a\r\n");
}

static void feedback_and_rtx_are_what_both_have(void **state)
{
	(void)state;
	static const sdp_local_codec codecs[] = {
		{"VP8", 90000, 0, "", SDP_FEEDBACK_NACK | SDP_FEEDBACK_PLI | SDP_FEEDBACK_FIR, 100, true, 101},
		{"VP9", 90000, 0, "", SDP_FEEDBACK_NACK, 102, false, 0},
	};
	sdp_local_media media = sdp_test_media(SDP_VIDEO, "0");
	media.direction = SDP_RECVONLY;
	media.codecs = codecs;
	media.codec_count = 2;
	assert_answer(MEDIA("video", "0", "96 97 98 99") //
		      "a=rtpmap:96 vp8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtcp-rsize\r\n"
		      "a=rtpmap:98 VP9/90000\r\na=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\n"
		      "a=rtcp-fb:* nack\r\na=rtcp-fb:96 ccm fir\r\na=rtcp-fb:96 goog-remb\r\n",
		      media,
		      "a=mid:0\r\na=recvonly\r\na=rtcp-mux\r\na=rtcp-rsize\r\n"
		      "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 ccm fir\r\na=rtcp-fb:96 nack\r\n"
		      "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtpmap:98 VP9/90000\r\na=rtcp-fb:98 nack\r\n");
}

static void profiles_decide_what_is_one_codec(void **state)
{
	(void)state;
#define H264(asymmetry, rest) "level-asymmetry-allowed=" asymmetry ";" rest
	static const struct {
		const char *name, *ours, *offered, *answered; /* NULL: no match */
	} cases[] = {
		{"H264", H264("1", "packetization-mode=1;profile-level-id=42e01f"),
		 H264("1", "packetization-mode=1;profile-level-id=42c00b"),
		 H264("1", "packetization-mode=1;profile-level-id=42e01f")},
		{"H264", H264("1", "packetization-mode=1;profile-level-id=42e01f"),
		 "profile-level-id=42E00b;packetization-mode=1",
		 H264("1", "packetization-mode=1;profile-level-id=42e00b")},
		{"H264", "packetization-mode=1;profile-level-id=42e00b", "packetization-mode=1;profile-level-id=42e01f",
		 "packetization-mode=1;profile-level-id=42e00b"},
		{"H264", "packetization-mode=1;profile-level-id=42e01f", "profile-level-id=42e01f", NULL},
		{"H264", "profile-level-id=42e01f", "profile-level-id=42001f", NULL}, /* constrained or not */
		{"H264", "profile-level-id=42e01f", "profile-level-id=4d001f", NULL},
		{"H264", "profile-level-id=42e01f", "profile-level-id=4d801f", "profile-level-id=42e01f"},
		{"H264", "profile-level-id=640c1f", "profile-level-id=64001f", NULL},
		{"H264", "profile-level-id=42e01f", "packetization-mode=0", "profile-level-id=42e01f"},
		{"H264", "profile-level-id=42e01f", "profile-level-id=42e0", NULL},
		{"H264", "profile-level-id=42e01f", "profile-level-id=42e0xx", "profile-level-id=42e01f"},
		{"VP9", "profile-id=0", "x=1", "profile-id=0"},
		{"VP9", "profile-id=0", "profile-id=2", NULL},
		{"AV1", "profile=0", "level-idx=8", "profile=0"},
		{"AV1", "profile=0", "profile=1", NULL},
		{"H265", "profile-id=1", "level-id=93", "profile-id=1"},
		{"H265", "profile-id=1", "tx-mode=MRST", NULL},
		{"VP8", "", "max-fs=3600", ""},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		char offer[1024], expected[512] = "rejected";
		const sdp_local_codec codec = {cases[i].name, 90000, 0, cases[i].ours, 0, 120, false, 0};
		sdp_local_media media = sdp_test_media(SDP_VIDEO, "0");
		media.codecs = &codec;
		media.codec_count = 1;
		media.direction = SDP_INACTIVE;
		snprintf(offer, sizeof offer, MEDIA("video", "0", "96") "a=rtpmap:96 %s/90000\r\na=fmtp:96 %s\r\n",
			 cases[i].name, cases[i].offered);
		const char *fmtp = cases[i].answered;
		if (fmtp)
			snprintf(expected, sizeof expected,
				 "a=mid:0\r\na=inactive\r\na=rtcp-mux\r\na=rtpmap:96 %s/90000\r\n%s%s%s", cases[i].name,
				 *fmtp ? "a=fmtp:96 " : "", fmtp, *fmtp ? "\r\n" : "");
		if (fmtp)
			assert_answer(offer, media, expected);
		else
			assert_answer(offer, media, "a=mid:0\r\n"); /* rejected: nothing else */
	}
}

static void one_channel_is_the_same_as_none_said(void **state)
{
	(void)state;
	sdp_local_media media = sdp_test_media(SDP_AUDIO, "0");
	media.direction = SDP_INACTIVE;
	assert_answer(MEDIA("audio", "0", "0 111 8") "a=rtpmap:0 PCMU/8000/1\r\na=rtpmap:111 opus/48000\r\n", media,
		      "a=mid:0\r\na=inactive\r\na=rtcp-mux\r\na=rtpmap:0 PCMU/8000/1\r\na=rtpmap:8 PCMA/8000/1\r\n");
}

/* --- checks --- */

#define VIDEO(mid, type, codec) MEDIA("video", mid, type) "a=rtpmap:" type " " codec "/90000\r\n"
#define AUDIO(mid, extension) MEDIA("audio", mid, "0") "a=extmap:3 " extension "\r\n"

static void a_bundle_gives_an_extension_id_one_meaning(void **state)
{
	(void)state;
	static const char two_extensions[] = "section 2 (mid 1): an id that is another header extension in the bundle";
	static const struct {
		const char *groups, *first, *second, *reason;
	} cases[] = {
		{"0 1", VIDEO("0", "96", "VP8"), VIDEO("1", "96", "VP9"), NULL}, /* as Firefox has payload types */
		{"0 1", AUDIO("0", "urn:x"), AUDIO("1", "urn:y"), two_extensions},
		{"0 1", AUDIO("0", "urn:x"), AUDIO("1", "urn:x"), NULL},
		{"0\r\na=group:BUNDLE 1", AUDIO("0", "urn:x"), AUDIO("1", "urn:y"), NULL},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		char in[2048];
		sdp_error error = {0};
		snprintf(in, sizeof in, SDP_HEAD "a=group:BUNDLE %s\r\n%s%s", cases[i].groups, cases[i].first,
			 cases[i].second);
		sdp_session *offer = sdp_of_text(in);
		assert_int_equal(sdp_check_offer(offer, &error), cases[i].reason ? PARLEY_EPROTO : 0);
		assert_string_equal(error.text, cases[i].reason ? cases[i].reason : "");
		sdp_free(offer);
	}
}

static void answers_that_the_offer_does_not_allow_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *replace, *by, *reason; /* in the answer */
	} cases[] = {
		{"a=recvonly", "a=sendrecv", "section 1 (mid 0): a direction that the offer does not allow"},
		{"a=recvonly", "a=sendonly", "section 1 (mid 0): a direction that the offer does not allow"},
		{"a=recvonly", "a=inactive", NULL},
		{"VP8/90000", "VP9/90000", "section 1 (mid 0): none of the offered codecs"},
		{"SAVPF 96 97", "SAVPF 97 ", "section 1 (mid 0): none of the offered codecs"}, /* rtx alone */
	};
	size_t count;
	sdp_local_media media = sdp_test_media(SDP_VIDEO, "");
	media.direction = SDP_SENDONLY;
	media.codecs = sdp_default_codecs(SDP_VIDEO, &count);
	media.codec_count = 1; /* VP8 */
	sdp_session *offer = offered(&media, 1, false);
	media.mid = slice_from_string("0");
	media.direction = SDP_RECVONLY;
	sdp_session *answer = answered(offer, &media, 1);
	buf b = sdp_printed(answer);
	assert_int_equal(buf_append(&b, slice_of("", 1)), 0);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		char in[4096];
		const char *all = (const char *)b.data, *at = strstr(all, cases[i].replace);
		sdp_error error = {0};
		assert_non_null(at);
		snprintf(in, sizeof in, "%.*s%s%s", (int)(at - all), all, cases[i].by, at + strlen(cases[i].replace));
		sdp_session *changed = sdp_of_text(in);
		assert_int_equal(sdp_check_answer(offer, changed, &error), cases[i].reason ? PARLEY_EPROTO : 0);
		assert_string_equal(error.text, cases[i].reason ? cases[i].reason : "");
		sdp_free(changed);
	}
	buf_clear(&b);
	sdp_free(answer);
	sdp_free(offer);
}

/* --- memory --- */

static void negotiate(void *context)
{
	sdp_local_media media[] = {sdp_test_media(SDP_AUDIO, "0"), sdp_test_media(SDP_VIDEO, "1"),
				   sdp_test_media(SDP_VIDEO, "")};
	sdp_local local = sdp_test_local();
	sdp_session *answer = NULL, *offer = NULL;
	const sdp_session *remote = context;
	media[2].ssrc = 3001;
	media[2].rtx_ssrc = 3002;
	local.media = media;
	local.media_count = 3;
	int err = sdp_make_answer(remote, &local, &answer);
	if (!err)
		err = sdp_check_answer(remote, answer, NULL);
	if (!err)
		err = sdp_make_offer(&local, true, answer, remote, &offer);
	assert_true(err == 0 || err == PARLEY_ENOMEM);
	sdp_free(answer);
	sdp_free(offer);
}

static void failing_allocations_are_survived(void **state)
{
	(void)state;
	static const char *const names[] = {"chromium-offer-av-dc", "firefox-offer-simulcast"};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		sdp_session *remote = sdp_capture(names[i]);
		failmalloc_loop(negotiate, remote);
		sdp_free(remote);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_offer_of_a_camera_and_a_microphone),
		cmocka_unit_test(who_only_receives_announces_no_sources),
		cmocka_unit_test(who_has_sent_announces_its_sources_still),
		cmocka_unit_test(media_without_a_stream_say_so),
		cmocka_unit_test(one_codec_has_one_payload_type_in_a_bundle),
		cmocka_unit_test(what_no_description_may_have_is_refused),
		cmocka_unit_test(every_browser_offer_is_answered_with_what_is_wanted),
		cmocka_unit_test(chromiums_codecs_keep_their_order_and_payload_types),
		cmocka_unit_test(preferences_order_the_answer),
		cmocka_unit_test(a_stopped_or_wrong_kind_of_media_is_rejected),
		cmocka_unit_test(simulcast_layers_are_received),
		cmocka_unit_test(of_alternative_layers_the_first_is_taken_and_none_bound_to_payload_types),
		cmocka_unit_test(feedback_and_rtx_are_what_both_have),
		cmocka_unit_test(profiles_decide_what_is_one_codec),
		cmocka_unit_test(one_channel_is_the_same_as_none_said),
		cmocka_unit_test(a_bundle_gives_an_extension_id_one_meaning),
		cmocka_unit_test(answers_that_the_offer_does_not_allow_are_refused),
		cmocka_unit_test(failing_allocations_are_survived),
	};
	return cmocka_run_group_tests_name("sdp/media", tests, NULL, NULL);
}
