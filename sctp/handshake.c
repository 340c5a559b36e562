#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "sctp/internal.h"

/* --- what each side announces --- */

sctp_features sctp_our_features(const sctp_association *a)
{
	return (sctp_features){.forward_tsn = true,
			       .reconfig = true,
			       .i_data = a->config.interleaving,
			       .i_forward_tsn = a->config.interleaving,
			       .zero_checksum = a->config.zero_checksum};
}

sctp_init sctp_our_init(const sctp_association *a)
{
	return (sctp_init){.tag = a->local_tag,
			   .window = sctp_a_rwnd(a),
			   .streams_out = a->config.streams_out,
			   .streams_in = a->config.streams_in,
			   .initial_tsn = a->local_tsn,
			   .features = sctp_our_features(a)};
}

bool sctp_interleaving(const sctp_association *a)
{
	return a->config.interleaving && a->peer.i_data;
}

bool sctp_peer_can_skip(const sctp_association *a)
{
	return sctp_interleaving(a) ? a->peer.i_forward_tsn : a->peer.forward_tsn;
}

static void learn_peer(sctp_association *a, const sctp_cookie *p)
{
	a->has_peer = true;
	a->peer_tag = p->peer_tag;
	a->peer_window = p->peer_window;
	a->streams_out = a->config.streams_out < p->streams_in ? a->config.streams_out : p->streams_in;
	a->streams_in = a->config.streams_in < p->streams_out ? a->config.streams_in : p->streams_out;
	a->peer = p->features;
	a->queue.interleaving = a->reassembly.interleaved = sctp_interleaving(a);
	if (!sctp_peer_can_skip(a))
		sctp_send_queue_make_reliable(&a->queue);
	sctp_tsn_map_clear(&a->received);
	sctp_tsn_map_init(&a->received, p->peer_tsn);
	sctp_reconfig_init(a, p->peer_tsn);
	a->announced_window = sctp_a_rwnd(a);
}

static sctp_cookie cookie_of(const sctp_init *init)
{
	return (sctp_cookie){.peer_tag = init->tag,
			     .peer_tsn = init->initial_tsn,
			     .peer_window = init->window,
			     .streams_out = init->streams_out,
			     .streams_in = init->streams_in,
			     .features = init->features};
}

/* An answer to what was asked once only (Karn). */
static void measure(sctp_association *a, uint64_t now)
{
	if (!a->errors)
		sctp_rto_sample(&a->rto, now - a->asked_at);
}

static void establish(sctp_association *a, uint64_t now)
{
	sctp_timer_stop(a, SCTP_TIMER_T1);
	a->errors = 0;
	a->send_init = a->send_echo = false;
	free(a->echo);
	a->echo = NULL;
	sctp_rto_forget_back_off(&a->rto);
	sctp_set_state(a, SCTP_ESTABLISHED);
	SCTP_INFO(a, "agreed: %s, %s, %s, %u streams out, %u in", sctp_interleaving(a) ? "I-DATA" : "DATA",
		  sctp_peer_can_skip(a) ? "partial reliability" : "all reliable",
		  a->peer.zero_checksum && a->config.zero_checksum ? "no checksums" : "checksums", a->streams_out,
		  a->streams_in);
	a->event_connected = true;
	if (sctp_outstanding_count(&a->sent))
		sctp_timer_start(a, SCTP_TIMER_T3, now, a->rto.rto);
	sctp_heartbeat_restart(a, now);
	sctp_pmtu_demand(a, now);
	sctp_progress(a, now);
}

/* --- INIT --- */

/*
 * The tags and the TSN of the association to be (RFC 9260 5.1, 5.2.1, 5.2.2): in an opening one our own, unchanged, so
 * that a collision ends in one association; beside an existing one a new pair, with the old tags as tie tags.
 */
static int choose_tags(sctp_association *a, sctp_cookie *c)
{
	c->local_tag = a->local_tag;
	c->local_tsn = a->local_tsn;
	if (a->state == SCTP_COOKIE_ECHOED || a->state >= SCTP_ESTABLISHED) {
		c->local_tie = a->local_tag;
		c->peer_tie = a->peer_tag;
	}
	if (a->state < SCTP_ESTABLISHED)
		return 0;
	int err = rng_u32(&a->config.random, &c->local_tsn);
	c->local_tag = 0;
	while (!err && !c->local_tag)
		err = rng_u32(&a->config.random, &c->local_tag);
	return err;
}

