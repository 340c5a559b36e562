/*
 * tests/sim/scenario.h: tests that run with one seed after the other. build/tests/sim/NAME_test --seed 7 --name a_scenario runs one alone.
 */
#ifndef PARLEY_TESTS_SIM_SCENARIO_H
#define PARLEY_TESTS_SIM_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCENARIOS_MAX 16u /* of a program */

typedef struct {
	const char *name;
	void (*run)(uint64_t seed);
} scenario;

#define SCENARIO_TEST(name) \
	{                   \
#name, name \
	}

/* One seed alone was asked for: somebody wants to see what happens. */
bool scenario_is_watched(void);
/* Each of them with the seeds from 1 on; argc and argv are main's. Returns what main does. */
int scenarios_run(const char *group, const scenario *all, size_t count, uint64_t seeds, int argc, char **argv);

#endif
