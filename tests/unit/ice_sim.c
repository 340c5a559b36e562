#include "tests/unit/ice_sim.h"

#include <string.h>

#include "stun/stun.h"

void sim_init(sim *s, uint64_t seed)
{
	memset(s, 0, sizeof *s);
	s->now = 1000 * US_PER_S;
	s->delay_us = 10 * US_PER_MS;
	rng_seeded_init(&s->rng, seed);
	rng_seeded_init(&s->network, seed ^ 0x5eed);
	s->stun_server = addr_ipv4(198, 51, 100, 1, 3478);
	s->dead_server = addr_ipv4(198, 51, 100, 99, 3478);
	sim_turn_init(&s->turn);
	for (int i = 0; i < 2; i++) {
		ice_config_default(&s->config[i]);
		s->config[i].random = rng_seeded_source(&s->rng);
		s->config[i].controlling = i == 0;
		s->side[i].public_octet = (uint8_t)(10 + i);
	}
}

int sim_create(sim *s)
{
	int err = ice_create(&s->config[0], &s->side[0].ice);
	return err ? err : ice_create(&s->config[1], &s->side[1].ice);
}

void sim_destroy(sim *s)
{
	for (int i = 0; i < 2; i++) {
		ice_destroy(s->side[i].ice);
		s->side[i].ice = NULL;
	}
}

void sim_bind(sim *s, int side, parley_addr addr)
{
	(void)ice_add_local(s->side[side].ice, s->now, &addr);
	sim_pump(s);
}

void sim_exchange_credentials(sim *s)
{
	for (int i = 0; i < 2; i++) {
		ice_agent *from = s->side[1 - i].ice;
		(void)ice_set_remote(s->side[i].ice, s->now, slice_from_string(ice_local_ufrag(from)),
				     slice_from_string(ice_local_pwd(from)), false);
		sim_pump(s);
	}
	for (int i = 0; i < 2; i++)
		ice_agreed(s->side[i].ice);
}

/* --- NAT --- */

static parley_addr translate_out(sim_side *side, const parley_addr *from, const parley_addr *to)
{
	if (side->nat == SIM_NO_NAT)
		return *from;
	sim_mapping *m = NULL;
	for (size_t i = 0; i < side->mapping_count && !m; i++) {
		sim_mapping *c = &side->mappings[i];
		if (addr_equal(&c->inside, from) && (side->nat != SIM_NAT_SYMMETRIC || addr_equal(&c->remote, to)))
			m = c;
	}
	if (!m) {
		if (side->mapping_count == SIM_MAPPINGS_MAX)
			return *from;
		m = &side->mappings[side->mapping_count++];
		*m = (sim_mapping){.inside = *from, .remote = *to, .filtered = side->nat != SIM_NAT_CONE};
		m->outside = addr_ipv4(203, 0, 113, side->public_octet, (uint16_t)(20000 + side->mapping_count));
	}
	for (size_t i = 0; i < m->allowed_count; i++)
		if (addr_equal(&m->allowed[i], to))
			return m->outside;
	if (m->allowed_count < 8)
		m->allowed[m->allowed_count++] = *to;
	return m->outside;
}

static bool translate_in(const sim_side *side, const parley_addr *from, const parley_addr *to, parley_addr *inside)
{
	if (side->nat == SIM_NO_NAT) {
		*inside = *to;
		return true;
	}
	for (size_t i = 0; i < side->mapping_count; i++) {
		const sim_mapping *m = &side->mappings[i];
		if (!addr_equal(&m->outside, to))
			continue;
		bool allowed = !m->filtered;
		for (size_t k = 0; k < m->allowed_count; k++)
			allowed |= addr_equal(&m->allowed[k], from);
		*inside = m->inside;
		return allowed;
	}
	return false;
}

/* --- the wire --- */

