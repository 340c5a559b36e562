/* net/stun.h, with a STUN server that has two addresses on loopback. */
#include "tests/support/test.h"

#include <string.h>

#include "base/addr.h"
#include "base/time.h"
#include "net/stream.h"
#include "net/stun.h"
#include "net/udp.h"
#include "stun/build.h"
#include "tests/net/harness.h"
#include "tests/support/failmalloc.h"

#define SOCKETS 4u /* number: bit 0 is the port, bit 1 the IP address */

typedef struct {
	net_udp *sockets[SOCKETS];
	size_t requests;
} server;

static size_t number_of(const server *s, const net_udp *udp)
{
	size_t i = 0;
	while (s->sockets[i] != udp)
		i++;
	return i;
}

static void answer(server *s, const net_udp *udp, const parley_addr *remote, slice request)
{
	stun_message m;
	assert_int_equal(stun_parse(request, &m), 0);
	size_t asked = number_of(s, udp), from = asked;
	if (m.has_change_request)
		from ^= (m.change_request & STUN_CHANGE_IP ? 2u : 0u) | (m.change_request & STUN_CHANGE_PORT ? 1u : 0u);
	uint8_t bytes[128];
	writer w = writer_of(bytes, sizeof bytes);
	stun_begin(&w, STUN_SUCCESS, STUN_BINDING, &m.id);
	stun_put_xor_address(&w, STUN_ATTR_XOR_MAPPED_ADDRESS, remote);
	stun_put_address(&w, STUN_ATTR_OTHER_ADDRESS, net_udp_local(s->sockets[asked ^ 3u]));
	s->requests++;
	net_udp_send(s->sockets[from], remote, writer_slice(&w));
}

static void serve(void *me, net_udp *udp, const net_datagrams *d)
{
	for (size_t i = 0; i < net_datagrams_count(d); i++)
		answer(me, udp, d->remote, net_datagrams_at(d, i));
}

static void server_open(server *s, uv_loop_t *loop)
{
	*s = (server){0};
	parley_addr at = addr_ipv4(127, 0, 0, 1, 0);
	for (size_t i = 0; i < SOCKETS; i++) {
		at.ip[3] = i & 2 ? 2 : 1;
		at.port = i >= 2 ? net_udp_local(s->sockets[i - 2])->port : 0;
		assert_int_equal(net_udp_open(loop, &at, serve, s, &s->sockets[i]), 0);
	}
}

static void server_close(server *s)
{
	for (size_t i = 0; i < SOCKETS; i++)
		net_udp_close(s->sockets[i]);
}

/* --- round trips --- */

typedef struct {
	net_stun_ping *ping;
	size_t events, answers;
	bool over, closed;
} pinger;

static void ping_event(void *me, const stun_ping_event *event, bool last)
{
	pinger *p = me;
	p->events++;
	assert_int_equal(event->number, p->events);
	p->answers += event->answered && event->has_mapped;
	p->over = last;
	if (last)
		net_stun_ping_free(p->ping);
}

static void ping_closed(void *me, const char *why)
{
	pinger *p = me;
	assert_true(why[0] != '\0');
	p->closed = p->over = true;
	net_stun_ping_free(p->ping);
}

static const net_stun_ping_callbacks callbacks = {ping_event, ping_closed};
static const net_stun_server over_udp = {0};

static void pings_are_answered_or_lost(void **state)
{
	(void)state;
	stun_ping_config config = {.count = 3, .interval_us = US_PER_MS, .timeout_us = 30 * US_PER_S};
	uv_loop_t *loop = harness_loop_new();
	server s;
	server_open(&s, loop);
	parley_addr address = *net_udp_local(s.sockets[0]);
	for (int alive = 1; alive >= 0; alive--) {
		pinger p = {0};
		assert_int_equal(net_stun_ping_new(loop, &over_udp, &address, NULL, &config, &callbacks, &p, &p.ping),
				 0);
		harness_run_until(loop, &p.over);
		assert_int_equal(p.events, 3);
		assert_int_equal(p.answers, alive ? 3 : 0);
		if (alive)
			server_close(&s);
		config.timeout_us = US_PER_MS;
	}
	harness_loop_free(loop);
}

