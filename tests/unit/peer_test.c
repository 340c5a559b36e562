/* peer/: the signaling state machine, descriptions, candidates and configuration of a peer connection, without a network. */
#include "tests/support/test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/rng.h"
#include "parley/core.h"
#include "peer/servers.h"
#include "tests/support/failmalloc.h"

#define NOW UINT64_C(1000000)

typedef struct {
	rng_seeded rng;
	parley_core *core;
} fixture;

static int make_core(fixture *f, uint64_t seed, const parley_ice_server *server)
{
	parley_core_config config;
	parley_core_config_default(&config);
	rng_seeded_init(&f->rng, seed);
	config.random = rng_seeded_source(&f->rng);
	config.unix_time_s = 1700000000;
	config.ice_servers = server;
	config.ice_server_count = server != NULL;
	f->core = NULL;
	return parley_core_new(&config, NOW, &f->core);
}

static void drain(parley_core *core)
{
	parley_packet p;
	parley_event e;
	while (parley_core_poll_transmit(core, NOW, &p) || parley_core_poll_event(core, &e))
		;
	parley_core_check_invariants(core);
}

static void add_address(parley_core *core, uint8_t last)
{
	parley_addr a = addr_ipv4(192, 0, 2, last, 5000);
	assert_int_equal(parley_core_add_local_address(core, NOW, &a), 0);
	assert_int_equal(parley_core_local_addresses_done(core, NOW), 0);
}

static void local_description(parley_core *core, char **sdp)
{
	parley_sdp_type type;
	assert_int_equal(parley_core_local_description(core, &type, sdp), 0);
}

static void offer_and_answer_reach_stable(void **state)
{
	(void)state;
	fixture a, b;
	char *sdp;
	parley_channel channel;
	assert_int_equal(make_core(&a, 1, NULL), 0);
	assert_int_equal(make_core(&b, 2, NULL), 0);
	add_address(a.core, 1);
	add_address(b.core, 2);
	assert_int_equal(parley_core_create_data_channel(a.core, NOW, "x", NULL, &channel), 0);
	assert_int_equal(parley_core_set_local_description(a.core, NOW, PARLEY_SDP_OFFER, NULL), 0);
	assert_int_equal(parley_core_signaling_state(a.core), PARLEY_SIGNALING_HAVE_LOCAL_OFFER);
	assert_int_equal(parley_core_gathering_state(a.core), PARLEY_GATHERING_COMPLETE);
	local_description(a.core, &sdp);
	assert_non_null(strstr(sdp, "192.0.2.1 5000 typ host"));
	assert_non_null(strstr(sdp, "a=setup:actpass"));
	assert_non_null(strstr(sdp, "a=end-of-candidates"));
	assert_int_equal(parley_core_set_remote_description(b.core, NOW, PARLEY_SDP_OFFER, sdp), 0);
	parley_free(sdp);
	assert_int_equal(parley_core_signaling_state(b.core), PARLEY_SIGNALING_HAVE_REMOTE_OFFER);
	assert_int_equal(parley_core_set_local_description(b.core, NOW, PARLEY_SDP_ANSWER, NULL), 0);
	assert_int_equal(parley_core_signaling_state(b.core), PARLEY_SIGNALING_STABLE);
	local_description(b.core, &sdp);
	assert_non_null(strstr(sdp, "a=setup:active"));
	assert_int_equal(parley_core_set_remote_description(a.core, NOW, PARLEY_SDP_ANSWER, sdp), 0);
	parley_free(sdp);
	assert_int_equal(parley_core_signaling_state(a.core), PARLEY_SIGNALING_STABLE);
	drain(a.core);
	drain(b.core);
	parley_core_free(a.core);
	parley_core_free(b.core);
}

