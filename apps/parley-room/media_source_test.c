#include <stdlib.h>

#include "apps/parley-room/media_source.h"
#include "apps/parley-room/test_picture.h"

typedef struct {
	media_source base;
	AVFrame *background;
	int64_t pictures; /* given */
	int64_t pieces;	  /* of the tone */
} test_source;

void source_item_clear(source_item *item)
{
	av_frame_free(&item->frame);
	av_packet_free(&item->packet);
}

void source_free(media_source *s)
{
	if (s)
		s->operations->free(s);
}

static test_source *of(media_source *s)
{
	return (test_source *)(void *)s;
}

static int64_t picture_time(const test_source *t)
{
	return t->pictures * 1000000 / t->base.fps;
}

static int64_t piece_time(const test_source *t)
{
	return t->pieces * TEST_TONE_SAMPLES * 1000000 / TEST_TONE_RATE;
}

static int64_t next_time(media_source *s)
{
	const test_source *t = of(s);
	int64_t picture = picture_time(t), piece = piece_time(t);
	return picture < piece ? picture : piece;
}

static int read_item(media_source *s, source_item *out)
{
	test_source *t = of(s);
	*out = (source_item){.time = next_time(s)};
	if (piece_time(t) == out->time) {
		out->kind = PARLEY_AUDIO;
		out->frame = test_tone_new((uint64_t)(t->pieces++ * TEST_TONE_SAMPLES));
		return out->frame ? 1 : AVERROR(ENOMEM);
	}
	out->kind = PARLEY_VIDEO;
	out->frame = av_frame_clone(t->background);
	t->pictures++;
	if (!out->frame || av_frame_make_writable(out->frame) < 0) {
		source_item_clear(out);
		return AVERROR(ENOMEM);
	}
	test_picture_draw(out->frame, t->background, (uint64_t)out->time);
	return 1;
}

static void free_test(media_source *s)
{
	av_frame_free(&of(s)->background);
	free(s);
}

media_source *source_new_test(int width, int height, int fps)
{
	static const source_operations operations = {.free = free_test, .next_time = next_time, .read = read_item};
	test_source *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	t->base = (media_source){.operations = &operations, .has = {true, true}, .fps = fps};
	t->background = test_picture_new_background(width, height);
	if (!t->background) {
		free(t);
		return NULL;
	}
	return &t->base;
}
