#include <stdarg.h>
#include <stdlib.h>

#include "apps/parley-room/session_internal.h"

#define LEAVE_WAIT_MS 3000u /* for what is queued to arrive, when we leave */

/* --- the end --- */

static void release_timers(session *s)
{
	uv_close((uv_handle_t *)&s->gathering_timer, NULL);
	uv_close((uv_handle_t *)&s->leave_timer, NULL);
	uv_close((uv_handle_t *)&s->hashing, NULL);
}

/* Everything stops; the loop runs out as its handles close. */
void session_end(session *s, int exit_status, const char *reason)
{
	if (s->ended)
		return;
	s->ended = true;
	bool incomplete = s->was_open && (s->files.failed || !files_are_idle(&s->files));
	s->exit_status = exit_status == 0 && incomplete ? 1 : exit_status;
	files_clear(&s->files);
	media_free(s->media); /* which ends a recording properly */
	s->media = NULL;
	parley_pc_free(s->pc);
	s->pc = NULL;
	room_leave(s->room, net_now());
	signalr_client_stop(signalr_net_client(s->hub), net_now());
	signalr_net_flush(s->hub);
	release_timers(s);
	if (incomplete)
		report_event(&s->report, "error", FIELDS(field_text("text", "a file did not arrive whole")),
			     "a file did not arrive whole");
	report_event(&s->report, "end", FIELDS(field_text("reason", reason), field_integer("status", s->exit_status)),
		     "%s", reason);
}

void session_fail(session *s, const char *format, ...)
{
	char line[512];
	va_list args;
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	if (s->ended)
		return;
	if (s->report.json)
		report_event(&s->report, "error", FIELDS(field_text("text", line)), NULL);
	else
		fprintf(stderr, "parley-room: %s\n", line);
	session_end(s, 1, line);
}

static void on_leave_timer(uv_timer_t *timer)
{
	session_end(timer->data, 0, "left");
}

void session_leave(session *s)
{
	if (s->leaving || !s->open) {
		session_end(s, 0, "left");
		return;
	}
	s->leaving = true;
	uv_timer_start(&s->leave_timer, on_leave_timer, LEAVE_WAIT_MS, 0);
	if (parley_pc_close_data_channel(s->pc, s->channel))
		session_end(s, 0, "left");
}

/* --- what the room says --- */

static void show_rooms(session *s, const room_event *e)
{
	buf list = {.limit = 1u << 20};
	json_writer w = json_writer_of(&list);
	json_write_raw(&w, "[");
	for (size_t i = 0; i < e->count; i++) {
		json_write_raw(&w, i ? ",{\"id\":" : "{\"id\":");
		json_write_text(&w, e->entries[i].id);
		json_write_raw(&w, ",\"name\":");
		json_write_text(&w, e->entries[i].name);
		json_write_raw(&w, "}");
	}
	json_write_raw(&w, "]");
	report_event(&s->report, "rooms", FIELDS(field_json("rooms", list.data, list.len)), "%zu waiting", e->count);
	buf_clear(&list);
	for (size_t i = 0; i < e->count && !s->report.json; i++)
		printf("  %-10s%s\n", e->entries[i].id, e->entries[i].name);
}

static void on_bye(session *s)
{
	report_event(&s->report, "bye", NO_FIELDS, "the other side left the room");
	if (s->was_open)
		session_end(s, 0, "the other side left");
	else
		session_fail(s, "the other side left before the connection was made");
}

/* Once the peers talk to each other they need no hub. */
static void on_lost(session *s)
{
	report_event(&s->report, "lost", NO_FIELDS, "the hub forgot the room");
	if (!s->open)
		session_fail(s, "the hub was lost before the connection was made");
}

static void on_room_event(session *s, const room_event *e)
{
	switch (e->type) {
	case ROOM_EVENT_LIST:
		if (s->options->command == COMMAND_LIST) {
			show_rooms(s, e);
			session_end(s, 0, "listed");
		}
		break;
	case ROOM_EVENT_CREATED:
		report_event(&s->report, "created", FIELDS(field_text("id", e->id)),
			     "room %s, waiting for the other side", e->id);
		break;
	case ROOM_EVENT_JOINED:
		report_event(&s->report, "joined", FIELDS(field_text("id", e->id)), "room %s", e->id);
		break;
	case ROOM_EVENT_READY:
		talk_ready(s, e->initiator);
		break;
	case ROOM_EVENT_OFFER:
		talk_description(s, PARLEY_SDP_OFFER, e->text);
		break;
	case ROOM_EVENT_ANSWER:
		talk_description(s, PARLEY_SDP_ANSWER, e->text);
		break;
	case ROOM_EVENT_CANDIDATE:
		talk_candidate(s, e);
		break;
	case ROOM_EVENT_BYE:
		on_bye(s);
		break;
	case ROOM_EVENT_LOST:
		on_lost(s);
		break;
	case ROOM_EVENT_ERROR:
		session_fail(s, "%.*s", (int)e->text.len, (const char *)e->text.data);
		break;
	}
}

