#include "net/timer.h"

#include <stdbool.h>
#include <stdlib.h>
#include <uv.h>

struct net_timer {
	uv_timer_t handle;
	uint64_t deadline; /* TIME_NEVER: none */
	uint64_t armed;	   /* when libuv's timer goes off, not after the deadline; TIME_NEVER: it is stopped */
	bool firing;
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
	*t = (net_timer){.deadline = TIME_NEVER, .armed = TIME_NEVER, .on_fire = on_fire, .me = me};
	uv_timer_init(loop, &t->handle); /* cannot fail */
	t->handle.data = t;
	return t;
}

/* uv_now is net_now cut to milliseconds: rounding the deadline up means never early. A timer that a timer's callback arms
 * with 0 would fire in this same turn, and again, and starve the sockets: hence at least 1 then. */
static uint64_t delay_ms(const net_timer *t)
{
	uint64_t due_ms = t->deadline / US_PER_MS + (t->deadline % US_PER_MS != 0);
	uint64_t now_ms = uv_now(t->handle.loop);
	if (due_ms > now_ms)
		return due_ms - now_ms;
	return t->firing ? 1 : 0;
}

static void timer_fired(uv_timer_t *handle);

static void arm(net_timer *t)
{
	t->armed = t->deadline;
	uv_timer_start(&t->handle, timer_fired, delay_ms(t), 0);
}

static void timer_fired(uv_timer_t *handle)
{
	net_timer *t = handle->data;
	t->armed = TIME_NEVER;
	t->firing = true;
	if (t->deadline <= net_now()) {
		t->deadline = TIME_NEVER;
		t->on_fire(t->me);
	} else {
		arm(t);
	}
	t->firing = false; /* the memory is still there: it goes in a later turn */
}

/* A connection's deadline moves with every datagram, mostly further away. Then libuv's timer is left as it is, and finds out
 * when it goes off: its heap, of all connections' timers, is seldom touched. */
void net_timer_set(net_timer *t, uint64_t deadline)
{
	t->deadline = deadline;
	if (deadline == TIME_NEVER && t->armed != TIME_NEVER) {
		t->armed = TIME_NEVER;
		uv_timer_stop(&t->handle);
	} else if (deadline < t->armed) {
		arm(t);
	}
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
