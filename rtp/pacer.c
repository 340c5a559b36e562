/* rtp/pacer.c: queues by priority, one time line for paced packets, probes before both. */
#include "rtp/pacer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "parley/types.h"

#define QUEUE_START 32u

static bool queue_grow(rtp_pacer_queue *q)
{
	size_t capacity = q->capacity ? q->capacity * 2 : QUEUE_START;
	rtp_pacer_item *items = malloc(capacity * sizeof *items);
	if (!items)
		return false;
	for (size_t i = 0; i < q->count; i++)
		items[i] = q->items[(q->first + i) % q->capacity];
	free(q->items);
	q->items = items;
	q->capacity = capacity;
	q->first = 0;
	return true;
}

static rtp_pacer_item queue_pop(rtp_pacer_queue *q)
{
	rtp_pacer_item item = q->items[q->first];
	q->first = (q->first + 1) % q->capacity;
	q->count--;
	q->bytes -= item.size;
	return item;
}

static rtp_pacer_item queue_pop_last(rtp_pacer_queue *q)
{
	q->count--;
	rtp_pacer_item item = q->items[(q->first + q->count) % q->capacity];
	q->bytes -= item.size;
	return item;
}

void rtp_pacer_init(rtp_pacer *p, uint64_t pacing_bps, uint64_t target_bps)
{
	memset(p, 0, sizeof *p);
	rtp_pacer_set_rates(p, pacing_bps, target_bps);
}

void rtp_pacer_clear(rtp_pacer *p)
{
	for (size_t i = 0; i < RTP_PACER_QUEUES; i++)
		free(p->queues[i].items);
	memset(p, 0, sizeof *p);
	rtp_pacer_set_rates(p, 0, 0);
}

void rtp_pacer_set_rates(rtp_pacer *p, uint64_t pacing_bps, uint64_t target_bps)
{
	p->pacing_bps = pacing_bps ? pacing_bps : 1;
	p->target_bps = target_bps ? target_bps : 1;
}

static uint64_t time_of(size_t bytes, uint64_t bps)
{
	return (uint64_t)bytes * 8 * US_PER_S / bps;
}

/* Bytes behind the frame that the queue begins with. Packets pushed at one time are of one frame. */
static size_t bytes_behind_first(const rtp_pacer_queue *q)
{
	size_t bytes = q->bytes;
	for (size_t i = 0; i < q->count; i++) {
		const rtp_pacer_item *item = &q->items[(q->first + i) % q->capacity];
		if (item->queued != q->items[q->first].queued)
			break;
		bytes -= item->size;
	}
	return bytes;
}

int rtp_pacer_push(rtp_pacer *p, uint64_t now, rtp_pacer_priority priority, size_t size, uint64_t handle)
{
	if ((unsigned)priority >= RTP_PACER_QUEUES || size == 0 || size > UINT16_MAX)
		return PARLEY_EINVAL;
	rtp_pacer_queue *q = &p->queues[priority];
	if (q->count >= RTP_PACER_QUEUE_MAX)
		return PARLEY_ELIMIT;
	if (q->count == q->capacity && !queue_grow(q))
		return PARLEY_ENOMEM;
	q->items[(q->first + q->count) % q->capacity] =
		(rtp_pacer_item){.priority = priority, .handle = handle, .size = size, .queued = now};
	q->count++;
	q->bytes += size;
	p->grown = p->grown || priority == RTP_PACER_VIDEO;
	return 0;
}

static uint64_t before(uint64_t now, uint64_t us)
{
	return now > us ? now - us : 0;
}

/*
 * Moves the time line for bytes that could have left since `ready`. A pause earns no more than a burst. But packets that waited lose
 * nothing to a poll that came late: in a busy program each is late, and video would starve behind audio. What was
 * not paced owes no more than RTP_PACER_DEBT_US.
 */
static void charge(rtp_pacer *p, uint64_t now, uint64_t ready, size_t bytes)
{
	uint64_t earliest = time_min(ready, before(now, RTP_PACER_BURST_US));
	if (earliest < before(now, RTP_PACER_LATE_US))
		earliest = before(now, RTP_PACER_LATE_US);
	if (p->next < earliest)
		p->next = earliest;
	p->next = time_min(p->next, time_after(now, RTP_PACER_DEBT_US));
	p->next = time_after(p->next, time_of(bytes, p->pacing_bps));
}

