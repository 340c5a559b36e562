#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sctp/internal.h"

#define FORWARD_ENTRIES_MAX 64u
#define FORWARD_SIZE_MIN 8u
#define MIN_FRAGMENT 256u /* do not fill the rest of a packet with less of a longer message */

/* --- the control queue --- */

static sctp_control *control_new(sctp_association *a, size_t len)
{
	if (a->control_count >= SCTP_CONTROL_QUEUE_MAX || len > a->config.mtu - SCTP_PACKET_HEADER)
		return NULL;
	sctp_control *c = calloc(1, sizeof *c + len);
	if (!c)
		return NULL;
	c->len = len;
	list_append(&a->control, &c->node);
	a->control_count++;
	return c;
}

void sctp_queue_chunk(sctp_association *a, uint8_t type, uint8_t flags, slice value)
{
	size_t len = (SCTP_TLV_HEADER + value.len + 3) & ~(size_t)3;
	sctp_control *c = control_new(a, len);
	if (!c)
		return;
	writer w = writer_of(c->bytes, len);
	sctp_write_chunk(&w, type, flags, value);
	assert(!w.bad && w.len == len);
}

void sctp_queue_packet(sctp_association *a, uint32_t tag, slice chunk)
{
	sctp_control *c = control_new(a, chunk.len);
	if (!c)
		return;
	c->alone = true;
	c->tag = tag;
	memcpy(c->bytes, chunk.data, chunk.len);
}

static void control_free(sctp_association *a, sctp_control *c)
{
	list_remove(&c->node);
	a->control_count--;
	free(c);
}

/* Those that share a packet, as many as fit. */
static void write_control(sctp_association *a, writer *w)
{
	LIST_FOR_SAFE (n, after, &a->control) {
		sctp_control *c = LIST_ENTRY(n, sctp_control, node);
		if (c->alone || c->len > writer_left(w))
			continue;
		write_bytes(w, slice_of(c->bytes, c->len));
		control_free(a, c);
	}
}

static bool write_alone(sctp_association *a, writer *w)
{
	LIST_FOR (n, &a->control) {
		sctp_control *c = LIST_ENTRY(n, sctp_control, node);
		if (!c->alone)
			continue;
		sctp_packet_begin(w, a->config.local_port, a->config.remote_port, c->tag);
		write_bytes(w, slice_of(c->bytes, c->len));
		control_free(a, c);
		return true;
	}
	return false;
}

/* --- DATA --- */

static size_t data_header(const sctp_association *a)
{
	return sctp_interleaving(a) ? SCTP_I_DATA_HEADER : SCTP_DATA_HEADER;
}

size_t sctp_data_room(const sctp_association *a)
{
	size_t least = a->config.mtu - SCTP_PACKET_HEADER, whole = a->pmtu.current - SCTP_PACKET_HEADER;
	size_t chunks = (whole + least - 1) / least;
	return ((whole / chunks) & ~(size_t)3) - data_header(a);
}

static bool may_carry_data(const sctp_association *a)
{
	return a->state >= SCTP_COOKIE_ECHOED && a->state <= SCTP_SHUTDOWN_RECEIVED && a->state != SCTP_SHUTDOWN_SENT;
}

/*
 * RFC 9260 6.1 A, B, and the pace. With nothing in flight one chunk may always go: it also probes a closed window. A tail loss
 * probe may go beyond cwnd; and so may what fills a packet of small chunks up, `begun` bytes of which are in it: else each SACK
 * for a packet that is not full would make another one.
 */
static bool may_fly(const sctp_association *a, uint64_t now, size_t len, size_t begun)
{
	const sctp_outstanding *o = &a->sent;
	if (!o->flight)
		return true;
	if (o->flight_data + len > a->peer_window)
		return false;
	if (sctp_probe_is_due(a) || (begun && begun < a->config.mtu))
		return true;
	return o->flight < a->congestion.cwnd && sctp_pacer_open(&a->pacer, now);
}

