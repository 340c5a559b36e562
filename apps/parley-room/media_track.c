#include "apps/parley-room/media_track.h"

#include <string.h>

/* --- opening --- */

/* H.264 in mp4 and mkv has lengths where RTP wants start codes, and its parameter sets apart. */
static int open_filter(media_track *t)
{
	const AVCodecParameters *par = t->stream->codecpar;
	bool annexb = par->extradata_size < 1 || par->extradata[0] != 1;
	if (par->codec_id != AV_CODEC_ID_H264 || annexb)
		return 0;
	int err = av_bsf_alloc(av_bsf_get_by_name("h264_mp4toannexb"), &t->filter);
	err = err < 0 ? err : avcodec_parameters_copy(t->filter->par_in, par);
	if (err < 0)
		return err;
	t->filter->time_base_in = t->stream->time_base;
	return av_bsf_init(t->filter);
}

int media_track_open(media_track *t, AVFormatContext *file, parley_media_kind kind)
{
	*t = (media_track){.kind = kind, .last_time = -1};
	int index = av_find_best_stream(file, kind == PARLEY_AUDIO ? AVMEDIA_TYPE_AUDIO : AVMEDIA_TYPE_VIDEO, -1, -1,
					NULL, 0);
	if (index < 0)
		return 0;
	t->stream = file->streams[index];
	t->decoder = media_open_decoder(t->stream->codecpar);
	t->frame = av_frame_alloc();
	if (!t->decoder) {
		media_track_close(t);
		return 0;
	}
	t->decoder->pkt_timebase = t->stream->time_base;
	int err = t->frame ? open_filter(t) : AVERROR(ENOMEM);
	if (err < 0)
		media_track_close(t);
	return err;
}

void media_track_close(media_track *t)
{
	if (t->decoder)
		media_track_flush(t);
	avcodec_free_context(&t->decoder);
	av_bsf_free(&t->filter);
	av_frame_free(&t->frame);
	t->stream = NULL;
}

/* A receiver shows frames in the order they come: what has B-frames must be encoded anew. Browsers take stereo Opus at most. */
parley_codec media_track_codec(const media_track *t)
{
	if (!t->stream)
		return PARLEY_CODEC_NONE;
	const AVCodecParameters *par = t->stream->codecpar;
	parley_codec codec = media_codec_of_id(par->codec_id);
	bool g711 = codec == PARLEY_PCMU || codec == PARLEY_PCMA;
	if (g711 || par->video_delay > 0 || (codec == PARLEY_OPUS && par->ch_layout.nb_channels > 2))
		return PARLEY_CODEC_NONE;
	if (codec == PARLEY_H264 && par->format != AV_PIX_FMT_YUV420P && par->format != AV_PIX_FMT_YUVJ420P)
		return PARLEY_CODEC_NONE;
	return codec;
}

int media_track_fps(const media_track *t)
{
	AVRational rate = t->stream ? t->stream->avg_frame_rate : (AVRational){0, 1};
	return rate.num > 0 && rate.den > 0 ? (rate.num + rate.den - 1) / rate.den : 30;
}

/* --- packets --- */

bool media_track_queue(media_track *t, AVPacket *packet)
{
	if (t->count == TRACK_QUEUE_MAX)
		return false;
	t->queue[(t->first + t->count++) % TRACK_QUEUE_MAX] = packet;
	return true;
}

static int64_t time_of(const media_track *t, int64_t timestamp)
{
	if (timestamp == AV_NOPTS_VALUE)
		return t->last_time + 1;
	return av_rescale_q(timestamp, t->stream->time_base, MEDIA_TIME_BASE) + t->offset;
}

int64_t media_track_next_time(const media_track *t)
{
	if (!t->count)
		return SOURCE_NEVER;
	const AVPacket *p = t->queue[t->first];
	return time_of(t, p->dts != AV_NOPTS_VALUE ? p->dts : p->pts);
}

static AVPacket *take_packet(media_track *t)
{
	AVPacket *p = t->queue[t->first];
	t->first = (t->first + 1) % TRACK_QUEUE_MAX;
	t->count--;
	return p;
}

static int filter_packet(media_track *t, AVPacket *p)
{
	if (!t->filter)
		return 0;
	int err = av_bsf_send_packet(t->filter, p);
	return err < 0 ? err : av_bsf_receive_packet(t->filter, p);
}

static int pass_packet(media_track *t, AVPacket *p, source_item *out)
{
	if (filter_packet(t, p) < 0 || p->size == 0) {
		av_packet_free(&p);
		return 0; /* a broken or empty packet: the next may be better */
	}
	out->packet = p;
	out->time = t->last_time = time_of(t, p->pts != AV_NOPTS_VALUE ? p->pts : p->dts);
	return 1;
}

int media_track_drain(media_track *t, source_item *out)
{
	*out = (source_item){.kind = t->kind};
	if (!t->decoder || avcodec_receive_frame(t->decoder, t->frame) < 0)
		return 0;
	out->frame = av_frame_clone(t->frame);
	out->time = t->last_time = time_of(t, t->frame->best_effort_timestamp);
	av_frame_unref(t->frame);
	return out->frame ? 1 : AVERROR(ENOMEM);
}

/* A packet may hold more frames than one (sound in old formats): those that stay in the decoder come first. */
int media_track_read(media_track *t, bool pass_through, source_item *out)
{
	*out = (source_item){.kind = t->kind};
	if (!t->count)
		return 0;
	if (pass_through)
		return pass_packet(t, take_packet(t), out);
	int got = media_track_drain(t, out);
	if (got)
		return got;
	AVPacket *p = take_packet(t);
	int64_t at = time_of(t, p->dts);
	int err = avcodec_send_packet(t->decoder, p);
	av_packet_free(&p);
	if (err < 0)
		return err == AVERROR(ENOMEM) ? err : 0; /* what cannot be decoded is passed over */
	got = media_track_drain(t, out);
	if (!got)
		t->last_time = at > t->last_time ? at : t->last_time;
	return got;
}

void media_track_flush(media_track *t)
{
	while (t->count) {
		AVPacket *p = take_packet(t);
		av_packet_free(&p);
	}
	avcodec_flush_buffers(t->decoder);
	if (t->filter)
		av_bsf_flush(t->filter);
}