void sim_launch(sim *s, const parley_addr *from, const parley_addr *to, slice data)
{
	bool reliable = from->transport == PARLEY_TCP;
	bool broken = addr_equal(&s->broken, from) || addr_equal(&s->broken, to);
	if (s->cut || broken || (!reliable && rng_seeded_below(&s->network, 100) < s->loss_percent))
		return;
	for (size_t i = 0; i < SIM_FLIGHT_MAX; i++) {
		sim_datagram *d = &s->flight[i];
		if (d->used)
			continue;
		uint64_t jitter = s->jitter_us && !reliable ? rng_seeded_below(&s->network, s->jitter_us) : 0;
		*d = (sim_datagram){.used = true,
				    .at = s->now + s->delay_us + jitter,
				    .order = s->order++,
				    .from = *from,
				    .to = *to};
		d->len = data.len;
		memcpy(d->data, data.data, data.len);
		return;
	}
}

static void transmit(sim *s, int i, const ice_packet *p)
{
	sim_side *side = &s->side[i];
	parley_addr from = p->stream ? addr_ipv4(10, 0, (uint8_t)i, 1, (uint16_t)p->stream)
				     : translate_out(side, &p->local, &p->remote);
	from.transport = p->stream ? PARLEY_TCP : PARLEY_UDP;
	side->sent_to_peers += !addr_equal_ip(&p->remote, &s->stun_server) && !addr_equal_ip(&p->remote, &s->turn.addr);
	sim_launch(s, &from, &p->remote, slice_of(p->data.data, p->data.len));
}

static void drain_transmit(sim *s, int i)
{
	uint8_t data[ICE_PACKET_MAX];
	ice_packet p = {.data = {.data = data, .capacity = sizeof data}};
	while (ice_poll_transmit(s->side[i].ice, s->now, &p)) {
		s->side[i].sent++;
		transmit(s, i, &p);
	}
}

static void signal_candidate(sim *s, int i, const ice_candidate *c)
{
	sim_side *side = &s->side[i];
	char line[ICE_CANDIDATE_TEXT];
	text t = text_of(line, sizeof line);
	ice_candidate parsed;
	if (side->candidate_count < 16)
		side->candidates[side->candidate_count++] = *c;
	if (side->mute_candidates || (side->lie_addresses && c->type == ICE_HOST))
		return;
	ice_candidate_print(c, &t);
	if (ice_candidate_parse(slice_of(line, t.len), &parsed) == 0)
		(void)ice_add_remote_candidate(s->side[1 - i].ice, s->now, &parsed);
}

static void note_state(sim *s, sim_side *side, ice_state state)
{
	if (side->state_count < SIM_HISTORY) {
		side->state_times[side->state_count] = s->now;
		side->states[side->state_count++] = state;
	}
}

static void open_stream(sim *s, int i, const ice_event *e)
{
	sim_side *side = &s->side[i];
	parley_addr local = addr_ipv4(10, 0, (uint8_t)i, 1, 5999);
	local.transport = PARLEY_TCP;
	side->stream = e->id;
	memcpy(side->name, e->name, sizeof side->name);
	side->streams_opened++;
	if (s->turn.refuses_streams || !sim_turn_is_at(&s->turn, &e->remote))
		ice_stream_closed(side->ice, s->now, e->id, PARLEY_EREFUSED, "connection refused");
	else
		ice_stream_opened(side->ice, s->now, e->id, &local);
}

static bool drain_events(sim *s, int i)
{
	sim_side *side = &s->side[i];
	ice_event e;
	bool any = false;
	while (ice_poll_event(side->ice, &e)) {
		any = true;
		switch (e.type) {
		case ICE_EVENT_CANDIDATE:
			signal_candidate(s, i, &e.candidate);
			break;
		case ICE_EVENT_GATHERING_STATE:
			side->gathered = e.gathering == ICE_GATHERING_COMPLETE;
			side->gathered_at = s->now;
			if (side->gathered && !side->mute_candidates)
				ice_end_of_remote_candidates(s->side[1 - i].ice, s->now);
			break;
		case ICE_EVENT_STATE:
			note_state(s, side, e.state);
			break;
		case ICE_EVENT_SELECTED_PAIR:
			side->selections++;
			break;
		case ICE_EVENT_RESOLVE:
			side->resolve_id = e.id;
			side->resolves++;
			break;
		case ICE_EVENT_OWN_NAME:
			break;
		case ICE_EVENT_ROLE:
			side->role_changes++;
			break;
		case ICE_EVENT_STREAM_OPEN:
			open_stream(s, i, &e);
			break;
		case ICE_EVENT_STREAM_CLOSE:
			side->streams_closed++;
			break;
		}
	}
	return any;
}

