/* rtp/session.c: a session's life, its clock, and its verbs; most of what they do is in the files named in the internal header. */
#include "rtp/session.h"

#include <stdlib.h>
#include <string.h>

#include "rtp/session_internal.h"

#define CNAME_BYTES 12u /* RFC 7022 4.2: at least 96 bits */
#define NTP_UNIX_S UINT64_C(2208988800)
#define RTT_SHARE 8u

void rtp_session_config_default(rtp_session_config *config)
{
	*config = (rtp_session_config){.mtu = RTP_SESSION_MTU_DEFAULT};
}

/* --- finding --- */

rtp_sender *session_sender(const rtp_session *s, rtp_sender_id id)
{
	for (size_t i = 0; id && i < s->sender_count; i++)
		if (s->senders[i]->id == id)
			return s->senders[i];
	return NULL;
}

rtp_receiver *session_receiver(const rtp_session *s, rtp_receiver_id id)
{
	for (size_t i = 0; id && i < s->receiver_count; i++)
		if (s->receivers[i]->id == id)
			return s->receivers[i];
	return NULL;
}

rtp_sender *session_sender_of_ssrc(const rtp_session *s, uint32_t ssrc)
{
	for (size_t i = 0; i < s->sender_count; i++)
		if (s->senders[i]->config.ssrc == ssrc)
			return s->senders[i];
	return NULL;
}

bool session_ssrc_in_use(const rtp_session *s, uint32_t ssrc, rtp_sender_id except)
{
	for (size_t i = 0; i < s->sender_count; i++) {
		const rtp_sender_config *c = &s->senders[i]->config;
		if (s->senders[i]->id != except && (c->ssrc == ssrc || (c->has_rtx && c->rtx_ssrc == ssrc)))
			return true;
	}
	return false;
}

/* --- time --- */

uint64_t session_ntp(const rtp_session *s, uint64_t now)
{
	return rtcp_ntp_of_us(s->config.unix_time_us + (now - s->config.now) + NTP_UNIX_S * US_PER_S);
}

uint64_t session_rtt(const rtp_session *s)
{
	return s->has_rtt ? s->rtt_us : RTP_RTT_DEFAULT_US;
}

void session_measured_rtt(rtp_session *s, uint64_t sample)
{
	s->rtt_us = s->has_rtt ? ((RTT_SHARE - 1) * s->rtt_us + sample) / RTT_SHARE : sample;
	s->has_rtt = true;
	gcc_on_rtt(&s->gcc, s->rtt_us);
}

/* --- life --- */

static bool bitrates_valid(uint64_t min, uint64_t start, uint64_t max)
{
	min = min ? min : GCC_MIN_BPS;
	start = start ? start : GCC_START_BPS;
	max = max ? max : GCC_MAX_BPS;
	return min <= start && start <= max;
}

static bool config_valid(const rtp_session_config *c)
{
	return c->random.fill && c->mtu >= RTP_SESSION_MTU_MIN && c->mtu <= RTP_SESSION_MTU_MAX &&
	       memchr(c->cname, 0, sizeof c->cname) && bitrates_valid(c->min_bps, c->start_bps, c->max_bps);
}

static void estimator_init(rtp_session *s)
{
	const gcc_config config = {
		.min_bps = s->config.min_bps, .start_bps = s->config.start_bps, .max_bps = s->config.max_bps};
	gcc_init(&s->gcc, &config, s->trace);
	gcc_set_demand(&s->gcc, s->now, 0);
	rtp_pacer_set_rates(&s->pacer, gcc_pacing_bps(&s->gcc), gcc_target_bps(&s->gcc));
}

static int draw_identity(rtp_session *s)
{
	uint32_t random[2];
	int err = rng_bytes(&s->config.random, (uint8_t *)random, sizeof random);
	if (err)
		return err;
	s->ssrc = s->config.ssrc ? s->config.ssrc : random[0];
	twcc_sender_init(&s->twcc_sender, (uint16_t)(random[1] & 0xffff));
	if (!s->config.cname[0])
		err = rng_ice_chars(&s->config.random, s->config.cname, CNAME_BYTES * 4 / 3);
	return err;
}

