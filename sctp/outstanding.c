#include "sctp/outstanding.h"

#include <assert.h>
#include <stdlib.h>

#include "base/serial.h"
#include "base/time.h"

#define FIRST_CAPACITY 8u
#define IDLE_CAPACITY 64u /* chunks: more is not kept when all is acknowledged */

void sctp_outstanding_init(sctp_outstanding *o, uint32_t initial_tsn)
{
	*o = (sctp_outstanding){.cumulative = initial_tsn - 1, .next = initial_tsn, .advanced = initial_tsn - 1};
	o->lost_hint = initial_tsn;
	sctp_rack_init(&o->rack, initial_tsn);
}

size_t sctp_outstanding_count(const sctp_outstanding *o)
{
	return o->next - o->cumulative - 1;
}

sctp_sent *sctp_outstanding_at(const sctp_outstanding *o, uint32_t tsn)
{
	return &o->ring[tsn & (o->capacity - 1)];
}

size_t sctp_chunk_size(size_t len)
{
	return (SCTP_DATA_HEADER + len + 3) & ~(size_t)3;
}

static size_t size_of(const sctp_sent *s)
{
	return sctp_chunk_size(s->len);
}

static int grow_ring(sctp_outstanding *o)
{
	size_t capacity = o->capacity ? o->capacity * 2 : FIRST_CAPACITY;
	sctp_sent *ring = calloc(capacity, sizeof *ring);
	if (!ring)
		return PARLEY_ENOMEM;
	for (uint32_t tsn = o->cumulative + 1; tsn != o->next; tsn++)
		ring[tsn & (capacity - 1)] = *sctp_outstanding_at(o, tsn);
	free(o->ring);
	o->ring = ring;
	o->capacity = capacity;
	return 0;
}

int sctp_outstanding_reserve(sctp_outstanding *o)
{
	size_t count = sctp_outstanding_count(o);
	if (count >= SCTP_OUTSTANDING_MAX)
		return PARLEY_ELIMIT;
	uint32_t first = o->cumulative + 1, window = (uint32_t)count + 1;
	if (sctp_tsn_set_reserve(&o->covered, first, window) || sctp_tsn_set_reserve(&o->lost_set, first, window))
		return PARLEY_ENOMEM;
	return count < o->capacity ? 0 : grow_ring(o);
}

/* --- the list of chunks in flight, in the order of sending --- */

static void link_behind(sctp_outstanding *o, uint32_t tsn, uint32_t older)
{
	sctp_sent *s = sctp_outstanding_at(o, tsn), *before = sctp_outstanding_at(o, older);
	s->older = older;
	s->newer = before->newer;
	if (older == o->newest)
		o->newest = tsn;
	else
		sctp_outstanding_at(o, s->newer)->older = tsn;
	before->newer = tsn;
}

static void link_first(sctp_outstanding *o, uint32_t tsn)
{
	if (o->in_flight) {
		sctp_outstanding_at(o, o->oldest)->older = tsn;
		sctp_outstanding_at(o, tsn)->newer = o->oldest;
	} else {
		o->newest = tsn;
	}
	o->oldest = tsn;
}

static void link_last(sctp_outstanding *o, uint32_t tsn)
{
	if (o->in_flight)
		link_behind(o, tsn, o->newest);
	else
		link_first(o, tsn);
}

static void unlink(sctp_outstanding *o, uint32_t tsn)
{
	const sctp_sent *s = sctp_outstanding_at(o, tsn);
	if (tsn == o->oldest)
		o->oldest = s->newer;
	else
		sctp_outstanding_at(o, s->older)->newer = s->newer;
	if (tsn == o->newest)
		o->newest = s->older;
	else
		sctp_outstanding_at(o, s->newer)->older = s->older;
}

/* --- states of a chunk: the one place where the sums change --- */