/* Answers each request after an answer to nobody, a byte here and the rest there; the second one by the connection's end. */
static void stream_came(void *me, net_stream *stream, slice data)
{
	size_t *requests = me;
	uint8_t bytes[128];
	stun_message m;
	assert_int_equal(stun_parse(data, &m), 0);
	stun_id other = m.id;
	other.bytes[0] ^= 1;
	writer w = writer_of(bytes, sizeof bytes);
	stun_begin(&w, STUN_SUCCESS, STUN_BINDING, &other);
	net_stream_write(stream, writer_slice(&w));
	const parley_addr mapped = net_stream_remote(stream);
	w = writer_of(bytes, sizeof bytes);
	stun_begin(&w, STUN_SUCCESS, STUN_BINDING, &m.id);
	stun_put_xor_address(&w, STUN_ATTR_XOR_MAPPED_ADDRESS, &mapped);
	net_stream_write(stream, slice_part(writer_slice(&w), 0, 1));
	net_stream_write(stream, slice_part(writer_slice(&w), 1, w.len));
	if (++*requests == 2)
		net_stream_close(stream);
}

static void stream_accepted(void *me, net_listener *listener, net_stream *stream)
{
	(void)listener;
	net_stream_set_callbacks(stream, &(net_stream_callbacks){.on_data = stream_came}, me);
}

static void pings_go_over_tcp_until_it_ends(void **state)
{
	(void)state;
	static const stun_ping_config config = {.count = 3, .interval_us = US_PER_MS, .timeout_us = 30 * US_PER_S};
	uv_loop_t *loop = harness_loop_new();
	size_t requests = 0;
	pinger p = {0};
	net_listener *listener;
	parley_addr address = addr_ipv4(127, 0, 0, 1, 0);
	assert_int_equal(net_listener_new(loop, &address, NULL, stream_accepted, &requests, &listener, NULL), 0);
	address = net_listener_address(listener);
	net_stun_server over_tcp = {.host = "127.0.0.1", .port = address.port, .stream = true};
	assert_int_equal(net_stun_ping_new(loop, &over_tcp, &address, NULL, &config, &callbacks, &p, &p.ping), 0);
	harness_run_until(loop, &p.over);
	assert_true(p.closed);
	assert_int_equal(p.answers, 2);
	net_listener_free(listener);
	harness_loop_free(loop);
}

/* --- behaviour --- */

typedef struct {
	net_stun_behaviour *behaviour;
	stun_behaviour_result result;
	bool over;
} discoverer;

static void behaviour_done(void *me, const stun_behaviour_result *result)
{
	discoverer *d = me;
	d->result = *result;
	d->over = true;
	net_stun_behaviour_free(d->behaviour);
}

static void loopback_has_no_nat(void **state)
{
	(void)state;
	uv_loop_t *loop = harness_loop_new();
	server s;
	discoverer d = {0};
	server_open(&s, loop);
	parley_addr local = addr_ipv4(127, 0, 0, 1, 0);
	assert_int_equal(
		net_stun_behaviour_new(loop, &local, net_udp_local(s.sockets[0]), behaviour_done, &d, &d.behaviour), 0);
	harness_run_until(loop, &d.over);
	assert_true(d.result.reachable && d.result.supported && !d.result.translated);
	assert_int_equal(d.result.mapping, STUN_ENDPOINT_INDEPENDENT);
	assert_int_equal(d.result.filtering, STUN_ENDPOINT_INDEPENDENT);
	server_close(&s);
	harness_loop_free(loop);
}

