/*
 * Payloads of any codec, as one stream of packets into frames; and the same bytes as a frame to send.
 *
 * Input: an octet for the codec; then packets: an octet of the sequence number's step, one of flags (1 marker, 2 next
 * timestamp, 4 give up what is missing), 16 bits of length, the payload.
 */
#include <assert.h>
#include <stdlib.h>

#include "rtp/frames.h"

#define FUZZ_BYTES_MAX 100000u

static void look_at(rtp_codec codec, slice frame)
{
	rtp_dimensions size;
	(void)rtp_frame_is_key(codec, frame);
	(void)rtp_frame_dimensions(codec, frame, &size);
}

/* What a packetizer accepts comes out of a depacketizer, and that, sent again, comes out unchanged. */
static void send(rtp_codec codec, slice frame, unsigned rounds)
{
	uint8_t bytes[RTP_PAYLOAD_MIN];
	rtp_packetizer p;
	rtp_depacketizer d;
	buf out = {.limit = 20 * FUZZ_BYTES_MAX};
	rtp_packetizer_init(&p, codec, sizeof bytes, 0);
	rtp_depacketizer_start(&d, codec, &out);
	if (rtp_packetizer_start(&p, frame, NULL) != 0)
		return;
	bool marker;
	for (writer w = writer_of(bytes, sizeof bytes); rtp_packetizer_next(&p, &w, &marker); w.len = 0) {
		int err = rtp_depacketizer_add(&d, writer_slice(&w));
		assert(err == 0);
	}
	if (rtp_depacketizer_finish(&d) == 0 && rounds > 1)
		send(codec, buf_slice(&out), rounds - 1);
	else
		assert(rounds > 1 || slice_equal(frame, buf_slice(&out)));
	buf_clear(&out);
}

static void take_all(rtp_frames *f)
{
	for (rtp_frame frame; rtp_frames_poll(f, &frame);) {
		look_at(f->codec, frame.data);
		rtp_frames_check_invariants(f);
	}
	rtp_frames_check_invariants(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > FUZZ_BYTES_MAX)
		return 0;
	reader r = reader_of(slice_of(data, size));
	rtp_codec codec = (rtp_codec)(read_u8(&r) % RTP_CODECS);
	slice rest = slice_part(r.in, 1, size);
	look_at(codec, rest);
	send(codec, rest, 2);
	rtp_frames f;
	rtp_frames_init(&f, codec, NULL);
	rtp_frames_packet p = {.sequence = 1000};
	while (reader_left(&r) > 4) {
		p.sequence += (uint64_t)(int64_t)(int8_t)read_u8(&r);
		uint8_t flags = read_u8(&r);
		p.marker = flags & 1;
		p.timestamp += flags >> 1 & 1;
		p.payload = slice_part(rest, r.pos + 1, read_u16(&r));
		read_skip(&r, p.payload.len);
		(void)rtp_frames_insert(&f, &p);
		if (flags & 4)
			rtp_frames_give_up_before(&f, p.sequence);
		take_all(&f);
	}
	rtp_frames_clear(&f);
	return 0;
}
