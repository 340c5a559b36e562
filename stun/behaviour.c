#include "stun/behaviour.h"

#include <assert.h>

#include "base/addr.h"
#include "base/rng.h"
#include "base/time.h"
#include "stun/build.h"

enum { MAPPING_PORT, FILTERING_PORT };

/* What a test sends. */
static const struct {
	size_t port;
	uint32_t change; /* CHANGE-REQUEST; 0: none */
	bool hairpin;	 /* we hope for the request itself, not for an answer to it */
} PLAN[STUN_TESTS] = {
	[STUN_TEST_MAPPING_1] = {.port = MAPPING_PORT},
	[STUN_TEST_MAPPING_2] = {.port = MAPPING_PORT},
	[STUN_TEST_MAPPING_3] = {.port = MAPPING_PORT},
	[STUN_TEST_FILTERING_1] = {.port = FILTERING_PORT},
	[STUN_TEST_FILTERING_2] = {.port = FILTERING_PORT, .change = STUN_CHANGE_IP | STUN_CHANGE_PORT},
	[STUN_TEST_FILTERING_3] = {.port = FILTERING_PORT, .change = STUN_CHANGE_PORT},
	[STUN_TEST_HAIRPIN_OUT] = {.port = MAPPING_PORT, .hairpin = true},
	[STUN_TEST_HAIRPIN_BACK] = {.port = FILTERING_PORT, .hairpin = true},
};

static bool is_answered(const stun_behaviour *b, stun_test_name name)
{
	return b->tests[name].state == STUN_TEST_ANSWERED;
}

/* IDLE -> WANTED -> RUNNING -> one of the others */
static bool is_legal(stun_test_state from, stun_test_state to)
{
	switch (to) {
	case STUN_TEST_IDLE:
		return false;
	case STUN_TEST_WANTED:
		return from == STUN_TEST_IDLE;
	case STUN_TEST_RUNNING:
		return from == STUN_TEST_WANTED;
	case STUN_TEST_ANSWERED:
	case STUN_TEST_REFUSED:
	case STUN_TEST_SILENT:
		return from == STUN_TEST_RUNNING;
	}
	return false;
}

static void set_state(stun_test *t, stun_test_state to)
{
	assert(is_legal(t->state, to));
	t->state = to;
}

static void want(stun_behaviour *b, stun_test_name name, const parley_addr *to)
{
	stun_test *t = &b->tests[name];
	if (t->state != STUN_TEST_IDLE)
		return;
	t->to = *to;
	set_state(t, STUN_TEST_WANTED);
}

int stun_behaviour_start(stun_behaviour *b, uint64_t now, const parley_random *random,
			 const parley_addr local[STUN_BEHAVIOUR_PORTS], const parley_addr *server)
{
	*b = (stun_behaviour){.random = *random, .server = *server, .next_start = now};
	for (size_t i = 0; i < STUN_BEHAVIOUR_PORTS; i++) {
		if (local[i].family != server->family || local[i].port == 0)
			return PARLEY_EINVAL;
		b->local[i] = local[i];
	}
	want(b, STUN_TEST_MAPPING_1, server);
	want(b, STUN_TEST_FILTERING_1, server);
	return 0;
}

/* --- which test follows from which --- */

/* RFC 5780 4.3; without a NAT there is nothing to ask. */
static void want_mapping(stun_behaviour *b)
{
	const stun_test *first = &b->tests[STUN_TEST_MAPPING_1], *second = &b->tests[STUN_TEST_MAPPING_2];
	if (first->state != STUN_TEST_ANSWERED || addr_equal(&first->mapped, &b->local[MAPPING_PORT]))
		return;
	parley_addr to = b->other;
	to.port = b->server.port;
	want(b, STUN_TEST_MAPPING_2, &to);
	if (second->state == STUN_TEST_ANSWERED && !addr_equal(&first->mapped, &second->mapped))
		want(b, STUN_TEST_MAPPING_3, &b->other);
}

/* 4.4. Test III only counts if II is silent, but its answer changes nothing in the NAT: both at once save seconds. */
static void want_filtering(stun_behaviour *b)
{
	if (!is_answered(b, STUN_TEST_FILTERING_1))
		return;
	want(b, STUN_TEST_FILTERING_2, &b->server);
	want(b, STUN_TEST_FILTERING_3, &b->server);
}

static void want_hairpin(stun_behaviour *b)
{
	const stun_test *first = &b->tests[STUN_TEST_MAPPING_1], *second = &b->tests[STUN_TEST_FILTERING_1];
	if (first->state != STUN_TEST_ANSWERED || second->state != STUN_TEST_ANSWERED ||
	    addr_equal(&first->mapped, &b->local[MAPPING_PORT]))
		return;
	want(b, STUN_TEST_HAIRPIN_OUT, &second->mapped);
	want(b, STUN_TEST_HAIRPIN_BACK, &first->mapped);
}

static void want_more(stun_behaviour *b)
{
	if (b->other.family == PARLEY_ADDR_NONE)
		return;
	want_mapping(b);
	want_filtering(b);
	want_hairpin(b);
}

/* --- one test --- */

