#include <stdlib.h>

#include "base/addr.h"
#include "base/text.h"
#include "peer/internal.h"

/* --- between the layers --- */

static void start_dtls_if_ready(parley_core *core, bool path_validated)
{
	if (!core->dtls || core->dtls_started || !path_validated)
		return;
	core->dtls_started = true;
	int err = dtls_start(core->dtls, core->now);
	if (err)
		trace_printf(&core->trace, TRACE_ERROR, "peer", "DTLS does not start: %s", parley_strerror(err));
}

static void set_failure(parley_core *core, const char *reason)
{
	if (core->failure[0])
		return; /* the first cause counts */
	text t = text_of(core->failure, sizeof core->failure);
	text_string(&t, reason);
}

static void report_selected_pair(parley_core *core, const ice_event *e)
{
	ice_pair_info pairs[ICE_PAIRS_MAX];
	size_t count = ice_get_pairs(core->ice, pairs, ICE_PAIRS_MAX);
	for (size_t i = 0; i < count && i < ICE_PAIRS_MAX; i++) {
		if (!pairs[i].selected)
			continue;
		const ice_candidate *local = ice_local_candidate(core->ice, pairs[i].local);
		const ice_candidate *remote = ice_remote_candidate(core->ice, pairs[i].remote);
		parley_event event = {.type = PARLEY_EVENT_SELECTED_PAIR};
		event.selected_pair.local = e->local;
		event.selected_pair.remote = e->remote;
		event.selected_pair.local_type = local ? ice_type_name(local->type) : "";
		event.selected_pair.remote_type = remote ? ice_type_name(remote->type) : "";
		event_push(core, &event);
		return;
	}
}

static void push_resolve(parley_core *core, const ice_event *e)
{
	parley_event event = {.type = PARLEY_EVENT_RESOLVE};
	event.resolve.id = e->id;
	event.resolve.name = e->name;
	event.resolve.mdns = true; /* ICE takes no other names from a peer */
	event_push(core, &event);
}

/* Another path carries data now, or the old one again: what waits for a timer that has backed off need not. */
static void resume(parley_core *core)
{
	if (core->sctp)
		sctp_path_changed(core->sctp, core->now);
}

static bool is_up(parley_ice_state state)
{
	return state == PARLEY_ICE_CONNECTED || state == PARLEY_ICE_COMPLETED;
}

static void on_ice_state(parley_core *core, parley_ice_state state)
{
	if (state == PARLEY_ICE_FAILED && !core->failure[0]) {
		text t = text_of(core->failure, sizeof core->failure);
		failure_of_ice(core, &t);
	}
	if (state == PARLEY_ICE_CONNECTED)
		core->failure[0] = '\0';
	bool back = is_up(state) && core->ice_state == PARLEY_ICE_DISCONNECTED;
	state_set_ice(core, state);
	if (back)
		resume(core);
}

static void push_stream_open(parley_core *core, const ice_event *e)
{
	parley_event event = {.type = PARLEY_EVENT_STREAM_OPEN};
	event.stream_open.stream = e->id;
	event.stream_open.local = e->local;
	event.stream_open.remote = e->remote;
	event.stream_open.tls = e->tls;
	event.stream_open.server_name = e->name;
	event_push(core, &event);
}

static void push_stream_close(parley_core *core, uint32_t stream)
{
	parley_event event = {.type = PARLEY_EVENT_STREAM_CLOSE, .stream_close = stream};
	event_push(core, &event);
}

static void push_own_name(parley_core *core, const ice_event *e)
{
	parley_event event = {.type = PARLEY_EVENT_MDNS_NAME};
	event.mdns_name.name = e->name;
	event.mdns_name.address = e->local;
	event_push(core, &event);
}

