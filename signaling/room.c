#include "signaling/room.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/text.h"

typedef enum {
	ROOM_OUTSIDE,
	ROOM_CREATING, /* wanted: as soon as connected, and until the hub says created */
	ROOM_JOINING,
	ROOM_WAITING, /* created, alone */
	ROOM_JOINED,  /* joined; ready follows */
	ROOM_PAIRED,
} room_phase;

typedef struct {
	list_node node;
	room_event event;
	buf bytes; /* what event.text and event.entries point into */
	char id[ROOM_ID_MAX], mid[ROOM_MID_MAX];
} room_node;

struct room {
	signalr_client *client;
	trace *trace;
	room_phase phase;
	bool creator;
	bool wants_list;
	char name[ROOM_NAME_MAX]; /* to create */
	char id[ROOM_ID_MAX];	  /* to join, or where we are */
	bool call_pending;	  /* CreateRoom or Join under way */
	uint64_t call;
	list_node events;
	size_t event_count;
	room_node *current; /* lent out by poll_event */
};

static const char *phase_name(room_phase phase)
{
	static const char *const names[] = {"outside", "creating", "joining", "waiting", "joined", "paired"};
	return names[phase];
}

#define BIT(phase) (1u << (phase))

static bool phase_is_legal(room_phase from, room_phase to)
{
	static const unsigned allowed[] = {
		[ROOM_OUTSIDE] = BIT(ROOM_CREATING) | BIT(ROOM_JOINING),
		[ROOM_CREATING] = BIT(ROOM_WAITING) | BIT(ROOM_OUTSIDE),
		[ROOM_JOINING] = BIT(ROOM_JOINED) | BIT(ROOM_OUTSIDE),
		[ROOM_WAITING] = BIT(ROOM_PAIRED) | BIT(ROOM_CREATING) | BIT(ROOM_OUTSIDE),
		[ROOM_JOINED] = BIT(ROOM_PAIRED) | BIT(ROOM_JOINING) | BIT(ROOM_OUTSIDE),
		[ROOM_PAIRED] = BIT(ROOM_WAITING) | BIT(ROOM_OUTSIDE),
	};
	return allowed[from] & BIT(to);
}

static void set_phase(room *r, room_phase phase)
{
	assert(phase_is_legal(r->phase, phase));
	trace_printf(r->trace, TRACE_INFO, "room", "%s -> %s", phase_name(r->phase), phase_name(phase));
	r->phase = phase;
}

int room_new(room **out, signalr_client *client, trace *trace_or_null)
{
	room *r = calloc(1, sizeof *r);
	*out = r;
	if (!r)
		return PARLEY_ENOMEM;
	r->client = client;
	r->trace = trace_or_null;
	list_init(&r->events);
	return 0;
}

static void free_node(room_node *n)
{
	if (n)
		buf_clear(&n->bytes);
	free(n);
}

void room_free(room *r)
{
	list_node *node;
	if (!r)
		return;
	while ((node = list_pop(&r->events)))
		free_node(LIST_ENTRY(node, room_node, node));
	free_node(r->current);
	free(r);
}

/* --- events --- */

/* A new event at the end of the queue; NULL, and traced, when there is no room for it. */
static room_node *push(room *r, room_event_type type)
{
	room_node *n = r->event_count < ROOM_EVENTS_MAX ? calloc(1, sizeof *n) : NULL;
	if (!n) {
		trace_printf(r->trace, TRACE_ERROR, "room", "out of memory: an event is lost");
		return NULL;
	}
	n->event.type = type;
	n->bytes.limit = SIZE_MAX;
	list_append(&r->events, &n->node);
	r->event_count++;
	return n;
}

static void take_back(room *r, room_node *n)
{
	list_remove(&n->node);
	r->event_count--;
	free_node(n);
}

bool room_poll_event(room *r, room_event *event)
{
	free_node(r->current);
	r->current = NULL;
	list_node *node = list_pop(&r->events);
	if (!node)
		return false;
	r->event_count--;
	r->current = LIST_ENTRY(node, room_node, node);
	room_node *n = r->current;
	*event = n->event;
	event->id = n->id;
	event->mid = n->mid;
	if (event->type == ROOM_EVENT_LIST)
		event->entries = (const room_entry *)(const void *)n->bytes.data;
	else
		event->text = buf_slice(&n->bytes);
	return true;
}

