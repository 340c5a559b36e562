/* net/tls_internal.h: what net/tls.c and net/tls_session.c share. */
#ifndef PARLEY_NET_TLS_INTERNAL_H
#define PARLEY_NET_TLS_INTERNAL_H

#include <openssl/types.h>
#include <stdbool.h>

#include "net/tls.h"

struct net_tls {
	unsigned references; /* net_tls_free gives one back */
	SSL_CTX *context;    /* has its own count: every session holds one */
	bool server;
};

net_tls *net_tls_ref(net_tls *tls); /* NULL gives NULL */

#endif
