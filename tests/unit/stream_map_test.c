/* sctp/stream_map.h */
#include "tests/support/test.h"

#include <stdlib.h>

#include "base/rng.h"
#include "parley/types.h"
#include "sctp/stream_map.h"
#include "tests/support/failmalloc.h"

#define IDS 65536u

static char records[IDS];

/* The map says of every id what was put there. */
static void check(const stream_map *map, const bool *in)
{
	uint32_t at = 0;
	for (uint32_t id = 0; id < IDS; id++) {
		void *record = in[id] ? &records[id] : NULL;
		if (stream_map_get(map, (uint16_t)id) != record)
			fail_msg("id %u", id);
		if (!in[id])
			continue;
		assert_ptr_equal(stream_map_next(map, &at), record);
		assert_int_equal(at, id);
		at++;
	}
	assert_null(stream_map_next(map, &at));
}

static void records_are_found_by_id_and_in_order(void **state)
{
	(void)state;
	static bool in[IDS];
	static const uint16_t edges[] = {0, 1, 15, 16, 255, 256, 4095, 4096, 65534, 65535};
	stream_map map = {0};
	rng_seeded rng;
	rng_seeded_init(&rng, 1);
	check(&map, in);
	for (size_t i = 0; i < ARRAY_LENGTH(edges); i++) {
		in[edges[i]] = true;
		assert_int_equal(stream_map_put(&map, edges[i], &records[edges[i]]), 0);
		check(&map, in);
	}
	for (unsigned n = 0; n < 20000; n++) {
		uint16_t id = (uint16_t)rng_seeded_next(&rng);
		in[id] = !in[id];
		assert_int_equal(stream_map_put(&map, id, in[id] ? &records[id] : NULL), 0);
	}
	check(&map, in);
	stream_map_clear(&map);
	assert_null(stream_map_get(&map, 0));
}

static void one_record_costs_little_and_all_cost_little_more_than_an_array(void **state)
{
	(void)state;
	size_t before = failmalloc_live();
	stream_map map = {0};
	assert_int_equal(stream_map_put(&map, 7, NULL), 0); /* nothing to take out */
	assert_int_equal(failmalloc_live(), before);
	assert_int_equal(stream_map_put(&map, 7, records), 0);
	assert_int_equal(failmalloc_live(), before + 3);
	assert_int_equal(stream_map_put(&map, 8, records), 0);
	assert_int_equal(failmalloc_live(), before + 3);
	for (uint32_t id = 0; id < IDS; id++)
		assert_int_equal(stream_map_put(&map, (uint16_t)id, records), 0);
	assert_int_equal(failmalloc_live(), before + 16 + 256 + 4096);
	stream_map_clear(&map);
	assert_int_equal(failmalloc_live(), before);
}

static void put_without_memory(void *context)
{
	(void)context;
	stream_map map = {0};
	int err = stream_map_put(&map, 1000, records);
	assert_ptr_equal(stream_map_get(&map, 1000), err ? NULL : records);
	assert_int_equal(stream_map_put(&map, 1000, NULL), 0);
	stream_map_clear(&map);
}

static void a_record_that_finds_no_memory_is_not_there(void **state)
{
	(void)state;
	failmalloc_loop(put_without_memory, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_found_by_id_and_in_order),
		cmocka_unit_test(one_record_costs_little_and_all_cost_little_more_than_an_array),
		cmocka_unit_test(a_record_that_finds_no_memory_is_not_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
