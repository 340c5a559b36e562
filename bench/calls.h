/*
 * bench/calls.h: calls over loopback to measure: a server's connections on one UDP port, and their peers on ports of their own, each
 * with a data channel that the server echoes. Server and clients have a loop each, run in turns by one thread, so that what the
 * server costs can be told from the rest.
 *
 * Anything that goes wrong ends the program with a line that says what.
 */
#ifndef PARLEY_BENCH_CALLS_H
#define PARLEY_BENCH_CALLS_H

#include <stdint.h>

typedef struct bench_calls bench_calls;

/* On whose behalf the present call to Parley is made: for who counts allocations. */
typedef enum { BENCH_SERVER, BENCH_CLIENT, BENCH_SIDES } bench_side;
extern bench_side bench_at_work;

/* All are connected when it returns. */
bench_calls *bench_calls_new(unsigned count);
void bench_calls_free(bench_calls *calls);

typedef struct {
	uint64_t messages;  /* echoed */
	uint64_t datagrams; /* received by the server */
	uint64_t cpu_ns;    /* of the server: its loop's turns */
	uint64_t wall_ns;   /* how long it took */
} bench_cost;

/* Has the clients of the calls first to first + count - 1 (modulo all of them) send one message each, and waits for the echoes. Adds to cost. */
void bench_calls_echo(bench_calls *calls, unsigned first, unsigned count, bench_cost *cost);

/* Runs both loops without waiting, until what was due is done. */
void bench_calls_settle(bench_calls *calls);

/* Runs both loops for so long while nobody talks. Adds to cost, which may be NULL. */
void bench_calls_rest(bench_calls *calls, unsigned milliseconds, bench_cost *cost);

#endif
