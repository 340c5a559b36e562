/*
 * bench/port_bench.c: what a datagram costs a server, by the number of connections on its UDP port.
 *
 * All servers are alive at the same time. In a round each echoes the same number of messages: ten of its calls at a time, twenty messages
 * each, then the next ten. The first message of such a turn finds the connection's memory out of the processor's caches if there are
 * many connections: "first" is what it costs, "then" what the others do. Not counted: setting up, the clients.
 */
#include <stdio.h>

#include "bench/calls.h"
#include "bench/ratio.h"

#define ROUNDS 15u
#define TURNS 20u /* of a server in a round */
#define CALLS_AT_A_TIME 10u
#define MESSAGES 20u /* of a call in a turn */

typedef struct {
	unsigned count;
	bench_calls *calls;
	unsigned next;
	ratio_series first, then; /* nanoseconds */
} server;

static server servers[] = {{.count = 10}, {.count = 100}, {.count = 1000}, {.count = 2000}};
#define SERVERS (sizeof servers / sizeof *servers)

static double per_datagram(const bench_cost *cost)
{
	return (double)cost->cpu_ns / (double)cost->datagrams;
}

static void measure(server *s)
{
	bench_cost first = {0}, then = {0};
	for (unsigned turn = 0; turn < TURNS; turn++) {
		for (unsigned i = 0; i < MESSAGES; i++)
			bench_calls_echo(s->calls, s->next, CALLS_AT_A_TIME, i == 0 ? &first : &then);
		s->next += CALLS_AT_A_TIME;
	}
	ratio_add(&s->first, per_datagram(&first));
	ratio_add(&s->then, per_datagram(&then));
}

static void print_column(const ratio_series *s, const ratio_series *base)
{
	ratio_spread r = ratio_to(s, base);
	printf("  %8.0f  %.2f (%.2f - %.2f)", ratio_median(s), r.median, r.low, r.high);
}

static void print_table(void)
{
	printf("CPU time of a server for a datagram with so many connections on one port; nanoseconds, ratio to 10 connections\n"
	       "(quartiles of %u rounds)\n\n"
	       "connections  first of a turn                   then\n",
	       ROUNDS);
	for (unsigned i = 0; i < SERVERS; i++) {
		printf("%11u", servers[i].count);
		print_column(&servers[i].first, &servers[0].first);
		print_column(&servers[i].then, &servers[0].then);
		printf("\n");
	}
}

int main(void)
{
	for (unsigned i = SERVERS; i-- > 0;) /* those that take long first: no one's consent may expire meanwhile */
		servers[i].calls = bench_calls_new(servers[i].count);
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned i = 0; i < SERVERS; i++) {
			for (unsigned k = 0; k < SERVERS; k++)
				bench_calls_settle(servers[k].calls); /* consent checks that are due */
			measure(&servers[i]);
		}
	print_table();
	for (unsigned i = 0; i < SERVERS; i++)
		bench_calls_free(servers[i].calls);
	return 0;
}
