#include "sctp/congestion_prr.h"

void sctp_prr_begin(sctp_prr *p, size_t flight, uint64_t sent)
{
	*p = (sctp_prr){.flight = flight ? flight : 1, .sent_before = sent};
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t above_zero(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

size_t sctp_prr_acked(sctp_prr *p, size_t acked, size_t flight, uint64_t sent, size_t ssthresh, size_t mtu)
{
	uint64_t out = sent - p->sent_before, may;
	p->delivered += acked;
	if (flight > ssthresh) {
		may = above_zero((p->delivered * ssthresh + p->flight - 1) / p->flight, out);
	} else { /* slow start reduction bound (RFC 6937 3) */
		uint64_t limit = max_u64(above_zero(p->delivered, out), acked) + mtu;
		may = min_u64(ssthresh - flight, limit);
	}
	return (size_t)(out ? may : max_u64(may, mtu)); /* the first retransmission always goes */
}
