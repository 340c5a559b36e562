#include "tests/sim/tcp_model.h"

#include <stdbool.h>

#include "base/rng.h"

#define INITIAL_WINDOW 10.0
#define PPM 1000000u

/* RFC 9438 4.6, 4.1.2, 4.3, 4.2 */
#define BETA 0.7
#define C 0.4
#define ALPHA (3 * (1 - BETA) / (1 + BETA))
#define GROWTH_MAX 1.5

/* draft-ietf-ccwg-bbr 5.3.4: every so often, for so long and a round trip, half the window */
#define PROBE_RTT_EVERY_S 5.0
#define PROBE_RTT_S 0.2
#define PROBE_RTT_GAIN 0.5
#define PACING_MARGIN 0.99

/* What is delivered of `packets` that a round trip from `now` on brings, between two times. */
static double counted(double packets, double now, double rtt, double from_s, double to_s)
{
	double begin = now > from_s ? now : from_s, end = now + rtt < to_s ? now + rtt : to_s;
	return end > begin ? packets * (end - begin) / rtt : 0;
}

static double lesser(double a, double b)
{
	return a < b ? a : b;
}

static double greater(double a, double b)
{
	return a > b ? a : b;
}

static double cube_root(double x)
{
	double low = 0, high = x > 1 ? x : 1;
	for (unsigned i = 0; i < 100; i++) {
		double middle = (low + high) / 2;
		*(middle * middle * middle < x ? &low : &high) = middle;
	}
	return low;
}

typedef struct {
	double window, w_max, w_est, k, epoch;
	bool starting, running;
} cubic;

static void reduce(cubic *c)
{
	c->w_max = c->window < c->w_max ? c->window * (1 + BETA) / 2 : c->window;
	c->window = greater(c->window * BETA, 2);
	c->starting = c->running = false;
}

static void begin_epoch(cubic *c, double now)
{
	c->running = true;
	c->epoch = now;
	c->w_est = c->window;
	c->w_max = greater(c->w_max, c->window);
	c->k = cube_root((c->w_max - c->window) / C);
}

static double curve(const cubic *c, double now)
{
	double t = now - c->epoch - c->k;
	return C * t * t * t + c->w_max;
}

/* A round trip without loss; pipe: what fills the path. */
static void grow(cubic *c, double now, double rtt, double pipe)
{
	if (c->starting && c->window < pipe) {
		c->window = lesser(c->window * 2, greater(pipe, c->window));
		return;
	}
	c->starting = false;
	if (!c->running)
		begin_epoch(c, now);
	c->w_est += ALPHA;
	double target = lesser(greater(curve(c, now + rtt), c->window), c->window * GROWTH_MAX);
	c->window = greater(target, c->w_est);
}

static bool any_lost(rng_seeded *rng, double packets, unsigned loss_ppm)
{
	for (unsigned i = 0; loss_ppm && i < packets; i++)
		if (rng_seeded_below(rng, PPM) < loss_ppm)
			return true;
	return false;
}

double tcp_model_cubic(const tcp_model_link *link, double from_s, double to_s, uint64_t seed)
{
	rng_seeded rng;
	rng_seeded_init(&rng, seed);
	cubic c = {.window = INITIAL_WINDOW, .starting = true};
	double pipe = link->packets_per_s * link->rtt_s, got = 0, now = 0;
	while (now < to_s) {
		double rtt = greater(link->rtt_s, c.window / link->packets_per_s);
		got += counted(c.window, now, rtt, from_s, to_s);
		if (any_lost(&rng, c.window, link->loss_ppm) || c.window > pipe + link->queue_packets)
			reduce(&c);
		else
			grow(&c, now + rtt, rtt, pipe);
		now += rtt;
	}
	return got / (link->packets_per_s * (to_s - from_s));
}

double tcp_model_bbr(const tcp_model_link *link, double from_s, double to_s)
{
	double pipe = link->packets_per_s * link->rtt_s, window = lesser(INITIAL_WINDOW, pipe), got = 0, now = 0;
	while (window < pipe) {
		got += counted(window, now, link->rtt_s, from_s, to_s);
		window = lesser(window * 2, pipe);
		now += link->rtt_s;
	}
	if (now < to_s)
		got += counted(link->packets_per_s * (to_s - now), now, to_s - now, from_s, to_s);
	double probing = (PROBE_RTT_S + link->rtt_s) / PROBE_RTT_EVERY_S * (1 - PROBE_RTT_GAIN);
	double share = got / (link->packets_per_s * (to_s - from_s));
	return share * PACING_MARGIN * (1 - probing) * (1 - (double)link->loss_ppm / PPM);
}
