#include "sctp/congestion_bbr_model.h"

#include "base/time.h"
#include "sctp/congestion.h"

#define MIN_RTT_SPAN (10 * US_PER_S)	  /* MinRTTFilterLen */
#define PROBE_RTT_INTERVAL (5 * US_PER_S) /* ProbeRTTInterval */
#define EXTRA_ACKED_ROUNDS 5u		  /* half of ExtraAckedFilterLen: two such spans are remembered */
#define FULL_BW_GROWTH 1.25
#define BASE_LOSS_WEIGHT 0.25
#define BASE_LOSS_MAX 0.15 /* a path that loses more is broken */
#define INSISTED_LOSS 3	   /* times it: what probing adds to the losses of others who do not make room for it */
#define FULL_BW_ROUNDS 3u
#define QUEUED_RTT 1.25		/* times the least: more than jitter makes of the shortest round trip among many */
#define SLIGHTLY_QUEUED_RTT 1.1 /* ... than it makes on average */

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t scaled(double factor, uint64_t value)
{
	return value == UINT64_MAX ? value : (uint64_t)(factor * (double)value);
}

void sctp_bbr_model_init(sctp_bbr_model *m)
{
	*m = (sctp_bbr_model){.min_rtt = UINT64_MAX,
			      .probe_rtt_min = UINT64_MAX,
			      .inflight_longterm = UINT64_MAX,
			      .round_rtt = UINT64_MAX,
			      .last_round_rtt = UINT64_MAX};
	sctp_bbr_reset_shortterm(m);
}

uint64_t sctp_bbr_bdp(const sctp_bbr_model *m, double gain)
{
	if (m->min_rtt == UINT64_MAX)
		return UINT64_MAX;
	return (uint64_t)(gain * (double)m->bw * (double)m->min_rtt / (double)US_PER_S);
}

/* --- rounds and rate --- */

void sctp_bbr_start_round(sctp_bbr_model *m, uint64_t delivered)
{
	m->round_end = delivered;
}

static void update_round(sctp_bbr_model *m, uint64_t delivered, const sctp_acknowledgement *a)
{
	m->round_start = a->sample.valid && a->sample.prior >= m->round_end;
	if (m->round_start) {
		sctp_bbr_start_round(m, delivered);
		m->rounds++;
		m->last_round_rtt = m->round_rtt;
		m->round_rtt = UINT64_MAX;
	}
	if (a->has_rtt)
		m->round_rtt = time_min(m->round_rtt, a->rtt);
}

static void update_max_bw(sctp_bbr_model *m, const sctp_rate_sample *s)
{
	if (!s->bytes_per_second || (s->app_limited && s->bytes_per_second < m->max_bw))
		return;
	m->bw_filter[0] = max_u64(m->bw_filter[0], s->bytes_per_second);
	m->max_bw = max_u64(m->bw_filter[0], m->bw_filter[1]);
}

void sctp_bbr_advance_filter(sctp_bbr_model *m)
{
	if (!m->bw_filter[0])
		return; /* nothing was measured: keep what there is */
	m->bw_filter[1] = m->bw_filter[0];
	m->bw_filter[0] = 0;
	m->max_bw = m->bw_filter[1];
}

static void update_latest(sctp_bbr_model *m, const sctp_rate *rate, const sctp_rate_sample *s)
{
	m->loss_round_start = false;
	if (!s->valid)
		return;
	m->bw_latest = max_u64(m->bw_latest, s->bytes_per_second);
	m->inflight_latest = max_u64(m->inflight_latest, s->delivered);
	if (s->prior < m->loss_round_end)
		return;
	m->loss_round_end = rate->delivered;
	m->loss_round_start = true;
	double lost = (double)(rate->lost - m->lost_before);
	m->round_loss = lost > 0 ? lost / (lost + (double)m->inflight_latest) : 0;
	m->lost_before = rate->lost;
}

/* --- the rate of whole rounds --- */

/* Even the shortest round trip of the round had a queue in it. */
static bool is_queued(const sctp_bbr_model *m, double ratio)
{
	return m->last_round_rtt != UINT64_MAX && (double)m->last_round_rtt > ratio * (double)m->min_rtt;
}

void sctp_bbr_start_whole(sctp_bbr_model *m)
{
	m->whole_bw = m->last_whole_bw = 0;
	m->whole_lossy = false;
}

/* The lesser of two in a row: what a pause takes from one round is in the next one. */
static void update_whole(sctp_bbr_model *m, const sctp_rate_sample *s)
{
	m->whole_lossy |= m->loss_round_start && sctp_bbr_is_too_much(m, m->round_loss, 1);
	if (!m->round_start || s->app_limited)
		return;
	m->whole_bw = max_u64(m->whole_bw, time_min(s->bytes_per_second, m->last_whole_bw));
	m->last_whole_bw = s->bytes_per_second;
}

void sctp_bbr_lower_bw(sctp_bbr_model *m)
{
	if (m->insisted || m->whole_lossy || !is_queued(m, SLIGHTLY_QUEUED_RTT) || !m->whole_bw)
		return;
	m->max_bw = time_min(m->max_bw, m->whole_bw);
	m->bw_filter[0] = time_min(m->bw_filter[0], m->max_bw);
	m->bw_filter[1] = time_min(m->bw_filter[1], m->max_bw);
	m->bw_shortterm = time_min(m->bw_shortterm, m->max_bw);
}

void sctp_bbr_model_acked(sctp_bbr_model *m, const sctp_rate *rate, const sctp_acknowledgement *a)
{
	update_latest(m, rate, &a->sample);
	update_round(m, rate->delivered, a);
	update_max_bw(m, &a->sample);
	update_whole(m, &a->sample);
	m->loss_events += a->lost != 0;
}

