/*
 * tests/sim/bandwidth_test.c: the bandwidth estimate over a bottleneck on a virtual clock: pacer, transport-wide feedback and
 * congestion control together, with an encoder that follows the target.
 *
 * BANDWIDTH_TRACE=1 prints time, link, target, arriving rate and delay, every 100 ms, to standard error; =2 prints the
 * estimator's state as well. BANDWIDTH_TEST=NAME runs only that one.
 */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/time.h"
#include "rtp/gcc.h"
#include "rtp/pacer.h"
#include "rtp/twcc.h"

#define FLYING_MAX 8192u
#define FEEDBACKS_MAX 64u
#define BODY_MAX 1100u
#define PACKET_SIZE 1200u
#define HEADERS 60u /* IP, UDP, SRTP tag, RTP header */
#define FRAME_US (US_PER_S / 30)
#define AUDIO_US (US_PER_S / 50)
#define AUDIO_SIZE 160u
#define EPOCH (1000 * US_PER_S)
#define PEER_CLOCK UINT64_C(123456789) /* the receiver's is another */
#define STEP_US UINT64_C(1000)

typedef struct {
	uint64_t arrives;
	uint16_t sequence;
	size_t size;
	uint64_t sent;
} flying;

typedef struct {
	uint64_t arrives;
	size_t len;
	uint8_t body[BODY_MAX];
} feedback_packet;

/* One call: the sender with its encoder, the link, the receiver. */
typedef struct {
	rng_seeded rng;
	uint64_t now;
	/* the link */
	uint64_t link_bps, delay_us, queue_limit_us; /* of queue: more is dropped */
	uint64_t jitter_us;
	unsigned loss; /* of 1,000, at random */
	uint64_t free_at;
	flying ring[FLYING_MAX];
	size_t first, count;
	feedback_packet feedbacks[FEEDBACKS_MAX];
	size_t feedback_first, feedback_count;
	/* the ends */
	rtp_pacer pacer;
	gcc gcc;
	twcc_sender sender;
	twcc_receiver receiver;
	bool video, audio;
	uint64_t encoder_max;
	double encoder_noise;	 /* a frame's size differs by up to this part */
	uint64_t encoder_lag_us; /* it changes its rate so much later */
	unsigned key_frames;	 /* every so many frames; 0: none */
	unsigned frames;
	uint64_t encoder_bps, encoder_changes;
	uint64_t next_frame, next_audio;
	/* what is measured */
	uint64_t received_bytes, lost, sent_packets, padding;
	uint64_t delay_now, delay_max; /* queueing delay on the link */
	uint64_t audio_queue_max, overflowed;
	uint64_t mark_bytes, mark_at;
} call;

static call *call_new(uint64_t seed, uint64_t link_bps)
{
	call *c = calloc(1, sizeof *c);
	assert_non_null(c);
	rng_seeded_init(&c->rng, seed);
	c->now = EPOCH + rng_seeded_below(&c->rng, US_PER_S);
	c->link_bps = link_bps;
	c->delay_us = 20 * US_PER_MS;
	c->queue_limit_us = US_PER_S;
	c->jitter_us = 2 * US_PER_MS;
	c->video = c->audio = true;
	c->encoder_max = 6000000;
	c->encoder_noise = 0.1;
	c->next_frame = c->next_audio = c->now;
	gcc_init(&c->gcc, NULL, NULL);
	rtp_pacer_init(&c->pacer, gcc_pacing_bps(&c->gcc), gcc_target_bps(&c->gcc));
	twcc_sender_init(&c->sender, (uint16_t)rng_seeded_next(&c->rng));
	twcc_receiver_init(&c->receiver);
	return c;
}

static void call_free(call *c)
{
	rtp_pacer_clear(&c->pacer);
	free(c);
}

static double chance(call *c)
{
	return (double)rng_seeded_below(&c->rng, 1000000) / 1000000;
}

/* --- the link --- */

static void link_send(call *c, uint16_t sequence, size_t size)
{
	uint64_t begin = c->free_at > c->now ? c->free_at : c->now;
	c->sent_packets++;
	if (begin - c->now > c->queue_limit_us || rng_seeded_below(&c->rng, 1000) < c->loss) {
		c->lost++;
		return;
	}
	c->free_at = begin + size * 8 * US_PER_S / c->link_bps;
	uint64_t arrives = c->free_at + c->delay_us + (c->jitter_us ? rng_seeded_below(&c->rng, c->jitter_us) : 0);
	assert_true(c->count < FLYING_MAX);
	size_t at = c->first + c->count++; /* by arrival: jitter reorders */
	for (; at > c->first && c->ring[(at - 1) % FLYING_MAX].arrives > arrives; at--)
		c->ring[at % FLYING_MAX] = c->ring[(at - 1) % FLYING_MAX];
	c->ring[at % FLYING_MAX] = (flying){.arrives = arrives, .sequence = sequence, .size = size, .sent = c->now};
}

