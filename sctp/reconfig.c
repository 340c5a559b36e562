#include <assert.h>
#include <string.h>

#include "base/serial.h"
#include "sctp/internal.h"

/* RFC 6525: stream reset, both ways. Requests to reset TSNs or add streams are denied. */

void sctp_reconfig_init(sctp_association *a, uint32_t peer_tsn)
{
	a->reconfig.expected = peer_tsn; /* RFC 6525 4.1: requests count from the initial TSN */
	a->reconfig.last_result = SCTP_RESULT_BAD_SEQUENCE;
}

void sctp_reconfig_clear(sctp_association *a)
{
	sctp_reconfig *c = &a->reconfig;
	if (c->deferred)
		sctp_reassembly_release(&a->reassembly, c->deferred);
	*c = (sctp_reconfig){.next_request = c->next_request, .expected = c->expected, .last_result = c->last_result};
}

/* --- our requests --- */

static void want_reset(sctp_association *a, sctp_stream_out *s)
{
	if (s->reset != SCTP_RESET_NONE)
		return;
	s->reset = SCTP_RESET_WANTED;
	a->reconfig.wanted++;
}

int sctp_reset_streams(sctp_association *a, uint64_t now, const uint16_t *streams, size_t count)
{
	if (a->state != SCTP_ESTABLISHED)
		return PARLEY_ESTATE;
	if (!a->peer.reconfig)
		return PARLEY_EUNSUPPORTED;
	for (size_t i = 0; i < count; i++) {
		if (streams[i] >= a->streams_out)
			return PARLEY_EINVAL;
		if (!sctp_stream_out_of(&a->queue, streams[i]))
			return PARLEY_ENOMEM;
	}
	for (size_t i = 0; i < count; i++)
		want_reset(a, stream_map_get(&a->queue.streams, streams[i]));
	sctp_reconfig_advance(a, now);
	return 0;
}

static size_t streams_per_request(const sctp_association *a)
{
	size_t fit = (a->config.mtu - SCTP_PACKET_HEADER - 2 * SCTP_TLV_HEADER - 12) / 2;
	return fit < SCTP_RESET_STREAMS_MAX ? fit : SCTP_RESET_STREAMS_MAX;
}

static void collect_ready(sctp_association *a)
{
	sctp_reconfig *c = &a->reconfig;
	uint32_t id = 0;
	c->count = 0;
	for (sctp_stream_out *s; c->count < streams_per_request(a) && (s = stream_map_next(&a->queue.streams, &id));
	     id++) {
		if (s->reset != SCTP_RESET_WANTED || s->messages)
			continue;
		s->reset = SCTP_RESET_REQUESTED;
		c->wanted--;
		c->streams[c->count++] = s->id;
	}
}

/* RFC 6525 5.1.2, 5.1.1: one request at a time. */
void sctp_reconfig_advance(sctp_association *a, uint64_t now)
{
	sctp_reconfig *c = &a->reconfig;
	if (!c->wanted || c->outstanding || a->state != SCTP_ESTABLISHED)
		return;
	collect_ready(a);
	if (!c->count)
		return;
	c->outstanding = true;
	c->response = c->answers ? c->peer_asked : c->expected - 1;
	c->answers = false;
	c->last_tsn = a->sent.next - 1;
	a->send_reconfig = true;
	sctp_timer_start(a, SCTP_TIMER_RECONFIG, now, a->rto.rto);
}

void sctp_write_reconfig(sctp_association *a, writer *w)
{
	const sctp_reconfig *c = &a->reconfig;
	size_t need = 2 * SCTP_TLV_HEADER + 12 + 2 * c->count + 3;
	if (writer_left(w) < (need & ~(size_t)3))
		return;
	a->send_reconfig = false;
	size_t at = sctp_chunk_begin(w, SCTP_CHUNK_RECONFIG, 0);
	size_t param = sctp_param_begin(w, SCTP_PARAM_OUTGOING_RESET);
	write_u32(w, c->next_request);
	write_u32(w, c->response);
	write_u32(w, c->last_tsn);
	for (size_t i = 0; i < c->count; i++)
		write_u16(w, c->streams[i]);
	sctp_tlv_end(w, param);
	sctp_tlv_end(w, at);
}

