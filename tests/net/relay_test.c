/* parley/parley.h through coturn on loopback: relay-only connections over UDP, TCP and TLS, and what is told when it does not work. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "parley/parley.h"
#include "tests/net/coturn.h"
#include "tests/net/harness.h"

#define MESSAGES 50u

typedef struct peer {
	parley_pc *pc;
	struct peer *other;
	parley_channel channel;
	bool gathered, connected, open, done, told, moved;
	bool described;		  /* the other has its description: candidates may follow */
	bool restarted;		  /* coturn was */
	unsigned relayed, direct; /* candidates */
	unsigned messages;
	const char *expected; /* a word of the log line to wait for */
} peer;

static uv_loop_t *loop;
static coturn server;

static void give_description(peer *p)
{
	parley_sdp_type type;
	char *sdp;
	p->described = true;
	assert_int_equal(parley_pc_local_description(p->pc, &type, &sdp), 0);
	assert_int_equal(parley_pc_set_remote_description(p->other->pc, type, sdp), 0);
	if (type == PARLEY_SDP_OFFER)
		assert_int_equal(parley_pc_set_local_description(p->other->pc, PARLEY_SDP_ANSWER, NULL), 0);
	parley_free(sdp);
}

static void on_gathering_state(void *me, parley_pc *pc, parley_gathering_state state)
{
	(void)pc;
	peer *p = me;
	if (state != PARLEY_GATHERING_COMPLETE || p->gathered)
		return;
	p->gathered = true;
	if (p->other && p->relayed)
		give_description(p);
}

static void on_candidate(void *me, parley_pc *pc, const char *candidate, const char *mid, int mline_index)
{
	(void)pc;
	peer *p = me;
	bool relayed = strstr(candidate, " typ relay ") != NULL;
	p->relayed += relayed;
	p->direct += candidate[0] && !relayed;
	if (p->described && candidate[0])
		assert_int_equal(parley_pc_add_ice_candidate(p->other->pc, candidate, mid, mline_index), 0);
}

static void on_connection_state(void *me, parley_pc *pc, parley_connection_state state, const char *reason)
{
	(void)pc;
	(void)reason;
	((peer *)me)->connected = state == PARLEY_CONNECTION_CONNECTED;
}

static void on_selected_pair(void *me, parley_pc *pc, const parley_addr *local, const char *local_type,
			     const parley_addr *remote, const char *remote_type)
{
	(void)pc;
	(void)local;
	(void)remote;
	peer *p = me;
	assert_string_equal(local_type, "relay");
	assert_true(strcmp(remote_type, "relay") == 0 || strcmp(remote_type, "prflx") == 0);
	p->moved = p->restarted;
}

static void on_data_channel(void *me, parley_pc *pc, parley_channel channel, const char *label, const char *protocol)
{
	(void)pc;
	(void)label;
	(void)protocol;
	((peer *)me)->channel = channel;
}

static void on_channel_state(void *me, parley_pc *pc, parley_channel channel, parley_channel_state state,
			     const char *reason)
{
	(void)pc;
	(void)channel;
	(void)reason;
	((peer *)me)->open = state == PARLEY_CHANNEL_OPEN;
}

/* b sends back, a counts. */
static void on_message(void *me, parley_pc *pc, parley_channel channel, bool binary, const uint8_t *data, size_t len)
{
	peer *p = me;
	p->messages++;
	p->done = p->messages == MESSAGES;
	if (!p->gathered || p->channel != channel)
		fail_msg("a message on an unknown channel");
	if (binary)
		assert_int_equal(parley_pc_send(pc, channel, false, data, len), 0);
}

static void on_log(void *me, parley_pc *pc, enum parley_log_level level, const char *layer, const char *line)
{
	(void)pc;
	(void)level;
	(void)layer;
	peer *p = me;
	if (p->expected && strstr(line, p->expected))
		p->told = true;
}

static const parley_callbacks callbacks = {
	.on_ice_gathering_state = on_gathering_state,
	.on_ice_candidate = on_candidate,
	.on_connection_state = on_connection_state,
	.on_selected_pair = on_selected_pair,
	.on_data_channel = on_data_channel,
	.on_channel_state = on_channel_state,
	.on_message = on_message,
	.on_log = on_log,
};

/* format: a URL with %u for the port. */
static void peer_new(peer *p, peer *other, const char *format, unsigned port, const char *password, bool trusted)
{
	char url[64];
	parley_configuration configuration;
	parley_configuration_default(&configuration);
	snprintf(url, sizeof url, format, port);
	configuration.ice_servers = &(parley_ice_server){url, COTURN_USER, password};
	configuration.ice_server_count = 1;
	configuration.ice_transport_policy = PARLEY_ICE_TRANSPORT_RELAY;
	configuration.bind_address = "127.0.0.1";
	configuration.tls_ca_file = trusted ? server.certificate.certificate : NULL;
	configuration.log_level = PARLEY_LOG_WARN;
	*p = (peer){.other = other};
	assert_int_equal(parley_pc_new(loop, &configuration, &callbacks, p, &p->pc), 0);
}

