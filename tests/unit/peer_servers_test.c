/* peer/servers.h, and how a connection uses ICE servers: names, streams, credentials, statistics, and why there is no path. */
#include "tests/support/test.h"

#include <string.h>

#include "base/addr.h"
#include "base/rng.h"
#include "ice/turn.h"
#include "peer/internal.h"
#include "peer/servers.h"
#include "tests/support/failmalloc.h"

#define NOW (100 * US_PER_S)

static void urls(void **state)
{
	(void)state;
	static const struct {
		const char *url, *host;
		uint16_t port;
		bool turn;
		ice_over over;
		int result;
	} cases[] = {
		{"stun:stun.l.google.com:19302", "stun.l.google.com", 19302, false, ICE_OVER_UDP, 0},
		{"STUN:example.org", "example.org", 3478, false, ICE_OVER_UDP, 0},
		{"stun:192.0.2.1:3479", "192.0.2.1", 3479, false, ICE_OVER_UDP, 0},
		{"stun:[2001:db8::1]:3479", "2001:db8::1", 3479, false, ICE_OVER_UDP, 0},
		/* The examples of RFC 7065, appendix A. */
		{"turn:example.org", "example.org", 3478, true, ICE_OVER_UDP, 0},
		{"turns:example.org", "example.org", 5349, true, ICE_OVER_TLS, 0},
		{"turn:example.org:8000", "example.org", 8000, true, ICE_OVER_UDP, 0},
		{"turn:example.org?transport=udp", "example.org", 3478, true, ICE_OVER_UDP, 0},
		{"turn:example.org?transport=tcp", "example.org", 3478, true, ICE_OVER_TCP, 0},
		{"turns:example.org?transport=tcp", "example.org", 5349, true, ICE_OVER_TLS, 0},
		{"Turns:[2001:db8::1]:443?Transport=TCP", "2001:db8::1", 443, true, ICE_OVER_TLS, 0},
		{"turns:example.org?transport=udp", "", 0, false, ICE_OVER_UDP, PARLEY_EUNSUPPORTED},
		{"turn:example.org?transport=sctp", "", 0, false, ICE_OVER_UDP, PARLEY_EUNSUPPORTED},
		{"stuns:example.org", "", 0, false, ICE_OVER_UDP, PARLEY_EUNSUPPORTED},
		{"turn:example.org?", "", 0, false, ICE_OVER_UDP, PARLEY_EINVAL},
		{"turn:example.org?transport=", "", 0, false, ICE_OVER_UDP, PARLEY_EUNSUPPORTED},
		{"turn:user@example.org", "", 0, false, ICE_OVER_UDP, PARLEY_EINVAL},
		{"turn://example.org", "", 0, false, ICE_OVER_UDP, PARLEY_EINVAL},
		{"stun:example.org?transport=udp", "", 0, false, ICE_OVER_UDP, PARLEY_EINVAL},
		{"http://example.org", "", 0, false, ICE_OVER_UDP, PARLEY_EINVAL},
		{"stun:", "", 0, false, ICE_OVER_UDP, PARLEY_EINVAL},
		{"turn:?transport=udp", "", 0, false, ICE_OVER_UDP, PARLEY_EINVAL},
		{"stun:host:0", "", 0, false, ICE_OVER_UDP, PARLEY_EINVAL},
		{"stun:host:65536", "", 0, false, ICE_OVER_UDP, PARLEY_EINVAL},
		{"stun:host:", "", 0, false, ICE_OVER_UDP, PARLEY_EINVAL},
		{"stun:[::1", "", 0, false, ICE_OVER_UDP, PARLEY_EINVAL},
		{"stun:[::1]x", "", 0, false, ICE_OVER_UDP, PARLEY_EINVAL},
		{"stun:ho st", "", 0, false, ICE_OVER_UDP, PARLEY_EINVAL},
		{"", "", 0, false, ICE_OVER_UDP, PARLEY_EINVAL},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		server_url s;
		const char *reason = "";
		int err = server_url_parse(slice_from_string(cases[i].url), &s, &reason);
		if (err != cases[i].result)
			fail_msg("%s: %d", cases[i].url, err);
		if (err) {
			assert_true(reason[0]);
			continue;
		}
		assert_string_equal(s.host, cases[i].host);
		assert_int_equal(s.port, cases[i].port);
		assert_int_equal(s.turn, cases[i].turn);
		assert_int_equal(s.over, cases[i].over);
	}
}

