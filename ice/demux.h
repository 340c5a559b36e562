/*
 * ice/demux.h: many agents on the same UDP sockets: whose is a datagram?
 *
 *   a Binding request    goes by the receiver's ufrag in its USERNAME
 *   a response           goes to who sent the request, by its transaction id
 *   everything else      goes to who holds the address it comes from, and so does STUN that the above does not settle
 *
 * Passing on is not believing: each agent checks what it is given. An address is held only after its agent has, and tells so
 * by ice_demux_heard. Everything that strangers choose is looked up under a secret hash; what nobody holds costs no memory.
 *
 * One remote address per local one tells only one connection: two peers that share both ends' ports cannot be told apart,
 * the younger one has it (see ice_demux_heard). For the same reason no TURN allocation can be used through a shared socket.
 *
 * Not here: agents. The owner adds a member for each, and tells what it sends, hears and calls itself.
 */
#ifndef PARLEY_ICE_DEMUX_H
#define PARLEY_ICE_DEMUX_H

#include "base/bytes.h"
#include "parley/types.h"

#define ICE_DEMUX_MEMBERS_MAX (1u << 20)
#define ICE_DEMUX_UFRAG_MAX 32u	    /* bytes of a local ufrag */
#define ICE_DEMUX_ADDRESSES_MAX 16u /* that one member holds; for another one, that heard from longest ago goes */
#define ICE_DEMUX_REQUESTS_MAX 32u  /* of one member, unanswered; for another one the oldest goes */

typedef struct ice_demux ice_demux;
typedef struct ice_demux_member ice_demux_member;

typedef struct {
	uint64_t by_ufrag, by_request, by_address; /* datagrams passed on, by what settled it */
	uint64_t strangers;			   /* datagrams that are nobody's */
	uint64_t moves;				   /* addresses taken from another member */
	uint64_t refusals;			   /* not taken: the other's claim is better */
	uint64_t evictions;			   /* addresses and requests that made room for newer ones */
	uint64_t out_of_memory;			   /* addresses and requests not kept */
} ice_demux_counters;

/* max_members: 1 to ICE_DEMUX_MEMBERS_MAX, else PARLEY_EINVAL. PARLEY_ENOMEM; the random source's error. */
int ice_demux_new(const parley_random *random, size_t max_members, ice_demux **out);
void ice_demux_free(ice_demux *d); /* without members. NULL is allowed */

/* owner is what ice_demux_route gives. PARLEY_ELIMIT: max_members; PARLEY_ESTATE: another has this ufrag, draw a new one;
 * PARLEY_EINVAL: it is empty or too long; PARLEY_ENOMEM. */
int ice_demux_add(ice_demux *d, slice ufrag, void *owner, ice_demux_member **out);
void ice_demux_remove(ice_demux_member *m);

/* A restart: both ufrags are known until the next one. Errors as of ice_demux_add, then nothing changed; the present one is 0. */
int ice_demux_set_ufrag(ice_demux_member *m, slice ufrag);

/* NULL: nobody's; counted. */
void *ice_demux_route(ice_demux *d, const parley_addr *local, const parley_addr *remote, slice datagram);

/* The member's agent sends this: if it is a STUN request, the response will find its way back. */
void ice_demux_sent(ice_demux_member *m, slice datagram);

/*
 * The member's agent has taken this STUN message for authentic. validated: and considers the address it came from to be
 * the peer's, which makes it this member's:
 *
 *   what nobody holds, always;
 *   what another has only sent requests from, if this is a response: that takes receiving there. A request, even an
 *   authentic one, may carry anybody's address, and who has some connection here could catch what others are sent;
 *   what another has answered from, if this is a response and this member was added later: a port that is used anew after
 *   its old user is gone. Never the other way round, or two that share it would take it from each other for ever.
 *
 * True: the address is this member's now.
 */
bool ice_demux_heard(ice_demux_member *m, const parley_addr *local, const parley_addr *remote, slice message,
		     bool validated);

/* The owner of who holds the address; NULL: nobody. */
void *ice_demux_holder(const ice_demux *d, const parley_addr *local, const parley_addr *remote);
/* Whoever holds the address does so no longer. */
void ice_demux_forget(ice_demux *d, const parley_addr *local, const parley_addr *remote);

size_t ice_demux_member_count(const ice_demux *d);
size_t ice_demux_address_count(const ice_demux *d);
void ice_demux_get_counters(const ice_demux *d, ice_demux_counters *out);
/* Asserts what must hold between calls. For tests and fuzzers. */
void ice_demux_check_invariants(const ice_demux *d);

#endif
