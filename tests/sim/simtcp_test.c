/* The simulated streams: bytes come complete and in order whatever the path does, and each end of a connection is told why. */
#include "tests/support/test.h"

#include <string.h>

#include "base/addr.h"
#include "tests/sim/simtcp.h"

#define PORT 80u
#define TLS_PORT 443u
#define BYTES_MAX 60000u

typedef struct {
	simnet_host host;
	simtcp_connection *connection;
	unsigned accepted, opened, closed;
	int error;
	parley_addr remote; /* of the connection accepted */
	uint8_t bytes[BYTES_MAX];
	size_t len;
} talker;

typedef struct {
	simnet net;
	simnet_box *box;
	talker client, server;
} world;

static bool on_accept(simnet_host *host, simtcp_connection *c)
{
	talker *t = host->self;
	if (c->local.port != PORT && c->local.port != TLS_PORT)
		return false;
	if (c->local.port == TLS_PORT)
		simtcp_serve_tls(c, "server.example");
	t->accepted++;
	t->connection = c;
	t->remote = c->remote;
	return true;
}

static void on_opened(simnet_host *host, simtcp_connection *c)
{
	talker *t = host->self;
	assert_ptr_equal(t->connection, c);
	t->opened++;
}

static void on_bytes(simnet_host *host, simtcp_connection *c, slice bytes)
{
	talker *t = host->self;
	assert_ptr_equal(t->connection, c);
	assert_true(t->len + bytes.len <= BYTES_MAX);
	memcpy(t->bytes + t->len, bytes.data, bytes.len);
	t->len += bytes.len;
}

static void on_closed(simnet_host *host, simtcp_connection *c, int error)
{
	talker *t = host->self;
	assert_ptr_equal(t->connection, c);
	t->connection = NULL;
	t->closed++;
	t->error = error;
}

static const simnet_host_ops ops = {
	.stream_accept = on_accept, .stream_opened = on_opened, .stream_receive = on_bytes, .stream_closed = on_closed};

static const simnet_path good = {.delay_us = 20 * US_PER_MS};
static const simnet_path bad = {.delay_us = 20 * US_PER_MS,
				.jitter_us = 10 * US_PER_MS,
				.loss = 100,
				.duplicate = 50,
				.reorder = 50,
				.corrupt = 100};

static void world_init(world *w, uint64_t seed, const simnet_path *path, const nat_config *config)
{
	static const simnet_path near = {0};
	parley_addr outside = addr_ipv4(198, 51, 100, 1, 0);
	memset(w, 0, sizeof *w);
	simnet_init(&w->net, seed, path);
	w->box = simnet_add_box(&w->net, config, NULL, &outside, &near);
	w->client.host.interfaces[0] = (simnet_interface){.ip = addr_ipv4(10, 0, 0, 2, 0), .box = w->box};
	w->server.host.interfaces[0] = (simnet_interface){.ip = addr_ipv4(203, 0, 113, 10, 0)};
	w->client.host.interface_count = w->server.host.interface_count = 1;
	simnet_add_host(&w->net, &w->client.host, "client", &ops, &w->client);
	simnet_add_host(&w->net, &w->server.host, "server", &ops, &w->server);
}

static void run_for(world *w, uint64_t us)
{
	uint64_t end = w->net.now + us;
	while (simnet_step(&w->net, end))
		;
	w->net.now = end;
}

static void connect_to(world *w, uint16_t port, const char *tls_name)
{
	parley_addr any = {0}, to = addr_ipv4(203, 0, 113, 10, port);
	w->client.connection = simtcp_connect(&w->client.host, &any, &to, tls_name, NULL);
	assert_non_null(w->client.connection);
}

static const nat_config masquerade = {.translates = true, .filtering = NAT_ADDRESS_AND_PORT};