int rtp_session_create(const rtp_session_config *config, rtp_session **out)
{
	if (!config_valid(config))
		return PARLEY_EINVAL;
	rtp_session *s = calloc(1, sizeof *s);
	if (!s)
		return PARLEY_ENOMEM;
	s->config = *config;
	s->trace = config->trace;
	s->now = config->now;
	s->report_at = TIME_NEVER;
	s->retransmit_tokens = RTP_RETRANSMIT_BURST_BYTES;
	s->retransmit_at = s->other_at = s->now;
	list_init(&s->waiting);
	list_init(&s->packets);
	rtp_pacer_init(&s->pacer, GCC_START_BPS, GCC_START_BPS);
	twcc_receiver_init(&s->twcc_receiver);
	estimator_init(s);
	int err = draw_identity(s);
	if (err) {
		free(s);
		return err;
	}
	*out = s;
	return 0;
}

static void drop_packets(rtp_session *s)
{
	for (list_node *node; (node = list_pop(&s->packets));)
		free(LIST_ENTRY(node, rtp_waiting_packet, node));
	s->packet_count = 0;
	free(s->polled);
	s->polled = NULL;
}

void rtp_session_destroy(rtp_session *s)
{
	if (!s)
		return;
	transmit_drop(s, 0);
	for (size_t i = 0; i < s->sender_count; i++)
		sender_free(s, s->senders[i]);
	for (size_t i = 0; i < s->receiver_count; i++)
		receiver_free(s->receivers[i]);
	drop_packets(s);
	rtp_pacer_clear(&s->pacer);
	rtp_crypto_destroy(s->crypto);
	free(s);
}

int rtp_session_set_keys(rtp_session *s, uint64_t now, unsigned profile, slice keying, bool client)
{
	rtp_crypto *crypto = NULL;
	s->now = now;
	int err = rtp_crypto_create(profile, keying, client, s->trace, &crypto);
	if (err)
		return err;
	rtp_crypto_destroy(s->crypto);
	s->crypto = crypto;
	s->profile = (uint16_t)profile;
	return 0;
}

bool rtp_session_has_keys(const rtp_session *s)
{
	return s->crypto != NULL;
}

int rtp_session_set_mtu(rtp_session *s, size_t mtu)
{
	if (mtu < RTP_SESSION_MTU_MIN || mtu > RTP_SESSION_MTU_MAX)
		return PARLEY_EINVAL;
	s->config.mtu = mtu;
	int err = 0;
	for (size_t i = 0; i < s->sender_count; i++) {
		int each = sender_prepare(s, s->senders[i]);
		err = err ? err : each;
	}
	return err;
}

int rtp_session_set_bitrate(rtp_session *s, uint64_t now, uint64_t min_bps, uint64_t start_bps, uint64_t max_bps)
{
	if (!bitrates_valid(min_bps, start_bps, max_bps))
		return PARLEY_EINVAL;
	s->now = now;
	s->config.min_bps = min_bps;
	s->config.start_bps = start_bps;
	s->config.max_bps = max_bps;
	if (s->gcc.started == TIME_NEVER)
		estimator_init(s);
	else
		gcc_set_max(&s->gcc, max_bps ? max_bps : GCC_MAX_BPS);
	transmit_demand(s, now);
	return 0;
}

void session_bye(rtp_session *s, uint32_t ssrc)
{
	if (s->bye_count < RTP_BYES_MAX)
		s->byes[s->bye_count++] = ssrc;
}

void rtp_session_close(rtp_session *s, uint64_t now)
{
	if (s->closed)
		return;
	s->now = now;
	s->closed = true;
	transmit_drop(s, 0);
	for (size_t i = 0; i < s->sender_count; i++)
		if (s->senders[i]->sent_any)
			session_bye(s, s->senders[i]->config.ssrc);
	if (s->reported && !session_sender_of_ssrc(s, s->ssrc))
		session_bye(s, s->ssrc);
	drop_packets(s);
}

/* --- the verbs --- */

bool rtp_session_wants(slice datagram)
{
	return rtp_classify(datagram) != RTP_KIND_NONE;
}

