/* tests/sim/simturn_internal.h: what the files of the TURN server share. */
#ifndef PARLEY_TESTS_SIMTURN_INTERNAL_H
#define PARLEY_TESTS_SIMTURN_INTERNAL_H

#include "tests/sim/simturn.h"

#define SIMTURN_MESSAGE_MAX 1500u

typedef struct {
	list_node node;
	parley_addr ip; /* port 0 */
	uint64_t expires;
} simturn_permission;

typedef struct {
	list_node node;
	uint16_t number;
	parley_addr peer;
	uint64_t expires; /* kept for a while longer: RFC 8656 12.1 */
} simturn_channel;

typedef struct {
	list_node node;
	simturn_flow flow;
	stun_id id;		/* of the request that made it */
	parley_addr ipv4, ipv6; /* relayed; family NONE: none */
	uint32_t lifetime_s;
	uint64_t expires;
	list_node permissions, channels;
} simturn_allocation;

/* simturn.c */
void simturn_violation(simturn *s, const simturn_flow *flow, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void simturn_reply(simturn *s, const simturn_flow *flow, const writer *w);
/* The integrity that the request had, and its end: the message is sent. */
void simturn_reply_signed(simturn *s, const simturn_flow *flow, const stun_message *request, writer *w);
void simturn_refuse(simturn *s, const simturn_flow *flow, const stun_message *request, unsigned code);

/* simturn_allocation.c */
simturn_allocation *simturn_find(simturn *s, const simturn_flow *flow);
simturn_allocation *simturn_find_relayed(simturn *s, const parley_addr *relayed);
void simturn_free(simturn_allocation *a);
void simturn_request(simturn *s, const simturn_flow *flow, const stun_message *m);
bool simturn_permits(const simturn *s, const simturn_allocation *a, const parley_addr *peer);
const simturn_channel *simturn_channel_of(const simturn *s, const simturn_allocation *a, const parley_addr *peer);
const simturn_channel *simturn_channel_numbered(const simturn *s, const simturn_allocation *a, uint16_t number);

/* turn_relay.c */
void simturn_send_indication(simturn *s, const simturn_flow *flow, const stun_message *m);
void simturn_channel_data(simturn *s, const simturn_flow *flow, slice unit);
void simturn_from_peer(simturn *s, const simturn_allocation *a, const parley_addr *peer, slice data);

#endif
