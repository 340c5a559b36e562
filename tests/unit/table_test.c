/* base/siphash.h, base/table.h */
#include "tests/support/test.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/rng.h"
#include "base/table.h"
#include "tests/support/failmalloc.h"

#define MEMBERS 1000u

static void siphash_gives_the_reference_values(void **state)
{
	(void)state;
	/* vectors_sip64 of the reference implementation: key 00 01 ... 0f, inputs of n bytes 00 01 ... */
	static const struct {
		size_t len;
		uint64_t hash;
	} vectors[] = {
		{0, UINT64_C(0x726fdb47dd0e0e31)}, {1, UINT64_C(0x74f839c593dc67fd)},
		{2, UINT64_C(0x0d6c8009d9a94f5a)}, {7, UINT64_C(0xab0200f58b01d137)},
		{8, UINT64_C(0x93f5f5799a932462)}, {15, UINT64_C(0xa129ca6149be45e5)},
	};
	uint8_t bytes[16];
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)i;
	for (size_t i = 0; i < ARRAY_LENGTH(vectors); i++)
		assert_true(siphash(bytes, slice_of(bytes, vectors[i].len)) == vectors[i].hash);
}

typedef struct {
	uint32_t key;
	table_node node;
	bool in;
} member;

static uint64_t hash_of(const table *t, uint32_t key)
{
	return table_hash(t, slice_of(&key, sizeof key));
}

static member *find(const table *t, uint32_t key)
{
	TABLE_FOR (node, t, hash_of(t, key)) {
		member *m = LIST_ENTRY(node, member, node);
		if (m->key == key)
			return m;
	}
	return NULL;
}

static void what_is_put_in_is_found_until_taken_out(void **state)
{
	(void)state;
	rng_seeded rng;
	rng_seeded_init(&rng, 7);
	parley_random random = rng_seeded_source(&rng);
	table t;
	member *members = calloc(MEMBERS, sizeof *members);
	assert_non_null(members);
	assert_int_equal(table_init(&t, &random, MEMBERS / 10), 0); /* more than expected */
	for (uint32_t i = 0; i < MEMBERS; i++)
		members[i].key = i;
	size_t count = 0;
	for (unsigned n = 0; n < 20 * MEMBERS; n++) {
		member *m = &members[rng_seeded_below(&rng, MEMBERS)];
		assert_ptr_equal(find(&t, m->key), m->in ? m : NULL);
		if (m->in)
			table_remove(&t, &m->node);
		else
			table_insert(&t, &m->node, hash_of(&t, m->key));
		m->in = !m->in;
		count = m->in ? count + 1 : count - 1;
		assert_int_equal(t.count, count);
	}
	table_clear(&t);
	free(members);
}

static void equal_hashes_are_all_there(void **state)
{
	(void)state;
	rng_seeded rng;
	rng_seeded_init(&rng, 7);
	parley_random random = rng_seeded_source(&rng);
	table t;
	table_node a, b, c;
	assert_int_equal(table_init(&t, &random, 1), 0);
	table_insert(&t, &a, 5);
	table_insert(&t, &b, 6);
	table_insert(&t, &c, 5);
	assert_ptr_equal(table_first(&t, 5), &c);
	assert_ptr_equal(table_next(&c), &a);
	assert_null(table_next(&a));
	table_remove(&t, &a);
	assert_null(table_next(&c));
	assert_ptr_equal(table_first(&t, 6), &b);
	table_clear(&t);
}

static void every_table_has_a_secret_of_its_own(void **state)
{
	(void)state;
	rng_seeded rng;
	rng_seeded_init(&rng, 7);
	parley_random random = rng_seeded_source(&rng), broken = {0};
	table a, b;
	assert_int_equal(table_init(&a, &random, 1), 0);
	assert_int_equal(table_init(&b, &random, 1), 0);
	assert_true(hash_of(&a, 1) != hash_of(&b, 1));
	table_clear(&a);
	table_clear(&b);
	assert_true(table_init(&a, &broken, 1) < 0);
	table_clear(&a);
}

static void make_table(void *context)
{
	table t;
	(void)table_init(&t, context, 100);
	table_clear(&t);
}

static void a_table_without_memory_fails(void **state)
{
	(void)state;
	rng_seeded rng;
	rng_seeded_init(&rng, 7);
	parley_random random = rng_seeded_source(&rng);
	failmalloc_loop(make_table, &random);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash_gives_the_reference_values),
		cmocka_unit_test(what_is_put_in_is_found_until_taken_out),
		cmocka_unit_test(equal_hashes_are_all_there),
		cmocka_unit_test(every_table_has_a_secret_of_its_own),
		cmocka_unit_test(a_table_without_memory_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
