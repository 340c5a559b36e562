#include "stun/ping.h"

#include <assert.h>

#include "base/time.h"
#include "stun/build.h"

int stun_ping_start(stun_ping *p, uint64_t now, const stun_ping_config *config, const parley_random *random)
{
	*p = (stun_ping){.config = *config, .random = *random, .next = now};
	return config->interval_us && config->timeout_us ? 0 : PARLEY_EINVAL;
}

static bool is_over(const stun_ping *p)
{
	return p->error || (p->config.count && p->sent == p->config.count);
}

static int begin_request(stun_ping *p, uint64_t now)
{
	stun_id id;
	int error = stun_id_random(&p->random, &id);
	if (error)
		return error;
	writer w = writer_of(p->request, sizeof p->request);
	stun_begin(&w, STUN_REQUEST, STUN_BINDING, &id);
	stun_txn_reset(&p->txn);
	p->sent++;
	p->next = time_after(now, p->config.interval_us);
	return stun_txn_start_with(&p->txn, now, writer_slice(&w), p->config.timeout_us, 1, p->config.timeout_us);
}

static void report(stun_ping *p, const stun_ping_event *event)
{
	assert(!p->has_event);
	p->event = *event;
	p->event.number = p->sent;
	p->has_event = true;
}

bool stun_ping_receive(stun_ping *p, uint64_t now, slice message)
{
	stun_message m;
	if (stun_parse(message, &m) != 0 || !stun_txn_receive(&p->txn, now, &m, slice_of(NULL, 0)))
		return false;
	stun_ping_event e = {.answered = true, .rtt_us = p->txn.answered_at - p->txn.sent_at};
	e.has_mapped = m.class == STUN_SUCCESS && (m.has_xor_mapped_address || m.has_mapped_address);
	if (e.has_mapped)
		e.mapped = m.has_xor_mapped_address ? m.xor_mapped_address : m.mapped_address;
	else
		e.error_code = m.has_error ? m.error_code : STUN_SERVER_ERROR;
	report(p, &e);
	return true;
}

void stun_ping_timeout(stun_ping *p, uint64_t now)
{
	if (p->txn.state != STUN_TXN_WAITING)
		return;
	stun_txn_timeout(&p->txn, now);
	if (p->txn.state == STUN_TXN_TIMED_OUT)
		report(p, &(stun_ping_event){0});
}

uint64_t stun_ping_deadline(const stun_ping *p)
{
	if (p->txn.state == STUN_TXN_WAITING)
		return stun_txn_deadline(&p->txn);
	return is_over(p) ? TIME_NEVER : p->next;
}

bool stun_ping_poll_transmit(stun_ping *p, uint64_t now, packet *out)
{
	if (p->txn.state != STUN_TXN_WAITING && !is_over(p) && now >= p->next)
		p->error = begin_request(p, now);
	return stun_txn_poll_transmit(&p->txn, now, out);
}

bool stun_ping_poll_event(stun_ping *p, stun_ping_event *out)
{
	bool any = p->has_event;
	*out = p->event;
	p->has_event = false;
	return any;
}

void stun_ping_check_invariants(const stun_ping *p)
{
	stun_txn_check_invariants(&p->txn);
	assert(!p->config.count || p->sent <= p->config.count);
	assert(p->txn.state != STUN_TXN_WAITING || stun_ping_deadline(p) != TIME_NEVER);
	(void)p;
}
