#include "apps/parley-room/test_picture.h"

#include <libavutil/imgutils.h>
#include <math.h>
#include <string.h>

#define BLACK 16 /* luma in the range of video (BT.601) */
#define WHITE 235
#define DARK 40
#define GREY 128 /* chroma of no colour */
#define SECOND_US 1000000u
#define MARK_US 100000u /* of each second: the square is white, the beep sounds */
#define DISC_PERIOD_US 4000000u
#define GRAIN_TOP 13 /* sixteenths of the height */
#define GRAIN_BOTTOM 14
#define GRAIN_LUMA 96
#define GRAIN_DEPTH 64
#define STRIP_PART 10 /* the strip is this part of the height */
#define TONE_HZ 440
#define BEEP_HZ 880
#define TONE_LEVEL 0.1
#define BEEP_LEVEL 0.3
#define TURN 6.283185307179586 /* 2 pi */

typedef struct {
	uint8_t y, u, v;
} colour;

static const colour bars[] = {{180, 128, 128}, {162, 44, 142}, {131, 156, 44}, {112, 72, 58},
			      {84, 184, 198},  {65, 100, 212}, {35, 212, 114}};
#define BAR_COUNT ((int)(sizeof bars / sizeof bars[0]))

/* --- rectangles, clipped to the picture and rounded to pairs of pixels as the chroma planes need --- */

static int clip(int value, int max)
{
	return value < 0 ? 0 : value > max ? max : value;
}

static void fill_plane(AVFrame *f, int plane, int x0, int y0, int x1, int y1, uint8_t value)
{
	for (int y = y0; y < y1; y++)
		memset(f->data[plane] + (ptrdiff_t)y * f->linesize[plane] + x0, value, (size_t)(x1 - x0));
}

static void fill(AVFrame *f, int x, int y, int width, int height, colour c)
{
	int x0 = clip(x, f->width) & ~1, x1 = clip(x + width, f->width) & ~1;
	int y0 = clip(y, f->height) & ~1, y1 = clip(y + height, f->height) & ~1;
	if (x1 <= x0 || y1 <= y0)
		return;
	fill_plane(f, 0, x0, y0, x1, y1, c.y);
	fill_plane(f, 1, x0 / 2, y0 / 2, x1 / 2, y1 / 2, c.u);
	fill_plane(f, 2, x0 / 2, y0 / 2, x1 / 2, y1 / 2, c.v);
}

static colour grey(int luma)
{
	return (colour){(uint8_t)luma, GREY, GREY};
}

static AVFrame *new_picture(int width, int height)
{
	AVFrame *f = av_frame_alloc();
	if (!f)
		return NULL;
	f->format = AV_PIX_FMT_YUV420P;
	f->width = width;
	f->height = height;
	if (av_frame_get_buffer(f, 0) < 0)
		av_frame_free(&f);
	return f;
}

AVFrame *test_picture_new_background(int width, int height)
{
	AVFrame *f = new_picture(width, height);
	if (!f)
		return NULL;
	for (int i = 0; i < BAR_COUNT; i++) {
		int x = width * i / BAR_COUNT & ~1;
		fill(f, x, 0, width, height, bars[i]);
	}
	return f;
}

/* --- the clock: segments a (top), b, c (right), d (bottom), e, f (left), g (middle) as bits 0..6 --- */

static const uint8_t segments[10] = {0x3f, 0x06, 0x5b, 0x4f, 0x66, 0x6d, 0x7d, 0x07, 0x7f, 0x6f};

static void draw_digit(AVFrame *f, int x, int y, int unit, int digit)
{
	static const struct {
		int x, y, width, height; /* in units: a digit is 4 wide and 7 high */
	} places[7] = {{0, 0, 4, 1}, {3, 0, 1, 4}, {3, 3, 1, 4}, {0, 6, 4, 1},
		       {0, 3, 1, 4}, {0, 0, 1, 4}, {0, 3, 4, 1}};
	for (int i = 0; i < 7; i++)
		if (segments[digit] & 1u << i)
			fill(f, x + places[i].x * unit, y + places[i].y * unit, places[i].width * unit,
			     places[i].height * unit, grey(WHITE));
}

