/*
 * A session that sends and receives, against a hostile peer who has the keys: so what is tested lies behind SRTP. Records
 * follow: a byte that says what happens, a byte of length, and that many bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "rtp/session_internal.h"

#define VIDEO_SSRC 1000u
#define PEER_SSRC 2000u

typedef struct {
	rng_seeded rng;
	rtp_session *s;
	rtp_crypto *peer;
	rtp_sender_id sender;
	rtp_receiver_id audio, video;
	uint64_t now;
	uint16_t sequence;
} world;

static void add_ends(world *w)
{
	rtp_sender_config send;
	rtp_receiver_config receive;
	rtp_sender_config_default(&send);
	send.ssrc = VIDEO_SSRC;
	send.has_rtx = true;
	send.rtx_ssrc = VIDEO_SSRC + 1;
	send.payload_type = 96;
	send.rtx_payload_type = 97;
	send.codec = RTP_VP8;
	send.mid[0] = '1';
	for (unsigned i = 0; i < RTP_EXTENSION_KINDS; i++)
		rtp_extension_map_set(&send.extensions, (rtp_extension_kind)i, i + 1);
	send.feedback = (rtp_feedback_flags){true, true, true, true, true, true, true};
	rtp_receiver_config_default(&receive);
	receive.video = true;
	receive.mid[0] = '1';
	receive.codec_count = 4;
	for (uint8_t i = 0; i < 4; i++)
		receive.codecs[i] = (rtp_receive_codec){.payload_type = (uint8_t)(96 + 2 * i),
							.codec = (rtp_codec)(RTP_VP8 + i),
							.has_rtx = true,
							.rtx_payload_type = (uint8_t)(97 + 2 * i)};
	receive.extensions = send.extensions;
	receive.feedback = send.feedback;
	if (rtp_session_add_sender(w->s, w->now, &send, &w->sender) ||
	    rtp_session_add_receiver(w->s, w->now, &receive, &w->video))
		abort();
	receive.video = false;
	receive.mid[0] = '0';
	receive.codec_count = 1;
	receive.codecs[0] = (rtp_receive_codec){.payload_type = 111, .codec = RTP_OPUS};
	receive.feedback.nack = false;
	if (rtp_session_add_receiver(w->s, w->now, &receive, &w->audio))
		abort();
}

static void drain(world *w)
{
	uint8_t bytes[RTP_DATAGRAM_MAX];
	packet out = {.data = bytes, .capacity = sizeof bytes};
	rtp_session_event e;
	for (bool any = true; any;) {
		any = false;
		while (rtp_session_poll_event(w->s, &e))
			any = true;
		while (rtp_session_poll_transmit(w->s, w->now, &out))
			any = true;
	}
	rtp_session_check_invariants(w->s);
}

static void deliver(world *w, const uint8_t *data, size_t len, bool rtcp)
{
	uint8_t bytes[512];
	packet p = {.data = bytes, .capacity = sizeof bytes, .len = len};
	if (len)
		memcpy(bytes, data, len);
	if (rtcp ? rtp_crypto_protect_rtcp(w->peer, &p) : rtp_crypto_protect_rtp(w->peer, &p))
		return;
	rtp_session_receive(w->s, w->now, slice_of(p.data, p.len));
}

/* A packet whose header is sound: pt and what follows are the input's. */
static void deliver_media(world *w, uint8_t what, slice bytes)
{
	uint8_t room[400];
	reader r = reader_of(bytes);
	writer out = writer_of(room, sizeof room);
	rtp_packet p = {.payload_type = read_u8(&r), .ssrc = PEER_SSRC + (what >> 5)};
	p.payload_type &= RTP_PAYLOAD_TYPE_MAX;
	w->sequence = (uint16_t)(w->sequence + read_u8(&r));
	p.sequence = w->sequence;
	p.timestamp = (uint32_t)read_u8(&r) * 3000;
	p.marker = what & 8;
	p.payload = read_rest(&r);
	if (!rtp_packet_write(&out, &p))
		deliver(w, room, out.len, false);
}

static void happen(world *w, uint8_t what, slice bytes)
{
	uint8_t frame[2500] = {0x10, 0, 0, 0x9d, 0x01, 0x2a, 64, 0, 64, 0};
	rtp_send_frame f = {.data = slice_of(frame, 10 + bytes.len * 9)};
	switch (what % 8) {
	case 0:
		deliver(w, bytes.data, bytes.len, false);
		break;
	case 1:
	case 2:
		deliver(w, bytes.data, bytes.len, true);
		break;
	case 3:
	case 4:
		deliver_media(w, what, bytes);
		break;
	case 5:
		rtp_session_send_frame(w->s, w->now, w->sender, &f);
		break;
	case 6:
		w->now = time_min(time_after(w->now, (uint64_t)(bytes.len + 1) * 4 * US_PER_MS), TIME_NEVER - 1);
		rtp_session_timeout(w->s, w->now);
		break;
	case 7:
		rtp_session_receive_packets(w->s, w->video, what & 8);
		rtp_session_request_key_frame(w->s, w->now, w->video);
		rtp_session_receive(w->s, w->now, bytes);
		break;
	}
	drain(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t keying[RTP_CRYPTO_KEYING_MAX] = {1, 2, 3};
	const slice keys = slice_of(keying, rtp_crypto_keying_size(RTP_CRYPTO_AEAD_AES_128_GCM));
	world w = {.now = US_PER_S};
	rtp_session_config config;
	rng_seeded_init(&w.rng, 1);
	rtp_session_config_default(&config);
	config.random = rng_seeded_source(&w.rng);
	config.now = w.now;
	if (rtp_session_create(&config, &w.s) ||
	    rtp_session_set_keys(w.s, w.now, RTP_CRYPTO_AEAD_AES_128_GCM, keys, true) ||
	    rtp_crypto_create(RTP_CRYPTO_AEAD_AES_128_GCM, keys, false, NULL, &w.peer))
		abort();
	add_ends(&w);
	for (reader r = reader_of(slice_of(data, size)); reader_left(&r);) {
		uint8_t what = read_u8(&r);
		uint8_t len = read_u8(&r);
		happen(&w, what, read_bytes(&r, len < reader_left(&r) ? len : reader_left(&r)));
	}
	rtp_session_close(w.s, w.now);
	drain(&w);
	rtp_session_destroy(w.s);
	rtp_crypto_destroy(w.peer);
	return 0;
}
