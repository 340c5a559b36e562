#include <assert.h>
#include <string.h>

#include "sctp/internal.h"

/* RFC 6525: what we ask the peer for: the reset of streams, and more of them. reconfig_peer.c: what the peer asks for. */

void sctp_reconfig_init(sctp_association *a, uint32_t peer_tsn)
{
	a->reconfig.expected = peer_tsn; /* RFC 6525 4.1: requests count from the initial TSN */
	a->reconfig.last = (sctp_reconfig_response){.result = SCTP_RESULT_BAD_SEQUENCE};
}

void sctp_reconfig_clear(sctp_association *a)
{
	sctp_reconfig *c = &a->reconfig;
	if (c->deferred)
		sctp_reassembly_release(&a->reassembly, c->deferred);
	*c = (sctp_reconfig){.next_request = c->next_request, .expected = c->expected, .last = c->last};
	list_init(&c->wanted);
}

/* --- wishes --- */

void sctp_want_reset(sctp_association *a, sctp_stream_out *s)
{
	if (s->reset != SCTP_RESET_NONE)
		return;
	s->reset = SCTP_RESET_WANTED;
	list_append(s->messages ? &a->reconfig.wanted : &a->queue.resettable, &s->wanted);
}

static int may_ask(const sctp_association *a)
{
	if (a->state != SCTP_ESTABLISHED)
		return PARLEY_ESTATE;
	return a->peer.reconfig ? 0 : PARLEY_EUNSUPPORTED;
}

int sctp_reset_streams(sctp_association *a, uint64_t now, const uint16_t *streams, size_t count)
{
	sctp_stream_out *s;
	int err = may_ask(a);
	for (size_t i = 0; i < count && !err; i++) {
		if (streams[i] >= a->streams_out)
			err = PARLEY_EINVAL;
		else if (!(s = sctp_stream_out_of(&a->queue, streams[i])))
			err = PARLEY_ENOMEM;
		else if (s->open && !sctp_peer_can_skip(a))
			err = PARLEY_EUNSUPPORTED;
	}
	if (err)
		return err;
	for (size_t i = 0; i < count; i++)
		sctp_want_reset(a, stream_map_get(&a->queue.streams, streams[i]));
	sctp_reconfig_advance(a, now);
	return 0;
}

int sctp_add_streams(sctp_association *a, uint64_t now, uint16_t out, uint16_t in)
{
	sctp_reconfig *c = &a->reconfig;
	int err = may_ask(a);
	if (err)
		return err;
	if (out > SCTP_STREAMS_MAX - a->streams_out - c->want_out - c->asked_out ||
	    in > SCTP_STREAMS_MAX - a->streams_in - c->want_in - c->asked_in)
		return PARLEY_EINVAL;
	c->want_out = (uint16_t)(c->want_out + out);
	c->want_in = (uint16_t)(c->want_in + in);
	sctp_reconfig_advance(a, now);
	return 0;
}

/* --- requests: one at a time (RFC 6525 5.1.1) --- */

static size_t streams_per_request(const sctp_association *a)
{
	size_t fit = (a->config.mtu - SCTP_PACKET_HEADER - 2 * SCTP_TLV_HEADER - 12) / 2;
	return fit < SCTP_RESET_STREAMS_MAX ? fit : SCTP_RESET_STREAMS_MAX;
}

/* RFC 6525 5.1.2: those of which nothing is queued or in flight any more. */
static bool begin_reset(sctp_association *a, uint64_t now)
{
	sctp_reconfig *c = &a->reconfig;
	c->count = 0;
	for (list_node *n = c->wanted.next, *after; a->queue.open && n != &c->wanted; n = after) {
		after = n->next; /* nobody will end a message that is open any more */
		sctp_abandon_open(a, now, LIST_ENTRY(n, sctp_stream_out, wanted));
	}
	while (c->count < streams_per_request(a) && !list_empty(&a->queue.resettable)) {
		sctp_stream_out *s = LIST_ENTRY(list_pop(&a->queue.resettable), sctp_stream_out, wanted);
		s->reset = SCTP_RESET_REQUESTED;
		c->streams[c->count++] = s->id;
	}
	c->response = c->answers ? c->peer_asked : c->expected - 1;
	c->answers = c->answers && !c->count;
	c->last_tsn = a->sent.next - 1;
	return c->count;
}

static uint16_t begin_request(sctp_association *a, uint64_t now)
{
	sctp_reconfig *c = &a->reconfig;
	if ((!list_empty(&c->wanted) || !list_empty(&a->queue.resettable)) && begin_reset(a, now))
		return SCTP_PARAM_OUTGOING_RESET;
	if (c->want_out) {
		c->asked_out = c->want_out;
		c->want_out = 0;
		return SCTP_PARAM_ADD_OUTGOING;
	}
	if (c->want_in) {
		c->asked_in = c->want_in;
		c->want_in = 0;
		return SCTP_PARAM_ADD_INCOMING;
	}
	return 0;
}

