/* parley_port: a server's connections on one UDP port, their peers on ports of their own, over loopback */
#include "tests/support/test.h"

#include <stdlib.h>
#include <sys/resource.h>

#include "base/addr.h"
#include "base/bytes.h"
#include "net/udp.h"
#include "parley/parley.h"
#include "tests/net/harness.h"
#include "tests/support/failmalloc.h"

#define CALLS 2000u
#define BATCH 50u    /* of calls that are being set up at a time */
#define MESSAGES 10u /* of each call */
#define OTHER_DESCRIPTORS 100u
#define BYTES_OF_BOTH_SIDES (2u * 32u * 1024u) /* of heap, without OpenSSL's: far above it, a server pays for memory */

typedef struct call call;
typedef struct scene scene;

typedef struct {
	call *call;
	parley_pc *pc;
	bool is_server;
	unsigned messages; /* received, in order, and of this call */
	parley_channel channel;
} side;

struct call {
	scene *scene;
	unsigned number;
	side client, server;
	bool open;
};

struct scene {
	uv_loop_t *loop;
	parley_port *port;
	call *calls;
	unsigned count, started, open, ended;
	bool batch_open, all_echoed;
};

static const parley_callbacks callbacks;

/* --- setting up --- */

static void new_pc(side *s)
{
	parley_configuration configuration;
	parley_configuration_default(&configuration);
	configuration.ice_server_count = 0;
	configuration.bind_address = "127.0.0.1";
	configuration.ice_tcp = false; /* where checks are lost, as the port's buffer is full, it would be chosen */
	configuration.port = s->is_server ? s->call->scene->port : NULL;
	assert_int_equal(parley_pc_new(s->call->scene->loop, &configuration, &callbacks, s, &s->pc), 0);
}

static void start_call(scene *sc)
{
	call *c = &sc->calls[sc->started];
	*c = (call){.scene = sc, .number = sc->started++};
	c->client = (side){.call = c};
	c->server = (side){.call = c, .is_server = true};
	new_pc(&c->client);
	new_pc(&c->server);
	assert_int_equal(parley_pc_create_data_channel(c->client.pc, "echo", NULL, &c->client.channel), 0);
	assert_int_equal(parley_pc_set_local_description(c->client.pc, PARLEY_SDP_OFFER, NULL), 0);
}

static void on_gathering_state(void *me, parley_pc *pc, parley_gathering_state state)
{
	side *s = me;
	side *peer = s->is_server ? &s->call->client : &s->call->server;
	parley_sdp_type type;
	char *sdp;
	if (state != PARLEY_GATHERING_COMPLETE)
		return;
	assert_int_equal(parley_pc_local_description(pc, &type, &sdp), 0);
	assert_int_equal(parley_pc_set_remote_description(peer->pc, type, sdp), 0);
	if (peer->is_server)
		assert_int_equal(parley_pc_set_local_description(peer->pc, PARLEY_SDP_ANSWER, NULL), 0);
	parley_free(sdp);
}

static void on_channel_state(void *me, parley_pc *pc, parley_channel channel, parley_channel_state state,
			     const char *reason)
{
	side *s = me;
	scene *sc = s->call->scene;
	(void)pc;
	(void)channel;
	(void)reason;
	if (s->is_server || state != PARLEY_CHANNEL_OPEN)
		return;
	s->call->open = true;
	sc->batch_open = ++sc->open == sc->started;
}

/* --- talking --- */

static slice message_of(const call *c, unsigned number, uint8_t out[8])
{
	writer w = writer_of(out, 8);
	write_u32(&w, c->number);
	write_u32(&w, number);
	return writer_slice(&w);
}

static void client_sends(call *c)
{
	uint8_t bytes[8];
	slice m = message_of(c, c->client.messages, bytes);
	assert_int_equal(parley_pc_send(c->client.pc, c->client.channel, true, m.data, m.len), 0);
}

