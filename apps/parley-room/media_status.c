#include "apps/parley-room/media_status.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "signaling/json.h"

static const char *const direction_names[] = {"in", "out"};
static const char *const kind_names[] = {"audio", "video"};

/* --- reading --- */

/* A number of any form; 0 when missing. */
static double number_of(json_value v)
{
	char copy[40];
	slice raw = json_is(v, JSON_NUMBER) ? json_raw(v) : slice_of(NULL, 0);
	if (raw.len == 0 || raw.len >= sizeof copy)
		return 0;
	memcpy(copy, raw.data, raw.len);
	copy[raw.len] = '\0';
	return strtod(copy, NULL);
}

static double member_number(json_value v, const char *name)
{
	return number_of(json_member(v, name));
}

static int64_t member_integer(json_value v, const char *name)
{
	return (int64_t)member_number(v, name);
}

/* "video/VP8" of the codec dictionary of that id -> "VP8". */
static void find_codec(json_value all, json_value stream, char *out, size_t capacity)
{
	char id[64], mime[32];
	if (!json_copy(json_member(stream, "codecId"), id, sizeof id))
		return;
	for (size_t i = 0; i < json_count(all); i++) {
		json_value v = json_element(all, i);
		if (!json_equals(json_member(v, "id"), id) || !json_copy(json_member(v, "mimeType"), mime, sizeof mime))
			continue;
		const char *slash = strchr(mime, '/');
		text t = text_of(out, capacity);
		text_string(&t, slash ? slash + 1 : mime);
		return;
	}
}

/* Several streams of one kind (after a change of SSRC) add up; the size is of the last that has one. */
static void add_stream(json_value all, json_value v, status_direction direction, media_stream_status *s)
{
	bool in = direction == STATUS_IN;
	s->seen = true;
	s->total.bytes += member_integer(v, in ? "bytesReceived" : "bytesSent");
	s->total.packets += member_integer(v, in ? "packetsReceived" : "packetsSent");
	s->total.frames += member_integer(v, in ? "framesReceived" : "framesSent");
	s->total.key_frames += member_integer(v, in ? "keyFramesDecoded" : "keyFramesEncoded");
	s->total.retransmitted += member_integer(v, in ? "retransmittedPacketsReceived" : "retransmittedPacketsSent");
	if (in)
		s->total.lost += member_integer(v, "packetsLost");
	if (member_integer(v, "frameWidth")) {
		s->width = member_integer(v, "frameWidth");
		s->height = member_integer(v, "frameHeight");
	}
	find_codec(all, v, s->codec, sizeof s->codec);
}

static void take_dictionary(media_status *m, json_value all, json_value v)
{
	json_value type = json_member(v, "type"), kind_name = json_member(v, "kind");
	parley_media_kind kind = json_equals(kind_name, "audio") ? PARLEY_AUDIO : PARLEY_VIDEO;
	if (json_equals(type, "inbound-rtp")) {
		add_stream(all, v, STATUS_IN, &m->streams[STATUS_IN][kind]);
	} else if (json_equals(type, "outbound-rtp")) {
		add_stream(all, v, STATUS_OUT, &m->streams[STATUS_OUT][kind]);
	} else if (json_equals(type, "remote-inbound-rtp")) {
		m->streams[STATUS_OUT][kind].total.lost += member_integer(v, "packetsLost");
		m->streams[STATUS_OUT][kind].loss = member_number(v, "fractionLost");
	} else if (json_equals(type, "candidate-pair") &&
		   json_is(json_member(v, "currentRoundTripTime"), JSON_NUMBER)) {
		m->round_trip_us = (int64_t)(member_number(v, "currentRoundTripTime") * 1e6);
	}
	if (json_equals(type, "candidate-pair") && member_integer(v, "availableOutgoingBitrate"))
		m->available_bps = member_integer(v, "availableOutgoingBitrate");
}

static int64_t rate(int64_t now, int64_t before, uint64_t passed_us)
{
	return now > before ? (int64_t)((double)(now - before) * 1e6 / (double)passed_us + 0.5) : 0;
}

