#include <stdlib.h>
#include <string.h>

#include "apps/parley-room/session_internal.h"
#include "base/addr.h"

#define CHANNEL_LABEL "sendDataChannel"
#define GATHERING_WAIT_MS \
	2000u /* the first description leaves then, complete or not; what is found later is trickled */
#define MESSAGE_SHOWN_MAX 4096u /* characters of a message printed for people */

/* A program that was started to send a file is done when the file is there, or shown once, and no line can follow. */
void talk_leave_if_done(session *s)
{
	bool sent = s->options->send_file ? s->file_sent && files_are_idle(&s->files) : s->source_ended;
	if (sent && s->input_ended && (s->source_ended || !s->options->media.once))
		session_leave(s);
}

/* --- what is sent --- */

static void send_text(session *s, bool binary, const void *data, size_t len)
{
	int err = parley_pc_send(s->pc, s->channel, binary, data, len);
	if (err)
		report_event(&s->report, "error", FIELDS(field_text("text", parley_pc_last_error(s->pc))), "%s",
			     parley_pc_last_error(s->pc));
}

static void on_hashing(uv_idle_t *idle)
{
	session *s = idle->data;
	if (!files_hash_some(&s->files))
		uv_idle_stop(idle);
}

static void send_file(session *s, const char *path)
{
	char why[256];
	if (files_send(&s->files, path, why))
		uv_idle_start(&s->hashing, on_hashing);
	else
		report_event(&s->report, "error", FIELDS(field_text("text", why)), "%s", why);
}

static bool is_command(const char *line, size_t len, const char *command, size_t *argument)
{
	size_t n = strlen(command);
	if (len < n || memcmp(line, command, n) != 0 || (len > n && line[n] != ' '))
		return false;
	*argument = len > n ? n + 1 : n;
	return true;
}

/* A chat text that looks like the protocol's own is wrapped, so that no line can be taken for a command to the page. */
static void send_chat(session *s, const char *line, size_t len)
{
	static const char reserved[] = "{\"parley\":";
	if (len < sizeof reserved - 1 || memcmp(line, reserved, sizeof reserved - 1) != 0) {
		send_text(s, false, line, len);
		return;
	}
	buf b = {.limit = 8 * len + 64};
	json_writer w = json_writer_of(&b);
	json_write_raw(&w, "{\"parley\":\"chat\",\"text\":");
	json_write_string(&w, slice_of(line, len));
	json_write_raw(&w, "}");
	if (!w.error)
		send_text(s, false, b.data, b.len);
	buf_clear(&b);
}

static void act_on_line(session *s, const char *line, size_t len)
{
	size_t at;
	char path[FILE_PATH_MAX];
	if (is_command(line, len, "/quit", &at)) {
		session_leave(s);
	} else if (is_command(line, len, "/file", &at)) {
		snprintf(path, sizeof path, "%.*s", (int)(len - at), line + at);
		send_file(s, path);
	} else if (media_command(s->media, line, len)) {
		return;
	} else {
		send_chat(s, line, len);
	}
}

void session_line(session *s, const char *line, size_t len)
{
	size_t at;
	if (s->ended || s->leaving)
		return;
	if (s->open || is_command(line, len, "/quit", &at)) {
		act_on_line(s, line, len);
		return;
	}
	waiting_line *w = malloc(sizeof *w + len);
	if (!w) {
		session_fail(s, "out of memory");
		return;
	}
	w->next = NULL;
	w->len = len;
	memcpy(w->text, line, len);
	*s->lines_end = w;
	s->lines_end = &w->next;
}

void session_input_ended(session *s)
{
	s->input_ended = true;
	if (!s->ended)
		talk_leave_if_done(s);
}

void talk_send_lines(session *s)
{
	while (s->lines) {
		waiting_line *w = s->lines;
		s->lines = w->next;
		if (!s->ended && !s->leaving)
			act_on_line(s, w->text, w->len);
		free(w);
	}
	s->lines_end = &s->lines;
}

/* --- what the peer connection says --- */

static void send_description(session *s)
{
	parley_sdp_type type;
	char *sdp;
	if (s->described || parley_pc_local_description(s->pc, &type, &sdp))
		return;
	s->described = true;
	uv_timer_stop(&s->gathering_timer);
	uint64_t now = net_now();
	slice bytes = slice_from_string(sdp);
	int err =
		type == PARLEY_SDP_OFFER ? room_send_offer(s->room, now, bytes) : room_send_answer(s->room, now, bytes);
	parley_free(sdp);
	signalr_net_flush(s->hub);
	if (err && s->open)
		report_event(&s->report, "error", FIELDS(field_text("text", parley_strerror(err))),
			     "the %s cannot be sent: %s", parley_sdp_type_name(type), parley_strerror(err));
	else if (err)
		session_fail(s, "the %s cannot be sent: %s", parley_sdp_type_name(type), parley_strerror(err));
}

