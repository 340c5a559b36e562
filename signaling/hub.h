/*
 * signaling/hub.h: the room hub without I/O: HTTP server, WebSockets, SignalR and the rooms, for many streams.
 *
 * On the wire it is an ASP.NET Core SignalR hub (JSON protocol, WebSockets only) at /connectionHub with these methods;
 * names are matched without regard to case, a room id is accepted as JSON string or number:
 *
 *   GetRoomInfo()                to the caller: updateRoom(json)
 *   CreateRoom(name)             the caller: created(roomId); all: updateRoom(json); or error(text)
 *   Join(roomId)                 the caller: joined(roomId); both: ready(); all: updateRoom(json); or error(text)
 *   SendMessage(roomId, object)  the other member: message(object)
 *   LeaveRoom(roomId)            both members: bye(); all: updateRoom(json)
 *   a disconnect                 as if it left all its rooms
 *
 * json is a string holding [{"RoomId","Name","Button"}], the rooms that wait for a second member. A page puts Name into
 * HTML, as it does Button: so Name is HTML-escaped (&amp; &lt; &gt; &quot; &#39;), once.
 *
 * A room has at most two members, its creator and the one who joined. When the latter leaves, the room waits again; when the
 * creator leaves, it is gone. Only members can send to a room: a message from anyone else is dropped (and traced), since
 * a candidate that comes after bye() is normal and no error to show. An unknown method, a wrong number or type of
 * arguments is a Completion with error; the connection lives on.
 *
 * Besides, the hub serves files from a table: the web page. One HTTP request per stream; then it is closed.
 *
 * A browser says in Origin whose page asks. The hub speaks to pages of its own, told by Host naming the same host and port, and to
 * those of allow_origin; others get 403, lest any web page use a hub that only its visitor reaches (RFC 6455 10.2). Behind a proxy
 * that does not hand Host on as it came, allow_origin must be the address that people see. Without Origin all are welcome.
 */
#ifndef PARLEY_SIGNALING_HUB_H
#define PARLEY_SIGNALING_HUB_H

#include "base/text.h"
#include "base/trace.h"
#include "parley/types.h"

#define HUB_CONNECTIONS_MAX 1024u /* streams, whatever they speak; more are refused at accept */
#define HUB_TOKENS_MAX 1024u	  /* negotiated, WebSocket not yet opened; more get 503 */
#define HUB_TOKEN_LIFE_US (30 * UINT64_C(1000000))
#define HUB_REQUEST_TIMEOUT_US (15 * UINT64_C(1000000))	 /* for a whole HTTP request */
#define HUB_RESPONSE_TIMEOUT_US (60 * UINT64_C(1000000)) /* for reading a whole file */
#define HUB_CLOSE_TIMEOUT_US (2 * UINT64_C(1000000))	 /* for the peer's answer to a WebSocket close */
#define HUB_BODY_MAX 4096u				 /* of a request; negotiate has none */
/* .NET takes 32 KiB. An offer with audio, video, simulcast and many candidates, escaped as JSON, can pass that. */
#define HUB_MESSAGE_MAX (64u * 1024u)
#define HUB_OUT_MAX (512u * 1024u) /* bytes waiting for one stream; who reads slower than that is cut off */
#define HUB_ROOMS_MAX 128u
#define HUB_ROOMS_PER_CONNECTION 8u /* created by one */
#define HUB_NAME_MAX 64u	    /* bytes of a room's name in UTF-8 */

typedef struct hub hub;

/* A file to serve at `path` ("/": the page itself). All pointers must outlive the hub. */
typedef struct {
	const char *path;
	const char *content_type;
	slice bytes;
} hub_file;

typedef struct {
	const hub_file *files;
	size_t file_count;
	const char *allow_origin; /* of a page served elsewhere, "https://host": it may use the hub too; NULL: none */
	parley_random random;	  /* the context must outlive the hub */
	trace *trace;		  /* may be NULL */
} hub_config;

typedef enum {
	HUB_EVENT_DISCONNECT, /* close this stream once all that was transmitted is written; the hub has forgotten it */
} hub_event_type;

typedef struct {
	hub_event_type type;
	uint64_t connection;
} hub_event;

int hub_new(hub **out, const hub_config *config); /* PARLEY_ENOMEM */
void hub_free(hub *h);				  /* NULL is harmless */

/* A stream came; from is printed in traces. *connection is its number from now on, never used again; the numbers of those that
 * are there differ modulo HUB_CONNECTIONS_MAX too, so an owner can index a table. PARLEY_ELIMIT: full or stopped; PARLEY_ENOMEM. */
int hub_accept(hub *h, uint64_t now, const char *from, uint64_t *connection);
void hub_receive(hub *h, uint64_t now, uint64_t connection, slice in);
/* The stream ended by itself: nothing more comes for it. Unknown numbers are ignored. */
void hub_disconnected(hub *h, uint64_t now, uint64_t connection);

void hub_timeout(hub *h, uint64_t now);
uint64_t hub_deadline(const hub *h);
/* Bytes for some stream that is not blocked. Before its DISCONNECT event all bytes of a connection have been given out. */
bool hub_poll_transmit(hub *h, uint64_t now, uint64_t *connection, packet *p);
bool hub_poll_event(hub *h, hub_event *event);
/* The stream takes no more for now (true), or does again (false). Meanwhile its bytes wait here, where they are limited. */
void hub_set_blocked(hub *h, uint64_t connection, bool blocked);

/* Say Close with allowReconnect to all and end all streams; new ones are refused. Rooms end without bye: peers that are
 * connected need no hub. */
void hub_stop(hub *h, uint64_t now);

size_t hub_connection_count(const hub *h);
size_t hub_room_count(const hub *h);
void hub_dump(const hub *h, text *out);
void hub_check_invariants(const hub *h);

#endif
