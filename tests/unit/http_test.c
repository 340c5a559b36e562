/* signaling/http.h, signaling/url.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "parley/types.h"
#include "signaling/http.h"
#include "tests/support/failmalloc.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void urls_are_taken_apart(void **state)
{
	(void)state;
	static const struct {
		const char *in, *host, *path, *query, *authority;
		bool tls;
		unsigned port;
	} cases[] = {
		{"http://hub.test/connectionHub", "hub.test", "/connectionHub", "", "hub.test", false, 80},
		{"https://hub.test", "hub.test", "/", "", "hub.test", true, 443},
		{"HTTPS://hub.test:8443/a/b?x=1&y#z", "hub.test", "/a/b", "x=1&y", "hub.test:8443", true, 8443},
		{"ws://[2001:db8::1]:80?q", "2001:db8::1", "/", "q", "[2001:db8::1]", false, 80},
		{"wss://[::1]:9/", "::1", "/", "", "[::1]:9", true, 9},
		{"http://127.0.0.1:/x", "127.0.0.1", "/x", "", "127.0.0.1", false, 80},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		url u;
		const char *why;
		buf authority = {.limit = 300};
		assert_int_equal(url_parse(&u, slice_from_string(cases[i].in), &why), 0);
		assert_string_equal(u.host, cases[i].host);
		assert_string_equal(u.path, cases[i].path);
		assert_string_equal(u.query, cases[i].query);
		assert_int_equal(u.tls, cases[i].tls);
		assert_int_equal(u.port, cases[i].port);
		assert_int_equal(url_print_authority(&u, &authority), 0);
		assert_true(slice_equal_string(buf_slice(&authority), cases[i].authority));
		buf_clear(&authority);
	}
}

static void bad_urls_say_what_is_wrong(void **state)
{
	(void)state;
	static const struct {
		const char *in, *why;
	} cases[] = {
		{"", "it does not begin with http://, https://, ws:// or wss://"},
		{"hub.test/x", "it does not begin with http://, https://, ws:// or wss://"},
		{"http:/hub", "it does not begin with http://, https://, ws:// or wss://"},
		{"ftp://hub.test", "its scheme is none of http, https, ws, wss"},
		{"http://", "the host is missing"},
		{"http://:80/", "the host is missing"},
		{"http://a:b@hub/", "user names and passwords in URLs are not accepted"},
		{"http://hub:0/", "the port is not a number from 1 to 65535"},
		{"http://hub:65536/", "the port is not a number from 1 to 65535"},
		{"http://hub:+80/", "the port is not a number from 1 to 65535"},
		{"http://[::1/", "the brackets hold no IPv6 address"},
		{"http://[127.0.0.1]/", "the brackets hold no IPv6 address"},
		{"http://[::1]x/", "the brackets are followed by something other than a port"},
		{"http://[::1]80/", "the port is not a number from 1 to 65535"},
		{"http://hub/a b", "it has a space, or a character that must be percent-encoded"},
		{"http://hub\r\nX: y/", "it has a space, or a character that must be percent-encoded"},
		{"http://h%41b/", "the host has a character that no host name has"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		url u;
		const char *why;
		assert_int_equal(url_parse(&u, slice_from_string(cases[i].in), &why), PARLEY_EINVAL);
		assert_string_equal(why, cases[i].why);
	}
}

static void query_values_are_decoded(void **state)
{
	(void)state;
	slice query = slice_from_string("a=1&id=x%2By+z%C3%A9&bad=%4&zero=%00&empty=&flag");
	char out[16];
	assert_true(url_query_value(query, "id", out, sizeof out));
	assert_string_equal(out, "x+y z\xc3\xa9");
	assert_true(url_query_value(query, "empty", out, sizeof out));
	assert_string_equal(out, "");
	assert_true(url_query_value(query, "flag", out, sizeof out));
	assert_false(url_query_value(query, "bad", out, sizeof out));
	assert_false(url_query_value(query, "zero", out, sizeof out));
	assert_false(url_query_value(query, "none", out, sizeof out));
	assert_false(url_query_value(query, "id", out, 4));
	buf encoded = {.limit = 64};
	assert_int_equal(url_write_encoded(&encoded, slice_from_string("a-._~Z9 +/=\xc3")), 0);
	assert_true(slice_equal_string(buf_slice(&encoded), "a-._~Z9%20%2B%2F%3D%C3"));
	buf_clear(&encoded);
}

/* Feeds all, a byte at a time or at once; returns what http_receive said last. */
static int feed(http_reader *r, const char *bytes, size_t chunk, size_t *used)
{
	slice in = slice_from_string(bytes);
	int err = 0;
	*used = 0;
	while (!err && in.len && !r->complete) {
		size_t n;
		err = http_receive(r, slice_part(in, 0, chunk), &n);
		*used += n;
		in = slice_part(in, n, in.len);
	}
	return err;
}

