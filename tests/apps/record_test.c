/* The test picture and tone, encoded, recorded and read again: what comes out shows the times that went in. */
#include "tests/support/test.h"

#include <libavformat/avformat.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "apps/parley-room/audio_encoder.h"
#include "apps/parley-room/media_codec.h"
#include "apps/parley-room/recorder.h"
#include "apps/parley-room/test_picture.h"
#include "apps/parley-room/video_encoder.h"

#define WIDTH 320
#define HEIGHT 180
#define FPS 30
#define SECONDS 3
#define RTP_START 0xffffff00u /* wraps within the recording */
#define ARRIVAL_START 77000000u

typedef struct {
	recorder *recorder;
	video_encoder *video;
	audio_encoder *audio;
	parley_codec codec;
	unsigned keys_wanted;
	size_t bytes;
} studio;

static void give(studio *s, parley_media_kind kind, parley_codec codec, const AVPacket *p)
{
	bool wants_key;
	char why[MEDIA_WHY_MAX] = "";
	parley_frame_event f = {
		.codec = codec,
		.data = p->data,
		.len = (size_t)p->size,
		.rtp_timestamp = RTP_START + media_rtp_timestamp(codec, p->pts),
		.arrival_time = ARRIVAL_START + (uint64_t)p->pts + (uint64_t)(p->pts * 7919 % 9000), /* jitter */
		.key_frame = kind == PARLEY_AUDIO || p->flags & AV_PKT_FLAG_KEY,
	};
	if (!recorder_write(s->recorder, kind, &f, &wants_key, why))
		fail_msg("%s", why);
	s->keys_wanted += wants_key;
}

static void picture_at(studio *s, const AVFrame *background, AVFrame *picture, int64_t time_us)
{
	AVPacket *p = av_packet_alloc();
	assert_true(av_frame_make_writable(picture) >= 0);
	test_picture_draw(picture, background, (uint64_t)time_us);
	int got = video_encoder_encode(s->video, picture, time_us, p);
	assert_true(got >= 0);
	if (got) {
		s->bytes += (size_t)p->size;
		give(s, PARLEY_VIDEO, s->codec, p);
	}
	av_packet_free(&p);
}

static void sound_at(studio *s, uint64_t sample)
{
	AVFrame *tone = test_tone_new(sample);
	AVPacket *p = av_packet_alloc();
	assert_int_equal(audio_encoder_push(s->audio, tone, (int64_t)(sample * 1000000 / TEST_TONE_RATE)), 0);
	while (audio_encoder_pull(s->audio, p) > 0) {
		give(s, PARLEY_AUDIO, PARLEY_OPUS, p);
		av_packet_unref(p);
	}
	av_packet_free(&p);
	av_frame_free(&tone);
}

static void record_from(studio *s, int seconds, int width, int height, int from)
{
	AVFrame *background = test_picture_new_background(width, height), *picture = av_frame_clone(background);
	for (int ms = from * 1000; ms < (from + seconds) * 1000; ms++) {
		if (ms % 20 == 0)
			sound_at(s, (uint64_t)ms * 48);
		if (ms % 33 == 0)
			picture_at(s, background, picture, (int64_t)ms * 1000);
	}
	av_frame_free(&background);
	av_frame_free(&picture);
}

static studio open_studio(const char *path, parley_codec codec)
{
	char why[MEDIA_WHY_MAX] = "";
	media_set_log(false);
	studio s = {.codec = codec, .recorder = recorder_new(path, why)};
	s.video = video_encoder_new(codec, FPS);
	s.audio = audio_encoder_new(PARLEY_OPUS);
	assert_non_null(s.recorder);
	assert_non_null(s.video);
	assert_non_null(s.audio);
	recorder_expect(s.recorder, PARLEY_AUDIO, true);
	recorder_expect(s.recorder, PARLEY_VIDEO, true);
	return s;
}

static void close_studio(studio *s)
{
	char why[MEDIA_WHY_MAX] = "";
	if (!recorder_close(s->recorder, why))
		fail_msg("%s", why);
	video_encoder_free(s->video);
	audio_encoder_free(s->audio);
}

/* --- reading again --- */

static uint32_t read_strip(const AVFrame *f)
{
	uint32_t ms = 0;
	int y = f->height - f->height / 20;
	for (int i = 0; i < TEST_STRIP_BLOCKS; i++) {
		int x = f->width * (2 * i + 1) / (2 * TEST_STRIP_BLOCKS);
		ms = ms << 1 | (f->data[0][y * f->linesize[0] + x] > 127);
	}
	return ms;
}

