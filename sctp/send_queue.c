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
	list_init(&q->resettable);
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
	free(q->by_value);
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
	return !list_empty(&s->queue) && (MESSAGE_OF(s->queue.next)->sent || !MESSAGE_OF(s->queue.next)->first);
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

/* Is the stream among those that the scheduler chooses from? */
static void refresh(sctp_send_queue *q, sctp_stream_out *s)
{
	if (!list_empty(&s->queue) && sctp_message_sendable(MESSAGE_OF(s->queue.next)))
		sctp_scheduler_enter(&q->scheduler, &s->turn);
	else
		sctp_scheduler_leave(&q->scheduler, &s->turn);
}

static sctp_message *first_worth(const sctp_send_queue *q, unsigned value)
{
	const list_node *head = &q->by_value[value];
	return list_empty(head) ? NULL : LIST_ENTRY(head->next, sctp_message, by_value);
}

static bool fits(const sctp_send_queue *q, size_t cost)
{
	return q->cost <= q->limit && cost <= q->limit - q->cost;
}

/* Is there enough that is worth less than this to be given up? */
static bool could_fit(const sctp_send_queue *q, size_t cost, unsigned value)
{
	size_t won = 0;
	for (unsigned v = 0; q->by_value && v < value; v++) {
		LIST_FOR (n, &q->by_value[v]) {
			won += LIST_ENTRY(n, sctp_message, by_value)->len + SCTP_SEND_OVERHEAD;
			if (q->cost - won <= q->limit && cost <= q->limit - (q->cost - won))
				return true;
		}
	}
	return false;
}

/* RFC 7496 3.2. False: there is no room, and nothing was given up. */
static bool make_room(sctp_send_queue *q, size_t cost, const sctp_send_options *options)
{
	unsigned value = options && options->has_value ? options->value : SCTP_VALUES;
	if (fits(q, cost))
		return true;
	if (!could_fit(q, cost, value))
		return false;
	for (unsigned v = 0; v < value; v++)
		for (sctp_message *m; !fits(q, cost) && (m = first_worth(q, v));)
			sctp_send_queue_abandon(q, m, true);
	return true;
}

static int note_value(sctp_send_queue *q, sctp_message *m, const sctp_send_options *options)
{
	if (!options->has_value)
		return 0;
	if (!q->by_value) {
		q->by_value = malloc(SCTP_VALUES * sizeof *q->by_value);
		for (size_t i = 0; q->by_value && i < SCTP_VALUES; i++)
			list_init(&q->by_value[i]);
	}
	if (!q->by_value)
		return PARLEY_ENOMEM;
	m->has_value = true;
	m->value = options->value;
	list_append(&q->by_value[m->value], &m->by_value);
	return 0;
}

static int new_message(sctp_send_queue *q, sctp_stream_out *s, uint32_t ppid, slice bytes, sctp_message **out)
{
	sctp_message *m = *out = sctp_scheduler_reserve(&q->scheduler) ? NULL : malloc(sizeof *m + bytes.len);
	if (!m)
		return PARLEY_ENOMEM;
	*m = (sctp_message){.stream = s,
			    .stream_id = s->id,
			    .ppid = ppid,
			    .first = true,
			    .last = true,
			    .len = bytes.len,
			    .expires = TIME_NEVER};
	list_init(&m->by_value);
	memcpy(m->bytes, bytes.data, bytes.len);
	return 0;
}

static void enqueue(sctp_send_queue *q, sctp_message *m)
{
	sctp_stream_out *s = m->stream;
	list_append(&s->queue, &m->node);
	s->messages++;
	q->messages++;
	q->cost += m->len + SCTP_SEND_OVERHEAD;
	buffer(q, m);
	refresh(q, s);
}

int sctp_send_queue_add(sctp_send_queue *q, sctp_stream_out *s, uint64_t now, uint32_t ppid, slice bytes,
			const sctp_send_options *options)
{
	sctp_message *m;
	if (!make_room(q, bytes.len + SCTP_SEND_OVERHEAD, options))
		return PARLEY_ELIMIT;
	int err = new_message(q, s, ppid, bytes, &m);
	if (!err && options)
		err = note_value(q, m, options);
	if (err) {
		free(m);
		return err;
	}
	if (options) {
		m->unordered = options->unordered;
		m->uncounted = options->uncounted;
		m->has_max_retransmits = options->has_max_retransmits;
		m->max_retransmits = options->max_retransmits;
		if (options->has_lifetime)
			m->expires = time_after(now, options->lifetime_us);
	}
	enqueue(q, m);
	return 0;
}

void sctp_send_queue_close(sctp_send_queue *q, sctp_stream_out *s)
{
	q->open -= s->open;
	s->open = false;
}

/* The byte that is held back of the last part is there to carry the end. */
static void end_open(sctp_send_queue *q, sctp_stream_out *s)
{
	MESSAGE_OF(s->queue.prev)->last = true;
	sctp_send_queue_close(q, s);
	refresh(q, s);
}

