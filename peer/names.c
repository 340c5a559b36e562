/* The W3C's strings for its states. */
#include "parley/core.h"

static const char *name_of(const char *const *names, size_t count, unsigned value)
{
	return value < count ? names[value] : "unknown";
}

#define NAME_OF(names, value) name_of(names, sizeof(names) / sizeof *(names), (unsigned)(value))

const char *parley_signaling_state_name(parley_signaling_state state)
{
	static const char *const names[] = {
		"stable", "have-local-offer", "have-remote-offer", "have-local-pranswer", "have-remote-pranswer",
		"closed"};
	return NAME_OF(names, state);
}

const char *parley_gathering_state_name(parley_gathering_state state)
{
	static const char *const names[] = {"new", "gathering", "complete"};
	return NAME_OF(names, state);
}

const char *parley_ice_state_name(parley_ice_state state)
{
	static const char *const names[] = {"new",	    "checking", "connected", "completed",
					    "disconnected", "failed",	"closed"};
	return NAME_OF(names, state);
}

const char *parley_connection_state_name(parley_connection_state state)
{
	static const char *const names[] = {"new", "connecting", "connected", "disconnected", "failed", "closed"};
	return NAME_OF(names, state);
}

const char *parley_channel_state_name(parley_channel_state state)
{
	static const char *const names[] = {"connecting", "open", "closing", "closed"};
	return NAME_OF(names, state);
}

const char *parley_sdp_type_name(parley_sdp_type type)
{
	static const char *const names[] = {"offer", "pranswer", "answer", "rollback"};
	return NAME_OF(names, type);
}
