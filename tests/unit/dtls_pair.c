#include "tests/unit/dtls_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc.h"
#include "tests/support/virtual_openssl.h"

void dtls_pair_init(dtls_pair *p, uint64_t seed, uint64_t start)
{
	*p = (dtls_pair){.now = start, .delay_us = 10 * US_PER_MS};
	virtual_openssl_begin(seed);
	virtual_openssl_set_now(start);
	rng_seeded_init(&p->rng, seed + 1);
	parley_random random = rng_seeded_source(&p->rng);
	for (int i = 0; i < 2; i++)
		assert_int_equal(dtls_certificate_generate(&random, 1700000000, &p->side[i].certificate), 0);
	p->wire = test_calloc(DTLS_PAIR_WIRE_MAX, sizeof *p->wire);
	for (size_t i = 0; i < DTLS_PAIR_WIRE_MAX; i++)
		p->wire[i].arrives = TIME_NEVER;
}

void dtls_pair_clear(dtls_pair *p)
{
	for (int i = 0; i < 2; i++) {
		dtls_destroy(p->side[i].conn);
		dtls_certificate_free(p->side[i].certificate);
	}
	test_free(p->wire);
	virtual_openssl_end();
}

dtls_config dtls_pair_config(const dtls_pair *p, int side)
{
	return dtls_config_default(p->side[side].certificate, side == DTLS_CLIENT);
}

void dtls_pair_create(dtls_pair *p, int side, const dtls_config *config)
{
	assert_int_equal(dtls_create(config, &p->side[side].conn), 0);
}

void dtls_pair_trust(dtls_pair *p, int side)
{
	slice value = slice_from_string(dtls_certificate_fingerprint(p->side[!side].certificate));
	assert_int_equal(dtls_add_remote_fingerprint(p->side[side].conn, slice_from_string("sha-256"), value), 0);
}

void dtls_pair_start(dtls_pair *p, int side)
{
	assert_int_equal(dtls_start(p->side[side].conn, p->now), 0);
	dtls_pair_drain(p, side);
}

void dtls_pair_connect(dtls_pair *p)
{
	for (int i = 0; i < 2; i++) {
		dtls_config config = dtls_pair_config(p, i);
		if (!p->side[i].conn)
			dtls_pair_create(p, i, &config);
		dtls_pair_trust(p, i);
	}
	dtls_pair_start(p, DTLS_SERVER);
	dtls_pair_start(p, DTLS_CLIENT);
}

static void put_on_wire(dtls_pair *p, int to, slice bytes)
{
	size_t i = 0;
	while (i < DTLS_PAIR_WIRE_MAX && p->wire[i].arrives != TIME_NEVER)
		i++;
	assert_true(i < DTLS_PAIR_WIRE_MAX);
	uint64_t jitter = p->jitter_us ? rng_seeded_below(&p->rng, p->jitter_us) : 0;
	p->wire[i].arrives = p->now + p->delay_us + jitter;
	p->wire[i].to = to;
	p->wire[i].len = bytes.len;
	memcpy(p->wire[i].data, bytes.data, bytes.len);
}

static void drain_transmit(dtls_pair *p, int from)
{
	uint8_t bytes[DTLS_PAIR_DATAGRAM_MAX];
	packet out = {.data = bytes, .capacity = sizeof bytes};
	while (dtls_poll_transmit(p->side[from].conn, p->now, &out)) {
		slice s = slice_of(out.data, out.len);
		p->datagrams++;
		p->digest = p->digest * UINT64_C(0x9e3779b97f4a7c15) + crc32c(s);
		p->longest = s.len > p->longest ? s.len : p->longest;
		if (p->cut[!from] || p->datagrams == p->lose_number || rng_seeded_below(&p->rng, 100) < p->lose_percent)
			continue;
		put_on_wire(p, !from, s);
		if (rng_seeded_below(&p->rng, 100) < p->double_percent)
			put_on_wire(p, !from, s);
	}
}

static void drain_events(dtls_side *s)
{
	dtls_event e;
	while (dtls_poll_event(s->conn, &e)) {
		s->connected |= e.kind == DTLS_EVENT_CONNECTED;
		s->closed |= e.kind == DTLS_EVENT_CLOSED;
		if (e.kind == DTLS_EVENT_FAILED) {
			s->failed = true;
			s->error = e.error;
			s->reason = e.reason;
		}
	}
}

void dtls_pair_drain(dtls_pair *p, int from)
{
	dtls_side *s = &p->side[from];
	slice data;
	dtls_check_invariants(s->conn);
	drain_transmit(p, from);
	while (dtls_poll_data(s->conn, &data)) {
		assert_true(data.len <= sizeof s->last);
		memcpy(s->last, data.data, data.len);
		s->last_len = data.len;
		s->received++;
	}
	drain_events(s);
	dtls_check_invariants(s->conn);
}

void dtls_pair_deliver(dtls_pair *p, int to, slice datagram)
{
	virtual_openssl_set_now(p->now);
	dtls_receive(p->side[to].conn, p->now, datagram);
	dtls_pair_drain(p, to);
}

static dtls_pair_datagram *next_arrival(dtls_pair *p)
{
	dtls_pair_datagram *next = NULL;
	for (size_t i = 0; i < DTLS_PAIR_WIRE_MAX; i++)
		if (p->wire[i].arrives != TIME_NEVER && (!next || p->wire[i].arrives < next->arrives))
			next = &p->wire[i];
	return next;
}

static uint64_t side_deadline(const dtls_pair *p, int side)
{
	return p->side[side].conn ? dtls_deadline(p->side[side].conn) : TIME_NEVER;
}

static void advance(dtls_pair *p, uint64_t to)
{
	if (to > p->now)
		p->now = to;
	virtual_openssl_set_now(p->now);
}

static void run_timers(dtls_pair *p)
{
	for (int i = 0; i < 2; i++) {
		if (side_deadline(p, i) > p->now)
			continue;
		dtls_timeout(p->side[i].conn, p->now);
		dtls_pair_drain(p, i);
	}
}

static void make_noise(dtls_pair *p, int to)
{
	for (size_t i = 0; i < sizeof p->noise / sizeof *p->noise; i++)
		if (p->noise[i].len > 0)
			dtls_pair_deliver(p, to, p->noise[i]);
}

void dtls_pair_run(dtls_pair *p, uint64_t until)
{
	for (;;) {
		dtls_pair_datagram *d = next_arrival(p);
		uint64_t timer = time_min(side_deadline(p, 0), side_deadline(p, 1));
		uint64_t next = d ? time_min(timer, d->arrives) : timer;
		if (next > until || next == TIME_NEVER)
			break;
		advance(p, next);
		if (d && d->arrives <= p->now) {
			dtls_pair_datagram copy = *d;
			d->arrives = TIME_NEVER;
			make_noise(p, copy.to);
			dtls_pair_deliver(p, copy.to, slice_of(copy.data, copy.len));
		} else {
			run_timers(p);
		}
	}
	if (until != TIME_NEVER)
		advance(p, until);
}
