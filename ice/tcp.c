/*
 * ICE over TCP (RFC 6544): connections opened from active candidates and accepted at passive ones, and the frames on them.
 *
 * A connection belongs to one path, base and remote address, as long as that lives: an active base opens one when the pair's check
 * starts, a passive base takes what is accepted and gives it its time to prove itself. It is closed as soon as nothing needs
 * it (ice_tcp_sweep). Simultaneous open (RFC 6544 4.1) is not offered and not accepted.
 */
#include <stdlib.h>

#include "ice/internal.h"

#define LENGTH_SIZE 2u /* RFC 4571 2 */

bool ice_tcp_is(const ice_agent *a, size_t base)
{
	return a->bases[base].addr.transport == PARLEY_TCP;
}

ice_tcptype ice_tcp_type(const ice_agent *a, size_t base)
{
	switch (a->bases[base].kind) {
	case ICE_BASE_TCP_ACTIVE:
		return ICE_TCPTYPE_ACTIVE;
	case ICE_BASE_TCP_PASSIVE:
		return ICE_TCPTYPE_PASSIVE;
	case ICE_BASE_UDP:
	case ICE_BASE_RELAY:
		break;
	}
	return ICE_TCPTYPE_NONE;
}

/* --- connections --- */

ice_connection *ice_tcp_of(const ice_agent *a, uint32_t stream)
{
	for (size_t i = 0; i < a->connection_count; i++)
		if (a->connections[i]->stream == stream)
			return a->connections[i];
	return NULL;
}

static ice_connection *find(const ice_agent *a, size_t base, const parley_addr *remote)
{
	for (size_t i = 0; i < a->connection_count; i++)
		if (a->connections[i]->base == base && addr_equal(&a->connections[i]->remote, remote))
			return a->connections[i];
	return NULL;
}

/* NULL: limit or memory. */
static ice_connection *add(ice_agent *a, size_t base, const parley_addr *remote)
{
	ice_connection *c = NULL;
	if (a->connection_count < ICE_CONNECTIONS_MAX && ARRAY_ROOM(a->connections, a->connection_count))
		c = calloc(1, sizeof *c);
	if (!c) {
		a->counters.drop_limit++;
		return NULL;
	}
	c->stream = ++a->last_stream;
	c->base = base;
	c->remote = *remote;
	c->in.limit = LENGTH_SIZE + ICE_FRAME_MAX;
	a->connections[a->connection_count++] = c;
	return c;
}

static void forget(ice_agent *a, ice_connection *c)
{
	size_t i = 0;
	while (a->connections[i] != c)
		i++;
	a->connections[i] = a->connections[--a->connection_count];
	buf_clear(&c->in);
	free(c);
}

static void hang_up(ice_agent *a, ice_connection *c)
{
	ice_queue_event(a, ICE_EVENT_STREAM_CLOSE, c->stream);
	forget(a, c);
}

void ice_tcp_clear(ice_agent *a)
{
	while (a->connection_count)
		forget(a, a->connections[a->connection_count - 1]);
	free(a->connections);
	a->connections = NULL;
}

static bool is_path(const ice_agent *a, const ice_connection *c)
{
	return a->path.active && a->path.base == c->base && addr_equal(&a->path.remote, &c->remote);
}

/* What an accepted connection has said is authentic, or an open one is on the check list. */
static bool is_known(const ice_agent *a, const ice_connection *c)
{
	const ice_pair *p = ice_pair_find(a, c->base, &c->remote);
	if (is_path(a, c) || (p && p->state != ICE_PAIR_FAILED))
		return true;
	for (size_t i = 0; i < a->early_count; i++)
		if (addr_equal(&a->early[i].remote, &c->remote) &&
		    addr_equal(&a->early[i].local, &a->bases[c->base].addr))
			return true;
	return false;
}

void ice_tcp_sweep(ice_agent *a, uint64_t now)
{
	for (size_t i = a->connection_count; i-- > 0;) {
		ice_connection *c = a->connections[i];
		if (!a->bases[c->base].used || (now >= c->trusted_until && !is_known(a, c)))
			hang_up(a, c);
	}
}

