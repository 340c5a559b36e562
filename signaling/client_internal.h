/*
 * signaling/client_internal.h: what the files of the SignalR client share: client.c (life, timers, events),
 * client_connect.c (negotiation and upgrade), client_records.c (the hub protocol).
 */
#ifndef PARLEY_SIGNALING_CLIENT_INTERNAL_H
#define PARLEY_SIGNALING_CLIENT_INTERNAL_H

#include "base/list.h"
#include "base/time.h"
#include "signaling/client.h"
#include "signaling/http.h"
#include "signaling/websocket.h"

#define CLIENT_TOKEN_MAX 4096u /* bytes of an access token, with the NUL: JWTs are long */
#define CLIENT_ID_MAX 256u     /* of a connection id or token, with the NUL */
#define CLIENT_NEGOTIATION_MAX (64u * 1024u)
#define CLIENT_CLOSE_TIMEOUT_US (1 * US_PER_S) /* for the hub's answer to our WebSocket close */
#define CLIENT_CONTROL_EVENTS 8u /* more than one call can cause: these events must not fail for want of memory */

typedef enum {
	STEP_IDLE,
	STEP_NEGOTIATE_STREAM, /* waiting for a stream to negotiate on */
	STEP_NEGOTIATING,      /* POST sent */
	STEP_SOCKET_STREAM,    /* waiting for a stream for the WebSocket */
	STEP_UPGRADING,	       /* GET sent */
	STEP_HANDSHAKING,      /* protocol asked for */
	STEP_CONNECTED,
	STEP_WAITING, /* before another attempt */
	STEP_CLOSING,
	STEP_CLOSED,
} client_step;

/* An event in the queue; or an invocation under way, which becomes its completion event without allocating. */
typedef struct {
	list_node node;
	signalr_client_event event;
	bool has_message, pooled;
	signalr_message message;
	buf record; /* what message borrows from */
	char text[SIGNALR_CLIENT_TEXT_MAX];
} client_node;

struct signalr_client {
	url hub;    /* as configured */
	url target; /* as redirected */
	char access_token[CLIENT_TOKEN_MAX], configured_token[CLIENT_TOKEN_MAX];
	bool reconnect, skip_negotiation;
	parley_random random;
	trace *trace;

	client_step step;
	bool reconnecting; /* was connected, and tries to be again */
	unsigned attempt;  /* of reconnection: index into the back-off */
	unsigned redirects;
	uint32_t stream;  /* the newest one asked for */
	bool stream_used; /* and not given up since */
	http_reader http;
	websocket ws;
	bool ws_used;
	buf out;
	char key[WEBSOCKET_KEY_SIZE];
	char connection_id[CLIENT_ID_MAX], token[CLIENT_ID_MAX];
	uint64_t attempt_deadline, ping_at, timeout_at, wait_until;

	uint64_t next_id;
	list_node pending; /* client_node */
	size_t pending_count;
	list_node events; /* client_node */
	size_t event_count;
	client_node *current; /* what the last poll_event lent out */
	client_node control[CLIENT_CONTROL_EVENTS];
	list_node control_free;
};

/* client.c */
void client_set_step(signalr_client *c, client_step step, int error, const char *why);
/* The attempt or the connection ends; what follows depends on the step. why is one line. */
void client_fail(signalr_client *c, uint64_t now, int error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* The same, and no reconnection. */
void client_fail_for_good(signalr_client *c, uint64_t now, int error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void client_open_stream(signalr_client *c, client_step step);
void client_close_stream(signalr_client *c);
client_node *client_node_new(void); /* NULL: out of memory */
void client_push(signalr_client *c, client_node *node);

/* client_connect.c */
void client_begin_attempt(signalr_client *c, uint64_t now);
void client_stream_ready(signalr_client *c, uint64_t now);
void client_receive_http(signalr_client *c, uint64_t now, slice in);
void client_http_ended(signalr_client *c, uint64_t now, const char *why);

/* client_records.c */
void client_receive_frames(signalr_client *c, uint64_t now, slice in);
int client_send(signalr_client *c, uint64_t now, const signalr_message *m);
void client_abandon_pending(signalr_client *c);

#endif
