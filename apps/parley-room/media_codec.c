#include "apps/parley-room/media_codec.h"

#include <libavutil/log.h>
#include <stdio.h>

static const struct {
	parley_codec codec;
	enum AVCodecID id;
	parley_media_kind kind;
} codecs[] = {
	{PARLEY_OPUS, AV_CODEC_ID_OPUS, PARLEY_AUDIO},	   {PARLEY_PCMU, AV_CODEC_ID_PCM_MULAW, PARLEY_AUDIO},
	{PARLEY_PCMA, AV_CODEC_ID_PCM_ALAW, PARLEY_AUDIO}, {PARLEY_VP8, AV_CODEC_ID_VP8, PARLEY_VIDEO},
	{PARLEY_VP9, AV_CODEC_ID_VP9, PARLEY_VIDEO},	   {PARLEY_H264, AV_CODEC_ID_H264, PARLEY_VIDEO},
	{PARLEY_AV1, AV_CODEC_ID_AV1, PARLEY_VIDEO},
};
#define CODEC_COUNT (sizeof codecs / sizeof codecs[0])

enum AVCodecID media_codec_id(parley_codec codec)
{
	for (size_t i = 0; i < CODEC_COUNT; i++)
		if (codecs[i].codec == codec)
			return codecs[i].id;
	return AV_CODEC_ID_NONE;
}

parley_codec media_codec_of_id(enum AVCodecID id)
{
	for (size_t i = 0; i < CODEC_COUNT; i++)
		if (codecs[i].id == id)
			return codecs[i].codec;
	return PARLEY_CODEC_NONE;
}

parley_media_kind media_codec_kind(parley_codec codec)
{
	for (size_t i = 0; i < CODEC_COUNT; i++)
		if (codecs[i].codec == codec)
			return codecs[i].kind;
	return PARLEY_VIDEO;
}

uint32_t media_rtp_timestamp(parley_codec codec, int64_t time_us)
{
	AVRational clock = {1, (int)parley_codec_clock_rate(codec)};
	return (uint32_t)av_rescale_q(time_us, MEDIA_TIME_BASE, clock);
}

bool media_say_why(char why[MEDIA_WHY_MAX], const char *what, int error)
{
	char text[AV_ERROR_MAX_STRING_SIZE];
	av_strerror(error, text, sizeof text);
	snprintf(why, MEDIA_WHY_MAX, "%s: %s", what, text);
	return false;
}

AVCodecContext *media_open_decoder(const AVCodecParameters *par)
{
	const AVCodec *codec = avcodec_find_decoder(par->codec_id);
	AVCodecContext *decoder = codec ? avcodec_alloc_context3(codec) : NULL;
	if (!decoder)
		return NULL;
	decoder->thread_count = 1; /* with more, frames come out later */
	if (avcodec_parameters_to_context(decoder, par) < 0 || avcodec_open2(decoder, codec, NULL) < 0)
		avcodec_free_context(&decoder);
	return decoder;
}

void media_set_log(bool verbose)
{
	av_log_set_level(verbose ? AV_LOG_WARNING : AV_LOG_FATAL);
}