static void on_ice_event(parley_core *core, const ice_event *e)
{
	switch (e->type) {
	case ICE_EVENT_CANDIDATE:
		gather_on_candidate(core, &e->candidate);
		break;
	case ICE_EVENT_GATHERING_STATE:
		gather_on_state(core, e->gathering);
		break;
	case ICE_EVENT_STATE:
		on_ice_state(core, (parley_ice_state)e->state);
		break;
	case ICE_EVENT_SELECTED_PAIR:
		report_selected_pair(core, e);
		resume(core);
		break;
	case ICE_EVENT_RESOLVE:
		push_resolve(core, e);
		break;
	case ICE_EVENT_STREAM_OPEN:
		push_stream_open(core, e);
		break;
	case ICE_EVENT_STREAM_CLOSE:
		push_stream_close(core, e->id);
		break;
	case ICE_EVENT_OWN_NAME:
		push_own_name(core, e);
		break;
	case ICE_EVENT_ROLE:
		break;
	}
}

static void on_dtls_event(parley_core *core, const dtls_event *e)
{
	switch (e->kind) {
	case DTLS_EVENT_CONNECTED:
		if (core->sctp)
			sctp_connect(core->sctp, core->now);
		media_take_keys(core);
		break;
	case DTLS_EVENT_FAILED:
		set_failure(core, e->reason);
		dc_detach(core->channels, e->error, e->reason);
		break;
	case DTLS_EVENT_CLOSED:
		dc_detach(core->channels, PARLEY_ECLOSED, "the peer closed the connection");
		break;
	}
}

/* --- in --- */

/* What was decrypted. Returns whether there was something. */
static bool take_records(parley_core *core)
{
	bool any = false;
	for (slice record; dtls_poll_data(core->dtls, &record); any = true)
		if (core->sctp)
			sctp_receive(core->sctp, core->now, record);
	return any;
}

static void receive_dtls(parley_core *core, const parley_addr *local, const parley_addr *remote, slice datagram)
{
	if (!core->dtls || !ice_is_validated(core->ice, local, remote)) {
		if (early_keep(core, local, remote, datagram))
			return;
		char from[ADDR_TEXT_MAX];
		core->packets_dropped++;
		trace_printf(&core->trace, TRACE_WARN, "peer", "DTLS from %s dropped: %s", addr_print(remote, from),
			     core->dtls ? "ICE has not validated that address" : "no description tells what to expect");
		return;
	}
	start_dtls_if_ready(core, true);
	uint64_t before = dtls_records_received(core->dtls);
	if (dtls_receive(core->dtls, core->now, datagram))
		core->packets_dropped++;
	take_records(core);
	if (dtls_records_received(core->dtls) != before) /* anybody on the way can copy an address */
		ice_path_alive(core->ice, core->now, local, remote);
}

static void receive_rtp(parley_core *core, const parley_addr *local, const parley_addr *remote, slice datagram)
{
	if (!core->rtp || !ice_is_validated(core->ice, local, remote))
		core->packets_dropped++;
	else if (rtp_session_receive(core->rtp, core->now, datagram))
		ice_path_alive(core->ice, core->now, local, remote);
}

/* What is not ICE's, from any path. RFC 7983 7: the first byte tells the protocols on one 5-tuple apart. */
static void receive_datagram(parley_core *core, const parley_addr *local, const parley_addr *remote, slice datagram)
{
	if (datagram.len && datagram.data[0] >= 20 && datagram.data[0] <= 63)
		receive_dtls(core, local, remote, datagram);
	else if (rtp_session_wants(datagram))
		receive_rtp(core, local, remote, datagram);
	else
		core->packets_dropped++;
}

void transport_pump(parley_core *core)
{
	bool moved = true;
	while (moved) {
		moved = false;
		for (ice_datagram d; ice_poll_data(core->ice, &d); moved = true)
			receive_datagram(core, &d.local, &d.remote, d.data);
		for (ice_event e; ice_poll_event(core->ice, &e); moved = true)
			on_ice_event(core, &e);
		parley_addr local, remote;
		start_dtls_if_ready(core, ice_selected(core->ice, &local, &remote));
		early_believe(core);
		if (!core->dtls)
			continue;
		moved |= take_records(core);
		for (dtls_event e; dtls_poll_event(core->dtls, &e); moved = true)
			on_dtls_event(core, &e);
	}
	demux_follow_restart(core);
	state_update_connection(core);
}