static void push_text(room *r, room_event_type type, slice words)
{
	room_node *n = push(r, type);
	if (n && buf_append(&n->bytes, words))
		take_back(r, n);
}

static void push_id(room *r, room_event_type type)
{
	room_node *n = push(r, type);
	if (n)
		memcpy(n->id, r->id, sizeof n->id);
}

/* --- calls --- */

/* The arguments of a call: strings, then what is JSON already. */
static int invoke(room *r, uint64_t now, const char *method, const char *string, slice json, uint64_t *call)
{
	buf arguments = {.limit = SIGNALR_CLIENT_SEND_MAX};
	json_writer w = json_writer_of(&arguments);
	json_write_raw(&w, "[");
	if (string)
		json_write_text(&w, string);
	if (json.len)
		json_write_raw(&w, ",");
	json_write_value(&w, json);
	json_write_raw(&w, "]");
	int err = w.error == PARLEY_ELIMIT ? PARLEY_EMSGSIZE : w.error;
	err = err ? err : signalr_client_invoke(r->client, now, method, buf_slice(&arguments), call);
	buf_clear(&arguments);
	return err;
}

static void fail(room *r, const char *words)
{
	r->call_pending = false;
	if (r->phase == ROOM_CREATING || r->phase == ROOM_JOINING)
		set_phase(r, ROOM_OUTSIDE);
	push_text(r, ROOM_EVENT_ERROR, slice_from_string(words));
}

static bool connected(const room *r)
{
	return signalr_client_get_state(r->client) == SIGNALR_CLIENT_CONNECTED;
}

/* What is wanted and not yet asked for. */
static void ask(room *r, uint64_t now)
{
	int err = 0;
	if (!connected(r))
		return;
	if (r->wants_list)
		err = invoke(r, now, "GetRoomInfo", NULL, (slice){0}, NULL);
	r->wants_list = false;
	if (!err && !r->call_pending && (r->phase == ROOM_CREATING || r->phase == ROOM_JOINING)) {
		bool create = r->phase == ROOM_CREATING;
		err = invoke(r, now, create ? "CreateRoom" : "Join", create ? r->name : r->id, (slice){0}, &r->call);
		r->call_pending = !err;
	}
	if (err)
		fail(r, parley_strerror(err));
}

int room_list(room *r, uint64_t now)
{
	r->wants_list = true;
	ask(r, now);
	return 0;
}

static int enter(room *r, uint64_t now, room_phase phase, char *field, size_t capacity, const char *value)
{
	if (r->phase != ROOM_OUTSIDE)
		return PARLEY_ESTATE;
	text t = text_of(field, capacity);
	text_string(&t, value);
	if (t.bad || t.len == 0)
		return PARLEY_EINVAL;
	r->creator = phase == ROOM_CREATING;
	set_phase(r, phase);
	ask(r, now);
	return 0;
}

int room_create(room *r, uint64_t now, const char *name)
{
	return enter(r, now, ROOM_CREATING, r->name, sizeof r->name, name);
}

int room_join(room *r, uint64_t now, const char *id)
{
	return enter(r, now, ROOM_JOINING, r->id, sizeof r->id, id);
}

void room_leave(room *r, uint64_t now)
{
	if (r->phase == ROOM_OUTSIDE)
		return;
	bool inside = r->phase != ROOM_CREATING && r->phase != ROOM_JOINING;
	set_phase(r, ROOM_OUTSIDE);
	r->call_pending = false;
	if (inside && connected(r))
		invoke(r, now, "LeaveRoom", r->id, (slice){0}, NULL); /* if it fails, the disconnect will say it */
}

/* --- messages out --- */

static int send_object(room *r, uint64_t now, json_writer *w)
{
	int err = w->error == PARLEY_ELIMIT ? PARLEY_EMSGSIZE : w->error;
	if (!err && r->phase != ROOM_PAIRED)
		err = PARLEY_ESTATE;
	err = err ? err : invoke(r, now, "SendMessage", r->id, buf_slice(w->out), NULL);
	buf_clear(w->out);
	return err;
}

static int send_description(room *r, uint64_t now, const char *type, slice sdp)
{
	buf object = {.limit = SIGNALR_CLIENT_SEND_MAX};
	json_writer w = json_writer_of(&object);
	json_write_raw(&w, "{\"type\":");
	json_write_text(&w, type);
	json_write_raw(&w, ",\"sdp\":");
	json_write_string(&w, sdp);
	json_write_raw(&w, "}");
	return send_object(r, now, &w);
}

