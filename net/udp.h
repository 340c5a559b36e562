/*
 * net/udp.h: a UDP socket bound to one local address.
 *
 * One datagram per call, in and out; several per system call (GSO, GRO) would go behind the same two functions.
 */
#ifndef PARLEY_NET_UDP_H
#define PARLEY_NET_UDP_H

#include "base/bytes.h"
#include "parley/types.h"

struct uv_loop_s;

#define NET_UDP_BUFFER_SIZE (4u << 20) /* asked of the kernel, each way; it may give less (net.core.rmem_max) */
#define NET_UDP_QUEUE_LIMIT (1u << 20) /* bytes waiting here once the kernel's buffer is full; more are dropped */
#define NET_UDP_DATAGRAM_MAX 65535u

typedef struct net_udp net_udp;

/* A datagram came; data is valid until the callback returns. It may be empty. The callback may close the socket. */
typedef void net_on_datagram(void *me, net_udp *udp, const parley_addr *remote, slice data);

/*
 * Binds to local (port 0: any free one). Datagrams are never fragmented, neither here nor on the way, whatever the kernel thinks
 * the path carries: what is too large is lost, which is what path MTU discovery looks for (RFC 8899 3). PARLEY_EIO: not an
 * address of this machine, or taken; PARLEY_ENOMEM.
 */
int net_udp_open(struct uv_loop_s *loop, const parley_addr *local, net_on_datagram *on_datagram, void *me,
		 net_udp **out);

const parley_addr *net_udp_local(const net_udp *udp); /* with the port that was chosen */

/* Sends at once if the kernel takes it, else queues a copy. What cannot be sent (no route, refused, queue full, too
 * large) is lost, as datagrams are: the protocols above notice by themselves. False: lost. */
bool net_udp_send(net_udp *udp, const parley_addr *remote, slice data);

/* No callback comes any more. What the kernel has taken goes out, what is queued here does not. NULL is allowed. */
void net_udp_close(net_udp *udp);

#endif
