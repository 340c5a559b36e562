#include <string.h>

#include "signaling/hub_internal.h"

static void send_frame(hub *h, hub_connection *c, uint64_t now, slice payload)
{
	int err = websocket_send(&c->ws, payload);
	if (err)
		hub_end(h, c, now, err == PARLEY_ELIMIT ? "it reads too slowly" : parley_strerror(err));
	c->ping_at = time_after(now, SIGNALR_PING_INTERVAL_US);
	hub_mark_ready(h, c);
}

void hub_send(hub *h, hub_connection *c, uint64_t now, const signalr_message *m)
{
	if (c->phase != HUB_OPEN)
		return;
	buf record = {.limit = JSON_TEXT_MAX};
	int err = signalr_encode(&record, m);
	if (err)
		hub_end(h, c, now, parley_strerror(err));
	else
		send_frame(h, c, now, buf_slice(&record));
	buf_clear(&record);
}

void hub_call(hub *h, hub_connection *c, uint64_t now, const char *target, slice arguments)
{
	hub_send(h, c, now,
		 &(signalr_message){
			 .type = SIGNALR_INVOCATION, .target = slice_from_string(target), .arguments = arguments});
}

void hub_say_close(hub *h, hub_connection *c, uint64_t now, const char *error, bool allow_reconnect, uint16_t code)
{
	hub_send(h, c, now,
		 &(signalr_message){.type = SIGNALR_CLOSE,
				    .has_error = error != NULL,
				    .error = slice_from_string(error),
				    .allow_reconnect = allow_reconnect});
	if (c->phase != HUB_OPEN && c->phase != HUB_HANDSHAKING)
		return;
	if (error)
		trace_printf(h->config.trace, TRACE_WARN, "hub", "%s is closed: %s", c->from, error);
	websocket_close(&c->ws, code, NULL);
	hub_mark_ready(h, c);
	hub_set_phase(h, c, HUB_CLOSING, time_after(now, HUB_CLOSE_TIMEOUT_US));
	hub_leave_rooms(h, c, now);
}

static void complete(hub *h, hub_connection *c, uint64_t now, slice id, const char *error)
{
	hub_send(h, c, now,
		 &(signalr_message){.type = SIGNALR_COMPLETION,
				    .has_id = true,
				    .id = id,
				    .has_error = error != NULL,
				    .error = slice_from_string(error),
				    .has_result = error == NULL,
				    .result = slice_from_string("null")});
}

static void receive_message(hub *h, hub_connection *c, uint64_t now, const signalr_message *m)
{
	char words[256];
	text error = text_of(words, sizeof words);
	const char *problem;
	switch (m->type) {
	case SIGNALR_INVOCATION:
		problem = hub_invoke(h, c, now, m, &error);
		if (problem)
			trace_printf(h->config.trace, TRACE_WARN, "hub", "%s: an invocation fails: %s", c->from,
				     problem);
		if (m->has_id)
			complete(h, c, now, m->id, problem);
		break;
	case SIGNALR_STREAM_INVOCATION:
		complete(h, c, now, m->id, "This hub has no streaming methods.");
		break;
	case SIGNALR_CLOSE:
		websocket_close(&c->ws, WEBSOCKET_NORMAL, NULL);
		hub_mark_ready(h, c);
		hub_set_phase(h, c, HUB_CLOSING, time_after(now, HUB_CLOSE_TIMEOUT_US));
		hub_leave_rooms(h, c, now);
		break;
	case SIGNALR_UNKNOWN:
	case SIGNALR_STREAM_ITEM:
	case SIGNALR_COMPLETION:
	case SIGNALR_CANCEL_INVOCATION:
	case SIGNALR_PING:
	case SIGNALR_ACK:
	case SIGNALR_SEQUENCE:
		break;
	}
}

static void receive_record(hub *h, hub_connection *c, uint64_t now, slice record)
{
	signalr_message m;
	int err = signalr_decode(&m, record);
	if (err) {
		hub_say_close(h, c, now,
			      err == PARLEY_ENOMEM ? "Out of memory." : "The message is not one of the hub protocol.",
			      false, WEBSOCKET_NORMAL);
		return;
	}
	receive_message(h, c, now, &m);
	signalr_message_clear(&m);
}

static void answer_handshake(hub *h, hub_connection *c, uint64_t now, const char *error)
{
	buf record = {.limit = HUB_BODY_MAX};
	int err = signalr_write_handshake_response(&record, error);
	if (err)
		hub_end(h, c, now, parley_strerror(err));
	else
		send_frame(h, c, now, buf_slice(&record));
	buf_clear(&record);
}

static void receive_handshake(hub *h, hub_connection *c, uint64_t now, slice record)
{
	signalr_handshake wanted;
	const char *error = NULL;
	int err = signalr_read_handshake_request(&wanted, record);
	if (err)
		error = "The first message is not a handshake request.";
	else if (strcmp(wanted.protocol, "json") != 0)
		error = "The only protocol of this hub is 'json'.";
	else if (wanted.version != 1)
		error = "The only version of protocol 'json' of this hub is 1.";
	answer_handshake(h, c, now, error);
	if (c->phase != HUB_HANDSHAKING)
		return;
	if (error) {
		hub_say_close(h, c, now, error, false, WEBSOCKET_NORMAL);
		return;
	}
	trace_printf(h->config.trace, TRACE_INFO, "hub", "%s connects as %s", c->from, c->id);
	hub_set_phase(h, c, HUB_OPEN, time_after(now, SIGNALR_TIMEOUT_US));
}

static bool still_reading(const hub_connection *c)
{
	return c->phase == HUB_OPEN || c->phase == HUB_HANDSHAKING;
}

static void receive_payload(hub *h, hub_connection *c, uint64_t now, slice payload)
{
	slice record;
	while (still_reading(c) && signalr_next_record(&payload, &record)) {
		if (c->phase == HUB_HANDSHAKING)
			receive_handshake(h, c, now, record);
		else
			receive_record(h, c, now, record);
	}
	if (still_reading(c) && payload.len)
		hub_say_close(h, c, now, "A message does not end with its separator.", false, WEBSOCKET_NORMAL);
}

static bool is_orderly(uint16_t code)
{
	return code == WEBSOCKET_NORMAL || code == WEBSOCKET_GOING_AWAY || code == WEBSOCKET_NO_STATUS;
}

void hub_receive_frames(hub *h, hub_connection *c, uint64_t now, slice in)
{
	websocket_event event;
	int err = websocket_receive(&c->ws, in);
	if (err) {
		hub_end(h, c, now, parley_strerror(err));
		return;
	}
	if (c->phase == HUB_OPEN)
		c->deadline = time_after(now, SIGNALR_TIMEOUT_US);
	while (c->phase != HUB_GONE && websocket_poll_event(&c->ws, &event)) {
		if (event.type == WEBSOCKET_MESSAGE)
			receive_payload(h, c, now, event.text);
		else
			hub_end(h, c, now, is_orderly(event.code) ? "it left" : "its WebSocket failed");
	}
	hub_mark_ready(h, c); /* a pong, or the answer to a close */
}
