/*
 * net/tls_session.h: one TLS connection without its socket: bytes in, bytes out, plain text on the other side. For net/stream.c.
 *
 * Every call that may have something to send leaves it in tls_session_output; the owner sends it before the next call.
 */
#ifndef PARLEY_NET_TLS_SESSION_H
#define PARLEY_NET_TLS_SESSION_H

#include "base/bytes.h"
#include "net/tls.h"
#include "parley/types.h"

typedef struct tls_session tls_session;

/* With a context of a client: host is whom the certificate must name (and SNI, unless it is an IP literal). With one of a server: for
 * error lines only. PARLEY_ENOMEM, PARLEY_ECRYPTO. */
int tls_session_new(const net_tls *tls, const char *host, tls_session **out);
void tls_session_free(tls_session *s);

/* Bytes from the peer, copied. PARLEY_ENOMEM. */
int tls_session_receive(tls_session *s, slice bytes);

/* 1: done; 0: wait for the peer; PARLEY_EAUTH, PARLEY_EPROTO, PARLEY_ECRYPTO with the cause in why. */
int tls_session_handshake(tls_session *s, char why[NET_WHY_MAX]);

/* Plain text, up to capacity bytes: how many; 0: none now (see tls_session_ended); PARLEY_EPROTO with why. */
int tls_session_read(tls_session *s, uint8_t *out, size_t capacity, char why[NET_WHY_MAX]);
bool tls_session_ended(const tls_session *s); /* the peer sent close_notify */

/* After the handshake only. Takes everything, or PARLEY_ECRYPTO. */
int tls_session_write(tls_session *s, slice plain);
void tls_session_close_notify(tls_session *s);

/* What is to be sent, valid until the next call: output_done, when all of it has been taken over. */
slice tls_session_output(tls_session *s);
void tls_session_output_done(tls_session *s);

#endif
