#include "base/addr.h"
#include "tests/sim/simturn_internal.h"
#include "tests/support/test.h"

/* A peer's datagram, with the largest headers around it. */
#define RELAYED_MAX (UINT16_MAX + 64u)

static simturn_over over(const simturn_flow *flow)
{
	if (!flow->stream)
		return SIMTURN_OVER_UDP;
	return flow->stream->tls ? SIMTURN_OVER_TLS : SIMTURN_OVER_TCP;
}

static void to_peer(simturn *s, const simturn_allocation *a, const parley_addr *peer, slice data)
{
	const parley_addr *from = peer->family == PARLEY_IPV4 ? &a->ipv4 : &a->ipv6;
	s->count.bytes_from[over(&a->flow)] += data.len;
	s->count.checks += simnet_is_check(data);
	simnet_send(&s->host, from, peer, NULL, data);
}

void simturn_send_indication(simturn *s, const simturn_flow *flow, const stun_message *m)
{
	const simturn_allocation *a = simturn_find(s, flow);
	if (m->unknown_count || !m->has_peer_address || !m->has_data) {
		simturn_violation(s, flow, "a Send indication without peer or data, or with what is not known");
	} else if (!a) {
		s->count.strays++;
	} else if (!simturn_permits(s, a, &m->peer_address)) {
		simturn_violation(s, flow, "Send to a peer without a permission");
	} else {
		s->count.sends++;
		to_peer(s, a, &m->peer_address, m->data);
	}
}

void simturn_channel_data(simturn *s, const simturn_flow *flow, slice unit)
{
	const simturn_allocation *a = simturn_find(s, flow);
	uint16_t number;
	slice data;
	if (stun_parse_channel_data(unit, &number, &data)) {
		simturn_violation(s, flow, "malformed ChannelData");
		return;
	}
	if (!a) {
		s->count.strays++;
		return;
	}
	const simturn_channel *c = simturn_channel_numbered(s, a, number);
	if (!c) {
		simturn_violation(s, flow, "ChannelData on %04x, which is not bound", number);
	} else if (!simturn_permits(s, a, &c->peer)) {
		simturn_violation(s, flow, "ChannelData to a peer without a permission");
	} else {
		s->count.channel_sends++;
		to_peer(s, a, &c->peer, data);
	}
}

void simturn_from_peer(simturn *s, const simturn_allocation *a, const parley_addr *peer, slice data)
{
	uint8_t bytes[RELAYED_MAX];
	writer w = writer_of(bytes, sizeof bytes);
	if (!simturn_permits(s, a, peer)) {
		s->count.unpermitted++;
		return;
	}
	const simturn_channel *c = simturn_channel_of(s, a, peer);
	if (c) {
		s->count.channel_datas++;
		stun_put_channel_header(&w, c->number, data.len);
		write_bytes(&w, data);
		if (a->flow.stream)
			write_pad(&w, 4);
	} else {
		stun_id id;
		parley_random random = rng_seeded_source(&s->host.net->rng);
		assert_int_equal(stun_id_random(&random, &id), 0);
		s->count.datas++;
		stun_begin(&w, STUN_INDICATION, STUN_DATA, &id);
		stun_put_xor_address(&w, STUN_ATTR_XOR_PEER_ADDRESS, peer);
		stun_put_bytes(&w, STUN_ATTR_DATA, data);
	}
	simturn_reply(s, &a->flow, &w);
}
