/* dc_poll_event: the association's events become those of channels (sctp/channel.h). */
#include <stdio.h>

#include "base/trace.h"
#include "sctp/channel.h"

#define DC_WARN(layer, ...) trace_printf((layer)->trace, TRACE_WARN, "sctp", __VA_ARGS__)

/* --- DCEP --- */

/* A stream on which the peer breaks the rules is reset (RFC 8832 6). */
static void refuse(dc_layer *layer, uint64_t now, uint16_t id, const char *why)
{
	DC_WARN(layer, "OPEN on stream %u refused: %s", id, why);
	sctp_reset_streams(layer->association, now, &id, 1);
}

/* Why the id cannot be opened by the peer; NULL: it can. */
static const char *unusable_id(dc_layer *layer, uint16_t id)
{
	if (dc_id_is_ours(layer, id))
		return "the id is not the peer's to choose";
	dc_channel *old = stream_map_get(&layer->ids, id);
	if (!old)
		return NULL;
	if (!old->reset_in)
		return "the id is in use";
	/* The peer knows both sides reset; only the answer to our own request is still on its way. */
	dc_closed(layer, old, 0);
	return NULL;
}

/* A channel that the peer ends, in order or by breaking the rules. */
static void end_channel(dc_layer *layer, uint64_t now, dc_channel *c)
{
	if (c->info.state == DC_OPEN)
		dc_tell(layer, c, &c->tell_closing);
	if (c->info.state < DC_CLOSING)
		dc_begin_closing(layer, now, c);
}

static bool incoming(dc_layer *layer, uint64_t now, const sctp_event *in, dc_event *out)
{
	dcep_open open;
	if (in->data.len > DC_OPEN_SIZE_MAX || !dcep_open_decode(in->data, &open)) {
		refuse(layer, now, in->stream, "malformed");
		return false;
	}
	const char *why = unusable_id(layer, in->stream);
	dc_channel *old = stream_map_get(&layer->ids, in->stream);
	if (why && old) { /* RFC 8832 6: that is the channel to close */
		DC_WARN(layer, "OPEN on stream %u closes its channel: %s", in->stream, why);
		end_channel(layer, now, old);
		return false;
	}
	dc_options options = {.label = open.label,
			      .protocol = open.protocol,
			      .unordered = open.unordered,
			      .has_max_retransmits = open.has_max_retransmits,
			      .max_retransmits = open.has_max_retransmits ? open.reliability : 0,
			      .has_lifetime = open.has_lifetime,
			      .lifetime_ms = open.has_lifetime ? open.reliability : 0,
			      .priority = open.priority};
	dc_channel *c;
	if (why || dc_channel_new(layer, &options, &c)) {
		refuse(layer, now, in->stream, why ? why : "no memory or too many");
		return false;
	}
	if (dc_take_id(layer, c, in->stream)) {
		dc_channel_free(layer, c);
		refuse(layer, now, in->stream, "no memory");
		return false;
	}
	c->acked = true;
	dc_set_state(layer, c, DC_OPEN);
	out->type = DC_EVENT_INCOMING;
	out->handle = c->info.handle;
	dc_do(layer, now, c, &c->do_ack);
	return true;
}

static bool dcep(dc_layer *layer, uint64_t now, const sctp_event *in, dc_event *out)
{
	if (!dcep_is_ack(in->data))
		return incoming(layer, now, in, out);
	dc_channel *c = stream_map_get(&layer->ids, in->stream);
	if (c)
		c->acked = true;
	return false;
}

/* --- messages --- */

/* The channel's data; where it came whole and where in parts. */
static bool message(dc_layer *layer, const sctp_event *in, dc_event *out)
{
	dc_channel *c = stream_map_get(&layer->ids, in->stream);
	if (!c || c->info.state != DC_OPEN) {
		DC_WARN(layer, "message on stream %u without an open channel", in->stream);
		return false;
	}
	bool empty = in->ppid == DC_PPID_STRING_EMPTY || in->ppid == DC_PPID_BINARY_EMPTY;
	bool binary = in->ppid == DC_PPID_BINARY || in->ppid == DC_PPID_BINARY_EMPTY;
	if (!empty && !binary && in->ppid != DC_PPID_STRING) {
		DC_WARN(layer, "message with unknown ppid %u", in->ppid);
		return false;
	}
	c->acked = true; /* the peer uses it (RFC 8832 6) */
	bool whole = in->type == SCTP_EVENT_MESSAGE;
	out->type = whole ? DC_EVENT_MESSAGE : DC_EVENT_MESSAGE_PART;
	out->handle = c->info.handle;
	out->binary = binary;
	out->data = empty ? (slice){0} : in->data;
	out->first = in->first;
	out->last = in->last;
	out->aborted = in->aborted;
	out->message = in->message;
	c->info.messages_received += whole || (in->last && !in->aborted);
	c->info.bytes_received += out->data.len;
	return true;
}

