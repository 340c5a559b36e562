/*
 * net/pc_internal.h: a parley_pc as its own files see it.
 *
 *   pc.c          life, events, and the drain: every input to the core ends in pc_drain, which sends and tells until the core has
 *                 nothing more. Only the loop drains: calls of the user from outside a callback ask for a turn, those from
 *                 inside are seen by the drain that called back
 *   pc_calls.c    the calls that are handed on
 *   pc_names.c    names, by DNS and multicast DNS
 *   pc_sockets.c  UDP sockets
 *   pc_network.c  what they are when the machine's addresses change
 *   pc_streams.c  TCP and TLS connections
 *   pc_listeners.c  where connections of ICE over TCP are accepted
 */
#ifndef PARLEY_NET_PC_INTERNAL_H
#define PARLEY_NET_PC_INTERNAL_H

#include "base/list.h"
#include "net/interfaces.h"
#include "net/mdns.h"
#include "net/network_monitor.h"
#include "net/port.h"
#include "net/stream.h"
#include "net/timer.h"
#include "net/tls.h"
#include "net/turn.h"
#include "net/udp.h"
#include "parley/parley.h"

struct parley_pc {
	struct uv_loop_s *loop;
	parley_core *core;
	parley_callbacks callbacks;
	void *me;
	enum parley_log_level log_level;
	net_timer *timer; /* on the core's deadline */
	net_turn *turn;	  /* to drain from the loop */
	uint16_t port_min, port_max;
	parley_port *port; /* NULL: the sockets are its own */
	net_port_user port_user;
	net_udp *sockets[NET_INTERFACES_MAX];
	size_t socket_count;
	bool listens; /* for ICE over TCP */
	net_listener *listeners[NET_INTERFACES_MAX];
	size_t listener_count;
	net_network_watch network;
	list_node lookups; /* pc_names.c's */
	net_mdns *mdns;	   /* from the first ".local" name on */
	bool mdns_failed;  /* and not tried again */
	list_node streams; /* pc_streams.c's */
	net_tls *tls;	   /* for them; NULL until one needs it */
	bool tls_insecure;
	bool loopback;	  /* among the candidates */
	bool one_address; /* by configuration: bind_address */
	parley_addr bind_address;
	bool bound;    /* sockets were opened: when gathering began */
	bool draining; /* pc_drain is on the stack */
	bool closed;
	bool freed; /* while draining: the drain frees */
};

/* pc.c */
void pc_drain(parley_pc *pc); /* pc may be gone afterwards */
int pc_called(parley_pc *pc,
	      int result); /* after a call of the user: what it caused comes from the loop. Gives result back */
void pc_log(parley_pc *pc, enum parley_log_level level, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* pc_names.c */
void pc_resolve(parley_pc *pc, const parley_event *event);
void pc_answer_for(parley_pc *pc, const parley_event *event);
void pc_forget_names(parley_pc *pc);

/* pc_sockets.c */
/* A walk through the ports that may be bound, from a random one on: without a range "any", once. */
typedef struct {
	uint32_t left, next;
} pc_ports;
pc_ports pc_ports_begin(const parley_pc *pc);
bool pc_ports_next(const parley_pc *pc, pc_ports *walk, uint16_t *port); /* false: that was all */
void pc_bind(parley_pc *pc);						 /* once */
/* One more, with its listener; false: there is none. Or one less. The core is told. */
bool pc_open_socket(parley_pc *pc, const parley_addr *address);
void pc_close_socket(parley_pc *pc, size_t index);
void pc_unbind(parley_pc *pc);
void pc_send_datagram(parley_pc *pc, net_udp_batch *batch, const parley_packet *packet);
net_on_datagrams pc_datagrams_came;

/* pc_streams.c */
void pc_open_stream(parley_pc *pc, const parley_event *event);
void pc_close_stream(parley_pc *pc, uint32_t id);
void pc_close_streams(parley_pc *pc); /* what was written still goes out */
/* One that was accepted, if the core takes it. */
void pc_take_stream(parley_pc *pc, const parley_addr *local, const parley_addr *remote, net_stream *stream);
void pc_send_on_stream(parley_pc *pc, const parley_packet *packet);

/* pc_network.c */
void pc_watch_network(parley_pc *pc); /* until pc->network is stopped */

/* pc_listeners.c */
void pc_listen(parley_pc *pc); /* beside each socket */
void pc_listen_beside(parley_pc *pc, const parley_addr *socket);
void pc_stop_listening_at(parley_pc *pc, const parley_addr *ip); /* the core is told */
void pc_stop_listening(parley_pc *pc);

#endif
