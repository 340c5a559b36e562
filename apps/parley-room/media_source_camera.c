#include <libavdevice/avdevice.h>
#include <stdio.h>
#include <stdlib.h>

#include "apps/parley-room/media_source.h"
#include "apps/parley-room/media_track.h"

#define CAMERA "/dev/video0"
#define MICROPHONE "default"
#define KINDS 2

typedef struct {
	media_source base;
	AVFormatContext *devices[KINDS];
	media_track tracks[KINDS];
	bool begun[KINDS];
	int turn; /* whose device is asked next */
} camera_source;

static camera_source *of(media_source *s)
{
	return (camera_source *)(void *)s;
}

static int64_t next_time(media_source *s)
{
	return s->has[PARLEY_AUDIO] || s->has[PARLEY_VIDEO] ? 0 : SOURCE_NEVER;
}

/* What the device has: 1: queued; 0: nothing yet. */
static int read_device(camera_source *c, int kind)
{
	AVPacket *p = av_packet_alloc();
	if (!p)
		return AVERROR(ENOMEM);
	int err = av_read_frame(c->devices[kind], p);
	media_track *t = &c->tracks[kind];
	if (err >= 0 && media_track_queue(t, p)) {
		if (!c->begun[kind])
			t->offset = -media_track_next_time(t);
		c->begun[kind] = true;
		return 1;
	}
	av_packet_free(&p);
	return err == AVERROR(EAGAIN) ? 0 : err;
}

/* Asks both devices; one that fails (is unplugged) is given up. */
static int read_item(media_source *s, source_item *out)
{
	camera_source *c = of(s);
	for (int i = 0; i < KINDS; i++) {
		int kind = c->turn;
		c->turn = (c->turn + 1) % KINDS;
		if (!c->devices[kind])
			continue;
		int err = read_device(c, kind);
		if (err > 0)
			return media_track_read(&c->tracks[kind], false, out);
		if (err < 0)
			s->has[kind] = false;
		if (err < 0)
			avformat_close_input(&c->devices[kind]);
	}
	return s->has[PARLEY_AUDIO] || s->has[PARLEY_VIDEO] ? 0 : AVERROR_EOF;
}

static void free_camera(media_source *s)
{
	camera_source *c = of(s);
	for (int k = 0; k < KINDS; k++) {
		media_track_close(&c->tracks[k]);
		avformat_close_input(&c->devices[k]);
	}
	free(c);
}

/* Devices are asked without waiting: the loop has other work. */
static int open_device(camera_source *c, parley_media_kind kind, const char *name, const char *format,
		       AVDictionary **options)
{
	const AVInputFormat *device = av_find_input_format(format);
	if (!device)
		return AVERROR_DEMUXER_NOT_FOUND;
	AVFormatContext *f = avformat_alloc_context();
	if (!f)
		return AVERROR(ENOMEM);
	f->flags |= AVFMT_FLAG_NONBLOCK;
	int err = avformat_open_input(&f, name, device, options);
	if (err < 0)
		return err;
	c->devices[kind] = f;
	err = media_track_open(&c->tracks[kind], f, kind);
	c->base.has[kind] = c->tracks[kind].stream != NULL;
	return err < 0 || c->base.has[kind] ? err : AVERROR_DECODER_NOT_FOUND;
}

static int open_camera(camera_source *c, int width, int height, int fps)
{
	char text[32];
	AVDictionary *options = NULL;
	snprintf(text, sizeof text, "%dx%d", width, height);
	av_dict_set(&options, "video_size", text, 0);
	av_dict_set_int(&options, "framerate", fps, 0);
	int err = open_device(c, PARLEY_VIDEO, CAMERA, "v4l2", &options);
	av_dict_free(&options);
	return err;
}

media_source *source_new_camera(int width, int height, int fps, char why[MEDIA_WHY_MAX])
{
	static const source_operations operations = {.free = free_camera, .next_time = next_time, .read = read_item};
	camera_source *c = calloc(1, sizeof *c);
	if (!c) {
		snprintf(why, MEDIA_WHY_MAX, "out of memory");
		return NULL;
	}
	avdevice_register_all();
	c->base = (media_source){.operations = &operations, .live = true, .fps = fps};
	int video = open_camera(c, width, height, fps);
	int audio = open_device(c, PARLEY_AUDIO, MICROPHONE, "alsa", NULL);
	if (c->base.has[PARLEY_AUDIO] || c->base.has[PARLEY_VIDEO])
		return &c->base;
	char camera[AV_ERROR_MAX_STRING_SIZE], microphone[AV_ERROR_MAX_STRING_SIZE];
	av_strerror(video, camera, sizeof camera);
	av_strerror(audio, microphone, sizeof microphone);
	snprintf(why, MEDIA_WHY_MAX, "no camera at " CAMERA " (%s) and no microphone (ALSA \"" MICROPHONE "\": %s)",
		 camera, microphone);
	free_camera(&c->base);
	return NULL;
}
