#include "base/serial.h"
#include "sctp/internal.h"

#define PROBE_RTTS 2u /* RFC 8985 7.2: PTO */

/* --- episodes --- */

static void begin(sctp_association *a, sctp_repair repair)
{
	sctp_recovery *r = &a->recovery;
	r->repair = repair;
	r->begin = a->sent.cumulative + 1;
	r->end = a->sent.next;
	r->just_begun = true;
	r->may_undo = true;
	r->any_resent = false;
	r->resent = 0;
	r->highest_lost = a->sent.cumulative;
	r->probe_sent = r->probe_due = false;
}

static void begin_fast(sctp_association *a, uint64_t now)
{
	begin(a, SCTP_REPAIR_LOSS);
	sctp_congestion_recover(&a->congestion, now, a->sent.flight);
	a->stats.fast_retransmits++;
}

static void end(sctp_association *a, uint64_t now)
{
	sctp_recovery *r = &a->recovery;
	bool timeout = r->repair == SCTP_REPAIR_TIMEOUT;
	r->repair = SCTP_REPAIR_NONE;
	sctp_rack_recovered(&a->sent.rack);
	sctp_congestion_recovered(&a->congestion, now, timeout);
	bool more = serial32_before_eq(r->end, r->highest_lost) && serial32_before(a->sent.cumulative, r->highest_lost);
	if (more) /* of what was sent meanwhile */
		begin_fast(a, now);
}

/* What was taken for lost was late. */
static void undo(sctp_association *a, uint64_t now)
{
	sctp_recovery *r = &a->recovery;
	SCTP_INFO(a, "the last losses were none");
	sctp_congestion_undo(&a->congestion, now);
	sctp_outstanding_find(&a->sent);
	sctp_rto_forget_back_off(&a->rto);
	r->repair = SCTP_REPAIR_NONE;
	r->may_undo = false;
	a->stats.spurious_retransmits++;
}

/* --- losses --- */

static sctp_lateness lateness(const sctp_association *a, bool timeout)
{
	const sctp_outstanding *o = &a->sent;
	uint64_t srtt = a->rto.measured ? a->rto.srtt : a->rto.rto;
	bool recovering = a->recovery.repair != SCTP_REPAIR_NONE;
	return (sctp_lateness){.window = sctp_rack_window(&o->rack, recovering, o->acked, srtt), .timeout = timeout};
}

static size_t lose(sctp_association *a, uint64_t now, const sctp_loss *loss)
{
	sctp_congestion_lost(&a->congestion, now, loss);
	return loss->size;
}

static size_t lose_late(sctp_association *a, uint64_t now, bool timeout)
{
	sctp_loss loss;
	size_t bytes = 0;
	sctp_lateness late = lateness(a, timeout);
	for (uint32_t tsn; tsn = a->sent.oldest, sctp_outstanding_lose_late(&a->sent, &a->queue, now, late, &loss);) {
		if (serial32_before(a->recovery.highest_lost, tsn))
			a->recovery.highest_lost = tsn;
		bytes += lose(a, now, &loss);
	}
	return bytes;
}

/* Finds losses, and when there may be more. Returns the bytes lost. */
static size_t look_for_losses(sctp_association *a, uint64_t now)
{
	size_t bytes = lose_late(a, now, false);
	if (bytes && a->recovery.repair == SCTP_REPAIR_NONE)
		begin_fast(a, now);
	if (bytes)
		sctp_pmtu_losses(a, now);
	a->timers[SCTP_TIMER_RACK] = sctp_outstanding_late_at(&a->sent, lateness(a, false));
	return bytes;
}

void sctp_rack_expired(sctp_association *a, uint64_t now)
{
	look_for_losses(a, now);
	sctp_progress(a, now); /* messages may have been given up */
}

/* --- the tail (RFC 8985 7) --- */

static bool may_probe(const sctp_association *a)
{
	const sctp_outstanding *o = &a->sent;
	const sctp_recovery *r = &a->recovery;
	return a->state >= SCTP_ESTABLISHED && o->in_flight && !o->lost && !o->acked && r->repair == SCTP_REPAIR_NONE &&
	       !r->probe_sent && a->rto.measured && a->peer_window;
}

void sctp_probe_schedule(sctp_association *a, uint64_t now)
{
	sctp_timer_stop(a, SCTP_TIMER_PROBE);
	a->recovery.probe_due = false;
	if (!may_probe(a))
		return;
	uint64_t delay = PROBE_RTTS * a->rto.srtt;
	if (a->sent.flight <= a->config.mtu && a->sent.newest != a->recovery.asked_tsn)
		delay += SCTP_PEER_SACK_DELAY_US;
	sctp_timer_start(a, SCTP_TIMER_PROBE, now, delay);
	a->timers[SCTP_TIMER_PROBE] = time_min(a->timers[SCTP_TIMER_PROBE], a->timers[SCTP_TIMER_T3]);
}

void sctp_probe_expired(sctp_association *a, uint64_t now)
{
	if (!may_probe(a))
		return;
	a->recovery.probe_due = true;
	sctp_timer_start(a, SCTP_TIMER_T3, now, a->rto.rto);
}

