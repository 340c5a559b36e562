/* sdp/plan.c, and negotiation over several exchanges: sdp/offer.c, sdp/answer.c, sdp/payload.c */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/sdp_support.h"

#define MEDIA_MAX 4

/* One end: its transceivers and the last exchange, as a peer connection keeps them. */
typedef struct {
	sdp_local_media media[MEDIA_MAX];
	char mids[MEDIA_MAX][8];
	size_t media_count;
	bool data;
	sdp_session *local, *remote;
} end;

static sdp_media_plan plan; /* large */

static sdp_local local_of(end *e)
{
	sdp_local local = sdp_test_local();
	local.media = e->media;
	local.media_count = e->media_count;
	return local;
}

static sdp_local_media *add(end *e, sdp_kind kind)
{
	size_t i = e->media_count++;
	e->media[i] = sdp_test_media(kind, "");
	e->media[i].ssrc = (uint32_t)(1000 * (i + 1));
	e->media[i].rtx_ssrc = e->media[i].ssrc + 1;
	return &e->media[i];
}

static void set_mid(end *e, size_t i, slice mid)
{
	snprintf(e->mids[i], sizeof e->mids[i], "%.*s", (int)mid.len, (const char *)mid.data);
	e->media[i].mid = slice_from_string(e->mids[i]);
}

/* What a peer does with a remote offer (RFC 8829 5.10): sections that it has no media for get new ones, to receive. */
static void take_offer(end *e, const sdp_session *offer)
{
	for (size_t i = 0; i < offer->media_count; i++) {
		const sdp_media *m = &offer->media[i];
		bool known = !m->rtp || sdp_is_rejected(m);
		for (size_t k = 0; k < e->media_count; k++)
			known = known || slice_equal(e->media[k].mid, m->mid);
		if (known)
			continue;
		add(e, m->kind)->direction = SDP_RECVONLY;
		set_mid(e, e->media_count - 1, m->mid);
	}
}

static void settle(end *e, sdp_session *local, sdp_session *remote)
{
	sdp_free(e->local);
	sdp_free(e->remote);
	e->local = local;
	e->remote = remote;
	for (size_t i = 0; i < e->media_count; i++)
		if (e->media[i].section >= 0)
			set_mid(e, i, local->media[e->media[i].section].mid);
}

static sdp_session *sent(const sdp_session *s)
{
	buf b = sdp_printed(s);
	sdp_session *arrived = NULL;
	assert_int_equal(sdp_parse(buf_slice(&b), &arrived, NULL), 0);
	buf_clear(&b);
	return arrived;
}

/* One exchange, checked on the way. */
static void negotiate(end *offerer, end *answerer)
{
	sdp_error error = {0};
	sdp_session *offer = NULL, *answer = NULL;
	sdp_local local = local_of(offerer);
	assert_int_equal(sdp_make_offer(&local, offerer->data, offerer->local, offerer->remote, &offer), 0);
	sdp_session *remote_offer = sent(offer);
	if (sdp_check_offer(remote_offer, &error))
		fail_msg("%s", error.text);
	take_offer(answerer, remote_offer);
	local = local_of(answerer);
	assert_int_equal(sdp_make_answer(remote_offer, &local, &answer), 0);
	sdp_session *remote_answer = sent(answer);
	if (sdp_check_answer(offer, remote_answer, &error))
		fail_msg("%s", error.text);
	settle(offerer, offer, remote_answer);
	settle(answerer, answer, remote_offer);
}

static void end_clear(end *e)
{
	sdp_free(e->local);
	sdp_free(e->remote);
}

static const sdp_media_plan *plan_of(const end *e, bool answerer, size_t section)
{
	assert_int_equal(sdp_negotiated(e->local, e->remote, answerer, section, &plan), 0);
	return &plan;
}

#define assert_slice(s, text) assert_true(slice_equal_string(s, text))

/* --- plans --- */

