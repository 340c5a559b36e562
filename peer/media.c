/* Media in and out, between the transceivers and the RTP session; what a plan of the descriptions means for the latter. */
#include <assert.h>

#include "base/hash.h"
#include "base/text.h"
#include "peer/internal.h"
#include "rtp/srtp.h"

static_assert((int)PARLEY_OPUS == (int)RTP_OPUS + 1 && (int)PARLEY_AV1 == (int)RTP_AV1 + 1,
	      "one list, shifted by NONE");

static rtp_codec rtp_codec_of(parley_codec codec)
{
	return (rtp_codec)(codec - 1);
}

static parley_codec codec_of(rtp_codec codec)
{
	return (parley_codec)(codec + 1);
}

/* --- the session and its keys --- */

int media_take_keys(parley_core *core)
{
	uint8_t keying[RTP_CRYPTO_KEYING_MAX];
	if (!core->rtp || dtls_get_state(core->dtls) != DTLS_CONNECTED)
		return 0;
	unsigned profile = (unsigned)dtls_srtp(core->dtls);
	size_t size = rtp_crypto_keying_size(profile);
	if (size == 0) {
		trace_printf(&core->trace, TRACE_ERROR, "peer", "no SRTP profile was agreed on: media cannot flow");
		return PARLEY_EPROTO;
	}
	int err = dtls_export(core->dtls, RTP_CRYPTO_EXPORTER_LABEL, keying, size);
	if (!err)
		err = rtp_session_set_keys(core->rtp, core->now, profile, slice_of(keying, size),
					   dtls_is_client(core->dtls));
	wipe(keying, sizeof keying);
	return err;
}

static int ensure_session(parley_core *core)
{
	if (core->rtp)
		return 0;
	rtp_session_config config;
	rtp_session_config_default(&config);
	config.random = core->random;
	config.trace = &core->trace;
	config.mtu = core->mtu;
	text cname = text_of(config.cname, sizeof config.cname);
	text_string(&cname, core->cname);
	config.now = core->created_at;
	config.unix_time_us = core->unix_time_s * US_PER_S;
	config.min_bps = core->min_bps;
	config.start_bps = core->start_bps;
	config.max_bps = core->max_bps;
	int err = rtp_session_create(&config, &core->rtp);
	return err ? err : media_take_keys(core);
}

/* --- plans --- */

static const rtp_extension_kind extension_kinds[SDP_EXTENSION_COUNT] = {
	[SDP_EXTENSION_MID] = RTP_EXTENSION_MID,
	[SDP_EXTENSION_RID] = RTP_EXTENSION_RID,
	[SDP_EXTENSION_REPAIRED_RID] = RTP_EXTENSION_REPAIRED_RID,
	[SDP_EXTENSION_ABS_SEND_TIME] = RTP_EXTENSION_ABS_SEND_TIME,
	[SDP_EXTENSION_TRANSPORT_CC] = RTP_EXTENSION_TRANSPORT_CC,
	[SDP_EXTENSION_AUDIO_LEVEL] = RTP_EXTENSION_AUDIO_LEVEL,
	[SDP_EXTENSION_VIDEO_ORIENTATION] = RTP_EXTENSION_VIDEO_ORIENTATION,
};

static void set_extensions(rtp_extension_map *map, const uint8_t ids[SDP_EXTENSION_COUNT])
{
	for (size_t i = 0; i < SDP_EXTENSION_COUNT; i++)
		if (ids[i])
			rtp_extension_map_set(map, extension_kinds[i], ids[i]);
}

static rtp_feedback_flags feedback_of(const sdp_media_plan *plan, unsigned feedback)
{
	return (rtp_feedback_flags){
		.nack = feedback & SDP_FEEDBACK_NACK,
		.pli = feedback & SDP_FEEDBACK_PLI,
		.fir = feedback & SDP_FEEDBACK_FIR,
		.transport_cc = feedback & SDP_FEEDBACK_TRANSPORT_CC,
		.remb = feedback & SDP_FEEDBACK_REMB,
		.reduced_size = plan->rtcp_rsize,
	};
}

/* RFC 6184 8.1: 0, one NAL unit a packet, if the receiver does not say otherwise. */
static bool is_single_nal(const sdp_plan_codec *codec)
{
	slice mode;
	return !sdp_fmtp_get(codec->fmtp, "packetization-mode", &mode) || slice_equal_string(mode, "0");
}

