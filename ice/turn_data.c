#include <string.h>

#include "base/addr.h"
#include "ice/turn_internal.h"

/* --- in --- */

/* RFC 8656 11.4, 12.6: only from whom we let in. */
static bool deliver(turn_client *c, uint64_t now, const parley_addr *peer, slice data, turn_data *out)
{
	const parley_addr *relayed = peer->family == PARLEY_IPV6 ? &c->relayed_ipv6 : &c->relayed_ipv4;
	if (!relayed->family || !turn_permission_expected(c, now, peer)) {
		c->counters.drop_unpermitted++;
		return false;
	}
	*out = (turn_data){.relayed = *relayed, .peer = *peer, .data = data};
	return true;
}

static bool receive_channel(turn_client *c, uint64_t now, slice unit, turn_data *out)
{
	uint16_t number;
	slice data;
	if (stun_parse_channel_data(unit, &number, &data)) {
		c->counters.drop_malformed++;
		return false;
	}
	/* Also one whose binding is not yet confirmed: its data may overtake the answer (RFC 8656 12). */
	const turn_channel *channel = turn_channel_numbered(c, number);
	if (c->state != TURN_ALLOCATED || !channel || (channel->slot == TURN_NO_SLOT && channel->expires <= now)) {
		c->counters.drop_unmatched++;
		return false;
	}
	bool delivered = deliver(c, now, &channel->peer, data, out);
	c->counters.channel_received += delivered;
	return delivered;
}

static bool receive_indication(turn_client *c, uint64_t now, const stun_message *m, turn_data *out)
{
	if (m->method != STUN_DATA || m->unknown_count || !m->has_peer_address || !m->has_data) {
		c->counters.drop_malformed++;
		return false;
	}
	if (c->state != TURN_ALLOCATED) {
		c->counters.drop_unmatched++;
		return false;
	}
	bool delivered = deliver(c, now, &m->peer_address, m->data, out);
	c->counters.indications_received += delivered;
	return delivered;
}

bool turn_receive(turn_client *c, uint64_t now, slice datagram, turn_data *out)
{
	stun_message m;
	if (stun_is_channel_data(datagram))
		return receive_channel(c, now, datagram, out);
	if (stun_parse(datagram, &m) || m.class == STUN_REQUEST || (m.has_fingerprint && !stun_check_fingerprint(&m))) {
		c->counters.drop_malformed++;
		return false;
	}
	if (m.class == STUN_INDICATION)
		return receive_indication(c, now, &m, out);
	turn_request_receive(c, now, &m);
	return false;
}

/* --- in, from a stream --- */

/* Moves bytes of *in behind the partial unit until it has size. False: not enough, or no memory. */
static bool complete(turn_client *c, slice *in, size_t size)
{
	size_t missing = size - c->partial.len;
	slice more = slice_part(*in, 0, missing);
	if (buf_append(&c->partial, more)) {
		turn_over(c, (turn_failure){.error = PARLEY_ENOMEM}, NULL);
		return false;
	}
	*in = slice_part(*in, more.len, in->len);
	return more.len == missing;
}

/* What starts here can be TURN. Nobody sends ChannelData before there is a channel: that is another protocol. */
static bool is_framing(const turn_client *c, slice bytes, int size)
{
	return size >= 0 && !(c->state == TURN_ALLOCATING && stun_is_channel_data(bytes));
}

/*
 * The next whole unit: within *in if it is whole there, else put together. False: the bytes did not suffice, and *in is
 * empty; or it is over.
 */
static bool next_unit(turn_client *c, slice *in, slice *unit)
{
	bool whole = c->partial.len == 0;
	if (!whole && c->partial.len < STUN_CHANNEL_HEADER_SIZE && !complete(c, in, STUN_CHANNEL_HEADER_SIZE))
		return false;
	slice start = whole ? *in : buf_slice(&c->partial);
	int size = stun_stream_unit(start);
	if (!is_framing(c, start, size)) {
		turn_over(c, (turn_failure){.error = PARLEY_EPROTO}, "what came on the stream is not TURN");
		return false;
	}
	if (whole && size > 0 && (size_t)size <= in->len) {
		*unit = slice_part(*in, 0, (size_t)size);
		*in = slice_part(*in, (size_t)size, in->len);
		return true;
	}
	if (!complete(c, in, whole ? in->len : (size_t)size) || whole)
		return false;
	c->partial_done = true;
	*unit = buf_slice(&c->partial);
	return true;
}

