#include "apps/parley-room/video_encoder.h"

#include <libavutil/opt.h>
#include <libswscale/swscale.h>
#include <stdlib.h>

#include "apps/parley-room/media_codec.h"

#define BPS_FIRST 300000u
#define BPS_MIN 20000u
#define BITS_PER_PIXEL_MAX 0.35	 /* what more buys in a test picture or a talking head, nobody sees */
#define BITS_PER_PIXEL_LOW 0.029 /* 200 kbit/s for 640x360 at 30: below, the picture is halved */
#define BITS_PER_PIXEL_BACK 0.05 /* and above this of the larger size it grows again */
#define DIVISOR_MAX 4
#define SIDE_MIN 128
#define KEY_INTERVAL 3000 /* pictures; a receiver asks for what it needs sooner */
#define THREADS 1	  /* libvpx waits for its threads by spinning: on a busy machine that stops the whole program */
#define SECOND_US INT64_C(1000000)
#define DEBT_MAX_US (SECOND_US / 2)   /* of the bit rate may be spent ahead; then pictures are skipped */
#define LOWER_WAIT_US (SECOND_US / 2) /* between two openings */
#define RAISE_WAIT_US (2 * SECOND_US)
#define HALVE_WAIT_US (3 * SECOND_US / 2) /* for a low rate to last */
#define LOWER_FACTOR 0.85		  /* of what the encoder is set to: a change worth a key frame */
#define RAISE_FACTOR 1.25

/* Which of libavcodec's encoders, and its options for speed and no delay. */
typedef struct {
	parley_codec codec;
	const char *name;
	bool takes_bitrate; /* while it runs */
	const char *options;
} encoder_kind;

static const encoder_kind kinds[] = {
	{PARLEY_VP8, "libvpx", false,
	 "deadline=realtime:cpu-used=8:lag-in-frames=0:error-resilient=default:max-intra-rate=450"},
	{PARLEY_VP9, "libvpx-vp9", false,
	 "deadline=realtime:cpu-used=8:lag-in-frames=0:row-mt=1:aq-mode=3:max-intra-rate=450"},
	{PARLEY_H264, "libx264", true, "preset=superfast:tune=zerolatency:profile=baseline:forced-idr=1"},
	{PARLEY_AV1, "libaom-av1", false, "usage=realtime:cpu-used=8:lag-in-frames=0:row-mt=1"},
};

struct video_encoder {
	const encoder_kind *kind;
	AVCodecContext *context; /* NULL: to be opened at the next picture */
	struct SwsContext *scaler;
	AVFrame *scaled, *input;
	int fps;
	uint64_t bps;	   /* wanted */
	uint64_t bps_set;  /* of the context */
	int64_t opened_at; /* time_us */
	int picture_width, picture_height;
	int divisor;	   /* of width and height */
	int64_t low_since; /* the bit rate has been too low for this size; -1: it is not */
	bool key_wanted;
	int64_t debt_bits; /* spent ahead of the rate */
	int64_t debt_at;
};

static const encoder_kind *kind_of(parley_codec codec)
{
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (kinds[i].codec == codec)
			return &kinds[i];
	return NULL;
}

bool video_encoder_exists(parley_codec codec)
{
	const encoder_kind *kind = kind_of(codec);
	return kind && avcodec_find_encoder_by_name(kind->name);
}

video_encoder *video_encoder_new(parley_codec codec, int fps)
{
	if (!video_encoder_exists(codec))
		return NULL;
	video_encoder *e = calloc(1, sizeof *e);
	if (!e)
		return NULL;
	e->kind = kind_of(codec);
	e->fps = fps > 0 ? fps : 1;
	e->bps = BPS_FIRST;
	e->divisor = 1;
	e->low_since = -1;
	e->scaled = av_frame_alloc();
	e->input = av_frame_alloc();
	if (!e->scaled || !e->input) {
		video_encoder_free(e);
		return NULL;
	}
	return e;
}

void video_encoder_free(video_encoder *e)
{
	if (!e)
		return;
	avcodec_free_context(&e->context);
	sws_freeContext(e->scaler);
	av_frame_free(&e->scaled);
	av_frame_free(&e->input);
	free(e);
}

void video_encoder_set_bitrate(video_encoder *e, uint64_t bps)
{
	e->bps = bps < BPS_MIN ? BPS_MIN : bps;
}

void video_encoder_request_key(video_encoder *e)
{
	e->key_wanted = true;
}

int video_encoder_width(const video_encoder *e)
{
	return e->context ? e->context->width : 0;
}

int video_encoder_height(const video_encoder *e)
{
	return e->context ? e->context->height : 0;
}

/* --- size and bit rate --- */

static double bits_per_pixel(const video_encoder *e, int divisor)
{
	int width = e->picture_width / divisor, height = e->picture_height / divisor;
	double pixels = (double)width * height * e->fps;
	return (double)e->bps / pixels;
}

static bool can_halve(const video_encoder *e)
{
	int next = e->divisor * 2;
	return next <= DIVISOR_MAX && e->picture_width / next >= SIDE_MIN && e->picture_height / next >= SIDE_MIN / 2;
}

static int choose_divisor(video_encoder *e, int64_t now)
{
	bool low = can_halve(e) && bits_per_pixel(e, e->divisor) < BITS_PER_PIXEL_LOW;
	if (!low)
		e->low_since = -1;
	else if (e->low_since < 0)
		e->low_since = now;
	if (low && now - e->low_since >= HALVE_WAIT_US)
		return e->divisor * 2;
	if (e->divisor > 1 && bits_per_pixel(e, e->divisor / 2) > BITS_PER_PIXEL_BACK)
		return e->divisor / 2;
	return e->divisor;
}

