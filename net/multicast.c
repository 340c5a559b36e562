#include "net/multicast.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "ice/mdns.h"
#include "net/interfaces.h"
#include "net/sockaddr.h"

#define MULTICAST_DATAGRAM_MAX 9000u /* RFC 6762 17 */
#define MULTICAST_TTL 255	     /* RFC 6762 11; browsers send 1, so what comes is not checked */

struct net_multicast {
	uv_udp_t handle;
	int fd;					       /* of the handle */
	struct in_addr interfaces[NET_INTERFACES_MAX]; /* joined, by their address */
	size_t interface_count;
	net_on_multicast *on_datagram; /* NULL: closing */
	void *me;
	uint8_t datagram[MULTICAST_DATAGRAM_MAX];
};

static struct sockaddr_in group_address(void)
{
	struct sockaddr_in group = {.sin_family = AF_INET, .sin_port = htons(MDNS_PORT)};
	inet_pton(AF_INET, MDNS_GROUP_IPV4, &group.sin_addr);
	return group;
}

static bool set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

/*
 * Bound to the group's address, the socket gets what was sent to the group, which no router forwards, and not what somebody far
 * away sent to the port (RFC 6762 11). libuv's own bind would not set SO_REUSEPORT, without which the port cannot be shared.
 */
static int bind_shared_port(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	struct sockaddr_in group = group_address();
	if (set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) && set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1) &&
	    set_option(fd, IPPROTO_IP, IP_MULTICAST_TTL, MULTICAST_TTL) &&
	    set_option(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 1) && bind(fd, (struct sockaddr *)&group, sizeof group) == 0)
		return fd;
	int cause = errno;
	close(fd);
	errno = cause;
	return -1;
}

static void join(net_multicast *m, const parley_addr *interface)
{
	struct ip_mreqn membership = {.imr_multiaddr = group_address().sin_addr};
	memcpy(&membership.imr_address, interface->ip, sizeof membership.imr_address);
	/* It fails for the second address of an interface, and where the kernel's limit of memberships is reached. */
	if (setsockopt(m->fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership, sizeof membership) == 0)
		m->interfaces[m->interface_count++] = membership.imr_address;
}

/* Browsers use the interface of the default route only: it is among those that net_interfaces lists. */
static void join_all(net_multicast *m, bool loopback)
{
	parley_addr addresses[NET_INTERFACES_MAX];
	size_t count = net_interfaces(loopback, addresses);
	for (size_t i = 0; i < count; i++)
		if (addresses[i].family == PARLEY_IPV4)
			join(m, &addresses[i]);
}

static void give_memory(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	(void)suggested;
	net_multicast *m = handle->data;
	*out = (uv_buf_t){.base = (char *)m->datagram, .len = sizeof m->datagram};
}

static void datagram_came(uv_udp_t *handle, ssize_t n, const uv_buf_t *memory, const struct sockaddr *source,
			  unsigned flags)
{
	net_multicast *m = handle->data;
	parley_addr from;
	if (n <= 0 || !source || (flags & UV_UDP_PARTIAL) || !m->on_datagram || !sockaddr_to_addr(source, &from))
		return;
	m->on_datagram(m->me, &from, slice_of(memory->base, (size_t)n));
}

static int multicast_set_up(net_multicast *m, bool loopback, char why[NET_WHY_MAX])
{
	m->fd = bind_shared_port();
	if (m->fd < 0) {
		snprintf(why, NET_WHY_MAX, "UDP port %u cannot be shared: %s", MDNS_PORT, strerror(errno));
		return PARLEY_EIO;
	}
	if (uv_udp_open(&m->handle, m->fd) != 0 || uv_udp_recv_start(&m->handle, give_memory, datagram_came) != 0) {
		snprintf(why, NET_WHY_MAX, "the loop does not take the multicast socket");
		return PARLEY_EIO;
	}
	join_all(m, loopback);
	if (m->interface_count == 0) {
		snprintf(why, NET_WHY_MAX, "no interface can do multicast");
		return PARLEY_EIO;
	}
	return 0;
}

int net_multicast_open(uv_loop_t *loop, bool loopback, net_on_multicast *on_datagram, void *me, net_multicast **out,
		       char why[NET_WHY_MAX])
{
	net_multicast *m = calloc(1, sizeof *m);
	if (!m) {
		snprintf(why, NET_WHY_MAX, "out of memory");
		return PARLEY_ENOMEM;
	}
	m->on_datagram = on_datagram;
	m->me = me;
	uv_udp_init(loop, &m->handle); /* makes no descriptor yet: cannot fail */
	m->handle.data = m;
	int error = multicast_set_up(m, loopback, why);
	if (error) {
		net_multicast_close(m);
		return error;
	}
	*out = m;
	return 0;
}

void net_multicast_send(net_multicast *m, slice data)
{
	struct sockaddr_in group = group_address();
	uv_buf_t whole = {.base = (char *)data.data, .len = data.len};
	for (size_t i = 0; i < m->interface_count; i++)
		if (setsockopt(m->fd, IPPROTO_IP, IP_MULTICAST_IF, &m->interfaces[i], sizeof m->interfaces[i]) == 0)
			uv_udp_try_send(&m->handle, &whole, 1, (struct sockaddr *)&group);
}

static void multicast_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void net_multicast_close(net_multicast *m)
{
	if (!m)
		return;
	m->on_datagram = NULL;
	uv_close((uv_handle_t *)&m->handle, multicast_closed);
}
