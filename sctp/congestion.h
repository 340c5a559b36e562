/*
 * sctp/congestion.h: how many bytes may be in flight (RFC 9260 7.2): slow start, congestion avoidance, one reduction per
 * window of loss. Knows no chunks: it is told what was acknowledged and what was lost. Another controller (CUBIC, BBR) is
 * another implementation of these calls.
 *
 * Deviation: the initial window is 10 packets (RFC 6928) where RFC 9260 7.2.1 has min(4 MTU, max(2 MTU, 4404 bytes)).
 */
#ifndef PARLEY_SCTP_CONGESTION_H
#define PARLEY_SCTP_CONGESTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCTP_INITIAL_WINDOW_PACKETS 10u /* RFC 6928 */
#define SCTP_MIN_WINDOW_PACKETS 4u	/* RFC 9260 7.2.3 */

typedef struct {
	size_t mtu, cwnd, ssthresh;
	size_t partial_acked;  /* bytes towards the next increase in congestion avoidance */
	bool in_recovery;      /* fast recovery (RFC 9260 7.2.4): no increase until recovery_end is acknowledged */
	uint32_t recovery_end; /* TSN */
	uint64_t last_sent;    /* for the decay of an idle window */
} sctp_congestion;

void sctp_congestion_init(sctp_congestion *c, size_t mtu);
/* acked bytes are newly acknowledged while `flight` were in flight before; cumulative: the cumulative TSN moved. */
void sctp_congestion_acked(sctp_congestion *c, size_t acked, size_t flight, bool cumulative, uint32_t cumulative_tsn);
/* Something is deemed lost, next_tsn not yet sent. True if this begins a recovery (else it is part of the last). */
bool sctp_congestion_lost(sctp_congestion *c, uint32_t next_tsn);
void sctp_congestion_timeout(sctp_congestion *c);
/* Before sending with nothing in flight: after an idle RTO the window shrinks (RFC 9260 7.2.1). */
void sctp_congestion_sending(sctp_congestion *c, uint64_t now, uint64_t rto, size_t flight);

#endif
