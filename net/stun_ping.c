#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "net/random.h"
#include "net/stream.h"
#include "net/stun.h"
#include "net/timer.h"
#include "net/udp.h"
#include "peer/servers.h"
#include "stun/channel.h"

#define ANSWER_MAX 2048u /* bytes of a message on a stream: an answer to a Binding request is far shorter */

int net_stun_server_parse(const char *url, net_stun_server *out, const char **reason)
{
	server_url server;
	int error = server_url_parse(slice_from_string(url), &server, reason);
	if (error)
		return error;
	_Static_assert(sizeof out->host >= sizeof server.host, "every host fits");
	*out = (net_stun_server){
		.port = server.port, .stream = server.over != ICE_OVER_UDP, .tls = server.over == ICE_OVER_TLS};
	memcpy(out->host, server.host, sizeof server.host);
	return 0;
}

int net_stun_time_limited(const char *secret, const char *name, uint64_t lifetime_s, char *username,
			  size_t username_size, char password[STUN_TIME_LIMITED_PASSWORD_SIZE])
{
	return stun_time_limited_credentials(slice_from_string(secret), (uint64_t)time(NULL) + lifetime_s,
					     slice_from_string(name), username, username_size, password);
}

struct net_stun_ping {
	stun_ping ping;
	stun_ping_config config;
	parley_addr server;
	net_udp *udp;	    /* the one, */
	net_stream *stream; /* or the other */
	bool started;
	uint8_t pending[ANSWER_MAX]; /* of a message on the stream that is not whole yet */
	size_t pending_len;
	net_timer *timer;
	net_stun_ping_callbacks callbacks;
	void *me;
};

static void ping_send(net_stun_ping *p, slice request)
{
	if (p->udp)
		net_udp_send(p->udp, &p->server, request);
	else if (p->stream)
		(void)net_stream_write(p->stream, request); /* if not, its end is on the way */
}

/* Sends, tells, and waits. Telling may free p, and comes last. */
static void ping_drain(net_stun_ping *p)
{
	uint8_t bytes[STUN_HEADER_SIZE];
	packet out = {.data = bytes, .capacity = sizeof bytes};
	stun_ping_event event;
	while (stun_ping_poll_transmit(&p->ping, net_now(), &out))
		ping_send(p, slice_of(out.data, out.len));
	uint64_t deadline = stun_ping_deadline(&p->ping);
	net_timer_set(p->timer, deadline);
	if (stun_ping_poll_event(&p->ping, &event) || p->ping.error)
		p->callbacks.on_event(p->me, &event, deadline == TIME_NEVER);
}

static void ping_timed_out(void *me)
{
	net_stun_ping *p = me;
	stun_ping_timeout(&p->ping, net_now());
	ping_drain(p);
}

static int ping_start(net_stun_ping *p)
{
	const parley_random random = net_random();
	p->started = true;
	net_timer_set(p->timer, net_now());
	return stun_ping_start(&p->ping, net_now(), &p->config, &random);
}

/* --- over UDP --- */

static void datagrams_came(void *me, net_udp *udp, const net_datagrams *d)
{
	(void)udp;
	net_stun_ping *p = me;
	bool answered = false;
	for (size_t i = 0; i < net_datagrams_count(d); i++)
		answered |= stun_ping_receive(&p->ping, d->now, net_datagrams_at(d, i));
	if (answered)
		ping_drain(p);
}

static int ping_by_datagrams(net_stun_ping *p, struct uv_loop_s *loop)
{
	const parley_addr any = {.family = p->server.family};
	int error = net_udp_open(loop, &any, datagrams_came, p, &p->udp);
	return error ? error : ping_start(p);
}

/* --- over TCP --- */

static void stream_opened(void *me, net_stream *stream)
{
	(void)stream;
	net_stun_ping *p = me;
	(void)ping_start(p); /* the configuration has been looked at */
}

static void stream_closed(void *me, net_stream *stream, int error, const char *why)
{
	(void)stream, (void)error;
	net_stun_ping *p = me;
	p->stream = NULL;
	p->callbacks.on_closed(p->me, why);
}

/* Takes whole messages out of what came. Of them only one can be an answer, as there is one request at a time. */
static void take_messages(net_stun_ping *p)
{
	int size;
	bool answered = false;
	while ((size = stun_stream_unit(slice_of(p->pending, p->pending_len))) > 0 && (size_t)size <= p->pending_len) {
		answered |= stun_ping_receive(&p->ping, net_now(), slice_of(p->pending, (size_t)size));
		p->pending_len -= (size_t)size;
		memmove(p->pending, p->pending + size, p->pending_len);
	}
	if (size < 0)
		net_stream_close(p->stream);
	if (answered)
		ping_drain(p);
}

static void stream_data(void *me, net_stream *stream, slice data)
{
	net_stun_ping *p = me;
	if (!p->started || data.len > ANSWER_MAX - p->pending_len) {
		net_stream_close(stream);
		return;
	}
	memcpy(p->pending + p->pending_len, data.data, data.len);
	p->pending_len += data.len;
	take_messages(p);
}

static int ping_by_stream(net_stun_ping *p, struct uv_loop_s *loop, const net_stun_server *server, net_tls *tls)
{
	static const net_stream_callbacks callbacks = {
		.on_open = stream_opened, .on_data = stream_data, .on_close = stream_closed};
	net_stream_options options;
	net_stream_options_default(&options);
	options.tls = server->tls ? tls : NULL;
	return net_stream_connect(loop, server->host, server->port, &options, &callbacks, p, &p->stream);
}

/* --- life --- */

int net_stun_ping_new(struct uv_loop_s *loop, const net_stun_server *server, const parley_addr *address, net_tls *tls,
		      const stun_ping_config *config, const net_stun_ping_callbacks *callbacks, void *me,
		      net_stun_ping **out)
{
	if (!config->interval_us || !config->timeout_us || (server->tls && !tls))
		return PARLEY_EINVAL;
	net_stun_ping *p = calloc(1, sizeof *p);
	if (!p)
		return PARLEY_ENOMEM;
	*p = (net_stun_ping){.server = *address, .config = *config, .callbacks = *callbacks, .me = me};
	p->timer = net_timer_new(loop, ping_timed_out, p);
	int error = PARLEY_ENOMEM;
	if (p->timer)
		error = server->stream ? ping_by_stream(p, loop, server, tls) : ping_by_datagrams(p, loop);
	if (error)
		net_stun_ping_free(p);
	else
		*out = p;
	return error;
}

void net_stun_ping_free(net_stun_ping *p)
{
	if (!p)
		return;
	net_udp_close(p->udp);
	net_stream_release(p->stream);
	net_timer_free(p->timer);
	free(p);
}
