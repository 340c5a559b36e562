#include "sctp/scheduler.h"

#include <assert.h>
#include <stdlib.h>

#define FIRST_CAPACITY 8u
#define BYTE_TIME 65536u /* virtual time of a byte at weight 1: what the largest weight divides without loss of order */

static bool before(const sctp_turn *a, const sctp_turn *b)
{
	return a->rank < b->rank || (a->rank == b->rank && a->turn < b->turn);
}

static void put(sctp_scheduler *s, size_t place, sctp_turn *t)
{
	s->heap[place] = t;
	t->place = place;
}

static void sift_up(sctp_scheduler *s, sctp_turn *t)
{
	size_t at = t->place;
	for (; at > 1 && before(t, s->heap[at / 2]); at /= 2)
		put(s, at, s->heap[at / 2]);
	put(s, at, t);
}

static void sift_down(sctp_scheduler *s, sctp_turn *t)
{
	size_t at = t->place;
	for (size_t child; (child = 2 * at) <= s->count; at = child) {
		if (child < s->count && before(s->heap[child + 1], s->heap[child]))
			child++;
		if (!before(s->heap[child], t))
			break;
		put(s, at, s->heap[child]);
	}
	put(s, at, t);
}

void sctp_scheduler_init(sctp_scheduler *s, sctp_schedule kind)
{
	*s = (sctp_scheduler){.kind = kind};
}

void sctp_scheduler_clear(sctp_scheduler *s)
{
	free(s->heap);
	sctp_scheduler_init(s, s->kind);
}

int sctp_scheduler_reserve(sctp_scheduler *s)
{
	if (s->count + 1 < s->capacity)
		return 0;
	size_t capacity = s->capacity ? s->capacity * 2 : FIRST_CAPACITY;
	sctp_turn **heap = realloc(s->heap, capacity * sizeof *heap);
	if (!heap)
		return PARLEY_ENOMEM;
	s->heap = heap;
	s->capacity = capacity;
	return 0;
}

static void set_rank(sctp_scheduler *s, sctp_turn *t)
{
	t->turn = ++s->turns;
	switch (s->kind) {
	case SCTP_SCHEDULE_ROUND_ROBIN:
		t->rank = 0;
		break;
	case SCTP_SCHEDULE_PRIORITY:
		t->rank = UINT16_MAX - t->priority;
		break;
	case SCTP_SCHEDULE_WEIGHTED:
		t->rank = t->finish > s->time ? t->finish : s->time;
		break;
	}
}

void sctp_scheduler_enter(sctp_scheduler *s, sctp_turn *t)
{
	if (t->place)
		return;
	assert(s->count + 1 < s->capacity);
	set_rank(s, t);
	put(s, ++s->count, t);
	sift_up(s, t);
}

void sctp_scheduler_leave(sctp_scheduler *s, sctp_turn *t)
{
	if (!t->place)
		return;
	sctp_turn *last = s->heap[s->count--];
	if (last != t) {
		put(s, t->place, last);
		sift_down(s, last);
		sift_up(s, last);
	}
	t->place = 0;
	if (!s->count && t->finish > s->time)
		s->time = t->finish; /* a new busy period begins with all on a par */
}

sctp_turn *sctp_scheduler_first(const sctp_scheduler *s)
{
	return s->count ? s->heap[1] : NULL;
}

void sctp_scheduler_sent(sctp_scheduler *s, sctp_turn *t, size_t bytes)
{
	if (s->kind == SCTP_SCHEDULE_WEIGHTED) {
		s->time = t->rank;
		t->finish = t->rank + bytes * BYTE_TIME / t->priority;
	}
	set_rank(s, t);
	if (t->place)
		sift_down(s, t);
}

void sctp_scheduler_set_priority(sctp_scheduler *s, sctp_turn *t, uint16_t priority)
{
	t->priority = priority ? priority : 1;
	if (!t->place || s->kind != SCTP_SCHEDULE_PRIORITY)
		return; /* weights count from the next chunk on */
	sctp_scheduler_leave(s, t);
	sctp_scheduler_enter(s, t);
}

void sctp_scheduler_check(const sctp_scheduler *s)
{
	for (size_t i = 1; i <= s->count; i++) {
		assert(s->heap[i]->place == i);
		assert(i == 1 || !before(s->heap[i], s->heap[i / 2]));
	}
}
