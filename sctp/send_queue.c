#include "sctp/send_queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"

#define MESSAGE_OF(n) LIST_ENTRY(n, sctp_message, node)

void sctp_send_queue_init(sctp_send_queue *q, size_t limit)
{
	*q = (sctp_send_queue){.limit = limit};
	list_init(&q->active);
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
	sctp_send_queue_init(q, q->limit);
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
	list_init(&s->queue);
	list_init(&s->active);
	list_init(&s->low);
	return s;
}

int sctp_send_queue_add(sctp_send_queue *q, sctp_stream_out *s, uint64_t now, uint32_t ppid, slice bytes,
			const sctp_send_options *options)
{
	size_t cost = bytes.len + SCTP_SEND_OVERHEAD;
	if (q->cost > q->limit || cost > q->limit - q->cost)
		return PARLEY_ELIMIT;
	sctp_message *m = malloc(sizeof *m + bytes.len);
	if (!m)
		return PARLEY_ENOMEM;
	*m = (sctp_message){.stream = s, .ppid = ppid, .len = bytes.len, .expires = TIME_NEVER};
	memcpy(m->bytes, bytes.data, bytes.len);
	if (options) {
		m->unordered = options->unordered;
		m->has_max_retransmits = options->has_max_retransmits;
		m->max_retransmits = options->max_retransmits;
		if (options->has_lifetime)
			m->expires = time_after(now, options->lifetime_us);
	}
	if (list_empty(&s->queue))
		list_append(&q->active, &s->active);
	list_append(&s->queue, &m->node);
	s->messages++;
	s->buffered += m->len;
	q->messages++;
	q->buffered += m->len;
	q->cost += cost;
	return 0;
}

sctp_message *sctp_send_queue_next(sctp_send_queue *q)
{
	if (list_empty(&q->active))
		return NULL;
	return MESSAGE_OF(LIST_ENTRY(q->active.next, sctp_stream_out, active)->queue.next);
}

static void unbuffer(sctp_send_queue *q, sctp_stream_out *s, size_t len)
{
	bool was_above = s->buffered > s->low_threshold;
	s->buffered -= len;
	q->buffered -= len;
	if (was_above && s->buffered <= s->low_threshold && list_empty(&s->low))
		list_append(&q->low, &s->low);
}

/* The stream's turn is over with a message: to the end of the round if it has another. */
static void dequeue(sctp_send_queue *q, sctp_message *m)
{
	sctp_stream_out *s = m->stream;
	list_remove(&m->node);
	list_remove(&s->active);
	if (!list_empty(&s->queue))
		list_append(&q->active, &s->active);
}

void sctp_send_queue_took(sctp_send_queue *q, sctp_message *m, size_t len)
{
	if (!m->sent && !m->unordered)
		m->ssn = m->stream->next_ssn++;
	m->sent += len;
	m->chunks++;
	assert(m->sent <= m->len);
	unbuffer(q, m->stream, len);
	if (m->sent == m->len)
		dequeue(q, m);
}

void sctp_send_queue_abandon(sctp_send_queue *q, sctp_message *m)
{
	if (m->sent < m->len) {
		dequeue(q, m);
		unbuffer(q, m->stream, m->len - m->sent);
		q->cost -= m->len - m->sent;
		m->len = m->sent;
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
		q->cost -= m->len + SCTP_SEND_OVERHEAD;
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
			own += MESSAGE_OF(n)->len - MESSAGE_OF(n)->sent;
		}
		assert(own == s->buffered);
		assert(list_empty(&s->queue) == list_empty(&s->active));
		buffered += own;
		messages += s->messages;
	}
	assert(buffered == q->buffered && messages == q->messages);
	assert(q->cost <= q->limit && (q->messages || !q->cost));
}
