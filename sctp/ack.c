#include "base/rng.h"
#include "base/serial.h"
#include "sctp/internal.h"

/* --- SACK --- */

/* RFC 9260 6.3.2: the timer runs while something is outstanding, from the last time the front moved. */
static void restart_t3(sctp_association *a, uint64_t now, bool moved)
{
	if (!sctp_outstanding_count(&a->sent))
		sctp_timer_stop(a, SCTP_TIMER_T3);
	else if (moved || !sctp_timer_armed(a, SCTP_TIMER_T3))
		sctp_timer_start(a, SCTP_TIMER_T3, now, a->rto.rto);
}

static void tell_congestion(sctp_association *a, uint64_t now, const sctp_ack_result *got, size_t flight_before,
			    size_t lost)
{
	sctp_acknowledgement ack = {.now = now,
				    .acked = got->bytes,
				    .lost = lost,
				    .flight_before = flight_before,
				    .flight = a->sent.flight,
				    .has_rtt = got->has_rtt,
				    .rtt = got->rtt,
				    .srtt = a->rto.srtt,
				    .min_rtt = sctp_rack_min_rtt(&a->sent.rack),
				    .recovering = a->recovery.repair == SCTP_REPAIR_LOSS,
				    .sample = got->rate};
	if (got->bytes || lost)
		sctp_congestion_acked(&a->congestion, &ack);
}

static void apply_sack(sctp_association *a, uint64_t now, const sctp_sack *sack)
{
	sctp_ack_result got;
	size_t flight_before = a->sent.flight;
	bool old = serial32_before(sack->cumulative_tsn, a->sent.cumulative);
	if (!sctp_outstanding_ack(&a->sent, &a->queue, now, sack, &got)) {
		a->stats.packets_invalid++;
		SCTP_WARN(a, "SACK of TSNs never sent");
		return;
	}
	if (old) { /* its list of duplicates is news all the same */
		sctp_recovery_duplicates(a, now, sack, &got);
		return;
	}
	a->errors = 0;
	a->peer_window = sack->window;
	if (got.has_rtt)
		sctp_rto_sample(&a->rto, got.rtt);
	else if (got.cumulative_moved && !got.bytes) /* a FORWARD TSN got through: no RTT, but a path that carries */
		sctp_rto_forget_back_off(&a->rto);
	size_t lost = sctp_recovery_acked(a, now, sack, &got);
	tell_congestion(a, now, &got, flight_before, lost);
	if (got.cumulative_moved && sctp_outstanding_must_forward(&a->sent))
		a->send_forward = true; /* RFC 3758 3.5 C3 */
	restart_t3(a, now, got.cumulative_moved);
	if (got.bytes)
		sctp_probe_schedule(a, now);
}

void sctp_handle_sack(sctp_association *a, uint64_t now, const sctp_tlv *chunk)
{
	sctp_sack sack;
	if (!sctp_is_open(a))
		return;
	if (!sctp_sack_decode(chunk->value, &sack)) {
		a->stats.packets_invalid++;
		SCTP_WARN(a, "malformed SACK");
		return;
	}
	apply_sack(a, now, &sack);
}

void sctp_handle_cumulative_ack(sctp_association *a, uint64_t now, uint32_t tsn)
{
	sctp_sack sack = {.cumulative_tsn = tsn, .window = a->peer_window};
	apply_sack(a, now, &sack);
}

void sctp_t3_expired(sctp_association *a, uint64_t now)
{
	if (!sctp_outstanding_count(&a->sent))
		return;
	bool probing = !a->peer_window; /* a closed window is not a dead path (RFC 9260 6.1 A) */
	if (!probing && sctp_count_error(a, a->config.max_retransmits))
		return;
	a->stats.timeouts++;
	sctp_recovery_timeout(a, now);
	sctp_rto_back_off(&a->rto);
	if (a->pmtu.current > a->pmtu.base)
		sctp_pmtu_begin_anew(a); /* a black hole may be why (RFC 8899 4.3) */
	a->send_forward = sctp_outstanding_must_forward(&a->sent);
	sctp_timer_start(a, SCTP_TIMER_T3, now, a->rto.rto);
	sctp_progress(a, now);
}

/* --- heartbeat: keeps the RTT known when idle; says nothing about life and death (see sctp.h) --- */

#define HEARTBEAT_INFO_SIZE 16u /* time and nonce */

void sctp_heartbeat_restart(sctp_association *a, uint64_t now)
{
	if (a->config.heartbeat_us != TIME_NEVER)
		sctp_timer_start(a, SCTP_TIMER_HEARTBEAT, now, a->config.heartbeat_us + a->rto.rto);
}

void sctp_heartbeat_expired(sctp_association *a, uint64_t now)
{
	if (a->state != SCTP_ESTABLISHED)
		return;
	a->send_heartbeat = true;
	sctp_heartbeat_restart(a, now);
}

void sctp_heartbeat_encode(writer *w, uint64_t now, uint64_t nonce)
{
	size_t at = sctp_chunk_begin(w, SCTP_CHUNK_HEARTBEAT, 0);
	size_t info = sctp_param_begin(w, SCTP_PARAM_HEARTBEAT_INFO);
	write_u64(w, now);
	write_u64(w, nonce);
	sctp_tlv_end(w, info);
	sctp_tlv_end(w, at);
}

void sctp_write_heartbeat(sctp_association *a, uint64_t now, writer *w)
{
	if (writer_left(w) < 2 * SCTP_TLV_HEADER + HEARTBEAT_INFO_SIZE)
		return;
	a->send_heartbeat = false;
	if (rng_u64(&a->config.random, &a->heartbeat_nonce))
		return;
	a->heartbeat_unanswered = true;
	sctp_heartbeat_encode(w, now, a->heartbeat_nonce);
}

/* Echoed as it is, if it fits in a packet of ours. */
void sctp_handle_heartbeat(sctp_association *a, const sctp_tlv *chunk)
{
	if (a->state >= SCTP_COOKIE_ECHOED)
		sctp_queue_chunk(a, SCTP_CHUNK_HEARTBEAT_ACK, 0, chunk->value);
}

void sctp_handle_heartbeat_ack(sctp_association *a, uint64_t now, const sctp_tlv *chunk)
{
	sctp_tlv info;
	if (!sctp_tlv_find(chunk->value, SCTP_PARAM_HEARTBEAT_INFO, &info))
		return;
	reader r = reader_of(info.value);
	uint64_t sent = read_u64(&r), nonce = read_u64(&r);
	if (r.bad || sent > now)
		return;
	if (a->heartbeat_unanswered && nonce == a->heartbeat_nonce)
		a->heartbeat_unanswered = false;
	else if (!sctp_pmtu_heartbeat_ack(a, now, nonce))
		return;
	a->errors = 0;
	sctp_rto_sample(&a->rto, now - sent);
}

void sctp_progress(sctp_association *a, uint64_t now)
{
	sctp_reconfig_advance(a, now);
	sctp_shutdown_advance(a, now);
}
