/* RTP sessions, two back to back on a simulated link: see tests/support/rtp_pair.h. */
#include "tests/support/test.h"

#include <string.h>

#include "rtp/rtcp_feedback.h"
#include "rtp/srtp.h"
#include "tests/support/failmalloc.h"
#include "tests/support/rtp_pair.h"

static rtp_outbound_stats outbound(const rtp_pair *p, const rtp_pair_flow *f)
{
	rtp_outbound_stats st;
	assert_int_equal(rtp_session_get_outbound_stats(p->end[0], f->sender, &st), 0);
	return st;
}

static rtp_inbound_stats inbound(const rtp_pair *p, const rtp_pair_flow *f)
{
	rtp_inbound_stats st;
	assert_int_equal(rtp_session_get_inbound_stats(p->end[1], f->receiver, 0, &st), 0);
	return st;
}

static rtp_pair *started(uint64_t seed, rtp_codec codec)
{
	rtp_pair *p = rtp_pair_new(seed);
	assert_true(rtp_pair_create(p, true));
	assert_int_equal(rtp_pair_start_flow(p, rtp_pair_add_flow(p, codec)), 0);
	return p;
}

/* Lets what is under way arrive. */
static void finish(rtp_pair *p)
{
	rtp_pair_stop(p);
	p->loss_per_mille = 0;
	rtp_pair_run(p, 2 * US_PER_S);
}

static void every_codec_comes_through_a_clean_link_whole(void **state)
{
	(void)state;
	for (unsigned codec = 0; codec < RTP_CODECS; codec++) {
		rtp_pair *p = started(codec + 1, (rtp_codec)codec);
		rtp_pair_run(p, 3 * US_PER_S);
		finish(p);
		const rtp_pair_flow *f = &p->flows[0];
		assert_int_equal(f->got, f->number);
		assert_int_equal(f->lost, 0);
		assert_int_equal(f->refused, 0);
		assert_int_equal(f->active, 1);
		assert_int_equal(inbound(p, f).frames_received, f->number);
		assert_int_equal(outbound(p, f).frames_sent, f->number);
		rtp_pair_free(p);
	}
}

static void lost_packets_are_recovered_by_retransmission(void **state)
{
	(void)state;
	static const unsigned losses[] = {30, 100};
	for (unsigned codec = RTP_VP8; codec < RTP_CODECS; codec++)
		for (size_t i = 0; i < ARRAY_LENGTH(losses); i++) {
			rtp_pair *p = started(codec * 10 + i, (rtp_codec)codec);
			p->loss_per_mille = losses[i];
			rtp_pair_run(p, 20 * US_PER_S);
			finish(p);
			const rtp_pair_flow *f = &p->flows[0];
			rtp_inbound_stats in = inbound(p, f);
			assert_true(in.packets_lost > 10);
			assert_true(in.retransmitted_packets_received > 0);
			uint64_t recovered = in.retransmitted_packets_received - in.packets_duplicated;
			assert_true(recovered * 100 > (uint64_t)in.packets_lost * 90);
			assert_true(f->got * 100 > f->number * 95);
			rtp_pair_free(p);
		}
}

static void without_rtx_packets_are_sent_again_as_they_were(void **state)
{
	(void)state;
	rtp_pair *p = rtp_pair_new(7);
	assert_true(rtp_pair_create(p, true));
	rtp_pair_flow *f = rtp_pair_add_flow(p, RTP_VP8);
	f->send.has_rtx = f->receive.codecs[0].has_rtx = f->receive.sources[0].has_rtx = false;
	assert_int_equal(rtp_pair_start_flow(p, f), 0);
	p->loss_per_mille = 50;
	rtp_pair_run(p, 10 * US_PER_S);
	finish(p);
	assert_true(outbound(p, f).retransmitted_packets_sent > 10);
	assert_int_equal(inbound(p, f).retransmitted_packets_received, 0);
	assert_true(f->got * 100 > f->number * 95);
	rtp_pair_free(p);
}

