/*
 * ice/mdns.h: resolving the names that browsers put into host candidates (draft-ietf-rtcweb-mdns-ice-candidates, RFC
 * 6762).
 *
 * A resolver asks a packet each for A and AAAA, multicast and for a multicast answer (browsers ignore QU), at once and
 * again at growing intervals, since Firefox answers only once its own checks have begun. The first address ends a
 * question; one answer ends all questions for its name. Nothing is cached beyond them.
 *
 * Not here: sockets. What poll_transmit gives goes to MDNS_GROUP_IPV4, port MDNS_PORT, from that port; what comes from
 * there, from a source port of MDNS_PORT and from the own link (RFC 6762 6, 11), goes to mdns_receive. Not to be
 * trusted: anyone on the link may answer; ICE's checks tell who is there. Time is monotonic microseconds. Nothing
 * allocates.
 */
#ifndef PARLEY_ICE_MDNS_H
#define PARLEY_ICE_MDNS_H

#include "base/text.h"
#include "base/trace.h"
#include "ice/mdns_message.h"

#define MDNS_OUTSTANDING_MAX 32u /* questions at a time: a remote's candidates make them */

/* RFC 6762 5.2 would have 1 s between the first two queries, doubling for an hour: that is for browsing a network,
 * while here a call waits, a first packet lost on Wi-Fi is common, and it is over in half a minute. */
#define MDNS_INTERVAL_FIRST_US 100000u
#define MDNS_INTERVAL_MAX_US 4000000u
#define MDNS_GIVE_UP_US 30000000u

typedef enum { MDNS_FREE, MDNS_ASKING, MDNS_FOUND, MDNS_FAILED } mdns_state;

typedef struct {
	mdns_state state;
	uint64_t id;
	mdns_name name;
	bool ask_a, ask_aaaa; /* not yet denied by an NSEC */
	bool due_a, due_aaaa; /* leave on the next poll_transmit */
	uint64_t interval;    /* from the next query to the one after it */
	uint64_t next, end;   /* when to ask again, when to give up */
	parley_addr address;  /* FOUND */
} mdns_lookup;

typedef struct {
	trace *trace;
	uint64_t last_id;
	uint64_t malformed; /* packets dropped */
	mdns_lookup lookups[MDNS_OUTSTANDING_MAX];
} mdns_resolver;

typedef struct {
	uint64_t id;
	bool found;	     /* false: nobody answered in MDNS_GIVE_UP_US, or there is no address */
	parley_addr address; /* port 0 */
} mdns_event;

/* trace may be NULL and must outlive the resolver. There is nothing to free. */
void mdns_resolver_init(mdns_resolver *r, trace *t);

/* Begins to ask for a name; exactly one event with *id follows, unless cancelled. PARLEY_EINVAL: not "label.local";
 * PARLEY_ELIMIT: too many questions. */
int mdns_resolve(mdns_resolver *r, uint64_t now, slice name, uint64_t *id);
/* No event for id will come any more. An id that has ended already is ignored. */
void mdns_cancel(mdns_resolver *r, uint64_t id);

/* A packet from the group, queries included (ours come back, too). PARLEY_EPROTO: malformed, dropped. */
int mdns_receive(mdns_resolver *r, uint64_t now, slice in);
void mdns_timeout(mdns_resolver *r, uint64_t now);
uint64_t mdns_deadline(const mdns_resolver *r);
/* out needs a capacity of 128 bytes; less and the query is not sent. */
bool mdns_poll_transmit(mdns_resolver *r, uint64_t now, packet *out);
bool mdns_poll_event(mdns_resolver *r, mdns_event *event);

void mdns_check_invariants(const mdns_resolver *r);
void mdns_dump(const mdns_resolver *r, text *t);

#endif
