/*
 * bench/port_bench.c: what a datagram costs a server, by the number of connections on its UDP port.
 *
 * All servers are alive at the same time. In a round each echoes the same number of messages: ten of its calls at a time, twenty messages
 * each, then the next ten. The first message of such a turn finds the connection's memory out of the processor's caches if there are
 * many connections: "first" is what it costs, "then" what the others do. Then nobody talks for a while: what the server does
 * meanwhile, such as checking consent, it does for every connection, and it is taken off. Not counted: setting up, the clients.
 */
#include <stdio.h>

#include "bench/calls.h"
#include "bench/ratio.h"

#define ROUNDS 15u
#define TURNS 20u /* of a server in a round */
#define CALLS_AT_A_TIME 10u
#define MESSAGES 20u /* of a call in a turn */
#define IDLE_MS 200u
#define MS_PER_S 1000.0
#define WARM_UP 60u /* messages of every call: until SCTP knows its round trip, by which it asks for acknowledgements */

typedef struct {
	unsigned count;
	bench_calls *calls;
	unsigned next;
	ratio_series first, then; /* nanoseconds */
	ratio_series datagrams;	  /* received for a message: only equal ones can be compared */
	ratio_series idle;	  /* milliseconds of a second */
} server;

static server servers[] = {{.count = 10}, {.count = 100}, {.count = 1000}, {.count = 2000}};
#define SERVERS (sizeof servers / sizeof *servers)

static void warm_up(server *s)
{
	bench_cost unused = {0};
	for (unsigned next = 0; next < s->count; next += CALLS_AT_A_TIME)
		for (unsigned i = 0; i < WARM_UP; i++)
			bench_calls_echo(s->calls, next, CALLS_AT_A_TIME, &unused);
}

/* As much of it as the idle server costs in the same time is taken off. */
static double without(uint64_t value, uint64_t idle_value, const bench_cost *cost, const bench_cost *idle)
{
	return (double)value - (double)idle_value * (double)cost->wall_ns / (double)idle->wall_ns;
}

static double cpu(const bench_cost *cost, const bench_cost *idle)
{
	return without(cost->cpu_ns, idle->cpu_ns, cost, idle);
}

static double datagrams(const bench_cost *cost, const bench_cost *idle)
{
	return without(cost->datagrams, idle->datagrams, cost, idle);
}

static void measure(server *s)
{
	bench_cost first = {0}, then = {0}, idle = {0};
	for (unsigned turn = 0; turn < TURNS; turn++) {
		for (unsigned i = 0; i < MESSAGES; i++)
			bench_calls_echo(s->calls, s->next, CALLS_AT_A_TIME, i == 0 ? &first : &then);
		s->next += CALLS_AT_A_TIME;
	}
	bench_calls_settle(s->calls);
	bench_calls_rest(s->calls, IDLE_MS, &idle);
	ratio_add(&s->first, cpu(&first, &idle) / datagrams(&first, &idle));
	ratio_add(&s->then, cpu(&then, &idle) / datagrams(&then, &idle));
	ratio_add(&s->datagrams, datagrams(&then, &idle) / (double)then.messages);
	ratio_add(&s->idle, (double)idle.cpu_ns / (double)idle.wall_ns * MS_PER_S);
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
	       "connections  first of a turn                   then                      datagrams/message  idle ms/s\n",
	       ROUNDS);
	for (unsigned i = 0; i < SERVERS; i++) {
		printf("%11u", servers[i].count);
		print_column(&servers[i].first, &servers[0].first);
		print_column(&servers[i].then, &servers[0].then);
		printf("  %17.2f  %9.1f\n", ratio_median(&servers[i].datagrams), ratio_median(&servers[i].idle));
	}
}

int main(void)
{
	for (unsigned i = SERVERS; i-- > 0;) /* those that take long first: no one's consent may expire meanwhile */
		servers[i].calls = bench_calls_new(servers[i].count);
	for (unsigned i = SERVERS; i-- > 0;)
		warm_up(&servers[i]);
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
