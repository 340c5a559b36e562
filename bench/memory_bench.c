/*
 * bench/memory_bench.c: what an idle connection with a data channel keeps on the heap: of Parley's own code, seen by the linker's
 * --wrap, and of OpenSSL. The server's connections share a socket, the clients have one each.
 */
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdio.h>

#include "bench/calls.h"

#define CALLS 1000u
#define WARM_UP_CALLS 10u /* what the libraries allocate once */
#define IDLE_MS 3000u	  /* until every delayed acknowledgement has left and the checks are over */
#define KIB 1024.0

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);

/* Bytes, as the allocator rounds them. */
typedef struct {
	size_t parley[BENCH_SIDES], openssl[BENCH_SIDES];
} heap;

static heap now;

static void *put(size_t *account, void *p)
{
	*account += malloc_usable_size(p);
	return p;
}

static void *take(size_t *account, void *p)
{
	*account -= malloc_usable_size(p);
	return p;
}

void *__wrap_malloc(size_t size)
{
	return put(&now.parley[bench_at_work], __real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return put(&now.parley[bench_at_work], __real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t size)
{
	return put(&now.parley[bench_at_work], __real_realloc(take(&now.parley[bench_at_work], p), size));
}

void __wrap_free(void *p)
{
	__real_free(take(&now.parley[bench_at_work], p));
}

static void *openssl_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return put(&now.openssl[bench_at_work], __real_malloc(size));
}

static void *openssl_realloc(void *p, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return put(&now.openssl[bench_at_work], __real_realloc(take(&now.openssl[bench_at_work], p), size));
}

static void openssl_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	__real_free(take(&now.openssl[bench_at_work], p));
}

static void print_side(const char *name, bench_side side, const heap *before, const heap *after)
{
	printf("%-7s  %6.1f  %7.1f\n", name, (double)(after->parley[side] - before->parley[side]) / CALLS / KIB,
	       (double)(after->openssl[side] - before->openssl[side]) / CALLS / KIB);
}

int main(void)
{
	bench_cost unused = {0};
	if (!CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free))
		return 1;
	bench_calls_free(bench_calls_new(WARM_UP_CALLS));
	heap before = now;
	bench_calls *calls = bench_calls_new(CALLS);
	bench_calls_echo(calls, 0, CALLS, &unused);
	bench_calls_rest(calls, IDLE_MS, NULL);
	heap after = now;
	printf("Heap of an idle connection with an open data channel, KiB, mean of %u\n\n         parley  openssl\n",
	       CALLS);
	print_side("server", BENCH_SERVER, &before, &after);
	print_side("client", BENCH_CLIENT, &before, &after);
	bench_calls_free(calls);
	return 0;
}