static void count(sctp_outstanding *o, const sctp_sent *s, bool enter)
{
	size_t one = enter ? 1 : SIZE_MAX; /* minus one */
	switch (s->state) {
	case SCTP_IN_FLIGHT:
		o->in_flight += one;
		o->flight += enter ? size_of(s) : 0 - size_of(s);
		o->flight_data += enter ? s->len : (size_t)0 - s->len;
		break;
	case SCTP_LOST:
		o->lost += one;
		break;
	case SCTP_ACKED:
		o->acked += one;
		break;
	case SCTP_ABANDONED:
		o->abandoned += one;
		break;
	}
}

static void leave_state(sctp_outstanding *o, uint32_t tsn)
{
	sctp_sent *s = sctp_outstanding_at(o, tsn);
	if (s->state == SCTP_IN_FLIGHT)
		unlink(o, tsn);
	else if (s->state == SCTP_LOST)
		sctp_tsn_set_remove(&o->lost_set, tsn);
	count(o, s, false);
}

/* Into IN_FLIGHT the list is the caller's business. */
static void enter_state(sctp_outstanding *o, uint32_t tsn, sctp_sent_state state)
{
	sctp_sent *s = sctp_outstanding_at(o, tsn);
	s->state = (uint8_t)state;
	count(o, s, true);
	if (state != SCTP_LOST)
		return;
	sctp_tsn_set_add(&o->lost_set, tsn);
	if (serial32_before(tsn, o->lost_hint))
		o->lost_hint = tsn;
}

static void set_state(sctp_outstanding *o, uint32_t tsn, sctp_sent_state state)
{
	leave_state(o, tsn);
	enter_state(o, tsn, state);
}

/* The latest of all sent. */
static void fly(sctp_outstanding *o, uint32_t tsn, uint64_t now)
{
	sctp_sent *s = sctp_outstanding_at(o, tsn);
	link_last(o, tsn);
	enter_state(o, tsn, SCTP_IN_FLIGHT);
	s->order = o->order++;
	s->transmissions++;
	s->mark = sctp_rate_sent(&o->rate, now, o->flight, size_of(s));
}

static uint32_t append(sctp_outstanding *o, sctp_sent sent)
{
	assert(sctp_outstanding_count(o) < o->capacity);
	uint32_t tsn = o->next++;
	*sctp_outstanding_at(o, tsn) = sent;
	return tsn;
}

uint32_t sctp_outstanding_add(sctp_outstanding *o, sctp_send_queue *q, sctp_message *m, size_t len, uint64_t now)
{
	sctp_sent sent = {.message = m, .offset = (uint32_t)m->sent, .len = (uint16_t)len};
	sent.fsn = sctp_send_queue_took(q, m, len, o->next);
	uint32_t tsn = append(o, sent);
	fly(o, tsn, now);
	return tsn;
}

void sctp_outstanding_resend(sctp_outstanding *o, uint32_t tsn, uint64_t now)
{
	leave_state(o, tsn);
	fly(o, tsn, now);
}

sctp_data sctp_outstanding_data(const sctp_outstanding *o, uint32_t tsn)
{
	const sctp_sent *s = sctp_outstanding_at(o, tsn);
	const sctp_message *m = s->message;
	return (sctp_data){.tsn = tsn,
			   .ppid = m->ppid,
			   .stream = m->stream->id,
			   .mid = m->mid,
			   .fsn = s->fsn,
			   .unordered = m->unordered,
			   .begin = m->first && s->offset == 0,
			   .end = m->last && s->offset + s->len == m->len,
			   .payload = slice_of(m->bytes + s->offset, s->len)};
}

static void remove_first(sctp_outstanding *o, sctp_send_queue *q)
{
	uint32_t tsn = o->cumulative + 1;
	sctp_message *m = sctp_outstanding_at(o, tsn)->message;
	leave_state(o, tsn);
	o->cumulative = tsn;
	m->chunks--;
	sctp_message_release(q, m);
}

static void free_rings(sctp_outstanding *o)
{
	free(o->ring);
	o->ring = NULL;
	o->capacity = 0;
	sctp_tsn_set_free(&o->covered);
	sctp_tsn_set_free(&o->lost_set);
}

void sctp_outstanding_clear(sctp_outstanding *o, sctp_send_queue *q)
{
	while (sctp_outstanding_count(o))
		remove_first(o, q);
	free_rings(o);
	sctp_outstanding_init(o, 0);
}

