#include "sctp/congestion_bbr.h"

#include "base/time.h"
#include "sctp/congestion.h"
#include "sctp/pacer.h"

/* draft-ietf-ccwg-bbr 2.2 to 2.10, 5.6.1 */
#define STARTUP_PACING_GAIN 2.77
#define UP_PACING_GAIN 1.25
#define PACING_MARGIN 0.99
#define BASE_ROUND_FIRST 3u /* after a probe: what is lost in these rounds is not of our making */
#define BASE_ROUND_LAST 6u
#define EASE_PACING_GAIN 0.75
#define EASE_ABOVE 1.15 /* of the path's volume in flight */
#define EASE_EVERY 4u	/* round trips */
#define EASE_EVERY_MAX 64u
#define EASE_ROUNDS 2u	  /* at most */
#define DOWN_ROUNDS 4u	  /* as many empty the queue, if it is ours */
#define INSISTED_CYCLE 8u /* round trips from probe to probe, as BBR's first version has it */
#define CWND_GAIN 2.0
#define UP_CWND_GAIN 2.25
#define PROBE_RTT_CWND_GAIN 0.5
#define HEADROOM 0.15
#define PROBE_RTT_DURATION (200 * US_PER_MS)
#define DRAIN_ROUNDS 3u
#define STARTUP_FULL_LOSS_EVENTS 6u
#define RENO_ROUNDS_MAX 63u
#define PROBE_WAIT_MIN (2 * US_PER_S)
#define PROBE_WAIT_SPREAD (1 * US_PER_S)
#define OFFLOAD_BURSTS 3u /* 5.5.8.1: being sent, under way through GSO, under way through GRO */
#define UP_ROUNDS_MAX 30u

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static bool in_probe_bw(const sctp_bbr *b)
{
	return b->state >= SCTP_BBR_DOWN && b->state <= SCTP_BBR_UP;
}

static bool is_probing(const sctp_bbr *b)
{
	return b->state == SCTP_BBR_STARTUP || b->state == SCTP_BBR_REFILL || b->state == SCTP_BBR_UP;
}

static double pacing_gain(const sctp_bbr *b)
{
	switch (b->state) {
	case SCTP_BBR_STARTUP:
		return STARTUP_PACING_GAIN;
	case SCTP_BBR_DRAIN:
		return 0.5;
	case SCTP_BBR_DOWN:
		return b->easing ? EASE_PACING_GAIN : 0.9;
	case SCTP_BBR_UP:
		return UP_PACING_GAIN;
	case SCTP_BBR_PROBE_RTT:
		return PROBE_RTT_CWND_GAIN; /* the draft has 1: bursts, and between them waits of half a round trip */
	case SCTP_BBR_CRUISE:
		return b->easing ? EASE_PACING_GAIN : 1.0;
	case SCTP_BBR_REFILL:
		break;
	}
	return 1.0;
}

/* --- volumes --- */

static uint64_t min_pipe(const sctp_congestion *c)
{
	return SCTP_MIN_WINDOW_PACKETS * c->mtu;
}

/* 5.6.4.2: with what it takes to keep hosts busy that send and take bursts. */
static uint64_t with_quanta(const sctp_congestion *c, uint64_t volume)
{
	volume = max_u64(volume, OFFLOAD_BURSTS * sctp_burst(c->pacing_rate, c->mtu));
	volume = max_u64(volume, min_pipe(c));
	return c->bbr.state == SCTP_BBR_UP ? volume + 2 * c->mtu : volume;
}

static uint64_t bdp(const sctp_congestion *c, double gain)
{
	uint64_t volume = sctp_bbr_bdp(&c->bbr.model, gain);
	return volume == UINT64_MAX ? SCTP_INITIAL_WINDOW_PACKETS * c->mtu : volume;
}

static uint64_t inflight(const sctp_congestion *c, double gain)
{
	return with_quanta(c, bdp(c, gain));
}

static uint64_t inflight_with_headroom(const sctp_congestion *c)
{
	uint64_t longterm = c->bbr.model.inflight_longterm;
	if (longterm == UINT64_MAX)
		return longterm;
	uint64_t headroom = max_u64(c->mtu, (uint64_t)(HEADROOM * (double)longterm));
	return max_u64(longterm > headroom ? longterm - headroom : 0, min_pipe(c));
}