static void turn_wants_credentials(void **state)
{
	(void)state;
	const char *reason;
	assert_int_equal(parley_ice_server_check(&(parley_ice_server){.url = "turn:a"}, &reason), PARLEY_EINVAL);
	assert_string_equal(reason, "a TURN server wants a user name and a credential");
	assert_int_equal(parley_ice_server_check(&(parley_ice_server){"turn:a", "u", ""}, NULL), PARLEY_EINVAL);
	assert_int_equal(parley_ice_server_check(&(parley_ice_server){"turn:a", "u", "p"}, &reason), 0);
	assert_int_equal(parley_ice_server_check(&(parley_ice_server){"stun:a", NULL, NULL}, &reason), 0);
	assert_int_equal(parley_ice_server_check(&(parley_ice_server){0}, &reason), PARLEY_EINVAL);
	char long_name[TURN_USERNAME_MAX + 2] = {0};
	memset(long_name, 'a', TURN_USERNAME_MAX + 1);
	assert_int_equal(parley_ice_server_check(&(parley_ice_server){"turn:a", long_name, "p"}, &reason),
			 PARLEY_EINVAL);
}

/* --- a connection --- */

typedef struct {
	parley_core *core;
	rng_seeded rng;
	uint64_t now;
	parley_event opened; /* the last of each */
	char server_name[64], resolve_name[64], reason[256];
	uint32_t resolve_id;
	unsigned opens, closes, resolves, candidates;
	unsigned packets, stream_packets;
	parley_addr sent_to[64];
} world;

static int create(world *w, const parley_ice_server *servers, size_t count, enum parley_ice_transport_policy policy)
{
	parley_core_config config;
	*w = (world){.now = NOW};
	rng_seeded_init(&w->rng, 7);
	parley_core_config_default(&config);
	config.random = rng_seeded_source(&w->rng);
	config.unix_time_s = 1700000000;
	config.ice_servers = servers;
	config.ice_server_count = count;
	config.ice_transport_policy = policy;
	return parley_core_new(&config, w->now, &w->core);
}

static void note(world *w, const parley_event *e)
{
	text t;
	switch (e->type) {
	case PARLEY_EVENT_STREAM_OPEN:
		w->opens++;
		w->opened = *e;
		t = text_of(w->server_name, sizeof w->server_name);
		text_string(&t, e->stream_open.server_name);
		break;
	case PARLEY_EVENT_STREAM_CLOSE:
		w->closes++;
		break;
	case PARLEY_EVENT_RESOLVE:
		w->resolves++;
		w->resolve_id = e->resolve.id;
		t = text_of(w->resolve_name, sizeof w->resolve_name);
		text_string(&t, e->resolve.name);
		break;
	case PARLEY_EVENT_ICE_CANDIDATE:
		w->candidates += e->ice_candidate.candidate[0] != '\0';
		break;
	case PARLEY_EVENT_CONNECTION_STATE:
		t = text_of(w->reason, sizeof w->reason);
		text_string(&t, e->connection.reason);
		break;
	default:
		break;
	}
}

static void drain(world *w)
{
	parley_packet p;
	parley_event e;
	bool any = true;
	while (any) {
		any = false;
		for (; parley_core_poll_transmit(w->core, w->now, &p); any = true) {
			if (w->packets < ARRAY_LENGTH(w->sent_to))
				w->sent_to[w->packets] = p.remote;
			w->packets++;
			w->stream_packets += p.stream != 0;
			assert_true(!p.stream || p.control);
		}
		for (; parley_core_poll_event(w->core, &e); any = true)
			note(w, &e);
	}
	parley_core_check_invariants(w->core);
}

static void run(world *w, uint64_t for_us)
{
	uint64_t until = w->now + for_us;
	for (uint64_t t; (t = parley_core_deadline(w->core)) <= until;) {
		w->now = t > w->now ? t : w->now;
		parley_core_timeout(w->core, w->now);
		drain(w);
	}
	w->now = until;
}

static void offer(world *w)
{
	parley_channel channel;
	parley_addr local = addr_ipv4(192, 0, 2, 10, 5000);
	assert_int_equal(parley_core_create_data_channel(w->core, w->now, "x", NULL, &channel), 0);
	assert_int_equal(parley_core_add_local_address(w->core, w->now, &local), 0);
	assert_int_equal(parley_core_local_addresses_done(w->core, w->now), 0);
	assert_int_equal(parley_core_set_local_description(w->core, w->now, PARLEY_SDP_OFFER, NULL), 0);
	drain(w);
}