static int apply_sender(parley_core *core, transceiver *t, const sdp_media_plan *plan, bool sends)
{
	const sdp_plan_codec *codec = &plan->send[0];
	rtp_sender_config config;
	if (!t->sender && !sends)
		return 0;
	rtp_sender_config_default(&config);
	config.active = sends;
	config.ssrc = t->info.ssrc;
	config.payload_type = codec->payload_type;
	config.has_rtx = codec->has_rtx && t->info.kind == PARLEY_VIDEO;
	config.rtx_payload_type = codec->rtx_payload_type;
	config.rtx_ssrc = t->rtx_ssrc;
	config.codec = rtp_codec_of(t->info.send_codec);
	config.single_nal = is_single_nal(codec);
	text_copy(config.mid, sizeof config.mid, plan->mid);
	set_extensions(&config.extensions, plan->send_extensions);
	config.feedback = feedback_of(plan, codec->feedback);
	if (t->sender)
		return rtp_session_update_sender(core->rtp, core->now, t->sender, &config);
	return rtp_session_add_sender(core->rtp, core->now, &config, &t->sender);
}

static void add_receive_codec(const sdp_plan_codec *codec, rtp_receiver_config *config)
{
	rtp_codec known;
	if (config->codec_count == RTP_SESSION_CODECS_MAX || !rtp_codec_by_name(codec->name, &known))
		return;
	config->codecs[config->codec_count++] = (rtp_receive_codec){
		.payload_type = codec->payload_type,
		.codec = known,
		.has_rtx = codec->has_rtx,
		.rtx_payload_type = codec->rtx_payload_type,
	};
}

static int apply_receiver(parley_core *core, transceiver *t, const sdp_media_plan *plan, bool receives)
{
	rtp_receiver_config config;
	if (!t->receiver && !receives)
		return 0;
	rtp_receiver_config_default(&config);
	config.active = receives;
	config.video = t->info.kind == PARLEY_VIDEO;
	config.packets = t->packets;
	text_copy(config.mid, sizeof config.mid, plan->mid);
	unsigned feedback = 0;
	for (size_t i = 0; i < plan->codec_count; i++) {
		add_receive_codec(&plan->receive[i], &config);
		feedback |= plan->receive[i].feedback;
	}
	for (size_t i = 0; i < plan->source_count && i < RTP_SESSION_SOURCES_MAX; i++)
		config.sources[config.source_count++] = (rtp_receive_source){
			.ssrc = plan->sources[i].ssrc,
			.has_rtx = plan->sources[i].has_rtx,
			.rtx_ssrc = plan->sources[i].rtx_ssrc,
		};
	for (size_t i = 0; i < plan->receive_rid_count && i < RTP_SESSION_RIDS_MAX; i++)
		text_copy(config.rids[config.rid_count++], RTP_SESSION_ID_MAX, plan->receive_rids[i]);
	set_extensions(&config.extensions, plan->receive_extensions);
	config.feedback = feedback_of(plan, feedback);
	if (t->receiver)
		return rtp_session_update_receiver(core->rtp, core->now, t->receiver, &config);
	return rtp_session_add_receiver(core->rtp, core->now, &config, &t->receiver);
}

/* The section is gone: so are its streams, with a BYE. */
static void drop_streams(parley_core *core, transceiver *t)
{
	if (t->sender)
		rtp_session_remove_sender(core->rtp, core->now, t->sender);
	if (t->receiver)
		rtp_session_remove_receiver(core->rtp, core->now, t->receiver);
	t->sender = t->receiver = 0;
}

void media_apply(parley_core *core, transceiver *t, const sdp_media_plan *plan)
{
	if (!plan->accepted || !plan->codec_count) {
		drop_streams(core, t);
		return;
	}
	bool sends = t->info.current_direction & PARLEY_SENDONLY && t->info.send_codec != PARLEY_CODEC_NONE;
	int err = ensure_session(core);
	if (!err)
		err = apply_sender(core, t, plan, sends);
	if (!err)
		err = apply_receiver(core, t, plan, t->info.current_direction & PARLEY_RECVONLY);
	if (err)
		trace_printf(&core->trace, TRACE_ERROR, "peer", "section %s carries no media: %s", t->info.mid,
			     parley_strerror(err));
}

/* --- calls --- */

static int find_transceiver(parley_core *core, uint64_t now, parley_transceiver handle, transceiver **out)
{
	if (core->closed)
		return PARLEY_ECLOSED;
	core_enter(core, now);
	*out = transceivers_find(&core->transceivers, handle);
	return *out ? 0 : PARLEY_ENOTFOUND;
}

static int find_sending(parley_core *core, uint64_t now, parley_transceiver handle, transceiver **out)
{
	int err = find_transceiver(core, now, handle, out);
	if (err)
		return err;
	if (!(*out)->sender || !((*out)->info.current_direction & PARLEY_SENDONLY))
		return core_fail(core, PARLEY_ESTATE, "the transceiver is not negotiated to send");
	return 0;
}

