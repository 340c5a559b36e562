#include "ice/mdns.h"

#include <assert.h>
#include <string.h>

#include "base/addr.h"
#include "base/time.h"

#define FOR_LOOKUPS(l, r) for (mdns_lookup *l = (r)->lookups; l < (r)->lookups + MDNS_OUTSTANDING_MAX; l++)
#define FOR_LOOKUPS_CONST(l, r) for (const mdns_lookup *l = (r)->lookups; l < (r)->lookups + MDNS_OUTSTANDING_MAX; l++)

static const char *state_name(mdns_state state)
{
	static const char *const NAMES[] = {"free", "asking", "found", "failed"};
	return NAMES[state];
}

/* FREE -> ASKING -> FOUND | FAILED -> FREE, and ASKING -> FREE when cancelled. */
static void set_state(mdns_resolver *r, mdns_lookup *l, mdns_state to)
{
	char name[MDNS_NAME_TEXT_MAX];
	assert(to == MDNS_FREE || l->state == (to == MDNS_ASKING ? MDNS_FREE : MDNS_ASKING));
	trace_printf(r->trace, TRACE_INFO, "mdns", "%s: %s -> %s", mdns_name_print(&l->name, name),
		     state_name(l->state), state_name(to));
	l->state = to;
	if (to != MDNS_ASKING)
		l->due_a = l->due_aaaa = false;
}

void mdns_resolver_init(mdns_resolver *r, trace *t)
{
	memset(r, 0, sizeof *r);
	r->trace = t;
}

static mdns_lookup *find_free(mdns_resolver *r)
{
	FOR_LOOKUPS(l, r)
	if (l->state == MDNS_FREE)
		return l;
	return NULL;
}

int mdns_resolve(mdns_resolver *r, uint64_t now, slice name, uint64_t *id)
{
	mdns_name parsed;
	int error = mdns_name_parse(name, &parsed);
	if (error)
		return error;
	mdns_lookup *l = find_free(r);
	if (!l)
		return PARLEY_ELIMIT;
	*l = (mdns_lookup){
		.id = ++r->last_id,
		.name = parsed,
		.ask_a = true,
		.ask_aaaa = true,
		.due_a = true,
		.due_aaaa = true,
		.interval = MDNS_INTERVAL_FIRST_US,
		.next = time_after(now, MDNS_INTERVAL_FIRST_US),
		.end = time_after(now, MDNS_GIVE_UP_US),
	};
	set_state(r, l, MDNS_ASKING);
	*id = l->id;
	return 0;
}

void mdns_cancel(mdns_resolver *r, uint64_t id)
{
	FOR_LOOKUPS(l, r)
	if (l->state != MDNS_FREE && l->id == id)
		set_state(r, l, MDNS_FREE);
}

/* Could a candidate be there? */
static bool is_host_address(const parley_addr *a)
{
	return !addr_is_any(a) && !addr_is_multicast(a) && !addr_is_v4_mapped(a);
}

static void apply_address(mdns_resolver *r, mdns_lookup *l, const mdns_record *record)
{
	char name[MDNS_NAME_TEXT_MAX], address[ADDR_TEXT_MAX];
	if (record->ttl == 0)
		return; /* a goodbye */
	if (!is_host_address(&record->address)) {
		trace_printf(r->trace, TRACE_WARN, "mdns", "%s: %s is no host's address",
			     mdns_name_print(&l->name, name), addr_print_ip(&record->address, address));
		return;
	}
	l->address = record->address;
	set_state(r, l, MDNS_FOUND);
}

/* RFC 6762 6.1: who owns the name says which records there are. */
static void apply_nsec(mdns_resolver *r, mdns_lookup *l, const mdns_record *record)
{
	l->ask_a &= record->has_a;
	l->ask_aaaa &= record->has_aaaa;
	l->due_a &= l->ask_a;
	l->due_aaaa &= l->ask_aaaa;
	if (!l->ask_a && !l->ask_aaaa)
		set_state(r, l, MDNS_FAILED);
}

