/*
 * signaling/client.h: a SignalR client (negotiate, WebSocket, JSON hub protocol) without I/O.
 *
 * It asks its owner for byte streams by CONNECT events and is told what became of them; signaling/net.h is such an owner on
 * libuv. One stream is in use at a time; each has a number, and inputs that name an older one are ignored, so a late
 * report does no harm. Transmit and events are drained after every call, as everywhere.
 *
 * Life: IDLE -start-> CONNECTING -> CONNECTED -> (RECONNECTING -> CONNECTED)* -> CLOSED -start-> ...
 * A start that fails ends in CLOSED with the reason: whether to try again is the owner's to say. A connection lost later is
 * made anew, if wanted, after 0, 2, 10 and 30 s, then CLOSED; invocations under way at that time end with an error.
 */
#ifndef PARLEY_SIGNALING_CLIENT_H
#define PARLEY_SIGNALING_CLIENT_H

#include "base/text.h"
#include "base/trace.h"
#include "parley/types.h"
#include "signaling/signalr.h"
#include "signaling/url.h"

#define SIGNALR_CLIENT_CONNECT_TIMEOUT_US (10 * UINT64_C(1000000)) /* for all of one attempt, redirections included */
#define SIGNALR_CLIENT_REDIRECTS_MAX 10u
#define SIGNALR_CLIENT_MESSAGE_MAX (256u * 1024u) /* bytes of one WebSocket message from the hub: a long room list */
#define SIGNALR_CLIENT_SEND_MAX (64u * 1024u)	  /* bytes of one record; a .NET hub takes 32 KiB by default */
#define SIGNALR_CLIENT_OUT_MAX (1024u * 1024u)	  /* bytes waiting for the stream */
#define SIGNALR_CLIENT_PENDING_MAX 256u		  /* invocations without their completion */
#define SIGNALR_CLIENT_EVENTS_MAX 8192u		  /* events not yet drained: more than one input can cause */
#define SIGNALR_CLIENT_TEXT_MAX 320u

typedef struct signalr_client signalr_client;

typedef struct {
	const char *url;	  /* of the hub: http, https, ws or wss; copied */
	const char *access_token; /* sent as Authorization, and in the WebSocket's query; NULL: none; copied */
	bool reconnect;
	bool skip_negotiation; /* open the WebSocket at once */
	parley_random random;  /* the context must outlive the client */
	trace *trace;	       /* may be NULL */
} signalr_client_config;

typedef enum {
	SIGNALR_CLIENT_IDLE,
	SIGNALR_CLIENT_CONNECTING,
	SIGNALR_CLIENT_CONNECTED,
	SIGNALR_CLIENT_RECONNECTING, /* waiting for, or in, another attempt */
	SIGNALR_CLIENT_CLOSING,	     /* stop: the close is on its way */
	SIGNALR_CLIENT_CLOSED,
} signalr_client_state;

typedef enum {
	SIGNALR_CLIENT_EVENT_CONNECT, /* open a TCP stream to host:port, with TLS if tls (and check the host's certificate) */
	SIGNALR_CLIENT_EVENT_DISCONNECT, /* close the stream once all that was transmitted is written */
	SIGNALR_CLIENT_EVENT_STATE,	 /* state changed; with CLOSED and RECONNECTING error and text say why */
	SIGNALR_CLIENT_EVENT_INVOCATION, /* the hub calls message->target with its arguments */
	SIGNALR_CLIENT_EVENT_COMPLETION, /* the invocation `id` ended: error 0, or PARLEY_EREFUSED (the hub's words are in text),
	                                  * or PARLEY_ECLOSED (the connection ended first) */
} signalr_client_event_type;

typedef struct {
	signalr_client_event_type type;
	uint32_t stream;  /* CONNECT, DISCONNECT */
	const char *host; /* CONNECT: a name or an address literal without brackets */
	uint16_t port;
	bool tls;
	signalr_client_state state;	/* STATE */
	uint64_t id;			/* COMPLETION */
	const signalr_message *message; /* INVOCATION, COMPLETION by the hub; else NULL */
	int error;
	const char *text; /* never NULL; one line for people */
} signalr_client_event;	  /* pointers are valid until the next call on the client */

const char *signalr_client_state_name(signalr_client_state state);

/* PARLEY_EINVAL (and *why, static: what is wrong with the URL), PARLEY_ENOMEM. Nothing is sent before start. */
int signalr_client_new(signalr_client **out, const signalr_client_config *config, const char **why);
void signalr_client_free(signalr_client *c); /* NULL is harmless; silent: stop first to say good-bye */

/* From IDLE or CLOSED, else PARLEY_ESTATE. */
int signalr_client_start(signalr_client *c, uint64_t now);
/* Say Close, end the WebSocket with 1000, then CLOSED (error 0). From any state; harmless when repeated. */
void signalr_client_stop(signalr_client *c, uint64_t now);

/*
 * Call a method of the hub; arguments is a JSON array. *id (may be NULL: then no completion is asked for) names the
 * invocation in its COMPLETION. PARLEY_ESTATE: not connected; PARLEY_EMSGSIZE: above SIGNALR_CLIENT_SEND_MAX;
 * PARLEY_ELIMIT: too many pending, or the stream does not drain; PARLEY_EINVAL: arguments is no JSON array; PARLEY_ENOMEM.
 */
int signalr_client_invoke(signalr_client *c, uint64_t now, const char *target, slice arguments, uint64_t *id);

/* What became of the stream that was asked for. */
void signalr_client_connected(signalr_client *c, uint64_t now, uint32_t stream);
void signalr_client_receive(signalr_client *c, uint64_t now, uint32_t stream, slice in);
/* It could not be opened, or ended: error 0 for an orderly end. why (may be NULL) is the reason for people. */
void signalr_client_disconnected(signalr_client *c, uint64_t now, uint32_t stream, int error, const char *why);

void signalr_client_timeout(signalr_client *c, uint64_t now);
uint64_t signalr_client_deadline(const signalr_client *c);
/* Up to p->capacity bytes for the present stream. False: nothing to send. */
bool signalr_client_poll_transmit(signalr_client *c, uint64_t now, packet *p);
bool signalr_client_poll_event(signalr_client *c, signalr_client_event *event);

signalr_client_state signalr_client_get_state(const signalr_client *c);
const char *signalr_client_connection_id(const signalr_client *c); /* "" unless negotiated */
void signalr_client_dump(const signalr_client *c, text *out);
void signalr_client_check_invariants(const signalr_client *c);

#endif
