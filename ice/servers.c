#include <stdlib.h>
#include <string.h>

#include "ice/internal.h"

/* Same place, same way there, same name to show: a user has one password there. */
static bool is_same(const ice_server *s, const ice_turn_server *t, bool turn)
{
	return s->turn == turn && s->over == t->over && addr_equal(&s->addr, &t->addr) &&
	       slice_equal(s->username, t->username) && slice_equal(s->password, t->password) &&
	       slice_equal_string(ice_text(s->name), t->name ? t->name : "");
}

static ice_server *find(const ice_agent *a, const ice_turn_server *wanted, bool turn)
{
	for (size_t i = 0; i < a->server_count; i++)
		if (is_same(a->servers[i], wanted, turn))
			return a->servers[i];
	return NULL;
}

static slice keep(ice_server *s, size_t *at, slice original)
{
	char *copy = s->texts + *at;
	if (original.len)
		memcpy(copy, original.data, original.len);
	*at += original.len + 1;
	return slice_of(copy, original.len);
}

static ice_server *copy_of(const ice_turn_server *t, bool turn)
{
	slice name = ice_text(t->name);
	size_t size = sizeof(ice_server) + t->username.len + t->password.len + name.len + 3;
	size_t at = 0;
	ice_server *s = calloc(1, size);
	if (!s)
		return NULL;
	*s = (ice_server){.size = size, .turn = turn, .over = t->over, .addr = t->addr, .until = UINT32_MAX};
	s->username = keep(s, &at, t->username);
	s->password = keep(s, &at, t->password);
	s->name = (const char *)keep(s, &at, name).data;
	return s;
}

static void free_server(ice_server *s)
{
	size_t size = s->size;
	wipe(s, size);
	free(s);
}

static size_t count_of(const ice_agent *a, bool turn)
{
	size_t n = 0;
	for (size_t i = 0; i < a->server_count; i++)
		n += a->servers[i]->turn == turn;
	return n;
}

/* *out: NULL if there is nothing to do now, as it is known already or waits for the next generation. */
static int add(ice_agent *a, const ice_turn_server *wanted, bool turn, ice_server **out)
{
	ice_server *s = find(a, wanted, turn);
	*out = NULL;
	if (s) {
		s->until = UINT32_MAX;
		return 0;
	}
	if (count_of(a, turn) == (turn ? ICE_TURN_SERVERS_MAX : ICE_STUN_SERVERS_MAX))
		return PARLEY_ELIMIT;
	s = ARRAY_ROOM(a->servers, a->server_count) ? copy_of(wanted, turn) : NULL;
	if (!s)
		return PARLEY_ENOMEM;
	s->since = a->servers_since;
	a->servers[a->server_count++] = s;
	*out = ice_server_is_asked(a, s) ? s : NULL;
	return 0;
}

bool ice_server_is_asked(const ice_agent *a, const ice_server *s)
{
	return a->generation >= s->since && a->generation < s->until;
}

/* From a socket of its family, and not to or from places where nothing of the other kind can be. To a TURN server each socket
 * is one client (RFC 8656 2), so sharing it does not go. */
bool ice_server_is_reached(const ice_agent *a, const ice_server *s, size_t base)
{
	const ice_base *b = &a->bases[base];
	return !(s->turn && a->config.shared_sockets) && b->used && b->kind == ICE_BASE_UDP &&
	       s->over == ICE_OVER_UDP && b->addr.family == s->addr.family &&
	       addr_is_loopback(&b->addr) == addr_is_loopback(&s->addr) && !addr_is_link_local(&b->addr);
}

unsigned ice_server_rank(const ice_agent *a, const ice_server *s)
{
	unsigned i = 0;
	while (i < a->server_count && a->servers[i] != s)
		i++;
	return i;
}

int ice_add_stun_server(ice_agent *a, uint64_t now, const parley_addr *server)
{
	ice_turn_server wanted = {.addr = *server, .over = ICE_OVER_UDP};
	ice_server *s;
	if (a->state == ICE_CLOSED)
		return PARLEY_ESTATE;
	if (!ice_is_usable(server) || server->transport != PARLEY_UDP)
		return PARLEY_EINVAL;
	int err = add(a, &wanted, false, &s);
	if (!s)
		return err;
	ice_gather_at(a, s);
	ice_set_gathering(a, ICE_GATHERING_ACTIVE);
	ice_settle(a, now);
	return 0;
}

static bool is_valid(const ice_turn_server *t)
{
	enum parley_transport transport = t->over == ICE_OVER_UDP ? PARLEY_UDP : PARLEY_TCP;
	return ice_is_usable(&t->addr) && t->addr.transport == transport && t->username.len &&
	       t->username.len <= TURN_USERNAME_MAX && t->password.len && t->password.len <= TURN_PASSWORD_MAX &&
	       ice_text(t->name).len <= ICE_NAME_MAX;
}

int ice_add_turn_server(ice_agent *a, uint64_t now, const ice_turn_server *server)
{
	ice_server *s;
	if (a->state == ICE_CLOSED)
		return PARLEY_ESTATE;
	if (!is_valid(server))
		return PARLEY_EINVAL;
	int err = add(a, server, true, &s);
	if (!s)
		return err;
	ice_relays_at(a, s);
	ice_set_gathering(a, ICE_GATHERING_ACTIVE);
	ice_settle(a, now);
	return 0;
}

void ice_clear_servers(ice_agent *a)
{
	for (size_t i = 0; i < a->server_count; i++)
		a->servers[i]->until = a->generation + 1;
	a->servers_since = a->generation + 1;
}

void ice_servers_sweep(ice_agent *a)
{
	size_t kept = 0;
	for (size_t i = 0; i < a->server_count; i++) {
		ice_server *s = a->servers[i];
		if (a->generation >= s->until && !ice_relays_use(a, s))
			free_server(s);
		else
			a->servers[kept++] = s;
	}
	a->server_count = kept;
}

void ice_servers_clear(ice_agent *a)
{
	for (size_t i = 0; i < a->server_count; i++)
		free_server(a->servers[i]);
	free(a->servers);
	a->servers = NULL;
	a->server_count = 0;
}
