#include <stdlib.h>

#include "base/addr.h"
#include "tests/sim/simturn_internal.h"
#include "tests/support/test.h"

#define LIFETIME_DEFAULT_S 600u /* RFC 8656 7.2 */
#define LIFETIME_MAX_S 3600u
#define PERMISSION_US (300 * US_PER_S)	       /* RFC 8656 9 */
#define CHANNEL_US (600 * US_PER_S)	       /* RFC 8656 12 */
#define CHANNEL_QUARANTINE_US (300 * US_PER_S) /* RFC 8656 12: not for another peer before */
#define RELAYED_FIRST 49152u

static bool same_flow(const simturn_flow *a, const simturn_flow *b)
{
	return addr_equal(&a->local, &b->local) && addr_equal(&a->remote, &b->remote) && a->stream == b->stream;
}

void simturn_free(simturn_allocation *a)
{
	for (list_node *n; (n = list_pop(&a->permissions));)
		free(LIST_ENTRY(n, simturn_permission, node));
	for (list_node *n; (n = list_pop(&a->channels));)
		free(LIST_ENTRY(n, simturn_channel, node));
	list_remove(&a->node);
	free(a);
}

static void expire(simturn *s)
{
	LIST_FOR_SAFE (n, after, &s->allocations) {
		simturn_allocation *a = LIST_ENTRY(n, simturn_allocation, node);
		if (a->expires > s->host.net->now)
			continue;
		s->count.expired++;
		simturn_free(a);
	}
}

simturn_allocation *simturn_find(simturn *s, const simturn_flow *flow)
{
	expire(s);
	LIST_FOR (n, &s->allocations) {
		simturn_allocation *a = LIST_ENTRY(n, simturn_allocation, node);
		if (same_flow(&a->flow, flow))
			return a;
	}
	return NULL;
}

simturn_allocation *simturn_find_relayed(simturn *s, const parley_addr *relayed)
{
	expire(s);
	LIST_FOR (n, &s->allocations) {
		simturn_allocation *a = LIST_ENTRY(n, simturn_allocation, node);
		if (addr_equal(&a->ipv4, relayed) || addr_equal(&a->ipv6, relayed))
			return a;
	}
	return NULL;
}

static bool has_family(const simturn_allocation *a, uint8_t family)
{
	return (family == PARLEY_IPV4 ? a->ipv4 : a->ipv6).family != PARLEY_ADDR_NONE;
}

/* --- Allocate (RFC 8656 7.2) --- */

static uint32_t lifetime_of(const simturn *s, const stun_message *m)
{
	uint32_t max = s->config.lifetime_max_s ? s->config.lifetime_max_s : LIFETIME_MAX_S;
	uint32_t wanted = m->has_lifetime && m->lifetime > LIFETIME_DEFAULT_S ? m->lifetime : LIFETIME_DEFAULT_S;
	return wanted < max ? wanted : max;
}

static parley_addr new_relayed(simturn *s, enum parley_family family)
{
	parley_addr a = {0};
	for (size_t i = 0; i < s->host.interface_count && a.family == PARLEY_ADDR_NONE; i++)
		if (s->host.interfaces[i].ip.family == family)
			a = s->host.interfaces[i].ip;
	if (a.family == PARLEY_ADDR_NONE)
		return a;
	do {
		a.port = s->next_port++;
		if (s->next_port < RELAYED_FIRST)
			s->next_port = RELAYED_FIRST;
	} while (simturn_find_relayed(s, &a));
	return a;
}