/* --- the hub --- */

static void on_hub_state(session *s, const signalr_client_event *e)
{
	if (s->ended)
		return; /* the session's own end was the last word */
	const char *name = signalr_client_state_name(e->state);
	report_event(&s->report, "hub", FIELDS(field_text("state", name), field_text("reason", e->text)), "%s%s%s",
		     name, *e->text ? ": " : "", e->text);
	if (e->state != SIGNALR_CLIENT_CLOSED || s->open)
		return;
	session_fail(s, "hub %s: %s", s->options->hub, *e->text ? e->text : "closed");
}

static void on_hub_event(void *me, const signalr_client_event *e)
{
	session *s = me;
	if (e->type == SIGNALR_CLIENT_EVENT_STATE)
		on_hub_state(s, e);
	if (s->ended)
		return;
	room_receive(s->room, net_now(), e);
	for (room_event r; !s->ended && room_poll_event(s->room, &r);)
		on_room_event(s, &r);
}

static int enter_room(session *s)
{
	uint64_t now = net_now();
	switch (s->options->command) {
	case COMMAND_LIST:
		return room_list(s->room, now);
	case COMMAND_CREATE:
		return room_create(s->room, now, s->options->argument);
	case COMMAND_JOIN:
		return room_join(s->room, now, s->options->argument);
	}
	return PARLEY_EINVAL;
}

static bool open_key_log(session *s)
{
	if (!s->options->key_log_file)
		return true;
	s->key_log = fopen(s->options->key_log_file, "a");
	if (!s->key_log)
		fprintf(stderr, "parley-room: cannot write %s\n", s->options->key_log_file);
	return s->key_log != NULL;
}

static bool start_hub(session *s)
{
	signalr_net_config config = {
		.client = {.url = s->options->hub, .reconnect = s->options->command != COMMAND_LIST},
		.ca_file = s->options->ca_file,
		.insecure = s->options->insecure,
		.on_event = on_hub_event,
		.me = s,
	};
	char why[NET_WHY_MAX];
	int err = signalr_net_new(s->loop, &config, &s->hub, why);
	if (err) {
		fprintf(stderr, "parley-room: hub %s: %s\n", s->options->hub, why);
		return false;
	}
	signalr_client *client = signalr_net_client(s->hub);
	err = room_new(&s->room, client, NULL);
	if (!err)
		err = enter_room(s);
	if (!err)
		err = signalr_client_start(client, net_now());
	if (err)
		fprintf(stderr, "parley-room: \"%s\": %s\n", s->options->argument ? s->options->argument : "list",
			parley_strerror(err));
	return err == 0;
}

/* --- media --- */

static void on_source_end(void *me)
{
	session *s = me;
	report_event(&s->report, "sent", NO_FIELDS, "the file is at its end");
	s->source_ended = true;
	talk_leave_if_done(s);
}

static void on_window_closed(void *me)
{
	session_leave(me);
}

static bool open_media(session *s)
{
	char why[MEDIA_WHY_MAX];
	const media_callbacks callbacks = {on_source_end, on_window_closed, s};
	static const media_options none;
	media_set_log(s->options->verbose);
	s->media = media_new(s->loop, s->options->command == COMMAND_LIST ? &none : &s->options->media, &s->report,
			     &callbacks, why);
	if (!s->media)
		fprintf(stderr, "parley-room: %s\n", why);
	return s->media != NULL;
}

session *session_start(uv_loop_t *loop, const room_options *options)
{
	session *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->loop = loop;
	s->options = options;
	s->lines_end = &s->lines;
	report_init(&s->report, options->json);
	s->files.report = &s->report;
	s->files.receive_dir = options->receive_dir;
	if (!open_key_log(s) || !open_media(s) || !start_hub(s)) {
		session_free(s);
		uv_run(loop, UV_RUN_DEFAULT); /* so that what was opened closes */
		return NULL;
	}
	uv_timer_init(loop, &s->gathering_timer);
	uv_timer_init(loop, &s->leave_timer);
	uv_idle_init(loop, &s->hashing);
	s->gathering_timer.data = s->leave_timer.data = s->hashing.data = s;
	signalr_net_flush(s->hub);
	return s;
}

bool session_has_ended(const session *s)
{
	return s->ended;
}

int session_exit_status(const session *s)
{
	return s->exit_status;
}

void session_free(session *s)
{
	if (!s)
		return;
	s->ended = true;
	talk_send_lines(s); /* which, now that it has ended, only frees them */
	media_free(s->media);
	room_free(s->room);
	signalr_net_free(s->hub);
	if (s->key_log)
		fclose(s->key_log);
	free(s);
}
