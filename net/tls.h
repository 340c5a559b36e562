/*
 * net/tls.h: what a TLS stream needs to know before it starts: whom to believe, and who to be. TLS 1.2 and 1.3, by OpenSSL.
 *
 * Not here: the connection itself (net/stream.h), and DTLS, which has nothing to do with it (dtls/).
 */
#ifndef PARLEY_NET_TLS_H
#define PARLEY_NET_TLS_H

#include <stdbool.h>

#include "net/why.h"

/* Settings for any number of streams. Streams keep their own reference: it may be freed while they run. */
typedef struct net_tls net_tls;

/*
 * For clients: the server's certificate must chain to a root of the system's store, or of ca_file (PEM; NULL: none more), and be
 * valid for the host that was asked for. insecure: believe any certificate, for tests and self-signed hubs only.
 * PARLEY_EIO: ca_file cannot be read; PARLEY_ENOMEM, PARLEY_ECRYPTO. why then has a line (it may be NULL if nobody reads it).
 */
int net_tls_client_new(const char *ca_file, bool insecure, net_tls **out, char why[NET_WHY_MAX]);

/* For servers: certificate chain and private key, PEM files. PARLEY_EIO: unreadable, or they do not belong together. */
int net_tls_server_new(const char *cert_file, const char *key_file, net_tls **out, char why[NET_WHY_MAX]);

/* NULL is allowed. */
void net_tls_free(net_tls *tls);

#endif
