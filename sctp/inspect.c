#include <assert.h>
#include <inttypes.h>

#include "sctp/internal.h"

void sctp_get_stats(const sctp_association *a, sctp_stats *stats)
{
	*stats = a->stats;
	stats->cwnd = a->congestion.cwnd;
	stats->ssthresh = a->congestion.ssthresh;
	stats->flight = a->sent.flight_data;
	stats->peer_window = a->peer_window;
	stats->our_window = sctp_a_rwnd(a);
	stats->has_rtt = a->rto.measured;
	stats->srtt_us = a->rto.srtt;
	stats->rto_us = a->rto.rto;
	stats->mtu = a->pmtu.current;
	stats->send_buffered = a->queue.cost;
	stats->receive_buffered = a->reassembly.bytes;
	stats->streams_out = a->streams_out;
	stats->streams_in = a->streams_in;
	stats->peer_forward_tsn = a->peer.forward_tsn;
	stats->peer_reconfig = a->peer.reconfig;
	stats->interleaving = sctp_interleaving(a);
	stats->peer_zero_checksum = a->peer.zero_checksum;
}

void sctp_check_timers(const sctp_association *a)
{
	bool t1 = sctp_timer_armed(a, SCTP_TIMER_T1);
	if (a->ended) {
		assert(a->state == SCTP_CLOSED && sctp_deadline(a) == TIME_NEVER);
		assert(!sctp_outstanding_count(&a->sent) && !a->queue.messages);
	}
	assert(t1 == (a->state == SCTP_COOKIE_WAIT || a->state == SCTP_COOKIE_ECHOED));
	if (sctp_outstanding_count(&a->sent))
		assert(t1 || sctp_timer_armed(a, SCTP_TIMER_T3));
	assert(sctp_timer_armed(a, SCTP_TIMER_T2) ==
	       (a->state == SCTP_SHUTDOWN_SENT || a->state == SCTP_SHUTDOWN_ACK_SENT));
	assert(!a->reconfig.outstanding || sctp_timer_armed(a, SCTP_TIMER_RECONFIG));
	if (a->unacked_packets)
		assert(a->send_sack || sctp_timer_armed(a, SCTP_TIMER_SACK));
}

static void check_resets(const sctp_association *a)
{
	size_t wanted = 0, requested = 0;
	uint32_t id = 0;
	for (const sctp_stream_out *s; (s = stream_map_next(&a->queue.streams, &id)); id++) {
		wanted += s->reset == SCTP_RESET_WANTED;
		requested += s->reset == SCTP_RESET_REQUESTED;
		assert(s->reset != SCTP_RESET_REQUESTED || !s->messages);
		assert((s->reset == SCTP_RESET_WANTED) == !list_empty(&s->wanted));
	}
	LIST_FOR (n, &a->reconfig.wanted)
		wanted -= LIST_ENTRY(n, sctp_stream_out, wanted)->messages > 0;
	LIST_FOR (n, &a->queue.resettable)
		wanted -= !LIST_ENTRY(n, sctp_stream_out, wanted)->messages;
	assert(!wanted && requested == a->reconfig.count);
	assert(!requested || a->reconfig.outstanding == SCTP_PARAM_OUTGOING_RESET);
}

void sctp_check_invariants(const sctp_association *a)
{
	sctp_check_timers(a);
	check_resets(a);
	sctp_pmtu_check(&a->pmtu);
	if (sctp_pmtu_probe(&a->pmtu) && !a->ended)
		assert(a->send_pmtu_probe || sctp_timer_armed(a, SCTP_TIMER_PMTU) ||
		       a->state > SCTP_SHUTDOWN_RECEIVED || a->state < SCTP_ESTABLISHED);
	sctp_send_queue_check(&a->queue);
	sctp_outstanding_check(&a->sent);
	size_t cost = a->current ? a->current->cost : 0;
	LIST_FOR (n, &a->events)
		cost += LIST_ENTRY(n, sctp_run, node)->cost;
	assert(cost == a->event_cost);
	sctp_reassembly_check(&a->reassembly, cost);
	size_t held = (size_t)a->window.promised + a->window.promised / 4 + a->config.receive_window;
	assert(a->reassembly.bytes <= SCTP_RX_COST_MAX * held);
	assert(a->reassembly.bytes - a->reassembly.runs * SCTP_RX_OVERHEAD <= held);
	assert(a->window.size <= a->window.promised && a->window.promised <= a->window.most);
	assert(a->control_count <= SCTP_CONTROL_QUEUE_MAX);
	assert(a->congestion.cwnd >= a->congestion.mtu && a->congestion.mtu == a->pmtu.current);
	assert(a->rto.rto >= a->config.rto_min_us || a->rto.rto == a->config.rto_initial_us);
	assert(a->rto.rto <= a->config.rto_max_us);
}

void sctp_dump(const sctp_association *a, text *t)
{
	const sctp_outstanding *o = &a->sent;
	text_printf(t, "sctp %s%s tags %08" PRIx32 "/%08" PRIx32 " streams %u/%u\n", sctp_state_name(a->state),
		    a->ended ? " (ended)" : "", a->local_tag, a->peer_tag, a->streams_out, a->streams_in);
	text_printf(t, "  out: next tsn %" PRIu32 " acked %" PRIu32 " flight %zu lost %zu gap-acked %zu abandoned %zu",
		    o->next, o->cumulative, o->flight, o->lost, o->acked, o->abandoned);
	text_printf(t, " queued %zu cwnd %zu ssthresh %zu peer window %" PRIu32 "\n", a->queue.buffered,
		    a->congestion.cwnd, a->congestion.ssthresh, a->peer_window);
	text_printf(t, "  in: cumulative %" PRIu32 " highest %" PRIu32 " held %zu window %" PRIu32 "\n",
		    a->received.cumulative, a->received.highest, a->reassembly.bytes, sctp_a_rwnd(a));
	text_printf(t, "  rto %" PRIu64 " us srtt %" PRIu64 " us%s%s\n", a->rto.rto, a->rto.srtt,
		    list_empty(&a->reconfig.wanted) && list_empty(&a->queue.resettable) ? "" : ", resets wanted",
		    a->reconfig.outstanding ? ", RE-CONFIG under way" : "");
}
