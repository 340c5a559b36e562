/*
 * net/mdns.h: ".local" names, which browsers and we put into candidates: asked of the local network, and answered for: the resolver of
 * ice/mdns.h and the responder of ice/mdns_responder.h with a socket and a timer.
 */
#ifndef PARLEY_NET_MDNS_H
#define PARLEY_NET_MDNS_H

#include "net/why.h"
#include "parley/types.h"

struct uv_loop_s;

typedef struct net_mdns net_mdns;

/* Once per question, from the loop. address NULL: nobody answered in time. The callback may free the net_mdns. */
typedef void net_on_mdns_answer(void *me, uint64_t id, const parley_addr *address);

/* As net_multicast_open: PARLEY_EIO when port or interfaces cannot be had, why says. */
int net_mdns_new(struct uv_loop_s *loop, bool loopback, net_on_mdns_answer *on_answer, void *me, net_mdns **out,
		 char why[NET_WHY_MAX]);

/* As mdns_resolve: PARLEY_EINVAL: not "label.local"; PARLEY_ELIMIT: too many questions at a time. */
int net_mdns_resolve(net_mdns *mdns, const char *name, uint64_t *id);

/* From now on questions for name are answered with the IP of address. As mdns_responder_add. */
int net_mdns_answer(net_mdns *mdns, const char *name, const parley_addr *address);

/* No answer comes any more, and none is given. NULL is allowed. */
void net_mdns_free(net_mdns *mdns);

#endif
