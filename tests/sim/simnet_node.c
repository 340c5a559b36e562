/* simnet's peers: between a parley core and the network. */
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "stun/stun.h"
#include "tests/sim/simtcp.h"
#include "tests/support/test.h"

#define UNIX_TIME_S UINT64_C(1700000000)
#define PORT_FIRST 50000u
#define ADDRESSES_MAX 4u /* of a name */

static const simnet_host_ops node_ops;

static uint32_t number_of(const simtcp_connection *c)
{
	return (uint32_t)(uintptr_t)c->user;
}

static parley_addr socket_at(const simnet_node *node, const simnet_interface *interface)
{
	parley_addr a = interface->ip;
	a.port = (uint16_t)(PORT_FIRST + node->index);
	return a;
}

/* And a listener on the same port. */
static void open_sockets(simnet_node *node, const simnet_interface *interface)
{
	parley_addr a = socket_at(node, interface);
	assert_int_equal(parley_core_add_local_address(node->core, node->net->now, &a), 0);
	a.transport = PARLEY_TCP;
	if (node->ice_tcp)
		assert_int_equal(parley_core_add_local_address(node->core, node->net->now, &a), 0);
}

simnet_node *simnet_add_at(simnet *net, const parley_core_config *config, const simnet_interface *interfaces,
			   size_t count, simnet_handler on_event, void *user)
{
	assert_true(net->node_count < SIMNET_NODES_MAX && count <= SIMNET_INTERFACES_MAX);
	simnet_node *node = &net->nodes[net->node_count];
	*node = (simnet_node){.net = net, .index = (unsigned)net->node_count, .on_event = on_event, .user = user};
	char name[] = {(char)('0' + node->index), '\0'};
	memcpy(node->host.interfaces, interfaces, count * sizeof *interfaces);
	node->host.interface_count = count;
	parley_core_config c;
	parley_core_config_default(&c);
	if (config)
		c = *config;
	node->ice_tcp = c.ice_tcp;
	c.random = rng_seeded_source(&net->rng);
	c.unix_time_s = UNIX_TIME_S;
	assert_int_equal(parley_core_new(&c, net->now, &node->core), 0);
	net->node_count++;
	simnet_add_host(net, &node->host, name, &node_ops, node);
	for (size_t i = 0; i < count; i++)
		open_sockets(node, &interfaces[i]);
	assert_int_equal(parley_core_local_addresses_done(node->core, net->now), 0);
	simnet_drain(node);
	return node;
}

simnet_node *simnet_add(simnet *net, const parley_core_config *config, simnet_handler on_event, void *user)
{
	simnet_interface interface = {.ip = addr_ipv4(192, 0, 2, (uint8_t)(net->node_count + 1), 0)};
	return simnet_add_at(net, config, &interface, 1, on_event, user);
}

void simnet_node_add_interface(simnet_node *node, const simnet_interface *interface)
{
	assert_true(node->host.interface_count < SIMNET_INTERFACES_MAX);
	node->host.interfaces[node->host.interface_count++] = *interface;
	open_sockets(node, interface);
	simnet_drain(node);
}

void simnet_node_remove_interface(simnet_node *node, size_t index)
{
	simnet_host *host = &node->host;
	assert_true(index < host->interface_count);
	parley_addr a = socket_at(node, &host->interfaces[index]);
	host->interfaces[index] = host->interfaces[--host->interface_count];
	assert_int_equal(parley_core_remove_local_address(node->core, node->net->now, &a), 0);
	a.transport = PARLEY_TCP;
	if (node->ice_tcp)
		assert_int_equal(parley_core_remove_local_address(node->core, node->net->now, &a), 0);
	simnet_drain(node);
}

/* --- out --- */

bool simnet_is_check(slice datagram)
{
	stun_message m;
	/* The common case first: a request of method Binding. */
	return datagram.len > 2 && datagram.data[0] == 0 && datagram.data[1] == STUN_BINDING &&
	       stun_is_message(datagram) && !stun_parse(datagram, &m) && m.has_username;
}

