#include "apps/parley-room/recorder_track.h"

#include <libavcodec/bsf.h>
#include <string.h>

#define OPUS_HEAD_BYTES 19 /* RFC 7845 5.1, mapping family 0 */
#define OPUS_PRE_SKIP 312  /* samples of 48 kHz: 6.5 ms, what encoders commonly look ahead */
#define OPUS_SAMPLES 960
#define DRIFT_MAX_US 2000000 /* between RTP time and arrival */

static AVPacket *copy_packet(const uint8_t *data, size_t len, bool key)
{
	AVPacket *p = av_packet_alloc();
	if (!p || av_new_packet(p, (int)len) < 0) {
		av_packet_free(&p);
		return NULL;
	}
	if (len)
		memcpy(p->data, data, len);
	p->flags = key ? AV_PKT_FLAG_KEY : 0;
	return p;
}

static int set_extradata(AVCodecParameters *par, const uint8_t *data, size_t len)
{
	uint8_t *copy = av_mallocz(len + AV_INPUT_BUFFER_PADDING_SIZE);
	if (!copy)
		return AVERROR(ENOMEM);
	memcpy(copy, data, len);
	av_freep(&par->extradata);
	par->extradata = copy;
	par->extradata_size = (int)len;
	return 0;
}

/* --- parameters --- */

/* SPS and PPS of H.264, the sequence header of AV1: libavformat makes avcC and av1C of them. */
static int find_extradata(AVCodecParameters *par, const AVPacket *key)
{
	AVBSFContext *filter = NULL;
	AVPacket *p = av_packet_clone(key);
	int err = p ? av_bsf_alloc(av_bsf_get_by_name("extract_extradata"), &filter) : AVERROR(ENOMEM);
	err = err < 0 ? err : avcodec_parameters_copy(filter->par_in, par);
	err = err < 0 ? err : av_bsf_init(filter);
	err = err < 0 ? err : av_bsf_send_packet(filter, p);
	err = err < 0 ? err : av_bsf_receive_packet(filter, p);
	size_t len = 0;
	const uint8_t *data = err < 0 ? NULL : av_packet_get_side_data(p, AV_PKT_DATA_NEW_EXTRADATA, &len);
	if (err >= 0)
		err = data ? set_extradata(par, data, len) : AVERROR_INVALIDDATA;
	av_bsf_free(&filter);
	av_packet_free(&p);
	return err;
}

/* Size and pixel format, by decoding the key frame. */
static int find_picture(AVCodecParameters *par, const AVPacket *key)
{
	AVCodecContext *decoder = media_open_decoder(par);
	AVFrame *picture = av_frame_alloc();
	int err = decoder && picture ? avcodec_send_packet(decoder, key) : AVERROR_INVALIDDATA;
	err = err < 0 ? err : avcodec_send_packet(decoder, NULL); /* it need not wait for more */
	err = err < 0 ? err : avcodec_receive_frame(decoder, picture);
	if (err >= 0) {
		par->width = picture->width;
		par->height = picture->height;
		par->format = picture->format;
		par->profile = decoder->profile;
		par->level = decoder->level;
	}
	av_frame_free(&picture);
	avcodec_free_context(&decoder);
	return err < 0 && err != AVERROR(ENOMEM) ? AVERROR_INVALIDDATA : err;
}

static int describe_video(AVCodecParameters *par, const parley_frame_event *f)
{
	AVPacket *key = copy_packet(f->data, f->len, true);
	if (!key)
		return AVERROR(ENOMEM);
	int err = find_picture(par, key);
	if (err >= 0 && (f->codec == PARLEY_H264 || f->codec == PARLEY_AV1))
		err = find_extradata(par, key);
	av_packet_free(&key);
	return err;
}

static int describe_audio(AVCodecParameters *par, parley_codec codec)
{
	static const uint8_t opus_head[OPUS_HEAD_BYTES] = {
		'O',  'p',  'u', 's', 'H', 'e', 'a', 'd', 1, 2, OPUS_PRE_SKIP & 0xff, OPUS_PRE_SKIP >> 8,
		0x80, 0xbb, 0,	 0,   0,   0,	0,
	};
	bool opus = codec == PARLEY_OPUS;
	par->sample_rate = opus ? 48000 : 8000;
	par->ch_layout = opus ? (AVChannelLayout)AV_CHANNEL_LAYOUT_STEREO : (AVChannelLayout)AV_CHANNEL_LAYOUT_MONO;
	par->bits_per_coded_sample = opus ? 0 : 8;
	if (!opus)
		return 0;
	par->frame_size = OPUS_SAMPLES;
	par->initial_padding = OPUS_PRE_SKIP;
	return set_extradata(par, opus_head, sizeof opus_head);
}

int record_track_begin(record_track *t, const parley_frame_event *first)
{
	AVCodecParameters *par = avcodec_parameters_alloc();
	if (!par)
		return AVERROR(ENOMEM);
	bool audio = media_codec_kind(first->codec) == PARLEY_AUDIO;
	par->codec_type = audio ? AVMEDIA_TYPE_AUDIO : AVMEDIA_TYPE_VIDEO;
	par->codec_id = media_codec_id(first->codec);
	int err = audio ? describe_audio(par, first->codec) : describe_video(par, first);
	if (err < 0) {
		avcodec_parameters_free(&par);
		return err;
	}
	*t = (record_track){.codec = first->codec, .par = par};
	return 0;
}

void record_track_clear(record_track *t)
{
	avcodec_parameters_free(&t->par);
	*t = (record_track){0};
}

/* --- time --- */

static int64_t ticks_to_us(const record_track *t, int64_t ticks)
{
	return av_rescale(ticks, 1000000, parley_codec_clock_rate(t->codec));
}

static int64_t file_time(record_track *t, const parley_frame_event *f, uint64_t zero)
{
	int64_t arrived = (int64_t)(f->arrival_time - zero);
	if (t->anchored) {
		t->rtp_ticks += (int32_t)(f->rtp_timestamp - t->last_rtp);
		int64_t time = t->anchor_us + ticks_to_us(t, t->rtp_ticks);
		t->last_rtp = f->rtp_timestamp;
		if (time - arrived < DRIFT_MAX_US && arrived - time < DRIFT_MAX_US)
			return time < 0 ? 0 : time;
	}
	t->anchored = true;
	t->anchor_us = arrived;
	t->rtp_ticks = 0;
	t->last_rtp = f->rtp_timestamp;
	return arrived;
}

AVPacket *record_track_packet(record_track *t, const parley_frame_event *f, uint64_t zero)
{
	AVPacket *p = copy_packet(f->data, f->len, f->key_frame || media_codec_kind(f->codec) == PARLEY_AUDIO);
	if (p)
		p->pts = p->dts = file_time(t, f, zero);
	return p;
}