void rtp_session_timeout(rtp_session *s, uint64_t now)
{
	s->now = now;
	if (!s->crypto || s->closed)
		return;
	if (gcc_deadline(&s->gcc) <= now)
		gcc_timeout(&s->gcc, now);
	transmit_estimated(s, now);
	for (size_t i = 0; i < s->receiver_count; i++)
		for (size_t k = 0; k < s->receivers[i]->stream_count; k++)
			stream_timeout(s, now, s->receivers[i]->streams[k]);
}

uint64_t rtp_session_deadline(const rtp_session *s)
{
	if (!s->crypto)
		return TIME_NEVER;
	uint64_t at = time_min(transmit_deadline(s), report_deadline(s));
	for (size_t i = 0; !s->closed && i < s->receiver_count; i++)
		for (size_t k = 0; k < s->receivers[i]->stream_count; k++)
			at = time_min(at, stream_deadline(s, s->receivers[i]->streams[k]));
	return at;
}

bool rtp_session_poll_transmit(rtp_session *s, uint64_t now, packet *out)
{
	s->now = now;
	return transmit_poll(s, now, out);
}

/* --- events --- */

static void event_of_stream(const rtp_stream *stream, rtp_event_type type, rtp_session_event *event)
{
	event->type = type;
	event->receiver = stream->receiver->id;
	event->ssrc = stream->ssrc;
	memcpy(event->rid, stream->rid, sizeof event->rid);
}

/* Frames before the end. */
static bool poll_stream(rtp_session *s, rtp_stream *stream, rtp_session_event *event)
{
	if (stream->announce) {
		stream->announce = false;
		event_of_stream(stream, RTP_EVENT_ACTIVE, event);
		return true;
	}
	if (stream->drain) {
		event_of_stream(stream, RTP_EVENT_FRAME, event);
		if (stream_poll_frame(s, stream, event))
			return true;
		stream->drain = false;
	}
	if (!stream->ended)
		return false;
	event_of_stream(stream, RTP_EVENT_STREAM_ENDED, event);
	receiver_remove_stream(stream->receiver, stream);
	return true;
}

static bool poll_streams(rtp_session *s, rtp_session_event *event)
{
	for (size_t i = 0; i < s->receiver_count; i++)
		for (size_t k = 0; k < s->receivers[i]->stream_count; k++)
			if (poll_stream(s, s->receivers[i]->streams[k], event))
				return true;
	return false;
}

static bool poll_packet(rtp_session *s, rtp_session_event *event)
{
	list_node *node = list_pop(&s->packets);
	if (!node)
		return false;
	rtp_waiting_packet *w = LIST_ENTRY(node, rtp_waiting_packet, node);
	s->packet_count--;
	s->polled = w;
	*event = (rtp_session_event){.type = RTP_EVENT_PACKET,
				     .receiver = w->receiver,
				     .ssrc = w->ssrc,
				     .codec = w->codec,
				     .data = slice_of(w->data, w->len),
				     .rtp_timestamp = w->timestamp,
				     .arrival = w->arrival};
	memcpy(event->rid, w->rid, sizeof event->rid);
	return true;
}

static bool poll_senders(rtp_session *s, rtp_session_event *event)
{
	for (size_t i = 0; i < s->sender_count; i++) {
		rtp_sender *sender = s->senders[i];
		if (!sender->key_wanted)
			continue;
		sender->key_wanted = false;
		*event = (rtp_session_event){.type = RTP_EVENT_KEY_FRAME_REQUEST, .sender = sender->id};
		return true;
	}
	return false;
}

static bool poll_target(rtp_session *s, rtp_session_event *event)
{
	uint64_t video = transmit_target(s);
	uint64_t difference = video > s->target_told ? video - s->target_told : s->target_told - video;
	if (!s->sender_count || difference * RTP_TARGET_STEP <= s->target_told)
		return false;
	s->target_told = video;
	*event = (rtp_session_event){.type = RTP_EVENT_TARGET_BITRATE, .bps = video};
	return true;
}

bool rtp_session_poll_event(rtp_session *s, rtp_session_event *event)
{
	free(s->polled);
	s->polled = NULL;
	if (!s->events_possible)
		return false;
	*event = (rtp_session_event){0};
	if (poll_streams(s, event) || poll_packet(s, event) || poll_senders(s, event) || poll_target(s, event))
		return true;
	s->events_possible = false;
	return false;
}