static void draw_clock(AVFrame *f, uint64_t time_us)
{
	uint32_t ms = (uint32_t)(time_us / 1000);
	uint32_t minutes = ms / 60000 % 100, seconds = ms / 1000 % 60;
	char text[16];
	snprintf(text, sizeof text, "%02u:%02u.%03u", minutes, seconds, ms % 1000);
	int unit = f->width / 64 & ~1;
	unit = unit < 2 ? 2 : unit;
	int width = (7 * 5 + 2 * 2) * unit; /* seven digits and two points, each with a gap */
	int x = (f->width - width) / 2, y = f->height * 5 / 9;
	fill(f, x - unit, y - unit, width + unit, 9 * unit, grey(BLACK));
	for (const char *c = text; *c; c++) {
		if (*c == ':')
			fill(f, x, y + 2 * unit, unit, unit, grey(WHITE));
		if (*c == ':' || *c == '.')
			fill(f, x, y + (*c == ':' ? 4 : 6) * unit, unit, unit, grey(WHITE));
		else
			draw_digit(f, x, y, unit, *c - '0');
		x += *c == ':' || *c == '.' ? 2 * unit : 5 * unit;
	}
}

static void draw_strip(AVFrame *f, uint64_t time_us)
{
	uint32_t ms = (uint32_t)(time_us / 1000);
	int height = f->height / STRIP_PART, top = f->height - height;
	for (int i = 0; i < TEST_STRIP_BLOCKS; i++) {
		int from = f->width * i / TEST_STRIP_BLOCKS, to = f->width * (i + 1) / TEST_STRIP_BLOCKS;
		bool one = ms >> (TEST_STRIP_BLOCKS - 1 - i) & 1;
		fill(f, from, top, to - from + 1, height, grey(one ? WHITE : BLACK));
	}
}

static void draw_disc(AVFrame *f, uint64_t time_us)
{
	int radius = f->height / 8;
	double phase = (double)(time_us % DISC_PERIOD_US) / DISC_PERIOD_US;
	int x = (int)((0.5 - 0.5 * cos(TURN * phase)) * (f->width - 2 * radius)) + radius;
	int y = f->height * 3 / 10;
	for (int dy = -(radius & ~1); dy < radius; dy += 2) {
		int half = (int)sqrt((double)(radius * radius - dy * dy));
		fill(f, x - half, y + dy, 2 * half, 2, (colour){200, 60, 160});
	}
}

/* Grain, another in each picture: something to spend bits on, so that the bit rate is used and seen to follow the network. */
static void draw_grain(AVFrame *f, uint64_t time_us)
{
	int top = f->height * GRAIN_TOP / 16, bottom = f->height * GRAIN_BOTTOM / 16;
	uint32_t state = (uint32_t)(time_us / 1000) * 2654435761u | 1;
	for (int y = top; y < bottom; y++) {
		uint8_t *row = f->data[0] + (ptrdiff_t)y * f->linesize[0];
		for (int x = 0; x < f->width; x++) {
			state ^= state << 13; /* xorshift */
			state ^= state >> 17;
			state ^= state << 5;
			row[x] = (uint8_t)(GRAIN_LUMA + (state >> 24) % GRAIN_DEPTH);
		}
	}
	fill_plane(f, 1, 0, top / 2, f->width / 2, bottom / 2, GREY);
	fill_plane(f, 2, 0, top / 2, f->width / 2, bottom / 2, GREY);
}

void test_picture_draw(AVFrame *frame, const AVFrame *background, uint64_t time_us)
{
	bool mark = time_us % SECOND_US < MARK_US;
	int square = frame->height / 8;
	av_frame_copy(frame, background);
	draw_disc(frame, time_us);
	draw_grain(frame, time_us);
	fill(frame, frame->width - square, 0, square, square, grey(mark ? WHITE : DARK));
	draw_clock(frame, time_us);
	draw_strip(frame, time_us);
}

/* --- the tone --- */

/* Of a whole number of turns a second, so that the phase follows from the place in the second. */
static double wave(uint64_t sample, unsigned hertz)
{
	return sin(TURN * (double)(sample % TEST_TONE_RATE * hertz % TEST_TONE_RATE) / TEST_TONE_RATE);
}

AVFrame *test_tone_new(uint64_t first)
{
	AVFrame *f = av_frame_alloc();
	if (!f)
		return NULL;
	f->format = AV_SAMPLE_FMT_FLT;
	f->sample_rate = TEST_TONE_RATE;
	f->nb_samples = TEST_TONE_SAMPLES;
	f->ch_layout = (AVChannelLayout)AV_CHANNEL_LAYOUT_STEREO;
	if (av_frame_get_buffer(f, 0) < 0) {
		av_frame_free(&f);
		return NULL;
	}
	float *out = (float *)(void *)f->data[0];
	for (uint64_t i = first; i < first + TEST_TONE_SAMPLES; i++, out += 2) {
		double level = TONE_LEVEL * wave(i, TONE_HZ);
		if (i % TEST_TONE_RATE < TEST_TONE_RATE / (SECOND_US / MARK_US))
			level += BEEP_LEVEL * wave(i, BEEP_HZ);
		out[0] = out[1] = (float)level;
	}
	return f;
}
