/*
 * rtp/gcc_delay.h: is the path's queue growing? The delay-based detector of congestion control (draft-ietf-rmcat-gcc-02
 * 5.1-5.4), with a trendline (least squares over smoothed delays) in place of the draft's Kalman filter.
 *
 * Packets sent within 5 ms form a group; from one group to the next the change of one-way delay is taken, smoothed, and the
 * slope over the last 20 groups compared with a threshold that adapts to the path's noise.
 */
#ifndef PARLEY_RTP_GCC_DELAY_H
#define PARLEY_RTP_GCC_DELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GCC_GROUP_US 5000u	 /* packets sent within this are one group (draft 5.2: burst_time) */
#define GCC_BURST_MAX_US 100000u /* a group grows no longer than this in arrival time */
#define GCC_TREND_WINDOW 20u	 /* groups */
#define GCC_TREND_SMOOTHING 0.9	 /* of the accumulated delay */
#define GCC_TREND_GAIN 4.0
#define GCC_TREND_DELTAS_MAX 60u      /* the slope counts in full after so many groups */
#define GCC_THRESHOLD_START_MS 12.5   /* draft 5.4: del_var_th(0) */
#define GCC_THRESHOLD_MIN_MS 6.0      /* draft 5.4 */
#define GCC_THRESHOLD_MAX_MS 600.0    /* draft 5.4 */
#define GCC_THRESHOLD_UP 0.0087	      /* K_u */
#define GCC_THRESHOLD_DOWN 0.039      /* K_d */
#define GCC_THRESHOLD_OUTLIER_MS 15.0 /* the threshold does not follow what exceeds it by more (draft 5.4) */
#define GCC_OVERUSE_TIME_US 10000u    /* draft 5.4: overuse_time_th */
#define GCC_DELAY_RESET_US 3000000u   /* a jump of the arrival clock by more starts anew */
#define GCC_BASE_BUCKET_US 15000000u  /* the least delay is remembered for one to two of these */

typedef enum { GCC_NORMAL, GCC_OVERUSE, GCC_UNDERUSE } gcc_usage;
const char *gcc_usage_name(gcc_usage usage);

typedef struct {
	uint64_t first_sent, last_sent, first_arrived, last_arrived;
	bool complete; /* has packets */
} gcc_group;

typedef struct {
	gcc_group current, previous;
	/* trendline */
	uint32_t deltas;
	uint64_t first_arrival;
	double accumulated_ms, smoothed_ms, previous_trend;
	double x[GCC_TREND_WINDOW], y[GCC_TREND_WINDOW];
	size_t points, next_point;
	double trend; /* times gain and number, comparable with the threshold */
	/* detector */
	double threshold_ms;
	uint64_t threshold_at; /* TIME_NEVER: not yet adapted */
	uint64_t overusing_us;
	bool overusing; /* overusing_us counts */
	uint32_t over_count;
	gcc_usage usage;
	/* queueing delay */
	bool has_base;
	int64_t base_now, base_before; /* least (arrived - sent) in this bucket and the one before */
	uint64_t bucket_at;
	uint64_t queue_us; /* of the newest packet */
} gcc_delay;

void gcc_delay_init(gcc_delay *d);
/* A packet sent then arrived then (two clocks); in order of arrival. */
void gcc_delay_packet(gcc_delay *d, uint64_t sent, uint64_t arrived);

#endif
