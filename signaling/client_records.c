#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "signaling/client_internal.h"

#define DOTNET_MESSAGE_MAX \
	32768u /* HubOptions.MaximumReceiveMessageSize, by default; a larger one ends the connection */

/* --- invocations of ours --- */

static client_node *find_pending(signalr_client *c, slice id)
{
	uint64_t number;
	if (!scan_u64(id, UINT64_MAX, &number))
		return NULL;
	LIST_FOR (node, &c->pending) {
		client_node *n = LIST_ENTRY(node, client_node, node);
		if (n->event.id == number)
			return n;
	}
	return NULL;
}

static void complete(signalr_client *c, client_node *n, int error)
{
	list_remove(&n->node);
	c->pending_count--;
	n->event.error = error;
	client_push(c, n);
}

void client_abandon_pending(signalr_client *c)
{
	LIST_FOR_SAFE (node, after, &c->pending) {
		client_node *n = LIST_ENTRY(node, client_node, node);
		snprintf(n->text, sizeof n->text, "the connection ended before the answer came");
		complete(c, n, PARLEY_ECLOSED);
	}
}

int client_send(signalr_client *c, uint64_t now, const signalr_message *m)
{
	buf record = {.limit = SIGNALR_CLIENT_SEND_MAX};
	int err = signalr_encode(&record, m);
	if (err == PARLEY_ELIMIT)
		err = PARLEY_EMSGSIZE;
	if (record.len > DOTNET_MESSAGE_MAX)
		trace_printf(c->trace, TRACE_WARN, "signalr",
			     "a record of %zu bytes: a .NET hub takes %u unless told otherwise", record.len,
			     DOTNET_MESSAGE_MAX);
	err = err ? err : websocket_send(&c->ws, buf_slice(&record));
	buf_clear(&record);
	c->ping_at = time_after(now, SIGNALR_PING_INTERVAL_US);
	return err;
}

static bool is_json_array(slice arguments, int *err)
{
	json_document doc;
	*err = json_parse(&doc, arguments);
	bool array = !*err && json_is(json_root(&doc), JSON_ARRAY);
	if (!*err)
		json_clear(&doc);
	return array;
}

int signalr_client_invoke(signalr_client *c, uint64_t now, const char *target, slice arguments, uint64_t *id)
{
	int err;
	if (c->step != STEP_CONNECTED)
		return PARLEY_ESTATE;
	if (!is_json_array(arguments, &err))
		return err == PARLEY_ENOMEM ? err : PARLEY_EINVAL;
	if (c->pending_count == SIGNALR_CLIENT_PENDING_MAX)
		return PARLEY_ELIMIT;
	client_node *n = id ? client_node_new() : NULL;
	if (id && !n)
		return PARLEY_ENOMEM;
	char digits[24];
	text number = text_of(digits, sizeof digits);
	text_printf(&number, "%llu", (unsigned long long)c->next_id);
	signalr_message m = {
		.type = SIGNALR_INVOCATION,
		.has_id = id != NULL,
		.id = slice_from_string(digits),
		.target = slice_from_string(target),
		.arguments = arguments,
	};
	err = client_send(c, now, &m);
	if (err || !n) {
		free(n);
		return err;
	}
	n->event = (signalr_client_event){.type = SIGNALR_CLIENT_EVENT_COMPLETION, .id = c->next_id};
	list_append(&c->pending, &n->node);
	c->pending_count++;
	*id = c->next_id++;
	return 0;
}

/* --- records of the hub --- */

/* Decode a copy of the record, so that the message outlives the WebSocket's. */
static int decode_into(client_node *n, slice record)
{
	n->record.limit = record.len;
	int err = buf_append(&n->record, record);
	err = err ? err : signalr_decode(&n->message, buf_slice(&n->record));
	n->has_message = !err;
	return err;
}

static void discard(client_node *n)
{
	signalr_message_clear(&n->message);
	buf_clear(&n->record);
	free(n);
}

static void take_invocation(signalr_client *c, uint64_t now, client_node *n)
{
	if (n->message.has_id) /* it wants a result, and nobody here gives any */
		client_send(c, now,
			    &(signalr_message){.type = SIGNALR_COMPLETION,
					       .has_id = true,
					       .id = n->message.id,
					       .has_error = true,
					       .error = slice_from_string("Client didn't provide a result.")});
	n->event = (signalr_client_event){.type = SIGNALR_CLIENT_EVENT_INVOCATION};
	client_push(c, n);
}

static void take_completion(signalr_client *c, client_node *n)
{
	client_node *call = find_pending(c, n->message.id);
	if (!call) {
		trace_printf(c->trace, TRACE_WARN, "signalr", "completion of an unknown invocation dropped");
		discard(n);
		return;
	}
	/* The invocation's node takes over what came. */
	text words = text_of(call->text, sizeof call->text);
	text_slice(&words, slice_part(n->message.error, 0, sizeof call->text - 1));
	call->message = n->message;
	call->record = n->record;
	call->has_message = true;
	free(n);
	complete(c, call, call->message.has_error ? PARLEY_EREFUSED : 0);
}

