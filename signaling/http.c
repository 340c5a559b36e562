#include "signaling/http.h"

#include <string.h>

#include "base/text.h"
#include "parley/types.h"

/* --- reading: http-parser's callbacks collect the pieces --- */

/* -1 ends the parsing in every callback; 1 would mean "no body" to it in on_headers_complete. */
static int stop(http_reader *r, int error)
{
	r->error = error;
	return -1;
}

static int collect(http_reader *r, buf *into, const char *at, size_t len)
{
	int err = buf_append(into, slice_of(at, len));
	return err ? stop(r, err) : 0;
}

static int on_url(http_parser *p, const char *at, size_t len)
{
	http_reader *r = p->data;
	int stopped = collect(r, &r->head, at, len);
	r->target_len = r->head.len;
	return stopped;
}

static int on_header_field(http_parser *p, const char *at, size_t len)
{
	http_reader *r = p->data;
	if (r->head_done)
		return 0; /* trailers of a chunked body: nobody asks for them */
	if (r->in_value || r->header_count == 0) {
		if (r->header_count == HTTP_HEADERS_MAX)
			return stop(r, PARLEY_ELIMIT);
		uint32_t start = (uint32_t)r->head.len;
		r->headers[r->header_count].name = r->headers[r->header_count].value = start;
		r->headers[r->header_count++].end = start;
		r->in_value = false;
	}
	int stopped = collect(r, &r->head, at, len);
	r->headers[r->header_count - 1].value = r->headers[r->header_count - 1].end = (uint32_t)r->head.len;
	return stopped;
}

static int on_header_value(http_parser *p, const char *at, size_t len)
{
	http_reader *r = p->data;
	if (r->head_done)
		return 0;
	r->in_value = true;
	int stopped = collect(r, &r->head, at, len);
	r->headers[r->header_count - 1].end = (uint32_t)r->head.len;
	return stopped;
}

/* The target of a request is "path?query", or a whole URL (RFC 9112 3.2.2), which is only for proxies. */
static int split_target(http_reader *r)
{
	slice target = slice_part(buf_slice(&r->head), 0, r->target_len);
	const uint8_t *mark = target.len ? memchr(target.data, '?', target.len) : NULL;
	size_t path_len = mark ? (size_t)(mark - target.data) : target.len;
	if (path_len == 0 || target.data[0] != '/')
		return stop(r, PARLEY_EPROTO);
	r->path = slice_part(target, 0, path_len);
	r->query = slice_part(target, path_len + 1, target.len);
	return 0;
}

static int on_headers_complete(http_parser *p)
{
	http_reader *r = p->data;
	if (p->http_major != 1) /* http-parser takes a bare "GET /" for HTTP/0.9 */
		return stop(r, PARLEY_EPROTO);
	r->head_done = true;
	r->upgrade = p->upgrade != 0;
	r->keep_alive = http_should_keep_alive(p) != 0;
	if (p->type == HTTP_RESPONSE) {
		r->status = p->status_code;
		return 0;
	}
	r->method = http_method_str((enum http_method)p->method);
	return split_target(r);
}

static int on_body(http_parser *p, const char *at, size_t len)
{
	http_reader *r = p->data;
	return collect(r, &r->body, at, len);
}

static int on_message_complete(http_parser *p)
{
	http_reader *r = p->data;
	r->complete = true;
	http_parser_pause(p, 1); /* the next message, if any, is not this reader's */
	return 0;
}

static const http_parser_settings callbacks = {
	.on_url = on_url,
	.on_header_field = on_header_field,
	.on_header_value = on_header_value,
	.on_headers_complete = on_headers_complete,
	.on_body = on_body,
	.on_message_complete = on_message_complete,
};

void http_reader_init(http_reader *r, http_read_kind kind, size_t body_max)
{
	*r = (http_reader){.head = {.limit = HTTP_HEAD_MAX}, .body = {.limit = body_max}};
	http_parser_init(&r->parser, kind == HTTP_READ_REQUEST ? HTTP_REQUEST : HTTP_RESPONSE);
}

void http_reader_clear(http_reader *r)
{
	buf_clear(&r->head);
	buf_clear(&r->body);
	r->complete = false;
	r->header_count = 0;
	r->path = r->query = (slice){0};
}

static int execute(http_reader *r, slice in, size_t *used)
{
	r->parser.data = r; /* here and not in init, so that a reader may be moved */
	*used = http_parser_execute(&r->parser, &callbacks, (const char *)in.data, in.len);
	if (r->complete)
		return 0;
	enum http_errno code = HTTP_PARSER_ERRNO(&r->parser);
	if (code != HPE_OK && !r->error)
		r->error = code == HPE_HEADER_OVERFLOW ? PARLEY_ELIMIT : PARLEY_EPROTO;
	return r->error;
}

int http_receive(http_reader *r, slice in, size_t *used)
{
	*used = 0;
	if (r->error || r->complete || in.len == 0)
		return r->error;
	return execute(r, in, used);
}

int http_receive_end(http_reader *r)
{
	size_t used;
	if (r->error || r->complete)
		return r->error;
	int err = execute(r, (slice){0}, &used);
	return err ? err : r->complete ? 0 : PARLEY_EPROTO;
}

const char *http_reader_problem(const http_reader *r)
{
	if (r->error == PARLEY_ELIMIT)
		return "the HTTP message is too large";
	if (r->error == PARLEY_ENOMEM)
		return "out of memory";
	enum http_errno code = HTTP_PARSER_ERRNO(&r->parser);
	return code == HPE_OK || code == HPE_PAUSED ? "the HTTP message ends early" : http_errno_description(code);
}

/* --- headers --- */

