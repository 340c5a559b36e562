/*
 * bench/ratio.h: variants of one thing, measured in turns, and how they compare to the first of them.
 *
 * Absolute times say more of the machine and its other users than of the code. So every round measures each variant once, one soon after
 * the other, and what is told is the median over the rounds of its ratio to the first variant in the same round.
 */
#ifndef PARLEY_BENCH_RATIO_H
#define PARLEY_BENCH_RATIO_H

#define RATIO_ROUNDS_MAX 64u

typedef struct {
	double samples[RATIO_ROUNDS_MAX]; /* one of each round; more than that are left out */
	unsigned count;
} ratio_series;

void ratio_add(ratio_series *s, double sample);
double ratio_median(const ratio_series *s);
/* Median of s to first, and the quartiles. */
typedef struct {
	double low, median, high;
} ratio_spread;
ratio_spread ratio_to(const ratio_series *s, const ratio_series *first);

#endif