static void audio_goes_on_past_what_is_lost(void **state)
{
	(void)state;
	rtp_pair *p = started(8, RTP_OPUS);
	p->loss_per_mille = 100;
	p->jitter_us = 30 * US_PER_MS;
	rtp_pair_run(p, 20 * US_PER_S);
	finish(p);
	const rtp_pair_flow *f = &p->flows[0];
	assert_true(f->got > f->number * 85 / 100 && f->got < f->number);
	assert_true(f->got + f->lost + 2 >= f->number);
	assert_true(f->delay_max < 300 * US_PER_MS);
	rtp_pair_free(p);
}

static void duplicates_and_reordering_change_nothing(void **state)
{
	(void)state;
	rtp_pair *p = started(9, RTP_VP9);
	p->duplicate_per_mille = 100;
	p->jitter_us = 9 * US_PER_MS;
	rtp_pair_run(p, 5 * US_PER_S);
	finish(p);
	assert_int_equal(p->flows[0].got, p->flows[0].number);
	assert_int_equal(p->flows[0].lost, 0);
	rtp_pair_free(p);
}

static void sequence_numbers_wrap_in_the_middle(void **state)
{
	(void)state;
	rtp_pair *p = rtp_pair_new(10);
	assert_true(rtp_pair_create(p, true));
	rtp_pair_flow *f = rtp_pair_add_flow(p, RTP_VP8);
	f->send.has_first_sequence = true;
	f->send.first_sequence = 65500;
	assert_int_equal(rtp_pair_start_flow(p, f), 0);
	p->loss_per_mille = 50;
	rtp_pair_run(p, 5 * US_PER_S);
	finish(p);
	assert_true(f->got * 100 > f->number * 95);
	assert_true(outbound(p, f).remote_packets_received > 300);
	assert_true(outbound(p, f).remote_packets_received < 2000);
	rtp_pair_free(p);
}

static void a_source_is_found_by_its_mid_alone(void **state)
{
	(void)state;
	rtp_pair *p = rtp_pair_new(11);
	assert_true(rtp_pair_create(p, true));
	for (int i = 0; i < 2; i++) {
		rtp_pair_flow *f = rtp_pair_add_flow(p, RTP_VP8);
		f->receive.source_count = 0;
		f->send.payload_type = f->receive.codecs[0].payload_type = RTP_PAIR_PT; /* says nothing */
		f->send.rtx_payload_type = f->receive.codecs[0].rtx_payload_type = RTP_PAIR_RTX_PT;
		assert_int_equal(rtp_pair_start_flow(p, f), 0);
	}
	p->loss_per_mille = 50;
	rtp_pair_run(p, 5 * US_PER_S);
	finish(p);
	for (int i = 0; i < 2; i++) {
		assert_true(p->flows[i].got * 100 > p->flows[i].number * 90);
		assert_true(inbound(p, &p->flows[i]).retransmitted_packets_received > 0);
	}
	rtp_pair_free(p);
}

static void a_source_is_found_by_a_payload_type_that_only_one_has(void **state)
{
	(void)state;
	rtp_pair *p = rtp_pair_new(12);
	assert_true(rtp_pair_create(p, true));
	rtp_pair_flow *f = rtp_pair_add_flow(p, RTP_OPUS);
	f->receive.source_count = 0;
	f->send.mid[0] = 0;
	assert_int_equal(rtp_pair_start_flow(p, f), 0);
	rtp_pair_run(p, US_PER_S);
	finish(p);
	assert_int_equal(f->got, f->number);
	rtp_pair_free(p);
}

static void packets_of_nobody_are_dropped_and_counted(void **state)
{
	(void)state;
	rtp_pair *p = rtp_pair_new(13);
	assert_true(rtp_pair_create(p, true));
	rtp_pair_flow *f = rtp_pair_add_flow(p, RTP_OPUS);
	assert_int_equal(rtp_session_add_sender(p->end[0], p->now, &f->send, &f->sender), 0);
	rtp_pair_run(p, US_PER_S);
	rtp_session_stats st;
	rtp_session_get_stats(p->end[1], &st);
	assert_true(st.dropped_unknown > 40);
	rtp_pair_free(p);
}