static void drop_done(turn_client *c)
{
	if (c->partial_done)
		buf_consume(&c->partial, c->partial.len);
	c->partial_done = false;
}

/* Not before turn_start: those are the last words of a server that has redirected us. */
static bool has_stream(const turn_client *c)
{
	return c->state == TURN_ALLOCATING || c->state == TURN_ALLOCATED || c->state == TURN_CLOSING;
}

bool turn_stream_receive(turn_client *c, uint64_t now, slice *in, turn_data *out)
{
	slice unit;
	drop_done(c);
	while (in->len > 0 && has_stream(c) && next_unit(c, in, &unit)) {
		if (!stun_is_channel_data(unit) && !stun_is_message(unit)) {
			turn_over(c, (turn_failure){.error = PARLEY_EPROTO}, "what came on the stream is not TURN");
			break;
		}
		if (turn_receive(c, now, unit, out))
			return true;
		drop_done(c);
	}
	*in = slice_of(NULL, 0);
	return false;
}

void turn_stream_closed(turn_client *c, uint64_t now, int error, const char *why)
{
	(void)now;
	if (!turn_is_live(c) && c->state != TURN_CLOSING)
		return;
	turn_over(c, (turn_failure){.error = error}, why);
}

/* --- out --- */

/* The header's bytes in front of the data, and how many bytes of padding behind. */
typedef struct {
	uint8_t front[TURN_HEADROOM];
	size_t front_len, padding;
} envelope;

static int make_channel(const turn_client *c, const turn_channel *channel, size_t len, envelope *e)
{
	writer w = writer_of(e->front, sizeof e->front);
	stun_put_channel_header(&w, channel->number, len);
	e->front_len = w.len;
	e->padding = turn_on_stream(c) ? (4 - len % 4) % 4 : 0;
	return w.bad ? PARLEY_EMSGSIZE : 0;
}

static int make_indication(const turn_client *c, const parley_addr *peer, size_t len, envelope *e)
{
	stun_id id;
	int err = stun_id_random(&c->config.random, &id);
	if (err)
		return err;
	writer w = writer_of(e->front, sizeof e->front);
	stun_begin(&w, STUN_INDICATION, STUN_SEND, &id);
	stun_put_xor_address(&w, STUN_ATTR_XOR_PEER_ADDRESS, peer);
	stun_put_header(&w, STUN_ATTR_DATA, len);
	e->front_len = w.len;
	e->padding = (4 - len % 4) % 4;
	return w.bad ? PARLEY_EMSGSIZE : 0;
}

static void wrap(packet *p, const envelope *e)
{
	memset(p->data + p->len, 0, e->padding);
	p->data -= e->front_len;
	memcpy(p->data, e->front, e->front_len);
	p->len += e->front_len + e->padding;
	p->capacity += e->front_len;
}

int turn_envelop(turn_client *c, uint64_t now, const parley_addr *peer, packet *p)
{
	envelope e;
	if (!turn_is_permitted(c, now, peer)) {
		c->counters.drop_unpermitted++;
		return PARLEY_ESTATE;
	}
	if (p->len > TURN_DATA_MAX || p->capacity < p->len + TURN_TAILROOM)
		return PARLEY_EMSGSIZE;
	const turn_channel *channel = turn_channel_bound(c, now, peer);
	int err = channel ? make_channel(c, channel, p->len, &e) : make_indication(c, peer, p->len, &e);
	if (err)
		return err;
	wrap(p, &e);
	c->last_sent = now;
	c->counters.channel_sent += channel != NULL;
	c->counters.indications_sent += channel == NULL;
	return 0;
}