/* Addresses before denials: an answer may hold both. */
static void apply_records(mdns_resolver *r, mdns_lookup *l, const mdns_message *m, bool denials)
{
	for (size_t i = 0; i < m->record_count && l->state == MDNS_ASKING; i++) {
		const mdns_record *record = &m->records[i];
		if (denials != (record->type == MDNS_NSEC) || !mdns_name_equal(&record->name, &l->name))
			continue;
		if (denials)
			apply_nsec(r, l, record);
		else
			apply_address(r, l, record);
	}
}

int mdns_receive(mdns_resolver *r, uint64_t now, slice in)
{
	mdns_message m;
	(void)now;
	if (mdns_parse(in, &m) != 0) {
		r->malformed++;
		trace_printf(r->trace, TRACE_WARN, "mdns", "malformed packet of %zu bytes dropped", in.len);
		return PARLEY_EPROTO;
	}
	if (!m.response)
		return 0;
	FOR_LOOKUPS(l, r)
	{
		apply_records(r, l, &m, false);
		apply_records(r, l, &m, true);
	}
	return 0;
}

void mdns_timeout(mdns_resolver *r, uint64_t now)
{
	FOR_LOOKUPS(l, r)
	{
		if (l->state != MDNS_ASKING)
			continue;
		if (now >= l->end) {
			set_state(r, l, MDNS_FAILED);
		} else if (now >= l->next) {
			l->due_a = l->ask_a;
			l->due_aaaa = l->ask_aaaa;
			l->interval = time_min(2 * l->interval, MDNS_INTERVAL_MAX_US);
			l->next = time_after(now, l->interval);
		}
	}
}

uint64_t mdns_deadline(const mdns_resolver *r)
{
	uint64_t deadline = TIME_NEVER;
	FOR_LOOKUPS_CONST(l, r)
	if (l->state == MDNS_ASKING)
		deadline = time_min(deadline, time_min(l->next, l->end));
	return deadline;
}

/* A candidate's name is often asked for several times over (components, transports): one query serves all that are
 * due. */
static void clear_due(mdns_resolver *r, const mdns_name *name, uint16_t type)
{
	FOR_LOOKUPS(l, r)
	if (mdns_name_equal(&l->name, name))
		*(type == MDNS_A ? &l->due_a : &l->due_aaaa) = false;
}

bool mdns_poll_transmit(mdns_resolver *r, uint64_t now, packet *out)
{
	(void)now;
	FOR_LOOKUPS(l, r)
	{
		if (!l->due_a && !l->due_aaaa)
			continue;
		uint16_t type = l->due_a ? MDNS_A : MDNS_AAAA;
		writer w = writer_of(out->data, out->capacity);
		mdns_begin(&w, false);
		mdns_put_question(&w, &l->name, type);
		clear_due(r, &l->name, type);
		out->len = w.len;
		if (!w.bad)
			return true;
	}
	return false;
}

bool mdns_poll_event(mdns_resolver *r, mdns_event *event)
{
	FOR_LOOKUPS(l, r)
	{
		if (l->state != MDNS_FOUND && l->state != MDNS_FAILED)
			continue;
		*event = (mdns_event){.id = l->id, .found = l->state == MDNS_FOUND, .address = l->address};
		set_state(r, l, MDNS_FREE);
		return true;
	}
	return false;
}

void mdns_check_invariants(const mdns_resolver *r)
{
	FOR_LOOKUPS_CONST(l, r)
	{
		bool asking = l->state == MDNS_ASKING;
		assert(l->id <= r->last_id);
		assert(asking || (!l->due_a && !l->due_aaaa));
		assert(!asking || l->ask_a || l->ask_aaaa);
		assert((!l->due_a || l->ask_a) && (!l->due_aaaa || l->ask_aaaa));
		assert(l->state == MDNS_FREE || l->name.len > 0);
		assert(l->state != MDNS_FOUND || l->address.family != PARLEY_ADDR_NONE);
		assert(!asking || mdns_deadline(r) <= l->end);
		(void)asking;
	}
}

void mdns_dump(const mdns_resolver *r, text *t)
{
	char name[MDNS_NAME_TEXT_MAX];
	FOR_LOOKUPS_CONST(l, r)
	if (l->state != MDNS_FREE)
		text_printf(t, "%llu %s %s%s%s\n", (unsigned long long)l->id, mdns_name_print(&l->name, name),
			    state_name(l->state), l->ask_a ? " A" : "", l->ask_aaaa ? " AAAA" : "");
}
