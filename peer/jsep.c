#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "peer/internal.h"

sdp_session *local_description(const parley_core *core)
{
	return core->pending_local ? core->pending_local : core->current_local;
}

sdp_session *remote_description(const parley_core *core)
{
	return core->pending_remote ? core->pending_remote : core->current_remote;
}

static void created_clear(created_description *created)
{
	free(created->sdp);
	sdp_free(created->session);
	*created = (created_description){0};
}

static void drop(sdp_session **session)
{
	sdp_free(*session);
	*session = NULL;
}

void jsep_clear(parley_core *core)
{
	drop(&core->current_local);
	drop(&core->pending_local);
	drop(&core->current_remote);
	drop(&core->pending_remote);
	created_clear(&core->offer);
	created_clear(&core->answer);
}

static bool has_data_section(const sdp_session *session)
{
	return session && sdp_data_section(session) >= 0;
}

/* --- ICE restarts --- */

static bool restarts_from(const parley_core *core, slice ufrag)
{
	return core->restart_from[0] && slice_equal_string(ufrag, core->restart_from);
}

static void restart_from_here(parley_core *core)
{
	text t = text_of(core->restart_from, sizeof core->restart_from);
	text_string(&t, ice_local_ufrag(core->ice));
}

/* W3C webrtc-pc 4.4.1.5: asked for, and the description in force still has the credentials of then. */
static bool restart_is_wanted(const parley_core *core)
{
	const sdp_session *session = core->current_local;
	int section = session ? sdp_transport_section(session) : -1;
	return section >= 0 && restarts_from(core, sdp_transport_of(session, (size_t)section).ufrag);
}

/* ICE as it was agreed on last; an offer made since, which has other credentials, is worth nothing any more. */
static void roll_back_ice(parley_core *core)
{
	if (!ice_rollback(core->ice, core->now))
		return;
	created_clear(&core->offer);
	created_clear(&core->answer);
	if (core->restart_from[0])
		restart_from_here(core);
}

/* W3C webrtc-pc 4.7.3 */
void jsep_check_negotiation_needed(parley_core *core)
{
	bool wants_data = dc_next(core->channels, 0) != 0 && !has_data_section(core->current_local);
	bool needed = wants_data || restart_is_wanted(core) || transceivers_need_negotiation(core);
	if (core->signaling_state != PARLEY_SIGNALING_STABLE || needed == core->negotiation_needed)
		return;
	core->negotiation_needed = needed;
	if (needed)
		event_push_type(core, PARLEY_EVENT_NEGOTIATION_NEEDED);
}

/* --- text --- */

static int print_description(const sdp_session *session, char **out)
{
	buf b = {.limit = SDP_TEXT_MAX};
	int err = sdp_print(session, &b);
	if (!err)
		err = buf_append(&b, slice_of("", 1));
	if (err) {
		buf_clear(&b);
		return err;
	}
	*out = (char *)b.data;
	return 0;
}

static int copy_text(const char *in, char **out)
{
	size_t size = strlen(in) + 1;
	char *copy = malloc(size);
	if (!copy)
		return PARLEY_ENOMEM;
	memcpy(copy, in, size);
	*out = copy;
	return 0;
}

/* --- create --- */

typedef struct {
	sdp_local local;
	slice lines[ICE_LOCAL_CANDIDATES_MAX];
	char texts[ICE_LOCAL_CANDIDATES_MAX][ICE_CANDIDATE_TEXT];
	sdp_local_media media[PARLEY_TRANSCEIVERS_MAX];
	slice streams[PARLEY_TRANSCEIVERS_MAX];
} local_parts;

static void put_candidates(const parley_core *core, local_parts *parts)
{
	const ice_candidate *c;
	for (size_t i = 0; i < ICE_LOCAL_CANDIDATES_MAX && (c = ice_local_candidate(core->ice, i)); i++) {
		if (c->type == ICE_PRFLX)
			continue; /* learnt by checks, never signalled (RFC 8445 7.2.5.3.1) */
		size_t n = parts->local.candidate_count++;
		text t = text_of(parts->texts[n], sizeof parts->texts[n]);
		ice_candidate_print(c, &t);
		parts->lines[n] = slice_from_string(parts->texts[n]);
	}
	parts->local.candidates = parts->lines;
	parts->local.end_of_candidates = ice_get_gathering(core->ice) == ICE_GATHERING_COMPLETE;
}