static void on_signaling_state(void *me, parley_pc *pc, parley_signaling_state state)
{
	(void)pc;
	session *s = me;
	const char *name = parley_signaling_state_name(state);
	report_event(&s->report, "signaling", FIELDS(field_text("state", name)), "%s", name);
	s->negotiated = s->negotiated || state == PARLEY_SIGNALING_STABLE;
}

static void on_gathering_state(void *me, parley_pc *pc, parley_gathering_state state)
{
	(void)pc;
	session *s = me;
	const char *name = parley_gathering_state_name(state);
	report_event(&s->report, "gathering", FIELDS(field_text("state", name)), "%s", name);
	if (state == PARLEY_GATHERING_COMPLETE)
		send_description(s);
}

static void on_ice_state(void *me, parley_pc *pc, parley_ice_state state)
{
	session *s = me;
	const char *name = parley_ice_state_name(state);
	report_event(&s->report, "ice", FIELDS(field_text("state", name)), "%s", name);
	if (state == PARLEY_ICE_DISCONNECTED && s->negotiated && !s->leaving)
		(void)parley_pc_restart_ice(pc); /* on_negotiation_needed follows */
}

static void on_connection_state(void *me, parley_pc *pc, parley_connection_state state, const char *reason)
{
	(void)pc;
	session *s = me;
	const char *name = parley_connection_state_name(state);
	report_event(&s->report, "connection", FIELDS(field_text("state", name), field_text("reason", reason)),
		     "%s%s%s", name, *reason ? ": " : "", reason);
	if (state == PARLEY_CONNECTION_CONNECTED)
		media_connected(s->media);
	if (state == PARLEY_CONNECTION_FAILED)
		session_fail(s, "the connection failed: %s", reason);
}

static void on_ice_candidate(void *me, parley_pc *pc, const char *candidate, const char *mid, int mline_index)
{
	(void)pc;
	session *s = me;
	report_event(&s->report, "candidate", FIELDS(field_text("candidate", candidate)), NULL);
	if (!s->described || !*candidate)
		return; /* it will be in the description */
	room_send_candidate(s->room, net_now(), slice_from_string(candidate), mid, mline_index);
	signalr_net_flush(s->hub);
}

static void on_selected_pair(void *me, parley_pc *pc, const parley_addr *local, const char *local_type,
			     const parley_addr *remote, const char *remote_type)
{
	(void)pc;
	char from[ADDR_TEXT_MAX], to[ADDR_TEXT_MAX];
	addr_print(local, from);
	addr_print(remote, to);
	report_event(&((session *)me)->report, "pair",
		     FIELDS(field_text("local", from), field_text("localType", local_type), field_text("remote", to),
			    field_text("remoteType", remote_type)),
		     "%s (%s) - %s (%s)", from, local_type, to, remote_type);
}

static void use_channel(session *s, parley_channel channel)
{
	s->channel = channel;
	s->files.pc = s->pc;
	s->files.channel = channel;
}

static void on_data_channel(void *me, parley_pc *pc, parley_channel channel, const char *label, const char *protocol)
{
	(void)pc, (void)protocol;
	session *s = me;
	report_event(&s->report, "channel", FIELDS(field_text("label", label), field_text("state", "incoming")),
		     "%s, opened by the peer", label);
	if (!s->channel)
		use_channel(s, channel);
}

static void channel_opened(session *s)
{
	s->open = s->was_open = true;
	talk_send_lines(s);
	if (s->options->send_file && !s->file_sent && !s->ended) {
		s->file_sent = true;
		send_file(s, s->options->send_file);
	}
}

static void on_channel_state(void *me, parley_pc *pc, parley_channel channel, parley_channel_state state,
			     const char *reason)
{
	(void)pc;
	session *s = me;
	const char *name = parley_channel_state_name(state);
	if (channel != s->channel)
		return;
	report_event(
		&s->report, "channel",
		FIELDS(field_text("label", CHANNEL_LABEL), field_text("state", name), field_text("reason", reason)),
		"%s %s%s%s", CHANNEL_LABEL, name, *reason ? ": " : "", reason);
	s->open = state == PARLEY_CHANNEL_OPEN;
	if (s->open)
		channel_opened(s);
	else if (state == PARLEY_CHANNEL_CLOSED)
		session_end(s, 0, s->leaving ? "left" : "the other side left");
}

