#include "sctp/send_queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"

#define MESSAGE_OF(n) LIST_ENTRY(n, sctp_message, node)
#define STREAM_OF(t) LIST_ENTRY(t, sctp_stream_out, turn)

void sctp_send_queue_init(sctp_send_queue *q, size_t limit, sctp_schedule schedule)
{
	*q = (sctp_send_queue){.limit = limit};
	sctp_scheduler_init(&q->scheduler, schedule);
	list_init(&q->low);
	list_init(&q->failed);
}

void sctp_send_queue_clear(sctp_send_queue *q)
{
	for (list_node *n; (n = list_pop(&q->failed));)
		free(MESSAGE_OF(n));
	uint32_t id = 0;
	for (sctp_stream_out *s; (s = stream_map_next(&q->streams, &id)); id++) {
		for (list_node *n; (n = list_pop(&s->queue));)
			free(MESSAGE_OF(n));
		free(s);
	}
	stream_map_clear(&q->streams);
	sctp_scheduler_clear(&q->scheduler);
	sctp_send_queue_init(q, q->limit, q->scheduler.kind);
}

sctp_stream_out *sctp_stream_out_of(sctp_send_queue *q, uint16_t id)
{
	sctp_stream_out *s = stream_map_get(&q->streams, id);
	if (s)
		return s;
	s = calloc(1, sizeof *s);
	if (!s || stream_map_put(&q->streams, id, s)) {
		free(s);
		return NULL;
	}
	s->id = id;
	s->turn.priority = SCTP_PRIORITY_DEFAULT;
	list_init(&s->queue);
	list_init(&s->low);
	list_init(&s->wanted);
	return s;
}

void sctp_stream_out_remove(sctp_send_queue *q, sctp_stream_out *s)
{
	assert(!s->messages && list_empty(&s->queue));
	list_remove(&s->low);
	list_remove(&s->wanted);
	stream_map_put(&q->streams, s->id, NULL);
	free(s);
}

bool sctp_stream_out_midway(const sctp_stream_out *s)
{
	return !list_empty(&s->queue) && MESSAGE_OF(s->queue.next)->sent;
}

void sctp_send_queue_restart_mids(sctp_send_queue *q)
{
	uint32_t id = 0;
	for (sctp_stream_out *s; (s = stream_map_next(&q->streams, &id)); id++)
		s->next_mid[0] = s->next_mid[1] = 0;
}

static void buffer(sctp_send_queue *q, sctp_message *m)
{
	size_t counted = m->uncounted ? 0 : m->len;
	m->stream->buffered += counted;
	q->buffered += counted;
}

static void unbuffer(sctp_send_queue *q, const sctp_message *m, size_t len)
{
	sctp_stream_out *s = m->stream;
	if (m->uncounted)
		return;
	bool was_above = s->buffered > s->low_threshold;
	s->buffered -= len;
	q->buffered -= len;
	if (was_above && s->buffered <= s->low_threshold && list_empty(&s->low))
		list_append(&q->low, &s->low);
}

int sctp_send_queue_add(sctp_send_queue *q, sctp_stream_out *s, uint64_t now, uint32_t ppid, slice bytes,
			const sctp_send_options *options)
{
	size_t cost = bytes.len + SCTP_SEND_OVERHEAD;
	if (q->cost > q->limit || cost > q->limit - q->cost)
		return PARLEY_ELIMIT;
	sctp_message *m = sctp_scheduler_reserve(&q->scheduler) ? NULL : malloc(sizeof *m + bytes.len);
	if (!m)
		return PARLEY_ENOMEM;
	*m = (sctp_message){.stream = s, .stream_id = s->id, .ppid = ppid, .len = bytes.len, .expires = TIME_NEVER};
	memcpy(m->bytes, bytes.data, bytes.len);
	if (options) {
		m->unordered = options->unordered;
		m->uncounted = options->uncounted;
		m->has_max_retransmits = options->has_max_retransmits;
		m->max_retransmits = options->max_retransmits;
		if (options->has_lifetime)
			m->expires = time_after(now, options->lifetime_us);
	}
	list_append(&s->queue, &m->node);
	sctp_scheduler_enter(&q->scheduler, &s->turn);
	s->messages++;
	q->messages++;
	q->cost += cost;
	buffer(q, m);
	return 0;
}

