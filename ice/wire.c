#include <stdlib.h>
#include <string.h>

#include "ice/internal.h"

/* --- out --- */

static bool envelop_relayed(ice_agent *a, uint64_t now, ice_relay *r, ice_packet *p)
{
	if (turn_envelop(r->client, now, &p->remote, &p->data))
		return false;
	ice_relay_address(a, r, p);
	return true;
}

bool ice_envelop(ice_agent *a, uint64_t now, ice_packet *p)
{
	size_t base;
	if (!ice_find_base(a, &p->local, &base))
		return false;
	switch (a->bases[base].kind) {
	case ICE_BASE_UDP:
		return true;
	case ICE_BASE_RELAY:
		return envelop_relayed(a, now, a->bases[base].relay, p);
	case ICE_BASE_TCP_ACTIVE:
	case ICE_BASE_TCP_PASSIVE:
		return ice_tcp_envelop(a, base, p);
	}
	return false;
}

size_t ice_headroom(const ice_agent *a, const parley_addr *local)
{
	size_t base;
	bool as_it_is = ice_find_base(a, local, &base) && a->bases[base].kind == ICE_BASE_UDP;
	return as_it_is ? 0 : ICE_HEADROOM;
}

bool ice_send(ice_agent *a, const parley_addr *local, const parley_addr *remote, const writer *w)
{
	ice_outgoing *o = NULL;
	if (a->outgoing_count < ICE_TRANSMIT_MAX && !w->bad)
		o = malloc(sizeof *o + ICE_HEADROOM + w->len + ICE_TAILROOM);
	if (!o) {
		a->counters.drop_limit++;
		return false;
	}
	o->packet = (ice_packet){.local = *local, .remote = *remote};
	o->packet.data = (packet){.data = o->bytes + ICE_HEADROOM, .capacity = w->len + ICE_TAILROOM, .len = w->len};
	memcpy(o->packet.data.data, w->out, w->len);
	list_append(&a->outgoing, &o->node);
	a->outgoing_count++;
	return true;
}

/* False: it cannot be sent any more. */
static bool give(ice_agent *a, uint64_t now, ice_packet *p, ice_packet *out)
{
	if (!ice_envelop(a, now, p) || p->data.len > out->data.capacity)
		return false;
	packet data = out->data;
	memcpy(data.data, p->data.data, p->data.len);
	data.len = p->data.len;
	*out = *p;
	out->data = data;
	return true;
}

static bool poll_outgoing(ice_agent *a, uint64_t now, ice_packet *out)
{
	bool given = false;
	while (!given && a->outgoing_count) {
		ice_outgoing *o = LIST_ENTRY(list_pop(&a->outgoing), ice_outgoing, node);
		a->outgoing_count--;
		given = give(a, now, &o->packet, out);
		free(o);
	}
	return given;
}

/* What went out may have been the last try of something. */
static bool goes_on(ice_agent *a, uint64_t now)
{
	if (a->state == ICE_CLOSED || !ice_relays_update(a, now))
		return false;
	ice_settle(a, now);
	return true;
}

bool ice_poll_transmit(ice_agent *a, uint64_t now, ice_packet *out)
{
	*out = (ice_packet){.data = out->data};
	do {
		if (ice_relays_transmit(a, now, out) || poll_outgoing(a, now, out))
			return true;
	} while (goes_on(a, now));
	return false;
}

/* --- in --- */

static void queue_data(ice_agent *a, const parley_addr *local, const parley_addr *remote, slice data)
{
	ice_incoming *in = NULL;
	if (a->incoming_bytes + sizeof *in + data.len <= ICE_DATA_MAX)
		in = malloc(sizeof *in + data.len);
	if (!in) {
		a->counters.drop_limit++;
		return;
	}
	memcpy(in->bytes, data.data, data.len);
	in->datagram = (ice_datagram){.local = *local, .remote = *remote, .data = slice_of(in->bytes, data.len)};
	list_append(&a->incoming, &in->node);
	a->incoming_bytes += sizeof *in + data.len;
}

void ice_unwrapped(ice_agent *a, uint64_t now, const parley_addr *local, const parley_addr *remote, slice datagram)
{
	if (datagram.len == 0)
		return;
	if (datagram.data[0] < 4)
		(void)ice_receive_stun(a, now, local, remote, datagram);
	else
		queue_data(a, local, remote, datagram);
}

bool ice_poll_data(ice_agent *a, ice_datagram *out)
{
	free(a->polled);
	list_node *n = list_pop(&a->incoming);
	a->polled = n ? LIST_ENTRY(n, ice_incoming, node) : NULL;
	if (!n)
		return false;
	*out = a->polled->datagram;
	a->incoming_bytes -= sizeof *a->polled + out->data.len;
	return true;
}

void ice_wire_clear(ice_agent *a)
{
	for (list_node *n; (n = list_pop(&a->outgoing));)
		free(LIST_ENTRY(n, ice_outgoing, node));
	for (list_node *n; (n = list_pop(&a->incoming));)
		free(LIST_ENTRY(n, ice_incoming, node));
	free(a->polled);
	a->polled = NULL;
	a->outgoing_count = a->incoming_bytes = 0;
}
