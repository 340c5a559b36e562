#include "tests/sim/simturn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/crc.h"
#include "tests/sim/simturn_internal.h"
#include "tests/support/test.h"

#define NONCE_COOKIE "obMatJos2" /* RFC 8489 9.2 */
#define NONCE_FEATURES "wAAA"	 /* base64 of 0xC00000: password algorithms, USERHASH */
#define NONCE_DEFAULT_US (3600 * US_PER_S)
#define NONCE_MAX 64u
#define SENDINGS_MAX 7u /* RFC 8489 6.2.1: Rc */
#define RELAYED_FIRST 49152u

/* SHA-256, then MD5, none with parameters (RFC 8489 14.11). */
static const uint8_t algorithms[] = {0, STUN_ALGORITHM_SHA256, 0, 0, 0, STUN_ALGORITHM_MD5, 0, 0};

/* A client's stream: bytes until they are a message. */
typedef struct {
	uint8_t bytes[UINT16_MAX];
	size_t len;
} simturn_input;

static const simnet_host_ops server_ops;

void simturn_add(simturn *s, simnet *net, const char *name, const simturn_config *config,
		 const simnet_interface *interfaces, size_t count)
{
	assert_true(count <= SIMNET_INTERFACES_MAX);
	*s = (simturn){.config = *config, .next_port = RELAYED_FIRST, .epoch = 1};
	list_init(&s->allocations);
	memcpy(s->host.interfaces, interfaces, count * sizeof *interfaces);
	s->host.interface_count = count;
	if (config->username) {
		slice user = slice_from_string(config->username), realm = slice_from_string(config->realm);
		slice password = slice_from_string(config->password);
		assert_int_equal(stun_long_term_key(STUN_ALGORITHM_MD5, user, realm, password, &s->md5_key), 0);
		assert_int_equal(stun_long_term_key(STUN_ALGORITHM_SHA256, user, realm, password, &s->sha256_key), 0);
		assert_int_equal(stun_userhash(user, realm, s->userhash), 0);
	}
	simnet_add_host(net, &s->host, name, &server_ops, s);
}

static void forget_allocations(simturn *s)
{
	while (!list_empty(&s->allocations))
		simturn_free(LIST_ENTRY(s->allocations.next, simturn_allocation, node));
}

static void forget_streams(simturn *s)
{
	LIST_FOR (n, &s->host.connections)
		free(LIST_ENTRY(n, simtcp_connection, node)->user);
	simtcp_clear(&s->host);
}

void simturn_restart(simturn *s)
{
	forget_allocations(s);
	forget_streams(s);
	memset(s->recent, 0, sizeof s->recent);
	s->epoch++;
}

size_t simturn_allocations(simturn *s)
{
	size_t n = 0;
	LIST_FOR (at, &s->allocations)
		n++;
	return n;
}

