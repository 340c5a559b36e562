#include <stdlib.h>
#include <string.h>

#include "peer/internal.h"

/* The strings of an event that is queued: at most two, in this order in queued_event.strings. */
static void event_strings(parley_event *event, const char **strings[2])
{
	strings[0] = strings[1] = NULL;
	switch (event->type) {
	case PARLEY_EVENT_CONNECTION_STATE:
		strings[0] = &event->connection.reason;
		break;
	case PARLEY_EVENT_ICE_CANDIDATE:
		strings[0] = &event->ice_candidate.candidate;
		strings[1] = &event->ice_candidate.mid;
		break;
	case PARLEY_EVENT_RESOLVE:
		strings[0] = &event->resolve.name;
		break;
	case PARLEY_EVENT_MDNS_NAME:
		strings[0] = &event->mdns_name.name;
		break;
	case PARLEY_EVENT_CHANNEL_STATE:
		strings[0] = &event->channel_state.reason;
		break;
	case PARLEY_EVENT_STREAM_OPEN:
		strings[0] = &event->stream_open.server_name;
		break;
	default:
		break;
	}
}

/* Memory ran out and the owner would miss an event: the connection is lost, which is what the reserve is there to say. */
static void fail_for_memory(parley_core *core)
{
	queued_event *q = core->reserve;
	if (!q)
		return;
	core->reserve = NULL;
	core->connection_state = PARLEY_CONNECTION_FAILED;
	q->event = (parley_event){.type = PARLEY_EVENT_CONNECTION_STATE};
	q->event.connection.state = PARLEY_CONNECTION_FAILED;
	q->event.connection.reason = "out of memory";
	list_append(&core->events, &q->node);
}

void event_push(parley_core *core, const parley_event *event)
{
	parley_event copy = *event;
	const char **strings[2];
	event_strings(&copy, strings);
	size_t len[2] = {0, 0};
	for (int i = 0; i < 2; i++)
		if (strings[i])
			len[i] = strlen(*strings[i]) + 1;
	queued_event *q = malloc(sizeof *q + len[0] + len[1]);
	if (!q) {
		fail_for_memory(core);
		return;
	}
	for (int i = 0; i < 2; i++) {
		if (!strings[i])
			continue;
		char *at = q->strings + (i ? len[0] : 0);
		memcpy(at, *strings[i], len[i]);
		*strings[i] = at;
	}
	q->event = copy;
	list_append(&core->events, &q->node);
}

void event_push_type(parley_core *core, parley_event_type type)
{
	parley_event event = {.type = type};
	event_push(core, &event);
}

void events_clear(parley_core *core)
{
	for (list_node *n; (n = list_pop(&core->events));)
		free(LIST_ENTRY(n, queued_event, node));
}

void state_set_signaling(parley_core *core, parley_signaling_state state)
{
	if (core->signaling_state == state)
		return;
	core->signaling_state = state;
	parley_event event = {.type = PARLEY_EVENT_SIGNALING_STATE, .signaling_state = state};
	event_push(core, &event);
}

void state_set_gathering(parley_core *core, parley_gathering_state state)
{
	if (core->gathering_state == state)
		return;
	core->gathering_state = state;
	parley_event event = {.type = PARLEY_EVENT_GATHERING_STATE, .gathering_state = state};
	event_push(core, &event);
}

void state_set_ice(parley_core *core, parley_ice_state state)
{
	if (core->ice_state == state)
		return;
	core->ice_state = state;
	parley_event event = {.type = PARLEY_EVENT_ICE_STATE, .ice_state = state};
	event_push(core, &event);
}

static parley_connection_state connection_state_of(const parley_core *core)
{
	dtls_state dtls = core->dtls ? dtls_get_state(core->dtls) : DTLS_NEW;
	if (core->ice_state == PARLEY_ICE_FAILED || dtls == DTLS_FAILED || !core->reserve)
		return PARLEY_CONNECTION_FAILED;
	if (core->ice_state == PARLEY_ICE_DISCONNECTED)
		return PARLEY_CONNECTION_DISCONNECTED;
	if (core->ice_state == PARLEY_ICE_NEW && dtls == DTLS_NEW)
		return PARLEY_CONNECTION_NEW;
	bool ice_up = core->ice_state == PARLEY_ICE_CONNECTED || core->ice_state == PARLEY_ICE_COMPLETED;
	if (ice_up && (dtls == DTLS_CONNECTED || dtls == DTLS_CLOSED))
		return PARLEY_CONNECTION_CONNECTED;
	return PARLEY_CONNECTION_CONNECTING;
}

