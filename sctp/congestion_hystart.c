#include "sctp/congestion_hystart.h"

#include "base/time.h"

/* RFC 9406 4.3 */
#define RTT_THRESHOLD_MIN (4 * US_PER_MS)
#define RTT_THRESHOLD_MAX (16 * US_PER_MS)
#define RTT_DIVISOR 8u
#define RTT_SAMPLES 8u /* N_RTT_SAMPLE */
#define CSS_GROWTH_DIVISOR 4u
#define CSS_ROUNDS 5u

/* As BBR's (draft-ietf-ccwg-bbr 5.3.1.2), whose three rounds would overflow most queues. */
#define RATE_GROWTH_PERCENT 125u
#define CSS_RATE_GROWTH_PERCENT 105u /* where the window grows by a quarter */

void sctp_hystart_init(sctp_hystart *h)
{
	*h = (sctp_hystart){.rtt = UINT64_MAX, .last_rtt = UINT64_MAX};
}

uint64_t sctp_hystart_threshold(uint64_t rtt)
{
	uint64_t t = rtt / RTT_DIVISOR;
	if (t < RTT_THRESHOLD_MIN)
		return RTT_THRESHOLD_MIN;
	return time_min(t, RTT_THRESHOLD_MAX);
}

static void begin_round(sctp_hystart *h, uint64_t end, bool queued)
{
	h->round_end = end;
	h->last_rtt = h->rtt;
	h->rtt = UINT64_MAX;
	h->samples = 0;
	h->rounds += h->slow;
	if (h->app_limited)
		h->rate = 0;
	uint64_t least = h->last_rate / 100 * (h->slow ? CSS_RATE_GROWTH_PERCENT : RATE_GROWTH_PERCENT);
	h->full = queued && h->rate && h->last_rate && h->rate < least;
	h->last_rate = h->rate;
	h->rate = 0;
	h->app_limited = false;
}

static void look(sctp_hystart *h)
{
	if (h->samples < RTT_SAMPLES || h->last_rtt == UINT64_MAX)
		return;
	if (h->slow) {
		h->slow = h->rtt >= h->baseline; /* else it was a false alarm */
	} else if (h->rtt >= h->last_rtt + sctp_hystart_threshold(h->last_rtt)) {
		h->slow = true;
		h->baseline = h->rtt;
		h->rounds = 0;
	}
}

void sctp_hystart_acked(sctp_hystart *h, uint64_t delivered, size_t flight, uint64_t rtt, bool queued,
			const sctp_rate_sample *sample)
{
	if (delivered >= h->round_end)
		begin_round(h, delivered + flight, queued);
	if (rtt != UINT64_MAX) {
		h->rtt = time_min(h->rtt, rtt);
		h->samples++;
	}
	h->app_limited = h->app_limited || sample->app_limited;
	if (sample->bytes_per_second > h->rate)
		h->rate = sample->bytes_per_second;
	look(h);
}

size_t sctp_hystart_growth(const sctp_hystart *h, size_t acked)
{
	return h->slow ? acked / CSS_GROWTH_DIVISOR : acked;
}

bool sctp_hystart_done(const sctp_hystart *h)
{
	return h->full || (h->slow && h->rounds >= CSS_ROUNDS);
}