static int start_test(stun_behaviour *b, uint64_t now, stun_test_name name)
{
	stun_test *t = &b->tests[name];
	stun_id id;
	int error = stun_id_random(&b->random, &id);
	if (error)
		return error;
	writer w = writer_of(t->request, sizeof t->request);
	stun_begin(&w, STUN_REQUEST, STUN_BINDING, &id);
	if (PLAN[name].change)
		stun_put_u32(&w, STUN_ATTR_CHANGE_REQUEST, PLAN[name].change);
	assert(!w.bad);
	set_state(t, STUN_TEST_RUNNING);
	return stun_txn_start_with(&t->txn, now, writer_slice(&w), STUN_BEHAVIOUR_RTO_US, STUN_BEHAVIOUR_SENDS,
				   STUN_BEHAVIOUR_FINAL_WAIT_US);
}

static void start_paced(stun_behaviour *b, uint64_t now)
{
	if (now < b->next_start || b->error)
		return;
	for (stun_test_name name = 0; name < STUN_TESTS; name++) {
		if (b->tests[name].state != STUN_TEST_WANTED)
			continue;
		b->error = start_test(b, now, name);
		b->next_start = time_after(now, STUN_BEHAVIOUR_PACE_US);
		return;
	}
}

/* An answer to one request that the server or the NAT had no part in, or that it does not want to give. */
static bool is_usable(const stun_message *m)
{
	return m->class == STUN_SUCCESS && m->unknown_count == 0 &&
	       (m->has_xor_mapped_address || m->has_mapped_address);
}

/* A server that ignores CHANGE-REQUEST and answers from where it was asked has said nothing of filters. */
static bool came_as_asked(const stun_behaviour *b, uint32_t change, const parley_addr *from)
{
	bool other_ip = !addr_equal_ip(from, &b->server), other_port = from->port != b->server.port;
	return (!(change & STUN_CHANGE_IP) || other_ip) && (!(change & STUN_CHANGE_PORT) || other_port);
}

/* RFC 5780 7.4: without a second address it must not say so; one that is not usable is as none. */
static void note_other_address(stun_behaviour *b, const stun_message *m)
{
	const parley_addr *other = &m->other_address;
	if (b->other.family == PARLEY_ADDR_NONE && m->has_other_address && other->family == b->server.family &&
	    other->port != 0 && other->port != b->server.port && !addr_equal_ip(other, &b->server))
		b->other = *other;
}

static void answered(stun_behaviour *b, stun_test_name name, const parley_addr *from, const stun_message *m)
{
	stun_test *t = &b->tests[name];
	if (!is_usable(m) || !came_as_asked(b, PLAN[name].change, from)) {
		set_state(t, STUN_TEST_REFUSED);
		return;
	}
	t->mapped = m->has_xor_mapped_address ? m->xor_mapped_address : m->mapped_address;
	b->rewritten = b->rewritten || (m->has_xor_mapped_address && m->has_mapped_address &&
					!addr_equal(&m->xor_mapped_address, &m->mapped_address));
	set_state(t, STUN_TEST_ANSWERED);
	note_other_address(b, m);
}

/* Our own request, sent to an address of the NAT, has come back to the other port. */
static bool receive_hairpin(stun_behaviour *b, size_t port, const stun_message *m)
{
	if (m->class != STUN_REQUEST)
		return false;
	for (stun_test_name name = STUN_TEST_HAIRPIN_OUT; name <= STUN_TEST_HAIRPIN_BACK; name++) {
		stun_test *t = &b->tests[name];
		if (t->state != STUN_TEST_RUNNING || PLAN[name].port == port || !stun_id_equal(&t->txn.id, &m->id))
			continue;
		stun_txn_reset(&t->txn);
		set_state(t, STUN_TEST_ANSWERED);
		return true;
	}
	return false;
}

bool stun_behaviour_receive(stun_behaviour *b, uint64_t now, size_t port, const parley_addr *remote, slice datagram)
{
	stun_message m;
	if (b->error || stun_parse(datagram, &m) != 0)
		return false;
	if (receive_hairpin(b, port, &m))
		return true;
	for (stun_test_name name = 0; name < STUN_TESTS; name++) {
		stun_test *t = &b->tests[name];
		if (t->state != STUN_TEST_RUNNING || PLAN[name].hairpin || PLAN[name].port != port ||
		    !stun_txn_receive(&t->txn, now, &m, slice_of(NULL, 0)))
			continue;
		answered(b, name, remote, &m);
		want_more(b);
		return true;
	}
	return false;
}

void stun_behaviour_timeout(stun_behaviour *b, uint64_t now)
{
	for (stun_test_name name = 0; name < STUN_TESTS; name++) {
		stun_test *t = &b->tests[name];
		if (t->state != STUN_TEST_RUNNING)
			continue;
		stun_txn_timeout(&t->txn, now);
		if (t->txn.state == STUN_TXN_TIMED_OUT)
			set_state(t, STUN_TEST_SILENT);
	}
}