static void nothing_happens_before_the_keys(void **state)
{
	(void)state;
	rtp_pair *p = rtp_pair_new(14);
	assert_true(rtp_pair_create(p, false));
	rtp_pair_flow *f = rtp_pair_add_flow(p, RTP_OPUS);
	assert_int_equal(rtp_pair_start_flow(p, f), 0);
	rtp_pair_run(p, US_PER_S);
	assert_int_equal(f->refused, f->number);
	assert_int_equal(p->sent[0] + p->sent[1], 0);
	assert_int_equal(rtp_session_deadline(p->end[0]), TIME_NEVER);
	assert_int_equal(rtp_pair_set_keys(p, 0), 0);
	rtp_pair_run(p, US_PER_S);
	rtp_session_stats st;
	rtp_session_get_stats(p->end[1], &st);
	assert_true(st.dropped_no_keys > 40);
	assert_int_equal(rtp_pair_set_keys(p, 1), 0);
	rtp_pair_run(p, US_PER_S);
	assert_true(f->got > 40);
	rtp_pair_free(p);
}

static void an_ssrc_may_change(void **state)
{
	(void)state;
	rtp_pair *p = rtp_pair_new(15);
	assert_true(rtp_pair_create(p, true));
	rtp_pair_flow *f = rtp_pair_add_flow(p, RTP_VP8);
	f->receive.source_count = 0;
	assert_int_equal(rtp_pair_start_flow(p, f), 0);
	rtp_pair_run(p, US_PER_S);
	f->send.ssrc = 5555;
	f->send.rtx_ssrc = 5556;
	f->key_next = true;
	assert_int_equal(rtp_session_update_sender(p->end[0], p->now, f->sender, &f->send), 0);
	rtp_pair_run(p, US_PER_S);
	finish(p);
	assert_int_equal(f->active, 2);
	assert_int_equal(f->ssrc, 5555);
	assert_int_equal(f->ended, 1); /* BYE of the old one */
	assert_true(f->got + 3 > f->number);
	rtp_pair_free(p);
}

static bool drop_key_frame(rtp_pair *p, int from, slice bytes)
{
	unsigned *left = p->user;
	if (from != 0 || !*left || rtp_classify(bytes) != RTP_KIND_RTP)
		return false;
	--*left;
	return true;
}

static void a_key_frame_that_never_comes_is_asked_for_again(void **state)
{
	(void)state;
	for (int fir = 0; fir < 2; fir++) {
		rtp_pair *p = rtp_pair_new(16);
		unsigned left = 30;
		assert_true(rtp_pair_create(p, true));
		rtp_pair_flow *f = rtp_pair_add_flow(p, RTP_VP8);
		f->receive.feedback.nack = f->send.feedback.nack = false;
		f->receive.feedback.pli = !fir;
		p->drop = drop_key_frame;
		p->user = &left;
		assert_int_equal(rtp_pair_start_flow(p, f), 0);
		rtp_pair_run(p, 3 * US_PER_S);
		finish(p);
		assert_true(f->key_wanted >= 1 && f->key_wanted <= 4);
		assert_true(f->got > 60);
		assert_true(fir ? inbound(p, f).fir_count : inbound(p, f).pli_count);
		assert_true(fir ? outbound(p, f).fir_count : outbound(p, f).pli_count);
		rtp_pair_free(p);
	}
}

