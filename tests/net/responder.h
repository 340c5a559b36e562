/* tests/net/responder.h: answers for one ".local" name by multicast DNS, as a browser does: address A only, to the group. */
#ifndef PARLEY_TESTS_NET_RESPONDER_H
#define PARLEY_TESTS_NET_RESPONDER_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "net/multicast.h"

typedef struct {
	const char *name;
	parley_addr address;
	size_t ignore; /* as many questions, before it answers: a browser that starts late */
	size_t questions;
	net_multicast *multicast;
} responder;

/* False: this machine has no multicast, or somebody has the port for himself; then there is nothing to test. */
bool responder_open(responder *r, uv_loop_t *loop);
void responder_close(responder *r);

#endif