static void the_two_ends_agree(void **state)
{
	(void)state;
	end a = {.data = true}, b = {0};
	add(&a, SDP_AUDIO);
	add(&a, SDP_VIDEO);
	negotiate(&a, &b);
	sdp_media_plan *first = &plan, second;
	for (size_t section = 0; section < 2; section++) {
		assert_int_equal(sdp_negotiated(b.local, b.remote, true, section, &second), 0);
		plan_of(&a, false, section);
		assert_true(first->accepted && second.accepted);
		assert_int_equal(first->direction, SDP_SENDONLY);
		assert_int_equal(second.direction, SDP_RECVONLY);
		assert_int_equal(first->codec_count, second.codec_count);
		for (size_t i = 0; i < first->codec_count; i++) {
			assert_int_equal(first->send[i].payload_type, second.receive[i].payload_type);
			assert_int_equal(first->send[i].has_rtx, section == 1);
			assert_int_equal(first->send[i].rtx_payload_type, second.receive[i].rtx_payload_type);
			assert_int_equal(first->send[i].feedback, second.receive[i].feedback);
		}
		assert_memory_equal(first->send_extensions, second.receive_extensions, SDP_EXTENSION_COUNT);
		assert_int_equal(second.source_count, 1);
		assert_int_equal(second.sources[0].ssrc, a.media[section].ssrc);
		assert_int_equal(second.sources[0].has_rtx, section == 1);
		assert_slice(second.sources[0].cname, "someone");
		assert_slice(second.streams[0], "stream");
		assert_slice(second.track, section ? "camera" : "microphone");
		assert_int_equal(first->source_count + first->stream_count, 0);
	}
	assert_slice(second.receive[0].name, "VP8");
	assert_int_equal(second.receive[0].feedback, 31);
	assert_int_equal(second.receive[0].rtx_payload_type, 97);
	assert_int_equal(sdp_negotiated(a.local, a.remote, false, 2, &second), PARLEY_ENOTFOUND); /* data */
	assert_int_equal(sdp_negotiated(a.local, a.remote, false, 3, &second), PARLEY_ENOTFOUND);
	end_clear(&a);
	end_clear(&b);
}

static void firefoxs_offer_is_read(void **state)
{
	(void)state;
	sdp_local_media media[] = {sdp_test_media(SDP_AUDIO, "0"), sdp_test_media(SDP_VIDEO, "1")};
	sdp_local local = sdp_test_local();
	sdp_session *offer = sdp_capture("firefox-offer-av-dc"), *answer = NULL;
	local.media = media;
	local.media_count = 2;
	assert_int_equal(sdp_make_answer(offer, &local, &answer), 0);
	assert_int_equal(sdp_negotiated(answer, offer, true, 0, &plan), 0);
	assert_int_equal(plan.direction, SDP_SENDRECV);
	assert_int_equal(plan.codec_count, 3);
	assert_slice(plan.send[0].name, "opus");
	assert_int_equal(plan.send[0].payload_type, 109);
	assert_int_equal(plan.send[0].channels, 2);
	assert_int_equal(plan.send[1].channels, 1);
	assert_slice(plan.send[0].fmtp, "maxplaybackrate=48000;stereo=1;useinbandfec=1");
	assert_slice(plan.receive[0].fmtp, "minptime=10;useinbandfec=1");
	assert_int_equal(plan.send_extensions[SDP_EXTENSION_MID], 3);
	assert_int_equal(plan.send_extensions[SDP_EXTENSION_TRANSPORT_CC], 7);
	assert_int_equal(plan.send_extensions[SDP_EXTENSION_ABS_SEND_TIME], 0);
	assert_int_equal(plan.sources[0].ssrc, 1986550116);
	assert_slice(plan.sources[0].cname, "{257234da-869d-47ae-bc30-1ebd1d67e758}");
	assert_int_equal(sdp_negotiated(answer, offer, true, 1, &plan), 0);
	assert_int_equal(plan.source_count, 1);
	assert_int_equal(plan.sources[0].rtx_ssrc, 2400937161);
	assert_int_equal(plan.send[2].payload_type, 99);
	assert_int_equal(plan.send[2].rtx_payload_type, 100);
	assert_true(plan.rtcp_rsize);
	sdp_free(answer);
	sdp_free(offer);
}

static void simulcast_lasts_from_one_offer_to_the_next(void **state)
{
	(void)state;
	sdp_local_media media = sdp_test_media(SDP_VIDEO, "0");
	sdp_local local = sdp_test_local();
	sdp_session *remote = sdp_capture("chromium-offer-simulcast"), *answer = NULL, *offer = NULL;
	local.media = &media;
	local.media_count = 1;
	assert_int_equal(sdp_make_answer(remote, &local, &answer), 0);
	assert_int_equal(sdp_make_offer(&local, false, answer, remote, &offer), 0);
	assert_true(sdp_prints(offer, "a=rid:q recv\r\na=rid:h recv\r\na=rid:f recv\r\na=simulcast:recv q;h;f\r\n"));
	sdp_free(offer);
	sdp_free(answer);
	sdp_free(remote);
}