uint64_t ice_tcp_deadline(const ice_agent *a)
{
	uint64_t t = TIME_NEVER;
	for (size_t i = 0; i < a->connection_count; i++)
		if (a->connections[i]->trusted_until && !is_known(a, a->connections[i]))
			t = time_min(t, a->connections[i]->trusted_until);
	return t;
}

/* --- opening --- */

/* RFC 6544 6.2: who is active opens, who is passive waits. */
bool ice_tcp_may_pair(const ice_agent *a, size_t base, const ice_candidate *remote)
{
	switch (a->bases[base].kind) {
	case ICE_BASE_TCP_ACTIVE:
		return remote->tcptype == ICE_TCPTYPE_PASSIVE;
	case ICE_BASE_TCP_PASSIVE:
		return false;
	case ICE_BASE_UDP:
	case ICE_BASE_RELAY:
		break;
	}
	return true;
}

bool ice_tcp_connect(ice_agent *a, const ice_pair *p)
{
	if (find(a, p->base, &p->remote_addr))
		return true;
	if (a->bases[p->base].kind != ICE_BASE_TCP_ACTIVE)
		return false; /* whoever opened it has to open another */
	const ice_connection *c = add(a, p->base, &p->remote_addr);
	if (c)
		ice_queue_event(a, ICE_EVENT_STREAM_OPEN, c->stream);
	return c != NULL;
}

void ice_tcp_fill(const ice_agent *a, const ice_connection *c, ice_event *out)
{
	out->id = c->stream;
	out->local = a->bases[c->base].addr;
	out->local.port = 0;
	out->remote = c->remote;
}

void ice_tcp_opened(ice_agent *a, uint64_t now, ice_connection *c, const parley_addr *local)
{
	ice_pair *p = ice_pair_find(a, c->base, &c->remote);
	c->open = true;
	c->local = *local;
	c->local.transport = PARLEY_TCP;
	if (p)
		ice_check_resend(a, now, p);
}

bool ice_tcp_is_own(const ice_agent *a, const ice_pair *p, const parley_addr *mapped)
{
	const ice_connection *c = find(a, p->base, &p->remote_addr);
	return c && a->bases[p->base].kind == ICE_BASE_TCP_ACTIVE && addr_equal_ip(&c->local, mapped) &&
	       c->local.port == mapped->port;
}

/* --- accepting --- */

/* Strangers push each other out: a peer proves itself within a round trip, who only holds a place does not. */
static void make_room(ice_agent *a)
{
	ice_connection *oldest = NULL;
	size_t strangers = 0;
	for (size_t i = 0; i < a->connection_count; i++) {
		ice_connection *c = a->connections[i];
		if (!c->trusted_until || is_known(a, c))
			continue;
		strangers++;
		if (!oldest || c->trusted_until < oldest->trusted_until)
			oldest = c;
	}
	if (strangers >= ICE_STRANGERS_MAX)
		hang_up(a, oldest);
}

int ice_stream_accepted(ice_agent *a, uint64_t now, const parley_addr *local, const parley_addr *remote,
			uint32_t *stream)
{
	size_t base;
	if (a->state == ICE_CLOSED)
		return PARLEY_ESTATE;
	if (!ice_find_base(a, local, &base) || a->bases[base].kind != ICE_BASE_TCP_PASSIVE || !a->bases[base].offered)
		return PARLEY_ENOTFOUND;
	if (remote->transport != PARLEY_TCP || find(a, base, remote))
		return PARLEY_EINVAL;
	make_room(a);
	ice_connection *c = add(a, base, remote);
	if (!c)
		return a->connection_count == ICE_CONNECTIONS_MAX ? PARLEY_ELIMIT : PARLEY_ENOMEM;
	c->open = true;
	c->local = *local;
	c->trusted_until = time_after(now, ICE_STRANGER_US);
	*stream = c->stream;
	ice_settle(a, now);
	return 0;
}

/* --- the end --- */

