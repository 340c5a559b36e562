/*
 * tests/sim/simturn.h: a STUN and TURN server on the simulated network (RFC 8489 Binding, with two addresses also RFC
 * 5780; RFC 8656 with UDP allocations of both families over UDP, TCP and TLS), which judges its clients as well.
 *
 * It listens on each of its interfaces: 3478 UDP and TCP, 443 and 5349 TLS. Relayed addresses are of its first interface of
 * the family. It is strict: what a client must not do is answered as the RFC says and counted as a violation, with words
 * for the first. What a client can do rightly and still be refused (an allocation that a restart has wiped out) is counted
 * apart. Not here: quotas, reservations (a token is never valid), TCP relaying.
 *
 *   simturn.c             listening, Binding, clients' messages and streams, credentials
 *   simturn_allocation.c  Allocate, Refresh, CreatePermission, ChannelBind
 *   simturn_relay.c       data between clients and peers
 */
#ifndef PARLEY_TESTS_SIMTURN_H
#define PARLEY_TESTS_SIMTURN_H

#include "stun/stun.h"
#include "tests/sim/simnet.h"
#include "tests/sim/simtcp.h"

#define SIMTURN_PORT 3478u
#define SIMTURN_OTHER_PORT 3479u /* RFC 5780 */
#define SIMTURN_TLS_PORT 5349u
#define SIMTURN_HTTPS_PORT 443u
#define SIMTURN_RECENT 64u /* requests remembered: retransmissions are told from reuse of an id */

typedef struct {
	const char *username, *password, *realm; /* NULL: no TURN, Binding only */
	const char *name;			 /* in its TLS certificate */
	bool sha256;				 /* announces PASSWORD-ALGORITHMS and USERHASH, and insists */
	uint64_t nonce_lifetime_us;		 /* 0: an hour */
	uint32_t lifetime_max_s;		 /* of allocations; 0: an hour */
	bool discovers_nats;   /* RFC 5780: its first two IPv4 interfaces are each other's alternate */
	parley_addr alternate; /* family not NONE: Allocate is answered 300, go there */
} simturn_config;

/* A client's 5-tuple: to its UDP address, or its stream. */
typedef struct {
	parley_addr local, remote;
	simtcp_connection *stream; /* NULL: UDP */
} simturn_flow;

/* What a client speaks to it over. */
typedef enum { SIMTURN_OVER_UDP, SIMTURN_OVER_TCP, SIMTURN_OVER_TLS, SIMTURN_OVERS } simturn_over;

/* What its clients and their peers did. */
typedef struct {
	unsigned bindings;			/* Binding requests */
	unsigned challenges, stale_nonces;	/* 401, 438 */
	unsigned wrong_passwords;		/* 401 to a request with credentials */
	unsigned allocations;			/* made */
	unsigned refreshes, deletions;		/* of those, by Refresh; lifetime 0 */
	unsigned permissions, channels;		/* successful requests, the first of a kind and those that refresh */
	unsigned new_permissions, new_channels; /* the first of a kind */
	unsigned expired;			/* allocations that nobody refreshed */
	unsigned mismatches;			/* 437 */
	unsigned strays;			/* data of clients without an allocation */
	unsigned sends, datas;			/* Send, Data indications passed on */
	unsigned channel_sends, channel_datas;	/* ChannelData passed on, to peers and to clients */
	unsigned unpermitted;			/* peers' packets that no permission lets through */
	unsigned checks;			/* connectivity checks among what it passed on to peers */
	uint64_t bytes_from[SIMTURN_OVERS];	/* passed on to peers, for clients over each */
} simturn_counters;

typedef struct {
	uint32_t hash; /* of id and client */
	uint32_t content;
	unsigned sendings;
} simturn_recent;

typedef struct {
	simnet_host host;
	simturn_config config;
	list_node allocations;
	stun_key md5_key, sha256_key;
	uint8_t userhash[SHA256_SIZE];
	uint64_t epoch; /* of nonces: another after a restart */
	uint16_t next_port;
	simturn_recent recent[SIMTURN_RECENT];
	size_t next_recent;
	simturn_counters count;
	unsigned violations;
	char violation[240]; /* the first one */
} simturn;

/* Puts it into the network. interfaces are copied, what config points to must outlive it. */
void simturn_add(simturn *s, simnet *net, const char *name, const simturn_config *config,
		 const simnet_interface *interfaces, size_t count);
/* Allocations, nonces and connections are forgotten. */
void simturn_restart(simturn *s);
/* How many allocations there are. */
size_t simturn_allocations(simturn *s);
#endif
