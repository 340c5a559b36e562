/*
 * base/list.h: an intrusive doubly linked ring. The head is a list_node that owns nothing; members embed a list_node.
 */
#ifndef PARLEY_BASE_LIST_H
#define PARLEY_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

typedef struct list_node {
	struct list_node *prev, *next;
} list_node;

/* The struct of `type` whose `member` is *node. */
#define LIST_ENTRY(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))
#define LIST_FOR(node, head) for (list_node *node = (head)->next; node != (head); node = node->next)
/* As LIST_FOR, and the body may remove (and free) node. */
#define LIST_FOR_SAFE(node, after, head) \
	for (list_node *node = (head)->next, *after = node->next; node != (head); node = after, after = node->next)

static inline void list_init(list_node *head)
{
	head->prev = head->next = head;
}

static inline bool list_empty(const list_node *head)
{
	return head->next == head;
}

static inline void list_insert_before(list_node *at, list_node *node)
{
	node->prev = at->prev;
	node->next = at;
	at->prev->next = node;
	at->prev = node;
}

static inline void list_append(list_node *head, list_node *node)
{
	list_insert_before(head, node);
}

static inline void list_prepend(list_node *head, list_node *node)
{
	list_insert_before(head->next, node);
}

/* Unlinks node and leaves it a ring of its own, so that removing twice is harmless. */
static inline void list_remove(list_node *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* The first member, unlinked; NULL when the list is empty. */
static inline list_node *list_pop(list_node *head)
{
	if (list_empty(head))
		return NULL;
	list_node *node = head->next;
	list_remove(node);
	return node;
}

#endif