static void one_round_trip_opens_and_two_with_tls(void **state)
{
	(void)state;
	for (int tls = 0; tls < 2; tls++) {
		world w;
		world_init(&w, 1, &good, &masquerade);
		connect_to(&w, tls ? TLS_PORT : PORT, tls ? "server.example" : NULL);
		run_for(&w, (tls ? 4 : 2) * good.delay_us - 1);
		assert_int_equal(w.client.opened, 0);
		run_for(&w, 1);
		assert_int_equal(w.client.opened, 1);
		assert_true(addr_equal_ip(&w.server.remote, &w.box->nat.outside));
		simnet_clear(&w.net);
	}
}

static void bytes_come_in_order(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		world w;
		uint8_t bytes[997];
		world_init(&w, seed, &bad, &masquerade);
		connect_to(&w, seed & 1 ? TLS_PORT : PORT, seed & 1 ? "server.example" : NULL);
		while (!w.client.opened)
			assert_true(simnet_step(&w.net, PARLEY_NEVER));
		for (unsigned i = 0; i < 50; i++) {
			memset(bytes, (int)i, sizeof bytes);
			assert_true(simtcp_write(w.client.connection, slice_of(bytes, sizeof bytes), true));
			if (w.server.connection && w.server.connection->state == SIMTCP_OPEN)
				assert_true(simtcp_write(w.server.connection, slice_of(bytes, i), true));
			simtcp_flush(&w.client.host);
			simtcp_flush(&w.server.host);
			run_for(&w, 50 * US_PER_MS);
		}
		run_for(&w, 60 * US_PER_S);
		assert_int_equal(w.server.len, 50 * sizeof bytes);
		for (size_t i = 0; i < w.server.len; i++)
			assert_int_equal(w.server.bytes[i], i / sizeof bytes);
		for (size_t i = 1; i < w.client.len; i++)
			assert_true(w.client.bytes[i - 1] <= w.client.bytes[i]);
		assert_int_equal(w.client.closed + w.server.closed, 0);
		simtcp_close(w.client.connection);
		simtcp_flush(&w.client.host);
		run_for(&w, 60 * US_PER_S);
		assert_int_equal(w.client.closed, 0); /* it knows */
		assert_int_equal(w.server.closed, 1);
		assert_int_equal(w.server.error, 0);
		assert_true(list_empty(&w.client.host.connections) && list_empty(&w.server.host.connections));
		simnet_clear(&w.net);
	}
}

static void ends_with(world *w, int error, uint64_t within)
{
	run_for(w, within);
	assert_int_equal(w->client.opened, 0);
	assert_int_equal(w->client.closed, 1);
	assert_int_equal(w->client.error, error);
	assert_true(list_empty(&w->client.host.connections));
	simnet_clear(&w->net);
}

static void a_port_without_listener_refuses(void **state)
{
	(void)state;
	world w;
	world_init(&w, 1, &good, &masquerade);
	connect_to(&w, 81, NULL);
	ends_with(&w, PARLEY_EREFUSED, US_PER_S);
}

static void what_does_not_answer_times_out(void **state)
{
	(void)state;
	nat_config https_only = masquerade;
	world w;
	world_init(&w, 1, &good, &masquerade);
	w.server.host.dead = true;
	connect_to(&w, PORT, NULL);
	ends_with(&w, PARLEY_ETIMEDOUT, 130 * US_PER_S);
	https_only.tcp_port = TLS_PORT;
	world_init(&w, 1, &good, &https_only);
	connect_to(&w, PORT, NULL);
	ends_with(&w, PARLEY_ETIMEDOUT, 130 * US_PER_S);
}

