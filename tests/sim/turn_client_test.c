/*
 * ice/turn.h, the TURN client, with the simulated server as its judge: hours of data over UDP, TCP and TLS on bad networks and
 * behind forgetful NATs, servers that restart, redirect, refuse or are dead; and never a violation of the protocol.
 *
 *     turn_client_test              the tests
 *     turn_client_test --seed N     that seed's trace of packets on stdout
 */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "ice/turn.h"
#include "tests/sim/simturn.h"

#define SEEDS 6u
#define PEERS 3u
#define CLIENT_PORT 5000u
#define PEER_PORT 6000u
#define DATA_LEN 100u
#define HOURS_US (UINT64_C(7200) * US_PER_S)

static uint64_t only_seed;

/* The client's machine. */
typedef struct {
	simnet_host host;
	turn_client *turn;
	simtcp_connection *stream;
	simturn_over over;
	bool allocated, ended;
	unsigned permitted, alive;
	turn_event last; /* FAILED, LOST or CLOSED */
	unsigned received[PEERS];
	uint32_t newest[PEERS]; /* number of the last echo */
	bool disordered;
	parley_addr relayed[2];
} customer;

/* Sends back what comes. */
typedef struct {
	simnet_host host;
} echo;

typedef struct {
	simnet net;
	simturn server, other;
	customer customer;
	echo peers[PEERS];
} world;

static const simnet_path good = {.delay_us = 20 * US_PER_MS};
static const simnet_path bad = {.delay_us = 20 * US_PER_MS, .jitter_us = 10 * US_PER_MS, .loss = 50, .reorder = 20};
static const simturn_config plain = {
	.username = "u", .password = "p", .realm = "sim", .name = "turn.example", .nonce_lifetime_us = 600 * US_PER_S};

/* --- the client's machine --- */

static void send_all(customer *c)
{
	uint8_t bytes[TURN_PACKET_MAX];
	parley_addr from = c->host.interfaces[0].ip;
	from.port = CLIENT_PORT;
	for (packet p = {.data = bytes, .capacity = sizeof bytes}; turn_poll_transmit(c->turn, c->host.net->now, &p);) {
		if (c->over == SIMTURN_OVER_UDP)
			simnet_send(&c->host, &from, turn_server(c->turn), NULL, slice_of(p.data, p.len));
		else if (c->stream)
			assert_true(simtcp_write(c->stream, slice_of(p.data, p.len), false));
	}
}

static void connect_stream(customer *c)
{
	parley_addr any = {0}, to = *turn_server(c->turn);
	c->stream = simtcp_connect(&c->host, &any, &to, c->over == SIMTURN_OVER_TLS ? "turn.example" : NULL, NULL);
	assert_non_null(c->stream);
}

static void take_event(customer *c, const turn_event *e)
{
	switch (e->type) {
	case TURN_EVENT_ALLOCATED:
		c->allocated = true;
		c->relayed[0] = e->relayed_ipv4;
		c->relayed[1] = e->relayed_ipv6;
		break;
	case TURN_EVENT_ALTERNATE:
		if (c->over == SIMTURN_OVER_UDP)
			break;
		simtcp_close(c->stream);
		connect_stream(c);
		break;
	case TURN_EVENT_PERMITTED:
		c->permitted++;
		break;
	case TURN_EVENT_REFUSED:
		fail_msg("refused: %u %s", e->code, e->reason);
		break;
	case TURN_EVENT_ALIVE:
		c->alive++;
		break;
	case TURN_EVENT_LOST:
	case TURN_EVENT_FAILED:
	case TURN_EVENT_CLOSED:
		c->ended = true;
		c->last = *e;
		break;
	}
}

static void drain(customer *c)
{
	send_all(c);
	for (turn_event e; turn_poll_event(c->turn, &e);) {
		take_event(c, &e);
		send_all(c);
	}
	turn_check_invariants(c->turn);
	simtcp_flush(&c->host);
}