static void on_message(void *me, parley_pc *pc, parley_channel channel, bool binary, const uint8_t *data, size_t len)
{
	side *s = me;
	scene *sc = s->call->scene;
	uint8_t bytes[8];
	assert_ptr_equal(s->pc, pc);
	assert_true(binary);
	assert_true(slice_equal(slice_of(data, len), message_of(s->call, s->messages, bytes)));
	s->messages++;
	if (s->is_server)
		assert_int_equal(parley_pc_send(pc, channel, true, data, len), 0);
	else if (s->messages < MESSAGES)
		client_sends(s->call);
	else
		sc->all_echoed = ++sc->ended == sc->count;
}

static const parley_callbacks callbacks = {
	.on_ice_gathering_state = on_gathering_state,
	.on_channel_state = on_channel_state,
	.on_message = on_message,
};

/* --- scenes --- */

static void scene_begin(scene *sc, unsigned count)
{
	*sc = (scene){.loop = harness_loop_new(), .count = count, .calls = calloc(count, sizeof *sc->calls)};
	assert_non_null(sc->calls);
	assert_int_equal(parley_port_new(sc->loop, "127.0.0.1", 0, count, &sc->port), 0);
	while (sc->started < count) {
		sc->batch_open = false;
		for (unsigned i = 0; i < BATCH && sc->started < count; i++)
			start_call(sc);
		harness_run_until(sc->loop, &sc->batch_open);
	}
}

static void scene_talk(scene *sc)
{
	for (unsigned i = 0; i < sc->count; i++) {
		sc->calls[i].client.messages = sc->calls[i].server.messages = 0;
		client_sends(&sc->calls[i]);
	}
	sc->ended = 0;
	sc->all_echoed = false;
	harness_run_until(sc->loop, &sc->all_echoed);
}

static void scene_end(scene *sc)
{
	for (unsigned i = 0; i < sc->started; i++) {
		parley_pc_free(sc->calls[i].client.pc);
		parley_pc_free(sc->calls[i].server.pc);
	}
	parley_port_free(sc->port);
	harness_loop_free(sc->loop);
	free(sc->calls);
}

static parley_demux_stats port_stats(const scene *sc)
{
	parley_demux_stats stats;
	parley_port_get_stats(sc->port, &stats);
	return stats;
}

/* Each client has a descriptor: as many of the calls as this process may have of those. */
static unsigned calls_possible(unsigned count)
{
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	return limit.rlim_cur < count + OTHER_DESCRIPTORS ? (unsigned)limit.rlim_cur - OTHER_DESCRIPTORS : count;
}

static void calls_on_one_port_do_not_cross(void **state)
{
	(void)state;
	unsigned count = calls_possible(CALLS);
	scene sc;
	size_t before = failmalloc_bytes();
	scene_begin(&sc, count);
	scene_talk(&sc);
	assert_true((failmalloc_bytes() - before) / count <= BYTES_OF_BOTH_SIDES);
	parley_demux_stats stats = port_stats(&sc);
	assert_int_equal(stats.connections, count);
	assert_int_equal(stats.addresses, count);
	assert_int_equal(stats.addresses_moved, 0);
	print_message("%u calls on port %u\n", count, parley_port_number(sc.port));
	scene_end(&sc);
}

/* --- strangers --- */

static void ignore_datagram(void *me, net_udp *udp, const net_datagrams *datagram)
{
	(void)me;
	(void)udp;
	(void)datagram;
	fail_msg("a stranger was answered");
}

static void strangers_are_not_answered_and_disturb_nobody(void **state)
{
	(void)state;
	static const uint8_t hello[] = {22, 254, 253, 0, 0};
	parley_addr loopback = addr_ipv4(127, 0, 0, 1, 0);
	net_udp *stranger;
	scene sc;
	scene_begin(&sc, 3);
	parley_addr server = addr_ipv4(127, 0, 0, 1, parley_port_number(sc.port));
	assert_int_equal(net_udp_open(sc.loop, &loopback, ignore_datagram, NULL, &stranger), 0);
	for (unsigned i = 0; i < 100; i++)
		assert_true(net_udp_send(stranger, &server, slice_of(hello, i % sizeof hello)));
	scene_talk(&sc); /* which comes behind them in the socket */
	assert_int_equal(port_stats(&sc).strangers, 100);
	assert_int_equal(port_stats(&sc).addresses, 3);
	net_udp_close(stranger);
	scene_end(&sc);
}

