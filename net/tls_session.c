#include "net/tls_session.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/addr.h"
#include "net/tls_internal.h"

struct tls_session {
	SSL *ssl;
	BIO *in, *out; /* owned by ssl */
	char peer[ADDR_TEXT_MAX > 128 ? ADDR_TEXT_MAX : 128];
};

/* RFC 6066 3: no SNI for an address; RFC 9525 6.5: an address must match an iPAddress name of the certificate. */
static bool expect_host(SSL *ssl, const char *host)
{
	parley_addr literal;
	if (addr_parse_ip(slice_from_string(host), 0, &literal))
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

static bool session_set_up(tls_session *s, const net_tls *tls, const char *host)
{
	s->ssl = SSL_new(tls->context);
	if (!s->ssl)
		return false;
	s->in = BIO_new(BIO_s_mem());
	s->out = BIO_new(BIO_s_mem());
	if (!s->in || !s->out) {
		BIO_free(s->in);
		BIO_free(s->out);
		return false;
	}
	SSL_set_bio(s->ssl, s->in, s->out);
	if (tls->server) {
		SSL_set_accept_state(s->ssl);
		return true;
	}
	SSL_set_connect_state(s->ssl);
	return expect_host(s->ssl, host);
}

int tls_session_new(const net_tls *tls, const char *host, tls_session **out)
{
	tls_session *s = calloc(1, sizeof *s);
	if (!s)
		return PARLEY_ENOMEM;
	snprintf(s->peer, sizeof s->peer, "%s", host);
	if (!session_set_up(s, tls, host)) {
		ERR_clear_error();
		tls_session_free(s);
		return PARLEY_ECRYPTO;
	}
	*out = s;
	return 0;
}

void tls_session_free(tls_session *s)
{
	if (!s)
		return;
	SSL_free(s->ssl);
	free(s);
}

int tls_session_receive(tls_session *s, slice bytes)
{
	while (bytes.len > 0) {
		int chunk = bytes.len > INT_MAX ? INT_MAX : (int)bytes.len;
		if (BIO_write(s->in, bytes.data, chunk) != chunk)
			return PARLEY_ENOMEM;
		bytes = slice_part(bytes, (size_t)chunk, bytes.len);
	}
	return 0;
}

static bool is_not_tls(int reason)
{
	return reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST ||
	       reason == SSL_R_HTTPS_PROXY_REQUEST || reason == SSL_R_UNKNOWN_PROTOCOL ||
	       reason == SSL_R_RECORD_LENGTH_MISMATCH;
}

/* The cause of a failed SSL_* call, from the certificate's check and OpenSSL's queue, which is then empty. */
static int session_fail(const tls_session *s, char why[NET_WHY_MAX])
{
	long verdict = SSL_get_verify_result(s->ssl);
	bool verifies = SSL_get_verify_mode(s->ssl) & SSL_VERIFY_PEER;
	unsigned long code = ERR_peek_error();
	const char *reason = ERR_reason_error_string(code);
	bool not_tls = is_not_tls(ERR_GET_REASON(code));
	ERR_clear_error();
	if (verifies && verdict != X509_V_OK) {
		snprintf(why, NET_WHY_MAX, "certificate of %s is not trusted: %s", s->peer,
			 X509_verify_cert_error_string(verdict));
		return PARLEY_EAUTH;
	}
	if (not_tls && !SSL_is_init_finished(s->ssl))
		snprintf(why, NET_WHY_MAX, "%s speaks no TLS", s->peer);
	else
		snprintf(why, NET_WHY_MAX, "TLS with %s failed: %s", s->peer, reason ? reason : "unknown error");
	return PARLEY_EPROTO;
}

/* OpenSSL's error queue is the thread's: it must be empty before each call for SSL_get_error to tell the truth. */
static bool would_block(const tls_session *s, int result)
{
	int error = SSL_get_error(s->ssl, result);
	return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

int tls_session_handshake(tls_session *s, char why[NET_WHY_MAX])
{
	ERR_clear_error();
	int result = SSL_do_handshake(s->ssl);
	if (result == 1)
		return 1;
	return would_block(s, result) ? 0 : session_fail(s, why);
}

int tls_session_read(tls_session *s, uint8_t *out, size_t capacity, char why[NET_WHY_MAX])
{
	ERR_clear_error();
	int result = SSL_read(s->ssl, out, capacity > INT_MAX ? INT_MAX : (int)capacity);
	if (result > 0)
		return result;
	return would_block(s, result) || tls_session_ended(s) ? 0 : session_fail(s, why);
}

bool tls_session_ended(const tls_session *s)
{
	return SSL_get_shutdown(s->ssl) & SSL_RECEIVED_SHUTDOWN;
}

int tls_session_write(tls_session *s, slice plain)
{
	while (plain.len > 0) {
		size_t chunk = 0;
		ERR_clear_error();
		if (SSL_write_ex(s->ssl, plain.data, plain.len, &chunk) != 1) {
			ERR_clear_error();
			return PARLEY_ECRYPTO;
		}
		plain = slice_part(plain, chunk, plain.len);
	}
	return 0;
}

void tls_session_close_notify(tls_session *s)
{
	ERR_clear_error();
	if (SSL_is_init_finished(s->ssl))
		SSL_shutdown(s->ssl);
	ERR_clear_error();
}

slice tls_session_output(tls_session *s)
{
	char *data = NULL;
	long len = BIO_get_mem_data(s->out, &data);
	return slice_of(data, len > 0 ? (size_t)len : 0);
}

void tls_session_output_done(tls_session *s)
{
	(void)BIO_reset(s->out);
}
