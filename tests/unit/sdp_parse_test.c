/* sdp/parse.c, sdp/attribute.c, sdp/print.c */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/failmalloc.h"
#include "tests/unit/sdp_support.h"

#define AUDIO "m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\n"

static unsigned count_lines(slice s)
{
	unsigned n = 0;
	for (size_t i = 0; i < s.len; i++)
		n += s.data[i] == '\n';
	return n;
}

static bool has_line(slice s, slice line)
{
	return memmem(s.data, s.len, line.data, line.len) != NULL;
}

/* Print, parse, print: both prints are equal; the first is returned. */
static buf assert_fixpoint(const sdp_session *session)
{
	buf once = sdp_printed(session);
	sdp_session *again = NULL;
	sdp_error error;
	if (sdp_parse(buf_slice(&once), &again, &error))
		fail_msg("%s", error.text);
	buf twice = sdp_printed(again);
	assert_true(slice_equal(buf_slice(&once), buf_slice(&twice)));
	sdp_free(again);
	buf_clear(&twice);
	return once;
}

static void captures_print_every_line_and_reparse_identically(void **state)
{
	(void)state;
	for (size_t i = 0; i < sdp_capture_count; i++) {
		sdp_session *session = sdp_capture(sdp_captures[i]);
		slice original = sdp_capture_text(sdp_captures[i]);
		buf printed = assert_fixpoint(session);
		assert_int_equal(count_lines(buf_slice(&printed)), count_lines(original));
		for (size_t from = 0, at = 0; at < original.len; at++) {
			if (original.data[at] != '\n')
				continue;
			size_t end = at > from && original.data[at - 1] == '\r' ? at - 1 : at;
			if (!has_line(buf_slice(&printed), slice_part(original, from, end - from)))
				fail_msg("%s: lost %.*s", sdp_captures[i], (int)(end - from), original.data + from);
			from = at + 1;
		}
		buf_clear(&printed);
		sdp_free(session);
	}
}

static void a_chromium_offer_is_read(void **state)
{
	(void)state;
	sdp_session *s = sdp_capture("chromium-offer-av-dc");
	assert_true(s->session_id == 5687061207541858065u && s->session_version == 2);
	assert_int_equal(s->media_count, 3);
	assert_int_equal(s->groups[0].mids.count, 3);
	const sdp_media *audio = &s->media[0], *video = &s->media[1], *data = &s->media[2];
	assert_int_equal(audio->kind, SDP_AUDIO);
	assert_int_equal(audio->port, 50664);
	assert_true(audio->rtp && audio->rtcp_mux && audio->rtcp_rsize);
	assert_int_equal(audio->direction, SDP_SENDRECV);
	assert_int_equal(audio->candidates.count, 4);
	assert_true(slice_equal_string(audio->transport.ufrag, "6WuX"));
	assert_int_equal(audio->transport.setup, SDP_SETUP_ACTPASS);
	const sdp_codec *opus = &audio->codecs[0];
	assert_int_equal(opus->payload_type, 111);
	assert_true(slice_equal_string(opus->name, "opus"));
	assert_int_equal(opus->clock_rate, 48000);
	assert_int_equal(opus->channels, 2);
	assert_true(slice_equal_string(opus->fmtp, "minptime=10;useinbandfec=1"));
	assert_true(slice_equal_string(opus->rtcp_fb.items[0], "transport-cc"));
	assert_int_equal(audio->extmaps[3].id, 4);
	assert_true(slice_equal_string(audio->extmaps[3].uri, "urn:ietf:params:rtp-hdrext:sdes:mid"));
	assert_int_equal(video->ssrc_groups[0].ssrcs[1], 1793797681);
	assert_int_equal(video->ssrcs[0].ssrc, 2274148846);
	assert_true(slice_equal_string(video->ssrcs[0].attribute, "cname"));
	assert_true(slice_equal_string(video->ssrcs[0].value, "PvRtbQchbaMUki9h"));
	assert_true(slice_equal_string(video->msids[0].track, "df8c0491-365a-4e42-82e6-f3170323282f"));
	assert_int_equal(data->sctp_port, 5000);
	assert_int_equal(sdp_max_message_size(data), 262144);
	sdp_free(s);
}