static uint64_t target_inflight(const sctp_congestion *c)
{
	return time_min(bdp(c, 1.0), c->cwnd);
}

/* --- saved windows (5.6.4.4) --- */

static void save_cwnd(sctp_congestion *c)
{
	sctp_bbr *b = &c->bbr;
	bool modulated = b->recovering || b->state == SCTP_BBR_PROBE_RTT;
	if (!modulated || b->prior_cwnd < c->cwnd)
		b->prior_cwnd = c->cwnd;
}

static void restore_cwnd(sctp_congestion *c)
{
	if (c->cwnd < c->bbr.prior_cwnd)
		c->cwnd = c->bbr.prior_cwnd;
}

static void save_state(sctp_congestion *c)
{
	sctp_bbr *b = &c->bbr;
	save_cwnd(c);
	b->before.startup = b->before.up = false;
	b->before.bw_shortterm = b->model.bw_shortterm;
	b->before.inflight_shortterm = b->model.inflight_shortterm;
	b->before.inflight_longterm = b->model.inflight_longterm;
}

/* --- ProbeBW (5.3.3) --- */

/* xorshift64: a number below n. */
static uint64_t random_below(sctp_bbr *b, uint64_t n)
{
	b->random ^= b->random << 13;
	b->random ^= b->random >> 7;
	b->random ^= b->random << 17;
	return b->random % n;
}

static void start_down(sctp_congestion *c, uint64_t now)
{
	sctp_bbr *b = &c->bbr;
	sctp_bbr_forget_losses(&b->model);
	b->up_acked_per_packet = UINT64_MAX;
	b->rounds_since_probe = random_below(b, 2);
	b->probe_wait = PROBE_WAIT_MIN + random_below(b, PROBE_WAIT_SPREAD);
	b->cycle_at = now;
	b->down_round = b->model.rounds;
	b->easing = false;
	sctp_bbr_start_whole(&b->model);
	b->acks = SCTP_BBR_ACKS_PROBE_STOPPING;
	sctp_bbr_start_round(&b->model, c->rate->delivered);
	b->state = SCTP_BBR_DOWN;
}

static void start_refill(sctp_congestion *c)
{
	sctp_bbr *b = &c->bbr;
	sctp_bbr_lower_bw(&b->model);
	sctp_bbr_reset_shortterm(&b->model);
	b->up_rounds = 0;
	b->up_acked = 0;
	b->probe_precautionary = false;
	b->acks = SCTP_BBR_ACKS_REFILLING;
	sctp_bbr_start_round(&b->model, c->rate->delivered);
	b->state = SCTP_BBR_REFILL;
}

static void raise_slope(sctp_congestion *c)
{
	sctp_bbr *b = &c->bbr;
	b->up_acked_per_packet = max_u64(c->cwnd >> b->up_rounds, c->mtu);
	if (b->up_rounds < UP_ROUNDS_MAX)
		b->up_rounds++;
}

static void start_up(sctp_congestion *c, const sctp_acknowledgement *a)
{
	sctp_bbr *b = &c->bbr;
	b->acks = SCTP_BBR_ACKS_PROBE_STARTING;
	sctp_bbr_start_round(&b->model, c->rate->delivered);
	sctp_bbr_reset_full(&b->model, a->sample.bytes_per_second);
	b->state = SCTP_BBR_UP;
	raise_slope(c);
}

static bool is_time_to_probe(const sctp_congestion *c, uint64_t now)
{
	const sctp_bbr *b = &c->bbr;
	uint64_t rounds = b->model.insisted ? INSISTED_CYCLE : RENO_ROUNDS_MAX;
	return now > b->cycle_at + b->probe_wait ||
	       b->rounds_since_probe >= time_min(target_inflight(c) / c->mtu, rounds);
}

static bool is_time_to_cruise(const sctp_congestion *c, size_t flight)
{
	return flight <= inflight_with_headroom(c) && flight <= inflight(c, 1.0);
}

static bool is_time_to_go_down(sctp_congestion *c, const sctp_acknowledgement *a)
{
	sctp_bbr *b = &c->bbr;
	sctp_bbr_model *m = &b->model;
	if (b->probe_too_high && a->flight >= m->inflight_longterm) {
		b->probe_precautionary = true;
		return true;
	}
	if (sctp_congestion_is_limited(c) && c->cwnd >= m->inflight_longterm)
		sctp_bbr_reset_full(m, a->sample.bytes_per_second); /* it is that bound which limits the rate */
	else if (m->full_bw_now || (m->full_bw_rounds && a->flight >= inflight(c, UP_PACING_GAIN)))
		return true;
	return false;
}

