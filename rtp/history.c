#include "rtp/history.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/serial.h"
#include "parley/types.h"

static rtp_history_entry *place(const rtp_history *h, uint16_t sequence)
{
	return &h->ring[sequence % RTP_HISTORY_PACKETS];
}

static void forget(rtp_history *h, rtp_history_entry *e)
{
	if (!e->data)
		return;
	h->bytes -= e->len;
	h->count--;
	free(e->data);
	*e = (rtp_history_entry){0};
}

void rtp_history_clear(rtp_history *h)
{
	for (size_t i = 0; h->ring && i < RTP_HISTORY_PACKETS; i++)
		free(h->ring[i].data);
	free(h->ring);
	*h = (rtp_history){0};
}

static bool over_limit(const rtp_history *h, uint64_t now)
{
	const rtp_history_entry *e = place(h, h->oldest);
	if ((uint16_t)(h->newest - h->oldest) >= RTP_HISTORY_PACKETS || h->bytes > RTP_HISTORY_BYTES)
		return true;
	return !e->data || e->sequence != h->oldest || now - e->sent > RTP_HISTORY_AGE_US;
}

static void trim(rtp_history *h, uint64_t now)
{
	while (h->oldest != h->newest && over_limit(h, now)) {
		rtp_history_entry *e = place(h, h->oldest);
		if (e->sequence == h->oldest)
			forget(h, e);
		h->oldest++;
	}
}

int rtp_history_put(rtp_history *h, uint64_t now, uint16_t sequence, slice bytes)
{
	if (!h->ring) {
		h->ring = calloc(RTP_HISTORY_PACKETS, sizeof *h->ring);
		if (!h->ring)
			return PARLEY_ENOMEM;
	}
	uint8_t *copy = malloc(bytes.len ? bytes.len : 1);
	if (!copy)
		return PARLEY_ENOMEM;
	memcpy(copy, bytes.data, bytes.len);
	rtp_history_entry *e = place(h, sequence);
	forget(h, e);
	*e = (rtp_history_entry){.data = copy, .len = bytes.len, .sequence = sequence, .sent = now, .resent = now};
	h->bytes += bytes.len;
	h->count++;
	if (!h->any)
		h->oldest = h->newest = sequence;
	h->any = true;
	if (serial16_before(h->newest, sequence))
		h->newest = sequence;
	else if (serial16_before(sequence, h->oldest))
		h->oldest = sequence;
	trim(h, now);
	return 0;
}

static rtp_history_entry *held(const rtp_history *h, uint64_t now, uint16_t sequence)
{
	if (!h->ring)
		return NULL;
	rtp_history_entry *e = place(h, sequence);
	return e->data && e->sequence == sequence && now - e->sent <= RTP_HISTORY_AGE_US ? e : NULL;
}

const rtp_history_entry *rtp_history_find(const rtp_history *h, uint64_t now, uint16_t sequence)
{
	return held(h, now, sequence);
}

bool rtp_history_take_turn(rtp_history *h, uint64_t now, uint16_t sequence, uint64_t rtt_us)
{
	rtp_history_entry *e = held(h, now, sequence);
	if (!e || e->resends >= RTP_HISTORY_RESENDS_MAX)
		return false;
	uint64_t least = rtt_us / 2 > RTP_HISTORY_RESEND_MIN_US ? rtt_us / 2 : RTP_HISTORY_RESEND_MIN_US;
	if (e->resends && now - e->resent < least)
		return false;
	e->resends++;
	e->resent = now;
	return true;
}

void rtp_history_check_invariants(const rtp_history *h)
{
	size_t bytes = 0, count = 0;
	for (size_t i = 0; h->ring && i < RTP_HISTORY_PACKETS; i++) {
		const rtp_history_entry *e = &h->ring[i];
		assert(!e->data || e->sequence % RTP_HISTORY_PACKETS == i);
		bytes += e->len;
		count += e->data != NULL;
	}
	assert(bytes == h->bytes && count == h->count);
	assert(h->count <= RTP_HISTORY_PACKETS);
	(void)bytes, (void)count;
}
