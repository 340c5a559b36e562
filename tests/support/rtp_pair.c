#include "tests/support/test.h"

#include "tests/support/rtp_pair.h"

#include <stdlib.h>
#include <string.h>

#include "rtp/srtp.h"

#define NUMBER_BYTES 5u
#define QUEUE_US (UINT64_C(300) * US_PER_MS)
#define UNIX_TIME UINT64_C(1700000000000000)

/* --- frames --- */

static size_t frame_start(rtp_codec codec, bool key, size_t body, uint8_t *out)
{
	static const uint8_t vp8_key[] = {0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00};
	static const uint8_t vp8_inter[] = {0x11, 0x02, 0x00, 0x80};
	static const uint8_t vp9_key[] = {0x82, 0x49, 0x83, 0x42, 0x00, 0x13, 0xf0, 0x0e, 0xf0};
	static const uint8_t vp9_inter[] = {0x86, 0x80, 0x80};
	static const uint8_t h264_key[] = {0, 0, 0, 1,	  0x67, 0x42, 0xe0, 0x1f, 0xda, 0x01, 0x40, 0x16, 0xe8, 0,
					   0, 0, 1, 0x68, 0xce, 0x3c, 0x80, 0,	  0,	0,    1,    0x65, 0x88};
	static const uint8_t h264_inter[] = {0, 0, 0, 1, 0x41, 0x9a};
	static const uint8_t av1_key[] = {0x0a, 0x0b, 0x00, 0x00, 0x00, 0x24, 0xcf, 0x7f, 0x0d, 0xbf, 0xff, 0x30, 0x08};
	slice s = {0};
	switch (codec) {
	case RTP_VP8:
		s = key ? slice_of(vp8_key, sizeof vp8_key) : slice_of(vp8_inter, sizeof vp8_inter);
		break;
	case RTP_VP9:
		s = key ? slice_of(vp9_key, sizeof vp9_key) : slice_of(vp9_inter, sizeof vp9_inter);
		break;
	case RTP_H264:
		s = key ? slice_of(h264_key, sizeof h264_key) : slice_of(h264_inter, sizeof h264_inter);
		break;
	case RTP_AV1:
		if (key)
			s = slice_of(av1_key, sizeof av1_key);
		break;
	default:
		break;
	}
	memcpy(out, s.len ? s.data : out, s.len);
	if (codec != RTP_AV1)
		return s.len;
	size_t len = s.len, size = body + 1;
	out[len++] = 0x32; /* OBU_FRAME with a size */
	for (; size >= 0x80; size >>= 7)
		out[len++] = (uint8_t)(size | 0x80);
	out[len++] = (uint8_t)size;
	out[len++] = key ? 0x10 : 0x30; /* shown; key or inter */
	return len;
}

size_t rtp_pair_make_frame(rtp_codec codec, unsigned number, bool key, size_t len, uint8_t *out)
{
	size_t at = frame_start(codec, key, len, out);
	for (size_t i = 0; i + NUMBER_BYTES < len; i++)
		out[at++] = (uint8_t)((number * 31 + i * 7) | 0x80); /* no zeros: no start codes */
	for (unsigned i = 0; i < NUMBER_BYTES; i++)
		out[at++] = (uint8_t)(0x80 | (number >> (7 * i) & 0x7f));
	return at;
}

static unsigned frame_number(slice frame)
{
	unsigned number = 0;
	assert_true(frame.len >= NUMBER_BYTES);
	for (unsigned i = 0; i < NUMBER_BYTES; i++)
		number |= (unsigned)(frame.data[frame.len - NUMBER_BYTES + i] & 0x7f) << (7 * i);
	return number;
}

/* Sizes vary, by the number alone. */
static size_t body_len(const rtp_pair_flow *f, unsigned number, bool key)
{
	if (!rtp_codec_is_video(f->codec))
		return f->frame_len;
	return (key ? 4 * f->frame_len : f->frame_len) + number * 37 % (f->frame_len / 2 + 1);
}

/* --- the link --- */

static bool earlier(const rtp_pair_packet *a, const rtp_pair_packet *b)
{
	return a->at != b->at ? a->at < b->at : a->number < b->number;
}

