/* rtp/sender.c: one source that we send: its configuration, and frames and packets of the owner on their way to the pacer. */
#include <stdlib.h>
#include <string.h>

#include "rtp/session_internal.h"

#define MARKER_BIT 0x80u
#define EXTENSIONS_ROOM 256u
#define RTX_HEADER 2u	  /* the original sequence number */
#define HUGE_FRAME_NUM 5u /* W3C hugeFramesSent: above 2.5 times the mean */
#define HUGE_FRAME_DEN 2u
#define MEAN_SHARE 16u

void rtp_sender_config_default(rtp_sender_config *config)
{
	*config = (rtp_sender_config){.active = true};
}

static bool id_ends(const char *id)
{
	return memchr(id, 0, RTP_SESSION_ID_MAX) != NULL;
}

static bool config_valid(const rtp_session *s, const rtp_sender_config *c, rtp_sender_id self)
{
	if ((unsigned)c->codec >= RTP_CODECS || c->payload_type > RTP_PAYLOAD_TYPE_MAX)
		return false;
	if (c->has_rtx && (c->rtx_payload_type > RTP_PAYLOAD_TYPE_MAX || c->rtx_ssrc == c->ssrc))
		return false;
	if (session_ssrc_in_use(s, c->ssrc, self) || (c->has_rtx && session_ssrc_in_use(s, c->rtx_ssrc, self)))
		return false;
	return id_ends(c->mid) && id_ends(c->rid);
}

/* --- headers --- */

int sender_write_header(const rtp_sender *sender, writer *w, rtp_packet *p, const rtp_extensions *more, bool rtx)
{
	const rtp_sender_config *c = &sender->config;
	uint8_t room[EXTENSIONS_ROOM];
	writer block = writer_of(room, sizeof room);
	rtp_extensions x = more ? *more : (rtp_extensions){0};
	x.has_abs_send_time = true; /* this and the next are filled in when the packet leaves */
	x.has_transport_sequence = c->feedback.transport_cc;
	/* RFC 8843 9.2, RFC 8852 3: until the peer knows the SSRC; of RTX, which is rare, no report tells that it does */
	if (!sender->acknowledged || rtx) {
		x.mid = slice_from_string(c->mid);
		x.has_mid = x.mid.len > 0;
		slice rid = slice_from_string(c->rid);
		x.has_rid = rid.len > 0 && !rtx;
		x.has_repaired_rid = rid.len > 0 && rtx;
		x.rid = x.repaired_rid = rid;
	}
	p->payload_type = rtx ? c->rtx_payload_type : c->payload_type;
	p->ssrc = rtx ? c->rtx_ssrc : c->ssrc;
	int err = rtp_extensions_write(&block, &c->extensions, &x, p);
	if (!err)
		err = rtp_header_write(w, p);
	p->extension = (slice){0};
	return err;
}

/* The largest header this sender may write, bytes. */
static size_t header_room(const rtp_sender *sender)
{
	uint8_t room[RTP_HEADER_SIZE + EXTENSIONS_ROOM];
	writer w = writer_of(room, sizeof room);
	rtp_sender longest = {.config = sender->config};
	rtp_extensions x = {.has_audio_level = true, .has_video_orientation = true};
	rtp_packet p = {0};
	return sender_write_header(&longest, &w, &p, &x, false) ? sizeof room : w.len;
}

static size_t payload_room(const rtp_session *s, const rtp_sender *sender)
{
	size_t taken = RTP_CRYPTO_RTP_OVERHEAD_MAX + header_room(sender) + RTX_HEADER;
	return s->config.mtu > taken ? s->config.mtu - taken : 0;
}

int sender_prepare(rtp_session *s, rtp_sender *sender)
{
	size_t room = payload_room(s, sender);
	uint32_t picture_id = 0;
	if (sender->packetizer_ready && sender->packetizer.codec == sender->config.codec) {
		int err = rtp_packetizer_set_max_payload(&sender->packetizer, room);
		rtp_packetizer_set_mode(&sender->packetizer, sender->config.single_nal ? 0 : 1);
		return err;
	}
	int err = rng_u32(&s->config.random, &picture_id);
	if (!err)
		err = rtp_packetizer_init(&sender->packetizer, sender->config.codec, room,
					  (uint16_t)(picture_id & 0x7fff));
	if (err)
		return err;
	rtp_packetizer_set_mode(&sender->packetizer, sender->config.single_nal ? 0 : 1);
	sender->packetizer_ready = true;
	return 0;
}

