/* signaling/net.h on loopback: hub and clients in one loop */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include "base/addr.h"
#include "base/buf.h"
#include "net/random.h"
#include "net/stream.h"
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

/* --- a client that never reads --- */

typedef struct {
	scene s;
	net_stream *stream;
	buf frames;
	bool stopped, gone;
} flood;

static void put_frame(buf *out, const char *payload)
{
	size_t len = strlen(payload);
	assert_in_range(len, 1, 125);
	assert_int_equal(buf_printf(out, "\x81%c", (char)(0x80 | len)), 0);
	assert_int_equal(buf_append(out, slice_of("\0\0\0\0", 4)), 0); /* the mask */
	assert_int_equal(buf_append(out, slice_from_string(payload)), 0);
}

static void all_stopped(void *me)
{
	((flood *)me)->stopped = true;
}

static void flood_opened(void *me, net_stream *stream)
{
	flood *f = me;
	net_stream_pause(stream, true);
	assert_int_equal(net_stream_write(stream, buf_slice(&f->frames)), 0);
}

static void flood_closed(void *me, net_stream *stream, int error, const char *why)
{
	(void)stream, (void)error, (void)why;
	((flood *)me)->gone = true;
}

/* When the hub has given the client up: it stops, and waits for its streams. */
static void flood_look(uv_prepare_t *handle)
{
	flood *f = handle->data;
	char words[1000];
	text dump = text_of(words, sizeof words);
	hub_dump(f->s.hub, &dump);
	if (!strstr(words, " gone,"))
		return;
	hub_net_stop(f->s.net, all_stopped, f);
	uv_close((uv_handle_t *)handle, NULL);
}

/* What was held for it must not keep its stream for ever: such streams would use up all that a hub has. */
static void a_client_that_never_reads_is_got_rid_of(void **state)
{
	(void)state;
	flood f = {.frames = {.limit = 8u << 20}};
	uv_prepare_t look;
	assert_int_equal(uv_loop_init(&f.s.loop), 0);
	start_hub(&f.s);
	assert_int_equal(buf_printf(&f.frames, "GET /connectionHub HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
					       "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
					       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
			 0);
	put_frame(&f.frames, "{\"protocol\":\"json\",\"version\":1}\x1e");
	for (int i = 0; i < 8; i++)
		put_frame(&f.frames,
			  "{\"type\":1,\"target\":\"CreateRoom\",\"arguments\":[\"a room with a long name\"]}\x1e");
	for (int i = 0; i < 80000; i++)
		put_frame(&f.frames, "{\"type\":1,\"target\":\"GetRoomInfo\",\"arguments\":[]}\x1e");
	parley_addr at = hub_net_address(f.s.net);
	net_stream_callbacks callbacks = {.on_open = flood_opened, .on_close = flood_closed};
	net_stream_options options;
	net_stream_options_default(&options);
	options.write_limit = 16u << 20;
	assert_int_equal(net_stream_connect(&f.s.loop, "127.0.0.1", at.port, &options, &callbacks, &f, &f.stream), 0);
	uv_prepare_init(&f.s.loop, &look);
	look.data = &f;
	uv_prepare_start(&look, flood_look);
	while (!f.stopped && uv_run(&f.s.loop, UV_RUN_ONCE))
		;
	assert_true(f.stopped);
	if (!f.gone)
		net_stream_release(f.stream);
	buf_clear(&f.frames);
	end(&f.s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_peers_meet_talk_and_leave),
		cmocka_unit_test(a_refused_connection_ends_with_its_reason),
		cmocka_unit_test(a_client_that_never_reads_is_got_rid_of),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
