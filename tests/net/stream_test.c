/* net/stream.h and net/tls.h: streams over TCP and TLS on loopback */
#include "tests/support/test.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/buf.h"
#include "net/stream.h"
#include "tests/net/certificate.h"
#include "tests/net/harness.h"

#define MEGABYTE (1u << 20)

static test_certificate certificate; /* of localhost and 127.0.0.1 */

/* One end of a stream, and what happened to it. */
typedef struct {
	net_stream *stream;
	bool opened, closed, got_all;
	bool echo;	    /* send back what comes, as far as the write limit goes */
	bool close_on_data; /* and on_open, on_writable: whatever comes first */
	bool release_on_open;
	size_t writable_count;
	size_t expected; /* got_all after so many bytes */
	buf received;
	int error;
	char why[NET_WHY_MAX];
} end;

static void end_opened(void *me, net_stream *stream)
{
	end *e = me;
	assert_ptr_equal(e->stream, stream);
	assert_false(e->opened);
	e->opened = true;
	if (e->release_on_open) {
		net_stream_release(stream);
		e->stream = NULL;
	}
}

static void end_data(void *me, net_stream *stream, slice data)
{
	end *e = me;
	assert_true(e->opened);
	assert_false(e->closed);
	assert_true(data.len > 0);
	if (e->echo)
		assert_int_equal(net_stream_write(stream, data), 0);
	e->received.limit = SIZE_MAX;
	assert_int_equal(buf_append(&e->received, data), 0);
	e->got_all = e->received.len >= e->expected;
	if (e->close_on_data)
		net_stream_close(stream);
}

static void end_writable(void *me, net_stream *stream)
{
	(void)stream;
	((end *)me)->writable_count++;
}

static void end_closed(void *me, net_stream *stream, int error, const char *why)
{
	end *e = me;
	assert_ptr_equal(e->stream, stream);
	assert_false(e->closed);
	e->closed = true;
	e->stream = NULL;
	e->error = error;
	snprintf(e->why, sizeof e->why, "%s", why);
}

static const net_stream_callbacks end_callbacks = {
	.on_open = end_opened, .on_data = end_data, .on_writable = end_writable, .on_close = end_closed};

/* A listener on 127.0.0.1 that hands its first stream to `server`, and a client. */
typedef struct {
	uv_loop_t *loop;
	net_listener *listener;
	net_tls *server_tls, *client_tls;
	bool refuse; /* leave accepted streams without callbacks */
	end server, client;
} pair;

static void accepted(void *me, net_listener *listener, net_stream *stream)
{
	pair *p = me;
	assert_ptr_equal(listener, p->listener);
	if (p->refuse)
		return;
	p->server.stream = stream;
	net_stream_set_callbacks(stream, &end_callbacks, &p->server);
}

static pair *pair_new(bool tls)
{
	pair *p = calloc(1, sizeof *p);
	assert_non_null(p);
	p->loop = harness_loop_new();
	char why[NET_WHY_MAX];
	if (tls) {
		assert_int_equal(net_tls_server_new(certificate.certificate, certificate.key, &p->server_tls, why), 0);
		assert_int_equal(net_tls_client_new(certificate.certificate, false, &p->client_tls, why), 0);
	}
	net_stream_options options;
	net_stream_options_default(&options);
	options.tls = p->server_tls;
	options.write_limit = 4 * MEGABYTE;
	parley_addr any_port = addr_ipv4(127, 0, 0, 1, 0);
	assert_int_equal(net_listener_new(p->loop, &any_port, &options, accepted, p, &p->listener, why), 0);
	return p;
}

static void pair_connect_to(pair *p, const char *host, uint16_t port)
{
	net_stream_options options;
	net_stream_options_default(&options);
	options.tls = p->client_tls;
	assert_int_equal(
		net_stream_connect(p->loop, host, port, &options, &end_callbacks, &p->client, &p->client.stream), 0);
}

static void pair_connect(pair *p)
{
	pair_connect_to(p, "127.0.0.1", net_listener_address(p->listener).port);
}

static void pair_free(pair *p)
{
	net_stream_release(p->client.stream);
	net_stream_release(p->server.stream);
	net_listener_free(p->listener);
	net_tls_free(p->server_tls);
	net_tls_free(p->client_tls);
	harness_loop_free(p->loop);
	buf_clear(&p->client.received);
	buf_clear(&p->server.received);
	free(p);
}