/* --- life --- */

/* RFC 3550 5.1: random beginnings; of sequence numbers below 2^15, so that the first ones do not wrap (RFC 3711 3.3.1). */
static int draw_beginnings(rtp_session *s, rtp_sender *sender)
{
	uint32_t random[3];
	int err = rng_bytes(&s->config.random, (uint8_t *)random, sizeof random);
	if (err)
		return err;
	sender->timestamp_offset = random[0];
	sender->sequence = (uint16_t)(random[1] & 0x7fff);
	sender->rtx_sequence = (uint16_t)(random[2] & 0x7fff);
	if (sender->config.has_first_sequence)
		sender->sequence = sender->config.first_sequence;
	sender->first_sequence = sender->sequence;
	return 0;
}

int rtp_session_add_sender(rtp_session *s, uint64_t now, const rtp_sender_config *config, rtp_sender_id *out)
{
	if (s->sender_count == RTP_SESSION_SENDERS_MAX)
		return PARLEY_ELIMIT;
	if (!config_valid(s, config, 0))
		return PARLEY_EINVAL;
	rtp_sender *sender = calloc(1, sizeof *sender);
	if (!sender)
		return PARLEY_ENOMEM;
	sender->config = *config;
	int err = draw_beginnings(s, sender);
	if (!err)
		err = sender_prepare(s, sender);
	if (err) {
		free(sender);
		return err;
	}
	sender->id = ++s->next_id;
	s->senders[s->sender_count++] = sender;
	*out = sender->id;
	transmit_demand(s, now);
	trace_printf(s->trace, TRACE_INFO, "rtp", "sender %u: ssrc %u, %s, payload type %u, mid %s", sender->id,
		     config->ssrc, rtp_codec_name(config->codec), config->payload_type, config->mid);
	return 0;
}

static void sender_leave(rtp_session *s, rtp_sender *sender)
{
	if (sender->sent_any)
		session_bye(s, sender->config.ssrc);
	sender->sent_any = false;
	sender_cut_frame(sender);
	transmit_drop(s, sender->id);
}

/* A new SSRC begins anew, except for the statistics. */
static int sender_restart(rtp_session *s, rtp_sender *sender)
{
	sender_leave(s, sender);
	rtp_history_clear(&sender->history);
	sender->acknowledged = sender->has_raw_offset = sender->has_clock = sender->has_fir = false;
	sender->sr_packets = sender->sr_bytes = 0;
	sender->stats.has_remote = false;
	return draw_beginnings(s, sender);
}

int rtp_session_update_sender(rtp_session *s, uint64_t now, rtp_sender_id id, const rtp_sender_config *config)
{
	rtp_sender *sender = session_sender(s, id);
	if (!sender)
		return PARLEY_ENOTFOUND;
	if (!config_valid(s, config, id))
		return PARLEY_EINVAL;
	rtp_sender_config before = sender->config;
	int err = 0;
	if (before.ssrc != config->ssrc)
		err = sender_restart(s, sender);
	else if (before.active && !config->active)
		sender_leave(s, sender);
	if (err)
		return err;
	if (before.has_rtx != config->has_rtx) /* the two kinds of history do not mix */
		rtp_history_clear(&sender->history);
	sender->config = *config;
	if (strcmp(before.mid, config->mid) != 0 || strcmp(before.rid, config->rid) != 0)
		sender->acknowledged = false;
	err = sender_prepare(s, sender);
	transmit_demand(s, now);
	return err;
}

void sender_free(rtp_session *s, rtp_sender *sender)
{
	transmit_drop(s, sender->id);
	rtp_history_clear(&sender->history);
	free(sender);
}

