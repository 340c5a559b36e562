#include "tests/sim/call.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "tests/support/test.h"

/* A signaling message on its way to an end. */
typedef struct {
	call *call;
	unsigned to;
	bool is_candidate;
	parley_sdp_type type;
	int mline_index;
	char text[];
} signal_message;

static void signal_arrived(simnet *net, void *context);

static void signal_to_other(call_end *from, bool is_candidate, parley_sdp_type type, int mline_index, const char *text)
{
	size_t size = strlen(text) + 1;
	signal_message *m = malloc(sizeof *m + size);
	assert_non_null(m);
	*m = (signal_message){.call = from->call,
			      .to = 1 - from->node->index,
			      .is_candidate = is_candidate,
			      .type = type,
			      .mline_index = mline_index};
	memcpy(m->text, text, size);
	simnet_after(&from->call->net, from->call->options.signaling_delay, signal_arrived, m);
}

static void send_description(call_end *end)
{
	parley_sdp_type type;
	char *sdp;
	assert_int_equal(parley_core_local_description(end->node->core, &type, &sdp), 0);
	signal_to_other(end, false, type, 0, sdp);
	parley_free(sdp);
	end->described = true;
	end->described_at = end->call->net.now;
}

static void describe(call_end *end, parley_sdp_type type)
{
	parley_core *core = end->node->core;
	end->described = false;
	int err = parley_core_set_local_description(core, end->call->net.now, type, NULL);
	if (err)
		fail_msg("set_local_description: %s", parley_core_last_error(core));
	if (!end->call->options.wait_for_gathering)
		send_description(end);
	simnet_drain(end->node);
	if (!end->described && parley_core_gathering_state(core) == PARLEY_GATHERING_COMPLETE)
		send_description(end);
}

typedef struct {
	call_end *end;
} offer_timer;

static void offer_if_stable(simnet *net, void *context)
{
	call_end *end = ((offer_timer *)context)->end;
	(void)net;
	if (parley_core_signaling_state(end->node->core) == PARLEY_SIGNALING_STABLE)
		describe(end, PARLEY_SDP_OFFER);
}

static void schedule_offer(call_end *end)
{
	offer_timer *timer = malloc(sizeof *timer);
	assert_non_null(timer);
	timer->end = end;
	simnet_after(&end->call->net, 0, offer_if_stable, timer);
}

static void signal_arrived(simnet *net, void *context)
{
	signal_message *m = context;
	call_end *end = &m->call->ends[m->to];
	parley_core *core = end->node->core;
	if (m->is_candidate) {
		assert_int_equal(parley_core_add_ice_candidate(core, net->now, m->text, NULL, m->mline_index), 0);
		simnet_drain(end->node);
		return;
	}
	bool collides = m->type == PARLEY_SDP_OFFER && parley_core_signaling_state(core) != PARLEY_SIGNALING_STABLE;
	if (collides && m->to == 0)
		return; /* the other is polite, and takes ours */
	int err = parley_core_set_remote_description(core, net->now, m->type, m->text);
	if (err)
		fail_msg("set_remote_description: %s", parley_core_last_error(core));
	simnet_drain(end->node);
	if (m->type == PARLEY_SDP_OFFER)
		describe(end, PARLEY_SDP_ANSWER);
}

/* The n-th message, filled up to the length wanted. */
static int message_text(const call *c, unsigned n, char out[CALL_MESSAGE_MAX])
{
	int len = snprintf(out, CALL_MESSAGE_MAX, "message %u", n);
	for (; (unsigned)len < c->options.message_len; len++)
		out[len] = (char)('a' + (n + (unsigned)len) % 26);
	return len;
}

static void send_messages(call_end *end)
{
	for (; end->sent < end->call->options.messages; end->sent++) {
		char textual[CALL_MESSAGE_MAX];
		int n = message_text(end->call, end->sent, textual);
		assert_int_equal(
			parley_core_send(end->node->core, end->call->net.now, end->channel, false, textual, (size_t)n),
			0);
	}
}

static void check_message(call_end *end, const parley_event *e)
{
	char expected[CALL_MESSAGE_MAX];
	int n = message_text(end->call, end->received, expected);
	if (e->message.binary || e->message.len != (size_t)n || memcmp(e->message.data, expected, (size_t)n) != 0)
		end->misordered = true;
	end->received++;
}

/* --- video: frames that look like VP8 and say which they are --- */

#define FRAME_INTERVAL_US (US_PER_S / 30)
#define FRAME_HEAD 16u
#define FRAME_SIZE_MAX 12000u