static sdp_setup established_role(const parley_core *core)
{
	if (!core->dtls)
		return SDP_SETUP_NONE;
	return dtls_is_client(core->dtls) ? SDP_SETUP_ACTIVE : SDP_SETUP_PASSIVE;
}

static void fill_local(parley_core *core, local_parts *parts)
{
	parts->local = (sdp_local){
		.session_id = core->session_id,
		.session_version = core->session_version,
		.ufrag = slice_from_string(ice_local_ufrag(core->ice)),
		.pwd = slice_from_string(ice_local_pwd(core->ice)),
		.ice_options = slice_from_string(core->ice_options),
		.ice_lite = core->ice_lite,
		.ice_pacing = (uint32_t)(core->ice_pacing_us / US_PER_MS),
		.fingerprint = {.algorithm = slice_from_string("sha-256"),
				.value = slice_from_string(dtls_certificate_fingerprint(core->certificate))},
		.role = established_role(core),
		.sctp_port = SCTP_PORT,
		.max_message_size = core->max_message_size,
		.max_datagram = PARLEY_MTU_MAX,
		.media = parts->media,
	};
	parts->local.media_count = transceivers_describe(core, parts->media, parts->streams);
	put_candidates(core, parts);
}

static int make_offer(parley_core *core, const sdp_local *local, sdp_session **out)
{
	bool data = dc_next(core->channels, 0) != 0 || has_data_section(core->current_local);
	if (!data && !core->current_local && !local->media_count)
		return core_fail(core, PARLEY_EINVAL, "nothing to offer: add a transceiver or a data channel first");
	return sdp_make_offer(local, data, core->current_local, core->current_remote, out);
}

static int create_description(parley_core *core, parley_sdp_type type, created_description *created)
{
	local_parts *parts = calloc(1, sizeof *parts); /* too large for some stacks */
	if (!parts)
		return PARLEY_ENOMEM;
	fill_local(core, parts);
	created_description made = {0};
	bool answer = type != PARLEY_SDP_OFFER;
	int err = snap_line(core, answer, &parts->local.sctp_init);
	if (!err)
		err = answer ? sdp_make_answer(core->pending_remote, &parts->local, &made.session)
			     : make_offer(core, &parts->local, &made.session);
	for (size_t i = 0; i < parts->local.media_count; i++)
		made.sections[i] = parts->media[i].section;
	free(parts);
	if (!err)
		err = print_description(made.session, &made.sdp);
	if (err) {
		created_clear(&made);
		return err;
	}
	created_clear(created);
	*created = made;
	return 0;
}

static int create_offer(parley_core *core)
{
	parley_signaling_state state = core->signaling_state;
	if (state != PARLEY_SIGNALING_STABLE && state != PARLEY_SIGNALING_HAVE_LOCAL_OFFER)
		return core_fail(core, PARLEY_ESTATE, "no offer can be made in state %s",
				 parley_signaling_state_name(state));
	if (restarts_from(core, slice_from_string(ice_local_ufrag(core->ice)))) {
		int err = ice_restart(core->ice, core->now);
		if (err)
			return err;
	}
	return create_description(core, PARLEY_SDP_OFFER, &core->offer);
}

static int create_answer(parley_core *core)
{
	parley_signaling_state state = core->signaling_state;
	if (state != PARLEY_SIGNALING_HAVE_REMOTE_OFFER && state != PARLEY_SIGNALING_HAVE_LOCAL_PRANSWER)
		return core_fail(core, PARLEY_ESTATE, "there is no remote offer to answer (state %s)",
				 parley_signaling_state_name(state));
	return create_description(core, PARLEY_SDP_ANSWER, &core->answer);
}

int parley_core_create_offer(parley_core *core, char **sdp)
{
	if (core->closed)
		return PARLEY_ECLOSED;
	core_enter(core, core->now);
	int err = create_offer(core);
	return err ? err : copy_text(core->offer.sdp, sdp);
}

int parley_core_create_answer(parley_core *core, char **sdp)
{
	if (core->closed)
		return PARLEY_ECLOSED;
	core_enter(core, core->now);
	int err = create_answer(core);
	return err ? err : copy_text(core->answer.sdp, sdp);
}

int parley_core_restart_ice(parley_core *core)
{
	if (core->closed)
		return PARLEY_ECLOSED;
	if (core->current_local) /* before the first offer there is nothing to restart */
		restart_from_here(core);
	jsep_check_negotiation_needed(core);
	return 0;
}

/* --- set --- */

