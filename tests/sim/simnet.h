/*
 * tests/sim/simnet.h: a network in one process on a virtual clock: hosts, the boxes (NATs and firewalls) they sit behind, and the
 * hops between them that delay, lose, duplicate, reorder and corrupt packets. All chance comes from one seed.
 *
 * A network has an outermost realm, the internet, and one realm behind each box; a box's outer side may itself be behind
 * another box. Every interface of a host is in one realm. A packet goes straight to an interface or box in its realm that has
 * its destination address; else out through the realm's box; else nowhere. Each step is one hop.
 *
 * Hosts are peers (parley cores, made by simnet_add) and whatever else gives a simnet_host its own operations, such as
 * tests/sim/simturn.h. Datagrams are carried here; streams by tests/sim/simtcp.h on top of the same packets.
 *
 * Time starts at SIMNET_EPOCH and moves only in simnet_step, straight to the next thing that happens: a day of silence
 * costs nothing. Every packet and event goes into a trace, whose digest tells whether two runs were the same.
 */
#ifndef PARLEY_TESTS_SIMNET_H
#define PARLEY_TESTS_SIMNET_H

#include <stdio.h>

#include "base/list.h"
#include "base/rng.h"
#include "base/time.h"
#include "parley/core.h"
#include "tests/sim/nat.h"

#define SIMNET_EPOCH (UINT64_C(1000) * US_PER_S)
#define SIMNET_NODES_MAX 4u
#define SIMNET_HOSTS_MAX 12u
#define SIMNET_INTERFACES_MAX 6u
#define SIMNET_BOXES_MAX 12u
#define SIMNET_NAMES_MAX 8u

/* A hop. Chances are per 1,000 packets. */
typedef struct {
	uint64_t delay_us;  /* of every packet */
	uint64_t jitter_us; /* and up to this more, evenly */
	unsigned loss;	    /* of 1,000 */
	unsigned duplicate; /* arrive twice */
	unsigned reorder;   /* held back by up to another delay_us */
	unsigned corrupt;   /* arrive with one bit wrong */
	size_t mtu;	    /* larger datagrams vanish; 0: no limit */
	bool cut;	    /* nothing passes */
} simnet_path;

typedef struct simnet simnet;
typedef struct simnet_host simnet_host;
typedef struct simnet_node simnet_node;
typedef struct simtcp_connection simtcp_connection;

/* A NAT or firewall, and the realm behind it. */
typedef struct simnet_box {
	nat nat;
	struct simnet_box *outer; /* the realm its outer side is in; NULL: the internet */
	simnet_path path;	  /* the hops of the realm behind it: between two hosts there, or a host and the box */
} simnet_box;

typedef struct {
	parley_addr ip;	 /* port 0 */
	simnet_box *box; /* the realm it is in; NULL: the internet */
	bool down;	 /* nothing comes or goes */
} simnet_interface;

/* What a packet of a stream says besides its bytes; simtcp's. */
typedef struct {
	bool syn, fin, reset;
	uint32_t number, acknowledged; /* of segments, not bytes */
} simnet_segment;

/* On its way; to and from are what they are at this point of it. */
typedef struct {
	list_node node;
	uint64_t time;
	parley_addr from, to;
	simnet_segment segment; /* where from.transport is PARLEY_TCP */
	simnet_host *host;	/* arrives there; or at this box, going */
	simnet_box *box;
	bool inward;
	unsigned hops;
	size_t len;
	uint8_t data[];
} simnet_packet;

/* What a host does, in steps of simnet; who does something to it in between calls simnet_drain, or sends. Packets to any port of its interfaces come to it. NULL where it does nothing. */
typedef struct {
	void (*receive)(simnet_host *host, const parley_addr *to, const parley_addr *from, slice datagram);
	uint64_t (*deadline)(const simnet_host *host);
	void (*timeout)(simnet_host *host);
	void (*clear)(simnet_host *host);
	/* Streams, see simtcp.h. accept: false refuses; else connection->user is its own from then on. */
	bool (*stream_accept)(simnet_host *host, simtcp_connection *connection);
	void (*stream_opened)(simnet_host *host, simtcp_connection *connection);
	void (*stream_receive)(simnet_host *host, simtcp_connection *connection, slice bytes);
	/* error: 0 when the other side closed. The connection is freed after this. */
	void (*stream_closed)(simnet_host *host, simtcp_connection *connection, int error);
} simnet_host_ops;