static void raise_longterm(sctp_congestion *c, const sctp_acknowledgement *a)
{
	sctp_bbr *b = &c->bbr;
	if (!sctp_congestion_is_limited(c) || c->cwnd < b->model.inflight_longterm)
		return;
	b->up_acked += a->acked;
	uint64_t packets = b->up_acked / b->up_acked_per_packet;
	b->up_acked -= packets * b->up_acked_per_packet;
	b->model.inflight_longterm += packets * c->mtu;
	if (b->model.round_start)
		raise_slope(c);
}

static bool is_too_high(const sctp_congestion *c, uint64_t lost, uint64_t flight)
{
	return sctp_bbr_is_too_much(&c->bbr.model, (double)lost, (double)flight);
}

/* True: that decided on a state. */
static bool adapt_longterm(sctp_congestion *c, const sctp_acknowledgement *a)
{
	sctp_bbr *b = &c->bbr;
	sctp_bbr_model *m = &b->model;
	if (b->acks == SCTP_BBR_ACKS_PROBE_STARTING && m->round_start)
		b->acks = SCTP_BBR_ACKS_PROBE_FEEDBACK;
	if (b->acks == SCTP_BBR_ACKS_PROBE_STOPPING && m->round_start) {
		b->probe_sample = false;
		b->acks = SCTP_BBR_ACKS_INIT;
		if (in_probe_bw(b) && !a->sample.app_limited)
			sctp_bbr_advance_filter(m);
		if (in_probe_bw(b) && b->probe_precautionary && !b->probe_too_high) {
			start_refill(c);
			return true;
		}
	}
	if (is_too_high(c, a->sample.lost, a->sample.flight) || m->inflight_longterm == UINT64_MAX)
		return false;
	m->inflight_longterm = max_u64(m->inflight_longterm, a->sample.flight);
	if (b->state == SCTP_BBR_UP)
		raise_longterm(c, a);
	return false;
}

static void start_cruise(sctp_bbr *b)
{
	b->state = SCTP_BBR_CRUISE;
	b->easing = false;
	sctp_bbr_start_whole(&b->model);
	b->ease_next = b->model.rounds + b->ease_every;
}

/*
 * Going down makes room for others and lets the queue run empty. If it does not within some rounds, then either the rate is too
 * high; or packets are lost all the while, and there are others who fill the queue whatever is lost, as BBR's first version does:
 * going further down would leave the path to them, and so would probing as rarely.
 */
static void go_down(sctp_congestion *c, size_t flight)
{
	sctp_bbr *b = &c->bbr;
	sctp_bbr_model *m = &b->model;
	bool empty = is_time_to_cruise(c, flight), late = m->rounds >= b->down_round + DOWN_ROUNDS;
	if (empty || (late && sctp_bbr_is_lossy(m))) {
		m->insisted = !empty;
		start_cruise(b);
	} else if (late && !b->easing) {
		sctp_bbr_lower_bw(m);
		b->easing = true;
	}
}

/*
 * The rate is the highest of all samples, and so too high where acknowledgements come in bunches; over the many round trips of a
 * cruise that fills the queue. If there is one, then what whole rounds delivered is all that the path has for us, and, as BBR's
 * first version did, a round trip now and then is slower. If that does not make the queue shorter, it is others who fill it, and
 * they would only take what we leave: it is tried less often then.
 */
static void ease(sctp_congestion *c, size_t flight)
{
	sctp_bbr *b = &c->bbr;
	bool empty = flight <= inflight(c, 1.0);
	if (b->easing && (empty || b->model.rounds >= b->ease_next)) {
		b->easing = false;
		b->ease_every = empty ? EASE_EVERY : time_min(2 * b->ease_every, EASE_EVERY_MAX);
		b->model.insisted = !empty && sctp_bbr_is_lossy(&b->model);
		b->ease_next = b->model.rounds + b->ease_every;
	} else if (!b->easing && b->model.rounds >= b->ease_next && flight > inflight(c, EASE_ABOVE)) {
		sctp_bbr_lower_bw(&b->model);
		b->easing = true;
		b->ease_next = b->model.rounds + EASE_ROUNDS;
	}
}