static void heap_swap(rtp_pair *p, size_t a, size_t b)
{
	rtp_pair_packet t = p->packets[a];
	p->packets[a] = p->packets[b];
	p->packets[b] = t;
}

static void heap_push(rtp_pair *p, const rtp_pair_packet *in)
{
	assert_true(p->packet_count < RTP_PAIR_PACKETS);
	size_t i = p->packet_count++;
	p->packets[i] = *in;
	for (; i && earlier(&p->packets[i], &p->packets[(i - 1) / 2]); i = (i - 1) / 2)
		heap_swap(p, i, (i - 1) / 2);
}

static rtp_pair_packet heap_pop(rtp_pair *p)
{
	rtp_pair_packet top = p->packets[0];
	p->packets[0] = p->packets[--p->packet_count];
	for (size_t i = 0;;) {
		size_t least = i;
		for (size_t c = 2 * i + 1; c <= 2 * i + 2 && c < p->packet_count; c++)
			if (earlier(&p->packets[c], &p->packets[least]))
				least = c;
		if (least == i)
			return top;
		heap_swap(p, i, least);
		i = least;
	}
}

static void carry(rtp_pair *p, int from, slice bytes)
{
	uint64_t delay = p->delay_us + (p->jitter_us ? rng_seeded_below(&p->rng, p->jitter_us) : 0);
	uint64_t at = p->now;
	if (p->bps[from]) {
		if (p->busy_until[from] < p->now)
			p->busy_until[from] = p->now;
		if (p->busy_until[from] - p->now > QUEUE_US) {
			p->dropped[from]++;
			return;
		}
		p->busy_until[from] += bytes.len * 8 * US_PER_S / p->bps[from];
		at = p->busy_until[from];
	}
	uint8_t *copy = test_malloc(bytes.len);
	memcpy(copy, bytes.data, bytes.len);
	heap_push(p, &(rtp_pair_packet){
			     .at = at + delay, .number = p->number++, .to = !from, .len = bytes.len, .bytes = copy});
}

static void link_send(rtp_pair *p, int from, slice bytes)
{
	p->sent[from]++;
	if ((p->drop && p->drop(p, from, bytes)) || rng_seeded_below(&p->rng, 1000) < p->loss_per_mille) {
		p->dropped[from]++;
		return;
	}
	carry(p, from, bytes);
	if (rng_seeded_below(&p->rng, 1000) < p->duplicate_per_mille)
		carry(p, from, bytes);
}

/* --- what comes out --- */

static rtp_pair_flow *flow_of_receiver(rtp_pair *p, rtp_receiver_id id)
{
	for (size_t i = 0; i < p->flow_count; i++)
		if (p->flows[i].receiver == id)
			return &p->flows[i];
	fail_msg("no flow has receiver %u", id);
	return NULL;
}

static void check_frame(rtp_pair *p, rtp_pair_flow *f, const rtp_session_event *e)
{
	static uint8_t wanted[RTP_PAIR_FRAME_MAX];
	unsigned number = frame_number(e->data);
	bool key = e->key && rtp_codec_is_video(f->codec);
	size_t len = rtp_pair_make_frame(f->codec, number, key, body_len(f, number, key), wanted);
	assert_int_equal(e->codec, f->codec);
	assert_true((int)number > f->last); /* in order, and once */
	assert_int_equal(e->data.len, len);
	assert_memory_equal(e->data.data, wanted, len);
	uint64_t delay = p->now - (f->started + number * f->interval_us);
	f->delay_sum += delay;
	f->delay_max = delay > f->delay_max ? delay : f->delay_max;
	f->last = (int)number;
	f->got++;
	f->lost += e->lost_before;
}

static void on_event(rtp_pair *p, int side, const rtp_session_event *e)
{
	switch (e->type) {
	case RTP_EVENT_ACTIVE:
		flow_of_receiver(p, e->receiver)->active++;
		flow_of_receiver(p, e->receiver)->ssrc = e->ssrc;
		break;
	case RTP_EVENT_FRAME:
		check_frame(p, flow_of_receiver(p, e->receiver), e);
		break;
	case RTP_EVENT_PACKET:
		p->raw_packets++;
		p->raw_sequence = (uint16_t)(e->data.data[2] << 8 | e->data.data[3]);
		break;
	case RTP_EVENT_STREAM_ENDED:
		flow_of_receiver(p, e->receiver)->ended++;
		break;
	case RTP_EVENT_KEY_FRAME_REQUEST:
		for (size_t i = 0; i < p->flow_count; i++)
			if (p->flows[i].sender == e->sender) {
				p->flows[i].key_next = true;
				p->flows[i].key_wanted++;
			}
		break;
	case RTP_EVENT_TARGET_BITRATE:
		if (side == 0)
			p->target = e->bps;
		break;
	}
}