/* RFC 8829 3.2: which description may be set in which state. */
static bool type_is_allowed(parley_signaling_state state, bool local, parley_sdp_type type)
{
	bool have_local = state == PARLEY_SIGNALING_HAVE_LOCAL_OFFER || state == PARLEY_SIGNALING_HAVE_REMOTE_PRANSWER;
	bool have_remote = state == PARLEY_SIGNALING_HAVE_REMOTE_OFFER || state == PARLEY_SIGNALING_HAVE_LOCAL_PRANSWER;
	switch (type) {
	case PARLEY_SDP_OFFER:
		if (state == PARLEY_SIGNALING_STABLE || state == PARLEY_SIGNALING_HAVE_LOCAL_OFFER)
			return true; /* a remote one in have-local-offer rolls ours back (W3C webrtc-pc 4.4.1.5) */
		return !local && state == PARLEY_SIGNALING_HAVE_REMOTE_OFFER;
	case PARLEY_SDP_PRANSWER:
	case PARLEY_SDP_ANSWER:
		return local ? have_remote : have_local;
	case PARLEY_SDP_ROLLBACK:
		return local ? state == PARLEY_SIGNALING_HAVE_LOCAL_OFFER : state == PARLEY_SIGNALING_HAVE_REMOTE_OFFER;
	}
	return false;
}

static int check_type(parley_core *core, bool local, parley_sdp_type type)
{
	if (core->closed)
		return PARLEY_ECLOSED;
	if (type_is_allowed(core->signaling_state, local, type))
		return 0;
	return core_fail(core, PARLEY_ESTATE, "a %s %s cannot be set in state %s", local ? "local" : "remote",
			 parley_sdp_type_name(type), parley_signaling_state_name(core->signaling_state));
}

static void roll_back(parley_core *core)
{
	drop(&core->pending_local);
	drop(&core->pending_remote);
	transceivers_roll_back(core);
	roll_back_ice(core);
	state_set_signaling(core, PARLEY_SIGNALING_STABLE);
}

/* As in stable after an answer, what is needed still is said again (W3C webrtc-pc 4.4.1.5). */
static void set_rollback(parley_core *core)
{
	roll_back(core);
	core->negotiation_needed = false;
	jsep_check_negotiation_needed(core);
	transport_pump(core);
}

/* The pending pair is agreed on and becomes the current one. */
static void settle(parley_core *core, bool answer_is_local)
{
	drop(&core->current_local);
	drop(&core->current_remote);
	core->current_local = core->pending_local;
	core->current_local_type = core->pending_local_type;
	core->current_remote = core->pending_remote;
	core->current_remote_type = core->pending_remote_type;
	core->pending_local = core->pending_remote = NULL;
	created_clear(&core->offer);
	created_clear(&core->answer);
	core->negotiation_needed = false;
	ice_agreed(core->ice);
	if (!restart_is_wanted(core))
		core->restart_from[0] = '\0';
	transceivers_negotiated(core, answer_is_local);
	state_set_signaling(core, PARLEY_SIGNALING_STABLE);
	jsep_check_negotiation_needed(core);
}

static void set_pending_local(parley_core *core, parley_sdp_type type, created_description *created)
{
	drop(&core->pending_local);
	transceivers_take_sections(core, created->session, created->sections);
	core->pending_local = created->session;
	core->pending_local_type = type;
	created->session = NULL;
	created_clear(created);
	core->session_version++;
}

/* What is to be set: the one created last, which sdp, if given, must equal (RFC 8829 5.4). */
static int take_created(parley_core *core, parley_sdp_type type, const char *sdp, created_description **out)
{
	bool offer = type == PARLEY_SDP_OFFER;
	*out = offer ? &core->offer : &core->answer;
	if (!sdp || !(*out)->sdp) {
		int err = offer ? create_offer(core) : create_answer(core);
		if (err)
			return err;
	}
	if (sdp && strcmp(sdp, (*out)->sdp) != 0)
		return core_fail(core, PARLEY_EINVAL, "the %s is not the one created last", parley_sdp_type_name(type));
	return 0;
}

static int set_local_offer(parley_core *core, created_description *created)
{
	if (!core->current_local)
		ice_set_controlling(core->ice, true); /* RFC 8445 6.1.1: the initial offerer */
	set_pending_local(core, PARLEY_SDP_OFFER, created);
	state_set_signaling(core, PARLEY_SIGNALING_HAVE_LOCAL_OFFER);
	return 0;
}

