/* sctp/packet.h: packets without checksum (RFC 9653) */
#include "tests/support/test.h"

#include <string.h>

#include "sctp/chunk.h"
#include "sctp/packet.h"
#include "tests/unit/sctp_pair.h"

static struct {
	size_t with, without; /* packets after the handshake, by checksum */
} seen[2];

static bool opens(uint8_t chunk_type)
{
	return chunk_type == SCTP_CHUNK_INIT || chunk_type == SCTP_CHUNK_INIT_ACK ||
	       chunk_type == SCTP_CHUNK_COOKIE_ECHO;
}

static bool look(pair *p, int from, slice bytes)
{
	static const uint8_t none[4];
	sctp_header header;
	(void)p;
	bool without = slice_equal(slice_part(bytes, 8, 4), slice_of(none, sizeof none));
	assert_true(sctp_packet_decode(bytes, true, &header));
	assert_int_equal(sctp_packet_decode(bytes, false, &header), !without);
	if (opens(header.chunks.data[0]))
		assert_false(without);
	else if (without)
		seen[from].without++;
	else
		seen[from].with++;
	return false;
}

/* RFC 9653 5.2, 5.3: left out only where the peer says that it does without, and never in INIT and COOKIE ECHO. */
static void a_checksum_is_left_out_where_the_peer_allows_it(void **state)
{
	(void)state;
	for (unsigned allowed = 0; allowed < 4; allowed++) {
		pair p;
		pair_prepare(&p, allowed);
		memset(seen, 0, sizeof seen);
		for (int i = 0; i < 2; i++)
			p.config[i].zero_checksum = allowed >> i & 1;
		p.drop = look;
		assert_true(pair_connect(&p));
		assert_int_equal(sctp_send(p.end[0], p.now, 0, 51, slice_of("there", 5), NULL), 0);
		assert_int_equal(sctp_send(p.end[1], p.now, 0, 51, slice_of("back", 4), NULL), 0);
		pair_run(&p, US_PER_S);
		assert_int_equal(p.messages[0] + p.messages[1], 2);
		sctp_stats stats;
		sctp_get_stats(p.end[0], &stats);
		assert_int_equal(stats.peer_zero_checksum, allowed >> 1);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(seen[i].without > 0, allowed == 3);
			assert_int_equal(seen[i].with > 0, allowed != 3);
		}
		pair_clear(&p);
	}
}

static void another_detection_method_is_not_ours(void **state)
{
	(void)state;
	for (uint32_t method = 0; method < 3; method++) {
		uint8_t bytes[64];
		writer w = writer_of(bytes, sizeof bytes);
		sctp_init init;
		write_zeros(&w, 16);
		size_t at = sctp_param_begin(&w, SCTP_PARAM_ZERO_CHECKSUM);
		write_u32(&w, method);
		sctp_tlv_end(&w, at);
		assert_true(sctp_init_decode(writer_slice(&w), &init));
		assert_int_equal(init.features.zero_checksum, method == SCTP_DETECTION_DTLS);
	}
}

/* A peer that was not told that it may. */
static void a_missing_checksum_is_wrong_where_not_announced(void **state)
{
	(void)state;
	static const uint8_t heartbeat[] = {SCTP_CHUNK_HEARTBEAT, 0, 0, 8, 0, 1, 0, 4};
	for (int allowed = 0; allowed < 2; allowed++) {
		uint8_t bytes[64];
		pair p;
		pair_prepare(&p, 1);
		p.config[1].zero_checksum = allowed;
		assert_true(pair_connect(&p));
		pair_run(&p, US_PER_S);
		size_t len = pair_wrap(&p, 1, slice_of(heartbeat, sizeof heartbeat), bytes, sizeof bytes);
		memset(bytes + 8, 0, 4);
		size_t sent = p.sent[1];
		pair_inject(&p, 1, slice_of(bytes, len));
		assert_int_equal(p.sent[1] - sent, allowed);
		pair_clear(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_checksum_is_left_out_where_the_peer_allows_it),
		cmocka_unit_test(another_detection_method_is_not_ours),
		cmocka_unit_test(a_missing_checksum_is_wrong_where_not_announced),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