static void link_set(call *c, uint64_t bps)
{
	uint64_t backlog = c->free_at > c->now ? c->free_at - c->now : 0;
	c->free_at = c->now + backlog * c->link_bps / bps;
	c->link_bps = bps;
}

static void link_deliver(call *c)
{
	while (c->count > 0 && c->ring[c->first].arrives <= c->now) {
		flying *f = &c->ring[c->first];
		c->first = (c->first + 1) % FLYING_MAX;
		c->count--;
		c->received_bytes += f->size;
		c->delay_now = f->arrives - f->sent - c->delay_us;
		if (c->delay_now > c->delay_max)
			c->delay_max = c->delay_now;
		twcc_receiver_arrived(&c->receiver, f->arrives + PEER_CLOCK, f->sequence);
	}
}

/* --- the receiver --- */

static void receiver_run(call *c)
{
	for (;;) {
		uint8_t body[BODY_MAX];
		writer w = writer_of(body, sizeof body);
		if (!twcc_receiver_write(&c->receiver, c->now + PEER_CLOCK, &w))
			return;
		assert_false(w.bad);
		if (rng_seeded_below(&c->rng, 1000) < c->loss || c->feedback_count == FEEDBACKS_MAX)
			continue;
		feedback_packet *p = &c->feedbacks[(c->feedback_first + c->feedback_count++) % FEEDBACKS_MAX];
		p->arrives = c->now + c->delay_us;
		p->len = w.len;
		memcpy(p->body, body, w.len);
	}
}

static void feedback_deliver(call *c)
{
	while (c->feedback_count > 0 && c->feedbacks[c->feedback_first].arrives <= c->now) {
		feedback_packet *p = &c->feedbacks[c->feedback_first];
		c->feedback_first = (c->feedback_first + 1) % FEEDBACKS_MAX;
		c->feedback_count--;
		twcc_feedback feedback;
		assert_true(twcc_decode(slice_of(p->body, p->len), &feedback));
		size_t count = twcc_sender_feedback(&c->sender, &feedback);
		gcc_on_feedback(&c->gcc, c->now, c->sender.results, count);
	}
}

/* --- the sender --- */

/* What the encoder makes now: with a lag it looks at the target only that often. */
static uint64_t encoder_target(call *c)
{
	if (c->now >= c->encoder_changes) {
		c->encoder_bps = gcc_target_bps(&c->gcc);
		c->encoder_changes = c->now + c->encoder_lag_us;
	}
	return c->encoder_bps;
}

static void encode(call *c)
{
	uint64_t target = encoder_target(c);
	uint64_t audio = c->audio ? (AUDIO_SIZE * 8 * 50) : 0;
	uint64_t bps = target > audio + 20000 ? target - audio : 20000;
	if (bps > c->encoder_max)
		bps = c->encoder_max;
	double size = (double)bps / 30 / 8 * (1 + c->encoder_noise * (2 * chance(c) - 1));
	if (c->key_frames > 0 && c->frames++ % c->key_frames == 0)
		size *= 5;
	for (size_t left = (size_t)size; left > 0;) {
		size_t part = left > PACKET_SIZE ? PACKET_SIZE : left < HEADERS ? HEADERS : left;
		assert_int_equal(rtp_pacer_push(&c->pacer, c->now, RTP_PACER_VIDEO, part, 1), 0);
		left = left > part ? left - part : 0;
	}
}

static void pacer_run(call *c)
{
	gcc_probe probe;
	while (gcc_poll_probe(&c->gcc, c->now, &probe)) {
		if (getenv("BANDWIDTH_TRACE"))
			fprintf(stderr, "%7.2f probe %llu\n", (double)(c->now - EPOCH) / (double)US_PER_S,
				(unsigned long long)probe.bps);
		rtp_pacer_probe_start(&c->pacer, c->now, probe.id, probe.bps, probe.bytes, probe.packets);
	}
	rtp_pacer_set_rates(&c->pacer, gcc_pacing_bps(&c->gcc), gcc_target_bps(&c->gcc));
	rtp_pacer_item item;
	while (rtp_pacer_pop(&c->pacer, c->now, &item)) {
		uint16_t sequence = twcc_sender_sent(&c->sender, c->now, item.size, item.cluster);
		gcc_on_packet_sent(&c->gcc, c->now, item.size);
		link_send(c, sequence, item.size);
		if (item.priority == RTP_PACER_PADDING) {
			c->padding += item.size;
			rtp_pacer_padding_sent(&c->pacer, c->now, item.size, 1);
		} else if (item.priority == RTP_PACER_AUDIO && c->now - item.queued > c->audio_queue_max) {
			c->audio_queue_max = c->now - item.queued;
		}
	}
	while (rtp_pacer_overflow(&c->pacer, &item))
		c->overflowed++;
}

