/* The RTP part of getStats: codec, outbound-rtp, inbound-rtp and their remote halves (webrtc-stats 8.2 to 8.6). */
#include "peer/internal.h"
#include "peer/stats_writer.h"

#define ULL(v) ((unsigned long long)(v))

static double seconds(uint64_t us)
{
	return (double)us / 1e6;
}

static const char *kind_name(const transceiver *t)
{
	return t->info.kind == PARLEY_AUDIO ? "audio" : "video";
}

static void put_codec(stats_writer *w, const transceiver *t, const char *direction, uint8_t payload_type,
		      rtp_codec codec)
{
	stats_begin(w, "codec", "CODEC%u%s%u", t->handle, direction, payload_type);
	stats_put(w, ",\"transportId\":\"T\",\"payloadType\":%u,\"mimeType\":\"%s/%s\",\"clockRate\":%u", payload_type,
		  kind_name(t), rtp_codec_name(codec), rtp_codec_clock_rate(codec));
	if (rtp_codec_channels(codec))
		stats_put(w, ",\"channels\":%u", rtp_codec_channels(codec));
	stats_put(w, "}");
}

static void put_stream(stats_writer *w, const transceiver *t, uint32_t ssrc)
{
	stats_put(w, ",\"ssrc\":%u,\"kind\":\"%s\",\"transportId\":\"T\"", ssrc, kind_name(t));
}

static void put_size(stats_writer *w, uint16_t width, uint16_t height)
{
	if (width)
		stats_put(w, ",\"frameWidth\":%u,\"frameHeight\":%u", width, height);
}

static void put_round_trips(stats_writer *w, bool has, uint64_t last_us, uint64_t total_us, uint64_t count)
{
	if (has)
		stats_put(w, ",\"roundTripTime\":%.6f", seconds(last_us));
	stats_put(w, ",\"totalRoundTripTime\":%.6f,\"roundTripTimeMeasurements\":%llu", seconds(total_us), ULL(count));
}

static void put_outbound(stats_writer *w, const transceiver *t, const rtp_outbound_stats *s)
{
	put_codec(w, t, "S", s->payload_type, s->codec);
	stats_begin(w, "outbound-rtp", "OUT%u", s->ssrc);
	put_stream(w, t, s->ssrc);
	stats_put(w, ",\"codecId\":\"CODEC%uS%u\",\"mid\":\"%s\",\"active\":%s", t->handle, s->payload_type,
		  t->info.mid, s->active ? "true" : "false");
	stats_put(w,
		  ",\"packetsSent\":%llu,\"bytesSent\":%llu,\"headerBytesSent\":%llu,\"retransmittedPacketsSent\":%llu,"
		  "\"retransmittedBytesSent\":%llu,\"nackCount\":%llu,\"totalPacketSendDelay\":%.6f",
		  ULL(s->packets_sent), ULL(s->bytes_sent), ULL(s->header_bytes_sent),
		  ULL(s->retransmitted_packets_sent), ULL(s->retransmitted_bytes_sent), ULL(s->nack_count),
		  seconds(s->total_packet_send_delay_us));
	if (t->info.kind == PARLEY_VIDEO) {
		stats_put(w,
			  ",\"framesSent\":%llu,\"keyFramesEncoded\":%llu,\"hugeFramesSent\":%llu,\"pliCount\":%llu,"
			  "\"firCount\":%llu,\"targetBitrate\":%llu",
			  ULL(s->frames_sent), ULL(s->key_frames_sent), ULL(s->huge_frames_sent), ULL(s->pli_count),
			  ULL(s->fir_count), ULL(s->target_bitrate));
		put_size(w, s->frame_width, s->frame_height);
		if (s->rtx_ssrc)
			stats_put(w, ",\"rtxSsrc\":%u", s->rtx_ssrc);
	}
	stats_put(w, "}");
	if (!s->has_remote)
		return;
	stats_begin(w, "remote-inbound-rtp", "RIN%u", s->ssrc);
	put_stream(w, t, s->ssrc);
	stats_put(w,
		  ",\"localId\":\"OUT%u\",\"packetsLost\":%d,\"fractionLost\":%.4f,\"jitter\":%.6f,"
		  "\"packetsReceived\":%llu",
		  s->ssrc, s->remote_packets_lost, s->remote_fraction_lost / 256.0, seconds(s->remote_jitter_us),
		  ULL(s->remote_packets_received));
	put_round_trips(w, s->has_round_trip_time, s->round_trip_time_us, s->total_round_trip_time_us,
			s->round_trip_time_measurements);
	stats_put(w, "}");
}

