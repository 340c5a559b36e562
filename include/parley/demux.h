/*
 * parley/demux.h: many peer connections on the same UDP sockets, for servers with a loop of their own: which connection is a
 * datagram for? (On a libuv loop parley/parley.h has it ready-made: parley_port.)
 *
 *     parley_demux_new(&random, 10000, &demux);
 *     config.demux = demux;                             one core per connection, and for each the same local addresses
 *     config.demux_owner = connection;
 *     parley_core_new(&config, now, &connection->core);
 *
 *     a datagram came:
 *     parley_core *core = parley_demux_route(demux, &local, &remote, data, len, &owner);
 *     if (core) parley_core_receive(core, now, &local, &remote, data, len);      and the rhythm of parley/core.h
 *
 * The cost of a datagram does not depend on how many connections there are, and what strangers send costs no memory. A remote address
 * is a connection's once its ICE agent has validated it; forged requests cannot take it from that connection.
 *
 * Limits: a pair of local and remote address bears one connection, so between two such ports there can be only one (a second one takes the
 * place of the first; of lite agents, which never ask who is there, the first one keeps it until it has lost its peer); TURN servers cannot be used over the shared sockets. A demux and its cores belong to one thread.
 */
#ifndef PARLEY_DEMUX_H
#define PARLEY_DEMUX_H

#include "parley/core.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct parley_demux parley_demux;

#define PARLEY_DEMUX_CONNECTIONS_MAX (UINT32_C(1) << 20)

/* Of max_connections (1 to PARLEY_DEMUX_CONNECTIONS_MAX) at a time; one more is PARLEY_ELIMIT from parley_core_new. Takes some 50 bytes
 * for each of them at once. random keys the tables; it is not used afterwards. */
int parley_demux_new(const parley_random *random, size_t max_connections, parley_demux **out);

/* Its cores must have been closed or freed before. NULL is allowed. */
void parley_demux_free(parley_demux *demux);

/* Which connection the datagram is for, and its config.demux_owner (owner may be NULL). NULL: nobody's, drop it; it is counted. */
parley_core *parley_demux_route(parley_demux *demux, const parley_addr *local, const parley_addr *remote,
				const uint8_t *data, size_t len, void **owner);

typedef struct {
	size_t connections, addresses;		   /* now */
	uint64_t by_ufrag, by_request, by_address; /* datagrams passed on, by what told whose they are */
	uint64_t strangers;			   /* datagrams that were nobody's */
	uint64_t addresses_moved;   /* to a younger connection that answered from there, or from one that never had */
	uint64_t addresses_refused; /* claims that were not good enough for that */
} parley_demux_stats;

void parley_demux_get_stats(const parley_demux *demux, parley_demux_stats *out);

/* Asserts the internal invariants: for simulations and fuzzers. */
void parley_demux_check_invariants(const parley_demux *demux);

#ifdef __cplusplus
}
#endif
#endif
