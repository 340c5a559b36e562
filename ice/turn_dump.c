#include <assert.h>

#include "base/addr.h"
#include "base/text.h"
#include "ice/turn_internal.h"

static long long seconds_left(uint64_t until, uint64_t now)
{
	return ((long long)until - (long long)now) / (long long)US_PER_S;
}

static void dump_permission(const turn_permission *p, uint64_t now, text *out)
{
	char ip[ADDR_TEXT_MAX];
	text_printf(out, "  permission %s", addr_print_ip(&p->ip, ip));
	if (p->expires > now)
		text_printf(out, " for %lld s more", seconds_left(p->expires, now));
	if (p->slot != TURN_NO_SLOT)
		text_string(out, " asked for");
	if (p->refused_until)
		text_printf(out, " refused: %u %s", p->failure.code, parley_strerror(p->failure.error));
	text_char(out, '\n');
}

static void dump_channel(const turn_channel *channel, uint64_t now, text *out)
{
	char peer[ADDR_TEXT_MAX];
	text_printf(out, "  channel 0x%04x %s", channel->number, addr_print(&channel->peer, peer));
	if (channel->expires > now)
		text_printf(out, " for %lld s more", seconds_left(channel->expires, now));
	if (channel->slot != TURN_NO_SLOT)
		text_string(out, " asked for");
	text_string(out, channel->wanted ? "\n" : " no longer wanted\n");
}

static void dump_request(const turn_request *r, uint64_t now, text *out)
{
	static const char *const NAMES[] = {"Allocate", "Refresh", "deletion", "CreatePermission", "ChannelBind"};
	text_printf(out, "  %s under way for %lld ms, sent %u times\n", NAMES[r->ask],
		    ((long long)now - (long long)r->started) / (long long)US_PER_MS, r->txn.sends);
}

void turn_dump(const turn_client *c, uint64_t now, text *out)
{
	char server[ADDR_TEXT_MAX], relayed[ADDR_TEXT_MAX];
	text_printf(out, "turn %s %s, %s", addr_print(&c->server, server), turn_on_stream(c) ? "stream" : "udp",
		    turn_state_name(c->state));
	if (c->relayed_ipv4.family)
		text_printf(out, ", relayed %s", addr_print(&c->relayed_ipv4, relayed));
	if (c->relayed_ipv6.family)
		text_printf(out, ", relayed %s", addr_print(&c->relayed_ipv6, relayed));
	if (c->state == TURN_ALLOCATED)
		text_printf(out, ", for %lld s more", seconds_left(c->expires, now));
	text_printf(out, "%s%s\n", c->software[0] ? ", by " : "", c->software);
	for (size_t i = 0; i < TURN_REQUESTS_MAX; i++)
		if (c->requests[i].txn.state == STUN_TXN_WAITING)
			dump_request(&c->requests[i], now, out);
	for (size_t i = 0; i < c->permission_count; i++)
		if (c->permissions[i].used)
			dump_permission(&c->permissions[i], now, out);
	for (size_t i = 0; i < c->channel_count; i++)
		if (c->channels[i].used)
			dump_channel(&c->channels[i], now, out);
}

static void check_slot(const turn_client *c, size_t slot, turn_ask ask)
{
	assert(slot != TURN_ALLOCATION_SLOT && slot <= TURN_NO_SLOT);
	assert(slot == TURN_NO_SLOT ||
	       (c->requests[slot].txn.state == STUN_TXN_WAITING && c->requests[slot].ask == ask));
}

static void check_permission(const turn_client *c, size_t i)
{
	const turn_permission *p = &c->permissions[i];
	check_slot(c, p->slot, TURN_ASK_PERMISSIONS);
	assert(p->ip.port == 0);
	assert(!p->refused_until || (p->expires == 0 && p->due == TIME_NEVER && p->slot == TURN_NO_SLOT));
	assert(!p->tell_permitted || p->permitted_told);
	/* None is forgotten: it is there, asked for, to be asked for, or refused. */
	assert(p->expires || p->slot != TURN_NO_SLOT || p->due != TIME_NEVER || p->refused_until);
	for (size_t j = 0; j < i; j++)
		assert(!c->permissions[j].used || !addr_equal_ip(&c->permissions[j].ip, &p->ip));
}

static void check_channel(const turn_client *c, size_t i)
{
	const turn_channel *channel = &c->channels[i];
	check_slot(c, channel->slot, TURN_ASK_CHANNEL);
	assert(channel->number >= STUN_CHANNEL_FIRST && channel->number <= STUN_CHANNEL_LAST);
	assert(channel->rest_until >= channel->expires);
	for (size_t j = 0; j < i; j++)
		assert(!c->channels[j].used ||
		       (c->channels[j].number != channel->number && !addr_equal(&c->channels[j].peer, &channel->peer)));
}

static void check_request(const turn_client *c, size_t slot)
{
	const turn_request *r = &c->requests[slot];
	stun_txn_check_invariants(&r->txn);
	assert(r->txn.state == STUN_TXN_IDLE || r->txn.state == STUN_TXN_WAITING);
	assert((r->txn.state == STUN_TXN_IDLE) == (r->bytes == NULL));
	assert(r->len <= TURN_PACKET_MAX);
	assert(r->txn.state == STUN_TXN_IDLE || turn_deadline(c) != TIME_NEVER);
}

void turn_check_invariants(const turn_client *c)
{
	bool allocated = c->state == TURN_ALLOCATED;
	for (size_t slot = 0; slot < TURN_REQUESTS_MAX; slot++)
		check_request(c, slot);
	for (size_t i = 0; i < c->permission_count; i++)
		if (c->permissions[i].used)
			check_permission(c, i);
	for (size_t i = 0; i < c->channel_count; i++)
		if (c->channels[i].used)
			check_channel(c, i);
	assert(c->permission_count <= TURN_PERMISSIONS_MAX && c->channel_count <= TURN_CHANNELS_MAX);
	assert(c->tried_count <= TURN_ALTERNATES_MAX + 1);
	assert(c->partial.len <= TURN_UNIT_MAX && (!c->partial_done || c->partial.len > 0));
	assert(allocated == (c->expires != TIME_NEVER) || c->state == TURN_CLOSING);
	assert(!allocated || c->relayed_ipv4.family || c->relayed_ipv6.family);
	assert(!allocated || turn_deadline(c) <= c->expires);
	assert(c->state != TURN_ALLOCATING || c->requests[TURN_ALLOCATION_SLOT].txn.state == STUN_TXN_WAITING);
	assert(!c->tell_over || (!turn_is_live(c) && c->state != TURN_CLOSING));
}
