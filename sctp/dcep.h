/*
 * sctp/dcep.h: the two messages of the Data Channel Establishment Protocol (RFC 8832 5) and the payload protocol
 * identifiers of data channels (RFC 8831 8).
 */
#ifndef PARLEY_SCTP_DCEP_H
#define PARLEY_SCTP_DCEP_H

#include "base/bytes.h"

enum dc_ppid {
	DC_PPID_DCEP = 50,
	DC_PPID_STRING = 51,
	DC_PPID_BINARY = 53,
	DC_PPID_STRING_EMPTY = 56,
	DC_PPID_BINARY_EMPTY = 57,
};

enum dcep_type { DCEP_ACK = 2, DCEP_OPEN = 3 };

#define DCEP_OPEN_HEADER 12u

typedef struct {
	bool unordered, has_max_retransmits, has_lifetime; /* the channel type (RFC 8832 5.1) */
	uint32_t reliability;				   /* retransmissions or milliseconds; 0 if reliable */
	uint16_t priority;
	slice label, protocol;
} dcep_open;

/* False: not an OPEN, of an unknown channel type, or of the wrong length. */
bool dcep_open_decode(slice message, dcep_open *open);
void dcep_open_encode(writer *w, const dcep_open *open);
bool dcep_is_ack(slice message);

#endif
