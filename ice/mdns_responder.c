#include "ice/mdns_responder.h"

#include <assert.h>
#include <string.h>

#include "base/addr.h"
#include "base/hash.h"
#include "base/rng.h"
#include "base/text.h"
#include "base/time.h"

#define FOR_OWN(n, r)                                                           \
	for (mdns_own_name *n = (r)->names; n < (r)->names + MDNS_OWN_MAX; n++) \
		if (n->used)
#define FOR_OWN_CONST(n, r)                                                           \
	for (const mdns_own_name *n = (r)->names; n < (r)->names + MDNS_OWN_MAX; n++) \
		if (n->used)
#define ANSWER_SIZE_MAX (2 * MDNS_NAME_MAX + 16u) /* an NSEC: the name twice, 10 bytes of header, 6 of bits */

void mdns_responder_init(mdns_responder *r)
{
	memset(r, 0, sizeof *r);
}

int mdns_random_name(const parley_random *random, char out[MDNS_RANDOM_NAME_SIZE])
{
	static const size_t GROUPS[] = {4, 2, 2, 2, 6}; /* bytes */
	uint8_t uuid[16];
	char hex[2 * 6 + 1];
	int error = rng_bytes(random, uuid, sizeof uuid);
	if (error)
		return error;
	uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40); /* version 4 */
	uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80); /* variant of RFC 9562 */
	text t = text_of(out, MDNS_RANDOM_NAME_SIZE);
	for (size_t i = 0, at = 0; i < sizeof GROUPS / sizeof *GROUPS; at += GROUPS[i++]) {
		hex_encode(slice_of(uuid + at, GROUPS[i]), hex);
		text_printf(&t, "%s%s", i ? "-" : "", hex);
	}
	text_string(&t, ".local");
	return 0;
}

static mdns_own_name *find(mdns_responder *r, const mdns_name *name)
{
	FOR_OWN(n, r)
	if (mdns_name_equal(&n->name, name))
		return n;
	return NULL;
}

int mdns_responder_add(mdns_responder *r, slice name, const parley_addr *address)
{
	mdns_own_name own = {.used = true, .address = *address};
	own.address.port = 0;
	own.address.scope = 0;
	if (address->family == PARLEY_ADDR_NONE || mdns_name_parse(name, &own.name) != 0 || find(r, &own.name))
		return PARLEY_EINVAL;
	for (size_t i = 0; i < MDNS_OWN_MAX; i++) {
		if (r->names[i].used)
			continue;
		r->names[i] = own;
		return 0;
	}
	return PARLEY_ELIMIT;
}

int mdns_responder_remove(mdns_responder *r, slice name)
{
	mdns_name parsed;
	mdns_own_name *own = mdns_name_parse(name, &parsed) == 0 ? find(r, &parsed) : NULL;
	if (!own)
		return PARLEY_ENOTFOUND;
	own->used = false;
	return 0;
}

static uint16_t type_of(const mdns_own_name *own)
{
	return own->address.family == PARLEY_IPV4 ? MDNS_A : MDNS_AAAA;
}

/* RFC 6762 7.1: the querier's answer section holds what it knows; half of the TTL must be left. */
static bool knows(const mdns_message *query, const mdns_own_name *own)
{
	for (size_t i = 0; i < query->record_count; i++) {
		const mdns_record *record = &query->records[i];
		if (record->answer && record->type == type_of(own) && record->ttl >= MDNS_TTL_S / 2 &&
		    addr_equal_ip(&record->address, &own->address) && mdns_name_equal(&record->name, &own->name))
			return true;
	}
	return false;
}

static void apply_question(mdns_responder *r, const mdns_message *query, const mdns_question *q)
{
	mdns_own_name *own = find(r, &q->name);
	if (!own)
		return;
	if (q->type == type_of(own) || q->type == MDNS_ANY)
		own->positive.due |= !knows(query, own);
	else if (q->type == MDNS_A || q->type == MDNS_AAAA)
		own->negative.due = true;
}

int mdns_responder_receive(mdns_responder *r, uint64_t now, slice in)
{
	mdns_message m;
	(void)now;
	if (mdns_parse(in, &m) != 0) {
		r->malformed++;
		return PARLEY_EPROTO;
	}
	for (size_t i = 0; !m.response && i < m.question_count; i++)
		apply_question(r, &m, &m.questions[i]);
	return 0;
}

/* When the record may leave; TIME_NEVER if nobody asked. */
static uint64_t leaves_at(const mdns_own_record *record)
{
	if (!record->due)
		return TIME_NEVER;
	return record->sent ? time_after(record->last_sent, MDNS_REPEAT_US) : 0;
}

uint64_t mdns_responder_deadline(const mdns_responder *r)
{
	uint64_t deadline = TIME_NEVER;
	FOR_OWN_CONST(own, r)
	deadline = time_min(deadline, time_min(leaves_at(&own->positive), leaves_at(&own->negative)));
	return deadline;
}

/* Is it time for the record, and is there room? It then counts as sent. */
static bool take(mdns_own_record *record, uint64_t now, const writer *w)
{
	if (leaves_at(record) > now || writer_left(w) < ANSWER_SIZE_MAX)
		return false;
	*record = (mdns_own_record){.sent = true, .last_sent = now};
	return true;
}

bool mdns_responder_poll_transmit(mdns_responder *r, uint64_t now, packet *out)
{
	bool any = false;
	writer w = writer_of(out->data, out->capacity);
	mdns_begin(&w, true);
	FOR_OWN(own, r)
	{
		bool v4 = type_of(own) == MDNS_A;
		if (take(&own->positive, now, &w)) {
			mdns_put_address(&w, &own->name, &own->address);
			any = true;
		}
		if (take(&own->negative, now, &w)) {
			mdns_put_nsec(&w, &own->name, v4, !v4);
			any = true;
		}
	}
	out->len = any ? w.len : 0;
	return any;
}

void mdns_responder_check_invariants(const mdns_responder *r)
{
	FOR_OWN_CONST(own, r)
	{
		assert(own->name.len > 0 && own->address.family != PARLEY_ADDR_NONE);
		for (const mdns_own_name *other = own + 1; other < r->names + MDNS_OWN_MAX; other++)
			assert(!other->used || !mdns_name_equal(&own->name, &other->name));
	}
}
