#include "net/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/addr.h"
#include "base/list.h"
#include "net/sockaddr.h"
#include "net/timer.h"

/* System calls to read before other handles of the loop have their turn: half a megabyte where the kernel coalesces. */
#define READS_PER_TURN 8u

#define ECN_BITS 3u		  /* of the traffic class (RFC 3168 5) */
#define SEGMENTS_BYTES_MAX 65487u /* of a datagram that is to be cut: 65535 less IPv6 and UDP headers */
#define CONTROL_SIZE 128u	  /* of ancillary data: two integers and their headers, and some */

struct net_udp {
	uv_poll_t handle;
	int fd;
	bool has_gso; /* the kernel cuts what is sent into datagrams (UDP_SEGMENT) */
	parley_addr local;
	net_on_datagrams *on_datagrams; /* NULL: closing */
	void *me;
	list_node queue; /* of struct waiting: what the kernel refused, oldest first */
	size_t queued;	 /* bytes */
};

/* Datagrams for one remote, each segment bytes long but the last, which may be shorter. */
typedef struct {
	const parley_addr *remote;
	slice bytes;
	size_t segment;
} train;

typedef struct {
	list_node node;
	parley_addr remote;
	size_t segment, len, sent;
	uint8_t bytes[];
} waiting;

/* Ancillary data, aligned as its header wants. */
typedef union {
	struct cmsghdr header;
	uint8_t bytes[CONTROL_SIZE];
} control;

static void socket_ready(uv_poll_t *handle, int status, int events);

static void watch(net_udp *u)
{
	uv_poll_start(&u->handle, UV_READABLE | (list_empty(&u->queue) ? 0 : UV_WRITABLE), socket_ready);
}

/* --- in --- */

/* How long the datagrams are that the kernel has put together, and how they were marked. */
static void read_control(struct msghdr *message, size_t *segment, net_ecn *ecn)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		int value = 0;
		size_t size = c->cmsg_len - CMSG_LEN(0);
		memcpy(&value, CMSG_DATA(c), size < sizeof value ? size : sizeof value); /* IP_TOS is one byte */
		if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO && value > 0)
			*segment = (size_t)value;
		else if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) ||
			 (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS))
			*ecn = (net_ecn)((unsigned)value & ECN_BITS);
	}
}

size_t net_datagrams_count(const net_datagrams *d)
{
	return d->data.len ? (d->data.len + d->segment - 1) / d->segment : 1;
}

slice net_datagrams_at(const net_datagrams *d, size_t i)
{
	return slice_part(d->data, i * d->segment, d->segment);
}

/* False: there is nothing more to read. Errors are those that ICMP brought for earlier datagrams: nothing to do. */
static bool read_some(net_udp *u, uint8_t *memory, size_t size)
{
	struct sockaddr_storage source;
	control ancillary;
	struct iovec where = {.iov_base = memory, .iov_len = size};
	struct msghdr message = {
		.msg_name = &source,
		.msg_namelen = sizeof source,
		.msg_iov = &where,
		.msg_iovlen = 1,
		.msg_control = ancillary.bytes,
		.msg_controllen = sizeof ancillary,
	};
	ssize_t n = recvmsg(u->fd, &message, 0);
	if (n < 0)
		return errno == EINTR;
	parley_addr remote;
	if ((message.msg_flags & MSG_TRUNC) || !sockaddr_to_addr((struct sockaddr *)&source, &remote))
		return true;
	slice data = slice_of(memory, (size_t)n);
	net_datagrams d = {.remote = &remote, .data = data, .segment = data.len, .now = net_now()};
	read_control(&message, &d.segment, &d.ecn);
	u->on_datagrams(u->me, u, &d);
	return true;
}

static void read_all(net_udp *u)
{
	uint8_t memory[NET_UDP_DATAGRAM_MAX];
	for (unsigned i = 0; i < READS_PER_TURN && u->on_datagrams; i++)
		if (!read_some(u, memory, sizeof memory))
			return;
}

/* --- out --- */

