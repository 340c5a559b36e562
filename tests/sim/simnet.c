#include "tests/sim/simnet.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/crc.h"
#include "tests/support/test.h"
#include "tests/support/virtual_openssl.h"

#define UNIX_TIME_S UINT64_C(1700000000)
#define TURNS_MAX 4u

typedef struct {
	list_node node;
	uint64_t time;
	parley_addr from, to;
	size_t len;
	uint8_t data[];
} flying_packet;

typedef struct {
	list_node node;
	uint64_t time;
	void (*call)(simnet *net, void *context);
	void *context;
} later_call;

void simnet_init(simnet *net, uint64_t seed, const simnet_path *path)
{
	*net = (simnet){.now = SIMNET_EPOCH, .path = *path};
	rng_seeded_init(&net->rng, seed);
	list_init(&net->flying);
	list_init(&net->later);
	virtual_openssl_begin(seed);
	virtual_openssl_set_now(net->now);
}

void simnet_clear(simnet *net)
{
	for (size_t i = 0; i < net->node_count; i++)
		parley_core_free(net->nodes[i].core);
	for (list_node *n; (n = list_pop(&net->flying));)
		free(LIST_ENTRY(n, flying_packet, node));
	for (list_node *n; (n = list_pop(&net->later));) {
		later_call *later = LIST_ENTRY(n, later_call, node);
		free(later->context);
		free(later);
	}
	virtual_openssl_end();
}

void simnet_trace(simnet *net, const char *format, ...)
{
	char line[512];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	for (int i = 0; i < n && i < (int)sizeof line; i++) /* FNV-1a */
		net->trace_hash = (net->trace_hash ^ (uint8_t)line[i]) * UINT64_C(0x100000001b3);
	if (net->trace)
		fprintf(net->trace, "%10.6f %s\n", (double)(net->now - SIMNET_EPOCH) / 1e6, line);
}

simnet_node *simnet_add(simnet *net, const parley_core_config *config, simnet_handler on_event, void *user)
{
	assert_true(net->node_count < SIMNET_NODES_MAX);
	simnet_node *node = &net->nodes[net->node_count];
	*node = (simnet_node){.net = net, .index = (unsigned)net->node_count, .on_event = on_event, .user = user};
	parley_core_config c;
	parley_core_config_default(&c);
	if (config)
		c = *config;
	c.random = rng_seeded_source(&net->rng);
	c.unix_time_s = UNIX_TIME_S;
	assert_int_equal(parley_core_new(&c, net->now, &node->core), 0);
	net->node_count++;
	node->addr = addr_ipv4(192, 0, 2, (uint8_t)(node->index + 1), (uint16_t)(50000 + node->index));
	assert_int_equal(parley_core_add_local_address(node->core, net->now, &node->addr), 0);
	assert_int_equal(parley_core_local_addresses_done(node->core, net->now), 0);
	simnet_drain(node);
	return node;
}

void simnet_after(simnet *net, uint64_t delay_us, void (*call)(simnet *net, void *context), void *context)
{
	later_call *later = malloc(sizeof *later);
	assert_non_null(later);
	*later = (later_call){.time = net->now + delay_us, .call = call, .context = context};
	list_node *at = &net->later;
	while (at->prev != &net->later && LIST_ENTRY(at->prev, later_call, node)->time > later->time)
		at = at->prev;
	list_insert_before(at, &later->node);
}

/* --- the path --- */

static bool chance(simnet *net, unsigned per_mille)
{
	return rng_seeded_below(&net->rng, 1000) < per_mille;
}

static uint64_t flight_time(simnet *net)
{
	const simnet_path *path = &net->path;
	uint64_t t = path->delay_us;
	if (path->jitter_us)
		t += rng_seeded_below(&net->rng, path->jitter_us);
	if (path->delay_us && chance(net, path->reorder))
		t += rng_seeded_below(&net->rng, path->delay_us);
	return t;
}

static void launch(simnet *net, const parley_packet *p)
{
	flying_packet *f = malloc(sizeof *f + p->len);
	assert_non_null(f);
	f->time = net->now + flight_time(net);
	f->from = p->local;
	f->to = p->remote;
	f->len = p->len;
	memcpy(f->data, p->data, p->len);
	if (p->len && chance(net, net->path.corrupt))
		f->data[rng_seeded_below(&net->rng, p->len)] ^= (uint8_t)(1u << rng_seeded_below(&net->rng, 8));
	list_node *at = &net->flying;
	while (at->prev != &net->flying && LIST_ENTRY(at->prev, flying_packet, node)->time > f->time)
		at = at->prev;
	list_insert_before(at, &f->node);
}