static uint64_t useful_bps(const video_encoder *e)
{
	double most = (double)e->picture_width * e->picture_height * e->fps * BITS_PER_PIXEL_MAX;
	return (double)e->bps < most ? e->bps : (uint64_t)most;
}

static void write_bitrate(AVCodecContext *c, uint64_t bps)
{
	c->bit_rate = c->rc_max_rate = c->rc_min_rate = (int64_t)bps;
	c->rc_buffer_size = (int)bps; /* a second of it */
	c->rc_initial_buffer_occupancy = (int)(bps / 2);
}

/* Whether the bit rate is so far from what is set that opening anew is worth its key frame, and the last time long enough ago. */
static bool wants_opening(const video_encoder *e, int64_t now)
{
	double ratio = (double)useful_bps(e) / (double)e->bps_set;
	int64_t age = now - e->opened_at;
	if (e->kind->takes_bitrate)
		return false;
	return (ratio < LOWER_FACTOR && age >= LOWER_WAIT_US) || (ratio > RAISE_FACTOR && age >= RAISE_WAIT_US);
}

static int open_context(video_encoder *e, int64_t now)
{
	const AVCodec *codec = avcodec_find_encoder_by_name(e->kind->name);
	AVCodecContext *c = codec ? avcodec_alloc_context3(codec) : NULL;
	if (!c)
		return AVERROR(ENOMEM);
	c->width = e->picture_width / e->divisor & ~1;
	c->height = e->picture_height / e->divisor & ~1;
	c->pix_fmt = AV_PIX_FMT_YUV420P;
	c->time_base = MEDIA_TIME_BASE;
	c->framerate = (AVRational){e->fps, 1};
	c->gop_size = KEY_INTERVAL;
	c->keyint_min = KEY_INTERVAL;
	c->max_b_frames = 0;
	c->thread_count = THREADS;
	write_bitrate(c, useful_bps(e));
	AVDictionary *options = NULL;
	int err = av_dict_parse_string(&options, e->kind->options, "=", ":", 0);
	err = err < 0 ? err : avcodec_open2(c, codec, &options);
	av_dict_free(&options);
	if (err < 0) {
		avcodec_free_context(&c);
		return err;
	}
	avcodec_free_context(&e->context);
	e->context = c;
	e->bps_set = useful_bps(e);
	e->opened_at = now;
	e->key_wanted = true;
	return 0;
}

/* Has a context that fits the picture and the bit rate. */
static int prepare_context(video_encoder *e, const AVFrame *picture, int64_t now)
{
	bool other_size = picture->width != e->picture_width || picture->height != e->picture_height;
	if (other_size) {
		e->picture_width = picture->width;
		e->picture_height = picture->height;
		e->divisor = 1;
	}
	int divisor = choose_divisor(e, now);
	bool wait = e->context && divisor < e->divisor && now - e->opened_at < RAISE_WAIT_US;
	bool resize = divisor != e->divisor && !wait;
	if (resize) {
		e->divisor = divisor;
		e->low_since = -1;
	}
	if (!e->context || other_size || resize || wants_opening(e, now))
		return open_context(e, now);
	if (e->kind->takes_bitrate && useful_bps(e) != e->bps_set) {
		e->bps_set = useful_bps(e);
		write_bitrate(e->context, e->bps_set);
	}
	return 0;
}

/* --- pictures --- */

/* The debt shrinks as time passes. True: the picture can be afforded. */
static bool can_afford(video_encoder *e, int64_t now)
{
	int64_t bps = (int64_t)useful_bps(e);
	int64_t passed = now - e->debt_at;
	e->debt_at = now;
	e->debt_bits -= passed > 10 * SECOND_US ? e->debt_bits : av_rescale(passed, bps, SECOND_US);
	if (e->debt_bits < 0)
		e->debt_bits = 0;
	return e->debt_bits <= av_rescale(DEBT_MAX_US, bps, SECOND_US);
}

/* The picture as the encoder takes it, in e->input. */
static int fit(video_encoder *e, const AVFrame *picture)
{
	const AVCodecContext *c = e->context;
	av_frame_unref(e->input);
	if (picture->width == c->width && picture->height == c->height && picture->format == c->pix_fmt)
		return av_frame_ref(e->input, picture);
	e->scaler = sws_getCachedContext(e->scaler, picture->width, picture->height, picture->format, c->width,
					 c->height, c->pix_fmt, SWS_BILINEAR, NULL, NULL, NULL);
	if (!e->scaler)
		return AVERROR(EINVAL);
	av_frame_unref(e->scaled);
	int err = sws_scale_frame(e->scaler, e->scaled, picture);
	return err < 0 ? err : av_frame_ref(e->input, e->scaled);
}

int video_encoder_encode(video_encoder *e, const AVFrame *picture, int64_t time_us, AVPacket *out)
{
	int err = prepare_context(e, picture, time_us);
	if (err < 0)
		return err;
	if (!can_afford(e, time_us) && !e->key_wanted)
		return 0;
	err = fit(e, picture);
	if (err < 0)
		return err;
	e->input->pts = time_us;
	e->input->pict_type = e->key_wanted ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
	err = avcodec_send_frame(e->context, e->input);
	av_frame_unref(e->input);
	if (err < 0)
		return err;
	err = avcodec_receive_packet(e->context, out);
	if (err < 0)
		return err == AVERROR(EAGAIN) ? 0 : err; /* the encoder skipped it */
	e->key_wanted = false;
	e->debt_bits += (int64_t)out->size * 8;
	return 1;
}
