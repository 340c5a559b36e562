#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/rng.h"
#include "sctp/internal.h"

void sctp_config_default(sctp_config *config)
{
	*config = (sctp_config){
		.local_port = SCTP_PORT,
		.remote_port = SCTP_PORT,
		.mtu = SCTP_MTU_DEFAULT,
		.mtu_max = SCTP_MTU_MAX,
		.streams_out = SCTP_STREAMS_MAX,
		.streams_in = SCTP_STREAMS_MAX,
		.streams_in_max = SCTP_STREAMS_MAX,
		.receive_window = SCTP_RECEIVE_WINDOW_DEFAULT,
		.receive_window_max = SCTP_RECEIVE_WINDOW_MAX_DEFAULT,
		.max_message_receive = SCTP_MAX_MESSAGE_DEFAULT,
		.max_message_send = UINT32_MAX,
		.send_buffer = SCTP_SEND_BUFFER_DEFAULT,
		.rto_initial_us = 500 * US_PER_MS,
		.rto_min_us = 220 * US_PER_MS,
		.rto_max_us = 10 * US_PER_S,
		.sack_delay_us = 20 * US_PER_MS,
		.heartbeat_us = 30 * US_PER_S,
		.cookie_life_us = 60 * US_PER_S,
		.interleaving = true,
		.zero_checksum = true,
		.max_init_retransmits = SCTP_UNLIMITED,
		.max_retransmits = SCTP_UNLIMITED,
	};
}

static bool config_valid(const sctp_config *c)
{
	return c->random.fill && c->mtu >= SCTP_MTU_MIN && c->mtu <= SCTP_MTU_MAX && c->mtu_max <= SCTP_MTU_MAX &&
	       c->streams_out && c->streams_in && c->max_message_receive &&
	       c->receive_window / 2 >= c->max_message_receive && c->receive_window >= SCTP_WINDOW_MIN &&
	       c->rto_min_us && c->rto_min_us <= c->rto_max_us && c->rto_initial_us &&
	       c->rto_initial_us <= c->rto_max_us;
}

/* Tag, TSN and key exist from the start, so that an INIT answered before sctp_connect fits what that will send. */
static int draw_secrets(sctp_association *a)
{
	int err = rng_bytes(&a->config.random, a->cookie_key, sizeof a->cookie_key);
	while (!err && !a->local_tag) /* 0 is no tag (RFC 9260 3.3.2) */
		err = rng_u32(&a->config.random, &a->local_tag);
	if (!err)
		err = rng_u32(&a->config.random, &a->local_tsn);
	if (a->config.has_initial_tsn)
		a->local_tsn = a->config.initial_tsn;
	return err;
}

int sctp_create(const sctp_config *config, sctp_association **out)
{
	if (!config_valid(config))
		return PARLEY_EINVAL;
	sctp_association *a = calloc(1, sizeof *a);
	if (!a)
		return PARLEY_ENOMEM;
	a->config = *config;
	a->config.mtu &= ~(size_t)3;
	int err = draw_secrets(a);
	if (err) {
		free(a);
		return err;
	}
	for (size_t i = 0; i < SCTP_TIMER_COUNT; i++)
		a->timers[i] = TIME_NEVER;
	a->streams_out = config->streams_out;
	a->streams_in = config->streams_in;
	list_init(&a->control);
	list_init(&a->events);
	sctp_reassembly_init(&a->reassembly, config->max_message_receive, config->any_length);
	sctp_window_init(&a->window, config->receive_window, config->receive_window_max);
	sctp_send_queue_init(&a->queue, config->send_buffer, config->schedule);
	sctp_outstanding_init(&a->sent, a->local_tsn);
	sctp_pmtu_init(&a->pmtu, a->config.mtu, a->config.mtu_max);
	sctp_rto_init(&a->rto, config->rto_initial_us, config->rto_min_us, config->rto_max_us);
	sctp_congestion_init(&a->congestion, a->config.congestion, a->config.mtu, &a->sent.rate, a->local_tag);
	a->reconfig.next_request = a->local_tsn;
	list_init(&a->reconfig.wanted);
	*out = a;
	return 0;
}