static void update_cycle(sctp_congestion *c, const sctp_acknowledgement *a)
{
	sctp_bbr *b = &c->bbr;
	if (!b->model.full_bw_reached || adapt_longterm(c, a))
		return;
	switch (b->state) {
	case SCTP_BBR_DOWN:
		if (is_time_to_probe(c, a->now))
			start_refill(c);
		else
			go_down(c, a->flight);
		break;
	case SCTP_BBR_CRUISE:
		ease(c, a->flight);
		if (is_time_to_probe(c, a->now))
			start_refill(c);
		break;
	case SCTP_BBR_REFILL:
		if (b->model.round_start) {
			b->probe_sample = true;
			start_up(c, a);
		}
		break;
	case SCTP_BBR_UP:
		if (is_time_to_go_down(c, a)) {
			b->probe_too_high = false;
			start_down(c, a->now);
		}
		break;
	case SCTP_BBR_STARTUP:
	case SCTP_BBR_DRAIN:
	case SCTP_BBR_PROBE_RTT:
		break;
	}
}

/* --- Startup and Drain (5.3.1, 5.3.2) --- */

static void enter_drain(sctp_bbr *b)
{
	b->state = SCTP_BBR_DRAIN;
	b->drain_round = b->model.rounds;
}

static void check_startup_losses(sctp_congestion *c, const sctp_acknowledgement *a)
{
	sctp_bbr *b = &c->bbr;
	sctp_bbr_model *m = &b->model;
	if (m->full_bw_reached || !m->loss_round_start || !a->recovering || m->loss_events < STARTUP_FULL_LOSS_EVENTS ||
	    !is_too_high(c, a->sample.lost, a->sample.flight))
		return;
	b->before.startup = true;
	m->full_bw_reached = true;
	m->inflight_longterm = max_u64(bdp(c, 1.0), m->inflight_latest);
}

static void check_startup_and_drain(sctp_congestion *c, const sctp_acknowledgement *a)
{
	sctp_bbr *b = &c->bbr;
	if (b->state == SCTP_BBR_STARTUP) {
		check_startup_losses(c, a);
		if (b->model.full_bw_reached)
			enter_drain(b);
	}
	if (b->state == SCTP_BBR_DRAIN &&
	    (a->flight <= inflight(c, 1.0) || b->model.rounds > b->drain_round + DRAIN_ROUNDS))
		start_down(c, a->now);
}

/* --- ProbeRTT (5.3.4) --- */

static uint64_t probe_rtt_cwnd(const sctp_congestion *c)
{
	return max_u64(bdp(c, PROBE_RTT_CWND_GAIN), min_pipe(c));
}

static void exit_probe_rtt(sctp_congestion *c, uint64_t now)
{
	sctp_bbr *b = &c->bbr;
	sctp_bbr_reset_shortterm(&b->model);
	if (b->model.full_bw_reached) {
		start_down(c, now);
		start_cruise(b);
	} else {
		b->state = SCTP_BBR_STARTUP;
	}
}

static void check_probe_rtt_done(sctp_congestion *c, uint64_t now)
{
	sctp_bbr *b = &c->bbr;
	if (!b->probe_rtt_done_at || now <= b->probe_rtt_done_at)
		return;
	b->model.probe_rtt_min_at = now;
	restore_cwnd(c);
	exit_probe_rtt(c, now);
}

static void handle_probe_rtt(sctp_congestion *c, const sctp_acknowledgement *a)
{
	sctp_bbr *b = &c->bbr;
	sctp_rate_limit(c->rate, a->flight); /* low rates now are of our making */
	if (!b->probe_rtt_done_at && a->flight <= probe_rtt_cwnd(c)) {
		b->probe_rtt_done_at = a->now + PROBE_RTT_DURATION;
		b->probe_rtt_round_done = false;
		sctp_bbr_start_round(&b->model, c->rate->delivered);
	} else if (b->probe_rtt_done_at) {
		b->probe_rtt_round_done = b->probe_rtt_round_done || b->model.round_start;
		if (b->probe_rtt_round_done)
			check_probe_rtt_done(c, a->now);
	}
}

