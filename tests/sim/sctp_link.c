#include "tests/sim/sctp_link.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

#define NS_PER_US UINT64_C(1000)
#define NS_PER_S UINT64_C(1000000000)
#define PPM UINT64_C(1000000)
#define PATTERN_SIZE (1u << 20)
#define MESSAGE_HEADER 4u /* its number */
#define SMALL_MIN 12u	  /* its number and the time */
#define SMALL_MAX 1024u
#define SOURCE_KEEPS (1u << 20) /* bytes that a source keeps waiting in its association */
#define STALL_GAP_US (100 * US_PER_MS)
#define FULL_CHECK_EVERY 10000u /* steps: it takes time in proportion to what is in flight */

static uint8_t pattern[PATTERN_SIZE + MESSAGE_HEADER];

/* --- packets --- */

static link_packet *packet_new(link_world *w)
{
	link_packet *p = w->spare_count ? w->spare[--w->spare_count] : malloc(sizeof *p);
	assert(p);
	return p;
}

static void grow(link_packet ***packets, size_t *capacity)
{
	*capacity = *capacity ? *capacity * 2 : 1024;
	*packets = realloc(*packets, *capacity * sizeof **packets);
	assert(*packets);
}

static void packet_free(link_world *w, link_packet *p)
{
	if (w->spare_count == w->spare_capacity)
		grow(&w->spare, &w->spare_capacity);
	w->spare[w->spare_count++] = p;
}

static void fifo_push(link_fifo *f, link_packet *p)
{
	if (f->count == f->capacity) {
		size_t old = f->capacity;
		grow(&f->packets, &f->capacity);
		memcpy(f->packets + old, f->packets, f->first * sizeof *f->packets); /* old is half of it */
	}
	f->packets[(f->first + f->count++) % f->capacity] = p;
}

static link_packet *fifo_first(const link_fifo *f)
{
	return f->count ? f->packets[f->first] : NULL;
}

static void fifo_pop(link_fifo *f)
{
	f->first = (f->first + 1) % f->capacity;
	f->count--;
}

static bool before(const link_packet *x, const link_packet *y)
{
	return x->at < y->at || (x->at == y->at && x->number < y->number);
}

static void late_push(link_world *w, link_packet *p)
{
	if (w->late_count == w->late_capacity)
		grow(&w->late, &w->late_capacity);
	size_t i = w->late_count++;
	for (; i && before(p, w->late[(i - 1) / 2]); i = (i - 1) / 2)
		w->late[i] = w->late[(i - 1) / 2];
	w->late[i] = p;
}

static void late_pop(link_world *w)
{
	link_packet *last = w->late[--w->late_count];
	size_t i = 0;
	for (size_t child; (child = 2 * i + 1) < w->late_count; i = child) {
		if (child + 1 < w->late_count && before(w->late[child + 1], w->late[child]))
			child++;
		if (!before(w->late[child], last))
			break;
		w->late[i] = w->late[child];
	}
	w->late[i] = last;
}

/* --- the link --- */

static bool is_lost(link_world *w, int way)
{
	if (w->run[way]) {
		w->run[way]--;
		return true;
	}
	unsigned run = w->path.loss_run > 1 ? w->path.loss_run : 1;
	if (rng_seeded_below(&w->rng, PPM * run) >= w->path.loss_ppm)
		return false;
	if (run > 1)
		w->run[way] = (unsigned)rng_seeded_below(&w->rng, 2u * run - 1);
	return true;
}

/* When the packet has left the queue, in nanoseconds; TIME_NEVER: the queue is full. */
static uint64_t through_queue(link_world *w, int way, size_t len)
{
	uint64_t now = w->now * NS_PER_US;
	if (!w->path.bits_per_second)
		return now;
	uint64_t wait = w->free_ns[way] > now ? w->free_ns[way] - now : 0;
	uint64_t own = (len + LINK_OVERHEAD) * 8 * NS_PER_S / w->path.bits_per_second;
	if (wait * (w->path.bits_per_second / 1000) / 8 / (NS_PER_S / 1000) > w->path.queue_bytes)
		return TIME_NEVER;
	if (way == 0) {
		uint64_t ms = wait / (NS_PER_S / 1000);
		w->queued_ms[ms < LINK_DELAYS ? ms : LINK_DELAYS - 1]++;
	}
	w->free_ns[way] = now + wait + own;
	return w->free_ns[way];
}

