#include "tests/support/test.h"

#include "tests/net/certificate.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static X509 *self_signed(EVP_PKEY *key, const char *alt_names)
{
	X509 *x = X509_new();
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 24L * 3600);
	X509_NAME *name = X509_get_subject_name(x);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
	X509_set_issuer_name(x, name);
	X509_set_pubkey(x, key);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alt_names);
	assert_non_null(extension);
	X509_add_ext(x, extension, -1);
	X509_EXTENSION_free(extension);
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	return x;
}

void test_certificate_make(test_certificate *c, const char *alt_names)
{
	const char *temporary = getenv("TMPDIR");
	snprintf(c->folder, sizeof c->folder, "%.40s/parley-XXXXXX", temporary ? temporary : "/tmp");
	assert_non_null(mkdtemp(c->folder));
	snprintf(c->certificate, sizeof c->certificate, "%s/certificate.pem", c->folder);
	snprintf(c->key, sizeof c->key, "%s/key.pem", c->folder);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	assert_non_null(key);
	X509 *x = self_signed(key, alt_names);
	FILE *file = fopen(c->certificate, "w");
	assert_non_null(file);
	assert_int_equal(PEM_write_X509(file, x), 1);
	fclose(file);
	file = fopen(c->key, "w");
	assert_non_null(file);
	assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(file);
	X509_free(x);
	EVP_PKEY_free(key);
}

void test_certificate_remove(const test_certificate *c)
{
	unlink(c->certificate);
	unlink(c->key);
	rmdir(c->folder);
}
