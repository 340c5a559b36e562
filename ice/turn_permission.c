#include "base/addr.h"
#include "ice/turn_internal.h"

static const turn_permission *find(const turn_client *c, const parley_addr *peer)
{
	for (size_t i = 0; i < c->permission_count; i++)
		if (c->permissions[i].used && addr_equal_ip(&c->permissions[i].ip, peer))
			return &c->permissions[i];
	return NULL;
}

static turn_permission *find_mutable(turn_client *c, const parley_addr *peer)
{
	const turn_permission *p = find(c, peer);
	return p ? &c->permissions[p - c->permissions] : NULL;
}

/* An empty place, or that of a refusal that is forgotten by now. */
static turn_permission *find_free(turn_client *c, uint64_t now)
{
	for (size_t i = 0; i < c->permission_count; i++) {
		turn_permission *p = &c->permissions[i];
		if (!p->used || (p->refused_until && now >= p->refused_until))
			return p;
	}
	return c->permission_count < TURN_PERMISSIONS_MAX ? &c->permissions[c->permission_count++] : NULL;
}

static bool is_installed(const turn_permission *p, uint64_t now)
{
	return p->expires > now;
}

/* A server that said no means it for a while; one that said nothing may be back. */
static void refuse(turn_permission *p, uint64_t now, turn_failure failure)
{
	p->expires = 0;
	p->due = TIME_NEVER;
	p->alone = p->permitted_told = p->tell_permitted = false;
	p->refused_until = time_after(now, turn_is_verdict(failure) ? TURN_REFUSED_US : 1);
	p->failure = failure;
	p->tell_refused = true;
}

/* --- what the owner wants --- */

/* Do we have, or may yet get, a relayed address that reaches it (RFC 8656 10.1)? */
static bool is_reachable(const turn_client *c, const parley_addr *peer)
{
	if (c->state == TURN_ALLOCATED)
		return (peer->family == PARLEY_IPV4 ? c->relayed_ipv4 : c->relayed_ipv6).family == peer->family;
	return c->families & (peer->family == PARLEY_IPV4 ? TURN_IPV4 : TURN_IPV6);
}

int turn_permit(turn_client *c, uint64_t now, const parley_addr *peer)
{
	if (!turn_is_live(c))
		return PARLEY_ESTATE;
	if (!addr_is_unicast(peer))
		return PARLEY_EINVAL;
	if (!is_reachable(c, peer))
		return PARLEY_EUNREACHABLE;
	turn_permission *p = find_mutable(c, peer);
	if (p && now < p->refused_until)
		return PARLEY_EREFUSED;
	if (p && p->refused_until == 0)
		return 0;
	if (!p && !(p = find_free(c, now)))
		return PARLEY_ELIMIT;
	*p = (turn_permission){.used = true, .ip = *peer, .slot = TURN_NO_SLOT, .due = now};
	p->ip.port = 0;
	p->ip.transport = PARLEY_UDP;
	return 0;
}

void turn_forbid(turn_client *c, const parley_addr *peer)
{
	turn_permission *p = find_mutable(c, peer);
	if (!p)
		return;
	*p = (turn_permission){0};
	turn_channels_forbid(c, peer);
}

bool turn_is_permitted(const turn_client *c, uint64_t now, const parley_addr *peer)
{
	const turn_permission *p = c->state == TURN_ALLOCATED ? find(c, peer) : NULL;
	return p && is_installed(p, now);
}

bool turn_permission_expected(const turn_client *c, uint64_t now, const parley_addr *peer)
{
	const turn_permission *p = find(c, peer);
	return p && (is_installed(p, now) || p->slot != TURN_NO_SLOT);
}

void turn_permissions_allocated(turn_client *c, uint64_t now)
{
	for (size_t i = 0; i < c->permission_count; i++)
		if (c->permissions[i].used && !is_reachable(c, &c->permissions[i].ip))
			refuse(&c->permissions[i], now, (turn_failure){.error = PARLEY_EUNREACHABLE});
}

/* --- CreatePermission (RFC 8656 10) --- */

static bool is_due(const turn_permission *p, uint64_t now)
{
	return p->used && p->slot == TURN_NO_SLOT && p->due <= now;
}

/* Marks what goes into the request of this slot: what is due within the time given, at most max. How many. */
static size_t gather(turn_client *c, uint64_t until, size_t slot, size_t max)
{
	size_t count = 0;
	for (size_t i = 0; i < c->permission_count && count < max; i++) {
		turn_permission *p = &c->permissions[i];
		if (!is_due(p, until) || (p->alone && count > 0))
			continue;
		p->slot = slot;
		count++;
		if (p->alone)
			break;
	}
	return count;
}

