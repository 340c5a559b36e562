#include "rtp/jitter.h"

#include "base/time.h"

void rtp_jitter_arrived(rtp_jitter *j, uint64_t now, uint32_t timestamp, uint32_t clock_rate)
{
	/* Whole seconds apart, so that the product does not overflow at any uptime. */
	uint64_t units = now / US_PER_S * clock_rate + now % US_PER_S * clock_rate / US_PER_S;
	uint32_t transit = (uint32_t)units - timestamp;
	uint32_t step = transit - j->transit;
	if (step & 0x80000000u)
		step = 0u - step;
	bool usable = j->started && step < (uint64_t)RTP_JITTER_RESET_US * clock_rate / US_PER_S;
	j->started = true;
	j->transit = transit;
	if (usable)
		j->scaled = j->scaled + step - (j->scaled + 8) / 16; /* RFC 3550 A.8 */
}

uint32_t rtp_jitter_units(const rtp_jitter *j)
{
	return (uint32_t)(j->scaled / 16);
}

uint64_t rtp_jitter_us(const rtp_jitter *j, uint32_t clock_rate)
{
	return clock_rate ? j->scaled / 16 * US_PER_S / clock_rate : 0;
}

static uint64_t clamp(uint64_t value, uint64_t low, uint64_t high)
{
	return value < low ? low : value > high ? high : value;
}

uint64_t rtp_jitter_wait(uint64_t jitter_us, bool retransmission, uint64_t rtt_us)
{
	uint64_t reorder = clamp(3 * jitter_us, RTP_JITTER_REORDER_MIN_US, RTP_JITTER_REORDER_MAX_US);
	if (!retransmission)
		return reorder;
	return clamp(RTP_JITTER_ROUND_TRIPS * rtt_us + reorder, RTP_JITTER_RETRANSMIT_MIN_US,
		     RTP_JITTER_RETRANSMIT_MAX_US);
}