/* When a packet has left the link's sender, in nanoseconds; TIME_NEVER: it never does. */
static uint64_t leave(link_world *w, int way, size_t len)
{
	w->sent[way]++;
	if (w->path.cut || (w->path.mtu && len > w->path.mtu))
		return TIME_NEVER;
	if (w->path.loss_ppm && is_lost(w, way)) {
		w->lost[way]++;
		return TIME_NEVER;
	}
	uint64_t left = through_queue(w, way, len);
	w->dropped[way] += left == TIME_NEVER;
	return left;
}

/* A busy machine takes no packets for a while, as all do that share their processors. */
static uint64_t after_stall(link_world *w, int way, uint64_t at)
{
	if (!w->path.stall_us)
		return at;
	while (at >= w->stall_to[way]) {
		w->stall_from[way] = w->stall_to[way] + STALL_GAP_US + rng_seeded_below(&w->rng, STALL_GAP_US);
		w->stall_to[way] = w->stall_from[way] + rng_seeded_below(&w->rng, w->path.stall_us);
	}
	return at < w->stall_from[way] ? at : w->stall_to[way];
}

static void carry(link_world *w, unsigned flow, int from, slice bytes)
{
	uint64_t left = leave(w, from, bytes.len);
	if (left == TIME_NEVER)
		return;
	link_packet *p = packet_new(w);
	*p = (link_packet){.number = w->number++, .flow = (uint8_t)flow, .to = (uint8_t)!from};
	p->at = (left + NS_PER_US - 1) / NS_PER_US + w->path.delay_us;
	if (w->path.tick_us)
		p->at = (p->at + w->path.tick_us - 1) / w->path.tick_us * w->path.tick_us;
	p->at = after_stall(w, from, p->at);
	p->len = (uint16_t)bytes.len;
	memcpy(p->bytes, bytes.data, bytes.len);
	bool late = w->path.reorder_ppm && rng_seeded_below(&w->rng, PPM) < w->path.reorder_ppm;
	if (late)
		p->at += rng_seeded_below(&w->rng, w->path.reorder_us);
	const link_fifo *f = &w->fifo[from];
	if (late || (f->count && f->packets[(f->first + f->count - 1) % f->capacity]->at > p->at))
		late_push(w, p);
	else
		fifo_push(&w->fifo[from], p);
}

static void carry_rival(link_world *w)
{
	while (rival_step(&w->rival, w->now)) {
		uint64_t left = leave(w, 0, RIVAL_PACKET - LINK_OVERHEAD);
		rival_sent(&w->rival, w->now, left == TIME_NEVER ? left : left / NS_PER_US + 2 * w->path.delay_us);
	}
}

/* --- source and sink --- */

static void feed_small(link_world *w, link_flow *f)
{
	uint8_t message[SMALL_MAX];
	while (f->small.next <= w->now) {
		writer out = writer_of(message, f->small.len);
		write_u32(&out, f->small.sent++);
		write_u64(&out, w->now);
		write_zeros(&out, f->small.len - out.len);
		assert_int_equal(sctp_send(f->end[0], w->now, LINK_SMALL_STREAM, 51, writer_slice(&out), NULL), 0);
		f->small.next += f->small.interval;
	}
}

static void feed(link_world *w, link_flow *f)
{
	static uint8_t message[PATTERN_SIZE];
	if (!f->connected)
		return;
	feed_small(w, f);
	if (w->now < f->begins)
		return;
	while (sctp_buffered(f->end[0], 0) < SOURCE_KEEPS) {
		writer header = writer_of(message, MESSAGE_HEADER);
		write_u32(&header, f->sent);
		memcpy(message + MESSAGE_HEADER, pattern, f->message_len - MESSAGE_HEADER);
		if (sctp_send(f->end[0], w->now, 0, 51, slice_of(message, f->message_len), NULL))
			return;
		f->sent++;
	}
}

static void take(link_world *w, link_flow *f, slice message)
{
	reader r = reader_of(message);
	uint32_t number = read_u32(&r);
	if (number != f->received || message.len != f->message_len ||
	    memcmp(message.data + MESSAGE_HEADER, pattern, message.len - MESSAGE_HEADER) != 0)
		f->refused = true;
	f->received++;
	f->bytes += message.len;
	if (f->last_progress && w->now - f->last_progress > f->longest_silence)
		f->longest_silence = w->now - f->last_progress;
	f->last_progress = w->now;
}

