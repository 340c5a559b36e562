#include "tests/sim/probe.h"

#include <string.h>

#include "base/addr.h"
#include "tests/support/test.h"

static void probe_receive(simnet_host *host, const parley_addr *to, const parley_addr *from, slice datagram)
{
	probe *p = host->self;
	assert_true(datagram.len <= sizeof p->bytes);
	p->answered = true;
	p->to = *to;
	p->from = *from;
	p->len = datagram.len;
	memcpy(p->bytes, datagram.data, datagram.len);
}

void probe_add(probe *p, simnet *net, const char *name, const simnet_interface *interface)
{
	static const simnet_host_ops ops = {.receive = probe_receive};
	*p = (probe){.host = {.interfaces = {*interface}, .interface_count = 1}};
	simnet_add_host(net, &p->host, name, &ops, p);
}

bool probe_exchange(probe *p, uint16_t port, const parley_addr *to, slice datagram)
{
	simnet *net = p->host.net;
	parley_addr from = p->host.interfaces[0].ip;
	uint64_t end = net->now + PROBE_WAIT_US;
	from.port = port;
	p->answered = false;
	simnet_send(&p->host, &from, to, NULL, datagram);
	while (!(p->answered && p->to.port == port))
		if (!simnet_step(net, end))
			return false;
	return true;
}

bool probe_binding(probe *p, uint16_t port, const parley_addr *server, uint32_t change, parley_addr *mapped)
{
	uint8_t bytes[PROBE_MESSAGE_MAX];
	writer w = writer_of(bytes, sizeof bytes);
	parley_random random = rng_seeded_source(&p->host.net->rng);
	stun_message m;
	stun_id id;
	assert_int_equal(stun_id_random(&random, &id), 0);
	stun_begin(&w, STUN_REQUEST, STUN_BINDING, &id);
	if (change)
		stun_put_u32(&w, STUN_ATTR_CHANGE_REQUEST, change);
	if (!probe_exchange(p, port, server, writer_slice(&w)))
		return false;
	assert_int_equal(stun_parse(slice_of(p->bytes, p->len), &m), 0);
	assert_true(m.class == STUN_SUCCESS && stun_id_equal(&m.id, &id) && m.has_xor_mapped_address);
	if (mapped)
		*mapped = m.xor_mapped_address;
	return true;
}