/*
 * Firefox adds media under numbers of its own to sections that have ours, so that in one bundle 99 is the rtx of our
 * VP9 and its AV1 (RFC 8843 10.1.2 forbids that).
 */
static void numbers_with_two_meanings_are_lived_with(void **state)
{
	(void)state;
#define TWO_SECTIONS                                                                                         \
	SDP_HEAD SDP_TEST_TRANSPORT "a=group:BUNDLE 0 1\r\n"                                                 \
				    "m=video 9 UDP/TLS/RTP/SAVPF 98 99\r\na=mid:0\r\na=rtcp-mux\r\n"         \
				    "a=rtpmap:98 VP9/90000\r\na=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\n" \
				    "m=video 9 UDP/TLS/RTP/SAVPF 99 98\r\na=mid:1\r\na=rtcp-mux\r\n"         \
				    "a=rtpmap:99 AV1/90000\r\na=rtpmap:98 rtx/90000\r\na=fmtp:98 apt=99\r\n"
	sdp_local_media media[] = {sdp_test_media(SDP_VIDEO, "0"), sdp_test_media(SDP_VIDEO, "1"),
				   sdp_test_media(SDP_VIDEO, "")};
	sdp_local local = sdp_test_local();
	sdp_session *remote = sdp_of_text(TWO_SECTIONS), *answer = NULL, *offer = NULL;
	local.media = media;
	local.media_count = 3;
	for (size_t i = 0; i < 3; i++)
		media[i].direction = SDP_RECVONLY;
	assert_int_equal(sdp_check_offer(remote, NULL), 0);
	assert_int_equal(sdp_make_answer(remote, &local, &answer), 0);
	assert_int_equal(sdp_negotiated(answer, remote, true, 0, &plan), 0);
	assert_slice(plan.receive[0].name, "VP9");
	assert_int_equal(plan.receive[0].rtx_payload_type, 99);
	assert_int_equal(sdp_negotiated(answer, remote, true, 1, &plan), 0);
	assert_slice(plan.receive[0].name, "AV1");
	assert_int_equal(plan.receive[0].payload_type, 99);
	assert_int_equal(plan.receive[0].rtx_payload_type, 98);
	assert_int_equal(sdp_make_offer(&local, false, answer, remote, &offer), 0);
	assert_true(sdp_prints(offer, "m=video 9 UDP/TLS/RTP/SAVPF 98 99 "));
	assert_true(sdp_prints(offer, "m=video 9 UDP/TLS/RTP/SAVPF 99 98 "));
	assert_int_equal(media[2].section, 2);
	sdp_free(offer);
	sdp_free(answer);
	sdp_free(remote);
}

static void simulcast_gives_layers_and_one_way_extensions(void **state)
{
	(void)state;
	sdp_local_media media = sdp_test_media(SDP_VIDEO, "0");
	sdp_local local = sdp_test_local();
	sdp_session *offer = sdp_capture("firefox-offer-simulcast"), *answer = NULL;
	local.media = &media;
	local.media_count = 1;
	assert_int_equal(sdp_make_answer(offer, &local, &answer), 0);
	assert_int_equal(sdp_negotiated(answer, offer, true, 0, &plan), 0);
	assert_int_equal(plan.direction, SDP_RECVONLY);
	assert_int_equal(plan.receive_rid_count, 3);
	assert_slice(plan.receive_rids[0], "q");
	assert_slice(plan.receive_rids[2], "f");
	assert_int_equal(plan.source_count, 3);
	assert_int_equal(plan.sources[1].ssrc, 3127980438);
	assert_int_equal(plan.sources[1].rtx_ssrc, 3393824938);
	assert_int_equal(plan.receive_extensions[SDP_EXTENSION_RID], 9);
	assert_int_equal(plan.send_extensions[SDP_EXTENSION_RID], 0);
	assert_int_equal(plan.receive_extensions[SDP_EXTENSION_REPAIRED_RID], 10);
	sdp_free(answer);
	sdp_free(offer);
}

