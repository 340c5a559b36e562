/*
 * bench/ends/parley_end.c: an end of a measured connection (bench/ends/traffic.h) that is a parley_pc with a data channel for each stream.
 * The sender offers. What it says by "signal" is a description, with | for each end of line.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>

#include "apps/common/input.h"
#include "bench/ends/traffic.h"
#include "parley/parley.h"

#define BUFFERED_HIGH (256u << 10) /* bytes not yet given to SCTP; what is in flight is not among them */
#define BUFFERED_LOW (128u << 10)
#define TICK_MS 2u
#define NS_PER_US 1000u
#define US_PER_S 1000000u
#define NS_PER_MS 1e6

typedef struct {
	traffic_options options;
	uv_loop_t loop;
	input *in;
	parley_pc *pc;
	parley_channel channels[TRAFFIC_STREAMS];
	unsigned channels_wanted, channels_open;
	uint64_t began_ns;
	traffic_source sources[TRAFFIC_STREAMS];
	traffic_meter meter;
	uv_timer_t tick;
	uv_poll_t pace;
	int pace_fd;
} end;

static const char *const labels[TRAFFIC_STREAMS] = {"bulk", "paced"};

static void must(int error, const char *what)
{
	if (error)
		traffic_fail(what, parley_strerror(error));
}

/* --- sending --- */

static void pump(end *e)
{
	traffic_source *s = &e->sources[TRAFFIC_BULK];
	parley_channel channel = e->channels[TRAFFIC_BULK];
	int error = 0;
	while (!error && parley_pc_buffered_amount(e->pc, channel) < BUFFERED_HIGH) {
		traffic_source_fill(s);
		error = parley_pc_send(e->pc, channel, true, s->bytes, s->size);
		if (!error)
			traffic_source_advance(s);
	}
	if (error != PARLEY_ELIMIT)
		must(error, "send");
}

static void on_pace(uv_poll_t *poll, int status, int events)
{
	end *e = poll->data;
	traffic_source *s = &e->sources[TRAFFIC_PACED];
	uint64_t expirations;
	(void)status;
	(void)events;
	if (read(e->pace_fd, &expirations, sizeof expirations) != sizeof expirations)
		return;
	for (uint64_t now = traffic_now_ns(); s->due_ns <= now; traffic_source_advance(s)) {
		traffic_source_fill(s);
		int error = parley_pc_send(e->pc, e->channels[TRAFFIC_PACED], true, s->bytes, s->size);
		if (error == PARLEY_ELIMIT)
			return; /* later, and then it is late */
		must(error, "send");
	}
}

static void start_pace(end *e)
{
	struct itimerspec every = {.it_interval = {.tv_sec = (time_t)(e->options.interval_us / US_PER_S),
						   .tv_nsec = (long)(e->options.interval_us % US_PER_S * NS_PER_US)}};
	every.it_value = every.it_interval;
	e->pace_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (e->pace_fd < 0 || timerfd_settime(e->pace_fd, 0, &every, NULL) != 0)
		traffic_fail("timerfd", strerror(errno));
	e->pace.data = e;
	uv_poll_init(&e->loop, &e->pace, e->pace_fd);
	uv_poll_start(&e->pace, UV_READABLE, on_pace);
}

static void go(end *e)
{
	for (int i = 0; i < TRAFFIC_STREAMS; i++)
		traffic_source_init(&e->sources[i], &e->options, i);
	if (e->options.size[TRAFFIC_PACED])
		start_pace(e);
	if (!e->options.size[TRAFFIC_BULK])
		return;
	must(parley_pc_set_buffered_amount_low_threshold(e->pc, e->channels[TRAFFIC_BULK], BUFFERED_LOW), "threshold");
	pump(e);
}

/* --- the connection --- */

static void on_gathering_state(void *me, parley_pc *pc, parley_gathering_state state)
{
	parley_sdp_type type;
	char *sdp;
	(void)me;
	if (state != PARLEY_GATHERING_COMPLETE)
		return;
	must(parley_pc_local_description(pc, &type, &sdp), "local description");
	for (char *at = sdp; (at = strstr(at, "\r\n"));)
		memmove(at, "|", 1), memmove(at + 1, at + 2, strlen(at + 2) + 1);
	traffic_say("signal %s", sdp);
	parley_free(sdp);
}

static void on_connection_state(void *me, parley_pc *pc, parley_connection_state state, const char *reason)
{
	(void)me;
	(void)pc;
	if (state == PARLEY_CONNECTION_FAILED)
		traffic_fail("connection", reason);
}

static void on_data_channel(void *me, parley_pc *pc, parley_channel channel, const char *label, const char *protocol)
{
	end *e = me;
	(void)pc;
	(void)protocol;
	for (int i = 0; i < TRAFFIC_STREAMS; i++)
		if (strcmp(label, labels[i]) == 0)
			e->channels[i] = channel;
}

