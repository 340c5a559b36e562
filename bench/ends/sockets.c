#include "bench/ends/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define TICK_US 5000
#define LINE_BYTES 256

void socket_must(bool good, const char *what)
{
	if (!good)
		traffic_fail(what, strerror(errno));
}

static struct sockaddr_in address_of(const char *ip, unsigned port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	if (inet_pton(AF_INET, ip, &a.sin_addr) != 1)
		traffic_fail(ip, "is no IPv4 address");
	return a;
}

int socket_new(const traffic_options *options, int type)
{
	struct sockaddr_in local = address_of(options->address, 0);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	socket_must(fd >= 0, "socket");
	socket_must(bind(fd, (struct sockaddr *)&local, sizeof local) == 0, options->address);
	return fd;
}

void socket_say_address(int fd)
{
	struct sockaddr_in local;
	char ip[INET_ADDRSTRLEN];
	socklen_t len = sizeof local;
	socket_must(getsockname(fd, (struct sockaddr *)&local, &len) == 0, "getsockname");
	traffic_say("signal %s %u", inet_ntop(AF_INET, &local.sin_addr, ip, sizeof ip), ntohs(local.sin_port));
}

void socket_set_tick(int fd)
{
	struct timeval tick = {.tv_usec = TICK_US};
	socket_must(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof tick) == 0, "SO_RCVTIMEO");
}

static void take_address(char *text, struct sockaddr_in *peer)
{
	char *port = strchr(text, ' ');
	if (!port)
		traffic_fail(text, "is no address with a port");
	*port++ = '\0';
	*peer = address_of(text, (unsigned)strtoul(port, NULL, 10));
}

void socket_await(const char *word, struct sockaddr_in *peer)
{
	static const char prefix[] = "signal ";
	char line[LINE_BYTES];
	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (strcmp(line, word) == 0)
			return;
		if (strncmp(line, prefix, sizeof prefix - 1) == 0)
			take_address(line + sizeof prefix - 1, peer);
	}
	exit(0);
}
