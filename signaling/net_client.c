#include <stdio.h>
#include <stdlib.h>

#include "net/random.h"
#include "net/stream.h"
#include "net/timer.h"
#include "signaling/net.h"

#define PACKET_SIZE 16384u

struct signalr_net {
	struct uv_loop_s *loop;
	signalr_net_config config;
	signalr_client *client;
	net_tls *tls;
	net_timer *timer;
	net_stream *stream;  /* the one in use; NULL: none */
	uint32_t number;     /* of that stream, as the client counts them */
	bool pumping, again; /* a flush inside a callback is done after it */
	bool freed;	     /* inside a callback: the rest goes when the pump ends */
};

/* --- the stream tells --- */

static void on_open(void *me, net_stream *stream)
{
	signalr_net *n = me;
	(void)stream;
	signalr_client_connected(n->client, net_now(), n->number);
	signalr_net_flush(n);
}

static void on_data(void *me, net_stream *stream, slice data)
{
	signalr_net *n = me;
	(void)stream;
	signalr_client_receive(n->client, net_now(), n->number, data);
	signalr_net_flush(n);
}

static void on_close(void *me, net_stream *stream, int error, const char *why)
{
	signalr_net *n = me;
	(void)stream;
	n->stream = NULL;
	signalr_client_disconnected(n->client, net_now(), n->number, error, error ? why : NULL);
	signalr_net_flush(n);
}

static const net_stream_callbacks callbacks = {.on_open = on_open, .on_data = on_data, .on_close = on_close};

/* --- the client asks --- */

static void open_stream(signalr_net *n, const signalr_client_event *event)
{
	net_stream_options options;
	net_stream_options_default(&options);
	options.tls = event->tls ? n->tls : NULL;
	options.write_limit = 2 * SIGNALR_CLIENT_OUT_MAX;
	n->number = event->stream;
	int err = net_stream_connect(n->loop, event->host, event->port, &options, &callbacks, n, &n->stream);
	if (err) {
		n->stream = NULL;
		signalr_client_disconnected(n->client, net_now(), n->number, err, NULL);
	}
}

static void close_stream(signalr_net *n)
{
	net_stream_release(n->stream);
	n->stream = NULL;
}

static void take_event(signalr_net *n, const signalr_client_event *event)
{
	if (event->type == SIGNALR_CLIENT_EVENT_CONNECT)
		open_stream(n, event);
	else if (event->type == SIGNALR_CLIENT_EVENT_DISCONNECT)
		close_stream(n);
	else if (n->config.on_event)
		n->config.on_event(n->config.me, event);
}

/* --- pumping --- */

static void transmit(signalr_net *n)
{
	uint8_t mem[PACKET_SIZE];
	packet p = {.data = mem, .capacity = sizeof mem};
	int err = 0;
	while (!err && signalr_client_poll_transmit(n->client, net_now(), &p))
		if (n->stream)
			err = net_stream_write(n->stream, slice_of(p.data, p.len));
	if (!err)
		return;
	close_stream(n);
	signalr_client_disconnected(n->client, net_now(), n->number, err, "the hub does not read what is sent to it");
}

static void pump(signalr_net *n)
{
	signalr_client_event event;
	do {
		n->again = false;
		transmit(n);
		while (!n->freed && signalr_client_poll_event(n->client, &event)) {
			take_event(n, &event);
			if (!n->freed)
				transmit(n);
		}
	} while (n->again && !n->freed);
}

static void destroy(signalr_net *n)
{
	close_stream(n);
	net_timer_free(n->timer);
	net_tls_free(n->tls);
	signalr_client_free(n->client);
	free(n);
}

void signalr_net_flush(signalr_net *n)
{
	n->again = true;
	if (n->pumping)
		return;
	n->pumping = true;
	pump(n);
	n->pumping = false;
	if (n->freed)
		destroy(n);
	else
		net_timer_set(n->timer, signalr_client_deadline(n->client));
}

static void on_timer(void *me)
{
	signalr_net *n = me;
	signalr_client_timeout(n->client, net_now());
	signalr_net_flush(n);
}

/* --- life --- */

static int set_up(signalr_net *n, char why[NET_WHY_MAX])
{
	const char *problem = "out of memory";
	n->config.client.random = net_random();
	int err = net_tls_client_new(n->config.ca_file, n->config.insecure, &n->tls, why);
	if (err)
		return err;
	err = signalr_client_new(&n->client, &n->config.client, &problem);
	n->timer = err ? NULL : net_timer_new(n->loop, on_timer, n);
	if (!err && !n->timer)
		err = PARLEY_ENOMEM;
	if (err)
		snprintf(why, NET_WHY_MAX, err == PARLEY_EINVAL ? "the hub's URL is not valid: %s" : "%s",
			 problem ? problem : "out of memory");
	return err;
}

int signalr_net_new(struct uv_loop_s *loop, const signalr_net_config *config, signalr_net **out, char why[NET_WHY_MAX])
{
	signalr_net *n = calloc(1, sizeof *n);
	*out = NULL;
	snprintf(why, NET_WHY_MAX, "out of memory");
	if (!n)
		return PARLEY_ENOMEM;
	n->loop = loop;
	n->config = *config;
	int err = set_up(n, why);
	if (err)
		destroy(n);
	else
		*out = n;
	return err;
}

signalr_client *signalr_net_client(signalr_net *n)
{
	return n->client;
}

void signalr_net_free(signalr_net *n)
{
	if (!n)
		return;
	if (n->pumping) {
		n->freed = true;
		return;
	}
	transmit(n);
	destroy(n);
}