/* --- probes --- */

static void probe_remove(rtp_pacer *p)
{
	p->probe_count--;
	memmove(p->probes, p->probes + 1, p->probe_count * sizeof *p->probes);
}

void rtp_pacer_probe_start(rtp_pacer *p, uint64_t now, uint32_t id, uint64_t bps, size_t bytes, uint32_t packets)
{
	(void)now;
	if (p->probe_count == RTP_PACER_PROBES_MAX || id == 0 || bps == 0)
		return;
	p->probes[p->probe_count++] =
		(rtp_pacer_probe){.id = id, .bps = bps, .bytes = bytes, .packets = packets, .started = TIME_NEVER};
}

static uint64_t probe_next(const rtp_pacer_probe *probe, uint64_t now)
{
	return probe->started == TIME_NEVER ? now : time_after(probe->started, time_of(probe->sent_bytes, probe->bps));
}

/* Counts what was sent for the first probe, which may finish it. */
static void probe_sent(rtp_pacer *p, uint64_t now, size_t bytes, uint32_t packets)
{
	rtp_pacer_probe *probe = &p->probes[0];
	if (probe->started == TIME_NEVER)
		probe->started = now;
	probe->sent_bytes += bytes;
	probe->sent_packets += packets;
	if (probe->sent_bytes >= probe->bytes && probe->sent_packets >= probe->packets) {
		p->probes_done++;
		probe_remove(p);
	}
}

static void probe_give_up(rtp_pacer *p)
{
	p->probes_given_up++;
	probe_remove(p);
}

static void drop_stale_probes(rtp_pacer *p, uint64_t now)
{
	while (p->probe_count > 0 && p->probes[0].started != TIME_NEVER &&
	       now - p->probes[0].started > RTP_PACER_PROBE_TIMEOUT_US)
		probe_give_up(p);
}

/* --- popping --- */

static bool pop_queued(rtp_pacer *p, uint64_t now, rtp_pacer_item *out)
{
	for (size_t i = 0; i < RTP_PACER_QUEUES; i++) {
		if (p->queues[i].count == 0)
			continue;
		*out = queue_pop(&p->queues[i]);
		p->popped[i]++;
		if (i != RTP_PACER_AUDIO) /* which is not paced, and little */
			charge(p, now, out->queued, out->size);
		return true;
	}
	return false;
}

static bool pop_probe(rtp_pacer *p, uint64_t now, rtp_pacer_item *out)
{
	if (p->probe_count == 0 || now < probe_next(&p->probes[0], now))
		return false;
	uint32_t id = p->probes[0].id;
	if (pop_queued(p, now, out)) {
		out->cluster = id;
		probe_sent(p, now, out->size, 1);
		return true;
	}
	p->padding_wanted = true;
	p->popped[RTP_PACER_PADDING]++;
	*out = (rtp_pacer_item){
		.priority = RTP_PACER_PADDING, .size = RTP_PACER_PADDING_SIZE, .cluster = id, .queued = now};
	return true;
}

bool rtp_pacer_pop(rtp_pacer *p, uint64_t now, rtp_pacer_item *out)
{
	if (p->padding_wanted) /* the owner said nothing: it made none */
		rtp_pacer_padding_sent(p, now, 0, 0);
	drop_stale_probes(p, now);
	if (pop_probe(p, now, out))
		return true;
	/* Between a probe's packets nothing else leaves: it would be measured with them. But audio does not wait. */
	bool probing = p->probe_count > 0;
	if (p->queues[RTP_PACER_AUDIO].count == 0 && (probing || now < p->next))
		return false;
	return pop_queued(p, now, out);
}

void rtp_pacer_padding_sent(rtp_pacer *p, uint64_t now, size_t bytes, uint32_t packets)
{
	if (!p->padding_wanted)
		return;
	p->padding_wanted = false;
	if (p->probe_count == 0)
		return;
	if (bytes == 0) {
		probe_give_up(p);
		return;
	}
	charge(p, now, now, bytes);
	probe_sent(p, now, bytes, packets);
}