/* An echo: number of the peer, then of the datagram. */
static void take_data(customer *c, const turn_data *d)
{
	reader r = reader_of(d->data);
	uint32_t peer = read_u32(&r), number = read_u32(&r);
	assert_true(d->data.len == DATA_LEN && peer < PEERS && d->peer.port == PEER_PORT);
	assert_int_equal(d->peer.ip[3], peer + 1);
	c->disordered = c->disordered || number < c->newest[peer];
	c->newest[peer] = number;
	c->received[peer]++;
}

static void on_datagram(simnet_host *host, const parley_addr *to, const parley_addr *from, slice datagram)
{
	customer *c = host->self;
	turn_data d;
	if (!c->turn || to->port != CLIENT_PORT || !addr_equal(from, turn_server(c->turn)))
		return;
	if (turn_receive(c->turn, host->net->now, datagram, &d))
		take_data(c, &d);
	drain(c);
}

static void on_opened(simnet_host *host, simtcp_connection *stream)
{
	customer *c = host->self;
	assert_ptr_equal(stream, c->stream);
	assert_int_equal(turn_start(c->turn, host->net->now), 0);
	drain(c);
}

/* Cut anyhow. */
static void on_stream_bytes(simnet_host *host, simtcp_connection *stream, slice bytes)
{
	customer *c = host->self;
	turn_data d;
	if (stream != c->stream)
		return;
	while (bytes.len) {
		slice part = slice_part(bytes, 0, 1 + rng_seeded_below(&host->net->rng, bytes.len));
		bytes = slice_part(bytes, part.len, bytes.len);
		while (turn_stream_receive(c->turn, host->net->now, &part, &d))
			take_data(c, &d);
		drain(c);
	}
}

static void on_stream_closed(simnet_host *host, simtcp_connection *stream, int error)
{
	customer *c = host->self;
	if (stream != c->stream)
		return;
	c->stream = NULL;
	turn_stream_closed(c->turn, host->net->now, error ? error : PARLEY_ECLOSED, NULL);
	drain(c);
}

static uint64_t customer_deadline(const simnet_host *host)
{
	const customer *c = host->self;
	return c->turn ? turn_deadline(c->turn) : TIME_NEVER;
}

static void customer_timeout(simnet_host *host)
{
	customer *c = host->self;
	if (!c->turn)
		return;
	turn_timeout(c->turn, host->net->now);
	drain(c);
}

static void customer_clear(simnet_host *host)
{
	customer *c = host->self;
	turn_destroy(c->turn);
}

static const simnet_host_ops customer_ops = {.receive = on_datagram,
					     .deadline = customer_deadline,
					     .timeout = customer_timeout,
					     .clear = customer_clear,
					     .stream_opened = on_opened,
					     .stream_receive = on_stream_bytes,
					     .stream_closed = on_stream_closed};

static void echo_back(simnet_host *host, const parley_addr *to, const parley_addr *from, slice datagram)
{
	simnet_send(host, to, from, NULL, datagram);
}

/* --- the world --- */

static uint16_t port_for(simturn_over over)
{
	return over == SIMTURN_OVER_TLS ? SIMTURN_HTTPS_PORT : SIMTURN_PORT;
}

static void add_peers(world *w)
{
	static const simnet_host_ops echo_ops = {.receive = echo_back};
	for (unsigned i = 0; i < PEERS; i++) {
		w->peers[i].host.interfaces[0] = (simnet_interface){.ip = addr_ipv4(192, 0, 2, (uint8_t)(1 + i), 0)};
		w->peers[i].host.interface_count = 1;
		simnet_add_host(&w->net, &w->peers[i].host, "peer", &echo_ops, &w->peers[i]);
	}
}

