#include "net/network_monitor.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "net/timer.h"
#include "parley/types.h"

#define MESSAGE_MAX 8192u /* what the kernel puts into one datagram (netlink(7)) */

struct net_monitor {
	list_node node;	   /* in monitors */
	list_node watches; /* net_network_watch */
	uv_loop_t *loop;
	uv_poll_t handle;
	net_timer *timer;
	int fd;
	bool changed; /* and the watchers are not told yet */
};

/* Of the loops of this thread, as a loop is served by one. Empty: {0}. */
static _Thread_local list_node monitors;

static net_monitor *find(const uv_loop_t *loop)
{
	if (!monitors.next)
		list_init(&monitors);
	LIST_FOR (node, &monitors) {
		net_monitor *m = LIST_ENTRY(node, net_monitor, node);
		if (m->loop == loop)
			return m;
	}
	return NULL;
}

static int open_netlink(void)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK,
				      .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	int cause = errno;
	close(fd);
	errno = cause;
	return -1;
}

/* --- telling --- */

static net_network_watch *next_untold(net_monitor *m)
{
	LIST_FOR (node, &m->watches) {
		net_network_watch *w = LIST_ENTRY(node, net_network_watch, node);
		if (!w->told)
			return w;
	}
	return NULL;
}

/* Each callback may stop any watch, or begin one; the last to stop closes m, whose memory lasts until the loop's next turn. */
static void settled(void *me)
{
	net_monitor *m = me;
	m->changed = false;
	LIST_FOR (node, &m->watches)
		LIST_ENTRY(node, net_network_watch, node)->told = false;
	for (net_network_watch *w; (w = next_untold(m));) {
		w->told = true;
		w->on_change(w->me);
	}
}

/* What exactly has changed is not of interest, nor whether messages were lost (ENOBUFS): who watches looks for himself. */
static void readable(uv_poll_t *handle, int status, int events)
{
	net_monitor *m = handle->data;
	char bytes[MESSAGE_MAX];
	(void)status;
	(void)events;
	while (recv(m->fd, bytes, sizeof bytes, 0) > 0)
		;
	if (!m->changed)
		net_timer_set(m->timer, time_after(net_now(), NETWORK_SETTLE_US));
	m->changed = true;
}

/* --- life --- */

static void monitor_closed(uv_handle_t *handle)
{
	net_monitor *m = handle->data;
	close(m->fd);
	free(m);
}

static void monitor_close(net_monitor *m)
{
	list_remove(&m->node);
	net_timer_free(m->timer);
	uv_close((uv_handle_t *)&m->handle, monitor_closed);
}

static int fail(char why[NET_WHY_MAX], int error, const char *what)
{
	snprintf(why, NET_WHY_MAX, "%s: %s", what, error == PARLEY_ENOMEM ? "out of memory" : strerror(errno));
	return error;
}

static int monitor_new(uv_loop_t *loop, net_monitor **out, char why[NET_WHY_MAX])
{
	net_monitor *m = calloc(1, sizeof *m);
	if (!m)
		return fail(why, PARLEY_ENOMEM, "network monitor");
	m->loop = loop;
	list_init(&m->node);
	list_init(&m->watches);
	m->fd = open_netlink();
	if (m->fd < 0 || uv_poll_init(loop, &m->handle, m->fd) != 0) {
		int error = fail(why, PARLEY_EIO, "netlink");
		if (m->fd >= 0)
			close(m->fd);
		free(m);
		return error;
	}
	m->handle.data = m;
	m->timer = net_timer_new(loop, settled, m);
	if (!m->timer || uv_poll_start(&m->handle, UV_READABLE, readable) != 0) {
		monitor_close(m);
		return fail(why, PARLEY_ENOMEM, "network monitor");
	}
	list_append(&monitors, &m->node);
	*out = m;
	return 0;
}

int net_network_watch_start(uv_loop_t *loop, void (*on_change)(void *me), void *me, net_network_watch *watch,
			    char why[NET_WHY_MAX])
{
	net_monitor *m = find(loop);
	int error = m ? 0 : monitor_new(loop, &m, why);
	if (error)
		return error;
	*watch = (net_network_watch){.monitor = m, .told = true, .on_change = on_change, .me = me};
	list_append(&m->watches, &watch->node);
	return 0;
}

void net_network_watch_stop(net_network_watch *watch)
{
	net_monitor *m = watch->monitor;
	if (!m)
		return;
	list_remove(&watch->node);
	watch->monitor = NULL;
	if (list_empty(&m->watches))
		monitor_close(m);
}
