/* Transceivers and what offers and answers make of them, between two peer connections without a network. */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/rng.h"
#include "parley/core.h"
#include "tests/support/failmalloc.h"

#define NOW UINT64_C(1000000)

typedef struct {
	rng_seeded rng;
	parley_core *core;
	unsigned events; /* PARLEY_EVENT_TRANSCEIVER */
	parley_transceiver last;
	bool negotiation_needed;
} side;

static int side_new(side *s, uint64_t seed, bool decline)
{
	parley_core_config config;
	parley_core_config_default(&config);
	memset(s, 0, sizeof *s);
	rng_seeded_init(&s->rng, seed);
	config.random = rng_seeded_source(&s->rng);
	config.unix_time_s = 1700000000;
	config.decline_media = decline;
	return parley_core_new(&config, NOW, &s->core);
}

static void pair_new(side *a, side *b, bool decline)
{
	assert_int_equal(side_new(a, 1, decline), 0);
	assert_int_equal(side_new(b, 2, decline), 0);
}

static void drain(side *s)
{
	parley_packet p;
	while (parley_core_poll_transmit(s->core, NOW, &p))
		;
	for (parley_event e; parley_core_poll_event(s->core, &e);) {
		if (e.type == PARLEY_EVENT_NEGOTIATION_NEEDED)
			s->negotiation_needed = true;
		if (e.type != PARLEY_EVENT_TRANSCEIVER)
			continue;
		s->events++;
		s->last = e.transceiver.transceiver;
	}
}

static void move(side *from, side *to, parley_sdp_type type)
{
	char *sdp;
	parley_sdp_type got;
	if (parley_core_set_local_description(from->core, NOW, type, NULL))
		fail_msg("local: %s", parley_core_last_error(from->core));
	assert_int_equal(parley_core_local_description(from->core, &got, &sdp), 0);
	assert_int_equal(got, type);
	if (parley_core_set_remote_description(to->core, NOW, type, sdp))
		fail_msg("remote: %s\n%s", parley_core_last_error(to->core), sdp);
	parley_free(sdp);
	from->negotiation_needed = to->negotiation_needed = false;
	drain(from);
	drain(to);
}

static void negotiate(side *offerer, side *answerer)
{
	move(offerer, answerer, PARLEY_SDP_OFFER);
	move(answerer, offerer, PARLEY_SDP_ANSWER);
}

static parley_transceiver add(side *s, parley_media_kind kind, parley_direction direction, parley_codec codec)
{
	parley_transceiver_init init;
	parley_transceiver t;
	parley_transceiver_init_default(&init);
	init.direction = direction;
	init.codecs[0] = codec;
	assert_int_equal(parley_core_add_transceiver(s->core, NOW, kind, &init, &t), 0);
	drain(s);
	return t;
}

static parley_transceiver_info info_of(side *s, parley_transceiver t)
{
	parley_transceiver_info info;
	assert_int_equal(parley_core_transceiver_info(s->core, t, &info), 0);
	return info;
}

static void free_pair(side *a, side *b)
{
	parley_core_free(a->core);
	parley_core_free(b->core);
}

static void both_send_when_both_want(void **state)
{
	(void)state;
	side a, b;
	pair_new(&a, &b, false);
	parley_transceiver audio = add(&a, PARLEY_AUDIO, PARLEY_SENDRECV, PARLEY_CODEC_NONE);
	parley_transceiver video = add(&a, PARLEY_VIDEO, PARLEY_SENDRECV, PARLEY_CODEC_NONE);
	assert_true(a.negotiation_needed);
	parley_transceiver there = add(&b, PARLEY_VIDEO, PARLEY_SENDRECV, PARLEY_CODEC_NONE);
	negotiate(&a, &b);
	assert_int_equal(info_of(&a, video).current_direction, PARLEY_SENDRECV);
	assert_int_equal(info_of(&b, there).current_direction, PARLEY_SENDRECV);
	assert_string_equal(info_of(&a, video).mid, info_of(&b, there).mid);
	assert_int_equal(info_of(&a, video).send_codec, PARLEY_VP8);
	/* Nobody waited for audio there: a transceiver that only receives was made. */
	assert_int_equal(info_of(&a, audio).current_direction, PARLEY_SENDONLY);
	assert_int_equal(info_of(&a, audio).send_codec, PARLEY_OPUS);
	assert_int_equal(info_of(&b, 2).current_direction, PARLEY_RECVONLY);
	assert_int_equal(a.events, 2);
	assert_int_equal(b.events, 2);
	assert_false(a.negotiation_needed || b.negotiation_needed);
	free_pair(&a, &b);
}

