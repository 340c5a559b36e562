/* What is negotiated: transceivers, their directions and codecs, and the commands that change them. */
#include <stdio.h>
#include <string.h>

#include "apps/parley-room/media_internal.h"
#include "apps/parley-room/video_encoder.h"

#define CODECS_PER_KIND 4
#define WHAT_MAX 1024u /* bytes of a command's argument */

static const char *const kind_names[KINDS] = {"audio", "video"};

/* --- what is wanted --- */

static const media_source *source_of(const media *m)
{
	return m->sender ? media_sender_source(m->sender) : m->source;
}

/* What another program sends as; NONE: none sends this kind. */
static parley_codec input_codec(const media *m, parley_media_kind kind)
{
	for (size_t i = 0; i < m->input_count; i++)
		if (m->inputs[i].kind == kind)
			return m->inputs[i].url.codec;
	return PARLEY_CODEC_NONE;
}

/* Whether there is to be a call at all, not only data. Then what the peer has is taken, if only to be counted. */
static bool wants_call(const media *m)
{
	return source_of(m) || m->input_count || m->recorder || m->player || m->output || m->was_call;
}

static parley_direction wanted_direction(const media *m, parley_media_kind kind)
{
	const media_source *source = source_of(m);
	bool sends = (source && source->has[kind]) || input_codec(m, kind) != PARLEY_CODEC_NONE;
	int direction = (sends && !m->muted[kind] ? PARLEY_SENDONLY : PARLEY_INACTIVE) |
			(wants_call(m) ? PARLEY_RECVONLY : PARLEY_INACTIVE);
	return (parley_direction)direction;
}

/* Whether this program can deal with the codec in each direction it is wanted for. */
static bool is_possible(const media *m, parley_media_kind kind, parley_codec codec)
{
	const media_source *source = source_of(m);
	if (m->recorder && !recorder_can_hold(m->options->record, codec))
		return false;
	if (!source || !source->has[kind] || kind == PARLEY_AUDIO)
		return true;
	return source->codec[kind] == codec || video_encoder_exists(codec);
}

/* The best first: what the user prefers, what the source is encoded in already, what costs least. Empty, which keeps the order of
 * the peer's offer, when nothing is preferred and all is possible. */
static void list_codecs(const media *m, parley_media_kind kind, parley_codec out[PARLEY_CODECS_MAX])
{
	static const parley_codec all[KINDS][CODECS_PER_KIND] = {
		{PARLEY_OPUS, PARLEY_PCMU, PARLEY_PCMA},
		{PARLEY_VP8, PARLEY_VP9, PARLEY_H264, PARLEY_AV1},
	};
	const media_source *source = source_of(m);
	parley_codec input = input_codec(m, kind);
	parley_codec preferred = kind == PARLEY_VIDEO ? m->options->codec : PARLEY_CODEC_NONE;
	parley_codec own = source ? source->codec[kind] : PARLEY_CODEC_NONE;
	size_t count = 0, impossible = 0;
	if (input != PARLEY_CODEC_NONE) {
		out[0] = input; /* what we cannot transcode must be taken as it is */
		return;
	}
	if (preferred == PARLEY_CODEC_NONE && own == PARLEY_CODEC_NONE && kind == PARLEY_VIDEO && m->recorder &&
	    !recorder_can_hold(m->options->record, PARLEY_VP8))
		preferred = PARLEY_H264; /* what all players of mp4 expect */
	if (preferred != PARLEY_CODEC_NONE && is_possible(m, kind, preferred))
		out[count++] = preferred;
	if (own != PARLEY_CODEC_NONE && own != preferred && is_possible(m, kind, own))
		out[count++] = own;
	bool indifferent = count == 0;
	for (size_t i = 0; i < CODECS_PER_KIND && all[kind][i] != PARLEY_CODEC_NONE; i++) {
		bool possible = is_possible(m, kind, all[kind][i]);
		impossible += !possible;
		if (possible && all[kind][i] != preferred && all[kind][i] != own)
			out[count++] = all[kind][i];
	}
	if (indifferent && !impossible)
		out[0] = PARLEY_CODEC_NONE;
}

static int add_transceiver(media *m, parley_media_kind kind)
{
	parley_transceiver_init init;
	parley_transceiver_init_default(&init);
	init.direction = wanted_direction(m, kind);
	m->was_call = m->was_call || init.direction != PARLEY_INACTIVE;
	list_codecs(m, kind, init.codecs);
	int err = parley_pc_add_transceiver(m->pc, kind, &init, &m->transceivers[kind]);
	if (!err && m->output)
		err = parley_pc_receive_packets(m->pc, m->transceivers[kind], true);
	return err;
}

/* The peer connection is to know of a changed wish; it asks for a negotiation then. */
static void update_directions(media *m)
{
	for (int k = 0; k < KINDS && m->pc; k++) {
		parley_direction wanted = wanted_direction(m, (parley_media_kind)k);
		int err = 0;
		if (m->transceivers[k])
			err = parley_pc_set_direction(m->pc, m->transceivers[k], wanted);
		else if (wanted != PARLEY_INACTIVE)
			err = add_transceiver(m, (parley_media_kind)k);
		if (err)
			media_warn(m, parley_pc_last_error(m->pc));
	}
}