int rtp_session_remove_sender(rtp_session *s, uint64_t now, rtp_sender_id id)
{
	for (size_t i = 0; i < s->sender_count; i++) {
		if (s->senders[i]->id != id)
			continue;
		rtp_sender *sender = s->senders[i];
		s->senders[i] = s->senders[--s->sender_count];
		sender_leave(s, sender);
		sender_free(s, sender);
		report_schedule(s, now);
		transmit_demand(s, now);
		return 0;
	}
	return PARLEY_ENOTFOUND;
}

void sender_cut_frame(rtp_sender *sender)
{
	if (!sender->in_frame)
		return;
	sender->sequence++;
	sender->in_frame = false;
}

void sender_want_key(rtp_session *s, uint64_t now, rtp_sender *sender)
{
	if (!rtp_codec_is_video(sender->config.codec) || !sender->config.active)
		return;
	if (sender->has_key_event && now - sender->key_event_at < RTP_KEY_EVENT_US)
		return;
	sender->has_key_event = sender->key_wanted = s->events_possible = true;
	sender->key_event_at = now;
}

/* --- frames --- */

rtp_pacer_priority sender_priority(const rtp_sender *sender)
{
	return rtp_codec_is_video(sender->config.codec) ? RTP_PACER_VIDEO : RTP_PACER_AUDIO;
}

static int may_send(const rtp_session *s, const rtp_sender *sender)
{
	if (!sender)
		return PARLEY_ENOTFOUND;
	return s->closed || !s->crypto || !sender->config.active ? PARLEY_ESTATE : 0;
}

/* Would this be more than the pacer holds? One frame always fits into an empty one. */
static bool pacer_full(const rtp_session *s, size_t len)
{
	size_t queued = rtp_pacer_queued_bytes(&s->pacer);
	return queued && queued + len > rtp_pacer_video_limit(gcc_target_bps(&s->gcc));
}

static void free_packets(list_node *packets)
{
	for (list_node *node; (node = list_pop(packets));)
		free(LIST_ENTRY(node, rtp_outgoing, node));
}

/* One packet of the frame in the packetizer. 1: there was none left; else 0 or an error. */
static int next_packet(rtp_sender *sender, const rtp_packet *header, const rtp_extensions *x, size_t capacity,
		       list_node *packets)
{
	rtp_outgoing *o = malloc(sizeof *o + capacity);
	if (!o)
		return PARLEY_ENOMEM;
	writer w = writer_of(o->data, capacity);
	rtp_packet p = *header;
	bool marker = false;
	*o = (rtp_outgoing){.sender = sender->id, .after_hole = sender->hole};
	int err = sender_write_header(sender, &w, &p, x, false);
	size_t start = w.len;
	bool more = !err && rtp_packetizer_next(&sender->packetizer, &w, &marker);
	if (!more) {
		free(o);
		return err ? err : w.bad ? PARLEY_EMSGSIZE : 1;
	}
	if (marker)
		o->data[1] |= MARKER_BIT;
	o->last_of_frame = marker || !rtp_codec_is_video(sender->config.codec);
	sender->hole = false;
	o->len = w.len;
	o->payload = w.len - start;
	list_append(packets, &o->node);
	return 0;
}

static int packetize(const rtp_session *s, rtp_sender *sender, const rtp_send_frame *frame, list_node *packets)
{
	rtp_packet header = {.timestamp = frame->rtp_timestamp + sender->timestamp_offset, .marker = frame->talkspurt};
	rtp_extensions x = {.has_audio_level = frame->has_audio_level,
			    .audio_voice = frame->audio_voice,
			    .audio_level = frame->audio_level,
			    .has_video_orientation = frame->rotation != 0,
			    .video_rotation = frame->rotation};
	int err = rtp_packetizer_start(&sender->packetizer, frame->data, frame->hints);
	while (!err)
		err = next_packet(sender, &header, &x, s->config.mtu, packets);
	return err == 1 ? (list_empty(packets) ? PARLEY_EINVAL : 0) : err;
}

static void remember_clock(rtp_sender *sender, uint32_t wire_timestamp, uint64_t time)
{
	sender->has_clock = true;
	sender->clock_timestamp = wire_timestamp;
	sender->clock_time = time;
}