static void answer_init(sctp_association *a, const sctp_cookie *c, const sctp_init *init)
{
	uint8_t cookie[SCTP_COOKIE_SIZE], bytes[SCTP_MTU_MAX];
	if (sctp_cookie_seal(c, a->cookie_key, cookie))
		return;
	sctp_init ack = {.tag = c->local_tag,
			 .window = a->config.receive_window, /* all of it: a restart drops what is held now */
			 .streams_out = a->config.streams_out,
			 .streams_in = a->config.streams_in,
			 .initial_tsn = c->local_tsn,
			 .features = sctp_our_features(a),
			 .has_cookie = true,
			 .cookie = slice_of(cookie, sizeof cookie)};
	size_t room = a->config.mtu - SCTP_PACKET_HEADER;
	size_t size = 200; /* without reports: chunk 20, features 24, cookie 4 + 77, rounded up */
	for (size_t i = 0; i < init->unrecognized_count; i++) {
		size += init->unrecognized[i].len + SCTP_TLV_HEADER + 3;
		if (size <= room)
			ack.unrecognized[ack.unrecognized_count++] = init->unrecognized[i];
	}
	writer w = writer_of(bytes, room);
	sctp_init_encode(&w, SCTP_CHUNK_INIT_ACK, &ack);
	assert(!w.bad);
	sctp_queue_packet(a, init->tag, writer_slice(&w));
}

/* RFC 9260 3.3.2: without streams, or with a window that holds no packet, there is no association. */
static bool is_possible(const sctp_init *init)
{
	return init->streams_out && init->streams_in && init->window >= SCTP_WINDOW_MIN;
}

static void refuse_init(sctp_association *a, const sctp_init *init)
{
	uint8_t bytes[2 * SCTP_TLV_HEADER];
	writer w = writer_of(bytes, sizeof bytes);
	size_t at = sctp_chunk_begin(&w, SCTP_CHUNK_ABORT, 0);
	sctp_write_param(&w, SCTP_CAUSE_INVALID_PARAM, (slice){0});
	sctp_tlv_end(&w, at);
	sctp_queue_packet(a, init->tag, writer_slice(&w));
}

void sctp_handle_init(sctp_association *a, uint64_t now, const sctp_header *header, const sctp_tlv *chunk)
{
	(void)header;
	sctp_init init;
	if (!sctp_init_decode(chunk->value, &init) || !init.tag) {
		SCTP_WARN(a, "malformed INIT");
		return;
	}
	if (!is_possible(&init)) {
		refuse_init(a, &init);
		return;
	}
	if (a->state == SCTP_SHUTDOWN_ACK_SENT) {
		a->send_shutdown_ack = true; /* RFC 9260 9.2 */
		return;
	}
	sctp_cookie c = cookie_of(&init);
	c.created = now;
	if (choose_tags(a, &c) == 0)
		answer_init(a, &c, &init);
}

/* --- INIT ACK --- */

static void report_unrecognized(sctp_association *a, const sctp_init *init)
{
	uint8_t bytes[SCTP_MTU_MAX];
	writer w = writer_of(bytes, a->config.mtu / 2);
	for (size_t i = 0; i < init->unrecognized_count; i++)
		if (init->unrecognized[i].len + SCTP_TLV_HEADER + 3 <= writer_left(&w))
			sctp_write_param(&w, SCTP_CAUSE_UNRECOGNIZED_PARAM, init->unrecognized[i]);
	if (w.len)
		sctp_queue_chunk(a, SCTP_CHUNK_ERROR, 0, writer_slice(&w));
}

void sctp_handle_init_ack(sctp_association *a, uint64_t now, const sctp_tlv *chunk)
{
	sctp_init init;
	if (a->state != SCTP_COOKIE_WAIT)
		return; /* RFC 9260 5.2.3 */
	if (!sctp_init_decode(chunk->value, &init)) {
		SCTP_WARN(a, "malformed INIT-ACK");
		return;
	}
	if (!init.tag || !init.streams_out || !init.streams_in) { /* RFC 9260 3.3.3; without a tag nobody can be told */
		a->has_peer = init.tag != 0;
		a->peer_tag = init.tag;
		sctp_abort_with(a, SCTP_CAUSE_INVALID_PARAM, 0, PARLEY_EPROTO, "INIT-ACK without tag or streams");
		return;
	}
	if (!is_possible(&init)) {
		SCTP_WARN(a, "INIT-ACK with a window of %u", (unsigned)init.window);
		return; /* T1 asks again */
	}
	if (!init.has_cookie || init.cookie.len + SCTP_TLV_HEADER + SCTP_PACKET_HEADER > a->config.mtu) {
		a->has_peer = true;
		a->peer_tag = init.tag;
		if (!init.has_cookie)
			sctp_abort_with(a, SCTP_CAUSE_MISSING_PARAM, SCTP_PARAM_STATE_COOKIE, PARLEY_EPROTO,
					"INIT-ACK without a cookie");
		else
			sctp_abort_with(a, SCTP_CAUSE_OUT_OF_RESOURCE, 0, PARLEY_EPROTO,
					"INIT-ACK with a cookie that fits no packet");
		return;
	}
	uint8_t *echo = malloc(init.cookie.len ? init.cookie.len : 1);
	if (!echo)
		return; /* T1 asks again */
	if (init.cookie.len)
		memcpy(echo, init.cookie.data, init.cookie.len);
	free(a->echo);
	a->echo = echo;
	a->echo_len = init.cookie.len;
	sctp_cookie peer = cookie_of(&init);
	learn_peer(a, &peer);
	report_unrecognized(a, &init);
	sctp_set_state(a, SCTP_COOKIE_ECHOED);
	measure(a, now);
	a->errors = 0;
	a->asked_at = now;
	a->send_init = false;
	a->send_echo = true;
	sctp_timer_start(a, SCTP_TIMER_T1, now, a->rto.rto);
}

