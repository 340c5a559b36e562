/*
 * stun/ping.h: Binding requests to one server, one after the other: is it there, how far away, and from where does it see
 * us. For tools: each request is sent once, so that loss shows.
 *
 * Not here: the socket or stream (whose bytes the owner cuts into messages), and credentials: servers answer Binding
 * requests without. Nothing allocates.
 */
#ifndef PARLEY_STUN_PING_H
#define PARLEY_STUN_PING_H

#include "stun/message.h"
#include "stun/transaction.h"

typedef struct {
	unsigned count;	      /* requests in all; 0: without end */
	uint64_t interval_us; /* from one request to the next, at least */
	uint64_t timeout_us;  /* an answer that has not come by then is lost */
} stun_ping_config;

/* What became of a request. */
typedef struct {
	unsigned number;     /* counted from 1 */
	bool answered;	     /* by success or by an error; false: lost */
	uint16_t error_code; /* 0: success. An answer that makes no sense counts as STUN_SERVER_ERROR */
	uint64_t rtt_us;     /* if answered */
	bool has_mapped;
	parley_addr mapped; /* where the server sees us */
} stun_ping_event;

typedef struct {
	stun_ping_config config;
	parley_random random;
	stun_txn txn;
	uint8_t request[STUN_HEADER_SIZE];
	unsigned sent;
	uint64_t next; /* when the next request may leave */
	bool has_event;
	stun_ping_event event;
	int error; /* of the random source: ends everything */
} stun_ping;

/* PARLEY_EINVAL: interval or timeout is 0. */
int stun_ping_start(stun_ping *p, uint64_t now, const stun_ping_config *config, const parley_random *random);
/* One message came from the server. False: it is none of ours. */
bool stun_ping_receive(stun_ping *p, uint64_t now, slice message);
void stun_ping_timeout(stun_ping *p, uint64_t now);
uint64_t stun_ping_deadline(const stun_ping *p); /* TIME_NEVER: all are done */
/* out has STUN_HEADER_SIZE bytes. */
bool stun_ping_poll_transmit(stun_ping *p, uint64_t now, packet *out);
bool stun_ping_poll_event(stun_ping *p, stun_ping_event *out);
void stun_ping_check_invariants(const stun_ping *p);

#endif