static void control_clear(sctp_association *a)
{
	for (list_node *n; (n = list_pop(&a->control));)
		free(LIST_ENTRY(n, sctp_control, node));
	a->control_count = 0;
}

static void drop_unsent(sctp_association *a)
{
	sctp_outstanding_clear(&a->sent, &a->queue);
	sctp_send_queue_clear(&a->queue);
	sctp_reconfig_clear(a);
	control_clear(a);
	free(a->echo);
	a->echo = NULL;
	a->send_init = a->send_echo = a->send_sack = a->send_forward = a->send_reconfig = false;
	a->send_shutdown = a->send_shutdown_ack = a->send_heartbeat = a->send_pmtu_probe = false;
	a->unacked_packets = 0;
}

void sctp_destroy(sctp_association *a)
{
	if (!a)
		return;
	drop_unsent(a);
	sctp_events_clear(a);
	sctp_reassembly_clear(&a->reassembly);
	sctp_tsn_map_clear(&a->received);
	wipe(a->cookie_key, sizeof a->cookie_key);
	free(a);
}

/* --- state --- */

const char *sctp_state_name(sctp_state state)
{
	static const char *const names[] = {
		"closed",	    "cookie-wait",   "cookie-echoed",	  "established",
		"shutdown-pending", "shutdown-sent", "shutdown-received", "shutdown-ack-sent",
	};
	return names[state];
}

sctp_state sctp_get_state(const sctp_association *a)
{
	return a->state;
}

#define TO(state) (1u << (state))

void sctp_set_state(sctp_association *a, sctp_state next)
{
	static const unsigned legal[] = {
		[SCTP_CLOSED] = TO(SCTP_COOKIE_WAIT) | TO(SCTP_ESTABLISHED),
		[SCTP_COOKIE_WAIT] = TO(SCTP_COOKIE_ECHOED) | TO(SCTP_ESTABLISHED),
		[SCTP_COOKIE_ECHOED] = TO(SCTP_COOKIE_WAIT) | TO(SCTP_ESTABLISHED),
		[SCTP_ESTABLISHED] = TO(SCTP_SHUTDOWN_PENDING) | TO(SCTP_SHUTDOWN_RECEIVED),
		[SCTP_SHUTDOWN_PENDING] = TO(SCTP_SHUTDOWN_SENT) | TO(SCTP_SHUTDOWN_RECEIVED) | TO(SCTP_ESTABLISHED),
		[SCTP_SHUTDOWN_SENT] = TO(SCTP_SHUTDOWN_ACK_SENT) | TO(SCTP_ESTABLISHED),
		[SCTP_SHUTDOWN_RECEIVED] = TO(SCTP_SHUTDOWN_ACK_SENT) | TO(SCTP_ESTABLISHED),
		[SCTP_SHUTDOWN_ACK_SENT] = 0,
	};
	assert(next == SCTP_CLOSED || legal[a->state] & TO(next));
	SCTP_INFO(a, "%s -> %s", sctp_state_name(a->state), sctp_state_name(next));
	a->state = next;
}

bool sctp_is_open(const sctp_association *a)
{
	return a->state >= SCTP_COOKIE_ECHOED && a->state <= SCTP_SHUTDOWN_RECEIVED;
}

void sctp_end(sctp_association *a, int error, const char *format, ...)
{
	if (a->ended)
		return;
	va_list args;
	va_start(args, format);
	vsnprintf(a->end_reason, sizeof a->end_reason, format, args);
	va_end(args);
	SCTP_INFO(a, "ends: %s (%s)", a->end_reason, parley_strerror(error));
	sctp_set_state(a, SCTP_CLOSED);
	drop_unsent(a);
	for (size_t i = 0; i < SCTP_TIMER_COUNT; i++)
		a->timers[i] = TIME_NEVER;
	a->ended = true;
	a->event_closed = true;
	a->end_error = error;
}

