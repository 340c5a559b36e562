/* signaling/net.h on loopback: hub and clients in one loop */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include "base/addr.h"
#include "net/random.h"
#include "net/timer.h"
#include "signaling/net.h"
#include "signaling/room.h"

typedef struct scene scene;

typedef struct {
	scene *scene;
	signalr_net *net;
	room *room;
	const char *create, *join;
	char log[512];
} peer;

struct scene {
	uv_loop_t loop;
	hub *hub;
	hub_net *net;
	char url[128];
	peer a, b;
};

static void peer_stop(peer *p)
{
	signalr_client_stop(signalr_net_client(p->net), net_now());
	signalr_net_flush(p->net);
}

static void peer_free(peer *p)
{
	room_free(p->room);
	signalr_net_free(p->net);
	p->room = NULL;
	p->net = NULL;
}

static void start_peer(scene *s, peer *p);

static void on_room(peer *p, const room_event *e)
{
	text log = {.out = p->log, .capacity = sizeof p->log, .len = strlen(p->log)};
	switch (e->type) {
	case ROOM_EVENT_CREATED:
		text_string(&log, "created ");
		p->scene->b.join = "1";
		start_peer(p->scene, &p->scene->b);
		break;
	case ROOM_EVENT_READY:
		text_string(&log, "ready ");
		if (e->initiator)
			assert_int_equal(room_send_offer(p->room, net_now(), slice_from_string("v=0 offer")), 0);
		break;
	case ROOM_EVENT_OFFER:
		text_slice(&log, e->text);
		peer_stop(p);
		break;
	case ROOM_EVENT_BYE:
		text_string(&log, "bye ");
		peer_stop(p);
		break;
	default:
		break;
	}
}

static void on_event(void *me, const signalr_client_event *event)
{
	peer *p = me;
	room_event e;
	text log = {.out = p->log, .capacity = sizeof p->log, .len = strlen(p->log)};
	room_receive(p->room, net_now(), event);
	while (room_poll_event(p->room, &e))
		on_room(p, &e);
	signalr_net_flush(p->net);
	if (event->type != SIGNALR_CLIENT_EVENT_STATE || event->state != SIGNALR_CLIENT_CLOSED)
		return;
	text_string(&log, event->text);
	peer_free(p); /* inside the callback */
	if (p == &p->scene->a && p->scene->net)
		hub_net_stop(p->scene->net, NULL, NULL);
}

static void start_peer(scene *s, peer *p)
{
	char why[NET_WHY_MAX];
	signalr_net_config config = {.client = {.url = s->url}, .on_event = on_event, .me = p};
	p->scene = s;
	assert_int_equal(signalr_net_new(&s->loop, &config, &p->net, why), 0);
	assert_int_equal(room_new(&p->room, signalr_net_client(p->net), NULL), 0);
	if (p->create)
		assert_int_equal(room_create(p->room, net_now(), p->create), 0);
	else
		assert_int_equal(room_join(p->room, net_now(), p->join), 0);
	assert_int_equal(signalr_client_start(signalr_net_client(p->net), net_now()), 0);
	signalr_net_flush(p->net);
}

static void start_hub(scene *s)
{
	char why[NET_WHY_MAX], at[ADDR_TEXT_MAX];
	hub_config config = {.random = net_random()};
	parley_addr address = addr_ipv4(127, 0, 0, 1, 0);
	assert_int_equal(hub_new(&s->hub, &config), 0);
	assert_int_equal(hub_net_new(&s->loop, s->hub, &address, NULL, &s->net, why), 0);
	address = hub_net_address(s->net);
	snprintf(s->url, sizeof s->url, "http://%s/connectionHub", addr_print(&address, at));
}

static void end(scene *s)
{
	hub_net_free(s->net);
	hub_free(s->hub);
	uv_run(&s->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&s->loop), 0);
}

static void two_peers_meet_talk_and_leave(void **state)
{
	(void)state;
	scene s = {.a = {.create = "tea"}};
	assert_int_equal(uv_loop_init(&s.loop), 0);
	start_hub(&s);
	start_peer(&s, &s.a);
	uv_run(&s.loop, UV_RUN_DEFAULT);
	assert_string_equal(s.a.log, "created ready bye ");
	assert_string_equal(s.b.log, "ready v=0 offer");
	assert_int_equal(hub_connection_count(s.hub), 0);
	end(&s);
}

static void a_refused_connection_ends_with_its_reason(void **state)
{
	(void)state;
	scene s = {.a = {.create = "tea"}};
	assert_int_equal(uv_loop_init(&s.loop), 0);
	start_hub(&s); /* for a port that nobody listens on afterwards */
	hub_net_free(s.net);
	s.net = NULL;
	uv_run(&s.loop, UV_RUN_DEFAULT);
	start_peer(&s, &s.a);
	uv_run(&s.loop, UV_RUN_DEFAULT);
	assert_non_null(strstr(s.a.log, "refused"));
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_peers_meet_talk_and_leave),
		cmocka_unit_test(a_refused_connection_ends_with_its_reason),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
