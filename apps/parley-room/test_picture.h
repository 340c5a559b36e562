/*
 * apps/parley-room/test_picture.h: what `--send test` shows and sounds like: a picture that moves, with a clock, and a tone.
 *
 * From top to bottom: colour bars; over them a disc that goes to and fro, a clock "MM:SS.mmm" of the time since the start in
 * seven-segment digits, and in the upper right corner a square that is white for the first 100 ms of each second; a band of grain, for the bit rate to be spent on;
 * at the bottom, for programs to read, the clock strip: 32 blocks of equal width from the left to the right edge, a tenth of the height high,
 * each white (1) or black (0): the milliseconds since the start as a 32-bit number, its highest bit leftmost. To read it from a
 * decoded picture of any size, compare the luma in the middle of each block with half scale.
 *
 * The tone is 440 Hz, with a beep of 880 Hz for the first 100 ms of each second, when the square is white: 48 kHz stereo.
 */
#ifndef PARLEY_APPS_ROOM_TEST_PICTURE_H
#define PARLEY_APPS_ROOM_TEST_PICTURE_H

#include <libavutil/frame.h>
#include <stdbool.h>
#include <stdint.h>

#define TEST_STRIP_BLOCKS 32
#define TEST_TONE_RATE 48000
#define TEST_TONE_SAMPLES 960 /* of a piece: 20 ms */

/* The colour bars, to be copied under each picture: YUV 4:2:0. width and height are even, 128 or more. NULL: no memory. */
AVFrame *test_picture_new_background(int width, int height);

/* Draws the picture of time_us since the start into frame, as large as the background and writable. */
void test_picture_draw(AVFrame *frame, const AVFrame *background, uint64_t time_us);

/* The piece of tone that begins at sample `first` since the start. NULL: no memory. */
AVFrame *test_tone_new(uint64_t first);

#endif
