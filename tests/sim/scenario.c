#include "tests/sim/scenario.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

static uint64_t seed_count;
static uint64_t only_seed; /* 0: all */
static const char *only_name;

bool scenario_is_watched(void)
{
	return only_seed != 0;
}

static void run_one(void **state)
{
	const scenario *s = *state;
	if (only_name && strcmp(only_name, s->name) != 0)
		return;
	for (uint64_t seed = 1; seed <= seed_count; seed++)
		if (!only_seed || seed == only_seed)
			s->run(seed);
}

int scenarios_run(const char *group, const scenario *all, size_t count, uint64_t seeds, int argc, char **argv)
{
	struct CMUnitTest tests[SCENARIOS_MAX];
	if (count > SCENARIOS_MAX)
		abort();
	seed_count = seeds;
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--seed") == 0)
			only_seed = strtoull(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--name") == 0)
			only_name = argv[i + 1];
	}
	for (size_t i = 0; i < count; i++)
		tests[i] = (struct CMUnitTest){
			.name = all[i].name, .test_func = run_one, .initial_state = (void *)(uintptr_t)&all[i]};
	return _cmocka_run_group_tests(group, tests, count, NULL, NULL);
}
