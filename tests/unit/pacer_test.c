/* rtp/pacer.h */
#include "tests/support/test.h"

#include <string.h>

#include "base/time.h"
#include "parley/types.h"
#include "rtp/pacer.h"
#include "tests/support/failmalloc.h"

#define NOW UINT64_C(1000000000)
#define RATE 1000000u /* 1250 bytes in 10 ms */

static void push(rtp_pacer *p, uint64_t now, rtp_pacer_priority priority, size_t size, uint64_t handle)
{
	assert_int_equal(rtp_pacer_push(p, now, priority, size, handle), 0);
	rtp_pacer_check_invariants(p);
}

static uint64_t pop(rtp_pacer *p, uint64_t now)
{
	rtp_pacer_item item;
	return rtp_pacer_pop(p, now, &item) ? item.handle : 0;
}

static void order_is_by_priority_then_age(void **state)
{
	(void)state;
	rtp_pacer p;
	rtp_pacer_init(&p, 1000 * RATE, RATE);
	push(&p, NOW, RTP_PACER_VIDEO, 100, 1);
	push(&p, NOW, RTP_PACER_VIDEO, 100, 2);
	push(&p, NOW, RTP_PACER_RETRANSMISSION, 100, 3);
	push(&p, NOW, RTP_PACER_AUDIO, 100, 4);
	push(&p, NOW, RTP_PACER_AUDIO, 100, 5);
	static const uint64_t order[] = {4, 5, 3, 1, 2, 0};
	for (size_t i = 0; i < ARRAY_LENGTH(order); i++)
		assert_int_equal(pop(&p, NOW), order[i]);
	assert_int_equal(rtp_pacer_deadline(&p, NOW), TIME_NEVER);
	rtp_pacer_clear(&p);
}

static void video_leaves_at_the_pacing_rate(void **state)
{
	(void)state;
	rtp_pacer p;
	rtp_pacer_init(&p, RATE, RATE);
	for (unsigned i = 1; i <= 100; i++)
		push(&p, NOW, RTP_PACER_VIDEO, 1250, i);
	assert_int_equal(rtp_pacer_queue_time(&p), US_PER_S);
	uint64_t now = NOW;
	for (unsigned i = 1; i <= 100; i++) {
		assert_int_equal(pop(&p, now), i);
		if (i == 100)
			break;
		uint64_t deadline = rtp_pacer_deadline(&p, now);
		assert_in_range(deadline, now, now + 10000);
		if (deadline > now)
			assert_int_equal(pop(&p, deadline - 1), 0);
		now = deadline;
	}
	assert_in_range(now - NOW, 980000, 990000);
	rtp_pacer_clear(&p);
}

static void pause_earns_no_burst(void **state)
{
	(void)state;
	rtp_pacer p;
	rtp_pacer_init(&p, RATE, RATE);
	push(&p, NOW, RTP_PACER_VIDEO, 1250, 1);
	assert_int_equal(pop(&p, NOW), 1);
	unsigned at_once = 0;
	for (unsigned i = 1; i <= 100; i++)
		push(&p, NOW + 60 * US_PER_S, RTP_PACER_VIDEO, 125, i); /* 1 ms each */
	while (pop(&p, NOW + 60 * US_PER_S))
		at_once++;
	assert_in_range(at_once, 1, RTP_PACER_BURST_US / 1000 + 1);
	rtp_pacer_clear(&p);
}

static void audio_neither_waits_nor_delays(void **state)
{
	(void)state;
	rtp_pacer p;
	rtp_pacer_init(&p, RATE, RATE);
	for (unsigned i = 1; i <= 3; i++)
		push(&p, NOW, RTP_PACER_VIDEO, 1250, i);
	assert_int_equal(pop(&p, NOW), 1);
	while (pop(&p, NOW))
		;
	uint64_t next = rtp_pacer_deadline(&p, NOW);
	push(&p, NOW, RTP_PACER_AUDIO, 1250, 9);
	assert_int_equal(rtp_pacer_deadline(&p, NOW), NOW);
	assert_int_equal(pop(&p, NOW), 9);
	assert_int_equal(rtp_pacer_deadline(&p, NOW), next);
	rtp_pacer_clear(&p);
}