typedef struct {
	unsigned pictures, sounds, samples, wrong_times, sizes;
	double duration, first_picture, first_sound;
	enum AVCodecID codec;
} reading;

static void look_at(reading *r, const AVFrame *f, double seconds, uint32_t *last, int *width)
{
	uint32_t ms = read_strip(f);
	if (!r->pictures++)
		r->first_picture = seconds;
	if (r->pictures > 1 && (ms <= *last || ms - *last > 500))
		r->wrong_times++;
	*last = ms;
	r->sizes += *width != f->width;
	*width = f->width;
}

static reading read_again(const char *path)
{
	reading r = {0};
	AVFormatContext *file = NULL;
	AVCodecContext *decoders[2] = {0};
	AVPacket *p = av_packet_alloc();
	AVFrame *f = av_frame_alloc();
	uint32_t last = 0;
	int width = 0;
	assert_true(avformat_open_input(&file, path, NULL, NULL) >= 0);
	assert_true(avformat_find_stream_info(file, NULL) >= 0);
	assert_int_equal(file->nb_streams, 2);
	for (int i = 0; i < 2; i++)
		assert_non_null(decoders[i] = media_open_decoder(file->streams[i]->codecpar));
	r.codec = file->streams[0]->codecpar->codec_id;
	r.duration = (double)file->duration / AV_TIME_BASE;
	while (av_read_frame(file, p) >= 0) {
		AVCodecContext *d = decoders[p->stream_index];
		double seconds = (double)p->pts * av_q2d(file->streams[p->stream_index]->time_base);
		assert_true(avcodec_send_packet(d, p) >= 0);
		while (avcodec_receive_frame(d, f) >= 0) {
			if (p->stream_index == 0)
				look_at(&r, f, seconds, &last, &width);
			else if (!r.sounds++)
				r.first_sound = seconds;
			r.samples += p->stream_index == 1 ? (unsigned)f->nb_samples : 0;
		}
		av_packet_unref(p);
	}
	for (int i = 0; i < 2; i++)
		avcodec_free_context(&decoders[i]);
	av_frame_free(&f);
	av_packet_free(&p);
	avformat_close_input(&file);
	return r;
}

static void check_recording(const char *path, parley_codec codec)
{
	studio s = open_studio(path, codec);
	record_from(&s, SECONDS, WIDTH, HEIGHT, 0);
	close_studio(&s);
	reading r = read_again(path);
	unlink(path);
	assert_int_equal(r.codec, media_codec_id(codec));
	assert_in_range(r.pictures, SECONDS * FPS * 9 / 10, SECONDS * FPS + 3);
	assert_in_range(r.samples, SECONDS * 48000 - 4000, SECONDS * 48000 + 960);
	assert_int_equal(r.wrong_times, 0);
	assert_true(r.duration > SECONDS - 0.2 && r.duration < SECONDS + 0.2);
	assert_true(r.first_picture < 0.1 && r.first_sound < 0.1);
	assert_int_equal(s.keys_wanted, 0);
}

static void every_codec_into_every_container_that_holds_it(void **state)
{
	(void)state;
	static const parley_codec codecs[] = {PARLEY_VP8, PARLEY_VP9, PARLEY_H264, PARLEY_AV1};
	static const char *const extensions[] = {"webm", "mkv", "mp4"};
	unsigned held = 0;
	for (size_t c = 0; c < 4; c++) {
		for (size_t x = 0; x < 3; x++) {
			char path[64];
			snprintf(path, sizeof path, "build/record-test-%d.%s", (int)getpid(), extensions[x]);
			if (!recorder_can_hold(path, codecs[c]) || !video_encoder_exists(codecs[c]))
				continue;
			check_recording(path, codecs[c]);
			held++;
		}
	}
	assert_int_equal(held, 10);
}

static void a_changed_size_stays_in_the_file(void **state)
{
	(void)state;
	char path[64];
	snprintf(path, sizeof path, "build/record-test-%d.mkv", (int)getpid());
	studio s = open_studio(path, PARLEY_VP8);
	record_from(&s, 1, WIDTH, HEIGHT, 0);
	record_from(&s, 1, WIDTH * 2, HEIGHT * 2, 1);
	close_studio(&s);
	reading r = read_again(path);
	unlink(path);
	assert_int_equal(r.sizes, 2);
	assert_int_equal(r.wrong_times, 0);
	assert_true(r.pictures > 55);
}