static void world_init(world *w, uint64_t seed, const simnet_path *path, const simturn_config *config)
{
	const nat_config forgetful = {.translates = true,
				      .mapping = NAT_ADDRESS_AND_PORT,
				      .filtering = NAT_ADDRESS_AND_PORT,
				      .changes_port = true,
				      .udp_timeout_us = 30 * US_PER_S};
	const simnet_interface servers[] = {
		{.ip = addr_ipv4(203, 0, 113, 10, 0)},
		{.ip = {.family = PARLEY_IPV6, .ip = {0x20, 0x01, 0x0d, 0xb8, [15] = 10}}},
		{.ip = addr_ipv4(203, 0, 113, 20, 0)},
	};
	parley_addr outside = addr_ipv4(198, 51, 100, 1, 0);
	memset(w, 0, sizeof *w);
	simnet_init(&w->net, seed, path);
	w->net.trace = only_seed == seed ? stdout : NULL;
	simnet_box *box = simnet_add_box(&w->net, &forgetful, NULL, &outside, &(simnet_path){.delay_us = US_PER_MS});
	w->customer.host.interfaces[0] = (simnet_interface){.ip = addr_ipv4(10, 0, 0, 2, 0), .box = box};
	w->customer.host.interface_count = 1;
	simnet_add_host(&w->net, &w->customer.host, "client", &customer_ops, &w->customer);
	simturn_add(&w->server, &w->net, "server", config, servers, 2);
	simturn_add(&w->other, &w->net, "other", &plain, servers + 2, 1);
	add_peers(w);
}

static void world_clear(world *w)
{
	if (w->server.violations + w->other.violations)
		fail_msg("%s%s", w->server.violation, w->other.violation);
	simnet_clear(&w->net);
}

static void begin(world *w, simturn_over over, turn_families families, const char *password)
{
	customer *c = &w->customer;
	turn_config config;
	turn_config_default(&config);
	config.random = rng_seeded_source(&w->net.rng);
	config.server = addr_ipv4(203, 0, 113, 10, port_for(over));
	config.server.transport = over == SIMTURN_OVER_UDP ? PARLEY_UDP : PARLEY_TCP;
	config.username = slice_from_string("u");
	config.password = slice_from_string(password);
	config.families = families;
	turn_destroy(c->turn);
	c->over = over;
	c->allocated = c->ended = false;
	c->permitted = 0;
	assert_int_equal(turn_create(&config, &c->turn), 0);
	if (over == SIMTURN_OVER_UDP)
		assert_int_equal(turn_start(c->turn, w->net.now), 0);
	else
		connect_stream(c);
	drain(c);
}

static void run_for(world *w, uint64_t us)
{
	uint64_t end = w->net.now + us;
	while (simnet_step(&w->net, end))
		;
	w->net.now = end;
}

static void run_until(world *w, const bool *what, uint64_t within)
{
	uint64_t end = w->net.now + within;
	while (!*what)
		if (!simnet_step(&w->net, end))
			fail_msg("not within %.1f s", (double)within / 1e6);
}

static parley_addr peer_at(unsigned i)
{
	return addr_ipv4(192, 0, 2, (uint8_t)(1 + i), PEER_PORT);
}

static void send_to(world *w, unsigned i, uint32_t number)
{
	customer *c = &w->customer;
	uint8_t room[TURN_HEADROOM + DATA_LEN + TURN_TAILROOM] = {0};
	writer out = writer_of(room + TURN_HEADROOM, DATA_LEN);
	parley_addr peer = peer_at(i), from = c->host.interfaces[0].ip;
	write_u32(&out, i);
	write_u32(&out, number);
	packet p = {.data = room + TURN_HEADROOM, .len = DATA_LEN, .capacity = DATA_LEN + TURN_TAILROOM};
	from.port = CLIENT_PORT;
	if (turn_envelop(c->turn, w->net.now, &peer, &p))
		return;
	if (c->over == SIMTURN_OVER_UDP)
		simnet_send(&c->host, &from, turn_server(c->turn), NULL, slice_of(p.data, p.len));
	else if (c->stream)
		(void)simtcp_write(c->stream, slice_of(p.data, p.len), true);
	drain(c);
}

/* Permissions for all peers; a channel to the first two only. */
static void permit_all(world *w)
{
	for (unsigned i = 0; i < PEERS; i++) {
		parley_addr peer = peer_at(i);
		assert_int_equal(turn_permit(w->customer.turn, w->net.now, &peer), 0);
		if (i < 2)
			assert_int_equal(turn_bind(w->customer.turn, w->net.now, &peer), 0);
	}
	drain(&w->customer);
}

