/* net/random.h: the operating system's random bytes (getrandom) as a parley_random. */
#ifndef PARLEY_NET_RANDOM_H
#define PARLEY_NET_RANDOM_H

#include "parley/types.h"

/* Needs no state and may be copied. fill fails with PARLEY_EIO where the kernel has no getrandom. */
parley_random net_random(void);

#endif
