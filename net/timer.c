#include "net/timer.h"

#include <stdlib.h>
#include <uv.h>

struct net_timer {
	uv_timer_t handle;
	uint64_t deadline; /* of what is armed; TIME_NEVER: nothing */
	void (*on_fire)(void *me);
	void *me;
};

uint64_t net_now(void)
{
	return uv_hrtime() / 1000;
}

net_timer *net_timer_new(uv_loop_t *loop, void (*on_fire)(void *me), void *me)
{
	net_timer *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	*t = (net_timer){.deadline = TIME_NEVER, .on_fire = on_fire, .me = me};
	uv_timer_init(loop, &t->handle); /* cannot fail */
	t->handle.data = t;
	return t;
}

static void arm(net_timer *t);

static void timer_fired(uv_timer_t *handle)
{
	net_timer *t = handle->data;
	if (net_now() < t->deadline) { /* libuv rounds its clock down: not yet */
		arm(t);
		return;
	}
	t->deadline = TIME_NEVER;
	t->on_fire(t->me);
}

static void arm(net_timer *t)
{
	uint64_t now = net_now();
	uint64_t wait_us = t->deadline > now ? t->deadline - now : 0;
	uv_update_time(t->handle.loop); /* its idea of now is from the start of this turn */
	uv_timer_start(&t->handle, timer_fired, (wait_us + US_PER_MS - 1) / US_PER_MS, 0);
}

void net_timer_set(net_timer *t, uint64_t deadline)
{
	if (deadline == t->deadline)
		return;
	t->deadline = deadline;
	if (deadline == TIME_NEVER)
		uv_timer_stop(&t->handle);
	else
		arm(t);
}

static void free_timer(uv_handle_t *handle)
{
	free(handle->data);
}

void net_timer_free(net_timer *t)
{
	if (t)
		uv_close((uv_handle_t *)&t->handle, free_timer);
}