static void a_firefox_simulcast_offer_is_read(void **state)
{
	(void)state;
	sdp_session *s = sdp_capture("firefox-offer-simulcast");
	const sdp_media *video = &s->media[0];
	assert_int_equal(video->rid_count, 3);
	assert_true(slice_equal_string(video->rids[1].id, "h"));
	assert_int_equal(video->rids[1].direction, SDP_SENDONLY);
	assert_int_equal(video->simulcast_send.count, 3);
	assert_int_equal(video->simulcast_recv.count, 0);
	assert_true(slice_equal_string(video->simulcast_send.items[2].rid, "f"));
	assert_int_equal(video->ssrc_group_count, 3);
	assert_int_equal(s->transport.fingerprint_count, 1); /* at session level */
	assert_int_equal(video->transport.fingerprint_count, 0);
	sdp_transport t = sdp_transport_of(s, 0);
	assert_int_equal(t.fingerprint_count, 1);
	assert_true(sdp_has_ice_option(&t, "trickle"));
	assert_false(sdp_has_ice_option(&t, "trick"));
	sdp_free(s);
}

static void snap_and_sped_are_read(void **state)
{
	(void)state;
	sdp_session *snap = sdp_capture("chromium-snap-offer"), *sped = sdp_capture("chromium-sped-offer");
	assert_int_equal(snap->media[0].sctp_init.len, 40);
	sdp_transport t = sdp_transport_of(sped, 0);
	assert_true(sdp_has_ice_option(&t, "trickle") && sdp_has_ice_option(&t, "googspedv1"));
	sdp_free(snap);
	sdp_free(sped);
}

static void the_largest_datagram_is_read(void **state)
{
	(void)state;
	sdp_session *s = sdp_of_text(SDP_HEAD "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
					      "a=x-parley-max-datagram:16421\r\n");
	assert_int_equal(s->media[0].max_datagram, 16421);
	assert_true(sdp_prints(s, "\r\na=x-parley-max-datagram:16421\r\n"));
	sdp_free(s);
}

/* RFC 8839 5.5 */
static void the_pace_of_ice_is_read(void **state)
{
	(void)state;
	sdp_session *s = sdp_of_text(SDP_HEAD "a=ice-pacing:4294967295\r\n");
	assert_true(s->has_ice_pacing);
	assert_int_equal(s->ice_pacing, UINT32_MAX);
	assert_true(sdp_prints(s, "\r\na=ice-pacing:4294967295\r\n"));
	sdp_free(s);
	s = sdp_of_text(SDP_HEAD "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=ice-pacing:5\r\n");
	assert_false(s->has_ice_pacing); /* it belongs to the session */
	sdp_free(s);
	sdp_error error;
	assert_int_equal(sdp_parse(slice_from_string(SDP_HEAD "a=ice-pacing:fast\r\n"), &s, &error), PARLEY_EPROTO);
	assert_int_equal(sdp_parse(slice_from_string(SDP_HEAD "a=ice-pacing:1\r\na=ice-pacing:1\r\n"), &s, &error),
			 PARLEY_EPROTO);
}

