#include <stdlib.h>
#include <string.h>

#include "signaling/hub_internal.h"

/* --- finding --- */

static hub_room *find_room(hub *h, uint64_t number)
{
	LIST_FOR (node, &h->rooms) {
		hub_room *r = LIST_ENTRY(node, hub_room, node);
		if (r->number == number)
			return r;
	}
	return NULL;
}

static bool name_is_taken(hub *h, const char *name)
{
	LIST_FOR (node, &h->rooms)
		if (strcmp(LIST_ENTRY(node, hub_room, node)->name, name) == 0)
			return true;
	return false;
}

static hub_connection *other_member(const hub_room *r, const hub_connection *c)
{
	if (c == r->creator)
		return r->joiner;
	return c == r->joiner ? r->creator : NULL;
}

/* A room id, as string or number. False: neither. A string that is no number names no room: 0. */
static bool read_room_id(json_value v, uint64_t *number)
{
	char digits[24];
	int64_t value;
	*number = 0;
	if (json_is(v, JSON_STRING)) {
		if (json_copy(v, digits, sizeof digits))
			scan_u64(slice_from_string(digits), INT64_MAX, number);
		return true;
	}
	if (!json_integer(v, 0, INT64_MAX, &value))
		return json_is(v, JSON_NUMBER);
	*number = (uint64_t)value;
	return true;
}

/* --- the list --- */

/* As HTML text: a page may put it into a table as it is. */
static void write_html(buf *out, const char *s, int *err)
{
	static const char special[] = "&<>\"'";
	static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
	for (; *s && !*err; s++) {
		const char *found = strchr(special, *s);
		*err = found ? buf_append(out, slice_from_string(entities[found - special]))
			     : buf_append(out, slice_of(s, 1));
	}
}

static void write_entry(json_writer *w, const hub_room *r)
{
	char id[24];
	text number = text_of(id, sizeof id);
	text_printf(&number, "%llu", (unsigned long long)r->number);
	buf name = {.limit = HUB_NAME_MAX * sizeof "&quot;"};
	write_html(&name, r->name, &w->error);
	json_write_raw(w, "{\"RoomId\":");
	json_write_text(w, id);
	json_write_raw(w, ",\"Name\":");
	json_write_string(w, buf_slice(&name));
	json_write_raw(w, ",\"Button\":");
	json_write_text(w, "<button class=\"joinButton\">Join!</button>");
	json_write_raw(w, "}");
	buf_clear(&name);
}

static int write_list(const hub *h, buf *out)
{
	json_writer w = json_writer_of(out);
	bool first = true;
	json_write_raw(&w, "[");
	LIST_FOR (node, &h->rooms) {
		const hub_room *r = LIST_ENTRY(node, hub_room, node);
		if (r->joiner)
			continue;
		if (!first)
			json_write_raw(&w, ",");
		first = false;
		write_entry(&w, r);
	}
	json_write_raw(&w, "]");
	return w.error;
}

/* A JSON array of one string, written behind what is in out. */
static int write_string_argument(buf *out, slice s)
{
	json_writer w = json_writer_of(out);
	json_write_raw(&w, "[");
	json_write_string(&w, s);
	json_write_raw(&w, "]");
	return w.error;
}

static int make_list_arguments(hub *h)
{
	if (h->list_arguments.len)
		return 0;
	buf list = {.limit = JSON_TEXT_MAX};
	int err = write_list(h, &list);
	err = err ? err : write_string_argument(&h->list_arguments, buf_slice(&list));
	if (err)
		buf_clear(&h->list_arguments);
	buf_clear(&list);
	return err;
}

void hub_send_list(hub *h, hub_connection *c, uint64_t now)
{
	c->list_stale = false;
	int err = make_list_arguments(h);
	if (err)
		hub_end(h, c, now, parley_strerror(err));
	else
		hub_call(h, c, now, "updateRoom", buf_slice(&h->list_arguments));
}

/* To who caused it at once, before the completion; to the others once what waits for them is out: then it is the newest, and one
 * for many changes, which a single message can bring. */
