#include "tests/unit/signaling_world.h"

#include <stdlib.h>
#include <string.h>

#include "base/time.h"

#define WORLD_URL "http://hub.test/connectionHub"

void world_init(world *w)
{
	*w = (world){.now = 1000 * US_PER_S, .chunk = 65536};
	rng_seeded_init(&w->seed, 1);
	w->config.random = rng_seeded_source(&w->seed);
}

int world_start_hub(world *w)
{
	return hub_new(&w->hub, &w->config);
}

void world_kill_hub(world *w)
{
	hub_free(w->hub);
	w->hub = NULL;
	for (size_t i = 0; i < w->count; i++)
		world_cut(w, &w->peers[i]);
}

void world_clear(world *w)
{
	for (size_t i = 0; i < w->count; i++) {
		room_free(w->peers[i].room);
		signalr_client_free(w->peers[i].client);
		buf_clear(&w->peers[i].log);
	}
	hub_free(w->hub);
}

world_peer *world_add_at(world *w, bool with_room, const char *address)
{
	world_peer *p = &w->peers[w->count];
	const char *why;
	signalr_client_config config = {.url = address, .reconnect = true, .random = rng_seeded_source(&w->seed)};
	*p = (world_peer){.log = {.limit = 1 << 20}};
	if (signalr_client_new(&p->client, &config, &why))
		return NULL;
	w->count++;
	if (with_room && room_new(&p->room, p->client, NULL))
		return NULL;
	signalr_client_start(p->client, w->now);
	return p;
}

world_peer *world_add(world *w, bool with_room)
{
	return world_add_at(w, with_room, WORLD_URL);
}

static void log_line(world_peer *p, const char *what, slice detail)
{
	buf_printf(&p->log, "%s%s%.*s\n", what, detail.len ? " " : "", (int)detail.len, (const char *)detail.data);
}

static void log_room(world_peer *p)
{
	static const char *const names[] = {"LIST",   "CREATED",   "JOINED", "READY", "OFFER",
					    "ANSWER", "CANDIDATE", "BYE",    "LOST",  "ERROR"};
	room_event e;
	while (room_poll_event(p->room, &e)) {
		const char *name = names[e.type];
		if (e.type == ROOM_EVENT_LIST) {
			buf_printf(&p->log, "LIST %zu", e.count);
			for (size_t i = 0; i < e.count; i++)
				buf_printf(&p->log, " %s=%s", e.entries[i].id, e.entries[i].name);
			buf_printf(&p->log, "\n");
		} else if (e.type == ROOM_EVENT_READY) {
			log_line(p, name, slice_from_string(e.initiator ? "initiator" : "other"));
		} else if (e.type == ROOM_EVENT_CANDIDATE) {
			buf_printf(&p->log, "CANDIDATE %.*s mid=%s mline=%d\n", (int)e.text.len,
				   (const char *)e.text.data, e.has_mid ? e.mid : "none", e.has_mline ? e.mline : -1);
		} else {
			log_line(p, name, e.id[0] ? slice_from_string(e.id) : e.text);
		}
	}
}

static void link_up(world *w, world_peer *p, const signalr_client_event *e)
{
	char from[16] = "peer ";
	from[5] = (char)('0' + (p - w->peers));
	p->stream = e->stream;
	if (!w->hub || hub_accept(w->hub, w->now, from, &p->connection)) {
		signalr_client_disconnected(p->client, w->now, e->stream, PARLEY_EREFUSED, "connection refused");
		return;
	}
	p->linked = true;
	signalr_client_connected(p->client, w->now, e->stream);
}

static void unlink_peer(world *w, world_peer *p)
{
	if (p->linked && w->hub)
		hub_disconnected(w->hub, w->now, p->connection);
	p->linked = false;
}

