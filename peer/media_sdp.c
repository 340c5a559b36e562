/* The transceivers' part in offers and answers (RFC 8829 5.2, 5.3, 5.10). */
#include <string.h>

#include "base/text.h"
#include "peer/internal.h"

#define FOR_EACH_TRANSCEIVER(t, all)                          \
	for (size_t t##_i = 0; t##_i < (all)->count; t##_i++) \
		for (transceiver *t = (all)->items[t##_i]; t; t = NULL)

/* --- into descriptions --- */

static sdp_kind kind_of(const transceiver *t)
{
	return t->info.kind == PARLEY_AUDIO ? SDP_AUDIO : SDP_VIDEO;
}

static void describe(const parley_core *core, const transceiver *t, slice *stream, sdp_local_media *out)
{
	bool stopped = t->info.direction == PARLEY_STOPPED;
	*stream = slice_from_string(t->stream_id);
	*out = (sdp_local_media){
		.kind = kind_of(t),
		.mid = slice_from_string(t->info.mid),
		.direction = stopped ? SDP_INACTIVE : (sdp_direction)t->info.direction,
		.stopped = stopped,
		.codecs = t->sdp_codec_count ? t->sdp_codecs : NULL,
		.codec_count = t->sdp_codec_count,
		.extensions = sdp_default_extensions(kind_of(t)),
		.streams = stream,
		.has_sent = t->sender != 0,
		.stream_count = 1,
		.track = slice_from_string(t->track_id),
		.cname = slice_from_string(core->cname),
		.ssrc = t->info.ssrc,
		.has_rtx_ssrc = t->info.kind == PARLEY_VIDEO,
		.rtx_ssrc = t->rtx_ssrc,
	};
}

size_t transceivers_describe(const parley_core *core, sdp_local_media *out, slice *streams)
{
	const transceivers *all = &core->transceivers;
	for (size_t i = 0; i < all->count; i++)
		describe(core, all->items[i], &streams[i], &out[i]);
	return all->count;
}

/* --- from descriptions --- */

static void take_mid(transceiver *t, slice mid)
{
	text copy = text_of(t->info.mid, sizeof t->info.mid);
	text_slice(&copy, mid);
	t->mid_is_pending = true;
}

void transceivers_take_sections(parley_core *core, const sdp_session *local, const int *sections)
{
	FOR_EACH_TRANSCEIVER(t, &core->transceivers)
	{
		int section = sections[t->handle - 1];
		if (!t->info.mid[0] && section >= 0 && (size_t)section < local->media_count)
			take_mid(t, local->media[section].mid);
	}
}

void transceivers_roll_back(parley_core *core)
{
	FOR_EACH_TRANSCEIVER(t, &core->transceivers)
	{
		if (t->mid_is_pending)
			t->info.mid[0] = '\0';
		t->mid_is_pending = false;
	}
}

static transceiver *find_mid(const transceivers *all, slice mid)
{
	FOR_EACH_TRANSCEIVER(t, all)
	if (mid.len && slice_equal_string(mid, t->info.mid))
		return t;
	return NULL;
}

/* The first that waits for a section of that kind. */
static transceiver *find_waiting(const transceivers *all, sdp_kind kind)
{
	FOR_EACH_TRANSCEIVER(t, all)
	if (!t->info.mid[0] && kind_of(t) == kind && t->info.direction != PARLEY_STOPPED)
		return t;
	return NULL;
}

static int match_section(parley_core *core, const sdp_media *media)
{
	if ((media->kind != SDP_AUDIO && media->kind != SDP_VIDEO) || sdp_is_rejected(media))
		return 0;
	if (media->mid.len == 0 || media->mid.len >= sizeof((parley_transceiver_info *)0)->mid)
		return 0; /* no peer of today; it will be answered inactive */
	if (find_mid(&core->transceivers, media->mid))
		return 0;
	transceiver *t = find_waiting(&core->transceivers, media->kind);
	if (!t && core->decline_media)
		return 0;
	if (!t) {
		parley_transceiver_init init = {.direction = PARLEY_RECVONLY};
		parley_media_kind kind = media->kind == SDP_AUDIO ? PARLEY_AUDIO : PARLEY_VIDEO;
		if (core->transceivers.count == PARLEY_TRANSCEIVERS_MAX)
			return 0;
		int err = transceivers_add(core, kind, &init, &t);
		if (err)
			return err;
		t->negotiated_wanted = init.direction;
	}
	take_mid(t, media->mid);
	return 0;
}

int transceivers_match_offer(parley_core *core, const sdp_session *offer)
{
	int err = 0;
	for (size_t i = 0; i < offer->media_count && !err; i++)
		err = match_section(core, &offer->media[i]);
	return err;
}

bool transceivers_need_negotiation(const parley_core *core)
{
	FOR_EACH_TRANSCEIVER(t, &core->transceivers)
	{
		bool stopped = t->info.direction == PARLEY_STOPPED;
		bool described = t->info.mid[0] != '\0' && !t->mid_is_pending;
		if (described ? t->info.direction != t->negotiated_wanted : !stopped)
			return true;
	}
	return false;
}

/* What the two descriptions made of it. */
static void take_plan(transceiver *t, const sdp_media_plan *plan)
{
	t->info.current_direction = plan->accepted ? (parley_direction)plan->direction : PARLEY_INACTIVE;
	bool sends = t->info.current_direction & PARLEY_SENDONLY;
	t->info.send_codec = PARLEY_CODEC_NONE;
	if (sends && plan->codec_count) {
		char name[32];
		text_copy(name, sizeof name, plan->send[0].name);
		t->info.send_codec = parley_codec_by_name(name);
	}
	text_copy(t->info.remote_stream_id, sizeof t->info.remote_stream_id,
		  plan->stream_count ? plan->streams[0] : slice_of(NULL, 0));
	text_copy(t->info.remote_track_id, sizeof t->info.remote_track_id, plan->track);
}

static void negotiated(parley_core *core, transceiver *t, bool answer_is_local)
{
	sdp_media_plan plan;
	parley_transceiver_info before = t->info;
	int section = sdp_find_mid(core->current_local, slice_from_string(t->info.mid));
	if (section < 0 ||
	    sdp_negotiated(core->current_local, core->current_remote, answer_is_local, (size_t)section, &plan))
		plan = (sdp_media_plan){.accepted = false};
	take_plan(t, &plan);
	media_apply(core, t, &plan);
	t->negotiated_wanted = t->info.direction;
	if (t->info.current_direction == before.current_direction && t->info.send_codec == before.send_codec &&
	    !t->mid_is_pending)
		return;
	t->mid_is_pending = false;
	parley_event event = {.type = PARLEY_EVENT_TRANSCEIVER};
	event.transceiver.transceiver = t->handle;
	event.transceiver.info = t->info;
	event_push(core, &event);
}

void transceivers_negotiated(parley_core *core, bool answer_is_local)
{
	FOR_EACH_TRANSCEIVER(t, &core->transceivers)
	if (t->info.mid[0])
		negotiated(core, t, answer_is_local);
}
