#include <string.h>

#include "base/addr.h"
#include "base/text.h"
#include "peer/internal.h"

/* --- local candidates --- */

/* RFC 8839 4.2.1.2: the default is the one most likely to work with a peer that knows no ICE: reflexive before host, and
 * IPv4 before IPv6 since those peers are old. */
static int default_rank(const ice_candidate *c)
{
	int rank = c->type == ICE_RELAY ? 3 : c->type == ICE_SRFLX ? 2 : 1;
	return 2 * rank + (c->addr.family == PARLEY_IPV4);
}

static parley_addr default_address(const parley_core *core)
{
	parley_addr best = {0};
	int best_rank = 0;
	const ice_candidate *c;
	for (size_t i = 0; (c = ice_local_candidate(core->ice, i)); i++) {
		if (c->name[0] || c->addr.transport != PARLEY_UDP || c->type == ICE_PRFLX ||
		    default_rank(c) <= best_rank)
			continue;
		best = c->addr;
		best_rank = default_rank(c);
	}
	return best;
}

/* The section candidates belong to, as index and name. */
static bool candidate_section(const parley_core *core, sdp_session **description, size_t *section)
{
	*description = local_description(core);
	int index = *description ? sdp_transport_section(*description) : -1;
	if (index < 0)
		return false;
	*section = (size_t)index;
	return true;
}

static void push_candidate(parley_core *core, const char *line)
{
	sdp_session *description;
	size_t section;
	char mid[64] = "";
	parley_event event = {.type = PARLEY_EVENT_ICE_CANDIDATE};
	event.ice_candidate.candidate = line;
	event.ice_candidate.mid = mid;
	if (candidate_section(core, &description, &section)) {
		text t = text_of(mid, sizeof mid);
		text_slice(&t, description->media[section].mid);
		event.ice_candidate.mline_index = (int)section;
	}
	event_push(core, &event);
}

/*
 * A restart, by the remote's offer or for one of ours, gathers at once; but what is gathered belongs to a description that is yet
 * to be set, and only then is told (W3C webrtc-pc 4.4.1.6). Until then the local description is one of older credentials.
 */
static bool is_described(const parley_core *core)
{
	sdp_session *description;
	size_t section;
	if (!local_description(core))
		return false; /* from the pool */
	if (!candidate_section(core, &description, &section))
		return true;
	return slice_equal_string(sdp_transport_of(description, section).ufrag, ice_local_ufrag(core->ice));
}

static void tell_candidate(parley_core *core, const ice_candidate *candidate)
{
	char line[ICE_CANDIDATE_TEXT];
	text t = text_of(line, sizeof line);
	ice_candidate_print(candidate, &t);
	sdp_session *description;
	size_t section;
	if (candidate_section(core, &description, &section)) {
		parley_addr address = default_address(core);
		sdp_add_candidate(description, section, slice_from_string(line));
		sdp_set_default_address(description, section, &address);
	}
	push_candidate(core, line);
}

static void tell_state(parley_core *core, ice_gathering state)
{
	sdp_session *description;
	size_t section;
	if (state == ICE_GATHERING_COMPLETE) {
		if (candidate_section(core, &description, &section))
			sdp_end_candidates(description, section);
		push_candidate(core, "");
	}
	state_set_gathering(core, (parley_gathering_state)state);
}

void gather_on_candidate(parley_core *core, const ice_candidate *candidate)
{
	if (is_described(core))
		tell_candidate(core, candidate);
	else
		core->gathering_held = true;
}

void gather_on_state(parley_core *core, ice_gathering state)
{
	if (is_described(core))
		tell_state(core, state);
	else
		core->gathering_held = true;
}

/* The description is set: what was gathered before it is told now. */
static void tell_held(parley_core *core)
{
	const ice_candidate *c;
	if (!core->gathering_held || !is_described(core))
		return;
	core->gathering_held = false;
	state_set_gathering(core, PARLEY_GATHERING_GATHERING);
	for (size_t i = 0; (c = ice_local_candidate(core->ice, i)); i++)
		if (c->type != ICE_PRFLX)
			tell_candidate(core, c);
	if (ice_get_gathering(core->ice) == ICE_GATHERING_COMPLETE)
		tell_state(core, ICE_GATHERING_COMPLETE);
}

void gather_start(parley_core *core)
{
	if (core->gathering_started)
		tell_held(core);
	else
		sources_start(core);
}

/* --- remote candidates --- */

static int parse_candidate(parley_core *core, slice line, ice_candidate *out)
{
	int err = ice_candidate_parse(line, out);
	return err == PARLEY_EINVAL ? core_fail(core, err, "malformed candidate: %.*s",
						(int)(line.len < 80 ? line.len : 80), (const char *)line.data)
				    : err;
}

int remote_candidate_check(parley_core *core, slice line)
{
	ice_candidate candidate;
	int err = parse_candidate(core, line, &candidate);
	return err == PARLEY_EUNSUPPORTED ? 0 : err;
}

int remote_candidate_add(parley_core *core, slice line)
{
	ice_candidate candidate;
	int err = parse_candidate(core, line, &candidate);
	if (err == PARLEY_EINVAL)
		return err;
	if (!err && candidate.component == 1)
		err = ice_add_remote_candidate(core->ice, core->now, &candidate);
	/* Of a kind not used here, of an older generation, or one too many: left out, as browsers do. */
	bool harmless = err == PARLEY_EUNSUPPORTED || err == PARLEY_ESTATE || err == PARLEY_ELIMIT;
	if (harmless)
		trace_printf(&core->trace, TRACE_DEBUG, "peer", "remote candidate left out: %s", parley_strerror(err));
	return harmless ? 0 : err;
}

static int find_section(parley_core *core, const sdp_session *remote, const char *mid, int mline_index)
{
	int section = mline_index;
	if (mid && *mid)
		section = sdp_find_mid(remote, slice_from_string(mid));
	if (section < 0 || (size_t)section >= remote->media_count)
		return core_fail(core, PARLEY_ENOTFOUND, "no media section %s%s (index %d)",
				 mid && *mid ? "with mid " : "", mid ? mid : "", mline_index);
	return section;
}

int parley_core_add_ice_candidate(parley_core *core, uint64_t now, const char *candidate, const char *mid,
				  int mline_index)
{
	if (core->closed)
		return PARLEY_ECLOSED;
	core_enter(core, now);
	sdp_session *remote = remote_description(core);
	if (!remote)
		return core_fail(core, PARLEY_ESTATE, "a candidate came before the remote description");
	slice line = slice_from_string(candidate);
	if (line.len == 0) {
		ice_end_of_remote_candidates(core->ice, now);
		transport_pump(core);
		return 0;
	}
	int section = find_section(core, remote, mid, mline_index);
	if (section < 0)
		return section;
	/* The other sections of a bundle share the transport of the one that speaks for it (RFC 8843 7.2). */
	if (section != sdp_transport_section(remote))
		return 0;
	int err = remote_candidate_add(core, line);
	if (!err)
		sdp_add_candidate(remote, (size_t)section, line);
	transport_pump(core);
	return err;
}