void simturn_violation(simturn *s, const simturn_flow *flow, const char *format, ...)
{
	char textual[160], remote[ADDR_TEXT_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(textual, sizeof textual, format, args);
	va_end(args);
	if (s->violations++ == 0)
		snprintf(s->violation, sizeof s->violation, "%s", textual);
	simnet_trace(s->host.net, "%s VIOLATION by %s: %s", s->host.name, addr_print(&flow->remote, remote), textual);
}

/* --- out --- */

void simturn_reply(simturn *s, const simturn_flow *flow, const writer *w)
{
	assert_false(w->bad);
	if (flow->stream)
		(void)simtcp_write(flow->stream, writer_slice(w), true); /* full: lost */
	else
		simnet_send(&s->host, &flow->local, &flow->remote, NULL, writer_slice(w));
}

void simturn_reply_signed(simturn *s, const simturn_flow *flow, const stun_message *request, writer *w)
{
	bool sha256_key = request->has_password_algorithm && request->password_algorithm == STUN_ALGORITHM_SHA256;
	slice key = stun_key_slice(sha256_key ? &s->sha256_key : &s->md5_key);
	if (request->has_integrity_sha256)
		stun_put_integrity_sha256(w, key);
	else
		stun_put_integrity(w, key);
	simturn_reply(s, flow, w);
}

void simturn_refuse(simturn *s, const simturn_flow *flow, const stun_message *request, unsigned code)
{
	uint8_t bytes[SIMTURN_MESSAGE_MAX];
	writer w = writer_of(bytes, sizeof bytes);
	stun_begin(&w, STUN_ERROR, request->method, &request->id);
	stun_put_error(&w, code, NULL);
	simturn_reply_signed(s, flow, request, &w);
}

/* --- Binding (RFC 8489, RFC 5780) --- */

/* The other of the two IPv4 addresses. */
static parley_addr other_ip(const simturn *s, const parley_addr *local)
{
	const simnet_interface *first = &s->host.interfaces[0], *second = &s->host.interfaces[1];
	parley_addr a = addr_equal_ip(&first->ip, local) ? second->ip : first->ip;
	a.port = local->port;
	return a;
}

static uint16_t other_port(uint16_t port)
{
	return port == SIMTURN_PORT ? SIMTURN_OTHER_PORT : SIMTURN_PORT;
}

static void bind_respond(simturn *s, simturn_flow flow, const stun_message *m)
{
	uint8_t bytes[SIMTURN_MESSAGE_MAX];
	writer w = writer_of(bytes, sizeof bytes);
	bool discovers = s->config.discovers_nats && flow.local.family == PARLEY_IPV4 && !flow.stream;
	parley_addr other = discovers ? other_ip(s, &flow.local) : flow.local;
	other.port = other_port(flow.local.port);
	stun_begin(&w, STUN_SUCCESS, STUN_BINDING, &m->id);
	stun_put_xor_address(&w, STUN_ATTR_XOR_MAPPED_ADDRESS, &flow.remote);
	if (discovers && m->has_change_request) {
		if (m->change_request & STUN_CHANGE_IP)
			flow.local = other_ip(s, &flow.local);
		if (m->change_request & STUN_CHANGE_PORT)
			flow.local.port = other_port(flow.local.port);
	}
	if (discovers) {
		stun_put_address(&w, STUN_ATTR_RESPONSE_ORIGIN, &flow.local);
		stun_put_address(&w, STUN_ATTR_OTHER_ADDRESS, &other);
	}
	stun_put_fingerprint(&w);
	simturn_reply(s, &flow, &w);
}

/* --- credentials (RFC 8489 9.2.4) --- */

static uint64_t nonce_lifetime(const simturn *s)
{
	return s->config.nonce_lifetime_us ? s->config.nonce_lifetime_us : NONCE_DEFAULT_US;
}

/* Says when it was made. An attacker could make his own: there is none here. */
static void print_nonce(const simturn *s, char out[NONCE_MAX])
{
	snprintf(out, NONCE_MAX, "%s%llu-%llu", s->config.sha256 ? NONCE_COOKIE NONCE_FEATURES : "",
		 (unsigned long long)s->epoch, (unsigned long long)s->host.net->now);
}

static bool nonce_is_fresh(const simturn *s, slice nonce)
{
	char textual[NONCE_MAX + 1] = "", *end;
	size_t prefix = s->config.sha256 ? sizeof NONCE_COOKIE NONCE_FEATURES - 1 : 0;
	if (nonce.len <= prefix || nonce.len > NONCE_MAX)
		return false;
	memcpy(textual, nonce.data + prefix, nonce.len - prefix);
	uint64_t epoch = strtoull(textual, &end, 10), made = *end == '-' ? strtoull(end + 1, NULL, 10) : 0;
	return epoch == s->epoch && made + nonce_lifetime(s) > s->host.net->now;
}

static void challenge(simturn *s, const simturn_flow *flow, const stun_message *m, unsigned code)
{
	uint8_t bytes[SIMTURN_MESSAGE_MAX];
	char nonce[NONCE_MAX];
	writer w = writer_of(bytes, sizeof bytes);
	print_nonce(s, nonce);
	stun_begin(&w, STUN_ERROR, m->method, &m->id);
	stun_put_error(&w, code, NULL);
	stun_put_bytes(&w, STUN_ATTR_REALM, slice_from_string(s->config.realm));
	stun_put_bytes(&w, STUN_ATTR_NONCE, slice_from_string(nonce));
	if (s->config.sha256)
		stun_put_bytes(&w, STUN_ATTR_PASSWORD_ALGORITHMS, slice_of(algorithms, sizeof algorithms));
	simturn_reply(s, flow, &w);
}

static bool names_user(const simturn *s, const stun_message *m)
{
	if (m->has_userhash)
		return slice_equal(m->userhash, slice_of(s->userhash, sizeof s->userhash));
	return m->has_username && slice_equal_string(m->username, s->config.username);
}

/* Says what is wrong with the form of a request that has integrity; NULL: nothing. */
static const char *malformed_credentials(const simturn *s, const stun_message *m)
{
	if ((!m->has_username && !m->has_userhash) || !m->has_realm || !m->has_nonce)
		return "integrity without user, realm or nonce";
	if (!s->config.sha256)
		return m->has_password_algorithms || m->has_password_algorithm || m->has_userhash
			       ? "algorithms or USERHASH that were not offered"
			       : NULL;
	if (!m->has_password_algorithms || !m->has_password_algorithm ||
	    !slice_equal(m->password_algorithms, slice_of(algorithms, sizeof algorithms)))
		return "the nonce announces password algorithms, the request does not repeat them";
	if (!m->has_userhash)
		return "the nonce announces USERHASH, the request has USERNAME";
	if (!m->has_integrity_sha256)
		return "MESSAGE-INTEGRITY-SHA256 was offered and not used";
	return NULL;
}

/* True: it is authentic. Else it has been answered. */
static bool authenticate(simturn *s, const simturn_flow *flow, const stun_message *m)
{
	if (!m->has_integrity && !m->has_integrity_sha256) {
		s->count.challenges++;
		challenge(s, flow, m, STUN_UNAUTHENTICATED);
		return false;
	}
	const char *malformed = malformed_credentials(s, m);
	if (malformed) {
		simturn_violation(s, flow, "%s: %s", stun_method_name(m->method), malformed);
		simturn_refuse(s, flow, m, STUN_BAD_REQUEST);
		return false;
	}
	bool sha256_key = m->has_password_algorithm && m->password_algorithm == STUN_ALGORITHM_SHA256;
	if (!names_user(s, m) || stun_check_integrity(m, stun_key_slice(sha256_key ? &s->sha256_key : &s->md5_key))) {
		s->count.wrong_passwords++;
		challenge(s, flow, m, STUN_UNAUTHENTICATED);
		return false;
	}
	if (!nonce_is_fresh(s, m->nonce)) {
		s->count.stale_nonces++;
		challenge(s, flow, m, STUN_STALE_NONCE);
		return false;
	}
	return true;
}

/* --- in --- */

/* Each request is sent a few times at most, with the same bytes, and on a stream once (RFC 8489 6.2). */
static void judge_sendings(simturn *s, const simturn_flow *flow, const stun_message *m)
{
	uint32_t hash = crc32_ieee(slice_of(m->id.bytes, sizeof m->id.bytes)) ^ addr_hash(&flow->remote);
	uint32_t content = crc32_ieee(m->raw);
	simturn_recent *r = NULL;
	for (size_t i = 0; i < SIMTURN_RECENT && !r; i++)
		if (s->recent[i].sendings && s->recent[i].hash == hash)
			r = &s->recent[i];
	if (!r) {
		r = &s->recent[s->next_recent++ % SIMTURN_RECENT];
		*r = (simturn_recent){.hash = hash, .content = content};
	}
	if (r->content != content)
		simturn_violation(s, flow, "a transaction id was used for another request");
	if (++r->sendings > (flow->stream ? 1 : SENDINGS_MAX))
		simturn_violation(s, flow, "%s was sent %u times", stun_method_name(m->method), r->sendings);
}

static void take_request(simturn *s, const simturn_flow *flow, const stun_message *m)
{
	judge_sendings(s, flow, m);
	if (m->unknown_count) {
		uint8_t bytes[SIMTURN_MESSAGE_MAX];
		writer w = writer_of(bytes, sizeof bytes);
		simturn_violation(s, flow, "attribute %04x is not known here", m->unknown[0]);
		stun_begin(&w, STUN_ERROR, m->method, &m->id);
		stun_put_error(&w, STUN_UNKNOWN_ATTRIBUTE, NULL);
		stun_put_unknown(&w, m);
		simturn_reply(s, flow, &w);
	} else if (m->method == STUN_BINDING) {
		s->count.bindings++;
		bind_respond(s, *flow, m);
	} else if (s->config.username && authenticate(s, flow, m)) {
		simturn_request(s, flow, m);
	}
}

static void take_message(simturn *s, const simturn_flow *flow, slice bytes)
{
	stun_message m;
	if (stun_is_channel_data(bytes)) {
		simturn_channel_data(s, flow, bytes);
		return;
	}
	if (!stun_is_message(bytes) || stun_parse(bytes, &m) || (m.has_fingerprint && !stun_check_fingerprint(&m)))
		simturn_violation(s, flow, "%zu bytes that are no STUN message", bytes.len);
	else if (m.class == STUN_REQUEST)
		take_request(s, flow, &m);
	else if (m.class == STUN_INDICATION && m.method == STUN_SEND)
		simturn_send_indication(s, flow, &m);
	else if (m.class != STUN_INDICATION || m.method != STUN_BINDING) /* that one keeps the NAT's binding */
		simturn_violation(s, flow, "%s %s to a server", stun_method_name(m.method), stun_class_name(m.class));
}

static bool listens(const simturn *s, uint16_t port)
{
	return port == SIMTURN_PORT || (s->config.discovers_nats && port == SIMTURN_OTHER_PORT);
}

static void server_receive(simnet_host *host, const parley_addr *to, const parley_addr *from, slice datagram)
{
	simturn *s = host->self;
	simturn_flow flow = {.local = *to, .remote = *from};
	simturn_allocation *a = simturn_find_relayed(s, to);
	if (a)
		simturn_from_peer(s, a, from, datagram);
	else if (listens(s, to->port))
		take_message(s, &flow, datagram);
}

static bool server_accept(simnet_host *host, simtcp_connection *c)
{
	const simturn *s = host->self;
	bool tls = c->local.port == SIMTURN_TLS_PORT || c->local.port == SIMTURN_HTTPS_PORT;
	if (!s->config.username || (c->local.port != SIMTURN_PORT && !tls))
		return false;
	if (tls)
		simtcp_serve_tls(c, s->config.name);
	c->user = calloc(1, sizeof(simturn_input));
	assert_non_null(c->user);
	return true;
}

static void server_stream_receive(simnet_host *host, simtcp_connection *c, slice bytes)
{
	simturn *s = host->self;
	simturn_input *in = c->user;
	simturn_flow flow = {.local = c->local, .remote = c->remote, .stream = c};
	assert_true(in->len + bytes.len <= sizeof in->bytes);
	memcpy(in->bytes + in->len, bytes.data, bytes.len);
	in->len += bytes.len;
	for (;;) {
		int unit = stun_stream_unit(slice_of(in->bytes, in->len));
		if (unit < 0)
			simturn_violation(s, &flow, "a stream that is neither STUN nor ChannelData");
		if (unit < 0 || unit == 0 || (size_t)unit > in->len)
			return;
		take_message(s, &flow, slice_of(in->bytes, (size_t)unit));
		in->len -= (size_t)unit;
		memmove(in->bytes, in->bytes + unit, in->len);
	}
}

/* RFC 8656 7.1: the allocation ends with the client's connection. */
static void server_stream_closed(simnet_host *host, simtcp_connection *c, int error)
{
	simturn *s = host->self;
	simturn_flow flow = {.local = c->local, .remote = c->remote, .stream = c};
	simturn_allocation *a = simturn_find(s, &flow);
	(void)error;
	if (a)
		simturn_free(a);
	free(c->user);
	c->user = NULL;
}

static void server_clear(simnet_host *host)
{
	forget_allocations(host->self);
	forget_streams(host->self);
}

static const simnet_host_ops server_ops = {
	.receive = server_receive,
	.stream_accept = server_accept,
	.stream_receive = server_stream_receive,
	.stream_closed = server_stream_closed,
	.clear = server_clear,
};
