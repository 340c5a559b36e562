/*
 * ice/mdns_responder.h: answering multicast DNS queries for the names that we put into our own host candidates
 * (draft-ietf-rtcweb-mdns-ice-candidates 3.1, RFC 6762 6).
 *
 * Names are random, so nothing is probed (3.1.1 there, RFC 6762 8). Nor is anything announced, as the draft would have it: nobody has
 * the name yet, and who asks soon after would wait for the rest of the second. An answer holds the address asked for,
 * or NSEC if the name has only the other kind, which spares a browser a wait of seconds. Answers go by multicast, also
 * where unicast would be welcome, at most once a second per record (RFC 6762 6); a querier that shows that it knows is
 * not told again (RFC 6762 7.1). Queries from another port than MDNS_PORT (RFC 6762 6.7) are for the owner to drop.
 *
 * Sockets as for the resolver (ice/mdns.h). Nothing allocates.
 */
#ifndef PARLEY_ICE_MDNS_RESPONDER_H
#define PARLEY_ICE_MDNS_RESPONDER_H

#include "ice/mdns_message.h"

#define MDNS_OWN_MAX 32u	  /* names at a time */
#define MDNS_REPEAT_US 1000000u	  /* RFC 6762 6 */
#define MDNS_RANDOM_NAME_SIZE 43u /* a UUID, ".local" and a NUL */

/* A record of a name: its address, or the denial of the kind that it has not. */
typedef struct {
	bool due;
	bool sent; /* at least once, and last_sent is when */
	uint64_t last_sent;
} mdns_own_record;

typedef struct {
	bool used;
	mdns_name name;
	parley_addr address; /* port 0 */
	mdns_own_record positive, negative;
} mdns_own_name;

typedef struct {
	uint64_t malformed; /* packets dropped */
	mdns_own_name names[MDNS_OWN_MAX];
} mdns_responder;

void mdns_responder_init(mdns_responder *r);
/* A version 4 UUID and ".local" (RFC 9562 5.4), for mdns_responder_add. 0, or the source's error. */
int mdns_random_name(const parley_random *random, char out[MDNS_RANDOM_NAME_SIZE]);

/* From now on name, which has no other address, means the IP of address. PARLEY_EINVAL: not "label.local", no address,
 * or the name is taken; PARLEY_ELIMIT. */
int mdns_responder_add(mdns_responder *r, slice name, const parley_addr *address);
/* PARLEY_ENOTFOUND. What was to be said of it is not said any more. */
int mdns_responder_remove(mdns_responder *r, slice name);

/* A packet from the group. PARLEY_EPROTO: malformed, dropped. */
int mdns_responder_receive(mdns_responder *r, uint64_t now, slice in);
/* There is no timeout verb: at the deadline, poll_transmit. TIME_NEVER: nothing is to be said. */
uint64_t mdns_responder_deadline(const mdns_responder *r);
/* One packet with as many answers as fit; out needs a capacity of 256 bytes. */
bool mdns_responder_poll_transmit(mdns_responder *r, uint64_t now, packet *out);

void mdns_responder_check_invariants(const mdns_responder *r);

#endif