/* The next message, past those whose time is over. */
static sctp_message *next_message(sctp_association *a, uint64_t now)
{
	sctp_message *m;
	while ((m = sctp_send_queue_next(&a->queue))) {
		if (sctp_outstanding_reserve(&a->sent))
			return NULL; /* no memory: a timer or a SACK tries again */
		if (now < m->expires)
			return m;
		sctp_outstanding_abandon_queued(&a->sent, &a->queue, m);
	}
	return NULL;
}

static size_t fragment_len(const sctp_association *a, const sctp_message *m, size_t room)
{
	size_t rest = sctp_message_sendable(m);
	if (rest <= room)
		return rest;
	return room >= MIN_FRAGMENT || room == sctp_data_room(a) ? room : 0;
}

static size_t room_for_data(const sctp_association *a, const writer *w)
{
	size_t left = writer_left(w), header = data_header(a), most = sctp_data_room(a);
	size_t room = left > header ? (left - header) & ~(size_t)3 : 0;
	return room < most ? room : most;
}

/*
 * Is the peer to answer at once (RFC 9260 3.3.1, RFC 7053 4: the I bit)? Yes if nothing follows that would make it: because of
 * cwnd, or because the queue is empty; the latter twice in a round trip at most, so that a stream of small messages does not
 * cost a SACK each.
 */
static bool asks_for_sack(sctp_association *a, uint64_t now, uint32_t tsn)
{
	sctp_recovery *r = &a->recovery;
	bool last = !a->queue.buffered && now >= r->asked_at + a->rto.srtt / 2;
	if (!last && a->sent.flight < a->congestion.cwnd && a->state < SCTP_SHUTDOWN_PENDING && !sctp_probe_is_due(a))
		return false;
	r->asked_at = now;
	r->asked_tsn = tsn;
	return true;
}

static void write_chunk(sctp_association *a, uint64_t now, uint32_t tsn, writer *w)
{
	sctp_data data = sctp_outstanding_data(&a->sent, tsn);
	data.interleaved = sctp_interleaving(a);
	data.immediate = asks_for_sack(a, now, tsn);
	sctp_data_encode(w, &data);
	a->stats.data_sent++;
	if (!sctp_timer_armed(a, SCTP_TIMER_T3))
		sctp_timer_start(a, SCTP_TIMER_T3, now, a->rto.rto);
}

static void write_again(sctp_association *a, uint64_t now, uint32_t tsn, writer *w)
{
	sctp_outstanding_resend(&a->sent, tsn, now);
	write_chunk(a, now, tsn, w);
	a->stats.data_retransmitted++;
}

static void write_lost(sctp_association *a, uint64_t now, writer *w)
{
	uint32_t tsn;
	uint64_t before = a->sent.rate.sent;
	while (sctp_outstanding_next_lost(&a->sent, &a->queue, now, &tsn)) {
		size_t len = sctp_outstanding_at(&a->sent, tsn)->len;
		if (len > room_for_data(a, w) || !may_fly(a, now, len, (size_t)(a->sent.rate.sent - before)))
			return;
		write_again(a, now, tsn, w);
		a->recovery.resent++;
		a->recovery.any_resent = true;
		if (tsn == a->sent.cumulative + 1)
			sctp_timer_start(a, SCTP_TIMER_T3, now, a->rto.rto); /* RFC 9260 7.2.4 4 */
	}
}

static void write_new(sctp_association *a, uint64_t now, writer *w)
{
	sctp_message *m;
	uint64_t before = a->sent.rate.sent;
	while ((m = next_message(a, now))) {
		size_t len = fragment_len(a, m, room_for_data(a, w));
		if (!len || !may_fly(a, now, len, (size_t)(a->sent.rate.sent - before)))
			return;
		write_chunk(a, now, sctp_outstanding_add(&a->sent, &a->queue, m, len, now), w);
	}
}