static void send_packet(simnet_node *node, const parley_packet *p)
{
	simnet *net = node->net;
	net->packets++;
	simnet_trace(net, "%u sends %zu bytes, crc %08x", node->index, p->len, crc32_ieee(slice_of(p->data, p->len)));
	if (net->path.cut || (net->path.mtu && p->len > net->path.mtu) || chance(net, net->path.loss)) {
		net->lost++;
		return;
	}
	launch(net, p);
	if (chance(net, net->path.duplicate))
		launch(net, p);
}

/* --- the nodes --- */

static void trace_event(simnet_node *node, const parley_event *e)
{
	switch (e->type) {
	case PARLEY_EVENT_LOG:
		simnet_trace(node->net, "%u %s: %s", node->index, e->log.layer, e->log.text);
		break;
	case PARLEY_EVENT_CONNECTION_STATE:
		simnet_trace(node->net, "%u connection %s %s", node->index,
			     parley_connection_state_name(e->connection.state), e->connection.reason);
		break;
	case PARLEY_EVENT_MESSAGE:
		simnet_trace(node->net, "%u message of %zu bytes", node->index, e->message.len);
		break;
	default:
		simnet_trace(node->net, "%u event %d", node->index, (int)e->type);
		break;
	}
}

void simnet_drain(simnet_node *node)
{
	bool moved = true;
	while (moved) {
		moved = false;
		for (parley_packet p; parley_core_poll_transmit(node->core, node->net->now, &p); moved = true)
			send_packet(node, &p);
		for (parley_event e; parley_core_poll_event(node->core, &e); moved = true) {
			trace_event(node, &e);
			if (node->on_event && e.type != PARLEY_EVENT_LOG)
				node->on_event(node, &e);
		}
	}
	parley_core_check_invariants(node->core);
}

static void deliver(simnet *net)
{
	flying_packet *f = LIST_ENTRY(list_pop(&net->flying), flying_packet, node);
	for (size_t i = 0; i < net->node_count; i++) {
		simnet_node *node = &net->nodes[i];
		if (!addr_equal(&node->addr, &f->to))
			continue;
		parley_core_receive(node->core, net->now, &f->to, &f->from, f->data, f->len);
		simnet_drain(node);
		break;
	}
	free(f);
}

static void make_call(simnet *net)
{
	later_call *later = LIST_ENTRY(list_pop(&net->later), later_call, node);
	later->call(net, later->context);
	free(later->context);
	free(later);
}

static uint64_t next_deadline(const simnet *net, size_t *node)
{
	uint64_t earliest = PARLEY_NEVER;
	for (size_t i = 0; i < net->node_count; i++) {
		uint64_t deadline = parley_core_deadline(net->nodes[i].core);
		if (deadline >= earliest)
			continue;
		earliest = deadline;
		*node = i;
	}
	return earliest;
}

bool simnet_step(simnet *net, uint64_t end)
{
	size_t node = 0;
	uint64_t timer = next_deadline(net, &node);
	uint64_t packet_at =
		list_empty(&net->flying) ? PARLEY_NEVER : LIST_ENTRY(net->flying.next, flying_packet, node)->time;
	uint64_t call_at = list_empty(&net->later) ? PARLEY_NEVER : LIST_ENTRY(net->later.next, later_call, node)->time;
	uint64_t next = time_min(timer, time_min(packet_at, call_at));
	if (next > end || next == PARLEY_NEVER)
		return false;
	if (next > net->now)
		net->now = next;
	virtual_openssl_set_now(net->now);
	if (call_at == next) {
		make_call(net);
	} else if (packet_at == next) {
		deliver(net);
	} else {
		/* What is due may make something else due; one that stays due would keep a loop spinning. */
		unsigned turns = 0;
		do {
			assert_true(turns++ < TURNS_MAX);
			parley_core_timeout(net->nodes[node].core, net->now);
			simnet_drain(&net->nodes[node]);
		} while (parley_core_deadline(net->nodes[node].core) <= net->now);
	}
	return true;
}