sctp_message *sctp_send_queue_next(sctp_send_queue *q)
{
	sctp_turn *first = q->midway ? &q->midway->turn : sctp_scheduler_first(&q->scheduler);
	return first ? MESSAGE_OF(STREAM_OF(first)->queue.next) : NULL;
}

/* Nothing of it waits any more. */
static void dequeue(sctp_send_queue *q, sctp_message *m)
{
	sctp_stream_out *s = m->stream;
	q->cost -= SCTP_SEND_OVERHEAD;
	list_remove(&m->node);
	if (list_empty(&s->queue))
		sctp_scheduler_leave(&q->scheduler, &s->turn);
}

/* The stream's turn is over: with a chunk, or, where messages must not mix, with a message of which `sent` bytes went out. */
static void end_turn(sctp_send_queue *q, sctp_message *m, size_t sent)
{
	bool over = q->interleaving || m->sent == m->len;
	q->midway = over ? NULL : m->stream;
	q->midway_bytes += sent;
	if (!over)
		return;
	sctp_scheduler_sent(&q->scheduler, &m->stream->turn, q->midway_bytes);
	q->midway_bytes = 0;
}

uint32_t sctp_send_queue_took(sctp_send_queue *q, sctp_message *m, size_t len, uint32_t tsn)
{
	if (!m->sent) {
		m->mid = m->stream->next_mid[m->unordered]++;
		m->first_tsn = tsn;
	}
	m->last_tsn = tsn;
	m->sent += len;
	m->chunks++;
	assert(m->sent <= m->len);
	q->cost -= len;
	unbuffer(q, m, len);
	end_turn(q, m, len);
	if (m->sent == m->len)
		dequeue(q, m);
	return m->next_fsn++;
}

void sctp_send_queue_abandon(sctp_send_queue *q, sctp_message *m)
{
	if (m->sent < m->len) {
		unbuffer(q, m, m->len - m->sent);
		q->cost -= m->len - m->sent;
		m->len = m->sent;
		if (m->sent)
			end_turn(q, m, 0);
		dequeue(q, m);
	}
	m->abandoned = true;
	list_append(&q->failed, &m->node);
	if (!m->sent)
		sctp_message_release(q, m); /* nothing is in flight either: only the telling is left */
}

sctp_message *sctp_send_queue_poll_failed(sctp_send_queue *q)
{
	list_node *n = list_pop(&q->failed);
	return n ? MESSAGE_OF(n) : NULL;
}

void sctp_message_release(sctp_send_queue *q, sctp_message *m)
{
	if (m->chunks || m->sent < m->len)
		return;
	if (!m->finished) {
		m->finished = true;
		m->stream->messages--;
		q->messages--;
	}
	if (list_empty(&m->node))
		free(m);
}

void sctp_send_queue_make_reliable(sctp_send_queue *q)
{
	uint32_t id = 0;
	for (sctp_stream_out *s; (s = stream_map_next(&q->streams, &id)); id++) {
		LIST_FOR (n, &s->queue) {
			MESSAGE_OF(n)->has_max_retransmits = false;
			MESSAGE_OF(n)->expires = TIME_NEVER;
		}
	}
}

sctp_stream_out *sctp_send_queue_poll_low(sctp_send_queue *q)
{
	list_node *n = list_pop(&q->low);
	return n ? LIST_ENTRY(n, sctp_stream_out, low) : NULL;
}

void sctp_send_queue_check(const sctp_send_queue *q)
{
	size_t buffered = 0, messages = 0;
	uint32_t id = 0;
	for (const sctp_stream_out *s; (s = stream_map_next(&q->streams, &id)); id++) {
		size_t own = 0;
		LIST_FOR (n, &s->queue) {
			assert(MESSAGE_OF(n)->sent < MESSAGE_OF(n)->len && MESSAGE_OF(n)->stream == s);
			own += MESSAGE_OF(n)->uncounted ? 0 : MESSAGE_OF(n)->len - MESSAGE_OF(n)->sent;
		}
		assert(own == s->buffered);
		assert(list_empty(&s->queue) == !s->turn.place);
		buffered += own;
		messages += s->messages;
	}
	sctp_scheduler_check(&q->scheduler);
	assert(!q->midway || (!q->interleaving && q->midway->turn.place && q->midway_bytes));
	assert(buffered == q->buffered && messages == q->messages);
	assert(q->cost <= q->limit && (q->messages || !q->cost));
}