static void list_changed(hub *h, hub_connection *cause, uint64_t now)
{
	buf_clear(&h->list_arguments);
	bool at_once = cause->phase == HUB_OPEN && cause->out.len <= HUB_LIST_OUT_MAX;
	if (at_once)
		hub_send_list(h, cause, now);
	for (size_t i = 0; i < HUB_CONNECTIONS_MAX; i++) {
		hub_connection *c = h->slots[i];
		if (!c || c->phase != HUB_OPEN || (c == cause && at_once))
			continue;
		c->list_stale = true;
		hub_mark_ready(h, c);
	}
}

/* --- to members --- */

static void call_with_string(hub *h, hub_connection *c, uint64_t now, const char *target, const char *s)
{
	buf arguments = {.limit = HUB_BODY_MAX};
	int err = write_string_argument(&arguments, slice_from_string(s));
	if (err)
		hub_end(h, c, now, parley_strerror(err));
	else
		hub_call(h, c, now, target, buf_slice(&arguments));
	buf_clear(&arguments);
}

static void call_with_room(hub *h, hub_connection *c, uint64_t now, const char *target, const hub_room *r)
{
	char id[24];
	text t = text_of(id, sizeof id);
	text_printf(&t, "%llu", (unsigned long long)r->number);
	call_with_string(h, c, now, target, id);
}

static void call_plain(hub *h, hub_connection *c, uint64_t now, const char *target)
{
	hub_call(h, c, now, target, slice_from_string("[]"));
}

/* --- leaving --- */

static void remove_room(hub *h, hub_room *r)
{
	list_remove(&r->node);
	h->room_count--;
	r->creator->rooms_created--;
	free(r);
}

/* c, a member, goes: the other hears bye; the room waits again, or is gone with its creator. */
static void leave(hub *h, hub_room *r, hub_connection *c, uint64_t now)
{
	hub_connection *other = other_member(r, c);
	trace_printf(h->config.trace, TRACE_INFO, "hub", "%s leaves room %llu", c->from, (unsigned long long)r->number);
	if (c == r->creator)
		remove_room(h, r);
	else
		r->joiner = NULL;
	if (other)
		call_plain(h, other, now, "bye");
}

void hub_leave_rooms(hub *h, hub_connection *c, uint64_t now)
{
	bool any = false;
	LIST_FOR_SAFE (node, after, &h->rooms) {
		hub_room *r = LIST_ENTRY(node, hub_room, node);
		if (c != r->creator && c != r->joiner)
			continue;
		leave(h, r, c, now);
		any = true;
	}
	if (any)
		list_changed(h, c, now);
}

/* When the hub stops: a connection between two peers does not need it any more, and bye would end it. */
void hub_forget_rooms(hub *h)
{
	LIST_FOR_SAFE (node, after, &h->rooms)
		remove_room(h, LIST_ENTRY(node, hub_room, node));
}

/* --- the methods --- */

typedef const char *method(hub *h, hub_connection *c, uint64_t now, const signalr_message *m);

static const char *get_room_info(hub *h, hub_connection *c, uint64_t now, const signalr_message *m)
{
	(void)m;
	hub_send_list(h, c, now);
	return NULL;
}

/* What is wrong with a name, for people; NULL: nothing. */
static const char *name_problem(json_value v, char out[HUB_NAME_MAX + 1])
{
	if (!json_copy(v, out, HUB_NAME_MAX + 1))
		return "The room's name is too long.";
	bool blank = true;
	for (const char *p = out; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return "The room's name has a control character.";
		blank = blank && *p == ' ';
	}
	return blank ? "The room needs a name." : NULL;
}

static const char *creation_problem(hub *h, const hub_connection *c, json_value v, char name[HUB_NAME_MAX + 1])
{
	const char *problem = name_problem(v, name);
	if (problem)
		return problem;
	if (name_is_taken(h, name))
		return "A room of that name exists already.";
	if (c->rooms_created == HUB_ROOMS_PER_CONNECTION)
		return "You have too many rooms already.";
	return h->room_count == HUB_ROOMS_MAX ? "There are too many rooms already." : NULL;
}