static void count_frame(rtp_sender *sender, const rtp_send_frame *frame, bool key)
{
	rtp_outbound_stats *st = &sender->stats;
	rtp_dimensions size;
	uint64_t len = frame->data.len;
	st->frames_sent++;
	st->key_frames_sent += key;
	st->huge_frames_sent += sender->frame_bytes && len * HUGE_FRAME_DEN > sender->frame_bytes * HUGE_FRAME_NUM;
	sender->frame_bytes = sender->frame_bytes ? (sender->frame_bytes * (MEAN_SHARE - 1) + len) / MEAN_SHARE : len;
	if (key && rtp_frame_dimensions(sender->config.codec, frame->data, &size)) {
		st->frame_width = size.width;
		st->frame_height = size.height;
	}
}

int rtp_session_send_frame(rtp_session *s, uint64_t now, rtp_sender_id id, const rtp_send_frame *frame)
{
	rtp_sender *sender = session_sender(s, id);
	bool video = sender && rtp_codec_is_video(sender->config.codec);
	list_node packets;
	list_init(&packets);
	int err = may_send(s, sender);
	if (!err && frame->data.len > RTP_FRAME_MAX)
		err = PARLEY_EMSGSIZE;
	if (!err && video && pacer_full(s, frame->data.len)) {
		sender_want_key(s, now, sender);
		err = PARLEY_ELIMIT;
	}
	if (!err)
		err = packetize(s, sender, frame, &packets);
	if (err) {
		free_packets(&packets);
		return err;
	}
	s->now = now;
	remember_clock(sender, frame->rtp_timestamp + sender->timestamp_offset,
		       frame->capture_time ? frame->capture_time : now);
	sender->raw_last = false;
	count_frame(sender, frame, frame->key || rtp_frame_is_key(sender->config.codec, frame->data));
	for (list_node *node; !err && (node = list_pop(&packets));)
		err = transmit_enqueue(s, now, LIST_ENTRY(node, rtp_outgoing, node), sender_priority(sender));
	sender->hole = sender->hole || err;
	free_packets(&packets);
	session_start_reports(s, now);
	return err;
}

/* --- packets of the caller's own --- */

static uint16_t raw_sequence(rtp_sender *sender, uint16_t theirs)
{
	if (!sender->has_raw_offset || !sender->raw_last) {
		sender->raw_offset = (uint16_t)(sender->sequence - theirs);
		sender->has_raw_offset = true;
	}
	uint16_t ours = (uint16_t)(theirs + sender->raw_offset);
	if ((uint16_t)(ours - sender->sequence) < 0x8000)
		sender->sequence = (uint16_t)(ours + 1);
	sender->raw_last = true;
	return ours;
}

int rtp_session_send_packet(rtp_session *s, uint64_t now, rtp_sender_id id, slice rtp)
{
	rtp_sender *sender = session_sender(s, id);
	rtp_packet p;
	int err = may_send(s, sender);
	if (err)
		return err;
	if (rtp_packet_parse(rtp, &p))
		return PARLEY_EINVAL;
	if (p.payload.len > payload_room(s, sender))
		return PARLEY_EMSGSIZE;
	rtp_outgoing *o = malloc(sizeof *o + s->config.mtu);
	if (!o)
		return PARLEY_ENOMEM;
	writer w = writer_of(o->data, s->config.mtu);
	slice payload = p.payload;
	*o = (rtp_outgoing){.sender = id, .has_sequence = true, .payload = payload.len, .last_of_frame = p.marker};
	p.csrc_count = 0;
	p.padding = 0;
	p.sequence = raw_sequence(sender, p.sequence);
	err = sender_write_header(sender, &w, &p, NULL, false);
	write_bytes(&w, payload);
	if (err || w.bad) {
		free(o);
		return err ? err : PARLEY_EMSGSIZE;
	}
	o->len = w.len;
	s->now = now;
	remember_clock(sender, p.timestamp, now);
	sender->stats.frames_sent += p.marker || !rtp_codec_is_video(sender->config.codec);
	session_start_reports(s, now);
	return transmit_enqueue(s, now, o, sender_priority(sender));
}
