#include <string.h>

#include "base/addr.h"
#include "base/text.h"
#include "ice/turn_internal.h"

/* --- Allocate --- */

void turn_put_allocate(const turn_client *c, writer *w)
{
	stun_put_bytes(w, STUN_ATTR_SOFTWARE, slice_from_string(TURN_SOFTWARE));
	stun_put_u8(w, STUN_ATTR_REQUESTED_TRANSPORT, STUN_TRANSPORT_UDP);
	stun_put_u32(w, STUN_ATTR_LIFETIME, c->config.lifetime_s);
	/* IPv4 is what a server gives unasked, and one of RFC 5766 knows no families (RFC 8656 7.1). */
	if (c->families == TURN_IPV6)
		stun_put_u8(w, STUN_ATTR_REQUESTED_ADDRESS_FAMILY, STUN_FAMILY_IPV6);
	if (c->families != TURN_BOTH)
		return;
	/* Who knows one of the two ignores the other. */
	stun_put_u8(w, STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY, STUN_FAMILY_IPV6);
	stun_put_u8(w, STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY_DRAFT, STUN_FAMILY_IPV6);
}

void turn_allocate(turn_client *c, uint64_t now)
{
	int err = turn_request_start(c, now, TURN_ALLOCATION_SLOT, TURN_ASK_ALLOCATE, c->allocate_by);
	if (err)
		turn_over(c, (turn_failure){.error = err}, NULL);
}

/*
 * All XOR-RELAYED-ADDRESS attributes: two of a dual allocation (RFC 8656 7.2). One that nobody can have stands for none:
 * coturn has it for the family that failed. One of a family that was not asked for is as good: a server may give what its
 * client has.
 */
static void note_relayed(turn_client *c, const stun_message *m)
{
	reader r = stun_attributes(m->raw);
	for (stun_attribute a; stun_next_attribute(&r, &a) && !stun_is_integrity(a.type);) {
		parley_addr addr;
		if (a.type == STUN_ATTR_XOR_RELAYED_ADDRESS && stun_decode_address(a.value, &m->id, &addr) &&
		    addr_is_unicast(&addr) && addr.port)
			*(addr.family == PARLEY_IPV4 ? &c->relayed_ipv4 : &c->relayed_ipv6) = addr;
	}
}

static void note_lifetime(turn_client *c, uint32_t lifetime_s)
{
	uint64_t since = c->requests[TURN_ALLOCATION_SLOT].started;
	c->lifetime_s = lifetime_s < TURN_LIFETIME_MAX_S ? lifetime_s : TURN_LIFETIME_MAX_S;
	uint64_t lifetime = c->lifetime_s * US_PER_S;
	uint64_t ahead = lifetime >= 2 * TURN_REFRESH_AHEAD_US ? TURN_REFRESH_AHEAD_US : lifetime / 2;
	c->expires = time_after(since, lifetime);
	c->refresh_due = c->expires - ahead;
}

void turn_allocate_answered(turn_client *c, uint64_t now, const stun_message *m)
{
	note_relayed(c, m);
	if ((!c->relayed_ipv4.family && !c->relayed_ipv6.family) || !m->has_lifetime || m->lifetime == 0) {
		/* RFC 8656 7.3: what we cannot handle is deleted. */
		turn_over(c, (turn_failure){.error = PARLEY_EPROTO}, "an allocation without address or lifetime");
		turn_delete(c, now);
		return;
	}
	note_lifetime(c, m->lifetime);
	turn_request_release(c, TURN_ALLOCATION_SLOT);
	if (m->has_xor_mapped_address && addr_is_unicast(&m->xor_mapped_address)) {
		c->mapped = m->xor_mapped_address;
		c->mapped.transport = c->server.transport;
	}
	if (m->has_software)
		text_copy_printable(c->software, sizeof c->software, m->software);
	if (m->has_address_error)
		c->missing_code = m->address_error_code;
	c->last_sent = now;
	c->tell_allocated = true;
	turn_set_state(c, TURN_ALLOCATED);
	turn_permissions_allocated(c, now);
}

/* --- redirection (RFC 8489 10) --- */

static bool was_tried(const turn_client *c, const parley_addr *server)
{
	for (size_t i = 0; i < c->tried_count; i++)
		if (addr_equal(&c->tried[i], server))
			return true;
	return false;
}

