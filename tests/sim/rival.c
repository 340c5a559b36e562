#include "tests/sim/rival.h"

#include <assert.h>

#include "base/time.h"

#define CYCLE 8u /* round trips: one faster, one slower, the others neither */
#define FASTER 1.25
#define SLOWER 0.75
#define BURST_US 1000u

static double gain(const rival *r)
{
	unsigned phase = r->round % CYCLE;
	return phase == 0 ? FASTER : phase == 1 ? SLOWER : 1.0;
}

static bool is_full(const rival *r)
{
	return r->count >= RIVAL_FLIGHT_MAX || r->count >= 2 * r->rate * (double)r->min_rtt + 4;
}

void rival_begin(rival *r, uint64_t now, uint64_t rate, uint64_t min_rtt)
{
	*r = (rival){.min_rtt = min_rtt, .next = now, .delivered_at = now};
	r->rate = (double)rate / 8 / RIVAL_PACKET / US_PER_S;
	r->best[0] = r->rate;
}

/* The lost ones are found missing when those around them arrive: they leave with the first that comes after them. */
static uint64_t next_acknowledgement(const rival *r)
{
	for (unsigned i = 0; i < r->count; i++) {
		const rival_packet *p = &r->flight[(r->first + i) % RIVAL_FLIGHT_MAX];
		if (p->acked_at != TIME_NEVER)
			return p->acked_at;
	}
	return r->count ? r->flight[r->first].sent_at + 4 * r->min_rtt : TIME_NEVER; /* all lost */
}

uint64_t rival_deadline(const rival *r)
{
	if (!r->min_rtt)
		return TIME_NEVER;
	uint64_t acknowledgement = next_acknowledgement(r);
	return is_full(r) ? acknowledgement : time_min(r->next, acknowledgement);
}

static void begin_round(rival *r)
{
	r->round++;
	r->round_end = r->delivered + r->count;
	r->best[r->round % RIVAL_WINDOW] = 0;
}

static void take(rival *r, const rival_packet *p)
{
	r->delivered++;
	r->delivered_at = p->acked_at;
	double sample = (double)(r->delivered - p->delivered) / (double)(p->acked_at - p->delivered_at);
	if (p->delivered >= r->round_end)
		begin_round(r);
	if (sample > r->best[r->round % RIVAL_WINDOW])
		r->best[r->round % RIVAL_WINDOW] = sample;
	r->rate = 0;
	for (unsigned i = 0; i < RIVAL_WINDOW; i++)
		r->rate = r->best[i] > r->rate ? r->best[i] : r->rate;
}

static void take_acknowledged(rival *r, uint64_t now)
{
	while (r->count && next_acknowledgement(r) <= now) {
		const rival_packet *p = &r->flight[r->first];
		if (p->acked_at != TIME_NEVER)
			take(r, p);
		r->first = (r->first + 1) % RIVAL_FLIGHT_MAX;
		r->count--;
	}
}

static void begin_burst(rival *r, uint64_t now)
{
	double rate = gain(r) * r->rate;
	r->burst = 1 + (unsigned)(rate * BURST_US);
	uint64_t interval = (uint64_t)(r->burst / rate);
	r->next = (r->next + interval > now ? r->next : now) + interval;
}

bool rival_step(rival *r, uint64_t now)
{
	if (!r->min_rtt)
		return false;
	take_acknowledged(r, now);
	if (!r->burst && r->next <= now && !is_full(r))
		begin_burst(r, now);
	return r->burst && !is_full(r);
}

void rival_sent(rival *r, uint64_t now, uint64_t acked_at)
{
	assert(r->count < RIVAL_FLIGHT_MAX);
	r->flight[(r->first + r->count++) % RIVAL_FLIGHT_MAX] = (rival_packet){
		.sent_at = now, .acked_at = acked_at, .delivered = r->delivered, .delivered_at = r->delivered_at};
	r->burst--;
}
