#include "apps/parley-room/recorder.h"

#include <libavformat/avformat.h>
#include <libavutil/avstring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/parley-room/recorder_track.h"

#define PATH_MAX_BYTES 1024
#define PENDING_MAX 1024 /* frames that wait for the file's beginning */
#define BEGIN_WAIT_US 2000000u
#define KINDS 2

/* A frame that came before the file could begin. */
typedef struct {
	parley_media_kind kind;
	AVPacket *packet;
} pending_frame;

struct recorder {
	char path[PATH_MAX_BYTES];
	unsigned part; /* of the files, from 1 */
	bool expected[KINDS];
	record_track tracks[KINDS];
	AVFormatContext *file; /* NULL: not begun */
	pending_frame pending[PENDING_MAX];
	size_t pending_count;
	uint64_t zero;		/* arrival of what is the file's beginning */
	uint64_t waiting_since; /* arrival of the first sound that waited for a picture */
	bool has_zero, waiting, failed;
};

/* --- containers --- */

static const char *extension_of(const char *path)
{
	const char *dot = strrchr(path, '.');
	return dot && !strchr(dot, '/') ? dot + 1 : "";
}

static bool is_extension(const char *path, const char *extension)
{
	return av_strcasecmp(extension_of(path), extension) == 0;
}

bool recorder_check(const char *path, char why[MEDIA_WHY_MAX])
{
	if (is_extension(path, "webm") || is_extension(path, "mkv") || is_extension(path, "mp4"))
		return true;
	snprintf(why, MEDIA_WHY_MAX, "%.200s: a recording ends in .webm, .mkv or .mp4", path);
	return false;
}

bool recorder_can_hold(const char *path, parley_codec codec)
{
	if (codec == PARLEY_PCMU || codec == PARLEY_PCMA)
		return is_extension(path, "mkv");
	if (codec == PARLEY_H264)
		return !is_extension(path, "webm");
	return codec != PARLEY_VP8 || !is_extension(path, "mp4");
}

recorder *recorder_new(const char *path, char why[MEDIA_WHY_MAX])
{
	if (!recorder_check(path, why))
		return NULL;
	recorder *r = calloc(1, sizeof *r);
	if (!r || strlen(path) >= sizeof r->path - 16) {
		snprintf(why, MEDIA_WHY_MAX, r ? "the file's name is too long" : "out of memory");
		free(r);
		return NULL;
	}
	snprintf(r->path, sizeof r->path, "%s", path);
	r->part = 1;
	return r;
}

void recorder_expect(recorder *r, parley_media_kind kind, bool expected)
{
	r->expected[kind] = expected;
}

/* NAME.webm, then NAME-2.webm, ... */
static void part_path(const recorder *r, char out[PATH_MAX_BYTES + 16])
{
	const char *extension = extension_of(r->path);
	if (r->part == 1)
		snprintf(out, PATH_MAX_BYTES + 16, "%s", r->path);
	else
		snprintf(out, PATH_MAX_BYTES + 16, "%.*s-%u.%s", (int)(extension - r->path - 1), r->path, r->part,
			 extension);
}

/* --- a file's beginning and end --- */

static int add_stream(recorder *r, record_track *t)
{
	t->stream = avformat_new_stream(r->file, NULL);
	if (!t->stream)
		return AVERROR(ENOMEM);
	t->stream->time_base = MEDIA_TIME_BASE;
	return avcodec_parameters_copy(t->stream->codecpar, t->par);
}

static int open_file(recorder *r)
{
	char path[PATH_MAX_BYTES + 16];
	part_path(r, path);
	int err = avformat_alloc_output_context2(&r->file, NULL, NULL, path);
	for (int k = KINDS - 1; k >= 0 && err >= 0; k--) /* video first, as players like it */
		if (r->tracks[k].par)
			err = add_stream(r, &r->tracks[k]);
	err = err < 0 ? err : avio_open(&r->file->pb, path, AVIO_FLAG_WRITE);
	err = err < 0 ? err : avformat_write_header(r->file, NULL);
	return err;
}

static void drop_pending(recorder *r)
{
	for (size_t i = 0; i < r->pending_count; i++)
		av_packet_free(&r->pending[i].packet);
	r->pending_count = 0;
}

static int write_packet(recorder *r, record_track *t, AVPacket *packet)
{
	packet->stream_index = t->stream->index;
	av_packet_rescale_ts(packet, MEDIA_TIME_BASE, t->stream->time_base);
	if (t->written && packet->dts <= t->last_dts)
		packet->pts = packet->dts = t->last_dts + 1;
	t->last_dts = packet->dts;
	t->written = true;
	return av_interleaved_write_frame(r->file, packet);
}

