/*
 * Goodput of one association or several on links of every kind, on a virtual clock.
 *
 *     goodput_test                      the tests
 *     goodput_test --try RATE_MBIT RTT_MS LOSS_PPM QUEUE_BDP SECONDS [FLOWS]    one link
 */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sctp_link.h"

#define MESSAGE_LEN 65536u
#define MBIT UINT64_C(1000000)

static link_path path_of(uint64_t mbit, uint64_t rtt_ms, double queue_bdp)
{
	uint64_t rtt = rtt_ms ? rtt_ms * US_PER_MS : 100;
	double bdp = (double)mbit * MBIT / 8 * (double)rtt / 1e6, queue = bdp * queue_bdp;
	return (link_path){.bits_per_second = mbit * MBIT,
			   .delay_us = rtt / 2,
			   .queue_bytes = queue < 128000 ? 128000 : (size_t)queue};
}

static int try(char **argv, int argc)
{
	static link_world w;
	link_path path = path_of(strtoull(argv[0], NULL, 10), strtoull(argv[1], NULL, 10), strtod(argv[3], NULL));
	unsigned flows = argc > 5 ? (unsigned)strtoul(argv[5], NULL, 10) : 1;
	uint64_t us = strtoull(argv[4], NULL, 10) * US_PER_S;
	link_init(&w, 1, &path, flows, MESSAGE_LEN);
	link_connect(&w);
	w.path.loss_ppm = (unsigned)strtoul(argv[2], NULL, 10);
	uint64_t before[LINK_FLOWS_MAX] = {0};
	for (uint64_t t = 0; t < us; t += US_PER_S) {
		link_run(&w, US_PER_S);
		for (unsigned i = 0; i < flows; i++) {
			sctp_stats s;
			sctp_get_stats(w.flows[i].end[0], &s);
			printf("%3u s flow %u: %.3f  cwnd %zu flight %zu window %u srtt %.1f ms retrans %llu timeouts %llu\n",
			       (unsigned)(t / US_PER_S) + 1, i, link_share(&w, w.flows[i].bytes - before[i], US_PER_S),
			       s.cwnd, s.flight, s.peer_window, (double)s.srtt_us / 1e3,
			       (unsigned long long)s.data_retransmitted, (unsigned long long)s.timeouts);
			before[i] = w.flows[i].bytes;
		}
	}
	for (unsigned i = 0; i < flows; i++)
		printf("flow %u: share %.3f, longest silence %.3f s, sink held %zu\n", i,
		       link_share(&w, w.flows[i].bytes, us), (double)w.flows[i].longest_silence / 1e6,
		       w.flows[i].buffered_max);
	printf("queued: median %u ms, 95 %% %u ms; %llu sent, %llu dropped, %llu lost; %llu steps\n",
	       link_queued(&w, 0.5), link_queued(&w, 0.95), (unsigned long long)w.sent[0],
	       (unsigned long long)w.dropped[0], (unsigned long long)w.lost[0], (unsigned long long)w.steps);
	bool done = link_finish(&w, 60 * US_PER_S);
	printf("%s\n", done ? "all came, once and in order" : "SOMETHING IS MISSING");
	link_clear(&w);
	return !done;
}

typedef struct {
	const char *name;
	uint64_t mbit, rtt_ms;
	double queue_bdp;
	unsigned loss_ppm, loss_run, reorder_ppm;
	unsigned seconds;
	double share; /* of the link, at least */
} cell;