static void another_codec_begins_another_file(void **state)
{
	(void)state;
	char path[64], second[64];
	snprintf(path, sizeof path, "build/record-test-%d.mkv", (int)getpid());
	snprintf(second, sizeof second, "build/record-test-%d-2.mkv", (int)getpid());
	studio s = open_studio(path, PARLEY_VP8);
	record_from(&s, 1, WIDTH, HEIGHT, 0);
	video_encoder_free(s.video);
	s.video = video_encoder_new(s.codec = PARLEY_VP9, FPS);
	record_from(&s, 1, WIDTH, HEIGHT, 1);
	close_studio(&s);
	assert_int_equal(read_again(path).codec, AV_CODEC_ID_VP8);
	assert_int_equal(read_again(second).codec, AV_CODEC_ID_VP9);
	unlink(path);
	unlink(second);
}

static void what_cannot_begin_asks_for_a_key_frame(void **state)
{
	(void)state;
	char path[64], why[MEDIA_WHY_MAX];
	bool wants_key;
	snprintf(path, sizeof path, "build/record-test-%d.webm", (int)getpid());
	recorder *r = recorder_new(path, why);
	recorder_expect(r, PARLEY_VIDEO, true);
	parley_frame_event delta = {.codec = PARLEY_VP8, .data = (const uint8_t *)"\x31\x00\x00", .len = 3};
	assert_true(recorder_write(r, PARLEY_VIDEO, &delta, &wants_key, why));
	assert_true(wants_key);
	delta.key_frame = true; /* or so it says */
	assert_true(recorder_write(r, PARLEY_VIDEO, &delta, &wants_key, why));
	assert_true(wants_key);
	assert_true(recorder_close(r, why));
	assert_int_not_equal(access(path, F_OK), 0);
	assert_null(recorder_new("build/record-test.avi", why));
}

/* --- the encoder and its bit rate --- */

static size_t bytes_of_seconds(studio *s, const AVFrame *background, AVFrame *picture, int from, int seconds)
{
	size_t before = s->bytes;
	for (int i = from * FPS; i < (from + seconds) * FPS; i++)
		picture_at(s, background, picture, (int64_t)i * 1000000 / FPS);
	return s->bytes - before;
}

static void the_encoder_follows_the_bit_rate(void **state)
{
	(void)state;
	static const parley_codec codecs[] = {PARLEY_VP8, PARLEY_VP9, PARLEY_H264};
	AVFrame *background = test_picture_new_background(640, 360), *picture = av_frame_clone(background);
	for (size_t i = 0; i < 3; i++) {
		studio s = open_studio("build/record-test-never.mkv", codecs[i]);
		recorder_close(s.recorder, NULL);
		char why[MEDIA_WHY_MAX];
		s.recorder = recorder_new("build/record-test-rate.mkv", why);
		video_encoder_set_bitrate(s.video, 1500000);
		bytes_of_seconds(&s, background, picture, 0, 4);
		video_encoder_set_bitrate(s.video, 250000);
		bytes_of_seconds(&s, background, picture, 4, 1);
		size_t low = bytes_of_seconds(&s, background, picture, 5, 4) * 8 / 4;
		assert_in_range(low, 60000, 300000);
		video_encoder_set_bitrate(s.video, 100000);
		bytes_of_seconds(&s, background, picture, 9, 2);
		size_t lowest = bytes_of_seconds(&s, background, picture, 11, 3) * 8 / 3;
		assert_in_range(lowest, 30000, 125000);
		assert_int_equal(video_encoder_width(s.video), 320);
		video_encoder_set_bitrate(s.video, 1000000);
		bytes_of_seconds(&s, background, picture, 14, 4);
		assert_int_equal(video_encoder_width(s.video), 640);
		close_studio(&s);
		unlink("build/record-test-rate.mkv");
	}
	av_frame_free(&background);
	av_frame_free(&picture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_codec_into_every_container_that_holds_it),
		cmocka_unit_test(a_changed_size_stays_in_the_file),
		cmocka_unit_test(another_codec_begins_another_file),
		cmocka_unit_test(what_cannot_begin_asks_for_a_key_frame),
		cmocka_unit_test(the_encoder_follows_the_bit_rate),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
