/*
 * tests/support/media.h: encoded media from files, frame by frame: IVF (VP8, VP9, AV1), Annex B (H.264), rtpdump (any).
 *
 * rtpdump is the format of rtptools, in which a captured RTP stream is kept as tests/data/media/NAME.rtpdump:
 *
 *   text    "#!rtpplay1.0 ADDRESS/PORT\n"
 *   header  16 octets: start time (seconds, microseconds), source address (32 bits each), port, padding (16 bits each)
 *   then per packet, all big-endian:
 *     u16 length   of this record with these 8 octets
 *     u16 plen     of the packet as it was; 0: it is RTCP
 *     u32 offset   milliseconds since the start
 *     length - 8 octets of packet, RTP header first
 *
 * Everything fails the running test if the file is missing or malformed: tests run in the tree's root.
 */
#ifndef PARLEY_TESTS_MEDIA_H
#define PARLEY_TESTS_MEDIA_H

#include "base/bytes.h"

typedef struct {
	uint8_t *bytes;	 /* of the whole file */
	slice *frames;	 /* in bytes */
	uint64_t *times; /* IVF: its timestamps; rtpdump: milliseconds; else the number of the frame */
	size_t count;
} media;

media media_load_ivf(const char *path);
media media_load_annexb(const char *path); /* a frame per access unit, start codes as they are */
/* A "frame" per RTP packet with its header; RTCP is left out. */
media media_load_rtpdump(const char *path);
void media_free(media *m);

#endif
