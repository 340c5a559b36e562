#include "base/text.h"
#include "peer/internal.h"

/* What has come of one server, from all sockets together. */
typedef struct {
	bool asked, answered, failed;
	ice_server_info failure; /* the last one */
} outcome;

static outcome outcome_of(const parley_core *core, const peer_server *s)
{
	ice_server_info info[ICE_GATHERS_MAX + ICE_RELAYS_MAX];
	size_t count = ice_get_servers(core->ice, info, sizeof info / sizeof *info);
	outcome o = {0};
	for (size_t i = 0; i < count; i++) {
		if (!server_is_source(s, &info[i].source))
			continue;
		o.asked = true;
		o.answered |= info[i].state == ICE_SERVER_ANSWERED;
		o.failed |= info[i].state == ICE_SERVER_FAILED;
		if (info[i].state == ICE_SERVER_FAILED)
			o.failure = info[i];
	}
	return o;
}

static void put_failure(const ice_server_info *f, text *out)
{
	if (f->error == PARLEY_EAUTH)
		text_printf(out, "refused the credentials (%u)", f->code);
	else if (f->error == PARLEY_ETIMEDOUT)
		text_string(out, "does not answer");
	else
		text_printf(out, "failed: %s", f->reason);
}

static void put_server(const parley_core *core, const peer_server *s, text *out)
{
	outcome o = outcome_of(core, s);
	if (o.answered && !s->at.turn)
		return;
	text_printf(out, "; %s%s ", o.answered ? "not even through " : "", s->url);
	if (o.answered)
		return;
	if (s->question)
		text_string(out, "is still looked up");
	else if (!s->address_count)
		text_string(out, "has no address");
	else if (o.failed)
		put_failure(&o.failure, out);
	else
		text_string(out, o.asked ? "has not answered yet" : "is of another address family than ours");
}

static bool has_turn(const parley_core *core)
{
	for (size_t i = 0; i < core->servers.count; i++)
		if (core->servers.items[i].at.turn)
			return true;
	return false;
}

static void put_no_path(const parley_core *core, text *out)
{
	text_string(out, "no path to the peer: ");
	text_string(out,
		    ice_local_candidate(core->ice, 0) ? "no check was answered" : "we have no candidate ourselves");
	if (!has_turn(core))
		text_string(out, "; no TURN server is configured");
	for (size_t i = 0; i < core->servers.count; i++)
		put_server(core, &core->servers.items[i], out);
}

void failure_of_ice(const parley_core *core, text *out)
{
	ice_counters c;
	ice_get_counters(core->ice, &c);
	if (!ice_remote_candidate(core->ice, 0))
		text_string(out, "the peer sent no usable ICE candidate");
	else if (c.responses_received)
		text_string(out, "the path to the peer was lost and not found again");
	else
		put_no_path(core, out);
}