/* --- life --- */

static void a_port_lives_until_its_last_connection(void **state)
{
	(void)state;
	scene sc;
	scene_begin(&sc, 2);
	parley_port_free(sc.port);
	scene_talk(&sc);
	parley_pc_free(sc.calls[0].server.pc);
	sc.calls[0].server.pc = NULL;
	parley_pc_close(sc.calls[1].server.pc); /* closes the socket */
	sc.port = NULL;
	scene_end(&sc);
}

static void connections_are_limited(void **state)
{
	(void)state;
	uv_loop_t *loop = harness_loop_new();
	parley_configuration configuration;
	parley_configuration_default(&configuration);
	configuration.ice_server_count = 0;
	parley_pc *first, *second;
	assert_int_equal(parley_port_new(loop, "127.0.0.1", 0, 1, &configuration.port), 0);
	assert_int_equal(parley_pc_new(loop, &configuration, &callbacks, NULL, &first), 0);
	assert_int_equal(parley_pc_new(loop, &configuration, &callbacks, NULL, &second), PARLEY_ELIMIT);
	parley_pc_close(first);
	assert_int_equal(parley_pc_new(loop, &configuration, &callbacks, NULL, &second), 0);
	parley_pc_free(first);
	parley_pc_free(second);
	parley_port_free(configuration.port);
	harness_loop_free(loop);
}

static void only_ports_that_can_be_had_are_given(void **state)
{
	(void)state;
	uv_loop_t *loop = harness_loop_new();
	parley_port *port, *other;
	assert_int_equal(parley_port_new(loop, "127.0.0.1", 0, 1, &port), 0);
	uint16_t number = parley_port_number(port);
	assert_true(number != 0);
	assert_int_equal(parley_port_new(loop, "127.0.0.1", number, 1, &other), PARLEY_EIO);
	assert_int_equal(parley_port_new(loop, "192.0.2.1", 0, 1, &other), PARLEY_EIO);
	assert_int_equal(parley_port_new(loop, "0.0.0.0", 0, 1, &other), PARLEY_EINVAL);
	assert_int_equal(parley_port_new(loop, "localhost", 0, 1, &other), PARLEY_EINVAL);
	assert_int_equal(parley_port_new(loop, "127.0.0.1", 0, 0, &other), PARLEY_EINVAL);
	parley_port_free(port);
	assert_int_equal(parley_port_new(loop, NULL, 0, 1, &port), 0);
	parley_port_free(port);
	parley_port_free(NULL);
	harness_loop_free(loop);
}

static void open_port_without_memory(void *context)
{
	(void)context;
	uv_loop_t loop;
	assert_int_equal(uv_loop_init(&loop), 0);
	parley_configuration configuration;
	parley_configuration_default(&configuration);
	configuration.ice_server_count = 0;
	if (parley_port_new(&loop, "127.0.0.1", 0, 10, &configuration.port) == 0) {
		parley_pc *pc;
		if (parley_pc_new(&loop, &configuration, &callbacks, NULL, &pc) == 0)
			parley_pc_free(pc);
		parley_port_free(configuration.port);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void a_port_survives_every_failed_allocation(void **state)
{
	(void)state;
	failmalloc_loop(open_port_without_memory, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_on_one_port_do_not_cross),
		cmocka_unit_test(strangers_are_not_answered_and_disturb_nobody),
		cmocka_unit_test(a_port_lives_until_its_last_connection),
		cmocka_unit_test(connections_are_limited),
		cmocka_unit_test(only_ports_that_can_be_had_are_given),
		cmocka_unit_test(a_port_survives_every_failed_allocation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
