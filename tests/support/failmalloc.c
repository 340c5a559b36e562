#include "tests/support/failmalloc.h"

#include <malloc.h>

#include "tests/support/test.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);

static size_t countdown, live, bytes;
static bool hit;

#define LOOP_MAX 100000u /* a body that allocates more often than this does not end */

void failmalloc_at(size_t n)
{
	countdown = n;
	hit = false;
}

bool failmalloc_hit(void)
{
	return hit;
}

size_t failmalloc_live(void)
{
	return live;
}

size_t failmalloc_bytes(void)
{
	return bytes;
}

static bool fail_now(void)
{
	if (countdown == 0 || --countdown > 0)
		return false;
	hit = true;
	return true;
}

static void *counted(void *p)
{
	live += p != NULL;
	bytes += malloc_usable_size(p);
	return p;
}

static void uncount(void *p)
{
	live -= p != NULL;
	bytes -= malloc_usable_size(p);
}

void *__wrap_malloc(size_t size)
{
	return fail_now() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fail_now() ? NULL : counted(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t size)
{
	if (fail_now())
		return NULL;
	uncount(p);
	void *moved = __real_realloc(p, size);
	(void)counted(moved ? moved : p);
	return moved;
}

void __wrap_free(void *p)
{
	uncount(p);
	__real_free(p);
}

void failmalloc_loop(void (*body)(void *context), void *context)
{
	for (size_t n = 1;; n++) {
		assert_true(n < LOOP_MAX);
		size_t before = live;
		failmalloc_at(n);
		body(context);
		bool reached = hit;
		failmalloc_at(0);
		assert_int_equal(live, before);
		if (!reached)
			return;
	}
}
