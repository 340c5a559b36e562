#include "sctp/datachannel.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "sctp/channel.h"

int dc_layer_create(struct trace *lines, dc_layer **out)
{
	dc_layer *layer = calloc(1, sizeof *layer);
	if (!layer)
		return PARLEY_ENOMEM;
	layer->trace = lines;
	list_init(&layer->telling);
	list_init(&layer->doing);
	*out = layer;
	return 0;
}

void dc_layer_destroy(dc_layer *layer)
{
	if (!layer)
		return;
	for (size_t i = 0; i < layer->slot_count; i++)
		if (layer->slots[i].channel)
			dc_channel_free(layer, layer->slots[i].channel);
	stream_map_clear(&layer->ids);
	free(layer->slots);
	free(layer);
}

/* Now that the role is known, those without one get their ids; and all their streams what the channels want. */
static void give_ids(dc_layer *layer)
{
	for (size_t i = 0; i < layer->slot_count; i++) {
		dc_channel *c = layer->slots[i].channel;
		if (!c || c->info.state != DC_CONNECTING)
			continue;
		int err = c->info.has_id ? dc_apply_settings(layer, c) : dc_choose_id(layer, c);
		if (err)
			dc_closed(layer, c, err);
	}
}

int dc_attach(dc_layer *layer, uint64_t now, sctp_association *association, bool dtls_client)
{
	(void)now;
	if (layer->attached || layer->ended)
		return PARLEY_ESTATE;
	layer->attached = true;
	layer->association = association;
	layer->client = dtls_client;
	give_ids(layer);
	return 0;
}

void dc_detach(dc_layer *layer, int error, const char *reason)
{
	if (layer->ended)
		return;
	layer->ended = layer->tell_ended = true;
	layer->connected = layer->tell_connected = false;
	layer->association = NULL;
	layer->end_error = error;
	snprintf(layer->end_reason, sizeof layer->end_reason, "%s", reason ? reason : "");
	dc_close_all(layer, error);
}

static bool options_valid(const dc_options *o)
{
	return o->label.len <= DC_LABEL_MAX && o->protocol.len <= DC_LABEL_MAX &&
	       !(o->has_max_retransmits && o->has_lifetime) && (!o->negotiated || o->id < SCTP_STREAMS_MAX);
}

int dc_create(dc_layer *layer, uint64_t now, const dc_options *options, dc_handle *out)
{
	if (!options_valid(options))
		return PARLEY_EINVAL;
	if (layer->ended)
		return PARLEY_ESTATE;
	dc_channel *c;
	int err = dc_channel_new(layer, options, &c);
	if (err)
		return err;
	if (options->negotiated)
		err = dc_take_id(layer, c, options->id);
	else if (layer->attached)
		err = dc_choose_id(layer, c);
	if (err) {
		dc_channel_free(layer, c);
		return err;
	}
	if (layer->connected)
		dc_begin(layer, now, c);
	*out = c->info.handle;
	return 0;
}

/* How a channel's messages are sent (RFC 8831 6.6); ordered until the peer knows the channel (RFC 8832 6). */
static sctp_send_options options_of(const dc_channel *c)
{
	return (sctp_send_options){.unordered = c->info.unordered && c->acked,
				   .has_max_retransmits = c->info.has_max_retransmits,
				   .max_retransmits = c->info.max_retransmits,
				   .has_lifetime = c->info.has_lifetime,
				   .lifetime_us = c->info.lifetime_ms * US_PER_MS};
}

int dc_send(dc_layer *layer, uint64_t now, dc_handle channel, bool binary, slice message)
{
	static const uint8_t zero[1] = {0};
	dc_channel *c = dc_find(layer, channel);
	if (!c)
		return PARLEY_ENOTFOUND;
	if (c->info.state != DC_OPEN)
		return PARLEY_ESTATE;
	uint32_t ppid = binary ? DC_PPID_BINARY : DC_PPID_STRING;
	slice bytes = message;
	if (!message.len) { /* SCTP has no empty messages (RFC 8831 6.6) */
		ppid = binary ? DC_PPID_BINARY_EMPTY : DC_PPID_STRING_EMPTY;
		bytes = slice_of(zero, sizeof zero);
	}
	sctp_send_options options = options_of(c);
	options.uncounted = !message.len;
	int err = sctp_send(layer->association, now, c->info.id, ppid, bytes, &options);
	if (err)
		return err;
	c->info.messages_sent++;
	c->info.bytes_sent += message.len;
	return 0;
}