static void take_small(link_world *w, link_flow *f, slice message)
{
	reader r = reader_of(message);
	uint32_t number = read_u32(&r);
	uint64_t tenths = (w->now - read_u64(&r)) / 100;
	f->refused |= number != f->small.received || message.len != f->small.len;
	f->small.received++;
	f->small.delays[tenths < LINK_SMALL_DELAYS ? tenths : LINK_SMALL_DELAYS - 1]++;
}

static void take_events(link_world *w, link_flow *f, int side)
{
	sctp_event e;
	sctp_stats stats;
	if (side == 1 && f->hold)
		return;
	if (side == 1) {
		sctp_get_stats(f->end[1], &stats);
		if (stats.receive_buffered > f->buffered_max)
			f->buffered_max = stats.receive_buffered;
	}
	while (sctp_poll_event(f->end[side], &e)) {
		assert(e.type != SCTP_EVENT_CLOSED);
		if (e.type == SCTP_EVENT_CONNECTED && side == 0)
			f->connected = true;
		else if (e.type == SCTP_EVENT_MESSAGE && side == 1)
			(e.stream == LINK_SMALL_STREAM ? take_small : take)(w, f, e.data);
	}
}

static void check(link_world *w, const sctp_association *a)
{
	sctp_check_timers(a);
	if (++w->steps % FULL_CHECK_EVERY == 0)
		sctp_check_invariants(a);
}

/* What follows an input: events, then packets. */
static void pump(link_world *w, unsigned flow, int side)
{
	link_flow *f = &w->flows[flow];
	uint8_t bytes[LINK_PACKET_MAX];
	packet out = {.data = bytes, .capacity = sizeof bytes};
	take_events(w, f, side);
	if (side == 0)
		feed(w, f);
	while (sctp_poll_transmit(f->end[side], w->now, &out))
		carry(w, flow, side, slice_of(out.data, out.len));
	check(w, f->end[side]);
}

/* --- time --- */

/* The next packet to arrive; NULL: none. */
static link_packet *next_packet(const link_world *w)
{
	link_packet *next = w->late_count ? w->late[0] : NULL;
	for (int way = 0; way < 2; way++) {
		link_packet *p = fifo_first(&w->fifo[way]);
		if (p && (!next || before(p, next)))
			next = p;
	}
	return next;
}

static void remove_packet(link_world *w, const link_packet *p)
{
	for (int way = 0; way < 2; way++) {
		if (fifo_first(&w->fifo[way]) == p) {
			fifo_pop(&w->fifo[way]);
			return;
		}
	}
	late_pop(w);
}

static void arrive(link_world *w)
{
	link_packet *p = next_packet(w);
	link_flow *f = &w->flows[p->flow];
	unsigned flow = p->flow;
	int side = p->to;
	remove_packet(w, p);
	sctp_receive(f->end[side], w->now, slice_of(p->bytes, p->len));
	packet_free(w, p);
	pump(w, flow, side);
}

static uint64_t next_timer(const link_world *w)
{
	uint64_t next = rival_deadline(&w->rival);
	for (unsigned i = 0; i < w->flow_count; i++) {
		const link_flow *f = &w->flows[i];
		if (f->begins > w->now)
			next = time_min(next, f->begins);
		if (f->connected)
			next = time_min(next, f->small.next);
		for (int side = 0; side < 2; side++)
			next = time_min(next, sctp_deadline(f->end[side]));
	}
	return next;
}

static void expire(link_world *w)
{
	carry_rival(w);
	for (unsigned i = 0; i < w->flow_count; i++) {
		link_flow *f = &w->flows[i];
		for (int side = 0; side < 2; side++) {
			bool begins = side == 0 && (f->begins == w->now || f->small.next <= w->now);
			if (sctp_deadline(f->end[side]) > w->now && !begins)
				continue;
			sctp_timeout(f->end[side], w->now);
			pump(w, i, side);
		}
	}
}

static void step(link_world *w, uint64_t end)
{
	const link_packet *p = next_packet(w);
	uint64_t timer = next_timer(w), next = time_min(p ? p->at : TIME_NEVER, timer);
	if (next > end) {
		w->now = end;
		return;
	}
	if (next > w->now)
		w->now = next;
	if (p && p->at <= w->now)
		arrive(w);
	if (timer <= w->now)
		expire(w);
}

void link_run(link_world *w, uint64_t us)
{
	uint64_t end = w->now + us;
	for (unsigned i = 0; i < w->flow_count; i++)
		for (int side = 0; side < 2; side++)
			pump(w, i, side);
	while (w->now < end)
		step(w, end);
}

/* --- the whole --- */