static void a_preferred_codec_is_what_is_sent(void **state)
{
	(void)state;
	static const parley_codec codecs[] = {PARLEY_VP8, PARLEY_VP9, PARLEY_H264, PARLEY_AV1};
	for (size_t i = 0; i < ARRAY_LENGTH(codecs); i++) {
		side a, b;
		pair_new(&a, &b, false);
		parley_transceiver t = add(&a, PARLEY_VIDEO, PARLEY_SENDONLY, codecs[i]);
		negotiate(&a, &b);
		assert_int_equal(info_of(&a, t).send_codec, codecs[i]);
		free_pair(&a, &b);
	}
}

static void declined_media_are_inactive(void **state)
{
	(void)state;
	side a, b;
	pair_new(&a, &b, true);
	parley_transceiver t = add(&a, PARLEY_VIDEO, PARLEY_SENDRECV, PARLEY_CODEC_NONE);
	negotiate(&a, &b);
	assert_int_equal(info_of(&a, t).current_direction, PARLEY_INACTIVE);
	assert_int_equal(b.events, 0);
	free_pair(&a, &b);
}

static void directions_change_and_sections_come_and_go(void **state)
{
	(void)state;
	side a, b;
	pair_new(&a, &b, false);
	parley_transceiver audio = add(&a, PARLEY_AUDIO, PARLEY_SENDRECV, PARLEY_CODEC_NONE);
	parley_transceiver there = add(&b, PARLEY_AUDIO, PARLEY_SENDRECV, PARLEY_CODEC_NONE);
	negotiate(&a, &b);
	/* Muted by one side. */
	assert_int_equal(parley_core_set_direction(a.core, NOW, audio, PARLEY_RECVONLY), 0);
	drain(&a);
	assert_true(a.negotiation_needed);
	negotiate(&a, &b);
	assert_int_equal(info_of(&b, there).current_direction, PARLEY_SENDONLY);
	/* Video is added by the other side, which offers this time. */
	parley_transceiver video = add(&b, PARLEY_VIDEO, PARLEY_SENDONLY, PARLEY_CODEC_NONE);
	assert_true(b.negotiation_needed);
	negotiate(&b, &a);
	assert_int_equal(info_of(&b, video).current_direction, PARLEY_SENDONLY);
	assert_int_equal(info_of(&a, a.last).current_direction, PARLEY_RECVONLY);
	assert_string_not_equal(info_of(&a, audio).mid, info_of(&a, a.last).mid);
	/* And removed. */
	assert_int_equal(parley_core_set_direction(b.core, NOW, video, PARLEY_STOPPED), 0);
	negotiate(&b, &a);
	assert_int_equal(info_of(&a, a.last).current_direction, PARLEY_INACTIVE);
	assert_int_equal(info_of(&a, audio).current_direction, PARLEY_RECVONLY);
	free_pair(&a, &b);
}

static void a_rollback_takes_the_mids_back(void **state)
{
	(void)state;
	side a, b;
	pair_new(&a, &b, false);
	parley_transceiver t = add(&a, PARLEY_AUDIO, PARLEY_SENDRECV, PARLEY_CODEC_NONE);
	assert_int_equal(parley_core_set_local_description(a.core, NOW, PARLEY_SDP_OFFER, NULL), 0);
	assert_true(info_of(&a, t).mid[0] != '\0');
	assert_int_equal(parley_core_set_local_description(a.core, NOW, PARLEY_SDP_ROLLBACK, NULL), 0);
	assert_string_equal(info_of(&a, t).mid, "");
	negotiate(&a, &b);
	assert_int_equal(info_of(&a, t).current_direction, PARLEY_SENDONLY);
	free_pair(&a, &b);
}

