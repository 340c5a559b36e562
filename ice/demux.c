#include "ice/demux.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/list.h"
#include "base/table.h"
#include "base/text.h"
#include "stun/stun.h"

#define UFRAGS 2u     /* the present one and that before it */
#define KEY_MAX 48u   /* an address pair, encoded */
#define PER_MEMBER 2u /* buckets of each table: most members hold an address or two, and wait for few responses */

typedef struct {
	table_node node;
	bool used;
	ice_demux_member *member;
	uint8_t len;
	uint8_t text[ICE_DEMUX_UFRAG_MAX];
} ufrag_entry;

typedef struct {
	table_node node;
	list_node order; /* among the member's, the oldest first */
	ice_demux_member *member;
	stun_id id;
} request_entry;

typedef struct {
	table_node node;
	list_node order; /* among the member's, the one heard from last at the end */
	ice_demux_member *member;
	parley_addr local, remote;
	bool proven;
} address_entry;

struct ice_demux_member {
	list_node node;
	ice_demux *demux;
	void *owner;
	uint64_t age; /* greater: added later */
	ufrag_entry ufrags[UFRAGS];
	size_t ufrag;	    /* the present one */
	list_node requests; /* unanswered */
	size_t request_count;
	list_node addresses;
	size_t address_count;
};

struct ice_demux {
	table ufrags, requests, addresses;
	list_node members;
	size_t member_count, max_members;
	uint64_t next_age;
	ice_demux_counters counters;
};

int ice_demux_new(const parley_random *random, size_t max_members, ice_demux **out)
{
	if (max_members < 1 || max_members > ICE_DEMUX_MEMBERS_MAX)
		return PARLEY_EINVAL;
	ice_demux *d = calloc(1, sizeof *d);
	if (!d)
		return PARLEY_ENOMEM;
	list_init(&d->members);
	d->max_members = max_members;
	int err = table_init(&d->ufrags, random, PER_MEMBER * max_members);
	if (!err)
		err = table_init(&d->requests, random, PER_MEMBER * max_members);
	if (!err)
		err = table_init(&d->addresses, random, PER_MEMBER * max_members);
	if (err) {
		ice_demux_free(d);
		return err;
	}
	*out = d;
	return 0;
}

void ice_demux_free(ice_demux *d)
{
	if (!d)
		return;
	assert(list_empty(&d->members));
	table_clear(&d->ufrags);
	table_clear(&d->requests);
	table_clear(&d->addresses);
	free(d);
}

/* --- ufrags --- */

static ice_demux_member *find_ufrag(const ice_demux *d, slice ufrag)
{
	TABLE_FOR (node, &d->ufrags, table_hash(&d->ufrags, ufrag)) {
		const ufrag_entry *e = LIST_ENTRY(node, ufrag_entry, node);
		if (slice_equal(slice_of(e->text, e->len), ufrag))
			return e->member;
	}
	return NULL;
}

static int ufrag_error(const ice_demux *d, slice ufrag)
{
	if (ufrag.len == 0 || ufrag.len > ICE_DEMUX_UFRAG_MAX)
		return PARLEY_EINVAL;
	return find_ufrag(d, ufrag) ? PARLEY_ESTATE : 0;
}

static void drop_ufrag(ice_demux *d, ufrag_entry *e)
{
	if (e->used)
		table_remove(&d->ufrags, &e->node);
	e->used = false;
}

static void put_ufrag(ice_demux_member *m, ufrag_entry *e, slice ufrag)
{
	drop_ufrag(m->demux, e);
	*e = (ufrag_entry){.used = true, .member = m, .len = (uint8_t)ufrag.len};
	memcpy(e->text, ufrag.data, ufrag.len);
	table_insert(&m->demux->ufrags, &e->node, table_hash(&m->demux->ufrags, ufrag));
}

int ice_demux_set_ufrag(ice_demux_member *m, slice ufrag)
{
	const ufrag_entry *present = &m->ufrags[m->ufrag];
	if (slice_equal(slice_of(present->text, present->len), ufrag))
		return 0;
	int err = ufrag_error(m->demux, ufrag);
	if (err)
		return err;
	m->ufrag = (m->ufrag + 1) % UFRAGS;
	put_ufrag(m, &m->ufrags[m->ufrag], ufrag);
	return 0;
}

/* --- addresses --- */

static void write_address(writer *w, const parley_addr *a)
{
	write_u8(w, a->family);
	write_u16(w, a->port);
	write_u32(w, a->scope);
	write_bytes(w, slice_of(a->ip, a->family == PARLEY_IPV4 ? 4 : sizeof a->ip));
}

static uint64_t address_hash(const ice_demux *d, const parley_addr *local, const parley_addr *remote)
{
	uint8_t key[KEY_MAX];
	writer w = writer_of(key, sizeof key);
	write_address(&w, local);
	write_address(&w, remote);
	assert(!w.bad);
	return table_hash(&d->addresses, writer_slice(&w));
}

