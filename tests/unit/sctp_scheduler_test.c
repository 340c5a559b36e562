/* sctp/scheduler.h: who is next (RFC 8260 3) */
#include "tests/support/test.h"

#include "base/rng.h"
#include "sctp/scheduler.h"

#define STREAMS 4u

typedef struct {
	sctp_scheduler s;
	sctp_turn turns[STREAMS];
	uint64_t sent[STREAMS];
} world;

static void begin(world *w, sctp_schedule kind)
{
	*w = (world){0};
	sctp_scheduler_init(&w->s, kind);
	for (size_t i = 0; i < STREAMS; i++)
		sctp_scheduler_set_priority(&w->s, &w->turns[i], 256);
}

static void enter(world *w, size_t i)
{
	assert_int_equal(sctp_scheduler_reserve(&w->s), 0);
	sctp_scheduler_enter(&w->s, &w->turns[i]);
	sctp_scheduler_check(&w->s);
}

static size_t send_next(world *w, size_t bytes)
{
	sctp_turn *t = sctp_scheduler_first(&w->s);
	assert_non_null(t);
	size_t i = (size_t)(t - w->turns);
	w->sent[i] += bytes;
	sctp_scheduler_sent(&w->s, t, bytes);
	sctp_scheduler_check(&w->s);
	return i;
}

static void in_turn_each_is_next_once(void **state)
{
	(void)state;
	world w;
	begin(&w, SCTP_SCHEDULE_ROUND_ROBIN);
	assert_null(sctp_scheduler_first(&w.s));
	for (size_t i = 0; i < STREAMS; i++)
		enter(&w, i);
	for (size_t i = 0; i < 3 * STREAMS; i++)
		assert_int_equal(send_next(&w, 1 + i * 100), i % STREAMS);
	sctp_scheduler_leave(&w.s, &w.turns[1]);
	sctp_scheduler_leave(&w.s, &w.turns[1]);
	assert_int_equal(send_next(&w, 1), 0);
	assert_int_equal(send_next(&w, 1), 2);
	enter(&w, 1); /* to the end of the round */
	assert_int_equal(send_next(&w, 1), 3);
	assert_int_equal(send_next(&w, 1), 0);
	assert_int_equal(send_next(&w, 1), 2);
	assert_int_equal(send_next(&w, 1), 1);
	sctp_scheduler_clear(&w.s);
}

static void a_higher_priority_goes_first(void **state)
{
	(void)state;
	world w;
	begin(&w, SCTP_SCHEDULE_PRIORITY);
	sctp_scheduler_set_priority(&w.s, &w.turns[2], 512);
	for (size_t i = 0; i < 3; i++)
		enter(&w, i);
	for (int n = 0; n < 5; n++)
		assert_int_equal(send_next(&w, 1000), 2);
	sctp_scheduler_set_priority(&w.s, &w.turns[2], 128);
	for (size_t n = 0; n < 6; n++)
		assert_int_equal(send_next(&w, 1000), n % 2);
	sctp_scheduler_leave(&w.s, &w.turns[0]);
	sctp_scheduler_leave(&w.s, &w.turns[1]);
	assert_int_equal(send_next(&w, 1000), 2);
	sctp_scheduler_clear(&w.s);
}

/* RFC 8260 3.6: n times the weight, n times the capacity; whatever the size of the chunks. */
static void weights_share_the_capacity(void **state)
{
	(void)state;
	static const uint16_t weights[STREAMS] = {128, 256, 512, 1024};
	static const size_t sizes[STREAMS] = {1100, 100, 700, 1100};
	world w;
	begin(&w, SCTP_SCHEDULE_WEIGHTED);
	for (size_t i = 0; i < STREAMS; i++) {
		sctp_scheduler_set_priority(&w.s, &w.turns[i], weights[i]);
		enter(&w, i);
	}
	uint64_t total = 0;
	while (total < 10000000) {
		size_t size = sizes[(size_t)(sctp_scheduler_first(&w.s) - w.turns)];
		send_next(&w, size);
		total += size;
	}
	for (size_t i = 0; i < STREAMS; i++) {
		uint64_t share = total * weights[i] / 1920;
		assert_in_range(w.sent[i], share - 3000, share + 3000);
	}
	sctp_scheduler_clear(&w.s);
}

/* One that seldom sends does not wait, nor does it save its share up. */
static void who_was_silent_is_next(void **state)
{
	(void)state;
	world w;
	begin(&w, SCTP_SCHEDULE_WEIGHTED);
	sctp_scheduler_set_priority(&w.s, &w.turns[0], 1024);
	enter(&w, 0);
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 1000; i++)
			assert_int_equal(send_next(&w, 1000), 0);
		enter(&w, 1);
		assert_int_equal(send_next(&w, 1000), 1);
		size_t before = (size_t)w.sent[1];
		for (int i = 0; i < 100; i++)
			send_next(&w, 1000);
		assert_in_range(w.sent[1] - before, 19000, 21000);
		sctp_scheduler_leave(&w.s, &w.turns[1]);
	}
	sctp_scheduler_leave(&w.s, &w.turns[0]); /* idle: then all begin on a par */
	enter(&w, 0);
	enter(&w, 1);
	uint64_t before = w.sent[1];
	for (int i = 0; i < 100; i++)
		send_next(&w, 1000);
	assert_in_range(w.sent[1] - before, 19000, 21000);
	sctp_scheduler_clear(&w.s);
}

static void any_coming_and_going_keeps_the_order(void **state)
{
	(void)state;
	enum { MANY = 300 };
	static sctp_turn turns[MANY];
	for (unsigned kind = 0; kind < 3; kind++) {
		sctp_scheduler s;
		rng_seeded rng;
		rng_seeded_init(&rng, kind);
		sctp_scheduler_init(&s, (sctp_schedule)kind);
		for (size_t i = 0; i < MANY; i++) {
			turns[i] = (sctp_turn){0};
			sctp_scheduler_set_priority(&s, &turns[i], (uint16_t)(1u << rng_seeded_below(&rng, 12)));
		}
		for (int step = 0; step < 20000; step++) {
			sctp_turn *t = &turns[rng_seeded_below(&rng, MANY)], *first = sctp_scheduler_first(&s);
			switch (rng_seeded_below(&rng, 4)) {
			case 0:
				assert_int_equal(sctp_scheduler_reserve(&s), 0);
				sctp_scheduler_enter(&s, t);
				break;
			case 1:
				sctp_scheduler_leave(&s, t);
				break;
			case 2:
				sctp_scheduler_set_priority(&s, t, (uint16_t)(1u << rng_seeded_below(&rng, 12)));
				break;
			default:
				if (first)
					sctp_scheduler_sent(&s, first, 1 + rng_seeded_below(&rng, 2000));
				break;
			}
			if (step % 10 == 0)
				sctp_scheduler_check(&s);
		}
		sctp_scheduler_clear(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_turn_each_is_next_once),
		cmocka_unit_test(a_higher_priority_goes_first),
		cmocka_unit_test(weights_share_the_capacity),
		cmocka_unit_test(who_was_silent_is_next),
		cmocka_unit_test(any_coming_and_going_keeps_the_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
