/*
 * peer/servers.h: ICE servers as the application names them: by URL (RFC 7064, RFC 7065) and, for TURN, with user name and password.
 *
 * Not here: who asks them (ice/ice.h), and when (peer/sources.c).
 */
#ifndef PARLEY_PEER_SERVERS_H
#define PARLEY_PEER_SERVERS_H

#include "ice/ice.h"
#include "parley/core.h"

#define SERVER_HOST_MAX 256u /* a DNS name (253) or an IP literal, with the NUL */
#define SERVER_ADDRESSES_MAX \
	2u /* one of each family: more of a server's addresses would only give the same candidates again */

typedef struct {
	bool turn;
	ice_over over;
	char host[SERVER_HOST_MAX];
	uint16_t port;
	bool literal;	     /* host is an IP address, */
	parley_addr address; /* which this is */
} server_url;

/*
 * Parses "stun:host[:port]", "turn:host[:port][?transport=udp|tcp]" and "turns:host[:port][?transport=tcp]", where an IPv6 literal
 * is in brackets. 0; PARLEY_EINVAL for what is no such URL; PARLEY_EUNSUPPORTED for "stuns:", "turns:" over UDP and transports
 * that nobody knows. *reason is then a static text saying what is wrong.
 */
int server_url_parse(slice url, server_url *out, const char **reason);

/* One of those configured. */
typedef struct {
	server_url at;
	char *url, *username, *credential; /* as given */
	uint32_t question;		   /* the id of what is being resolved; 0: nothing */
	parley_addr addresses[SERVER_ADDRESSES_MAX];
	size_t address_count;
} peer_server;

typedef struct {
	peer_server *items;
	size_t count;
} server_list;

/* Copies. PARLEY_ENOMEM, or as server_url_parse; PARLEY_EINVAL also for TURN without user name and password. */
int server_list_make(server_list *out, const parley_ice_server *servers, size_t count, const char **reason);
void server_list_clear(server_list *list); /* wipes the passwords */

void server_add_address(peer_server *s,
			const parley_addr *address); /* with the port of the URL; the first of its family */
/* Is this, that ICE tells of, one of the server's addresses? */
bool server_is_source(const peer_server *s, const ice_source *source);

#endif