void sctp_bbr_model_done(sctp_bbr_model *m, const sctp_acknowledgement *a)
{
	if (m->loss_round_start) {
		m->bw_latest = a->sample.bytes_per_second;
		m->inflight_latest = a->sample.delivered;
		m->loss_in_round = false;
		m->loss_events = 0;
	}
	m->bw = time_min(m->max_bw, m->bw_shortterm);
}

/* --- losses --- */

void sctp_bbr_note_base_loss(sctp_bbr_model *m)
{
	m->base_loss += (m->round_loss - m->base_loss) * BASE_LOSS_WEIGHT;
	if (m->base_loss > BASE_LOSS_MAX)
		m->base_loss = BASE_LOSS_MAX;
}

double sctp_bbr_loss_threshold(const sctp_bbr_model *m)
{
	return (m->insisted ? INSISTED_LOSS : 1) * m->base_loss + SCTP_BBR_LOSS_THRESHOLD;
}

bool sctp_bbr_is_lossy(const sctp_bbr_model *m)
{
	return m->base_loss > SCTP_BBR_LOSS_THRESHOLD;
}

bool sctp_bbr_is_too_much(const sctp_bbr_model *m, double lost, double of)
{
	return lost > of * sctp_bbr_loss_threshold(m);
}

void sctp_bbr_note_loss(sctp_bbr_model *m, uint64_t delivered)
{
	if (!m->loss_in_round)
		m->loss_round_end = delivered;
	m->loss_in_round = true;
}

void sctp_bbr_forget_losses(sctp_bbr_model *m)
{
	m->loss_in_round = false;
	m->bw_latest = 0;
	m->inflight_latest = 0;
}

void sctp_bbr_reset_shortterm(sctp_bbr_model *m)
{
	m->bw_shortterm = m->inflight_shortterm = UINT64_MAX;
}

void sctp_bbr_lower_bounds(sctp_bbr_model *m, size_t cwnd)
{
	if (m->bw_shortterm == UINT64_MAX)
		m->bw_shortterm = m->max_bw;
	if (m->inflight_shortterm == UINT64_MAX)
		m->inflight_shortterm = cwnd;
	m->bw_shortterm = max_u64(m->bw_latest, scaled(SCTP_BBR_BETA, m->bw_shortterm));
	m->inflight_shortterm = max_u64(m->inflight_latest, scaled(SCTP_BBR_BETA, m->inflight_shortterm));
}

/* --- bunched acknowledgements --- */

/* The most of five to ten rounds; in Startup, of this one. */
static void note_extra(sctp_bbr_model *m, uint64_t extra)
{
	uint64_t span = m->full_bw_reached ? EXTRA_ACKED_ROUNDS : 1;
	if (m->rounds - m->extra_span >= span) {
		m->extra_acked[1] = m->full_bw_reached ? m->extra_acked[0] : 0;
		m->extra_acked[0] = 0;
		m->extra_span = m->rounds;
	}
	m->extra_acked[0] = max_u64(m->extra_acked[0], extra);
}

void sctp_bbr_aggregation(sctp_bbr_model *m, size_t cwnd, const sctp_acknowledgement *a)
{
	uint64_t expected = (uint64_t)((double)m->bw * (double)(a->now - m->extra_since) / (double)US_PER_S);
	if (m->extra_delivered <= expected) {
		m->extra_delivered = 0;
		m->extra_since = a->now;
		expected = 0;
	}
	m->extra_delivered += a->acked;
	note_extra(m, time_min(m->extra_delivered - expected, cwnd));
}

uint64_t sctp_bbr_extra_acked(const sctp_bbr_model *m)
{
	return max_u64(m->extra_acked[0], m->extra_acked[1]);
}

/* --- is the pipe full? --- */

void sctp_bbr_reset_full(sctp_bbr_model *m, uint64_t bw)
{
	m->full_bw = bw;
	m->full_bw_rounds = 0;
	m->full_bw_now = false;
}

/* Growth may show in any sample, not only in the one that begins a round, which may have been overtaken or bunched. */
void sctp_bbr_check_full(sctp_bbr_model *m, const sctp_acknowledgement *a)
{
	if (m->full_bw_now || a->sample.app_limited)
		return;
	if ((double)a->sample.bytes_per_second >= (double)m->full_bw * FULL_BW_GROWTH) {
		sctp_bbr_reset_full(m, a->sample.bytes_per_second);
		return;
	}
	if (!m->round_start)
		return;
	m->full_bw_rounds++;
	m->full_bw_now = m->full_bw_rounds >= FULL_BW_ROUNDS || (!m->full_bw_reached && is_queued(m, QUEUED_RTT));
	m->full_bw_reached = m->full_bw_reached || m->full_bw_now;
}

/* --- round trip --- */

void sctp_bbr_update_min_rtt(sctp_bbr_model *m, const sctp_acknowledgement *a)
{
	m->probe_rtt_expired = m->probe_rtt_min != UINT64_MAX && a->now > m->probe_rtt_min_at + PROBE_RTT_INTERVAL;
	if (a->has_rtt && (a->rtt < m->probe_rtt_min || m->probe_rtt_expired)) {
		m->probe_rtt_min = a->rtt;
		m->probe_rtt_min_at = a->now;
	}
	if (m->probe_rtt_min < m->min_rtt || a->now > m->min_rtt_at + MIN_RTT_SPAN) {
		m->min_rtt = m->probe_rtt_min;
		m->min_rtt_at = m->probe_rtt_min_at;
	}
}
