/* tests/net/kernel.h: sendmsg as our own code calls it (the linker's --wrap): counted, and refused on demand. */
#ifndef PARLEY_TESTS_NET_KERNEL_H
#define PARLEY_TESTS_NET_KERNEL_H

#include <stddef.h>

typedef struct {
	size_t calls;  /* whatever came of them */
	size_t before; /* so many succeed, */
	size_t errors; /* then so many fail */
	int error;     /* with this */
	int cut_error; /* if set: those with UDP_SEGMENT fail with this */
} kernel_ways;

extern kernel_ways kernel;

#endif