/* --- COOKIE ECHO --- */

/* Everything of the old association goes; the owner is told (RFC 9260 5.2.4.1). */
static void restart(sctp_association *a, const sctp_cookie *c)
{
	SCTP_INFO(a, "the peer restarted");
	sctp_outstanding_clear(&a->sent, &a->queue);
	sctp_send_queue_clear(&a->queue);
	sctp_reconfig_clear(a);
	sctp_events_clear(a);
	sctp_reassembly_clear(&a->reassembly);
	sctp_reassembly_init(&a->reassembly, a->config.max_message_receive, a->config.any_length);
	sctp_window_init(&a->window, a->config.receive_window, a->config.receive_window_max);
	a->local_tag = c->local_tag;
	a->local_tsn = c->local_tsn;
	sctp_outstanding_init(&a->sent, a->local_tsn);
	sctp_congestion_init(&a->congestion, a->config.congestion, a->config.mtu, &a->sent.rate, a->local_tag);
	a->recovery = (sctp_recovery){0};
	a->reconfig.next_request = a->local_tsn;
	sctp_pmtu_init(&a->pmtu, a->config.mtu, a->config.mtu_max);
	a->send_sack = a->send_forward = a->send_reconfig = a->send_shutdown = a->send_pmtu_probe = false;
	a->unacked_packets = 0;
	a->event_restarted = true;
	for (size_t i = 0; i < SCTP_TIMER_COUNT; i++)
		a->timers[i] = TIME_NEVER;
}

static void refuse_stale(sctp_association *a, uint64_t age, const sctp_cookie *c)
{
	uint8_t bytes[3 * SCTP_TLV_HEADER];
	writer w = writer_of(bytes, sizeof bytes);
	uint64_t late = age - a->config.cookie_life_us;
	size_t at = sctp_chunk_begin(&w, SCTP_CHUNK_ERROR, 0);
	size_t cause = sctp_param_begin(&w, SCTP_CAUSE_STALE_COOKIE);
	write_u32(&w, late < UINT32_MAX ? (uint32_t)late : UINT32_MAX); /* microseconds (RFC 9260 3.3.10.3) */
	sctp_tlv_end(&w, cause);
	sctp_tlv_end(&w, at);
	sctp_queue_packet(a, c->peer_tag, writer_slice(&w));
	SCTP_WARN(a, "stale cookie");
}

typedef enum { COOKIE_NEW, COOKIE_RESTART, COOKIE_COLLISION, COOKIE_SAME, COOKIE_DISCARD } cookie_action;

/* RFC 9260 5.2.4, table 12: A is RESTART, B is COLLISION, C is DISCARD, D is SAME. */
static cookie_action classify(const sctp_association *a, const sctp_cookie *c)
{
	if (a->state == SCTP_CLOSED)
		return COOKIE_NEW;
	bool local = c->local_tag == a->local_tag;
	bool peer = a->has_peer && c->peer_tag == a->peer_tag;
	if (local && peer)
		return COOKIE_SAME;
	if (local) /* established: then the peer's tag is settled, and this cookie older than that */
		return a->state <= SCTP_COOKIE_ECHOED ? COOKIE_COLLISION : COOKIE_DISCARD;
	bool ties = a->has_peer && c->local_tie == a->local_tag && c->peer_tie == a->peer_tag;
	return !peer && ties && a->state >= SCTP_ESTABLISHED ? COOKIE_RESTART : COOKIE_DISCARD;
}

/* While shutting down there is no restart (RFC 9260 5.2.4 A). */
static void refuse_restart(sctp_association *a)
{
	uint8_t bytes[SCTP_TLV_HEADER];
	writer w = writer_of(bytes, sizeof bytes);
	sctp_write_param(&w, SCTP_CAUSE_COOKIE_WHILE_SHUTDOWN, (slice){0});
	sctp_queue_chunk(a, SCTP_CHUNK_ERROR, 0, writer_slice(&w));
	a->send_shutdown_ack = true;
}