static void the_owner_may_ask_for_a_key_frame(void **state)
{
	(void)state;
	rtp_pair *p = started(17, RTP_H264);
	rtp_pair_flow *f = &p->flows[0];
	rtp_pair_run(p, US_PER_S);
	assert_int_equal(f->key_wanted, 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(rtp_session_request_key_frame(p->end[1], p->now, f->receiver), 0);
	rtp_pair_run(p, 150 * US_PER_MS);
	assert_int_equal(f->key_wanted, 1);
	assert_int_equal(inbound(p, f).pli_count, 1);
	finish(p);
	assert_true(inbound(p, f).key_frames_received == 2);
	rtp_pair_free(p);
}

/* Of 200,000 bytes where the target allows 300 kbit/s: it takes longer than the pacer holds video for. */
static void a_key_frame_of_any_size_arrives(void **state)
{
	(void)state;
	rtp_pair *p = rtp_pair_new(20);
	assert_true(rtp_pair_create(p, true));
	rtp_pair_flow *f = rtp_pair_add_flow(p, RTP_VP8);
	f->frame_len = 50000; /* and a key frame is four times that */
	f->interval_us = 10 * US_PER_S;
	assert_int_equal(rtp_pair_start_flow(p, f), 0);
	rtp_pair_run(p, 9 * US_PER_S);
	assert_int_equal(f->number, 1);
	assert_int_equal(f->got, 1);
	assert_int_equal(f->key_wanted, 0);
	rtp_pair_free(p);
}

static void reports_tell_the_round_trip_and_the_loss(void **state)
{
	(void)state;
	rtp_pair *p = started(18, RTP_VP8);
	p->loss_per_mille = 100;
	rtp_pair_run(p, 10 * US_PER_S);
	rtp_outbound_stats out = outbound(p, &p->flows[0]);
	rtp_inbound_stats in = inbound(p, &p->flows[0]);
	assert_true(out.has_remote && out.has_round_trip_time);
	assert_in_range(out.round_trip_time_us, 79 * US_PER_MS, 82 * US_PER_MS);
	assert_true(out.remote_packets_lost > 20 && out.remote_packets_lost <= in.packets_lost);
	assert_true(in.has_remote && in.reports_sent >= 5);
	assert_true(in.has_round_trip_time); /* by XR */
	assert_in_range(in.round_trip_time_us, 79 * US_PER_MS, 82 * US_PER_MS);
	rtp_pair_free(p);
}

static void the_estimate_rises_on_a_free_link_and_falls_on_a_narrow_one(void **state)
{
	(void)state;
	rtp_pair *p = started(19, RTP_VP8);
	rtp_pair_run(p, 10 * US_PER_S);
	assert_true(p->target > 500000);
	p->bps[0] = 300000;
	rtp_pair_run(p, 20 * US_PER_S);
	assert_true(p->target < 500000);
	rtp_pair_free(p);
}

static void a_source_says_goodbye(void **state)
{
	(void)state;
	rtp_pair *p = started(20, RTP_OPUS);
	rtp_pair_flow *f = &p->flows[0];
	rtp_pair_run(p, US_PER_S);
	rtp_session_close(p->end[0], p->now);
	rtp_pair_stop(p);
	rtp_pair_run(p, US_PER_S);
	assert_int_equal(f->ended, 1);
	rtp_inbound_stats st;
	assert_int_equal(rtp_session_get_inbound_stats(p->end[1], f->receiver, 0, &st), PARLEY_ENOTFOUND);
	assert_int_equal(rtp_session_deadline(p->end[0]), TIME_NEVER);
	rtp_pair_free(p);
}

static void a_paused_sender_refuses_and_says_bye(void **state)
{
	(void)state;
	rtp_pair *p = started(21, RTP_OPUS);
	rtp_pair_flow *f = &p->flows[0];
	rtp_pair_run(p, US_PER_S);
	f->send.active = false;
	assert_int_equal(rtp_session_update_sender(p->end[0], p->now, f->sender, &f->send), 0);
	rtp_pair_run(p, US_PER_S);
	assert_true(f->refused > 40);
	assert_int_equal(f->ended, 1);
	f->send.active = true;
	assert_int_equal(rtp_session_update_sender(p->end[0], p->now, f->sender, &f->send), 0);
	rtp_pair_run(p, US_PER_S);
	assert_int_equal(f->active, 2);
	assert_true(f->got > 80);
	rtp_pair_free(p);
}

static size_t raw_packet(uint16_t sequence, uint8_t *out)
{
	rtp_packet p = {.marker = true,
			.payload_type = 1,
			.sequence = sequence,
			.timestamp = sequence * 960u,
			.ssrc = 77,
			.payload = slice_of("payload", 7)};
	writer w = writer_of(out, 100);
	assert_int_equal(rtp_packet_write(&w, &p), 0);
	return w.len;
}

static void packets_of_the_callers_own_keep_their_steps(void **state)
{
	(void)state;
	uint8_t bytes[100];
	rtp_pair *p = started(22, RTP_OPUS);
	rtp_pair_flow *f = &p->flows[0];
	rtp_pair_stop(p);
	assert_int_equal(rtp_session_receive_packets(p->end[1], f->receiver, true), 0);
	assert_int_equal(rtp_session_send_packet(p->end[0], p->now, f->sender, slice_of("x", 1)), PARLEY_EINVAL);
	size_t len = raw_packet(100, bytes);
	assert_int_equal(rtp_session_send_packet(p->end[0], p->now, f->sender, slice_of(bytes, len)), 0);
	rtp_pair_run(p, 100 * US_PER_MS);
	uint16_t first = p->raw_sequence;
	len = raw_packet(103, bytes);
	assert_int_equal(rtp_session_send_packet(p->end[0], p->now, f->sender, slice_of(bytes, len)), 0);
	rtp_pair_run(p, 100 * US_PER_MS);
	assert_int_equal(p->raw_packets, 2);
	assert_int_equal((uint16_t)(p->raw_sequence - first), 3);
	rtp_pair_free(p);
}

static void a_flood_of_sources_is_bounded(void **state)
{
	(void)state;
	rtp_pair *p = rtp_pair_new(23);
	assert_true(rtp_pair_create(p, true));
	rtp_pair_flow *f = rtp_pair_add_flow(p, RTP_OPUS);
	f->receive.source_count = 0;
	assert_int_equal(rtp_pair_start_flow(p, f), 0);
	rtp_pair_stop(p);
	assert_int_equal(rtp_session_receive_packets(p->end[1], f->receiver, true), 0);
	uint8_t bytes[100];
	for (uint32_t i = 0; i < 100; i++) {
		f->send.ssrc = 10000 + i;
		assert_int_equal(rtp_session_update_sender(p->end[0], p->now, f->sender, &f->send), 0);
		size_t len = raw_packet((uint16_t)i, bytes);
		assert_int_equal(rtp_session_send_packet(p->end[0], p->now, f->sender, slice_of(bytes, len)), 0);
		p->loss_per_mille = 0;
		rtp_pair_run(p, 1000);
	}
	rtp_pair_run(p, 100 * US_PER_MS);
	rtp_session_stats st;
	rtp_session_get_stats(p->end[1], &st);
	rtp_inbound_stats in;
	assert_int_equal(rtp_session_get_inbound_stats(p->end[1], f->receiver, RTP_SESSION_STREAMS_MAX, &in),
			 PARLEY_ENOTFOUND);
	rtp_pair_free(p);
}

static void of_simulcast_layers_one_is_given_out(void **state)
{
	(void)state;
	rtp_pair *p = rtp_pair_new(30);
	assert_true(rtp_pair_create(p, true));
	rtp_pair_flow *high = rtp_pair_add_flow(p, RTP_VP8), *low = rtp_pair_add_flow(p, RTP_VP8);
	high->receive.source_count = 0;
	high->receive.rid_count = 2;
	memcpy(high->receive.rids, (const char[2][RTP_SESSION_ID_MAX]){"h", "l"}, 2 * RTP_SESSION_ID_MAX);
	memcpy(high->send.rid, "h", 2);
	memcpy(low->send.rid, "l", 2);
	memcpy(low->send.mid, high->send.mid, 2);
	low->send.payload_type = high->send.payload_type;
	low->send.rtx_payload_type = high->send.rtx_payload_type;
	rtp_extension_map_set(&high->send.extensions, RTP_EXTENSION_RID, 10);
	rtp_extension_map_set(&high->send.extensions, RTP_EXTENSION_REPAIRED_RID, 11);
	low->send.extensions = high->receive.extensions = high->send.extensions;
	high->frame_len = low->frame_len = 500;
	assert_int_equal(rtp_pair_start_flow(p, high), 0);
	assert_int_equal(rtp_session_add_sender(p->end[0], p->now, &low->send, &low->sender), 0);
	p->loss_per_mille = 20;
	rtp_pair_run(p, 5 * US_PER_S); /* the two carry the same numbers: a second layer's would be out of order */
	finish(p);
	rtp_inbound_stats first, second;
	assert_int_equal(rtp_session_get_inbound_stats(p->end[1], high->receiver, 0, &first), 0);
	assert_int_equal(rtp_session_get_inbound_stats(p->end[1], high->receiver, 1, &second), 0);
	assert_int_equal(first.rid[0] + second.rid[0], 'h' + 'l');
	assert_int_equal(first.current + second.current, 1);
	assert_true(second.retransmitted_packets_received > 0 && first.retransmitted_packets_received > 0);
	assert_true(high->got * 100 > high->number * 95);
	rtp_pair_free(p);
}

/* All that was sent, asked for again and again. */
static void flood_of_nacks(rtp_pair *p, rtp_crypto *peer, uint16_t first)
{
	uint8_t bytes[1200];
	for (unsigned i = 0; i < 10; i++) {
		uint16_t wanted[200];
		writer w = writer_of(bytes, sizeof bytes - RTP_CRYPTO_RTCP_OVERHEAD_MAX);
		for (size_t k = 0; k < ARRAY_LENGTH(wanted); k++)
			wanted[k] = (uint16_t)(first + k);
		assert_int_equal(rtcp_nack_write(&w, 1, p->flows[0].send.ssrc, wanted, ARRAY_LENGTH(wanted)), 0);
		packet out = {.data = bytes, .capacity = sizeof bytes, .len = w.len};
		assert_int_equal(rtp_crypto_protect_rtcp(peer, &out), 0);
		rtp_session_receive(p->end[0], p->now, slice_of(out.data, out.len));
		rtp_pair_run(p, 10 * US_PER_MS);
	}
}

static void a_flood_of_nacks_gets_no_more_than_its_budget(void **state)
{
	(void)state;
	uint8_t keying[RTP_CRYPTO_KEYING_MAX] = {0};
	rtp_crypto *peer = NULL;
	const slice keys = slice_of(keying, rtp_crypto_keying_size(RTP_CRYPTO_AEAD_AES_128_GCM));
	rtp_pair *p = rtp_pair_new(31);
	assert_true(rtp_pair_create(p, true));
	assert_int_equal(rtp_session_set_keys(p->end[0], p->now, RTP_CRYPTO_AEAD_AES_128_GCM, keys, true), 0);
	assert_int_equal(rtp_crypto_create(RTP_CRYPTO_AEAD_AES_128_GCM, keys, false, NULL, &peer), 0);
	rtp_pair_flow *f = rtp_pair_add_flow(p, RTP_VP8);
	f->send.has_first_sequence = true;
	f->send.first_sequence = 100;
	assert_int_equal(rtp_pair_start_flow(p, f), 0);
	rtp_pair_run(p, US_PER_S);
	for (int i = 0; i < 10; i++)
		flood_of_nacks(p, peer, 100);
	rtp_outbound_stats st = outbound(p, f);
	assert_int_equal(st.nack_count, 100);
	assert_true(st.nacks_unanswered > 10000);
	assert_true(st.retransmitted_bytes_sent > 0 && st.retransmitted_bytes_sent < 200000);
	rtp_crypto_destroy(peer);
	rtp_pair_free(p);
}

static void remb_bounds_a_sender_without_transport_feedback(void **state)
{
	(void)state;
	rtp_pair *p = rtp_pair_new(32);
	assert_true(rtp_pair_create(p, true));
	rtp_pair_flow *f = rtp_pair_add_flow(p, RTP_VP8);
	f->send.feedback.transport_cc = false;
	f->send.feedback.remb = true;
	f->send.feedback.reduced_size = false; /* feedback in compounds */
	f->receive.feedback = f->send.feedback;
	f->frame_len = 800;
	assert_int_equal(rtp_pair_start_flow(p, f), 0);
	p->loss_per_mille = 10;
	rtp_pair_run(p, 10 * US_PER_S);
	rtp_session_stats st;
	rtp_session_get_stats(p->end[1], &st);
	assert_in_range(st.available_incoming_bitrate, 100000, 2000000);
	rtp_session_get_stats(p->end[0], &st);
	assert_true(st.available_outgoing_bitrate <= 2000000);
	assert_true(f->got * 100 > f->number * 90);
	rtp_pair_free(p);
}

static void what_is_out_of_range_is_refused(void **state)
{
	(void)state;
	rtp_pair *p = started(24, RTP_VP8);
	rtp_pair_flow *f = &p->flows[0];
	rtp_sender_id sender;
	rtp_receiver_id receiver;
	assert_int_equal(rtp_session_add_sender(p->end[0], p->now, &f->send, &sender), PARLEY_EINVAL);	      /* SSRC */
	assert_int_equal(rtp_session_add_receiver(p->end[1], p->now, &f->receive, &receiver), PARLEY_EINVAL); /* mid */
	assert_int_equal(rtp_session_remove_sender(p->end[0], p->now, 99), PARLEY_ENOTFOUND);
	assert_int_equal(rtp_session_remove_receiver(p->end[1], p->now, 99), PARLEY_ENOTFOUND);
	assert_int_equal(rtp_session_set_mtu(p->end[0], 100), PARLEY_EINVAL);
	assert_int_equal(rtp_session_set_bitrate(p->end[0], p->now, 5, 4, 3), PARLEY_EINVAL);
	const rtp_send_frame empty = {0};
	assert_int_equal(rtp_session_send_frame(p->end[0], p->now, f->sender, &empty), PARLEY_EINVAL);
	rtp_session_receive(p->end[1], p->now, slice_of("", 0));
	rtp_session_receive(p->end[1], p->now, slice_of("\x80\x60garbage garbage garbage", 25));
	rtp_session_stats st;
	rtp_session_get_stats(p->end[1], &st);
	assert_int_equal(st.dropped_malformed, 1);
	assert_int_equal(st.dropped_crypto, 1);
	char page[4096];
	text out = text_of(page, sizeof page);
	rtp_session_dump(p->end[0], &out);
	assert_non_null(strstr(page, "sender 1"));
	rtp_pair_free(p);
}

static void first_frames(void *context)
{
	(void)context;
	rtp_pair *p = rtp_pair_new(25);
	if (rtp_pair_create(p, true)) {
		rtp_pair_flow *f = rtp_pair_add_flow(p, RTP_VP8);
		if (rtp_pair_start_flow(p, f) == 0)
			rtp_pair_run(p, 400 * US_PER_MS);
	}
	rtp_pair_free(p);
}

static void memory_may_run_out_at_any_moment(void **state)
{
	(void)state;
	failmalloc_loop(first_frames, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_codec_comes_through_a_clean_link_whole),
		cmocka_unit_test(lost_packets_are_recovered_by_retransmission),
		cmocka_unit_test(without_rtx_packets_are_sent_again_as_they_were),
		cmocka_unit_test(audio_goes_on_past_what_is_lost),
		cmocka_unit_test(duplicates_and_reordering_change_nothing),
		cmocka_unit_test(sequence_numbers_wrap_in_the_middle),
		cmocka_unit_test(a_source_is_found_by_its_mid_alone),
		cmocka_unit_test(a_source_is_found_by_a_payload_type_that_only_one_has),
		cmocka_unit_test(packets_of_nobody_are_dropped_and_counted),
		cmocka_unit_test(nothing_happens_before_the_keys),
		cmocka_unit_test(an_ssrc_may_change),
		cmocka_unit_test(a_key_frame_that_never_comes_is_asked_for_again),
		cmocka_unit_test(the_owner_may_ask_for_a_key_frame),
		cmocka_unit_test(a_key_frame_of_any_size_arrives),
		cmocka_unit_test(reports_tell_the_round_trip_and_the_loss),
		cmocka_unit_test(the_estimate_rises_on_a_free_link_and_falls_on_a_narrow_one),
		cmocka_unit_test(a_source_says_goodbye),
		cmocka_unit_test(a_paused_sender_refuses_and_says_bye),
		cmocka_unit_test(packets_of_the_callers_own_keep_their_steps),
		cmocka_unit_test(a_flood_of_sources_is_bounded),
		cmocka_unit_test(of_simulcast_layers_one_is_given_out),
		cmocka_unit_test(a_flood_of_nacks_gets_no_more_than_its_budget),
		cmocka_unit_test(remb_bounds_a_sender_without_transport_feedback),
		cmocka_unit_test(what_is_out_of_range_is_refused),
		cmocka_unit_test(memory_may_run_out_at_any_moment),
	};
	return cmocka_run_group_tests_name("rtp/session", tests, NULL, NULL);
}