/* The error that a request for an allocation gets; 0: none. what: of a violation. */
static unsigned judge_allocate(const stun_message *m, const char **what)
{
	*what = "Allocate without REQUESTED-TRANSPORT";
	if (!m->has_requested_transport)
		return STUN_BAD_REQUEST;
	*what = "Allocate for another transport than UDP";
	if (m->requested_transport != STUN_TRANSPORT_UDP)
		return STUN_UNSUPPORTED_TRANSPORT;
	*what = "RESERVATION-TOKEN together with EVEN-PORT or a family";
	if (m->has_reservation_token && (m->has_even_port || m->has_requested_family || m->has_additional_family))
		return STUN_BAD_REQUEST;
	*what = "REQUESTED- together with ADDITIONAL-ADDRESS-FAMILY";
	if (m->has_requested_family && m->has_additional_family)
		return STUN_BAD_REQUEST;
	*what = "an ADDITIONAL-ADDRESS-FAMILY that is not IPv6";
	if (m->has_additional_family && m->additional_family != STUN_FAMILY_IPV6)
		return STUN_BAD_REQUEST;
	*what = "a REQUESTED-ADDRESS-FAMILY that is none";
	if (m->has_requested_family && m->requested_family != STUN_FAMILY_IPV4 &&
	    m->requested_family != STUN_FAMILY_IPV6)
		return STUN_FAMILY_NOT_SUPPORTED;
	*what = NULL;
	return m->has_reservation_token ? STUN_INSUFFICIENT_CAPACITY : 0;
}

static void put_allocation(const simturn_allocation *a, writer *w)
{
	if (a->ipv4.family)
		stun_put_xor_address(w, STUN_ATTR_XOR_RELAYED_ADDRESS, &a->ipv4);
	if (a->ipv6.family)
		stun_put_xor_address(w, STUN_ATTR_XOR_RELAYED_ADDRESS, &a->ipv6);
	stun_put_u32(w, STUN_ATTR_LIFETIME, a->lifetime_s);
	stun_put_xor_address(w, STUN_ATTR_XOR_MAPPED_ADDRESS, &a->flow.remote);
}

static void allocated(simturn *s, const simturn_allocation *a, const stun_message *m)
{
	uint8_t bytes[SIMTURN_MESSAGE_MAX];
	writer w = writer_of(bytes, sizeof bytes);
	stun_begin(&w, STUN_SUCCESS, m->method, &m->id);
	put_allocation(a, &w);
	if (m->has_additional_family && !a->ipv6.family) {
		static const uint8_t error[] = {STUN_FAMILY_IPV6, 0, 4, 40}; /* 440 */
		stun_put_bytes(&w, STUN_ATTR_ADDRESS_ERROR_CODE, slice_of(error, sizeof error));
	}
	simturn_reply_signed(s, &a->flow, m, &w);
}

static void redirect(simturn *s, const simturn_flow *flow, const stun_message *m)
{
	uint8_t bytes[SIMTURN_MESSAGE_MAX];
	writer w = writer_of(bytes, sizeof bytes);
	stun_begin(&w, STUN_ERROR, m->method, &m->id);
	stun_put_error(&w, STUN_TRY_ALTERNATE, NULL);
	stun_put_address(&w, STUN_ATTR_ALTERNATE_SERVER, &s->config.alternate);
	simturn_reply_signed(s, flow, m, &w);
}

static simturn_allocation *new_allocation(simturn *s, const simturn_flow *flow, const stun_message *m)
{
	bool ipv6_only = m->has_requested_family && m->requested_family == STUN_FAMILY_IPV6;
	simturn_allocation *a = calloc(1, sizeof *a);
	assert_non_null(a);
	list_init(&a->permissions);
	list_init(&a->channels);
	a->flow = *flow;
	a->id = m->id;
	if (!ipv6_only)
		a->ipv4 = new_relayed(s, PARLEY_IPV4);
	if (ipv6_only || m->has_additional_family)
		a->ipv6 = new_relayed(s, PARLEY_IPV6);
	a->lifetime_s = lifetime_of(s, m);
	a->expires = s->host.net->now + a->lifetime_s * US_PER_S;
	list_append(&s->allocations, &a->node);
	return a;
}

static void allocate(simturn *s, const simturn_flow *flow, const stun_message *m)
{
	const char *violation;
	simturn_allocation *a = simturn_find(s, flow);
	unsigned code = judge_allocate(m, &violation);
	if (code) {
		simturn_violation(s, flow, "%s", violation ? violation : "a token that was never given");
		simturn_refuse(s, flow, m, code);
		return;
	}
	if (a && !stun_id_equal(&a->id, &m->id)) {
		s->count.mismatches++;
		simturn_refuse(s, flow, m, STUN_ALLOCATION_MISMATCH);
		return;
	}
	if (s->config.alternate.family) {
		redirect(s, flow, m);
		return;
	}
	if (!a) {
		a = new_allocation(s, flow, m);
		if (!a->ipv4.family && !a->ipv6.family) {
			simturn_free(a);
			simturn_refuse(s, flow, m, STUN_FAMILY_NOT_SUPPORTED);
			return;
		}
		s->count.allocations++;
	}
	allocated(s, a, m);
}

