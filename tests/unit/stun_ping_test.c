/* stun/ping.h */
#include "tests/support/test.h"

#include "base/addr.h"
#include "base/rng.h"
#include "base/time.h"
#include "stun/build.h"
#include "stun/ping.h"

#define START (3 * US_PER_S)
#define RTT (30 * US_PER_MS)

static const stun_ping_config CONFIG = {.count = 3, .interval_us = US_PER_S, .timeout_us = 2 * US_PER_S};

typedef struct {
	stun_ping ping;
	rng_seeded seed;
	uint8_t request[STUN_HEADER_SIZE];
} fixture;

static void start(fixture *f, const stun_ping_config *config)
{
	rng_seeded_init(&f->seed, 1);
	parley_random random = rng_seeded_source(&f->seed);
	assert_int_equal(stun_ping_start(&f->ping, START, config, &random), 0);
}

static bool sent(fixture *f, uint64_t now)
{
	packet out = {.data = f->request, .capacity = sizeof f->request};
	bool any = stun_ping_poll_transmit(&f->ping, now, &out);
	uint8_t again[STUN_HEADER_SIZE];
	packet none = {.data = again, .capacity = sizeof again};
	assert_false(stun_ping_poll_transmit(&f->ping, now, &none));
	stun_ping_check_invariants(&f->ping);
	return any;
}

/* With error 0: a success that tells an address. */
static bool answer(fixture *f, uint64_t now, unsigned error)
{
	uint8_t bytes[128];
	writer w = writer_of(bytes, sizeof bytes);
	stun_message request;
	assert_int_equal(stun_parse(slice_of(f->request, sizeof f->request), &request), 0);
	stun_begin(&w, error ? STUN_ERROR : STUN_SUCCESS, STUN_BINDING, &request.id);
	parley_addr mapped = addr_ipv4(192, 0, 2, 1, 1234);
	if (error)
		stun_put_error(&w, error, NULL);
	else
		stun_put_xor_address(&w, STUN_ATTR_XOR_MAPPED_ADDRESS, &mapped);
	return stun_ping_receive(&f->ping, now, writer_slice(&w));
}

static void each_answer_is_told_and_the_next_waits_for_its_time(void **state)
{
	(void)state;
	fixture f = {0};
	start(&f, &CONFIG);
	stun_ping_event e;
	for (unsigned i = 1; i <= 3; i++) {
		uint64_t now = START + (i - 1) * US_PER_S;
		assert_true(stun_ping_deadline(&f.ping) == now);
		assert_false(i > 1 && sent(&f, now - 1));
		assert_true(sent(&f, now));
		assert_false(stun_ping_poll_event(&f.ping, &e));
		assert_true(answer(&f, now + RTT, 0));
		assert_true(stun_ping_poll_event(&f.ping, &e));
		assert_false(stun_ping_poll_event(&f.ping, &(stun_ping_event){0}));
		assert_true(e.answered && e.has_mapped && e.error_code == 0);
		assert_int_equal(e.number, i);
		assert_int_equal(e.rtt_us, RTT);
		assert_int_equal(e.mapped.port, 1234);
		assert_false(answer(&f, now + RTT, 0)); /* a duplicate */
	}
	assert_true(stun_ping_deadline(&f.ping) == TIME_NEVER);
	assert_false(sent(&f, START + 60 * US_PER_S));
}

static void a_lost_one_is_told_when_its_time_is_over(void **state)
{
	(void)state;
	fixture f = {0};
	start(&f, &CONFIG);
	stun_ping_event e;
	assert_true(sent(&f, START));
	assert_true(stun_ping_deadline(&f.ping) == START + CONFIG.timeout_us);
	stun_ping_timeout(&f.ping, START + CONFIG.timeout_us - 1);
	assert_false(stun_ping_poll_event(&f.ping, &e));
	stun_ping_timeout(&f.ping, START + CONFIG.timeout_us);
	assert_true(stun_ping_poll_event(&f.ping, &e));
	assert_false(e.answered || e.has_mapped);
	assert_false(answer(&f, START + CONFIG.timeout_us, 0)); /* too late */
	assert_true(sent(&f, START + CONFIG.timeout_us));	/* the interval is over too */
}

static void an_error_is_an_answer(void **state)
{
	(void)state;
	fixture f = {0};
	start(&f, &CONFIG);
	stun_ping_event e;
	assert_true(sent(&f, START));
	assert_true(answer(&f, START + RTT, STUN_UNAUTHENTICATED));
	assert_true(stun_ping_poll_event(&f.ping, &e));
	assert_true(e.answered && !e.has_mapped);
	assert_int_equal(e.error_code, STUN_UNAUTHENTICATED);
}

static void what_is_no_answer_is_left_alone(void **state)
{
	(void)state;
	fixture f = {0};
	start(&f, &CONFIG);
	assert_true(sent(&f, START));
	assert_false(stun_ping_receive(&f.ping, START, slice_of("hello", 5)));
	assert_false(stun_ping_receive(&f.ping, START, slice_of(f.request, sizeof f.request)));
	f.request[STUN_HEADER_SIZE - 1] ^= 1;
	assert_false(answer(&f, START, 0)); /* of another id */
}

static void without_count_there_is_no_end(void **state)
{
	(void)state;
	fixture f = {0};
	stun_ping_config config = CONFIG;
	config.count = 0;
	start(&f, &config);
	for (unsigned i = 0; i < 100; i++) {
		stun_ping_event e;
		assert_true(sent(&f, START + i * US_PER_S));
		assert_true(answer(&f, START + i * US_PER_S, 0));
		assert_true(stun_ping_poll_event(&f.ping, &e));
	}
}

static int fail_random(void *context, uint8_t *out, size_t len)
{
	(void)context, (void)out, (void)len;
	return PARLEY_EIO;
}

static void wrong_calls_and_no_randomness(void **state)
{
	(void)state;
	fixture f = {0};
	const parley_random random = {.fill = fail_random};
	assert_int_equal(stun_ping_start(&f.ping, START, &(stun_ping_config){.count = 1}, &random), PARLEY_EINVAL);
	assert_int_equal(stun_ping_start(&f.ping, START, &CONFIG, &random), 0);
	assert_false(sent(&f, START));
	assert_int_equal(f.ping.error, PARLEY_EIO);
	assert_true(stun_ping_deadline(&f.ping) == TIME_NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_answer_is_told_and_the_next_waits_for_its_time),
		cmocka_unit_test(a_lost_one_is_told_when_its_time_is_over),
		cmocka_unit_test(an_error_is_an_answer),
		cmocka_unit_test(what_is_no_answer_is_left_alone),
		cmocka_unit_test(without_count_there_is_no_end),
		cmocka_unit_test(wrong_calls_and_no_randomness),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
