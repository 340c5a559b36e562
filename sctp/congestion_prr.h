/*
 * sctp/congestion_prr.h: proportional rate reduction (RFC 6937): while losses are repaired, sending follows what is delivered, so
 * that the window is at its new size when recovery ends: neither a pause nor a burst.
 */
#ifndef PARLEY_SCTP_CONGESTION_PRR_H
#define PARLEY_SCTP_CONGESTION_PRR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
	size_t flight;	      /* when recovery began: RecoverFS */
	uint64_t delivered;   /* bytes since */
	uint64_t sent_before; /* sctp_rate.sent at that time */
} sctp_prr;

void sctp_prr_begin(sctp_prr *p, size_t flight, uint64_t sent);
/* After an acknowledgement: bytes that may be sent now, with `flight` under way, `sent` in all, and ssthresh to be reached. */
size_t sctp_prr_acked(sctp_prr *p, size_t acked, size_t flight, uint64_t sent, size_t ssthresh, size_t mtu);

#endif