/* A busy program polls every 40 ms, and has audio to send each time: video still gets its rate. */
static void late_polls_cost_video_nothing(void **state)
{
	(void)state;
	rtp_pacer p;
	rtp_pacer_init(&p, RATE, RATE);
	size_t sent = 0;
	uint64_t now = NOW;
	for (unsigned i = 0; i < 50; i++, now += 40 * US_PER_MS) {
		for (unsigned k = 0; k < 5; k++)
			push(&p, now, RTP_PACER_VIDEO, 1000, 1);
		push(&p, now, RTP_PACER_AUDIO, 200, 2);
		push(&p, now, RTP_PACER_AUDIO, 200, 2);
		for (uint64_t handle; (handle = pop(&p, now));)
			sent += handle == 1;
	}
	assert_in_range(sent, 240, 250); /* 1 Mbit/s for 2 s */
	rtp_pacer_clear(&p);
}

static void probe_takes_media_then_padding(void **state)
{
	(void)state;
	rtp_pacer p;
	rtp_pacer_item item;
	rtp_pacer_init(&p, RATE, RATE);
	push(&p, NOW, RTP_PACER_VIDEO, 1000, 1);
	push(&p, NOW, RTP_PACER_VIDEO, 1000, 2);
	rtp_pacer_probe_start(&p, NOW, 7, 8000000, 5000, 5); /* 1 ms per 1000 bytes */
	uint64_t now = NOW;
	for (unsigned i = 0; i < 5; i++, now += 1000) {
		assert_int_equal(rtp_pacer_deadline(&p, now), now);
		assert_true(rtp_pacer_pop(&p, now, &item));
		assert_int_equal(item.cluster, 7);
		assert_int_equal(item.priority, i < 2 ? RTP_PACER_VIDEO : RTP_PACER_PADDING);
		if (item.priority == RTP_PACER_PADDING)
			rtp_pacer_padding_sent(&p, now, item.size, 1);
		assert_false(rtp_pacer_pop(&p, now, &item));
		rtp_pacer_check_invariants(&p);
	}
	assert_int_equal(p.probes_done, 1);
	assert_int_equal(rtp_pacer_deadline(&p, now), TIME_NEVER);
	rtp_pacer_clear(&p);
}

static void probe_is_given_up_without_padding_or_time(void **state)
{
	(void)state;
	rtp_pacer p;
	rtp_pacer_item item;
	rtp_pacer_init(&p, RATE, RATE);
	rtp_pacer_probe_start(&p, NOW, 1, 8000000, 5000, 5);
	rtp_pacer_probe_start(&p, NOW, 2, 8000000, 5000, 5);
	rtp_pacer_probe_start(&p, NOW, 3, 8000000, 5000, 5);
	assert_true(rtp_pacer_pop(&p, NOW, &item));
	rtp_pacer_padding_sent(&p, NOW, 0, 0);
	assert_int_equal(p.probes_given_up, 1);
	assert_true(rtp_pacer_pop(&p, NOW, &item)); /* and nothing said: the same */
	assert_true(rtp_pacer_pop(&p, NOW, &item));
	assert_int_equal(p.probes_given_up, 2);
	rtp_pacer_padding_sent(&p, NOW, 1000, 1);
	assert_false(rtp_pacer_pop(&p, NOW + 2 * RTP_PACER_PROBE_TIMEOUT_US, &item));
	assert_int_equal(p.probes_given_up, 3);
	for (uint32_t i = 1; i < 100; i++)
		rtp_pacer_probe_start(&p, NOW, i, 1000, 10, 1);
	assert_int_equal(p.probe_count, RTP_PACER_PROBES_MAX);
	rtp_pacer_clear(&p);
}

static void too_much_video_is_thrown_away(void **state)
{
	(void)state;
	rtp_pacer p;
	rtp_pacer_item item;
	rtp_pacer_init(&p, RATE, RATE); /* 2 s: 250,000 bytes */
	push(&p, NOW, RTP_PACER_AUDIO, 100, 1000);
	push(&p, NOW, RTP_PACER_VIDEO, 1250, 1);
	for (unsigned i = 2; i <= 201; i++)
		push(&p, NOW + i, RTP_PACER_VIDEO, 1250, i);
	assert_false(rtp_pacer_overflow(&p, &item));
	push(&p, NOW + 202, RTP_PACER_VIDEO, 1250, 202);
	for (unsigned i = 202; i >= 2; i--) {
		assert_true(rtp_pacer_overflow(&p, &item));
		assert_int_equal(item.handle, i);
	}
	assert_false(rtp_pacer_overflow(&p, &item));
	assert_int_equal(pop(&p, NOW + 202), 1000);
	assert_int_equal(pop(&p, NOW + 202), 1);
	push(&p, NOW + 203, RTP_PACER_VIDEO, 1250, 203);
	assert_false(rtp_pacer_overflow(&p, &item));
	assert_true(rtp_pacer_drain(&p, &item));
	assert_false(rtp_pacer_drain(&p, &item));
	rtp_pacer_clear(&p);
}