static void requests_are_read_in_any_pieces(void **state)
{
	(void)state;
	static const char request[] = "POST /connectionHub/negotiate?negotiateVersion=1 HTTP/1.1\r\nHost: hub.test\r\n"
				      "Content-Type:text/plain\r\nX-Empty:\r\nConnection: keep-alive, Upgrade\r\n"
				      "Content-Length: 5\r\n\r\nhellorest";
	for (size_t chunk = 1; chunk < sizeof request; chunk += 13) {
		http_reader r;
		size_t used;
		slice value;
		http_reader_init(&r, HTTP_READ_REQUEST, 100);
		assert_int_equal(feed(&r, request, chunk, &used), 0);
		assert_true(r.complete);
		assert_int_equal(used, sizeof request - 1 - 4);
		assert_string_equal(r.method, "POST");
		assert_true(slice_equal_string(r.path, "/connectionHub/negotiate"));
		assert_true(slice_equal_string(r.query, "negotiateVersion=1"));
		assert_true(slice_equal_string(buf_slice(&r.body), "hello"));
		assert_true(http_header_get(&r, "content-type", &value));
		assert_true(slice_equal_string(value, "text/plain"));
		assert_true(http_header_get(&r, "X-Empty", &value));
		assert_int_equal(value.len, 0);
		assert_true(http_header_has(&r, "connection", "upgrade"));
		assert_false(http_header_has(&r, "connection", "up"));
		assert_false(http_header_get(&r, "X-None", &value));
		http_reader_clear(&r);
	}
}

static void an_upgrade_leaves_what_follows(void **state)
{
	(void)state;
	http_reader r;
	size_t used;
	static const char request[] =
		"GET /x HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x80";
	http_reader_init(&r, HTTP_READ_REQUEST, 0);
	assert_int_equal(feed(&r, request, sizeof request, &used), 0);
	assert_true(r.complete && r.upgrade);
	assert_int_equal(used, sizeof request - 1 - 2);
	http_reader_clear(&r);
}

static void bodies_come_in_three_ways(void **state)
{
	(void)state;
	static const struct {
		const char *response;
		bool needs_end;
	} cases[] = {
		{"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody", false},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n3;x=y\r\nody\r\n0\r\nTrailer: t\r\n\r\n",
		 false},
		{"HTTP/1.0 200 OK\r\n\r\nbody", true},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		http_reader r;
		size_t used;
		slice value;
		http_reader_init(&r, HTTP_READ_RESPONSE, 4);
		assert_int_equal(feed(&r, cases[i].response, 3, &used), 0);
		assert_int_equal(r.complete, !cases[i].needs_end);
		assert_int_equal(http_receive_end(&r), 0);
		assert_true(r.complete);
		assert_int_equal(r.status, 200);
		assert_true(slice_equal_string(buf_slice(&r.body), "body"));
		assert_false(http_header_get(&r, "Trailer", &value));
		http_reader_clear(&r);
	}
}

