/*
 * signaling/http.h: HTTP/1.1 messages (RFC 9112) read and written, for both ends, without I/O. Parsing is http-parser's.
 *
 * An http_reader takes the bytes of one message and gives it back whole: start line, headers, body. It is for small
 * messages: head and body are bounded and held in memory. Bodies come by Content-Length, chunked, or (responses only) until
 * the stream ends. Names are compared without regard to case; repeated headers are kept in order and looked up by the first.
 */
#ifndef PARLEY_SIGNALING_HTTP_H
#define PARLEY_SIGNALING_HTTP_H

#include <http_parser.h>

#include "signaling/url.h"

#define HTTP_HEAD_MAX (16u * 1024u) /* bytes of target, names and values together */
#define HTTP_HEADERS_MAX 64u

typedef struct {
	slice name, value;
} http_header;

typedef enum { HTTP_READ_REQUEST, HTTP_READ_RESPONSE } http_read_kind;

typedef struct {
	/* The message, once `complete`. Slices are borrowed from the reader until it is cleared. */
	bool complete;
	const char *method; /* of a request: static */
	slice path, query;  /* of a request */
	unsigned status;    /* of a response */
	bool upgrade;	    /* asks for, or (101) grants, another protocol: what follows is not HTTP */
	bool keep_alive;    /* the stream may carry another message after this one */
	buf body;
	/* Private. */
	http_parser parser;
	buf head; /* target, then name and value of each header, one behind the other */
	struct {
		uint32_t name, value, end; /* offsets in head */
	} headers[HTTP_HEADERS_MAX];
	size_t header_count;
	size_t target_len;
	bool in_value, head_done;
	int error;
} http_reader;

void http_reader_init(http_reader *r, http_read_kind kind, size_t body_max);
void http_reader_clear(http_reader *r); /* harmless when repeated */
/*
 * Take bytes; *used is how many belong to this message (all, unless it is complete). PARLEY_EPROTO: not HTTP;
 * PARLEY_ELIMIT: head or body too large; PARLEY_ENOMEM. After an error the reader is only good for clearing.
 */
int http_receive(http_reader *r, slice in, size_t *used);
/* The stream ended. 0 if that ends the message too, else PARLEY_EPROTO. */
int http_receive_end(http_reader *r);
const char *http_reader_problem(const http_reader *r); /* static text for the last error */

bool http_header_get(const http_reader *r, const char *name, slice *value);
/* Is token among the comma-separated ones of any header of that name? Without regard to case. */
bool http_header_has(const http_reader *r, const char *name, const char *token);

/*
 * RFC 9112 3.2: a request of HTTP/1.1 has one Host, no more, and its value is a host with or without a port. (One of HTTP/1.0
 * may do without.) False: answer it with 400.
 */
bool http_host_is_right(const http_reader *request);
/*
 * Is this request's Origin (RFC 6454 7), which a browser adds and a page cannot change, that of a page of this very server: host
 * and port as in Host? True also for a request without Origin, which no browser's page has sent. Behind a proxy that speaks TLS
 * for us the scheme cannot be known, so it only counts for the default port.
 */
bool http_origin_is_ours(const http_reader *request);

const char *http_reason(unsigned status); /* "Not Found"; "" when unknown */

/* Append a request; Host and (with a body, or for POST) Content-Length are added. Values must hold no CR or LF: PARLEY_EINVAL. */
int http_write_request(buf *out, const char *method, const url *to, const http_header *headers, size_t count,
		       slice body);
/* Append a response's head; with content_length >= 0 that header too. The body is the caller's to send. */
int http_write_response(buf *out, unsigned status, const http_header *headers, size_t count, int64_t content_length);

#endif