static void show_message(session *s, bool binary, const uint8_t *data, size_t len)
{
	if (binary)
		report_event(&s->report, "message",
			     FIELDS(field_boolean("binary", true), field_integer("size", (int64_t)len)), "%zu bytes",
			     len);
	else
		report_event(&s->report, "message",
			     FIELDS(field_bytes("text", data, len), field_integer("size", (int64_t)len)), "%.*s%s",
			     (int)(len < MESSAGE_SHOWN_MAX ? len : MESSAGE_SHOWN_MAX), (const char *)data,
			     len > MESSAGE_SHOWN_MAX ? " ..." : "");
}

/* The text of a wrapped chat message; false: it is none. */
static bool unwrap_chat(slice message, buf *out)
{
	json_document doc;
	if (message.len == 0 || message.data[0] != '{' || json_parse(&doc, message))
		return false;
	json_value root = json_root(&doc);
	bool chat = json_equals(json_member(root, "parley"), "chat") && !json_string(json_member(root, "text"), out);
	json_clear(&doc);
	return chat;
}

static void on_message(void *me, parley_pc *pc, parley_channel channel, bool binary, const uint8_t *data, size_t len)
{
	session *s = me;
	if (channel != s->channel) {
		if (s->options->echo && parley_pc_send(pc, channel, binary, data, len))
			session_fail(s, "no echo: %s", parley_pc_last_error(pc));
		return;
	}
	slice message = slice_of(data, len);
	if (files_receive(&s->files, binary, message)) {
		talk_leave_if_done(s);
		return;
	}
	buf chat = {.limit = len};
	if (!binary && unwrap_chat(message, &chat))
		show_message(s, false, chat.data, chat.len);
	else
		show_message(s, binary, data, len);
	buf_clear(&chat);
	if (s->options->echo && s->open)
		send_text(s, binary, data, len);
}

static void on_buffered_amount_low(void *me, parley_pc *pc, parley_channel channel)
{
	(void)pc, (void)channel;
	files_send_some(&((session *)me)->files);
}

static void on_log(void *me, parley_pc *pc, enum parley_log_level level, const char *layer, const char *line)
{
	(void)pc, (void)level;
	report_event(&((session *)me)->report, "log", FIELDS(field_text("layer", layer), field_text("text", line)),
		     "%s: %s", layer, line);
}

static void on_key_log(void *me, parley_pc *pc, const char *line)
{
	(void)pc;
	session *s = me;
	fprintf(s->key_log, "%s\n", line);
	fflush(s->key_log);
}

static void on_transceiver(void *me, parley_pc *pc, const parley_transceiver_event *event)
{
	(void)pc;
	media_on_transceiver(((session *)me)->media, event);
}

static void on_frame(void *me, parley_pc *pc, const parley_frame_event *frame)
{
	(void)pc;
	media_on_frame(((session *)me)->media, frame);
}

static void on_rtp(void *me, parley_pc *pc, const parley_rtp_event *event)
{
	(void)pc;
	media_on_rtp(((session *)me)->media, event);
}

static void on_key_frame_request(void *me, parley_pc *pc, parley_transceiver transceiver)
{
	(void)pc;
	media_on_key_frame_request(((session *)me)->media, transceiver);
}

static void on_target_bitrate(void *me, parley_pc *pc, uint64_t bps)
{
	(void)pc;
	media_on_target_bitrate(((session *)me)->media, bps);
}

/* --- the call --- */

static void describe(session *s, parley_sdp_type type);

/* The first offer is the initiator's (talk_ready); later ones are whose who changed something. */
static void on_negotiation_needed(void *me, parley_pc *pc)
{
	session *s = me;
	if (s->negotiated && !s->leaving && parley_pc_signaling_state(pc) == PARLEY_SIGNALING_STABLE)
		describe(s, PARLEY_SDP_OFFER);
}

