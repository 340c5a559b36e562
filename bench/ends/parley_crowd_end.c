/*
 * bench/ends/parley_crowd_end.c: what a connected pair of Parley's connections, each with an idle data channel, adds to the resident memory
 * of the process that holds both. Says "resident KIB".
 *
 *     parley_crowd_end PAIRS
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/calls.h"
#include "bench/ends/traffic.h"

#define WARM_UP 10u /* what the libraries allocate once */
#define IDLE_MS 1000u
#define KIB 1024.0

static double resident_kib(void)
{
	unsigned long total, resident;
	FILE *f = fopen("/proc/self/statm", "r");
	if (!f || fscanf(f, "%lu %lu", &total, &resident) != 2) /* NOLINT(cert-err34-c): the kernel wrote it */
		traffic_fail("/proc/self/statm", "cannot be read");
	fclose(f);
	return (double)resident * (double)sysconf(_SC_PAGESIZE) / KIB;
}

int main(int argc, char **argv)
{
	unsigned pairs = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	bench_cost unused = {0};
	if (!pairs)
		traffic_fail("usage", "parley_crowd_end PAIRS");
	bench_calls_free(bench_calls_new(WARM_UP));
	double before = resident_kib();
	bench_calls *calls = bench_calls_new(pairs);
	bench_calls_echo(calls, 0, pairs, &unused);
	bench_calls_rest(calls, IDLE_MS, NULL);
	traffic_say("resident %.0f", (resident_kib() - before) / pairs);
	bench_calls_free(calls);
	return 0;
}