static void on_channel_state(void *me, parley_pc *pc, parley_channel channel, parley_channel_state state,
			     const char *reason)
{
	end *e = me;
	(void)pc;
	(void)channel;
	if (state == PARLEY_CHANNEL_CLOSED)
		traffic_fail("channel closed", reason);
	if (state == PARLEY_CHANNEL_OPEN && e->options.is_sender && ++e->channels_open == e->channels_wanted)
		traffic_say("open %.3f", (double)(traffic_now_ns() - e->began_ns) / NS_PER_MS);
}

static void on_message(void *me, parley_pc *pc, parley_channel channel, bool binary, const uint8_t *data, size_t len)
{
	end *e = me;
	(void)pc;
	(void)binary;
	traffic_meter_take(&e->meter, channel == e->channels[TRAFFIC_PACED] ? TRAFFIC_PACED : TRAFFIC_BULK, data, len);
}

static void on_buffered_amount_low(void *me, parley_pc *pc, parley_channel channel)
{
	end *e = me;
	(void)pc;
	if (channel == e->channels[TRAFFIC_BULK])
		pump(e);
}

static void connect_end(end *e)
{
	static const parley_callbacks callbacks = {
		.on_ice_gathering_state = on_gathering_state,
		.on_connection_state = on_connection_state,
		.on_data_channel = on_data_channel,
		.on_channel_state = on_channel_state,
		.on_message = on_message,
		.on_buffered_amount_low = on_buffered_amount_low,
	};
	parley_configuration c;
	parley_configuration_default(&c);
	c.ice_server_count = 0;
	c.ice_tcp = false;
	c.bind_address = e->options.address;
	c.mtu_max = e->options.mtu_max;
	c.congestion = strcmp(e->options.congestion, "bbr") == 0 ? PARLEY_CONGESTION_BBR : PARLEY_CONGESTION_CUBIC;
	e->began_ns = traffic_now_ns();
	must(parley_pc_new(&e->loop, &c, &callbacks, e, &e->pc), "connection");
}

static void offer(end *e)
{
	connect_end(e);
	for (int i = 0; i < TRAFFIC_STREAMS; i++) {
		parley_channel_init init = {.priority = i == TRAFFIC_PACED && e->options.first ? PARLEY_PRIORITY_HIGH
											       : PARLEY_PRIORITY_LOW};
		if (!e->options.size[i])
			continue;
		must(parley_pc_create_data_channel(e->pc, labels[i], &init, &e->channels[i]), "channel");
		e->channels_wanted++;
	}
	must(parley_pc_set_local_description(e->pc, PARLEY_SDP_OFFER, NULL), "offer");
}

static void take_description(end *e, char *text)
{
	if (e->options.is_sender) {
		must(parley_pc_set_remote_description(e->pc, PARLEY_SDP_ANSWER, text), "answer");
		return;
	}
	connect_end(e);
	must(parley_pc_set_remote_description(e->pc, PARLEY_SDP_OFFER, text), "offer");
	must(parley_pc_set_local_description(e->pc, PARLEY_SDP_ANSWER, NULL), "answer");
}

/* --- what the driver says --- */

static void on_line(void *me, const char *line, size_t len)
{
	end *e = me;
	char *text = strndup(line, len);
	if (!text)
		traffic_fail("line", "out of memory");
	if (strncmp(text, "signal ", 7) == 0) {
		for (char *at = text; (at = strchr(at, '|'));)
			*at = '\n';
		take_description(e, text + 7);
	} else if (strcmp(text, "connect") == 0) {
		offer(e);
	} else if (strcmp(text, "go") == 0) {
		go(e);
	}
	free(text);
}

static void on_end(void *me)
{
	(void)me;
	exit(0);
}

static void on_tick(uv_timer_t *timer)
{
	end *e = timer->data;
	traffic_meter_tick(&e->meter);
}

int main(int argc, char **argv)
{
	static end e;
	traffic_die_with_parent();
	e.options = traffic_read_options(argc, argv);
	uv_loop_init(&e.loop);
	e.in = input_new(&e.loop, &(input_callbacks){.on_line = on_line, .on_end = on_end}, &e);
	if (!e.in)
		traffic_fail("stdin", "out of memory");
	if (!e.options.is_sender) {
		traffic_meter_init(&e.meter, &e.options, false);
		uv_timer_init(&e.loop, &e.tick);
		e.tick.data = &e;
		uv_timer_start(&e.tick, on_tick, TICK_MS, TICK_MS);
	}
	traffic_say("ready");
	uv_run(&e.loop, UV_RUN_DEFAULT);
	return 0;
}
