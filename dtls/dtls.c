#include "dtls/dtls.h"

#include <assert.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "base/time.h"
#include "dtls/internal.h"

#define TIMER_LEAST_US UINT64_C(20000)	 /* OpenSSL takes 15 ms left as expired */
#define TIMER_MOST_US UINT64_C(60000000) /* RFC 6347 4.2.4.1 */

/* --- states and events --- */

static const char *const state_names[] = {"new", "handshaking", "unverified", "connected", "closed", "failed"};

const char *dtls_state_name(dtls_state state)
{
	return state_names[state];
}

static bool is_over(dtls_state s)
{
	return s == DTLS_CLOSED || s == DTLS_FAILED;
}

/* Forward by one step, or to an end; an end is final. */
static bool may_follow(dtls_state from, dtls_state to)
{
	return !is_over(from) && (is_over(to) || to == from + 1);
}

static void dtls_set_state(dtls_conn *conn, dtls_state to)
{
	assert(may_follow(conn->state, to));
	trace_printf(conn->config.trace, TRACE_INFO, "dtls", "%s -> %s", state_names[conn->state], state_names[to]);
	conn->state = to;
	if (to == DTLS_CONNECTED)
		conn->verified = true;
	if (is_over(to))
		conn->link.deadline = TIME_NEVER;
}

static void push_event(dtls_conn *conn, dtls_event_kind kind, int error, const char *reason)
{
	assert(conn->events_count < DTLS_EVENTS_MAX);
	size_t at = (conn->events_first + conn->events_count++) % DTLS_EVENTS_MAX;
	conn->events[at] = (dtls_event){.kind = kind, .error = error, .reason = reason};
}

bool dtls_poll_event(dtls_conn *conn, dtls_event *out)
{
	if (conn->events_count == 0)
		return false;
	*out = conn->events[conn->events_first];
	conn->events_first = (conn->events_first + 1) % DTLS_EVENTS_MAX;
	conn->events_count--;
	return true;
}

void dtls_fail(dtls_conn *conn, int error, const char *format, ...)
{
	if (is_over(conn->state))
		return;
	va_list args;
	va_start(args, format);
	vsnprintf(conn->reason, sizeof conn->reason, format, args);
	va_end(args);
	trace_printf(conn->config.trace, TRACE_ERROR, "dtls", "%s", conn->reason);
	dtls_set_state(conn, DTLS_FAILED);
	push_event(conn, DTLS_EVENT_FAILED, error, conn->reason);
}

void dtls_closed_by_peer(dtls_conn *conn)
{
	if (conn->state == DTLS_UNVERIFIED) {
		dtls_fail(conn, PARLEY_ECLOSED, "the peer closed before its fingerprint was known");
		return;
	}
	dtls_set_state(conn, DTLS_CLOSED);
	push_event(conn, DTLS_EVENT_CLOSED, 0, "");
}

void dtls_forget_errors(void)
{
	if (ERR_peek_error())
		ERR_clear_error();
}

const char *dtls_openssl_reason(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());
	return reason ? reason : "no reason given";
}

/* --- creation --- */

/* OpenSSL's list of profiles, "A:B:C"; empty for none. */
static void print_profiles(const dtls_config *config, text *out)
{
	for (size_t i = 0; i < DTLS_SRTP_PROFILES_MAX && config->srtp_profiles[i] != DTLS_SRTP_NONE; i++) {
		if (i > 0)
			text_char(out, ':');
		switch (config->srtp_profiles[i]) {
		case DTLS_SRTP_AEAD_AES_128_GCM:
			text_string(out, "SRTP_AEAD_AES_128_GCM");
			break;
		case DTLS_SRTP_AEAD_AES_256_GCM:
			text_string(out, "SRTP_AEAD_AES_256_GCM");
			break;
		default:
			text_string(out, "SRTP_AES128_CM_SHA1_80");
		}
	}
}

static int set_profiles(SSL *ssl, const dtls_config *config)
{
	char names[DTLS_SRTP_PROFILES_MAX * 32];
	text list = text_of(names, sizeof names);
	print_profiles(config, &list);
	/* 0 is success (RFC 5764 in OpenSSL's manual). */
	return list.len == 0 || SSL_set_tlsext_use_srtp(ssl, names) == 0 ? 0 : PARLEY_ECRYPTO;
}

