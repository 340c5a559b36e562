/* Which payload type a codec gets in an offer, and which id an extension. */
#include "base/text.h"
#include "sdp/internal.h"

/*
 * The dynamic payload types of RFC 3551 6, and below them those that RTP/RTCP multiplexing leaves (RFC 5761 4: not
 * 64 to 95); 0 to 34 are the table's own.
 */
static const uint8_t ranges[][2] = {{96, 127}, {35, 63}};

/* An id that was another extension, in a section outside the bundle, is that no longer. */
static void note_extension(sdp_numbers *numbers, const sdp_extmap *e)
{
	int extension = sdp_extension_of(e->uri);
	if (e->id > SDP_EXTENSION_ID_SHORT_MAX)
		return;
	for (size_t i = 0; i < SDP_EXTENSION_COUNT; i++)
		if (numbers->extension_ids[i] == e->id)
			numbers->extension_ids[i] = 0;
	numbers->id_taken[e->id] = true;
	if (extension >= 0)
		numbers->extension_ids[extension] = (uint8_t)e->id;
}

static void note_media(sdp_numbers *numbers, const sdp_media *m)
{
	for (size_t i = 0; i < m->codec_count; i++)
		numbers->types[m->codecs[i].payload_type].codec = &m->codecs[i];
	for (size_t i = 0; i < m->extmap_count; i++)
		note_extension(numbers, &m->extmaps[i]);
}

void sdp_numbers_note(sdp_numbers *numbers, const sdp_session *session)
{
	for (size_t i = 0; session && i < session->media_count; i++)
		if (!sdp_is_rejected(&session->media[i]) && sdp_is_dtls_rtp(&session->media[i]))
			note_media(numbers, &session->media[i]);
}

/* The fmtp of a codec counts within an offer: browsers refuse one payload type with two of them in a bundle. */
static bool may_have(const sdp_numbers *numbers, unsigned type, const sdp_codec *codec, const bool taken[128])
{
	const sdp_codec *holder = numbers->types[type].codec;
	if (taken[type])
		return false;
	return !holder || (sdp_codecs_match(holder, codec) &&
			   (!numbers->types[type].offered || slice_equal(holder->fmtp, codec->fmtp)));
}

static int type_in_use(const sdp_numbers *numbers, const sdp_codec *codec, const bool taken[128])
{
	for (unsigned type = 0; type < 128; type++)
		if (numbers->types[type].codec && may_have(numbers, type, codec, taken))
			return (int)type;
	return -1;
}

static int free_type(const sdp_numbers *numbers, const bool taken[128])
{
	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
		for (unsigned type = ranges[i][0]; type <= ranges[i][1]; type++)
			if (!taken[type] && !numbers->types[type].codec)
				return (int)type;
	return -1;
}

int sdp_numbers_type(const sdp_numbers *numbers, const sdp_codec *codec, const sdp_media *before[2],
		     const bool taken[128])
{
	const sdp_codec *local = before[0] ? sdp_find_match(before[0], codec) : NULL;
	const sdp_codec *remote = before[1] ? sdp_find_match(before[1], codec) : NULL;
	if (local && !taken[local->payload_type])
		return local->payload_type; /* even if another section, of Firefox, has it for something else */
	if (remote && may_have(numbers, remote->payload_type, codec, taken))
		return remote->payload_type;
	int type = type_in_use(numbers, codec, taken);
	if (type >= 0)
		return type;
	if (may_have(numbers, codec->payload_type, codec, taken))
		return codec->payload_type;
	return free_type(numbers, taken);
}

void sdp_numbers_offer(sdp_numbers *numbers, const sdp_codec *codec)
{
	numbers->types[codec->payload_type].codec = codec;
	numbers->types[codec->payload_type].offered = true;
}

uint8_t sdp_numbers_extension(sdp_numbers *numbers, sdp_extension extension)
{
	uint8_t *id = &numbers->extension_ids[extension];
	unsigned next = (unsigned)extension + 1; /* the same ids in every first offer */
	for (unsigned tries = 0; !*id && tries < SDP_EXTENSION_ID_SHORT_MAX; tries++) {
		if (!numbers->id_taken[next])
			*id = (uint8_t)next;
		next = next % SDP_EXTENSION_ID_SHORT_MAX + 1;
	}
	numbers->id_taken[*id] = true;
	return *id;
}