/* --- giving up (RFC 3758 3.5, RFC 7496 3) --- */

/* All chunks of a message; with I-DATA those of others are between them. */
static void abandon_chunks(sctp_outstanding *o, const sctp_message *m)
{
	uint32_t tsn = serial32_before_eq(m->first_tsn, o->cumulative) ? o->cumulative + 1 : m->first_tsn;
	for (; serial32_before_eq(tsn, m->last_tsn); tsn++) {
		const sctp_sent *s = sctp_outstanding_at(o, tsn);
		if (s->message == m && s->state != SCTP_ABANDONED)
			set_state(o, tsn, SCTP_ABANDONED);
	}
}

/* The TSN that stands for an unsent rest. */
static void append_stand_in(sctp_outstanding *o, sctp_message *m)
{
	m->chunks++;
	m->last_tsn = o->next;
	uint32_t tsn = append(o, (sctp_sent){.message = m, .offset = (uint32_t)m->sent});
	enter_state(o, tsn, SCTP_ABANDONED);
}

void sctp_outstanding_abandon_queued(sctp_outstanding *o, sctp_send_queue *q, sctp_message *m)
{
	assert(m->sent < m->len);
	sctp_send_queue_abandon(q, m, true);
	if (m->sent) {
		append_stand_in(o, m);
		abandon_chunks(o, m);
	}
}

/* What of the open message waits in the queue, and whether something of it was sent before. */
static bool abandon_open_parts(sctp_send_queue *q, sctp_stream_out *s)
{
	sctp_message *end = LIST_ENTRY(s->queue.prev, sctp_message, node), *m = end;
	while (!m->first && m->node.prev != &s->queue)
		m = LIST_ENTRY(m->node.prev, sctp_message, node);
	bool begun = m->sent || !m->first;
	while (m != end) {
		sctp_message *next = LIST_ENTRY(m->node.next, sctp_message, node);
		sctp_send_queue_abandon(q, m, false);
		m = next;
	}
	sctp_send_queue_abandon(q, end, true);
	sctp_send_queue_close(q, s);
	return begun;
}

void sctp_outstanding_abandon_open(sctp_outstanding *o, sctp_send_queue *q, sctp_stream_out *s)
{
	sctp_message *end = LIST_ENTRY(s->queue.prev, sctp_message, node);
	if (!abandon_open_parts(q, s))
		return;
	if (!end->sent) {
		end->mid = s->mid;
		end->first_tsn = o->next;
	}
	append_stand_in(o, end);
	for (uint32_t tsn = o->cumulative + 1; tsn != o->next; tsn++) {
		const sctp_sent *c = sctp_outstanding_at(o, tsn);
		const sctp_message *m = c->message;
		bool same = m->stream == s && m->mid == s->mid && m->unordered == end->unordered;
		if (same && c->state != SCTP_ABANDONED)
			set_state(o, tsn, SCTP_ABANDONED);
	}
}

/* False: there is no memory for the stand-in; then the message goes on as if it were reliable. */
static bool abandon(sctp_outstanding *o, sctp_send_queue *q, uint32_t tsn)
{
	sctp_message *m = sctp_outstanding_at(o, tsn)->message;
	if (m->sent < m->len) {
		if (sctp_outstanding_reserve(o))
			return false;
		sctp_outstanding_abandon_queued(o, q, m);
		return true;
	}
	sctp_send_queue_abandon(q, m, true);
	abandon_chunks(o, m);
	return true;
}

static bool is_given_up(const sctp_sent *s, uint64_t now)
{
	const sctp_message *m = s->message;
	return (m->has_max_retransmits && s->transmissions > m->max_retransmits) || now >= m->expires;
}

bool sctp_outstanding_next_lost(sctp_outstanding *o, sctp_send_queue *q, uint64_t now, uint32_t *tsn)
{
	while (o->lost) {
		o->lost_hint = sctp_tsn_set_seek(&o->lost_set, o->lost_hint, o->next, true);
		*tsn = o->lost_hint;
		if (now < sctp_outstanding_at(o, *tsn)->message->expires || !abandon(o, q, *tsn))
			return true;
	}
	return false;
}

