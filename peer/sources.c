#include "base/addr.h"
#include "peer/internal.h"

/* Resolve ids: ICE's own count up from 1; those of our servers have this bit. */
#define RESOLVE_SERVER UINT32_C(0x80000000)

/* --- servers --- */

static bool is_asking(const parley_core *core)
{
	for (size_t i = 0; i < core->servers.count; i++)
		if (core->servers.items[i].question)
			return true;
	return false;
}

static void end_if_known(parley_core *core)
{
	if (!core->gathering_started || core->sources_ended || !core->locals_done || is_asking(core))
		return;
	core->sources_ended = true;
	ice_end_of_sources(core->ice, core->now);
}

static int add_to_ice(parley_core *core, const peer_server *s, const parley_addr *address)
{
	if (!s->at.turn)
		return ice_add_stun_server(core->ice, core->now, address);
	ice_turn_server turn = {
		.addr = *address,
		.over = s->at.over,
		.username = slice_from_string(s->username),
		.password = slice_from_string(s->credential),
		.name = s->at.literal ? NULL : s->at.host,
	};
	return ice_add_turn_server(core->ice, core->now, &turn);
}

static void add_addresses(parley_core *core, peer_server *s, const parley_addr *addresses, size_t count)
{
	for (size_t i = 0; i < count; i++)
		server_add_address(s, &addresses[i]);
	for (size_t i = 0; i < s->address_count; i++) {
		int err = add_to_ice(core, s, &s->addresses[i]);
		if (err)
			trace_printf(&core->trace, TRACE_WARN, "peer", "%s left out: %s", s->url, parley_strerror(err));
	}
	if (s->address_count == 0)
		trace_printf(&core->trace, TRACE_WARN, "peer", "%s has no address", s->url);
}

static void resolve(parley_core *core, peer_server *s)
{
	s->question = RESOLVE_SERVER | ++core->server_questions;
	parley_event event = {.type = PARLEY_EVENT_RESOLVE};
	event.resolve.id = s->question;
	event.resolve.name = s->at.host;
	event_push(core, &event);
}

static void add_servers(parley_core *core)
{
	for (size_t i = 0; i < core->servers.count; i++) {
		peer_server *s = &core->servers.items[i];
		if (s->at.literal)
			add_addresses(core, s, &s->at.address, 1);
		else
			resolve(core, s);
	}
}

/* RFC 8829 4.1.18: what is in the pool is of the servers before; but what an offer already speaks of stays. */
static int refill_pool(parley_core *core)
{
	if (local_description(core) || remote_description(core) || core->offer.session)
		return 0;
	int err = ice_restart(core->ice, core->now);
	if (!err)
		ice_agreed(core->ice);
	return err;
}

int parley_core_set_ice_servers(parley_core *core, uint64_t now, const parley_ice_server *servers, size_t count)
{
	server_list list;
	const char *reason = "too many ICE servers";
	if (core->closed)
		return PARLEY_ECLOSED;
	core_enter(core, now);
	int err = count > PARLEY_ICE_SERVERS_MAX ? PARLEY_EINVAL : server_list_make(&list, servers, count, &reason);
	if (err)
		return core_fail(core, err, "%s", reason);
	server_list_clear(&core->former_servers);
	core->former_servers = core->servers;
	core->servers = list;
	if (core->gathering_started && !core->ice_lite) {
		ice_clear_servers(core->ice);
		add_servers(core);
		err = refill_pool(core);
		end_if_known(core);
	}
	transport_pump(core);
	return err;
}

const peer_server *sources_find(const parley_core *core, const ice_source *source)
{
	for (size_t i = 0; i < core->servers.count; i++)
		if (server_is_source(&core->servers.items[i], source))
			return &core->servers.items[i];
	for (size_t i = 0; i < core->former_servers.count; i++)
		if (server_is_source(&core->former_servers.items[i], source))
			return &core->former_servers.items[i];
	return NULL;
}

void parley_core_resolved(parley_core *core, uint64_t now, uint32_t id, const parley_addr *addresses, size_t count)
{
	if (core->closed)
		return;
	core_enter(core, now);
	if (!(id & RESOLVE_SERVER))
		ice_resolved(core->ice, now, id, count ? addresses : NULL);
	for (size_t i = 0; i < core->servers.count && id & RESOLVE_SERVER; i++) {
		peer_server *s = &core->servers.items[i];
		if (s->question != id)
			continue;
		s->question = 0;
		add_addresses(core, s, addresses, count);
		end_if_known(core);
	}
	transport_pump(core);
}

/* --- local addresses --- */

void sources_start(parley_core *core)
{
	core->gathering_started = true;
	for (size_t i = 0; i < core->local_count; i++)
		ice_add_local(core->ice, core->now, &core->locals[i]);
	if (!core->ice_lite) /* RFC 8445 2.5: host candidates only */
		add_servers(core);
	end_if_known(core);
}

static size_t find_local(const parley_core *core, const parley_addr *local)
{
	size_t i = 0;
	while (i < core->local_count && !addr_equal(&core->locals[i], local))
		i++;
	return i;
}

int parley_core_add_local_address(parley_core *core, uint64_t now, const parley_addr *local)
{
	if (core->closed)
		return PARLEY_ECLOSED;
	core_enter(core, now);
	if (find_local(core, local) < core->local_count)
		return 0;
	if (core->local_count == ICE_BASES_MAX)
		return PARLEY_ELIMIT;
	if (addr_is_any(local) || local->port == 0 || local->family == PARLEY_ADDR_NONE)
		return core_fail(core, PARLEY_EINVAL, "a local address names one interface and port");
	if (!ARRAY_ROOM(core->locals, core->local_count))
		return PARLEY_ENOMEM;
	if (core->gathering_started) {
		int err = ice_add_local(core->ice, now, local);
		if (err)
			return err;
	}
	core->locals[core->local_count++] = *local;
	transport_pump(core);
	return 0;
}

int parley_core_remove_local_address(parley_core *core, uint64_t now, const parley_addr *local)
{
	if (core->closed)
		return PARLEY_ECLOSED;
	core_enter(core, now);
	size_t i = find_local(core, local);
	if (i == core->local_count)
		return PARLEY_ENOTFOUND;
	core->locals[i] = core->locals[--core->local_count];
	if (core->gathering_started)
		ice_remove_local(core->ice, now, local);
	transport_pump(core);
	return 0;
}

int parley_core_local_addresses_done(parley_core *core, uint64_t now)
{
	if (core->closed)
		return PARLEY_ECLOSED;
	core_enter(core, now);
	core->locals_done = true;
	end_if_known(core);
	transport_pump(core);
	return 0;
}
