#include "apps/parley-room/audio_encoder.h"

#include <libavutil/audio_fifo.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>
#include <stdlib.h>

#include "apps/parley-room/media_codec.h"

#define PACKETS_PER_SECOND 50
#define OPUS_BPS 64000
#define OPUS_LOSS_PERCENT "5" /* what its in-band error correction is made for */
#define JUMP_US 100000

struct audio_encoder {
	AVCodecContext *context;
	SwrContext *resampler;
	AVChannelLayout in_layout; /* of what the resampler was made for */
	int in_rate, in_format;
	AVAudioFifo *fifo; /* in the encoder's format */
	AVFrame *input, *converted;
	int packet_samples;
	int64_t next_time; /* of the fifo's first sample, in samples */
	bool begun;
};

static int open_context(audio_encoder *e, parley_codec codec)
{
	bool opus = codec == PARLEY_OPUS;
	const AVCodec *encoder =
		opus ? avcodec_find_encoder_by_name("libopus") : avcodec_find_encoder(media_codec_id(codec));
	e->context = encoder ? avcodec_alloc_context3(encoder) : NULL;
	if (!e->context)
		return AVERROR(ENOMEM);
	AVCodecContext *c = e->context;
	c->sample_rate = opus ? 48000 : 8000;
	c->sample_fmt = opus ? AV_SAMPLE_FMT_FLT : AV_SAMPLE_FMT_S16;
	c->ch_layout = opus ? (AVChannelLayout)AV_CHANNEL_LAYOUT_STEREO : (AVChannelLayout)AV_CHANNEL_LAYOUT_MONO;
	c->time_base = (AVRational){1, c->sample_rate};
	e->packet_samples = c->sample_rate / PACKETS_PER_SECOND;
	AVDictionary *options = NULL;
	if (opus) {
		c->bit_rate = OPUS_BPS;
		av_dict_set(&options, "frame_duration", "20", 0);
		av_dict_set(&options, "packet_loss", OPUS_LOSS_PERCENT, 0);
		av_dict_set(&options, "fec", "1", 0);
	}
	int err = avcodec_open2(c, encoder, &options);
	av_dict_free(&options);
	return err;
}

audio_encoder *audio_encoder_new(parley_codec codec)
{
	audio_encoder *e = calloc(1, sizeof *e);
	if (!e)
		return NULL;
	e->input = av_frame_alloc();
	e->converted = av_frame_alloc();
	if (e->input && e->converted && open_context(e, codec) >= 0)
		e->fifo = av_audio_fifo_alloc(e->context->sample_fmt, e->context->ch_layout.nb_channels,
					      e->packet_samples * 4);
	if (!e->fifo) {
		audio_encoder_free(e);
		return NULL;
	}
	return e;
}

void audio_encoder_free(audio_encoder *e)
{
	if (!e)
		return;
	avcodec_free_context(&e->context);
	swr_free(&e->resampler);
	av_channel_layout_uninit(&e->in_layout);
	av_audio_fifo_free(e->fifo);
	av_frame_free(&e->input);
	av_frame_free(&e->converted);
	free(e);
}

/* --- in --- */

static int prepare_resampler(audio_encoder *e, const AVFrame *sound)
{
	AVCodecContext *c = e->context;
	if (e->resampler && e->in_rate == sound->sample_rate && e->in_format == sound->format &&
	    av_channel_layout_compare(&e->in_layout, &sound->ch_layout) == 0)
		return 0;
	swr_free(&e->resampler);
	e->in_rate = sound->sample_rate;
	e->in_format = sound->format;
	int err = av_channel_layout_copy(&e->in_layout, &sound->ch_layout);
	err = err < 0 ? err
		      : swr_alloc_set_opts2(&e->resampler, &c->ch_layout, c->sample_fmt, c->sample_rate, &e->in_layout,
					    sound->format, sound->sample_rate, 0, NULL);
	err = err < 0 ? err : swr_init(e->resampler);
	if (err < 0)
		swr_free(&e->resampler);
	return err;
}

/* Where the fifo's end stands in time; a jump empties it. */
static void keep_time(audio_encoder *e, int64_t time_us)
{
	int rate = e->context->sample_rate;
	int64_t at = av_rescale(time_us, rate, 1000000);
	int64_t expected = e->next_time + av_audio_fifo_size(e->fifo);
	int64_t off = at > expected ? at - expected : expected - at;
	if (e->begun && off <= av_rescale(JUMP_US, rate, 1000000))
		return;
	av_audio_fifo_reset(e->fifo);
	e->next_time = at;
	e->begun = true;
}

int audio_encoder_push(audio_encoder *e, const AVFrame *sound, int64_t time_us)
{
	const AVCodecContext *c = e->context;
	int err = prepare_resampler(e, sound);
	if (err < 0)
		return err;
	keep_time(e, time_us);
	av_frame_unref(e->converted);
	e->converted->format = c->sample_fmt;
	e->converted->sample_rate = c->sample_rate;
	err = av_channel_layout_copy(&e->converted->ch_layout, &c->ch_layout);
	err = err < 0 ? err : swr_convert_frame(e->resampler, e->converted, sound);
	if (err < 0)
		return err;
	int written = av_audio_fifo_write(e->fifo, (void **)e->converted->extended_data, e->converted->nb_samples);
	return written < 0 ? written : 0;
}

/* --- out --- */

/* A packet's worth of sound from the fifo in e->input. */
static int take_input(audio_encoder *e)
{
	const AVCodecContext *c = e->context;
	av_frame_unref(e->input);
	e->input->format = c->sample_fmt;
	e->input->sample_rate = c->sample_rate;
	e->input->nb_samples = e->packet_samples;
	int err = av_channel_layout_copy(&e->input->ch_layout, &c->ch_layout);
	err = err < 0 ? err : av_frame_get_buffer(e->input, 0);
	err = err < 0 ? err : av_audio_fifo_read(e->fifo, (void **)e->input->extended_data, e->packet_samples);
	return err;
}

int audio_encoder_pull(audio_encoder *e, AVPacket *out)
{
	if (av_audio_fifo_size(e->fifo) < e->packet_samples)
		return 0;
	int err = take_input(e);
	if (err < 0)
		return err;
	int64_t at = e->next_time;
	e->next_time += e->packet_samples;
	e->input->pts = at;
	err = avcodec_send_frame(e->context, e->input);
	err = err < 0 ? err : avcodec_receive_packet(e->context, out);
	if (err < 0)
		return err == AVERROR(EAGAIN) ? 0 : err;
	out->pts = av_rescale(at, 1000000, e->context->sample_rate); /* not the encoder's, which counts its delay */
	return 1;
}