bool sctp_outstanding_must_forward(const sctp_outstanding *o)
{
	return sctp_outstanding_count(o) && sctp_outstanding_at(o, o->cumulative + 1)->state == SCTP_ABANDONED;
}

bool sctp_outstanding_can_advance(const sctp_outstanding *o)
{
	if (!sctp_outstanding_must_forward(o) || o->crowded || o->advanced + 1 == o->next)
		return false;
	return sctp_outstanding_at(o, o->advanced + 1)->state == SCTP_ABANDONED;
}

/* Notes the stream's last skipped MID; TSNs ascend, so a later one on the stream is the higher. False: no room. */
static bool note_skipped(sctp_skipped *skipped, size_t *n, size_t max, const sctp_message *m)
{
	for (size_t i = 0; i < *n; i++) {
		if (skipped[i].stream == m->stream->id && skipped[i].unordered == m->unordered) {
			skipped[i].mid = m->mid;
			return true;
		}
	}
	if (*n == max)
		return false;
	skipped[(*n)++] = (sctp_skipped){.stream = m->stream->id, .unordered = m->unordered, .mid = m->mid};
	return true;
}

size_t sctp_outstanding_advance(sctp_outstanding *o, bool interleaved, sctp_skipped *skipped, size_t max)
{
	size_t n = 0;
	uint32_t tsn = o->cumulative;
	while (tsn + 1 != o->next) {
		const sctp_sent *s = sctp_outstanding_at(o, tsn + 1);
		if (s->state != SCTP_ABANDONED)
			break;
		bool named = interleaved || !s->message->unordered;
		o->crowded = named && !note_skipped(skipped, &n, max, s->message);
		if (o->crowded)
			break;
		tsn++;
	}
	if (serial32_before(o->advanced, tsn))
		o->advanced = tsn;
	return n;
}

/* --- acknowledgements --- */

typedef struct {
	sctp_outstanding *o;
	uint64_t now;
	sctp_ack_result *result;
	sctp_rate_pass rate;
	uint32_t newest; /* order of the chunk sent last among those newly acknowledged */
} ack_pass;

/* A chunk is acknowledged that was not before. */
static void note_acked(ack_pass *pass, uint32_t tsn)
{
	sctp_outstanding *o = pass->o;
	const sctp_sent *s = sctp_outstanding_at(o, tsn);
	sctp_ack_result *result = pass->result;
	bool resent = s->transmissions > 1, newest = !pass->rate.any || serial32_before(pass->newest, s->order);
	uint64_t rtt = pass->now - s->mark.sent_at;
	result->bytes += size_of(s);
	result->mistaken = result->mistaken || s->state == SCTP_LOST;
	result->early = result->early || (resent && s->state == SCTP_IN_FLIGHT && rtt < sctp_rack_min_rtt(&o->rack));
	if (newest) {
		pass->newest = s->order;
		result->has_rtt = !resent;
		result->rtt = rtt;
	}
	sctp_rate_delivered(&o->rate, &pass->rate, pass->now, &s->mark, size_of(s), newest);
	sctp_rack_delivered(&o->rack, pass->now, tsn, s->mark.sent_at, s->order, resent);
}

static bool is_unacked(const sctp_sent *s)
{
	return s->state == SCTP_IN_FLIGHT || s->state == SCTP_LOST;
}

static void ack_cumulative(ack_pass *pass, sctp_send_queue *q, uint32_t tsn)
{
	sctp_outstanding *o = pass->o;
	if (o->cumulative == tsn)
		return;
	pass->result->cumulative_moved = true;
	sctp_tsn_set_remove_range(&o->covered, o->cumulative + 1, tsn + 1);
	while (o->cumulative != tsn) {
		if (is_unacked(sctp_outstanding_at(o, o->cumulative + 1)))
			note_acked(pass, o->cumulative + 1);
		remove_first(o, q);
	}
	if (serial32_before(o->advanced, tsn))
		o->advanced = tsn;
	o->crowded = false;
	if (serial32_before(o->lost_hint, tsn + 1))
		o->lost_hint = tsn + 1;
	if (!sctp_outstanding_count(o) && o->capacity > IDLE_CAPACITY)
		free_rings(o);
}