static void take_close(signalr_client *c, uint64_t now, client_node *n)
{
	char words[SIGNALR_CLIENT_TEXT_MAX / 2];
	text t = text_of(words, sizeof words);
	text_slice(&t, slice_part(n->message.error, 0, sizeof words - 1));
	bool again = n->message.allow_reconnect;
	discard(n);
	const char *colon = words[0] ? ": " : "";
	if (again)
		client_fail(c, now, PARLEY_ECLOSED, "the hub closed the connection for now%s%s", colon, words);
	else
		client_fail_for_good(c, now, PARLEY_ECLOSED, "the hub closed the connection%s%s", colon, words);
}

static void take_message(signalr_client *c, uint64_t now, client_node *n)
{
	trace_printf(c->trace, TRACE_DEBUG, "signalr", "received type %d", (int)n->message.type);
	switch (n->message.type) {
	case SIGNALR_INVOCATION:
		take_invocation(c, now, n);
		return;
	case SIGNALR_COMPLETION:
		take_completion(c, n);
		return;
	case SIGNALR_CLOSE:
		take_close(c, now, n);
		return;
	case SIGNALR_UNKNOWN:
	case SIGNALR_STREAM_ITEM:
	case SIGNALR_STREAM_INVOCATION:
	case SIGNALR_CANCEL_INVOCATION:
	case SIGNALR_PING:
	case SIGNALR_ACK:
	case SIGNALR_SEQUENCE:
		break;
	}
	discard(n);
}

static void receive_record(signalr_client *c, uint64_t now, slice record)
{
	client_node *n = c->event_count < SIGNALR_CLIENT_EVENTS_MAX ? client_node_new() : NULL;
	int err = n ? decode_into(n, record) : PARLEY_ENOMEM;
	if (!err) {
		take_message(c, now, n);
		return;
	}
	if (n)
		discard(n);
	if (err == PARLEY_ENOMEM)
		client_fail(c, now, err, "out of memory for what the hub sends");
	else
		trace_printf(c->trace, TRACE_WARN, "signalr", "a record that is no SignalR message is dropped");
}

static void receive_handshake(signalr_client *c, uint64_t now, slice record)
{
	char words[SIGNALR_CLIENT_TEXT_MAX / 2] = "";
	int err = signalr_read_handshake_response(record, words, sizeof words);
	if (err == PARLEY_EREFUSED) {
		client_fail_for_good(c, now, err, "the hub refuses: %s", words);
	} else if (err) {
		client_fail(c, now, err, "the hub's handshake is not SignalR's");
	} else {
		c->attempt = 0;
		c->ping_at = time_after(now, SIGNALR_PING_INTERVAL_US);
		c->timeout_at = time_after(now, SIGNALR_TIMEOUT_US);
		client_set_step(c, STEP_CONNECTED, 0, "");
	}
}

/* A record may end the connection, and with it the memory of the payload: look at neither afterwards. */
static bool still_reading(const signalr_client *c)
{
	return c->step == STEP_HANDSHAKING || c->step == STEP_CONNECTED;
}

static void receive_payload(signalr_client *c, uint64_t now, slice payload)
{
	slice record;
	while (still_reading(c) && signalr_next_record(&payload, &record)) {
		if (c->step == STEP_HANDSHAKING)
			receive_handshake(c, now, record);
		else
			receive_record(c, now, record);
	}
	if (still_reading(c) && payload.len)
		client_fail(c, now, PARLEY_EPROTO, "the hub sent a message without its end");
}

static void closed(signalr_client *c, uint64_t now, const websocket_event *event)
{
	if (event->code == WEBSOCKET_INTERNAL && !event->reason[0])
		client_fail(c, now, PARLEY_ECLOSED, "the WebSocket failed (code 1011)");
	else
		client_fail(c, now, PARLEY_ECLOSED, "the WebSocket was closed with code %u%s%s", event->code,
			    event->reason[0] ? ": " : "", event->reason);
}

void client_receive_frames(signalr_client *c, uint64_t now, slice in)
{
	websocket_event event;
	int err = websocket_receive(&c->ws, in);
	if (err) {
		client_fail(c, now, err, "the hub sends faster than it can be read");
		return;
	}
	if (in.len && c->step == STEP_CONNECTED)
		c->timeout_at = time_after(now, SIGNALR_TIMEOUT_US);
	while (c->ws_used && websocket_poll_event(&c->ws, &event)) {
		if (event.type == WEBSOCKET_MESSAGE)
			receive_payload(c, now, event.text);
		else
			closed(c, now, &event);
	}
}
