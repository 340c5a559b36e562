#include "base/addr.h"
#include "ice/turn_internal.h"

static const turn_channel *find(const turn_client *c, const parley_addr *peer)
{
	for (size_t i = 0; i < c->channel_count; i++)
		if (c->channels[i].used && addr_equal(&c->channels[i].peer, peer))
			return &c->channels[i];
	return NULL;
}

static turn_channel *find_mutable(turn_client *c, const parley_addr *peer)
{
	const turn_channel *channel = find(c, peer);
	return channel ? &c->channels[channel - c->channels] : NULL;
}

const turn_channel *turn_channel_numbered(const turn_client *c, uint16_t number)
{
	for (size_t i = 0; i < c->channel_count; i++)
		if (c->channels[i].used && c->channels[i].number == number)
			return &c->channels[i];
	return NULL;
}

const turn_channel *turn_channel_bound(const turn_client *c, uint64_t now, const parley_addr *peer)
{
	const turn_channel *channel = find(c, peer);
	return channel && channel->expires > now ? channel : NULL;
}

/* --- what the owner wants --- */

/* A place that is empty, or whose channel has rested long enough to be forgotten. */
static turn_channel *find_free(turn_client *c, uint64_t now)
{
	for (size_t i = 0; i < c->channel_count; i++) {
		turn_channel *channel = &c->channels[i];
		if (!channel->used || (!channel->wanted && channel->slot == TURN_NO_SLOT && now >= channel->rest_until))
			return channel;
	}
	return c->channel_count < TURN_CHANNELS_MAX ? &c->channels[c->channel_count++] : NULL;
}

static uint16_t choose_number(turn_client *c)
{
	uint16_t number;
	do {
		number = c->next_number;
		c->next_number = (uint16_t)(number < STUN_CHANNEL_LAST ? number + 1u : STUN_CHANNEL_FIRST);
	} while (turn_channel_numbered(c, number));
	return number;
}

int turn_bind(turn_client *c, uint64_t now, const parley_addr *peer)
{
	int err = peer->port && peer->transport == PARLEY_UDP ? turn_permit(c, now, peer) : PARLEY_EINVAL;
	if (err)
		return err;
	turn_channel *channel = find_mutable(c, peer);
	if (!channel) {
		channel = find_free(c, now);
		if (!channel)
			return PARLEY_ELIMIT;
		*channel = (turn_channel){.slot = TURN_NO_SLOT};
		channel->number = choose_number(c);
		channel->peer = *peer;
		channel->used = true;
	}
	if (!channel->wanted)
		channel->due = channel->expires > now ? channel->expires - TURN_CHANNEL_AHEAD_US : now;
	channel->wanted = true;
	return 0;
}

void turn_unbind(turn_client *c, const parley_addr *peer)
{
	turn_channel *channel = find_mutable(c, peer);
	if (channel)
		channel->wanted = false;
}

void turn_channels_forbid(turn_client *c, const parley_addr *ip)
{
	for (size_t i = 0; i < c->channel_count; i++)
		if (addr_equal_ip(&c->channels[i].peer, ip))
			c->channels[i].wanted = false;
}

/* --- ChannelBind (RFC 8656 12.1) --- */

static bool is_due(const turn_channel *channel, uint64_t now)
{
	return channel->used && channel->wanted && channel->slot == TURN_NO_SLOT && channel->due <= now;
}

static void start_one(turn_client *c, uint64_t now, turn_channel *channel, size_t slot)
{
	uint64_t give_up = time_after(now, c->config.request_timeout_us);
	channel->slot = slot;
	if (turn_request_start(c, now, slot, TURN_ASK_CHANNEL, give_up)) {
		channel->due = time_after(now, TURN_REFUSED_US);
		return;
	}
	/* The server may bind it when the last of the retransmissions comes, and we may never know. */
	channel->rest_until = time_after(give_up, TURN_CHANNEL_LIFETIME_US + TURN_CHANNEL_REST_US);
}

void turn_channels_start(turn_client *c, uint64_t now)
{
	size_t slot;
	for (size_t i = 0; i < c->channel_count; i++)
		if (is_due(&c->channels[i], now) && turn_slot_free(c, &slot))
			start_one(c, now, &c->channels[i], slot);
}

/* channel_count: none. */
static size_t index_in(const turn_client *c, size_t slot)
{
	size_t i = 0;
	while (i < c->channel_count && !(c->channels[i].used && c->channels[i].slot == slot))
		i++;
	return i;
}

bool turn_put_channel(const turn_client *c, size_t slot, writer *w)
{
	size_t i = index_in(c, slot);
	if (i == c->channel_count)
		return false;
	stun_put_u16(w, STUN_ATTR_CHANNEL_NUMBER, c->channels[i].number);
	stun_put_xor_address(w, STUN_ATTR_XOR_PEER_ADDRESS, &c->channels[i].peer);
	return true;
}

void turn_channel_answered(turn_client *c, size_t slot)
{
	size_t i = index_in(c, slot);
	uint64_t since = c->requests[slot].started;
	turn_request_release(c, slot);
	if (i == c->channel_count)
		return;
	turn_channel *channel = &c->channels[i];
	channel->expires = time_after(since, TURN_CHANNEL_LIFETIME_US);
	channel->due = channel->expires - TURN_CHANNEL_AHEAD_US;
	turn_permission_installed(c, &channel->peer, since);
}

void turn_channel_failed(turn_client *c, uint64_t now, size_t slot, turn_failure failure)
{
	(void)failure; /* data goes in indications, which is no failure */
	size_t i = index_in(c, slot);
	turn_request_release(c, slot);
	if (i < c->channel_count)
		c->channels[i].due = time_after(now, TURN_REFUSED_US);
}

uint64_t turn_channels_deadline(const turn_client *c)
{
	size_t slot;
	uint64_t t = TIME_NEVER;
	if (!turn_slot_free(c, &slot))
		return t;
	for (size_t i = 0; i < c->channel_count; i++) {
		const turn_channel *channel = &c->channels[i];
		if (channel->used && channel->wanted && channel->slot == TURN_NO_SLOT)
			t = time_min(t, channel->due);
	}
	return t;
}