/* --- closing (RFC 8831 6.7) --- */

static void reset_stream(dc_layer *layer, uint64_t now, uint16_t id, sctp_reset_kind kind)
{
	dc_channel *c = stream_map_get(&layer->ids, id);
	if (!c)
		return;
	if (kind == SCTP_RESET_INCOMING && c->info.state == DC_OPEN)
		end_channel(layer, now, c);
	if (c->info.state != DC_CLOSING)
		return;
	c->reset_in |= kind == SCTP_RESET_INCOMING;
	c->reset_out |= kind == SCTP_RESET_OUTGOING;
	if (kind == SCTP_RESET_OUTGOING_DENIED)
		dc_closed(layer, c, PARLEY_EREFUSED);
	else if (c->reset_in && c->reset_out)
		dc_closed(layer, c, 0);
}

static void streams_reset(dc_layer *layer, uint64_t now, const sctp_event *in)
{
	for (size_t i = 0; i < in->count; i++)
		reset_stream(layer, now, in->streams[i], in->reset);
	uint32_t id = 0;
	for (; !in->count && stream_map_next(&layer->ids, &id); id++)
		reset_stream(layer, now, (uint16_t)id, in->reset);
}

/* --- the association --- */

static void connected(dc_layer *layer, uint64_t now)
{
	layer->connected = true;
	uint32_t id = 0;
	for (dc_channel *c; (c = stream_map_next(&layer->ids, &id)); id++)
		if (c->info.state == DC_CONNECTING)
			dc_begin(layer, now, c);
}

static bool buffered_low(dc_layer *layer, const sctp_event *in, dc_event *out)
{
	dc_channel *c = stream_map_get(&layer->ids, in->stream);
	if (!c)
		return false;
	out->type = DC_EVENT_BUFFERED_LOW;
	out->handle = c->info.handle;
	return true;
}

/* True: it makes an event of its own. */
static bool translate(dc_layer *layer, uint64_t now, const sctp_event *in, dc_event *out)
{
	switch (in->type) {
	case SCTP_EVENT_CONNECTED:
		connected(layer, now);
		out->type = DC_EVENT_CONNECTED;
		return true;
	case SCTP_EVENT_RESTARTED:
		dc_close_all(layer, PARLEY_ECLOSED);
		return false;
	case SCTP_EVENT_MESSAGE:
		return in->ppid == DC_PPID_DCEP ? dcep(layer, now, in, out) : message(layer, in, out);
	case SCTP_EVENT_MESSAGE_PART:
		return message(layer, in, out);
	case SCTP_EVENT_STREAMS_RESET:
		streams_reset(layer, now, in);
		return false;
	case SCTP_EVENT_BUFFERED_LOW:
		return buffered_low(layer, in, out);
	case SCTP_EVENT_SEND_FAILED:
	case SCTP_EVENT_STREAMS_CHANGED:
		return false;
	case SCTP_EVENT_CLOSED:
		dc_detach(layer, in->error, in->reason);
		return false;
	}
	return false;
}

/* --- what channels have to tell --- */

static const char *reason_of(const dc_layer *layer, int error)
{
	if (!error)
		return "";
	return layer->ended && layer->end_reason[0] ? layer->end_reason : parley_strerror(error);
}

static void tell_closed(dc_layer *layer, dc_channel *c, dc_event *out)
{
	out->type = DC_EVENT_CLOSED;
	out->error = c->error;
	out->reason = reason_of(layer, c->error);
	layer->told = c;
}

static bool tell(dc_layer *layer, dc_event *out)
{
	if (list_empty(&layer->telling))
		return false;
	dc_channel *c = LIST_ENTRY(layer->telling.next, dc_channel, telling);
	out->handle = c->info.handle;
	if (c->tell_open) {
		c->tell_open = false;
		out->type = DC_EVENT_OPEN;
	} else if (c->tell_closing) {
		c->tell_closing = false;
		out->type = DC_EVENT_CLOSING;
	} else {
		c->tell_closed = false;
		tell_closed(layer, c, out);
	}
	if (!c->tell_open && !c->tell_closing && !c->tell_closed)
		list_remove(&c->telling);
	return true;
}

static void free_told(dc_layer *layer)
{
	if (layer->told)
		dc_channel_free(layer, layer->told);
	layer->told = NULL;
}

bool dc_poll_event(dc_layer *layer, uint64_t now, dc_event *event)
{
	free_told(layer);
	dc_retry(layer, now);
	for (;;) {
		*event = (dc_event){0};
		if (tell(layer, event))
			return true;
		sctp_event in;
		if (!layer->association || !sctp_poll_event(layer->association, &in))
			break;
		if (translate(layer, now, &in, event))
			return true;
	}
	if (!layer->tell_ended)
		return false;
	layer->tell_ended = false;
	event->type = DC_EVENT_ENDED;
	event->error = layer->end_error;
	event->reason = layer->end_reason;
	return true;
}
