/*
 * signaling/hub_internal.h: what the files of the hub share: hub.c (connections, time, output), hub_http.c (requests),
 * hub_records.c (the hub protocol), hub_rooms.c (the rooms and their methods).
 */
#ifndef PARLEY_SIGNALING_HUB_INTERNAL_H
#define PARLEY_SIGNALING_HUB_INTERNAL_H

#include "base/list.h"
#include "base/time.h"
#include "signaling/http.h"
#include "signaling/hub.h"
#include "signaling/signalr.h"
#include "signaling/websocket.h"

#define HUB_PATH "/connectionHub"
#define HUB_SECRET_BYTES 16u			    /* of connection ids and tokens: 128 bits */
#define HUB_SECRET_SIZE (2u * HUB_SECRET_BYTES + 1) /* in hexadecimal, with the NUL */

#define HUB_LIST_OUT_MAX \
	(64u * 1024u) /* who has more than this waiting gets even the list it caused later, and only the newest */

typedef enum {
	HUB_REQUEST,	 /* the HTTP request is coming */
	HUB_HANDSHAKING, /* WebSocket open, the first record not yet there */
	HUB_OPEN,
	HUB_CLOSING, /* our WebSocket close is sent, the peer's is awaited */
	HUB_GONE,    /* ended: the rest of its output goes out, then DISCONNECT */
} hub_phase;

typedef struct {
	list_node node;	 /* in hub.ready, hub.gone, or alone */
	uint64_t number; /* slot + HUB_CONNECTIONS_MAX * a counter */
	char from[64];
	hub_phase phase;
	bool left_rooms; /* GONE, and the rooms know */
	bool blocked;
	bool list_stale; /* OPEN: is owed the room list */
	http_reader http;
	websocket ws;
	bool ws_used;
	buf out;
	slice body; /* of a file: goes out after `out`, borrowed from the table */
	char id[HUB_SECRET_SIZE], token[HUB_SECRET_SIZE];
	uint64_t deadline; /* of the phase; OPEN: when silence has lasted too long */
	uint64_t ping_at;  /* OPEN */
	size_t rooms_created;
} hub_connection;

/* Negotiated, its WebSocket not yet opened. */
typedef struct {
	list_node node; /* oldest first */
	char id[HUB_SECRET_SIZE], token[HUB_SECRET_SIZE];
	uint64_t expires;
} hub_token;

typedef struct {
	list_node node;
	uint64_t number;
	char name[HUB_NAME_MAX + 1];
	hub_connection *creator;
	hub_connection *joiner; /* NULL: it waits, and is in the list */
} hub_room;

struct hub {
	hub_config config;
	bool stopped;
	hub_connection *slots[HUB_CONNECTIONS_MAX];
	size_t connection_count;
	uint64_t counter;
	list_node ready; /* hub_connection with output */
	list_node gone;	 /* hub_connection in HUB_GONE */
	list_node tokens;
	size_t token_count;
	list_node rooms;
	size_t room_count;
	uint64_t next_room;
	buf list_arguments; /* of updateRoom; empty: to be made */
};

/* hub.c */
void hub_set_phase(hub *h, hub_connection *c, hub_phase phase, uint64_t deadline);
/* The connection ends once its output is out. Rooms hear of it at the end of the present input. */
void hub_end(hub *h, hub_connection *c, uint64_t now, const char *why);
void hub_mark_ready(hub *h, hub_connection *c);

/* hub_http.c */
void hub_receive_http(hub *h, hub_connection *c, uint64_t now, slice in);
void hub_expire_tokens(hub *h, uint64_t now);

/* hub_records.c */
void hub_receive_frames(hub *h, hub_connection *c, uint64_t now, slice in);
void hub_send(hub *h, hub_connection *c, uint64_t now, const signalr_message *m);
/* target(arguments): arguments is a JSON array. */
void hub_call(hub *h, hub_connection *c, uint64_t now, const char *target, slice arguments);
void hub_say_close(hub *h, hub_connection *c, uint64_t now, const char *error, bool allow_reconnect, uint16_t code);

/* hub_rooms.c */
/* Run a method. NULL, or the error for its completion: text of the caller's, or static. */
const char *hub_invoke(hub *h, hub_connection *c, uint64_t now, const signalr_message *m, text *error);
void hub_leave_rooms(hub *h, hub_connection *c, uint64_t now);
void hub_forget_rooms(hub *h); /* all of them, without a word */
void hub_send_list(hub *h, hub_connection *c, uint64_t now);

#endif