static void misuse_is_refused(void **state)
{
	(void)state;
	side a, b;
	pair_new(&a, &b, false);
	parley_transceiver_init init;
	parley_transceiver t;
	parley_transceiver_init_default(&init);
	init.codecs[0] = PARLEY_VP8;
	assert_int_equal(parley_core_add_transceiver(a.core, NOW, PARLEY_AUDIO, &init, &t), PARLEY_EINVAL);
	init.codecs[0] = PARLEY_CODEC_NONE;
	init.direction = PARLEY_STOPPED;
	assert_int_equal(parley_core_add_transceiver(a.core, NOW, PARLEY_AUDIO, &init, &t), PARLEY_EINVAL);
	assert_int_equal(parley_core_set_direction(a.core, NOW, 7, PARLEY_SENDRECV), PARLEY_ENOTFOUND);
	t = add(&a, PARLEY_AUDIO, PARLEY_SENDRECV, PARLEY_CODEC_NONE);
	parley_frame frame = {.data = (const uint8_t *)"x", .len = 1};
	assert_int_equal(parley_core_send_frame(a.core, NOW, t, &frame), PARLEY_ESTATE);
	assert_int_equal(parley_core_request_key_frame(a.core, NOW, t), PARLEY_ESTATE);
	for (unsigned i = 1; i < PARLEY_TRANSCEIVERS_MAX; i++)
		add(&a, PARLEY_VIDEO, PARLEY_INACTIVE, PARLEY_CODEC_NONE);
	assert_int_equal(parley_core_add_transceiver(a.core, NOW, PARLEY_AUDIO, NULL, &t), PARLEY_ELIMIT);
	free_pair(&a, &b);
}

static void codecs_have_names(void **state)
{
	(void)state;
	for (int c = PARLEY_OPUS; c <= PARLEY_AV1; c++) {
		assert_int_equal(parley_codec_by_name(parley_codec_name((parley_codec)c)), c);
		assert_true(parley_codec_clock_rate((parley_codec)c) > 0);
	}
	assert_int_equal(parley_codec_by_name("vp8"), PARLEY_VP8);
	assert_int_equal(parley_codec_by_name("theora"), PARLEY_CODEC_NONE);
}

static void stats_are_json_objects(void **state)
{
	(void)state;
	side a, b;
	char *json;
	pair_new(&a, &b, false);
	add(&a, PARLEY_AUDIO, PARLEY_SENDRECV, PARLEY_CODEC_NONE);
	negotiate(&a, &b);
	assert_int_equal(parley_core_get_stats_json(a.core, NOW, &json), 0);
	assert_non_null(strstr(json, "\"type\":\"transport\""));
	assert_non_null(strstr(json, "\"type\":\"peer-connection\""));
	assert_true(json[0] == '[' && json[strlen(json) - 1] == ']');
	parley_free(json);
	free_pair(&a, &b);
}

static void offer_with_media(void *context)
{
	(void)context;
	side a;
	parley_transceiver t;
	char *json;
	if (side_new(&a, 1, false))
		return;
	if (!parley_core_add_transceiver(a.core, NOW, PARLEY_VIDEO, NULL, &t))
		parley_core_set_local_description(a.core, NOW, PARLEY_SDP_OFFER, NULL);
	if (!parley_core_get_stats_json(a.core, NOW, &json))
		parley_free(json);
	drain(&a);
	parley_core_free(a.core);
}

static void failing_allocations_leak_nothing(void **state)
{
	(void)state;
	failmalloc_loop(offer_with_media, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_send_when_both_want),
		cmocka_unit_test(a_preferred_codec_is_what_is_sent),
		cmocka_unit_test(declined_media_are_inactive),
		cmocka_unit_test(directions_change_and_sections_come_and_go),
		cmocka_unit_test(a_rollback_takes_the_mids_back),
		cmocka_unit_test(misuse_is_refused),
		cmocka_unit_test(codecs_have_names),
		cmocka_unit_test(stats_are_json_objects),
		cmocka_unit_test(failing_allocations_leak_nothing),
	};
	return cmocka_run_group_tests_name("peer/transceivers", tests, NULL, NULL);
}
