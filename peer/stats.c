/*
 * The W3C's getStats(), as the JSON text of its dictionaries (webrtc-stats). Ids are made of what they name, so that they stay
 * the same for the life of a connection and can be referred to before the other object is written.
 */
#include "base/addr.h"
#include "peer/internal.h"
#include "peer/stats_writer.h"

#define STATS_CHANNELS_MAX 1024u /* of a connection with more channels, the first ones */

/* Who told of a local candidate; of relayed ones also how the server is reached. */
static void put_source(stats_writer *w, const parley_core *core, const ice_candidate *c, size_t index)
{
	ice_source source;
	if (!ice_local_source(core->ice, index, &source))
		return;
	const peer_server *s = sources_find(core, &source);
	if (s)
		stats_string(w, "url", slice_from_string(s->url));
	if (c->type == ICE_RELAY)
		stats_put(w, ",\"relayProtocol\":\"%s\"", ice_over_name(source.over));
}

static void put_candidate(stats_writer *w, const parley_core *core, const ice_candidate *c, bool local, size_t index)
{
	char ip[ADDR_TEXT_MAX];
	stats_begin(w, local ? "local-candidate" : "remote-candidate", local ? "L%zu" : "R%zu", index);
	stats_put(w, ",\"transportId\":\"T\",\"candidateType\":\"%s\",\"protocol\":\"%s\",\"port\":%u,\"priority\":%u",
		  ice_type_name(c->type), ice_transport_name(&c->addr), c->addr.port, c->priority);
	if (c->name[0])
		stats_string(w, "address", slice_from_string(c->name));
	else
		stats_put(w, ",\"address\":\"%s\"", addr_print_ip(&c->addr, ip));
	stats_string(w, "foundation", slice_from_string(c->foundation));
	if (c->ufrag[0])
		stats_string(w, "usernameFragment", slice_from_string(c->ufrag));
	if (c->has_related)
		stats_put(w, ",\"relatedAddress\":\"%s\",\"relatedPort\":%u", addr_print_ip(&c->related, ip),
			  c->related.port);
	if (local)
		put_source(w, core, c, index);
	stats_put(w, "}");
}

static void put_candidates(stats_writer *w, const parley_core *core)
{
	const ice_candidate *c;
	for (size_t i = 0; (c = ice_local_candidate(core->ice, i)); i++)
		put_candidate(w, core, c, true, i);
	for (size_t i = 0; (c = ice_remote_candidate(core->ice, i)); i++)
		put_candidate(w, core, c, false, i);
}

static const char *pair_state(ice_pair_state state)
{
	switch (state) { /* RTCStatsIceCandidatePairState */
	case ICE_PAIR_FROZEN:
		return "frozen";
	case ICE_PAIR_WAITING:
		return "waiting";
	case ICE_PAIR_IN_PROGRESS:
		return "in-progress";
	case ICE_PAIR_SUCCEEDED:
		return "succeeded";
	case ICE_PAIR_FAILED:
		return "failed";
	}
	return "failed";
}

static void put_pair(stats_writer *w, const parley_core *core, const ice_pair_info *p)
{
	rtp_session_stats rtp;
	stats_begin(w, "candidate-pair", "P%u", p->id);
	stats_put(w,
		  ",\"transportId\":\"T\",\"localCandidateId\":\"L%u\",\"remoteCandidateId\":\"R%u\",\"state\":\"%s\","
		  "\"nominated\":%s,\"requestsSent\":%llu,\"responsesReceived\":%llu,\"requestsReceived\":%llu,"
		  "\"responsesSent\":%llu,\"consentRequestsSent\":%llu,\"totalRoundTripTime\":%.6f",
		  p->local, p->remote, pair_state(p->state), p->nominated ? "true" : "false",
		  (unsigned long long)p->requests_sent, (unsigned long long)p->responses_received,
		  (unsigned long long)p->requests_received, (unsigned long long)p->responses_sent,
		  (unsigned long long)p->consent_sent, (double)p->total_rtt_us / 1e6);
	if (core->rtp && p->selected) {
		rtp_session_get_stats(core->rtp, &rtp);
		stats_put(w, ",\"availableOutgoingBitrate\":%llu", (unsigned long long)rtp.available_outgoing_bitrate);
	}
	if (p->has_rtt)
		stats_put(w, ",\"currentRoundTripTime\":%.6f", (double)p->rtt_us / 1e6);
	stats_put(w, "}");
}

