#include "apps/parley-room/media_sender.h"

#include <stdio.h>
#include <stdlib.h>

#include "apps/parley-room/audio_encoder.h"
#include "apps/parley-room/video_encoder.h"
#include "net/timer.h"

#define KINDS 2
#define ITEMS_PER_TURN 8       /* then the loop has its turn */
#define LATE_PICTURE_US 150000 /* a raw picture as late as this is not encoded */
#define LATE_MAX_US 1000000    /* so late, the source's clock is set back: the machine slept, or cannot do it */
#define LIVE_POLL_US 5000
#define KEY_PATIENCE_US 500000	/* for a key frame to come by itself in what is passed through */
#define OVERFULL_WAIT_US 300000 /* no video after the pacer refused some */

/* One kind's way to the peer. */
typedef struct {
	parley_transceiver transceiver;
	parley_codec codec; /* NONE: closed */
	bool muted;
	video_encoder *video; /* of codec, when the source gives pictures */
	audio_encoder *audio;
	bool needs_key;		/* passed through: nothing can be sent before one */
	int64_t key_wanted_at;	/* now, when it was asked for; 0: it was not */
	int64_t overfull_until; /* now */
	bool complained;
} lane;

struct media_sender {
	net_timer *timer;
	parley_pc *pc;
	media_source *source;
	media_sender_callbacks callbacks;
	lane lanes[KINDS];
	uint64_t bps;	/* 0: not told yet */
	int64_t origin; /* now, when the source's time is 0 */
	bool started, ended;
	AVPacket *packet;
};

/* --- beginning and end --- */

static void on_timer(void *me);

media_sender *media_sender_new(struct uv_loop_s *loop, parley_pc *pc, media_source *source,
			       const media_sender_callbacks *callbacks)
{
	media_sender *s = calloc(1, sizeof *s);
	AVPacket *packet = av_packet_alloc();
	net_timer *timer = s && packet ? net_timer_new(loop, on_timer, s) : NULL;
	if (!timer) {
		av_packet_free(&packet);
		free(s);
		source_free(source);
		return NULL;
	}
	s->timer = timer;
	s->pc = pc;
	s->source = source;
	s->callbacks = *callbacks;
	s->packet = packet;
	return s;
}

static void close_lane(lane *l)
{
	video_encoder_free(l->video);
	audio_encoder_free(l->audio);
	l->video = NULL;
	l->audio = NULL;
	l->codec = PARLEY_CODEC_NONE;
}

void media_sender_free(media_sender *s)
{
	if (!s)
		return;
	for (int k = 0; k < KINDS; k++)
		close_lane(&s->lanes[k]);
	source_free(s->source);
	av_packet_free(&s->packet);
	net_timer_free(s->timer);
	free(s);
}

const media_source *media_sender_source(const media_sender *s)
{
	return s->source;
}

static void complain(media_sender *s, lane *l, const char *text)
{
	if (!l->complained)
		s->callbacks.on_trouble(s->callbacks.me, text);
	l->complained = true;
}

/* --- what is negotiated and asked for --- */

static void open_encoder(media_sender *s, lane *l, parley_media_kind kind)
{
	char text[96];
	if (kind == PARLEY_AUDIO)
		l->audio = audio_encoder_new(l->codec);
	else
		l->video = video_encoder_new(l->codec, s->source->fps);
	if (l->video && s->bps)
		video_encoder_set_bitrate(l->video, s->bps);
	if (l->audio || l->video)
		return;
	snprintf(text, sizeof text, "there is no encoder for %s here", parley_codec_name(l->codec));
	complain(s, l, text);
	l->codec = PARLEY_CODEC_NONE;
}

void media_sender_set_codec(media_sender *s, parley_media_kind kind, parley_transceiver transceiver, parley_codec codec)
{
	lane *l = &s->lanes[kind];
	l->transceiver = transceiver;
	if (!s->source->has[kind] || codec == l->codec)
		return;
	close_lane(l);
	l->codec = codec;
	l->complained = false;
	l->needs_key = kind == PARLEY_VIDEO;
	s->source->pass_through[kind] = codec != PARLEY_CODEC_NONE && codec == s->source->codec[kind];
	if (codec != PARLEY_CODEC_NONE && !s->source->pass_through[kind])
		open_encoder(s, l, kind);
}

static void want_key(media_sender *s, lane *l)
{
	if (l->video)
		video_encoder_request_key(l->video);
	else if (!l->key_wanted_at && s->started)
		l->key_wanted_at = (int64_t)net_now();
}

void media_sender_set_mute(media_sender *s, parley_media_kind kind, bool mute)
{
	lane *l = &s->lanes[kind];
	if (l->muted && !mute && kind == PARLEY_VIDEO) {
		l->needs_key = true;
		want_key(s, l);
	}
	l->muted = mute;
}

void media_sender_request_key(media_sender *s, parley_transceiver transceiver)
{
	lane *l = &s->lanes[PARLEY_VIDEO];
	if (l->transceiver == transceiver)
		want_key(s, l);
}

void media_sender_set_bitrate(media_sender *s, uint64_t bps)
{
	s->bps = bps;
	if (s->lanes[PARLEY_VIDEO].video)
		video_encoder_set_bitrate(s->lanes[PARLEY_VIDEO].video, bps);
}

