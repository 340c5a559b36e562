/*
 * rtp/history.h: the packets of one source that were sent lately, for retransmission: by RFC 4588 as they were before
 * encryption, else encrypted (rtp/srtp.h says why).
 *
 * Limited in number, bytes and age, whichever is less. Not here: whether to send again, and how often (rtp/rtx.c).
 */
#ifndef PARLEY_RTP_HISTORY_H
#define PARLEY_RTP_HISTORY_H

#include "base/bytes.h"

#define RTP_HISTORY_PACKETS 2048u	 /* a power of two; 20 Mbit/s for a second */
#define RTP_HISTORY_BYTES (4u << 20)	 /* per source */
#define RTP_HISTORY_AGE_US 2000000u	 /* a peer that asks for what is older has given it up long ago */
#define RTP_HISTORY_RESENDS_MAX 20u	 /* of one packet */
#define RTP_HISTORY_RESEND_MIN_US 10000u /* between two of one packet, and not more often than half a round trip */

typedef struct {
	uint8_t *data; /* NULL: an empty place */
	size_t len;
	uint16_t sequence;
	uint64_t sent, resent; /* resent == sent: not yet */
	uint32_t resends;
} rtp_history_entry;

typedef struct {
	rtp_history_entry *ring; /* at sequence modulo RTP_HISTORY_PACKETS; NULL until the first */
	size_t bytes, count;
	bool any;
	uint16_t newest, oldest; /* what lies before the oldest is gone */
} rtp_history;

void rtp_history_clear(rtp_history *h);
/* Copies. PARLEY_ENOMEM: not remembered. */
int rtp_history_put(rtp_history *h, uint64_t now, uint16_t sequence, slice bytes);
/* NULL: not (any more) held. Valid until the next put or clear. */
const rtp_history_entry *rtp_history_find(const rtp_history *h, uint64_t now, uint16_t sequence);
/* May it be sent again now, at this round-trip time? If so that is noted. */
bool rtp_history_take_turn(rtp_history *h, uint64_t now, uint16_t sequence, uint64_t rtt_us);
void rtp_history_check_invariants(const rtp_history *h);

#endif