/* --- Refresh (RFC 8656 8.2) --- */

static void refresh(simturn *s, simturn_allocation *a, const stun_message *m)
{
	uint8_t bytes[SIMTURN_MESSAGE_MAX];
	writer w = writer_of(bytes, sizeof bytes);
	simturn_flow flow = a->flow;
	if (m->has_requested_family &&
	    !has_family(a, m->requested_family == STUN_FAMILY_IPV4 ? PARLEY_IPV4 : PARLEY_IPV6)) {
		simturn_violation(s, &flow, "Refresh of a family that was not allocated");
		simturn_refuse(s, &flow, m, STUN_PEER_FAMILY_MISMATCH);
		return;
	}
	bool deletes = m->has_lifetime && m->lifetime == 0;
	uint32_t lifetime = deletes ? 0 : lifetime_of(s, m);
	a->lifetime_s = lifetime;
	a->expires = s->host.net->now + lifetime * US_PER_S;
	if (deletes) {
		s->count.deletions++;
		simturn_free(a);
	} else {
		s->count.refreshes++;
	}
	stun_begin(&w, STUN_SUCCESS, m->method, &m->id);
	stun_put_u32(&w, STUN_ATTR_LIFETIME, lifetime);
	simturn_reply_signed(s, &flow, m, &w);
}

/* --- permissions (RFC 8656 9, 10.2) --- */

static simturn_permission *find_permission(const simturn_allocation *a, const parley_addr *peer)
{
	LIST_FOR (n, &a->permissions) {
		simturn_permission *p = LIST_ENTRY(n, simturn_permission, node);
		if (addr_equal_ip(&p->ip, peer))
			return p;
	}
	return NULL;
}

bool simturn_permits(const simturn *s, const simturn_allocation *a, const parley_addr *peer)
{
	const simturn_permission *p = find_permission(a, peer);
	return p && p->expires > s->host.net->now;
}

static void permit(simturn *s, simturn_allocation *a, const parley_addr *peer)
{
	simturn_permission *p = find_permission(a, peer);
	if (!p) {
		p = calloc(1, sizeof *p);
		assert_non_null(p);
		p->ip = *peer;
		list_append(&a->permissions, &p->node);
		s->count.new_permissions++;
	}
	s->count.permissions++;
	p->expires = s->host.net->now + PERMISSION_US;
}

static void succeed(simturn *s, const simturn_allocation *a, const stun_message *m)
{
	uint8_t bytes[SIMTURN_MESSAGE_MAX];
	writer w = writer_of(bytes, sizeof bytes);
	stun_begin(&w, STUN_SUCCESS, m->method, &m->id);
	simturn_reply_signed(s, &a->flow, m, &w);
}

/* The next XOR-PEER-ADDRESS; false: no more, or a malformed one. */
static bool next_peer(reader *r, const stun_message *m, parley_addr *peer)
{
	for (stun_attribute a; stun_next_attribute(r, &a);)
		if (a.type == STUN_ATTR_XOR_PEER_ADDRESS)
			return stun_decode_address(a.value, &m->id, peer);
	return false;
}

static bool peers_fit(const simturn_allocation *a, const stun_message *m)
{
	reader r = stun_attributes(m->raw);
	for (parley_addr peer; next_peer(&r, m, &peer);)
		if (!has_family(a, peer.family))
			return false;
	return true;
}

static void create_permission(simturn *s, simturn_allocation *a, const stun_message *m)
{
	if (!m->has_peer_address) {
		simturn_violation(s, &a->flow, "CreatePermission without a peer");
		simturn_refuse(s, &a->flow, m, STUN_BAD_REQUEST);
	} else if (!peers_fit(a, m)) {
		simturn_violation(s, &a->flow, "CreatePermission for a family without a relayed address");
		simturn_refuse(s, &a->flow, m, STUN_PEER_FAMILY_MISMATCH);
	} else {
		reader r = stun_attributes(m->raw);
		for (parley_addr peer; next_peer(&r, m, &peer);)
			permit(s, a, &peer);
		succeed(s, a, m);
	}
}

