/* net/: whichever allocation fails, the call or the stream fails with it, in order, and nothing is leaked */
#include "tests/support/test.h"

#include <uv.h>

#include "base/addr.h"
#include "net/mdns.h"
#include "net/stream.h"
#include "net/udp.h"
#include "tests/net/certificate.h"
#include "tests/support/failmalloc.h"

#define ANSWER_SIZE 300000u /* more than the kernel takes at once */

static test_certificate certificate;

/* A client asks, a server answers and closes; whatever happens, in the end the client's on_close stops the listener. */
typedef struct {
	net_listener *listener;
	net_stream *client;
	size_t received;
	int error;
} talk;

static void server_data(void *me, net_stream *stream, slice data)
{
	static const uint8_t answer[ANSWER_SIZE];
	(void)me;
	(void)data;
	net_stream_write(stream, slice_of(answer, sizeof answer));
	net_stream_close(stream);
}

static void server_accepted(void *me, net_listener *listener, net_stream *stream)
{
	(void)listener;
	net_stream_set_callbacks(stream, &(net_stream_callbacks){.on_data = server_data}, me);
}

static void client_data(void *me, net_stream *stream, slice data)
{
	(void)stream;
	((talk *)me)->received += data.len;
}

static void client_closed(void *me, net_stream *stream, int error, const char *why)
{
	talk *t = me;
	assert_ptr_equal(stream, t->client);
	assert_true(why[0] != '\0');
	t->error = error;
	net_listener_free(t->listener);
	t->listener = NULL;
}

static int talk_start(talk *t, uv_loop_t *loop, net_stream_options *server, net_stream_options *client)
{
	parley_addr any_port = addr_ipv4(127, 0, 0, 1, 0);
	int error = net_listener_new(loop, &any_port, server, server_accepted, t, &t->listener, NULL);
	if (error)
		return error;
	error = net_stream_connect(loop, "localhost", net_listener_address(t->listener).port, client,
				   &(net_stream_callbacks){.on_data = client_data, .on_close = client_closed}, t,
				   &t->client);
	if (error) {
		net_listener_free(t->listener);
		return error;
	}
	net_stream_write(t->client, slice_from_string("question")); /* if it fails nobody answers: */
	if (net_stream_queued(t->client) == 0)
		net_stream_close(t->client);
	return 0;
}

static void talk_once(bool tls)
{
	talk t = {0};
	uv_loop_t loop;
	assert_int_equal(uv_loop_init(&loop), 0);
	net_stream_options server, client;
	net_stream_options_default(&server);
	net_stream_options_default(&client);
	int error = 0;
	if (tls) {
		error = net_tls_server_new(certificate.certificate, certificate.key, &server.tls, NULL);
		if (!error)
			error = net_tls_client_new(certificate.certificate, false, &client.tls, NULL);
	}
	if (!error)
		error = talk_start(&t, &loop, &server, &client);
	net_tls_free(server.tls);
	net_tls_free(client.tls);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	if (!failmalloc_hit())
		assert_true(!error && !t.error && t.received == ANSWER_SIZE);
}

static void talk_over_tcp(void *context)
{
	(void)context;
	talk_once(false);
}

static void talk_over_tls(void *context)
{
	(void)context;
	talk_once(true);
}

static void tcp_survives_every_failed_allocation(void **state)
{
	(void)state;
	failmalloc_loop(talk_over_tcp, NULL);
}

static void tls_survives_every_failed_allocation(void **state)
{
	(void)state;
	failmalloc_loop(talk_over_tls, NULL);
}

/* --- sockets --- */

static void ignore_datagram(void *me, net_udp *udp, const net_datagrams *datagram)
{
	(void)me;
	(void)udp;
	(void)datagram;
}

static void ignore_answer(void *me, uint64_t id, const parley_addr *address)
{
	(void)me;
	(void)id;
	(void)address;
}

static void open_and_close_sockets(void *context)
{
	(void)context;
	uv_loop_t loop;
	assert_int_equal(uv_loop_init(&loop), 0);
	parley_addr loopback = addr_ipv4(127, 0, 0, 1, 0);
	net_udp *udp;
	if (net_udp_open(&loop, &loopback, ignore_datagram, NULL, &udp) == 0)
		net_udp_close(udp);
	char why[NET_WHY_MAX];
	net_mdns *mdns;
	if (net_mdns_new(&loop, true, ignore_answer, NULL, &mdns, why) == 0)
		net_mdns_free(mdns);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void sockets_survive_every_failed_allocation(void **state)
{
	(void)state;
	failmalloc_loop(open_and_close_sockets, NULL);
}

static int make_certificate(void **state)
{
	(void)state;
	test_certificate_make(&certificate, "DNS:localhost");
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
		cmocka_unit_test(tcp_survives_every_failed_allocation),
		cmocka_unit_test(tls_survives_every_failed_allocation),
		cmocka_unit_test(sockets_survive_every_failed_allocation),
	};
	return cmocka_run_group_tests(tests, make_certificate, remove_certificate);
}
