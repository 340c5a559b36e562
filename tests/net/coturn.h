/* tests/net/coturn.h: coturn on loopback, a process of its own, for as long as a test wants it. */
#ifndef PARLEY_TESTS_NET_COTURN_H
#define PARLEY_TESTS_NET_COTURN_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "tests/net/certificate.h"

#define COTURN_USER "user"
#define COTURN_PASSWORD "secret"

typedef struct {
	uv_loop_t *loop;
	uv_process_t process;
	test_certificate certificate; /* for 127.0.0.1 */
	char database[128], pid_file[128];
	uint16_t port, tls_port; /* of 127.0.0.1; the first for UDP and TCP */
	bool ended;
} coturn;

/* Returns once it listens; fails the test if it does not. It relays to loopback addresses too. */
void coturn_start(coturn *c, uv_loop_t *loop);
/* Killed and begun again on the same ports: it knows nothing of its allocations. */
void coturn_restart(coturn *c);
void coturn_stop(coturn *c);

#endif