#define VIDEO_HEAD "m=video 9 UDP/TLS/RTP/SAVPF 96 98\r\n"
#define VIDEO_TAIL "a=mid:0\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:98 VP9/90000\r\n"

static void each_end_sends_what_the_other_announced(void **state)
{
	(void)state;
	/* The answerer has other payload types (RFC 3264 6.1), and prefers VP9. */
	sdp_session *offer = sdp_of_text(SDP_HEAD VIDEO_HEAD VIDEO_TAIL);
	sdp_session *answer = sdp_of_text(SDP_HEAD "m=video 9 UDP/TLS/RTP/SAVPF 100 101\r\na=mid:0\r\na=rtcp-mux\r\n"
						   "a=rtpmap:100 VP9/90000\r\na=rtpmap:101 VP8/90000\r\n");
	assert_int_equal(sdp_negotiated(offer, answer, false, 0, &plan), 0);
	assert_slice(plan.send[0].name, "VP9");
	assert_int_equal(plan.send[0].payload_type, 100);
	assert_int_equal(plan.receive[0].payload_type, 98);
	assert_int_equal(sdp_negotiated(answer, offer, true, 0, &plan), 0);
	assert_slice(plan.send[0].name, "VP9");
	assert_int_equal(plan.send[0].payload_type, 98);
	assert_int_equal(plan.receive[0].payload_type, 100);
	sdp_free(answer);
	sdp_free(offer);
}

static void what_the_remote_end_takes_is_bounded(void **state)
{
	(void)state;
	static const struct {
		const char *lines, *attributes;
		uint32_t bandwidth, ptime, maxptime;
	} cases[] = {
		{"", "", 0, 0, 0},
		{"b=TIAS:500000\r\nb=AS:1000\r\n", "a=ptime:20\r\na=maxptime:60\r\n", 500000, 20, 60},
		{"b=AS:1000\r\n", "a=ptime:x\r\n", 934000, 0, 0},
		{"b=AS:16\r\nb=CT:9\r\n", "", 0, 0, 0},
		{"b=AS:4294967295\r\n", "", UINT32_MAX, 0, 0},
	};
	sdp_session *offer = sdp_of_text(SDP_HEAD VIDEO_HEAD VIDEO_TAIL);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		char in[1024];
		snprintf(in, sizeof in, SDP_HEAD VIDEO_HEAD "%s" VIDEO_TAIL "%s", cases[i].lines, cases[i].attributes);
		sdp_session *answer = sdp_of_text(in);
		assert_int_equal(sdp_negotiated(offer, answer, false, 0, &plan), 0);
		assert_int_equal(plan.send_bandwidth, cases[i].bandwidth);
		assert_int_equal(plan.send_ptime, cases[i].ptime);
		assert_int_equal(plan.send_maxptime, cases[i].maxptime);
		sdp_free(answer);
	}
	sdp_free(offer);
}

static void more_than_a_plan_holds_is_left_out(void **state)
{
	(void)state;
	static char in[64 * 1024];
	size_t len = (size_t)snprintf(in, sizeof in, SDP_HEAD "m=video 9 UDP/TLS/RTP/SAVPF");
	for (unsigned i = 0; i < 100; i++)
		len += (size_t)snprintf(in + len, sizeof in - len, " %u", i);
	len += (size_t)snprintf(in + len, sizeof in - len, "\r\na=mid:0\r\na=rtcp-mux\r\n");
	for (unsigned i = 0; i < 100; i++)
		len += (size_t)snprintf(in + len, sizeof in - len,
					"a=rtpmap:%u C%u/90000\r\na=ssrc:%u cname:x\r\na=msid:s%u\r\n", i, i, i, i);
	sdp_session *s = sdp_of_text(in);
	assert_int_equal(sdp_negotiated(s, s, true, 0, &plan), 0);
	assert_int_equal(plan.codec_count, SDP_PLAN_CODECS_MAX);
	assert_int_equal(plan.source_count, SDP_PLAN_SOURCES_MAX);
	assert_int_equal(plan.stream_count, SDP_PLAN_STREAMS_MAX);
	sdp_free(s);
}

/* --- exchange after exchange --- */

