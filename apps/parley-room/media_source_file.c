#include <stdio.h>
#include <stdlib.h>

#include "apps/parley-room/media_source.h"
#include "apps/parley-room/media_track.h"

#define KINDS 2
#define EARLY_US 3000000 /* of the file */

typedef struct {
	media_source base;
	AVFormatContext *file;
	media_track tracks[KINDS];
	bool once, ended; /* ended: the file has no more packets */
	bool gave_any;	  /* since its beginning: an empty file is not begun again for ever */
} file_source;

static file_source *of(media_source *s)
{
	return (file_source *)(void *)s;
}

static media_track *track_of(file_source *f, int stream_index)
{
	for (int k = 0; k < KINDS; k++)
		if (f->tracks[k].stream && f->tracks[k].stream->index == stream_index)
			return &f->tracks[k];
	return NULL;
}

/* --- reading ahead, so that both tracks' next packets are known --- */

static bool needs_more(const file_source *f)
{
	bool needs = false, full = false;
	for (int k = 0; k < KINDS; k++) {
		const media_track *t = &f->tracks[k];
		needs = needs || (t->stream && t->count == 0);
		full = full || t->count == TRACK_QUEUE_MAX;
	}
	return needs && !full && !f->ended;
}

static void read_ahead(file_source *f)
{
	while (needs_more(f)) {
		AVPacket *p = av_packet_alloc();
		if (!p || av_read_frame(f->file, p) < 0) {
			av_packet_free(&p);
			f->ended = true;
			return;
		}
		media_track *t = track_of(f, p->stream_index);
		if (!t || !media_track_queue(t, p))
			av_packet_free(&p);
	}
}

static int64_t end_time(const file_source *f)
{
	int64_t end = 0;
	for (int k = 0; k < KINDS; k++)
		if (f->tracks[k].stream && f->tracks[k].last_time > end)
			end = f->tracks[k].last_time;
	return end + 1000000 / f->base.fps;
}

/* Goes to where the file's time is `position`; its first packet there will be due at source time `at`. */
static bool go_to(file_source *f, int64_t position, int64_t at, int flags)
{
	if (av_seek_frame(f->file, -1, position, flags) < 0)
		return false;
	for (int k = 0; k < KINDS; k++) {
		if (!f->tracks[k].stream)
			continue;
		media_track_flush(&f->tracks[k]);
		f->tracks[k].offset = 0;
	}
	f->ended = false;
	read_ahead(f);
	int64_t first = SOURCE_NEVER;
	for (int k = 0; k < KINDS; k++) {
		int64_t next = media_track_next_time(&f->tracks[k]);
		first = next < first ? next : first;
	}
	for (int k = 0; k < KINDS && first != SOURCE_NEVER; k++)
		f->tracks[k].offset = at - first;
	return first != SOURCE_NEVER;
}

static int64_t file_start(const file_source *f)
{
	return f->file->start_time == AV_NOPTS_VALUE ? 0 : f->file->start_time;
}

static media_track *first_due(file_source *f)
{
	media_track *first = NULL;
	int64_t due = SOURCE_NEVER;
	read_ahead(f);
	for (int k = 0; k < KINDS; k++) {
		int64_t next = media_track_next_time(&f->tracks[k]);
		if (next < due) {
			due = next;
			first = &f->tracks[k];
		}
	}
	return first;
}

static media_track *next_track(file_source *f)
{
	media_track *t = first_due(f);
	if (t || f->once || !f->gave_any)
		return t;
	f->gave_any = false;
	return go_to(f, file_start(f), end_time(f), AVSEEK_FLAG_BACKWARD) ? first_due(f) : NULL;
}

static int64_t next_time(media_source *s)
{
	media_track *t = next_track(of(s));
	return t ? media_track_next_time(t) : SOURCE_NEVER;
}

static int read_item(media_source *s, source_item *out)
{
	file_source *f = of(s);
	media_track *t = next_track(f);
	if (!t)
		return AVERROR_EOF;
	f->gave_any = true;
	return media_track_read(t, s->pass_through[t->kind], out);
}

/* Jumps forward to the next key frame, or, if none follows or hardly anything has been given yet (to a peer who was not ready),
 * to the file's beginning. */
static void skip_to_key(media_source *s)
{
	file_source *f = of(s);
	const media_track *video = &f->tracks[PARLEY_VIDEO];
	if (!video->stream || !f->base.pass_through[PARLEY_VIDEO])
		return;
	int64_t at = end_time(f);
	int64_t position = video->last_time - video->offset + 1;
	bool early = position - file_start(f) < EARLY_US;
	if ((early || !go_to(f, position, at, 0)) && !go_to(f, file_start(f), at, AVSEEK_FLAG_BACKWARD))
		f->ended = true;
}

/* --- beginning and end --- */

static void free_file(media_source *s)
{
	file_source *f = of(s);
	for (int k = 0; k < KINDS; k++)
		media_track_close(&f->tracks[k]);
	avformat_close_input(&f->file);
	free(f);
}

static int open_file(file_source *f, const char *path)
{
	int err = avformat_open_input(&f->file, path, NULL, NULL);
	err = err < 0 ? err : avformat_find_stream_info(f->file, NULL);
	for (int k = 0; k < KINDS && err >= 0; k++) {
		err = media_track_open(&f->tracks[k], f->file, (parley_media_kind)k);
		f->base.has[k] = f->tracks[k].stream != NULL;
		f->base.codec[k] = media_track_codec(&f->tracks[k]);
	}
	return err;
}

media_source *source_new_file(const char *path, bool once, char why[MEDIA_WHY_MAX])
{
	static const source_operations operations = {
		.free = free_file,
		.next_time = next_time,
		.read = read_item,
		.skip_to_key = skip_to_key,
	};
	file_source *f = calloc(1, sizeof *f);
	if (!f) {
		snprintf(why, MEDIA_WHY_MAX, "out of memory");
		return NULL;
	}
	f->base.operations = &operations;
	f->once = once;
	int err = open_file(f, path);
	f->base.fps = media_track_fps(&f->tracks[PARLEY_VIDEO]);
	if (err < 0) {
		media_say_why(why, path, err);
	} else if (!f->base.has[PARLEY_AUDIO] && !f->base.has[PARLEY_VIDEO]) {
		snprintf(why, MEDIA_WHY_MAX, "%.200s: no audio or video that can be decoded", path);
		err = AVERROR_INVALIDDATA;
	} else if (!go_to(f, file_start(f), 0, AVSEEK_FLAG_BACKWARD)) {
		read_ahead(f); /* what cannot seek is read from where it stands */
	}
	if (err >= 0)
		return &f->base;
	free_file(&f->base);
	return NULL;
}
