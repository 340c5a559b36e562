#include "sctp/reassembly.h"

#include <assert.h>
#include <stdlib.h>

#include "base/serial.h"

#define RUN_OF(n) LIST_ENTRY(n, sctp_run, node)

void sctp_reassembly_init(sctp_reassembly *r, size_t max_message)
{
	*r = (sctp_reassembly){.max_message = max_message};
	list_init(&r->runs);
}

static void run_free(sctp_run *run)
{
	buf_clear(&run->data);
	free(run);
}

void sctp_reassembly_release(sctp_reassembly *r, sctp_run *run)
{
	assert(r->bytes >= run->cost);
	r->bytes -= run->cost;
	run_free(run);
}

static void drop_all(sctp_reassembly *r, list_node *runs)
{
	for (list_node *n; (n = list_pop(runs));)
		sctp_reassembly_release(r, RUN_OF(n));
}

void sctp_reassembly_clear(sctp_reassembly *r)
{
	uint32_t id = 0;
	for (sctp_stream_in *s; (s = stream_map_next(&r->streams, &id)); id++) {
		drop_all(r, &s->waiting);
		free(s);
	}
	drop_all(r, &r->runs);
	stream_map_clear(&r->streams);
}

static sctp_stream_in *stream_of(sctp_reassembly *r, uint16_t id)
{
	sctp_stream_in *s = stream_map_get(&r->streams, id);
	if (s)
		return s;
	s = calloc(1, sizeof *s);
	if (!s || stream_map_put(&r->streams, id, s)) {
		free(s);
		return NULL;
	}
	s->id = id;
	list_init(&s->waiting);
	return s;
}

/* --- order --- */

static void deliver_in_order(sctp_stream_in *s, list_node *deliver)
{
	while (!list_empty(&s->waiting) && RUN_OF(s->waiting.next)->ssn == s->next_ssn) {
		list_append(deliver, list_pop(&s->waiting));
		s->next_ssn++;
	}
}

/* A complete ordered run finds its place; one whose SSN passed or is there already is a liar's, and dropped. */
static void order(sctp_reassembly *r, sctp_stream_in *s, sctp_run *run, list_node *deliver)
{
	list_node *at = s->waiting.prev;
	while (at != &s->waiting && serial16_before(run->ssn, RUN_OF(at)->ssn))
		at = at->prev;
	bool stale = serial16_before(run->ssn, s->next_ssn) || (at != &s->waiting && RUN_OF(at)->ssn == run->ssn);
	if (stale) {
		sctp_reassembly_release(r, run);
		return;
	}
	list_insert_before(at->next, &run->node);
	deliver_in_order(s, deliver);
}

static void complete(sctp_reassembly *r, sctp_run *run, list_node *deliver)
{
	list_remove(&run->node);
	run->event.data = buf_slice(&run->data);
	if (run->event.unordered)
		list_append(deliver, &run->node);
	else
		order(r, stream_map_get(&r->streams, run->event.stream), run, deliver);
}

/* --- runs --- */

/* An empty run for a message, with room for its first bytes. */
static sctp_run *run_new(const sctp_reassembly *r, const sctp_data *data, size_t room)
{
	sctp_run *run = calloc(1, sizeof *run);
	if (!run)
		return NULL;
	list_init(&run->node);
	run->data.limit = r->max_message;
	run->data.data = malloc(room);
	if (!run->data.data) {
		free(run);
		return NULL;
	}
	run->data.capacity = room;
	run->event = (sctp_event){
		.type = SCTP_EVENT_MESSAGE, .stream = data->stream, .ppid = data->ppid, .unordered = data->unordered};
	run->first_tsn = data->tsn;
	run->ssn = data->ssn;
	run->begin = data->begin;
	run->cost = SCTP_RX_OVERHEAD;
	return run;
}

/* The last run that begins before the TSN; the list head if none. Chunks mostly come in order: look from the end. */
static list_node *run_before(sctp_reassembly *r, uint32_t tsn)
{
	list_node *n = r->runs.prev;
	while (n != &r->runs && serial32_before(tsn, RUN_OF(n)->first_tsn))
		n = n->prev;
	return n;
}

static bool same_message(const sctp_run *run, const sctp_data *data)
{
	return run->event.stream == data->stream && run->event.unordered == data->unordered &&
	       (data->unordered || run->ssn == data->ssn);
}

