/*
 * Calls of RTP sessions alone, audio and video, over a link that loses a tenth of everything each way, reorders and duplicates;
 * many seeds, invariants after every step. `--seed N --count N` replays.
 */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/rtp_pair.h"

#define SEEDS_DEFAULT 24u
#define CALL_US (UINT64_C(8) * US_PER_S)

static unsigned long first_seed = 1, seeds = SEEDS_DEFAULT;

static void check_call(rtp_pair *p, unsigned long seed)
{
	for (size_t i = 0; i < p->flow_count; i++) {
		const rtp_pair_flow *f = &p->flows[i];
		bool video = rtp_codec_is_video(f->codec);
		rtp_inbound_stats in;
		assert_int_equal(rtp_session_get_inbound_stats(p->end[1], f->receiver, 0, &in), 0);
		unsigned wanted = f->number * 80 / 100;
		uint64_t recovered = in.retransmitted_packets_received - in.packets_duplicated;
		if (f->got < wanted)
			print_message("seed %lu, %s: %u of %u frames, %llu lost of %lld, %llu PLI\n", seed,
				      rtp_codec_name(f->codec), f->got, f->number, (unsigned long long)f->lost,
				      (long long)in.packets_lost, (unsigned long long)in.pli_count);
		assert_true(f->got >= wanted);
		if (video)
			assert_true(recovered * 100 >= (uint64_t)in.packets_lost * 90);
	}
}

static void one_call(unsigned long seed)
{
	rtp_pair *p = rtp_pair_new(seed);
	assert_true(rtp_pair_create(p, true));
	rtp_pair_flow *audio = rtp_pair_add_flow(p, RTP_OPUS);
	rtp_pair_flow *video = rtp_pair_add_flow(p, (rtp_codec)(RTP_VP8 + seed % 4));
	video->frame_len = 1500;
	video->receive.source_count = seed & 4 ? 0 : 1; /* by mid */
	assert_int_equal(rtp_pair_start_flow(p, audio), 0);
	assert_int_equal(rtp_pair_start_flow(p, video), 0);
	p->loss_per_mille = 100;
	p->duplicate_per_mille = seed & 1 ? 20 : 0;
	p->jitter_us = seed & 2 ? 15 * US_PER_MS : 0;
	rtp_pair_run(p, CALL_US);
	rtp_pair_stop(p);
	p->loss_per_mille = 0;
	rtp_pair_run(p, 2 * US_PER_S);
	check_call(p, seed);
	rtp_pair_free(p);
}

static void calls_survive_ten_percent_loss(void **state)
{
	(void)state;
	for (unsigned long seed = first_seed; seed < first_seed + seeds; seed++)
		one_call(seed);
}

/* The link narrows and widens: the estimate follows, and no frame comes out of order, twice or damaged (rtp_pair checks). */
static void calls_follow_a_link_that_changes(void **state)
{
	static const uint64_t rates[] = {2000000, 400000, 150000, 3000000};
	(void)state;
	for (unsigned long seed = first_seed; seed < first_seed + seeds / 4; seed++) {
		rtp_pair *p = rtp_pair_new(seed);
		assert_true(rtp_pair_create(p, true));
		rtp_pair_flow *video = rtp_pair_add_flow(p, (rtp_codec)(RTP_VP8 + seed % 4));
		assert_int_equal(rtp_pair_start_flow(p, video), 0);
		for (size_t i = 0; i < ARRAY_LENGTH(rates); i++) {
			p->bps[0] = rates[i];
			rtp_pair_run(p, 5 * US_PER_S);
			assert_true(p->target < rates[i] * 3);
		}
		assert_true(video->got > video->number / 4);
		rtp_pair_free(p);
	}
}

int main(int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--seed") == 0)
			first_seed = strtoul(argv[i + 1], NULL, 10);
		if (strcmp(argv[i], "--count") == 0)
			seeds = strtoul(argv[i + 1], NULL, 10);
	}
	const struct CMUnitTest tests[] = {cmocka_unit_test(calls_survive_ten_percent_loss),
					   cmocka_unit_test(calls_follow_a_link_that_changes)};
	return cmocka_run_group_tests_name("sim/media", tests, NULL, NULL);
}
