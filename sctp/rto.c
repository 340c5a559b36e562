#include "sctp/rto.h"

static uint64_t clamped(const sctp_rto *rto, uint64_t value)
{
	if (value < rto->min)
		return rto->min;
	return value > rto->max ? rto->max : value;
}

void sctp_rto_init(sctp_rto *rto, uint64_t initial, uint64_t min, uint64_t max)
{
	*rto = (sctp_rto){.initial = initial, .min = min, .max = max, .rto = initial};
}

void sctp_rto_sample(sctp_rto *rto, uint64_t rtt)
{
	if (rtt > rto->max)
		rtt = rto->max;
	if (!rto->measured) {
		rto->measured = true;
		rto->srtt = rtt;
		rto->rttvar = rtt / 2;
	} else {
		uint64_t difference = rto->srtt > rtt ? rto->srtt - rtt : rtt - rto->srtt;
		rto->rttvar = (3 * rto->rttvar + difference) / 4;
		rto->srtt = (7 * rto->srtt + rtt) / 8;
	}
	sctp_rto_forget_back_off(rto);
}

void sctp_rto_forget_back_off(sctp_rto *rto)
{
	uint64_t margin = 4 * rto->rttvar;
	if (margin < SCTP_RTO_MARGIN_MIN_US)
		margin = SCTP_RTO_MARGIN_MIN_US;
	rto->rto = clamped(rto, rto->measured ? rto->srtt + margin : rto->initial);
}

void sctp_rto_back_off(sctp_rto *rto)
{
	rto->rto = clamped(rto, rto->rto * 2);
}