/* RFC 8985 7.3: new data if there is any, else what was sent last. */
static void write_probe(sctp_association *a, uint64_t now, writer *w)
{
	uint32_t next = a->sent.next, again = a->sent.newest;
	write_new(a, now, w);
	bool resent = next == a->sent.next;
	if (resent && sctp_outstanding_at(&a->sent, again)->len > room_for_data(a, w))
		return; /* the next packet */
	if (resent)
		write_again(a, now, again, w);
	sctp_probe_sent(a, now, resent, again);
}

static void write_data(sctp_association *a, uint64_t now, writer *w)
{
	uint32_t next = a->sent.next;
	uint64_t before = a->sent.rate.sent;
	sctp_congestion_sending(&a->congestion, now, a->sent.flight, a->rto.rto);
	if (sctp_probe_is_due(a)) {
		write_probe(a, now, w);
	} else {
		write_lost(a, now, w);
		if (!a->sent.lost)
			write_new(a, now, w);
	}
	size_t sent = (size_t)(a->sent.rate.sent - before);
	if (!sent)
		return;
	sctp_pacer_sent(&a->pacer, now, sent, a->congestion.pacing_rate, a->pmtu.current);
	if (a->sent.next != next)
		sctp_probe_schedule(a, now);
	sctp_heartbeat_restart(a, now);
}

/* What data would go next. */
typedef struct {
	bool any;
	size_t len;
} pending_data;

static pending_data next_data(sctp_association *a, uint64_t now)
{
	uint32_t tsn;
	if (sctp_probe_is_due(a))
		return (pending_data){.any = true};
	if (sctp_outstanding_next_lost(&a->sent, &a->queue, now, &tsn))
		return (pending_data){.any = true, .len = sctp_outstanding_at(&a->sent, tsn)->len};
	const sctp_message *m = next_message(a, now);
	return (pending_data){.any = m, .len = m ? fragment_len(a, m, sctp_data_room(a)) : 0};
}

/* Nothing more goes for now: why, for those who measure the path, and until when. */
static void note_limit(sctp_association *a, uint64_t now, bool any)
{
	const sctp_outstanding *o = &a->sent;
	if (any && o->flight >= a->congestion.cwnd) {
		sctp_congestion_limited(&a->congestion, o->flight);
		return;
	}
	if (any && !sctp_pacer_open(&a->pacer, now))
		a->timers[SCTP_TIMER_PACER] = a->pacer.ready;
	else
		sctp_rate_limit(&a->sent.rate, o->flight); /* by the owner, or by the peer's window */
}

static bool has_data_to_send(sctp_association *a, uint64_t now)
{
	if (!may_carry_data(a))
		return false;
	pending_data next = next_data(a, now);
	if (next.any && may_fly(a, now, next.len, 0))
		return true;
	note_limit(a, now, next.any);
	return false;
}

/* --- FORWARD TSN (RFC 3758 3.5) --- */

static void write_forward_tsn(sctp_association *a, uint64_t now, writer *w)
{
	sctp_skipped skipped[FORWARD_ENTRIES_MAX];
	if (writer_left(w) < FORWARD_SIZE_MIN)
		return;
	a->send_forward = false;
	if (!sctp_outstanding_must_forward(&a->sent))
		return;
	bool interleaved = sctp_interleaving(a);
	size_t max = (writer_left(w) - FORWARD_SIZE_MIN) / sctp_skipped_size(interleaved);
	size_t n = sctp_outstanding_advance(&a->sent, interleaved, skipped,
					    max < FORWARD_ENTRIES_MAX ? max : FORWARD_ENTRIES_MAX);
	sctp_forward_tsn_encode(w, interleaved, a->sent.advanced, skipped, n);
	if (!sctp_timer_armed(a, SCTP_TIMER_T3)) /* RFC 3758 3.5 C5 */
		sctp_timer_start(a, SCTP_TIMER_T3, now, a->rto.rto);
}

/* --- packets --- */