/* --- the tests --- */

/* A datagram to each peer every ten seconds, for two hours, and the first peer's channel idles for one of them. */
static unsigned talk_for_hours(world *w)
{
	unsigned sent = 0;
	for (uint64_t end = w->net.now + HOURS_US; w->net.now < end; sent++) {
		for (unsigned i = 0; i < PEERS; i++)
			send_to(w, i, sent);
		run_for(w, 10 * US_PER_S);
		assert_false(w->customer.ended);
	}
	return sent;
}

static void two_hours(uint64_t seed, simturn_over over, const simnet_path *path)
{
	world w;
	simturn_config config = plain;
	config.sha256 = seed & 1;
	world_init(&w, seed, path, &config);
	begin(&w, over, TURN_IPV4, "p");
	permit_all(&w); /* before it is allocated: it waits */
	run_until(&w, &w.customer.allocated, 20 * US_PER_S);
	run_for(&w, 20 * US_PER_S);
	assert_int_equal(w.customer.permitted, PEERS);
	unsigned sent = talk_for_hours(&w);
	for (unsigned i = 0; i < PEERS; i++) {
		/* Four hops over UDP lose a fifth on the bad path, two of them where the client's are a stream. */
		unsigned expected = path->loss == 0 ? sent : over == SIMTURN_OVER_UDP ? sent * 7 / 10 : sent * 8 / 10;
		assert_in_range(w.customer.received[i], expected, sent);
		assert_true(over != SIMTURN_OVER_TCP || !w.customer.disordered);
	}
	const simturn_counters *n = &w.server.count;
	assert_int_equal(n->allocations, 1);
	assert_int_equal(n->new_permissions, PEERS);
	assert_int_equal(n->new_channels, 2);
	assert_int_equal(n->unpermitted + n->strays + n->mismatches + n->expired + n->wrong_passwords, 0);
	/* RFC 8656: not less than every 10, 5 and 10 minutes, and not more than twice as often. */
	assert_in_range(n->refreshes, 12, 24);
	assert_in_range(n->permissions, 24 * PEERS, 2 * 24 * PEERS + 2 * 24);
	assert_in_range(n->channels, 2 * 12, 2 * 2 * 12);
	assert_in_range(n->stale_nonces, 8, 50);
	turn_close(w.customer.turn, w.net.now);
	drain(&w.customer);
	run_until(&w, &w.customer.ended, 5 * US_PER_S);
	assert_int_equal(w.customer.last.type, TURN_EVENT_CLOSED);
	run_for(&w, US_PER_S);
	if (path->loss == 0)
		assert_int_equal(simturn_allocations(&w.server), 0);
	world_clear(&w);
}

static void two_hours_pass_unnoticed(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		for (unsigned over = 0; over < SIMTURN_OVERS; over++)
			two_hours(seed, (simturn_over)over, seed <= 2 ? &good : &bad);
}

/* An idle one keeps its NAT's binding: the peer's first datagram after an hour arrives. */
static void an_idle_allocation_stays_reachable(void **state)
{
	(void)state;
	for (unsigned over = 0; over < SIMTURN_OVERS; over++) {
		world w;
		uint8_t bytes[DATA_LEN] = {0};
		world_init(&w, 1, &good, &plain);
		begin(&w, (simturn_over)over, TURN_IPV4, "p");
		permit_all(&w);
		run_for(&w, 3600 * US_PER_S);
		assert_false(w.customer.ended);
		parley_addr from = peer_at(0);
		simnet_send(&w.peers[0].host, &from, &w.customer.relayed[0], NULL, slice_of(bytes, sizeof bytes));
		run_for(&w, US_PER_S);
		assert_int_equal(w.customer.received[0], 1);
		world_clear(&w);
	}
}

