/*
 * ice/candidate.h: one ICE candidate as a value: the candidate-attribute of SDP read and printed (RFC 8839 5.1, RFC 6544
 * 4.5, the W3C RTCIceCandidate string), and the priority formulas of RFC 8445.
 *
 * Not here: who uses it (ice/ice.h), name resolution (the owner). Nothing here allocates.
 */
#ifndef PARLEY_ICE_CANDIDATE_H
#define PARLEY_ICE_CANDIDATE_H

#include "base/addr.h"
#include "base/text.h"

#define ICE_FOUNDATION_MAX 32u	     /* RFC 8839 5.1: 1*32 ice-char */
#define ICE_NAME_MAX 255u	     /* a host name; browsers send 42 characters: UUID.local */
#define ICE_PRIORITY_MAX 0x7fffffffu /* RFC 8445 5.1.2 */
#define ICE_UFRAG_MAX 256u	     /* RFC 8839 5.4: 4 to 256 */
#define ICE_CANDIDATE_TEXT 1024u     /* ice_candidate_print never needs more, NUL included */

/* In the order of preference, the best last. */
typedef enum { ICE_RELAY, ICE_SRFLX, ICE_PRFLX, ICE_HOST } ice_type;
typedef enum { ICE_TCPTYPE_NONE, ICE_TCPTYPE_ACTIVE, ICE_TCPTYPE_PASSIVE, ICE_TCPTYPE_SO } ice_tcptype;

typedef struct {
	char foundation[ICE_FOUNDATION_MAX + 1];
	uint16_t component; /* 1 to 256 */
	uint32_t priority;  /* 1 to 2^31 - 1 */
	/* family PARLEY_ADDR_NONE when the address is a name and not known; port and transport are here in any case */
	parley_addr addr;
	char name[ICE_NAME_MAX + 1]; /* "" unless a name stands for the address, such as a mDNS one */
	ice_type type;
	ice_tcptype tcptype; /* NONE unless transport is TCP */
	bool has_related;
	parley_addr related;	       /* raddr, rport: the base of a reflexive one; absent if it was a name */
	char ufrag[ICE_UFRAG_MAX + 1]; /* "" when absent */
	bool has_generation, has_network_id, has_network_cost;
	uint32_t generation, network_id, network_cost; /* extensions of libwebrtc */
} ice_candidate;

/*
 * Reads one candidate, with or without "a=" and "candidate:" before it and a line end after it. Unknown extensions are
 * skipped. PARLEY_EINVAL: malformed, *out untouched. PARLEY_EUNSUPPORTED: well-formed, but a transport or type that nobody
 * here knows. An address that is neither IPv4 nor IPv6 is taken as a name.
 */
int ice_candidate_parse(slice line, ice_candidate *out);
/* Appends "candidate:..." without "a=" and line end, in the order the grammar and browsers use. */
void ice_candidate_print(const ice_candidate *c, text *out);
/* Same type, transport address (or name), tcptype and component: the duplicates that RFC 8838 tells to ignore. */
bool ice_candidate_same(const ice_candidate *a, const ice_candidate *b);
bool ice_candidate_is_mdns(const ice_candidate *c); /* its name ends in .local */

const char *ice_type_name(ice_type type);		 /* "host", "srflx", "prflx", "relay" */
const char *ice_transport_name(const parley_addr *addr); /* "udp", "tcp" */

/* RFC 8445 5.1.2.1. type_preference is 0 to 126; local_preference orders candidates of one type; component is 1 to 256. */
uint32_t ice_priority(unsigned type_preference, uint16_t local_preference, uint16_t component);
/* RFC 8445 6.1.2.3: G is the controlling agent's candidate. */
uint64_t ice_pair_priority(uint32_t controlling, uint32_t controlled);

#endif