static void begin(peer *p)
{
	assert_int_equal(parley_pc_create_data_channel(p->pc, "x", NULL, &p->channel), 0);
	assert_int_equal(parley_pc_set_local_description(p->pc, PARLEY_SDP_OFFER, NULL), 0);
}

static void exchange_messages(peer *a, peer *b)
{
	a->messages = b->messages = 0;
	a->done = b->done = false;
	for (unsigned i = 0; i < MESSAGES; i++)
		assert_int_equal(parley_pc_send(a->pc, a->channel, true, "there and back", 14), 0);
	harness_run_until(loop, &a->done);
	assert_int_equal(b->messages, MESSAGES);
}

static void assert_told_in_stats(const peer *p, const char *protocol)
{
	char *json, wanted[48];
	snprintf(wanted, sizeof wanted, "\"relayProtocol\":\"%s\"", protocol);
	assert_int_equal(parley_pc_get_stats_json(p->pc, &json), 0);
	assert_non_null(strstr(json, wanted));
	assert_non_null(strstr(json, "\"url\":\"turn"));
	assert_null(strstr(json, COTURN_PASSWORD));
	parley_free(json);
}

static void connect_over(const char *url, unsigned port, const char *protocol)
{
	peer a, b;
	peer_new(&a, &b, url, port, COTURN_PASSWORD, true);
	peer_new(&b, &a, url, port, COTURN_PASSWORD, true);
	begin(&a);
	harness_run_until(loop, &a.open);
	exchange_messages(&a, &b);
	assert_true(a.relayed > 0 && b.relayed > 0);
	assert_int_equal(a.direct + b.direct, 0);
	assert_told_in_stats(&a, protocol);
	parley_pc_free(a.pc);
	parley_pc_free(b.pc);
}

static void udp_carries_a_relayed_connection(void **state)
{
	(void)state;
	connect_over("turn:127.0.0.1:%u", server.port, "udp");
}

static void tcp_carries_a_relayed_connection(void **state)
{
	(void)state;
	connect_over("turn:127.0.0.1:%u?transport=tcp", server.port, "tcp");
}

static void tls_carries_a_relayed_connection(void **state)
{
	(void)state;
	connect_over("turns:127.0.0.1:%u", server.tls_port, "tls");
}

/* A connection that gets nothing from its server says so in its log, and gathering ends. */
static void fails_with(const char *url, unsigned port, const char *password, bool trusted, const char *expected)
{
	peer p;
	peer_new(&p, NULL, url, port, password, trusted);
	p.expected = expected;
	begin(&p);
	harness_run_until(loop, &p.told); /* on a machine that stalls, later than gathering ends */
	harness_run_until(loop, &p.gathered);
	assert_int_equal(p.relayed + p.direct, 0);
	parley_pc_free(p.pc);
}

static void failures_are_told(void **state)
{
	(void)state;
	fails_with("turn:127.0.0.1:%u", server.port, "wrong", true, "(401 ");
	fails_with("turns:127.0.0.1:%u", server.tls_port, COTURN_PASSWORD, false, "certificate");
	fails_with("turns:localhost:%u", server.tls_port, COTURN_PASSWORD, true, "certificate"); /* is for 127.0.0.1 */
	fails_with("turn:127.0.0.1:%u?transport=tcp", 1, COTURN_PASSWORD, true, "refused");
}

/* Its allocations are gone; others are made, told to the other side as candidates, and found. */
static void a_restart_of_the_server_is_survived(const char *url)
{
	peer a, b;
	peer_new(&a, &b, url, server.port, COTURN_PASSWORD, true);
	peer_new(&b, &a, url, server.port, COTURN_PASSWORD, true);
	begin(&a);
	harness_run_until(loop, &a.open);
	coturn_restart(&server);
	a.restarted = b.restarted = true;
	harness_run_until(loop, &a.moved);
	exchange_messages(&a, &b);
	parley_pc_free(a.pc);
	parley_pc_free(b.pc);
}

static void a_restart_is_survived_over_udp(void **state)
{
	(void)state;
	a_restart_of_the_server_is_survived("turn:127.0.0.1:%u");
}

static void a_restart_is_survived_over_tcp(void **state)
{
	(void)state;
	a_restart_of_the_server_is_survived("turn:127.0.0.1:%u?transport=tcp");
}

static int set_up(void **state)
{
	(void)state;
	loop = harness_loop_new();
	coturn_start(&server, loop);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	coturn_stop(&server);
	harness_loop_free(loop);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(udp_carries_a_relayed_connection), cmocka_unit_test(tcp_carries_a_relayed_connection),
		cmocka_unit_test(tls_carries_a_relayed_connection), cmocka_unit_test(failures_are_told),
		cmocka_unit_test(a_restart_is_survived_over_udp),   cmocka_unit_test(a_restart_is_survived_over_tcp),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