static void make_rates(media_stream_status *s, status_direction direction, uint64_t passed_us)
{
	s->bps = rate(s->total.bytes, s->before.bytes, passed_us) * 8;
	s->fps = rate(s->total.frames, s->before.frames, passed_us);
	if (direction == STATUS_OUT)
		return;
	int64_t lost = s->total.lost - s->before.lost, received = s->total.packets - s->before.packets;
	s->loss = lost > 0 && lost + received > 0 ? (double)lost / (double)(lost + received) : 0;
}

#define EACH_STREAM(d, k)                             \
	for (int d = STATUS_IN; d <= STATUS_OUT; d++) \
		for (int k = PARLEY_AUDIO; k <= PARLEY_VIDEO; k++)

bool media_status_look(media_status *m, const char *json, uint64_t now_us)
{
	json_document doc;
	if (json_parse(&doc, slice_from_string(json)))
		return false;
	EACH_STREAM(d, k)
	{
		m->streams[d][k].before = m->streams[d][k].total;
		m->streams[d][k].total = (media_totals){0};
	}
	m->round_trip_us = m->available_bps = -1;
	json_value all = json_root(&doc);
	for (size_t i = 0; i < json_count(all); i++)
		take_dictionary(m, all, json_element(all, i));
	json_clear(&doc);
	uint64_t passed = m->looked && now_us > m->looked_at ? now_us - m->looked_at : 1000000;
	EACH_STREAM(d, k)
	make_rates(&m->streams[d][k], (status_direction)d, passed);
	m->looked = true;
	m->looked_at = now_us;
	return true;
}

/* --- writing --- */

static int stream_json(const media_stream_status *s, int direction, int kind, bool first, buf *out)
{
	int err = buf_printf(out,
			     "%s{\"direction\":\"%s\",\"kind\":\"%s\",\"codec\":\"%s\",\"bps\":%lld,\"bytes\":%lld,"
			     "\"packets\":%lld,\"lost\":%lld,\"lossPercent\":%.2f,\"retransmitted\":%lld",
			     first ? "" : ",", direction_names[direction], kind_names[kind], s->codec,
			     (long long)s->bps, (long long)s->total.bytes, (long long)s->total.packets,
			     (long long)s->total.lost, s->loss * 100, (long long)s->total.retransmitted);
	if (!err && kind == PARLEY_VIDEO)
		err = buf_printf(out, ",\"width\":%lld,\"height\":%lld,\"fps\":%lld,\"frames\":%lld,\"keyFrames\":%lld",
				 (long long)s->width, (long long)s->height, (long long)s->fps,
				 (long long)s->total.frames, (long long)s->total.key_frames);
	return err ? err : buf_printf(out, "}");
}

int media_status_json(const media_status *m, buf *out)
{
	bool first = true;
	int err = 0;
	if (m->round_trip_us >= 0)
		err = buf_printf(out, "\"rttMs\":%.1f,", (double)m->round_trip_us / 1000);
	if (!err && m->available_bps >= 0)
		err = buf_printf(out, "\"availableBps\":%lld,", (long long)m->available_bps);
	err = err ? err : buf_printf(out, "\"streams\":[");
	EACH_STREAM(d, k)
	{
		if (err || !m->streams[d][k].seen)
			continue;
		err = stream_json(&m->streams[d][k], d, k, first, out);
		first = false;
	}
	return err ? err : buf_printf(out, "]");
}

static void stream_line(text *t, const media_stream_status *s, int direction, int kind)
{
	text_printf(t, "%s%s %s", t->len ? " | " : "", direction_names[direction], s->codec);
	if (kind == PARLEY_VIDEO)
		text_printf(t, " %lldx%lld %lld/s", (long long)s->width, (long long)s->height, (long long)s->fps);
	text_printf(t, " %lld kbit/s", (long long)s->bps / 1000);
	if (s->loss >= 0.0005)
		text_printf(t, " loss %.1f %%", s->loss * 100);
}

void media_status_line(const media_status *m, char *out, size_t capacity)
{
	text t = text_of(out, capacity);
	EACH_STREAM(d, k)
	if (m->streams[d][k].seen)
		stream_line(&t, &m->streams[d][k], d, k);
	if (t.len && m->round_trip_us >= 0)
		text_printf(&t, " | %.1f ms", (double)m->round_trip_us / 1000);
}