static void what_is_not_http_is_refused(void **state)
{
	(void)state;
	static const struct {
		http_read_kind kind;
		const char *bytes;
		int error;
	} cases[] = {
		{HTTP_READ_REQUEST, "\x16\x03\x01\x02\x00\x01", PARLEY_EPROTO},
		{HTTP_READ_REQUEST, "GET http://other/ HTTP/1.1\r\nHost: h\r\n\r\n", PARLEY_EPROTO},
		{HTTP_READ_REQUEST, "GET /\r\n\r\n", PARLEY_EPROTO},
		{HTTP_READ_REQUEST, "POST / HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n", PARLEY_EPROTO},
		{HTTP_READ_REQUEST, "POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
		 PARLEY_EPROTO},
		{HTTP_READ_REQUEST, "POST / HTTP/1.1\r\nContent-Length: 999999999999999999999\r\n\r\n", PARLEY_EPROTO},
		{HTTP_READ_REQUEST, "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", PARLEY_ELIMIT},
		{HTTP_READ_RESPONSE, "SSH-2.0-OpenSSH_9.2\r\n", PARLEY_EPROTO},
		{HTTP_READ_RESPONSE, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", PARLEY_ELIMIT},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		http_reader r;
		size_t used;
		http_reader_init(&r, cases[i].kind, 4);
		assert_int_equal(feed(&r, cases[i].bytes, 1, &used), cases[i].error);
		assert_true(strlen(http_reader_problem(&r)) > 0);
		assert_int_equal(http_receive(&r, slice_from_string("GET"), &used), cases[i].error);
		http_reader_clear(&r);
	}
}

static void early_ends_and_large_heads_are_refused(void **state)
{
	(void)state;
	http_reader r;
	size_t used;
	http_reader_init(&r, HTTP_READ_RESPONSE, 100);
	assert_int_equal(feed(&r, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", 99, &used), 0);
	assert_int_equal(http_receive_end(&r), PARLEY_EPROTO);
	http_reader_clear(&r);

	http_reader_init(&r, HTTP_READ_REQUEST, 100);
	assert_int_equal(feed(&r, "GET / HTTP/1.1\r\n", 99, &used), 0);
	int err = 0;
	for (size_t i = 0; i <= HTTP_HEADERS_MAX && !err; i++)
		err = feed(&r, "A: b\r\n", 99, &used);
	assert_int_equal(err, PARLEY_ELIMIT);
	http_reader_clear(&r);

	http_reader_init(&r, HTTP_READ_REQUEST, 100);
	assert_int_equal(feed(&r, "GET / HTTP/1.1\r\nA: ", 99, &used), 0);
	err = 0;
	for (size_t i = 0; i <= HTTP_HEAD_MAX / 16 && !err; i++)
		err = feed(&r, "0123456789abcdef", 99, &used);
	assert_int_equal(err, PARLEY_ELIMIT);
	http_reader_clear(&r);
}

static void messages_are_written_and_cannot_be_split(void **state)
{
	(void)state;
	buf out = {.limit = 1000};
	url u;
	const char *why;
	http_header header = {slice_from_string("X-A"), slice_from_string("b")};
	assert_int_equal(url_parse(&u, slice_from_string("http://[::1]:81/p?q"), &why), 0);
	assert_int_equal(http_write_request(&out, "POST", &u, &header, 1, (slice){0}), 0);
	assert_true(slice_equal_string(buf_slice(&out),
				       "POST /p?q HTTP/1.1\r\nHost: [::1]:81\r\nContent-Length: 0\r\nX-A: b\r\n\r\n"));
	buf_clear(&out);
	assert_int_equal(http_write_response(&out, 404, &header, 1, 9), 0);
	assert_true(
		slice_equal_string(buf_slice(&out), "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\nX-A: b\r\n\r\n"));
	header.value = slice_from_string("b\r\nSet-Cookie: c");
	assert_int_equal(http_write_response(&out, 200, &header, 1, 0), PARLEY_EINVAL);
	buf_clear(&out);
}

static void read_once(void *context)
{
	(void)context;
	http_reader r;
	size_t used;
	http_reader_init(&r, HTTP_READ_REQUEST, 100);
	feed(&r, "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok", 7, &used);
	http_reader_clear(&r);
}

static void reading_survives_failing_allocations(void **state)
{
	(void)state;
	failmalloc_loop(read_once, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls_are_taken_apart),
		cmocka_unit_test(bad_urls_say_what_is_wrong),
		cmocka_unit_test(query_values_are_decoded),
		cmocka_unit_test(requests_are_read_in_any_pieces),
		cmocka_unit_test(an_upgrade_leaves_what_follows),
		cmocka_unit_test(bodies_come_in_three_ways),
		cmocka_unit_test(what_is_not_http_is_refused),
		cmocka_unit_test(early_ends_and_large_heads_are_refused),
		cmocka_unit_test(messages_are_written_and_cannot_be_split),
		cmocka_unit_test(reading_survives_failing_allocations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
