/* signaling/hub.h with signaling/client.h: every method, its refusals, and the limits, by transcript */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/time.h"
#include "tests/support/failmalloc.h"
#include "tests/unit/signaling_world.h"

#define EMPTY_LIST "updateRoom[\"[]\"]\n"
#define ENTRY(id, name)                                         \
	"{\\\"RoomId\\\":\\\"" id "\\\",\\\"Name\\\":\\\"" name \
	"\\\",\\\"Button\\\":\\\"<button class=\\\\\\\"joinButton\\\\\\\">Join!</button>\\\"}"
#define LIST(entries) "updateRoom[\"[" entries "]\"]\n"

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
	world_peer *p = world_add(w, false);
	assert_non_null(p);
	world_pump(w);
	assert_string_equal(world_log(p), "connecting\nconnected\n");
	return p;
}

/* Two clients in room 1, logs emptied. */
static void paired(world *w, world_peer **a, world_peer **b)
{
	*a = connected(w);
	*b = connected(w);
	world_call(w, *a, "CreateRoom", "[\"tea\"]");
	world_call(w, *b, "Join", "[\"1\"]");
	world_log(*a);
	world_log(*b);
}

static void get_room_info_answers_the_caller_alone(void **state)
{
	world *w = *state;
	world_peer *a = connected(w), *b = connected(w);
	world_call(w, a, "GetRoomInfo", "[]");
	assert_string_equal(world_log(a), EMPTY_LIST "completion 0 ok\n");
	assert_string_equal(world_log(b), "");
}

static void create_room_tells_the_id_and_everyone_the_list(void **state)
{
	world *w = *state;
	world_peer *a = connected(w), *b = connected(w);
	world_call(w, a, "CreateRoom", "[\"tea\"]");
	assert_string_equal(world_log(a), "created[\"1\"]\n" LIST(ENTRY("1", "tea")) "completion 0 ok\n");
	assert_string_equal(world_log(b), LIST(ENTRY("1", "tea")));
	world_call(w, b, "createroom", "[\"talk\"]");
	assert_string_equal(world_log(b),
			    "created[\"2\"]\n" LIST(ENTRY("1", "tea") "," ENTRY("2", "talk")) "completion 0 ok\n");
}

static void names_are_escaped_for_html(void **state)
{
	world *w = *state;
	world_peer *a = connected(w);
	world_call(w, a, "CreateRoom", "[\"<img src=x onerror='a&b'> \\u00e9\"]");
	assert_non_null(strstr(world_log(a), "&lt;img src=x onerror=&#39;a&amp;b&#39;&gt; \xc3\xa9"));
}

static void bad_names_are_errors_and_not_failures(void **state)
{
	static const struct {
		const char *arguments, *error;
	} cases[] = {
		{"[\"\"]", "The room needs a name."},
		{"[\"   \"]", "The room needs a name."},
		{"[\"a\\nb\"]", "The room's name has a control character."},
		{"[\"tea\"]", "A room of that name exists already."},
		{"[\"12345678901234567890123456789012345678901234567890123456789012345\"]",
		 "The room's name is too long."},
		{"[\"a\\u0000b\"]", "The room's name is too long."},
	};
	world *w = *state;
	world_peer *a = connected(w), *b = connected(w);
	world_call(w, b, "CreateRoom", "[\"tea\"]");
	world_log(a);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char expected[256];
		snprintf(expected, sizeof expected, "error[\"%s\"]\ncompletion %zu ok\n", cases[i].error, i);
		world_call(w, a, "CreateRoom", cases[i].arguments);
		assert_string_equal(world_log(a), expected);
	}
	assert_int_equal(hub_room_count(w->hub), 1);
}

static void join_makes_both_ready_and_hides_the_room(void **state)
{
	world *w = *state;
	world_peer *a = connected(w), *b = connected(w), *c = connected(w);
	world_call(w, a, "CreateRoom", "[\"tea\"]");
	world_log(a);
	world_log(b);
	world_log(c);
	world_call(w, b, "Join", "[1]");
	assert_string_equal(world_log(b), "joined[\"1\"]\nready[]\n" EMPTY_LIST "completion 0 ok\n");
	assert_string_equal(world_log(a), "ready[]\n" EMPTY_LIST);
	assert_string_equal(world_log(c), EMPTY_LIST);
}