static int write_pending(recorder *r)
{
	int err = 0;
	for (size_t i = 0; i < r->pending_count && err >= 0; i++) {
		record_track *t = &r->tracks[r->pending[i].kind];
		if (t->stream)
			err = write_packet(r, t, r->pending[i].packet);
	}
	drop_pending(r);
	return err;
}

static void forget_file(recorder *r)
{
	if (r->file && r->file->pb)
		avio_closep(&r->file->pb);
	avformat_free_context(r->file);
	r->file = NULL;
	drop_pending(r);
	for (int k = 0; k < KINDS; k++)
		record_track_clear(&r->tracks[k]);
	r->has_zero = r->waiting = false;
}

/* Begins the file even if a kind is missing that was expected. */
static int begin_file(recorder *r)
{
	int err = open_file(r);
	return err < 0 ? err : write_pending(r);
}

static int end_file(recorder *r)
{
	int err = 0;
	if (!r->file && r->has_zero)
		err = begin_file(r);
	if (r->file && err >= 0)
		err = av_write_trailer(r->file);
	forget_file(r);
	return err;
}

/* Whether all that was expected is there, or has had its time. */
static bool can_begin(const recorder *r, uint64_t now)
{
	bool complete = true;
	for (int k = 0; k < KINDS; k++)
		complete = complete && (r->tracks[k].par || !r->expected[k]);
	return complete || now - r->zero > BEGIN_WAIT_US || r->pending_count == PENDING_MAX;
}

/* --- frames --- */

static bool is_other_codec(const record_track *t, parley_codec codec)
{
	return t->par && t->codec != codec;
}

/* A kind or a codec that the present file has no place for. */
static bool needs_new_file(const recorder *r, parley_media_kind kind, parley_codec codec)
{
	return is_other_codec(&r->tracks[kind], codec) || (r->file && !r->tracks[kind].stream);
}

/* Whether the frame can be used: the first of a track must be a key frame, and video is waited for. */
static bool is_usable(recorder *r, parley_media_kind kind, const parley_frame_event *f)
{
	if (r->tracks[kind].par)
		return true;
	if (kind == PARLEY_VIDEO)
		return f->key_frame;
	if (r->has_zero || !r->expected[PARLEY_VIDEO])
		return true;
	if (!r->waiting)
		r->waiting_since = f->arrival_time;
	r->waiting = true;
	return f->arrival_time - r->waiting_since > BEGIN_WAIT_US;
}

static int keep(recorder *r, parley_media_kind kind, AVPacket *packet)
{
	if (r->pending_count == PENDING_MAX) {
		av_packet_free(&packet);
		return AVERROR(ENOMEM);
	}
	r->pending[r->pending_count++] = (pending_frame){kind, packet};
	return 0;
}

static int take_frame(recorder *r, parley_media_kind kind, const parley_frame_event *f)
{
	record_track *t = &r->tracks[kind];
	int err = 0;
	if (!t->par)
		err = record_track_begin(t, f);
	if (err < 0)
		return err;
	if (!r->has_zero) {
		r->zero = f->arrival_time;
		r->has_zero = true;
	}
	AVPacket *packet = record_track_packet(t, f, r->zero);
	if (!packet)
		return AVERROR(ENOMEM);
	if (r->file) {
		err = write_packet(r, t, packet);
		av_packet_free(&packet);
		return err;
	}
	err = keep(r, kind, packet);
	return err >= 0 && can_begin(r, f->arrival_time) ? begin_file(r) : err;
}

bool recorder_write(recorder *r, parley_media_kind kind, const parley_frame_event *frame, bool *wants_key,
		    char why[MEDIA_WHY_MAX])
{
	int err = 0;
	*wants_key = false;
	if (r->failed)
		return true;
	if (needs_new_file(r, kind, frame->codec) && (frame->key_frame || kind == PARLEY_AUDIO)) {
		err = end_file(r);
		r->part++;
	}
	if (err >= 0 && (!is_usable(r, kind, frame) || needs_new_file(r, kind, frame->codec))) {
		*wants_key = kind == PARLEY_VIDEO;
		return true;
	}
	err = err < 0 ? err : take_frame(r, kind, frame);
	if (err == AVERROR_INVALIDDATA && !r->file) { /* a key frame that was none */
		*wants_key = kind == PARLEY_VIDEO;
		return true;
	}
	r->failed = err < 0;
	return err >= 0 || media_say_why(why, r->path, err);
}

bool recorder_close(recorder *r, char why[MEDIA_WHY_MAX])
{
	if (!r)
		return true;
	int err = r->failed ? 0 : end_file(r);
	bool good = err >= 0 || media_say_why(why, r->path, err);
	if (r->failed && r->file)
		av_write_trailer(r->file); /* what can be saved */
	forget_file(r);
	free(r);
	return good;
}
