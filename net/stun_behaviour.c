#include <stdlib.h>

#include "net/random.h"
#include "net/stun.h"
#include "net/timer.h"
#include "net/udp.h"

struct net_stun_behaviour {
	stun_behaviour behaviour;
	net_udp *ports[STUN_BEHAVIOUR_PORTS];
	net_timer *timer;
	net_on_stun_behaviour *on_done;
	void *me;
};

/* Sends and waits, or is done: then on_done may free b, and comes last. */
static void behaviour_drain(net_stun_behaviour *b)
{
	uint8_t bytes[STUN_BEHAVIOUR_REQUEST_MAX];
	stun_behaviour_packet out = {.data = {.data = bytes, .capacity = sizeof bytes}};
	while (stun_behaviour_poll_transmit(&b->behaviour, net_now(), &out))
		net_udp_send(b->ports[out.port], &out.remote, slice_of(out.data.data, out.data.len));
	net_timer_set(b->timer, stun_behaviour_deadline(&b->behaviour));
	stun_behaviour_result result = stun_behaviour_get(&b->behaviour);
	if (result.done)
		b->on_done(b->me, &result);
}

static void behaviour_timed_out(void *me)
{
	net_stun_behaviour *b = me;
	stun_behaviour_timeout(&b->behaviour, net_now());
	behaviour_drain(b);
}

static void behaviour_received(void *me, net_udp *udp, const net_datagrams *d)
{
	net_stun_behaviour *b = me;
	size_t port = udp == b->ports[0] ? 0 : 1;
	bool answered = false;
	for (size_t i = 0; i < net_datagrams_count(d); i++)
		answered |= stun_behaviour_receive(&b->behaviour, d->now, port, d->remote, net_datagrams_at(d, i));
	if (answered)
		behaviour_drain(b);
}

static int behaviour_set_up(net_stun_behaviour *b, struct uv_loop_s *loop, parley_addr local, const parley_addr *server)
{
	const parley_random random = net_random();
	parley_addr bound[STUN_BEHAVIOUR_PORTS];
	b->timer = net_timer_new(loop, behaviour_timed_out, b);
	if (!b->timer)
		return PARLEY_ENOMEM;
	local.port = 0;
	for (size_t i = 0; i < STUN_BEHAVIOUR_PORTS; i++) {
		int error = net_udp_open(loop, &local, behaviour_received, b, &b->ports[i]);
		if (error)
			return error;
		bound[i] = *net_udp_local(b->ports[i]);
	}
	return stun_behaviour_start(&b->behaviour, net_now(), &random, bound, server);
}

int net_stun_behaviour_new(struct uv_loop_s *loop, const parley_addr *local, const parley_addr *server,
			   net_on_stun_behaviour *on_done, void *me, net_stun_behaviour **out)
{
	net_stun_behaviour *b = calloc(1, sizeof *b);
	if (!b)
		return PARLEY_ENOMEM;
	*b = (net_stun_behaviour){.on_done = on_done, .me = me};
	int error = behaviour_set_up(b, loop, *local, server);
	if (error) {
		net_stun_behaviour_free(b);
		return error;
	}
	net_timer_set(b->timer, net_now());
	*out = b;
	return 0;
}

void net_stun_behaviour_free(net_stun_behaviour *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < STUN_BEHAVIOUR_PORTS; i++)
		net_udp_close(b->ports[i]);
	net_timer_free(b->timer);
	free(b);
}