void sctp_reconfig_expired(sctp_association *a, uint64_t now)
{
	if (!a->reconfig.outstanding || sctp_count_error(a, a->config.max_retransmits))
		return;
	a->send_reconfig = true;
	sctp_rto_back_off(&a->rto);
	sctp_timer_start(a, SCTP_TIMER_RECONFIG, now, a->rto.rto);
}

/* The request is over. Without memory for the event it is not: the timer asks again, and the peer answers the same. */
static void finish_request(sctp_association *a, uint64_t now, bool done)
{
	sctp_reconfig *c = &a->reconfig;
	size_t size = c->count * sizeof *c->streams;
	sctp_run *run = sctp_event_new(SCTP_EVENT_STREAMS_RESET, size);
	if (!run)
		return;
	memcpy(run->data, c->streams, size);
	run->event.reset = done ? SCTP_RESET_OUTGOING : SCTP_RESET_OUTGOING_DENIED;
	run->event.streams = (const uint16_t *)(const void *)run->data;
	run->event.count = c->count;
	for (size_t i = 0; i < c->count; i++) {
		sctp_stream_out *s = stream_map_get(&a->queue.streams, c->streams[i]);
		s->reset = SCTP_RESET_NONE;
		if (done)
			sctp_stream_out_remove(&a->queue, s); /* MIDs from 0 again: RFC 6525 5.2.7 H4, RFC 8260 2.3.2 */
	}
	sctp_event_push(a, run);
	c->next_request++;
	c->outstanding = false;
	a->send_reconfig = false;
	sctp_timer_stop(a, SCTP_TIMER_RECONFIG);
	sctp_reconfig_advance(a, now);
}

/* RFC 6525 5.2.7 */
static void handle_response(sctp_association *a, uint64_t now, const sctp_reconfig_param *p)
{
	sctp_reconfig *c = &a->reconfig;
	if (!c->outstanding || p->request != c->next_request)
		return;
	a->errors = 0;
	switch (p->result) {
	case SCTP_RESULT_IN_PROGRESS:
	case SCTP_RESULT_ALREADY_IN_PROGRESS:
		sctp_timer_start(a, SCTP_TIMER_RECONFIG, now, a->rto.rto); /* H2 */
		break;
	case SCTP_RESULT_PERFORMED:
	case SCTP_RESULT_NOTHING_TO_DO:
		finish_request(a, now, true);
		break;
	default:
		SCTP_WARN(a, "stream reset refused: result %u", p->result);
		finish_request(a, now, false);
		break;
	}
}

/* --- the peer's requests --- */

static void respond(sctp_association *a, uint32_t request, uint32_t result)
{
	uint8_t bytes[SCTP_TLV_HEADER + 8];
	writer w = writer_of(bytes, sizeof bytes);
	sctp_reconfig_response_encode(&w, request, result);
	sctp_queue_chunk(a, SCTP_CHUNK_RECONFIG, 0, writer_slice(&w));
}

static void conclude(sctp_association *a, uint32_t request, uint32_t result)
{
	a->reconfig.last_result = result;
	respond(a, request, result);
}

/* All TSNs the request speaks of came (RFC 6525 5.2.2): the streams begin anew. */
static void perform_incoming(sctp_association *a, sctp_run *run)
{
	list_node deliver;
	list_init(&deliver);
	for (size_t i = 0; i < run->event.count; i++)
		sctp_reassembly_reset(&a->reassembly, run->event.streams[i], &deliver);
	if (!run->event.count)
		sctp_reassembly_reset_all(&a->reassembly, &deliver);
	sctp_deliver(a, &deliver);
	sctp_event_push(a, run);
}

static sctp_run *incoming_event(const sctp_reconfig_param *p)
{
	sctp_run *run = sctp_event_new(SCTP_EVENT_STREAMS_RESET, p->stream_count * sizeof(uint16_t));
	if (!run)
		return NULL;
	uint16_t *streams = (uint16_t *)(void *)run->data;
	for (size_t i = 0; i < p->stream_count; i++)
		streams[i] = sctp_reconfig_stream(p, i);
	run->event.reset = SCTP_RESET_INCOMING;
	run->event.streams = streams;
	run->event.count = p->stream_count;
	run->last_tsn = p->last_tsn;
	return run;
}