/* --- frames --- */

static void send_packet(media_sender *s, lane *l, const AVPacket *p, int64_t time)
{
	char text[MEDIA_WHY_MAX];
	parley_frame frame = {
		.data = p->data,
		.len = (size_t)p->size,
		.rtp_timestamp = media_rtp_timestamp(l->codec, time),
		.capture_time = (uint64_t)(s->origin + time),
		.key_frame = (p->flags & AV_PKT_FLAG_KEY) && l == &s->lanes[PARLEY_VIDEO],
	};
	int err = parley_pc_send_frame(s->pc, l->transceiver, &frame);
	if (!err)
		return;
	if (l == &s->lanes[PARLEY_VIDEO]) { /* what follows refers to what was not sent */
		l->needs_key = true;
		want_key(s, l);
	}
	if (err == PARLEY_ELIMIT) {
		l->overfull_until = (int64_t)net_now() + OVERFULL_WAIT_US;
	} else if (err != PARLEY_ESTATE) {
		snprintf(text, sizeof text, "a frame of %d bytes cannot be sent: %s", p->size, parley_strerror(err));
		complain(s, l, text);
	}
}

/* What depends on a frame that was not sent is not sent either. */
static void pass_on(media_sender *s, lane *l, const source_item *item)
{
	bool key = item->packet->flags & AV_PKT_FLAG_KEY;
	if (item->kind == PARLEY_VIDEO && l->needs_key && !key)
		return;
	if (key) {
		l->needs_key = false;
		l->key_wanted_at = 0;
	}
	send_packet(s, l, item->packet, item->time);
}

static void encode_picture(media_sender *s, lane *l, const source_item *item, int64_t late)
{
	char why[MEDIA_WHY_MAX];
	if (late > LATE_PICTURE_US)
		return;
	int got = video_encoder_encode(l->video, item->frame, item->time, s->packet);
	if (got > 0)
		send_packet(s, l, s->packet, s->packet->pts);
	else if (got < 0 && !media_say_why(why, "a picture cannot be encoded", got))
		complain(s, l, why);
	av_packet_unref(s->packet);
}

static void encode_sound(media_sender *s, lane *l, const source_item *item)
{
	char why[MEDIA_WHY_MAX];
	int err = audio_encoder_push(l->audio, item->frame, item->time);
	while (err >= 0 && (err = audio_encoder_pull(l->audio, s->packet)) > 0) {
		send_packet(s, l, s->packet, s->packet->pts);
		av_packet_unref(s->packet);
	}
	if (err < 0 && !media_say_why(why, "sound cannot be encoded", err))
		complain(s, l, why);
}

static void send_item(media_sender *s, const source_item *item, int64_t now)
{
	lane *l = &s->lanes[item->kind];
	if (l->codec == PARLEY_CODEC_NONE || l->muted || now < l->overfull_until)
		return;
	if (item->packet)
		pass_on(s, l, item);
	else if (l->video)
		encode_picture(s, l, item, now - s->origin - item->time);
	else if (l->audio)
		encode_sound(s, l, item);
}

/* --- the source's clock --- */

/* When the next item is due, now; SOURCE_NEVER: it has ended. */
static int64_t next_due(media_sender *s, int64_t now)
{
	int64_t next = s->source->operations->next_time(s->source);
	if (next == SOURCE_NEVER || s->source->live)
		return next;
	if (now - s->origin - next > LATE_MAX_US)
		s->origin = now - next;
	return s->origin + next;
}

static void arm(media_sender *s, int64_t now)
{
	int64_t due = next_due(s, now);
	if (due != SOURCE_NEVER) {
		net_timer_set(s->timer, (uint64_t)(s->source->live ? now + LIVE_POLL_US : due));
	} else if (!s->ended) {
		s->ended = true;
		s->callbacks.on_end(s->callbacks.me);
	}
}

/* What is passed through cannot be asked for a key frame; if none comes, its reading jumps to one. */
static void help_key(media_sender *s, int64_t now)
{
	lane *l = &s->lanes[PARLEY_VIDEO];
	if (!l->key_wanted_at || now - l->key_wanted_at < KEY_PATIENCE_US || !s->source->operations->skip_to_key)
		return;
	l->key_wanted_at = now;
	s->source->operations->skip_to_key(s->source);
}

static void on_timer(void *me)
{
	media_sender *s = me;
	int got = 0;
	int64_t now = (int64_t)net_now();
	help_key(s, now);
	for (int i = 0; i < ITEMS_PER_TURN && next_due(s, now) <= now; i++) {
		source_item item = {0};
		got = s->source->operations->read(s->source, &item);
		if (got > 0)
			send_item(s, &item, now);
		source_item_clear(&item);
		if (got < 0 || (got == 0 && s->source->live))
			break;
		now = (int64_t)net_now();
	}
	if (got < 0 && got != AVERROR_EOF) {
		char why[MEDIA_WHY_MAX];
		media_say_why(why, "the source cannot be read on", got);
		s->callbacks.on_trouble(s->callbacks.me, why);
		return;
	}
	arm(s, (int64_t)net_now());
}

void media_sender_start(media_sender *s)
{
	if (s->started)
		return;
	s->started = true;
	s->origin = (int64_t)net_now();
	arm(s, s->origin);
}
