/* rtp/twcc_receiver.c: notes arrivals and writes feedback about them. */
#include <string.h>

#include "base/time.h"
#include "rtp/twcc.h"

#define HEADER_SIZE 8u
#define REFERENCE_US 64000 /* unit of the reference time (draft 3.1) */
#define REFERENCE_MASK 0xffffffu
#define VECTOR_1 0x8000u
#define VECTOR_2 0xc000u
#define PER_VECTOR_1 14u
#define PER_VECTOR_2 7u
#define BODY_PACKETS_MAX TWCC_RECEIVER_WINDOW

_Static_assert((TWCC_RECEIVER_WINDOW & (TWCC_RECEIVER_WINDOW - 1)) == 0, "arrivals are found by mask");
_Static_assert(TWCC_RECEIVER_WINDOW < 0x8000, "unwrapping must be unambiguous, and a run must hold the window");

void twcc_receiver_init(twcc_receiver *r)
{
	memset(r, 0, sizeof *r);
	r->due = r->last = TIME_NEVER;
	r->interval = TWCC_INTERVAL_START_US;
}

static uint64_t *slot_of(twcc_receiver *r, uint64_t sequence)
{
	return &r->arrival[sequence & (TWCC_RECEIVER_WINDOW - 1)];
}

/* The first number is taken as in the second round, so that those before it do not go below zero. */
static uint64_t unwrap(const twcc_receiver *r, uint16_t sequence)
{
	if (!r->started)
		return 0x10000u + sequence;
	return r->newest + (uint64_t)(int64_t)(int16_t)(uint16_t)(sequence - (uint16_t)r->newest);
}

/* The window moves on to end with `sequence`; what it gains has not arrived. */
static void advance(twcc_receiver *r, uint64_t sequence)
{
	uint64_t gained = sequence - r->newest;
	if (gained >= TWCC_RECEIVER_WINDOW)
		memset(r->arrival, 0, sizeof r->arrival);
	else
		for (uint64_t i = r->newest + 1; i <= sequence; i++)
			*slot_of(r, i) = 0;
	r->newest = sequence;
	if (r->newest - r->next >= TWCC_RECEIVER_WINDOW && r->next <= r->newest)
		r->next = r->newest - TWCC_RECEIVER_WINDOW + 1;
}

static void schedule(twcc_receiver *r, uint64_t now)
{
	if (r->due == TIME_NEVER) {
		uint64_t from = r->last == TIME_NEVER ? now : r->last;
		r->due = time_after(from, r->interval);
		if (r->due < now)
			r->due = now;
	}
	if (r->pending >= TWCC_PENDING_MAX)
		r->due = time_min(r->due, now);
}

void twcc_receiver_arrived(twcc_receiver *r, uint64_t now, uint16_t sequence)
{
	uint64_t number = unwrap(r, sequence);
	r->packets++;
	if (!r->started) {
		r->started = true;
		r->newest = r->next = number;
	} else if (number > r->newest) {
		advance(r, number);
	} else if (r->newest - number >= TWCC_RECEIVER_WINDOW) {
		r->too_old++;
		return;
	} else if (*slot_of(r, number) != 0) {
		r->duplicates++;
		return;
	}
	*slot_of(r, number) = now + 1;
	if (number < r->next) {
		if (r->next - number > TWCC_REPEAT_MAX)
			return;
		r->next = number;
	}
	r->pending++;
	schedule(r, now);
}

uint64_t twcc_receiver_deadline(const twcc_receiver *r)
{
	return r->due;
}

/* What the next feedback says, before it is written. */
typedef struct {
	uint64_t base;
	int64_t reference; /* in its unit */
	size_t count;
	size_t received;
	uint8_t symbols[BODY_PACKETS_MAX];
	int16_t deltas[BODY_PACKETS_MAX]; /* of the received, in ticks */
} contents;

static size_t room_needed(size_t count, size_t delta_bytes)
{
	/* Every chunk but the last covers at least 7 (write_chunks); then padding. */
	return HEADER_SIZE + 2 * ((count + PER_VECTOR_2 - 1) / PER_VECTOR_2) + delta_bytes + 3;
}

/* As many packets from r->next on as fit into room bytes and as deltas can express; ends with one that arrived, unless
 * none fits that did. */