static void channel_options_out_of_range_are_refused(void **state)
{
	(void)state;
	static const struct {
		parley_channel_init init;
		int result;
	} cases[] = {
		{{.has_max_retransmits = true, .has_max_packet_life_time = true}, PARLEY_EINVAL},
		{{.negotiated = true, .id = 65535}, PARLEY_EINVAL},
		{{.priority = PARLEY_PRIORITY_HIGH + 1}, PARLEY_EINVAL},
		{{.priority = PARLEY_PRIORITY_HIGH, .negotiated = true, .id = 65534}, 0},
	};
	fixture a;
	parley_channel channel;
	assert_int_equal(make_core(&a, 1, NULL), 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(parley_core_create_data_channel(a.core, NOW, "x", &cases[i].init, &channel),
				 cases[i].result);
	parley_core_free(a.core);
}

static void descriptions_in_the_wrong_state_are_refused(void **state)
{
	(void)state;
	fixture a;
	char *sdp;
	parley_channel channel;
	assert_int_equal(make_core(&a, 1, NULL), 0);
	assert_int_equal(parley_core_create_offer(a.core, &sdp), PARLEY_EINVAL); /* nothing to offer */
	assert_int_equal(parley_core_create_answer(a.core, &sdp), PARLEY_ESTATE);
	assert_int_equal(parley_core_set_local_description(a.core, NOW, PARLEY_SDP_ANSWER, NULL), PARLEY_ESTATE);
	assert_non_null(strstr(parley_core_last_error(a.core), "stable"));
	assert_int_equal(parley_core_set_remote_description(a.core, NOW, PARLEY_SDP_ANSWER, "v=0\r\n"), PARLEY_ESTATE);
	assert_int_equal(parley_core_set_local_description(a.core, NOW, PARLEY_SDP_ROLLBACK, NULL), PARLEY_ESTATE);
	assert_int_equal(parley_core_add_ice_candidate(a.core, NOW, "candidate:1 1 udp 1 192.0.2.9 1 typ host", "0", 0),
			 PARLEY_ESTATE);
	assert_int_equal(parley_core_create_data_channel(a.core, NOW, "x", NULL, &channel), 0);
	assert_int_equal(parley_core_create_offer(a.core, &sdp), 0);
	sdp[0] = 'x'; /* not what was created */
	assert_int_equal(parley_core_set_local_description(a.core, NOW, PARLEY_SDP_OFFER, sdp), PARLEY_EINVAL);
	sdp[0] = 'v';
	assert_int_equal(parley_core_set_local_description(a.core, NOW, PARLEY_SDP_OFFER, sdp), 0);
	parley_free(sdp);
	assert_int_equal(parley_core_set_local_description(a.core, NOW, PARLEY_SDP_ROLLBACK, NULL), 0);
	assert_int_equal(parley_core_signaling_state(a.core), PARLEY_SIGNALING_STABLE);
	parley_core_close(a.core, NOW);
	assert_int_equal(parley_core_signaling_state(a.core), PARLEY_SIGNALING_CLOSED);
	assert_int_equal(parley_core_create_offer(a.core, &sdp), PARLEY_ECLOSED);
	parley_core_close(a.core, NOW);
	parley_core_free(a.core);
}

static void garbage_is_refused_with_its_line(void **state)
{
	(void)state;
	static const struct {
		const char *sdp, *reason;
	} cases[] = {
		{"", ""},
		{"hello", "line 1"},
		{"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=application x UDP/DTLS/SCTP webrtc-datachannel\r\n",
		 "line 5"},
		{"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
		 "c=IN IP4 0.0.0.0\r\na=mid:0\r\na=sctp-port:5000\r\n",
		 "ufrag"},
	};
	fixture a;
	assert_int_equal(make_core(&a, 1, NULL), 0);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		int err = parley_core_set_remote_description(a.core, NOW, PARLEY_SDP_OFFER, cases[i].sdp);
		assert_true(err < 0);
		if (!strstr(parley_core_last_error(a.core), cases[i].reason))
			fail_msg("case %zu: %s", i, parley_core_last_error(a.core));
		assert_int_equal(parley_core_signaling_state(a.core), PARLEY_SIGNALING_STABLE);
	}
	parley_core_free(a.core);
}

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	char *data = calloc(1, 65536);
	assert_non_null(data);
	size_t n = fread(data, 1, 65535, f);
	data[n] = '\0';
	fclose(f);
	return data;
}

/* What Chromium and Firefox really offered is answered section by section, and the answer connects to something. */
static void browser_offers_are_answered(void **state)
{
	(void)state;
	DIR *dir = opendir("tests/data/sdp");
	assert_non_null(dir);
	unsigned offers = 0;
	for (struct dirent *e; (e = readdir(dir));) {
		char path[512];
		if (!strstr(e->d_name, "-offer"))
			continue;
		snprintf(path, sizeof path, "tests/data/sdp/%s", e->d_name);
		char *offer = read_file(path), *answer;
		fixture a;
		assert_int_equal(make_core(&a, offers, NULL), 0);
		add_address(a.core, 1);
		int err = parley_core_set_remote_description(a.core, NOW, PARLEY_SDP_OFFER, offer);
		if (!err)
			err = parley_core_set_local_description(a.core, NOW, PARLEY_SDP_ANSWER, NULL);
		if (err)
			fail_msg("%s: %s", e->d_name, parley_core_last_error(a.core));
		local_description(a.core, &answer);
		size_t sections[2] = {0, 0};
		for (const char *p = offer; (p = strstr(p, "\nm=")); p++)
			sections[0]++;
		for (const char *p = answer; (p = strstr(p, "\nm=")); p++)
			sections[1]++;
		assert_int_equal(sections[0], sections[1]);
		assert_null(strstr(answer, "m=audio 0 "));
		assert_null(strstr(answer, "m=video 0 "));
		assert_non_null(strstr(answer, "a=setup:active"));
		drain(a.core);
		parley_free(answer);
		free(offer);
		parley_core_free(a.core);
		offers++;
	}
	closedir(dir);
	assert_true(offers >= 8);
}

