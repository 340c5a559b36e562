/* sctp/send_queue.h: what is worth less makes room when the send buffer is full (RFC 7496 3.2) */
#include "tests/support/test.h"

#include "sctp/internal.h"
#include "tests/support/failmalloc.h"
#include "tests/unit/sctp_pair.h"

#define SIZE 1000u
#define ROOM 10u /* messages */

static uint32_t arrived[100], arrived_count, lost[100], lost_count; /* ppids, in order */

static void note(pair *p, int side, const sctp_event *e)
{
	(void)p;
	if (side == 1 && e->type == SCTP_EVENT_MESSAGE)
		arrived[arrived_count++] = e->ppid;
	if (side == 0 && e->type == SCTP_EVENT_SEND_FAILED)
		lost[lost_count++] = e->ppid;
}

static bool drop_all(pair *p, int from, slice bytes)
{
	(void)p;
	(void)from;
	(void)bytes;
	return true;
}

/* The window is full, of a message on another stream: nothing of what is queued now can be begun. */
static bool begin(pair *p, bool interleaving)
{
	static const uint8_t filler[20000];
	arrived_count = lost_count = 0;
	pair_prepare(p, 1);
	p->config[0].interleaving = interleaving;
	p->config[0].send_buffer = 40000;
	p->on_event = note;
	if (!pair_connect(p))
		return false;
	p->drop = drop_all;
	int err = sctp_send(p->end[0], p->now, 9, 1000, slice_of(filler, sizeof filler), NULL);
	pair_drain(p);
	p->end[0]->queue.limit = p->end[0]->queue.cost + ROOM * (SIZE + SCTP_SEND_OVERHEAD);
	return !err;
}

static int send_worth(pair *p, uint32_t number, int value, size_t size)
{
	static const uint8_t bytes[5 * SIZE];
	sctp_send_options o = {.has_value = value >= 0, .value = (uint8_t)value};
	return sctp_send(p->end[0], p->now, (uint16_t)(number % 3), number, slice_of(bytes, size), &o);
}

static void assert_lost(pair *p, const uint32_t *numbers, uint32_t count)
{
	pair_drain(p);
	assert_int_equal(lost_count, count);
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(lost[i], numbers[i]);
}

static void the_least_makes_room_for_what_is_worth_more(void **state)
{
	(void)state;
	for (int interleaving = 0; interleaving < 2; interleaving++) {
		static const int values[ROOM] = {5, 3, 255, 3, 0, 9, 9, -1, 5, 1};
		static const uint32_t wanted[] = {4, 9, 10, 1};
		pair p;
		assert_true(begin(&p, interleaving));
		for (uint32_t i = 0; i < ROOM; i++)
			assert_int_equal(send_worth(&p, i, values[i], SIZE), 0);
		assert_int_equal(send_worth(&p, 10, 0, SIZE), PARLEY_ELIMIT); /* for the same value: no */
		assert_lost(&p, wanted, 0);
		assert_int_equal(send_worth(&p, 10, 1, SIZE), 0); /* for 0 */
		assert_lost(&p, wanted, 1);
		assert_int_equal(send_worth(&p, 11, 3, 3 * SIZE), PARLEY_ELIMIT); /* two of 1 would not do: none goes */
		assert_lost(&p, wanted, 1);
		assert_int_equal(send_worth(&p, 11, 4, 3 * SIZE), 0);
		assert_lost(&p, wanted, 4);
		assert_int_equal(send_worth(&p, 12, -1, 5 * SIZE), 0); /* without a value: worth more than any */
		p.drop = NULL;
		pair_run(&p, 10 * US_PER_S);
		assert_true(lost_count > 4);
		for (uint32_t i = 0; i < lost_count; i++)
			assert_true(lost[i] != 7 && lost[i] != 12);
		assert_int_equal(arrived_count + lost_count, 1 + ROOM + 3);
		pair_clear(&p);
	}
}

/* What was begun is not given up for others, and no part of a message is worth little. */
static void what_is_begun_stays(void **state)
{
	(void)state;
	pair p;
	assert_true(begin(&p, true));
	assert_int_equal(send_worth(&p, 1, 0, 5 * SIZE), 0);
	p.drop = NULL;
	pair_run(&p, 10 * US_PER_S);
	assert_int_equal(arrived_count, 2);
	sctp_send_options o = {.has_value = true};
	assert_int_equal(sctp_send_part(p.end[0], p.now, 0, 1, slice_of("x", 1), true, &o), PARLEY_EINVAL);
	p.drop = drop_all;
	assert_int_equal(send_worth(&p, 2, 0, 1), 0);
	pair_drain(&p); /* sent: not to be taken back */
	for (uint32_t i = 0; send_worth(&p, 3, -1, 5 * SIZE) == 0; i++)
		assert_true(i < 100);
	assert_lost(&p, NULL, 0);
	pair_clear(&p);
}

static void out_of_memory_body(void *context)
{
	(void)context;
	pair p;
	if (begin(&p, true))
		for (uint32_t i = 0; i < 2 * ROOM; i++)
			send_worth(&p, i, (int)i, SIZE);
	p.drop = NULL;
	if (p.end[0] && p.end[1])
		pair_run(&p, 5 * US_PER_S);
	pair_clear(&p);
}

static void runs_out_of_memory_cleanly(void **state)
{
	(void)state;
	failmalloc_loop(out_of_memory_body, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_least_makes_room_for_what_is_worth_more),
		cmocka_unit_test(what_is_begun_stays),
		cmocka_unit_test(runs_out_of_memory_cleanly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