/* A fresh SSL object, in place of one there may be. */
static int build_ssl(dtls_conn *conn)
{
	SSL *ssl = SSL_new(conn->ctx);
	if (!ssl)
		return PARLEY_ECRYPTO;
	if (!dtls_link_attach(&conn->link, ssl) || set_profiles(ssl, &conn->config) != 0) {
		SSL_free(ssl);
		return PARLEY_ECRYPTO;
	}
	SSL_set_app_data(ssl, conn);
	if (conn->config.client)
		SSL_set_connect_state(ssl);
	else
		SSL_set_accept_state(ssl);
	SSL_free(conn->ssl);
	conn->ssl = ssl;
	buf_clear(&conn->early);
	conn->flight_mark = conn->link.written;
	return 0;
}

dtls_config dtls_config_default(const dtls_certificate *certificate, bool client)
{
	return (dtls_config){
		.certificate = certificate,
		.client = client,
		.mtu = DTLS_MTU_DEFAULT,
		.handshake_timeout_us = DTLS_HANDSHAKE_TIMEOUT_US,
		.retransmit_first_us = DTLS_RETRANSMIT_FIRST_US,
		.retransmit_max_us = DTLS_RETRANSMIT_MAX_US,
		.srtp_profiles = {DTLS_SRTP_AEAD_AES_128_GCM, DTLS_SRTP_AEAD_AES_256_GCM, DTLS_SRTP_AES128_CM_SHA1_80},
	};
}

static bool is_valid(const dtls_config *c)
{
	return c->certificate && c->mtu >= DTLS_MTU_MIN && c->mtu <= DTLS_MTU_MAX &&
	       c->retransmit_first_us >= TIMER_LEAST_US && c->retransmit_first_us <= c->retransmit_max_us &&
	       c->retransmit_max_us <= TIMER_MOST_US;
}

int dtls_create(const dtls_config *config, dtls_conn **out)
{
	if (!is_valid(config))
		return PARLEY_EINVAL;
	dtls_conn *conn = calloc(1, sizeof *conn);
	if (!conn)
		return PARLEY_ENOMEM;
	conn->config = *config;
	conn->config.certificate = NULL;
	conn->handshake_deadline = TIME_NEVER;
	conn->received.limit = DTLS_RECEIVED_MAX;
	conn->early.limit = DTLS_EARLY_MAX;
	SSL_CTX_up_ref(config->certificate->ctx);
	conn->ctx = config->certificate->ctx;
	ERR_clear_error();
	int err = dtls_link_init(&conn->link, config->mtu, DTLS_TRANSMIT_MAX, config->retransmit_first_us,
				 config->retransmit_max_us)
			  ? build_ssl(conn)
			  : PARLEY_ENOMEM;
	if (err) {
		dtls_destroy(conn);
		return err;
	}
	*out = conn;
	return 0;
}

void dtls_destroy(dtls_conn *conn)
{
	if (!conn)
		return;
	SSL_free(conn->ssl);
	SSL_CTX_free(conn->ctx);
	dtls_link_clear(&conn->link);
	dtls_records_end(&conn->records);
	buf_clear(&conn->early);
	buf_clear(&conn->received);
	free(conn->remote_der);
	wipe(conn->key_log, sizeof conn->key_log);
	free(conn);
}

/* --- the peer's identity --- */

int dtls_add_remote_fingerprint(dtls_conn *conn, slice algorithm, slice value)
{
	return dtls_fingerprint_add(&conn->fingerprints, algorithm, value, conn->state >= DTLS_CONNECTED);
}

#define MISMATCH "the peer's certificate does not match the fingerprint of its description"

/*
 * In place of OpenSSL's chain check: refuse within the handshake, with an alert, what is known not to be the peer.
 * Where the fingerprint is not known yet the certificate passes here; verify_peer judges every one in any case.
 */
int dtls_on_peer_certificate(X509_STORE_CTX *store, void *unused)
{
	(void)unused;
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	dtls_conn *conn = SSL_get_app_data(ssl);
	if (conn->fingerprints.count == 0)
		return 1;
	conn->mismatch = !dtls_fingerprint_match(&conn->fingerprints, X509_STORE_CTX_get0_cert(store));
	if (conn->mismatch)
		X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
	return !conn->mismatch;
}

/* The handshake is done and there are fingerprints: connected, or failed. */
static void verify_peer(dtls_conn *conn)
{
	assert(conn->state == DTLS_UNVERIFIED && conn->fingerprints.count > 0);
	if (!dtls_fingerprint_match(&conn->fingerprints, SSL_get0_peer_certificate(conn->ssl))) {
		dtls_say_goodbye(conn); /* the only alert that OpenSSL lets us send after a handshake */
		dtls_fail(conn, PARLEY_EAUTH, MISMATCH);
		return;
	}
	dtls_set_state(conn, DTLS_CONNECTED);
	push_event(conn, DTLS_EVENT_CONNECTED, 0, "");
}

/* --- the handshake --- */

