#include "sctp/reassembly.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/serial.h"

#define RUN_OF(n) LIST_ENTRY(n, sctp_run, node)

/* --- runs: memory and accounts --- */

sctp_run *sctp_run_new(size_t room)
{
	sctp_run *run = malloc(sizeof *run + room);
	if (!run)
		return NULL;
	*run = (sctp_run){.data = run->inside, .capacity = room};
	list_init(&run->node);
	list_init(&run->incomplete);
	list_init(&run->due);
	return run;
}

static void run_free(sctp_run *run)
{
	if (run->data != run->inside)
		free(run->data);
	free(run);
}

static int run_reserve(sctp_reassembly *r, sctp_run *run, size_t len)
{
	if (len <= run->capacity)
		return 0;
	size_t most = run->in_parts ? SIZE_MAX : r->max_message;
	size_t capacity = 2 * run->capacity < most ? 2 * run->capacity : most;
	if (capacity < len)
		capacity = len;
	bool inside = run->data == run->inside;
	uint8_t *data = inside ? malloc(capacity) : realloc(run->data, capacity);
	if (!data)
		return PARLEY_ENOMEM;
	if (inside && run->len)
		memcpy(data, run->data, run->len);
	r->spare += capacity - run->capacity;
	run->data = data;
	run->capacity = capacity;
	return 0;
}

static void note_overhead(sctp_reassembly *r, sctp_run *run)
{
	run->cost = SCTP_RX_OVERHEAD;
	r->bytes += run->cost;
	r->runs++;
}

/* Into room that was reserved. */
static void append(sctp_reassembly *r, sctp_run *run, slice bytes)
{
	assert(bytes.len <= run->capacity - run->len);
	memcpy(run->data + run->len, bytes.data, bytes.len);
	run->len += bytes.len;
	run->cost += bytes.len;
	r->bytes += bytes.len;
	r->spare -= bytes.len;
}

void sctp_reassembly_release(sctp_reassembly *r, sctp_run *run)
{
	assert(r->bytes >= run->cost && list_empty(&run->node) && list_empty(&run->incomplete));
	r->bytes -= run->cost;
	r->runs -= run->cost > 0;
	run_free(run);
}

/* Out of its lane; what was allocated too much is not ours to count any more. */
static void take_out(sctp_reassembly *r, sctp_lane *lane, sctp_run *run)
{
	if (lane->gap == run)
		lane->gap = NULL;
	r->spare -= run->capacity - run->len;
	list_remove(&run->due);
	list_remove(&run->incomplete);
	list_remove(&run->node);
}

static void drop(sctp_reassembly *r, sctp_lane *lane, sctp_run *run)
{
	take_out(r, lane, run);
	sctp_reassembly_release(r, run);
}

/* --- streams --- */

void sctp_reassembly_init(sctp_reassembly *r, size_t max_message, bool any_length)
{
	*r = (sctp_reassembly){.max_message = max_message, .any_length = any_length};
	list_init(&r->due);
	list_init(&r->incomplete);
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
	list_init(&s->lanes[0].runs);
	list_init(&s->lanes[1].runs);
	return s;
}

static void drop_runs(sctp_reassembly *r, sctp_lane *lane)
{
	LIST_FOR_SAFE (n, after, &lane->runs)
		drop(r, lane, RUN_OF(n));
}

void sctp_reassembly_clear(sctp_reassembly *r)
{
	uint32_t id = 0;
	for (sctp_stream_in *s; (s = stream_map_next(&r->streams, &id)); id++) {
		drop_runs(r, &s->lanes[0]);
		drop_runs(r, &s->lanes[1]);
		free(s);
	}
	stream_map_clear(&r->streams);
}

/* --- order --- */

static bool is_whole(const sctp_run *run)
{
	return run->begin && run->end;
}

static bool has_its_turn(const sctp_lane *lane, const sctp_run *run)
{
	return run->begin && (run->event.unordered || run->mid == lane->next_mid);
}

/* A run that is not whole and will be given out in parts, or one that was in part, stands where it is asked for its rest. */
static void look_if_due(sctp_reassembly *r, const sctp_lane *lane, sctp_run *run)
{
	if ((run->in_parts || lane->in_parts) && run->len && has_its_turn(lane, run) && list_empty(&run->due))
		list_append(&r->due, &run->due);
}

static void hand_over(sctp_reassembly *r, sctp_lane *lane, sctp_run *run, list_node *deliver)
{
	take_out(r, lane, run);
	run->event.data = slice_of(run->data, run->len);
	if (run->given) {
		run->event.type = SCTP_EVENT_MESSAGE_PART;
		run->event.last = true;
	}
	list_append(deliver, &run->node);
}

