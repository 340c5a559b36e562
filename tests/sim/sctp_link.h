/*
 * tests/sim/sctp_link.h: associations that send through one bottleneck, on a virtual clock: a rate, a delay, a queue that
 * overflows, random and burst loss, packets that are overtaken, outages, a largest size. Each flow has a source that never
 * runs dry at side 0 and a sink at side 1 that wants every message once, in order and whole; and, if wanted, beside it on a
 * stream of its own small messages that come at regular times, whose delays are noted.
 *
 * Deterministic by its seed, and quick: about a second for a million packets. Timers are checked after every step
 * (sctp_check_timers), all invariants now and then.
 */
#ifndef PARLEY_TESTS_SCTP_LINK_H
#define PARLEY_TESTS_SCTP_LINK_H

#include "base/rng.h"
#include "base/time.h"
#include "sctp/sctp.h"
#include "tests/sim/rival.h"

#define LINK_FLOWS_MAX 4u
#define LINK_EPOCH (UINT64_C(1000) * US_PER_S) /* when a simulation begins */
#define LINK_PACKET_MAX 2048u
#define LINK_OVERHEAD 65u	 /* bytes around an SCTP packet: DTLS 13 + 8 + 16, UDP 8, IPv4 20 */
#define LINK_DELAYS 4096u	 /* the longest queuing delay told apart, in milliseconds */
#define LINK_SMALL_DELAYS 10000u /* the longest delay of a small message told apart, in 0.1 ms */
#define LINK_SMALL_STREAM 1u

/* Both directions have the same properties, each its own queue. May change while the simulation runs. */
typedef struct {
	uint64_t bits_per_second; /* over LINK_OVERHEAD too */
	uint64_t delay_us;	  /* one way */
	size_t queue_bytes;	  /* beyond the packet being sent */
	uint64_t tick_us;	  /* packets arrive in bunches, so far apart; 0: each for itself */
	uint64_t stall_us;	  /* five to ten times a second none arrive for up to so long, and then all at once */
	unsigned loss_ppm;	  /* of all packets */
	unsigned loss_run;	  /* mean length of a run of losses; 0, 1: each packet for itself */
	unsigned reorder_ppm;	  /* of all packets come up to reorder_us later and are overtaken */
	uint64_t reorder_us;
	size_t mtu; /* larger SCTP packets vanish; 0: none */
	bool cut;   /* all vanish */
} link_path;

typedef struct {
	uint64_t at, number; /* arrival; equal times in order of sending */
	uint8_t flow, to;
	uint16_t len;
	uint8_t bytes[LINK_PACKET_MAX];
} link_packet;

typedef struct { /* a ring of packets that arrive in order */
	link_packet **packets;
	size_t first, count, capacity;
} link_fifo;

typedef struct {
	uint64_t interval; /* 0: there are none */
	size_t len;
	uint16_t priority;
	uint64_t next; /* when the next one is sent; TIME_NEVER: no more */
	uint32_t sent, received;
	uint32_t delays[LINK_SMALL_DELAYS]; /* messages that took so many times 0.1 ms from being sent to being taken */
} link_small;

typedef struct {
	sctp_association *end[2];
	sctp_config config[2];
	rng_seeded secrets[2];
	size_t message_len;
	uint64_t begins; /* when its source begins; TIME_NEVER: it is silent */
	uint32_t sent, received;
	uint64_t bytes;		  /* of messages received */
	uint64_t last_progress;	  /* when a message came last */
	uint64_t longest_silence; /* between messages */
	size_t buffered_max;	  /* bytes the sink's association held at most */
	bool connected, refused;  /* refused: the sink saw a wrong message */
	bool hold;		  /* the sink takes no events */
	link_small small;
} link_flow;

typedef struct {
	uint64_t now;
	link_path path;
	rng_seeded rng;
	link_flow flows[LINK_FLOWS_MAX];
	unsigned flow_count;
	rival rival;			     /* sends in direction 0 too, once rival_begin was called */
	uint64_t free_ns[2];		     /* by direction: when the link has sent all it has */
	uint64_t stall_from[2], stall_to[2]; /* by direction: the present one or the next */
	unsigned run[2];		     /* packets yet to be lost in a run of losses */
	link_fifo fifo[2];
	link_packet **late; /* a heap: packets that are overtaken */
	size_t late_count, late_capacity;
	link_packet **spare;
	size_t spare_count, spare_capacity;
	uint64_t number, steps;
	uint64_t sent[2], dropped[2], lost[2]; /* packets, by direction; dropped at the queue */
	uint32_t queued_ms[LINK_DELAYS];       /* direction 0: packets that waited so long in the queue */
} link_world;

/* One flow with default configurations; change them, add more, then link_connect. */
void link_init(link_world *w, uint64_t seed, const link_path *path, unsigned flows, size_t message_len);
void link_connect(link_world *w); /* creates the associations, runs until they are connected */
void link_run(link_world *w, uint64_t us);
/* What a share of the small messages took at most, in microseconds. */
uint64_t link_small_delay(const link_flow *f, double share);
/* The sources stop; runs until all that was sent has come, at most so long. False: something is missing. */
bool link_finish(link_world *w, uint64_t us);
void link_clear(link_world *w);

/* Share of what full packets without loss could carry in a time. */
double link_share(const link_world *w, uint64_t bytes, uint64_t us);
/* The queuing delay in ms that a share of the packets (0..1) did not exceed. */
unsigned link_queued(const link_world *w, double share);

#endif
