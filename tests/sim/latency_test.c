/*
 * What small messages on a data channel wait for, on a virtual clock: 64 bytes, 10,000 a second, on a path of 20 ms; alone, and
 * beside a transfer on a channel of lower priority.
 */
#include "tests/support/test.h"

#include "tests/sim/sctp_link.h"

#define SMALL_LEN 64u
#define INTERVAL_US 100u
#define ONE_WAY_US (10 * US_PER_MS)
#define MBIT UINT64_C(1000000)
#define ALONE_US (20 * US_PER_S)
#define BEFORE_US (3 * US_PER_S) /* the transfer begins */
#define DRAIN_US (60 * US_PER_S)

typedef struct {
	sctp_congestion_control control;
	unsigned mbit;
	double queue_bdp;   /* BDPs of the link's queue */
	unsigned seconds;   /* of transfer; 0: there is none */
	uint64_t tick_us;   /* packets arrive in bunches so far apart, as busy machines take them */
	uint64_t beyond_us; /* the path's own delay, in 99 of 100 cases */
	uint64_t stall_us;  /* packets are not taken for so long at times, and then all at once */
} cell;

static const char *const control_names[] = {[SCTP_CUBIC] = "cubic", [SCTP_BBR] = "bbr"};

static void begin(link_world *w, const cell *c)
{
	double bdp = (double)(c->mbit * MBIT) / 8 * 2 * ONE_WAY_US / US_PER_S;
	link_path path = {.bits_per_second = c->mbit * MBIT,
			  .delay_us = ONE_WAY_US,
			  .tick_us = c->tick_us,
			  .stall_us = c->stall_us,
			  .queue_bytes = (size_t)(bdp * c->queue_bdp)};
	link_init(w, 1, &path, 1, 65536);
	link_flow *f = &w->flows[0];
	f->config[0].congestion = c->control;
	f->small.interval = INTERVAL_US;
	f->small.len = SMALL_LEN;
	f->small.priority = 1024; /* RFC 8831 6.4: high; the transfer's is normal */
	f->begins = TIME_NEVER;
}

static void run(const cell *c)
{
	static link_world w;
	begin(&w, c);
	const link_flow *f = &w.flows[0];
	link_connect(&w);
	link_run(&w, c->seconds ? BEFORE_US : ALONE_US);
	if (c->seconds) {
		w.flows[0].begins = w.now;
		link_run(&w, c->seconds * US_PER_S);
	}
	print_message(
		"%-5s %u Mbit/s, queue %.1f, bunches of %.1f ms, stalls of %.1f: %.1f ms, 99 %%: %.1f, 99.9 %%: %.1f; beside %.0f MB\n",
		control_names[c->control], c->mbit, c->queue_bdp, (double)c->tick_us / 1e3, (double)c->stall_us / 1e3,
		(double)link_small_delay(f, 0.5) / 1e3, (double)link_small_delay(f, 0.99) / 1e3,
		(double)link_small_delay(f, 0.999) / 1e3, (double)f->bytes / 1e6);
	assert_true(link_small_delay(f, 0.99) <= ONE_WAY_US + c->beyond_us);
	if (c->seconds) /* and it is not starved */
		assert_true(link_share(&w, f->bytes, c->seconds * US_PER_S) > 0.8);
	assert_true(link_finish(&w, DRAIN_US));
	link_clear(&w);
}

static void small_messages_take_what_the_path_takes(void **state)
{
	(void)state;
	run(&(cell){SCTP_CUBIC, 500, 1, 0, 0, 2 * US_PER_MS, 0});
	run(&(cell){SCTP_BBR, 500, 1, 0, 0, 2 * US_PER_MS, 0});
}

/* A gigabyte at 500 Mbit/s. BBR keeps the link's queue short. */
static void a_transfer_of_lower_priority_hardly_delays_them(void **state)
{
	(void)state;
	run(&(cell){SCTP_BBR, 500, 1, 17, 0, 10 * US_PER_MS, 0});
	run(&(cell){SCTP_BBR, 500, 5, 17, 0, 10 * US_PER_MS, 0});
	run(&(cell){SCTP_BBR, 100, 0.5, 17, 0, 10 * US_PER_MS, 0});
	run(&(cell){SCTP_BBR, 500, 1.25, 17, 1 * US_PER_MS, 12 * US_PER_MS, 0});
	run(&(cell){SCTP_BBR, 100, 15, 17, 1 * US_PER_MS, 12 * US_PER_MS, 0});
	run(&(cell){SCTP_BBR, 500, 1.25, 17, 0, 10 * US_PER_MS, 6 * US_PER_MS});
	run(&(cell){SCTP_BBR, 100, 5, 17, 0, 10 * US_PER_MS, 6 * US_PER_MS});
}

/* CUBIC fills the queue, as TCP does: the bound is what the queue holds, and nothing on top of it. */
static void beside_cubic_they_wait_for_the_queue_only(void **state)
{
	(void)state;
	run(&(cell){SCTP_CUBIC, 500, 0.5, 17, 0, 12 * US_PER_MS, 0});
	run(&(cell){SCTP_CUBIC, 100, 1, 17, 0, 22 * US_PER_MS, 0});
}

int main(int argc, char **argv)
{
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_messages_take_what_the_path_takes),
		cmocka_unit_test(a_transfer_of_lower_priority_hardly_delays_them),
		cmocka_unit_test(beside_cubic_they_wait_for_the_queue_only),
	};
	return cmocka_run_group_tests_name("sim/latency", tests, NULL, NULL);
}
