/* SCTP's INITs in descriptions, which saves the connection two round trips (draft-hancke-tsvwg-snap). */
#include "base/hash.h"
#include "peer/internal.h"

/* A longer chunk than any of an association with a sane number of extensions. */
#define REMOTE_INIT_MAX 512u

static slice data_init(const sdp_session *session)
{
	int data = session ? sdp_data_section(session) : -1;
	return data >= 0 ? session->media[data].sctp_init : (slice){0};
}

/* The association that is to be, so that there is an INIT to tell. */
static int prepare(parley_core *core)
{
	uint8_t bytes[SCTP_LOCAL_INIT_MAX];
	writer w = writer_of(bytes, sizeof bytes);
	int err = negotiate_create_sctp(core, &core->early_sctp);
	if (!err)
		err = sctp_local_init(core->early_sctp, &w);
	if (err)
		return err;
	base64_encode(writer_slice(&w), core->snap_init);
	return 0;
}

int snap_line(parley_core *core, bool answer, slice *line)
{
	*line = (slice){0};
	if (!core->snap || (answer && !data_init(core->pending_remote).len) || (core->sctp && !core->snap_agreed))
		return 0;
	int err = core->sctp || core->early_sctp ? 0 : prepare(core);
	if (!err)
		*line = slice_from_string(core->snap_init);
	return err;
}

static int decode(parley_core *core, slice line, uint8_t bytes[REMOTE_INIT_MAX], slice *chunk)
{
	size_t len;
	if (base64_decode(line, bytes, REMOTE_INIT_MAX, &len))
		return core_fail(core, PARLEY_EINVAL, "a=sctp-init is not base64 of an INIT chunk");
	*chunk = slice_of(bytes, len);
	return sctp_init_is_valid(*chunk) ? 0 : core_fail(core, PARLEY_EINVAL, "a=sctp-init is not an INIT chunk");
}

int snap_check_remote(parley_core *core, const sdp_session *remote)
{
	uint8_t bytes[REMOTE_INIT_MAX];
	slice line = data_init(remote), chunk;
	return core->snap && line.len ? decode(core, line, bytes, &chunk) : 0;
}

int snap_agree(parley_core *core, const sdp_session *answer, const sdp_session *remote, sctp_association *sctp)
{
	uint8_t bytes[REMOTE_INIT_MAX];
	slice line = data_init(remote), chunk;
	if (sctp != core->early_sctp || !line.len || !data_init(answer).len)
		return 0; /* one of us does not speak it: the INITs go as ever */
	int err = decode(core, line, bytes, &chunk);
	if (!err)
		err = sctp_set_peer_init(sctp, chunk);
	core->snap_agreed = err == 0;
	return err;
}