static http_header header_at(const http_reader *r, size_t i)
{
	slice head = buf_slice(&r->head);
	return (http_header){
		.name = slice_part(head, r->headers[i].name, r->headers[i].value - r->headers[i].name),
		.value = slice_part(head, r->headers[i].value, r->headers[i].end - r->headers[i].value),
	};
}

bool http_header_get(const http_reader *r, const char *name, slice *value)
{
	for (size_t i = 0; i < r->header_count; i++) {
		http_header header = header_at(r, i);
		if (slice_equal_nocase(header.name, slice_from_string(name))) {
			*value = header.value;
			return true;
		}
	}
	return false;
}

static slice trim(slice s)
{
	while (s.len && (s.data[0] == ' ' || s.data[0] == '\t'))
		s = slice_part(s, 1, s.len);
	while (s.len && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
		s.len--;
	return s;
}

bool http_header_has(const http_reader *r, const char *name, const char *token)
{
	for (size_t i = 0; i < r->header_count; i++) {
		http_header header = header_at(r, i);
		slice part;
		if (!slice_equal_nocase(header.name, slice_from_string(name)))
			continue;
		while (scan_token(&header.value, ',', &part))
			if (slice_equal_nocase(trim(part), slice_from_string(token)))
				return true;
	}
	return false;
}

/* --- whom a request is for, and where it comes from --- */

/* Headers of that name; *value is the last one's. */
static size_t headers_named(const http_reader *r, const char *name, slice *value)
{
	size_t count = 0;
	for (size_t i = 0; i < r->header_count; i++) {
		http_header header = header_at(r, i);
		if (slice_equal_nocase(header.name, slice_from_string(name))) {
			*value = trim(header.value);
			count++;
		}
	}
	return count;
}

/* Where ":port" begins; s.len: there is none. A colon within brackets is part of an IPv6 address. */
static size_t port_at(slice s)
{
	for (size_t i = s.len; i-- > 0 && s.data[i] != ']';)
		if (s.data[i] == ':')
			return i;
	return s.len;
}

/* uri-host [":" port] (RFC 9110 7.2), by its alphabet: what it means is nobody's business here. */
static bool is_authority(slice s)
{
	size_t colon = port_at(s);
	uint32_t port;
	for (size_t i = 0; i < colon; i++)
		if (s.data[i] <= ' ' || s.data[i] >= 0x7f || strchr("/\\?#@,\"<>^`{|}", s.data[i]))
			return false;
	return colon > 0 && (colon + 1 >= s.len || scan_u32(slice_part(s, colon + 1, s.len), UINT16_MAX, &port));
}

bool http_host_is_right(const http_reader *request)
{
	slice host;
	size_t count = headers_named(request, "Host", &host);
	if (count == 0)
		return request->parser.http_minor == 0;
	return count == 1 && is_authority(host);
}

static bool take_prefix(slice *s, const char *prefix)
{
	slice wanted = slice_from_string(prefix);
	if (!slice_equal_nocase(slice_part(*s, 0, wanted.len), wanted))
		return false;
	*s = slice_part(*s, wanted.len, s->len);
	return true;
}

static slice without_port(slice s, const char *port)
{
	size_t colon = port_at(s);
	return slice_equal_string(slice_part(s, colon, s.len), port) ? slice_part(s, 0, colon) : s;
}

bool http_origin_is_ours(const http_reader *request)
{
	slice origin, host;
	size_t count = headers_named(request, "Origin", &origin);
	if (count != 1)
		return count == 0;
	const char *port = take_prefix(&origin, "https://") ? ":443" : take_prefix(&origin, "http://") ? ":80" : NULL;
	return port && headers_named(request, "Host", &host) == 1 && origin.len &&
	       slice_equal_nocase(without_port(origin, port), without_port(host, port));
}

/* --- writing --- */

const char *http_reason(unsigned status)
{
	switch (status) {
#define XX(number, name, string) \
	case number:             \
		return #string;
		HTTP_STATUS_MAP(XX)
#undef XX
	default:
		return "";
	}
}

/* No header may smuggle in another one. */
static bool has_line_end(slice s)
{
	return s.len && (memchr(s.data, '\r', s.len) || memchr(s.data, '\n', s.len) || memchr(s.data, '\0', s.len));
}

static int write_headers(buf *out, const http_header *headers, size_t count)
{
	int err = 0;
	for (size_t i = 0; i < count && !err; i++) {
		if (has_line_end(headers[i].name) || has_line_end(headers[i].value))
			return PARLEY_EINVAL;
		err = buf_append(out, headers[i].name);
		err = err ? err : buf_printf(out, ": ");
		err = err ? err : buf_append(out, headers[i].value);
		err = err ? err : buf_printf(out, "\r\n");
	}
	return err;
}

int http_write_request(buf *out, const char *method, const url *to, const http_header *headers, size_t count,
		       slice body)
{
	int err = buf_printf(out, "%s %s%s%s HTTP/1.1\r\nHost: ", method, to->path, to->query[0] ? "?" : "", to->query);
	err = err ? err : url_print_authority(to, out);
	err = err ? err : buf_printf(out, "\r\n");
	if (!err && (body.len || strcmp(method, "POST") == 0))
		err = buf_printf(out, "Content-Length: %zu\r\n", body.len);
	err = err ? err : write_headers(out, headers, count);
	err = err ? err : buf_printf(out, "\r\n");
	return err ? err : buf_append(out, body);
}

int http_write_response(buf *out, unsigned status, const http_header *headers, size_t count, int64_t content_length)
{
	int err = buf_printf(out, "HTTP/1.1 %u %s\r\n", status, http_reason(status));
	if (!err && content_length >= 0)
		err = buf_printf(out, "Content-Length: %lld\r\n", (long long)content_length);
	err = err ? err : write_headers(out, headers, count);
	return err ? err : buf_printf(out, "\r\n");
}
