#include "rtp/nack.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"

void rtp_nack_clear(rtp_nack *n)
{
	free(n->entries);
	*n = (rtp_nack){0};
}

static void drop(rtp_nack *n, size_t first, size_t count)
{
	if (count == 0)
		return;
	for (size_t i = first; i < first + count; i++)
		n->unrecovered += n->entries[i].tries > 0;
	memmove(n->entries + first, n->entries + first + count, (n->count - first - count) * sizeof *n->entries);
	n->count -= count;
}

/* The index of the first entry not below sequence. */
static size_t lower_bound(const rtp_nack *n, int64_t sequence)
{
	size_t low = 0, high = n->count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (n->entries[middle].sequence < sequence)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool rtp_nack_is_missing(const rtp_nack *n, int64_t sequence)
{
	size_t i = lower_bound(n, sequence);
	return i < n->count && n->entries[i].sequence == sequence;
}

static void measure(rtp_nack *n, uint64_t now, const rtp_nack_entry *e)
{
	if (e->tries != 1)
		return; /* which of the questions was answered nobody knows */
	uint64_t sample = now - e->sent;
	n->rtt_us = n->has_rtt ? (7 * n->rtt_us + sample) / 8 : sample;
	n->has_rtt = true;
}

static void add_gap(rtp_nack *n, uint64_t now, int64_t first, int64_t end)
{
	if (end - first > (int64_t)RTP_NACK_MISSING_MAX) {
		n->overflowed += n->count + (uint64_t)(end - first);
		drop(n, 0, n->count);
		return;
	}
	if (!n->entries && !(n->entries = calloc(RTP_NACK_MISSING_MAX, sizeof *n->entries)))
		return;
	size_t count = (size_t)(end - first);
	if (n->count + count > RTP_NACK_MISSING_MAX) {
		n->overflowed += n->count + count - RTP_NACK_MISSING_MAX;
		drop(n, 0, n->count + count - RTP_NACK_MISSING_MAX);
	}
	for (int64_t s = first; s < end; s++)
		n->entries[n->count++] = (rtp_nack_entry){.sequence = s, .due = time_after(now, RTP_NACK_DELAY_US)};
}

bool rtp_nack_received(rtp_nack *n, uint64_t now, int64_t sequence)
{
	if (!n->started) {
		n->started = true;
		n->highest = sequence;
		return false;
	}
	if (sequence > n->highest) {
		if (sequence > n->highest + 1)
			add_gap(n, now, n->highest + 1, sequence);
		n->highest = sequence;
		return false;
	}
	size_t i = lower_bound(n, sequence);
	if (i == n->count || n->entries[i].sequence != sequence)
		return false;
	if (n->entries[i].tries) {
		measure(n, now, &n->entries[i]);
		n->recovered++;
		n->entries[i].tries = 0; /* not unrecovered */
	}
	drop(n, i, 1);
	return true;
}

void rtp_nack_forget_before(rtp_nack *n, int64_t sequence)
{
	drop(n, 0, lower_bound(n, sequence));
}

size_t rtp_nack_take_due(rtp_nack *n, uint64_t now, uint64_t rtt_us, uint16_t *out, size_t capacity)
{
	uint64_t again = rtt_us + rtt_us / 8 + RTP_NACK_DELAY_US;
	size_t count = 0;
	if (again < RTP_NACK_RETRY_MIN_US)
		again = RTP_NACK_RETRY_MIN_US;
	for (size_t i = 0; i < n->count && count < capacity; i++) {
		rtp_nack_entry *e = &n->entries[i];
		if (e->due > now)
			continue;
		out[count++] = (uint16_t)((uint64_t)e->sequence & 0xffff);
		e->tries++;
		e->sent = now;
		e->due = e->tries < RTP_NACK_TRIES_MAX ? time_after(now, again) : TIME_NEVER;
	}
	return count;
}

uint64_t rtp_nack_deadline(const rtp_nack *n)
{
	uint64_t at = TIME_NEVER;
	for (size_t i = 0; i < n->count; i++)
		at = time_min(at, n->entries[i].due);
	return at;
}

void rtp_nack_check_invariants(const rtp_nack *n)
{
	assert(n->count <= RTP_NACK_MISSING_MAX);
	assert(!n->count || n->entries);
	for (size_t i = 0; i < n->count; i++) {
		assert(n->entries[i].sequence < n->highest);
		assert(!i || n->entries[i - 1].sequence < n->entries[i].sequence);
		assert(n->entries[i].tries <= RTP_NACK_TRIES_MAX);
	}
}