uint64_t rtp_pacer_deadline(const rtp_pacer *p, uint64_t now)
{
	uint64_t deadline = TIME_NEVER;
	if (p->excess > 0 || p->padding_wanted || p->queues[RTP_PACER_AUDIO].count > 0)
		return now;
	if (p->probe_count > 0)
		deadline = probe_next(&p->probes[0], now);
	for (size_t i = 0; p->probe_count == 0 && i < RTP_PACER_QUEUES; i++)
		if (p->queues[i].count > 0)
			deadline = time_min(deadline, p->next);
	return deadline < now ? now : deadline;
}

size_t rtp_pacer_video_limit(uint64_t target_bps)
{
	size_t limit = (size_t)(target_bps / 8 * RTP_PACER_QUEUE_US / US_PER_S);
	return limit > RTP_PACER_QUEUE_BYTES_MIN ? limit : RTP_PACER_QUEUE_BYTES_MIN;
}

/* How many packets are too many, counted once after each growth. */
static void count_excess(rtp_pacer *p)
{
	const rtp_pacer_queue *video = &p->queues[RTP_PACER_VIDEO];
	if (!p->grown)
		return;
	p->grown = false;
	size_t limit = rtp_pacer_video_limit(p->target_bps);
	if (video->bytes <= limit || bytes_behind_first(video) <= limit)
		return;
	for (size_t i = video->count; i > 0; i--) {
		if (video->items[(video->first + i - 1) % video->capacity].queued == video->items[video->first].queued)
			break;
		p->excess++;
	}
}

bool rtp_pacer_overflow(rtp_pacer *p, rtp_pacer_item *out)
{
	count_excess(p);
	if (p->excess == 0)
		return false;
	p->excess--;
	*out = queue_pop_last(&p->queues[RTP_PACER_VIDEO]);
	p->overflowed++;
	return true;
}

bool rtp_pacer_drain(rtp_pacer *p, rtp_pacer_item *out)
{
	for (size_t i = 0; i < RTP_PACER_QUEUES; i++)
		if (p->queues[i].count > 0) {
			*out = queue_pop(&p->queues[i]);
			return true;
		}
	p->grown = false;
	p->excess = 0;
	return false;
}

size_t rtp_pacer_queued_bytes(const rtp_pacer *p)
{
	size_t bytes = 0;
	for (size_t i = 0; i < RTP_PACER_QUEUES; i++)
		bytes += p->queues[i].bytes;
	return bytes;
}

uint64_t rtp_pacer_queue_time(const rtp_pacer *p)
{
	return time_of(rtp_pacer_queued_bytes(p), p->pacing_bps);
}

void rtp_pacer_check_invariants(const rtp_pacer *p)
{
	assert(p->pacing_bps > 0 && p->target_bps > 0);
	assert(p->probe_count <= RTP_PACER_PROBES_MAX);
	assert(p->excess <= p->queues[RTP_PACER_VIDEO].count);
	for (size_t i = 0; i < RTP_PACER_QUEUES; i++) {
		const rtp_pacer_queue *q = &p->queues[i];
		size_t bytes = 0;
		assert(q->count <= q->capacity && q->count <= RTP_PACER_QUEUE_MAX);
		for (size_t k = 0; k < q->count; k++)
			bytes += q->items[(q->first + k) % q->capacity].size;
		assert(bytes == q->bytes);
	}
}

void rtp_pacer_dump(const rtp_pacer *p, text *out)
{
	static const char *const names[RTP_PACER_QUEUES] = {"audio", "retransmission", "video"};
	text_printf(out, "pacer %llu bit/s, target %llu bit/s, %zu probes waiting\n", (unsigned long long)p->pacing_bps,
		    (unsigned long long)p->target_bps, p->probe_count);
	for (size_t i = 0; i < RTP_PACER_QUEUES; i++)
		text_printf(out, "  %s: %zu packets, %zu bytes waiting; %llu sent\n", names[i], p->queues[i].count,
			    p->queues[i].bytes, (unsigned long long)p->popped[i]);
	text_printf(out, "  thrown away %llu; probes sent %llu, given up %llu\n", (unsigned long long)p->overflowed,
		    (unsigned long long)p->probes_done, (unsigned long long)p->probes_given_up);
}
