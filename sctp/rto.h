/*
 * sctp/rto.h: round-trip time and retransmission timeout (RFC 9260 6.3.1), in microseconds.
 */
#ifndef PARLEY_SCTP_RTO_H
#define PARLEY_SCTP_RTO_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What the timeout is above the smoothed round trip at least: a peer may hold its SACK back for 200 ms (RFC 9260 6.2), on a path
 * whose round trip hardly varies.
 */
#define SCTP_RTO_MARGIN_MIN_US 220000u

typedef struct {
	uint64_t initial, min, max;
	bool measured;
	uint64_t srtt, rttvar;
	uint64_t rto;
} sctp_rto;

void sctp_rto_init(sctp_rto *rto, uint64_t initial, uint64_t min, uint64_t max);
void sctp_rto_sample(sctp_rto *rto, uint64_t rtt); /* of what was sent once only (Karn) */
void sctp_rto_back_off(sctp_rto *rto);		   /* a timer expired (RFC 9260 6.3.3 E2) */
void sctp_rto_forget_back_off(sctp_rto *rto);	   /* ... for nothing, or on another path */

#endif