bool sctp_probe_is_due(const sctp_association *a)
{
	return a->recovery.probe_due && a->sent.in_flight; /* what was in flight may have been given up */
}

/* The probe has left: new data up to `next`, or this chunk again. */
void sctp_probe_sent(sctp_association *a, uint64_t now, bool resent, uint32_t tsn)
{
	sctp_recovery *r = &a->recovery;
	r->probe_due = false;
	r->probe_sent = true;
	r->probe_resent = resent;
	r->probe_tsn = tsn;
	r->probe_end = a->sent.next;
	a->stats.probes++;
	sctp_timer_start(a, SCTP_TIMER_T3, now, a->rto.rto);
}

static bool reports_duplicate(const sctp_sack *sack, uint32_t tsn)
{
	for (size_t i = 0; i < sack->duplicate_count; i++)
		if (sctp_sack_duplicate(sack, i) == tsn)
			return true;
	return false;
}

/* RFC 8985 7.4.2: a probe that repeated a chunk may have repaired a loss that nobody else saw. */
static void account_for_probe(sctp_association *a, uint64_t now, const sctp_sack *sack)
{
	sctp_recovery *r = &a->recovery;
	if (!r->probe_sent)
		return;
	bool needless = r->probe_resent && reports_duplicate(sack, r->probe_tsn);
	bool all = serial32_before_eq(r->probe_end, a->sent.cumulative + 1);
	bool beyond = serial32_before(r->probe_end, a->sent.cumulative + 1);
	if (needless || (all && !r->probe_resent)) {
		r->probe_sent = false;
	} else if (beyond) {
		r->probe_sent = false;
		begin_fast(a, now);
		end(a, now);
	}
}

/* --- acknowledgements --- */

/* Duplicates among what this recovery sent again. */
static size_t count_duplicates(const sctp_association *a, const sctp_sack *sack)
{
	const sctp_recovery *r = &a->recovery;
	size_t count = 0;
	for (size_t i = 0; r->any_resent && i < sack->duplicate_count; i++) {
		uint32_t tsn = sctp_sack_duplicate(sack, i);
		count += serial32_before_eq(r->begin, tsn) && serial32_before(tsn, a->sent.next);
	}
	return count;
}

static bool was_for_nothing(sctp_association *a, const sctp_ack_result *got, size_t duplicates)
{
	sctp_recovery *r = &a->recovery;
	r->resent -= duplicates < r->resent ? duplicates : r->resent;
	if (!r->may_undo)
		return false;
	/* After a timeout, the first answer is to what was sent before it (as F-RTO, RFC 5682; Eifel, RFC 3522). */
	if (r->repair == SCTP_REPAIR_TIMEOUT && (got->mistaken || got->early))
		return true;
	if (!r->any_resent)
		return got->mistaken && !a->sent.lost; /* nothing had to be sent again */
	return !r->resent;
}

void sctp_recovery_duplicates(sctp_association *a, uint64_t now, const sctp_sack *sack, const sctp_ack_result *got)
{
	size_t duplicates = count_duplicates(a, sack);
	sctp_rack_round(&a->sent.rack, a->sent.cumulative, a->sent.next, duplicates != 0);
	account_for_probe(a, now, sack);
	if (was_for_nothing(a, got, duplicates))
		undo(a, now);
}

size_t sctp_recovery_acked(sctp_association *a, uint64_t now, const sctp_sack *sack, const sctp_ack_result *got)
{
	sctp_recovery *r = &a->recovery;
	if (r->just_begun)
		r->end = a->sent.next; /* what left with the first retransmission met the queue that was full before */
	r->just_begun = false;
	sctp_recovery_duplicates(a, now, sack, got);
	if (r->repair != SCTP_REPAIR_NONE && serial32_before_eq(r->end, a->sent.cumulative + 1))
		end(a, now);
	return look_for_losses(a, now);
}

/* --- T3-rtx --- */

/* RFC 9260 6.3.3, RFC 8985 6.3 */
void sctp_recovery_timeout(sctp_association *a, uint64_t now)
{
	sctp_recovery *r = &a->recovery;
	bool probes_window = !a->peer_window; /* that it is closed says nothing of the path */
	bool again = r->repair == SCTP_REPAIR_TIMEOUT && r->begin == a->sent.cumulative + 1;
	sctp_loss loss;
	if (!a->sent.in_flight)
		return;
	if (!probes_window)
		begin(a, SCTP_REPAIR_TIMEOUT);
	r->may_undo = r->may_undo && !again;
	if (sctp_outstanding_lose_first(&a->sent, &a->queue, now, &loss))
		lose(a, now, &loss);
	lose_late(a, now, true);
	if (!probes_window)
		sctp_congestion_timeout(&a->congestion, now, a->sent.flight, again);
	a->timers[SCTP_TIMER_RACK] = sctp_outstanding_late_at(&a->sent, lateness(a, false));
	sctp_timer_stop(a, SCTP_TIMER_PROBE);
}