static int set_local_answer(parley_core *core, parley_sdp_type type, created_description *created)
{
	int err = negotiate_apply(core, created->session, core->pending_remote, true);
	if (err)
		return err;
	set_pending_local(core, type, created);
	if (type == PARLEY_SDP_ANSWER)
		settle(core, true);
	else
		state_set_signaling(core, PARLEY_SIGNALING_HAVE_LOCAL_PRANSWER);
	return 0;
}

int parley_core_set_local_description(parley_core *core, uint64_t now, parley_sdp_type type, const char *sdp)
{
	core_enter(core, now);
	int err = check_type(core, true, type);
	if (err)
		return err;
	if (type == PARLEY_SDP_ROLLBACK) {
		set_rollback(core);
		return 0;
	}
	created_description *created;
	err = take_created(core, type, sdp, &created);
	if (err)
		return err;
	err = type == PARLEY_SDP_OFFER ? set_local_offer(core, created) : set_local_answer(core, type, created);
	if (!err)
		gather_start(core);
	transport_pump(core);
	return err;
}

static int set_remote_offer(parley_core *core, sdp_session *offer)
{
	sdp_error error;
	int err = sdp_check_offer(offer, &error);
	if (err)
		return core_fail(core, err, "%s", error.text);
	err = snap_check_remote(core, offer);
	if (err)
		return err;
	if (!core->current_local)
		ice_set_controlling(core->ice, false);
	int section = sdp_transport_section(offer);
	err = section < 0 ? 0 : negotiate_check_candidates(core, offer, (size_t)section);
	if (err)
		return err;
	if (core->signaling_state == PARLEY_SIGNALING_HAVE_LOCAL_OFFER)
		roll_back(core);
	else
		roll_back_ice(core); /* of an offer that was created and never set, or of one that this replaces */
	err = section < 0 ? 0 : negotiate_remote_ice(core, offer, (size_t)section);
	if (err)
		return err;
	err = transceivers_match_offer(core, offer);
	if (err)
		return err;
	drop(&core->pending_remote);
	core->pending_remote = offer;
	core->pending_remote_type = PARLEY_SDP_OFFER;
	created_clear(&core->answer);
	state_set_signaling(core, PARLEY_SIGNALING_HAVE_REMOTE_OFFER);
	return 0;
}

static int set_remote_answer(parley_core *core, parley_sdp_type type, sdp_session *answer)
{
	sdp_error error;
	int err = sdp_check_answer(core->pending_local, answer, &error);
	if (err)
		return core_fail(core, err, "%s", error.text);
	err = snap_check_remote(core, answer);
	if (!err)
		err = negotiate_apply(core, answer, answer, false);
	int section = sdp_transport_section(answer);
	if (!err && section >= 0)
		err = negotiate_remote_ice(core, answer, (size_t)section);
	if (err)
		return err;
	drop(&core->pending_remote);
	core->pending_remote = answer;
	core->pending_remote_type = type;
	if (type == PARLEY_SDP_ANSWER)
		settle(core, false);
	else
		state_set_signaling(core, PARLEY_SIGNALING_HAVE_REMOTE_PRANSWER);
	return 0;
}

int parley_core_set_remote_description(parley_core *core, uint64_t now, parley_sdp_type type, const char *sdp)
{
	core_enter(core, now);
	int err = check_type(core, false, type);
	if (err)
		return err;
	if (type == PARLEY_SDP_ROLLBACK) {
		set_rollback(core);
		return 0;
	}
	sdp_session *session;
	sdp_error error;
	err = sdp_parse(slice_from_string(sdp), &session, &error);
	if (err)
		return core_fail(core, err == PARLEY_EPROTO ? PARLEY_EINVAL : err, "%s", error.text);
	err = type == PARLEY_SDP_OFFER ? set_remote_offer(core, session) : set_remote_answer(core, type, session);
	if (err)
		sdp_free(session);
	transport_pump(core);
	return err;
}

/* --- get --- */

static int get_description(const sdp_session *session, char **sdp)
{
	return session ? print_description(session, sdp) : PARLEY_ENOTFOUND;
}

int parley_core_local_description(parley_core *core, parley_sdp_type *type, char **sdp)
{
	*type = core->pending_local ? core->pending_local_type : core->current_local_type;
	return get_description(local_description(core), sdp);
}

int parley_core_remote_description(parley_core *core, parley_sdp_type *type, char **sdp)
{
	*type = core->pending_remote ? core->pending_remote_type : core->current_remote_type;
	return get_description(remote_description(core), sdp);
}
