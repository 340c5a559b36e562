/* Codecs and header extensions: those that Parley offers, and when two descriptions mean the same. */
#include "base/text.h"
#include "sdp/internal.h"

#define LITERAL(s) slice_from_string(s)
#define COUNT(a) (sizeof(a) / sizeof *(a))

#define VIDEO_FEEDBACK \
	(SDP_FEEDBACK_NACK | SDP_FEEDBACK_PLI | SDP_FEEDBACK_FIR | SDP_FEEDBACK_TRANSPORT_CC | SDP_FEEDBACK_REMB)

/* The payload types are those of Chromium, where they are free: people know them. */
static const sdp_local_codec audio_codecs[] = {
	{"opus", 48000, 2, "minptime=10;useinbandfec=1", SDP_FEEDBACK_TRANSPORT_CC, 111, false, 0},
	{"PCMU", 8000, 0, "", SDP_FEEDBACK_TRANSPORT_CC, 0, false, 0},
	{"PCMA", 8000, 0, "", SDP_FEEDBACK_TRANSPORT_CC, 8, false, 0},
};

/* RFC 6184 8.1: constrained baseline, level 3.1. */
#define H264_FMTP(mode) "level-asymmetry-allowed=1;packetization-mode=" mode ";profile-level-id=42e01f"

static const sdp_local_codec video_codecs[] = {
	{"VP8", 90000, 0, "", VIDEO_FEEDBACK, 96, true, 97},
	{"VP9", 90000, 0, "profile-id=0", VIDEO_FEEDBACK, 98, true, 99},
	{"H264", 90000, 0, H264_FMTP("1"), VIDEO_FEEDBACK, 102, true, 103},
	{"H264", 90000, 0, H264_FMTP("0"), VIDEO_FEEDBACK, 104, true, 105},
	{"AV1", 90000, 0, "level-idx=5;profile=0;tier=0", VIDEO_FEEDBACK, 45, true, 46},
};

const sdp_local_codec *sdp_default_codecs(sdp_kind kind, size_t *count)
{
	switch (kind) {
	case SDP_AUDIO:
		*count = COUNT(audio_codecs);
		return audio_codecs;
	case SDP_VIDEO:
		*count = COUNT(video_codecs);
		return video_codecs;
	default:
		*count = 0;
		return NULL;
	}
}

sdp_codec sdp_codec_of(const sdp_local_codec *codec)
{
	return (sdp_codec){
		.payload_type = codec->payload_type,
		.has_rtpmap = true,
		.name = LITERAL(codec->name),
		.clock_rate = codec->clock_rate,
		.channels = codec->channels,
		.fmtp = LITERAL(codec->fmtp),
	};
}

/* --- header extensions --- */

static const char *const extension_uris[SDP_EXTENSION_COUNT] = {
	[SDP_EXTENSION_MID] = "urn:ietf:params:rtp-hdrext:sdes:mid",
	[SDP_EXTENSION_RID] = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
	[SDP_EXTENSION_REPAIRED_RID] = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
	[SDP_EXTENSION_ABS_SEND_TIME] = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
	[SDP_EXTENSION_TRANSPORT_CC] = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
	[SDP_EXTENSION_AUDIO_LEVEL] = "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
	[SDP_EXTENSION_VIDEO_ORIENTATION] = "urn:3gpp:video-orientation",
};

const char *sdp_extension_uri(sdp_extension extension)
{
	return extension_uris[extension];
}

unsigned sdp_default_extensions(sdp_kind kind)
{
	const unsigned video_only =
		1u << SDP_EXTENSION_RID | 1u << SDP_EXTENSION_REPAIRED_RID | 1u << SDP_EXTENSION_VIDEO_ORIENTATION;
	const unsigned audio_only = 1u << SDP_EXTENSION_AUDIO_LEVEL;
	const unsigned all = (1u << SDP_EXTENSION_COUNT) - 1;
	switch (kind) {
	case SDP_AUDIO:
		return all & ~video_only;
	case SDP_VIDEO:
		return all & ~audio_only;
	default:
		return 0;
	}
}

int sdp_extension_of(slice uri)
{
	for (int i = 0; i < SDP_EXTENSION_COUNT; i++)
		if (slice_equal_string(uri, extension_uris[i]))
			return i;
	return -1;
}