static void a_restart_of_the_server_is_noticed(void **state)
{
	(void)state;
	for (unsigned over = 0; over < SIMTURN_OVERS; over++)
		for (int probes = 0; probes < 2; probes++) {
			world w;
			world_init(&w, 1, &good, &plain);
			begin(&w, (simturn_over)over, TURN_IPV4, "p");
			permit_all(&w);
			run_for(&w, 10 * US_PER_S);
			simturn_restart(&w.server);
			if (probes)
				turn_probe(w.customer.turn, w.net.now);
			drain(&w.customer);
			run_until(&w, &w.customer.ended, (probes ? 1 : 600) * US_PER_S);
			assert_int_equal(w.customer.last.type, TURN_EVENT_LOST);
			assert_int_equal(w.customer.last.error, PARLEY_ECLOSED);
			begin(&w, (simturn_over)over, TURN_IPV4, "p");
			permit_all(&w);
			run_until(&w, &w.customer.allocated, US_PER_S);
			run_for(&w, US_PER_S);
			send_to(&w, 0, 1);
			run_for(&w, US_PER_S);
			assert_int_equal(w.customer.received[0], 1);
			world_clear(&w);
		}
}

static void a_dead_server_fails_in_time(void **state)
{
	(void)state;
	world w;
	world_init(&w, 1, &good, &plain);
	w.server.host.dead = true;
	begin(&w, SIMTURN_OVER_UDP, TURN_IPV4, "p");
	run_until(&w, &w.customer.ended, 10 * US_PER_S);
	assert_int_equal(w.customer.last.type, TURN_EVENT_FAILED);
	assert_int_equal(w.customer.last.error, PARLEY_ETIMEDOUT);
	world_clear(&w);
}

static void a_wrong_password_fails(void **state)
{
	(void)state;
	for (unsigned over = 0; over < SIMTURN_OVERS; over++) {
		world w;
		world_init(&w, 1, &good, &plain);
		begin(&w, (simturn_over)over, TURN_IPV4, "q");
		run_until(&w, &w.customer.ended, US_PER_S);
		assert_int_equal(w.customer.last.type, TURN_EVENT_FAILED);
		assert_int_equal(w.customer.last.error, PARLEY_EAUTH);
		assert_int_equal(w.customer.last.code, STUN_UNAUTHENTICATED);
		assert_int_equal(w.server.count.wrong_passwords, 1);
		world_clear(&w);
	}
}

static void another_server_is_gone_to(void **state)
{
	(void)state;
	for (unsigned over = 0; over < SIMTURN_OVERS; over++) {
		world w;
		simturn_config config = plain;
		config.alternate = addr_ipv4(203, 0, 113, 20, port_for((simturn_over)over));
		world_init(&w, 1, &good, &config);
		begin(&w, (simturn_over)over, TURN_IPV4, "p");
		run_until(&w, &w.customer.allocated, 2 * US_PER_S);
		assert_int_equal(w.customer.relayed[0].ip[3], 20);
		assert_int_equal(simturn_allocations(&w.other), 1);
		world_clear(&w);
	}
}

static void both_families_are_relayed(void **state)
{
	(void)state;
	for (unsigned families = TURN_IPV4; families <= TURN_BOTH; families++) {
		world w;
		world_init(&w, 1, &good, &plain);
		begin(&w, SIMTURN_OVER_UDP, (turn_families)families, "p");
		run_until(&w, &w.customer.allocated, 2 * US_PER_S);
		assert_int_equal(w.customer.relayed[0].family != PARLEY_ADDR_NONE, families != TURN_IPV6);
		assert_int_equal(w.customer.relayed[1].family != PARLEY_ADDR_NONE, families != TURN_IPV4);
		world_clear(&w);
	}
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "--seed") == 0)
		only_seed = strtoull(argv[2], NULL, 10);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_hours_pass_unnoticed),
		cmocka_unit_test(an_idle_allocation_stays_reachable),
		cmocka_unit_test(a_restart_of_the_server_is_noticed),
		cmocka_unit_test(a_dead_server_fails_in_time),
		cmocka_unit_test(a_wrong_password_fails),
		cmocka_unit_test(another_server_is_gone_to),
		cmocka_unit_test(both_families_are_relayed),
	};
	return cmocka_run_group_tests_name("sim/turn_client", tests, NULL, NULL);
}