static void gather(twcc_receiver *r, size_t room, contents *out)
{
	size_t delta_bytes = 0, count = 0;
	int64_t last_tick = 0;
	out->base = r->next;
	out->count = out->received = 0;
	out->reference = 0;
	for (uint64_t i = r->next; i <= r->newest && count < BODY_PACKETS_MAX; i++) {
		uint64_t arrival = *slot_of(r, i);
		if (arrival == 0) {
			if (room_needed(count + 1, delta_bytes) > room)
				break;
			out->symbols[count++] = 0;
			continue;
		}
		int64_t tick = (int64_t)((arrival - 1) / TWCC_TICK_US);
		if (out->received == 0) {
			out->reference = (int64_t)((arrival - 1) / REFERENCE_US);
			last_tick = out->reference * (REFERENCE_US / TWCC_TICK_US);
		}
		int64_t delta = tick - last_tick;
		bool small = delta >= 0 && delta <= UINT8_MAX;
		delta_bytes += small ? 1 : 2;
		if (delta < INT16_MIN || delta > INT16_MAX || room_needed(count + 1, delta_bytes) > room)
			break;
		last_tick = tick;
		out->symbols[count++] = small ? 1 : 2;
		out->deltas[out->received++] = (int16_t)delta;
		out->count = count;
	}
	if (out->count == 0)
		out->count = count;
}

static size_t run_at(const uint8_t *symbols, size_t left)
{
	size_t n = 1;
	while (n < left && symbols[n] == symbols[0])
		n++;
	return n;
}

static bool has_large(const uint8_t *symbols, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (symbols[i] > 1)
			return true;
	return false;
}

/* One chunk for the first of `left` symbols; returns how many it covers: at least 7, or all. */
static size_t write_chunk(writer *w, const uint8_t *symbols, size_t left)
{
	size_t run = run_at(symbols, left);
	if (run >= PER_VECTOR_1 || run == left) {
		write_u16(w, (uint16_t)((unsigned)symbols[0] << 13 | (unsigned)run));
		return run;
	}
	size_t n = left < PER_VECTOR_1 ? left : PER_VECTOR_1;
	unsigned width = 1, chunk = VECTOR_1;
	if (has_large(symbols, n)) {
		n = left < PER_VECTOR_2 ? left : PER_VECTOR_2;
		if (run >= n) {
			write_u16(w, (uint16_t)((unsigned)symbols[0] << 13 | (unsigned)run));
			return run;
		}
		width = 2;
		chunk = VECTOR_2;
	}
	for (size_t i = 0; i < n; i++)
		chunk |= (unsigned)symbols[i] << (14 - width * (i + 1));
	write_u16(w, (uint16_t)chunk);
	return n;
}

static void write_report(writer *w, const contents *report, uint8_t number)
{
	size_t start = w->len;
	write_u16(w, (uint16_t)report->base);
	write_u16(w, (uint16_t)report->count);
	write_u24(w, (uint32_t)report->reference & REFERENCE_MASK);
	write_u8(w, number);
	for (size_t done = 0; done < report->count;)
		done += write_chunk(w, report->symbols + done, report->count - done);
	size_t delta = 0;
	for (size_t i = 0; i < report->count; i++) {
		if (report->symbols[i] == 1)
			write_u8(w, (uint8_t)report->deltas[delta++]);
		else if (report->symbols[i] == 2)
			write_u16(w, (uint16_t)report->deltas[delta++]);
	}
	while ((w->len - start) % 4 != 0)
		write_u8(w, 0);
}

/* About one feedback per TWCC_PACKETS_PER_FEEDBACK packets, by the rate since the last one. */
static void adapt(twcc_receiver *r, uint64_t now)
{
	if (r->last != TIME_NEVER && r->pending > 0) {
		uint64_t wanted = (now - r->last) * TWCC_PACKETS_PER_FEEDBACK / r->pending;
		wanted = (3 * r->interval + wanted) / 4;
		r->interval = wanted < TWCC_INTERVAL_MIN_US   ? TWCC_INTERVAL_MIN_US
			      : wanted > TWCC_INTERVAL_MAX_US ? TWCC_INTERVAL_MAX_US
							      : wanted;
	}
	r->last = now;
	r->pending = 0;
}

bool twcc_receiver_write(twcc_receiver *r, uint64_t now, writer *w)
{
	size_t room = writer_left(w);
	if (r->due == TIME_NEVER || now < r->due || room < TWCC_BODY_ROOM)
		return false;
	contents report;
	gather(r, room, &report);
	if (report.count == 0) {
		r->due = TIME_NEVER;
		return false;
	}
	write_report(w, &report, r->number++);
	r->feedbacks++;
	r->next = report.base + report.count;
	if (r->pending > 0)
		adapt(r, now);
	if (r->next > r->newest)
		r->due = TIME_NEVER;
	return true;
}