struct simnet_host {
	simnet *net;
	const simnet_host_ops *ops;
	void *self; /* what the host is */
	char name[16];
	simnet_interface interfaces[SIMNET_INTERFACES_MAX];
	size_t interface_count;
	bool dead;    /* takes and sends nothing */
	uint64_t due; /* its deadline, unless something has been done to it since */
	bool due_is_stale;
	list_node connections; /* simtcp's */
	uint16_t next_port;
};

/* What the test does with a node's events; called from simnet_step and simnet_drain. */
typedef void (*simnet_handler)(simnet_node *node, const parley_event *event);

/* A peer. */
struct simnet_node {
	simnet_host host;
	simnet *net;
	unsigned index;
	parley_core *core;
	simnet_handler on_event;
	void *user;
	bool ice_tcp;	      /* as configured */
	uint64_t checks_sent; /* that left it as datagrams, retransmissions included */
};

struct simnet {
	uint64_t now;
	rng_seeded rng;
	simnet_path path; /* the hops of the internet */
	simnet_node nodes[SIMNET_NODES_MAX];
	size_t node_count;
	simnet_host *hosts[SIMNET_HOSTS_MAX];
	size_t host_count;
	simnet_box boxes[SIMNET_BOXES_MAX];
	size_t box_count;
	struct {
		const char *name;
		parley_addr address;
	} names[SIMNET_NAMES_MAX];
	size_t name_count;
	list_node flying; /* packets, the earliest first */
	list_node later;  /* calls to make, the earliest first */
	uint64_t trace_hash;
	FILE *trace; /* NULL: only the digest is kept */
	uint64_t packets, lost;
};

void simnet_init(simnet *net, uint64_t seed, const simnet_path *path);
void simnet_clear(simnet *net); /* the nodes' cores too */

/* A box whose outer side is in outer (NULL: the internet); outside: its IP address there, if it translates. */
simnet_box *simnet_add_box(simnet *net, const nat_config *config, simnet_box *outer, const parley_addr *outside,
			   const simnet_path *path);
/* host->interfaces are set. simnet_clear calls ops->clear. */
void simnet_add_host(simnet *net, simnet_host *host, const char *name, const simnet_host_ops *ops, void *self);
/* A name that PARLEY_EVENT_RESOLVE finds; the same again with another address: it has both. name must outlive net. */
void simnet_add_name(simnet *net, const char *name, const parley_addr *address);
/* A peer with these interfaces, on each a UDP socket, and with config->ice_tcp a listener; config NULL: the defaults. Its random bytes come from the net's
 * seed. Asserts success. */
simnet_node *simnet_add_at(simnet *net, const parley_core_config *config, const simnet_interface *interfaces,
			   size_t count, simnet_handler on_event, void *user);
/* The same with one public IPv4 address. */
simnet_node *simnet_add(simnet *net, const parley_core_config *config, simnet_handler on_event, void *user);
/* Interfaces come and go: the core is told as well. */
void simnet_node_add_interface(simnet_node *node, const simnet_interface *interface);
void simnet_node_remove_interface(simnet_node *node, size_t index);

/* A packet from one of host's addresses; segment only of streams. */
void simnet_send(simnet_host *host, const parley_addr *from, const parley_addr *to, const simnet_segment *segment,
		 slice data);
/* The host's interface with this IP address, or NULL. */
simnet_interface *simnet_interface_of(simnet_host *host, const parley_addr *ip);
/* A Binding request of ICE: with USERNAME. */
bool simnet_is_check(slice datagram);
/* Calls `call(context)` after delay_us of virtual time: for signaling messages. simnet_clear frees context if it did not come to that. */
void simnet_after(simnet *net, uint64_t delay_us, void (*call)(simnet *net, void *context), void *context);
/* Takes out what the node wants to send and say. To be called after each call into its core. */
void simnet_drain(simnet_node *node);
/* Goes on to the next thing that happens, if that is before `end`, and checks all invariants. False: nothing is. */
bool simnet_step(simnet *net, uint64_t end);
/* A line of the trace. */
void simnet_trace(simnet *net, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
