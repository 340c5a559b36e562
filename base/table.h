/*
 * base/table.h: a hash table for keys that strangers choose. Members embed a table_node; their memory is the owner's.
 *
 * The hash is under a secret drawn at the start, so that nobody can aim keys at one bucket. The number of buckets is fixed
 * by the number of members expected: more members are allowed, and only make it slower.
 */
#ifndef PARLEY_BASE_TABLE_H
#define PARLEY_BASE_TABLE_H

#include "base/siphash.h"
#include "parley/types.h"

typedef struct table_node {
	struct table_node *next;
	uint64_t hash;
} table_node;

typedef struct {
	uint8_t secret[SIPHASH_KEY_SIZE];
	table_node **buckets;
	size_t bucket_count; /* a power of two */
	size_t count;
} table;

/* PARLEY_ENOMEM, or the random source's error; a {0} table may be cleared. */
int table_init(table *t, const parley_random *random, size_t expected);
void table_clear(table *t); /* the members are then in no table */

uint64_t table_hash(const table *t, slice key);
void table_insert(table *t, table_node *node, uint64_t hash);
void table_remove(table *t, table_node *node); /* which is in it */

/* The members of this hash, one after the other; NULL at the end. Which of them has the key, the caller compares. */
table_node *table_first(const table *t, uint64_t hash);
table_node *table_next(const table_node *node);
#define TABLE_FOR(node, t, hash) for (table_node *node = table_first(t, hash); node; node = table_next(node))

#endif