int sctp_connect(sctp_association *a, uint64_t now)
{
	if (a->state != SCTP_CLOSED || a->ended)
		return PARLEY_ESTATE;
	if (a->has_peer_init) {
		sctp_begin_established(a, now);
		return 0;
	}
	sctp_set_state(a, SCTP_COOKIE_WAIT);
	a->send_init = true;
	a->asked_at = now;
	sctp_timer_start(a, SCTP_TIMER_T1, now, a->rto.rto);
	return 0;
}

void sctp_set_remote_port(sctp_association *a, uint16_t port)
{
	a->config.remote_port = port;
}

void sctp_set_mtu_max(sctp_association *a, size_t size)
{
	a->config.mtu_max = size < SCTP_MTU_MAX ? size : SCTP_MTU_MAX;
	sctp_pmtu_init(&a->pmtu, a->config.mtu, a->config.mtu_max);
}

void sctp_set_max_message_send(sctp_association *a, uint32_t size)
{
	a->config.max_message_send = size;
}

static bool may_send(const sctp_association *a)
{
	return !a->ended && a->state <= SCTP_ESTABLISHED;
}

/* May so much be sent on the stream? */
static int check_send(sctp_association *a, uint16_t stream, uint64_t len, sctp_stream_out **out)
{
	if (!may_send(a))
		return PARLEY_ESTATE;
	if (stream >= a->streams_out)
		return PARLEY_EINVAL;
	if (len > a->config.max_message_send && a->config.max_message_send != UINT32_MAX)
		return PARLEY_EMSGSIZE;
	*out = sctp_stream_out_of(&a->queue, stream);
	if (!*out)
		return PARLEY_ENOMEM;
	return (*out)->reset == SCTP_RESET_NONE ? 0 : PARLEY_ESTATE;
}

int sctp_send(sctp_association *a, uint64_t now, uint16_t stream, uint32_t ppid, slice message,
	      const sctp_send_options *options)
{
	sctp_stream_out *s;
	if (!message.len)
		return PARLEY_EINVAL;
	int err = check_send(a, stream, message.len, &s);
	if (err)
		return err;
	if (s->open)
		return PARLEY_ESTATE;
	sctp_send_options reliable = {.unordered = options && options->unordered,
				      .has_value = options && options->has_value,
				      .value = options ? options->value : 0,
				      .uncounted = options && options->uncounted};
	if (a->has_peer && !sctp_peer_can_skip(a))
		options = &reliable; /* it could not be told what to skip (RFC 3758 3.3) */
	err = sctp_send_queue_add(&a->queue, s, now, ppid, message, options);
	a->stats.messages_sent += err == 0;
	sctp_pmtu_demand(a, now);
	return err;
}

int sctp_send_part(sctp_association *a, uint64_t now, uint16_t stream, uint32_t ppid, slice part, bool last,
		   const sctp_send_options *options)
{
	sctp_stream_out *s = stream_map_get(&a->queue.streams, stream);
	if (options && (options->has_max_retransmits || options->has_lifetime || options->has_value))
		return PARLEY_EINVAL;
	if (!part.len && (!s || !s->open))
		return last ? PARLEY_EINVAL : 0;
	uint64_t before = s && s->open ? s->open_len : 0;
	int err = check_send(a, stream, before + part.len, &s);
	if (!err)
		err = sctp_send_queue_add_part(&a->queue, s, ppid, part, last, options);
	a->stats.messages_sent += !err && last;
	sctp_pmtu_demand(a, now);
	return err;
}

