/* What the association does for path MTU discovery (sctp/pmtu.h): probes, their answers, and who asks for them. */
#include "base/rng.h"
#include "sctp/internal.h"

static bool may_probe(const sctp_association *a)
{
	return a->state >= SCTP_ESTABLISHED && a->state <= SCTP_SHUTDOWN_RECEIVED;
}

/* After anything that the state machine was told: a probe of this size must go, or need not. */
static void follow(sctp_association *a, size_t probe_before, bool again)
{
	size_t size = sctp_pmtu_probe(&a->pmtu);
	if (size == probe_before && !again)
		return;
	a->send_pmtu_probe = size > 0;
	sctp_timer_stop(a, SCTP_TIMER_PMTU);
}

static void note_change(sctp_association *a, const sctp_pmtu *before)
{
	sctp_congestion_set_mtu(&a->congestion, a->pmtu.current);
	if (a->pmtu.state != before->state || a->pmtu.current != before->current)
		SCTP_INFO(a, "path MTU: %s, packets of %zu bytes", sctp_pmtu_state_name(a->pmtu.state),
			  a->pmtu.current);
}

void sctp_pmtu_demand(sctp_association *a, uint64_t now)
{
	if (a->state != SCTP_ESTABLISHED || a->queue.buffered <= a->config.mtu)
		return;
	size_t size = sctp_pmtu_probe(&a->pmtu);
	sctp_pmtu_wanted(&a->pmtu, now);
	follow(a, size, false);
}

void sctp_pmtu_losses(sctp_association *a, uint64_t now)
{
	size_t size = sctp_pmtu_probe(&a->pmtu);
	sctp_pmtu_suspect(&a->pmtu, now);
	follow(a, size, false);
}

void sctp_pmtu_begin_anew(sctp_association *a)
{
	sctp_pmtu before = a->pmtu;
	if (before.state == SCTP_PMTU_DISABLED)
		return;
	sctp_pmtu_restart(&a->pmtu);
	note_change(a, &before);
	follow(a, sctp_pmtu_probe(&before), false);
}

/* A HEARTBEAT padded to the size (RFC 8899 6.2.1.2, RFC 4820 3). */
void sctp_write_pmtu_probe(sctp_association *a, uint64_t now, writer *w)
{
	a->send_pmtu_probe = false;
	if (!may_probe(a) || rng_u64(&a->config.random, &a->pmtu_nonce))
		return;
	sctp_packet_begin(w, a->config.local_port, a->config.remote_port, a->peer_tag);
	sctp_heartbeat_encode(w, now, a->pmtu_nonce);
	size_t at = sctp_chunk_begin(w, SCTP_CHUNK_PAD, 0);
	write_zeros(w, sctp_pmtu_probe(&a->pmtu) - w->len);
	sctp_tlv_end(w, at);
	uint64_t wait = a->rto.rto;
	if (!a->pmtu.confirming && wait < SCTP_PMTU_PROBE_US)
		wait = SCTP_PMTU_PROBE_US;
	sctp_timer_start(a, SCTP_TIMER_PMTU, now, wait);
}

void sctp_pmtu_expired(sctp_association *a, uint64_t now)
{
	sctp_pmtu before = a->pmtu;
	if (!may_probe(a))
		return;
	sctp_pmtu_unanswered(&a->pmtu, now);
	note_change(a, &before);
	follow(a, 0, true);
}

bool sctp_pmtu_heartbeat_ack(sctp_association *a, uint64_t now, uint64_t nonce)
{
	sctp_pmtu before = a->pmtu;
	if (!sctp_timer_armed(a, SCTP_TIMER_PMTU) || nonce != a->pmtu_nonce)
		return false;
	sctp_pmtu_answered(&a->pmtu, now);
	note_change(a, &before);
	follow(a, 0, true);
	return true;
}

size_t sctp_packet_max(const sctp_association *a)
{
	size_t probe = a->send_pmtu_probe ? sctp_pmtu_probe(&a->pmtu) : 0;
	return probe > a->pmtu.current ? probe : a->pmtu.current;
}
