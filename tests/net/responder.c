#include "tests/support/test.h"

#include "tests/net/responder.h"

#include "ice/mdns.h"

static void answer(const responder *r, const mdns_name *name)
{
	uint8_t bytes[512];
	writer w = writer_of(bytes, sizeof bytes);
	mdns_begin(&w, true);
	mdns_put_address(&w, name, &r->address);
	assert_false(w.bad);
	net_multicast_send(r->multicast, writer_slice(&w));
}

static void datagram_came(void *me, const parley_addr *source, slice data)
{
	responder *r = me;
	mdns_message m;
	mdns_name name;
	assert_int_equal(mdns_name_parse(slice_from_string(r->name), &name), 0);
	if (source->port != MDNS_PORT || mdns_parse(data, &m) != 0 || m.response || m.question_count != 1)
		return;
	if (!mdns_name_equal(&m.questions[0].name, &name) || m.questions[0].type != MDNS_A)
		return;
	if (++r->questions > r->ignore)
		answer(r, &name);
}

bool responder_open(responder *r, uv_loop_t *loop)
{
	char why[NET_WHY_MAX] = "";
	int error = net_multicast_open(loop, true, datagram_came, r, &r->multicast, why);
	if (!error)
		return true;
	print_message("no multicast here: %s\n", why);
	assert_int_equal(error, PARLEY_EIO);
	return false;
}

void responder_close(responder *r)
{
	net_multicast_close(r->multicast);
	r->multicast = NULL;
}