static void what_is_freed_says_nothing(void **state)
{
	(void)state;
	static const stun_ping_config config = {.count = 1, .interval_us = US_PER_MS, .timeout_us = 50 * US_PER_MS};
	uv_loop_t *loop = harness_loop_new();
	pinger p = {0};
	discoverer d = {0};
	parley_addr local = addr_ipv4(127, 0, 0, 1, 0), nowhere = addr_ipv4(127, 0, 0, 1, 9);
	assert_int_equal(net_stun_ping_new(loop, &over_udp, &nowhere, NULL, &config, &callbacks, &p, &p.ping), 0);
	assert_int_equal(net_stun_behaviour_new(loop, &local, &nowhere, behaviour_done, &d, &d.behaviour), 0);
	net_stun_ping_free(p.ping);
	net_stun_behaviour_free(d.behaviour);
	harness_loop_free(loop);
	assert_false(p.events || d.over);
}

static void wrong_calls_are_refused(void **state)
{
	(void)state;
	uv_loop_t *loop = harness_loop_new();
	discoverer d = {0};
	pinger p = {0};
	parley_addr foreign = addr_ipv4(192, 0, 2, 200, 0), nowhere = addr_ipv4(127, 0, 0, 1, 9);
	const parley_addr v6 = {.family = PARLEY_IPV6, .ip = {[15] = 1}, .port = 9};
	assert_int_equal(net_stun_behaviour_new(loop, &foreign, &nowhere, behaviour_done, &d, &d.behaviour),
			 PARLEY_EIO);
	assert_int_equal(net_stun_behaviour_new(loop, &nowhere, &v6, behaviour_done, &d, &d.behaviour), PARLEY_EINVAL);
	assert_int_equal(net_stun_ping_new(loop, &over_udp, &nowhere, NULL, &(stun_ping_config){.count = 1}, &callbacks,
					   &p, &p.ping),
			 PARLEY_EINVAL);
	net_stun_server parsed;
	const char *reason;
	assert_int_equal(net_stun_server_parse("stun:[2001:db8::1]:19302", &parsed, &reason), 0);
	assert_string_equal(parsed.host, "2001:db8::1");
	assert_int_equal(parsed.port, 19302);
	assert_false(parsed.stream || parsed.tls);
	assert_int_equal(net_stun_server_parse("turns:example.org", &parsed, &reason), 0);
	assert_true(parsed.stream && parsed.tls);
	assert_int_equal(parsed.port, 5349);
	assert_int_equal(
		net_stun_ping_new(loop, &parsed, &nowhere, NULL, &(stun_ping_config){1, 1, 1}, &callbacks, &p, &p.ping),
		PARLEY_EINVAL); /* whom to believe? */
	assert_int_equal(net_stun_server_parse("http://example.org", &parsed, &reason), PARLEY_EINVAL);
	harness_loop_free(loop);
}

static void open_and_free(void *context)
{
	(void)context;
	static const stun_ping_config config = {.count = 1, .interval_us = US_PER_MS, .timeout_us = US_PER_MS};
	uv_loop_t loop;
	assert_int_equal(uv_loop_init(&loop), 0);
	parley_addr local = addr_ipv4(127, 0, 0, 1, 9);
	const net_stun_server over_tcp = {.host = "127.0.0.1", .port = 9, .stream = true};
	net_stun_ping *ping;
	net_stun_behaviour *behaviour;
	if (net_stun_ping_new(&loop, &over_tcp, &local, NULL, &config, &callbacks, NULL, &ping) == 0)
		net_stun_ping_free(ping);
	if (net_stun_ping_new(&loop, &over_udp, &local, NULL, &config, &callbacks, NULL, &ping) == 0)
		net_stun_ping_free(ping);
	if (net_stun_behaviour_new(&loop, &local, &local, behaviour_done, NULL, &behaviour) == 0)
		net_stun_behaviour_free(behaviour);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void every_failed_allocation_is_survived(void **state)
{
	(void)state;
	failmalloc_loop(open_and_free, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pings_are_answered_or_lost), cmocka_unit_test(pings_go_over_tcp_until_it_ends),
		cmocka_unit_test(loopback_has_no_nat),	      cmocka_unit_test(what_is_freed_says_nothing),
		cmocka_unit_test(wrong_calls_are_refused),    cmocka_unit_test(every_failed_allocation_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
