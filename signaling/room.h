/*
 * signaling/room.h: the room flow of a native peer, on top of a SignalR client (signaling/client.h).
 *
 * The owner drives the client and hands each of its events here; what it means for the room comes out as room events.
 * Who created the room is the initiator: after READY it offers, the other answers; candidates go both ways at any time.
 *
 * When the client reconnects, the hub knows nothing of us: a room that was not yet READY is created again (with a new id) or
 * joined again. One that was is LOST: nothing more can be signaled, though the peers may well stay connected.
 */
#ifndef PARLEY_SIGNALING_ROOM_H
#define PARLEY_SIGNALING_ROOM_H

#include "signaling/client.h"

#define ROOM_ID_MAX 64u	    /* with the NUL */
#define ROOM_NAME_MAX 256u  /* with the NUL */
#define ROOM_LIST_MAX 1024u /* rooms of a list that are kept; the rest is dropped */
#define ROOM_EVENTS_MAX 8192u
#define ROOM_MID_MAX 64u /* with the NUL: sdpMid */

typedef struct room room;

typedef struct {
	char id[ROOM_ID_MAX];
	char name[ROOM_NAME_MAX]; /* plain text: HTML escapes of the hub undone */
} room_entry;

typedef enum {
	ROOM_EVENT_LIST,      /* entries, count: the rooms that wait */
	ROOM_EVENT_CREATED,   /* id */
	ROOM_EVENT_JOINED,    /* id */
	ROOM_EVENT_READY,     /* both are there; initiator: whether we are to offer */
	ROOM_EVENT_OFFER,     /* text: SDP */
	ROOM_EVENT_ANSWER,    /* text: SDP */
	ROOM_EVENT_CANDIDATE, /* text: the candidate line, empty at the end of candidates; mid, mline */
	ROOM_EVENT_BYE,	      /* the other left. Who created the room is in it still and may see READY again */
	ROOM_EVENT_LOST,      /* the connection to the hub that carried the room ended; no longer in the room */
	ROOM_EVENT_ERROR, /* text: why the hub refuses. What was to be created or joined is not; try again or another */
} room_event_type;

typedef struct {
	room_event_type type;
	const room_entry *entries;
	size_t count;
	const char *id;
	bool initiator;
	slice text;
	bool has_mid, has_mline;
	const char *mid; /* sdpMid */
	uint16_t mline;	 /* sdpMLineIndex */
} room_event;		 /* pointers are valid until the next call on the room */

int room_new(room **out, signalr_client *client, trace *trace); /* the client must outlive it. PARLEY_ENOMEM */
void room_free(room *r);

/* What to do as soon as the client is connected (at once if it is): one of these. PARLEY_EINVAL: empty or too long;
 * PARLEY_ESTATE: in a room already. */
int room_list(room *r, uint64_t now);
int room_create(room *r, uint64_t now, const char *name);
int room_join(room *r, uint64_t now, const char *id);
void room_leave(room *r, uint64_t now); /* harmless outside of a room */

/* To the other member. PARLEY_ESTATE: not in a room with one; others as signalr_client_invoke. */
int room_send_offer(room *r, uint64_t now, slice sdp);
int room_send_answer(room *r, uint64_t now, slice sdp);
/* mid may be NULL and mline negative: then left out. */
int room_send_candidate(room *r, uint64_t now, slice candidate, const char *mid, int mline);

/* Hand over an event of the client; events the room has no use for are ignored. Drain room_poll_event afterwards. */
void room_receive(room *r, uint64_t now, const signalr_client_event *event);
bool room_poll_event(room *r, room_event *event);

#endif