/* The rest of it will never come. */
static void abandon(sctp_reassembly *r, sctp_lane *lane, sctp_run *run, list_node *deliver)
{
	if (!run->given) {
		drop(r, lane, run);
		return;
	}
	run->event.aborted = true;
	hand_over(r, lane, run, deliver);
	run->event.data = (slice){0};
}

/*
 * How far ahead of the lane's next message a MID is. Serial numbers (RFC 1982) have no order all round, the distances from one of
 * them do; in the upper half they are behind it. Unordered messages have no next one, and any order that stays will do.
 */
static uint32_t distance(const sctp_lane *lane, uint32_t mid)
{
	return mid - lane->next_mid;
}

static bool is_behind(const sctp_lane *lane, uint32_t mid)
{
	return distance(lane, mid) > INT32_MAX;
}

/* What is left of messages that had their turn is a liar's: fragments behind the last one. */
static void drop_passed(sctp_reassembly *r, sctp_lane *lane)
{
	while (!list_empty(&lane->runs) && is_behind(lane, RUN_OF(lane->runs.next)->mid))
		drop(r, lane, RUN_OF(lane->runs.next));
}

static void deliver_in_order(sctp_reassembly *r, sctp_lane *lane, list_node *deliver)
{
	while (!list_empty(&lane->runs)) {
		sctp_run *run = RUN_OF(lane->runs.next);
		look_if_due(r, lane, run);
		if (run->mid != lane->next_mid || !is_whole(run))
			return;
		hand_over(r, lane, run, deliver);
		lane->next_mid++;
		drop_passed(r, lane);
	}
}

static void complete(sctp_reassembly *r, sctp_lane *lane, sctp_run *run, list_node *deliver)
{
	if (run->first != run->last && !run->given)
		lane->typical = run->len;
	list_remove(&run->incomplete);
	if (run->event.unordered)
		hand_over(r, lane, run, deliver);
	else
		deliver_in_order(r, lane, deliver);
}

/* --- where a chunk belongs --- */

typedef struct {
	uint32_t mid, fragment;
} position;

static bool position_before(const sctp_lane *lane, position p, const sctp_run *run)
{
	if (p.mid != run->mid)
		return distance(lane, p.mid) < distance(lane, run->mid);
	return serial32_before(p.fragment, run->first);
}

/* An SSN among those that may come, counted on behind 65535 (RFC 9260 1.6: 16-bit serial arithmetic). */
static uint32_t extend_ssn(const sctp_lane *lane, uint32_t ssn)
{
	uint16_t ahead = (uint16_t)(ssn - lane->next_mid);
	return ahead < 0x8000 ? lane->next_mid + ahead : lane->next_mid - (0x10000u - ahead);
}

static position position_of(const sctp_lane *lane, const sctp_data *data)
{
	if (data->interleaved)
		return (position){data->mid, data->fsn};
	return (position){data->unordered ? 0 : extend_ssn(lane, data->mid), data->tsn};
}

/* The last run that begins at p or before; the list head if none. Chunks mostly come in order, and gaps fill in order too. */
static list_node *run_before(const sctp_lane *lane, position p)
{
	const list_node *head = &lane->runs;
	list_node *n = head->prev;
	if (n == head || !position_before(lane, p, RUN_OF(n)))
		return n;
	if (lane->gap)
		n = &lane->gap->node;
	while (n != head && position_before(lane, p, RUN_OF(n)))
		n = n->prev;
	while (n->next != head && !position_before(lane, p, RUN_OF(n->next)))
		n = n->next;
	return n;
}

/* The run at n, if it ends just before the chunk and the chunk continues its message. */
static sctp_run *continued_run(const sctp_lane *lane, list_node *n, position p, const sctp_data *data)
{
	if (n == &lane->runs || data->begin)
		return NULL;
	sctp_run *run = RUN_OF(n);
	return !run->end && run->mid == p.mid && run->last + 1 == p.fragment ? run : NULL;
}

/* The run at n, if it begins just behind the chunk and continues the chunk's message. */
static sctp_run *continuing_run(const sctp_lane *lane, list_node *n, position p, const sctp_data *data)
{
	if (n == &lane->runs || data->end)
		return NULL;
	sctp_run *run = RUN_OF(n);
	return !run->begin && run->mid == p.mid && run->first == p.fragment + 1 ? run : NULL;
}

/* Of a message that had its turn; or a fragment that came under another TSN; or, with I-DATA, one that cannot be the first. */
static bool is_lie(const sctp_lane *lane, list_node *before, position p, const sctp_data *data)
{
	if (!data->unordered && is_behind(lane, p.mid))
		return true;
	if (data->interleaved && !data->begin && !p.fragment)
		return true;
	const sctp_run *run = RUN_OF(before);
	return before != &lane->runs && run->mid == p.mid && serial32_before_eq(p.fragment, run->last);
}

