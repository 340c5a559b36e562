#include "sctp/congestion_hystart.h"

#include "base/time.h"

/* RFC 9406 4.3 */
#define RTT_THRESHOLD_MIN (4 * US_PER_MS)
#define RTT_THRESHOLD_MAX (16 * US_PER_MS)
#define RTT_DIVISOR 8u
#define RTT_SAMPLES 8u /* N_RTT_SAMPLE */
#define CSS_GROWTH_DIVISOR 4u
#define CSS_ROUNDS 5u

void sctp_hystart_init(sctp_hystart *h)
{
	*h = (sctp_hystart){.rtt = UINT64_MAX, .last_rtt = UINT64_MAX};
}

static void begin_round(sctp_hystart *h, uint64_t end)
{
	h->round_end = end;
	h->last_rtt = h->rtt;
	h->rtt = UINT64_MAX;
	h->samples = 0;
	h->rounds += h->slow;
}

static uint64_t threshold(const sctp_hystart *h)
{
	uint64_t t = h->last_rtt / RTT_DIVISOR;
	if (t < RTT_THRESHOLD_MIN)
		return RTT_THRESHOLD_MIN;
	return time_min(t, RTT_THRESHOLD_MAX);
}

static void look(sctp_hystart *h)
{
	if (h->samples < RTT_SAMPLES || h->last_rtt == UINT64_MAX)
		return;
	if (h->slow) {
		h->slow = h->rtt >= h->baseline; /* else it was a false alarm */
	} else if (h->rtt >= h->last_rtt + threshold(h)) {
		h->slow = true;
		h->baseline = h->rtt;
		h->rounds = 0;
	}
}

size_t sctp_hystart_acked(sctp_hystart *h, uint64_t delivered, size_t flight, size_t acked, bool has_rtt, uint64_t rtt,
			  bool *done)
{
	if (delivered >= h->round_end)
		begin_round(h, delivered + flight);
	if (has_rtt) {
		h->rtt = time_min(h->rtt, rtt);
		h->samples++;
	}
	look(h);
	*done = h->slow && h->rounds >= CSS_ROUNDS;
	return h->slow ? acked / CSS_GROWTH_DIVISOR : acked;
}