const sdp_extmap *sdp_find_extmap(const sdp_media *media, sdp_extension extension)
{
	for (size_t i = 0; i < media->extmap_count; i++)
		if (media->extmaps[i].id <= SDP_EXTENSION_ID_MAX &&
		    slice_equal_string(media->extmaps[i].uri, extension_uris[extension]))
			return &media->extmaps[i];
	return NULL;
}

/* --- feedback --- */

static const struct {
	sdp_feedback bit;
	const char *text;
} feedbacks[] = {
	{SDP_FEEDBACK_REMB, "goog-remb"}, {SDP_FEEDBACK_TRANSPORT_CC, "transport-cc"},
	{SDP_FEEDBACK_FIR, "ccm fir"},	  {SDP_FEEDBACK_NACK, "nack"},
	{SDP_FEEDBACK_PLI, "nack pli"},
};

static unsigned feedback_in(const sdp_slices *list)
{
	unsigned set = 0;
	for (size_t i = 0; i < list->count; i++)
		for (size_t k = 0; k < COUNT(feedbacks); k++)
			if (slice_equal_string(list->items[i], feedbacks[k].text))
				set |= feedbacks[k].bit;
	return set;
}

unsigned sdp_feedback_of(const sdp_media *media, const sdp_codec *codec)
{
	return feedback_in(&codec->rtcp_fb) | feedback_in(&media->rtcp_fb_any);
}

const char *sdp_feedback_text(unsigned set, size_t index)
{
	for (size_t i = 0; i < COUNT(feedbacks); i++)
		if ((set & feedbacks[i].bit) && index-- == 0)
			return feedbacks[i].text;
	return NULL;
}

/* --- matching --- */

static bool is_named(const sdp_codec *codec, const char *name)
{
	return slice_equal_nocase(codec->name, LITERAL(name));
}

/* The parameter as a number, or fallback where it is missing or none. */
static uint32_t number(slice fmtp, const char *name, uint32_t fallback)
{
	slice word;
	uint32_t value;
	return sdp_fmtp_get(fmtp, name, &word) && scan_u32(word, UINT32_MAX, &value) ? value : fallback;
}

static bool hex_byte(slice hex, size_t at, uint8_t *out)
{
	uint8_t value = 0;
	for (size_t i = at; i < at + 2; i++) {
		uint8_t c = hex.data[i], lower = c | 0x20;
		if (c >= '0' && c <= '9')
			value = (uint8_t)(value << 4 | (c - '0'));
		else if (lower >= 'a' && lower <= 'f')
			value = (uint8_t)(value << 4 | (lower - 'a' + 10));
		else
			return false;
	}
	*out = value;
	return true;
}

typedef enum {
	H264_UNKNOWN,
	H264_CONSTRAINED_BASELINE,
	H264_BASELINE,
	H264_EXTENDED,
	H264_MAIN,
	H264_CONSTRAINED_HIGH,
	H264_HIGH,
	H264_HIGH_444,
} h264_profile;

/* RFC 6184 8.1, table 5: which constraint_set flags (0 is the highest bit) make which profile. */
static const struct {
	uint8_t profile_idc, mask, flags;
	h264_profile profile;
} h264_profiles[] = {
	{0x42, 0x4f, 0x40, H264_CONSTRAINED_BASELINE},
	{0x4d, 0x8f, 0x80, H264_CONSTRAINED_BASELINE},
	{0x58, 0xcf, 0xc0, H264_CONSTRAINED_BASELINE},
	{0x42, 0x4f, 0x00, H264_BASELINE},
	{0x58, 0xcf, 0x80, H264_BASELINE},
	{0x58, 0xcf, 0x00, H264_EXTENDED},
	{0x4d, 0xaf, 0x00, H264_MAIN},
	{0x64, 0xff, 0x0c, H264_CONSTRAINED_HIGH},
	{0x64, 0xff, 0x00, H264_HIGH},
	{0xf4, 0xff, 0x00, H264_HIGH_444},
};

static h264_profile profile_of_h264(slice fmtp)
{
	slice id;
	uint8_t profile_idc, constraints;
	if (!sdp_fmtp_get(fmtp, "profile-level-id", &id))
		return H264_CONSTRAINED_BASELINE;
	if (id.len != 6 || !hex_byte(id, 0, &profile_idc) || !hex_byte(id, 2, &constraints))
		return H264_UNKNOWN;
	for (size_t i = 0; i < COUNT(h264_profiles); i++)
		if (profile_idc == h264_profiles[i].profile_idc &&
		    (constraints & h264_profiles[i].mask) == h264_profiles[i].flags)
			return h264_profiles[i].profile;
	return H264_UNKNOWN;
}