/* The core's number of a stream is its connection's user. */
static simtcp_connection *find_stream(const simnet_node *node, uint32_t stream)
{
	LIST_FOR (n, &node->host.connections) {
		simtcp_connection *c = LIST_ENTRY(n, simtcp_connection, node);
		if (number_of(c) == stream && c->state != SIMTCP_CLOSED && !c->wants_close)
			return c;
	}
	return NULL;
}

static void send_packet(simnet_node *node, const parley_packet *p)
{
	slice data = slice_of(p->data, p->len);
	simtcp_connection *c = p->stream ? find_stream(node, p->stream) : NULL;
	node->checks_sent += simnet_is_check(data);
	if (c)
		(void)simtcp_write(c, data, !p->control);
	else if (!p->stream)
		simnet_send(&node->host, &p->local, &p->remote, NULL, data);
}

static void open_stream(simnet_node *node, const parley_event *e)
{
	uint32_t stream = e->stream_open.stream;
	const char *name = e->stream_open.tls ? e->stream_open.server_name : NULL;
	if (!simtcp_connect(&node->host, &e->stream_open.local, &e->stream_open.remote, name,
			    (void *)(uintptr_t)stream))
		parley_core_stream_closed(node->core, node->net->now, stream, PARLEY_EUNREACHABLE,
					  "no interface to connect from");
}

static void close_stream(simnet_node *node, uint32_t stream)
{
	simtcp_connection *c = find_stream(node, stream);
	if (c)
		simtcp_close(c);
}

static void resolve(simnet_node *node, uint32_t id, const char *name)
{
	const simnet *net = node->net;
	parley_addr found[ADDRESSES_MAX];
	size_t count = 0;
	for (size_t i = 0; i < net->name_count && count < ADDRESSES_MAX; i++)
		if (strcmp(net->names[i].name, name) == 0)
			found[count++] = net->names[i].address;
	parley_core_resolved(node->core, net->now, id, found, count);
}

static void trace_event(simnet_node *node, const parley_event *e)
{
	char local[ADDR_TEXT_MAX], remote[ADDR_TEXT_MAX];
	switch (e->type) {
	case PARLEY_EVENT_LOG:
		simnet_trace(node->net, "%u %s: %s", node->index, e->log.layer, e->log.text);
		break;
	case PARLEY_EVENT_CONNECTION_STATE:
		simnet_trace(node->net, "%u connection %s %s", node->index,
			     parley_connection_state_name(e->connection.state), e->connection.reason);
		break;
	case PARLEY_EVENT_ICE_CANDIDATE:
		simnet_trace(node->net, "%u %s", node->index, e->ice_candidate.candidate);
		break;
	case PARLEY_EVENT_SELECTED_PAIR:
		simnet_trace(node->net, "%u selected %s %s, %s %s", node->index, e->selected_pair.local_type,
			     addr_print(&e->selected_pair.local, local), e->selected_pair.remote_type,
			     addr_print(&e->selected_pair.remote, remote));
		break;
	case PARLEY_EVENT_MESSAGE:
		simnet_trace(node->net, "%u message of %zu bytes", node->index, e->message.len);
		break;
	default:
		simnet_trace(node->net, "%u event %d", node->index, (int)e->type);
		break;
	}
}

static void handle_event(simnet_node *node, const parley_event *e)
{
	trace_event(node, e);
	if (e->type == PARLEY_EVENT_RESOLVE)
		resolve(node, e->resolve.id, e->resolve.name);
	else if (e->type == PARLEY_EVENT_STREAM_OPEN)
		open_stream(node, e);
	else if (e->type == PARLEY_EVENT_STREAM_CLOSE)
		close_stream(node, e->stream_close);
	else if (node->on_event && e->type != PARLEY_EVENT_LOG)
		node->on_event(node, e);
}

