/* Connections that come and go: after 10,000 of them the heap is where it began. `--cycles N` for another number. */
#include "tests/support/test.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/call.h"
#include "tests/support/failmalloc.h"

#define CYCLES_DEFAULT 10000u
#define WARM_UP 1000u /* caches of OpenSSL and of malloc fill in the first ones */
#define HEAP_SLACK \
	(256u * 1024u) /* bytes: fragmentation, far less than one byte a cycle times what a connection holds */
#define CALL_LIMIT (UINT64_C(30) * US_PER_S)

static unsigned cycles = CYCLES_DEFAULT;

static void one_cycle(uint64_t seed)
{
	simnet_path path = {.delay_us = 10 * US_PER_MS};
	call_options options = {.messages = 1};
	call c;
	call_init(&c, seed, &path, &options, NULL);
	call_start(&c);
	assert_true(call_run(&c, CALL_LIMIT));
	parley_core_close(c.ends[seed & 1].node->core, c.net.now);
	simnet_drain(c.ends[seed & 1].node);
	call_run_for(&c, 100 * US_PER_MS);
	call_end *left = &c.ends[!(seed & 1)];
	assert_int_equal(left->channel_state, PARLEY_CHANNEL_CLOSED);
	call_clear(&c);
}

static void the_heap_ends_where_it_began(void **state)
{
	(void)state;
	for (unsigned i = 0; i < WARM_UP; i++)
		one_cycle(i);
	size_t live = failmalloc_live();
	malloc_trim(0);
	size_t heap = mallinfo2().uordblks;
	for (unsigned i = 0; i < cycles; i++)
		one_cycle(i);
	malloc_trim(0);
	size_t after = mallinfo2().uordblks;
	print_message("heap in use: %zu bytes before, %zu after %u cycles\n", heap, after, cycles);
	assert_int_equal(failmalloc_live(), live);
	assert_true(after <= heap + HEAP_SLACK);
}

int main(int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i += 2)
		if (strcmp(argv[i], "--cycles") == 0)
			cycles = (unsigned)strtoul(argv[i + 1], NULL, 10);
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_heap_ends_where_it_began)};
	return cmocka_run_group_tests_name("sim/churn", tests, NULL, NULL);
}
