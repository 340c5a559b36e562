/*
 * signaling/url.h: the URLs of signaling: http, https, ws, wss (RFC 3986, RFC 6455 3).
 *
 * Not here: relative references, user names and passwords (refused: they would end in logs).
 */
#ifndef PARLEY_SIGNALING_URL_H
#define PARLEY_SIGNALING_URL_H

#include "base/buf.h"

#define URL_HOST_MAX 256u    /* with the NUL; DNS allows 253 characters */
#define URL_TARGET_MAX 2048u /* with the NUL */

typedef struct {
	bool tls;		    /* https, wss */
	bool literal6;		    /* host is an IPv6 address, to be bracketed in text */
	char host[URL_HOST_MAX];    /* without brackets */
	uint16_t port;		    /* 80 or 443 when the URL names none */
	char path[URL_TARGET_MAX];  /* begins with '/' */
	char query[URL_TARGET_MAX]; /* without '?'; empty when there is none */
} url;

/* PARLEY_EINVAL, and then *why is a static string that says what is wrong. A fragment is dropped. */
int url_parse(url *u, slice in, const char **why);
/* "host", "host:port" or "[v6]:port": as the Host header wants it (the default port left out). */
int url_print_authority(const url *u, buf *out);
/* The value of `name` in a query string, percent-decoded ('+' too), NUL-terminated. False: absent, malformed or too long. */
bool url_query_value(slice query, const char *name, char *out, size_t capacity);
/* Append in percent-encoding: everything but unreserved characters (RFC 3986 2.3). */
int url_write_encoded(buf *out, slice value);

#endif