/* The other side's answer, with a candidate that nobody is at. */
static void answer(world *w)
{
	world other;
	parley_sdp_type type;
	parley_addr there = addr_ipv4(192, 0, 2, 99, 6000);
	char *sdp;
	assert_int_equal(create(&other, NULL, 0, PARLEY_ICE_TRANSPORT_ALL), 0);
	assert_int_equal(parley_core_add_local_address(other.core, NOW, &there), 0);
	assert_int_equal(parley_core_local_addresses_done(other.core, NOW), 0);
	assert_int_equal(parley_core_local_description(w->core, &type, &sdp), 0);
	assert_int_equal(parley_core_set_remote_description(other.core, NOW, PARLEY_SDP_OFFER, sdp), 0);
	parley_free(sdp);
	assert_int_equal(parley_core_set_local_description(other.core, NOW, PARLEY_SDP_ANSWER, NULL), 0);
	drain(&other);
	assert_int_equal(parley_core_local_description(other.core, &type, &sdp), 0);
	assert_int_equal(parley_core_set_remote_description(w->core, w->now, PARLEY_SDP_ANSWER, sdp), 0);
	parley_free(sdp);
	parley_core_free(other.core);
	drain(w);
}

/* Over TLS the stream goes to the address, and the certificate names the host. */
static void a_stream_is_asked_for_by_name(void **state)
{
	(void)state;
	static const parley_ice_server servers[] = {{"turns:turn.example:443", "user", "secret"}};
	world w;
	assert_int_equal(create(&w, servers, 1, PARLEY_ICE_TRANSPORT_RELAY), 0);
	offer(&w);
	assert_string_equal(w.resolve_name, "turn.example");
	assert_int_equal(w.opens, 0);
	parley_addr found[3] = {addr_ipv4(203, 0, 113, 1, 0), addr_ipv4(203, 0, 113, 2, 0)};
	assert_true(addr_parse_ip(slice_from_string("2001:db8::1"), 0, &found[2]));
	parley_core_resolved(w.core, w.now, w.resolve_id, found, 3);
	drain(&w);
	run(&w, US_PER_S);
	assert_int_equal(w.opens, 2); /* one of each family */
	assert_true(w.opened.stream_open.tls);
	assert_int_equal(w.opened.stream_open.remote.port, 443);
	assert_int_equal(w.opened.stream_open.remote.transport, PARLEY_TCP);
	assert_string_equal(w.server_name, "turn.example");
	assert_int_equal(w.packets, 0); /* nothing direct: the policy is relay */
	assert_int_equal(w.candidates, 0);
	parley_core_stream_opened(w.core, w.now, w.opened.stream_open.stream, &found[0]);
	drain(&w);
	assert_int_equal(w.stream_packets, 1); /* Allocate */
	/* What comes is TURN, or the stream is closed. */
	parley_core_stream_receive(w.core, w.now, w.opened.stream_open.stream, (const uint8_t *)"HTTP/1.1 400 Bad", 16);
	drain(&w);
	assert_int_equal(w.closes, 1);
	parley_core_stream_receive(w.core, w.now, w.opened.stream_open.stream, (const uint8_t *)"x",
				   1); /* unknown now */
	parley_core_free(w.core);
}

