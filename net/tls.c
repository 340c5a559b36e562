#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/tls_internal.h"
#include "parley/types.h"

/* The oldest entry of OpenSSL's queue is the cause, the later ones its consequences. Empties the queue. */
static const char *openssl_cause(void)
{
	unsigned long code = ERR_get_error();
	ERR_clear_error();
	/* OpenSSL has no words for the system's errors, such as a file that is not there. */
	if (ERR_SYSTEM_ERROR(code))
		return strerror(ERR_GET_REASON(code));
	const char *reason = code ? ERR_reason_error_string(code) : NULL;
	return reason ? reason : "unknown error";
}

static void explain(char why[NET_WHY_MAX], const char *what, const char *file)
{
	const char *cause = openssl_cause();
	if (why)
		snprintf(why, NET_WHY_MAX, "%s %.160s: %s", what, file, cause);
}

static int tls_new(const SSL_METHOD *method, net_tls **out, char why[NET_WHY_MAX])
{
	net_tls *tls = calloc(1, sizeof *tls);
	SSL_CTX *context = tls ? SSL_CTX_new(method) : NULL;
	if (!context) {
		explain(why, "cannot set up", "TLS");
		free(tls);
		return PARLEY_ENOMEM;
	}
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	/* Idle connections then hold no record buffers. */
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	/* Nor sessions to be resumed: one process has few connections to one place. */
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(context, 0);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	tls->references = 1;
	tls->context = context;
	*out = tls;
	return 0;
}

int net_tls_client_new(const char *ca_file, bool insecure, net_tls **out, char why[NET_WHY_MAX])
{
	net_tls *tls;
	int error = tls_new(TLS_client_method(), &tls, why);
	if (error)
		return error;
	SSL_CTX_set_verify(tls->context, insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	/* A machine without a store just trusts nobody. */
	if (SSL_CTX_set_default_verify_paths(tls->context) != 1)
		ERR_clear_error();
	if (ca_file && SSL_CTX_load_verify_file(tls->context, ca_file) != 1) {
		explain(why, "no certificate authority in", ca_file);
		net_tls_free(tls);
		return PARLEY_EIO;
	}
	*out = tls;
	return 0;
}

int net_tls_server_new(const char *cert_file, const char *key_file, net_tls **out, char why[NET_WHY_MAX])
{
	net_tls *tls;
	int error = tls_new(TLS_server_method(), &tls, why);
	if (error)
		return error;
	tls->server = true;
	const char *culprit = NULL;
	if (SSL_CTX_use_certificate_chain_file(tls->context, cert_file) != 1)
		culprit = cert_file;
	else if (SSL_CTX_use_PrivateKey_file(tls->context, key_file, SSL_FILETYPE_PEM) != 1)
		culprit = key_file; /* also when it is another certificate's key */
	if (culprit) {
		explain(why, "cannot use", culprit);
		net_tls_free(tls);
		return PARLEY_EIO;
	}
	*out = tls;
	return 0;
}

net_tls *net_tls_ref(net_tls *tls)
{
	if (tls)
		tls->references++;
	return tls;
}

void net_tls_free(net_tls *tls)
{
	if (!tls || --tls->references > 0)
		return;
	SSL_CTX_free(tls->context);
	free(tls);
}
