#include "tests/unit/sctp_pair.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sctp/internal.h"

static void swap(pair_packet *x, pair_packet *y)
{
	pair_packet t = *x;
	*x = *y;
	*y = t;
}

/* Packets sent at once arrive in their order. */
static bool before(const pair_packet *x, const pair_packet *y)
{
	return x->at < y->at || (x->at == y->at && x->number < y->number);
}

static void heap_push(pair *p, pair_packet it)
{
	size_t i = p->packet_count++;
	assert(i < PAIR_PACKETS);
	p->packets[i] = it;
	for (; i && before(&p->packets[i], &p->packets[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&p->packets[i], &p->packets[(i - 1) / 2]);
}

static pair_packet heap_pop(pair *p)
{
	pair_packet first = p->packets[0];
	p->packets[0] = p->packets[--p->packet_count];
	for (size_t i = 0;;) {
		size_t least = i;
		for (size_t child = 2 * i + 1; child <= 2 * i + 2; child++)
			if (child < p->packet_count && before(&p->packets[child], &p->packets[least]))
				least = child;
		if (least == i)
			return first;
		swap(&p->packets[i], &p->packets[least]);
		i = least;
	}
}

void pair_prepare(pair *p, uint64_t seed)
{
	memset(p, 0, sizeof *p);
	rng_seeded_init(&p->rng, seed);
	p->now = 1000 * US_PER_S;
	p->delay_us = 20 * US_PER_MS;
	for (int i = 0; i < 2; i++) {
		rng_seeded_init(&p->secrets[i], seed * 2 + (uint64_t)i + 77);
		sctp_config_default(&p->config[i]);
		p->config[i].random = rng_seeded_source(&p->secrets[i]);
		p->config[i].mtu_max = 0; /* packets of a known size; sctp_pmtu_test.c searches */
	}
}

bool pair_create(pair *p)
{
	p->packets = calloc(PAIR_PACKETS, sizeof *p->packets);
	return p->packets && sctp_create(&p->config[0], &p->end[0]) == 0 && sctp_create(&p->config[1], &p->end[1]) == 0;
}

void pair_clear(pair *p)
{
	for (size_t i = 0; i < p->packet_count; i++)
		free(p->packets[i].bytes);
	free(p->packets);
	for (int i = 0; i < 2; i++) {
		sctp_destroy(p->end[i]);
		free(p->last[i]);
	}
}

static uint64_t arrival(pair *p)
{
	return p->now + p->delay_us + (p->jitter_us ? rng_seeded_below(&p->rng, p->jitter_us) : 0);
}

static void put(pair *p, int to, slice bytes)
{
	uint8_t *copy = malloc(bytes.len ? bytes.len : 1);
	if (!copy)
		return; /* lost */
	memcpy(copy, bytes.data, bytes.len);
	heap_push(p, (pair_packet){.at = arrival(p), .number = p->number++, .to = to, .len = bytes.len, .bytes = copy});
}

static void transmit(pair *p, int from, slice bytes)
{
	p->sent[from]++;
	if (p->drop && p->drop(p, from, bytes))
		return;
	if (rng_seeded_below(&p->rng, 1000) >= p->loss_per_mille)
		put(p, !from, bytes);
	if (rng_seeded_below(&p->rng, 1000) < p->duplicate_per_mille)
		put(p, !from, bytes);
}

static void keep_message(pair *p, int side, const sctp_event *e)
{
	p->messages[side]++;
	p->bytes[side] += e->data.len;
	free(p->last[side]);
	p->last[side] = malloc(e->data.len);
	p->last_len[side] = p->last[side] ? e->data.len : 0;
	if (p->last[side])
		memcpy(p->last[side], e->data.data, e->data.len);
	p->last_stream[side] = e->stream;
	p->last_ppid[side] = e->ppid;
}

static void note(pair *p, int side, const sctp_event *e)
{
	switch (e->type) {
	case SCTP_EVENT_CONNECTED:
		p->connected[side] = true;
		break;
	case SCTP_EVENT_RESTARTED:
		p->restarted[side]++;
		break;
	case SCTP_EVENT_MESSAGE:
		keep_message(p, side, e);
		break;
	case SCTP_EVENT_MESSAGE_PART:
		p->parts[side]++;
		p->messages[side] += e->last && !e->aborted;
		p->bytes[side] += e->data.len;
		break;
	case SCTP_EVENT_STREAMS_RESET:
		p->resets_in[side] += e->reset == SCTP_RESET_INCOMING;
		p->resets_out[side] += e->reset == SCTP_RESET_OUTGOING;
		p->denied[side] += e->reset == SCTP_RESET_OUTGOING_DENIED;
		break;
	case SCTP_EVENT_STREAMS_CHANGED:
		p->changes[side]++;
		p->change_error[side] = e->error;
		break;
	case SCTP_EVENT_BUFFERED_LOW:
		p->low[side]++;
		break;
	case SCTP_EVENT_SEND_FAILED:
		p->failed[side]++;
		break;
	case SCTP_EVENT_CLOSED:
		assert(!p->closed[side]);
		p->closed[side] = true;
		p->error[side] = e->error;
		snprintf(p->reason[side], sizeof p->reason[side], "%s", e->reason);
		break;
	}
}

static void take_events(pair *p, int side)
{
	sctp_event e;
	if (p->hold_events[side])
		return;
	if (p->pump) {
		p->pump(p, side);
		return;
	}
	while (sctp_poll_event(p->end[side], &e)) {
		note(p, side, &e);
		if (p->on_event)
			p->on_event(p, side, &e);
	}
}

static void take_packets(pair *p, int side)
{
	uint8_t *bytes = malloc(SCTP_MTU_MAX);
	packet out = {.data = bytes, .capacity = SCTP_MTU_MAX};
	for (size_t max;
	     bytes && (max = sctp_packet_max(p->end[side]), sctp_poll_transmit(p->end[side], p->now, &out));) {
		assert(out.len <= max);
		if (getenv("SCTP_PAIR_PRINT")) {
			char line[400];
			text t = text_of(line, sizeof line);
			sctp_print_packet(slice_of(out.data, out.len), &t);
			fprintf(stderr, "%8.3f %d> %s\n", (double)(p->now - 1000 * US_PER_S) / 1e6, side, line);
		}
		transmit(p, side, slice_of(out.data, out.len));
	}
	free(bytes);
}

void pair_drain(pair *p)
{
	for (int side = 0; side < 2; side++) {
		take_events(p, side);
		take_packets(p, side);
		take_events(p, side);
		take_packets(p, side);
		if (!p->unchecked)
			sctp_check_invariants(p->end[side]);
	}
}

void pair_inject(pair *p, int to, slice bytes)
{
	sctp_receive(p->end[to], p->now, bytes);
	sctp_check_invariants(p->end[to]);
	pair_drain(p);
}

/* One step to the next thing that happens, not beyond end. */
static void step(pair *p, uint64_t end)
{
	uint64_t next = p->packet_count ? p->packets[0].at : TIME_NEVER;
	for (int side = 0; side < 2; side++)
		next = time_min(next, sctp_deadline(p->end[side]));
	if (next > end) {
		p->now = end;
		return;
	}
	if (next > p->now)
		p->now = next;
	if (p->packet_count && p->packets[0].at <= p->now) {
		pair_packet it = heap_pop(p);
		sctp_receive(p->end[it.to], p->now, slice_of(it.bytes, it.len));
		free(it.bytes);
	}
	for (int side = 0; side < 2; side++)
		if (sctp_deadline(p->end[side]) <= p->now)
			sctp_timeout(p->end[side], p->now);
	pair_drain(p);
}

void pair_run(pair *p, uint64_t us)
{
	uint64_t end = p->now + us;
	pair_drain(p);
	while (p->now < end)
		step(p, end);
}

bool pair_run_until(pair *p, bool (*done)(pair *p), uint64_t us)
{
	uint64_t end = p->now + us;
	pair_drain(p);
	while (!done(p) && p->now < end)
		step(p, end);
	return done(p);
}

bool pair_both_connected(pair *p)
{
	return p->connected[0] && p->connected[1];
}

bool pair_connect(pair *p)
{
	return pair_create(p) && sctp_connect(p->end[0], p->now) == 0 && sctp_connect(p->end[1], p->now) == 0 &&
	       pair_run_until(p, pair_both_connected, 60 * US_PER_S);
}

size_t pair_wrap(const pair *p, int to, slice chunks, uint8_t *out, size_t capacity)
{
	writer w = writer_of(out, capacity);
	sctp_packet_begin(&w, SCTP_PORT, SCTP_PORT, p->end[to]->local_tag);
	write_bytes(&w, chunks);
	sctp_packet_seal(&w);
	assert(!w.bad);
	return w.len;
}

void pair_fill(uint8_t *out, size_t len, uint32_t seed)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)((seed + i) * 2654435761u >> 13);
}