/* --- adding --- */

/* Room for a run that begins with this chunk: if more will follow, for as much as the last message had, but that only once. */
static size_t room_for(const sctp_reassembly *r, const sctp_lane *lane, const sctp_data *data, size_t len)
{
	bool guess = data->begin && !data->end && lane->typical > len && r->spare + lane->typical <= r->max_message;
	return guess ? lane->typical : len;
}

static sctp_run *insert_run(sctp_reassembly *r, sctp_lane *lane, list_node *before, position p, const sctp_data *data,
			    size_t len)
{
	sctp_run *run = sctp_run_new(room_for(r, lane, data, len));
	if (!run)
		return NULL;
	run->event = (sctp_event){
		.type = SCTP_EVENT_MESSAGE, .stream = data->stream, .ppid = data->ppid, .unordered = data->unordered};
	run->mid = p.mid;
	run->first = run->last = p.fragment;
	run->begin = data->begin;
	run->in_parts = lane->in_parts;
	note_overhead(r, run);
	r->spare += run->capacity;
	if (before->next != &lane->runs)
		lane->gap = run;
	list_insert_before(before->next, &run->node);
	list_append(&r->incomplete, &run->incomplete);
	return run;
}

static void join(sctp_reassembly *r, sctp_lane *lane, sctp_run *run, sctp_run *next)
{
	append(r, run, slice_of(next->data, next->len));
	run->last = next->last;
	run->end = next->end;
	run->in_parts |= next->in_parts;
	if (lane->gap == next)
		lane->gap = run;
	drop(r, lane, next);
}

static int add_to_lane(sctp_reassembly *r, sctp_lane *lane, const sctp_data *data, list_node *deliver)
{
	position p = position_of(lane, data);
	list_node *before = run_before(lane, p);
	if (is_lie(lane, before, p, data))
		return 0;
	sctp_run *run = continued_run(lane, before, p, data), *next = continuing_run(lane, before->next, p, data);
	size_t len = data->payload.len + (next ? next->len : 0);
	bool too_long = (run ? run->len : 0) + len > r->max_message;
	if (too_long && !r->any_length && !lane->in_parts)
		return PARLEY_EMSGSIZE;
	if (run && run_reserve(r, run, run->len + len))
		return PARLEY_ENOMEM;
	if (!run)
		run = insert_run(r, lane, before, p, data, len);
	if (!run)
		return PARLEY_ENOMEM;
	append(r, run, data->payload);
	run->last = p.fragment;
	run->end = data->end;
	run->in_parts |= too_long;
	if (next)
		join(r, lane, run, next);
	if (is_whole(run))
		complete(r, lane, run, deliver);
	else
		look_if_due(r, lane, run);
	return 0;
}

int sctp_reassembly_add(sctp_reassembly *r, const sctp_data *data, list_node *deliver)
{
	sctp_stream_in *s = stream_of(r, data->stream);
	return s ? add_to_lane(r, &s->lanes[data->unordered], data, deliver) : PARLEY_ENOMEM;
}

/* --- partial reliability and reset --- */

static sctp_lane *lane_of(const sctp_reassembly *r, const sctp_run *run)
{
	sctp_stream_in *s = stream_map_get(&r->streams, run->event.stream);
	return &s->lanes[run->event.unordered];
}

void sctp_reassembly_forward(sctp_reassembly *r, uint32_t cumulative_tsn, list_node *deliver)
{
	for (list_node *n = r->incomplete.next, *after; n != &r->incomplete; n = after) {
		sctp_run *run = LIST_ENTRY(n, sctp_run, incomplete);
		after = n->next;
		if (serial32_before_eq(run->first, cumulative_tsn))
			abandon(r, lane_of(r, run), run, deliver);
	}
}

static void skip_to(sctp_reassembly *r, sctp_lane *lane, uint32_t mid, list_node *deliver)
{
	LIST_FOR_SAFE (n, after, &lane->runs) {
		sctp_run *run = RUN_OF(n);
		if (!serial32_before_eq(run->mid, mid))
			continue;
		if (is_whole(run))
			hand_over(r, lane, run, deliver);
		else
			abandon(r, lane, run, deliver);
	}
}

int sctp_reassembly_skip(sctp_reassembly *r, const sctp_skipped *skipped, list_node *deliver)
{
	sctp_stream_in *s = stream_of(r, skipped->stream);
	if (!s)
		return PARLEY_ENOMEM;
	sctp_lane *lane = &s->lanes[skipped->unordered];
	uint32_t mid = r->interleaved ? skipped->mid : extend_ssn(lane, skipped->mid);
	if (skipped->unordered) {
		skip_to(r, lane, mid, deliver);
	} else if (!is_behind(lane, mid)) {
		skip_to(r, lane, mid, deliver);
		lane->next_mid = mid + 1;
		drop_passed(r, lane);
		deliver_in_order(r, lane, deliver);
	}
	return 0;
}

