/* Reading a description: which section speaks for what, and what is in force there. Small additions. */
#include "base/addr.h"
#include "base/text.h"
#include "sdp/internal.h"

static const char *const kind_names[] = {"audio", "video", "application", "other"};
static const char *const setup_names[] = {"none", "actpass", "active", "passive", "holdconn"};
static const char *const direction_names[] = {"inactive", "sendonly", "recvonly", "sendrecv"};

const char *sdp_kind_name(sdp_kind kind)
{
	return kind_names[kind];
}

const char *sdp_setup_name(sdp_setup setup)
{
	return setup_names[setup];
}

const char *sdp_direction_name(sdp_direction direction)
{
	return direction_names[direction];
}

int sdp_find_mid(const sdp_session *session, slice mid)
{
	for (size_t i = 0; mid.len && i < session->media_count; i++)
		if (slice_equal(session->media[i].mid, mid))
			return (int)i;
	return -1;
}

bool sdp_is_rejected(const sdp_media *media)
{
	return media->port == 0 && !media->bundle_only;
}

bool sdp_is_data(const sdp_media *media)
{
	bool proto =
		slice_equal_string(media->proto, "UDP/DTLS/SCTP") || slice_equal_string(media->proto, "TCP/DTLS/SCTP");
	return proto && media->kind == SDP_APPLICATION && media->formats.count == 1 &&
	       slice_equal_string(media->formats.items[0], "webrtc-datachannel");
}

bool sdp_is_dtls_rtp(const sdp_media *media)
{
	static const char *const profiles[] = {
		"UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "TCP/DTLS/RTP/SAVPF", "TCP/DTLS/RTP/SAVP",
		"RTP/SAVPF",	     "RTP/SAVP",	 "RTP/AVPF",	       "RTP/AVP",
	};
	if (media->kind != SDP_AUDIO && media->kind != SDP_VIDEO)
		return false;
	for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++)
		if (slice_equal_string(media->proto, profiles[i]))
			return true;
	return false;
}

sdp_codec *sdp_find_codec(const sdp_media *media, uint32_t payload_type)
{
	for (size_t i = 0; i < media->codec_count; i++)
		if (media->codecs[i].payload_type == payload_type)
			return &media->codecs[i];
	return NULL;
}

bool sdp_fmtp_get(slice fmtp, const char *name, slice *value)
{
	slice parameter, key;
	while (scan_token(&fmtp, ';', &parameter)) {
		while (parameter.len && parameter.data[0] == ' ')
			parameter = slice_part(parameter, 1, parameter.len);
		if (scan_token(&parameter, '=', &key) && slice_equal_nocase(key, slice_from_string(name))) {
			*value = parameter;
			return true;
		}
	}
	return false;
}

static bool has_slice(const sdp_slices *list, slice s)
{
	for (size_t i = 0; i < list->count; i++)
		if (slice_equal(list->items[i], s))
			return true;
	return false;
}

static bool is_bundle(const sdp_group *group)
{
	return slice_equal_string(group->semantics, "BUNDLE");
}

const sdp_group *sdp_bundle_of(const sdp_session *session, size_t section)
{
	slice mid = session->media[section].mid;
	for (size_t i = 0; mid.len && i < session->group_count; i++)
		if (is_bundle(&session->groups[i]) && has_slice(&session->groups[i].mids, mid))
			return &session->groups[i];
	return NULL;
}

/* The first section, in the group's order, that is not rejected; -1: none. */
static int tagged_section(const sdp_session *session, const sdp_group *group)
{
	for (size_t i = 0; i < group->mids.count; i++) {
		int at = sdp_find_mid(session, group->mids.items[i]);
		if (at >= 0 && !sdp_is_rejected(&session->media[at]))
			return at;
	}
	return -1;
}

int sdp_data_section(const sdp_session *session)
{
	for (size_t i = 0; i < session->media_count; i++)
		if (sdp_is_data(&session->media[i]) && !sdp_is_rejected(&session->media[i]))
			return (int)i;
	return -1;
}

int sdp_transport_section(const sdp_session *session)
{
	int data = sdp_data_section(session);
	if (data >= 0) {
		const sdp_group *bundle = sdp_bundle_of(session, (size_t)data);
		return bundle ? tagged_section(session, bundle) : data;
	}
	for (size_t i = 0; i < session->group_count; i++) {
		int at = is_bundle(&session->groups[i]) ? tagged_section(session, &session->groups[i]) : -1;
		if (at >= 0)
			return at;
	}
	for (size_t i = 0; i < session->media_count; i++)
		if (!sdp_is_rejected(&session->media[i]))
			return (int)i;
	return -1;
}