/* False: out of memory. */
static bool keep_certificate(dtls_conn *conn, X509 *x)
{
	int len = i2d_X509(x, NULL);
	conn->remote_der = len > 0 ? malloc((size_t)len) : NULL;
	if (!conn->remote_der)
		return false;
	uint8_t *end = conn->remote_der;
	conn->remote_der_len = (size_t)i2d_X509(x, &end);
	return true;
}

static void handshake_done(dtls_conn *conn)
{
	X509 *x = SSL_get0_peer_certificate(conn->ssl);
	if (!x) {
		dtls_fail(conn, PARLEY_EAUTH, "the peer showed no certificate");
		return;
	}
	if (!keep_certificate(conn, x)) {
		dtls_fail(conn, PARLEY_ENOMEM, "out of memory");
		return;
	}
	conn->stats.version = (uint16_t)SSL_version(conn->ssl);
	conn->stats.cipher = SSL_CIPHER_standard_name(SSL_get_current_cipher(conn->ssl));
	trace_printf(conn->config.trace, TRACE_INFO, "dtls", "handshake done: %s", conn->stats.cipher);
	if (dtls_records_begin(&conn->records, conn->ssl, conn->config.client) == PARLEY_ECRYPTO)
		trace_printf(conn->config.trace, TRACE_WARN, "dtls", "records are left to OpenSSL");
	dtls_set_state(conn, DTLS_UNVERIFIED);
	if (conn->fingerprints.count > 0)
		verify_peer(conn);
}

static void fail_handshake(dtls_conn *conn)
{
	int reason = ERR_GET_REASON(ERR_peek_error());
	if (conn->mismatch)
		dtls_fail(conn, PARLEY_EAUTH, MISMATCH);
	else if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
		dtls_fail(conn, PARLEY_EAUTH, "the peer showed no certificate");
	else
		dtls_fail(conn, PARLEY_EPROTO, "the handshake failed: %s", dtls_openssl_reason());
}

/*
 * OpenSSL has given up. A server that has not answered yet has lost nothing by beginning anew, and the genuine
 * ClientHello comes again; the alert that OpenSSL wrote to whoever broke it is not sent. Later both sides hold state
 * of each other.
 */
static void handshake_broken(dtls_conn *conn, bool answered, size_t queued_before)
{
	if (conn->config.client || answered || conn->stats.rebuilds >= DTLS_REBUILDS_MAX) {
		fail_handshake(conn);
		return;
	}
	trace_printf(conn->config.trace, TRACE_WARN, "dtls", "broken first message, beginning anew: %s",
		     dtls_openssl_reason());
	dtls_link_truncate(&conn->link, queued_before);
	conn->stats.rebuilds++;
	if (build_ssl(conn) != 0)
		dtls_fail(conn, PARLEY_ECRYPTO, "the crypto library failed");
}

static void advance_handshake(dtls_conn *conn)
{
	bool answered = conn->link.written != conn->flight_mark;
	size_t queued = conn->link.count;
	ERR_clear_error();
	int rc = SSL_do_handshake(conn->ssl);
	if (rc == 1)
		handshake_done(conn);
	else if (SSL_get_error(conn->ssl, rc) != SSL_ERROR_WANT_READ)
		handshake_broken(conn, answered, queued);
}

int dtls_start(dtls_conn *conn, uint64_t now)
{
	if (conn->state != DTLS_NEW)
		return PARLEY_ESTATE;
	conn->link.now = now;
	if (conn->config.handshake_timeout_us != TIME_NEVER)
		conn->handshake_deadline = time_after(now, conn->config.handshake_timeout_us);
	dtls_set_state(conn, DTLS_HANDSHAKING);
	advance_handshake(conn);
	return 0;
}

/* --- input --- */

static void note_dropped(dtls_conn *conn, dtls_gate_verdict verdict, const dtls_gate_record *r)
{
	if (verdict == DTLS_GATE_ALERT) {
		conn->stats.alerts_dropped++;
		conn->last_alert = r->alert;
		trace_printf(conn->config.trace, TRACE_WARN, "dtls", "unauthenticated alert dropped: %s",
			     SSL_alert_desc_string_long(r->alert));
	} else {
		conn->stats.records_dropped++;
		trace_printf(conn->config.trace, TRACE_WARN, "dtls", "record dropped: %s", r->reason);
	}
}

/* Record by record through the gate, until the handshake is done or the datagram at its end. */
static void receive_handshake(dtls_conn *conn, slice *datagram)
{
	while (conn->state == DTLS_HANDSHAKING && datagram->len > 0) {
		dtls_gate_record r;
		dtls_gate_verdict verdict = dtls_gate_next(datagram, conn->config.client, &r);
		if (verdict != DTLS_GATE_PASS) {
			note_dropped(conn, verdict, &r);
			continue;
		}
		if (dtls_is_data(r.record)) {
			dtls_keep_early(conn, r.record);
			continue;
		}
		conn->link.in = r.record;
		conn->link.renumber = r.clear;
		advance_handshake(conn);
	}
}

