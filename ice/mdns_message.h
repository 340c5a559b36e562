/*
 * ice/mdns_message.h: Multicast DNS messages (RFC 6762 18, RFC 1035 4): the part that host candidates need.
 *
 * |  id  | flags | questions | answers | authorities | additionals |  each 16 bits, then as many of
 *   question: name, type, class (top bit: a unicast answer is welcome)
 *   record:   name, type, class (top bit: flush caches), TTL (32), length (16), data
 *
 * Kept are questions, and records of the types A, AAAA and NSEC; all others are walked over. A name is up to 63 bytes
 * of one label and ".local"; any other name in a packet is decoded to check its form and then is `{.len = 0}`, which
 * equals no name.
 */
#ifndef PARLEY_ICE_MDNS_MESSAGE_H
#define PARLEY_ICE_MDNS_MESSAGE_H

#include "base/bytes.h"
#include "parley/types.h"

#define MDNS_PORT 5353u
#define MDNS_GROUP_IPV4 "224.0.0.251"
#define MDNS_GROUP_IPV6 "ff02::fb"

#define MDNS_NAME_MAX 71u      /* on the wire: 1 + 63, 1 + "local", 0 */
#define MDNS_NAME_TEXT_MAX 70u /* printed, with a NUL */
#define MDNS_QUESTIONS_MAX 16u /* of one packet; further ones are not seen */
#define MDNS_RECORDS_MAX 16u   /* of one packet and of a type we keep; further ones are not seen */

#define MDNS_A 1u
#define MDNS_AAAA 28u
#define MDNS_NSEC 47u
#define MDNS_ANY 255u
#define MDNS_TTL_S 120u /* of records of host names (RFC 6762 10) */

typedef struct {
	uint8_t len;		     /* 0: some name that is no host's */
	uint8_t wire[MDNS_NAME_MAX]; /* labels without compression, lower case, with the root's 0 */
} mdns_name;

/* From "label.local" with one label of letters, digits, '-' and '_' (what a candidate may carry:
 * draft-ietf-rtcweb-mdns-ice-candidates 3.2.1), any case. PARLEY_EINVAL: another form. */
int mdns_name_parse(slice in, mdns_name *name);
/* False if either is no host's name. */
bool mdns_name_equal(const mdns_name *a, const mdns_name *b);
/* Returns out; "?" for a name that is no host's. What is no printable ASCII is printed as '?'. */
const char *mdns_name_print(const mdns_name *name, char out[MDNS_NAME_TEXT_MAX]);

typedef struct {
	mdns_name name;
	uint16_t type;
	bool unicast; /* QU: the asker would take a unicast answer (RFC 6762 5.4) */
} mdns_question;

typedef struct {
	mdns_name name;
	uint16_t type;	      /* MDNS_A, MDNS_AAAA or MDNS_NSEC */
	bool answer;	      /* of the answer section, not of the others */
	bool cache_flush;     /* RFC 6762 10.2 */
	uint32_t ttl;	      /* seconds; 0: the name is going away (RFC 6762 10.1) */
	parley_addr address;  /* A, AAAA; port 0 */
	bool has_a, has_aaaa; /* NSEC: these types exist for the name, other types do not */
} mdns_record;

typedef struct {
	bool response;
	size_t question_count, record_count;
	mdns_question questions[MDNS_QUESTIONS_MAX];
	mdns_record records[MDNS_RECORDS_MAX];
} mdns_message;

/*
 * Decodes a whole packet. 0, or PARLEY_EPROTO, and then *m is not to be used: an operation or a response code other
 * than 0 (RFC 6762 18.3, 18.11), a truncated section, a malformed name or value of a type we keep. A compression
 * pointer must point backwards, before the piece of the name that holds it: so there are no loops. What follows the
 * last record is ignored.
 */
int mdns_parse(slice in, mdns_message *m);

/* Writing. The writer starts with the message; counts in the header follow along. Names are written without
 * compression. */
void mdns_begin(writer *w, bool response);
void mdns_put_question(writer *w, const mdns_name *name, uint16_t type);
/* An answer, with cache-flush: A or AAAA by the address's family; NSEC naming the types that do exist. */
void mdns_put_address(writer *w, const mdns_name *name, const parley_addr *address);
void mdns_put_nsec(writer *w, const mdns_name *name, bool has_a, bool has_aaaa);

#endif