static bool is_same_word(slice a, slice b, const char *name, const char *fallback)
{
	slice x = LITERAL(fallback), y = x;
	sdp_fmtp_get(a, name, &x);
	sdp_fmtp_get(b, name, &y);
	return slice_equal_nocase(x, y);
}

/* RFC 6184 8.2.2: an unknown profile is the same as nothing, not even itself, since who could decode it? */
static bool is_same_h264(slice a, slice b)
{
	h264_profile profile = profile_of_h264(a);
	return profile != H264_UNKNOWN && profile == profile_of_h264(b) &&
	       number(a, "packetization-mode", 0) == number(b, "packetization-mode", 0);
}

static bool is_same_profile(const sdp_codec *a, const sdp_codec *b)
{
	if (is_named(a, "H264"))
		return is_same_h264(a->fmtp, b->fmtp);
	if (is_named(a, "VP9"))
		return number(a->fmtp, "profile-id", 0) == number(b->fmtp, "profile-id", 0);
	if (is_named(a, "AV1")) /* its RTP specification, 7.2 */
		return number(a->fmtp, "profile", 0) == number(b->fmtp, "profile", 0);
	if (is_named(a, "H265"))
		return number(a->fmtp, "profile-id", 1) == number(b->fmtp, "profile-id", 1) &&
		       is_same_word(a->fmtp, b->fmtp, "tx-mode", "SRST");
	if (is_named(a, "rtx")) /* RFC 4588 8.1 */
		return is_same_word(a->fmtp, b->fmtp, "apt", "");
	return true;
}

static uint32_t channels_of(const sdp_codec *codec)
{
	return codec->channels ? codec->channels : 1;
}

bool sdp_codecs_match(const sdp_codec *a, const sdp_codec *b)
{
	return slice_equal_nocase(a->name, b->name) && a->clock_rate == b->clock_rate &&
	       channels_of(a) == channels_of(b) && is_same_profile(a, b);
}

bool sdp_is_rtx(const sdp_codec *codec)
{
	return is_named(codec, "rtx");
}

const sdp_codec *sdp_find_rtx(const sdp_media *media, uint8_t payload_type)
{
	slice apt;
	uint32_t base;
	for (size_t i = 0; i < media->codec_count; i++) {
		const sdp_codec *c = &media->codecs[i];
		if (sdp_is_rtx(c) && sdp_fmtp_get(c->fmtp, "apt", &apt) && scan_u32(apt, 127, &base) &&
		    base == payload_type)
			return c;
	}
	return NULL;
}

const sdp_codec *sdp_find_match(const sdp_media *media, const sdp_codec *codec)
{
	const sdp_codec *same_type = sdp_find_codec(media, codec->payload_type);
	if (same_type && sdp_codecs_match(same_type, codec))
		return same_type;
	for (size_t i = 0; i < media->codec_count; i++)
		if (sdp_codecs_match(&media->codecs[i], codec))
			return &media->codecs[i];
	return NULL;
}

int sdp_h264_lower_level(sdp_session *session, slice offered, slice *fmtp)
{
	slice theirs, ours;
	uint8_t their_level, our_level;
	if (number(offered, "level-asymmetry-allowed", 0) == 1 && number(*fmtp, "level-asymmetry-allowed", 0) == 1)
		return 0;
	if (!sdp_fmtp_get(offered, "profile-level-id", &theirs) || theirs.len != 6 ||
	    !hex_byte(theirs, 4, &their_level) || !sdp_fmtp_get(*fmtp, "profile-level-id", &ours) || ours.len != 6 ||
	    !hex_byte(ours, 4, &our_level) || their_level >= our_level)
		return 0;
	size_t at = (size_t)(ours.data - fmtp->data) + 4;
	uint8_t *copy = sdp_alloc(session, fmtp->len);
	if (!copy)
		return PARLEY_ENOMEM;
	for (size_t i = 0; i < fmtp->len; i++)
		copy[i] = i == at ? theirs.data[4] : i == at + 1 ? theirs.data[5] : fmtp->data[i];
	*fmtp = slice_of(copy, fmtp->len);
	return 0;
}
