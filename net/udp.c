#include "net/udp.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <uv.h>

#include "net/sockaddr.h"

struct net_udp {
	uv_udp_t handle;
	parley_addr local;
	net_on_datagram *on_datagram; /* NULL: closing */
	void *me;
	uint8_t datagram[NET_UDP_DATAGRAM_MAX];
};

static void give_memory(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	(void)suggested;
	net_udp *u = handle->data;
	*out = (uv_buf_t){.base = (char *)u->datagram, .len = sizeof u->datagram};
}

/* Errors are those that ICMP brought for earlier datagrams: nothing to do. source is NULL when the socket has run dry. */
static void datagram_came(uv_udp_t *handle, ssize_t n, const uv_buf_t *memory, const struct sockaddr *source,
			  unsigned flags)
{
	net_udp *u = handle->data;
	parley_addr remote;
	if (n < 0 || !source || (flags & UV_UDP_PARTIAL) || !u->on_datagram || !sockaddr_to_addr(source, &remote))
		return;
	u->on_datagram(u->me, u, &remote, slice_of(memory->base, (size_t)n));
}

static void udp_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* Where the kernel refuses, large probes may arrive in pieces: slower, not wrong. */
static void forbid_fragments(const net_udp *u)
{
	uv_os_fd_t fd;
	if (uv_fileno((const uv_handle_t *)&u->handle, &fd) != 0)
		return;
	int v4 = IP_PMTUDISC_PROBE, v6 = IPV6_PMTUDISC_PROBE;
	if (u->local.family == PARLEY_IPV6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &v6, sizeof v6);
	else
		setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &v4, sizeof v4);
}

static int udp_bind(net_udp *u, const parley_addr *local)
{
	struct sockaddr_storage address;
	sockaddr_from_addr(local, &address);
	unsigned flags = local->family == PARLEY_IPV6 ? UV_UDP_IPV6ONLY : 0;
	if (uv_udp_bind(&u->handle, (struct sockaddr *)&address, flags) != 0)
		return PARLEY_EIO;
	int len = sizeof address;
	if (uv_udp_getsockname(&u->handle, (struct sockaddr *)&address, &len) != 0 ||
	    !sockaddr_to_addr((struct sockaddr *)&address, &u->local))
		return PARLEY_EIO;
	forbid_fragments(u);
	/* Less than asked for is slower, not wrong. */
	int size = (int)NET_UDP_BUFFER_SIZE;
	uv_send_buffer_size((uv_handle_t *)&u->handle, &size);
	uv_recv_buffer_size((uv_handle_t *)&u->handle, &size);
	return uv_udp_recv_start(&u->handle, give_memory, datagram_came) == 0 ? 0 : PARLEY_EIO;
}

int net_udp_open(uv_loop_t *loop, const parley_addr *local, net_on_datagram *on_datagram, void *me, net_udp **out)
{
	net_udp *u = malloc(sizeof *u); /* not cleared: the datagram's pages stay untouched */
	if (!u)
		return PARLEY_ENOMEM;
	u->on_datagram = on_datagram;
	u->me = me;
	uv_udp_init(loop, &u->handle); /* makes no descriptor yet: cannot fail */
	u->handle.data = u;
	int error = udp_bind(u, local);
	if (error) {
		net_udp_close(u);
		return error;
	}
	*out = u;
	return 0;
}

const parley_addr *net_udp_local(const net_udp *u)
{
	return &u->local;
}

typedef struct {
	uv_udp_send_t request;
	uint8_t bytes[];
} send_request;

static void send_done(uv_udp_send_t *request, int status)
{
	(void)status;
	free(request->data);
}

static bool send_later(net_udp *u, const struct sockaddr *remote, slice data)
{
	if (uv_udp_get_send_queue_size(&u->handle) + data.len > NET_UDP_QUEUE_LIMIT)
		return false;
	send_request *r = malloc(sizeof *r + data.len);
	if (!r)
		return false;
	memcpy(r->bytes, data.data, data.len);
	r->request.data = r;
	uv_buf_t copy = {.base = (char *)r->bytes, .len = data.len};
	int status = uv_udp_send(&r->request, &u->handle, &copy, 1, remote, send_done);
	if (status != 0)
		free(r);
	return status == 0;
}

bool net_udp_send(net_udp *u, const parley_addr *remote, slice data)
{
	if (remote->family != u->local.family)
		return false;
	struct sockaddr_storage address;
	sockaddr_from_addr(remote, &address);
	uv_buf_t whole = {.base = (char *)data.data, .len = data.len};
	int sent = uv_udp_try_send(&u->handle, &whole, 1, (struct sockaddr *)&address);
	if (sent == UV_EAGAIN) /* the kernel's buffer is full, or others wait already */
		return send_later(u, (struct sockaddr *)&address, data);
	return sent >= 0;
}

void net_udp_close(net_udp *u)
{
	if (!u)
		return;
	u->on_datagram = NULL;
	uv_close((uv_handle_t *)&u->handle, udp_closed);
}