static void reset_lane(sctp_reassembly *r, sctp_lane *lane, list_node *deliver)
{
	LIST_FOR_SAFE (n, after, &lane->runs) {
		if (is_whole(RUN_OF(n)))
			hand_over(r, lane, RUN_OF(n), deliver);
		else
			abandon(r, lane, RUN_OF(n), deliver);
	}
}

void sctp_reassembly_reset(sctp_reassembly *r, uint16_t stream, list_node *deliver)
{
	sctp_stream_in *s = stream_map_get(&r->streams, stream);
	if (!s)
		return;
	reset_lane(r, &s->lanes[0], deliver);
	reset_lane(r, &s->lanes[1], deliver);
	stream_map_put(&r->streams, stream, NULL);
	free(s);
}

void sctp_reassembly_reset_all(sctp_reassembly *r, list_node *deliver)
{
	uint32_t id = 0;
	for (; stream_map_next(&r->streams, &id); id++)
		sctp_reassembly_reset(r, (uint16_t)id, deliver);
}

/* --- messages in parts --- */

int sctp_reassembly_set_parts(sctp_reassembly *r, uint16_t stream, bool on)
{
	sctp_stream_in *s = stream_of(r, stream);
	if (!s)
		return PARLEY_ENOMEM;
	for (size_t i = 0; i < 2; i++) {
		s->lanes[i].in_parts = on;
		LIST_FOR (n, &s->lanes[i].runs)
			look_if_due(r, &s->lanes[i], RUN_OF(n));
	}
	return 0;
}

/* An empty run in the place of one that is given out: the same message goes on in it. */
static sctp_run *continue_run(sctp_reassembly *r, const sctp_run *run)
{
	sctp_run *rest = sctp_run_new(0);
	if (!rest)
		return NULL;
	rest->event = run->event;
	rest->event.first = false;
	rest->mid = run->mid;
	rest->first = run->first;
	rest->last = run->last;
	rest->begin = rest->in_parts = rest->given = true;
	note_overhead(r, rest);
	return rest;
}

static void give(sctp_reassembly *r, sctp_lane *lane, sctp_run *run, list_node *deliver)
{
	if (!run->given) {
		run->event.first = true;
		run->event.message = r->next_message++;
	}
	run->event.type = SCTP_EVENT_MESSAGE_PART;
	sctp_run *rest = continue_run(r, run);
	if (!rest) {
		list_append(&r->due, &run->due); /* another time */
		return;
	}
	list_insert_before(&run->node, &rest->node);
	list_append(&r->incomplete, &rest->incomplete);
	if (lane->gap == run)
		lane->gap = rest;
	take_out(r, lane, run);
	run->event.data = slice_of(run->data, run->len);
	list_append(deliver, &run->node);
}

void sctp_reassembly_give(sctp_reassembly *r, list_node *deliver)
{
	list_node *n = list_pop(&r->due);
	if (!n)
		return;
	sctp_run *run = LIST_ENTRY(n, sctp_run, due);
	give(r, lane_of(r, run), run, deliver);
}

static void check_lane(const sctp_lane *lane, bool unordered, size_t *bytes, size_t *spare)
{
	LIST_FOR (n, &lane->runs) {
		const sctp_run *run = RUN_OF(n);
		assert(run->cost == run->len + SCTP_RX_OVERHEAD && run->len <= run->capacity);
		assert(run->event.unordered == unordered && !(unordered && is_whole(run)));
		assert(is_whole(run) == list_empty(&run->incomplete));
		assert(!run->given || run->begin);
		assert(list_empty(&run->due) || (has_its_turn(lane, run) && run->len && !is_whole(run)));
		assert(unordered || !is_behind(lane, run->mid));
		assert(n->next == &lane->runs ||
		       position_before(lane, (position){run->mid, run->last}, RUN_OF(n->next)));
		*bytes += run->cost;
		*spare += run->capacity - run->len;
	}
}

void sctp_reassembly_check(const sctp_reassembly *r, size_t delivered_cost)
{
	size_t bytes = delivered_cost, spare = 0;
	uint32_t id = 0;
	for (const sctp_stream_in *s; (s = stream_map_next(&r->streams, &id)); id++) {
		check_lane(&s->lanes[0], false, &bytes, &spare);
		check_lane(&s->lanes[1], true, &bytes, &spare);
	}
	assert(bytes == r->bytes && spare == r->spare && r->runs * SCTP_RX_OVERHEAD <= bytes);
}