/* A server in the kernel's backlog only, which this test speaks for by hand: its listening descriptor. */
static int raw_listener(uint16_t *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

/* --- data --- */

static void a_megabyte_is_echoed(bool tls)
{
	pair *p = pair_new(tls);
	uint8_t *data = malloc(MEGABYTE);
	for (size_t i = 0; i < MEGABYTE; i++)
		data[i] = (uint8_t)(i * 31 + i / 251);
	p->server.echo = true;
	p->client.expected = MEGABYTE;
	pair_connect_to(p, "localhost", net_listener_address(p->listener).port);
	assert_int_equal(net_stream_write(p->client.stream, slice_of(data, MEGABYTE)), 0); /* before it is open */
	harness_run_until(p->loop, &p->client.got_all);
	assert_int_equal(p->client.received.len, MEGABYTE);
	assert_memory_equal(p->client.received.data, data, MEGABYTE);
	net_stream_close(p->client.stream);
	harness_run_until(p->loop, &p->client.closed);
	harness_run_until(p->loop, &p->server.closed);
	assert_int_equal(p->client.error, 0);
	assert_non_null(strstr(p->server.why, "closed by 127.0.0.1:"));
	assert_int_equal(p->server.error, 0);
	free(data);
	pair_free(p);
}

static void tcp_echoes_a_megabyte(void **state)
{
	(void)state;
	a_megabyte_is_echoed(false);
}

static void tls_echoes_a_megabyte(void **state)
{
	(void)state;
	a_megabyte_is_echoed(true);
}

static void what_is_written_before_close_arrives(bool tls)
{
	pair *p = pair_new(tls);
	uint8_t *data = calloc(1, MEGABYTE);
	pair_connect(p);
	harness_run_until(p->loop, &p->client.opened);
	assert_int_equal(net_stream_write(p->client.stream, slice_of(data, MEGABYTE)), 0);
	net_stream_close(p->client.stream);
	assert_int_equal(net_stream_write(p->client.stream, slice_of("x", 1)), PARLEY_ECLOSED);
	harness_run_until(p->loop, &p->server.closed);
	assert_int_equal(p->server.received.len, MEGABYTE);
	assert_int_equal(p->server.error, 0);
	free(data);
	pair_free(p);
}

static void tcp_delivers_what_was_written_before_close(void **state)
{
	(void)state;
	what_is_written_before_close_arrives(false);
}

static void tls_delivers_what_was_written_before_close(void **state)
{
	(void)state;
	what_is_written_before_close_arrives(true);
}

static void a_paused_reader_fills_the_writer_up_to_its_limit(bool tls)
{
	pair *p = pair_new(tls);
	pair_connect(p);
	harness_run_until(p->loop, &p->client.opened);
	harness_run_until(p->loop, &p->server.opened);
	net_stream_pause(p->server.stream, true);
	uint8_t *data = calloc(1, MEGABYTE / 4);
	size_t written = 0;
	int error;
	do { /* the kernel's own buffers fill first */
		error = net_stream_write(p->client.stream, slice_of(data, MEGABYTE / 4));
		if (!error)
			written += MEGABYTE / 4;
		uv_run(p->loop, UV_RUN_NOWAIT);
	} while (!error);
	assert_int_equal(error, PARLEY_ELIMIT);
	assert_in_range(net_stream_queued(p->client.stream), MEGABYTE / 2, MEGABYTE + MEGABYTE / 8);
	assert_int_equal(p->server.received.len, 0);
	assert_int_equal(p->client.writable_count, 0);
	p->server.expected = written;
	net_stream_pause(p->server.stream, false);
	assert_int_equal(p->server.received.len, 0); /* from the loop, not from the call */
	harness_run_until(p->loop, &p->server.got_all);
	assert_int_equal(p->client.writable_count, 1);
	assert_int_equal(p->server.received.len, written);
	free(data);
	pair_free(p);
}

static void tcp_holds_back_a_writer(void **state)
{
	(void)state;
	a_paused_reader_fills_the_writer_up_to_its_limit(false);
}

static void tls_holds_back_a_writer(void **state)
{
	(void)state;
	a_paused_reader_fills_the_writer_up_to_its_limit(true);
}

/* --- connections that do not come about --- */

static void expect_failure(pair *p, int error, const char *part_of_why)
{
	harness_run_until(p->loop, &p->client.closed);
	assert_false(p->client.opened);
	if (!strstr(p->client.why, part_of_why))
		fail_msg("\"%s\" does not say \"%s\"", p->client.why, part_of_why);
	assert_int_equal(p->client.error, error);
	pair_free(p);
}

static void a_refused_connection_is_reported(void **state)
{
	(void)state;
	pair *p = pair_new(false);
	uint16_t port;
	int fd = raw_listener(&port); /* bound, not listening: nobody else can take it */
	char expected[64];
	snprintf(expected, sizeof expected, "connection to 127.0.0.1:%u refused", port);
	pair_connect_to(p, "127.0.0.1", port);
	expect_failure(p, PARLEY_EREFUSED, expected);
	close(fd);
}

static void a_name_without_address_is_reported(void **state)
{
	(void)state;
	pair *p = pair_new(false);
	pair_connect_to(p, "foo.invalid", 80);
	expect_failure(p, PARLEY_ERESOLVE, "foo.invalid");
	p = pair_new(false);
	pair_connect_to(p, "e6f3f1c0-0000-4000-8000-000000000000.local", 80);
	expect_failure(p, PARLEY_ERESOLVE, "only multicast DNS");
}

static void a_silent_server_is_given_up(void **state)
{
	(void)state;
	pair *p = pair_new(true);
	uint16_t port;
	int fd = raw_listener(&port);
	assert_int_equal(listen(fd, 1), 0); /* the kernel connects, and no one speaks */
	net_stream_options options;
	net_stream_options_default(&options);
	options.tls = p->client_tls;
	options.connect_timeout_us = 50000;
	assert_int_equal(
		net_stream_connect(p->loop, "127.0.0.1", port, &options, &end_callbacks, &p->client, &p->client.stream),
		0);
	expect_failure(p, PARLEY_ETIMEDOUT, "timed out");
	close(fd);
}

static void an_untrusted_certificate_is_refused(void **state)
{
	(void)state;
	pair *p = pair_new(true);
	net_tls_free(p->client_tls);
	assert_int_equal(net_tls_client_new(NULL, false, &p->client_tls, NULL), 0);
	pair_connect_to(p, "localhost", net_listener_address(p->listener).port);
	harness_run_until(p->loop, &p->server.closed);
	assert_false(p->server.opened);
	assert_int_equal(p->server.error, PARLEY_EPROTO); /* the alert */
	expect_failure(p, PARLEY_EAUTH, "certificate of localhost is not trusted: self-signed certificate");
}

static void a_certificate_of_another_name_is_refused(void **state)
{
	(void)state;
	test_certificate other = {0};
	test_certificate_make(&other, "DNS:elsewhere.example,IP:192.0.2.1");
	static const char *const hosts[] = {"localhost", "127.0.0.1"};
	for (size_t i = 0; i < ARRAY_LENGTH(hosts); i++) {
		pair *p = pair_new(true);
		net_listener_free(p->listener);
		net_tls_free(p->server_tls);
		net_tls_free(p->client_tls);
		assert_int_equal(net_tls_server_new(other.certificate, other.key, &p->server_tls, NULL), 0);
		assert_int_equal(net_tls_client_new(other.certificate, false, &p->client_tls, NULL), 0);
		net_stream_options options;
		net_stream_options_default(&options);
		options.tls = p->server_tls;
		parley_addr any_port = addr_ipv4(127, 0, 0, 1, 0);
		assert_int_equal(net_listener_new(p->loop, &any_port, &options, accepted, p, &p->listener, NULL), 0);
		pair_connect_to(p, hosts[i], net_listener_address(p->listener).port);
		expect_failure(p, PARLEY_EAUTH, "mismatch");
	}
	test_certificate_remove(&other);
}

/* An address that a name was found to have: the certificate is for the name; and from where to connect can be told. */
static void the_name_and_the_way_may_be_told(void **state)
{
	(void)state;
	static const char *const names[] = {"localhost", "127.0.0.1", "elsewhere.example"};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		pair *p = pair_new(true);
		parley_addr from = addr_ipv4(127, 0, 0, 9, 0);
		net_stream_options options;
		net_stream_options_default(&options);
		options.tls = p->client_tls;
		options.server_name = names[i];
		options.local = &from;
		assert_int_equal(net_stream_connect(p->loop, "127.0.0.1", net_listener_address(p->listener).port,
						    &options, &end_callbacks, &p->client, &p->client.stream),
				 0);
		if (i == 2) {
			expect_failure(p, PARLEY_EAUTH, "mismatch");
			continue;
		}
		harness_run_until(p->loop, &p->server.opened);
		parley_addr remote = net_stream_remote(p->server.stream);
		assert_true(addr_equal_ip(&remote, &from));
		pair_free(p);
	}
}