static void video_joins_a_call_from_either_side(void **state)
{
	(void)state;
	end a = {.data = true}, b = {.data = true};
	add(&a, SDP_AUDIO);
	negotiate(&a, &b);
	b.media[0].direction = SDP_SENDRECV; /* the answerer speaks too */
	add(&b, SDP_VIDEO);
	negotiate(&b, &a);
	assert_int_equal(b.local->media_count, 3);
	assert_int_equal(b.media[1].section, 2); /* after the data channels */
	assert_int_equal(plan_of(&b, false, 0)->direction, SDP_SENDRECV);
	assert_int_equal(plan_of(&a, true, 2)->direction, SDP_RECVONLY);
	add(&a, SDP_VIDEO);
	negotiate(&a, &b);
	assert_int_equal(a.local->media_count, 4);
	assert_int_equal(plan_of(&a, false, 3)->direction, SDP_SENDONLY);
	assert_int_equal(plan.send[0].payload_type, 96);
	assert_int_equal(a.local->media[2].codecs[0].payload_type, 96);
	assert_true(sdp_prints(a.local, "a=group:BUNDLE 0 1 2 3\r\n"));
	end_clear(&a);
	end_clear(&b);
}

static void muting_changes_the_direction_and_nothing_else(void **state)
{
	(void)state;
	static const struct {
		sdp_direction a, b, result; /* the result as a sees it */
	} steps[] = {
		{SDP_SENDRECV, SDP_SENDRECV, SDP_SENDRECV}, {SDP_RECVONLY, SDP_SENDRECV, SDP_RECVONLY},
		{SDP_INACTIVE, SDP_SENDRECV, SDP_INACTIVE}, {SDP_SENDRECV, SDP_SENDONLY, SDP_RECVONLY},
		{SDP_SENDONLY, SDP_SENDONLY, SDP_INACTIVE}, {SDP_SENDRECV, SDP_RECVONLY, SDP_SENDONLY},
		{SDP_SENDRECV, SDP_SENDRECV, SDP_SENDRECV},
	};
	end a = {0}, b = {0};
	add(&a, SDP_VIDEO);
	for (size_t i = 0; i < ARRAY_LENGTH(steps); i++) {
		end *offerer = i % 3 ? &a : &b;
		a.media[0].direction = steps[i].a;
		if (b.media_count)
			b.media[0].direction = steps[i].b;
		if (i == 0)
			negotiate(&a, &b);
		b.media[0].direction = steps[i].b;
		negotiate(offerer, offerer == &a ? &b : &a);
		plan_of(&a, offerer == &b, 0);
		assert_int_equal(plan.direction, steps[i].result);
		assert_int_equal(plan.codec_count, 5);
		assert_int_equal(plan.receive[0].payload_type, 96);
		assert_int_equal(plan.receive[0].feedback, 31);
		assert_int_equal(plan.send_extensions[SDP_EXTENSION_MID], 1);
		assert_true(slice_equal_string(a.local->media[0].mid, "0"));
		if (offerer == &a)
			assert_int_equal(a.local->media[0].msid_count, 1); /* though it may not send now */
	}
	end_clear(&a);
	end_clear(&b);
}

static void a_stopped_section_is_rejected_and_then_used_anew(void **state)
{
	(void)state;
	end a = {.data = true}, b = {.data = true};
	add(&a, SDP_AUDIO);
	add(&a, SDP_VIDEO);
	negotiate(&a, &b);
	a.media[1].stopped = true;
	negotiate(&a, &b);
	assert_true(sdp_is_rejected(&a.local->media[1]) && sdp_is_rejected(&a.remote->media[1]));
	assert_true(sdp_prints(a.local, "a=group:BUNDLE 0 2\r\n"));
	assert_int_equal(a.media[1].section, -1);
	assert_false(plan_of(&a, false, 1)->accepted);
	b.media[1].stopped = true; /* as a peer does when it sees that */
	add(&b, SDP_AUDIO);	   /* another kind, from the other end */
	negotiate(&b, &a);
	assert_int_equal(b.local->media_count, 3);
	assert_int_equal(b.media[2].section, 1);
	assert_int_equal(b.local->media[1].kind, SDP_AUDIO);
	assert_slice(b.local->media[1].mid, "3"); /* neither 1, which was another section, nor 2 */
	assert_int_equal(plan_of(&b, false, 1)->direction, SDP_SENDONLY);
	assert_int_equal(plan.send[0].payload_type, 111);
	b.media[2].stopped = true;
	negotiate(&b, &a);
	a.media[2].stopped = true;
	add(&a, SDP_VIDEO);
	negotiate(&a, &b);
	assert_slice(a.local->media[1].mid, "4"); /* nor 1 or 3, which stopped media still have */
	assert_int_equal(plan_of(&a, false, 1)->direction, SDP_SENDONLY);
	end_clear(&a);
	end_clear(&b);
}