static uint32_t outgoing_reset(sctp_association *a, const sctp_reconfig_param *p)
{
	sctp_reconfig *c = &a->reconfig;
	for (size_t i = 0; i < p->stream_count; i++)
		if (sctp_reconfig_stream(p, i) >= a->streams_in)
			return SCTP_RESULT_WRONG_SSN;
	sctp_run *run = incoming_event(p);
	if (!run)
		return SCTP_RESULT_DENIED;
	if (c->deferred) { /* asked anew under another number */
		sctp_reassembly_release(&a->reassembly, c->deferred);
		c->deferred = NULL;
	}
	if (serial32_before_eq(p->last_tsn, a->received.cumulative)) {
		perform_incoming(a, run);
		return SCTP_RESULT_PERFORMED;
	}
	c->deferred = run;
	return SCTP_RESULT_IN_PROGRESS;
}

/* What a peer may ask of one stream. True: it will be in a request of ours that is yet to be made. */
static bool will_reset(sctp_association *a, sctp_stream_out *s)
{
	if (s && s->reset == SCTP_RESET_NONE)
		want_reset(a, s);
	return s && s->reset == SCTP_RESET_WANTED;
}

/*
 * RFC 6525 5.2.3, 4.2: the peer wants our side reset, of all streams if it names none; our request, when it is ready, is the
 * answer. What never sent anything is at SSN 0 already, and what the request under way resets is not reset twice.
 */
static uint32_t incoming_reset(sctp_association *a, const sctp_reconfig_param *p)
{
	size_t count = 0;
	uint32_t id = 0;
	for (size_t i = 0; i < p->stream_count; i++)
		if (sctp_reconfig_stream(p, i) >= a->streams_out)
			return SCTP_RESULT_WRONG_SSN;
	for (size_t i = 0; i < p->stream_count; i++)
		count += will_reset(a, stream_map_get(&a->queue.streams, sctp_reconfig_stream(p, i)));
	for (sctp_stream_out *s; !p->stream_count && (s = stream_map_next(&a->queue.streams, &id)); id++)
		count += will_reset(a, s);
	if (!count)
		return SCTP_RESULT_NOTHING_TO_DO;
	a->reconfig.answers = true;
	a->reconfig.peer_asked = p->request;
	return SCTP_RESULT_IN_PROGRESS;
}

static void handle_request(sctp_association *a, const sctp_reconfig_param *p)
{
	sctp_reconfig *c = &a->reconfig;
	if (p->request == c->expected - 1) {
		respond(a, p->request, c->last_result); /* our answer was lost */
		return;
	}
	if (p->request != c->expected) {
		respond(a, p->request, SCTP_RESULT_BAD_SEQUENCE);
		return;
	}
	c->expected++;
	switch (p->type) {
	case SCTP_PARAM_OUTGOING_RESET:
		conclude(a, p->request, outgoing_reset(a, p));
		break;
	case SCTP_PARAM_INCOMING_RESET:
		conclude(a, p->request, incoming_reset(a, p));
		break;
	default:
		conclude(a, p->request, SCTP_RESULT_DENIED);
		break;
	}
}

static bool is_request(uint16_t type)
{
	return type >= SCTP_PARAM_OUTGOING_RESET && type <= SCTP_PARAM_ADD_INCOMING &&
	       type != SCTP_PARAM_RECONFIG_RESPONSE;
}

void sctp_handle_reconfig(sctp_association *a, uint64_t now, const sctp_tlv *chunk)
{
	if (a->state < SCTP_ESTABLISHED || !sctp_tlvs_valid(chunk->value))
		return;
	reader r = reader_of(chunk->value);
	for (sctp_tlv t; sctp_tlv_next(&r, &t);) {
		sctp_reconfig_param p;
		if (!sctp_reconfig_decode(&t, &p))
			SCTP_WARN(a, "malformed RE-CONFIG parameter");
		else if (p.type == SCTP_PARAM_RECONFIG_RESPONSE)
			handle_response(a, now, &p);
		else if (is_request(p.type))
			handle_request(a, &p);
	}
}

void sctp_reconfig_cumulative(sctp_association *a, uint64_t now)
{
	(void)now;
	sctp_run *run = a->reconfig.deferred;
	if (!run || !serial32_before_eq(run->last_tsn, a->received.cumulative))
		return;
	a->reconfig.deferred = NULL;
	perform_incoming(a, run);
	conclude(a, a->reconfig.expected - 1, SCTP_RESULT_PERFORMED);
}