static address_entry *find_address(const ice_demux *d, uint64_t hash, const parley_addr *local,
				   const parley_addr *remote)
{
	TABLE_FOR (node, &d->addresses, hash) {
		address_entry *e = LIST_ENTRY(node, address_entry, node);
		if (addr_equal(&e->remote, remote) && addr_equal(&e->local, local))
			return e;
	}
	return NULL;
}

static address_entry *holder_of(const ice_demux *d, const parley_addr *local, const parley_addr *remote)
{
	return find_address(d, address_hash(d, local, remote), local, remote);
}

static void drop_address(ice_demux *d, address_entry *e)
{
	table_remove(&d->addresses, &e->node);
	list_remove(&e->order);
	e->member->address_count--;
	free(e);
}

static void make_room_for_address(ice_demux_member *m)
{
	if (m->address_count < ICE_DEMUX_ADDRESSES_MAX)
		return;
	m->demux->counters.evictions++;
	drop_address(m->demux, LIST_ENTRY(m->addresses.next, address_entry, order));
}

static bool add_address(ice_demux_member *m, uint64_t hash, const parley_addr *local, const parley_addr *remote,
			bool proven)
{
	address_entry *e = malloc(sizeof *e);
	if (!e) {
		m->demux->counters.out_of_memory++;
		return false;
	}
	make_room_for_address(m);
	*e = (address_entry){.member = m, .local = *local, .remote = *remote, .proven = proven};
	list_append(&m->addresses, &e->order);
	m->address_count++;
	table_insert(&m->demux->addresses, &e->node, hash);
	return true;
}

static void heard_again(address_entry *e, bool proven)
{
	e->proven |= proven;
	list_remove(&e->order);
	list_append(&e->member->addresses, &e->order);
}

static bool take_address(ice_demux_member *m, address_entry *e, bool proven)
{
	ice_demux_counters *c = &m->demux->counters;
	if (!proven || (e->proven && m->age < e->member->age)) {
		c->refusals++;
		return false;
	}
	c->moves++;
	make_room_for_address(m);
	e->member->address_count--;
	e->member = m;
	m->address_count++;
	heard_again(e, proven);
	return true;
}

/* proven: it has answered from there. */
static bool learn_address(ice_demux_member *m, const parley_addr *local, const parley_addr *remote, bool proven)
{
	uint64_t hash = address_hash(m->demux, local, remote);
	address_entry *e = find_address(m->demux, hash, local, remote);
	if (!e)
		return add_address(m, hash, local, remote, proven);
	if (e->member != m)
		return take_address(m, e, proven);
	heard_again(e, proven);
	return true;
}

void *ice_demux_holder(const ice_demux *d, const parley_addr *local, const parley_addr *remote)
{
	const address_entry *e = holder_of(d, local, remote);
	return e ? e->member->owner : NULL;
}

void ice_demux_forget(ice_demux *d, const parley_addr *local, const parley_addr *remote)
{
	address_entry *e = holder_of(d, local, remote);
	if (e)
		drop_address(d, e);
}

/* --- requests --- */

static uint64_t request_hash(const ice_demux *d, const stun_id *id)
{
	return table_hash(&d->requests, slice_of(id->bytes, sizeof id->bytes));
}

static request_entry *find_request(const ice_demux *d, uint64_t hash, const stun_id *id)
{
	TABLE_FOR (node, &d->requests, hash) {
		request_entry *e = LIST_ENTRY(node, request_entry, node);
		if (stun_id_equal(&e->id, id))
			return e;
	}
	return NULL;
}

static void drop_request(ice_demux *d, request_entry *e)
{
	table_remove(&d->requests, &e->node);
	list_remove(&e->order);
	e->member->request_count--;
	free(e);
}

static void make_room_for_request(ice_demux_member *m)
{
	if (m->request_count < ICE_DEMUX_REQUESTS_MAX)
		return;
	m->demux->counters.evictions++;
	drop_request(m->demux, LIST_ENTRY(m->requests.next, request_entry, order));
}

void ice_demux_sent(ice_demux_member *m, slice datagram)
{
	stun_header h;
	if (!stun_read_header(datagram, &h) || h.class != STUN_REQUEST)
		return;
	ice_demux *d = m->demux;
	uint64_t hash = request_hash(d, &h.id);
	if (find_request(d, hash, &h.id))
		return; /* a retransmission */
	request_entry *e = malloc(sizeof *e);
	if (!e) {
		d->counters.out_of_memory++;
		return;
	}
	make_room_for_request(m);
	*e = (request_entry){.member = m, .id = h.id};
	list_append(&m->requests, &e->order);
	m->request_count++;
	table_insert(&d->requests, &e->node, hash);
}

bool ice_demux_heard(ice_demux_member *m, const parley_addr *local, const parley_addr *remote, slice message,
		     bool validated)
{
	stun_header h;
	if (!stun_read_header(message, &h))
		return false;
	request_entry *e = find_request(m->demux, request_hash(m->demux, &h.id), &h.id);
	if (e && e->member == m && (h.class == STUN_SUCCESS || h.class == STUN_ERROR))
		drop_request(m->demux, e);
	return validated && learn_address(m, local, remote, h.class == STUN_SUCCESS);
}

/* --- members --- */

