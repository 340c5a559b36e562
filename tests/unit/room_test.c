/* signaling/room.h on signaling/client.h and a hub: meeting, talking, leaving, and what reconnection does to it */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/time.h"
#include "tests/unit/signaling_world.h"

static int setup(void **state)
{
	world *w = calloc(1, sizeof *w);
	assert_non_null(w);
	world_init(w);
	assert_int_equal(world_start_hub(w), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world_clear(*state);
	free(*state);
	return 0;
}

static world_peer *connected(world *w)
{
	world_peer *p = world_add(w, true);
	assert_non_null(p);
	world_pump(w);
	assert_string_equal(world_log(p), "connecting\nconnected\n");
	return p;
}

static void paired(world *w, world_peer **a, world_peer **b)
{
	*a = connected(w);
	*b = connected(w);
	assert_int_equal(room_create((*a)->room, w->now, "tea"), 0);
	world_pump(w);
	assert_int_equal(room_join((*b)->room, w->now, "1"), 0);
	world_pump(w);
	assert_non_null(strstr(world_log(*a), "CREATED 1\nLIST 1 1=tea\nREADY initiator\n"));
	assert_non_null(strstr(world_log(*b), "JOINED 1\nREADY other\n"));
}

static void names_in_lists_are_plain_text(void **state)
{
	world *w = *state;
	world_peer *a = connected(w), *b = connected(w);
	assert_int_equal(room_create(a->room, w->now, "<b> & \"q\" 'x' \xc3\xa9 &lt;"), 0);
	world_pump(w);
	world_log(b);
	assert_int_equal(room_list(b->room, w->now), 0);
	world_pump(w);
	assert_string_equal(world_log(b), "LIST 1 1=<b> & \"q\" 'x' \xc3\xa9 &lt;\n");
}

static void what_is_wanted_early_is_asked_once_connected(void **state)
{
	world *w = *state;
	world_peer *a = world_add(w, true);
	assert_int_equal(room_create(a->room, w->now, "tea"), 0);
	assert_int_equal(room_create(a->room, w->now, "talk"), PARLEY_ESTATE);
	world_pump(w);
	assert_string_equal(world_log(a), "connecting\nconnected\nCREATED 1\nLIST 1 1=tea\n");
}

static void descriptions_and_candidates_arrive_as_they_were(void **state)
{
	world *w = *state;
	world_peer *a, *b;
	paired(w, &a, &b);
	assert_int_equal(room_send_offer(a->room, w->now, slice_from_string("v=0 \"offer\" \xc3\xa9")), 0);
	assert_int_equal(room_send_candidate(a->room, w->now, slice_from_string("candidate:1 1 udp"), "0", 0), 0);
	assert_int_equal(room_send_candidate(a->room, w->now, slice_from_string(""), NULL, -1), 0);
	world_pump(w);
	assert_string_equal(world_log(b), "OFFER v=0 \"offer\" \xc3\xa9\nCANDIDATE candidate:1 1 udp mid=0 mline=0\n"
					  "CANDIDATE  mid=none mline=-1\n");
	assert_int_equal(room_send_answer(b->room, w->now, slice_from_string("v=0")), 0);
	world_pump(w);
	assert_string_equal(world_log(a), "ANSWER v=0\n");
}

static void other_shapes_of_a_candidate_are_understood(void **state)
{
	world *w = *state;
	world_peer *a, *b;
	paired(w, &a, &b);
	static const char *const messages[] = {
		"[\"1\",{\"type\":\"candidate\",\"candidate\":{\"candidate\":\"c1\",\"sdpMid\":\"v\",\"sdpMLineIndex\":1}}]",
		"[\"1\",{\"type\":\"candidate\",\"label\":2,\"id\":\"x\",\"candidate\":\"c2\"}]",
		"[\"1\",{\"type\":\"candidate\",\"candidate\":null}]",
		"[\"1\",{\"type\":\"offer\"}]",
		"[\"1\",{\"type\":\"dance\"}]",
		"[\"1\",\"got user media\"]",
	};
	for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
		world_call(w, a, "SendMessage", messages[i]);
	assert_string_equal(world_log(b), "CANDIDATE c1 mid=v mline=1\nCANDIDATE c2 mid=none mline=2\n");
}

static void an_offer_too_large_says_so(void **state)
{
	world *w = *state;
	world_peer *a, *b;
	static char sdp[SIGNALR_CLIENT_SEND_MAX];
	memset(sdp, 'a', sizeof sdp - 1);
	paired(w, &a, &b);
	assert_int_equal(room_send_offer(a->room, w->now, slice_from_string(sdp)), PARLEY_EMSGSIZE);
	sdp[60000] = '\0';
	assert_int_equal(room_send_offer(a->room, w->now, slice_from_string(sdp)), 0);
	world_pump(w);
	assert_int_equal(strlen(world_log(b)), strlen("OFFER \n") + 60000);
}

static void nothing_is_sent_without_a_second_member(void **state)
{
	world *w = *state;
	world_peer *a = connected(w);
	assert_int_equal(room_send_offer(a->room, w->now, slice_from_string("v=0")), PARLEY_ESTATE);
	assert_int_equal(room_create(a->room, w->now, ""), PARLEY_EINVAL);
	assert_int_equal(room_create(a->room, w->now, "tea"), 0);
	world_pump(w);
	assert_int_equal(room_send_offer(a->room, w->now, slice_from_string("v=0")), PARLEY_ESTATE);
}

static void an_error_of_the_hub_leaves_us_outside(void **state)
{
	world *w = *state;
	world_peer *a = connected(w);
	assert_int_equal(room_join(a->room, w->now, "9"), 0);
	world_pump(w);
	assert_string_equal(world_log(a), "ERROR There is no such room.\n");
	assert_int_equal(room_create(a->room, w->now, "tea"), 0);
	world_pump(w);
	assert_non_null(strstr(world_log(a), "CREATED 1\n"));
}

static void a_creator_whose_guest_left_can_have_another(void **state)
{
	world *w = *state;
	world_peer *a, *b;
	paired(w, &a, &b);
	room_leave(b->room, w->now);
	world_pump(w);
	assert_string_equal(world_log(a), "BYE\nLIST 1 1=tea\n");
	assert_int_equal(room_join(b->room, w->now, "1"), 0);
	world_pump(w);
	assert_string_equal(world_log(a), "READY initiator\nLIST 0\n");
	room_leave(a->room, w->now);
	room_leave(a->room, w->now);
	world_pump(w);
	assert_non_null(strstr(world_log(b), "BYE\n"));
}

static void waiting_rooms_come_back_with_the_connection(void **state)
{
	world *w = *state;
	world_peer *a = connected(w);
	assert_int_equal(room_create(a->room, w->now, "tea"), 0);
	world_pump(w);
	world_log(a);
	world_cut(w, a);
	world_advance(w, 1);
	assert_string_equal(world_log(a), "reconnecting: connection reset\nconnected\nCREATED 2\nLIST 1 2=tea\n");
}

static void a_meeting_is_lost_with_the_connection(void **state)
{
	world *w = *state;
	world_peer *a, *b;
	paired(w, &a, &b);
	world_cut(w, b);
	world_advance(w, 1);
	assert_string_equal(world_log(b), "reconnecting: connection reset\nLOST\nconnected\n");
	assert_string_equal(world_log(a), "BYE\nLIST 1 1=tea\n");
}

static void a_hub_that_restarts_ends_no_meeting(void **state)
{
	world *w = *state;
	world_peer *a, *b;
	paired(w, &a, &b);
	hub_stop(w->hub, w->now);
	world_pump(w);
	assert_null(strstr(world_log(a), "BYE"));
	assert_null(strstr(world_log(b), "BYE"));
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(names_in_lists_are_plain_text),
		WORLD_TEST(what_is_wanted_early_is_asked_once_connected),
		WORLD_TEST(descriptions_and_candidates_arrive_as_they_were),
		WORLD_TEST(other_shapes_of_a_candidate_are_understood),
		WORLD_TEST(an_offer_too_large_says_so),
		WORLD_TEST(nothing_is_sent_without_a_second_member),
		WORLD_TEST(an_error_of_the_hub_leaves_us_outside),
		WORLD_TEST(a_creator_whose_guest_left_can_have_another),
		WORLD_TEST(waiting_rooms_come_back_with_the_connection),
		WORLD_TEST(a_meeting_is_lost_with_the_connection),
		WORLD_TEST(a_hub_that_restarts_ends_no_meeting),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