/* The size of a frame follows from its number: some fit a packet, some need ten. */
static size_t frame_size(uint32_t number, bool key)
{
	return FRAME_HEAD + (key ? 8000 : 200) + number * 97 % 3000;
}

static size_t make_frame(uint8_t *out, uint32_t number, bool key)
{
	size_t size = frame_size(number, key);
	writer w = writer_of(out, FRAME_SIZE_MAX);
	write_u8(&w, key ? 0x10 : 0x11); /* RFC 6386 9.1: P, version, show_frame, size of the first partition */
	write_u16(&w, 0);
	if (key) {
		write_u24(&w, 0x9d012a);
		write_u16(&w, 0x8002); /* 640, little-endian */
		write_u16(&w, 0x6801); /* 360 */
	}
	write_u32(&w, number);
	while (w.len < size)
		write_u8(&w, (uint8_t)(number + w.len));
	return w.len;
}

static void check_frame(call_end *end, const parley_frame_event *f)
{
	uint8_t expected[FRAME_SIZE_MAX];
	reader r = reader_of(slice_of(f->data, f->len));
	read_skip(&r, f->key_frame ? 10 : 3);
	uint32_t number = read_u32(&r);
	size_t len = r.bad ? 0 : make_frame(expected, number, f->key_frame);
	if (len != f->len || memcmp(expected, f->data, len) != 0)
		end->frame_damaged = true;
	if (number < end->last_frame || (end->frames_received == 0 && !f->key_frame))
		end->frame_misordered = true;
	uint64_t now = end->call->net.now;
	if (end->frames_received && now - end->last_frame_at > end->longest_freeze)
		end->longest_freeze = now - end->last_frame_at;
	end->last_frame_at = now;
	end->last_frame = number + 1;
	end->frames_received++;
}

typedef struct {
	call_end *end;
} frame_timer;

static void schedule_frame(call_end *end);

/* Opus packets of 20 ms, as many as are due since the last video frame. */
static void send_audio(call_end *end)
{
	static const uint8_t packet_of_opus[160] = {0xfc};
	for (; end->audio_sent < end->frames_sent * 5 / 3; end->audio_sent++) {
		parley_frame frame = {
			.data = packet_of_opus, .len = sizeof packet_of_opus, .rtp_timestamp = end->audio_sent * 960};
		assert_int_equal(parley_core_send_frame(end->node->core, end->call->net.now, end->audio, &frame), 0);
	}
}

static void send_frame(simnet *net, void *context)
{
	uint8_t data[FRAME_SIZE_MAX];
	call_end *end = ((frame_timer *)context)->end;
	bool key = end->frames_sent == 0 || end->key_frame_due;
	size_t len = make_frame(data, end->frames_sent, key);
	parley_frame frame = {
		.data = data, .len = len, .rtp_timestamp = end->frames_sent * 3000, .capture_time = net->now};
	int err = parley_core_send_frame(end->node->core, net->now, end->video, &frame);
	assert_true(err == 0 || err == PARLEY_ELIMIT);
	end->key_frame_due = err != 0;
	end->frames_sent++;
	send_audio(end);
	simnet_drain(end->node);
	schedule_frame(end);
}

static void schedule_frame(call_end *end)
{
	if (end->frames_sent == end->call->options.video_frames)
		return;
	frame_timer *timer = malloc(sizeof *timer);
	assert_non_null(timer);
	timer->end = end;
	simnet_after(&end->call->net, FRAME_INTERVAL_US, send_frame, timer);
}

static void add_video(call_end *end)
{
	parley_core *core = end->node->core;
	uint64_t now = end->call->net.now;
	if (!end->call->options.video_frames)
		return;
	assert_int_equal(parley_core_add_transceiver(core, now, PARLEY_AUDIO, NULL, &end->audio), 0);
	assert_int_equal(parley_core_add_transceiver(core, now, PARLEY_VIDEO, NULL, &end->video), 0);
}