static void ack_gap(ack_pass *pass, uint32_t first, uint32_t end)
{
	sctp_outstanding *o = pass->o;
	uint32_t tsn = first;
	while ((tsn = sctp_tsn_set_seek(&o->covered, tsn, end, false)) != end) {
		if (is_unacked(sctp_outstanding_at(o, tsn))) {
			note_acked(pass, tsn);
			set_state(o, tsn, SCTP_ACKED);
		}
		sctp_tsn_set_add(&o->covered, tsn);
	}
}

/*
 * The peer cannot have what it acknowledged by a gap block and now stops short of: it took that back (RFC 9260 6.2.1 iv), and so
 * perhaps all else that this SACK does not list. That is to be sent again.
 */
static void take_back(sctp_outstanding *o, const sctp_sack *sack)
{
	uint32_t tsn = o->cumulative + 1;
	if (!sctp_tsn_set_has(&o->covered, tsn))
		return;
	for (size_t i = 0; i <= sack->gap_count; i++) {
		uint32_t end = i < sack->gap_count ? o->cumulative + sctp_sack_gap(sack, i).start : o->next;
		for (; (tsn = sctp_tsn_set_seek(&o->covered, tsn, end, true)) != end; tsn++) {
			sctp_tsn_set_remove(&o->covered, tsn);
			if (sctp_outstanding_at(o, tsn)->state == SCTP_ACKED)
				set_state(o, tsn, SCTP_LOST);
		}
		if (i < sack->gap_count)
			tsn = o->cumulative + sctp_sack_gap(sack, i).end + 1;
	}
}

static bool acknowledges_unsent(const sctp_outstanding *o, const sctp_sack *sack)
{
	if (serial32_before_eq(o->next, sack->cumulative_tsn))
		return true;
	if (!sack->gap_count)
		return false;
	uint32_t highest = sack->cumulative_tsn + sctp_sack_gap(sack, sack->gap_count - 1).end;
	return serial32_before_eq(o->next, highest);
}

bool sctp_outstanding_ack(sctp_outstanding *o, sctp_send_queue *q, uint64_t now, const sctp_sack *sack,
			  sctp_ack_result *result)
{
	*result = (sctp_ack_result){0};
	if (acknowledges_unsent(o, sack))
		return false;
	if (serial32_before(sack->cumulative_tsn, o->cumulative))
		return true;
	ack_pass pass = {.o = o, .now = now, .result = result};
	ack_cumulative(&pass, q, sack->cumulative_tsn);
	for (size_t i = 0; i < sack->gap_count; i++) {
		sctp_gap gap = sctp_sack_gap(sack, i);
		ack_gap(&pass, o->cumulative + gap.start, o->cumulative + gap.end + 1);
	}
	take_back(o, sack);
	result->rate = sctp_rate_take(&o->rate, &pass.rate, sctp_rack_min_rtt(&o->rack));
	return true;
}

/* --- losses --- */

static void lose(sctp_outstanding *o, sctp_send_queue *q, uint32_t tsn, uint64_t now, sctp_loss *loss)
{
	const sctp_sent *s = sctp_outstanding_at(o, tsn);
	*loss = (sctp_loss){.size = size_of(s), .mark = s->mark};
	o->rate.lost += loss->size;
	if (!is_given_up(s, now) || !abandon(o, q, tsn))
		set_state(o, tsn, SCTP_LOST);
}

uint64_t sctp_outstanding_late_at(const sctp_outstanding *o, sctp_lateness late)
{
	if (!o->in_flight)
		return TIME_NEVER;
	const sctp_sent *s = sctp_outstanding_at(o, o->oldest);
	if (!late.timeout && (!o->rack.any || !serial32_before(s->order, o->rack.order)))
		return TIME_NEVER;
	return s->mark.sent_at + o->rack.rtt + late.window;
}

