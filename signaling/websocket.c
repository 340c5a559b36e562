#include "signaling/websocket.h"

#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

#include "base/hash.h"
#include "base/rng.h"
#include "base/text.h"
#include "base/utf8.h"

#define FRAME_HEAD_MAX 14u /* bytes before a payload (RFC 6455 5.2) */
/* Whole messages waiting: one of message_max, and what wslay has read ahead, at worst all empty messages. */
#define READ_AHEAD_MAX 16384u

/* Take n bytes off, and give the memory back when none is left: most WebSockets are idle most of the time. */
static void consume(buf *b, size_t n)
{
	buf_consume(b, n);
	if (b->len == 0)
		buf_clear(b);
}

/* --- wslay's callbacks --- */

static ssize_t feed(wslay_event_context_ptr frames, uint8_t *out, size_t len, int flags, void *me)
{
	(void)flags;
	websocket *ws = me;
	/* One message at a time: what follows waits in `in`, so that the inbox stays small. */
	if (ws->in.len == 0 || ws->inbox.len > 0 || ws->failed) {
		wslay_event_set_error(frames, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	size_t n = len < ws->in.len ? len : ws->in.len;
	memcpy(out, ws->in.data, n);
	consume(&ws->in, n);
	return (ssize_t)n;
}

static ssize_t drain(wslay_event_context_ptr frames, const uint8_t *data, size_t len, int flags, void *me)
{
	(void)flags;
	websocket *ws = me;
	if (buf_append(ws->out, slice_of(data, len)) == 0)
		return (ssize_t)len;
	wslay_event_set_error(frames, WSLAY_ERR_CALLBACK_FAILURE);
	return -1;
}

static int mask(wslay_event_context_ptr frames, uint8_t *out, size_t len, void *me)
{
	websocket *ws = me;
	if (rng_bytes(&ws->random, out, len) == 0)
		return 0;
	wslay_event_set_error(frames, WSLAY_ERR_CALLBACK_FAILURE);
	return -1;
}

/* Take no more from the peer, and tell it why. */
static void refuse(websocket *ws, uint16_t code)
{
	ws->refused = true;
	ws->refused_code = code;
	wslay_event_shutdown_read(ws->frames);
	if (wslay_event_queue_close(ws->frames, code, NULL, 0) == WSLAY_ERR_NOMEM)
		ws->failed = true;
}

static void on_frame_start(wslay_event_context_ptr frames, const struct wslay_event_on_frame_recv_start_arg *arg,
			   void *me)
{
	(void)frames;
	websocket *ws = me;
	ws->in_control = wslay_is_ctrl_frame(arg->opcode);
	if (arg->opcode == WSLAY_BINARY_FRAME)
		refuse(ws, WEBSOCKET_UNSUPPORTED);
}

/* The message is put together here and not by wslay, which allocates what a frame claims to hold. */
static void on_frame_chunk(wslay_event_context_ptr frames, const struct wslay_event_on_frame_recv_chunk_arg *arg,
			   void *me)
{
	(void)frames;
	websocket *ws = me;
	if (ws->refused || ws->in_control)
		return;
	int err = buf_append(&ws->partial, slice_of(arg->data, arg->data_length));
	if (err == PARLEY_ELIMIT)
		refuse(ws, WEBSOCKET_TOO_BIG);
	else if (err)
		ws->failed = true;
}

static void on_message(wslay_event_context_ptr frames, const struct wslay_event_on_msg_recv_arg *arg, void *me)
{
	(void)frames;
	websocket *ws = me;
	if (arg->opcode == WSLAY_CONNECTION_CLOSE && arg->msg_length > 2) {
		text reason = text_of(ws->reason, sizeof ws->reason);
		text_slice(&reason, slice_of(arg->msg + 2, arg->msg_length - 2));
	}
	if (arg->opcode != WSLAY_TEXT_FRAME || ws->refused || ws->failed)
		return;
	uint8_t head[4];
	writer w = writer_of(head, sizeof head);
	write_u32(&w, (uint32_t)ws->partial.len);
	if (buf_append(&ws->inbox, writer_slice(&w)) || buf_append(&ws->inbox, buf_slice(&ws->partial)))
		ws->failed = true;
	buf_clear(&ws->partial);
}

static const struct wslay_event_callbacks callbacks = {
	.recv_callback = feed,
	.send_callback = drain,
	.genmask_callback = mask,
	.on_frame_recv_start_callback = on_frame_start,
	.on_frame_recv_chunk_callback = on_frame_chunk,
	.on_msg_recv_callback = on_message,
};

/* --- the connection --- */

int websocket_init(websocket *ws, websocket_role role, parley_random random, size_t message_max, buf *out)
{
	*ws = (websocket){
		.random = random,
		.out = out,
		.in = {.limit = WEBSOCKET_INPUT_MAX},
		.partial = {.limit = message_max},
		.inbox = {.limit = message_max + READ_AHEAD_MAX},
	};
	int r = role == WEBSOCKET_CLIENT ? wslay_event_context_client_init(&ws->frames, &callbacks, ws)
					 : wslay_event_context_server_init(&ws->frames, &callbacks, ws);
	if (r) {
		ws->frames = NULL;
		return PARLEY_ENOMEM;
	}
	wslay_event_config_set_no_buffering(ws->frames, 1);
	wslay_event_config_set_max_recv_msg_length(ws->frames, message_max);
	return 0;
}

void websocket_clear(websocket *ws)
{
	wslay_event_context_free(ws->frames);
	buf_clear(&ws->in);
	buf_clear(&ws->partial);
	buf_clear(&ws->inbox);
	*ws = (websocket){0};
}

int websocket_receive(websocket *ws, slice in)
{
	if (ws->closed_reported)
		return 0; /* after the end nothing counts (RFC 6455 5.5.1) */
	return buf_append(&ws->in, in);
}

static void flush(websocket *ws)
{
	if (wslay_event_send(ws->frames) != 0)
		ws->failed = true;
}

/* An inbox entry: a length, and the message. */
static slice first_message(websocket *ws)
{
	reader r = reader_of(buf_slice(&ws->inbox));
	slice message = read_bytes(&r, read_u32(&r));
	ws->inbox_read = r.pos;
	return message;
}

static void fill_closed(websocket *ws, websocket_event *event)
{
	event->type = WEBSOCKET_CLOSED;
	if (ws->failed)
		event->code = WEBSOCKET_INTERNAL;
	else if (ws->refused)
		event->code = ws->refused_code;
	else if (wslay_event_get_close_received(ws->frames))
		event->code = wslay_event_get_status_code_received(ws->frames);
	else if (ws->broken)
		event->code = WEBSOCKET_PROTOCOL_ERROR;
	else
		event->code = wslay_event_get_status_code_sent(ws->frames);
	memcpy(event->reason, ws->reason, sizeof event->reason);
	ws->closed_reported = true;
	buf_clear(&ws->in);
	buf_clear(&ws->partial);
}

bool websocket_poll_event(websocket *ws, websocket_event *event)
{
	*event = (websocket_event){0};
	if (ws->closed_reported)
		return false;
	consume(&ws->inbox, ws->inbox_read);
	ws->inbox_read = 0;
	if (ws->inbox.len == 0 && !ws->failed) {
		/* Fails for bytes that are no frame too, and then has queued an empty close. */
		ws->broken = wslay_event_recv(ws->frames) != 0;
		flush(ws);
	}
	if (ws->inbox.len > 0) {
		event->type = WEBSOCKET_MESSAGE;
		event->text = first_message(ws);
		return true;
	}
	if (!ws->failed && wslay_event_get_read_enabled(ws->frames))
		return false;
	fill_closed(ws, event);
	return true;
}

int websocket_send(websocket *ws, slice message)
{
	if (message.len + FRAME_HEAD_MAX > ws->out->limit - ws->out->len)
		return PARLEY_ELIMIT;
	struct wslay_event_msg frame = {.opcode = WSLAY_TEXT_FRAME, .msg = message.data, .msg_length = message.len};
	int r = wslay_event_queue_msg(ws->frames, &frame);
	if (r)
		return r == WSLAY_ERR_NOMEM ? PARLEY_ENOMEM : PARLEY_ESTATE;
	flush(ws);
	return ws->failed ? PARLEY_ENOMEM : 0;
}

int websocket_close(websocket *ws, uint16_t code, const char *reason)
{
	slice words = slice_part(slice_from_string(reason), 0, WEBSOCKET_REASON_MAX);
	while (!utf8_valid(words))
		words.len--;
	int r = wslay_event_queue_close(ws->frames, code, words.data, words.len);
	if (r == WSLAY_ERR_NOMEM)
		return PARLEY_ENOMEM;
	flush(ws);
	return 0;
}

/* --- the upgrade --- */

#define KEY_BYTES 16u

/* RFC 6455 4.2.2: what proves that the server understood. */
static int accept_value(slice key, char out[BASE64_SIZE(SHA1_SIZE)])
{
	char joined[128];
	uint8_t digest[SHA1_SIZE];
	text t = text_of(joined, sizeof joined);
	text_slice(&t, key);
	text_string(&t, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
	if (t.bad)
		return PARLEY_EPROTO;
	int err = hash_sha1(slice_of(joined, t.len), digest);
	if (!err)
		base64_encode(slice_of(digest, sizeof digest), out);
	return err;
}

static http_header header(const char *name, const char *value)
{
	return (http_header){slice_from_string(name), slice_from_string(value)};
}

int websocket_write_request(buf *out, const url *to, const parley_random *random, char key[WEBSOCKET_KEY_SIZE])
{
	uint8_t bytes[KEY_BYTES];
	int err = rng_bytes(random, bytes, sizeof bytes);
	if (err)
		return err;
	base64_encode(slice_of(bytes, sizeof bytes), key);
	http_header headers[] = {
		header("Upgrade", "websocket"),
		header("Connection", "Upgrade"),
		header("Sec-WebSocket-Version", "13"),
		header("Sec-WebSocket-Key", key),
	};
	return http_write_request(out, "GET", to, headers, sizeof headers / sizeof *headers, (slice){0});
}

int websocket_check_response(const http_reader *response, const char *key, const char **why)
{
	char wanted[BASE64_SIZE(SHA1_SIZE)];
	slice value;
	*why = NULL;
	if (response->status != 101) {
		*why = "the server does not switch to WebSocket";
		return PARLEY_EREFUSED;
	}
	int err = accept_value(slice_from_string(key), wanted);
	if (err)
		*why = "the hash failed";
	else if (!http_header_has(response, "Upgrade", "websocket") ||
		 !http_header_has(response, "Connection", "Upgrade"))
		*why = "the server switches to something other than WebSocket";
	else if (!http_header_get(response, "Sec-WebSocket-Accept", &value) || !slice_equal_string(value, wanted))
		*why = "the server's Sec-WebSocket-Accept is wrong";
	else if (http_header_get(response, "Sec-WebSocket-Extensions", &value) ||
		 http_header_get(response, "Sec-WebSocket-Protocol", &value))
		*why = "the server chose an extension or a subprotocol that was not offered";
	return err ? err : *why ? PARLEY_EPROTO : 0;
}

unsigned websocket_check_request(const http_reader *request)
{
	slice version, key;
	uint8_t bytes[KEY_BYTES];
	size_t len;
	if (strcmp(request->method, "GET") != 0)
		return 405;
	if (request->parser.http_minor == 0 || !http_host_is_right(request))
		return 400;
	if (!http_header_has(request, "Upgrade", "websocket") || !http_header_has(request, "Connection", "Upgrade"))
		return 400;
	if (!http_header_get(request, "Sec-WebSocket-Version", &version) || !slice_equal_string(version, "13"))
		return 426;
	if (!http_header_get(request, "Sec-WebSocket-Key", &key) || base64_decode(key, bytes, sizeof bytes, &len) ||
	    len != KEY_BYTES)
		return 400;
	return 0;
}

int websocket_write_response(buf *out, const http_reader *request)
{
	char accept[BASE64_SIZE(SHA1_SIZE)];
	slice key;
	if (!http_header_get(request, "Sec-WebSocket-Key", &key))
		return PARLEY_EPROTO;
	int err = accept_value(key, accept);
	if (err)
		return err;
	http_header headers[] = {
		header("Upgrade", "websocket"),
		header("Connection", "Upgrade"),
		header("Sec-WebSocket-Accept", accept),
	};
	return http_write_response(out, 101, headers, sizeof headers / sizeof *headers, -1);
}
