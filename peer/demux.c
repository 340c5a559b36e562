#include "parley/demux.h"

#include <stdlib.h>

#include "peer/internal.h"

struct parley_demux {
	ice_demux *ice; /* whose owners are the cores */
};

int parley_demux_new(const parley_random *random, size_t max_connections, parley_demux **out)
{
	parley_demux *demux = calloc(1, sizeof *demux);
	if (!demux)
		return PARLEY_ENOMEM;
	int err = ice_demux_new(random, max_connections, &demux->ice);
	if (err) {
		free(demux);
		return err;
	}
	*out = demux;
	return 0;
}

void parley_demux_free(parley_demux *demux)
{
	if (!demux)
		return;
	ice_demux_free(demux->ice);
	free(demux);
}

parley_core *parley_demux_route(parley_demux *demux, const parley_addr *local, const parley_addr *remote,
				const uint8_t *data, size_t len, void **owner)
{
	parley_core *core = ice_demux_route(demux->ice, local, remote, slice_of(data, len));
	if (owner)
		*owner = core ? core->demux_owner : NULL;
	return core;
}

void parley_demux_get_stats(const parley_demux *demux, parley_demux_stats *out)
{
	ice_demux_counters c;
	ice_demux_get_counters(demux->ice, &c);
	*out = (parley_demux_stats){
		.connections = ice_demux_member_count(demux->ice),
		.addresses = ice_demux_address_count(demux->ice),
		.by_ufrag = c.by_ufrag,
		.by_request = c.by_request,
		.by_address = c.by_address,
		.strangers = c.strangers,
		.addresses_moved = c.moves,
		.addresses_refused = c.refusals,
	};
}

void parley_demux_check_invariants(const parley_demux *demux)
{
	ice_demux_check_invariants(demux->ice);
}

/* --- what a core tells --- */

int demux_join(parley_core *core, parley_demux *demux, void *owner)
{
	core->demux_owner = owner;
	core->demux = demux->ice;
	return ice_demux_add(demux->ice, slice_from_string(ice_local_ufrag(core->ice)), core, &core->demux_member);
}

void demux_leave(parley_core *core)
{
	if (core->demux_member)
		ice_demux_remove(core->demux_member);
	core->demux_member = NULL;
}

void demux_follow_restart(parley_core *core)
{
	if (!core->demux_member)
		return;
	int err = ice_demux_set_ufrag(core->demux_member, slice_from_string(ice_local_ufrag(core->ice)));
	if (err) /* the same 48 random bits twice: nobody will see this */
		trace_printf(&core->trace, TRACE_ERROR, "peer", "the new ufrag cannot be told apart: %s",
			     parley_strerror(err));
}

/* A path that its holder's agent has given up is free: also without a proof, which a lite agent never gets. */
static void release_stale(parley_core *core, const parley_addr *local, const parley_addr *remote)
{
	const parley_core *holder = ice_demux_holder(core->demux, local, remote);
	if (holder && holder != core && !ice_is_validated(holder->ice, local, remote))
		ice_demux_forget(core->demux, local, remote);
}

void demux_heard(parley_core *core, const parley_addr *local, const parley_addr *remote, slice message)
{
	if (!core->demux_member)
		return;
	bool validated = ice_is_validated(core->ice, local, remote);
	if (validated)
		release_stale(core, local, remote);
	ice_demux_heard(core->demux_member, local, remote, message, validated);
}

void demux_sent(parley_core *core, slice datagram)
{
	if (core->demux_member)
		ice_demux_sent(core->demux_member, datagram);
}
