#include "sctp/pmtu.h"

#include <assert.h>

/*
 * Sizes that paths often have: UDP payloads of 1452 and 1472 bytes (IPv6 and IPv4 over Ethernet), 8952 (jumbo frames), less
 * the 37 bytes of a DTLS record. Tried on the way up, before the search halves what is left.
 */
static const size_t usual[] = {1415, 1435, 8915};

static size_t even(size_t size)
{
	return size & ~(size_t)3;
}

const char *sctp_pmtu_state_name(sctp_pmtu_state state)
{
	static const char *const names[] = {"disabled", "base", "searching", "complete", "error"};
	return names[state];
}

void sctp_pmtu_init(sctp_pmtu *p, size_t base, size_t max)
{
	*p = (sctp_pmtu){.base = even(base), .max = max > base ? even(max) : even(base)};
	p->current = p->base;
	p->too_large = p->max + 4;
}

static void enter(sctp_pmtu *p, sctp_pmtu_state state, size_t probed)
{
	p->state = state;
	p->probed = probed;
	p->count = 0;
}

/* Straight up as long as nothing failed: by the usual sizes, then to the end; else the middle of what is left. */
static size_t next_size(const sctp_pmtu *p)
{
	for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
		if (even(usual[i]) > p->current && even(usual[i]) < p->too_large)
			return even(usual[i]) < p->max ? even(usual[i]) : p->max;
	return p->too_large > p->max ? p->max : even(p->current + (p->too_large - p->current) / 2);
}

static bool nothing_left(const sctp_pmtu *p)
{
	return p->current == p->max || p->too_large - p->current <= 4 ||
	       p->too_large - p->current < p->current >> SCTP_PMTU_PRECISION_SHIFT;
}

static void search_on(sctp_pmtu *p, uint64_t now)
{
	if (nothing_left(p)) {
		enter(p, SCTP_PMTU_COMPLETE, 0);
		p->raise_at = time_after(now, SCTP_PMTU_RAISE_US);
	} else {
		enter(p, SCTP_PMTU_SEARCHING, next_size(p));
	}
}

void sctp_pmtu_wanted(sctp_pmtu *p, uint64_t now)
{
	if (p->state == SCTP_PMTU_DISABLED && p->max > p->base) {
		sctp_pmtu_restart(p);
	} else if (p->state == SCTP_PMTU_COMPLETE && now >= p->raise_at) {
		p->too_large = p->max + 4;
		search_on(p, now);
	}
}

void sctp_pmtu_suspect(sctp_pmtu *p, uint64_t now)
{
	if (p->current == p->base || p->confirming || now < p->trusted_until)
		return;
	p->confirming = true;
	p->unconfirmed = 0;
}

void sctp_pmtu_restart(sctp_pmtu *p)
{
	if (p->max <= p->base)
		return;
	enter(p, SCTP_PMTU_BASE, p->base);
	p->current = p->base;
	p->too_large = p->max + 4;
	p->confirming = false;
}

size_t sctp_pmtu_probe(const sctp_pmtu *p)
{
	return p->confirming ? p->current : p->probed;
}

void sctp_pmtu_answered(sctp_pmtu *p, uint64_t now)
{
	if (p->confirming) {
		p->confirming = false;
		p->trusted_until = time_after(now, SCTP_PMTU_TRUST_US);
	} else if (p->probed) {
		p->current = p->probed;
		search_on(p, now);
	}
}

static void give_up(sctp_pmtu *p, uint64_t now)
{
	if (p->probed == p->base) {
		enter(p, SCTP_PMTU_ERROR, p->base);
		return;
	}
	p->too_large = p->probed;
	search_on(p, now);
}

void sctp_pmtu_unanswered(sctp_pmtu *p, uint64_t now)
{
	if (p->confirming) {
		if (++p->unconfirmed == SCTP_PMTU_PROBES_MAX)
			sctp_pmtu_restart(p); /* a black hole */
	} else if (p->probed && ++p->count == SCTP_PMTU_PROBES_MAX) {
		give_up(p, now);
	}
}

void sctp_pmtu_check(const sctp_pmtu *p)
{
	bool probing = p->state != SCTP_PMTU_DISABLED && p->state != SCTP_PMTU_COMPLETE;
	assert(p->base <= p->current && p->current <= p->max && p->current < p->too_large);
	assert(probing == (p->probed > 0) && p->probed < p->too_large);
	assert(p->count < SCTP_PMTU_PROBES_MAX);
	assert(!p->confirming || p->current > p->base);
	assert(p->state == SCTP_PMTU_SEARCHING ? p->probed > p->current : !probing || p->probed == p->base);
}