void sim_pump(sim *s)
{
	bool again = true;
	while (again) {
		again = false;
		for (int i = 0; i < 2; i++)
			if (s->side[i].ice) {
				drain_transmit(s, i);
				again |= drain_events(s, i);
				ice_check_invariants(s->side[i].ice);
			}
	}
}

void sim_inject(sim *s, int side, parley_addr local, parley_addr from, slice data)
{
	(void)ice_receive(s->side[side].ice, s->now, &local, &from, data);
	sim_pump(s);
}

void sim_answer_binding(sim *s, const parley_addr *server, const parley_addr *from, const stun_id *id)
{
	uint8_t bytes[128];
	writer w = writer_of(bytes, sizeof bytes);
	stun_begin(&w, STUN_SUCCESS, STUN_BINDING, id);
	stun_put_xor_address(&w, STUN_ATTR_XOR_MAPPED_ADDRESS, from);
	sim_launch(s, server, from, writer_slice(&w));
}

static void serve_stun(sim *s, const sim_datagram *d)
{
	stun_message m;
	if (stun_parse(slice_of(d->data, d->len), &m) == 0 && m.class == STUN_REQUEST)
		sim_answer_binding(s, &d->to, &d->from, &m.id);
}

/* --- data --- */

#define DATA_FIRST_BYTE 0x80u /* RFC 7983: as RTP */

static bool send_data(sim *s, int i, slice what)
{
	uint8_t bytes[ICE_HEADROOM + SIM_DATA_MAX + ICE_TAILROOM];
	ice_packet p = {.data = {.data = bytes + ICE_HEADROOM, .capacity = SIM_DATA_MAX + ICE_TAILROOM}};
	sim_side *side = &s->side[i];
	memcpy(p.data.data, what.data, p.data.len = what.len);
	if (!ice_selected(side->ice, &p.local, &p.remote) || !ice_envelop(side->ice, s->now, &p))
		return false;
	side->data_sent++;
	ice_path_used(side->ice, s->now);
	transmit(s, i, &p);
	return true;
}

bool sim_send(sim *s, int i, const char *what)
{
	bool sent = send_data(s, i, slice_from_string(what));
	sim_pump(s);
	return sent;
}

static void chatter(sim *s, int i)
{
	static const uint8_t data[SIM_DATA_MAX] = {DATA_FIRST_BYTE};
	(void)send_data(s, i, slice_of(data, sizeof data));
}

static void receive_data(sim *s, int i, const parley_addr *local, const parley_addr *from, slice data)
{
	sim_side *side = &s->side[i];
	if (!ice_is_validated(side->ice, local, from))
		return;
	ice_path_alive(side->ice, s->now, local, from);
	side->last_data = s->now;
	side->data_received++;
	memcpy(side->data, data.data, data.len);
	side->data[data.len] = '\0';
	if (side->answer_every && side->data_received % side->answer_every == 0)
		chatter(s, i);
}

static void drain_data(sim *s, int i)
{
	for (ice_datagram d; ice_poll_data(s->side[i].ice, &d);)
		receive_data(s, i, &d.local, &d.remote, d.data);
}

void sim_talk(sim *s, uint64_t interval_us)
{
	for (int i = 0; i < 2; i++) {
		s->side[i].talk_us = interval_us;
		s->side[i].next_talk = s->now + (uint64_t)i * interval_us / 2;
	}
}

static uint64_t next_talk(const sim_side *side)
{
	return side->talk_us ? side->next_talk : TIME_NEVER;
}

