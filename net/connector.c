#include "net/connector.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/dns.h"
#include "net/sockaddr.h"
#include "net/stream.h"
#include "net/timer.h"

struct connector {
	uv_loop_t *loop;
	connector_on_done *on_done;
	void *me;
	net_dns *dns; /* while resolving */
	net_timer *next_attempt;
	parley_addr local; /* family PARLEY_ADDR_NONE: any */
	parley_addr addresses[NET_DNS_ADDRESSES_MAX];
	tcp_socket *attempts[NET_DNS_ADDRESSES_MAX]; /* of the address of the same index; NULL: not begun, or failed */
	size_t count, begun, failed;
	int first_status; /* of the attempt that failed first: the best address tells most */
	char peer[CONNECTOR_PEER_MAX];
};

/* --- sockets --- */

/* libuv writes without MSG_NOSIGNAL: a peer that has gone would end the process. */
static void ignore_sigpipe(void)
{
	struct sigaction action;
	if (sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL)
		signal(SIGPIPE, SIG_IGN);
}

tcp_socket *tcp_socket_new(uv_loop_t *loop, void *owner)
{
	tcp_socket *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	ignore_sigpipe();
	uv_tcp_init(loop, &s->handle); /* makes no descriptor yet: cannot fail */
	s->handle.data = s;
	s->owner = owner;
	return s;
}

static void socket_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void tcp_socket_discard(tcp_socket *s)
{
	if (!s)
		return;
	s->owner = NULL;
	uv_close((uv_handle_t *)&s->handle, socket_closed);
}

static parley_addr named_by(int (*name)(const uv_tcp_t *, struct sockaddr *, int *), const tcp_socket *s)
{
	struct sockaddr_storage raw;
	int len = sizeof raw;
	parley_addr address = {0};
	if (name(&s->handle, (struct sockaddr *)&raw, &len) == 0)
		sockaddr_to_addr((struct sockaddr *)&raw, &address);
	return address;
}

parley_addr tcp_socket_remote(const tcp_socket *s)
{
	return named_by(uv_tcp_getpeername, s);
}

parley_addr tcp_socket_local(const tcp_socket *s)
{
	return named_by(uv_tcp_getsockname, s);
}

int connection_error(int status, const char *peer, char why[NET_WHY_MAX])
{
	switch (status) {
	case UV_ECONNREFUSED:
		snprintf(why, NET_WHY_MAX, "connection to %s refused", peer);
		return PARLEY_EREFUSED;
	case UV_ENETUNREACH:
	case UV_EHOSTUNREACH:
	case UV_EADDRNOTAVAIL:
	case UV_EAFNOSUPPORT:
		snprintf(why, NET_WHY_MAX, "no route to %s", peer);
		return PARLEY_EUNREACHABLE;
	case UV_ETIMEDOUT:
		snprintf(why, NET_WHY_MAX, "connection to %s timed out", peer);
		return PARLEY_ETIMEDOUT;
	case UV_ECONNRESET:
	case UV_EPIPE:
		snprintf(why, NET_WHY_MAX, "connection to %s was cut", peer);
		return PARLEY_ECLOSED;
	default:
		snprintf(why, NET_WHY_MAX, "connection to %s failed: %s", peer, uv_strerror(status));
		return status == UV_ENOMEM ? PARLEY_ENOMEM : PARLEY_EIO;
	}
}

/* --- attempts --- */

static void stop_all(connector *c)
{
	net_timer_set(c->next_attempt, TIME_NEVER);
	for (size_t i = 0; i < c->begun; i++) {
		tcp_socket_discard(c->attempts[i]);
		c->attempts[i] = NULL;
	}
}

static void attempt_ended(uv_connect_t *request, int status);

static int bind_local(const connector *c, tcp_socket *s)
{
	struct sockaddr_storage address;
	if (!c->local.family)
		return 0;
	sockaddr_from_addr(&c->local, &address);
	return uv_tcp_bind(&s->handle, (struct sockaddr *)&address, 0);
}

