#include "base/serial.h"
#include "sctp/internal.h"

#define EAGER_SACKS 4u /* packets: RFC 9260 7.2.4 lets others retransmit after three reports; one may get lost */

uint32_t sctp_a_rwnd(const sctp_association *a)
{
	size_t used = a->reassembly.bytes;
	return used < a->window.size ? a->window.size - (uint32_t)used : 0;
}

void sctp_deliver(sctp_association *a, list_node *runs)
{
	for (list_node *n; (n = list_pop(runs));)
		sctp_event_push(a, LIST_ENTRY(n, sctp_run, node));
}

/*
 * How much payload may be held for this TSN. A new highest one must fit the window (RFC 9260 6.2); one that fills a gap gets a
 * quarter more, so that a sender that kept to the window can complete what blocks it; the first missing one more still, so that
 * something always moves.
 */
static size_t limit_for(const sctp_association *a, uint32_t tsn)
{
	size_t window = a->window.promised;
	if (!serial32_before(tsn, a->received.highest))
		return window;
	window += window / 4;
	return tsn == a->received.cumulative + 1 ? window + a->config.receive_window : window;
}

/* The sender does not know what it costs to hold many small messages: that has a limit of its own. */
static bool has_room(const sctp_association *a, const sctp_data *data)
{
	const sctp_reassembly *r = &a->reassembly;
	size_t limit = limit_for(a, data->tsn), overhead = (r->runs + 1) * SCTP_RX_OVERHEAD;
	size_t payload = r->bytes - r->runs * SCTP_RX_OVERHEAD + data->payload.len;
	return payload <= limit && payload + overhead <= SCTP_RX_COST_MAX * limit;
}

static bool acceptable(sctp_association *a, const sctp_data *data)
{
	switch (sctp_tsn_map_look(&a->received, data->tsn)) {
	case SCTP_TSN_DUPLICATE:
		a->stats.data_duplicate++;
		a->send_sack = true; /* RFC 9260 6.2 */
		sctp_tsn_map_note_duplicate(&a->received, data->tsn);
		return false;
	case SCTP_TSN_BEYOND:
		break;
	case SCTP_TSN_NEW:
		if (has_room(a, data))
			return true;
		break;
	}
	a->stats.data_dropped++;
	a->send_sack = true;
	return false;
}

/* Acknowledged all the same (RFC 9260 6.5). */
static void refuse_stream(sctp_association *a, uint16_t stream)
{
	uint8_t bytes[2 * SCTP_TLV_HEADER];
	writer w = writer_of(bytes, sizeof bytes);
	size_t at = sctp_param_begin(&w, SCTP_CAUSE_INVALID_STREAM);
	write_u16(&w, stream);
	write_u16(&w, 0);
	sctp_tlv_end(&w, at);
	sctp_queue_chunk(a, SCTP_CHUNK_ERROR, 0, writer_slice(&w));
	SCTP_WARN(a, "DATA on invalid stream %u", stream);
}

static int store(sctp_association *a, const sctp_data *data)
{
	if (data->stream >= a->streams_in) {
		refuse_stream(a, data->stream);
		return 0;
	}
	list_node deliver;
	list_init(&deliver);
	int err = sctp_reassembly_add(&a->reassembly, data, &deliver);
	sctp_deliver(a, &deliver);
	return err;
}

/* RFC 9260 6: discarded in any other state, such as when the COOKIE ACK before it was lost or overtaken: the owner has not
 * been told of the association yet. */
static bool may_receive(const sctp_association *a)
{
	return a->state >= SCTP_ESTABLISHED && a->state <= SCTP_SHUTDOWN_SENT;
}

/* False: the association ends over it. */
static bool decode(sctp_association *a, const sctp_tlv *chunk, sctp_data *data)
{
	if (!sctp_data_decode(chunk, data)) {
		sctp_abort_with(a, SCTP_CAUSE_PROTOCOL_VIOLATION, 0, PARLEY_EPROTO, "DATA chunk cut short");
		return false;
	}
	if (data->interleaved != sctp_interleaving(a)) { /* RFC 8260 2.2.3 */
		sctp_abort_with(a, SCTP_CAUSE_PROTOCOL_VIOLATION, 0, PARLEY_EPROTO,
				data->interleaved ? "I-DATA without agreement" : "DATA where I-DATA was agreed");
		return false;
	}
	if (!data->payload.len) { /* RFC 9260 6.2 */
		sctp_abort_with(a, SCTP_CAUSE_NO_USER_DATA, data->tsn, PARLEY_EPROTO, "DATA chunk without data");
		return false;
	}
	return true;
}

/* The peer is to learn at once of a TSN that begins a gap or is in one, and a little more often for a while. */
static void note_gaps(sctp_association *a, uint32_t tsn)
{
	if (tsn == a->received.highest + 1)
		return;
	if (!serial32_before(tsn, a->received.highest))
		a->eager_sacks = EAGER_SACKS;
	a->send_sack = true;
}

