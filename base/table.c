#include "base/table.h"

#include <assert.h>
#include <stdlib.h>

#include "base/rng.h"

int table_init(table *t, const parley_random *random, size_t expected)
{
	*t = (table){.bucket_count = 1};
	while (t->bucket_count < expected)
		t->bucket_count *= 2;
	int err = rng_bytes(random, t->secret, sizeof t->secret);
	if (err)
		return err;
	t->buckets = calloc(t->bucket_count, sizeof(table_node *));
	return t->buckets ? 0 : PARLEY_ENOMEM;
}

void table_clear(table *t)
{
	free(t->buckets);
	*t = (table){0};
}

uint64_t table_hash(const table *t, slice key)
{
	return siphash(t->secret, key);
}

static table_node **bucket_of(const table *t, uint64_t hash)
{
	return &t->buckets[hash & (t->bucket_count - 1)];
}

void table_insert(table *t, table_node *node, uint64_t hash)
{
	table_node **bucket = bucket_of(t, hash);
	*node = (table_node){.next = *bucket, .hash = hash};
	*bucket = node;
	t->count++;
}

void table_remove(table *t, table_node *node)
{
	table_node **at = bucket_of(t, node->hash);
	while (*at != node) {
		assert(*at);
		at = &(*at)->next;
	}
	*at = node->next;
	t->count--;
}

static table_node *equal_hash(table_node *node, uint64_t hash)
{
	while (node && node->hash != hash)
		node = node->next;
	return node;
}

table_node *table_first(const table *t, uint64_t hash)
{
	return equal_hash(*bucket_of(t, hash), hash);
}

table_node *table_next(const table_node *node)
{
	return equal_hash(node->next, node->hash);
}
