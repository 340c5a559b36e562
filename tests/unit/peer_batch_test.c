/* parley/core.h: datagrams that are put together and taken in many at a time, as on a socket with UDP_SEGMENT and UDP_GRO */
#include "tests/support/test.h"

#include <string.h>

#include "base/rng.h"
#include "base/time.h"
#include "parley/core.h"

#define TRAIN_SIZE (4u * PARLEY_DATAGRAM_ROOM)
#define MESSAGES 400u
#define PATIENCE_US (60 * US_PER_S)

typedef struct {
	parley_core *core;
	parley_addr address;
	parley_channel channel;
	bool open;
	unsigned received; /* messages, each of which was the expected one */
	unsigned longest;  /* datagrams given to it at once */
} end;

/* Datagrams one behind the other, all as long as the first but for a shorter last one. */
typedef struct {
	uint8_t bytes[TRAIN_SIZE + PARLEY_DATAGRAM_ROOM];
	size_t len, segment;
	unsigned count;
} train;

static struct {
	rng_seeded rng;
	uint64_t now;
	end end[2];
	train train;
} net;

static void make(end *e, uint8_t number)
{
	parley_core_config config;
	parley_core_config_default(&config);
	config.random = rng_seeded_source(&net.rng);
	config.unix_time_s = 1700000000;
	*e = (end){.address = {.family = PARLEY_IPV4, .ip = {10, 0, 0, number}, .port = 5000}};
	assert_int_equal(parley_core_new(&config, net.now, &e->core), 0);
	assert_int_equal(parley_core_add_local_address(e->core, net.now, &e->address), 0);
	assert_int_equal(parley_core_local_addresses_done(e->core, net.now), 0);
}

static void tell(end *from, end *to, parley_sdp_type type)
{
	char *sdp;
	parley_sdp_type told;
	assert_int_equal(parley_core_set_local_description(from->core, net.now, type, NULL), 0);
	assert_int_equal(parley_core_local_description(from->core, &told, &sdp), 0);
	assert_int_equal(parley_core_set_remote_description(to->core, net.now, type, sdp), 0);
	parley_free(sdp);
}

static int begin(void **state)
{
	(void)state;
	memset(&net, 0, sizeof net);
	rng_seeded_init(&net.rng, 1);
	net.now = US_PER_S;
	make(&net.end[0], 1);
	make(&net.end[1], 2);
	assert_int_equal(parley_core_create_data_channel(net.end[0].core, net.now, "x", NULL, &net.end[0].channel), 0);
	tell(&net.end[0], &net.end[1], PARLEY_SDP_OFFER);
	tell(&net.end[1], &net.end[0], PARLEY_SDP_ANSWER);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	parley_core_free(net.end[0].core);
	parley_core_free(net.end[1].core);
	return 0;
}

static uint8_t byte_of(unsigned message)
{
	return (uint8_t)(message * 7 + 1);
}

static size_t length_of(unsigned message)
{
	return 1 + message * 37 % 3000;
}

static void heard(end *e, const uint8_t *data, size_t len)
{
	assert_int_equal(len, length_of(e->received));
	for (size_t i = 0; i < len; i++)
		assert_int_equal(data[i], byte_of(e->received));
	e->received++;
}

static void take_events(end *e)
{
	for (parley_event event; parley_core_poll_event(e->core, &event);) {
		if (event.type == PARLEY_EVENT_MESSAGE)
			heard(e, event.message.data, event.message.len);
		if (event.type == PARLEY_EVENT_CHANNEL_STATE)
			e->open = event.channel_state.state == PARLEY_CHANNEL_OPEN;
	}
	parley_core_check_invariants(e->core);
}

static void deliver(const end *from, end *to)
{
	train *t = &net.train;
	if (t->count)
		parley_core_receive_many(to->core, net.now, &to->address, &from->address, t->bytes, t->len, t->segment);
	to->longest = t->count > to->longest ? t->count : to->longest;
	t->len = t->count = 0;
}

/* The datagram stands behind the train: does it belong to it? */
static void couple(const end *from, end *to, size_t len)
{
	train *t = &net.train;
	size_t before = t->len;
	bool fits = t->count && len <= t->segment && before == t->count * t->segment && before + len <= TRAIN_SIZE;
	if (!fits) {
		deliver(from, to);
		memmove(t->bytes, t->bytes + before, len);
		t->segment = len;
	}
	t->len += len;
	t->count++;
}

static bool pump_end(end *from, end *to)
{
	bool moved = false;
	for (parley_packet p;; moved = true) {
		uint8_t *place = net.train.bytes + net.train.len;
		if (!parley_core_poll_transmit_into(from->core, net.now, place, &p))
			break;
		assert_ptr_equal(p.data, place); /* no relay, so no headroom */
		couple(from, to, p.len);
	}
	deliver(from, to);
	take_events(to);
	take_events(from);
	return moved;
}

static void pump(void)
{
	while (pump_end(&net.end[0], &net.end[1]) | pump_end(&net.end[1], &net.end[0]))
		;
}

static void pass_time(void)
{
	net.now = time_min(net.now + 10 * US_PER_MS,
			   time_min(parley_core_deadline(net.end[0].core), parley_core_deadline(net.end[1].core)));
	parley_core_timeout(net.end[0].core, net.now);
	parley_core_timeout(net.end[1].core, net.now);
	pump();
}

static void connects_and_talks_in_trains(void **state)
{
	(void)state;
	end *a = &net.end[0], *b = &net.end[1];
	uint64_t patience = net.now + PATIENCE_US;
	static uint8_t bytes[3000];
	for (pump(); !a->open && net.now < patience;)
		pass_time();
	assert_true(a->open);
	for (unsigned i = 0; i < MESSAGES; i++) {
		memset(bytes, byte_of(i), length_of(i));
		assert_int_equal(parley_core_send(a->core, net.now, a->channel, true, bytes, length_of(i)), 0);
	}
	for (pump(); b->received < MESSAGES && net.now < patience;)
		pass_time();
	assert_int_equal(b->received, MESSAGES);
	assert_in_range(b->longest, 5, TRAIN_SIZE);
	parley_core_stats sent, received;
	parley_core_get_stats(a->core, &sent);
	parley_core_get_stats(b->core, &received);
	assert_int_equal(received.packets_received, sent.packets_sent);
	assert_int_equal(received.bytes_received, sent.bytes_sent);
	assert_int_equal(received.packets_dropped, 0);
	assert_int_equal(sent.sctp_retransmissions, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(connects_and_talks_in_trains, begin, finish),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