/* --- channels (RFC 8656 12) --- */

const simturn_channel *simturn_channel_of(const simturn *s, const simturn_allocation *a, const parley_addr *peer)
{
	LIST_FOR (n, &a->channels) {
		const simturn_channel *c = LIST_ENTRY(n, simturn_channel, node);
		if (addr_equal(&c->peer, peer) && c->expires > s->host.net->now)
			return c;
	}
	return NULL;
}

const simturn_channel *simturn_channel_numbered(const simturn *s, const simturn_allocation *a, uint16_t number)
{
	LIST_FOR (n, &a->channels) {
		const simturn_channel *c = LIST_ENTRY(n, simturn_channel, node);
		if (c->number == number && c->expires > s->host.net->now)
			return c;
	}
	return NULL;
}

/* The channel that the request names or would take away from another; NULL: both are free. */
static simturn_channel *bound(const simturn *s, simturn_allocation *a, const stun_message *m)
{
	LIST_FOR_SAFE (n, after, &a->channels) {
		simturn_channel *c = LIST_ENTRY(n, simturn_channel, node);
		if (c->expires + CHANNEL_QUARANTINE_US <= s->host.net->now) {
			list_remove(&c->node);
			free(c);
		} else if (c->number == m->channel_number || addr_equal(&c->peer, &m->peer_address)) {
			return c;
		}
	}
	return NULL;
}

static const char *judge_channel(const simturn_channel *c, const stun_message *m)
{
	if (!m->has_channel_number || !m->has_peer_address)
		return "ChannelBind without number or peer";
	if (m->channel_number < STUN_CHANNEL_FIRST || m->channel_number > STUN_CHANNEL_LAST)
		return "ChannelBind of a number that is no channel's";
	if (c && c->number != m->channel_number)
		return "ChannelBind for a peer that has a channel";
	if (c && !addr_equal(&c->peer, &m->peer_address))
		return "ChannelBind of a number that is another peer's";
	return NULL;
}

static void channel_bind(simturn *s, simturn_allocation *a, const stun_message *m)
{
	simturn_channel *c = m->has_channel_number && m->has_peer_address ? bound(s, a, m) : NULL;
	const char *wrong = judge_channel(c, m);
	if (wrong || !has_family(a, m->peer_address.family)) {
		simturn_violation(s, &a->flow, "%s",
				  wrong ? wrong : "ChannelBind for a family without a relayed address");
		simturn_refuse(s, &a->flow, m, wrong ? STUN_BAD_REQUEST : STUN_PEER_FAMILY_MISMATCH);
		return;
	}
	if (!c) {
		c = calloc(1, sizeof *c);
		assert_non_null(c);
		c->number = m->channel_number;
		c->peer = m->peer_address;
		list_append(&a->channels, &c->node);
		s->count.new_channels++;
	}
	s->count.channels++;
	c->expires = s->host.net->now + CHANNEL_US;
	permit(s, a, &m->peer_address);
	succeed(s, a, m);
}

void simturn_request(simturn *s, const simturn_flow *flow, const stun_message *m)
{
	simturn_allocation *a = simturn_find(s, flow);
	if (m->method == STUN_ALLOCATE) {
		allocate(s, flow, m);
	} else if (!a) {
		/* A Refresh that deletes may be sent again. */
		s->count.mismatches += !(m->method == STUN_REFRESH && m->has_lifetime && m->lifetime == 0);
		simturn_refuse(s, flow, m, STUN_ALLOCATION_MISMATCH);
	} else if (m->method == STUN_REFRESH) {
		refresh(s, a, m);
	} else if (m->method == STUN_CREATE_PERMISSION) {
		create_permission(s, a, m);
	} else if (m->method == STUN_CHANNEL_BIND) {
		channel_bind(s, a, m);
	} else {
		simturn_violation(s, flow, "a request of method %03x", m->method);
		simturn_refuse(s, flow, m, STUN_BAD_REQUEST);
	}
}
