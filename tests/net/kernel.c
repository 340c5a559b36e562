#include "tests/net/kernel.h"

#include <errno.h>
#include <sys/socket.h>

kernel_ways kernel;

ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);

static int error_of(const struct msghdr *message)
{
	kernel.calls++;
	if (kernel.cut_error && message->msg_controllen > 0)
		return kernel.cut_error;
	if (kernel.before > 0) {
		kernel.before--;
		return 0;
	}
	if (kernel.errors == 0)
		return 0;
	kernel.errors--;
	return kernel.error;
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
	int error = error_of(message);
	if (!error)
		return __real_sendmsg(fd, message, flags);
	errno = error;
	return -1;
}