static void servers_change_with_a_restart(void **state)
{
	(void)state;
	static const parley_ice_server first[] = {{.url = "stun:203.0.113.1"}}, bad[] = {{.url = "turn:203.0.113.2"}};
	static const parley_ice_server second[] = {{"turn:203.0.113.2?transport=tcp", "user", "secret"},
						   {.url = "stun:203.0.113.3"}};
	world w;
	assert_int_equal(create(&w, first, 1, PARLEY_ICE_TRANSPORT_ALL), 0);
	offer(&w);
	run(&w, US_PER_S);
	assert_int_equal(w.sent_to[0].ip[3], 1);
	assert_int_equal(parley_core_set_ice_servers(w.core, w.now, bad, 1), PARLEY_EINVAL);
	assert_string_equal(parley_core_last_error(w.core), "a TURN server wants a user name and a credential");
	assert_int_equal(parley_core_set_ice_servers(w.core, w.now, second, 2), 0);
	drain(&w);
	answer(&w);
	run(&w, 10 * US_PER_S);
	assert_int_equal(w.opens, 0);
	w.packets = 0;
	assert_int_equal(parley_core_restart_ice(w.core), 0);
	assert_int_equal(parley_core_set_local_description(w.core, w.now, PARLEY_SDP_OFFER, NULL), 0);
	drain(&w);
	run(&w, 100 * US_PER_MS);
	assert_int_equal(w.opens, 1);
	assert_int_equal(w.sent_to[0].ip[3], 3);
	assert_int_equal(parley_core_set_ice_servers(w.core, w.now, second, PARLEY_ICE_SERVERS_MAX + 1), PARLEY_EINVAL);
	parley_core_close(w.core, w.now);
	assert_int_equal(parley_core_set_ice_servers(w.core, w.now, second, 2), PARLEY_ECLOSED);
	parley_core_free(w.core);
}

/* The reason with which a connection with these servers fails. refuse: its stream is. */
static void fails_with(const parley_ice_server *servers, size_t count, enum parley_ice_transport_policy policy,
		       bool refuse, const char *reason)
{
	world w;
	assert_int_equal(create(&w, servers, count, policy), 0);
	offer(&w);
	if (w.resolves)
		parley_core_resolved(w.core, w.now, w.resolve_id, NULL, 0);
	if (refuse)
		parley_core_stream_closed(w.core, w.now, w.opened.stream_open.stream, PARLEY_EREFUSED,
					  "connection to 203.0.113.2:443 refused");
	drain(&w);
	answer(&w);
	run(&w, 60 * US_PER_S);
	assert_int_equal(parley_core_connection_state(w.core), PARLEY_CONNECTION_FAILED);
	assert_string_equal(w.reason, reason);
	parley_core_free(w.core);
}

static void a_failure_tells_why(void **state)
{
	(void)state;
	static const parley_ice_server stun = {.url = "stun:stun.example"};
	static const parley_ice_server turn = {"turn:203.0.113.2", "user", "secret"};
	static const parley_ice_server turns = {"turns:203.0.113.2:443", "user", "secret"};
	static const parley_ice_server other = {"turn:[2001:db8::1]", "user", "secret"};
	fails_with(NULL, 0, PARLEY_ICE_TRANSPORT_ALL, false,
		   "no path to the peer: no check was answered; no TURN server is configured");
	fails_with(
		&stun, 1, PARLEY_ICE_TRANSPORT_ALL, false,
		"no path to the peer: no check was answered; no TURN server is configured; stun:stun.example has no address");
	fails_with(&turn, 1, PARLEY_ICE_TRANSPORT_ALL, false,
		   "no path to the peer: no check was answered; turn:203.0.113.2 does not answer");
	fails_with(&turn, 1, PARLEY_ICE_TRANSPORT_RELAY, false,
		   "no path to the peer: we have no candidate ourselves; turn:203.0.113.2 does not answer");
	fails_with(
		&turns, 1, PARLEY_ICE_TRANSPORT_ALL, true,
		"no path to the peer: no check was answered; turns:203.0.113.2:443 failed: connection to 203.0.113.2:443 refused");
	fails_with(
		&other, 1, PARLEY_ICE_TRANSPORT_ALL, false,
		"no path to the peer: no check was answered; turn:[2001:db8::1] is of another address family than ours");
}

static void gather_with_failing_memory(void *context)
{
	(void)context;
	static const parley_ice_server servers[] = {{"turn:203.0.113.2", "user", "secret"},
						    {"turns:turn.example", "user", "secret"}};
	world w;
	if (create(&w, servers, 2, PARLEY_ICE_TRANSPORT_ALL))
		return;
	(void)parley_core_set_ice_servers(w.core, w.now, servers, 2);
	parley_core_free(w.core);
}

static void every_allocation_may_fail(void **state)
{
	(void)state;
	failmalloc_loop(gather_with_failing_memory, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls),
		cmocka_unit_test(turn_wants_credentials),
		cmocka_unit_test(a_stream_is_asked_for_by_name),
		cmocka_unit_test(servers_change_with_a_restart),
		cmocka_unit_test(a_failure_tells_why),
		cmocka_unit_test(every_allocation_may_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