static void run_cell(const cell *c)
{
	static link_world w;
	link_path path = path_of(c->mbit, c->rtt_ms, c->queue_bdp);
	link_init(&w, 1, &path, 1, MESSAGE_LEN);
	link_connect(&w);
	w.path.loss_ppm = c->loss_ppm;
	w.path.loss_run = c->loss_run;
	w.path.reorder_ppm = c->reorder_ppm;
	w.path.reorder_us = 10 * US_PER_MS;
	uint64_t us = c->seconds * US_PER_S;
	link_run(&w, us);
	double share = link_share(&w, w.flows[0].bytes, us);
	print_message("%-28s %.3f of %3u Mbit/s, queued %3u ms (95 %%: %u), silent for %.3f s at most\n", c->name,
		      share, (unsigned)c->mbit, link_queued(&w, 0.5), link_queued(&w, 0.95),
		      (double)w.flows[0].longest_silence / 1e6);
	if (!link_finish(&w, 120 * US_PER_S))
		fail_msg("%s: received %u of %u", c->name, w.flows[0].received, w.flows[0].sent);
	if (share < c->share)
		fail_msg("%s: %.3f is less than %.3f", c->name, share, c->share);
	link_clear(&w);
}

static void links_are_filled(void **state)
{
	(void)state;
	static const cell cells[] = {
		{"no delay", 500, 0, 1, 0, 0, 0, 3, 0.9},
		{"20 ms", 500, 20, 1, 0, 0, 0, 5, 0.8},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cells); i++)
		run_cell(&cells[i]);
}

static void everything_arrives_through_anything(void **state)
{
	(void)state;
	static const cell cells[] = {
		{"20 ms, 1 % lost", 20, 20, 1, 10000, 0, 0, 10, 0},
		{"20 ms, 1 % lost in runs", 20, 20, 1, 10000, 10, 0, 10, 0},
		{"20 ms, 5 % overtaken", 20, 20, 1, 0, 0, 50000, 10, 0},
		{"shallow queue", 20, 20, 0.5, 0, 0, 0, 10, 0},
		{"all of it", 20, 20, 0.5, 10000, 4, 50000, 10, 0},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cells); i++)
		run_cell(&cells[i]);
}

/* The sink stops reading at full speed, and goes on: what it holds is bounded by the window, and nothing is lost. */
static void a_sink_that_pauses_holds_a_window(void **state)
{
	(void)state;
	static link_world w;
	link_path path = path_of(200, 50, 1);
	link_init(&w, 1, &path, 1, MESSAGE_LEN);
	w.flows[0].config[1].receive_window_max = 8u << 20;
	link_connect(&w);
	link_run(&w, 3 * US_PER_S);
	w.flows[0].hold = true;
	link_run(&w, 5 * US_PER_S);
	sctp_stats s;
	sctp_get_stats(w.flows[0].end[1], &s);
	assert_in_range(s.receive_buffered, 4u << 20, 8u << 20);
	assert_true(s.our_window < MESSAGE_LEN);
	w.flows[0].hold = false;
	uint64_t before = w.flows[0].bytes;
	link_run(&w, 15 * US_PER_S); /* up to 10 s pass until a closed window is probed */
	assert_true(link_share(&w, w.flows[0].bytes - before, 5 * US_PER_S) > 0.8);
	assert_true(link_finish(&w, 10 * US_PER_S));
	link_clear(&w);
}

static void an_outage_is_survived(void **state)
{
	(void)state;
	static link_world w;
	link_path path = path_of(50, 20, 1);
	link_init(&w, 1, &path, 1, MESSAGE_LEN);
	link_connect(&w);
	link_run(&w, 2 * US_PER_S);
	w.path.cut = true;
	link_run(&w, 2 * US_PER_S);
	w.path.cut = false;
	link_run(&w, 6 * US_PER_S);
	print_message("outage of 2 s: silent for %.3f s\n", (double)w.flows[0].longest_silence / 1e6);
	assert_true(link_finish(&w, 60 * US_PER_S));
	assert_true(w.flows[0].longest_silence < 5 * US_PER_S);
	link_clear(&w);
}

int main(int argc, char **argv)
{
	if (argc > 6 && strcmp(argv[1], "--try") == 0)
		return try(argv + 2, argc - 2);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_are_filled),
		cmocka_unit_test(everything_arrives_through_anything),
		cmocka_unit_test(a_sink_that_pauses_holds_a_window),
		cmocka_unit_test(an_outage_is_survived),
	};
	return cmocka_run_group_tests_name("sim/goodput", tests, NULL, NULL);
}