static void handle(world *w, world_peer *p, const signalr_client_event *e)
{
	switch (e->type) {
	case SIGNALR_CLIENT_EVENT_CONNECT:
		link_up(w, p, e);
		return;
	case SIGNALR_CLIENT_EVENT_DISCONNECT:
		unlink_peer(w, p);
		return;
	case SIGNALR_CLIENT_EVENT_STATE:
		buf_printf(&p->log, "%s%s%s\n", signalr_client_state_name(e->state), *e->text ? ": " : "", e->text);
		break;
	case SIGNALR_CLIENT_EVENT_INVOCATION:
		if (!p->room)
			buf_printf(&p->log, "%.*s%.*s\n", (int)e->message->target.len,
				   (const char *)e->message->target.data, (int)e->message->arguments.len,
				   (const char *)e->message->arguments.data);
		break;
	case SIGNALR_CLIENT_EVENT_COMPLETION:
		if (!p->room)
			buf_printf(&p->log, "completion %llu %s\n", (unsigned long long)e->id,
				   e->error ? e->text : "ok");
		break;
	}
	if (p->room) {
		room_receive(p->room, w->now, e);
		log_room(p);
	}
}

static bool send_to_hub(world *w, world_peer *p)
{
	uint8_t mem[65536];
	packet out = {.data = mem, .capacity = w->chunk};
	if (!signalr_client_poll_transmit(p->client, w->now, &out))
		return false;
	if (p->linked && w->hub)
		hub_receive(w->hub, w->now, p->connection, slice_of(mem, out.len));
	return true;
}

static bool pump_peer(world *w, world_peer *p)
{
	bool moved = false;
	signalr_client_event e;
	while (send_to_hub(w, p))
		moved = true;
	while (signalr_client_poll_event(p->client, &e)) {
		handle(w, p, &e);
		moved = true;
	}
	signalr_client_check_invariants(p->client);
	return moved;
}

static world_peer *peer_of(world *w, uint64_t connection)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->peers[i].linked && w->peers[i].connection == connection)
			return &w->peers[i];
	return NULL;
}

static bool pump_hub(world *w)
{
	uint8_t mem[65536];
	uint64_t connection;
	hub_event e;
	bool moved = false;
	packet out = {.data = mem, .capacity = w->chunk};
	while (w->hub && hub_poll_transmit(w->hub, w->now, &connection, &out)) {
		world_peer *p = peer_of(w, connection);
		if (p)
			signalr_client_receive(p->client, w->now, p->stream, slice_of(mem, out.len));
		moved = true;
	}
	while (w->hub && hub_poll_event(w->hub, &e)) {
		world_peer *p = peer_of(w, e.connection);
		moved = true;
		if (!p)
			continue;
		p->linked = false;
		signalr_client_disconnected(p->client, w->now, p->stream, 0, NULL);
	}
	if (w->hub)
		hub_check_invariants(w->hub);
	return moved;
}

void world_pump(world *w)
{
	bool moved;
	do {
		moved = pump_hub(w);
		for (size_t i = 0; i < w->count; i++)
			moved |= pump_peer(w, &w->peers[i]);
	} while (moved);
}

void world_cut(world *w, world_peer *p)
{
	bool linked = p->linked;
	unlink_peer(w, p);
	if (linked)
		signalr_client_disconnected(p->client, w->now, p->stream, PARLEY_ECLOSED, "connection reset");
}

static uint64_t next_deadline(const world *w)
{
	uint64_t deadline = w->hub ? hub_deadline(w->hub) : TIME_NEVER;
	for (size_t i = 0; i < w->count; i++)
		deadline = time_min(deadline, signalr_client_deadline(w->peers[i].client));
	return deadline;
}

void world_advance(world *w, uint64_t us)
{
	uint64_t end = w->now + us;
	world_pump(w);
	for (uint64_t at = next_deadline(w); at <= end; at = next_deadline(w)) {
		w->now = at > w->now ? at : w->now;
		if (w->hub)
			hub_timeout(w->hub, w->now);
		for (size_t i = 0; i < w->count; i++)
			signalr_client_timeout(w->peers[i].client, w->now);
		world_pump(w);
	}
	w->now = end;
}

void world_call(world *w, world_peer *p, const char *method, const char *arguments)
{
	uint64_t id;
	int err = signalr_client_invoke(p->client, w->now, method, slice_from_string(arguments), &id);
	if (err)
		buf_printf(&p->log, "call failed: %s\n", parley_strerror(err));
	world_pump(w);
}

const char *world_log(world_peer *p)
{
	static char copy[65536];
	size_t len = p->log.len < sizeof copy ? p->log.len : sizeof copy - 1;
	memcpy(copy, p->log.data ? p->log.data : (const uint8_t *)"", len);
	copy[len] = '\0';
	p->log.len = 0;
	return copy;
}
