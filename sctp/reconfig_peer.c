#include "base/serial.h"
#include "sctp/internal.h"

/* RFC 6525 5.2: what the peer asks for: resets of either side's streams, of all numbers, and more streams. */

#define PARAMS_PER_CHUNK 2u /* RFC 6525 3.1 */

static sctp_reconfig_response conclude(sctp_association *a, uint32_t request, uint32_t result)
{
	a->reconfig.last = (sctp_reconfig_response){.request = request, .result = result};
	return a->reconfig.last;
}

/* --- outgoing reset: of what the peer sends (5.2.2) --- */

/* All TSNs the request speaks of came: the streams begin anew. */
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

/* --- incoming reset: of what we send (5.2.3) --- */

/* What a peer may ask of one stream. True: it will be in a request of ours that is yet to be made. */
static bool will_reset(sctp_association *a, sctp_stream_out *s)
{
	if (s && s->reset == SCTP_RESET_NONE)
		sctp_want_reset(a, s);
	return s && s->reset == SCTP_RESET_WANTED;
}

/*
 * The peer wants our side reset, of all streams if it names none (4.2); our request, when it is ready, is the answer. What
 * never sent anything is at SSN 0 already, and what the request under way resets is not reset twice.
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

/* --- all numbers of both sides (5.2.4) --- */

/* Nothing is half done: what is in flight would have to be taken for acknowledged. */
static bool numbers_are_at_rest(const sctp_association *a)
{
	const sctp_reconfig *c = &a->reconfig;
	uint32_t id = 0;
	if (sctp_outstanding_count(&a->sent) || c->deferred || c->outstanding || !list_empty(&c->wanted) ||
	    !list_empty(&a->queue.resettable))
		return false;
	for (const sctp_stream_out *s; (s = stream_map_next(&a->queue.streams, &id)); id++)
		if (sctp_stream_out_midway(s))
			return false;
	return true;
}

static sctp_reconfig_response tsn_reset(sctp_association *a, const sctp_reconfig_param *p)
{
	sctp_reconfig_response r = {.request = p->request, .result = SCTP_RESULT_IN_PROGRESS};
	if (!numbers_are_at_rest(a)) {
		a->reconfig.expected--; /* the same request comes again, and is then new */
		return r;
	}
	sctp_reconfig_param all = {.last_tsn = a->received.cumulative};
	sctp_run *run = incoming_event(&all);
	if (!run)
		return conclude(a, p->request, SCTP_RESULT_DENIED);
	r.result = SCTP_RESULT_PERFORMED;
	r.has_tsns = true;
	r.sender_next = a->sent.next;				   /* G2 */
	r.receiver_next = a->received.cumulative + 1 + (1u << 31); /* G1 */
	perform_incoming(a, run);
	sctp_tsn_map_init(&a->received, r.receiver_next); /* G4 */
	sctp_send_queue_restart_mids(&a->queue);	  /* G5 */
	a->unacked_packets = 0;
	sctp_timer_stop(a, SCTP_TIMER_SACK);
	a->reconfig.last = r;
	return r;
}

/* --- more streams (5.2.5, 5.2.6) --- */

static uint32_t add_outgoing(sctp_association *a, const sctp_reconfig_param *p)
{
	if (!p->added)
		return SCTP_RESULT_NOTHING_TO_DO;
	if (a->streams_in + p->added > a->config.streams_in_max)
		return SCTP_RESULT_DENIED;
	a->streams_in = (uint16_t)(a->streams_in + p->added);
	sctp_tell_streams(a, 0);
	return SCTP_RESULT_PERFORMED;
}

static uint32_t add_incoming(sctp_association *a, uint64_t now, const sctp_reconfig_param *p)
{
	if (!p->added)
		return SCTP_RESULT_NOTHING_TO_DO;
	return sctp_add_streams(a, now, p->added, 0) ? SCTP_RESULT_DENIED : SCTP_RESULT_PERFORMED;
}

/* --- requests --- */

static sctp_reconfig_response handle_request(sctp_association *a, uint64_t now, const sctp_reconfig_param *p)
{
	sctp_reconfig *c = &a->reconfig;
	if (p->request == c->expected - 1) { /* our answer was lost */
		sctp_reconfig_response again = c->last;
		again.request = p->request;
		return again;
	}
	if (p->request != c->expected)
		return (sctp_reconfig_response){.request = p->request, .result = SCTP_RESULT_BAD_SEQUENCE};
	c->expected++;
	switch (p->type) {
	case SCTP_PARAM_OUTGOING_RESET:
		return conclude(a, p->request, outgoing_reset(a, p));
	case SCTP_PARAM_INCOMING_RESET:
		return conclude(a, p->request, incoming_reset(a, p));
	case SCTP_PARAM_TSN_RESET:
		return tsn_reset(a, p);
	case SCTP_PARAM_ADD_OUTGOING:
		return conclude(a, p->request, add_outgoing(a, p));
	default:
		return conclude(a, p->request, add_incoming(a, now, p));
	}
}

static bool is_request(uint16_t type)
{
	return type >= SCTP_PARAM_OUTGOING_RESET && type <= SCTP_PARAM_ADD_INCOMING &&
	       type != SCTP_PARAM_RECONFIG_RESPONSE;
}

static void queue_responses(sctp_association *a, const writer *w)
{
	if (!w->len)
		return;
	sctp_queue_chunk(a, SCTP_CHUNK_RECONFIG, 0, writer_slice(w));
	a->send_sack = true; /* 5.2.1: so that what the request waits for is known to be missing */
}

/* 5.2.1: the answers to all parameters in one chunk. */
void sctp_handle_reconfig(sctp_association *a, uint64_t now, const sctp_tlv *chunk)
{
	uint8_t bytes[PARAMS_PER_CHUNK * SCTP_RECONFIG_RESPONSE_MAX];
	writer w = writer_of(bytes, sizeof bytes);
	if (a->state < SCTP_ESTABLISHED || !sctp_tlvs_valid(chunk->value))
		return;
	reader r = reader_of(chunk->value);
	sctp_tlv t;
	for (unsigned i = 0; i < PARAMS_PER_CHUNK && sctp_tlv_next(&r, &t); i++) {
		sctp_reconfig_param p;
		if (!sctp_reconfig_decode(&t, &p)) {
			SCTP_WARN(a, "malformed RE-CONFIG parameter");
		} else if (p.type == SCTP_PARAM_RECONFIG_RESPONSE) {
			sctp_reconfig_response response = {.request = p.request, .result = p.result};
			sctp_handle_reconfig_response(a, now, &response);
		} else if (is_request(p.type)) {
			sctp_reconfig_response response = handle_request(a, now, &p);
			sctp_reconfig_response_encode(&w, &response);
		}
	}
	queue_responses(a, &w);
}

void sctp_reconfig_cumulative(sctp_association *a, uint64_t now)
{
	(void)now;
	sctp_run *run = a->reconfig.deferred;
	if (!run || !serial32_before_eq(run->last_tsn, a->received.cumulative))
		return;
	a->reconfig.deferred = NULL;
	perform_incoming(a, run);
	uint8_t bytes[SCTP_RECONFIG_RESPONSE_MAX];
	writer w = writer_of(bytes, sizeof bytes);
	sctp_reconfig_response response = conclude(a, a->reconfig.expected - 1, SCTP_RESULT_PERFORMED);
	sctp_reconfig_response_encode(&w, &response);
	queue_responses(a, &w);
}
