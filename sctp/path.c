/* What the association shares with who watches the path below it (ICE). */
#include "sctp/internal.h"

/* The timers of what the peer must answer. */
static const sctp_timer answered[] = {SCTP_TIMER_T1, SCTP_TIMER_T2, SCTP_TIMER_T3, SCTP_TIMER_RECONFIG};

bool sctp_awaits_answer(const sctp_association *a)
{
	for (size_t i = 0; i < sizeof answered / sizeof *answered; i++)
		if (sctp_timer_armed(a, answered[i]))
			return true;
	return false;
}

void sctp_path_changed(sctp_association *a, uint64_t now)
{
	sctp_pmtu_begin_anew(a);
	a->send_sack |= sctp_is_open(a); /* the last ones may have gone where the peer is no more */
	uint64_t backed_off = a->rto.rto;
	sctp_rto_forget_back_off(&a->rto);
	if (a->rto.rto >= backed_off)
		return; /* nothing was repeated in vain: the timers fit */
	for (size_t i = 0; i < sizeof answered / sizeof *answered; i++)
		if (sctp_timer_armed(a, answered[i]))
			sctp_timer_start(a, answered[i], now, 0);
}
