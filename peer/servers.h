/*
 * peer/servers.h: ICE servers by URL (RFC 7064), from the configuration to the addresses the ICE agent asks.
 */
#ifndef PARLEY_PEER_SERVERS_H
#define PARLEY_PEER_SERVERS_H

#include "base/bytes.h"
#include "parley/types.h"

#define SERVER_HOST_MAX 256u	/* a DNS name (253) or an IP literal, with the NUL */
#define STUN_DEFAULT_PORT 3478u /* RFC 7064 3.2 */

typedef struct {
	char host[SERVER_HOST_MAX];
	uint16_t port;
	bool literal; /* host is an IP address, parsed in address */
	parley_addr address;
} stun_server;

/*
 * Parses "stun:host[:port]", where an IPv6 literal is in brackets. Returns 0; PARLEY_EINVAL for what is no STUN or TURN URL,
 * PARLEY_EUNSUPPORTED for "stuns:", "turn:" and "turns:". *reason is then a static text saying what is wrong.
 */
int stun_server_parse(slice url, stun_server *out, const char **reason);

#endif