/* Every other node has its datagrams put together in memory of its own. */
static bool poll_transmit(simnet_node *node, uint8_t memory[PARLEY_DATAGRAM_ROOM], parley_packet *p)
{
	if (node->index % 2)
		return parley_core_poll_transmit_into(node->core, node->net->now, memory, p);
	return parley_core_poll_transmit(node->core, node->net->now, p);
}

void simnet_drain(simnet_node *node)
{
	uint8_t memory[PARLEY_DATAGRAM_ROOM];
	bool moved = true;
	node->host.due_is_stale = true;
	while (moved) {
		moved = false;
		for (parley_packet p; poll_transmit(node, memory, &p); moved = true)
			send_packet(node, &p);
		for (parley_event e; parley_core_poll_event(node->core, &e); moved = true)
			handle_event(node, &e);
	}
	parley_core_check_invariants(node->core);
	simtcp_flush(&node->host);
}

/* --- in --- */

static void node_receive(simnet_host *host, const parley_addr *to, const parley_addr *from, slice datagram)
{
	simnet_node *node = host->self;
	if (to->port != PORT_FIRST + node->index)
		return; /* no socket there */
	parley_core_receive(node->core, host->net->now, to, from, datagram.data, datagram.len);
	simnet_drain(node);
}

static bool node_stream_accept(simnet_host *host, simtcp_connection *c)
{
	simnet_node *node = host->self;
	uint32_t stream;
	if (!node->ice_tcp || c->local.port != PORT_FIRST + node->index ||
	    parley_core_stream_accepted(node->core, host->net->now, &c->local, &c->remote, &stream))
		return false;
	c->user = (void *)(uintptr_t)stream;
	simnet_drain(node);
	return true;
}

static void node_stream_opened(simnet_host *host, simtcp_connection *c)
{
	simnet_node *node = host->self;
	parley_core_stream_opened(node->core, host->net->now, number_of(c), &c->local);
	simnet_drain(node);
}

/* Every other time cut in two anywhere: a stream knows no messages. */
static void node_stream_receive(simnet_host *host, simtcp_connection *c, slice bytes)
{
	simnet_node *node = host->self;
	rng_seeded *rng = &host->net->rng;
	size_t first = rng_seeded_below(rng, 2) ? 1 + rng_seeded_below(rng, bytes.len) : bytes.len;
	for (; bytes.len && c->state == SIMTCP_OPEN && !c->wants_close; first = bytes.len) {
		slice part = slice_part(bytes, 0, first);
		bytes = slice_part(bytes, part.len, bytes.len);
		parley_core_stream_receive(node->core, host->net->now, number_of(c), part.data, part.len);
		simnet_drain(node);
	}
}

static void node_stream_closed(simnet_host *host, simtcp_connection *c, int error)
{
	simnet_node *node = host->self;
	parley_core_stream_closed(node->core, host->net->now, number_of(c), error ? error : PARLEY_ECLOSED,
				  error ? parley_strerror(error) : "the other side closed the connection");
	simnet_drain(node);
}

static uint64_t node_deadline(const simnet_host *host)
{
	const simnet_node *node = host->self;
	return parley_core_deadline(node->core);
}

static void node_timeout(simnet_host *host)
{
	simnet_node *node = host->self;
	parley_core_timeout(node->core, host->net->now);
	simnet_drain(node);
}

static void node_clear(simnet_host *host)
{
	simnet_node *node = host->self;
	parley_core_free(node->core);
}

static const simnet_host_ops node_ops = {
	.receive = node_receive,
	.deadline = node_deadline,
	.timeout = node_timeout,
	.clear = node_clear,
	.stream_accept = node_stream_accept,
	.stream_opened = node_stream_opened,
	.stream_receive = node_stream_receive,
	.stream_closed = node_stream_closed,
};