static void media_run(call *c)
{
	for (; c->audio && c->next_audio <= c->now; c->next_audio += AUDIO_US)
		assert_int_equal(rtp_pacer_push(&c->pacer, c->now, RTP_PACER_AUDIO, AUDIO_SIZE, 2), 0);
	for (; c->video && c->next_frame <= c->now; c->next_frame += FRAME_US)
		encode(c);
}

static void print_trace(const call *c)
{
	static uint64_t bytes_before;
	if (!getenv("BANDWIDTH_TRACE") || c->now / STEP_US % 100 != 0)
		return;
	char dump[1000];
	text t = text_of(dump, sizeof dump);
	gcc_dump(&c->gcc, &t);
	fprintf(stderr,
		"%7.2f link %4llu target %4llu arrives %4llu delay %4llu ms pacer %llu ms probes %llu lost %llu\n%s",
		(double)(c->now - EPOCH) / (double)US_PER_S, (unsigned long long)c->link_bps / 1000,
		(unsigned long long)gcc_target_bps(&c->gcc) / 1000,
		(unsigned long long)(c->received_bytes - bytes_before) * 8 / 100,
		(unsigned long long)c->delay_now / 1000, (unsigned long long)rtp_pacer_queue_time(&c->pacer) / 1000,
		(unsigned long long)c->gcc.probes.probes, (unsigned long long)c->lost,
		getenv("BANDWIDTH_TRACE")[0] == '2' ? dump : "");
	bytes_before = c->received_bytes;
}

static void run(call *c, uint64_t duration)
{
	for (uint64_t end = c->now + duration; c->now < end; c->now += STEP_US) {
		link_deliver(c);
		receiver_run(c);
		feedback_deliver(c);
		if (gcc_deadline(&c->gcc) <= c->now)
			gcc_timeout(&c->gcc, c->now);
		media_run(c);
		pacer_run(c);
		gcc_check_invariants(&c->gcc);
		print_trace(c);
	}
	rtp_pacer_check_invariants(&c->pacer);
}

static void mark(call *c)
{
	c->mark_bytes = c->received_bytes;
	c->mark_at = c->now;
	c->delay_max = 0;
}

/* Arrived since the mark. */
static uint64_t rate(const call *c)
{
	return (c->received_bytes - c->mark_bytes) * 8 * US_PER_S / (c->now - c->mark_at);
}

static uint64_t rate_during(call *c, uint64_t duration)
{
	mark(c);
	run(c, duration);
	return rate(c);
}

/* How long until the target is that high; `most` if it does not come to that. */
static uint64_t time_until_target(call *c, uint64_t bps, uint64_t most)
{
	uint64_t start = c->now;
	while (gcc_target_bps(&c->gcc) < bps && c->now - start < most)
		run(c, STEP_US);
	return c->now - start;
}

#define assert_at_least(value, least) assert_in_range(value, least, UINT64_MAX)
#define SEEDS 8

/* --- behaviours --- */

static void reaches_the_link(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		call *c = call_new(seed, 2000000);
		run(c, 10 * US_PER_S);
		assert_at_least(rate_during(c, 5 * US_PER_S), 2000000 * 85 / 100);
		assert_in_range(c->delay_max, 0, 300 * US_PER_MS);
		assert_int_equal(c->overflowed, 0);
		call_free(c);
	}
}

static void follows_a_drop_and_comes_back(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		call *c = call_new(seed, 4000000);
		run(c, 15 * US_PER_S);
		assert_at_least(rate_during(c, 5 * US_PER_S), 4000000 * 80 / 100);
		link_set(c, 600000);
		run(c, 3 * US_PER_S);
		assert_in_range(gcc_target_bps(&c->gcc), 100000, 700000);
		mark(c);
		run(c, 12 * US_PER_S);
		assert_in_range(c->delay_max, 0, 1000 * US_PER_MS);
		assert_at_least(rate(c), 600000 * 60 / 100);
		link_set(c, 4000000);
		run(c, 15 * US_PER_S);
		assert_at_least(gcc_target_bps(&c->gcc), 4000000 * 80 / 100);
		assert_at_least(rate_during(c, 3 * US_PER_S), 4000000 * 80 / 100);
		call_free(c);
	}
}

static void holds_through_random_loss(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		call *c = call_new(seed, 2000000);
		c->loss = 30;
		run(c, 15 * US_PER_S);
		assert_at_least(rate_during(c, 30 * US_PER_S), 2000000 * 70 / 100);
		call_free(c);
	}
}

