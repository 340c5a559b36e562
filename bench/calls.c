#include "bench/calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <uv.h>

#include "parley/parley.h"

#define BATCH 50u	   /* calls that are being set up at a time */
#define PATIENCE_MS 60000u /* for anything: this machine may be slow */
#define OTHER_DESCRIPTORS 100u
#define SETTLE_TURNS 50u
#define REST_STEP_MS 5u
#define NS_PER_MS UINT64_C(1000000)
#define MESSAGE "a message of a length as chats and games send it, 64 bytes long."

typedef struct {
	bench_calls *calls;
	parley_pc *pc;
	parley_channel channel;
	bool is_server;
} side;

typedef struct {
	side server, client;
} call;

struct bench_calls {
	uv_loop_t server_loop, client_loop;
	parley_port *port;
	call *all;
	unsigned count, started;
	uint64_t open, echoes; /* channels; messages */
};

bench_side bench_at_work;

static void die(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

static void must(int error, const char *what)
{
	if (error) {
		fprintf(stderr, "bench: %s: %s\n", what, parley_strerror(error));
		exit(1);
	}
}

static uint64_t thread_cpu_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* --- connections --- */

static call *call_of(const side *s)
{
	return s->is_server ? (call *)((char *)s - offsetof(call, server))
			    : (call *)((char *)s - offsetof(call, client));
}

static void work_as(const side *s)
{
	bench_at_work = s->is_server ? BENCH_SERVER : BENCH_CLIENT;
}

static void on_gathering_state(void *me, parley_pc *pc, parley_gathering_state state)
{
	const side *s = me;
	const side *peer = s->is_server ? &call_of(s)->client : &call_of(s)->server;
	parley_sdp_type type;
	char *sdp;
	if (state != PARLEY_GATHERING_COMPLETE)
		return;
	must(parley_pc_local_description(pc, &type, &sdp), "local description");
	work_as(peer);
	must(parley_pc_set_remote_description(peer->pc, type, sdp), "remote description");
	if (peer->is_server)
		must(parley_pc_set_local_description(peer->pc, PARLEY_SDP_ANSWER, NULL), "answer");
	work_as(s);
	parley_free(sdp);
}

static void on_channel_state(void *me, parley_pc *pc, parley_channel channel, parley_channel_state state,
			     const char *reason)
{
	const side *s = me;
	(void)pc;
	(void)channel;
	(void)reason;
	s->calls->open += !s->is_server && state == PARLEY_CHANNEL_OPEN;
}

static void on_message(void *me, parley_pc *pc, parley_channel channel, bool binary, const uint8_t *data, size_t len)
{
	const side *s = me;
	if (s->is_server)
		must(parley_pc_send(pc, channel, binary, data, len), "echo");
	else
		s->calls->echoes++;
}

static void new_pc(bench_calls *c, side *s, bool is_server)
{
	static const parley_callbacks callbacks = {
		.on_ice_gathering_state = on_gathering_state,
		.on_channel_state = on_channel_state,
		.on_message = on_message,
	};
	parley_configuration configuration;
	parley_configuration_default(&configuration);
	configuration.ice_server_count = 0;
	configuration.bind_address = "127.0.0.1";
	configuration.port = is_server ? c->port : NULL;
	*s = (side){.calls = c, .is_server = is_server};
	work_as(s);
	must(parley_pc_new(is_server ? &c->server_loop : &c->client_loop, &configuration, &callbacks, s, &s->pc),
	     "connection");
}

static void start_call(bench_calls *c)
{
	call *k = &c->all[c->started++];
	new_pc(c, &k->server, true);
	new_pc(c, &k->client, false);
	must(parley_pc_create_data_channel(k->client.pc, "echo", NULL, &k->client.channel), "channel");
	must(parley_pc_set_local_description(k->client.pc, PARLEY_SDP_OFFER, NULL), "offer");
}

/* --- running --- */

static void run_server(bench_calls *c, bench_cost *cost)
{
	uint64_t before = thread_cpu_ns();
	bench_at_work = BENCH_SERVER;
	uv_run(&c->server_loop, UV_RUN_NOWAIT);
	cost->cpu_ns += thread_cpu_ns() - before;
}

static void run_clients(bench_calls *c)
{
	bench_at_work = BENCH_CLIENT;
	uv_run(&c->client_loop, UV_RUN_NOWAIT);
}

/* Until *counter is at least goal. */
static void run_until(bench_calls *c, const uint64_t *counter, uint64_t goal, bench_cost *cost)
{
	uv_update_time(&c->client_loop);
	uint64_t deadline = uv_now(&c->client_loop) + PATIENCE_MS;
	while (*counter < goal) {
		run_server(c, cost);
		run_clients(c);
		if (uv_now(&c->client_loop) > deadline)
			die("calls stand still");
	}
}

static uint64_t datagrams(const bench_calls *c)
{
	parley_demux_stats stats;
	parley_port_get_stats(c->port, &stats);
	return stats.by_address + stats.by_ufrag + stats.by_request;
}

/* Of what is about to begin. */
static void begin_cost(const bench_calls *c, bench_cost *cost)
{
	cost->datagrams -= datagrams(c);
	cost->wall_ns -= uv_hrtime();
}

static void end_cost(const bench_calls *c, bench_cost *cost)
{
	cost->datagrams += datagrams(c);
	cost->wall_ns += uv_hrtime();
}

void bench_calls_echo(bench_calls *c, unsigned first, unsigned count, bench_cost *cost)
{
	begin_cost(c, cost);
	bench_at_work = BENCH_CLIENT;
	for (unsigned i = 0; i < count; i++) {
		const side *client = &c->all[(first + i) % c->count].client;
		must(parley_pc_send(client->pc, client->channel, false, MESSAGE, sizeof MESSAGE - 1), "send");
	}
	run_clients(c);
	run_until(c, &c->echoes, c->echoes + count, cost);
	cost->messages += count;
	end_cost(c, cost);
}

void bench_calls_settle(bench_calls *c)
{
	bench_cost unused = {0};
	for (unsigned i = 0; i < SETTLE_TURNS; i++) {
		run_server(c, &unused);
		run_clients(c);
	}
}

void bench_calls_rest(bench_calls *c, unsigned milliseconds, bench_cost *cost)
{
	uint64_t end = uv_hrtime() + milliseconds * NS_PER_MS;
	bench_cost unused = {0};
	cost = cost ? cost : &unused;
	begin_cost(c, cost);
	while (uv_hrtime() < end) {
		run_server(c, cost);
		run_clients(c);
		uv_sleep(REST_STEP_MS);
	}
	end_cost(c, cost);
}

/* --- life --- */

static void allow_descriptors(unsigned count)
{
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < count + OTHER_DESCRIPTORS)
		die("too few descriptors: each client has one");
}

bench_calls *bench_calls_new(unsigned count)
{
	bench_calls *c = calloc(1, sizeof *c);
	if (!c || !(c->all = calloc(count, sizeof *c->all)))
		die("out of memory");
	allow_descriptors(count);
	c->count = count;
	uv_loop_init(&c->server_loop);
	uv_loop_init(&c->client_loop);
	must(parley_port_new(&c->server_loop, "127.0.0.1", 0, count, &c->port), "port");
	bench_cost unused = {0};
	while (c->started < count) {
		for (unsigned i = 0; i < BATCH && c->started < count; i++)
			start_call(c);
		run_until(c, &c->open, c->started, &unused);
	}
	return c;
}

void bench_calls_free(bench_calls *c)
{
	for (unsigned i = 0; i < c->started; i++) {
		parley_pc_free(c->all[i].server.pc);
		parley_pc_free(c->all[i].client.pc);
	}
	parley_port_free(c->port);
	uv_run(&c->server_loop, UV_RUN_DEFAULT);
	uv_run(&c->client_loop, UV_RUN_DEFAULT);
	uv_loop_close(&c->server_loop);
	uv_loop_close(&c->client_loop);
	free(c->all);
	free(c);
}