static bool act_on_cookie(sctp_association *a, uint64_t now, const sctp_cookie *c)
{
	switch (classify(a, c)) {
	case COOKIE_RESTART:
		if (a->state == SCTP_SHUTDOWN_ACK_SENT) {
			refuse_restart(a);
			return false;
		}
		restart(a, c);
		learn_peer(a, c);
		if (a->state != SCTP_ESTABLISHED)
			sctp_set_state(a, SCTP_ESTABLISHED);
		sctp_heartbeat_restart(a, now);
		return true;
	case COOKIE_NEW:
	case COOKIE_COLLISION:
		learn_peer(a, c);
		if (now - c->created < a->rto.initial) /* sooner than either side asks again */
			sctp_rto_sample(&a->rto, now - c->created);
		establish(a, now);
		return true;
	case COOKIE_SAME:
		if (a->state <= SCTP_COOKIE_ECHOED)
			establish(a, now);
		return true;
	case COOKIE_DISCARD:
		break;
	}
	SCTP_WARN(a, "cookie of another handshake");
	return false;
}

bool sctp_handle_cookie_echo(sctp_association *a, uint64_t now, const sctp_header *header, const sctp_tlv *chunk)
{
	sctp_cookie c;
	if (sctp_cookie_open(chunk->value, a->cookie_key, &c) || c.local_tag != header->tag) {
		a->stats.packets_invalid++;
		SCTP_WARN(a, "forged cookie");
		return false;
	}
	uint64_t age = now - c.created;
	if (age > a->config.cookie_life_us && classify(a, &c) != COOKIE_SAME) {
		refuse_stale(a, age, &c);
		return false;
	}
	if (!act_on_cookie(a, now, &c))
		return false;
	sctp_queue_chunk(a, SCTP_CHUNK_COOKIE_ACK, 0, (slice){0});
	return true;
}

void sctp_handle_cookie_ack(sctp_association *a, uint64_t now)
{
	if (a->state != SCTP_COOKIE_ECHOED)
		return; /* RFC 9260 5.2.5 */
	measure(a, now);
	establish(a, now);
}

void sctp_stale_cookie(sctp_association *a, uint64_t now)
{
	if (a->state != SCTP_COOKIE_ECHOED)
		return;
	sctp_set_state(a, SCTP_COOKIE_WAIT); /* RFC 9260 5.2.6 1 */
	a->send_echo = false;
	a->send_init = true;
	sctp_outstanding_lose_all(&a->sent, &a->queue, now);
	sctp_timer_start(a, SCTP_TIMER_T1, now, a->rto.rto);
}

void sctp_t1_expired(sctp_association *a, uint64_t now)
{
	if (a->state != SCTP_COOKIE_WAIT && a->state != SCTP_COOKIE_ECHOED)
		return;
	if (sctp_count_error(a, a->config.max_init_retransmits))
		return;
	a->send_init = a->state == SCTP_COOKIE_WAIT;
	a->send_echo = a->state == SCTP_COOKIE_ECHOED;
	if (a->send_echo)
		sctp_outstanding_lose_all(&a->sent, &a->queue, now); /* DATA that went with it is lost as well */
	sctp_rto_back_off(&a->rto);
	sctp_timer_start(a, SCTP_TIMER_T1, now, a->rto.rto);
}

/* --- SNAP: the INITs have travelled by signaling --- */

int sctp_local_init(const sctp_association *a, writer *w)
{
	if (a->state != SCTP_CLOSED || a->ended)
		return PARLEY_ESTATE;
	sctp_init init = sctp_our_init(a);
	sctp_init_encode(w, SCTP_CHUNK_INIT, &init);
	sctp_tlv chunk;
	reader r = reader_of(writer_slice(w));
	if (w->bad || !sctp_tlv_next(&r, &chunk))
		return PARLEY_EMSGSIZE;
	w->len = chunk.whole.len; /* padding is for packets */
	return 0;
}

static bool decode_init(slice bytes, sctp_init *init)
{
	sctp_tlv chunk;
	reader r = reader_of(bytes);
	return sctp_tlv_next(&r, &chunk) && !reader_left(&r) && sctp_chunk_type_of(&chunk) == SCTP_CHUNK_INIT &&
	       sctp_init_decode(chunk.value, init) && init->tag && is_possible(init);
}

bool sctp_init_is_valid(slice chunk)
{
	sctp_init init;
	return decode_init(chunk, &init);
}

int sctp_set_peer_init(sctp_association *a, slice chunk)
{
	sctp_init init;
	if (a->state != SCTP_CLOSED || a->ended)
		return PARLEY_ESTATE;
	if (!decode_init(chunk, &init))
		return PARLEY_EINVAL;
	a->peer_init = cookie_of(&init);
	a->has_peer_init = true;
	return 0;
}

void sctp_begin_established(sctp_association *a, uint64_t now)
{
	learn_peer(a, &a->peer_init);
	establish(a, now);
}
