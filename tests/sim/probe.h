/*
 * tests/sim/probe.h: a host that asks STUN questions one at a time and waits for the answer on the virtual clock: what the
 * tests of NATs and servers are made of.
 */
#ifndef PARLEY_TESTS_PROBE_H
#define PARLEY_TESTS_PROBE_H

#include "stun/stun.h"
#include "tests/sim/simnet.h"

#define PROBE_MESSAGE_MAX 2048u
#define PROBE_WAIT_US (3 * US_PER_S)

typedef struct {
	simnet_host host;
	/* What came last. */
	bool answered;
	parley_addr to, from;
	uint8_t bytes[PROBE_MESSAGE_MAX];
	size_t len;
} probe;

void probe_add(probe *p, simnet *net, const char *name, const simnet_interface *interface);
/* Sends from this port and waits up to PROBE_WAIT_US for any datagram to it. */
bool probe_exchange(probe *p, uint16_t port, const parley_addr *to, slice datagram);
/* A Binding request with CHANGE-REQUEST bits; true: answered, *mapped is what the server saw (NULL: not of interest). */
bool probe_binding(probe *p, uint16_t port, const parley_addr *server, uint32_t change, parley_addr *mapped);

#endif
