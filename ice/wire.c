#include <stdlib.h>
#include <string.h>

#include "ice/internal.h"

bool ice_envelop(const ice_agent *a, ice_packet *p)
{
	size_t base;
	return ice_find_base(a, &p->local, &base); /* from a socket as it is */
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
	if (!ice_envelop(a, &o->packet)) {
		free(o);
		return false;
	}
	list_append(&a->outgoing, &o->node);
	a->outgoing_count++;
	return true;
}

bool ice_poll_transmit(ice_agent *a, uint64_t now, ice_packet *out)
{
	(void)now;
	list_node *n = list_pop(&a->outgoing);
	if (!n)
		return false;
	ice_outgoing *o = LIST_ENTRY(n, ice_outgoing, node);
	const packet *data = &o->packet.data;
	a->outgoing_count--;
	out->local = o->packet.local;
	out->remote = o->packet.remote;
	out->data.len = data->len <= out->data.capacity ? data->len : 0;
	if (out->data.len)
		memcpy(out->data.data, data->data, data->len);
	free(o);
	return true;
}

void ice_wire_clear(ice_agent *a)
{
	for (list_node *n; (n = list_pop(&a->outgoing));)
		free(LIST_ENTRY(n, ice_outgoing, node));
	a->outgoing_count = 0;
}