int ice_demux_add(ice_demux *d, slice ufrag, void *owner, ice_demux_member **out)
{
	if (d->member_count == d->max_members)
		return PARLEY_ELIMIT;
	int err = ufrag_error(d, ufrag);
	if (err)
		return err;
	ice_demux_member *m = calloc(1, sizeof *m);
	if (!m)
		return PARLEY_ENOMEM;
	m->demux = d;
	m->owner = owner;
	m->age = d->next_age++;
	list_init(&m->requests);
	list_init(&m->addresses);
	put_ufrag(m, &m->ufrags[0], ufrag);
	list_append(&d->members, &m->node);
	d->member_count++;
	*out = m;
	return 0;
}

void ice_demux_remove(ice_demux_member *m)
{
	ice_demux *d = m->demux;
	for (size_t i = 0; i < UFRAGS; i++)
		drop_ufrag(d, &m->ufrags[i]);
	while (!list_empty(&m->requests))
		drop_request(d, LIST_ENTRY(m->requests.next, request_entry, order));
	while (!list_empty(&m->addresses))
		drop_address(d, LIST_ENTRY(m->addresses.next, address_entry, order));
	list_remove(&m->node);
	d->member_count--;
	free(m);
}

/* --- routing --- */

/* What is before the colon of USERNAME (RFC 8445 7.2.2): the ufrag of who is asked. */
static bool find_receiver(slice message, slice *receiver)
{
	reader r = stun_attributes(message);
	stun_attribute a;
	while (stun_next_attribute(&r, &a))
		if (a.type == STUN_ATTR_USERNAME)
			return scan_token(&a.value, ':', receiver);
	return false;
}

static ice_demux_member *route_request(ice_demux *d, slice message)
{
	slice ufrag;
	ice_demux_member *m = find_receiver(message, &ufrag) ? find_ufrag(d, ufrag) : NULL;
	d->counters.by_ufrag += m != NULL;
	return m;
}

static ice_demux_member *route_response(ice_demux *d, const stun_id *id)
{
	const request_entry *e = find_request(d, request_hash(d, id), id);
	d->counters.by_request += e != NULL;
	return e ? e->member : NULL;
}

static ice_demux_member *route_stun(ice_demux *d, slice datagram)
{
	stun_header h;
	if (!stun_read_header(datagram, &h))
		return NULL;
	switch (h.class) {
	case STUN_REQUEST:
		return route_request(d, datagram);
	case STUN_SUCCESS:
	case STUN_ERROR:
		return route_response(d, &h.id);
	case STUN_INDICATION:
		break;
	}
	return NULL;
}

static ice_demux_member *route_address(ice_demux *d, const parley_addr *local, const parley_addr *remote)
{
	const address_entry *e = holder_of(d, local, remote);
	d->counters.by_address += e != NULL;
	return e ? e->member : NULL;
}

void *ice_demux_route(ice_demux *d, const parley_addr *local, const parley_addr *remote, slice datagram)
{
	ice_demux_member *m = route_stun(d, datagram);
	if (!m)
		m = route_address(d, local, remote);
	d->counters.strangers += m == NULL;
	return m ? m->owner : NULL;
}

/* --- looking in --- */

size_t ice_demux_member_count(const ice_demux *d)
{
	return d->member_count;
}

size_t ice_demux_address_count(const ice_demux *d)
{
	return d->addresses.count;
}

void ice_demux_get_counters(const ice_demux *d, ice_demux_counters *out)
{
	*out = d->counters;
}

static size_t check_member(const ice_demux *d, const ice_demux_member *m, size_t *ufrags, size_t *all_requests)
{
	size_t addresses = 0, requests = 0;
	assert(m->demux == d && m->age < d->next_age && m->ufrags[m->ufrag].used);
	for (size_t i = 0; i < UFRAGS; i++) {
		const ufrag_entry *e = &m->ufrags[i];
		*ufrags += e->used;
		assert(!e->used || find_ufrag(d, slice_of(e->text, e->len)) == m);
	}
	LIST_FOR (node, &m->requests) {
		const request_entry *e = LIST_ENTRY(node, request_entry, order);
		requests++;
		assert(e->member == m && find_request(d, e->node.hash, &e->id) == e);
	}
	assert(requests == m->request_count && requests <= ICE_DEMUX_REQUESTS_MAX);
	*all_requests += requests;
	LIST_FOR (node, &m->addresses) {
		const address_entry *e = LIST_ENTRY(node, address_entry, order);
		addresses++;
		assert(e->member == m && holder_of(d, &e->local, &e->remote) == e);
	}
	assert(addresses == m->address_count && addresses <= ICE_DEMUX_ADDRESSES_MAX);
	return addresses;
}

void ice_demux_check_invariants(const ice_demux *d)
{
	size_t members = 0, ufrags = 0, requests = 0, addresses = 0;
	LIST_FOR (node, &d->members) {
		addresses += check_member(d, LIST_ENTRY(node, ice_demux_member, node), &ufrags, &requests);
		members++;
	}
	assert(members == d->member_count && members <= d->max_members);
	assert(ufrags == d->ufrags.count && requests == d->requests.count && addresses == d->addresses.count);
}
