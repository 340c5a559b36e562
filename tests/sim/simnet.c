#include "tests/sim/simnet.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/crc.h"
#include "tests/sim/simtcp.h"
#include "tests/support/test.h"
#include "tests/support/virtual_openssl.h"

#define TURNS_MAX 4u
#define HOPS_MAX 16u
#define DIGESTED_MAX 32u /* bytes of a packet: transaction ids, sequence numbers */

typedef struct {
	list_node node;
	uint64_t time;
	void (*call)(simnet *net, void *context);
	void *context;
} later_call;

void simnet_init(simnet *net, uint64_t seed, const simnet_path *path)
{
	*net = (simnet){.now = SIMNET_EPOCH, .path = *path};
	rng_seeded_init(&net->rng, seed);
	list_init(&net->flying);
	list_init(&net->later);
	virtual_openssl_begin(seed);
	virtual_openssl_set_now(net->now);
}

void simnet_clear(simnet *net)
{
	for (size_t i = 0; i < net->host_count; i++) {
		if (net->hosts[i]->ops->clear)
			net->hosts[i]->ops->clear(net->hosts[i]);
		simtcp_clear(net->hosts[i]);
	}
	for (size_t i = 0; i < net->box_count; i++)
		nat_clear(&net->boxes[i].nat);
	for (list_node *n; (n = list_pop(&net->flying));)
		free(LIST_ENTRY(n, simnet_packet, node));
	for (list_node *n; (n = list_pop(&net->later));) {
		later_call *later = LIST_ENTRY(n, later_call, node);
		free(later->context);
		free(later);
	}
	virtual_openssl_end();
}

static void digest(simnet *net, const void *bytes, size_t len)
{
	const uint8_t *b = bytes;
	for (size_t i = 0; i < len; i++) /* FNV-1a */
		net->trace_hash = (net->trace_hash ^ b[i]) * UINT64_C(0x100000001b3);
}

void simnet_trace(simnet *net, const char *format, ...)
{
	char line[512];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	digest(net, line, n < (int)sizeof line ? (size_t)n : sizeof line);
	if (net->trace)
		fprintf(net->trace, "%10.6f %s\n", (double)(net->now - SIMNET_EPOCH) / 1e6, line);
}

/* As simnet_trace, but text is made only where somebody reads it: packets are most of what happens. */
static void trace_packet(simnet *net, const char *who, const char *what, const simnet_packet *p)
{
	char from[ADDR_TEXT_MAX], to[ADDR_TEXT_MAX];
	digest(net, &net->now, sizeof net->now);
	digest(net, what, 1);
	digest(net, &p->len, sizeof p->len);
	digest(net, p->data, p->len < DIGESTED_MAX ? p->len : DIGESTED_MAX);
	digest(net, &p->from.port, sizeof p->from.port);
	digest(net, &p->to.port, sizeof p->to.port);
	if (net->trace)
		fprintf(net->trace, "%10.6f %s %s %zu bytes, crc %08x, %s to %s\n",
			(double)(net->now - SIMNET_EPOCH) / 1e6, who, what, p->len,
			crc32_ieee(slice_of(p->data, p->len)), addr_print(&p->from, from), addr_print(&p->to, to));
}

simnet_box *simnet_add_box(simnet *net, const nat_config *config, simnet_box *outer, const parley_addr *outside,
			   const simnet_path *path)
{
	assert_true(net->box_count < SIMNET_BOXES_MAX);
	simnet_box *box = &net->boxes[net->box_count++];
	*box = (simnet_box){.outer = outer, .path = *path};
	nat_init(&box->nat, config, outside, &net->rng);
	return box;
}

void simnet_add_host(simnet *net, simnet_host *host, const char *name, const simnet_host_ops *ops, void *self)
{
	assert_true(net->host_count < SIMNET_HOSTS_MAX);
	host->net = net;
	host->ops = ops;
	host->self = self;
	snprintf(host->name, sizeof host->name, "%s", name);
	simtcp_init(host);
	host->due_is_stale = true;
	net->hosts[net->host_count++] = host;
}

void simnet_add_name(simnet *net, const char *name, const parley_addr *address)
{
	assert_true(net->name_count < SIMNET_NAMES_MAX);
	net->names[net->name_count].name = name;
	net->names[net->name_count++].address = *address;
}

