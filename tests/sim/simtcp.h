/*
 * tests/sim/simtcp.h: byte streams on the simulated network: TCP as its users see it, and of TLS what ICE's servers need.
 *
 * Segments are packets like all others: they pass NATs and firewalls, get lost and are sent again. A connection opens after
 * one round trip (with TLS after two), is refused by a host that does not listen, and times out where nothing answers.
 * Bytes come in order; a connection to a host that has forgotten it is reset. Not here: windows, congestion, half-closing.
 *
 * TLS is a hello with the server's name and one back with the server's own: who speaks it to a port that does not, or the
 * other way round, gets no further; nothing is encrypted.
 */
#ifndef PARLEY_TESTS_SIMTCP_H
#define PARLEY_TESTS_SIMTCP_H

#include "tests/sim/simnet.h"

#define SIMTCP_SEGMENT_MAX 1400u	/* bytes */
#define SIMTCP_BUFFER_MAX (64u * 1024u) /* bytes written and not yet acknowledged */
#define SIMTCP_NAME_MAX 64u

typedef enum {
	SIMTCP_CONNECTING, /* SYN is out */
	SIMTCP_GREETING,   /* TLS hellos are out */
	SIMTCP_OPEN,
	SIMTCP_CLOSED, /* nothing comes or goes any more; freed soon */
} simtcp_state;

struct simtcp_connection {
	list_node node;
	simnet_host *host;
	void *user;
	parley_addr local, remote; /* as this side sees them */
	simtcp_state state;
	bool server, tls;
	char name[SIMTCP_NAME_MAX]; /* TLS: client: who is to be spoken to; server: who it is */

	list_node sent;	      /* segments not yet acknowledged */
	uint32_t next_number; /* of the next segment sent */
	uint8_t *buffer;      /* bytes written and not yet sent */
	size_t buffered, unacknowledged;
	bool wants_close;  /* when all is sent */
	unsigned sendings; /* of the first segment in sent */
	uint64_t rto_us, due;

	list_node early;     /* segments that came out of turn */
	uint32_t expected;   /* the number of the segment to come next */
	unsigned duplicates; /* acknowledgements of the same in a row */
	uint8_t greeting[SIMTCP_NAME_MAX + 2];
	size_t greeting_len;
};

/* A new connection. local.port 0: any free one; family NONE: an interface of remote's family. NULL: no such interface. */
simtcp_connection *simtcp_connect(simnet_host *host, const parley_addr *local, const parley_addr *remote,
				  const char *tls_name, void *user);
/* For ops->stream_accept: the connection speaks TLS as this name. */
void simtcp_serve_tls(simtcp_connection *c, const char *name);
/* All or nothing: false if it is not open, or, for what may be dropped, if the buffer is full. Leaves with simtcp_flush. */
bool simtcp_write(simtcp_connection *c, slice bytes, bool droppable);
/* Sends what is written, says goodbye and is done: no further word of it to the host. */
void simtcp_close(simtcp_connection *c);
/* Sends what was written; simnet does so after each step of the host. */
void simtcp_flush(simnet_host *host);
/* The host crashes: it forgets all connections without a word. */
void simtcp_clear(simnet_host *host);

/* For simnet. */
void simtcp_init(simnet_host *host);
void simtcp_receive(simnet_host *host, const simnet_packet *p);
void simtcp_reap(simnet_host *host); /* frees what is closed; not from within a connection's callback */
uint64_t simtcp_deadline(const simnet_host *host);
void simtcp_timeout(simnet_host *host);

#endif