/* One request, as large as the credentials leave room for. */
static void start_one(turn_client *c, uint64_t now, size_t slot)
{
	uint64_t give_up = time_after(now, c->config.request_timeout_us);
	for (size_t max = TURN_PERMISSIONS_PER_REQUEST;; max /= 2) {
		size_t count = gather(c, time_after(now, TURN_PERMISSION_TOGETHER_US), slot, max);
		int err = turn_request_start(c, now, slot, TURN_ASK_PERMISSIONS, give_up);
		if (!err)
			return;
		if (err == PARLEY_EMSGSIZE && count > 1)
			continue;
		gather(c, now, slot, 1);
		turn_permissions_failed(c, now, slot, (turn_failure){.error = err});
		return;
	}
}

static bool any_due(const turn_client *c, uint64_t now)
{
	for (size_t i = 0; i < c->permission_count; i++)
		if (is_due(&c->permissions[i], now))
			return true;
	return false;
}

void turn_permissions_start(turn_client *c, uint64_t now)
{
	size_t slot;
	while (any_due(c, now) && turn_slot_free(c, &slot))
		start_one(c, now, slot);
}

bool turn_put_permissions(const turn_client *c, size_t slot, writer *w)
{
	bool any = false;
	for (size_t i = 0; i < c->permission_count; i++)
		if (c->permissions[i].used && c->permissions[i].slot == slot) {
			stun_put_xor_address(w, STUN_ATTR_XOR_PEER_ADDRESS, &c->permissions[i].ip);
			any = true;
		}
	return any;
}

static void install(turn_permission *p, uint64_t since)
{
	p->expires = time_after(since, TURN_PERMISSION_LIFETIME_US);
	p->due = p->expires - TURN_PERMISSION_AHEAD_US;
	p->refused_until = 0;
	p->alone = p->tell_refused = false;
	p->tell_permitted = p->tell_permitted || !p->permitted_told; /* of two answers in one piece of a stream, too */
	p->permitted_told = true;
}

void turn_permission_installed(turn_client *c, const parley_addr *peer, uint64_t since)
{
	turn_permission *p = find_mutable(c, peer);
	if (p)
		install(p, since);
}

void turn_permissions_answered(turn_client *c, size_t slot)
{
	for (size_t i = 0; i < c->permission_count; i++)
		if (c->permissions[i].used && c->permissions[i].slot == slot)
			install(&c->permissions[i], c->requests[slot].started);
	turn_request_release(c, slot);
}

static size_t count_in(const turn_client *c, size_t slot)
{
	size_t count = 0;
	for (size_t i = 0; i < c->permission_count; i++)
		count += c->permissions[i].used && c->permissions[i].slot == slot;
	return count;
}

/* The server refuses a request as a whole, be it for one peer of many: then each is asked for by itself. */
void turn_permissions_failed(turn_client *c, uint64_t now, size_t slot, turn_failure failure)
{
	bool verdict = turn_is_verdict(failure);
	bool shared = verdict && count_in(c, slot) > 1;
	for (size_t i = 0; i < c->permission_count; i++) {
		turn_permission *p = &c->permissions[i];
		if (!p->used || p->slot != slot)
			continue;
		if (shared) {
			p->alone = true;
			p->due = now;
		} else if (!verdict && is_installed(p, now)) {
			p->due = time_after(now, TURN_REFRESH_RETRY_US);
		} else {
			refuse(p, now, failure);
		}
	}
	turn_request_release(c, slot);
}

/* --- time --- */

void turn_permissions_timeout(turn_client *c, uint64_t now)
{
	for (size_t i = 0; i < c->permission_count; i++) {
		turn_permission *p = &c->permissions[i];
		if (!p->used || p->expires == 0 || is_installed(p, now))
			continue;
		p->expires = 0;
		p->permitted_told = false;
		if (p->slot == TURN_NO_SLOT)
			refuse(p, now, (turn_failure){.error = PARLEY_ETIMEDOUT});
	}
}

uint64_t turn_permissions_deadline(const turn_client *c)
{
	size_t slot;
	uint64_t t = TIME_NEVER;
	bool can_start = turn_slot_free(c, &slot);
	for (size_t i = 0; i < c->permission_count; i++) {
		const turn_permission *p = &c->permissions[i];
		if (!p->used)
			continue;
		if (p->expires)
			t = time_min(t, p->expires);
		if (can_start && p->slot == TURN_NO_SLOT)
			t = time_min(t, p->due);
	}
	return t;
}
