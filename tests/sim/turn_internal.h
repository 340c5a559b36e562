/* tests/sim/turn_internal.h: what the files of the TURN server share. */
#ifndef PARLEY_TESTS_TURN_INTERNAL_H
#define PARLEY_TESTS_TURN_INTERNAL_H

#include "tests/sim/turn_server.h"

#define TURN_MESSAGE_MAX 1500u

typedef struct {
	list_node node;
	parley_addr ip; /* port 0 */
	uint64_t expires;
} turn_permission;

typedef struct {
	list_node node;
	uint16_t number;
	parley_addr peer;
	uint64_t expires; /* kept for a while longer: RFC 8656 12.1 */
} turn_channel;

typedef struct {
	list_node node;
	turn_flow flow;
	stun_id id;		/* of the request that made it */
	parley_addr ipv4, ipv6; /* relayed; family NONE: none */
	uint32_t lifetime_s;
	uint64_t expires;
	list_node permissions, channels;
} turn_allocation;

/* turn_server.c */
void turn_violation(turn_server *s, const turn_flow *flow, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void turn_reply(turn_server *s, const turn_flow *flow, const writer *w);
/* The integrity that the request had, and its end: the message is sent. */
void turn_reply_signed(turn_server *s, const turn_flow *flow, const stun_message *request, writer *w);
void turn_refuse(turn_server *s, const turn_flow *flow, const stun_message *request, unsigned code);

/* turn_allocation.c */
turn_allocation *turn_find(turn_server *s, const turn_flow *flow);
turn_allocation *turn_find_relayed(turn_server *s, const parley_addr *relayed);
void turn_free(turn_allocation *a);
void turn_request(turn_server *s, const turn_flow *flow, const stun_message *m);
bool turn_permits(const turn_server *s, const turn_allocation *a, const parley_addr *peer);
const turn_channel *turn_channel_of(const turn_server *s, const turn_allocation *a, const parley_addr *peer);
const turn_channel *turn_channel_numbered(const turn_server *s, const turn_allocation *a, uint16_t number);

/* turn_relay.c */
void turn_send_indication(turn_server *s, const turn_flow *flow, const stun_message *m);
void turn_channel_data(turn_server *s, const turn_flow *flow, slice unit);
void turn_from_peer(turn_server *s, const turn_allocation *a, const parley_addr *peer, slice data);

#endif