void state_update_connection(parley_core *core)
{
	parley_connection_state state = connection_state_of(core);
	if (core->connection_state == state)
		return;
	core->connection_state = state;
	parley_event event = {.type = PARLEY_EVENT_CONNECTION_STATE};
	event.connection.state = state;
	event.connection.reason = state == PARLEY_CONNECTION_FAILED ? core->failure : "";
	event_push(core, &event);
}

/* --- the channels' events on their way out --- */

static void push_channel_state(parley_core *core, parley_channel channel, parley_channel_state state)
{
	parley_event event = {.type = PARLEY_EVENT_CHANNEL_STATE};
	event.channel_state.channel = channel;
	event.channel_state.state = state;
	event.channel_state.reason = "";
	event_push(core, &event);
}

static bool incoming_channel(parley_core *core, dc_handle handle, parley_event *out)
{
	dc_info info;
	buf *names = &core->polled_label;
	buf_clear(names);
	if (dc_get_info(core->channels, handle, &info) || buf_append(names, info.label) ||
	    buf_append(names, slice_of("", 1)) || buf_append(names, info.protocol) ||
	    buf_append(names, slice_of("", 1))) {
		fail_for_memory(core);
		return false;
	}
	out->type = PARLEY_EVENT_DATA_CHANNEL;
	out->data_channel.channel = handle;
	out->data_channel.id = info.id;
	out->data_channel.label = (const char *)names->data;
	out->data_channel.protocol = (const char *)names->data + info.label.len + 1;
	out->data_channel.ordered = !info.unordered;
	push_channel_state(core, handle, PARLEY_CHANNEL_OPEN); /* W3C 6.2: announced, then open */
	return true;
}

static void channel_state_event(const dc_event *e, parley_channel_state state, parley_event *out)
{
	out->type = PARLEY_EVENT_CHANNEL_STATE;
	out->channel_state.channel = e->handle;
	out->channel_state.state = state;
	out->channel_state.reason = e->type == DC_EVENT_CLOSED && e->error ? e->reason : "";
}

/* Returns false for what the owner need not know. */
static bool translate(parley_core *core, const dc_event *e, parley_event *out)
{
	switch (e->type) {
	case DC_EVENT_OPEN:
		channel_state_event(e, PARLEY_CHANNEL_OPEN, out);
		return true;
	case DC_EVENT_CLOSING:
		channel_state_event(e, PARLEY_CHANNEL_CLOSING, out);
		return true;
	case DC_EVENT_CLOSED:
		channel_state_event(e, PARLEY_CHANNEL_CLOSED, out);
		return true;
	case DC_EVENT_INCOMING:
		return incoming_channel(core, e->handle, out);
	case DC_EVENT_MESSAGE:
		core->messages_received++;
		out->type = PARLEY_EVENT_MESSAGE;
		out->message.channel = e->handle;
		out->message.binary = e->binary;
		out->message.data = e->data.data;
		out->message.len = e->data.len;
		return true;
	case DC_EVENT_MESSAGE_PART:
		core->messages_received += e->last && !e->aborted;
		out->type = PARLEY_EVENT_MESSAGE_PART;
		out->message_part = (parley_message_part){.channel = e->handle,
							  .binary = e->binary,
							  .first = e->first,
							  .last = e->last,
							  .aborted = e->aborted,
							  .message = e->message,
							  .data = e->data.data,
							  .len = e->data.len};
		return true;
	case DC_EVENT_BUFFERED_LOW:
		out->type = PARLEY_EVENT_BUFFERED_AMOUNT_LOW;
		out->buffered_amount_low = e->handle;
		return true;
	case DC_EVENT_CONNECTED:
	case DC_EVENT_ENDED:
		return false;
	}
	return false;
}

static bool poll_log(parley_core *core, parley_event *out)
{
	if (!trace_poll(&core->trace, &core->polled_log))
		return false;
	*out = (parley_event){.type = PARLEY_EVENT_LOG};
	out->log.time = core->polled_log.time;
	out->log.level = (enum parley_log_level)core->polled_log.level;
	out->log.layer = core->polled_log.layer;
	out->log.text = core->polled_log.text;
	return true;
}

bool parley_core_poll_event(parley_core *core, parley_event *out)
{
	if (poll_log(core, out))
		return true;
	if (core->closed)
		return false;
	list_node *n = list_pop(&core->events);
	if (n) {
		free(core->polled);
		core->polled = LIST_ENTRY(n, queued_event, node);
		*out = core->polled->event;
		return true;
	}
	*out = (parley_event){.type = PARLEY_EVENT_KEY_LOG};
	if (core->key_log && core->dtls && dtls_poll_key_log(core->dtls, &out->key_log))
		return true;
	if (media_poll_event(core, out))
		return true;
	for (dc_event e; dc_poll_event(core->channels, core->now, &e);)
		if (translate(core, &e, out))
			return true;
	return false;
}