static void insecure_believes_any_certificate(void **state)
{
	(void)state;
	pair *p = pair_new(true);
	net_tls_free(p->client_tls);
	assert_int_equal(net_tls_client_new(NULL, true, &p->client_tls, NULL), 0);
	pair_connect(p);
	net_tls_free(p->client_tls); /* the stream keeps what it needs */
	p->client_tls = NULL;
	harness_run_until(p->loop, &p->client.opened);
	harness_run_until(p->loop, &p->server.opened);
	pair_free(p);
}

static void a_server_without_tls_is_told_from_one_with(void **state)
{
	(void)state;
	pair *p = pair_new(false);
	assert_int_equal(net_tls_client_new(NULL, true, &p->client_tls, NULL), 0);
	pair_connect(p);
	harness_run_until(p->loop, &p->server.opened);
	static const char answer[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
	assert_int_equal(net_stream_write(p->server.stream, slice_from_string(answer)), 0);
	expect_failure(p, PARLEY_EPROTO, "127.0.0.1 speaks no TLS");
}

static void a_client_without_tls_is_told_from_one_with(void **state)
{
	(void)state;
	pair *p = pair_new(true);
	net_tls_free(p->client_tls);
	p->client_tls = NULL;
	pair_connect(p);
	harness_run_until(p->loop, &p->client.opened);
	assert_int_equal(net_stream_write(p->client.stream, slice_from_string("GET / HTTP/1.1\r\n\r\n")), 0);
	harness_run_until(p->loop, &p->server.closed);
	assert_false(p->server.opened);
	assert_int_equal(p->server.error, PARLEY_EPROTO);
	assert_non_null(strstr(p->server.why, "speaks no TLS"));
	pair_free(p);
}

static void unusable_files_and_addresses_are_named(void **state)
{
	(void)state;
	net_tls *tls;
	char why[NET_WHY_MAX];
	assert_int_equal(net_tls_client_new("/nonexistent/ca.pem", false, &tls, why), PARLEY_EIO);
	assert_non_null(strstr(why, "/nonexistent/ca.pem"));
	assert_int_equal(net_tls_server_new(certificate.key, certificate.key, &tls, why), PARLEY_EIO);
	assert_non_null(strstr(why, certificate.key));
	test_certificate other = {0};
	test_certificate_make(&other, "DNS:localhost");
	assert_int_equal(net_tls_server_new(certificate.certificate, other.key, &tls, why), PARLEY_EIO);
	assert_non_null(strstr(why, "mismatch"));
	test_certificate_remove(&other);

	uv_loop_t *loop = harness_loop_new();
	net_listener *listener;
	parley_addr not_ours = addr_ipv4(198, 51, 100, 77, 0);
	assert_int_equal(net_listener_new(loop, &not_ours, NULL, accepted, NULL, &listener, why), PARLEY_EIO);
	assert_non_null(strstr(why, "198.51.100.77"));
	harness_loop_free(loop);
}

/* --- ends --- */

static void a_cut_is_not_an_orderly_end(void **state)
{
	(void)state;
	pair *p = pair_new(true);
	net_tls_free(p->client_tls);
	p->client_tls = NULL;
	p->server.expected = 1;
	uint16_t port;
	int fd = raw_listener(&port);
	assert_int_equal(listen(fd, 1), 0);
	pair_connect_to(p, "127.0.0.1", port);
	harness_run_until(p->loop, &p->client.opened);
	int accepted_fd = accept(fd, NULL, NULL);
	struct linger reset = {.l_onoff = 1, .l_linger = 0};
	setsockopt(accepted_fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	close(accepted_fd);
	harness_run_until(p->loop, &p->client.closed);
	assert_int_equal(p->client.error, PARLEY_ECLOSED);
	assert_non_null(strstr(p->client.why, "was cut"));
	close(fd);
	pair_free(p);
}

static void writing_to_a_peer_that_has_gone_ends_the_stream(void **state)
{
	(void)state;
	pair *p = pair_new(false);
	uint16_t port;
	int fd = raw_listener(&port);
	assert_int_equal(listen(fd, 1), 0);
	pair_connect_to(p, "127.0.0.1", port);
	harness_run_until(p->loop, &p->client.opened);
	net_stream_pause(p->client.stream, true); /* so that only a write can notice */
	int accepted_fd = accept(fd, NULL, NULL);
	struct linger reset = {.l_onoff = 1, .l_linger = 0};
	setsockopt(accepted_fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	close(accepted_fd);
	int error;
	do
		error = net_stream_write(p->client.stream, slice_of("x", 1));
	while (!error);
	assert_int_equal(error, PARLEY_ECLOSED);
	assert_false(p->client.closed); /* from the loop, not from the call */
	harness_run_until(p->loop, &p->client.closed);
	assert_int_equal(p->client.error, PARLEY_ECLOSED);
	close(fd);
	pair_free(p);
}

/* The server reads a TLS client's first bytes and then ends without a word. */
static void an_end_during_the_handshake_is_reported(void **state)
{
	(void)state;
	pair *p = pair_new(true);
	uint16_t port;
	int fd = raw_listener(&port);
	assert_int_equal(listen(fd, 1), 0);
	pair_connect_to(p, "127.0.0.1", port);
	uv_run(p->loop, UV_RUN_NOWAIT);
	int accepted_fd = accept(fd, NULL, NULL);
	uint8_t hello[2048];
	bool said = false;
	while (!said) {
		uv_run(p->loop, UV_RUN_NOWAIT);
		said = recv(accepted_fd, hello, sizeof hello, MSG_DONTWAIT) > 0;
	}
	close(accepted_fd);
	close(fd);
	expect_failure(p, PARLEY_EPROTO, "closed the connection during the TLS handshake");
}

/* A middle man of plain TCP between a TLS client and its server. */
typedef struct {
	pair *pair;
	net_listener *listener;
	net_stream *to_client, *to_server;
} relay;

static void relay_data(void *me, net_stream *stream, slice data)
{
	relay *r = me;
	assert_int_equal(net_stream_write(stream == r->to_client ? r->to_server : r->to_client, data), 0);
}

static void relay_accepted(void *me, net_listener *listener, net_stream *stream)
{
	static const net_stream_callbacks callbacks = {.on_data = relay_data};
	relay *r = me;
	(void)listener;
	r->to_client = stream;
	net_stream_set_callbacks(stream, &callbacks, r);
	assert_int_equal(net_stream_connect(r->pair->loop, "127.0.0.1", net_listener_address(r->pair->listener).port,
					    NULL, &callbacks, r, &r->to_server),
			 0);
}

static void an_end_that_tls_does_not_vouch_for_is_a_cut(void **state)
{
	(void)state;
	pair *p = pair_new(true);
	relay r = {.pair = p};
	parley_addr any_port = addr_ipv4(127, 0, 0, 1, 0);
	assert_int_equal(net_listener_new(p->loop, &any_port, NULL, relay_accepted, &r, &r.listener, NULL), 0);
	p->client.expected = 5;
	pair_connect_to(p, "127.0.0.1", net_listener_address(r.listener).port);
	harness_run_until(p->loop, &p->server.opened);
	assert_int_equal(net_stream_write(p->server.stream, slice_from_string("hello")), 0);
	harness_run_until(p->loop, &p->client.got_all);
	net_stream_release(r.to_client); /* a FIN, as anyone on the path could forge it */
	harness_run_until(p->loop, &p->client.closed);
	assert_int_equal(p->client.error, PARLEY_ECLOSED);
	assert_non_null(strstr(p->client.why, "no TLS close_notify"));
	net_stream_release(r.to_server);
	net_listener_free(r.listener);
	pair_free(p);
}

static void closing_inside_callbacks_is_safe(bool tls)
{
	pair *p = pair_new(tls);
	p->server.close_on_data = true;
	pair_connect(p);
	uint8_t data[100000] = {0};
	assert_int_equal(net_stream_write(p->client.stream, slice_of(data, sizeof data)), 0);
	harness_run_until(p->loop, &p->server.closed);
	harness_run_until(p->loop, &p->client.closed);
	assert_int_equal(p->server.error, 0);
	pair_free(p);

	p = pair_new(tls);
	p->client.release_on_open = true;
	pair_connect(p);
	harness_run_until(p->loop, &p->client.opened);
	harness_run_until(p->loop, &p->server.closed);
	assert_false(p->client.closed); /* released: nobody is told */
	pair_free(p);
}

static void tcp_closes_inside_callbacks(void **state)
{
	(void)state;
	closing_inside_callbacks_is_safe(false);
}

static void tls_closes_inside_callbacks(void **state)
{
	(void)state;
	closing_inside_callbacks_is_safe(true);
}

static void closing_is_safe_at_every_step(void **state)
{
	(void)state;
	for (int tls = 0; tls <= 1; tls++) {
		for (int turns = 0; turns < 12; turns++) {
			pair *p = pair_new(tls);
			pair_connect_to(p, turns % 2 ? "localhost" : "127.0.0.1",
					net_listener_address(p->listener).port);
			for (int i = 0; i < turns / 2; i++)
				uv_run(p->loop, UV_RUN_NOWAIT);
			net_stream_close(p->client.stream);
			net_stream_close(p->client.stream);
			assert_false(p->client.closed);
			harness_run_until(p->loop, &p->client.closed);
			assert_int_equal(p->client.error, 0);
			pair_free(p);
		}
	}
}

static void an_accepted_stream_that_nobody_wants_is_closed(void **state)
{
	(void)state;
	pair *p = pair_new(false);
	p->refuse = true;
	pair_connect(p);
	harness_run_until(p->loop, &p->client.closed);
	assert_int_equal(p->client.error, 0);
	assert_non_null(strstr(p->client.why, "closed by 127.0.0.1:"));
	pair_free(p);
}

static int make_certificate(void **state)
{
	(void)state;
	test_certificate_make(&certificate, "DNS:localhost,IP:127.0.0.1");
	return 0;
}

static int remove_certificate(void **state)
{
	(void)state;
	test_certificate_remove(&certificate);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_echoes_a_megabyte),
		cmocka_unit_test(tls_echoes_a_megabyte),
		cmocka_unit_test(tcp_delivers_what_was_written_before_close),
		cmocka_unit_test(tls_delivers_what_was_written_before_close),
		cmocka_unit_test(tcp_holds_back_a_writer),
		cmocka_unit_test(tls_holds_back_a_writer),
		cmocka_unit_test(a_refused_connection_is_reported),
		cmocka_unit_test(a_name_without_address_is_reported),
		cmocka_unit_test(a_silent_server_is_given_up),
		cmocka_unit_test(an_untrusted_certificate_is_refused),
		cmocka_unit_test(a_certificate_of_another_name_is_refused),
		cmocka_unit_test(the_name_and_the_way_may_be_told),
		cmocka_unit_test(insecure_believes_any_certificate),
		cmocka_unit_test(a_server_without_tls_is_told_from_one_with),
		cmocka_unit_test(a_client_without_tls_is_told_from_one_with),
		cmocka_unit_test(unusable_files_and_addresses_are_named),
		cmocka_unit_test(a_cut_is_not_an_orderly_end),
		cmocka_unit_test(writing_to_a_peer_that_has_gone_ends_the_stream),
		cmocka_unit_test(an_end_during_the_handshake_is_reported),
		cmocka_unit_test(an_end_that_tls_does_not_vouch_for_is_a_cut),
		cmocka_unit_test(tcp_closes_inside_callbacks),
		cmocka_unit_test(tls_closes_inside_callbacks),
		cmocka_unit_test(closing_is_safe_at_every_step),
		cmocka_unit_test(an_accepted_stream_that_nobody_wants_is_closed),
	};
	return cmocka_run_group_tests(tests, make_certificate, remove_certificate);
}
