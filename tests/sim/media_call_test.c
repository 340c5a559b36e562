/* Calls with video through whole peer connections: SRTP, NACK, RTX and key-frame requests on a lossy path. `--seed N` replays one. */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/call.h"

#define FRAMES 300u /* 10 s */
#define SEEDS 20u
#define CALL_LIMIT (UINT64_C(60) * US_PER_S)

static void run(uint64_t seed, unsigned loss, call *c, FILE *trace)
{
	simnet_path path = {
		.delay_us = 20 * US_PER_MS, .jitter_us = 5 * US_PER_MS, .loss = loss, .duplicate = 10, .reorder = 10};
	call_options options = {.messages = 10, .signaling_delay = 10 * US_PER_MS, .video_frames = FRAMES};
	call_init(c, seed, &path, &options, NULL);
	c->net.trace = trace;
	call_start(c);
	assert_true(call_run(c, CALL_LIMIT));
	call_run_for(c, 2 * US_PER_S);
}

static void check_end(const call_end *end, uint64_t seed, unsigned frames_least, uint64_t freeze_most)
{
	bool good = !end->misordered && !end->frame_misordered && !end->frame_damaged &&
		    end->frames_received >= frames_least && end->frames_received <= FRAMES &&
		    end->longest_freeze <= freeze_most;
	if (!good)
		fail_msg("seed %llu: %u frames, longest freeze %llu ms%s%s", (unsigned long long)seed,
			 end->frames_received, (unsigned long long)(end->longest_freeze / US_PER_MS),
			 end->frame_misordered ? ", out of order" : "", end->frame_damaged ? ", damaged" : "");
}

static void a_clean_path_loses_no_frame(void **state)
{
	(void)state;
	call c;
	run(1, 0, &c, NULL);
	for (int i = 0; i < 2; i++)
		check_end(&c.ends[i], 1, FRAMES, 500 * US_PER_MS);
	call_clear(&c);
}

/* 10 % each way: nearly all frames come whole, and the picture never stands for a second. */
static void ten_percent_loss_is_repaired(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		call c;
		run(seed, 100, &c, NULL);
		for (int i = 0; i < 2; i++)
			check_end(&c.ends[i], seed, FRAMES * 9 / 10, US_PER_S);
		call_clear(&c);
	}
}

static void a_seed_replays_the_same_trace(void **state)
{
	(void)state;
	uint64_t hashes[2];
	for (int i = 0; i < 2; i++) {
		call c;
		run(7, 50, &c, NULL);
		hashes[i] = c.net.trace_hash;
		call_clear(&c);
	}
	assert_true(hashes[0] == hashes[1]);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--seed") == 0) {
		call c;
		run(strtoull(argv[2], NULL, 10), 100, &c, stdout);
		call_clear(&c);
		return 0;
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clean_path_loses_no_frame),
		cmocka_unit_test(ten_percent_loss_is_repaired),
		cmocka_unit_test(a_seed_replays_the_same_trace),
	};
	return cmocka_run_group_tests_name("sim/media calls", tests, NULL, NULL);
}
