#include "tests/support/test.h"

#include "tests/net/harness.h"

#include <stdlib.h>

uv_loop_t *harness_loop_new(void)
{
	uv_loop_t *loop = malloc(sizeof *loop);
	assert_non_null(loop);
	assert_int_equal(uv_loop_init(loop), 0);
	return loop;
}

static void deadline_passed(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
}

/* Runs until *happened or, if that is NULL, until nothing but the deadline's own timer is left. */
static void run(uv_loop_t *loop, const bool *happened)
{
	bool late = false;
	uv_timer_t deadline;
	uv_timer_init(loop, &deadline);
	deadline.data = &late;
	uv_timer_start(&deadline, deadline_passed, UINT64_C(1000) * HARNESS_DEADLINE_S, 0);
	uv_unref((uv_handle_t *)&deadline);
	bool alive = true;
	while (!late && alive && !(happened && *happened))
		alive = uv_run(loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&deadline, NULL);
	uv_run(loop, UV_RUN_NOWAIT);
	assert_false(late);
	assert_true(!happened || *happened);
}

void harness_run_until(uv_loop_t *loop, const bool *happened)
{
	run(loop, happened);
}

void harness_loop_free(uv_loop_t *loop)
{
	run(loop, NULL);
	assert_int_equal(uv_loop_close(loop), 0);
	free(loop);
}
