/* Beginning and end of the session's media, and what flows through. */
#include "apps/parley-room/media_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/timer.h"

#define STATUS_MS 1000u
#define WINDOW_MS 40u
#define STATUS_LIMIT 4096u
#define SDP_LIMIT 8192u

void media_warn(media *m, const char *text)
{
	report_event(m->report, "warning", FIELDS(field_text("text", text)), "%s", text);
}

/* --- beginning --- */

media_source *media_open_source(const media_options *o, const char *what, char why[MEDIA_WHY_MAX])
{
	if (strcmp(what, "camera") == 0)
		return source_new_camera(o->width, o->height, o->fps, why);
	if (strcmp(what, "test") != 0)
		return source_new_file(what, o->once, why);
	media_source *source = source_new_test(o->width, o->height, o->fps);
	if (!source)
		snprintf(why, MEDIA_WHY_MAX, "out of memory");
	return source;
}

static void on_input_packet(void *me, const uint8_t *data, size_t len)
{
	const media_input *in = me;
	media *m = in->media;
	if (m->pc && m->connected && m->transceivers[in->kind])
		parley_pc_send_rtp(m->pc, m->transceivers[in->kind], data,
				   len); /* what is refused is lost, as on any path */
}

static bool open_input(media *m, const char *url, char why[MEDIA_WHY_MAX])
{
	media_input *in = &m->inputs[m->input_count];
	if (!port_url_parse(url, &in->url, why))
		return false;
	if (in->url.codec == PARLEY_CODEC_NONE)
		in->url.codec = PARLEY_VP8;
	in->media = m;
	in->kind = media_codec_kind(in->url.codec);
	if (m->input_count == 1 && m->inputs[0].kind == in->kind) {
		snprintf(why, MEDIA_WHY_MAX, "two --rtp-in of one kind");
		return false;
	}
	in->port = rtp_in_new(m->loop, &in->url, on_input_packet, in, why);
	m->input_count += in->port != NULL;
	return in->port != NULL;
}

static bool open_output(media *m, const char *url, char why[MEDIA_WHY_MAX])
{
	port_url to;
	if (!port_url_parse(url, &to, why))
		return false;
	m->output = rtp_out_new(m->loop, &to, why);
	return m->output != NULL;
}

static void on_window_closed(void *me)
{
	media *m = me;
	m->callbacks.on_window_closed(m->callbacks.me);
}

static void on_window_timer(uv_timer_t *timer)
{
	media *m = timer->data;
	player_turn(m->player);
}

static bool open_player(media *m, char why[MEDIA_WHY_MAX])
{
	m->player = player_new(on_window_closed, m, why);
	if (m->player)
		uv_timer_start(&m->window_timer, on_window_timer, WINDOW_MS, WINDOW_MS);
	return m->player != NULL;
}

static bool open_all(media *m, char why[MEDIA_WHY_MAX])
{
	const media_options *o = m->options;
	if (o->send && !(m->source = media_open_source(o, o->send, why)))
		return false;
	if (o->record && !(m->recorder = recorder_new(o->record, why)))
		return false;
	for (size_t i = 0; i < o->rtp_in_count; i++)
		if (!open_input(m, o->rtp_in[i], why))
			return false;
	if (o->rtp_out && !open_output(m, o->rtp_out, why))
		return false;
	return !o->show || open_player(m, why);
}

media *media_new(uv_loop_t *loop, const media_options *options, report *to, const media_callbacks *callbacks,
		 char why[MEDIA_WHY_MAX])
{
	media *m = calloc(1, sizeof *m);
	if (!m) {
		snprintf(why, MEDIA_WHY_MAX, "out of memory");
		return NULL;
	}
	m->loop = loop;
	m->options = options;
	m->report = to;
	m->callbacks = *callbacks;
	uv_timer_init(loop, &m->status_timer);
	uv_timer_init(loop, &m->window_timer);
	m->status_timer.data = m->window_timer.data = m;
	if (open_all(m, why))
		return m;
	media_free(m);
	return NULL;
}

/* --- end --- */

static void on_last_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_status_timer_closed(uv_handle_t *handle)
{
	media *m = handle->data;
	uv_close((uv_handle_t *)&m->window_timer, on_last_closed);
}

void media_free(media *m)
{
	char why[MEDIA_WHY_MAX];
	if (!m)
		return;
	media_sender_free(m->sender);
	source_free(m->source);
	if (!recorder_close(m->recorder, why))
		media_warn(m, why);
	player_free(m->player);
	for (size_t i = 0; i < m->input_count; i++)
		rtp_in_free(m->inputs[i].port);
	rtp_out_free(m->output);
	m->pc = NULL;
	uv_timer_stop(&m->window_timer);
	uv_close((uv_handle_t *)&m->status_timer, on_status_timer_closed);
}

