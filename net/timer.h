/*
 * net/timer.h: a one-shot timer on a loop, and the clock that its deadlines are on: monotonic microseconds.
 */
#ifndef PARLEY_NET_TIMER_H
#define PARLEY_NET_TIMER_H

#include "base/time.h"

struct uv_loop_s;

uint64_t net_now(void);

typedef struct net_timer net_timer;

/* NULL: out of memory. on_fire may set the timer again, or free it. */
net_timer *net_timer_new(struct uv_loop_s *loop, void (*on_fire)(void *me), void *me);

/* Fires once, from the loop, when net_now() >= deadline; libuv counts milliseconds, so up to one later. A deadline in the past fires in
 * the loop's next turn. TIME_NEVER: not at all. Setting it again replaces the old deadline. */
void net_timer_set(net_timer *timer, uint64_t deadline);

/* Never fires any more. NULL is allowed. The memory goes when the loop has closed the handle. */
void net_timer_free(net_timer *timer);

#endif
