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

static void launch(sim *s, const parley_addr *from, const parley_addr *to, slice data)
{
	bool broken = addr_equal(&s->broken, from) || addr_equal(&s->broken, to);
	if (s->cut || broken || rng_seeded_below(&s->network, 100) < s->loss_percent)
		return;
	for (size_t i = 0; i < SIM_FLIGHT_MAX; i++) {
		sim_datagram *d = &s->flight[i];
		if (d->used)
			continue;
		uint64_t jitter = s->jitter_us ? rng_seeded_below(&s->network, s->jitter_us) : 0;
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

static void drain_transmit(sim *s, int i)
{
	uint8_t data[ICE_PACKET_MAX];
	ice_packet p = {.data = {.data = data, .capacity = sizeof data}};
	while (ice_poll_transmit(s->side[i].ice, s->now, &p)) {
		parley_addr from = translate_out(&s->side[i], &p.local, &p.remote);
		s->side[i].sent++;
		launch(s, &from, &p.remote, slice_of(data, p.data.len));
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
		case ICE_EVENT_ROLE:
			side->role_changes++;
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

static void serve_stun(sim *s, const sim_datagram *d)
{
	stun_message m;
	uint8_t bytes[128];
	writer w = writer_of(bytes, sizeof bytes);
	if (stun_parse(slice_of(d->data, d->len), &m) || m.class != STUN_REQUEST)
		return;
	stun_begin(&w, STUN_SUCCESS, STUN_BINDING, &m.id);
	stun_put_xor_address(&w, STUN_ATTR_XOR_MAPPED_ADDRESS, &d->from);
	launch(s, &d->to, &d->from, writer_slice(&w));
}

/* --- data --- */

#define DATA_FIRST_BYTE 0x80u /* RFC 7983: as RTP */

static void send_data(sim *s, int i)
{
	static const uint8_t data[100] = {DATA_FIRST_BYTE};
	sim_side *side = &s->side[i];
	parley_addr local, remote;
	if (!ice_selected(side->ice, &local, &remote))
		return;
	parley_addr from = translate_out(side, &local, &remote);
	side->data_sent++;
	ice_path_used(side->ice, s->now);
	launch(s, &from, &remote, slice_of(data, sizeof data));
}

static void receive_data(sim *s, int i, const parley_addr *local, const parley_addr *from)
{
	sim_side *side = &s->side[i];
	if (!ice_is_validated(side->ice, local, from))
		return;
	ice_path_alive(side->ice, s->now, local, from);
	side->last_data = s->now;
	side->data_received++;
	if (side->answer_every && side->data_received % side->answer_every == 0)
		send_data(s, i);
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
			send_data(s, i);
		}
}

static void deliver(sim *s, sim_datagram *d)
{
	parley_addr inside;
	d->used = false;
	if (addr_equal(&d->to, &s->stun_server)) {
		serve_stun(s, d);
		return;
	}
	for (int i = 0; i < 2; i++) {
		if (!translate_in(&s->side[i], &d->from, &d->to, &inside))
			continue;
		if (d->data[0] == DATA_FIRST_BYTE)
			receive_data(s, i, &inside, &d->from);
		else
			(void)ice_receive(s->side[i].ice, s->now, &inside, &d->from, slice_of(d->data, d->len));
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