static void talk(sim *s)
{
	for (int i = 0; i < 2; i++)
		if (next_talk(&s->side[i]) <= s->now) {
			s->side[i].next_talk += s->side[i].talk_us;
			chatter(s, i);
		}
}

static void deliver(sim *s, sim_datagram *delivered)
{
	parley_addr inside;
	sim_datagram copy = *delivered, *d = &copy; /* its place may be taken by what it causes */
	slice data = slice_of(copy.data, copy.len);
	delivered->used = false;
	if (addr_equal(&d->to, &s->stun_server)) {
		serve_stun(s, d);
		return;
	}
	if (addr_equal_ip(&d->to, &s->turn.addr)) {
		sim_turn_receive(s, &d->to, &d->from, data);
		return;
	}
	if (d->to.transport == PARLEY_TCP) {
		ice_stream_receive(s->side[d->to.ip[2]].ice, s->now, d->to.port, data);
		drain_data(s, d->to.ip[2]);
		return;
	}
	for (int i = 0; i < 2; i++) {
		if (!translate_in(&s->side[i], &d->from, &d->to, &inside))
			continue;
		if (ice_wants(data))
			(void)ice_receive(s->side[i].ice, s->now, &inside, &d->from, data);
		else
			receive_data(s, i, &inside, &d->from, data);
		drain_data(s, i);
	}
}

static sim_datagram *next_datagram(sim *s)
{
	sim_datagram *next = NULL;
	for (size_t i = 0; i < SIM_FLIGHT_MAX; i++) {
		sim_datagram *d = &s->flight[i];
		if (d->used && (!next || d->at < next->at || (d->at == next->at && d->order < next->order)))
			next = d;
	}
	return next;
}

bool sim_step(sim *s, uint64_t until)
{
	sim_datagram *d = next_datagram(s);
	uint64_t t = d ? d->at : TIME_NEVER;
	for (int i = 0; i < 2; i++)
		t = time_min(t, time_min(ice_deadline(s->side[i].ice), next_talk(&s->side[i])));
	if (t > until)
		return false;
	if (t > s->now)
		s->now = t;
	if (d && d->at <= s->now)
		deliver(s, d);
	else
		for (int i = 0; i < 2; i++)
			if (ice_deadline(s->side[i].ice) <= s->now)
				ice_timeout(s->side[i].ice, s->now);
	talk(s);
	sim_pump(s);
	return true;
}

void sim_run(sim *s, uint64_t for_us)
{
	uint64_t until = s->now + for_us;
	while (sim_step(s, until))
		;
	s->now = until;
}

static bool in_state(const ice_agent *a, ice_state state)
{
	ice_state now = ice_get_state(a);
	return now == state || (state == ICE_CONNECTED && now == ICE_COMPLETED);
}

bool sim_until(sim *s, ice_state state, uint64_t within_us)
{
	uint64_t until = s->now + within_us;
	while (!in_state(s->side[0].ice, state) || !in_state(s->side[1].ice, state))
		if (!sim_step(s, until))
			return false;
	return true;
}

bool sim_was(const sim *s, int side, ice_state state)
{
	for (size_t i = 0; i < s->side[side].state_count; i++)
		if (s->side[side].states[i] == state)
			return true;
	return false;
}

uint64_t sim_when(const sim *s, int side, ice_state state)
{
	for (size_t i = s->side[side].state_count; i-- > 0;)
		if (s->side[side].states[i] == state)
			return s->side[side].state_times[i];
	return TIME_NEVER;
}

void sim_forget(sim *s)
{
	s->side[0].state_count = s->side[1].state_count = 0;
}

bool sim_paths_match(const sim *s)
{
	parley_addr local[2], remote[2], back;
	for (int i = 0; i < 2; i++)
		if (!ice_selected(s->side[i].ice, &local[i], &remote[i]))
			return false;
	/* Where side i sends to arrives at the other's local address. */
	for (int i = 0; i < 2; i++)
		if (!translate_in(&s->side[1 - i], &remote[1 - i], &remote[i], &back) ||
		    !addr_equal(&back, &local[1 - i]))
			return false;
	return true;
}
