#include "sctp/congestion_cubic.h"

#include "base/time.h"
#include "sctp/congestion.h"

/* RFC 9438 4.6, 4.1.2, 4.3 */
#define BETA 0.7
#define C 0.4
#define ALPHA (3.0 * (1.0 - BETA) / (1.0 + BETA))
#define TARGET_GAIN_MAX 1.5 /* RFC 9438 4.2: of the window in a round trip */

/*
 * A window that doubles is twice what was delivered in the last round trip, as long as the path follows; more than that only fills
 * its queue.
 */
#define SLOW_START_PIPES 1.9
#define PIPE_RTT_MIN_US 4000u /* within a machine round trips vary by more than they last */

/* Faster than cwnd per round trip, so that the pace is not what limits; as other implementations have it. */
#define PACING_GAIN_SLOW_START 2.0
#define PACING_GAIN 1.2

static size_t max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}

static double max_double(double a, double b)
{
	return a > b ? a : b;
}

static double min_double(double a, double b)
{
	return a < b ? a : b;
}

static double packets(const sctp_congestion *c, size_t bytes)
{
	return (double)bytes / (double)c->mtu;
}

static double seconds(uint64_t us)
{
	return (double)us / (double)US_PER_S;
}

/* By Newton's method; x >= 0. */
static double cube_root(double x)
{
	double root = x > 1 ? x : 1;
	for (unsigned i = 0; i < 100; i++) {
		double next = (2 * root + x / (root * root)) / 3;
		if (next >= root)
			break;
		root = next;
	}
	return root;
}

static void set_pacing(sctp_congestion *c, uint64_t srtt, double gain)
{
	size_t window = c->ssthresh == SIZE_MAX ? c->cwnd : max_size(c->cwnd, c->ssthresh);
	if (srtt)
		c->pacing_rate = (uint64_t)(gain * (double)window / seconds(srtt)) + 1;
}

/* --- growth --- */

void sctp_cubic_begin(sctp_congestion *c, uint32_t seed)
{
	(void)seed;
	c->cubic = (sctp_cubic){0};
	sctp_hystart_init(&c->cubic.hystart);
}

static void resize(sctp_cubic_curve *u, double ratio)
{
	u->running = false; /* a new epoch begins where the window is */
	u->w_max *= ratio;
	u->prior *= ratio;
}

void sctp_cubic_resized(sctp_congestion *c, double ratio)
{
	resize(&c->cubic.curve, ratio);
	resize(&c->cubic.before.curve, ratio);
}

/* RFC 9438 4.2: a new epoch. Without a loss before it the curve begins at its flat part, w_max. */
static void begin_epoch(sctp_congestion *c, uint64_t now)
{
	sctp_cubic_curve *u = &c->cubic.curve;
	double cwnd = packets(c, c->cwnd);
	u->running = true;
	u->epoch = u->last_ack = now;
	u->window = u->w_est = cwnd;
	if (u->w_max < cwnd)
		u->w_max = cwnd;
	u->k = cube_root((u->w_max - cwnd) / C);
}

static double cubic_window(const sctp_cubic_curve *u, uint64_t at)
{
	double t = seconds(at - u->epoch) - u->k;
	return C * t * t * t + u->w_max;
}

/* Time in which the window was not the limit is no time of the curve (RFC 9438 5.8). */
static void skip_idle_time(sctp_congestion *c, uint64_t now, bool limited)
{
	sctp_cubic_curve *u = &c->cubic.curve;
	if (!limited)
		u->epoch += now - u->last_ack;
	u->last_ack = now;
}

static void avoid_congestion(sctp_congestion *c, const sctp_acknowledgement *a)
{
	sctp_cubic_curve *u = &c->cubic.curve;
	bool limited = sctp_congestion_is_limited(c);
	if (!u->running)
		begin_epoch(c, a->now);
	skip_idle_time(c, a->now, limited);
	if (!limited)
		return;
	double acked = packets(c, a->acked), target = cubic_window(u, a->now + a->srtt);
	target = min_double(max_double(target, u->window), u->window * TARGET_GAIN_MAX);
	u->w_est += (u->w_est < u->prior ? ALPHA : 1) * acked / u->window;
	u->window += acked * (target - u->window) / u->window;
	if (cubic_window(u, a->now) < u->w_est) /* where Reno would be further (RFC 9438 4.3) */
		u->window = max_double(u->window, u->w_est);
	c->cwnd = (size_t)(u->window * (double)c->mtu);
}

/* What fills the path by what was measured. */
static size_t pipe_size(const sctp_congestion *c, const sctp_acknowledgement *a)
{
	const sctp_hystart *h = &c->cubic.hystart;
	uint64_t rate = h->rate > h->last_rate ? h->rate : h->last_rate;
	uint64_t rtt = a->min_rtt > PIPE_RTT_MIN_US ? a->min_rtt : PIPE_RTT_MIN_US;
	return (size_t)((double)rate * seconds(rtt)) + SCTP_INITIAL_WINDOW_PACKETS * c->mtu;
}

