#include "net/dns.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/addr.h"
#include "base/text.h"
#include "net/sockaddr.h"
#include "net/timer.h"

#define HOST_MAX 254u /* 253 (RFC 1035 2.3.4) and a final dot */

struct net_dns {
	uv_getaddrinfo_t request;
	bool asking; /* request belongs to libuv */
	net_timer *timer;
	net_on_resolved *on_resolved; /* NULL: answered or cancelled */
	void *me;
	uint16_t port;
	char host[HOST_MAX + 1];
};

static void dns_free_if_idle(net_dns *d)
{
	if (d->asking)
		return;
	net_timer_free(d->timer);
	free(d);
}

static void dns_answer(net_dns *d, int error, const char *why, const parley_addr *addresses, size_t count)
{
	net_on_resolved *on_resolved = d->on_resolved;
	d->on_resolved = NULL;
	net_timer_set(d->timer, TIME_NEVER);
	on_resolved(d->me, error, why, addresses, count);
}

static void dns_fail(net_dns *d, int error, const char *what)
{
	char why[NET_WHY_MAX];
	snprintf(why, sizeof why, "%s: %.*s", what, (int)(NET_WHY_MAX / 2), d->host);
	dns_answer(d, error, why, NULL, 0);
}

static size_t collect(const struct addrinfo *info, parley_addr *out)
{
	size_t count = 0;
	for (; info && count < NET_DNS_ADDRESSES_MAX; info = info->ai_next)
		count += sockaddr_to_addr(info->ai_addr, &out[count]);
	return count;
}

static void lookup_ended(uv_getaddrinfo_t *request, int status, struct addrinfo *info)
{
	net_dns *d = request->data;
	d->asking = false;
	if (d->on_resolved) {
		parley_addr addresses[NET_DNS_ADDRESSES_MAX];
		size_t count = status == 0 ? collect(info, addresses) : 0;
		for (size_t i = 0; i < count; i++)
			addresses[i].port = d->port;
		if (count > 0)
			dns_answer(d, 0, "", addresses, count);
		else if (status == UV_EAI_AGAIN)
			dns_fail(d, PARLEY_ERESOLVE, "the name server does not answer for");
		else if (status == UV_EAI_MEMORY || status == UV_ENOMEM)
			dns_fail(d, PARLEY_ENOMEM, "out of memory looking up");
		else
			dns_fail(d, PARLEY_ERESOLVE, "no such host");
	}
	uv_freeaddrinfo(info);
	dns_free_if_idle(d);
}

/* Either the lookup took too long, or there is none to do and the answer just had to come from the loop. */
static void dns_timer_fired(void *me)
{
	net_dns *d = me;
	parley_addr literal;
	if (addr_parse_ip(slice_from_string(d->host), d->port, &literal))
		dns_answer(d, 0, "", &literal, 1);
	else if (net_dns_is_local(d->host))
		dns_fail(d, PARLEY_ERESOLVE, "a .local name, which only multicast DNS knows");
	else
		dns_fail(d, PARLEY_ETIMEDOUT, "no answer to the lookup of");
	net_dns_cancel(d);
}

static int dns_ask(net_dns *d, uv_loop_t *loop)
{
	parley_addr literal;
	if (addr_parse_ip(slice_from_string(d->host), d->port, &literal) || net_dns_is_local(d->host)) {
		net_timer_set(d->timer, 0);
		return 0;
	}
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	d->request.data = d;
	int error = uv_getaddrinfo(loop, &d->request, lookup_ended, d->host, NULL, &hints);
	if (error)
		return error == UV_ENOMEM ? PARLEY_ENOMEM : PARLEY_EINVAL; /* not a name that IDNA can write */
	d->asking = true;
	net_timer_set(d->timer, net_now() + NET_DNS_TIMEOUT_US);
	return 0;
}

int net_dns_resolve(uv_loop_t *loop, const char *host, uint16_t port, net_on_resolved *on_resolved, void *me,
		    net_dns **out)
{
	size_t len = strlen(host);
	if (len == 0 || len > HOST_MAX)
		return PARLEY_EINVAL;
	net_dns *d = calloc(1, sizeof *d);
	if (!d)
		return PARLEY_ENOMEM;
	d->on_resolved = on_resolved;
	d->me = me;
	d->port = port;
	memcpy(d->host, host, len + 1);
	d->timer = net_timer_new(loop, dns_timer_fired, d);
	int error = d->timer ? dns_ask(d, loop) : PARLEY_ENOMEM;
	if (error) {
		dns_free_if_idle(d);
		return error;
	}
	*out = d;
	return 0;
}

void net_dns_cancel(net_dns *d)
{
	if (!d)
		return;
	d->on_resolved = NULL;
	net_timer_set(d->timer, TIME_NEVER);
	if (d->asking)
		uv_cancel((uv_req_t *)&d->request); /* lookup_ended follows, now or when the thread is done */
	else
		dns_free_if_idle(d);
}

bool net_dns_is_local(const char *host)
{
	static const char suffix[] = ".local";
	slice name = slice_from_string(host);
	if (name.len > 0 && name.data[name.len - 1] == '.')
		name.len--;
	size_t suffix_len = sizeof suffix - 1;
	return name.len > suffix_len &&
	       slice_equal_nocase(slice_part(name, name.len - suffix_len, suffix_len), slice_from_string(suffix));
}
