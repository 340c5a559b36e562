/*
 * net/stun.h: for tools that look at the network with a STUN server's help: round trips to it, and what the NATs on the way do.
 * The protocols are stun/ping.h and stun/behaviour.h; here they get their sockets and time.
 *
 * All on the loop's thread; callbacks come from the loop and may free the object.
 */
#ifndef PARLEY_NET_STUN_H
#define PARLEY_NET_STUN_H

#include "net/tls.h"
#include "parley/types.h"
#include "stun/behaviour.h"
#include "stun/credentials.h"
#include "stun/ping.h"

struct uv_loop_s;

/* --- a server --- */

#define NET_STUN_HOST_MAX 256u

/* What a URL says of a server (RFC 7064, RFC 7065); TURN servers are STUN servers too. The host may be a literal. */
typedef struct {
	char host[NET_STUN_HOST_MAX];
	uint16_t port;
	bool stream, tls; /* over TCP; by TLS on it. Else over UDP */
} net_stun_server;

/* PARLEY_EINVAL: not such a URL; PARLEY_EUNSUPPORTED: one we cannot use. *reason is then a static text. */
int net_stun_server_parse(const char *url, net_stun_server *out, const char **reason);

/* stun_time_limited_credentials that are good for as long from now on. */
int net_stun_time_limited(const char *secret, const char *name, uint64_t lifetime_s, char *username,
			  size_t username_size, char password[STUN_TIME_LIMITED_PASSWORD_SIZE]);

/* --- round trips --- */

typedef struct net_stun_ping net_stun_ping;

typedef struct {
	/* One request has its answer, or none. last: nothing else comes. */
	void (*on_event)(void *me, const stun_ping_event *event, bool last);
	/* The connection could not be made or has ended, and nothing else comes. Over UDP: never. */
	void (*on_closed)(void *me, const char *why);
} net_stun_ping_callbacks;

/*
 * Over UDP from a port of its own to address; over TCP to the server's host. tls: as of a net/stream.h client; only for servers
 * with tls. PARLEY_EIO: no such socket can be had; PARLEY_EINVAL; PARLEY_ENOMEM.
 */
int net_stun_ping_new(struct uv_loop_s *loop, const net_stun_server *server, const parley_addr *address, net_tls *tls,
		      const stun_ping_config *config, const net_stun_ping_callbacks *callbacks, void *me,
		      net_stun_ping **out);
/* No event comes any more. NULL is allowed. */
void net_stun_ping_free(net_stun_ping *ping);

/* --- NAT behaviour --- */

typedef struct net_stun_behaviour net_stun_behaviour;

/* Once, with all that could be found out. */
typedef void net_on_stun_behaviour(void *me, const stun_behaviour_result *result);

/* From fresh ports of the local address (whose own port does not count), which must be of the server's family, else
 * PARLEY_EINVAL. PARLEY_EIO: it is not one of ours; PARLEY_ENOMEM. */
int net_stun_behaviour_new(struct uv_loop_s *loop, const parley_addr *local, const parley_addr *server,
			   net_on_stun_behaviour *on_done, void *me, net_stun_behaviour **out);
/* on_done does not come any more. NULL is allowed. */
void net_stun_behaviour_free(net_stun_behaviour *behaviour);

#endif
