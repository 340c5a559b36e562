/*
 * apps/parley-room/media_status.h: what getStats says once a second, made into rates: a line for people, an object for programs.
 */
#ifndef PARLEY_APPS_ROOM_MEDIA_STATUS_H
#define PARLEY_APPS_ROOM_MEDIA_STATUS_H

#include "base/buf.h"
#include "parley/media.h"

/* Totals of one kind and direction. */
typedef struct {
	int64_t bytes, packets, frames, lost, retransmitted, key_frames;
} media_totals;

typedef struct {
	bool seen;
	char codec[16]; /* "VP8" */
	int64_t width, height;
	media_totals total, before; /* now, and at the previous look */
	int64_t bps, fps;	    /* between the two */
	double loss; /* 0..1, of what was expected between the two; of what is sent, as the peer reports it */
} media_stream_status;

typedef enum { STATUS_IN, STATUS_OUT } status_direction;

typedef struct {
	media_stream_status streams[2][2]; /* by status_direction, parley_media_kind */
	int64_t round_trip_us;		   /* -1: not known */
	int64_t available_bps;		   /* what we may send; -1: not known */
	uint64_t looked_at;
	bool looked;
} media_status;

/* Takes the W3C statistics (parley_pc_get_stats_json) of now. False: they could not be read. */
bool media_status_look(media_status *m, const char *json, uint64_t now_us);
/* The members of an object, without its braces: "rttMs":..,"availableBps":..,"streams":[..]. 0 or a PARLEY_E*. */
int media_status_json(const media_status *m, buf *out);
/* "in VP8 640x360 30/s 1.2 Mbit/s ..., out ..."; empty when nothing flows. */
void media_status_line(const media_status *m, char *out, size_t capacity);

#endif
