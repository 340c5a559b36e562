#include "sctp/channel.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"

#define SLOTS_FIRST 8u
#define SLOT_BITS 16u

/* --- handles --- */

dc_channel *dc_find(const dc_layer *layer, dc_handle handle)
{
	size_t i = handle & ((1u << SLOT_BITS) - 1);
	if (i >= layer->slot_count || layer->slots[i].generation != handle >> SLOT_BITS)
		return NULL;
	return layer->slots[i].channel;
}

static int grow_slots(dc_layer *layer)
{
	size_t capacity = layer->slot_capacity ? layer->slot_capacity * 2 : SLOTS_FIRST;
	dc_slot *slots = realloc(layer->slots, capacity * sizeof *slots);
	if (!slots)
		return PARLEY_ENOMEM;
	layer->slots = slots;
	layer->slot_capacity = capacity;
	return 0;
}

static int find_slot(dc_layer *layer, size_t *out)
{
	if (layer->channels >= DC_CHANNELS_MAX)
		return PARLEY_ELIMIT;
	*out = layer->first_free;
	if (layer->channels < layer->slot_count)
		return 0;
	int err = layer->slot_count == layer->slot_capacity ? grow_slots(layer) : 0;
	if (err)
		return err;
	*out = layer->slot_count++;
	layer->slots[*out] = (dc_slot){0};
	layer->first_free = layer->last_free = (uint16_t)*out;
	return 0;
}

static void release_slot(dc_layer *layer, uint16_t i)
{
	if (layer->channels == layer->slot_count)
		layer->first_free = i;
	else
		layer->slots[layer->last_free].next_free = i;
	layer->last_free = i;
	layer->slots[i].channel = NULL;
	layer->channels--;
}

static void fill(dc_channel *c, const dc_options *o)
{
	size_t label = o->label.len;
	if (label)
		memcpy(c->names, o->label.data, label);
	if (o->protocol.len)
		memcpy(c->names + label, o->protocol.data, o->protocol.len);
	c->info.label = slice_of(c->names, label);
	c->info.protocol = slice_of(c->names + label, o->protocol.len);
	c->info.unordered = o->unordered;
	c->info.has_max_retransmits = o->has_max_retransmits;
	c->info.max_retransmits = o->max_retransmits;
	c->info.has_lifetime = o->has_lifetime;
	c->info.lifetime_ms = o->lifetime_ms;
	c->info.negotiated = c->acked = o->negotiated;
	c->info.priority = o->priority ? o->priority : SCTP_PRIORITY_DEFAULT;
}

int dc_channel_new(dc_layer *layer, const dc_options *options, dc_channel **out)
{
	size_t i;
	int err = find_slot(layer, &i);
	if (err)
		return err;
	dc_channel *c = calloc(1, sizeof *c + options->label.len + options->protocol.len);
	if (!c)
		return PARLEY_ENOMEM;
	dc_slot *slot = &layer->slots[i];
	if (!++slot->generation)
		slot->generation = 1; /* no handle is 0 */
	slot->channel = c;
	layer->first_free = slot->next_free;
	layer->channels++;
	c->info.handle = (uint32_t)slot->generation << SLOT_BITS | (uint32_t)i;
	c->info.state = DC_CONNECTING;
	list_init(&c->telling);
	list_init(&c->doing);
	fill(c, options);
	*out = c;
	return 0;
}

static void free_id(dc_layer *layer, dc_channel *c)
{
	if (!c->info.has_id || stream_map_get(&layer->ids, c->info.id) != c)
		return;
	stream_map_put(&layer->ids, c->info.id, NULL);
	if (dc_id_is_ours(layer, c->info.id) && c->info.id < layer->next_id)
		layer->next_id = c->info.id;
}

void dc_channel_free(dc_layer *layer, dc_channel *c)
{
	free_id(layer, c);
	list_remove(&c->telling);
	list_remove(&c->doing);
	release_slot(layer, (uint16_t)(c->info.handle & ((1u << SLOT_BITS) - 1)));
	free(c);
}

/* --- ids --- */

bool dc_id_is_ours(const dc_layer *layer, uint16_t id)
{
	return (id % 2 == 0) == layer->client;
}

/* Ids that the association has streams for, both ways. */
static size_t id_limit(const dc_layer *layer)
{
	sctp_stats stats;
	if (!layer->association)
		return SCTP_STREAMS_MAX;
	sctp_get_stats(layer->association, &stats);
	return stats.streams_out < stats.streams_in ? stats.streams_out : stats.streams_in;
}

int dc_apply_settings(dc_layer *layer, const dc_channel *c)
{
	sctp_association *a = layer->association;
	int err = 0;
	if (!a || !c->info.has_id)
		return 0; /* later */
	if (c->info.priority != SCTP_PRIORITY_DEFAULT)
		err = sctp_set_priority(a, c->info.id, c->info.priority);
	if (!err && c->low_threshold)
		err = sctp_set_low_threshold(a, c->info.id, c->low_threshold);
	if (!err && c->partial_delivery)
		err = sctp_set_partial_delivery(a, c->info.id, true);
	return err;
}

int dc_take_id(dc_layer *layer, dc_channel *c, uint16_t id)
{
	if (id >= id_limit(layer) || stream_map_get(&layer->ids, id))
		return PARLEY_ELIMIT;
	int err = stream_map_put(&layer->ids, id, c);
	if (err)
		return err;
	c->info.has_id = true;
	c->info.id = id;
	return dc_apply_settings(layer, c);
}

