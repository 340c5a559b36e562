/*
 * sctp/recovery.h: what an association knows of the losses it is repairing, of the probe it may have sent for those at the tail
 * (TLP, RFC 8985 7), and of whether they were losses at all. Its functions are recovery.c's, in internal.h.
 */
#ifndef PARLEY_SCTP_RECOVERY_H
#define PARLEY_SCTP_RECOVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a peer may hold its SACK back for a lone packet (RFC 9260 6.2: should be 200 ms). RFC 8985 5.3: TLP.max_ack_delay */
#define SCTP_PEER_SACK_DELAY_US 200000u

typedef enum {
	SCTP_REPAIR_NONE,
	SCTP_REPAIR_LOSS,    /* fast recovery (RFC 9260 7.2.4) */
	SCTP_REPAIR_TIMEOUT, /* after T3-rtx */
} sctp_repair;

typedef struct {
	sctp_repair repair;
	uint32_t begin, end;   /* TSNs outstanding when it began; it ends when all these are acknowledged */
	bool just_begun;       /* what leaves until the next SACK is among them */
	uint32_t highest_lost; /* TSN found lost */
	/* Was it for nothing? Until the next one begins. */
	bool may_undo;
	bool any_resent;
	size_t resent; /* chunks sent again, less those that the peer reports to have had twice */
	/* the last chunk that asked for an immediate SACK */
	uint64_t asked_at;
	uint32_t asked_tsn;
	/* tail loss probe */
	bool probe_due;
	bool probe_sent;   /* and not yet accounted for */
	bool probe_resent; /* it repeated a chunk: */
	uint32_t probe_tsn;
	uint32_t probe_end; /* TSN: not yet sent then */
} sctp_recovery;

#endif