simnet_interface *simnet_interface_of(simnet_host *host, const parley_addr *ip)
{
	for (size_t i = 0; i < host->interface_count; i++)
		if (addr_equal_ip(&host->interfaces[i].ip, ip))
			return &host->interfaces[i];
	return NULL;
}

void simnet_after(simnet *net, uint64_t delay_us, void (*call)(simnet *net, void *context), void *context)
{
	later_call *later = malloc(sizeof *later);
	assert_non_null(later);
	*later = (later_call){.time = net->now + delay_us, .call = call, .context = context};
	list_node *at = &net->later;
	while (at->prev != &net->later && LIST_ENTRY(at->prev, later_call, node)->time > later->time)
		at = at->prev;
	list_insert_before(at, &later->node);
}

/* --- a hop --- */

static bool chance(simnet *net, unsigned per_mille)
{
	return rng_seeded_below(&net->rng, 1000) < per_mille;
}

static uint64_t flight_time(simnet *net, const simnet_path *path)
{
	uint64_t t = path->delay_us;
	if (path->jitter_us)
		t += rng_seeded_below(&net->rng, path->jitter_us);
	if (path->delay_us && chance(net, path->reorder))
		t += rng_seeded_below(&net->rng, path->delay_us);
	return t;
}

/* Takes p over. */
static void launch(simnet *net, const simnet_path *path, simnet_packet *p)
{
	p->time = net->now + flight_time(net, path);
	/* TCP has a checksum, too: to its user, a damaged segment is a lost one. */
	if (p->len && chance(net, path->corrupt) && p->from.transport == PARLEY_UDP)
		p->data[rng_seeded_below(&net->rng, p->len)] ^= (uint8_t)(1u << rng_seeded_below(&net->rng, 8));
	list_node *at = &net->flying;
	while (at->prev != &net->flying && LIST_ENTRY(at->prev, simnet_packet, node)->time > p->time)
		at = at->prev;
	list_insert_before(at, &p->node);
}

static simnet_packet *copy_of(const simnet_packet *p)
{
	simnet_packet *copy = malloc(sizeof *copy + p->len);
	assert_non_null(copy);
	memcpy(copy, p, sizeof *p + p->len);
	return copy;
}

static void lose(simnet *net, simnet_packet *p, const char *why)
{
	net->lost++;
	trace_packet(net, " lost,", why, p);
	free(p);
}

static void hop(simnet *net, const simnet_path *path, simnet_packet *p)
{
	if (path->cut || (path->mtu && p->len > path->mtu) || chance(net, path->loss)) {
		lose(net, p, "on the path");
		return;
	}
	launch(net, path, p);
	if (chance(net, path->duplicate))
		launch(net, path, copy_of(p));
}

/* --- which hop --- */

static simnet_host *host_in(simnet *net, const simnet_box *realm, const parley_addr *ip)
{
	for (size_t i = 0; i < net->host_count; i++) {
		const simnet_interface *interface = simnet_interface_of(net->hosts[i], ip);
		if (interface && interface->box == realm)
			return net->hosts[i];
	}
	return NULL;
}

/* Who is reached through this box: its own address, or, where it does not translate, whoever is behind it. */
static bool is_behind(simnet *net, const simnet_box *box, const parley_addr *ip)
{
	if (box->nat.config.translates)
		return addr_equal_ip(&box->nat.outside, ip);
	if (host_in(net, box, ip))
		return true;
	for (size_t i = 0; i < net->box_count; i++)
		if (net->boxes[i].outer == box && is_behind(net, &net->boxes[i], ip))
			return true;
	return false;
}

static simnet_box *box_in(simnet *net, const simnet_box *realm, const parley_addr *ip)
{
	for (size_t i = 0; i < net->box_count; i++)
		if (net->boxes[i].outer == realm && is_behind(net, &net->boxes[i], ip))
			return &net->boxes[i];
	return NULL;
}

/* Sends p on in this realm; box: whence it came in, or NULL. */
static void route(simnet *net, simnet_box *realm, const simnet_box *from_box, simnet_packet *p)
{
	p->host = host_in(net, realm, &p->to);
	p->box = p->host ? NULL : box_in(net, realm, &p->to);
	p->inward = p->box != NULL;
	if (!p->host && !p->box)
		p->box = realm;
	if (++p->hops > HOPS_MAX || (!p->host && !p->box)) {
		lose(net, p, "nobody has that address");
	} else if (p->box && p->box == from_box && !p->box->nat.config.hairpins) {
		lose(net, p, "no hairpinning");
	} else {
		hop(net, realm ? &realm->path : &net->path, p);
	}
}