static void every_kind_of_line_survives(void **state)
{
	(void)state;
	static const char in[] =
		"v=0\no=alice 2890844526 2890842807 IN IP6 2001:db8::1\ns=A session, named\ni=about\n"
		"u=http://example.com\ne=a@example.com\ne=b@example.com\np=+1 617 555-6011\n"
		"c=IN IP4 224.2.36.42/127\nb=X-YZ:128\nb=AS:1\nt=1 2\nr=7d 1h 0 25h\nt=3 4\nz=1 -1h\n"
		"k=prompt\na=recvonly\na=ice-lite\na=x-flag\na=x:y:z\nm=audio 49170/2 RTP/AVP 0 97\n"
		"i=sound\nc=IN IP4 224.2.1.1/127/3\nc=IN IP4 224.2.1.4/127\nb=AS:64\nk=clear:x\n"
		"a=rtpmap:97 L16/8000/2\na=rtpmap:98 lost/8000\na=fmtp:97 a=b\na=fmtp:97 second\n"
		"a=rtcp-fb:* nack\na=rtcp-fb:97 ack\na=extmap:4096/inactive urn:x a b c\n"
		"a=ssrc:4294967295 cname:\na=ssrc:0 flag\na=ssrc-group:FID\na=msid:-\n"
		"a=rid:1 recv pt=97;max-width=1\na=simulcast:recv 1,~2;3 send ~4\na=rtcp-mux-only\n"
		"a=extmap-allow-mixed\na=tls-id:abc\na=end-of-candidates\n"
		"a=candidate:1 1 udp 1 1.2.3.4 5 typ host\na=bundle-only\na=ptime:20\n"
		"m=application 9 DTLS/SCTP 5000\na=sctpmap:5000 webrtc-datachannel 1024\na=rtpmap:1 not/1\n"
		"m=text 0 TCP x y\n";
	sdp_session *s = sdp_of_text(in);
	const sdp_media *m = &s->media[0];
	assert_int_equal(m->port_count, 2);
	assert_true(slice_equal_string(m->codecs[0].name, "PCMU")); /* by RFC 3551 */
	assert_false(m->codecs[0].has_rtpmap);
	assert_int_equal(m->lines.count, 4);
	assert_int_equal(m->simulcast_recv.count, 3);
	assert_true(m->simulcast_recv.items[1].paused && m->simulcast_recv.items[1].alternative);
	assert_false(m->simulcast_recv.items[2].alternative);
	assert_int_equal(m->extmaps[0].direction, SDP_INACTIVE);
	assert_true(m->ssrcs[0].has_value && !m->ssrcs[1].has_value);
	assert_int_equal(m->attributes.count, 3); /* the unlisted rtpmap, the second fmtp, ptime */
	assert_int_equal(s->media[1].kind, SDP_APPLICATION);
	assert_int_equal(s->media[1].attributes.count, 2);
	assert_int_equal(s->media[2].kind, SDP_OTHER);
	assert_int_equal(s->media[2].formats.count, 2);
	assert_int_equal(sdp_direction_of(s, 1), SDP_RECVONLY);
	buf printed = assert_fixpoint(s);
	assert_int_equal(count_lines(buf_slice(&printed)), count_lines(slice_from_string(in)));
	assert_true(has_line(buf_slice(&printed), slice_from_string("a=simulcast:send ~4 recv 1,~2;3\r\n")));
	buf_clear(&printed);
	sdp_free(s);
}

static void line_ends_are_taken_as_they_come(void **state)
{
	(void)state;
	static const char *const same[] = {
		"v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nt=0 0\r\n",
		"v=0\no=- 1 1 IN IP4 1.2.3.4\ns=-\nt=0 0\n",
		"v=0\r\no=- 1 1 IN IP4 1.2.3.4\ns=-\r\nt=0 0",
		"v=0\no=- 1 1 IN IP4 1.2.3.4\ns=-\nt=0 0\r\n\r\n\n",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(same); i++) {
		sdp_session *s = sdp_of_text(same[i]);
		buf printed = sdp_printed(s);
		assert_true(slice_equal_string(buf_slice(&printed), same[0]));
		buf_clear(&printed);
		sdp_free(s);
	}
}

static void assert_refused(slice in, int code, const char *reason)
{
	sdp_session *s = NULL;
	sdp_error error = {0};
	assert_int_equal(sdp_parse(in, &s, &error), code);
	assert_null(s);
	assert_string_equal(error.text, reason);
	assert_int_equal(sdp_parse(in, &s, NULL), code);
}