/* The run at n, if it ends just before the chunk and the chunk continues its message. */
static sctp_run *continued_run(const sctp_reassembly *r, list_node *n, const sctp_data *data)
{
	if (n == &r->runs || data->begin)
		return NULL;
	sctp_run *run = RUN_OF(n);
	return !run->end && run->last_tsn + 1 == data->tsn && same_message(run, data) ? run : NULL;
}

/* The run at n, if it begins just behind the chunk and continues the chunk's message. */
static sctp_run *continuing_run(const sctp_reassembly *r, list_node *n, const sctp_data *data)
{
	if (n == &r->runs || data->end)
		return NULL;
	sctp_run *run = RUN_OF(n);
	return !run->begin && run->first_tsn == data->tsn + 1 && same_message(run, data) ? run : NULL;
}

/* Into room that was reserved. */
static void append(sctp_reassembly *r, sctp_run *run, slice bytes, uint32_t last_tsn, bool end)
{
	int err = buf_append(&run->data, bytes);
	assert(!err);
	(void)err;
	run->last_tsn = last_tsn;
	run->end = end;
	run->cost += bytes.len;
	r->bytes += bytes.len;
}

int sctp_reassembly_add(sctp_reassembly *r, const sctp_data *data, list_node *deliver)
{
	list_node *at = run_before(r, data->tsn);
	sctp_run *run = continued_run(r, at, data), *next = continuing_run(r, at->next, data);
	size_t room = data->payload.len + (next ? next->data.len : 0);
	if ((run ? run->data.len : 0) + room > r->max_message)
		return PARLEY_EMSGSIZE;
	if (!data->unordered && !stream_of(r, data->stream))
		return PARLEY_ENOMEM;
	if (run) {
		if (buf_reserve(&run->data, room))
			return PARLEY_ENOMEM;
	} else {
		run = run_new(r, data, room);
		if (!run)
			return PARLEY_ENOMEM;
		r->bytes += run->cost;
		list_insert_before(at->next, &run->node);
	}
	append(r, run, data->payload, data->tsn, data->end);
	if (next) {
		append(r, run, buf_slice(&next->data), next->last_tsn, next->end);
		list_remove(&next->node);
		sctp_reassembly_release(r, next);
	}
	if (run->begin && run->end)
		complete(r, run, deliver);
	return 0;
}

/* --- partial reliability and reset --- */

void sctp_reassembly_forward(sctp_reassembly *r, uint32_t cumulative_tsn)
{
	LIST_FOR_SAFE (n, after, &r->runs) {
		if (serial32_before(cumulative_tsn, RUN_OF(n)->first_tsn))
			break;
		list_remove(n);
		sctp_reassembly_release(r, RUN_OF(n));
	}
}

void sctp_reassembly_skip(sctp_reassembly *r, sctp_skipped skipped, list_node *deliver)
{
	sctp_stream_in *s = stream_of(r, skipped.stream);
	if (!s || serial16_before(skipped.ssn, s->next_ssn))
		return;
	while (!list_empty(&s->waiting) && serial16_before_eq(RUN_OF(s->waiting.next)->ssn, skipped.ssn))
		list_append(deliver, list_pop(&s->waiting));
	s->next_ssn = (uint16_t)(skipped.ssn + 1);
	deliver_in_order(s, deliver);
}

static void reset(sctp_stream_in *s, list_node *deliver)
{
	for (list_node *n; (n = list_pop(&s->waiting));)
		list_append(deliver, n);
	s->next_ssn = 0;
}

void sctp_reassembly_reset(sctp_reassembly *r, uint16_t stream, list_node *deliver)
{
	sctp_stream_in *s = stream_map_get(&r->streams, stream);
	if (s)
		reset(s, deliver);
}

void sctp_reassembly_reset_all(sctp_reassembly *r, list_node *deliver)
{
	uint32_t id = 0;
	for (sctp_stream_in *s; (s = stream_map_next(&r->streams, &id)); id++)
		reset(s, deliver);
}

void sctp_reassembly_check(const sctp_reassembly *r, size_t delivered_cost)
{
	size_t bytes = delivered_cost;
	LIST_FOR (n, &r->runs) {
		const sctp_run *run = RUN_OF(n);
		assert(run->cost == run->data.len + SCTP_RX_OVERHEAD && !(run->begin && run->end));
		assert(n->next == &r->runs || serial32_before(run->last_tsn, RUN_OF(n->next)->first_tsn));
		bytes += run->cost;
	}
	uint32_t id = 0;
	for (const sctp_stream_in *s; (s = stream_map_next(&r->streams, &id)); id++)
		LIST_FOR (n, &s->waiting)
			bytes += RUN_OF(n)->cost;
	assert(bytes == r->bytes);
}
