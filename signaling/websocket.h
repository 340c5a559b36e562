/*
 * signaling/websocket.h: one WebSocket (RFC 6455), either end, without I/O; framing is wslay's.
 *
 * Text messages only: a binary one is answered by close code 1003. Pings are answered, UTF-8 is checked (1007), messages
 * are bounded (1009), client frames are masked with the given randomness (RFC 6455 5.3). No extensions, no subprotocols.
 *
 * Frames to send are appended to the owner's buf, which the owner empties into the stream. The upgrade itself is HTTP: the
 * four functions at the end write it and check it, both ways.
 */
#ifndef PARLEY_SIGNALING_WEBSOCKET_H
#define PARLEY_SIGNALING_WEBSOCKET_H

#include "parley/types.h"
#include "signaling/http.h"

/* RFC 6455 7.4.1 */
#define WEBSOCKET_NORMAL 1000u
#define WEBSOCKET_GOING_AWAY 1001u
#define WEBSOCKET_PROTOCOL_ERROR 1002u
#define WEBSOCKET_UNSUPPORTED 1003u
#define WEBSOCKET_NO_STATUS 1005u /* the peer's close frame was empty; never on the wire */
#define WEBSOCKET_POLICY 1008u
#define WEBSOCKET_TOO_BIG 1009u
#define WEBSOCKET_INTERNAL 1011u

#define WEBSOCKET_REASON_MAX 123u	   /* bytes: what a control frame holds beside the code (RFC 6455 5.5) */
#define WEBSOCKET_INPUT_MAX (256u * 1024u) /* bytes received and not yet drained by websocket_poll_event */

typedef enum { WEBSOCKET_CLIENT, WEBSOCKET_SERVER } websocket_role;

typedef enum {
	WEBSOCKET_MESSAGE, /* text: a whole message, borrowed until the next call */
	WEBSOCKET_CLOSED, /* both closed, or the peer broke the protocol: code and reason say which. The last event. Flush
	                    * the buf, then close the stream. */
} websocket_event_type;

typedef struct {
	websocket_event_type type;
	slice text;
	uint16_t code;			       /* the peer's, or ours if it broke the protocol */
	char reason[WEBSOCKET_REASON_MAX + 1]; /* the peer's */
} websocket_event;

struct wslay_event_context;

typedef struct {
	/* Private. */
	struct wslay_event_context *frames;
	parley_random random;
	buf *out;
	buf in;	     /* received, not yet seen by wslay */
	buf partial; /* of the message that is arriving */
	buf inbox;   /* whole messages: a 32-bit length before each */
	size_t inbox_read;
	char reason[WEBSOCKET_REASON_MAX + 1];
	bool in_control; /* the frame that is arriving is a control frame */
	bool broken;	 /* the bytes are no frames */
	bool failed;	 /* out of memory, of randomness, or of room in out */
	bool refused;	 /* by refused_code */
	uint16_t refused_code;
	bool closed_reported;
} websocket;

/* PARLEY_ENOMEM. ws must not move from now on, and out must outlive it. message_max: bytes of an incoming message. */
int websocket_init(websocket *ws, websocket_role role, parley_random random, size_t message_max, buf *out);
void websocket_clear(websocket *ws); /* harmless on {0} and when repeated */

/* Bytes from the stream. Drain events after each. PARLEY_ELIMIT: more than WEBSOCKET_INPUT_MAX undrained; PARLEY_ENOMEM. */
int websocket_receive(websocket *ws, slice in);
bool websocket_poll_event(websocket *ws, websocket_event *event);
/* PARLEY_ESTATE after close; PARLEY_ELIMIT when out is full. message must be valid UTF-8. */
int websocket_send(websocket *ws, slice message);
/* Begin to close; harmless when repeated. reason may be NULL and is cut to WEBSOCKET_REASON_MAX. */
int websocket_close(websocket *ws, uint16_t code, const char *reason);

#define WEBSOCKET_KEY_SIZE 25u /* base64 of 16 bytes, and a NUL */

/* Client: append the upgrade request for `to` and keep the key for the check of the answer. */
int websocket_write_request(buf *out, const url *to, const parley_random *random, char key[WEBSOCKET_KEY_SIZE]);
/* Client: is this the right answer (RFC 6455 4.1)? PARLEY_EREFUSED: another status than 101; PARLEY_EPROTO; *why is static. */
int websocket_check_response(const http_reader *response, const char *key, const char **why);
/* Server: is this an upgrade request that can be granted (RFC 6455 4.2.1)? Else the HTTP status to answer with. 0: yes. */
unsigned websocket_check_request(const http_reader *request);
/* Server: append the 101 answer. */
int websocket_write_response(buf *out, const http_reader *request);

#endif