static void candidates_are_checked_and_sorted_out(void **state)
{
	(void)state;
	fixture a;
	char *offer = read_file("tests/data/sdp/chromium-offer-dc.sdp");
	assert_int_equal(make_core(&a, 1, NULL), 0);
	assert_int_equal(parley_core_set_remote_description(a.core, NOW, PARLEY_SDP_OFFER, offer), 0);
	static const struct {
		const char *line, *mid;
		int index, result;
	} cases[] = {
		{"candidate:1 1 udp 2113937151 192.0.2.9 1234 typ host", "0", 0, 0},
		{"candidate:1 1 udp 2113937151 192.0.2.10 1234 typ host", NULL, 0, 0},
		{"candidate:1 1 tcp 2113937151 192.0.2.9 9 typ host tcptype active", "0", 0, 0},
		{"candidate:1 2 udp 2113937151 192.0.2.9 1235 typ host", "0", 0, 0},
		{"candidate:nonsense", "0", 0, PARLEY_EINVAL},
		{"candidate:1 1 udp 2113937151 192.0.2.9 1234 typ host", "7", -1, PARLEY_ENOTFOUND},
		{"candidate:1 1 udp 2113937151 192.0.2.9 1234 typ host", NULL, 3, PARLEY_ENOTFOUND},
		{"", NULL, 0, 0},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		int err = parley_core_add_ice_candidate(a.core, NOW, cases[i].line, cases[i].mid, cases[i].index);
		if (err != cases[i].result)
			fail_msg("case %zu: %s", i, parley_core_last_error(a.core));
	}
	free(offer);
	parley_core_free(a.core);
}

static void a_remote_offer_rolls_ours_back(void **state)
{
	(void)state;
	fixture a;
	parley_channel channel;
	char *offer = read_file("tests/data/sdp/firefox-offer-dc.sdp");
	assert_int_equal(make_core(&a, 1, NULL), 0);
	assert_int_equal(parley_core_create_data_channel(a.core, NOW, "x", NULL, &channel), 0);
	assert_int_equal(parley_core_set_local_description(a.core, NOW, PARLEY_SDP_OFFER, NULL), 0);
	assert_int_equal(parley_core_set_remote_description(a.core, NOW, PARLEY_SDP_OFFER, offer), 0);
	assert_int_equal(parley_core_signaling_state(a.core), PARLEY_SIGNALING_HAVE_REMOTE_OFFER);
	assert_int_equal(parley_core_set_local_description(a.core, NOW, PARLEY_SDP_ANSWER, NULL), 0);
	assert_int_equal(parley_core_signaling_state(a.core), PARLEY_SIGNALING_STABLE);
	free(offer);
	parley_core_free(a.core);
}

static void server_names_are_asked_for_before_gathering_ends(void **state)
{
	(void)state;
	parley_ice_server server = {.url = "stun:stun.example.org:19302"};
	fixture a;
	parley_channel channel;
	uint32_t id = 0;
	bool asked = false;
	assert_int_equal(make_core(&a, 1, &server), 0);
	add_address(a.core, 1);
	assert_int_equal(parley_core_create_data_channel(a.core, NOW, "x", NULL, &channel), 0);
	assert_int_equal(parley_core_set_local_description(a.core, NOW, PARLEY_SDP_OFFER, NULL), 0);
	for (parley_event e; parley_core_poll_event(a.core, &e);) {
		if (e.type != PARLEY_EVENT_RESOLVE)
			continue;
		assert_string_equal(e.resolve.name, "stun.example.org");
		assert_false(e.resolve.mdns);
		id = e.resolve.id;
		asked = true;
	}
	assert_true(asked);
	assert_int_equal(parley_core_gathering_state(a.core), PARLEY_GATHERING_GATHERING);
	parley_core_resolved(a.core, NOW, id, NULL, 0);
	assert_int_equal(parley_core_gathering_state(a.core), PARLEY_GATHERING_COMPLETE);
	parley_core_free(a.core);
}

static void configuration_is_checked(void **state)
{
	(void)state;
	parley_core_config config;
	parley_core *core;
	rng_seeded rng;
	rng_seeded_init(&rng, 1);
	parley_core_config_default(&config);
	assert_int_equal(parley_core_new(&config, NOW, &core), PARLEY_EINVAL); /* no random source */
	config.random = rng_seeded_source(&rng);
	config.mtu_max = config.mtu - 1;
	assert_int_equal(parley_core_new(&config, NOW, &core), PARLEY_EINVAL);
	config.mtu_max = PARLEY_MTU_MAX + 1;
	assert_int_equal(parley_core_new(&config, NOW, &core), PARLEY_EINVAL);
	config.mtu_max = PARLEY_MTU_MAX;
	config.max_message_size = 1;
	assert_int_equal(parley_core_new(&config, NOW, &core), PARLEY_EINVAL);
	config.max_message_size = 0; /* any: see any_length_of_message_is_announced */
	config.mtu = 100;
	assert_int_equal(parley_core_new(&config, NOW, &core), PARLEY_EINVAL);
}