static void receive_one(parley_core *core, const parley_addr *local, const parley_addr *remote, slice datagram)
{
	core->packets_received++;
	core->bytes_received += datagram.len;
	if (!ice_wants(datagram))
		receive_datagram(core, local, remote, datagram);
	else if (ice_receive(core->ice, core->now, local, remote, datagram))
		core->packets_dropped++;
	else
		demux_heard(core, local, remote, datagram);
}

/* Nothing but data goes on between the layers: that can be looked after once for many datagrams. */
static bool is_settled(const parley_core *core)
{
	return core->dtls && dtls_get_state(core->dtls) == DTLS_CONNECTED;
}

void parley_core_receive_many(parley_core *core, uint64_t now, const parley_addr *local, const parley_addr *remote,
			      const uint8_t *data, size_t len, size_t segment)
{
	slice rest = slice_of(data, len);
	if (core->closed)
		return;
	core_enter(core, now);
	do {
		if (!is_settled(core))
			transport_pump(core);
		receive_one(core, local, remote, slice_part(rest, 0, segment));
		rest = slice_part(rest, segment, rest.len);
	} while (rest.len > 0);
	transport_pump(core);
}

void parley_core_receive(parley_core *core, uint64_t now, const parley_addr *local, const parley_addr *remote,
			 const uint8_t *data, size_t len)
{
	parley_core_receive_many(core, now, local, remote, data, len, len);
}

int parley_core_stream_accepted(parley_core *core, uint64_t now, const parley_addr *local, const parley_addr *remote,
				uint32_t *stream)
{
	if (core->closed)
		return PARLEY_ECLOSED;
	core_enter(core, now);
	int err = ice_stream_accepted(core->ice, now, local, remote, stream);
	transport_pump(core);
	return err;
}

void parley_core_stream_opened(parley_core *core, uint64_t now, uint32_t stream, const parley_addr *local)
{
	if (core->closed)
		return;
	core_enter(core, now);
	ice_stream_opened(core->ice, now, stream, local);
	transport_pump(core);
}

void parley_core_stream_closed(parley_core *core, uint64_t now, uint32_t stream, int error, const char *why)
{
	if (core->closed)
		return;
	core_enter(core, now);
	ice_stream_closed(core->ice, now, stream, error, why);
	transport_pump(core);
}

void parley_core_stream_receive(parley_core *core, uint64_t now, uint32_t stream, const uint8_t *data, size_t len)
{
	if (core->closed)
		return;
	core_enter(core, now);
	core->bytes_received += len;
	ice_stream_receive(core->ice, now, stream, slice_of(data, len));
	transport_pump(core);
}

/* --- time --- */

void parley_core_timeout(parley_core *core, uint64_t now)
{
	if (core->closed)
		return;
	core_enter(core, now);
	if (ice_deadline(core->ice) <= now)
		ice_timeout(core->ice, now);
	if (core->dtls && dtls_deadline(core->dtls) <= now)
		dtls_timeout(core->dtls, now);
	if (core->sctp && sctp_deadline(core->sctp) <= now)
		sctp_timeout(core->sctp, now);
	if (core->rtp && rtp_session_deadline(core->rtp) <= now)
		rtp_session_timeout(core->rtp, now);
	transport_pump(core);
}

uint64_t parley_core_deadline(const parley_core *core)
{
	if (core->closed)
		return PARLEY_NEVER;
	uint64_t deadline = ice_deadline(core->ice);
	if (core->dtls)
		deadline = time_min(deadline, dtls_deadline(core->dtls));
	if (core->sctp)
		deadline = time_min(deadline, sctp_deadline(core->sctp));
	if (core->rtp)
		deadline = time_min(deadline, rtp_session_deadline(core->rtp));
	return deadline;
}

/* --- out --- */

static bool give(parley_core *core, const ice_packet *p, parley_packet *out)
{
	*out = (parley_packet){
		.stream = p->stream,
		.control = p->control,
		.local = p->local,
		.remote = p->remote,
		.data = p->data.data,
		.len = p->data.len,
	};
	core->packets_sent++;
	core->bytes_sent += out->len;
	return true;
}

