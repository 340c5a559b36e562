/*
 * tests/support/failmalloc.h: makes the n-th allocation of Parley's own code fail, and counts what is not freed.
 *
 * By the linker's --wrap: only calls compiled into the test program are seen, not those of shared libraries.
 */
#ifndef PARLEY_TESTS_FAILMALLOC_H
#define PARLEY_TESTS_FAILMALLOC_H

#include <stdbool.h>
#include <stddef.h>

void failmalloc_at(size_t n);  /* the n-th allocation from now on (1 is the next) returns NULL, once; 0: never */
bool failmalloc_hit(void);     /* did it come to that allocation since failmalloc_at? */
size_t failmalloc_live(void);  /* allocations made and not freed */
size_t failmalloc_bytes(void); /* of those, as the allocator rounds them */

/*
 * Runs `body` with the 1st, 2nd, ... allocation failing until it runs through without reaching the failing one; each
 * time checks that everything was freed. body must clean up after itself and tolerate failure.
 */
void failmalloc_loop(void (*body)(void *context), void *context);

#endif
