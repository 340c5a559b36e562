/* sctp/sctp.h: what a changed path does to timers that have backed off. */
#include "tests/support/test.h"

#include "tests/unit/sctp_pair.h"

static bool drop_all(pair *p, int from, slice bytes)
{
	(void)p;
	(void)from;
	(void)bytes;
	return true;
}

static bool has_come(pair *p)
{
	return p->messages[1] == 1;
}

static void say(pair *p)
{
	assert_int_equal(sctp_send(p->end[0], p->now, 0, 51, slice_from_string("hello"), NULL), 0);
	pair_drain(p);
}

static uint64_t timeouts(const pair *p)
{
	sctp_stats s;
	sctp_get_stats(p->end[0], &s);
	return s.timeouts;
}

static void what_waits_leaves_when_the_path_is_back(void **state)
{
	(void)state;
	pair p;
	pair_prepare(&p, 1);
	assert_true(pair_connect(&p));
	assert_false(sctp_awaits_answer(p.end[0]));
	p.drop = drop_all;
	say(&p);
	assert_true(sctp_awaits_answer(p.end[0]));
	pair_run(&p, 60 * US_PER_S); /* the timer is at its longest: 10 s */
	p.drop = NULL;
	sctp_path_changed(p.end[0], p.now);
	assert_true(sctp_deadline(p.end[0]) <= p.now);
	assert_true(pair_run_until(&p, has_come, 30 * US_PER_MS));
	pair_run(&p, 100 * US_PER_MS);
	assert_false(sctp_awaits_answer(p.end[0]));
	pair_clear(&p);
}

/* Not there yet when the path is said to have changed: then at the usual pace, not at the one backed off to. */
static void the_back_off_begins_anew(void **state)
{
	(void)state;
	pair p;
	pair_prepare(&p, 2);
	assert_true(pair_connect(&p));
	p.drop = drop_all;
	say(&p);
	pair_run(&p, 60 * US_PER_S);
	sctp_path_changed(p.end[0], p.now);
	pair_run(&p, 10 * US_PER_MS);
	p.drop = NULL;
	assert_true(pair_run_until(&p, has_come, 1100 * US_PER_MS));
	pair_clear(&p);
}

static void what_was_not_lost_is_not_repeated(void **state)
{
	(void)state;
	pair p;
	pair_prepare(&p, 3);
	assert_true(pair_connect(&p));
	say(&p);
	sctp_path_changed(p.end[0], p.now);
	pair_run(&p, US_PER_S);
	assert_int_equal(p.messages[1], 1);
	assert_int_equal(timeouts(&p), 0);
	pair_clear(&p);
}

static void the_handshake_resumes_too(void **state)
{
	(void)state;
	pair p;
	pair_prepare(&p, 4);
	p.drop = drop_all;
	assert_true(pair_create(&p));
	for (int i = 0; i < 2; i++)
		assert_int_equal(sctp_connect(p.end[i], p.now), 0);
	pair_drain(&p);
	pair_run(&p, 60 * US_PER_S);
	p.drop = NULL;
	sctp_path_changed(p.end[0], p.now);
	assert_true(pair_run_until(&p, pair_both_connected, 100 * US_PER_MS));
	pair_clear(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_waits_leaves_when_the_path_is_back),
		cmocka_unit_test(the_back_off_begins_anew),
		cmocka_unit_test(what_was_not_lost_is_not_repeated),
		cmocka_unit_test(the_handshake_resumes_too),
	};
	return cmocka_run_group_tests_name("sctp/path", tests, NULL, NULL);
}