/* The first ALTERNATE-SERVER that our socket can reach. To nobody's loopback: a stranger must not have us talk to it. */
static bool alternate_of(const turn_client *c, const stun_message *m, parley_addr *out)
{
	reader r = stun_attributes(m->raw);
	for (stun_attribute a; stun_next_attribute(&r, &a) && !stun_is_integrity(a.type);)
		if (a.type == STUN_ATTR_ALTERNATE_SERVER && stun_decode_address(a.value, NULL, out) &&
		    out->family == c->server.family && addr_is_unicast(out) && out->port &&
		    addr_is_loopback(out) <= addr_is_loopback(&c->server))
			return true;
	return false;
}

static void redirect(turn_client *c, uint64_t now, const stun_message *m, turn_failure failure)
{
	parley_addr alternate;
	if (!alternate_of(c, m, &alternate)) {
		turn_over(c, failure, "redirected to no server of use");
		return;
	}
	alternate.transport = c->server.transport;
	if (was_tried(c, &alternate) || c->tried_count > TURN_ALTERNATES_MAX) {
		turn_over(c, failure, "redirected in circles");
		return;
	}
	turn_request_release(c, TURN_ALLOCATION_SLOT);
	c->server = c->tried[c->tried_count++] = alternate;
	if (m->has_alternate_domain)
		text_copy_printable(c->domain, sizeof c->domain, m->alternate_domain);
	/* The same user name and password; realm and nonce are each server's own. */
	stun_credentials_clear(&c->credentials);
	stun_credentials_init(&c->credentials, c->config.username, c->config.password);
	c->families = c->config.families;
	c->missing_code = 0;
	c->tell_alternate = true;
	if (!turn_on_stream(c)) {
		turn_allocate(c, now);
		return;
	}
	buf_clear(&c->partial);
	c->partial_done = false;
	turn_set_state(c, TURN_NEW);
}

void turn_allocate_failed(turn_client *c, uint64_t now, turn_failure failure, const stun_message *m)
{
	if (m && m->error_code == STUN_TRY_ALTERNATE) {
		redirect(c, now, m, failure);
	} else if (m && failure.error == PARLEY_EUNSUPPORTED && c->families == TURN_BOTH) {
		/* One family is better than none. Not the same request again (RFC 8656 7.4). */
		c->families = TURN_IPV4;
		c->missing_code = m->error_code;
		turn_request_release(c, TURN_ALLOCATION_SLOT);
		turn_allocate(c, now);
	} else {
		turn_over(c, failure, NULL);
	}
}

/* --- Refresh --- */

void turn_refresh_start(turn_client *c, uint64_t now)
{
	if (now < c->refresh_due || c->requests[TURN_ALLOCATION_SLOT].txn.state != STUN_TXN_IDLE)
		return;
	uint64_t give_up = time_after(now, c->config.request_timeout_us);
	if (turn_request_start(c, now, TURN_ALLOCATION_SLOT, TURN_ASK_REFRESH, give_up))
		c->refresh_due = time_after(now, TURN_REFRESH_RETRY_US);
}

void turn_refresh_answered(turn_client *c, uint64_t now, const stun_message *m)
{
	(void)now;
	if (m->has_lifetime && m->lifetime == 0) {
		turn_over(c, (turn_failure){.error = PARLEY_ECLOSED}, "the server has ended the allocation");
		return;
	}
	note_lifetime(c, m->has_lifetime ? m->lifetime : TURN_LIFETIME_DEFAULT_S);
	turn_request_release(c, TURN_ALLOCATION_SLOT);
	c->tell_alive = true;
}

/* A verdict ends it. What may pass, silence or an error of the server's own, is tried again until the allocation expires. */
void turn_refresh_failed(turn_client *c, uint64_t now, turn_failure failure)
{
	if (turn_is_verdict(failure)) {
		turn_over(c, failure, NULL);
		return;
	}
	turn_request_release(c, TURN_ALLOCATION_SLOT);
	c->refresh_due = time_after(now, TURN_REFRESH_RETRY_US);
}

void turn_probe(turn_client *c, uint64_t now)
{
	if (c->state != TURN_ALLOCATED)
		return;
	if (c->requests[TURN_ALLOCATION_SLOT].txn.state == STUN_TXN_IDLE)
		c->refresh_due = now;
	turn_requests_hurry(c, now);
}

void turn_delete(turn_client *c, uint64_t now)
{
	int err =
		turn_request_start(c, now, TURN_ALLOCATION_SLOT, TURN_ASK_DELETE, time_after(now, TURN_CLOSE_WAIT_US));
	if (err && c->state == TURN_CLOSING)
		turn_over(c, (turn_failure){0}, NULL);
}
