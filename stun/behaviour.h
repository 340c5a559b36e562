/*
 * stun/behaviour.h: what the NATs between us and a STUN server do, found out by asking it (RFC 5780): mapping, filtering,
 * hairpinning, and whether something rewrites addresses within packets.
 *
 * The owner binds STUN_BEHAVIOUR_PORTS sockets to fresh ports of one local address: what a port has sent before spoils
 * the answers (RFC 5780 4.1). Mapping is asked from the first, filtering from the second, which must never send to the
 * server's other address. The tests that do not depend on each other run at the same time, 100 ms apart.
 *
 *   stun_behaviour_start; then until stun_behaviour_get says done: send what stun_behaviour_poll_transmit gives, hand in
 *   what comes (_receive), call _timeout when _deadline has come.
 *
 * The result holds for this moment and these ports; a NAT may be stricter at any other time (RFC 5780 4). Not here: sockets,
 * authentication, TCP, the lifetime of bindings (4.6), fragments (3.5). Nothing allocates.
 */
#ifndef PARLEY_STUN_BEHAVIOUR_H
#define PARLEY_STUN_BEHAVIOUR_H

#include "stun/message.h"
#include "stun/transaction.h"

#define STUN_BEHAVIOUR_PORTS 2u
#define STUN_BEHAVIOUR_PACE_US 100000u /* RFC 5780 5: not more than ten new transactions a second */
/* An answer that does not come is half of what is learnt here, so the patience is less than a transaction's usual 39.5 s:
 * sent at 0, 0.3, 0.9 and 2.1 s, given up at 3.3 s. */
#define STUN_BEHAVIOUR_RTO_US 300000u
#define STUN_BEHAVIOUR_SENDS 4u
#define STUN_BEHAVIOUR_FINAL_WAIT_US 1200000u
#define STUN_BEHAVIOUR_REQUEST_MAX 32u /* bytes of a request; room to give to poll_transmit */

/* On what of the other end the NAT's choice depends (RFC 4787 4.1, 5). */
typedef enum {
	STUN_DEPENDENCE_UNKNOWN, /* the server cannot tell, or did not answer */
	STUN_ENDPOINT_INDEPENDENT,
	STUN_ADDRESS_DEPENDENT,
	STUN_ADDRESS_AND_PORT_DEPENDENT,
} stun_dependence;

typedef enum { STUN_HAIRPIN_UNKNOWN, STUN_HAIRPIN_NO, STUN_HAIRPIN_YES } stun_hairpin;

typedef struct {
	bool done;	 /* nothing below changes any more */
	bool reachable;	 /* the server answered: UDP is not blocked */
	bool supported;	 /* it has a second address to test with */
	bool translated; /* it sees us at another address than our own: there is a NAT */
	bool rewritten;	 /* something changes addresses within packets: a generic ALG (RFC 5780 3.6) */
	bool port_kept;	 /* translated, and the NAT left the port as it was */
	stun_dependence mapping, filtering;
	stun_hairpin hairpin; /* UNKNOWN also where there is no NAT */
	parley_addr mapped;   /* the first port's, as the server sees it; if reachable */
	uint64_t rtt_us;      /* of the first answer, if it was asked only once; else 0 */
} stun_behaviour_result;

typedef enum {
	STUN_TEST_MAPPING_1,	/* RFC 5780 4.3: to the server's address */
	STUN_TEST_MAPPING_2,	/* to its other address, same port */
	STUN_TEST_MAPPING_3,	/* to its other address and port */
	STUN_TEST_FILTERING_1,	/* 4.4: to the server's address, to have a binding */
	STUN_TEST_FILTERING_2,	/* the answer is to come from the other address and port */
	STUN_TEST_FILTERING_3,	/* the answer is to come from the other port */
	STUN_TEST_HAIRPIN_OUT,	/* 3.4: from the first port to where the second is mapped ... */
	STUN_TEST_HAIRPIN_BACK, /* ... and the other way round, so that no filter keeps both out */
	STUN_TESTS,
} stun_test_name;

typedef enum {
	STUN_TEST_IDLE,	  /* not asked for (yet) */
	STUN_TEST_WANTED, /* waits for the pace */
	STUN_TEST_RUNNING,
	STUN_TEST_ANSWERED, /* mapped is set; hairpin tests: it came round */
	STUN_TEST_REFUSED,  /* an error response, or one that makes no sense */
	STUN_TEST_SILENT,   /* no answer in time */
} stun_test_state;

typedef struct {
	stun_test_state state;
	stun_txn txn;
	parley_addr to;	    /* from WANTED on */
	parley_addr mapped; /* how the server saw the request */
	uint8_t request[STUN_BEHAVIOUR_REQUEST_MAX];
} stun_test;

typedef struct {
	parley_random random;
	parley_addr local[STUN_BEHAVIOUR_PORTS], server, other; /* other: family PARLEY_ADDR_NONE until it is known */
	stun_test tests[STUN_TESTS];
	uint64_t next_start; /* the pace */
	bool rewritten;
	int error; /* of the random source: ends everything */
} stun_behaviour;

/* Of the owner's: data with STUN_BEHAVIOUR_REQUEST_MAX bytes; the rest is filled in. */
typedef struct {
	size_t port; /* which of the sockets */
	parley_addr remote;
	packet data;
} stun_behaviour_packet;

/* local: where the sockets are bound, of the server's family, else PARLEY_EINVAL. */
int stun_behaviour_start(stun_behaviour *b, uint64_t now, const parley_random *random,
			 const parley_addr local[STUN_BEHAVIOUR_PORTS], const parley_addr *server);
/* A datagram came to socket `port`. False: it is none of ours. */
bool stun_behaviour_receive(stun_behaviour *b, uint64_t now, size_t port, const parley_addr *remote, slice datagram);
void stun_behaviour_timeout(stun_behaviour *b, uint64_t now);
uint64_t stun_behaviour_deadline(const stun_behaviour *b); /* TIME_NEVER: done */
bool stun_behaviour_poll_transmit(stun_behaviour *b, uint64_t now, stun_behaviour_packet *out);
/* What is known so far. */
stun_behaviour_result stun_behaviour_get(const stun_behaviour *b);

/* "endpoint-independent", "address-dependent", "address-and-port-dependent", "unknown"; "yes", "no", "unknown". */
const char *stun_dependence_name(stun_dependence dependence);
const char *stun_hairpin_name(stun_hairpin hairpin);
void stun_behaviour_check_invariants(const stun_behaviour *b);

#endif