static const char *create_room(hub *h, hub_connection *c, uint64_t now, const signalr_message *m)
{
	char name[HUB_NAME_MAX + 1];
	json_value v = signalr_argument(m, 0);
	if (!json_is(v, JSON_STRING))
		return "The name must be a string.";
	const char *problem = creation_problem(h, c, v, name);
	hub_room *r = problem ? NULL : calloc(1, sizeof *r);
	if (!r) {
		call_with_string(h, c, now, "error", problem ? problem : "Out of memory.");
		return NULL;
	}
	r->number = h->next_room++;
	r->creator = c;
	memcpy(r->name, name, sizeof r->name);
	list_append(&h->rooms, &r->node);
	h->room_count++;
	c->rooms_created++;
	trace_printf(h->config.trace, TRACE_INFO, "hub", "%s creates room %llu", c->from,
		     (unsigned long long)r->number);
	call_with_room(h, c, now, "created", r);
	list_changed(h, c, now);
	return NULL;
}

static const char *join(hub *h, hub_connection *c, uint64_t now, const signalr_message *m)
{
	uint64_t number;
	if (!read_room_id(signalr_argument(m, 0), &number))
		return "The room id must be a string or a number.";
	hub_room *r = find_room(h, number);
	const char *problem = !r		? "There is no such room."
			      : r->creator == c ? "You are in this room already."
			      : r->joiner == c	? "You are in this room already."
			      : r->joiner	? "The room is full."
						: NULL;
	if (problem) {
		call_with_string(h, c, now, "error", problem);
		return NULL;
	}
	r->joiner = c;
	trace_printf(h->config.trace, TRACE_INFO, "hub", "%s joins room %llu", c->from, (unsigned long long)r->number);
	call_with_room(h, c, now, "joined", r);
	call_plain(h, r->creator, now, "ready");
	call_plain(h, c, now, "ready");
	list_changed(h, c, now);
	return NULL;
}

static int forward(hub *h, hub_connection *to, uint64_t now, slice message)
{
	buf arguments = {.limit = HUB_MESSAGE_MAX + 2};
	json_writer w = json_writer_of(&arguments);
	json_write_raw(&w, "[");
	json_write_value(&w, message);
	json_write_raw(&w, "]");
	if (!w.error)
		hub_call(h, to, now, "message", buf_slice(&arguments));
	buf_clear(&arguments);
	return w.error;
}

static const char *send_message(hub *h, hub_connection *c, uint64_t now, const signalr_message *m)
{
	uint64_t number;
	if (!read_room_id(signalr_argument(m, 0), &number))
		return "The room id must be a string or a number.";
	hub_room *r = find_room(h, number);
	hub_connection *other = r ? other_member(r, c) : NULL;
	if (!other) {
		trace_printf(h->config.trace, TRACE_WARN, "hub", "%s: a message to room %llu dropped: %s", c->from,
			     (unsigned long long)number, r ? "not a member, or alone" : "no such room");
		return NULL;
	}
	return forward(h, other, now, json_raw(signalr_argument(m, 1))) ? "Out of memory." : NULL;
}

static const char *leave_room(hub *h, hub_connection *c, uint64_t now, const signalr_message *m)
{
	uint64_t number;
	if (!read_room_id(signalr_argument(m, 0), &number))
		return "The room id must be a string or a number.";
	hub_room *r = find_room(h, number);
	if (!r || (c != r->creator && c != r->joiner))
		return NULL; /* left already, as when both leave at once */
	leave(h, r, c, now);
	call_plain(h, c, now, "bye");
	list_changed(h, c, now);
	return NULL;
}

static const struct {
	const char *name;
	size_t arguments;
	method *run;
} methods[] = {
	{"GetRoomInfo", 0, get_room_info}, {"CreateRoom", 1, create_room}, {"Join", 1, join},
	{"SendMessage", 2, send_message},  {"LeaveRoom", 1, leave_room},
};

const char *hub_invoke(hub *h, hub_connection *c, uint64_t now, const signalr_message *m, text *error)
{
	size_t given = signalr_argument_count(m);
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
		if (!slice_equal_nocase(m->target, slice_from_string(methods[i].name)))
			continue;
		if (given == methods[i].arguments)
			return methods[i].run(h, c, now, m);
		text_printf(error, "Invocation provides %zu argument(s) but target expects %zu.", given,
			    methods[i].arguments);
		return error->out;
	}
	text_printf(error, "Unknown hub method '%.*s'", (int)m->target.len, (const char *)m->target.data);
	return error->out;
}