/* Of an accepted connection there is nothing left to try: its remote address will not be seen again. */
static void drop_pair(ice_agent *a, ice_pair *p, bool accepted)
{
	ice_remote *r = p->remote;
	ice_pair_failed(a, p);
	if (!accepted)
		return;
	ice_pair_remove(a, p);
	ice_remote_unlearn(a, r);
}

void ice_tcp_closed(ice_agent *a, uint64_t now, ice_connection *c, const char *why)
{
	char remote[ADDR_TEXT_MAX];
	bool path = is_path(a, c), accepted = a->bases[c->base].kind == ICE_BASE_TCP_PASSIVE;
	ice_pair *p = ice_pair_find(a, c->base, &c->remote);
	trace_printf(a->config.trace, TRACE_INFO, "ice", "connection with %s ended: %s", addr_print(&c->remote, remote),
		     why);
	forget(a, c);
	if (p)
		drop_pair(a, p, accepted);
	if (path)
		ice_path_lost(a, now);
}

/* --- frames (RFC 4571 2) --- */

bool ice_tcp_envelop(const ice_agent *a, size_t base, ice_packet *p)
{
	const ice_connection *c = find(a, base, &p->remote);
	if (!c || !c->open || p->data.len > UINT16_MAX)
		return false;
	size_t len = p->data.len;
	p->data.data -= LENGTH_SIZE;
	p->data.capacity += LENGTH_SIZE;
	p->data.len += LENGTH_SIZE;
	writer w = writer_of(p->data.data, LENGTH_SIZE);
	write_u16(&w, (uint16_t)len);
	p->stream = c->stream;
	return true;
}

static size_t frame_size(slice bytes)
{
	reader r = reader_of(bytes);
	return LENGTH_SIZE + read_u16(&r);
}

/* Takes the next frame if all of it has just come. */
static bool next_whole(slice *bytes, slice *frame)
{
	size_t size = frame_size(*bytes);
	if (bytes->len < LENGTH_SIZE || bytes->len < size)
		return false;
	*frame = slice_part(*bytes, LENGTH_SIZE, size - LENGTH_SIZE);
	*bytes = slice_part(*bytes, size, bytes->len);
	return true;
}

/* Takes the next whole frame of what has come; keeps what is left of one. 0: there is none; PARLEY_EMSGSIZE, PARLEY_ENOMEM. */
static int next_frame(ice_connection *c, slice *bytes, slice *frame)
{
	buf *in = &c->in;
	if (in->len == 0 && next_whole(bytes, frame))
		return frame->len + LENGTH_SIZE <= in->limit ? 1 : PARLEY_EMSGSIZE;
	size_t want = in->len < LENGTH_SIZE ? LENGTH_SIZE : frame_size(buf_slice(in));
	while (bytes->len && in->len < want) {
		slice part = slice_part(*bytes, 0, want - in->len);
		int err = buf_append(in, part);
		if (err)
			return err == PARLEY_ELIMIT ? PARLEY_EMSGSIZE : err;
		*bytes = slice_part(*bytes, part.len, bytes->len);
		if (in->len >= LENGTH_SIZE)
			want = frame_size(buf_slice(in));
		if (want > in->limit)
			return PARLEY_EMSGSIZE;
	}
	if (in->len < LENGTH_SIZE || in->len < want)
		return 0;
	*frame = slice_part(buf_slice(in), LENGTH_SIZE, in->len);
	return 1;
}

void ice_tcp_receive(ice_agent *a, uint64_t now, ice_connection *c, slice bytes)
{
	parley_addr local = a->bases[c->base].addr, remote = c->remote;
	slice frame;
	int got;
	while ((got = next_frame(c, &bytes, &frame)) > 0) {
		ice_unwrapped(a, now, &local, &remote, frame);
		buf_clear(&c->in);
	}
	if (got == 0)
		return;
	ice_queue_event(a, ICE_EVENT_STREAM_CLOSE, c->stream);
	ice_tcp_closed(a, now, c, got == PARLEY_ENOMEM ? "out of memory" : "a frame is too long");
}