int sctp_abandon_open(sctp_association *a, uint64_t now, sctp_stream_out *s)
{
	if (!s->open)
		return 0;
	int err = sctp_peer_can_skip(a) ? sctp_outstanding_reserve(&a->sent) : PARLEY_EUNSUPPORTED;
	if (err)
		return err;
	sctp_outstanding_abandon_open(&a->sent, &a->queue, s);
	if (sctp_outstanding_count(&a->sent) && !sctp_timer_armed(a, SCTP_TIMER_T3))
		sctp_timer_start(a, SCTP_TIMER_T3, now, a->rto.rto);
	return 0;
}

size_t sctp_buffered(const sctp_association *a, uint16_t stream)
{
	const sctp_stream_out *s = stream_map_get(&a->queue.streams, stream);
	return s ? s->buffered : 0;
}

int sctp_set_low_threshold(sctp_association *a, uint16_t stream, size_t threshold)
{
	sctp_stream_out *s = sctp_stream_out_of(&a->queue, stream);
	if (!s)
		return PARLEY_ENOMEM;
	s->low_threshold = threshold;
	return 0;
}

int sctp_set_partial_delivery(sctp_association *a, uint16_t stream, bool on)
{
	return sctp_reassembly_set_parts(&a->reassembly, stream, on);
}

int sctp_set_priority(sctp_association *a, uint16_t stream, uint16_t priority)
{
	if (!priority)
		return PARLEY_EINVAL;
	sctp_stream_out *s = sctp_stream_out_of(&a->queue, stream);
	if (!s)
		return PARLEY_ENOMEM;
	sctp_scheduler_set_priority(&a->queue.scheduler, &s->turn, priority);
	return 0;
}

/* --- timers --- */

void sctp_timer_start(sctp_association *a, sctp_timer timer, uint64_t now, uint64_t delay)
{
	a->timers[timer] = time_after(now, delay);
}

void sctp_timer_stop(sctp_association *a, sctp_timer timer)
{
	a->timers[timer] = TIME_NEVER;
}

bool sctp_timer_armed(const sctp_association *a, sctp_timer timer)
{
	return a->timers[timer] != TIME_NEVER;
}

uint64_t sctp_deadline(const sctp_association *a)
{
	uint64_t first = TIME_NEVER;
	for (size_t i = 0; i < SCTP_TIMER_COUNT; i++)
		first = time_min(first, a->timers[i]);
	return first;
}

bool sctp_count_error(sctp_association *a, uint32_t max)
{
	a->errors++;
	if (max == SCTP_UNLIMITED || a->errors <= max)
		return false;
	sctp_end(a, PARLEY_ETIMEDOUT, "no answer to %u attempts", a->errors);
	return true;
}

static void expired(sctp_association *a, sctp_timer timer, uint64_t now)
{
	switch (timer) {
	case SCTP_TIMER_T1:
		sctp_t1_expired(a, now);
		break;
	case SCTP_TIMER_T2:
		sctp_t2_expired(a, now);
		break;
	case SCTP_TIMER_PROBE:
		sctp_probe_expired(a, now);
		break;
	case SCTP_TIMER_T3:
		sctp_t3_expired(a, now);
		break;
	case SCTP_TIMER_RACK:
		sctp_rack_expired(a, now);
		break;
	case SCTP_TIMER_PACER: /* poll_transmit goes on */
		break;
	case SCTP_TIMER_RECONFIG:
		sctp_reconfig_expired(a, now);
		break;
	case SCTP_TIMER_SACK:
		a->send_sack = true;
		break;
	case SCTP_TIMER_HEARTBEAT:
		sctp_heartbeat_expired(a, now);
		break;
	case SCTP_TIMER_PMTU:
		sctp_pmtu_expired(a, now);
		break;
	case SCTP_TIMER_COUNT:
		break;
	}
}

void sctp_timeout(sctp_association *a, uint64_t now)
{
	for (size_t i = 0; i < SCTP_TIMER_COUNT; i++) {
		if (a->timers[i] > now)
			continue;
		a->timers[i] = TIME_NEVER;
		expired(a, (sctp_timer)i, now);
	}
}