static void tls_checks_name_and_protocol(void **state)
{
	(void)state;
	world w;
	world_init(&w, 1, &good, &masquerade);
	connect_to(&w, TLS_PORT, "other.example");
	ends_with(&w, PARLEY_EAUTH, US_PER_S);
	/* Plain to a TLS port: the server gives up, hence the client's bytes are answered by a reset. */
	world_init(&w, 1, &good, &masquerade);
	connect_to(&w, TLS_PORT, NULL);
	run_for(&w, US_PER_S);
	assert_int_equal(w.client.opened, 1);
	assert_true(simtcp_write(w.client.connection, slice_from_string("GET /"), true));
	simtcp_flush(&w.client.host);
	run_for(&w, US_PER_S);
	assert_int_equal(w.server.opened, 0);
	assert_int_equal(w.server.error, PARLEY_EPROTO);
	assert_int_equal(w.client.error, PARLEY_ECLOSED);
	simnet_clear(&w.net);
}

static void a_server_that_forgets_resets(void **state)
{
	(void)state;
	world w;
	world_init(&w, 1, &good, &masquerade);
	connect_to(&w, PORT, NULL);
	run_for(&w, US_PER_S);
	assert_int_equal(w.client.opened, 1);
	simtcp_clear(&w.server.host);
	run_for(&w, 10 * US_PER_S);
	assert_int_equal(w.client.closed, 0);
	assert_true(simtcp_write(w.client.connection, slice_from_string("are you there?"), true));
	simtcp_flush(&w.client.host);
	run_for(&w, US_PER_S);
	assert_int_equal(w.client.closed, 1);
	assert_int_equal(w.client.error, PARLEY_ECLOSED);
	simnet_clear(&w.net);
}

static void a_path_that_is_cut_times_out_and_one_that_comes_back_does_not(void **state)
{
	(void)state;
	for (int comes_back = 0; comes_back < 2; comes_back++) {
		world w;
		world_init(&w, 1, &good, &masquerade);
		connect_to(&w, PORT, NULL);
		run_for(&w, US_PER_S);
		w.net.path.cut = true;
		assert_true(simtcp_write(w.client.connection, slice_from_string("hello"), true));
		simtcp_flush(&w.client.host);
		run_for(&w, 5 * US_PER_S);
		w.net.path.cut = !comes_back;
		run_for(&w, 60 * US_PER_S);
		assert_int_equal(w.client.closed, !comes_back);
		assert_int_equal(w.server.len, comes_back ? 5 : 0);
		simnet_clear(&w.net);
	}
}

static void a_full_buffer_takes_nothing(void **state)
{
	(void)state;
	static const uint8_t bytes[SIMTCP_BUFFER_MAX];
	world w;
	world_init(&w, 1, &good, &masquerade);
	connect_to(&w, PORT, NULL);
	assert_false(simtcp_write(w.client.connection, slice_of(bytes, 1), true));
	run_for(&w, US_PER_S);
	assert_true(simtcp_write(w.client.connection, slice_of(bytes, 40000), true));
	simtcp_flush(&w.client.host);
	assert_false(simtcp_write(w.client.connection, slice_of(bytes, SIMTCP_BUFFER_MAX - 39999), true));
	run_for(&w, US_PER_S);
	assert_int_equal(w.server.len, 40000);
	assert_true(simtcp_write(w.client.connection, slice_of(bytes, BYTES_MAX - 40000), true));
	simtcp_flush(&w.client.host);
	run_for(&w, US_PER_S);
	assert_int_equal(w.server.len, BYTES_MAX);
	simnet_clear(&w.net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_round_trip_opens_and_two_with_tls),
		cmocka_unit_test(bytes_come_in_order),
		cmocka_unit_test(a_port_without_listener_refuses),
		cmocka_unit_test(what_does_not_answer_times_out),
		cmocka_unit_test(tls_checks_name_and_protocol),
		cmocka_unit_test(a_server_that_forgets_resets),
		cmocka_unit_test(a_path_that_is_cut_times_out_and_one_that_comes_back_does_not),
		cmocka_unit_test(a_full_buffer_takes_nothing),
	};
	return cmocka_run_group_tests_name("sim/simtcp", tests, NULL, NULL);
}