static void on_event(simnet_node *node, const parley_event *e)
{
	call_end *end = node->user;
	switch (e->type) {
	case PARLEY_EVENT_NEGOTIATION_NEEDED:
		if (end->described_at) /* the first one is call_start's */
			schedule_offer(end);
		break;
	case PARLEY_EVENT_GATHERING_STATE:
		if (e->gathering_state == PARLEY_GATHERING_COMPLETE && !end->described)
			send_description(end);
		break;
	case PARLEY_EVENT_ICE_CANDIDATE:
		if (!end->call->options.wait_for_gathering)
			signal_to_other(end, true, PARLEY_SDP_OFFER, e->ice_candidate.mline_index,
					e->ice_candidate.candidate);
		break;
	case PARLEY_EVENT_CONNECTION_STATE:
		end->connection_state = e->connection.state;
		snprintf(end->failure, sizeof end->failure, "%s", e->connection.reason);
		if (e->connection.state == PARLEY_CONNECTION_CONNECTED && !end->frames_sent)
			schedule_frame(end);
		break;
	case PARLEY_EVENT_ICE_STATE:
		end->ice_states |= 1u << e->ice_state;
		if (e->ice_state == PARLEY_ICE_CONNECTED && !end->ice_connected_at)
			end->ice_connected_at = end->call->net.now;
		break;
	case PARLEY_EVENT_SELECTED_PAIR:
		snprintf(end->local_type, sizeof end->local_type, "%s", e->selected_pair.local_type);
		snprintf(end->remote_type, sizeof end->remote_type, "%s", e->selected_pair.remote_type);
		end->over_tcp = e->selected_pair.local.transport == PARLEY_TCP;
		break;
	case PARLEY_EVENT_DATA_CHANNEL:
		assert_string_equal(e->data_channel.label, "sendDataChannel");
		end->channel = e->data_channel.channel;
		break;
	case PARLEY_EVENT_CHANNEL_STATE:
		end->channel_state = e->channel_state.state;
		if (e->channel_state.state == PARLEY_CHANNEL_OPEN)
			send_messages(end);
		break;
	case PARLEY_EVENT_MESSAGE:
		check_message(end, e);
		break;
	case PARLEY_EVENT_FRAME:
		if (e->frame.codec == PARLEY_VP8)
			check_frame(end, &e->frame);
		else
			end->audio_received++;
		break;
	case PARLEY_EVENT_KEY_FRAME_REQUEST:
		end->key_frames_wanted++;
		end->key_frame_due = true;
		break;
	case PARLEY_EVENT_TARGET_BITRATE:
		end->target_bps = e->target_bitrate.bps;
		break;
	default:
		break;
	}
}

void call_init_network(call *c, uint64_t seed, const simnet_path *path, const call_options *options)
{
	memset(c, 0, sizeof *c);
	c->options = *options;
	simnet_init(&c->net, seed, path);
}

static call_end *next_end(call *c)
{
	assert_true(c->net.node_count < 2);
	call_end *end = &c->ends[c->net.node_count];
	*end = (call_end){.call = c, .initiator = c->net.node_count == 0};
	return end;
}

void call_join(call *c, const parley_core_config *config, const simnet_interface *interfaces, size_t count)
{
	call_end *end = next_end(c);
	end->node = simnet_add_at(&c->net, config, interfaces, count, on_event, end);
	add_video(end);
}

void call_init(call *c, uint64_t seed, const simnet_path *path, const call_options *options,
	       const parley_core_config *config)
{
	call_init_network(c, seed, path, options);
	for (unsigned i = 0; i < 2; i++) {
		call_end *end = next_end(c);
		end->node = simnet_add(&c->net, config, on_event, end);
		add_video(end);
	}
}

void call_start(call *c)
{
	call_end *end = &c->ends[0];
	assert_int_equal(
		parley_core_create_data_channel(end->node->core, c->net.now, "sendDataChannel", NULL, &end->channel),
		0);
	describe(end, PARLEY_SDP_OFFER);
}

void call_offer(call *c, unsigned end)
{
	schedule_offer(&c->ends[end]);
}

void call_restart_ice(call *c, unsigned end)
{
	assert_int_equal(parley_core_restart_ice(c->ends[end].node->core), 0);
	simnet_drain(c->ends[end].node);
}

void call_send(call *c, unsigned more)
{
	c->options.messages += more;
	for (int i = 0; i < 2; i++) {
		if (c->ends[i].channel_state == PARLEY_CHANNEL_OPEN)
			send_messages(&c->ends[i]);
		simnet_drain(c->ends[i].node);
	}
}

static bool call_is_complete(const call *c)
{
	for (int i = 0; i < 2; i++)
		if (c->ends[i].received < c->options.messages || c->ends[i].frames_sent < c->options.video_frames)
			return false;
	return true;
}

bool call_run(call *c, uint64_t limit_us)
{
	uint64_t end = c->net.now + limit_us;
	while (!call_is_complete(c))
		if (!simnet_step(&c->net, end))
			return false;
	return true;
}

void call_run_for(call *c, uint64_t us)
{
	uint64_t end = c->net.now + us;
	while (simnet_step(&c->net, end))
		;
	c->net.now = end;
}

void call_clear(call *c)
{
	simnet_clear(&c->net);
}
