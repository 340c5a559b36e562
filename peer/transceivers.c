#include "peer/transceivers.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/text.h"
#include "peer/internal.h"

static const struct {
	const char *name;
	parley_media_kind kind;
	uint32_t clock_rate;
} codecs[] = {
	[PARLEY_CODEC_NONE] = {"none", PARLEY_AUDIO, 0}, [PARLEY_OPUS] = {"opus", PARLEY_AUDIO, 48000},
	[PARLEY_PCMU] = {"PCMU", PARLEY_AUDIO, 8000},	 [PARLEY_PCMA] = {"PCMA", PARLEY_AUDIO, 8000},
	[PARLEY_VP8] = {"VP8", PARLEY_VIDEO, 90000},	 [PARLEY_VP9] = {"VP9", PARLEY_VIDEO, 90000},
	[PARLEY_H264] = {"H264", PARLEY_VIDEO, 90000},	 [PARLEY_AV1] = {"AV1", PARLEY_VIDEO, 90000},
};
#define CODEC_COUNT (sizeof codecs / sizeof *codecs)

const char *parley_codec_name(parley_codec codec)
{
	return (size_t)codec < CODEC_COUNT ? codecs[codec].name : "unknown";
}

uint32_t parley_codec_clock_rate(parley_codec codec)
{
	return (size_t)codec < CODEC_COUNT ? codecs[codec].clock_rate : 0;
}

parley_codec parley_codec_by_name(const char *name)
{
	for (size_t i = 1; i < CODEC_COUNT; i++)
		if (slice_equal_nocase(slice_from_string(name), slice_from_string(codecs[i].name)))
			return (parley_codec)i;
	return PARLEY_CODEC_NONE;
}

const char *parley_direction_name(parley_direction direction)
{
	static const char *const names[] = {"inactive", "sendonly", "recvonly", "sendrecv", "stopped"};
	return (size_t)direction < sizeof names / sizeof *names ? names[direction] : "unknown";
}

void parley_transceiver_init_default(parley_transceiver_init *init)
{
	*init = (parley_transceiver_init){.direction = PARLEY_SENDRECV};
}

void transceivers_clear(transceivers *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->items[i]);
	t->count = 0;
}

transceiver *transceivers_find(const transceivers *t, parley_transceiver handle)
{
	return handle >= 1 && handle <= t->count ? t->items[handle - 1] : NULL;
}

/* The SDP codecs of that name, such as H.264 in both packetization modes. */
static void take_sdp_codecs(transceiver *t, parley_codec codec)
{
	size_t count;
	const sdp_local_codec *all = sdp_default_codecs(t->info.kind == PARLEY_AUDIO ? SDP_AUDIO : SDP_VIDEO, &count);
	for (size_t i = 0; i < count && t->sdp_codec_count < TRANSCEIVER_SDP_CODECS_MAX; i++)
		if (parley_codec_by_name(all[i].name) == codec)
			t->sdp_codecs[t->sdp_codec_count++] = all[i];
}

static int take_codecs(parley_core *core, transceiver *t, const parley_codec *wanted)
{
	size_t n = 0;
	if (wanted[0] == PARLEY_CODEC_NONE)
		return 0; /* all; an answer then keeps the offer's order */
	for (; n < PARLEY_CODECS_MAX && wanted[n] != PARLEY_CODEC_NONE; n++) {
		if ((size_t)wanted[n] >= CODEC_COUNT || codecs[wanted[n]].kind != t->info.kind)
			return core_fail(core, PARLEY_EINVAL, "%s is no codec for this kind of media",
					 parley_codec_name(wanted[n]));
		take_sdp_codecs(t, wanted[n]);
	}
	return 0;
}

/* An id as W3C's are: 128 random bits, in hexadecimal. */
static int take_id(parley_core *core, const char *given, char out[TRANSCEIVER_ID_MAX])
{
	uint8_t bytes[16];
	text t = text_of(out, TRANSCEIVER_ID_MAX);
	if (given) {
		text_slice(&t, slice_part(slice_from_string(given), 0, TRANSCEIVER_ID_MAX - 1));
		return 0;
	}
	int err = rng_bytes(&core->random, bytes, sizeof bytes);
	for (size_t i = 0; i < sizeof bytes && !err; i++)
		text_printf(&t, "%02x", bytes[i]);
	return err;
}

static int set_up(parley_core *core, transceiver *t, const parley_transceiver_init *init)
{
	if (init->direction > PARLEY_SENDRECV)
		return core_fail(core, PARLEY_EINVAL, "a new transceiver cannot be stopped");
	t->info.direction = init->direction;
	int err = take_codecs(core, t, init->codecs);
	if (!err)
		err = take_id(core, init->stream_id, t->stream_id);
	if (!err)
		err = take_id(core, init->track_id, t->track_id);
	if (!err)
		err = rng_u32(&core->random, &t->info.ssrc);
	return err ? err : rng_u32(&core->random, &t->rtx_ssrc);
}

int transceivers_add(parley_core *core, parley_media_kind kind, const parley_transceiver_init *init, transceiver **out)
{
	transceivers *all = &core->transceivers;
	if (all->count == PARLEY_TRANSCEIVERS_MAX)
		return core_fail(core, PARLEY_ELIMIT, "no more than %u transceivers", PARLEY_TRANSCEIVERS_MAX);
	transceiver *t = calloc(1, sizeof *t);
	if (!t)
		return PARLEY_ENOMEM;
	t->info.kind = kind;
	int err = set_up(core, t, init);
	if (err) {
		free(t);
		return err;
	}
	all->items[all->count++] = t;
	t->handle = (parley_transceiver)all->count;
	*out = t;
	return 0;
}

int parley_core_add_transceiver(parley_core *core, uint64_t now, parley_media_kind kind,
				const parley_transceiver_init *init, parley_transceiver *out)
{
	parley_transceiver_init defaults;
	parley_transceiver_init_default(&defaults);
	if (core->closed)
		return PARLEY_ECLOSED;
	core_enter(core, now);
	transceiver *t;
	int err = transceivers_add(core, kind, init ? init : &defaults, &t);
	if (err)
		return err;
	*out = t->handle;
	jsep_check_negotiation_needed(core);
	return 0;
}

int parley_core_set_direction(parley_core *core, uint64_t now, parley_transceiver handle, parley_direction direction)
{
	if (core->closed)
		return PARLEY_ECLOSED;
	core_enter(core, now);
	transceiver *t = transceivers_find(&core->transceivers, handle);
	if (!t)
		return PARLEY_ENOTFOUND;
	if (t->info.direction == PARLEY_STOPPED || direction > PARLEY_STOPPED)
		return core_fail(core, PARLEY_ESTATE, "the transceiver is stopped");
	t->info.direction = direction;
	jsep_check_negotiation_needed(core);
	return 0;
}

int parley_core_transceiver_info(const parley_core *core, parley_transceiver handle, parley_transceiver_info *out)
{
	const transceiver *t = transceivers_find(&core->transceivers, handle);
	if (!t)
		return PARLEY_ENOTFOUND;
	*out = t->info;
	return 0;
}