static void any_length_of_message_is_announced(void **state)
{
	(void)state;
	parley_core_config config;
	parley_core *core;
	parley_channel channel;
	rng_seeded rng;
	char *sdp;
	rng_seeded_init(&rng, 1);
	parley_core_config_default(&config);
	config.random = rng_seeded_source(&rng);
	config.max_message_size = 0;
	assert_int_equal(parley_core_new(&config, NOW, &core), 0);
	assert_int_equal(parley_core_create_data_channel(core, NOW, "x", NULL, &channel), 0);
	assert_int_equal(parley_core_create_offer(core, &sdp), 0);
	assert_non_null(strstr(sdp, "a=max-message-size:0\r\n"));
	parley_free(sdp);
	assert_int_equal(parley_core_send_part(core, NOW, channel, false, "\xff", 1, false),
			 PARLEY_EINVAL); /* no UTF-8 */
	assert_int_equal(parley_core_send_part(core, NOW, channel, false, "x", 1, false), PARLEY_ESTATE);
	parley_core_close(core, NOW);
	assert_int_equal(parley_core_send_part(core, NOW, channel, false, "x", 1, false), PARLEY_ECLOSED);
	assert_int_equal(parley_core_set_partial_delivery(core, channel, true), PARLEY_ECLOSED);
	parley_core_free(core);
}

static void texts_must_be_utf8(void **state)
{
	(void)state;
	fixture a;
	parley_channel channel;
	assert_int_equal(make_core(&a, 1, NULL), 0);
	assert_int_equal(parley_core_create_data_channel(a.core, NOW, "x", NULL, &channel), 0);
	assert_int_equal(parley_core_send(a.core, NOW, channel, false, "\xff", 1), PARLEY_EINVAL);
	assert_int_equal(parley_core_send(a.core, NOW, channel, false, "\xed\xa0\x80", 3), PARLEY_EINVAL);
	assert_int_equal(parley_core_send(a.core, NOW, channel, false, "\xe2\x82\xac", 3),
			 PARLEY_ESTATE); /* not open */
	parley_core_free(a.core);
}

static void offer_and_free(void *context)
{
	(void)context;
	fixture a;
	parley_channel channel;
	if (make_core(&a, 1, NULL))
		return;
	parley_addr address = addr_ipv4(192, 0, 2, 1, 5000);
	parley_core_add_local_address(a.core, NOW, &address);
	parley_core_local_addresses_done(a.core, NOW);
	if (!parley_core_create_data_channel(a.core, NOW, "x", NULL, &channel))
		parley_core_set_local_description(a.core, NOW, PARLEY_SDP_OFFER, NULL);
	drain(a.core);
	parley_core_free(a.core);
}

static void answer_and_free(void *offer)
{
	fixture a;
	if (make_core(&a, 1, NULL))
		return;
	parley_addr address = addr_ipv4(192, 0, 2, 1, 5000);
	parley_core_add_local_address(a.core, NOW, &address);
	parley_core_local_addresses_done(a.core, NOW);
	if (!parley_core_set_remote_description(a.core, NOW, PARLEY_SDP_OFFER, offer))
		parley_core_set_local_description(a.core, NOW, PARLEY_SDP_ANSWER, NULL);
	drain(a.core);
	parley_core_free(a.core);
}

static void failing_allocations_leak_nothing(void **state)
{
	(void)state;
	char *offer = read_file("tests/data/sdp/chromium-offer-dc.sdp");
	failmalloc_loop(offer_and_free, NULL);
	failmalloc_loop(answer_and_free, offer);
	free(offer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offer_and_answer_reach_stable),
		cmocka_unit_test(channel_options_out_of_range_are_refused),
		cmocka_unit_test(descriptions_in_the_wrong_state_are_refused),
		cmocka_unit_test(garbage_is_refused_with_its_line),
		cmocka_unit_test(browser_offers_are_answered),
		cmocka_unit_test(candidates_are_checked_and_sorted_out),
		cmocka_unit_test(a_remote_offer_rolls_ours_back),
		cmocka_unit_test(server_names_are_asked_for_before_gathering_ends),
		cmocka_unit_test(configuration_is_checked),
		cmocka_unit_test(any_length_of_message_is_announced),
		cmocka_unit_test(texts_must_be_utf8),
		cmocka_unit_test(failing_allocations_leak_nothing),
	};
	return cmocka_run_group_tests_name("peer", tests, NULL, NULL);
}