static void comes_back_with_a_slow_encoder_and_loss(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		call *c = call_new(seed, 4000000);
		c->encoder_lag_us = 400 * US_PER_MS;
		c->key_frames = 150;
		c->loss = 5;
		c->encoder_max = 4500000;
		c->queue_limit_us = 300 * US_PER_MS;
		run(c, 20 * US_PER_S);
		link_set(c, 600000);
		run(c, 3 * US_PER_S);
		assert_in_range(gcc_target_bps(&c->gcc), 100000, 700000);
		run(c, 12 * US_PER_S);
		link_set(c, 4000000);
		assert_in_range(time_until_target(c, 4000000 * 80 / 100, 15 * US_PER_S), 0, 15 * US_PER_S - 1);
		assert_at_least(rate_during(c, 10 * US_PER_S), 4000000 * 60 / 100); /* its key frames cost something */
		call_free(c);
	}
}

static void learns_of_room_that_the_application_does_not_use(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		call *c = call_new(seed, 1000000);
		c->encoder_max = 400000;
		run(c, 20 * US_PER_S);
		assert_in_range(gcc_target_bps(&c->gcc), 500000, 1050000);
		link_set(c, 4000000);
		run(c, 20 * US_PER_S);
		assert_at_least(gcc_target_bps(&c->gcc), 3000000);
		c->encoder_max = 6000000;
		run(c, 5 * US_PER_S);
		assert_at_least(rate_during(c, 5 * US_PER_S), 4000000 * 80 / 100);
		assert_in_range(c->delay_max, 0, 500 * US_PER_MS);
		call_free(c);
	}
}

static void does_not_probe_beyond_the_demand(void **state)
{
	(void)state;
	call *c = call_new(1, 10000000);
	c->encoder_max = 400000;
	gcc_set_demand(&c->gcc, c->now, 400000);
	run(c, 30 * US_PER_S);
	assert_in_range(gcc_target_bps(&c->gcc), 400000, 850000);
	assert_in_range(c->padding, 0, 30000);
	c->encoder_max = 3000000;
	gcc_set_demand(&c->gcc, c->now, 3000000);
	run(c, 5 * US_PER_S);
	assert_at_least(gcc_target_bps(&c->gcc), 2500000);
	call_free(c);
}

static void finds_a_link_slower_than_the_start(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		call *c = call_new(seed, 150000);
		run(c, 10 * US_PER_S);
		assert_at_least(rate_during(c, 20 * US_PER_S), 150000 * 60 / 100);
		assert_in_range(c->delay_max, 0, 800 * US_PER_MS);
		call_free(c);
	}
}

static void bears_jitter(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		call *c = call_new(seed, 2000000);
		c->jitter_us = 10 * US_PER_MS;
		run(c, 20 * US_PER_S);
		assert_at_least(rate_during(c, 20 * US_PER_S), 2000000 * 60 / 100);
		call_free(c);
	}
}

static void outage_lowers_the_rate_and_it_recovers(void **state)
{
	(void)state;
	call *c = call_new(1, 2000000);
	run(c, 10 * US_PER_S);
	c->loss = 1000;
	run(c, 5 * US_PER_S);
	assert_in_range(gcc_target_bps(&c->gcc), 0, 1000000);
	c->loss = 0;
	run(c, 10 * US_PER_S);
	assert_at_least(gcc_target_bps(&c->gcc), 1600000);
	call_free(c);
}

static void audio_alone_stays_put(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		call *c = call_new(seed, 1000000);
		c->video = false;
		gcc_set_demand(&c->gcc, c->now, 0);
		run(c, 60 * US_PER_S);
		assert_in_range(gcc_target_bps(&c->gcc), 200000, 400000);
		assert_int_equal(c->padding, 0);
		assert_in_range(c->audio_queue_max, 0, 0);
		call_free(c);
	}
}

int main(void)
{
	if (getenv("BANDWIDTH_TEST"))
		cmocka_set_test_filter(getenv("BANDWIDTH_TEST"));
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reaches_the_link),
		cmocka_unit_test(follows_a_drop_and_comes_back),
		cmocka_unit_test(holds_through_random_loss),
		cmocka_unit_test(comes_back_with_a_slow_encoder_and_loss),
		cmocka_unit_test(learns_of_room_that_the_application_does_not_use),
		cmocka_unit_test(does_not_probe_beyond_the_demand),
		cmocka_unit_test(finds_a_link_slower_than_the_start),
		cmocka_unit_test(bears_jitter),
		cmocka_unit_test(outage_lowers_the_rate_and_it_recovers),
		cmocka_unit_test(audio_alone_stays_put),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