static void check_probe_rtt(sctp_congestion *c, const sctp_acknowledgement *a)
{
	sctp_bbr *b = &c->bbr;
	if (b->state != SCTP_BBR_PROBE_RTT && b->model.probe_rtt_expired && !b->idle_restart) {
		save_cwnd(c);
		b->state = SCTP_BBR_PROBE_RTT;
		b->probe_rtt_done_at = 0;
		b->acks = SCTP_BBR_ACKS_PROBE_STOPPING;
		sctp_bbr_start_round(&b->model, c->rate->delivered);
	}
	if (b->state == SCTP_BBR_PROBE_RTT)
		handle_probe_rtt(c, a);
	if (a->sample.delivered)
		b->idle_restart = false;
}

/* --- control (5.6) --- */

static void set_pacing(sctp_congestion *c, double gain)
{
	const sctp_bbr_model *m = &c->bbr.model;
	uint64_t rate = (uint64_t)(gain * PACING_MARGIN * (double)m->bw);
	if (m->full_bw_reached || rate > c->pacing_rate)
		c->pacing_rate = max_u64(rate, 1);
}

static void bound_cwnd(sctp_congestion *c)
{
	const sctp_bbr *b = &c->bbr;
	uint64_t cap = UINT64_MAX;
	if (in_probe_bw(b) && b->state != SCTP_BBR_CRUISE)
		cap = b->model.inflight_longterm;
	else if (b->state == SCTP_BBR_CRUISE || b->state == SCTP_BBR_PROBE_RTT)
		cap = inflight_with_headroom(c);
	cap = time_min(cap, b->model.inflight_shortterm);
	cap = max_u64(cap, min_pipe(c));
	c->cwnd = (size_t)time_min(c->cwnd, cap);
}

static void set_cwnd(sctp_congestion *c, const sctp_acknowledgement *a)
{
	const sctp_bbr *b = &c->bbr;
	double gain = b->state == SCTP_BBR_UP	       ? UP_CWND_GAIN
		      : b->state == SCTP_BBR_PROBE_RTT ? PROBE_RTT_CWND_GAIN
						       : CWND_GAIN;
	uint64_t most = with_quanta(c, bdp(c, gain) + sctp_bbr_extra_acked(&b->model));
	if (b->model.full_bw_reached)
		c->cwnd = (size_t)time_min(c->cwnd + a->acked, most);
	else if (c->cwnd < most || c->rate->delivered < SCTP_INITIAL_WINDOW_PACKETS * c->mtu)
		c->cwnd += a->acked;
	c->cwnd = (size_t)max_u64(c->cwnd, min_pipe(c));
	if (b->state == SCTP_BBR_PROBE_RTT)
		c->cwnd = (size_t)time_min(c->cwnd, probe_rtt_cwnd(c));
	bound_cwnd(c);
}

/* --- events --- */

void sctp_bbr_begin(sctp_congestion *c, uint32_t seed)
{
	sctp_bbr *b = &c->bbr;
	*b = (sctp_bbr){.random = (uint64_t)seed << 1 | 1, .up_acked_per_packet = UINT64_MAX, .ease_every = EASE_EVERY};
	sctp_bbr_model_init(&b->model);
}

void sctp_bbr_resized(sctp_congestion *c, double ratio)
{
	(void)c; /* the model is in bytes */
	(void)ratio;
}

/* 5.4.1: after a pause it goes on at the rate that was. */
void sctp_bbr_sending(sctp_congestion *c, uint64_t now, size_t flight, uint64_t rto)
{
	sctp_bbr *b = &c->bbr;
	(void)rto;
	if (flight || !c->rate->app_limited)
		return;
	b->idle_restart = true;
	b->model.extra_since = now;
	if (in_probe_bw(b))
		set_pacing(c, 1.0);
	else if (b->state == SCTP_BBR_PROBE_RTT)
		check_probe_rtt_done(c, now);
}

static void handle_too_high(sctp_congestion *c, uint64_t now, uint64_t flight, bool app_limited)
{
	sctp_bbr *b = &c->bbr;
	b->probe_too_high = true;
	b->probe_sample = false;
	if (!app_limited)
		b->model.inflight_longterm = max_u64(flight, (uint64_t)(SCTP_BBR_BETA * (double)target_inflight(c)));
	if (b->state == SCTP_BBR_UP) {
		b->before.up = true;
		start_down(c, now);
	}
}