/* One system call: 0 or errno. */
static int send_once(net_udp *u, const train *t)
{
	struct sockaddr_storage address;
	control ancillary = {0};
	struct iovec what = {.iov_base = (void *)t->bytes.data, .iov_len = t->bytes.len};
	struct msghdr message = {.msg_name = &address, .msg_iov = &what, .msg_iovlen = 1};
	message.msg_namelen = sockaddr_from_addr(t->remote, &address);
	if (t->bytes.len > t->segment) {
		uint16_t segment = (uint16_t)t->segment;
		message.msg_control = ancillary.bytes;
		message.msg_controllen = CMSG_SPACE(sizeof segment);
		ancillary.header.cmsg_level = SOL_UDP;
		ancillary.header.cmsg_type = UDP_SEGMENT;
		ancillary.header.cmsg_len = CMSG_LEN(sizeof segment);
		memcpy(CMSG_DATA(&ancillary.header), &segment, sizeof segment);
	}
	ssize_t n;
	do
		n = sendmsg(u->fd, &message, 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? errno : 0;
}

static bool is_full(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS;
}

/* The kernel does not cut for this device (EIO: without checksums in hardware), this path (a segment longer than its MTU) or at all. */
static bool cannot_cut(int error)
{
	return error == EIO || error == EINVAL || error == EMSGSIZE || error == EOPNOTSUPP;
}

/* Hands t to the kernel; what stays in it was refused for now. False: some of it is lost. */
static bool send_now(net_udp *u, train *t)
{
	bool whole = u->has_gso, lost = false;
	do {
		train part = *t;
		if (!whole)
			part.bytes = slice_part(t->bytes, 0, t->segment);
		int error = send_once(u, &part);
		if (is_full(error))
			break;
		if (part.bytes.len > part.segment && cannot_cut(error)) {
			whole = false;
			u->has_gso = error != EIO && error != EOPNOTSUPP; /* what the path says may change, those not */
			continue;
		}
		lost |= error != 0;
		t->bytes = slice_part(t->bytes, part.bytes.len, t->bytes.len);
	} while (t->bytes.len > 0);
	return !lost;
}

static bool send_later(net_udp *u, const train *t)
{
	if (u->queued + t->bytes.len > NET_UDP_QUEUE_LIMIT)
		return false;
	waiting *w = malloc(sizeof *w + t->bytes.len);
	if (!w)
		return false;
	*w = (waiting){.remote = *t->remote, .segment = t->segment, .len = t->bytes.len};
	memcpy(w->bytes, t->bytes.data, t->bytes.len);
	list_append(&u->queue, &w->node);
	u->queued += w->len;
	watch(u);
	return true;
}

static void waiting_free(net_udp *u, waiting *w)
{
	list_remove(&w->node);
	u->queued -= w->len;
	free(w);
}

static void send_queued(net_udp *u)
{
	LIST_FOR_SAFE (node, after, &u->queue) {
		waiting *w = LIST_ENTRY(node, waiting, node);
		train t = {&w->remote, slice_of(w->bytes + w->sent, w->len - w->sent), w->segment};
		send_now(u, &t);
		w->sent = w->len - t.bytes.len;
		if (t.bytes.len > 0)
			break;
		waiting_free(u, w);
	}
	watch(u);
}

/* False: some of it is lost. */
static bool send_train(net_udp *u, train t)
{
	if (t.remote->family != u->local.family)
		return false;
	bool all = !list_empty(&u->queue) || send_now(u, &t); /* not past what waits */
	return t.bytes.len == 0 ? all : send_later(u, &t) && all;
}

bool net_udp_send(net_udp *u, const parley_addr *remote, slice data)
{
	if (data.len > 0)
		return send_train(u, (train){remote, data, data.len});
	train empty = {remote, data, 0}; /* never queued: nothing depends on it */
	return remote->family == u->local.family && send_once(u, &empty) == 0;
}

/* --- batches --- */

void net_udp_batch_begin(net_udp_batch *b)
{
	b->udp = NULL;
	b->start = b->len = 0;
}

void net_udp_batch_flush(net_udp_batch *b)
{
	if (b->udp)
		send_train(b->udp, (train){&b->remote, slice_of(b->bytes + b->start, b->len), b->segment});
	net_udp_batch_begin(b);
}

packet net_udp_batch_room(net_udp_batch *b)
{
	if (sizeof b->bytes - b->start - b->len < NET_UDP_BATCH_ROOM)
		net_udp_batch_flush(b);
	size_t used = b->start + b->len;
	return (packet){.data = b->bytes + used, .capacity = sizeof b->bytes - used};
}

static bool goes_with(const net_udp_batch *b, const net_udp *udp, const parley_addr *remote, size_t len)
{
	bool last_is_full = b->len == b->count * b->segment;
	return b->udp == udp && last_is_full && len <= b->segment && b->count < NET_UDP_BATCH_DATAGRAMS &&
	       b->len + len <= SEGMENTS_BYTES_MAX && addr_equal(&b->remote, remote);
}

void net_udp_batch_add(net_udp_batch *b, net_udp *udp, const parley_addr *remote, size_t len)
{
	if (!goes_with(b, udp, remote, len)) {
		size_t at = b->start + b->len;
		net_udp_batch_flush(b);
		b->udp = udp;
		b->remote = *remote;
		b->start = at;
		b->segment = len;
		b->count = 0;
	}
	b->len += len;
	b->count++;
}

void net_udp_batch_send(net_udp_batch *b, net_udp *udp, const parley_addr *remote, slice data)
{
	if (data.len == 0 || data.len > NET_UDP_BATCH_ROOM) {
		net_udp_batch_flush(b);
		net_udp_send(udp, remote, data);
		return;
	}
	uint8_t *place = net_udp_batch_room(b).data;
	if (data.data != place)
		memmove(place, data.data, data.len);
	net_udp_batch_add(b, udp, remote, data.len);
}

/* --- life --- */

/* Ready, or (status) in an error that reading takes away; libuv has stopped watching then. */
static void socket_ready(uv_poll_t *handle, int status, int events)
{
	net_udp *u = handle->data;
	if (events & UV_WRITABLE)
		send_queued(u);
	read_all(u);
	if (status < 0 && u->on_datagrams)
		watch(u);
}

/* Where the kernel refuses, large probes may arrive in pieces: slower, not wrong. */
static void forbid_fragments(const net_udp *u)
{
	int v4 = IP_PMTUDISC_PROBE, v6 = IPV6_PMTUDISC_PROBE;
	if (u->local.family == PARLEY_IPV6)
		setsockopt(u->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &v6, sizeof v6);
	else
		setsockopt(u->fd, IPPROTO_IP, IP_MTU_DISCOVER, &v4, sizeof v4);
}

/* What the kernel lacks of these is slower, not wrong. */
static void set_options(net_udp *u)
{
	int on = 1, off = 0, size = (int)NET_UDP_BUFFER_SIZE;
	bool v6 = u->local.family == PARLEY_IPV6;
	setsockopt(u->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	setsockopt(u->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	setsockopt(u->fd, SOL_UDP, UDP_GRO, &on, sizeof on);
	u->has_gso = setsockopt(u->fd, SOL_UDP, UDP_SEGMENT, &off, sizeof off) == 0;
	setsockopt(u->fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVTCLASS : IP_RECVTOS, &on, sizeof on);
}

static int bind_socket(net_udp *u, const parley_addr *local)
{
	int on = 1;
	struct sockaddr_storage address;
	socklen_t len = sockaddr_from_addr(local, &address);
	if (local->family == PARLEY_IPV6 && setsockopt(u->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0)
		return PARLEY_EIO;
	if (bind(u->fd, (struct sockaddr *)&address, len) != 0 ||
	    getsockname(u->fd, (struct sockaddr *)&address, &len) != 0 ||
	    !sockaddr_to_addr((struct sockaddr *)&address, &u->local))
		return PARLEY_EIO;
	forbid_fragments(u);
	set_options(u);
	return 0;
}

static int open_socket(uv_loop_t *loop, net_udp *u, const parley_addr *local)
{
	int family = local->family == PARLEY_IPV6 ? AF_INET6 : AF_INET;
	u->fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (u->fd < 0)
		return PARLEY_EIO;
	int error = bind_socket(u, local);
	if (!error && uv_poll_init(loop, &u->handle, u->fd) != 0)
		error = PARLEY_EIO;
	if (error)
		close(u->fd);
	return error;
}

int net_udp_open(uv_loop_t *loop, const parley_addr *local, net_on_datagrams *on_datagrams, void *me, net_udp **out)
{
	net_udp *u = calloc(1, sizeof *u);
	if (!u)
		return PARLEY_ENOMEM;
	u->on_datagrams = on_datagrams;
	u->me = me;
	u->handle.data = u;
	list_init(&u->queue);
	int error = open_socket(loop, u, local);
	if (error) {
		free(u);
		return error;
	}
	watch(u);
	*out = u;
	return 0;
}

const parley_addr *net_udp_local(const net_udp *u)
{
	return &u->local;
}

static void udp_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void net_udp_close(net_udp *u)
{
	if (!u)
		return;
	u->on_datagrams = NULL;
	LIST_FOR_SAFE (node, after, &u->queue)
		waiting_free(u, LIST_ENTRY(node, waiting, node));
	uv_close((uv_handle_t *)&u->handle, udp_closed);
	close(u->fd);
}