/* Fill in what t lacks. ufrag and pwd only as a pair (RFC 8839 5.4). */
static void inherit(sdp_transport *t, const sdp_transport *from)
{
	if (!t->ufrag.len && !t->pwd.len) {
		t->ufrag = from->ufrag;
		t->pwd = from->pwd;
	}
	if (!t->ice_options.len)
		t->ice_options = from->ice_options;
	if (!t->tls_id.len)
		t->tls_id = from->tls_id;
	if (!t->setup)
		t->setup = from->setup;
	if (!t->fingerprint_count) {
		t->fingerprints = from->fingerprints;
		t->fingerprint_count = from->fingerprint_count;
	}
}

sdp_transport sdp_transport_of(const sdp_session *session, size_t section)
{
	sdp_transport t = session->media[section].transport;
	inherit(&t, &session->transport);
	const sdp_group *bundle = sdp_bundle_of(session, section);
	int tagged = bundle ? tagged_section(session, bundle) : -1;
	if (tagged >= 0)
		inherit(&t, &session->media[tagged].transport);
	return t;
}

bool sdp_has_ice_option(const sdp_transport *transport, const char *option)
{
	slice options = transport->ice_options, word;
	while (scan_token(&options, ' ', &word))
		if (slice_equal_string(word, option))
			return true;
	return false;
}

uint64_t sdp_max_message_size(const sdp_media *media)
{
	if (!media->has_max_message_size)
		return SDP_MAX_MESSAGE_SIZE_DEFAULT;
	return media->max_message_size ? media->max_message_size : UINT64_MAX;
}

sdp_direction sdp_direction_of(const sdp_session *session, size_t section)
{
	const sdp_media *m = &session->media[section];
	if (m->has_direction)
		return m->direction;
	return session->has_direction ? session->direction : SDP_SENDRECV;
}

sdp_direction sdp_reversed(sdp_direction direction)
{
	return (sdp_direction)((direction & SDP_SENDONLY ? SDP_RECVONLY : 0) |
			       (direction & SDP_RECVONLY ? SDP_SENDONLY : 0));
}

/* --- additions --- */

bool sdp_is_candidate(slice line)
{
	slice name;
	for (size_t i = 0; i < line.len; i++)
		if (line.data[i] == '\0' || line.data[i] == '\r' || line.data[i] == '\n')
			return false;
	return scan_token(&line, ':', &name) && slice_equal_string(name, "candidate") && line.len;
}

int sdp_add_candidate(sdp_session *session, size_t section, slice line)
{
	if (section >= session->media_count)
		return PARLEY_ENOTFOUND;
	sdp_slices *candidates = &session->media[section].candidates;
	if (line.len > 2 && line.data[0] == 'a' && line.data[1] == '=')
		line = slice_part(line, 2, line.len);
	if (!sdp_is_candidate(line))
		return PARLEY_EINVAL;
	if (has_slice(candidates, line))
		return 0;
	if (candidates->count == SDP_CANDIDATES_MAX)
		return PARLEY_ELIMIT;
	slice copy;
	int err = sdp_copy(session, line, &copy);
	return err ? err : sdp_push_slice(session, candidates, copy);
}

int sdp_end_candidates(sdp_session *session, size_t section)
{
	if (section >= session->media_count)
		return PARLEY_ENOTFOUND;
	session->media[section].end_of_candidates = true;
	return 0;
}

int sdp_set_default_address(sdp_session *session, size_t section, const parley_addr *address)
{
	if (section >= session->media_count)
		return PARLEY_ENOTFOUND;
	sdp_media *m = &session->media[section];
	parley_addr global = *address; /* a scope has no meaning to the peer */
	char ip[ADDR_TEXT_MAX] = "0.0.0.0";
	slice copy;
	global.scope = 0;
	if (global.family)
		addr_print_ip(&global, ip);
	int err = sdp_copy(session, slice_from_string(ip), &copy);
	if (err)
		return err;
	const char *type = address->family == PARLEY_IPV6 ? "IP6" : "IP4";
	m->connection = (sdp_connection){slice_from_string("IN"), slice_from_string(type), copy};
	if (m->port)
		m->port = address->family && address->port ? address->port : SDP_PORT_DISCARD;
	return 0;
}
