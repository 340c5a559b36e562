/* Any bytes as an RTP packet with any extension ids; and what is read, written, and read again says the same. */
#include <assert.h>
#include <string.h>

#include "rtp/extension.h"
#include "rtp/packet.h"

static void assert_same_values(const rtp_extensions *a, const rtp_extensions *b)
{
	assert(a->has_mid == b->has_mid && slice_equal(a->mid, b->mid));
	assert(a->has_rid == b->has_rid && slice_equal(a->rid, b->rid));
	assert(a->has_repaired_rid == b->has_repaired_rid && slice_equal(a->repaired_rid, b->repaired_rid));
	assert(a->has_abs_send_time == b->has_abs_send_time && a->abs_send_time == b->abs_send_time);
	assert(a->has_transport_sequence == b->has_transport_sequence &&
	       a->transport_sequence == b->transport_sequence);
	assert(a->has_audio_level == b->has_audio_level && a->audio_level == b->audio_level &&
	       a->audio_voice == b->audio_voice);
	assert(a->has_video_orientation == b->has_video_orientation && a->video_rotation == b->video_rotation);
	assert(a->video_flip == b->video_flip && a->video_back_camera == b->video_back_camera);
	assert(a->has_capture_time == b->has_capture_time && a->capture_time == b->capture_time);
	assert(a->has_capture_offset == b->has_capture_offset && a->capture_offset == b->capture_offset);
}

static void extensions(const rtp_packet *p)
{
	static const uint8_t ids[] = {4, 10, 11, 2, 3, 1, 13, 5};
	rtp_extension_map map = {{0}};
	uint8_t block[4096];
	writer w = writer_of(block, sizeof block);
	rtp_extensions values, again;
	rtp_packet q = *p;
	memcpy(map.ids, ids, sizeof ids);
	(void)rtp_extensions_read(p, &map, &values);
	int error = rtp_extensions_write(&w, &map, &values, &q);
	assert(!error && rtp_extensions_read(&q, &map, &again));
	assert_same_values(&values, &again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t bytes[1 << 16];
	rtp_packet p, q;
	slice in = slice_of(data, size);
	(void)rtp_classify(in);
	if (size > sizeof bytes || rtp_packet_parse(in, &p))
		return 0;
	writer w = writer_of(bytes, sizeof bytes);
	int error = rtp_packet_write(&w, &p);
	assert(!error && w.len == size && w.len == rtp_packet_size(&p));
	error = rtp_packet_parse(writer_slice(&w), &q);
	assert(!error && slice_equal(p.payload, q.payload) && slice_equal(p.extension, q.extension));
	/* Only the padding's own bytes may differ. */
	assert(!memcmp(bytes, data, size - p.padding));
	extensions(&p);
	packet whole = {.data = bytes, .capacity = w.len, .len = w.len};
	(void)rtp_extension_patch(&whole, 3, slice_of("\1\2", 2));
	error = rtp_packet_parse(writer_slice(&w), &q);
	assert(!error && slice_equal(p.payload, q.payload));
	return 0;
}
