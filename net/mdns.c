#include "net/mdns.h"

#include <stdlib.h>
#include <uv.h>

#include "ice/mdns.h"
#include "ice/mdns_responder.h"
#include "net/multicast.h"
#include "net/timer.h"

#define MDNS_PACKET_MAX 1400u /* ours fit an Ethernet frame (RFC 6762 17); a query has one question */

struct net_mdns {
	mdns_resolver resolver;
	mdns_responder responder;
	net_multicast *multicast;
	net_timer *timer;
	net_on_mdns_answer *on_answer;
	void *me;
	bool draining; /* mdns_drain is on the stack */
	bool freed;    /* while draining: the drain frees */
};

static void mdns_destroy(net_mdns *m)
{
	net_multicast_close(m->multicast);
	net_timer_free(m->timer);
	free(m);
}

static void mdns_drain(net_mdns *m)
{
	uint8_t bytes[MDNS_PACKET_MAX];
	packet p = {.data = bytes, .capacity = sizeof bytes};
	while (mdns_poll_transmit(&m->resolver, net_now(), &p) ||
	       mdns_responder_poll_transmit(&m->responder, net_now(), &p))
		net_multicast_send(m->multicast, slice_of(p.data, p.len));
	m->draining = true;
	mdns_event event;
	while (!m->freed && mdns_poll_event(&m->resolver, &event))
		m->on_answer(m->me, event.id, event.found ? &event.address : NULL);
	m->draining = false;
	if (m->freed)
		mdns_destroy(m);
	else
		net_timer_set(m->timer, time_min(mdns_deadline(&m->resolver), mdns_responder_deadline(&m->responder)));
}

static void deadline_passed(void *me)
{
	net_mdns *m = me;
	mdns_timeout(&m->resolver, net_now());
	mdns_drain(m);
}

/* A source port other than 5353 is a question of a simple resolver, never an answer (RFC 6762 6). */
static void datagram_came(void *me, const parley_addr *source, slice data)
{
	net_mdns *m = me;
	if (source->port != MDNS_PORT)
		return;
	mdns_receive(&m->resolver, net_now(), data);
	mdns_responder_receive(&m->responder, net_now(), data);
	mdns_drain(m);
}

int net_mdns_new(uv_loop_t *loop, bool loopback, net_on_mdns_answer *on_answer, void *me, net_mdns **out,
		 char why[NET_WHY_MAX])
{
	net_mdns *m = calloc(1, sizeof *m);
	if (!m)
		return PARLEY_ENOMEM;
	mdns_resolver_init(&m->resolver, NULL);
	mdns_responder_init(&m->responder);
	m->on_answer = on_answer;
	m->me = me;
	m->timer = net_timer_new(loop, deadline_passed, m);
	int error = m->timer ? net_multicast_open(loop, loopback, datagram_came, m, &m->multicast, why) : PARLEY_ENOMEM;
	if (error) {
		mdns_destroy(m);
		return error;
	}
	*out = m;
	return 0;
}

int net_mdns_resolve(net_mdns *m, const char *name, uint64_t *id)
{
	int error = mdns_resolve(&m->resolver, net_now(), slice_from_string(name), id);
	if (!error && !m->draining)
		net_timer_set(m->timer, 0); /* the question leaves from the loop */
	return error;
}

int net_mdns_answer(net_mdns *m, const char *name, const parley_addr *address)
{
	return mdns_responder_add(&m->responder, slice_from_string(name), address);
}

void net_mdns_free(net_mdns *m)
{
	if (!m)
		return;
	m->freed = true;
	if (!m->draining)
		mdns_destroy(m);
}