void sctp_handle_data(sctp_association *a, uint64_t now, const sctp_tlv *chunk)
{
	sctp_data data;
	if (!may_receive(a) || !decode(a, chunk, &data))
		return;
	a->packet_had_data = true;
	a->stats.data_received++;
	if (data.immediate)
		a->send_sack = true;
	if (!acceptable(a, &data))
		return;
	size_t before = a->reassembly.bytes;
	int err = sctp_tsn_map_reserve(&a->received, data.tsn);
	switch (err ? err : store(a, &data)) {
	case 0:
		a->window.came += a->reassembly.bytes > before ? a->reassembly.bytes - before : 0;
		note_gaps(a, data.tsn);
		sctp_tsn_map_add(&a->received, data.tsn);
		sctp_reconfig_cumulative(a, now);
		break;
	case PARLEY_EMSGSIZE:
		sctp_abort_with(a, SCTP_CAUSE_OUT_OF_RESOURCE, 0, PARLEY_EMSGSIZE, "message longer than announced");
		break;
	default:
		a->stats.data_dropped++; /* no memory: as if lost; the peer sends it again, and less */
		sctp_window_shrink(&a->window);
		break;
	}
}

/* False: memory ran out on the way; what was skipped is skipped, and the whole may be done again. */
static bool skip(sctp_association *a, const sctp_forward_tsn *f)
{
	list_node deliver;
	list_init(&deliver);
	int err = 0;
	if (!f->interleaved)
		sctp_reassembly_forward(&a->reassembly, f->new_cumulative_tsn, &deliver);
	for (size_t i = 0; i < f->count && !err; i++) {
		sctp_skipped skipped = sctp_forward_tsn_stream(f, i);
		if (skipped.stream < a->streams_in)
			err = sctp_reassembly_skip(&a->reassembly, &skipped, &deliver);
	}
	sctp_deliver(a, &deliver);
	return !err;
}

/*
 * RFC 3758 3.6, RFC 8260 2.3.1. One that goes backwards says nothing new; one beyond all windows is a lie; without memory it
 * is as if lost, and the peer sends it again.
 */
void sctp_handle_forward_tsn(sctp_association *a, uint64_t now, const sctp_tlv *chunk)
{
	sctp_forward_tsn f;
	if (!may_receive(a) || !sctp_forward_tsn_decode(chunk, &f))
		return;
	if (f.interleaved != sctp_interleaving(a)) {
		sctp_abort_with(a, SCTP_CAUSE_PROTOCOL_VIOLATION, 0, PARLEY_EPROTO, "FORWARD-TSN of the wrong type");
		return;
	}
	a->send_sack = true;
	if (serial32_before_eq(f.new_cumulative_tsn, a->received.cumulative))
		return;
	if (f.new_cumulative_tsn - a->received.cumulative >= SCTP_TSN_WINDOW) {
		SCTP_WARN(a, "FORWARD-TSN beyond the window");
		return;
	}
	if (!skip(a, &f))
		return;
	sctp_tsn_map_forward(&a->received, f.new_cumulative_tsn);
	sctp_reconfig_cumulative(a, now);
}

/* RFC 9260 9.2: whoever has sent SHUTDOWN says so again to all that still comes. */
static void repeat_shutdown(sctp_association *a, uint64_t now)
{
	a->send_shutdown = true;
	sctp_timer_start(a, SCTP_TIMER_T2, now, a->rto.rto);
}

static bool is_eager(sctp_association *a)
{
	bool eager = a->eager_sacks && sctp_tsn_map_has_gap(&a->received);
	a->eager_sacks = eager ? a->eager_sacks - 1 : 0;
	return eager;
}

/*
 * RFC 9260 6.2, 6.7: at least for every second packet, else after the delay; at once on gaps, and then for as many packets as let
 * a sender count its three reports. (6.7 wants that as long as there is a gap: on a long path with losses that is always.)
 */
void sctp_schedule_sack(sctp_association *a, uint64_t now)
{
	uint64_t rtt = a->rto.measured ? a->rto.srtt : a->rto.initial;
	sctp_window_adapt(&a->window, now, rtt, a->reassembly.bytes, a->event_cost);
	a->unacked_packets++;
	if (a->state == SCTP_SHUTDOWN_SENT)
		repeat_shutdown(a, now);
	if (is_eager(a) || a->unacked_packets >= 2 || a->state == SCTP_SHUTDOWN_SENT)
		a->send_sack = true;
	else if (!a->send_sack && !sctp_timer_armed(a, SCTP_TIMER_SACK))
		sctp_timer_start(a, SCTP_TIMER_SACK, now, a->config.sack_delay_us);
}

void sctp_write_sack(sctp_association *a, writer *w)
{
	sctp_tsn_map *m = &a->received;
	size_t fixed = SCTP_TLV_HEADER + 12 + 4 * m->duplicate_count;
	if (writer_left(w) < fixed + 4)
		return; /* the next packet */
	sctp_gap gaps[SCTP_GAP_BLOCKS_MAX];
	size_t room = (writer_left(w) - fixed) / 4;
	size_t count = sctp_tsn_map_gaps(m, gaps, room < SCTP_GAP_BLOCKS_MAX ? room : SCTP_GAP_BLOCKS_MAX);
	a->announced_window = sctp_a_rwnd(a);
	size_t at = sctp_chunk_begin(w, SCTP_CHUNK_SACK, 0);
	write_u32(w, m->cumulative);
	write_u32(w, a->announced_window);
	write_u16(w, (uint16_t)count);
	write_u16(w, (uint16_t)m->duplicate_count);
	for (size_t i = 0; i < count; i++) {
		write_u16(w, gaps[i].start);
		write_u16(w, gaps[i].end);
	}
	for (size_t i = 0; i < m->duplicate_count; i++)
		write_u32(w, m->duplicates[i]);
	sctp_tlv_end(w, at);
	m->duplicate_count = 0;
	a->send_sack = false;
	a->unacked_packets = 0;
	sctp_timer_stop(a, SCTP_TIMER_SACK);
}