void simnet_send(simnet_host *host, const parley_addr *from, const parley_addr *to, const simnet_segment *segment,
		 slice data)
{
	simnet *net = host->net;
	const simnet_interface *interface = simnet_interface_of(host, from);
	net->packets++;
	simnet_packet *p = malloc(sizeof *p + data.len);
	assert_non_null(p);
	*p = (simnet_packet){.from = *from, .to = *to, .len = data.len};
	if (segment)
		p->segment = *segment;
	if (data.len)
		memcpy(p->data, data.data, data.len);
	trace_packet(net, host->name, "sends", p);
	host->due_is_stale = true;
	if (!interface || interface->down || host->dead || from->family != to->family)
		lose(net, p, "cannot be sent");
	else
		route(net, interface->box, NULL, p);
}

/* --- what happens --- */

static void arrive_at_host(simnet *net, simnet_packet *p)
{
	simnet_host *host = p->host;
	const simnet_interface *interface = simnet_interface_of(host, &p->to);
	if (!interface || interface->down || host->dead) {
		lose(net, p, "nobody is there");
		return;
	}
	host->due_is_stale = true;
	if (p->to.transport == PARLEY_TCP)
		simtcp_receive(host, p);
	else if (host->ops->receive)
		host->ops->receive(host, &p->to, &p->from, slice_of(p->data, p->len));
	simtcp_flush(host);
	simtcp_reap(host);
	free(p);
}

static void arrive_at_box(simnet *net, simnet_packet *p)
{
	simnet_box *box = p->box;
	bool passes = p->inward ? nat_pass_in(&box->nat, net->now, &p->from, &p->to)
				: nat_pass_out(&box->nat, net->now, &p->from, &p->to);
	if (!passes)
		lose(net, p, p->inward ? "not let in" : "not let out");
	else
		route(net, p->inward ? box : box->outer, p->inward ? NULL : box, p);
}

static void make_call(simnet *net)
{
	later_call *later = LIST_ENTRY(list_pop(&net->later), later_call, node);
	later->call(net, later->context);
	free(later->context);
	free(later);
}

static uint64_t host_deadline(const simnet_host *host)
{
	uint64_t tcp = simtcp_deadline(host);
	return host->ops->deadline ? time_min(tcp, host->ops->deadline(host)) : tcp;
}

/* A host's deadline changes only when something is done to it, which marks it. */
static uint64_t next_deadline(const simnet *net, simnet_host **earliest)
{
	uint64_t due = PARLEY_NEVER;
	for (size_t i = 0; i < net->host_count; i++) {
		simnet_host *host = net->hosts[i];
		if (host->due_is_stale)
			host->due = host_deadline(host);
		host->due_is_stale = false;
		if (host->due >= due)
			continue;
		due = host->due;
		*earliest = host;
	}
	return due;
}

/* What is due may make something else due; one that stays due would keep a loop spinning. */
static void host_timeout(simnet *net, simnet_host *host)
{
	unsigned turns = 0;
	host->due_is_stale = true;
	do {
		assert_true(turns++ < TURNS_MAX);
		simtcp_timeout(host);
		if (host->ops->timeout)
			host->ops->timeout(host);
		simtcp_flush(host);
		simtcp_reap(host);
	} while (host_deadline(host) <= net->now);
}

bool simnet_step(simnet *net, uint64_t end)
{
	simnet_host *host = NULL;
	uint64_t timer = next_deadline(net, &host);
	uint64_t packet_at =
		list_empty(&net->flying) ? PARLEY_NEVER : LIST_ENTRY(net->flying.next, simnet_packet, node)->time;
	uint64_t call_at = list_empty(&net->later) ? PARLEY_NEVER : LIST_ENTRY(net->later.next, later_call, node)->time;
	uint64_t next = time_min(timer, time_min(packet_at, call_at));
	if (next > end || next == PARLEY_NEVER)
		return false;
	if (next > net->now)
		net->now = next;
	virtual_openssl_set_now(net->now);
	if (call_at == next) {
		make_call(net);
	} else if (packet_at == next) {
		simnet_packet *p = LIST_ENTRY(list_pop(&net->flying), simnet_packet, node);
		if (p->host)
			arrive_at_host(net, p);
		else
			arrive_at_box(net, p);
	} else {
		host_timeout(net, host);
	}
	return true;
}