static void put_transport(stats_writer *w, const parley_core *core)
{
	ice_pair_info pairs[ICE_PAIRS_MAX];
	size_t count = ice_get_pairs(core->ice, pairs, ICE_PAIRS_MAX);
	stats_begin(w, "transport", "T");
	stats_put(
		w,
		",\"packetsSent\":%llu,\"packetsReceived\":%llu,\"bytesSent\":%llu,\"bytesReceived\":%llu,"
		"\"iceRole\":\"%s\",\"iceState\":\"%s\",\"iceLocalUsernameFragment\":\"%s\",\"localCertificateId\":\"C\"",
		(unsigned long long)core->packets_sent, (unsigned long long)core->packets_received,
		(unsigned long long)core->bytes_sent, (unsigned long long)core->bytes_received,
		ice_is_controlling(core->ice) ? "controlling" : "controlled", parley_ice_state_name(core->ice_state),
		ice_local_ufrag(core->ice));
	static const char *const dtls_names[] = {"new", "connecting", "connecting", "connected", "closed", "failed"};
	stats_put(w, ",\"dtlsState\":\"%s\"", core->dtls ? dtls_names[dtls_get_state(core->dtls)] : "new");
	if (core->dtls) {
		dtls_stats d;
		dtls_get_stats(core->dtls, &d);
		stats_put(w, ",\"dtlsRole\":\"%s\"", dtls_is_client(core->dtls) ? "client" : "server");
		if (d.version)
			stats_put(w, ",\"tlsVersion\":\"%04X\",\"dtlsCipher\":\"%s\"", d.version, d.cipher);
	}
	for (size_t i = 0; i < count && i < ICE_PAIRS_MAX; i++)
		if (pairs[i].selected)
			stats_put(w, ",\"selectedCandidatePairId\":\"P%u\"", pairs[i].id);
	stats_put(w, "}");
	for (size_t i = 0; i < count && i < ICE_PAIRS_MAX; i++)
		put_pair(w, core, &pairs[i]);
}

static void put_certificate(stats_writer *w, const parley_core *core)
{
	stats_begin(w, "certificate", "C");
	stats_put(w, ",\"fingerprintAlgorithm\":\"sha-256\",\"fingerprint\":\"%s\"}",
		  dtls_certificate_fingerprint(core->certificate));
}

static void put_channels(stats_writer *w, const parley_core *core)
{
	unsigned n = 0;
	dc_info info;
	dc_counts counts = dc_get_counts(core->channels);
	for (dc_handle h = dc_next(core->channels, 0); h && n < STATS_CHANNELS_MAX;
	     h = dc_next(core->channels, h), n++) {
		if (dc_get_info(core->channels, h, &info))
			continue;
		stats_begin(w, "data-channel", "D%u", h);
		stats_string(w, "label", info.label);
		stats_string(w, "protocol", info.protocol);
		if (info.has_id)
			stats_put(w, ",\"dataChannelIdentifier\":%u", info.id);
		stats_put(w,
			  ",\"state\":\"%s\",\"messagesSent\":%llu,\"bytesSent\":%llu,\"messagesReceived\":%llu,"
			  "\"bytesReceived\":%llu}",
			  parley_channel_state_name((parley_channel_state)info.state),
			  (unsigned long long)info.messages_sent, (unsigned long long)info.bytes_sent,
			  (unsigned long long)info.messages_received, (unsigned long long)info.bytes_received);
	}
	stats_begin(w, "peer-connection", "PC");
	stats_put(w, ",\"dataChannelsOpened\":%llu,\"dataChannelsClosed\":%llu}", (unsigned long long)counts.opened,
		  (unsigned long long)counts.closed);
}

int parley_core_get_stats_json(const parley_core *core, uint64_t now, char **json)
{
	stats_writer w;
	stats_writer_init(&w, now);
	put_channels(&w, core);
	stats_put_media(&w, core);
	put_transport(&w, core);
	put_candidates(&w, core);
	put_certificate(&w, core);
	return stats_writer_end(&w, json);
}