int dc_choose_id(dc_layer *layer, dc_channel *c)
{
	size_t limit = id_limit(layer), id = layer->next_id;
	if (!dc_id_is_ours(layer, (uint16_t)id))
		id++; /* where all begins, before the role was known */
	while (id < limit && stream_map_get(&layer->ids, (uint16_t)id))
		id += 2;
	layer->next_id = id < limit ? id : limit;
	return id < limit ? dc_take_id(layer, c, (uint16_t)id) : PARLEY_ELIMIT;
}

/* --- life --- */

void dc_set_state(dc_layer *layer, dc_channel *c, dc_state state)
{
	static const char *const names[] = {"connecting", "open", "closing", "closed"};
	assert(state > c->info.state); /* forward only */
	trace_printf(layer->trace, TRACE_INFO, "sctp", "channel %08x id %d: %s -> %s", c->info.handle,
		     c->info.has_id ? c->info.id : -1, names[c->info.state], names[state]);
	layer->counts.opened += state == DC_OPEN;
	layer->counts.closed += c->info.state == DC_OPEN;
	c->info.state = state;
}

void dc_tell(dc_layer *layer, dc_channel *c, bool *flag)
{
	*flag = true;
	if (list_empty(&c->telling))
		list_append(&layer->telling, &c->telling);
}

void dc_closed(dc_layer *layer, dc_channel *c, int error)
{
	if (c->info.state == DC_CLOSED)
		return;
	dc_set_state(layer, c, DC_CLOSED);
	free_id(layer, c);
	list_remove(&c->doing);
	c->do_open = c->do_ack = c->do_reset = false;
	c->error = error;
	dc_tell(layer, c, &c->tell_closed);
}

void dc_close_all(dc_layer *layer, int error)
{
	for (size_t i = 0; i < layer->slot_count; i++)
		if (layer->slots[i].channel)
			dc_closed(layer, layer->slots[i].channel, error);
}

/* --- things to do on the association --- */

static const sctp_send_options uncounted = {.uncounted = true}; /* DCEP is not the owner's data */

static int send_open(dc_layer *layer, uint64_t now, dc_channel *c)
{
	const dc_info *i = &c->info;
	dcep_open open = {.unordered = i->unordered,
			  .has_max_retransmits = i->has_max_retransmits,
			  .has_lifetime = i->has_lifetime,
			  .reliability = i->has_lifetime ? i->lifetime_ms : i->max_retransmits,
			  .priority = i->priority,
			  .label = i->label,
			  .protocol = i->protocol};
	size_t size = DCEP_OPEN_HEADER + i->label.len + i->protocol.len;
	uint8_t *bytes = malloc(size);
	if (!bytes)
		return PARLEY_ENOMEM;
	writer w = writer_of(bytes, size);
	dcep_open_encode(&w, &open);
	int err = sctp_send(layer->association, now, i->id, DC_PPID_DCEP, writer_slice(&w), &uncounted);
	free(bytes);
	if (err)
		return err;
	dc_set_state(layer, c, DC_OPEN);
	dc_tell(layer, c, &c->tell_open);
	return 0;
}

static int send_ack(dc_layer *layer, uint64_t now, const dc_channel *c)
{
	static const uint8_t ack[1] = {DCEP_ACK};
	return sctp_send(layer->association, now, c->info.id, DC_PPID_DCEP, slice_of(ack, sizeof ack), &uncounted);
}

/* Could it be done better later? */
static bool try_again(int err)
{
	return err == PARLEY_ENOMEM || err == PARLEY_ELIMIT || err == PARLEY_ESTATE;
}

/* False: c is closed now. */
static bool done(dc_layer *layer, dc_channel *c, bool *flag, int err)
{
	*flag = try_again(err);
	if (!err || *flag)
		return true;
	dc_closed(layer, c, err);
	return false;
}

static void work(dc_layer *layer, uint64_t now, dc_channel *c)
{
	list_remove(&c->doing);
	if (c->do_open && !done(layer, c, &c->do_open, send_open(layer, now, c)))
		return;
	if (c->do_ack && !done(layer, c, &c->do_ack, send_ack(layer, now, c)))
		return;
	if (c->do_reset && !done(layer, c, &c->do_reset, sctp_reset_streams(layer->association, now, &c->info.id, 1)))
		return;
	if (c->do_open || c->do_ack || c->do_reset)
		list_append(&layer->doing, &c->doing);
}

void dc_do(dc_layer *layer, uint64_t now, dc_channel *c, bool *flag)
{
	*flag = true;
	work(layer, now, c);
}

void dc_retry(dc_layer *layer, uint64_t now)
{
	if (!layer->association || list_empty(&layer->doing))
		return;
	list_node again; /* once each: work() puts them back at the end */
	list_init(&again);
	for (list_node *n; (n = list_pop(&layer->doing));)
		list_append(&again, n);
	for (list_node *n; (n = list_pop(&again));)
		work(layer, now, LIST_ENTRY(n, dc_channel, doing));
}

void dc_begin(dc_layer *layer, uint64_t now, dc_channel *c)
{
	if (c->info.id >= id_limit(layer)) {
		dc_closed(layer, c, PARLEY_ELIMIT);
	} else if (c->info.negotiated) {
		dc_set_state(layer, c, DC_OPEN);
		dc_tell(layer, c, &c->tell_open);
	} else {
		dc_do(layer, now, c, &c->do_open);
	}
}

void dc_begin_closing(dc_layer *layer, uint64_t now, dc_channel *c)
{
	if (c->info.state == DC_CONNECTING) { /* the peer knows nothing of it */
		dc_closed(layer, c, 0);
		return;
	}
	dc_set_state(layer, c, DC_CLOSING);
	dc_do(layer, now, c, &c->do_reset);
}
