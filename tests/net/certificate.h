/* tests/net/certificate.h: a self-signed certificate for "localhost" and 127.0.0.1, made anew, in files of a temporary folder. */
#ifndef PARLEY_TESTS_NET_CERTIFICATE_H
#define PARLEY_TESTS_NET_CERTIFICATE_H

typedef struct {
	char folder[64];
	char certificate[96], key[96]; /* PEM files */
} test_certificate;

/* alt_names: e.g. "DNS:localhost,IP:127.0.0.1" */
void test_certificate_make(test_certificate *c, const char *alt_names);
void test_certificate_remove(const test_certificate *c);

#endif