int room_send_offer(room *r, uint64_t now, slice sdp)
{
	return send_description(r, now, "offer", sdp);
}

int room_send_answer(room *r, uint64_t now, slice sdp)
{
	return send_description(r, now, "answer", sdp);
}

int room_send_candidate(room *r, uint64_t now, slice candidate, const char *mid, int mline)
{
	buf object = {.limit = SIGNALR_CLIENT_SEND_MAX};
	json_writer w = json_writer_of(&object);
	json_write_raw(&w, "{\"type\":\"candidate\",\"candidate\":");
	json_write_string(&w, candidate);
	if (mid) {
		json_write_raw(&w, ",\"sdpMid\":");
		json_write_text(&w, mid);
	}
	if (mline >= 0) {
		json_write_raw(&w, ",\"sdpMLineIndex\":");
		json_write_integer(&w, mline);
	}
	json_write_raw(&w, "}");
	return send_object(r, now, &w);
}

/* --- messages in --- */

static void dropped(room *r, const char *what)
{
	trace_printf(r->trace, TRACE_WARN, "room", "%s dropped", what);
}

static void take_description(room *r, room_event_type type, json_value message)
{
	room_node *n = push(r, type);
	if (n && json_string(json_member(message, "sdp"), &n->bytes)) {
		take_back(r, n);
		dropped(r, "a description without sdp");
	}
}

/* A page may send the fields of RTCIceCandidate flat, or the object as it is under "candidate". */
static void take_candidate(room *r, json_value message)
{
	json_value inner = json_member(message, "candidate");
	json_value fields = json_is(inner, JSON_OBJECT) ? inner : message;
	json_value index = json_member(fields, "sdpMLineIndex");
	if (!json_is(index, JSON_NUMBER))
		index = json_member(message, "label"); /* what older pages call it */
	int64_t mline = 0;
	room_node *n = push(r, ROOM_EVENT_CANDIDATE);
	if (!n)
		return;
	n->event.has_mid = json_copy(json_member(fields, "sdpMid"), n->mid, sizeof n->mid);
	n->event.has_mline = json_integer(index, 0, UINT16_MAX, &mline);
	n->event.mline = (uint16_t)mline;
	if (json_string(json_member(fields, "candidate"), &n->bytes)) {
		take_back(r, n);
		dropped(r, "a candidate without its line");
	}
}

static void take_message(room *r, json_value message)
{
	json_value type = json_member(message, "type");
	if (json_equals(type, "offer"))
		take_description(r, ROOM_EVENT_OFFER, message);
	else if (json_equals(type, "answer"))
		take_description(r, ROOM_EVENT_ANSWER, message);
	else if (json_equals(type, "candidate"))
		take_candidate(r, message);
	else
		dropped(r, "a message of unknown type");
}

/* --- the list --- */

/* The five that a hub escapes; anything else stays as it is. */
static void undo_html(char *s)
{
	static const struct {
		const char *entity;
		char character;
	} table[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&#39;", '\''}};
	char *out = s;
	while (*s) {
		char c = *s;
		size_t used = 1;
		for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
			size_t len = strlen(table[i].entity);
			if (strncmp(s, table[i].entity, len) == 0) {
				c = table[i].character;
				used = len;
			}
		}
		*out++ = c;
		s += used;
	}
	*out = '\0';
}

static bool read_id(json_value v, char out[ROOM_ID_MAX])
{
	text t = text_of(out, ROOM_ID_MAX);
	if (!json_is(v, JSON_NUMBER))
		return json_copy(v, out, ROOM_ID_MAX);
	text_slice(&t, json_raw(v));
	return !t.bad;
}

static void take_entries(room *r, room_node *n, json_value list)
{
	for (size_t i = 0; i < json_count(list) && i < ROOM_LIST_MAX; i++) {
		room_entry entry = {.id = ""};
		json_value item = json_element(list, i);
		if (!read_id(json_member(item, "RoomId"), entry.id) ||
		    !json_copy(json_member(item, "Name"), entry.name, sizeof entry.name)) {
			dropped(r, "a malformed entry of the room list");
			continue;
		}
		undo_html(entry.name);
		if (buf_append(&n->bytes, slice_of(&entry, sizeof entry)))
			return;
		n->event.count++;
	}
}

