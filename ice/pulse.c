#include "ice/pulse.h"

static void learn(ice_estimate *e, uint64_t sample)
{
	if (!e->known) {
		*e = (ice_estimate){.known = true, .mean = sample, .deviation = sample / 2};
		return;
	}
	uint64_t difference = sample > e->mean ? sample - e->mean : e->mean - sample;
	e->deviation = (3 * e->deviation + difference) / 4;
	e->mean = (7 * e->mean + sample) / 8;
}

static uint64_t at_most(const ice_estimate *e)
{
	return e->mean + 4 * e->deviation;
}

static uint64_t round_trip(const ice_pulse *p)
{
	return p->rtt.known ? p->rtt.mean : ICE_RTT_UNKNOWN_US;
}

/* How long the reaction to data may take. */
static uint64_t patience(const ice_pulse *p)
{
	uint64_t least = ICE_PATIENCE_MIN_US + round_trip(p);
	uint64_t usual = time_min(at_most(&p->reaction), ICE_PATIENCE_MAX_US);
	return usual > least ? usual : least;
}

/* How long the answer to a check may take. */
static uint64_t answer_wait(const ice_pulse *p)
{
	uint64_t slack = p->rtt.known ? 4 * p->rtt.deviation : ICE_RTT_UNKNOWN_US;
	return round_trip(p) + (slack > ICE_ANSWER_MIN_US ? slack : ICE_ANSWER_MIN_US);
}

void ice_pulse_init(ice_pulse *p, uint64_t now, uint64_t rtt_us)
{
	*p = (ice_pulse){.heard_at = now, .waiting_since = TIME_NEVER, .asked_since = TIME_NEVER};
	if (rtt_us)
		learn(&p->rtt, rtt_us);
}

void ice_pulse_init_listener(ice_pulse *p, uint64_t now, uint64_t patience_us)
{
	ice_pulse_init(p, now, 0);
	p->listens_us = patience_us;
}

void ice_pulse_sent(ice_pulse *p, uint64_t now)
{
	if (p->waiting_since == TIME_NEVER)
		p->waiting_since = now;
}

void ice_pulse_asked(ice_pulse *p, uint64_t now)
{
	if (p->asked_since == TIME_NEVER)
		p->asked_since = now;
}

static void calm(ice_pulse *p)
{
	p->state = ICE_PULSE_CALM;
	p->deaf = false;
	p->probes = 0;
}

void ice_pulse_data(ice_pulse *p, uint64_t now)
{
	/* The length of an outage says nothing of the peer's habits. */
	if (p->waiting_since != TIME_NEVER && (p->state == ICE_PULSE_CALM || p->excused))
		learn(&p->reaction, now - p->waiting_since);
	p->waiting_since = TIME_NEVER;
	p->excused = false;
	p->heard_at = now;
	if (!p->deaf)
		calm(p);
}

void ice_pulse_heard(ice_pulse *p, uint64_t now)
{
	p->excused = p->waiting_since != TIME_NEVER;
	p->heard_at = now;
	if (!p->deaf)
		calm(p);
}

void ice_pulse_answered(ice_pulse *p, uint64_t now, uint64_t rtt_us)
{
	learn(&p->rtt, rtt_us);
	p->asked_since = TIME_NEVER;
	p->deaf = false;
	ice_pulse_heard(p, now);
}

static void begin_doubt(ice_pulse *p, uint64_t now)
{
	p->state = ICE_PULSE_DOUBT;
	p->probes = 0;
	p->next_probe = now;
}

void ice_pulse_hint(ice_pulse *p, uint64_t now)
{
	if (p->state != ICE_PULSE_CALM || p->listens_us || now < p->hints_from)
		return;
	p->hints_from = time_after(now, ICE_HINT_INTERVAL_US);
	p->deaf = true;
	begin_doubt(p, now);
}

static bool heard_since_asked(const ice_pulse *p)
{
	return p->asked_since != TIME_NEVER && p->heard_at > p->asked_since;
}

static uint64_t doubt_at(const ice_pulse *p)
{
	uint64_t reaction = TIME_NEVER, answer = TIME_NEVER;
	if (p->listens_us)
		return time_after(p->heard_at, p->listens_us);
	if (p->waiting_since != TIME_NEVER && !p->excused)
		reaction = time_after(p->waiting_since, patience(p));
	if (p->asked_since != TIME_NEVER)
		answer = time_after(p->asked_since, heard_since_asked(p) ? ICE_DEAF_US : answer_wait(p));
	return time_min(reaction, answer);
}

uint64_t ice_pulse_deadline(const ice_pulse *p)
{
	if (p->state == ICE_PULSE_CALM)
		return doubt_at(p);
	return p->listens_us ? TIME_NEVER : p->next_probe;
}

bool ice_pulse_timeout(ice_pulse *p, uint64_t now)
{
	if (now < ice_pulse_deadline(p))
		return false;
	if (p->listens_us) {
		p->state = ICE_PULSE_SILENT;
		return false;
	}
	if (p->state == ICE_PULSE_CALM) {
		p->deaf = heard_since_asked(p) && now >= time_after(p->asked_since, ICE_DEAF_US);
		begin_doubt(p, now);
	} else if (p->state == ICE_PULSE_DOUBT && p->probes == ICE_PROBES) {
		p->state = ICE_PULSE_SILENT;
	}
	if (p->state == ICE_PULSE_DOUBT)
		p->probes++;
	uint64_t wait = p->state == ICE_PULSE_SILENT ? ICE_PROBE_SILENT_US : ICE_PROBE_INTERVAL_US;
	p->next_probe = time_after(now, p->probes < ICE_PROBES || p->state == ICE_PULSE_SILENT ? wait : answer_wait(p));
	return true;
}
