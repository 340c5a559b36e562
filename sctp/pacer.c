#include "sctp/pacer.h"

#include "base/time.h"

size_t sctp_burst(uint64_t rate, size_t mtu)
{
	uint64_t burst = rate * SCTP_BURST_US / US_PER_S;
	if (burst > SCTP_BURST_MAX)
		burst = SCTP_BURST_MAX;
	return burst < SCTP_BURST_PACKETS_MIN * mtu ? SCTP_BURST_PACKETS_MIN * mtu : (size_t)burst;
}

bool sctp_pacer_open(const sctp_pacer *p, uint64_t now)
{
	return now >= p->ready;
}

static uint64_t duration(size_t bytes, uint64_t rate)
{
	return bytes * US_PER_S / rate;
}

void sctp_pacer_sent(sctp_pacer *p, uint64_t now, size_t bytes, uint64_t rate, size_t mtu)
{
	if (!rate) {
		*p = (sctp_pacer){.ready = now};
		return;
	}
	uint64_t late = duration(SCTP_PACER_LATE_PACKETS * mtu, rate);
	if (late < SCTP_PACER_LATE_US)
		late = SCTP_PACER_LATE_US;
	if (now > p->ready + late + duration(p->used, rate)) { /* further back, time not used is lost */
		p->ready = now > late ? now - late : 0;
		p->used = 0;
	}
	p->used += bytes;
	if (p->used < sctp_burst(rate, mtu))
		return;
	p->ready += duration(p->used, rate);
	p->used = 0;
}