static void joins_that_cannot_be_are_errors(void **state)
{
	world *w = *state;
	world_peer *a, *b;
	paired(w, &a, &b);
	world_peer *c = connected(w);
	world_call(w, c, "Join", "[\"1\"]");
	assert_string_equal(world_log(c), "error[\"The room is full.\"]\ncompletion 0 ok\n");
	world_call(w, c, "Join", "[\"77\"]");
	assert_string_equal(world_log(c), "error[\"There is no such room.\"]\ncompletion 1 ok\n");
	world_call(w, c, "Join", "[\"tea\"]");
	assert_string_equal(world_log(c), "error[\"There is no such room.\"]\ncompletion 2 ok\n");
	world_call(w, c, "Join", "[-1]");
	assert_string_equal(world_log(c), "error[\"There is no such room.\"]\ncompletion 3 ok\n");
	world_call(w, a, "Join", "[\"1\"]");
	assert_string_equal(world_log(a), "error[\"You are in this room already.\"]\ncompletion 1 ok\n");
}

static void messages_reach_the_other_member_only(void **state)
{
	world *w = *state;
	world_peer *a, *b;
	paired(w, &a, &b);
	world_peer *c = connected(w);
	world_call(w, a, "SendMessage", "[\"1\",{\"type\":\"offer\",\"sdp\":\"v=0\\r\\n\\u002B\"}]");
	assert_string_equal(world_log(b), "message[{\"type\":\"offer\",\"sdp\":\"v=0\\r\\n\\u002B\"}]\n");
	assert_string_equal(world_log(a), "completion 1 ok\n");
	world_call(w, b, "sendmessage", "[1,\"hello\"]");
	assert_string_equal(world_log(a), "message[\"hello\"]\n");
	world_log(b);
	world_call(w, c, "SendMessage", "[\"1\",\"intruder\"]");
	assert_string_equal(world_log(c), "completion 0 ok\n");
	assert_string_equal(world_log(a), "");
	assert_string_equal(world_log(b), "");
}

static void a_joiner_who_leaves_frees_the_place(void **state)
{
	world *w = *state;
	world_peer *a, *b;
	paired(w, &a, &b);
	world_call(w, b, "LeaveRoom", "[\"1\"]");
	assert_string_equal(world_log(a), "bye[]\n" LIST(ENTRY("1", "tea")));
	assert_string_equal(world_log(b), "bye[]\n" LIST(ENTRY("1", "tea")) "completion 1 ok\n");
	world_call(w, b, "SendMessage", "[\"1\",\"late\"]");
	assert_string_equal(world_log(a), "");
	world_call(w, b, "Join", "[\"1\"]");
	assert_string_equal(world_log(a), "ready[]\n" EMPTY_LIST);
}

static void a_creator_who_leaves_ends_the_room(void **state)
{
	world *w = *state;
	world_peer *a, *b;
	paired(w, &a, &b);
	world_call(w, a, "LeaveRoom", "[\"1\"]");
	assert_string_equal(world_log(b), "bye[]\n" EMPTY_LIST);
	assert_int_equal(hub_room_count(w->hub), 0);
	world_call(w, b, "LeaveRoom", "[\"1\"]");
	assert_string_equal(world_log(b), "completion 1 ok\n");
}

static void a_disconnect_leaves_all_rooms(void **state)
{
	world *w = *state;
	world_peer *a, *b;
	paired(w, &a, &b);
	signalr_client_stop(b->client, w->now);
	world_pump(w);
	assert_string_equal(world_log(b), "closing\nclosed\n");
	assert_string_equal(world_log(a), "bye[]\n" LIST(ENTRY("1", "tea")));
	world_cut(w, a);
	assert_int_equal(hub_room_count(w->hub), 0);
}

static void calls_that_are_wrong_complete_with_an_error(void **state)
{
	static const struct {
		const char *method, *arguments, *error;
	} cases[] = {
		{"Dance", "[]", "Unknown hub method 'Dance'"},
		{"Join", "[]", "Invocation provides 0 argument(s) but target expects 1."},
		{"GetRoomInfo", "[1]", "Invocation provides 1 argument(s) but target expects 0."},
		{"Join", "[{}]", "The room id must be a string or a number."},
		{"CreateRoom", "[5]", "The name must be a string."},
		{"SendMessage", "[null,1]", "The room id must be a string or a number."},
		{"LeaveRoom", "[[]]", "The room id must be a string or a number."},
	};
	world *w = *state;
	world_peer *a = connected(w);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char expected[256];
		snprintf(expected, sizeof expected, "completion %zu %s\n", i, cases[i].error);
		world_call(w, a, cases[i].method, cases[i].arguments);
		assert_string_equal(world_log(a), expected);
	}
}

