/*
 * tests/sim/simnet.h: a network in one process on a virtual clock: peer connections, the datagrams between them, and the
 * path that delays, loses, duplicates, reorders and corrupts them. All chance comes from one seed.
 *
 * Time starts at SIMNET_EPOCH and moves only in simnet_step, straight to the next thing that happens: a day of silence
 * costs nothing. Every packet and event goes into a trace, whose digest tells whether two runs were the same.
 */
#ifndef PARLEY_TESTS_SIMNET_H
#define PARLEY_TESTS_SIMNET_H

#include <stdio.h>

#include "base/list.h"
#include "base/rng.h"
#include "base/time.h"
#include "parley/core.h"

#define SIMNET_EPOCH (UINT64_C(1000) * US_PER_S)
#define SIMNET_NODES_MAX 4u

/* One direction or both: chances are per 1,000 packets. */
typedef struct {
	uint64_t delay_us;  /* of every packet */
	uint64_t jitter_us; /* and up to this more, evenly */
	unsigned loss;	    /* of 1,000 */
	unsigned duplicate; /* arrive twice */
	unsigned reorder;   /* held back by up to another delay_us */
	unsigned corrupt;   /* arrive with one bit wrong */
	size_t mtu;	    /* larger datagrams vanish; 0: no limit */
	bool cut;	    /* nothing passes */
} simnet_path;

typedef struct simnet simnet;
typedef struct simnet_node simnet_node;

/* What the test does with a node's events; called from simnet_step and simnet_drain. */
typedef void (*simnet_handler)(simnet_node *node, const parley_event *event);

struct simnet_node {
	simnet *net;
	unsigned index;
	parley_core *core;
	parley_addr addr;
	simnet_handler on_event;
	void *user;
};

struct simnet {
	uint64_t now;
	rng_seeded rng;
	simnet_path path;
	simnet_node nodes[SIMNET_NODES_MAX];
	size_t node_count;
	list_node flying; /* packets, the earliest first */
	list_node later;  /* calls to make, the earliest first */
	uint64_t trace_hash;
	FILE *trace; /* NULL: only the digest is kept */
	uint64_t packets, lost;
};

void simnet_init(simnet *net, uint64_t seed, const simnet_path *path);
void simnet_clear(simnet *net); /* the nodes' cores too */
/* A node with one address; config NULL: the defaults. Its random bytes come from the net's seed. Asserts success. */
simnet_node *simnet_add(simnet *net, const parley_core_config *config, simnet_handler on_event, void *user);
/* Calls `call(context)` after delay_us of virtual time: for signaling messages. simnet_clear frees context if it did not come to that. */
void simnet_after(simnet *net, uint64_t delay_us, void (*call)(simnet *net, void *context), void *context);
/* Takes out what the node wants to send and say. To be called after each call into its core. */
void simnet_drain(simnet_node *node);
/* Goes on to the next thing that happens, if that is before `end`, and checks all invariants. False: nothing is. */
bool simnet_step(simnet *net, uint64_t end);
/* A line of the trace. */
void simnet_trace(simnet *net, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