static void wrong_session_levels_are_refused_with_line_and_reason(void **state)
{
	(void)state;
	static const struct {
		const char *in, *reason;
	} cases[] = {
		{"", "not a session description: it has 0 lines"},
		{"\r\n\r\n", "not a session description: it has 0 lines"},
		{"v=0\r\n", "not a session description: it has 1 lines"},
		{"hello", "line 1: not of the form x=..."},
		{"{\"type\":\"offer\"}", "line 1: not of the form x=..."},
		{"\xff\xfe\x01=", "line 1: not of the form x=..."},
		{"o=- 1 1 IN IP4 1.2.3.4\r\n", "line 1: not v=, with which line 1 begins"},
		{"v=1\r\n", "line 1: the version is not 0"},
		{"v= 0\r\n", "line 1: the version is not 0"},
		{"v=0\r\ns=-\r\n", "line 2: not o=, with which line 2 begins"},
		{"v=0\r\no=- 1 1 IN IP4\r\n", "line 2: o= is not \"username id version nettype addrtype address\""},
		{"v=0\r\no=- -1 1 IN IP4 x\r\n", "line 2: session id \"-1\" is not a number of 64 bits"},
		{"v=0\r\no=- 1 18446744073709551616 IN IP4 x\r\n",
		 "line 2: session version \"18446744073709551616\" is not a number of 64 bits"},
		{"v=0\r\no=- 1 1 IN IP4 x\r\ns=-\r\n", "no t= line"},
		{SDP_HEAD "\r\na=x\r\n", "line 5: not of the form x=..."},
		{SDP_HEAD "v=0\r\n", "line 5: v= is not a line of the session level"},
		{SDP_HEAD "c=IN IP4\r\n", "line 5: c= is not \"nettype addrtype address\""},
		{SDP_HEAD "c=IN IP4 1.2.3.4 \r\n", "line 5: c= is not \"nettype addrtype address\""},
		{SDP_HEAD "a=\r\n", "line 5: a= has no name"},
		{SDP_HEAD "a=b\rc\r\n", "line 5: a NUL or CR within the line"},
		{SDP_HEAD "a=group:\r\n", "line 5: a=group has no semantics"},
		{SDP_HEAD "a=group:BUNDLE 0  1\r\n", "line 5: a=group has a wrong mid"},
		{SDP_HEAD "a=setup:x\x01\r\n", "line 5: a=setup:x? is unknown"},
		{SDP_HEAD "a=fingerprint:sha-256\r\n", "line 5: a=fingerprint is not \"hash XX:XX:...\""},
		{SDP_HEAD "a=fingerprint:sha-256 0:11\r\n", "line 5: a=fingerprint is not \"hash XX:XX:...\""},
		{SDP_HEAD "a=fingerprint:sha-256 00:11:\r\n", "line 5: a=fingerprint is not \"hash XX:XX:...\""},
		{SDP_HEAD "a=ice-ufrag:\r\n", "line 5: a=ice-ufrag has no value"},
		{SDP_HEAD "a=ice-pwd:x\r\na=ice-pwd:x\r\n", "line 6: a second a=ice-pwd"},
		{SDP_HEAD "a=sendonly\r\na=recvonly\r\n", "line 6: both a=sendonly and a=recvonly"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
		assert_refused(slice_from_string(cases[i].in), PARLEY_EPROTO, cases[i].reason);
	assert_refused(slice_of("v=0\0\n", 5), PARLEY_EPROTO, "line 1: a NUL or CR within the line");
}

static void wrong_media_lines_are_refused_with_line_and_reason(void **state)
{
	(void)state;
	static const struct {
		const char *in, *reason;
	} cases[] = {
		{"m=\r\n", "line 5: m= has no media type"},
		{"m= 9 x y\r\n", "line 5: m= has no media type"},
		{"m=audio\r\n", "line 5: m= has no port from 0 to 65535"},
		{"m=audio  9 x y\r\n", "line 5: m= has no port from 0 to 65535"},
		{"m=audio 65536 x y\r\n", "line 5: m= has no port from 0 to 65535"},
		{"m=audio -1 x y\r\n", "line 5: m= has no port from 0 to 65535"},
		{"m=audio +1 x y\r\n", "line 5: m= has no port from 0 to 65535"},
		{"m=audio 2147483648 x y\r\n", "line 5: m= has no port from 0 to 65535"},
		{"m=audio 9/0 x y\r\n", "line 5: m= has a wrong number of ports"},
		{"m=audio 9\r\n", "line 5: m= has no protocol"},
		{"m=audio 9 x\r\n", "line 5: m= has no format"},
		{"m=audio 9 x \r\n", "line 5: m= has no format"},
		{"m=audio 9 x y  z\r\n", "line 5: m= has an empty format"},
		{"m=audio 9 RTP/AVP 128\r\n", "line 5: \"128\" is not a payload type (0 to 127)"},
		{"m=audio 9 RTP/AVP opus\r\n", "line 5: \"opus\" is not a payload type (0 to 127)"},
		{"m=audio 9 RTP/AVP 0 8 0\r\n", "line 5: payload type 0 is listed twice"},
		{"m=audio 9 x y\r\nt=0 0\r\n", "line 6: t= is not a line of a media section"},
		{"m=audio 9 x y\r\na=mid:0\r\nm=audio 9 x y\r\na=mid:0\r\n", "line 8: mid 0 is used already"},
		{"m=audio 9 x y\r\na=mid:0\r\na=mid:1\r\n", "line 7: a second a=mid"},
		{"m=audio 9 x y\r\na=x-parley-max-datagram:0\r\n",
		 "line 6: a=x-parley-max-datagram is not a number from 1 to 65535"},
		{"m=audio 9 x y\r\na=x-parley-max-datagram:1\r\na=x-parley-max-datagram:1\r\n",
		 "line 7: a second a=x-parley-max-datagram"},
		{"m=audio 9 x y\r\na=mid:a b\r\n", "line 6: a=mid is not a token"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		char in[512];
		snprintf(in, sizeof in, SDP_HEAD "%s", cases[i].in);
		assert_refused(slice_from_string(in), PARLEY_EPROTO, cases[i].reason);
	}
}

static void wrong_attributes_are_refused_with_the_reason(void **state)
{
	(void)state;
	static const struct {
		const char *in, *reason;
	} cases[] = {
		{"rtpmap:128 x/1", "\"128\" is not a payload type (0 to 127)"},
		{"rtpmap:-1 x/1", "\"-1\" is not a payload type (0 to 127)"},
		{"rtpmap:+111 x/1", "\"+111\" is not a payload type (0 to 127)"},
		{"rtpmap: 111 x/1", "\"\" is not a payload type (0 to 127)"},
		{"rtpmap:2147483648 x/1", "\"2147483648\" is not a payload type (0 to 127)"},
		{"rtpmap:9223372036854775808 x/1", "\"9223372036854775808\" is not a payload type (0 to 127)"},
		{"rtpmap:111", "a=rtpmap is not \"type name/rate\""},
		{"rtpmap:111 opus", "a=rtpmap is not \"type name/rate\""},
		{"rtpmap:111 opus/0", "a=rtpmap is not \"type name/rate\""},
		{"rtpmap:111 opus/4294967296", "a=rtpmap is not \"type name/rate\""},
		{"rtpmap:111 opus/48000/0", "a=rtpmap has a wrong number of channels"},
		{"rtpmap:111 opus/48000/2/1", "a=rtpmap has a wrong number of channels"},
		{"fmtp:128 a=b", "\"128\" is not a payload type (0 to 127)"},
		{"rtcp-fb:all nack", "\"all\" is not a payload type (0 to 127)"},
		{"rtcp-fb:111", "a=rtcp-fb says nothing"},
		{"extmap:0 urn:x", "\"0\" is not the id of a header extension"},
		{"extmap:256 urn:x", "\"256\" is not the id of a header extension"},
		{"extmap:1/both urn:x", "a=extmap has the direction \"both\""},
		{"extmap:1", "a=extmap has no URI"},
		{"ssrc:4294967296 cname:x", "\"4294967296\" is not an SSRC"},
		{"ssrc:1", "a=ssrc has no attribute"},
		{"ssrc-group:FID 1 -2", "\"-2\" is not an SSRC"},
		{"msid: x", "a=msid has no id"},
		{"rid:1 both", "a=rid is not \"id send\" or \"id recv\""},
		{"simulcast:", "a=simulcast says nothing"},
		{"simulcast:1;2", "a=simulcast is not \"send rids\", \"recv rids\" or both"},
		{"simulcast:send 1 send 2", "a=simulcast is not \"send rids\", \"recv rids\" or both"},
		{"simulcast:send 1;;2", "a=simulcast has an empty stream"},
		{"simulcast:send ~", "a=simulcast has a wrong rid"},
		{"sctp-port:65536", "a=sctp-port is not a number from 0 to 65535"},
		{"max-message-size:-1", "a=max-message-size is not a number of 64 bits"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		char in[512], reason[SDP_ERROR_MAX];
		snprintf(in, sizeof in, SDP_HEAD AUDIO "a=%s\r\n", cases[i].in);
		snprintf(reason, sizeof reason, "line 6: %s", cases[i].reason);
		assert_refused(slice_from_string(in), PARLEY_EPROTO, reason);
	}
}

static void numbers_at_their_edges_are_kept(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"a=rtpmap:0 x/1\r\n",
		"a=rtpmap:111 x/4294967295/4294967295\r\n",
		"a=extmap:255 urn:x\r\n",
		"a=extmap:4351 urn:x\r\n",
		"a=ssrc:0 x\r\n",
		"a=ssrc:4294967295 x\r\n",
		"a=sctp-port:0\r\n",
		"a=sctp-port:65535\r\n",
		"a=max-message-size:0\r\n",
		"a=max-message-size:9223372036854775808\r\n",
		"a=max-message-size:18446744073709551615\r\n",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
		char in[512];
		snprintf(in, sizeof in, SDP_HEAD AUDIO "%s", lines[i]);
		sdp_session *s = sdp_of_text(in);
		buf printed = sdp_printed(s);
		assert_true(slice_equal_string(buf_slice(&printed), in));
		buf_clear(&printed);
		sdp_free(s);
	}
}

/* head, then `line` n times. */
static buf repeated(const char *head, const char *line, size_t n)
{
	buf b = {.limit = 2 * SDP_TEXT_MAX};
	assert_int_equal(buf_append(&b, slice_from_string(head)), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(buf_append(&b, slice_from_string(line)), 0);
	return b;
}

static void limits_are_kept(void **state)
{
	(void)state;
	static const struct {
		const char *head, *line;
		size_t most;
		const char *reason;
	} cases[] = {
		{SDP_HEAD, "m=x 9 y z\r\n", SDP_SECTIONS_MAX, "line 133: more than 128 m= lines"},
		{SDP_HEAD AUDIO, "a=candidate:1\r\n", SDP_CANDIDATES_MAX, "line 262: more than 256 candidates"},
		{SDP_HEAD "a=", "x", SDP_TEXT_MAX - strlen(SDP_HEAD) - 2, "longer than 262144 bytes"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		sdp_session *s = NULL;
		buf in = repeated(cases[i].head, cases[i].line, cases[i].most);
		assert_int_equal(sdp_parse(buf_slice(&in), &s, NULL), 0);
		sdp_free(s);
		buf_clear(&in);
		in = repeated(cases[i].head, cases[i].line, cases[i].most + 1);
		assert_refused(buf_slice(&in), PARLEY_ELIMIT, cases[i].reason);
		buf_clear(&in);
	}
}

static void printing_obeys_the_limit_and_then_adds_nothing(void **state)
{
	(void)state;
	sdp_session *s = sdp_of_text(SDP_HEAD);
	buf out = {.limit = strlen(SDP_HEAD) + 1};
	assert_int_equal(buf_append(&out, slice_from_string("ab")), 0);
	assert_int_equal(sdp_print(s, &out), PARLEY_ELIMIT);
	assert_true(slice_equal_string(buf_slice(&out), "ab"));
	buf_consume(&out, 1);
	assert_int_equal(sdp_print(s, &out), 0);
	assert_true(slice_equal_string(buf_slice(&out), "b" SDP_HEAD));
	buf_clear(&out);
	sdp_free(s);
}

static void parse_and_print(void *context)
{
	sdp_session *s = NULL;
	sdp_error error;
	int err = sdp_parse(slice_from_string(context), &s, &error);
	if (err) {
		assert_int_equal(err, PARLEY_ENOMEM);
		assert_string_equal(error.text, "out of memory");
		return;
	}
	buf out = {.limit = SDP_TEXT_MAX};
	sdp_print(s, &out);
	buf_clear(&out);
	sdp_free(s);
}

static void failing_allocations_are_survived(void **state)
{
	(void)state;
	static const char *const names[] = {"chromium-offer-av-dc", "firefox-offer-simulcast"};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		static char text[64 * 1024];
		slice in = sdp_capture_text(names[i]);
		memcpy(text, in.data, in.len);
		text[in.len] = '\0';
		failmalloc_loop(parse_and_print, text);
	}
}

static void a_broken_capture_never_gets_through_half(void **state)
{
	(void)state;
	slice text = sdp_capture_text("firefox-offer-av-dc");
	for (size_t len = 0; len < text.len; len++) {
		sdp_session *s = NULL;
		uint8_t *exact = malloc(len + 1);
		memcpy(exact, text.data, len);
		sdp_error error = {0};
		if (sdp_parse(slice_of(exact, len), &s, &error) == 0)
			sdp_free(s);
		else
			assert_true(error.text[0] != '\0' && !s);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(captures_print_every_line_and_reparse_identically),
		cmocka_unit_test(a_chromium_offer_is_read),
		cmocka_unit_test(a_firefox_simulcast_offer_is_read),
		cmocka_unit_test(snap_and_sped_are_read),
		cmocka_unit_test(the_largest_datagram_is_read),
		cmocka_unit_test(the_pace_of_ice_is_read),
		cmocka_unit_test(every_kind_of_line_survives),
		cmocka_unit_test(line_ends_are_taken_as_they_come),
		cmocka_unit_test(wrong_session_levels_are_refused_with_line_and_reason),
		cmocka_unit_test(wrong_media_lines_are_refused_with_line_and_reason),
		cmocka_unit_test(wrong_attributes_are_refused_with_the_reason),
		cmocka_unit_test(numbers_at_their_edges_are_kept),
		cmocka_unit_test(limits_are_kept),
		cmocka_unit_test(printing_obeys_the_limit_and_then_adds_nothing),
		cmocka_unit_test(failing_allocations_are_survived),
		cmocka_unit_test(a_broken_capture_never_gets_through_half),
	};
	return cmocka_run_group_tests_name("sdp/parse", tests, NULL, NULL);
}
