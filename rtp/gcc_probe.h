/*
 * rtp/gcc_probe.h: short bursts above the present rate, to learn quickly what the path carries.
 *
 * When: at the start (3 and 6 times the start rate, then on by doubling while it succeeds); while the application sends less
 * than it may (a lower rate says nothing of the path), every 5 s; after a deep drop, every 2 s, to notice that the link is back;
 * while nothing has shown the path's limit, every 5 s (a probe may be lost);
 * when the demand rises. Never while the queue grows.
 */
#ifndef PARLEY_RTP_GCC_PROBE_H
#define PARLEY_RTP_GCC_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rtp/twcc.h"

#define GCC_PROBE_US 15000u		   /* a cluster lasts that long ... */
#define GCC_PROBE_PACKETS 5u		   /* ... and has at least so many packets */
#define GCC_PROBE_QUEUE_MAX 4u		   /* wanted, not yet polled */
#define GCC_PROBE_CLUSTERS 8u		   /* under way */
#define GCC_PROBE_LIFE_US 3000000u	   /* a cluster without a result after this has failed */
#define GCC_PROBE_INTERVAL_MAX_US 1000000u /* of its packets, sent or received: longer is no burst */
#define GCC_PROBE_ALR_US 5000000u	   /* period while application-limited */
#define GCC_PROBE_SEARCH_US \
	5000000u /* period while the path's capacity is not known; and a second, before any result */
#define GCC_PROBE_FIRST_US 1000000u
#define GCC_PROBE_FIRST_TRIES 12u
#define GCC_PROBE_RECOVERY_US 2000000u	      /* period after a deep drop: at first ... */
#define GCC_PROBE_RECOVERY_FIRST_US 30000000u /* ... for so long, ... */
#define GCC_PROBE_RECOVERY_LATER_US 5000000u  /* ... then this ... */
#define GCC_PROBE_RECOVERY_MAX_US 120000000u  /* ... until so long after the drop */
#define GCC_PROBE_RECOVERED 0.85	      /* of the rate before the drop: that will do */
#define GCC_PROBE_CALM_US 500000u	      /* no probe so soon after overuse */
#define GCC_PROBE_HIGH_US 5000000u	      /* the highest target is remembered for one to two of these */
#define GCC_PROBE_DROP 0.66		      /* a drop below this part is deep */
#define GCC_PROBE_FURTHER 0.7		      /* a result above this part of the probe's rate: the next is twice that */
#define GCC_PROBE_RATIO_MAX 2.0		      /* received faster than sent by more: nonsense */

typedef struct {
	uint32_t id; /* > 0 */
	uint64_t bps;
	size_t bytes;	  /* at least */
	uint32_t packets; /* at least */
} gcc_probe;

typedef struct {
	gcc_probe probe;
	bool used;
	uint64_t created;
	uint32_t count;
	uint64_t bytes, first_sent, last_sent, first_arrived, last_arrived;
	uint32_t last_sent_size, first_arrived_size;
} gcc_cluster;

typedef struct {
	bool enabled;
	bool started;	     /* the initial probes were asked for */
	uint64_t demand_bps; /* UINT64_MAX: unlimited */
	uint32_t next_id;
	gcc_probe queue[GCC_PROBE_QUEUE_MAX];
	size_t queued;
	gcc_cluster clusters[GCC_PROBE_CLUSTERS];
	uint64_t last_probe;		/* asked for; TIME_NEVER: none */
	uint64_t high_now, high_before; /* bps: highest target in this bucket of time, and in the one before */
	uint64_t high_at;
	uint64_t before_drop; /* bps; 0: no deep drop to recover from */
	uint64_t dropped_at;
	uint64_t last_unrest; /* TIME_NEVER: none */
	/* application-limited detector: a budget of 65 % of the target */
	double budget, budget_max;
	uint64_t budget_at;
	bool application_limited;
	uint64_t probes, succeeded;
} gcc_probes;

void gcc_probes_init(gcc_probes *p, bool enabled);
/* The initial volley. */
void gcc_probes_start(gcc_probes *p, uint64_t now, uint64_t start_bps, uint64_t max_bps);
void gcc_probes_sent(gcc_probes *p, uint64_t now, size_t size, uint64_t target_bps);
/* A packet that arrived. Returns the measured rate once most of its cluster did, else 0. */
uint64_t gcc_probes_packet(gcc_probes *p, uint64_t now, const twcc_result *result, uint64_t max_bps);
/* Periodic probes. calm: the detector says normal, and the queue is short. searching: no overuse has shown yet what the path
 * carries at most. */
void gcc_probes_process(gcc_probes *p, uint64_t now, uint64_t target_bps, uint64_t max_bps, bool calm, bool searching);
/* One probe at bps, clipped to max and to twice the demand. */
void gcc_probes_want(gcc_probes *p, uint64_t now, uint64_t bps, uint64_t max_bps);
bool gcc_probes_poll(gcc_probes *p, uint64_t now, gcc_probe *out);

#endif
