/*
 * dtls/internal.h: what the files of dtls/ share; nobody outside includes it.
 *
 * certificate.c makes the certificate and its SSL_CTX, link.c is the wire as OpenSSL sees it, gate.c looks at records
 * before OpenSSL does, fingerprint.c compares, dtls.c is the connection's life and handshake, data.c what it
 * carries afterwards, records.c the records of that.
 */
#ifndef PARLEY_DTLS_INTERNAL_H
#define PARLEY_DTLS_INTERNAL_H

#include <openssl/ssl.h>

#include "base/buf.h"
#include "dtls/dtls.h"
#include "dtls/fingerprint.h"
#include "dtls/gate.h"
#include "dtls/link.h"
#include "dtls/records.h"

struct dtls_certificate {
	SSL_CTX *ctx;
	uint8_t *der;
	size_t der_len;
	uint64_t expires;
	char fingerprint[DTLS_FINGERPRINT_TEXT_SIZE];
};

#define DTLS_EVENTS_MAX 2u /* CONNECTED and one end */

struct dtls_conn {
	dtls_config config; /* its certificate is not looked at after dtls_create */
	SSL_CTX *ctx;
	SSL *ssl;
	dtls_link link;
	dtls_state state;
	uint64_t handshake_deadline;
	uint64_t flight_mark; /* link.written when this SSL object was made: equal means it has sent nothing */

	dtls_fingerprints fingerprints;
	bool mismatch; /* the peer's certificate was seen and is not the described one */
	bool verified; /* CONNECTED was reached: data may be believed */
	uint8_t *remote_der;
	size_t remote_der_len;

	dtls_records records;
	buf early;    /* records of data that came during the handshake: not for OpenSSL, if it is we who open them */
	buf received; /* decrypted records, each behind its length in 16 bits */
	size_t handed_out; /* bytes at the front of received that dtls_poll_data gave away */

	dtls_event events[DTLS_EVENTS_MAX];
	size_t events_first, events_count;
	char reason[DTLS_REASON_SIZE];
	uint8_t last_alert; /* description of the last one dropped: a hint in the reason of a time-out */

	char key_log[DTLS_KEY_LOG_LINE_MAX];
	bool key_log_ready;
	dtls_stats stats;
};

/* Before a call of OpenSSL whose errors are looked at: cheaper than ERR_clear_error where there are none. */
void dtls_forget_errors(void);

/* The end, unless it is reached already: state, event, and the reason in words. */
void dtls_fail(dtls_conn *conn, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The end by the peer's close_notify. */
void dtls_closed_by_peer(dtls_conn *conn);
/* OpenSSL's first complaint since ERR_clear_error, static. */
const char *dtls_openssl_reason(void);

/* What is in a datagram, and what came early. In any state from UNVERIFIED on. */
void dtls_read_records(dtls_conn *conn, slice datagram);
void dtls_keep_early(dtls_conn *conn, slice record);
/* close_notify (RFC 5246 7.2.1). */
void dtls_say_goodbye(dtls_conn *conn);

/* Called by OpenSSL while it handles the peer's certificate and secrets (certificate.c installs them). */
int dtls_on_peer_certificate(X509_STORE_CTX *store, void *unused);
void dtls_on_key_log(const SSL *ssl, const char *line);

#endif
