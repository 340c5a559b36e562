/*
 * net/udp.h: a UDP socket bound to one local address.
 *
 * Many datagrams go in one system call where the kernel can (Linux: UDP_SEGMENT, UDP_GRO), both ways; where it cannot, one by one.
 */
#ifndef PARLEY_NET_UDP_H
#define PARLEY_NET_UDP_H

#include "base/bytes.h"
#include "parley/types.h"

struct uv_loop_s;

#define NET_UDP_BUFFER_SIZE (4u << 20) /* asked of the kernel, each way; it may give less (net.core.rmem_max) */
#define NET_UDP_QUEUE_LIMIT (4u << 20) /* bytes waiting here once the kernel's buffer is full; more are dropped */
#define NET_UDP_DATAGRAM_MAX 65535u
#define NET_UDP_BATCH_ROOM 16512u /* at least so much is left in a batch for the next datagram: PARLEY_DATAGRAM_ROOM */
#define NET_UDP_BATCH_DATAGRAMS 64u /* the least that a kernel with UDP_SEGMENT takes at once (UDP_MAX_SEGMENTS) */
#define NET_UDP_BATCH_SIZE (NET_UDP_DATAGRAM_MAX + NET_UDP_BATCH_ROOM)

typedef struct net_udp net_udp;

/* Explicit congestion notification, the two low bits of IP's traffic class (RFC 3168 5). */
typedef enum { NET_ECN_NOT_ECT, NET_ECN_ECT_1, NET_ECN_ECT_0, NET_ECN_CE } net_ecn;

/* A datagram, or several from one remote that came one after the other. */
typedef struct {
	const parley_addr *remote;
	slice data;	/* one behind the other; one may be empty */
	size_t segment; /* bytes: how long each is but the last, which may be shorter */
	uint64_t now;	/* net_now when the kernel gave them */
	net_ecn ecn;
} net_datagrams;

size_t net_datagrams_count(const net_datagrams *d);
slice net_datagrams_at(const net_datagrams *d, size_t i);

/* Datagrams came; they are valid until the callback returns. What the kernel has at the time comes in several calls, so work that can be
 * done once for all is better left to a net_turn. The callback may close the socket. */
typedef void net_on_datagrams(void *me, net_udp *udp, const net_datagrams *datagrams);

/*
 * Binds to local (port 0: any free one). Datagrams are never fragmented, neither here nor on the way, whatever the kernel thinks
 * the path carries: what is too large is lost, which is what path MTU discovery looks for (RFC 8899 3). PARLEY_EIO: not an
 * address of this machine, or taken; PARLEY_ENOMEM.
 */
int net_udp_open(struct uv_loop_s *loop, const parley_addr *local, net_on_datagrams *on_datagrams, void *me,
		 net_udp **out);

const parley_addr *net_udp_local(const net_udp *udp); /* with the port that was chosen */

/* Sends at once if the kernel takes it, else queues a copy. What cannot be sent (no route, refused, queue full, too
 * large) is lost, as datagrams are: the protocols above notice by themselves. False: lost. */
bool net_udp_send(net_udp *udp, const parley_addr *remote, slice data);

/* No callback comes any more. What the kernel has taken goes out, what is queued here does not. NULL is allowed. */
void net_udp_close(net_udp *udp);

/*
 * Datagrams put next to each other in one piece of memory, to be sent together. One from a socket to a remote is held back until there is
 * another one that cannot go with it: from or to elsewhere, or longer; a shorter one may be the last of several. Order is kept.
 * Large, and of use for a moment only: keep it on the stack.
 */
typedef struct {
	net_udp *udp; /* NULL: nothing is held back */
	parley_addr remote;
	size_t start, len, segment, count; /* in bytes; segment: the length of all but the last */
	uint8_t bytes[NET_UDP_BATCH_SIZE];
} net_udp_batch;

void net_udp_batch_begin(net_udp_batch *batch);
/* Where to write the next datagram: NET_UDP_BATCH_ROOM bytes or more. May send what was held back. */
packet net_udp_batch_room(net_udp_batch *batch);
/* The datagram is written there: send it, now or later, as net_udp_send would. */
void net_udp_batch_add(net_udp_batch *batch, net_udp *udp, const parley_addr *remote, size_t len);
/* The same with a datagram that is anywhere; it is copied unless it is where it is to be, or too long to wait with others. */
void net_udp_batch_send(net_udp_batch *batch, net_udp *udp, const parley_addr *remote, slice data);
/* Sends what was held back. Before the batch goes, and before a socket in it is closed. */
void net_udp_batch_flush(net_udp_batch *batch);

#endif