/* 5.5.10.2: what was in flight when losses became too many, within this chunk's packet too. */
static uint64_t inflight_at_loss(const sctp_loss *loss, uint64_t lost, double threshold)
{
	double before = (double)loss->mark.flight - (double)loss->size, lost_before = (double)lost - (double)loss->size;
	double prefix = (threshold * before - lost_before) / (1 - threshold);
	double volume = before + prefix;
	return volume > 0 ? (uint64_t)volume : 0;
}

void sctp_bbr_lost(sctp_congestion *c, uint64_t now, const sctp_loss *loss)
{
	sctp_bbr *b = &c->bbr;
	if (!b->model.loss_in_round)
		save_state(c);
	sctp_bbr_note_loss(&b->model, c->rate->delivered);
	if (!b->probe_sample)
		return;
	uint64_t lost = c->rate->lost - loss->mark.lost;
	if (is_too_high(c, lost, loss->mark.flight))
		handle_too_high(c, now, inflight_at_loss(loss, lost, sctp_bbr_loss_threshold(&b->model)),
				loss->mark.app_limited);
}

/* The queue of the last probe has run empty and the losses that it caused are known; no other has begun. */
static bool is_after_probe(const sctp_bbr *b)
{
	uint64_t rounds = b->model.rounds - b->down_round;
	return (b->state == SCTP_BBR_DOWN || b->state == SCTP_BBR_CRUISE) && rounds >= BASE_ROUND_FIRST &&
	       rounds <= BASE_ROUND_LAST;
}

void sctp_bbr_acked(sctp_congestion *c, const sctp_acknowledgement *a)
{
	sctp_bbr *b = &c->bbr;
	sctp_bbr_model *m = &b->model;
	if (!c->pacing_rate && a->srtt) /* 5.6.2: until there is a rate */
		c->pacing_rate = (uint64_t)(STARTUP_PACING_GAIN * (double)(SCTP_INITIAL_WINDOW_PACKETS * c->mtu) *
					    (double)US_PER_S / (double)a->srtt);
	sctp_bbr_model_acked(m, c->rate, a);
	b->rounds_since_probe += m->round_start;
	if (m->loss_round_start && is_after_probe(b))
		sctp_bbr_note_base_loss(m);
	if (m->loss_round_start && m->loss_in_round && sctp_bbr_is_too_much(m, m->round_loss, 1) && !is_probing(b))
		sctp_bbr_lower_bounds(m, c->cwnd);
	sctp_bbr_aggregation(m, c->cwnd, a);
	sctp_bbr_check_full(m, a);
	check_startup_and_drain(c, a);
	update_cycle(c, a);
	sctp_bbr_update_min_rtt(m, a);
	check_probe_rtt(c, a);
	sctp_bbr_model_done(m, a);
	set_pacing(c, pacing_gain(b));
	set_cwnd(c, a);
}

void sctp_bbr_recover(sctp_congestion *c, uint64_t now, size_t flight)
{
	(void)now;
	(void)flight;
	save_state(c);
	c->bbr.recovering = true;
}

void sctp_bbr_recovered(sctp_congestion *c, uint64_t now, bool timeout)
{
	(void)now;
	(void)timeout;
	restore_cwnd(c);
	c->bbr.recovering = false;
}

void sctp_bbr_timeout(sctp_congestion *c, uint64_t now, size_t flight, bool again)
{
	(void)now;
	if (!again)
		save_state(c);
	c->bbr.recovering = true;
	c->cwnd = flight + c->mtu;
}

void sctp_bbr_undo(sctp_congestion *c, uint64_t now)
{
	sctp_bbr *b = &c->bbr;
	sctp_bbr_model *m = &b->model;
	(void)now;
	restore_cwnd(c);
	b->recovering = false;
	m->loss_in_round = false;
	sctp_bbr_reset_full(m, 0);
	m->bw_shortterm = max_u64(m->bw_shortterm, b->before.bw_shortterm);
	m->inflight_shortterm = max_u64(m->inflight_shortterm, b->before.inflight_shortterm);
	m->inflight_longterm = max_u64(m->inflight_longterm, b->before.inflight_longterm);
	if (b->before.startup && b->state != SCTP_BBR_STARTUP) {
		m->full_bw_reached = false;
		if (b->state != SCTP_BBR_PROBE_RTT)
			b->state = SCTP_BBR_STARTUP;
	} else if (b->before.up && b->state != SCTP_BBR_UP && b->state != SCTP_BBR_PROBE_RTT) {
		start_refill(c);
	}
	b->before.startup = b->before.up = false;
}