static int attempt_begin(connector *c, size_t i)
{
	struct sockaddr_storage address;
	sockaddr_from_addr(&c->addresses[i], &address);
	tcp_socket *s = tcp_socket_new(c->loop, c);
	if (!s)
		return UV_ENOMEM;
	int status = bind_local(c, s);
	if (status == 0)
		status = uv_tcp_connect(&s->request, &s->handle, (struct sockaddr *)&address, attempt_ended);
	if (status == 0)
		c->attempts[i] = s;
	else
		tcp_socket_discard(s);
	return status;
}

static void note_failure(connector *c, int status)
{
	if (c->failed++ == 0)
		c->first_status = status;
}

/* Begins the next address, and has the one after it begun in a while; those that fail at once count as tried. */
static void try_next(connector *c)
{
	while (c->begun < c->count) {
		int status = attempt_begin(c, c->begun++);
		if (status == 0)
			break;
		note_failure(c, status);
	}
	if (c->failed == c->count) {
		char why[NET_WHY_MAX];
		int error = connection_error(c->first_status, c->peer, why);
		stop_all(c);
		c->on_done(c->me, NULL, error, why);
		return;
	}
	net_timer_set(c->next_attempt, c->begun < c->count ? net_now() + NET_STREAM_ATTEMPT_DELAY_US : TIME_NEVER);
}

static void attempt_ended(uv_connect_t *request, int status)
{
	tcp_socket *s = request->handle->data;
	connector *c = s->owner;
	if (!c)
		return;
	for (size_t i = 0; i < c->begun; i++)
		if (c->attempts[i] == s)
			c->attempts[i] = NULL;
	if (status == 0) {
		stop_all(c);
		c->on_done(c->me, s, 0, "");
	} else {
		tcp_socket_discard(s);
		note_failure(c, status);
		try_next(c);
	}
}

static void next_attempt_due(void *me)
{
	try_next(me);
}

/* --- addresses --- */

/* The first address of one family, the first of the other, and so on, the resolver's favourite first (RFC 8305 4). */
static void interleave(connector *c, const parley_addr *addresses, size_t count)
{
	bool taken[NET_DNS_ADDRESSES_MAX] = {false};
	uint8_t wanted = addresses[0].family;
	while (c->count < count) {
		size_t pick = count;
		for (size_t i = count; i-- > 0;)
			if (!taken[i] &&
			    (pick == count || addresses[i].family == wanted || addresses[pick].family != wanted))
				pick = i;
		taken[pick] = true;
		c->addresses[c->count++] = addresses[pick];
		wanted = addresses[pick].family == PARLEY_IPV4 ? PARLEY_IPV6 : PARLEY_IPV4;
	}
}

static void resolved(void *me, int error, const char *why, const parley_addr *addresses, size_t count)
{
	connector *c = me;
	c->dns = NULL;
	if (error) {
		c->on_done(c->me, NULL, error, why);
		return;
	}
	interleave(c, addresses, count);
	try_next(c);
}

int connector_new(uv_loop_t *loop, const char *host, uint16_t port, const char *peer, const parley_addr *local,
		  connector_on_done *on_done, void *me, connector **out)
{
	connector *c = calloc(1, sizeof *c);
	if (!c)
		return PARLEY_ENOMEM;
	*c = (connector){.loop = loop, .on_done = on_done, .me = me};
	if (local)
		c->local = *local;
	snprintf(c->peer, sizeof c->peer, "%s", peer);
	c->next_attempt = net_timer_new(loop, next_attempt_due, c);
	int error = c->next_attempt ? net_dns_resolve(loop, host, port, resolved, c, &c->dns) : PARLEY_ENOMEM;
	if (error) {
		connector_free(c);
		return error;
	}
	*out = c;
	return 0;
}

void connector_free(connector *c)
{
	if (!c)
		return;
	if (c->next_attempt)
		stop_all(c);
	net_dns_cancel(c->dns);
	net_timer_free(c->next_attempt);
	free(c);
}

bool connector_is_resolving(const connector *c)
{
	return c->dns != NULL;
}