static void drain_side(rtp_pair *p, int side)
{
	uint8_t bytes[2048];
	packet out = {.data = bytes, .capacity = sizeof bytes};
	bool any = true;
	while (any) {
		any = false;
		for (rtp_session_event e; rtp_session_poll_event(p->end[side], &e); any = true)
			on_event(p, side, &e);
		for (; rtp_session_poll_transmit(p->end[side], p->now, &out); any = true) {
			assert_true(out.len <= p->config[side].mtu);
			link_send(p, side, slice_of(out.data, out.len));
		}
	}
	rtp_session_check_invariants(p->end[side]);
}

void rtp_pair_drain(rtp_pair *p)
{
	drain_side(p, 0);
	drain_side(p, 1);
}

/* --- life --- */

rtp_pair *rtp_pair_new(uint64_t seed)
{
	rtp_pair *p = test_calloc(1, sizeof *p);
	p->now = 1000 * US_PER_S;
	p->delay_us = 40 * US_PER_MS;
	rng_seeded_init(&p->rng, seed);
	for (int i = 0; i < 2; i++) {
		rng_seeded_init(&p->secrets[i], seed * 2 + (uint64_t)i + 1);
		rtp_session_config_default(&p->config[i]);
		p->config[i].random = rng_seeded_source(&p->secrets[i]);
		p->config[i].now = p->now;
		p->config[i].unix_time_us = UNIX_TIME + (uint64_t)i * 12345678; /* clocks differ */
	}
	return p;
}

int rtp_pair_set_keys(rtp_pair *p, int side)
{
	uint8_t keying[RTP_CRYPTO_KEYING_MAX];
	for (size_t i = 0; i < sizeof keying; i++)
		keying[i] = (uint8_t)(i * 11 + 3);
	size_t len = rtp_crypto_keying_size(RTP_CRYPTO_AEAD_AES_128_GCM);
	return rtp_session_set_keys(p->end[side], p->now, RTP_CRYPTO_AEAD_AES_128_GCM, slice_of(keying, len),
				    side == 0);
}

bool rtp_pair_create(rtp_pair *p, bool keys)
{
	for (int i = 0; i < 2; i++)
		if (rtp_session_create(&p->config[i], &p->end[i]) || (keys && rtp_pair_set_keys(p, i)))
			return false;
	return true;
}

void rtp_pair_free(rtp_pair *p)
{
	for (size_t i = 0; i < p->packet_count; i++)
		test_free(p->packets[i].bytes);
	rtp_session_destroy(p->end[0]);
	rtp_session_destroy(p->end[1]);
	test_free(p);
}

