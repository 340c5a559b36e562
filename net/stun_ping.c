#include <stdlib.h>
#include <string.h>

#include "net/random.h"
#include "net/stun.h"
#include "net/timer.h"
#include "net/udp.h"
#include "peer/servers.h"

int net_stun_server_parse(const char *url, net_stun_server *out, const char **reason)
{
	server_url server;
	int error = server_url_parse(slice_from_string(url), &server, reason);
	if (!error && server.turn) {
		*reason = "this is no stun: URL";
		error = PARLEY_EINVAL;
	}
	if (error)
		return error;
	_Static_assert(sizeof out->host >= sizeof server.host, "every host fits");
	memcpy(out->host, server.host, sizeof server.host);
	out->port = server.port;
	return 0;
}

struct net_stun_ping {
	stun_ping ping;
	parley_addr server;
	net_udp *udp;
	net_timer *timer;
	net_on_stun_ping *on_event;
	void *me;
};

/* Sends, tells, and waits. Telling may free p, and comes last. */
static void ping_drain(net_stun_ping *p)
{
	uint8_t bytes[STUN_HEADER_SIZE];
	packet out = {.data = bytes, .capacity = sizeof bytes};
	stun_ping_event event;
	while (stun_ping_poll_transmit(&p->ping, net_now(), &out))
		net_udp_send(p->udp, &p->server, slice_of(out.data, out.len));
	uint64_t deadline = stun_ping_deadline(&p->ping);
	net_timer_set(p->timer, deadline);
	if (stun_ping_poll_event(&p->ping, &event) || p->ping.error)
		p->on_event(p->me, &event, deadline == TIME_NEVER);
}

static void ping_timed_out(void *me)
{
	net_stun_ping *p = me;
	stun_ping_timeout(&p->ping, net_now());
	ping_drain(p);
}

static void ping_received(void *me, net_udp *udp, const parley_addr *remote, slice data)
{
	(void)udp, (void)remote;
	net_stun_ping *p = me;
	if (stun_ping_receive(&p->ping, net_now(), data))
		ping_drain(p);
}

static int ping_set_up(net_stun_ping *p, struct uv_loop_s *loop, const stun_ping_config *config)
{
	const parley_random random = net_random();
	const parley_addr any = {.family = p->server.family};
	p->timer = net_timer_new(loop, ping_timed_out, p);
	if (!p->timer)
		return PARLEY_ENOMEM;
	int error = net_udp_open(loop, &any, ping_received, p, &p->udp);
	return error ? error : stun_ping_start(&p->ping, net_now(), config, &random);
}

int net_stun_ping_new(struct uv_loop_s *loop, const parley_addr *server, const stun_ping_config *config,
		      net_on_stun_ping *on_event, void *me, net_stun_ping **out)
{
	net_stun_ping *p = calloc(1, sizeof *p);
	if (!p)
		return PARLEY_ENOMEM;
	*p = (net_stun_ping){.server = *server, .on_event = on_event, .me = me};
	int error = ping_set_up(p, loop, config);
	if (error) {
		net_stun_ping_free(p);
		return error;
	}
	net_timer_set(p->timer, net_now());
	*out = p;
	return 0;
}

void net_stun_ping_free(net_stun_ping *p)
{
	if (!p)
		return;
	net_udp_close(p->udp);
	net_timer_free(p->timer);
	free(p);
}
