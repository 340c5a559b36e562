/*
 * net/network_monitor.h: says when addresses of this machine come or go, or a link goes up or down: Linux' rtnetlink(7).
 *
 * Which ones there are then is net/interfaces.h's to say. One netlink socket serves all who watch on a loop. A change mostly comes as
 * several messages: watchers are told once, NETWORK_SETTLE_US after the first. An IPv6 address that comes is told of again when it can be
 * bound, after duplicate address detection.
 */
#ifndef PARLEY_NET_NETWORK_MONITOR_H
#define PARLEY_NET_NETWORK_MONITOR_H

#include <stdbool.h>

#include "base/list.h"
#include "net/why.h"

struct uv_loop_s;

#define NETWORK_SETTLE_US 30000u /* the messages of one change come within 10 ms */

typedef struct net_monitor net_monitor;

/* Embedded by who watches; {0} watches nothing. */
typedef struct {
	list_node node;
	net_monitor *monitor; /* NULL: not watching */
	bool told;	      /* of the change that is being told */
	void (*on_change)(void *me);
	void *me;
} net_network_watch;

/* on_change comes from the loop, and may stop this watch and others. PARLEY_EIO: there is no netlink here, why says; PARLEY_ENOMEM. */
int net_network_watch_start(struct uv_loop_s *loop, void (*on_change)(void *me), void *me, net_network_watch *watch,
			    char why[NET_WHY_MAX]);
/* Not watching: nothing happens. */
void net_network_watch_stop(net_network_watch *watch);

#endif