static void slow_start(sctp_congestion *c, const sctp_acknowledgement *a)
{
	sctp_hystart *h = &c->cubic.hystart;
	bool queued = a->srtt >= a->min_rtt + sctp_hystart_threshold(a->min_rtt);
	sctp_hystart_acked(h, c->rate->delivered, a->flight, a->has_rtt ? a->rtt : UINT64_MAX, queued, &a->sample);
	size_t pipe = c->cubic.pipe = pipe_size(c, a);
	if (sctp_congestion_is_limited(c) && (!h->last_rate || (double)c->cwnd < SLOW_START_PIPES * (double)pipe))
		c->cwnd += sctp_hystart_growth(h, a->acked);
	if (!sctp_hystart_done(h))
		return;
	if (h->full && c->cwnd > pipe) { /* what is beyond is in the queue */
		c->cwnd = pipe;
		c->cubic.full_at = a->now;
	}
	c->ssthresh = c->cwnd;
}

/* --- reduction --- */

static void save(sctp_congestion *c)
{
	sctp_cubic *u = &c->cubic;
	u->before.cwnd = c->cwnd;
	u->before.ssthresh = c->ssthresh;
	u->before.curve = u->curve;
}

static void reduce(sctp_congestion *c)
{
	sctp_cubic_curve *u = &c->cubic.curve;
	double cwnd = packets(c, c->cwnd);
	bool starting = c->ssthresh == SIZE_MAX;
	u->w_max = cwnd < u->w_max ? cwnd * (1 + BETA) / 2 : cwnd; /* fast convergence (RFC 9438 4.7) */
	u->prior = cwnd;
	u->running = false;
	c->ssthresh = max_size((size_t)((double)c->cwnd * BETA), SCTP_MIN_WINDOW_PACKETS * c->mtu);
	if (starting &&
	    c->ssthresh > c->cubic.pipe) /* far beyond what the path holds: the curve begins where it is flat */
		u->w_max = packets(c, c->ssthresh);
	sctp_hystart_init(&c->cubic.hystart);
}

/* Only what slow start had sent too much is lost, and the window has been taken back from that already. */
static bool is_reduced_already(const sctp_cubic *u)
{
	return u->full_at && u->lost_sent_at <= u->full_at;
}

void sctp_cubic_recover(sctp_congestion *c, uint64_t now, size_t flight)
{
	(void)now;
	save(c);
	sctp_prr_begin(&c->cubic.prr, max_size(c->cwnd, flight), c->rate->sent);
	if (!is_reduced_already(&c->cubic))
		reduce(c);
	c->cubic.lost_sent_at = 0;
	c->cwnd = flight + c->mtu; /* for the first retransmission; then as acknowledgements come */
}

void sctp_cubic_recovered(sctp_congestion *c, uint64_t now, bool timeout)
{
	(void)now;
	if (!timeout) /* after one slow start has brought it where it is */
		c->cwnd = c->ssthresh;
}

void sctp_cubic_timeout(sctp_congestion *c, uint64_t now, size_t flight, bool again)
{
	(void)now;
	(void)flight;
	if (!again) {
		save(c);
		reduce(c);
	}
	c->cwnd = c->mtu;
}

/* RFC 9438 4.9 */
void sctp_cubic_undo(sctp_congestion *c, uint64_t now)
{
	(void)now;
	const sctp_cubic *u = &c->cubic;
	c->cwnd = max_size(c->cwnd, u->before.cwnd);
	c->ssthresh = max_size(c->ssthresh, u->before.ssthresh);
	c->cubic.curve = u->before.curve;
}

/* --- events --- */

void sctp_cubic_acked(sctp_congestion *c, const sctp_acknowledgement *a)
{
	if (a->recovering) {
		size_t may = sctp_prr_acked(&c->cubic.prr, a->acked, a->flight, c->rate->sent, c->ssthresh, c->mtu);
		c->cwnd = a->flight + may;
		set_pacing(c, a->srtt, PACING_GAIN);
		return;
	}
	bool starting = c->cwnd < c->ssthresh;
	if (starting)
		slow_start(c, a);
	else
		avoid_congestion(c, a);
	set_pacing(c, a->srtt, starting ? PACING_GAIN_SLOW_START : PACING_GAIN);
}

/* After a pause of more than an RTO the window says less and less of the path (RFC 9260 7.2.1). */
void sctp_cubic_sending(sctp_congestion *c, uint64_t now, size_t flight, uint64_t rto)
{
	sctp_cubic *u = &c->cubic;
	size_t floor = SCTP_INITIAL_WINDOW_PACKETS * c->mtu;
	if (!flight && u->last_sent && now - u->last_sent > rto && c->cwnd > floor) {
		c->ssthresh = max_size(c->ssthresh == SIZE_MAX ? 0 : c->ssthresh, c->cwnd / 4 * 3);
		for (uint64_t idle = now - u->last_sent; idle > rto && c->cwnd > floor; idle -= rto)
			c->cwnd = max_size(c->cwnd / 2, floor);
		u->curve.running = false;
	}
	u->last_sent = now;
}

void sctp_cubic_lost(sctp_congestion *c, uint64_t now, const sctp_loss *loss)
{
	(void)now;
	if (loss->mark.sent_at > c->cubic.lost_sent_at)
		c->cubic.lost_sent_at = loss->mark.sent_at;
}
