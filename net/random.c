#include "net/random.h"

#include <errno.h>
#include <sys/random.h>

static int fill_from_kernel(void *context, uint8_t *out, size_t len)
{
	(void)context;
	while (len > 0) {
		ssize_t n = getrandom(out, len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return PARLEY_EIO;
		out += n;
		len -= (size_t)n;
	}
	return 0;
}

parley_random net_random(void)
{
	return (parley_random){.fill = fill_from_kernel};
}
