/* peer/snap.c: a=sctp-init in offers and answers (draft-hancke-tsvwg-snap) */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/rng.h"
#include "parley/core.h"
#include "tests/support/failmalloc.h"

#define NOW UINT64_C(1000000)

typedef struct {
	rng_seeded rng;
	parley_core *core;
	parley_channel channel;
} fixture;

static int make_core(fixture *f, uint64_t seed, bool snap)
{
	parley_core_config config;
	parley_core_config_default(&config);
	rng_seeded_init(&f->rng, seed);
	config.random = rng_seeded_source(&f->rng);
	config.unix_time_s = 1700000000;
	config.snap = snap;
	f->core = NULL;
	return parley_core_new(&config, NOW, &f->core);
}

static void must_make(fixture *f, uint64_t seed, bool snap)
{
	assert_int_equal(make_core(f, seed, snap), 0);
	assert_int_equal(parley_core_create_data_channel(f->core, NOW, "x", NULL, &f->channel), 0);
}

/* The line's value, "" if there is none. */
static void init_line(const char *sdp, char out[128])
{
	const char *at = strstr(sdp, "a=sctp-init:");
	snprintf(out, 128, "%s", at ? at + strlen("a=sctp-init:") : "");
	out[strcspn(out, "\r\n")] = '\0';
}

/* One negotiation; what each side told is in `lines`. */
static void negotiate(fixture *offerer, fixture *answerer, char lines[2][128])
{
	char *sdp;
	parley_sdp_type type;
	fixture *ends[2] = {offerer, answerer};
	for (int i = 0; i < 2; i++) {
		parley_sdp_type kind = i ? PARLEY_SDP_ANSWER : PARLEY_SDP_OFFER;
		assert_int_equal(parley_core_set_local_description(ends[i]->core, NOW, kind, NULL), 0);
		assert_int_equal(parley_core_local_description(ends[i]->core, &type, &sdp), 0);
		init_line(sdp, lines[i]);
		assert_int_equal(parley_core_set_remote_description(ends[!i]->core, NOW, kind, sdp), 0);
		parley_free(sdp);
	}
}

static void the_line_is_in_the_answer_if_both_speak_it(void **state)
{
	(void)state;
	for (unsigned speaks = 0; speaks < 4; speaks++) {
		fixture a, b;
		char lines[2][128], again[2][128];
		must_make(&a, 1, speaks & 1);
		must_make(&b, 2, speaks & 2);
		negotiate(&a, &b, lines);
		assert_int_equal(lines[0][0] != '\0', speaks & 1);
		assert_int_equal(lines[1][0] != '\0', speaks == 3);
		/* Later the same, if it was agreed on, and else nothing: an association cannot be changed. */
		negotiate(&a, &b, again);
		assert_string_equal(again[0], speaks == 3 ? lines[0] : "");
		assert_string_equal(again[1], lines[1]);
		negotiate(&b, &a, again);
		assert_string_equal(again[0], lines[1]);
		assert_string_equal(again[1], speaks == 3 ? lines[0] : "");
		parley_core_free(a.core);
		parley_core_free(b.core);
	}
}

/* An offer that is not answered leaves its INIT to the next. */
static void an_offer_that_is_withdrawn_is_told_again(void **state)
{
	(void)state;
	fixture a, b;
	char lines[2][128], *sdp, first[128];
	must_make(&a, 3, true);
	must_make(&b, 4, true);
	assert_int_equal(parley_core_create_offer(a.core, &sdp), 0);
	init_line(sdp, first);
	parley_free(sdp);
	assert_int_equal(parley_core_set_local_description(a.core, NOW, PARLEY_SDP_OFFER, NULL), 0);
	assert_int_equal(parley_core_set_local_description(a.core, NOW, PARLEY_SDP_ROLLBACK, NULL), 0);
	negotiate(&b, &a, lines);
	assert_string_equal(lines[1], first);
	parley_core_free(a.core);
	parley_core_free(b.core);
}

static void without_channels_there_is_no_line(void **state)
{
	(void)state;
	fixture a;
	char *sdp;
	parley_transceiver t;
	assert_int_equal(make_core(&a, 5, true), 0);
	assert_int_equal(parley_core_add_transceiver(a.core, NOW, PARLEY_AUDIO, NULL, &t), 0);
	assert_int_equal(parley_core_create_offer(a.core, &sdp), 0);
	assert_null(strstr(sdp, "sctp-init"));
	parley_free(sdp);
	parley_core_free(a.core);
}

/* Replaces the value in an offer. */
static void spoil(const char *offer, const char *value, char *out, size_t size)
{
	const char *at = strstr(offer, "a=sctp-init:") + strlen("a=sctp-init:");
	snprintf(out, size, "%.*s%s%s", (int)(at - offer), offer, value, at + strcspn(at, "\r"));
}

static void a_line_that_is_no_init_is_an_error(void **state)
{
	(void)state;
	static const char *const values[] = {"AQAAHpEcay0AUAAA/////4t8wwHAAAAEgAgABoLA", /* Chromium's, good */
					     "%%%%", "AAAA", "AQAAFAAAAAAAUAAAAAEAAQAAAAk="};
	fixture a, b;
	char *offer, bad[4000];
	must_make(&a, 6, true);
	must_make(&b, 7, true);
	assert_int_equal(parley_core_create_offer(a.core, &offer), 0);
	for (size_t i = 0; i < ARRAY_LENGTH(values); i++) {
		spoil(offer, values[i], bad, sizeof bad);
		assert_int_equal(parley_core_set_remote_description(b.core, NOW, PARLEY_SDP_OFFER, bad),
				 i ? PARLEY_EINVAL : 0);
		if (i)
			assert_non_null(strstr(parley_core_last_error(b.core), "sctp-init"));
	}
	parley_core_free(b.core);
	must_make(&b, 8, false); /* who does not speak it does not look at it */
	assert_int_equal(parley_core_set_remote_description(b.core, NOW, PARLEY_SDP_OFFER, bad), 0);
	parley_free(offer);
	parley_core_free(a.core);
	parley_core_free(b.core);
}

static void out_of_memory_body(void *context)
{
	(void)context;
	fixture a = {0}, b = {0};
	char *sdp = NULL;
	parley_sdp_type type;
	if (!make_core(&a, 9, true) && !make_core(&b, 10, true) &&
	    !parley_core_create_data_channel(a.core, NOW, "x", NULL, &a.channel) &&
	    !parley_core_set_local_description(a.core, NOW, PARLEY_SDP_OFFER, NULL) &&
	    !parley_core_local_description(a.core, &type, &sdp) &&
	    !parley_core_set_remote_description(b.core, NOW, PARLEY_SDP_OFFER, sdp))
		parley_core_set_local_description(b.core, NOW, PARLEY_SDP_ANSWER, NULL);
	parley_free(sdp);
	parley_core_free(a.core);
	parley_core_free(b.core);
}

static void runs_out_of_memory_cleanly(void **state)
{
	(void)state;
	failmalloc_loop(out_of_memory_body, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_line_is_in_the_answer_if_both_speak_it),
		cmocka_unit_test(an_offer_that_is_withdrawn_is_told_again),
		cmocka_unit_test(without_channels_there_is_no_line),
		cmocka_unit_test(a_line_that_is_no_init_is_an_error),
		cmocka_unit_test(runs_out_of_memory_cleanly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
