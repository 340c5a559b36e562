#include "bench/ratio.h"

#include <stdlib.h>
#include <string.h>

void ratio_add(ratio_series *s, double sample)
{
	if (s->count < RATIO_ROUNDS_MAX)
		s->samples[s->count++] = sample;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static ratio_spread spread_of(double *samples, unsigned count)
{
	if (count == 0)
		return (ratio_spread){0};
	qsort(samples, count, sizeof *samples, compare);
	return (ratio_spread){
		.low = samples[count / 4], .median = samples[count / 2], .high = samples[(count - 1) - count / 4]};
}

double ratio_median(const ratio_series *s)
{
	double sorted[RATIO_ROUNDS_MAX];
	memcpy(sorted, s->samples, s->count * sizeof *sorted);
	return spread_of(sorted, s->count).median;
}

ratio_spread ratio_to(const ratio_series *s, const ratio_series *first)
{
	double ratios[RATIO_ROUNDS_MAX];
	unsigned count = s->count < first->count ? s->count : first->count;
	for (unsigned i = 0; i < count; i++)
		ratios[i] = s->samples[i] / first->samples[i];
	return spread_of(ratios, count);
}