bool sctp_outstanding_lose_late(sctp_outstanding *o, sctp_send_queue *q, uint64_t now, sctp_lateness late,
				sctp_loss *loss)
{
	if (sctp_outstanding_late_at(o, late) > now)
		return false;
	lose(o, q, o->oldest, now, loss);
	return true;
}

bool sctp_outstanding_lose_first(sctp_outstanding *o, sctp_send_queue *q, uint64_t now, sctp_loss *loss)
{
	uint32_t tsn = o->cumulative + 1;
	if (tsn == o->next || sctp_outstanding_at(o, tsn)->state != SCTP_IN_FLIGHT)
		return false;
	lose(o, q, tsn, now, loss);
	return true;
}

void sctp_outstanding_lose_all(sctp_outstanding *o, sctp_send_queue *q, uint64_t now)
{
	sctp_loss loss;
	while (o->in_flight)
		lose(o, q, o->oldest, now, &loss);
}

/* Behind the last that was sent before it; `near` is a place to look from. Returns the chunk. */
static uint32_t link_by_order(sctp_outstanding *o, uint32_t tsn, bool has_near, uint32_t near_tsn)
{
	uint32_t order = sctp_outstanding_at(o, tsn)->order;
	if (!o->in_flight || serial32_before(order, sctp_outstanding_at(o, o->oldest)->order)) {
		link_first(o, tsn);
		return tsn;
	}
	uint32_t at =
		has_near && serial32_before(sctp_outstanding_at(o, near_tsn)->order, order) ? near_tsn : o->oldest;
	while (at != o->newest) {
		uint32_t newer = sctp_outstanding_at(o, at)->newer;
		if (serial32_before(order, sctp_outstanding_at(o, newer)->order))
			break;
		at = newer;
	}
	link_behind(o, tsn, at);
	return tsn;
}

void sctp_outstanding_find(sctp_outstanding *o)
{
	bool any = false;
	uint32_t tsn = o->cumulative + 1, last = 0;
	for (; (tsn = sctp_tsn_set_seek(&o->lost_set, tsn, o->next, true)) != o->next; tsn++) {
		leave_state(o, tsn);
		last = link_by_order(o, tsn, any, last);
		enter_state(o, tsn, SCTP_IN_FLIGHT);
		any = true;
	}
}

/* --- for tests --- */

static void check_list(const sctp_outstanding *o)
{
	size_t n = 0;
	for (uint32_t tsn = o->oldest; n < o->in_flight; n++) {
		const sctp_sent *s = sctp_outstanding_at(o, tsn);
		assert(s->state == SCTP_IN_FLIGHT);
		if (n + 1 == o->in_flight) {
			assert(tsn == o->newest);
			break;
		}
		assert(sctp_outstanding_at(o, s->newer)->older == tsn);
		assert(serial32_before(s->order, sctp_outstanding_at(o, s->newer)->order));
		tsn = s->newer;
	}
}

void sctp_outstanding_check(const sctp_outstanding *o)
{
	sctp_outstanding sum = {0};
	assert(sctp_outstanding_count(o) <= o->capacity);
	for (uint32_t tsn = o->cumulative + 1; tsn != o->next; tsn++) {
		const sctp_sent *s = sctp_outstanding_at(o, tsn);
		count(&sum, s, true);
		assert(s->message->chunks && (s->state != SCTP_LOST || !serial32_before(tsn, o->lost_hint)));
		assert(s->state == SCTP_ABANDONED || (s->len && s->transmissions));
		assert(sctp_tsn_set_has(&o->lost_set, tsn) == (s->state == SCTP_LOST));
		assert(s->state != SCTP_ACKED || sctp_tsn_set_has(&o->covered, tsn));
		assert(!is_unacked(s) || !sctp_tsn_set_has(&o->covered, tsn));
	}
	assert(sum.in_flight == o->in_flight && sum.lost == o->lost && sum.acked == o->acked);
	assert(sum.abandoned == o->abandoned && sum.flight == o->flight && sum.flight_data == o->flight_data);
	assert(serial32_before_eq(o->cumulative, o->advanced) && serial32_before(o->advanced, o->next));
	check_list(o);
}
