/*
 * Any bytes as feedback on packets that were sent, given on to congestion control. The first byte says how many packets,
 * the next two the number of the first; then bodies, each after a length byte.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/time.h"
#include "rtp/gcc.h"
#include "rtp/twcc.h"

static void apply(gcc *g, twcc_sender *sender, uint64_t now, slice body)
{
	twcc_feedback feedback;
	if (!twcc_decode(body, &feedback))
		return;
	twcc_walk walk = twcc_walk_of(&feedback);
	twcc_status status;
	unsigned count = 0, received = 0;
	for (; twcc_next(&walk, &status); count++)
		received += status.received;
	assert(count == feedback.count && received == feedback.received);
	size_t results = twcc_sender_feedback(sender, &feedback);
	assert(results <= TWCC_RESULTS_MAX);
	gcc_on_feedback(g, now, sender->results, results);
	gcc_timeout(g, now);
	gcc_check_invariants(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	twcc_sender *sender = malloc(sizeof *sender);
	gcc *g = malloc(sizeof *g);
	if (!sender || !g)
		abort();
	reader r = reader_of(slice_of(data, size));
	unsigned packets = read_u8(&r);
	uint64_t now = 1000 * US_PER_S;
	gcc_init(g, NULL, NULL);
	twcc_sender_init(sender, read_u16(&r));
	while (!r.bad && reader_left(&r) > 0) {
		gcc_probe probe = {0};
		gcc_poll_probe(g, now, &probe);
		for (unsigned i = 0; i < packets; i++, now += 1000) {
			twcc_sender_sent(sender, now, 1200, probe.id);
			gcc_on_packet_sent(g, now, 1200);
		}
		size_t len = read_u8(&r), left = reader_left(&r);
		now += 10000;
		apply(g, sender, now, read_bytes(&r, len < left ? len : left));
	}
	free(sender);
	free(g);
	return 0;
}