/* A key frame of four seconds: it is sent, also when others come behind it. */
static void the_first_frame_goes_out_however_large(void **state)
{
	(void)state;
	rtp_pacer p;
	rtp_pacer_item item;
	rtp_pacer_init(&p, RATE, RATE);
	for (unsigned i = 1; i <= 400; i++)
		push(&p, NOW, RTP_PACER_VIDEO, 1250, i);
	assert_false(rtp_pacer_overflow(&p, &item));
	assert_int_equal(pop(&p, NOW), 1);
	for (unsigned i = 401; i <= 601; i++)
		push(&p, NOW + 1, RTP_PACER_VIDEO, 1250, i);
	for (unsigned i = 601; i >= 401; i--) {
		assert_true(rtp_pacer_overflow(&p, &item));
		assert_int_equal(item.handle, i);
	}
	assert_false(rtp_pacer_overflow(&p, &item));
	for (unsigned i = 2; i <= 400; i++)
		assert_int_equal(pop(&p, NOW + i * 100000), i);
	rtp_pacer_clear(&p);
}

static void wrong_items_and_full_queues_are_refused(void **state)
{
	(void)state;
	rtp_pacer p;
	char dump[500];
	text t = text_of(dump, sizeof dump);
	rtp_pacer_init(&p, 0, 0);
	assert_int_equal(rtp_pacer_push(&p, NOW, RTP_PACER_PADDING, 1, 1), PARLEY_EINVAL);
	assert_int_equal(rtp_pacer_push(&p, NOW, RTP_PACER_VIDEO, 0, 1), PARLEY_EINVAL);
	assert_int_equal(rtp_pacer_push(&p, NOW, RTP_PACER_VIDEO, 65536, 1), PARLEY_EINVAL);
	for (unsigned i = 0; i < RTP_PACER_QUEUE_MAX; i++)
		push(&p, NOW, RTP_PACER_RETRANSMISSION, 1, 1);
	assert_int_equal(rtp_pacer_push(&p, NOW, RTP_PACER_RETRANSMISSION, 1, 1), PARLEY_ELIMIT);
	rtp_pacer_dump(&p, &t);
	assert_false(t.bad);
	assert_non_null(strstr(dump, "8192 packets"));
	rtp_pacer_clear(&p);
}

static void push_much(void *context)
{
	(void)context;
	rtp_pacer p;
	rtp_pacer_item item;
	rtp_pacer_init(&p, RATE, RATE);
	for (unsigned i = 1; i <= 300; i++) {
		int error = rtp_pacer_push(&p, NOW, i % 3, 100, i);
		assert_true(error == 0 || error == PARLEY_ENOMEM);
		if (i % 5 == 0)
			rtp_pacer_pop(&p, NOW + i * 1000, &item);
		rtp_pacer_check_invariants(&p);
	}
	rtp_pacer_clear(&p);
}

static void memory_may_fail(void **state)
{
	(void)state;
	failmalloc_loop(push_much, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_is_by_priority_then_age),
		cmocka_unit_test(video_leaves_at_the_pacing_rate),
		cmocka_unit_test(pause_earns_no_burst),
		cmocka_unit_test(audio_neither_waits_nor_delays),
		cmocka_unit_test(late_polls_cost_video_nothing),
		cmocka_unit_test(probe_takes_media_then_padding),
		cmocka_unit_test(probe_is_given_up_without_padding_or_time),
		cmocka_unit_test(too_much_video_is_thrown_away),
		cmocka_unit_test(the_first_frame_goes_out_however_large),
		cmocka_unit_test(wrong_items_and_full_queues_are_refused),
		cmocka_unit_test(memory_may_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