static void rooms_are_limited_for_each_connection(void **state)
{
	world *w = *state;
	world_peer *a = connected(w);
	for (unsigned i = 0; i < HUB_ROOMS_PER_CONNECTION; i++) {
		char arguments[32];
		snprintf(arguments, sizeof arguments, "[\"room %u\"]", i);
		world_call(w, a, "CreateRoom", arguments);
	}
	world_log(a);
	world_call(w, a, "CreateRoom", "[\"one more\"]");
	assert_string_equal(world_log(a), "error[\"You have too many rooms already.\"]\ncompletion 8 ok\n");
}

static void bytes_may_come_one_at_a_time(void **state)
{
	world *w = *state;
	w->chunk = 1;
	world_peer *a, *b;
	paired(w, &a, &b);
	world_call(w, a, "SendMessage", "[\"1\",\"hello\"]");
	assert_string_equal(world_log(b), "message[\"hello\"]\n");
}

static void idle_connections_are_kept_by_pings(void **state)
{
	world *w = *state;
	world_peer *a = connected(w);
	world_advance(w, 600 * US_PER_S);
	assert_string_equal(world_log(a), "");
	assert_int_equal(signalr_client_get_state(a->client), SIGNALR_CLIENT_CONNECTED);
	assert_int_equal(hub_connection_count(w->hub), 1);
}

static void a_hub_that_stops_lets_clients_come_back(void **state)
{
	world *w = *state;
	world_peer *a, *b;
	paired(w, &a, &b);
	hub_stop(w->hub, w->now);
	world_pump(w);
	assert_string_equal(world_log(a), "reconnecting: the hub closed the connection for now\n");
	assert_int_equal(hub_connection_count(w->hub), 0);
	world_kill_hub(w);
	assert_int_equal(world_start_hub(w), 0);
	world_advance(w, 1);
	assert_string_equal(world_log(a), "connected\n");
	assert_string_equal(world_log(b), "reconnecting: the hub closed the connection for now\nconnected\n");
}

static void whole_calls_survive_failing_allocations(void *context)
{
	(void)context;
	world w;
	world_init(&w);
	if (world_start_hub(&w) == 0) {
		world_peer *a = world_add(&w, true), *b = a ? world_add(&w, false) : NULL;
		if (a && b && a->room) {
			world_pump(&w);
			room_create(a->room, w.now, "tea");
			world_pump(&w);
			world_call(&w, b, "Join", "[\"1\"]");
			room_send_offer(a->room, w.now, slice_from_string("v=0"));
			world_advance(&w, 20 * US_PER_S);
			room_leave(a->room, w.now);
			world_pump(&w);
			hub_stop(w.hub, w.now);
			world_pump(&w);
		}
	}
	world_clear(&w);
}

static void out_of_memory_is_an_error_like_any_other(void **state)
{
	(void)state;
	failmalloc_loop(whole_calls_survive_failing_allocations, NULL);
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(get_room_info_answers_the_caller_alone),
		WORLD_TEST(create_room_tells_the_id_and_everyone_the_list),
		WORLD_TEST(names_are_escaped_for_html),
		WORLD_TEST(bad_names_are_errors_and_not_failures),
		WORLD_TEST(join_makes_both_ready_and_hides_the_room),
		WORLD_TEST(joins_that_cannot_be_are_errors),
		WORLD_TEST(messages_reach_the_other_member_only),
		WORLD_TEST(a_joiner_who_leaves_frees_the_place),
		WORLD_TEST(a_creator_who_leaves_ends_the_room),
		WORLD_TEST(a_disconnect_leaves_all_rooms),
		WORLD_TEST(calls_that_are_wrong_complete_with_an_error),
		WORLD_TEST(rooms_are_limited_for_each_connection),
		WORLD_TEST(bytes_may_come_one_at_a_time),
		WORLD_TEST(idle_connections_are_kept_by_pings),
		WORLD_TEST(a_hub_that_stops_lets_clients_come_back),
		cmocka_unit_test(out_of_memory_is_an_error_like_any_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
