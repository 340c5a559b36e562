#include "net/turn.h"

#include <stdlib.h>
#include <uv.h>

struct net_turn {
	uv_idle_t handle; /* while started, the loop polls without waiting */
	void (*on_turn)(void *me);
	void *me;
};

net_turn *net_turn_new(uv_loop_t *loop, void (*on_turn)(void *me), void *me)
{
	net_turn *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	*t = (net_turn){.on_turn = on_turn, .me = me};
	uv_idle_init(loop, &t->handle); /* cannot fail */
	t->handle.data = t;
	return t;
}

static void turn_came(uv_idle_t *handle)
{
	net_turn *t = handle->data;
	uv_idle_stop(handle);
	t->on_turn(t->me);
}

void net_turn_request(net_turn *t)
{
	uv_idle_start(&t->handle, turn_came); /* does nothing when started already */
}

static void free_turn(uv_handle_t *handle)
{
	free(handle->data);
}

void net_turn_free(net_turn *t)
{
	if (t)
		uv_close((uv_handle_t *)&t->handle, free_turn);
}
