#include "base/text.h"
#include "peer/internal.h"

#define MTU_ETHERNET 1472u /* bytes of UDP payload: IPv4 in 1500 */

int negotiate_check_candidates(parley_core *core, const sdp_session *remote, size_t section)
{
	const sdp_media *media = &remote->media[section];
	int err = 0;
	for (size_t i = 0; i < media->candidates.count && !err; i++)
		err = remote_candidate_check(core, media->candidates.items[i]);
	return err;
}

int negotiate_remote_ice(parley_core *core, const sdp_session *remote, size_t section)
{
	sdp_transport transport = sdp_transport_of(remote, section);
	ice_remote_options options = {.ice2 = sdp_has_ice_option(&transport, "ice2"),
				      .renomination = sdp_has_ice_option(&transport, "renomination"),
				      .has_pacing = remote->has_ice_pacing,
				      .pacing_us = remote->ice_pacing * US_PER_MS};
	ice_set_remote_options(core->ice, &options);
	int err = ice_set_remote(core->ice, core->now, transport.ufrag, transport.pwd, remote->ice_lite);
	if (err)
		return core_fail(core, err, "ICE does not take the remote credentials: %s", parley_strerror(err));
	const sdp_media *media = &remote->media[section];
	for (size_t i = 0; i < media->candidates.count && !err; i++)
		err = remote_candidate_add(core, media->candidates.items[i]);
	if (!err && (media->end_of_candidates || !sdp_has_ice_option(&transport, "trickle")))
		ice_end_of_remote_candidates(core->ice, core->now);
	return err;
}

static int create_dtls(parley_core *core, bool client, dtls_conn **out)
{
	dtls_config config = dtls_config_default(core->certificate, client);
	config.trace = &core->trace;
	config.mtu = core->mtu;
	config.key_log = core->key_log;
	int err = dtls_create(&config, out);
	return err ? core_fail(core, err, "DTLS: %s", parley_strerror(err)) : 0;
}

/* At least one fingerprint must be of an algorithm strong enough. */
static int add_fingerprints(parley_core *core, dtls_conn *dtls, const sdp_transport *transport)
{
	int result = PARLEY_EAUTH;
	for (size_t i = 0; i < transport->fingerprint_count; i++) {
		const sdp_fingerprint *f = &transport->fingerprints[i];
		int err = dtls_add_remote_fingerprint(dtls, f->algorithm, f->value);
		if (err == PARLEY_EINVAL)
			return core_fail(core, err, "malformed %.*s fingerprint", (int)f->algorithm.len,
					 (const char *)f->algorithm.data);
		if (err == PARLEY_ESTATE)
			return core_fail(core, PARLEY_EUNSUPPORTED,
					 "the peer changed its certificate within a connection");
		if (err == 0)
			result = 0;
		else if (err != PARLEY_EUNSUPPORTED)
			return err;
	}
	if (result)
		core_fail(core, result, "the description has no fingerprint of SHA-256 or better");
	return result;
}

static int ensure_dtls(parley_core *core, const sdp_transport *transport, bool client)
{
	if (core->dtls) {
		if (dtls_is_client(core->dtls) != client)
			return core_fail(core, PARLEY_EUNSUPPORTED, "the DTLS roles changed within a connection");
		return add_fingerprints(core, core->dtls, transport);
	}
	dtls_conn *dtls;
	int err = create_dtls(core, client, &dtls);
	if (err)
		return err;
	err = add_fingerprints(core, dtls, transport);
	if (err)
		dtls_destroy(dtls);
	else
		core->dtls = dtls;
	return err;
}

int negotiate_create_sctp(parley_core *core, sctp_association **out)
{
	sctp_config config;
	sctp_config_default(&config);
	config.random = core->random;
	config.trace = &core->trace;
	config.mtu = (core->mtu - DTLS_RECORD_OVERHEAD) & ~(size_t)3;
	config.congestion = core->congestion == PARLEY_CONGESTION_BBR ? SCTP_BBR : SCTP_CUBIC;
	config.any_length = !core->max_message_size;
	config.max_message_receive = core->max_message_size ? core->max_message_size : PARLEY_MESSAGE_MAX_DEFAULT;
	if (config.receive_window < 2 * config.max_message_receive)
		config.receive_window = 2 * config.max_message_receive;
	config.send_buffer = core->send_buffer_size;
	return sctp_create(&config, out);
}

/* Where larger datagrams are looked for: not beyond what the peer takes, and, if it does not say, what Ethernet carries. */
static size_t mtu_max(const parley_core *core, const sdp_media *data)
{
	size_t peer = data->max_datagram ? data->max_datagram : MTU_ETHERNET;
	size_t most = core->mtu_max < peer ? core->mtu_max : peer;
	return most > core->mtu ? most - DTLS_RECORD_OVERHEAD : 0;
}

static int begin_sctp(parley_core *core, const sdp_session *answer, const sdp_session *remote)
{
	const sdp_media *data = &remote->media[sdp_data_section(answer)];
	sctp_association *sctp = core->early_sctp;
	int err = sctp ? 0 : negotiate_create_sctp(core, &sctp);
	if (!err)
		err = snap_agree(core, answer, remote, sctp);
	if (!err)
		err = dc_attach(core->channels, core->now, sctp, dtls_is_client(core->dtls));
	if (err) {
		if (sctp != core->early_sctp)
			sctp_destroy(sctp);
		return core->last_error[0] ? err : core_fail(core, err, "SCTP: %s", parley_strerror(err));
	}
	sctp_set_mtu_max(sctp, mtu_max(core, data));
	sctp_set_remote_port(sctp, data->has_sctp_port ? data->sctp_port : (uint16_t)SCTP_PORT);
	core->sctp = sctp;
	core->early_sctp = NULL;
	if (dtls_get_state(core->dtls) == DTLS_CONNECTED) /* data was added to a connection without */
		sctp_connect(sctp, core->now);
	return 0;
}

static int ensure_sctp(parley_core *core, const sdp_session *answer, const sdp_session *session)
{
	const sdp_media *remote = &session->media[sdp_data_section(answer)];
	int err = core->sctp ? 0 : begin_sctp(core, answer, session);
	if (err)
		return err;
	uint64_t size = sdp_max_message_size(remote);
	sctp_set_max_message_send(core->sctp, size < UINT32_MAX ? (uint32_t)size : UINT32_MAX);
	return 0;
}

int negotiate_apply(parley_core *core, const sdp_session *answer, const sdp_session *remote, bool answer_is_local)
{
	int section = sdp_transport_section(answer);
	if (section < 0) {
		trace_printf(&core->trace, TRACE_WARN, "peer",
			     "all sections are rejected: there is nothing to connect");
		dc_detach(core->channels, PARLEY_EREFUSED, "the answer rejects the data channels");
		return 0;
	}
	sdp_transport transport = sdp_transport_of(remote, (size_t)section);
	bool client = sdp_local_role(answer, answer_is_local) == SDP_SETUP_ACTIVE;
	int err = ensure_dtls(core, &transport, client);
	if (!err && sdp_data_section(answer) >= 0)
		err = ensure_sctp(core, answer, remote);
	return err;
}