uint64_t stun_behaviour_deadline(const stun_behaviour *b)
{
	uint64_t at = TIME_NEVER;
	for (stun_test_name name = 0; name < STUN_TESTS && !b->error; name++) {
		const stun_test *t = &b->tests[name];
		at = time_min(at, t->state == STUN_TEST_WANTED ? b->next_start : stun_txn_deadline(&t->txn));
	}
	return at;
}

bool stun_behaviour_poll_transmit(stun_behaviour *b, uint64_t now, stun_behaviour_packet *out)
{
	start_paced(b, now);
	for (stun_test_name name = 0; name < STUN_TESTS && !b->error; name++) {
		if (!stun_txn_poll_transmit(&b->tests[name].txn, now, &out->data))
			continue;
		out->port = PLAN[name].port;
		out->remote = b->tests[name].to;
		return true;
	}
	return false;
}

/* --- what follows from the tests --- */

static stun_dependence mapping_of(const stun_behaviour *b)
{
	const stun_test *first = &b->tests[STUN_TEST_MAPPING_1], *second = &b->tests[STUN_TEST_MAPPING_2],
			*third = &b->tests[STUN_TEST_MAPPING_3];
	if (first->state == STUN_TEST_ANSWERED && addr_equal(&first->mapped, &b->local[MAPPING_PORT]))
		return STUN_ENDPOINT_INDEPENDENT;
	if (second->state != STUN_TEST_ANSWERED)
		return STUN_DEPENDENCE_UNKNOWN;
	if (addr_equal(&first->mapped, &second->mapped))
		return STUN_ENDPOINT_INDEPENDENT;
	if (third->state != STUN_TEST_ANSWERED)
		return STUN_DEPENDENCE_UNKNOWN;
	return addr_equal(&second->mapped, &third->mapped) ? STUN_ADDRESS_DEPENDENT : STUN_ADDRESS_AND_PORT_DEPENDENT;
}

static stun_dependence filtering_of(const stun_behaviour *b)
{
	stun_test_state both = b->tests[STUN_TEST_FILTERING_2].state, port = b->tests[STUN_TEST_FILTERING_3].state;
	if (both == STUN_TEST_ANSWERED)
		return STUN_ENDPOINT_INDEPENDENT;
	if (both != STUN_TEST_SILENT)
		return STUN_DEPENDENCE_UNKNOWN;
	if (port == STUN_TEST_ANSWERED)
		return STUN_ADDRESS_DEPENDENT;
	return port == STUN_TEST_SILENT ? STUN_ADDRESS_AND_PORT_DEPENDENT : STUN_DEPENDENCE_UNKNOWN;
}

static stun_hairpin hairpin_of(const stun_behaviour *b)
{
	const stun_test *out = &b->tests[STUN_TEST_HAIRPIN_OUT], *back = &b->tests[STUN_TEST_HAIRPIN_BACK];
	if (out->state == STUN_TEST_ANSWERED || back->state == STUN_TEST_ANSWERED)
		return STUN_HAIRPIN_YES;
	return out->state == STUN_TEST_SILENT && back->state == STUN_TEST_SILENT ? STUN_HAIRPIN_NO
										 : STUN_HAIRPIN_UNKNOWN;
}

stun_behaviour_result stun_behaviour_get(const stun_behaviour *b)
{
	const stun_test *first = &b->tests[STUN_TEST_MAPPING_1];
	stun_behaviour_result r = {
		.done = stun_behaviour_deadline(b) == TIME_NEVER,
		.reachable = first->state == STUN_TEST_ANSWERED,
		.supported = b->other.family != PARLEY_ADDR_NONE,
		.rewritten = b->rewritten,
		.mapping = mapping_of(b),
		.filtering = filtering_of(b),
		.hairpin = hairpin_of(b),
	};
	if (!r.reachable)
		return r;
	r.mapped = first->mapped;
	r.translated = !addr_equal(&first->mapped, &b->local[MAPPING_PORT]);
	r.port_kept = r.translated && first->mapped.port == b->local[MAPPING_PORT].port;
	r.rtt_us = first->txn.sends == 1 ? first->txn.answered_at - first->txn.sent_at : 0;
	return r;
}

const char *stun_dependence_name(stun_dependence dependence)
{
	static const char *const NAMES[] = {"unknown", "endpoint-independent", "address-dependent",
					    "address-and-port-dependent"};
	return NAMES[dependence];
}

const char *stun_hairpin_name(stun_hairpin hairpin)
{
	static const char *const NAMES[] = {"unknown", "no", "yes"};
	return NAMES[hairpin];
}

void stun_behaviour_check_invariants(const stun_behaviour *b)
{
	for (stun_test_name name = 0; name < STUN_TESTS; name++) {
		const stun_test *t = &b->tests[name];
		stun_txn_check_invariants(&t->txn);
		assert((t->state == STUN_TEST_RUNNING) == (t->txn.state == STUN_TXN_WAITING) || b->error);
		assert(t->state == STUN_TEST_IDLE || t->to.family == b->server.family);
		(void)t;
	}
	/* Filtering is only told by a port that has never sent to the server's other address. */
	assert(addr_equal_ip(&b->tests[STUN_TEST_FILTERING_1].to, &b->server));
}