static void put_remote_outbound(stats_writer *w, const transceiver *t, const rtp_inbound_stats *s)
{
	/* NTP counts from 1900, the W3C's timestamps are milliseconds since 1970. */
	double unix_ms = ((double)(s->remote_ntp >> 32) - 2208988800.0) * 1000 +
			 (double)(s->remote_ntp & UINT32_MAX) / 4294967.296;
	stats_begin(w, "remote-outbound-rtp", "ROUT%u", s->ssrc);
	put_stream(w, t, s->ssrc);
	stats_put(w,
		  ",\"localId\":\"IN%u\",\"remoteTimestamp\":%.3f,\"packetsSent\":%u,\"bytesSent\":%u,"
		  "\"reportsSent\":%llu",
		  s->ssrc, unix_ms, s->remote_packets_sent, s->remote_bytes_sent, ULL(s->reports_sent));
	put_round_trips(w, s->has_round_trip_time, s->round_trip_time_us, s->total_round_trip_time_us,
			s->round_trip_time_measurements);
	stats_put(w, "}");
}

static void put_inbound(stats_writer *w, const transceiver *t, const rtp_inbound_stats *s)
{
	put_codec(w, t, "R", s->payload_type, s->codec);
	stats_begin(w, "inbound-rtp", "IN%u", s->ssrc);
	put_stream(w, t, s->ssrc);
	stats_put(w, ",\"codecId\":\"CODEC%uR%u\",\"mid\":\"%s\"", t->handle, s->payload_type, t->info.mid);
	stats_put(w,
		  ",\"packetsReceived\":%llu,\"bytesReceived\":%llu,\"headerBytesReceived\":%llu,\"packetsLost\":%lld,"
		  "\"jitter\":%.6f,\"packetsDiscarded\":%llu,\"retransmittedPacketsReceived\":%llu,"
		  "\"retransmittedBytesReceived\":%llu,\"nackCount\":%llu",
		  ULL(s->packets_received), ULL(s->bytes_received), ULL(s->header_bytes_received),
		  (long long)s->packets_lost, seconds(s->jitter_us), ULL(s->packets_discarded),
		  ULL(s->retransmitted_packets_received), ULL(s->retransmitted_bytes_received), ULL(s->nack_count));
	stats_put(w, ",\"jitterBufferDelay\":%.6f,\"jitterBufferEmittedCount\":%llu",
		  seconds(s->jitter_buffer_delay_us), ULL(s->jitter_buffer_emitted_count));
	if (t->info.kind == PARLEY_VIDEO) {
		stats_put(w,
			  ",\"framesReceived\":%llu,\"keyFramesDecoded\":%llu,\"framesDropped\":%llu,"
			  "\"framesAssembledFromMultiplePackets\":%llu,\"pliCount\":%llu,\"firCount\":%llu",
			  ULL(s->frames_received), ULL(s->key_frames_received), ULL(s->frames_dropped),
			  ULL(s->frames_assembled_from_multiple_packets), ULL(s->pli_count), ULL(s->fir_count));
		put_size(w, s->frame_width, s->frame_height);
		if (s->rtx_ssrc)
			stats_put(w, ",\"rtxSsrc\":%u", s->rtx_ssrc);
	}
	stats_put(w, "}");
	if (s->has_remote)
		put_remote_outbound(w, t, s);
}

void stats_put_media(stats_writer *w, const parley_core *core)
{
	for (size_t i = 0; core->rtp && i < core->transceivers.count; i++) {
		const transceiver *t = core->transceivers.items[i];
		rtp_outbound_stats out;
		if (t->sender && !rtp_session_get_outbound_stats(core->rtp, t->sender, &out))
			put_outbound(w, t, &out);
		rtp_inbound_stats in;
		for (size_t k = 0; t->receiver && !rtp_session_get_inbound_stats(core->rtp, t->receiver, k, &in); k++)
			put_inbound(w, t, &in);
	}
}
