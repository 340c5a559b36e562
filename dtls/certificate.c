#include "dtls/certificate.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/rng.h"
#include "dtls/internal.h"

/* AEAD with forward secrecy only; RFC 8827 6.5 requires the first. Ours is ECDSA, RSA is for clients of RSA servers. */
#define CIPHERS                                                      \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:" \
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:" \
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
/* Post-quantum groups exist from (D)TLS 1.3 on only. */
#define GROUPS "X25519:P-256"

#define COMMON_NAME "WebRTC" /* says nothing, and is what browsers put there */

static bool set_serial(X509 *x, uint64_t serial)
{
	/* Positive, and not zero (RFC 5280 4.1.2.2). */
	return ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1 | 1) == 1;
}

static bool set_validity(X509 *x, uint64_t unix_time_s)
{
	time_t from = (time_t)(unix_time_s > DTLS_CERTIFICATE_BEFORE_S ? unix_time_s - DTLS_CERTIFICATE_BEFORE_S : 0);
	time_t to = (time_t)(unix_time_s + DTLS_CERTIFICATE_AFTER_S);
	return ASN1_TIME_set(X509_getm_notBefore(x), from) && ASN1_TIME_set(X509_getm_notAfter(x), to);
}

static bool set_name(X509 *x)
{
	X509_NAME *name = X509_get_subject_name(x);
	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)COMMON_NAME, -1, -1, 0) == 1 &&
	       X509_set_issuer_name(x, name) == 1;
}

/* NULL when OpenSSL refuses. */
static X509 *make_x509(EVP_PKEY *key, uint64_t serial, uint64_t unix_time_s)
{
	X509 *x = X509_new();
	bool ok = x && X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x, serial) &&
		  set_validity(x, unix_time_s) && set_name(x) && X509_set_pubkey(x, key) == 1 &&
		  X509_sign(x, key, EVP_sha256()) > 0;
	if (ok)
		return x;
	X509_free(x);
	return NULL;
}

/* All that connections share. The peer's certificate is checked by fingerprint, so the chain check is replaced. */
static bool configure(SSL_CTX *ctx)
{
	/* The gate knows 1.2's records only; a library that also speaks 1.3 is held to 1.2. */
	if (!SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION) ||
	    !SSL_CTX_set_max_proto_version(ctx, DTLS1_2_VERSION) || !SSL_CTX_set_cipher_list(ctx, CIPHERS) ||
	    !SSL_CTX_set1_groups_list(ctx, GROUPS))
		return false;
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_QUERY_MTU);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_max_cert_list(ctx, DTLS_HANDSHAKE_MESSAGE_MAX);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, dtls_on_peer_certificate, NULL);
	SSL_CTX_set_keylog_callback(ctx, dtls_on_key_log);
	return true;
}

static int set_context(dtls_certificate *c, X509 *x, EVP_PKEY *key)
{
	c->ctx = SSL_CTX_new(DTLS_method());
	if (!c->ctx || !configure(c->ctx) || SSL_CTX_use_certificate(c->ctx, x) != 1 ||
	    SSL_CTX_use_PrivateKey(c->ctx, key) != 1)
		return PARLEY_ECRYPTO;
	return 0;
}

static int set_der(dtls_certificate *c, X509 *x)
{
	int len = i2d_X509(x, NULL);
	if (len <= 0)
		return PARLEY_ECRYPTO;
	c->der = malloc((size_t)len);
	if (!c->der)
		return PARLEY_ENOMEM;
	uint8_t *end = c->der;
	c->der_len = (size_t)i2d_X509(x, &end);
	uint8_t digest[SHA256_SIZE];
	int err = hash_sha256(dtls_certificate_der(c), digest);
	if (!err)
		dtls_fingerprint_print(slice_of(digest, sizeof digest), c->fingerprint);
	return err;
}

static int fill(dtls_certificate *c, uint64_t serial, uint64_t unix_time_s)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = key ? make_x509(key, serial, unix_time_s) : NULL;
	int err = x ? set_der(c, x) : PARLEY_ECRYPTO;
	if (!err)
		err = set_context(c, x, key);
	c->expires = unix_time_s + DTLS_CERTIFICATE_AFTER_S;
	X509_free(x);
	EVP_PKEY_free(key);
	return err;
}

int dtls_certificate_generate(const parley_random *random, uint64_t unix_time_s, dtls_certificate **out)
{
	uint64_t serial;
	int err = rng_u64(random, &serial);
	if (err)
		return err;
	dtls_certificate *c = calloc(1, sizeof *c);
	if (!c)
		return PARLEY_ENOMEM;
	ERR_clear_error();
	err = fill(c, serial, unix_time_s);
	if (err) {
		dtls_certificate_free(c);
		return err;
	}
	*out = c;
	return 0;
}

void dtls_certificate_free(dtls_certificate *c)
{
	if (!c)
		return;
	SSL_CTX_free(c->ctx);
	free(c->der);
	free(c);
}

const char *dtls_certificate_fingerprint(const dtls_certificate *c)
{
	return c->fingerprint;
}

slice dtls_certificate_der(const dtls_certificate *c)
{
	return slice_of(c->der, c->der_len);
}

uint64_t dtls_certificate_expires(const dtls_certificate *c)
{
	return c->expires;
}