bool media_attach(media *m, parley_pc *pc, char why[MEDIA_WHY_MAX])
{
	m->pc = pc;
	for (int k = 0; k < KINDS; k++) {
		if (wanted_direction(m, (parley_media_kind)k) == PARLEY_INACTIVE)
			continue;
		if (add_transceiver(m, (parley_media_kind)k)) {
			snprintf(why, MEDIA_WHY_MAX, "no %s: %s", kind_names[k], parley_pc_last_error(pc));
			return false;
		}
	}
	media_source *source = m->source;
	m->source = NULL;
	if (!source || media_set_source(m, source))
		return true;
	snprintf(why, MEDIA_WHY_MAX, "out of memory");
	return false;
}

void media_prepare_answer(media *m, const char *offer)
{
	static const char *const sections[KINDS] = {"\nm=audio ", "\nm=video "};
	for (int k = 0; k < KINDS; k++)
		if (!m->transceivers[k] && strstr(offer, sections[k]) && add_transceiver(m, (parley_media_kind)k))
			media_warn(m, parley_pc_last_error(m->pc));
}

/* --- what came of it --- */

static int kind_of(const media *m, parley_transceiver transceiver)
{
	for (int k = 0; k < KINDS; k++)
		if (m->transceivers[k] == transceiver)
			return k;
	return -1;
}

static void describe_input(const media *m, const media_input *in)
{
	report_event(m->report, "rtp-in",
		     FIELDS(field_text("kind", kind_names[in->kind]),
			    field_text("codec", parley_codec_name(in->url.codec)),
			    field_integer("port", in->url.address.port)),
		     "%s: send %s as RTP to port %u, packets of 1200 bytes at most", kind_names[in->kind],
		     parley_codec_name(in->url.codec), in->url.address.port);
}

void media_on_transceiver(media *m, const parley_transceiver_event *event)
{
	const parley_transceiver_info *info = &event->info;
	int kind = kind_of(m, event->transceiver);
	report_event(m->report, "track",
		     FIELDS(field_text("kind", kind_names[info->kind]),
			    field_text("codec", parley_codec_name(info->send_codec)),
			    field_text("direction", parley_direction_name(info->current_direction)),
			    field_text("mid", info->mid), field_text("stream", info->remote_stream_id),
			    field_text("track", info->remote_track_id)),
		     "%s %s%s%s", kind_names[info->kind], parley_direction_name(info->current_direction),
		     info->send_codec == PARLEY_CODEC_NONE ? "" : ", sent as ",
		     info->send_codec == PARLEY_CODEC_NONE ? "" : parley_codec_name(info->send_codec));
	if (kind < 0)
		return;
	if (m->sender)
		media_sender_set_codec(m->sender, (parley_media_kind)kind, event->transceiver, info->send_codec);
	if (m->recorder)
		recorder_expect(m->recorder, (parley_media_kind)kind, info->current_direction & PARLEY_RECVONLY);
	for (size_t i = 0; i < m->input_count; i++)
		if (m->inputs[i].kind == info->kind && info->current_direction & PARLEY_SENDONLY)
			describe_input(m, &m->inputs[i]);
}

/* --- commands --- */

static bool take_word(const char **line, size_t *len, const char *word)
{
	size_t n = strlen(word);
	if (*len < n || memcmp(*line, word, n) != 0 || (*len > n && (*line)[n] != ' '))
		return false;
	size_t used = *len > n ? n + 1 : n;
	*line += used;
	*len -= used;
	return true;
}

static void mute(media *m, const char *name, bool muted)
{
	for (int k = 0; k < KINDS; k++) {
		if (*name && strcmp(name, kind_names[k]) != 0)
			continue;
		m->muted[k] = muted;
		if (m->sender)
			media_sender_set_mute(m->sender, (parley_media_kind)k, muted);
	}
	update_directions(m);
}

static void negotiated_again(media *m)
{
	parley_transceiver_info info;
	for (int k = 0; k < KINDS && m->pc; k++)
		if (m->transceivers[k] && !parley_pc_transceiver_info(m->pc, m->transceivers[k], &info))
			media_sender_set_codec(m->sender, (parley_media_kind)k, m->transceivers[k], info.send_codec);
}

static void send_what(media *m, const char *what)
{
	char why[MEDIA_WHY_MAX];
	media_source *source = NULL;
	if (strcmp(what, "none") != 0 && !(source = media_open_source(m->options, what, why))) {
		media_warn(m, why);
		return;
	}
	media_sender_free(m->sender);
	m->sender = NULL;
	if (!m->pc) {
		source_free(m->source);
		m->source = source;
		return;
	}
	if (source && !media_set_source(m, source))
		media_warn(m, "out of memory");
	if (m->sender)
		negotiated_again(m);
	update_directions(m);
}

static void say_stats(const media *m)
{
	char *json;
	if (!m->pc || parley_pc_get_stats_json(m->pc, &json))
		return;
	for (char *c = json; m->report->json && *c; c++)
		if (*c == '\n')
			*c = ' '; /* an event is one line */
	report_event(m->report, "stats", FIELDS(field_json("stats", json, strlen(json))), "%s", json);
	parley_free(json);
}

bool media_command(media *m, const char *line, size_t len)
{
	char argument[WHAT_MAX];
	if (take_word(&line, &len, "/stats")) {
		say_stats(m);
		return true;
	}
	bool muting = take_word(&line, &len, "/mute");
	bool unmuting = !muting && take_word(&line, &len, "/unmute");
	bool sending = !muting && !unmuting && take_word(&line, &len, "/send");
	if (!muting && !unmuting && !sending)
		return false;
	if (len >= sizeof argument) {
		media_warn(m, "the command is too long");
		return true;
	}
	memcpy(argument, line, len);
	argument[len] = '\0';
	if (sending)
		send_what(m, argument);
	else
		mute(m, argument, muting);
	return true;
}