int dtls_receive(dtls_conn *conn, uint64_t now, slice datagram)
{
	if (conn->state == DTLS_NEW || is_over(conn->state))
		return PARLEY_ESTATE;
	conn->link.now = now;
	conn->stats.datagrams_received++;
	conn->stats.bytes_received += datagram.len;
	receive_handshake(conn, &datagram);
	conn->link.in = slice_of(NULL, 0);
	conn->link.renumber = false;
	if (conn->state == DTLS_UNVERIFIED || conn->state == DTLS_CONNECTED)
		dtls_read_records(conn, datagram);
	return 0;
}

/* --- time --- */

uint64_t dtls_deadline(const dtls_conn *conn)
{
	if (conn->state == DTLS_UNVERIFIED && conn->fingerprints.count > 0)
		return 0;
	if (conn->state == DTLS_HANDSHAKING || conn->state == DTLS_UNVERIFIED)
		return time_min(conn->handshake_deadline, conn->link.deadline);
	return conn->link.deadline;
}

/* The timer of OpenSSL has run out by our reckoning; where its wall clock says otherwise, wait for what is left. */
static void retransmit(dtls_conn *conn, uint64_t now)
{
	ERR_clear_error();
	long rc = DTLSv1_handle_timeout(conn->ssl);
	if (rc < 0) {
		dtls_fail(conn, PARLEY_ETIMEDOUT, "the peer does not answer the handshake: %s", dtls_openssl_reason());
		return;
	}
	struct timeval left;
	if (rc > 0 || conn->link.deadline > now)
		return;
	if (!DTLSv1_get_timeout(conn->ssl, &left)) {
		conn->link.deadline = TIME_NEVER;
		return;
	}
	uint64_t left_us = (uint64_t)left.tv_sec * US_PER_S + (uint64_t)left.tv_usec;
	/* Never more than the whole wait, should the wall clock have been set back. */
	conn->link.deadline = time_after(now, time_min(left_us > US_PER_MS ? left_us : US_PER_MS, conn->link.wait_us));
}

static void time_out(dtls_conn *conn)
{
	if (conn->state == DTLS_UNVERIFIED)
		dtls_fail(conn, PARLEY_ETIMEDOUT, "no fingerprint of the peer was given in time");
	else if (conn->stats.alerts_dropped > 0)
		dtls_fail(conn, PARLEY_ETIMEDOUT,
			  "the handshake did not end in time (an unauthenticated alert said: %s)",
			  SSL_alert_desc_string_long(conn->last_alert));
	else
		dtls_fail(conn, PARLEY_ETIMEDOUT, "the handshake did not end in time");
}

void dtls_timeout(dtls_conn *conn, uint64_t now)
{
	if (now < dtls_deadline(conn))
		return;
	conn->link.now = now;
	if (conn->state == DTLS_UNVERIFIED && conn->fingerprints.count > 0)
		verify_peer(conn);
	else if (conn->state != DTLS_CONNECTED && now >= conn->handshake_deadline)
		time_out(conn);
	else
		retransmit(conn, now);
}

int dtls_close(dtls_conn *conn, uint64_t now)
{
	if (is_over(conn->state))
		return 0;
	conn->link.now = now;
	if (conn->state == DTLS_UNVERIFIED || conn->state == DTLS_CONNECTED)
		dtls_say_goodbye(conn);
	dtls_set_state(conn, DTLS_CLOSED);
	return 0;
}

/* --- for the owner to look at --- */

void dtls_on_key_log(const SSL *ssl, const char *line)
{
	dtls_conn *conn = SSL_get_app_data(ssl);
	if (!conn->config.key_log)
		return;
	text out = text_of(conn->key_log, sizeof conn->key_log);
	text_string(&out, line);
	conn->key_log_ready = !out.bad;
}

bool dtls_poll_key_log(dtls_conn *conn, const char **line)
{
	bool ready = conn->key_log_ready;
	*line = conn->key_log;
	conn->key_log_ready = false;
	return ready;
}

dtls_state dtls_get_state(const dtls_conn *conn)
{
	return conn->state;
}

bool dtls_is_client(const dtls_conn *conn)
{
	return conn->config.client;
}

slice dtls_remote_certificate(const dtls_conn *conn)
{
	return conn->verified ? slice_of(conn->remote_der, conn->remote_der_len) : slice_of(NULL, 0);
}
