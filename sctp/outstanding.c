#include "sctp/outstanding.h"

#include <assert.h>
#include <stdlib.h>

#include "base/serial.h"
#include "base/time.h"

#define FIRST_CAPACITY 32u

void sctp_outstanding_init(sctp_outstanding *o, uint32_t initial_tsn)
{
	*o = (sctp_outstanding){.cumulative = initial_tsn - 1, .next = initial_tsn, .advanced = initial_tsn - 1};
	o->lost_hint = initial_tsn;
}

size_t sctp_outstanding_count(const sctp_outstanding *o)
{
	return o->next - o->cumulative - 1;
}

sctp_sent *sctp_outstanding_at(const sctp_outstanding *o, uint32_t tsn)
{
	return &o->ring[tsn & (o->capacity - 1)];
}

int sctp_outstanding_reserve(sctp_outstanding *o)
{
	size_t count = sctp_outstanding_count(o);
	if (count < o->capacity)
		return 0;
	if (count >= SCTP_OUTSTANDING_MAX)
		return PARLEY_ELIMIT;
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

/* --- states of a chunk: the one place where the sums change --- */

static void count(sctp_outstanding *o, const sctp_sent *s, bool enter)
{
	size_t one = enter ? 1 : SIZE_MAX; /* minus one */
	switch (s->state) {
	case SCTP_IN_FLIGHT:
		o->in_flight += one;
		o->flight += enter ? s->len : (size_t)0 - s->len;
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

static void set_state(sctp_outstanding *o, uint32_t tsn, sctp_sent_state state)
{
	sctp_sent *s = sctp_outstanding_at(o, tsn);
	count(o, s, false);
	s->state = (uint8_t)state;
	count(o, s, true);
	s->missing = 0;
	if (state == SCTP_LOST && serial32_before(tsn, o->lost_hint))
		o->lost_hint = tsn;
}

static uint32_t append(sctp_outstanding *o, sctp_sent sent)
{
	assert(sctp_outstanding_count(o) < o->capacity);
	uint32_t tsn = o->next++;
	*sctp_outstanding_at(o, tsn) = sent;
	count(o, &sent, true);
	return tsn;
}

uint32_t sctp_outstanding_add(sctp_outstanding *o, sctp_send_queue *q, sctp_message *m, size_t len, uint64_t now)
{
	sctp_sent sent = {.message = m,
			  .offset = (uint32_t)m->sent,
			  .len = (uint16_t)len,
			  .state = SCTP_IN_FLIGHT,
			  .transmissions = 1,
			  .sent_at = now};
	sent.fsn = sctp_send_queue_took(q, m, len, o->next);
	return append(o, sent);
}

void sctp_outstanding_resend(sctp_outstanding *o, uint32_t tsn, uint64_t now)
{
	set_state(o, tsn, SCTP_IN_FLIGHT);
	sctp_sent *s = sctp_outstanding_at(o, tsn);
	s->transmissions++;
	s->sent_at = now;
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
			   .begin = s->offset == 0,
			   .end = s->offset + s->len == m->len,
			   .payload = slice_of(m->bytes + s->offset, s->len)};
}

static void remove_first(sctp_outstanding *o, sctp_send_queue *q)
{
	o->cumulative++;
	sctp_sent *s = sctp_outstanding_at(o, o->cumulative);
	count(o, s, false);
	s->message->chunks--;
	sctp_message_release(q, s->message);
	if (o->lost_hint == o->cumulative)
		o->lost_hint++;
}

void sctp_outstanding_clear(sctp_outstanding *o, sctp_send_queue *q)
{
	while (sctp_outstanding_count(o))
		remove_first(o, q);
	free(o->ring);
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
	append(o, (sctp_sent){.message = m, .offset = (uint32_t)m->sent, .state = SCTP_ABANDONED});
}

void sctp_outstanding_abandon_queued(sctp_outstanding *o, sctp_send_queue *q, sctp_message *m)
{
	assert(m->sent < m->len);
	sctp_send_queue_abandon(q, m);
	if (m->sent) {
		append_stand_in(o, m);
		abandon_chunks(o, m);
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
	sctp_send_queue_abandon(q, m);
	abandon_chunks(o, m);
	return true;
}

static bool is_given_up(const sctp_sent *s, uint64_t now)
{
	const sctp_message *m = s->message;
	return (m->has_max_retransmits && s->transmissions > m->max_retransmits) || now >= m->expires;
}

static void lose(sctp_outstanding *o, sctp_send_queue *q, uint32_t tsn, uint64_t now)
{
	if (!is_given_up(sctp_outstanding_at(o, tsn), now) || !abandon(o, q, tsn))
		set_state(o, tsn, SCTP_LOST);
}

bool sctp_outstanding_next_lost(sctp_outstanding *o, sctp_send_queue *q, uint64_t now, uint32_t *tsn)
{
	for (; o->lost; o->lost_hint++) {
		if (sctp_outstanding_at(o, o->lost_hint)->state != SCTP_LOST)
			continue;
		*tsn = o->lost_hint;
		if (now < sctp_outstanding_at(o, *tsn)->message->expires || !abandon(o, q, *tsn))
			return true;
	}
	o->lost_hint = o->next;
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
	uint64_t newest_sent; /* latest sending time of what is newly acknowledged */
	uint32_t highest; /* TSN newly acknowledged, or reported missing below it: up to where chunks may be missing */
	sctp_ack_result *result;
} ack_pass;

/* A chunk is acknowledged that was not before. */
static void note_acked(ack_pass *pass, const sctp_sent *s)
{
	if (s->state == SCTP_ABANDONED)
		return;
	pass->result->bytes += s->len;
	if (s->sent_at >= pass->newest_sent) {
		pass->newest_sent = s->sent_at;
		pass->result->has_rtt = s->transmissions == 1;
		pass->result->rtt = pass->now - s->sent_at;
	}
}

static void ack_cumulative(ack_pass *pass, sctp_send_queue *q, uint32_t tsn)
{
	sctp_outstanding *o = pass->o;
	pass->result->cumulative_moved = o->cumulative != tsn;
	while (o->cumulative != tsn) {
		const sctp_sent *s = sctp_outstanding_at(o, o->cumulative + 1);
		if (s->state != SCTP_ACKED)
			note_acked(pass, s);
		remove_first(o, q);
	}
	if (serial32_before(o->advanced, tsn))
		o->advanced = tsn;
	o->crowded = o->crowded && !pass->result->cumulative_moved;
	if (serial32_before(o->lost_hint, tsn + 1))
		o->lost_hint = tsn + 1;
	pass->highest = tsn;
}

/* Chunks in a gap block are acknowledged; what was and now is in none is taken back (RFC 9260 6.2.1 iv). */
static void ack_gaps(ack_pass *pass, const sctp_sack *sack)
{
	sctp_outstanding *o = pass->o;
	size_t block = 0;
	size_t was_acked = o->acked;
	for (uint32_t tsn = o->cumulative + 1; tsn != o->next && (block < sack->gap_count || was_acked); tsn++) {
		uint32_t offset = tsn - o->cumulative;
		while (block < sack->gap_count && sctp_sack_gap(sack, block).end < offset)
			block++;
		bool in_gap = block < sack->gap_count && sctp_sack_gap(sack, block).start <= offset;
		sctp_sent *s = sctp_outstanding_at(o, tsn);
		if (s->state == SCTP_ACKED)
			was_acked--;
		if (in_gap && (s->state == SCTP_IN_FLIGHT || s->state == SCTP_LOST)) {
			note_acked(pass, s);
			set_state(o, tsn, SCTP_ACKED);
			pass->highest = tsn;
		} else if (!in_gap && s->state == SCTP_ACKED) {
			set_state(o, tsn, SCTP_IN_FLIGHT);
		}
	}
}

/* RFC 9260 7.2.4: below the highest newly acknowledged TSN; in recovery, below the highest acknowledged at all. */
static void count_missing(ack_pass *pass, sctp_send_queue *q, uint32_t below)
{
	sctp_outstanding *o = pass->o;
	for (uint32_t tsn = o->cumulative + 1; serial32_before(tsn, below) && tsn != o->next; tsn++) {
		sctp_sent *s = sctp_outstanding_at(o, tsn);
		if (s->state != SCTP_IN_FLIGHT || s->sent_at > pass->newest_sent)
			continue;
		if (++s->missing < SCTP_MISSING_REPORTS)
			continue;
		lose(o, q, tsn, pass->now);
		pass->result->lost = true;
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
			  bool in_recovery, sctp_ack_result *result)
{
	*result = (sctp_ack_result){0};
	if (acknowledges_unsent(o, sack))
		return false;
	if (serial32_before(sack->cumulative_tsn, o->cumulative))
		return true;
	ack_pass pass = {.o = o, .now = now, .result = result};
	ack_cumulative(&pass, q, sack->cumulative_tsn);
	if (!sack->gap_count && !o->acked)
		return true;
	ack_gaps(&pass, sack);
	if (in_recovery && result->cumulative_moved && sack->gap_count)
		pass.highest = o->cumulative + sctp_sack_gap(sack, sack->gap_count - 1).end;
	if (result->bytes)
		count_missing(&pass, q, pass.highest);
	return true;
}

void sctp_outstanding_timeout(sctp_outstanding *o, sctp_send_queue *q, uint64_t now)
{
	uint32_t end = o->next;
	for (uint32_t tsn = o->cumulative + 1; tsn != end; tsn++)
		if (sctp_outstanding_at(o, tsn)->state == SCTP_IN_FLIGHT)
			lose(o, q, tsn, now);
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
	}
	assert(sum.in_flight == o->in_flight && sum.lost == o->lost && sum.acked == o->acked);
	assert(sum.abandoned == o->abandoned && sum.flight == o->flight);
	assert(serial32_before_eq(o->cumulative, o->advanced) && serial32_before(o->advanced, o->next));
}