int parley_core_send_frame(parley_core *core, uint64_t now, parley_transceiver handle, const parley_frame *frame)
{
	transceiver *t;
	int err = find_sending(core, now, handle, &t);
	if (err)
		return err;
	rtp_send_frame f = {
		.data = slice_of(frame->data, frame->len),
		.rtp_timestamp = frame->rtp_timestamp,
		.capture_time = frame->capture_time,
		.key = frame->key_frame,
	};
	err = rtp_session_send_frame(core->rtp, now, t->sender, &f);
	return err ? core_fail(core, err, "frame of %zu bytes not sent: %s", frame->len, parley_strerror(err)) : 0;
}

int parley_core_send_rtp(parley_core *core, uint64_t now, parley_transceiver handle, const uint8_t *data, size_t len)
{
	transceiver *t;
	int err = find_sending(core, now, handle, &t);
	if (err)
		return err;
	err = rtp_session_send_packet(core->rtp, now, t->sender, slice_of(data, len));
	return err ? core_fail(core, err, "packet of %zu bytes not sent: %s", len, parley_strerror(err)) : 0;
}

int parley_core_request_key_frame(parley_core *core, uint64_t now, parley_transceiver handle)
{
	transceiver *t;
	int err = find_transceiver(core, now, handle, &t);
	if (err)
		return err;
	if (!t->receiver)
		return core_fail(core, PARLEY_ESTATE, "the transceiver is not negotiated to receive");
	return rtp_session_request_key_frame(core->rtp, now, t->receiver);
}

int parley_core_receive_packets(parley_core *core, parley_transceiver handle, bool packets)
{
	transceiver *t = transceivers_find(&core->transceivers, handle);
	if (!t)
		return PARLEY_ENOTFOUND;
	t->packets = packets;
	return t->receiver ? rtp_session_receive_packets(core->rtp, t->receiver, packets) : 0;
}

int parley_core_set_bitrate(parley_core *core, uint64_t now, uint64_t min_bps, uint64_t start_bps, uint64_t max_bps)
{
	if (core->closed)
		return PARLEY_ECLOSED;
	core_enter(core, now);
	if ((start_bps && min_bps > start_bps) || (max_bps && (start_bps > max_bps || min_bps > max_bps)))
		return core_fail(core, PARLEY_EINVAL, "the bit rates are not in order: least, start, most");
	core->min_bps = min_bps;
	core->start_bps = start_bps;
	core->max_bps = max_bps;
	return core->rtp ? rtp_session_set_bitrate(core->rtp, now, min_bps, start_bps, max_bps) : 0;
}

/* --- events --- */

static parley_transceiver find_stream(const parley_core *core, const rtp_session_event *e)
{
	for (size_t i = 0; i < core->transceivers.count; i++) {
		const transceiver *t = core->transceivers.items[i];
		if ((e->sender && t->sender == e->sender) || (e->receiver && t->receiver == e->receiver))
			return t->handle;
	}
	return 0;
}

static bool translate(const parley_core *core, const rtp_session_event *e, parley_event *out)
{
	parley_transceiver handle = find_stream(core, e);
	switch (e->type) {
	case RTP_EVENT_FRAME:
		out->type = PARLEY_EVENT_FRAME;
		out->frame = (parley_frame_event){
			.transceiver = handle,
			.codec = codec_of(e->codec),
			.data = e->data.data,
			.len = e->data.len,
			.rtp_timestamp = e->rtp_timestamp,
			.arrival_time = e->arrival,
			.key_frame = e->key,
			.lost_before = e->lost_before,
		};
		return handle != 0;
	case RTP_EVENT_PACKET:
		out->type = PARLEY_EVENT_RTP;
		out->rtp = (parley_rtp_event){.transceiver = handle, .data = e->data.data, .len = e->data.len};
		return handle != 0;
	case RTP_EVENT_KEY_FRAME_REQUEST:
		out->type = PARLEY_EVENT_KEY_FRAME_REQUEST;
		out->key_frame_request = handle;
		return handle != 0;
	case RTP_EVENT_TARGET_BITRATE:
		out->type = PARLEY_EVENT_TARGET_BITRATE;
		out->target_bitrate.bps = e->bps;
		return true;
	case RTP_EVENT_ACTIVE:
	case RTP_EVENT_STREAM_ENDED:
		return false;
	}
	return false;
}

bool media_poll_event(parley_core *core, parley_event *out)
{
	if (!core->rtp)
		return false;
	for (rtp_session_event e; rtp_session_poll_event(core->rtp, &e);)
		if (translate(core, &e, out))
			return true;
	return false;
}