static void write_init(sctp_association *a, writer *w)
{
	sctp_init init = sctp_our_init(a);
	sctp_packet_begin(w, a->config.local_port, a->config.remote_port, 0);
	sctp_init_encode(w, SCTP_CHUNK_INIT, &init);
	a->send_init = false;
}

static void write_shutdowns(sctp_association *a, writer *w)
{
	if (a->send_shutdown) {
		size_t at = sctp_chunk_begin(w, SCTP_CHUNK_SHUTDOWN, 0);
		write_u32(w, a->received.cumulative);
		sctp_tlv_end(w, at);
	}
	if (a->send_shutdown_ack)
		sctp_write_chunk(w, SCTP_CHUNK_SHUTDOWN_ACK, 0, (slice){0});
	a->send_shutdown = a->send_shutdown_ack = false;
}

/* Chunks in the order of RFC 9260 6.10: control first, then SACK, then what travels beside DATA. */
static void write_chunks(sctp_association *a, uint64_t now, writer *w)
{
	write_control(a, w);
	bool data = has_data_to_send(a, now);
	sctp_progress(a, now); /* messages may have been given up just now */
	if (sctp_outstanding_can_advance(&a->sent))
		a->send_forward = true;
	if (a->send_sack || (data && a->unacked_packets))
		sctp_write_sack(a, w);
	if (a->send_forward)
		write_forward_tsn(a, now, w);
	if (a->send_reconfig)
		sctp_write_reconfig(a, w);
	if (a->send_heartbeat)
		sctp_write_heartbeat(a, now, w);
	write_shutdowns(a, w);
	if (data)
		write_data(a, now, w);
}

/* Only packets that begin with COOKIE-ECHO leave before the COOKIE-ACK (RFC 9260 5.1 C). */
static bool write_echo(sctp_association *a, uint64_t now, writer *w)
{
	if (!a->send_echo)
		return false;
	a->send_echo = false;
	sctp_packet_begin(w, a->config.local_port, a->config.remote_port, a->peer_tag);
	sctp_write_chunk(w, SCTP_CHUNK_COOKIE_ECHO, 0, slice_of(a->echo, a->echo_len));
	write_control(a, w);
	if (has_data_to_send(a, now))
		write_data(a, now, w);
	return true;
}

/* A packet that the peer may get before it has the association, or that is of no association at all. */
static bool write_opening(sctp_association *a, uint64_t now, writer *w)
{
	if (write_alone(a, w))
		return true;
	if (a->state == SCTP_COOKIE_ECHOED)
		return write_echo(a, now, w);
	if (a->send_init)
		write_init(a, w);
	return w->len;
}

static bool write_packet(sctp_association *a, uint64_t now, writer *w)
{
	if (a->state < SCTP_ESTABLISHED)
		return false;
	sctp_packet_begin(w, a->config.local_port, a->config.remote_port, a->peer_tag);
	write_chunks(a, now, w);
	return w->len > SCTP_PACKET_HEADER;
}

static bool write_probe_of_mtu(sctp_association *a, uint64_t now, packet *out, writer *w)
{
	size_t size = sctp_pmtu_probe(&a->pmtu);
	if (!a->send_pmtu_probe || out->capacity < size)
		return false;
	*w = writer_of(out->data, size);
	sctp_write_pmtu_probe(a, now, w);
	return w->len;
}

bool sctp_poll_transmit(sctp_association *a, uint64_t now, packet *out)
{
	size_t capacity = out->capacity < a->pmtu.current ? out->capacity : a->pmtu.current;
	writer w = writer_of(out->data, capacity);
	bool opening = write_opening(a, now, &w);
	if (!opening && !write_packet(a, now, &w) && !write_probe_of_mtu(a, now, out, &w))
		return false;
	assert(!w.bad);
	if (opening || !a->peer.zero_checksum || !a->config.zero_checksum) /* RFC 9653 5.2 */
		sctp_packet_seal(&w);
	out->len = w.len;
	a->stats.packets_sent++;
	a->stats.bytes_sent += w.len;
	return true;
}