int sctp_send_queue_add_part(sctp_send_queue *q, sctp_stream_out *s, uint32_t ppid, slice bytes, bool last,
			     const sctp_send_options *options)
{
	if (!bytes.len) {
		if (last)
			end_open(q, s);
		return 0;
	}
	sctp_message *m;
	if (!make_room(q, bytes.len + SCTP_SEND_OVERHEAD, NULL))
		return PARLEY_ELIMIT;
	int err = new_message(q, s, ppid, bytes, &m);
	if (err)
		return err;
	m->first = !s->open;
	m->last = last;
	m->unordered = m->first ? options && options->unordered : MESSAGE_OF(s->queue.prev)->unordered;
	m->ppid = m->first ? ppid : MESSAGE_OF(s->queue.prev)->ppid;
	s->open_len = (m->first ? 0 : s->open_len) + bytes.len;
	sctp_send_queue_close(q, s);
	s->open = !last;
	q->open += s->open;
	enqueue(q, m);
	return 0;
}

size_t sctp_message_sendable(const sctp_message *m)
{
	bool end = m->node.next == &m->stream->queue;
	return m->len - m->sent - (end && !m->last);
}

sctp_message *sctp_send_queue_next(sctp_send_queue *q)
{
	sctp_turn *first = q->midway ? &q->midway->turn : sctp_scheduler_first(&q->scheduler);
	return first && first->place ? MESSAGE_OF(STREAM_OF(first)->queue.next) : NULL;
}

/* Nothing of it waits any more. */
static void dequeue(sctp_send_queue *q, sctp_message *m)
{
	q->cost -= SCTP_SEND_OVERHEAD;
	list_remove(&m->node);
}

/* The stream's turn is over: with a chunk, or, where messages must not mix, with a message of which `sent` bytes went out. */
static void end_turn(sctp_send_queue *q, sctp_message *m, size_t sent)
{
	bool over = q->interleaving || (m->sent == m->len && m->last);
	q->midway = over ? NULL : m->stream;
	q->midway_bytes += sent;
	if (!over)
		return;
	sctp_scheduler_sent(&q->scheduler, &m->stream->turn, q->midway_bytes);
	q->midway_bytes = 0;
}

uint32_t sctp_send_queue_took(sctp_send_queue *q, sctp_message *m, size_t len, uint32_t tsn)
{
	sctp_stream_out *s = m->stream;
	if (!m->sent && m->first) {
		s->mid = s->next_mid[m->unordered]++;
		s->next_fsn = 0;
	}
	if (!m->sent) {
		m->mid = s->mid;
		m->first_tsn = tsn;
	}
	m->last_tsn = tsn;
	list_remove(&m->by_value);
	m->sent += len;
	m->chunks++;
	assert(m->sent <= m->len);
	q->cost -= len;
	unbuffer(q, m, len);
	end_turn(q, m, len);
	if (m->sent == m->len)
		dequeue(q, m);
	refresh(q, s);
	return s->next_fsn++;
}

void sctp_send_queue_abandon(sctp_send_queue *q, sctp_message *m, bool tell)
{
	if (m->sent < m->len) {
		unbuffer(q, m, m->len - m->sent);
		q->cost -= m->len - m->sent;
		m->len = m->sent;
		m->last = true;
		if (q->midway == m->stream && (m->sent || !m->first))
			end_turn(q, m, 0);
		list_remove(&m->by_value);
		dequeue(q, m);
		refresh(q, m->stream);
	}
	m->abandoned = true;
	if (tell)
		list_append(&q->failed, &m->node);
	sctp_message_release(q, m); /* unless something is in flight only the telling is left */
}

sctp_message *sctp_send_queue_poll_failed(sctp_send_queue *q)
{
	list_node *n = list_pop(&q->failed);
	return n ? MESSAGE_OF(n) : NULL;
}

/* One less. The last one lets the stream be reset. */
static void end_message(sctp_send_queue *q, sctp_stream_out *s)
{
	if (--s->messages || s->reset != SCTP_RESET_WANTED)
		return;
	list_remove(&s->wanted);
	list_append(&q->resettable, &s->wanted);
}

void sctp_message_release(sctp_send_queue *q, sctp_message *m)
{
	if (m->chunks || m->sent < m->len)
		return;
	if (!m->finished) {
		m->finished = true;
		q->messages--;
		end_message(q, m->stream);
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
	size_t buffered = 0, messages = 0, open = 0;
	uint32_t id = 0;
	for (const sctp_stream_out *s; (s = stream_map_next(&q->streams, &id)); id++) {
		size_t own = 0;
		LIST_FOR (n, &s->queue) {
			assert(MESSAGE_OF(n)->sent < MESSAGE_OF(n)->len && MESSAGE_OF(n)->stream == s);
			assert(list_empty(&MESSAGE_OF(n)->by_value) ==
			       (!MESSAGE_OF(n)->has_value || MESSAGE_OF(n)->sent));
			assert(MESSAGE_OF(n)->last || n->next != &s->queue || s->open);
			own += MESSAGE_OF(n)->uncounted ? 0 : MESSAGE_OF(n)->len - MESSAGE_OF(n)->sent;
		}
		assert(own == s->buffered);
		bool ready = !list_empty(&s->queue) && sctp_message_sendable(MESSAGE_OF(s->queue.next));
		assert(ready == (s->turn.place > 0));
		assert(!s->open || !list_empty(&s->queue));
		open += s->open;
		buffered += own;
		messages += s->messages;
	}
	sctp_scheduler_check(&q->scheduler);
	assert(!q->midway || (!q->interleaving && !list_empty(&q->midway->queue) && q->midway_bytes));
	assert(buffered == q->buffered && messages == q->messages && open == q->open);
	assert(q->cost <= q->limit && (q->messages || !q->cost));
}