static bool create_pc(session *s)
{
	static const parley_callbacks callbacks = {
		.on_negotiation_needed = on_negotiation_needed,
		.on_signaling_state = on_signaling_state,
		.on_ice_gathering_state = on_gathering_state,
		.on_ice_connection_state = on_ice_state,
		.on_connection_state = on_connection_state,
		.on_ice_candidate = on_ice_candidate,
		.on_selected_pair = on_selected_pair,
		.on_data_channel = on_data_channel,
		.on_channel_state = on_channel_state,
		.on_message = on_message,
		.on_buffered_amount_low = on_buffered_amount_low,
		.on_transceiver = on_transceiver,
		.on_frame = on_frame,
		.on_rtp = on_rtp,
		.on_key_frame_request = on_key_frame_request,
		.on_target_bitrate = on_target_bitrate,
		.on_log = on_log,
		.on_key_log = on_key_log,
	};
	if (s->pc)
		return true;
	parley_configuration configuration;
	parley_configuration_default(&configuration);
	ice_options_apply(&s->options->ice, &configuration);
	configuration.tls_ca_file = s->options->ca_file;
	configuration.tls_insecure = s->options->insecure;
	configuration.log_level = s->options->verbose ? PARLEY_LOG_DEBUG : PARLEY_LOG_OFF;
	configuration.snap = s->options->snap;
	configuration.key_log = s->key_log != NULL;
	configuration.decline_media = true;
	int err = parley_pc_new(s->loop, &configuration, &callbacks, s, &s->pc);
	if (err) {
		session_fail(s, "no peer connection: %s", parley_strerror(err));
		return false;
	}
	char why[MEDIA_WHY_MAX];
	bool attached = media_attach(s->media, s->pc, why);
	if (!attached)
		session_fail(s, "%s", why);
	return attached;
}

static void on_gathering_timer(uv_timer_t *timer)
{
	send_description(timer->data);
}

static void describe(session *s, parley_sdp_type type)
{
	s->described = false;
	if (parley_pc_set_local_description(s->pc, type, NULL)) {
		session_fail(s, "no %s: %s", parley_sdp_type_name(type), parley_pc_last_error(s->pc));
		return;
	}
	if (s->negotiated)
		send_description(s);
	else
		uv_timer_start(&s->gathering_timer, on_gathering_timer, GATHERING_WAIT_MS, 0);
}

void talk_ready(session *s, bool initiator)
{
	report_event(&s->report, "ready", FIELDS(field_boolean("initiator", initiator)), "both are here, %s",
		     initiator ? "we offer" : "the other side offers");
	s->initiator = initiator;
	if (!create_pc(s) || !initiator)
		return;
	parley_channel channel;
	if (parley_pc_create_data_channel(s->pc, CHANNEL_LABEL, NULL, &channel)) {
		session_fail(s, "no data channel: %s", parley_pc_last_error(s->pc));
		return;
	}
	use_channel(s, channel);
	describe(s, PARLEY_SDP_OFFER);
}

/* Both offered at once: one of the two must give way, the one who joined (the W3C's perfect negotiation). False: ours stands. */
static bool give_way(session *s, parley_sdp_type type)
{
	if (type != PARLEY_SDP_OFFER || parley_pc_signaling_state(s->pc) != PARLEY_SIGNALING_HAVE_LOCAL_OFFER)
		return true;
	return !s->initiator && !parley_pc_set_local_description(s->pc, PARLEY_SDP_ROLLBACK, NULL);
}

void talk_description(session *s, parley_sdp_type type, slice sdp)
{
	if (!create_pc(s) || !give_way(s, type))
		return;
	char *copy = malloc(sdp.len + 1);
	if (!copy) {
		session_fail(s, "out of memory");
		return;
	}
	if (sdp.len)
		memcpy(copy, sdp.data, sdp.len);
	copy[sdp.len] = '\0';
	if (type == PARLEY_SDP_OFFER)
		media_prepare_answer(s->media, copy);
	int err = memchr(copy, '\0', sdp.len) ? PARLEY_EINVAL : parley_pc_set_remote_description(s->pc, type, copy);
	free(copy);
	if (err)
		session_fail(s, "the peer's %s is refused: %s", parley_sdp_type_name(type),
			     parley_pc_last_error(s->pc));
	else if (type == PARLEY_SDP_OFFER)
		describe(s, PARLEY_SDP_ANSWER);
}

void talk_candidate(session *s, const room_event *e)
{
	char line[1024];
	if (!s->pc || e->text.len >= sizeof line)
		return;
	memcpy(line, e->text.len ? e->text.data : (const uint8_t *)"", e->text.len);
	line[e->text.len] = '\0';
	if (parley_pc_add_ice_candidate(s->pc, line, e->has_mid ? e->mid : NULL, e->has_mline ? e->mline : 0))
		report_event(&s->report, "warning", FIELDS(field_text("text", parley_pc_last_error(s->pc))),
			     "candidate ignored: %s", parley_pc_last_error(s->pc));
}
