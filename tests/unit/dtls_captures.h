/*
 * tests/unit/dtls_captures.h: ClientHellos as browsers sent them: Chromium 156 and Firefox ESR 153 offer DTLS 1.3
 * with a post-quantum key share, which takes two datagrams; the third is a Firefox held to DTLS 1.2.
 */
#ifndef PARLEY_TESTS_DTLS_CAPTURES_H
#define PARLEY_TESTS_DTLS_CAPTURES_H

#include "base/bytes.h"

typedef struct {
	const char *browser;
	slice datagrams[2];
	size_t count;
} dtls_client_hello;

#define DTLS_CLIENT_HELLOS 3u
extern const dtls_client_hello dtls_client_hellos[DTLS_CLIENT_HELLOS];

#endif