/* --- what is sent --- */

static void on_source_end(void *me)
{
	media *m = me;
	m->callbacks.on_source_end(m->callbacks.me);
}

static void on_trouble(void *me, const char *text)
{
	media_warn(me, text);
}

bool media_set_source(media *m, media_source *source)
{
	const media_sender_callbacks callbacks = {.on_end = on_source_end, .on_trouble = on_trouble, .me = m};
	m->sender = media_sender_new(m->loop, m->pc, source, &callbacks);
	if (!m->sender)
		return false;
	if (m->has_bitrate)
		media_sender_set_bitrate(m->sender, m->bitrate);
	for (int k = 0; k < KINDS; k++)
		media_sender_set_mute(m->sender, (parley_media_kind)k, m->muted[k]);
	if (m->connected)
		media_sender_start(m->sender);
	return true;
}

void media_on_key_frame_request(media *m, parley_transceiver transceiver)
{
	if (m->sender)
		media_sender_request_key(m->sender, transceiver);
}

void media_on_target_bitrate(media *m, uint64_t bps)
{
	m->has_bitrate = true;
	m->bitrate = bps;
	if (m->sender)
		media_sender_set_bitrate(m->sender, bps);
}

/* --- what arrives --- */

static void request_key(media *m, parley_transceiver transceiver)
{
	parley_pc_request_key_frame(m->pc, transceiver);
}

void media_on_frame(media *m, const parley_frame_event *f)
{
	char why[MEDIA_WHY_MAX];
	bool recorder_wants = false, player_wants = false;
	parley_media_kind kind = media_codec_kind(f->codec);
	if (m->transceivers[kind] != f->transceiver)
		return;
	if (m->recorder && !recorder_write(m->recorder, kind, f, &recorder_wants, why))
		media_warn(m, why);
	if (m->player)
		player_take(m->player, kind, f, &player_wants);
	if (recorder_wants || player_wants)
		request_key(m, f->transceiver);
}

static void describe_output(media *m)
{
	char *local;
	parley_sdp_type type;
	buf sdp = {.limit = SDP_LIMIT};
	if (parley_pc_local_description(m->pc, &type, &local))
		return;
	if (!rtp_out_describe(m->output, local, &sdp))
		report_event(m->report, "rtp-out", FIELDS(field_bytes("sdp", sdp.data, sdp.len)),
			     "what the receiving program needs, as a .sdp file:\n%.*s", (int)sdp.len,
			     (const char *)sdp.data);
	buf_clear(&sdp);
	parley_free(local);
}

void media_on_rtp(media *m, const parley_rtp_event *p)
{
	for (int k = 0; k < KINDS && m->output; k++)
		if (m->transceivers[k] == p->transceiver &&
		    rtp_out_send(m->output, (parley_media_kind)k, p->data, p->len))
			describe_output(m);
}

/* --- once a second --- */

static void report_media(media *m)
{
	char line[256];
	buf members = {.limit = STATUS_LIMIT};
	if (m->report->json) {
		if (!buf_printf(&members, "{") && !media_status_json(&m->status, &members) &&
		    !buf_printf(&members, "}"))
			report_event(m->report, "media", FIELDS(field_json("stats", members.data, members.len)), NULL);
	} else {
		media_status_line(&m->status, line, sizeof line);
		if (*line)
			report_status(m->report, line);
	}
	buf_clear(&members);
}

static bool has_streams(const media_status *s)
{
	return s->streams[STATUS_IN][PARLEY_AUDIO].seen || s->streams[STATUS_IN][PARLEY_VIDEO].seen ||
	       s->streams[STATUS_OUT][PARLEY_AUDIO].seen || s->streams[STATUS_OUT][PARLEY_VIDEO].seen;
}

static void on_status_timer(uv_timer_t *timer)
{
	media *m = timer->data;
	char *json;
	if (!m->pc || parley_pc_get_stats_json(m->pc, &json))
		return;
	if (media_status_look(&m->status, json, net_now()) && has_streams(&m->status))
		report_media(m);
	parley_free(json);
}

void media_connected(media *m)
{
	m->connected = true;
	if (m->sender)
		media_sender_start(m->sender);
	if (!uv_is_active((uv_handle_t *)&m->status_timer))
		uv_timer_start(&m->status_timer, on_status_timer, STATUS_MS, STATUS_MS);
}