/* The argument is a string that holds JSON. */
static void take_list(room *r, json_value argument)
{
	buf inner = {.limit = JSON_TEXT_MAX};
	json_document doc;
	int err = json_string(argument, &inner);
	err = err ? err : json_parse(&doc, buf_slice(&inner));
	if (err) {
		dropped(r, "a malformed room list");
	} else {
		room_node *n = push(r, ROOM_EVENT_LIST);
		if (n)
			take_entries(r, n, json_root(&doc));
		json_clear(&doc);
	}
	buf_clear(&inner);
}

/* --- what the hub calls --- */

static void take_entered(room *r, json_value id)
{
	bool created = r->phase == ROOM_CREATING;
	r->call_pending = false;
	if (!read_id(id, r->id)) {
		fail(r, "the hub gave the room no id");
		return;
	}
	set_phase(r, created ? ROOM_WAITING : ROOM_JOINED);
	push_id(r, created ? ROOM_EVENT_CREATED : ROOM_EVENT_JOINED);
}

static void take_ready(room *r)
{
	if (r->phase != ROOM_WAITING && r->phase != ROOM_JOINED)
		return;
	set_phase(r, ROOM_PAIRED);
	room_node *n = push(r, ROOM_EVENT_READY);
	if (n)
		n->event.initiator = r->creator;
}

static void take_bye(room *r)
{
	if (r->phase != ROOM_PAIRED)
		return;
	set_phase(r, r->creator ? ROOM_WAITING : ROOM_OUTSIDE);
	push(r, ROOM_EVENT_BYE);
}

static void take_error(room *r, json_value words)
{
	char line[SIGNALR_CLIENT_TEXT_MAX];
	fail(r, json_copy(words, line, sizeof line) ? line : "the hub reports an error without words");
}

static void take_call(room *r, const signalr_message *m)
{
	json_value first = signalr_argument(m, 0);
	slice target = m->target;
#define IS(name) slice_equal_nocase(target, slice_from_string(name))
	if (IS("updateRoom"))
		take_list(r, first);
	else if (IS("created") && r->phase == ROOM_CREATING)
		take_entered(r, first);
	else if (IS("joined") && r->phase == ROOM_JOINING)
		take_entered(r, first);
	else if (IS("ready"))
		take_ready(r);
	else if (IS("message") && r->phase == ROOM_PAIRED)
		take_message(r, first);
	else if (IS("bye"))
		take_bye(r);
	else if (IS("error"))
		take_error(r, first);
	else
		dropped(r, "an unknown or untimely call of the hub");
#undef IS
}

/* --- what the client tells --- */

static void take_state(room *r, uint64_t now, signalr_client_state state)
{
	if (state == SIGNALR_CLIENT_CONNECTED) {
		ask(r, now);
		return;
	}
	if (state != SIGNALR_CLIENT_RECONNECTING && state != SIGNALR_CLIENT_CLOSED)
		return;
	r->call_pending = false;
	switch (r->phase) {
	case ROOM_PAIRED:
		set_phase(r, ROOM_OUTSIDE);
		push(r, ROOM_EVENT_LOST);
		break;
	case ROOM_WAITING:
		set_phase(r, ROOM_CREATING);
		break;
	case ROOM_JOINED:
		set_phase(r, ROOM_JOINING);
		break;
	case ROOM_OUTSIDE:
	case ROOM_CREATING:
	case ROOM_JOINING:
		break;
	}
}

void room_receive(room *r, uint64_t now, const signalr_client_event *event)
{
	switch (event->type) {
	case SIGNALR_CLIENT_EVENT_STATE:
		take_state(r, now, event->state);
		break;
	case SIGNALR_CLIENT_EVENT_INVOCATION:
		take_call(r, event->message);
		break;
	case SIGNALR_CLIENT_EVENT_COMPLETION:
		/* A connection that ended takes the call with it: it is asked anew when there is one again. */
		if (r->call_pending && event->id == r->call && event->error && event->error != PARLEY_ECLOSED)
			fail(r, event->text);
		break;
	case SIGNALR_CLIENT_EVENT_CONNECT:
	case SIGNALR_CLIENT_EVENT_DISCONNECT:
		break;
	}
}