void link_init(link_world *w, uint64_t seed, const link_path *path, unsigned flows, size_t message_len)
{
	assert(flows <= LINK_FLOWS_MAX && message_len >= MESSAGE_HEADER && message_len <= PATTERN_SIZE);
	*w = (link_world){.now = LINK_EPOCH, .path = *path, .flow_count = flows, .stall_to = {LINK_EPOCH, LINK_EPOCH}};
	rng_seeded_init(&w->rng, seed);
	rng_seeded bytes;
	rng_seeded_init(&bytes, 1);
	for (size_t i = 0; i < sizeof pattern; i++)
		pattern[i] = (uint8_t)rng_seeded_next(&bytes);
	for (unsigned i = 0; i < flows; i++) {
		link_flow *f = &w->flows[i];
		f->message_len = message_len;
		f->small = (link_small){.next = TIME_NEVER, .priority = SCTP_PRIORITY_DEFAULT};
		for (int side = 0; side < 2; side++) {
			rng_seeded_init(&f->secrets[side], seed * 16 + i * 2 + (unsigned)side + 99);
			sctp_config_default(&f->config[side]);
			f->config[side].random = rng_seeded_source(&f->secrets[side]);
			f->config[side].mtu_max = 0;
		}
	}
}

void link_connect(link_world *w)
{
	for (unsigned i = 0; i < w->flow_count; i++) {
		link_flow *f = &w->flows[i];
		for (int side = 0; side < 2; side++)
			assert_int_equal(sctp_create(&f->config[side], &f->end[side]), 0);
		assert_int_equal(sctp_set_priority(f->end[0], LINK_SMALL_STREAM, f->small.priority), 0);
		assert_int_equal(sctp_connect(f->end[0], w->now), 0);
		assert(!f->small.interval || (f->small.len >= SMALL_MIN && f->small.len <= SMALL_MAX));
		if (f->small.interval)
			f->small.next = w->now;
	}
	for (unsigned i = 0; i < w->flow_count; i++)
		for (int side = 0; side < 2; side++)
			pump(w, i, side);
	for (unsigned i = 0; i < w->flow_count; i++)
		while (!w->flows[i].connected)
			step(w, w->now + US_PER_S);
}

static bool all_came(const link_flow *f)
{
	return f->received == f->sent && f->small.received == f->small.sent;
}

bool link_finish(link_world *w, uint64_t us)
{
	uint64_t end = w->now + us;
	bool done = false;
	for (unsigned i = 0; i < w->flow_count; i++)
		w->flows[i].begins = w->flows[i].small.next = TIME_NEVER;
	while (!done && w->now < end) {
		step(w, end);
		done = true;
		for (unsigned i = 0; i < w->flow_count; i++)
			done = done && all_came(&w->flows[i]);
	}
	link_run(w, US_PER_S); /* so that a message that comes twice is seen */
	for (unsigned i = 0; i < w->flow_count; i++)
		done = done && all_came(&w->flows[i]) && !w->flows[i].refused;
	return done;
}

void link_clear(link_world *w)
{
	for (link_packet *p; (p = next_packet(w));) {
		remove_packet(w, p);
		packet_free(w, p);
	}
	while (w->spare_count)
		free(w->spare[--w->spare_count]);
	free(w->spare);
	free(w->late);
	for (int way = 0; way < 2; way++)
		free(w->fifo[way].packets);
	for (unsigned i = 0; i < w->flow_count; i++)
		for (int side = 0; side < 2; side++)
			sctp_destroy(w->flows[i].end[side]);
}

double link_share(const link_world *w, uint64_t bytes, uint64_t us)
{
	double packet_len = SCTP_MTU_DEFAULT & ~3u, payload = packet_len - 12 - 16;
	double capacity = (double)w->path.bits_per_second / 8 * payload / (packet_len + LINK_OVERHEAD);
	return (double)bytes / (capacity * (double)us / 1e6);
}

unsigned link_queued(const link_world *w, double share)
{
	double all = 0, so_far = 0;
	for (unsigned i = 0; i < LINK_DELAYS; i++)
		all += w->queued_ms[i];
	for (unsigned i = 0; i < LINK_DELAYS; i++)
		if ((so_far += w->queued_ms[i]) >= all * share)
			return i;
	return LINK_DELAYS;
}

uint64_t link_small_delay(const link_flow *f, double share)
{
	double so_far = 0;
	for (unsigned i = 0; i < LINK_SMALL_DELAYS; i++)
		if ((so_far += f->small.delays[i]) >= f->small.received * share)
			return (i + 1) * UINT64_C(100);
	return TIME_NEVER;
}
