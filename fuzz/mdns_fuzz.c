/* Any packets at a resolver with questions out and at a responder with names: each is 2 bytes of length, then the
 * packet. */
#include "base/time.h"
#include "ice/mdns.h"
#include "ice/mdns_responder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void drain(mdns_resolver *resolver, mdns_responder *responder, uint64_t now)
{
	uint8_t bytes[512];
	packet out = {.data = bytes, .capacity = sizeof bytes};
	mdns_event event;
	mdns_check_invariants(resolver);
	mdns_responder_check_invariants(responder);
	while (mdns_poll_transmit(resolver, now, &out))
		(void)mdns_responder_receive(responder, now, slice_of(out.data, out.len));
	while (mdns_responder_poll_transmit(responder, now, &out))
		(void)mdns_receive(resolver, now, slice_of(out.data, out.len));
	while (mdns_poll_event(resolver, &event))
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static mdns_resolver resolver;
	static mdns_responder responder;
	const parley_addr address = {.family = PARLEY_IPV6, .ip = {0xfe, 0x80, [15] = 1}};
	uint64_t id, now = 0;
	mdns_resolver_init(&resolver, NULL);
	mdns_responder_init(&responder);
	(void)mdns_resolve(&resolver, now, slice_from_string("a.local"), &id);
	(void)mdns_resolve(&resolver, now, slice_from_string("1f4712db-ea17-4bcf-a596-105139dfd8bf.local"), &id);
	(void)mdns_responder_add(&responder, slice_from_string("b.local"), &address);
	reader r = reader_of(slice_of(data, size));
	while (reader_left(&r) >= 2) {
		size_t len = read_u16(&r);
		slice in = read_bytes(&r, len < reader_left(&r) ? len : reader_left(&r));
		(void)mdns_receive(&resolver, now, in);
		(void)mdns_responder_receive(&responder, now, in);
		drain(&resolver, &responder, now);
		now += 300 * US_PER_MS;
		mdns_timeout(&resolver, now);
	}
	drain(&resolver, &responder, now);
	return 0;
}