void sctp_reconfig_advance(sctp_association *a, uint64_t now)
{
	sctp_reconfig *c = &a->reconfig;
	if (c->outstanding || a->state != SCTP_ESTABLISHED)
		return;
	c->outstanding = begin_request(a, now);
	if (!c->outstanding)
		return;
	a->send_reconfig = true;
	sctp_timer_start(a, SCTP_TIMER_RECONFIG, now, a->rto.rto);
}

static void write_outgoing_reset(const sctp_reconfig *c, writer *w)
{
	write_u32(w, c->response);
	write_u32(w, c->last_tsn);
	for (size_t i = 0; i < c->count; i++)
		write_u16(w, c->streams[i]);
}

static void write_add(uint16_t count, writer *w)
{
	write_u16(w, count);
	write_u16(w, 0); /* reserved */
}

void sctp_write_reconfig(sctp_association *a, writer *w)
{
	const sctp_reconfig *c = &a->reconfig;
	size_t need = 2 * SCTP_TLV_HEADER + 12 + 2 * c->count + 3; /* of a reset, the longest */
	if (writer_left(w) < (need & ~(size_t)3))
		return;
	a->send_reconfig = false;
	size_t at = sctp_chunk_begin(w, SCTP_CHUNK_RECONFIG, 0);
	size_t param = sctp_param_begin(w, c->outstanding);
	write_u32(w, c->next_request);
	if (c->outstanding == SCTP_PARAM_OUTGOING_RESET)
		write_outgoing_reset(c, w);
	else
		write_add(c->outstanding == SCTP_PARAM_ADD_OUTGOING ? c->asked_out : c->asked_in, w);
	sctp_tlv_end(w, param);
	sctp_tlv_end(w, at);
}

void sctp_reconfig_expired(sctp_association *a, uint64_t now)
{
	sctp_reconfig *c = &a->reconfig;
	if (!c->outstanding || (!c->in_progress && sctp_count_error(a, a->config.max_retransmits)))
		return;
	a->send_reconfig = true;
	if (!c->in_progress)
		sctp_rto_back_off(&a->rto);
	sctp_timer_start(a, SCTP_TIMER_RECONFIG, now, a->rto.rto);
}

/* --- their answers --- */

/* False: there is no memory for the event. */
static bool finish_reset(sctp_association *a, bool done)
{
	sctp_reconfig *c = &a->reconfig;
	size_t size = c->count * sizeof *c->streams;
	sctp_run *run = sctp_event_new(SCTP_EVENT_STREAMS_RESET, size);
	if (!run)
		return false;
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
	c->count = 0;
	return true;
}

/* RFC 6525 5.2.7 H6. More incoming ones come by the peer's own request (5.2.6). */
static void finish_add(sctp_association *a, bool done)
{
	sctp_reconfig *c = &a->reconfig;
	if (done)
		a->streams_out = (uint16_t)(a->streams_out + c->asked_out);
	if (!done || c->asked_out)
		sctp_tell_streams(a, done ? 0 : PARLEY_EREFUSED);
	c->asked_out = c->asked_in = 0;
}

/* The request is over. Without memory for the event it is not: the timer asks again, and the peer answers the same. */
static void finish_request(sctp_association *a, uint64_t now, bool done)
{
	sctp_reconfig *c = &a->reconfig;
	if (c->outstanding != SCTP_PARAM_OUTGOING_RESET)
		finish_add(a, done);
	else if (!finish_reset(a, done))
		return;
	c->next_request++;
	c->outstanding = 0;
	c->in_progress = false;
	a->send_reconfig = false;
	sctp_timer_stop(a, SCTP_TIMER_RECONFIG);
	sctp_reconfig_advance(a, now);
}

/* RFC 6525 5.2.7 */
void sctp_handle_reconfig_response(sctp_association *a, uint64_t now, const sctp_reconfig_response *r)
{
	sctp_reconfig *c = &a->reconfig;
	if (!c->outstanding || r->request != c->next_request)
		return;
	a->errors = 0;
	switch (r->result) {
	case SCTP_RESULT_IN_PROGRESS:
	case SCTP_RESULT_ALREADY_IN_PROGRESS:
		c->in_progress = true; /* H2: asking again is no sign of a dead peer */
		sctp_timer_start(a, SCTP_TIMER_RECONFIG, now, a->rto.rto);
		break;
	case SCTP_RESULT_PERFORMED:
	case SCTP_RESULT_NOTHING_TO_DO:
		finish_request(a, now, true);
		break;
	default:
		SCTP_WARN(a, "reconfiguration refused: result %u", r->result);
		finish_request(a, now, false);
		break;
	}
}