static void an_answer_may_reject_and_the_next_offer_keeps_that(void **state)
{
	(void)state;
	end a = {.data = true}, b = {0};
	add(&a, SDP_VIDEO);
	b.media[0] = sdp_test_media(SDP_VIDEO, "0");
	b.media[0].stopped = true;
	b.media_count = 1;
	negotiate(&a, &b);
	assert_false(plan_of(&a, false, 0)->accepted);
	negotiate(&a, &b);
	assert_true(sdp_is_rejected(&a.local->media[0]));
	assert_int_equal(a.media[0].section, -1);
	end_clear(&a);
	end_clear(&b);
}

static void a_browsers_numbers_stay_in_our_offers(void **state)
{
	(void)state;
	sdp_local_media media[] = {sdp_test_media(SDP_AUDIO, "0"), sdp_test_media(SDP_VIDEO, "1"),
				   sdp_test_media(SDP_VIDEO, "")};
	sdp_local local = sdp_test_local();
	sdp_session *remote = sdp_capture("firefox-offer-av-dc"), *answer = NULL, *offer = NULL;
	media[2].ssrc = 3001;
	media[2].rtx_ssrc = 3002;
	local.media = media;
	local.media_count = 3;
	assert_int_equal(sdp_make_answer(remote, &local, &answer), 0);
	assert_int_equal(sdp_make_offer(&local, true, answer, remote, &offer), 0);
	assert_int_equal(sdp_check_offer(offer, NULL), 0);
	assert_int_equal(media[2].section, 3);
	assert_slice(offer->media[3].mid, "3");
	/* What Firefox has comes first and under its numbers; 122 and 123 are its RED and FEC, 101 its DTMF. */
	assert_true(sdp_prints(offer, "m=audio 9 UDP/TLS/RTP/SAVPF 109 0 8\r\n"));
	static const uint8_t types[] = {120, 124, 121, 125, 99, 100, 102, 103, 104, 105};
	for (size_t section = 1; section < 4; section += 2)
		for (size_t i = 0; i < ARRAY_LENGTH(types); i++)
			assert_in_range(offer->media[section].codecs[i].payload_type, 96, 125);
	for (size_t i = 0; i < ARRAY_LENGTH(types); i++)
		assert_int_equal(offer->media[1].codecs[i].payload_type, types[i]);
	const sdp_media *added = &offer->media[3];
	assert_int_equal(added->codecs[0].payload_type, 120); /* VP8, as in the other section */
	bool has_mid = false, has_rid = false;
	for (size_t i = 0; i < added->extmap_count; i++) {
		has_mid = has_mid || (added->extmaps[i].id == 3 &&
				      slice_equal_string(added->extmaps[i].uri, sdp_extension_uri(SDP_EXTENSION_MID)));
		has_rid = has_rid || slice_equal_string(added->extmaps[i].uri, sdp_extension_uri(SDP_EXTENSION_RID));
	}
	assert_true(has_mid && has_rid);
	sdp_free(offer);
	sdp_free(answer);
	sdp_free(remote);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_two_ends_agree),
		cmocka_unit_test(firefoxs_offer_is_read),
		cmocka_unit_test(simulcast_lasts_from_one_offer_to_the_next),
		cmocka_unit_test(numbers_with_two_meanings_are_lived_with),
		cmocka_unit_test(simulcast_gives_layers_and_one_way_extensions),
		cmocka_unit_test(each_end_sends_what_the_other_announced),
		cmocka_unit_test(what_the_remote_end_takes_is_bounded),
		cmocka_unit_test(more_than_a_plan_holds_is_left_out),
		cmocka_unit_test(video_joins_a_call_from_either_side),
		cmocka_unit_test(muting_changes_the_direction_and_nothing_else),
		cmocka_unit_test(a_stopped_section_is_rejected_and_then_used_anew),
		cmocka_unit_test(an_answer_may_reject_and_the_next_offer_keeps_that),
		cmocka_unit_test(a_browsers_numbers_stay_in_our_offers),
	};
	return cmocka_run_group_tests_name("sdp/plan", tests, NULL, NULL);
}
