/* rtp/twcc_sender.c: remembers what was sent, and pairs it with what feedback says of it. */
#include <string.h>

#include "base/time.h"
#include "rtp/twcc.h"

#define REFERENCE_US 64000 /* unit of the reference time */
#define REFERENCE_WRAP (INT64_C(1) << 24)
/* The peer's clock starts here for us, so that reordered feedback does not take it below zero. */
#define REFERENCE_ORIGIN_US (INT64_C(1) << 50)

enum { UNKNOWN, LOST, RECEIVED };

_Static_assert((TWCC_SENDER_WINDOW & (TWCC_SENDER_WINDOW - 1)) == 0, "packets are found by mask");
_Static_assert(TWCC_SENDER_WINDOW <= 0x8000, "unwrapping must be unambiguous");

void twcc_sender_init(twcc_sender *s, uint16_t first)
{
	memset(s, 0, sizeof *s);
	s->next = s->first = s->highest = first;
}

static twcc_sent *slot_of(twcc_sender *s, uint64_t sequence)
{
	return &s->sent[sequence & (TWCC_SENDER_WINDOW - 1)];
}

static void forget_in_flight(twcc_sender *s, uint64_t sequence)
{
	if (sequence >= s->highest)
		s->in_flight -= slot_of(s, sequence)->size;
}

uint16_t twcc_sender_sent(twcc_sender *s, uint64_t now, size_t size, uint32_t cluster)
{
	uint64_t sequence = s->next++;
	if (sequence - s->first == TWCC_SENDER_WINDOW)
		forget_in_flight(s, s->first++);
	uint32_t charged = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
	*slot_of(s, sequence) = (twcc_sent){.sent = now, .size = charged, .cluster = cluster, .state = UNKNOWN};
	s->in_flight += charged;
	return (uint16_t)sequence;
}

/* Counts on from the last feedback's reference: 24 bits wrap every 12 days. */
static int64_t unwrap_reference(twcc_sender *s, int32_t reference)
{
	if (!s->has_reference) {
		s->has_reference = true;
		s->reference_us = REFERENCE_ORIGIN_US;
	} else {
		int64_t step = ((int64_t)reference - s->reference) & (REFERENCE_WRAP - 1);
		if (step >= REFERENCE_WRAP / 2)
			step -= REFERENCE_WRAP;
		s->reference_us += step * REFERENCE_US;
	}
	s->reference = reference;
	return s->reference_us;
}

/* The number last sent whose low 16 bits are these; false when none that is remembered has them. */
static bool find(const twcc_sender *s, uint16_t sequence, uint64_t *out)
{
	uint64_t behind = (uint16_t)((uint16_t)(s->next - 1) - sequence);
	if (behind >= s->next - s->first)
		return false;
	*out = s->next - 1 - behind;
	return true;
}

static void add_result(twcc_sender *s, uint64_t sequence, const twcc_status *status, int64_t reference_us)
{
	twcc_sent *sent = slot_of(s, sequence);
	if (sent->state == RECEIVED || (sent->state == LOST && !status->received))
		return;
	sent->state = status->received ? RECEIVED : LOST;
	int64_t arrived = reference_us + status->offset_us;
	s->results[s->result_count++] = (twcc_result){
		.sequence = sequence,
		.sent = sent->sent,
		.arrived = status->received && arrived > 0 ? (uint64_t)arrived : 0,
		.size = sent->size,
		.cluster = sent->cluster,
		.received = status->received,
	};
}

/* Lost ones have arrived at 0. By insertion: they nearly are in order. */
static void sort_by_arrival(twcc_result *results, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		twcc_result moved = results[i];
		size_t at = i;
		for (; at > 0 && results[at - 1].arrived > moved.arrived; at--)
			results[at] = results[at - 1];
		results[at] = moved;
	}
}

static void raise_highest(twcc_sender *s, uint64_t end)
{
	if (s->highest < s->first)
		s->highest = s->first;
	for (; s->highest < end; s->highest++)
		s->in_flight -= slot_of(s, s->highest)->size;
}

size_t twcc_sender_feedback(twcc_sender *s, const twcc_feedback *feedback)
{
	s->result_count = 0;
	bool known = false;
	twcc_walk walk = twcc_walk_of(feedback);
	twcc_status status;
	int64_t reference_us = 0;
	while (s->result_count < TWCC_RESULTS_MAX && twcc_next(&walk, &status)) {
		uint64_t sequence = 0;
		if (!find(s, status.sequence, &sequence))
			continue;
		if (!known) /* a feedback about nothing we sent does not touch the clock either */
			reference_us = unwrap_reference(s, feedback->reference);
		known = true;
		add_result(s, sequence, &status, reference_us);
		raise_highest(s, sequence + 1);
	}
	if (known)
		s->feedbacks++;
	else
		s->refused++;
	sort_by_arrival(s->results, s->result_count);
	return s->result_count;
}