rtp_pair_flow *rtp_pair_add_flow(rtp_pair *p, rtp_codec codec)
{
	rtp_pair_flow *f = &p->flows[p->flow_count];
	bool video = rtp_codec_is_video(codec);
	uint8_t pt = (uint8_t)(RTP_PAIR_PT + 2 * p->flow_count);
	uint32_t ssrc = 1000 + 100 * (uint32_t)p->flow_count;
	*f = (rtp_pair_flow){
		.codec = codec, .last = -1, .frame_len = video ? 3000 : 120, .started = p->now, .next = p->now};
	f->interval_us = video ? US_PER_S / 30 : 20 * US_PER_MS;
	rtp_sender_config_default(&f->send);
	rtp_receiver_config_default(&f->receive);
	f->send.ssrc = ssrc;
	f->send.payload_type = pt;
	f->send.codec = codec;
	f->send.mid[0] = f->receive.mid[0] = (char)('0' + p->flow_count);
	rtp_extension_map_set(&f->send.extensions, RTP_EXTENSION_MID, 4);
	rtp_extension_map_set(&f->send.extensions, RTP_EXTENSION_TRANSPORT_CC, 3);
	rtp_extension_map_set(&f->send.extensions, RTP_EXTENSION_ABS_SEND_TIME, 2);
	rtp_extension_map_set(&f->send.extensions, video ? RTP_EXTENSION_VIDEO_ORIENTATION : RTP_EXTENSION_AUDIO_LEVEL,
			      video ? 13 : 1);
	f->send.feedback = (rtp_feedback_flags){.nack = video,
						.pli = video,
						.fir = video,
						.transport_cc = true,
						.reduced_size = true,
						.receiver_rtt = true};
	f->receive.video = video;
	f->receive.extensions = f->send.extensions;
	f->receive.feedback = f->send.feedback;
	f->receive.codec_count = 1;
	f->receive.codecs[0] = (rtp_receive_codec){.payload_type = pt, .codec = codec};
	f->receive.source_count = 1;
	f->receive.sources[0] = (rtp_receive_source){.ssrc = ssrc};
	if (video) {
		f->send.has_rtx = f->receive.codecs[0].has_rtx = f->receive.sources[0].has_rtx = true;
		f->send.rtx_payload_type = f->receive.codecs[0].rtx_payload_type = (uint8_t)(pt + 1);
		f->send.rtx_ssrc = f->receive.sources[0].rtx_ssrc = ssrc + 1;
	}
	p->flow_count++;
	return f;
}

int rtp_pair_start_flow(rtp_pair *p, rtp_pair_flow *f)
{
	int err = rtp_session_add_sender(p->end[0], p->now, &f->send, &f->sender);
	return err ? err : rtp_session_add_receiver(p->end[1], p->now, &f->receive, &f->receiver);
}

/* --- time --- */

static void send_frame(rtp_pair *p, rtp_pair_flow *f)
{
	static uint8_t bytes[RTP_PAIR_FRAME_MAX];
	bool key = rtp_codec_is_video(f->codec) && (f->key_next || f->number == 0);
	size_t len = rtp_pair_make_frame(f->codec, f->number, key, body_len(f, f->number, key), bytes);
	rtp_send_frame frame = {.data = slice_of(bytes, len)};
	frame.rtp_timestamp = (uint32_t)(f->number * f->interval_us * rtp_codec_clock_rate(f->codec) / US_PER_S);
	f->key_next = false;
	if (rtp_session_send_frame(p->end[0], p->now, f->sender, &frame)) {
		f->refused++;
		f->key_next = true;
	}
	f->number++;
	f->next += f->interval_us;
}

static void send_frames(rtp_pair *p)
{
	for (size_t i = 0; i < p->flow_count; i++)
		while (p->flows[i].sender && p->flows[i].next <= p->now)
			send_frame(p, &p->flows[i]);
}

void rtp_pair_stop(rtp_pair *p)
{
	for (size_t i = 0; i < p->flow_count; i++)
		p->flows[i].next = TIME_NEVER;
}

static uint64_t next_time(const rtp_pair *p)
{
	uint64_t at = time_min(rtp_session_deadline(p->end[0]), rtp_session_deadline(p->end[1]));
	if (p->packet_count)
		at = time_min(at, p->packets[0].at);
	for (size_t i = 0; i < p->flow_count; i++)
		if (p->flows[i].sender)
			at = time_min(at, p->flows[i].next);
	return at;
}

void rtp_pair_run(rtp_pair *p, uint64_t us)
{
	uint64_t end = p->now + us;
	unsigned still = 0; /* steps without time passing: a deadline that nothing moves would spin */
	rtp_pair_drain(p);
	for (uint64_t at; (at = next_time(p)) <= end;) {
		still = at > p->now ? 0 : still + 1;
		assert_true(still < 10000);
		p->now = at > p->now ? at : p->now;
		while (p->packet_count && p->packets[0].at <= p->now) {
			rtp_pair_packet in = heap_pop(p);
			rtp_session_receive(p->end[in.to], p->now, slice_of(in.bytes, in.len));
			test_free(in.bytes);
			drain_side(p, in.to);
		}
		for (int i = 0; i < 2; i++)
			if (rtp_session_deadline(p->end[i]) <= p->now)
				rtp_session_timeout(p->end[i], p->now);
		send_frames(p);
		rtp_pair_drain(p);
	}
	p->now = end;
}