bool transport_make_room(parley_core *core, size_t size)
{
	if (size <= core->datagram_size)
		return true;
	uint8_t *datagram = malloc(ICE_HEADROOM + size + ICE_TAILROOM);
	if (!datagram)
		return false;
	free(core->datagram);
	core->datagram = datagram;
	core->datagram_size = size;
	return true;
}

static bool transmit_ice(parley_core *core, packet room, parley_packet *out)
{
	ice_packet p = {.data = room};
	if (!ice_poll_transmit(core->ice, core->now, &p))
		return false;
	if (!p.stream)
		demux_sent(core, slice_of(p.data.data, p.data.len));
	return give(core, &p, out);
}

/* The next SCTP packet as one DTLS record, written to where it is encrypted. */
static bool seal_sctp(parley_core *core, packet *record)
{
	packet plain = {.data = record->data + DTLS_RECORD_FRONT, .capacity = record->capacity - DTLS_RECORD_OVERHEAD};
	while (sctp_poll_transmit(core->sctp, core->now, &plain)) {
		int err = dtls_seal(core->dtls, core->now, slice_of(plain.data, plain.len), record);
		if (!err)
			return true;
		trace_printf(&core->trace, TRACE_ERROR, "peer", "record lost: %s", parley_strerror(err));
	}
	return false;
}

/* The next datagram for the peer, of whichever layer is most in a hurry. *wakes: the peer will have something to say to it. */
static bool next_datagram(parley_core *core, packet *out, bool *wakes)
{
	*wakes = true;
	if (dtls_poll_transmit(core->dtls, core->now, out))
		return true;
	out->len = 0;
	if (core->rtp && rtp_session_poll_transmit(core->rtp, core->now, out)) /* media cannot wait, data can */
		return true;
	if (!core->sctp || core->closed || dtls_get_state(core->dtls) != DTLS_CONNECTED || !seal_sctp(core, out))
		return false;
	*wakes = sctp_awaits_answer(core->sctp); /* a SACK alone is answered by nothing */
	return true;
}

/* Datagrams are put together behind the headroom that ICE wants on this path, so that it can envelop them in place. */
static bool transmit_data(parley_core *core, packet room, parley_packet *out)
{
	parley_addr local = core->goodbye_local, remote = core->goodbye_remote;
	bool path = core->closed ? core->has_goodbye : ice_selected(core->ice, &local, &remote);
	if (!core->dtls || !path)
		return false;
	size_t front = ice_headroom(core->ice, &local);
	ice_packet p;
	bool wakes;
	do {
		p = (ice_packet){.local = local, .remote = remote};
		p.data.data = room.data + front;
		p.data.capacity = room.capacity - front - ICE_TAILROOM;
		if (!next_datagram(core, &p.data, &wakes))
			return false;
	} while (!ice_envelop(core->ice, core->now, &p));
	if (wakes)
		ice_path_used(core->ice, core->now);
	return give(core, &p, out);
}

_Static_assert(PARLEY_DATAGRAM_ROOM >= ICE_HEADROOM + PARLEY_MTU_MAX + ICE_TAILROOM, "the largest has room");

static bool transmit(parley_core *core, uint64_t now, packet room, parley_packet *out)
{
	core->now = now;
	if (core->closed) /* what ICE says last ends the paths that the goodbye takes */
		return transmit_data(core, room, out) || transmit_ice(core, room, out);
	return transmit_ice(core, room, out) || transmit_data(core, room, out);
}

bool parley_core_poll_transmit_into(parley_core *core, uint64_t now, uint8_t *memory, parley_packet *out)
{
	return transmit(core, now, (packet){.data = memory, .capacity = PARLEY_DATAGRAM_ROOM}, out);
}

bool parley_core_poll_transmit(parley_core *core, uint64_t now, parley_packet *out)
{
	if (core->sctp) /* without memory packets stay as they were */
		transport_make_room(core, sctp_packet_max(core->sctp) + DTLS_RECORD_OVERHEAD);
	size_t capacity = ICE_HEADROOM + core->datagram_size + ICE_TAILROOM;
	return transmit(core, now, (packet){.data = core->datagram, .capacity = capacity}, out);
}