int dc_send_part(dc_layer *layer, uint64_t now, dc_handle channel, bool binary, slice part, bool last)
{
	dc_channel *c = dc_find(layer, channel);
	if (!c)
		return PARLEY_ENOTFOUND;
	if (c->info.state != DC_OPEN)
		return PARLEY_ESTATE;
	if (!c->in_parts && last)
		return dc_send(layer, now, channel, binary, part);
	sctp_send_options options = options_of(c);
	int err = sctp_send_part(layer->association, now, c->info.id, binary ? DC_PPID_BINARY : DC_PPID_STRING, part,
				 last, &options);
	if (err)
		return err;
	c->in_parts = !last && (c->in_parts || part.len);
	c->info.messages_sent += last;
	c->info.bytes_sent += part.len;
	return 0;
}

int dc_set_partial_delivery(dc_layer *layer, dc_handle channel, bool on)
{
	dc_channel *c = dc_find(layer, channel);
	if (!c)
		return PARLEY_ENOTFOUND;
	c->partial_delivery = on;
	if (!layer->association || !c->info.has_id || c->info.state == DC_CLOSED)
		return 0;
	return sctp_set_partial_delivery(layer->association, c->info.id, on);
}

int dc_close(dc_layer *layer, uint64_t now, dc_handle channel)
{
	dc_channel *c = dc_find(layer, channel);
	if (!c)
		return PARLEY_ENOTFOUND;
	if (c->info.state < DC_CLOSING)
		dc_begin_closing(layer, now, c);
	return 0;
}

size_t dc_buffered_amount(const dc_layer *layer, dc_handle channel)
{
	const dc_channel *c = dc_find(layer, channel);
	if (!c || !layer->association || !c->info.has_id || c->info.state == DC_CLOSED)
		return 0;
	return sctp_buffered(layer->association, c->info.id);
}

int dc_set_low_threshold(dc_layer *layer, dc_handle channel, size_t threshold)
{
	dc_channel *c = dc_find(layer, channel);
	if (!c)
		return PARLEY_ENOTFOUND;
	c->low_threshold = threshold;
	if (!layer->association || !c->info.has_id || c->info.state == DC_CLOSED)
		return 0;
	return sctp_set_low_threshold(layer->association, c->info.id, threshold);
}

int dc_get_info(const dc_layer *layer, dc_handle channel, dc_info *info)
{
	const dc_channel *c = dc_find(layer, channel);
	if (!c)
		return PARLEY_ENOTFOUND;
	*info = c->info;
	return 0;
}

dc_counts dc_get_counts(const dc_layer *layer)
{
	return layer->counts;
}

dc_handle dc_next(const dc_layer *layer, dc_handle after)
{
	for (size_t i = after ? (after & UINT16_MAX) + 1 : 0; i < layer->slot_count; i++)
		if (layer->slots[i].channel)
			return layer->slots[i].channel->info.handle;
	return 0;
}

static void check_channel(const dc_layer *layer, const dc_channel *c)
{
	bool tells = c->tell_open || c->tell_closing || c->tell_closed;
	bool does = c->do_open || c->do_ack || c->do_reset;
	assert(tells == !list_empty(&c->telling) && does == !list_empty(&c->doing));
	assert(dc_find(layer, c->info.handle) == c);
	assert(c->info.state != DC_OPEN || (layer->connected && c->info.has_id));
	assert(!layer->ended || c->info.state == DC_CLOSED);
	if (c->info.has_id && c->info.state != DC_CLOSED)
		assert(stream_map_get(&layer->ids, c->info.id) == c);
	assert(c->info.state != DC_CLOSED || tells || layer->told == c);
}

void dc_check_invariants(const dc_layer *layer)
{
	size_t count = 0;
	for (size_t i = 0; i < layer->slot_count; i++) {
		if (!layer->slots[i].channel)
			continue;
		count++;
		check_channel(layer, layer->slots[i].channel);
	}
	assert(count == layer->channels && count <= DC_CHANNELS_MAX);
	if (layer->association)
		sctp_check_invariants(layer->association);
}

void dc_dump(const dc_layer *layer, text *t)
{
	static const char *const names[] = {"connecting", "open", "closing", "closed"};
	text_printf(t, "data channels: %zu, DTLS %s%s\n", layer->channels, layer->client ? "client" : "server",
		    layer->ended       ? ", ended"
		    : layer->connected ? ", connected"
				       : "");
	for (size_t i = 0; i < layer->slot_count; i++) {
		const dc_channel *c = layer->slots[i].channel;
		if (!c)
			continue;
		text_printf(t, "  %08x id %d %s \"", c->info.handle, c->info.has_id ? c->info.id : -1,
			    names[c->info.state]);
		text_slice(t, c->info.label);
		text_printf(t, "\" buffered %zu\n", dc_buffered_amount(layer, c->info.handle));
	}
}
